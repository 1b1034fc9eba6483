#pragma once
/// 3-D convolution.

#include <keel/layers/base/conv3d_base.hpp>

namespace keel {
inline namespace KEEL_ABI {

struct Conv3DOptions {
  /// Slices, rows and columns from one window to the next; default 1.
  Triple strides = 1;
  /// What surrounds the volume (base/volume.hpp); default valid, nothing.
  Padding3D padding = Padding::Mode::valid;
  /// Distance of a window's cells; default 1.
  Triple dilation_rate = 1;
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

/// 3-D convolution: y = activation(conv(x, kernel) + bias).
///
/// Input (batch, d, h, w, channels), output (batch, d', h', w', filters) with the extents of `sweeps`
/// (base/volume.hpp). Parameters: kernel (kernel d, h, w, channels / groups, filters), bias (filters). Throws
/// ConfigError for numbers out of range and filters that groups do not divide, ShapeError for an input of another rank
/// or number of channels, or smaller than the window. Keras: Conv3D, which refuses strides and dilation together.
/// PyTorch: Conv3d.
template <class T = float>
class Conv3D : public Conv3DBase<T> {
 public:
  /// `kernel_size`: in slices, rows and columns.
  Conv3D(Index filters, Triple kernel_size, Conv3DOptions options = {})
      : Conv3DBase<T>("Conv3D", options.name, filters, kernel_size, Conv3D::spec_of(options, false)),
        options_(std::move(options)) {}
  static Conv3D from_config(const Config& config) {
    return Conv3D(config.get<Index>("filters", 0), Conv3D::read_kernel_size(config),
                  read_options<Conv3DOptions>(config));
  }

  const Conv3DOptions& options() const { return options_; }

  std::string type() const override { return "Conv3D"; }
  Config config() const override { return with_options(this->extents_config(), options_); }

 private:
  Conv3DOptions options_;
};
KEEL_REFUSE_OTHERS(Conv3D)

KEEL_INSTANCE(class Conv3D<float>)

}  // namespace KEEL_ABI
}  // namespace keel
