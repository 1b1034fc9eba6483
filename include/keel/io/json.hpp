#pragma once
/// JSON as RFC 8259 has it, read strictly: no duplicate keys, no byte order mark, no number that overflows,
/// bounded nesting and memory; offsets in every error. Written on one line or indented.

#include <charconv>
#include <concepts>
#include <initializer_list>
#include <limits>
#include <list>
#include <unordered_set>
#include <utility>
#include <vector>

#include <keel/io/bytes.hpp>
#include <keel/tensor/finite.hpp>

namespace keel::inline KEEL_ABI {

/// A JSON value of another type than it is used as.
class JsonError : public FormatError {
  using FormatError::FormatError;
};

/// A JSON value. Objects keep the order of their members:
///
///     Json json = {{"name", "conv2d"}, {"shape", Json::array({3, 3})}};
///     json["strides"] = 2;
///     for (const auto& [name, value] : json.items()) ...
class Json {
 public:
  enum class Kind : unsigned char { null, boolean, integer, unsigned_integer, real, string, array, object };
  struct Member;

  Json() {}
  Json(std::nullptr_t) {}
  Json(bool value) : kind_(Kind::boolean) { of_.boolean = value; }
  template <std::integral Integer>
  Json(Integer value) : kind_(Kind::integer) {
    of_.integer = static_cast<std::int64_t>(value);
    if (!std::in_range<std::int64_t>(value)) kind_ = Kind::unsigned_integer;
  }
  Json(double value) : kind_(Kind::real) { of_.real = value; }
  Json(std::string text) : kind_(Kind::string) { of_.text = new std::string(std::move(text)); }
  Json(const char* text) : Json(std::string(text)) {}
  template <class Value>
  Json(const std::vector<Value>& values) : Json(array()) {
    for (const Value& value : values) push_back(value);
  }
  Json(std::initializer_list<Member> members);
  static Json array(std::initializer_list<Json> items = {}) {
    Json json;
    json.of_.array = new std::vector<Json>(items);
    json.kind_ = Kind::array;
    return json;
  }
  static Json object(std::initializer_list<Member> members = {});

  Json(const Json& other);
  Json(Json&& other) noexcept : kind_(std::exchange(other.kind_, Kind::null)), of_(other.of_) {}
  // not one operator by value: in a template, clang 14 leaks a parameter that is given in braces
  Json& operator=(Json&& other) noexcept {
    Json taken(std::move(other));  // `other` may be a part of this
    std::swap(kind_, taken.kind_);
    std::swap(of_, taken.of_);
    return *this;
  }
  Json& operator=(const Json& other) { return *this = Json(other); }
  ~Json();

  bool is_null() const { return kind_ == Kind::null; }
  bool is_boolean() const { return kind_ == Kind::boolean; }
  bool is_number_integer() const { return kind_ == Kind::integer || kind_ == Kind::unsigned_integer; }
  bool is_number_unsigned() const { return is_number_integer() && !(kind_ == Kind::integer && of_.integer < 0); }
  bool is_number() const { return is_number_integer() || kind_ == Kind::real; }
  bool is_string() const { return kind_ == Kind::string; }
  bool is_array() const { return kind_ == Kind::array; }
  bool is_object() const { return kind_ == Kind::object; }
  const char* type_name() const {
    static constexpr const char* names[] = {"null",   "boolean", "number", "number",
                                            "number", "string",  "array",  "object"};
    return names[static_cast<std::size_t>(kind_)];
  }

  /// The value as a bool, an integer, a double, a std::string or a std::vector of these. Throws JsonError where it
  /// is of another type or does not fit.
  template <class Value>
  Value get() const {
    if constexpr (std::is_same_v<Value, Json>) {
      return *this;
    } else if constexpr (std::is_same_v<Value, bool>) {
      expect(is_boolean(), "a boolean");
      return of_.boolean;
    } else if constexpr (std::is_same_v<Value, std::string>) {
      return text();
    } else if constexpr (std::is_floating_point_v<Value>) {
      return static_cast<Value>(number());
    } else if constexpr (std::is_integral_v<Value>) {
      expect(kind_ == Kind::unsigned_integer ? std::in_range<Value>(static_cast<std::uint64_t>(of_.integer))
                                             : kind_ == Kind::integer && std::in_range<Value>(of_.integer),
             "an integer in range");
      return static_cast<Value>(of_.integer);
    } else {
      expect(is_array(), "a list");
      Value values;
      for (const Json& item : *this) values.push_back(item.get<typename Value::value_type>());
      return values;
    }
  }
  const std::string& text() const {
    expect(is_string(), "a string");
    return *of_.text;
  }

  /// Items of an array; nothing for other values.
  const Json* begin() const { return is_array() ? of_.array->data() : nullptr; }
  const Json* end() const { return begin() + (is_array() ? of_.array->size() : 0); }
  /// Members of an object, `const auto& [name, value]`; nothing for other values.
  const std::list<Member>& items() const;
  std::size_t size() const;
  bool empty() const { return size() == 0; }

