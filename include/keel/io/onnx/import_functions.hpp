#pragma once
/// ONNX's operators that are functions of each value, and folding them.

#include <keel/io/onnx/import.hpp>

#if KEEL_HAS_PROTOBUF

namespace keel {
inline namespace KEEL_ABI {

namespace io::onnx {

/// Whether a function of the batch's size is known: a multiple of it, or nothing that depends on it.
inline bool follows_batch(std::string_view function, double result) {
  if (function == "equal" || function == "where") return true;
  return (function == "multiply" || function == "divide" || function == "integer_divide") && batches(result) > 0;
}
/// Whether a function gives truth.
inline bool gives_truth(std::string_view function) {
  constexpr std::string_view names[] = {"equal", "less", "less_equal", "greater", "greater_equal", "and",
                                        "or",    "xor",  "not",        "to_bool", "is_nan",        "is_inf"};
  return std::find(std::begin(names), std::end(names), function) != std::end(names);
}
/// What type a function gives by those of its arguments.
inline IntegerType result_type(std::string_view function, const std::vector<IntegerType>& x) {
  if (gives_truth(function)) return {1, false};
  if (function == "power") return x[0];
  IntegerType type = x.back();
  for (std::size_t i = function == "where" ? 1 : 0; i < x.size(); ++i) type = common(type, x[i]);
  return type;
}
/// Functions whose results may leave the range of integers.
inline bool leaves_range(std::string_view function) {
  constexpr std::string_view names[] = {"add", "subtract", "multiply", "integer_divide", "negative", "abs", "truncate"};
  return std::find(std::begin(names), std::end(names), function) != std::end(names);
}
/// A function of constants, value by value, broadcast.
template <class T>
FileTensor folded(OnnxImport<T>& to, const FileNode& node, const std::string& function,
                  const std::vector<const FileTensor*>& x, std::vector<double> numbers) {
  const ScalarFunction<double>& f = scalar_function<double>(to.place(node), function);
  if (count_of(x) != f.arguments) to.refuse(node, std::to_string(f.arguments) + " inputs", std::to_string(x.size()));
  std::size_t rank = 0;
  std::vector<IntegerType> types;
  for (const FileTensor* each : x) {
    rank = (std::max)(rank, each->dims.size());
    types.push_back(each->integers);
  }
  std::vector<Index> dims(rank, 1);
  for (const FileTensor* each : x)
    for (std::size_t i = 0; i < each->dims.size(); ++i) {
      Index& dim = dims[rank - each->dims.size() + i];
      if (dim != each->dims[i] && dim != 1 && each->dims[i] != 1)
        to.refuse(node, "extents that are equal or 1", std::to_string(dim) + " and " + std::to_string(each->dims[i]));
      if (dim == 1) dim = each->dims[i];
    }
  FileTensor made = to.empty(node, dims, result_type(function, types));
  numbers.resize(2, 0.0);
  std::vector<Index> at(rank, 0);
  for (std::size_t n = 0, count = count_of_dims(dims); n < count; ++n) {
    std::array<double, Broadcast::most> values{};
    typename ScalarFunction<double>::Arguments arguments;
    bool batch = false, positive = false, all = true;
    for (std::size_t k = 0; k < x.size(); ++k) {
      std::size_t place = 0;
      for (std::size_t i = 0, skip = rank - x[k]->dims.size(); i < x[k]->dims.size(); ++i)
        place = place * to_size(x[k]->dims[i]) + (x[k]->dims[i] == 1 ? 0 : to_size(at[skip + i]));
      values[k] = x[k]->numbers[place];
      batch = batch || batches(values[k]) > 0;
      all = all && batches(values[k]) > 0;
      positive = positive || values[k] > 0;
    }
    positive = positive && function == "equal";  // the batch may have that size
    for (std::size_t k = 0; k < x.size(); ++k) arguments.values[k] = &values[k];
    arguments.numbers = numbers.data();
    double result = 0;
    f.value(1, arguments, &result);
    const bool quotient = all && function.ends_with("divide");  // is known, whatever the batch
    if (batch && !quotient && (positive || !follows_batch(function, result)))
      to.refuse(node, "numbers that are known when the file is read", "the size of the batch");
    made.numbers.push_back(result);
    for (std::size_t i = rank; i-- > 0 && ++at[i] == dims[i];) at[i] = 0;
  }
  return made;
}

/// A constant for values of `rank` axes as one for their samples, channels last for images.
template <class T>
FileTensor sample_constant(OnnxImport<T>& to, const FileNode& node, const FileTensor& constant, std::size_t rank,
                           bool images, const BatchPlace& batch = {}) {
  FileTensor made = constant;
  if (batch.whole()) return made;
  while (made.dims.size() > rank && made.dims[0] == 1) made.dims.erase(made.dims.begin());
  const std::size_t missing = rank - (std::min)(rank, made.dims.size()), at = to_size(batch.axis);
  if (made.dims.size() > rank || (missing <= at && made.dims[at - missing] != 1))
    to.refuse(node, "a constant for each sample alike", "one with a batch or with more axes");
  if (missing <= at) {
    const auto place = made.dims.erase(made.dims.begin() + static_cast<std::ptrdiff_t>(at - missing));
    made.dims.insert(place, to_size(batch.inside()), 1);
  }
  if (!images) return made;
  made.dims.insert(made.dims.begin(), rank - 1 - made.dims.size(), 1);
  std::vector<std::size_t> order;
  for (std::size_t i = 1; i + 1 < rank; ++i) order.push_back(i);
  order.push_back(0);
  return permuted(made, order);
}

template <class T>
Node constant_node(OnnxImport<T>& to, const FileNode& node, const FileTensor& sample) {
  if (!to.first_input) to.refuse(node, "a model with inputs", "none");
  return to.add(node, Constant<T>(to.values(Shape(std::span<const Index>(sample.dims)), sample)), *to.first_input);
}

/// Of a graph without a batch: values that do not meet with one as values without.
template <class T>
void meet_whole(OnnxImport<T>& to, const FileNode& node, std::vector<Imported>& x) {
  const Imported* like = nullptr;
  for (const Imported& each : x)
    if (!each.constant && !like) like = &each;
  if (!to.whole || !like) return;
  const std::size_t rank = to.dims(*like).size();
  const bool meet = like->batch.first() && std::all_of(x.begin(), x.end(), [&](const Imported& each) {
                      if (!each.constant) return each.batch == like->batch && to.dims(each).size() == rank;
                      const std::vector<Index>& dims = each.constant->dims;
                      return dims.size() < rank || (dims.size() == rank && dims[0] == 1);
                    });
  if (meet) return;
  for (Imported& each : x) {
    each = to.whole_of(node, each);
    to.in_shape(node, each);
  }
}
/// f(x, ...) of nodes and constants.
template <class T>
Imported function_of(OnnxImport<T>& to, const FileNode& node, const std::string& function, std::vector<Imported> x,
                     std::vector<double> numbers = {}) {
  meet_whole(to, node, x);
  std::vector<const FileTensor*> constants;
  std::vector<const Imported*> nodes;
  bool images = true, alike = true, scalars = true;
  std::vector<IntegerType> types;
  for (const Imported& each : x) {
    types.push_back(type_of(each));
    if (each.constant) {
      constants.push_back(each.constant.get());
      scalars = scalars && each.constant->numbers.size() == 1;
      continue;
    }
    images = images && each.images;
    if (!nodes.empty()) alike = alike && each.features == nodes[0]->features;
    if (!nodes.empty() && !each.batch.whole() && to.sample(each).rank() != to.sample(*nodes[0]).rank())
      to.refuse(node, "inputs of as many axes", "others");
    if (!nodes.empty() && each.batch != nodes[0]->batch) to.refuse(node, "inputs with the batch on one axis", "others");
    nodes.push_back(&each);
  }
  if (nodes.empty()) return constant_value(folded(to, node, function, constants, numbers));
  const Shape features = alike && scalars ? nodes[0]->features : Shape{};
  const BatchPlace batch = nodes[0]->batch;
  const std::size_t rank = to.dims(*nodes[0]).size();
  ElementwiseOptions options{.numbers = std::move(numbers)};
  std::optional<Tensor<T>> own;
  std::vector<Node> inputs;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const Imported& each = x[i];
    if (!each.constant) {
      inputs.push_back(images || features.rank() > 0 ? each.node : to.plain(node, each));
      continue;
    }
    const FileTensor sample = sample_constant(to, node, *each.constant, rank, images, batch);
    if (own || options.scalar) {
      inputs.push_back(constant_node(to, node, sample));
      continue;
    }
    options.position = static_cast<Index>(i);
    if (sample.numbers.size() == 1)
      options.scalar = sample.numbers[0];
    else
      own = to.values(Shape(std::span<const Index>(sample.dims)), sample);
  }
  const bool same =
      nodes.size() == 2 && x.size() == 2 && to.sample({.node = inputs[0]}) == to.sample({.node = inputs[1]});
  Node made;
  if (same && function == "add")
    made = to.add(node, Add<T>(), std::span<const Node>(inputs));
  else if (same && function == "multiply")
    made = to.add(node, Multiply<T>(), std::span<const Node>(inputs));
  else if (same && function == "subtract")
    made = to.add(node, Subtract<T>(), std::span<const Node>(inputs));
  else if (own)
    made = to.add(node, Elementwise<T>(function, std::move(*own), options), std::span<const Node>(inputs));
  else
    made = to.add(node, Elementwise<T>(function, options), std::span<const Node>(inputs));
  return Imported{
      .node = made, .images = images, .features = features, .integers = result_type(function, types), .batch = batch};
}
/// Integers of 8 and 16 bits, as they are once they went round.
template <class T>
Imported gone_round(OnnxImport<T>& to, const FileNode& node, Imported x) {
  const IntegerType type = type_of(x);
  if (!type.goes_round()) return x;
  const Imported whole = number_value(std::ldexp(1.0, type.bits)), half = number_value(std::ldexp(1.0, type.bits - 1));
  if (type.is_signed) x = function_of(to, node, "add", {x, half});
  x = function_of(to, node, "modulo", {x, whole});
  if (type.is_signed) x = function_of(to, node, "subtract", {x, half});
  return x;
}
/// A function of the file's: of integers too.
template <class T>
Imported file_function(OnnxImport<T>& to, const FileNode& node, std::string function, std::vector<Imported> x) {
  std::vector<IntegerType> types;
  for (const Imported& each : x) types.push_back(type_of(each));
  const IntegerType type = result_type(function, types);
  if (type && function == "divide") function = "integer_divide";
  if (type.goes_round() && (function == "power" || (function == "multiply" && type.bits > 8)))
    to.refuse(node, "integers whose products are exact", "some of " + std::to_string(type.bits) + " bits");
  const bool cut = function == "power" && type && !types[1];
  Imported made = function_of(to, node, function, std::move(x));
  if (cut) made = function_of(to, node, "truncate", {made});
  return leaves_range(function) ? gone_round(to, node, std::move(made)) : made;
}

/// ONNX's name and the function that it is.
struct FunctionName {
  std::string_view op, function;
};
inline constexpr FunctionName function_names[] = {
    {"Abs", "abs"},
    {"Acos", "acos"},
    {"Acosh", "acosh"},
    {"Add", "add"},
    {"And", "and"},
    {"Asin", "asin"},
    {"Asinh", "asinh"},
    {"Atan", "atan"},
    {"Atanh", "atanh"},
    {"Ceil", "ceil"},
    {"Cos", "cos"},
    {"Cosh", "cosh"},
    {"Div", "divide"},
    {"Equal", "equal"},
    {"Erf", "erf"},
    {"Exp", "exp"},
    {"Floor", "floor"},
    {"Greater", "greater"},
    {"GreaterOrEqual", "greater_equal"},
    {"Less", "less"},
    {"LessOrEqual", "less_equal"},
    {"Log", "log"},
    {"Max", "maximum"},
    {"Mean", "add"},
    {"Min", "minimum"},
    {"Mul", "multiply"},
    {"Neg", "negative"},
    {"Not", "not"},
    {"Or", "or"},
    {"Pow", "power"},
    {"Reciprocal", "reciprocal"},
    {"Round", "round"},
    {"Sign", "sign"},
    {"Sin", "sin"},
    {"Sinh", "sinh"},
    {"Sqrt", "sqrt"},
    {"Sub", "subtract"},
    {"Sum", "add"},
    {"Tan", "tan"},
    {"Where", "where"},
    {"Xor", "xor"},
};
/// The second of two values with axes of 1 behind its own, so that its first stands at an axis of the first value: how
/// opset 6 says which axes meet.
template <class T>
Imported aligned_at(OnnxImport<T>& to, const FileNode& node, const std::vector<Imported>& x, Index axis) {
  const Index rank = count_of(to.dims(x[0])), own = count_of(to.dims(x[1]));
  const Index behind = rank - own - (axis < 0 ? axis + rank : axis);
  if (behind < 0) to.refuse(node, "an axis from which the second input fits", std::to_string(axis));
  if (behind == 0) return x[1];
  if (!x[1].constant) to.refuse(node, "a second input known when the file is read", "a computed one");
  FileTensor made = *x[1].constant;
  made.dims.insert(made.dims.end(), to_size(behind), 1);
  return constant_value(std::move(made));
}
template <class T>
void import_function(OnnxImport<T>& to, const FileNode& node) {
  std::string function;
  for (const FunctionName& row : function_names)
    if (row.op == node.op) function = row.function;
  const bool several = node.op == "Max" || node.op == "Min" || node.op == "Sum" || node.op == "Mean";
  const auto arguments = static_cast<std::size_t>(scalar_function<T>(to.place(node), function).arguments);
  if (several ? node.inputs.empty() : node.inputs.size() != arguments)
    to.refuse(node, std::to_string(arguments) + " inputs", std::to_string(node.inputs.size()));
  std::vector<Imported> x;
  for (std::size_t i = 0; i < node.inputs.size(); ++i) x.push_back(to.any(node, i));
  if (integer_or(node, "broadcast", 0) != 0 && node.find("axis"))
    x[1] = aligned_at(to, node, x, integer_or(node, "axis", 0));
  if (!several) return to.set(node, file_function(to, node, function, std::move(x)));
  Imported sum = x[0];
  for (std::size_t i = 1; i < x.size(); ++i) sum = file_function(to, node, function, {sum, x[i]});
  if (node.op == "Mean") sum = function_of(to, node, "divide", {sum, number_value(static_cast<double>(x.size()))});
  to.set(node, std::move(sum));
}

/// The remainder, with the sign of the divisor, or with `fmod` of the dividend.
template <class T>
void import_mod(OnnxImport<T>& to, const FileNode& node) {
  const bool cut = integer_or(node, "fmod", 0) != 0;
  const Imported a = to.any(node, 0), b = to.any(node, 1);
  if (!cut && !(type_of(a) && type_of(b))) to.refuse(node, "integers, or fmod = 1", "real numbers");
  to.set(node, function_of(to, node, cut ? "fmod" : "modulo", {a, b}));
}
/// x 2^y, or x / 2^y without the rest.
template <class T>
void import_bit_shift(OnnxImport<T>& to, const FileNode& node) {
  const std::string direction = text_or(node, "direction", "");
  if (direction != "LEFT" && direction != "RIGHT") to.refuse(node, "direction LEFT or RIGHT", shown(direction));
  const Imported x = to.any(node, 0);
  const IntegerType type = type_of(x);
  if (!type || type.is_signed) to.refuse(node, "integers without sign", "others");
  const Imported times = function_of(to, node, "power", {number_value(2), to.any(node, 1)});
  if (direction == "LEFT") return to.set(node, gone_round(to, node, function_of(to, node, "multiply", {x, times})));
  to.set(node, function_of(to, node, "integer_divide", {x, times}));
}

}  // namespace io::onnx

}  // namespace KEEL_ABI
}  // namespace keel

#endif
