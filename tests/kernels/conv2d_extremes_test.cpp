#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include <keel/kernels/conv2d/conv2d.hpp>

#include "kernels/kernel_testing.hpp"

using keel::Conv2DGeometry;
using keel::Index;
using keel::SimdLevel;
using kernel_testing::levels;

namespace {

std::size_t size(Index n) { return static_cast<std::size_t>(n); }

/// Values in [-1, 1), or of about `scale`.
template <class T>
std::vector<T> values(Index count, unsigned seed, T scale = 1) {
  const keel::AlignedVector<T> uniform = kernel_testing::uniform_values<T>(count, seed);
  std::vector<T> result(uniform.begin(), uniform.end());
  for (T& value : result) value *= scale;
  return result;
}

/// x or dy outside the image counts as 0, and 0 times infinity is NaN, as in every kernel that copies to a padded block.
template <class T>
double at(const std::vector<T>& image, Index n, Index h, Index w, Index c, Index i, Index j, Index channel) {
  return i < 0 || i >= h || j < 0 || j >= w ? 0.0 : double(image[size(((n * h + i) * w + j) * c + channel)]);
}

/// The three passes of a convolution with stride 1 as plain sums in double.
template <class T>
struct Plain {
  const Conv2DGeometry& g;

  template <class F>
  void each_weight(F&& visit) const {  // (r, s, input channel of the group, output channel, its group)
    for (Index r = 0; r < g.kernel_h; ++r)
      for (Index s = 0; s < g.kernel_w; ++s)
        for (Index c = 0; c < g.group_in(); ++c)
          for (Index f = 0; f < g.out_c; ++f) visit(r, s, c, f, f / g.group_out());
  }
  std::size_t weight(Index r, Index s, Index c, Index f) const {
    return size(((r * g.kernel_w + s) * g.group_in() + c) * g.out_c + f);
  }

  std::vector<double> forward(const std::vector<T>& x, const std::vector<T>& kernel) const {
    std::vector<double> y(size(g.batch * g.out_h * g.out_w * g.out_c));
    for (Index n = 0; n < g.batch; ++n)
      for (Index i = 0; i < g.out_h; ++i)
        for (Index j = 0; j < g.out_w; ++j)
          each_weight([&](Index r, Index s, Index c, Index f, Index group) {
            y[size(((n * g.out_h + i) * g.out_w + j) * g.out_c + f)] +=
                at(x, n, g.in_h, g.in_w, g.in_c, i + r - g.pad_top, j + s - g.pad_left, group * g.group_in() + c) *
                double(kernel[weight(r, s, c, f)]);
          });
    return y;
  }
  std::vector<double> backward_input(const std::vector<T>& dy, const std::vector<T>& kernel) const {
    std::vector<double> dx(size(g.batch * g.in_h * g.in_w * g.in_c));
    for (Index n = 0; n < g.batch; ++n)
      for (Index i = 0; i < g.in_h; ++i)
        for (Index j = 0; j < g.in_w; ++j)
          each_weight([&](Index r, Index s, Index c, Index f, Index group) {
            dx[size(((n * g.in_h + i) * g.in_w + j) * g.in_c + group * g.group_in() + c)] +=
                at(dy, n, g.out_h, g.out_w, g.out_c, i + g.pad_top - r, j + g.pad_left - s, f) *
                double(kernel[weight(r, s, c, f)]);
          });
    return dx;
  }
  std::vector<double> backward_kernel(const std::vector<T>& x, const std::vector<T>& dy) const {
    std::vector<double> dkernel(size(g.kernel_size()));
    for (Index n = 0; n < g.batch; ++n)
      for (Index i = 0; i < g.out_h; ++i)
        for (Index j = 0; j < g.out_w; ++j)
          each_weight([&](Index r, Index s, Index c, Index f, Index group) {
            dkernel[weight(r, s, c, f)] +=
                at(x, n, g.in_h, g.in_w, g.in_c, i + r - g.pad_top, j + s - g.pad_left, group * g.group_in() + c) *
                double(dy[size(((n * g.out_h + i) * g.out_w + j) * g.out_c + f)]);
          });
    return dkernel;
  }
};

template <class T>
struct Problem {
  Conv2DGeometry g;
  std::vector<T> x, dy, kernel, bias, residual;
  explicit Problem(const Conv2DGeometry& geometry)
      : g(geometry),
        x(values<T>(g.batch * g.in_h * g.in_w * g.in_c, 1)),
        dy(values<T>(g.batch * g.out_h * g.out_w * g.out_c, 2)),
        kernel(values<T>(g.kernel_size(), 3)),
        bias(values<T>(g.out_c, 4)),
        residual(values<T>(g.batch * g.out_h * g.out_w * g.out_c, 5)) {}