  template <std::integral Place>
  const Json& operator[](Place i) const {
    expect(is_array() && std::cmp_less(i, of_.array->size()) && !std::cmp_less(i, 0), "a longer list");
    return begin()[i];
  }
  template <std::integral Place>
  Json& operator[](Place i) {
    return const_cast<Json&>(std::as_const(*this)[i]);
  }
  const Json* find(std::string_view name) const;
  bool contains(std::string_view name) const { return find(name) != nullptr; }
  const Json& operator[](std::string_view name) const {
    const Json* const member = find(name);
    if (!member) throw JsonError("JSON", "\"" + std::string(name) + "\"", is_object() ? "none" : type_name());
    return *member;
  }
  const Json& operator[](const char* name) const { return (*this)[std::string_view(name)]; }
  /// The member, or `fallback` where there is none.
  Json value(std::string_view name, Json fallback) const {
    const Json* const member = find(name);
    return member ? *member : fallback;
  }

  /// The member of that name, null if it is new; null itself becomes an object. It stays where it is until it is
  /// erased, whatever members are added.
  Json& operator[](const std::string& name);
  Json& operator[](const char* name) { return (*this)[std::string(name)]; }
  void erase(std::string_view name);
  /// Null itself becomes an array.
  Json& push_back(Json item) {
    if (is_null()) *this = array();
    expect(is_array(), "a list");
    of_.array->push_back(std::move(item));
    return of_.array->back();
  }
  /// A member at the end, without a look for one of the same name.
  Json& append(std::string name, Json value);

  /// As text: on one line, or with lines indented by so many spaces a level. NaN and the infinities become null,
  /// bytes that are not UTF-8 the replacement character.
  std::string dump(int indent = -1) const {
    std::string out;
    write(out, indent, 0);
    return out;
  }

  /// Numbers are equal by value, objects in any order of their members.
  friend bool operator==(const Json& a, const Json& b);

 private:
  void expect(bool holds, const char* what) const {
    if (!holds) throw JsonError("JSON", what, dump().substr(0, 80));
  }
  double number() const {
    expect(is_number(), "a number");
    return kind_ == Kind::real               ? of_.real
           : kind_ == Kind::unsigned_integer ? static_cast<double>(static_cast<std::uint64_t>(of_.integer))
                                             : static_cast<double>(of_.integer);
  }
  static void quote(std::string& out, std::string_view text);
  void write(std::string& out, int indent, int depth) const;

