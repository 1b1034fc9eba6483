#pragma once
/// Adagrad.

#include <keel/training/optimizers/optimizer_spec.hpp>

namespace keel {
inline namespace KEEL_ABI {

/// Adagrad of Duchi, Hazan and Singer, "Adaptive Subgradient Methods", 2011:
///
///     s += g^2
///
///     Keras      w -= lr g / sqrt(s + epsilon)
///     PyTorch    w -= lr / (1 + (t - 1) lr_decay)  g / (sqrt(s) + epsilon)
class AdagradRule : public OptimizerRule {
 public:
  double initial_accumulator = 0, epsilon = 1e-7, lr_decay = 0;  ///< of the formula (s at first); 0 or more
  bool torch = false;                                            ///< whether it is PyTorch's

  std::vector<std::string> slots() const override { return {"accumulator"}; }  // s
  double initial_value() const override { return initial_accumulator; }
  void check(const std::string& name) const override {
    detail::check_positive(name, "epsilon", epsilon, true);
    detail::check_positive(name, "initial_accumulator", initial_accumulator, true);
    detail::check_positive(name, "lr_decay", lr_decay, true);
  }
  std::optional<KernelUpdate> kernel(const StepNumbers& s) const override {
    RMSpropUpdate<double> update;
    update.old = 1;
    update.fresh = 1;
    update.before = s.rate / (1 + (s.t - 1) * lr_decay);
    (torch ? update.epsilon_outside : update.epsilon_inside) = epsilon;
    return KernelUpdate{update};
  }
};

/// Keras's names and defaults.
struct AdagradOptions {
  LearningRate learning_rate = 1e-3;       ///< a number above 0, or a schedule of the steps
  double initial_accumulator_value = 0.1;  ///< what s begins with; 0 or more
  double epsilon = 1e-7;                   ///< keeps the divisor from 0; 0 or more
  WeightDecay weight_decay{};              ///< decoupled; by default 0
  Clip clip{};                             ///< by default not at all
  NonFinite nonfinite = NonFinite::apply;  ///< what to do about NaN and infinity in a gradient
};
/// PyTorch's names and defaults.
struct TorchAdagradOptions {
  LearningRate lr = 1e-2;                  ///< a number above 0, or a schedule of the steps
  double lr_decay = 0;                     ///< how fast the rate falls, per step; 0 or more
  double initial_accumulator_value = 0;    ///< what s begins with; 0 or more
  double eps = 1e-10;                      ///< keeps the divisor from 0; 0 or more
  WeightDecay weight_decay{};              ///< L2, added to the gradient; by default 0
  Clip clip{};                             ///< by default not at all
  NonFinite nonfinite = NonFinite::apply;  ///< what to do about NaN and infinity in a gradient
};

/// `Adagrad()` or `Adagrad::torch()`; formulas: see AdagradRule. Throws ConfigError for options outside their range.
struct Adagrad : OptimizerSpec {
  explicit Adagrad(const AdagradOptions& o = {})
      : OptimizerSpec(detail::optimizer_spec("Adagrad", o, o.learning_rate, false, true,
                                             rule_of(o.initial_accumulator_value, o.epsilon, 0, false))) {}
  KEEL_REFUSE_OTHER_OPTIONS(Adagrad)
  static OptimizerSpec torch(const TorchAdagradOptions& o = {}) {
    return detail::optimizer_spec("Adagrad", o, o.lr, true, false,
                                  rule_of(o.initial_accumulator_value, o.eps, o.lr_decay, true));
  }
  template <class Why = MisspeltOptionOrWrongTypeOrArgument>
  static OptimizerSpec torch(...) = delete;

 private:
  static std::shared_ptr<const AdagradRule> rule_of(double initial, double epsilon, double lr_decay, bool torch) {
    auto rule = std::make_shared<AdagradRule>();
    rule->initial_accumulator = initial;
    rule->epsilon = epsilon;
    rule->lr_decay = lr_decay;
    rule->torch = torch;
    return rule;
  }
};

}  // namespace KEEL_ABI
}  // namespace keel
