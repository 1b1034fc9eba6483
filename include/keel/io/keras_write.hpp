#pragma once
/// Models as Keras's files: .keras and .weights.h5 (Keras 3), .h5, and TensorFlow.js layers models.

#include <keel/io/hdf5_write.hpp>
#include <keel/io/keras_file.hpp>
#include <keel/io/tfjs.hpp>

namespace keel::inline KEEL_ABI {

/// The three ways in which Keras writes a configuration: in .keras, in the .h5 of Keras 3, and as Keras 2 did.
enum class KerasStyle { keras3, keras3_h5, keras2 };

namespace io {

/// The version whose files these are like: BatchNorm on images keeps the biased variance in Keras 3, the unbiased
/// in 2.
inline constexpr const char* keras3_version = "3.11.0";
inline constexpr const char* keras2_version = "2.15.0";

/// A model as Keras would build it, which takes a ZeroPadding2D of its own where keel pads inside a convolution.
template <class T>
class KerasWriter {
 public:
  struct Ref {
    std::string layer;
    Index call;
    Shape shape;
  };
  struct Written {
    std::string type, name;
    Json config;
    Index layer;  ///< -1: none in keel
    Shape in;
    std::vector<std::vector<Ref>> calls;
  };

  KerasWriter(const Model<T>& model, KerasStyle style) : model_(model), style_(style) {
    for (const auto& node : model.nodes()) node.layer < 0 ? add_input(node) : add_call(node);
  }
  const std::vector<Written>& layers() const { return layers_; }

  Json json() const {
    const bool sequential = model_.is_sequential();
    Json layers = Json::array();
    for (const Written& layer : layers_) {
      Json json = object("keras.layers", layer.type, layer.config);
      if (style_ == KerasStyle::keras3 && layer.type != "InputLayer")
        json["build_config"] = Json::object({{"input_shape", batched(layer.in)}});
      if (!sequential) {
        json["name"] = layer.name;
        json["inbound_nodes"] = Json::array();
        for (const auto& call : layer.calls) json["inbound_nodes"].push_back(inbound(layer, call));
      }
      layers.push_back(std::move(json));
    }
    Json config = {
        {"name", model_.name().empty() ? (sequential ? "sequential" : "functional") : plain(model_.name())},
        {"layers", layers}};
    if (style_ != KerasStyle::keras2) config["trainable"] = true;
    if (!sequential) {
      config["input_layers"] = Json::array();
      config["output_layers"] = Json::array();
      for (const int node : model_.inputs())
        config["input_layers"].push_back(tensor(places_[static_cast<std::size_t>(node)]));
      for (const int node : model_.outputs())
        config["output_layers"].push_back(tensor(places_[static_cast<std::size_t>(node)]));
    } else if (style_ == KerasStyle::keras3) {
      config["build_input_shape"] = batched(model_.input_shape());
    }
    Json root = object("keras", sequential ? "Sequential" : "Functional", std::move(config));
    if (style_ == KerasStyle::keras3 && sequential)
      root["build_config"] = Json::object({{"input_shape", batched(model_.input_shape())}});
    return root;
  }

 private:
  static Json pairs(Index top, Index bottom, Index left, Index right) {
    return Json::array({Json::array({top, bottom}), Json::array({left, right})});
  }
  static Json tensor(const Ref& ref) { return Json::array({ref.layer, ref.call, 0}); }
  static Json batched(const Shape& shape) {
    Json dims = Json::array({nullptr});
    for (const Index dim : shape) dims.push_back(dim);
    return dims;
  }
  static std::string plain(std::string name) {
    for (char& c : name)
      if (c == '/') c = '_';
    return name;
  }
  static const char* dtype() { return std::is_same_v<T, float> ? "float32" : "float64"; }
  Json object(const char* module, const std::string& type, Json config) const {
    Json json = {{"class_name", type}, {"config", std::move(config)}};
    if (style_ == KerasStyle::keras3) json["module"] = module, json["registered_name"] = nullptr;
    return json;
  }
  Json inbound(const Written& layer, const std::vector<Ref>& call) const {
    Json tensors = Json::array();
    for (const Ref& ref : call)
      if (style_ == KerasStyle::keras2)
        tensors.push_back(Json::array({ref.layer, ref.call, 0, Json::object()}));
      else
        tensors.push_back(
            {{"class_name", "__keras_tensor__"},
             {"config", {{"shape", batched(ref.shape)}, {"dtype", dtype()}, {"keras_history", tensor(ref)}}}});
    if (style_ == KerasStyle::keras2) return tensors;
    const bool merges = layer.type == "Add" || layer.type == "Multiply" || layer.type == "Concatenate";
    return {{"args", merges ? Json::array({tensors}) : tensors}, {"kwargs", Json::object()}};
  }

