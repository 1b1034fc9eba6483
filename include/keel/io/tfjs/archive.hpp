#pragma once
/// TensorFlow.js layers models: model.json with the topology, and shards of weights beside it, which may be
/// quantised. https://www.tensorflow.org/js/guide/save_load; the manifest as tfjs-core's io/types.ts and
/// io_utils.ts have it.

#include <keel/formats/archive.hpp>
#include <keel/formats/atomic_file.hpp>
#include <keel/formats/content.hpp>
#include <keel/formats/json.hpp>

namespace keel {
inline namespace KEEL_ABI {

namespace io {

using namespace formats;

struct TfjsType {
  const char* name;
  DType dtype;
};
inline DType tfjs_type(const Json& entry, std::initializer_list<TfjsType> known, const std::string& where) {
  const Json type = entry.value("dtype", Json());
  for (const TfjsType& candidate : known)
    if (type == candidate.name) return candidate.dtype;
  throw FormatError(where, "a dtype of float32, int32 or bool, or quantised to uint8, uint16 or float16",
                    shown(type.dump()));
}

/// A member of an object. Throws FormatError where there is none.
inline const Json& tfjs_field(const Json& object, const char* key, const std::string& where) {
  const Json* const found = object.find(key);
  if (!found) throw FormatError(where, std::string("the key ") + key, "none");
  return *found;
}

/// The shape of an entry.
inline std::vector<std::uint64_t> tfjs_dims(const Json& entry, const std::string& where) {
  const Json& extents = tfjs_field(entry, "shape", where);
  if (!extents.is_array()) throw FormatError(where, "a shape as a list", extents.type_name());
  std::vector<std::uint64_t> dims;
  for (const Json& extent : extents) {
    if (!extent.is_number_unsigned())
      throw FormatError(where, "a shape of integers of 0 or more", shown(extent.dump()));
    dims.push_back(extent.get<std::uint64_t>());
  }
  return dims;
}

/// Fills `array`, float32 or int32, with value = q * scale + min of each stored q, or with the float16 itself.
inline void undo_quantisation(NamedArray& array, const Json& quantised, DType stored, ByteSpan source,
                              const std::string& where) {
  double scale = 1, minimum = 0;
  if (stored != DType::f16) {
    const Json &factor = tfjs_field(quantised, "scale", where), &least = tfjs_field(quantised, "min", where);
    if (!factor.is_number() || !least.is_number()) throw FormatError(where, "scale and min as numbers", "others");
    scale = factor.get<double>();
    minimum = least.get<double>();
  }
  const std::size_t item = size_of(stored);
  array.bytes.reserve(source.size() / item * size_of(array.dtype));
  for (std::size_t i = 0; i < source.size(); i += item) {
    const auto bits = static_cast<std::uint16_t>(load_little(source.data() + i, item));
    const double value = stored == DType::f16 ? static_cast<double>(half_to_float(bits)) : bits * scale + minimum;
    if (array.dtype == DType::f32) {
      append_little(array.bytes, std::bit_cast<std::uint32_t>(static_cast<float>(value)), 4);
    } else {
      if (!fits<std::int32_t>(std::round(value)))
        throw FormatError(where, "values that fit int32", std::to_string(value));
      append_little(array.bytes, static_cast<std::uint32_t>(static_cast<std::int32_t>(std::round(value))), 4);
    }
  }
}

/// One entry of the manifest: takes its bytes and undoes quantisation, value = q * scale + min.
inline NamedArray tfjs_weight(const Json& entry, ByteReader& data, Budget& tensors, const std::string& file) {
  if (!entry.is_object()) throw FormatError(file, "weights as objects", entry.type_name());
  const Json& name = tfjs_field(entry, "name", file);
  if (!name.is_string()) throw FormatError(file, "names as texts", name.type_name());
  const std::string where = file + ": " + shown(name.text());
  const std::vector<std::uint64_t> dims = tfjs_dims(entry, where);
  NamedArray array;
  array.name = name.text();
  array.dtype = tfjs_type(entry, {{"float32", DType::f32}, {"int32", DType::i32}, {"bool", DType::boolean}}, where);
  const Json* const quantised = entry.find("quantization");
  if (quantised && (!quantised->is_object() || array.dtype == DType::boolean))
    throw FormatError(where, "a quantisation of numbers", "another");
  const DType stored =
      quantised ? tfjs_type(*quantised, {{"uint8", DType::u8}, {"uint16", DType::u16}, {"float16", DType::f16}}, where)
                : array.dtype;
  std::uint64_t bytes = 0, plain = 0;
  array.shape = checked_shape(dims, size_of(stored), bytes, where);
  checked_shape(dims, size_of(array.dtype), plain, where);
  const ByteSpan source = data.take(bytes, "weights");
  tensors.charge(plain, where);
  if (quantised)
    undo_quantisation(array, *quantised, stored, source, where);
  else
    array.bytes.assign(source.begin(), source.end());
  return array;
}

/// The bytes of a group's shards, one after the other; `files` are those read before.
inline Bytes read_tfjs_shards(const Json& paths, NameSet& files, const std::string& path, const ReadLimits& limits) {
  Bytes data;
  for (const Json& shard : paths) {
    if (!shard.is_string()) throw FormatError(path, "paths as texts", shard.type_name());
    const auto& name = shard.text();
    files.add(name, path);
    const Bytes part = read_beside(path, name, limits);
    if (part.size() > limits.file_bytes - data.size())
      throw FormatError(path, "at most " + std::to_string(limits.file_bytes) + " bytes", "more");
    data.insert(data.end(), part.begin(), part.end());
  }
  return data;
}

}  // namespace io

/// Reads a model.json and the shards it names, which must be plain names of regular files in its own directory.
/// `modelTopology`, `format`, `generatedBy` and the like are kept in the metadata, JSON as text. Throws
/// FormatError.
inline Archive read_tfjs(const std::string& path, const ReadLimits& limits = {}) {
  const Bytes text = read_file(path, limits);
  formats::expect_content(text, Content::json, path);
  const Json model = parse_json(io::text_of(text), path);
  if (!model.is_object() || !model.contains("weightsManifest") || !model["weightsManifest"].is_array())
    throw FormatError(path, "a TensorFlow.js model with a weightsManifest", "JSON without one",
                      "name the model.json that tensorflowjs_converter or model.save wrote");
  Archive archive{path, "tfjs", {}, {}};
  for (const auto& [key, value] : model.items())
    if (key != "weightsManifest")
      archive.metadata.emplace(key, value.is_string() ? value.get<std::string>() : value.dump());
  if (const auto format = archive.metadata.find("format");
      format != archive.metadata.end() && format->second != "layers-model")
    throw FormatError(path, "the format layers-model", io::shown(format->second), "graph models hold no layers");
  formats::NameSet files, names;
  for (const Json& group : model["weightsManifest"]) {
    if (!group.is_object() || !group.contains("paths") || !group["paths"].is_array() || !group.contains("weights") ||
        !group["weights"].is_array())
      throw FormatError(path, "groups with paths and weights", "another form");
    const Bytes data = io::read_tfjs_shards(group["paths"], files, path, limits);
    formats::ByteReader reader(data, path + ", weights");
    formats::Budget tensors = formats::Budget::for_tensors(text.size() + data.size(), limits);
    for (const Json& entry : group["weights"]) {
      archive.tensors.push_back(io::tfjs_weight(entry, reader, tensors, path));
      names.add(archive.tensors.back().name, path);
    }
    if (reader.remaining() != 0)
      reader.fail("the end of the shards", std::to_string(reader.remaining()) + " bytes more");
  }
  return archive;
}

/// Writes shards of 4 MiB beside `path`, then the model.json itself. The shards of model.json are named as
/// TensorFlow.js names them, group1-shard1of2.bin; those of another, a.json, a.group1-shard1of2.bin. `modelTopology`,
/// `trainingConfig` and `userDefinedMetadata` in the metadata have to be JSON. float32, int32 and bool are kept, as
/// TensorFlow.js has nothing else.
inline void write_tfjs(const std::string& path, const Archive& archive) {
  Json model = {{"format", "layers-model"}, {"generatedBy", "keel"}, {"convertedBy", nullptr}};
  for (const auto& [key, value] : archive.metadata)
    model[key] = key == "modelTopology" || key == "trainingConfig" || key == "userDefinedMetadata"
                     ? parse_json(value, path + ", " + key)
                     : Json(value);
  Bytes data;
  Json weights = Json::array();
  formats::NameSet names;
  for (const NamedArray& array : archive.tensors) {
    if (array.dtype != DType::f32 && array.dtype != DType::i32 && array.dtype != DType::boolean)
      throw FormatError(path + ": " + array.name, "float32, int32 or bool", name_of(array.dtype), "convert it first");
    names.add(array.name, path);
    weights.push_back({{"name", array.name},
                       {"shape", std::vector<Index>(array.shape.begin(), array.shape.end())},
                       {"dtype", name_of(array.dtype)}});
    data.insert(data.end(), array.bytes.begin(), array.bytes.end());
  }
  constexpr std::size_t shard_bytes = std::size_t{4} << 20;
  const std::size_t shards = (std::max)(std::size_t{1}, (data.size() + shard_bytes - 1) / shard_bytes);
  const std::size_t slash = path.rfind('/');
  const std::string folder = slash == path.npos ? "" : path.substr(0, slash + 1);
  std::string stem = path.substr(folder.size());
  if (stem.ends_with(".json")) stem.erase(stem.size() - 5);
  const std::string prefix = stem == "model" ? "" : stem + ".";  // so that two models in a folder share no file
  Json paths = Json::array();
  for (std::size_t i = 0; i < shards; ++i) {
    const std::string name = prefix + "group1-shard" + std::to_string(i + 1) + "of" + std::to_string(shards) + ".bin";
    const std::size_t begin = i * shard_bytes;
    write_file(folder + name, ByteSpan(data).subspan(begin, (std::min)(shard_bytes, data.size() - begin)));
    paths.push_back(name);
  }
  const Json group = {{"paths", paths}, {"weights", weights}};
  model["weightsManifest"] = Json::array({group});
  write_file(path, std::string_view(model.dump()));
}

}  // namespace KEEL_ABI
}  // namespace keel
