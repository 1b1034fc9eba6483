#pragma once

#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <vector>

#include <doctest/doctest.h>
#include <keel/kernels/context.hpp>
#include <keel/tensor/finite.hpp>
#include <keel/tensor/tensor.hpp>

namespace kernel_testing {

using keel::Index;
using keel::SimdLevel;

/// The instruction sets that this machine can run.
inline std::vector<SimdLevel> levels() {
  std::vector<SimdLevel> all;
  for (const SimdLevel level : {SimdLevel::baseline, SimdLevel::avx2, SimdLevel::avx512})
    if (level <= keel::best_simd_level()) all.push_back(level);
  return all;
}

template <class T>
std::vector<T> random_values(Index count, unsigned seed, double mean = 0, double deviation = 1) {
  std::mt19937 engine(seed);
  std::normal_distribution<double> normal(mean, deviation);
  std::vector<T> values(static_cast<std::size_t>(count));
  for (T& value : values) value = static_cast<T>(normal(engine));
  return values;
}

/// Uniform in [-1, 1), never 0, aligned as tensors are.
template <class T>
keel::AlignedVector<T> uniform_values(Index count, std::uint32_t seed) {
  keel::AlignedVector<T> values(static_cast<std::size_t>(count));
  std::uint32_t state = seed * 2654435761u + 1;
  for (T& value : values) {
    state = state * 1664525u + 1013904223u;
    value = (static_cast<T>(state >> 8) + T(0.5)) / T(1 << 23) - 1;
  }
  return values;
}

template <class T>
bool same_bits(T a, T b) {
  return std::memcmp(&a, &b, sizeof a) == 0;
}
template <class T>
bool same_bits(const std::vector<T>& a, const std::vector<T>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(T)) == 0;
}

/// Largest |actual - expected| / max(|expected|, floor). A pair that is not finite counts 0 if equal (NaN with
/// NaN), else infinity. Fails when over half of the expected values are zero, since such a comparison proves
/// little.
template <class T, class U>
double worst_error(const std::vector<T>& actual, const std::vector<U>& expected, double floor) {
  REQUIRE(actual.size() == expected.size());
  double worst = 0;
  std::size_t zeros = 0;
  for (std::size_t i = 0; i < actual.size(); ++i) {
    const double a = static_cast<double>(actual[i]), e = static_cast<double>(expected[i]);
    zeros += e == 0;
    double error = std::abs(a - e) / (std::max)(std::abs(e), floor);
    if (!keel::is_finite(a) || !keel::is_finite(e))
      error = a == e || (a != a && e != e) ? 0 : std::numeric_limits<double>::infinity();
    worst = (std::max)(worst, error);
  }
  CHECK_MESSAGE(zeros * 2 <= actual.size(), "a comparison with zeros");
  return worst;
}

}  // namespace kernel_testing
