#pragma once
/// Dropout of single values.

#include <cmath>

#include <keel/layers/base/training_layer.hpp>

namespace keel {
inline namespace KEEL_ABI {

struct DropoutOptions {
  /// In the model; by default made from the class.
  std::string name = {};
};

/// In training every value becomes 0 with probability `rate`, else x / (1 - rate); in inference y = x.
///
/// Any shape; output as input. Throws ConfigError for a rate outside [0, 1]; with 1 all values become 0.
/// A frozen Dropout still drops during training, as in Keras and PyTorch.
///
/// Srivastava et al. 2014. Keras, PyTorch: Dropout. Neither's masks can be had again: the random numbers are keel's.
template <class T = float>
class Dropout : public TrainingLayer<T> {
 public:
  explicit Dropout(double rate, DropoutOptions options = {}) : TrainingLayer<T>(std::move(options.name)), rate_(rate) {
    this->check_range("a rate", rate_, 0, 1);
  }
  static Dropout from_config(const Config& config) {
    return Dropout(config.get<double>("rate", -1), {read_name(config)});
  }

  double rate() const { return rate_; }

  std::string type() const override { return "Dropout"; }
  Config config() const override { return {{"rate", rate_}}; }

 private:
  // Drawing takes longer than multiplying: both in one loop.
  void train(const TensorView<const T>& x, const TensorView<T>& y, Pass<T>& pass) const override {
    std::byte* const kept = this->record(pass, y.size());
    const auto limit = static_cast<std::uint64_t>(std::ldexp(rate_, 32));
    const T factor = this->factor();
    this->draw(pass, y.size(), 1, [&](Index i, Rng& rng) {
      const bool keep = rng.next_u32() >= limit;
      if (kept) kept[i] = std::byte{keep};
      y[i] = keep ? factor * x[i] : T(0);
    });
  }
  void train_backward(const TensorView<const T>& dy, const TensorView<T>& dx, Pass<T>& pass) override {
    dx.array() = (this->recorded(pass, 0, dy.size()) == 1).select(factor() * dy.array(), T(0));
  }
  T factor() const { return static_cast<T>(rate_ < 1 ? 1 / (1 - rate_) : 0); }

  double rate_;
};
KEEL_REFUSE_OTHERS(Dropout)

KEEL_INSTANCE(class Dropout<float>)

}  // namespace KEEL_ABI
}  // namespace keel
