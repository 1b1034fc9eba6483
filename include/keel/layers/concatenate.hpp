#pragma once
/// Inputs side by side.

#include <keel/layers/base/merge.hpp>

namespace keel {
inline namespace KEEL_ABI {

struct ConcatenateOptions {
  /// Counted with the batch, as in Keras: 1 is the first axis of a sample; negative from the end. Default -1.
  Index axis = -1;
  /// In the model; by default made from the class.
  std::string name = {};

  template <class F>
  void fields(F&& f) {
    f("axis", axis);
  }
};

/// The inputs one after the other along one axis.
///
/// Inputs of one rank that agree in all other extents; the output has the sum of theirs along the axis. Throws
/// ConfigError for the batch's axis, ShapeError for fewer than two inputs, for an axis that they do not have and for
/// extents that differ. Keras: Concatenate. PyTorch: cat, where axis 1 of images is the channels, keel's last.
template <class T = float>
class Concatenate : public Merge<T> {
 public:
  explicit Concatenate(ConcatenateOptions options = {}) : Merge<T>(options.name), options_(std::move(options)) {
    if (options_.axis == 0) throw ConfigError(this->who(), "an axis other than the batch's", "0");
  }
  static Concatenate from_config(const Config& config) { return Concatenate(read_options<ConcatenateOptions>(config)); }

  std::string type() const override { return "Concatenate"; }
  Config config() const override { return with_options({}, options_); }

  Shape output_shape(Shapes inputs) const override {
    this->check_count(inputs);
    const Index rank = inputs[0].rank();
    const Index at = axis(rank);
    if (at < 0 || at >= rank)
      throw ShapeError(this->who(), "inputs with axis " + std::to_string(options_.axis), inputs[0].to_string());
    std::vector<Index> dims(inputs[0].begin(), inputs[0].end());
    Index total = 0;
    for (const Shape& in : inputs) {
      bool fits = in.rank() == rank;
      for (Index i = 0; fits && i < rank; ++i) fits = i == at || in[i] == inputs[0][i];
      if (!fits) this->refuse("inputs that agree in all axes but " + std::to_string(options_.axis), inputs[0], in);
      total += in[at];
    }
    dims[static_cast<std::size_t>(at)] = total;
    return Shape(dims);
  }

  void forward(Inputs<T> x, TensorView<T> y, Pass<T>&) const override {
    for_each_block(x, y.shape(), [&](std::size_t i, Index in, Index out, Index count) {
      std::copy(x[i].data() + in, x[i].data() + in + count, y.data() + out);
    });
  }
  void backward(Inputs<T> x, TensorView<const T>, TensorView<const T> dy, Outputs<T> dx, Pass<T>&) override {
    for_each_block(x, dy.shape(), [&](std::size_t i, Index in, Index out, Index count) {
      if (dx[i].data()) std::copy(dy.data() + out, dy.data() + out + count, dx[i].data() + in);
    });
  }

 private:
  /// The axis within a sample of that rank.
  Index axis(Index rank) const { return sample_axis(options_.axis, rank); }

  /// body(input, offset in it, offset in the output, count) for every stretch that is contiguous in both. Stretches are
  /// copied as memory: Eigen's blocks take 2.5 times as long.
  template <class F>
  void for_each_block(Inputs<T> x, const Shape& out, F&& body) const {
    const Index at = axis(out.rank() - 1) + 1;
    Index outer = 1, inner = 1;
    for (Index i = 0; i < at; ++i) outer *= out[i];
    for (Index i = at + 1; i < out.rank(); ++i) inner *= out[i];
    for (Index o = 0, to = 0; o < outer; ++o)
      for (std::size_t i = 0; i < x.size(); ++i) {
        const Index count = x[i].shape()[at] * inner;
        body(i, o * count, to, count);
        to += count;
      }
  }

  ConcatenateOptions options_;
};
KEEL_REFUSE_OTHERS(Concatenate)

KEEL_INSTANCE(class Concatenate<float>)

}  // namespace KEEL_ABI
}  // namespace keel
