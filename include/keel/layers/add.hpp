#pragma once
/// The sum of its inputs.

#include <keel/kernels/elementwise.hpp>
#include <keel/layers/base/merge.hpp>
#include <keel/layers/base/output_activation.hpp>

namespace keel {
inline namespace KEEL_ABI {

/// y = x0 + x1 + ..., the end of a residual block.
///
/// Inputs of one shape, which is the output's. Throws ShapeError for fewer than two inputs and for different shapes.
/// Keras: Add, which also broadcasts. PyTorch: `+`. The sum is a kernel, not an Eigen expression: it runs on all
/// threads and applies the activation behind it in the same pass.
template <class T = float>
class Add : public Merge<T> {
 public:
  explicit Add(MergeOptions options = {}) : Merge<T>(std::move(options.name)) {}
  static Add from_config(const Config& config) { return Add({read_name(config)}); }

  std::string type() const override { return "Add"; }
  Shape output_shape(Shapes inputs) const override {
    this->check_count(inputs);
    for (const Shape& in : inputs)
      if (!(in == inputs[0])) this->refuse("inputs of one shape", inputs[0], in);
    return inputs[0];
  }

  void forward(Inputs<T> x, TensorView<T> y, Pass<T>& pass) const override {
    activated_forward(pass.asked.activation, y, pass, [&](T* out, const ActivationSpec& fused) {
      const std::size_t last = x.size() - 1;
      const T* sum = x[0].data();
      for (std::size_t i = 1; i <= last; ++i, sum = out)
        add(y.size(), sum, x[i].data(), i == last ? fused : ActivationSpec(), out, pass.kernel);
    });
  }
  void backward(Inputs<T>, TensorView<const T> y, TensorView<const T> dy, Outputs<T> dx, Pass<T>& pass) override {
    const T* dz = nullptr;
    for (const TensorView<T>& d : dx) {
      if (!d.data()) continue;
      if (!dz) dz = activated_backward(pass.asked.activation, y, dy, pass, d.data());
      if (dz != d.data()) std::copy(dz, dz + dy.size(), d.data());  // d may be dy's memory, and that of the last d
      dz = d.data();
    }
  }

  Acceleration<T> acceleration() const override { return {.role = LayerRole::add, .fuses = {.activation = true}}; }
};
KEEL_REFUSE_OTHERS(Add)

KEEL_INSTANCE(class Add<float>)

}  // namespace KEEL_ABI
}  // namespace keel
