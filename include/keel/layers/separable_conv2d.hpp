#pragma once
/// A depthwise convolution and a 1x1 convolution.

#include <keel/kernels/reduce.hpp>
#include <keel/layers/base/convolution.hpp>
#include <keel/layers/base/initializers.hpp>
#include <keel/layers/base/output_activation.hpp>

namespace keel {
inline namespace KEEL_ABI {

struct SeparableConv2DOptions {
  /// Rows and columns from one window to the next, in pixels; default 1.
  Pair strides = 1;
  /// What surrounds the image (options.hpp); default valid, nothing.
  Padding padding = Padding::valid;
  /// Distance of a window's cells, in pixels; default 1.
  Pair dilation_rate = 1;
  /// Depthwise filters for every input channel; default 1.
  Index depth_multiplier = 1;
  /// Applied to the output; default linear.
  ActivationSpec activation = Activation::linear;
  /// Whether a number is added to each channel; default true.
  bool use_bias = true;
  /// The depthwise kernel's first values; default glorot_uniform.
  InitializerSpec depthwise_initializer = Initializer::glorot_uniform;
  /// The 1x1 kernel's first values; default glorot_uniform.
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

/// A depthwise convolution without bias and a 1x1 convolution: y = activation(conv1x1(depthwise(x)) + bias).
///
/// Input (batch, h, w, channels), output (batch, h', w', filters) with the extents of `sweeps` (options.hpp).
/// Parameters: depthwise_kernel (kernel h, kernel w, channels, depth_multiplier), pointwise_kernel
/// (1, 1, channels depth_multiplier, filters), bias (filters). Throws ConfigError for numbers out of range, ShapeError
/// for an input of another rank or number of channels, or smaller than the window.
/// Keras: SeparableConv2D, which refuses strides and dilation together. PyTorch: two Conv2d, the first with groups.
template <class T = float>
class SeparableConv2D : public Layer<T> {
 public:
  SeparableConv2D(Index filters, Pair kernel_size, SeparableConv2DOptions options = {})
      : SeparableConv2D("SeparableConv2D", filters, kernel_size, std::move(options), 2) {}
  static SeparableConv2D from_config(const Config& config) {
    Pair kernel_size = 0;
    read_option(config, "kernel_size", kernel_size);
    return SeparableConv2D(config.get<Index>("filters", 0), kernel_size, read_options<SeparableConv2DOptions>(config));
  }

  const SeparableConv2DOptions& options() const { return options_; }
  Parameter<T>& depthwise_kernel() { return depthwise_; }
  Parameter<T>& pointwise_kernel() { return pointwise_; }
  Parameter<T>& bias() { return bias_; }

  std::string type() const override { return "SeparableConv2D"; }
  Config config() const override {
    Config config{{"filters", filters_}};
    write_option(config, "kernel_size", kernel_size_);
    return with_options(std::move(config), options_);
  }

  Shape output_shape(Shapes inputs) const override {
    const Conv2DGeometry g = depthwise(this->single_input(inputs, axes_ + 1));
    return detail::from_image(axes_, g.out_h, g.out_w, filters_);
  }
  void build(Shapes inputs, Rng& rng) override {
    const Index area = kernel_size_.height * kernel_size_.width, channels = inputs[0].back();
    const Index multiplier = options_.depth_multiplier, middle = channels * multiplier;
    const Pair size = kernel_size_;
    const Shape kernel =  // no product overflows
        axes_ == 1 ? Shape{size.width, channels, multiplier} : Shape{size.height, size.width, channels, multiplier};
    depthwise_ = {"depthwise_kernel", initial_values<T>(kernel, options_.depthwise_initializer,
                                                        {area * channels, area * multiplier, area}, rng)};
    const Fans fans(middle, filters_);
    pointwise_ = {"pointwise_kernel",
                  initial_values<T>(axes_ == 1 ? Shape{1, middle, filters_} : Shape{1, 1, middle, filters_},
                                    options_.pointwise_initializer, fans, rng)};
    if (options_.use_bias) bias_ = {"bias", initial_values<T>({filters_}, options_.bias_initializer, fans, rng)};
  }
  std::vector<Parameter<T>*> parameters() override {
    if (options_.use_bias) return {&depthwise_, &pointwise_, &bias_};
    return {&depthwise_, &pointwise_};
  }
  Index multiply_adds(Shapes inputs) const override {
    const Conv2DGeometry g = depthwise(inputs[0]);
    return g.out_h * g.out_w * (g.kernel_size() + g.out_c * filters_);
  }

  void forward(Inputs<T> x, TensorView<T> y, Pass<T>& pass) const override {
    const Conv2DGeometry first = depthwise(x[0].shape().sample(), x[0].shape()[0]), second = pointwise(first);
    Scratch::Frame frame(pass.kernel.scratch);
    const Shape middle{first.batch, first.out_h, first.out_w, first.out_c};
    // tensor 0 is for the values before the activation
    T* between =
        pass.cache ? pass.cache->tensor(1, middle).data() : pass.kernel.scratch.template take<T>(middle.size());
    conv2d_forward(first, x[0].data(), packed(first, depthwise_, pass), Epilogue<T>(), between, pass.kernel,
                   depthwise_.value().data());
    const T* kernel = packed(second, pointwise_, pass);
    activated_forward(output_activation(options_.activation, pass), y, pass, [&](T* out, const ActivationSpec& fused) {
      const Epilogue<T> epilogue{options_.use_bias ? bias_.value().data() : nullptr, nullptr, fused};
      conv2d_forward(second, between, kernel, epilogue, out, pass.kernel, pointwise_.value().data());
    });
  }
  void backward(Inputs<T> x, TensorView<const T> y, TensorView<const T> dy, Outputs<T> dx, Pass<T>& pass) override {
    const Conv2DGeometry first = depthwise(x[0].shape().sample(), x[0].shape()[0]), second = pointwise(first);
    Scratch::Frame frame(pass.kernel.scratch);
    const T* dz = activated_backward(output_activation(options_.activation, pass), y, dy, pass);
    const Tensor<T>& between = pass.cache->tensors[1];
    if (pointwise_.trains())
      conv2d_backward_kernel(second, between.data(), dz, pointwise_.gradient.data(), pass.asked.accumulate,
                             pass.kernel);
    if (bias_.trains() && options_.use_bias)
      column_sums(y.size() / filters_, filters_, dz, bias_.gradient.data(), pass.asked.accumulate, pass.kernel);
    if (!depthwise_.trains() && !dx[0].data()) return;
    T* d = pass.kernel.scratch.template take<T>(between.size());
    conv2d_backward_input(second, dz, pointwise_.value().data(), d, pass.kernel);
    if (depthwise_.trains())
      conv2d_backward_kernel(first, x[0].data(), d, depthwise_.gradient.data(), pass.asked.accumulate, pass.kernel);
    if (dx[0].data()) conv2d_backward_input(first, d, depthwise_.value().data(), dx[0].data(), pass.kernel);
  }

  Acceleration<T> acceleration() const override {
    return {.activation = options_.activation,
            .fuses = {.activation = options_.activation.kind == Activation::linear},
            .overwrites_gradients = true};
  }

 protected:
  SeparableConv2D(const std::string& type, Index filters, Pair kernel_size, SeparableConv2DOptions options, Index axes)
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
    check_option(who, "depth_multiplier", Pair(options_.depth_multiplier));
    check_option(who, options_.padding);
  }
  Index filters() const { return filters_; }

 private:
  static const T* packed(const Conv2DGeometry& g, const Parameter<T>& kernel, Pass<T>& pass) {
    T* memory = pass.kernel.scratch.template take<T>(conv2d_packed_size<T>(g));
    conv2d_pack(g, kernel.value().data(), memory);
    return memory;
  }
  Conv2DGeometry depthwise(const Shape& sample, Index batch = 1) const {
    const Shape in = detail::as_image(sample);
    if (in.back() < 1) throw ShapeError(this->who(), "channels", in.to_string());
    if (depthwise_.size() > 0 && in.back() != depthwise_.shape()[axes_])
      throw ShapeError(this->who(), std::to_string(depthwise_.shape()[axes_]) + " channels", sample.to_string());
    const auto [h, w] =
        sweeps(*this, in[0], in[1], kernel_size_, options_.strides, options_.dilation_rate, options_.padding);
    const Shape middle{h.out, w.out, in.back() * options_.depth_multiplier};
    return detail::convolution_geometry(batch, in, middle, h.before, w.before, kernel_size_, options_.strides,
                                        options_.dilation_rate, in.back());
  }
  Conv2DGeometry pointwise(const Conv2DGeometry& g) const {
    const Shape middle{g.out_h, g.out_w, g.out_c};
    return detail::convolution_geometry(g.batch, middle, with_last(middle, filters_), 0, 0, 1, 1, 1);
  }

  Index axes_, filters_;
  Pair kernel_size_;
  SeparableConv2DOptions options_;
  Parameter<T> depthwise_, pointwise_, bias_;
};
KEEL_REFUSE_OTHERS(SeparableConv2D)

KEEL_INSTANCE(class SeparableConv2D<float>)

}  // namespace KEEL_ABI
}  // namespace keel
