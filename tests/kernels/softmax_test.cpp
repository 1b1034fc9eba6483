#include <keel/kernels/softmax.hpp>

#include "kernel_testing.hpp"

using namespace keel;
using namespace kernel_testing;

namespace {

template <class T>
struct Outputs {
  std::vector<T> y, log_y, dx, log_dx;
};
template <class T>
Outputs<T> run(Index columns, const std::vector<T>& x, const std::vector<T>& dy, SimdLevel level,
               ThreadPool* threads = nullptr) {
  Scratch scratch;
  const KernelContext context{scratch, threads, level};
  const Index rows = static_cast<Index>(x.size()) / columns;
  const std::vector<T> empty(x.size());
  Outputs<T> out{empty, empty, empty, empty};
  softmax_forward(rows, columns, x.data(), out.y.data(), context);
  log_softmax_forward(rows, columns, x.data(), out.log_y.data(), context);
  softmax_backward(rows, columns, out.y.data(), dy.data(), out.dx.data(), context);
  log_softmax_backward(rows, columns, out.log_y.data(), dy.data(), out.log_dx.data(), context);
  return out;
}

}  // namespace

TEST_CASE_TEMPLATE("softmax agrees with its definition", T, float, double) {
  // The reference is computed in double, so that a double has the errors of two.
  const double epsilon = static_cast<double>(std::numeric_limits<T>::epsilon()) * (sizeof(T) == 8 ? 4 : 1);
  for (const SimdLevel level : levels())
    for (const int count : {1, 2, 3, 7, 8, 9, 10, 15, 16, 17, 31, 32, 33, 100, 1000}) {
      const auto columns = static_cast<std::size_t>(count);
      const Index size = 5 * count;
      const std::vector<T> x = random_values<T>(size, 1, 0, 3), dy = random_values<T>(size, 2, 1);
      std::vector<double> y, log_y, dx, log_dx;
      for (std::size_t row = 0; row < 5; ++row) {
        double sum = 0, dot = 0, total = 0;
        for (std::size_t j = 0; j < columns; ++j) sum += std::exp(static_cast<double>(x[row * columns + j]));
        for (std::size_t j = 0; j < columns; ++j) {
          log_y.push_back(static_cast<double>(x[row * columns + j]) - std::log(sum));
          y.push_back(std::exp(log_y.back()));
          dot += y.back() * static_cast<double>(dy[row * columns + j]);
          total += static_cast<double>(dy[row * columns + j]);
        }
        for (std::size_t j = row * columns; j < (row + 1) * columns; ++j) {
          dx.push_back(y[j] * (static_cast<double>(dy[j]) - dot));
          log_dx.push_back(static_cast<double>(dy[j]) - y[j] * total);
        }
      }
      const Outputs<T> out = run(static_cast<Index>(columns), x, dy, level);
      CAPTURE(columns);
      CHECK(worst_error(out.y, y, 1e-6) <= 10 * epsilon);
      if (columns == 1) {
        CHECK(out.log_y == std::vector<T>(5, T(0)));
        continue;
      }
      CHECK(worst_error(out.log_y, log_y, 1) <= 8 * epsilon);
      CHECK(worst_error(out.dx, dx, 1) <= 8 * epsilon);
      CHECK(worst_error(out.log_dx, log_dx, 1) <= 40 * epsilon);
    }
}

TEST_CASE_TEMPLATE("softmax of extreme rows", T, float, double) {
  const T big = std::numeric_limits<T>::max(), infinity = std::numeric_limits<T>::infinity();
  for (const SimdLevel level : levels())
    for (std::size_t columns = 1; columns <= 33; ++columns)
      for (std::size_t at = 0; at < columns; ++at) {
        const auto row = [&](T others, T value) {
          std::vector<T> x(columns, others);
          x[at] = value;
          return run(static_cast<Index>(columns), x, std::vector<T>(columns, T(1)), level);
        };
        const T n = static_cast<T>(columns);
        for (const T value : {T(1e4), big}) {  // one far above the others
          const Outputs<T> out = row(-value, value);
          for (std::size_t j = 0; j < columns; ++j) REQUIRE(out.y[j] == (j == at ? T(1) : T(0)));
          REQUIRE(out.log_y[at] == 0);
          if (value == T(1e4) && columns > 1) REQUIRE(out.log_y[at == 0 ? 1 : 0] == T(-2e4));
        }
        for (const T value : {T(1e4), T(-1e4), big, -big})  // all equal
          for (const T y : row(value, value).y) REQUIRE(y == T(1) / n);
        if (columns > 1) {  // one impossible class
          const Outputs<T> out = row(2, -infinity);
          for (std::size_t j = 0; j < columns; ++j) REQUIRE(out.y[j] == (j == at ? T(0) : 1 / (n - 1)));
          REQUIRE(out.log_y[at] == -infinity);
        }
        const auto all_nan = [](const std::vector<T>& values) {
          for (const T value : values)
            if (value == value) return false;
          return true;
        };
        for (const T value : {infinity, std::numeric_limits<T>::quiet_NaN()}) {
          REQUIRE(all_nan(row(1, value).y));
          REQUIRE(all_nan(row(1, value).log_y));
        }
        REQUIRE(all_nan(row(-infinity, -infinity).y));
      }
}

