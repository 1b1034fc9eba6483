#pragma once
/// The order of a tensor's values in a Keras model where keel's is another: maps whose channels come first, and what is
/// left of that order when they are flattened.

#include <numeric>
#include <vector>

#include <keel/formats/bytes.hpp>
#include <keel/tensor/shape.hpp>

namespace keel {
inline namespace KEEL_ABI {

namespace io {

using namespace formats;

/// Values in a row that were a map: `keel` is its shape in keel, whose axis axes[i] is axis i in the file. Without
/// axes, values in the same order.
struct KerasSegment {
  Index size = 0;
  std::vector<Index> keel{};
  std::vector<std::size_t> axes{};

  friend bool operator==(const KerasSegment&, const KerasSegment&) = default;
  bool plain() const { return axes.empty(); }
};

struct KerasValueOrder {
  bool maps = false;                   ///< (c, h, w) in the file, (h, w, c) in keel
  std::vector<KerasSegment> segments;  ///< of a row of values; none: in the same order

  friend bool operator==(const KerasValueOrder&, const KerasValueOrder&) = default;
  bool plain() const { return !maps && segments.empty(); }
};

/// How a map of keel's shape, whose axis axes[i] is axis i in the file, lies there when it is flattened.
inline KerasValueOrder flattened(const Shape& keel, std::vector<std::size_t> axes) {
  std::vector<std::size_t> long_axes;  // an axis of 1 may stand anywhere
  for (const std::size_t axis : axes)
    if (keel[static_cast<Index>(axis)] != 1) long_axes.push_back(axis);
  if (std::is_sorted(long_axes.begin(), long_axes.end())) return {};
  return {false, {{keel.size(), {keel.begin(), keel.end()}, std::move(axes)}}};
}

/// Rows one after the other. Throws FormatError where there are too many pieces, as a small file can make them.
inline KerasValueOrder joined(const std::vector<KerasValueOrder>& orders, const std::vector<Shape>& shapes,
                              const std::string& where) {
  KerasValueOrder result;
  for (std::size_t i = 0; i < orders.size(); ++i) {
    if (orders[i].segments.empty()) result.segments.push_back({shapes[i].size(), {}, {}});
    result.segments.insert(result.segments.end(), orders[i].segments.begin(), orders[i].segments.end());
    if (result.segments.size() > 4096) throw FormatError(where, "rows of at most 4096 flattened maps", "more");
  }
  const bool plain = std::all_of(result.segments.begin(), result.segments.end(),
                                 [](const KerasSegment& segment) { return segment.plain(); });
  if (plain) result.segments.clear();
  return result;
}

/// At k, the file's position of keel's k-th value.
inline std::vector<Index> positions(const KerasValueOrder& order) {
  std::vector<Index> result;
  Index before = 0;
  for (const KerasSegment& segment : order.segments) {
    const std::size_t rank = segment.keel.size();
    std::vector<Index> stride(rank, 1);  // in the file, of keel's axes
    for (std::size_t i = rank; i-- > 1;)
      stride[segment.axes[i - 1]] = stride[segment.axes[i]] * segment.keel[segment.axes[i]];
    for (Index k = 0; k < segment.size; ++k) {
      Index rest = k, at = segment.plain() ? k : 0;
      for (std::size_t axis = rank; axis-- > 0;) {
        at += rest % segment.keel[axis] * stride[axis];
        rest /= segment.keel[axis];
      }
      result.push_back(before + at);
    }
    before += segment.size;
  }
  return result;
}

/// An axis of channels-first images, counted with the batch, as one of channels-last images; of others as it is. From
/// the end it is counted below 0: the channels are -1.
inline Index turned_axis(Index axis, Index rank, bool maps) {
  if (axis < 0) axis += rank;
  if (maps && axis > 0) axis = axis == 1 ? rank - 1 : axis - 1;
  return axis == rank - 1 ? -1 : axis;
}

}  // namespace io

}  // namespace KEEL_ABI
}  // namespace keel
