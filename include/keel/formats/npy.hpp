#pragma once
/// NumPy's .npy (one array) and .npz (a zip of them):
/// https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html Numbers and booleans of either byte
/// order; objects, which are pickles, and structured types are refused.

#include <optional>

#include <keel/formats/zip.hpp>

namespace keel {
inline namespace KEEL_ABI {

namespace formats {

/// The header's Python literal: {'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }, keys in any order.
class NpyHeader {
 public:
  std::string descr;
  bool fortran_order = false;
  std::vector<std::uint64_t> shape;

  NpyHeader(std::string_view text, std::string where) : text_(text), where_(std::move(where)) {
    bool has_descr = false, has_order = false, has_shape = false;
    expect('{');
    while (!accept('}')) {
      const std::string key = quoted();
      expect(':');
      if (key == "descr" && !std::exchange(has_descr, true))
        descr = quoted();
      else if (key == "fortran_order" && !std::exchange(has_order, true))
        fortran_order = boolean();
      else if (key == "shape" && !std::exchange(has_shape, true))
        shape = tuple();
      else
        fail("the keys descr, fortran_order and shape, once each", shown(key));
      if (!accept(',')) {
        expect('}');
        break;
      }
    }
    blanks();
    if (at_ != text_.size()) fail("the end of the header", shown(text_.substr(at_)));
    if (!has_descr || !has_order || !has_shape) fail("the keys descr, fortran_order and shape", "fewer");
  }

 private:
  [[noreturn]] void fail(const std::string& expected, const std::string& got) const {
    throw FormatError(where_ + ", header", expected, got);
  }
  void blanks() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\n' || text_[at_] == '\t')) ++at_;
  }
  bool accept(char wanted) {
    blanks();
    if (at_ == text_.size() || text_[at_] != wanted) return false;
    ++at_;
    return true;
  }
  void expect(char wanted) {
    if (!accept(wanted)) fail(std::string("'") + wanted + "'", shown(text_.substr(at_)));
  }
  std::string quoted() {
    const char quote = accept('\'') ? '\'' : '"';
    if (quote == '"') expect('"');
    const std::size_t end = text_.find(quote, at_);
    const std::string_view text = text_.substr(at_, end == text_.npos ? end : end - at_);
    if (end == text_.npos || text.find('\\') != text.npos) fail("text in quotes", shown(text));
    at_ = end + 1;
    return std::string(text);
  }
  bool boolean() {
    blanks();
    for (const std::string_view word : {"True", "False"})
      if (text_.substr(at_).starts_with(word)) {
        at_ += word.size();
        return word.front() == 'T';
      }
    fail("True or False", shown(text_.substr(at_)));
  }
  std::vector<std::uint64_t> tuple() {
    std::vector<std::uint64_t> values;
    expect('(');
    bool comma = true;
    while (!accept(')')) {
      if (!comma) fail("')' or ','", shown(text_.substr(at_)));
      if (values.size() == 64) fail("a shape of at most 8 axes", "more than 64");
      values.push_back(integer());
      comma = accept(',');
    }
    if (values.size() == 1 && !comma) fail("a tuple such as (3,)", "a number in brackets");
    return values;
  }
  std::uint64_t integer() {
    blanks();
    const std::size_t start = at_;
    std::uint64_t value = 0;
    bool fits = true;
    for (; at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9'; ++at_) {
      fits = fits && multiply(value, 10, value);
      const auto digit = static_cast<std::uint64_t>(text_[at_] - '0');
      fits = fits && value + digit >= value;
      value += digit;
    }
    if (at_ == start || !fits) fail("an integer of 0 or more that fits 64 bits", shown(text_.substr(start)));
    return value;
  }

  std::string_view text_;
  std::string where_;
  std::size_t at_ = 0;
};

struct NpyType {
  std::string_view code;
  DType dtype;
};
/// NumPy's types of numbers. It has no bfloat16.
inline constexpr NpyType npy_types[] = {{"b1", DType::boolean}, {"u1", DType::u8},  {"i1", DType::i8},
                                        {"u2", DType::u16},     {"i2", DType::i16}, {"u4", DType::u32},
                                        {"i4", DType::i32},     {"u8", DType::u64}, {"i8", DType::i64},
                                        {"f2", DType::f16},     {"f4", DType::f32}, {"f8", DType::f64}};

/// '<f4' and the like; `swapped` where the values are big-endian. Nothing for other types.
inline std::optional<DType> find_npy_type(std::string_view descr, bool& swapped) {
  if (descr.size() != 3) return std::nullopt;
  const char order = descr.front();
  for (const NpyType& type : npy_types) {
    if (descr.substr(1) != type.code) continue;
    if (order != '<' && order != '>' && !(order == '|' && size_of(type.dtype) == 1)) return std::nullopt;
    swapped = order == '>';
    return type.dtype;
  }
  return std::nullopt;
}
/// The same; throws FormatError for other types.
inline DType npy_type(const std::string& descr, bool& swapped, const std::string& where) {
  if (const std::optional<DType> type = find_npy_type(descr, swapped)) return *type;
  throw FormatError(where, "a type of booleans, integers or floats", shown(descr),
                    descr.find('O') != descr.npos ? "objects are pickles; save plain arrays" : "");
}

/// Values in Fortran's order, first axis fastest, into C's order.
inline Bytes from_fortran(ByteSpan from, const Shape& shape, std::size_t item) {
  Bytes to(from.size());
  std::array<Index, Shape::max_rank> at{};
  for (Index i = 0; i < shape.size(); ++i) {
    Index offset = 0;
    for (Index axis = 0; axis < shape.rank(); ++axis)
      offset = offset * shape[axis] + at[static_cast<std::size_t>(axis)];
    std::memcpy(to.data() + static_cast<std::size_t>(offset) * item, from.data() + static_cast<std::size_t>(i) * item,
                item);
    for (Index axis = 0; axis < shape.rank(); ++axis) {
      if (++at[static_cast<std::size_t>(axis)] < shape[axis]) break;
      at[static_cast<std::size_t>(axis)] = 0;
    }
  }
  return to;
}

inline void swap_bytes(Bytes& bytes, std::size_t item) {
  for (std::size_t i = 0; i + item <= bytes.size(); i += item)
    std::reverse(bytes.begin() + static_cast<std::ptrdiff_t>(i), bytes.begin() + static_cast<std::ptrdiff_t>(i + item));
}

/// The header of the .npy at the start of the reader, which then stands at the values.
inline NpyHeader read_npy_header(ByteReader& reader, const std::string& where) {
  reader.skip(6, "the mark");
  const std::uint8_t major = reader.u8("version"), minor = reader.u8("version");
  if (major < 1 || major > 3 || minor != 0)
    reader.fail("version 1.0, 2.0 or 3.0", std::to_string(major) + "." + std::to_string(minor));
  const std::uint64_t length = major == 1 ? reader.u16("header length") : reader.u32("header length");
  if (length > 65536) reader.fail("a header of at most 65536 bytes", std::to_string(length));
  return NpyHeader(text_of(reader.take(length, "the header")), where);
}

}  // namespace formats

namespace formats {

/// One .npy, without a name. Values that need no change stay in their file. Throws FormatError.
inline NamedArray open_npy(const FileBytes& bytes, const std::string& where) {
  expect_content(bytes, Content::npy, where);
  ByteReader reader(bytes, where);
  const NpyHeader header = read_npy_header(reader, where);
  NamedArray array;
  bool swapped = false;
  array.dtype = npy_type(header.descr, swapped, where);
  const std::size_t item = size_of(array.dtype);
  std::uint64_t size = 0;
  array.shape = checked_shape(header.shape, item, size, where);
  if (size != reader.remaining())
    reader.fail(std::to_string(size) + " bytes for shape " + array.shape.to_string(),
                std::to_string(reader.remaining()), "the file is cut short or damaged");
  leave_values(array, reader.part(size, "data"));
  if (!swapped && (!header.fortran_order || array.shape.rank() < 2)) return array;
  fetch(array);
  if (header.fortran_order && array.shape.rank() > 1) array.bytes = from_fortran(array.bytes, array.shape, item);
  if (swapped) swap_bytes(array.bytes, item);
  return array;
}

/// The arrays of an .npz, those that are stored in it left there. `name.npy` becomes `name`. Throws FormatError.
inline Archive open_npz(ZipReader zip) {
  Archive archive{zip.where(), "npz", {}, {}};
  for (const ZipMember& member : zip.members()) {
    const std::string where = zip.where() + ": " + member.name;
    if (!member.name.ends_with(".npy") || member.name.size() == 4)
      throw FormatError(where, "members NAME.npy", "another", "this is not an .npz file");
    Bytes storage;
    NamedArray array = open_npy(zip.open(member, storage), where);
    array.name = member.name.substr(0, member.name.size() - 4);
    archive.tensors.push_back(std::move(array));
  }
  return archive;
}

}  // namespace formats

/// Reads one .npy from memory; the array has no name. Throws FormatError.
inline NamedArray read_npy(ByteSpan bytes, const std::string& where) { return formats::open_npy(bytes, where); }
/// The same of a file.
inline NamedArray read_npy(const std::string& path, const ReadLimits& limits = {}) {
  NamedArray array = formats::open_npy(formats::FileBytes(formats::open_file(path, limits)), path);
  formats::fetch(array);
  return array;
}

/// Reads the arrays of an .npz: `name.npy` becomes `name`. Throws FormatError.
inline Archive read_npz(ZipReader zip) { return formats::fetched(formats::open_npz(std::move(zip))); }
/// The same of bytes in memory; `where` is in messages.
inline Archive read_npz(ByteSpan bytes, const std::string& where, const ReadLimits& limits = {}) {
  return read_npz(ZipReader(bytes, where, limits));
}
/// The same of a file.
inline Archive read_npz(const std::string& path, const ReadLimits& limits = {}) {
  return read_npz(ZipReader(formats::FileBytes(formats::open_file(path, limits)), path, limits));
}

namespace formats {

/// What stands before the values: version 1.0, padded to a multiple of 64.
inline std::string npy_header(const std::string& descr, const Shape& shape) {
  std::string text = "{'descr': '" + descr + "', 'fortran_order': False, 'shape': (";
  for (Index axis = 0; axis < shape.rank(); ++axis) text += (axis ? ", " : "") + std::to_string(shape[axis]);
  text += shape.rank() == 1 ? ",), }" : "), }";
  text.resize((10 + text.size() + 1 + 63) / 64 * 64 - 10, ' ');
  text.back() = '\n';
  std::string header("\x93NUMPY\x01\x00", 8);
  append_little(header, text.size(), 2);
  return header + text;
}

/// "<f4" and the like. Throws FormatError for bfloat16.
inline std::string npy_descr(const NamedArray& array, const std::string& where) {
  for (const NpyType& type : npy_types)
    if (type.dtype == array.dtype) return (size_of(type.dtype) == 1 ? "|" : "<") + std::string(type.code);
  throw FormatError(where, "a type that NumPy has", name_of(array.dtype), "save it as float32");
}

}  // namespace formats

/// Writes one array; its name is not kept.
inline void write_npy(const std::string& path, const NamedArray& array) {
  const std::string header = formats::npy_header(formats::npy_descr(array, path), array.shape);
  const ByteSpan parts[] = {formats::bytes_of(header), array.bytes};
  write_file(path, parts);
}

/// Writes all arrays, stored, as numpy.savez does.
inline void write_npz(const std::string& path, const Archive& archive) {
  ZipWriter zip;
  std::deque<Bytes> contents;
  for (const NamedArray& array : archive.tensors) {
    const std::string header = formats::npy_header(formats::npy_descr(array, path + ": " + array.name), array.shape);
    const ByteSpan text = formats::bytes_of(header);
    Bytes& content = contents.emplace_back();
    content.reserve(header.size() + array.bytes.size());
    content.insert(content.end(), text.begin(), text.end());
    content.insert(content.end(), array.bytes.begin(), array.bytes.end());
    zip.add(array.name + ".npy", content);
  }
  zip.write(path);
}

}  // namespace KEEL_ABI
}  // namespace keel
