#pragma once
/// For layers that work along any axis: which stretch of a batch that is, and how to bring it to the end.

#include <algorithm>

#include <keel/layers/base/options.hpp>
#include <keel/tensor/tensor.hpp>

namespace keel {
inline namespace KEEL_ABI {

/// A batch as (outer, extent, inner), `extent` being that of the axes along which a layer works.
struct AxisBlock {
  Index outer = 1, extent = 1, inner = 1;

  bool last() const { return inner == 1; }
  Index size() const { return outer * extent * inner; }
};

/// The block of `axes` in a batch of samples of that shape. The axes must be neighbours; their order does not matter.
/// Throws ShapeError for axes that the sample does not have, the batch's among them.
inline AxisBlock axis_block(const LayerIdentity& layer, const Axes& axes, const Shape& sample, Index batch = 1) {
  const auto refuse = [&](const char* expected) {
    throw ShapeError(layer.who(), expected + axes.to_string(), sample.to_string(),
                     "axis 0 is the batch, 1 the first axis of a sample, -1 the last");
  };
  if (axes.list.empty()) return {.outer = batch * sample.size()};
  Index first = sample.rank(), last = -1;
  for (const Index axis : axes.list) {
    const Index at = sample_axis(axis, sample.rank());
    if (axis == 0 || at < 0 || at >= sample.rank()) refuse("an input with axis ");
    first = (std::min)(first, at);
    last = (std::max)(last, at);
  }
  if (last - first + 1 != static_cast<Index>(axes.list.size())) refuse("axes that are neighbours, not ");
  AxisBlock block{.outer = batch};
  for (Index i = 0; i < sample.rank(); ++i)
    (i < first ? block.outer : i <= last ? block.extent : block.inner) *= sample[i];
  return block;
}

/// The extents of `axes`, which the sample must have, in its order.
inline Shape axes_shape(const Axes& axes, const Shape& sample) {
  std::vector<Index> dims;
  for (Index i = 0; i < sample.rank(); ++i)
    for (const Index axis : axes.list)
      if (i == sample_axis(axis, sample.rank())) dims.push_back(sample[i]);
  return Shape(std::span<const Index>(dims));
}

/// to = from with two axes exchanged: (outer, a, b, width) to (outer, b, a, width).
template <class T>
void swap_axes(Index outer, Index a, Index b, Index width, const T* from, T* to) {
  for (Index o = 0; o < outer; ++o)
    for (Index i = 0; i < a; ++i)
      for (Index j = 0; j < b; ++j)
        std::copy_n(from + ((o * a + i) * b + j) * width, width, to + ((o * b + j) * a + i) * width);
}

/// to = from with the block's axes last: (outer, extent, inner) to (outer, inner, extent).
template <class T>
void axis_to_end(const AxisBlock& block, const T* from, T* to) {
  using Matrix = typename TensorView<T>::Matrix;
  const Index size = block.extent * block.inner;
  for (Index o = 0; o < block.outer; ++o)
    Eigen::Map<Matrix>(to + o * size, block.inner, block.extent) =
        Eigen::Map<const Matrix>(from + o * size, block.extent, block.inner).transpose();
}
/// The way back: (outer, inner, extent) to (outer, extent, inner).
template <class T>
void axis_from_end(const AxisBlock& block, const T* from, T* to) {
  axis_to_end<T>({block.outer, block.inner, block.extent}, from, to);
}

}  // namespace KEEL_ABI
}  // namespace keel
