#pragma once
/// Whether values are numbers, under -ffast-math too.

#include <cstdint>
#include <cstring>

#include <keel/tensor/shape.hpp>

namespace keel {
inline namespace KEEL_ABI {

/// False for NaN and the infinities. Looks at the exponent's bits, so that it holds under -ffast-math too.
inline bool is_finite(float value) {
  std::uint32_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  return (bits & 0x7f800000u) != 0x7f800000u;
}
/// The same of a double.
inline bool is_finite(double value) {
  std::uint64_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  return (bits & 0x7ff0000000000000u) != 0x7ff0000000000000u;
}

/// Whether all of `count` values are finite.
template <class T>
bool all_finite(Index count, const T* values) {
  bool finite = true;
  for (Index i = 0; i < count; ++i) finite = is_finite(values[i]) && finite;
  return finite;
}

}  // namespace KEEL_ABI
}  // namespace keel
