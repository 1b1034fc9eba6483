#pragma once
/// Keras's files: .keras (Keras 3), .weights.h5 and the older .h5 of Keras 2 and 3.

#include <keel/formats/hdf5/reader.hpp>
#include <keel/io/keras/reader.hpp>
#include <keel/io/keras/npz.hpp>
#include <keel/io/keras/plan.hpp>
#include <keel/formats/zip.hpp>

namespace keel {
inline namespace KEEL_ABI {

namespace io {

using namespace formats;

/// Weights of a file on their way into a model: nothing is set until all have been found and fit.
template <class T>
class KerasWeights {
 public:
  KerasWeights(Model<T>& model, const Hdf5File& file) : model_(model), file_(file) {}

  /// Keras 3's own layout: layers/dense_1/vars/0, where names come from classes and are counted in their
  /// container.
  void read_paths(const KerasLayer& container, const std::string& prefix) {
    KerasCounter names;
    for (const KerasLayer& layer : container.layers) {
      const std::string path = prefix + "layers/" + names.next(layer.type);
      if (layer.is_model) {
        read_paths(layer, path + "/");
        continue;
      }
      if (layer.layer < 0) continue;
      std::vector<Place> places;
      collect(layer, std::nullopt, places);
      std::vector<const NamedArray*> arrays;
      const Hdf5Object* vars = file_.find(path + "/vars");
      if (!vars) {
        if (!places.empty())
          throw FormatError(file_.where, "weights of " + shown(layer.name) + " at " + path + "/vars", "none");
        continue;
      }
      for (std::size_t i = 0; i < vars->children.size(); ++i)
        arrays.push_back(&file_.at(path + "/vars/" + std::to_string(i)).value);
      assign(layer, places, arrays);
    }
  }

  /// The older layout: a group a layer, its weights in the order of `weight_names`.
  void read_groups(const KerasLayer& model, const std::string& root) {
    // Keras writes no names, or an empty list of numbers, where there is no layer
    const auto names = file_.texts(root, "layer_names").value_or(std::vector<std::string>{});
    std::vector<std::pair<std::string, std::vector<std::string>>> groups;
    for (const std::string& name : names) {
      auto weights = file_.texts(join(root, name), "weight_names");
      if (weights && !weights->empty()) groups.emplace_back(name, *weights);
    }
    std::size_t next = 0;
    for (const KerasLayer& layer : model.layers) {
      std::vector<Place> places;
      collect(layer, true, places);
      collect(layer, false, places);
      if (places.empty()) continue;
      if (next == groups.size())
        throw FormatError(file_.where, "weights of layer " + shown(layer.name), "no more groups");
      const auto& [group, weights] = groups[next++];
      std::vector<const NamedArray*> arrays;
      for (const std::string& weight : weights) arrays.push_back(&file_.at(join(join(root, group), weight)).value);
      assign(layer, places, arrays);
    }
    if (next != groups.size())
      throw FormatError(file_.where, "weights of this network only", "more: group " + shown(groups[next].first));
  }

  void commit() {
    for (auto& [parameter, value] : values_) parameter->set(std::move(value));
    require_values(model_, file_.where);
  }

 private:
  static std::string join(const std::string& a, const std::string& b) { return a.empty() ? b : a + "/" + b; }

  /// Where a weight goes; null: Normalization's count of what it has seen, which older files do not have.
  struct Place {
    const KerasLayer* layer;
    Parameter<T>* parameter;
  };

  /// Weights as Keras lists them: those that train, then the others; a frozen layer's all belong to the others.
  void collect(const KerasLayer& layer, std::optional<bool> training, std::vector<Place>& places) {
    for (const KerasLayer& inner : layer.layers) collect(inner, training, places);
    if (layer.layer < 0) return;
    for (Parameter<T>* parameter : model_.layer(layer.layer).parameters())
      if (training.value_or(parameter->trains()) == parameter->trains()) places.push_back({&layer, parameter});
    if (layer.type == "Normalization" && !training.value_or(false)) places.push_back({&layer, nullptr});
  }

  void assign(const KerasLayer& layer, std::vector<Place> places, const std::vector<const NamedArray*>& arrays) {
    if (places.size() != arrays.size())
      std::erase_if(places, [](const Place& place) { return place.parameter == nullptr; });
    if (places.size() != arrays.size())
      throw FormatError(file_.where + ": layer " + shown(layer.name), std::to_string(places.size()) + " weights",
                        std::to_string(arrays.size()));
    for (std::size_t i = 0; i < arrays.size(); ++i) {
      const auto& [owner, parameter] = places[i];
      if (!parameter) continue;
      Tensor<T> value = to_tensor<T>(*arrays[i], file_.where);
      const Shape want = parameter->shape();
      if (!(value.shape() == want)) {
        if (value.size() != want.size() || owner->type != "Normalization")
          throw FormatError(file_.where + ": layer " + shown(owner->name) + ", " + parameter->name(),
                            "shape " + want.to_string(), value.shape().to_string(),
                            "the file belongs to another network");
        value = std::move(value).reshaped(want);
      }
      if (owner->chw.rank() == 3 && parameter->name() == "kernel") value = from_channels_first(value, owner->chw);
      values_.emplace_back(parameter, std::move(value));
    }
  }

  /// Rows (c, h, w) of a Dense kernel as rows (h, w, c).
  static Tensor<T> from_channels_first(const Tensor<T>& kernel, const Shape& chw) {
    Tensor<T> result = Tensor<T>::uninitialized(kernel.shape());
    const Index c = chw[0], h = chw[1], w = chw[2], out = kernel.shape()[1];
    for (Index k = 0; k < c; ++k)
      for (Index at = 0; at < h * w; ++at)
        std::copy_n(kernel.data() + (k * h * w + at) * out, out, result.data() + (at * c + k) * out);
    return result;
  }

  Model<T>& model_;
  const Hdf5File& file_;
  std::vector<std::pair<Parameter<T>*, Tensor<T>>> values_;
};

/// Throws FormatError with the table of what is in the file and what is not.
template <class T>
void read_keras_weights(Model<T>& model, const KerasLayer& root, const Hdf5File& file) try {
  KerasWeights<T> weights(model, file);
  if (file.texts("", "layer_names"))
    weights.read_groups(root, "");
  else if (file.find("model_weights"))
    weights.read_groups(root, "model_weights");
  else
    weights.read_paths(root, "");
  weights.commit();
} catch (const FormatError& error) {
  throw FormatError(error.where(), error.expected(), error.got(),
                    error.hint() + "\n" + plan_keras(model, file).diagnosis.to_string(false));
}

inline const JsonOptions& keras_json() {
  static const JsonOptions options{.allow_nonfinite = true};
  return options;
}

}  // namespace io

/// The model of a Keras .h5 file (HDF5 with `model_config`).
template <class T>
KerasModel<T> load_keras_h5(const Hdf5File& file, const ModelOptions& options = {}) {
  const auto config = file.text("", "model_config");
  if (!config)
    throw FormatError(file.where, "model_config among the attributes", "weights only",
                      "build the model in code and use load_weights(model, path)");
  const auto version = file.text("", "keras_version");
  KerasModel<T> loaded = build_keras_model<T>(parse_json(*config, file.where + ": model_config", io::keras_json()),
                                              file.where, version.value_or("2"), options, Weights::from_file);
  io::read_keras_weights(loaded.model, loaded.root, file);
  return loaded;
}

/// The model of a .keras file: a zip of config.json and model.weights.h5 or .npz.
template <class T>
KerasModel<T> load_keras_zip(ZipReader& zip, const ModelOptions& options = {}) {
  const std::string& where = zip.where();
  Bytes config_storage, weights_storage, metadata_storage;
  const ZipMember* config = zip.find("config.json");
  if (!config) throw FormatError(where, "config.json in a .keras archive", "none");
  std::string version = "3", probe;
  if (const ZipMember* metadata = zip.find("metadata.json")) {
    const Json json = parse_json(io::text_of(zip.read(*metadata, metadata_storage)), where + ": metadata.json");
    version = io::member<std::string>(json, "keras_version", where + ": metadata.json");
    if (json.contains("probe")) probe = io::member<std::string>(json, "probe", where + ": metadata.json");
  }
  const Json json =
      parse_json(io::text_of(zip.read(*config, config_storage)), where + ": config.json", io::keras_json());
  KerasModel<T> loaded = build_keras_model<T>(json, where, version, options, Weights::from_file);
  loaded.probe = std::move(probe);
  const ZipMember *hdf5 = zip.find("model.weights.h5"), *npz = zip.find("model.weights.npz");
  if (!hdf5 && !npz) throw FormatError(where, "model.weights.h5 or model.weights.npz in a .keras archive", "none");
  const Hdf5File file = hdf5 ? read_hdf5(zip.read(*hdf5, weights_storage), where + ": model.weights.h5")
                             : read_keras_npz(zip.read(*npz, weights_storage), where + ": model.weights.npz");
  io::read_keras_weights(loaded.model, loaded.root, file);
  return loaded;
}

}  // namespace KEEL_ABI
}  // namespace keel
