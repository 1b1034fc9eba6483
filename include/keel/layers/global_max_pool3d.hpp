#pragma once
/// The largest value of each channel of a volume.

#include <keel/layers/global_max_pool2d.hpp>

namespace keel {
inline namespace KEEL_ABI {

/// y = the largest value of each channel over depth, height and width; NaN if there is one. The options are those of
/// GlobalMaxPool2D.
///
/// Input (batch, d, h, w, channels), output (batch, channels), or with keepdims (batch, 1, 1, 1, channels). Throws
/// ShapeError for an input of another rank or without cells. Keras: GlobalMaxPooling3D. PyTorch: AdaptiveMaxPool3d(1),
/// with `GlobalMaxPool2DOptions::torch()`.
template <class T = float>
class GlobalMaxPool3D : public GlobalMaxPool2D<T> {
 public:
  explicit GlobalMaxPool3D(GlobalMaxPool2DOptions options = {}) : GlobalMaxPool2D<T>(std::move(options), 3) {}
  static GlobalMaxPool3D from_config(const Config& config) {
    return GlobalMaxPool3D(read_options<GlobalMaxPool2DOptions>(config));
  }

  std::string type() const override { return "GlobalMaxPooling3D"; }
};
KEEL_REFUSE_OTHERS(GlobalMaxPool3D)

KEEL_INSTANCE(class GlobalMaxPool3D<float>)

}  // namespace KEEL_ABI
}  // namespace keel
