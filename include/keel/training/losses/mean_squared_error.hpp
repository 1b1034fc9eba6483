#pragma once
/// The mean squared error.

#include <keel/training/losses/loss.hpp>

namespace keel {
inline namespace KEEL_ABI {

/// (y - t)^2. Keras's MeanSquaredError; PyTorch's MSELoss. Its "sum" is Reduction::element_sum.
class MeanSquaredError : public Loss {
 public:
  explicit MeanSquaredError(ReductionOptions options = {}) : Loss(options.reduction) {}
  KEEL_REFUSE_OTHER_OPTIONS(MeanSquaredError)
  std::string name() const override { return "mse"; }
  Rows evaluate(const Rows& y, const Rows& t, Rows* dy) const override {
    return detail::each_value(y, t, dy, [](double value, double truth, double* slope, Index) {
      const double e = value - truth;
      if (slope) *slope = 2 * e;
      return e * e;
    });
  }
};

}  // namespace KEEL_ABI
}  // namespace keel
