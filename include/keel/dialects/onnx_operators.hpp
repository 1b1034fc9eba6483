#pragma once
/// How classes of keel's become ONNX's operators: activations, sums, shapes. Windows are in onnx_windows.hpp.

#include <keel/dialects/onnx_call.hpp>
#include <keel/kernels/activation.hpp>

namespace keel {
inline namespace KEEL_ABI {

namespace dialects {

/// A function that ONNX has an operator for.
struct OnnxFunction {
  std::string_view name;  ///< keel's
  std::string_view op;
  bool alpha = false;  ///< whether the operator has the function's alpha
};
inline constexpr OnnxFunction onnx_functions[] = {{"relu", "Relu"},
                                                  {"leaky_relu", "LeakyRelu", true},
                                                  {"elu", "Elu", true},
                                                  {"selu", "Selu"},
                                                  {"sigmoid", "Sigmoid"},
                                                  {"exponential", "Exp"},
                                                  {"softsign", "Softsign"},
                                                  {"celu", "Celu", true},
                                                  {"hard_swish", "HardSwish"},
                                                  {"tanh", "Tanh"},
                                                  {"softplus", "Softplus"}};

/// x/2 (1 + erf(x / sqrt 2)), or 1 + tanh(sqrt(2/pi) (x + 0.044715 x^3)); one operator since opset 20.
inline int onnx_gelu(OnnxCall& c, int x, bool tanh) {
  if (c.opset() >= 20) return c.unary("Gelu", x, {{"approximate", std::string(tanh ? "tanh" : "none")}}, "/gelu");
  int inner = -1;
  if (tanh) {
    const int square = c.binary("Mul", x, x, "/square");
    const int cubic = c.binary("Mul", square, c.number(0.044715, "/0.044715"), "/cubic");
    const int factor = c.binary("Add", cubic, c.number(1, "/1"), "/factor");
    const int sum = c.binary("Mul", x, factor, "/sum");
    inner =
        c.unary("Tanh", c.binary("Mul", sum, c.number(std::sqrt(2 / 3.14159265358979323846), "/sqrt_2_pi"), "/scaled"),
                {}, "/tanh");
  } else {
    inner = c.unary("Erf", c.binary("Mul", x, c.number(std::sqrt(0.5), "/sqrt_half"), "/scaled"), {}, "/erf");
  }
  const int gate = c.binary("Add", inner, c.number(1, "/one"), "/gate");
  return c.binary("Mul", c.binary("Mul", x, c.number(0.5, "/half"), "/halved"), gate, "/gelu");
}

inline int onnx_clip(OnnxCall& c, int x, double least, double most, const std::string& suffix) {
  return c.node("Clip", {x, c.number(least, suffix + "/min"), c.number(most, suffix + "/max")}, c.dims(x), {}, suffix);
}

/// The function of `name` ("activation", and its "activation_alpha"), applied to a value of that form.
inline int onnx_activate(OnnxCall& c, int x, OnnxForm form, const char* name = "activation",
                         std::string suffix = "/activation") {
  const ActivationSpec spec = c.option(name, ActivationSpec());
  if (const OnnxFunction* found = find_row(onnx_functions, &OnnxFunction::name, activation_name(spec.kind)))
    return c.unary(found->op, x, found->alpha ? OnnxAttributes{{"alpha", spec.alpha}} : OnnxAttributes{}, suffix);
  const Index channels = onnx_axis(c.out().rank() - 1, c.out().rank(), form);
  switch (spec.kind) {
    case Activation::linear: return x;
    case Activation::relu6: return onnx_clip(c, x, 0, 6, suffix);
    case Activation::hard_sigmoid: return c.unary("HardSigmoid", x, {{"alpha", 1 / 6.0}, {"beta", 0.5}}, suffix);
    case Activation::hard_sigmoid_keras2: return c.unary("HardSigmoid", x, {{"alpha", 0.2}, {"beta", 0.5}}, suffix);
    case Activation::silu: return c.binary("Mul", x, c.unary("Sigmoid", x, {}, "/sigmoid"), suffix);
    case Activation::gelu: return onnx_gelu(c, x, false);
    case Activation::gelu_tanh: return onnx_gelu(c, x, true);
    case Activation::softmax: return c.unary("Softmax", x, {{"axis", channels}}, suffix);
    case Activation::log_softmax: return c.unary("LogSoftmax", x, {{"axis", channels}}, suffix);
    case Activation::mish:
      if (c.opset() >= 18) return c.unary("Mish", x, {}, suffix);
      return c.binary("Mul", x, c.unary("Tanh", c.unary("Softplus", x, {}, "/softplus"), {}, "/tanh"), suffix);
    case Activation::hard_shrink: return c.unary("Shrink", x, {{"lambd", spec.alpha}}, suffix);
    case Activation::soft_shrink: return c.unary("Shrink", x, {{"lambd", spec.alpha}, {"bias", spec.alpha}}, suffix);
    case Activation::hard_tanh: return onnx_clip(c, x, -1, 1, suffix);
    case Activation::tanh_shrink: return c.binary("Sub", x, c.unary("Tanh", x, {}, "/tanh"), suffix);
    case Activation::log_sigmoid:
      return c.unary("Neg", c.unary("Softplus", c.unary("Neg", x, {}, "/negative"), {}, "/softplus"), {}, suffix);
    case Activation::squareplus: {
      const int square = c.binary("Mul", x, x, "/square");
      const int root = c.unary("Sqrt", c.binary("Add", square, c.number(spec.alpha, "/b"), "/sum"), {}, "/root");
      return c.binary("Mul", c.binary("Add", x, root, "/twice"), c.number(0.5, "/half"), suffix);
    }
    case Activation::sparse_plus: {  // s^2 + max(x, 1) - 1, s being (x + 1) / 2 between 0 and 1
      const int gate = c.unary("HardSigmoid", x, {{"alpha", 0.5}, {"beta", 0.5}}, "/gate");
      const int one = c.number(1, "/one"), above = c.binary("Max", x, one, "/above");
      return c.binary("Add", c.binary("Mul", gate, gate, "/square"), c.binary("Sub", above, one, "/rest"), suffix);
    }
    case Activation::sparse_sigmoid: return c.unary("HardSigmoid", x, {{"alpha", 0.5}, {"beta", 0.5}}, suffix);
    default: break;
  }
  c.refuse("an activation that dialects/onnx_operators.hpp writes", std::string(activation_name(spec.kind)));
}

inline void onnx_pass(OnnxCall& c) { c.pass(); }
inline void onnx_identity(OnnxCall& c) {
  const OnnxForm form = c.form();
  c.result(form, c.unary("Identity", c.x(form)));
}

inline void onnx_activation(OnnxCall& c) {
  const OnnxForm form = c.form();
  const int x = c.x(form), y = onnx_activate(c, x, form, "activation", "");
  c.result(form, y == x ? c.unary("Identity", x) : y);
}
inline void onnx_elu(OnnxCall& c) {
  const OnnxForm form = c.form();
  c.result(form, c.unary("Elu", c.x(form), {{"alpha", c.get<double>("alpha", 1)}}));
}
inline void onnx_leaky_relu(OnnxCall& c) {
  const OnnxForm form = c.form();
  c.result(form, c.unary("LeakyRelu", c.x(form), {{"alpha", c.get<double>("negative_slope", 0.3)}}));
}
/// x above the threshold, slope (x - threshold) below, limited.
inline void onnx_relu(OnnxCall& c) {
  const OnnxForm form = c.form();
  const double slope = c.get<double>("negative_slope", 0), threshold = c.get<double>("threshold", 0);
  const bool limited = c.has("max_value");
  const int x = c.x(form);
  if (threshold == 0 && !limited && slope == 0) return c.result(form, c.unary("Relu", x));
  if (threshold == 0 && !limited) return c.result(form, c.unary("LeakyRelu", x, {{"alpha", slope}}));
  const int limit = limited ? c.number(c.get<double>("max_value", 0), "/max_value") : -1;
  if (threshold == 0 && slope == 0) return c.result(form, c.node("Clip", {x, c.number(0, "/min"), limit}, c.dims(x)));
  const int at = c.number(threshold, "/threshold");
  const int below = c.binary("LessOrEqual", x, at, "/below", OnnxType::boolean);
  const int sloped = c.binary("Mul", c.binary("Sub", x, at, "/shifted"), c.number(slope, "/slope"), "/sloped");
  int y = c.where(below, sloped, x, limited ? "/rectified" : "");
  if (limited) y = c.where(c.binary("GreaterOrEqual", y, limit, "/above", OnnxType::boolean), limit, y);
  c.result(form, y);
}
inline void onnx_prelu(OnnxCall& c) {
  const OnnxForm form = c.form();
  std::vector<Index> axes;
  const auto shared = c.get<std::vector<Index>>("shared_axes", {});
  for (Index i = 0; i < c.rank(); ++i)
    if (std::find(shared.begin(), shared.end(), i + 1) == shared.end()) axes.push_back(i);
  const int x = c.x(form);
  c.result(form, c.node("PRelu", {x, c.along("alpha", axes, form)}, c.dims(x)));
}

/// Softmax over axes that ONNX's, which has one, does not have: exp(x - largest) over its sum.
inline int onnx_softmax_over(OnnxCall& c, int x, const std::vector<Index>& axes) {
  if (axes.size() == 1) return c.unary("Softmax", x, {{"axis", axes[0]}});
  const int largest = c.reduce("ReduceMax", x, axes, true, "/largest");
  const int power = c.unary("Exp", c.binary("Sub", x, largest, "/shifted"), {}, "/exp");
  return c.binary("Div", power, c.reduce("ReduceSum", power, axes, true, "/sum"));
}
inline void onnx_softmax(OnnxCall& c) {
  const OnnxForm form = c.form();
  std::vector<Index> axes;
  for (const Index axis : c.axes("axis")) axes.push_back(c.axis(axis, form));
  std::sort(axes.begin(), axes.end());
  const int x = c.x(form);
  c.result(form, axes.empty() ? c.binary("Div", x, x) : onnx_softmax_over(c, x, axes));
}

/// One operator of two inputs, applied along all of them.
inline void onnx_fold(OnnxCall& c, const char* op) {
  bool alike = true;
  for (std::size_t i = 1; i < c.count(); ++i) alike = alike && c.in(i) == c.in(0);
  bool ranks = true;
  for (std::size_t i = 1; i < c.count(); ++i) ranks = ranks && c.in(i).rank() == c.in(0).rank();
  OnnxForm form = c.form();
  if (!ranks || (form == OnnxForm::mixed && !alike)) form = OnnxForm::last;
  int y = c.x(form);
  for (std::size_t i = 1; i < c.count(); ++i)
    y = c.binary(op, y, c.x(form, i), i + 1 < c.count() ? "/" + std::to_string(i) : "");
  c.result(form, y);
}
inline void onnx_add(OnnxCall& c) { onnx_fold(c, "Add"); }
inline void onnx_multiply(OnnxCall& c) { onnx_fold(c, "Mul"); }
inline void onnx_subtract(OnnxCall& c) { onnx_fold(c, "Sub"); }

/// Rows whose features are in other orders stay so, one after the other.
inline void onnx_concatenate(OnnxCall& c) {
  const Index axis = c.axes("axis").at(0);
  OnnxForm form = OnnxForm::last;
  bool mixed = false;
  for (std::size_t i = 0; i < c.count(); ++i) mixed = mixed || c.is_mixed(i);
  if (!mixed) form = c.form();
  std::vector<int> parts;
  std::vector<Index> order;
  for (std::size_t i = 0; i < c.count(); ++i) {
    const Index before = count_of(order);
    parts.push_back(c.x(mixed && c.is_mixed(i) ? OnnxForm::mixed : form, i));
    for (Index k = 0; mixed && k < c.in(i)[0]; ++k) order.push_back(before + (c.is_mixed(i) ? nth(c.order(i), k) : k));
  }
  const int y = c.node("Concat", std::move(parts), c.dims(form), {{"axis", c.axis(axis, form)}});
  if (mixed)
    c.result_mixed(y, std::move(order));
  else
    c.result(form, y);
}

/// Behind images the features come channel by channel, as ONNX's images lie; the weights behind take that order.
inline void onnx_flatten(OnnxCall& c) {
  if (c.rank() == 1) return c.pass();
  const OnnxAttributes axis{{"axis", Index{1}}};
  if (c.form() != OnnxForm::first || c.rank() == 0) {
    const int x = c.x(OnnxForm::last);
    return c.result(OnnxForm::last,
                    c.rank() == 0 ? c.reshape(x, c.out()) : c.node("Flatten", {x}, c.dims(OnnxForm::last), axis));
  }
  const Index channels = c.in().back(), places = c.in().size() / channels;
  const int y = c.node("Flatten", {c.x(OnnxForm::first)}, c.dims(OnnxForm::last), axis);
  if (places == 1 || channels == 1) return c.result(OnnxForm::last, y);
  c.result_mixed(y, c.flat_order());
}
inline void onnx_reshape(OnnxCall& c) { c.result(OnnxForm::last, c.reshape(c.x(OnnxForm::last), c.out())); }
inline void onnx_permute(OnnxCall& c) {
  const OnnxForm form = c.rank() > 1 ? c.form() : OnnxForm::last;
  std::vector<Index> axes{0};
  for (const Index dim : c.get<std::vector<Index>>("dims", {})) axes.push_back(c.axis(dim - 1, form));
  c.result(OnnxForm::last, c.transpose(c.x(form), axes));
}
inline void onnx_repeat_vector(OnnxCall& c) {
  const int row = c.unsqueeze(c.x(OnnxForm::last), 1, "/row");
  const int times = c.integers({1, c.get<Index>("n", 1), 1}, "/times");
  c.result(OnnxForm::last, c.node("Expand", {row, times}, c.dims(OnnxForm::last)));
}

inline void onnx_rescaling(OnnxCall& c) {
  const OnnxForm form = c.form();
  const std::vector<Index> channels = c.rank() > 0 ? std::vector<Index>{c.rank() - 1} : std::vector<Index>{};
  const auto each = [&](const char* name, double usual) {
    return c.along(c.option(name, Numbers(usual)).values, channels, form, std::string("/") + name);
  };
  c.result(form, c.binary("Add", c.binary("Mul", c.x(form), each("scale", 1), "/scaled"), each("offset", 0)));
}
/// (x - mean) / max(sqrt(variance), 1e-7), or the other way.
inline void onnx_normalization(OnnxCall& c) {
  const OnnxForm form = c.form();
  const std::vector<Index> axes = c.axes("axis");
  const auto statistic = [&](const char* name) {
    if (!c.has(name)) return c.along(name, axes, form);
    return c.along(c.option(name, Numbers(0)).values, axes, form, std::string("/") + name);
  };
  const int x = c.x(form), mean = statistic("mean"), root = c.unary("Sqrt", statistic("variance"), {}, "/root");
  const int deviation = c.binary("Max", root, c.number(1e-7, "/least"), "/deviation");
  c.result(form, c.get<bool>("invert", false) ? c.binary("Add", c.binary("Mul", x, deviation, "/scaled"), mean)
                                              : c.binary("Div", c.binary("Sub", x, mean, "/centered"), deviation));
}

/// y = x w + b along the last axis.
inline void onnx_dense(OnnxCall& c) {
  const bool biased = c.get<bool>("use_bias", true);
  OnnxForm form = OnnxForm::last;
  int y = -1;
  if (c.rank() == 1) {
    if (c.is_mixed()) form = OnnxForm::mixed;
    const Shape& shape = c.shape_of("kernel");
    OnnxPiece kernel = c.features("kernel");
    std::vector<int> inputs{c.x(form), c.weight({std::move(kernel)}, {shape[0], shape[1]}, "/kernel")};
    if (biased) inputs.push_back(c.weight("bias"));
    y = c.node("Gemm", std::move(inputs), c.dims(OnnxForm::last));
  } else {
    y = c.node("MatMul", {c.x(form), c.weight("kernel")}, c.dims(form));
    if (biased) y = c.binary("Add", y, c.weight("bias"), "/biased");
  }
  c.result(OnnxForm::last, onnx_activate(c, y, OnnxForm::last));
}

/// What may be folded.
inline constexpr std::string_view onnx_batch_norm_operator = "BatchNormalization";
/// What into: the axis of an operator's weight that has the outputs; -1: nothing can go into it.
inline Index onnx_output_axis(std::string_view op) {
  if (op == "Conv") return 0;
  return op == "ConvTranspose" || op == "Gemm" ? 1 : -1;
}

/// With the channels in axis 1. In training form it takes the batch's statistics and gives the moving ones, with ONNX's
/// biased variance: the metadata tell where the model has the other.
inline void onnx_batch_norm(OnnxCall& c) {
  const Index axis = c.axes("axis").at(0), rank = c.rank();
  OnnxForm form = c.form();
  if (axis == rank - 1 && rank > 1) form = OnnxForm::first;
  if (axis == 0 && rank > 1) form = OnnxForm::last;
  int x = c.x(form);
  std::vector<Index> turned, back;
  if (c.axis(axis, form) != 1) {  // in the middle
    for (Index i = 0; i <= rank; ++i) turned.push_back(i);
    std::swap(turned[1], nth(turned, c.axis(axis, form)));
    x = c.transpose(x, turned, "/turned");
  }
  const Index channels = c.in()[axis];
  const auto each = [&](const char* name, double usual) {
    if (!c.has_parameter(name))
      return c.numbers(std::vector<double>(to_size(channels), usual), {channels}, std::string("/") + name);
    OnnxPiece piece{.parameter = name, .split = {channels}};
    if (form == OnnxForm::mixed) piece.order = c.order();
    return c.weight({std::move(piece)}, {channels}, std::string("/") + name);
  };
  OnnxAttributes attributes{{"epsilon", c.get<double>("epsilon", 1e-3)}, {"momentum", c.get<double>("momentum", 0.99)}};
  if (c.training()) {
    if (c.get<bool>("cumulative", false))
      c.refuse("moving statistics with a momentum", "the mean of all batches, which ONNX does not have",
               "export for inference, or give the layer a momentum");
    attributes.push_back({"training_mode", Index{1}});
  }
  std::vector<int> inputs{x, each("gamma", 1), each("beta", 0), each("moving_mean", 0), each("moving_variance", 1)};
  int y = c.node(onnx_batch_norm_operator, std::move(inputs), c.dims(x), std::move(attributes));
  if (c.training())
    for (const char* name : {"/new_moving_mean", "/new_moving_variance"}) c.more_output(name, {channels});
  if (!turned.empty()) y = c.transpose(y, turned, "/turned_back");
  c.result(form, y);
}

// What drops in training.

/// Each value alone.
inline void onnx_dropout(OnnxCall& c) {
  if (!c.training()) return c.pass();
  const OnnxForm form = c.form();
  const int x = c.x(form);
  c.result(form,
           c.node("Dropout",
                  {x, c.number(c.get<double>("rate", 0), "/ratio", OnnxType::float32), c.boolean(true, "/training")},
                  c.dims(x)));
}
/// Noise of a normal distribution, added or multiplied by.
inline void onnx_gaussian_noise(OnnxCall& c) {
  if (!c.training()) return c.pass();
  const OnnxForm form = c.form();
  const int x = c.x(form);
  c.result(form, c.binary("Add", x, c.unary("RandomNormalLike", x, {{"scale", c.get<double>("stddev", 0)}}, "/noise")));
}
inline void onnx_gaussian_dropout(OnnxCall& c) {
  if (!c.training()) return c.pass();
  const OnnxForm form = c.form();
  const double rate = c.get<double>("rate", 0);
  const int x = c.x(form);
  c.result(form, c.binary("Mul", x,
                          c.unary("RandomNormalLike", x, {{"mean", 1.0}, {"scale", std::sqrt(rate / (1 - rate))}},
                                  "/noise")));
}
/// Whole channels: ones, one for each channel of a sample, of which Dropout drops some, times the values.
inline void onnx_spatial_dropout(OnnxCall& c) {
  if (!c.training()) return c.pass();
  const OnnxForm form = c.form();
  const int x = c.x(form);
  std::vector<Index> places;
  for (Index i = 0; i + 1 < c.rank(); ++i) places.push_back(c.axis(i, form));
  std::sort(places.begin(), places.end());
  const int channels = c.reduce("ReduceMax", x, places, true, "/channels");
  const OnnxDims dims = c.dims(channels);
  const int sizes = c.node("Shape", {channels}, {count_of(dims)}, {}, "/sizes", OnnxType::int64);
  const int ones = c.node("Expand", {c.number(1, "/one"), sizes}, dims, {}, "/ones");
  const int kept = c.node(
      "Dropout", {ones, c.number(c.get<double>("rate", 0), "/ratio", OnnxType::float32), c.boolean(true, "/training")},
      dims, {}, "/kept");
  c.result(form, c.binary("Mul", x, kept));
}

}  // namespace dialects

}  // namespace KEEL_ABI
}  // namespace keel
