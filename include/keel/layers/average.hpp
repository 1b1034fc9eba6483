#pragma once
/// The mean of its inputs.

#include <keel/layers/base/broadcast_merge.hpp>

namespace keel {
inline namespace KEEL_ABI {

/// y = (x0 + x1 + ...) / n of n inputs, value by value. Each has 1 / n of dy.
///
/// Inputs of one shape, or with extents of 1, which count for the whole axis, aligned at the last axes. Throws
/// ShapeError for fewer than two inputs and for extents that differ and are not 1. Keras: Average. PyTorch has no
/// module.
template <class T = float>
class Average : public BroadcastMerge<T> {
 public:
  explicit Average(MergeOptions options = {}) : BroadcastMerge<T>(std::move(options.name)) {}
  static Average from_config(const Config& config) { return Average({read_name(config)}); }

  std::string type() const override { return "Average"; }

  void forward(Inputs<T> x, TensorView<T> y, Pass<T>&) const override {
    std::fill(y.begin(), y.end(), T(0));
    for (const TensorView<const T>& each : x)
      this->for_each_place(y.shape(), each.shape(), [&](Index i, Index k) { y[i] += each[k]; });
    const T count = static_cast<T>(x.size());
    for (T& value : y) value /= count;
  }
  void backward(Inputs<T> x, TensorView<const T> y, TensorView<const T> dy, Outputs<T> dx, Pass<T>& pass) override {
    for (const TensorView<T>& each : dx)
      this->sum_gradient(y.shape(), dy.data(), 1 / static_cast<double>(x.size()), each, pass);
  }
};
KEEL_REFUSE_OTHERS(Average)

KEEL_INSTANCE(class Average<float>)

}  // namespace KEEL_ABI
}  // namespace keel
