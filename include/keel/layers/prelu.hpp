#pragma once

#include <keel/layers/base/initializers.hpp>
#include <keel/layers/base/layer.hpp>

namespace keel {
inline namespace KEEL_ABI {

struct PReLUOptions {
  InitializerSpec alpha_initializer = Initializer::zeros;
  /// Axes along which alpha is shared, counted with the batch as in Keras: {1, 2} has one slope a channel of an
  /// image.
  std::vector<Index> shared_axes = {};
  std::string name = {};

  template <class F>
  void fields(F&& f) {
    f("alpha_initializer", alpha_initializer);
    f("shared_axes", shared_axes);
  }
};

/// y = x if x > 0, else alpha x, with alpha learned: one value per value of a sample, 1 along shared axes.
/// He et al. 2015. Keras: PReLU. PyTorch: PReLU; it shares all axes but (at most) the channels' and begins at
/// 0.25.
template <class T = float>
class PReLU : public Layer<T> {
 public:
  explicit PReLU(PReLUOptions options = {}) : Layer<T>(options.name), options_(std::move(options)) {}
  static PReLU from_config(const Config& config) { return PReLU(read_options<PReLUOptions>(config)); }

  Parameter<T>& alpha() { return alpha_; }

  std::string type() const override { return "PReLU"; }
  Config config() const override { return with_options({}, options_); }

  Shape output_shape(Shapes inputs) const override {
    const Shape& in = this->single_input(inputs);
    if (alpha_.size() > 0 && !(alpha_shape(in) == alpha_.shape()))
      throw ShapeError(this->who(), "an input that fits alpha " + alpha_.shape().to_string(), in.to_string());
    return in;
  }
  void build(Shapes inputs, Rng& rng) override {
    const Shape shape = alpha_shape(inputs[0]);
    alpha_ = {"alpha", initial_values<T>(shape, options_.alpha_initializer, {shape.size(), shape.size()}, rng)};
  }
  std::vector<Parameter<T>*> parameters() override { return {&alpha_}; }

  void forward(Inputs<T> x, TensorView<T> y, Pass<T>&) const override {
    for (Index i = 0; i < y.size(); ++i) {
      const T v = x[0][i];
      y[i] = v <= 0 ? alpha_.value()[place(i, y.shape())] * v : v;
    }
  }
  void backward(Inputs<T> x, TensorView<const T>, TensorView<const T> dy, Outputs<T> dx, Pass<T>&) override {
    const bool trains = alpha_.trains();
    for (Index i = 0; i < dy.size(); ++i) {
      const Index at = place(i, dy.shape());
      const T v = x[0][i];
      if (dx[0].data()) dx[0][i] = v <= 0 ? alpha_.value()[at] * dy[i] : dy[i];
      if (trains && v <= 0) alpha_.gradient[at] += v * dy[i];
    }
  }

 private:
  Shape alpha_shape(const Shape& in) const {
    std::vector<Index> dims(in.begin(), in.end());
    for (const Index axis : options_.shared_axes) {
      if (axis < 1 || axis > in.rank())
        throw ConfigError(this->who(), "shared axes in 1 .. " + std::to_string(in.rank()), std::to_string(axis));
      dims[static_cast<std::size_t>(axis - 1)] = 1;
    }
    return Shape(dims);
  }
  /// Index into alpha of the i-th value of a batch of that shape.
  Index place(Index i, const Shape& batch) const {
    const Shape& alpha = alpha_.shape();
    Index at = 0, stride = 1;
    for (Index axis = alpha.rank() - 1; axis >= 0; --axis) {
      if (alpha[axis] > 1) at += i % batch[axis + 1] * stride;
      i /= batch[axis + 1];
      stride *= alpha[axis];
    }
    return at;
  }

  PReLUOptions options_;
  Parameter<T> alpha_;
};

KEEL_INSTANCE(class PReLU<float>)

}  // namespace KEEL_ABI
}  // namespace keel
