#pragma once
/// A row of values as every step of a sequence.

#include <keel/layers/base/layer.hpp>
#include <keel/layers/base/options.hpp>

namespace keel {
inline namespace KEEL_ABI {

struct RepeatVectorOptions {
  /// In the model; by default made from the class.
  std::string name = {};
};

/// The same row `n` times: (batch, features) to (batch, n, features). dL/dx is the sum of the steps' dy.
///
/// Throws ConfigError for n below 1, ShapeError for an input of another rank. Keras: RepeatVector. PyTorch: none in
/// torch.nn; `torch_code` has a class of its own.
template <class T = float>
class RepeatVector : public Layer<T> {
 public:
  explicit RepeatVector(Index n, RepeatVectorOptions options = {}) : Layer<T>(std::move(options.name)), n_(n) {
    check_option(this->who(), "n", n_);
  }
  static RepeatVector from_config(const Config& config) {
    return RepeatVector(config.get<Index>("n", 0), {read_name(config)});
  }

  std::string type() const override { return "RepeatVector"; }
  Config config() const override { return {{"n", n_}}; }
  Shape output_shape(Shapes inputs) const override { return {n_, this->single_input(inputs, 1)[0]}; }

  void forward(Inputs<T> x, TensorView<T> y, Pass<T>&) const override {
    const Index count = x[0].shape()[1];
    for (Index row = 0; row < x[0].shape()[0] * n_; ++row)
      std::copy_n(x[0].data() + row / n_ * count, count, y.data() + row * count);
  }
  void backward(Inputs<T> x, TensorView<const T>, TensorView<const T> dy, Outputs<T> dx, Pass<T>&) override {
    if (!dx[0].data()) return;
    const Index count = x[0].shape()[1];
    dx[0].array().setZero();
    for (Index row = 0; row < x[0].shape()[0] * n_; ++row)
      for (Index i = 0; i < count; ++i) dx[0][row / n_ * count + i] += dy[row * count + i];
  }

 private:
  Index n_;
};
KEEL_REFUSE_OTHERS(RepeatVector)

KEEL_INSTANCE(class RepeatVector<float>)

}  // namespace KEEL_ABI
}  // namespace keel
