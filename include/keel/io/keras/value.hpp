#pragma once
/// Values in Keras's JSON, freed from what the versions of Keras wrap them in.

#include <keel/formats/json.hpp>
#include <keel/tensor/shape.hpp>

namespace keel {
inline namespace KEEL_ABI {

namespace io {

using namespace formats;

/// Member `name` of a JSON object. Throws FormatError where there is none.
inline const Json& keras_member(const Json& json, const char* name, const std::string& where) {
  const Json* const found = json.find(name);
  if (!found) throw FormatError(where, std::string("\"") + name + "\"", "none");
  return *found;
}
inline std::string keras_text(const Json& json, const char* name, const std::string& where) {
  const Json& value = keras_member(json, name, where);
  if (!value.is_string())
    throw FormatError(where, std::string("\"") + name + "\" as a text", value.dump().substr(0, 80));
  return value.text();
}
/// "name" where it is a text, else nothing.
inline std::string keras_name(const Json& json) {
  const Json* const name = json.find("name");
  return name && name->is_string() ? name->text() : "";
}

/// The value itself of a tuple, a shape, a NumPy or tensor value and a dtype policy:
/// {"class_name": "__tuple__", "items": [...]}, {"class_name": "__numpy__", "config": {"value": ...}},
/// {"class_name": "DTypePolicy", "config": {"name": "float32"}}.
inline const Json& plain(const Json& value) {
  if (!value.is_object()) return value;
  for (const char* wrapped : {"items", "value"})
    if (const Json* const inner = value.find(wrapped)) return plain(*inner);
  const Json* const config = value.find("config");
  if (!config || !config->is_object() || !value.contains("class_name")) return value;
  if (const Json* const inner = config->find("value")) return plain(*inner);
  const Json* const name = config->find("name");
  return name && config->size() == 1 ? *name : value;
}

inline double keras_number(const Json& json, const std::string& where) {
  const Json& value = plain(json);
  if (value.is_number()) return value.get<double>();
  if (value.is_array() && value.size() == 1) return keras_number(value[0], where);
  throw FormatError(where, "a number", value.dump().substr(0, 80));
}
/// The numbers of a number or a list. Lists in a list are taken where they hold one item, [[1, 2, 3]], so that the
/// numbers run along the last axis; else FormatError.
inline std::vector<double> keras_last_axis(const Json& json, const std::string& where) {
  const Json* value = &plain(json);
  while (value->is_array() && value->size() == 1 && plain((*value)[0]).is_array()) value = &plain((*value)[0]);
  if (!value->is_array()) return {keras_number(*value, where)};
  std::vector<double> numbers;
  for (const Json& each : *value) {
    if (!plain(each).is_number())
      throw FormatError(where, "one number, or one for each place of the last axis", value->dump().substr(0, 80));
    numbers.push_back(plain(each).get<double>());
  }
  return numbers;
}
/// All numbers of a number, a list or a list of lists.
inline void append_numbers(const Json& json, std::vector<double>& to, const std::string& where) {
  const Json& value = plain(json);
  if (!value.is_array()) return to.push_back(keras_number(value, where));
  for (const Json& each : value) append_numbers(each, to, where);
}
inline std::vector<double> keras_numbers(const Json& json, const std::string& where) {
  std::vector<double> numbers;
  append_numbers(json, numbers, where);
  return numbers;
}
inline Index keras_integer(const Json& json, const std::string& where) {
  const Json& value = plain(json);
  if (value.is_array() && value.size() == 1) return keras_integer(value[0], where);
  if (!value.is_number_integer()) throw FormatError(where, "an integer", value.dump().substr(0, 80));
  return value.get<Index>();
}
/// An integer counts as a list of one.
inline std::vector<Index> keras_integers(const Json& json, const std::string& where) {
  const Json& value = plain(json);
  if (value.is_number_integer()) return {value.get<Index>()};
  std::vector<Index> integers;
  if (!value.is_array()) throw FormatError(where, "integers", value.dump().substr(0, 80));
  for (const Json& each : value) integers.push_back(keras_integer(each, where));
  return integers;
}
/// 1 and 0 count too.
inline bool keras_bool(const Json& json, const std::string& where) {
  const Json& value = plain(json);
  if (value.is_boolean()) return value.get<bool>();
  if (value.is_number() && (value == Json(0) || value == Json(1))) return value == Json(1);
  throw FormatError(where, "true or false", value.dump().substr(0, 80));
}

/// The JSON values of a row, "null false".
inline std::vector<Json> row_values(std::string_view text) {
  std::vector<Json> values;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = (std::min)(text.find(' ', at), text.size());
    values.push_back(parse_json(text.substr(at, end - at), "a row of Keras"));
    at = end + 1;
  }
  return values;
}
/// Whether a row counts the value among its values.
inline bool row_allows(std::string_view values, const Json& value) {
  for (const Json& allowed : row_values(values))
    if (allowed == plain(value)) return true;
  return false;
}

}  // namespace io

}  // namespace KEEL_ABI
}  // namespace keel
