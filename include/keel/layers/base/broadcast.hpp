#pragma once
/// For layers that combine values of different shapes, as NumPy does: an extent of 1 counts for the whole axis.

#include <keel/tensor/tensor.hpp>

namespace keel {
inline namespace KEEL_ABI {

/// One stretch of a result's last axis, and where the values of an input for it are: all at `from`, or from there on.
struct BroadcastRow {
  Index to, from, columns;
  bool one;  ///< one value of the input for all columns
};

/// Calls body(BroadcastRow) for every row of a result of shape `out`; the input's shape has as many axes, each of the
/// same extent or of 1.
template <class F>
void for_each_row(const Shape& out, const Shape& in, F&& body) {
  const Index columns = out.back();
  if (out.size() == 0) return;
  for (Index row = 0; row < out.size(); row += columns) {
    Index rest = row / columns, from = 0, stride = in.back();
    for (Index axis = out.rank() - 2; axis >= 0; --axis) {
      if (in[axis] > 1) from += rest % out[axis] * stride;
      rest /= out[axis];
      stride *= in[axis];
    }
    body(BroadcastRow{row, from, columns, in.back() == 1 && columns > 1});
  }
}

/// `count` values from `data` on, as an Eigen array.
template <class T>
using Stretch = typename TensorView<T>::template Map<typename TensorView<T>::Array>;
template <class T>
Stretch<T> stretch(T* data, Index count) {
  return {data, count};
}

}  // namespace KEEL_ABI
}  // namespace keel
