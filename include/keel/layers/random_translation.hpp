#pragma once
/// Images shifted at random, in Keras's training.

#include <keel/layers/base/training_layer.hpp>

namespace keel {
inline namespace KEEL_ABI {

struct RandomTranslationOptions {
  /// Largest shift up and down, or the range (low, high), in shares of the height; default 0.
  Numbers height_factor = 0;
  /// Largest shift to the left and the right, or the range, in shares of the width; default 0.
  Numbers width_factor = 0;
  /// What lies outside the image, Keras's word: "reflect" (default), "wrap", "constant" or "nearest".
  std::string fill_mode = "reflect";
  /// Between pixels: "bilinear" (default) or "nearest".
  std::string interpolation = "bilinear";
  /// With fill_mode "constant", in the unit of x; default 0.
  double fill_value = 0;
  /// In the model; by default made from the class.
  std::string name = {};

  template <class F>
  void fields(F&& f) {
    f("height_factor", height_factor);
    f("width_factor", width_factor);
    f("fill_mode", fill_mode);
    f("interpolation", interpolation);
    f("fill_value", fill_value);
  }
};

/// y = x; in training Keras shifts each image by a random distance.
///
/// Input and output (batch, h, w, channels). Throws ConfigError in training unless the factors are 0: augment the data
/// instead (training/augment.hpp). Keras: RandomTranslation. PyTorch: none in torch.nn.
template <class T = float>
class RandomTranslation : public RandomImageLayer<T, RandomTranslationOptions> {
 public:
  explicit RandomTranslation(RandomTranslationOptions options = {})
      : RandomImageLayer<T, RandomTranslationOptions>(std::move(options)) {}
  static RandomTranslation from_config(const Config& config) {
    return RandomTranslation(read_options<RandomTranslationOptions>(config));
  }

  std::string type() const override { return "RandomTranslation"; }

 private:
  bool idle() const override {
    return this->options().height_factor == Numbers(0) && this->options().width_factor == Numbers(0);
  }
};
KEEL_REFUSE_OTHERS(RandomTranslation)

KEEL_INSTANCE(class RandomImageLayer<float, RandomTranslationOptions>)
KEEL_INSTANCE(class RandomTranslation<float>)

}  // namespace KEEL_ABI
}  // namespace keel
