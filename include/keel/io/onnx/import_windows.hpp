#pragma once
/// ONNX's operators that slide windows over images and sequences.

#include <keel/io/onnx/import.hpp>

#if KEEL_HAS_PROTOBUF

namespace keel {
inline namespace KEEL_ABI {

namespace io::onnx {

/// Windows of one axis or two.
struct Windows {
  std::vector<Index> kernel = {}, strides = {}, dilations = {};
  std::vector<Index> before = {}, after = {};
  bool same = false;  ///< keel's Padding::same, which says more than numbers

  bool flat() const { return kernel.size() == 1; }
  Pair pair(const std::vector<Index>& list) const { return flat() ? Pair(1, list[0]) : Pair(list[0], list[1]); }
  Padding padding() const {
    const bool none = std::count(before.begin(), before.end(), 0) == count_of(before) &&
                      std::count(after.begin(), after.end(), 0) == count_of(after);
    if (same || none) return same ? Padding::same : Padding::valid;
    return fixed();
  }
  Padding fixed() const {
    return flat() ? Padding(0, 0, before[0], after[0]) : Padding(before[0], after[0], before[1], after[1]);
  }
};
/// `extents`: of the input besides the channels. `kernel`: the weights'; none for pooling.
template <class T>
Windows windows_of(OnnxImport<T>& to, const FileNode& node, const std::vector<Index>& extents,
                   const std::vector<Index>& kernel) {
  const std::size_t axes = extents.size();
  const auto list = [&](const char* name, std::size_t count, Index otherwise, Index least) {
    std::vector<Index> found = to.numbers(node, 99, name).value_or(std::vector<Index>(count, otherwise));
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
  if (dims.size() != 3 && dims.size() != 4)
    to.refuse(node, "sequences or images", "values of " + std::to_string(dims.size()) + " axes");
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
  const Padding padding = w.padding();
  if (w.flat())
    return conv_made(to, node,
                     to.add(node,
                            Conv1D<T>(filters, w.kernel[0],
                                      {.strides = w.strides[0],
                                       .padding = padding,
                                       .dilation_rate = w.dilations[0],
                                       .groups = groups,
                                       .use_bias = bias != nullptr}),
                            x),
                     permuted(kernel, {2, 1, 0}), bias);
  conv_made(to, node,
            to.add(node,
                   Conv2D<T>(filters, w.pair(w.kernel),
                             {.strides = w.pair(w.strides),
                              .padding = padding,
                              .dilation_rate = w.pair(w.dilations),
                              .groups = groups,
                              .use_bias = bias != nullptr}),
                   x),
            permuted(kernel, {2, 3, 1, 0}), bias);
}
template <class T>
void import_conv_transpose(OnnxImport<T>& to, const FileNode& node) {
  const auto extents = spatial(to, node);
  const FileTensor& kernel = conv_kernel(to, node, extents.size());
  if (text_or(node, "auto_pad", "NOTSET") != "NOTSET") to.refuse(node, "pads in numbers", "auto_pad");
  if (integer_or(node, "group", 1) != 1) to.refuse(node, "one group", "several");
  const Windows w = windows_of(to, node, extents, {kernel.dims.begin() + 2, kernel.dims.end()});
  const auto more = to.numbers(node, 99, "output_padding").value_or(std::vector<Index>(extents.size(), 0));
  if (more.size() != extents.size()) to.refuse(node, "an output_padding for each axis", std::to_string(more.size()));
  const FileTensor* const bias = conv_bias(to, node, extents.size(), kernel.dims[1]);
  const Node x = to.images(node, to.in(node), count_of(extents));
  if (w.flat())
    return conv_made(to, node,
                     to.add(node,
                            Conv1DTranspose<T>(kernel.dims[1], w.kernel[0],
                                               {.strides = w.strides[0],
                                                .padding = w.fixed(),
                                                .output_padding = more[0],
                                                .dilation_rate = w.dilations[0],
                                                .use_bias = bias != nullptr}),
                            x),
                     permuted(kernel, {2, 1, 0}), bias);
  conv_made(to, node,
            to.add(node,
                   Conv2DTranspose<T>(kernel.dims[1], w.pair(w.kernel),
                                      {.strides = w.pair(w.strides),
                                       .padding = w.fixed(),
                                       .output_padding = w.pair(more),
                                       .dilation_rate = w.pair(w.dilations),
                                       .use_bias = bias != nullptr}),
                   x),
            permuted(kernel, {2, 3, 1, 0}), bias);
}

/// MaxPool and AveragePool, of sequences and of images.
template <class T, class Flat, class FlatOptions, class Images, class ImagesOptions>
void import_pool(OnnxImport<T>& to, const FileNode& node) {
  const auto extents = spatial(to, node);
  const Windows w = windows_of(to, node, extents, {});
  if (std::count(w.dilations.begin(), w.dilations.end(), 1) != count_of(w.dilations))
    to.refuse(node, "dilations of 1", "others");
  if (to.used(node, 1)) to.refuse(node, "one output", "indices");
  const Node x = to.images(node, to.in(node), count_of(extents));
  const auto made = [&](auto options) {
    options.padding = w.padding();
    options.ceil_mode = integer_or(node, "ceil_mode", 0) != 0;
    if constexpr (requires { options.count_include_pad; })
      options.count_include_pad = integer_or(node, "count_include_pad", 0) != 0;
    return options;
  };
  if (w.flat())
    return to.set(node, Imported{.node = to.add(node, Flat(w.kernel[0], made(FlatOptions{.strides = w.strides[0]})), x),
                                 .images = true});
  const ImagesOptions options{.strides = w.pair(w.strides)};
  to.set(node, Imported{.node = to.add(node, Images(w.pair(w.kernel), made(options)), x), .images = true});
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
  else if (largest)
    made = to.add(node, GlobalMaxPool2D<T>({.keepdims = true}), x);
  else
    made = to.add(node, GlobalAveragePool2D<T>({.keepdims = true}), x);
  to.set(node, Imported{.node = made, .images = true});
}

}  // namespace io::onnx

}  // namespace KEEL_ABI
}  // namespace keel

#endif
