#pragma once

#include <cmath>

#include <keel/kernels/parallel.hpp>
#include <keel/layers/base/layer.hpp>
#include <keel/layers/base/options.hpp>

namespace keel {
inline namespace KEEL_ABI {

struct DropoutOptions {
  std::string name = {};
};

/// In training every value becomes 0 with probability `rate`, else x / (1 - rate); in inference y = x.
///
/// Which values fall depends on the seed, the step and the value's place only, not on threads. A frozen Dropout
/// still drops during training, as in Keras and PyTorch. Any shape.
///
/// Srivastava et al. 2014. Keras, PyTorch: Dropout.
template <class T = float>
class Dropout : public Layer<T> {
 public:
  explicit Dropout(double rate, DropoutOptions options = {}) : Layer<T>(std::move(options.name)), rate_(rate) {
    if (!(rate_ >= 0 && rate_ <= 1)) throw ConfigError(this->who(), "a rate in [0, 1]", std::to_string(rate_));
  }
  static Dropout from_config(const Config& config) {
    return Dropout(config.get<double>("rate", -1), {read_name(config)});
  }

  double rate() const { return rate_; }

  std::string type() const override { return "Dropout"; }
  Config config() const override { return {{"rate", rate_}}; }
  Shape output_shape(Shapes inputs) const override { return this->single_input(inputs); }
  LayerRole role() const override { return LayerRole::identity_in_inference; }

  void forward(Inputs<T> x, TensorView<T> y, Pass<T>& pass) const override {
    if (!pass.training) {
      std::copy(x[0].begin(), x[0].end(), y.begin());
      return;
    }
    std::byte* kept = nullptr;
    if (pass.cache) {
      pass.cache->bytes.resize(static_cast<std::size_t>(y.size()));
      kept = pass.cache->bytes.data();
    }
    const auto limit = static_cast<std::uint64_t>(std::ldexp(rate_, 32));
    const T factor = this->factor();
    parallel_for(pass.kernel.threads, y.size(), 4096, [&](Index begin, Index end) {
      Rng rng = pass.rng;
      rng.seek(pass.rng.position() + static_cast<std::uint64_t>(begin));
      for (Index i = begin; i < end; ++i) {
        const bool keep = rng.next_u32() >= limit;
        if (kept) kept[i] = std::byte{keep};
        y[i] = keep ? factor * x[0][i] : T(0);
      }
    });
  }
  void backward(Inputs<T>, TensorView<const T>, TensorView<const T> dy, Outputs<T> dx, Pass<T>& pass) override {
    if (!dx[0].data()) return;
    const T factor = this->factor();
    for (Index i = 0; i < dy.size(); ++i) {
      const bool keep = !pass.training || pass.cache->bytes[static_cast<std::size_t>(i)] == std::byte{1};
      dx[0][i] = keep ? (pass.training ? factor * dy[i] : dy[i]) : T(0);
    }
  }

 private:
  T factor() const { return static_cast<T>(rate_ < 1 ? 1 / (1 - rate_) : 0); }

  double rate_;
};

KEEL_INSTANCE(class Dropout<float>)

}  // namespace KEEL_ABI
}  // namespace keel
