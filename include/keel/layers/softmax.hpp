#pragma once
/// Softmax along any axis.

#include <keel/layers/activation_layer.hpp>
#include <keel/layers/base/axis.hpp>

namespace keel {
inline namespace KEEL_ABI {

struct SoftmaxOptions {
  /// The axis, or neighbouring axes taken together, along which the values of y sum to 1. Counted with the batch, -1 is
  /// the last and the default. {1, 2} makes each channel of an image a distribution over its pixels.
  Axes axis = -1;
  /// In the model; by default made from the class.
  std::string name = {};

  template <class F>
  void fields(F&& f) {
    f("axis", axis);
  }
};

/// y = exp(x - m) / sum of exp(x - m), with m the largest x, along `axis`.
///
/// Any shape; output as input. Along the last axis a model computes it inside the layer before, where that can.
/// Throws ShapeError for an axis that the input does not have, and for several that are no neighbours.
///
/// Keras: Softmax. PyTorch: Softmax(dim), where dim 1 of an image is the channels, keel's last axis.
template <class T = float>
class Softmax : public ActivationLayer<T> {
 public:
  explicit Softmax(SoftmaxOptions options = {})
      : ActivationLayer<T>(Activation::softmax, {options.name}), options_(std::move(options)) {}
  static Softmax from_config(const Config& config) { return Softmax(read_options<SoftmaxOptions>(config)); }

  const SoftmaxOptions& options() const { return options_; }

  std::string type() const override { return "Softmax"; }
  Config config() const override { return with_options({}, options_); }

  Shape output_shape(Shapes inputs) const override {
    const Shape& in = this->single_input(inputs);
    axis_block(*this, options_.axis, in);
    return in;
  }

  void forward(Inputs<T> x, TensorView<T> y, Pass<T>& pass) const override {
    const AxisBlock block = axis_block(*this, options_.axis, y.shape().sample(), y.shape()[0]);
    const Index rows = block.outer * block.inner;
    if (block.last()) return softmax_forward(rows, block.extent, x[0].data(), y.data(), pass.kernel);
    Scratch::Frame frame(pass.kernel.scratch);
    T* const moved = pass.kernel.scratch.template take<T>(y.size());
    axis_to_end(block, x[0].data(), moved);
    softmax_forward(rows, block.extent, moved, moved, pass.kernel);
    axis_from_end(block, moved, y.data());
  }
  /// dx = y (dy - sum of y dy).
  void backward(Inputs<T>, TensorView<const T> y, TensorView<const T> dy, Outputs<T> dx, Pass<T>& pass) override {
    if (!dx[0].data()) return;
    const AxisBlock block = axis_block(*this, options_.axis, y.shape().sample(), y.shape()[0]);
    const Index rows = block.outer * block.inner;
    if (block.last()) return softmax_backward(rows, block.extent, y.data(), dy.data(), dx[0].data(), pass.kernel);
    Scratch::Frame frame(pass.kernel.scratch);
    T* const moved_y = pass.kernel.scratch.template take<T>(y.size());
    T* const moved_dy = pass.kernel.scratch.template take<T>(y.size());
    axis_to_end(block, y.data(), moved_y);
    axis_to_end(block, dy.data(), moved_dy);
    softmax_backward(rows, block.extent, moved_y, moved_dy, moved_dy, pass.kernel);
    axis_from_end(block, moved_dy, dx[0].data());
  }

  /// Other layers take in the softmax of the last axis only.
  Acceleration<T> acceleration() const override {
    if (options_.axis != Axes(-1)) return {};
    return {.role = LayerRole::activation, .activation = Activation::softmax};
  }

 private:
  SoftmaxOptions options_;
};
KEEL_REFUSE_OTHERS(Softmax)

KEEL_INSTANCE(class Softmax<float>)

}  // namespace KEEL_ABI
}  // namespace keel
