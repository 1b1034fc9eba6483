#pragma once
/// Sequences with every step repeated.

#include <keel/layers/upsampling2d.hpp>

namespace keel {
inline namespace KEEL_ABI {

struct UpSampling1DOptions {
  /// In the model; by default made from the class.
  std::string name = {};
};

/// Every step `size` times: (batch, steps, channels) to (batch, size steps, channels).
///
/// Throws ConfigError for a size below 1, ShapeError for an input of another rank.
/// Keras: UpSampling1D. PyTorch: Upsample(scale_factor=size).
template <class T = float>
class UpSampling1D : public UpSampling2D<T> {
 public:
  explicit UpSampling1D(Index size = 2, UpSampling1DOptions options = {})
      : UpSampling2D<T>("UpSampling1D", {1, size}, {.name = std::move(options.name)}, 1) {}
  static UpSampling1D from_config(const Config& config) {
    return UpSampling1D(config.get<Index>("size", 2), {read_name(config)});
  }

  std::string type() const override { return "UpSampling1D"; }
  Config config() const override { return {{"size", this->size().width}}; }
};
KEEL_REFUSE_OTHERS(UpSampling1D)

KEEL_INSTANCE(class UpSampling1D<float>)

}  // namespace KEEL_ABI
}  // namespace keel