  keel::Epilogue<T> epilogue(bool with, keel::Activation kind) const {
    return {with ? bias.data() : nullptr, with ? residual.data() : nullptr, kind};
  }
  std::vector<T> forward(SimdLevel level, keel::ThreadPool* threads, bool pack, const keel::Epilogue<T>& epilogue) {
    keel::Scratch scratch;
    std::vector<T> packed(size(keel::conv2d_packed_size<T>(g))), y(dy.size(), T(99));
    if (pack) keel::conv2d_pack(g, kernel.data(), packed.data());
    keel::conv2d_forward<T>(g, x.data(), pack ? packed.data() : nullptr, epilogue, y.data(), {scratch, threads, level},
                            kernel.data());
    return y;
  }
  std::vector<T> backward_input(SimdLevel level, keel::ThreadPool* threads) {
    keel::Scratch scratch;
    std::vector<T> dx(x.size(), T(99));
    keel::conv2d_backward_input<T>(g, dy.data(), kernel.data(), dx.data(), {scratch, threads, level});
    return dx;
  }
  std::vector<T> backward_kernel(SimdLevel level, keel::ThreadPool* threads, T start) {
    keel::Scratch scratch;
    std::vector<T> dkernel(kernel.size(), start);
    keel::conv2d_backward_kernel<T>(g, x.data(), dy.data(), dkernel.data(), start != 0, {scratch, threads, level});
    return dkernel;
  }
};

enum class Kind { finite, nan, positive, negative };

/// What a sum is as a T.
template <class T>
Kind kind_of(double sum) {
  const T value = static_cast<T>(sum);
  return std::isnan(value)      ? Kind::nan
         : std::isfinite(value) ? Kind::finite
         : value > 0            ? Kind::positive
                                : Kind::negative;
}

/// Elements that are finite where the plain sum is not, or the reverse, or of another sign of infinity.
template <class T>
Index others(const std::vector<T>& values, const std::vector<double>& sums, T offset = 0) {
  REQUIRE(values.size() == sums.size());
  Index count = 0;
  for (std::size_t i = 0; i < sums.size(); ++i)
    count += kind_of<T>(double(values[i])) != kind_of<T>(sums[i] + double(offset));
  return count;
}

template <class T>
Index not_finite(const std::vector<double>& sums) {
  Index count = 0;
  for (const double sum : sums) count += kind_of<T>(sum) != Kind::finite;
  return count;
}

Conv2DGeometry square(Index batch, Index extent, Index ci, Index co, Index pad, Index groups) {
  const Index out = extent + 2 * pad - 2;
  return {batch, extent, extent, ci * groups, out, out, co * groups, 3, 3, 1, 1, 1, 1, pad, pad, groups};
}

/// F(4 x 4) with whole and with cut tiles, in place and padded, with groups; F(2 x 2); panels of one and of two vectors.
std::vector<Conv2DGeometry> geometries() {
  return {square(1, 9, 17, 33, 1, 1), square(1, 10, 16, 16, 0, 1), square(1, 8, 16, 20, 1, 2),
          square(1, 7, 32, 33, 1, 1)};
}

template <class T>
std::vector<T> bad_values() {
  const T largest = (std::numeric_limits<T>::max)(), infinity = std::numeric_limits<T>::infinity();
  return {std::numeric_limits<T>::quiet_NaN(),
          infinity,
          -infinity,
          largest * T(0.9),
          -largest * T(0.9),
          largest,
          largest * T(1e-8)};
}

/// The passes that see x, dy or both, at every level, against plain sums. Returns how many of those are not finite.
template <class T>
Index check_passes(Problem<T>& problem, bool forward, bool backward) {
  const Plain<T> plain{problem.g};
  std::vector<double> y, dx;
  if (forward) y = plain.forward(problem.x, problem.kernel);
  if (backward) dx = plain.backward_input(problem.dy, problem.kernel);
  const std::vector<double> dkernel = plain.backward_kernel(problem.x, problem.dy);
  for (const SimdLevel level : levels()) {
    CAPTURE(keel::to_string(level));
    for (const bool pack : {false, true})
      if (forward) CHECK(others(problem.forward(level, nullptr, pack, {}), y) == 0);
    if (backward) CHECK(others(problem.backward_input(level, nullptr), dx) == 0);
    CHECK(others(problem.backward_kernel(level, nullptr, T(0)), dkernel) == 0);
    CHECK(others(problem.backward_kernel(level, nullptr, T(2)), dkernel, T(2)) == 0);
  }
  return not_finite<T>(y) + not_finite<T>(dx) + not_finite<T>(dkernel);
}

/// Corner, edges, middle and borders of tiles, the last pixel, each in another channel.
std::vector<Index> places(Index h, Index w, Index c) {
  std::vector<Index> result;
  Index channel = 0;
  for (const auto& [i, j] :
       {std::pair<Index, Index>{0, 0}, {0, w / 2}, {h / 2, w - 1}, {2, 2}, {3, 4}, {4, 3}, {5, 5}, {h - 1, w - 1}})
    result.push_back((i * w + j) * c + (channel += 5) % c);
  return result;
}

}  // namespace

