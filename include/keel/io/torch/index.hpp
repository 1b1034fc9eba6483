#pragma once
/// Weights in several files, with an index that says which tensor is where: model.safetensors.index.json,
/// pytorch_model.bin.index.json.

#include <map>
#include <set>

#include <keel/formats/content.hpp>
#include <keel/formats/safetensors.hpp>
#include <keel/formats/torch_file.hpp>

namespace keel {
inline namespace KEEL_ABI {

namespace io {

using namespace formats;

/// The files that an index lists, sorted, and the names that each should hold.
inline std::map<std::string, std::set<std::string>> shards_of(const Json& index, const std::string& path) {
  if (!index["weight_map"].is_object()) throw FormatError(path, "an index with a weight_map", "JSON without one");
  std::map<std::string, std::set<std::string>> shards;
  for (const auto& [name, shard] : index["weight_map"].items()) {
    if (!shard.is_string()) throw FormatError(path, "names of files in weight_map", shard.type_name());
    shards[shard.text()].insert(name);
  }
  return shards;
}

/// Reads PyTorch's files that an index lists, from its own directory, one after the other.
inline Archive read_torch_index(const std::string& path, const Json& index, const ReadLimits& limits = {}) {
  Archive all{path, "torch", {}, {}};
  NameSet names;
  for (const auto& [shard, listed] : shards_of(index, path)) {
    const FileBytes bytes(open_beside(path, shard, limits));
    Archive archive = open_torch(bytes, path + ": " + shard, limits);
    if (archive.tensors.size() != listed.size())
      throw FormatError(path, std::to_string(listed.size()) + " tensors in " + shard,
                        std::to_string(archive.tensors.size()));
    for (NamedArray& array : archive.tensors) {
      if (listed.count(array.name) == 0)
        throw FormatError(path, "the tensors that weight_map lists in " + shard, shown(array.name) + " there");
      names.add(array.name, path);
      all.tensors.push_back(std::move(array));
    }
    all.metadata.merge(archive.metadata);
  }
  return all;
}

/// What an index lists, safetensors or PyTorch's own files: its first file says which. Values stay in their files where
/// they can. Throws FormatError.
inline Archive read_index(const std::string& path, const Json& index, const ReadLimits& limits = {}) {
  const auto shards = shards_of(index, path);
  if (shards.empty() || shards.begin()->first.ends_with(".safetensors")) return open_safetensors_index(path, limits);
  const Content content = recognise(open_beside(path, shards.begin()->first, limits)->first(4096));
  const bool torch = content == Content::zip || content == Content::pickle;
  return torch ? read_torch_index(path, index, limits) : open_safetensors_index(path, limits);
}

}  // namespace io

}  // namespace KEEL_ABI
}  // namespace keel
