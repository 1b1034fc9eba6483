#pragma once
/// RMSprop.

#include <keel/training/optimizers/optimizer_spec.hpp>

namespace keel {
inline namespace KEEL_ABI {

/// RMSprop of Hinton, Srivastava and Swersky, lecture 6e, 2012, with momentum u:
///
///     v = rho v + (1 - rho) g^2;   centered: a = rho a + (1 - rho) g, and v - a^2 instead of v
///
///     Keras      d = lr g / sqrt(v + epsilon);      m = u m + d;   w -= m
///     PyTorch    d = g / (sqrt(v) + epsilon);       m = u m + d;   w -= lr m
class RMSpropRule : public OptimizerRule {
 public:
  double rho = 0.9, momentum = 0, epsilon = 1e-7;  ///< the symbols of the formula; 0 or more, rho within [0, 1]
  bool centered = false, torch = false;            ///< whether the mean is taken off, and whether it is PyTorch's

  std::vector<std::string> slots() const override {
    std::vector<std::string> names{"velocity"};  // v
    if (momentum != 0) names.emplace_back("momentum");
    if (centered) names.emplace_back("average_gradient");
    return names;
  }
  void check(const std::string& name) const override {
    detail::check_range(name, "momentum", momentum, 0, 1);
    detail::check_beta(name, "rho", rho);
    detail::check_positive(name, "epsilon", epsilon, true);
  }
  std::optional<KernelUpdate> kernel(const StepNumbers& s) const override {
    RMSpropUpdate<double> update;
    update.old = rho;
    update.fresh = 1 - rho;
    update.momentum = momentum;
    (torch ? update.after : update.before) = s.rate;
    (torch ? update.epsilon_outside : update.epsilon_inside) = epsilon;
    return KernelUpdate{update, momentum != 0 ? std::array{0, 1, 2} : std::array{0, -1, 1}};
  }
};

/// Keras's names and defaults.
struct RMSpropOptions {
  LearningRate learning_rate = 1e-3;       ///< a number above 0, or a schedule of the steps
  double rho = 0.9;                        ///< share of the old v; within [0, 1)
  double momentum = 0;                     ///< u; within [0, 1]
  double epsilon = 1e-7;                   ///< keeps the divisor from 0; 0 or more
  bool centered = false;                   ///< divide by the deviation instead of the root mean square
  WeightDecay weight_decay{};              ///< decoupled; by default 0
  Clip clip{};                             ///< by default not at all
  NonFinite nonfinite = NonFinite::apply;  ///< what to do about NaN and infinity in a gradient
};
/// PyTorch's names and defaults.
struct TorchRMSpropOptions {
  LearningRate lr = 1e-2;                  ///< a number above 0, or a schedule of the steps
  double alpha = 0.99;                     ///< rho; within [0, 1)
  double eps = 1e-8;                       ///< keeps the divisor from 0; 0 or more
  double momentum = 0;                     ///< u; within [0, 1]
  bool centered = false;                   ///< divide by the deviation instead of the root mean square
  WeightDecay weight_decay{};              ///< L2, added to the gradient; by default 0
  Clip clip{};                             ///< by default not at all
  NonFinite nonfinite = NonFinite::apply;  ///< what to do about NaN and infinity in a gradient
};

/// `RMSprop()` or `RMSprop::torch()`; formulas: see RMSpropRule. Throws ConfigError for options outside their range.
struct RMSprop : OptimizerSpec {
  explicit RMSprop(const RMSpropOptions& o = {})
      : OptimizerSpec(detail::optimizer_spec("RMSprop", o, o.learning_rate, false, true,
                                             rule_of(o.rho, o.momentum, o.epsilon, o.centered, false))) {}
  KEEL_REFUSE_OTHER_OPTIONS(RMSprop)
  static OptimizerSpec torch(const TorchRMSpropOptions& o = {}) {
    return detail::optimizer_spec("RMSprop", o, o.lr, true, false,
                                  rule_of(o.alpha, o.momentum, o.eps, o.centered, true));
  }
  template <class Why = MisspeltOptionOrWrongTypeOrArgument>
  static OptimizerSpec torch(...) = delete;

 private:
  static std::shared_ptr<const RMSpropRule> rule_of(double rho, double momentum, double epsilon, bool centered,
                                                    bool torch) {
    auto rule = std::make_shared<RMSpropRule>();
    rule->rho = rho;
    rule->momentum = momentum;
    rule->epsilon = epsilon;
    rule->centered = centered;
    rule->torch = torch;
    return rule;
  }
};

}  // namespace KEEL_ABI
}  // namespace keel
