#include <doctest/doctest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include <keel/kernels/dense.hpp>

#include "kernel_testing.hpp"

using namespace keel;
using namespace kernel_testing;

namespace {

// c = op(a) op(b) + start in double, and the sum of the terms' magnitudes, which bounds the rounding error.
struct Reference {
  std::vector<double> value, magnitude;
};
template <class T>
Reference product(Index rows, Index columns, Index depth, const T* a, Index a_row, Index a_step, const T* b,
                  Index b_step, Index b_column) {
  Reference result;
  for (Index i = 0; i < rows; ++i)
    for (Index j = 0; j < columns; ++j) {
      double sum = 0, magnitude = 0;
      for (Index k = 0; k < depth; ++k) {
        const double term = double(a[i * a_row + k * a_step]) * double(b[k * b_step + j * b_column]);
        sum += term;
        magnitude += std::abs(term);
      }
      result.value.push_back(sum);
      result.magnitude.push_back(magnitude);
    }
  return result;
}

template <class T>
void check_close(const Reference& expected, const AlignedVector<T>& got) {
  REQUIRE(expected.value.size() == got.size());
  double worst = 0;
  std::size_t zeros = 0;
  for (std::size_t i = 0; i < got.size(); ++i) {
    zeros += expected.value[i] == 0;
    const double error = std::abs(double(got[i]) - expected.value[i]);
    worst = (std::max)(worst, std::isfinite(error) ? error / (expected.magnitude[i] + 1e-30) : 1e9);
  }
  CHECK(worst < 20 * double(std::numeric_limits<T>::epsilon()));
  CHECK(2 * zeros < got.size());  // the comparison means something
}

struct Size {
  Index rows, in, out;
};
const Size sizes[] = {{1, 1, 1},    {1, 7, 5},     {2, 3, 1},    {1, 300, 10},  {3, 64, 10},   {5, 17, 33},
                      {8, 9, 48},   {9, 257, 49},  {16, 31, 16}, {17, 100, 63}, {33, 600, 47}, {64, 33, 100},
                      {65, 19, 31}, {130, 40, 96}, {1, 513, 97}, {2, 1100, 3},  {12, 48, 500}, {7, 5, 1030}};

}  // namespace

TEST_CASE_TEMPLATE("dense kernels agree with sums in double", T, float, double) {
  Scratch scratch;
  for (const SimdLevel level : levels()) {
    const KernelContext context{scratch, nullptr, level};
    for (const Size& size : sizes) {
      const Index rows = size.rows, in = size.in, out = size.out;
      CAPTURE(to_string(level));
      CAPTURE(rows);
      CAPTURE(in);
      CAPTURE(out);
      const auto x = uniform_values<T>(rows * in, 1), kernel = uniform_values<T>(in * out, 2);
      const auto dy = uniform_values<T>(rows * out, 3), start = uniform_values<T>(in * out, 4);

      AlignedVector<T> y(static_cast<std::size_t>(rows * out), T(99));
      dense_forward<T>(rows, in, out, x.data(), kernel.data(), {}, y.data(), context);
      check_close(product(rows, out, in, x.data(), in, 1, kernel.data(), out, 1), y);

      AlignedVector<T> dx(static_cast<std::size_t>(rows * in), T(99));
      dense_backward_input(rows, in, out, dy.data(), kernel.data(), dx.data(), context);
      check_close(product(rows, in, out, dy.data(), out, 1, kernel.data(), 1, out), dx);

      AlignedVector<T> dkernel(static_cast<std::size_t>(in * out), T(99));
      dense_backward_kernel(rows, in, out, x.data(), dy.data(), dkernel.data(), false, context);
      Reference expected = product(in, out, rows, x.data(), 1, in, dy.data(), out, 1);
      check_close(expected, dkernel);

      dkernel = start;
      dense_backward_kernel(rows, in, out, x.data(), dy.data(), dkernel.data(), true, context);
      for (std::size_t i = 0; i < start.size(); ++i) {
        expected.value[i] += double(start[i]);
        expected.magnitude[i] += std::abs(double(start[i]));
      }
      check_close(expected, dkernel);
    }
  }
}

