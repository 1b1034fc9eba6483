#pragma once
/// Keras's weights for a model that is there already.

#include <keel/formats/hdf5/reader.hpp>
#include <keel/io/keras/nesting.hpp>
#include <keel/io/reconcile.hpp>

namespace keel {
inline namespace KEEL_ABI {

namespace io {

using namespace formats;

/// keel's layers in Keras's order.
inline void list_layers(const KerasGraph& graph, std::vector<Index>& layers) {
  for (const KerasGraph::Part& part : graph.parts) {
    if (part.model) list_layers(*part.model, layers);
    if (part.layer >= 0) layers.push_back(part.layer);
  }
}

/// keel's parameters as Keras's: the same names, order and shapes, without counters.
template <class T>
std::vector<Module<T>> keras_modules(Model<T>& model, const KerasGraph& graph) {
  std::vector<Module<T>> modules = own_modules(model), sorted;
  std::vector<Index> layers;
  list_layers(graph, layers);
  for (const Index layer : layers)
    for (Module<T>& module : modules) {
      if (module.layer != model.layer(layer).name()) continue;
      std::erase_if(module.slots, [](const Slot<T>& slot) { return slot.counter != nullptr; });
      if (module.type == "Normalization")
        module.slots.push_back({"count", module.layer + " has no count", nullptr, nullptr, 0, {}, true, true});
      sorted.push_back(std::move(module));
      break;
    }
  return sorted;
}

/// Where a file of Keras 3 keeps each layer: keel's name -> "layers/dense_1". The file tells which class the
/// models inside have.
template <class T>
std::map<std::string, std::string> keras_places(const Model<T>& model, const KerasGraph& graph, const Hdf5File& file) {
  std::map<std::string, std::string> places;
  graph.places(
      [&](const KerasGraph&, const std::string& path) {
        return std::any_of(file.objects.begin(), file.objects.end(),
                           [&](const Hdf5Object& object) { return object.path.starts_with(path + "/layers/"); });
      },
      [&](const KerasGraph::Part& part, const std::string& path) {
        if (part.layer >= 0) places[model.layer(part.layer).name()] = path;
      });
  return places;
}

/// A file's layers, whose weights count by their order; the arrays stay in the file.
inline std::vector<SourceModule> keras_sources(const Hdf5File& file, bool& paths) {
  std::vector<SourceModule> sources;
  const bool inside = !file.texts("", "layer_names");
  const std::string root = inside && file.find("model_weights") ? "model_weights" : "";
  const auto names = file.texts(root, "layer_names");
  paths = !names;
  if (!names) {
    for (const Hdf5Object& object : file.objects) {
      if (!object.path.ends_with("/vars") || object.path.starts_with("optimizer") || object.children.empty()) continue;
      SourceModule source{object.path.substr(0, object.path.size() - 5), {}, true};
      for (std::size_t i = 0; i < object.children.size(); ++i)
        source.tensors.emplace_back(std::to_string(i), &file.at(object.path + "/" + std::to_string(i)).value);
      sources.push_back(std::move(source));
    }
    return sources;
  }
  for (const std::string& name : *names) {
    const std::string group = root.empty() ? name : root + "/" + name;
    const auto weights = file.texts(group, "weight_names");
    if (!weights) continue;
    // a model inside the model is one group: its layers show in the weights' names
    std::vector<SourceModule> parts;
    for (const std::string& weight : *weights) {
      const std::size_t slash = weight.rfind('/');
      const std::string layer = slash == weight.npos ? "" : weight.substr(0, slash);
      auto part = std::find_if(parts.begin(), parts.end(), [&](const SourceModule& p) { return p.name == layer; });
      if (part == parts.end()) part = parts.insert(parts.end(), {layer, {}, true});
      part->tensors.emplace_back(weight.substr(slash + 1), &file.at(group + "/" + weight).value);
    }
    if (parts.size() == 1 && !parts[0].name.starts_with(name + "/")) parts[0].name = name;
    for (SourceModule& part : parts) sources.push_back(std::move(part));
  }
  return sources;
}

}  // namespace io

/// How the weights of a Keras .weights.h5 or weights-only .h5 would go into a model.
template <class T>
WeightPlan<T> plan_keras(Model<T>& model, const Hdf5File& file) {
  bool paths = false;
  const std::vector<io::SourceModule> sources = io::keras_sources(file, paths);
  WeightPlan<T> plan(file.where, paths ? "Keras 3 weights" : "Keras .h5 weights", model.name());
  const io::KerasGraph graph = io::keras_graph(model);
  std::vector<io::Module<T>> modules = io::keras_modules(model, graph);
  if (paths) {
    const auto places = io::keras_places(model, graph, file);
    for (io::Module<T>& module : modules) module.name = places.at(module.layer);
  }
  io::reconcile(plan, modules, sources, paths);
  return plan;
}

}  // namespace KEEL_ABI
}  // namespace keel
