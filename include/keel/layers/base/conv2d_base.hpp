#pragma once
/// What Conv2D, DepthwiseConv2D and their 1-D forms share.

#include <keel/kernels/reduce.hpp>
#include <keel/layers/base/convolution.hpp>
#include <keel/layers/base/initializers.hpp>
#include <keel/layers/base/output_activation.hpp>

namespace keel {
inline namespace KEEL_ABI {

/// Base of Conv2D and DepthwiseConv2D: y = activation(conv(x, kernel) + bias).
///
/// Input (batch, h, w, channels), output (batch, h', w', filters) with the extents of `sweeps` (options.hpp). Conv1D
/// and DepthwiseConv1D are these on images of one row, without the axis of rows in their shapes. Options has strides,
/// padding, dilation_rate, activation, use_bias and bias_initializer. A derived class makes the kernel and says how
/// many filters and groups there are for a number of channels.
template <class T, class Options>
class Conv2DBase : public Layer<T>, public InferenceForm<T> {
 public:
  Pair kernel_size() const { return kernel_size_; }
  const Options& options() const { return options_; }
  Parameter<T>& kernel() { return kernel_; }
  Parameter<T>& bias() { return bias_; }

  Shape output_shape(Shapes inputs) const override {
    const Conv2DGeometry g = geometry(this->single_input(inputs, axes_ + 1));
    return detail::from_image(axes_, g.out_h, g.out_w, g.out_c);
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
    activated_forward(output_activation(options_.activation, pass), y, pass, [&](T* out, const ActivationSpec& fused) {
      const Epilogue<T> epilogue{options_.use_bias ? bias_.value().data() : nullptr, nullptr, fused};
      conv2d_forward<T>(g, x[0].data(), nullptr, epilogue, out, pass.kernel, kernel_.value().data());
    });
  }
  void backward(Inputs<T> x, TensorView<const T> y, TensorView<const T> dy, Outputs<T> dx, Pass<T>& pass) override {
    const Conv2DGeometry g = geometry(x[0].shape().sample(), x[0].shape()[0]);
    Scratch::Frame frame(pass.kernel.scratch);
    const T* dz = activated_backward(output_activation(options_.activation, pass), y, dy, pass);
    if (kernel_.trains())
      conv2d_backward_kernel(g, x[0].data(), dz, kernel_.gradient.data(), pass.asked.accumulate, pass.kernel);
    if (bias_.trains() && options_.use_bias)
      column_sums(y.size() / g.out_c, g.out_c, dz, bias_.gradient.data(), pass.asked.accumulate, pass.kernel);
    if (dx[0].data()) conv2d_backward_input(g, dz, kernel_.value().data(), dx[0].data(), pass.kernel);
  }

  Acceleration<T> acceleration() const override {
    return {.activation = options_.activation,
            .fuses = {.activation = options_.activation.kind == Activation::linear},
            .overwrites_gradients = true,
            .inference = this};
  }
  std::unique_ptr<InferenceOp<T>> inference_op(Shapes inputs) const override {
    return std::make_unique<Op>(geometry(inputs[0]), kernel_.value(), bias_.value(), options_.activation);
  }

 protected:
  /// `axes`: beside batch and channels, 2 or 1.
  Conv2DBase(const std::string& type, Pair kernel_size, Options options, Index axes)
      : Layer<T>(options.name), axes_(axes), kernel_size_(kernel_size), options_(std::move(options)) {
    const std::string who = detail::who(this->name(), type);
    check_option(who, "kernel_size", kernel_size_);
    check_option(who, "strides", options_.strides);
    check_option(who, "dilation_rate", options_.dilation_rate);
    check_option(who, options_.padding);
  }
  /// The kernel's extents in a saved configuration.
  static Pair read_kernel_size(const Config& config) {
    Pair kernel_size = 0;
    read_option(config, "kernel_size", kernel_size);
    return kernel_size;
  }

  /// Throws before a product overflows.
  Shape kernel_shape(Index channels, Index filters) const {
    if (axes_ == 1) return {kernel_size_.width, channels, filters};
    return {kernel_size_.height, kernel_size_.width, channels, filters};
  }
  virtual Index filters_for(Index channels) const = 0;  ///< How many channels the output has, for so many of the input.
  virtual Index groups_for(Index channels) const = 0;   ///< How many groups the channels are convolved in.
  /// Draws the kernel and, with a bias, that.
  void make_parameters(const Shape& kernel, const InitializerSpec& initializer, const Fans& fans, Index filters,
                       Rng& rng) {
    kernel_ = {"kernel", initial_values<T>(kernel, initializer, fans, rng)};
    if (options_.use_bias) bias_ = {"bias", initial_values<T>({filters}, options_.bias_initializer, fans, rng)};
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
      conv2d_forward(g, x[0].data(), packed_.data(), this->epilogue(x), y.data(), context, this->kernel_.data());
    }

   private:
    void pack() override {
      packed_.resize(to_size(conv2d_packed_size<T>(geometry_)));
      conv2d_pack(geometry_, this->kernel_.data(), packed_.data());
    }

    Conv2DGeometry geometry_;
    AlignedVector<T> packed_;
  };

  Conv2DGeometry geometry(const Shape& sample, Index batch = 1) const {
    const Shape in = detail::as_image(sample);
    const Index channels = in.back(), groups = groups_for(channels);
    if (channels < 1 || channels % groups != 0)
      throw ShapeError(this->who(), groups > 1 ? "channels divisible by groups, " + std::to_string(groups) : "channels",
                       sample.to_string());
    const Index filters = filters_for(channels);
    if (kernel_.size() > 0 && kernel_size_.height * kernel_size_.width * channels / groups * filters != kernel_.size())
      throw ShapeError(this->who(), "channels that fit the kernel " + kernel_.shape().to_string(), sample.to_string());
    const auto [h, w] =
        sweeps(*this, in[0], in[1], kernel_size_, options_.strides, options_.dilation_rate, options_.padding);
    return detail::convolution_geometry(batch, in, {h.out, w.out, filters}, h.before, w.before, kernel_size_,
                                        options_.strides, options_.dilation_rate, groups);
  }

  Index axes_;
  Pair kernel_size_;
  Options options_;
  Parameter<T> kernel_, bias_;
};

}  // namespace KEEL_ABI
}  // namespace keel
