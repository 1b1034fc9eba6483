#pragma once
/// What layers that only change the shape share.

#include <algorithm>

#include <keel/layers/base/layer.hpp>

namespace keel {
inline namespace KEEL_ABI {

/// Base of layers that give the same values another shape. A model runs them without a copy.
template <class T>
class ViewLayer : public Layer<T> {
 public:
  Acceleration<T> acceleration() const override { return {.role = LayerRole::view}; }
  void forward(Inputs<T> x, TensorView<T> y, Pass<T>&) const override {
    std::copy(x[0].begin(), x[0].end(), y.begin());
  }
  void backward(Inputs<T>, TensorView<const T>, TensorView<const T> dy, Outputs<T> dx, Pass<T>&) override {
    if (dx[0].data()) std::copy(dy.begin(), dy.end(), dx[0].begin());
  }

 protected:
  using Layer<T>::Layer;
};

KEEL_INSTANCE(class ViewLayer<float>)

}  // namespace KEEL_ABI
}  // namespace keel
