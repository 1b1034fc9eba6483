#pragma once
/// Activations and their derivatives, on whole arrays.

#include <array>
#include <string_view>

#include <keel/kernels/context.hpp>
#include <keel/kernels/parallel.hpp>
#include <keel/kernels/simd/math.hpp>
#include <keel/kernels/softmax.hpp>

namespace keel {
inline namespace KEEL_ABI {

/// The activations of Keras 3 (`keras.activations`) that keel has. Formulas:
///
/// | kind         | y                                              | PyTorch        |
/// |--------------|------------------------------------------------|----------------|
/// | linear       | x                                              | Identity       |
/// | relu         | max(x, 0)                                      | ReLU           |
/// | relu6        | min(max(x, 0), 6)                              | ReLU6          |
/// | leaky_relu   | x > 0 ? x : alpha x (Keras's function: 0.2)    | LeakyReLU 0.01 |
/// | elu          | x > 0 ? x : alpha (exp(x) - 1)                 | ELU            |
/// | selu         | 1.0507 elu(x, 1.67326)                         | SELU           |
/// | gelu         | x/2 (1 + erf(x / sqrt 2))                      | GELU           |
/// | gelu_tanh    | x/2 (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3)))  | GELU 'tanh'    |
/// | silu         | x sigmoid(x)                                   | SiLU           |
/// | sigmoid      | 1 / (1 + exp(-x))                              | Sigmoid        |
/// | hard_sigmoid | min(max(x/6 + 1/2, 0), 1)                      | Hardsigmoid    |
/// | hard_sigmoid_keras2 | min(max(x/5 + 1/2, 0), 1), Keras 2's hard_sigmoid | none |
/// | hard_swish   | x hard_sigmoid(x)                              | Hardswish      |
/// | tanh         | tanh(x)                                        | Tanh           |
/// | softplus     | log(1 + exp(x))                                | Softplus       |
/// | softmax      | exp(x) / sum of exp(x) over the last axis      | Softmax(-1)    |
/// | log_softmax  | log of softmax                                 | LogSoftmax(-1) |
/// | mish         | x tanh(log(1 + exp(x)))                        | Mish           |
/// | exponential  | exp(x)                                         | none           |
/// | softsign     | x / (1 + abs(x))                               | Softsign       |
/// | hard_tanh    | min(max(x, -1), 1)                             | Hardtanh       |
/// | hard_shrink  | abs(x) > alpha ? x : 0, alpha 0.5              | Hardshrink     |
/// | soft_shrink  | sign(x) max(abs(x) - alpha, 0), alpha 0.5      | Softshrink     |
/// | tanh_shrink  | x - tanh(x)                                    | Tanhshrink     |
/// | celu         | x > 0 ? x : alpha (exp(x / alpha) - 1)         | CELU           |
/// | log_sigmoid  | -log(1 + exp(-x))                              | LogSigmoid     |
/// | squareplus   | (x + sqrt(x^2 + alpha)) / 2, alpha 4           | none           |
/// | sparse_plus  | 0 to -1, x from 1 on, between (x + 1)^2 / 4    | none           |
/// | sparse_sigmoid | min(max((x + 1) / 2, 0), 1)                  | none           |
/// | sparsemax    | max(x - t, 0), t such that the sum over the last axis is 1 | none |
///
/// NaN in, NaN out. gelu, silu and hard_swish of -infinity are NaN (-inf times 0), as in both frameworks.
/// PyTorch's softplus returns x itself above 20; keel's does not need to. At the corners of what is hard or sparse the
/// slope is 0.
enum class Activation {
  linear,
  relu,
  relu6,
  leaky_relu,
  elu,
  selu,
  gelu,
  gelu_tanh,
  silu,
  sigmoid,
  hard_sigmoid,
  hard_swish,
  tanh,
  softplus,
  softmax,
  log_softmax,
  hard_sigmoid_keras2,
  mish,
  exponential,
  softsign,
  hard_tanh,
  hard_shrink,
  soft_shrink,
  tanh_shrink,
  celu,
  log_sigmoid,
  squareplus,
  sparse_plus,
  sparse_sigmoid,
  sparsemax
};

/// Keras's names, in the order of the enumeration.
inline constexpr std::array<std::string_view, 30> activation_names{"linear",
                                                                   "relu",
                                                                   "relu6",
                                                                   "leaky_relu",
                                                                   "elu",
                                                                   "selu",
                                                                   "gelu",
                                                                   "gelu_tanh",
                                                                   "silu",
                                                                   "sigmoid",
                                                                   "hard_sigmoid",
                                                                   "hard_swish",
                                                                   "tanh",
                                                                   "softplus",
                                                                   "softmax",
                                                                   "log_softmax",
                                                                   "hard_sigmoid_keras2",
                                                                   "mish",
                                                                   "exponential",
                                                                   "softsign",
                                                                   "hard_tanh",
                                                                   "hard_shrink",
                                                                   "soft_shrink",
                                                                   "tanh_shrink",
                                                                   "celu",
                                                                   "log_sigmoid",
                                                                   "squareplus",
                                                                   "sparse_plus",
                                                                   "sparse_sigmoid",
                                                                   "sparsemax"};

/// As Keras spells it: "leaky_relu".
inline std::string_view activation_name(Activation kind) { return activation_names[static_cast<std::size_t>(kind)]; }

/// The activation of that name; Keras's aliases "swish" and "hard_silu" are understood. Throws ConfigError.
inline Activation activation_from_name(std::string_view name) {
  if (name == "swish") return Activation::silu;
  if (name == "hard_silu") return Activation::hard_swish;
  for (std::size_t i = 0; i < activation_names.size(); ++i)
    if (activation_names[i] == name) return static_cast<Activation>(i);
  std::string known;
  for (const std::string_view each : activation_names) known += (known.empty() ? "" : ", ") + std::string(each);
  throw ConfigError("activation", "one of " + known, "\"" + std::string(name) + "\"");
}

/// The usual parameter of an activation.
constexpr double usual_alpha(Activation kind) {
  switch (kind) {
    case Activation::leaky_relu: return 0.2;
    case Activation::hard_shrink:
    case Activation::soft_shrink: return 0.5;
    case Activation::squareplus: return 4;
    default: return 1;
  }
}

/// An activation and its parameter: the slope of leaky_relu, the scale of elu and celu, the width of a shrinking one
/// and of squareplus. The others ignore alpha.
struct ActivationSpec {
  Activation kind = Activation::linear;  ///< the function
  double alpha = 1;                      ///< slope or scale, without a unit

  ActivationSpec() = default;
  /// With Keras's default parameter.
  ActivationSpec(Activation k) : ActivationSpec(k, usual_alpha(k)) {}
  ActivationSpec(Activation k, double a) : kind(k), alpha(a) {}  ///< With a parameter of its own.
  /// By Keras's name: "relu". Throws ConfigError for one that is none.
  template <NameText Text>
  ActivationSpec(const Text& name) : ActivationSpec(activation_from_name(name)) {}
  friend bool operator==(const ActivationSpec&, const ActivationSpec&) = default;
};

/// Whether alpha makes a difference.
constexpr bool activation_reads_alpha(Activation kind) {
  switch (kind) {
    case Activation::leaky_relu:
    case Activation::elu:
    case Activation::celu:
    case Activation::hard_shrink:
    case Activation::soft_shrink:
    case Activation::squareplus: return true;
    default: return false;
  }
}

/// Whether a value of the output depends on one value of the input only.
inline bool activation_is_elementwise(Activation kind) {
  return kind != Activation::softmax && kind != Activation::log_softmax && kind != Activation::sparsemax;
}

/// Whether the gradient reads x. Where it does not, it is computed from y alone and x need not be kept.
inline bool activation_needs_input(const ActivationSpec& spec) {
  switch (spec.kind) {
    case Activation::gelu:
    case Activation::gelu_tanh:
    case Activation::silu:
    case Activation::hard_swish:
    case Activation::mish:
    case Activation::tanh_shrink:
    case Activation::hard_shrink:
    case Activation::soft_shrink:
    case Activation::squareplus:
    case Activation::sparse_plus: return true;
    case Activation::leaky_relu:
    case Activation::elu:
    case Activation::celu: return spec.alpha < 0;
    default: return false;
  }
}

namespace detail {
inline constexpr double selu_alpha = 1.6732632423543772, selu_scale = 1.0507009873554805;
inline constexpr double gelu_cubic = 0.044715, sqrt_2_over_pi = 0.79788456080286536;

/// linear, relu, relu6 and leaky_relu are computed where the values are; others follow in a pass of their own.
inline bool activation_is_simple(Activation kind) { return kind <= Activation::leaky_relu; }

/// Values that one thread should have at least.
inline constexpr Index elementwise_grain = 1 << 14;
}  // namespace detail

}  // namespace KEEL_ABI
}  // namespace keel

