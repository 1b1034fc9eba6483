#include <keel/kernels/pool.hpp>

#include "kernel_testing.hpp"

using namespace keel;
using namespace kernel_testing;

namespace {

struct Sizes {
  Index in, kernel, stride, before, after;
};

PoolGeometry geometry(Index batch, Index channels, const Sizes& h, const Sizes& w, bool ceil_mode = false) {
  PoolGeometry g;
  g.batch = batch;
  g.channels = channels;
  g.in_h = h.in;
  g.kernel_h = h.kernel;
  g.stride_h = h.stride;
  g.pad_top = h.before;
  g.pad_bottom = h.after;
  g.in_w = w.in;
  g.kernel_w = w.kernel;
  g.stride_w = w.stride;
  g.pad_left = w.before;
  g.pad_right = w.after;
  g.out_h = pool_output_size(h.in, h.kernel, h.stride, h.before, h.after, ceil_mode);
  g.out_w = pool_output_size(w.in, w.kernel, w.stride, w.before, w.after, ceil_mode);
  return g;
}
std::size_t in_size(const PoolGeometry& g) { return static_cast<std::size_t>(g.batch * g.in_h * g.in_w * g.channels); }
std::size_t out_size(const PoolGeometry& g) {
  return static_cast<std::size_t>(g.batch * g.out_h * g.out_w * g.channels);
}

/// Calls visit(output element, input element, kh, kw) for every cell of every window that is inside the input, in
/// row-major order.
template <class F>
void for_cells(const PoolGeometry& g, F&& visit) {
  for (Index b = 0; b < g.batch; ++b)
    for (Index oh = 0; oh < g.out_h; ++oh)
      for (Index ow = 0; ow < g.out_w; ++ow)
        for (Index kh = 0; kh < g.kernel_h; ++kh)
          for (Index kw = 0; kw < g.kernel_w; ++kw)
            for (Index c = 0; c < g.channels; ++c) {
              const Index h = oh * g.stride_h + kh - g.pad_top, w = ow * g.stride_w + kw - g.pad_left;
              if (h < 0 || h >= g.in_h || w < 0 || w >= g.in_w) continue;
              visit(static_cast<std::size_t>(((b * g.out_h + oh) * g.out_w + ow) * g.channels + c),
                    static_cast<std::size_t>(((b * g.in_h + h) * g.in_w + w) * g.channels + c));
            }
}

/// PyTorch's divisor: cells of the window inside the padded input; or inside the input.
double divisor(const PoolGeometry& g, PoolDivisor kind, std::size_t out) {
  const Index pixel = static_cast<Index>(out) / g.channels;
  const auto cells = [&](Index o, Index in, Index kernel, Index stride, Index before, Index after) {
    Index count = 0;
    for (Index i = o * stride - before; i < o * stride - before + kernel; ++i)
      count += kind == PoolDivisor::with_padding ? i < in + after : i >= 0 && i < in;
    return count;
  };
  return static_cast<double>(cells(pixel / g.out_w % g.out_h, g.in_h, g.kernel_h, g.stride_h, g.pad_top, g.pad_bottom) *
                             cells(pixel % g.out_w, g.in_w, g.kernel_w, g.stride_w, g.pad_left, g.pad_right));
}

template <class T>
struct MaxResult {
  std::vector<T> y, dx;
  AlignedVector<std::byte> argmax;
};
template <class T>
MaxResult<T> max_pool(const PoolGeometry& g, const std::vector<T>& x, const std::vector<T>& dy, SimdLevel level,
                      ThreadPool* threads = nullptr) {
  Scratch scratch;
  const KernelContext context{scratch, threads, level};
  MaxResult<T> r{std::vector<T>(out_size(g)), std::vector<T>(in_size(g)),
                 AlignedVector<std::byte>(static_cast<std::size_t>(max_pool_argmax_bytes<T>(g)))};
  max_pool_forward(g, x.data(), r.y.data(), r.argmax.data(), context);
  std::vector<T> unrecorded(r.y.size());
  max_pool_forward(g, x.data(), unrecorded.data(), static_cast<std::byte*>(nullptr), context);
  CHECK(same_bits(r.y, unrecorded));
  max_pool_backward(g, dy.data(), r.argmax.data(), r.dx.data(), context);
  return r;
}

std::vector<PoolGeometry> geometries() {
  std::vector<PoolGeometry> all;
  const Sizes shapes[] = {{4, 2, 2, 0, 0}, {5, 2, 2, 0, 0}, {5, 2, 2, 0, 1}, {7, 3, 2, 1, 1}, {6, 3, 1, 1, 1},
                          {8, 3, 3, 0, 1}, {5, 5, 1, 0, 0}, {9, 1, 2, 0, 0}, {4, 2, 3, 1, 1}};
  for (const Sizes& h : shapes)
    for (const Sizes& w : shapes)
      for (const bool ceil_mode : {false, true}) all.push_back(geometry(2, 3, h, w, ceil_mode));
  for (const Index channels : {1, 4, 7, 8, 15, 16, 17, 33, 64})
    all.push_back(geometry(3, channels, {7, 3, 2, 1, 1}, {9, 2, 2, 0, 1}));
  all.push_back(geometry(2, 19, {20, 17, 2, 2, 2}, {20, 17, 3, 1, 0}));  // more than 256 cells
  all.push_back(global_pool_geometry(2, 5, 7, 18));
  all.push_back(global_pool_geometry(2, 20, 20, 3));
  return all;
}

}  // namespace

