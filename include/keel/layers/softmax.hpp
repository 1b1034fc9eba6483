#pragma once

#include <keel/layers/activation_layer.hpp>

namespace keel {
inline namespace KEEL_ABI {

/// y = exp(x) / sum of exp(x) along the last axis. Keras: Softmax with its default axis. PyTorch: Softmax(-1).
template <class T = float>
class Softmax : public ActivationLayer<T> {
 public:
  explicit Softmax(ActivationOptions options = {}) : ActivationLayer<T>(Activation::softmax, std::move(options)) {}
  static Softmax from_config(const Config& config) {
    if (const Index axis = config.get<Index>("axis", -1); axis != -1)
      throw ConfigError("Softmax", "the last axis, -1", std::to_string(axis));
    return Softmax({read_name(config)});
  }

  std::string type() const override { return "Softmax"; }
  Config config() const override { return {{"axis", Index{-1}}}; }
};

KEEL_INSTANCE(class Softmax<float>)

}  // namespace KEEL_ABI
}  // namespace keel
