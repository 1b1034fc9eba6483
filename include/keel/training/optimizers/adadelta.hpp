#pragma once
/// Adadelta.

#include <cmath>

#include <keel/training/optimizers/optimizer_spec.hpp>

namespace keel {
inline namespace KEEL_ABI {

/// Adadelta of Zeiler, "ADADELTA: An Adaptive Learning Rate Method", 2012, the same in Keras and PyTorch:
///
///     a = rho a + (1 - rho) g^2;   d = g sqrt(s + epsilon) / sqrt(a + epsilon);   s = rho s + (1 - rho) d^2;   w -= lr d
class AdadeltaRule : public OptimizerFormula<AdadeltaRule> {
 public:
  double rho, epsilon;  ///< of both means, within [0, 1); keeps both roots from 0, 0 or more

  AdadeltaRule(double r, double e) : rho(r), epsilon(e) {}
  std::vector<std::string> slots() const override { return {"accumulated_grad", "accumulated_delta_var"}; }  // a, s
  void check(const std::string& name) const override {
    detail::check_beta(name, "rho", rho);
    detail::check_positive(name, "epsilon", epsilon, true);
  }
  template <class T>
  void apply(UpdateStep<T>& step) const {
    auto &a = step.slots[0], &s = step.slots[1];
    a = T(rho) * a + T(1 - rho) * step.g.square();
    step.g *= (s + T(epsilon)).sqrt() / (a + T(epsilon)).sqrt();  // d
    s = T(rho) * s + T(1 - rho) * step.g.square();
    step.w -= T(step.rate) * step.g;
  }
};

/// Keras's names and defaults.
struct AdadeltaOptions {
  LearningRate learning_rate = 1e-3;       ///< a number above 0, or a schedule of the steps
  double rho = 0.95;                       ///< share of the old a and s; within [0, 1)
  double epsilon = 1e-7;                   ///< what the first steps have for s; 0 or more
  WeightDecay weight_decay{};              ///< decoupled; by default 0
  Clip clip{};                             ///< by default not at all
  NonFinite nonfinite = NonFinite::apply;  ///< what to do about NaN and infinity in a gradient
};
/// PyTorch's names and defaults.
struct TorchAdadeltaOptions {
  LearningRate lr = 1.0;                   ///< a number above 0, or a schedule of the steps
  double rho = 0.9;                        ///< share of the old a and s; within [0, 1)
  double eps = 1e-6;                       ///< what the first steps have for s; 0 or more
  WeightDecay weight_decay{};              ///< L2, added to the gradient; by default 0
  Clip clip{};                             ///< by default not at all
  NonFinite nonfinite = NonFinite::apply;  ///< what to do about NaN and infinity in a gradient
};

/// `Adadelta()` or `Adadelta::torch()`; formula: see AdadeltaRule. Throws ConfigError for options outside their range.
struct Adadelta : OptimizerSpec {
  explicit Adadelta(const AdadeltaOptions& o = {})
      : OptimizerSpec(detail::optimizer_spec("Adadelta", o, o.learning_rate, false, true,
                                             std::make_shared<AdadeltaRule>(o.rho, o.epsilon))) {}
  KEEL_REFUSE_OTHER_OPTIONS(Adadelta)
  static OptimizerSpec torch(const TorchAdadeltaOptions& o = {}) {
    return detail::optimizer_spec("Adadelta", o, o.lr, true, false, std::make_shared<AdadeltaRule>(o.rho, o.eps));
  }
  template <class Why = MisspeltOptionOrWrongTypeOrArgument>
  static OptimizerSpec torch(...) = delete;
};

}  // namespace KEEL_ABI
}  // namespace keel
