#pragma once
/// ONNX's operators, one row an operator, and what each becomes.

#include <keel/io/onnx/import.hpp>

#if KEEL_HAS_PROTOBUF

namespace keel {
inline namespace KEEL_ABI {

namespace io::onnx {

inline Index integer_or(const FileNode& node, std::string_view name, Index value) {
  const FileAttribute* found = node.find(name);
  return found ? found->integer : value;
}
inline double number_or(const FileNode& node, std::string_view name, double value) {
  const FileAttribute* found = node.find(name);
  return found ? found->number : value;
}

/// Windows of two axes.
struct Window {
  Pair kernel = 1, strides = 1, dilation = 1;
  Padding padding = Padding::valid;
};
template <class T>
Window window_of(OnnxImport<T>& to, const FileNode& node, std::vector<Index> kernel) {
  const auto list = [&](const char* name, std::vector<Index> otherwise) {
    const FileAttribute* found = node.find(name);
    if (found) otherwise.assign(found->integers.begin(), found->integers.end());
    return otherwise;
  };
  kernel = list("kernel_shape", std::move(kernel));
  if (kernel.size() != 2) to.refuse(node, "windows of two axes", std::to_string(kernel.size()));
  const auto strides = list("strides", {1, 1}), dilations = list("dilations", {1, 1}),
             pads = list("pads", {0, 0, 0, 0});
  if (strides.size() != 2 || dilations.size() != 2 || pads.size() != 4)
    to.refuse(node, "two strides, two dilations and four pads", "another number");
  Window window{
      .kernel = {kernel[0], kernel[1]}, .strides = {strides[0], strides[1]}, .dilation = {dilations[0], dilations[1]}};
  const FileAttribute* const automatic = node.find("auto_pad");
  if (automatic && automatic->text == "SAME_UPPER")
    window.padding = Padding::same;
  else if (automatic && automatic->text == "SAME_LOWER")
    to.refuse(node, "auto_pad SAME_UPPER, VALID or NOTSET", "SAME_LOWER");
  else if (!(automatic && automatic->text == "VALID") && pads != std::vector<Index>{0, 0, 0, 0})
    window.padding = Padding(pads[0], pads[2], pads[1], pads[3]);
  return window;
}

template <class T>
void import_conv(OnnxImport<T>& to, const FileNode& node) {
  const FileTensor& kernel = to.constant(node, 1);
  if (kernel.dims.size() != 4) to.refuse(node, "a kernel of four axes", std::to_string(kernel.dims.size()));
  const Window window = window_of(to, node, {kernel.dims[2], kernel.dims[3]});
  const Index groups = integer_or(node, "group", 1);
  const FileTensor* bias = to.has(node, 2) ? &to.constant(node, 2) : nullptr;
  const FileNode* const next = bias ? nullptr : to.constant_follower(node, "Add");
  if (next) {
    const FileTensor& other = to.other_constant(*next, node.outputs[0]);
    if (other.numbers.size() == to_size(kernel.dims[0]) && other.dims.size() >= 3 &&
        other.dims[other.dims.size() - 3] == kernel.dims[0])
      bias = &other;
  }
  const Node made = to.model().add(Conv2D<T>(kernel.dims[0], window.kernel,
                                             {.strides = window.strides,
                                              .padding = window.padding,
                                              .dilation_rate = window.dilation,
                                              .groups = groups,
                                              .use_bias = bias != nullptr}),
                                   to.images(node, to.in(node)));
  to.weigh(node, "kernel", permuted(kernel, {2, 3, 1, 0}));
  if (bias) to.weigh(node, "bias", *bias);
  const Imported result{.node = made, .images = true};
  to.set(node, result);
  if (next && bias) to.set(*next, result);
}

template <class T>
void import_batch_norm(OnnxImport<T>& to, const FileNode& node) {
  const Imported& x = to.in(node);
  if (integer_or(node, "spatial", 1) != 1) to.refuse(node, "spatial = 1", "0");
  const bool flat = x.features.rank() > 0;
  const Node from = flat || (!x.images && to.sample(x).rank() > 1) ? to.plain(node, x) : x.node;
  if (!x.images && to.sample(x).rank() > 1) to.refuse(node, "images or rows", to.sample(x).to_string());
  const Node made = to.model().add(
      BatchNorm<T>({.momentum = number_or(node, "momentum", 0.9), .epsilon = number_or(node, "epsilon", 1e-5)}), from);
  to.weigh(node, "gamma", to.constant(node, 1));
  to.weigh(node, "beta", to.constant(node, 2));
  to.weigh(node, "moving_mean", to.constant(node, 3));
  to.weigh(node, "moving_variance", to.constant(node, 4));
  to.set(node, Imported{.node = made, .images = x.images});
}

/// x W + b. Rows of W for features in ONNX's order (c, h, w) go to keel's.
template <class T>
Node dense(OnnxImport<T>& to, const FileNode& node, const Imported& x, FileTensor kernel, const FileTensor* bias) {
  if (kernel.dims.size() != 2) to.refuse(node, "a matrix", std::to_string(kernel.dims.size()) + " axes");
  const Index units = kernel.dims[1];
  if (x.features.rank() > 0) {
    const Shape& f = x.features;
    if (kernel.dims[0] != f.size()) to.refuse(node, std::to_string(f.size()) + " rows", std::to_string(kernel.dims[0]));
    kernel.dims = {f[2], f[0], f[1], units};
    kernel = permuted(kernel, {1, 2, 0, 3});
  }
  const Node from = x.features.rank() > 0 ? x.node : to.plain(node, x);
  const Node made = to.model().add(Dense<T>(units, {.use_bias = bias != nullptr}), from);
  to.weigh(node, "kernel", kernel);
  if (bias) {
    FileTensor each = *bias;
    if (each.numbers.size() == 1) each.numbers.assign(to_size(units), each.numbers[0]);
    to.weigh(node, "bias", each);
  }
  return made;
}
template <class T>
void import_gemm(OnnxImport<T>& to, const FileNode& node) {
  if (integer_or(node, "transA", 0) != 0) to.refuse(node, "transA = 0", "1");
  FileTensor kernel = to.constant(node, 1);
  if (integer_or(node, "transB", 0) != 0) kernel = permuted(kernel, {1, 0});
  for (double& number : kernel.numbers) number *= number_or(node, "alpha", 1);
  std::optional<FileTensor> bias;
  if (to.has(node, 2)) {
    bias = to.constant(node, 2);
    for (double& number : bias->numbers) number *= number_or(node, "beta", 1);
  }
  to.set(node, Imported{.node = dense(to, node, to.in(node), std::move(kernel), bias ? &*bias : nullptr)});
}
template <class T>
void import_matmul(OnnxImport<T>& to, const FileNode& node) {
  const FileTensor& kernel = to.constant(node, 1);
  const FileNode* const next = to.constant_follower(node, "Add");
  const FileTensor* bias = nullptr;
  if (next) {
    const FileTensor& other = to.other_constant(*next, node.outputs[0]);
    if (kernel.dims.size() == 2 && !other.dims.empty() && other.dims.back() == kernel.dims[1] &&
        other.numbers.size() == to_size(kernel.dims[1]))
      bias = &other;
  }
  const Imported result{.node = dense(to, node, to.in(node), kernel, bias)};
  to.set(node, result);
  if (bias) to.set(*next, result);
}

template <class T>
void import_max_pool(OnnxImport<T>& to, const FileNode& node) {
  const Window window = window_of(to, node, {});
  if (!(window.dilation == Pair(1))) to.refuse(node, "dilations of 1", window.dilation.to_string());
  if (node.outputs.size() > 1) to.refuse(node, "one output", "indices");
  to.set(node, Imported{.node = to.model().add(
                            MaxPool2D<T>(window.kernel, {.strides = window.strides,
                                                         .padding = window.padding,
                                                         .ceil_mode = integer_or(node, "ceil_mode", 0) != 0}),
                            to.images(node, to.in(node))),
                        .images = true});
}
template <class T>
void import_average_pool(OnnxImport<T>& to, const FileNode& node) {
  const Window window = window_of(to, node, {});
  if (!(window.dilation == Pair(1))) to.refuse(node, "dilations of 1", window.dilation.to_string());
  to.set(node, Imported{.node = to.model().add(
                            AveragePool2D<T>(window.kernel,
                                             {.strides = window.strides,
                                              .padding = window.padding,
                                              .ceil_mode = integer_or(node, "ceil_mode", 0) != 0,
                                              .count_include_pad = integer_or(node, "count_include_pad", 0) != 0}),
                            to.images(node, to.in(node))),
                        .images = true});
}
template <class T>
void import_global_average(OnnxImport<T>& to, const FileNode& node) {
  to.set(node,
         Imported{.node = to.model().add(GlobalAveragePool2D<T>({.keepdims = true}), to.images(node, to.in(node))),
                  .images = true});
}
template <class T>
void import_reduce_mean(OnnxImport<T>& to, const FileNode& node) {
  auto axes = to.numbers(node, 1, "axes").value_or(std::vector<Index>{});
  for (Index& axis : axes) axis += axis < 0 ? 4 : 0;
  std::sort(axes.begin(), axes.end());
  if (!to.in(node).images || axes != std::vector<Index>{2, 3})
    to.refuse(node, "a mean over height and width", "other axes");
  const bool keep = integer_or(node, "keepdims", 1) != 0;
  to.set(node, Imported{.node = to.model().add(GlobalAveragePool2D<T>({.keepdims = keep}), to.in(node).node),
                        .images = keep});
}

/// Functions of each value.
template <class T, Activation function>
void import_activation(OnnxImport<T>& to, const FileNode& node) {
  ActivationSpec spec = function;
  if (function == Activation::leaky_relu) spec.alpha = number_or(node, "alpha", 0.01);
  if (function == Activation::elu) spec.alpha = number_or(node, "alpha", 1);
  if (function == Activation::hard_sigmoid &&
      (std::abs(number_or(node, "alpha", 0.2) - 1 / 6.0) > 1e-6 || number_or(node, "beta", 0.5) != 0.5))
    to.refuse(node, "alpha = 1/6 and beta = 0.5", "others");
  if (function == Activation::gelu)
    if (const FileAttribute* form = node.find("approximate"); form && form->text == "tanh")
      spec = Activation::gelu_tanh;
  if (to.in(node).constant) to.refuse(node, "a computed input", "a constant");
  to.set(node, to.model().add(ActivationLayer<T>(spec), to.in(node).node), to.in(node));
}
template <class T, Activation function>
void import_softmax(OnnxImport<T>& to, const FileNode& node) {
  const Imported& x = to.in(node);
  if (x.constant) to.refuse(node, "a computed input", "a constant");
  const Index rank = to.sample(x).rank() + 1;
  Index axis = integer_or(node, "axis", to.opset() < 13 ? 1 : -1);
  axis += axis < 0 ? rank : 0;
  if (axis == rank - 1 && !x.images)
    return to.set(node, to.model().add(ActivationLayer<T>(function), to.plain(node, x)), Imported{});
  if (to.opset() < 13 || !x.images || axis != 1)
    to.refuse(node, "the last axis, or images' channels", "axis " + std::to_string(axis));
  to.set(node, to.model().add(ActivationLayer<T>(function), x.node), x);
}
template <class T>
void import_clip(OnnxImport<T>& to, const FileNode& node) {
  const auto limit = [&](std::size_t i, const char* name, double none) {
    return to.has(node, i) ? to.constant(node, i).numbers.at(0) : number_or(node, name, none);
  };
  const double high = limit(2, "max", 1e39);
  double low = limit(1, "min", -1e39);
  if (low < -3e38)  // what Relu gives has a minimum of its own
    for (const FileNode& before : to.graph().nodes)
      if (before.op == "Relu" && !before.outputs.empty() && before.outputs[0] == node.inputs[0]) low = 0;
  if (low != 0) to.refuse(node, "a minimum of 0", std::to_string(low));
  const ReLUOptions options = high > 3e38 ? ReLUOptions{} : ReLUOptions{.max_value = high};
  const Node x = to.in(node).node;
  to.set(node,
         high == 6 ? to.model().add(ActivationLayer<T>(Activation::relu6), x) : to.model().add(ReLU<T>(options), x),
         to.in(node));
}

/// Values that only change their shape.
template <class T>
void reshaped(OnnxImport<T>& to, const FileNode& node, const std::vector<Index>& sample) {
  const Imported& x = to.in(node);
  if (x.images && sample.size() == 1) {
    const Shape shape = to.sample(x);
    const bool pixels = shape[0] * shape[1] > 1 && shape[2] > 1;
    return to.set(node, Imported{.node = to.model().add(Flatten<T>(), x.node), .features = pixels ? shape : Shape{}});
  }
  if (x.features.rank() > 0 && sample.size() == 1) return to.set(node, x);
  const Node from = to.plain(node, x);
  to.set(node, Imported{.node = sample.size() == 1 ? to.model().add(Flatten<T>(), from)
                                                   : to.model().add(Reshape<T>(sample), from)});
}
template <class T>
void import_flatten(OnnxImport<T>& to, const FileNode& node) {
  const Index axis = integer_or(node, "axis", 1);
  if (axis != 1 && axis != 0) to.refuse(node, "axis 1", std::to_string(axis));
  reshaped(to, node, {to.sample(to.in(node)).size()});
}
template <class T>
void import_reshape(OnnxImport<T>& to, const FileNode& node) {
  const Imported& x = to.in(node);
  FileTensor target = to.constant(node, 1);
  if (x.constant) {
    FileTensor made = *x.constant;
    made.dims.clear();
    Index known = 1;
    for (const double extent : target.numbers) {
      made.dims.push_back(extent == 0 ? x.constant->dims.at(made.dims.size()) : static_cast<Index>(extent));
      if (made.dims.back() > 0) known *= made.dims.back();
    }
    for (Index& extent : made.dims)
      if (extent == -1) extent = static_cast<Index>(made.numbers.size()) / (std::max)(Index{1}, known);
    return to.set(node, Imported{.constant = std::move(made)});
  }
  const std::vector<Index> from = to.dims(x);
  std::vector<Index> sample;
  Index known = 1, open = -1;
  for (std::size_t i = 1; i < target.numbers.size(); ++i) {
    const double extent = target.numbers[i];
    if (extent == batch_extent) to.refuse(node, "the batch first", "axis " + std::to_string(i));
    sample.push_back(
        extent == 0 && integer_or(node, "allowzero", 0) == 0 && i < from.size() ? from[i] : static_cast<Index>(extent));
    if (sample.back() == -1)
      open = static_cast<Index>(i) - 1;
    else
      known *= sample.back();
  }
  const Index size = to.sample(x).size();
  if (open >= 0 && known > 0) nth(sample, open) = size / known;
  if (sample.empty() || (open >= 0 ? known < 1 || size % known != 0 : known != size))
    to.refuse(node, "a shape that leaves the batch as it is", "another");
  reshaped(to, node, sample);
}
template <class T>
void import_transpose(OnnxImport<T>& to, const FileNode& node) {
  const Imported& x = to.in(node);
  const auto order = to.numbers(node, 99, "perm").value_or(std::vector<Index>{});
  if (x.constant) {
    std::vector<std::size_t> axes;
    for (const Index axis : order) axes.push_back(to_size(axis));
    if (axes.empty())
      for (std::size_t i = x.constant->dims.size(); i-- > 0;) axes.push_back(i);
    return to.set(node, Imported{.constant = permuted(*x.constant, axes)});
  }
  const bool to_last = order == std::vector<Index>{0, 2, 3, 1}, to_first = order == std::vector<Index>{0, 3, 1, 2};
  if (x.images && to_last) return to.set(node, Imported{.node = x.node});
  if (!x.images && to_first) return to.set(node, Imported{.node = x.node, .images = true});
  if (order.empty() || order[0] != 0) to.refuse(node, "the batch first", "another order");
  to.set(node, Imported{.node = to.model().add(Permute<T>(std::vector<Index>(order.begin() + 1, order.end())),
                                               to.plain(node, x))});
}

template <class T>
void import_pass(OnnxImport<T>& to, const FileNode& node) {
  to.set(node, to.in(node));
}
template <class T>
void import_dropout(OnnxImport<T>& to, const FileNode& node) {
  const double rate = to.has(node, 1) ? to.constant(node, 1).numbers.at(0) : number_or(node, "ratio", 0.5);
  to.set(node, to.model().add(Dropout<T>(rate), to.in(node).node), to.in(node));
}
template <class T>
void import_constant(OnnxImport<T>& to, const FileNode& node) {
  const FileAttribute* const found = node.find("value");
  if (!found || !found->tensor) to.refuse(node, "a tensor as value", "another");
  to.set(node, Imported{.constant = found->tensor});
}
template <class T>
void import_shape(OnnxImport<T>& to, const FileNode& node) {
  FileTensor shape{.integers = true};
  for (const Index extent : to.dims(to.in(node)))
    shape.numbers.push_back(extent < 0 ? batch_extent : static_cast<double>(extent));
  shape.dims = {static_cast<Index>(shape.numbers.size())};
  to.set(node, Imported{.constant = std::move(shape)});
}
template <class T>
void import_gather(OnnxImport<T>& to, const FileNode& node) {
  const FileTensor &from = to.constant(node, 0), &indices = to.constant(node, 1);
  if (from.dims.size() != 1) to.refuse(node, "a list that is known when the file is read", "another");
  FileTensor made{.dims = indices.dims, .integers = from.integers};
  for (double index : indices.numbers) {
    index += index < 0 ? static_cast<double>(from.numbers.size()) : 0;
    made.numbers.push_back(from.numbers.at(static_cast<std::size_t>(index)));
  }
  to.set(node, Imported{.constant = std::move(made)});
}
template <class T>
void import_unsqueeze(OnnxImport<T>& to, const FileNode& node) {
  FileTensor made = to.constant(node, 0);
  const auto axes = to.numbers(node, 1, "axes").value_or(std::vector<Index>{});
  for (const Index axis : axes) {
    const Index rank = static_cast<Index>(made.dims.size()) + 1, at = axis < 0 ? axis + rank : axis;
    if (at < 0 || at >= rank) to.refuse(node, "an axis of the output", std::to_string(axis));
    made.dims.insert(made.dims.begin() + at, 1);
  }
  to.set(node, Imported{.constant = std::move(made)});
}
template <class T>
void import_concat(OnnxImport<T>& to, const FileNode& node) {
  bool constants = true, images = true;
  for (std::size_t i = 0; i < node.inputs.size(); ++i) {
    constants = constants && to.in(node, i).constant;
    images = images && to.in(node, i).images;
  }
  if (constants) {
    FileTensor made{.integers = true};
    for (std::size_t i = 0; i < node.inputs.size(); ++i) {
      const FileTensor& part = to.constant(node, i);
      if (part.dims.size() != 1) to.refuse(node, "lists", "another constant");
      made.numbers.insert(made.numbers.end(), part.numbers.begin(), part.numbers.end());
    }
    made.dims = {static_cast<Index>(made.numbers.size())};
    return to.set(node, Imported{.constant = std::move(made)});
  }
  Index axis = integer_or(node, "axis", 1);
  std::vector<Node> parts;
  for (std::size_t i = 0; i < node.inputs.size(); ++i)
    parts.push_back(images ? to.in(node, i).node : to.plain(node, to.in(node, i)));
  if (axis < 0) axis += static_cast<Index>(to.dims(to.in(node)).size());
  if (axis == 0) to.refuse(node, "an axis of the samples", "the batch");
  if (images) axis = axis == 1 ? 3 : axis - 1;
  to.set(node, Imported{.node = to.model().add(Concatenate<T>({.axis = axis}), std::span<const Node>(parts)),
                        .images = images});
}
template <class T, class Merge>
void import_merge(OnnxImport<T>& to, const FileNode& node) {
  if (!node.outputs.empty() && to.known(node.outputs[0])) return;  // the bias of the node before
  const Imported &a = to.in(node, 0), &b = to.in(node, 1);
  if (a.constant || b.constant || node.inputs.size() != 2) to.refuse(node, "two computed inputs", "a constant");
  const bool alike = a.images == b.images && a.features == b.features;
  const Node x = alike ? a.node : to.plain(node, a), y = alike ? b.node : to.plain(node, b);
  to.set(node, to.model().add(Merge(), {x, y}), alike ? a : Imported{});
}

template <class T>
struct OnnxOperator {
  std::string_view name;
  void (*import)(OnnxImport<T>&, const FileNode&);
};
template <class T>
inline constexpr OnnxOperator<T> onnx_operators[] = {
    {"Add", import_merge<T, Add<T>>},
    {"AveragePool", import_average_pool<T>},
    {"BatchNormalization", import_batch_norm<T>},
    {"Cast", import_pass<T>},
    {"Clip", import_clip<T>},
    {"Concat", import_concat<T>},
    {"Constant", import_constant<T>},
    {"Conv", import_conv<T>},
    {"Dropout", import_dropout<T>},
    {"Elu", import_activation<T, Activation::elu>},
    {"Flatten", import_flatten<T>},
    {"Gather", import_gather<T>},
    {"Gelu", import_activation<T, Activation::gelu>},
    {"Gemm", import_gemm<T>},
    {"GlobalAveragePool", import_global_average<T>},
    {"HardSigmoid", import_activation<T, Activation::hard_sigmoid>},
    {"HardSwish", import_activation<T, Activation::hard_swish>},
    {"Identity", import_pass<T>},
    {"LeakyRelu", import_activation<T, Activation::leaky_relu>},
    {"LogSoftmax", import_softmax<T, Activation::log_softmax>},
    {"MatMul", import_matmul<T>},
    {"MaxPool", import_max_pool<T>},
    {"Mul", import_merge<T, Multiply<T>>},
    {"ReduceMean", import_reduce_mean<T>},
    {"Relu", import_activation<T, Activation::relu>},
    {"Reshape", import_reshape<T>},
    {"Selu", import_activation<T, Activation::selu>},
    {"Shape", import_shape<T>},
    {"Sigmoid", import_activation<T, Activation::sigmoid>},
    {"Softmax", import_softmax<T, Activation::softmax>},
    {"Softplus", import_activation<T, Activation::softplus>},
    {"Sub", import_merge<T, Subtract<T>>},
    {"Tanh", import_activation<T, Activation::tanh>},
    {"Transpose", import_transpose<T>},
    {"Unsqueeze", import_unsqueeze<T>},
};
template <class T>
const OnnxOperator<T>* onnx_operator(const FileNode& node) {
  if (node.domain.empty())
    for (const OnnxOperator<T>& row : onnx_operators<T>)
      if (row.name == node.op) return &row;
  return nullptr;
}

/// One error for all that is not known.
template <class T>
void check_operators(const FileGraph& graph) {
  std::map<std::string, std::vector<std::string>> unknown;
  bool quantised = false;
  for (const FileNode& node : graph.nodes)
    if (!onnx_operator<T>(node)) {
      unknown[(node.domain.empty() ? "" : node.domain + "::") + node.op].push_back(node.who());
      quantised = quantised || node.op.find("Quant") != node.op.npos || node.op.starts_with("QLinear") ||
                  node.op.ends_with("Integer");
    }
  if (unknown.empty()) return;
  std::string list;
  for (const auto& [op, nodes] : unknown) {
    list += (list.empty() ? "" : "; ") + op + " x" + std::to_string(nodes.size()) + " (";
    for (std::size_t i = 0; i < nodes.size(); ++i) list += (i ? ", " : "") + shown(nodes[i]);
    list += ")";
  }
  throw FormatError(graph.where, "operators that keel has", list,
                    quantised ? "this model is quantised: export the float model it was made of" : "");
}

/// The model of a graph.
template <class T>
Model<T> model_of(const FileGraph& graph, const std::vector<Shape>& shapes, const ModelOptions& options) {
  check_operators<T>(graph);
  Model<T> model(options);
  OnnxImport<T> to(model, graph);
  std::size_t inputs = 0;
  for (const FileValue& input : graph.inputs) {
    if (to.known(input.name)) continue;  // an initializer, as files before IR 4 have it
    bool last = input.dims.size() == 4, used = false;
    for (const FileNode& node : graph.nodes)
      for (const std::string& name : node.inputs)
        if (name == input.name) {
          const FileAttribute* order = node.op == "Transpose" ? node.find("perm") : nullptr;
          last = last && !(order && order->integers == std::vector<std::int64_t>{0, 3, 1, 2});
          used = true;
        }
    std::vector<Index> extents(input.dims.begin() + (input.dims.empty() ? 0 : 1), input.dims.end());
    if (last) std::rotate(extents.begin(), extents.begin() + 1, extents.end());
    Shape sample;
    if (inputs < shapes.size())
      sample = shapes[inputs];
    else if (!used || extents.empty() || std::find(extents.begin(), extents.end(), -1) != extents.end())
      throw FormatError(graph.where + ": input " + shown(input.name), "extents of the samples", "none in the file",
                        "name them: LoadOptions::inputs");
    else
      sample = Shape(std::span<const Index>(extents));
    ++inputs;
    to.value(input.name) = Imported{.node = model.input(sample, ""), .images = last};
  }
  for (const FileNode& node : graph.nodes) onnx_operator<T>(node)->import(to, node);
  const FileNode end{.name = "the outputs", .op = "Identity"};
  for (const FileValue& output : graph.outputs) {
    if (!to.known(output.name)) throw FormatError(graph.where, "outputs that a node computes", shown(output.name));
    const Imported& value = to.value(output.name);
    model.output(value.features.rank() > 0 || value.constant ? to.plain(end, value) : value.node);
  }
  return model;
}

}  // namespace io::onnx

}  // namespace KEEL_ABI
}  // namespace keel

#endif
