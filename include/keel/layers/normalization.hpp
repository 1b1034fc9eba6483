#pragma once

#include <cmath>

#include <keel/kernels/batch_norm.hpp>
#include <keel/layers/base/initializers.hpp>
#include <keel/layers/base/layer.hpp>
#include <keel/tensor/finite.hpp>

namespace keel {
inline namespace KEEL_ABI {

struct NormalizationOptions {
  std::string name = {};
};

/// Features brought to mean 0 and variance 1 with statistics of the data that `adapt` has seen:
///
///     y = (x - mean) / max(sqrt(variance), 1e-7),   per channel (the last axis)
///
/// Before `adapt`: mean 0, variance 1. Parameters: mean, variance (buffers). Any rank.
/// Keras: Normalization, which counts one weight more, the number of values seen.
template <class T = float>
class Normalization : public Layer<T>, public InferenceForm<T> {
 public:
  explicit Normalization(NormalizationOptions options = {}) : Layer<T>(std::move(options.name)) {}
  static Normalization from_config(const Config& config) { return Normalization({read_name(config)}); }

  Parameter<T>& mean() { return mean_; }
  Parameter<T>& variance() { return variance_; }

  /// Takes the statistics of `data`, (samples, ..., channels). May be called before or after the layer joins a
  /// model.
  void adapt(const TensorView<const T>& data) {
    if (data.rank() < 2 || data.size() == 0)
      throw ShapeError(this->who(), "data of shape (samples, ..., channels)", data.shape().to_string());
    const Index channels = data.shape().back();
    if (mean_.size() > 0 && channels != mean_.size())
      throw ShapeError(this->who(), std::to_string(mean_.size()) + " channels", data.shape().to_string());
    std::vector<double> statistics(static_cast<std::size_t>(2 * channels));
    Scratch scratch;
    batch_norm_statistics(data.size() / channels, channels, data.data(), statistics.data(),
                          statistics.data() + channels, KernelContext{scratch});
    if (!all_finite(2 * channels, statistics.data()))
      throw DataError(this->who(), "data without NaN and infinity", "some");
    Rng unused;
    if (mean_.size() == 0) make(channels, unused);
    const auto take = [&](Parameter<T>& parameter, const double* from) {
      parameter.update([&](TensorView<T> value) {
        for (Index c = 0; c < channels; ++c) value[c] = static_cast<T>(from[c]);
      });
    };
    take(mean_, statistics.data());
    take(variance_, statistics.data() + channels);
  }

  std::string type() const override { return "Normalization"; }
  Shape output_shape(Shapes inputs) const override {
    const Shape& in = this->single_input(inputs);
    if (in.rank() < 1) throw ShapeError(this->who(), "an input with channels", "a scalar per sample");
    if (mean_.size() > 0 && in.back() != mean_.size())
      throw ShapeError(this->who(), std::to_string(mean_.size()) + " channels", in.to_string());
    return in;
  }
  void build(Shapes inputs, Rng& rng) override {
    if (mean_.size() == 0) make(inputs[0].back(), rng);
  }
  std::vector<Parameter<T>*> parameters() override { return {&mean_, &variance_}; }

  void forward(Inputs<T> x, TensorView<T> y, Pass<T>&) const override {
    const Index channels = mean_.size();
    for (Index i = 0; i < y.size(); ++i) y[i] = (x[0][i] - mean_.value()[i % channels]) / deviation(i % channels);
  }
  void backward(Inputs<T>, TensorView<const T>, TensorView<const T> dy, Outputs<T> dx, Pass<T>&) override {
    if (!dx[0].data()) return;
    for (Index i = 0; i < dy.size(); ++i) dx[0][i] = dy[i] / deviation(i % mean_.size());
  }

  Acceleration<T> acceleration() const override { return {.role = LayerRole::channel_affine, .inference = this}; }
  void channel_affine(std::vector<T>& scale, std::vector<T>& shift) const override {
    scale.clear();
    shift.clear();
    for (Index c = 0; c < mean_.size(); ++c) {
      scale.push_back(1 / deviation(c));
      shift.push_back(-mean_.value()[c] / deviation(c));
    }
  }

 private:
  void make(Index channels, Rng& rng) {
    const auto values = [&](Initializer kind) { return initial_values<T>({channels}, kind, {1, 1}, rng); };
    mean_ = {"mean", values(Initializer::zeros), ParameterKind::buffer};
    variance_ = {"variance", values(Initializer::ones), ParameterKind::buffer};
  }
  T deviation(Index channel) const { return (std::max)(std::sqrt(variance_.value()[channel]), T(1e-7)); }

  Parameter<T> mean_, variance_;
};

KEEL_INSTANCE(class Normalization<float>)

}  // namespace KEEL_ABI
}  // namespace keel
