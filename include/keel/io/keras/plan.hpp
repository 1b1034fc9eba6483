#pragma once
/// Keras's weights for a model that is there already.

#include <keel/io/keras/nesting.hpp>
#include <keel/io/keras/weights.hpp>

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

/// Weights that Keras has and keel has no use for.
template <class T>
void add_foreign(Module<T>& module) {
  const dialects::KerasRow* const row = dialects::keras_row(module.type);
  if (!row) return;
  for (const dialects::Weight& weight : row->weights) {
    const std::string name(weight.name);
    if (weight.keel.empty())
      module.slots.push_back({name, module.layer + " has no " + name, nullptr, nullptr, 0, {}, true, true});
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
      add_foreign(module);
      sorted.push_back(std::move(module));
      break;
    }
  return sorted;
}

/// Where a file of Keras 3 keeps each layer: keel's name -> "layers/dense_1". The file tells which class the
/// models inside have.
template <class T>
std::map<std::string, std::string> keras_places(const Model<T>& model, const KerasGraph& graph,
                                                const std::vector<SourceModule>& sources) {
  std::map<std::string, std::string> places;
  graph.places(
      [&](const KerasGraph&, const std::string& path) {
        return std::any_of(sources.begin(), sources.end(),
                           [&](const SourceModule& source) { return source.name.starts_with(path + "/layers/"); });
      },
      [&](const KerasGraph::Part& part, const std::string& path) {
        if (part.layer >= 0) places[model.layer(part.layer).name()] = path;
      });
  return places;
}

/// The layers in the groups of the older layout: those of a model inside the model show in the weights' names.
inline std::vector<SourceModule> keras_parts(const std::vector<SourceModule>& groups) {
  std::vector<SourceModule> sources;
  for (const SourceModule& group : groups) {
    std::vector<SourceModule> parts;
    for (const auto& [weight, array] : group.tensors) {
      const std::size_t slash = weight.rfind('/');
      const std::string layer = slash == weight.npos ? "" : weight.substr(0, slash);
      auto part = std::find_if(parts.begin(), parts.end(), [&](const SourceModule& p) { return p.name == layer; });
      if (part == parts.end()) part = parts.insert(parts.end(), {layer, {}, true});
      part->tensors.emplace_back(weight.substr(slash + 1), array);
    }
    if (parts.size() == 1 && !parts[0].name.starts_with(group.name + "/")) parts[0].name = group.name;
    for (SourceModule& part : parts) sources.push_back(std::move(part));
  }
  return sources;
}

}  // namespace io

/// How the weights of a Keras .weights.h5 or weights-only .h5 would go into a model.
template <class T>
WeightPlan<T> plan_keras(Model<T>& model, const Hdf5File& file) {
  const io::KerasSources sources = io::keras_sources(file);
  WeightPlan<T> plan(file.where, sources.paths ? "Keras 3 weights" : "Keras .h5 weights", model.name());
  const io::KerasGraph graph = io::keras_graph(model);
  std::vector<io::Module<T>> modules = io::keras_modules(model, graph);
  if (sources.paths) {
    const auto places = io::keras_places(model, graph, sources.modules);
    for (io::Module<T>& module : modules) module.name = places.at(module.layer);
  }
  io::reconcile(plan, modules, sources.paths ? sources.modules : io::keras_parts(sources.modules),
                sources.paths ? io::Matching::names : io::Matching::order);
  return plan;
}

}  // namespace KEEL_ABI
}  // namespace keel
