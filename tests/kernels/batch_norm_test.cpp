#include <keel/kernels/batch_norm.hpp>

#include "kernel_testing.hpp"

using namespace keel;
using namespace kernel_testing;

namespace {

struct Statistics {
  std::vector<double> mean, variance;
};

template <class T>
Statistics statistics(Index channels, const std::vector<T>& x, SimdLevel level = simd_level(),
                      ThreadPool* threads = nullptr) {
  Scratch scratch;
  const auto c = static_cast<std::size_t>(channels);
  Statistics s{std::vector<double>(c), std::vector<double>(c)};
  batch_norm_statistics(static_cast<Index>(x.size()) / channels, channels, x.data(), s.mean.data(), s.variance.data(),
                        KernelContext{scratch, threads, level});
  return s;
}

/// By the formulas, in long double, two passes.
template <class T>
Statistics naive_statistics(Index channels, const std::vector<T>& x) {
  const Index rows = static_cast<Index>(x.size()) / channels;
  Statistics s;
  for (Index c = 0; c < channels; ++c) {
    long double sum = 0, squares = 0;
    for (Index i = 0; i < rows; ++i) sum += static_cast<long double>(x[static_cast<std::size_t>(i * channels + c)]);
    const long double mean = sum / static_cast<long double>(rows);
    for (Index i = 0; i < rows; ++i) {
      const long double d = static_cast<long double>(x[static_cast<std::size_t>(i * channels + c)]) - mean;
      squares += d * d;
    }
    s.mean.push_back(static_cast<double>(mean));
    s.variance.push_back(static_cast<double>(squares / static_cast<long double>(rows)));
  }
  return s;
}

double activated(const ActivationSpec& spec, double z) {
  if (spec.kind == Activation::relu) return z > 0 ? z : 0;
  if (spec.kind == Activation::relu6) return z > 6 ? 6 : z > 0 ? z : 0;
  if (spec.kind == Activation::leaky_relu) return z > 0 ? z : spec.alpha * z;
  if (spec.kind == Activation::silu) return z / (1 + std::exp(-z));
  return z;
}
double slope(const ActivationSpec& spec, double z) {
  if (spec.kind == Activation::relu) return z > 0;
  if (spec.kind == Activation::relu6) return z > 0 && z < 6;
  if (spec.kind == Activation::leaky_relu) return z > 0 ? 1 : spec.alpha;
  if (spec.kind == Activation::silu) return (1 + z / (1 + std::exp(z))) / (1 + std::exp(-z));
  return 1;
}

/// A batch normalisation with everything, in T and by the formulas in double.
template <class T>
struct Case {
  Index rows, channels;
  bool frozen, affine, residual;
  ActivationSpec activation;
  double epsilon = 1e-3;
  std::vector<T> x, gamma, beta, r, dy;
  Statistics stats;

  Case(Index n, Index c, bool f, bool a, bool res, ActivationSpec act, double mean = 0.5, double deviation = 2)
      : rows(n),
        channels(c),
        frozen(f),
        affine(a),
        residual(res),
        activation(act),
        x(random_values<T>(n * c, 1, mean, deviation)),
        gamma(random_values<T>(c, 2, 1, 0.3)),
        beta(random_values<T>(c, 3)),
        r(random_values<T>(n * c, 4)),
        dy(random_values<T>(n * c, 5, 0.3)) {
    stats = naive_statistics(channels, x);
    if (frozen)
      for (double& v : stats.variance) v = v * 1.5 + 0.1;
  }
  BatchNormEpilogue<T> epilogue() const {
    return {affine ? gamma.data() : nullptr, affine ? beta.data() : nullptr, epsilon, residual ? r.data() : nullptr,
            activation};
  }