TEST_CASE_TEMPLATE("pooling agrees with its definition", T, float, double) {
  const double tolerance = 20 * static_cast<double>(std::numeric_limits<T>::epsilon());
  for (const PoolGeometry& g : geometries()) {
    CAPTURE(g.in_h);
    CAPTURE(g.kernel_h);
    CAPTURE(g.channels);
    REQUIRE(out_size(g) > 0);
    // Few distinct values, so that ties are common.
    std::vector<T> x = random_values<T>(static_cast<Index>(in_size(g)), 3);
    for (T& value : x) value = std::round(value * 2) / 2 + T(0.125);
    const std::vector<T> dy = random_values<T>(static_cast<Index>(out_size(g)), 4, 1);

    std::vector<double> best(out_size(g), -std::numeric_limits<double>::infinity());
    std::vector<std::size_t> winner(out_size(g));
    for_cells(g, [&](std::size_t out, std::size_t in) {
      if (static_cast<double>(x[in]) > best[out]) {
        best[out] = static_cast<double>(x[in]);
        winner[out] = in;
      }
    });
    std::vector<double> dx(in_size(g));
    for (std::size_t i = 0; i < dy.size(); ++i) dx[winner[i]] += static_cast<double>(dy[i]);
    for (const SimdLevel level : levels()) {
      const MaxResult<T> actual = max_pool(g, x, dy, level);
      CHECK(worst_error(actual.y, best, 1) == 0);
      double worst = 0;
      for (std::size_t i = 0; i < dx.size(); ++i)
        worst = (std::max)(worst, std::abs(static_cast<double>(actual.dx[i]) - dx[i]));
      CHECK(worst <= tolerance);
    }

    for (const PoolDivisor kind : {PoolDivisor::real_cells, PoolDivisor::with_padding}) {
      std::vector<double> sums(out_size(g)), gradient(in_size(g));
      for_cells(g, [&](std::size_t out, std::size_t in) {
        sums[out] += static_cast<double>(x[in]);
        gradient[in] += static_cast<double>(dy[out]) / divisor(g, kind, out);
      });
      for (std::size_t i = 0; i < sums.size(); ++i) sums[i] /= divisor(g, kind, i);
      for (const SimdLevel level : levels()) {
        Scratch scratch;
        const KernelContext context{scratch, nullptr, level};
        std::vector<T> y(out_size(g)), back(in_size(g), T(99));
        average_pool_forward(g, kind, x.data(), y.data(), context);
        CHECK(worst_error(y, sums, 1) <= tolerance);
        average_pool_backward(g, kind, dy.data(), back.data(), context);
        double worst = 0;
        for (std::size_t i = 0; i < gradient.size(); ++i)
          worst = (std::max)(worst, std::abs(static_cast<double>(back[i]) - gradient[i]));
        CHECK(worst <= tolerance);
      }
    }
  }
}

