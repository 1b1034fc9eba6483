#pragma once
/// LAMB.

#include <cmath>

#include <keel/training/optimizers/optimizer_spec.hpp>

namespace keel {
inline namespace KEEL_ABI {

/// LAMB of You et al., "Large Batch Optimization for Deep Learning", 2020, as Keras has it:
///
///     m += (1 - beta_1) (g - m);   v += (1 - beta_2) (g^2 - v)
///     d = m / (1 - beta_1^t) / (sqrt(v / (1 - beta_2^t)) + epsilon);   w -= lr |w| / |d|  d
///
/// with norms of the whole parameter, and 1 instead of their ratio where one of them is 0. Norms are summed in double.
class LambRule : public OptimizerFormula<LambRule> {
 public:
  double beta_1, beta_2, epsilon;  ///< the symbols of the formula; the first two within [0, 1), epsilon 0 or more

  LambRule(double b1, double b2, double e) : beta_1(b1), beta_2(b2), epsilon(e) {}
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
    s.g = m * T(1 / (1 - std::pow(beta_1, s.t))) / ((v * T(1 / (1 - std::pow(beta_2, s.t)))).sqrt() + T(epsilon));  // d
    const double of_w = norm(s.w), of_d = norm(s.g);
    s.w -= T(s.rate * (of_w > 0 && of_d > 0 ? of_w / of_d : 1)) * s.g;
  }

 private:
  template <class Values>
  static double norm(const Values& values) {
    double sum = 0;
    for (Eigen::Index i = 0; i < values.size(); ++i) sum += double(values[i]) * double(values[i]);
    return std::sqrt(sum);
  }
};

/// Keras's names and defaults.
struct LambOptions {
  LearningRate learning_rate = 1e-3;       ///< a number above 0, or a schedule of the steps
  double beta_1 = 0.9;                     ///< share of the old m; within [0, 1)
  double beta_2 = 0.999;                   ///< share of the old v; within [0, 1)
  double epsilon = 1e-7;                   ///< keeps the divisor from 0; 0 or more
  WeightDecay weight_decay{};              ///< decoupled; by default 0
  Clip clip{};                             ///< by default not at all
  NonFinite nonfinite = NonFinite::apply;  ///< what to do about NaN and infinity in a gradient
};

/// `Lamb()`; formula: see LambRule. Throws ConfigError for options outside their range.
struct Lamb : OptimizerSpec {
  explicit Lamb(const LambOptions& o = {})
      : OptimizerSpec(detail::optimizer_spec("LAMB", o, o.learning_rate, false, true,
                                             std::make_shared<LambRule>(o.beta_1, o.beta_2, o.epsilon))) {}
  KEEL_REFUSE_OTHER_OPTIONS(Lamb)
};

}  // namespace KEEL_ABI
}  // namespace keel
