#pragma once
/// Models from files and into files of every format that keel knows: `load`, `load_weights`, `save`, `diagnose`.
///
/// | extension               | written by      | what it holds                      | load | load_weights | save |
/// |-------------------------|-----------------|------------------------------------|------|--------------|------|
/// | .safetensors            | keel            | model                              | yes  | yes          | yes  |
/// | .safetensors            | PyTorch, others | weights, PyTorch's names           |      | yes          |      |
/// | .safetensors.index.json | others          | the same in several files          |      | yes          |      |
/// | .keras                  | Keras 3         | model; .h5 or .npz inside          | yes  | yes          | yes  |
/// | .weights.h5             | Keras 3         | weights                            |      | yes          | yes  |
/// | .h5, .hdf5              | Keras 2 and 3   | model, or weights                  | yes  | yes          | yes  |
/// | .pt, .pth, .bin         | PyTorch         | weights (a state dict, checkpoint) |      | yes          | yes  |
/// | .bin.index.json         | others          | the same in several files          |      | yes          |      |
/// | .npz                    | NumPy           | weights, keel's names or PyTorch's |      | yes          | yes  |
/// | .json                   | TensorFlow.js   | model, shards beside it            | yes  | yes          | yes  |
/// | .onnx                   | keel, others    | model                              | yes  | yes          | yes  |
///
/// Files of weights hold no option of a layer: a model that loads them has its own (momentum, epsilon, the convention
/// of the moving variance, what is frozen). Models hold the options too; one that a format has no key for is refused,
/// or kept in a key that Keras skips and keel reads.
///
/// Reading goes by content, writing by extension. keel's .safetensors, .keras and .onnx also carry a probe
/// (io/probe.hpp). A model inside a Keras model becomes layers named "inner/dense", and these are written as a
/// model inside again. save_keras(model, path, {.weights = KerasContainer::npz}) writes a .keras with .npz inside.

#include <keel/formats/content.hpp>
#include <keel/io/keel/plan.hpp>
#include <keel/io/keras/file.hpp>
#include <keel/io/keras/plan.hpp>
#include <keel/io/keras/save.hpp>
#include <keel/formats/npy.hpp>
#include <keel/io/onnx/load.hpp>
#include <keel/io/probe.hpp>
#include <keel/io/tfjs/model.hpp>
#include <keel/io/torch/index.hpp>
#include <keel/io/torch/model.hpp>

