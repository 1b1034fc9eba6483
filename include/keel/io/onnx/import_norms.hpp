#pragma once
/// ONNX's operators that normalise each sample.

#include <keel/io/onnx/import.hpp>

#if KEEL_HAS_PROTOBUF

namespace keel {
inline namespace KEEL_ABI {

namespace io::onnx {

/// gamma and beta of the layer that was added last.
template <class T>
void weigh_norm(OnnxImport<T>& to, const FileNode& node, const FileTensor& scale, const FileTensor* bias) {
  to.weigh(node, "gamma", scale);
  if (bias) to.weigh(node, "beta", *bias);
}
template <class T>
void refuse_statistics(OnnxImport<T>& to, const FileNode& node) {
  for (std::size_t i = 1; i < node.outputs.size(); ++i)
    if (to.uses(node.outputs[i]) > 0) to.refuse(node, "no use of its statistics", shown(node.outputs[i]));
}
/// Over all axes from `axis` on.
template <class T>
void import_layer_norm(OnnxImport<T>& to, const FileNode& node) {
  Imported x = to.settled(node, to.any(node));
  if (x.constant) to.refuse(node, "a computed input", "a constant");
  refuse_statistics(to, node);
  x.node = to.plain(node, x);
  x.images = false;
  const Index rank = count_of(to.dims(x)), first = integer_or(node, "axis", -1);
  if (first < -rank || first >= rank) to.refuse(node, "an axis below " + std::to_string(rank), std::to_string(first));
  LayerNormOptions options{.epsilon = number_or(node, "epsilon", 1e-5), .center = to.has(node, 2)};
  options.axis.list.clear();
  for (Index i = first < 0 ? first + rank : first; i < rank; ++i) options.axis.list.push_back(to.axis(node, x, i));
  const Node made = to.add(node, LayerNorm<T>(options), x.node);
  weigh_norm(to, node, to.constant(node, 1), to.has(node, 2) ? &to.constant(node, 2) : nullptr);
  to.set(node, made, x);
}
/// Images, channels last, whose channels are normalised in groups.
template <class T>
void grouped(OnnxImport<T>& to, const FileNode& node, Index groups, const FileTensor& scale, const FileTensor& bias) {
  const Imported& x = to.in(node);
  if (x.constant) to.refuse(node, "a computed input", "a constant");
  const Index axes = count_of(to.dims(x)) - 2;
  if (axes < 1) to.refuse(node, "sequences or images", "rows");
  const Node from = to.images(node, x, axes);
  const Node made = to.add(node, GroupNorm<T>({.groups = groups, .epsilon = number_or(node, "epsilon", 1e-5)}), from);
  weigh_norm(to, node, scale, &bias);
  to.set(node, Imported{.node = made, .images = true});
}
template <class T>
void import_instance_norm(OnnxImport<T>& to, const FileNode& node) {
  grouped(to, node, -1, to.constant(node, 1), to.constant(node, 2));
}
/// Before opset 21 scale and bias were those of groups.
template <class T>
void import_group_norm(OnnxImport<T>& to, const FileNode& node) {
  const Index groups = integer_or(node, "num_groups", 0);
  const auto dims = to.dims(to.in(node));
  if (dims.size() < 2 || groups < 1 || dims[1] % groups != 0)
    to.refuse(node, "groups that divide the channels", std::to_string(groups));
  const auto of_channels = [&](const FileTensor& each) {
    if (to.opset() >= 21) return each;
    FileTensor made = to.empty(node, {dims[1]}, false);
    if (count_of(each.numbers) != groups) to.refuse(node, "a number for each group", "another number");
    for (const double number : each.numbers) made.numbers.insert(made.numbers.end(), to_size(dims[1] / groups), number);
    return made;
  };
  grouped(to, node, groups, of_channels(to.constant(node, 1)), of_channels(to.constant(node, 2)));
}

}  // namespace io::onnx

}  // namespace KEEL_ABI
}  // namespace keel

#endif
