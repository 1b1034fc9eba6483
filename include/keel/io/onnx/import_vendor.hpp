#pragma once
/// Operators of com.microsoft, which ONNX Runtime writes for several of ONNX's.

#include <keel/io/onnx/import_norms.hpp>
#include <keel/io/onnx/import_windows.hpp>

#if KEEL_HAS_PROTOBUF

namespace keel {
inline namespace KEEL_ABI {

namespace io::onnx {

/// Gelu, and with a bias before it BiasGelu and FastGelu, the form with tanh.
template <class T, Activation function>
void import_bias_gelu(OnnxImport<T>& to, const FileNode& node) {
  Imported x = to.any(node);
  if (to.has(node, 1)) x = function_of(to, node, "add", {x, to.any(node, 1)});
  if (x.constant) to.refuse(node, "a computed input", "a constant");
  to.set(node, to.add(node, ActivationLayer<T>(function), x.node), x);
}
/// x sigmoid(alpha x)
template <class T>
void import_quick_gelu(OnnxImport<T>& to, const FileNode& node) {
  const Imported x = to.any(node);
  if (x.constant) to.refuse(node, "a computed input", "a constant");
  const double alpha = number_or(node, "alpha", 1.702);
  Imported gate = function_of(to, node, "multiply", {x, number_value(alpha)});
  gate.node = to.add(node, ActivationLayer<T>(Activation::sigmoid), gate.node);
  to.set(node, function_of(to, node, "multiply", {x, gate}));
}
/// A convolution and an activation behind it.
template <class T>
void import_fused_conv(OnnxImport<T>& to, const FileNode& node) {
  FileNode conv = node;
  conv.outputs = {node.who() + "/convolution"};
  import_conv(to, conv);
  FileNode behind{.op = text_or(node, "activation", "Identity"), .inputs = conv.outputs, .outputs = node.outputs};
  const FileAttribute* const said = node.find("activation_params");
  const std::vector<float> numbers = said ? said->numbers : std::vector<float>();
  const auto number = [&](std::size_t i) {
    if (numbers.size() <= i) to.refuse(node, "numbers of its activation " + shown(behind.op), "fewer");
    return static_cast<double>(numbers[i]);
  };
  const Imported x = to.any(behind);
  if (behind.op == "Identity") return to.set(node, x);
  if (behind.op == "Clip") {
    const Imported above = function_of(to, behind, "maximum", {x, number_value(number(0))});
    return to.set(node, function_of(to, behind, "minimum", {above, number_value(number(1))}));
  }
  ActivationSpec spec;
  if (behind.op == "LeakyRelu") {
    spec = Activation::leaky_relu;
    spec.alpha = number(0);
  } else if (behind.op == "Relu") {
    spec = Activation::relu;
  } else if (behind.op == "Sigmoid") {
    spec = Activation::sigmoid;
  } else if (behind.op == "Tanh") {
    spec = Activation::tanh;
  } else {
    to.refuse(node, "an activation Relu, LeakyRelu, Sigmoid, Tanh or Clip", shown(behind.op));
  }
  to.set(node, to.add(behind, ActivationLayer<T>(spec), x.node), x);
}
/// The layer norm of x + skip + bias; the sum is the fourth output.
template <class T>
void import_skip_layer_norm(OnnxImport<T>& to, const FileNode& node) {
  for (const std::size_t i : {std::size_t{1}, std::size_t{2}})
    if (to.used(node, i)) to.refuse(node, "no use of its statistics", shown(node.outputs[i]));
  Imported x = function_of(to, node, "add", {to.any(node), to.any(node, 1)});
  if (to.has(node, 4)) x = function_of(to, node, "add", {x, to.any(node, 4)});
  if (x.constant) to.refuse(node, "a computed input", "a constant");
  to.set(node, x, 3);
  x.node = to.plain(node, x);
  x.images = false;
  x.features = {};
  const LayerNormOptions options{.axis = -1, .epsilon = number_or(node, "epsilon", 1e-12), .center = to.has(node, 3)};
  const Node made = to.add(node, LayerNorm<T>(options), x.node);
  weigh_norm(to, node, to.constant(node, 2), to.has(node, 3) ? &to.constant(node, 3) : nullptr);
  to.set(node, made, x);
}

}  // namespace io::onnx

}  // namespace KEEL_ABI
}  // namespace keel

#endif
