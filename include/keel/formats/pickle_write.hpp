#pragma once
/// Python pickles, written opcode by opcode.

#include <iterator>

#include <keel/formats/bytes.hpp>
#include <keel/formats/pickle_opcodes.hpp>

namespace keel {
inline namespace KEEL_ABI {

namespace formats {

class PickleWriter {
 public:
  /// Begins a pickle of a protocol from 2 to 5.
  explicit PickleWriter(unsigned char protocol) {
    op(PickleOp::proto);
    byte(protocol);
  }

  /// Opcodes that stand by themselves, one after the other.
  template <class... Ops>
  void op(Ops... ops) {
    (byte(static_cast<unsigned char>(ops)), ...);
  }
  /// A name as "module name".
  void global(std::string_view name) {
    const std::size_t space = name.find(' ');
    op(PickleOp::global);
    text_.append(name.substr(0, space)).append("\n").append(name.substr(space + 1)).append("\n");
  }
  void string(std::string_view value) {
    op(PickleOp::binunicode);
    append_little(text_, value.size(), 4);
    text_ += value;
  }
  /// In as few bytes as Python takes.
  void integer(std::int64_t value) {
    if (std::in_range<std::uint8_t>(value)) return number(PickleOp::binint1, value, 1);
    if (std::in_range<std::uint16_t>(value)) return number(PickleOp::binint2, value, 2);
    if (std::in_range<std::int32_t>(value)) return number(PickleOp::binint, value, 4);
    op(PickleOp::long1);
    byte(8);
    append_little(text_, static_cast<std::uint64_t>(value), 8);
  }
  /// Of protocol 3; less than 4 GiB, as zip archives are.
  void bytes(ByteSpan value) {
    if (value.size() < 256)
      number(PickleOp::short_binbytes, count_of(value), 1);
    else
      number(PickleOp::binbytes, count_of(value), 4);
    text_ += text_of(value);
  }
  /// A tuple of integers.
  template <class Integers>
  void tuple(const Integers& values) {
    const auto count = std::distance(values.begin(), values.end());
    constexpr PickleOp few[] = {PickleOp::empty_tuple, PickleOp::tuple1, PickleOp::tuple2, PickleOp::tuple3};
    if (count > 3) op(PickleOp::mark);
    for (const auto value : values) integer(static_cast<std::int64_t>(value));
    op(count > 3 ? PickleOp::tuple : few[count]);
  }

  /// Ends the pickle.
  const std::string& finish() {
    op(PickleOp::stop);
    return text_;
  }

 private:
  void number(PickleOp code, std::int64_t value, std::size_t size) {
    op(code);
    append_little(text_, static_cast<std::uint64_t>(value), size);
  }
  void byte(unsigned char value) { text_ += static_cast<char>(value); }

  std::string text_;
};

}  // namespace formats

}  // namespace KEEL_ABI
}  // namespace keel
