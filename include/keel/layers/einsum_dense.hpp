#pragma once
/// A product with a kernel along axes that an equation names.

#include <keel/kernels/dense.hpp>
#include <keel/layers/base/einsum.hpp>
#include <keel/layers/base/initializers.hpp>
#include <keel/layers/base/output_activation.hpp>

namespace keel {
inline namespace KEEL_ABI {

struct EinsumDenseOptions {
  /// Axes of the output that the bias has, as letters of the equation; default none, no bias.
  std::string bias_axes = {};
  /// Applied to the output; default linear.
  ActivationSpec activation = Activation::linear;
  /// The kernel's first values; default glorot_uniform.
  InitializerSpec kernel_initializer = Initializer::glorot_uniform;
  /// The bias's first values; default zeros.
  InitializerSpec bias_initializer = Initializer::zeros;
  /// In the model; by default made from the class.
  std::string name = {};

  template <class F>
  void fields(F&& f) {
    f("bias_axes", bias_axes);
    f("activation", activation);
    f("kernel_initializer", kernel_initializer);
    f("bias_initializer", bias_initializer);
  }
};

/// y = activation(einsum(equation, x, kernel) + bias): the sum over the letters that the output does not have of the
/// products of input and kernel. "abc,cd->abd" is Dense along the last axis, "abc,cde->abde" makes heads of it,
/// "...x,xy->...y" takes any number of axes.
///
/// Input and output as the equation says, its first letter being the batch; a letter of the input stands in the kernel
/// or the output, one of the kernel in the input or the output. `output_shape` has the extents of the output without
/// the batch, and without what "..." stands for; 0 for those that are the input's. Parameters: kernel, with the
/// equation's axes, and with `bias_axes` bias: the output's axes from the first of them on, those not among them 1.
/// Throws ConfigError for another equation, ShapeError for an input that does not fit it.
///
/// Keras: EinsumDense. PyTorch: torch.einsum.
///
///     EinsumDense("abc,cde->abde", {0, 4, 16}, {.bias_axes = "de"})
template <class T = float>
class EinsumDense : public Layer<T> {
 public:
  /// `output_shape` and `equation` are explained above.
  [[gnu::cold]] EinsumDense(std::string equation, std::vector<Index> output_shape, EinsumDenseOptions options = {})
      : Layer<T>(options.name),
        equation_(detail::who(this->name(), "EinsumDense"), std::move(equation)),
        output_shape_(std::move(output_shape)),
        options_(std::move(options)) {
    const std::string who = detail::who(this->name(), "EinsumDense");
    for (const char letter : options_.bias_axes)
      if (!equation_.output.has(letter))
        equation_.refuse(who, "the letters of bias_axes, \"" + options_.bias_axes + "\", in the output");
    if (count_of(output_shape_) != equation_.output.count - (equation_.dots_first() ? 0 : 1))
      throw ConfigError(who, "output_shape with an extent for each axis of " + equation_.text + " but the batch",
                        Axes(output_shape_).to_string());
    for (const Index extent : output_shape_) check_option(who, "output_shape", extent, 0);
  }
  static EinsumDense from_config(const Config& config) {
    return EinsumDense(config.get<std::string>("equation", ""), config.get<std::vector<Index>>("output_shape", {}),
                       read_options<EinsumDenseOptions>(config));
  }

  const std::string& equation() const { return equation_.text; }  ///< as it was given
  const EinsumDenseOptions& options() const { return options_; }

  std::string type() const override { return "EinsumDense"; }
  Config config() const override {
    return with_options({{"equation", equation_.text}, {"output_shape", output_shape_}}, options_);
  }
  Shape output_shape(Shapes inputs) const override {
    const detail::EinsumSides sides = sides_of(this->single_input(inputs).with_batch(1));
    if (kernel_.size() > 0 && !(kernel_.shape() == sides.shape(sides.kernel)))
      throw ShapeError(this->who(), "an input that fits the kernel " + kernel_.shape().to_string(),
                       inputs[0].to_string());
    return sides.shape(sides.output).sample();
  }
  void build(Shapes inputs, Rng& rng) override {
    const detail::EinsumSides sides = sides_of(inputs[0].with_batch(1));
    const Shape kernel = sides.shape(sides.kernel);
    // Keras's: of more than two axes the first ones are the area
    const Index last = kernel.back(), before = kernel.rank() > 1 ? kernel[-2] : last;
    const Index area = kernel.rank() > 1 ? kernel.size() / (last * before) : 1;
    const Fans fans(area * before, area * last);
    kernel_ = {"kernel", initial_values<T>(kernel, options_.kernel_initializer, fans, rng)};
    if (has_bias()) bias_ = {"bias", initial_values<T>(bias_shape(sides), options_.bias_initializer, fans, rng)};
  }
  std::vector<Parameter<T>*> parameters() override {
    if (has_bias()) return {&kernel_, &bias_};
    return {&kernel_};
  }
  Index multiply_adds(Shapes inputs) const override {
    const detail::EinsumProduct p(sides_of(inputs[0].with_batch(1)));
    return p.shared * p.rows * p.inner * p.columns;
  }

  void forward(Inputs<T> x, TensorView<T> y, Pass<T>& pass) const override {
    const detail::EinsumSides sides = sides_of(x[0].shape());
    const detail::EinsumProduct p(sides);
    activated_forward(output_activation(options_.activation, pass), y, pass, [&](T* out, const ActivationSpec& fused) {
      Scratch::Frame frame(pass.kernel.scratch);
      const T* const rows = turned(sides.input, p.input, x[0].data(), sides, pass);
      const T* const kernel = turned(sides.kernel, p.kernel, kernel_.value().data(), sides, pass);
      T* const product = pass.kernel.scratch.template take<T>(y.size());
      for (Index s = 0; s < p.shared; ++s)
        dense_forward(p.rows, p.inner, p.columns, rows + s * p.rows * p.inner, kernel + s * p.inner * p.columns,
                      Epilogue<T>{}, product + s * p.rows * p.columns, pass.kernel);
      detail::reorder_axes(p.output, sides.output, sides, product, out);
      for (Index i = 0; has_bias() && i < y.size(); ++i) out[i] += bias_.value()[bias_place(sides, i)];
      if (fused.kind != Activation::linear) activation_forward(fused, 1, y.size(), out, out, pass.kernel);
    });
  }
  void backward(Inputs<T> x, TensorView<const T> y, TensorView<const T> dy, Outputs<T> dx, Pass<T>& pass) override {
    Scratch& scratch = pass.kernel.scratch;
    Scratch::Frame frame(scratch);
    const detail::EinsumSides sides = sides_of(x[0].shape());
    const detail::EinsumProduct p(sides);
    const T* const dz = activated_backward(output_activation(options_.activation, pass), y, dy, pass);
    for (Index i = 0; has_bias() && bias_.trains() && i < y.size(); ++i) bias_.gradient[bias_place(sides, i)] += dz[i];
    const T* const d_product = turned(sides.output, p.output, dz, sides, pass);
    const Index x_size = p.rows * p.inner, kernel_size = p.inner * p.columns, y_size = p.rows * p.columns;
    if (kernel_.trains()) {
      const T* const rows = turned(sides.input, p.input, x[0].data(), sides, pass);
      T *const product = scratch.template take<T>(kernel_.size()), *const ordered =
                                                                       scratch.template take<T>(kernel_.size());
      for (Index s = 0; s < p.shared; ++s)
        dense_backward_kernel(p.rows, p.inner, p.columns, rows + s * x_size, d_product + s * y_size,
                              product + s * kernel_size, false, pass.kernel);
      detail::reorder_axes(p.kernel, sides.kernel, sides, product, ordered);
      for (Index i = 0; i < kernel_.size(); ++i) kernel_.gradient[i] += ordered[i];
    }
    if (!dx[0].data()) return;
    const T* const kernel = turned(sides.kernel, p.kernel, kernel_.value().data(), sides, pass);
    T* const d_rows = scratch.template take<T>(x[0].size());
    for (Index s = 0; s < p.shared; ++s)
      dense_backward_input(p.rows, p.inner, p.columns, d_product + s * y_size, kernel + s * kernel_size,
                           d_rows + s * x_size, pass.kernel);
    detail::reorder_axes(p.input, sides.input, sides, d_rows, dx[0].data());
  }

  Acceleration<T> acceleration() const override {
    return {.activation = options_.activation, .fuses = {.activation = options_.activation.kind == Activation::linear}};
  }

 private:
  bool has_bias() const { return !options_.bias_axes.empty(); }
  detail::EinsumSides sides_of(const Shape& x) const { return {*this, equation_, output_shape_, x}; }
  /// Values with their axes in the order `to`: those of `from`, or in scratch memory.
  [[gnu::cold]] static const T* turned(const detail::AxisLetters& from, const detail::AxisLetters& to, const T* values,
                                       const detail::EinsumSides& sides, Pass<T>& pass) {
    if (from == to) return values;
    T* const ordered = pass.kernel.scratch.template take<T>(sides.product(from));
    detail::reorder_axes(from, to, sides, values, ordered);
    return ordered;
  }
  /// The output's axes from the bias's first one on; those that it does not have are 1.
  [[gnu::cold]] Shape bias_shape(const detail::EinsumSides& sides) const {
    std::vector<Index> dims;
    for (const char letter : sides.output) {
      const bool of_bias = options_.bias_axes.find(letter) != std::string::npos;
      if (of_bias || !dims.empty()) dims.push_back(of_bias ? sides.extent(letter) : 1);
    }
    return Shape(dims);
  }
  /// Which value of the bias is added to the i-th of the outputs.
  Index bias_place(const detail::EinsumSides& sides, Index i) const {
    const Shape& bias = bias_.shape();
    Index at = 0, stride = 1;
    for (Index axis = 1; axis <= bias.rank(); ++axis) {
      const Index extent = sides.extent(nth(sides.output.letters, sides.output.count - axis));
      if (bias[-axis] > 1) at += i % extent * stride;
      stride *= bias[-axis];
      i /= extent;
    }
    return at;
  }

  detail::EinsumEquation equation_;
  std::vector<Index> output_shape_;
  EinsumDenseOptions options_;
  Parameter<T> kernel_, bias_;
};
KEEL_REFUSE_OTHERS(EinsumDense)

KEEL_INSTANCE(class EinsumDense<float>)

}  // namespace KEEL_ABI
}  // namespace keel
