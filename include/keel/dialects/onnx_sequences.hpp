#pragma once
/// How recurrent, normalising and attending layers, embeddings and masks become ONNX's operators.

#include <limits>

#include <keel/dialects/onnx_operators.hpp>

namespace keel {
inline namespace KEEL_ABI {

namespace dialects {

/// ONNX's data types, as Cast's attribute has them.
inline constexpr Index onnx_float = 1, onnx_int64 = 7, onnx_bool = 9, onnx_double = 11;

/// A row of the table for each number, its fraction cut off.
inline void onnx_embedding(OnnxCall& c) {
  const int x = c.x(OnnxForm::last);
  const int tokens = c.node("Cast", {x}, c.dims(x), {{"to", onnx_int64}}, "/tokens", OnnxType::int64);
  c.result(OnnxForm::last, c.node("Gather", {c.weight("embeddings"), tokens}, c.dims(OnnxForm::last)));
}

/// 1 where some feature of a step is not the mask's value, as truth or as a number.
inline int onnx_counts(OnnxCall& c, int x, bool features, bool keep, const std::string& suffix) {
  const int equal =
      c.binary("Equal", x, c.number(c.get<double>("mask_value", 0), "/mask_value"), "/equal", OnnxType::boolean);
  const int differs = c.node("Not", {equal}, c.dims(x), {}, "/differs", OnnxType::boolean);
  if (!features) return c.to_real(differs, suffix);
  return c.reduce("ReduceMax", c.to_real(differs, "/numbers"), {2}, keep, suffix);
}
inline void onnx_masking(OnnxCall& c) {
  const int x = c.x(OnnxForm::last), any = onnx_counts(c, x, true, true, "/any");
  const int counts = c.node("Cast", {any}, c.dims(any), {{"to", onnx_bool}}, "/counts", OnnxType::boolean);
  c.result(OnnxForm::last, c.where(counts, x, c.number(0, "/zero")));
}
inline void onnx_step_mask(OnnxCall& c) {
  c.result(OnnxForm::last, onnx_counts(c, c.x(OnnxForm::last), c.rank() == 2, false, ""));
}

// Recurrent layers. ONNX has the steps first, a direction axis, and gates in another order.

/// A function inside a recurrent operator, and its numbers if it has some.
struct OnnxGate {
  std::string name;
  std::vector<double> alpha = {}, beta = {};
};
inline OnnxGate onnx_gate(OnnxCall& c, const char* option, Activation usual) {
  const ActivationSpec spec = c.option(option, ActivationSpec(usual));
  switch (spec.kind) {
    case Activation::linear: return {"Affine", {1}, {0}};
    case Activation::relu: return {"Relu"};
    case Activation::leaky_relu: return {"LeakyRelu", {spec.alpha}};
    case Activation::elu: return {"Elu", {spec.alpha}};
    case Activation::sigmoid: return {"Sigmoid"};
    case Activation::hard_sigmoid: return {"HardSigmoid", {1 / 6.0}, {0.5}};
    case Activation::hard_sigmoid_keras2: return {"HardSigmoid", {0.2}, {0.5}};
    case Activation::tanh: return {"Tanh"};
    case Activation::softplus: return {"Softplus"};
    default: break;
  }
  c.refuse("functions that ONNX's recurrent operators have", std::string(activation_name(spec.kind)));
}

/// What each cell is in ONNX.
struct OnnxCell {
  std::string_view op;
  std::vector<Index> order;     ///< of the gates: ONNX's place k holds keel's gate order[k]
  std::vector<OnnxGate> gates;  ///< its functions
};
inline OnnxCell onnx_cell(OnnxCall& c, std::string_view layer) {
  const OnnxGate inner = onnx_gate(c, "activation", Activation::tanh);
  if (layer == "SimpleRNN") return {"RNN", {0}, {inner}};
  const OnnxGate gate = onnx_gate(c, "recurrent_activation", Activation::sigmoid);
  if (layer == "GRU") return {"GRU", {0, 1, 2}, {gate, inner}};
  return {"LSTM", {0, 3, 1, 2}, {gate, inner, inner}};
}
/// One parameter of one direction, its gates in ONNX's order and in front: (gates, units, rest).
inline OnnxPiece onnx_gates(const OnnxCall& c, const std::string& name, const OnnxCell& cell) {
  const Shape& shape = c.shape_of(name);
  const Index gates = count_of(cell.order), rows = shape.rank() > 1 ? shape[0] : 1;
  return {.parameter = name,
          .split = {rows, gates, shape.back() / gates},
          .axes = {1, 2, 0},
          .ordered = 1,
          .order = gates > 1 ? cell.order : std::vector<Index>()};
}
/// The bias of the input, then that of the state: zeros, or of a GRU that resets behind the product (2, 3 units).
inline void onnx_recurrent_bias(const OnnxCall& c, const std::string& name, const OnnxCell& cell,
                                std::vector<OnnxPiece>& pieces) {
  const Shape& shape = c.shape_of(name);
  if (shape.rank() == 2) return pieces.push_back({.parameter = name, .split = {shape[0], shape[1]}});
  pieces.push_back(onnx_gates(c, name, cell));
  pieces.push_back({.split = {shape[0]}});
}

/// The operator for these directions, whose parameters have these prefixes; its outputs are Y and Y_h.
inline void onnx_recurrent_node(OnnxCall& c, const OnnxCell& cell, const std::vector<std::string>& prefixes,
                                const std::string& direction) {
  const Index steps = c.in()[0], features = c.in()[1], units = c.get<Index>("units", 0),
              directions = count_of(prefixes), gates = count_of(cell.order);
  std::vector<OnnxPiece> w, r, b;
  OnnxAttributes attributes{{"hidden_size", units}, {"direction", direction}};
  std::vector<std::string> names;
  std::vector<double> alpha, beta;
  for (const std::string& prefix : prefixes) {
    w.push_back(onnx_gates(c, prefix + "kernel", cell));
    r.push_back(onnx_gates(c, prefix + "recurrent_kernel", cell));
    if (c.get<bool>("use_bias", true)) onnx_recurrent_bias(c, prefix + "bias", cell, b);
    for (const OnnxGate& gate : cell.gates) {
      names.push_back(gate.name);
      alpha.insert(alpha.end(), gate.alpha.begin(), gate.alpha.end());
      beta.insert(beta.end(), gate.beta.begin(), gate.beta.end());
    }
  }
  attributes.push_back({"activations", std::move(names)});
  if (!alpha.empty()) attributes.push_back({"activation_alpha", std::move(alpha)});
  if (!beta.empty()) attributes.push_back({"activation_beta", std::move(beta)});
  if (c.get<bool>("reset_after", false)) attributes.push_back({"linear_before_reset", Index{1}});
  const int x = c.transpose(c.x(OnnxForm::last), {1, 0, 2}, "/steps_first");
  std::vector<int> inputs{x, c.weight(std::move(w), {directions, gates * units, features}, "/W"),
                          c.weight(std::move(r), {directions, gates * units, units}, "/R")};
  if (!b.empty()) inputs.push_back(c.weight(std::move(b), {directions, 2 * gates * units}, "/B"));
  c.node(cell.op, std::move(inputs), {steps, directions, -1, units}, std::move(attributes));
  c.more_output("/last_state", {directions, -1, units});
}
inline void onnx_check_recurrent(OnnxCall& c) {
  if (c.count() > 1)
    c.refuse("a sequence without a mask", "one with a mask, for which ONNX has lengths alone",
             "export the network without masks, for sequences of one length");
  if (c.training() && (c.get<double>("dropout", 0) > 0 || c.get<double>("recurrent_dropout", 0) > 0))
    c.refuse("no dropout in training form", "dropout inside a recurrent layer, which ONNX does not have",
             "export for inference, or freeze the layer with Freeze::layer");
}
/// The steps of (batch, steps, ...) turned round.
inline int onnx_turned(OnnxCall& c, int x) {
  return c.node(
      "Slice",
      {x, c.integers({-1}, "/turned/starts"), c.integers({(std::numeric_limits<Index>::min)()}, "/turned/ends"),
       c.integers({1}, "/turned/axes"), c.integers({-1}, "/turned/steps")},
      OnnxDims(c.dims(x)), {}, "/turned");
}

inline void onnx_recurrent(OnnxCall& c, std::string_view layer) {
  onnx_check_recurrent(c);
  const bool back = c.get<bool>("go_backwards", false);
  onnx_recurrent_node(c, onnx_cell(c, layer), {""}, back ? "reverse" : "forward");
  if (!c.get<bool>("return_sequences", false))
    return c.result(OnnxForm::last, c.squeeze(c.last_output(1), 0, "/state"));
  const int steps = c.transpose(c.squeeze(c.last_output(0), 1, "/outputs"), {1, 0, 2}, "/batch_first");
  c.result(OnnxForm::last, back ? onnx_turned(c, steps) : steps);
}
inline void onnx_simple_rnn(OnnxCall& c) { onnx_recurrent(c, "SimpleRNN"); }
inline void onnx_gru(OnnxCall& c) { onnx_recurrent(c, "GRU"); }
inline void onnx_lstm(OnnxCall& c) { onnx_recurrent(c, "LSTM"); }
/// Both directions in one operator, the layer's own first; where that goes backwards they change places.
inline void onnx_bidirectional(OnnxCall& c) {
  onnx_check_recurrent(c);
  const bool back = c.get<bool>("go_backwards", false), sequences = c.get<bool>("return_sequences", false);
  const std::vector<std::string> prefixes =
      back ? std::vector<std::string>{"backward_", "forward_"} : std::vector<std::string>{"forward_", "backward_"};
  onnx_recurrent_node(c, onnx_cell(c, c.get<std::string>("layer", "LSTM")), prefixes, "bidirectional");
  // (batch, steps, directions, units), or without the steps
  int y = sequences ? c.transpose(c.last_output(0), {2, 0, 1, 3}, "/batch_first")
                    : c.transpose(c.last_output(1), {1, 0, 2}, "/batch_first");
  const Index axis = sequences ? 2 : 1;
  const auto merge = c.get<std::string>("merge_mode", "concat");
  if (merge == "concat") {
    if (back)
      y = c.node("Gather", {y, c.integers({1, 0}, "/places")}, OnnxDims(c.dims(y)), {{"axis", axis}}, "/changed");
    y = c.reshape(y, c.out(), "/joined");
  } else {
    y = c.reduce(merge == "sum"   ? "ReduceSum"
                 : merge == "mul" ? "ReduceProd"
                                  : "ReduceMean",
                 y, {axis}, false, "/joined");
  }
  c.result(OnnxForm::last, sequences && back ? onnx_turned(c, y) : y);
}

// Normalisation of each sample.

/// Over the last axes, to which others are brought.
inline void onnx_layer_norm(OnnxCall& c) {
  const std::vector<Index> axes = c.axes("axis");
  OnnxForm form = c.rank() == 1 && c.is_mixed() ? OnnxForm::mixed : OnnxForm::last;
  int x = c.x(form);
  std::vector<Index> to_end{0}, back(to_size(c.rank()) + 1);
  OnnxDims extents;
  for (Index i = 0; i < c.rank(); ++i)
    if (std::find(axes.begin(), axes.end(), i) == axes.end()) to_end.push_back(i + 1);
  for (const Index axis : axes) {
    to_end.push_back(axis + 1);
    extents.push_back(c.in()[axis]);
  }
  for (std::size_t i = 0; i < to_end.size(); ++i) nth(back, to_end[i]) = static_cast<Index>(i);
  const bool moves = !std::is_sorted(to_end.begin(), to_end.end());
  if (moves) x = c.transpose(x, to_end, "/turned");
  Index size = 1;
  for (const Index extent : extents) size *= extent;
  const auto weight = [&](const char* name) {
    OnnxPiece piece{.parameter = name, .split = extents};
    if (form == OnnxForm::mixed) piece.order = c.order();
    return c.weight({std::move(piece)}, extents, std::string("/") + name);
  };
  std::vector<int> inputs{x};
  inputs.push_back(c.has_parameter("gamma") ? weight("gamma")
                                            : c.numbers(std::vector<double>(to_size(size), 1), extents, "/gamma"));
  if (c.has_parameter("beta")) inputs.push_back(weight("beta"));
  const int y = c.node("LayerNormalization", std::move(inputs), OnnxDims(c.dims(x)),
                       {{"axis", -count_of(axes)}, {"epsilon", c.get<double>("epsilon", 1e-3)}});
  c.result(form, moves ? c.transpose(y, back, "/turned_back") : y);
}
/// Each group as one channel of an InstanceNormalization, then the channels' own scale and shift.
inline void onnx_group_norm(OnnxCall& c) {
  const Index channels = c.in().back(), said = c.get<Index>("groups", 32), groups = said == -1 ? channels : said;
  const OnnxForm form = c.rank() > 1 ? OnnxForm::first : OnnxForm::last;
  const int x = c.x(form);
  const OnnxDims dims = c.dims(x);
  const int parts = c.reshape(x, {groups, c.in().size() / groups}, "/groups");
  const int ones = c.numbers(std::vector<double>(to_size(groups), 1), {groups}, "/ones");
  const int zeros = c.numbers(std::vector<double>(to_size(groups), 0), {groups}, "/zeros");
  int y = c.node("InstanceNormalization", {parts, ones, zeros}, OnnxDims(c.dims(parts)),
                 {{"epsilon", c.get<double>("epsilon", 1e-3)}});
  y = c.reshape(y, Shape(std::span<const Index>(dims.data() + 1, dims.size() - 1)), "/channels");
  if (c.has_parameter("gamma")) y = c.binary("Mul", y, c.along("gamma", {c.rank() - 1}, form), "/scaled");
  if (c.has_parameter("beta")) y = c.binary("Add", y, c.along("beta", {c.rank() - 1}, form), "/shifted");
  c.result(form, y);
}
/// The sum or the mean of the squares along the layer's axes.
inline int onnx_squares(OnnxCall& c, int x, OnnxForm form, std::string_view op) {
  std::vector<Index> axes;
  for (const Index axis : c.axes("axis")) axes.push_back(c.axis(axis, form));
  std::sort(axes.begin(), axes.end());
  return c.reduce(op, c.binary("Mul", x, x, "/squares"), axes, true, "/square");
}
inline void onnx_rms_norm(OnnxCall& c) {
  const OnnxForm form = c.form();
  const int x = c.x(form), square = onnx_squares(c, x, form, "ReduceMean");
  const int sum = c.binary("Add", square, c.number(c.get<double>("epsilon", 1e-6), "/epsilon"), "/sum");
  const int normal = c.binary("Div", x, c.unary("Sqrt", sum, {}, "/root"), "/normal");
  c.result(form, c.binary("Mul", normal, c.along("scale", c.axes("axis"), form)));
}
inline void onnx_unit_normalization(OnnxCall& c) {
  const OnnxForm form = c.form();
  const int x = c.x(form), square = onnx_squares(c, x, form, "ReduceSum");
  const int limited = c.binary("Max", square, c.number(1e-24, "/least"), "/limited");
  c.result(form, c.binary("Div", x, c.unary("Sqrt", limited, {}, "/length")));
}

/// x w + b for all heads, and the heads in front of the steps: (batch, heads, steps, width), `turned` with these two
/// exchanged. `shares` is how many heads the query has.
inline int onnx_heads(OnnxCall& c, const std::string& name, std::size_t input, bool turned, Index shares) {
  const Shape& kernel = c.shape_of(name + "_kernel");  // (channels, heads, width)
  const Index heads = kernel[1], width = kernel[2], all = heads * width, steps = c.in(input)[0];
  int y = c.node("MatMul",
                 {c.x(OnnxForm::last, input), c.weight({{.parameter = name + "_kernel", .split = {kernel[0], all}}},
                                                       {kernel[0], all}, "/" + name + "_kernel")},
                 {-1, steps, all}, {}, "/" + name);
  if (c.get<bool>("use_bias", true))
    y = c.binary("Add", y, c.weight({{.parameter = name + "_bias", .split = {all}}}, {all}, "/" + name + "_bias"),
                 "/" + name + "_biased");
  y = c.reshape(y, {steps, heads, width}, "/" + name + "_split");
  if (const Index repeats = shares / heads; repeats > 1) {  // each head as often as others share it
    y = c.unsqueeze(y, 3, "/" + name + "_one");
    const int extents = c.integers({1, 1, 1, repeats, 1}, "/" + name + "_repeats");
    y = c.node("Expand", {y, extents}, {-1, steps, heads, repeats, width}, {}, "/" + name + "_repeated");
    y = c.reshape(y, {steps, shares, width}, "/" + name + "_all");
  }
  return c.transpose(y, turned ? std::vector<Index>{0, 2, 3, 1} : std::vector<Index>{0, 2, 1, 3},
                     "/" + name + "_heads");
}
/// softmax(q k / sqrt(width)) v of each head, joined by one product.
inline void onnx_attention(OnnxCall& c) {
  const std::size_t value = c.count() > 1 ? 1 : 0, key = c.count() == 3 ? 2 : value;
  const Shape& query = c.shape_of("query_kernel");  // (channels, heads, width)
  const Index heads = query[1], queries = c.in()[0], keys = c.in(key)[0];
  const int q = c.binary("Mul", onnx_heads(c, "query", 0, false, heads),
                         c.number(1 / std::sqrt(static_cast<double>(query[2])), "/scale"), "/scaled");
  const int k = onnx_heads(c, "key", key, true, heads), v = onnx_heads(c, "value", value, false, heads);
  const OnnxDims places{-1, heads, queries, keys};
  int scores = c.node("MatMul", {q, k}, places, {}, "/scores");
  if (c.get<bool>("use_causal_mask", false)) {
    std::vector<Index> seen;
    for (Index i = 0; i < queries; ++i)
      for (Index j = 0; j < keys; ++j) seen.push_back(j <= i);
    scores =
        c.where(c.booleans(std::move(seen), {queries, keys}, "/seen"), scores, c.number(-1e9, "/hidden"), "/masked");
  }
  const int a = c.unary("Softmax", scores, {{"axis", Index{3}}}, "/weights");
  const Shape& kernel = c.shape_of("output_kernel");  // (heads, width, out)
  const Index all = kernel[0] * kernel[1];
  int y = c.node("MatMul", {a, v}, {-1, heads, queries, kernel[1]}, {}, "/values");
  y = c.reshape(c.transpose(y, {0, 2, 1, 3}, "/together"), {queries, all}, "/joined");
  y = c.node(
      "MatMul",
      {y, c.weight({{.parameter = "output_kernel", .split = {all, kernel[2]}}}, {all, kernel[2]}, "/output_kernel")},
      c.dims(OnnxForm::last));
  if (c.get<bool>("use_bias", true)) y = c.binary("Add", y, c.weight("output_bias"), "/biased");
  c.result(OnnxForm::last, y);
}

}  // namespace dialects

}  // namespace KEEL_ABI
}  // namespace keel
