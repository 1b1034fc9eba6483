#pragma once
/// Functions of one to three numbers, value by value, with their derivatives: what Elementwise applies.

#include <array>
#include <cmath>
#include <span>
#include <string>
#include <string_view>

#include <keel/layers/base/broadcast.hpp>

namespace keel {
inline namespace KEEL_ABI {

namespace detail {

/// The arguments along a stretch: the values of each, or one for all of them (step 0).
template <class T>
struct ScalarArguments {
  std::array<const T*, Broadcast::most> values{};
  std::array<Index, Broadcast::most> steps{};
  const T* numbers = nullptr;  ///< that the function has beside its arguments
};

/// f(a, b, ...), with `numbers` behind them if it takes some.
template <class F, class T, class... Values>
T call_scalar(const T* numbers, Values... values) {
  if constexpr (std::is_invocable_v<F, Values...>)
    return F{}(values...);
  else
    return F{}(values..., numbers);
}

/// The loops of a function of `count` arguments. They are plain: the tails of Eigen's vectors differ from its lanes.
template <class T, int count, class F>
struct ScalarLoop {
  static void value(Index n, const ScalarArguments<T>& x, T* y) {
    const T *const a = x.values[0], *const b = x.values[1], *const c = x.values[2], *const p = x.numbers;
    if constexpr (count == 1) {
      for (Index i = 0; i < n; ++i) y[i] = call_scalar<F>(p, a[i]);
    } else if constexpr (count == 2) {
      if (x.steps[0] == x.steps[1])
        for (Index i = 0; i < n; ++i) y[i] = call_scalar<F>(p, a[i], b[i]);
      else if (x.steps[1] == 0)
        for (Index i = 0; i < n; ++i) y[i] = call_scalar<F>(p, a[i], *b);
      else
        for (Index i = 0; i < n; ++i) y[i] = call_scalar<F>(p, *a, b[i]);
    } else {
      for (Index i = 0; i < n; ++i) y[i] = call_scalar<F>(p, a[i * x.steps[0]], b[i * x.steps[1]], c[i * x.steps[2]]);
    }
  }
  /// dx = dy F(arguments, y), F being the derivative.
  static void slope(Index n, const ScalarArguments<T>& x, const T* y, const T* dy, T* dx) {
    const T *const a = x.values[0], *const b = x.values[1], *const c = x.values[2], *const p = x.numbers;
    for (Index i = 0; i < n; ++i) {
      if constexpr (count == 1)
        dx[i] = dy[i] * call_scalar<F>(p, a[i], y[i]);
      else if constexpr (count == 2)
        dx[i] = dy[i] * call_scalar<F>(p, a[i * x.steps[0]], b[i * x.steps[1]], y[i]);
      else
        dx[i] = dy[i] * call_scalar<F>(p, a[i * x.steps[0]], b[i * x.steps[1]], c[i * x.steps[2]], y[i]);
    }
  }
};

}  // namespace detail

/// A function of numbers.
template <class T>
struct ScalarFunction {
  using Arguments = detail::ScalarArguments<T>;
  using Slope = void (*)(Index, const Arguments&, const T*, const T*, T*);

  std::string_view name;
  int arguments = 0;
  void (*value)(Index, const Arguments&, T*) = nullptr;
  /// Derivatives by each argument; null: 0 everywhere.
  std::array<Slope, Broadcast::most> slopes{};
  /// How many numbers it has beside its arguments, and their usual values.
  Index numbers = 0;
  std::array<double, 2> usual{};
};

namespace detail {

template <class T, class F, class D = std::nullptr_t>
constexpr ScalarFunction<T> unary(std::string_view name, F, D = {}, Index numbers = 0,
                                  std::array<double, 2> usual = {}) {
  ScalarFunction<T> f{.name = name, .arguments = 1, .value = ScalarLoop<T, 1, F>::value};
  if constexpr (!std::is_same_v<D, std::nullptr_t>) f.slopes[0] = ScalarLoop<T, 1, D>::slope;
  f.numbers = numbers;
  f.usual = usual;
  return f;
}
template <class T, class F, class A = std::nullptr_t, class B = std::nullptr_t>
constexpr ScalarFunction<T> binary(std::string_view name, F, A = {}, B = {}) {
  ScalarFunction<T> f{.name = name, .arguments = 2, .value = ScalarLoop<T, 2, F>::value};
  if constexpr (!std::is_same_v<A, std::nullptr_t>) f.slopes[0] = ScalarLoop<T, 2, A>::slope;
  if constexpr (!std::is_same_v<B, std::nullptr_t>) f.slopes[1] = ScalarLoop<T, 2, B>::slope;
  return f;
}

/// The functions, by name. At a kink the derivative is 0 or, of two equal values in a maximum, a half; truth is 1 or 0,
/// and whatever is not 0 is true.
template <class T>
std::span<const ScalarFunction<T>> scalar_functions() {
  constexpr auto sign = [](T x) { return x > 0 ? T(1) : x < 0 ? T(-1) : x; };
  static constexpr double erf_scale = 1.1283791670955126;  // 2 / sqrt(pi)
  static constexpr ScalarFunction<T> all[] = {
      unary<T>(
          "abs", [](T x) { return std::abs(x); }, [](T x, T) { return x > 0   ? T(1)
                                                                      : x < 0 ? T(-1)
                                                                              : T(0); }),
      unary<T>(
          "negative", [](T x) { return -x; }, [](T, T) { return T(-1); }),
      unary<T>(
          "reciprocal", [](T x) { return 1 / x; }, [](T, T y) { return -y * y; }),
      unary<T>(
          "sqrt", [](T x) { return std::sqrt(x); }, [](T, T y) { return T(0.5) / y; }),
      unary<T>(
          "exp", [](T x) { return std::exp(x); }, [](T, T y) { return y; }),
      unary<T>(
          "log", [](T x) { return std::log(x); }, [](T x, T) { return 1 / x; }),
      unary<T>(
          "erf", [](T x) { return std::erf(x); }, [](T x, T) { return static_cast<T>(erf_scale) * std::exp(-x * x); }),
      unary<T>(
          "sin", [](T x) { return std::sin(x); }, [](T x, T) { return std::cos(x); }),
      unary<T>(
          "cos", [](T x) { return std::cos(x); }, [](T x, T) { return -std::sin(x); }),
      unary<T>(
          "tan", [](T x) { return std::tan(x); }, [](T, T y) { return 1 + y * y; }),
      unary<T>(
          "asin", [](T x) { return std::asin(x); }, [](T x, T) { return 1 / std::sqrt(1 - x * x); }),
      unary<T>(
          "acos", [](T x) { return std::acos(x); }, [](T x, T) { return -1 / std::sqrt(1 - x * x); }),
      unary<T>(
          "atan", [](T x) { return std::atan(x); }, [](T x, T) { return 1 / (1 + x * x); }),
      unary<T>(
          "sinh", [](T x) { return std::sinh(x); }, [](T x, T) { return std::cosh(x); }),
      unary<T>(
          "cosh", [](T x) { return std::cosh(x); }, [](T x, T) { return std::sinh(x); }),
      unary<T>(
          "tanh", [](T x) { return std::tanh(x); }, [](T, T y) { return 1 - y * y; }),
      unary<T>(
          "asinh", [](T x) { return std::asinh(x); }, [](T x, T) { return 1 / std::sqrt(x * x + 1); }),
      unary<T>(
          "acosh", [](T x) { return std::acosh(x); }, [](T x, T) { return 1 / std::sqrt(x * x - 1); }),
      unary<T>(
          "atanh", [](T x) { return std::atanh(x); }, [](T x, T) { return 1 / (1 - x * x); }),
      unary<T>("floor", [](T x) { return std::floor(x); }),
      unary<T>("ceil", [](T x) { return std::ceil(x); }),
      unary<T>("round", [](T x) { return std::nearbyint(x); }),  // halves to the even number
      unary<T>("truncate", [](T x) { return std::trunc(x); }),
      unary<T>("sign", sign),
      unary<T>("not", [](T x) { return x == 0 ? T(1) : T(0); }),
      unary<T>("to_bool", [](T x) { return x != 0 ? T(1) : T(0); }),
      unary<T>("is_nan", [](T x) { return std::isnan(x) ? T(1) : T(0); }),
      // numbers: whether -infinity counts, whether infinity does
      unary<T>("is_inf", [](T x, const T* p) { return std::isinf(x) && p[x > 0 ? 1 : 0] != 0 ? T(1) : T(0); }, nullptr,
               2, {1, 1}),
      // numbers: least, most; where the least is above the most, the most
      unary<T>(
          "clip", [](T x, const T* p) { return x > p[1]   ? p[1]
                                               : x < p[0] ? (std::min)(p[0], p[1])
                                                          : x; },
          [](T x, T, const T* p) { return x > p[0] && x < p[1] ? T(1) : T(0); }, 2, {0, 1}),
      // numbers: lambda, bias
      unary<T>(
          "shrink", [](T x, const T* p) { return x < -p[0]  ? x + p[1]
                                                 : x > p[0] ? x - p[1]
                                                            : T(0); },
          [](T x, T, const T* p) { return x < -p[0] || x > p[0] ? T(1) : T(0); }, 2, {0.5, 0}),
      // numbers: alpha, beta of alpha x + beta
      unary<T>(
          "hard_sigmoid", [](T x, const T* p) { return (std::max)(T(0), (std::min)(T(1), p[0] * x + p[1])); },
          [](T, T y, const T* p) { return y > 0 && y < 1 ? p[0] : T(0); }, 2, {0.2, 0.5}),
      unary<T>(
          "thresholded_relu", [](T x, const T* p) { return x > p[0] ? x : T(0); },
          [](T x, T, const T* p) { return x > p[0] ? T(1) : T(0); }, 1, {1, 0}),
      unary<T>(
          "celu", [](T x, const T* p) { return x > 0 ? x : p[0] * std::expm1(x / p[0]); },
          [](T x, T, const T* p) { return x > 0 ? T(1) : std::exp(x / p[0]); }, 1, {1, 0}),
      // numbers: alpha, scale
      unary<T>(
          "selu", [](T x, const T* p) { return p[1] * (x > 0 ? x : p[0] * std::expm1(x)); },
          [](T x, T, const T* p) { return p[1] * (x > 0 ? T(1) : p[0] * std::exp(x)); }, 2,
          {1.6732632423543772, 1.0507009873554805}),

      binary<T>(
          "add", [](T a, T b) { return a + b; }, [](T, T, T) { return T(1); }, [](T, T, T) { return T(1); }),
      binary<T>(
          "subtract", [](T a, T b) { return a - b; }, [](T, T, T) { return T(1); }, [](T, T, T) { return T(-1); }),
      binary<T>(
          "multiply", [](T a, T b) { return a * b; }, [](T, T b, T) { return b; }, [](T a, T, T) { return a; }),
      binary<T>(
          "divide", [](T a, T b) { return a / b; }, [](T, T b, T) { return 1 / b; },
          [](T, T b, T y) { return -y / b; }),
      binary<T>("integer_divide", [](T a, T b) { return std::trunc(a / b); }),
      binary<T>(
          "power", [](T a, T b) { return b == 2 ? a * a : std::pow(a, b); },
          [](T a, T b, T) { return b == 2   ? 2 * a
                                   : b == 0 ? T(0)
                                            : b * std::pow(a, b - 1); },
          [](T a, T, T y) { return a > 0 ? y * std::log(a) : T(0); }),
      binary<T>(
          "minimum", [](T a, T b) { return a < b || std::isnan(a) ? a : b; },
          [](T a, T b, T) { return a < b    ? T(1)
                                   : a == b ? T(0.5)
                                            : T(0); },
          [](T a, T b, T) { return b < a    ? T(1)
                                   : a == b ? T(0.5)
                                            : T(0); }),
      binary<T>(
          "maximum", [](T a, T b) { return a > b || std::isnan(a) ? a : b; },
          [](T a, T b, T) { return a > b    ? T(1)
                                   : a == b ? T(0.5)
                                            : T(0); },
          [](T a, T b, T) { return b > a    ? T(1)
                                   : a == b ? T(0.5)
                                            : T(0); }),
      binary<T>(
          "modulo",  // the remainder with the sign of b
          [](T a, T b) {
            const T rest = std::fmod(a, b);
            return rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest;
          },
          [](T, T, T) { return T(1); }, [](T a, T b, T) { return -std::floor(a / b); }),
      binary<T>(
          "fmod", [](T a, T b) { return std::fmod(a, b); }, [](T, T, T) { return T(1); },
          [](T a, T b, T) { return -std::trunc(a / b); }),
      binary<T>(
          "prelu", [](T x, T slope) { return x > 0 ? x : slope * x; },
          [](T x, T slope, T) { return x > 0 ? T(1) : slope; }, [](T x, T, T) { return x > 0 ? T(0) : x; }),
      binary<T>("equal", [](T a, T b) { return a == b ? T(1) : T(0); }),
      binary<T>("less", [](T a, T b) { return a < b ? T(1) : T(0); }),
      binary<T>("less_equal", [](T a, T b) { return a <= b ? T(1) : T(0); }),
      binary<T>("greater", [](T a, T b) { return a > b ? T(1) : T(0); }),
      binary<T>("greater_equal", [](T a, T b) { return a >= b ? T(1) : T(0); }),
      binary<T>("and", [](T a, T b) { return a != 0 && b != 0 ? T(1) : T(0); }),
      binary<T>("or", [](T a, T b) { return a != 0 || b != 0 ? T(1) : T(0); }),
      binary<T>("xor", [](T a, T b) { return (a != 0) != (b != 0) ? T(1) : T(0); }),
      {.name = "where",
       .arguments = 3,
       .value = ScalarLoop<T, 3, decltype([](T c, T a, T b) { return c != 0 ? a : b; })>::value,
       .slopes = {nullptr, ScalarLoop<T, 3, decltype([](T c, T, T, T) { return c != 0 ? T(1) : T(0); })>::slope,
                  ScalarLoop<T, 3, decltype([](T c, T, T, T) { return c != 0 ? T(0) : T(1); })>::slope}},
  };
  return all;
}

}  // namespace detail

/// The function of that name. Throws ConfigError for another, with all names.
template <class T>
const ScalarFunction<T>& scalar_function(const std::string& who, std::string_view name) {
  std::string names;
  for (const ScalarFunction<T>& f : detail::scalar_functions<T>()) {
    if (f.name == name) return f;
    names += (names.empty() ? "" : ", ") + std::string(f.name);
  }
  throw ConfigError(who, "one of the functions " + names, "\"" + std::string(name) + "\"");
}

}  // namespace KEEL_ABI
}  // namespace keel