  union Storage {
    bool boolean;
    std::int64_t integer;  // the bits of an unsigned_integer too
    double real;
    std::string* text;
    std::vector<Json>* array;
    std::list<Member>* object;
  };
  Kind kind_ = Kind::null;
  Storage of_{};
};

struct Json::Member {
  std::string name;
  Json value;
};

inline Json Json::object(std::initializer_list<Member> members) {
  Json json;
  json.of_.object = new std::list<Member>(members);
  json.kind_ = Kind::object;
  return json;
}
inline Json::Json(std::initializer_list<Member> members) : Json(object(members)) {}
inline Json::Json(const Json& other) : kind_(other.kind_), of_(other.of_) {
  if (is_string()) of_.text = new std::string(*of_.text);
  if (is_array()) of_.array = new std::vector<Json>(*of_.array);
  if (is_object()) of_.object = new std::list<Member>(*of_.object);
}
inline Json::~Json() {
  if (is_string()) delete of_.text;
  if (is_array()) delete of_.array;
  if (is_object()) delete of_.object;
}
inline const std::list<Json::Member>& Json::items() const {
  static const std::list<Member> none;
  return is_object() ? *of_.object : none;
}
inline std::size_t Json::size() const { return is_array() ? of_.array->size() : items().size(); }
inline const Json* Json::find(std::string_view name) const {
  for (const Member& member : items())
    if (member.name == name) return &member.value;
  return nullptr;
}
inline Json& Json::append(std::string name, Json value) {
  if (is_null()) *this = object();
  expect(is_object(), "an object");
  of_.object->push_back({std::move(name), std::move(value)});
  return of_.object->back().value;
}
inline Json& Json::operator[](const std::string& name) {
  const Json* const member = find(name);
  return member ? const_cast<Json&>(*member) : append(name, {});
}
inline void Json::erase(std::string_view name) {
  if (is_object()) of_.object->remove_if([&](const Member& member) { return member.name == name; });
}

inline bool operator==(const Json& a, const Json& b) {
  using Kind = Json::Kind;
  if (a.is_number() && b.is_number())
    return a.kind_ == b.kind_ && a.kind_ != Kind::real ? a.of_.integer == b.of_.integer : a.number() == b.number();
  if (a.kind_ != b.kind_ || a.size() != b.size()) return false;
  if (a.is_boolean()) return a.of_.boolean == b.of_.boolean;
  if (a.is_string()) return *a.of_.text == *b.of_.text;
  for (std::size_t i = 0; a.is_array() && i < a.size(); ++i)
    if (!(a[i] == b[i])) return false;
  for (const auto& [name, value] : a.items())
    if (const Json* const other = b.find(name); !other || !(*other == value)) return false;
  return true;
}

inline void Json::quote(std::string& out, std::string_view text) {
  constexpr const char* digits = "0123456789abcdef";
  out += '"';
  for (std::size_t i = 0; i < text.size();) {
    const auto code = static_cast<unsigned char>(text[i]);
    const std::size_t length = io::utf8_length(text.substr(i));
    if (code == '"' || code == '\\')
      (out += '\\') += text[i];
    else if (code == '\n')
      out += "\\n";
    else if (code < 0x20)
      ((out += "\\u00") += digits[code >> 4]) += digits[code & 15];
    else if (length == 0)
      out += "\xef\xbf\xbd";
    else
      out += text.substr(i, length);
    i += length == 0 ? 1 : length;
  }
  out += '"';
}

inline void Json::write(std::string& out, int indent, int depth) const {
  char digits[32];
  switch (kind_) {
    case Kind::null: out += "null"; return;
    case Kind::boolean: out += of_.boolean ? "true" : "false"; return;
    case Kind::integer: out += std::to_string(of_.integer); return;
    case Kind::unsigned_integer: out += std::to_string(static_cast<std::uint64_t>(of_.integer)); return;
    case Kind::real: {
      const std::string_view text(
          digits, static_cast<std::size_t>(std::to_chars(digits, digits + sizeof digits, of_.real).ptr - digits));
      if (!is_finite(of_.real))
        out += "null";
      else
        out.append(text).append(text.find_first_of(".e") == text.npos ? ".0" : "");
      return;
    }
    case Kind::string: quote(out, *of_.text); return;
    default: break;
  }
  const auto line = [&](int level) {
    if (indent >= 0) out.append("\n").append(static_cast<std::size_t>(level * indent), ' ');
  };
  const std::size_t empty = out.size() + 1;
  out += is_array() ? '[' : '{';
  const auto separate = [&] {
    if (out.size() > empty) out += ',';
    line(depth + 1);
  };
  for (const Json& item : *this) {
    separate();
    item.write(out, indent, depth + 1);
  }
  for (const auto& [name, value] : items()) {
    separate();
    quote(out, name);
    out += indent >= 0 ? ": " : ":";
    value.write(out, indent, depth + 1);
  }
  if (out.size() > empty) line(depth);
  out += is_array() ? ']' : '}';
}

struct JsonOptions {
  /// Python's json module writes NaN, Infinity and -Infinity, and so Keras does.
  bool allow_nonfinite = false;
  Index depth = 64;
};

namespace io {

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
    while (at_ < text_.size() &&
           (text_[at_] == ' ' || text_[at_] == '\n' || text_[at_] == '\r' || text_[at_] == '\t'))
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
      budget_.charge(48, where_);
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
      byte(0xe0 | code >> 12), byte(0x80 | (code >> 6 & 0x3f));
    } else {
      byte(0xf0 | code >> 18), byte(0x80 | (code >> 12 & 0x3f)), byte(0x80 | (code >> 6 & 0x3f));
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

  Json number() {
    const std::size_t start = at_;
    const auto digits = [&] {
      const std::size_t before = at_;
      while (peek() >= '0' && peek() <= '9') ++at_;
      if (at_ == before) miss(before == start ? "a value" : "a digit");
    };
    if (peek() == '-') ++at_;
    bool whole = true, small = peek() == '0';
    if (small)
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
      small = peek() == '-';
      if (peek() == '-' || peek() == '+') ++at_;
      digits();
    }
    const char *const from = text_.data() + start, *const to = text_.data() + at_;
    if (whole) {
      std::int64_t integer = 0;
      std::uint64_t large = 0;
      if (std::from_chars(from, to, integer).ec == std::errc())
        return integer == 0 && *from == '-' ? Json(-0.0) : integer;
      if (*from != '-' && std::from_chars(from, to, large).ec == std::errc()) return large;
      refuse("an integer that fits 64 bits", shown(text_.substr(start, at_ - start)));
    }
    double real = 0;
    // out of range is also what rounds to 0
    if (std::from_chars(from, to, real).ec != std::errc() && !small) fail("a number that overflows");
    return real;
  }

  std::string_view text_;
  std::size_t at_ = 0;
  const std::string& where_;
  Budget& budget_;
  JsonOptions options_;
};

}  // namespace io

/// Parses the whole text as one JSON value. Throws FormatError naming `where` and the offset.
inline Json parse_json(std::string_view text, const std::string& where, io::Budget& budget,
                       const JsonOptions& options = {}) {
  if (text.starts_with("\xef\xbb\xbf")) throw FormatError(where, "JSON text", "a byte order mark");
  return io::JsonParser(text, where, budget, options).whole();
}
inline Json parse_json(std::string_view text, const std::string& where, const JsonOptions& options = {}) {
  io::Budget budget = io::Budget::for_structure(text.size());
  return parse_json(text, where, budget, options);
}

}  // namespace keel::inline KEEL_ABI
