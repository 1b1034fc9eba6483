#pragma once
/// ONNX's operators, one row an operator, and the model of a graph.

#include <keel/io/onnx/import_attention.hpp>
#include <keel/io/onnx/import_branches.hpp>
#include <keel/io/onnx/import_choices.hpp>
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
};
inline constexpr std::size_t any_inputs = 100'000;

template <class T>
inline constexpr OnnxOperator<T> onnx_operators[] = {
    {"Abs", 1, 1, "", import_function<T>},
    {"Acos", 7, 1, "", import_function<T>},
    {"Acosh", 9, 1, "", import_function<T>},
    {"Add", 1, 2, "axis<7 broadcast<7 ", import_function<T>},
    {"And", 1, 2, "axis<7 broadcast<7 ", import_function<T>},
    {"ArgMax", 1, 1, "axis keepdims select_last_index+12 ", import_arg<T>},
    {"ArgMin", 1, 1, "axis keepdims select_last_index+12 ", import_arg<T>},
    {"Asin", 7, 1, "", import_function<T>},
    {"Asinh", 9, 1, "", import_function<T>},
    {"Atan", 7, 1, "", import_function<T>},
    {"Atanh", 9, 1, "", import_function<T>},
    {"Attention", 23, 7, "is_causal kv_num_heads q_num_heads qk_matmul_output_mode scale softcap softmax_precision ",
     import_attention<T>},
    {"AveragePool", 1, 1, "auto_pad kernel_shape pads strides ceil_mode+10 count_include_pad+7 dilations+19 ",
     import_pool<T, AveragePool1D<T>, AveragePool1DOptions, AveragePool2D<T>, AveragePool2DOptions, AveragePool3D<T>,
                 AveragePool3DOptions>},
    {"BatchNormalization", 1, 5, "epsilon momentum is_test<7 spatial<9 training_mode+14 ", import_batch_norm<T>},
    {"BitShift", 11, 2, "direction ", import_bit_shift<T>},
    {"BlackmanWindow", 17, 1, "output_datatype periodic ", import_window<T>},
    {"Cast", 6, 1, "saturate+19 round_mode+24 to ", import_cast<T>},
    {"CastLike", 15, 2, "saturate+19 round_mode+24 ", import_cast_like<T>},
    {"Ceil", 1, 1, "", import_function<T>},
    {"Celu", 12, 1, "alpha ", import_celu<T>},
    {"Clip", 1, 3, "max<11 min<11 ", import_clip<T>},
    {"Compress", 9, 2, "axis ", import_compress<T>},
    {"Concat", 4, any_inputs, "axis ", import_concat<T>},
    {"Constant", 1, 0, "value value_float+12 value_floats+12 value_int+12 value_ints+12 ", import_constant<T>},
    {"ConstantOfShape", 9, 1, "value ", import_constant_of_shape<T>},
    {"Conv", 1, 3, "auto_pad kernel_shape pads strides dilations group ", import_conv<T>},
    {"ConvTranspose", 1, 3, "auto_pad kernel_shape pads strides dilations group output_padding output_shape ",
     import_conv_transpose<T>},
    {"Cos", 7, 1, "", import_function<T>},
    {"Cosh", 9, 1, "", import_function<T>},
    {"CumSum", 11, 2, "exclusive reverse ", import_cumsum<T>},
    {"DepthToSpace", 1, 1, "blocksize mode+11 ", import_depth_to_space<T>},
    {"Div", 1, 2, "axis<7 broadcast<7 ", import_function<T>},
    {"Dropout", 1, 3, "is_test<7 ratio<12 seed+12 ", import_dropout<T>},
    {"Einsum", 12, any_inputs, "equation ", import_einsum<T>},
    {"Elu", 1, 1, "alpha ", import_activation<T, Activation::elu>},
    {"Equal", 1, 2, "axis<7 broadcast<7 ", import_function<T>},
    {"Erf", 9, 1, "", import_function<T>},
    {"Exp", 1, 1, "", import_function<T>},
    {"Expand", 8, 2, "", import_expand<T>},
    {"EyeLike", 9, 1, "dtype k ", import_eye_like<T>},
    {"Flatten", 1, 1, "axis ", import_flatten<T>},
    {"Floor", 1, 1, "", import_function<T>},
    {"GRU", 7, 6,
     "activation_alpha activation_beta activations clip direction hidden_size linear_before_reset layout+14 ",
     import_recurrent<T>},
    {"Gather", 1, 2, "axis ", import_gather_computed<T>},
    {"GatherElements", 11, 2, "axis ", import_gather_elements<T>},
    {"Gelu", 20, 1, "approximate ", import_activation<T, Activation::gelu>},
    {"Gemm", 1, 3, "alpha beta broadcast<7 transA transB ", import_gemm<T>},
    {"GlobalAveragePool", 1, 1, "", import_global_pool<T>},
    {"GlobalMaxPool", 1, 1, "", import_global_pool<T>},
    {"Greater", 1, 2, "axis<7 broadcast<7 ", import_function<T>},
    {"GreaterOrEqual", 12, 2, "", import_function<T>},
    {"GroupNormalization", 18, 3, "epsilon num_groups stash_type+21 ", import_group_norm<T>},
    {"HammingWindow", 17, 1, "output_datatype periodic ", import_window<T>},
    {"HannWindow", 17, 1, "output_datatype periodic ", import_window<T>},
    {"HardSigmoid", 1, 1, "alpha beta ", import_hard_sigmoid<T>},
    {"HardSwish", 14, 1, "", import_activation<T, Activation::hard_swish>},
    {"Hardmax", 1, 1, "axis ", import_hardmax<T>},
    {"Identity", 1, 1, "", import_identity<T>},
    {"If", 1, 1, "else_branch then_branch ", import_if<T>},
    {"InstanceNormalization", 6, 3, "epsilon ", import_instance_norm<T>},
    {"IsInf", 10, 1, "detect_negative detect_positive ", import_is_inf<T>},
    {"IsNaN", 9, 1, "", import_is_nan<T>},
    {"LRN", 1, 1, "alpha beta bias size ", import_lrn<T>},
    {"LSTM", 7, 8, "activation_alpha activation_beta activations clip direction hidden_size input_forget layout+14 ",
     import_recurrent<T>},
    // of opset 17, but exporters wrote it before
    {"LayerNormalization", 1, 3, "axis epsilon stash_type ", import_layer_norm<T>},
    {"LeakyRelu", 1, 1, "alpha ", import_activation<T, Activation::leaky_relu>},
    {"Less", 1, 2, "axis<7 broadcast<7 ", import_function<T>},
    {"LessOrEqual", 12, 2, "", import_function<T>},
    {"Log", 1, 1, "", import_function<T>},
    {"LogSoftmax", 1, 1, "axis ", import_softmax<T, Activation::log_softmax>},
    {"LpNormalization", 1, 1, "axis p ", import_lp_norm<T>},
    {"MatMul", 1, 2, "", import_matmul<T>},
    {"Max", 1, any_inputs, "", import_function<T>},
    {"MaxPool", 1, 1, "auto_pad kernel_shape pads strides ceil_mode+10 dilations+10 storage_order+8 ",
     import_pool<T, MaxPool1D<T>, MaxPool1DOptions, MaxPool2D<T>, MaxPool2DOptions, MaxPool3D<T>, MaxPool3DOptions>},
    {"Mean", 1, any_inputs, "", import_function<T>},
    {"MeanVarianceNormalization", 9, 1, "axes ", import_mean_variance<T>},
    {"Min", 1, any_inputs, "", import_function<T>},
    {"Mish", 18, 1, "", import_activation<T, Activation::mish>},
    {"Mod", 10, 2, "fmod ", import_mod<T>},
    {"Mul", 1, 2, "axis<7 broadcast<7 ", import_function<T>},
    {"Neg", 1, 1, "", import_function<T>},
    {"NegativeLogLikelihoodLoss", 12, 3, "ignore_index reduction ", import_nll_loss<T>},
    {"Not", 1, 1, "", import_function<T>},
    {"OneHot", 9, 3, "axis ", import_one_hot<T>},
    {"Or", 1, 2, "axis<7 broadcast<7 ", import_function<T>},
    {"PRelu", 1, 2, "", import_prelu<T>},
    {"Pad", 2, 4, "mode pads<11 value<11 ", import_pad<T>},
    {"Pow", 1, 2, "axis<7 broadcast<7 ", import_function<T>},
    {"RMSNormalization", 23, 2, "axis epsilon stash_type ", import_layer_norm<T>},
    {"RNN", 7, 6, "activation_alpha activation_beta activations clip direction hidden_size layout+14 ",
     import_recurrent<T>},
    {"Range", 11, 3, "", import_range<T>},
    {"Reciprocal", 1, 1, "", import_function<T>},
    {"ReduceL1", 1, 2, "axes<18 keepdims noop_with_empty_axes+18 ", import_reduce<T>},
    {"ReduceL2", 1, 2, "axes<18 keepdims noop_with_empty_axes+18 ", import_reduce<T>},
    {"ReduceLogSum", 1, 2, "axes<18 keepdims noop_with_empty_axes+18 ", import_reduce<T>},
    {"ReduceLogSumExp", 1, 2, "axes<18 keepdims noop_with_empty_axes+18 ", import_reduce<T>},
    {"ReduceMax", 1, 2, "axes<18 keepdims noop_with_empty_axes+18 ", import_reduce<T>},
    {"ReduceMean", 1, 2, "axes<18 keepdims noop_with_empty_axes+18 ", import_reduce<T>},
    {"ReduceMin", 1, 2, "axes<18 keepdims noop_with_empty_axes+18 ", import_reduce<T>},
    {"ReduceProd", 1, 2, "axes<18 keepdims noop_with_empty_axes+18 ", import_reduce<T>},
    {"ReduceSum", 1, 2, "axes<13 keepdims noop_with_empty_axes+13 ", import_reduce<T>},
    {"ReduceSumSquare", 1, 2, "axes<18 keepdims noop_with_empty_axes+18 ", import_reduce<T>},
    {"Relu", 1, 1, "", import_activation<T, Activation::relu>},
    {"Reshape", 5, 2, "allowzero+14 ", import_reshape<T>},
    {"Resize", 10, 4,
     "antialias+18 axes+18 coordinate_transformation_mode+11 cubic_coeff_a+11 exclude_outside+11 "
     "extrapolation_value+11 keep_aspect_ratio_policy+18 mode nearest_mode+11 ",
     import_resize<T>},
    {"Round", 11, 1, "", import_function<T>},
    {"Selu", 6, 1, "alpha gamma ", import_selu<T>},
    {"Shape", 1, 1, "end+15 start+15 ", import_shape<T>},
    {"Shrink", 9, 1, "bias lambd ", import_shrink<T>},
    {"Sigmoid", 1, 1, "", import_activation<T, Activation::sigmoid>},
    {"Sign", 9, 1, "", import_function<T>},
    // ONNX Runtime's name of RMSNormalization, in ONNX's own domain
    {"SimplifiedLayerNormalization", 1, 2, "axis epsilon stash_type ", import_layer_norm<T>},
    {"Sin", 7, 1, "", import_function<T>},
    {"Sinh", 9, 1, "", import_function<T>},
    {"Size", 1, 1, "", import_size<T>},
    {"Slice", 1, 5, "axes<10 ends<10 starts<10 ", import_slice<T>},
    {"Softmax", 1, 1, "axis ", import_softmax<T, Activation::softmax>},
    {"SoftmaxCrossEntropyLoss", 12, 3, "ignore_index reduction ", import_cross_entropy<T>},
    {"Softplus", 1, 1, "", import_activation<T, Activation::softplus>},
    {"Softsign", 1, 1, "", import_softsign<T>},
    {"SpaceToDepth", 1, 1, "blocksize ", import_depth_to_space<T>},
    {"Split", 2, 2, "axis num_outputs+18 split<13 ", import_split<T>},
    {"Sqrt", 1, 1, "", import_function<T>},
    {"Squeeze", 1, 2, "axes<13 ", import_squeeze<T>},
    {"Sub", 1, 2, "axis<7 broadcast<7 ", import_function<T>},
    {"Sum", 1, any_inputs, "", import_function<T>},
    {"Swish", 24, 1, "alpha ", import_activation<T, Activation::silu>},
    {"Tan", 7, 1, "", import_function<T>},
    {"Tanh", 1, 1, "", import_activation<T, Activation::tanh>},
    {"ThresholdedRelu", 10, 1, "alpha ", import_thresholded<T>},
    {"Tile", 6, 2, "", import_tile<T>},
    {"Transpose", 1, 1, "perm ", import_transpose<T>},
    {"Trilu", 14, 2, "upper ", import_triangle<T>},
    {"Unsqueeze", 1, 2, "axes<13 ", import_unsqueeze<T>},
    {"Upsample", 7, 2, "mode scales<9 ", import_resize<T>},
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

/// Whether an input has the channels before the rest: one of four axes or more, unless it is turned at once or a matrix
/// of products, and a sequence that a convolution or pooling takes.
template <class T>
bool channels_first(const OnnxImport<T>& to, const FileValue& input) {
  const std::size_t rank = input.dims.size();
  std::vector<std::int64_t> turn{0, static_cast<std::int64_t>(rank) - 1};
  for (std::size_t i = 1; i + 1 < rank; ++i) turn.push_back(static_cast<std::int64_t>(i));
  bool first = rank >= 4;
  for (const FileNode* const node : to.users(input.name)) {
    if (!node) continue;
    const FileAttribute* const order = node->op == "Transpose" ? node->find("perm") : nullptr;
    if (order && rank >= 4 && order->integers == turn) return false;
    if (node->op == "MatMul" || node->op == "Attention") return false;  // matrices
    if (rank == 3 && (node->op == "Conv" || node->op == "ConvTranspose" || node->op.ends_with("Pool"))) first = true;
  }
  return first;
}
/// Whether a recurrent operator takes a value, or a part of it, as states to begin with that have the batch second.
template <class T>
bool begins_cell(const OnnxImport<T>& to, const std::string& name, int nested = 0) {
  const auto users = to.users(name);
  return std::any_of(users.begin(), users.end(), [&](const FileNode* node) {
    if (!node || nested > 2) return false;
    if (is_recurrent(node->op) && integer_or(*node, "layout", 0) == 0)
      return (node->inputs.size() > 5 && node->inputs[5] == name) ||
             (node->inputs.size() > 6 && node->inputs[6] == name);
    if (node->op != "Slice" && node->op != "Split") return false;
    return std::any_of(node->outputs.begin(), node->outputs.end(),
                       [&](const std::string& output) { return begins_cell(to, output, nested + 1); });
  });
}
/// Whether an input is the steps of a recurrent operator as it is, (t, n, c), or states of one, (directions, n, c).
template <class T>
bool steps_first(const OnnxImport<T>& to, const FileValue& input) {
  if (input.dims.size() != 3) return false;
  const auto users = to.users(input.name);
  return begins_cell(to, input.name) || std::any_of(users.begin(), users.end(), [&](const FileNode* node) {
           return node && is_recurrent(node->op) && node->inputs[0] == input.name &&
                  integer_or(*node, "layout", 0) == 0;
         });
}
template <class T>
void import_input(OnnxImport<T>& to, const FileValue& input, std::size_t number) {
  const FileGraph& graph = to.graph();
  const std::string place = graph.where + ": input " + shown(input.name);
  const auto type = static_cast<DataType>(input.type);
  const IntegerType integers = integer_type(type);
  if (!integers && type != DataType{0} && type != DataType::f32 && type != DataType::f64 && type != DataType::f16 &&
      type != DataType::bf16)
    throw FormatError(place, "real numbers or integers", "type " + std::to_string(input.type));
  bool images = channels_first(to, input), steps = steps_first(to, input);
  std::vector<Index> extents = input.dims;
  const bool no_batch =
      to.whole && (to.options().batch == OnnxBatch::none || extents.empty() || extents[steps ? 1 : 0] != 1);
  if (no_batch) images = steps = false;
  if (!no_batch && input.shaped && extents.empty()) throw FormatError(place, "a batch", "one number");
  if (!no_batch && !extents.empty()) extents.erase(extents.begin() + (steps ? 1 : 0));
  if (images) std::rotate(extents.begin(), extents.begin() + 1, extents.end());
  Shape sample;
  const bool open = !input.shaped || std::find(extents.begin(), extents.end(), -1) != extents.end();
  if (number < to.options().inputs.size()) {
    sample = to.options().inputs[number];
    bool fits = !input.shaped || sample.rank() == count_of(extents);
    for (Index i = 0; input.shaped && fits && i < sample.rank(); ++i)
      fits = nth(extents, i) == -1 || nth(extents, i) == sample[i];
    if (!fits) throw FormatError(place, "extents as LoadOptions::inputs has them", "others");
  } else if (open) {
    throw FormatError(place, "extents of the samples", "none in the file", "name them: LoadOptions::inputs");
  } else {
    sample = Shape(std::span<const Index>(extents));
  }
  const Index batch = to.whole ? 1 : input.dims.empty() ? -1 : nth(input.dims, steps ? 1 : 0);
  if (to.batch > 0 && batch > 0 && batch != to.batch)
    throw FormatError(place, "a batch of " + std::to_string(to.batch), std::to_string(batch));
  if (batch > 0) to.batch = batch;
  Imported made{.images = images, .integers = integers};
  if (steps) made.batch.axis = 1;
  if (no_batch) made.batch = BatchPlace::none();
  made.node = to.model().input(sample, to.free_name(input.name));
  if (!to.first_input) to.first_input = made.node;
  to.define(input.name, std::move(made));
}

/// The nodes in their order. One that cannot be taken leaves those that need its outputs out; what is wrong with the
/// others is said with it. Throws FormatError, a single refusal as it was made.
template <class T>
void import_nodes(OnnxImport<T>& to) {
  const FileGraph& graph = to.graph();
  Refusals refusals(graph);
  std::set<std::string_view> missing;
  std::optional<FormatError> only;
  for (const FileNode& node : graph.nodes) try {
      if (to.done.contains(&node)) continue;
      if (std::any_of(node.inputs.begin(), node.inputs.end(), [&](const auto& i) { return missing.contains(i); })) {
        missing.insert(node.outputs.begin(), node.outputs.end());
        continue;
      }
      import_node(to, node);
    } catch (const Error& error) {
      const FormatError refusal(to.place(node), error.expected(), error.got(), error.hint());
      only = refusals.any() ? std::nullopt : std::optional<FormatError>(refusal);
      refusals.add(node.op + " " + shown(node.who()) + ": expected " + error.expected() + ", got " + error.got());
      missing.insert(node.outputs.begin(), node.outputs.end());
      missing.erase("");
    }
  if (only) throw *only;
  refusals.check();
}

/// How the axes of an input or output stand in the file: there the channels are first and last in the model, or the
/// batch, which is first in the model, is elsewhere.
struct FileAxes {
  bool images = false;
  BatchPlace batch = {};
};
/// A model, and how the file has its inputs and outputs.
template <class T>
struct ImportedModel {
  Model<T> model;
  std::vector<FileAxes> inputs = {}, outputs = {};
};
/// The value of an output as a node of the model: one that depends on no input is the same for each sample.
template <class T>
FileAxes import_output(OnnxImport<T>& to, const FileValue& output, bool sequences_last) {
  if (!to.known(output.name)) throw FormatError(to.graph().where, "outputs that a node computes", shown(output.name));
  const FileNode end{.name = "the outputs", .op = "Identity", .inputs = {output.name}};
  const Imported value = to.any(end);
  if (value.constant && !to.whole) to.refuse(end, "outputs that depend on the samples", "a constant");
  // a sequence has its channels last where those that come in have
  const bool turned = value.images && to.sample(value).rank() == 2 && !sequences_last;
  const bool row = value.features.rank() > 0;
  Node made = value.node;
  if (value.constant) made = constant_node(to, end, *value.constant);
  if (row || turned) made = to.plain(end, value);
  if (to.graph().outputs.size() == 1)
    to.model().finish(made);
  else
    to.model().output(made);
  return {value.images && !turned, value.constant ? BatchPlace::none() : value.batch};
}
/// The model of a graph whose values have no batch if `whole`.
template <class T>
ImportedModel<T> import_nodes_of(const FileGraph& graph, const FileConstants& constants,
                                 const OnnxImportOptions& options, bool whole) {
  OnnxImport<T> to(graph, constants, options);
  to.whole = whole;
  std::vector<FileAxes> inputs, outputs;
  bool sequences_last = false;
  std::set<std::string_view> named;
  for (const FileValue& input : graph.inputs) {
    if (!named.insert(input.name).second)
      throw FormatError(graph.where, "inputs that differ in name", shown(input.name));
    if (to.known(input.name)) continue;  // an initializer, as files before IR 4 have it
    try {
      import_input(to, input, inputs.size());
    } catch (const ShapeError& error) {
      throw FormatError(graph.where + ": input " + shown(input.name), error.expected(), error.got(), error.hint());
    }
    const Imported& made = to.value(input.name);
    inputs.push_back({made.images, made.batch});
    sequences_last = sequences_last || (made.images && to.sample(made).rank() == 2);
  }
  if (options.inputs.size() > inputs.size())
    throw FormatError(graph.where, "as many shapes in LoadOptions::inputs as inputs",
                      std::to_string(options.inputs.size()) + " for " + std::to_string(inputs.size()));
  if (inputs.empty() && whole) to.first_input = to.model().input(Shape{1}, to.free_name("samples"));
  import_nodes(to);
  if (graph.outputs.empty()) throw FormatError(graph.where, "outputs", "none");
  for (const FileValue& output : graph.outputs) try {
      outputs.push_back(import_output(to, output, sequences_last));
    } catch (const ShapeError& error) {
      throw FormatError(graph.where + ": output " + shown(output.name), error.expected(), error.got(), error.hint());
    }
  require_values(to.model(), graph.where);
  return {.model = std::move(static_cast<Model<T>&>(to.model())), .inputs = inputs, .outputs = outputs};
}
/// Whether all extents of the inputs are known.
inline bool is_closed(const FileGraph& graph, const FileConstants& constants) {
  return std::all_of(graph.inputs.begin(), graph.inputs.end(), [&](const FileValue& input) {
    return constants.contains(input.name) ||
           (input.shaped && std::find(input.dims.begin(), input.dims.end(), -1) == input.dims.end());
  });
}
/// The model of a graph. Throws FormatError, with the node, for what is not understood.
template <class T>
ImportedModel<T> import_graph(FileGraph graph, const OnnxImportOptions& options) {
  FunctionCalls(graph).put_in_place();
  Patterns(graph).fold();
  check_operators<T>(graph);
  const FileConstants constants = take_constants(graph);
  if (options.batch == OnnxBatch::none) return import_nodes_of<T>(graph, constants, options, true);
  std::optional<FormatError> refusal;
  try {
    return import_nodes_of<T>(graph, constants, options, false);
  } catch (const FormatError& error) {
    if (options.batch == OnnxBatch::first || !is_closed(graph, constants)) throw;
    refusal = error;
  }
  try {
    ImportedModel<T> made = import_nodes_of<T>(graph, constants, options, true);
    if (options.notes)
      options.notes->push_back(
          "no axis of the file counts samples: every input is one sample, with all axes, or with "
          "those behind the first where that is 1");
    return made;
  } catch (const FormatError& error) {
    // that inputs have other batches says nothing of what could not be read
    if (refusal->where().starts_with(graph.where + ": input ")) throw;
    throw *refusal;
  }
}

}  // namespace io::onnx

}  // namespace KEEL_ABI
}  // namespace keel

#endif
