#pragma once
/// A long short-term memory that convolves rows.

#include <keel/layers/base/conv_lstm.hpp>

namespace keel {
inline namespace KEEL_ABI {

using ConvLSTM1DOptions = ConvLSTMOptions<Index, Padding1D>;  ///< see there

/// A ConvLSTM (base/conv_lstm.hpp) over sequences of rows: input (batch, steps, w, channels), output
/// (batch, w, filters) or (batch, steps, w, filters). Throws ConfigError for causal padding.
/// Keras: ConvLSTM1D. PyTorch: none.
///
///     ConvLSTM1D(16, 3, {.padding = Padding1D::same, .return_sequences = true})
template <class T = float>
class ConvLSTM1D : public ConvLSTM<T> {
 public:
  /// `kernel_size`: of the windows over the input and over the state.
  ConvLSTM1D(Index filters, Index kernel_size, ConvLSTM1DOptions options = {})
      : ConvLSTM<T>("ConvLSTM1D", 1, filters, {1, 1, kernel_size}, volumes(options)) {}
  static ConvLSTM1D from_config(const Config& config) { return ConvLSTM1D(config); }

  std::string type() const override { return "ConvLSTM1D"; }

 private:
  explicit ConvLSTM1D(const Config& config) : ConvLSTM<T>("ConvLSTM1D", 1, config) {}
  static typename ConvLSTM<T>::Spec volumes(const ConvLSTM1DOptions& o) {
    if (o.padding == Padding1D::causal)
      throw ConfigError(detail::who(o.name, "ConvLSTM1D"), "padding same, valid or in numbers", "\"causal\"");
    return ConvLSTM<T>::with_extents(o, {1, 1, o.strides}, Padding3D(0, 0, o.padding.image(1)),
                                     {1, 1, o.dilation_rate});
  }
};
KEEL_REFUSE_OTHERS(ConvLSTM1D)

KEEL_INSTANCE(class ConvLSTM1D<float>)

}  // namespace KEEL_ABI
}  // namespace keel
