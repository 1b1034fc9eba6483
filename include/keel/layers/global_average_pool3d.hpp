#pragma once
/// The mean of each channel of a volume.

#include <keel/layers/global_average_pool2d.hpp>

namespace keel {
inline namespace KEEL_ABI {

/// y = the mean of each channel over depth, height and width, summed in double. The options are those of
/// GlobalAveragePool2D.
///
/// Input (batch, d, h, w, channels), output (batch, channels), or with keepdims (batch, 1, 1, 1, channels). Throws
/// ShapeError for an input of another rank or without cells. Keras: GlobalAveragePooling3D. PyTorch:
/// AdaptiveAvgPool3d(1), with `keepdims`.
template <class T = float>
class GlobalAveragePool3D : public GlobalAveragePool2D<T> {
 public:
  explicit GlobalAveragePool3D(GlobalAveragePool2DOptions options = {})
      : GlobalAveragePool2D<T>(std::move(options), 3) {}
  static GlobalAveragePool3D from_config(const Config& config) {
    return GlobalAveragePool3D(read_options<GlobalAveragePool2DOptions>(config));
  }

  std::string type() const override { return "GlobalAveragePooling3D"; }
};
KEEL_REFUSE_OTHERS(GlobalAveragePool3D)

KEEL_INSTANCE(class GlobalAveragePool3D<float>)

}  // namespace KEEL_ABI
}  // namespace keel
