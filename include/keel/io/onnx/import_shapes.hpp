#pragma once
/// ONNX's operators that give values another shape, and those that say what a shape is.

#include <keel/io/onnx/import_functions.hpp>

#if KEEL_HAS_PROTOBUF

namespace keel {
inline namespace KEEL_ABI {

namespace io::onnx {

/// Values that only change their shape, to one in ONNX's order.
template <class T>
void reshaped(OnnxImport<T>& to, const FileNode& node, const std::vector<Index>& sample) {
  const Imported& x = to.in(node);
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
template <class T>
void import_flatten(OnnxImport<T>& to, const FileNode& node) {
  const Imported& x = to.in(node);
  if (x.constant) to.refuse(node, "a computed input", "a constant");
  const auto dims = to.dims(x);
  const Index axis = integer_or(node, "axis", 1);
  // Keras's old exporter wrote axis 0 for models of one sample
  if (axis != 1 && axis != 1 - count_of(dims) &&
      !(axis == 0 && (to.batch == 1 || to.graph().producer == "OnnxMLTools")))
    to.refuse(node, "axis 1", std::to_string(axis));
  reshaped(to, node, {to.sample(x).size()});
}
/// The shape that a constant has by a list of ONNX's, where 0 is as before and one -1 the rest.
template <class T>
FileTensor reshaped_constant(OnnxImport<T>& to, const FileNode& node, const FileTensor& x,
                             const std::vector<double>& target) {
  FileTensor made = to.empty(node, x.dims, x.integers);
  made.numbers = x.numbers;
  std::vector<Index> dims;
  Index known = 1, open = -1;
  for (std::size_t i = 0; i < target.size(); ++i) {
    Index extent = to.integer(node, target[i]);
    if (extent == 0 && integer_or(node, "allowzero", 0) == 0) extent = i < x.dims.size() ? x.dims[i] : -2;
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
  const Index count = count_of(x.numbers);
  if (open >= 0 && (known == 0 || count % known != 0)) to.refuse(node, "as many values as before", "another number");
  if (open >= 0) nth(dims, open) = count / known;
  if (open < 0 && known != count) to.refuse(node, std::to_string(count) + " values", std::to_string(known));
  made.dims = std::move(dims);
  return made;
}
template <class T>
void import_reshape(OnnxImport<T>& to, const FileNode& node) {
  const Imported& x = to.in(node);
  const FileTensor& target = to.constant(node, 1);
  if (x.constant) return to.set(node, reshaped_constant(to, node, *x.constant, target.numbers));
  const std::vector<Index> from = to.dims(x);
  const std::size_t rank = target.numbers.size();
  if (rank < 2 || rank > 8) to.refuse(node, "a shape of 2 to 8 axes", std::to_string(rank));
  const bool zero = integer_or(node, "allowzero", 0) != 0;
  const Index size = to.sample(x).size();
  std::vector<Index> sample;
  Index known = 1, open = -1;
  for (std::size_t i = 1; i < rank; ++i) {
    Index extent = to.integer(node, target.numbers[i]);
    if (extent == 0 && !zero && i < from.size()) extent = from[i];
    if (extent == -1 && open < 0)
      open = static_cast<Index>(i) - 1;
    else if (extent < 1 || extent > size || known > size / extent)
      to.refuse(node, "extents that leave the batch as it is",
                std::to_string(extent) + " on axis " + std::to_string(i));
    else
      known *= extent;
    sample.push_back(extent);
  }
  const double head = target.numbers[0];
  const bool batch = head == batch_extent || (head == 0 && !zero) || (head == -1 && open < 0) ||
                     (head > 0 && head == static_cast<double>(to.batch));
  if (!batch) to.refuse(node, "the batch as the first extent", std::to_string(head));
  if (open >= 0 ? size % known != 0 : known != size)
    to.refuse(node, "a shape that leaves the batch as it is", "another number of values");
  if (open >= 0) nth(sample, open) = size / known;
  reshaped(to, node, sample);
}
template <class T>
void import_transpose(OnnxImport<T>& to, const FileNode& node) {
  const Imported x = to.settled(node, to.in(node));
  const Index rank = count_of(to.dims(x));
  std::vector<Index> order;
  for (Index i = rank; i-- > 0;) order.push_back(i);
  order = to.numbers(node, 99, "perm").value_or(order);
  std::vector<Index> sorted = order;
  std::sort(sorted.begin(), sorted.end());
  for (Index i = 0; i < rank; ++i)
    if (count_of(sorted) != rank || nth(sorted, i) != i) to.refuse(node, "each axis once", "another order");
  if (x.constant) {
    to.empty(node, x.constant->dims, true);
    return to.set(node, permuted(*x.constant, std::vector<std::size_t>(order.begin(), order.end())));
  }
  if (order[0] != 0) to.refuse(node, "the batch first", "another order");
  std::vector<Index> to_last{0}, to_first{0, rank - 1};
  for (Index i = 2; i < rank; ++i) to_last.push_back(i);
  to_last.push_back(1);
  for (Index i = 1; i + 1 < rank; ++i) to_first.push_back(i);
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
  bool channels = true;
  for (Index i = 0; i < sample.rank(); ++i) {
    const bool goes = std::find(axes.begin(), axes.end(), i + 1) != axes.end();
    if (goes && sample[i] != 1) to.refuse(node, "extents of 1", std::to_string(sample[i]));
    if (!goes) rest.push_back(sample[i]);
    if (goes && i == sample.rank() - 1) channels = false;
  }
  const bool images = x.images && channels && rest.size() > 1;
  return Imported{.node = to.add(node, Reshape<T>(rest), x.node), .images = images, .integers = x.integers};
}
template <class T>
void import_squeeze(OnnxImport<T>& to, const FileNode& node) {
  const Imported x = to.settled(node, to.in(node));
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
  const Imported x = to.settled(node, to.in(node));
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
    if (dims[0] != -1) to.refuse(node, "the batch first", "an axis before it");
    return to.set(node, Imported{.node = to.add(node, Reshape<T>(std::vector<Index>(dims.begin() + 1, dims.end())),
                                                to.plain(node, x)),
                                 .integers = x.integers});
  }
  FileTensor made = to.empty(node, std::move(dims), x.constant->integers);
  made.numbers = x.constant->numbers;
  to.set(node, std::move(made));
}

template <class T>
void import_identity(OnnxImport<T>& to, const FileNode& node) {
  to.set(node, to.in(node));
}
template <class T>
void import_constant(OnnxImport<T>& to, const FileNode& node) {
  if (node.attributes.size() != 1) to.refuse(node, "one value", std::to_string(node.attributes.size()));
  const FileAttribute& value = node.attributes[0];
  if (value.name == "value") {
    if (!value.tensor) to.refuse(node, "a tensor as value", "another");
    return to.set(node, *value.tensor);
  }
  FileTensor made;
  made.integers = value.name == "value_int" || value.name == "value_ints";
  if (value.name == "value_float") made.numbers = {value.number};
  if (value.name == "value_int") made.numbers = {static_cast<double>(value.integer)};
  for (const std::int64_t each : value.integers) made.numbers.push_back(static_cast<double>(each));
  for (const float each : value.numbers) made.numbers.push_back(static_cast<double>(each));
  if (value.name.ends_with("s")) made.dims = {count_of(made.numbers)};
  to.set(node, std::move(made));
}
template <class T>
void import_constant_of_shape(OnnxImport<T>& to, const FileNode& node) {
  const auto dims = to.numbers(node, 0, "");
  const FileAttribute* const value = node.find("value");
  if (value && (!value->tensor || value->tensor->numbers.size() != 1)) to.refuse(node, "one number as value", "others");
  FileTensor made = to.empty(node, *dims, value && value->tensor->integers);
  made.numbers.assign(count_of_dims(made.dims), value ? value->tensor->numbers[0] : 0.0);
  to.set(node, std::move(made));
}
template <class T>
void import_shape(OnnxImport<T>& to, const FileNode& node) {
  const auto dims = to.dims(to.in(node));
  const Index rank = count_of(dims);
  const auto place = [&](const char* name, Index otherwise) {
    const Index found = integer_or(node, name, otherwise);
    return (std::clamp)(found < 0 ? found + rank : found, Index{0}, rank);
  };
  FileTensor shape{.integers = true};
  for (Index i = place("start", 0); i < place("end", rank); ++i)
    shape.numbers.push_back(nth(dims, i) < 0 ? batch_extent : static_cast<double>(nth(dims, i)));
  shape.dims = {count_of(shape.numbers)};
  to.set(node, std::move(shape));
}
/// To a larger shape by NumPy's rules.
template <class T>
void import_expand(OnnxImport<T>& to, const FileNode& node) {
  const Imported& x = to.in(node);
  const FileTensor& target = to.constant(node, 1);
  const bool batch = !target.numbers.empty() && target.numbers[0] == batch_extent;
  std::vector<Index> dims;
  for (std::size_t i = batch ? 1 : 0; i < target.numbers.size(); ++i)
    dims.push_back(to.integer(node, target.numbers[i]));
  if (x.constant) {
    FileTensor sample = *x.constant;
    if (batch) sample = sample_constant(to, node, sample, dims.size() + 1, false);
    FileTensor ones = to.empty(node, dims, sample.integers);
    ones.numbers.assign(count_of_dims(ones.dims), 1.0);
    FileTensor made = folded(to, node, "multiply", {&sample, &ones}, {});
    if (!batch) return to.set(node, std::move(made));
    return to.set(node, Imported{.node = constant_node(to, node, made)});
  }
  const auto from = to.dims(x);
  if (!batch && !dims.empty() && (dims[0] == 1 || dims[0] == to.batch)) dims.erase(dims.begin());
  if (dims.size() + 1 != from.size()) to.refuse(node, "a shape of as many axes", "another");
  std::vector<Index> repeats;
  bool same = true;
  for (std::size_t i = 0; i < dims.size(); ++i) {
    if (dims[i] < 1 || (dims[i] != from[i + 1] && dims[i] != 1 && from[i + 1] != 1))
      to.refuse(node, "extents that are equal or 1", std::to_string(dims[i]));
    repeats.push_back(from[i + 1] == 1 ? dims[i] : 1);
    same = same && repeats.back() == 1;
  }
  if (same) return to.set(node, x);
  to.set(node, Imported{.node = to.add(node, Tile<T>(repeats), to.plain(node, x)), .integers = x.integers});
}

}  // namespace io::onnx

}  // namespace KEEL_ABI
}  // namespace keel

#endif
