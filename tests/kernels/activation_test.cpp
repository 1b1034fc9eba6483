#include <keel/kernels/activation.hpp>

#include "kernel_testing.hpp"

using namespace keel;
using namespace kernel_testing;

namespace {

const Activation elementwise[] = {Activation::linear,      Activation::relu,         Activation::relu6,
                                  Activation::leaky_relu,  Activation::elu,          Activation::selu,
                                  Activation::gelu,        Activation::gelu_tanh,    Activation::silu,
                                  Activation::sigmoid,     Activation::hard_sigmoid, Activation::hard_swish,
                                  Activation::tanh,        Activation::softplus,     Activation::hard_sigmoid_keras2,
                                  Activation::mish,        Activation::exponential,  Activation::softsign,
                                  Activation::hard_tanh,   Activation::hard_shrink,  Activation::soft_shrink,
                                  Activation::tanh_shrink, Activation::celu,         Activation::log_sigmoid,
                                  Activation::squareplus,  Activation::sparse_plus,  Activation::sparse_sigmoid};

/// Those that take the difference of two numbers of size 1.
const Activation differences[] = {Activation::hard_sigmoid,  Activation::hard_swish,  Activation::hard_sigmoid_keras2,
                                  Activation::soft_shrink,   Activation::tanh_shrink, Activation::sparse_plus,
                                  Activation::sparse_sigmoid};

double logistic(double x) { return x < 0 ? std::exp(x) / (1 + std::exp(x)) : 1 / (1 + std::exp(-x)); }
double gelu_argument(double x) { return std::sqrt(8 / std::acos(-1.0)) * (x + 0.044715 * x * x * x); }

/// The definitions, in double.
double reference(Activation kind, double alpha, double x) {
  if (x != x) return x;
  switch (kind) {
    case Activation::relu: return x > 0 ? x : 0;
    case Activation::relu6: return x > 6 ? 6 : x > 0 ? x : 0;
    case Activation::leaky_relu: return x > 0 ? x : alpha * x;
    case Activation::elu: return x > 0 ? x : alpha * std::expm1(x);
    case Activation::selu: return 1.0507009873554805 * (x > 0 ? x : 1.6732632423543772 * std::expm1(x));
    case Activation::gelu: return x * 0.5 * std::erfc(-x / std::sqrt(2.0));
    case Activation::gelu_tanh: return x * logistic(gelu_argument(x));
    case Activation::silu: return x * logistic(x);
    case Activation::sigmoid: return logistic(x);
    case Activation::hard_sigmoid: return x <= -3 ? 0 : x >= 3 ? 1 : x / 6 + 0.5;
    case Activation::hard_sigmoid_keras2: return x <= -2.5 ? 0 : x >= 2.5 ? 1 : x / 5 + 0.5;
    case Activation::hard_swish: return x * reference(Activation::hard_sigmoid, 0, x);
    case Activation::tanh: return std::tanh(x);
    case Activation::softplus: return (x > 0 ? x : 0) + std::log1p(std::exp(-std::abs(x)));
    case Activation::mish: return x * std::tanh(reference(Activation::softplus, 1, x));
    case Activation::exponential: return std::exp(x);
    case Activation::softsign: return x / (1 + std::abs(x));
    case Activation::hard_tanh: return x > 1 ? 1 : x < -1 ? -1 : x;
    case Activation::hard_shrink: return std::abs(x) > alpha ? x : 0;
    case Activation::soft_shrink: return x > alpha ? x - alpha : x < -alpha ? x + alpha : 0;
    case Activation::tanh_shrink: return x - std::tanh(x);
    case Activation::celu: return x > 0 ? x : alpha * std::expm1(x / alpha);
    case Activation::log_sigmoid: return -reference(Activation::softplus, 1, -x);
    case Activation::squareplus:
      return x < 0 ? alpha / 2 / (std::sqrt(x * x + alpha) - x) : (x + std::sqrt(x * x + alpha)) / 2;
    case Activation::sparse_plus: return x <= -1 ? 0 : x >= 1 ? x : (x + 1) * (x + 1) / 4;
    case Activation::sparse_sigmoid: return x <= -1 ? 0 : x >= 1 ? 1 : (x + 1) / 2;
    default: return x;
  }
}

double reference_slope(Activation kind, double alpha, double x) {
  switch (kind) {
    case Activation::relu: return x > 0;
    case Activation::relu6: return x > 0 && x < 6;
    case Activation::leaky_relu: return x > 0 ? 1 : alpha;
    case Activation::elu: return x > 0 ? 1 : alpha * std::exp(x);
    case Activation::selu: return 1.0507009873554805 * (x > 0 ? 1 : 1.6732632423543772 * std::exp(x));
    case Activation::gelu:
      return 0.5 * std::erfc(-x / std::sqrt(2.0)) + x * std::exp(-x * x / 2) / std::sqrt(2 * std::acos(-1.0));
    case Activation::gelu_tanh: {
      const double s = logistic(gelu_argument(x));
      return s + x * s * logistic(-gelu_argument(x)) * std::sqrt(8 / std::acos(-1.0)) * (1 + 3 * 0.044715 * x * x);
    }
    case Activation::silu: return logistic(x) * (1 + x * logistic(-x));
    case Activation::sigmoid: return logistic(x) * logistic(-x);
    case Activation::hard_sigmoid: return x > -3 && x < 3 ? 1.0 / 6 : 0;
    case Activation::hard_sigmoid_keras2: return x > -2.5 && x < 2.5 ? 0.2 : 0;
    case Activation::hard_swish: return x <= -3 ? 0 : x >= 3 ? 1 : x / 3 + 0.5;
    case Activation::tanh: return 1 - std::tanh(x) * std::tanh(x);
    case Activation::softplus: return logistic(x);
    case Activation::mish: {
      const double gate = std::tanh(std::log1p(std::exp(x))), rest = x > 300 ? 0 : 1 - gate * gate;
      return x > 300 ? 1 : gate + x * logistic(x) * rest;
    }
    case Activation::exponential: return std::exp(x);
    case Activation::softsign: return 1 / ((1 + std::abs(x)) * (1 + std::abs(x)));
    case Activation::hard_tanh: return x > -1 && x < 1;
    case Activation::hard_shrink:
    case Activation::soft_shrink: return std::abs(x) > alpha;
    case Activation::tanh_shrink: return std::tanh(x) * std::tanh(x);
    case Activation::celu: return x > 0 ? 1 : std::exp(x / alpha);
    case Activation::log_sigmoid: return logistic(-x);
    case Activation::squareplus: return (1 + x / std::sqrt(x * x + alpha)) / 2;
    case Activation::sparse_plus: return x <= -1 ? 0 : x >= 1 ? 1 : (x + 1) / 2;
    case Activation::sparse_sigmoid: return x > -1 && x < 1 ? 0.5 : 0;
    default: return 1;
  }
}

template <class T>
std::vector<T> forward(const ActivationSpec& spec, const std::vector<T>& x, SimdLevel level,
                       ThreadPool* threads = nullptr) {
  Scratch scratch;
  std::vector<T> y(x.size());
  activation_forward(spec, Index{1}, static_cast<Index>(x.size()), x.data(), y.data(),
                     KernelContext{scratch, threads, level});
  return y;
}
template <class T>
std::vector<T> backward(const ActivationSpec& spec, const std::vector<T>& x, const std::vector<T>& y,
                        const std::vector<T>& dy, SimdLevel level, ThreadPool* threads = nullptr) {
  Scratch scratch;
  std::vector<T> dx(x.size());
  activation_backward(spec, Index{1}, static_cast<Index>(x.size()), activation_needs_input(spec) ? x.data() : nullptr,
                      y.data(), dy.data(), dx.data(), KernelContext{scratch, threads, level});
  return dx;
}

/// Dense near 0, then out to where every function has saturated.
template <class T>
std::vector<T> sweep() {
  std::vector<T> x;
  for (int i = -4000; i <= 4000; ++i) x.push_back(static_cast<T>(i * 0.0025 + 0.0003));
  for (int i = -3000; i <= 3000; ++i) x.push_back(static_cast<T>(i * 0.04 + 0.003));
  for (int i = -40; i <= 5; ++i) x.push_back(static_cast<T>(std::pow(10.0, i))), x.push_back(-x.back());
  return x;
}

}  // namespace

