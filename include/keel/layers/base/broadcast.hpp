#pragma once
/// For layers that combine values of different shapes, as NumPy does: an extent of 1 counts for the whole axis.

#include <keel/layers/base/layer.hpp>
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

/// The shape in which samples of these shapes meet: they are aligned at their last axes, and each axis has the extent
/// that is not 1. Throws ShapeError where two extents differ.
inline Shape broadcast_shape(const LayerIdentity& layer, Shapes samples) {
  Shape met;
  for (const Shape& sample : samples) {
    const Index rank = (std::max)(met.rank(), sample.rank());
    std::vector<Index> dims(to_size(rank), 1);
    for (Index i = 1; i <= rank; ++i) {
      const Index a = i <= met.rank() ? met[-i] : 1, b = i <= sample.rank() ? sample[-i] : 1;
      if (a != b && a != 1 && b != 1)
        throw ShapeError(layer.who(), "inputs of one shape, or with extents of 1",
                         met.to_string() + " and " + sample.to_string());
      dims[to_size(rank - i)] = a == 1 ? b : a;
    }
    met = Shape(dims);
  }
  return met;
}

/// An operand of a result of `rank` axes, the batch's among them: axes of 1 are put behind its batch, or, where it has
/// none, in front.
inline Shape broadcast_operand(const Shape& shape, Index rank, bool has_batch = true) {
  std::vector<Index> dims(to_size(rank), 1);
  std::copy(shape.begin() + (has_batch ? 1 : 0), shape.end(), dims.end() - (shape.rank() - (has_batch ? 1 : 0)));
  if (has_batch) dims[0] = shape[0];
  return Shape(dims);
}

/// The way through a result in memory's order, with the places of its operands. Neighbouring axes along which all
/// operands go on alike are one.
class Broadcast {
 public:
  static constexpr std::size_t most = 3;  ///< operands
  using Places = std::array<Index, most>;

  /// Operands of the result's rank, each extent the result's or 1: see broadcast_operand.
  Broadcast(const Shape& out, Shapes operands) : operands_(operands.size()) {
    std::array<Index, most> strides{};
    strides.fill(1);
    for (Index axis = out.rank() - 1; axis >= 0; --axis) {
      const Index extent = out[axis];
      Axis next{extent, {}};
      for (std::size_t k = 0; k < operands_; ++k) {
        if (operands[k][axis] > 1) nth(next.steps, static_cast<Index>(k)) = strides[k];
        strides[k] *= operands[k][axis];
      }
      if (extent != 1) add(next);
    }
    if (rank_ == 0) add({1, {}});
  }

  /// Whether an operand's values differ along a stretch: its step there, 1 or 0.
  Index step(std::size_t operand) const { return axes_[0].steps[operand]; }

  /// body(place in the result, count, places of the operands) for stretches that cover [begin, end).
  template <class F>
  void for_each(Index begin, Index end, F&& body) const {
    const Index inner = axes_[0].extent;
    while (begin < end) {
      Index rest = begin / inner;
      const Index at = begin - rest * inner, count = (std::min)(inner - at, end - begin);
      Places places{};
      for (std::size_t k = 0; k < operands_; ++k) places[k] = at * axes_[0].steps[k];
      for (Index axis = 1; axis < rank_; ++axis) {
        const Axis& outer = axes_[to_size(axis)];
        const Index i = rest % outer.extent;
        rest /= outer.extent;
        for (std::size_t k = 0; k < operands_; ++k) places[k] += i * outer.steps[k];
      }
      body(begin, count, places);
      begin += count;
    }
  }

 private:
  struct Axis {
    Index extent;
    Places steps;
  };
  /// The next axis outwards.
  void add(const Axis& next) {
    if (rank_ > 0) {
      Axis& last = axes_[to_size(rank_ - 1)];
      bool alike = true;
      for (std::size_t k = 0; k < operands_; ++k) alike = alike && next.steps[k] == last.steps[k] * last.extent;
      if (alike) {
        last.extent *= next.extent;
        return;
      }
    }
    axes_[to_size(rank_++)] = next;
  }

  std::size_t operands_;
  std::array<Axis, to_size(Shape::max_rank)> axes_{};  // the innermost first
  Index rank_ = 0;
};

/// `count` values from `data` on, as an Eigen array.
template <class T>
using Stretch = typename TensorView<T>::template Map<typename TensorView<T>::Array>;
template <class T>
Stretch<T> stretch(T* data, Index count) {
  return {data, count};
}

}  // namespace KEEL_ABI
}  // namespace keel
