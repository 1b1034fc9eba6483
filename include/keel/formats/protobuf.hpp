#pragma once
/// Messages of protobuf: the border to protozero. Whether a program has it says KEEL_HAS_PROTOBUF.

#include <bit>
#include <limits>
#include <vector>

#include <keel/formats/bytes.hpp>

#ifndef KEEL_HAS_PROTOBUF
#if __has_include(<protozero/pbf_reader.hpp>)
#define KEEL_HAS_PROTOBUF 1
#else
#define KEEL_HAS_PROTOBUF 0
#endif
#endif

#if KEEL_HAS_PROTOBUF
#include <protozero/pbf_reader.hpp>

namespace keel {
inline namespace KEEL_ABI {

namespace formats {

/// A file of protobuf that messages are read from. It has to outlive them.
struct ProtobufFile {
  ByteSpan bytes;
  std::string where;  ///< in errors
  ReadLimits limits = {};
  /// For names and numbers of the structure.
  Budget budget = Budget::for_structure(bytes.size());
};

/// A cursor over the fields of one message:
///
///     ProtobufMessage model(file);
///     while (model.next())
///       if (model.field() == 7) read_graph(model.message("a graph"));
///       else model.skip();
///
/// After `next` exactly one of the functions that take a value, or `skip`. Everything is checked before protozero is
/// asked, so that its assertions always hold. Functions throw FormatError with the file and the offset for a field of
/// another wire type than asked for, a length beyond the message, messages nested deeper than ReadLimits::depth, and
/// what protozero refuses: groups, field 0, integers of more than ten bytes.
class ProtobufMessage {
 public:
  explicit ProtobufMessage(ProtobufFile& file) : ProtobufMessage(file, file.bytes, 0) {}

  /// Goes to the next field; false at the end.
  bool next() {
    start_ = rest_.data().data();
    return checked([&] { return rest_.next(); });
  }
  std::uint32_t field() const { return rest_.tag(); }

  /// What the current field is called in errors is `what`.
  std::int64_t integer(const char* what) {
    expect(protozero::pbf_wire_type::varint, what);
    return checked([&] { return rest_.get_int64(); });
  }
  float number(const char* what) {
    expect(protozero::pbf_wire_type::fixed32, what);
    return checked([&] { return rest_.get_float(); });
  }
  ByteSpan bytes(const char* what) {
    expect(protozero::pbf_wire_type::length_delimited, what);
    check_length(what);
    const protozero::data_view view = checked([&] { return rest_.get_view(); });
    return {reinterpret_cast<const std::byte*>(view.data()), view.size()};
  }
  /// A text, which need not be UTF-8.
  std::string text(const char* what) {
    const ByteSpan found = bytes(what);
    file_->budget.charge(sizeof(std::string) + found.size(), where());
    return std::string(text_of(found));
  }
  ProtobufMessage message(const char* what) {
    const ByteSpan inside = bytes(what);
    if (depth_ >= file_->limits.depth)
      fail("messages nested at most " + std::to_string(file_->limits.depth) + " deep", "a deeper one");
    return ProtobufMessage(*file_, inside, depth_ + 1);
  }

  /// Repeated fields, packed or one by one: appended.
  void integers(std::vector<std::int64_t>& to, const char* what) {
    if (rest_.wire_type() == protozero::pbf_wire_type::varint) return append(to, integer(what));
    const ByteSpan packed = bytes(what);
    const char *at = text_of(packed).data(), *const end = at + packed.size();
    while (at != end)
      append(to, checked([&] { return static_cast<std::int64_t>(protozero::decode_varint(&at, end)); }));
  }
  void numbers(std::vector<float>& to, const char* what) {
    if (rest_.wire_type() == protozero::pbf_wire_type::fixed32) return append(to, number(what));
    const ByteSpan packed = multiple(4, what);
    for (std::size_t i = 0; i < packed.size(); i += 4)
      append(to, std::bit_cast<float>(static_cast<std::uint32_t>(load_little(packed.data() + i, 4))));
  }
  void doubles(std::vector<double>& to, const char* what) {
    if (rest_.wire_type() == protozero::pbf_wire_type::fixed64) {
      const double value = checked([&] { return rest_.get_double(); });
      return append(to, value);
    }
    const ByteSpan packed = multiple(8, what);
    for (std::size_t i = 0; i < packed.size(); i += 8)
      append(to, std::bit_cast<double>(load_little(packed.data() + i, 8)));
  }

  void skip() {
    if (rest_.wire_type() == protozero::pbf_wire_type::length_delimited) check_length("a field");
    checked([&] {
      rest_.skip();
      return true;
    });
  }

  /// The file and the current field's offset in it.
  std::string where() const { return file_->where + ", offset " + std::to_string(offset()); }
  [[noreturn]] void fail(const std::string& expected, const std::string& got, const std::string& hint = {}) const {
    throw FormatError(where(), expected, got, hint);
  }

 private:
  ProtobufMessage(ProtobufFile& file, ByteSpan bytes, Index depth)
      : file_(&file), rest_(text_of(bytes).data(), bytes.size()), start_(text_of(bytes).data()), depth_(depth) {}

  std::uint64_t offset() const {
    return start_ ? static_cast<std::uint64_t>(start_ - text_of(file_->bytes).data()) : 0;
  }
  static const char* name_of(protozero::pbf_wire_type type) {
    switch (type) {
      case protozero::pbf_wire_type::varint: return "an integer";
      case protozero::pbf_wire_type::fixed64: return "eight bytes";
      case protozero::pbf_wire_type::length_delimited: return "bytes with a length";
      case protozero::pbf_wire_type::fixed32: return "four bytes";
      default: return "something unknown";
    }
  }
  void expect(protozero::pbf_wire_type type, const char* what) const {
    if (rest_.wire_type() != type)
      fail(std::string(what) + " as " + name_of(type),
           std::string(name_of(rest_.wire_type())) + " in field " + std::to_string(field()),
           "the file is damaged, or no file of this kind");
  }
  /// protozero keeps 32 bits of a length, so all of them are looked at here.
  void check_length(const char* what) const {
    const char *at = rest_.data().data(), *const end = at + rest_.data().size();
    const std::uint64_t length = checked([&] { return protozero::decode_varint(&at, end); });
    const auto left = static_cast<std::uint64_t>(end - at);
    if (length > left || length > (std::numeric_limits<std::uint32_t>::max)())
      fail(std::string(what) + " of " + std::to_string(length) + " bytes", std::to_string(left) + " bytes left",
           "the file is cut short or damaged");
  }
  ByteSpan multiple(std::size_t size, const char* what) {
    const ByteSpan packed = bytes(what);
    if (packed.size() % size != 0)
      fail(std::string(what) + " of " + std::to_string(size) + " bytes each", std::to_string(packed.size()) + " bytes");
    return packed;
  }
  template <class V>
  void append(std::vector<V>& to, V value) const {
    file_->budget.charge(sizeof(V), where());
    to.push_back(value);
  }
  template <class F>
  auto checked(F&& read) const -> decltype(read()) try {
    return read();
  } catch (const protozero::exception& refused) {
    fail("a message of protobuf", refused.what(), "the file is cut short or damaged, or no file of this kind");
  }

  ProtobufFile* file_;
  protozero::pbf_reader rest_;
  const char* start_;
  Index depth_;
};

}  // namespace formats

}  // namespace KEEL_ABI
}  // namespace keel

#endif
