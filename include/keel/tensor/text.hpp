#pragma once
/// Numbers and lists as text, the same in every locale: for messages, tables and files.

#include <charconv>
#include <string>
#include <string_view>

#include <keel/tensor/abi.hpp>

namespace keel {
inline namespace KEEL_ABI {
namespace detail {

/// The value in the given form, with `digits` digits, or, below 0, with as many as it takes to read the same double
/// back.
inline std::string print_number(double value, std::chars_format form, int digits) {
  char buffer[400];  // the largest double has 309 digits before its point
  char* const end = buffer + sizeof buffer;
  const std::to_chars_result result =
      digits < 0 ? std::to_chars(buffer, end, value, form) : std::to_chars(buffer, end, value, form, digits);
  return {buffer, result.ptr};
}

/// "0.001", "1e-07", "nan": at most `digits` significant digits, as printf's %g writes them.
inline std::string text(double value, int digits = 6) {
  return print_number(value, std::chars_format::general, digits);
}
/// The shortest text that reads back as the same double: "0.1", "1e-07", "0.30000001192092896".
inline std::string shortest(double value) { return print_number(value, std::chars_format::general, -1); }
/// "0.3105": `decimals` digits after the point, as %f writes them. At most 80 of them.
inline std::string fixed(double value, int decimals) { return print_number(value, std::chars_format::fixed, decimals); }
/// "3.1050e-05": as %e writes it.
inline std::string scientific(double value, int decimals) {
  return print_number(value, std::chars_format::scientific, decimals);
}

/// projection(part) of each part, with `separator` between them: `join(shapes, ", ", [](const Shape& s) { return
/// s.to_string(); })`.
template <class Range, class Projection>
std::string join(const Range& parts, std::string_view separator, Projection projection) {
  std::string result;
  bool first = true;
  for (const auto& part : parts) {
    if (!first) result += separator;
    first = false;
    result += projection(part);
  }
  return result;
}
/// The same for parts that are texts or integers.
template <class Range>
std::string join(const Range& parts, std::string_view separator) {
  return join(parts, separator, [](const auto& part) -> decltype(auto) {
    if constexpr (requires { std::string_view(part); })
      return std::string_view(part);
    else
      return std::to_string(part);
  });
}

}  // namespace detail
}  // namespace KEEL_ABI
}  // namespace keel
