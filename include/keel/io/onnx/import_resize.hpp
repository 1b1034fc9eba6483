#pragma once
/// ONNX's operators that give images another size.

#include <keel/io/onnx/import_parts.hpp>

#if KEEL_HAS_PROTOBUF

namespace keel {
inline namespace KEEL_ABI {

namespace io::onnx {

/// How an axis gets another extent: value i of the result is the sum of weights[k][i] x[places[k][i]].
struct Taps {
  std::vector<std::vector<Index>> places = {};
  std::vector<std::vector<double>> weights = {};
};

/// What a Resize says of coordinates, rounding and weights.
struct ResizeRule {
  std::string mode = {}, coordinates = {}, rounding = {};
  double cubic = -0.75;
  bool inside = false;  ///< cubic weights of places outside are 0, not those of the border

  /// Where place i of the result stands in x, whose extents are these.
  double place(Index i, Index extent, Index out, double scale) const {
    const auto at = static_cast<double>(i), in = static_cast<double>(extent), size = static_cast<double>(out);
    if (coordinates == "align_corners") return out == 1 ? 0 : at * (in - 1) / (size - 1);
    if (coordinates == "asymmetric") return at / scale;
    if (coordinates == "pytorch_half_pixel" && out == 1) return 0;
    if (coordinates == "tf_half_pixel_for_nn") return (at + 0.5) / scale;
    const double offset = coordinates == "half_pixel_symmetric" ? in / 2 * (1 - size / (scale * in)) : 0;
    return offset + (at + 0.5) / scale - 0.5;
  }
  Index rounded(double at) const {
    if (rounding == "floor") return static_cast<Index>(std::floor(at));
    if (rounding == "ceil") return static_cast<Index>(std::ceil(at));
    return static_cast<Index>(rounding == "round_prefer_ceil" ? std::floor(at + 0.5) : std::ceil(at - 0.5));
  }
  /// Keys's kernel.
  double weight(double distance) const {
    const double d = std::abs(distance), a = cubic;
    if (d <= 1) return ((a + 2) * d - (a + 3)) * d * d + 1;
    return d < 2 ? ((a * d - 5 * a) * d + 8 * a) * d - 4 * a : 0;
  }
  Taps taps(Index extent, Index out, double scale) const {
    const Index count = mode == "nearest" ? 1 : mode == "linear" ? 2 : 4;
    Taps taps;
    taps.places.assign(to_size(count), {});
    taps.weights.assign(to_size(count), {});
    for (Index i = 0; i < out; ++i) {
      const double at = place(i, extent, out, scale), below = std::floor(at);
      const Index first = count == 1 ? rounded(at) : static_cast<Index>(below) - (count == 4 ? 1 : 0);
      std::vector<double> weights;
      double sum = 0;
      for (Index k = 0; k < count; ++k) {
        const double distance = at - static_cast<double>(first + k);
        double w = count == 1 ? 1 : count == 2 ? 1 - std::abs(distance) : weight(distance);
        if (inside && count == 4 && (first + k < 0 || first + k >= extent)) w = 0;
        weights.push_back(w);
        sum += w;
      }
      for (Index k = 0; k < count; ++k) {
        nth(taps.places, k).push_back((std::clamp)(first + k, Index{0}, extent - 1));
        nth(taps.weights, k).push_back(inside && count == 4 ? nth(weights, k) / sum : nth(weights, k));
      }
    }
    return taps;
  }
};

template <class T>
ResizeRule resize_rule(const OnnxImport<T>& to, const FileNode& node) {
  const bool old = node.op == "Upsample" || to.opset() < 11;
  ResizeRule rule{.mode = text_or(node, "mode", "nearest"),
                  .coordinates = text_or(node, "coordinate_transformation_mode", old ? "asymmetric" : "half_pixel"),
                  .rounding = text_or(node, "nearest_mode", old ? "floor" : "round_prefer_floor"),
                  .cubic = number_or(node, "cubic_coeff_a", -0.75),
                  .inside = integer_or(node, "exclude_outside", 0) != 0};
  if (rule.mode == "bilinear") rule.mode = "linear";
  const auto among = [&](const std::string& name, std::initializer_list<const char*> list) {
    if (std::find(list.begin(), list.end(), name) == list.end()) to.refuse(node, "a mode that keel has", shown(name));
  };
  among(rule.mode, {"nearest", "linear", "cubic"});
  among(rule.coordinates, {"half_pixel", "pytorch_half_pixel", "asymmetric", "align_corners", "tf_half_pixel_for_nn",
                           "half_pixel_symmetric"});
  among(rule.rounding, {"round_prefer_floor", "round_prefer_ceil", "floor", "ceil"});
  if (integer_or(node, "antialias", 0) != 0) to.refuse(node, "antialias = 0", "1");
  if (text_or(node, "keep_aspect_ratio_policy", "stretch") != "stretch")
    to.refuse(node, "keep_aspect_ratio_policy stretch", "another");
  return rule;
}

/// One axis of a Resize.
struct ResizedAxis {
  Index axis = 0;  ///< of ONNX's
  double scale = 1;
  Index out = 0;
};
/// The axes that a Resize changes.
template <class T>
std::vector<ResizedAxis> resized_axes(OnnxImport<T>& to, const FileNode& node, const Imported& x) {
  const bool old = node.op == "Upsample" || to.opset() < 11;
  const auto list = [&](std::size_t i) {
    return to.has(node, i) ? to.constant(node, i).numbers : std::vector<double>();
  };
  std::vector<double> scales = list(old ? 1 : 2);
  const std::vector<double> sizes = old ? std::vector<double>() : list(3);
  if (const FileAttribute* given = node.find("scales")) scales.assign(given->numbers.begin(), given->numbers.end());
  const auto dims = to.dims(x);
  std::vector<Index> axes;
  for (Index i = 0; i < count_of(dims); ++i) axes.push_back(i);
  if (const FileAttribute* given = node.find("axes")) axes.assign(given->integers.begin(), given->integers.end());
  if (scales.empty() == sizes.empty() || (scales.empty() ? sizes : scales).size() != axes.size())
    to.refuse(node, "a scale or a size for each axis", "others");
  std::vector<ResizedAxis> resized;
  for (std::size_t i = 0; i < axes.size(); ++i) {
    const Index axis = axes[i] < 0 ? axes[i] + count_of(dims) : axes[i];
    if (axis == 0) {
      const bool same =
          scales.empty() ? batches(sizes[i]) == 1 || sizes[i] == static_cast<double>(to.batch) : scales[i] == 1;
      if (!same) to.refuse(node, "the batch as it is", "another");
      continue;
    }
    to.axis(node, x, axes[i]);
    const auto extent = static_cast<double>(nth(dims, axis));
    const double out = scales.empty() ? sizes[i] : std::floor(extent * scales[i]);
    if (!(out >= 1) || out > 0x1p30) to.refuse(node, "extents from 1 to 2^30", std::to_string(out));
    const double scale = scales.empty() ? out / extent : scales[i];
    // ONNX's reference stretches the corners over the fraction of a pixel too, ONNX Runtime and PyTorch do not
    if (out != extent * scale && scales.size() > 0 &&
        text_or(node, "coordinate_transformation_mode", "") == "align_corners")
      to.refuse(node, "scales that give whole extents with align_corners", std::to_string(extent * scale));
    if (out == extent && scale == 1) continue;
    resized.push_back({.axis = axis, .scale = scale, .out = static_cast<Index>(out)});
  }
  return resized;
}
/// Whether the pixels are those of an UpSampling2D by whole factors.
inline bool by_whole_factors(const ResizeRule& rule, const std::vector<ResizedAxis>& axes,
                             const std::vector<Index>& dims) {
  if (axes.empty() || axes.size() > 2 || rule.mode == "cubic") return false;
  for (const ResizedAxis& each : axes) {
    const Index extent = nth(dims, each.axis), factor = each.out / extent;
    if (each.axis < 2 || each.out % extent != 0 || each.scale != static_cast<double>(factor)) return false;
    if (rule.mode == "linear" && rule.coordinates != "half_pixel" &&
        !(rule.coordinates == "pytorch_half_pixel" && each.out > 1))
      return false;
    if (rule.mode == "linear") continue;
    for (Index i = 0; i < each.out; ++i) {
      const Index from = (std::clamp)(rule.rounded(rule.place(i, extent, each.out, each.scale)), Index{0}, extent - 1);
      if (from != i / factor) return false;
    }
  }
  return true;
}
/// One axis after another: the places that are read, each with its weights.
template <class T>
Imported resize_axis(OnnxImport<T>& to, const FileNode& node, const Imported& x, const ResizedAxis& axis,
                     const ResizeRule& rule) {
  const Index at = to.axis(node, x, axis.axis), rank = to.sample(x).rank();
  to.empty(node, {8, axis.out}, true);
  const Taps taps = rule.taps(to.sample(x)[at - 1], axis.out, axis.scale);
  std::vector<Index> dims(to_size(rank), 1);
  nth(dims, at - 1) = axis.out;
  std::vector<Node> parts;
  for (std::size_t k = 0; k < taps.places.size(); ++k) {
    const Node part = to.add_helper(node, Gather<T>(taps.places[k], {.axis = at}), x.node);
    if (taps.places.size() == 1) {
      parts.push_back(part);
      continue;
    }
    const FileTensor weights{.dims = dims, .numbers = taps.weights[k]};
    parts.push_back(
        to.add_helper(node, Elementwise<T>("multiply", to.values(Shape(std::span<const Index>(dims)), weights)), part));
  }
  Imported made = x;
  made.node = parts.size() == 1 ? parts[0] : to.add(node, Add<T>(), std::span<const Node>(parts));
  return made;
}
/// Resize and Upsample.
template <class T>
void import_resize(OnnxImport<T>& to, const FileNode& node) {
  Imported x = to.settled(node, to.in(node));
  if (x.constant) to.refuse(node, "a computed input", "a constant");
  const ResizeRule rule = resize_rule(to, node);
  if (x.integers && rule.mode != "nearest") to.refuse(node, "real numbers", "integers, whose results ONNX rounds");
  const std::vector<ResizedAxis> axes = resized_axes(to, node, x);
  const auto dims = to.dims(x);
  if (dims.size() == 4 && by_whole_factors(rule, axes, dims)) {
    Index factors[] = {1, 1};
    for (const ResizedAxis& each : axes) factors[each.axis - 2] = each.out / nth(dims, each.axis);
    const Interpolation between = rule.mode == "linear" ? Interpolation::bilinear : Interpolation::nearest;
    const Node made =
        to.add(node, UpSampling2D<T>(Pair(factors[0], factors[1]), {.interpolation = between}), to.images(node, x, 2));
    return to.set(node, Imported{.node = made, .images = true});
  }
  for (const ResizedAxis& each : axes) x = resize_axis(to, node, x, each, rule);
  to.set(node, std::move(x));
}

/// DepthToSpace and SpaceToDepth: pixels of a block as channels of one, and back.
template <class T>
void import_depth_to_space(OnnxImport<T>& to, const FileNode& node) {
  const Imported& x = to.in(node);
  const Index block = integer_or(node, "blocksize", 0);
  const Node from = to.images(node, x, 2);
  const Shape s = to.sample({.node = from});
  if (block < 1 || block > 1 << 10) to.refuse(node, "a blocksize from 1 to 1024", std::to_string(block));
  std::vector<Index> split, order, joined;
  if (node.op == "DepthToSpace") {
    const std::string mode = text_or(node, "mode", "DCR");
    if (mode != "DCR" && mode != "CRD") to.refuse(node, "mode DCR or CRD", shown(mode));
    if (s[2] % (block * block) != 0) to.refuse(node, "channels that blocks divide", std::to_string(s[2]));
    const Index channels = s[2] / (block * block);
    const bool depth_first = mode == "DCR";
    split = depth_first ? std::vector<Index>{s[0], s[1], block, block, channels}
                        : std::vector<Index>{s[0], s[1], channels, block, block};
    order = depth_first ? std::vector<Index>{1, 3, 2, 4, 5} : std::vector<Index>{1, 4, 2, 5, 3};
    joined = {s[0] * block, s[1] * block, channels};
  } else {
    if (s[0] % block != 0 || s[1] % block != 0) to.refuse(node, "extents that blocks divide", s.to_string());
    split = {s[0] / block, block, s[1] / block, block, s[2]};
    order = {1, 3, 2, 4, 5};
    joined = {s[0] / block, s[1] / block, s[2] * block * block};
  }
  const Node parts = to.add_helper(node, Reshape<T>(std::move(split)), from);
  const Node turned = to.add_helper(node, Permute<T>(std::move(order)), parts);
  to.set(node, Imported{.node = to.add(node, Reshape<T>(std::move(joined)), turned), .images = true});
}

}  // namespace io::onnx

}  // namespace KEEL_ABI
}  // namespace keel

#endif
