#pragma once
/// Images turned at random, in Keras's training.

#include <keel/layers/base/training_layer.hpp>

namespace keel {
inline namespace KEEL_ABI {

struct RandomRotationOptions {
  /// Largest angle to both sides, or the range (low, high), in full turns; default 0.
  Numbers factor = 0;
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
    f("factor", factor);
    f("fill_mode", fill_mode);
    f("interpolation", interpolation);
    f("fill_value", fill_value);
  }
};

/// y = x; in training Keras turns each image by a random angle.
///
/// Input and output (batch, h, w, channels). Throws ConfigError in training unless the factors are 0: augment the data
/// instead (training/augment.hpp). Keras: RandomRotation. PyTorch: none in torch.nn.
template <class T = float>
class RandomRotation : public RandomImageLayer<T, RandomRotationOptions> {
 public:
  explicit RandomRotation(RandomRotationOptions options = {})
      : RandomImageLayer<T, RandomRotationOptions>(std::move(options)) {}
  static RandomRotation from_config(const Config& config) {
    return RandomRotation(read_options<RandomRotationOptions>(config));
  }

  std::string type() const override { return "RandomRotation"; }

 private:
  bool idle() const override { return this->options().factor == Numbers(0); }
};
KEEL_REFUSE_OTHERS(RandomRotation)

KEEL_INSTANCE(class RandomImageLayer<float, RandomRotationOptions>)
KEEL_INSTANCE(class RandomRotation<float>)

}  // namespace KEEL_ABI
}  // namespace keel
