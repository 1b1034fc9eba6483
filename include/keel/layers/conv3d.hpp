#pragma once
/// 3-D convolution.

#include <keel/layers/base/initializers.hpp>
#include <keel/layers/base/output_activation.hpp>
#include <keel/layers/base/volume_convolution.hpp>

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
class Conv3D : public Layer<T> {
 public:
  /// `kernel_size`: in slices, rows and columns.
  [[gnu::cold]] Conv3D(Index filters, Triple kernel_size, Conv3DOptions options = {})
      : Layer<T>(options.name), filters_(filters), kernel_size_(kernel_size), options_(std::move(options)) {
    const std::string who = detail::who(this->name(), "Conv3D");
    check_option(who, "filters", filters_);
    check_option(who, "kernel_size", kernel_size_);
    check_option(who, "strides", options_.strides);
    check_option(who, "dilation_rate", options_.dilation_rate);
    check_option(who, options_.padding);
    check_option(who, "groups", options_.groups);
    if (filters_ % options_.groups != 0)
      throw ConfigError(who, "filters divisible by groups, " + std::to_string(options_.groups),
                        std::to_string(filters_));
  }
  static Conv3D from_config(const Config& config) {
    Triple kernel_size = 0;
    read_option(config, "kernel_size", kernel_size);
    return Conv3D(config.get<Index>("filters", 0), kernel_size, read_options<Conv3DOptions>(config));
  }

  Index filters() const { return filters_; }
  /// In slices, rows and columns.
  Triple kernel_size() const { return kernel_size_; }
  const Conv3DOptions& options() const { return options_; }
  Parameter<T>& kernel() { return kernel_; }
  Parameter<T>& bias() { return bias_; }

  std::string type() const override { return "Conv3D"; }
  Config config() const override {
    Config config{{"filters", filters_}};
    write_option(config, "kernel_size", kernel_size_);
    return with_options(std::move(config), options_);
  }
  Shape output_shape(Shapes inputs) const override {
    const Shape& in = this->single_input(inputs, 4);
    const Index channels = in.back(), groups = options_.groups;
    if (channels < 1 || channels % groups != 0)
      throw ShapeError(this->who(), groups > 1 ? "channels divisible by groups, " + std::to_string(groups) : "channels",
                       in.to_string());
    if (kernel_.size() > 0 && kernel_.shape()[3] != channels / groups)
      throw ShapeError(this->who(), "channels that fit the kernel " + kernel_.shape().to_string(), in.to_string());
    const auto [d, h, w] = sweeps(in);
    return {d.out, h.out, w.out, filters_};
  }
  void build(Shapes inputs, Rng& rng) override {
    const Index in = inputs[0].back() / options_.groups;
    const Shape kernel{kernel_size_.depth, kernel_size_.height, kernel_size_.width, in, filters_};
    const Index area = kernel_size_.depth * kernel_size_.height * kernel_size_.width;
    const Fans fans(area * in, area * filters_);
    kernel_ = {"kernel", initial_values<T>(kernel, options_.kernel_initializer, fans, rng)};
    if (options_.use_bias) bias_ = {"bias", initial_values<T>({filters_}, options_.bias_initializer, fans, rng)};
  }
  std::vector<Parameter<T>*> parameters() override {
    if (options_.use_bias) return {&kernel_, &bias_};
    return {&kernel_};
  }
  Index multiply_adds(Shapes inputs) const override {
    const Shape out = output_shape(inputs);
    return out[0] * out[1] * out[2] * kernel_size_.depth * kernel_size_.height * kernel_size_.width *
           (inputs[0].back() / options_.groups) * filters_;
  }

  void forward(Inputs<T> x, TensorView<T> y, Pass<T>& pass) const override {
    const VolumeConvolution<T> convolution = convolution_of(x[0].shape(), y.shape());
    activated_forward(output_activation(options_.activation, pass), y, pass, [&](T* out, const ActivationSpec& fused) {
      const Epilogue<T> epilogue{options_.use_bias ? bias_.value().data() : nullptr, nullptr, fused};
      convolution.forward(x[0].data(), kernel_.value().data(), epilogue, out, pass);
    });
  }
  void backward(Inputs<T> x, TensorView<const T> y, TensorView<const T> dy, Outputs<T> dx, Pass<T>& pass) override {
    const VolumeConvolution<T> convolution = convolution_of(x[0].shape(), y.shape());
    Scratch::Frame frame(pass.kernel.scratch);
    const T* const dz = activated_backward(output_activation(options_.activation, pass), y, dy, pass);
    if (kernel_.trains())
      convolution.backward_kernel(x[0].data(), dz, kernel_.gradient.data(), pass.asked.accumulate, pass);
    if (bias_.trains() && options_.use_bias)
      column_sums(y.size() / filters_, filters_, dz, bias_.gradient.data(), pass.asked.accumulate, pass.kernel);
    if (dx[0].data()) convolution.backward_input(dz, kernel_.value().data(), dx[0].data(), pass);
  }

  Acceleration<T> acceleration() const override {
    return {.activation = options_.activation,
            .fuses = {.activation = options_.activation.kind == Activation::linear},
            .overwrites_gradients = true};
  }

 private:
  std::array<Sweep, 3> sweeps(const Shape& in) const {
    return keel::sweeps(*this, in, kernel_size_, options_.strides, options_.dilation_rate, options_.padding);
  }

  VolumeConvolution<T> convolution_of(const Shape& x, const Shape& y) const {
    return {x[0],
            x.sample(),
            y.sample(),
            sweeps(x.sample()),
            kernel_size_,
            options_.strides,
            options_.dilation_rate,
            options_.groups};
  }

  Index filters_;
  Triple kernel_size_;
  Conv3DOptions options_;
  Parameter<T> kernel_, bias_;
};
KEEL_REFUSE_OTHERS(Conv3D)

KEEL_INSTANCE(class Conv3D<float>)

}  // namespace KEEL_ABI
}  // namespace keel
