#include <keel/kernels/reduce.hpp>

#include "kernel_testing.hpp"

using namespace keel;
using namespace kernel_testing;

TEST_CASE_TEMPLATE("column sums", T, float, double) {
  ThreadPool two(2), three(3), eight(8);
  for (const SimdLevel level : levels())
    for (const Index columns : {1, 3, 8, 16, 17, 40, 100})
      for (const Index rows : {1, 2, 7, 8, 9, 500, 5000}) {
        const std::vector<T> x = random_values<T>(rows * columns, 1, 1);
        std::vector<double> expected(static_cast<std::size_t>(columns));
        for (std::size_t i = 0; i < x.size(); ++i)
          expected[i % static_cast<std::size_t>(columns)] += static_cast<double>(x[i]);
        const auto sums = [&](ThreadPool* threads) {
          Scratch scratch;
          std::vector<T> out(static_cast<std::size_t>(columns), T(7));
          column_sums(rows, columns, x.data(), out.data(), false, KernelContext{scratch, threads, level});
          return out;
        };
        std::vector<T> actual = sums(nullptr);
        CAPTURE(rows);
        CAPTURE(columns);
        CHECK(worst_error(actual, expected, 1) <= (sizeof(T) == 4 ? 1e-7 : 1e-13));
        for (ThreadPool* pool : {&two, &three, &eight}) CHECK(same_bits(actual, sums(pool)));

        Scratch scratch;
        column_sums(rows, columns, x.data(), actual.data(), true, KernelContext{scratch, nullptr, level});
        for (double& value : expected) value *= 2;
        CHECK(worst_error(actual, expected, 1) <= (sizeof(T) == 4 ? 2e-7 : 1e-13));
      }
}

TEST_CASE("no rows sum to zero") {
  Scratch scratch;
  std::vector<float> sums(3, 5.0f);
  column_sums<float>(0, 3, nullptr, sums.data(), false, KernelContext{scratch});
  CHECK(sums == std::vector<float>(3, 0.0f));
  CHECK(sum<float>(0, nullptr, KernelContext{scratch}) == 0);
}

TEST_CASE_TEMPLATE("sums of values and squares", T, float, double) {
  ThreadPool three(3);
  Scratch scratch;
  for (const SimdLevel level : levels())
    for (const Index count : {1, 2, 15, 16, 17, 33, 64, 65, 1000, 300000}) {
      const std::vector<T> x = random_values<T>(count, 2, 1);
      double expected = 0, squares = 0;
      for (const T value : x) {
        expected += static_cast<double>(value);
        squares += static_cast<double>(value) * static_cast<double>(value);
      }
      const KernelContext context{scratch, nullptr, level}, shared{scratch, &three, level};
      CHECK(sum(count, x.data(), context) == doctest::Approx(expected).epsilon(1e-12));
      CHECK(sum_of_squares(count, x.data(), context) == doctest::Approx(squares).epsilon(1e-12));
      CHECK(same_bits(sum(count, x.data(), context), sum(count, x.data(), shared)));
      CHECK(same_bits(sum_of_squares(count, x.data(), context), sum_of_squares(count, x.data(), shared)));
    }
}
