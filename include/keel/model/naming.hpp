#pragma once
/// The names that layers get where the user gives none.

#include <algorithm>
#include <string>
#include <vector>

#include <keel/tensor/abi.hpp>

namespace keel {
inline namespace KEEL_ABI {

/// Keras's name for an object of a class: "Conv2D" becomes "conv2d", "BatchNormalization" "batch_normalization",
/// "ReLU" "re_lu". An underscore goes before a capital that follows a small letter or begins a word of small
/// letters. Source: the two substitutions of to_snake_case in Keras's naming.py.
inline std::string snake_case(const std::string& type) {
  const auto lower = [](char c) { return c >= 'a' && c <= 'z'; };
  const auto upper = [](char c) { return c >= 'A' && c <= 'Z'; };
  std::string name;
  for (std::size_t i = 0; i < type.size(); ++i) {
    const bool word = i + 1 < type.size() && lower(type[i + 1]);
    if (i > 0 && upper(type[i]) && (word || lower(type[i - 1]))) name += '_';
    name += upper(type[i]) ? static_cast<char>(type[i] - 'A' + 'a') : type[i];
  }
  return name;
}

/// "dense", then "dense_1", ...: the first that is not among those taken.
inline std::string unique_name(const std::string& base, const std::vector<std::string>& taken) {
  std::string name = base;
  for (int i = 1; std::find(taken.begin(), taken.end(), name) != taken.end(); ++i)
    name = base + "_" + std::to_string(i);
  return name;
}

}  // namespace KEEL_ABI
}  // namespace keel
