#pragma once
/// Huber's loss and PyTorch's SmoothL1Loss, which is the same but for a factor.

#include <keel/training/losses/loss.hpp>

namespace keel {
inline namespace KEEL_ABI {

/// Keras's names and defaults.
struct HuberOptions {
  double delta = 1;                       ///< size of error at which the parabola turns into a line; above 0
  Reduction reduction = Reduction::mean;  ///< how positions become one number
};

/// With e = y - t: e^2 / 2 where |e| <= delta, else delta |e| - delta^2 / 2. Keras's Huber, PyTorch's HuberLoss.
/// Huber, "Robust Estimation of a Location Parameter", 1964. Throws ConfigError unless delta is above 0.
class Huber : public Loss {
 public:
  explicit Huber(HuberOptions options = {}) : Huber(options, "huber", 1) {}
  KEEL_REFUSE_OTHER_OPTIONS(Huber)
  std::string name() const override { return name_; }
  Rows evaluate(const Rows& y, const Rows& t, Rows* dy) const override {
    return detail::each_value(y, t, dy, [this](double value, double truth, double* slope, Index) {
      const double e = value - truth, size = std::abs(e);
      if (slope) *slope = (size <= delta_ ? e : delta_ * (e / size)) / unit_;
      return (size <= delta_ ? e * e / 2 : delta_ * size - delta_ * delta_ / 2) / unit_;
    });
  }

 protected:
  /// With another name, in units of `unit`.
  Huber(const HuberOptions& options, const char* name, double unit)
      : Loss(options.reduction), name_(name), delta_(options.delta), unit_(unit) {
    detail::check_positive(name, "delta", delta_);
  }

 private:
  const char* name_;
  double delta_, unit_;
};

/// huber / delta: PyTorch's SmoothL1Loss, delta being its beta.
class SmoothL1 : public Huber {
 public:
  explicit SmoothL1(HuberOptions options = {}) : Huber(options, "smooth_l1", options.delta) {}
  KEEL_REFUSE_OTHER_OPTIONS(SmoothL1)
};

}  // namespace KEEL_ABI
}  // namespace keel
