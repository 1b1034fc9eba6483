#pragma once
/// The way back of a 3-D convolution.

#include <keel/layers/base/conv3d_base.hpp>

namespace keel {
inline namespace KEEL_ABI {

struct Conv3DTransposeOptions {
  /// Slices, rows and columns between the windows of neighbouring values; default 1.
  Triple strides = 1;
  /// What is cut off the full output: valid nothing (default), same, or so many slices, rows and columns, PyTorch's
  /// padding.
  Padding3D padding = Padding::Mode::valid;
  /// Slices, rows and columns that the output has more than it must, at its end; below the stride (with padding in
  /// numbers also below the dilation). Default -1, none, which Keras's `same` and `valid` tell apart from 0.
  Triple output_padding = -1;
  /// Distance of a window's cells; default 1.
  Triple dilation_rate = 1;
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
    std::optional<Triple> given;
    if (!(output_padding == Triple(-1))) given = output_padding;
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

/// Transposed 3-D convolution: y = activation(z + bias), z being the gradient that a Conv3D from y's to x's shape would
/// pass to its input for dy = x.
///
/// Input (batch, d, h, w, channels), output (batch, d', h', w', filters) with the extents that Conv2DTranspose has
/// along each axis. Parameters: kernel (kernel d, h, w, filters / groups, channels), bias (filters). Throws ConfigError
/// for numbers out of range and filters that groups do not divide, ShapeError for an input of another rank or number of
/// channels, and where no output would be left. Keras: Conv3DTranspose, without groups. PyTorch: ConvTranspose3d,
/// weight (channels, filters / groups, kd, kh, kw).
template <class T = float>
class Conv3DTranspose : public Conv3DBase<T> {
 public:
  /// `kernel_size`: in slices, rows and columns.
  Conv3DTranspose(Index filters, Triple kernel_size, Conv3DTransposeOptions options = {})
      : Conv3DBase<T>("Conv3DTranspose", options.name, filters, kernel_size, spec_of(options)),
        options_(std::move(options)) {}
  static Conv3DTranspose from_config(const Config& config) {
    return Conv3DTranspose(config.get<Index>("filters", 0), Conv3DTranspose::read_kernel_size(config),
                           read_options<Conv3DTransposeOptions>(config));
  }

  const Conv3DTransposeOptions& options() const { return options_; }

  std::string type() const override { return "Conv3DTranspose"; }
  Config config() const override { return with_options(this->extents_config(), options_); }

 private:
  static auto spec_of(const Conv3DTransposeOptions& options) {
    auto spec = Conv3DBase<T>::spec_of(options, true);
    spec.output_padding = options.output_padding;
    return spec;
  }

  Conv3DTransposeOptions options_;
};
KEEL_REFUSE_OTHERS(Conv3DTranspose)

KEEL_INSTANCE(class Conv3DTranspose<float>)

}  // namespace KEEL_ABI
}  // namespace keel
