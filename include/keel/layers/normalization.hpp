#pragma once
/// Features brought to mean 0 and variance 1 with statistics of the data.

#include <algorithm>
#include <cmath>

#include <keel/kernels/batch_norm.hpp>
#include <keel/layers/base/axis.hpp>
#include <keel/layers/base/broadcast.hpp>
#include <keel/layers/base/initializers.hpp>
#include <keel/layers/base/layer.hpp>
#include <keel/tensor/finite.hpp>

namespace keel {
inline namespace KEEL_ABI {

struct NormalizationOptions {
  /// The axis, or neighbouring axes, along which each value has statistics of its own. Counted with the batch; default
  /// -1, the channels. An empty list has one mean and one variance for all values (Keras's None).
  Axes axis = -1;
  /// The mean, one number or one along `axis`, in the unit of x; by default the layer's parameter, for `adapt`.
  std::optional<Numbers> mean = {};
  /// The variance, as the mean. Give both or neither.
  std::optional<Numbers> variance = {};
  /// Go the other way, from normalised values to x; default false.
  bool invert = false;
  /// In the model; by default made from the class.
  std::string name = {};

  template <class F>
  void fields(F&& f) {
    f("axis", axis);
    f("mean", mean);
    f("variance", variance);
    f("invert", invert);
  }
};

/// Values brought to mean 0 and variance 1 with statistics from the options, or of the data that `adapt` has seen:
///
///     y = (x - mean) / deviation,   deviation = max(sqrt(variance), 1e-7);   inverted: y = mean + deviation x
///
/// Any shape; output as input. Before `adapt`: mean 0, variance 1. Parameters, unless the options give both: mean,
/// variance (buffers), with the extents of `axis`. Throws ConfigError for one of mean and variance alone, ShapeError
/// for another number of values than the axis has, and for axes that are no neighbours.
/// Keras: Normalization, which counts one weight more, the number of values seen. PyTorch has none.
template <class T = float>
class Normalization : public Layer<T>, public InferenceForm<T> {
 public:
  explicit Normalization(NormalizationOptions options = {}) : Layer<T>(options.name), options_(std::move(options)) {
    if (options_.mean.has_value() != options_.variance.has_value())
      throw ConfigError(this->who(), "a mean and a variance, or neither", options_.mean ? "a mean" : "a variance");
  }
  static Normalization from_config(const Config& config) {
    return Normalization(read_options<NormalizationOptions>(config));
  }

  const NormalizationOptions& options() const { return options_; }
  Parameter<T>& mean() { return mean_; }
  Parameter<T>& variance() { return variance_; }

  /// Takes the statistics of `data`, (samples, ...). May be called before or after the layer joins a model. Throws
  /// DataError for NaN and infinity, ConfigError if the options give the statistics.
  void adapt(const TensorView<const T>& data) {
    if (options_.mean) throw ConfigError(this->who(), "statistics to be found", "a mean and a variance in the options");
    if (data.rank() < 2 || data.size() == 0)
      throw ShapeError(this->who(), "data of shape (samples, ..., channels)", data.shape().to_string());
    const AxisBlock block = checked_block(data.shape().sample(), data.shape()[0]);
    Tensor<T> moved;  // (rows, extent)
    if (!block.last()) axis_to_end(block, data.data(), (moved = Tensor<T>(data.shape())).data());
    std::vector<double> statistics(static_cast<std::size_t>(2 * block.extent));
    Scratch scratch;
    batch_norm_statistics(block.outer * block.inner, block.extent, block.last() ? data.data() : moved.data(),
                          statistics.data(), statistics.data() + block.extent, KernelContext{scratch});
    if (!all_finite(2 * block.extent, statistics.data()))
      throw DataError(this->who(), "data without NaN and infinity", "some");
    Rng unused;
    if (!built()) make(data.shape().sample(), unused);
    const auto take = [&](Parameter<T>& parameter, const double* from) {
      parameter.update([&](TensorView<T> value) {
        for (Index c = 0; c < value.size(); ++c) value[c] = static_cast<T>(from[c]);
      });
    };
    take(mean_, statistics.data());
    take(variance_, statistics.data() + block.extent);
  }

  std::string type() const override { return "Normalization"; }
  Config config() const override { return with_options({}, options_); }
  Shape output_shape(Shapes inputs) const override {
    const Shape& in = this->single_input(inputs);
    checked_block(in, 1);
    return in;
  }
  void build(Shapes inputs, Rng& rng) override {
    if (!built()) make(inputs[0], rng);
  }
  std::vector<Parameter<T>*> parameters() override {
    if (options_.mean) return {};
    return {&mean_, &variance_};
  }

  void forward(Inputs<T> x, TensorView<T> y, Pass<T>& pass) const override {
    apply(x[0], y, pass, [invert = options_.invert](const auto& from, auto to, const auto& mean, const auto& d) {
      if (invert)
        to = from * d + mean;
      else
        to = (from - mean) / d;
    });
  }
  void backward(Inputs<T>, TensorView<const T>, TensorView<const T> dy, Outputs<T> dx, Pass<T>& pass) override {
    if (!dx[0].data()) return;
    apply(dy, dx[0], pass, [invert = options_.invert](const auto& from, auto to, const auto&, const auto& d) {
      if (invert)
        to = from * d;
      else
        to = from / d;
    });
  }

  /// A model folds the last axis into the layer before.
  Acceleration<T> acceleration() const override {
    if (!(options_.axis == Axes(-1))) return {};
    return {.role = LayerRole::channel_affine, .inference = this};
  }
  void channel_affine(std::vector<T>& scale, std::vector<T>& shift) const override {
    scale.clear();
    shift.clear();
    for (Index c = 0; c < mean_.size(); ++c) {
      const T mean = mean_.value()[c], d = deviation(c);
      scale.push_back(options_.invert ? d : 1 / d);
      shift.push_back(options_.invert ? mean : -mean / d);
    }
  }

 private:
  bool built() const { return mean_.size() > 0; }
  AxisBlock checked_block(const Shape& sample, Index batch) const {
    const AxisBlock block = axis_block(*this, options_.axis, sample, batch);
    const auto fits = [&](const std::optional<Numbers>& given) {
      return !given || given->values.size() == 1 || static_cast<Index>(given->values.size()) == block.extent;
    };
    if (!fits(options_.mean) || !fits(options_.variance))
      throw ShapeError(this->who(),
                       "as many values along axis " + options_.axis.to_string() + " as means and variances",
                       sample.to_string());
    if (built() && !(axes_shape(options_.axis, sample) == mean_.shape()))
      throw ShapeError(this->who(), std::to_string(mean_.size()) + " channels", sample.to_string());
    return block;
  }
  void make(const Shape& sample, Rng& rng) {
    const Shape shape = axes_shape(options_.axis, sample);
    const auto values = [&](Initializer kind, const std::optional<Numbers>& given) {
      if (!given) return initial_values<T>(shape, kind, {1, 1}, rng);
      Tensor<T> all(shape, static_cast<T>(given->values.at(0)));
      if (given->values.size() > 1)
        std::transform(given->values.begin(), given->values.end(), all.begin(),
                       [](double v) { return static_cast<T>(v); });
      return all;
    };
    mean_ = {"mean", values(Initializer::zeros, options_.mean), ParameterKind::buffer};
    variance_ = {"variance", values(Initializer::ones, options_.variance), ParameterKind::buffer};
  }
  T deviation(Index i) const { return (std::max)(std::sqrt(variance_.value()[i]), T(1e-7)); }

  /// body(from, to, mean, deviation) for stretches of `from` and `to`: rows along the axis with arrays of statistics,
  /// or, where other axes follow, values that share one mean and deviation.
  template <class F>
  void apply(const TensorView<const T>& from, const TensorView<T>& to, Pass<T>& pass, F&& body) const {
    const AxisBlock block = axis_block(*this, options_.axis, to.shape().sample(), to.shape()[0]);
    Scratch::Frame frame(pass.kernel.scratch);
    T* const deviations = pass.kernel.scratch.template take<T>(block.extent);
    for (Index i = 0; i < block.extent; ++i) deviations[i] = deviation(i);
    const T* const means = mean_.value().data();
    if (block.last() && block.extent > 1) {
      for (Index at = 0; at < block.size(); at += block.extent)
        body(stretch(from.data() + at, block.extent), stretch(to.data() + at, block.extent),
             stretch(means, block.extent), stretch(deviations, block.extent));
    } else {
      const Index run = block.extent == 1 ? block.size() : block.inner;
      for (Index at = 0; at < block.size(); at += run) {
        const Index i = at / run % block.extent;
        body(stretch(from.data() + at, run), stretch(to.data() + at, run), means[i], deviations[i]);
      }
    }
  }

  NormalizationOptions options_;
  Parameter<T> mean_, variance_;
};
KEEL_REFUSE_OTHERS(Normalization)

KEEL_INSTANCE(class Normalization<float>)

}  // namespace KEEL_ABI
}  // namespace keel