  struct Result {
    std::vector<T> y, dx, dgamma, dbeta, dresidual;
  };
  Result run(SimdLevel level, ThreadPool* threads = nullptr) const {
    Scratch scratch;
    const KernelContext context{scratch, threads, level};
    const std::size_t size = x.size(), c = static_cast<std::size_t>(channels);
    Result out{std::vector<T>(size), std::vector<T>(size), std::vector<T>(c), std::vector<T>(c),
               std::vector<T>(residual ? size : 0)};
    batch_norm_forward(rows, channels, x.data(), stats.mean.data(), stats.variance.data(), epilogue(), out.y.data(),
                       context);
    const BatchNormGradients<T> gradients{out.dx.data(), out.dgamma.data(), out.dbeta.data(),
                                          residual ? out.dresidual.data() : nullptr};
    batch_norm_backward(frozen, rows, channels, x.data(), stats.mean.data(), stats.variance.data(), epilogue(),
                        dy.data(), gradients, context);
    return out;
  }
  struct Expected {
    std::vector<double> y, dx, dgamma, dbeta, dresidual;
  };
  Expected expected() const {
    const std::size_t size = x.size(), c = static_cast<std::size_t>(channels);
    Expected e{std::vector<double>(size), std::vector<double>(size), std::vector<double>(c), std::vector<double>(c),
               std::vector<double>(size)};
    for (std::size_t j = 0; j < c; ++j) {
      const double s = 1 / std::sqrt(stats.variance[j] + epsilon), n = static_cast<double>(rows);
      const double g0 = affine ? static_cast<double>(gamma[j]) : 1, b0 = affine ? static_cast<double>(beta[j]) : 0;
      for (std::size_t i = j; i < size; i += c) {
        const double x_hat = (static_cast<double>(x[i]) - stats.mean[j]) * s;
        const double z = x_hat * g0 + b0 + (residual ? static_cast<double>(r[i]) : 0);
        e.y[i] = activated(activation, z);
        e.dresidual[i] = static_cast<double>(dy[i]) * slope(activation, z);
        e.dbeta[j] += e.dresidual[i];
        e.dgamma[j] += e.dresidual[i] * x_hat;
      }
      for (std::size_t i = j; i < size; i += c) {
        const double x_hat = (static_cast<double>(x[i]) - stats.mean[j]) * s;
        e.dx[i] = g0 * s * (e.dresidual[i] - (frozen ? 0 : (e.dbeta[j] + x_hat * e.dgamma[j]) / n));
      }
    }
    return e;
  }
};

}  // namespace

TEST_CASE_TEMPLATE("batch normalisation agrees with its formulas", T, float, double) {
  const double tolerance = sizeof(T) == 4 ? 1e-5 : 1e-12;
  const Index sizes[][2] = {{2, 1}, {7, 3}, {16, 16}, {33, 17}, {200, 40}, {3, 100}, {600, 8}, {70, 33}};
  for (const SimdLevel level : levels())
    for (const auto& size : sizes)
      for (const ActivationSpec& act : {ActivationSpec(Activation::linear), ActivationSpec(Activation::relu),
                                        ActivationSpec(Activation::relu6), ActivationSpec(Activation::leaky_relu, 0.5),
                                        ActivationSpec(Activation::leaky_relu, -0.5), ActivationSpec(Activation::silu)})
        for (const int options : {0, 1, 2, 3, 4, 5, 6, 7}) {
          const Index rows = size[0], channels = size[1];
          const Case<T> test(rows, channels, options & 1, options & 2, options & 4, act);
          const auto actual = test.run(level);
          const auto expected = test.expected();
          CAPTURE(rows);
          CAPTURE(channels);
          CAPTURE(options);
          CAPTURE(activation_name(act.kind));
          // Half of a rectified output is zero: those pairs are compared as differences.
          const auto difference = [](const auto& a, const auto& e) {
            double worst = 0;
            for (std::size_t i = 0; i < a.size(); ++i)
              worst = (std::max)(worst, std::abs(static_cast<double>(a[i]) - e[i]));
            return worst;
          };
          CHECK(difference(actual.y, expected.y) <= tolerance);
          CHECK(difference(actual.dx, expected.dx) <= tolerance);
          CHECK(difference(actual.dbeta, expected.dbeta) <= tolerance * static_cast<double>(rows) * 0.1);
          CHECK(difference(actual.dgamma, expected.dgamma) <= tolerance * static_cast<double>(rows) * 0.1);
          if (test.residual) CHECK(difference(actual.dresidual, expected.dresidual) <= tolerance);
          if (act.kind == Activation::linear && test.residual) {
            CHECK(worst_error(actual.y, expected.y, 0.1) <= tolerance);
          }
        }
}