TEST_CASE_TEMPLATE("activations agree with their definitions", T, float, double) {
  const std::vector<T> x = sweep<T>();
  for (const SimdLevel level : levels())
    for (const Activation kind : elementwise) {
      const ActivationSpec spec(kind);
      CAPTURE(activation_name(kind));
      CAPTURE(std::string(to_string(level)));
      std::vector<double> expected, slopes, scaled;
      const std::vector<T> dy = random_values<T>(static_cast<Index>(x.size()), 7, 1, 0.2);
      for (std::size_t i = 0; i < x.size(); ++i) {
        const double alpha = static_cast<double>(static_cast<T>(spec.alpha));
        expected.push_back(reference(kind, alpha, static_cast<double>(x[i])));
        slopes.push_back(reference_slope(kind, alpha, static_cast<double>(x[i])));
        scaled.push_back(slopes.back() * static_cast<double>(dy[i]));
      }
      const std::vector<T> y = forward(spec, x, level), dx = backward(spec, x, y, dy, level);
      // relu and its like are 0 for half of the sweep, so only the differences are looked at.
      double worst = 0, worst_slope = 0, worst_at = 0;
      for (std::size_t i = 0; i < x.size(); ++i) {
        const double error = std::abs(static_cast<double>(y[i]) - expected[i]);
        if (std::abs(expected[i]) > 1e30) continue;  // the exponential's
        const bool hard = std::count(std::begin(differences), std::end(differences), kind) != 0;
        const double floor = hard ? 1e-1 : 1e-35;
        const double relative = error / (std::max)(std::abs(expected[i]), floor);
        if (relative > worst) {
          worst = relative;
          worst_at = static_cast<double>(x[i]);
        }
        worst_slope = (std::max)(
            worst_slope, std::abs(static_cast<double>(dx[i]) - scaled[i]) / (std::max)(1.0, std::abs(scaled[i])));
      }
      const double epsilon = static_cast<double>(std::numeric_limits<T>::epsilon());
      CAPTURE(worst_at);
      // The exponents of the gelus' tails are rounded, so far out the relative error grows with x^2.
      CHECK(worst <= (kind == Activation::gelu_tanh || (kind == Activation::gelu && sizeof(T) == 8) ? 200
                      : kind == Activation::mish || kind == Activation::tanh_shrink                 ? 8
                                                                                                    : 4) *
                         epsilon);
      CHECK(worst_slope <= (kind == Activation::mish ? 12 : 6) * epsilon);
    }
}

