#pragma once
/// A penalty on what passes through.

#include <keel/layers/base/training_layer.hpp>

namespace keel {
inline namespace KEEL_ABI {

struct ActivityRegularizationOptions {
  /// Weight in the loss of the sum of |x|; default 0.
  double l1 = 0;
  /// Weight in the loss of the sum of x^2; default 0.
  double l2 = 0;
  /// In the model; by default made from the class.
  std::string name = {};

  template <class F>
  void fields(F&& f) {
    f("l1", l1);
    f("l2", l2);
  }
};

/// y = x; in training Keras adds l1 sum|x| + l2 sum x^2 to the loss.
///
/// Any shape; output as input. Throws ConfigError in training unless both weights are 0: keel's losses see outputs
/// only.
/// Keras: ActivityRegularization. PyTorch has none.
template <class T = float>
class ActivityRegularization : public InferenceOnly<T, ActivityRegularizationOptions> {
 public:
  explicit ActivityRegularization(ActivityRegularizationOptions options = {})
      : InferenceOnly<T, ActivityRegularizationOptions>(std::move(options)) {}
  static ActivityRegularization from_config(const Config& config) {
    return ActivityRegularization(read_options<ActivityRegularizationOptions>(config));
  }

  std::string type() const override { return "ActivityRegularization"; }

 private:
  std::string instead() const override {
    return "leave the layer out, and make its output one of the model's with a loss of your own";
  }
  bool idle() const override { return this->options().l1 == 0 && this->options().l2 == 0; }
};
KEEL_REFUSE_OTHERS(ActivityRegularization)

KEEL_INSTANCE(class InferenceOnly<float, ActivityRegularizationOptions>)
KEEL_INSTANCE(class ActivityRegularization<float>)

}  // namespace KEEL_ABI
}  // namespace keel
