#pragma once
/// The way back of a convolution, with the sizes and cuts of Keras and of PyTorch.

#include <keel/kernels/reduce.hpp>
#include <keel/layers/base/convolution.hpp>
#include <keel/layers/base/initializers.hpp>
#include <keel/layers/base/output_activation.hpp>
#include <keel/layers/base/transposed.hpp>

namespace keel {
inline namespace KEEL_ABI {

struct Conv2DTransposeOptions {
  /// Rows and columns between the windows of neighbouring values; default 1.
  Pair strides = 1;
  /// What is cut off the full output: `valid` nothing (default), `same`, or so many rows and columns, PyTorch's
  /// padding.
  Padding padding = Padding::valid;
  /// Rows and columns that the output has more than it must, at the bottom and the right; below the stride (with
  /// padding in numbers also below the dilation). Default -1, none, which Keras's `same` and `valid` tell apart from 0.
  Pair output_padding = -1;
  /// Distance of a window's cells; default 1.
  Pair dilation_rate = 1;
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
    std::optional<Pair> given;
    if (!(output_padding == Pair(-1))) given = output_padding;
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

/// Transposed 2-D convolution: y = activation(z + bias), z being the gradient that a Conv2D from y's to x's shape
/// would pass to its input for dy = x.
///
/// Input (batch, h, w, channels), output (batch, h', w', filters) with, along each axis,
///
///     window = (kernel - 1) dilation + 1
///     same:    out = in stride                                    cut = max(window - stride, 0)
///     valid:   out = (in - 1) stride + max(window, stride)        cut = 0
///     same, output_padding:  out = (in - 1) stride + window % 2 + output_padding
///     valid, output_padding: out = (in - 1) stride + window + output_padding
///     numbers: out = (in - 1) stride - padding + window + output_padding       (PyTorch)
///
/// `same` cuts so many rows off the full output that `out` are left, the smaller half of them at the top and on the
/// left; what lies beyond it is 0. With output_padding an odd number is refused, since Keras's backends differ there.
///
/// Parameters: kernel (kernel h, kernel w, filters / groups, channels), bias (filters). Throws ConfigError for numbers
/// out of range and filters that groups do not divide, ShapeError for an input of another rank or number of channels,
/// and where no output would be left.
///
/// Keras: Conv2DTranspose, as TensorFlow computes it, without groups. PyTorch: ConvTranspose2d, weight (channels,
/// filters / groups, kh, kw).
template <class T = float>
class Conv2DTranspose : public Layer<T> {
 public:
  Conv2DTranspose(Index filters, Pair kernel_size, Conv2DTransposeOptions options = {})
      : Conv2DTranspose("Conv2DTranspose", filters, kernel_size, std::move(options), 2) {}
  static Conv2DTranspose from_config(const Config& config) {
    Pair kernel_size = 0;
    read_option(config, "kernel_size", kernel_size);
    return Conv2DTranspose(config.get<Index>("filters", 0), kernel_size, read_options<Conv2DTransposeOptions>(config));
  }

  Index filters() const { return filters_; }
  Pair kernel_size() const { return kernel_size_; }
  const Conv2DTransposeOptions& options() const { return options_; }
  Parameter<T>& kernel() { return kernel_; }
  Parameter<T>& bias() { return bias_; }

  std::string type() const override { return "Conv2DTranspose"; }
  Config config() const override {
    Config config{{"filters", filters_}};
    write_option(config, "kernel_size", kernel_size_);
    return with_options(std::move(config), options_);
  }

  Shape output_shape(Shapes inputs) const override {
    const Conv2DGeometry g = geometry(this->single_input(inputs, axes_ + 1));
    return detail::from_image(axes_, g.in_h, g.in_w, g.in_c);
  }
  void build(Shapes inputs, Rng& rng) override {
    const Index area = kernel_size_.height * kernel_size_.width, channels = inputs[0].back();
    const Index part = filters_ / options_.groups;
    const Pair size = kernel_size_;
    const Shape kernel =  // no product overflows
        axes_ == 1 ? Shape{size.width, part, channels} : Shape{size.height, size.width, part, channels};
    const Fans fans(area * part, area * channels);
    kernel_ = {"kernel", initial_values<T>(kernel, options_.kernel_initializer, fans, rng)};
    if (options_.use_bias) bias_ = {"bias", initial_values<T>({filters_}, options_.bias_initializer, fans, rng)};
  }
  std::vector<Parameter<T>*> parameters() override {
    if (options_.use_bias) return {&kernel_, &bias_};
    return {&kernel_};
  }
  Index multiply_adds(Shapes inputs) const override {
    const Conv2DGeometry g = geometry(inputs[0]);
    return g.out_h * g.out_w * g.kernel_size();
  }

  void forward(Inputs<T> x, TensorView<T> y, Pass<T>& pass) const override {
    const Conv2DGeometry g = geometry(x[0].shape().sample(), x[0].shape()[0]);
    const auto& spec = output_activation(options_.activation, pass);
    activated_forward(spec, y, pass, [&](T* out, const ActivationSpec& fused) {
      conv2d_backward_input(g, x[0].data(), kernel_.value().data(), out, pass.kernel);
      const TensorView<T> z(y.shape(), out);
      if (options_.use_bias) z.matrix().rowwise() += bias_.value().array().matrix().transpose();
      if (fused.kind != Activation::linear) activation_forward(fused, 1, y.size(), out, out, pass.kernel);
    });
  }
  void backward(Inputs<T> x, TensorView<const T> y, TensorView<const T> dy, Outputs<T> dx, Pass<T>& pass) override {
    const Conv2DGeometry g = geometry(x[0].shape().sample(), x[0].shape()[0]);
    Scratch::Frame frame(pass.kernel.scratch);
    const T* dz = activated_backward(output_activation(options_.activation, pass), y, dy, pass);
    if (kernel_.trains())
      conv2d_backward_kernel(g, dz, x[0].data(), kernel_.gradient.data(), pass.asked.accumulate, pass.kernel);
    if (bias_.trains() && options_.use_bias)
      column_sums(y.size() / filters_, filters_, dz, bias_.gradient.data(), pass.asked.accumulate, pass.kernel);
    if (!dx[0].data()) return;
    T* packed = pass.kernel.scratch.template take<T>(conv2d_packed_size<T>(g));
    conv2d_pack(g, kernel_.value().data(), packed);
    conv2d_forward(g, dz, packed, Epilogue<T>(), dx[0].data(), pass.kernel, kernel_.value().data());
  }

  Acceleration<T> acceleration() const override {
    return {.activation = options_.activation,
            .fuses = {.activation = options_.activation.kind == Activation::linear},
            .overwrites_gradients = true};
  }

 protected:
  Conv2DTranspose(const std::string& type, Index filters, Pair kernel_size, Conv2DTransposeOptions options, Index axes)
      : Layer<T>(options.name),
        axes_(axes),
        filters_(filters),
        kernel_size_(kernel_size),
        options_(std::move(options)) {
    const std::string who = detail::who(this->name(), type);
    check_option(who, "filters", filters_);
    check_option(who, "kernel_size", kernel_size_);
    check_option(who, "strides", options_.strides);
    check_option(who, "dilation_rate", options_.dilation_rate);
    check_option(who, options_.padding);
    check_option(who, "groups", options_.groups);
    if (filters_ % options_.groups != 0)
      throw ConfigError(who, "filters divisible by groups, " + std::to_string(options_.groups),
                        std::to_string(filters_));
    const Pair extra = options_.output_padding;
    if (extra == Pair(-1)) return;
    check_option(who, "output_padding", extra, 0);
    const Padding::Mode mode = options_.padding.mode;
    if (axes == 2)
      detail::check_transposed_extra(who, mode, extra.height, kernel_size_.height, options_.strides.height,
                                     options_.dilation_rate.height);
    detail::check_transposed_extra(who, mode, extra.width, kernel_size_.width, options_.strides.width,
                                   options_.dilation_rate.width);
  }

 private:
  /// Of the convolution that goes the other way, from y's shape to x's.
  Conv2DGeometry geometry(const Shape& sample, Index batch = 1) const {
    const Shape in = detail::as_image(sample);
    if (in[0] < 1 || in[1] < 1 || in[2] < 1)
      throw ShapeError(this->who(), "at least one pixel and channel", sample.to_string());
    if (kernel_.size() > 0 && in[2] != kernel_.shape().back())
      throw ShapeError(this->who(), std::to_string(kernel_.shape().back()) + " channels", sample.to_string());
    if (in[2] % options_.groups != 0)
      throw ShapeError(this->who(), "channels divisible by groups, " + std::to_string(options_.groups),
                       sample.to_string());
    const auto& o = options_;
    const auto h =
        detail::transposed_extent(*this, o.padding.mode, in[0], kernel_size_.height, o.strides.height,
                                  o.dilation_rate.height, o.padding.top, o.padding.bottom, o.output_padding.height);
    const auto w =
        detail::transposed_extent(*this, o.padding.mode, in[1], kernel_size_.width, o.strides.width,
                                  o.dilation_rate.width, o.padding.left, o.padding.right, o.output_padding.width);
    return detail::convolution_geometry(batch, {h.out, w.out, filters_}, in, h.before, w.before, kernel_size_,
                                        o.strides, o.dilation_rate, o.groups);
  }

  Index axes_, filters_;
  Pair kernel_size_;
  Conv2DTransposeOptions options_;
  Parameter<T> kernel_, bias_;
};
KEEL_REFUSE_OTHERS(Conv2DTranspose)

KEEL_INSTANCE(class Conv2DTranspose<float>)

}  // namespace KEEL_ABI
}  // namespace keel
