#pragma once
/// Hinge losses.

#include <keel/training/losses/loss.hpp>

namespace keel {
inline namespace KEEL_ABI {

namespace detail {

/// For targets that are -1 or 1, 0 meaning -1.
class BinaryHinge : public Loss {
 public:
  using Loss::Loss;
  void check(const Row&, const Row& t, Index sample) const override {
    for (Index c = 0; c < t.size(); ++c)
      if (t[c] != 0 && t[c] != 1 && t[c] != -1) fail(sample, "targets of -1, 0 or 1", t[c]);
  }

 protected:
  static Rows sign_of(const Rows& t) { return (t == 0).select(-1.0, t); }
};

}  // namespace detail

/// max(1 - t y, 0) for targets of -1 and 1, or 0 and 1. Keras's Hinge, which takes 0 for -1 only where a whole batch
/// holds nothing but 0 and 1. Throws DataError for other targets.
class Hinge : public detail::BinaryHinge {
 public:
  explicit Hinge(ReductionOptions options = {}) : BinaryHinge(options.reduction) {}
  KEEL_REFUSE_OTHER_OPTIONS(Hinge)
  std::string name() const override { return "hinge"; }
  Rows evaluate(const Rows& y, const Rows& target, Rows* dy) const override {
    const Rows t = sign_of(target), gap = 1 - t * y;
    if (dy) *dy = (gap > 0).select(-t, 0.0);
    return (gap <= 0).select(0.0, gap);
  }
};

/// max(1 - t y, 0)^2, targets as for Hinge. Keras's SquaredHinge. Throws DataError for other targets.
class SquaredHinge : public detail::BinaryHinge {
 public:
  explicit SquaredHinge(ReductionOptions options = {}) : BinaryHinge(options.reduction) {}
  KEEL_REFUSE_OTHER_OPTIONS(SquaredHinge)
  std::string name() const override { return "squared_hinge"; }
  Rows evaluate(const Rows& y, const Rows& target, Rows* dy) const override {
    const Rows t = sign_of(target), gap = 1 - t * y;
    if (dy) *dy = (gap > 0).select(-2 * t * gap, 0.0);
    return (gap <= 0).select(0.0, gap.square());
  }
};

/// max(neg - pos + 1, 0) over the last axis, pos = sum of t y, neg = the largest of (1 - t) y, for one-hot targets.
/// Keras's CategoricalHinge.
class CategoricalHinge : public Loss {
 public:
  explicit CategoricalHinge(ReductionOptions options = {}) : Loss(options.reduction) {}
  KEEL_REFUSE_OTHER_OPTIONS(CategoricalHinge)
  std::string name() const override { return "categorical_hinge"; }
  Rows evaluate(const Rows& y, const Rows& t, Rows* dy) const override {
    Rows loss(y.rows(), 1);
    if (dy) dy->setZero(y.rows(), y.cols());
    for (Index i = 0; i < y.rows(); ++i) {
      const Row x = detail::row(y, i), hot = detail::row(t, i);
      const Eigen::ArrayXd others = (1 - hot) * x;
      Eigen::Index largest = 0;
      for (Eigen::Index c = 1; c < others.size(); ++c)
        if (!(others[c] <= others[largest])) largest = c;
      const double gap = others[largest] - detail::ordered_sum(hot * x) + 1;
      loss(i) = gap <= 0 ? 0 : gap;
      if (!dy || gap <= 0) continue;
      dy->row(i) = -hot;
      (*dy)(i, largest) += 1 - hot[largest];
    }
    return loss;
  }
};

}  // namespace KEEL_ABI
}  // namespace keel
