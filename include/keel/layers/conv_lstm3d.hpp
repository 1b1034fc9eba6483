#pragma once
/// A long short-term memory that convolves volumes.

#include <keel/layers/base/conv_lstm.hpp>

namespace keel {
inline namespace KEEL_ABI {

using ConvLSTM3DOptions = ConvLSTMOptions<Triple, Padding3D>;  ///< see there

/// A ConvLSTM (base/conv_lstm.hpp) over sequences of volumes: input (batch, steps, d, h, w, channels), output
/// (batch, d, h, w, filters) or (batch, steps, d, h, w, filters).
/// Keras: ConvLSTM3D. PyTorch: none.
///
///     ConvLSTM3D(16, 3, {.padding = Padding::same, .return_sequences = true})
template <class T = float>
class ConvLSTM3D : public ConvLSTM<T> {
 public:
  /// `kernel_size`: of the windows over the input and over the state.
  ConvLSTM3D(Index filters, Triple kernel_size, ConvLSTM3DOptions options = {})
      : ConvLSTM<T>("ConvLSTM3D", 3, filters, kernel_size, std::move(options)) {}
  static ConvLSTM3D from_config(const Config& config) { return ConvLSTM3D(config); }

  std::string type() const override { return "ConvLSTM3D"; }

 private:
  explicit ConvLSTM3D(const Config& config) : ConvLSTM<T>("ConvLSTM3D", 3, config) {}
};
KEEL_REFUSE_OTHERS(ConvLSTM3D)

KEEL_INSTANCE(class ConvLSTM3D<float>)

}  // namespace KEEL_ABI
}  // namespace keel
