#pragma once
/// Every sample as one vector.

#include <algorithm>

#include <keel/layers/base/options.hpp>
#include <keel/layers/base/view_layer.hpp>

namespace keel {
inline namespace KEEL_ABI {

struct FlattenOptions {
  /// In the model; by default made from the class.
  std::string name = {};
};

/// Every sample as one vector, row-major: (batch, h, w, c) to (batch, h w c), (batch) to (batch, 1).
///
/// Feature (i, j, k) goes to (i w + j) c + k. PyTorch flattens (c, h, w), so that the weights of a Linear that
/// follows are permuted when they are converted. Any shape. Keras, PyTorch: Flatten.
template <class T = float>
class Flatten : public ViewLayer<T> {
 public:
  explicit Flatten(FlattenOptions options = {}) : ViewLayer<T>(std::move(options.name)) {}
  static Flatten from_config(const Config& config) { return Flatten({read_name(config)}); }

  std::string type() const override { return "Flatten"; }
  Shape output_shape(Shapes inputs) const override { return {this->single_input(inputs).size()}; }
};
KEEL_REFUSE_OTHERS(Flatten)

KEEL_INSTANCE(class Flatten<float>)

}  // namespace KEEL_ABI
}  // namespace keel