TEST_CASE_TEMPLATE("a row's softmax depends on neither batch nor threads", T, float, double) {
  ThreadPool two(2), three(3), eight(8);
  for (const Index columns : {10, 37}) {
    const std::vector<T> x = random_values<T>(2000 * columns, 3, 0, 2), dy = random_values<T>(2000 * columns, 4);
    const Outputs<T> all = run(columns, x, dy, simd_level());
    for (ThreadPool* pool : {&two, &three, &eight}) {
      const Outputs<T> shared = run(columns, x, dy, simd_level(), pool);
      CHECK(same_bits(all.y, shared.y));
      CHECK(same_bits(all.log_y, shared.log_y));
      CHECK(same_bits(all.dx, shared.dx));
      CHECK(same_bits(all.log_dx, shared.log_dx));
    }
    for (Index row = 0; row < 40; ++row) {
      const auto part = [&](const std::vector<T>& values) {
        return std::vector<T>(values.begin() + row * columns, values.begin() + (row + 1) * columns);
      };
      const Outputs<T> one = run(columns, part(x), part(dy), simd_level());
      CHECK(same_bits(one.y, part(all.y)));
      CHECK(same_bits(one.log_y, part(all.log_y)));
      CHECK(same_bits(one.dx, part(all.dx)));
      CHECK(same_bits(one.log_dx, part(all.log_dx)));
    }
  }
}

TEST_CASE_TEMPLATE("sparsemax is the nearest distribution", T, float, double) {
  Scratch scratch;
  const KernelContext context{scratch};
  const auto forward = [&](Index columns, const std::vector<T>& x) {
    std::vector<T> y(x.size());
    sparsemax_forward(static_cast<Index>(x.size()) / columns, columns, x.data(), y.data(), context);
    return y;
  };
  CHECK(forward(3, {1, 2, 4}) == std::vector<T>{0, 0, 1});
  const double shares[] = {1 / 3.0, 1 / 12.0, 7 / 12.0, 0};
  const std::vector<T> shared = forward(4, {0.5, 0.25, 0.75, -2});
  for (std::size_t i = 0; i < 4; ++i) CHECK(static_cast<double>(shared[i]) == doctest::Approx(shares[i]).epsilon(1e-7));
  CHECK(forward(2, {3, 3, -1e30f, 1e30f}) == std::vector<T>{0.5, 0.5, 0, 1});
  CHECK(forward(1, {7}) == std::vector<T>{1});
  std::vector<T> dx(4);
  const std::vector<T> y = forward(4, {0.5, 0.25, 0.75, -2}), dy{3, 6, 9, 100};
  sparsemax_backward(Index{1}, Index{4}, y.data(), dy.data(), dx.data(), context);
  CHECK(dx == std::vector<T>{-3, 0, 3, 0});
  for (const Index columns : {2, 5, 17, 100}) {  // against the definition by sorting
    const std::vector<T> x = random_values<T>(columns * 20, 3, 1, 1);
    const std::vector<T> all = forward(columns, x);
    for (Index row = 0; row < 20; ++row) {
      std::vector<double> sorted(x.begin() + row * columns, x.begin() + (row + 1) * columns);
      std::sort(sorted.begin(), sorted.end(), std::greater<>());
      double sum = 0, t = 0;
      for (std::size_t k = 0; k < sorted.size(); ++k) {
        sum += sorted[k];
        if (1 + static_cast<double>(k + 1) * sorted[k] > sum) t = (sum - 1) / static_cast<double>(k + 1);
      }
      double total = 0;
      for (Index i = row * columns; i < (row + 1) * columns; ++i) {
        const auto at = static_cast<std::size_t>(i);
        CHECK(static_cast<double>(all[at]) ==
              doctest::Approx((std::max)(static_cast<double>(x[at]) - t, 0.0)).epsilon(1e-6));
        total += static_cast<double>(all[at]);
      }
      CHECK(total == doctest::Approx(1).epsilon(1e-5));
    }
  }
  const T nan = std::numeric_limits<T>::quiet_NaN();
  for (const T value : forward(3, {1, nan, 2})) CHECK(std::isnan(value));
}
