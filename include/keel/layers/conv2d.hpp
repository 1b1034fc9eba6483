#pragma once
/// 2-D convolution.

#include <keel/layers/base/conv2d_base.hpp>

namespace keel {
inline namespace KEEL_ABI {

struct Conv2DOptions {
  /// Rows and columns from one window to the next, in pixels; default 1.
  Pair strides = 1;
  /// What surrounds the image (options.hpp); default valid, nothing.
  Padding padding = Padding::valid;
  /// Distance of a window's cells, in pixels; default 1.
  Pair dilation_rate = 1;
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
  Regularizer kernel_regularizer{}, bias_regularizer{};  ///< penalties in the loss; default none
  Constraint kernel_constraint{}, bias_constraint{};     ///< held to after each step; default none
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

/// 2-D convolution: y = activation(conv(x, kernel) + bias), without flipping the kernel, as in every framework.
///
/// Input (batch, h, w, channels), output (batch, h', w', filters) with the extents of `sweeps` (options.hpp).
/// Parameters: kernel (kernel h, kernel w, channels / groups, filters), bias (filters).
/// Throws ConfigError for numbers out of range and filters that groups do not divide, ShapeError for an input of
/// another rank or number of channels, or smaller than the window.
///
/// Keras: Conv2D, which refuses strides and dilation together; keel, like PyTorch's Conv2d, does not.
///
///     Conv2D(32, 3, {.strides = 2, .padding = Padding::same, .activation = Activation::relu})
template <class T = float>
class Conv2D : public Conv2DBase<T, Conv2DOptions> {
  using Base = Conv2DBase<T, Conv2DOptions>;

 public:
  Conv2D(Index filters, Pair kernel_size, Conv2DOptions options = {})
      : Conv2D("Conv2D", filters, kernel_size, std::move(options), 2) {}
  static Conv2D from_config(const Config& config) {
    return Conv2D(config.get<Index>("filters", 0), Base::read_kernel_size(config), read_options<Conv2DOptions>(config));
  }

  Index filters() const { return filters_; }

  std::string type() const override { return "Conv2D"; }
  Config config() const override {
    Config config{{"filters", filters_}};
    write_option(config, "kernel_size", this->kernel_size());
    return with_options(std::move(config), this->options());
  }
  void build(Shapes inputs, Rng& rng) override {
    const Pair size = this->kernel_size();
    const Index area = size.height * size.width, in = inputs[0].back() / this->options().groups;
    const Shape kernel = this->kernel_shape(in, filters_);
    this->make_parameters(kernel, this->options().kernel_initializer, {area * in, area * filters_}, filters_, rng);
    this->kernel().rule = {.regularizer = this->options().kernel_regularizer,
                           .constraint = this->options().kernel_constraint};
    this->bias().rule = {.regularizer = this->options().bias_regularizer,
                         .constraint = this->options().bias_constraint};
  }

 protected:
  Conv2D(const std::string& type, Index filters, Pair kernel_size, Conv2DOptions options, Index axes)
      : Base(type, kernel_size, std::move(options), axes), filters_(filters) {
    const std::string who = detail::who(this->name(), type);
    const Index groups = this->options().groups;
    check_option(who, "filters", filters_);
    check_option(who, "groups", groups);
    if (filters_ % groups != 0)
      throw ConfigError(who, "filters divisible by groups, " + std::to_string(groups), std::to_string(filters_));
  }

 private:
  Index filters_for(Index) const override { return filters_; }
  Index groups_for(Index) const override { return this->options().groups; }

  Index filters_;
};
KEEL_REFUSE_OTHERS(Conv2D)

KEEL_INSTANCE(class Conv2DBase<float, Conv2DOptions>)
KEEL_INSTANCE(class Conv2D<float>)

}  // namespace KEEL_ABI
}  // namespace keel
