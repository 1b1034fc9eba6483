#pragma once
/// The product of its inputs.

#include <keel/layers/base/broadcast.hpp>
#include <keel/layers/base/merge.hpp>

namespace keel {
inline namespace KEEL_ABI {

/// y = x0 x1 ..., element by element; an input may have extents of 1, which then count for the whole axis (the
/// channel weights (1, 1, c) of a squeeze-and-excitation block).
///
/// Inputs of one rank; the output has the largest extent of each axis. Throws ShapeError for fewer than two inputs and
/// for extents that differ and are not 1. Keras: Multiply, which also takes inputs of different ranks. PyTorch: `*`.
template <class T = float>
class Multiply : public Merge<T> {
 public:
  explicit Multiply(MergeOptions options = {}) : Merge<T>(std::move(options.name)) {}
  static Multiply from_config(const Config& config) { return Multiply({read_name(config)}); }

  std::string type() const override { return "Multiply"; }
  Shape output_shape(Shapes inputs) const override {
    this->check_count(inputs);
    std::vector<Index> dims(inputs[0].begin(), inputs[0].end());
    for (const Shape& in : inputs) {
      bool fits = in.rank() == inputs[0].rank();
      for (Index axis = 0; fits && axis < in.rank(); ++axis) {
        Index& dim = dims[static_cast<std::size_t>(axis)];
        fits = in[axis] == dim || in[axis] == 1 || dim == 1;
        if (dim == 1) dim = in[axis];
      }
      if (!fits) this->refuse("inputs of one shape, or with extents of 1", inputs[0], in);
    }
    return Shape(dims);
  }

  void forward(Inputs<T> x, TensorView<T> y, Pass<T>&) const override {
    y.array() = T(1);
    for (const auto& each : x) times(y, each);
  }
  /// dL/dx_i = sum over the places that x_i counts for of dy times the product of the others.
  void backward(Inputs<T> x, TensorView<const T> y, TensorView<const T> dy, Outputs<T> dx, Pass<T>& pass) override {
    Scratch::Frame frame(pass.kernel.scratch);
    const TensorView<T> others(y.shape(), pass.kernel.scratch.template take<T>(y.size()));
    for (std::size_t i = 0; i < x.size(); ++i) {
      if (!dx[i].data()) continue;
      others.array() = dy.array();
      for (std::size_t k = 0; k < x.size(); ++k)
        if (k != i) times(others, x[k]);
      if (x[i].shape() == y.shape()) {
        dx[i].array() = others.array();
        continue;
      }
      dx[i].array() = T(0);
      for_each_row(y.shape(), x[i].shape(), [&](const BroadcastRow& row) {
        T* const sum = dx[i].data() + row.from;
        if (row.one)  // one after the other: the order of Eigen's sum depends on where the row lies in memory
          for (Index j = 0; j < row.columns; ++j) *sum += others[row.to + j];
        else
          stretch(sum, row.columns) += stretch(others.data() + row.to, row.columns);
      });
    }
  }

 private:
  /// y *= x, with extents of 1 counting for the whole axis.
  static void times(const TensorView<T>& y, const TensorView<const T>& x) {
    if (x.shape() == y.shape()) {
      y.array() *= x.array();
      return;
    }
    for_each_row(y.shape(), x.shape(), [&](const BroadcastRow& row) {
      Stretch<T> to = stretch(y.data() + row.to, row.columns);
      if (row.one)
        to *= x[row.from];
      else
        to *= stretch(x.data() + row.from, row.columns);
    });
  }
};
KEEL_REFUSE_OTHERS(Multiply)

KEEL_INSTANCE(class Multiply<float>)

}  // namespace KEEL_ABI
}  // namespace keel
