#pragma once
/// What every reader of a file stands on: the bytes of one open file, read when they are looked at, a cursor that
/// checks each length against what is left before anything is allocated, and a budget for what is built from them.

#include <cerrno>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include <keel/tensor/tensor.hpp>

#if defined(_WIN32)
#include <keel/formats/files_windows.hpp>
#else
#include <keel/formats/files_posix.hpp>
#endif

namespace keel {
inline namespace KEEL_ABI {

/// What a reader may use. Memory for structure is bounded by the file's size (see Budget); these bound the rest.
struct ReadLimits {
  std::uint64_t file_bytes = std::uint64_t{1} << 36;    ///< largest file that is read at all: 64 GiB
  std::uint64_t tensor_bytes = std::uint64_t{1} << 32;  ///< what tensors may expand to beyond the file's size
  std::uint64_t header_bytes = 100'000'000;             ///< largest JSON or text header
  std::uint64_t members = 100'000;                      ///< members of a zip, objects of an HDF5 file
  Index depth = 64;                                     ///< nesting of JSON, pickles and groups
};

namespace formats {

inline std::string_view text_of(ByteSpan bytes) { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }
inline ByteSpan bytes_of(std::string_view text) {
  return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}

/// a * b, or false when it does not fit.
inline bool multiply(std::uint64_t a, std::uint64_t b, std::uint64_t& product) {
  product = a * b;
  return a == 0 || product / a == b;
}

/// Unsigned little-endian value of `size` bytes (at most 8), whatever the machine's byte order.
inline std::uint64_t load_little(const std::byte* from, std::size_t size) {
  std::uint64_t value = 0;
  for (std::size_t i = size; i-- > 0;) value = value << 8 | std::to_integer<std::uint64_t>(from[i]);
  return value;
}
template <class Buffer>
void append_little(Buffer& to, std::uint64_t value, std::size_t size) {
  for (std::size_t i = 0; i < size; ++i)
    to.push_back(static_cast<typename Buffer::value_type>(value >> (8 * i) & 0xff));
}

/// Text from a file as it may be shown in an error: at most 60 bytes, anything unprintable as `\xNN`.
inline std::string shown(std::string_view text) {
  constexpr const char* digits = "0123456789abcdef";
  std::string out = "'";
  for (const char character : text.substr(0, 60)) {
    const auto code = static_cast<unsigned char>(character);
    if (code >= 0x20 && code < 0x7f)
      out += character;
    else
      out += {'\\', 'x', digits[code >> 4], digits[code & 15]};
  }
  return out + (text.size() > 60 ? "...'" : "'");
}

/// Bytes of the UTF-8 character that a text begins with, as RFC 3629 has it: no overlong forms, no surrogates,
/// nothing above U+10FFFF. 0 if there is none.
inline std::size_t utf8_length(std::string_view text) {
  if (text.empty()) return 0;
  const auto lead = static_cast<unsigned char>(text[0]);
  if (lead < 0x80) return 1;
  const std::size_t length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (lead < 0xc2 || lead > 0xf4 || text.size() < length) return 0;
  std::uint32_t code = lead & (0x7fu >> length);
  for (std::size_t i = 1; i < length; ++i) {
    const auto next = static_cast<unsigned char>(text[i]);
    if ((next & 0xc0) != 0x80) return 0;
    code = code << 6 | (next & 0x3fu);
  }
  if (length == 3 && (code < 0x800 || (code >= 0xd800 && code < 0xe000))) return 0;
  return length == 4 && (code < 0x10000 || code > 0x10ffff) ? 0 : length;
}
inline bool valid_utf8(std::string_view text) {
  while (const std::size_t length = utf8_length(text)) text.remove_prefix(length);
  return text.empty();
}

/// Counts what is built from a file against a limit, over the whole file. Throws FormatError beyond it.
class Budget {
 public:
  explicit Budget(std::uint64_t limit) : limit_(limit) {}
  /// For names, tree nodes and the like of a file of this size.
  static Budget for_structure(std::uint64_t file_size) { return Budget(2 * file_size + (std::uint64_t{12} << 20)); }
  /// For the values of tensors, which a compressed file may expand.
  static Budget for_tensors(std::uint64_t file_size, const ReadLimits& limits) {
    std::uint64_t expanded = 0;
    if (!multiply(file_size, 1032, expanded)) expanded = limits.tensor_bytes;
    return Budget((std::max)(file_size, (std::min)(expanded, limits.tensor_bytes)));
  }

  void charge(std::uint64_t bytes, const std::string& where) {
    if (bytes > limit_ - used_)
      throw FormatError(where, "a file that needs at most " + std::to_string(limit_) + " bytes of memory",
                        "one that asks for " + std::to_string(bytes) + " more after " + std::to_string(used_),
                        "it is damaged, or far larger than its size on disk; ReadLimits bounds its tensors");
    used_ += bytes;
  }

 private:
  std::uint64_t limit_;
  std::uint64_t used_ = 0;
};

/// The shape of a tensor in a file, and its size in bytes. Refuses more than 8 axes, extents and sizes over 2^40.
inline Shape checked_shape(std::span<const std::uint64_t> dims, std::uint64_t item_bytes, std::uint64_t& bytes,
                           const std::string& where) {
  const auto listed = [&] {
    std::string text = "[";
    for (std::size_t i = 0; i < dims.size() && i < 12; ++i) text += (i ? ", " : "") + std::to_string(dims[i]);
    return text + (dims.size() > 12 ? ", ...]" : "]");
  };
  if (dims.size() > static_cast<std::size_t>(Shape::max_rank))
    throw FormatError(where, "a shape of at most " + std::to_string(Shape::max_rank) + " axes",
                      std::to_string(dims.size()) + " axes " + listed());
  std::array<Index, Shape::max_rank> extents{};
  constexpr auto largest = static_cast<std::uint64_t>(Shape::max_size);
  const bool empty = std::find(dims.begin(), dims.end(), 0u) != dims.end();
  std::uint64_t size = 1;
  for (std::size_t i = 0; i < dims.size(); ++i) {
    if (dims[i] > (empty ? largest : largest / size))
      throw FormatError(where, "a shape of at most 2^40 elements", listed());
    if (!empty) size *= dims[i];
    extents[i] = static_cast<Index>(dims[i]);
  }
  bytes = empty ? 0 : size * item_bytes;
  return Shape(std::span<const Index>(extents.data(), dims.size()));
}

/// For a reader whose library was not there when the program was compiled.
[[noreturn]] inline void missing_library(const std::string& where, const char* library, const char* package) {
  throw FormatError(where, std::string("keel compiled with ") + library, "a program compiled without it",
                    std::string("install it (Debian: apt install ") + package + ") and compile again");
}

/// For a loader that caught std::bad_alloc.
[[noreturn]] inline void out_of_memory(const std::string& where) {
  throw FormatError(where, "memory for the file and its values, some three times its size", "none left",
                    "close other programs or take a machine with more");
}

inline std::string system_message(int code) { return std::strerror(code); }

/// A regular file that stays open, so that its parts are read when they are wanted, from the same opening.
class OpenFile {
 public:
  /// Throws FormatError for what is no regular file and for one of more than `max_bytes`.
  OpenFile(File file, std::string where, std::uint64_t max_bytes) : file_(std::move(file)), where_(std::move(where)) {
    const FileStatus now = status();
    if (!now.regular)
      throw FormatError(where_, "a regular file", now.directory ? "a directory" : "a device, pipe or socket");
    size_ = now.size;
    if (size_ > max_bytes)
      throw FormatError(where_, "a file of at most " + std::to_string(max_bytes) + " bytes", std::to_string(size_),
                        "raise ReadLimits::file_bytes");
  }

  std::uint64_t size() const { return size_; }  ///< in bytes, when it was opened
  const std::string& where() const { return where_; }

  /// Fills `to` with the bytes from `offset` on. Throws FormatError if they are not there, or if the file has another
  /// length than when it was opened.
  void read(std::uint64_t offset, std::span<std::byte> to) const {
    while (!to.empty()) {
      const std::int64_t count = file_.read(to.data(), to.size(), offset);
      if (count < 0) throw FormatError(where_, "a readable file", system_message(errno));
      if (count == 0) changed("a shorter one");
      to = to.subspan(static_cast<std::size_t>(count));
      offset += static_cast<std::uint64_t>(count);
    }
    if (const std::uint64_t now = status().size; now != size_) changed(now > size_ ? "a longer one" : "a shorter one");
  }
  /// The first so many bytes; fewer where the file is shorter.
  Bytes first(std::uint64_t count) const {
    Bytes bytes((std::min)(count, size_));
    read(0, bytes);
    return bytes;
  }
  Bytes all() const { return first(size_); }

 private:
  FileStatus status() const {
    const std::optional<FileStatus> status = file_.status();
    if (!status) throw FormatError(where_, "a readable file", system_message(errno));
    return *status;
  }
  [[noreturn]] void changed(const char* how) const {
    throw FormatError(where_, "a file that stays at " + std::to_string(size_) + " bytes while it is read", how,
                      "another program is writing to it");
  }

  File file_;
  std::string where_;
  std::uint64_t size_ = 0;
};
using SharedFile = std::shared_ptr<const OpenFile>;

inline SharedFile open_file(const std::string& path, const ReadLimits& limits = {}) {
  File file = open_to_read(path);
  if (!file.open()) throw FormatError(path, "a readable file", system_message(errno));
  return std::make_shared<const OpenFile>(std::move(file), path, limits.file_bytes);
}

/// A file that another file names: it must be a plain name, lie in the same directory, and be a regular file
/// with no other name. Paths, symbolic links and hard links are refused, so a model cannot reach outside its
/// folder.
inline SharedFile open_beside(const std::string& path, const std::string& name, const ReadLimits& limits = {}) {
  const std::string where = path + ": " + shown(name);
  if (name.empty() || name == "." || name == ".." || name.find_first_of(std::string_view("/\\:\0", 4)) != name.npos)
    throw FormatError(where, "the plain name of a file in the same directory", "a path",
                      "put all parts of the model into one directory");
  const std::string directory = path.substr(0, last_name(path));
  const Folder folder(directory.empty() ? "." : directory);
  if (!folder.open()) throw FormatError(where, "a readable directory", system_message(errno));
  File file = folder.read(name);
  if (!file.open())
    throw FormatError(where, "a readable file", errno == ELOOP ? "a symbolic link" : system_message(errno),
                      errno == ELOOP ? "copy the file itself into the model's directory" : "");
  if (const auto status = file.status(); status && status->regular && status->names > 1)
    throw FormatError(where, "a file with one name", "a hard link", "copy the file itself into the model's directory");
  return std::make_shared<const OpenFile>(std::move(file), where, limits.file_bytes);
}

/// The bytes of a file, or of a part of one: in memory, which has to outlive this, or in the open file, from which
/// they are read when they are looked at. Copies of one and its parts share what was read; they are for one thread.
class FileBytes {
 public:
  FileBytes() = default;
  template <std::convertible_to<ByteSpan> Memory>
  FileBytes(const Memory& bytes) : memory_(bytes), size_(memory_.size()) {}
  explicit FileBytes(SharedFile file) : pages_(std::make_shared<Pages>(std::move(file))), size_(pages_->file->size()) {}

  std::uint64_t size() const { return size_; }
  /// Where they are; null: in memory.
  SharedFile file() const { return pages_ ? pages_->file : nullptr; }
  std::uint64_t offset() const { return begin_; }  ///< in that file

  /// The same bytes from `offset` on, which must be there, as those of the two functions below.
  FileBytes part(std::uint64_t offset, std::uint64_t count) const {
    FileBytes part = *this;
    if (!pages_) part.memory_ = memory_.subspan(offset, count);
    part.begin_ += offset;
    part.size_ = count;
    return part;
  }
  /// Bytes to look at, for as long as one of these objects is there. Throws FormatError as OpenFile::read does, and
  /// where more would be kept than twice the file and 12 MiB.
  ByteSpan view(std::uint64_t offset, std::uint64_t count) const {
    if (!pages_) return memory_.subspan(offset, count);
    return count == 0 ? ByteSpan() : pages_->view(begin_ + offset, count);
  }
  /// The same for as long as `storage`, which holds them where they were in a file.
  ByteSpan read(std::uint64_t offset, std::uint64_t count, Bytes& storage) const {
    if (!pages_) return memory_.subspan(offset, count);
    storage.resize(count);
    pages_->file->read(begin_ + offset, storage);
    return storage;
  }
  /// Calls f(bytes) for all of them, block after block.
  template <class F>
  void for_each_block(F&& f) const {
    Bytes block;
    for (std::uint64_t done = 0; done < size_; done += block_bytes)
      f(read(done, (std::min)(size_ - done, block_bytes), block));
  }
  static constexpr std::uint64_t block_bytes = std::uint64_t{1} << 18;  ///< stays in a core's cache

 private:
  struct Pages {
    explicit Pages(SharedFile opened) : file(std::move(opened)), budget(Budget::for_structure(file->size())) {}

    static constexpr std::uint64_t page_bytes = 4096;

    ByteSpan view(std::uint64_t offset, std::uint64_t count) {
      const std::uint64_t start = offset / page_bytes * page_bytes;
      if (offset + count - start > page_bytes) return kept({offset, count}).subspan(0, count);
      return kept({start, (std::min)(page_bytes, file->size() - start)}).subspan(offset - start, count);
    }
    ByteSpan kept(std::pair<std::uint64_t, std::uint64_t> range) {
      if (const auto known = ranges.find(range); known != ranges.end()) return known->second;
      budget.charge(range.second, file->where());
      Bytes bytes(range.second);
      file->read(range.first, bytes);
      return ranges.emplace(range, std::move(bytes)).first->second;
    }

    SharedFile file;
    Budget budget;
    std::map<std::pair<std::uint64_t, std::uint64_t>, Bytes> ranges;
  };

  ByteSpan memory_;
  std::shared_ptr<Pages> pages_;
  std::uint64_t begin_ = 0, size_ = 0;
};

/// A cursor over the bytes of a file; every read is checked first. Errors name the file and the offset.
class ByteReader {
 public:
  ByteReader(FileBytes bytes, std::string where) : bytes_(std::move(bytes)), where_(std::move(where)) {}

  std::uint64_t position() const { return position_; }
  std::uint64_t size() const { return bytes_.size(); }
  std::uint64_t remaining() const { return bytes_.size() - position_; }
  std::string where() const { return where_ + ", offset " + std::to_string(position_); }

  /// The next `count` bytes; `what` names them in the error.
  ByteSpan take(std::uint64_t count, const char* what) {
    skip(count, what);
    return bytes_.view(position_ - count, count);
  }
  std::uint64_t little(std::size_t size, const char* what) { return load_little(take(size, what).data(), size); }
  std::uint8_t u8(const char* what) { return static_cast<std::uint8_t>(little(1, what)); }
  std::uint16_t u16(const char* what) { return static_cast<std::uint16_t>(little(2, what)); }
  std::uint32_t u32(const char* what) { return static_cast<std::uint32_t>(little(4, what)); }
  std::uint64_t u64(const char* what) { return little(8, what); }
  /// Goes over the next `count` bytes, which are not read.
  void skip(std::uint64_t count, const char* what) {
    if (count > remaining())
      throw FormatError(where(), std::string(what) + " of " + std::to_string(count) + " bytes",
                        std::to_string(remaining()) + " bytes left", "the file is cut short or damaged");
    position_ += count;
  }
  /// The same as bytes that are read when they are looked at.
  FileBytes part(std::uint64_t count, const char* what) {
    skip(count, what);
    return bytes_.part(position_ - count, count);
  }
  void seek(std::uint64_t offset, const char* what) {
    if (offset > bytes_.size())
      throw FormatError(where(), std::string(what) + " inside the file's " + std::to_string(bytes_.size()) + " bytes",
                        "offset " + std::to_string(offset), "the file is cut short or damaged");
    position_ = offset;
  }
  [[noreturn]] void fail(const std::string& expected, const std::string& got, const std::string& hint = {}) const {
    throw FormatError(where(), expected, got, hint);
  }

 private:
  FileBytes bytes_;
  std::string where_;
  std::uint64_t position_ = 0;
};

}  // namespace formats

/// All bytes of a regular file. Pipes, devices and directories are refused, and so is a file that changes its
/// length meanwhile. Throws FormatError.
inline Bytes read_file(const std::string& path, const ReadLimits& limits = {}) {
  return formats::open_file(path, limits)->all();
}

/// All bytes of a file that another file names (formats::open_beside).
inline Bytes read_beside(const std::string& path, const std::string& name, const ReadLimits& limits = {}) {
  return formats::open_beside(path, name, limits)->all();
}

}  // namespace KEEL_ABI
}  // namespace keel
