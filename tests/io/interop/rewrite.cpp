/// rewrite IN OUT...: reads a file of any format and writes it in the formats that the names of OUT ask for.
#include <keel/formats/hdf5/reader.hpp>
#include <keel/formats/hdf5/writer.hpp>
#include <keel/io/keras/npz.hpp>
#include <keel/formats/safetensors.hpp>
#include <keel/formats/torch_file.hpp>
#include <keel/formats/torch_write.hpp>

#include <cstdio>

using namespace keel;

namespace {
Archive read_any(const std::string& path) {
  const Bytes bytes = read_file(path);
  switch (recognise(bytes)) {
    case Content::safetensors: return read_safetensors(bytes, path);
    case Content::hdf5: return to_archive(read_hdf5(bytes, path));
    case Content::pickle: return read_torch(bytes, path);
    case Content::zip: return path.ends_with(".npz") ? read_npz(bytes, path) : read_torch(bytes, path);
    default: throw FormatError(path, "a file of tensors", describe(recognise(bytes)));
  }
}
void write_any(const std::string& path, const Archive& archive) {
  if (path.ends_with(".safetensors")) return write_safetensors(path, archive);
  if (path.ends_with(".keras.npz")) {
    std::vector<io::KerasVariables> variables;
    for (const NamedArray& array : archive.tensors) variables.push_back({array.name, "", {array}});
    return write_file(path, io::keras_npz(variables));
  }
  if (path.ends_with(".npz")) return write_npz(path, archive);
  if (path.ends_with(".pt")) return write_torch(path, archive);
  Hdf5Writer writer;
  for (const NamedArray& array : archive.tensors) writer.dataset(array.name, array);
  writer.attribute("", "model_config", "{}");
  writer.attribute("", "layer_names", std::vector<std::string>{"a", "bbb"});
  writer.write(path);
}
}  // namespace

int main(int count, char** arguments) {
  try {
    const Archive archive = read_any(arguments[1]);
    for (int i = 2; i < count; ++i) write_any(arguments[i], archive);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