#define KEEL_SIMD_SOURCE <keel/kernels/simd/activation.inl>
#include <keel/kernels/simd/foreach.inl>

namespace keel {
inline namespace KEEL_ABI {

/// y = activation(x) on rows x columns values; the softmax kinds work on each row. x may be y.
template <class T>
void activation_forward(const ActivationSpec& spec, Index rows, Index columns, const T* x, T* y,
                        const KernelContext& context) {
  if (spec.kind == Activation::softmax) return softmax_forward(rows, columns, x, y, context);
  if (spec.kind == Activation::log_softmax) return log_softmax_forward(rows, columns, x, y, context);
  if (spec.kind == Activation::sparsemax) return sparsemax_forward(rows, columns, x, y, context);
  const T alpha = static_cast<T>(spec.alpha);
  parallel_for(context.threads, rows * columns, detail::elementwise_grain, [&](Index begin, Index end) {
    KEEL_SIMD_CALL(context.simd, activate_values<T>)(spec.kind, alpha, end - begin, x + begin, y + begin);
  });
}

/// dx = dy * activation'(x). Reads x only where activation_needs_input says so (it may be null otherwise),
/// y in the other cases. dx may be dy. At the corners the slope is PyTorch's: relu'(0) = 0, relu6'(6) = 0.
template <class T>
void activation_backward(const ActivationSpec& spec, Index rows, Index columns, const T* x, const T* y, const T* dy,
                         T* dx, const KernelContext& context) {
  if (spec.kind == Activation::softmax) return softmax_backward(rows, columns, y, dy, dx, context);
  if (spec.kind == Activation::log_softmax) return log_softmax_backward(rows, columns, y, dy, dx, context);
  if (spec.kind == Activation::sparsemax) return sparsemax_backward(rows, columns, y, dy, dx, context);
  const T alpha = static_cast<T>(spec.alpha);
  // Both pointers are always loaded from; the one that does not matter stands in for the other.
  if (activation_needs_input(spec)) {
    if (spec.kind != Activation::elu && spec.kind != Activation::celu) y = x;
  } else {
    x = y;
  }
  parallel_for(context.threads, rows * columns, detail::elementwise_grain, [&](Index begin, Index end) {
    KEEL_SIMD_CALL(context.simd, activate_values_backward<T>)
    (spec.kind, alpha, end - begin, x + begin, y + begin, dy + begin, dx + begin);
  });
}

KEEL_INSTANCE(void activation_forward<float>(const ActivationSpec&, Index, Index, const float*, float*,
                                             const KernelContext&))
KEEL_INSTANCE(void activation_backward<float>(const ActivationSpec&, Index, Index, const float*, const float*,
                                              const float*, float*, const KernelContext&))

}  // namespace KEEL_ABI
}  // namespace keel
