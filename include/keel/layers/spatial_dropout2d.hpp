#pragma once
/// Dropout of whole channels of images.

#include <keel/layers/base/spatial_dropout.hpp>

namespace keel {
inline namespace KEEL_ABI {

/// In training every channel of a sample becomes 0 with probability `rate`, else x / (1 - rate); in inference y = x.
///
/// Input and output (batch, h, w, channels). Throws ConfigError for a rate outside [0, 1]. A frozen one still drops
/// during training. Tompson et al. 2015. Keras: SpatialDropout2D. PyTorch: Dropout2d.
template <class T = float>
class SpatialDropout2D : public SpatialDropout<T, 3> {
 public:
  explicit SpatialDropout2D(double rate, SpatialDropoutOptions options = {})
      : SpatialDropout<T, 3>(rate, std::move(options)) {
    this->check_range("a rate", rate, 0, 1);
  }
  static SpatialDropout2D from_config(const Config& config) {
    return SpatialDropout2D(config.get<double>("rate", -1), {read_name(config)});
  }

  std::string type() const override { return "SpatialDropout2D"; }
};
KEEL_REFUSE_OTHERS(SpatialDropout2D)

KEEL_INSTANCE(class SpatialDropout<float, 3>)
KEEL_INSTANCE(class SpatialDropout2D<float>)

}  // namespace KEEL_ABI
}  // namespace keel
