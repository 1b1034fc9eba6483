#pragma once
/// Where newer HDF5 files keep the links and attributes of an object that has many: a fractal heap of objects, and a
/// version 2 tree of records that say where in the heap each lies.

#include <bit>
#include <map>

#include <keel/formats/hdf5/header.hpp>

namespace keel {
inline namespace KEEL_ABI {

namespace formats {

/// Reads all objects of dense storage. Throws FormatError.
class Hdf5Dense {
 public:
  static constexpr std::uint8_t links = 5, attributes = 8;  ///< kinds of trees, sorted by name

  explicit Hdf5Dense(Hdf5Blocks& blocks) : blocks_(blocks) {}

  std::vector<ByteSpan> objects(std::uint64_t heap_address, std::uint64_t tree_address, std::uint8_t kind,
                                const std::string& place) {
    const std::string where = place + ", heap";
    const FractalHeap heap = read_heap(heap_address, where);
    std::vector<ByteSpan> found;
    for (const ByteSpan record : tree_records(tree_address, kind, place)) {
      ByteReader id(record.subspan(kind == links ? 4 : 0, (std::min<std::uint64_t>)(heap.id_size, record.size() - 4)),
                    where);
      if (id.u8("id") != 0) id.fail("an object inside its heap", "a huge or tiny one");
      const std::uint64_t offset = id.little(heap.offset_bytes, "offset"), size = id.little(heap.length_bytes, "size");
      auto block_at = heap.blocks.upper_bound(offset);
      if (block_at == heap.blocks.begin()) id.fail("an object in a block of its heap", std::to_string(offset));
      --block_at;
      ByteReader body(block_at->second, where);
      body.seek(offset - block_at->first, "an object");
      blocks_.memory.charge(3 * sizeof(ByteSpan), where);
      blocks_.work.charge(size, where);
      found.push_back(body.take(size, "an object"));
    }
    return found;
  }

 private:
  /// Bytes that hold a number up to `limit`, as the library counts them.
  static std::size_t width_of(std::uint64_t limit) { return (limit == 0 ? 0 : bits_in(limit) - 1) / 8 + 1; }
  /// std::bit_width, whose result is the argument's type in one standard library and int in another.
  static std::size_t bits_in(std::uint64_t value) { return 64 - static_cast<std::size_t>(std::countl_zero(value)); }

  struct FractalHeap {
    std::uint64_t width = 0, start = 0, largest = 0;  ///< blocks in a row, bytes of the first and largest direct block
    std::uint64_t id_size = 0, offset_bytes = 0, length_bytes = 0, head_bytes = 0;
    std::map<std::uint64_t, ByteSpan> blocks;  ///< by offset in the heap's own space
  };

  FractalHeap read_heap(std::uint64_t address, const std::string& where) {
    ByteReader reader(blocks_.visit(address, 146, "a heap", where), where);
    if (text_of(reader.take(4, "mark")) != "FRHP" || reader.u8("version") != 0) reader.fail("a heap", "something else");
    FractalHeap heap;
    heap.id_size = reader.u16("size of ids");
    const std::uint16_t filtered = reader.u16("filters");
    const std::uint8_t flags = reader.u8("flags");
    const std::uint32_t largest_object = reader.u32("largest object");
    reader.skip(std::uint64_t{12} * 8, "statistics");
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
    heap.length_bytes = (std::min)(width_of(heap.largest), (bits_in(largest_object) - 1 + 7) / 8);
    heap.head_bytes = 13 + heap.offset_bytes + (flags & 2 ? 4 : 0);
    if (root != Hdf5Blocks::undefined) {
      if (rows == 0)
        add_heap_block(heap, root, heap.start, 0, where);
      else
        indirect(heap, root, rows, 0, where, 0);
    }
    return heap;
  }
  void add_heap_block(FractalHeap& heap, std::uint64_t address, std::uint64_t size, std::uint64_t offset,
                      const std::string& where) {
    const ByteSpan bytes = blocks_.visit(address, size, "a heap block", where);
    if (size < heap.head_bytes || text_of(bytes.first(4)) != "FHDB")
      throw FormatError(where, "a heap block", "something else");
    heap.blocks.emplace(offset, bytes);
  }
  void indirect(FractalHeap& heap, std::uint64_t address, std::uint64_t rows, std::uint64_t offset,
                const std::string& where, Index depth) {
    if (depth > 8) throw FormatError(where, "a heap at most 8 deep", "more");
    const std::uint64_t direct_rows = bits_in(heap.largest / heap.start) + 1;
    ByteReader reader(blocks_.visit(address, 13 + heap.offset_bytes + 8 * heap.width * rows, "a heap block", where),
                      where);
    if (text_of(reader.take(4, "mark")) != "FHIB") reader.fail("a heap block", "something else");
    reader.skip(9 + heap.offset_bytes, "head");
    for (std::uint64_t row = 0; row < rows; ++row) {
      if (row > 60) reader.fail("a heap of 2^60 bytes at most", "a larger one");
      const std::uint64_t size = heap.start << (row == 0 ? 0 : row - 1);
      for (std::uint64_t column = 0; column < heap.width; ++column, offset += size) {
        const std::uint64_t child = reader.u64("address");
        if (child == Hdf5Blocks::undefined) continue;
        if (row < direct_rows)
          add_heap_block(heap, child, size, offset, where);
        else
          indirect(heap, child, bits_in(size) - bits_in(heap.start * heap.width) + 1, offset, where, depth + 1);
      }
    }
  }

  struct NewTree {
    std::uint8_t kind = 0;
    std::uint16_t record = 0;                ///< bytes of one
    std::vector<std::uint64_t> most, total;  ///< records of a node, and below it, by level
    std::size_t count_bytes = 0;
  };

  std::vector<ByteSpan> tree_records(std::uint64_t address, std::uint8_t kind, const std::string& place) {
    const std::string where = place + ", tree";
    ByteReader reader(blocks_.visit(address, 38, "a tree", where), where);
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
    if (root != Hdf5Blocks::undefined) node_records(shape, root, count, depth, records, where);
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
    ByteReader reader(blocks_.visit(address, 6 + count * shape.record + (level > 0 ? (count + 1) * pointer : 0),
                                    "a tree node", where),
                      where);
    if (text_of(reader.take(4, "mark")) != (level > 0 ? "BTIN" : "BTLF") || reader.u8("version") != 0 ||
        reader.u8("kind") != shape.kind)
      reader.fail("a tree node", "something else");
    blocks_.memory.charge(3 * count * sizeof(ByteSpan), where);
    for (std::uint64_t i = 0; i < count; ++i) records.push_back(reader.take(shape.record, "a record"));
    for (std::uint64_t i = 0; level > 0 && i <= count; ++i) {
      const std::uint64_t child = reader.u64("address"), below = reader.little(shape.count_bytes, "records");
      if (level > 1) reader.skip(width_of(shape.total[level - 1]), "records");
      node_records(shape, child, below, level - 1, records, where);
    }
  }

  Hdf5Blocks& blocks_;
};

}  // namespace formats

}  // namespace KEEL_ABI
}  // namespace keel