  std::string unique(const std::string& wanted) {
    std::string name = plain(wanted);
    for (int i = 1; !names_.insert(name).second; ++i) name = plain(wanted) + "_" + std::to_string(i);
    return name;
  }
  using NodeInfo = typename Model<T>::NodeInfo;
  void add_input(const NodeInfo& node) {
    const std::string name = unique(node.name);
    layers_.push_back({"InputLayer",
                       name,
                       {{style_ == KerasStyle::keras2 ? "batch_input_shape" : "batch_shape", batched(node.shape)},
                        {"dtype", dtype()},
                        {"sparse", false},
                        {"name", name}},
                       -1,
                       node.shape,
                       {}});
    places_.push_back({name, 0, node.shape});
  }
  void add_call(const NodeInfo& node) {
    std::vector<Ref> from;
    for (const int input : node.inputs) from.push_back(places_[static_cast<std::size_t>(input)]);
    const auto known =
        std::find_if(layers_.begin(), layers_.end(), [&](const Written& w) { return w.layer == node.layer; });
    if (known == layers_.end()) {
      const Layer<T>& layer = model_.layer(node.layer);
      Config config = layer.config();
      const std::string name = unique(layer.name());
      if (const Json sides = take_padding(config, layer); !sides.is_null()) {
        pads_[node.layer] = layers_.size();
        const std::string pad = unique(layer.name() + "_padding");
        layers_.push_back({"ZeroPadding2D", pad, base(pad, false), -1, from[0].shape, {}});
        layers_.back().config["padding"] = sides;
        layers_.back().config["data_format"] = "channels_last";
      }
      if (pads_.count(node.layer)) pad_input(pads_[node.layer], from);
      layers_.push_back({layer.type(), name, options(layer, config, name), node.layer, from[0].shape, {from}});
      places_.push_back({name, 0, node.shape});
      return;
    }
    const auto at = static_cast<std::size_t>(known - layers_.begin());
    if (pads_.count(node.layer)) pad_input(pads_[node.layer], from);
    places_.push_back({layers_[at].name, static_cast<Index>(layers_[at].calls.size()), node.shape});
    layers_[at].calls.push_back(from);
  }
  void pad_input(std::size_t pad, std::vector<Ref>& from) {
    Written& layer = layers_[pad];
    layer.calls.push_back(from);
    const Json& p = layer.config["padding"];
    const auto side = [&](std::size_t a) { return p[a][0].get<Index>() + p[a][1].get<Index>(); };
    from[0] = {layer.name,
               static_cast<Index>(layer.calls.size()) - 1,
               {from[0].shape[0] + side(0), from[0].shape[1] + side(1), from[0].shape[2]}};
  }
  Json base(const std::string& name, bool frozen) const {
    Json config = {{"name", name}, {"trainable", !frozen}, {"dtype", dtype()}};
    if (style_ != KerasStyle::keras2)
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
  /// Explicit padding of a convolution as ZeroPadding2D has it; the layer itself pads nothing then.
  static Json take_padding(Config& config, const Layer<T>& layer) {
    if (layer.type() == "ZeroPadding2D" || !config.find("padding")) return nullptr;
    Padding padding = Padding::valid;
    read_option(config, "padding", padding);
    if (padding.mode != Padding::Mode::fixed) return nullptr;
    config.set("padding", std::string("valid"));
    if (padding == Padding(0) && layer.type() != "Conv2DTranspose") return nullptr;
    if (!config.find("kernel_size") || layer.type() == "Conv2DTranspose")
      refuse(layer, "padding same or valid, all that Keras has", padding.to_string(), "save as .safetensors");
    return pairs(padding.top, padding.bottom, padding.left, padding.right);
  }
  /// keel's options as Keras names them.
  Json options(const Layer<T>& layer, const Config& config, const std::string& name) const {
    const std::string type = layer.type();
    const auto& known = keras_layers();
    const auto found =
        std::find_if(known.begin(), known.end(), [&](const KerasOptions& o) { return type == o.type; });
    if (found == known.end())
      refuse(layer, "a layer that Keras has", "a class of your own", "save as .safetensors");
    if (config.get<bool>("ceil_mode", false))
      refuse(layer, "ceil_mode false, all that Keras has", "true", "save as .safetensors");
    Json json = base(name, layer.frozen() == Freeze::layer);
    for (const char* key : found->keys) {
      const Config::Value* value = config.find(key);
      if (value) std::visit([&](const auto& held) { json[key] = held; }, *value);
    }
    const ActivationSpec activation = layer.activation();
    if (json.contains("activation")) {
      if (activation.kind == Activation::gelu_tanh)
        refuse(layer, "an activation that Keras has a name for", "gelu_tanh", "save as .safetensors");
      const double usual = activation.kind == Activation::leaky_relu ? 0.2 : 1.0;
      if ((activation.kind == Activation::leaky_relu || activation.kind == Activation::elu) &&
          activation.alpha != usual)
        refuse(layer, "Keras's alpha of " + std::to_string(usual) + " inside a layer",
               std::to_string(activation.alpha), "add a LeakyReLU or ELU layer");
    }
    if (type == "ZeroPadding2D") {
      const auto sides = config.get<std::vector<Index>>("padding", {0, 0, 0, 0});
      json["padding"] = pairs(sides.at(0), sides.at(1), sides.at(2), sides.at(3));
    }
    if (type == "Conv2DTranspose") json.erase("output_padding");
    if (type == "BatchNormalization" || type == "Normalization") json["axis"] = -1;
    if (type == "ReLU" && !json.contains("max_value")) json["max_value"] = nullptr;
    if (type == "LeakyReLU" && style_ == KerasStyle::keras2) {
      const Json slope = json["negative_slope"];
      json.erase("negative_slope");
      json["alpha"] = slope;
    }
    if (type.find("2D") != type.npos || type == "Flatten") json["data_format"] = "channels_last";
    return json;
  }

  const Model<T>& model_;
  KerasStyle style_;
  std::vector<Written> layers_;
  std::vector<Ref> places_;  // of each node
  std::map<Index, std::size_t> pads_;
  std::set<std::string> names_;
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

/// Keras 3's own layout: see KerasWeights::read_paths.
template <class T>
Hdf5Writer keras_paths(const Model<T>& model, const KerasWriter<T>& written) {
  Hdf5Writer file;
  std::map<std::string, int> counts;
  for (const auto& layer : written.layers()) {
    if (model.is_sequential() && layer.type == "InputLayer") continue;
    std::string base = snake_case(layer.type);
    if (const int count = counts[base]++) base += "_" + std::to_string(count);
    const std::string vars = "layers/" + base + "/vars";
    file.group(vars);
    file.attribute(vars, "name", layer.name);
    if (layer.layer < 0) continue;
    int i = 0;
    for (NamedArray& array : keras_arrays(model.layer(layer.layer)))
      file.dataset(vars + "/" + std::to_string(i++), std::move(array));
  }
  return file;
}

/// The older layout: see KerasWeights::read_groups.
template <class T>
void keras_groups(Hdf5Writer& file, const Model<T>& model, const KerasWriter<T>& written, const std::string& root,
                  bool keras2) {
  std::vector<std::string> names;
  for (const auto& layer : written.layers()) {
    if (model.is_sequential() && layer.type == "InputLayer") continue;
    names.push_back(layer.name);
    const std::string group = root + "/" + layer.name;
    file.group(group);
    if (layer.layer < 0) continue;
    std::vector<std::string> weights;
    for (NamedArray& array : keras_arrays(model.layer(layer.layer))) {
      weights.push_back(layer.name + "/" + array.name + (keras2 ? ":0" : ""));
      file.dataset(group + "/" + weights.back(), std::move(array));
    }
    if (!weights.empty()) file.attribute(group, "weight_names", weights);
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

/// Writes a .keras file, Keras 3's own: configuration and weights. Keras 3 keeps the biased moving variance,
/// whatever the layer's option here. `probe` is a text of io/probe.hpp, which Keras ignores. Throws ConfigError
/// for what Keras does not have.
template <class T>
void save_keras(const Model<T>& model, const std::string& path, const std::string& probe = {}) {
  const io::KerasWriter<T> writer(model, KerasStyle::keras3);
  Json metadata = {{"keras_version", io::keras3_version}, {"generated_by", "keel"}};
  if (!probe.empty()) metadata["probe"] = probe;
  ZipWriter zip;
  zip.add_text("metadata.json", metadata.dump());
  zip.add_text("config.json", writer.json().dump());
  const Bytes weights = io::keras_paths(model, writer).bytes();
  zip.add("model.weights.h5", weights);
  zip.write(path);
}

/// Writes a .weights.h5 as Keras 3's save_weights does.
template <class T>
void save_keras_weights(const Model<T>& model, const std::string& path) {
  io::keras_paths(model, io::KerasWriter<T>(model, KerasStyle::keras3)).write(path);
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
  io::keras_groups(file, model, writer, "model_weights", keras2);
  file.write(path);
}

/// Writes a TensorFlow.js layers model: model.json and shards beside it.
template <class T>
void save_tfjs(const Model<T>& model, const std::string& path) {
  const io::KerasWriter<T> writer(model, KerasStyle::keras2);
  Archive archive{path, "tfjs", {}, {}};
  for (const auto& layer : writer.layers())
    if (layer.layer >= 0)
      for (const Parameter<T>* parameter : model.layer(layer.layer).parameters()) {
        const NamedArray array = to_array(layer.name + "/" + parameter->name(), parameter->value());
        archive.tensors.push_back(to_array(array.name, to_tensor<float>(array, path)));
      }
  archive.metadata["modelTopology"] = Json({{"keras_version", "tfjs-layers 4.22.0"},
                                            {"backend", "tensor_flow.js"},
                                            {"model_config", writer.json()}})
                                          .dump();
  write_tfjs(path, archive);
}

}  // namespace keel::inline KEEL_ABI
