#pragma once

#include <string>
#include <utility>
#include <vector>

#include <keel/training/schedules.hpp>

namespace keel {
inline namespace KEEL_ABI {

/// Makes gradients smaller before the step: at most one way, as in Keras.
struct Clip {
  enum class Kind { none, value, norm, global_norm, torch_norm };
  Kind kind = Kind::none;
  double limit = 0;

  /// Every gradient within [-c, c]. Keras's clipvalue, PyTorch's clip_grad_value_.
  static Clip by_value(double c) { return {Kind::value, c}; }
  /// Every parameter's gradient times c / max(norm, c). Keras's clipnorm.
  static Clip by_norm(double c) { return {Kind::norm, c}; }
  /// All gradients times min(1, c / norm of them all). Keras's global_clipnorm.
  static Clip by_global_norm(double c) { return {Kind::global_norm, c}; }
  /// All gradients times min(1, c / (norm of them all + 1e-6)). PyTorch's clip_grad_norm_.
  static Clip by_torch_norm(double c) { return {Kind::torch_norm, c}; }
};

/// A rate of weight decay, and the names of the parameters that are left out:
/// `.weight_decay = 0.004` or `.weight_decay = {0.004, {"bias", "gamma", "beta"}}`.
struct WeightDecay {
  WeightDecay(double value = 0, std::vector<std::string> names = {}) : rate(value), except(std::move(names)) {}
  double rate;
  std::vector<std::string> except;
};

/// What a step does when a gradient holds NaN or infinity. `apply` does not look, as Keras and PyTorch do not: the
/// parameters become NaN. `skip` leaves parameters, slots and the step's number as they are, and `step` returns
/// false. `error` does the same and throws DataError. Looking costs one pass over the gradients.
enum class NonFinite { apply, skip, error };

/// An optimizer as data: which formula with which numbers. Made by SGD, Adam, AdamW, RMSprop and Adagrad;
/// `Optimizer` runs it. Formulas, with parameter w, gradient g, step t from 1 (PyTorch's: of this parameter, which
/// counts none while it is frozen):
///
///             Keras                                              PyTorch (torch)
///   sgd       m = momentum m - lr g;  w += m                     m = momentum m + (1 - dampening) g, first m = g;
///             nesterov: w += momentum m - lr g                   w -= lr m;  nesterov: w -= lr (g + momentum m)
///   adam      m += (1 - beta_1)(g - m);  v += (1 - beta_2)(g^2 - v)
///             w -= lr sqrt(1 - beta_2^t) / (1 - beta_1^t)        w -= lr / (1 - beta_1^t) m
///                  m / (sqrt(v) + epsilon)                            / (sqrt(v) / sqrt(1 - beta_2^t) + epsilon)
///             amsgrad: the largest v so far instead of v
///   rmsprop   v = rho v + (1 - rho) g^2;  centered: a = rho a + (1 - rho) g and v - a^2 instead of v
///             d = lr g / sqrt(v + epsilon)                       d = g / (sqrt(v) + epsilon)
///             m = momentum m + d;  w -= m                        m = momentum m + d;  w -= lr m
///   adagrad   s += g^2;  w -= lr g / sqrt(s + epsilon)           s += g^2;  w -= lr / (1 + (t - 1) lr_decay)
///                                                                               g / (sqrt(s) + epsilon)
/// Weight decay: decoupled w -= lr decay w before the update, else (L2) g += decay w.
/// Order in a step: clip, decay, update. Sources: keras/src/optimizers, torch/optim.
struct OptimizerSpec {
  enum class Kind { sgd, adam, rmsprop, adagrad };

  Kind kind = Kind::sgd;
  std::string name = "SGD";
  bool torch_formula = false;
  LearningRate learning_rate = 1e-2;
  double momentum = 0, dampening = 0;
  bool nesterov = false, amsgrad = false, centered = false;
  double beta_1 = 0.9, beta_2 = 0.999;  ///< beta_2 is rho of rmsprop
  double epsilon = 1e-7;
  double initial_accumulator = 0;
  double lr_decay = 0;
  WeightDecay weight_decay{};
  bool decoupled = true;
  Clip clip{};
  NonFinite nonfinite = NonFinite::apply;

  /// Names of the values that are kept for each parameter, Keras's where there is one.
  std::vector<std::string> slot_names() const {
    std::vector<std::string> names;
    if (kind == Kind::adam) names = {"momentum", "velocity"};
    if (kind == Kind::adam && amsgrad) names.emplace_back("velocity_hat");
    if (kind == Kind::rmsprop) names.emplace_back("velocity");
    if (kind == Kind::adagrad) names.emplace_back("accumulator");
    if (kind <= Kind::rmsprop && kind != Kind::adam && momentum != 0) names.emplace_back("momentum");
    if (kind == Kind::rmsprop && centered) names.emplace_back("average_gradient");
    return names;
  }
  /// Numbers of state for so many trained ones, as Keras's summary counts "Optimizer params": the slots, the
  /// iteration and, unless it is a schedule, the learning rate.
  Index state_count(Index trainable) const {
    return count_of(slot_names()) * trainable + (learning_rate.scheduled() ? 1 : 2);
  }

  /// Throws ConfigError for a number outside its range.
  void check() const {
    detail::check_range(name, "momentum", momentum, 0, 1);
    detail::check_range(name, "dampening", dampening, 0, 1);
    for (const double beta : {beta_1, beta_2})
      if (!(beta >= 0 && beta < 1))
        throw ConfigError(name, kind == Kind::rmsprop ? "rho within [0, 1)" : "beta_1 and beta_2 within [0, 1)",
                          detail::text(beta));
    detail::check_positive(name, "epsilon", epsilon, true);
    detail::check_positive(name, "initial_accumulator", initial_accumulator, true);
    detail::check_positive(name, "lr_decay", lr_decay, true);
    detail::check_positive(name, "weight_decay", weight_decay.rate, true);
    if (clip.kind != Clip::Kind::none) detail::check_positive(name, "a clipping limit", clip.limit);
    if (nesterov && momentum == 0)
      throw ConfigError(name, "a momentum with nesterov", "momentum 0", "set .momentum = 0.9");
    if (torch_formula && nesterov && dampening != 0)
      throw ConfigError(name, "no dampening with nesterov", "dampening " + detail::text(dampening));
  }
};

// Options: the first struct of each pair has Keras's names and defaults, the second PyTorch's.

struct SGDOptions {
  LearningRate learning_rate = 0.01;
  double momentum = 0;
  bool nesterov = false;
  WeightDecay weight_decay{};
  Clip clip{};
  NonFinite nonfinite = NonFinite::apply;
};
struct TorchSGDOptions {
  LearningRate lr = 1e-3;
  double momentum = 0;
  double dampening = 0;
  bool nesterov = false;
  WeightDecay weight_decay{};
  Clip clip{};
  NonFinite nonfinite = NonFinite::apply;
};

/// Stochastic gradient descent: `SGD({.learning_rate = 0.1, .momentum = 0.9})` or `SGD::torch({.lr = 0.1})`.
struct SGD : OptimizerSpec {
  explicit SGD(SGDOptions o = {})
      : OptimizerSpec{.kind = Kind::sgd,
                      .name = "SGD",
                      .learning_rate = std::move(o.learning_rate),
                      .momentum = o.momentum,
                      .nesterov = o.nesterov,
                      .weight_decay = std::move(o.weight_decay),
                      .decoupled = true,
                      .clip = o.clip,
                      .nonfinite = o.nonfinite} {
    check();
  }
  static OptimizerSpec torch(TorchSGDOptions o = {}) {
    OptimizerSpec spec{.kind = Kind::sgd,
                       .name = "SGD",
                       .torch_formula = true,
                       .learning_rate = std::move(o.lr),
                       .momentum = o.momentum,
                       .dampening = o.dampening,
                       .nesterov = o.nesterov,
                       .weight_decay = std::move(o.weight_decay),
                       .decoupled = false,
                       .clip = o.clip,
                       .nonfinite = o.nonfinite};
    spec.check();
    return spec;
  }
};

struct AdamOptions {
  LearningRate learning_rate = 1e-3;
  double beta_1 = 0.9;
  double beta_2 = 0.999;
  double epsilon = 1e-7;
  bool amsgrad = false;
  WeightDecay weight_decay{};
  Clip clip{};
  NonFinite nonfinite = NonFinite::apply;
};
struct TorchAdamOptions {
  LearningRate lr = 1e-3;
  std::pair<double, double> betas{0.9, 0.999};
  double eps = 1e-8;
  bool amsgrad = false;
  WeightDecay weight_decay{};
  Clip clip{};
  NonFinite nonfinite = NonFinite::apply;
};

/// Kingma and Ba, "Adam: A Method for Stochastic Optimization", 2015; amsgrad: Reddi, Kale and Kumar, 2018.
/// Keras's epsilon is the paper's "epsilon hat", which weighs more in the first steps.
struct Adam : OptimizerSpec {
  explicit Adam(AdamOptions o = {})
      : OptimizerSpec{.kind = Kind::adam,
                      .name = "Adam",
                      .learning_rate = std::move(o.learning_rate),
                      .amsgrad = o.amsgrad,
                      .beta_1 = o.beta_1,
                      .beta_2 = o.beta_2,
                      .epsilon = o.epsilon,
                      .weight_decay = std::move(o.weight_decay),
                      .decoupled = true,
                      .clip = o.clip,
                      .nonfinite = o.nonfinite} {
    check();
  }
  static OptimizerSpec torch(TorchAdamOptions o = {}) {
    OptimizerSpec spec{.kind = Kind::adam,
                       .name = "Adam",
                       .torch_formula = true,
                       .learning_rate = std::move(o.lr),
                       .amsgrad = o.amsgrad,
                       .beta_1 = o.betas.first,
                       .beta_2 = o.betas.second,
                       .epsilon = o.eps,
                       .weight_decay = std::move(o.weight_decay),
                       .decoupled = false,
                       .clip = o.clip,
                       .nonfinite = o.nonfinite};
    spec.check();
    return spec;
  }
};

struct AdamWOptions {
  LearningRate learning_rate = 1e-3;
  double beta_1 = 0.9;
  double beta_2 = 0.999;
  double epsilon = 1e-7;
  bool amsgrad = false;
  WeightDecay weight_decay = 0.004;
  Clip clip{};
  NonFinite nonfinite = NonFinite::apply;
};
struct TorchAdamWOptions {
  LearningRate lr = 1e-3;
  std::pair<double, double> betas{0.9, 0.999};
  double eps = 1e-8;
  bool amsgrad = false;
  WeightDecay weight_decay = 0.01;
  Clip clip{};
  NonFinite nonfinite = NonFinite::apply;
};

/// Adam with decoupled weight decay (Loshchilov and Hutter, 2019) and each world's default rate of it.
struct AdamW : OptimizerSpec {
  explicit AdamW(AdamWOptions o = {})
      : OptimizerSpec{.kind = Kind::adam,
                      .name = "AdamW",
                      .learning_rate = std::move(o.learning_rate),
                      .amsgrad = o.amsgrad,
                      .beta_1 = o.beta_1,
                      .beta_2 = o.beta_2,
                      .epsilon = o.epsilon,
                      .weight_decay = std::move(o.weight_decay),
                      .decoupled = true,
                      .clip = o.clip,
                      .nonfinite = o.nonfinite} {
    check();
  }
  static OptimizerSpec torch(TorchAdamWOptions o = {}) {
    OptimizerSpec spec{.kind = Kind::adam,
                       .name = "AdamW",
                       .torch_formula = true,
                       .learning_rate = std::move(o.lr),
                       .amsgrad = o.amsgrad,
                       .beta_1 = o.betas.first,
                       .beta_2 = o.betas.second,
                       .epsilon = o.eps,
                       .weight_decay = std::move(o.weight_decay),
                       .decoupled = true,
                       .clip = o.clip,
                       .nonfinite = o.nonfinite};
    spec.check();
    return spec;
  }
};

struct RMSpropOptions {
  LearningRate learning_rate = 1e-3;
  double rho = 0.9;
  double momentum = 0;
  double epsilon = 1e-7;
  bool centered = false;
  WeightDecay weight_decay{};
  Clip clip{};
  NonFinite nonfinite = NonFinite::apply;
};
struct TorchRMSpropOptions {
  LearningRate lr = 1e-2;
  double alpha = 0.99;
  double eps = 1e-8;
  double momentum = 0;
  bool centered = false;
  WeightDecay weight_decay{};
  Clip clip{};
  NonFinite nonfinite = NonFinite::apply;
};

/// Hinton, Srivastava and Swersky, lecture 6e, 2012.
struct RMSprop : OptimizerSpec {
  explicit RMSprop(RMSpropOptions o = {})
      : OptimizerSpec{.kind = Kind::rmsprop,
                      .name = "RMSprop",
                      .learning_rate = std::move(o.learning_rate),
                      .momentum = o.momentum,
                      .centered = o.centered,
                      .beta_2 = o.rho,
                      .epsilon = o.epsilon,
                      .weight_decay = std::move(o.weight_decay),
                      .decoupled = true,
                      .clip = o.clip,
                      .nonfinite = o.nonfinite} {
    check();
  }
  static OptimizerSpec torch(TorchRMSpropOptions o = {}) {
    OptimizerSpec spec{.kind = Kind::rmsprop,
                       .name = "RMSprop",
                       .torch_formula = true,
                       .learning_rate = std::move(o.lr),
                       .momentum = o.momentum,
                       .centered = o.centered,
                       .beta_2 = o.alpha,
                       .epsilon = o.eps,
                       .weight_decay = std::move(o.weight_decay),
                       .decoupled = false,
                       .clip = o.clip,
                       .nonfinite = o.nonfinite};
    spec.check();
    return spec;
  }
};

struct AdagradOptions {
  LearningRate learning_rate = 1e-3;
  double initial_accumulator_value = 0.1;
  double epsilon = 1e-7;
  WeightDecay weight_decay{};
  Clip clip{};
  NonFinite nonfinite = NonFinite::apply;
};
struct TorchAdagradOptions {
  LearningRate lr = 1e-2;
  double lr_decay = 0;
  double initial_accumulator_value = 0;
  double eps = 1e-10;
  WeightDecay weight_decay{};
  Clip clip{};
  NonFinite nonfinite = NonFinite::apply;
};

/// Duchi, Hazan and Singer, 2011.
struct Adagrad : OptimizerSpec {
  explicit Adagrad(AdagradOptions o = {})
      : OptimizerSpec{.kind = Kind::adagrad,
                      .name = "Adagrad",
                      .learning_rate = std::move(o.learning_rate),
                      .epsilon = o.epsilon,
                      .initial_accumulator = o.initial_accumulator_value,
                      .weight_decay = std::move(o.weight_decay),
                      .decoupled = true,
                      .clip = o.clip,
                      .nonfinite = o.nonfinite} {
    check();
  }
  static OptimizerSpec torch(TorchAdagradOptions o = {}) {
    OptimizerSpec spec{.kind = Kind::adagrad,
                       .name = "Adagrad",
                       .torch_formula = true,
                       .learning_rate = std::move(o.lr),
                       .epsilon = o.eps,
                       .initial_accumulator = o.initial_accumulator_value,
                       .lr_decay = o.lr_decay,
                       .weight_decay = std::move(o.weight_decay),
                       .decoupled = false,
                       .clip = o.clip,
                       .nonfinite = o.nonfinite};
    spec.check();
    return spec;
  }
};

}  // namespace KEEL_ABI
}  // namespace keel
