#pragma once
/// The weights of one model for another, and TensorFlow.js models.

#include <keel/io/keras/file.hpp>
#include <keel/io/keel/model_file.hpp>
#include <keel/io/tfjs/archive.hpp>

namespace keel {
inline namespace KEEL_ABI {

namespace io {

using namespace formats;

/// What two models of the same layers do differently.
template <class T>
void compare_options(const Model<T>& model, const Model<T>& file, WeightPlan<T>& plan) {
  std::set<std::pair<std::string, std::string>> seen;
  const auto owner = [](const std::string& name) { return name.substr(0, name.rfind('/')); };
  for (const Pairing& p : plan.diagnosis.pairings) {
    if (p.status != Pairing::Outcome::matched || p.parameter.find('/') == p.parameter.npos ||
        p.tensor.find('/') == p.tensor.npos)
      continue;
    const std::string mine = owner(p.parameter), theirs = owner(p.tensor);
    if (!seen.emplace(mine, theirs).second) continue;
    const Json a = to_json(model.layer(mine).config()), b = to_json(file.layer(theirs).config());
    for (const auto& [key, value] : a.items())
      if (key.find("initializer") == key.npos && b.contains(key) && b[key] != value)
        plan.diagnosis.suspicions.push_back(
            {mine, key + " is " + value.dump() + " in the model, " + b[key].dump() + " in the file"});
  }
}

}  // namespace io

/// How the weights of one model would go into another.
template <class T>
WeightPlan<T> plan_model(Model<T>& model, const Model<T>& file, const std::string& where, const std::string& format) {
  WeightPlan<T> plan(where, format, model.name());
  const Archive archive{where, format, state_of(file), {}};
  io::reconcile(plan, io::own_modules(model), io::source_modules(archive, '/'));
  io::compare_options(model, file, plan);
  return plan;
}

namespace io {

/// The layers' own names, by which TensorFlow.js knows the weights: keel's "inner/dense" is "dense".
inline void own_names(const KerasLayer& model, std::map<Index, std::string>& names) {
  for (const KerasLayer& layer : model.layers) {
    if (layer.layer >= 0) names[layer.layer] = layer.name;
    own_names(layer, names);
  }
}

}  // namespace io

/// The model of a TensorFlow.js layers model: a model.json with shards beside it.
template <class T>
KerasModel<T> load_keras_tfjs(const Archive& archive, const ModelOptions& options = {}) {
  const auto text = archive.metadata.find("modelTopology");
  if (text == archive.metadata.end())
    throw FormatError(archive.where, "a modelTopology", "weights only",
                      "build the model in code and use load_weights(model, path)");
  const Json topology = parse_json(text->second, archive.where + ": modelTopology");
  const bool wrapped = topology.is_object() && topology.contains("model_config");
  std::string version = topology.is_object() ? topology.value("keras_version", "tfjs").text() : "tfjs";
  KerasModel<T> loaded = build_keras_model<T>(wrapped ? topology["model_config"] : topology, archive.where, version,
                                              options, Weights::from_file);
  WeightPlan<T> plan(archive.where, "TensorFlow.js", loaded.model.name());
  std::map<Index, std::string> names;
  io::own_names(loaded.root, names);
  std::vector<io::Module<T>> modules = io::keras_modules(loaded.model, io::keras_graph(loaded.model));
  for (const auto& [layer, name] : names)
    for (io::Module<T>& module : modules)
      if (module.layer == loaded.model.layer(layer).name()) module.name = name;
  io::reconcile(plan, modules, io::source_modules(archive, '/'));
  plan.commit();
  io::require_values(loaded.model, archive.where);
  return loaded;
}

}  // namespace KEEL_ABI
}  // namespace keel
