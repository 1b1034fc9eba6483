#pragma once
/// Long short-term memory.

#include <keel/layers/base/recurrent_layer.hpp>

namespace keel {
inline namespace KEEL_ABI {

struct LSTMOptions {
  /// Of the candidate and of the state's output; default tanh.
  ActivationSpec activation = Activation::tanh;
  /// Of the gates; default sigmoid. Keras 2.3 and older: hard_sigmoid_keras2.
  ActivationSpec recurrent_activation = Activation::sigmoid;
  /// Whether numbers are added; default true.
  bool use_bias = true;
  /// The kernel's first values; default glorot_uniform.
  InitializerSpec kernel_initializer = Initializer::glorot_uniform;
  /// Those of the kernel that meets the state; default orthogonal.
  InitializerSpec recurrent_initializer = Initializer::orthogonal;
  /// The bias's first values; default zeros.
  InitializerSpec bias_initializer = Initializer::zeros;
  /// Begin with 1 as the bias of the forget gate; default true.
  bool unit_forget_bias = true;
  /// Part of the input that is dropped in training, one draw for all steps of a sample; within [0, 1); default 0.
  double dropout = 0;
  /// The same of the state; default 0.
  double recurrent_dropout = 0;
  /// Give the states of all steps, not the last one; default false.
  bool return_sequences = false;
  /// Take the steps from the last to the first, and give them in that order; default false.
  bool go_backwards = false;
  /// Give 0 where a mask says that a step does not count, not the output before; default false.
  bool zero_output_for_mask = false;
  /// In the model; by default made from the class.
  std::string name = {};

  template <class F>
  void fields(F&& f) {
    f("activation", activation);
    f("recurrent_activation", recurrent_activation);
    f("use_bias", use_bias);
    f("kernel_initializer", kernel_initializer);
    f("recurrent_initializer", recurrent_initializer);
    f("bias_initializer", bias_initializer);
    f("unit_forget_bias", unit_forget_bias);
    f("dropout", dropout);
    f("recurrent_dropout", recurrent_dropout);
    f("return_sequences", return_sequences);
    f("go_backwards", go_backwards);
    f("zero_output_for_mask", zero_output_for_mask);
  }

  /// As the base takes them.
  static RecurrentSpec spec(Index units, const LSTMOptions& o) { return recurrent_spec(RecurrentCell::lstm, units, o); }
};

/// Long short-term memory (Hochreiter and Schmidhuber 1997): with z = x kernel + h recurrent_kernel + bias in four
/// parts i, f, g, o,
///
///     c' = s(f) c + s(i) a(g)      h' = s(o) a(c')      from h = c = 0 on
///
/// where s is the recurrent activation and a the activation. Inputs, output and mask: base/recurrent_layer.hpp.
/// Parameters: kernel (features, 4 units), recurrent_kernel (units, 4 units), bias (4 units). Throws ConfigError for
/// numbers out of range.
///
/// Keras: LSTM. PyTorch: LSTM, the same order and formula, with two biases whose sum this one is.
///
///     LSTM(128, {.return_sequences = true})
template <class T = float>
class LSTM : public RecurrentLayer<T> {
 public:
  explicit LSTM(Index units, LSTMOptions options = {})
      : RecurrentLayer<T>("LSTM", options.name, LSTMOptions::spec(units, options)), options_(std::move(options)) {}
  static LSTM from_config(const Config& config) {
    return LSTM(config.get<Index>("units", 0), read_options<LSTMOptions>(config));
  }

  Index units() const { return this->spec().units; }
  const LSTMOptions& options() const { return options_; }

  std::string type() const override { return "LSTM"; }
  Config config() const override { return with_options({{"units", units()}}, options_); }

 private:
  LSTMOptions options_;
};
KEEL_REFUSE_OTHERS(LSTM)

KEEL_INSTANCE(class LSTM<float>)

}  // namespace KEEL_ABI
}  // namespace keel