TEST_CASE("output sizes are PyTorch's") {
  CHECK(pool_output_size(5, 2, 2, 0, 0, false) == 2);
  CHECK(pool_output_size(5, 2, 2, 0, 0, true) == 3);
  CHECK(pool_output_size(3, 2, 2, 1, 1, false) == 2);
  CHECK(pool_output_size(3, 2, 2, 1, 1, true) == 2);  // a third window would start in the right padding
  CHECK(pool_output_size(4, 2, 3, 1, 1, true) == 2);
  CHECK(pool_output_size(1, 2, 2, 0, 0, true) == 0);
  CHECK(pool_output_size(7, 7, 1, 0, 0, false) == 1);
}

TEST_CASE("average divisors are PyTorch's and Keras's") {
  std::vector<double> x{1, 2, 3, 4, 5, 6, 7, 8, 9}, y(4);
  Scratch scratch;
  const KernelContext context{scratch};
  // Figures from PyTorch 1.13: kernel 2, stride 2, padding 1.
  const PoolGeometry padded = geometry(1, 1, {3, 2, 2, 1, 1}, {3, 2, 2, 1, 1});
  average_pool_forward(padded, PoolDivisor::with_padding, x.data(), y.data(), context);
  CHECK(y == std::vector<double>{0.25, 1.25, 2.75, 7});
  average_pool_forward(padded, PoolDivisor::real_cells, x.data(), y.data(), context);
  CHECK(y == std::vector<double>{1, 2.5, 5.5, 7});
  // Kernel 2, stride 2, ceil mode: what lies beyond the padding is never counted.
  const PoolGeometry ceil = geometry(1, 1, {3, 2, 2, 0, 0}, {3, 2, 2, 0, 0}, true);
  for (const PoolDivisor kind : {PoolDivisor::with_padding, PoolDivisor::real_cells}) {
    average_pool_forward(ceil, kind, x.data(), y.data(), context);
    CHECK(y == std::vector<double>{3, 4.5, 7.5, 9});
  }
}

TEST_CASE_TEMPLATE("the first maximum wins, NaN always", T, float, double) {
  const T infinity = std::numeric_limits<T>::infinity(), nan = std::numeric_limits<T>::quiet_NaN();
  const PoolGeometry g = geometry(1, 21, {2, 2, 2, 0, 0}, {2, 2, 2, 0, 0});
  const std::vector<T> dy(21, T(1));
  for (const SimdLevel level : levels())
    for (std::size_t channel = 0; channel < 21; ++channel) {
      const auto gradient = [&](T a, T b, T c, T d) {
        std::vector<T> x(84, T(1));
        const T values[] = {a, b, c, d};
        for (std::size_t i = 0; i < 4; ++i) x[i * 21 + channel] = values[i];
        const MaxResult<T> r = max_pool(g, x, dy, level);
        for (std::size_t i = 0; i < 21; ++i)
          if (i != channel) REQUIRE(r.dx[i] == 1);  // ties: the first cell
        T sum = 0;
        std::size_t winner = 9;
        for (std::size_t i = 0; i < 4; ++i) {
          sum += r.dx[i * 21 + channel];
          if (r.dx[i * 21 + channel] == 1) winner = i;
        }
        CHECK(sum == 1);
        return std::make_pair(r.y[channel], winner);
      };
      CHECK(gradient(3, 5, 5, 4) == std::make_pair(T(5), std::size_t{1}));
      CHECK(gradient(-infinity, -infinity, -infinity, -infinity) == std::make_pair(-infinity, std::size_t{0}));
      CHECK(gradient(-infinity, -3, -infinity, -3) == std::make_pair(T(-3), std::size_t{1}));
      CHECK(gradient(1, infinity, 2, infinity) == std::make_pair(infinity, std::size_t{1}));
      for (std::size_t at = 0; at < 4; ++at) {
        T v[] = {7, 8, infinity, 9};
        v[at] = nan;
        const auto [value, winner] = gradient(v[0], v[1], v[2], v[3]);
        CHECK(value != value);
        CHECK(winner == at);
      }
      CHECK(gradient(nan, 1, nan, 2).second == 2);  // the last NaN, as in PyTorch
    }
}

