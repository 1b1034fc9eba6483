#pragma once
/// Operators of Keras's graphs, which are no layers there, as layers of keel: classes, options and what they are called
/// on.

#include <optional>

#include <keel/dialects/keras.hpp>
#include <keel/io/keras/value.hpp>
#include <keel/layers/base/config.hpp>

namespace keel {
inline namespace KEEL_ABI {

namespace io {

using namespace formats;

/// A layer of keel's in the making.
struct KerasOperation {
  std::string_view type;
  Config config;
  std::vector<double> constant = {};  ///< several numbers: the value of its parameter, of the shape among its options
};

/// What an operator becomes whose numbers are not simply a scale and an offset; nothing for the others. `options`: of
/// the configuration or the call. `tensors`: for each operand whether it is a tensor; `numbers` are those of the other,
/// along axes of `extents`, by default along one. Throws FormatError for options that keel does not know.
inline std::optional<KerasOperation> keras_operation(const dialects::KerasOperator& row, const Json& options,
                                                     const std::vector<bool>& tensors,
                                                     const std::vector<double>& numbers, std::vector<Index> extents,
                                                     const std::string& where) {
  using dialects::Arithmetic;
  const auto refuse = [&](const std::string& expected, const std::string& got) {
    throw FormatError(where, expected, got, "keel does not have this");
  };
  std::string_view keys = row.does == Arithmetic::reduction ? "axis keepdims"
                          : row.function == "clip_by_value" ? "x_min x_max clip_value_min clip_value_max"
                                                            : "";
  for (const auto& [key, value] : options.items())
    if ((" " + std::string(keys) + " ").find(" " + key + " ") == std::string::npos && !value.is_null() &&
        !(key == row.nothing && plain(value) == Json(0)))
      refuse("options that keel knows of an operator", shown(key) + ": " + value.dump().substr(0, 80));
  const std::string keel(row.keel);
  // a function with numbers in place of one of its arguments
  const auto with_numbers = [&](Config config) {
    config.set("position", tensors[0] ? Index{1} : Index{0});
    KerasOperation operation{dialects::keras_elementwise, std::move(config)};
    if (numbers.size() == 1) {
      operation.config.set("scalar", numbers[0]);
      return operation;
    }
    if (extents.empty()) extents = {static_cast<Index>(numbers.size())};
    operation.config.set("constant_shape", extents);
    operation.constant = numbers;
    return operation;
  };
  switch (row.does) {
    case Arithmetic::activation:
      if (tensors != std::vector<bool>{true}) refuse("one tensor", std::to_string(tensors.size()) + " operands");
      return KerasOperation{dialects::keras_function, {{"activation", keel}}};
    case Arithmetic::reduction: {
      if (tensors != std::vector<bool>{true}) refuse("one tensor", std::to_string(tensors.size()) + " operands");
      Config config{{"function", keel}};
      const Json* const axis = options.find("axis");
      if (!axis || plain(*axis).is_null()) refuse("an axis, for each sample alone", "none: over the batch too");
      config.set("axes", keras_integers(*axis, where + ": axis"));
      if (const Json* const keep = options.find("keepdims"))
        config.set("keepdims", keras_bool(*keep, where + ": keepdims"));
      return KerasOperation{dialects::keras_reduction, std::move(config)};
    }
    case Arithmetic::function: {
      Config config{{"function", keel}};
      if (row.function == "clip_by_value") {
        const bool keras3 = options.contains("x_min") || options.contains("x_max");
        const Json* const least = options.find(keras3 ? "x_min" : "clip_value_min");
        const Json* const most = options.find(keras3 ? "x_max" : "clip_value_max");
        if (!least || !most) refuse("both bounds", "one, or none");
        config.set("numbers", std::vector<double>{keras_number(*least, where), keras_number(*most, where)});
      }
      if (tensors.size() == 2 && tensors[0] != tensors[1]) return with_numbers(std::move(config));
      if (!tensors[0] || tensors.size() > 2)
        refuse("tensors and numbers", std::to_string(tensors.size()) + " operands");
      return KerasOperation{dialects::keras_elementwise, std::move(config)};
    }
    case Arithmetic::quotient:
      if (tensors == std::vector<bool>{true, true})
        return KerasOperation{dialects::keras_elementwise, {{"function", keel}}};
      if (tensors == std::vector<bool>{false, true}) return with_numbers({{"function", keel}});
      return std::nullopt;
    default: return std::nullopt;
  }
}

}  // namespace io

}  // namespace KEEL_ABI
}  // namespace keel
