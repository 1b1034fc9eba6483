#pragma once
/// Lion.

#include <cmath>

#include <keel/training/optimizers/optimizer_spec.hpp>

namespace keel {
inline namespace KEEL_ABI {

/// Lion of Chen et al., "Symbolic Discovery of Optimization Algorithms", 2023, as Keras has it:
///
///     w -= lr sign(beta_1 m + (1 - beta_1) g);   m = beta_2 m + (1 - beta_2) g
class LionRule : public OptimizerFormula<LionRule> {
 public:
  double beta_1, beta_2;  ///< the symbols of the formula; within [0, 1)

  LionRule(double b1, double b2) : beta_1(b1), beta_2(b2) {}
  std::vector<std::string> slots() const override { return {"momentum"}; }  // m
  void check(const std::string& name) const override {
    detail::check_beta(name, "beta_1 and beta_2", beta_1);
    detail::check_beta(name, "beta_1 and beta_2", beta_2);
  }
  template <class T>
  void apply(UpdateStep<T>& s) const {
    auto& m = s.slots[0];
    s.w -= T(s.rate) * (T(beta_1) * m + T(1 - beta_1) * s.g).sign();
    m = T(beta_2) * m + T(1 - beta_2) * s.g;
  }
};

/// Keras's names and defaults.
struct LionOptions {
  LearningRate learning_rate = 1e-3;       ///< a number above 0, or a schedule of the steps
  double beta_1 = 0.9;                     ///< share of m in the step; within [0, 1)
  double beta_2 = 0.99;                    ///< share of the old m; within [0, 1)
  WeightDecay weight_decay{};              ///< decoupled; by default 0
  Clip clip{};                             ///< by default not at all
  NonFinite nonfinite = NonFinite::apply;  ///< what to do about NaN and infinity in a gradient
};

/// `Lion({.learning_rate = 1e-4})`; formula: see LionRule. Throws ConfigError for options outside their range.
struct Lion : OptimizerSpec {
  explicit Lion(const LionOptions& o = {})
      : OptimizerSpec(detail::optimizer_spec("Lion", o, o.learning_rate, false, true,
                                             std::make_shared<LionRule>(o.beta_1, o.beta_2))) {}
  KEEL_REFUSE_OTHER_OPTIONS(Lion)
};

}  // namespace KEEL_ABI
}  // namespace keel
