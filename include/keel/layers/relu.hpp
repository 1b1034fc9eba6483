#pragma once
/// A rectifier with a limit, a slope and a threshold.

#include <keel/layers/base/layer.hpp>
#include <keel/layers/base/options.hpp>

namespace keel {
inline namespace KEEL_ABI {

struct ReLUOptions {
  /// Upper limit, 0 or more, in the unit of x; none by default.
  std::optional<double> max_value = {};
  /// Slope below the threshold, 0 or more; default 0.
  double negative_slope = 0;
  /// Values up to it count as negative, in the unit of x; default 0.
  double threshold = 0;
  /// In the model; by default made from the class.
  std::string name = {};

  template <class F>
  void fields(F&& f) {
    f("max_value", max_value);
    f("negative_slope", negative_slope);
    f("threshold", threshold);
  }
};

/// Keras's general rectifier:
///
///     y = max_value                          if x >= max_value
///         x                                  if threshold < x < max_value
///         negative_slope (x - threshold)     otherwise
///
/// Any shape; output as input. Throws ConfigError for options below 0. At the corners the slope is that of the lower
/// side below, 0 at max_value. Keras: ReLU. PyTorch: ReLU, ReLU6 (max_value 6).
template <class T = float>
class ReLU : public Layer<T> {
 public:
  explicit ReLU(ReLUOptions options = {}) : Layer<T>(options.name), options_(std::move(options)) {
    const auto check = [&](const char* option, double value) {
      if (!(value >= 0)) throw ConfigError(this->who(), std::string(option) + " of 0 or more", std::to_string(value));
    };
    check("max_value", options_.max_value.value_or(0));
    check("negative_slope", options_.negative_slope);
    check("threshold", options_.threshold);
  }
  static ReLU from_config(const Config& config) { return ReLU(read_options<ReLUOptions>(config)); }

  const ReLUOptions& options() const { return options_; }

  std::string type() const override { return "ReLU"; }
  Config config() const override { return with_options({}, options_); }
  Shape output_shape(Shapes inputs) const override { return this->single_input(inputs); }

  void forward(Inputs<T> x, TensorView<T> y, Pass<T>& pass) const override {
    if (const ActivationSpec simple = activation(); simple.kind != Activation::linear)
      return activation_forward(simple, 1, y.size(), x[0].data(), y.data(), pass.kernel);
    const T slope = static_cast<T>(options_.negative_slope), threshold = static_cast<T>(options_.threshold);
    y.array() = (x[0].array() <= threshold).select(slope * (x[0].array() - threshold), x[0].array());
    if (options_.max_value) y.array() = (x[0].array() >= limit()).select(limit(), y.array());
  }
  void backward(Inputs<T> x, TensorView<const T> y, TensorView<const T> dy, Outputs<T> dx, Pass<T>& pass) override {
    if (!dx[0].data()) return;
    if (const ActivationSpec simple = activation(); simple.kind != Activation::linear)
      return activation_backward(simple, 1, y.size(), x[0].data(), y.data(), dy.data(), dx[0].data(), pass.kernel);
    const T slope = static_cast<T>(options_.negative_slope), threshold = static_cast<T>(options_.threshold);
    dx[0].array() = (x[0].array() <= threshold).select(slope * dy.array(), dy.array());
    if (options_.max_value) dx[0].array() = (x[0].array() >= limit()).select(T(0), dx[0].array());
  }

  Acceleration<T> acceleration() const override {
    const ActivationSpec simple = activation();
    if (simple.kind == Activation::linear) return {};
    return {.role = LayerRole::activation, .activation = simple};
  }

 private:
  /// The simple forms, which kernels compute and other layers can take in; linear for the rest.
  ActivationSpec activation() const {
    if (options_.threshold != 0) return {};
    if (!options_.max_value && options_.negative_slope == 0) return Activation::relu;
    if (!options_.max_value) return {Activation::leaky_relu, options_.negative_slope};
    if (*options_.max_value == 6 && options_.negative_slope == 0) return Activation::relu6;
    return {};
  }

  T limit() const { return static_cast<T>(*options_.max_value); }

  ReLUOptions options_;
};
KEEL_REFUSE_OTHERS(ReLU)

KEEL_INSTANCE(class ReLU<float>)

}  // namespace KEEL_ABI
}  // namespace keel
