#pragma once
/// What layers of several inputs share.

#include <keel/layers/base/layer.hpp>
#include <keel/layers/base/options.hpp>

namespace keel {
inline namespace KEEL_ABI {

struct MergeOptions {
  /// In the model; by default made from the class.
  std::string name = {};
};

/// Base of layers of two or more inputs.
template <class T>
class Merge : public Layer<T> {
 protected:
  using Layer<T>::Layer;

  /// Throws ShapeError for fewer than two inputs.
  void check_count(Shapes inputs) const {
    if (inputs.size() < 2)
      throw ShapeError(this->who(), "two inputs or more", std::to_string(inputs.size()),
                       "pass a list of nodes: model.add(layer, {a, b})");
  }
  /// Throws ShapeError: "expected inputs of one shape, got (2, 3) and (2, 4)".
  [[noreturn]] void refuse(const std::string& expected, const Shape& a, const Shape& b) const {
    throw ShapeError(this->who(), expected, a.to_string() + " and " + b.to_string());
  }
};

KEEL_INSTANCE(class Merge<float>)

}  // namespace KEEL_ABI
}  // namespace keel
