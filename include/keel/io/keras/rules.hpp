#pragma once
/// Keras's regularizers and constraints as rules of parameters, and back.

#include <optional>

#include <keel/io/keel/architecture.hpp>

namespace keel {
inline namespace KEEL_ABI {

namespace io {

using namespace formats;

/// The parameter of a key: "depthwise_regularizer" is of "depthwise_kernel".
inline std::string keras_rule_parameter(std::string_view key) {
  const std::string name(key.substr(0, key.rfind('_')));
  return name == "depthwise" || name == "pointwise" ? name + "_kernel" : name;
}
/// The parameter of the layer inside of which one of a Bidirectional is a copy: Keras has one rule for both directions.
inline std::string keras_rule_owner(const std::string& parameter) {
  for (const std::string_view direction : {"forward_", "backward_"})
    if (parameter.starts_with(direction)) return parameter.substr(direction.size());
  return parameter;
}
inline std::string keras_rule_key(const std::string& parameter, const char* what) {
  const bool separable = parameter == "depthwise_kernel" || parameter == "pointwise_kernel";
  return (separable ? parameter.substr(0, parameter.rfind('_')) : parameter) + "_" + what;
}

/// {"class_name": "L2", "config": {"l2": 0.01}} as a regularizer; nothing of a class that keel does not have.
inline std::optional<Regularizer> keras_regularizer(const Json& value) {
  const Json* const type = value.find("class_name");
  const Json* const config = value.find("config");
  if (!type || !type->is_string() || !config || !config->is_object()) return std::nullopt;
  const auto number = [&](const char* name, double usual) {
    const Json* const found = config->find(name);
    return found && found->is_number() ? found->get<double>() : usual;
  };
  const std::string& name = type->text();
  if (name == "L1") return L1(number("l1", 0.01));
  if (name == "L2") return L2(number("l2", 0.01));
  if (name == "L1L2") return L1L2(number("l1", 0), number("l2", 0));
  return std::nullopt;
}
/// {"class_name": "MaxNorm", "config": {"max_value": 2, "axis": 0}} as a constraint; nothing of a class that keel does
/// not have.
inline std::optional<Constraint> keras_constraint(const Json& value) {
  const Json* const type = value.find("class_name");
  const Json* const config = value.find("config");
  if (!type || !type->is_string()) return std::nullopt;
  const auto number = [&](const char* name, double usual) {
    const Json* const found = config ? config->find(name) : nullptr;
    return found && found->is_number() ? found->get<double>() : usual;
  };
  std::vector<Index> axes{0};
  const Json* const axis = config ? config->find("axis") : nullptr;
  if (axis && axis->is_number_integer()) axes = {axis->get<Index>()};
  if (axis && axis->is_array()) axes = axis->get<std::vector<Index>>();
  const std::string& name = type->text();
  if (name == "NonNeg") return NonNeg();
  if (name == "MaxNorm") return MaxNorm(number("max_value", 2), axes);
  if (name == "UnitNorm") return UnitNorm(axes);
  if (name == "MinMaxNorm") return MinMaxNorm(number("min_value", 0), number("max_value", 1), number("rate", 1), axes);
  return std::nullopt;
}

inline Json keras_object(const char* type, Json config) {
  return Json::object(
      {{"module", nullptr}, {"class_name", type}, {"config", std::move(config)}, {"registered_name", nullptr}});
}
/// As an L1L2, which every Keras and TensorFlow.js has.
inline Json to_keras(const Regularizer& r) {
  Json json = keras_object("L1L2", Json::object({{"l1", r.l1}, {"l2", r.l2}}));
  json["module"] = "keras.regularizers";
  return json;
}
inline Json to_keras(const Constraint& c) {
  const Json axis = c.axes.size() == 1 ? Json(c.axes[0]) : Json(c.axes);
  Json json;
  switch (c.kind) {
    case Constraint::Kind::none: return nullptr;
    case Constraint::Kind::non_neg: json = keras_object("NonNeg", Json::object()); break;
    case Constraint::Kind::max_norm:
      json = keras_object("MaxNorm", Json::object({{"max_value", c.high}, {"axis", axis}}));
      break;
    case Constraint::Kind::unit_norm: json = keras_object("UnitNorm", Json::object({{"axis", axis}})); break;
    case Constraint::Kind::min_max_norm:
      json = keras_object(
          "MinMaxNorm", Json::object({{"min_value", c.low}, {"max_value", c.high}, {"rate", c.rate}, {"axis", axis}}));
      break;
  }
  json["module"] = "keras.constraints";
  return json;
}

/// A layer's rules in its Keras configuration; rates and decays of its own, which Keras does not have, in `kept` for
/// keel. Those of a layer that has one inside are the inner layer's. Throws ConfigError for directions that differ.
template <class T>
void write_keras_rules(const Layer<T>& layer, Json& config, Json& kept) {
  Json& owner = config.contains("layer") ? config["layer"]["config"] : config;
  const std::vector<const Parameter<T>*> parameters = layer.parameters();
  for (const Parameter<T>* p : parameters) {
    const ParameterRule& rule = p->rule;
    const std::string name = keras_rule_owner(p->name());
    for (const Parameter<T>* other : parameters)
      if (keras_rule_owner(other->name()) == name &&
          !(other->rule.regularizer == rule.regularizer && other->rule.constraint == rule.constraint))
        throw ConfigError(layer.name() + " (" + layer.type() + ")", "one rule of " + name + " for both directions",
                          "two", "Keras has one; save as .safetensors");
    if (!rule.regularizer.empty()) owner[keras_rule_key(name, "regularizer")] = to_keras(rule.regularizer);
    if (!rule.constraint.empty()) owner[keras_rule_key(name, "constraint")] = to_keras(rule.constraint);
    if (rule.rate != 1 || rule.weight_decay) kept["rules"][p->name()] = to_json(rule);
  }
}

}  // namespace io

}  // namespace KEEL_ABI
}  // namespace keel
