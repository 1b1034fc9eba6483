#pragma once
/// Models as Keras's files: .keras and .weights.h5 (Keras 3), .h5, and TensorFlow.js layers models.

#include <keel/formats/hdf5/writer.hpp>
#include <keel/formats/zip.hpp>
#include <keel/io/keras/npz.hpp>
#include <keel/io/keras/writer.hpp>
#include <keel/io/tfjs/archive.hpp>

namespace keel {
inline namespace KEEL_ABI {

namespace io {

using namespace formats;

/// The versions whose files these are like.
inline constexpr const char* keras3_version = "3.11.0";
inline constexpr const char* keras2_version = "2.15.0";

/// The arrays of a layer in Keras's order and by its names, with those that keel does not have: a Normalization's count
/// of the values that it has seen.
template <class T>
std::vector<NamedArray> keras_arrays(const Layer<T>& layer) {
  std::vector<NamedArray> arrays;
  const dialects::KerasRow* const row = dialects::keras_row(layer.type());
  for (const Parameter<T>* parameter : layer.parameters()) {
    std::string name = parameter->name();
    for (const dialects::Weight& weight : row ? row->weights : std::span<const dialects::Weight>())
      if (weight.keel == parameter->name()) name = weight.name;
    arrays.push_back(to_array(std::move(name), parameter->value()));
  }
  for (const dialects::Weight& weight : row ? row->weights : std::span<const dialects::Weight>())
    if (weight.keel.empty() && !arrays.empty())
      arrays.push_back(to_array(std::string(weight.name), Tensor<std::int32_t>(Shape{}, 0)));
  return arrays;
}

/// Puts a layer's arrays into the last place, or, where it has others inside, into those below it.
inline void add_parts(std::vector<KerasVariables>& all, const dialects::KerasRow* row, std::vector<NamedArray> arrays) {
  if (!row || row->parts.empty()) {
    all.back().arrays = std::move(arrays);
    return;
  }
  const std::string path = all.back().path;
  const std::size_t count = static_cast<std::size_t>(std::count(row->parts.begin(), row->parts.end(), ' ')) + 1;
  for (std::size_t i = 0, at = 0; i < count; ++i) {
    const std::size_t end = (std::min)(row->parts.find(' ', at), row->parts.size());
    const std::string part(row->parts.substr(at, end - at));
    at = end + 1;
    all.push_back({path + "/" + part, part.substr(part.rfind('/') + 1), {}});
    const std::size_t each = arrays.size() / count;
    for (std::size_t k = i * each; k < (i + 1) * each; ++k) all.back().arrays.push_back(std::move(arrays[k]));
  }
}

/// Keras 3's own layout, which both of its containers hold: see keras_paths.
template <class T>
std::vector<KerasVariables> keras_variables(const Model<T>& model) {
  std::vector<KerasVariables> all;
  keras_graph(model).places([](const KerasGraph& inner, const std::string&) { return !inner.sequential; },
                            [&](const KerasGraph::Part& part, const std::string& path) {
                              all.push_back({path, part.name, {}});
                              if (part.layer >= 0) add_parts(all, part.row(), keras_arrays(model.layer(part.layer)));
                            });
  return all;
}

/// model.weights.h5: "layers/dense/vars/0".
inline Hdf5Writer keras_h5(std::vector<KerasVariables> variables) {
  Hdf5Writer file;
  for (KerasVariables& layer : variables) {
    const std::string vars = layer.path + "/vars";
    file.group(vars);
    file.attribute(vars, "name", layer.name);
    for (std::size_t i = 0; i < layer.arrays.size(); ++i)
      file.dataset(vars + "/" + std::to_string(i), std::move(layer.arrays[i]));
  }
  return file;
}

/// The older layout: see keras_groups. A model inside the model is one group: "inner/dense/kernel".
template <class T>
void write_keras_groups(Hdf5Writer& file, const Model<T>& model, const KerasGraph& graph, const std::string& root,
                        bool keras2) {
  std::vector<std::string> names;
  for (const KerasGraph::Part& part : graph.parts) {
    if (graph.sequential && part.is_input()) continue;
    names.push_back(part.name);
    const std::string group = root + "/" + part.name;
    file.group(group);
    std::vector<std::string> training, others;
    const auto write = [&](const auto& self, const KerasGraph::Part& at, const std::string& path) -> void {
      if (at.model)
        for (const KerasGraph::Part& inner : at.model->parts) self(self, inner, path + "/" + inner.name);
      if (at.layer < 0) return;
      const Layer<T>& layer = model.layer(at.layer);
      const auto parameters = layer.parameters();
      std::vector<NamedArray> arrays = keras_arrays(layer);
      for (std::size_t i = 0; i < arrays.size(); ++i) {
        const std::string name = path + "/" + arrays[i].name + (keras2 ? ":0" : "");
        file.dataset(group + "/" + name, std::move(arrays[i]));
        const bool trains = i < parameters.size() && keras_trains(layer, *parameters[i]);
        (trains ? training : others).push_back(name);
      }
    };
    write(write, part, part.name);
    training.insert(training.end(), others.begin(), others.end());
    if (!training.empty()) file.attribute(group, "weight_names", training);
  }
  if (!names.empty()) file.attribute(root, "layer_names", names);
}

/// Whether BatchNorm on images keeps the unbiased variance, as Keras 2 on TensorFlow does.
template <class T>
bool keras2_like(const Model<T>& model) {
  for (const auto& node : model.nodes())
    if (node.layer >= 0 && node.shape.rank() == 3 &&
        model.layer(node.layer).config().template get<bool>("unbiased", false))
      return true;
  return false;
}

}  // namespace io

/// Where a .keras keeps its weights: in model.weights.h5, as Keras does, or in model.weights.npz, as it does where
/// it has no h5py.
enum class KerasContainer { h5, npz };

/// Whose .h5 is written.
enum class KerasVersion { keras2, keras3 };

struct KerasSaveOptions {
  /// Of a .keras.
  KerasContainer weights = KerasContainer::h5;
  /// Of a .h5. None: Keras 3, or Keras 2 where a BatchNorm keeps the unbiased variance of images, as tf.keras does.
  std::optional<KerasVersion> version = {};
  /// A text of io/probe.hpp, for a .keras; Keras ignores it.
  std::string probe = {};
};

/// Writes a .keras file, Keras 3's own: configuration and weights. Layers named "inner/..." are written as a model
/// inside the model where they are one. What Keras has no word for and what changes training only (an unbiased moving
/// variance, Freeze::gradients) stands in metadata.json, which Keras ignores and `load` reads. Throws ConfigError for
/// what Keras does not have.
template <class T>
void save_keras(const Model<T>& model, const std::string& path, const KerasSaveOptions& options = {}) {
  const io::KerasWriter<T> writer(model, KerasStyle::keras3);
  Json metadata = {{"keras_version", io::keras3_version}, {"generated_by", "keel"}};
  if (!options.probe.empty()) metadata["probe"] = options.probe;
  if (!writer.kept().is_null()) metadata["keel"] = writer.kept();
  ZipWriter zip;
  zip.add_text("metadata.json", metadata.dump());
  zip.add_text("config.json", writer.json().dump());
  const bool npz = options.weights == KerasContainer::npz;
  const Bytes weights =
      npz ? io::keras_npz(io::keras_variables(model)) : io::keras_h5(io::keras_variables(model)).bytes();
  zip.add(npz ? "model.weights.npz" : "model.weights.h5", weights);
  zip.write(path);
}

/// Writes a .weights.h5 as Keras 3's save_weights does.
template <class T>
void save_keras_weights(const Model<T>& model, const std::string& path) {
  io::keras_h5(io::keras_variables(model)).write(path);
}

/// Writes a whole model as .h5, of Keras 3 or 2. What Keras has no word for stands in an attribute "keel" of the file.
/// Throws ConfigError for what that Keras does not have.
template <class T>
void save_keras_h5(const Model<T>& model, const std::string& path, const KerasSaveOptions& options = {}) {
  const bool keras2 = options.version ? options.version == KerasVersion::keras2 : io::keras2_like(model);
  const io::KerasWriter<T> writer(model, keras2 ? KerasStyle::keras2 : KerasStyle::keras3_h5);
  const std::string version = keras2 ? io::keras2_version : io::keras3_version;
  Hdf5Writer file;
  file.attribute("", "keras_version", version);
  file.attribute("", "backend", std::string("tensorflow"));
  file.attribute("", "model_config", writer.json().dump());
  if (!writer.kept().is_null()) file.attribute("", "keel", writer.kept().dump());
  file.group("model_weights");
  file.attribute("model_weights", "keras_version", version);
  file.attribute("model_weights", "backend", std::string("tensorflow"));
  io::write_keras_groups(file, model, writer.graph(), "model_weights", keras2);
  file.write(path);
}

/// Writes a TensorFlow.js layers model: model.json and shards beside it. Weights become float32. What TensorFlow.js has
/// no word for stands in userDefinedMetadata. Throws ConfigError for what it does not have or computes otherwise.
template <class T>
void save_tfjs(const Model<T>& model, const std::string& path) {
  const io::KerasWriter<T> writer(model, KerasStyle::tfjs);
  Archive archive{path, "tfjs", {}, {}};
  const auto write = [&](const auto& self, const io::KerasGraph& graph) -> void {
    for (const auto& part : graph.parts) {
      if (part.model) self(self, *part.model);
      if (part.layer < 0) continue;
      for (const NamedArray& array : io::keras_arrays(model.layer(part.layer)))
        archive.tensors.push_back(to_array(part.name + "/" + array.name, to_tensor<float>(array, path)));
    }
  };
  write(write, writer.graph());
  archive.metadata["modelTopology"] =
      Json({{"keras_version", "tfjs-layers 4.22.0"}, {"backend", "tensor_flow.js"}, {"model_config", writer.json()}})
          .dump();
  if (!writer.kept().is_null())
    archive.metadata["userDefinedMetadata"] = Json::object({{"keel", writer.kept()}}).dump();
  write_tfjs(path, archive);
}

KEEL_INSTANCE(void save_keras(const Model<float>&, const std::string&, const KerasSaveOptions&))
KEEL_INSTANCE(void save_keras_weights(const Model<float>&, const std::string&))
KEEL_INSTANCE(void save_keras_h5(const Model<float>&, const std::string&, const KerasSaveOptions&))
KEEL_INSTANCE(void save_tfjs(const Model<float>&, const std::string&))

}  // namespace KEEL_ABI
}  // namespace keel
