#pragma once
/// The difference of two inputs.

#include <keel/layers/base/merge.hpp>

namespace keel {
inline namespace KEEL_ABI {

/// y = x0 - x1, element by element.
///
/// Two inputs of one shape, which is the output's. Throws ShapeError for another number of inputs and for different
/// shapes. Keras: Subtract, which also broadcasts. PyTorch: `-`.
template <class T = float>
class Subtract : public Merge<T> {
 public:
  explicit Subtract(MergeOptions options = {}) : Merge<T>(std::move(options.name)) {}
  static Subtract from_config(const Config& config) { return Subtract({read_name(config)}); }

  std::string type() const override { return "Subtract"; }
  Shape output_shape(Shapes inputs) const override {
    this->check_count(inputs);
    if (inputs.size() > 2) throw ShapeError(this->who(), "two inputs", std::to_string(inputs.size()));
    if (!(inputs[0] == inputs[1])) this->refuse("inputs of one shape", inputs[0], inputs[1]);
    return inputs[0];
  }

  void forward(Inputs<T> x, TensorView<T> y, Pass<T>&) const override { y.array() = x[0].array() - x[1].array(); }
  void backward(Inputs<T>, TensorView<const T>, TensorView<const T> dy, Outputs<T> dx, Pass<T>&) override {
    if (dx[0].data()) dx[0].array() = dy.array();
    if (dx[1].data()) dx[1].array() = -dy.array();
  }
};
KEEL_REFUSE_OTHERS(Subtract)

KEEL_INSTANCE(class Subtract<float>)

}  // namespace KEEL_ABI
}  // namespace keel
