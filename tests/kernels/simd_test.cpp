#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <vector>

#include <keel/kernels/simd/vector.hpp>

#define KEEL_SIMD_SOURCE "kernels/simd_test.inl"  // found through -I tests
#include <keel/kernels/simd/foreach.inl>

using keel::Index;
using keel::SimdLevel;

namespace {
std::vector<SimdLevel> levels() {
  std::vector<SimdLevel> result{SimdLevel::baseline};
  for (const SimdLevel level : {SimdLevel::avx2, SimdLevel::avx512})
    if (level <= keel::best_simd_level()) result.push_back(level);
  return result;
}
}  // namespace

TEST_CASE_TEMPLATE("simd: a tail element gets the bits of a lane, memory past it is not touched", T, float, double) {
  for (const SimdLevel level : levels()) {
    const std::size_t n = 70;
    std::vector<T> x(n), y(n), whole(n);
    for (std::size_t i = 0; i < n; ++i) x[i] = T(1) / T(i + 3), y[i] = whole[i] = T(0.3) * T(i);
    KEEL_SIMD_CALL(level, axpy<T>)(64, T(0.7), x.data(), whole.data());
    for (std::size_t count = 0; count <= 64; ++count) {
      std::vector<T> part = y;
      KEEL_SIMD_CALL(level, axpy<T>)(Index(count), T(0.7), x.data(), part.data());
      for (std::size_t i = 0; i < n; ++i) REQUIRE(part[i] == (i < count ? whole[i] : y[i]));
    }
    CHECK(whole[1] == doctest::Approx(0.3 + 0.7 / 4));
  }
}

TEST_CASE_TEMPLATE("simd: vector functions", T, float, double) {
  const T nan = std::numeric_limits<T>::quiet_NaN();
  for (const SimdLevel level : levels()) {
    std::vector<T> a(16), b(16), out(96);
    T total = 0;
    for (std::size_t i = 0; i < 16; ++i) a[i] = T(i) - T(2.5), b[i] = i % 2 == 0 ? T(-1) : T(1);
    auto call = KEEL_SIMD_CALL(level, each_function<T>);
    const std::size_t lanes = static_cast<std::size_t>(call(a.data(), b.data(), out.data()));
    for (std::size_t i = 0; i < lanes; ++i) total += a[i];
    for (std::size_t i = 0; i < lanes; ++i) {
      CHECK(out[i] == (std::max)(a[i], b[i]));
      CHECK(out[lanes + i] == (std::min)(a[i], b[i]));
      CHECK(out[2 * lanes + i] == (a[i] < b[i] ? a[i] : T(0)));
      CHECK(out[3 * lanes + i] == std::trunc(a[i]));
      CHECK(out[4 * lanes + i] == total);
      CHECK(out[5 * lanes + i] == a[0]);
    }
    a[0] = nan;
    if (lanes > 1) b[1] = nan;
    call(a.data(), b.data(), out.data());
    CHECK(std::isnan(out[0]));
    CHECK(std::isnan(out[lanes]));
    if (lanes > 1) CHECK(std::isnan(out[1]));
    if (lanes > 1) CHECK(std::isnan(out[lanes + 1]));
  }
}

TEST_CASE("simd: the chosen level can run here") {
  const keel::CpuInfo info = keel::cpu_info();
  CHECK(info.simd <= info.best_simd);
  CHECK(info.to_string().find(keel::to_string(info.simd)) != std::string::npos);
}
