#pragma once

#include <keel/layers/base/merge.hpp>

namespace keel {
inline namespace KEEL_ABI {

/// y = x0 x1 ..., element by element; an input may have extents of 1, which then count for the whole axis (the
/// channel weights (1, 1, c) of a squeeze-and-excitation block). All inputs have one rank. Keras: Multiply.
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
    std::fill(y.begin(), y.end(), T(1));
    for (const auto& each : x)
      for_each_row(y.shape(), each.shape(), [&](Index row, Index from, Index step, Index columns) {
        for (Index j = 0; j < columns; ++j) y[row + j] *= each[from + j * step];
      });
  }
  /// dL/dx_i = sum over the places that x_i counts for of dy times the product of the others.
  void backward(Inputs<T> x, TensorView<const T> y, TensorView<const T> dy, Outputs<T> dx, Pass<T>& pass) override {
    Scratch::Frame frame(pass.kernel.scratch);
    const TensorView<T> others(y.shape(), pass.kernel.scratch.template take<T>(y.size()));
    for (std::size_t i = 0; i < x.size(); ++i) {
      if (!dx[i].data()) continue;
      std::copy(dy.begin(), dy.end(), others.begin());
      for (std::size_t k = 0; k < x.size(); ++k)
        if (k != i)
          for_each_row(y.shape(), x[k].shape(), [&](Index row, Index from, Index step, Index columns) {
            for (Index j = 0; j < columns; ++j) others[row + j] *= x[k][from + j * step];
          });
      std::fill(dx[i].begin(), dx[i].end(), T(0));
      for_each_row(y.shape(), x[i].shape(), [&](Index row, Index from, Index step, Index columns) {
        for (Index j = 0; j < columns; ++j) dx[i][from + j * step] += others[row + j];
      });
    }
  }

 private:
  /// body(offset in out, offset in in, step in in, columns) for every row of the last axis.
  template <class F>
  static void for_each_row(const Shape& out, const Shape& in, F&& body) {
    const Index columns = out.back();
    if (out.size() == 0) return;
    for (Index row = 0; row < out.size(); row += columns) {
      Index rest = row / columns, from = 0, stride = in.back();
      for (Index axis = out.rank() - 2; axis >= 0; rest /= out[axis], stride *= in[axis], --axis)
        if (in[axis] > 1) from += rest % out[axis] * stride;
      body(row, from, in.back() == 1 ? Index{0} : Index{1}, columns);
    }
  }
};

KEEL_INSTANCE(class Multiply<float>)

}  // namespace KEEL_ABI
}  // namespace keel
