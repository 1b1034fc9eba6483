#pragma once
/// Stochastic gradient descent.

#include <keel/training/optimizers/optimizer_spec.hpp>

namespace keel {
inline namespace KEEL_ABI {

/// With momentum u, dampening d:
///
///     Keras      m = u m - lr g;                         w += m;     nesterov: w += u m - lr g
///     PyTorch    m = u m + (1 - d) g, at first m = g;    w -= lr m;  nesterov: w -= lr (g + u m)
///
/// The two differ where the rate changes: Keras's m holds rates, PyTorch's does not.
class SGDRule : public OptimizerRule {
 public:
  double momentum = 0, dampening = 0;    ///< u and d; within [0, 1]
  bool nesterov = false, torch = false;  ///< the variants above; nesterov with momentum alone

  std::vector<std::string> slots() const override {
    return momentum != 0 ? std::vector<std::string>{"momentum"} : std::vector<std::string>{};
  }
  void check(const std::string& name) const override {
    detail::check_range(name, "momentum", momentum, 0, 1);
    detail::check_range(name, "dampening", dampening, 0, 1);
    if (nesterov && momentum == 0)
      throw ConfigError(name, "a momentum with nesterov", "momentum 0", "set .momentum = 0.9");
    if (torch && nesterov && dampening != 0)
      throw ConfigError(name, "no dampening with nesterov", "dampening " + detail::text(dampening));
  }
  std::optional<KernelUpdate> kernel(const StepNumbers& s) const override {
    MomentumUpdate<double> update{{}, momentum, -s.rate, 1, 0};
    if (torch) {
      if (s.first) update.old = 0;
      update.fresh = s.first ? 1 : 1 - dampening;
      update.of_momentum = nesterov ? -s.rate * momentum : -s.rate;
    } else if (nesterov) {
      update.of_momentum = momentum;
    }
    if (nesterov || momentum == 0) update.of_gradient = -s.rate;
    return KernelUpdate{update};
  }
};

/// Keras's names and defaults.
struct SGDOptions {
  LearningRate learning_rate = 0.01;       ///< a number above 0, or a schedule of the steps
  double momentum = 0;                     ///< u; within [0, 1]
  bool nesterov = false;                   ///< with momentum alone
  WeightDecay weight_decay{};              ///< decoupled; by default 0
  Clip clip{};                             ///< by default not at all
  NonFinite nonfinite = NonFinite::apply;  ///< what to do about NaN and infinity in a gradient
};
/// PyTorch's names and defaults.
struct TorchSGDOptions {
  LearningRate lr = 1e-3;                  ///< a number above 0, or a schedule of the steps
  double momentum = 0;                     ///< u; within [0, 1]
  double dampening = 0;                    ///< d; within [0, 1]
  bool nesterov = false;                   ///< with momentum and without dampening
  WeightDecay weight_decay{};              ///< L2, added to the gradient; by default 0
  Clip clip{};                             ///< by default not at all
  NonFinite nonfinite = NonFinite::apply;  ///< what to do about NaN and infinity in a gradient
};

/// Stochastic gradient descent: `SGD({.learning_rate = 0.1, .momentum = 0.9})` or `SGD::torch({.lr = 0.1})`; formulas:
/// see SGDRule. Throws ConfigError for options outside their range.
struct SGD : OptimizerSpec {
  explicit SGD(const SGDOptions& o = {})
      : OptimizerSpec(detail::optimizer_spec("SGD", o, o.learning_rate, false, true,
                                             rule_of(o.momentum, 0, o.nesterov, false))) {}
  KEEL_REFUSE_OTHER_OPTIONS(SGD)
  static OptimizerSpec torch(const TorchSGDOptions& o = {}) {
    return detail::optimizer_spec("SGD", o, o.lr, true, false, rule_of(o.momentum, o.dampening, o.nesterov, true));
  }
  template <class Why = MisspeltOptionOrWrongTypeOrArgument>
  static OptimizerSpec torch(...) = delete;

 private:
  static std::shared_ptr<const SGDRule> rule_of(double momentum, double dampening, bool nesterov, bool torch) {
    auto rule = std::make_shared<SGDRule>();
    rule->momentum = momentum;
    rule->dampening = dampening;
    rule->nesterov = nesterov;
    rule->torch = torch;
    return rule;
  }
};

}  // namespace KEEL_ABI
}  // namespace keel
