#pragma once
/// A model's graph as JSON and back: what keel's own files carry beside the weights.

#include <keel/formats/json.hpp>
#include <keel/layers/registry.hpp>
#include <keel/model/sequential.hpp>
#include <keel/version.hpp>

namespace keel {
inline namespace KEEL_ABI {

namespace io {

using namespace formats;

inline Json to_json(const Config& config) {
  Json json = Json::object();
  for (const auto& [name, value] : config.entries())
    std::visit([&, &key = name](const auto& held) { json[key] = held; }, value);
  return json;
}

[[gnu::cold]] inline Config to_config(const Json& json, const std::string& where) {
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
    else if (value.is_array() && std::all_of(value.begin(), value.end(), [](const Json& v) { return v.is_number(); }))
      config.set(name, value.get<std::vector<double>>());
    else
      throw FormatError(where, "option " + name + " as a bool, a number, text or a list of numbers", value.dump());
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

inline const char* constraint_name(Constraint::Kind kind) {
  switch (kind) {
    case Constraint::Kind::none: return "none";
    case Constraint::Kind::non_neg: return "non_neg";
    case Constraint::Kind::max_norm: return "max_norm";
    case Constraint::Kind::unit_norm: return "unit_norm";
    case Constraint::Kind::min_max_norm: return "min_max_norm";
  }
  return "none";
}
inline Json to_json(const ParameterRule& rule) {
  const Constraint& c = rule.constraint;
  Json json{{"rate", rule.rate}, {"l1", rule.regularizer.l1}, {"l2", rule.regularizer.l2}};
  if (rule.weight_decay) json["weight_decay"] = *rule.weight_decay;
  if (!c.empty())
    json["constraint"] = {
        {"kind", constraint_name(c.kind)}, {"low", c.low}, {"high", c.high}, {"rate", c.rate}, {"axes", c.axes}};
  return json;
}
/// Throws FormatError for a number outside its range.
inline void check_rule(const ParameterRule& rule, const std::string& where) {
  try {
    rule.check(where);
  } catch (const Error& error) {
    throw FormatError(where, error.expected(), error.got(), error.hint());
  }
}
inline ParameterRule rule_of(const Json& json, const std::string& where) {
  ParameterRule rule{.rate = member<double>(json, "rate", where),
                     .regularizer = {member<double>(json, "l1", where), member<double>(json, "l2", where)}};
  if (json.contains("weight_decay")) rule.weight_decay = member<double>(json, "weight_decay", where);
  if (json.contains("constraint")) {
    const Json said = member<Json>(json, "constraint", where);
    const std::string name = member<std::string>(said, "kind", where);
    using Kind = Constraint::Kind;
    for (const Kind kind : {Kind::non_neg, Kind::max_norm, Kind::unit_norm, Kind::min_max_norm})
      if (name == constraint_name(kind)) rule.constraint.kind = kind;
    if (rule.constraint.empty()) throw FormatError(where, "a constraint that keel has", shown(name));
    rule.constraint.low = member<double>(said, "low", where);
    rule.constraint.high = member<double>(said, "high", where);
    rule.constraint.rate = member<double>(said, "rate", where);
    rule.constraint.axes = member<std::vector<Index>>(said, "axes", where);
  }
  check_rule(rule, where);
  return rule;
}
inline Freeze freeze_of(const std::string& name, const std::string& where) {
  for (const Freeze freeze : {Freeze::none, Freeze::gradients, Freeze::statistics, Freeze::layer})
    if (name == freeze_name(freeze)) return freeze;
  throw FormatError(where, "frozen as none, gradients, statistics or layer", shown(name));
}

}  // namespace io

/// {"keel": version, "name", "sequential", "nodes": [{"input": shape, "name"} | {"layer": index, "inputs": [node]}],
/// "layers": [{"class", "name", "frozen", "config", "rules": {parameter: rule}}], "outputs": [node]}; rules only where
/// there are any. A layer of one's own is written like any other; to read it back, pass its class in
/// ModelOptions::layers.
template <class T>
[[gnu::cold]] Json architecture(const Model<T>& model) {
  Json nodes = Json::array(), layers = Json::array();
  for (const auto& node : model.nodes()) {
    if (node.layer < 0)
      nodes.push_back({{"input", std::vector<Index>(node.shape.begin(), node.shape.end())}, {"name", node.name}});
    else
      nodes.push_back({{"layer", node.layer}, {"inputs", node.inputs}});
  }
  for (Index l = 0; l < model.layer_count(); ++l) {
    const Layer<T>& layer = model.layer(l);
    Json& described = layers.push_back({{"class", layer.type()},
                                        {"name", layer.name()},
                                        {"frozen", freeze_name(layer.frozen())},
                                        {"config", io::to_json(layer.config())}});
    for (const Parameter<T>* p : layer.parameters())
      if (!(p->rule == ParameterRule{})) described["rules"][p->name()] = io::to_json(p->rule);
  }
  const auto outputs = model.outputs();
  return {{"keel", std::to_string(KEEL_VERSION_MAJOR) + "." + std::to_string(KEEL_VERSION_MINOR)},
          {"name", model.name()},
          {"sequential", model.is_sequential()},
          {"nodes", nodes},
          {"layers", layers},
          {"outputs", std::vector<int>(outputs.begin(), outputs.end())}};
}

/// Whether the layers of a description get random weights, or shapes only: the memory then comes with the values
/// of a file, and no description makes its reader take more than those need.
enum class Weights { fresh, from_file };

namespace io {

template <class T>
void set_rules(Layer<T>& layer, const Json& rules, const std::string& where) {
  if (!rules.is_object()) throw FormatError(where, "rules of parameters", rules.type_name());
  for (const auto& [name, rule] : rules.items()) {
    bool found = false;
    for (Parameter<T>* p : layer.parameters()) {
      if (p->name() != name) continue;
      p->rule = rule_of(rule, where + ": rules");
      found = true;
    }
    if (!found) throw FormatError(where, "rules of its parameters", shown(name));
  }
}

/// A model in the making.
template <class T>
class ModelBuilder : public Model<T> {
 public:
  ModelBuilder(ModelOptions options, Weights weights) : Model<T>(std::move(options)), weights_(weights) {}

  /// Throws FormatError, with `where` in it, for what the layer throws.
  Node add(AnyLayer<T> layer, std::span<const Node> x, const std::string& where) try {
    names_.charge(layer->name().size(), where);
    return weights_ == Weights::fresh ? Model<T>::add(std::move(layer), x)
                                      : Model<T>::add(std::move(layer), x, Rng::none());
  } catch (const Error& error) {
    throw FormatError(where, error.expected(), error.got(), error.hint());
  }
  /// As `Model::share`; what does not fit is the file's error.
  Node share(Node of, std::span<const Node> x, const std::string& where) try {
    names_.charge(this->nodes()[static_cast<std::size_t>(of.index)].name.size(), where);
    return Model<T>::share(of, x);
  } catch (const Error& error) {
    throw FormatError(where, error.expected(), error.got(), error.hint());
  }

  /// Ends with this output. Layers that follow one another are a Sequential.
  void finish(Node last) {
    int before = -1;
    bool chain = true;
    for (const auto& node : this->nodes()) {
      chain = chain && (before < 0 || (node.inputs == std::vector<int>{before} && node.layer == before));
      ++before;
    }
    if (chain && last.index == before)
      this->set_chain_output(last.index);
    else
      this->output(last);
  }

 private:
  Weights weights_;
  Budget names_{std::uint64_t{1} << 24};  // each call of a layer has its name
};

/// Throws FormatError if a parameter still waits for its values.
template <class T>
void require_values(Model<T>& model, const std::string& where) {
  for (const NamedParameter<T>& named : model.named_parameters())
    if (named.parameter->size() > 0 && named.parameter->value().data() == nullptr)
      throw FormatError(where, "values of " + named.name, "none", "the file belongs to another network");
}

}  // namespace io

namespace io {

/// The node of that number. Throws FormatError unless it is among those built.
inline Node built_node(const std::vector<Node>& built, Index number, const char* expected, const std::string& where) {
  if (number < 0 || number >= static_cast<Index>(built.size()))
    throw FormatError(where, expected, "node " + std::to_string(number));
  return built[static_cast<std::size_t>(number)];
}

}  // namespace io

/// Whether keel or `own` has every class of layer that a description names.
template <class T>
bool knows_layers(const Json& json, const LayerRegistry& own, const std::string& where) {
  const Json layers = io::member<Json>(json, "layers", where);
  return layers.is_array() && std::all_of(layers.begin(), layers.end(), [&](const Json& layer) {
           return layer_maker<T>(io::member<std::string>(layer, "class", where), own) != nullptr;
         });
}

/// The model that `architecture` described. Throws FormatError, ConfigError or ShapeError.
template <class T>
[[gnu::cold]] Model<T> build_model(const Json& json, const std::string& where, ModelOptions options = {},
                                   Weights weights = Weights::fresh) {
  using io::member;
  options.name = member<std::string>(json, "name", where);
  const Json nodes = member<Json>(json, "nodes", where), layers = member<Json>(json, "layers", where);
  if (!nodes.is_array() || !layers.is_array()) throw FormatError(where, "lists of nodes and layers", "something else");
  const bool sequential = member<bool>(json, "sequential", where);

  io::ModelBuilder<T> model(options, weights);
  std::vector<Node> built;
  std::vector<int> first;  // node of each layer
  const auto add = [&](const std::vector<Node>& inputs) {
    const Json& described = layers[first.size()];
    const std::string name = member<std::string>(described, "name", where);
    const std::string place = where + ": layer " + io::shown(name);
    AnyLayer<T> layer = make_layer<T>(member<std::string>(described, "class", place),
                                      io::to_config(member<Json>(described, "config", place), place), options.layers);
    layer->rename(name);
    const std::string frozen = member<std::string>(described, "frozen", where);
    layer->freeze(io::freeze_of(frozen, place));
    built.push_back(model.add(std::move(layer), inputs, place));
    first.push_back(built.back().index);
    if (described.contains("rules")) io::set_rules(model.layer(model.layer_count() - 1), described["rules"], place);
  };
  for (const Json& node : nodes) {
    if (node.is_object() && node.contains("input")) {
      built.push_back(model.input(io::shape_member(node, "input", where), member<std::string>(node, "name", where)));
      continue;
    }
    const Index l = member<Index>(node, "layer", where);
    std::vector<Node> inputs;
    for (const Index input : member<std::vector<Index>>(node, "inputs", where))
      inputs.push_back(io::built_node(built, input, "inputs among the nodes before", where));
    if (l < 0 || l > model.layer_count() || l >= static_cast<Index>(layers.size()) || inputs.empty())
      throw FormatError(where, "layers in the order of their nodes, each with inputs", "layer " + std::to_string(l));
    if (l < model.layer_count())
      built.push_back(model.share({first[static_cast<std::size_t>(l)]}, inputs,
                                  where + ": layer " + io::shown(model.layer(l).name())));
    else
      add(inputs);
  }
  const auto outputs = member<std::vector<Index>>(json, "outputs", where);
  for (const Index output : outputs) {
    const Node node = io::built_node(built, output, "outputs among the nodes", where);
    if (sequential && outputs.size() == 1)
      model.finish(node);
    else
      model.output(node);
  }
  return model;
}

KEEL_INSTANCE(Json architecture(const Model<float>&))
KEEL_INSTANCE(Model<float> build_model<float>(const Json&, const std::string&, ModelOptions, Weights))

}  // namespace KEEL_ABI
}  // namespace keel
