#pragma once
/// How the layers that stand for single operators become these operators again.

#include <numeric>

#include <keel/dialects/onnx_operators.hpp>

namespace keel {
inline namespace KEEL_ABI {

namespace dialects {

/// A function of Elementwise, and the names of the numbers that it has.
struct OnnxElementwise {
  std::string_view keel, op, first = {}, second = {};
};
inline constexpr OnnxElementwise onnx_elementwise_functions[] = {
    {"abs", "Abs"},
    {"negative", "Neg"},
    {"reciprocal", "Reciprocal"},
    {"sqrt", "Sqrt"},
    {"exp", "Exp"},
    {"log", "Log"},
    {"erf", "Erf"},
    {"sin", "Sin"},
    {"cos", "Cos"},
    {"tan", "Tan"},
    {"asin", "Asin"},
    {"acos", "Acos"},
    {"atan", "Atan"},
    {"sinh", "Sinh"},
    {"cosh", "Cosh"},
    {"tanh", "Tanh"},
    {"asinh", "Asinh"},
    {"acosh", "Acosh"},
    {"atanh", "Atanh"},
    {"floor", "Floor"},
    {"ceil", "Ceil"},
    {"round", "Round"},
    {"sign", "Sign"},
    {"shrink", "Shrink", "lambd", "bias"},
    {"hard_sigmoid", "HardSigmoid", "alpha", "beta"},
    {"thresholded_relu", "ThresholdedRelu", "alpha"},
    {"selu", "Selu", "alpha", "gamma"},
    {"add", "Add"},
    {"subtract", "Sub"},
    {"multiply", "Mul"},
    {"divide", "Div"},
    {"power", "Pow"},
    {"minimum", "Min"},
    {"maximum", "Max"},
};

/// The inputs with as many axes as the output has: axes of 1 behind the batch.
inline std::vector<int> onnx_aligned(OnnxCall& c) {
  std::vector<int> x;
  for (std::size_t i = 0; i < c.count(); ++i) {
    int each = c.x(OnnxForm::last, i);
    if (const Index missing = c.out().rank() - c.in(i).rank(); missing > 0) {
      std::vector<Index> dims(static_cast<std::size_t>(missing), 1);
      dims.insert(dims.end(), c.in(i).begin(), c.in(i).end());
      each = c.reshape(each, Shape(dims), "/input" + std::to_string(i));
    }
    x.push_back(each);
  }
  return x;
}

/// Functions that have truth as a result, or cut numbers to integers, are of other types there: refused.
inline void onnx_elementwise(OnnxCall& c) {
  const auto name = c.get<std::string>("function", "");
  const auto numbers = c.get<std::vector<double>>("numbers", {});
  if (name == "clip") {
    const int x = c.x(OnnxForm::last);
    return c.result(OnnxForm::last,
                    c.node("Clip", {x, c.number(numbers.at(0), "/least"), c.number(numbers.at(1), "/most")},
                           c.dims(OnnxForm::last)));
  }
  const OnnxElementwise* const function = find_row(onnx_elementwise_functions, &OnnxElementwise::keel, name);
  if (!function) c.refuse("a function that dialects/onnx_general.hpp writes", "\"" + name + "\"");
  std::vector<int> x = onnx_aligned(c);
  const auto position = static_cast<std::ptrdiff_t>(c.get<Index>("position", 0));
  if (c.has_parameter("constant"))
    x.insert(x.begin() + position, c.weight("constant"));
  else if (const auto scalar = c.option("scalar", std::optional<double>()))
    x.insert(x.begin() + position, c.number(*scalar, "/scalar"));
  OnnxAttributes attributes;
  if (!function->first.empty()) attributes.push_back({function->first, numbers.at(0)});
  if (!function->second.empty()) attributes.push_back({function->second, numbers.at(1)});
  c.result(OnnxForm::last, c.node(function->op, std::move(x), c.dims(OnnxForm::last), std::move(attributes)));
}

/// An operator of any number of inputs that broadcast.
inline void onnx_merge(OnnxCall& c, const char* op) {
  bool alike = true;
  for (std::size_t i = 1; i < c.count(); ++i) alike = alike && c.in(i) == c.in();
  const OnnxForm form = alike ? c.form() : OnnxForm::last;
  std::vector<int> x;
  for (std::size_t i = 0; alike && i < c.count(); ++i) x.push_back(c.x(form, i));
  c.result(form, c.node(op, alike ? std::move(x) : onnx_aligned(c), c.dims(form)));
}
inline void onnx_average(OnnxCall& c) { onnx_merge(c, "Mean"); }
inline void onnx_maximum(OnnxCall& c) { onnx_merge(c, "Max"); }
inline void onnx_minimum(OnnxCall& c) { onnx_merge(c, "Min"); }

/// The product of (batch, m, k) and (batch, k, n), k being the axes that are summed over.
inline void onnx_dot(OnnxCall& c) {
  const Axes axes = c.option("axes", Axes(-1));
  int sides[2];
  for (std::size_t i = 0; i < 2; ++i) {
    const std::string name = i == 0 ? "/a" : "/b";
    const Index rank = c.in(i).rank(), at = sample_axis(axes.list[axes.list.size() == 1 ? 0 : i], rank);
    const Index extent = c.in(i)[at], others = c.in(i).size() / (std::max)(extent, Index{1});
    std::vector<Index> order{0};
    if (i == 1) order.push_back(at + 1);
    for (Index axis = 0; axis < rank; ++axis)
      if (axis != at) order.push_back(axis + 1);
    if (i == 0) order.push_back(at + 1);
    int x = c.x(OnnxForm::last, i);
    if (!std::is_sorted(order.begin(), order.end())) x = c.transpose(x, order, name + "/turned");
    x = c.reshape(x, i == 0 ? Shape{others, extent} : Shape{extent, others}, name + "/matrices");
    if (c.get<bool>("normalize", false)) {
      const Index along = i == 0 ? 2 : 1;
      const int square = c.reduce("ReduceSum", c.binary("Mul", x, x, name + "/squares"), {along}, true, name + "/sum");
      const int limited = c.binary("Max", square, c.number(1e-24, name + "/least"), name + "/limited");
      x = c.binary("Div", x, c.unary("Sqrt", limited, {}, name + "/length"), name + "/unit");
    }
    sides[i] = x;
  }
  const Index rows = nth(c.dims(sides[0]), 1), columns = nth(c.dims(sides[1]), 2);
  const int y = c.node("MatMul", {sides[0], sides[1]}, {-1, rows, columns}, {}, "/product");
  c.result(OnnxForm::last, c.reshape(y, c.out()));
}

/// The product of the last two axes, swapped where the options say so; axes of 1 in front of the shorter input.
inline void onnx_matmul(OnnxCall& c) {
  std::vector<int> x = onnx_aligned(c);
  for (std::size_t i = 0; i < 2; ++i) {
    if (!c.get<bool>(i == 0 ? "transpose_a" : "transpose_b", false)) continue;
    std::vector<Index> order(c.dims(x[i]).size());
    std::iota(order.begin(), order.end(), Index{0});
    std::swap(order[order.size() - 1], order[order.size() - 2]);
    x[i] = c.transpose(x[i], order, i == 0 ? "/a" : "/b");
  }
  c.result(OnnxForm::last, c.node("MatMul", std::move(x), c.dims(OnnxForm::last)));
}

/// The values once for each sample: expanded to the input's batch.
inline void onnx_constant(OnnxCall& c) {
  const int x = c.x(OnnxForm::last);
  const int batch = c.node("Shape", {x}, {1}, {{"start", Index{0}}, {"end", Index{1}}}, "/batch", OnnxType::int64);
  const std::vector<Index> sample(c.out().begin(), c.out().end());
  const int shape = c.node("Concat", {batch, c.integers(sample, "/sample")}, {c.out().rank() + 1}, {{"axis", Index{0}}},
                           "/shape", OnnxType::int64);
  c.result(OnnxForm::last, c.node("Expand", {c.weight("value"), shape}, c.dims(OnnxForm::last)));
}

struct OnnxReduction {
  std::string_view keel, op;
};
inline constexpr OnnxReduction onnx_reductions[] = {
    {"sum", "ReduceSum"},        {"mean", "ReduceMean"},
    {"max", "ReduceMax"},        {"min", "ReduceMin"},
    {"prod", "ReduceProd"},      {"l1", "ReduceL1"},
    {"l2", "ReduceL2"},          {"sum_square", "ReduceSumSquare"},
    {"log_sum", "ReduceLogSum"}, {"log_sum_exp", "ReduceLogSumExp"},
};
/// A sample that is one value is a row of one here: without axes ONNX would take the batch along.
inline void onnx_reduce(OnnxCall& c) {
  std::vector<Index> axes;
  for (const Index axis : c.axes("axes", std::vector<Index>{})) axes.push_back(axis + 1);
  if (axes.empty())
    for (Index i = 1; i <= c.rank(); ++i) axes.push_back(i);
  axes.erase(std::unique(axes.begin(), axes.end()), axes.end());
  const auto name = c.get<std::string>("function", "");
  const OnnxReduction* const reduction = find_row(onnx_reductions, &OnnxReduction::keel, name);
  if (!reduction) c.refuse("a function that dialects/onnx_general.hpp writes", "\"" + name + "\"");
  const std::string_view op = reduction->op;
  const int x = c.x(OnnxForm::last);
  if (c.rank() == 0) return c.result(OnnxForm::last, c.reduce(op, c.unsqueeze(x, 1, "/row"), {1}, false));
  c.result(OnnxForm::last, c.reduce(op, x, axes, c.get<bool>("keepdims", false)));
}

inline void onnx_slice(OnnxCall& c) {
  const auto list = [&](const char* name) { return c.get<std::vector<Index>>(name, {}); };
  std::vector<Index> axes;
  for (const Index axis : list("axes")) axes.push_back(sample_axis(axis, c.rank()) + 1);
  const int x = c.x(OnnxForm::last);
  c.result(OnnxForm::last, c.node("Slice",
                                  {x, c.integers(list("starts"), "/starts"), c.integers(list("ends"), "/ends"),
                                   c.integers(std::move(axes), "/axes"), c.integers(list("steps"), "/steps")},
                                  c.dims(OnnxForm::last)));
}

inline void onnx_gather(OnnxCall& c) {
  const Index axis = c.get<Index>("axis", 1);
  const int x = c.x(OnnxForm::last);
  c.result(OnnxForm::last, c.node("Gather", {x, c.integers(c.get<std::vector<Index>>("indices", {}), "/indices")},
                                  c.dims(OnnxForm::last), {{"axis", sample_axis(axis, c.rank()) + 1}}));
}

/// keel's modes where ONNX has them: "wrap" from opset 19 on, and a reflection only once.
inline void onnx_general_pad(OnnxCall& c) {
  const auto sides = c.get<std::vector<Index>>("sides", {});
  const auto mode = c.get<std::string>("mode", "constant");
  if (mode == "wrap" && c.opset() < 19) c.refuse("opset 19 for mode wrap", std::to_string(c.opset()));
  std::vector<Index> pads{0};
  for (std::size_t side = 0; side < 2; ++side) {
    if (side == 1) pads.push_back(0);
    for (std::size_t axis = 0; axis < sides.size() / 2; ++axis) {
      const Index count = sides[2 * axis + side], extent = c.in()[static_cast<Index>(axis)];
      if (mode != "constant" &&
          (count < 0 || (mode == "reflect" && count >= extent) || (mode == "wrap" && count > extent)))
        c.refuse("sides of 0 or more that the extents hold for mode " + mode, std::to_string(count));
      pads.push_back(count);
    }
  }
  std::vector<int> inputs{c.x(OnnxForm::last), c.integers(std::move(pads), "/pads")};
  if (mode == "constant") inputs.push_back(c.number(c.get<double>("value", 0), "/value"));
  c.result(OnnxForm::last, c.node("Pad", std::move(inputs), c.dims(OnnxForm::last), {{"mode", mode}}));
}

/// The values weighed by the softmax of the scores (batch, queries, keys).
inline void onnx_weigh(OnnxCall& c, int scores) {
  const int weights = c.unary("Softmax", scores, {{"axis", Index{2}}}, "/weights");
  c.result(OnnxForm::last, c.node("MatMul", {weights, c.x(OnnxForm::last, 1)}, c.dims(OnnxForm::last)));
}
inline void onnx_dot_attention(OnnxCall& c) {
  const int key = c.transpose(c.x(OnnxForm::last, c.count() - 1), {0, 2, 1}, "/key");
  int scores = c.node("MatMul", {c.x(OnnxForm::last), key}, {-1, c.in()[0], c.in(1)[0]}, {}, "/scores");
  if (c.has_parameter("scale")) scores = c.binary("Mul", scores, c.weight("scale"), "/scaled");
  onnx_weigh(c, scores);
}
inline void onnx_additive_attention(OnnxCall& c) {
  const int query = c.unsqueeze(c.x(OnnxForm::last), 2, "/query");
  const int key = c.unsqueeze(c.x(OnnxForm::last, c.count() - 1), 1, "/key");
  const OnnxDims dims{-1, c.in()[0], c.in(1)[0], c.in()[1]};
  int terms = c.unary("Tanh", c.node("Add", {query, key}, dims, {}, "/sums"), {}, "/terms");
  if (c.has_parameter("scale")) terms = c.binary("Mul", terms, c.weight("scale"), "/scaled");
  onnx_weigh(c, c.reduce("ReduceSum", terms, {3}, false, "/scores"));
}

/// Each channel stretched from its extremes to those of the range.
inline void onnx_auto_contrast(OnnxCall& c) {
  const OnnxForm form = c.form();
  const int x = c.x(form);
  const std::vector<Index> axes{c.axis(0, form), c.axis(1, form)};
  const auto range = c.get<std::vector<double>>("value_range", {0, 255});
  const int low = c.reduce("ReduceMin", x, axes, true, "/low"), high = c.reduce("ReduceMax", x, axes, true, "/high");
  const int varied = c.binary("Less", low, high, "/varied", OnnxType::boolean);
  const int width = c.where(varied, c.binary("Sub", high, low, "/difference"), c.number(1, "/one"), "/width");
  const int place = c.binary("Div", c.binary("Sub", x, low, "/shifted"), width, "/place");
  const int scaled = c.binary("Mul", place, c.number(range[1] - range[0], "/range"), "/scaled");
  c.result(form, c.where(varied, c.binary("Add", scaled, c.number(range[0], "/from"), "/stretched"), x));
}

inline void onnx_glu(OnnxCall& c) {
  const OnnxForm form = c.rank() > 1 ? c.form() : OnnxForm::last;
  const Index at = sample_axis(c.get<Index>("axis", -1), c.rank()), axis = c.axis(at, form), half = c.out()[at];
  const int x = c.x(form), a = c.slice(x, {0}, {half}, {axis}, "/linear");
  c.result(form, c.binary("Mul", a, c.unary("Sigmoid", c.slice(x, {half}, {2 * half}, {axis}, "/gate"), {}, "/open")));
}

inline void onnx_einsum_dense(OnnxCall& c) {
  const int product = c.node("Einsum", {c.x(OnnxForm::last), c.weight("kernel")}, c.dims(OnnxForm::last),
                             {{"equation", c.get<std::string>("equation", "")}}, "/product");
  const int y = c.has_parameter("bias") ? c.binary("Add", product, c.weight("bias"), "/biased") : product;
  c.result(OnnxForm::last, onnx_activate(c, y, OnnxForm::last));
}

/// The layer inside on (batch steps, ...).
inline void onnx_time_distributed(OnnxCall& c) {
  const OnnxPlace& place = c.place();
  const auto type = c.get<std::string>("layer", "");
  const OnnxRow* const row = onnx_row(type);
  if (!row) c.refuse("a layer inside that ONNX has a row for", type);
  if (place.training && row->training == "refused") c.refuse("a layer inside that ONNX has in training", type);
  Config config;
  for (const auto& [name, value] : place.config.entries()) {
    if (name == "layer") continue;
    if (!onnx_has_word(row->options, option_of_entry(name)) && !onnx_has_word(row->neutral, option_of_entry(name)))
      c.refuse("options that dialects/onnx.hpp names", "\"" + name + "\"");
    config.set(name, value);
  }
  const auto fold = [&](int x, std::vector<Index> to, const std::string& suffix) {  // the first of them unknown
    OnnxDims dims = to;
    const int extents = c.integers(std::move(to), suffix + "/shape");
    return c.node("Reshape", {x, extents}, std::move(dims), {}, suffix);
  };
  OnnxTensor in, out;
  in.sample = c.in().sample();
  std::vector<Index> sample(in.sample.begin(), in.sample.end());
  sample.insert(sample.begin(), -1);
  in.in(OnnxForm::last) = fold(c.x(OnnxForm::last), std::move(sample), "/steps");
  OnnxPlace inside{.who = place.who,
                   .name = place.name + "/layer",
                   .layer = place.layer,
                   .config = config,
                   .inputs = {in.sample},
                   .output = c.out().sample(),
                   .parameters = place.parameters,
                   .training = place.training};
  OnnxCall call(c.builder(), std::move(inside), {&in}, out);
  row->write(call);
  std::vector<Index> back(c.out().begin(), c.out().end());
  back.insert(back.begin(), -1);
  c.result(OnnxForm::last, fold(c.builder().in_form(out, OnnxForm::last, place.name), std::move(back), ""));
}

inline void onnx_tile(OnnxCall& c) {
  std::vector<Index> repeats{1};
  for (const Index each : c.get<std::vector<Index>>("repeats", {})) repeats.push_back(each);
  const int x = c.x(OnnxForm::last);
  c.result(OnnxForm::last, c.node("Tile", {x, c.integers(std::move(repeats), "/repeats")}, c.dims(OnnxForm::last)));
}

}  // namespace dialects

}  // namespace KEEL_ABI
}  // namespace keel
