#pragma once
/// The mean of each channel of a sequence.

#include <keel/layers/global_average_pool2d.hpp>

namespace keel {
inline namespace KEEL_ABI {

/// y = the mean of each channel over the steps, summed in double. The options are those of GlobalAveragePool2D.
///
/// Input (batch, steps, channels), output (batch, channels), or with keepdims (batch, 1, channels). Throws ShapeError
/// for an input of another rank or without steps. Keras: GlobalAveragePooling1D. PyTorch: AdaptiveAvgPool1d(1), with
/// `keepdims`.
template <class T = float>
class GlobalAveragePool1D : public GlobalAveragePool2D<T> {
 public:
  explicit GlobalAveragePool1D(GlobalAveragePool2DOptions options = {})
      : GlobalAveragePool2D<T>(std::move(options), 1) {}
  static GlobalAveragePool1D from_config(const Config& config) {
    return GlobalAveragePool1D(read_options<GlobalAveragePool2DOptions>(config));
  }

  std::string type() const override { return "GlobalAveragePooling1D"; }
};
KEEL_REFUSE_OTHERS(GlobalAveragePool1D)

KEEL_INSTANCE(class GlobalAveragePool1D<float>)

}  // namespace KEEL_ABI
}  // namespace keel
