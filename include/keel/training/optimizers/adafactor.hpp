#pragma once
/// Adafactor.

#include <algorithm>
#include <cmath>
#include <limits>

#include <keel/training/optimizers/optimizer_spec.hpp>

namespace keel {
inline namespace KEEL_ABI {

/// Adafactor of Shazeer and Stern, "Adafactor: Adaptive Learning Rates with Sublinear Memory Cost", 2018: of a
/// parameter with two axes or more only the means of the squared gradient along the last axis (r) and the one before
/// (c) are kept.
///
///     rho = min(lr, 1 / sqrt(t));   a = max(epsilon_2, rms(w)) rho;   b = 1 - t^decay;   s = g^2 (Keras: + epsilon_1)
///     r = b r + (1 - b) mean_last(s);   c = b c + (1 - b) mean_before(s);   v = r c / mean(r)    (one axis: v = b v + (1 - b) s)
///     u = g / sqrt(v);   w -= a u / max(1, rms(u) / d)
///
/// PyTorch instead holds mean(r) at epsilon_1 and sqrt(v) at epsilon_1 at least, and takes rms(w) before its decay.
/// Keras's relative_step makes no difference, as rho has the same limit. Sums go from first to last, in double.
class AdafactorRule : public OptimizerFormula<AdafactorRule> {
 public:
  double decay = -0.8, epsilon_2 = 1e-3, d = 1;  ///< the symbols of the formula: 0 or less, 0 or more, above 0
  double epsilon_1 = 1e-30;                      ///< PyTorch: 0 stands for the scalar's epsilon
  bool torch = false;                            ///< whether it is PyTorch's

  std::vector<std::string> slots() const override { return {"row", "column"}; }  // r (or v), c
  Shape slot_shape(Index slot, const Shape& w) const override {
    if (w.rank() < 2) return slot == 0 ? w : Shape{0};
    std::vector<Index> dims(w.dims().begin(), w.dims().end());
    dims.erase(dims.end() - (slot == 0 ? 1 : 2));
    return Shape(std::span<const Index>(dims));
  }
  void check(const std::string& name) const override {
    if (!(decay <= 0)) throw ConfigError(name, "beta_2_decay of 0 or less", detail::text(decay));
    detail::check_positive(name, "epsilon_1", epsilon_1, true);
    detail::check_positive(name, "epsilon_2", epsilon_2, true);
    detail::check_positive(name, "a clipping threshold", d);
  }

  template <class T>
  void apply(UpdateStep<T>& s) const {
    const double before = torch ? 1 / s.keep : 1, least = torch && epsilon_1 == 0 ? epsilon<T>() : epsilon_1;
    const double alpha = (std::max)(epsilon_2, rms(s.w) * before) * (std::min)(s.rate, 1 / std::sqrt(s.t));
    const double fresh = std::pow(s.t, decay), added = torch ? 0 : epsilon_1;
    if (s.shape.rank() < 2) {
      auto& v = s.slots[0];
      v += T(fresh) * (s.g.square() + T(added) - v);
      for (Eigen::Index i = 0; i < s.g.size(); ++i) s.g[i] /= (std::max)(std::sqrt(v[i]), T(torch ? least : 0));
    } else {
      factored(s, fresh, added, torch ? least : 0);
    }
    s.w -= T(alpha / (std::max)(1.0, rms(s.g) / d)) * s.g;
  }

 private:
  template <class T>
  static double epsilon() {
    return static_cast<double>(std::numeric_limits<T>::epsilon());
  }
  template <class Values>
  static double rms(const Values& values) {
    double sum = 0;
    for (Eigen::Index i = 0; i < values.size(); ++i) sum += double(values[i]) * double(values[i]);
    return values.size() == 0 ? 0 : std::sqrt(sum / double(values.size()));
  }
  /// Moves r and c towards the means of g^2, and makes g / sqrt(v) of g.
  template <class T>
  static void factored(UpdateStep<T>& s, double fresh, double added, double least) {
    const Index columns = s.shape[s.shape.rank() - 1], rows = s.shape[s.shape.rank() - 2];
    const Index matrices = columns * rows == 0 ? 0 : s.shape.size() / (columns * rows);
    for (Index m = 0; m < matrices; ++m) {
      T* const g = s.g.data() + m * rows * columns;
      T* const r = s.slots[0].data() + m * rows;
      T* const c = s.slots[1].data() + m * columns;
      double of_r = 0;
      for (Index i = 0; i < rows; ++i) {
        double sum = 0;
        for (Index j = 0; j < columns; ++j) sum += double(g[i * columns + j]) * double(g[i * columns + j]) + added;
        r[i] += T(fresh * (sum / double(columns) - double(r[i])));
        of_r += double(r[i]);
      }
      of_r = (std::max)(of_r / double(rows), least);
      for (Index j = 0; j < columns; ++j) {
        double sum = 0;
        for (Index i = 0; i < rows; ++i) sum += double(g[i * columns + j]) * double(g[i * columns + j]) + added;
        c[j] += T(fresh * (sum / double(rows) - double(c[j])));
      }
      for (Index i = 0; i < rows; ++i)
        for (Index j = 0; j < columns; ++j)
          g[i * columns + j] =
              T(double(g[i * columns + j]) / (std::max)(std::sqrt(double(r[i]) / of_r * double(c[j])), least));
    }
  }
};

/// Keras's names and defaults.
struct AdafactorOptions {
  LearningRate learning_rate = 1e-3;       ///< upper limit of rho; a number above 0, or a schedule of the steps
  double beta_2_decay = -0.8;              ///< decay; 0 or less
  double epsilon_1 = 1e-30;                ///< keeps the divisor from 0; 0 or more
  double epsilon_2 = 1e-3;                 ///< least scale of a step; 0 or more
  double clip_threshold = 1;               ///< d; above 0
  WeightDecay weight_decay{};              ///< decoupled; by default 0
  Clip clip{};                             ///< by default not at all
  NonFinite nonfinite = NonFinite::apply;  ///< what to do about NaN and infinity in a gradient
};
/// PyTorch's names and defaults.
struct TorchAdafactorOptions {
  LearningRate lr = 1e-2;                  ///< upper limit of rho; a number above 0, or a schedule of the steps
  double beta2_decay = -0.8;               ///< decay; 0 or less
  double eps1 = 0;                         ///< epsilon_1; 0: the scalar's epsilon, PyTorch's None
  double eps2 = 1e-3;                      ///< epsilon_2; 0 or more
  double d = 1;                            ///< 1 or more
  WeightDecay weight_decay{};              ///< decoupled; by default 0
  Clip clip{};                             ///< by default not at all
  NonFinite nonfinite = NonFinite::apply;  ///< what to do about NaN and infinity in a gradient
};

/// `Adafactor()` or `Adafactor::torch()`; formula: see AdafactorRule. Throws ConfigError for options outside their
/// range.
struct Adafactor : OptimizerSpec {
  explicit Adafactor(const AdafactorOptions& o = {})
      : OptimizerSpec(
            detail::optimizer_spec("Adafactor", o, o.learning_rate, false, true,
                                   rule_of(o.beta_2_decay, o.epsilon_1, o.epsilon_2, o.clip_threshold, false))) {}
  KEEL_REFUSE_OTHER_OPTIONS(Adafactor)
  static OptimizerSpec torch(const TorchAdafactorOptions& o = {}) {
    return detail::optimizer_spec("Adafactor", o, o.lr, true, true, rule_of(o.beta2_decay, o.eps1, o.eps2, o.d, true));
  }
  template <class Why = MisspeltOptionOrWrongTypeOrArgument>
  static OptimizerSpec torch(...) = delete;

 private:
  static std::shared_ptr<const AdafactorRule> rule_of(double decay, double epsilon_1, double epsilon_2, double d,
                                                      bool torch) {
    auto rule = std::make_shared<AdafactorRule>();
    rule->decay = decay;
    rule->epsilon_1 = epsilon_1;
    rule->epsilon_2 = epsilon_2;
    rule->d = d;
    rule->torch = torch;
    return rule;
  }
};

}  // namespace KEEL_ABI
}  // namespace keel