TEST_CASE_TEMPLATE("dense_forward: bias, residual and activation follow the sum", T, float, double) {
  Scratch scratch;
  const Index rows = 9, in = 20, out = 37;
  const auto x = uniform_values<T>(rows * in, 1), kernel = uniform_values<T>(in * out, 2);
  const auto bias = uniform_values<T>(out, 3), residual = uniform_values<T>(rows * out, 4);
  for (const SimdLevel level : levels()) {
    const KernelContext context{scratch, nullptr, level};
    Reference expected = product(rows, out, in, x.data(), in, 1, kernel.data(), out, 1);
    for (std::size_t i = 0; i < expected.value.size(); ++i)
      expected.value[i] += double(bias[i % 37]) + double(residual[i]);
    AlignedVector<T> y(static_cast<std::size_t>(rows * out));
    dense_forward<T>(rows, in, out, x.data(), kernel.data(), {bias.data(), residual.data(), {}}, y.data(), context);
    check_close(expected, y);

    AlignedVector<T> in_place = residual;
    dense_forward<T>(rows, in, out, x.data(), kernel.data(), {bias.data(), in_place.data(), {}}, in_place.data(),
                     context);
    CHECK(in_place == y);

    AlignedVector<T> relu = y;
    dense_forward<T>(rows, in, out, x.data(), kernel.data(), {bias.data(), residual.data(), Activation::relu},
                     relu.data(), context);
    AlignedVector<T> softmax = y;
    dense_forward<T>(rows, in, out, x.data(), kernel.data(), {bias.data(), residual.data(), Activation::softmax},
                     softmax.data(), context);
    std::size_t positive = 0;
    for (std::size_t i = 0; i < y.size(); ++i) {
      positive += y[i] > 0;
      REQUIRE(relu[i] == (y[i] > 0 ? y[i] : T(0)));
    }
    CHECK(positive > y.size() / 4);
    CHECK(positive < y.size() * 3 / 4);
    for (std::size_t r = 0; r < 9; ++r) {
      double sum = 0;
      for (std::size_t o = 0; o < 37; ++o) sum += double(softmax[r * 37 + o]);
      CHECK(sum == doctest::Approx(1));
    }
  }
}

TEST_CASE_TEMPLATE("dense: a row has the same bits alone and in any batch, with any number of threads", T, float,
                   double) {
  Scratch scratch;
  ThreadPool two(2), three(3), eight(8);
  const auto same = [](const T* a, const T* b, Index count) {
    return std::memcmp(a, b, static_cast<std::size_t>(count) * sizeof(T)) == 0;
  };
  for (const SimdLevel level : levels())
    for (const Size& size : {Size{40, 37, 10}, {40, 300, 50}, {40, 5000, 100}, {40, 64, 1000}, {40, 1025, 13}}) {
      const Index most = size.rows, in = size.in, out = size.out;
      CAPTURE(to_string(level));
      CAPTURE(in);
      CAPTURE(out);
      const auto x = uniform_values<T>(most * in, 1), kernel = uniform_values<T>(in * out, 2);
      const auto bias = uniform_values<T>(out, 3), dy = uniform_values<T>(most * out, 4);
      const Epilogue<T> epilogue{bias.data(), nullptr, Activation::sigmoid};
      AlignedVector<T> y(static_cast<std::size_t>(most * out)), dx(static_cast<std::size_t>(most * in));
      for (Index r = 0; r < most; ++r) {
        const KernelContext context{scratch, nullptr, level};
        dense_forward<T>(1, in, out, x.data() + r * in, kernel.data(), epilogue, y.data() + r * out, context);
        dense_backward_input<T>(1, in, out, dy.data() + r * out, kernel.data(), dx.data() + r * in, context);
      }
      for (ThreadPool* pool : {static_cast<ThreadPool*>(nullptr), &two, &three, &eight}) {
        const KernelContext context{scratch, pool, level};
        AlignedVector<T> first;
        for (Index rows = 1; rows <= most; rows += (pool ? 13 : 1)) {
          CAPTURE(rows);
          // Rows from the end, in memory that is not aligned: neither position nor alignment counts.
          const Index skip = most - rows;
          AlignedVector<T> batch(static_cast<std::size_t>(rows * out + 1)),
              grad(static_cast<std::size_t>(rows * in + 1));
          dense_forward<T>(rows, in, out, x.data() + skip * in, kernel.data(), epilogue, batch.data() + 1, context);
          REQUIRE(same(batch.data() + 1, y.data() + skip * out, rows * out));
          dense_backward_input<T>(rows, in, out, dy.data() + skip * out, kernel.data(), grad.data() + 1, context);
          REQUIRE(same(grad.data() + 1, dx.data() + skip * in, rows * in));
        }
      }
      AlignedVector<T> expected(static_cast<std::size_t>(in * out), T(0.25));
      dense_backward_kernel<T>(most, in, out, x.data(), dy.data(), expected.data(), true, {scratch, nullptr, level});
      for (ThreadPool* pool : {&two, &three, &eight}) {
        AlignedVector<T> got(static_cast<std::size_t>(in * out), T(0.25));
        dense_backward_kernel<T>(most, in, out, x.data(), dy.data(), got.data(), true, {scratch, pool, level});
        CHECK(same(got.data(), expected.data(), in * out));
      }
    }
}