TEST_CASE_TEMPLATE("an activation's value does not depend on its place", T, float, double) {
  const T infinity = std::numeric_limits<T>::infinity();
  const T extremes[] = {T(0),      T(-0.0),
                        T(1e-40),  T(-1e-40),
                        T(1),      T(-1),
                        T(20),     T(-20),
                        T(88),     T(-88),
                        T(89),     T(-89),
                        T(100),    T(-100),
                        T(1e4),    T(-1e4),
                        T(-1000),  T(3e38),
                        T(-3e38),  infinity,
                        -infinity, std::numeric_limits<T>::quiet_NaN()};
  for (const SimdLevel level : levels())
    for (const Activation kind : elementwise)
      for (const T value : extremes) {
        const ActivationSpec spec(kind);
        CAPTURE(activation_name(kind));
        CAPTURE(value);
        const std::vector<T> alone{value}, slope_alone{T(0.75)};
        const T y0 = forward(spec, alone, level)[0];
        const T dx0 = backward(spec, alone, {y0}, slope_alone, level)[0];
        // Right at the extremes, in every kind.
        const double expected = reference(kind, spec.alpha, static_cast<double>(value));
        if (is_finite(expected) && std::abs(expected) < static_cast<double>(std::numeric_limits<T>::max())) {
          CHECK(std::abs(static_cast<double>(y0) - expected) <= 1e-6 * std::abs(expected) + 2e-43);
          if (is_finite(value)) CHECK(is_finite(dx0));
        }
        if (value != value) {
          CHECK(y0 != y0);
        }
        for (std::size_t length = 1; length <= 33; ++length)
          for (std::size_t at = 0; at < length; ++at) {
            std::vector<T> x(length, T(0.5)), dy(length, T(0.25));
            x[at] = value;
            dy[at] = T(0.75);
            const std::vector<T> y = forward(spec, x, level), dx = backward(spec, x, y, dy, level);
            if (!(same_bits(y[at], y0) || (y0 != y0 && y[at] != y[at]))) FAIL("forward differs at ", at);
            if (!(same_bits(dx[at], dx0) || (dx0 != dx0 && dx[at] != dx[at]))) FAIL("backward differs at ", at);
            for (std::size_t i = 0; i < length; ++i)
              if (i != at && y[i] != y[at == 0 ? length - 1 : 0]) FAIL("a neighbour changed at ", i);
          }
      }
}

