#pragma once
/// JSON as values in memory and as text, on one line or indented; json.hpp reads it.

#include <charconv>
#include <concepts>
#include <initializer_list>
#include <list>
#include <memory>
#include <utility>
#include <variant>
#include <vector>

#include <keel/formats/bytes.hpp>
#include <keel/tensor/finite.hpp>

namespace keel {
inline namespace KEEL_ABI {

/// A JSON value of another type than it is used as.
class JsonError : public FormatError {
  using FormatError::FormatError;
};

namespace formats {

/// A value on the heap that is copied with what holds it; moved from, it is empty. The old value ends last in an
/// assignment, so that a part of it may be what is assigned.
template <class Value>
class Boxed {
 public:
  Boxed() = default;
  template <class... Arguments>
  explicit Boxed(std::in_place_t, Arguments&&... arguments)
      : value_(std::make_unique<Value>(std::forward<Arguments>(arguments)...)) {}
  Boxed(const Boxed& other) : value_(other.value_ ? std::make_unique<Value>(*other.value_) : nullptr) {}
  Boxed(Boxed&&) noexcept = default;
  Boxed& operator=(const Boxed& other) { return *this = Boxed(other); }
  Boxed& operator=(Boxed&&) noexcept = default;
  ~Boxed() = default;

  Value* get() const { return value_.get(); }

 private:
  std::unique_ptr<Value> value_;
};

}  // namespace formats

/// A JSON value. Moved from, a text, an array or an object is null. Objects keep the order of their members:
///
///     Json json = {{"name", "conv2d"}, {"shape", Json::array({3, 3})}};
///     json["strides"] = 2;
///     for (const auto& [name, value] : json.items()) ...
class Json {
 public:
  struct Member;

  Json() = default;
  Json(std::nullptr_t) {}
  Json(bool value) : scalar_(value) {}
  template <std::integral Integer>
  Json(Integer value) {
    if (std::in_range<std::int64_t>(value))
      scalar_ = static_cast<std::int64_t>(value);
    else
      scalar_ = static_cast<std::uint64_t>(value);
  }
  Json(double value) : scalar_(value) {}
  Json(std::string text) : content_(std::in_place, std::move(text)) {}
  Json(const char* text) : Json(std::string(text)) {}
  template <class Value>
  Json(const std::vector<Value>& values) : Json(array()) {
    for (const Value& value : values) push_back(value);
  }
  Json(std::initializer_list<Member> members);
  static Json array(std::initializer_list<Json> items = {}) {
    Json json;
    json.content_ = Box(std::in_place, Items(items));
    return json;
  }
  static Json object(std::initializer_list<Member> members = {});

  bool is_null() const { return !content_.get() && std::holds_alternative<std::nullptr_t>(scalar_); }
  bool is_boolean() const { return std::holds_alternative<bool>(scalar_); }
  bool is_number_integer() const {
    return std::holds_alternative<std::int64_t>(scalar_) || std::holds_alternative<std::uint64_t>(scalar_);
  }
  bool is_number_unsigned() const {
    const auto* const integer = std::get_if<std::int64_t>(&scalar_);
    return is_number_integer() && !(integer && *integer < 0);
  }
  bool is_number() const { return is_number_integer() || std::holds_alternative<double>(scalar_); }
  bool is_string() const { return content<std::string>() != nullptr; }
  bool is_array() const { return content<Items>() != nullptr; }
  bool is_object() const { return content<Members>() != nullptr; }
  const char* type_name() const {
    return is_boolean()  ? "boolean"
           : is_number() ? "number"
           : is_string() ? "string"
           : is_array()  ? "array"
           : is_object() ? "object"
                         : "null";
  }

  /// The value as a bool, an integer, a double, a std::string or a std::vector of these. Throws JsonError where it
  /// is of another type or does not fit.
  template <class Value>
  Value get() const {
    if constexpr (std::is_same_v<Value, Json>) {
      return *this;
    } else if constexpr (std::is_same_v<Value, bool>) {
      expect(is_boolean(), "a boolean");
      return std::get<bool>(scalar_);
    } else if constexpr (std::is_same_v<Value, std::string>) {
      return text();
    } else if constexpr (std::is_floating_point_v<Value>) {
      return static_cast<Value>(number());
    } else if constexpr (std::is_integral_v<Value>) {
      Value value = 0;
      expect(std::visit([&](auto number) { return to_integer(number, value); }, scalar_), "an integer in range");
      return value;
    } else {
      expect(is_array(), "a list");
      Value values;
      for (const Json& item : *this) values.push_back(item.get<typename Value::value_type>());
      return values;
    }
  }
  const std::string& text() const {
    expect(is_string(), "a string");
    return *content<std::string>();
  }

  /// Items of an array; nothing for other values.
  const Json* begin() const { return is_array() ? content<Items>()->data() : nullptr; }
  const Json* end() const { return begin() + (is_array() ? content<Items>()->size() : 0); }
  /// Members of an object, `const auto& [name, value]`; nothing for other values.
  const std::list<Member>& items() const;
  std::size_t size() const;
  bool empty() const { return size() == 0; }

  template <std::integral Place>
  const Json& operator[](Place i) const {
    expect(is_array() && std::cmp_less(i, size()) && !std::cmp_less(i, 0), "a longer list");
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
    content<Items>()->push_back(std::move(item));
    return content<Items>()->back();
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
  using Items = std::vector<Json>;
  using Members = std::list<Member>;
  using Content = std::variant<std::string, Items, Members>;
  using Box = formats::Boxed<Content>;

  void expect(bool holds, const char* what) const {
    if (!holds) throw JsonError("JSON", what, dump().substr(0, 80));
  }
  double number() const {
    expect(is_number(), "a number");
    return std::visit([](auto number) { return to_double(number); }, scalar_);
  }
  template <class Number>
  static double to_double(Number number) {
    if constexpr (std::is_arithmetic_v<Number>)
      return static_cast<double>(number);
    else
      return 0;
  }
  /// Whether the scalar is an integer that fits.
  template <class Number, class Value>
  static bool to_integer(Number number, Value& value) {
    if constexpr (std::is_same_v<Number, std::int64_t> || std::is_same_v<Number, std::uint64_t>) {
      value = static_cast<Value>(number);
      return std::in_range<Value>(number);
    } else {
      return false;
    }
  }
  template <class Kind>
  Kind* content() const {
    return std::get_if<Kind>(content_.get());
  }
  static void quote(std::string& out, std::string_view text);
  void write_scalar(std::string& out) const;
  void write(std::string& out, int indent, int depth) const;

  std::variant<std::nullptr_t, bool, std::int64_t, std::uint64_t, double> scalar_;  // null where there is content
  Box content_;
};

struct Json::Member {
  std::string name;
  Json value;
};

inline Json Json::object(std::initializer_list<Member> members) {
  Json json;
  json.content_ = Box(std::in_place, Members(members));
  return json;
}
inline Json::Json(std::initializer_list<Member> members) : Json(object(members)) {}
inline const std::list<Json::Member>& Json::items() const {
  static const std::list<Member> none;
  return is_object() ? *content<Members>() : none;
}
inline std::size_t Json::size() const { return is_array() ? content<Items>()->size() : items().size(); }
inline const Json* Json::find(std::string_view name) const {
  for (const Member& member : items())
    if (member.name == name) return &member.value;
  return nullptr;
}
inline Json& Json::append(std::string name, Json value) {
  if (is_null()) *this = object();
  expect(is_object(), "an object");
  content<Members>()->push_back({std::move(name), std::move(value)});
  return content<Members>()->back().value;
}
inline Json& Json::operator[](const std::string& name) {
  const Json* const member = find(name);
  return member ? const_cast<Json&>(*member) : append(name, {});
}
inline void Json::erase(std::string_view name) {
  if (is_object()) content<Members>()->remove_if([&](const Member& member) { return member.name == name; });
}

inline bool operator==(const Json& a, const Json& b) {
  if (a.is_number() && b.is_number() && a.scalar_.index() != b.scalar_.index()) return a.number() == b.number();
  if (a.scalar_ != b.scalar_ || a.type_name() != b.type_name() || a.size() != b.size()) return false;
  if (a.is_string()) return a.text() == b.text();
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

inline void Json::write_scalar(std::string& out) const {
  if (const auto* const integer = std::get_if<std::int64_t>(&scalar_)) {
    out += std::to_string(*integer);
  } else if (const auto* const large = std::get_if<std::uint64_t>(&scalar_)) {
    out += std::to_string(*large);
  } else if (const auto* const real = std::get_if<double>(&scalar_); real && is_finite(*real)) {
    char digits[32];
    const std::string_view text(
        digits, static_cast<std::size_t>(std::to_chars(digits, digits + sizeof digits, *real).ptr - digits));
    out.append(text).append(text.find_first_of(".e") == text.npos ? ".0" : "");
  } else {
    out += !is_boolean() ? "null" : std::get<bool>(scalar_) ? "true" : "false";
  }
}

inline void Json::write(std::string& out, int indent, int depth) const {
  if (!content_.get()) return write_scalar(out);
  if (is_string()) return quote(out, text());
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
