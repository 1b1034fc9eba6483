#pragma once
/// A rectifier with a slope below 0.

#include <keel/layers/activation_layer.hpp>

namespace keel {
inline namespace KEEL_ABI {

struct LeakyReLUOptions {
  /// Slope below 0; default 0.3, that of Keras's layer. Keras's function has 0.2, PyTorch 0.01.
  double negative_slope = 0.3;
  /// In the model; by default made from the class.
  std::string name = {};

  template <class F>
  void fields(F&& f) {
    f("negative_slope", negative_slope);
  }
};

/// y = x if x > 0, else negative_slope x. Any shape; output as input. Keras, PyTorch: LeakyReLU.
template <class T = float>
class LeakyReLU : public ActivationLayer<T> {
 public:
  explicit LeakyReLU(LeakyReLUOptions options = {})
      : ActivationLayer<T>({Activation::leaky_relu, options.negative_slope}, {options.name}),
        options_(std::move(options)) {}
  static LeakyReLU from_config(const Config& config) { return LeakyReLU(read_options<LeakyReLUOptions>(config)); }

  std::string type() const override { return "LeakyReLU"; }
  Config config() const override { return with_options({}, options_); }

 private:
  LeakyReLUOptions options_;
};
KEEL_REFUSE_OTHERS(LeakyReLU)

KEEL_INSTANCE(class LeakyReLU<float>)

}  // namespace KEEL_ABI
}  // namespace keel
