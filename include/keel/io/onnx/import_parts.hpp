#pragma once
/// ONNX's operators that take parts of values, put them together or sum them up.

#include <keel/io/onnx/import_shapes.hpp>

#if KEEL_HAS_PROTOBUF

namespace keel {
inline namespace KEEL_ABI {

namespace io::onnx {

template <class T>
void import_concat(OnnxImport<T>& to, const FileNode& node) {
  if (node.inputs.empty()) to.refuse(node, "inputs", "none");
  bool constants = true, images = true;
  for (std::size_t i = 0; i < node.inputs.size(); ++i) {
    const Imported& x = to.counted(node, i);
    constants = constants && x.constant;
    images = images && x.images;
  }
  if (!node.find("axis")) to.refuse(node, "an axis", "none");
  const Index axis = integer_or(node, "axis", 1);
  if (constants) {
    const std::size_t at = to_size(to.axis(node, to.raw(node), axis));
    std::vector<Index> dims = to.constant(node, 0).dims;
    dims[at] = 0;
    for (std::size_t i = 0; i < node.inputs.size(); ++i) {
      std::vector<Index> each = to.constant(node, i).dims;
      if (each.size() != dims.size()) to.refuse(node, "inputs of as many axes", "others");
      dims[at] += each[at];
      each[at] = dims[at];
      if (each != dims) to.refuse(node, "inputs of the same extents besides its axis", "others");
    }
    FileTensor made = to.empty(node, dims, to.constant(node, 0).integers);
    std::size_t outer = 1, inner = 1;
    for (std::size_t i = 0; i < dims.size(); ++i) (i < at ? outer : inner) *= i == at ? 1 : to_size(dims[i]);
    for (std::size_t o = 0; o < outer; ++o)
      for (std::size_t i = 0; i < node.inputs.size(); ++i) {
        const FileTensor& part = to.constant(node, i);
        const auto row = static_cast<std::ptrdiff_t>(to_size(part.dims[at]) * inner),
                   from = static_cast<std::ptrdiff_t>(o) * row;
        made.numbers.insert(made.numbers.end(), part.numbers.begin() + from, part.numbers.begin() + from + row);
      }
    return to.set(node, std::move(made));
  }
  std::vector<Node> parts;
  Imported like{.images = images, .integers = true};
  for (std::size_t i = 0; i < node.inputs.size(); ++i)
    if (const Imported& x = to.raw(node, i); !x.constant) like.batch = x.batch;
  for (std::size_t i = 0; i < node.inputs.size(); ++i) {
    const Imported& x = to.raw(node, i);
    if (x.constant && like.batch.whole()) {
      parts.push_back(constant_node(to, node, *x.constant));
      like.integers = common(like.integers, x.constant->integers);
      continue;
    }
    if (x.batch != like.batch) to.refuse(node, "inputs with the batch on one axis", "others");
    parts.push_back(images ? x.node : to.plain(node, x));
    like.integers = common(like.integers, x.integers);
  }
  like.node = parts[0];
  const Index at = to.axis(node, like, axis);
  if (parts.size() > 1) like.node = to.add(node, Concatenate<T>({.axis = at}), std::span<const Node>(parts));
  to.set(node, std::move(like));
}

/// The places start, start + step, ... by Python's rules.
inline std::vector<Index> places_of(Index extent, Index start, Index end, Index step) {
  const auto clamped = [&](Index at) {
    const Index least = step > 0 ? 0 : -1, most = step > 0 ? extent : extent - 1;
    return (std::clamp)(at < 0 ? at + extent : at, least, most);
  };
  std::vector<Index> places;
  for (Index i = clamped(start), last = clamped(end); step > 0 ? i < last : i > last; i += step) places.push_back(i);
  return places;
}
template <class T>
FileTensor picked(OnnxImport<T>& to, const FileNode& node, const FileTensor& x,
                  const std::vector<std::vector<Index>>& places) {
  std::vector<Index> dims;
  for (const auto& each : places) dims.push_back(count_of(each));
  FileTensor made = to.empty(node, dims, x.integers);
  pick(x, places, made);
  return made;
}
template <class T>
void import_slice(OnnxImport<T>& to, const FileNode& node) {
  const Imported x = to.settled(node, to.found(node).repeated ? to.found(node) : to.counted(node));
  const auto starts = to.numbers(node, 1, "starts"), ends = to.numbers(node, 2, "ends");
  if (!starts || !ends || starts->size() != ends->size()) to.refuse(node, "as many starts as ends", "others");
  std::vector<Index> axes;
  for (Index i = 0; i < count_of(*starts); ++i) axes.push_back(i);
  axes = to.numbers(node, 3, "axes").value_or(axes);
  const auto steps = to.numbers(node, 4, "").value_or(std::vector<Index>(axes.size(), 1));
  if (axes.size() != starts->size() || steps.size() != axes.size()) to.refuse(node, "an axis for each start", "others");
  const auto dims = to.dims(x);
  auto places = x.constant ? all_places(to, node, dims) : std::vector<std::vector<Index>>{};
  std::vector<Index> from, until, on, by;
  for (std::size_t i = 0; i < axes.size(); ++i) {
    if (steps[i] == 0) to.refuse(node, "steps other than 0", "0");
    const Index rank = count_of(dims), axis = axes[i] < 0 ? axes[i] + rank : axes[i];
    // all of the batch
    if ((!x.constant || x.repeated) && !x.batch.whole() && axis == x.batch.axis && (*starts)[i] == 0 &&
        (*ends)[i] >= Index{1} << 31 && steps[i] == 1)
      continue;
    const Index at = to.axis(node, x, axes[i]);
    if (std::find(on.begin(), on.end(), at) != on.end()) to.refuse(node, "each axis once", "one twice");
    if (x.constant) {
      nth(places, at) = places_of(nth(dims, at), (*starts)[i], (*ends)[i], steps[i]);
      continue;
    }
    from.push_back((*starts)[i]);
    until.push_back((*ends)[i]);
    on.push_back(at);
    by.push_back(steps[i]);
  }
  if (x.constant) {
    Imported made = constant_value(picked(to, node, *x.constant, places));
    made.batch = x.batch;
    made.repeated = x.repeated;
    return to.set(node, std::move(made));
  }
  if (on.empty()) return to.set(node, x);
  to.set(node, to.add(node, Slice<T>(from, until, {.axes = on, .steps = by}), x.node), x);
}
template <class T>
void import_split(OnnxImport<T>& to, const FileNode& node) {
  const Imported x = to.settled(node, to.counted(node));
  const Index axis = integer_or(node, "axis", 0), at = to.axis(node, x, axis);
  const Index extent = x.constant ? nth(x.constant->dims, at) : to.sample(x)[at - 1];
  const Index outputs = count_of(node.outputs), parts = integer_or(node, "num_outputs", outputs);
  if (parts != outputs || parts < 1) to.refuse(node, "as many parts as outputs", std::to_string(parts));
  const Index each = (extent + parts - 1) / parts;
  std::vector<Index> sizes(to_size(parts), each);
  sizes.back() = extent - each * (parts - 1);
  sizes = to.numbers(node, 1, "split").value_or(sizes);
  if (count_of(sizes) != parts) to.refuse(node, "as many parts as outputs", std::to_string(sizes.size()));
  Index begin = 0;
  for (Index i = 0; i < parts; ++i) {
    const Index size = nth(sizes, i);
    if (size < 0 || size > extent - begin) to.refuse(node, "parts of " + std::to_string(extent), std::to_string(size));
    if (x.constant) {
      auto places = all_places(to, node, x.constant->dims);
      nth(places, at) = places_of(extent, begin, begin + size, 1);
      to.set(node, picked(to, node, *x.constant, places), to_size(i));
    } else {
      Imported part = x;
      part.node = to.add(node, Slice<T>({begin}, {begin + size}, {.axes = {at}}), x.node);
      to.set(node, std::move(part), to_size(i));
    }
    begin += size;
  }
  if (begin != extent) to.refuse(node, "parts of " + std::to_string(extent), std::to_string(begin));
}
/// Rows of a table, one for each number of a computed input.
template <class T>
void import_embedding(OnnxImport<T>& to, const FileNode& node, const FileTensor& table) {
  const Imported x = to.raw(node, 1);
  if (integer_or(node, "axis", 0) != 0 || table.dims.size() != 2 || !x.integers)
    to.refuse(node, "rows of a table, picked by integers", "another table");
  const Node made = to.add(node, Embedding<T>(table.dims[0], table.dims[1]), x.node);
  to.weigh(node, "embeddings", table);
  Imported rows{.node = made, .integers = table.integers, .batch = x.batch};
  if (x.view) {
    std::vector<Index> extents(x.view->begin(), x.view->end());
    extents.push_back(table.dims[1]);
    rows.view = Shape(std::span<const Index>(extents));
  }
  to.set(node, std::move(rows));
}
template <class T>
void import_gather(OnnxImport<T>& to, const FileNode& node) {
  const Imported x = to.settled(node, to.counted(node));
  if (x.constant && !to.raw(node, 1).constant) return import_embedding(to, node, *x.constant);
  const Index at = to.axis(node, x, integer_or(node, "axis", 0));
  const FileTensor& chosen = to.constant(node, 1);
  const Index extent = x.constant ? nth(x.constant->dims, at) : to.sample(x)[at - 1];
  std::vector<Index> indices;
  for (const double number : chosen.numbers) {
    const Index index = to.integer(node, number), place = index < 0 ? index + extent : index;
    if (place < 0 || place >= extent) to.refuse(node, "indices below " + std::to_string(extent), std::to_string(index));
    indices.push_back(place);
  }
  if (x.constant) {
    auto places = all_places(to, node, x.constant->dims);
    nth(places, at) = indices;
    FileTensor made = picked(to, node, *x.constant, places);
    if (made.dims.size() + chosen.dims.size() > 9) to.refuse(node, "at most 8 axes", "more");
    made.dims.erase(made.dims.begin() + at);
    made.dims.insert(made.dims.begin() + at, chosen.dims.begin(), chosen.dims.end());
    return to.set(node, std::move(made));
  }
  Imported made = x;
  if (chosen.dims.size() < 2) {
    made.node = to.add(node, Gather<T>(indices, {.axis = at}), x.node);
    return to.set(node, chosen.dims.empty() ? without(to, node, made, {at}) : made);
  }
  if (x.images) to.refuse(node, "indices of one axis for images", std::to_string(chosen.dims.size()));
  made.node = to.add(node, Gather<T>(indices, {.axis = at}), x.node);
  std::vector<Index> sample(to.sample(x).begin(), to.sample(x).end());
  sample.erase(sample.begin() + at - 1);
  sample.insert(sample.begin() + at - 1, chosen.dims.begin(), chosen.dims.end());
  if (sample.size() > 7) to.refuse(node, "at most 7 axes", std::to_string(sample.size()));
  if (at <= x.batch.axis) made.batch.axis += count_of(chosen.dims) - 1;
  cut_anew(to, node, made, Shape(std::span<const Index>(sample)), made.batch);
}
template <class T>
void import_pad(OnnxImport<T>& to, const FileNode& node) {
  const Imported x = to.settled(node, to.whole ? to.counted(node) : to.in(node));
  if (x.constant) to.refuse(node, "a computed input", "a constant");
  const auto pads = to.numbers(node, 1, "pads");
  const Index rank = count_of(to.dims(x));
  std::vector<Index> axes;
  for (Index i = 0; i < rank; ++i) axes.push_back(i);
  axes = to.numbers(node, 3, "").value_or(axes);
  if (!pads || pads->size() != 2 * axes.size()) to.refuse(node, "two pads for each axis", "another number");
  std::vector<Index> sides(to_size(2 * to.sample(x).rank()), 0);
  for (std::size_t i = 0; i < axes.size(); ++i) {
    const Index before = (*pads)[i], after = (*pads)[axes.size() + i];
    if (std::abs(before) > Index{1} << 30 || std::abs(after) > Index{1} << 30)
      to.refuse(node, "pads within 2^30", "larger ones");
    if (!x.batch.whole() && (axes[i] == 0 || axes[i] == -rank) && before == 0 && after == 0) continue;
    const Index at = to.axis(node, x, axes[i]) - 1;
    nth(sides, 2 * at) = before;
    nth(sides, 2 * at + 1) = after;
  }
  const std::string mode = text_or(node, "mode", "constant");
  const PadOptions options{.mode = mode, .value = to.number(node, 2, "value", 0)};
  to.set(node, to.add(node, Pad<T>(std::move(sides), options), x.node), x);
}
template <class T>
void import_tile(OnnxImport<T>& to, const FileNode& node) {
  const Imported x = to.settled(node, to.whole ? to.counted(node) : to.in(node));
  const auto repeats = to.numbers(node, 1, "");
  if (x.constant) to.refuse(node, "a computed input", "a constant");
  const Index rank = count_of(to.dims(x)), first = x.batch.whole() ? 0 : 1;
  if (!repeats || count_of(*repeats) != rank || (first == 1 && (*repeats)[0] != 1))
    to.refuse(node, "repeats of a sample's axes, 1 of the batch", "others");
  std::vector<Index> each(to_size(rank - first), 1);
  for (Index i = first; i < rank; ++i) nth(each, to.axis(node, x, i) - 1) = nth(*repeats, i);
  to.set(node, to.add(node, Tile<T>(std::move(each)), x.node), x);
}

/// ReduceMean and its kin.
template <class T>
void import_reduce(OnnxImport<T>& to, const FileNode& node) {
  static constexpr FunctionName names[] = {{"ReduceL1", "l1"},          {"ReduceL2", "l2"},
                                           {"ReduceLogSum", "log_sum"}, {"ReduceLogSumExp", "log_sum_exp"},
                                           {"ReduceMax", "max"},        {"ReduceMean", "mean"},
                                           {"ReduceMin", "min"},        {"ReduceProd", "prod"},
                                           {"ReduceSum", "sum"},        {"ReduceSumSquare", "sum_square"}};
  std::string function;
  for (const FunctionName& row : names)
    if (row.op == node.op) function = row.function;
  const Imported x = to.settled(node, to.counted(node));
  if (x.constant) to.refuse(node, "a computed input", "a constant");
  if (x.integers && (function == "mean" || function == "l2" || function.starts_with("log")))
    to.refuse(node, "real numbers", "integers, whose results ONNX rounds");
  auto listed = to.numbers(node, 1, "axes").value_or(std::vector<Index>{});
  if (listed.empty() && integer_or(node, "noop_with_empty_axes", 0) != 0) return to.set(node, x);
  if (listed.empty() && !x.batch.whole()) to.refuse(node, "axes of the samples", "all, with the batch");
  if (listed.empty()) {
    listed.resize(to_size(to.sample(x).rank()));
    std::iota(listed.begin(), listed.end(), Index{0});
  }
  const bool keep = integer_or(node, "keepdims", 1) != 0;
  const Index rank = to.sample(x).rank();
  std::vector<Index> axes;
  BatchPlace batch = x.batch;
  for (const Index axis : listed) {
    axes.push_back(to.axis(node, x, axis));
    if (!keep && axes.back() <= x.batch.axis) --batch.axis;
  }
  std::sort(axes.begin(), axes.end());
  if (std::adjacent_find(axes.begin(), axes.end()) != axes.end()) to.refuse(node, "each axis once", "one twice");
  const bool channels = axes.empty() || axes.back() != rank;
  Imported made{
      .images = x.images && (keep || (channels && rank - count_of(axes) > 1)), .integers = x.integers, .batch = batch};
  if (x.images && rank == 3 && function == "mean" && axes == std::vector<Index>{1, 2})
    made.node = to.add(node, GlobalAveragePool2D<T>({.keepdims = keep}), x.node);
  else
    made.node = to.add(node, Reduce<T>(function, {.axes = axes, .keepdims = keep}), x.node);
  to.set(node, std::move(made));
}

}  // namespace io::onnx

}  // namespace KEEL_ABI
}  // namespace keel

#endif
