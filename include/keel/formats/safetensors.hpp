#pragma once
/// safetensors: 8 bytes of header length, a JSON header of names, types, shapes and ranges, then the values.
/// https://huggingface.co/docs/safetensors, with the checks of its reference reader: ranges in order without holes
/// or overlaps, each as long as its shape says, and nothing after the last. Stricter here: duplicate names and
/// metadata other than text are refused.

#include <algorithm>

#include <keel/formats/archive.hpp>
#include <keel/formats/atomic_file.hpp>
#include <keel/formats/content.hpp>
#include <keel/formats/json.hpp>

namespace keel {
inline namespace KEEL_ABI {

namespace formats {

struct SafetensorsType {
  const char* name;
  DType dtype;
};
/// In the order in which the reference writer sorts tensors, reversed: largest alignment first.
inline constexpr SafetensorsType safetensors_types[] = {
    {"U64", DType::u64}, {"I64", DType::i64},   {"F64", DType::f64},     {"F32", DType::f32}, {"U32", DType::u32},
    {"I32", DType::i32}, {"BF16", DType::bf16}, {"F16", DType::f16},     {"U16", DType::u16}, {"I16", DType::i16},
    {"I8", DType::i8},   {"U8", DType::u8},     {"BOOL", DType::boolean}};

struct SafetensorsEntry {
  std::uint64_t begin, end;
  NamedArray array;
};

[[gnu::cold]] inline SafetensorsEntry safetensors_entry(const std::string& name, const Json& entry,
                                                        const std::string& file) {
  const std::string where = file + ": " + shown(name);
  if (!entry.is_object()) throw FormatError(where, "an object with dtype, shape and data_offsets", entry.type_name());
  for (const char* key : {"dtype", "shape", "data_offsets"})
    if (!entry.contains(key)) throw FormatError(where, std::string("the key ") + key, "none");
  const auto integers = [&](const char* key) {
    std::vector<std::uint64_t> values;
    if (!entry[key].is_array()) throw FormatError(where, std::string(key) + " as a list", entry[key].type_name());
    for (const Json& value : entry[key]) {
      if (!value.is_number_unsigned())
        throw FormatError(where, std::string(key) + " of integers of 0 or more", shown(value.dump()));
      values.push_back(value.get<std::uint64_t>());
    }
    return values;
  };
  if (!entry["dtype"].is_string()) throw FormatError(where, "dtype as text", entry["dtype"].type_name());
  const auto& dtype = entry["dtype"].text();
  const auto* type = std::find_if(std::begin(safetensors_types), std::end(safetensors_types),
                                  [&](const SafetensorsType& candidate) { return dtype == candidate.name; });
  if (type == std::end(safetensors_types))
    throw FormatError(where, "a dtype of BOOL, U8 to I64, F16, BF16, F32 or F64", shown(dtype));

  SafetensorsEntry result{0, 0, {name, type->dtype, {}, {}}};
  std::uint64_t bytes = 0;
  result.array.shape = checked_shape(integers("shape"), size_of(type->dtype), bytes, where);
  const std::vector<std::uint64_t> offsets = integers("data_offsets");
  if (offsets.size() != 2) throw FormatError(where, "2 data_offsets", std::to_string(offsets.size()));
  result.begin = offsets[0];
  result.end = offsets[1];
  const std::string range = "[" + std::to_string(result.begin) + ", " + std::to_string(result.end) + ")";
  if (result.end < result.begin) throw FormatError(where, "data_offsets in order", range);
  if (result.end - result.begin != bytes)
    throw FormatError(where, std::to_string(bytes) + " bytes for shape " + result.array.shape.to_string(), range);
  return result;
}

inline void read_metadata(const Json& json, const std::string& where, std::map<std::string, std::string>& metadata) {
  if (!json.is_object()) throw FormatError(where, "__metadata__ as an object of texts", json.type_name());
  for (const auto& [key, value] : json.items()) {
    if (!value.is_string())
      throw FormatError(where, "__metadata__ of texts", shown(key) + " of type " + value.type_name());
    metadata.emplace(key, value.text());
  }
}

/// The header's text, of a file of `size` bytes whose first ones `more(count)` gives. Throws FormatError for a length that
/// cannot be.
template <class More>
std::string safetensors_header(std::uint64_t size, More&& more, const std::string& where, const ReadLimits& limits) {
  const auto start = more(std::uint64_t{4096});
  if (size < 8) expect_content(start, Content::safetensors, where);
  const std::uint64_t length = load_little(start.data(), 8), rest = size - 8;
  const std::string place = where + ", offset 8", got = std::to_string(length);
  if (length < 2 || length > rest) {
    if (recognise(start, size) != Content::unknown) expect_content(start, Content::safetensors, where);
    throw FormatError(place, "a header of 2 to " + std::to_string(rest) + " bytes", got,
                      "the file is cut short, damaged, or not safetensors");
  }
  if (length > limits.header_bytes)
    throw FormatError(place, "a header of at most " + std::to_string(limits.header_bytes) + " bytes", got);
  const auto header = more(8 + length);
  const std::string_view text = text_of(header).substr(8, length);
  if (text.front() != '{') throw FormatError(where, "a header that starts with {", shown(text.substr(0, 8)));
  return std::string(text);
}

/// What a header says of its tensors, in the order of their data, which fill all of the file's `size` bytes.
[[gnu::cold]] inline std::vector<SafetensorsEntry> safetensors_entries(Archive& archive, std::string_view text,
                                                                       std::uint64_t size, const std::string& where) {
  Budget budget = Budget::for_structure(size);
  const Json header = parse_json(text, where + ", header", budget);
  if (!header.is_object()) throw FormatError(where, "a header of one object", header.type_name());
  std::vector<SafetensorsEntry> entries;
  entries.reserve(header.size());
  for (const auto& [name, value] : header.items()) {
    budget.charge(2 * sizeof(SafetensorsEntry) + 2 * name.size() + 80, where);
    if (name == "__metadata__")
      read_metadata(value, where, archive.metadata);
    else
      entries.push_back(safetensors_entry(name, value, where));
  }
  std::sort(entries.begin(), entries.end(), [](const SafetensorsEntry& a, const SafetensorsEntry& b) {
    if (a.begin != b.begin) return a.begin < b.begin;
    return a.end != b.end ? a.end < b.end : a.array.name < b.array.name;
  });
  NameSet names;
  for (const NamedArray& array : archive.tensors) names.add(array.name, where);
  const std::uint64_t data = size - 8 - text.size();
  std::uint64_t end = 0;
  for (const SafetensorsEntry& entry : entries) {
    names.add(entry.array.name, where);
    const std::string place = where + ": " + shown(entry.array.name);
    if (entry.begin != end)
      throw FormatError(place, "data that starts at " + std::to_string(end) + ", where the tensor before it ends",
                        std::to_string(entry.begin), entry.begin < end ? "ranges overlap" : "there is a hole");
    end = entry.end;
    if (end > data)
      throw FormatError(place, "data within " + std::to_string(data) + " bytes", std::to_string(end),
                        "the file is cut short");
  }
  if (end != data)
    throw FormatError(where + ", offset " + std::to_string(size - data), std::to_string(end) + " bytes of data",
                      std::to_string(data), "there is something after the last tensor");
  return entries;
}

/// Appends the tensors of one file, whose values stay there until they are wanted (`fetch`); metadata of a later file does
/// not replace that of an earlier one.
[[gnu::cold]] inline void open_safetensors_into(Archive& archive, const SharedFile& file, const ReadLimits& limits) {
  const std::string& where = file->where();
  const std::string text = safetensors_header(
      file->size(), [&](std::uint64_t count) { return file->first(count); }, where, limits);
  for (SafetensorsEntry& entry : safetensors_entries(archive, text, file->size(), where)) {
    entry.array.file = file;
    entry.array.offset = 8 + text.size() + entry.begin;
    archive.tensors.push_back(std::move(entry.array));
  }
}
inline Archive open_safetensors(const SharedFile& file, const ReadLimits& limits = {}) {
  Archive archive{file->where(), "safetensors", {}, {}};
  open_safetensors_into(archive, file, limits);
  return archive;
}

}  // namespace formats

/// Reads a safetensors file from memory; tensors come in the order of their data. Throws FormatError.
inline Archive read_safetensors(ByteSpan bytes, const std::string& where, const ReadLimits& limits = {}) {
  Archive archive{where, "safetensors", {}, {}};
  const std::string text = formats::safetensors_header(
      bytes.size(), [&](std::uint64_t count) { return bytes.first((std::min)(count, bytes.size())); }, where, limits);
  for (formats::SafetensorsEntry& entry : formats::safetensors_entries(archive, text, bytes.size(), where)) {
    const ByteSpan data = bytes.subspan(8 + text.size() + entry.begin, entry.end - entry.begin);
    entry.array.bytes.assign(data.begin(), data.end());
    archive.tensors.push_back(std::move(entry.array));
  }
  return archive;
}
inline Archive read_safetensors(const std::string& path, const ReadLimits& limits = {}) {
  return formats::fetched(formats::open_safetensors(formats::open_file(path, limits), limits));
}

namespace formats {

/// read_safetensors_index with the values left in their files.
[[gnu::cold]] inline Archive open_safetensors_index(const std::string& path, const ReadLimits& limits = {}) {
  const Bytes bytes = read_file(path, limits);
  expect_content(bytes, Content::json, path);
  const Json index = parse_json(text_of(bytes), path);
  if (!index.is_object() || !index.contains("weight_map") || !index["weight_map"].is_object())
    throw FormatError(path, "an index with a weight_map", "JSON without one");
  Archive archive{path, "safetensors", {}, {}};
  std::map<std::string, std::string> home;
  std::vector<std::string> shards;
  for (const auto& [name, shard] : index["weight_map"].items()) {
    if (!shard.is_string()) throw FormatError(path, "names of files in weight_map", shard.type_name());
    home.emplace(name, shard.text());
    shards.push_back(shard.text());
  }
  std::sort(shards.begin(), shards.end());
  shards.erase(std::unique(shards.begin(), shards.end()), shards.end());
  std::size_t before = 0;
  for (const std::string& shard : shards) {
    open_safetensors_into(archive, open_beside(path, shard, limits), limits);
    for (; before < archive.tensors.size(); ++before) {
      const auto listed = home.find(archive.tensors[before].name);
      if (listed == home.end() || listed->second != shard)
        throw FormatError(path, "the tensors that weight_map lists in " + shard,
                          shown(archive.tensors[before].name) + " there");
      home.erase(listed);
    }
  }
  if (!home.empty())
    throw FormatError(path, shown(home.begin()->first) + " in " + home.begin()->second, "no such tensor there");
  return archive;
}

}  // namespace formats

/// Reads the shards that a `model.safetensors.index.json` lists, from its own directory: plain names only, no
/// links.
inline Archive read_safetensors_index(const std::string& path, const ReadLimits& limits = {}) {
  return formats::fetched(formats::open_safetensors_index(path, limits));
}

/// The file as its parts: the length and header, then each tensor's values in the order written.
/// Tensors are sorted as the reference writer does, by alignment and then by name.
[[gnu::cold]] inline void write_safetensors(const std::string& path, const Archive& archive) {
  const auto rank = [](DType dtype) {
    return std::find_if(std::begin(formats::safetensors_types), std::end(formats::safetensors_types),
                        [&](const formats::SafetensorsType& type) { return type.dtype == dtype; });
  };
  std::vector<const NamedArray*> order;
  for (const NamedArray& array : archive.tensors) order.push_back(&array);
  std::sort(order.begin(), order.end(), [&](const NamedArray* a, const NamedArray* b) {
    const auto *first = rank(a->dtype), *second = rank(b->dtype);
    return first != second ? first < second : a->name < b->name;
  });
  std::string header = "{";
  Json metadata;
  for (const auto& [key, text] : archive.metadata) metadata.append(key, text);
  if (!metadata.is_null()) header += "\"__metadata__\":" + metadata.dump();
  formats::NameSet names;
  std::uint64_t offset = 0;
  for (const NamedArray* array : order) {
    if (array->name == "__metadata__") throw FormatError(path, "another name for a tensor", "__metadata__");
    names.add(array->name, path);
    const Json shape(std::vector<Index>(array->shape.begin(), array->shape.end()));
    header += (header.size() > 1 ? "," : "") + Json(array->name).dump() + ":{\"dtype\":\"" + rank(array->dtype)->name +
              "\",\"shape\":" + shape.dump() + ",\"data_offsets\":[" + std::to_string(offset) + "," +
              std::to_string(offset + array->bytes.size()) + "]}";
    offset += array->bytes.size();
  }
  header += "}";
  header.resize((header.size() + 7) / 8 * 8, ' ');
  std::string length;
  formats::append_little(length, header.size(), 8);
  std::vector<ByteSpan> parts{formats::bytes_of(length), formats::bytes_of(header)};
  for (const NamedArray* array : order) parts.emplace_back(array->bytes);
  write_file(path, parts);
}

}  // namespace KEEL_ABI
}  // namespace keel