TEST_CASE_TEMPLATE("statistics hold for every mean, deviation and count", T, float, double) {
  for (const SimdLevel level : levels())
    for (const double mean : {0.0, 1.0, 1e2, 1e4, 1e6})
      for (const double deviation : {1e-3, 1.0, 1e3})
        for (const Index rows : {2, 3, 32, 1000, 1000000}) {
          if (rows == 1000000 && (level != best_simd_level() || deviation != 1)) continue;
          const std::vector<T> x = random_values<T>(rows * 3, 11, mean, deviation);
          const Statistics actual = statistics(3, x, level), expected = naive_statistics(3, x);
          CAPTURE(mean);
          CAPTURE(deviation);
          CAPTURE(rows);
          for (std::size_t c = 0; c < 3; ++c) {
            CHECK(actual.variance[c] >= 0);
            CHECK(std::abs(actual.variance[c] - expected.variance[c]) <= 1e-10 * expected.variance[c]);
            CHECK(std::abs(actual.mean[c] - expected.mean[c]) <= 1e-14 * (std::abs(mean) + deviation));
          }
        }
}

TEST_CASE_TEMPLATE("statistics survive a first row far from the others", T, float, double) {
  std::vector<T> x = random_values<T>(100000, 12);
  x[0] = T(1e6);
  const Statistics actual = statistics(1, x), expected = naive_statistics(1, x);
  CHECK(std::abs(actual.variance[0] / expected.variance[0] - 1) <= 1e-8);
  CHECK(std::abs(actual.mean[0] / expected.mean[0] - 1) <= 1e-8);
}

TEST_CASE_TEMPLATE("a large mean costs no accuracy", T, float, double) {
  for (const SimdLevel level : levels()) {
    const Case<T> test(64, 20, false, true, false, Activation::linear, 1e4, 1);
    const auto actual = test.run(level);
    const auto expected = test.expected();
    const double tolerance = sizeof(T) == 4 ? 1e-5 : 1e-10;
    CHECK(worst_error(actual.y, expected.y, 1) <= tolerance);
    CHECK(worst_error(actual.dx, expected.dx, 1) <= tolerance);
    CHECK(worst_error(actual.dgamma, expected.dgamma, 1) <= tolerance);
    CHECK(worst_error(actual.dbeta, expected.dbeta, 1) <= tolerance);
  }
}

TEST_CASE_TEMPLATE("a constant channel gives exactly beta", T, float, double) {
  for (const SimdLevel level : levels())
    for (const T value : {T(0), T(100), T(0.1), T(-1e6), T(1e30)})
      for (const Index rows : {1, 2, 3, 1000}) {
        const std::vector<T> x(static_cast<std::size_t>(rows * 5), value);
        const Statistics s = statistics(5, x, level);
        Scratch scratch;
        const std::vector<T> gamma{1, 2, 3, 4, 5}, beta{1, -2, T(0.1), 0, 7};
        std::vector<T> y(x.size());
        batch_norm_forward(rows, 5, x.data(), s.mean.data(), s.variance.data(),
                           BatchNormEpilogue<T>{gamma.data(), beta.data(), 1e-3, nullptr, Activation::linear}, y.data(),
                           KernelContext{scratch, nullptr, level});
        for (std::size_t i = 0; i < y.size(); ++i) {
          CHECK(s.mean[i % 5] == static_cast<double>(value));
          CHECK(s.variance[i % 5] == 0);
          CHECK(y[i] == beta[i % 5]);
        }
      }
}

TEST_CASE_TEMPLATE("batch normalisation has the same bits with any number of threads", T, float, double) {
  ThreadPool two(2), three(3), eight(8);
  for (const ActivationSpec& act : {ActivationSpec(Activation::relu), ActivationSpec(Activation::silu)}) {
    const Case<T> test(6001, 37, false, true, true, act);
    const auto alone = test.run(simd_level());
    const Statistics s = statistics(37, test.x);
    for (ThreadPool* pool : {&two, &three, &eight}) {
      const auto shared = test.run(simd_level(), pool);
      CHECK(same_bits(alone.y, shared.y));
      CHECK(same_bits(alone.dx, shared.dx));
      CHECK(same_bits(alone.dgamma, shared.dgamma));
      CHECK(same_bits(alone.dbeta, shared.dbeta));
      CHECK(same_bits(alone.dresidual, shared.dresidual));
      const Statistics t = statistics(37, test.x, simd_level(), pool);
      CHECK(same_bits(s.mean, t.mean));
      CHECK(same_bits(s.variance, t.variance));
    }
  }
}

TEST_CASE_TEMPLATE("inference on a batch equals inference on each row", T, float, double) {
  for (const SimdLevel level : levels()) {
    const Case<T> test(9, 19, true, true, false, Activation::relu6);
    const auto all = test.run(level);
    for (Index i = 0; i < test.rows; ++i) {
      Case<T> one = test;
      one.rows = 1;
      one.x.assign(test.x.begin() + i * 19, test.x.begin() + (i + 1) * 19);
      CHECK(same_bits(one.run(level).y, std::vector<T>(all.y.begin() + i * 19, all.y.begin() + (i + 1) * 19)));
    }
  }
}

