#pragma once
/// 1-D convolution.

#include <keel/layers/conv2d.hpp>

namespace keel {
inline namespace KEEL_ABI {

struct Conv1DOptions {
  /// Steps from one window to the next; default 1.
  Index strides = 1;
  /// What surrounds the sequence (base/padding1d.hpp); default valid, nothing.
  Padding1D padding = Padding1D::valid;
  /// Distance of a window's cells, in steps; default 1.
  Index dilation_rate = 1;
  /// Parts of the channels that are convolved apart, each with its part of the filters; default 1.
  Index groups = 1;
  /// Applied to the output; default linear.
  ActivationSpec activation = Activation::linear;
  /// Whether a number is added to each channel; default true.
  bool use_bias = true;
  /// The kernel's first values; default glorot_uniform.
  InitializerSpec kernel_initializer = Initializer::glorot_uniform;
  /// The bias's first values; default zeros.
  InitializerSpec bias_initializer = Initializer::zeros;
  /// In the model; by default made from the class.
  std::string name = {};

  template <class F>
  void fields(F&& f) {
    f("strides", strides);
    f("padding", padding);
    f("dilation_rate", dilation_rate);
    f("groups", groups);
    f("activation", activation);
    f("use_bias", use_bias);
    f("kernel_initializer", kernel_initializer);
    f("bias_initializer", bias_initializer);
  }
};

/// 1-D convolution: y = activation(conv(x, kernel) + bias), a Conv2D on images of one row.
///
/// Input (batch, steps, channels), output (batch, steps', filters) with the extents of `sweeps` (options.hpp).
/// Parameters: kernel (kernel, channels / groups, filters), bias (filters).
/// Throws ConfigError for numbers out of range and filters that groups do not divide, ShapeError for an input of
/// another rank or number of channels, or shorter than the window.
///
/// Keras: Conv1D, which refuses strides and dilation together; TensorFlow.js has no causal padding. PyTorch: Conv1d,
/// weight (filters, channels / groups, kernel).
///
///     Conv1D(32, 3, {.padding = Padding1D::causal, .activation = Activation::relu})
template <class T = float>
class Conv1D : public Conv2D<T> {
 public:
  Conv1D(Index filters, Index kernel_size, Conv1DOptions options = {})
      : Conv2D<T>("Conv1D", filters, {1, kernel_size}, image(kernel_size, options), 1), options_(std::move(options)) {}
  static Conv1D from_config(const Config& config) {
    return Conv1D(config.get<Index>("filters", 0), config.get<Index>("kernel_size", 0),
                  read_options<Conv1DOptions>(config));
  }

  const Conv1DOptions& options() const { return options_; }

  std::string type() const override { return "Conv1D"; }
  Config config() const override {
    return with_options({{"filters", this->filters()}, {"kernel_size", this->kernel_size().width}}, options_);
  }

 private:
  static Conv2DOptions image(Index kernel, const Conv1DOptions& o) {
    return {.strides = {1, o.strides},
            .padding = o.padding.image(kernel, o.dilation_rate),
            .dilation_rate = {1, o.dilation_rate},
            .groups = o.groups,
            .activation = o.activation,
            .use_bias = o.use_bias,
            .kernel_initializer = o.kernel_initializer,
            .bias_initializer = o.bias_initializer,
            .name = o.name};
  }

  Conv1DOptions options_;
};
KEEL_REFUSE_OTHERS(Conv1D)

KEEL_INSTANCE(class Conv1D<float>)

}  // namespace KEEL_ABI
}  // namespace keel
