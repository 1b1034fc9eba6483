#pragma once
/// ONNX's activations, Dropout and Cast.

#include <keel/io/onnx/import_functions.hpp>

#if KEEL_HAS_PROTOBUF

namespace keel {
inline namespace KEEL_ABI {

namespace io::onnx {

/// The activations that are one of keel's.
template <class T, Activation function>
void import_activation(OnnxImport<T>& to, const FileNode& node) {
  const Imported& x = to.any(node);
  if (x.constant) to.refuse(node, "a computed input", "a constant");
  ActivationSpec spec = function;
  if (function == Activation::leaky_relu) spec.alpha = number_or(node, "alpha", 0.01);
  if (function == Activation::elu) spec.alpha = number_or(node, "alpha", 1);
  if (function == Activation::silu && number_or(node, "alpha", 1) != 1) to.refuse(node, "alpha = 1", "another");
  if (function == Activation::gelu) {
    const std::string form = text_or(node, "approximate", "none");
    if (form != "none" && form != "tanh") to.refuse(node, "approximate none or tanh", shown(form));
    if (form == "tanh") spec = Activation::gelu_tanh;
  }
  to.set(node, to.add(node, ActivationLayer<T>(spec), x.node), x);
}
template <class T>
void import_hard_sigmoid(OnnxImport<T>& to, const FileNode& node) {
  const double alpha = number_or(node, "alpha", 0.2), beta = number_or(node, "beta", 0.5);
  if (std::abs(alpha - 1 / 6.0) < 1e-6 && beta == 0.5) return import_activation<T, Activation::hard_sigmoid>(to, node);
  to.set(node, function_of(to, node, "hard_sigmoid", {to.any(node)}, {alpha, beta}));
}
template <class T>
void import_selu(OnnxImport<T>& to, const FileNode& node) {
  const double alpha = number_or(node, "alpha", 1.67326319217681884765625),
               gamma = number_or(node, "gamma", 1.05070102214813232421875);
  if (std::abs(alpha - 1.6732632) < 1e-6 && std::abs(gamma - 1.0507010) < 1e-6)
    return import_activation<T, Activation::selu>(to, node);
  to.set(node, function_of(to, node, "selu", {to.any(node)}, {alpha, gamma}));
}
template <class T>
void import_celu(OnnxImport<T>& to, const FileNode& node) {
  to.set(node, function_of(to, node, "celu", {to.any(node)}, {number_or(node, "alpha", 1)}));
}
template <class T>
void import_thresholded(OnnxImport<T>& to, const FileNode& node) {
  to.set(node, function_of(to, node, "thresholded_relu", {to.any(node)}, {number_or(node, "alpha", 1)}));
}
template <class T>
void import_shrink(OnnxImport<T>& to, const FileNode& node) {
  to.set(node,
         function_of(to, node, "shrink", {to.any(node)}, {number_or(node, "lambd", 0.5), number_or(node, "bias", 0)}));
}
/// x / (1 + |x|)
template <class T>
void import_softsign(OnnxImport<T>& to, const FileNode& node) {
  const Imported size = function_of(to, node, "add", {function_of(to, node, "abs", {to.any(node)}), number_value(1)});
  to.set(node, function_of(to, node, "divide", {to.any(node), size}));
}
/// Before opset 7 the slope was a number for each channel.
template <class T>
void import_prelu(OnnxImport<T>& to, const FileNode& node) {
  if (to.opset() >= 7 && (to.whole || !to.raw(node, 1).constant))
    return to.set(node, function_of(to, node, "prelu", {to.any(node), to.any(node, 1)}));
  const Imported x = to.settled(node, to.in(node));
  FileTensor slope = to.constant(node, 1);
  if (to.opset() < 7 && slope.dims.size() == 1 && slope.numbers.size() > 1)  // of the channels
    slope.dims.insert(slope.dims.end(), to.dims(x).size() - 2, 1);
  if (x.constant) to.refuse(node, "a computed input", "a constant");
  const Shape& sample = to.sample(x);
  FileTensor alpha = sample_constant(to, node, slope, to_size(sample.rank() + 1), x.images);
  alpha.dims.insert(alpha.dims.begin(), to_size(sample.rank()) - alpha.dims.size(), 1);
  std::vector<Index> shared;
  for (Index i = 0; i < sample.rank(); ++i)
    if (nth(alpha.dims, i) == 1 && sample[i] != 1) shared.push_back(i + 1);
  const Node made = to.add(node, PReLU<T>({.shared_axes = std::move(shared)}), x.node);
  to.weigh(node, "alpha", alpha);
  to.set(node, made, x);
}
template <class T>
void import_clip(OnnxImport<T>& to, const FileNode& node) {
  const Imported& x = to.any(node);
  const double low = to.number(node, 1, "min", -1e39), high = to.number(node, 2, "max", 1e39);
  if (x.constant) return to.set(node, function_of(to, node, "clip", {x}, {low, high}));
  const FileNode* const before = to.maker(node.inputs[0]);
  const bool rectified = low == 0 || (low < -3e38 && before && before->op == "Relu");  // which has a minimum of its own
  if (rectified && high >= 0) {
    const ReLUOptions options = high > 3e38 ? ReLUOptions{} : ReLUOptions{.max_value = high};
    return to.set(node,
                  high == 6 ? to.add(node, ActivationLayer<T>(Activation::relu6), x.node)
                            : to.add(node, ReLU<T>(options), x.node),
                  x);
  }
  Imported made = x;
  if (low > -3e38) made = function_of(to, node, "maximum", {made, number_value(low)});
  if (high < 3e38) made = function_of(to, node, "minimum", {made, number_value(high)});
  to.set(node, std::move(made));
}
/// Softmax and LogSoftmax. Before opset 13 all axes from `axis` on were one.
template <class T, Activation function>
void import_softmax(OnnxImport<T>& to, const FileNode& node) {
  const Imported x = to.settled(node, to.counted(node));
  if (x.constant) to.refuse(node, "a computed input", "a constant");
  const auto dims = to.dims(x);
  const Index rank = count_of(dims), first = x.batch.whole() ? 0 : 1;  // axis of the samples
  Index axis = integer_or(node, "axis", to.opset() < 13 ? 1 : -1);
  if (axis < -rank || axis >= rank) to.refuse(node, "an axis below " + std::to_string(rank), std::to_string(axis));
  axis += axis < 0 ? rank : 0;
  if (!x.batch.first() && !x.batch.whole()) {
    if (axis != rank - 1 || axis == x.batch.axis) to.refuse(node, "the batch first, or the last axis", "another");
    return to.set(node, to.add(node, ActivationLayer<T>(function), x.node), x);
  }
  if (axis < first) to.refuse(node, "an axis of the samples", "the batch's");
  Index beyond = 1, before = 1;
  for (Index i = axis + 1; i < rank; ++i) beyond *= nth(dims, i);
  for (Index i = first; i < axis; ++i) before *= nth(dims, i);
  const ActivationLayer<T> softmax(function);
  if (x.images && axis == 1 && (to.opset() >= 13 || beyond == 1)) return to.set(node, to.add(node, softmax, x.node), x);
  const Node from = to.plain(node, x);
  const auto made = [&](Node result) { to.set(node, Imported{.node = result, .batch = x.batch}); };
  if (axis == rank - 1) return made(to.add(node, softmax, from));
  if (to.opset() < 13) {
    const Node rows = to.add(node, Reshape<T>({before, nth(dims, axis) * beyond}), from);
    return made(
        to.add(node, Reshape<T>(std::vector<Index>(dims.begin() + first, dims.end())), to.add(node, softmax, rows)));
  }
  std::vector<Index> order;
  for (Index i = first; i < rank; ++i) order.push_back(i + 1 - first);
  std::swap(nth(order, axis - first), order.back());  // its own way back
  const Node last = to.add(node, Permute<T>(order), from);
  made(to.add(node, Permute<T>(order), to.add(node, softmax, last)));
}
template <class T>
void import_dropout(OnnxImport<T>& to, const FileNode& node) {
  const Imported& x = to.used(node, 1) ? to.counted(node) : to.any(node);
  const double rate = to.number(node, 1, "ratio", 0.5);
  if (to.has(node, 2)) to.constant(node, 2);  // training or not is what the model is used for
  if (to.used(node, 1)) {                     // in inference it keeps all
    if (x.constant || !x.batch.whole()) to.refuse(node, "no use of its mask", "one");
    FileTensor mask = to.empty(node, to.dims(x), {1, false});
    mask.numbers.assign(count_of_dims(mask.dims), 1.0);
    to.set(node, std::move(mask), 1);
  }
  if (x.constant) return to.set(node, x);
  to.set(node, to.add(node, Dropout<T>(rate), x.node), x);
}
/// Real numbers to any type of real numbers are as they are.
template <class T>
Imported cast(OnnxImport<T>& to, const FileNode& node, const Imported& x, IntegerType integers) {
  const IntegerType before = type_of(x);
  const bool real = !integers;
  if (integers.bits >= 32 && !integers.is_signed && (!before || before.is_signed))
    to.refuse(node, "a cast to real numbers, bool or integers that keep their values",
              "integers without sign of " + std::to_string(integers.bits) + " bits");
  Imported made = x;
  if (!x.constant) {
    if (integers.bits == 1 && before.bits != 1) made = function_of(to, node, "to_bool", {x});
    if (integers.bits > 1 && !before) made = function_of(to, node, "truncate", {x});
    made.integers = integers;
    const bool fits = before.bits == 1 || (before.bits == integers.bits && before.is_signed == integers.is_signed);
    return fits ? made : gone_round(to, node, std::move(made));
  }
  FileTensor numbers = to.empty(node, x.constant->dims, integers);
  for (const double number : x.constant->numbers) {
    const bool batch = batches(number) > 0;
    if (batch && !real && integers.bits < 32) to.refuse(node, "a known number", "the size of the batch");
    if (integers && !batch && !(std::abs(number) < 0x1p63)) to.refuse(node, "numbers that fit", std::to_string(number));
    numbers.numbers.push_back(integers.bits == 1   ? (number != 0 ? 1.0 : 0.0)
                              : integers && !batch ? std::trunc(number)
                                                   : number);
  }
  return gone_round(to, node, constant_value(std::move(numbers)));
}
template <class T>
void import_cast(OnnxImport<T>& to, const FileNode& node) {
  const auto type = static_cast<DataType>(integer_or(node, "to", 0));
  const bool real = type == DataType::f32 || type == DataType::f64 || type == DataType::f16 || type == DataType::bf16;
  if (!real && !integer_type(type))
    to.refuse(node, "a cast to real numbers, integers or bool", "type " + std::to_string(integer_or(node, "to", 0)));
  to.set(node, cast(to, node, to.any(node), integer_type(type)));
}
template <class T>
void import_cast_like(OnnxImport<T>& to, const FileNode& node) {
  to.set(node, cast(to, node, to.any(node), type_of(to.any(node, 1))));
}

}  // namespace io::onnx

}  // namespace KEEL_ABI
}  // namespace keel

#endif
