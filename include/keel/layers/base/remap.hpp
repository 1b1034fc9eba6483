#pragma once
/// What layers share whose output values are input values, found axis by axis.

#include <numeric>
#include <span>

#include <keel/kernels/parallel.hpp>
#include <keel/layers/base/layer.hpp>
#include <keel/layers/base/options.hpp>

namespace keel {
inline namespace KEEL_ABI {

/// Base of Slice, Gather, Pad and Tile: y[i, j, ...] = x[a(i), b(j), ...], or a fill value where one of these is -1.
template <class T>
class Remap : public Layer<T> {
 public:
  Shape output_shape(Shapes inputs) const override { return mapped(this->single_input(inputs)); }

  void forward(Inputs<T> x, TensorView<T> y, Pass<T>& pass) const override {
    walk(x[0].shape(), pass, [&](Index in, Index out, Index count) {
      if (in < 0)
        std::fill_n(y.data() + out, count, fill());
      else
        std::copy_n(x[0].data() + in, count, y.data() + out);
    });
  }
  void backward(Inputs<T> x, TensorView<const T>, TensorView<const T> dy, Outputs<T> dx, Pass<T>& pass) override {
    if (!dx[0].data()) return;
    std::fill(dx[0].begin(), dx[0].end(), T(0));
    walk(x[0].shape(), pass, [&](Index in, Index out, Index count) {
      if (in >= 0)
        for (Index i = 0; i < count; ++i) dx[0][in + i] += dy[out + i];
    });
  }

 protected:
  using Layer<T>::Layer;

  /// The output's extent along an axis of the sample. Throws ShapeError for an input that does not fit.
  virtual Index extent(Index axis, const Shape& in) const = 0;
  /// For each place of the output along that axis the input's, or -1.
  virtual void sources(Index axis, const Shape& in, std::span<Index> places) const = 0;
  virtual T fill() const { return 0; }  ///< What stands where nothing comes from.

  /// The shape that the axes' extents make.
  Shape mapped(const Shape& in) const {
    std::vector<Index> dims;
    for (Index axis = 0; axis < in.rank(); ++axis) dims.push_back(extent(axis, in));
    return Shape(dims);
  }
  /// Place of an axis that an option counts as Keras does. Throws ShapeError where the sample has no such axis.
  Index place(Index axis, const Shape& in) const {
    const Index at = sample_axis(axis, in.rank());
    if (axis == 0 || at < 0 || at >= in.rank())
      throw ShapeError(this->who(), "an input with axis " + std::to_string(axis), in.to_string(),
                       "axis 0 is the batch, 1 the first axis of a sample, -1 the last");
    return at;
  }

 private:
  /// body(offset in x or -1, offset in y, count) for stretches that cover y.
  template <class F>
  void walk(const Shape& batch, Pass<T>& pass, F&& body) const {
    const Shape in = batch.sample(), out = mapped(in);
    if (out.size() == 0) return;
    Scratch::Frame frame(pass.kernel.scratch);
    const Index rank = in.rank();
    std::array<Index*, Shape::max_rank> maps{};
    std::array<Index, Shape::max_rank> strides{};
    for (Index axis = rank - 1, stride = 1; axis >= 0; stride *= in[axis--]) {
      nth(strides, axis) = stride;
      Index* const map = nth(maps, axis) = pass.kernel.scratch.template take<Index>(out[axis]);
      sources(axis, in, {map, to_size(out[axis])});
    }
    // the last axes that stay as they are go in one piece
    Index last = rank, unit = 1;
    for (; last > 0 && stays(maps[to_size(last - 1)], in[last - 1], out[last - 1]); --last) unit *= in[last - 1];
    for (Index n = 0; n < batch[0]; ++n)
      for (Index at = 0; at < out.size(); at += unit) {
        Index rest = at / unit, from = n * in.size();
        for (Index axis = last - 1; axis >= 0 && from >= 0; --axis) {
          const Index i = maps[to_size(axis)][rest % out[axis]];
          rest /= out[axis];
          from = i < 0 ? -1 : from + i * strides[to_size(axis)];
        }
        body(from, n * out.size() + at, unit);
      }
  }
  static bool stays(const Index* map, Index in, Index out) {
    if (in != out) return false;
    for (Index i = 0; i < in; ++i)
      if (map[i] != i) return false;
    return true;
  }
};

KEEL_INSTANCE(class Remap<float>)

}  // namespace KEEL_ABI
}  // namespace keel
