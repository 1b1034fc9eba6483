#pragma once
/// First values of parameters.

#include <array>
#include <cmath>
#include <optional>
#include <string>
#include <string_view>

#include <keel/layers/base/options.hpp>
#include <keel/tensor/rng.hpp>
#include <keel/tensor/tensor.hpp>

namespace keel {
inline namespace KEEL_ABI {

/// Where a parameter's first values come from (Keras's initializers of the same names). With fan_in and fan_out
/// the numbers of values that flow into and out of one place:
///
/// | kind             | values                                                             |
/// |------------------|--------------------------------------------------------------------|
/// | zeros, ones      | 0, 1                                                               |
/// | constant         | `value`                                                            |
/// | random_uniform   | uniform in [-value, value]; Keras 0.05                             |
/// | random_normal    | normal with deviation `value`; Keras 0.05                          |
/// | truncated_normal | the same, redrawn beyond two deviations; Keras 0.05                |
/// | glorot_uniform   | uniform up to sqrt(6 / (fan_in + fan_out)); PyTorch xavier_uniform |
/// | glorot_normal    | variance 2 / (fan_in + fan_out), truncated at two deviations       |
/// | he_uniform       | uniform up to sqrt(6 / fan_in)                                     |
/// | he_normal        | variance 2 / fan_in, truncated                                     |
/// | lecun_uniform    | uniform up to sqrt(3 / fan_in)                                     |
/// | lecun_normal     | variance 1 / fan_in, truncated                                     |
/// | orthogonal       | columns (rows, where there are fewer) of length `value` at right angles; 1 |
/// | identity         | `value` on the diagonal of a kernel of two axes, else 0; 1         |
/// | torch_default    | uniform up to 1 / sqrt(fan_in): weight and bias of torch.nn's Linear and Conv2d |
///
/// The truncated kinds have the given variance after truncation (Keras; PyTorch's normals are not truncated).
enum class Initializer {
  zeros,
  ones,
  constant,
  random_uniform,
  random_normal,
  truncated_normal,
  glorot_uniform,
  glorot_normal,
  he_uniform,
  he_normal,
  lecun_uniform,
  lecun_normal,
  torch_default,
  orthogonal,
  identity
};

/// As files say them, in the order of Initializer.
inline constexpr std::array<std::string_view, 15> initializer_names{
    "zeros",          "ones",          "constant",   "random_uniform", "random_normal", "truncated_normal",
    "glorot_uniform", "glorot_normal", "he_uniform", "he_normal",      "lecun_uniform", "lecun_normal",
    "torch_default",  "orthogonal",    "identity"};

/// The initializer of that name. Throws ConfigError, in the name of `who`.
inline Initializer initializer_from_name(std::string_view name, const std::string& who = "initializer") {
  std::string known;
  for (std::size_t i = 0; i < initializer_names.size(); ++i) {
    if (initializer_names[i] == name) return static_cast<Initializer>(i);
    known += (i ? ", " : "") + std::string(initializer_names[i]);
  }
  throw ConfigError(who, "one of " + known, "\"" + std::string(name) + "\"");
}

/// An initializer and the value of constant, of the random_ kinds, orthogonal and identity.
struct InitializerSpec {
  Initializer kind = Initializer::zeros;  ///< by default zeros
  double value = 0;                       ///< of constant the value; else a scale, in the unit of the values

  /// With Keras's value, where the kind has one.
  InitializerSpec(Initializer k) : kind(k), value(usual_value(k).value_or(0)) {}
  InitializerSpec(Initializer k, double v) : kind(k), value(v) {}  ///< With a value of its own.
  /// By Keras's name: "he_normal". Throws ConfigError for one that is none.
  template <NameText Text>
  InitializerSpec(const Text& name) : InitializerSpec(initializer_from_name(name)) {}
  friend bool operator==(const InitializerSpec&, const InitializerSpec&) = default;
  bool has_value() const { return usual_value(kind).has_value(); }  ///< Whether the kind has one.

 private:
  /// Keras's, of those kinds that have one.
  static std::optional<double> usual_value(Initializer k) {
    switch (k) {
      case Initializer::constant: return 0;
      case Initializer::random_uniform:
      case Initializer::random_normal:
      case Initializer::truncated_normal: return 0.05;
      case Initializer::orthogonal:
      case Initializer::identity: return 1;
      default: return std::nullopt;
    }
  }
};

/// Values that one place of a layer reads and feeds. Keras takes rf * shape[-2] and rf * shape[-1], rf being the
/// kernel's area; PyTorch's differ from that in depthwise kernels only.
struct Fans {
  Index in, out, torch_in;                                         ///< Keras's fan_in, fan_out and PyTorch's fan_in
  Fans(Index i, Index o) : Fans(i, o, i) {}                        ///< The same for both worlds.
  Fans(Index i, Index o, Index t) : in(i), out(o), torch_in(t) {}  ///< With PyTorch's own.
};

namespace detail {

/// Fills a matrix with orthogonal columns, or rows where there are fewer: normal numbers, made orthogonal one after the
/// other (twice, for rounding), which is the Q of their QR decomposition with a diagonal above 0 (Saxe et al. 2014).
template <class T>
void fill_orthogonal(Tensor<T>& values, double gain, Rng& rng) {
  const Index columns = values.shape().back(), rows = columns ? values.size() / columns : 0;
  const Index count = (std::min)(rows, columns), length = (std::max)(rows, columns);
  std::vector<double> vectors(to_size(count * length));
  for (Index i = 0; i < length; ++i)
    for (Index v = 0; v < count; ++v) vectors[to_size(v * length + i)] = rng.normal();
  const auto dot = [&](Index a, Index b) {
    double sum = 0;
    for (Index i = 0; i < length; ++i) sum += vectors[to_size(a * length + i)] * vectors[to_size(b * length + i)];
    return sum;
  };
  for (Index v = 0; v < count; ++v) {
    for (int twice = 0; twice < 2; ++twice)
      for (Index other = 0; other < v; ++other) {
        const double part = dot(v, other);
        for (Index i = 0; i < length; ++i)
          vectors[to_size(v * length + i)] -= part * vectors[to_size(other * length + i)];
      }
    const double norm = std::sqrt(dot(v, v));
    for (Index i = 0; i < length; ++i) vectors[to_size(v * length + i)] /= norm;
  }
  for (Index v = 0; v < count; ++v)
    for (Index i = 0; i < length; ++i)
      values[rows >= columns ? i * columns + v : v * columns + i] =
          static_cast<T>(gain * vectors[to_size(v * length + i)]);
}

}  // namespace detail

/// A tensor with the initializer's values. Drawn in double, so that float and double nets start from the same
/// numbers. With Rng::none() a shape without memory: values will come from a file.
template <class T>
Tensor<T> initial_values(const Shape& shape, const InitializerSpec& spec, const Fans& fans, Rng& rng) {
  if (rng.is_none()) return Tensor<T>::unallocated(shape);
  const double in = static_cast<double>((std::max)(fans.in, Index{1}));
  const double average = static_cast<double>((std::max)(fans.in + fans.out, Index{1})) / 2;
  const double torch_in = static_cast<double>((std::max)(fans.torch_in, Index{1}));
  // Deviation of a standard normal cut at +-2.
  constexpr double cut = 0.87962566103423978;
  Tensor<T> values(shape);
  const auto constant = [&](double value) {
    for (T& x : values) x = static_cast<T>(value);
  };
  const auto uniform = [&](double limit) {
    for (T& x : values) x = static_cast<T>(rng.uniform(-limit, limit));
  };
  const auto truncated = [&](double deviation) {
    for (T& x : values) x = static_cast<T>(deviation * rng.truncated_normal());
  };
  switch (spec.kind) {
    case Initializer::zeros: break;
    case Initializer::ones: constant(1); break;
    case Initializer::constant: constant(spec.value); break;
    case Initializer::random_uniform: uniform(spec.value); break;
    case Initializer::random_normal:
      for (T& x : values) x = static_cast<T>(spec.value * rng.normal());
      break;
    case Initializer::truncated_normal: truncated(spec.value); break;
    case Initializer::glorot_uniform: uniform(std::sqrt(3 / average)); break;
    case Initializer::glorot_normal: truncated(std::sqrt(1 / average) / cut); break;
    case Initializer::he_uniform: uniform(std::sqrt(6 / in)); break;
    case Initializer::he_normal: truncated(std::sqrt(2 / in) / cut); break;
    case Initializer::lecun_uniform: uniform(std::sqrt(3 / in)); break;
    case Initializer::lecun_normal: truncated(std::sqrt(1 / in) / cut); break;
    case Initializer::identity:
      if (shape.rank() != 2) throw ConfigError("identity initializer", "a kernel of two axes", shape.to_string());
      for (Index i = 0; i < (std::min)(shape[0], shape[1]); ++i) values(i, i) = static_cast<T>(spec.value);
      break;
    case Initializer::torch_default: uniform(1 / std::sqrt(torch_in)); break;
    case Initializer::orthogonal: detail::fill_orthogonal(values, spec.value, rng); break;
  }
  return values;
}

/// As "kernel_initializer": "constant" and, for the kinds that have one, "kernel_initializer_value": 0.5.
inline void write_option(Config& config, const char* name, const InitializerSpec& value) {
  config.set(name, std::string(initializer_names[static_cast<std::size_t>(value.kind)]));
  if (value.has_value()) config.set(std::string(name) + "_value", value.value);
}
inline void read_option(const Config& config, const char* name, InitializerSpec& value) {
  if (config.find(name))
    value = initializer_from_name(config.get<std::string>(name, {}), std::string("option ") + name);
  value.value = config.get<double>(std::string(name) + "_value", value.value);
}

KEEL_INSTANCE(Tensor<float> initial_values<float>(const Shape&, const InitializerSpec&, const Fans&, Rng&))

}  // namespace KEEL_ABI
}  // namespace keel
