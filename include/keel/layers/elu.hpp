#pragma once
/// An exponential linear unit.

#include <keel/layers/activation_layer.hpp>

namespace keel {
inline namespace KEEL_ABI {

struct ELUOptions {
  /// Scale of the negative branch, whose limit is -alpha; default 1.
  double alpha = 1;
  /// In the model; by default made from the class.
  std::string name = {};

  template <class F>
  void fields(F&& f) {
    f("alpha", alpha);
  }
};

/// y = x if x > 0, else alpha (exp(x) - 1). Any shape; output as input. Clevert et al. 2016. Keras, PyTorch: ELU.
template <class T = float>
class ELU : public ActivationLayer<T> {
 public:
  explicit ELU(ELUOptions options = {})
      : ActivationLayer<T>({Activation::elu, options.alpha}, {options.name}), options_(std::move(options)) {}
  static ELU from_config(const Config& config) { return ELU(read_options<ELUOptions>(config)); }

  std::string type() const override { return "ELU"; }
  Config config() const override { return with_options({}, options_); }

 private:
  ELUOptions options_;
};
KEEL_REFUSE_OTHERS(ELU)

KEEL_INSTANCE(class ELU<float>)

}  // namespace KEEL_ABI
}  // namespace keel
