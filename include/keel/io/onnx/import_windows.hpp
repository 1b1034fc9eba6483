#pragma once
/// ONNX's operators that slide windows over images and sequences.

#include <keel/io/onnx/import_functions.hpp>

#if KEEL_HAS_PROTOBUF

namespace keel {
inline namespace KEEL_ABI {

namespace io::onnx {

/// Windows of one axis to three.
struct Windows {
  std::vector<Index> kernel = {}, strides = {}, dilations = {};
  std::vector<Index> before = {}, after = {};
  bool same = false;  ///< keel's Padding::same, which says more than numbers

  std::size_t axes() const { return kernel.size(); }
  static Pair pair(const std::vector<Index>& list) {
    return list.size() == 1 ? Pair(1, list[0]) : Pair(list[0], list[1]);
  }
  static Triple triple(const std::vector<Index>& list) { return {list[0], list[1], list[2]}; }
  bool dilated() const { return std::count(dilations.begin(), dilations.end(), 1) != count_of(dilations); }
  /// The mode alone, where the numbers say no more.
  std::optional<Padding::Mode> mode() const {
    const bool none = std::count(before.begin(), before.end(), 0) == count_of(before) &&
                      std::count(after.begin(), after.end(), 0) == count_of(after);
    if (same || none) return same ? Padding::Mode::same : Padding::Mode::valid;
    return std::nullopt;
  }
  Padding padding() const { return mode() ? Padding(*mode()) : fixed(); }
  Padding fixed() const {
    return axes() == 1 ? Padding(0, 0, before[0], after[0]) : Padding(before[0], after[0], before[1], after[1]);
  }
  Padding3D padding_of_volumes() const { return mode() ? Padding3D(*mode()) : fixed_of_volumes(); }
  Padding3D fixed_of_volumes() const {
    return {before[0], after[0], Padding(before[1], after[1], before[2], after[2])};
  }
};
/// `extents`: of the input besides the channels. `kernel`: the weights'; none for pooling.
template <class T>
Windows windows_of(OnnxImport<T>& to, const FileNode& node, const std::vector<Index>& extents,
                   const std::vector<Index>& kernel) {
  const std::size_t axes = extents.size();
  const auto list = [&](const char* name, std::size_t count, Index otherwise, Index least) {
    std::vector<Index> found = to.numbers(node, name).value_or(std::vector<Index>(count, otherwise));
    if (found.size() != count) to.refuse(node, std::to_string(count) + " " + name, std::to_string(found.size()));
    for (const Index each : found)
      if (each < least || each > Index{1} << 30)
        to.refuse(node, std::string(name) + " from " + std::to_string(least) + " to 2^30", std::to_string(each));
    return found;
  };
  Windows w{.kernel = kernel, .strides = list("strides", axes, 1, 1), .dilations = list("dilations", axes, 1, 1)};
  if (kernel.empty() || node.find("kernel_shape")) w.kernel = list("kernel_shape", axes, 0, 1);
  if (!kernel.empty() && w.kernel != kernel) to.refuse(node, "kernel_shape as its weights", "another");
  const auto pads = list("pads", 2 * axes, 0, 0);
  const std::string automatic = text_or(node, "auto_pad", "NOTSET");
  const bool upper = automatic == "SAME_UPPER", lower = automatic == "SAME_LOWER";
  if (!upper && !lower && automatic != "NOTSET" && automatic != "VALID")
    to.refuse(node, "auto_pad NOTSET, VALID, SAME_UPPER or SAME_LOWER", shown(automatic));
  for (std::size_t i = 0; i < axes; ++i) {
    Index before = pads[i], after = pads[axes + i];
    if (automatic == "VALID") before = after = 0;
    if (upper || lower) {
      const Index out = (extents[i] + w.strides[i] - 1) / w.strides[i];
      const Index total =
          (std::max)(Index{0}, (out - 1) * w.strides[i] + (w.kernel[i] - 1) * w.dilations[i] + 1 - extents[i]);
      before = upper ? total / 2 : total - total / 2;
      after = total - before;
    }
    w.before.push_back(before);
    w.after.push_back(after);
  }
  w.same = upper && integer_or(node, "count_include_pad", 0) == 0;
  return w;
}
/// The extents of images and sequences in ONNX's order, without batch and channels.
template <class T>
std::vector<Index> spatial(OnnxImport<T>& to, const FileNode& node) {
  const Imported& x = to.in(node);
  if (x.constant) to.refuse(node, "a computed input", "a constant");
  const auto dims = to.dims(x);
  if (dims.size() < 3 || dims.size() > 5)
    to.refuse(node, "sequences, images or volumes", "values of " + std::to_string(dims.size()) + " axes");
  return {dims.begin() + 2, dims.end()};
}
/// The bias of a convolution: its own, or that of an Add behind it.
template <class T>
const FileTensor* conv_bias(OnnxImport<T>& to, const FileNode& node, std::size_t axes, Index filters) {
  if (to.has(node, 2)) {
    if (to.constant(node, 2).dims != std::vector<Index>{filters})
      to.refuse(node, "a bias of " + std::to_string(filters) + " values", "another");
    return &to.constant(node, 2);
  }
  const FileNode* const next = to.constant_follower(node, "Add");
  if (!next) return nullptr;
  const FileTensor& other = to.other_constant(*next, node.outputs[0]);
  const std::size_t rank = other.dims.size();
  if (rank <= axes || rank > axes + 2 || other.numbers.size() != to_size(filters) ||
      other.dims[rank - axes - 1] != filters)
    return nullptr;
  to.done.insert(next);
  return &other;
}
template <class T>
void conv_made(OnnxImport<T>& to, const FileNode& node, Node made, const FileTensor& kernel, const FileTensor* bias) {
  to.weigh(node, "kernel", kernel);
  if (bias) to.weigh(node, "bias", *bias);
  const Imported result{.node = made, .images = true};
  const FileNode* const next = bias && !to.has(node, 2) ? to.constant_follower(node, "Add") : nullptr;
  to.set(node, result);
  if (next) to.set(*next, result);
}
/// The weights of a convolution: their axes, all above 0.
template <class T>
const FileTensor& conv_kernel(OnnxImport<T>& to, const FileNode& node, std::size_t axes) {
  const FileTensor& kernel = to.constant(node, 1);
  if (kernel.dims.size() != axes + 2 || kernel.numbers.empty())
    to.refuse(node, "weights of " + std::to_string(axes + 2) + " axes", std::to_string(kernel.dims.size()));
  return kernel;
}

template <class T>
void import_conv(OnnxImport<T>& to, const FileNode& node) {
  const auto extents = spatial(to, node);
  const FileTensor& kernel = conv_kernel(to, node, extents.size());
  const Windows w = windows_of(to, node, extents, {kernel.dims.begin() + 2, kernel.dims.end()});
  const Index groups = integer_or(node, "group", 1), filters = kernel.dims[0], channels = to.dims(to.in(node))[1];
  if (groups < 1 || groups > channels || channels % groups != 0 || channels / groups != kernel.dims[1])
    to.refuse(node, "weights for " + std::to_string(channels) + " channels in groups",
              std::to_string(kernel.dims[1]) + " and " + std::to_string(groups) + " groups");
  const FileTensor* const bias = conv_bias(to, node, extents.size(), filters);
  const Node x = to.images(node, to.in(node), count_of(extents));
  const bool with_bias = bias != nullptr;
  if (w.axes() == 1)
    return conv_made(to, node,
                     to.add(node,
                            Conv1D<T>(filters, w.kernel[0],
                                      {.strides = w.strides[0],
                                       .padding = w.padding(),
                                       .dilation_rate = w.dilations[0],
                                       .groups = groups,
                                       .use_bias = with_bias}),
                            x),
                     permuted(kernel, {2, 1, 0}), bias);
  if (w.axes() == 3)
    return conv_made(to, node,
                     to.add(node,
                            Conv3D<T>(filters, w.triple(w.kernel),
                                      {.strides = w.triple(w.strides),
                                       .padding = w.padding_of_volumes(),
                                       .dilation_rate = w.triple(w.dilations),
                                       .groups = groups,
                                       .use_bias = with_bias}),
                            x),
                     permuted(kernel, {2, 3, 4, 1, 0}), bias);
  conv_made(to, node,
            to.add(node,
                   Conv2D<T>(filters, w.pair(w.kernel),
                             {.strides = w.pair(w.strides),
                              .padding = w.padding(),
                              .dilation_rate = w.pair(w.dilations),
                              .groups = groups,
                              .use_bias = with_bias}),
                   x),
            permuted(kernel, {2, 3, 1, 0}), bias);
}

/// The padding of a transposed convolution that is given the output's extents, or padded to `strides` times the
/// input's: what the windows reach beyond them, the odd half in front unless SAME_UPPER. `more`: its output_padding,
/// which grows where they do not reach as far.
template <class T>
void pad_transposed(OnnxImport<T>& to, const FileNode& node, const std::vector<Index>& extents, Windows& w,
                    std::vector<Index>& more) {
  const std::string automatic = text_or(node, "auto_pad", "NOTSET");
  const bool same = automatic.starts_with("SAME");
  std::optional<std::vector<Index>> asked = to.numbers(node, "output_shape");
  if (asked && asked->size() == extents.size() + 2) asked->erase(asked->begin(), asked->begin() + 2);
  if (asked && asked->size() != extents.size())
    to.refuse(node, "an extent of the output for each axis", std::to_string(asked->size()));
  if (!asked && !same) return;
  for (std::size_t i = 0; i < extents.size(); ++i) {
    const Index full = w.strides[i] * (extents[i] - 1) + (w.kernel[i] - 1) * w.dilations[i] + 1 + more[i];
    const Index out = asked ? (*asked)[i] : extents[i] * w.strides[i], total = full - out;
    if (out < 1 || out > Index{1} << 40) to.refuse(node, "an output of 1 value or more", std::to_string(out));
    w.before[i] = total < 0 ? 0 : automatic == "SAME_UPPER" ? total / 2 : total - total / 2;
    w.after[i] = total < 0 ? 0 : total - w.before[i];
    if (total < 0) more[i] -= total;
  }
}
template <class T>
void import_conv_transpose(OnnxImport<T>& to, const FileNode& node) {
  const auto extents = spatial(to, node);
  const FileTensor& kernel = conv_kernel(to, node, extents.size());
  Windows w = windows_of(to, node, extents, {kernel.dims.begin() + 2, kernel.dims.end()});
  auto more = to.numbers(node, "output_padding").value_or(std::vector<Index>(extents.size(), 0));
  if (more.size() != extents.size()) to.refuse(node, "an output_padding for each axis", std::to_string(more.size()));
  for (const Index each : more)
    if (each < 0 || each > Index{1} << 20) to.refuse(node, "output_padding from 0 to 2^20", std::to_string(each));
  pad_transposed(to, node, extents, w, more);
  const Index groups = integer_or(node, "group", 1), channels = to.dims(to.in(node))[1], most = Index{1} << 31;
  if (groups < 1 || kernel.dims[0] != channels || channels % groups != 0 || kernel.dims[1] > most / groups)
    to.refuse(node, "weights for " + std::to_string(channels) + " channels in groups",
              std::to_string(kernel.dims[0]) + " and " + std::to_string(groups) + " groups");
  const Index filters = kernel.dims[1] * groups;
  const FileTensor* const bias = conv_bias(to, node, extents.size(), filters);
  const Node x = to.images(node, to.in(node), count_of(extents));
  if (w.axes() == 1)
    return conv_made(to, node,
                     to.add(node,
                            Conv1DTranspose<T>(filters, w.kernel[0],
                                               {.strides = w.strides[0],
                                                .padding = w.fixed(),
                                                .output_padding = more[0],
                                                .dilation_rate = w.dilations[0],
                                                .groups = groups,
                                                .use_bias = bias != nullptr}),
                            x),
                     permuted(kernel, {2, 1, 0}), bias);
  if (w.axes() == 3)
    return conv_made(to, node,
                     to.add(node,
                            Conv3DTranspose<T>(filters, w.triple(w.kernel),
                                               {.strides = w.triple(w.strides),
                                                .padding = w.fixed_of_volumes(),
                                                .output_padding = w.triple(more),
                                                .dilation_rate = w.triple(w.dilations),
                                                .groups = groups,
                                                .use_bias = bias != nullptr}),
                            x),
                     permuted(kernel, {2, 3, 4, 1, 0}), bias);
  conv_made(to, node,
            to.add(node,
                   Conv2DTranspose<T>(filters, w.pair(w.kernel),
                                      {.strides = w.pair(w.strides),
                                       .padding = w.fixed(),
                                       .output_padding = w.pair(more),
                                       .dilation_rate = w.pair(w.dilations),
                                       .groups = groups,
                                       .use_bias = bias != nullptr}),
                   x),
            permuted(kernel, {2, 3, 1, 0}), bias);
}

/// The windows of dilated pooling along an axis.
struct DilatedWindows {
  Index in, out, kernel, stride, dilation, before, after;

  Index cell(Index window, Index k) const { return window * stride + k * dilation - before; }
  bool inside(Index at) const { return at >= 0 && at < in; }
};
template <class T>
DilatedWindows dilated_windows(OnnxImport<T>& to, const FileNode& node, const Windows& w, std::size_t axis, Index in) {
  DilatedWindows made{.in = in,
                      .out = 0,
                      .kernel = w.kernel[axis],
                      .stride = w.strides[axis],
                      .dilation = w.dilations[axis],
                      .before = w.before[axis],
                      .after = w.after[axis]};
  if (made.kernel > 64) to.refuse(node, "dilated windows of at most 64 cells an axis", std::to_string(made.kernel));
  const bool ceil = integer_or(node, "ceil_mode", 0) != 0;
  const Index reach = (made.kernel - 1) * made.dilation + 1;
  const Index room = in + made.before + made.after - reach + (ceil ? made.stride - 1 : 0);
  if (in < 1 || room < 0) to.refuse(node, "windows no larger than the input and its padding", "larger ones");
  made.out = room / made.stride + 1;
  if (ceil && (made.out - 1) * made.stride >= in + made.before) --made.out;
  for (Index o = 0; o < made.out; ++o) {
    bool holds = false;
    for (Index k = 0; k < made.kernel; ++k) holds = holds || made.inside(made.cell(o, k));
    if (!holds) to.refuse(node, "windows with a cell of the input", "one in the padding");
  }
  return made;
}
/// Pooling with dilations, which keel's layers do not have: axis by axis, the cells of all windows as values of their
/// own.
template <class T>
Imported dilated_pool(OnnxImport<T>& to, const FileNode& node, Node x, const std::vector<Index>& extents,
                      const Windows& w) {
  const bool largest = node.op == "MaxPool", include = integer_or(node, "count_include_pad", 0) != 0;
  std::vector<Index> outs{1, 1};
  FileTensor shares{.numbers = {1.0}};  // 1 / the cells of each window
  for (std::size_t i = 0; i < w.axes(); ++i) {
    const DilatedWindows windows = dilated_windows(to, node, w, i, extents[i]);
    const Index axis = static_cast<Index>(i) + 1;
    std::vector<double> all;
    for (const double share : shares.numbers)
      for (Index o = 0; o < windows.out; ++o) {
        Index counted = 0;
        for (Index k = 0; k < windows.kernel; ++k) {
          const Index at = windows.cell(o, k);
          counted += (include ? at < windows.in + windows.after : windows.inside(at)) ? 1 : 0;
        }
        all.push_back(share / static_cast<double>(counted));
      }
    shares.numbers = std::move(all);
    outs.push_back(windows.out);
    if (!largest) {
      std::vector<Index> sides(to_size(2 * count_of(extents) + 2), 0);
      sides[2 * i] = windows.before;
      sides[2 * i + 1] = windows.cell(windows.out - 1, windows.kernel - 1) + 1 - windows.in;
      x = to.add_helper(node, Pad<T>(std::move(sides)), x);
    }
    std::vector<Node> cells;
    for (Index k = 0; k < windows.kernel; ++k) {
      std::vector<Index> places;
      for (Index o = 0; o < windows.out; ++o) {
        Index at = windows.cell(o, k);  // one in the padding is no larger than another of its window
        for (Index other = 0; largest && !windows.inside(at); ++other) at = windows.cell(o, other);
        places.push_back(largest ? at : at + windows.before);
      }
      cells.push_back(to.add_helper(node, Gather<T>(std::move(places), {.axis = axis}), x));
    }
    x = cells[0];
    if (cells.size() > 1 && largest) x = to.add(node, Maximum<T>(), std::span<const Node>(cells));
    if (cells.size() > 1 && !largest) x = to.add(node, Add<T>(), std::span<const Node>(cells));
  }
  Imported made{.node = x, .images = true};
  if (largest) return made;
  shares.dims = std::move(outs);
  return function_of(to, node, "multiply", {made, constant_value(std::move(shares))});
}
/// MaxPool and AveragePool of sequences, images and volumes.
template <class T, class Flat, class FlatOptions, class Images, class ImagesOptions, class Volumes,
          class VolumesOptions>
void import_pool(OnnxImport<T>& to, const FileNode& node) {
  const auto extents = spatial(to, node);
  const Windows w = windows_of(to, node, extents, {});
  if (to.used(node, 1)) to.refuse(node, "one output", "indices");
  const bool integers = to.in(node).integers;
  const Node x = to.images(node, to.in(node), count_of(extents));
  if (w.dilated()) {
    Imported dilated = dilated_pool(to, node, x, extents, w);
    dilated.integers = integers;
    return to.set(node, std::move(dilated));
  }
  const auto made = [&](auto options, const auto& padding) {
    options.padding = padding;
    options.ceil_mode = integer_or(node, "ceil_mode", 0) != 0;
    if constexpr (requires { options.count_include_pad; })
      options.count_include_pad = integer_or(node, "count_include_pad", 0) != 0;
    return options;
  };
  Imported pooled{.images = true, .integers = integers};
  if (w.axes() == 1)
    pooled.node = to.add(node, Flat(w.kernel[0], made(FlatOptions{.strides = w.strides[0]}, w.padding())), x);
  else if (w.axes() == 2)
    pooled.node =
        to.add(node, Images(w.pair(w.kernel), made(ImagesOptions{.strides = w.pair(w.strides)}, w.padding())), x);
  else
    pooled.node = to.add(
        node, Volumes(w.triple(w.kernel), made(VolumesOptions{.strides = w.triple(w.strides)}, w.padding_of_volumes())),
        x);
  to.set(node, std::move(pooled));
}
/// GlobalAveragePool and GlobalMaxPool: the other extents stay as 1.
template <class T>
void import_global_pool(OnnxImport<T>& to, const FileNode& node) {
  const auto extents = spatial(to, node);
  const Node x = to.images(node, to.in(node), count_of(extents));
  const bool largest = node.op == "GlobalMaxPool";
  Node made;
  if (extents.size() == 1)
    made = to.add(node, Reduce<T>(largest ? "max" : "mean", {.axes = 1, .keepdims = true}), x);
  else if (extents.size() == 2 && largest)
    made = to.add(node, GlobalMaxPool2D<T>({.keepdims = true}), x);
  else if (extents.size() == 2)
    made = to.add(node, GlobalAveragePool2D<T>({.keepdims = true}), x);
  else if (largest)
    made = to.add(node, GlobalMaxPool3D<T>({.keepdims = true}), x);
  else
    made = to.add(node, GlobalAveragePool3D<T>({.keepdims = true}), x);
  to.set(node, Imported{.node = made, .images = true});
}

}  // namespace io::onnx

}  // namespace KEEL_ABI
}  // namespace keel

#endif
