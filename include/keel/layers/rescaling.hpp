#pragma once
/// Fixed scales and offsets.

#include <keel/layers/base/layer.hpp>
#include <keel/layers/base/options.hpp>

namespace keel {
inline namespace KEEL_ABI {

struct RescalingOptions {
  /// Added to the scaled values, in the unit of y: one number, or one for each channel; default 0.
  Numbers offset = 0;
  /// In the model; by default made from the class.
  std::string name = {};

  template <class F>
  void fields(F&& f) {
    f("offset", offset);
  }
};

/// y = scale x + offset, with numbers that are not trained, one for all values or one for each channel (the last axis).
///
/// Any shape; output as input. Throws ConfigError for lists of different lengths, ShapeError for an input that has
/// another number of channels. (Keras broadcasts such an input, and lists of lists.)
/// Keras: Rescaling. PyTorch: none; torchvision's Normalize is ((x - mean) / std).
///
///     Rescaling(1 / 255.0)      Rescaling({0.5, 0.25, 2}, {.offset = {0, 1, 2}})
template <class T = float>
class Rescaling : public Layer<T> {
 public:
  explicit Rescaling(Numbers scale, RescalingOptions options = {})
      : Layer<T>(options.name), scale_(std::move(scale)), options_(std::move(options)) {
    const std::size_t scales = scale_.values.size(), offsets = options_.offset.values.size();
    if (scales == 0 || offsets == 0 || (scales != offsets && scales != 1 && offsets != 1))
      throw ConfigError(this->who(), "one scale and offset, or one for each channel",
                        std::to_string(scales) + " scales and " + std::to_string(offsets) + " offsets");
    channels_ = static_cast<Index>((std::max)(scales, offsets));
    factors_ = each(scale_);
    offsets_ = each(options_.offset);
  }
  static Rescaling from_config(const Config& config) {
    Numbers scale = 1;
    read_option(config, "scale", scale);
    return Rescaling(std::move(scale), read_options<RescalingOptions>(config));
  }

  std::string type() const override { return "Rescaling"; }
  Config config() const override {
    Config config;
    write_option(config, "scale", scale_);
    return with_options(std::move(config), options_);
  }
  Shape output_shape(Shapes inputs) const override {
    const Shape& in = this->single_input(inputs);
    if (channels_ > 1 && (in.rank() < 1 || in.back() != channels_))
      throw ShapeError(this->who(), std::to_string(channels_) + " channels, one for each scale", in.to_string());
    return in;
  }

  void forward(Inputs<T> x, TensorView<T> y, Pass<T>&) const override {
    if (channels_ == 1)
      y.array() = x[0].array() * factors_[0] + offsets_[0];
    else
      y.matrix().array() =
          (x[0].matrix().array().rowwise() * factors_.array().transpose()).rowwise() + offsets_.array().transpose();
  }
  void backward(Inputs<T>, TensorView<const T>, TensorView<const T> dy, Outputs<T> dx, Pass<T>&) override {
    if (!dx[0].data()) return;
    if (channels_ == 1)
      dx[0].array() = dy.array() * factors_[0];
    else
      dx[0].matrix().array() = dy.matrix().array().rowwise() * factors_.array().transpose();
  }

 private:
  Tensor<T> each(const Numbers& numbers) const {
    Tensor<T> values({channels_}, static_cast<T>(numbers.values[0]));
    for (std::size_t c = 0; c < numbers.values.size(); ++c) values.data()[c] = static_cast<T>(numbers.values[c]);
    return values;
  }

  Numbers scale_;
  RescalingOptions options_;
  Index channels_ = 1;
  Tensor<T> factors_, offsets_;
};
KEEL_REFUSE_OTHERS(Rescaling)

KEEL_INSTANCE(class Rescaling<float>)

}  // namespace KEEL_ABI
}  // namespace keel
