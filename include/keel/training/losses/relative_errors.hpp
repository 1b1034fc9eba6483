#pragma once
/// Errors relative to the target: in per cent, and of logarithms.

#include <keel/training/losses/loss.hpp>

namespace keel {
inline namespace KEEL_ABI {

/// 100 |y - t| / max(|t|, 1e-7). Keras's MeanAbsolutePercentageError.
class MeanAbsolutePercentageError : public Loss {
 public:
  explicit MeanAbsolutePercentageError(ReductionOptions options = {}) : Loss(options.reduction) {}
  KEEL_REFUSE_OTHER_OPTIONS(MeanAbsolutePercentageError)
  std::string name() const override { return "mape"; }
  Rows evaluate(const Rows& y, const Rows& t, Rows* dy) const override {
    const Rows e = y - t, unit = (t.abs() < 1e-7).select(1e-7, t.abs());
    if (dy) *dy = (e == 0).select(0.0, 100 * (e / e.abs()) / unit);
    return 100 * e.abs() / unit;
  }
};

/// (log(1 + max(y, 1e-7)) - log(1 + max(t, 1e-7)))^2; no slope below 1e-7. Keras's MeanSquaredLogarithmicError. log is
/// the standard library's, for the bits.
class MeanSquaredLogarithmicError : public Loss {
 public:
  explicit MeanSquaredLogarithmicError(ReductionOptions options = {}) : Loss(options.reduction) {}
  KEEL_REFUSE_OTHER_OPTIONS(MeanSquaredLogarithmicError)
  std::string name() const override { return "msle"; }
  Rows evaluate(const Rows& y, const Rows& t, Rows* dy) const override {
    const Rows p = (y < 1e-7).select(1e-7, y) + 1, e = p.unaryExpr(detail::Log()) - log_of(t);
    if (dy) *dy = (y < 1e-7).select(0.0, 2 * e / p);
    return e.square();
  }

 private:
  static Rows log_of(const Rows& t) { return ((t < 1e-7).select(1e-7, t) + 1).unaryExpr(detail::Log()); }
};

}  // namespace KEEL_ABI
}  // namespace keel