TEST_CASE_TEMPLATE("conv2d extremes: one bad value in an image, a gradient or the weights", T, float, double) {
  std::size_t turn = 0;
  for (const Conv2DGeometry& g : geometries())
    for (const T bad : bad_values<T>()) {
      CAPTURE(g.in_h);
      CAPTURE(bad);
      const std::vector<Index> in_x = places(g.in_h, g.in_w, g.in_c), in_dy = places(g.out_h, g.out_w, g.out_c);
      const bool hidden = std::isfinite(bad);
      for (std::size_t i = 0; i < in_x.size(); ++i) {
        if (sizeof(T) == 8 && ++turn % 4 != 0) continue;
        CAPTURE(i);
        Problem<T> image(g), gradient(g);
        image.x[size(in_x[i])] = bad;
        gradient.dy[size(in_dy[i])] = bad;
        CHECK((check_passes(image, true, false) > 0 || hidden));
        CHECK((check_passes(gradient, false, true) > 0 || hidden));
      }
      Problem<T> weights(g);
      weights.kernel[size(static_cast<Index>(++turn * 97) % g.kernel_size())] = bad;
      CHECK((check_passes(weights, true, true) > 0 || hidden));
    }
}

TEST_CASE_TEMPLATE("conv2d extremes: large values everywhere", T, float, double) {
  const T largest = (std::numeric_limits<T>::max)();
  for (const Conv2DGeometry& g : geometries())
    for (const SimdLevel level : levels()) {
      CAPTURE(keel::to_string(level));
      Problem<T> problem(g);
      // No product and no sum of magnitudes exceeds the largest value, but a transform's would.
      const T image = largest / T(2 * 9 * g.group_in());
      problem.x = values<T>(static_cast<Index>(problem.x.size()), 6, image);
      CHECK(others(problem.forward(level, nullptr, true, {}), Plain<T>{g}.forward(problem.x, problem.kernel)) == 0);
      CHECK(not_finite<T>(Plain<T>{g}.forward(problem.x, problem.kernel)) == 0);
      std::fill(problem.x.begin(), problem.x.end(), image);
      std::fill(problem.kernel.begin(), problem.kernel.end(), T(1));
      CHECK(others(problem.forward(level, nullptr, false, {}), Plain<T>{g}.forward(problem.x, problem.kernel)) == 0);
      // All sums are too large.
      std::fill(problem.x.begin(), problem.x.end(), largest);
      std::fill(problem.kernel.begin(), problem.kernel.end(), T(-1));
      for (const T value : problem.forward(level, nullptr, true, {}))
        REQUIRE(value == -std::numeric_limits<T>::infinity());
      for (const T value : problem.forward(level, nullptr, true, problem.epilogue(true, keel::Activation::relu)))
        REQUIRE(value == 0);
    }
}

