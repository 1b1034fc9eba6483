#pragma once
/// Dropout of whole channels of sequences.

#include <keel/layers/base/spatial_dropout.hpp>

namespace keel {
inline namespace KEEL_ABI {

/// In training every channel of a sample becomes 0 with probability `rate`, else x / (1 - rate); in inference y = x.
///
/// Input and output (batch, steps, channels). Throws ConfigError for a rate outside [0, 1]. A frozen one still drops
/// during training. Tompson et al. 2015. Keras: SpatialDropout1D. PyTorch: Dropout1d, on (batch, channels, steps).
template <class T = float>
class SpatialDropout1D : public SpatialDropout<T, 2> {
 public:
  explicit SpatialDropout1D(double rate, SpatialDropoutOptions options = {})
      : SpatialDropout<T, 2>(rate, std::move(options)) {
    this->check_range("a rate", rate, 0, 1);
  }
  static SpatialDropout1D from_config(const Config& config) {
    return SpatialDropout1D(config.get<double>("rate", -1), {read_name(config)});
  }

  std::string type() const override { return "SpatialDropout1D"; }
};
KEEL_REFUSE_OTHERS(SpatialDropout1D)

KEEL_INSTANCE(class SpatialDropout<float, 2>)
KEEL_INSTANCE(class SpatialDropout1D<float>)

}  // namespace KEEL_ABI
}  // namespace keel
