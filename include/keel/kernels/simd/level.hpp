#pragma once
/// The instruction sets that kernels are compiled for, and which one is used.

#include <cstdlib>
#include <string>
#include <string_view>

#include <keel/tensor/error.hpp>

/// True where the kernels are also compiled for AVX2+FMA and AVX-512 (x86-64 with gcc or clang, without KEEL_SIMD_OFF).
#if defined(__x86_64__) && !defined(KEEL_SIMD_OFF)
#define KEEL_SIMD_X86 1
#else
#define KEEL_SIMD_X86 0
#endif

namespace keel {
inline namespace KEEL_ABI {

/// The instruction sets that kernels are compiled for. `baseline` is what the compiler was told to target; with
/// KEEL_SIMD_OFF (tensor/abi.hpp) it is all there is, made of Eigen's vectors.
enum class SimdLevel { baseline, avx2, avx512 };

/// As KEEL_SIMD spells it: "avx2".
inline const char* to_string(SimdLevel level) {
  return level == SimdLevel::avx512 ? "avx512" : level == SimdLevel::avx2 ? "avx2" : "baseline";
}

/// The best level that this machine can run.
inline SimdLevel best_simd_level() {
#if KEEL_SIMD_X86
  static const SimdLevel best = [] {
    __builtin_cpu_init();
    const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    const bool avx512 = avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
    return avx512 ? SimdLevel::avx512 : avx2 ? SimdLevel::avx2 : SimdLevel::baseline;
  }();
  return best;
#else
  return SimdLevel::baseline;
#endif
}

/// The level that kernels use: the environment variable KEEL_SIMD (baseline, avx2 or avx512) at first use,
/// else the best one. Throws ConfigError for another value and for a level that the machine cannot run.
inline SimdLevel simd_level() {
  static const SimdLevel used = [] {
    const char* const text = std::getenv("KEEL_SIMD");
    if (text == nullptr || *text == '\0') return best_simd_level();
    for (const SimdLevel level : {SimdLevel::baseline, SimdLevel::avx2, SimdLevel::avx512})
      if (std::string_view(text) == to_string(level) && level <= best_simd_level()) return level;
    throw ConfigError("KEEL_SIMD", std::string("baseline, avx2 or avx512, at most ") + to_string(best_simd_level()),
                      text, "unset the environment variable to use the best level of this machine");
  }();
  return used;
}

/// What keel found and chose on this machine.
struct CpuInfo {
  SimdLevel simd;       ///< used by the kernels
  SimdLevel best_simd;  ///< the best one the machine can run

  /// "simd avx2 (best avx512)".
  std::string to_string() const {
    return std::string("simd ") + keel::to_string(simd) + " (best " + keel::to_string(best_simd) + ")";
  }
};

inline CpuInfo cpu_info() { return {simd_level(), best_simd_level()}; }  ///< What keel found and chose on this machine.

}  // namespace KEEL_ABI
}  // namespace keel
