#pragma once
/// Dropout of whole channels of volumes.

#include <keel/layers/base/spatial_dropout.hpp>

namespace keel {
inline namespace KEEL_ABI {

/// In training every channel of a sample becomes 0 with probability `rate`, else x / (1 - rate); in inference y = x.
///
/// Input and output (batch, depth, h, w, channels). Throws ConfigError for a rate outside [0, 1]. A frozen one still
/// drops during training. Tompson et al. 2015. Keras: SpatialDropout3D. PyTorch: Dropout3d.
template <class T = float>
class SpatialDropout3D : public SpatialDropout<T, 4> {
 public:
  explicit SpatialDropout3D(double rate, SpatialDropoutOptions options = {})
      : SpatialDropout<T, 4>(rate, std::move(options)) {
    this->check_range("a rate", rate, 0, 1);
  }
  static SpatialDropout3D from_config(const Config& config) {
    return SpatialDropout3D(config.get<double>("rate", -1), {read_name(config)});
  }

  std::string type() const override { return "SpatialDropout3D"; }
};
KEEL_REFUSE_OTHERS(SpatialDropout3D)

KEEL_INSTANCE(class SpatialDropout<float, 4>)
KEEL_INSTANCE(class SpatialDropout3D<float>)

}  // namespace KEEL_ABI
}  // namespace keel
