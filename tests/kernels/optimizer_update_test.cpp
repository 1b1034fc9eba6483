#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include <keel/kernels/optimizer_update.hpp>
#include <keel/tensor/tensor.hpp>

#include "kernel_testing.hpp"

using namespace keel;
using namespace kernel_testing;

namespace {

std::vector<double> random_values(std::size_t count, std::uint32_t state) {
  std::vector<double> values(count);
  for (double& value : values) {
    state = state * 1664525u + 1013904223u;
    value = double(float((state >> 8) + 0.5) / float(1 << 23) - 1);
  }
  return values;
}

// One value of each update, as its comment states it, in double.
struct Cell {
  double w, slots[3];
};
template <class T>
double rule(const GradientRule<T>& r, double g, Cell& c) {
  g = std::clamp(g * double(r.scale), -double(r.limit), double(r.limit)) + double(r.l2) * c.w;
  c.w *= double(r.keep);
  return g;
}
template <class T>
void formula(const MomentumUpdate<T>& u, double g, Cell& c, bool slot, bool, bool) {
  g = rule(u.gradient, g, c);
  if (slot) c.slots[0] = double(u.old) * c.slots[0] + double(u.fresh) * g;
  c.w += (slot ? double(u.of_momentum) * c.slots[0] : 0) + double(u.of_gradient) * g;
}
template <class T>
void formula(const AdamUpdate<T>& u, double g, Cell& c, bool, bool, bool top) {
  g = rule(u.gradient, g, c);
  c.slots[0] += double(u.fresh_1) * (g - c.slots[0]);
  c.slots[1] += double(u.fresh_2) * (g * g - c.slots[1]);
  if (top) c.slots[2] = (std::max)(c.slots[2], c.slots[1]);
  c.w -= double(u.step) * c.slots[0] / (double(u.root) * std::sqrt(c.slots[top ? 2 : 1]) + double(u.epsilon));
}
template <class T>
void formula(const RMSpropUpdate<T>& u, double g, Cell& c, bool, bool momentum, bool centered) {
  g = rule(u.gradient, g, c);
  c.slots[0] = double(u.old) * c.slots[0] + double(u.fresh) * g * g;
  if (centered) c.slots[2] = double(u.old) * c.slots[2] + double(u.fresh) * g;
  const double variance = c.slots[0] - (centered ? c.slots[2] * c.slots[2] : 0);
  double d = double(u.before) * g / (std::sqrt(variance + double(u.epsilon_inside)) + double(u.epsilon_outside));
  if (momentum) d = c.slots[1] = double(u.momentum) * c.slots[1] + d;
  c.w -= double(u.after) * d;
}

// Four steps against the formula, at several counts and on every instruction set; and equal bits from threads.
template <class T, template <class> class Update>
void check(const Update<T>& update, bool slot_0, bool slot_1, bool slot_2) {
  ThreadPool two(2), eight(8);
  for (const SimdLevel level : levels())
    for (const std::size_t count : {1u, 3u, 8u, 16u, 17u, 47u, 64u, 1000u, 100001u}) {
      CAPTURE(to_string(level));
      CAPTURE(count);
      std::vector<Cell> cells(count);
      AlignedVector<T> w(count), slots[3] = {AlignedVector<T>(count), AlignedVector<T>(count), AlignedVector<T>(count)};
      const std::vector<double> start = random_values(count, 7);
      for (std::size_t i = 0; i < count; ++i) {
        cells[i] = {start[i], {0, 0, 0}};
        w[i] = T(start[i]);
        for (AlignedVector<T>& slot : slots) slot[i] = 0;
      }
      const auto step = [&](const AlignedVector<T>& gradient, ThreadPool* pool) {
        optimizer_update(update, Index(count), gradient.data(), w.data(), slot_0 ? slots[0].data() : nullptr,
                         slot_1 ? slots[1].data() : nullptr, slot_2 ? slots[2].data() : nullptr, pool, level);
      };
      double worst = 0, moved = 0;
      for (std::uint32_t t = 0; t < 4; ++t) {
        const std::vector<double> g = random_values(count, 11 + t);
        AlignedVector<T> gradient(count);
        for (std::size_t i = 0; i < count; ++i) gradient[i] = T(g[i]);
        const AlignedVector<T> w_before = w;
        const AlignedVector<T> before[3] = {slots[0], slots[1], slots[2]};
        step(gradient, nullptr);
        const AlignedVector<T> alone = w;
        for (ThreadPool* pool : {&two, &eight}) {
          w = w_before;
          for (std::size_t k = 0; k < 3; ++k) slots[k] = before[k];
          step(gradient, pool);
          REQUIRE(w == alone);
        }
        for (std::size_t i = 0; i < count; ++i) {
          formula(update, g[i], cells[i], slot_0, slot_1, slot_2);
          const auto compare = [&](T got, double wanted) {
            const double error = std::abs(double(got) - wanted) / (1 + std::abs(wanted));
            worst = (std::max)(worst, std::isfinite(error) ? error : 1e9);
          };
          compare(w[i], cells[i].w);
          if (slot_0) compare(slots[0][i], cells[i].slots[0]);
          if (slot_1) compare(slots[1][i], cells[i].slots[1]);
          if (slot_2) compare(slots[2][i], cells[i].slots[2]);
          moved += std::abs(cells[i].w - start[i]);
        }
      }
      CHECK(worst < (sizeof(T) == 4 ? 1e-5 : 1e-13));
      CHECK(moved > 1e-3 * double(count));  // the updates do something
    }
}

}  // namespace

