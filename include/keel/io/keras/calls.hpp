#pragma once
/// The graph in a Keras configuration: which calls there are of each layer, and on what. Keras 3 writes arguments,
/// Keras 2 and TensorFlow.js lists of [layer, call, output, keywords].

#include <optional>
#include <set>

#include <keel/dialects/keras.hpp>
#include <keel/io/keras/value.hpp>

namespace keel {
inline namespace KEEL_ABI {

namespace io {

using namespace formats;

/// One of the results of one of the calls of a layer.
struct KerasTensor {
  std::string layer;
  std::size_t call, index;
};

/// A tensor, or numbers where there is none.
struct KerasArgument {
  std::optional<KerasTensor> tensor{};
  std::vector<double> numbers{};
  std::string key{};             ///< in a dict of tensors
  std::vector<Index> extents{};  ///< of numbers along several axes
};

struct KerasCall {
  std::vector<KerasArgument> arguments;
  std::optional<bool> training{};
  Json options{};  ///< of an operator, by keyword
};

/// "name" of a layer in a graph, else of its configuration.
inline std::string keras_layer_name(const Json& layer) {
  const std::string name = keras_name(layer);
  const Json* const config = layer.find("config");
  return name.empty() && config ? keras_name(*config) : name;
}

class KerasCalls {
 public:
  explicit KerasCalls(const std::string& where) : where_(where) {}

  /// ["a", 0, 0], a list of these, or a dict, whose values Keras takes in the order of its keys.
  std::vector<KerasTensor> tensors(const Json& json) const {
    std::vector<KerasTensor> all;
    append_tensors(json, all);
    return all;
  }

  /// The calls of a layer. Throws FormatError, with the layer's name, for arguments that keel does not know.
  std::vector<KerasCall> of(const Json& layer, const std::string& where) {
    std::vector<KerasCall> calls;
    const Json type = layer.value("class_name", nullptr), module = layer.value("module", nullptr);
    operator_ = type == Json(std::string(dialects::keras2_operator)) ||
                (module.is_string() && module.text().starts_with(dialects::keras_operator_modules));
    for (const Json& node : keras_member(layer, "inbound_nodes", where))
      calls.push_back(node.is_object() && node.contains("args") ? call3(node, where) : call2(node, where));
    return calls;
  }

 private:
  static std::set<std::string> sorted_keys(const Json& json) {
    std::set<std::string> keys;
    for (const auto& [key, value] : json.items()) keys.insert(key);
    return keys;
  }
  KerasTensor tensor(const Json& json) const {
    if (!is_tensor(json)) throw FormatError(where_, "a tensor as [layer, call, output]", json.dump().substr(0, 80));
    return {json[0].text(), json[1].get<std::size_t>(), json[2].get<std::size_t>()};
  }
  static bool is_tensor(const Json& json) {
    return json.is_array() && json.size() >= 3 && json[0].is_string() && json[1].is_number_unsigned() &&
           json[2].is_number_unsigned();
  }
  void append_tensors(const Json& json, std::vector<KerasTensor>& all) const {
    if (json.is_object()) {
      for (const std::string& key : sorted_keys(json)) append_tensors(json[key], all);
    } else if (json.is_array() && !json.empty() && !json[0].is_string()) {
      for (const Json& each : json) append_tensors(each, all);
    } else if (!json.is_array() || !json.empty()) {
      all.push_back(tensor(json));
    }
  }

  /// Keywords of a call: `training` and those that mean nothing where they are null.
  void keyword(const std::string& key, const Json& value, KerasCall& call, const std::string& where) const {
    if (value.is_null()) return;
    if (key == "training") {
      call.training = keras_bool(value, where + ": training in a call");
    } else if (key == "inputs" || key == "y" || key == "x2" || key == "query" || key == "value" || key == "key") {
      argument(value, call, where);
    } else if (operator_ && (key == "x" || key == "x1")) {  // the first, wherever it stands
      KerasCall first;
      argument(value, first, where);
      call.arguments.insert(call.arguments.begin(), first.arguments.begin(), first.arguments.end());
    } else if (operator_) {
      if (!call.options.is_object()) call.options = Json::object();
      call.options[key] = value;
    } else if ((key == "use_causal_mask" || key == "return_attention_scores") && value == Json(false)) {
      return;
    } else {
      throw FormatError(where, "calls without " + shown(key), value.dump().substr(0, 80), "keel does not have this");
    }
  }

  /// Keras 3: {"args": [...], "kwargs": {...}}.
  KerasCall call3(const Json& node, const std::string& where) const {
    KerasCall call;
    for (const Json& each : keras_member(node, "args", where)) argument(each, call, where);
    if (const Json* const keywords = node.find("kwargs"))
      for (const auto& [key, value] : keywords->items()) keyword(key, value, call, where);
    return call;
  }
  /// A tensor, a list or a dict of tensors, or numbers.
  void argument(const Json& json, KerasCall& call, const std::string& where) const {
    if (json.is_null()) return;
    if (json.is_object() && json.value("class_name", nullptr) == "__keras_tensor__") {
      const Json& config = keras_member(json, "config", where);
      call.arguments.push_back({tensor(keras_member(config, "keras_history", where)), {}});
      return;
    }
    const Json& value = plain(json);
    if (is_tensor(value)) {
      call.arguments.push_back({tensor(value), {}});
    } else if (value.is_number()) {
      call.arguments.push_back({{}, keras_last_axis(value, where)});
    } else if (value.is_array() && holds_numbers(value)) {
      call.arguments.push_back(constant(value, where));
    } else if (value.is_array()) {
      for (const Json& each : value) argument(each, call, where);
    } else if (value.is_object() && !value.contains("class_name")) {
      for (const std::string& key : sorted_keys(value)) {
        const std::size_t before = call.arguments.size();
        argument(value[key], call, where);
        for (std::size_t i = before; i < call.arguments.size(); ++i) call.arguments[i].key = key;
      }
    } else {
      throw FormatError(where, "calls on tensors and numbers", json.dump().substr(0, 80), "keel does not have this");
    }
  }
  /// Numbers along one axis, or along several, of which leading ones of 1 do not count.
  static KerasArgument constant(const Json& list, const std::string& where) {
    KerasArgument argument{{}, keras_numbers(list, where)};
    Index count = 1;
    for (const Json* at = &list; at->is_array() && !at->empty(); at = &plain((*at)[0])) {
      const Index extent = static_cast<Index>(at->size());
      count *= extent;
      if (extent > 1 || !argument.extents.empty()) argument.extents.push_back(extent);
    }
    if (count != static_cast<Index>(argument.numbers.size()))
      throw FormatError(where, "lists of one length", list.dump().substr(0, 80));
    return argument;
  }
  static bool holds_numbers(const Json& list) {
    return !list.empty() && (list[0].is_number() || (list[0].is_array() && holds_numbers(list[0])));
  }

  /// Keras 2: [["a", 0, 0, {}], ...], one such, or a dict of them. ["_CONSTANT_VALUE", -1, 2.0, {}] is a number.
  KerasCall call2(const Json& node, const std::string& where) const {
    KerasCall call;
    if (node.is_array() && !node.empty() && node[0].is_string()) {
      entry2(node, call, where);
    } else if (node.is_object()) {
      for (const std::string& key : sorted_keys(node)) {
        entry2(node[key], call, where);
        call.arguments.back().key = key;
      }
    } else {
      for (const Json& entry : node) entry2(entry, call, where);
    }
    return call;
  }
  void entry2(const Json& entry, KerasCall& call, const std::string& where) const {
    if (entry.is_array() && entry.size() >= 3 && entry[0] == "_CONSTANT_VALUE")
      call.arguments.push_back({{}, keras_last_axis(entry[2], where)});
    else
      call.arguments.push_back({tensor(entry), {}});
    if (entry.size() < 4) return;
    for (const auto& [key, value] : entry[3].items())
      if (key != "name") keyword(key, value, call, where);
  }

  const std::string& where_;
  bool operator_ = false;  // whether the layer whose calls are read is one
};

}  // namespace io

}  // namespace KEEL_ABI
}  // namespace keel
