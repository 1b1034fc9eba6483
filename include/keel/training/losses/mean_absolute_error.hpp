#pragma once
/// The mean absolute error.

#include <keel/training/losses/loss.hpp>

namespace keel {
inline namespace KEEL_ABI {

/// |y - t|, with slope 0 where both are equal. Keras's MeanAbsoluteError; PyTorch's L1Loss.
class MeanAbsoluteError : public Loss {
 public:
  explicit MeanAbsoluteError(ReductionOptions options = {}) : Loss(options.reduction) {}
  KEEL_REFUSE_OTHER_OPTIONS(MeanAbsoluteError)
  std::string name() const override { return "mae"; }
  Rows evaluate(const Rows& y, const Rows& t, Rows* dy) const override {
    return detail::each_value(y, t, dy, [](double value, double truth, double* slope, Index) {
      const double e = value - truth;
      if (slope) *slope = e == 0 ? 0 : e / std::abs(e);
      return std::abs(e);
    });
  }
};

}  // namespace KEEL_ABI
}  // namespace keel
