#pragma once
/// A gated linear unit.

#include <cmath>

#include <keel/layers/base/axis.hpp>
#include <keel/layers/base/layer.hpp>

namespace keel {
inline namespace KEEL_ABI {

struct GLUOptions {
  /// The axis that is halved, counted as in Keras: 1 is the first of a sample, -1 the last; default -1.
  Index axis = -1;
  /// In the model; by default made from the class.
  std::string name = {};

  template <class F>
  void fields(F&& f) {
    f("axis", axis);
  }
};

/// A gated linear unit (Dauphin et al. 2017): y = a sigmoid(b), a being the first half of x along an axis and b the
/// second.
///
/// Input (batch, ...), output the same with that axis halved. Throws ShapeError for an axis that there is not, or whose
/// extent is odd. Keras: the activation glu, a function. PyTorch: GLU.
template <class T = float>
class GLU : public Layer<T> {
 public:
  explicit GLU(GLUOptions options = {}) : Layer<T>(options.name), options_(std::move(options)) {}
  static GLU from_config(const Config& config) { return GLU(read_options<GLUOptions>(config)); }

  const GLUOptions& options() const { return options_; }

  std::string type() const override { return "GLU"; }
  Config config() const override { return with_options({}, options_); }
  Shape output_shape(Shapes inputs) const override {
    const Shape& in = this->single_input(inputs);
    const AxisBlock block = axis_block(*this, options_.axis, in);
    if (block.extent % 2 != 0)
      throw ShapeError(this->who(), "an even extent along axis " + std::to_string(options_.axis), in.to_string());
    std::vector<Index> dims(in.begin(), in.end());
    nth(dims, sample_axis(options_.axis, in.rank())) /= 2;
    return Shape(dims);
  }

  void forward(Inputs<T> x, TensorView<T> y, Pass<T>&) const override {
    for_each(x[0].shape(), [&](Index a, Index b, Index to) { y[to] = x[0][a] * sigmoid(x[0][b]); });
  }
  void backward(Inputs<T> x, TensorView<const T>, TensorView<const T> dy, Outputs<T> dx, Pass<T>&) override {
    if (!dx[0].data()) return;
    for_each(x[0].shape(), [&](Index a, Index b, Index from) {
      const T gate = sigmoid(x[0][b]);
      dx[0][a] = dy[from] * gate;
      dx[0][b] = dy[from] * x[0][a] * gate * (1 - gate);
    });
  }

 private:
  static T sigmoid(T x) { return 1 / (1 + std::exp(-x)); }
  /// body(place of a, of b, of the output) for every value of the output.
  template <class F>
  void for_each(const Shape& x, F&& body) const {
    const AxisBlock block = axis_block(*this, options_.axis, x.sample(), x[0]);
    const Index half = block.extent / 2 * block.inner;
    for (Index o = 0; o < block.outer; ++o)
      for (Index i = 0; i < half; ++i) body(2 * o * half + i, (2 * o + 1) * half + i, o * half + i);
  }

  GLUOptions options_;
};
KEEL_REFUSE_OTHERS(GLU)

KEEL_INSTANCE(class GLU<float>)

}  // namespace KEEL_ABI
}  // namespace keel
