#pragma once
/// The same values for every sample.

#include <keel/layers/base/layer.hpp>
#include <keel/layers/base/options.hpp>

namespace keel {
inline namespace KEEL_ABI {

struct ConstantOptions {
  /// Whether the values are trained; default false.
  bool trainable = false;
  /// In the model; by default made from the class.
  std::string name = {};
};

/// The same values for every sample, whatever the input, of which only the number of samples counts. What a graph uses
/// that depends on no input: positions, a class token.
///
/// One input of any shape; output of the values' shape, which has no batch. Parameter: value, a buffer unless
/// `trainable`. Keras and PyTorch have no such layer.
///
///     Constant(Tensor<float>({2}, {1, 2}))
template <class T = float>
class Constant : public Layer<T> {
 public:
  explicit Constant(Tensor<T> value, ConstantOptions options = {})
      : Layer<T>(options.name),
        options_(std::move(options)),
        value_("value", std::move(value), options_.trainable ? ParameterKind::trainable : ParameterKind::buffer) {}
  static Constant from_config(const Config& config) {
    return Constant(Tensor<T>::unallocated(Shape(config.get<std::vector<Index>>("shape", {}))),
                    {config.get<bool>("trainable", false), read_name(config)});
  }

  Parameter<T>& value() { return value_; }

  std::string type() const override { return "Constant"; }
  Config config() const override {
    return {{"shape", std::vector<Index>(value_.shape().begin(), value_.shape().end())},
            {"trainable", options_.trainable}};
  }
  Shape output_shape(Shapes inputs) const override {
    this->single_input(inputs);
    return value_.shape();
  }
  /// Values that nobody gave are zeros, until a file has them.
  void build(Shapes, Rng& rng) override {
    if (!value_.value().data() && !rng.is_none()) value_.set(Tensor<T>(value_.shape()));
  }
  std::vector<Parameter<T>*> parameters() override { return {&value_}; }

  void forward(Inputs<T>, TensorView<T> y, Pass<T>&) const override {
    for (Index at = 0; at < y.size(); at += value_.size())
      std::copy(value_.value().begin(), value_.value().end(), y.data() + at);
  }
  void backward(Inputs<T>, TensorView<const T>, TensorView<const T> dy, Outputs<T> dx, Pass<T>&) override {
    if (dx[0].data()) std::fill(dx[0].begin(), dx[0].end(), T(0));
    if (!value_.trains()) return;
    for (Index at = 0; at < dy.size(); ++at) value_.gradient[at % value_.size()] += dy[at];
  }

 private:
  ConstantOptions options_;
  Parameter<T> value_;
};
KEEL_REFUSE_OTHERS(Constant)

KEEL_INSTANCE(class Constant<float>)

}  // namespace KEEL_ABI
}  // namespace keel