TEST_CASE_TEMPLATE("dense: one row has the bits of a row in a tile, for every number of columns", T, float, double) {
  Scratch scratch;
  for (const SimdLevel level : levels()) {
    const KernelContext context{scratch, nullptr, level};
    for (Index out = 1; out <= 420; ++out)
      for (const Index in : {1, 6, 261}) {
        CAPTURE(to_string(level));
        CAPTURE(out);
        CAPTURE(in);
        const auto x = uniform_values<T>(8 * in, 1), kernel = uniform_values<T>(in * out, 2);
        AlignedVector<T> tile(keel::to_size(8 * out)), row(keel::to_size(out + 1), T(99));
        dense_forward<T>(8, in, out, x.data(), kernel.data(), {}, tile.data(), context);
        dense_forward<T>(1, in, out, x.data() + 5 * in, kernel.data(), {}, row.data(), context);
        REQUIRE(std::memcmp(row.data(), tile.data() + 5 * out, keel::to_size(out) * sizeof(T)) == 0);
        REQUIRE(row.back() == T(99));
      }
  }
}

TEST_CASE_TEMPLATE("dense_backward_kernel of many rows has the same bits with any number of threads", T, float,
                   double) {
  Scratch scratch;
  ThreadPool two(2), eight(8);
  const Index rows = 9000, in = 9, out = 11;
  const auto x = uniform_values<T>(rows * in, 1), dy = uniform_values<T>(rows * out, 2);
  for (const SimdLevel level : levels()) {
    AlignedVector<T> expected(static_cast<std::size_t>(in * out)), got = expected;
    dense_backward_kernel<T>(rows, in, out, x.data(), dy.data(), expected.data(), false, {scratch, nullptr, level});
    check_close(product(in, out, rows, x.data(), 1, in, dy.data(), out, 1), expected);
    for (ThreadPool* pool : {&two, &eight}) {
      dense_backward_kernel<T>(rows, in, out, x.data(), dy.data(), got.data(), false, {scratch, pool, level});
      CHECK(got == expected);
    }
  }
}

TEST_CASE("dense: one NaN reaches every value that depends on it and no other") {
  Scratch scratch;
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const Index in = 70, out = 21;
  for (const SimdLevel level : levels())
    for (const Index rows : {1, 3, 8, 19}) {
      const KernelContext context{scratch, nullptr, level};
      auto x = uniform_values<float>(rows * in, 1), kernel = uniform_values<float>(in * out, 2);
      const Index row = rows / 2;
      x[static_cast<std::size_t>(row * in + 33)] = nan;
      AlignedVector<float> y(static_cast<std::size_t>(rows * out));
      dense_forward<float>(rows, in, out, x.data(), kernel.data(), {nullptr, nullptr, Activation::relu}, y.data(),
                           context);
      for (Index i = 0; i < rows * out; ++i) REQUIRE(std::isnan(y[static_cast<std::size_t>(i)]) == (i / out == row));
      kernel[static_cast<std::size_t>(5 * out + 20)] = nan;
      AlignedVector<float> dx(static_cast<std::size_t>(rows * in));
      dense_backward_input<float>(rows, in, out, y.data(), kernel.data(), dx.data(), context);
      for (Index i = 0; i < rows * in; ++i)
        REQUIRE(std::isnan(dx[static_cast<std::size_t>(i)]) == (i / in == row || i % in == 5));
    }
}

TEST_CASE("dense: nothing to sum gives zeros, nothing to write writes nothing") {
  Scratch scratch;
  const KernelContext context{scratch};
  float y[6] = {9, 9, 9, 9, 9, 9};
  const float bias[3] = {1, 2, 3};
  dense_forward<float>(0, 4, 3, nullptr, nullptr, {}, y, context);
  CHECK(y[0] == 9);
  dense_forward<float>(2, 0, 3, nullptr, nullptr, {bias, nullptr, {}}, y, context);
  CHECK(y[0] == 1);
  CHECK(y[5] == 3);
  dense_backward_kernel<float>(0, 2, 3, nullptr, nullptr, y, true, context);
  CHECK(y[5] == 3);
  dense_backward_kernel<float>(0, 2, 3, nullptr, nullptr, y, false, context);
  CHECK(y[5] == 0);
}
