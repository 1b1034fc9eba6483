#pragma once
/// Shape: the extents of a tensor.

#include <algorithm>
#include <array>
#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>

#include <keel/tensor/error.hpp>
#include <keel/tensor/index.hpp>
#include <keel/tensor/text.hpp>

namespace keel {
inline namespace KEEL_ABI {

/// One extent in a list of them: any integer, so that a size_t needs no cast.
struct Extent {
  /// From any integer type.
  template <std::integral I>
  constexpr Extent(I extent) : value(static_cast<Index>(extent)) {}
  Index value;  ///< elements along the axis
};

/// The extents of a tensor, slowest axis first: (batch, height, width, channels). Rank 0 is a scalar.
/// At most 8 axes and 2^40 elements; extents are not negative. Throws ShapeError otherwise.
class Shape {
 public:
  static constexpr Index max_rank = 8;               ///< axes, the batch among them
  static constexpr Index max_size = Index{1} << 40;  ///< elements

  Shape() = default;
  /// One extent an axis.
  Shape(std::initializer_list<Extent> dims) : rank_(checked_rank(dims.size())) {
    std::transform(dims.begin(), dims.end(), dims_.begin(), [](Extent extent) { return extent.value; });
    size_ = checked_size();
  }
  /// The same from memory.
  explicit Shape(std::span<const Index> dims) : rank_(checked_rank(dims.size())) {
    std::copy(dims.begin(), dims.end(), dims_.begin());
    size_ = checked_size();
  }

  Index rank() const { return rank_; }  ///< Number of axes.
  /// Number of elements: the product of the extents, 1 for a scalar.
  Index size() const { return size_; }
  /// Extent of an axis; a negative axis counts from the end.
  Index operator[](Index axis) const { return nth(dims_, axis < 0 ? axis + rank_ : axis); }
  Index back() const { return (*this)[-1]; }                                      ///< The last extent.
  std::span<const Index> dims() const { return {dims_.data(), to_size(rank_)}; }  ///< All extents, slowest first.
  const Index* begin() const { return dims_.data(); }                             ///< the first extent
  const Index* end() const { return dims_.data() + rank_; }                       ///< behind the last extent

  /// This shape with one more axis in front: a sample's shape becomes a batch's.
  Shape with_batch(Index batch) const {
    if (rank_ == max_rank) throw ShapeError("Shape", "at most 7 axes beside the batch", to_string());
    std::array<Index, max_rank> dims{batch};
    std::copy(begin(), end(), dims.begin() + 1);
    return Shape(std::span<const Index>(dims.data(), to_size(rank_ + 1)));
  }
  /// This shape without its first axis: a batch's shape becomes a sample's.
  Shape sample() const {
    if (rank_ == 0) throw ShapeError("Shape", "a batch axis", "a scalar");
    return Shape(dims().subspan(1));
  }

  /// Whether this is a batch of samples of the given shape.
  bool is_batch_of(const Shape& sample) const {
    return rank_ == sample.rank_ + 1 && std::equal(sample.begin(), sample.end(), begin() + 1);
  }

  /// "(2, 3, 4)"; a single axis prints as "(3)".
  std::string to_string() const { return "(" + detail::join(dims(), ", ") + ")"; }

  /// Same rank, same extents.
  friend bool operator==(const Shape& a, const Shape& b) {
    return a.rank_ == b.rank_ && std::equal(a.begin(), a.end(), b.begin());
  }

 private:
  static Index checked_rank(std::size_t rank) {
    if (rank > max_rank) throw ShapeError("Shape", "at most 8 axes", std::to_string(rank));
    return static_cast<Index>(rank);
  }
  Index checked_size() const {
    bool empty = false;
    for (const Index dim : *this) {
      if (dim < 0) throw ShapeError("Shape", "extents of 0 or more", to_string());
      empty = empty || dim == 0;
    }
    if (empty) return 0;
    Index size = 1;
    for (const Index dim : *this) {
      if (static_cast<double>(dim) * static_cast<double>(size) > static_cast<double>(max_size))
        throw ShapeError("Shape", "at most 2^40 elements", to_string());
      size *= dim;
    }
    return size;
  }

  std::array<Index, max_rank> dims_{};
  Index rank_ = 0;
  Index size_ = 1;
};

}  // namespace KEEL_ABI
}  // namespace keel
