#pragma once
/// What a model consists of, as data that the tables print.

#include <iosfwd>
#include <string>
#include <vector>

#include <keel/dialects/keras.hpp>
#include <keel/model/keras_order.hpp>
#include <keel/model/model.hpp>

namespace keel {
inline namespace KEEL_ABI {

/// One of a layer's parameters.
struct SummaryWeight {
  std::string name;                     ///< "kernel"
  Index size = 0;                       ///< values
  bool buffer = false, frozen = false;  ///< moved by no gradient; kept from moving by `freeze`
};

/// One layer at one place of the graph.
struct SummaryRow {
  std::string name, type;                 ///< the layer's name; its class in keel
  Shape output;                           ///< without the batch
  Index trainable = 0;                    ///< parameters that gradients update
  Index frozen = 0;                       ///< parameters that gradients would update, but for `freeze`
  Index buffers = 0;                      ///< state that gradients never touch: BatchNorm's moving mean and variance
  Index multiply_adds = 0;                ///< for one sample
  bool repeated = false;                  ///< the layer stands at an earlier place too; its parameters count there
  bool input = false;                     ///< a place where data comes in
  Config config{};                        ///< the layer's options
  std::vector<Shape> from;                ///< its inputs' shapes, without the batch
  std::vector<SummaryWeight> weights;     ///< in the layer's order
  std::vector<std::string> connected_to;  ///< "conv2d[1][0]": the second call of conv2d, its first output
  int depth = 0;                          ///< places on the longest way to an output
  Index parameters() const { return trainable + frozen; }  ///< Trainable ones, frozen or not.
};

/// What a model consists of, as data: `model.summary()` makes it, and it prints as keel, Keras 2, Keras 3,
/// torchsummary and torchinfo print theirs. Counts are kept apart, so that both worlds' totals follow: Keras
/// counts trainable + frozen + buffers, PyTorch trainable + frozen. A place that leads to no output is no row and
/// counts nowhere, as in Keras.
struct Summary {
  std::string model;             ///< the name that the model was given, or Keras 3's: "sequential", "functional"
  bool named = false;            ///< whether the model was given a name
  bool sequential = true;        ///< whether it was built as a Sequential
  std::vector<SummaryRow> rows;  ///< each after those that it takes from
  std::vector<std::size_t> keras_order;  ///< the rows of inputs and first places as Keras lists layers: deepest first
  std::vector<std::string> unused;       ///< layers that lead to no output
  std::vector<Shape> inputs, outputs;    ///< without the batch
  Index trainable = 0, frozen = 0, buffers = 0;  ///< each parameter once
  Index optimizer = 0;                           ///< values that the optimizer holds, if it was given
  Index multiply_adds = 0;                       ///< for one sample
  Index scalar_bytes = 4;                        ///< of one value
  Index activation_bytes = 0;                    ///< of one sample: every layer's output, as training keeps them

  /// Of all parameters and buffers.
  Index parameter_bytes() const { return (trainable + frozen + buffers) * scalar_bytes; }
  Index keras_total() const { return trainable + frozen + buffers; }  ///< Keras's total: trainable, frozen and buffers.
  Index keras_non_trainable() const { return frozen + buffers; }      ///< Keras's non-trainable: frozen and buffers.
  Index torch_total() const { return trainable + frozen; }            ///< PyTorch's total: trainable and frozen.

  /// keel's table; it ends with what Keras says, what PyTorch says, and why they differ.
  std::string to_string() const;
  /// As Keras 2 (up to 2.6) prints it. Layers of models inside the model stand by themselves.
  std::string keras() const;
  /// As Keras 3 prints it on a terminal `columns` wide (80 where there is no terminal). Layers of models inside the
  /// model stand by themselves. Throws ConfigError where Keras raises its error: below 20 columns, 27 with four
  /// columns of text.
  std::string keras3(int columns = 80) const;
  /// As torchsummary 1.5.1 prints it.
  std::string torchsummary() const;
  /// As torchinfo 1.8.0 prints it for the given batch.
  std::string torchinfo(Index batch = 1) const;
  /// Everything above as one JSON object.
  std::string json() const;
  /// Writes `to_string()`.

  template <class Traits>
  friend std::basic_ostream<char, Traits>& operator<<(std::basic_ostream<char, Traits>& out, const Summary& summary) {
    return out << summary.to_string();
  }
};

namespace detail {

/// The model's places as Keras orders them. A model without outputs is summed up as if every last place were one.
template <class T>
KerasOrder keras_order(const Model<T>& model) {
  const auto nodes = model.nodes();
  CallGraph graph;
  graph.input.resize(to_size(model.layer_count()), false);
  std::vector<bool> last(nodes.size(), true);
  for (const auto& node : nodes) {
    graph.calls.push_back({to_size(node.layer), {}});
    if (node.layer < 0) {
      graph.calls.back().layer = graph.input.size();
      graph.input.push_back(true);
    }
    for (const int input : node.inputs) {
      graph.calls.back().from.push_back(to_size(input));
      last[to_size(input)] = false;
    }
  }
  for (const int output : model.outputs()) graph.outputs.push_back(to_size(output));
  for (std::size_t n = 0; model.outputs().empty() && n < last.size(); ++n)
    if (last[n]) graph.outputs.push_back(n);
  KerasOrder order(graph);
  // places instead of layers, and no layer that leads nowhere
  const std::vector<bool> used = model.used_nodes();
  std::vector<std::size_t> first(graph.input.size(), nodes.size());
  for (std::size_t n = nodes.size(); n-- > 0;)
    if (used[n] || nodes[n].layer < 0) first[graph.calls[n].layer] = n;
  for (std::size_t& layer : order.layers) layer = first[layer];
  std::erase(order.layers, nodes.size());
  return order;
}

/// The row of one place, but for where it stands in the graph.
template <class T>
SummaryRow summary_row(const Model<T>& model, const typename Model<T>::NodeInfo& node) {
  SummaryRow row;
  row.name = node.name;
  row.output = node.shape;
  row.input = node.layer < 0;
  if (row.input) {
    row.type = dialects::keras_structure(dialects::KerasKind::input).name;
    return row;
  }
  const Layer<T>& layer = model.layer(node.layer);
  row.type = layer.type();
  std::vector<Shape> shapes;
  for (const int input : node.inputs) shapes.push_back(model.nodes()[to_size(input)].shape);
  row.multiply_adds = layer.multiply_adds(shapes);
  row.config = layer.config();
  row.from = std::move(shapes);
  for (const auto* parameter : layer.parameters()) {
    const bool buffer = parameter->kind() == ParameterKind::buffer;
    row.weights.push_back({parameter->name(), parameter->size(), buffer, parameter->frozen});
    (buffer ? row.buffers : parameter->frozen ? row.frozen : row.trainable) += parameter->size();
  }
  return row;
}

/// Adds a layer's row and what it holds to a summary.
inline void count_row(Summary& summary, SummaryRow row) {
  if (!row.repeated) {
    summary.trainable += row.trainable;
    summary.frozen += row.frozen;
    summary.buffers += row.buffers;
  }
  summary.multiply_adds += row.multiply_adds;
  if (row.input)
    summary.inputs.push_back(row.output);
  else
    summary.activation_bytes += row.output.size() * summary.scalar_bytes;
  summary.rows.push_back(std::move(row));
}

}  // namespace detail

/// Throws nothing; `optimizer_values` is the number of values that an optimizer holds
/// (`OptimizerSpec::state_count`).
template <class T>
[[gnu::cold]] Summary summarize(const Model<T>& model, Index optimizer_values = 0) {
  Summary summary;
  summary.sequential = model.is_sequential();
  summary.named = !model.name().empty();
  summary.model = summary.named ? model.name() : summary.sequential ? "sequential" : "functional";
  summary.optimizer = optimizer_values;
  summary.scalar_bytes = static_cast<Index>(sizeof(T));
  const auto nodes = model.nodes();
  const detail::KerasOrder order = detail::keras_order(model);
  const std::vector<bool> used = model.used_nodes(), used_layers = model.used_layers();
  std::vector<Index> calls(to_size(model.layer_count()), 0);
  std::vector<bool> seen(calls.size(), false);
  std::vector<std::string> places;
  std::vector<std::size_t> row_of(nodes.size(), 0);
  for (std::size_t n = 0; n < nodes.size(); ++n) {
    const auto& node = nodes[n];
    const std::size_t l = to_size(node.layer);
    places.push_back(node.name + "[" + std::to_string(node.layer < 0 ? 0 : calls[l]++) + "][0]");
    if (!used[n] && node.layer >= 0) continue;
    SummaryRow row = detail::summary_row(model, node);
    for (const int input : node.inputs) row.connected_to.push_back(places[to_size(input)]);
    row.depth = order.depth[n];
    row.repeated = !row.input && seen[l];
    if (!row.input) seen[l] = true;
    row_of[n] = summary.rows.size();
    detail::count_row(summary, std::move(row));
  }
  for (const int output : model.outputs()) summary.outputs.push_back(nodes[to_size(output)].shape);
  for (const std::size_t n : order.layers) summary.keras_order.push_back(row_of[n]);
  for (std::size_t l = 0; l < used_layers.size(); ++l)
    if (!used_layers[l]) summary.unused.push_back(model.layer(static_cast<Index>(l)).name());
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
