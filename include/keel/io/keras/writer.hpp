#pragma once
/// A keel model's configuration as Keras 3, Keras 2 and TensorFlow.js write it.

#include <keel/io/keras/nesting.hpp>
#include <keel/io/keras/options.hpp>
#include <keel/model/model.hpp>

namespace keel {
inline namespace KEEL_ABI {

/// The ways in which Keras writes a configuration: in .keras, in the .h5 of Keras 3, as Keras 2 did, and as
/// TensorFlow.js does.
enum class KerasStyle { keras3, keras3_h5, keras2, tfjs };

namespace io {

using namespace formats;

/// A model's configuration as Keras would write it. Throws ConfigError for what that Keras does not have or computes
/// otherwise.
template <class T>
class KerasWriter {
 public:
  KerasWriter(const Model<T>& model, KerasStyle style)
      : model_(model), graph_(keras_graph(model)), style_(style), world_(world_of(style)) {
    std::set<std::string> taken;
    if (style == KerasStyle::tfjs) keep_apart(graph_, "", taken);
    std::string name = model_.name();
    std::replace(name.begin(), name.end(), '/', '_');
    const auto& usual = dialects::keras_structure(graph_.sequential ? Kind::sequential : Kind::functional).name;
    json_ = model_json(graph_, name.empty() ? snake_case(std::string(usual)) : name, "");
  }
  const KerasGraph& graph() const { return graph_; }
  const Json& json() const { return json_; }
  /// What Keras has no key for, and keel reads back: layer -> options. Null where there is nothing.
  const Json& kept() const { return kept_; }

 private:
  using Part = KerasGraph::Part;
  using Extents = KerasGraph::Extents;
  using Kind = dialects::KerasKind;

  static unsigned world_of(KerasStyle style) {
    return style == KerasStyle::tfjs     ? dialects::tfjs
           : style == KerasStyle::keras2 ? dialects::keras2
                                         : dialects::keras3;
  }
  /// As Keras 2, which TensorFlow.js took over.
  bool old() const { return world_ != dialects::keras3; }

  /// TensorFlow.js knows a weight by the name of its layer alone, so a name that is taken is written in full:
  /// "inner/dense".
  static void keep_apart(KerasGraph& graph, const std::string& prefix, std::set<std::string>& taken) {
    for (Part& part : graph.parts)
      if (part.layer >= 0 && !taken.insert(part.name).second) taken.insert(part.name = prefix + part.name);
    for (Part& part : graph.parts)
      if (part.model) keep_apart(*part.model, prefix + part.name + "/", taken);
  }

  Json model_json(const KerasGraph& graph, const std::string& name, const std::string& prefix) {
    Json layers = Json::array();
    for (std::size_t p = 0; p < graph.parts.size(); ++p) layers.push_back(part_json(graph, p, prefix));
    Json config = {{"name", name}, {"layers", layers}};
    if (!old()) config["trainable"] = true;
    const Json shape = graph.inputs.empty() ? Json() : batched(shape_of(graph, graph.inputs[0]));
    if (!graph.sequential) {
      config["input_layers"] = Json::array();
      config["output_layers"] = Json::array();
      for (const auto& value : graph.inputs) config["input_layers"].push_back(history(graph, value));
      for (const auto& value : graph.outputs) config["output_layers"].push_back(history(graph, value));
    } else if (style_ == KerasStyle::keras3) {
      config["build_input_shape"] = shape;
    }
    const dialects::KerasRow& row = dialects::keras_structure(graph.sequential ? Kind::sequential : Kind::functional);
    Json json = object(row, std::move(config));
    if (style_ == KerasStyle::keras3) {
      if (graph.sequential)
        json["build_config"] = Json::object({{"input_shape", shape}});
      else
        json["registered_name"] = std::string(row.name);  // not among Keras's public names
    }
    return json;
  }

  Json part_json(const KerasGraph& graph, std::size_t p, const std::string& prefix) {
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
        part.model ? model_json(*part.model, part.name, prefix + part.name + "/") : layer_json(part, shapes, prefix);
    if (style_ == KerasStyle::keras3 && !part.model && !part.is_input())
      json["build_config"] = Json::object({{"input_shape", shapes}});
    if (!graph.sequential) json["name"] = part.name, json["inbound_nodes"] = calls;
    return json;
  }
  /// Called on a list of tensors, not on one.
  static bool takes_list(const Part& part) {
    return part.model ? part.model->inputs.size() > 1 : part.row() && part.row()->takes_list;
  }

  static Json sides(const Padding& p, int axes) {
    if (axes == 1) return Json::array({p.left, p.right});
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
  Json object(const dialects::KerasRow& row, Json config) const {
    Json json = {{"class_name", std::string(row.name)}, {"config", std::move(config)}};
    if (style_ == KerasStyle::keras3) {
      json["module"] = std::string(row.module);
      json["registered_name"] = nullptr;
    }
    return json;
  }

  /// [layer, which call of it, which of its results]. A model has been called once already when it was made,
  /// except for Keras 3's Sequential.
  Json history(const KerasGraph& graph, const KerasGraph::Value& value) const {
    const Part& part = graph.parts[graph.calls[value.call].part];
    std::size_t number = part.model && (old() || !part.model->sequential);
    for (std::size_t c = 0; c < value.call; ++c) number += graph.calls[c].part == graph.calls[value.call].part;
    return Json::array({part.name, number, value.index});
  }
  Json inbound(const KerasGraph& graph, const KerasGraph::Call& call) const {
    const Part& part = graph.parts[call.part];
    const Json keywords = part.inference ? Json::object({{"training", false}}) : Json::object();
    Json tensors = Json::array();
    for (const auto& value : call.from) {
      Json tensor = history(graph, value);
      if (old())
        tensor.push_back(keywords);
      else
        tensor = {
            {"class_name", "__keras_tensor__"},
            {"config", {{"shape", batched(shape_of(graph, value))}, {"dtype", dtype()}, {"keras_history", tensor}}}};
      tensors.push_back(std::move(tensor));
    }
    if (old()) return tensors;
    return {{"args", takes_list(part) ? Json::array({tensors}) : tensors}, {"kwargs", keywords}};
  }

  Json layer_json(const Part& part, const Json& input_shape, const std::string& prefix) {
    const dialects::KerasRow* const row = part.row();
    if (part.is_input())
      return object(*row, {{old() ? "batch_input_shape" : "batch_shape", input_shape},
                           {"dtype", dtype()},
                           {"sparse", false},
                           {"name", part.name}});
    if (part.layer < 0) {  // zeros before a layer that pads by itself
      Json config = base(part.name, false);
      config["padding"] = sides(part.padding, row->axes);
      if (row->axes > 1) config["data_format"] = "channels_last";
      return object(*row, std::move(config));
    }
    const Layer<T>& layer = model_.layer(part.layer);
    const std::string who = layer.name() + " (" + layer.type() + ")";
    if (!row) throw ConfigError(who, "a layer that Keras has", "a class of your own", "save as .safetensors");
    if ((row->worlds & world_) == 0)
      throw ConfigError(who, "a layer that this version of Keras has", layer.type(), "save as .keras or .safetensors");
    const Index rank = static_cast<Index>(plain_rank(input_shape));
    if (world_ == dialects::tfjs && rank < row->tfjs_rank)
      throw ConfigError(
          who,
          "an input that TensorFlow.js takes here, of rank " + std::to_string(row->tfjs_rank) + " beside the batch",
          "rank " + std::to_string(rank), "leave the layer out");
    Json config = base(part.name, keras_frozen(layer)), kept = Json::object();
    KerasOptionWriter(*row, world_, rank + 1, who).write(layer.config(), config, kept);
    write_keras_rules(layer, config, kept);
    if (layer.frozen() == Freeze::gradients) kept["frozen"] = "gradients";
    if (!kept.empty()) kept_[part.name.starts_with(prefix) ? part.name : prefix + part.name] = std::move(kept);
    return object(*row, std::move(config));
  }
  /// Of the shape of a sample, or of the first of several.
  static std::size_t plain_rank(const Json& shape) {
    return shape.size() > 0 && shape[0].is_array() ? plain_rank(shape[0]) : shape.size() - (shape.size() > 0);
  }
  Json base(const std::string& name, bool frozen) const {
    Json config = {{"name", name}, {"trainable", !frozen}, {"dtype", dtype()}};
    if (!old())
      config["dtype"] = Json::object({{"module", "keras"},
                                      {"class_name", "DTypePolicy"},
                                      {"config", Json::object({{"name", dtype()}})},
                                      {"registered_name", nullptr}});
    return config;
  }

  const Model<T>& model_;
  KerasGraph graph_;
  KerasStyle style_;
  unsigned world_;
  Json json_, kept_;
};

}  // namespace io

}  // namespace KEEL_ABI
}  // namespace keel
