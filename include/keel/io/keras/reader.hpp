#pragma once
/// Keras's model configurations, of Keras 2, 3 and TensorFlow.js, as keel models: Sequential and Functional, nested and
/// shared, by one rule for all: what a key or an argument means is known, or the layer is refused by name, class and
/// key.

#include <map>

#include <keel/io/keras/layer_builder.hpp>

namespace keel {
inline namespace KEEL_ABI {

namespace io {

using namespace formats;

/// Builds a keel model from a Keras configuration.
template <class T>
class KerasReader {
 public:
  KerasReader(const std::string& where, const Json& json, KerasReadOptions options)
      : where_(where),
        json_(json),
        world_(world_of(options.version)),
        describe_(where, world_),
        calls_of_(where_),
        build_(describe_, world_, channels_first_axes(json), named(std::move(options), json)) {}

  KerasModel<T> read() {
    KerasLayer root = describe_.describe(json_, true);
    if (!root.is_model())
      throw FormatError(where_, "a Sequential or Functional model", "class " + shown(root.type),
                        "a subclassed model has no architecture in its file: build it in code and use load_weights");
    const Json& config = keras_member(json_, "config", where_);
    describe_.check_config(root, config);
    const KerasContext context{"", {}, says_frozen(json_)};
    const bool chain = root.row->kind == Kind::sequential;
    std::vector<KerasValue> outputs;
    if (chain)
      outputs =
          run_sequential(config, {build_.new_input(describe_.sequential_shape(json_), "input_layer")}, root, context);
    else
      outputs = run_functional(config, {}, root, context, true);
    build_.finish(outputs, chain, root.name);
    return build_.take(std::move(root));
  }

 private:
  using Kind = dialects::KerasKind;

  /// The model takes the file's name where the caller gave none.
  static KerasReadOptions named(KerasReadOptions options, const Json& json) {
    if (options.model.name.empty()) options.model.name = keras_layer_name(json);
    return options;
  }
  static unsigned world_of(const std::string& version) {
    return version.starts_with("3")      ? dialects::keras3
           : version.starts_with("tfjs") ? dialects::tfjs
                                         : dialects::keras2;
  }
  std::string who(const KerasLayer& layer) const { return describe_.who(layer); }

  std::vector<KerasValue> run_sequential(const Json& config, std::vector<KerasValue> values, KerasLayer& into,
                                         const KerasContext& context) {
    const bool again = !into.layers.empty();
    std::size_t at = 0;
    for (const Json& json : config.is_array() ? config : keras_member(config, "layers", where_)) {
      if (!again) into.layers.push_back(describe_.describe(json));
      std::vector<KerasOperand> operands;
      operands.reserve(values.size());
      for (KerasValue& value : values) operands.push_back({std::move(value), {}});
      values = apply(json, into.layers[at++], operands, context);
    }
    return values;
  }

  /// The results of each call of each layer of a Functional, as far as they have been made.
  class Made {
   public:
    std::vector<std::optional<std::vector<KerasValue>>>& of(const std::string& layer) { return calls_[layer]; }
    const KerasValue* find(const KerasTensor& tensor) const {
      const auto calls = calls_.find(tensor.layer);
      if (calls == calls_.end() || tensor.call >= calls->second.size() || !calls->second[tensor.call] ||
          tensor.index >= calls->second[tensor.call]->size())
        return nullptr;
      return &(*calls->second[tensor.call])[tensor.index];
    }

   private:
    std::map<std::string, std::vector<std::optional<std::vector<KerasValue>>>> calls_;
  };
  struct Graph {
    std::vector<std::vector<KerasCall>> calls;  ///< of each layer
    std::vector<KerasTensor> inputs, outputs;
  };

  Graph graph_of(const Json& config, const KerasLayer& into) {
    const Json& layers = keras_member(config, "layers", where_);
    Graph graph{{},
                calls_of_.tensors(keras_member(config, "input_layers", where_)),
                calls_of_.tensors(keras_member(config, "output_layers", where_))};
    for (std::size_t l = 0; l < layers.size(); ++l) graph.calls.push_back(calls_of_.of(layers[l], who(into.layers[l])));
    count_from_zero(into, graph);
    return graph;
  }
  /// To most writers a model inside has been called once already, when it was made: its first call is number 1 to
  /// them. Every call is used somewhere.
  static void count_from_zero(const KerasLayer& into, Graph& graph) {
    std::vector<KerasTensor*> uses;
    for (auto& layer : graph.calls)
      for (KerasCall& call : layer)
        for (KerasArgument& argument : call.arguments)
          if (argument.tensor) uses.push_back(&*argument.tensor);
    for (KerasTensor& output : graph.outputs) uses.push_back(&output);
    std::set<std::string> models;
    for (const KerasLayer& layer : into.layers)
      if (layer.is_model()) models.insert(layer.name);
    for (const KerasTensor* use : uses)
      if (use->call == 0) models.erase(use->layer);
    for (KerasTensor* use : uses) use->call -= models.count(use->layer);
  }

  /// A Functional model on `arguments`, or, at the top, on new inputs of the keel model.
  std::vector<KerasValue> run_functional(const Json& config, const std::vector<KerasValue>& arguments, KerasLayer& into,
                                         const KerasContext& context, bool top) {
    const Json& layers = keras_member(config, "layers", where_);
    if (into.layers.empty())
      for (const Json& json : layers) into.layers.push_back(describe_.describe(json));
    const Graph graph = graph_of(config, into);
    if (!top && graph.inputs.size() != arguments.size())
      throw FormatError(who(into), std::to_string(graph.inputs.size()) + " inputs", std::to_string(arguments.size()));
    Made made;
    for (std::size_t i = 0; i < graph.inputs.size(); ++i) {
      const KerasValue input = top ? functional_input(layers, graph.inputs[i].layer) : arguments[i];
      made.of(graph.inputs[i].layer) = {std::vector<KerasValue>{input}};
    }
    run_calls(layers, graph, into, context, made);
    std::vector<KerasValue> outputs;
    for (const KerasTensor& tensor : graph.outputs) {
      const KerasValue* const output = made.find(tensor);
      if (!output) throw FormatError(where_, "an output of layer " + shown(tensor.layer), "none");
      outputs.push_back(*output);
    }
    return outputs;
  }
  KerasValue functional_input(const Json& layers, const std::string& name) {
    const auto layer =
        std::find_if(layers.begin(), layers.end(), [&](const Json& json) { return keras_layer_name(json) == name; });
    if (layer == layers.end()) throw FormatError(where_, "an input layer " + shown(name), "none of that name");
    const auto shape = describe_.batch_shape_of(keras_member(*layer, "config", where_));
    if (!shape) throw FormatError(where_ + ": " + name, "an input shape", "none");
    return build_.new_input(*shape, name);
  }
  /// Every call as soon as all is there that it takes.
  void run_calls(const Json& layers, const Graph& graph, KerasLayer& into, const KerasContext& context, Made& made) {
    for (bool progress = true, waiting = true; waiting;) {
      if (!progress)
        throw FormatError(where_, "a graph without cycles whose inputs exist",
                          "layers that wait for each other" + waiting_for(into, graph, made));
      progress = waiting = false;
      for (std::size_t l = 0; l < layers.size(); ++l) {
        KerasLayer& layer = into.layers[l];
        if (layer.row && layer.row->kind == Kind::input) continue;
        auto& outputs = made.of(layer.name);
        outputs.resize(graph.calls[l].size());
        for (std::size_t call = 0; call < outputs.size(); ++call) {
          if (outputs[call]) continue;
          const auto operands = operands_of(graph.calls[l][call], made);
          waiting = waiting || !operands;
          if (!operands) continue;
          KerasContext inner = context;
          if (graph.calls[l][call].training) inner.training = graph.calls[l][call].training;
          auto results = apply(layers[l], layer, in_order(layers[l], layer, graph.calls[l][call], *operands), inner,
                               graph.calls[l][call].options);
          made.of(layer.name)[call] = std::move(results);
          progress = true;
        }
      }
    }
  }
  std::optional<std::vector<KerasOperand>> operands_of(const KerasCall& call, const Made& made) const {
    std::vector<KerasOperand> operands;
    for (const KerasArgument& argument : call.arguments) {
      const KerasValue* const value = argument.tensor ? made.find(*argument.tensor) : nullptr;
      if (argument.tensor && !value) return std::nullopt;
      operands.push_back({value ? std::optional(*value) : std::nullopt, argument.numbers, argument.extents});
    }
    return operands;
  }
  /// The arguments of a model that was called on a dict, whose keys are the names of its inputs.
  std::vector<KerasOperand> in_order(const Json& json, const KerasLayer& layer, const KerasCall& call,
                                     std::vector<KerasOperand> operands) const {
    if (!layer.row || layer.row->kind != Kind::functional || call.arguments.empty() || call.arguments[0].key.empty())
      return operands;
    std::vector<KerasOperand> sorted;
    for (const KerasTensor& input : calls_of_.tensors(keras_member(json["config"], "input_layers", where_)))
      for (std::size_t i = 0; i < operands.size(); ++i)
        if (call.arguments[i].key == input.layer) sorted.push_back(operands[i]);
    if (sorted.size() != operands.size())
      throw FormatError(who(layer), "a dict whose keys are the names of its inputs", "other keys");
    return sorted;
  }
  std::string waiting_for(const KerasLayer& into, const Graph& graph, const Made& made) const {
    for (std::size_t l = 0; l < graph.calls.size(); ++l)
      for (const KerasCall& call : graph.calls[l])
        for (const KerasArgument& argument : call.arguments)
          if (argument.tensor && !made.find(*argument.tensor))
            return ": " + into.layers[l].name + " for " + argument.tensor->layer;
    return "";
  }

  std::vector<KerasValue> apply(const Json& json, KerasLayer& layer, const std::vector<KerasOperand>& operands,
                                const KerasContext& context, const Json& options = {}) {
    const std::string where = who(layer);
    // models that call models that call models take little space in a file
    if (++calls_ > max_calls) throw FormatError(where, "at most " + std::to_string(max_calls) + " calls", "more");
    if (!layer.row) return {build_.operate(json, layer, operands, options, context, where)};
    std::vector<KerasValue> inputs;
    for (const KerasOperand& operand : operands) {
      if (!operand.value) throw FormatError(where, "calls on tensors", "a number", "keel does not have this");
      inputs.push_back(*operand.value);
    }
    if (layer.row->kind == Kind::input) return inputs;
    const Json inside = is_wrapper(layer.type) ? unwrapped(json, where) : Json();
    const Json& mine = inside.is_null() ? json : inside;
    const Json& config = keras_member(mine, "config", where);
    if (layer.is_model()) {
      const KerasContext inner{context.prefix + layer.name + "/", context.training,
                               context.frozen || says_frozen(json)};
      if (layer.row->kind == Kind::sequential) return run_sequential(config, std::move(inputs), layer, inner);
      return run_functional(config, inputs, layer, inner, false);
    }
    if (inputs.empty()) throw FormatError(where, "inputs", "none");
    return {build_.layer(mine, layer, inputs, context, where)};
  }

  static constexpr std::size_t max_calls = 100'000;

  std::string where_;
  const Json& json_;
  unsigned world_;
  KerasDescriptions describe_;
  KerasCalls calls_of_;
  KerasLayerBuilder<T> build_;
  std::size_t calls_ = 0;
};

}  // namespace io

/// A model from a Keras configuration: {"class_name": "Sequential", "config": ...}. channels_first models become
/// channels-last ones, which take channels-last images. Throws FormatError naming layer, class and key.
template <class T>
KerasModel<T> build_keras_model(const Json& json, const std::string& where, KerasReadOptions options = {}) {
  try {
    return io::KerasReader<T>(where, json, std::move(options)).read();
  } catch (const JsonError& error) {
    throw FormatError(where, "a Keras configuration with " + error.expected(), error.got());
  }
}

}  // namespace KEEL_ABI
}  // namespace keel
