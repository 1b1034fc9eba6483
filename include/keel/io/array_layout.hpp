#pragma once
/// How a parameter's values lie in a file of another world: axes in another order, features in another order.

#include <keel/dialects/option.hpp>
#include <keel/formats/archive.hpp>

namespace keel {
inline namespace KEEL_ABI {

namespace io {

/// How values lie in a file: its shape split into `split`, whose axis axes[i] is the parameter's axis i; along the
/// parameter's first axis, or `axis`, position k holds what the file has at features[k]. Empty: as in the
/// parameter.
struct ArrayLayout {
  Shape file{};
  std::vector<Index> split = {};
  std::vector<std::size_t> axes = {};
  std::vector<Index> features = {};
  std::string change = {};
};

/// From letters, "HWIO" and "OIHW": the same letter is the same axis, (CM) are axes in one, 1 is an extent of 1.
inline ArrayLayout layout_of(const dialects::Weight& weight, const Shape& shape) {
  ArrayLayout layout{.file = shape};
  if (static_cast<Index>(weight.keel_axes.size()) != shape.rank()) return layout;
  const auto extent = [&](char letter) {
    const std::size_t at = letter == '1' ? weight.keel_axes.npos : weight.keel_axes.find(letter);
    return at == weight.keel_axes.npos ? Index{1} : shape[static_cast<Index>(at)];
  };
  std::vector<Index> file;
  std::string letters;
  bool inside = false, first = true;
  for (const char c : weight.axes) {
    if (c == '(' || c == ')') {
      inside = first = c == '(';
      continue;
    }
    if (inside && !first)
      file.back() *= extent(c);
    else
      file.push_back(extent(c));
    first = false;
    if (c == '1') continue;
    letters += c;
    layout.split.push_back(extent(c));
  }
  layout.file = Shape(std::span<const Index>(file));
  for (const char c : weight.keel_axes)
    if (c != '1') layout.axes.push_back(letters.find(c));
  if (std::is_sorted(layout.axes.begin(), layout.axes.end())) {  // the same order: the shape alone differs
    layout.axes.clear();
    layout.split.clear();
  }
  if (weight.axes != weight.keel_axes)
    layout.change = std::string(weight.axes) + " to " + std::string(weight.keel_axes);
  return layout;
}

/// Axis i of the result is axis axes[i] of `from`.
template <class T>
Tensor<T> permuted(const Tensor<T>& from, const std::vector<std::size_t>& axes) {
  const std::size_t rank = axes.size();
  std::vector<Index> dims(rank), strides(rank), at(rank, 0);
  for (std::size_t i = 0; i < rank; ++i) {
    dims[i] = from.shape()[static_cast<Index>(axes[i])];
    strides[i] = 1;
    for (std::size_t after = axes[i] + 1; after < rank; ++after) strides[i] *= from.shape()[static_cast<Index>(after)];
  }
  Tensor<T> to = Tensor<T>::uninitialized(Shape(std::span<const Index>(dims)));
  Index source = 0;
  for (Index i = 0; i < to.size(); ++i) {
    to[i] = from[source];
    for (std::size_t axis = rank; axis-- > 0;) {
      source += strides[axis];
      if (++at[axis] < dims[axis]) break;
      source -= strides[axis] * dims[axis];
      at[axis] = 0;
    }
  }
  return to;
}

/// Row k of the result is row order[k] of `from`; with `back`, the other way round.
template <class T>
Tensor<T> reordered(const Tensor<T>& from, const std::vector<Index>& order, bool back = false) {
  Tensor<T> to = Tensor<T>::uninitialized(from.shape());
  const Index width = from.size() / static_cast<Index>(order.size());
  for (Index k = 0; k < static_cast<Index>(order.size()); ++k) {
    const Index source = order[static_cast<std::size_t>(k)];
    std::copy_n(from.data() + (back ? k : source) * width, width, to.data() + (back ? source : k) * width);
  }
  return to;
}

/// Where the values of a file, one after the other, belong in a parameter.
class Places {
 public:
  Places(const ArrayLayout& layout, const Shape& shape) {
    const Shape& file = layout.file;
    const std::vector<Index> whole(file.begin(), file.end());
    const std::vector<Index>& split = layout.split.empty() ? whole : layout.split;
    extents_ = layout.axes.empty() ? std::vector<Index>{shape.size()} : split;
    steps_.assign(extents_.size(), 1);
    at_.assign(extents_.size(), 0);
    Index step = 1;
    for (std::size_t i = layout.axes.size(); i-- > 0;) {
      steps_[layout.axes[i]] = step;
      step *= extents_[layout.axes[i]];
    }
    rows_.resize(layout.features.size());
    for (std::size_t k = 0; k < rows_.size(); ++k) rows_[to_size(layout.features[k])] = static_cast<Index>(k);
    if (!rows_.empty()) width_ = shape.size() / static_cast<Index>(rows_.size());
  }

  /// How many values a step of the file's first axis goes over, where that is the parameter's last; else 0.
  Index row() const {
    if (extents_.size() < 2 || steps_[0] != 1) return 0;
    Index row = 1;
    for (std::size_t axis = 1; axis < extents_.size(); ++axis) row *= extents_[axis];
    return row;
  }
  Index next() {
    const Index place = place_;
    for (std::size_t axis = extents_.size(); axis-- > 0;) {
      place_ += steps_[axis];
      if (++at_[axis] < extents_[axis]) break;
      place_ -= steps_[axis] * extents_[axis];
      at_[axis] = 0;
    }
    return rows_.empty() ? place : rows_[to_size(place / width_)] * width_ + place % width_;
  }

 private:
  std::vector<Index> extents_, steps_, at_;  // of the file's axes; steps in the parameter
  std::vector<Index> rows_;                  // in which row of the parameter a row is
  Index place_ = 0, width_ = 1;
};

/// Values of T whose first axis, of rows of `row` values, is the parameter's last: 16 rows at a time, so that values
/// which lie side by side are written together.
template <class T>
void turn_rows(const NamedArray& array, Places& places, Index row, Tensor<T>& values) {
  constexpr Index group = 16, longest = 16384;
  const Index rows = values.size() / row, part = (std::min)(row, longest);
  const Index pitch = part + group;  // rows 4096 bytes apart would be in each other's way in the cache
  std::vector<Index> place(to_size(row));
  for (Index& each : place) each = places.next();
  std::vector<T> block(to_size(group * pitch));
  for (Index first = 0; first < rows; first += group)
    for (Index begin = 0; begin < row; begin += part) {
      const Index count = (std::min)(group, rows - first), length = (std::min)(part, row - begin);
      for (Index r = 0; r < count; ++r)
        formats::copy_values(array, to_size((first + r) * row + begin) * sizeof(T),
                             std::as_writable_bytes(std::span(block.data() + r * pitch, to_size(length))));
      for (Index i = 0; i < length; ++i) {
        T* const to = values.data() + place[to_size(begin + i)] + first;
        for (Index r = 0; r < count; ++r) to[r] = block[to_size(r * pitch + i)];
      }
    }
}

/// A file's array as the values of a parameter. Throws FormatError as `to_tensor` does.
template <class T>
Tensor<T> parameter_values(const NamedArray& array, const ArrayLayout& layout, const Shape& shape,
                           const std::string& where) {
  if (layout.axes.empty() && layout.features.empty()) return to_tensor<T>(array, where).reshaped(shape);
  Tensor<T> values = Tensor<T>::uninitialized(shape);
  Places places(layout, shape);
  // with fewer rows the list of places would be as large as the values
  if (const Index row = places.row(); row >= 64 && values.size() / row >= 64 && formats::is_as_in_memory<T>(array)) {
    turn_rows(array, places, row, values);
    return values;
  }
  formats::for_each_as<T>(array, where, [&](Index, T value) { values[places.next()] = value; });
  return values;
}

template <class T>
Tensor<T> to_file(Tensor<T> value, const ArrayLayout& layout) {
  if (!layout.features.empty()) value = reordered(value, layout.features, true);
  if (!layout.axes.empty()) {
    std::vector<std::size_t> back(layout.axes.size());
    for (std::size_t i = 0; i < back.size(); ++i) back[layout.axes[i]] = i;
    if (value.rank() != static_cast<Index>(back.size())) {
      std::vector<Index> dims;
      for (const std::size_t axis : layout.axes) dims.push_back(layout.split[axis]);
      value = std::move(value).reshaped(Shape(std::span<const Index>(dims)));
    }
    value = permuted(value, back);
  }
  return std::move(value).reshaped(layout.file);
}

}  // namespace io

}  // namespace KEEL_ABI
}  // namespace keel