TEST_CASE_TEMPLATE("pooling depends on neither batch nor threads", T, float, double) {
  ThreadPool two(2), three(3), eight(8);
  const PoolGeometry g = geometry(5, 37, {31, 3, 2, 1, 1}, {29, 3, 2, 1, 1});
  const std::vector<T> x = random_values<T>(static_cast<Index>(in_size(g)), 5),
                       dy = random_values<T>(static_cast<Index>(out_size(g)), 6);
  const auto averages = [&](const PoolGeometry& of, const T* from, ThreadPool* threads) {
    Scratch scratch;
    std::vector<T> y(out_size(of));
    average_pool_forward(of, PoolDivisor::real_cells, from, y.data(), KernelContext{scratch, threads});
    return y;
  };
  const auto globals = [&](Index batch, const T* from, ThreadPool* threads) {
    Scratch scratch;
    std::vector<T> y(static_cast<std::size_t>(batch * 37));
    global_average_pool_forward(batch, 31 * 29, 37, from, y.data(), KernelContext{scratch, threads});
    return y;
  };
  const MaxResult<T> alone = max_pool(g, x, dy, simd_level());
  const std::vector<T> average = averages(g, x.data(), nullptr), global = globals(5, x.data(), nullptr);
  for (ThreadPool* pool : {&two, &three, &eight}) {
    const MaxResult<T> shared = max_pool(g, x, dy, simd_level(), pool);
    CHECK(same_bits(alone.y, shared.y));
    CHECK(same_bits(alone.dx, shared.dx));
    CHECK(same_bits(average, averages(g, x.data(), pool)));
    CHECK(same_bits(global, globals(5, x.data(), pool)));
  }
  PoolGeometry one = g;
  one.batch = 1;
  for (std::size_t b = 0; b < 5; ++b) {
    const std::size_t in = in_size(one), out = out_size(one);
    const std::vector<T> sample(x.begin() + static_cast<std::ptrdiff_t>(b * in),
                                x.begin() + static_cast<std::ptrdiff_t>((b + 1) * in));
    const std::vector<T> from(dy.begin() + static_cast<std::ptrdiff_t>(b * out),
                              dy.begin() + static_cast<std::ptrdiff_t>((b + 1) * out));
    const MaxResult<T> single = max_pool(one, sample, from, simd_level());
    CHECK(std::memcmp(single.y.data(), alone.y.data() + b * out, out * sizeof(T)) == 0);
    CHECK(std::memcmp(single.dx.data(), alone.dx.data() + b * in, in * sizeof(T)) == 0);
    CHECK(std::memcmp(averages(one, sample.data(), nullptr).data(), average.data() + b * out, out * sizeof(T)) == 0);
    CHECK(std::memcmp(globals(1, sample.data(), nullptr).data(), global.data() + b * 37, 37 * sizeof(T)) == 0);
  }
}

TEST_CASE_TEMPLATE("global average pooling", T, float, double) {
  for (const SimdLevel level : levels())
    for (const Index channels : {1, 3, 16, 37}) {
      Scratch scratch;
      const KernelContext context{scratch, nullptr, level};
      const std::vector<T> x = random_values<T>(3 * 49 * channels, 8, 1);
      std::vector<double> expected(static_cast<std::size_t>(3 * channels));
      for (std::size_t i = 0; i < x.size(); ++i)
        expected[i / static_cast<std::size_t>(49 * channels) * static_cast<std::size_t>(channels) +
                 i % static_cast<std::size_t>(channels)] += static_cast<double>(x[i]) / 49;
      std::vector<T> y(expected.size()), dx(x.size());
      global_average_pool_forward(3, 49, channels, x.data(), y.data(), context);
      CHECK(worst_error(y, expected, 0.1) <= 20 * static_cast<double>(std::numeric_limits<T>::epsilon()));
      global_average_pool_backward(3, 49, channels, y.data(), dx.data(), context);
      for (std::size_t i = 0; i < dx.size(); ++i)
        CHECK(dx[i] == y[i / static_cast<std::size_t>(49 * channels) * static_cast<std::size_t>(channels) +
                         i % static_cast<std::size_t>(channels)] /
                           49);
    }
}
