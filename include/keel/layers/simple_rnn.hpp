#pragma once
/// A recurrent layer without gates.

#include <keel/layers/base/recurrent_layer.hpp>

namespace keel {
inline namespace KEEL_ABI {

struct SimpleRNNOptions {
  /// Of the state; default tanh.
  ActivationSpec activation = Activation::tanh;
  /// Whether numbers are added; default true.
  bool use_bias = true;
  /// The kernel's first values; default glorot_uniform.
  InitializerSpec kernel_initializer = Initializer::glorot_uniform;
  /// Those of the kernel that meets the state; default orthogonal.
  InitializerSpec recurrent_initializer = Initializer::orthogonal;
  /// The bias's first values; default zeros.
  InitializerSpec bias_initializer = Initializer::zeros;
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
    f("use_bias", use_bias);
    f("kernel_initializer", kernel_initializer);
    f("recurrent_initializer", recurrent_initializer);
    f("bias_initializer", bias_initializer);
    f("dropout", dropout);
    f("recurrent_dropout", recurrent_dropout);
    f("return_sequences", return_sequences);
    f("go_backwards", go_backwards);
    f("zero_output_for_mask", zero_output_for_mask);
  }

  /// As the base takes them.
  static RecurrentSpec spec(Index units, const SimpleRNNOptions& o) {
    return recurrent_spec(RecurrentCell::simple, units, o);
  }
};

/// h' = activation(x kernel + h recurrent_kernel + bias), from h = 0 on.
///
/// Inputs, output and mask: base/recurrent_layer.hpp. Parameters: kernel (features, units), recurrent_kernel
/// (units, units), bias (units). Throws ConfigError for numbers out of range.
///
/// Keras: SimpleRNN. PyTorch: RNN, with two biases whose sum this one is, and relu or tanh alone.
///
///     SimpleRNN(32, {.return_sequences = true})
template <class T = float>
class SimpleRNN : public RecurrentLayer<T> {
 public:
  explicit SimpleRNN(Index units, SimpleRNNOptions options = {})
      : RecurrentLayer<T>("SimpleRNN", options.name, SimpleRNNOptions::spec(units, options)),
        options_(std::move(options)) {}
  static SimpleRNN from_config(const Config& config) {
    return SimpleRNN(config.get<Index>("units", 0), read_options<SimpleRNNOptions>(config));
  }

  Index units() const { return this->spec().units; }
  const SimpleRNNOptions& options() const { return options_; }

  std::string type() const override { return "SimpleRNN"; }
  Config config() const override { return with_options({{"units", units()}}, options_); }

 private:
  SimpleRNNOptions options_;
};
KEEL_REFUSE_OTHERS(SimpleRNN)

KEEL_INSTANCE(class SimpleRNN<float>)

}  // namespace KEEL_ABI
}  // namespace keel
