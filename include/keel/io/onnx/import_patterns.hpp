#pragma once
/// Patterns of ONNX's nodes as one layer.

#include <keel/io/onnx/import_activations.hpp>
#include <keel/io/onnx/import_norms.hpp>

#if KEEL_HAS_PROTOBUF

namespace keel {
inline namespace KEEL_ABI {

namespace io::onnx {

/// A constant as the parameter of a norm along neighbouring axes of a sample: all their extents, and 1 on others.
template <class T>
std::optional<FileTensor> along_axes(OnnxImport<T>& to, const FileNode& node, const FileTensor& constant,
                                     const Imported& x, const std::vector<Index>& axes) {
  const std::size_t rank = to.dims(x).size();
  if (constant.dims.size() > rank) return std::nullopt;
  const std::size_t missing = rank - constant.dims.size(), batch = to_size(x.batch.axis);
  if (batch >= missing && constant.dims[batch - missing] != 1) return std::nullopt;
  FileTensor made = sample_constant(to, node, constant, rank, x.images, x.batch);
  made.dims.insert(made.dims.begin(), rank - 1 - made.dims.size(), 1);
  std::vector<Index> extents;
  for (Index i = 0; i < count_of(made.dims); ++i) {
    const bool along = std::find(axes.begin(), axes.end(), i + 1) != axes.end();
    if (nth(made.dims, i) != (along ? to.sample(x)[i] : 1)) return std::nullopt;
    if (along) extents.push_back(nth(made.dims, i));
  }
  made.dims = std::move(extents);
  return made;
}
/// LayerNormalization, and RMSNormalization if it has a scale.
template <class T>
bool norm_pattern(OnnxImport<T>& to, const FileNode& node) {
  const Imported& x = to.any(node);
  if (x.constant || x.features.rank() > 0 || x.batch.inside() > 0 || x.batch.axis < 0) return false;
  const Index rank = count_of(to.dims(x));
  std::vector<Index> axes;
  for (const std::int64_t each : node.find("axes")->integers) {
    const Index axis = each < 0 ? each + rank : each;
    if (axis < 0 || axis >= rank || axis == x.batch.axis) return false;
    axes.push_back(to.axis(node, x, axis));
  }
  std::sort(axes.begin(), axes.end());
  for (std::size_t i = 1; i < axes.size(); ++i)
    if (axes[i] != axes[i - 1] + 1) return false;
  std::vector<FileTensor> weights;
  for (std::size_t i = 1; i < node.inputs.size(); ++i) {
    std::optional<FileTensor> each = along_axes(to, node, to.constant(node, i), x, axes);
    if (!each) return false;
    weights.push_back(std::move(*each));
  }
  const double epsilon = number_or(node, "epsilon", 0);
  if (node.op == "RMSNormalization") {
    if (weights.empty()) return false;
    const Node made = to.add(node, RMSNorm<T>({.axis = axes, .epsilon = epsilon}), x.node);
    to.weigh(node, "scale", weights[0]);
    to.set(node, made, x);
    return true;
  }
  const LayerNormOptions options{
      .axis = axes, .epsilon = epsilon, .center = weights.size() == 2, .scale = !weights.empty()};
  const Node made = to.add(node, LayerNorm<T>(options), x.node);
  if (!weights.empty()) to.weigh(node, "gamma", weights[0]);
  if (weights.size() == 2) to.weigh(node, "beta", weights[1]);
  to.set(node, made, x);
  return true;
}
/// Whether a Reshape's extents are those of x.
template <class T>
bool keeps_extents(const OnnxImport<T>& to, const Imported& x, const FileTensor& shape) {
  const std::vector<Index> dims = to.dims(x);
  if (shape.numbers.size() != dims.size()) return false;
  int open = 0;
  for (std::size_t i = 0; i < dims.size(); ++i) {
    const double number = shape.numbers[i];
    const bool batch = dims[i] == -1 && (batches(number) == 1 || number == static_cast<double>(to.batch));
    if (number == -1)
      ++open;
    else if (!batch && number != static_cast<double>(dims[i]))
      return false;
  }
  return open < 2;
}
/// Whether a Reshape's extents are (n, groups, all the rest) of a value of those extents.
template <class T>
bool splits_channels(const OnnxImport<T>& to, const std::vector<Index>& dims, const FileTensor& shape, Index groups) {
  if (shape.numbers.size() != 3 || dims.size() < 3 || dims[1] % groups != 0) return false;
  Index rest = dims[1] / groups;
  for (std::size_t i = 2; i < dims.size(); ++i) rest *= dims[i];
  const double n = shape.numbers[0], last = shape.numbers[2];
  return (n == 0 || batches(n) == 1 || (to.batch > 0 && n == static_cast<double>(to.batch))) &&
         (last == -1 || last == static_cast<double>(rest));
}
/// Images whose channels are reshaped to groups and back.
template <class T>
bool group_norm_pattern(OnnxImport<T>& to, const FileNode& node) {
  const Imported& x = to.any(node);
  if (x.constant || x.features.rank() > 0 || !x.batch.first()) return false;
  const auto dims = to.dims(x);
  const Imported& back = to.found(node, 1);
  const Index groups = integer_or(node, "num_groups", 0);
  for (const FileNode& part : node.parts)
    if (part.op == "Reshape" && integer_or(part, "allowzero", 0) != 0) return false;
  if (!splits_channels(to, dims, to.constant(node.parts[0], 1), groups) || !back.constant || back.repeated)
    return false;
  FileTensor shape = *back.constant;
  if (!shape.numbers.empty() && shape.numbers[0] == 0) shape.numbers[0] = batch_extent;  // as before
  if (!keeps_extents(to, x, shape)) return false;
  const auto of_channels = [&](const FileTensor& each) {
    const std::size_t behind = dims.size() - 2;
    return each.dims.size() > behind && each.dims.size() <= dims.size() && count_of(each.numbers) == dims[1] &&
           each.dims[each.dims.size() - behind - 1] == dims[1];
  };
  const FileTensor &scale = to.constant(node, 2), &bias = to.constant(node, 3);
  if (!of_channels(scale) || !of_channels(bias)) return false;
  const Node from = to.images(node, x, count_of(dims) - 2);
  const Node made = to.add(node, GroupNorm<T>({.groups = groups, .epsilon = number_or(node, "epsilon", 1e-5)}), from);
  weigh_norm(to, node, scale, &bias);
  to.set(node, Imported{.node = made, .images = true});
  return true;
}
/// A pattern as one layer, if it can be.
template <class T>
bool import_pattern(OnnxImport<T>& to, const FileNode& node) {
  if (node.op == "GroupNormalization") return group_norm_pattern(to, node);
  if (node.op == "LayerNormalization" || node.op == "RMSNormalization") return norm_pattern(to, node);
  if (to.any(node).constant) return false;
  if (node.op == "Gelu") import_activation<T, Activation::gelu>(to, node);
  if (node.op == "Swish") import_activation<T, Activation::silu>(to, node);
  if (node.op == "Mish") import_activation<T, Activation::mish>(to, node);
  if (node.op == "HardSwish") import_activation<T, Activation::hard_swish>(to, node);
  return true;
}

}  // namespace io::onnx

}  // namespace KEEL_ABI
}  // namespace keel

#endif
