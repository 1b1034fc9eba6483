#pragma once
/// ONNX's operators that give values another shape.

#include <keel/io/onnx/import_functions.hpp>

#if KEEL_HAS_PROTOBUF

namespace keel {
inline namespace KEEL_ABI {

namespace io::onnx {

/// Values that only change their shape, to one in ONNX's order.
template <class T>
void reshaped(OnnxImport<T>& to, const FileNode& node, const std::vector<Index>& sample) {
  const Imported& x = to.raw(node);
  if (x.images && sample.size() == 1) {
    const Shape shape = to.sample(x);
    const bool pixels = shape.size() > shape.back() && shape.back() > 1;
    return to.set(node, Imported{.node = to.add(node, Flatten<T>(), x.node),
                                 .features = pixels ? shape : Shape{},
                                 .integers = x.integers});
  }
  if (x.features.rank() > 0 && sample.size() == 1) return to.set(node, x);
  const Node from = to.plain(node, x);
  to.set(node, Imported{.node = sample.size() == 1 ? to.add(node, Flatten<T>(), from)
                                                   : to.add(node, Reshape<T>(sample), from),
                        .integers = x.integers});
}
/// The same values with other axes; `sample` has those of the batch's place too.
template <class T>
void cut_anew(OnnxImport<T>& to, const FileNode& node, const Imported& x, Shape sample, const BatchPlace& batch) {
  Imported made{.node = to.plain(node, x), .integers = x.integers, .batch = batch};
  if (to.sample(made) != sample) made.view = sample;
  to.set(node, std::move(made));
}
template <class T>
void import_flatten(OnnxImport<T>& to, const FileNode& node) {
  const Imported& x = to.whole ? to.counted(node) : to.in(node);
  if (x.constant) to.refuse(node, "a computed input", "a constant");
  const auto dims = to.dims(x);
  const Index axis = integer_or(node, "axis", 1);
  if (x.batch.whole()) {
    const Index rank = count_of(dims), at = axis < 0 ? axis + rank : axis;
    if (at < 0 || at > rank) to.refuse(node, "an axis up to " + std::to_string(rank), std::to_string(axis));
    std::vector<Index> sides{1, 1};
    for (Index i = 0; i < rank; ++i) nth(sides, i < at ? 0 : 1) *= nth(dims, i);
    return cut_anew(to, node, x, Shape(std::span<const Index>(sides)), x.batch);
  }
  // Keras's old exporter wrote axis 0 for models of one sample
  if (axis != 1 && axis != 1 - count_of(dims) &&
      !(axis == 0 && (to.batch == 1 || to.graph().producer == "OnnxMLTools")))
    to.refuse(node, "axis 1", std::to_string(axis));
  reshaped(to, node, {to.sample(x).size()});
}
/// The extents of `count` values by a list of ONNX's, where 0 is as before and one -1 the rest.
template <class T>
std::vector<Index> reshaped_dims(OnnxImport<T>& to, const FileNode& node, const std::vector<Index>& from, Index count,
                                 const std::vector<double>& target) {
  std::vector<Index> dims;
  Index known = 1, open = -1;
  for (std::size_t i = 0; i < target.size(); ++i) {
    Index extent = to.integer(node, target[i]);
    if (extent == 0 && integer_or(node, "allowzero", 0) == 0) extent = i < from.size() ? from[i] : -2;
    if (extent < -1 || extent > Index{1} << 40 || (extent == -1 && open >= 0) || dims.size() == 8)
      to.refuse(node, "extents, at most one of them -1", std::to_string(extent));
    if (extent == -1)
      open = static_cast<Index>(i);
    else if (extent != 0 && known > (Index{1} << 40) / extent)
      to.refuse(node, "as many values as before", "more");
    else
      known *= extent;
    dims.push_back(extent);
  }
  if (open >= 0 && (known == 0 || count % known != 0)) to.refuse(node, "as many values as before", "another number");
  if (open >= 0) nth(dims, open) = count / known;
  if (open < 0 && known != count) to.refuse(node, std::to_string(count) + " values", std::to_string(known));
  return dims;
}
/// Extents of ONNX's that the values of a sample are given: the numbers, and which of them holds the batch how many times.
struct Extents {
  std::vector<Index> numbers = {};
  Index batch = -1, times = 1;
};
/// Where the batch is among extents that stand for the same values: those before it keep their product.
inline std::optional<std::pair<Shape, BatchPlace>> place_of(const Extents& to, Index before, Index after) {
  Index outer = 1, inner = 1;
  for (Index i = 0; i < count_of(to.numbers); ++i)
    if (i != to.batch) (i < to.batch ? outer : inner) *= nth(to.numbers, i);
  if (outer == 0 || before % outer != 0) return std::nullopt;
  BatchPlace place{.axis = to.batch, .before = before / outer};
  if (to.times % place.before != 0) return std::nullopt;
  place.after = to.times / place.before;
  if (place.after * inner != after) return std::nullopt;
  std::vector<Index> sample;
  for (Index i = 0; i < count_of(to.numbers); ++i)
    if (i != to.batch) {
      sample.push_back(nth(to.numbers, i));
    } else {
      place.put(sample);
    }
  if (sample.size() > 8) return std::nullopt;
  return std::pair(Shape(std::span<const Index>(sample)), place);
}
/// The extents of a Reshape; -1 for the one that is left open, if any, and which that is.
template <class T>
Extents asked_extents(OnnxImport<T>& to, const FileNode& node, const Imported& x, Index& open, Index& known) {
  const std::vector<double>& target = to.constant(node, 1).numbers;
  const std::vector<Index> from = to.dims(x);
  const bool copied = integer_or(node, "allowzero", 0) == 0;  // 0 is as before
  const Index inside = x.batch.before * x.batch.after, most = Index{1} << 40;
  Extents extents;
  for (std::size_t i = 0; i < target.size(); ++i) {
    Index times = batches(target[i]), extent = times > 0 ? times : to.integer(node, target[i]);
    if (extent == 0 && copied && i < from.size()) {
      times = from[i] == -1 ? inside : 0;
      extent = from[i] == -1 ? inside : from[i];
    }
    const auto at = static_cast<Index>(i);
    const bool left_open = extent == -1 && open < 0;
    if (!left_open && (extent < 1 || extent > most || known > most / extent || (times > 0 && extents.batch >= 0)))
      to.refuse(node, "extents that leave the batch as it is",
                std::to_string(extent) + " on axis " + std::to_string(i));
    if (left_open)
      open = at;
    else
      known *= extent;
    if (times > 0) extents.batch = at;
    if (times > 0) extents.times = times;
    extents.numbers.push_back(extent);
  }
  return extents;
}
/// Where the batch is if the extents are numbers for the one that the file fixes: most of all on an axis of its own.
inline std::optional<std::pair<Shape, BatchPlace>> fixed_place(const Extents& extents, Index batch, Index before,
                                                               Index after) {
  std::optional<std::pair<Shape, BatchPlace>> best;
  for (Index i = 0; i < count_of(extents.numbers); ++i) {
    if (nth(extents.numbers, i) % batch != 0) continue;
    Extents each = extents;
    each.batch = i;
    each.times = nth(extents.numbers, i) / batch;
    auto found = place_of(each, before, after);
    if (found && (!best || found->second.inside() < best->second.inside())) best = std::move(found);
  }
  return best;
}
template <class T>
void import_reshape(OnnxImport<T>& to, const FileNode& node) {
  const Imported x = to.raw(node);
  const FileTensor& target = to.constant(node, 1);
  if (x.constant) {
    FileTensor made = to.empty(node, x.constant->dims, x.constant->integers);
    made.numbers = x.constant->numbers;
    made.dims = reshaped_dims(to, node, x.constant->dims, count_of(made.numbers), target.numbers);
    return to.set(node, std::move(made));
  }
  if (x.batch.whole()) {
    const auto dims = reshaped_dims(to, node, to.dims(x), to.sample(x).size(), target.numbers);
    return cut_anew(to, node, x, Shape(std::span<const Index>(dims)), x.batch);
  }
  const std::size_t rank = target.numbers.size();
  if (rank < 1 || rank > 8) to.refuse(node, "a shape of 1 to 8 axes", std::to_string(rank));
  const Shape& shape = to.sample(x);
  const Index size = shape.size();
  Index before = x.batch.before, after = x.batch.after;
  for (Index i = 0; i < x.batch.axis; ++i) before *= shape[i];
  for (Index i = x.batch.axis + x.batch.inside(); i < shape.rank(); ++i) after *= shape[i];

  Index open = -1, known = 1;
  Extents extents = asked_extents(to, node, x, open, known);
  const bool said = extents.batch >= 0 || (to.batch < 0 && open >= 0);  // an open extent is that of the batch
  const Index all = said ? size : size <= (Index{1} << 40) / (std::max)(to.batch, Index{1}) ? size * to.batch : -1;
  std::optional<std::pair<Shape, BatchPlace>> place;
  if (all > 0 && (open < 0 || all % known == 0)) {
    if (open >= 0) nth(extents.numbers, open) = all / known;
    if (said && extents.batch < 0) extents.times = all / known;
    if (said && extents.batch < 0) extents.batch = open;
    place = said ? place_of(extents, before, after) : fixed_place(extents, to.batch, before, after);
  }
  if (!place) to.refuse(node, "a shape that leaves the batch as it is", "another");
  if (!x.batch.first() || !place->second.first())
    return cut_anew(to, node, to.settled(node, x), place->first, place->second);
  reshaped(to, node, std::vector<Index>(place->first.begin(), place->first.end()));
}
/// Axes in an order that moves the batch, or values that have it elsewhere. Only the samples' axes are moved.
template <class T>
void turned(OnnxImport<T>& to, const FileNode& node, const Imported& x, const std::vector<Index>& order) {
  const Imported from{.node = to.plain(node, x), .batch = x.batch, .view = x.view};
  BatchPlace place = x.batch;
  std::vector<Index> axes;
  for (Index i = 0; i < count_of(order); ++i) {
    const Index axis = nth(order, i);
    if (axis != x.batch.axis) {
      axes.push_back(to.axis(node, from, axis));
      continue;
    }
    place.axis = i;
    for (Index k = 0; k < place.inside(); ++k) axes.push_back(axis + 1 + k);
  }
  Imported made{.node = from.node, .integers = x.integers, .batch = place, .view = x.view};
  if (!std::is_sorted(axes.begin(), axes.end())) {
    made.node = to.add(node, Permute<T>(axes), made.view ? to.counted(node).node : made.node);
    made.view.reset();
  }
  to.set(node, std::move(made));
}
template <class T>
void import_transpose(OnnxImport<T>& to, const FileNode& node) {
  Imported x = to.settled(node, to.raw(node));
  const Index rank = count_of(to.dims(x));
  std::vector<Index> order;
  for (Index i = rank; i-- > 0;) order.push_back(i);
  order = to.numbers(node, "perm").value_or(order);
  std::vector<Index> sorted = order;
  std::sort(sorted.begin(), sorted.end());
  if (count_of(sorted) != rank) to.refuse(node, "each axis once", std::to_string(sorted.size()) + " axes");
  for (Index i = 0; i < rank; ++i)
    if (nth(sorted, i) != i) to.refuse(node, "each axis once", "another order");
  if (x.constant) {
    to.empty(node, x.constant->dims, true);
    return to.set(node, permuted(*x.constant, std::vector<std::size_t>(order.begin(), order.end())));
  }
  if (rank < 2 && !x.constant) return to.set(node, x);
  if (order[0] != 0 || !x.batch.first()) return turned(to, node, x, order);
  std::vector<Index> to_last{0}, to_first{0, rank - 1};
  for (Index i = 2; i < rank; ++i) to_last.push_back(i);
  to_last.push_back(1);
  for (Index i = 1; i + 1 < rank; ++i) to_first.push_back(i);
  x = to.settled(node, to.any(node));
  if (x.images && order == to_last) return to.set(node, Imported{.node = x.node, .integers = x.integers});
  if (!x.images && rank > 2 && order == to_first)
    return to.set(node, Imported{.node = x.node, .images = true, .integers = x.integers});
  to.set(node, Imported{.node = to.add(node, Permute<T>(std::vector<Index>(order.begin() + 1, order.end())),
                                       to.plain(node, x)),
                        .integers = x.integers});
}

/// A node without some of its extents of 1; `axes` are those of the node.
template <class T>
Imported without(OnnxImport<T>& to, const FileNode& node, const Imported& x, const std::vector<Index>& axes) {
  const Shape& sample = to.sample(x);
  std::vector<Index> rest;
  BatchPlace batch = x.batch;
  bool channels = true;
  for (Index i = 0; i < sample.rank(); ++i) {
    const bool goes = std::find(axes.begin(), axes.end(), i + 1) != axes.end();
    if (goes && sample[i] != 1) to.refuse(node, "extents of 1", std::to_string(sample[i]));
    if (!goes) rest.push_back(sample[i]);
    if (goes && i == sample.rank() - 1) channels = false;
    if (goes && i < x.batch.axis) --batch.axis;
  }
  if (!x.batch.first()) {
    Imported made{.node = x.node, .integers = x.integers, .batch = batch};
    const Shape left{std::span<const Index>(rest)};
    if (to.sample(made) != left) made.view = left;
    return made;
  }
  const bool images = x.images && channels && rest.size() > 1;
  return Imported{.node = to.add(node, Reshape<T>(rest), x.node), .images = images, .integers = x.integers};
}
template <class T>
void import_squeeze(OnnxImport<T>& to, const FileNode& node) {
  const Imported x = to.settled(node, to.raw(node));
  const auto listed = to.numbers(node, 1, "axes");
  std::vector<Index> axes;
  const auto dims = to.dims(x);
  if (!listed)
    for (std::size_t i = 0; i < dims.size(); ++i)
      if (dims[i] == 1 || (dims[i] == -1 && to.batch == 1)) axes.push_back(static_cast<Index>(i));
  for (const Index axis : listed.value_or(std::vector<Index>{})) axes.push_back(to.axis(node, x, axis));
  if (!x.constant) {
    if (!listed && to.batch < 0) to.refuse(node, "its axes", "none");
    if (!listed)
      for (Index& axis : axes) axis = to.axis(node, x, axis);
    return to.set(node, without(to, node, x, axes));
  }
  FileTensor made = to.empty(node, dims, x.constant->integers);
  made.numbers = x.constant->numbers;
  made.dims.clear();
  for (std::size_t i = 0; i < dims.size(); ++i)
    if (std::find(axes.begin(), axes.end(), static_cast<Index>(i)) == axes.end())
      made.dims.push_back(dims[i]);
    else if (dims[i] != 1)
      to.refuse(node, "extents of 1", std::to_string(dims[i]));
  to.set(node, std::move(made));
}
template <class T>
void import_unsqueeze(OnnxImport<T>& to, const FileNode& node) {
  const Imported x = to.settled(node, to.raw(node));
  std::vector<Index> dims = to.dims(x), axes = to.numbers(node, 1, "axes").value_or(std::vector<Index>{});
  const Index rank = count_of(dims) + count_of(axes);
  if (rank > 8) to.refuse(node, "at most 8 axes", std::to_string(rank));
  for (Index& axis : axes) {
    axis += axis < 0 ? rank : 0;
    if (axis < 0 || axis >= rank) to.refuse(node, "axes below " + std::to_string(rank), std::to_string(axis));
  }
  std::sort(axes.begin(), axes.end());
  if (std::adjacent_find(axes.begin(), axes.end()) != axes.end()) to.refuse(node, "each axis once", "one twice");
  for (const Index axis : axes) dims.insert(dims.begin() + axis, 1);
  if (!x.constant) {
    if (dims[0] != -1 || !x.batch.first()) {
      BatchPlace batch = x.batch;
      std::vector<Index> sample;
      for (Index i = 0; i < rank; ++i) {
        if (nth(dims, i) != -1) {
          sample.push_back(nth(dims, i));
          continue;
        }
        batch.axis = i;
        batch.put(sample);
      }
      return cut_anew(to, node, x, Shape(std::span<const Index>(sample)), batch);
    }
    return to.set(node, Imported{.node = to.add(node, Reshape<T>(std::vector<Index>(dims.begin() + 1, dims.end())),
                                                to.plain(node, x)),
                                 .integers = x.integers});
  }
  FileTensor made = to.empty(node, std::move(dims), x.constant->integers);
  made.numbers = x.constant->numbers;
  to.set(node, std::move(made));
}

}  // namespace io::onnx

}  // namespace KEEL_ABI
}  // namespace keel

#endif
