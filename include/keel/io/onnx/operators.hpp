#pragma once
/// ONNX's operators, one row an operator.

#include <keel/io/onnx/import_activations.hpp>
#include <keel/io/onnx/import_attention.hpp>
#include <keel/io/onnx/import_branches.hpp>
#include <keel/io/onnx/import_choices.hpp>
#include <keel/io/onnx/import_extents.hpp>
#include <keel/io/onnx/import_norms.hpp>
#include <keel/io/onnx/import_parts.hpp>
#include <keel/io/onnx/import_patterns.hpp>
#include <keel/io/onnx/import_products.hpp>
#include <keel/io/onnx/import_recurrent.hpp>
#include <keel/io/onnx/import_resize.hpp>
#include <keel/io/onnx/import_unrolled.hpp>
#include <keel/io/onnx/import_vendor.hpp>
#include <keel/io/onnx/import_windows.hpp>
#include <keel/io/onnx/patterns.hpp>

#if KEEL_HAS_PROTOBUF

namespace keel {
inline namespace KEEL_ABI {

namespace io::onnx {

template <class T>
struct OnnxOperator {
  std::string_view name;
  std::int64_t opset;  ///< that has it first
  std::size_t inputs;  ///< at most
  /// Their names, each with a space behind it; `name<13` only before that opset, `name+13` only from it on.
  std::string_view attributes;
  void (*import)(OnnxImport<T>&, const FileNode&);
  bool layers = false;  ///< it becomes layers alone: of constants it is settled by them
};
inline constexpr std::size_t any_inputs = 100'000;

template <class T>
inline constexpr OnnxOperator<T> onnx_operators[] = {
    {"Abs", 1, 1, "", import_function<T>},
    {"Acos", 7, 1, "", import_function<T>},
    {"Acosh", 9, 1, "", import_function<T>},
    {"Add", 1, 2, "axis<7 broadcast<7 ", import_function<T>},
    {"And", 1, 2, "axis<7 broadcast<7 ", import_function<T>},
    {"ArgMax", 1, 1, "axis keepdims select_last_index+12 ", import_arg<T>, true},
    {"ArgMin", 1, 1, "axis keepdims select_last_index+12 ", import_arg<T>, true},
    {"Asin", 7, 1, "", import_function<T>},
    {"Asinh", 9, 1, "", import_function<T>},
    {"Atan", 7, 1, "", import_function<T>},
    {"Atanh", 9, 1, "", import_function<T>},
    {"Attention", 23, 7, "is_causal kv_num_heads q_num_heads qk_matmul_output_mode scale softcap softmax_precision ",
     import_attention<T>, true},
    {"AveragePool", 1, 1, "auto_pad kernel_shape pads strides ceil_mode+10 count_include_pad+7 dilations+19 ",
     import_pool<T, AveragePool1D<T>, AveragePool1DOptions, AveragePool2D<T>, AveragePool2DOptions, AveragePool3D<T>,
                 AveragePool3DOptions>,
     true},
    {"BatchNormalization", 1, 5, "epsilon momentum is_test<7 spatial<9 training_mode+14 ", import_batch_norm<T>, true},
    {"BitShift", 11, 2, "direction ", import_bit_shift<T>},
    {"BlackmanWindow", 17, 1, "output_datatype periodic ", import_window<T>},
    {"Cast", 6, 1, "saturate+19 round_mode+24 to ", import_cast<T>},
    {"CastLike", 15, 2, "saturate+19 round_mode+24 ", import_cast_like<T>},
    {"Ceil", 1, 1, "", import_function<T>},
    {"Celu", 12, 1, "alpha ", import_celu<T>},
    {"Clip", 1, 3, "max<11 min<11 ", import_clip<T>},
    {"Compress", 9, 2, "axis ", import_compress<T>, true},
    {"Concat", 4, any_inputs, "axis ", import_concat<T>},
    {"Constant", 1, 0, "value value_float+12 value_floats+12 value_int+12 value_ints+12 ", import_constant<T>},
    // ONNX never had it but as an experiment
    {"ConstantFill", 1, 1, "dtype extra_shape input_as_shape value ", import_constant_of_shape<T>},
    {"ConstantOfShape", 9, 1, "value ", import_constant_of_shape<T>},
    {"Conv", 1, 3, "auto_pad kernel_shape pads strides dilations group ", import_conv<T>, true},
    {"ConvTranspose", 1, 3, "auto_pad kernel_shape pads strides dilations group output_padding output_shape ",
     import_conv_transpose<T>, true},
    {"Cos", 7, 1, "", import_function<T>},
    {"Cosh", 9, 1, "", import_function<T>},
    {"CumSum", 11, 2, "exclusive reverse ", import_cumsum<T>, true},
    {"DepthToSpace", 1, 1, "blocksize mode+11 ", import_depth_to_space<T>, true},
    {"Div", 1, 2, "axis<7 broadcast<7 ", import_function<T>},
    {"Dropout", 1, 3, "is_test<7 ratio<12 seed+12 ", import_dropout<T>},
    {"Einsum", 12, any_inputs, "equation ", import_einsum<T>, true},
    {"Elu", 1, 1, "alpha ", import_activation<T, Activation::elu>, true},
    {"Equal", 1, 2, "axis<7 broadcast<7 ", import_function<T>},
    {"Erf", 9, 1, "", import_function<T>},
    {"Exp", 1, 1, "", import_function<T>},
    {"Expand", 8, 2, "", import_expand<T>},
    {"EyeLike", 9, 1, "dtype k ", import_eye_like<T>},
    {"Flatten", 1, 1, "axis ", import_flatten<T>},
    {"Floor", 1, 1, "", import_function<T>},
    {"GRU", 7, 6,
     "activation_alpha activation_beta activations clip direction hidden_size linear_before_reset layout+14 ",
     import_recurrent<T>, true},
    {"Gather", 1, 2, "axis ", import_gather_computed<T>},
    {"GatherElements", 11, 2, "axis ", import_gather_elements<T>, true},
    {"Gelu", 20, 1, "approximate ", import_activation<T, Activation::gelu>, true},
    {"Gemm", 1, 3, "alpha beta broadcast<7 transA transB ", import_gemm<T>, true},
    {"GlobalAveragePool", 1, 1, "", import_global_pool<T>, true},
    {"GlobalMaxPool", 1, 1, "", import_global_pool<T>, true},
    {"Greater", 1, 2, "axis<7 broadcast<7 ", import_function<T>},
    {"GreaterOrEqual", 12, 2, "", import_function<T>},
    {"GroupNormalization", 18, 3, "epsilon num_groups stash_type+21 ", import_group_norm<T>, true},
    {"HammingWindow", 17, 1, "output_datatype periodic ", import_window<T>},
    {"HannWindow", 17, 1, "output_datatype periodic ", import_window<T>},
    {"HardSigmoid", 1, 1, "alpha beta ", import_hard_sigmoid<T>},
    {"HardSwish", 14, 1, "", import_activation<T, Activation::hard_swish>, true},
    {"Hardmax", 1, 1, "axis ", import_hardmax<T>, true},
    {"Identity", 1, 1, "", import_identity<T>},
    {"If", 1, 1, "else_branch then_branch ", import_if<T>},
    {"InstanceNormalization", 6, 3, "epsilon ", import_instance_norm<T>, true},
    {"IsInf", 10, 1, "detect_negative detect_positive ", import_is_inf<T>},
    {"IsNaN", 9, 1, "", import_is_nan<T>},
    {"LRN", 1, 1, "alpha beta bias size ", import_lrn<T>, true},
    {"LSTM", 7, 8, "activation_alpha activation_beta activations clip direction hidden_size input_forget layout+14 ",
     import_recurrent<T>, true},
    // of opset 17, but exporters wrote it before
    {"LayerNormalization", 1, 3, "axis epsilon stash_type ", import_layer_norm<T>, true},
    {"LeakyRelu", 1, 1, "alpha ", import_activation<T, Activation::leaky_relu>, true},
    {"Less", 1, 2, "axis<7 broadcast<7 ", import_function<T>},
    {"LessOrEqual", 12, 2, "", import_function<T>},
    {"Log", 1, 1, "", import_function<T>},
    {"LogSoftmax", 1, 1, "axis ", import_softmax<T, Activation::log_softmax>, true},
    {"LpNormalization", 1, 1, "axis p ", import_lp_norm<T>, true},
    {"MatMul", 1, 2, "", import_matmul<T>, true},
    {"Max", 1, any_inputs, "", import_function<T>},
    {"MaxPool", 1, 1, "auto_pad kernel_shape pads strides ceil_mode+10 dilations+10 storage_order+8 ",
     import_pool<T, MaxPool1D<T>, MaxPool1DOptions, MaxPool2D<T>, MaxPool2DOptions, MaxPool3D<T>, MaxPool3DOptions>,
     true},
    {"Mean", 1, any_inputs, "", import_function<T>},
    {"MeanVarianceNormalization", 9, 1, "axes ", import_mean_variance<T>, true},
    {"Min", 1, any_inputs, "", import_function<T>},
    {"Mish", 18, 1, "", import_activation<T, Activation::mish>, true},
    {"Mod", 10, 2, "fmod ", import_mod<T>},
    {"Mul", 1, 2, "axis<7 broadcast<7 ", import_function<T>},
    {"Neg", 1, 1, "", import_function<T>},
    {"NegativeLogLikelihoodLoss", 12, 3, "ignore_index reduction ", import_nll_loss<T>, true},
    {"Not", 1, 1, "", import_function<T>},
    {"OneHot", 9, 3, "axis ", import_one_hot<T>, true},
    {"Or", 1, 2, "axis<7 broadcast<7 ", import_function<T>},
    {"PRelu", 1, 2, "", import_prelu<T>, true},
    {"Pad", 2, 4, "mode pads<11 value<11 ", import_pad<T>, true},
    {"Pow", 1, 2, "axis<7 broadcast<7 ", import_function<T>},
    {"RMSNormalization", 23, 2, "axis epsilon stash_type ", import_layer_norm<T>, true},
    {"RNN", 7, 6, "activation_alpha activation_beta activations clip direction hidden_size layout+14 ",
     import_recurrent<T>, true},
    {"Range", 11, 3, "", import_range<T>},
    {"Reciprocal", 1, 1, "", import_function<T>},
    {"ReduceL1", 1, 2, "axes<18 keepdims noop_with_empty_axes+18 ", import_reduce<T>, true},
    {"ReduceL2", 1, 2, "axes<18 keepdims noop_with_empty_axes+18 ", import_reduce<T>, true},
    {"ReduceLogSum", 1, 2, "axes<18 keepdims noop_with_empty_axes+18 ", import_reduce<T>, true},
    {"ReduceLogSumExp", 1, 2, "axes<18 keepdims noop_with_empty_axes+18 ", import_reduce<T>, true},
    {"ReduceMax", 1, 2, "axes<18 keepdims noop_with_empty_axes+18 ", import_reduce<T>, true},
    {"ReduceMean", 1, 2, "axes<18 keepdims noop_with_empty_axes+18 ", import_reduce<T>, true},
    {"ReduceMin", 1, 2, "axes<18 keepdims noop_with_empty_axes+18 ", import_reduce<T>, true},
    {"ReduceProd", 1, 2, "axes<18 keepdims noop_with_empty_axes+18 ", import_reduce<T>, true},
    {"ReduceSum", 1, 2, "axes<13 keepdims noop_with_empty_axes+13 ", import_reduce<T>, true},
    {"ReduceSumSquare", 1, 2, "axes<18 keepdims noop_with_empty_axes+18 ", import_reduce<T>, true},
    {"Relu", 1, 1, "", import_activation<T, Activation::relu>, true},
    {"Reshape", 5, 2, "allowzero+14 ", import_reshape<T>},
    {"Resize", 10, 4,
     "antialias+18 axes+18 coordinate_transformation_mode+11 cubic_coeff_a+11 exclude_outside+11 "
     "extrapolation_value+11 keep_aspect_ratio_policy+18 mode nearest_mode+11 ",
     import_resize<T>, true},
    {"Round", 11, 1, "", import_function<T>},
    {"Selu", 6, 1, "alpha gamma ", import_selu<T>, true},
    {"Shape", 1, 1, "end+15 start+15 ", import_shape<T>},
    {"Shrink", 9, 1, "bias lambd ", import_shrink<T>},
    {"Sigmoid", 1, 1, "", import_activation<T, Activation::sigmoid>, true},
    {"Sign", 9, 1, "", import_function<T>},
    // ONNX Runtime's name of RMSNormalization, in ONNX's own domain
    {"SimplifiedLayerNormalization", 1, 2, "axis epsilon stash_type ", import_layer_norm<T>, true},
    {"Sin", 7, 1, "", import_function<T>},
    {"Sinh", 9, 1, "", import_function<T>},
    {"Size", 1, 1, "", import_size<T>},
    {"Slice", 1, 5, "axes<10 ends<10 starts<10 ", import_slice<T>},
    {"Softmax", 1, 1, "axis ", import_softmax<T, Activation::softmax>, true},
    {"SoftmaxCrossEntropyLoss", 12, 3, "ignore_index reduction ", import_cross_entropy<T>, true},
    {"Softplus", 1, 1, "", import_activation<T, Activation::softplus>, true},
    {"Softsign", 1, 1, "", import_softsign<T>},
    {"SpaceToDepth", 1, 1, "blocksize ", import_depth_to_space<T>, true},
    {"Split", 2, 2, "axis num_outputs+18 split<13 ", import_split<T>},
    {"Sqrt", 1, 1, "", import_function<T>},
    {"Squeeze", 1, 2, "axes<13 ", import_squeeze<T>},
    {"Sub", 1, 2, "axis<7 broadcast<7 ", import_function<T>},
    {"Sum", 1, any_inputs, "", import_function<T>},
    {"Swish", 24, 1, "alpha ", import_activation<T, Activation::silu>, true},
    {"Tan", 7, 1, "", import_function<T>},
    {"Tanh", 1, 1, "", import_activation<T, Activation::tanh>, true},
    {"ThresholdedRelu", 10, 1, "alpha ", import_thresholded<T>},
    {"Tile", 6, 2, "", import_tile<T>, true},
    {"Transpose", 1, 1, "perm ", import_transpose<T>},
    {"Trilu", 14, 2, "upper ", import_trilu<T>},
    {"Unsqueeze", 1, 2, "axes<13 ", import_unsqueeze<T>},
    {"Upsample", 7, 2, "mode scales<9 ", import_resize<T>, true},
    {"Where", 9, 3, "", import_function<T>},
    {"com.microsoft::BiasGelu", 1, 2, "", import_bias_gelu<T, Activation::gelu>},
    {"com.microsoft::FastGelu", 1, 2, "", import_bias_gelu<T, Activation::gelu_tanh>},
    {"com.microsoft::FusedConv", 1, 3,
     "auto_pad kernel_shape pads strides dilations group activation activation_params ", import_fused_conv<T>},
    {"com.microsoft::Gelu", 1, 1, "", import_bias_gelu<T, Activation::gelu>},
    {"com.microsoft::QuickGelu", 1, 1, "alpha ", import_quick_gelu<T>},
    {"com.microsoft::SkipLayerNormalization", 1, 5, "epsilon ", import_skip_layer_norm<T>},
    {"Xor", 1, 2, "axis<7 broadcast<7 ", import_function<T>},
};
template <class T>
const OnnxOperator<T>* onnx_operator(const FileNode& node, std::int64_t opset) {
  const std::string name = node.domain.empty() ? node.op : node.domain + "::" + node.op;
  for (const OnnxOperator<T>& row : onnx_operators<T>)
    if (row.name == name && row.opset <= opset) return &row;
  return nullptr;
}

/// Whether a row has an attribute at an opset.
inline bool has_attribute(std::string_view list, std::string_view name, std::int64_t opset) {
  while (!list.empty()) {
    const std::string_view entry = list.substr(0, list.find(' '));
    list.remove_prefix((std::min)(entry.size() + 1, list.size()));
    const std::size_t mark = entry.find_first_of("<+");
    if (entry.substr(0, mark) != name) continue;
    if (mark == entry.npos) return true;
    std::int64_t bound = 0;
    for (const char digit : entry.substr(mark + 1)) bound = 10 * bound + (digit - '0');
    if (entry[mark] == '<' ? opset < bound : opset >= bound) return true;
  }
  return false;
}
/// Throws FormatError for attributes and inputs that the operator does not have.
template <class T>
void check_node(const OnnxImport<T>& to, const FileNode& node, const OnnxOperator<T>& row) {
  for (const FileAttribute& attribute : node.attributes)
    if ((attribute.graph && !attribute.branch) || !attribute.reference.empty() ||
        !has_attribute(row.attributes, attribute.name, to.opset()))
      to.refuse(node, "attributes that it has in opset " + std::to_string(to.opset()), shown(attribute.name));
  if (node.inputs.size() > row.inputs)
    to.refuse(node, "at most " + std::to_string(row.inputs) + " inputs", std::to_string(node.inputs.size()));
}

template <class T>
void import_node(OnnxImport<T>& to, const FileNode& node);

/// How many values the inputs of a node have together, if all are constants; 0 if not, if one has none, integers above
/// 2^24, or the size of the batch in it.
template <class T>
std::uint64_t constant_values(const OnnxImport<T>& to, const FileNode& node) {
  std::uint64_t values = 0;
  for (std::size_t i = 0; i < node.inputs.size(); ++i) {
    if (!to.has(node, i)) continue;
    const Imported& each = to.found(node, i);
    if (!each.constant || each.repeated || each.constant->numbers.empty()) return 0;
    for (const double number : each.constant->numbers)
      if (batches(number) > 0 || (each.constant->integers && std::abs(number) > 0x1p24)) return 0;
    values += each.constant->numbers.size();
  }
  return values;
}
/// The outputs of a node whose inputs are all constants, by a model of that node alone; false if they cannot be had so.
template <class T>
bool settle(OnnxImport<T>& to, const FileNode& node) {
  const std::uint64_t values = to.has(node, 0) ? constant_values(to, node) : 0;
  if (values == 0) return false;
  to.charge(node, values * sizeof(double));
  FileGraph graph{.where = to.graph().where, .bytes = values * sizeof(double), .opset = to.opset()};
  graph.nodes.push_back(node);
  for (std::size_t i = 0; i < node.outputs.size(); ++i)
    if (to.used(node, i)) graph.outputs.push_back({.name = node.outputs[i]});
  const OnnxImportOptions options{.model = {.threads = 1}, .batch = OnnxBatch::none};
  OnnxImport<T> alone(graph, {}, options);
  alone.whole = true;
  alone.batch = 1;
  const FileTensor& x = *to.found(node).constant;
  alone.first_input = alone.model().input(Shape(std::span<const Index>(x.dims)), "x");
  alone.define(node.inputs[0], {.node = *alone.first_input, .integers = x.integers, .batch = BatchPlace::none()});
  for (std::size_t i = 1; i < node.inputs.size(); ++i)
    if (to.has(node, i) && node.inputs[i] != node.inputs[0]) alone.define(node.inputs[i], to.found(node, i));
  import_node(alone, graph.nodes[0]);
  std::vector<Imported> made;
  for (const FileValue& output : graph.outputs) {
    const FileNode end{.name = node.name, .op = node.op, .inputs = {output.name}};
    Imported value = alone.any(end);
    if (!value.constant) value = alone.whole_of(end, value);
    alone.in_shape(end, value);
    if (!value.constant) alone.model().output(value.node);
    made.push_back(std::move(value));
  }
  const Tensor<T> from = to.values(Shape(std::span<const Index>(x.dims)).with_batch(1), x);
  const TensorView<const T> view(from);
  const Model<T>& model = alone.model();
  for (const auto& each : model.nodes()) to.charge(node, static_cast<std::uint64_t>(each.shape.size()) * sizeof(T));
  std::vector<Tensor<T>> y;
  if (!model.outputs().empty()) y = model.predict(Inputs<T>(&view, 1));
  std::size_t next = 0;
  for (std::size_t i = 0, k = 0; i < node.outputs.size(); ++i) {
    if (!to.used(node, i)) continue;
    const Imported& value = made[k++];
    if (value.constant) {
      to.set(node, value, i);
      continue;
    }
    const Tensor<T>& result = y[next++];
    FileTensor tensor = to.empty(node, alone.dims(value), value.integers);
    tensor.numbers.assign(result.begin(), result.end());
    to.set(node, std::move(tensor), i);
  }
  return true;
}

/// A node whose inputs are known: by its row, or a pattern as one layer, else part by part.
template <class T>
void import_node(OnnxImport<T>& to, const FileNode& node) {
  if (!node.parts.empty()) {
    if (import_pattern(to, node)) return;
    for (const FileNode& part : node.parts) import_node(to, part);
    return;
  }
  const OnnxOperator<T>* const row = onnx_operator<T>(node, to.opset());
  if (!row) to.refuse(node, "operators that keel has, in opset " + std::to_string(to.opset()), node.op);
  check_node(to, node, *row);
  if (row->layers && settle(to, node)) return;
  row->import(to, node);
}

/// What a graph has that keel does not, said in one error.
class Refusals {
 public:
  explicit Refusals(const FileGraph& graph) : graph_(graph) {}

  void add_operator(const FileNode& node) {
    const std::string& op = node.op;
    std::vector<std::string>& nodes = operators_[(node.domain.empty() ? "" : node.domain + "::") + op];
    nodes.push_back(node.who());
    quantised_ = quantised_ || op.find("Quant") != op.npos || op.starts_with("QLinear") || op.ends_with("Integer");
  }
  void add(const std::string& what) { others_.push_back(what); }
  bool any() const { return !operators_.empty() || !others_.empty(); }

  /// Throws if there is something.
  void check() const {
    if (!any()) return;
    std::string list;
    for (const auto& [op, nodes] : operators_) {
      list += (list.empty() ? "" : "; ") + op + " x" + std::to_string(nodes.size()) + " (";
      for (std::size_t i = 0; i < (std::min)(nodes.size(), most); ++i) list += (i ? ", " : "") + shown(nodes[i]);
      list += nodes.size() > most ? ", ...)" : ")";
    }
    for (std::size_t i = 0; i < (std::min)(others_.size(), most); ++i) list += (list.empty() ? "" : "; ") + others_[i];
    if (others_.size() > most) list += "; and " + std::to_string(others_.size() - most) + " more";
    throw FormatError(graph_.where, "operators that keel has, in opset " + std::to_string(graph_.opset), list,
                      quantised_ ? "this model is quantised: export the float model it was made of" : "");
  }

 private:
  static constexpr std::size_t most = 100;  ///< nodes of an operator that are named

  const FileGraph& graph_;
  std::map<std::string, std::vector<std::string>> operators_ = {};
  std::vector<std::string> others_ = {};
  bool quantised_ = false;
};
template <class T>
void check_operators(const FileGraph& graph) {
  Refusals refusals(graph);
  for (const FileNode& node : graph.nodes)
    if (node.parts.empty() && !onnx_operator<T>(node, graph.opset)) refusals.add_operator(node);
  refusals.check();
}

}  // namespace io::onnx

}  // namespace KEEL_ABI
}  // namespace keel

#endif
