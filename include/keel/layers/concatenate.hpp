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
    Index left = 0;
    for (const TensorView<const T>& part : x) {
      const Index columns = width(part.shape());
      rows(y).middleCols(left, columns) = rows(part);
      left += columns;
    }
  }
  void backward(Inputs<T>, TensorView<const T>, TensorView<const T> dy, Outputs<T> dx, Pass<T>&) override {
    Index left = 0;
    for (const TensorView<T>& part : dx) {
      const Index columns = width(part.shape());
      if (part.data()) rows(part) = rows(dy).middleCols(left, columns);
      left += columns;
    }
  }

 private:
  /// The axis within a sample of that rank.
  Index axis(Index rank) const { return options_.axis > 0 ? options_.axis - 1 : rank + options_.axis; }

  /// Values of a batch of that shape from the axis on.
  Index width(const Shape& batch) const {
    Index values = 1;
    for (Index i = axis(batch.rank() - 1) + 1; i < batch.rank(); ++i) values *= batch[i];
    return values;
  }
  /// A tensor as a matrix whose columns are the values from the axis on.
  template <class V>
  typename TensorView<V>::template Map<typename TensorView<V>::Matrix> rows(const TensorView<V>& tensor) const {
    const Index columns = width(tensor.shape());
    return {tensor.data(), columns ? tensor.size() / columns : 0, columns};
  }

  ConcatenateOptions options_;
};

KEEL_INSTANCE(class Concatenate<float>)

}  // namespace KEEL_ABI
}  // namespace keel
