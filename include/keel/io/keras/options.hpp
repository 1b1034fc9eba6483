#pragma once
/// Options of Keras's layers as keel's and back, as the rows of dialects/keras.hpp say.

#include <map>

#include <keel/dialects/keras.hpp>
#include <keel/io/keras/rules.hpp>
#include <keel/io/keras/value.hpp>
#include <keel/layers/base/padding1d.hpp>
#include <keel/layers/base/volume.hpp>
#include <keel/model/naming.hpp>

namespace keel {
inline namespace KEEL_ABI {

namespace io {

using namespace formats;

using dialects::KerasRow;

/// A layer's configuration in keel's words.
struct KerasSettings {
  Config config;
  Json activation{};                             ///< of an activation that is a layer: its class and configuration
  std::string function{};                        ///< keel's class, of a function that is a layer there
  std::vector<std::string> notes;                ///< what has no place in a keel model
  std::map<std::string, ParameterRule> rules{};  ///< regularizers and constraints, by the parameter's name
};

/// Throws FormatError for a key beside a layer's configuration that keel does not know.
inline void check_layer_keys(const Json& layer, const std::string& where) {
  for (const auto& [key, value] : layer.items())
    if (std::find(std::begin(dialects::keras_layer_keys), std::end(dialects::keras_layer_keys), key) ==
        std::end(dialects::keras_layer_keys))
      throw FormatError(where, "keys that keel knows of a layer", shown(key), "keel does not have this");
}
/// Whether a layer's class is somebody's own, whatever its name.
inline bool is_own_class(const Json& layer) {
  const Json module = layer.value("module", nullptr), registered = layer.value("registered_name", nullptr);
  return (registered.is_string() && registered.text().find('>') != std::string::npos) ||
         (module.is_string() && std::none_of(std::begin(dialects::keras_modules), std::end(dialects::keras_modules),
                                             [&](std::string_view m) { return module.text().starts_with(m); }));
}

/// The options of Keras's layers as keel's.
class KerasOptionReader {
 public:
  /// `world` is one of the bits of dialects/keras_options.hpp; `where` names file, layer and class.
  KerasOptionReader(const KerasRow& row, unsigned world, const std::string& where)
      : row_(row), world_(world), where_(where) {}

  /// Throws FormatError for a key that the row does not name and for values that keel does not have.
  KerasSettings read(const Json& json) {
    if (!json.is_object()) throw FormatError(where_, "a configuration as an object", json.type_name());
    for (const auto& [key, value] : json.items()) read_key(key, value);
    for (const Option& option : row_.options) {
      if (!option.absent.empty() && (option.worlds & world_) != 0 && !json.contains(std::string(option.key)))
        read_mapped(option, row_values(option.absent)[0], where_ + ": " + std::string(option.key));
      if (option.form == Form::layer && option.use == Use::mapped) check_mirror(json);
    }
    return std::move(settings_);
  }

 private:
  using Option = dialects::Option;
  using Form = dialects::Form;
  using Use = dialects::Use;

  void read_key(const std::string& key, const Json& value) {
    const Option* const option = dialects::keras_option(row_, key, world_);
    if (!option)
      throw FormatError(where_, "keys that keel knows of this class", shown(key) + ": " + value.dump().substr(0, 80),
                        "build the model in code, if the key means nothing for it, and use load_weights");
    switch (option->use) {
      case Use::mapped:
        if (!plain(value).is_null() || option->form == Form::word)
          read_mapped(*option, value, where_ + ": " + key);
        else if (option->form == Form::axes)
          settings_.config.set(option->keel, std::vector<Index>{});  // None: no axis at all
        return;
      case Use::fixed:
        if (!row_allows(option->values, value))
          throw FormatError(where_, key + " " + row_values(option->values)[0].dump(), value.dump().substr(0, 80),
                            "keel does not have this");
        return;
      case Use::noted:
        if (!row_allows(option->values, value) && !read_rule(key, value))
          settings_.notes.push_back(key + " " + plain(value).dump().substr(0, 120) + " is left out");
        return;
      case Use::neutral:
      case Use::read:
      case Use::kept:
      case Use::padding: return;
    }
  }

  void read_mapped(const Option& option, const Json& value, const std::string& place) {
    const std::string_view name = option.keel;
    Config& config = settings_.config;
    switch (option.form) {
      case Form::boolean: return config.set(name, keras_bool(value, place));
      case Form::integer:
      case Form::axis:
      case Form::optional_extent: return config.set(name, keras_integer(value, place));
      case Form::number:
      case Form::optional_number: return config.set(name, keras_number(value, place));
      case Form::numbers: return read_numbers(name, keras_last_axis(value, place));
      case Form::text:
      case Form::optional_text:
      case Form::word: return config.set(name, read_text(value, place));
      case Form::layer: return read_layer(name, value, place);
      case Form::activation: return read_activation(name, value, place);
      case Form::pair: return config.set(name, read_pair(value, place));
      case Form::triple: return config.set(name, read_triple(value, place));
      case Form::axes: return read_axes(name, keras_integers(value, place));
      case Form::extents: return config.set(name, keras_integers(value, place));
      case Form::open_extents: return config.set(name, read_open_extents(value, place));
      case Form::window:
      case Form::window_3d: return read_window(name, value, place);
      case Form::window_1d: return read_window(name, value, place, true);
      case Form::sides_1d: return config.set(name, read_pair(value, place));
      case Form::sides: return config.set(name, read_sides(value, place, 2));
      case Form::sides_3d: return config.set(name, read_sides(value, place, 3));
    }
  }

  /// Whether it is a regularizer or constraint that keel has.
  bool read_rule(const std::string& key, const Json& value) {
    const std::string parameter = keras_rule_parameter(key);
    if (parameter == "activity") return false;
    const auto regularizer = key.ends_with("_regularizer") ? keras_regularizer(value) : std::nullopt;
    const auto constraint = key.ends_with("_constraint") ? keras_constraint(value) : std::nullopt;
    if (regularizer) settings_.rules[parameter].regularizer = *regularizer;
    if (constraint) settings_.rules[parameter].constraint = *constraint;
    if (regularizer || constraint) check_rule(settings_.rules[parameter], where_ + ": " + key);
    return regularizer || constraint;
  }
  /// A layer's configuration in keel's words, whose rules and notes come along.
  KerasSettings inner(const Json& value, const std::string& place, const KerasRow*& row) {
    check_layer_keys(value, place);
    const std::string type = keras_text(value, "class_name", place);
    row = is_own_class(value) ? nullptr : dialects::keras_class(type);
    if (!row || row->kind != dialects::KerasKind::layer)
      throw FormatError(place, "a layer that keel has", "class " + shown(type),
                        "build the model in code, with a layer of your own, and use load_weights");
    if (row->least_inputs > 1)
      throw FormatError(place, "a layer inside that takes one input", type, "apply it to the whole sequence");
    const Json& config = keras_member(value, "config", place);
    const bool of_maps = row->channels_first == dialects::ChannelsFirst::images ||
                         row->channels_first == dialects::ChannelsFirst::flatten;
    if (of_maps && config.value("data_format", nullptr) == "channels_first")
      throw FormatError(place + " (" + type + ")", "a layer inside with data_format channels_last", "channels_first",
                        "make the model with channels_last in Keras");
    KerasSettings settings = KerasOptionReader(*row, world_, place + " (" + type + ")").read(config);
    if (!settings.activation.is_null() || !settings.function.empty())
      throw FormatError(place, "a layer whose activation is a function", "one whose activation is a layer",
                        "build the model in code and use load_weights");
    if (row->masks == dialects::Masks::made && (!settings.config.find(dialects::keras_mask_zero) ||
                                                settings.config.get<bool>(dialects::keras_mask_zero, false)))
      throw FormatError(place + " (" + type + ")", "a layer inside that makes no mask", "one that makes a mask",
                        "apply it to the whole sequence");
    return settings;
  }
  void read_layer(std::string_view name, const Json& value, const std::string& place) {
    const KerasRow* row = nullptr;
    KerasSettings settings = inner(value, place, row);
    settings_.config.set(name, std::string(row->type));
    for (const auto& [key, held] : settings.config.entries()) settings_.config.set(key, held);
    settings_.rules.merge(settings.rules);
    for (std::string& note : settings.notes) settings_.notes.push_back(std::move(note));
  }
  /// A layer of the other direction that is written out has to be what is made without it.
  void check_mirror(const Json& json) {
    const Json* const other = json.find(dialects::keras_backward_layer);
    if (!other || plain(*other).is_null()) return;
    const std::string place = where_ + ": " + std::string(dialects::keras_backward_layer);
    const KerasRow* row = nullptr;
    const KerasSettings theirs = inner(*other, place, row);
    for (const auto& [key, held] : theirs.config.entries()) {
      const Config::Value* const mine = settings_.config.find(key);
      const bool direction = key == dialects::keras_direction;
      if (!mine || (*mine == held) == direction)
        throw FormatError(place, "the forward layer's options in the other direction", key + " that does not fit",
                          "keel's Bidirectional has one layer's options for both directions");
    }
  }

  static std::string read_text(const Json& value, const std::string& place) {
    if (!value.is_string()) throw FormatError(place, "a text", value.dump().substr(0, 80));
    return value.text();
  }
  void read_numbers(std::string_view name, std::vector<double> numbers) {
    if (numbers.size() == 1)
      settings_.config.set(name, numbers[0]);
    else
      settings_.config.set(name, std::move(numbers));
  }
  void read_axes(std::string_view name, std::vector<Index> axes) { settings_.config.set(name, std::move(axes)); }
  static std::vector<Index> read_pair(const Json& value, const std::string& place) {
    std::vector<Index> pair = keras_integers(value, place);
    if (pair.size() == 1) pair.push_back(pair[0]);
    if (pair.size() != 2) throw FormatError(place, "an integer or two", value.dump().substr(0, 80));
    return pair;
  }
  static std::vector<Index> read_triple(const Json& value, const std::string& place) {
    std::vector<Index> triple = keras_integers(value, place);
    if (triple.size() == 1) triple.assign(3, triple[0]);
    if (triple.size() != 3) throw FormatError(place, "an integer or three", value.dump().substr(0, 80));
    return triple;
  }
  static std::vector<Index> read_open_extents(const Json& json, const std::string& place) {
    const Json& value = plain(json);
    if (!value.is_array()) return keras_integers(value, place);
    std::vector<Index> extents;
    for (const Json& each : value) extents.push_back(plain(each).is_null() ? 0 : keras_integer(each, place));
    return extents;
  }
  void read_window(std::string_view name, const Json& value, const std::string& place, bool causal = false) {
    const std::string mode = read_text(value, place);
    if (mode != "same" && mode != "valid" && !(causal && mode == "causal"))
      throw FormatError(place, causal ? "\"same\", \"valid\" or \"causal\"" : "\"same\" or \"valid\"", shown(mode));
    settings_.config.set(name, mode);
  }
  /// 1, (1, 2) or ((0, 1), (0, 1)) as top, bottom, left, right; of so many axes.
  static std::vector<Index> read_sides(const Json& json, const std::string& place, std::size_t axes) {
    const Json& value = plain(json);
    if (value.is_number_integer()) return std::vector<Index>(2 * axes, value.get<Index>());
    std::vector<Index> sides;
    for (const Json& side : value)
      for (const Index each : read_pair(side, place)) sides.push_back(each);
    if (sides.size() != 2 * axes)
      throw FormatError(place, axes == 2 ? "top, bottom, left and right" : "two numbers for each of three axes",
                        json.dump().substr(0, 80));
    return sides;
  }

  /// A function by name, as {"class_name": "function", "config": "relu"}, or a layer, which is kept for the caller.
  void read_activation(std::string_view name, const Json& value, const std::string& place) {
    const Json* const config = value.find("config");
    // a recurrent layer applies it in each step
    const bool in_steps = dialects::keras_option(row_, "return_sequences", world_) != nullptr;
    if (config && config->is_object() && value.contains("class_name")) {
      if (in_steps)
        throw FormatError(place, "a function by name", value.dump().substr(0, 80),
                          "a recurrent layer of keel's has no layers inside");
      settings_.activation = value;
      return settings_.config.set(name, std::string("linear"));
    }
    const Json& function = config ? *config : value;
    if (!function.is_string())
      throw FormatError(place, "an activation by name", value.dump().substr(0, 80),
                        "build the model in code and use load_weights");
    const dialects::KerasActivation* const known =
        dialects::find_row(dialects::keras_activations, dialects::keras_column(world_), function.text());
    if (known) return settings_.config.set(name, std::string(known->keel));
    for (const dialects::KerasFunctionLayer& each : dialects::keras_function_layers)
      if (function.text() == each.name && world_ == dialects::keras3 && !in_steps) {
        settings_.function = std::string(each.layer);
        return settings_.config.set(name, std::string("linear"));
      }
    const bool later =
        dialects::find_row(dialects::keras_activations, &dialects::KerasActivation::keras3, function.text()) != nullptr;
    throw FormatError(place, "an activation that keel has", shown(function.text()),
                      later ? "Keras 2 and TensorFlow.js compute another function under this name than Keras 3"
                            : "build the model in code, with a layer of your own, and use load_weights");
  }

  const KerasRow& row_;
  unsigned world_;
  std::string where_;
  KerasSettings settings_;
};

/// Whether an option says what surrounds a sliding window.
inline bool is_window(const dialects::Option& option) {
  return option.form == dialects::Form::window || option.form == dialects::Form::window_1d ||
         option.form == dialects::Form::window_3d;
}
/// What such an option says; of sequences as of images of one row, causal as valid. Of volumes all zeros along the
/// depth are at the top.
inline Padding padding_of(const dialects::Option& option, const Config& config) {
  const std::string name(option.keel);
  Padding padding = Padding::valid;
  if (option.form == dialects::Form::window_3d) {
    Padding3D volume = padding;
    read_option(config, name.c_str(), volume);
    volume.slice.top += volume.front + volume.back;
    return volume.slice;
  }
  if (option.form == dialects::Form::window) {
    read_option(config, name.c_str(), padding);
    return padding;
  }
  Padding1D along = Padding1D::valid;
  read_option(config, name.c_str(), along);
  return along == Padding1D::causal ? Padding::valid : along.image(1);
}

/// A layer's options as Keras's, in the order of its row. `kept` gathers what Keras has no key for and keel reads back.
class KerasOptionWriter {
 public:
  /// `rank` is the first input's, with the batch.
  KerasOptionWriter(const KerasRow& row, unsigned world, Index rank, const std::string& who)
      : row_(row), world_(world), rank_(rank), who_(who) {}

  /// Adds to `json` and `kept`. Throws ConfigError for what Keras, or this version of it, does not have.
  void write(const Config& all, Json& json, Json& kept) const {
    Config config, inner;
    for (const auto& [name, value] : all.entries())
      (layer_option() && !option_of(name) ? inner : config).set(name, value);
    for (const auto& [name, value] : config.entries()) check(name, value, config, kept);
    check_strides(config);
    for (const Option& option : row_.options) {
      if ((option.worlds & world_) == 0 || option.key.empty()) continue;
      const std::string key(option.key);
      if (option.use == Use::mapped && option.form == Form::layer)
        json[key] = layer(config.get<std::string>(option.keel, {}), inner, kept);
      else if (option.use == Use::mapped)
        write_mapped(option, config, json[key]);
      else if ((option.use == Use::read || option.use == Use::fixed) && !option.values.empty())
        json[key] = row_values(option.values)[0];
    }
  }

 private:
  using Option = dialects::Option;
  using Form = dialects::Form;
  using Use = dialects::Use;

  /// The option that is a layer, or null.
  const Option* layer_option() const {
    for (const Option& option : row_.options)
      if (option.form == Form::layer && option.use == Use::mapped) return &option;
    return nullptr;
  }
  /// A layer inside, as Keras writes one.
  Json layer(const std::string& type, const Config& config, Json& kept) const {
    const KerasRow* const row = dialects::keras_row(type);
    if (!row || (row->worlds & world_) == 0)
      refuse("a layer inside that " + world_name(row ? row->worlds : dialects::any_keras) + " has", type,
             "save as .safetensors");
    if (row->least_inputs > 1)
      refuse("a layer inside that takes one input in Keras", type, "save as .safetensors, or without TimeDistributed");
    Json json = {{"name", snake_case(std::string(row->name))}, {"trainable", true}};
    for (const Option& option : row->options)
      if (is_window(option) && option.use == Use::mapped && !row->pads.empty() &&
          padding_of(option, config).mode == Padding::Mode::fixed && !(padding_of(option, config) == Padding(0)))
        refuse("a layer inside with padding same or valid", padding_of(option, config).to_string(),
               "put a zero padding before it");
    KerasOptionWriter(*row, world_, rank_, who_).write(config, json, kept);
    Json result = {{"class_name", std::string(row->name)}, {"config", std::move(json)}};
    if (world_ == dialects::keras3) {
      result["module"] = std::string(row->module);
      result["registered_name"] = nullptr;
    }
    return result;
  }
  [[noreturn]] void refuse(const std::string& expected, const std::string& got, const std::string& hint) const {
    throw ConfigError(who_, expected, got, hint);
  }
  /// "Keras" of what none has.
  std::string world_name(unsigned worlds) const {
    if ((worlds & dialects::any_keras) == dialects::any_keras) return "Keras";
    return world_ == dialects::keras3 ? "Keras 3" : world_ == dialects::tfjs ? "TensorFlow.js" : "Keras 2";
  }
  std::string elsewhere(unsigned worlds) const {
    const bool another = world_ != dialects::keras3 && (worlds & dialects::any_keras) != dialects::any_keras;
    return another ? "save as .keras" : "save as .safetensors";
  }

  /// What the row says of an entry of keel's in this world; null: nothing.
  const Option* option_of(const std::string& entry) const {
    const std::string_view name = dialects::option_of_entry(entry);
    for (const std::span<const Option> options : {row_.options, std::span<const Option>(dialects::keras_common)})
      for (const Option& option : options) {
        const bool everywhere = option.use == Use::neutral || option.use == Use::kept || option.use == Use::padding;
        if (option.keel == name && (everywhere || (option.worlds & world_) != 0)) return &option;
      }
    return nullptr;
  }
  /// An entry of keel's that is not written must be one that changes nothing there.
  void check(const std::string& name, const Config::Value& value, const Config& config, Json& kept) const {
    const Option* const option = option_of(name);
    if (!option && belongs_to_activation(name)) return;
    if (!option) refuse("an option that " + world_name(world_) + " has", name, elsewhere(world_));
    if (option->values.empty() || option->use == Use::neutral || option->use == Use::noted) return;
    const Json json = std::visit([](const auto& held) { return Json(held); }, value);
    const bool last_axis = option->form == Form::axis && json == Json(rank_ - 1);
    if (row_allows(option->values, last_axis ? Json(-1) : json)) return;
    const bool must = option->use == Use::fixed || option->use == Use::mapped;
    if (must || (option->use == Use::padding && pads(config)))
      refuse(name + " " + row_values(option->values)[0].dump() + ", all that " + world_name(option->worlds) + " has",
             json.dump(), elsewhere(option->worlds));
    kept[name] = json;
  }
  /// Whether the layer pads.
  bool pads(const Config& config) const {
    for (const Option& option : row_.options)
      if (option.use == Use::mapped && is_window(option)) {
        const Padding padding = padding_of(option, config);
        return !(padding == Padding::valid) && !(padding == Padding(0));
      }
    return false;
  }
  /// "activation_alpha" beside "activation".
  bool belongs_to_activation(const std::string& name) const {
    for (const Option& option : row_.options)
      if (option.form == Form::activation && option.use == Use::mapped && name == std::string(option.keel) + "_alpha")
        return true;
    return false;
  }
  void check_strides(const Config& config) const {
    const auto above_one = [&](const char* name) {
      const auto extents = config.get<std::vector<Index>>(name, {1});
      return std::any_of(extents.begin(), extents.end(), [](Index extent) { return extent != 1; });
    };
    if (row_.stride_or_dilation && above_one("strides") && above_one("dilation_rate"))
      refuse("strides or a dilation above 1, all that Keras has", "both", "save as .safetensors");
  }

  void write_mapped(const Option& option, const Config& config, Json& json) const {
    const std::string name(option.keel);
    const Config::Value* const value = config.find(name);
    if (option.form == Form::activation) {
      json = activation(config, name);
    } else if (is_window(option)) {
      json = window(option, config);
    } else if (option.form == Form::sides || option.form == Form::sides_3d) {
      const auto sides = config.get<std::vector<Index>>(name, {});
      json = Json::array();
      for (std::size_t i = 1; i < sides.size(); i += 2) json.push_back(Json::array({sides[i - 1], sides[i]}));
    } else if (option.form == Form::optional_extent) {
      const Index extent = config.get<Index>(name, 0);
      json = extent == 0 ? Json() : Json(extent);
    } else if (option.form == Form::optional_text) {
      const auto text = config.get<std::string>(name, {});
      json = text.empty() ? Json() : Json(text);
    } else if (option.form == Form::open_extents) {
      json = Json::array();
      for (const Index extent : config.get<std::vector<Index>>(name, {}))
        json.push_back(extent == 0 ? Json() : Json(extent));
    } else if (option.form == Form::axis) {
      // TensorFlow.js takes every axis below 0 for the last one
      const Index axis = config.get<Index>(name, -1);
      json = axis < -1 ? axis + rank_ : axis;
    } else if (value) {
      std::visit([&](const auto& held) { json = held; }, *value);
    }
  }
  Json activation(const Config& config, const std::string& name) const {
    ActivationSpec spec;
    read_option(config, name.c_str(), spec);
    const dialects::KerasActivation* const row =
        dialects::find_row(dialects::keras_activations, &dialects::KerasActivation::keel, activation_name(spec.kind));
    const std::string_view there = row ? row->*dialects::keras_column(world_) : "";
    if (there.empty()) {
      const unsigned worlds = row && !row->keras3.empty() ? world_ : dialects::any_keras;
      refuse((name == "activation" ? "an activation" : "a " + name) + " that " + world_name(worlds) + " has",
             std::string(activation_name(spec.kind)), elsewhere(worlds));
    }
    const ActivationSpec usual(spec.kind);
    const bool layer = spec.kind == Activation::leaky_relu || spec.kind == Activation::elu;
    if (spec.alpha != usual.alpha && activation_reads_alpha(spec.kind))
      refuse("Keras's alpha of " + std::to_string(usual.alpha) + " inside a layer", std::to_string(spec.alpha),
             layer ? "add a LeakyReLU or ELU layer" : "save as .safetensors");
    return std::string(there);
  }
  /// Keras's layers pad as "same" or "valid". Where the row says so, zeros are padded by a layer before.
  Json window(const Option& option, const Config& config) const {
    const Config::Value* const value = config.find(option.keel);
    if (const auto* const mode = value ? std::get_if<std::string>(value) : nullptr; mode && *mode == "causal") {
      if (world_ == dialects::tfjs) refuse("padding that TensorFlow.js has", *mode, "save as .keras");
      return *mode;
    }
    const Padding padding = padding_of(option, config);
    if (padding.mode != Padding::Mode::fixed) return padding.to_string();
    const bool transposed = dialects::keras_option(row_, "output_padding", dialects::keras3) != nullptr;
    if (row_.pads.empty() && (transposed || !(padding == Padding(0))))
      refuse("padding same or valid, all that Keras has", padding.to_string(), "save as .safetensors");
    const KerasRow* const before = dialects::keras_class(row_.pads);
    if (before && (before->worlds & world_) == 0 && !(padding == Padding(0)))
      refuse("padding same or valid, all that " + world_name(before->worlds) + " has", padding.to_string(),
             elsewhere(before->worlds));
    return "valid";
  }

  const KerasRow& row_;
  unsigned world_;
  Index rank_;
  const std::string& who_;
};

}  // namespace io

}  // namespace KEEL_ABI
}  // namespace keel