namespace keel {
inline namespace KEEL_ABI {

/// Whether `load` repeats the probe of a file that carries one.
enum class ProbeCheck { replay, skip };

/// How `load` makes a model of a file.
struct LoadOptions {
  /// The model's; by default that in the file.
  std::string name = {};
  /// Of random numbers in training; the weights are the file's.
  std::uint64_t seed = 0;
  /// Of `predict` and training; 0: what KEEL_THREADS in the environment says, else 1.
  int threads = 0;
  /// Classes of your own among a keel file's layers: register_layer<Gate>("Gate").
  LayerRegistry layers = {};
  /// A probe (io/probe.hpp) is what the model did where the file was written.
  ProbeCheck probe = ProbeCheck::replay;
  /// Shapes of the inputs, without the batch, channels last, in the order of the file's inputs: for models of Keras's
  /// and ONNX whose inputs have unknown extents. Extents that the file does say have to be the same.
  std::vector<Shape> inputs = {};
  /// Of every BatchNorm in a file of Keras or ONNX: biased, as Keras 3 and ONNX have it, or unbiased, as PyTorch does,
  /// and tf.keras of Keras 2 on images. It concerns further training only. keel's own files say which.
  MovingVariance moving_variance = MovingVariance::biased;
  /// A directory whose files may hold values of an ONNX model, which names them; default none: no other file is opened.
  std::string external_data = {};
  /// Which axis of the inputs of an ONNX model counts samples; by default the first, or none where that cannot be.
  OnnxBatch batch = OnnxBatch::automatic;
  /// A .weights.h5 or .h5 for a Keras configuration without weights (.json of `model.to_json()`).
  std::string weights = {};
  /// Takes what one should know of the way in which the file was read, a line each: what it says about training and a
  /// keel model does not keep (activity regularizers, the choice of the moving variance), inputs without a batch.
  std::vector<std::string>* notes = nullptr;
};

namespace io {

using namespace formats;

/// A file, recognised and read as far as is needed to know what to do with it.
template <class T>
struct OpenedFile {
  std::string format;              ///< for people
  std::optional<Model<T>> model;   ///< of a file that holds one
  std::optional<Archive> archive;  ///< tensors under names, as in the file
  std::optional<Hdf5File> hdf5;    ///< Keras's weights without a model
  std::string probe;               ///< what it proves, as text; empty if there is none
  std::vector<std::string> notes;  ///< what one should know of the way in which it was read
};

inline bool is_keel(const Archive& archive) { return archive.metadata.count("architecture") != 0; }

template <class T>
bool knows_keel_model(const Archive& archive, const LoadOptions& options) {
  const std::string where = archive.where + ": architecture";
  return knows_layers<T>(parse_json(archive.metadata.at("architecture"), where), options.layers, where);
}

inline ModelOptions model_options(const LoadOptions& options) {
  return {.name = options.name, .seed = options.seed, .threads = options.threads, .layers = options.layers};
}
inline KerasReadOptions keras_options(const LoadOptions& options) {
  return {.model = model_options(options),
          .inputs = options.inputs,
          .unbiased = options.moving_variance == MovingVariance::unbiased};
}

template <class T>
void take(OpenedFile<T>& file, KerasModel<T> loaded) {
  file.model = std::move(loaded.model);
  file.probe = std::move(loaded.probe);
  file.notes = std::move(loaded.notes);
}

/// JSON: an index of safetensors, TensorFlow.js or a Keras configuration.
template <class T>
void open_json(const std::string& path, const Bytes& bytes, const LoadOptions& options, OpenedFile<T>& file) {
  const Json json = parse_json(text_of(bytes), path, keras_json());
  if (json.contains("weight_map")) {
    file.archive = read_index(path, json);
    file.format = file.archive->format == "torch" ? "PyTorch" : "safetensors";
  } else if (json.contains("class_name") && json.contains("config")) {
    file.format = "Keras configuration";
    if (options.weights.empty())
      throw FormatError(path, "weights beside a Keras configuration", "none",
                        "pass the path of its .weights.h5 or .h5, {.weights = path}");
    const Hdf5File weights = open_hdf5(FileBytes(open_file(options.weights)), options.weights);
    take(file, load_keras_json<T>(json, path, weights, keras_options(options)));
  } else {
    file.format = "TensorFlow.js";
    file.archive = read_tfjs(path);
    take(file, load_keras_tfjs<T>(*file.archive, keras_options(options)));
  }
}
/// A zip: .keras, .npz or PyTorch's.
template <class T>
void open_zip(const std::string& path, const FileBytes& bytes, const LoadOptions& options, OpenedFile<T>& file) {
  ZipReader zip(bytes, path);
  const auto& members = zip.members();
  if (zip.find("config.json") || zip.find("model.weights.h5") || zip.find("model.weights.npz")) {
    file.format = ".keras";
    take(file, load_keras_zip<T>(zip, keras_options(options)));
  } else if (std::all_of(members.begin(), members.end(), [](const ZipMember& m) { return m.name.ends_with(".npy"); })) {
    file.format = "npz";
    file.archive = open_npz(zip);
  } else {
    file.format = "PyTorch";
    file.archive = open_torch(bytes, path);
  }
}

/// A safetensors file, its values still in it. The model of keel's own waits for them, and they are known to fit.
template <class T>
void open_tensors(const SharedFile& source, const LoadOptions& options, OpenedFile<T>& file) {
  file.archive = open_safetensors(source);
  file.format = is_keel(*file.archive) ? "keel" : "safetensors";
  // weights are had by name where a class is not known
  if (!is_keel(*file.archive) || !knows_keel_model<T>(*file.archive, options)) return;
  file.model = described_model<T>(*file.archive, model_options(options));
  restore_state(*file.model, *file.archive, false);
  file.probe = file.archive->metadata["probe"];
}

/// Leaves values in the file where they lie in it as they are: no more memory is taken than what they go to.
template <class T>
OpenedFile<T> open_weights(const std::string& path, const LoadOptions& options = {}) {
  const SharedFile source = open_file(path);
  OpenedFile<T> file;
  const FileBytes bytes(source);
  const Content content = recognise(source->first(4096), source->size());
  switch (content) {
    case Content::safetensors: open_tensors(source, options, file); return file;
    case Content::hdf5:
      file.hdf5 = open_hdf5(bytes, path);
      file.format = "Keras .h5";
      if (file.hdf5->text("", "model_config")) take(file, load_keras_h5<T>(*file.hdf5, keras_options(options)));
      return file;
    case Content::zip: open_zip(path, bytes, options, file); return file;
    case Content::pickle:
      file.format = "PyTorch";
      file.archive = open_torch(bytes, path);
      return file;
    case Content::json: open_json(path, source->all(), options, file); return file;
    case Content::onnx:
      file.format = "ONNX";
      file.model = onnx_model<T>(source->all(), path,
                                 {.model = model_options(options),
                                  .inputs = options.inputs,
                                  .external_data = options.external_data,
                                  .moving_variance = options.moving_variance,
                                  .batch = options.batch,
                                  .notes = &file.notes,
                                  .probe = &file.probe});
      return file;
    default: throw FormatError(path, "a model or weights", describe(content), hint_for(content));
  }
}

template <class T>
OpenedFile<T> open_model(const std::string& path, const LoadOptions& options = {}) {
  OpenedFile<T> file = open_weights<T>(path, options);
  if (file.model && file.format == "keel") {
    restore_state(*file.model, *file.archive);
    require_values(*file.model, path);
  }
  return file;
}

/// Names are for files of modules, parts for checkpoints. Throws ConfigError for options that a file has no use for.
inline void check_options(const WeightOptions& options, bool modules, const std::string& path) {
  if (!modules && (!options.names.map.empty() || !options.part.empty()))
    throw ConfigError(options.part.empty() ? "names" : "part", "a file of weights under PyTorch's names", path,
                      "leave the option out: this file names keel's or Keras's layers");
}

/// Leaves what has no place as it was.
template <class T>
WeightPlan<T> allow_partial(WeightPlan<T> plan, bool partial) {
  plan.diagnosis.partial = partial;
  for (const Pairing& p : plan.diagnosis.pairings)
    if (partial && p.status != Pairing::Outcome::matched && p.status != Pairing::Outcome::unexpected)
      plan.diagnosis.stays.push_back(p.parameter);
  return plan;
}

template <class T>
WeightPlan<T> plan_weights(Model<T>& model, OpenedFile<T> file, const std::string& path, const WeightOptions& options) {
  const auto own_name = [](const NamedArray& array) { return array.name.find('/') != array.name.npos; };
  const bool own = file.archive && file.archive->format != "torch" && !file.archive->tensors.empty() &&
                   std::all_of(file.archive->tensors.begin(), file.archive->tensors.end(), own_name);
  check_options(options, !file.model && !file.hdf5 && !own, path);
  if (file.model) {
    const bool own_file = file.format == "keel";
    Archive weights = own_file ? in_model_order(*file.model, std::move(*file.archive))
                               : Archive{path, file.format, state_of(*file.model), {}};
    weights.format = file.format;
    WeightPlan<T> plan = plan_model(model, *file.model, weights);
    plan.diagnosis.notes.insert(plan.diagnosis.notes.end(), file.notes.begin(), file.notes.end());
    return allow_partial(std::move(plan), options.partial);
  }
  if (file.hdf5) return allow_partial(plan_keras(model, *file.hdf5), options.partial);
  Archive& archive = *file.archive;
  if (!own) return plan_torch(model, std::move(archive), options);
  WeightPlan<T> plan(path, file.format + ", keel's names", model.name());
  reconcile(plan, own_modules(model), source_modules(archive, '/'), matching_of(archive));
  suspect_values(archive, plan.diagnosis.suspicions);
  return allow_partial(std::move(plan), options.partial);
}

}  // namespace io

/// The model in a file, architecture and weights. Throws FormatError if the file is missing or damaged, holds a
/// class of layer that keel does not have, or weights only, if the model does not do what the file's probe says,
/// or if there is not enough memory; ConfigError for weights beside a file that has its own.
template <class T = float>
Model<T> load(const std::string& path, const LoadOptions& options = {}) try {
  io::OpenedFile<T> file = io::open_model<T>(path, options);
  if (!options.weights.empty() && file.format != "Keras configuration")
    throw ConfigError("weights", "a Keras configuration without weights", path + " (" + file.format + ")",
                      "leave the option out, or use load_weights(model, path)");
  if (!file.model && file.format == "keel")  // says what is unknown
    return model_from<T>(*file.archive, io::model_options(options));
  if (!file.model)
    throw FormatError(path, "a model, architecture and weights", "weights only (" + file.format + ")",
                      "build the model in code and use load_weights(model, path)");
  if (options.probe == ProbeCheck::replay && !file.probe.empty()) {
    const std::string where = path + ": probe";
    replay(*file.model, parse_probe(file.probe, where), where);
  }
  if (options.notes) options.notes->insert(options.notes->end(), file.notes.begin(), file.notes.end());
  return std::move(*file.model);
} catch (const std::bad_alloc&) {
  formats::out_of_memory(path);
}
/// The same with a model's options.
template <class T = float>
Model<T> load(const std::string& path, const ModelOptions& options, ProbeCheck probe) {
  return load<T>(path, {.name = options.name,
                        .seed = options.seed,
                        .threads = options.threads,
                        .layers = options.layers,
                        .probe = probe});
}
/// The same; its probe is replayed.
template <class T = float, std::same_as<ModelOptions> Options>
Model<T> load(const std::string& path, const Options& options) {
  return load<T>(path, options, ProbeCheck::replay);
}

/// Puts the weights of a file into a model of the same layers, and says what it did. Layers are matched by name where
/// all names agree, else in the order of a PyTorch file, else as their kinds and shapes say; PyTorch's axes and Flatten
/// order are converted. Of a checkpoint the part that fits is taken. Throws FormatError with the table of `diagnose`
/// unless every tensor has its place (or, with `partial`, none has); the model is as before then.
///
///     load_weights(model, "resnet.pth")
///     load_weights(model, "pretrained.pth", {.partial = true})     // another head
///     load_weights(model, "mlp.safetensors", {.names = {{"stem", "dense"}, {"head", "dense_1"}}})
///     load_weights(model, "checkpoint.pt", {.part = "ema"})
template <class T>
Diagnosis load_weights(Model<T>& model, const std::string& path, const WeightOptions& options = {}) try {
  WeightPlan<T> plan = io::plan_weights(model, io::open_weights<T>(path), path, options);
  plan.commit();
  return std::move(plan.diagnosis);
} catch (const std::bad_alloc&) {
  formats::out_of_memory(path);
}
/// The same with `names` alone: load_weights(model, path, {{"stem", "dense"}, {"head", "dense_1"}}).
template <class T, class Names = WeightOptions::Names::Map>
requires std::is_same_v<Names, WeightOptions::Names::Map> Diagnosis load_weights(Model<T>& model,
                                                                                 const std::string& path,
                                                                                 const Names& names) {
  return load_weights(model, path, WeightOptions{.names = names});
}

/// What `load_weights` would do, and what is doubtful about it, as a table. Changes nothing. Throws FormatError if the
/// file cannot be read or has no part or module that the options name, ConfigError for options that mean nothing here.
template <class T>
Diagnosis diagnose(Model<T>& model, const std::string& path, const WeightOptions& options = {}) try {
  return io::plan_weights(model, io::open_weights<T>(path), path, options).diagnosis;
} catch (const std::bad_alloc&) {
  formats::out_of_memory(path);
}
/// The same with names alone: `diagnose(model, path, {{"fc", "dense"}})`.
template <class T, class Names = WeightOptions::Names::Map>
requires std::is_same_v<Names, WeightOptions::Names::Map> Diagnosis diagnose(Model<T>& model, const std::string& path,
                                                                             const Names& names) {
  return diagnose(model, path, WeightOptions{.names = names});
}

/// Writes a model to a file of the format that the extension names (see the table above); the old file stays until
/// the new one is whole. Where that is a file of weights (.weights.h5, .pt, .pth, .npz), layers' options are not in it.
/// Throws ConfigError for an extension that is none of these and for layers that the format
/// does not have.
template <class T>
void save(const Model<T>& model, const std::string& path) {
  const auto is = [&](const char* extension) { return path.ends_with(extension); };
  if (is(".safetensors")) return save_safetensors(model, path);
  if (is(".keras")) return save_keras(model, path);
  if (is(".weights.h5")) return save_keras_weights(model, path);
  if (is(".h5") || is(".hdf5")) return save_keras_h5(model, path);
  if (is(".pt") || is(".pth")) return save_torch(model, path);
  if (is(".npz")) return write_npz(path, {path, "npz", state_of(model), {}});
  if (is(".json")) return save_tfjs(model, path);
  if (is(".onnx")) return save_onnx(model, path);
  throw ConfigError("save",
                    "a name that ends in .safetensors, .keras, .weights.h5, .h5, .pt, .pth, .npz, .json or .onnx",
                    "\"" + path + "\"");
}

/// The same with a probe, which `load` will repeat: save(model, path, make_probe(model, x)). Throws ConfigError
/// for formats other than keel's .safetensors, .keras and .onnx.
template <class T>
void save(const Model<T>& model, const std::string& path, const Probe& probe) {
  if (path.ends_with(".safetensors")) return save_safetensors(model, path, {{"probe", to_text(probe)}});
  if (path.ends_with(".onnx")) return save_onnx(model, path, {}, to_text(probe));
  if (!path.ends_with(".keras"))
    throw ConfigError("save", "a name that ends in .safetensors, .keras or .onnx, which carry a probe",
                      "\"" + path + "\"");
  save_keras(model, path, {.probe = to_text(probe)});
}

KEEL_INSTANCE(io::OpenedFile<float> io::open_weights<float>(const std::string&, const LoadOptions&))
KEEL_INSTANCE(io::OpenedFile<float> io::open_model<float>(const std::string&, const LoadOptions&))
KEEL_INSTANCE(WeightPlan<float> io::plan_weights(Model<float>&, io::OpenedFile<float>, const std::string&,
                                                 const WeightOptions&))
KEEL_INSTANCE(Model<float> load<float>(const std::string&, const LoadOptions&))
KEEL_INSTANCE(Model<float> load<float>(const std::string&, const ModelOptions&, ProbeCheck))
KEEL_INSTANCE(Diagnosis load_weights(Model<float>&, const std::string&, const WeightOptions&))
KEEL_INSTANCE(Diagnosis diagnose(Model<float>&, const std::string&, const WeightOptions&))
KEEL_INSTANCE(void save(const Model<float>&, const std::string&))
KEEL_INSTANCE(void save(const Model<float>&, const std::string&, const Probe&))

}  // namespace KEEL_ABI
}  // namespace keel
