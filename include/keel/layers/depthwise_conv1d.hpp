#pragma once
/// 1-D convolution of each channel on its own.

#include <keel/layers/depthwise_conv2d.hpp>

namespace keel {
inline namespace KEEL_ABI {

struct DepthwiseConv1DOptions {
  /// Steps from one window to the next; default 1.
  Index strides = 1;
  /// What surrounds the sequence (base/padding1d.hpp); default valid, nothing.
  Padding1D padding = Padding1D::valid;
  /// Filters for every input channel; default 1.
  Index depth_multiplier = 1;
  /// Distance of a window's cells, in steps; default 1.
  Index dilation_rate = 1;
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

/// 1-D convolution of every channel on its own; filter m of channel c gives output channel c depth_multiplier + m.
///
/// Input (batch, steps, channels), output (batch, steps', channels depth_multiplier), extents as `sweeps` says.
/// Parameters: kernel (kernel, channels, depth_multiplier), bias (channels depth_multiplier). Throws as Conv1D does.
///
/// Keras: DepthwiseConv1D, without causal padding. PyTorch: Conv1d with groups = channels, weight
/// (channels depth_multiplier, 1, kernel).
template <class T = float>
class DepthwiseConv1D : public DepthwiseConv2D<T> {
 public:
  explicit DepthwiseConv1D(Index kernel_size, DepthwiseConv1DOptions options = {})
      : DepthwiseConv2D<T>("DepthwiseConv1D", {1, kernel_size}, image(kernel_size, options), 1),
        options_(std::move(options)) {}
  static DepthwiseConv1D from_config(const Config& config) {
    return DepthwiseConv1D(config.get<Index>("kernel_size", 0), read_options<DepthwiseConv1DOptions>(config));
  }

  const DepthwiseConv1DOptions& options() const { return options_; }

  std::string type() const override { return "DepthwiseConv1D"; }
  Config config() const override { return with_options({{"kernel_size", this->kernel_size().width}}, options_); }

 private:
  static DepthwiseConv2DOptions image(Index kernel, const DepthwiseConv1DOptions& o) {
    return {.strides = {1, o.strides},
            .padding = o.padding.image(kernel, o.dilation_rate),
            .depth_multiplier = o.depth_multiplier,
            .dilation_rate = {1, o.dilation_rate},
            .activation = o.activation,
            .use_bias = o.use_bias,
            .depthwise_initializer = o.depthwise_initializer,
            .bias_initializer = o.bias_initializer,
            .name = o.name};
  }

  DepthwiseConv1DOptions options_;
};
KEEL_REFUSE_OTHERS(DepthwiseConv1D)

KEEL_INSTANCE(class DepthwiseConv1D<float>)

}  // namespace KEEL_ABI
}  // namespace keel
