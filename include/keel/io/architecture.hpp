#pragma once
/// A model's graph as JSON and back: what keel's own files carry beside the weights.

#include <keel/io/json.hpp>
#include <keel/layers/registry.hpp>
#include <keel/model/sequential.hpp>
#include <keel/version.hpp>

namespace keel::inline KEEL_ABI {

namespace io {

inline Json to_json(const Config& config) {
  Json json = Json::object();
  for (const auto& [name, value] : config.entries())
    std::visit([&, &key = name](const auto& held) { json[key] = held; }, value);
  return json;
}

inline Config to_config(const Json& json, const std::string& where) {
  Config config;
  for (const auto& [name, value] : json.items()) {
    if (value.is_boolean())
      config.set(name, value.get<bool>());
    else if (value.is_number_integer())
      config.set(name, value.get<Index>());
    else if (value.is_number())
      config.set(name, value.get<double>());
    else if (value.is_string())
      config.set(name, value.get<std::string>());
    else if (value.is_array() &&
             std::all_of(value.begin(), value.end(), [](const Json& v) { return v.is_number_integer(); }))
      config.set(name, value.get<std::vector<Index>>());
    else
      throw FormatError(where, "option " + name + " as a bool, a number, text or a list of integers",
                        value.dump());
  }
  return config;
}

/// Member `name` of a JSON object, of the kind that V asks for.
template <class V>
V member(const Json& json, const char* name, const std::string& where) {
  const Json* const found = json.find(name);
  if (!found) throw FormatError(where, std::string("\"") + name + "\"", "none");
  try {
    return found->get<V>();
  } catch (const JsonError&) {
    throw FormatError(where, std::string("\"") + name + "\" of another type", found->dump());
  }
}

inline Shape shape_member(const Json& json, const char* name, const std::string& where) {
  const auto dims = member<std::vector<Index>>(json, name, where);
  return Shape(std::span<const Index>(dims));
}

}  // namespace io

/// {"keel": version, "name", "sequential", "nodes": [{"input": shape, "name"} | {"layer": index, "inputs":
/// [node]}], "layers": [{"class", "name", "frozen", "config"}], "outputs": [node]}. A layer that the registry does
/// not know is written like any other; reading it back then needs it to be registered.
template <class T>
Json architecture(const Model<T>& model) {
  Json nodes = Json::array(), layers = Json::array();
  for (const auto& node : model.nodes()) {
    if (node.layer < 0)
      nodes.push_back({{"input", std::vector<Index>(node.shape.begin(), node.shape.end())}, {"name", node.name}});
    else
      nodes.push_back({{"layer", node.layer}, {"inputs", node.inputs}});
  }
  for (Index l = 0; l < model.layer_count(); ++l) {
    const Layer<T>& layer = model.layer(l);
    static constexpr const char* freezes[] = {"none", "gradients", "layer"};
    layers.push_back({{"class", layer.type()},
                      {"name", layer.name()},
                      {"frozen", freezes[static_cast<std::size_t>(layer.frozen())]},
                      {"config", io::to_json(layer.config())}});
  }
  const auto outputs = model.outputs();
  return {{"keel", std::to_string(KEEL_VERSION_MAJOR) + "." + std::to_string(KEEL_VERSION_MINOR)},
          {"name", model.name()},
          {"sequential", model.is_sequential()},
          {"nodes", nodes},
          {"layers", layers},
          {"outputs", std::vector<int>(outputs.begin(), outputs.end())}};
}

/// The model that `architecture` described, with fresh weights. Throws FormatError, ConfigError or ShapeError.
template <class T>
Model<T> build_model(const Json& json, const std::string& where, ModelOptions options = {}) {
  using io::member;
  options.name = member<std::string>(json, "name", where);
  const Json nodes = member<Json>(json, "nodes", where), layers = member<Json>(json, "layers", where);
  if (!nodes.is_array() || !layers.is_array())
    throw FormatError(where, "lists of nodes and layers", "something else");
  const bool sequential = member<bool>(json, "sequential", where);

  const auto make = [&](std::size_t l) {
    const std::string name = member<std::string>(layers[l], "name", where);
    const std::string place = where + ": layer " + io::shown(name);
    AnyLayer<T> layer = make_layer<T>(member<std::string>(layers[l], "class", place),
                                      io::to_config(member<Json>(layers[l], "config", place), place));
    layer->rename(name);
    return layer;
  };
  const auto restore = [&](Layer<T>& layer, std::size_t l) {
    const std::string frozen = member<std::string>(layers[l], "frozen", where);
    if (frozen != "none") layer.freeze(frozen == "layer" ? Freeze::layer : Freeze::gradients);
  };

  if (sequential) {
    if (nodes.empty()) throw FormatError(where, "an input", "no nodes");
    Sequential<T> model(io::shape_member(nodes[0], "input", where), options);
    for (std::size_t l = 0; l < layers.size(); ++l) {
      model.add(make(l));
      restore(model.layer(static_cast<Index>(l)), l);
    }
    return model;
  }

  Model<T> model(options);
  std::vector<Node> built;
  std::vector<int> first(layers.size(), -1);
  for (const Json& node : nodes) {
    if (node.is_object() && node.contains("input")) {
      built.push_back(
          model.input(io::shape_member(node, "input", where), member<std::string>(node, "name", where)));
      continue;
    }
    const Index l = member<Index>(node, "layer", where);
    std::vector<Node> inputs;
    for (const Index input : member<std::vector<Index>>(node, "inputs", where)) {
      if (input < 0 || input >= static_cast<Index>(built.size()))
        throw FormatError(where, "inputs among the nodes before", "node " + std::to_string(input));
      inputs.push_back(built[static_cast<std::size_t>(input)]);
    }
    if (l < 0 || l > model.layer_count() || l >= static_cast<Index>(layers.size()) || inputs.empty())
      throw FormatError(where, "layers in the order of their nodes, each with inputs",
                        "layer " + std::to_string(l));
    const std::size_t at = static_cast<std::size_t>(l);
    if (l < model.layer_count()) {
      built.push_back(model.share({first[at]}, inputs));
    } else {
      built.push_back(model.add(make(at), inputs));
      first[at] = built.back().index;
      restore(model.layer(l), at);
    }
  }
  for (const Index output : member<std::vector<Index>>(json, "outputs", where)) {
    if (output < 0 || output >= static_cast<Index>(built.size()))
      throw FormatError(where, "outputs among the nodes", "node " + std::to_string(output));
    model.output(built[static_cast<std::size_t>(output)]);
  }
  return model;
}

KEEL_INSTANCE(Json architecture(const Model<float>&))
KEEL_INSTANCE(Model<float> build_model<float>(const Json&, const std::string&, ModelOptions))

}  // namespace keel::inline KEEL_ABI
