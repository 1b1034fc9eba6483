#pragma once
/// ONNX's constants, operators that say what a shape is, and those that take values to one.

#include <keel/io/onnx/import_functions.hpp>

#if KEEL_HAS_PROTOBUF

namespace keel {
inline namespace KEEL_ABI {

namespace io::onnx {

template <class T>
void import_identity(OnnxImport<T>& to, const FileNode& node) {
  to.set(node, to.found(node));
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
/// ConstantOfShape, and ConstantFill, which PyTorch wrote before opset 9.
template <class T>
void import_constant_of_shape(OnnxImport<T>& to, const FileNode& node) {
  std::vector<Index> dims;
  std::optional<Index> batch;
  for (const double number : to.constant(node, 0).numbers) {
    if (batches(number) == 1 && !batch) {
      batch = count_of(dims);
      dims.push_back(1);
    } else {
      dims.push_back(to.integer(node, number));
    }
  }
  const FileAttribute* const value = node.find("value");
  double number = number_or(node, "value", 0);
  IntegerType integers = integer_type(static_cast<DataType>(integer_or(node, "dtype", 1)));
  if (node.op == "ConstantFill") {
    if (integer_or(node, "input_as_shape", 0) != 1 || node.find("extra_shape"))
      to.refuse(node, "a shape as input", "another");
  } else if (value) {
    if (!value->tensor || value->tensor->numbers.size() != 1) to.refuse(node, "one number as value", "others");
    number = value->tensor->numbers[0];
    integers = value->tensor->integers;
  }
  FileTensor made = to.empty(node, dims, integers);
  made.numbers.assign(count_of_dims(made.dims), number);
  Imported result = constant_value(std::move(made));
  result.batch.axis = batch.value_or(0);
  result.repeated = batch.has_value();
  to.set(node, std::move(result));
}
template <class T>
void import_shape(OnnxImport<T>& to, const FileNode& node) {
  const Imported& x = to.any(node);
  const auto dims = to.dims(x);
  const Index rank = count_of(dims);
  const double batch = to.whole ? 1 : batch_extent;
  const auto place = [&](const char* name, Index otherwise) {
    const Index found = integer_or(node, name, otherwise);
    return (std::clamp)(found < 0 ? found + rank : found, Index{0}, rank);
  };
  FileTensor shape{.integers = true};
  for (Index i = place("start", 0); i < place("end", rank); ++i)
    shape.numbers.push_back(nth(dims, i) < 0 ? batch * static_cast<double>(x.batch.before * x.batch.after)
                                             : static_cast<double>(nth(dims, i)));
  shape.dims = {count_of(shape.numbers)};
  to.set(node, std::move(shape));
}
/// Which of the numbers stands for the batch.
inline std::optional<Index> batch_among(const std::vector<double>& numbers) {
  for (std::size_t i = 0; i < numbers.size(); ++i)
    if (batches(numbers[i]) == 1) return static_cast<Index>(i);
  return std::nullopt;
}
/// A constant that is expanded along the batch, which is not the first axis.
template <class T>
Imported repeated_constant(OnnxImport<T>& to, const FileNode& node, const FileTensor& x,
                           const std::vector<double>& target, Index place) {
  std::vector<Index> dims;
  for (std::size_t i = 0; i < target.size(); ++i)
    dims.push_back(static_cast<Index>(i) == place ? 1 : to.integer(node, target[i]));
  FileTensor ones = to.empty(node, dims, x.integers);
  ones.numbers.assign(count_of_dims(dims), 1.0);
  Imported made = constant_value(folded(to, node, "multiply", {&x, &ones}, {}));
  const Index extent = made.constant->dims.size() == dims.size() ? nth(made.constant->dims, place) : 0;
  if (extent != 1 && extent != to.batch) to.refuse(node, "extents that are equal or 1", "others");
  if (extent != 1) return made;  // has a batch as the file fixes it
  made.batch.axis = place;
  made.repeated = true;
  return made;
}
/// A sample without a batch repeated along axes, those in front too.
template <class T>
void expand_whole(OnnxImport<T>& to, const FileNode& node, const Imported& x, const std::vector<double>& target) {
  std::vector<Index> from = to.dims(x), repeats;
  if (target.size() > 7) to.refuse(node, "at most 7 axes", std::to_string(target.size()));
  if (from.size() < target.size()) from.insert(from.begin(), target.size() - from.size(), 1);
  for (std::size_t i = 0, more = from.size() - target.size(); i < from.size(); ++i) {
    const Index extent = i < more ? 1 : to.integer(node, target[i - more]);
    if (extent < 1 || (extent != from[i] && extent != 1 && from[i] != 1))
      to.refuse(node, "extents that are equal or 1", std::to_string(extent));
    repeats.push_back(from[i] == 1 ? extent : 1);
  }
  Imported made = x;
  if (to.dims(x) != from) made.node = to.add_helper(node, Reshape<T>(from), x.node);
  if (std::count(repeats.begin(), repeats.end(), 1) != count_of(repeats))
    made.node = to.add(node, Tile<T>(repeats), made.node);
  to.set(node, std::move(made));
}
/// To a larger shape by NumPy's rules.
template <class T>
void import_expand(OnnxImport<T>& to, const FileNode& node) {
  const Imported& x = to.whole ? to.counted(node) : to.in(node);
  const FileTensor& target = to.constant(node, 1);
  if (x.batch.whole()) return expand_whole(to, node, x, target.numbers);
  const bool batch = !target.numbers.empty() && batches(target.numbers[0]) == 1;
  if (const std::optional<Index> place = batch_among(target.numbers); x.constant && place.value_or(0) > 0)
    return to.set(node, repeated_constant(to, node, *x.constant, target.numbers, *place));
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
    return to.set(node, Imported{.node = constant_node(to, node, made), .integers = made.integers});
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
