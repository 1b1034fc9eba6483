#pragma once
/// The matrix product of two inputs.

#include <keel/kernels/gemm.hpp>
#include <keel/layers/base/broadcast_merge.hpp>
#include <keel/layers/base/options.hpp>

namespace keel {
inline namespace KEEL_ABI {

struct MatMulOptions {
  /// Whether the last two axes of the first input are swapped before; default false.
  bool transpose_a = false;
  /// The same for the second input; default false.
  bool transpose_b = false;
  /// In the model; by default made from the class.
  std::string name = {};

  template <class F>
  void fields(F&& f) {
    f("transpose_a", transpose_a);
    f("transpose_b", transpose_b);
  }
};

/// y = a b of the matrices in the last two axes of two inputs: (..., m, k) and (..., k, n) give (..., m, n). The axes of
/// the samples before them broadcast as in NumPy.
///
/// Two inputs of two axes or more beside the batch. Throws ShapeError for another number of inputs, fewer axes, inner
/// extents that differ, and axes before them that differ and are not 1. Keras and PyTorch have functions (matmul), but
/// no layer.
///
///     MatMul({.transpose_b = true})      // scores of attention: (heads, m, k) and (heads, n, k) give (heads, m, n)
template <class T = float>
class MatMul : public Layer<T> {
 public:
  explicit MatMul(MatMulOptions options = {}) : Layer<T>(options.name), options_(std::move(options)) {}
  static MatMul from_config(const Config& config) { return MatMul(read_options<MatMulOptions>(config)); }

  const MatMulOptions& options() const { return options_; }

  std::string type() const override { return "MatMul"; }
  Config config() const override { return with_options({}, options_); }

  Shape output_shape(Shapes inputs) const override {
    if (inputs.size() != 2) throw ShapeError(this->who(), "two inputs", std::to_string(inputs.size()));
    for (const Shape& input : inputs)
      if (input.rank() < 2) throw ShapeError(this->who(), "inputs of two axes or more", input.to_string());
    const Extents e(*this, inputs[0], inputs[1]);
    if (e.depth != e.depth_b)
      throw ShapeError(this->who(), "as many columns of the first as rows of the second",
                       inputs[0].to_string() + " and " + inputs[1].to_string());
    const Shape before[] = {front(inputs[0]), front(inputs[1])};
    const Shape met = broadcast_shape(*this, before);
    std::vector<Index> dims(met.begin(), met.end());
    dims.push_back(e.rows);
    dims.push_back(e.columns);
    return Shape(dims);
  }
  Index multiply_adds(Shapes inputs) const override {
    return output_shape(inputs).size() * Extents(*this, inputs[0], inputs[1]).depth;
  }

  void forward(Inputs<T> x, TensorView<T> y, Pass<T>& pass) const override {
    const Extents e(*this, x[0].shape(), x[1].shape());
    for_each_product(x, y.shape(), [&](Index a, Index b, Index c) {
      detail::gemm<T>(e.rows, e.columns, e.depth, e.a(x[0].data() + a), e.b(x[1].data() + b), y.data() + c, false,
                      pass.kernel);
    });
  }
  /// da = dy b' and db = a' dy, summed where an input counts for several products; swapped where the input is.
  void backward(Inputs<T> x, TensorView<const T>, TensorView<const T> dy, Outputs<T> dx, Pass<T>& pass) override {
    const Extents e(*this, x[0].shape(), x[1].shape());
    for (const TensorView<T>& to : dx)
      if (to.data()) std::fill(to.begin(), to.end(), T(0));
    for_each_product(x, dy.shape(), [&](Index a, Index b, Index c) {
      const detail::GemmOperand<T> d{dy.data() + c, e.columns}, da{x[0].data() + a, e.step_a()},
          db{x[1].data() + b, e.step_b()}, d_turned{d.data, d.step, true};
      const detail::GemmOperand<T> left = turned(da, !options_.transpose_a), right = turned(db, !options_.transpose_b);
      if (T* const to = dx[0].data() ? dx[0].data() + a : nullptr) {
        if (options_.transpose_a)
          detail::gemm<T>(e.depth, e.rows, e.columns, turned(right, !right.transposed), d_turned, to, true,
                          pass.kernel);
        else
          detail::gemm<T>(e.rows, e.depth, e.columns, d, right, to, true, pass.kernel);
      }
      if (T* const to = dx[1].data() ? dx[1].data() + b : nullptr) {
        if (options_.transpose_b)
          detail::gemm<T>(e.columns, e.depth, e.rows, d_turned, turned(left, !left.transposed), to, true, pass.kernel);
        else
          detail::gemm<T>(e.depth, e.columns, e.rows, left, d, to, true, pass.kernel);
      }
    });
  }

 private:
  /// Of the product, and how the operands lie.
  struct Extents {
    Index rows, depth, depth_b, columns;
    bool swap_a, swap_b;

    Extents(const MatMul& layer, const Shape& a, const Shape& b)
        : rows(a[layer.options_.transpose_a ? -1 : -2]),
          depth(a[layer.options_.transpose_a ? -2 : -1]),
          depth_b(b[layer.options_.transpose_b ? -1 : -2]),
          columns(b[layer.options_.transpose_b ? -2 : -1]),
          swap_a(layer.options_.transpose_a),
          swap_b(layer.options_.transpose_b) {}
    Index step_a() const { return swap_a ? rows : depth; }
    Index step_b() const { return swap_b ? depth : columns; }
    detail::GemmOperand<T> a(const T* from) const { return {from, step_a(), swap_a}; }
    detail::GemmOperand<T> b(const T* from) const { return {from, step_b(), swap_b}; }
  };
  static detail::GemmOperand<T> turned(detail::GemmOperand<T> x, bool transposed) {
    x.transposed = transposed;
    return x;
  }
  /// The axes before the matrices.
  static Shape front(const Shape& x) { return Shape(x.dims().first(to_size(x.rank() - 2))); }

  /// body(where a begins, where b does, where y does) for every product, in memory's order.
  template <class F>
  static void for_each_product(Inputs<T> x, const Shape& y, F&& body) {
    const Shape out = front(y);
    const Shape operands[] = {broadcast_operand(front(x[0].shape()), out.rank()),
                              broadcast_operand(front(x[1].shape()), out.rank())};
    const Broadcast way(out, operands);
    const Index of_a = x[0].shape()[-1] * x[0].shape()[-2], of_b = x[1].shape()[-1] * x[1].shape()[-2],
                of_y = y[-1] * y[-2];
    way.for_each(0, out.size(), [&](Index at, Index count, const Broadcast::Places& places) {
      for (Index i = 0; i < count; ++i)
        body((places[0] + i * way.step(0)) * of_a, (places[1] + i * way.step(1)) * of_b, (at + i) * of_y);
    });
  }

  MatMulOptions options_;
};
KEEL_REFUSE_OTHERS(MatMul)

KEEL_INSTANCE(class MatMul<float>)

}  // namespace KEEL_ABI
}  // namespace keel
