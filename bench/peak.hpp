#pragma once
/// The core's measured peak, for the share of it that a kernel reaches.

#include <algorithm>
#include <ctime>

#include <keel/kernels/simd/vector.hpp>

#define KEEL_SIMD_SOURCE "peak.inl"  // found through -I bench
#include <keel/kernels/simd/foreach.inl>

/// CPU seconds of this thread: other programs on the machine do not count.
inline double thread_seconds() {
  timespec t;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

/// Best of a few short runs, in FLOP/s, so that it can be measured again beside each benchmark.
inline double peak_flops() {
  double best = 0;
  for (int i = 0; i < 5; ++i) {
    float values[64] = {};
    std::fill(values, values + 32, 0.5f);
    const double start = thread_seconds();
    const double work = KEEL_SIMD_CALL(keel::simd_level(), fma_chains<float>)(100'000, values);
    best = (std::max)(best, work / (thread_seconds() - start));
  }
  return best;
}
