#pragma once

#include <keel/kernels/conv2d.hpp>
#include <keel/kernels/reduce.hpp>
#include <keel/layers/initializers.hpp>
#include <keel/layers/output_activation.hpp>

namespace keel::inline KEEL_ABI {

struct Conv2DOptions {
  Pair strides = 1;
  Padding padding = Padding::valid;
  Pair dilation_rate = 1;
  Index groups = 1;
  ActivationSpec activation = Activation::linear;
  bool use_bias = true;
  InitializerSpec kernel_initializer = Initializer::glorot_uniform;
  InitializerSpec bias_initializer = Initializer::zeros;
  std::string name = {};

  template <class F>
  void fields(F&& f) {
    f("strides", strides), f("padding", padding), f("dilation_rate", dilation_rate), f("groups", groups);
    f("activation", activation), f("use_bias", use_bias);
    f("kernel_initializer", kernel_initializer), f("bias_initializer", bias_initializer);
  }
};

/// 2-D convolution: y = activation(conv(x, kernel) + bias), without flipping the kernel, as in every framework.
///
/// Input (batch, h, w, channels), output (batch, h', w', filters) with the extents of `sweeps` (options.hpp).
/// Parameters: kernel (kernel h, kernel w, channels / groups, filters), bias (filters).
/// Keras: Conv2D, which refuses strides and dilation together; keel, like PyTorch's Conv2d, does not.
///
///     Conv2D(32, 3, {.strides = 2, .padding = Padding::same, .activation = Activation::relu})
template <class T = float>
class Conv2D : public Layer<T> {
 public:
  Conv2D(Index filters, Pair kernel_size, Conv2DOptions options = {})
      : Layer<T>(options.name), filters_(filters), kernel_size_(kernel_size), options_(std::move(options)) {
    check_option(this->who(), "filters", filters_);
    check_option(this->who(), "kernel_size", kernel_size_);
    check_option(this->who(), "strides", options_.strides);
    check_option(this->who(), "dilation_rate", options_.dilation_rate);
    check_option(this->who(), "groups", options_.groups);
    check_option(this->who(), options_.padding);
    if (filters_ % options_.groups != 0)
      throw ConfigError(this->who(), "filters divisible by groups, " + std::to_string(options_.groups),
                        std::to_string(filters_));
  }
  static Conv2D from_config(const Config& config) {
    Pair kernel_size = 0;
    read_option(config, "kernel_size", kernel_size);
    return Conv2D(config.get<Index>("filters", 0), kernel_size, read_options<Conv2DOptions>(config));
  }

  Index filters() const { return filters_; }
  Pair kernel_size() const { return kernel_size_; }
  const Conv2DOptions& options() const { return options_; }
  Parameter<T>& kernel() { return kernel_; }
  Parameter<T>& bias() { return bias_; }

  std::string type() const override { return "Conv2D"; }
  Config config() const override {
    Config config{{"filters", filters_}};
    write_option(config, "kernel_size", kernel_size_);
    return with_options(std::move(config), options_);
  }

  Shape output_shape(Shapes inputs) const override {
    const Conv2DGeometry g = geometry(this->single_input(inputs, 3));
    return {g.out_h, g.out_w, g.out_c};
  }
  void build(Shapes inputs, Rng& rng) override {
    const Index area = kernel_size_.height * kernel_size_.width, in = inputs[0].back() / options_.groups;
    const Fans fans(area * in, area * filters_);
    kernel_ = {"kernel", initial_values<T>({kernel_size_.height, kernel_size_.width, in, filters_},
                                           options_.kernel_initializer, fans, rng)};
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
    Scratch::Frame frame(pass.kernel.scratch);
    T* packed = pass.kernel.scratch.template take<T>(conv2d_packed_size<T>(g));
    conv2d_pack(g, kernel_.value().data(), packed);
    activated_forward(output_activation(options_.activation, pass), y, pass, [&](T* out, const ActivationSpec& fused) {
      const Epilogue<T> epilogue{options_.use_bias ? bias_.value().data() : nullptr, nullptr, fused};
      conv2d_forward(g, x[0].data(), packed, epilogue, out, pass.kernel);
    });
  }
  void backward(Inputs<T> x, TensorView<const T> y, TensorView<const T> dy, Outputs<T> dx, Pass<T>& pass) override {
    const Conv2DGeometry g = geometry(x[0].shape().sample(), x[0].shape()[0]);
    Scratch::Frame frame(pass.kernel.scratch);
    const T* dz = activated_backward(output_activation(options_.activation, pass), y, dy, pass);
    if (kernel_.trains())
      conv2d_backward_kernel(g, x[0].data(), dz, kernel_.gradient.data(), pass.accumulate, pass.kernel);
    if (bias_.trains() && options_.use_bias)
      column_sums(y.size() / filters_, filters_, dz, bias_.gradient.data(), pass.accumulate, pass.kernel);
    if (dx[0].data()) conv2d_backward_input(g, dz, kernel_.value().data(), dx[0].data(), pass.kernel);
  }

  ActivationSpec activation() const override { return options_.activation; }
  bool fuses_activation() const override { return options_.activation.kind == Activation::linear; }
  bool overwrites_gradients() const override { return true; }
  std::unique_ptr<InferenceOp<T>> inference_op(Shapes inputs) const override {
    return std::make_unique<Op>(geometry(inputs[0]), kernel_.value(), bias_.value(), options_.activation);
  }

 private:
  class Op final : public KernelOp<T> {
   public:
    Op(const Conv2DGeometry& g, const Tensor<T>& kernel, const Tensor<T>& bias, const ActivationSpec& activation)
        : KernelOp<T>(kernel, bias, g.out_c, activation), geometry_(g) {
      pack();
    }
    void run(Inputs<T> x, TensorView<T> y, const KernelContext& context) const override {
      Conv2DGeometry g = geometry_;
      g.batch = y.shape()[0];
      conv2d_forward(g, x[0].data(), packed_.data(), this->epilogue(x), y.data(), context);
    }

   private:
    void pack() override {
      packed_.resize(static_cast<std::size_t>(conv2d_packed_size<T>(geometry_)));
      conv2d_pack(geometry_, this->kernel_.data(), packed_.data());
    }

    Conv2DGeometry geometry_;
    AlignedVector<T> packed_;
  };

  Conv2DGeometry geometry(const Shape& in, Index batch = 1) const {
    const Index channels = in.back();
    if (channels < 1 || channels % options_.groups != 0)
      throw ShapeError(this->who(), "channels divisible by groups, " + std::to_string(options_.groups), in.to_string());
    if (kernel_.size() > 0 && channels != kernel_.shape()[2] * options_.groups)
      throw ShapeError(this->who(), std::to_string(kernel_.shape()[2] * options_.groups) + " channels", in.to_string());
    const auto [h, w] = sweeps(this->who(), in[0], in[1], kernel_size_, options_.strides, options_.dilation_rate,
                               options_.padding);
    return {.batch = batch, .in_h = in[0], .in_w = in[1], .in_c = channels,
            .out_h = h.out, .out_w = w.out, .out_c = filters_,
            .kernel_h = kernel_size_.height, .kernel_w = kernel_size_.width,
            .stride_h = options_.strides.height, .stride_w = options_.strides.width,
            .dilation_h = options_.dilation_rate.height, .dilation_w = options_.dilation_rate.width,
            .pad_top = h.before, .pad_left = w.before, .groups = options_.groups};
  }

  Index filters_;
  Pair kernel_size_;
  Conv2DOptions options_;
  Parameter<T> kernel_, bias_;
};

}  // namespace keel::inline KEEL_ABI
