#pragma once
/// Python pickles, written opcode by opcode. https://docs.python.org/3/library/pickletools.html

#include <keel/formats/bytes.hpp>

namespace keel {
inline namespace KEEL_ABI {

namespace formats {

class PickleWriter {
 public:
  std::string text{"\x80", 1};

  explicit PickleWriter(char protocol) { text += protocol; }

  void global(std::string_view module, std::string_view name) { ((((text += 'c') += module) += '\n') += name) += '\n'; }
  void string(std::string_view value) {
    text += 'X';
    append_little(text, value.size(), 4);
    text += value;
  }
  void integer(std::uint64_t value) {
    const bool fits = value < (std::uint64_t{1} << 31);
    text += fits ? std::string("J") : std::string("\x8a\x08");
    append_little(text, value, fits ? 4 : 8);
  }
  /// Of protocol 3; less than 4 GiB, as zip archives are.
  void bytes(ByteSpan value) {
    text += 'B';
    append_little(text, value.size(), 4);
    text += text_of(value);
  }
};

}  // namespace formats

}  // namespace KEEL_ABI
}  // namespace keel
