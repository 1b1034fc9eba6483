#pragma once
/// Keras's files as models: .keras (Keras 3), the .h5 of Keras 2 and 3, and a configuration as bare JSON.

#include <keel/formats/zip.hpp>
#include <keel/io/keras/npz.hpp>
#include <keel/io/keras/weights.hpp>

namespace keel {
inline namespace KEEL_ABI {

namespace io {

inline const JsonOptions& keras_json() {
  static const JsonOptions options{.allow_nonfinite = true};
  return options;
}

}  // namespace io

/// The model of a Keras .h5 file (HDF5 with `model_config`). Throws FormatError.
template <class T>
KerasModel<T> load_keras_h5(const Hdf5File& file, KerasReadOptions options = {}) {
  const auto config = file.text("", "model_config");
  if (!config)
    throw FormatError(file.where, "model_config among the attributes", "weights only",
                      "build the model in code and use load_weights(model, path)");
  options.version = file.text("", "keras_version").value_or("2");
  options.weights = Weights::from_file;
  if (const auto kept = file.text("", "keel")) options.kept = parse_json(*kept, file.where + ": keel");
  KerasModel<T> loaded =
      build_keras_model<T>(parse_json(*config, file.where + ": model_config", io::keras_json()), file.where, options);
  io::read_keras_weights(loaded, io::keras_sources(file), file.where);
  return loaded;
}

/// The model of a .keras file: a zip of config.json and model.weights.h5 or .npz. Throws FormatError.
template <class T>
KerasModel<T> load_keras_zip(ZipReader& zip, KerasReadOptions options = {}) {
  const std::string& where = zip.where();
  Bytes config_storage, weights_storage, metadata_storage;
  const ZipMember* config = zip.find("config.json");
  if (!config) throw FormatError(where, "config.json in a .keras archive", "none");
  std::string probe;
  options.version = "3";
  options.weights = Weights::from_file;
  if (const ZipMember* metadata = zip.find("metadata.json")) {
    const Json json = parse_json(io::text_of(zip.read(*metadata, metadata_storage)), where + ": metadata.json");
    options.version = io::member<std::string>(json, "keras_version", where + ": metadata.json");
    if (json.contains("probe")) probe = io::member<std::string>(json, "probe", where + ": metadata.json");
    if (json.contains("keel")) options.kept = json["keel"];
  }
  const Json json =
      parse_json(io::text_of(zip.read(*config, config_storage)), where + ": config.json", io::keras_json());
  KerasModel<T> loaded = build_keras_model<T>(json, where, options);
  loaded.probe = std::move(probe);
  const ZipMember *hdf5 = zip.find("model.weights.h5"), *npz = zip.find("model.weights.npz");
  if (!hdf5 && !npz) throw FormatError(where, "model.weights.h5 or model.weights.npz in a .keras archive", "none");
  const Hdf5File file = hdf5 ? formats::open_hdf5(zip.open(*hdf5, weights_storage), where + ": model.weights.h5")
                             : read_keras_npz(zip.read(*npz, weights_storage), where + ": model.weights.npz");
  io::read_keras_weights(loaded, io::keras_sources(file), file.where);
  return loaded;
}

/// The model of a configuration alone, as `model.to_json()` writes it, with the weights of a .weights.h5 or a .h5.
/// Throws FormatError.
template <class T>
KerasModel<T> load_keras_json(const Json& json, const std::string& where, const Hdf5File& weights,
                              KerasReadOptions options = {}) {
  const Json* const version = json.find("keras_version");
  // Keras 3 does not say, but writes modules
  options.version = version && version->is_string() ? version->text() : json.contains("module") ? "3" : "2";
  options.weights = Weights::from_file;
  KerasModel<T> loaded = build_keras_model<T>(json, where, options);
  io::read_keras_weights(loaded, io::keras_sources(weights), weights.where);
  return loaded;
}

}  // namespace KEEL_ABI
}  // namespace keel
