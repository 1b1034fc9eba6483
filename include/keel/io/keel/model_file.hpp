#pragma once
/// keel's own model file: one .safetensors with every parameter and counter, and the architecture in its metadata.
/// Any safetensors reader opens it.

#include <keel/io/keel/architecture.hpp>
#include <keel/io/weight_plan.hpp>
#include <keel/formats/safetensors.hpp>

namespace keel {
inline namespace KEEL_ABI {

/// Parameters as "conv2d/kernel", counters as "batch_normalization/num_batches_tracked" (int64, shape ()).
template <class T>
[[gnu::cold]] std::vector<NamedArray> state_of(const Model<T>& model) {
  std::vector<NamedArray> arrays;
  for (Index l = 0; l < model.layer_count(); ++l) {
    const Layer<T>& layer = model.layer(l);
    for (const auto* parameter : layer.parameters())
      arrays.push_back(to_array(layer.name() + "/" + parameter->name(), parameter->value()));
    for (const auto* counter : layer.counters())
      arrays.push_back(to_array(layer.name() + "/" + counter->name, Tensor<std::int64_t>(Shape{}, counter->value)));
  }
  return arrays;
}

/// Puts an archive's values, under the names of `state_of`, into a model. Everything is checked first: a missing
/// tensor, one too many, or one of another shape throws FormatError with a table and leaves the model as it was. A
/// missing counter stays. With `values` false it is only checked that the archive has what the model needs.
template <class T>
[[gnu::cold]] void restore_state(Model<T>& model, const Archive& archive, bool values = true) {
  WeightPlan<T> plan(archive.where, "keel", model.name(), values);
  io::place_by_name(plan, io::own_modules(model), io::source_modules(archive, '/'));
  plan.commit();
}

/// Writes weights, buffers, counters and the architecture to one file, all or nothing; `metadata` are more texts
/// to keep in it. Throws FormatError.
template <class T>
[[gnu::cold]] void save_safetensors(const Model<T>& model, const std::string& path,
                                    std::map<std::string, std::string> metadata = {}) {
  Archive archive{path, "safetensors", state_of(model), std::move(metadata)};
  archive.metadata["format"] = "keel";
  archive.metadata["architecture"] = architecture(model).dump();
  write_safetensors(path, archive);
}

namespace io {

using namespace formats;

/// The model that an archive of `save_safetensors` describes, waiting for its values.
template <class T>
[[gnu::cold]] Model<T> described_model(const Archive& archive, const ModelOptions& options) {
  const auto text = archive.metadata.find("architecture");
  if (text == archive.metadata.end())
    throw FormatError(archive.where, "an architecture in the metadata, as keel writes it", "tensors only",
                      "build the model in code and use load_weights(model, path)");
  return build_model<T>(parse_json(text->second, archive.where + ": architecture"), archive.where, options,
                        Weights::from_file);
}

}  // namespace io

/// The model of a file that `save_safetensors` wrote.
template <class T>
[[gnu::cold]] Model<T> model_from(const Archive& archive, const ModelOptions& options = {}) {
  Model<T> model = io::described_model<T>(archive, options);
  restore_state(model, archive);
  io::require_values(model, archive.where);
  return model;
}

namespace io {

/// The arrays of a keel file in the order in which its model has them.
template <class T>
[[gnu::cold]] Archive in_model_order(const Model<T>& model, Archive archive) {
  std::map<std::string, NamedArray*> named;
  for (NamedArray& array : archive.tensors) named.emplace(array.name, &array);
  std::vector<NamedArray> ordered;
  const auto take = [&](const std::string& name) {
    if (const auto found = named.find(name); found != named.end()) ordered.push_back(std::move(*found->second));
  };
  for (Index l = 0; l < model.layer_count(); ++l) {
    const Layer<T>& layer = model.layer(l);
    for (const auto* parameter : layer.parameters()) take(layer.name() + "/" + parameter->name());
    for (const auto* counter : layer.counters()) take(layer.name() + "/" + counter->name);
  }
  archive.tensors = std::move(ordered);
  return archive;
}

}  // namespace io

/// The same from a path. Throws FormatError if the file is missing, damaged, or not keel's own, or if there is not
/// enough memory.
template <class T = float>
[[gnu::cold]] Model<T> load_safetensors(const std::string& path, const ModelOptions& options = {}) try {
  return model_from<T>(formats::open_safetensors(formats::open_file(path)), options);
} catch (const std::bad_alloc&) {
  formats::out_of_memory(path);
}

KEEL_INSTANCE(std::vector<NamedArray> state_of(const Model<float>&))
KEEL_INSTANCE(void restore_state(Model<float>&, const Archive&, bool))
KEEL_INSTANCE(void save_safetensors(const Model<float>&, const std::string&, std::map<std::string, std::string>))
KEEL_INSTANCE(Model<float> model_from<float>(const Archive&, const ModelOptions&))
KEEL_INSTANCE(Model<float> load_safetensors<float>(const std::string&, const ModelOptions&))

}  // namespace KEEL_ABI
}  // namespace keel
