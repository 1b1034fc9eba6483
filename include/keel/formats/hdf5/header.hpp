#pragma once
/// An HDF5 file's superblock, and the headers of its objects as lists of messages.

#include <keel/formats/archive.hpp>
#include <keel/formats/content.hpp>

namespace keel {
inline namespace KEEL_ABI {

namespace formats {

/// The bytes of a file and how much of them was walked. No address is visited twice, and all together are at most
/// four times the file.
class Hdf5Blocks {
 public:
  static constexpr std::uint64_t undefined = ~std::uint64_t{0};

  Hdf5Blocks(FileBytes bytes, std::string where)
      : work(4 * bytes.size() + 65536),
        memory(Budget::for_structure(bytes.size())),
        bytes_(std::move(bytes)),
        where_(std::move(where)) {
    expect_content(bytes_, Content::hdf5, where_);
    read_superblock();
  }

  std::uint64_t root() const { return root_; }

  /// `size` bytes at an address, which must lie in the file, to be read when they are looked at.
  FileBytes place(std::uint64_t address, std::uint64_t size, const char* what, const std::string& where) const {
    if (address > bytes_.size() || size > bytes_.size() - address)
      throw FormatError(
          where, std::string(what) + " inside the file's " + std::to_string(bytes_.size()) + " bytes",
          address == undefined ? "nothing stored" : std::to_string(size) + " bytes at " + std::to_string(address),
          "the file is damaged");
    return bytes_.part(address, size);
  }
  /// The same, read.
  ByteSpan block(std::uint64_t address, std::uint64_t size, const char* what, const std::string& where) const {
    return place(address, size, what, where).view(0, size);
  }

  /// Bytes of a structure seen for the first time.
  ByteSpan visit(std::uint64_t address, std::uint64_t size, const char* what, const std::string& where,
                 bool known = false) {
    const ByteSpan bytes = block(address, size, what, where);
    work.charge(size, where);
    memory.charge(48, where);
    if (!known && !visited_.insert(address).second)
      throw FormatError(where, std::string(what) + " reached once", "one reached twice at " + std::to_string(address),
                        "the file is damaged, or has cycles or hard links to one object");
    return bytes;
  }

  /// All from an address on, which was visited before.
  FileBytes after(std::uint64_t address) const { return bytes_.part(address, bytes_.size() - address); }

  Budget work, memory;  ///< bytes walked, and bytes of what is built from them

 private:
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

  FileBytes bytes_;
  std::string where_;
  std::uint64_t root_ = 0;
  std::unordered_set<std::uint64_t> visited_;
};

/// A part of an object's header.
struct Hdf5Message {
  /// The kinds that keel reads.
  enum Type : std::uint16_t {
    shape = 0x01,
    link_info = 0x02,
    value_type = 0x03,
    link = 0x06,
    external_files = 0x07,
    layout = 0x08,
    filters = 0x0b,
    attribute = 0x0c,
    continuation = 0x10,
    symbol_table = 0x11,
    attribute_info = 0x15,
  };
  std::uint16_t type = 0;
  std::uint8_t flags = 0;
  ByteSpan body;
};

/// All messages of one object's header, of either generation. Throws FormatError.
class Hdf5Header {
 public:
  Hdf5Header(Hdf5Blocks& blocks, std::uint64_t address, const std::string& where)
      : blocks_(blocks), where_(where + ", header") {
    const ByteSpan start = blocks.visit(address, 16, "an object header", where_);
    if (text_of(start.first(4)) == "OHDR")
      read_new(address);
    else
      read_old(address, start);
  }

  std::vector<Hdf5Message> messages;

 private:
  /// Reads a block of messages and every one that continues it: read_block(address, size, whether it is the first).
  template <class ReadBlock>
  void read_blocks(std::uint64_t address, std::uint64_t size, ReadBlock&& read_block) {
    std::vector<std::pair<std::uint64_t, std::uint64_t>> ahead{{address, size}};
    for (std::size_t i = 0; i < ahead.size(); ++i) {
      const std::size_t before = messages.size();
      read_block(ahead[i].first, ahead[i].second, i == 0);
      for (std::size_t k = before; k < messages.size(); ++k) {
        if (messages[k].type != Hdf5Message::continuation) continue;
        ByteReader next(messages[k].body, where_);
        const std::uint64_t next_address = next.u64("address");
        ahead.emplace_back(next_address, next.u64("size"));
      }
    }
  }

  void read_new(std::uint64_t address) {
    ByteReader head(blocks_.after(address), where_);
    head.skip(4, "mark");
    const std::uint8_t version = head.u8("version"), flags = head.u8("flags");
    if (version != 2) head.fail("an object header of version 2", std::to_string(version));
    if ((flags & 0x20) != 0) head.skip(16, "times");
    if ((flags & 0x10) != 0) head.skip(4, "limits");
    const std::uint64_t size = head.little(std::size_t{1} << (flags & 3), "size");
    const bool ordered = (flags & 4) != 0;
    read_blocks(address + head.position(), size, [&](std::uint64_t offset, std::uint64_t length, bool first) {
      ByteSpan body = blocks_.visit(offset, length, "a header block", where_, first);
      if (!first) {
        if (length < 8 || text_of(body.first(4)) != "OCHK")
          throw FormatError(where_, "a header block", "something else");
        body = body.subspan(4, length - 8);
      }
      ByteReader reader(body, where_);
      while (reader.remaining() >= (ordered ? 6 : 4)) {
        Hdf5Message message;
        message.type = reader.u8("type");
        const std::uint16_t message_size = reader.u16("size");
        message.flags = reader.u8("flags");
        if (ordered) reader.skip(2, "order");
        message.body = reader.take(message_size, "a message");
        add(message);
      }
    });
  }

  void read_old(std::uint64_t address, ByteSpan start) {
    ByteReader head(start, where_);
    const std::uint8_t version = head.u8("version");
    if (version != 1) head.fail("an object header of version 1 or 2", std::to_string(version));
    head.skip(1, "padding");
    const std::uint16_t count = head.u16("messages");
    head.skip(4, "references");
    read_blocks(address + 16, head.u32("size"), [&](std::uint64_t offset, std::uint64_t length, bool first) {
      ByteReader reader(blocks_.visit(offset, length, "a header block", where_, first), where_);
      while (reader.remaining() >= 8 && messages.size() < count) {
        Hdf5Message message;
        message.type = reader.u16("type");
        const std::uint16_t size = reader.u16("size");
        message.flags = reader.u8("flags");
        reader.skip(3, "padding");
        message.body = reader.take(size, "a message");
        add(message);
      }
    });
    if (messages.size() != count)
      throw FormatError(where_, std::to_string(count) + " messages", std::to_string(messages.size()));
  }

  void add(const Hdf5Message& message) {
    blocks_.memory.charge(3 * sizeof(Hdf5Message), where_);
    // Bit 1: the body lies elsewhere, as for a committed type.
    if ((message.flags & 2) != 0) throw FormatError(where_, "messages of the object's own", "a shared one");
    messages.push_back(message);
  }

  Hdf5Blocks& blocks_;
  std::string where_;
};

}  // namespace formats

}  // namespace KEEL_ABI
}  // namespace keel
