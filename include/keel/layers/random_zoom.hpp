#pragma once
/// Images enlarged at random, in Keras's training.

#include <keel/layers/base/training_layer.hpp>

namespace keel {
inline namespace KEEL_ABI {

struct RandomZoomOptions {
  /// Largest change of the height to both sides, or the range (low, high), in shares of it; default 0.
  Numbers height_factor = 0;
  /// The same for the width; none (default) keeps the image's proportions.
  std::optional<Numbers> width_factor = {};
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

/// y = x; in training Keras enlarges or shrinks each image by a random factor.
///
/// Input and output (batch, h, w, channels). Throws ConfigError in training unless the factors are 0: augment the data
/// instead (training/augment.hpp). Keras: RandomZoom. PyTorch: none in torch.nn.
template <class T = float>
class RandomZoom : public RandomImageLayer<T, RandomZoomOptions> {
 public:
  explicit RandomZoom(RandomZoomOptions options = {}) : RandomImageLayer<T, RandomZoomOptions>(std::move(options)) {}
  static RandomZoom from_config(const Config& config) { return RandomZoom(read_options<RandomZoomOptions>(config)); }

  std::string type() const override { return "RandomZoom"; }

 private:
  bool idle() const override {
    return this->options().height_factor == Numbers(0) && this->options().width_factor.value_or(0) == Numbers(0);
  }
};
KEEL_REFUSE_OTHERS(RandomZoom)

KEEL_INSTANCE(class RandomImageLayer<float, RandomZoomOptions>)
KEEL_INSTANCE(class RandomZoom<float>)

}  // namespace KEEL_ABI
}  // namespace keel
