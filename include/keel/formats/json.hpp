#pragma once
/// JSON as RFC 8259 has it, read strictly: no duplicate keys, no byte order mark, no number that overflows, bounded
/// nesting and memory; offsets in every error.

#include <charconv>
#include <limits>
#include <unordered_set>

#include <keel/formats/decimal.hpp>
#include <keel/formats/json_value.hpp>

namespace keel {
inline namespace KEEL_ABI {

struct JsonOptions {
  /// Python's json module writes NaN, Infinity and -Infinity, and so Keras does.
  bool allow_nonfinite = false;
  Index depth = 64;
};

namespace formats {

class JsonParser {
 public:
  JsonParser(std::string_view text, const std::string& where, Budget& budget, const JsonOptions& options)
      : text_(text), where_(where), budget_(budget), options_(options) {}

  Json whole() {
    Json json = value(0);
    if (next() != '\0' || at_ < text_.size()) fail("more text after the value");
    return json;
  }

 private:
  [[noreturn]] void fail(const std::string& got) const {
    throw FormatError(where_ + ", offset " + std::to_string(at_), "valid JSON (RFC 8259)", got);
  }
  [[noreturn]] void refuse(const std::string& expected, const std::string& got) const {
    throw FormatError(where_, "JSON with " + expected, got);
  }
  /// What is there instead of `wanted`.
  [[noreturn]] void miss(const char* wanted) const {
    fail((at_ < text_.size() ? shown(text_.substr(at_, 1)) : "the end") + std::string(" instead of ") + wanted);
  }

  /// The next character that is not blank, 0 at the end.
  char next() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\n' || text_[at_] == '\r' || text_[at_] == '\t'))
      ++at_;
    return peek();
  }
  char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  bool take(char character) {
    if (next() != character) return false;
    ++at_;
    return true;
  }
  bool take(std::string_view word) {
    if (!text_.substr(at_).starts_with(word)) return false;
    at_ += word.size();
    return true;
  }

  Json value(Index depth) {
    constexpr double infinity = std::numeric_limits<double>::infinity();
    switch (next()) {
      case '[': return array(depth + 1);
      case '{': return object(depth + 1);
      case '"': return string();
      default: break;
    }
    if (take("null")) return nullptr;
    if (take("true")) return true;
    if (take("false")) return false;
    if (options_.allow_nonfinite) {
      if (take("NaN")) return std::numeric_limits<double>::quiet_NaN();
      if (take("Infinity")) return infinity;
      if (take("-Infinity")) return -infinity;
    }
    return number();
  }

  void open(Index depth) {
    ++at_;
    if (depth > options_.depth) refuse("at most " + std::to_string(options_.depth) + " levels", "deeper nesting");
    budget_.charge(64, where_);
  }
  Json array(Index depth) {
    open(depth);
    Json json = Json::array();
    if (take(']')) return json;
    do {
      budget_.charge(72, where_);
      json.push_back(value(depth));
    } while (take(','));
    if (!take(']')) miss("',' or ']'");
    return json;
  }
  Json object(Index depth) {
    open(depth);
    Json json = Json::object();
    if (take('}')) return json;
    do {
      if (next() != '"') miss("a name in quotes");
      std::string name = string();
      if (!take(':')) miss("':'");
      budget_.charge(144, where_);
      json.append(std::move(name), value(depth));
    } while (take(','));
    if (!take('}')) miss("',' or '}'");
    check_names(json);
    return json;
  }
  void check_names(const Json& json) {
    if (json.size() > 16) budget_.charge(48 * json.size(), where_);
    std::unordered_set<std::string_view> names;
    for (const auto& [name, value] : json.items())
      if (!names.insert(name).second) refuse("keys that differ", "two keys " + shown(name));
  }

  std::string string() {
    const std::size_t start = at_++;
    std::string out;
    for (;;) {
      if (at_ == text_.size()) fail("a text without an end");
      const auto code = static_cast<unsigned char>(text_[at_]);
      if (code < 0x20) fail("a control character in a text");
      ++at_;
      if (code == '"') break;
      if (code == '\\')
        escape(out);
      else
        out += text_[at_ - 1];
    }
    if (!valid_utf8(out)) {
      at_ = start;
      fail("a text that is not UTF-8");
    }
    budget_.charge(out.size() + 80, where_);
    return out;
  }
  void escape(std::string& out) {
    constexpr std::string_view from = "\"\\/bfnrt", to = "\"\\/\b\f\n\r\t";
    const char character = peek();
    if (const std::size_t plain = from.find(character); plain != from.npos && character != '\0') {
      ++at_;
      out += to[plain];
      return;
    }
    if (character != 'u') miss("a known escape");
    std::uint32_t code = hexadecimal();
    if (code >= 0xd800 && code < 0xdc00 && peek() == '\\') {
      ++at_;
      if (peek() != 'u') miss("the other half of a character");
      const std::uint32_t low = hexadecimal();
      if (low < 0xdc00 || low > 0xdfff) fail("half of a character");
      code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
    }
    if (code >= 0xd800 && code < 0xe000) fail("half of a character");
    const auto byte = [&](std::uint32_t bits) { out += static_cast<char>(bits); };
    if (code < 0x80) return byte(code);
    if (code < 0x800) {
      byte(0xc0 | code >> 6);
    } else if (code < 0x10000) {
      byte(0xe0 | code >> 12);
      byte(0x80 | (code >> 6 & 0x3f));
    } else {
      byte(0xf0 | code >> 18);
      byte(0x80 | (code >> 12 & 0x3f));
      byte(0x80 | (code >> 6 & 0x3f));
    }
    byte(0x80 | (code & 0x3f));
  }
  /// The four digits after \u.
  std::uint32_t hexadecimal() {
    ++at_;
    std::uint32_t code = 0;
    const char* const from = text_.data() + at_;
    if (text_.size() - at_ < 4 || std::from_chars(from, from + 4, code, 16).ptr != from + 4)
      miss("four hexadecimal digits");
    at_ += 4;
    return code;
  }

  Json integer(std::string_view digits) const {
    const char *const from = digits.data(), *const to = from + digits.size();
    std::int64_t value = 0;
    std::uint64_t large = 0;
    if (std::from_chars(from, to, value).ec == std::errc()) return value == 0 && *from == '-' ? Json(-0.0) : value;
    if (*from != '-' && std::from_chars(from, to, large).ec == std::errc()) return large;
    refuse("an integer that fits 64 bits", shown(digits));
  }
  Json number() {
    const std::size_t start = at_;
    const auto digits = [&] {
      const std::size_t before = at_;
      while (peek() >= '0' && peek() <= '9') ++at_;
      if (at_ == before) miss(before == start ? "a value" : "a digit");
    };
    if (peek() == '-') ++at_;
    bool whole = true, underflows = peek() == '0';
    if (underflows)
      ++at_;
    else
      digits();
    if (peek() == '.') {
      whole = false;
      ++at_;
      digits();
    }
    if (peek() == 'e' || peek() == 'E') {
      whole = false;
      ++at_;
      underflows = peek() == '-';
      if (peek() == '-' || peek() == '+') ++at_;
      digits();
    }
    if (whole) return integer(text_.substr(start, at_ - start));
    double real = 0;
    // out of range is also what rounds to 0
    if (read_double(text_.substr(start, at_ - start), real) != std::errc() && !underflows) fail("a number that overflows");
    return real;
  }

  std::string_view text_;
  std::size_t at_ = 0;
  const std::string& where_;
  Budget& budget_;
  JsonOptions options_;
};

}  // namespace formats

/// Parses the whole text as one JSON value. Throws FormatError naming `where` and the offset.
inline Json parse_json(std::string_view text, const std::string& where, formats::Budget& budget,
                       const JsonOptions& options = {}) {
  if (text.starts_with("\xef\xbb\xbf")) throw FormatError(where, "JSON text", "a byte order mark");
  return formats::JsonParser(text, where, budget, options).whole();
}
inline Json parse_json(std::string_view text, const std::string& where, const JsonOptions& options = {}) {
  formats::Budget budget = formats::Budget::for_structure(text.size());
  return parse_json(text, where, budget, options);
}

}  // namespace KEEL_ABI
}  // namespace keel
