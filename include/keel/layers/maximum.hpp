#pragma once
/// The largest of its inputs.

#include <keel/layers/base/extreme.hpp>

namespace keel {
inline namespace KEEL_ABI {

/// y = max(x0, x1, ...), value by value; a NaN stays. The largest has the gradient, of two equal values each half.
///
/// Inputs of one shape, or with extents of 1, which count for the whole axis, aligned at the last axes. Throws
/// ShapeError for fewer than two inputs and for extents that differ and are not 1. Keras: Maximum; with TensorFlow the
/// first of two equal values has the gradient. PyTorch: maximum, of two.
template <class T = float>
class Maximum : public Extreme<T> {
 public:
  explicit Maximum(MergeOptions options = {}) : Extreme<T>(std::move(options.name), true) {}
  static Maximum from_config(const Config& config) { return Maximum({read_name(config)}); }

  std::string type() const override { return "Maximum"; }
};
KEEL_REFUSE_OTHERS(Maximum)

KEEL_INSTANCE(class Maximum<float>)

}  // namespace KEEL_ABI
}  // namespace keel
