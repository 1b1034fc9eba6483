#include <keel/kernels/elementwise.hpp>

#include "kernel_testing.hpp"

using namespace keel;
using namespace kernel_testing;

TEST_CASE_TEMPLATE("sums at every length", T, float, double) {
  for (const SimdLevel level : levels())
    for (Index count = 0; count <= 70; ++count) {
      Scratch scratch;
      const KernelContext context{scratch, nullptr, level};
      const std::vector<T> a = random_values<T>(count, 1), b = random_values<T>(count, 2);
      // A value past the end must stay.
      std::vector<T> sum(a.size() + 1, T(9)), rectified = sum, squashed = sum;
      add(count, a.data(), b.data(), Activation::linear, sum.data(), context);
      add(count, a.data(), b.data(), Activation::relu, rectified.data(), context);
      add(count, a.data(), b.data(), Activation::sigmoid, squashed.data(), context);
      for (std::size_t i = 0; i < a.size(); ++i) {
        CHECK(sum[i] == a[i] + b[i]);
        CHECK(rectified[i] == (a[i] + b[i] > 0 ? a[i] + b[i] : 0));
        CHECK(squashed[i] == doctest::Approx(1 / (1 + std::exp(-static_cast<double>(a[i] + b[i])))).epsilon(1e-6));
      }
      for (const std::vector<T>* each : {&sum, &rectified, &squashed}) CHECK(each->back() == 9);
    }
}

TEST_CASE_TEMPLATE("sums in place and on threads", T, float, double) {
  ThreadPool three(3);
  Scratch scratch;
  const Index count = 100001;
  const std::vector<T> a = random_values<T>(count, 3), b = random_values<T>(count, 4);
  std::vector<T> alone(a.size()), shared = a;
  add(count, a.data(), b.data(), Activation::tanh, alone.data(), KernelContext{scratch});
  add(count, shared.data(), b.data(), Activation::tanh, shared.data(), KernelContext{scratch, &three});
  CHECK(same_bits(alone, shared));
}
