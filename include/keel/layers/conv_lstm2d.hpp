#pragma once
/// A long short-term memory that convolves images.

#include <keel/layers/base/conv_lstm.hpp>

namespace keel {
inline namespace KEEL_ABI {

using ConvLSTM2DOptions = ConvLSTMOptions<Pair, Padding>;  ///< see there

/// A ConvLSTM (base/conv_lstm.hpp) over sequences of images: input (batch, steps, h, w, channels), output
/// (batch, h, w, filters) or (batch, steps, h, w, filters).
/// Keras: ConvLSTM2D. PyTorch: none.
///
///     ConvLSTM2D(16, 3, {.padding = Padding::same, .return_sequences = true})
template <class T = float>
class ConvLSTM2D : public ConvLSTM<T> {
 public:
  /// `kernel_size`: of the windows over the input and over the state.
  ConvLSTM2D(Index filters, Pair kernel_size, ConvLSTM2DOptions options = {})
      : ConvLSTM<T>("ConvLSTM2D", 2, filters, {1, kernel_size.height, kernel_size.width}, volumes(options)) {}
  static ConvLSTM2D from_config(const Config& config) { return ConvLSTM2D(config); }

  std::string type() const override { return "ConvLSTM2D"; }

 private:
  explicit ConvLSTM2D(const Config& config) : ConvLSTM<T>("ConvLSTM2D", 2, config) {}
  static typename ConvLSTM<T>::Spec volumes(const ConvLSTM2DOptions& o) {
    return ConvLSTM<T>::with_extents(o, {1, o.strides.height, o.strides.width}, Padding3D(0, 0, o.padding),
                                     {1, o.dilation_rate.height, o.dilation_rate.width});
  }
};
KEEL_REFUSE_OTHERS(ConvLSTM2D)

KEEL_INSTANCE(class ConvLSTM2D<float>)

}  // namespace KEEL_ABI
}  // namespace keel
