#pragma once
/// HDF5 files as Keras and h5py write them, read by keel itself: groups, hard links, attributes of
/// text and numbers, datasets of numbers (contiguous, compact, or in chunks with deflate and shuffle). Everything
/// else that the format allows (links to other places and files, external and virtual storage, other filters,
/// compound types) is refused by name. Both generations of the format: superblock 0 to 3, old and new groups.
/// https://support.hdfgroup.org/documentation/hdf5/latest/_f_m_t3.html
///
/// HDF5's C library is not used: it follows a damaged file's addresses in place, with no bound on memory or time.
/// Here no structure is visited twice, each is checked before it is read, and their total is bounded by the file.

#include <keel/formats/hdf5/file.hpp>
#include <keel/formats/hdf5/groups.hpp>
#include <keel/formats/hdf5/types.hpp>
#include <keel/formats/npy.hpp>

namespace keel {
inline namespace KEEL_ABI {

namespace formats {

/// Datasets and attributes on top of the file's structure.
class Hdf5Reader {
 public:
  Hdf5Reader(const FileBytes& bytes, const std::string& where, const ReadLimits& limits)
      : blocks_(bytes, where),
        groups_(blocks_),
        limits_(limits),
        memory_(Budget::for_structure(bytes.size())),
        plain_(bytes.size()),
        expanded_(Budget::for_tensors(bytes.size(), limits)) {
    file_.where = where;
    visit("", blocks_.root(), 0);
  }
  Hdf5File take() { return std::move(file_); }

 private:
  using Message = Hdf5Message;
  static constexpr Index max_depth = 32;

  void visit(const std::string& path, std::uint64_t address, Index depth) {
    const std::string where = file_.where + ": /" + path;
    if (depth > max_depth || std::count(path.begin(), path.end(), '/') > max_depth)
      throw FormatError(where, "groups nested at most 32 deep", "more");
    const std::size_t place = enter(path, where);
    const std::vector<Message> messages = Hdf5Header(blocks_, address, where).messages;
    std::vector<Hdf5Link> links;
    Hdf5Object object;
    object.path = path;
    object.is_group = groups_.links(messages, links, where);
    read_attributes(object, messages, where);
    if (!object.is_group) read_dataset(object, messages, where);
    file_.objects[place] = std::move(object);
    std::sort(links.begin(), links.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
    NameSet names;
    for (const Hdf5Link& link : links) {
      names.add(link.name, where);
      const std::string name = with_slashes(link.name, where);
      visit(path.empty() ? name : path + "/" + name, link.address, depth + 1);
    }
    std::vector<std::string>& children = file_.objects[place].children;
    std::sort(children.begin(), children.end());
  }

  /// A link's name. Keras 2.12 to 2.15 on Windows wrote one group `layers\dense` for two, `layers` and `dense`.
  static std::string with_slashes(std::string name, const std::string& where) {
    const auto plain = [](std::string_view part) { return !part.empty() && part != "." && part != ".."; };
    bool fits = name.find('/') == name.npos;
    for (std::size_t start = 0; fits && start <= name.size();) {
      const std::size_t end = (std::min)(name.find('\\', start), name.size());
      fits = plain(std::string_view(name).substr(start, end - start)) &&
             (start > 0 || end == name.size() || name[end - 1] != ':');
      start = end + 1;
    }
    if (!fits) throw FormatError(where, "a plain name", shown(name));
    std::replace(name.begin(), name.end(), '\\', '/');
    return name;
  }

  /// Makes room for an object and, where backslashes stand for them, the groups it lies in.
  std::size_t enter(const std::string& path, const std::string& where) {
    if (file_.objects.size() >= limits_.members)
      throw FormatError(where, "at most " + std::to_string(limits_.members) + " objects", "more");
    memory_.charge(2 * sizeof(Hdf5Object) + 6 * path.size() + 160, where);
    if (!path.empty()) {
      const std::size_t slash = path.rfind('/');
      const std::string group = slash == path.npos ? "" : path.substr(0, slash);
      const auto known = file_.index.find(group);
      const std::size_t place = known != file_.index.end() ? known->second : enter(group, where);
      if (known == file_.index.end()) file_.objects[place].is_group = true;
      if (!file_.objects[place].is_group) throw FormatError(where, "a group to hold " + shown(path), "a dataset");
      file_.objects[place].children.push_back(path.substr(slash + 1));
    }
    if (!file_.index.emplace(path, file_.objects.size()).second)
      throw FormatError(where, "names that differ", "two objects " + shown(path));
    file_.objects.emplace_back().path = path;
    return file_.objects.size() - 1;
  }

  static ByteSpan find(const std::vector<Message>& messages, std::uint16_t type, const char* name,
                       const std::string& where) {
    const Message* found = nullptr;
    for (const Message& message : messages)
      if (message.type == type) {
        if (found) throw FormatError(where, std::string("one ") + name, "two");
        found = &message;
      }
    if (found == nullptr) throw FormatError(where, name, "none");
    return found->body;
  }

  void read_attributes(Hdf5Object& object, const std::vector<Message>& messages, const std::string& where) {
    std::vector<ByteSpan> bodies;
    groups_.attributes(messages, bodies, where);
    for (const ByteSpan body : bodies) {
      memory_.charge(2 * sizeof(Hdf5Attribute) + 64, where);
      Hdf5Attribute attribute = read_attribute(body, where);
      if (object.find(attribute.name))
        throw FormatError(where, "attributes that differ", "two attributes " + shown(attribute.name));
      object.attributes.push_back(std::move(attribute));
    }
  }

  Hdf5Attribute read_attribute(ByteSpan body, const std::string& place) {
    ByteReader reader(body, place + ", attribute");
    const std::uint8_t version = reader.u8("version"), flags = reader.u8("flags");
    if (version < 1 || version > 3) reader.fail("an attribute of version 1 to 3", std::to_string(version));
    if (version > 1 && flags != 0) reader.fail("an attribute with its own type", "a shared one");
    const std::uint16_t name_size = reader.u16("size"), type_size = reader.u16("size"), space_size = reader.u16("size");
    if (version == 3) reader.skip(1, "character set");
    const auto padded = [&](std::uint16_t size) {
      const ByteSpan part = reader.take(size, "a part");
      if (version == 1) reader.skip((8u - size % 8u) % 8u, "padding");
      return part;
    };
    Hdf5Attribute attribute;
    attribute.name = trimmed(text_of(padded(name_size)));
    const std::string where = place + ", attribute " + shown(attribute.name);
    if (!valid_utf8(attribute.name)) throw FormatError(where, "a name in UTF-8", "another encoding");
    const Hdf5Type type = hdf5_type(padded(type_size), where);
    std::uint64_t bytes = 0;
    const Shape shape = hdf5_shape(padded(space_size), type.size, bytes, where);
    memory_.charge(bytes + attribute.name.size(), where);
    const ByteSpan data = reader.take(bytes, "the attribute's value");
    attribute.is_text = type.kind != Hdf5Type::Kind::number;
    if (!attribute.is_text) {
      attribute.value = {attribute.name, type.dtype, shape, Bytes(data.begin(), data.end())};
      if (type.swapped) swap_bytes(attribute.value.bytes, type.size);
      return attribute;
    }
    if (type.kind == Hdf5Type::Kind::opaque) throw FormatError(where, "text or numbers", "opaque bytes");
    for (std::uint64_t at = 0; at < bytes; at += type.size) {
      const ByteSpan item = data.subspan(at, type.size);
      const std::string_view text =
          type.kind == Hdf5Type::Kind::variable_text ? text_of(groups_.heap_object(item, where)) : text_of(item);
      memory_.charge(text.size() + 64, where);
      attribute.texts.push_back(trimmed(text));
    }
    return attribute;
  }
  /// Text up to its first zero byte, as C and Python read it.
  static std::string trimmed(std::string_view text) { return std::string(text.substr(0, text.find('\0'))); }

  void read_dataset(Hdf5Object& object, const std::vector<Message>& messages, const std::string& where) {
    for (const Message& message : messages)
      if (message.type == Message::external_files)
        throw FormatError(where, "values inside the file", "external storage", "a model must not name other files");
    if (std::none_of(messages.begin(), messages.end(), [](const Message& m) { return m.type == Message::layout; }))
      throw FormatError(where, "a group or a dataset", "a committed type or nothing");
    Hdf5Type type = hdf5_type(find(messages, Message::value_type, "a type", where), where);
    if (type.kind == Hdf5Type::Kind::opaque && type.size == 2)
      if (const Hdf5Attribute* named = object.find("dtype");
          named && named->is_text && named->texts.size() == 1 && named->texts.front() == "bfloat16") {
        type.kind = Hdf5Type::Kind::number;  // as Keras stores it
        type.dtype = DType::bf16;
      }
    if (type.kind != Hdf5Type::Kind::number) throw FormatError(where, "a dataset of numbers", "text or opaque bytes");
    NamedArray& array = object.value;
    array.name = object.path;
    array.dtype = type.dtype;
    std::uint64_t bytes = 0;
    array.shape = hdf5_shape(find(messages, Message::shape, "a shape", where), type.size, bytes, where);
    read_values(array, messages, type.size, bytes, where);
    if (!type.swapped) return;
    fetch(array);
    swap_bytes(array.bytes, type.size);
  }

  void read_values(NamedArray& array, const std::vector<Message>& messages, std::size_t item, std::uint64_t bytes,
                   const std::string& where) {
    std::vector<std::uint16_t> filters;
    for (const Message& message : messages)
      if (message.type == Message::filters) filters = hdf5_filters(message.body, where);
    ByteReader layout(find(messages, Message::layout, "a layout", where), where + ", layout");
    const std::uint8_t version = layout.u8("version");
    if (version != 3 && version != 4) layout.fail("a layout of version 3 or 4", std::to_string(version));
    const std::uint8_t kind = layout.u8("class");
    if (kind == 3) layout.fail("values inside the file", "a virtual dataset", "a model must not name other files");
    if (kind > 3) layout.fail("a layout of class 0 to 2", std::to_string(kind));
    if (kind == 2) return read_chunks(array, layout, version, std::move(filters), item, where);
    if (!filters.empty()) layout.fail("filters only on chunks", "filters on another layout");
    FileBytes data;
    if (kind == 0) {
      data = FileBytes(layout.take(layout.u16("size"), "the values"));
    } else {
      const std::uint64_t address = layout.u64("address"), size = layout.u64("size");
      if (bytes != 0) data = blocks_.place(address, size, "the values", where);
    }
    if (data.size() != bytes)
      throw FormatError(where, std::to_string(bytes) + " bytes for shape " + array.shape.to_string(),
                        std::to_string(data.size()));
    plain_.charge(bytes, where);
    leave_values(array, data);
  }

  struct Chunks {
    std::vector<std::uint64_t> extents;  ///< of one chunk, without the element size
    std::vector<std::uint16_t> filters;
    std::uint64_t bytes = 0;
    std::vector<bool> seen;
    Bytes stored, scratch, plain;
  };

  void read_chunks(NamedArray& array, ByteReader& layout, std::uint8_t version, std::vector<std::uint16_t> filters,
                   std::size_t item, const std::string& where) {
    const auto rank = static_cast<std::size_t>(array.shape.rank());
    const std::uint8_t flags = version == 4 ? layout.u8("flags") : std::uint8_t{0};
    if (layout.u8("dimensions") != rank + 1) layout.fail("chunks of the dataset's rank", "another rank");
    const std::uint64_t btree = version == 3 ? layout.u64("address") : 0;
    const std::uint8_t width = version == 3 ? std::uint8_t{4} : layout.u8("size of dimensions");
    if (width < 1 || width > 8) layout.fail("dimensions of 1 to 8 bytes", std::to_string(width));
    Chunks chunks;
    chunks.filters = std::move(filters);
    for (std::size_t axis = 0; axis < rank; ++axis) chunks.extents.push_back(layout.little(width, "a dimension"));
    if (layout.little(width, "the element's size") != item) layout.fail("chunks of the dataset's type", "another size");
    const Shape chunk = checked_shape(chunks.extents, item, chunks.bytes, where + ", chunk");
    if (chunk.size() == 0 || rank == 0) layout.fail("chunks with elements", "none");
    if (array.shape.size() == 0) return;
    std::uint64_t count = 1;
    for (std::size_t axis = 0; axis < rank; ++axis) {
      const auto extent = static_cast<std::uint64_t>(array.shape[static_cast<Index>(axis)]);
      count *= (extent - 1) / chunks.extents[axis] + 1;
    }
    memory_.charge(count / 8 + 8, where);
    expanded_.charge(static_cast<std::uint64_t>(array.shape.size()) * item, where);
    chunks.seen.resize(count);
    std::uint64_t left = count;
    const auto place = [&](std::uint64_t address, std::uint64_t stored, const std::vector<std::uint64_t>& offset) {
      const ByteSpan data = blocks_.place(address, stored, "a chunk", where).read(0, stored, chunks.stored);
      plain_.charge(stored, where);
      if (array.bytes.empty()) array.bytes.resize(static_cast<std::size_t>(array.shape.size()) * item);
      place_chunk(array, chunks, data, offset, item, where);
      --left;
    };
    if (version == 3) {
      groups_.chunk_leaves(btree, rank, where, place);
    } else {
      const std::uint8_t index = layout.u8("index type");
      if (index != 1)
        layout.fail("one chunk, or chunks with the index of HDF5 1.8", "a newer index",
                    "save with libver='earliest' or without chunks");
      const std::uint64_t stored = flags & 2 ? layout.u64("size") : chunks.bytes;
      if (flags & 2 && layout.u32("mask") != 0) layout.fail("all filters on the chunk", "some left out");
      place(layout.u64("address"), stored, std::vector<std::uint64_t>(rank));
    }
    if (left != 0) throw FormatError(where, std::to_string(count) + " chunks", std::to_string(count - left));
  }

  void place_chunk(NamedArray& array, Chunks& chunks, ByteSpan data, const std::vector<std::uint64_t>& offset,
                   std::size_t item, const std::string& where) {
    const auto rank = offset.size();
    std::uint64_t number = 0;
    for (std::size_t axis = 0; axis < rank; ++axis) {
      const auto extent = static_cast<std::uint64_t>(array.shape[static_cast<Index>(axis)]);
      if (offset[axis] >= extent || offset[axis] % chunks.extents[axis] != 0)
        throw FormatError(where, "a chunk on the grid inside the dataset", "one at " + std::to_string(offset[axis]));
      number = number * ((extent - 1) / chunks.extents[axis] + 1) + offset[axis] / chunks.extents[axis];
    }
    if (chunks.seen[number]) throw FormatError(where, "each chunk once", "one twice");
    chunks.seen[number] = true;
    for (auto filter = chunks.filters.rbegin(); filter != chunks.filters.rend(); ++filter) {
      if (*filter == 1 && chunks.bytes / 1032 > data.size())
        throw FormatError(where, "a chunk of at most 1032 times its size", std::to_string(chunks.bytes), "a bomb");
      expanded_.charge(chunks.bytes, where);
      if (*filter == 1) {
        chunks.scratch.resize(chunks.bytes);
        inflate_exactly(data, chunks.scratch, false, where);
        data = chunks.scratch;
      } else {
        if (data.size() != chunks.bytes) break;
        chunks.plain.resize(chunks.bytes);
        const std::size_t count = chunks.bytes / item;
        for (std::size_t byte = 0; byte < item; ++byte)
          for (std::size_t i = 0; i < count; ++i) chunks.plain[i * item + byte] = data[byte * count + i];
        data = chunks.plain;
      }
    }
    if (data.size() != chunks.bytes)
      throw FormatError(where, "a chunk of " + std::to_string(chunks.bytes) + " bytes", std::to_string(data.size()));
    copy_chunk(array, chunks, data, offset, item);
  }

  /// Copies row by row what of the chunk lies inside the dataset.
  static void copy_chunk(NamedArray& array, const Chunks& chunks, ByteSpan data,
                         const std::vector<std::uint64_t>& offset, std::size_t item) {
    const std::size_t rank = offset.size();
    const auto extent = [&](std::size_t axis) {
      return static_cast<std::uint64_t>(array.shape[static_cast<Index>(axis)]);
    };
    const std::uint64_t row = (std::min)(chunks.extents[rank - 1], extent(rank - 1) - offset[rank - 1]);
    std::vector<std::uint64_t> at(rank);
    for (;;) {
      std::uint64_t from = 0, to = 0;
      for (std::size_t axis = 0; axis < rank; ++axis) {
        from = from * chunks.extents[axis] + at[axis];
        to = to * extent(axis) + offset[axis] + at[axis];
      }
      std::memcpy(array.bytes.data() + to * item, data.data() + from * item, row * item);
      std::size_t axis = rank - 1;
      while (axis > 0) {
        --axis;
        if (++at[axis] < chunks.extents[axis] && offset[axis] + at[axis] < extent(axis)) break;
        at[axis] = 0;
        if (axis == 0) return;
      }
      if (rank == 1) return;
    }
  }

  Hdf5Blocks blocks_;
  Hdf5Groups groups_;
  ReadLimits limits_;
  Budget memory_, plain_, expanded_;
  Hdf5File file_;
};

/// An HDF5 file; the values of contiguous datasets stay in it. Throws FormatError.
inline Hdf5File open_hdf5(const FileBytes& bytes, const std::string& where, const ReadLimits& limits = {}) {
  return Hdf5Reader(bytes, where, limits).take();
}

}  // namespace formats

/// Reads an HDF5 file from memory. Throws FormatError.
inline Hdf5File read_hdf5(ByteSpan bytes, const std::string& where, const ReadLimits& limits = {}) {
  return formats::open_hdf5(bytes, where, limits);
}
/// The same of a file.
inline Hdf5File read_hdf5(const std::string& path, const ReadLimits& limits = {}) {
  Hdf5File file = formats::open_hdf5(formats::FileBytes(formats::open_file(path, limits)), path, limits);
  for (Hdf5Object& object : file.objects) formats::fetch(object.value);
  return file;
}

}  // namespace KEEL_ABI
}  // namespace keel
