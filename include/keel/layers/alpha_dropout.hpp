#pragma once
/// Dropout that keeps mean and variance behind SELU.

#include <cmath>

#include <keel/layers/base/training_layer.hpp>

namespace keel {
inline namespace KEEL_ABI {

struct AlphaDropoutOptions {
  /// In the model; by default made from the class.
  std::string name = {};
};

/// In training every value becomes s with probability `rate`, SELU's limit far below 0, and all are then scaled so that
/// values of mean 0 and variance 1 keep both; in inference y = x:
///
///     s = -1.7580993408473766 (-1.6732632 times 1.0507010)
///     y = a x + b   or, where dropped,   a s + b
///     a = 1 / sqrt((1 - rate) (1 + rate s^2)),   b = -a s rate
///
/// Any shape; output as input. Throws ConfigError for a rate outside [0, 1]; with 1 all values become 0 (Keras and
/// PyTorch divide by 0 there). A frozen one still drops during training.
///
/// Klambauer et al. 2017. Keras: AlphaDropout without its noise_shape. PyTorch: AlphaDropout.
template <class T = float>
class AlphaDropout : public TrainingLayer<T> {
 public:
  explicit AlphaDropout(double rate, AlphaDropoutOptions options = {})
      : TrainingLayer<T>(std::move(options.name)), rate_(rate) {
    this->check_range("a rate", rate_, 0, 1);
  }
  static AlphaDropout from_config(const Config& config) {
    return AlphaDropout(config.get<double>("rate", -1), {read_name(config)});
  }

  double rate() const { return rate_; }

  std::string type() const override { return "AlphaDropout"; }
  Config config() const override { return {{"rate", rate_}}; }

 private:
  // Drawing takes longer than multiplying: both in one loop.
  void train(const TensorView<const T>& x, const TensorView<T>& y, Pass<T>& pass) const override {
    std::byte* const kept = this->record(pass, y.size());
    const auto limit = static_cast<std::uint64_t>(std::ldexp(rate_, 32));
    const T a = static_cast<T>(scale()), b = static_cast<T>(-scale() * saturated * rate_);
    const T dropped = static_cast<T>(scale() * saturated * (1 - rate_));  // a s + b
    this->draw(pass, y.size(), 1, [&](Index i, Rng& rng) {
      const bool keep = rng.next_u32() >= limit;
      if (kept) kept[i] = std::byte{keep};
      y[i] = keep ? a * x[i] + b : dropped;
    });
  }
  void train_backward(const TensorView<const T>& dy, const TensorView<T>& dx, Pass<T>& pass) override {
    dx.array() = (this->recorded(pass, 0, dy.size()) == 1).select(static_cast<T>(scale()) * dy.array(), T(0));
  }

  static constexpr double saturated = -1.6732632423543772 * 1.0507009873554805;
  double scale() const { return rate_ < 1 ? 1 / std::sqrt((1 - rate_) * (1 + rate_ * saturated * saturated)) : 0; }

  double rate_;
};
KEEL_REFUSE_OTHERS(AlphaDropout)

KEEL_INSTANCE(class AlphaDropout<float>)

}  // namespace KEEL_ABI
}  // namespace keel
