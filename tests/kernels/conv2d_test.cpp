#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include <keel/kernels/conv2d/conv2d.hpp>

using keel::Conv2DGeometry;
using keel::Index;
using keel::SimdLevel;

namespace {

std::vector<SimdLevel> levels() {
  std::vector<SimdLevel> result{SimdLevel::baseline};
  for (const SimdLevel level : {SimdLevel::avx2, SimdLevel::avx512})
    if (level <= keel::best_simd_level()) result.push_back(level);
  return result;
}

std::size_t size(Index n) { return static_cast<std::size_t>(n); }
std::size_t x_size(const Conv2DGeometry& g) { return size(g.batch * g.in_h * g.in_w * g.in_c); }
std::size_t y_size(const Conv2DGeometry& g) { return size(g.batch * g.out_h * g.out_w * g.out_c); }

std::string describe(const Conv2DGeometry& g) {
  std::string text;
  for (const Index v : {g.batch, g.in_h, g.in_w, g.in_c, g.out_h, g.out_w, g.out_c, g.kernel_h, g.kernel_w, g.stride_h,
                        g.stride_w, g.dilation_h, g.dilation_w, g.pad_top, g.pad_left, g.groups})
    text += std::to_string(v) + " ";
  return text;
}

/// Calls visit(x index, kernel index, y index) for every product of the convolution.
template <class F>
void products(const Conv2DGeometry& g, F&& visit) {
  const Index ci = g.group_in(), co = g.group_out();
  for (Index n = 0; n < g.batch; ++n)
    for (Index i = 0; i < g.out_h; ++i)
      for (Index j = 0; j < g.out_w; ++j)
        for (Index r = 0; r < g.kernel_h; ++r)
          for (Index s = 0; s < g.kernel_w; ++s) {
            const Index a = i * g.stride_h + r * g.dilation_h - g.pad_top;
            const Index b = j * g.stride_w + s * g.dilation_w - g.pad_left;
            if (a < 0 || a >= g.in_h || b < 0 || b >= g.in_w) continue;
            for (Index f = 0; f < g.out_c; ++f)
              for (Index c = 0; c < ci; ++c)
                visit(size(((n * g.in_h + a) * g.in_w + b) * g.in_c + f / co * ci + c),
                      size(((r * g.kernel_w + s) * ci + c) * g.out_c + f),
                      size(((n * g.out_h + i) * g.out_w + j) * g.out_c + f));
          }
}

struct Random {
  std::mt19937 engine;
  Index in(Index low, Index high) { return low + static_cast<Index>(engine() % static_cast<unsigned>(high - low + 1)); }
  template <class T>
  std::vector<T> values(std::size_t count) {
    std::vector<T> result(count);
    for (T& v : result) v = static_cast<T>(static_cast<double>(engine()) / 2147483648.0 - 1.0);
    return result;
  }
};

Conv2DGeometry random_geometry(Random& random) {
  Conv2DGeometry g;
  g.batch = random.in(1, 3);
  g.kernel_h = random.in(1, 4);
  g.kernel_w = random.in(0, 3) == 0 ? random.in(1, 7) : g.kernel_h;
  g.stride_h = random.in(0, 1) ? 1 : random.in(1, 3);
  g.stride_w = random.in(0, 3) ? g.stride_h : random.in(1, 3);
  if (random.in(0, 4) == 0) {
    g.dilation_h = random.in(1, 3);
    g.dilation_w = random.in(1, 3);
  }
  g.groups = random.in(0, 3) ? 1 : random.in(1, 3);
  const Index channels[] = {1, 2, 3, 4, 5, 8, 16, 17, 24, 32, 33, 48, 64, 70};
  g.in_c = g.groups * channels[random.in(0, 13)];
  g.out_c = g.groups * channels[random.in(0, 13)];
  g.in_h = random.in(1, 12);
  g.in_w = random.in(0, 4) ? random.in(1, 12) : random.in(13, 40);
  g.pad_top = random.in(0, (g.kernel_h - 1) * g.dilation_h);
  g.pad_left = random.in(0, (g.kernel_w - 1) * g.dilation_w);
  const Index bottom = random.in(0, (g.kernel_h - 1) * g.dilation_h),
              right = random.in(0, (g.kernel_w - 1) * g.dilation_w);
  const Index height = g.in_h + g.pad_top + bottom - (g.kernel_h - 1) * g.dilation_h - 1;
  const Index width = g.in_w + g.pad_left + right - (g.kernel_w - 1) * g.dilation_w - 1;
  if (height < 0 || width < 0) return random_geometry(random);
  g.out_h = height / g.stride_h + 1;
  g.out_w = width / g.stride_w + 1;
  return g;
}

template <class T>
struct Run {
  keel::Scratch scratch;
  keel::KernelContext context;
  explicit Run(SimdLevel level, keel::ThreadPool* threads = nullptr) : context{scratch, threads, level} {}

