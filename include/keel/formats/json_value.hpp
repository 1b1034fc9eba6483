#pragma once
/// JSON as values in memory and as text, on one line or indented; json.hpp reads it.

#include <charconv>
#include <concepts>
#include <initializer_list>
#include <list>
#include <utility>
#include <vector>

#include <keel/formats/bytes.hpp>
#include <keel/tensor/finite.hpp>

namespace keel {
inline namespace KEEL_ABI {

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

  Json() = default;
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
    switch (kind_) {
      case Kind::null: return "null";
      case Kind::boolean: return "boolean";
      case Kind::integer:
      case Kind::unsigned_integer:
      case Kind::real: return "number";
      case Kind::string: return "string";
      case Kind::array: return "array";
      case Kind::object: return "object";
    }
    return "null";
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
  Json value(std::string_view name, const Json& fallback) const {
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
    const std::size_t length = formats::utf8_length(text.substr(i));
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
    if (indent >= 0) out.append("\n").append(static_cast<std::size_t>(level) * static_cast<std::size_t>(indent), ' ');
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

}  // namespace KEEL_ABI
}  // namespace keel
