#pragma once
/// Keras's model configurations, of Keras 2 and 3, as keel models: Sequential and Functional, nested and shared.

#include <map>
#include <optional>
#include <set>

#include <keel/io/keras/options.hpp>

namespace keel {
inline namespace KEEL_ABI {

/// A layer of a Keras model and what it became: a keel layer, or, for a model inside a model, layers of its own.
struct KerasLayer {
  std::string type, name;
  Index layer = -1;  ///< -1: no keel layer (InputLayer)
  std::vector<KerasLayer> layers;
  bool is_model = false;
  Shape chw{};  ///< rank 3: a Dense whose input was flattened from channels-first maps of this shape
};

template <class T>
struct KerasModel {
  Model<T> model;
  KerasLayer root;
  std::string probe{};  ///< of a .keras that keel wrote with one: see io/probe.hpp
};

namespace io {

using namespace formats;

/// Builds a keel model from a Keras configuration.
template <class T>
class KerasReader {
 public:
  KerasReader(const std::string& where, const std::string& keras_version, ModelOptions options, Weights weights)
      : where_(where),
        keras2_(!keras_version.starts_with("3")),
        unbiased_(keras2_ && !keras_version.starts_with("tfjs")),
        model_(std::move(options), weights) {}

  KerasModel<T> read(const Json& json) {
    find_data_format(json);
    const std::string type = member<std::string>(json, "class_name", where_);
    const Json config = member<Json>(json, "config", where_);
    KerasLayer root{type, name_of(config), -1, {}, true, {}};
    std::vector<Value> inputs;
    std::vector<Shape> shapes;
    if (type == "Sequential") {
      inputs.push_back(new_input(sequential_shape(json), "input_layer"));
      const std::vector<Value> outputs = run_sequential(config, inputs, root, "");
      model_.finish(outputs[0].node);
    } else if (type == "Functional" || type == "Model") {
      for (const Value& output : run_functional(config, {}, root, "", true)) model_.output(output.node);
    } else {
      throw FormatError(where_, "a Sequential or Functional model", "class " + shown(type),
                        "a subclassed model has no architecture in its file: build it in code and use load_weights");
    }
    return {std::move(model_), std::move(root)};
  }

 private:
  /// A place in the graph; `chw` holds while the values are those of channels-first maps flattened in their own
  /// order.
  struct Value {
    Node node;
    Shape chw{};
  };

  static std::string name_of(const Json& config) {
    return config.is_object() && config.contains("name") && config["name"].is_string()
               ? config["name"].get<std::string>()
               : "";
  }

  /// One data_format for all layers but Flatten, whose own says only how it orders the values.
  void find_data_format(const Json& json) {
    if (json.is_array()) {
      for (const Json& each : json) find_data_format(each);
    } else if (json.is_object()) {
      const bool flatten = json.contains("class_name") && json["class_name"] == "Flatten";
      if (!flatten && json.contains("data_format") && json["data_format"].is_string()) {
        const bool first = json["data_format"] == "channels_first";
        if (format_ && *format_ != first)
          throw FormatError(where_, "one data_format in all layers", "both channels_first and channels_last",
                            "make the model with one of them in Keras");
        format_ = first;
      }
      if (!flatten)
        for (const auto& [key, value] : json.items()) find_data_format(value);
    }
  }
  bool channels_first() const { return format_.value_or(false); }

  Shape sample_shape(const Json& batch_shape) const {
    std::vector<Index> dims;
    if (!batch_shape.is_array() || batch_shape.empty())
      throw FormatError(where_, "an input shape", batch_shape.dump().substr(0, 80));
    for (std::size_t i = 1; i < batch_shape.size(); ++i) {
      if (!batch_shape[i].is_number_integer())
        throw FormatError(where_, "an input whose extents are known", batch_shape.dump().substr(0, 80),
                          "make the model with a whole Input shape in Keras and save it again");
      dims.push_back(batch_shape[i].get<Index>());
    }
    if (channels_first() && dims.size() == 3) std::rotate(dims.begin(), dims.begin() + 1, dims.end());
    return Shape(std::span<const Index>(dims));
  }
  std::optional<Json> batch_shape_of(const Json& config) const {
    for (const char* key : {"batch_shape", "batch_input_shape", "build_input_shape"})
      if (config.contains(key) && config[key].is_array()) return config[key];
    return std::nullopt;
  }
  Shape sequential_shape(const Json& json) const {
    const Json& config = json["config"];
    const Json& layers = config.is_array() ? config : member_ref(config, "layers");
    if (layers.is_array() && !layers.empty() && layers[0].is_object() && layers[0].contains("config")) {
      const Json& first = layers[0]["config"];
      if (const auto shape = batch_shape_of(first)) return sample_shape(*shape);
      if (first.is_object() && first.contains("layers") && layers[0]["class_name"] == "Sequential")
        return sequential_shape(layers[0]);
    }
    if (const auto shape = batch_shape_of(config)) return sample_shape(*shape);
    if (json.contains("build_config") && json["build_config"].contains("input_shape"))
      return sample_shape(json["build_config"]["input_shape"]);
    throw FormatError(where_, "the shape of the input", "a Sequential that was never built",
                      "begin it with an Input in Keras, or call its build(), and save it again");
  }
  const Json& member_ref(const Json& json, const char* name) const {
    if (!json.is_object() || !json.contains(name)) throw FormatError(where_, std::string("\"") + name + "\"", "none");
    return json[name];
  }

  Value new_input(const Shape& shape, const std::string& name) { return {model_.input(shape, unique(name)), {}}; }
  std::string unique(const std::string& name) {
    std::string result = name;
    for (int i = 1; !names_.insert(result).second; ++i) result = name + "_" + std::to_string(i);
    return result;
  }

  std::vector<Value> run_sequential(const Json& config, std::vector<Value> values, KerasLayer& into,
                                    const std::string& prefix) {
    const bool again = !into.layers.empty();
    std::size_t at = 0;
    for (const Json& json : config.is_array() ? config : member_ref(config, "layers")) {
      if (!again) into.layers.push_back(describe_layer(json));
      values = apply(json, into.layers[at++], std::move(values), prefix);
    }
    return values;
  }

  KerasLayer describe_layer(const Json& json) const {
    const std::string type = member<std::string>(json, "class_name", where_);
    return {type,
            name_of(member_ref(json, "config")),
            -1,
            {},
            type == "Sequential" || type == "Functional" || type == "Model",
            {}};
  }

  /// A Functional model on `arguments`, or, at the top, on new inputs of the keel model.
  std::vector<Value> run_functional(const Json& config, const std::vector<Value>& arguments, KerasLayer& into,
                                    const std::string& prefix, bool top) {
    const Json& layers = member_ref(config, "layers");
    if (into.layers.empty())
      for (const Json& json : layers) into.layers.push_back(describe_layer(json));

    std::map<std::string, std::vector<std::optional<std::vector<Value>>>> made;  // name -> call -> outputs
    const auto refs = tensors_of(member_ref(config, "input_layers"));
    if (!top && refs.size() != arguments.size())
      throw FormatError(where_ + ": " + into.name, std::to_string(refs.size()) + " inputs",
                        std::to_string(arguments.size()));
    std::vector<std::vector<std::vector<Ref>>> calls;
    for (const Json& json : layers) calls.push_back(calls_of(json));
    std::vector<Ref> results = tensors_of(member_ref(config, "output_layers"));
    std::vector<Ref*> uses;
    for (auto& layer : calls)
      for (auto& call : layer)
        for (Ref& ref : call) uses.push_back(&ref);
    for (Ref& ref : results) uses.push_back(&ref);
    count_from_zero(layers, into, uses);

    for (std::size_t i = 0; i < refs.size(); ++i) {
      const auto layer = std::find_if(layers.begin(), layers.end(),
                                      [&](const Json& json) { return layer_name(json) == refs[i].layer; });
      if (layer == layers.end())
        throw FormatError(where_, "an input layer " + shown(refs[i].layer), "none of that name");
      const auto shape = batch_shape_of(member_ref(*layer, "config"));
      if (!shape) throw FormatError(where_ + ": " + refs[i].layer, "an input shape", "none");
      made[refs[i].layer] = {std::vector<Value>{top ? new_input(sample_shape(*shape), refs[i].layer) : arguments[i]}};
    }
    for (bool progress = true, waiting = true; waiting;) {
      if (!progress)
        throw FormatError(where_, "a graph without cycles whose inputs exist",
                          "layers that wait for each other" + waiting_for(layers, calls, made));
      progress = waiting = false;
      for (std::size_t l = 0; l < layers.size(); ++l) {
        auto& outputs = made[layer_name(layers[l])];
        if (layers[l]["class_name"] == "InputLayer") continue;
        outputs.resize(calls[l].size());
        for (std::size_t call = 0; call < calls[l].size(); ++call) {
          if (outputs[call]) continue;
          std::vector<Value> inputs;
          for (const Ref& ref : calls[l][call]) {
            const auto source = made.find(ref.layer);
            if (source == made.end() || ref.call >= source->second.size() || !source->second[ref.call]) break;
            if (ref.tensor >= source->second[ref.call]->size())
              throw FormatError(where_ + ": " + ref.layer, "outputs up to " + std::to_string(ref.tensor), "fewer");
            inputs.push_back((*source->second[ref.call])[ref.tensor]);
          }
          if (inputs.size() != calls[l][call].size()) {
            waiting = true;
            continue;
          }
          outputs[call] = apply(layers[l], into.layers[l], std::move(inputs), prefix);
          progress = true;
        }
      }
    }
    std::vector<Value> outputs;
    for (const Ref& ref : results) {
      const auto source = made.find(ref.layer);
      if (source == made.end() || ref.call >= source->second.size() || !source->second[ref.call] ||
          ref.tensor >= source->second[ref.call]->size())
        throw FormatError(where_, "an output of layer " + shown(ref.layer), "none");
      outputs.push_back((*source->second[ref.call])[ref.tensor]);
    }
    return outputs;
  }

  struct Ref {
    std::string layer;
    std::size_t call, tensor;
  };
  static std::string layer_name(const Json& json) {
    return json.contains("name") && json["name"].is_string() ? json["name"].get<std::string>()
                                                             : name_of(json["config"]);
  }
  Ref ref_of(const Json& json) const {
    if (!json.is_array() || json.size() < 3 || !json[0].is_string() || !json[1].is_number_unsigned() ||
        !json[2].is_number_unsigned())
      throw FormatError(where_, "a tensor as [layer, call, output]", json.dump().substr(0, 80));
    return {json[0].get<std::string>(), json[1].get<std::size_t>(), json[2].get<std::size_t>()};
  }
  /// [["a", 0, 0], ...], one such, or Keras 3's nests of them.
  std::vector<Ref> tensors_of(const Json& json) const {
    if (json.is_array() && !json.empty() && json[0].is_string()) return {ref_of(json)};
    std::vector<Ref> refs;
    for (const Json& each : json)
      for (const Ref& ref : tensors_of(each)) refs.push_back(ref);
    return refs;
  }
  /// To most writers a model inside has been called once already, when it was made: its first call is number 1 to
  /// them. Every call is used somewhere.
  static void count_from_zero(const Json& layers, const KerasLayer& into, const std::vector<Ref*>& uses) {
    std::set<std::string> models;
    for (std::size_t l = 0; l < layers.size(); ++l)
      if (into.layers[l].is_model) models.insert(layer_name(layers[l]));
    for (const Ref* use : uses)
      if (use->call == 0) models.erase(use->layer);
    for (Ref* use : uses) use->call -= models.count(use->layer);
  }
  /// The inputs of each call of a layer.
  std::vector<std::vector<Ref>> calls_of(const Json& json) const {
    std::vector<std::vector<Ref>> calls;
    for (const Json& node : member_ref(json, "inbound_nodes")) {
      std::vector<Ref> refs;
      if (node.is_array())
        for (const Json& tensor : node) refs.push_back(ref_of(tensor));
      else
        histories(node, refs);
      calls.push_back(std::move(refs));
    }
    return calls;
  }
  /// Keras 3: tensors among a call's arguments, in order.
  void histories(const Json& json, std::vector<Ref>& refs) const {
    if (json.is_object() && json.contains("class_name") && json["class_name"] == "__keras_tensor__") {
      refs.push_back(ref_of(member_ref(member_ref(json, "config"), "keras_history")));
    } else {
      for (const Json& value : json) histories(value, refs);
      for (const auto& [key, value] : json.items()) histories(value, refs);
    }
  }
  template <class Made>
  std::string waiting_for(const Json& layers, const std::vector<std::vector<std::vector<Ref>>>& calls,
                          const Made& made) const {
    for (std::size_t l = 0; l < layers.size(); ++l)
      for (const auto& call : calls[l])
        for (const Ref& ref : call) {
          const auto source = made.find(ref.layer);
          if (source == made.end() || ref.call >= source->second.size() || !source->second[ref.call])
            return ": " + layer_name(layers[l]) + " for " + ref.layer;
        }
    return "";
  }

  std::vector<Value> apply(const Json& json, KerasLayer& layer, std::vector<Value> inputs, const std::string& prefix) {
    const Json& config = member_ref(json, "config");
    const std::string where = where_ + ": layer " + shown(layer.name) + " (" + layer.type + ")";
    // models that call models that call models take little space in a file
    if (++calls_ > max_calls) throw FormatError(where, "at most " + std::to_string(max_calls) + " calls", "more");
    if (layer.type == "InputLayer") return inputs;
    if (layer.is_model) {
      const std::string inner = prefix + layer.name + "/";
      if (layer.type == "Sequential") return run_sequential(config, std::move(inputs), layer, inner);
      return run_functional(config, inputs, layer, inner, false);
    }
    if (inputs.empty()) throw FormatError(where, "inputs", "none");
    std::vector<Node> nodes;
    std::vector<Shape> shapes;
    Shape chw;
    for (const Value& input : inputs) {
      nodes.push_back(input.node);
      shapes.push_back(model_.nodes()[static_cast<std::size_t>(input.node.index)].shape);
      if (input.chw.rank() == 3) chw = input.chw;
    }
    if (chw.rank() == 3 && layer.type != "Dense" && layer.type != "Dropout" && layer.type != "Activation" &&
        layer.type != "ReLU")
      throw FormatError(where, "Dense after a Flatten of channels-first maps", layer.type,
                        "make the model with channels_last in Keras");

    if (layer.layer >= 0)
      return {{model_.share(first_[static_cast<std::size_t>(layer.layer)], nodes, where),
               layer.type == "Dense" ? Shape{} : chw}};

    Config options = keras_options(layer.type, config, keras2_, where);
    const Index rank = shapes[0].rank() + 1;
    if (layer.type == "BatchNormalization" || layer.type == "Concatenate" || layer.type == "Softmax")
      adapt_axis(options, config, layer.type, rank, where);
    // tf.keras's fused kernel, on images, keeps the unbiased variance; TensorFlow.js does not
    if (layer.type == "BatchNormalization" && unbiased_ && rank == 4) options.set("unbiased", true);
    AnyLayer<T> made = [&] {
      try {
        return make_layer<T>(layer.type, options);
      } catch (const Error& error) {
        throw FormatError(where, error.expected(), error.got(), error.hint());
      }
    }();
    // keel writes a name in full where another model has the same
    made->rename(unique(layer.name.starts_with(prefix) ? layer.name : prefix + layer.name));
    const Node node = model_.add(std::move(made), nodes, where);
    layer.layer = model_.layer_count() - 1;
    layer.chw = layer.type == "Dense" ? chw : Shape{};
    first_.push_back(node);
    if (config.contains("trainable") && config["trainable"] == false) model_.layer(layer.layer).freeze(Freeze::layer);
    if (layer.type == "Dense") chw = Shape{};
    if (layer.type == "Flatten" && channels_first() && shapes[0].rank() == 3 &&
        config.value("data_format", "channels_last") == std::string("channels_last"))
      chw = Shape{shapes[0][2], shapes[0][0], shapes[0][1]};
    return {{node, chw}};
  }

  /// Axes of Keras count the batch; keel's normalised axis is the last one.
  void adapt_axis(Config& options, const Json& config, const std::string& type, Index rank,
                  const std::string& where) const {
    Json axis = config.value("axis", Json(-1));
    if (axis.is_array() && axis.size() == 1) axis = axis[0];
    if (!axis.is_number_integer()) throw FormatError(where, "one axis", axis.dump());
    Index at = axis.get<Index>();
    if (at < 0) at += rank;
    if (channels_first() && rank == 4 && at > 0) at = at == 1 ? 3 : at - 1;
    if (type == "Concatenate") return options.set("axis", at);
    if (at != rank - 1)
      throw FormatError(where, "the axis of the channels", "axis " + axis.dump(),
                        "keel has this layer on the channels only");
    if (type == "Softmax") options.set("axis", Index{-1});
  }

  static constexpr std::size_t max_calls = 100'000;

  std::string where_;
  std::size_t calls_ = 0;
  bool keras2_, unbiased_;
  ModelBuilder<T> model_;
  std::optional<bool> format_;
  std::vector<Node> first_;
  std::set<std::string> names_;
};

}  // namespace io

/// A model from a Keras configuration: {"class_name": "Sequential", "config": ...}. `keras_version` decides what
/// Keras 2 and 3 mean differently. channels_first models become channels-last ones, which take channels-last
/// images. Throws FormatError naming layer and class.
template <class T>
KerasModel<T> build_keras_model(const Json& json, const std::string& where, const std::string& keras_version,
                                ModelOptions options = {}, Weights weights = Weights::fresh) {
  try {
    return io::KerasReader<T>(where, keras_version, std::move(options), weights).read(json);
  } catch (const JsonError& error) {
    throw FormatError(where, "a Keras configuration with " + error.expected(), error.got());
  }
}

}  // namespace KEEL_ABI
}  // namespace keel
