#pragma once
/// A rectifier whose slope is learned.

#include <keel/layers/base/broadcast.hpp>
#include <keel/layers/base/initializers.hpp>
#include <keel/layers/base/layer.hpp>

namespace keel {
inline namespace KEEL_ABI {

struct PReLUOptions {
  /// The slopes to begin with; default zeros. PyTorch begins at 0.25.
  InitializerSpec alpha_initializer = Initializer::zeros;
  /// Axes along which alpha is shared, counted with the batch as in Keras, from 1 on: {1, 2} has one slope a channel of
  /// an image, {1, 2, 3} one for all. None by default.
  std::vector<Index> shared_axes = {};
  /// In the model; by default made from the class.
  std::string name = {};

  template <class F>
  void fields(F&& f) {
    f("alpha_initializer", alpha_initializer);
    f("shared_axes", shared_axes);
  }
};

/// y = x if x > 0, else alpha x, with alpha learned: one value for each value of a sample, 1 along shared axes.
///
/// Any shape; output as input. Parameter: alpha (the sample's shape, 1 along shared axes). Throws ConfigError for a
/// shared axis that the input does not have, ShapeError for an input that does not fit alpha. The slope at 0 is alpha.
///
/// He et al. 2015. Keras: PReLU. PyTorch: PReLU; it shares all axes but (at most) the channels' and begins at 0.25.
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
    for_each_row(y.shape(), alpha_.shape().with_batch(1), [&](const BroadcastRow& row) {
      const Stretch<const T> v = stretch(x[0].data() + row.to, row.columns);
      Stretch<T> to = stretch(y.data() + row.to, row.columns);
      const T* const alpha = alpha_.value().data() + row.from;
      if (row.one)
        to = (v <= 0).select(*alpha * v, v);
      else
        to = (v <= 0).select(stretch(alpha, row.columns) * v, v);
    });
  }
  /// dx = dy where x > 0, else alpha dy; dalpha = the sum of x dy where x <= 0.
  void backward(Inputs<T> x, TensorView<const T>, TensorView<const T> dy, Outputs<T> dx, Pass<T>&) override {
    const bool trains = alpha_.trains();
    for_each_row(dy.shape(), alpha_.shape().with_batch(1), [&](const BroadcastRow& row) {
      const Stretch<const T> v = stretch(x[0].data() + row.to, row.columns);
      const Stretch<const T> d = stretch(dy.data() + row.to, row.columns);
      const T* const alpha = alpha_.value().data() + row.from;
      if (dx[0].data()) {
        Stretch<T> to = stretch(dx[0].data() + row.to, row.columns);
        if (row.one)
          to = (v <= 0).select(*alpha * d, d);
        else
          to = (v <= 0).select(stretch(alpha, row.columns) * d, d);
      }
      if (!trains) return;
      T* const sum = alpha_.gradient.data() + row.from;
      if (row.one)  // one after the other: the order of Eigen's sum depends on where the row lies in memory
        for (Index j = 0; j < row.columns; ++j) *sum += v[j] <= 0 ? v[j] * d[j] : T(0);
      else
        stretch(sum, row.columns) += (v <= 0).select(v * d, T(0));
    });
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
  PReLUOptions options_;
  Parameter<T> alpha_;
};
KEEL_REFUSE_OTHERS(PReLU)

KEEL_INSTANCE(class PReLU<float>)

}  // namespace KEEL_ABI
}  // namespace keel
