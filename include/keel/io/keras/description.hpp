#pragma once
/// What a Keras configuration says of its layers, one by one: classes, names, keys and shapes.

#include <keel/io/keel/architecture.hpp>
#include <keel/io/keras/calls.hpp>
#include <keel/io/keras/options.hpp>
#include <keel/io/keras/order_rule.hpp>

namespace keel {
inline namespace KEEL_ABI {

/// A layer of a Keras model and what it became: a keel layer, or, for a model inside a model, layers of its own.
struct KerasLayer {
  std::string type, name;                   ///< Keras's
  const dialects::KerasRow* row = nullptr;  ///< null: an operator
  Index layer = -1;                         ///< keel's; -1: none (InputLayer)
  Index activation = -1;                    ///< keel's layer of an activation that is one
  Index mask = -1;                          ///< keel's layer of the mask that it makes
  std::vector<KerasLayer> layers{};
  io::KerasValueOrder order{};     ///< of its input's values
  std::optional<bool> training{};  ///< of its calls
  std::optional<io::KerasSettings> settings{};

  bool is_model() const {
    return row && (row->kind == dialects::KerasKind::sequential || row->kind == dialects::KerasKind::functional);
  }
};

template <class T>
struct KerasModel {
  Model<T> model;
  KerasLayer root;
  std::vector<std::string> notes{};  ///< what the file says about training and keel does not keep
  std::string probe{};               ///< of a .keras that keel wrote with one: see io/probe.hpp
};

/// What a Keras configuration does not say, and how it is read.
struct KerasReadOptions {
  std::string version = "3";         ///< of Keras, or "tfjs..."; decides what 2 and 3 mean differently
  ModelOptions model = {};           ///< of the model that is made
  Weights weights = Weights::fresh;  ///< random values, or those of a file to come
  std::vector<Shape> inputs = {};    ///< of each input, without the batch, channels last: for extents that are unknown
  bool unbiased = false;             ///< BatchNorm keeps the unbiased moving variance
  Json kept = {};                    ///< layer -> options of keel's own, as a writer of keel kept them
};

namespace io {

using namespace formats;

/// Of how many axes the maps are of which some layer says that they are channels first, as bits 1 << axes; 0: there are
/// none. All such maps must be then: layers that say otherwise are refused.
inline unsigned channels_first_axes(const Json& json) {
  unsigned axes = 0;
  if (const Json* const type = json.find("class_name"); type && type->is_string()) {
    const dialects::KerasRow* const row = dialects::keras_class(type->text());
    const Json* const config = json.find("config");
    if (row && config && row->channels_first == dialects::ChannelsFirst::images &&
        config->value("data_format", nullptr) == "channels_first")
      axes |= 1u << row->axes;
  }
  for (const Json& each : json) axes |= channels_first_axes(each);
  for (const auto& [key, value] : json.items()) axes |= channels_first_axes(value);
  return axes;
}

/// Whether a layer or model, or the layer inside it, says that it is not trainable.
inline bool says_frozen(const Json& json) {
  const Json* const config = json.find("config");
  if (!config) return false;
  const Json* const inner = config->find("layer");
  return config->value("trainable", nullptr) == false || (inner && says_frozen(*inner));
}

/// A cell, and the recurrent layer `around` it, as the layer of that cell: the options of both. Throws FormatError for a
/// cell that keel has no layer for.
inline Json layer_of_cell(const Json& cell, const Json& around, const std::string& where) {
  const Json type = cell.is_object() ? cell.value("class_name", nullptr) : Json();
  const dialects::KerasCell* known = nullptr;
  for (const dialects::KerasCell& each : dialects::keras_cells)
    if (type == Json(std::string(each.name)) && !is_own_class(cell)) known = &each;
  if (!known)
    throw FormatError(
        where, "one cell that keel has a layer for, such as " + std::string(dialects::keras_cells[0].name),
        type.is_null() ? "several cells" : type.dump().substr(0, 80), "use a layer for each cell in Keras");
  Json whole = keras_member(cell, "config", where);
  for (const auto& [key, value] : around.items())
    if (key != dialects::keras_cell) whole[key] = value;
  Json layer = Json::object();
  layer["class_name"] = std::string(known->layer);
  layer["config"] = std::move(whole);
  return layer;
}
/// Cells on each other, and the recurrent layer around them, as a Sequential of their layers: all but the last give
/// whole sequences, the first goes backwards where that layer does.
inline Json layers_of_cells(const Json& cells, const Json& around, const std::string& where) {
  const std::string list(dialects::keras_cell_list), direction(dialects::keras_direction);
  for (const auto& [key, value] : keras_member(cells, "config", where).items())
    if (key != list && key != "name" && key != "trainable" && key != "dtype")
      throw FormatError(where, "keys that keel knows of " + std::string(dialects::keras_stacked_cells), shown(key),
                        "use a layer for each cell in Keras");
  const Json& all = keras_member(cells["config"], list.c_str(), where);
  if (!all.is_array() || all.empty()) throw FormatError(where, "a list of cells", all.dump().substr(0, 80));
  Json stack = Json::object();
  stack["name"] = around.value("name", nullptr);
  stack["layers"] = Json::array();
  for (std::size_t i = 0; i < all.size(); ++i) {
    Json mine = around;
    if (i + 1 < all.size()) mine["return_sequences"] = true;
    if (i > 0) mine[direction] = false;
    if (all[i].is_object() && all[i].contains("config")) mine["name"] = all[i]["config"].value("name", nullptr);
    stack["layers"].push_back(layer_of_cell(all[i], mine, where));
  }
  Json layer = Json::object();
  layer["class_name"] = std::string(dialects::keras_stack);
  layer["config"] = std::move(stack);
  return layer;
}
/// The layer inside one that normalises its kernel in training: in inference it computes nothing else.
inline Json layer_of_spectral(const Json& config, const std::string& where) {
  for (const auto& [key, value] : config.items())
    if (std::find(std::begin(dialects::keras_spectral_keys), std::end(dialects::keras_spectral_keys), key) ==
        std::end(dialects::keras_spectral_keys))
      throw FormatError(where, "keys that keel knows of this class", shown(key), "keel does not have this");
  Json layer = keras_member(config, "layer", where);
  const std::string type = keras_text(layer, "class_name", where);
  const dialects::KerasRow* const row = is_own_class(layer) ? nullptr : dialects::keras_class(type);
  if (!row || row->kind != dialects::KerasKind::layer)
    throw FormatError(where, "a layer inside that keel has", "class " + shown(type));
  Json own = keras_member(layer, "config", where);
  for (const char* key : {"name", "trainable"})
    if (config.contains(key)) own[key] = config[key];
  layer["config"] = std::move(own);
  return layer;
}
/// Whether a class stands around another layer or cells.
inline bool is_wrapper(const std::string& type) {
  return type == dialects::keras_around_cell || type == dialects::keras_spectral;
}
/// What stands inside such a layer, with the name of that layer and its place in the graph; others are themselves.
/// Throws FormatError for what keel has no layer for.
inline Json unwrapped(const Json& json, const std::string& where) {
  const std::string type = keras_text(json, "class_name", where);
  if (!is_wrapper(type)) return json;
  const Json& config = keras_member(json, "config", where);
  Json inside;
  if (type == dialects::keras_spectral) {
    inside = layer_of_spectral(config, where);
  } else {
    const Json& cell = keras_member(config, std::string(dialects::keras_cell).c_str(), where);
    const bool several = cell.is_object() && !is_own_class(cell) &&
                         cell.value("class_name", nullptr) == Json(std::string(dialects::keras_stacked_cells));
    inside = several ? layers_of_cells(cell, config, where) : layer_of_cell(cell, config, where);
  }
  Json layer = json;
  layer["class_name"] = inside["class_name"];
  layer["config"] = inside["config"];
  return layer;
}

/// Reads the descriptions of layers in one file.
class KerasDescriptions {
 public:
  KerasDescriptions(const std::string& where, unsigned world) : where_(where), world_(world) {}

  const std::string& where() const { return where_; }
  std::string who(const KerasLayer& layer) const {
    return where_ + ": layer " + shown(layer.name) + " (" + layer.type + ")";
  }
  /// The row and names of a layer. Throws FormatError for keys and classes that are not known.
  KerasLayer describe(const Json& json, bool top = false) const {
    const std::string type = keras_text(json, "class_name", where_);
    const Json& config = keras_member(json, "config", where_);
    KerasLayer layer{type, keras_layer_name(json)};
    const std::string where = top ? where_ : who(layer);
    check_layer_keys(json, where);
    const Json module = json.value("module", nullptr), registered = json.value("registered_name", nullptr);
    if (module.is_string() && module.text().starts_with(dialects::keras_operator_modules)) return layer;
    if (type == dialects::keras2_operator) return layer;
    const bool own = is_own_class(json);
    layer.row = own ? nullptr : dialects::keras_class(type);
    if (layer.row && layer.row->kind == dialects::KerasKind::wrapped) {
      const Json inside = is_wrapper(type) && !top ? unwrapped(json, where) : Json();
      layer.row = inside.is_null() ? nullptr : dialects::keras_class(keras_text(inside, "class_name", where));
      if (layer.row) return layer;
    }
    if (!layer.row && !top) refuse_class(where, own && registered.is_string() ? registered.text() : type);
    if (!top && layer.row->kind != dialects::KerasKind::layer) check_config(layer, config);
    return layer;
  }
  [[noreturn]] static void refuse_class(const std::string& where, const std::string& type) {
    std::string names;
    for (const KerasRow& row : dialects::keras_rows)
      if (!row.type.empty() && !row.name.empty()) names += (names.empty() ? "" : ", ") + std::string(row.name);
    throw FormatError(where, "a layer that keel has: " + names, "class " + shown(type),
                      "build the model in code, with a layer of your own, and use load_weights");
  }
  /// The keys of a model's or an input's configuration.
  void check_config(const KerasLayer& layer, const Json& config) const {
    const std::string where = who(layer);
    if (config.is_object()) KerasOptionReader(*layer.row, world_, where).read(config);  // a list in old files
  }

  std::optional<Json> batch_shape_of(const Json& config) const {
    for (const char* key : {"batch_shape", "batch_input_shape", "build_input_shape"})
      if (const Json* const shape = config.find(key); shape && plain(*shape).is_array()) return plain(*shape);
    return std::nullopt;
  }
  /// The batch shape that a Sequential takes; null where it was never built.
  Json sequential_shape(const Json& json) const {
    const Json& config = json["config"];
    const Json& layers = config.is_array() ? config : keras_member(config, "layers", where_);
    if (layers.is_array() && !layers.empty() && layers[0].is_object() && layers[0].contains("config")) {
      const Json& first = layers[0]["config"];
      if (const auto shape = batch_shape_of(first)) return *shape;
      const KerasRow* const row = dialects::keras_class(keras_text(layers[0], "class_name", where_));
      if (row && row->kind == dialects::KerasKind::sequential && first.is_object() && first.contains("layers"))
        return sequential_shape(layers[0]);
    }
    if (const auto shape = batch_shape_of(config)) return *shape;
    if (json.contains("build_config") && json["build_config"].contains("input_shape"))
      return plain(json["build_config"]["input_shape"]);
    return Json();
  }

 private:
  std::string where_;
  unsigned world_;
};

}  // namespace io

}  // namespace KEEL_ABI
}  // namespace keel
