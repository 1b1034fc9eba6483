#pragma once
/// Base of the layers that drop whole channels.

#include <cmath>

#include <keel/layers/base/training_layer.hpp>

namespace keel {
inline namespace KEEL_ABI {

struct SpatialDropoutOptions {
  /// In the model; by default made from the class.
  std::string name = {};
};

/// In training every channel of a sample becomes 0 in all places with probability `rate`, else x / (1 - rate); in
/// inference y = x. Channels are the last axis; an input has `rank` axes beside the batch.
template <class T, Index rank>
class SpatialDropout : public TrainingLayer<T> {
 public:
  double rate() const { return rate_; }
  Config config() const override { return {{"rate", rate_}}; }
  Shape output_shape(Shapes inputs) const override { return this->single_input(inputs, rank); }

 protected:
  SpatialDropout(double rate, SpatialDropoutOptions options) : TrainingLayer<T>(std::move(options.name)), rate_(rate) {}

 private:
  void train(const TensorView<const T>& x, const TensorView<T>& y, Pass<T>& pass) const override {
    Cache<T> own;  // without a backward pass
    if (!pass.cache) {
      Pass<T> with_cache = pass;
      with_cache.cache = &own;
      return train(x, y, with_cache);
    }
    const Index channels = y.shape()[0] * y.shape().back();
    const auto limit = static_cast<std::uint64_t>(std::ldexp(rate_, 32));
    std::byte* const kept = this->record(pass, channels);
    this->draw(pass, channels, 1, [&](Index i, Rng& rng) { kept[i] = std::byte{rng.next_u32() >= limit}; });
    apply(x, y, pass);
  }
  void train_backward(const TensorView<const T>& dy, const TensorView<T>& dx, Pass<T>& pass) override {
    apply(dy, dx, pass);
  }
  /// to = from / (1 - rate) in the channels that were kept, 0 in the others.
  void apply(const TensorView<const T>& from, const TensorView<T>& to, Pass<T>& pass) const {
    const T factor = static_cast<T>(rate_ < 1 ? 1 / (1 - rate_) : 0);
    const Index channels = to.shape().back();
    for (Index n = 0; n < to.shape()[0]; ++n) {
      const auto kept = this->recorded(pass, n * channels, channels);
      const auto source = from.rows(n, 1).matrix();
      to.rows(n, 1).matrix().array() =
          (kept.transpose().replicate(source.rows(), 1) == 1).select(factor * source.array(), T(0));
    }
  }

  double rate_;
};

}  // namespace KEEL_ABI
}  // namespace keel
