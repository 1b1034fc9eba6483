#pragma once

#include <iosfwd>
#include <string>
#include <vector>

#include <keel/model/model.hpp>

namespace keel {
inline namespace KEEL_ABI {

/// One layer at one place of the graph.
struct SummaryRow {
  std::string name, type;
  Shape output;             ///< without the batch
  Index trainable = 0;      ///< parameters that gradients update
  Index frozen = 0;         ///< parameters that gradients would update, but for `freeze`
  Index buffers = 0;        ///< state that gradients never touch: BatchNorm's moving mean and variance
  Index multiply_adds = 0;  ///< for one sample
  bool repeated = false;    ///< the layer stands at an earlier place too; its parameters count there
  bool input = false;
  ActivationSpec activation{};            ///< held inside the layer, or the layer itself
  std::vector<std::string> connected_to;  ///< "conv2d[1][0]": the second call of conv2d, its first output
  Index parameters() const { return trainable + frozen; }
};

/// What a model consists of, as data: `model.summary()` makes it, and it prints as keel, Keras 2, Keras 3,
/// torchsummary and torchinfo print theirs. Counts are kept apart, so that both worlds' totals follow: Keras
/// counts trainable + frozen + buffers, PyTorch trainable + frozen.
struct Summary {
  std::string model;
  bool sequential = true;
  std::vector<SummaryRow> rows;
  std::vector<Shape> inputs;
  Index trainable = 0, frozen = 0, buffers = 0;  ///< each parameter once
  Index optimizer = 0;                           ///< values that the optimizer holds, if it was given
  Index multiply_adds = 0;                       ///< for one sample
  Index scalar_bytes = 4;
  Index activation_bytes = 0;  ///< of one sample: every layer's output, as training keeps them

  Index parameter_bytes() const { return (trainable + frozen + buffers) * scalar_bytes; }
  Index keras_total() const { return trainable + frozen + buffers; }
  Index keras_non_trainable() const { return frozen + buffers; }
  Index torch_total() const { return trainable + frozen; }

  /// keel's table; it ends with what Keras says, what PyTorch says, and why they differ.
  std::string to_string() const;
  /// As Keras 2 (up to 2.7) prints it.
  std::string keras() const;
  /// As Keras 3 prints it on a terminal `columns` wide (80 where there is no terminal).
  std::string keras3(int columns = 80) const;
  /// As torchsummary 1.5.1 prints it.
  std::string torchsummary() const;
  /// As torchinfo 1.8.0 prints it for the given batch.
  std::string torchinfo(Index batch = 1) const;
  /// Everything above as one JSON object.
  std::string json() const;

  template <class Traits>
  friend std::basic_ostream<char, Traits>& operator<<(std::basic_ostream<char, Traits>& out, const Summary& summary) {
    return out << summary.to_string();
  }
};

/// Throws nothing; `optimizer_values` is the number of values that an optimizer holds
/// (`OptimizerSpec::state_count`).
template <class T>
Summary summarize(const Model<T>& model, Index optimizer_values = 0) {
  Summary summary;
  summary.sequential = model.is_sequential();
  summary.model = !model.name().empty() ? model.name() : summary.sequential ? "sequential" : "functional";
  summary.optimizer = optimizer_values;
  summary.scalar_bytes = static_cast<Index>(sizeof(T));
  const auto nodes = model.nodes();
  std::vector<Index> calls(static_cast<std::size_t>(model.layer_count()), 0);
  std::vector<std::string> places;
  for (const auto& node : nodes) {
    const Index call = node.layer < 0 ? 0 : calls[static_cast<std::size_t>(node.layer)]++;
    places.push_back(node.name + "[" + std::to_string(call) + "][0]");
    SummaryRow row;
    row.name = node.name;
    row.output = node.shape;
    for (const int input : node.inputs) row.connected_to.push_back(places[static_cast<std::size_t>(input)]);
    if (node.layer < 0) {
      row.type = "InputLayer";
      row.input = true;
      summary.inputs.push_back(node.shape);
      summary.rows.push_back(std::move(row));
      continue;
    }
    const Layer<T>& layer = model.layer(node.layer);
    row.type = layer.type();
    row.activation = layer.activation();
    row.repeated = call > 0;
    std::vector<Shape> shapes;
    for (const int input : node.inputs) shapes.push_back(nodes[static_cast<std::size_t>(input)].shape);
    row.multiply_adds = layer.multiply_adds(shapes);
    for (const auto* parameter : layer.parameters())
      (parameter->kind() == ParameterKind::buffer ? row.buffers
       : parameter->frozen                        ? row.frozen
                                                  : row.trainable) += parameter->size();
    if (!row.repeated) {
      summary.trainable += row.trainable;
      summary.frozen += row.frozen;
      summary.buffers += row.buffers;
    }
    summary.multiply_adds += row.multiply_adds;
    summary.activation_bytes += node.shape.size() * summary.scalar_bytes;
    summary.rows.push_back(std::move(row));
  }
  return summary;
}

template <class T>
Summary Model<T>::summary(Index optimizer_values) const {
  return summarize(*this, optimizer_values);
}

KEEL_INSTANCE(Summary summarize(const Model<float>&, Index))
KEEL_INSTANCE(Summary Model<float>::summary(Index) const)

}  // namespace KEEL_ABI
}  // namespace keel
