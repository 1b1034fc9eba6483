#pragma once
/// Mean errors of values.

#include <keel/training/metrics/metric.hpp>

namespace keel {
inline namespace KEEL_ABI {

/// Mean of (y - t)^2. Throws ShapeError for class numbers as targets.
class MeanSquaredErrorMetric : public Metric {
 public:
  std::string name() const override { return "mse"; }
  void update(const Rows& y, const Rows& t) override {
    check_values(y, t);
    add_each((y - t).square());
  }
};

/// Mean of |y - t|. Throws ShapeError for class numbers as targets.
class MeanAbsoluteErrorMetric : public Metric {
 public:
  std::string name() const override { return "mae"; }
  void update(const Rows& y, const Rows& t) override {
    check_values(y, t);
    add_each((y - t).abs());
  }
};

}  // namespace KEEL_ABI
}  // namespace keel
