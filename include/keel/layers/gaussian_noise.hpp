#pragma once
/// Noise added to every value.

#include <limits>

#include <keel/layers/base/training_layer.hpp>

namespace keel {
inline namespace KEEL_ABI {

struct GaussianNoiseOptions {
  /// In the model; by default made from the class.
  std::string name = {};
};

/// In training y = x + n, with n normal of mean 0 and deviation `stddev`, in the unit of x; in inference y = x.
///
/// Any shape; output as input. Throws ConfigError for a deviation below 0. A frozen one still adds noise in training.
/// Keras: GaussianNoise. PyTorch has none.
template <class T = float>
class GaussianNoise : public TrainingLayer<T> {
 public:
  explicit GaussianNoise(double stddev, GaussianNoiseOptions options = {})
      : TrainingLayer<T>(std::move(options.name)), stddev_(stddev) {
    if (!(stddev_ >= 0 && stddev_ <= (std::numeric_limits<double>::max)()))
      throw ConfigError(this->who(), "a stddev of 0 or more", std::to_string(stddev_));
  }
  static GaussianNoise from_config(const Config& config) {
    return GaussianNoise(config.get<double>("stddev", -1), {read_name(config)});
  }

  double stddev() const { return stddev_; }

  std::string type() const override { return "GaussianNoise"; }
  Config config() const override { return {{"stddev", stddev_}}; }

 private:
  void train(const TensorView<const T>& x, const TensorView<T>& y, Pass<T>& pass) const override {
    this->draw(pass, y.size(), 4, [&](Index i, Rng& rng) { y[i] = x[i] + static_cast<T>(rng.normal(0, stddev_)); });
  }
  void train_backward(const TensorView<const T>& dy, const TensorView<T>& dx, Pass<T>&) override {
    dx.array() = dy.array();
  }

  double stddev_;
};
KEEL_REFUSE_OTHERS(GaussianNoise)

KEEL_INSTANCE(class GaussianNoise<float>)

}  // namespace KEEL_ABI
}  // namespace keel
