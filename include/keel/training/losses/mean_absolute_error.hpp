#pragma once
/// The mean absolute error.

#include <keel/training/losses/loss.hpp>

namespace keel {
inline namespace KEEL_ABI {

/// |y - t|, with slope 0 where both are equal. Keras's MeanAbsoluteError; PyTorch's L1Loss.
class MeanAbsoluteError : public Loss {
 public:
  explicit MeanAbsoluteError(ReductionOptions options = {}) : Loss(options.reduction) {}
  std::string name() const override { return "mae"; }
  Rows evaluate(const Rows& y, const Rows& t, Rows* dy) const override {
    const Rows e = y - t;
    if (dy) *dy = (e == 0).select(0.0, e / e.abs());
    return e.abs();
  }
};

}  // namespace KEEL_ABI
}  // namespace keel
