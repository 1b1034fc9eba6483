#pragma once
/// The weights of Keras's files as modules of `reconcile`, which places them: a file's tensors, and the weights that
/// the layers of a Keras model want, in Keras's order.

#include <keel/formats/hdf5/reader.hpp>
#include <keel/io/keras/cudnn.hpp>
#include <keel/io/keras/graph.hpp>
#include <keel/io/keras/reader.hpp>
#include <keel/io/reconcile.hpp>

namespace keel {
inline namespace KEEL_ABI {

namespace io {

using namespace formats;

/// A file's layers, whose weights count by their order; the arrays stay in the file. Keras 3 names them by where they
/// stand, "layers/dense_1", the older layout by the layer.
struct KerasSources {
  std::vector<SourceModule> modules;
  bool paths = false;
};

/// "layers/lstm/cell" as the layer's path and what is below it; a layer is what stands behind the last "layers".
inline std::pair<std::string, std::string> split_parts(const std::string& path) {
  constexpr std::string_view layers = "layers/";
  std::size_t at = path.rfind("/layers/");
  at = at == path.npos ? layers.size() : at + 1 + layers.size();
  const std::size_t end = (std::min)(path.find('/', at), path.size());
  return {path.substr(0, end), end < path.size() ? path.substr(end + 1) : ""};
}
/// Layers with others inside as one module each, the parts in the order of dialects::keras_parts. A part of another
/// name stays a module of its own, which nothing takes.
inline void join_parts(std::vector<SourceModule>& modules) {
  std::vector<SourceModule> joined;
  std::map<std::string, std::map<std::ptrdiff_t, const SourceModule*>> layers;
  for (const SourceModule& module : modules) {
    const auto [layer, part] = split_parts(module.name);
    const auto known = std::find(std::begin(dialects::keras_parts), std::end(dialects::keras_parts), part);
    if (known == std::end(dialects::keras_parts))
      joined.push_back(module);
    else
      layers[layer][known - std::begin(dialects::keras_parts)] = &module;
  }
  for (const SourceModule& module : modules) {  // in the order of the file
    const auto found = layers.find(split_parts(module.name).first);
    if (found == layers.end()) continue;
    SourceModule whole{found->first, {}, true};
    for (const auto& [place, part] : found->second)
      for (const auto& tensor : part->tensors)
        whole.tensors.emplace_back(std::to_string(whole.tensors.size()), tensor.second);
    joined.push_back(std::move(whole));
    layers.erase(found);
  }
  modules = std::move(joined);
}

/// Keras 3's layout: layers/dense_1/vars/0. Windows wrote backslashes, Keras 2.12 and 2.13 another first name; what
/// optimizers, metrics and random layers keep is left out.
inline KerasSources keras_paths(const Hdf5File& file) {
  KerasSources sources{{}, true};
  for (const Hdf5Object& object : file.objects) {
    std::string path = object.path;
    std::replace(path.begin(), path.end(), '\\', '/');
    constexpr std::string_view former = "_layer_checkpoint_dependencies/";
    if (path.starts_with(former)) path.replace(0, former.size(), "layers/");
    if (!path.starts_with("layers/") || !path.ends_with("/vars") || object.children.empty()) continue;
    path.resize(path.size() - std::string_view("/vars").size());
    if (path.ends_with("/seed_generator")) continue;
    SourceModule source{path, {}, true};
    for (std::size_t i = 0; i < object.children.size(); ++i)
      source.tensors.emplace_back(std::to_string(i), &file.at(object.path + "/" + std::to_string(i)).value);
    sources.modules.push_back(std::move(source));
  }
  join_parts(sources.modules);
  return sources;
}

/// Where the older layout begins in a file, if it is there.
inline std::optional<std::string> keras_group_root(const Hdf5File& file) {
  if (file.texts("", "layer_names")) return "";
  if (file.find("model_weights")) return "model_weights";
  return std::nullopt;
}
/// The older layout: a group a layer, or a model inside the model, its weights in the order of `weight_names`.
inline KerasSources keras_groups(const Hdf5File& file, const std::string& root) {
  KerasSources sources;
  // Keras writes no names, or an empty list of numbers, where there is no layer
  for (const std::string& name : file.texts(root, "layer_names").value_or(std::vector<std::string>{})) {
    const std::string group = root.empty() ? name : root + "/" + name;
    const auto weights = file.texts(group, "weight_names");
    if (!weights || weights->empty()) continue;
    SourceModule source{name, {}, true};
    for (const std::string& weight : *weights)
      source.tensors.emplace_back(weight, &file.at(group + "/" + weight).value);
    sources.modules.push_back(std::move(source));
  }
  return sources;
}
inline KerasSources keras_sources(const Hdf5File& file) {
  const auto root = keras_group_root(file);
  return root ? keras_groups(file, *root) : keras_paths(file);
}

/// How a parameter's values lie in the file. The order of many features is worked out only where the file has as many.
template <class T>
ArrayLayout keras_layout(const KerasLayer& layer, const Parameter<T>& parameter, const NamedArray* array) {
  ArrayLayout layout{parameter.shape(), {}, {}, {}, ""};
  const dialects::Weight* weight = nullptr;
  for (const dialects::Weight& each : layer.row->weights)
    if (each.keel == parameter.name()) weight = &each;
  if (!weight || weight->keel_axes.empty() || layer.order.plain()) return layout;
  const Shape& shape = parameter.shape();
  if (layer.order.maps) {
    if (weight->keel_axes != "S") return layout;
    std::vector<Index> file{shape.back()};
    file.insert(file.end(), shape.begin(), shape.end() - 1);
    layout.file = Shape(file);
    for (std::size_t axis = 1; axis < file.size(); ++axis) layout.axes.push_back(axis);
    layout.axes.push_back(0);
    layout.change = shape.rank() == 3 ? "(c, h, w) to (h, w, c)" : "channels first to channels last";
  } else if (array && array->shape.size() == shape.size() && shape[0] > 1) {
    layout.features = positions(layer.order);
    layout.change = "rows of channels-first maps to (h, w, c)";
  }
  return layout;
}

/// The weights of a Keras model's layer, or model inside the model, as one module of a file: those that train, then the
/// others.
template <class T>
class KerasSlots {
 public:
  explicit KerasSlots(Model<T>& model) : model_(model) {}

  /// For a group of the older layout. `source`: the file's, if there is one; a Normalization has a count in some files
  /// and none in others.
  Module<T> group(const KerasLayer& layer, const SourceModule* source) {
    places_.clear();
    collect(layer, true);
    collect(layer, false);
    return module(layer, source);
  }
  /// For one layer of Keras 3's.
  Module<T> single(const KerasLayer& layer, const SourceModule* source) {
    places_.clear();
    collect(layer, std::nullopt);
    // its own come first: the kernel once more, and the vector
    if (layer.type == dialects::keras_spectral && source && source->tensors.size() == places_.size() + 2)
      places_.insert(places_.begin(), 2, spectral(layer));
    return module(layer, source);
  }
  /// For one layer of TensorFlow.js, whose weights have names.
  Module<T> by_name(const KerasLayer& layer, const SourceModule* source) {
    places_.clear();
    collect(layer, std::nullopt);
    Module<T> module = this->module(layer, nullptr);
    for (Slot<T>& slot : module.slots)
      for (const auto& [role, array] : source ? source->tensors : decltype(source->tensors){})
        if (slot.parameter && role == slot.role) slot.layout = keras_layout(layer, *slot.parameter, array);
    return module;
  }

 private:
  /// Where a weight goes; null: one that keel has no use for.
  struct Place {
    const KerasLayer* layer;
    Parameter<T>* parameter;
    std::string name;
  };

  /// What a layer that normalises the kernel of the one inside has beside the weights of that.
  Place spectral(const KerasLayer& layer) {
    return {&layer, nullptr,
            model_.layer(layer.layer).name() + " has no " + std::string(dialects::keras_spectral_weight)};
  }
  void collect(const KerasLayer& layer, std::optional<bool> training) {
    for (const KerasLayer& inner : layer.layers) collect(inner, training);
    if (layer.layer < 0 || !layer.row) return;
    Layer<T>& mine = model_.layer(layer.layer);
    for (Parameter<T>* parameter : mine.parameters())
      if (training.value_or(keras_trains(mine, *parameter)) == keras_trains(mine, *parameter))
        places_.push_back({&layer, parameter, mine.name() + "/" + parameter->name()});
    if (layer.type == dialects::keras_spectral && training == false) places_.push_back(spectral(layer));
    if (mine.parameters().empty()) return;
    for (const dialects::Weight& weight : layer.row->weights)
      if (weight.keel.empty() && !training.value_or(false))
        places_.push_back({&layer, nullptr, mine.name() + " has no " + std::string(weight.name)});
  }
  Module<T> module(const KerasLayer& layer, const SourceModule* source) {
    if (source && source->tensors.size() != places_.size())
      std::erase_if(places_, [](const Place& place) { return place.parameter == nullptr; });
    const std::string mine = layer.layer < 0 ? layer.name : model_.layer(layer.layer).name();
    Module<T> module{source ? source->name : layer.name, mine, layer.type, {}};
    for (std::size_t i = 0; i < places_.size(); ++i) {
      const auto& [owner, parameter, name] = places_[i];
      const NamedArray* const array = source && i < source->tensors.size() ? source->tensors[i].second : nullptr;
      Slot<T> slot{parameter ? parameter->name() : name, name, parameter, nullptr, 0, {}, !parameter, !parameter};
      if (parameter) slot.layout = keras_layout(*owner, *parameter, array);
      module.slots.push_back(std::move(slot));
    }
    return module;
  }

  Model<T>& model_;
  std::vector<Place> places_;
};

/// Modules for the file's sources: those of the same place in Keras 3's layout, those of the same number in the older
/// one.
template <class T>
class KerasModules {
 public:
  KerasModules(Model<T>& model, const KerasSources& sources) : slots_(model), sources_(sources) {}

  std::vector<Module<T>> of(const KerasLayer& root) {
    if (sources_.paths)
      paths(root, "layers/");
    else
      groups(root);
    return std::move(modules_);
  }

 private:
  /// Names come from classes and are counted in their container. Operators of Keras 3 are no layers. Layers that stand
  /// for cells have the cells' places.
  void paths(const KerasLayer& container, const std::string& prefix, const std::string& cell = "") {
    KerasCounter names;
    for (const KerasLayer& layer : container.layers) {
      if (!layer.row && layer.type != dialects::keras2_operator) continue;
      const bool other = layer.row && !layer.row->python.empty();
      const std::string path = prefix + names.next((other ? std::string(layer.row->python) : layer.type) + cell);
      if (layer.is_model()) {
        if (layer.type == dialects::keras_around_cell)
          paths(layer, path + "/cell/cells/", "Cell");
        else
          paths(layer, path + "/layers/");
        continue;
      }
      const auto source = std::find_if(sources_.modules.begin(), sources_.modules.end(),
                                       [&](const SourceModule& each) { return each.name == path; });
      Module<T> module = slots_.single(layer, source == sources_.modules.end() ? nullptr : &*source);
      module.name = path;
      if (!module.slots.empty()) modules_.push_back(std::move(module));
    }
  }
  void groups(const KerasLayer& root) {
    std::size_t next = 0;
    for (const KerasLayer& layer : root.layers) {
      const SourceModule* const source = next < sources_.modules.size() ? &sources_.modules[next] : nullptr;
      Module<T> module = slots_.group(layer, source);
      if (module.slots.empty()) continue;
      ++next;
      modules_.push_back(std::move(module));
    }
  }

  KerasSlots<T> slots_;
  const KerasSources& sources_;
  std::vector<Module<T>> modules_;
};

/// Puts a file's weights into the model that was made from its configuration. Throws FormatError with the table of what
/// is in the file and what is not.
template <class T>
void read_keras_weights(KerasModel<T>& loaded, KerasSources sources, const std::string& where) {
  WeightPlan<T> plan(where, sources.paths ? "Keras 3 weights" : "Keras .h5 weights", loaded.model.name());
  const std::vector<Module<T>> modules = KerasModules<T>(loaded.model, sources).of(loaded.root);
  std::deque<NamedArray> turned;
  turn_cudnn(modules, sources.modules, turned, where);
  place_by_name(plan, modules, sources.modules);
  plan.commit();
  require_values(loaded.model, where);
}

}  // namespace io

}  // namespace KEEL_ABI
}  // namespace keel
