#pragma once
/// A row of a table for each token.

#include <keel/layers/base/initializers.hpp>
#include <keel/layers/base/layer.hpp>

namespace keel {
inline namespace KEEL_ABI {

struct EmbeddingOptions {
  /// In Keras, whether token 0 stands for steps that do not count: keel's files tell it, and a StepMask on the tokens
  /// is the mask. Row 0 is used all the same. Default false.
  bool mask_zero = false;
  /// The table's first values; default random_uniform, in [-0.05, 0.05].
  InitializerSpec embeddings_initializer = Initializer::random_uniform;
  /// In the model; by default made from the class.
  std::string name = {};

  template <class F>
  void fields(F&& f) {
    f("mask_zero", mask_zero);
    f("embeddings_initializer", embeddings_initializer);
  }
};

/// y = embeddings[x]: a row of the table for each token number. dL/d row is the sum of dy over the places where it
/// stands; no gradient passes to x.
///
/// Input of any shape, numbers in [0, input_dim) whose fractions are cut off, as Keras does; output (batch, ...,
/// output_dim). Parameter: embeddings (input_dim, output_dim). Throws ConfigError for numbers below 1, DataError for
/// tokens that the table does not have.
///
/// Keras: Embedding. PyTorch: Embedding; its padding_idx, a row without gradients, keel does not have.
///
///     Embedding(10000, 64)
template <class T = float>
class Embedding : public Layer<T> {
 public:
  Embedding(Index input_dim, Index output_dim, EmbeddingOptions options = {})
      : Layer<T>(options.name), rows_(input_dim), width_(output_dim), options_(std::move(options)) {
    check_option(this->who(), "input_dim", rows_);
    check_option(this->who(), "output_dim", width_);
  }
  static Embedding from_config(const Config& config) {
    return Embedding(config.get<Index>("input_dim", 0), config.get<Index>("output_dim", 0),
                     read_options<EmbeddingOptions>(config));
  }

  const EmbeddingOptions& options() const { return options_; }
  Parameter<T>& embeddings() { return table_; }

  std::string type() const override { return "Embedding"; }
  Config config() const override { return with_options({{"input_dim", rows_}, {"output_dim", width_}}, options_); }
  Shape output_shape(Shapes inputs) const override {
    const Shape& in = this->single_input(inputs);
    if (in.rank() + 2 > Shape::max_rank)
      throw ShapeError(this->who(), "an input of at most rank " + std::to_string(Shape::max_rank - 2), in.to_string());
    std::vector<Index> out(in.begin(), in.end());
    out.push_back(width_);
    return Shape(out);
  }
  void build(Shapes, Rng& rng) override {
    table_ = {"embeddings",
              initial_values<T>({rows_, width_}, options_.embeddings_initializer, Fans(rows_, width_), rng)};
  }
  std::vector<Parameter<T>*> parameters() override { return {&table_}; }

  void forward(Inputs<T> x, TensorView<T> y, Pass<T>&) const override {
    for (Index i = 0; i < x[0].size(); ++i)
      std::copy_n(table_.value().data() + row(x[0][i]) * width_, width_, y.data() + i * width_);
  }
  void backward(Inputs<T> x, TensorView<const T>, TensorView<const T> dy, Outputs<T> dx, Pass<T>&) override {
    if (table_.trains())
      for (Index i = 0; i < x[0].size(); ++i) {
        T* const to = table_.gradient.data() + row(x[0][i]) * width_;
        for (Index j = 0; j < width_; ++j) to[j] += dy[i * width_ + j];
      }
    if (dx[0].data()) dx[0].array().setZero();
  }

 private:
  Index row(T token) const {
    const auto number = static_cast<double>(token);
    if (!(number > -1 && number < static_cast<double>(rows_)))
      throw DataError(this->who(), "numbers from 0 to " + std::to_string(rows_ - 1), std::to_string(number));
    return static_cast<Index>(number);
  }

  Index rows_, width_;
  EmbeddingOptions options_;
  Parameter<T> table_;
};
KEEL_REFUSE_OTHERS(Embedding)

KEEL_INSTANCE(class Embedding<float>)

}  // namespace KEEL_ABI
}  // namespace keel
