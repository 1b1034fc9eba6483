#pragma once
/// Tile sizes, and the vector types and functions of vector.inl, once per instruction set, and the call through the
/// chosen one.

#include <keel/kernels/simd/level.hpp>
#include <keel/tensor/shape.hpp>

#if defined(KEEL_SIMD_OFF)
#include <keel/kernels/simd/eigen_vector.hpp>
#endif

#if defined(__GNUC__) || defined(__clang__)
#define KEEL_SIMD_INLINE inline __attribute__((always_inline))
#elif defined(_MSC_VER)
#define KEEL_SIMD_INLINE __forceinline
#else
#define KEEL_SIMD_INLINE inline
#endif

#if defined(__clang__)
#define KEEL_SIMD_UNROLLED _Pragma("unroll")
#elif defined(__GNUC__)
#define KEEL_SIMD_UNROLLED _Pragma("GCC unroll 32")
#else
#define KEEL_SIMD_UNROLLED
#endif

/// What asks for a cache line; the tests put something in its place that checks the address.
#if !defined(KEEL_SIMD_PREFETCH) && (defined(__GNUC__) || defined(__clang__))
#define KEEL_SIMD_PREFETCH(address, write, locality) __builtin_prefetch(address, write, locality)
#elif !defined(KEEL_SIMD_PREFETCH)
#define KEEL_SIMD_PREFETCH(address, write, locality) static_cast<void>(address)
#endif

/// `KEEL_SIMD_CALL(level, foo<T>)(arguments)` calls foo<T> in simd::avx512, simd::avx2 or simd::baseline.
#if KEEL_SIMD_X86
#define KEEL_SIMD_CALL(level, ...)                                           \
  ((level) == ::keel::SimdLevel::avx512 ? &::keel::simd::avx512::__VA_ARGS__ \
   : (level) == ::keel::SimdLevel::avx2 ? &::keel::simd::avx2::__VA_ARGS__   \
                                        : &::keel::simd::baseline::__VA_ARGS__)
#else
#define KEEL_SIMD_CALL(level, ...) ::keel::simd::only(level, &::keel::simd::baseline::__VA_ARGS__)

namespace keel {
inline namespace KEEL_ABI {
namespace simd {
template <class Function>
constexpr Function* only(SimdLevel, Function* function) {
  return function;
}
}  // namespace simd
}  // namespace KEEL_ABI
}  // namespace keel
#endif

#define KEEL_SIMD_SOURCE <keel/kernels/simd/vector.inl>
#include <keel/kernels/simd/foreach.inl>
