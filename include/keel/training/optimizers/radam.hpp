#pragma once
/// RAdam.

#include <cmath>

#include <keel/training/optimizers/optimizer_spec.hpp>

namespace keel {
inline namespace KEEL_ABI {

/// RAdam of Liu et al., "On the Variance of the Adaptive Learning Rate and Beyond", 2020, as PyTorch has it (Keras has
/// none), with r_inf = 2 / (1 - beta_2) - 1 and r = r_inf - 2 t beta_2^t / (1 - beta_2^t):
///
///     m += (1 - beta_1) (g - m);   v += (1 - beta_2) (g^2 - v);   c = lr / (1 - beta_1^t)
///     r > 5:   w -= c m sqrt((r - 4) (r - 2) r_inf / ((r_inf - 4) (r_inf - 2) r)) sqrt(1 - beta_2^t) / (sqrt(v) + epsilon)
///     else     w -= c m
class RAdamRule : public OptimizerFormula<RAdamRule> {
 public:
  double beta_1, beta_2, epsilon;  ///< the symbols of the formula; the first two within [0, 1), epsilon 0 or more

  RAdamRule(double b1, double b2, double e) : beta_1(b1), beta_2(b2), epsilon(e) {}
  std::vector<std::string> slots() const override { return {"momentum", "velocity"}; }  // m, v
  void check(const std::string& name) const override {
    detail::check_beta(name, "beta_1 and beta_2", beta_1);
    detail::check_beta(name, "beta_1 and beta_2", beta_2);
    detail::check_positive(name, "epsilon", epsilon, true);
  }
  template <class T>
  void apply(UpdateStep<T>& s) const {
    auto &m = s.slots[0], &v = s.slots[1];
    m += T(1 - beta_1) * (s.g - m);
    v += T(1 - beta_2) * (s.g.square() - v);
    const double old = std::pow(beta_2, s.t), r_inf = 2 / (1 - beta_2) - 1, r = r_inf - 2 * s.t * old / (1 - old);
    const double c = s.rate / (1 - std::pow(beta_1, s.t));
    if (r > 5)
      s.w -= T(c * std::sqrt((r - 4) * (r - 2) * r_inf / ((r_inf - 4) * (r_inf - 2) * r)) * std::sqrt(1 - old)) * m /
             (v.sqrt() + T(epsilon));
    else
      s.w -= T(c) * m;
  }
};

/// PyTorch's names and defaults.
struct RAdamOptions {
  LearningRate lr = 1e-3;                       ///< a number above 0, or a schedule of the steps
  std::pair<double, double> betas{0.9, 0.999};  ///< shares of the old m and v; within [0, 1)
  double eps = 1e-8;                            ///< keeps the divisor from 0; 0 or more
  WeightDecay weight_decay{};                   ///< L2, added to the gradient; by default 0
  Clip clip{};                                  ///< by default not at all
  NonFinite nonfinite = NonFinite::apply;       ///< what to do about NaN and infinity in a gradient
};

/// `RAdam({.lr = 1e-3})`; formula: see RAdamRule. Throws ConfigError for options outside their range.
struct RAdam : OptimizerSpec {
  explicit RAdam(const RAdamOptions& o = {})
      : OptimizerSpec(detail::optimizer_spec("RAdam", o, o.lr, true, false,
                                             std::make_shared<RAdamRule>(o.betas.first, o.betas.second, o.eps))) {}
  KEEL_REFUSE_OTHER_OPTIONS(RAdam)
};

}  // namespace KEEL_ABI
}  // namespace keel
