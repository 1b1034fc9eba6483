#pragma once
/// Adamax.

#include <cmath>

#include <keel/training/optimizers/optimizer_spec.hpp>

namespace keel {
inline namespace KEEL_ABI {

/// Adamax of Kingma and Ba, "Adam", 2015, section 7.1:
///
///     m += (1 - beta_1) (g - m)
///
///     Keras      u = max(beta_2 u, |g|);             w -= lr / (1 - beta_1^t)  m / (u + epsilon)
///     PyTorch    u = max(beta_2 u, |g| + epsilon);   w -= lr / (1 - beta_1^t)  m / u
class AdamaxRule : public OptimizerFormula<AdamaxRule> {
 public:
  double beta_1, beta_2, epsilon;  ///< the symbols of the formula; the first two within [0, 1), epsilon 0 or more
  bool torch;                      ///< whether it is PyTorch's

  AdamaxRule(double b1, double b2, double e, bool t) : beta_1(b1), beta_2(b2), epsilon(e), torch(t) {}
  std::vector<std::string> slots() const override { return {"momentum", "norm"}; }  // m, u
  void check(const std::string& name) const override {
    detail::check_beta(name, "beta_1 and beta_2", beta_1);
    detail::check_beta(name, "beta_1 and beta_2", beta_2);
    detail::check_positive(name, "epsilon", epsilon, true);
  }
  template <class T>
  void apply(UpdateStep<T>& s) const {
    auto &m = s.slots[0], &u = s.slots[1];
    const T inside = T(torch ? epsilon : 0), outside = T(torch ? 0 : epsilon);
    m += T(1 - beta_1) * (s.g - m);
    u = ((T(beta_2) * u).max)(s.g.abs() + inside);
    s.w -= T(s.rate / (1 - std::pow(beta_1, s.t))) * m / (u + outside);
  }
};

/// Keras's names and defaults.
struct AdamaxOptions {
  LearningRate learning_rate = 1e-3;       ///< a number above 0, or a schedule of the steps
  double beta_1 = 0.9;                     ///< share of the old m; within [0, 1)
  double beta_2 = 0.999;                   ///< share of the old u; within [0, 1)
  double epsilon = 1e-7;                   ///< keeps the divisor from 0; 0 or more
  WeightDecay weight_decay{};              ///< decoupled; by default 0
  Clip clip{};                             ///< by default not at all
  NonFinite nonfinite = NonFinite::apply;  ///< what to do about NaN and infinity in a gradient
};
/// PyTorch's names and defaults.
struct TorchAdamaxOptions {
  LearningRate lr = 2e-3;                       ///< a number above 0, or a schedule of the steps
  std::pair<double, double> betas{0.9, 0.999};  ///< shares of the old m and u; within [0, 1)
  double eps = 1e-8;                            ///< keeps the divisor from 0; 0 or more
  WeightDecay weight_decay{};                   ///< L2, added to the gradient; by default 0
  Clip clip{};                                  ///< by default not at all
  NonFinite nonfinite = NonFinite::apply;       ///< what to do about NaN and infinity in a gradient
};

/// `Adamax()` or `Adamax::torch()`; formulas: see AdamaxRule. Throws ConfigError for options outside their range.
struct Adamax : OptimizerSpec {
  explicit Adamax(const AdamaxOptions& o = {})
      : OptimizerSpec(detail::optimizer_spec("Adamax", o, o.learning_rate, false, true,
                                             std::make_shared<AdamaxRule>(o.beta_1, o.beta_2, o.epsilon, false))) {}
  KEEL_REFUSE_OTHER_OPTIONS(Adamax)
  static OptimizerSpec torch(const TorchAdamaxOptions& o = {}) {
    return detail::optimizer_spec("Adamax", o, o.lr, true, false,
                                  std::make_shared<AdamaxRule>(o.betas.first, o.betas.second, o.eps, true));
  }
  template <class Why = MisspeltOptionOrWrongTypeOrArgument>
  static OptimizerSpec torch(...) = delete;
};

}  // namespace KEEL_ABI
}  // namespace keel
