#pragma once
/// The mean squared error.

#include <keel/training/losses/loss.hpp>

namespace keel {
inline namespace KEEL_ABI {

/// (y - t)^2. Keras's MeanSquaredError; PyTorch's MSELoss. Its "sum" is Reduction::element_sum.
class MeanSquaredError : public Loss {
 public:
  explicit MeanSquaredError(ReductionOptions options = {}) : Loss(options.reduction) {}
  std::string name() const override { return "mse"; }
  Rows evaluate(const Rows& y, const Rows& t, Rows* dy) const override {
    const Rows e = y - t;
    if (dy) *dy = 2 * e;
    return e.square();
  }
};

}  // namespace KEEL_ABI
}  // namespace keel
