#pragma once
/// JSON read strictly: RFC 8259, no duplicate keys, no byte order mark, no integer that would be rounded, bounded
/// nesting and memory. Needs nlohmann-json (Debian: nlohmann-json3-dev).

#include <keel/io/bytes.hpp>

#ifndef KEEL_HAS_JSON
#if __has_include(<nlohmann/json.hpp>)
#define KEEL_HAS_JSON 1
#else
#define KEEL_HAS_JSON 0
#endif
#endif

#if KEEL_HAS_JSON
#include <limits>
#include <vector>

#include <nlohmann/json.hpp>
#endif

namespace keel::inline KEEL_ABI {

namespace io {

[[noreturn]] inline void missing_json(const std::string& where) {
  missing_library(where, "nlohmann-json", "nlohmann-json3-dev");
}

}  // namespace io

#if KEEL_HAS_JSON

using Json = nlohmann::json;

struct JsonOptions {
  /// Python's json module writes NaN, Infinity and -Infinity, and so Keras does.
  bool allow_nonfinite = false;
  Index depth = 64;
};

namespace io {

/// Builds a Json from nlohmann's events, refusing what its own builder lets pass.
class JsonBuilder {
 public:
  JsonBuilder(const std::string& where, Budget& budget, const JsonOptions& options)
      : where_(where), budget_(budget), options_(options) {}

  Json take() { return std::move(root_); }

  bool null() { return add(nullptr); }
  bool boolean(bool value) { return add(value); }
  bool number_integer(std::int64_t value) { return add(value); }
  bool number_unsigned(std::uint64_t value) { return add(value); }
  bool number_float(double value, const std::string& text) {
    if (text.find_first_of(".eE") == text.npos) fail("an integer that fits 64 bits", shown(text));
    return add(value);
  }
  bool string(std::string& value) {
    if (options_.allow_nonfinite && value.starts_with(marker)) {
      constexpr double infinity = std::numeric_limits<double>::infinity();
      return add(value.ends_with('N')               ? std::numeric_limits<double>::quiet_NaN()
                 : value[sizeof(marker) - 1] == '-' ? -infinity
                                                    : infinity);
    }
    budget_.charge(value.size() + 80, where_);
    return add(std::move(value));
  }
  bool binary(Json::binary_t&) { return false; }
  bool start_object(std::size_t) { return open(Json::object()); }
  bool end_object() { return close(); }
  bool start_array(std::size_t) { return open(Json::array()); }
  bool end_array() { return close(); }
  bool key(std::string& name) {
    if (options_.allow_nonfinite && name.starts_with(marker)) fail("texts as keys", "a number");
    if (open_.back()->contains(name)) fail("keys that differ", "two keys " + shown(name));
    budget_.charge(name.size(), where_);
    key_ = std::move(name);
    return true;
  }
  bool parse_error(std::size_t offset, const std::string&, const nlohmann::detail::exception& error) {
    std::string message = error.what();
    for (const std::string_view before : {"] ", ": "})
      if (const std::size_t at = message.find(before); at != message.npos) message.erase(0, at + before.size());
    if (message.size() > 160) message = message.substr(0, 160) + "...";
    throw FormatError(where_ + ", offset " + std::to_string(offset), "valid JSON (RFC 8259)", message);
  }

  /// Stands before NaN and the infinities while they pass through the parser as strings.
  static constexpr char marker[] = "\x7f\x01nonfinite:";

 private:
  [[noreturn]] void fail(const std::string& expected, const std::string& got) const {
    throw FormatError(where_, "JSON with " + expected, got);
  }
  template <class Value>
  bool add(Value&& value) {
    place(Json(std::forward<Value>(value)));
    return true;
  }
  Json* place(Json&& value) {
    budget_.charge(open_.empty() || open_.back()->is_array() ? 48 : 144, where_);
    if (open_.empty()) return &(root_ = std::move(value));
    Json& parent = *open_.back();
    if (parent.is_array()) {
      parent.push_back(std::move(value));
      return &parent.back();
    }
    return &(parent[key_] = std::move(value));
  }
  bool open(Json&& container) {
    if (static_cast<Index>(open_.size()) >= options_.depth)
      fail("at most " + std::to_string(options_.depth) + " levels", "deeper nesting");
    budget_.charge(64, where_);
    open_.push_back(place(std::move(container)));
    return true;
  }
  bool close() {
    open_.pop_back();
    return true;
  }

  std::string where_;
  Budget& budget_;
  JsonOptions options_;
  Json root_;
  std::vector<Json*> open_;
  std::string key_;
};

/// Python's NaN, Infinity and -Infinity outside strings, each replaced by a marked string.
inline std::string mark_nonfinite(std::string_view text) {
  std::string out;
  out.reserve(text.size() + text.size() / 8);
  bool quoted = false;
  for (std::size_t i = 0; i < text.size();) {
    std::string_view word;
    if (!quoted)
      for (const std::string_view candidate : {"NaN", "Infinity", "-Infinity"})
        if (text.substr(i).starts_with(candidate)) word = candidate;
    if (!word.empty()) {
      (out += "\"\x7f\\u0001nonfinite:") += word;
      out += '"';
      i += word.size();
      continue;
    }
    if (quoted && text[i] == '\\' && i + 1 < text.size())
      out += text[i++];
    else if (text[i] == '"')
      quoted = !quoted;
    out += text[i++];
  }
  return out;
}

/// Json::sax_parse, without the readers of binary formats that it would compile as well.
inline void parse_text(std::string_view text, JsonBuilder& builder) {
  auto adapter = nlohmann::detail::input_adapter(text.begin(), text.end());
  nlohmann::detail::parser<Json, decltype(adapter)>(std::move(adapter)).sax_parse(&builder);
}

}  // namespace io

/// Parses the whole text as one JSON value. Throws FormatError naming `where` and the offset.
inline Json parse_json(std::string_view text, const std::string& where, io::Budget& budget,
                       const JsonOptions& options = {}) {
  if (text.starts_with("\xef\xbb\xbf")) throw FormatError(where, "JSON text", "a byte order mark");
  io::JsonBuilder builder(where, budget, options);
  if (options.allow_nonfinite && (text.find("NaN") != text.npos || text.find("Infinity") != text.npos)) {
    budget.charge(2 * text.size(), where);
    io::parse_text(io::mark_nonfinite(text), builder);
  } else {
    io::parse_text(text, builder);
  }
  return builder.take();
}
inline Json parse_json(std::string_view text, const std::string& where, const JsonOptions& options = {}) {
  io::Budget budget = io::Budget::for_structure(text.size());
  return parse_json(text, where, budget, options);
}

#endif

}  // namespace keel::inline KEEL_ABI
