#pragma once
/// Contrast changed at random, in Keras's training.

#include <keel/layers/base/training_layer.hpp>

namespace keel {
inline namespace KEEL_ABI {

struct RandomContrastOptions {
  /// Largest change to both sides, or (lower, upper), in shares of a value's distance to its channel's mean; default 0.
  Numbers factor = 0;
  /// The least and the largest value that Keras leaves in the images, in the unit of x; default (0, 255).
  Numbers value_range = {0, 255};
  /// In the model; by default made from the class.
  std::string name = {};

  template <class F>
  void fields(F&& f) {
    f("factor", factor);
    f("value_range", value_range);
  }
};

/// y = x; in training Keras moves each image's values towards or away from their channel's mean and clips them.
///
/// Input and output (batch, h, w, channels). Throws ConfigError in training: augment the data
/// instead (training/augment.hpp). Keras: RandomContrast. PyTorch: none in torch.nn.
template <class T = float>
class RandomContrast : public RandomImageLayer<T, RandomContrastOptions> {
 public:
  explicit RandomContrast(RandomContrastOptions options = {})
      : RandomImageLayer<T, RandomContrastOptions>(std::move(options)) {}
  static RandomContrast from_config(const Config& config) {
    return RandomContrast(read_options<RandomContrastOptions>(config));
  }

  std::string type() const override { return "RandomContrast"; }

 private:
};
KEEL_REFUSE_OTHERS(RandomContrast)

KEEL_INSTANCE(class RandomImageLayer<float, RandomContrastOptions>)
KEEL_INSTANCE(class RandomContrast<float>)

}  // namespace KEEL_ABI
}  // namespace keel
