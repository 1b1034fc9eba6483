#pragma once
/// The layer that does nothing.

#include <keel/layers/base/options.hpp>
#include <keel/layers/base/view_layer.hpp>

namespace keel {
inline namespace KEEL_ABI {

struct IdentityOptions {
  /// In the model; by default made from the class.
  std::string name = {};
};

/// y = x, in inference and training; a model does not even copy it. Any shape. Keras, PyTorch: Identity.
template <class T = float>
class Identity : public ViewLayer<T> {
 public:
  explicit Identity(IdentityOptions options = {}) : ViewLayer<T>(std::move(options.name)) {}
  static Identity from_config(const Config& config) { return Identity({read_name(config)}); }

  std::string type() const override { return "Identity"; }
  Shape output_shape(Shapes inputs) const override { return this->single_input(inputs); }
};
KEEL_REFUSE_OTHERS(Identity)

KEEL_INSTANCE(class Identity<float>)

}  // namespace KEEL_ABI
}  // namespace keel
