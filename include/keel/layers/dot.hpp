#pragma once
/// The product of two inputs along one axis of each.

#include <cmath>

#include <keel/kernels/dense.hpp>
#include <keel/layers/base/axis.hpp>
#include <keel/layers/base/merge.hpp>
#include <keel/layers/base/row_norm.hpp>

namespace keel {
inline namespace KEEL_ABI {

struct DotOptions {
  /// The axis of each input that is summed over, or one for both. Counted with the batch, negative from the end.
  /// Default -1, the last.
  Axes axes = -1;
  /// Whether vectors along these axes are brought to length 1 before, so that y is their cosine. Default false.
  bool normalize = false;
  /// In the model; by default made from the class.
  std::string name = {};

  template <class F>
  void fields(F&& f) {
    f("axes", axes);
    f("normalize", normalize);
  }
};

/// y(i, j) = sum over k of a(i, k) b(j, k), k along the given axes, i and j the other places of the two samples.
/// With `normalize` a / max(|a|, 1e-12) and b / max(|b|, 1e-12) stand for a and b.
///
/// Two inputs with as many values along their axes; the output has the first's other axes, then the second's: (m, k)
/// and (n, k) give (m, n), (k) and (k) give (1). Throws ConfigError for more than two axes, ShapeError for another
/// number of inputs, an axis that they do not have and different extents. Keras: Dot; versions differ in what stands
/// for 1e-12, which vectors shorter than 1e-6 show. PyTorch: einsum.
template <class T = float>
class Dot : public Merge<T> {
 public:
  explicit Dot(DotOptions options = {}) : Merge<T>(options.name), options_(std::move(options)) {
    if (options_.axes.list.empty() || options_.axes.list.size() > 2)
      throw ConfigError(this->who(), "one axis or two", options_.axes.to_string());
  }
  static Dot from_config(const Config& config) { return Dot(read_options<DotOptions>(config)); }

  const DotOptions& options() const { return options_; }

  std::string type() const override { return "Dot"; }
  Config config() const override { return with_options({}, options_); }

  Shape output_shape(Shapes inputs) const override {
    this->check_count(inputs);
    if (inputs.size() > 2) throw ShapeError(this->who(), "two inputs", std::to_string(inputs.size()));
    std::vector<Index> dims;
    Index extents[2];
    for (std::size_t n = 0; n < 2; ++n) {
      extents[n] = block(n, inputs[n]).extent;
      for (Index i = 0; i < inputs[n].rank(); ++i)
        if (i != sample_axis(axis(n), inputs[n].rank())) dims.push_back(inputs[n][i]);
    }
    if (extents[0] != extents[1])
      this->refuse("inputs of one extent along axes " + std::to_string(axis(0)) + " and " + std::to_string(axis(1)),
                   inputs[0], inputs[1]);
    if (dims.empty()) dims.push_back(1);
    if (count_of(dims) >= Shape::max_rank)
      this->refuse("an output of less than " + std::to_string(Shape::max_rank) + " axes", inputs[0], inputs[1]);
    return Shape(dims);
  }
  Index multiply_adds(Shapes inputs) const override { return output_shape(inputs).size() * block(0, inputs[0]).extent; }

  void forward(Inputs<T> x, TensorView<T> y, Pass<T>& pass) const override {
    Scratch::Frame frame(pass.kernel.scratch);
    const Side a(*this, 0, x[0], pass), b(*this, 1, x[1], pass);
    for (Index n = 0; n < y.shape()[0]; ++n)
      dense_backward_input(a.rows, b.rows, a.extent(), a.sample(n), b.sample(n), y.data() + n * a.rows * b.rows,
                           pass.kernel);
  }
  /// da = dy b and db = dy' a, for vectors of length 1 brought back by da = r (da - a sum of da a).
  void backward(Inputs<T> x, TensorView<const T>, TensorView<const T> dy, Outputs<T> dx, Pass<T>& pass) override {
    Scratch::Frame frame(pass.kernel.scratch);
    const Side a(*this, 0, x[0], pass), b(*this, 1, x[1], pass);
    for (std::size_t side = 0; side < 2; ++side) {
      if (!dx[side].data()) continue;
      const Side& mine = side == 0 ? a : b;
      Scratch::Frame inner(pass.kernel.scratch);
      T* const gradient = pass.kernel.scratch.template take<T>(dx[side].size());
      for (Index n = 0; n < dy.shape()[0]; ++n) {
        const T* const from = dy.data() + n * a.rows * b.rows;
        T* const to = gradient + n * mine.rows * mine.extent();
        if (side == 0)
          dense_forward(a.rows, b.rows, a.extent(), from, b.sample(n), Epilogue<T>{}, to, pass.kernel);
        else
          dense_backward_kernel(a.rows, b.rows, a.extent(), from, a.sample(n), to, false, pass.kernel);
      }
      if (options_.normalize) mine.through_length(gradient);
      axis_from_end(mine.block, gradient, dx[side].data());
    }
  }

 private:
  Index axis(std::size_t input) const { return options_.axes.list[options_.axes.list.size() == 1 ? 0 : input]; }
  AxisBlock block(std::size_t input, const Shape& sample, Index batch = 1) const {
    return axis_block(*this, axis(input), sample, batch);
  }

  /// An input with its axis last: `rows` vectors a sample, of length 1 where asked.
  struct Side {
    AxisBlock block;
    Index rows;
    const T* values;
    double* scales = nullptr;  ///< 1 / length of each vector; below 0 where the length counts as 1e-12

    Side(const Dot& layer, std::size_t input, const TensorView<const T>& x, Pass<T>& pass)
        : block(layer.block(input, x.shape().sample(), x.shape()[0])),
          rows(x.shape()[0] == 0 ? 0 : block.outer * block.inner / x.shape()[0]),
          values(x.data()) {
      if (block.last() && !layer.options_.normalize) return;
      T* const moved = pass.kernel.scratch.template take<T>(x.size());
      axis_to_end(block, x.data(), moved);
      values = moved;
      if (!layer.options_.normalize) return;
      scales = pass.kernel.scratch.template take<double>(block.outer * block.inner);
      for (Index row = 0; row < block.outer * block.inner; ++row) {
        T* const vector = moved + row * extent();
        const double square = detail::sum_of(
            extent(), [&](Index i) { return static_cast<double>(vector[i]) * static_cast<double>(vector[i]); });
        const double scale = 1 / std::sqrt((std::max)(square, 1e-24));
        for (Index i = 0; i < extent(); ++i) vector[i] = static_cast<T>(static_cast<double>(vector[i]) * scale);
        scales[row] = square < 1e-24 ? -scale : scale;
      }
    }
    Index extent() const { return block.extent; }
    const T* sample(Index n) const { return values + n * rows * extent(); }
    /// From the gradient of vectors of length 1 to that of the vectors, in place.
    void through_length(T* gradient) const {
      for (Index row = 0; row < block.outer * block.inner; ++row) {
        T* const d = gradient + row * extent();
        const T* const unit = values + row * extent();
        const double along = scales[row] < 0 ? 0 : detail::sum_of(extent(), [&](Index i) {
          return static_cast<double>(d[i]) * static_cast<double>(unit[i]);
        });
        for (Index i = 0; i < extent(); ++i)
          d[i] = static_cast<T>(std::abs(scales[row]) *
                                (static_cast<double>(d[i]) - along * static_cast<double>(unit[i])));
      }
    }
  };

  DotOptions options_;
};
KEEL_REFUSE_OTHERS(Dot)

KEEL_INSTANCE(class Dot<float>)

}  // namespace KEEL_ABI
}  // namespace keel
