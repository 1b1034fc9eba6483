#pragma once
/// The skeleton of an HDF5 file: superblock, object headers, groups old and new, heaps, trees. See hdf5.hpp.

#include <unordered_map>

#include <keel/formats/npy.hpp>
#include <keel/formats/zip.hpp>

namespace keel {
inline namespace KEEL_ABI {

namespace formats {

/// A type of values; numbers have a dtype, texts only a size.
struct Hdf5Type {
  enum class Kind : unsigned char { number, fixed_text, variable_text, opaque };
  Kind kind = Kind::number;
  DType dtype = DType::f32;
  bool swapped = false;
  std::uint32_t size = 0;
};

inline Hdf5Type hdf5_type(ByteSpan body, const std::string& where) {
  ByteReader reader(body, where + ", type");
  const std::uint8_t head = reader.u8("class");
  const auto flags = static_cast<std::uint32_t>(reader.little(3, "flags"));
  Hdf5Type type;
  type.size = reader.u32("size");
  if (head >> 4 < 1 || head >> 4 > 5) reader.fail("a type of version 1 to 5", std::to_string(head >> 4));
  if (type.size == 0 || type.size > 1u << 20) reader.fail("a type of 1 to 2^20 bytes", std::to_string(type.size));
  type.swapped = flags & 1;
  switch (head & 15) {
    case 0: {  // integers
      const std::uint16_t offset = reader.u16("offset"), precision = reader.u16("precision");
      const bool is_signed = flags & 8;
      if (offset == 0 && precision == 8 * type.size) {
        if (type.size == 1) return type.dtype = is_signed ? DType::i8 : DType::u8, type;
        if (type.size == 2) return type.dtype = is_signed ? DType::i16 : DType::u16, type;
        if (type.size == 4) return type.dtype = is_signed ? DType::i32 : DType::u32, type;
        if (type.size == 8) return type.dtype = is_signed ? DType::i64 : DType::u64, type;
      }
      reader.fail("integers of 1, 2, 4 or 8 bytes", std::to_string(precision) + " bits");
    }
    case 1: {  // floats: the fields must be IEEE's, or bfloat16's
      const std::uint16_t offset = reader.u16("offset"), precision = reader.u16("precision");
      const std::uint8_t exponent_at = reader.u8("exponent"), exponent = reader.u8("exponent");
      const std::uint8_t mantissa_at = reader.u8("mantissa"), mantissa = reader.u8("mantissa");
      const std::uint32_t bias = reader.u32("bias");
      const auto is = [&](std::uint32_t size, unsigned exponent_bits, unsigned mantissa_bits) {
        return type.size == size && offset == 0 && precision == 8 * size && exponent_at == mantissa_bits &&
               exponent == exponent_bits && mantissa_at == 0 && mantissa == mantissa_bits &&
               bias == (1u << (exponent_bits - 1)) - 1 && (flags >> 8 & 0xff) == 8 * size - 1 && !(flags & 0x40);
      };
      if (is(4, 8, 23)) return type.dtype = DType::f32, type;
      if (is(8, 11, 52)) return type.dtype = DType::f64, type;
      if (is(2, 5, 10)) return type.dtype = DType::f16, type;
      if (is(2, 8, 7)) return type.dtype = DType::bf16, type;
      reader.fail("IEEE floats of 2, 4 or 8 bytes, or bfloat16", std::to_string(precision) + " bits of another form");
    }
    case 3: return type.kind = Hdf5Type::Kind::fixed_text, type;
    case 5: return type.kind = Hdf5Type::Kind::opaque, type;
    case 8:  // an enumeration; h5py keeps booleans as one of a byte
      if (type.size != 1) reader.fail("booleans", "another enumeration");
      return type.dtype = DType::boolean, type.swapped = false, type;
    case 9:
      if ((flags & 15) != 1 || type.size != 16) reader.fail("variable-length text", "another variable-length type");
      return type.kind = Hdf5Type::Kind::variable_text, type;
    default: reader.fail("numbers or text", "a type of class " + std::to_string(head & 15));
  }
}

inline Shape hdf5_shape(ByteSpan body, std::uint64_t item, std::uint64_t& bytes, const std::string& where) {
  ByteReader reader(body, where + ", shape");
  const std::uint8_t version = reader.u8("version"), rank = reader.u8("rank"), flags = reader.u8("flags");
  if (version != 1 && version != 2) reader.fail("a shape of version 1 or 2", std::to_string(version));
  const std::uint8_t kind = reader.u8("kind");
  if (version == 2 && (kind > 1 || (kind == 0) != (rank == 0))) reader.fail("a scalar or an array", "an empty space");
  if (version == 1) reader.skip(4, "padding");
  if (flags > 1) reader.fail("a shape without permutation", "one with it");
  std::vector<std::uint64_t> dims(rank);
  for (std::uint64_t& dim : dims) dim = reader.u64("an extent");
  return checked_shape(dims, item, bytes, where);
}

/// The filters of a dataset, of deflate (1) and shuffle (2).
inline std::vector<std::uint16_t> hdf5_filters(ByteSpan body, const std::string& where) {
  ByteReader reader(body, where + ", filters");
  const std::uint8_t version = reader.u8("version"), count = reader.u8("count");
  if (version != 1 && version != 2) reader.fail("filters of version 1 or 2", std::to_string(version));
  if (count > 2) reader.fail("deflate and shuffle at most", std::to_string(count) + " filters");
  if (version == 1) reader.skip(6, "padding");
  std::vector<std::uint16_t> filters;
  for (std::uint8_t i = 0; i < count; ++i) {
    const std::uint16_t id = reader.u16("filter");
    if ((id != 1 && id != 2) || std::find(filters.begin(), filters.end(), id) != filters.end())
      reader.fail("deflate (1) and shuffle (2), once each", "filter " + std::to_string(id));
    const std::uint16_t name = version == 1 ? reader.u16("name") : std::uint16_t{0};
    reader.skip(2, "flags");
    const std::uint16_t values = reader.u16("values");
    reader.skip((name + 7u) / 8u * 8u, "name");
    reader.skip(4u * values + (version == 1 && values % 2 ? 4u : 0u), "values");
    filters.push_back(id);
  }
  return filters;
}

/// Walks the file's own structures. No address is visited twice, and all together are at most four times the file.
class Hdf5Structure {
 public:
  struct Message {
    std::uint16_t type;
    std::uint8_t flags;
    ByteSpan body;
  };
  struct Link {
    std::string name;
    std::uint64_t address;
  };

  Hdf5Structure(ByteSpan bytes, std::string where, const ReadLimits& limits)
      : bytes_(bytes),
        where_(std::move(where)),
        limits_(limits),
        work_(4 * bytes.size() + 65536),
        memory_(Budget::for_structure(bytes.size())) {
    expect_content(bytes, Content::hdf5, where_);
    read_superblock();
  }

  std::uint64_t root() const { return root_; }

  /// `size` bytes at an address, which must lie in the file.
  ByteSpan block(std::uint64_t address, std::uint64_t size, const char* what, const std::string& where) const {
    if (address > bytes_.size() || size > bytes_.size() - address)
      throw FormatError(
          where, std::string(what) + " inside the file's " + std::to_string(bytes_.size()) + " bytes",
          address == undefined ? "nothing stored" : std::to_string(size) + " bytes at " + std::to_string(address),
          "the file is damaged");
    return bytes_.subspan(address, size);
  }

  /// All messages of an object's header.
  std::vector<Message> messages(std::uint64_t address, const std::string& where) {
    const std::string place = where + ", header";
    const ByteSpan start = visit(address, 16, "an object header", place);
    std::vector<Message> found;
    std::vector<std::pair<std::uint64_t, std::uint64_t>> blocks;  // continuations still to read
    const auto read = [&](auto&& read_block) {
      for (std::size_t i = 0; i < blocks.size(); ++i) {
        const auto [offset, size] = blocks[i];
        const std::size_t before = found.size();
        read_block(offset, size, i == 0);
        for (std::size_t k = before; k < found.size(); ++k)
          if (found[k].type == 0x10) {
            ByteReader next(found[k].body, place);
            const std::uint64_t where_next = next.u64("address");
            blocks.emplace_back(where_next, next.u64("size"));
          }
      }
    };
    if (text_of(start.first(4)) == "OHDR") {
      ByteReader head(bytes_.subspan(address), place);
      head.skip(4, "mark");
      const std::uint8_t version = head.u8("version"), flags = head.u8("flags");
      if (version != 2) head.fail("an object header of version 2", std::to_string(version));
      if (flags & 0x20) head.skip(16, "times");
      if (flags & 0x10) head.skip(4, "limits");
      const std::uint64_t size = head.little(std::size_t{1} << (flags & 3), "size");
      blocks.emplace_back(address + head.position(), size);
      read([&](std::uint64_t offset, std::uint64_t length, bool first) {
        ByteSpan body = visit(offset, length, "a header block", place, first);
        if (!first) {
          if (length < 8 || text_of(body.first(4)) != "OCHK")
            throw FormatError(place, "a header block", "something else");
          body = body.subspan(4, length - 8);
        }
        ByteReader reader(body, place);
        const std::uint64_t head_size = flags & 4 ? 6 : 4;
        while (reader.remaining() >= head_size) {
          Message message{};
          message.type = reader.u8("type");
          const std::uint16_t message_size = reader.u16("size");
          message.flags = reader.u8("flags");
          if (flags & 4) reader.skip(2, "order");
          message.body = reader.take(message_size, "a message");
          add(found, message, place);
        }
      });
      return found;
    }
    ByteReader head(start, place);
    const std::uint8_t version = head.u8("version");
    if (version != 1) head.fail("an object header of version 1 or 2", std::to_string(version));
    head.skip(1, "padding");
    const std::uint16_t count = head.u16("messages");
    head.skip(4, "references");
    blocks.emplace_back(address + 16, head.u32("size"));
    read([&](std::uint64_t offset, std::uint64_t length, bool first) {
      ByteReader reader(visit(offset, length, "a header block", place, first), place);
      while (reader.remaining() >= 8 && found.size() < count) {
        Message message{};
        message.type = reader.u16("type");
        const std::uint16_t size = reader.u16("size");
        message.flags = reader.u8("flags");
        reader.skip(3, "padding");
        message.body = reader.take(size, "a message");
        add(found, message, place);
      }
    });
    if (found.size() != count)
      throw FormatError(place, std::to_string(count) + " messages", std::to_string(found.size()));
    return found;
  }

  /// The members of a group; false for anything else.
  bool links(const std::vector<Message>& messages, std::vector<Link>& found, const std::string& where) {
    bool group = false;
    for (const Message& message : messages) {
      ByteReader reader(message.body, where + ", links");
      if (message.type == 0x11) {
        group = true;
        const std::uint64_t tree = reader.u64("address"), heap = reader.u64("address");
        old_group(tree, names_heap(heap, where), found, where);
      } else if (message.type == 0x06) {
        group = true;
        add_link(message.body, found, where);
      } else if (message.type == 0x02) {
        group = true;
        reader.skip(1, "version");
        const std::uint8_t flags = reader.u8("flags");
        if (flags & 1) reader.skip(8, "order");
        const std::uint64_t heap = reader.u64("address"), tree = reader.u64("address");
        if (heap != undefined)
          for (const ByteSpan body : dense(heap, tree, 5, where)) add_link(body, found, where);
      }
    }
    return group;
  }

  void attributes(const std::vector<Message>& messages, std::vector<ByteSpan>& found, const std::string& where) {
    for (const Message& message : messages) {
      if (message.type == 0x0c) found.push_back(message.body);
      if (message.type != 0x15) continue;
      ByteReader reader(message.body, where + ", attributes");
      reader.skip(1, "version");
      const std::uint8_t flags = reader.u8("flags");
      if (flags & 1) reader.skip(2, "order");
      const std::uint64_t heap = reader.u64("address"), tree = reader.u64("address");
      if (heap != undefined)
        for (const ByteSpan body : dense(heap, tree, 8, where)) found.push_back(body);
    }
  }

  /// What a variable-length item points to in a global heap.
  ByteSpan heap_object(ByteSpan item, const std::string& where) {
    const std::uint64_t size = load_little(item.data(), 4), address = load_little(item.data() + 4, 8);
    const auto number = static_cast<std::uint32_t>(load_little(item.data() + 12, 4));
    if (size == 0) return {};
    auto heap = heaps_.find(address);
    if (heap == heaps_.end()) heap = heaps_.emplace(address, read_global_heap(address, where)).first;
    const auto object = heap->second.find(number);
    if (object == heap->second.end() || size > object->second.size())
      throw FormatError(where, "text in a heap",
                        "none of " + std::to_string(size) + " bytes as number " + std::to_string(number),
                        "the file is damaged");
    return object->second.first(size);
  }

  /// Calls place(address, stored bytes, offset of its first element) for each chunk of a version 1 tree.
  template <class Place>
  void chunk_leaves(std::uint64_t address, std::size_t rank, const std::string& where, Place&& place) {
    tree(address, 1, 8 + 8 * (rank + 1), where, [&](ByteSpan key, std::uint64_t child) {
      ByteReader reader(key, where + ", chunk");
      const std::uint32_t stored = reader.u32("size");
      if (reader.u32("mask") != 0) reader.fail("all filters on each chunk", "some left out");
      std::vector<std::uint64_t> offset(rank);
      for (std::uint64_t& value : offset) value = reader.u64("offset");
      place(child, stored, offset);
    });
  }

 private:
  static constexpr std::uint64_t undefined = ~std::uint64_t{0};
  static constexpr Index max_tree_depth = 32;

  void read_superblock() {
    ByteReader reader(bytes_, where_ + ", superblock");
    reader.skip(8, "mark");
    const std::uint8_t version = reader.u8("version");
    if (version > 3) reader.fail("a superblock of version 0 to 3", std::to_string(version));
    std::uint8_t offsets = 0, lengths = 0;
    if (version < 2) {
      reader.skip(4, "versions");
      offsets = reader.u8("size of offsets");
      lengths = reader.u8("size of lengths");
      reader.skip(1 + 4 + 4 + (version == 1 ? 4 : 0), "sizes of trees");
    } else {
      offsets = reader.u8("size of offsets");
      lengths = reader.u8("size of lengths");
      reader.skip(1, "flags");
    }
    if (offsets != 8 || lengths != 8) reader.fail("offsets and lengths of 8 bytes", "others");
    if (reader.u64("base address") != 0) reader.fail("a file without a block before it", "a base address");
    reader.skip(8, "an address");
    const std::uint64_t end = reader.u64("the end of the file");
    if (end != bytes_.size())
      reader.fail("a file of " + std::to_string(end) + " bytes", std::to_string(bytes_.size()),
                  end > bytes_.size() ? "the file is cut short" : "there is something after the end");
    if (version < 2) {
      if (reader.u64("driver") != undefined) reader.fail("one file", "one of several");
      reader.skip(8, "name");
    }
    root_ = reader.u64("the root group");
  }

  /// Bytes of a structure seen for the first time.
  ByteSpan visit(std::uint64_t address, std::uint64_t size, const char* what, const std::string& where,
                 bool known = false) {
    const ByteSpan bytes = block(address, size, what, where);
    work_.charge(size, where);
    memory_.charge(48, where);
    if (!known && !visited_.insert(address).second)
      throw FormatError(where, std::string(what) + " reached once", "one reached twice at " + std::to_string(address),
                        "the file is damaged, or has cycles or hard links to one object");
    return bytes;
  }

  void add(std::vector<Message>& found, const Message& message, const std::string& where) {
    memory_.charge(3 * sizeof(Message), where);
    // Bit 1: the body lies elsewhere, as for a committed type.
    if (message.flags & 2) throw FormatError(where, "messages of the object's own", "a shared one");
    found.push_back(message);
  }

  void add_link(ByteSpan body, std::vector<Link>& found, const std::string& where) {
    ByteReader reader(body, where + ", link");
    if (reader.u8("version") != 1) reader.fail("a link of version 1", "another");
    const std::uint8_t flags = reader.u8("flags");
    const std::uint8_t kind = flags & 8 ? reader.u8("kind") : std::uint8_t{0};
    if (flags & 4) reader.skip(8, "order");
    if (flags & 16) reader.skip(1, "character set");
    const std::uint64_t size = reader.little(std::size_t{1} << (flags & 3), "size");
    const std::string name(text_of(reader.take(size, "a name")));
    if (kind != 0)
      throw FormatError(where, "hard links", (kind == 1 ? "a soft link " : "an external link ") + shown(name),
                        "a model must not name other places");
    memory_.charge(3 * sizeof(Link) + 2 * name.size(), where);
    found.push_back({name, reader.u64("address")});
  }

  ByteSpan names_heap(std::uint64_t address, const std::string& where) {
    ByteReader reader(visit(address, 32, "a heap of names", where), where + ", heap of names");
    if (text_of(reader.take(4, "mark")) != "HEAP") reader.fail("a heap of names", "something else");
    reader.skip(4, "version");
    const std::uint64_t size = reader.u64("size");
    reader.skip(8, "free space");
    return block(reader.u64("address"), size, "a heap of names", where);
  }

  void old_group(std::uint64_t address, ByteSpan names, std::vector<Link>& found, const std::string& where) {
    tree(address, 0, 8, where, [&](ByteSpan, std::uint64_t child) {
      ByteReader head(visit(child, 8, "a node of names", where), where + ", names");
      if (text_of(head.take(4, "mark")) != "SNOD" || head.u8("version") != 1)
        head.fail("a node of names", "something else");
      head.skip(1, "padding");
      const std::uint16_t count = head.u16("count");
      ByteReader reader(block(child + 8, 40u * count, "a node of names", where), where + ", names");
      work_.charge(40u * count, where);
      for (std::uint16_t i = 0; i < count; ++i) {
        const std::uint64_t offset = reader.u64("name"), object = reader.u64("address");
        const std::uint32_t kind = reader.u32("kind");
        reader.skip(20, "padding");
        const std::string_view text = text_of(names).substr((std::min)(offset, std::uint64_t{names.size()}));
        const std::size_t end = text.find('\0');
        if (end == text.npos || end > 4096) reader.fail("a name in the heap of names", "none that ends");
        const std::string name(text.substr(0, end));
        if (kind == 2)
          throw FormatError(where, "hard links", "a soft link " + shown(name), "a model must not name other places");
        memory_.charge(3 * sizeof(Link) + 2 * name.size(), where);
        found.push_back({name, object});
      }
    });
  }

  /// Calls leaf(key, child) in order for a version 1 tree.
  template <class Leaf>
  void tree(std::uint64_t address, std::uint8_t kind, std::uint64_t key_size, const std::string& where, Leaf&& leaf,
            Index level = -1) {
    ByteReader head(visit(address, 24, "a tree node", where), where + ", tree");
    if (text_of(head.take(4, "mark")) != "TREE" || head.u8("kind") != kind) head.fail("a tree node", "something else");
    const std::uint8_t here = head.u8("level");
    if (level < 0 ? here > max_tree_depth : here != level)
      head.fail("a tree whose levels decrease", std::to_string(here));
    const std::uint16_t count = head.u16("entries");
    const std::uint64_t size = count * (key_size + 8);
    ByteReader reader(block(address + 24, size, "a tree node", where), where + ", tree");
    work_.charge(size, where);
    for (std::uint16_t i = 0; i < count; ++i) {
      const ByteSpan key = reader.take(key_size, "a key");
      const std::uint64_t child = reader.u64("a child");
      if (here == 0)
        leaf(key, child);
      else
        tree(child, kind, key_size, where, leaf, here - 1);
    }
  }

  std::unordered_map<std::uint32_t, ByteSpan> read_global_heap(std::uint64_t address, const std::string& where) {
    ByteReader head(visit(address, 16, "a heap of texts", where), where + ", heap of texts");
    if (text_of(head.take(4, "mark")) != "GCOL" || head.u8("version") != 1)
      head.fail("a heap of texts", "something else");
    head.skip(3, "padding");
    const std::uint64_t size = head.u64("size");
    if (size < 16) head.fail("a heap of at least 16 bytes", std::to_string(size));
    ByteReader reader(block(address, size, "a heap of texts", where), where + ", heap of texts");
    work_.charge(size, where);
    reader.skip(16, "head");
    std::unordered_map<std::uint32_t, ByteSpan> objects;
    while (reader.remaining() >= 16) {
      const std::uint16_t number = reader.u16("number");
      reader.skip(6, "references");
      const std::uint64_t length = reader.u64("size");
      if (number == 0) break;  // free space to the end
      memory_.charge(64, where);
      if (!objects.emplace(number, reader.take(length, "a text")).second)
        reader.fail("objects that differ", "two of number " + std::to_string(number));
      reader.skip((std::min)((8 - length % 8) % 8, reader.remaining()), "padding");
    }
    return objects;
  }

  /// Bytes that hold a number up to `limit`, as the library counts them.
  static std::size_t width_of(std::uint64_t limit) {
    return (limit == 0 ? 0 : static_cast<std::size_t>(std::bit_width(limit) - 1)) / 8 + 1;
  }

  struct FractalHeap {
    std::uint64_t width, start, largest;  ///< blocks in a row, bytes of the first and of the largest direct block
    std::uint64_t offset_bytes, length_bytes, head_bytes;
    std::map<std::uint64_t, ByteSpan> blocks;  ///< by offset in the heap's own space
  };

  /// Objects of a new group or of many attributes: a tree of records, each with a place in a heap.
  std::vector<ByteSpan> dense(std::uint64_t heap_address, std::uint64_t tree_address, std::uint8_t kind,
                              const std::string& place) {
    const std::string where = place + ", heap";
    ByteReader reader(visit(heap_address, 146, "a heap", where), where);
    if (text_of(reader.take(4, "mark")) != "FRHP" || reader.u8("version") != 0) reader.fail("a heap", "something else");
    const std::uint16_t id_size = reader.u16("size of ids"), filtered = reader.u16("filters");
    const std::uint8_t flags = reader.u8("flags");
    const std::uint32_t largest_object = reader.u32("largest object");
    reader.skip(12 * 8, "statistics");
    FractalHeap heap{};
    heap.width = reader.u16("width");
    heap.start = reader.u64("size");
    heap.largest = reader.u64("size");
    const std::uint16_t bits = reader.u16("bits");
    reader.skip(2, "rows");
    const std::uint64_t root = reader.u64("address");
    const std::uint16_t rows = reader.u16("rows");
    if (filtered != 0) reader.fail("a heap without filters", "one with filters");
    if (heap.width == 0 || heap.width > 64 || !std::has_single_bit(heap.start) || !std::has_single_bit(heap.largest) ||
        heap.start > heap.largest || heap.largest > 1u << 24 || bits < 8 || bits > 64 || rows > 64 ||
        largest_object == 0)
      reader.fail("a heap of sensible sizes", "others");
    heap.offset_bytes = (bits + 7u) / 8u;
    heap.length_bytes =
        (std::min)(width_of(heap.largest), (static_cast<std::size_t>(std::bit_width(largest_object) - 1) + 7) / 8);
    heap.head_bytes = 13 + heap.offset_bytes + (flags & 2 ? 4 : 0);
    if (root != undefined) {
      if (rows == 0)
        add_heap_block(heap, root, heap.start, 0, where);
      else
        indirect(heap, root, rows, 0, where, 0);
    }
    std::vector<ByteSpan> found;
    for (const ByteSpan record : tree_records(tree_address, kind, place)) {
      ByteReader id(record.subspan(kind == 5 ? 4 : 0, (std::min)(std::uint64_t{id_size}, record.size() - 4)), where);
      if (id.u8("id") != 0) id.fail("an object inside its heap", "a huge or tiny one");
      const std::uint64_t offset = id.little(heap.offset_bytes, "offset"), size = id.little(heap.length_bytes, "size");
      auto block_at = heap.blocks.upper_bound(offset);
      if (block_at == heap.blocks.begin()) id.fail("an object in a block of its heap", std::to_string(offset));
      --block_at;
      ByteReader body(block_at->second, where);
      body.seek(offset - block_at->first, "an object");
      memory_.charge(3 * sizeof(ByteSpan), where);
      work_.charge(size, where);
      found.push_back(body.take(size, "an object"));
    }
    return found;
  }
  void add_heap_block(FractalHeap& heap, std::uint64_t address, std::uint64_t size, std::uint64_t offset,
                      const std::string& where) {
    const ByteSpan bytes = visit(address, size, "a heap block", where);
    if (size < heap.head_bytes || text_of(bytes.first(4)) != "FHDB")
      throw FormatError(where, "a heap block", "something else");
    heap.blocks.emplace(offset, bytes);
  }
  void indirect(FractalHeap& heap, std::uint64_t address, std::uint64_t rows, std::uint64_t offset,
                const std::string& where, Index depth) {
    if (depth > 8) throw FormatError(where, "a heap at most 8 deep", "more");
    const std::uint64_t direct_rows = static_cast<std::uint64_t>(std::bit_width(heap.largest / heap.start)) + 1;
    ByteReader reader(visit(address, 13 + heap.offset_bytes + 8 * heap.width * rows, "a heap block", where), where);
    if (text_of(reader.take(4, "mark")) != "FHIB") reader.fail("a heap block", "something else");
    reader.skip(9 + heap.offset_bytes, "head");
    for (std::uint64_t row = 0; row < rows; ++row) {
      if (row > 60) reader.fail("a heap of 2^60 bytes at most", "a larger one");
      const std::uint64_t size = heap.start << (row == 0 ? 0 : row - 1);
      for (std::uint64_t column = 0; column < heap.width; ++column, offset += size) {
        const std::uint64_t child = reader.u64("address");
        if (child == undefined) continue;
        if (row < direct_rows)
          add_heap_block(heap, child, size, offset, where);
        else
          indirect(heap, child,
                   static_cast<std::uint64_t>(std::bit_width(size) - std::bit_width(heap.start * heap.width)) + 1,
                   offset, where, depth + 1);
      }
    }
  }

  struct NewTree {
    std::uint8_t kind;
    std::uint16_t record;
    std::vector<std::uint64_t> most, total;  ///< records of a node, and below it, by level
    std::size_t count_bytes;
  };

  std::vector<ByteSpan> tree_records(std::uint64_t address, std::uint8_t kind, const std::string& place) {
    const std::string where = place + ", tree";
    ByteReader reader(visit(address, 38, "a tree", where), where);
    if (text_of(reader.take(4, "mark")) != "BTHD" || reader.u8("version") != 0 || reader.u8("kind") != kind)
      reader.fail("a tree of names", "something else");
    const std::uint32_t node = reader.u32("size");
    NewTree shape{kind, reader.u16("size"), {}, {}, 0};
    const std::uint16_t depth = reader.u16("depth");
    reader.skip(2, "percentages");
    const std::uint64_t root = reader.u64("address");
    const std::uint16_t count = reader.u16("records");
    if (shape.record < (kind == 5 ? 11 : 17) || shape.record > 64 || node < 64 || node > 1u << 20 || depth > 8)
      reader.fail("a tree of sensible sizes", "others");
    shape.most.push_back((node - 10) / shape.record);
    shape.total.push_back(shape.most[0]);
    shape.count_bytes = width_of(shape.most[0]);
    for (std::uint16_t level = 1; level <= depth; ++level) {
      const std::uint64_t pointer = pointer_bytes(shape, level);
      shape.most.push_back((node - 10 - pointer) / (shape.record + pointer));
      shape.total.push_back((shape.most[level] + 1) * shape.total[level - 1u] + shape.most[level]);
    }
    std::vector<ByteSpan> records;
    if (root != undefined) node_records(shape, root, count, depth, records, where);
    return records;
  }
  static std::uint64_t pointer_bytes(const NewTree& shape, std::size_t level) {
    return 8 + shape.count_bytes + (level > 1 ? width_of(shape.total[level - 1]) : 0);
  }
  void node_records(const NewTree& shape, std::uint64_t address, std::uint64_t count, std::size_t level,
                    std::vector<ByteSpan>& records, const std::string& where) {
    const std::uint64_t pointer = level > 0 ? pointer_bytes(shape, level) : 0;
    if (count > shape.most[level])
      throw FormatError(where, "at most " + std::to_string(shape.most[level]) + " records", std::to_string(count));
    ByteReader reader(
        visit(address, 6 + count * shape.record + (level > 0 ? (count + 1) * pointer : 0), "a tree node", where),
        where);
    if (text_of(reader.take(4, "mark")) != (level > 0 ? "BTIN" : "BTLF") || reader.u8("version") != 0 ||
        reader.u8("kind") != shape.kind)
      reader.fail("a tree node", "something else");
    memory_.charge(3 * count * sizeof(ByteSpan), where);
    for (std::uint64_t i = 0; i < count; ++i) records.push_back(reader.take(shape.record, "a record"));
    for (std::uint64_t i = 0; level > 0 && i <= count; ++i) {
      const std::uint64_t child = reader.u64("address"), below = reader.little(shape.count_bytes, "records");
      if (level > 1) reader.skip(width_of(shape.total[level - 1]), "records");
      node_records(shape, child, below, level - 1, records, where);
    }
  }

  ByteSpan bytes_;
  std::string where_;
  ReadLimits limits_;
  Budget work_, memory_;
  std::uint64_t root_ = 0;
  std::unordered_set<std::uint64_t> visited_;
  std::unordered_map<std::uint64_t, std::unordered_map<std::uint32_t, ByteSpan>> heaps_;
};

}  // namespace formats

}  // namespace KEEL_ABI
}  // namespace keel
