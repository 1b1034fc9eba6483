#pragma once
/// An activation as a layer of its own.

#include <keel/kernels/activation.hpp>
#include <keel/layers/base/layer.hpp>
#include <keel/layers/base/options.hpp>

namespace keel {
inline namespace KEEL_ABI {

struct ActivationOptions {
  /// In the model; by default made from the class.
  std::string name = {};
};

/// y = activation(x) (kernels/activation.hpp has the formulas); softmax and log_softmax act on the last axis.
/// Any shape; output as input. Throws ShapeError for a softmax of a scalar a sample. A model computes it inside the
/// layer before, where that layer can. Keras: Activation.
///
///     ActivationLayer(Activation::relu)      ActivationLayer({Activation::leaky_relu, 0.01})
template <class T = float>
class ActivationLayer : public Layer<T> {
 public:
  explicit ActivationLayer(ActivationSpec activation, ActivationOptions options = {})
      : Layer<T>(std::move(options.name)), activation_(activation) {}
  static ActivationLayer from_config(const Config& config) {
    ActivationSpec activation;
    read_option(config, "activation", activation);
    return ActivationLayer(activation, {read_name(config)});
  }

  std::string type() const override { return "Activation"; }
  Config config() const override {
    Config config;
    write_option(config, "activation", activation_);
    return config;
  }

  Shape output_shape(Shapes inputs) const override {
    const Shape& in = this->single_input(inputs);
    if (in.rank() < 1 && !activation_is_elementwise(activation_.kind))
      throw ShapeError(this->who(), "an input with an axis for softmax", "a scalar per sample");
    return in;
  }

  void forward(Inputs<T> x, TensorView<T> y, Pass<T>& pass) const override {
    const auto [rows, columns] = extents(y.shape());
    activation_forward(activation_, rows, columns, x[0].data(), y.data(), pass.kernel);
  }
  void backward(Inputs<T> x, TensorView<const T> y, TensorView<const T> dy, Outputs<T> dx, Pass<T>& pass) override {
    if (!dx[0].data()) return;
    const auto [rows, columns] = extents(y.shape());
    activation_backward(activation_, rows, columns, x[0].data(), y.data(), dy.data(), dx[0].data(), pass.kernel);
  }

  Acceleration<T> acceleration() const override { return {.role = LayerRole::activation, .activation = activation_}; }

 private:
  static std::pair<Index, Index> extents(const Shape& shape) {
    const Index columns = shape.back();
    return {columns ? shape.size() / columns : 0, columns};
  }

  ActivationSpec activation_;
};
KEEL_REFUSE_OTHERS(ActivationLayer)

KEEL_INSTANCE(class ActivationLayer<float>)

}  // namespace KEEL_ABI
}  // namespace keel
