#pragma once
/// Checks of an option's range, for constructors that take numbers from a user.

#include <string>

#include <keel/tensor/finite.hpp>
#include <keel/tensor/text.hpp>

namespace keel {
inline namespace KEEL_ABI {
namespace detail {

/// Throws ConfigError unless `low` <= value <= `high`; NaN never is.
inline void check_range(const std::string& where, const char* option, double value, double low, double high) {
  if (is_finite(value) && value >= low && value <= high) return;
  throw ConfigError(where, std::string(option) + " within [" + text(low) + ", " + text(high) + "]", text(value));
}
/// Throws ConfigError unless value is finite and above 0 (`or_zero`: 0 or more).
inline void check_positive(const std::string& where, const char* option, double value, bool or_zero = false) {
  if (is_finite(value) && (value > 0 || (or_zero && value == 0))) return;
  throw ConfigError(where, std::string(option) + (or_zero ? " of 0 or more" : " above 0"), text(value));
}

}  // namespace detail
}  // namespace KEEL_ABI
}  // namespace keel
