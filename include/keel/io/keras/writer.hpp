#pragma once
/// Models as Keras's files: .keras and .weights.h5 (Keras 3), .h5, and TensorFlow.js layers models.

#include <keel/formats/hdf5/writer.hpp>
#include <keel/io/keras/file.hpp>
#include <keel/io/tfjs/archive.hpp>

namespace keel {
inline namespace KEEL_ABI {

/// The ways in which Keras writes a configuration: in .keras, in the .h5 of Keras 3, as Keras 2 did, and as
/// TensorFlow.js does.
enum class KerasStyle { keras3, keras3_h5, keras2, tfjs };

namespace io {

using namespace formats;

/// The version whose files these are like: BatchNorm on images keeps the biased variance in Keras 3, the unbiased
/// in 2.
inline constexpr const char* keras3_version = "3.11.0";
inline constexpr const char* keras2_version = "2.15.0";

/// A model's configuration as Keras would write it.
template <class T>
class KerasWriter {
 public:
  KerasWriter(const Model<T>& model, KerasStyle style)
      : model_(model), graph_(keras_graph(model)), style_(style), old_(style >= KerasStyle::keras2) {
    std::set<std::string> taken;
    if (style == KerasStyle::tfjs) keep_apart(graph_, "", taken);
  }
  const KerasGraph& graph() const { return graph_; }

  Json json() const {
    std::string name = model_.name();
    std::replace(name.begin(), name.end(), '/', '_');
    return model_json(graph_, name.empty() ? (graph_.sequential ? "sequential" : "functional") : name);
  }

 private:
  using Part = KerasGraph::Part;
  using Extents = KerasGraph::Extents;

  /// TensorFlow.js knows a weight by the name of its layer alone, so a name that is taken is written in full:
  /// "inner/dense".
  static void keep_apart(KerasGraph& graph, const std::string& prefix, std::set<std::string>& taken) {
    for (Part& part : graph.parts)
      if (part.layer >= 0 && !taken.insert(part.name).second) taken.insert(part.name = prefix + part.name);
    for (Part& part : graph.parts)
      if (part.model) keep_apart(*part.model, prefix + part.name + "/", taken);
  }

  Json model_json(const KerasGraph& graph, const std::string& name) const {
    Json layers = Json::array();
    for (std::size_t p = 0; p < graph.parts.size(); ++p) layers.push_back(part_json(graph, p));
    Json config = {{"name", name}, {"layers", layers}};
    if (!old_) config["trainable"] = true;
    const Json shape = graph.inputs.empty() ? Json() : batched(shape_of(graph, graph.inputs[0]));
    if (!graph.sequential) {
      config["input_layers"] = Json::array();
      config["output_layers"] = Json::array();
      for (const auto& value : graph.inputs) config["input_layers"].push_back(history(graph, value));
      for (const auto& value : graph.outputs) config["output_layers"].push_back(history(graph, value));
    } else if (style_ == KerasStyle::keras3) {
      config["build_input_shape"] = shape;
    }
    Json json = graph.sequential ? object("keras", "Sequential", std::move(config))
                                 : object("keras.src.models.functional", "Functional", std::move(config));
    if (style_ == KerasStyle::keras3) {
      if (graph.sequential)
        json["build_config"] = Json::object({{"input_shape", shape}});
      else
        json["registered_name"] = "Functional";  // not among Keras's public names
    }
    return json;
  }

  Json part_json(const KerasGraph& graph, std::size_t p) const {
    const Part& part = graph.parts[p];
    Json calls = Json::array(), shapes;
    for (const auto& call : graph.calls) {
      if (call.part != p) continue;
      if (shapes.is_null()) {
        shapes = Json::array();
        for (const auto& value : call.from) shapes.push_back(batched(shape_of(graph, value)));
        if (!takes_list(part)) shapes = call.from.empty() ? batched(call.results[0]) : shapes[0];
      }
      if (!call.from.empty()) calls.push_back(inbound(graph, call));
    }
    Json json =
        part.model ? model_json(*part.model, part.name) : object("keras.layers", part.type, config_of(part, shapes));
    if (style_ == KerasStyle::keras3 && !part.model && part.type != "InputLayer")
      json["build_config"] = Json::object({{"input_shape", shapes}});
    if (!graph.sequential) json["name"] = part.name, json["inbound_nodes"] = calls;
    return json;
  }
  /// Called on a list of tensors, not on one.
  static bool takes_list(const Part& part) {
    return part.type == "Add" || part.type == "Multiply" || part.type == "Concatenate" ||
           (part.model && part.model->inputs.size() > 1);
  }

  static Json pairs(const Padding& p) {
    return Json::array({Json::array({p.top, p.bottom}), Json::array({p.left, p.right})});
  }
  static Json batched(const Extents& shape) {
    Json dims = Json::array({nullptr});
    for (const Index dim : shape) dims.push_back(dim < 0 ? Json() : Json(dim));
    return dims;
  }
  static const Extents& shape_of(const KerasGraph& graph, const KerasGraph::Value& value) {
    return graph.calls[value.call].results[value.index];
  }
  static const char* dtype() { return std::is_same_v<T, float> ? "float32" : "float64"; }
  Json object(const char* module, const std::string& type, Json config) const {
    Json json = {{"class_name", type}, {"config", std::move(config)}};
    if (style_ == KerasStyle::keras3) json["module"] = module, json["registered_name"] = nullptr;
    return json;
  }

  /// [layer, which call of it, which of its results]. A model has been called once already when it was made,
  /// except for Keras 3's Sequential.
  Json history(const KerasGraph& graph, const KerasGraph::Value& value) const {
    const Part& part = graph.parts[graph.calls[value.call].part];
    std::size_t number = part.model && (old_ || !part.model->sequential);
    for (std::size_t c = 0; c < value.call; ++c) number += graph.calls[c].part == graph.calls[value.call].part;
    return Json::array({part.name, number, value.index});
  }
  Json inbound(const KerasGraph& graph, const KerasGraph::Call& call) const {
    Json tensors = Json::array();
    for (const auto& value : call.from) {
      Json tensor = history(graph, value);
      if (old_)
        tensor.push_back(Json::object());
      else
        tensor = {
            {"class_name", "__keras_tensor__"},
            {"config", {{"shape", batched(shape_of(graph, value))}, {"dtype", dtype()}, {"keras_history", tensor}}}};
      tensors.push_back(std::move(tensor));
    }
    if (old_) return tensors;
    return {{"args", takes_list(graph.parts[call.part]) ? Json::array({tensors}) : tensors},
            {"kwargs", Json::object()}};
  }

  Json config_of(const Part& part, const Json& input_shape) const {
    if (part.type == "InputLayer")
      return {{old_ ? "batch_input_shape" : "batch_shape", input_shape},
              {"dtype", dtype()},
              {"sparse", false},
              {"name", part.name}};
    if (part.layer >= 0) return options(model_.layer(part.layer), part.name);
    Json config = base(part.name, false);
    config["padding"] = pairs(part.padding);
    config["data_format"] = "channels_last";
    return config;
  }
  Json base(const std::string& name, bool frozen) const {
    Json config = {{"name", name}, {"trainable", !frozen}, {"dtype", dtype()}};
    if (!old_)
      config["dtype"] = Json::object({{"module", "keras"},
                                      {"class_name", "DTypePolicy"},
                                      {"config", Json::object({{"name", dtype()}})},
                                      {"registered_name", nullptr}});
    return config;
  }
  [[noreturn]] static void refuse(const Layer<T>& layer, const std::string& expected, const std::string& got,
                                  const std::string& hint) {
    throw ConfigError(layer.name() + " (" + layer.type() + ")", expected, got, hint);
  }
  /// Keras's layers pad as "same" or "valid"; what a convolution pads by itself is a ZeroPadding2D of its own.
  static void keep_padding(Config& config, const Layer<T>& layer) {
    if (layer.type() == "ZeroPadding2D" || !config.find("padding")) return;
    Padding padding = Padding::valid;
    read_option(config, "padding", padding);
    if (padding.mode != Padding::Mode::fixed) return;
    const bool none = padding == Padding(0) && layer.type() != "Conv2DTranspose";
    if (!none && own_padding(layer) == Padding::valid)
      refuse(layer, "padding same or valid, all that Keras has", padding.to_string(), "save as .safetensors");
    config.set("padding", std::string("valid"));
  }
  /// keel's options as Keras names them.
  Json options(const Layer<T>& layer, const std::string& name) const {
    const std::string type = layer.type();
    Config config = layer.config();
    keep_padding(config, layer);
    const auto& known = keras_layers();
    const auto found = std::find_if(known.begin(), known.end(), [&](const KerasOptions& o) { return type == o.type; });
    if (found == known.end()) refuse(layer, "a layer that Keras has", "a class of your own", "save as .safetensors");
    if (config.get<bool>("ceil_mode", false))
      refuse(layer, "ceil_mode false, all that Keras has", "true", "save as .safetensors");
    if (config.get<bool>("count_include_pad", false) && config.get<std::string>("padding", {}) == "same")
      refuse(layer, "count_include_pad false, all that Keras has", "true", "save as .safetensors");
    Json json = base(name, layer.frozen() == Freeze::layer);
    for (const char* key : found->keys) {
      const Config::Value* value = config.find(key);
      if (value) std::visit([&](const auto& held) { json[key] = held; }, *value);
    }
    const ActivationSpec activation = layer.acceleration().activation;
    if (json.contains("activation")) {
      if (activation.kind == Activation::gelu_tanh)
        refuse(layer, "an activation that Keras has a name for", "gelu_tanh", "save as .safetensors");
      if (old_ && (activation.kind == Activation::hard_sigmoid || activation.kind == Activation::hard_swish))
        refuse(layer, "an activation that Keras 2 has too",
               std::string(activation_name(activation.kind)) + " by clip(x / 6 + 0.5)", "save as .keras");
      const double usual = activation.kind == Activation::leaky_relu ? 0.2 : 1.0;
      if ((activation.kind == Activation::leaky_relu || activation.kind == Activation::elu) &&
          activation.alpha != usual)
        refuse(layer, "Keras's alpha of " + std::to_string(usual) + " inside a layer", std::to_string(activation.alpha),
               "add a LeakyReLU or ELU layer");
    }
    if (type == "ZeroPadding2D") {
      const auto sides = config.get<std::vector<Index>>("padding", {0, 0, 0, 0});
      json["padding"] = pairs({sides.at(0), sides.at(1), sides.at(2), sides.at(3)});
    }
    if (json.contains("output_padding") && style_ == KerasStyle::tfjs)
      refuse(layer, "no output_padding, which TensorFlow.js lacks", "some", "save as .keras");
    if (type == "BatchNormalization") json["axis"] = config.get<Index>("axis", -1);
    if (type == "Normalization") {
      json["axis"] = -1;
      if (!(config == Config{{"axis", Index{-1}}, {"invert", false}}))
        refuse(layer, "Normalization of the last axis by weights", "other options", "save as .safetensors");
    }
    if (type == "ReLU" && !json.contains("max_value")) json["max_value"] = nullptr;
    if (type == "LeakyReLU" && old_) {
      const Json slope = json["negative_slope"];
      json.erase("negative_slope");
      json["alpha"] = slope;
    }
    if (type.find("2D") != type.npos || type == "Flatten") json["data_format"] = "channels_last";
    return json;
  }

  const Model<T>& model_;
  KerasGraph graph_;
  KerasStyle style_;
  bool old_;  ///< as Keras 2
};

/// The arrays of a layer in Keras's order; Normalization also keeps how many values it has seen.
template <class T>
std::vector<NamedArray> keras_arrays(const Layer<T>& layer) {
  std::vector<NamedArray> arrays;
  for (const Parameter<T>* parameter : layer.parameters())
    arrays.push_back(to_array(parameter->name(), parameter->value()));
  if (layer.type() == "Normalization") arrays.push_back(to_array("count", Tensor<std::int32_t>(Shape{}, 0)));
  return arrays;
}

/// Keras 3's own layout, which both of its containers hold: see KerasWeights::read_paths.
template <class T>
std::vector<KerasVariables> keras_variables(const Model<T>& model) {
  std::vector<KerasVariables> all;
  keras_graph(model).places([](const KerasGraph& inner, const std::string&) { return !inner.sequential; },
                            [&](const KerasGraph::Part& part, const std::string& path) {
                              all.push_back({path, part.name, {}});
                              if (part.layer >= 0) all.back().arrays = keras_arrays(model.layer(part.layer));
                            });
  return all;
}

/// model.weights.h5: "layers/dense/vars/0".
inline Hdf5Writer keras_h5(std::vector<KerasVariables> variables) {
  Hdf5Writer file;
  for (KerasVariables& layer : variables) {
    const std::string vars = layer.path + "/vars";
    file.group(vars);
    file.attribute(vars, "name", layer.name);
    for (std::size_t i = 0; i < layer.arrays.size(); ++i)
      file.dataset(vars + "/" + std::to_string(i), std::move(layer.arrays[i]));
  }
  return file;
}

/// The older layout: see KerasWeights::read_groups. A model inside the model is one group: "inner/dense/kernel".
template <class T>
void keras_groups(Hdf5Writer& file, const Model<T>& model, const KerasGraph& graph, const std::string& root,
                  bool keras2) {
  std::vector<std::string> names;
  for (const KerasGraph::Part& part : graph.parts) {
    if (graph.sequential && part.type == "InputLayer") continue;
    names.push_back(part.name);
    const std::string group = root + "/" + part.name;
    file.group(group);
    std::vector<std::string> training, others;
    const auto write = [&](const auto& self, const KerasGraph::Part& at, const std::string& path) -> void {
      if (at.model)
        for (const KerasGraph::Part& inner : at.model->parts) self(self, inner, path + "/" + inner.name);
      if (at.layer < 0) return;
      const Layer<T>& layer = model.layer(at.layer);
      const auto parameters = layer.parameters();
      std::vector<NamedArray> arrays = keras_arrays(layer);
      for (std::size_t i = 0; i < arrays.size(); ++i) {
        const std::string name = path + "/" + arrays[i].name + (keras2 ? ":0" : "");
        file.dataset(group + "/" + name, std::move(arrays[i]));
        const bool trains = i < parameters.size() && parameters[i]->kind() == ParameterKind::trainable &&
                            layer.frozen() != Freeze::layer;
        (trains ? training : others).push_back(name);
      }
    };
    write(write, part, part.name);
    training.insert(training.end(), others.begin(), others.end());
    if (!training.empty()) file.attribute(group, "weight_names", training);
  }
  if (!names.empty()) file.attribute(root, "layer_names", names);
}

/// Whether BatchNorm on images keeps the unbiased variance, as Keras 2 on TensorFlow does.
template <class T>
bool keras2_like(const Model<T>& model) {
  for (const auto& node : model.nodes())
    if (node.layer >= 0 && node.shape.rank() == 3 &&
        model.layer(node.layer).config().template get<bool>("unbiased", false))
      return true;
  return false;
}

}  // namespace io

/// Where a .keras keeps its weights: in model.weights.h5, as Keras does, or in model.weights.npz, as it does where
/// it has no h5py.
enum class KerasContainer { h5, npz };

struct KerasSaveOptions {
  KerasContainer weights = KerasContainer::h5;
  std::string probe = {};  ///< a text of io/probe.hpp, which Keras ignores
};

/// Writes a .keras file, Keras 3's own: configuration and weights. Layers named "inner/..." are written as a model
/// inside the model where they are one. Keras 3 keeps the biased moving variance, whatever the layer's option
/// here, and a layer under Freeze::gradients is trainable there: Keras has nothing between that and Freeze::layer.
/// Throws ConfigError for what Keras does not have.
template <class T>
void save_keras(const Model<T>& model, const std::string& path, const KerasSaveOptions& options = {}) {
  Json metadata = {{"keras_version", io::keras3_version}, {"generated_by", "keel"}};
  if (!options.probe.empty()) metadata["probe"] = options.probe;
  ZipWriter zip;
  zip.add_text("metadata.json", metadata.dump());
  zip.add_text("config.json", io::KerasWriter<T>(model, KerasStyle::keras3).json().dump());
  const bool npz = options.weights == KerasContainer::npz;
  const Bytes weights =
      npz ? io::keras_npz(io::keras_variables(model)) : io::keras_h5(io::keras_variables(model)).bytes();
  zip.add(npz ? "model.weights.npz" : "model.weights.h5", weights);
  zip.write(path);
}

/// Writes a .weights.h5 as Keras 3's save_weights does.
template <class T>
void save_keras_weights(const Model<T>& model, const std::string& path) {
  io::keras_h5(io::keras_variables(model)).write(path);
}

/// Writes a whole model as .h5: as Keras 3 does, or, where BatchNorm keeps the unbiased variance of images, as
/// Keras 2 did.
template <class T>
void save_keras_h5(const Model<T>& model, const std::string& path) {
  const bool keras2 = io::keras2_like(model);
  const io::KerasWriter<T> writer(model, keras2 ? KerasStyle::keras2 : KerasStyle::keras3_h5);
  const std::string version = keras2 ? io::keras2_version : io::keras3_version;
  Hdf5Writer file;
  file.attribute("", "keras_version", version);
  file.attribute("", "backend", std::string("tensorflow"));
  file.attribute("", "model_config", writer.json().dump());
  file.group("model_weights");
  file.attribute("model_weights", "keras_version", version);
  file.attribute("model_weights", "backend", std::string("tensorflow"));
  io::keras_groups(file, model, writer.graph(), "model_weights", keras2);
  file.write(path);
}

/// Writes a TensorFlow.js layers model: model.json and shards beside it.
template <class T>
void save_tfjs(const Model<T>& model, const std::string& path) {
  const io::KerasWriter<T> writer(model, KerasStyle::tfjs);
  Archive archive{path, "tfjs", {}, {}};
  const auto write = [&](const auto& self, const io::KerasGraph& graph) -> void {
    for (const auto& part : graph.parts) {
      if (part.model) self(self, *part.model);
      if (part.layer < 0) continue;
      for (const Parameter<T>* parameter : model.layer(part.layer).parameters()) {
        const NamedArray array = to_array(part.name + "/" + parameter->name(), parameter->value());
        archive.tensors.push_back(to_array(array.name, to_tensor<float>(array, path)));
      }
    }
  };
  write(write, writer.graph());
  archive.metadata["modelTopology"] =
      Json({{"keras_version", "tfjs-layers 4.22.0"}, {"backend", "tensor_flow.js"}, {"model_config", writer.json()}})
          .dump();
  write_tfjs(path, archive);
}

KEEL_INSTANCE(void save_keras(const Model<float>&, const std::string&, const KerasSaveOptions&))
KEEL_INSTANCE(void save_keras_weights(const Model<float>&, const std::string&))
KEEL_INSTANCE(void save_keras_h5(const Model<float>&, const std::string&))
KEEL_INSTANCE(void save_tfjs(const Model<float>&, const std::string&))

}  // namespace KEEL_ABI
}  // namespace keel
