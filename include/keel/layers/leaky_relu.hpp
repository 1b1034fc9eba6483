#pragma once

#include <keel/layers/activation_layer.hpp>

namespace keel {
inline namespace KEEL_ABI {

struct LeakyReLUOptions {
  /// Keras's layer has 0.3, Keras's function 0.2, PyTorch 0.01.
  double negative_slope = 0.3;
  std::string name = {};

  template <class F>
  void fields(F&& f) {
    f("negative_slope", negative_slope);
  }
};

/// y = x if x > 0, else negative_slope x. Any shape. Keras, PyTorch: LeakyReLU.
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

KEEL_INSTANCE(class LeakyReLU<float>)

}  // namespace KEEL_ABI
}  // namespace keel
