#pragma once
/// A 1-D depthwise convolution and a convolution of one step.

#include <keel/layers/separable_conv2d.hpp>

namespace keel {
inline namespace KEEL_ABI {

struct SeparableConv1DOptions {
  /// Steps from one window to the next; default 1.
  Index strides = 1;
  /// What surrounds the sequence (base/padding1d.hpp); default valid, nothing.
  Padding1D padding = Padding1D::valid;
  /// Distance of a window's cells, in steps; default 1.
  Index dilation_rate = 1;
  /// Depthwise filters for every input channel; default 1.
  Index depth_multiplier = 1;
  /// Applied to the output; default linear.
  ActivationSpec activation = Activation::linear;
  /// Whether a number is added to each channel; default true.
  bool use_bias = true;
  /// The depthwise kernel's first values; default glorot_uniform.
  InitializerSpec depthwise_initializer = Initializer::glorot_uniform;
  /// The other kernel's first values; default glorot_uniform.
  InitializerSpec pointwise_initializer = Initializer::glorot_uniform;
  /// The bias's first values; default zeros.
  InitializerSpec bias_initializer = Initializer::zeros;
  /// In the model; by default made from the class.
  std::string name = {};

  template <class F>
  void fields(F&& f) {
    f("strides", strides);
    f("padding", padding);
    f("dilation_rate", dilation_rate);
    f("depth_multiplier", depth_multiplier);
    f("activation", activation);
    f("use_bias", use_bias);
    f("depthwise_initializer", depthwise_initializer);
    f("pointwise_initializer", pointwise_initializer);
    f("bias_initializer", bias_initializer);
  }
};

/// A 1-D depthwise convolution without bias and a convolution of one step: y = activation(conv(depthwise(x)) + bias).
///
/// Input (batch, steps, channels), output (batch, steps', filters) with the extents of `sweeps` (options.hpp).
/// Parameters: depthwise_kernel (kernel, channels, depth_multiplier), pointwise_kernel
/// (1, channels depth_multiplier, filters), bias (filters). Throws as Conv1D does.
/// Keras: SeparableConv1D, which refuses strides and dilation together. PyTorch: two Conv1d, the first with groups.
template <class T = float>
class SeparableConv1D : public SeparableConv2D<T> {
 public:
  SeparableConv1D(Index filters, Index kernel_size, SeparableConv1DOptions options = {})
      : SeparableConv2D<T>("SeparableConv1D", filters, {1, kernel_size}, image(kernel_size, options), 1),
        kernel_size_(kernel_size),
        options_(std::move(options)) {}
  static SeparableConv1D from_config(const Config& config) {
    return SeparableConv1D(config.get<Index>("filters", 0), config.get<Index>("kernel_size", 0),
                           read_options<SeparableConv1DOptions>(config));
  }

  const SeparableConv1DOptions& options() const { return options_; }

  std::string type() const override { return "SeparableConv1D"; }
  Config config() const override {
    return with_options({{"filters", this->filters()}, {"kernel_size", kernel_size_}}, options_);
  }

 private:
  static SeparableConv2DOptions image(Index kernel, const SeparableConv1DOptions& o) {
    return {.strides = {1, o.strides},
            .padding = o.padding.image(kernel, o.dilation_rate),
            .dilation_rate = {1, o.dilation_rate},
            .depth_multiplier = o.depth_multiplier,
            .activation = o.activation,
            .use_bias = o.use_bias,
            .depthwise_initializer = o.depthwise_initializer,
            .pointwise_initializer = o.pointwise_initializer,
            .bias_initializer = o.bias_initializer,
            .name = o.name};
  }

  Index kernel_size_;
  SeparableConv1DOptions options_;
};
KEEL_REFUSE_OTHERS(SeparableConv1D)

KEEL_INSTANCE(class SeparableConv1D<float>)

}  // namespace KEEL_ABI
}  // namespace keel
