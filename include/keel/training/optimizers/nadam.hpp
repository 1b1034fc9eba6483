#pragma once
/// Nadam.

#include <cmath>

#include <keel/training/optimizers/optimizer_spec.hpp>

namespace keel {
inline namespace KEEL_ABI {

/// Nadam of Dozat, "Incorporating Nesterov Momentum into Adam", 2016, with mu_t = beta_1 (1 - 0.96^(t d) / 2) and P the
/// product of mu_1 to mu_t:
///
///     m += (1 - beta_1) (g - m);   v += (1 - beta_2) (g^2 - v)
///     w -= lr [mu_(t+1) m / (1 - P mu_(t+1)) + (1 - mu_t) g / (1 - P)] / (sqrt(v / (1 - beta_2^t)) + epsilon)
///
/// Keras has d = 1, PyTorch d = momentum_decay = 0.004. (PyTorch before 2.0 has another second divisor, by a slip.)
class NadamRule : public OptimizerFormula<NadamRule> {
 public:
  double beta_1, beta_2, epsilon, momentum_decay;  ///< of the formula; betas within [0, 1), others 0 or more

  NadamRule(double b1, double b2, double e, double d) : beta_1(b1), beta_2(b2), epsilon(e), momentum_decay(d) {}
  std::vector<std::string> slots() const override { return {"momentum", "velocity"}; }  // m, v
  void check(const std::string& name) const override {
    detail::check_beta(name, "beta_1 and beta_2", beta_1);
    detail::check_beta(name, "beta_1 and beta_2", beta_2);
    detail::check_positive(name, "epsilon", epsilon, true);
    detail::check_positive(name, "momentum_decay", momentum_decay, true);
  }
  template <class T>
  void apply(UpdateStep<T>& s) const {
    auto &m = s.slots[0], &v = s.slots[1];
    const double now = mu(s.t), next = mu(s.t + 1), past = product(s.t);
    m += T(1 - beta_1) * (s.g - m);
    v += T(1 - beta_2) * (s.g.square() - v);
    const T of_m = T(s.rate * next / (1 - past * next)), of_g = T(s.rate * (1 - now) / (1 - past));
    s.w -= (of_m * m + of_g * s.g) / ((v * T(1 / (1 - std::pow(beta_2, s.t)))).sqrt() + T(epsilon));
  }

 private:
  double mu(double t) const { return beta_1 * (1 - 0.5 * std::pow(0.96, t * momentum_decay)); }
  /// P, as soon as it makes no difference to 1: 0.
  double product(double t) const {
    double all = 1;
    for (double i = 1; i <= t && all > 1e-20; ++i) all *= mu(i);
    return all > 1e-20 ? all : 0;
  }
};

/// Keras's names and defaults.
struct NadamOptions {
  LearningRate learning_rate = 1e-3;       ///< a number above 0, or a schedule of the steps
  double beta_1 = 0.9;                     ///< share of the old m; within [0, 1)
  double beta_2 = 0.999;                   ///< share of the old v; within [0, 1)
  double epsilon = 1e-7;                   ///< keeps the divisor from 0; 0 or more
  WeightDecay weight_decay{};              ///< decoupled; by default 0
  Clip clip{};                             ///< by default not at all
  NonFinite nonfinite = NonFinite::apply;  ///< what to do about NaN and infinity in a gradient
};
/// PyTorch's names and defaults.
struct TorchNAdamOptions {
  LearningRate lr = 2e-3;                       ///< a number above 0, or a schedule of the steps
  std::pair<double, double> betas{0.9, 0.999};  ///< shares of the old m and v; within [0, 1)
  double eps = 1e-8;                            ///< keeps the divisor from 0; 0 or more
  double momentum_decay = 4e-3;                 ///< d; 0 or more
  WeightDecay weight_decay{};                   ///< L2, added to the gradient; by default 0
  Clip clip{};                                  ///< by default not at all
  NonFinite nonfinite = NonFinite::apply;       ///< what to do about NaN and infinity in a gradient
};

/// `Nadam()` or `Nadam::torch()`; formula: see NadamRule. Throws ConfigError for options outside their range.
struct Nadam : OptimizerSpec {
  explicit Nadam(const NadamOptions& o = {})
      : OptimizerSpec(detail::optimizer_spec("Nadam", o, o.learning_rate, false, true,
                                             std::make_shared<NadamRule>(o.beta_1, o.beta_2, o.epsilon, 1))) {}
  KEEL_REFUSE_OTHER_OPTIONS(Nadam)
  static OptimizerSpec torch(const TorchNAdamOptions& o = {}) {
    return detail::optimizer_spec("NAdam", o, o.lr, true, false,
                                  std::make_shared<NadamRule>(o.betas.first, o.betas.second, o.eps, o.momentum_decay));
  }
  template <class Why = MisspeltOptionOrWrongTypeOrArgument>
  static OptimizerSpec torch(...) = delete;
};

}  // namespace KEEL_ABI
}  // namespace keel
