#pragma once

#include <keel/layers/base/layer.hpp>
#include <keel/layers/base/options.hpp>

namespace keel {
inline namespace KEEL_ABI {

struct RescalingOptions {
  double offset = 0;
  std::string name = {};

  template <class F>
  void fields(F&& f) {
    f("offset", offset);
  }
};

/// y = scale x + offset, numbers that are not trained: Rescaling(1 / 255.0) for bytes. Any shape.
/// Keras: Rescaling.
template <class T = float>
class Rescaling : public Layer<T> {
 public:
  explicit Rescaling(double scale, RescalingOptions options = {})
      : Layer<T>(options.name), scale_(scale), options_(std::move(options)) {}
  static Rescaling from_config(const Config& config) {
    return Rescaling(config.get<double>("scale", 1), read_options<RescalingOptions>(config));
  }

  std::string type() const override { return "Rescaling"; }
  Config config() const override { return with_options({{"scale", scale_}}, options_); }
  Shape output_shape(Shapes inputs) const override { return this->single_input(inputs); }

  void forward(Inputs<T> x, TensorView<T> y, Pass<T>&) const override {
    y.array() = x[0].array() * static_cast<T>(scale_) + static_cast<T>(options_.offset);
  }
  void backward(Inputs<T>, TensorView<const T>, TensorView<const T> dy, Outputs<T> dx, Pass<T>&) override {
    if (dx[0].data()) dx[0].array() = dy.array() * static_cast<T>(scale_);
  }

 private:
  double scale_;
  RescalingOptions options_;
};

KEEL_INSTANCE(class Rescaling<float>)

}  // namespace KEEL_ABI
}  // namespace keel
