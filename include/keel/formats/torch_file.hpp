#pragma once
/// PyTorch's .pt and .pth: dicts of tensors in a zip with a pickle (since 1.6) or in a row of pickles (before), read
/// without running anything. Nested dicts and lists become names with dots in the order of the file, numbers and texts
/// become metadata, other objects are left out and listed in Archive::skipped. torch_write.hpp writes state dicts.
/// https://pytorch.org/docs/stable/notes/serialization.html

#include <keel/formats/torch_values.hpp>
#include <keel/formats/zip.hpp>

namespace keel {
inline namespace KEEL_ABI {

namespace formats {

inline void expect_storage_size(std::uint64_t expected, std::uint64_t got, const std::string& where) {
  if (expected != got)
    throw FormatError(where, "a storage of " + std::to_string(expected) + " bytes", std::to_string(got),
                      "the file is damaged");
}

/// Storages as members `data/KEY` of the zip, each read and checked once.
class TorchZipStorages {
 public:
  TorchZipStorages(ZipReader& zip, std::string folder) : zip_(zip), folder_(std::move(folder)) {
    for (const ZipMember& member : zip.members()) members_.emplace(member.name, &member);
  }
  FileBytes operator()(const std::string& key, std::uint64_t bytes, const std::string& where) {
    const auto member = members_.find(folder_ + "data/" + key);
    if (member == members_.end()) throw FormatError(where, "the member data/" + key, "none");
    expect_storage_size(bytes, member->second->bytes, where + ", data/" + key);
    const auto [place, fresh] = loaded_.try_emplace(key);
    if (fresh) place->second.bytes = zip_.open(*member->second, place->second.owned);
    return place->second.bytes;
  }

 private:
  struct Loaded {
    Bytes owned;
    FileBytes bytes;
  };
  ZipReader& zip_;
  std::string folder_;
  std::unordered_map<std::string_view, const ZipMember*> members_;
  std::unordered_map<std::string, Loaded> loaded_;
};

inline constexpr std::string_view torch_legacy_mark = "\x80\x02\x8a\x0al\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.";

inline void read_torch_zip(Archive& archive, ZipReader zip, std::uint64_t file_size) {
  const ReadLimits limits = zip.limits();
  const ZipMember* data = nullptr;
  for (const ZipMember& member : zip.members())
    if (const std::size_t slash = member.name.find('/');
        slash != member.name.npos && std::string_view(member.name).substr(slash) == "/data.pkl") {
      if (data != nullptr) throw FormatError(archive.where, "one data.pkl", "two");
      data = &member;
    }
  if (data == nullptr)
    throw FormatError(archive.where, "a PyTorch file with FOLDER/data.pkl", "a zip without one",
                      "a libtorch or other archive? In Python, save the state_dict() with torch.save");
  const std::string folder = data->name.substr(0, data->name.size() - 8);
  if (zip.find(folder + "constants.pkl"))
    throw FormatError(archive.where, "a state dict", "a TorchScript program",
                      "in Python: torch.save(torch.jit.load(FILE).state_dict(), NEW_FILE)");
  Bytes storage;
  if (const ZipMember* order = zip.find(folder + "byteorder"))
    if (const std::string_view text = text_of(zip.read(*order, storage)); text != "little")
      throw FormatError(archive.where, "values in little-endian order", shown(text),
                        "load and save it again on a little-endian machine");
  Bytes pickled;
  ByteReader reader(zip.read(*data, pickled), archive.where + ": data.pkl");
  Budget budget = Budget::for_structure(file_size), tensors = Budget::for_tensors(file_size, limits);
  const Pickle pickle(reader, torch_globals, budget, PickleForeign::skip);
  if (reader.remaining() != 0) reader.fail("the end of data.pkl", "more");
  TorchZipStorages storages(zip, folder);
  TorchBuilder(pickle, storages, archive, budget, tensors, limits);
}

/// Bytes of an element of each storage that a tensor of the pickle uses.
inline std::unordered_map<std::string, std::uint64_t> legacy_item_sizes(const Pickle& pickle) {
  using Kind = PickleValue::Kind;
  std::unordered_map<std::string, std::uint64_t> sizes;
  for (std::uint32_t i = 0; i < pickle.size(); ++i) {
    if (pickle[i].kind != Kind::persistent) continue;
    const PickleValue& id = pickle[pickle[i].items[0]];
    if (id.kind != Kind::tuple || id.items.size() < 5) continue;
    const PickleValue &type = pickle[id.items[1]], &key = pickle[id.items[2]];
    if (type.kind != Kind::global || key.kind != Kind::text) continue;
    for (const TorchType& known : torch_types)
      if (known.storage == type.text) sizes.emplace(key.text, size_of(known.dtype));
  }
  return sizes;
}
/// The storages of a file before 1.6 by key. Their lengths count elements, whose size only the tensors know.
inline std::unordered_map<std::string, FileBytes> read_legacy_storages(ByteReader& reader, const Pickle& pickle,
                                                                       const Pickle& keys) {
  const std::unordered_map<std::string, std::uint64_t> sizes = legacy_item_sizes(pickle);
  std::unordered_map<std::string, FileBytes> loaded;
  for (const std::uint32_t id : keys.root().items) {
    const std::string key(keys[id].text);
    const auto item = sizes.find(key);
    if (item == sizes.end()) reader.fail("a storage that a tensor uses", shown(key));
    std::uint64_t size = 0;
    if (!multiply(reader.u64("a storage's length"), item->second, size)) reader.fail("a length", "one beyond 64 bits");
    if (!loaded.emplace(key, reader.part(size, "a storage")).second) reader.fail("storages that differ", shown(key));
  }
  return loaded;
}

/// The form before 1.6: mark, version, system, the object, the keys, then each storage's length and bytes.
inline void read_torch_legacy(Archive& archive, const FileBytes& bytes, const ReadLimits& limits) {
  ByteReader reader(bytes, archive.where);
  reader.skip(torch_legacy_mark.size(), "the mark");
  Budget budget = Budget::for_structure(bytes.size()), tensors = Budget::for_tensors(bytes.size(), limits);
  const Pickle version(reader, {}, budget);
  if (version.root().kind != PickleValue::Kind::integer || version.root().integer != 1001)
    reader.fail("protocol version 1001", "another");
  const Pickle system(reader, {}, budget);
  if (const PickleValue* little = system.find(system.root(), "little_endian"); !little || little->integer != 1)
    reader.fail("values in little-endian order", "big-endian or unknown");
  const Pickle pickle(reader, torch_globals, budget, PickleForeign::skip);
  const Pickle keys(reader, {}, budget);
  if (keys.root().kind != PickleValue::Kind::list) reader.fail("the list of storages", "something else");

  const std::unordered_map<std::string, FileBytes> loaded = read_legacy_storages(reader, pickle, keys);
  if (reader.remaining() != 0) reader.fail("the end of the file", std::to_string(reader.remaining()) + " bytes more");
  const auto storages = [&](const std::string& key, std::uint64_t size, const std::string& where) {
    const auto found = loaded.find(key);
    if (found == loaded.end()) throw FormatError(where, "the storage " + shown(key), "none");
    expect_storage_size(size, found->second.size(), where);
    return found->second;
  };
  TorchBuilder(pickle, storages, archive, budget, tensors, limits);
}

/// A PyTorch file; tensors whose elements lie in their order stay in it, where it does not deflate them. Throws
/// FormatError; nothing in the file is run.
inline Archive open_torch(const FileBytes& bytes, const std::string& where, const ReadLimits& limits = {}) {
  Archive archive{where, "torch", {}, {}};
  const std::uint64_t mark = (std::min<std::uint64_t>)(bytes.size(), torch_legacy_mark.size());
  if (text_of(bytes.view(0, mark)) == torch_legacy_mark)
    read_torch_legacy(archive, bytes, limits);
  else
    read_torch_zip(archive, ZipReader(bytes, where, limits), bytes.size());
  return archive;
}

}  // namespace formats

/// Reads a PyTorch file from memory. Throws FormatError; nothing in the file is run.
inline Archive read_torch(ByteSpan bytes, const std::string& where, const ReadLimits& limits = {}) {
  return formats::open_torch(bytes, where, limits);
}
/// The same of a file.
inline Archive read_torch(const std::string& path, const ReadLimits& limits = {}) {
  return formats::fetched(formats::open_torch(formats::FileBytes(formats::open_file(path, limits)), path, limits));
}

}  // namespace KEEL_ABI
}  // namespace keel