TEST_CASE_TEMPLATE("conv2d extremes: epilogues", T, float, double) {
  for (const Conv2DGeometry& g : geometries())
    for (const T bad : bad_values<T>())
      for (const SimdLevel level : levels()) {
        Problem<T> problem(g);
        problem.x[size((g.in_w * 3 + 3) * g.in_c + 7)] = bad;
        const std::vector<double> sums = Plain<T>{g}.forward(problem.x, problem.kernel);
        for (const bool with : {false, true})
          for (const keel::Activation kind :
               {keel::Activation::linear, keel::Activation::relu, keel::Activation::relu6}) {
            std::vector<double> expected = sums;
            for (std::size_t i = 0; i < sums.size(); ++i) {
              double& value = expected[i];
              if (with) value += double(problem.bias[i % problem.bias.size()]) + double(problem.residual[i]);
              if (kind != keel::Activation::linear) value = value <= 0 ? 0 : value;
              if (kind == keel::Activation::relu6) value = value >= 6 ? 6 : value;
            }
            const std::vector<T> y = problem.forward(level, nullptr, true, problem.epilogue(with, kind));
            REQUIRE(others(y, expected) == 0);
            if (std::isfinite(bad)) continue;
            for (std::size_t i = 0; i < y.size(); ++i)
              if (std::isfinite(y[i])) REQUIRE(std::abs(double(y[i]) - expected[i]) < 1e-4);
          }
      }
}

TEST_CASE_TEMPLATE("conv2d extremes: tiles computed anew have the bits of plain sums", T, float, double) {
  const Conv2DGeometry g = square(1, 12, 16, 40, 1, 1);
  for (const SimdLevel level : levels()) {
    Problem<T> problem(g);
    problem.x[size((g.in_w * 5 + 5) * g.in_c + 3)] = std::numeric_limits<T>::infinity();
    const keel::Epilogue<T> epilogue = problem.epilogue(true, keel::Activation::relu);
    const std::vector<T> y = problem.forward(level, nullptr, true, epilogue);
    std::vector<T> plain(y.size());
    keel::Scratch scratch;
    keel::detail::convolve<T>(keel::detail::forward_shape(g), 0, problem.x.data(),
                              keel::detail::forward_view(g, problem.kernel.data()), nullptr, epilogue, plain.data(),
                              {scratch, nullptr, level});
    Index other_bits = 0;
    for (Index i = 0; i < 12; ++i)
      for (Index j = 0; j < 12; ++j)
        for (Index f = 0; f < 40; ++f) {
          const std::size_t k = size((i * 12 + j) * 40 + f);
          if (i >= 4 && i < 8 && j >= 4 && j < 8)
            REQUIRE(kernel_testing::same_bits(y[k], plain[k]));
          else
            other_bits += !kernel_testing::same_bits(y[k], plain[k]);
        }
    CHECK(other_bits > 0);  // the other tiles are still Winograd's
  }
}

TEST_CASE("conv2d extremes: neither batch nor threads change a bit") {
  keel::ThreadPool two(2), three(3);
  for (Conv2DGeometry g : geometries()) {
    g.batch = 3;
    Problem<float> problem(g);
    const Index sample = g.in_h * g.in_w * g.in_c;
    problem.x[size(sample + (g.in_w * 2 + 6) * g.in_c)] = std::numeric_limits<float>::quiet_NaN();
    problem.x[size(2 * sample - 1)] = -std::numeric_limits<float>::infinity();
    problem.dy[size(g.out_h * g.out_w * g.out_c + 5)] = std::numeric_limits<float>::infinity();
    for (const SimdLevel level : levels()) {
      const std::vector<float> y = problem.forward(level, nullptr, true, {}),
                               dx = problem.backward_input(level, nullptr),
                               dkernel = problem.backward_kernel(level, nullptr, 0.0f);
      for (keel::ThreadPool* pool : {&two, &three}) {
        CHECK(kernel_testing::same_bits(problem.forward(level, pool, true, {}), y));
        CHECK(kernel_testing::same_bits(problem.backward_input(level, pool), dx));
        CHECK(kernel_testing::same_bits(problem.backward_kernel(level, pool, 0.0f), dkernel));
      }
      Conv2DGeometry one = g;
      one.batch = 1;
      Problem<float> alone(one);
      for (Index n = 0; n < 3; ++n) {
        std::copy_n(problem.x.begin() + n * sample, sample, alone.x.begin());
        std::copy_n(problem.dy.begin() + n * static_cast<Index>(alone.dy.size()), alone.dy.size(), alone.dy.begin());
        alone.kernel = problem.kernel;
        const std::vector<float> each = alone.forward(level, nullptr, true, {}),
                                 back = alone.backward_input(level, nullptr);
        CHECK(std::memcmp(each.data(), y.data() + size(n) * each.size(), each.size() * sizeof(float)) == 0);
        CHECK(std::memcmp(back.data(), dx.data() + size(n) * back.size(), back.size() * sizeof(float)) == 0);
      }
    }
  }
}