TEST_CASE_TEMPLATE("optimizer updates follow their formulas", T, float, double) {
  const GradientRule<T> plain, clipped{T(2), T(0.75), T(0), T(1)}, l2{T(1), T(100), T(0.1), T(1)},
      decoupled{T(0.5), T(9), T(0), T(0.99)};
  SUBCASE("gradient descent") {
    check(MomentumUpdate<T>{plain, 0, 0, 0, T(-0.1)}, false, false, false);
    check(MomentumUpdate<T>{l2, 0, 0, 0, T(-0.1)}, false, false, false);
    check(MomentumUpdate<T>{clipped, T(0.9), T(-0.1), 1, 0}, true, false, false);
    check(MomentumUpdate<T>{decoupled, T(0.9), T(-0.1), T(0.9), T(-0.1)}, true, false, false);
    check(MomentumUpdate<T>{l2, T(0.9), T(0.5), T(-0.1), 0}, true, false, false);
  }
  SUBCASE("Adam") {
    check(AdamUpdate<T>{plain, T(0.1), T(0.001), T(0.01), 1, T(1e-7)}, true, true, false);
    check(AdamUpdate<T>{decoupled, T(0.1), T(0.001), T(0.01), T(3), T(1e-3)}, true, true, false);
    check(AdamUpdate<T>{clipped, T(0.1), T(0.3), T(0.01), T(3), T(1e-3)}, true, true, true);
  }
  SUBCASE("RMSprop and Adagrad") {
    check(RMSpropUpdate<T>{plain, T(0.9), T(0.1), T(0.01), 1, T(1e-3), 0, 0}, true, false, false);
    check(RMSpropUpdate<T>{l2, T(0.9), T(0.1), 1, T(0.01), 0, T(1e-3), T(0.5)}, true, true, false);
    check(RMSpropUpdate<T>{plain, T(0.9), T(0.1), T(0.01), 1, T(1e-2), 0, T(0.5)}, true, true, true);
    check(RMSpropUpdate<T>{clipped, 1, 1, T(0.01), 1, 0, T(1e-3), 0}, true, false, false);
  }
}

TEST_CASE("optimizer updates: NaN stays where it is, also through the clip; infinity is clipped") {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  for (const SimdLevel level : levels())
    for (std::size_t at = 0; at < 37; ++at) {
      AlignedVector<float> w(37, 1.0f), g(37, 0.5f), m(37, 0.0f), v(37, 0.0f), top(37, 0.0f);
      g[at] = nan;
      g[(at + 1) % 37] = std::numeric_limits<float>::infinity();
      const AdamUpdate<float> update{{1, 2, 0, 1}, 0.1f, 0.001f, 0.01f, 1, 1e-7f};
      optimizer_update(update, 37, g.data(), w.data(), m.data(), v.data(), top.data(), nullptr, level);
      for (std::size_t i = 0; i < 37; ++i) {
        REQUIRE(std::isnan(w[i]) == (i == at));
        REQUIRE(std::isnan(top[i]) == (i == at));
      }
      REQUIRE(m[(at + 1) % 37] == doctest::Approx(0.2));
    }
}