TEST_CASE_TEMPLATE("NaN reaches its channel and no other", T, float, double) {
  for (const SimdLevel level : levels())
    for (std::size_t at = 0; at < 4 * 21; ++at) {
      Case<T> test(4, 21, false, true, false, Activation::relu);
      test.x[at] = std::numeric_limits<T>::quiet_NaN();
      test.stats = statistics(21, test.x, level);
      const auto out = test.run(level);
      for (std::size_t i = 0; i < out.y.size(); ++i) {
        CHECK(is_finite(out.y[i]) == (i % 21 != at % 21));
        CHECK(is_finite(out.dx[i]) == (i % 21 != at % 21));
      }
    }
}

TEST_CASE("gradients may be written in place, added up or left out") {
  Case<double> test(12, 5, false, true, true, Activation::silu);
  const auto expected = test.run(simd_level());
  Scratch scratch;
  const KernelContext context{scratch};
  const auto backward = [&](const BatchNormGradients<double>& out, const double* dy) {
    batch_norm_backward(false, test.rows, test.channels, test.x.data(), test.stats.mean.data(),
                        test.stats.variance.data(), test.epilogue(), dy, out, context);
  };
  std::vector<double> dy = test.dy;
  backward({.dx = dy.data()}, dy.data());
  CHECK(same_bits(dy, expected.dx));
  std::vector<double> dgamma(5, 1.0), dbeta(5, 2.0);
  backward({.dgamma = dgamma.data(), .dbeta = dbeta.data(), .accumulate = true}, test.dy.data());
  for (std::size_t c = 0; c < 5; ++c) {
    CHECK(dgamma[c] == doctest::Approx(1 + expected.dgamma[c]));
    CHECK(dbeta[c] == doctest::Approx(2 + expected.dbeta[c]));
  }
  dy = test.dy;
  std::vector<double> dx(dy.size());
  backward({.dx = dx.data(), .dresidual = dy.data()}, dy.data());
  CHECK(same_bits(dx, expected.dx));
  CHECK(same_bits(dy, expected.dresidual));
}

TEST_CASE("the moving statistics follow either convention") {
  const double mean = 3, variance = 8;
  for (const bool bessel : {false, true}) {
    float moving_mean = 1, moving_variance = 1;
    batch_norm_update_moving(1, 2, &mean, &variance, 0.85, bessel, &moving_mean, &moving_variance);
    CHECK(moving_mean == doctest::Approx(0.85 + 0.15 * 3));
    CHECK(moving_variance == doctest::Approx(0.85 + 0.15 * (bessel ? 16 : 8)));
  }
  double moving_mean = 0, moving_variance = 1;  // one row: no correction
  batch_norm_update_moving(1, 1, &mean, &variance, 0.5, true, &moving_mean, &moving_variance);
  CHECK(moving_variance == 4.5);
  // momentum 1 - 1/k is the average of k batches.
  double average = 0, ignored = 0;
  for (int k = 1; k <= 4; ++k) {
    const double value = k * k;
    batch_norm_update_moving(1, 8, &value, &variance, 1 - 1.0 / k, false, &average, &ignored);
  }
  CHECK(average == doctest::Approx(7.5));
}

TEST_CASE("no variance and no epsilon give no scale") {
  Scratch scratch;
  const double x[] = {5, 5}, mean = 5, variance = 0;
  double y[2];
  batch_norm_forward(2, 1, x, &mean, &variance, BatchNormEpilogue<double>{.epsilon = 0}, y, KernelContext{scratch});
  CHECK(y[0] == 0);
  CHECK(y[1] == 0);
}

TEST_CASE_TEMPLATE("is_finite", T, float, double) {
  using limits = std::numeric_limits<T>;
  for (const T value : {T(0), T(-1), limits::max(), limits::lowest(), limits::denorm_min()}) CHECK(is_finite(value));
  for (const T value : {limits::infinity(), -limits::infinity(), limits::quiet_NaN()}) CHECK(!is_finite(value));
  const T values[] = {1, 2, limits::quiet_NaN()};
  CHECK(all_finite(2, values));
  CHECK(!all_finite(3, values));
}
