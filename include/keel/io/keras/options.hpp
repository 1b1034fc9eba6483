#pragma once
/// The options of Keras's layers as keel's.

#include <keel/io/keel/architecture.hpp>

namespace keel {
inline namespace KEEL_ABI {

namespace io {

using namespace formats;

inline std::string keras_function(const Json& value, const std::string& where) {
  if (value.is_null()) return "linear";
  if (value.is_string()) return value.get<std::string>();
  if (value.is_object() && value.contains("config") && value["config"].is_string())
    return value["config"].get<std::string>();
  throw FormatError(where, "an activation by name", value.dump().substr(0, 80),
                    "build the model in code and use load_weights");
}

inline double keras_number(const Json& value, const std::string& where) {
  if (value.is_number()) return value.get<double>();
  if (value.is_array() && value.size() == 1) return keras_number(value[0], where);
  // Keras 3 writes a NumPy number as {"class_name": "__numpy__", "config": {"value": ...}}
  if (value.is_object() && value.contains("config")) return keras_number(value["config"], where);
  if (value.is_object() && value.contains("value")) return keras_number(value["value"], where);
  throw FormatError(where, "a number", value.dump().substr(0, 80));
}

struct KerasOptions {
  const char* type;
  std::vector<const char*> keys;
};

/// The options that keel's layers share with Keras's, by class; all others are about training or are checked
/// apart.
inline const std::vector<KerasOptions>& keras_layers() {
  static const std::vector<KerasOptions> known = {
      {"Activation", {"activation"}},
      {"Add", {}},
      {"AveragePooling2D", {"pool_size", "strides", "padding"}},
      {"BatchNormalization", {"momentum", "epsilon", "center", "scale"}},
      {"Concatenate", {"axis"}},
      {"Conv2D", {"filters", "kernel_size", "strides", "padding", "dilation_rate", "groups", "activation", "use_bias"}},
      {"Conv2DTranspose",
       {"filters", "kernel_size", "strides", "padding", "output_padding", "dilation_rate", "activation", "use_bias"}},
      {"Dense", {"units", "activation", "use_bias"}},
      {"DepthwiseConv2D",
       {"kernel_size", "strides", "padding", "depth_multiplier", "dilation_rate", "activation", "use_bias"}},
      {"Dropout", {"rate"}},
      {"ELU", {"alpha"}},
      {"Flatten", {}},
      {"GlobalAveragePooling2D", {"keepdims"}},
      {"GlobalMaxPooling2D", {"keepdims"}},
      {"LeakyReLU", {"negative_slope"}},
      {"MaxPooling2D", {"pool_size", "strides", "padding"}},
      {"Multiply", {}},
      {"Normalization", {}},
      {"PReLU", {"shared_axes"}},
      {"ReLU", {"max_value", "negative_slope", "threshold"}},
      {"Rescaling", {"scale", "offset"}},
      {"Reshape", {"target_shape"}},
      {"SeparableConv2D",
       {"filters", "kernel_size", "strides", "padding", "dilation_rate", "depth_multiplier", "activation", "use_bias"}},
      {"Softmax", {"axis"}},
      {"UpSampling2D", {"size", "interpolation"}},
      {"ZeroPadding2D", {"padding"}}};
  return known;
}

/// Options that change nothing in keel when they hold these values, and cannot be had when they hold others.
inline void refuse_keras_option(const Json& config, const char* key, const Json& neutral, const std::string& where) {
  if (config.contains(key) && !config[key].is_null() && config[key] != neutral)
    throw FormatError(where, std::string(key) + " " + neutral.dump(), config[key].dump().substr(0, 80),
                      "keel does not have this");
}

/// A Keras layer's options as keel's.
inline Config keras_options(const std::string& type, const Json& json, bool keras2, const std::string& where) {
  const auto& known = keras_layers();
  const auto found = std::find_if(known.begin(), known.end(), [&](const KerasOptions& o) { return type == o.type; });
  if (found == known.end()) {
    std::string names;
    for (const KerasOptions& option : known) names += (names.empty() ? "" : ", ") + std::string(option.type);
    throw FormatError(where, "a layer that keel has: " + names, "class " + shown(type),
                      "build the model in code, with a layer of your own, and use load_weights");
  }
  Config config;
  for (const char* key : found->keys) {
    if (!json.contains(key) || json[key].is_null()) continue;
    const Json& value = json[key];
    const std::string place = where + ": " + key;
    const std::string name = key;
    if (name == "activation") {
      const std::string function = keras_function(value, place);
      if (keras2 && function == "hard_sigmoid")
        throw FormatError(place, "an activation that keel has", "Keras 2's hard_sigmoid, clip(0.2 x + 0.5)",
                          "Keras 3's is clip(x / 6 + 0.5)");
      config.set(key, function);
    } else if (type == "ZeroPadding2D") {
      std::vector<Index> sides;
      if (value.is_number_integer())
        sides.assign(4, value.get<Index>());
      else
        for (const Json& side : value)
          for (int i = 0; i < 2; ++i) sides.push_back(side.is_array() ? side[i].get<Index>() : side.get<Index>());
      config.set(key, sides);
    } else if (name == "negative_slope" || name == "max_value" || name == "threshold" || name == "alpha" ||
               name == "scale" || name == "offset" || name == "rate" || name == "momentum" || name == "epsilon") {
      if (value.is_boolean())
        config.set(key, value.get<bool>());
      else
        config.set(key, keras_number(value, place));
    } else if (name == "axis" && value.is_array() && value.size() == 1) {
      config.set(key, value[0].get<Index>());
    } else if (name == "shared_axes" || name == "output_padding" || !value.is_array()) {
      const Config one = to_config(Json::object({{name, value}}), place);
      for (const auto& [k, v] : one.entries()) config.set(k, v);
    } else {
      config.set(key, member<std::vector<Index>>(json, key, place));
    }
  }
  if (type == "LeakyReLU" && json.contains("alpha")) config.set("negative_slope", keras_number(json["alpha"], where));
  if (type == "BatchNormalization") {
    refuse_keras_option(json, "renorm", false, where);
    refuse_keras_option(json, "synchronized", false, where);
  }
  if (type == "Normalization") refuse_keras_option(json, "invert", false, where);
  if (type == "Dropout") refuse_keras_option(json, "noise_shape", Json(), where);
  return config;
}

}  // namespace io

}  // namespace KEEL_ABI
}  // namespace keel
