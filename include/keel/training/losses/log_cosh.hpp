#pragma once
/// The logarithm of the hyperbolic cosine of the error.

#include <keel/training/losses/loss.hpp>

namespace keel {
inline namespace KEEL_ABI {

/// log cosh e = e + log(1 + exp(-2 e)) - log 2 with e = y - t: e^2 / 2 near 0, |e| - log 2 far from it. Keras's
/// LogCosh. The standard library's functions, for the bits; written with |e|, which does not overflow.
class LogCosh : public Loss {
 public:
  explicit LogCosh(ReductionOptions options = {}) : Loss(options.reduction) {}
  KEEL_REFUSE_OTHER_OPTIONS(LogCosh)
  std::string name() const override { return "log_cosh"; }
  Rows evaluate(const Rows& y, const Rows& t, Rows* dy) const override {
    const Rows e = y - t, size = e.abs(), tail = (-2 * size).unaryExpr(detail::Exp());
    if (dy) *dy = (e < 0).select((tail - 1) / (1 + tail), (1 - tail) / (1 + tail));  // tanh e
    return size + tail.unaryExpr(detail::Log1p()) - 0.6931471805599453;
  }
};

}  // namespace KEEL_ABI
}  // namespace keel
