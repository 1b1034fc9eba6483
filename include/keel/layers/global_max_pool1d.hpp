#pragma once
/// The largest value of each channel of a sequence.

#include <keel/layers/global_max_pool2d.hpp>

namespace keel {
inline namespace KEEL_ABI {

/// y = the largest value of each channel over the steps; NaN if there is one. The options are those of GlobalMaxPool2D.
///
/// Input (batch, steps, channels), output (batch, channels), or with keepdims (batch, 1, channels). Throws ShapeError
/// for an input of another rank or without steps. Keras: GlobalMaxPooling1D. PyTorch: AdaptiveMaxPool1d(1), with
/// `GlobalMaxPool2DOptions::torch()`.
template <class T = float>
class GlobalMaxPool1D : public GlobalMaxPool2D<T> {
 public:
  explicit GlobalMaxPool1D(GlobalMaxPool2DOptions options = {}) : GlobalMaxPool2D<T>(std::move(options), 1) {}
  static GlobalMaxPool1D from_config(const Config& config) {
    return GlobalMaxPool1D(read_options<GlobalMaxPool2DOptions>(config));
  }

  std::string type() const override { return "GlobalMaxPooling1D"; }
};
KEEL_REFUSE_OTHERS(GlobalMaxPool1D)

KEEL_INSTANCE(class GlobalMaxPool1D<float>)

}  // namespace KEEL_ABI
}  // namespace keel
