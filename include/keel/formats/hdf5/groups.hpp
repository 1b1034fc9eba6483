#pragma once
/// What an HDF5 object's messages lead to: the members of groups old and new, attributes, chunks, heaps of texts.

#include <unordered_map>

#include <keel/formats/hdf5/dense.hpp>

namespace keel {
inline namespace KEEL_ABI {

namespace formats {

/// A member of a group.
struct Hdf5Link {
  std::string name;
  std::uint64_t address = 0;
};

/// Follows messages. Throws FormatError, also for links to other places.
class Hdf5Groups {
 public:
  explicit Hdf5Groups(Hdf5Blocks& blocks) : blocks_(blocks), dense_(blocks) {}

  /// The members of a group; false for anything else.
  bool links(const std::vector<Hdf5Message>& messages, std::vector<Hdf5Link>& found, const std::string& where) {
    bool group = false;
    for (const Hdf5Message& message : messages) {
      ByteReader reader(message.body, where + ", links");
      if (message.type == Hdf5Message::symbol_table) {
        group = true;
        const std::uint64_t tree = reader.u64("address"), heap = reader.u64("address");
        old_group(tree, names_heap(heap, where), found, where);
      } else if (message.type == Hdf5Message::link) {
        group = true;
        add_link(message.body, found, where);
      } else if (message.type == Hdf5Message::link_info) {
        group = true;
        reader.skip(1, "version");
        const std::uint8_t flags = reader.u8("flags");
        if (flags & 1) reader.skip(8, "order");
        const std::uint64_t heap = reader.u64("address"), tree = reader.u64("address");
        if (heap != Hdf5Blocks::undefined)
          for (const ByteSpan body : dense_.objects(heap, tree, Hdf5Dense::links, where)) add_link(body, found, where);
      }
    }
    return group;
  }

  void attributes(const std::vector<Hdf5Message>& messages, std::vector<ByteSpan>& found, const std::string& where) {
    for (const Hdf5Message& message : messages) {
      if (message.type == Hdf5Message::attribute) found.push_back(message.body);
      if (message.type != Hdf5Message::attribute_info) continue;
      ByteReader reader(message.body, where + ", attributes");
      reader.skip(1, "version");
      const std::uint8_t flags = reader.u8("flags");
      if (flags & 1) reader.skip(2, "order");
      const std::uint64_t heap = reader.u64("address"), tree = reader.u64("address");
      if (heap != Hdf5Blocks::undefined)
        for (const ByteSpan body : dense_.objects(heap, tree, Hdf5Dense::attributes, where)) found.push_back(body);
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
  static constexpr Index max_tree_depth = 32;

  void add_link(ByteSpan body, std::vector<Hdf5Link>& found, const std::string& where) {
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
    blocks_.memory.charge(3 * sizeof(Hdf5Link) + 2 * name.size(), where);
    found.push_back({name, reader.u64("address")});
  }

  ByteSpan names_heap(std::uint64_t address, const std::string& where) {
    ByteReader reader(blocks_.visit(address, 32, "a heap of names", where), where + ", heap of names");
    if (text_of(reader.take(4, "mark")) != "HEAP") reader.fail("a heap of names", "something else");
    reader.skip(4, "version");
    const std::uint64_t size = reader.u64("size");
    reader.skip(8, "free space");
    return blocks_.block(reader.u64("address"), size, "a heap of names", where);
  }

  void old_group(std::uint64_t address, ByteSpan names, std::vector<Hdf5Link>& found, const std::string& where) {
    tree(address, 0, 8, where, [&](ByteSpan, std::uint64_t child) {
      ByteReader head(blocks_.visit(child, 8, "a node of names", where), where + ", names");
      if (text_of(head.take(4, "mark")) != "SNOD" || head.u8("version") != 1)
        head.fail("a node of names", "something else");
      head.skip(1, "padding");
      const std::uint16_t count = head.u16("count");
      const std::uint64_t size = std::uint64_t{40} * count;
      ByteReader reader(blocks_.block(child + 8, size, "a node of names", where), where + ", names");
      blocks_.work.charge(size, where);
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
        blocks_.memory.charge(3 * sizeof(Hdf5Link) + 2 * name.size(), where);
        found.push_back({name, object});
      }
    });
  }

  /// Calls leaf(key, child) in order for a version 1 tree.
  template <class Leaf>
  void tree(std::uint64_t address, std::uint8_t kind, std::uint64_t key_size, const std::string& where, Leaf&& leaf,
            Index level = -1) {
    ByteReader head(blocks_.visit(address, 24, "a tree node", where), where + ", tree");
    if (text_of(head.take(4, "mark")) != "TREE" || head.u8("kind") != kind) head.fail("a tree node", "something else");
    const std::uint8_t here = head.u8("level");
    if (level < 0 ? here > max_tree_depth : here != level)
      head.fail("a tree whose levels decrease", std::to_string(here));
    const std::uint16_t count = head.u16("entries");
    const std::uint64_t size = count * (key_size + 8);
    ByteReader reader(blocks_.block(address + 24, size, "a tree node", where), where + ", tree");
    blocks_.work.charge(size, where);
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
    ByteReader head(blocks_.visit(address, 16, "a heap of texts", where), where + ", heap of texts");
    if (text_of(head.take(4, "mark")) != "GCOL" || head.u8("version") != 1)
      head.fail("a heap of texts", "something else");
    head.skip(3, "padding");
    const std::uint64_t size = head.u64("size");
    if (size < 16) head.fail("a heap of at least 16 bytes", std::to_string(size));
    ByteReader reader(blocks_.block(address, size, "a heap of texts", where), where + ", heap of texts");
    blocks_.work.charge(size, where);
    reader.skip(16, "head");
    std::unordered_map<std::uint32_t, ByteSpan> objects;
    while (reader.remaining() >= 16) {
      const std::uint16_t number = reader.u16("number");
      reader.skip(6, "references");
      const std::uint64_t length = reader.u64("size");
      if (number == 0) break;  // free space to the end
      blocks_.memory.charge(64, where);
      if (!objects.emplace(number, reader.take(length, "a text")).second)
        reader.fail("objects that differ", "two of number " + std::to_string(number));
      reader.skip((std::min)((8 - length % 8) % 8, reader.remaining()), "padding");
    }
    return objects;
  }

  Hdf5Blocks& blocks_;
  Hdf5Dense dense_;
  std::unordered_map<std::uint64_t, std::unordered_map<std::uint32_t, ByteSpan>> heaps_;
};

}  // namespace formats

}  // namespace KEEL_ABI
}  // namespace keel
