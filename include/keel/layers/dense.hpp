#pragma once
/// A fully connected layer.

#include <keel/kernels/dense.hpp>
#include <keel/kernels/reduce.hpp>
#include <keel/layers/base/initializers.hpp>
#include <keel/layers/base/output_activation.hpp>

namespace keel {
inline namespace KEEL_ABI {

struct DenseOptions {
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
    f("activation", activation);
    f("use_bias", use_bias);
    f("kernel_initializer", kernel_initializer);
    f("bias_initializer", bias_initializer);
  }
};

/// Fully connected layer on the last axis: y = activation(x kernel + bias).
///
/// Input (batch, ..., in), output (batch, ..., units). Parameters: kernel (in, units), bias (units). Throws
/// ConfigError for less than one unit, ShapeError for an input without an axis or with another last extent.
///
/// Keras: Dense. PyTorch: Linear, whose weight is the transposed kernel (units, in).
///
///     Dense(100, {.activation = Activation::relu})
template <class T = float>
class Dense : public Layer<T>, public InferenceForm<T> {
 public:
  explicit Dense(Index units, DenseOptions options = {})
      : Layer<T>(options.name), units_(units), options_(std::move(options)) {
    check_option(this->who(), "units", units_);
  }
  static Dense from_config(const Config& config) {
    return Dense(config.get<Index>("units", 0), read_options<DenseOptions>(config));
  }

  Index units() const { return units_; }
  const DenseOptions& options() const { return options_; }
  Parameter<T>& kernel() { return kernel_; }
  Parameter<T>& bias() { return bias_; }

  std::string type() const override { return "Dense"; }
  Config config() const override { return with_options({{"units", units_}}, options_); }

  Shape output_shape(Shapes inputs) const override {
    const Shape& in = this->single_input(inputs);
    if (in.rank() < 1) throw ShapeError(this->who(), "an input with features", "a scalar per sample");
    if (in.back() < 1) throw ShapeError(this->who(), "at least one feature", in.to_string());
    if (kernel_.size() > 0 && in.back() != kernel_.shape()[0])
      throw ShapeError(this->who(), std::to_string(kernel_.shape()[0]) + " features", in.to_string());
    return with_last(in, units_);
  }
  void build(Shapes inputs, Rng& rng) override {
    const Index in = inputs[0].back();
    const Fans fans(in, units_);
    kernel_ = {"kernel", initial_values<T>({in, units_}, options_.kernel_initializer, fans, rng)};
    if (options_.use_bias) bias_ = {"bias", initial_values<T>({units_}, options_.bias_initializer, fans, rng)};
    kernel_.rule = {.regularizer = options_.kernel_regularizer, .constraint = options_.kernel_constraint};
    bias_.rule = {.regularizer = options_.bias_regularizer, .constraint = options_.bias_constraint};
  }
  std::vector<Parameter<T>*> parameters() override {
    if (options_.use_bias) return {&kernel_, &bias_};
    return {&kernel_};
  }
  Index multiply_adds(Shapes inputs) const override { return inputs[0].size() * units_; }

  void forward(Inputs<T> x, TensorView<T> y, Pass<T>& pass) const override {
    const Index in = kernel_.shape()[0];
    activated_forward(output_activation(options_.activation, pass), y, pass, [&](T* out, const ActivationSpec& fused) {
      const Epilogue<T> epilogue{options_.use_bias ? bias_.value().data() : nullptr, nullptr, fused};
      dense_forward(y.size() / units_, in, units_, x[0].data(), kernel_.value().data(), epilogue, out, pass.kernel);
    });
  }
  void backward(Inputs<T> x, TensorView<const T> y, TensorView<const T> dy, Outputs<T> dx, Pass<T>& pass) override {
    const Index in = kernel_.shape()[0], rows = y.size() / units_;
    Scratch::Frame frame(pass.kernel.scratch);
    const T* dz = activated_backward(output_activation(options_.activation, pass), y, dy, pass);
    if (kernel_.trains())
      dense_backward_kernel(rows, in, units_, x[0].data(), dz, kernel_.gradient.data(), pass.asked.accumulate,
                            pass.kernel);
    if (bias_.trains() && options_.use_bias)
      column_sums(rows, units_, dz, bias_.gradient.data(), pass.asked.accumulate, pass.kernel);
    if (dx[0].data()) dense_backward_input(rows, in, units_, dz, kernel_.value().data(), dx[0].data(), pass.kernel);
  }

  Acceleration<T> acceleration() const override {
    return {.activation = options_.activation,
            .fuses = {.activation = options_.activation.kind == Activation::linear},
            .overwrites_gradients = true,
            .inference = this};
  }
  std::unique_ptr<InferenceOp<T>> inference_op(Shapes) const override {
    return std::make_unique<Op>(kernel_.value(), bias_.value(), units_, options_.activation);
  }

 private:
  class Op final : public KernelOp<T> {
   public:
    using KernelOp<T>::KernelOp;
    void run(Inputs<T> x, TensorView<T> y, const KernelContext& context) const override {
      const Index units = y.shape().back(), rows = y.size() / units;
      dense_forward(rows, x[0].size() / rows, units, x[0].data(), this->kernel_.data(), this->epilogue(x), y.data(),
                    context);
    }
  };

  Index units_;
  DenseOptions options_;
  Parameter<T> kernel_, bias_;
};
KEEL_REFUSE_OTHERS(Dense)

KEEL_INSTANCE(class Dense<float>)

}  // namespace KEEL_ABI
}  // namespace keel
