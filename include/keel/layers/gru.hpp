#pragma once
/// A gated recurrent unit.

#include <keel/layers/base/recurrent_layer.hpp>

namespace keel {
inline namespace KEEL_ABI {

struct GRUOptions {
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
  /// Let the reset gate act behind the recurrent product (today's Keras and PyTorch), not before it (Cho et al. 2014);
  /// default true.
  bool reset_after = true;
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
    f("reset_after", reset_after);
    f("dropout", dropout);
    f("recurrent_dropout", recurrent_dropout);
    f("return_sequences", return_sequences);
    f("go_backwards", go_backwards);
    f("zero_output_for_mask", zero_output_for_mask);
  }

  /// As the base takes them.
  static RecurrentSpec spec(Index units, const GRUOptions& o) {
    return recurrent_spec(o.reset_after ? RecurrentCell::gru_after : RecurrentCell::gru_before, units, o);
  }
};

/// A gated recurrent unit (Cho et al. 2014): with kernels in three parts z, r, n, from h = 0 on,
///
///     z = s(x Kz + h Rz + bz)      r = s(x Kr + h Rr + br)      h' = z h + (1 - z) n
///     n = a(x Kn + bn + r (h Rn + cn)),      without reset_after n = a(x Kn + (r h) Rn + bn)
///
/// where s is the recurrent activation and a the activation. Inputs, output and mask: base/recurrent_layer.hpp.
/// Parameters: kernel (features, 3 units), recurrent_kernel (units, 3 units), bias (2, 3 units), that of the input and
/// that of the state, without reset_after (3 units). Throws ConfigError for numbers out of range.
///
/// Keras: GRU. PyTorch: GRU, with reset_after only and in the order r, z, n.
///
///     GRU(64, {.return_sequences = true})
template <class T = float>
class GRU : public RecurrentLayer<T> {
 public:
  explicit GRU(Index units, GRUOptions options = {})
      : RecurrentLayer<T>("GRU", options.name, GRUOptions::spec(units, options)), options_(std::move(options)) {}
  static GRU from_config(const Config& config) {
    return GRU(config.get<Index>("units", 0), read_options<GRUOptions>(config));
  }

  Index units() const { return this->spec().units; }
  const GRUOptions& options() const { return options_; }

  std::string type() const override { return "GRU"; }
  Config config() const override { return with_options({{"units", units()}}, options_); }

 private:
  GRUOptions options_;
};
KEEL_REFUSE_OTHERS(GRU)

KEEL_INSTANCE(class GRU<float>)

}  // namespace KEEL_ABI
}  // namespace keel