TEST_CASE("exp underflows to zero in every lane") {
  for (const SimdLevel level : levels())
    for (const float x : {-1000.0f, -104.0f, -200.0f}) {
      const std::vector<float> y = forward(ActivationSpec(Activation::sigmoid), std::vector<float>(33, x), level);
      for (const float value : y) CHECK(value == 0.0f);
    }
}

TEST_CASE_TEMPLATE("activations have the same bits with any number of threads", T, float, double) {
  const std::vector<T> x = random_values<T>(100003, 1, 0, 3), dy = random_values<T>(100003, 2);
  ThreadPool two(2), three(3), eight(8);
  for (const Activation kind : {Activation::relu, Activation::gelu, Activation::tanh}) {
    const std::vector<T> y = forward<T>(kind, x, simd_level()), dx = backward<T>(kind, x, y, dy, simd_level());
    for (ThreadPool* pool : {&two, &three, &eight}) {
      CHECK(same_bits(forward<T>(kind, x, simd_level(), pool), y));
      CHECK(same_bits(backward<T>(kind, x, y, dy, simd_level(), pool), dx));
    }
  }
}

TEST_CASE("leaky_relu and elu with other alphas, in place") {
  Scratch scratch;
  const KernelContext context{scratch};
  std::vector<double> y{-2, 0, 3};
  const std::vector<double> x = y;
  activation_forward({Activation::leaky_relu, -0.5}, 1, 3, y.data(), y.data(), context);
  CHECK(y == std::vector<double>{1, 0, 3});
  CHECK(activation_needs_input({Activation::leaky_relu, -0.5}));
  std::vector<double> dy{1, 1, 1};
  activation_backward({Activation::leaky_relu, -0.5}, 1, 3, x.data(), y.data(), dy.data(), dy.data(), context);
  CHECK(dy == std::vector<double>{-0.5, -0.5, 1});
  for (const double alpha : {2.0, -2.0}) {
    y = x;
    dy = {1, 1, 1};
    activation_forward({Activation::elu, alpha}, 1, 3, y.data(), y.data(), context);
    CHECK(y[0] == doctest::Approx(alpha * std::expm1(-2.0)));
    activation_backward({Activation::elu, alpha}, 1, 3, x.data(), y.data(), dy.data(), dy.data(), context);
    CHECK(dy[0] == doctest::Approx(alpha * std::exp(-2.0)));
    CHECK(dy[1] == doctest::Approx(alpha));
    CHECK(dy[2] == 1);
  }
}

TEST_CASE("activations have Keras's names") {
  for (std::size_t i = 0; i < activation_names.size(); ++i)
    CHECK(activation_from_name(activation_names[i]) == static_cast<Activation>(i));
  CHECK(activation_from_name("swish") == Activation::silu);
  CHECK(activation_from_name("hard_silu") == Activation::hard_swish);
  CHECK_THROWS_AS(activation_from_name("Relu"), ConfigError);
  CHECK(ActivationSpec(Activation::leaky_relu).alpha == 0.2);
  CHECK(ActivationSpec(Activation::elu).alpha == 1.0);
}
