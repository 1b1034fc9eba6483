#pragma once
/// What layers share that combine several inputs value by value, with extents of 1 counting for the whole axis.

#include <keel/layers/base/broadcast.hpp>
#include <keel/layers/base/merge.hpp>

namespace keel {
inline namespace KEEL_ABI {

/// Base of layers of two or more inputs that broadcast as NumPy does, aligned at the last axes of their samples.
template <class T>
class BroadcastMerge : public Merge<T> {
 public:
  Shape output_shape(Shapes inputs) const override {
    this->check_count(inputs);
    return broadcast_shape(*this, inputs);
  }

 protected:
  using Merge<T>::Merge;

  /// f(i, k): k is the place in the input that counts for place i of the result, in memory's order.
  template <class F>
  static void for_each_place(const Shape& out, const Shape& in, F&& f) {
    const Shape operand = broadcast_operand(in, out.rank());
    const Broadcast way(out, {&operand, 1});
    way.for_each(0, out.size(), [&](Index at, Index count, const Broadcast::Places& places) {
      for (Index i = 0; i < count; ++i) f(at + i, places[0] + i * way.step(0));
    });
  }
  /// dx = factor times the sums, in double, of dy over the places that each value counts for.
  static void sum_gradient(const Shape& out, const T* dy, double factor, const TensorView<T>& dx, Pass<T>& pass) {
    if (!dx.data()) return;
    Scratch::Frame frame(pass.kernel.scratch);
    double* const sums = pass.kernel.scratch.template take<double>(dx.size());
    std::fill(sums, sums + dx.size(), 0.0);
    for_each_place(out, dx.shape(), [&](Index i, Index k) { sums[k] += static_cast<double>(dy[i]); });
    for (Index k = 0; k < dx.size(); ++k) dx[k] = static_cast<T>(sums[k] * factor);
  }
};

KEEL_INSTANCE(class BroadcastMerge<float>)

}  // namespace KEEL_ABI
}  // namespace keel