  std::vector<T> forward(const Conv2DGeometry& g, const std::vector<T>& x, const std::vector<T>& kernel,
                         const keel::Epilogue<T>& epilogue = {}) {
    std::vector<T> packed(size(keel::conv2d_packed_size<T>(g))), y(y_size(g), T(99));
    keel::conv2d_pack(g, kernel.data(), packed.data());
    keel::conv2d_forward(g, x.data(), packed.data(), epilogue, y.data(), context, kernel.data());
    return y;
  }
  std::vector<T> forward_unpacked(const Conv2DGeometry& g, const std::vector<T>& x, const std::vector<T>& kernel) {
    std::vector<T> y(y_size(g), T(99));
    keel::conv2d_forward<T>(g, x.data(), nullptr, {}, y.data(), context, kernel.data());
    return y;
  }
  std::vector<T> backward_input(const Conv2DGeometry& g, const std::vector<T>& dy, const std::vector<T>& kernel) {
    std::vector<T> dx(x_size(g), T(99));
    keel::conv2d_backward_input(g, dy.data(), kernel.data(), dx.data(), context);
    return dx;
  }
  std::vector<T> backward_kernel(const Conv2DGeometry& g, const std::vector<T>& x, const std::vector<T>& dy) {
    std::vector<T> dkernel(size(g.kernel_size()), T(99));
    keel::conv2d_backward_kernel(g, x.data(), dy.data(), dkernel.data(), false, context);
    return dkernel;
  }
};

/// Largest |value - expected| relative to the sum of the products' magnitudes, in units of T's rounding.
template <class T>
double error(const std::vector<T>& values, const std::vector<double>& expected, const std::vector<double>& magnitude) {
  REQUIRE(values.size() == expected.size());
  double worst = 0;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const double e = std::abs(static_cast<double>(values[i]) - expected[i]) / (magnitude[i] + 1e-3);
    worst = e >= 0 && e < 1e300 ? (std::max)(worst, e) : 1e300;  // NaN counts as wrong
  }
  return worst / static_cast<double>(std::numeric_limits<T>::epsilon());
}

template <class T>
void check_geometry(const Conv2DGeometry& g, Random& random) {
  CAPTURE(describe(g));
  const std::vector<T> x = random.values<T>(x_size(g)), dy = random.values<T>(y_size(g)),
                       kernel = random.values<T>(size(g.kernel_size()));
  std::vector<double> y(y_size(g)), dx(x_size(g)), dk(kernel.size()), ym(y.size()), dxm(dx.size()), dkm(dk.size());
  products(g, [&](std::size_t a, std::size_t b, std::size_t c) {
    const double p = double(x[a]) * double(kernel[b]), q = double(dy[c]) * double(kernel[b]),
                 r = double(x[a]) * double(dy[c]);
    y[c] += p;
    ym[c] += std::abs(p);
    dx[a] += q;
    dxm[a] += std::abs(q);
    dk[b] += r;
    dkm[b] += std::abs(r);
  });
  if (keel::detail::winograd_tile(keel::detail::forward_shape(g)) > 0)
    for (std::vector<double>* magnitudes : {&ym, &dxm, &dkm})  // one error for all values of a tile
      std::fill(magnitudes->begin(), magnitudes->end(), *std::max_element(magnitudes->begin(), magnitudes->end()));
  for (const SimdLevel level : levels()) {
    CAPTURE(keel::to_string(level));
    Run<T> run(level);
    CHECK(error(run.forward(g, x, kernel), y, ym) < 8);
    CHECK(error(run.forward_unpacked(g, x, kernel), y, ym) < 8);
    CHECK(error(run.backward_input(g, dy, kernel), dx, dxm) < 8);
    CHECK(error(run.backward_kernel(g, x, dy), dk, dkm) < 16);
  }
}

}  // namespace

