#pragma once
/// PyTorch's .pt and .pth: dicts of tensors in a zip with a pickle (since 1.6) or in a row of pickles (before),
/// read without running anything, and state dicts that torch.load(weights_only=True) reads. Nested dicts and lists
/// become names with dots, numbers and texts become metadata.
/// https://pytorch.org/docs/stable/notes/serialization.html

#include <charconv>

#include <keel/formats/pickle.hpp>
#include <keel/formats/pickle_write.hpp>
#include <keel/formats/zip.hpp>

namespace keel {
inline namespace KEEL_ABI {

namespace formats {

struct TorchType {
  const char* name;     ///< torch.float32
  const char* storage;  ///< torch.FloatStorage, or nothing where PyTorch has none of its own
  DType dtype;
};
inline constexpr TorchType torch_types[] = {
    {"float32", "FloatStorage", DType::f32}, {"float64", "DoubleStorage", DType::f64},
    {"float16", "HalfStorage", DType::f16},  {"bfloat16", "BFloat16Storage", DType::bf16},
    {"int64", "LongStorage", DType::i64},    {"int32", "IntStorage", DType::i32},
    {"int16", "ShortStorage", DType::i16},   {"int8", "CharStorage", DType::i8},
    {"uint8", "ByteStorage", DType::u8},     {"bool", "BoolStorage", DType::boolean},
    {"uint16", nullptr, DType::u16},         {"uint32", nullptr, DType::u32},
    {"uint64", nullptr, DType::u64}};

/// Everything that a state dict or a plain checkpoint names. Index 0 to 5 are used below.
inline constexpr PickleGlobal torch_globals[] = {{"torch._utils _rebuild_tensor_v2", PickleGlobal::Use::call},
                                                 {"torch._utils _rebuild_tensor_v3", PickleGlobal::Use::call},
                                                 {"torch._utils _rebuild_parameter", PickleGlobal::Use::call},
                                                 {"torch Size", PickleGlobal::Use::call},
                                                 {"torch.storage UntypedStorage"},
                                                 {"collections OrderedDict", PickleGlobal::Use::dict},
                                                 {"torch FloatStorage"},
                                                 {"torch DoubleStorage"},
                                                 {"torch HalfStorage"},
                                                 {"torch BFloat16Storage"},
                                                 {"torch LongStorage"},
                                                 {"torch IntStorage"},
                                                 {"torch ShortStorage"},
                                                 {"torch CharStorage"},
                                                 {"torch ByteStorage"},
                                                 {"torch BoolStorage"},
                                                 {"torch float32"},
                                                 {"torch float64"},
                                                 {"torch float16"},
                                                 {"torch bfloat16"},
                                                 {"torch int64"},
                                                 {"torch int32"},
                                                 {"torch int16"},
                                                 {"torch int8"},
                                                 {"torch uint8"},
                                                 {"torch bool"},
                                                 {"torch uint16"},
                                                 {"torch uint32"},
                                                 {"torch uint64"}};
enum TorchGlobal : std::int64_t {
  rebuild_tensor_v2,
  rebuild_tensor_v3,
  rebuild_parameter,
  torch_size,
  untyped_storage
};

/// Turns the pickle's values into an archive. `storage` gives a storage's bytes by key.
template <class Storages>
class TorchBuilder {
 public:
  TorchBuilder(const Pickle& pickle, Storages& storages, Archive& archive, Budget& budget, Budget& tensors,
               const ReadLimits& limits)
      : pickle_(pickle), storages_(storages), archive_(archive), budget_(budget), tensors_(tensors), limits_(limits) {
    add("", pickle.root(), 0);
  }

 private:
  using Kind = PickleValue::Kind;

  void add(const std::string& path, const PickleValue& value, Index depth) {
    const std::string where = archive_.where + ": " + (path.empty() ? "the root" : shown(path));
    budget_.charge(path.size() + 16, where);
    if (depth > limits_.depth) throw FormatError(where, "at most " + std::to_string(limits_.depth) + " levels", "more");
    const auto child = [&](const std::string& name) { return path.empty() ? name : path + "." + name; };
    switch (value.kind) {
      case Kind::dict:
        for (std::size_t i = 0; i < value.items.size(); i += 2) {
          const PickleValue& key = pickle_[value.items[i]];
          add(child(key.kind == Kind::text ? std::string(key.text) : std::to_string(key.integer)),
              pickle_[value.items[i + 1]], depth + 1);
        }
        if (value.state != 0) add_versions(path, pickle_[value.state]);
        return;
      case Kind::list:
      case Kind::tuple:
        for (std::size_t i = 0; i < value.items.size(); ++i)
          add(child(std::to_string(i)), pickle_[value.items[i]], depth + 1);
        return;
      case Kind::call: return add_call(path, value, where, depth);
      case Kind::none: return note(path, "None");
      case Kind::boolean: return note(path, value.integer ? "True" : "False");
      case Kind::integer: return note(path, std::to_string(value.integer));
      case Kind::real: {
        char digits[32];
        return note(path, std::string(digits, std::to_chars(digits, digits + sizeof digits, value.real).ptr));
      }
      case Kind::text: return note(path, std::string(value.text));
      case Kind::global: return note(path, std::string(torch_globals[value.integer].name));
      case Kind::bytes:
      case Kind::persistent: throw FormatError(where, "a tensor", "a storage by itself");
    }
  }
  void note(const std::string& path, const std::string& text) {
    budget_.charge(2 * path.size() + text.size() + 128, archive_.where);
    if (!archive_.metadata.emplace(path, text).second)
      throw FormatError(archive_.where, "names that differ", "two values " + shown(path));
  }
  /// The versions that a state dict keeps beside its tensors: `_metadata` of module -> {version: 2}.
  void add_versions(const std::string& path, const PickleValue& state) {
    const PickleValue* modules = pickle_.find(state, "_metadata");
    if (modules == nullptr || modules->kind != Kind::dict) return;
    for (std::size_t i = 0; i < modules->items.size(); i += 2) {
      const PickleValue& fields = pickle_[modules->items[i + 1]];
      if (fields.kind != Kind::dict) continue;
      if (const PickleValue* version = pickle_.find(fields, "version"); version && version->kind == Kind::integer)
        note((path.empty() ? "" : path + ".") + "_metadata." + std::string(pickle_[modules->items[i]].text),
             std::to_string(version->integer));
    }
  }

  void add_call(const std::string& path, const PickleValue& call, const std::string& where, Index depth) {
    if (call.integer == torch_size) {
      if (call.items.size() != 1) throw FormatError(where, "one argument", std::to_string(call.items.size()));
      return add(path, pickle_[call.items[0]], depth + 1);
    }
    if (call.integer == rebuild_parameter) {
      if (call.items.empty()) throw FormatError(where, "a parameter's tensor", "nothing");
      return add(path, pickle_[call.items[0]], depth + 1);
    }
    const bool typed = call.integer == rebuild_tensor_v3;
    if (call.items.size() < (typed ? 7u : 4u)) throw FormatError(where, "a tensor's arguments", "fewer");
    const PickleValue& persistent = pickle_[call.items[0]];
    if (persistent.kind != Kind::persistent) throw FormatError(where, "a tensor with a storage", "something else");
    const PickleValue& id = pickle_[persistent.items[0]];
    if (id.kind != Kind::tuple || id.items.size() < 5 || pickle_[id.items[0]].text != "storage" ||
        pickle_[id.items[1]].kind != Kind::global || pickle_[id.items[2]].kind != Kind::text)
      throw FormatError(where, "a storage of type, key, device and size", "something else");
    if (id.items.size() > 5 && pickle_[id.items[5]].kind != Kind::none)
      throw FormatError(where, "a whole storage", "a view of another", "save it again with PyTorch 1.6 or later");

    const PickleValue& kind = typed ? pickle_[call.items[6]] : pickle_[id.items[1]];
    const std::string_view named = kind.kind == Kind::global ? torch_globals[kind.integer].name : "";
    const auto* type = std::find_if(std::begin(torch_types), std::end(torch_types), [&](const TorchType& candidate) {
      return (candidate.storage && named.ends_with(std::string(" ") + candidate.storage)) ||
             named.ends_with(std::string(" ") + candidate.name);
    });
    if (type == std::end(torch_types))
      throw FormatError(where, "a tensor of booleans, integers or floats", shown(named));
    const bool counts_bytes = pickle_[id.items[1]].integer == untyped_storage;
    const std::size_t item = size_of(type->dtype);
    const std::uint64_t numel = natural(id.items[4], where);
    std::uint64_t storage_bytes = 0;
    if (!multiply(numel, counts_bytes ? 1 : item, storage_bytes))
      throw FormatError(where, "a storage that fits 64 bits", std::to_string(numel) + " elements");
    const ByteSpan storage = storages_(std::string(pickle_[id.items[2]].text), storage_bytes, item, where);
    add_tensor(path, type->dtype, storage, naturals(call.items[2], where), naturals(call.items[3], where),
               natural(call.items[1], where), where);
  }

  void add_tensor(const std::string& path, DType dtype, ByteSpan storage, const std::vector<std::uint64_t>& sizes,
                  const std::vector<std::uint64_t>& strides, std::uint64_t offset, const std::string& where) {
    const std::size_t item = size_of(dtype);
    std::uint64_t bytes = 0;
    NamedArray array{path.empty() ? "tensor" : path, dtype, checked_shape(sizes, item, bytes, where), {}};
    if (strides.size() != sizes.size())
      throw FormatError(where, "a stride for each of " + std::to_string(sizes.size()) + " axes",
                        std::to_string(strides.size()));
    std::uint64_t last = offset, packed = 1;
    bool contiguous = true;
    for (std::size_t axis = sizes.size(); axis-- > 0 && bytes != 0;) {
      if (sizes[axis] == 1) continue;
      std::uint64_t reach = 0;
      if (strides[axis] == 0)
        throw FormatError(where, "strides above 0", "stride 0", "in Python, call .contiguous() on an expanded tensor");
      if (!multiply(sizes[axis] - 1, strides[axis], reach) || last + reach < last)
        throw FormatError(where, "strides within 64 bits", std::to_string(strides[axis]));
      last += reach;
      contiguous = contiguous && strides[axis] == packed;
      packed *= sizes[axis];
    }
    if (bytes != 0 && last >= storage.size() / item)
      throw FormatError(where, "a tensor inside its storage of " + std::to_string(storage.size() / item) + " elements",
                        "element " + std::to_string(last));
    names_.add(array.name, where);
    budget_.charge(3 * sizeof(NamedArray) + 2 * path.size() + 80, where);
    tensors_.charge(bytes, where);
    array.bytes.resize(bytes);
    if (bytes != 0 && contiguous) std::memcpy(array.bytes.data(), storage.data() + offset * item, bytes);
    if (bytes != 0 && !contiguous) gather(array, storage, strides, offset, item);
    archive_.tensors.push_back(std::move(array));
  }
  static void gather(NamedArray& array, ByteSpan storage, const std::vector<std::uint64_t>& strides,
                     std::uint64_t offset, std::size_t item) {
    std::array<Index, Shape::max_rank> at{};
    std::uint64_t from = offset;
    for (Index i = 0; i < array.shape.size(); ++i) {
      std::memcpy(array.bytes.data() + static_cast<std::size_t>(i) * item, storage.data() + from * item, item);
      for (auto axis = static_cast<std::size_t>(array.shape.rank()); axis-- > 0;) {
        const Index extent = array.shape[static_cast<Index>(axis)];
        from += strides[axis];
        if (++at[axis] < extent) break;
        from -= strides[axis] * static_cast<std::uint64_t>(extent);
        at[axis] = 0;
      }
    }
  }

  std::uint64_t natural(std::uint32_t id, const std::string& where) const {
    const PickleValue& value = pickle_[id];
    if (value.kind != Kind::integer || value.integer < 0)
      throw FormatError(where, "an integer of 0 or more",
                        value.kind == Kind::integer ? std::to_string(value.integer) : "something else");
    return static_cast<std::uint64_t>(value.integer);
  }
  std::vector<std::uint64_t> naturals(std::uint32_t id, const std::string& where) const {
    const PickleValue* value = &pickle_[id];
    if (value->kind == Kind::call && value->integer == torch_size && value->items.size() == 1)
      value = &pickle_[value->items[0]];
    if (value->kind != Kind::tuple) throw FormatError(where, "a tuple of integers", "something else");
    if (value->items.size() > 64)
      throw FormatError(where, "a shape of at most 8 axes", std::to_string(value->items.size()));
    std::vector<std::uint64_t> numbers;
    for (const std::uint32_t item : value->items) numbers.push_back(natural(item, where));
    return numbers;
  }

  const Pickle& pickle_;
  Storages& storages_;
  Archive& archive_;
  Budget& budget_;
  Budget& tensors_;
  const ReadLimits& limits_;
  NameSet names_;
};

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
  ByteSpan operator()(const std::string& key, std::uint64_t bytes, std::size_t, const std::string& where) {
    const auto member = members_.find(folder_ + "data/" + key);
    if (member == members_.end()) throw FormatError(where, "the member data/" + key, "none");
    expect_storage_size(bytes, member->second->bytes, where + ", data/" + key);
    const auto [place, fresh] = loaded_.try_emplace(key);
    if (fresh) place->second.view = zip_.read(*member->second, place->second.owned);
    return place->second.view;
  }

 private:
  struct Loaded {
    Bytes owned;
    ByteSpan view;
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
  const Pickle pickle(reader, torch_globals, budget);
  if (reader.remaining() != 0) reader.fail("the end of data.pkl", "more");
  TorchZipStorages storages(zip, folder);
  TorchBuilder(pickle, storages, archive, budget, tensors, limits);
}

/// The form before 1.6: mark, version, system, the object, the keys, then each storage's length and bytes.
inline void read_torch_legacy(Archive& archive, ByteSpan bytes, const ReadLimits& limits) {
  ByteReader reader(bytes, archive.where);
  reader.skip(torch_legacy_mark.size(), "the mark");
  Budget budget = Budget::for_structure(bytes.size()), tensors = Budget::for_tensors(bytes.size(), limits);
  const Pickle version(reader, {}, budget);
  if (version.root().kind != PickleValue::Kind::integer || version.root().integer != 1001)
    reader.fail("protocol version 1001", "another");
  const Pickle system(reader, {}, budget);
  if (const PickleValue* little = system.find(system.root(), "little_endian"); !little || little->integer != 1)
    reader.fail("values in little-endian order", "big-endian or unknown");
  const Pickle pickle(reader, torch_globals, budget);
  const Pickle keys(reader, {}, budget);
  if (keys.root().kind != PickleValue::Kind::list) reader.fail("the list of storages", "something else");

  // The lengths count elements, whose size only the tensors know: the storages are found in a first pass over
  // them.
  std::unordered_map<std::string, std::uint64_t> sizes;
  const auto measure = [&](const PickleValue& id) {
    if (id.kind != PickleValue::Kind::tuple || id.items.size() < 5) return;
    const PickleValue &type = pickle[id.items[1]], &key = pickle[id.items[2]];
    if (type.kind != PickleValue::Kind::global || key.kind != PickleValue::Kind::text) return;
    for (const TorchType& known : torch_types)
      if (known.storage && torch_globals[type.integer].name == std::string("torch ") + known.storage)
        sizes.emplace(key.text, size_of(known.dtype));
  };
  for (std::uint32_t i = 0; i < pickle.size(); ++i)
    if (pickle[i].kind == PickleValue::Kind::persistent) measure(pickle[pickle[i].items[0]]);
  std::unordered_map<std::string, ByteSpan> loaded;
  for (const std::uint32_t id : keys.root().items) {
    const std::string key(keys[id].text);
    const auto item = sizes.find(key);
    if (item == sizes.end()) reader.fail("a storage that a tensor uses", shown(key));
    std::uint64_t size = 0;
    if (!multiply(reader.u64("a storage's length"), item->second, size)) reader.fail("a length", "one beyond 64 bits");
    if (!loaded.emplace(key, reader.take(size, "a storage")).second) reader.fail("storages that differ", shown(key));
  }
  if (reader.remaining() != 0) reader.fail("the end of the file", std::to_string(reader.remaining()) + " bytes more");
  const auto storages = [&](const std::string& key, std::uint64_t size, std::size_t, const std::string& where) {
    const auto found = loaded.find(key);
    if (found == loaded.end()) throw FormatError(where, "the storage " + shown(key), "none");
    expect_storage_size(size, found->second.size(), where);
    return found->second;
  };
  TorchBuilder(pickle, storages, archive, budget, tensors, limits);
}

}  // namespace formats

/// Reads a PyTorch file from memory. Throws FormatError; nothing in the file is run.
inline Archive read_torch(ByteSpan bytes, const std::string& where, const ReadLimits& limits = {}) {
  Archive archive{where, "torch", {}, {}};
  if (formats::text_of(bytes).starts_with(formats::torch_legacy_mark))
    formats::read_torch_legacy(archive, bytes, limits);
  else
    formats::read_torch_zip(archive, ZipReader(bytes, where, limits), bytes.size());
  return archive;
}
inline Archive read_torch(const std::string& path, const ReadLimits& limits = {}) {
  const Bytes bytes = read_file(path, limits);
  return read_torch(bytes, path, limits);
}

namespace formats {

/// Pickles a state dict: OrderedDict name -> tensor, and the module versions.
class TorchPickler : public PickleWriter {
 public:
  TorchPickler() : PickleWriter(2) {}

  void ordered_dict() {
    global("collections", "OrderedDict");
    text += ")R";
  }
  void tensor(const NamedArray& array, std::size_t key, const TorchType& type) {
    global("torch._utils", "_rebuild_tensor_v2");
    text += "((";
    string("storage");
    global("torch", type.storage);
    string(std::to_string(key));
    string("cpu");
    integer(static_cast<std::uint64_t>(array.shape.size()));
    text += "tQ";
    integer(0);
    text += '(';
    for (const Index extent : array.shape) integer(static_cast<std::uint64_t>(extent));
    text += "t(";
    for (Index axis = 0; axis < array.shape.rank(); ++axis) {
      std::uint64_t stride = 1;
      for (Index after = axis + 1; after < array.shape.rank(); ++after)
        stride *= static_cast<std::uint64_t>((std::max)(array.shape[after], Index{1}));
      integer(stride);
    }
    text += "t\x89";
    ordered_dict();
    text += "tR";
  }
};

}  // namespace formats

/// Writes a state dict that torch.load(weights_only=True) reads. Metadata `_metadata.MODULE` = "2" becomes the
/// module's version; other metadata is not kept, as a state dict has no place for it.
inline void write_torch(const std::string& path, const Archive& archive) {
  formats::TorchPickler pickler;
  pickler.ordered_dict();
  pickler.text += '(';
  formats::NameSet names;
  for (std::size_t i = 0; i < archive.tensors.size(); ++i) {
    const NamedArray& array = archive.tensors[i];
    const auto* type =
        std::find_if(std::begin(formats::torch_types), std::end(formats::torch_types),
                     [&](const formats::TorchType& candidate) { return candidate.dtype == array.dtype; });
    if (type->storage == nullptr)
      throw FormatError(path + ": " + array.name, "a type of every PyTorch", name_of(array.dtype), "convert it first");
    names.add(array.name, path);
    pickler.string(array.name);
    pickler.tensor(array, i, *type);
  }
  pickler.text += 'u';
  constexpr std::string_view prefix = "_metadata.";
  if (const auto first = archive.metadata.lower_bound(std::string(prefix));
      first != archive.metadata.end() && first->first.starts_with(prefix)) {
    pickler.text += '}';
    pickler.string("_metadata");
    pickler.ordered_dict();
    pickler.text += '(';
    for (const auto& [key, value] : archive.metadata) {
      if (!key.starts_with(prefix)) continue;
      pickler.string(std::string_view(key).substr(prefix.size()));
      pickler.text += '}';
      pickler.string("version");
      pickler.integer(value == "2" ? 2 : 1);
      pickler.text += 's';
    }
    pickler.text += "usb";
  }
  pickler.text += '.';
  ZipWriter zip;
  zip.add_text("archive/data.pkl", pickler.text, 64);
  zip.add_text("archive/byteorder", "little", 64);
  for (std::size_t i = 0; i < archive.tensors.size(); ++i)
    zip.add("archive/data/" + std::to_string(i), archive.tensors[i].bytes, 64);
  zip.add_text("archive/version", "3\n", 64);
  zip.write(path);
}

}  // namespace KEEL_ABI
}  // namespace keel
