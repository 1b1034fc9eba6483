#pragma once
/// The smallest of its inputs.

#include <keel/layers/base/extreme.hpp>

namespace keel {
inline namespace KEEL_ABI {

/// y = min(x0, x1, ...), value by value; a NaN stays. The smallest has the gradient, of two equal values each half.
///
/// Inputs of one shape, or with extents of 1, which count for the whole axis, aligned at the last axes. Throws
/// ShapeError for fewer than two inputs and for extents that differ and are not 1. Keras: Minimum; with TensorFlow the
/// first of two equal values has the gradient. PyTorch: minimum, of two.
template <class T = float>
class Minimum : public Extreme<T> {
 public:
  explicit Minimum(MergeOptions options = {}) : Extreme<T>(std::move(options.name), false) {}
  static Minimum from_config(const Config& config) { return Minimum({read_name(config)}); }

  std::string type() const override { return "Minimum"; }
};
KEEL_REFUSE_OTHERS(Minimum)

KEEL_INSTANCE(class Minimum<float>)

}  // namespace KEEL_ABI
}  // namespace keel
