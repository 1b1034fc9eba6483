#pragma once
/// Convolution of each channel on its own.

#include <keel/layers/base/conv2d_base.hpp>

namespace keel {
inline namespace KEEL_ABI {

struct DepthwiseConv2DOptions {
  /// Rows and columns from one window to the next, in pixels; default 1.
  Pair strides = 1;
  /// What surrounds the image (options.hpp); default valid, nothing.
  Padding padding = Padding::valid;
  /// Filters for every input channel; default 1.
  Index depth_multiplier = 1;
  /// Distance of a window's cells, in pixels; default 1.
  Pair dilation_rate = 1;
  /// Applied to the output; default linear.
  ActivationSpec activation = Activation::linear;
  /// Whether a number is added to each channel; default true.
  bool use_bias = true;
  /// The depthwise kernel's first values; default glorot_uniform.
  InitializerSpec depthwise_initializer = Initializer::glorot_uniform;
  /// The bias's first values; default zeros.
  InitializerSpec bias_initializer = Initializer::zeros;
  /// In the model; by default made from the class.
  std::string name = {};

  template <class F>
  void fields(F&& f) {
    f("strides", strides);
    f("padding", padding);
    f("depth_multiplier", depth_multiplier);
    f("dilation_rate", dilation_rate);
    f("activation", activation);
    f("use_bias", use_bias);
    f("depthwise_initializer", depthwise_initializer);
    f("bias_initializer", bias_initializer);
  }
};

/// Convolution of every channel on its own; filter m of channel c gives output channel c depth_multiplier + m.
///
/// Input (batch, h, w, channels), output (batch, h', w', channels depth_multiplier), extents as `sweeps` says.
/// Parameters: kernel (kernel h, kernel w, channels, depth_multiplier), bias (channels depth_multiplier).
///
/// Keras: DepthwiseConv2D. PyTorch: Conv2d with groups = channels, weight (channels depth_multiplier, 1, kh, kw).
template <class T = float>
class DepthwiseConv2D : public Conv2DBase<T, DepthwiseConv2DOptions> {
  using Base = Conv2DBase<T, DepthwiseConv2DOptions>;

 public:
  explicit DepthwiseConv2D(Pair kernel_size, DepthwiseConv2DOptions options = {})
      : DepthwiseConv2D("DepthwiseConv2D", kernel_size, std::move(options), 2) {}
  static DepthwiseConv2D from_config(const Config& config) {
    return DepthwiseConv2D(Base::read_kernel_size(config), read_options<DepthwiseConv2DOptions>(config));
  }

  std::string type() const override { return "DepthwiseConv2D"; }
  Config config() const override {
    Config config;
    write_option(config, "kernel_size", this->kernel_size());
    return with_options(std::move(config), this->options());
  }
  void build(Shapes inputs, Rng& rng) override {
    const Pair size = this->kernel_size();
    const Index area = size.height * size.width, channels = inputs[0].back(),
                filters = this->options().depth_multiplier;
    const Shape kernel = this->kernel_shape(channels, filters);
    this->make_parameters(kernel, this->options().depthwise_initializer, {area * channels, area * filters, area},
                          channels * filters, rng);
  }

 protected:
  DepthwiseConv2D(const std::string& type, Pair kernel_size, DepthwiseConv2DOptions options, Index axes)
      : Base(type, kernel_size, std::move(options), axes) {
    check_option(detail::who(this->name(), type), "depth_multiplier", Pair(this->options().depth_multiplier));
  }

 private:
  // (kh, kw, channels, filters) is, value for value, the kernel (kh, kw, 1, channels filters) of `channels`
  // groups.
  Index filters_for(Index channels) const override { return channels * this->options().depth_multiplier; }
  Index groups_for(Index channels) const override { return (std::max)(channels, Index{1}); }
};
KEEL_REFUSE_OTHERS(DepthwiseConv2D)

KEEL_INSTANCE(class Conv2DBase<float, DepthwiseConv2DOptions>)
KEEL_INSTANCE(class DepthwiseConv2D<float>)

}  // namespace KEEL_ABI
}  // namespace keel