TEST_CASE_TEMPLATE("conv2d: forward and both gradients against a double reference", T, float, double) {
  Random random{std::mt19937(7)};
  for (int i = 0; i < 150; ++i) check_geometry<T>(random_geometry(random), random);
}

TEST_CASE("conv2d: the shapes of networks") {
  Random random{std::mt19937(8)};
  const auto shape = [](Index h, Index c, Index f, Index k, Index stride) {
    const Index out = (h - 1) / stride + 1;
    return Conv2DGeometry{2, h, h, c, out, out, f, k, k, stride, stride, 1, 1, k / 2, k / 2, 1};
  };
  for (const Conv2DGeometry& g : {shape(28, 1, 32, 3, 1), shape(14, 32, 64, 3, 1), shape(32, 3, 16, 3, 1),
                                  shape(40, 3, 64, 7, 2), shape(28, 64, 64, 3, 1), shape(28, 64, 128, 1, 2),
                                  shape(14, 128, 96, 3, 2), shape(7, 160, 64, 3, 1), shape(7, 512, 40, 1, 1)})
    check_geometry<float>(g, random);
}

TEST_CASE_TEMPLATE("conv2d: Winograd's method, on odd sizes, paddings and groups", T, float, double) {
  Random random{std::mt19937(14)};
  for (int i = 0; i < 25; ++i) {
    const Index groups = random.in(0, 4) ? 1 : 2, pad_top = random.in(0, 2), pad_left = random.in(0, 2);
    const Index h = random.in(7, 17), w = random.in(7, 17), c = random.in(32, 50), f = random.in(32, 70);
    const Conv2DGeometry g{random.in(1, 3),
                           h,
                           w,
                           c * groups,
                           h + pad_top - random.in(0, 2) + pad_left % 2,
                           w + pad_left - random.in(0, 2),
                           f * groups,
                           3,
                           3,
                           1,
                           1,
                           1,
                           1,
                           pad_top,
                           pad_left,
                           groups};
    const Index pixels = g.out_h * g.out_w, tile = keel::detail::winograd_tile(keel::detail::forward_shape(g));
    CHECK(tile == (pixels >= 64 ? 4 : pixels >= 49 ? 2 : 0));
    check_geometry<T>(g, random);
  }
}

TEST_CASE("conv2d: the error of Winograd's method beside that of plain sums") {
  Random random{std::mt19937(15)};
  for (const Index size : {7, 14}) {
    const Conv2DGeometry g{1, size, size, 256, size, size, 64, 3, 3, 1, 1, 1, 1, 1, 1, 1};
    const std::vector<float> x = random.values<float>(x_size(g)),
                             kernel = random.values<float>(static_cast<std::size_t>(g.kernel_size()));
    std::vector<double> y(y_size(g));
    std::vector<float> plain(y_size(g));
    products(g, [&](std::size_t a, std::size_t b, std::size_t c) {
      y[c] += double(x[a]) * double(kernel[b]);
      plain[c] += x[a] * kernel[b];
    });
    const std::vector<float> fast = Run<float>(keel::best_simd_level()).forward(g, x, kernel);
    double fast_error = 0, plain_error = 0;
    for (std::size_t i = 0; i < y.size(); ++i) {
      fast_error += (double(fast[i]) - y[i]) * (double(fast[i]) - y[i]);
      plain_error += (double(plain[i]) - y[i]) * (double(plain[i]) - y[i]);
    }
    REQUIRE(plain_error > 0);
    const double ratio = std::sqrt(fast_error / plain_error);
    const Index tile = keel::detail::winograd_tile(keel::detail::forward_shape(g));
    MESSAGE("root mean square error, tiles of " << tile << " : plain = " << ratio);
    CHECK(ratio < (tile == 4 ? 2 : 1));
  }
}

