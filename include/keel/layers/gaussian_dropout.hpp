#pragma once
/// Noise by which every value is multiplied.

#include <cmath>

#include <keel/layers/base/training_layer.hpp>

namespace keel {
inline namespace KEEL_ABI {

struct GaussianDropoutOptions {
  /// In the model; by default made from the class.
  std::string name = {};
};

/// In training y = n x, with n normal of mean 1 and deviation sqrt(rate / (1 - rate)), that of Dropout's factor; in
/// inference y = x.
///
/// Any shape; output as input. Throws ConfigError for a rate outside [0, 1) (Keras takes 1 and gives infinities).
/// A frozen one still multiplies in training.
///
/// Srivastava et al. 2014. Keras: GaussianDropout. PyTorch has none.
template <class T = float>
class GaussianDropout : public TrainingLayer<T> {
 public:
  explicit GaussianDropout(double rate, GaussianDropoutOptions options = {})
      : TrainingLayer<T>(std::move(options.name)), rate_(rate) {
    if (!(rate_ >= 0 && rate_ < 1)) throw ConfigError(this->who(), "a rate in [0, 1)", std::to_string(rate_));
  }
  static GaussianDropout from_config(const Config& config) {
    return GaussianDropout(config.get<double>("rate", -1), {read_name(config)});
  }

  double rate() const { return rate_; }

  std::string type() const override { return "GaussianDropout"; }
  Config config() const override { return {{"rate", rate_}}; }

 private:
  void train(const TensorView<const T>& x, const TensorView<T>& y, Pass<T>& pass) const override {
    const double deviation = std::sqrt(rate_ / (1 - rate_));
    T* const factors = pass.cache ? pass.cache->tensor(0, y.shape()).data() : y.data();
    this->draw(pass, y.size(), 4, [&](Index i, Rng& rng) { factors[i] = static_cast<T>(rng.normal(1, deviation)); });
    y.array() = TensorView<const T>(y.shape(), factors).array() * x.array();
  }
  void train_backward(const TensorView<const T>& dy, const TensorView<T>& dx, Pass<T>& pass) override {
    dx.array() = pass.cache->tensors[0].array() * dy.array();
  }

  double rate_;
};
KEEL_REFUSE_OTHERS(GaussianDropout)

KEEL_INSTANCE(class GaussianDropout<float>)

}  // namespace KEEL_ABI
}  // namespace keel
