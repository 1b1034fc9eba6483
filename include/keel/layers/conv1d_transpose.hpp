#pragma once
/// The way back of a 1-D convolution.

#include <keel/layers/conv2d_transpose.hpp>

namespace keel {
inline namespace KEEL_ABI {

struct Conv1DTransposeOptions {
  /// Steps between the windows of neighbouring values; default 1.
  Index strides = 1;
  /// What is cut off the full output: `valid` nothing (default), `same`, or so many steps, PyTorch's padding.
  Padding1D padding = Padding1D::valid;
  /// Steps that the output has more than it must, at its end; below the stride (with padding in numbers also below the
  /// dilation). Default -1, none, which Keras's `same` and `valid` tell apart from 0.
  Index output_padding = -1;
  /// Distance of a window's cells, in steps; default 1.
  Index dilation_rate = 1;
  /// Parts of the channels that spread apart, each to its part of the filters; default 1.
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
    std::optional<Index> given;
    if (output_padding != -1) given = output_padding;
    f("output_padding", given);
    output_padding = given.value_or(-1);
    f("dilation_rate", dilation_rate);
    f("groups", groups);
    f("activation", activation);
    f("use_bias", use_bias);
    f("kernel_initializer", kernel_initializer);
    f("bias_initializer", bias_initializer);
  }
};

/// Transposed 1-D convolution: y = activation(z + bias), z being the gradient that a Conv1D from y's to x's shape would
/// pass to its input for dy = x. A Conv2DTranspose on images of one row, with the extents that are given there.
///
/// Input (batch, steps, channels), output (batch, steps', filters). Parameters: kernel (kernel, filters / groups,
/// channels), bias (filters). Throws ConfigError for numbers out of range and causal padding, ShapeError for an input
/// of another rank or number of channels, and where no output would be left.
///
/// Keras: Conv1DTranspose, as TensorFlow computes it. PyTorch: ConvTranspose1d, weight (channels, filters, kernel).
template <class T = float>
class Conv1DTranspose : public Conv2DTranspose<T> {
 public:
  Conv1DTranspose(Index filters, Index kernel_size, Conv1DTransposeOptions options = {})
      : Conv2DTranspose<T>("Conv1DTranspose", filters, {1, kernel_size}, image(kernel_size, options), 1),
        options_(std::move(options)) {}
  static Conv1DTranspose from_config(const Config& config) {
    return Conv1DTranspose(config.get<Index>("filters", 0), config.get<Index>("kernel_size", 0),
                           read_options<Conv1DTransposeOptions>(config));
  }

  const Conv1DTransposeOptions& options() const { return options_; }

  std::string type() const override { return "Conv1DTranspose"; }
  Config config() const override {
    return with_options({{"filters", this->filters()}, {"kernel_size", this->kernel_size().width}}, options_);
  }

 private:
  static Conv2DTransposeOptions image(Index kernel, const Conv1DTransposeOptions& o) {
    if (o.padding == Padding1D::causal)
      throw ConfigError(detail::who(o.name, "Conv1DTranspose"), "padding same, valid or in numbers", "\"causal\"");
    return {.strides = {1, o.strides},
            .padding = o.padding.image(kernel),
            .output_padding = o.output_padding < 0 ? Pair(o.output_padding) : Pair(0, o.output_padding),
            .dilation_rate = {1, o.dilation_rate},
            .groups = o.groups,
            .activation = o.activation,
            .use_bias = o.use_bias,
            .kernel_initializer = o.kernel_initializer,
            .bias_initializer = o.bias_initializer,
            .name = o.name};
  }

  Conv1DTransposeOptions options_;
};
KEEL_REFUSE_OTHERS(Conv1DTranspose)

KEEL_INSTANCE(class Conv1DTranspose<float>)

}  // namespace KEEL_ABI
}  // namespace keel
