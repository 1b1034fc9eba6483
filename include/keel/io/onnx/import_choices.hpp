#pragma once
/// ONNX's operators that find, choose and count values, and losses, which do.

#include <numbers>

#include <keel/io/onnx/import_parts.hpp>
#include <keel/io/onnx/import_products.hpp>

#if KEEL_HAS_PROTOBUF

namespace keel {
inline namespace KEEL_ABI {

namespace io::onnx {

/// 0, 1, 2, ... along an axis of so many, with `behind` axes of 1 behind it.
template <class T>
Imported counting(OnnxImport<T>& to, const FileNode& node, Index count, Index behind) {
  FileTensor numbers = to.empty(node, {count}, true);
  for (Index i = 0; i < count; ++i) numbers.numbers.push_back(static_cast<double>(i));
  numbers.dims.insert(numbers.dims.end(), to_size(behind), 1);
  return constant_value(std::move(numbers));
}
/// A computed value whose samples' axes are in ONNX's order, the batch first or none.
template <class T>
Imported ordered(OnnxImport<T>& to, const FileNode& node, std::size_t i) {
  Imported x = to.settled(node, to.counted(node, i));
  if (x.constant) to.refuse(node, "a computed input", "a constant");
  if (!x.batch.first() && !x.batch.whole()) to.refuse(node, "the batch first", "values with it elsewhere");
  x.node = to.plain(node, x);
  x.images = false;
  return x;
}
/// With one more axis of 1, before the node's axis `at`, counted with the batch.
template <class T>
Imported with_axis(OnnxImport<T>& to, const FileNode& node, Imported x, Index at) {
  const Shape& shape = to.sample(x);
  std::vector<Index> dims(shape.begin(), shape.end());
  dims.insert(dims.begin() + at - 1, 1);
  if (dims.size() > 7) to.refuse(node, "at most 7 axes", std::to_string(dims.size()));
  x.node = to.add_helper(node, Reshape<T>(dims), x.node);
  return x;
}
/// The sum, or another reduction, along the node's axis `at`.
template <class T>
Imported reduced(OnnxImport<T>& to, const FileNode& node, Imported x, const char* function, Axes axes, bool keep) {
  x.node = to.add(node, Reduce<T>(function, {.axes = std::move(axes), .keepdims = keep}), x.node);
  return x;
}
/// Indices that may count from the end as ones that do not.
template <class T>
Imported from_start(OnnxImport<T>& to, const FileNode& node, const Imported& index, Index extent) {
  const Imported count = number_value(static_cast<double>(extent));
  return function_of(
      to, node, "where",
      {function_of(to, node, "less", {index, number_value(0)}), function_of(to, node, "add", {index, count}), index});
}

/// ArgMax and ArgMin.
template <class T>
void import_arg(OnnxImport<T>& to, const FileNode& node) {
  Imported x = ordered(to, node, 0);
  const Index at = to.axis(node, x, integer_or(node, "axis", 0));
  std::string function = node.op == "ArgMax" ? "arg_max" : "arg_min";
  if (integer_or(node, "select_last_index", 0) != 0) function += "_last";
  x = reduced(to, node, std::move(x), function.c_str(), at, integer_or(node, "keepdims", 1) != 0);
  x.integers = true;
  to.set(node, std::move(x));
}
/// 1 at the first of the largest values, else 0. Before opset 13 all axes from `axis` on were one.
template <class T>
void import_hardmax(OnnxImport<T>& to, const FileNode& node) {
  Imported x = ordered(to, node, 0);
  const Index at = to.axis(node, x, integer_or(node, "axis", to.opset() < 13 ? 1 : -1));
  const Shape shape = to.sample(x);
  std::vector<Index> axes{at};
  if (to.opset() < 13)
    for (Index axis = at + 1; axis <= shape.rank(); ++axis) axes.push_back(axis);
  const Imported largest = reduced(to, node, x, "arg_max", axes, true);
  Imported places = counting(to, node, shape[at - 1], shape.rank() - at);
  if (to.opset() < 13) {
    std::vector<Index> extents(shape.begin() + at - 1, shape.end());
    places = counting(to, node, Shape(std::span<const Index>(extents)).size(), 0);
    FileTensor cut = *places.constant;
    cut.dims = std::move(extents);
    places = constant_value(std::move(cut));
  }
  Imported made = function_of(to, node, "equal", {largest, places});
  made.integers = x.integers;
  to.set(node, std::move(made));
}
/// The second value at the place that an index says, along a new axis, else the first.
template <class T>
void import_one_hot(OnnxImport<T>& to, const FileNode& node) {
  Imported x = ordered(to, node, 0);
  if (!x.integers) x = function_of(to, node, "truncate", {x});
  const Index depth = to.integer(node, to.number(node, 1, "", 0)), rank = count_of(to.dims(x)) + 1;
  const FileTensor& values = to.constant(node, 2);
  Index axis = integer_or(node, "axis", -1);
  axis += axis < 0 ? rank : 0;
  const Index first = x.batch.whole() ? 0 : 1;
  if (axis < first || axis >= rank) to.refuse(node, "an axis of the samples", std::to_string(axis));
  if (depth < 1 || depth > 1 << 20) to.refuse(node, "a depth from 1 to 2^20", std::to_string(depth));
  if (values.numbers.size() != 2) to.refuse(node, "two values", std::to_string(values.numbers.size()));
  const Imported index = from_start(to, node, with_axis(to, node, x, axis + 1 - first), depth);
  Imported made = function_of(to, node, "equal", {index, counting(to, node, depth, rank - 1 - axis)});
  const auto value = [&](std::size_t i) {
    return constant_value({.numbers = {values.numbers[i]}, .integers = values.integers});
  };
  to.set(node, function_of(to, node, "where", {made, value(1), value(0)}));
}
/// Of x those values along an axis of `extent`, with `behind` axes behind it, whose place `index`, which broadcasts and
/// has 1 there, says; without that axis. A place that there is not gives no number.
template <class T>
Imported chosen_at(OnnxImport<T>& to, const FileNode& node, const Imported& x, const Imported& index, Index extent,
                   Index behind) {
  const auto summed = [&](const Imported& value) {
    return reduced(to, node, value, "sum", to.sample(value).rank() - behind, false);
  };
  const Imported hit =
      function_of(to, node, "equal", {from_start(to, node, index, extent), counting(to, node, extent, behind)});
  Imported made = summed(function_of(to, node, "where", {hit, x, number_value(0)}));
  if (index.constant) {
    for (const double number : index.constant->numbers)
      if (number < -static_cast<double>(extent) || number >= static_cast<double>(extent))
        to.refuse(node, "indices below " + std::to_string(extent), std::to_string(number));
  } else {
    made = function_of(to, node, "divide", {made, summed(hit)});
  }
  made.integers = x.integers;
  return made;
}
/// The values at the places that indices say along an axis, the other places being those of the indices.
template <class T>
void import_gather_elements(OnnxImport<T>& to, const FileNode& node) {
  const Imported x = ordered(to, node, 0);
  const Index at = to.axis(node, x, integer_or(node, "axis", 0));
  const Shape shape = to.sample(x);
  Imported index = to.settled(node, to.counted(node, 1));
  const Index first = x.batch.whole() ? 0 : 1;
  std::vector<Index> extents = to.dims(index);
  if (index.constant && first == 1) to.refuse(node, "computed indices", "a constant");
  if (count_of(extents) != shape.rank() + first || (!index.constant && index.batch != x.batch))
    to.refuse(node, "indices of as many axes", "others");
  for (Index i = 1; i <= shape.rank(); ++i)
    if (i != at && nth(extents, i - 1 + first) != shape[i - 1])
      to.refuse(node, "indices of the same extents besides the axis", "others");
  if (index.constant) {
    FileTensor wide = *index.constant;
    wide.dims.insert(wide.dims.begin() + at, 1);
    index = constant_value(std::move(wide));
  } else {
    index.node = to.plain(node, index);
    index.images = false;
    index = with_axis(to, node, std::move(index), at + 1);
  }
  to.set(node, chosen_at(to, node, with_axis(to, node, x, at), index, shape[at - 1], shape.rank() - at));
}
/// Parts along an axis at computed places: their axes stand for it.
template <class T>
void import_gather_computed(OnnxImport<T>& to, const FileNode& node) {
  if (to.raw(node).constant || to.raw(node, 1).constant) return import_gather(to, node);
  Imported x = ordered(to, node, 0), index = ordered(to, node, 1);
  if (!x.batch.whole() || !index.batch.whole()) to.refuse(node, "indices that are known, or no batch", "computed ones");
  const Index at = to.axis(node, x, integer_or(node, "axis", 0));
  const Shape shape = to.sample(x), places = to.sample(index);
  const Index behind = shape.rank() - at;
  std::vector<Index> wide(shape.begin(), shape.end()), own(places.begin(), places.end());
  wide.insert(wide.begin() + at - 1, to_size(places.rank()), 1);
  own.insert(own.end(), to_size(behind + 1), 1);
  if (wide.size() > 7) to.refuse(node, "at most 7 axes", std::to_string(wide.size()));
  x.node = with_sample(to, node, x.node, wide);
  index.node = with_sample(to, node, index.node, own);
  to.set(node, chosen_at(to, node, x, index, shape[at - 1], behind));
}
/// Values along an axis for which a list of truth holds.
template <class T>
void import_compress(OnnxImport<T>& to, const FileNode& node) {
  Imported x = ordered(to, node, 0);
  if (!node.find("axis")) {
    if (!x.batch.whole()) to.refuse(node, "an axis of the samples", "none");
    x.node = to.add_helper(node, Flatten<T>(), x.node);
  }
  const Index at = node.find("axis") ? to.axis(node, x, integer_or(node, "axis", 0)) : 1;
  std::vector<Index> indices;
  const std::vector<double>& truth = to.constant(node, 1).numbers;
  if (count_of(truth) > to.sample(x)[at - 1]) to.refuse(node, "a truth for each value at most", "more");
  for (std::size_t i = 0; i < truth.size(); ++i)
    if (truth[i] != 0) indices.push_back(static_cast<Index>(i));
  x.node = to.add(node, Gather<T>(indices, {.axis = at}), x.node);
  to.set(node, std::move(x));
}
/// Sums of the values up to each, from the other end if `reverse`, without itself if `exclusive`: a product with a
/// triangle of ones.
template <class T>
void import_cumsum(OnnxImport<T>& to, const FileNode& node) {
  Imported x = ordered(to, node, 0);
  const Index at = to.axis(node, x, to.integer(node, to.number(node, 1, "", 0))), rank = to.sample(x).rank();
  const Index extent = to.sample(x)[at - 1];
  if (extent > 4096) to.refuse(node, "at most 4096 values", std::to_string(extent));
  const bool reverse = integer_or(node, "reverse", 0) != 0, exclusive = integer_or(node, "exclusive", 0) != 0;
  FileTensor ones = to.empty(node, {extent, extent}, false);
  for (Index i = 0; i < extent; ++i)
    for (Index j = 0; j < extent; ++j)
      ones.numbers.push_back((reverse ? i > j : i < j) || (i == j && !exclusive) ? 1.0 : 0.0);
  std::vector<Index> order(to_size(rank));
  std::iota(order.begin(), order.end(), Index{0});
  std::swap(nth(order, at - 1), order.back());  // its own way back
  Node last = with_order(to, node, x.node, order);
  if (rank == 1) last = with_sample<T>(to, node, last, {1, extent});
  const Node factors[] = {last, constant_node(to, node, ones)};
  Node made = to.add(node, MatMul<T>(), std::span<const Node>(factors));
  if (rank == 1) made = with_sample<T>(to, node, made, {extent});
  x.node = with_order(to, node, made, order);
  to.set(node, std::move(x));
}
/// The upper or lower triangle of the last two axes, zeros elsewhere.
template <class T>
void import_trilu(OnnxImport<T>& to, const FileNode& node) {
  const Imported x = to.raw(node).constant ? to.raw(node) : ordered(to, node, 0);
  const std::vector<Index> dims = to.dims(x);
  if (dims.size() < 2 || nth(dims, count_of(dims) - 2) < 0) to.refuse(node, "matrices", "another value");
  const Index rows = nth(dims, count_of(dims) - 2), columns = dims.back();
  const Index shift = to.has(node, 1) ? to.integer(node, to.number(node, 1, "", 0)) : 0;
  const bool upper = integer_or(node, "upper", 1) != 0;
  FileTensor kept = to.empty(node, {rows, columns}, true);
  for (Index i = 0; i < rows; ++i)
    for (Index j = 0; j < columns; ++j) kept.numbers.push_back((upper ? j - i >= shift : j - i <= shift) ? 1.0 : 0.0);
  to.set(node, function_of(to, node, "where", {constant_value(std::move(kept)), x, number_value(0)}));
}
template <class T>
void import_is_inf(OnnxImport<T>& to, const FileNode& node) {
  to.set(node, function_of(to, node, "is_inf", {to.any(node)},
                           {integer_or(node, "detect_negative", 1) != 0 ? 1.0 : 0.0,
                            integer_or(node, "detect_positive", 1) != 0 ? 1.0 : 0.0}));
}
template <class T>
void import_is_nan(OnnxImport<T>& to, const FileNode& node) {
  to.set(node, function_of(to, node, "is_nan", {to.any(node)}));
}

/// How many values there are.
template <class T>
void import_size(OnnxImport<T>& to, const FileNode& node) {
  const Imported& x = to.any(node);
  double size = 1;
  for (const Index dim : to.dims(x))
    size *= dim >= 0 ? static_cast<double>(dim)
                     : (to.whole ? 1 : batch_extent) * static_cast<double>(x.batch.before * x.batch.after);
  to.set(node, FileTensor{.numbers = {size}, .integers = true});
}
/// start, start + delta, ... before limit.
template <class T>
void import_range(OnnxImport<T>& to, const FileNode& node) {
  double number[3];
  for (std::size_t i = 0; i < 3; ++i) {
    number[i] = to.number(node, i, "", 0);
    if (batches(number[i]) > 0 || !std::isfinite(number[i]))
      to.refuse(node, "numbers that are known when the file is read", "others");
  }
  const double count = (std::max)(0.0, std::ceil((number[1] - number[0]) / number[2]));
  if (!(count <= 0x1p24)) to.refuse(node, "at most 2^24 numbers", std::to_string(count));
  FileTensor made = to.empty(node, {static_cast<Index>(count)}, to.constant(node, 0).integers);
  for (Index i = 0; i < made.dims[0]; ++i) made.numbers.push_back(number[0] + static_cast<double>(i) * number[2]);
  to.set(node, std::move(made));
}
/// 1 where the column is the row and k more, of the shape of an input.
template <class T>
void import_eye_like(OnnxImport<T>& to, const FileNode& node) {
  const Imported x = to.counted(node);
  const std::vector<Index> dims = to.dims(x);
  const Index k = integer_or(node, "k", 0);
  if (dims.size() != 2 || dims[0] < 0) to.refuse(node, "a matrix without a batch", "another value");
  const FileAttribute* const type = node.find("dtype");
  FileTensor made = to.empty(node, dims, type ? integer_type(static_cast<DataType>(type->integer)) : type_of(x));
  for (Index i = 0; i < dims[0]; ++i)
    for (Index j = 0; j < dims[1]; ++j) made.numbers.push_back(j - i == k ? 1.0 : 0.0);
  to.set(node, std::move(made));
}
/// a - b cos(2 pi i / N) + c cos(4 pi i / N) for i below the size; N is one less if not `periodic`.
template <class T>
void import_window(OnnxImport<T>& to, const FileNode& node) {
  const Index size = to.integer(node, to.number(node, 0, "", 0));
  if (size < 1 || size > 1 << 24) to.refuse(node, "a size from 1 to 2^24", std::to_string(size));
  const double numbers[] = {node.op == "HannWindow"      ? 0.5
                            : node.op == "HammingWindow" ? 25.0 / 46
                                                         : 0.42,
                            node.op == "HammingWindow" ? 21.0 / 46 : 0.5, node.op == "BlackmanWindow" ? 0.08 : 0.0};
  const double steps =
      static_cast<double>((std::max)(Index{1}, integer_or(node, "periodic", 1) != 0 ? size : size - 1));
  FileTensor made = to.empty(node, {size}, integer_type(static_cast<DataType>(integer_or(node, "output_datatype", 1))));
  for (Index i = 0; i < size; ++i) {
    const double turn = 2 * std::numbers::pi * static_cast<double>(i) / steps;
    made.numbers.push_back(numbers[0] - numbers[1] * std::cos(turn) + numbers[2] * std::cos(2 * turn));
  }
  to.set(node, std::move(made));
}

/// Minus the weighted score of each target's class: scores (n, c, ...), targets (n, ...).
template <class T>
void set_loss(OnnxImport<T>& to, const FileNode& node, const Imported& scores) {
  const std::string reduction = text_or(node, "reduction", "mean");
  if (reduction != "none" && reduction != "sum" && reduction != "mean")
    to.refuse(node, "reduction none, sum or mean", shown(reduction));
  const Shape shape = to.sample(scores);
  Imported target = ordered(to, node, 1);
  if (!target.batch.whole() || shape.rank() < 2 || to.sample(target).rank() != shape.rank() - 1)
    to.refuse(node, "targets of one axis less, without a batch", "others");
  target = with_axis(to, node, std::move(target), 2);
  const Index behind = shape.rank() - 2;
  Imported hit = function_of(to, node, "equal", {target, counting(to, node, shape[1], behind)});
  if (node.find("ignore_index")) {
    const Imported ignored = number_value(static_cast<double>(integer_or(node, "ignore_index", 0)));
    hit = function_of(to, node, "and",
                      {hit, function_of(to, node, "not", {function_of(to, node, "equal", {target, ignored})})});
  }
  Imported weight = hit;
  weight.integers = false;
  Imported scaled = scores;
  if (to.has(node, 2)) {
    Imported each = to.counted(node, 2);
    std::vector<Index> extents = to.dims(each);
    if (extents != std::vector<Index>{shape[1]}) to.refuse(node, "a weight for each class", "others");
    extents.insert(extents.end(), to_size(behind), 1);
    if (each.constant)
      each = constant_value({.dims = extents, .numbers = each.constant->numbers});
    else
      each.node = with_sample(to, node, to.plain(node, each), extents);
    weight = function_of(to, node, "multiply", {weight, each});
    scaled = function_of(to, node, "multiply", {scaled, each});
  }
  scaled = function_of(to, node, "negative", {scaled});
  const Imported lost = function_of(to, node, "where", {hit, scaled, number_value(0)});
  if (reduction == "none") return to.set(node, reduced(to, node, lost, "sum", 2, false));
  Imported made = reduced(to, node, lost, "sum", std::vector<Index>{}, false);
  if (reduction == "mean")
    made = function_of(to, node, "divide", {made, reduced(to, node, weight, "sum", std::vector<Index>{}, false)});
  to.set(node, std::move(made));
}
template <class T>
void import_nll_loss(OnnxImport<T>& to, const FileNode& node) {
  set_loss(to, node, ordered(to, node, 0));
}
/// The loss of the logarithms of softmax along the classes, which are the second output.
template <class T>
void import_cross_entropy(OnnxImport<T>& to, const FileNode& node) {
  Imported x = ordered(to, node, 0);
  const Index rank = to.sample(x).rank();
  if (rank < 2) to.refuse(node, "scores of classes", "another value");
  std::vector<Index> order(to_size(rank));
  std::iota(order.begin(), order.end(), Index{0});
  std::swap(order[1], order.back());  // its own way back
  const Node last = with_order(to, node, x.node, order);
  x.node = with_order(to, node, to.add(node, ActivationLayer<T>(Activation::log_softmax), last), order);
  if (to.used(node, 1)) to.set(node, x, 1);
  set_loss(to, node, x);
}

/// (x - mean) / (root of the variance + 1e-9) along axes.
template <class T>
void import_mean_variance(OnnxImport<T>& to, const FileNode& node) {
  const Imported x = ordered(to, node, 0);
  std::vector<Index> axes;
  for (const Index axis : to.numbers(node, "axes").value_or(std::vector<Index>{0, 2, 3}))
    axes.push_back(to.axis(node, x, axis));
  const Imported centred = function_of(to, node, "subtract", {x, reduced(to, node, x, "mean", axes, true)});
  const Imported variance =
      reduced(to, node, function_of(to, node, "multiply", {centred, centred}), "mean", axes, true);
  const Imported length = function_of(to, node, "add", {function_of(to, node, "sqrt", {variance}), number_value(1e-9)});
  to.set(node, function_of(to, node, "divide", {centred, length}));
}

}  // namespace io::onnx

}  // namespace KEEL_ABI
}  // namespace keel

#endif
