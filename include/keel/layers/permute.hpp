#pragma once
/// The axes of a sample in another order.

#include <keel/layers/base/layer.hpp>
#include <keel/layers/base/options.hpp>

namespace keel {
inline namespace KEEL_ABI {

struct PermuteOptions {
  /// In the model; by default made from the class.
  std::string name = {};
};

/// The axes of a sample in another order: axis i of the output is axis dims[i] of the input. As in Keras they count
/// from 1, the batch being 0.
///
/// Any shape of as many axes. Throws ConfigError unless `dims` has each of 1, 2, ... once, ShapeError for an input of
/// another rank. Keras: Permute. PyTorch: permute; `torch_code` has a class of its own.
///
///     Permute({2, 1})      // (batch, steps, channels) to (batch, channels, steps)
template <class T = float>
class Permute : public Layer<T> {
 public:
  explicit Permute(std::vector<Index> dims, PermuteOptions options = {})
      : Layer<T>(std::move(options.name)), dims_(std::move(dims)) {
    std::vector<Index> sorted = dims_;
    std::sort(sorted.begin(), sorted.end());
    bool whole = !sorted.empty() && sorted.size() < static_cast<std::size_t>(Shape::max_rank);
    for (std::size_t i = 0; i < sorted.size(); ++i) whole = whole && sorted[i] == static_cast<Index>(i) + 1;
    if (!whole) throw ConfigError(this->who(), "dims with each axis once, counted from 1", Axes(dims_).to_string());
  }
  static Permute from_config(const Config& config) {
    return Permute(config.get<std::vector<Index>>("dims", {}), {read_name(config)});
  }

  std::string type() const override { return "Permute"; }
  Config config() const override { return {{"dims", dims_}}; }
  Shape output_shape(Shapes inputs) const override {
    const Shape& in = this->single_input(inputs, static_cast<Index>(dims_.size()));
    std::vector<Index> out;
    for (const Index dim : dims_) out.push_back(in[dim - 1]);
    return Shape(out);
  }

  void forward(Inputs<T> x, TensorView<T> y, Pass<T>&) const override {
    for_each(x[0].shape(), y.shape(), [&](Index in, Index out) { y[out] = x[0][in]; });
  }
  void backward(Inputs<T> x, TensorView<const T>, TensorView<const T> dy, Outputs<T> dx, Pass<T>&) override {
    if (dx[0].data()) for_each(x[0].shape(), dy.shape(), [&](Index in, Index out) { dx[0][in] = dy[out]; });
  }

 private:
  /// body(place in x, place in y) for every value.
  template <class F>
  void for_each(const Shape& in, const Shape& out, F&& body) const {
    const Index rank = static_cast<Index>(dims_.size()), last = out[rank];
    std::array<Index, Shape::max_rank> strides{};  // in x, of y's axes
    for (Index axis = 0; axis < rank; ++axis) {
      Index stride = 1;
      for (Index behind = dims_[to_size(axis)] + 1; behind <= rank; ++behind) stride *= in[behind];
      strides[to_size(axis)] = stride;
    }
    for (Index row = 0; row * last < out.size(); ++row) {
      Index rest = row, at = 0;
      for (Index axis = rank - 2; axis >= 0; --axis) {
        at += rest % out[axis + 1] * strides[to_size(axis)];
        rest /= out[axis + 1];
      }
      at += rest * (in.size() / (std::max)(in[0], Index{1}));
      for (Index i = 0; i < last; ++i) body(at + i * strides[to_size(rank - 1)], row * last + i);
    }
  }

  std::vector<Index> dims_;
};
KEEL_REFUSE_OTHERS(Permute)

KEEL_INSTANCE(class Permute<float>)

}  // namespace KEEL_ABI
}  // namespace keel
