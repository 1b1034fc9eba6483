#pragma once
/// The Kullback-Leibler divergence.

#include <keel/training/losses/loss.hpp>

namespace keel {
inline namespace KEEL_ABI {

/// PyTorch's log_target is no part: targets are probabilities.
struct KLDivergenceOptions {
  /// y holds log-probabilities: PyTorch's KLDivLoss, whose "batchmean" this is for (batch, C). Nothing is clipped then.
  bool from_log = false;
  Reduction reduction = Reduction::mean;  ///< how positions become one number
};

/// sum of t log(t / y) over the last axis, t and y clipped to [1e-7, 1] (no slope where y was): Keras's KLDivergence.
/// From logs: sum of t (log t - y), where 0 log 0 = 0. log is the standard library's, for the bits. Throws DataError
/// for targets below 0.
class KLDivergence : public Loss {
 public:
  explicit KLDivergence(KLDivergenceOptions options = {}) : Loss(options.reduction), from_log_(options.from_log) {}
  KEEL_REFUSE_OTHER_OPTIONS(KLDivergence)
  std::string name() const override { return "kl_divergence"; }
  Rows evaluate(const Rows& y, const Rows& target, Rows* dy) const override {
    if (from_log_) {
      if (dy) *dy = -target;
      const Rows terms = (target == 0).select(0.0, target * (target.unaryExpr(detail::Log()) - y));
      return sums(terms);
    }
    const Rows t = target.unaryExpr(Clip01()), p = y.unaryExpr(Clip01());
    if (dy) *dy = (p != y && y == y).select(0.0, -t / p);
    const Rows terms = t * (t / p).unaryExpr(detail::Log());
    return sums(terms);
  }
  void check(const Row&, const Row& t, Index sample) const override {
    for (Index c = 0; c < t.size(); ++c)
      if (t[c] < 0) fail(sample, "targets of 0 or more", t[c]);
  }

 private:
  struct Clip01 {
    double operator()(double p) const { return p < 1e-7 ? 1e-7 : p > 1 ? 1 : p; }
  };
  static Rows sums(const Rows& terms) {
    Rows loss(terms.rows(), 1);
    for (Index i = 0; i < terms.rows(); ++i) loss(i) = detail::ordered_sum(detail::row(terms, i));
    return loss;
  }

  bool from_log_;
};

}  // namespace KEEL_ABI
}  // namespace keel
