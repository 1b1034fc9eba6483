#pragma once
/// TensorFlow.js layers models as keel models.

#include <keel/io/keras/weights.hpp>
#include <keel/io/tfjs/archive.hpp>

namespace keel {
inline namespace KEEL_ABI {

namespace io {

/// The layers that hold weights, by the names by which TensorFlow.js knows them: keel's "inner/dense" is "dense".
inline void named_layers(const KerasLayer& model, std::vector<const KerasLayer*>& layers) {
  for (const KerasLayer& layer : model.layers) {
    if (layer.layer >= 0 && layer.row) layers.push_back(&layer);
    named_layers(layer, layers);
  }
}

/// keel's name of a weight that TensorFlow.js, or a converter from Keras, names so.
inline std::string tfjs_role(const dialects::KerasRow& row, const std::string& name) {
  for (const dialects::Weight& weight : row.weights)
    if (weight.name == name && !weight.keel.empty()) return std::string(weight.keel);
  return name;
}

template <class T>
void read_tfjs_weights(KerasModel<T>& loaded, const Archive& archive) {
  std::vector<const KerasLayer*> layers;
  named_layers(loaded.root, layers);
  std::vector<SourceModule> sources = source_modules(archive, '/');
  std::vector<Module<T>> modules;
  KerasSlots<T> slots(loaded.model);
  for (const KerasLayer* layer : layers) {
    const auto source = std::find_if(sources.begin(), sources.end(),
                                     [&](const SourceModule& each) { return each.name == layer->name; });
    if (source != sources.end())
      for (auto& [role, array] : source->tensors) role = tfjs_role(*layer->row, role);
    Module<T> module = slots.by_name(*layer, source == sources.end() ? nullptr : &*source);
    if (!module.slots.empty()) modules.push_back(std::move(module));
  }
  WeightPlan<T> plan(archive.where, "TensorFlow.js", loaded.model.name());
  reconcile(plan, modules, sources);
  plan.commit();
  require_values(loaded.model, archive.where);
}

}  // namespace io

/// The model of a TensorFlow.js layers model: a model.json with shards beside it. Throws FormatError.
template <class T>
KerasModel<T> load_keras_tfjs(const Archive& archive, KerasReadOptions options = {}) {
  const auto text = archive.metadata.find("modelTopology");
  if (text == archive.metadata.end())
    throw FormatError(archive.where, "a modelTopology", "weights only",
                      "build the model in code and use load_weights(model, path)");
  const Json topology = parse_json(text->second, archive.where + ": modelTopology");
  const Json* const wrapped = topology.find("model_config");
  const Json* const version = topology.find("keras_version");
  options.version = version ? version->text() : "tfjs";
  options.weights = Weights::from_file;
  if (const auto own = archive.metadata.find("userDefinedMetadata"); own != archive.metadata.end())
    if (const Json metadata = parse_json(own->second, archive.where + ": userDefinedMetadata");
        metadata.contains("keel"))
      options.kept = metadata["keel"];
  KerasModel<T> loaded = build_keras_model<T>(wrapped ? *wrapped : topology, archive.where, options);
  io::read_tfjs_weights(loaded, archive);
  return loaded;
}

}  // namespace KEEL_ABI
}  // namespace keel
