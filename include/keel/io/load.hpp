#pragma once
/// Models from files and into files, whatever the format.

#include <keel/io/content.hpp>
#include <keel/io/model_file.hpp>

namespace keel::inline KEEL_ABI {

/// The model in a file, architecture and weights. The format is told from the content. Throws FormatError if the file is
/// missing, damaged, or holds weights only.
template <class T = float>
Model<T> load(const std::string& path, const ModelOptions& options = {}) {
  const Bytes bytes = read_file(path);
  const Content content = recognise(bytes);
  if (content == Content::safetensors) return model_from<T>(read_safetensors(bytes, path), options);
  throw FormatError(path, "a model file", describe(content), hint_for(content));
}

/// Puts the weights of a file into a model of the same layers; the model is as before if anything does not fit.
template <class T>
void load_weights(Model<T>& model, const std::string& path) {
  const Bytes bytes = read_file(path);
  const Content content = recognise(bytes);
  if (content != Content::safetensors) throw FormatError(path, "a file of weights", describe(content), hint_for(content));
  restore_state(model, read_safetensors(bytes, path));
}

/// Writes a model to a file of the format that the extension names; the old file stays until the new one is whole.
template <class T>
void save(const Model<T>& model, const std::string& path) {
  if (path.ends_with(".safetensors")) return save_safetensors(model, path);
  throw FormatError(path, "the extension .safetensors", "another one");
}

}  // namespace keel::inline KEEL_ABI
