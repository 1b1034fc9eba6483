#pragma once
/// ONNX's operators that normalise each sample.

#include <keel/io/onnx/import_functions.hpp>

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
/// Mean and 1 / root of the variance along axes, where they are used.
template <class T>
void set_statistics(OnnxImport<T>& to, const FileNode& node, const Imported& x, const std::vector<Index>& axes,
                    double epsilon) {
  if (!to.used(node, 1) && !to.used(node, 2)) return;
  const auto mean_of = [&](Imported value) {
    value.node = to.add(node, Reduce<T>("mean", {.axes = axes, .keepdims = true}), value.node);
    return value;
  };
  const Imported mean = mean_of(x), centred = function_of(to, node, "subtract", {x, mean});
  const Imported variance = mean_of(function_of(to, node, "multiply", {centred, centred}));
  const Imported raised = function_of(to, node, "add", {variance, number_value(epsilon)});
  to.set(node, mean, 1);
  to.set(node, function_of(to, node, "reciprocal", {function_of(to, node, "sqrt", {raised})}), 2);
}
/// LayerNormalization and RMSNormalization, over all axes from `axis` on.
template <class T>
void import_layer_norm(OnnxImport<T>& to, const FileNode& node) {
  Imported x = to.settled(node, to.counted(node));
  if (x.constant) to.refuse(node, "a computed input", "a constant");
  x.node = to.plain(node, x);
  x.images = false;
  const Index rank = count_of(to.dims(x)), first = integer_or(node, "axis", -1);
  if (first < -rank || first >= rank) to.refuse(node, "an axis below " + std::to_string(rank), std::to_string(first));
  std::vector<Index> axes;
  for (Index i = first < 0 ? first + rank : first; i < rank; ++i) axes.push_back(to.axis(node, x, i));
  const double epsilon = number_or(node, "epsilon", 1e-5);
  if (node.op != "LayerNormalization") {
    to.refuse_statistics(node);
    const Node made = to.add(node, RMSNorm<T>({.axis = axes, .epsilon = epsilon}), x.node);
    to.weigh(node, "scale", to.constant(node, 1));
    return to.set(node, made, x);
  }
  set_statistics(to, node, x, axes, epsilon);
  const LayerNormOptions options{.axis = axes, .epsilon = epsilon, .center = to.has(node, 2)};
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

/// x divided by its norm along an axis.
template <class T>
void import_lp_norm(OnnxImport<T>& to, const FileNode& node) {
  const Imported x = to.settled(node, to.whole ? to.counted(node) : to.in(node));
  const Index p = integer_or(node, "p", 2), axis = to.axis(node, x, integer_or(node, "axis", -1));
  if (p != 1 && p != 2) to.refuse(node, "p of 1 or 2", std::to_string(p));
  if (x.constant) to.refuse(node, "a computed input", "a constant");
  Imported norm = x;
  norm.node = to.add_helper(node, Reduce<T>(p == 1 ? "l1" : "l2", {.axes = axis, .keepdims = true}), x.node);
  to.set(node, function_of(to, node, "divide", {x, norm}));
}
/// x / (bias + alpha / size (sum of x^2 over `size` channels around))^beta
template <class T>
void import_lrn(OnnxImport<T>& to, const FileNode& node) {
  const Imported x = to.in(node);
  if (x.constant || to.sample(x).rank() < 2) to.refuse(node, "images", "another value");
  const Index rank = to.sample(x).rank(), size = integer_or(node, "size", 0);
  if (size < 1 || size > 64) to.refuse(node, "a size from 1 to 64", std::to_string(size));
  Imported images{.node = to.images(node, x, rank - 1), .images = true};
  const Imported squares = function_of(to, node, "multiply", {images, images});
  std::vector<Index> sides(to_size(2 * rank), 0);
  sides[to_size(2 * rank - 2)] = (size - 1) / 2;
  sides[to_size(2 * rank - 1)] = size / 2;
  const Node wide = to.add_helper(node, Pad<T>(std::move(sides)), squares.node);
  const Index channels = to.dims(images)[1];
  std::vector<Node> parts;
  for (Index i = 0; i < size; ++i)
    parts.push_back(to.add_helper(node, Slice<T>({i}, {i + channels}, {.axes = {rank}}), wide));
  Imported sum = images;
  sum.node = size == 1 ? parts[0] : to.add(node, Add<T>(), std::span<const Node>(parts));
  sum = function_of(to, node, "multiply",
                    {sum, number_value(number_or(node, "alpha", 1e-4) / static_cast<double>(size))});
  sum = function_of(to, node, "add", {sum, number_value(number_or(node, "bias", 1))});
  sum = function_of(to, node, "power", {sum, number_value(number_or(node, "beta", 0.75))});
  to.set(node, function_of(to, node, "divide", {images, sum}));
}

}  // namespace io::onnx

}  // namespace KEEL_ABI
}  // namespace keel

#endif