TEST_CASE_TEMPLATE("conv2d: taps far outside the image cost neither memory nor time", T, float, double) {
  Random random{std::mt19937(21)};
  for (const Index groups : {1, 2}) {
    for (const Index dilation : {2, 5, 7, 8, 1000, 1000000})
      for (const Index taps : {2, 3, 5})
        for (const Index stride : {1, 2}) {
          const Index out = (8 - 1) / stride + 1, pad = (taps - 1) * dilation / 2;
          const Conv2DGeometry g{
              2,   8,       8,     6, out, out, 4 * groups, taps, taps, stride, stride, dilation, 1 + dilation / 2,
              pad, pad / 2, groups};
          check_geometry<T>(g, random);
          Run<T> run(keel::best_simd_level());
          const std::vector<T> x = random.values<T>(x_size(g)), dy = random.values<T>(y_size(g)),
                               kernel = random.values<T>(size(g.kernel_size()));
          run.forward(g, x, kernel), run.forward_unpacked(g, x, kernel);
          run.backward_input(g, dy, kernel), run.backward_kernel(g, x, dy);
          CAPTURE(describe(g));
          CHECK(run.scratch.bytes() < 1 << 20);
        }
  }
}

TEST_CASE("conv2d: the comparison can fail") {
  Random random{std::mt19937(9)};
  const Conv2DGeometry g{1, 5, 5, 3, 5, 5, 4, 3, 3, 1, 1, 1, 1, 1, 1, 1};
  const std::vector<float> x = random.values<float>(x_size(g)), kernel = random.values<float>(size(g.kernel_size()));
  std::vector<double> y(y_size(g)), ym(y.size());
  products(g, [&](std::size_t a, std::size_t b, std::size_t c) {
    y[c] += double(x[a]) * double(kernel[b]);
    ym[c] += std::abs(double(x[a]) * double(kernel[b]));
  });
  std::vector<float> result = Run<float>(SimdLevel::baseline).forward(g, x, kernel);
  CHECK(error(result, y, ym) < 8);
  result[37] += 1e-4f;
  CHECK(error(result, y, ym) > 8);
  result[37] = std::nanf("");
  CHECK(error(result, y, ym) > 8);
}

TEST_CASE_TEMPLATE("conv2d: epilogue", T, float, double) {
  Random random{std::mt19937(10)};
  for (const Index channels : {Index{5}, Index{32}, Index{50}}) {
    const Conv2DGeometry g{2, 9, 9, 6, 9, 9, channels, 3, 3, 1, 1, 1, 1, 1, 1, 1};
    const std::vector<T> x = random.values<T>(x_size(g)), kernel = random.values<T>(size(g.kernel_size())),
                         bias = random.values<T>(size(channels)), residual = random.values<T>(y_size(g));
    for (const SimdLevel level : levels()) {
      Run<T> run(level);
      const std::vector<T> plain = run.forward(g, x, kernel);
      for (const keel::Activation kind : {keel::Activation::linear, keel::Activation::relu, keel::Activation::relu6,
                                          keel::Activation::tanh, keel::Activation::softmax})
        for (const bool with_bias : {false, true})
          for (const bool with_residual : {false, true}) {
            const std::vector<T> y = run.forward(
                g, x, kernel, {with_bias ? bias.data() : nullptr, with_residual ? residual.data() : nullptr, kind});
            std::vector<T> expected = plain;
            for (std::size_t i = 0; i < expected.size(); ++i) {
              if (with_bias) expected[i] += bias[i % size(channels)];
              if (with_residual) expected[i] += residual[i];
            }
            keel::activation_forward(keel::ActivationSpec(kind), g.batch * g.out_h * g.out_w, channels, expected.data(),
                                     expected.data(), run.context);
            for (std::size_t i = 0; i < y.size(); ++i) REQUIRE(std::abs(y[i] - expected[i]) <= T(1e-5));
          }
    }
  }
}

