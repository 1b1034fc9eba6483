#pragma once
/// The zip containers of .keras, .pt and .npz files. Names are keys and are never used as paths.
/// Only the central directory is believed, and every local header has to agree with it; members may not overlap,
/// be encrypted, expand beyond their declared size or fail their checksum. Stored members need no library;
/// deflated ones need zlib (Debian: zlib1g-dev).
/// https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT

#include <algorithm>
#include <deque>

#include <keel/formats/archive.hpp>
#include <keel/formats/atomic_file.hpp>
#include <keel/formats/content.hpp>
#include <keel/formats/deflate.hpp>

namespace keel {
inline namespace KEEL_ABI {

struct ZipMember {
  std::string name;
  bool deflated = false;
  std::uint32_t crc = 0;
  std::uint64_t stored_bytes = 0, bytes = 0;  ///< in the file, and inflated
  std::uint64_t header = 0, data = 0;         ///< offsets of the local header and of the data
};

/// The members of a zip archive. Bytes in memory must outlive it.
class ZipReader {
 public:
  ZipReader(formats::FileBytes bytes, std::string where, const ReadLimits& limits = {})
      : bytes_(std::move(bytes)),
        where_(std::move(where)),
        limits_(limits),
        expansion_(formats::Budget::for_tensors(bytes_.size(), limits)) {
    formats::expect_content(bytes_, Content::zip, where_);
    read_directory();
  }

  const std::vector<ZipMember>& members() const { return members_; }
  const std::string& where() const { return where_; }
  const ReadLimits& limits() const { return limits_; }
  const ZipMember* find(std::string_view name) const {
    for (const ZipMember& member : members_)
      if (member.name == name) return &member;
    return nullptr;
  }

  /// The member's content, its checksum verified: in the archive's memory where it is stored there, else in `storage`.
  ByteSpan read(const ZipMember& member, Bytes& storage) {
    const formats::FileBytes content = open(member, storage);
    return content.read(0, content.size(), storage);
  }
  /// The same, left in the archive's file where it is stored; `storage` has to outlive it.
  formats::FileBytes open(const ZipMember& member, Bytes& storage) {
    const std::string where = where_ + ": " + member.name;
    formats::FileBytes content = bytes_.part(member.data, member.stored_bytes);
    if (member.deflated) {
      // Deflate cannot expand by more than 1032 to 1.
      if (member.bytes / 1032 > member.stored_bytes)
        throw FormatError(where, "at most 1032 times its " + std::to_string(member.stored_bytes) + " deflated bytes",
                          std::to_string(member.bytes), "a zip bomb");
      expansion_.charge(member.bytes, where);
      Bytes deflated;
      const ByteSpan source = content.read(0, content.size(), deflated);
      storage.resize(member.bytes);
      formats::inflate_exactly(source, storage, true, where);
      content = storage;
    }
    std::uint32_t crc = 0;
    content.for_each_block([&](ByteSpan block) { crc = formats::crc32_of(block, crc); });
    if (crc != member.crc)
      throw FormatError(where, "data with its checksum", "a wrong checksum (CRC-32)", "the file is damaged");
    return content;
  }

 private:
  static constexpr std::uint32_t local_mark = 0x04034b50, central_mark = 0x02014b50, end_mark = 0x06054b50,
                                 end64_mark = 0x06064b50, locator_mark = 0x07064b50;
  static constexpr std::uint64_t full16 = 0xffff, full32 = 0xffffffff;

  void read_directory() {
    if (bytes_.size() < 22) throw FormatError(where_, "a zip archive", std::to_string(bytes_.size()) + " bytes");
    formats::ByteReader end(bytes_.part(bytes_.size() - 22, 22), where_ + ", end of directory");
    if (end.u32("mark") != end_mark)
      throw FormatError(where_, "a zip directory at the end of the file", "none",
                        "the file is cut short, or something follows the archive");
    const std::uint64_t disk = end.u16("disk"), first_disk = end.u16("disk");
    std::uint64_t here = end.u16("members"), count = end.u16("members");
    std::uint64_t size = end.u32("size"), start = end.u32("offset");
    if (disk != 0 || first_disk != 0 || end.u16("comment") != 0)
      throw FormatError(where_, "one zip archive in one file", "parts or a comment");
    std::uint64_t finish = bytes_.size() - 22;
    if (finish >= 20 + 56 && formats::load_little(bytes_.view(finish - 20, 4).data(), 4) == locator_mark) {
      const std::uint64_t record = formats::load_little(bytes_.view(finish - 12, 8).data(), 8);
      if (record != finish - 20 - 56)
        throw FormatError(where_, "a zip64 end of directory right before its locator", std::to_string(record));
      formats::ByteReader end64(bytes_.part(record, 56), where_ + ", zip64 end of directory");
      if (end64.u32("mark") != end64_mark || end64.u64("size") != 44)
        end64.fail("a zip64 end of directory", "something else");
      end64.skip(4 + 8, "versions and disks");
      agree(here, full16, end64.u64("members"));
      agree(count, full16, end64.u64("members"));
      agree(size, full32, end64.u64("size"));
      agree(start, full32, end64.u64("offset"));
      finish = record;
    }
    if (here != count || start > finish || size != finish - start)
      throw FormatError(where_, "a zip directory that ends the file",
                        "offset " + std::to_string(start) + ", size " + std::to_string(size) + ", " +
                            std::to_string(count) + " members",
                        "the file is damaged, or something stands before the archive");
    if (count > limits_.members || count > size / 46)
      throw FormatError(where_, "at most " + std::to_string((std::min)(limits_.members, size / 46)) + " members",
                        std::to_string(count));
    formats::Budget budget = formats::Budget::for_structure(bytes_.size());
    formats::NameSet names;
    formats::ByteReader central(bytes_.part(0, finish), where_ + ", directory");
    central.seek(start, "the directory");
    for (std::uint64_t i = 0; i < count; ++i) {
      ZipMember member = read_member(central);
      budget.charge(sizeof(ZipMember) + 3 * member.name.size() + 64, where_);
      names.add(member.name, where_);
      members_.push_back(std::move(member));
    }
    if (central.remaining() != 0) central.fail("the end of the directory", "more");
    check_ranges(start);
  }

  void agree(std::uint64_t& value, std::uint64_t full, std::uint64_t wide) const {
    if (value != full && value != wide)
      throw FormatError(where_, "a zip64 directory that agrees with the plain one",
                        std::to_string(wide) + " and " + std::to_string(value));
    value = wide;
  }

  /// Replaces sizes that say "see zip64" by those of the extra field; returns false when it lacks one.
  static bool widen(ByteSpan extra, std::initializer_list<std::uint64_t*> values, const std::string& where) {
    bool wanted = false;
    for (const std::uint64_t* value : values) wanted = wanted || *value == full32;
    formats::ByteReader fields(extra, where);
    bool found = false;
    while (fields.remaining() >= 4) {
      const std::uint16_t id = fields.u16("extra field");
      formats::ByteReader field(fields.take(fields.u16("extra field"), "extra field"), where);
      if (id != 1) continue;
      if (found) return false;
      found = true;
      for (std::uint64_t* value : values)
        if (*value == full32) {
          if (field.remaining() < 8) return false;
          *value = field.u64("zip64 size");
        }
    }
    return found || !wanted;
  }

  ZipMember read_member(formats::ByteReader& central) const {
    if (central.u32("mark") != central_mark) central.fail("a member of the directory", "something else");
    central.skip(4, "versions");
    const std::uint16_t flags = central.u16("flags"), method = central.u16("method");
    central.skip(4, "time");
    ZipMember member;
    member.crc = central.u32("checksum");
    member.stored_bytes = central.u32("size");
    member.bytes = central.u32("size");
    const std::uint16_t name_length = central.u16("name length"), extra_length = central.u16("extra length"),
                        comment_length = central.u16("comment length"), disk = central.u16("disk");
    central.skip(6, "attributes");
    member.header = central.u32("offset");
    member.name = formats::text_of(central.take(name_length, "name"));
    const ByteSpan extra = central.take(extra_length, "extra field");
    central.skip(comment_length, "comment");

    const std::string where = where_ + ": " + formats::shown(member.name);
    const auto fail = [&](const std::string& expected, const std::string& got) {
      throw FormatError(where, expected, got);
    };
    if (disk != 0) fail("a member in this file", "one of another part");
    if (!widen(extra, {&member.bytes, &member.stored_bytes, &member.header}, where))
      fail("a zip64 field with the sizes", "none or two");
    const std::string raw_name = member.name;
    std::replace(member.name.begin(), member.name.end(), '\\', '/');  // as some programs on Windows write paths
    check_name(member.name, where);
    if (flags & (1 | 1 << 6 | 1 << 13)) fail("a member that is not encrypted", "an encrypted one");
    if (method != 0 && method != 8)
      fail("a member stored (0) or deflated (8)", "compression method " + std::to_string(method));
    member.deflated = method == 8;
    if (!member.deflated && member.bytes != member.stored_bytes)
      fail("a stored member of " + std::to_string(member.stored_bytes) + " bytes", std::to_string(member.bytes));

    formats::ByteReader local(bytes_, where);
    local.seek(member.header, "the local header");
    if (local.u32("mark of the local header") != local_mark) fail("a local header", "something else");
    local.skip(2, "version");
    const std::uint16_t local_flags = local.u16("flags"), local_method = local.u16("method");
    local.skip(4, "time");
    const std::uint32_t crc = local.u32("checksum");
    std::uint64_t stored_bytes = local.u32("size"), bytes = local.u32("size");
    const std::uint16_t local_name = local.u16("name length"), local_extra = local.u16("extra length");
    if (formats::text_of(local.take(local_name, "name")) != raw_name)
      fail("the same name in the local header", "another");
    const ByteSpan local_fields = local.take(local_extra, "extra field");
    if (!widen(local_fields, {&bytes, &stored_bytes}, where)) fail("a zip64 field with the sizes", "none or two");
    const bool later = local_flags & 8;  // checksum and sizes follow the data; zeros stand here
    const auto same = [&](std::uint64_t here, std::uint64_t there) { return here == there || (later && here == 0); };
    if (local_method != method || (local_flags & 1) != 0 || !same(crc, member.crc) ||
        !same(stored_bytes, member.stored_bytes) || !same(bytes, member.bytes))
      fail("a local header that agrees with the directory", "another method, checksum or size");
    local.skip(member.stored_bytes, "data");
    member.data = local.position() - member.stored_bytes;
    return member;
  }

  static void check_name(const std::string& name, const std::string& where) {
    if (name.empty() || name.front() == '/' || name.find_first_of(std::string_view(":\0", 2)) != name.npos)
      throw FormatError(where, "a relative name", "an empty, absolute or foreign one");
    for (std::size_t at = 0; at <= name.size();) {
      const std::size_t next = (std::min)(name.find('/', at), name.size());
      if (const std::string_view part = std::string_view(name).substr(at, next - at); part == ".." || part == ".")
        throw FormatError(where, "a name without . and ..", "one with it");
      at = next + 1;
    }
  }

  void check_ranges(std::uint64_t directory) const {
    std::vector<const ZipMember*> order;
    for (const ZipMember& member : members_) order.push_back(&member);
    std::sort(order.begin(), order.end(), [](auto* a, auto* b) { return a->header < b->header; });
    if (!order.empty() && order.front()->header != 0)
      throw FormatError(where_, "an archive from the first byte on",
                        std::to_string(order.front()->header) + " bytes before it");
    std::uint64_t end = 0;
    for (const ZipMember* member : order) {
      if (member->header < end)
        throw FormatError(where_ + ": " + member->name, "members one after the other", "overlapping ones",
                          "a zip bomb");
      end = member->data + member->stored_bytes;
    }
    if (end > directory) throw FormatError(where_, "members before the directory", "an overlap with it");
  }

  formats::FileBytes bytes_;
  std::string where_;
  ReadLimits limits_;
  formats::Budget expansion_;
  std::vector<ZipMember> members_;
};

/// Writes a zip of stored members, the same bytes for the same members. The contents must live until `write`.
class ZipWriter {
 public:
  /// `alignment` pads the header so that the content starts at a multiple of it, as PyTorch does (64).
  void add(const std::string& name, ByteSpan content, std::uint64_t alignment = 1) {
    const std::uint64_t padding = (alignment - (offset_ + 30 + name.size() + 4) % alignment) % alignment;
    const std::uint64_t extra = alignment > 1 ? 4 + padding : 0;
    if (offset_ + content.size() + name.size() + extra + 128 > 0xffffffffu - directory_.size() || count_ == 0xfffe)
      throw FormatError(name, "a zip archive of at most 4 GiB and 65534 members", "more",
                        "save as .safetensors, which has no such limit");
    std::string fields;  // what the local header and the directory share
    formats::append_little(fields, 20, 2);
    formats::append_little(fields, 0, 2 + 2 + 2);  // flags, stored, time
    formats::append_little(fields, 0x21, 2);       // 1980-01-01
    formats::append_little(fields, formats::crc32_of(content), 4);
    formats::append_little(fields, content.size(), 4);
    formats::append_little(fields, content.size(), 4);
    formats::append_little(fields, name.size(), 2);

    std::string header = "PK\3\4" + fields;
    formats::append_little(header, extra, 2);
    header += name;
    if (extra != 0) {
      header += "FB";
      formats::append_little(header, padding, 2);
      header.append(padding, 'Z');
    }
    directory_ += "PK\1\2";
    formats::append_little(directory_, 20, 2);
    directory_ += fields;
    directory_.append(2 + 2 + 2 + 2 + 4, '\0');  // extra, comment, disk, attributes
    formats::append_little(directory_, offset_, 4);
    directory_ += name;
    offset_ += header.size() + content.size();
    ++count_;
    texts_.push_back(std::move(header));
    parts_.push_back(formats::bytes_of(texts_.back()));
    parts_.push_back(content);
  }
  /// The same, keeping the content itself.
  void add_text(const std::string& name, std::string content, std::uint64_t alignment = 1) {
    texts_.push_back(std::move(content));
    add(name, formats::bytes_of(texts_.back()), alignment);
  }

  /// Replaces the file at once, or throws and changes nothing.
  void write(const std::string& path) const {
    const std::string end = tail();
    std::vector<ByteSpan> parts = parts_;
    parts.push_back(formats::bytes_of(end));
    write_file(path, parts);
  }
  Bytes bytes() const {
    const std::string end = tail();
    Bytes all;
    all.reserve(offset_ + end.size());
    for (const ByteSpan part : parts_) all.insert(all.end(), part.begin(), part.end());
    all.insert(all.end(), formats::bytes_of(end).begin(), formats::bytes_of(end).end());
    return all;
  }

 private:
  std::string tail() const {
    std::string end = directory_ + "PK\5\6";
    formats::append_little(end, 0, 2 + 2);
    formats::append_little(end, count_, 2);
    formats::append_little(end, count_, 2);
    formats::append_little(end, directory_.size(), 4);
    formats::append_little(end, offset_, 4);
    formats::append_little(end, 0, 2);
    return end;
  }

  std::deque<std::string> texts_;
  std::vector<ByteSpan> parts_;
  std::string directory_;
  std::uint64_t offset_ = 0, count_ = 0;
};

}  // namespace KEEL_ABI
}  // namespace keel
