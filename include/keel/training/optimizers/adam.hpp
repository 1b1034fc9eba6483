#pragma once
/// Adam and AdamW.

#include <cmath>

#include <keel/training/optimizers/optimizer_spec.hpp>

namespace keel {
inline namespace KEEL_ABI {

/// Adam of Kingma and Ba, "Adam: A Method for Stochastic Optimization", 2015:
///
///     m += (1 - beta_1) (g - m);   v += (1 - beta_2) (g^2 - v)
///
///     Keras      w -= lr sqrt(1 - beta_2^t) / (1 - beta_1^t)  m / (sqrt(v) + epsilon)
///     PyTorch    w -= lr / (1 - beta_1^t)  m / (sqrt(v) / sqrt(1 - beta_2^t) + epsilon)
///
/// amsgrad: the largest v so far instead of v (Reddi, Kale and Kumar, 2018). Keras's epsilon is the paper's "epsilon
/// hat", which weighs more in the first steps.
class AdamRule : public OptimizerRule {
 public:
  double beta_1 = 0.9, beta_2 = 0.999, epsilon = 1e-7;  ///< of the formula; betas within [0, 1), epsilon 0 or more
  bool amsgrad = false, torch = false;                  ///< of the variants above

  std::vector<std::string> slots() const override {
    std::vector<std::string> names{"momentum", "velocity"};  // m, v
    if (amsgrad) names.emplace_back("velocity_hat");
    return names;
  }
  void check(const std::string& name) const override {
    detail::check_beta(name, "beta_1 and beta_2", beta_1);
    detail::check_beta(name, "beta_1 and beta_2", beta_2);
    detail::check_positive(name, "epsilon", epsilon, true);
  }
  std::optional<KernelUpdate> kernel(const StepNumbers& s) const override {
    const double c1 = 1 - std::pow(beta_1, s.t), c2 = std::sqrt(1 - std::pow(beta_2, s.t));
    return KernelUpdate{AdamUpdate<double>{.gradient = {},
                                           .fresh_1 = 1 - beta_1,
                                           .fresh_2 = 1 - beta_2,
                                           .step = torch ? s.rate / c1 : s.rate * c2 / c1,
                                           .root = torch ? 1 / c2 : 1,
                                           .epsilon = epsilon}};
  }
};

/// Keras's names and defaults.
struct AdamOptions {
  LearningRate learning_rate = 1e-3;       ///< a number above 0, or a schedule of the steps
  double beta_1 = 0.9;                     ///< share of the old m; within [0, 1)
  double beta_2 = 0.999;                   ///< share of the old v; within [0, 1)
  double epsilon = 1e-7;                   ///< keeps the divisor from 0; 0 or more
  bool amsgrad = false;                    ///< the largest v so far instead of v
  WeightDecay weight_decay{};              ///< decoupled; by default 0
  Clip clip{};                             ///< by default not at all
  NonFinite nonfinite = NonFinite::apply;  ///< what to do about NaN and infinity in a gradient
};
/// PyTorch's names and defaults.
struct TorchAdamOptions {
  LearningRate lr = 1e-3;                       ///< a number above 0, or a schedule of the steps
  std::pair<double, double> betas{0.9, 0.999};  ///< shares of the old m and v; within [0, 1)
  double eps = 1e-8;                            ///< keeps the divisor from 0; 0 or more
  bool amsgrad = false;                         ///< the largest v so far instead of v
  WeightDecay weight_decay{};                   ///< L2, added to the gradient; by default 0
  Clip clip{};                                  ///< by default not at all
  NonFinite nonfinite = NonFinite::apply;       ///< what to do about NaN and infinity in a gradient
};
/// Keras's names and defaults: AdamOptions with a decay.
struct AdamWOptions {
  LearningRate learning_rate = 1e-3;       ///< a number above 0, or a schedule of the steps
  double beta_1 = 0.9;                     ///< share of the old m; within [0, 1)
  double beta_2 = 0.999;                   ///< share of the old v; within [0, 1)
  double epsilon = 1e-7;                   ///< keeps the divisor from 0; 0 or more
  bool amsgrad = false;                    ///< the largest v so far instead of v
  WeightDecay weight_decay = 0.004;        ///< decoupled; 0 or more
  Clip clip{};                             ///< by default not at all
  NonFinite nonfinite = NonFinite::apply;  ///< what to do about NaN and infinity in a gradient
};
/// PyTorch's names and defaults: TorchAdamOptions with a decay that is decoupled.
struct TorchAdamWOptions {
  LearningRate lr = 1e-3;                       ///< a number above 0, or a schedule of the steps
  std::pair<double, double> betas{0.9, 0.999};  ///< shares of the old m and v; within [0, 1)
  double eps = 1e-8;                            ///< keeps the divisor from 0; 0 or more
  bool amsgrad = false;                         ///< the largest v so far instead of v
  WeightDecay weight_decay = 0.01;              ///< decoupled; 0 or more
  Clip clip{};                                  ///< by default not at all
  NonFinite nonfinite = NonFinite::apply;       ///< what to do about NaN and infinity in a gradient
};

namespace detail {

template <class Options>
OptimizerSpec keras_adam(const char* name, const Options& o) {
  auto rule = std::make_shared<AdamRule>();
  rule->beta_1 = o.beta_1;
  rule->beta_2 = o.beta_2;
  rule->epsilon = o.epsilon;
  rule->amsgrad = o.amsgrad;
  return optimizer_spec(name, o, o.learning_rate, false, true, rule);
}
template <class Options>
OptimizerSpec torch_adam(const char* name, const Options& o, bool decoupled) {
  auto rule = std::make_shared<AdamRule>();
  rule->beta_1 = o.betas.first;
  rule->beta_2 = o.betas.second;
  rule->epsilon = o.eps;
  rule->amsgrad = o.amsgrad;
  rule->torch = true;
  return optimizer_spec(name, o, o.lr, true, decoupled, rule);
}

}  // namespace detail

/// `Adam({.learning_rate = 1e-3})` or `Adam::torch({.lr = 1e-3})`; formulas: see AdamRule. Throws ConfigError for
/// options outside their range.
struct Adam : OptimizerSpec {
  explicit Adam(const AdamOptions& o = {}) : OptimizerSpec(detail::keras_adam("Adam", o)) {}
  KEEL_REFUSE_OTHER_OPTIONS(Adam)
  static OptimizerSpec torch(const TorchAdamOptions& o = {}) { return detail::torch_adam("Adam", o, false); }
  template <class Why = MisspeltOptionOrWrongTypeOrArgument>
  static OptimizerSpec torch(...) = delete;
};

/// Adam with decoupled weight decay (Loshchilov and Hutter, "Decoupled Weight Decay Regularization", 2019) and each
/// world's default rate of it. Throws ConfigError for options outside their range.
struct AdamW : OptimizerSpec {
  explicit AdamW(const AdamWOptions& o = {}) : OptimizerSpec(detail::keras_adam("AdamW", o)) {}
  KEEL_REFUSE_OTHER_OPTIONS(AdamW)
  static OptimizerSpec torch(const TorchAdamWOptions& o = {}) { return detail::torch_adam("AdamW", o, true); }
  template <class Why = MisspeltOptionOrWrongTypeOrArgument>
  static OptimizerSpec torch(...) = delete;
};

}  // namespace KEEL_ABI
}  // namespace keel