TEST_CASE("conv2d: a batch has the bits of its samples, threads do not change a bit") {
  Random random{std::mt19937(11)};
  keel::ThreadPool two(2), three(3), eight(8);
  for (int i = 0; i < 40; ++i) {
    Conv2DGeometry g = random_geometry(random);
    if (i == 3) g = {1, 7, 7, 40, 7, 7, 70, 3, 3, 1, 1, 1, 1, 1, 1, 1};
    if (i < 3) g = {1, 9 + i, 13, 40, 9 + i, 13, 70, 3, 3, 1, 1, 1, 1, 1, 1, 1};  // Winograd's method
    g.batch = random.in(2, 5);
    CAPTURE(describe(g));
    const std::vector<float> x = random.values<float>(x_size(g)), dy = random.values<float>(y_size(g)),
                             kernel = random.values<float>(size(g.kernel_size()));
    for (const SimdLevel level : levels()) {
      Run<float> run(level);
      const std::vector<float> y = run.forward(g, x, kernel), dx = run.backward_input(g, dy, kernel),
                               dk = run.backward_kernel(g, x, dy), unpacked = run.forward_unpacked(g, x, kernel);
      for (keel::ThreadPool* pool : {&two, &three, &eight}) {
        Run<float> threaded(level, pool);
        REQUIRE(threaded.forward(g, x, kernel) == y);
        REQUIRE(threaded.forward_unpacked(g, x, kernel) == unpacked);
        REQUIRE(threaded.backward_input(g, dy, kernel) == dx);
        REQUIRE(threaded.backward_kernel(g, x, dy) == dk);
      }
      Conv2DGeometry one = g;
      one.batch = 1;
      const std::size_t xs = x_size(one), ys = y_size(one);
      for (std::size_t n = 0; n < size(g.batch); ++n) {
        const auto at = [n](const std::vector<float>& v, std::size_t s) {
          return std::vector<float>(v.begin() + static_cast<Index>(n * s), v.begin() + static_cast<Index>((n + 1) * s));
        };
        REQUIRE(run.forward(one, at(x, xs), kernel) == at(y, ys));
        REQUIRE(run.forward_unpacked(one, at(x, xs), kernel) == at(unpacked, ys));
        REQUIRE(run.backward_input(one, at(dy, ys), kernel) == at(dx, xs));
      }
    }
  }
}

TEST_CASE("conv2d: NaN and infinity in one pixel reach the outputs that see it, and only those") {
  const Conv2DGeometry g{1, 8, 20, 12, 8, 20, 40, 3, 3, 1, 1, 1, 1, 1, 1, 1};  // 12 channels: plain sums
  Random random{std::mt19937(12)};
  const std::vector<float> kernel = random.values<float>(size(g.kernel_size()));
  for (const float bad : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()})
    for (const SimdLevel level : levels()) {
      std::vector<float> x = random.values<float>(x_size(g));
      x[size((3 * 20 + 0) * 12 + 5)] = bad;  // row 3, column 0
      const std::vector<float> y = Run<float>(level).forward(
          g, x, kernel, {nullptr, nullptr, std::isnan(bad) ? keel::Activation::relu : keel::Activation::linear});
      for (Index i = 0; i < 8; ++i)
        for (Index j = 0; j < 20; ++j)
          for (Index f = 0; f < 40; ++f)
            REQUIRE(std::isfinite(y[size((i * 20 + j) * 40 + f)]) == !(i >= 2 && i <= 4 && j <= 1));
    }
}

TEST_CASE("conv2d: backward_kernel adds when told to") {
  Random random{std::mt19937(13)};
  const Conv2DGeometry g{2, 7, 7, 5, 7, 7, 20, 3, 3, 1, 1, 1, 1, 1, 1, 1};
  const std::vector<float> x = random.values<float>(x_size(g)), dy = random.values<float>(y_size(g));
  for (const SimdLevel level : levels()) {
    Run<float> run(level);
    std::vector<float> sums(size(g.kernel_size()), 3.0f);
    keel::conv2d_backward_kernel(g, x.data(), dy.data(), sums.data(), true, run.context);
    const std::vector<float> alone = run.backward_kernel(g, x, dy);
    for (std::size_t i = 0; i < sums.size(); ++i) CHECK(std::abs(sums[i] - (3.0f + alone[i])) < 1e-4f);
  }
}
