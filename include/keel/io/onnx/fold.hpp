#pragma once
/// BatchNormalization into the weights before it.

#include <cmath>

#include <keel/dialects/onnx_operators.hpp>
#include <keel/io/onnx/values.hpp>

namespace keel {
inline namespace KEEL_ABI {

namespace io::onnx {

/// Folds each BatchNormalization of inference whose input an operator with weights computes for it alone:
///
///     scale = gamma / sqrt(variance + epsilon),   weight' = weight scale,   bias' = (bias - mean) scale + beta
template <class T>
void fold_batch_norm(const Model<T>& model, OnnxGraph& graph) {
  std::vector<int> uses(graph.values.size(), 0), maker(graph.values.size(), -1), holder(graph.values.size(), -1);
  for (const int output : graph.outputs) ++nth(uses, output);
  for (std::size_t n = 0; n < graph.nodes.size(); ++n) {
    for (const int input : graph.nodes[n].inputs)
      if (input >= 0) ++nth(uses, input);
    nth(maker, graph.nodes[n].outputs[0]) = static_cast<int>(n);
  }
  for (std::size_t i = 0; i < graph.initializers.size(); ++i)
    nth(holder, graph.initializers[i].value) = static_cast<int>(i);
  const auto held = [&](int value) -> OnnxInitializer& { return nth(graph.initializers, nth(holder, value)); };
  const auto values = [&](int value) { return real_values(model, graph, held(value)); };
  const auto put = [&](const std::string& name, std::vector<double> numbers, const OnnxDims& dims) {
    graph.values.push_back({name, dims});
    graph.initializers.push_back({.value = static_cast<int>(graph.values.size()) - 1, .numbers = std::move(numbers)});
    uses.push_back(1);
    maker.push_back(-1);
    holder.push_back(static_cast<int>(graph.initializers.size()) - 1);
    return graph.initializers.back().value;
  };
  std::vector<bool> gone(graph.nodes.size(), false);
  for (std::size_t n = 0; n < graph.nodes.size(); ++n) {
    OnnxNode& norm = graph.nodes[n];
    if (norm.op != onnx_batch_norm_operator || norm.outputs.size() != 1 || nth(maker, norm.inputs[0]) < 0 ||
        nth(uses, norm.inputs[0]) != 1)
      continue;
    OnnxNode& before = nth(graph.nodes, nth(maker, norm.inputs[0]));
    const Index axis = onnx_output_axis(before.op);
    if (axis < 0) continue;
    const OnnxDims dims = nth(graph.values, before.inputs[1]).dims;
    double epsilon = 0;
    for (const OnnxAttribute& attribute : norm.attributes)
      if (attribute.name == "epsilon") epsilon = std::get<double>(attribute.value);
    const Index channels = nth(dims, axis);
    const Tensor<T> gamma = values(norm.inputs[1]), beta = values(norm.inputs[2]), mean = values(norm.inputs[3]),
                    variance = values(norm.inputs[4]), weight = values(before.inputs[1]);
    const Tensor<T> bias = before.inputs.size() > 2 ? values(before.inputs[2]) : Tensor<T>({channels}, T(0));
    std::vector<double> scale(to_size(channels)), shift(to_size(channels)), scaled(to_size(weight.size()));
    for (Index c = 0; c < channels; ++c) {
      nth(scale, c) = static_cast<double>(gamma[c]) / std::sqrt(static_cast<double>(variance[c]) + epsilon);
      nth(shift, c) =
          (static_cast<double>(bias[c]) - static_cast<double>(mean[c])) * nth(scale, c) + static_cast<double>(beta[c]);
    }
    Index inner = 1;
    for (Index i = axis + 1; i < count_of(dims); ++i) inner *= nth(dims, i);
    for (Index i = 0; i < weight.size(); ++i)
      nth(scaled, i) = static_cast<double>(weight[i]) * nth(scale, i / inner % channels);
    before.inputs.resize(3);
    before.inputs[1] = put(before.name + "/folded_kernel", std::move(scaled), dims);
    before.inputs[2] = put(before.name + "/folded_bias", std::move(shift), {channels});
    before.outputs = norm.outputs;
    nth(maker, before.outputs[0]) = nth(maker, norm.inputs[0]);
    gone[n] = true;
  }
  std::vector<OnnxNode> kept;
  for (std::size_t n = 0; n < graph.nodes.size(); ++n)
    if (!gone[n]) kept.push_back(std::move(graph.nodes[n]));
  graph.nodes = std::move(kept);
  std::vector<bool> needed(graph.values.size(), false);
  for (const OnnxNode& node : graph.nodes)
    for (const int input : node.inputs)
      if (input >= 0) needed[static_cast<std::size_t>(input)] = true;
  std::erase_if(graph.initializers,
                [&](const OnnxInitializer& i) { return !needed[static_cast<std::size_t>(i.value)]; });
}

}  // namespace io::onnx

}  // namespace KEEL_ABI
}  // namespace keel
