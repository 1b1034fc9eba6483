#pragma once
/// How classes of keel's become PyTorch's modules, where a name is not enough. The rows of torch.hpp point here.

#include <map>

#include <keel/dialects/torch_volumes.hpp>

namespace keel {
inline namespace KEEL_ABI {

namespace dialects {

/// A function, alone or inside a layer.
struct TorchFunction {
  std::string_view name;  ///< keel's
  std::string_view class_name;
  std::string_view arguments = {};  ///< "{}" is alpha
  bool own = false;                 ///< of the code's own
};
inline constexpr TorchFunction torch_functions[] = {{"linear", "Identity"},
                                                    {"relu", "ReLU"},
                                                    {"relu6", "ReLU6"},
                                                    {"leaky_relu", "LeakyReLU", "{}"},
                                                    {"elu", "ELU", "{}"},
                                                    {"selu", "SELU"},
                                                    {"gelu", "GELU"},
                                                    {"gelu_tanh", "GELU", "approximate='tanh'"},
                                                    {"silu", "SiLU"},
                                                    {"sigmoid", "Sigmoid"},
                                                    {"hard_sigmoid", "Hardsigmoid"},
                                                    {"hard_swish", "Hardswish"},
                                                    {"tanh", "Tanh"},
                                                    {"softplus", "Softplus"},
                                                    {"softmax", "Softmax", "dim=1"},
                                                    {"log_softmax", "LogSoftmax", "dim=1"},
                                                    {"mish", "Mish"},
                                                    {"softsign", "Softsign"},
                                                    {"hard_tanh", "Hardtanh"},
                                                    {"hard_shrink", "Hardshrink", "{}"},
                                                    {"soft_shrink", "Softshrink", "{}"},
                                                    {"tanh_shrink", "Tanhshrink"},
                                                    {"celu", "CELU", "{}"},
                                                    {"log_sigmoid", "LogSigmoid"},
                                                    {"hard_sigmoid_keras2", "HardSigmoidKeras2", {}, true},
                                                    {"exponential", "Exponential", {}, true},
                                                    {"squareplus", "Squareplus", "{}", true},
                                                    {"sparse_plus", "SparsePlus", {}, true},
                                                    {"sparse_sigmoid", "SparseSigmoid", {}, true},
                                                    {"sparsemax", "Sparsemax", {}, true}};

inline const TorchFunction* torch_function(Activation kind) {
  return find_row(torch_functions, &TorchFunction::name, activation_name(kind));
}

inline void TorchBuilder::activation(std::string suffix) {
  ActivationSpec spec;
  read_option(place_.config, "activation", spec);
  if (spec.kind == Activation::linear && !suffix.empty()) return;
  const TorchFunction& function = *torch_function(spec.kind);  // a test holds them to be complete
  add(std::string(function.class_name),
      function.arguments == "{}" ? python(spec.alpha) : std::string(function.arguments), std::move(suffix));
  last().own = function.own;
}

// What the rows become. Options stand in PyTorch's order of arguments.

/// "Conv2d" for images, "Conv1d" for sequences.
inline std::string torch_of_axes(const TorchBuilder& b, const char* name) {
  return name + std::to_string(b.axes()) + "d";
}

inline void torch_conv2d(TorchBuilder& b) {
  const std::string padding = b.padding("kernel_size");
  const bool depthwise = b.has("depth_multiplier");
  const std::string groups = depthwise && b.channels() != 1 ? ", groups=" + std::to_string(b.channels()) : "";
  b.add(torch_of_axes(b, "Conv"), std::to_string(b.channels()) + ", " + std::to_string(b.filters()) + ", " +
                                      b.windows(b.pair("kernel_size")) + b.arguments("strides") + padding +
                                      b.arguments("dilation_rate groups") + groups + b.arguments("use_bias"));
  b.hold("kernel bias");
  b.activation();
}

inline void torch_separable_conv2d(TorchBuilder& b) {
  const std::string padding = b.padding("kernel_size"), channels = std::to_string(b.channels());
  const Index middle = b.channels() * b.get<Index>("depth_multiplier", 1);
  b.add(torch_of_axes(b, "Conv"),
        channels + ", " + std::to_string(middle) + ", " + b.windows(b.pair("kernel_size")) + b.arguments("strides") +
            padding + b.arguments("dilation_rate") + ", groups=" + channels + ", bias=False",
        "_depthwise");
  b.last().output = with_last(b.output(), middle);
  b.hold("depthwise_kernel");
  b.add(torch_of_axes(b, "Conv"),
        std::to_string(middle) + ", " + std::to_string(b.filters()) + ", 1" + b.arguments("use_bias"), "_pointwise");
  b.hold("pointwise_kernel bias");
  b.activation();
}

/// PyTorch's result along one axis is (in - 1) stride - 2 padding + window + output_padding. Where the sides that are
/// left out differ, everything is computed and the rest cut off.
struct TransposedAxis {
  Index padding = 0, output_padding = 0, cut_before = 0, cut_after = 0;
};
inline TransposedAxis torch_transposed(TorchBuilder& b, Index axis) {
  const auto along = [&](const Pair& p) { return axis == 0 ? p.height : p.width; };
  const Index stride = along(b.pair("strides")), dilation = along(b.pair("dilation_rate"));
  const Index window = (along(b.pair("kernel_size")) - 1) * dilation + 1;
  const Index full = (b.in(axis)-1) * stride + window;
  const Padding p = b.padding_option();
  Index before = 0;
  if (p.mode == Padding::Mode::same) before = (std::max)(Index{0}, full - b.out(axis)) / 2;
  if (p.mode == Padding::Mode::fixed) before = axis == 0 ? p.top : p.left;
  const Index after = full - before - b.out(axis);  // below 0: rows that no input reaches
  const Index most = (std::max)(stride, dilation);  // PyTorch: output_padding is less
  if (after <= before && before - after < most) return {before, before - after, 0, 0};
  if (-after >= most)
    b.refuse("an output_padding that PyTorch has, less than the stride or the dilation", std::to_string(-after));
  return {0, (std::max)(Index{0}, -after), before, (std::max)(Index{0}, after)};
}

inline void torch_conv2d_transpose(TorchBuilder& b) {
  const TransposedAxis h = torch_transposed(b, 0), w = torch_transposed(b, 1);
  const Pair extra(h.output_padding, w.output_padding);
  b.add(torch_of_axes(b, "ConvTranspose"), std::to_string(b.channels()) + ", " + std::to_string(b.filters()) + ", " +
                                               b.windows(b.pair("kernel_size")) + b.arguments("strides") +
                                               ", padding=" + b.windows(Pair(h.padding, w.padding)) +
                                               (extra == Pair(0) ? "" : ", output_padding=" + b.windows(extra)) +
                                               b.arguments("groups use_bias dilation_rate"));
  b.hold("kernel bias");
  const Sides cut{-h.cut_before, -h.cut_after, -w.cut_before, -w.cut_after};
  if (!cut.none()) {
    b.mark_asymmetric();
    b.pad(cut, "0", "_crop");
    b.last().output = b.output();
  }
  b.activation();
}

inline void torch_dense(TorchBuilder& b) {
  const std::string arguments =
      std::to_string(b.channels()) + ", " + std::to_string(b.filters()) + b.arguments("use_bias");
  if (b.input().rank() == 1)
    b.add("Linear", arguments);
  else
    b.add_own("ChannelLinear", arguments);
  b.hold("kernel bias");
  b.activation();
}

inline void torch_batch_norm(TorchBuilder& b) {
  const Index rank = b.input().rank(), axis = b.get<Index>("axis", -1), dim = torch_dim(axis, rank);
  const bool affine = b.get<bool>("scale", true) || b.get<bool>("center", true);
  const std::string arguments =
      std::to_string(b.input()[sample_axis(axis, rank)]) + b.arguments("epsilon") +
      ", momentum=" + (b.get<bool>("cumulative", false) ? "None" : python(1 - b.get<double>("momentum", 0.99), 15)) +
      (affine ? "" : ", affine=False");
  if (dim == 1 && rank <= 4)
    b.add("BatchNorm" + std::to_string((std::max)(rank - 1, Index{1})) + "d", arguments);
  else
    b.add_own("AxisBatchNorm", std::to_string(dim) + ", " + arguments);
  std::string& comment = b.last().comment;
  if (!b.get<bool>("unbiased", false)) comment = "in training: the unbiased variance, not the biased one";
  if (b.get<bool>("synchronized", false))
    comment += std::string(comment.empty() ? "" : "; ") +
               "on several processes: torch.nn.SyncBatchNorm.convert_sync_batchnorm(model)";
  b.hold("gamma beta moving_mean moving_variance");
}

/// "[0.5, 1.0]" or "0.5".
inline std::string python(const std::vector<double>& numbers) {
  if (numbers.size() == 1) return python(numbers[0]);
  return "[" + detail::join(numbers, ", ", [](double number) { return python(number); }) + "]";
}

inline void torch_normalization(TorchBuilder& b) {
  Axes axes = -1;
  read_option(b.config(), "axis", axes);
  const Index rank = b.input().rank();
  std::string shape = "()", dim;
  if (axes.list.size() == 1) {
    const Index axis = axes.list[0];
    shape = "(" + std::to_string(b.input()[sample_axis(axis, rank)]) + ",)";
    if (torch_dim(axis, rank) != 1) dim = ", dim=" + std::to_string(torch_dim(axis, rank));
  }
  std::string given;
  for (const char* name : {"mean", "variance"})
    if (b.has(name)) given += std::string(", ") + name + "=" + python(b.get<std::vector<double>>(name, {}));
  b.add_own("Normalization", shape + dim + (b.get<bool>("invert", false) ? ", invert=True" : "") + given);
  b.hold("mean variance");
  if (axes.list.size() > 1) b.refuse("statistics along one axis, or for all values", "axis " + axes.to_string());
}

/// nn.PReLU where the channels alone have slopes of their own.
inline void torch_prelu(TorchBuilder& b) {
  const Index rank = b.input().rank();
  if (rank < 1 || rank > 4) {
    b.add("PReLU");
    b.hold(Weight{"alpha", "weight"});
    return b.refuse("an input of 1 to 4 axes", b.input().to_string());
  }
  const auto shared = b.get<std::vector<Index>>("shared_axes", {});
  std::vector<Index> alpha(b.input().begin(), b.input().end());
  for (const Index axis : shared) alpha.at(static_cast<std::size_t>(axis - 1)) = 1;
  const bool by_channel = std::all_of(alpha.begin(), alpha.end() - 1, [](Index extent) { return extent == 1; });
  if (by_channel)
    b.add("PReLU", std::to_string(alpha.back()));
  else
    b.add_own("MapPReLU", channels_first(Shape(alpha)));
  b.hold(torch_prelu_weights[by_channel && rank > 1 ? rank + 2 : rank - 1]);
}

inline void torch_relu(TorchBuilder& b) {
  const double slope = b.get<double>("negative_slope", 0), threshold = b.get<double>("threshold", 0);
  const bool limited = b.has("max_value");
  const double limit = b.get<double>("max_value", 0);
  if (threshold == 0 && !limited && slope == 0) return b.add("ReLU");
  if (threshold == 0 && !limited) return b.add("LeakyReLU", python(slope));
  if (threshold == 0 && limit == 6 && slope == 0) return b.add("ReLU6");
  b.add_own("Rectifier", (limited ? python(limit) : "None") + ", " + python(slope) + ", " + python(threshold));
}

/// Windows of a pool that PyTorch cannot place itself: padding that differs by side, or is more than half the window.
inline bool torch_pads_pool(const TorchBuilder& b) {
  const Sides sides = b.sides_of("pool_size");
  const Pair pool = b.pair("pool_size");
  return sides.symmetric() && 2 * sides.top <= pool.height && 2 * sides.left <= pool.width;
}
/// Padding that makes as many windows as the output has, without ceil_mode; of it, what lies beyond the layer's own
/// padding comes second.
inline std::pair<Sides, Sides> torch_whole_sides(const TorchBuilder& b) {
  const Sides own = b.sides_of("pool_size");
  const Pair pool = b.pair("pool_size"), strides = b.pair("strides");
  const auto beyond = [](Index out, Index stride, Index window, Index covered) {
    return (std::max)(Index{0}, (out - 1) * stride + window - covered);
  };
  Sides more{0, beyond(b.out(0), strides.height, pool.height, b.in(0) + own.top + own.bottom), 0,
             beyond(b.out(1), strides.width, pool.width, b.in(1) + own.left + own.right)};
  return {own, more};
}

inline void torch_max_pool(TorchBuilder& b) {
  const std::string name = torch_of_axes(b, "MaxPool"),
                    windows = b.windows(b.pair("pool_size")) + b.arguments("strides");
  if (torch_pads_pool(b)) return b.add(name, windows + b.padding("pool_size") + b.arguments("ceil_mode"));
  const auto [own, more] = torch_whole_sides(b);
  b.mark_asymmetric();
  b.pad({own.top, own.bottom + more.bottom, own.left, own.right + more.right}, "float('-inf')");
  b.add(name, windows);
}

inline void torch_average_pool(TorchBuilder& b) {
  const std::string name = torch_of_axes(b, "AvgPool"),
                    windows = b.windows(b.pair("pool_size")) + b.arguments("strides");
  const Sides sides = b.sides_of("pool_size");
  if (torch_pads_pool(b))
    return b.add(name, windows + b.padding("pool_size") + b.arguments("ceil_mode") +
                           (sides.none() ? "" : b.arguments("count_include_pad")));
  const auto [own, more] = torch_whole_sides(b);
  b.mark_asymmetric();
  if (b.get<bool>("count_include_pad", false) && more.none()) {
    b.pad(own, "0");
    return b.add(name, windows);
  }
  b.add_own("AveragePool", python(b.pair("pool_size")) + ", stride=" + python(b.pair("strides")) + ", padding=" +
                               own.python() + ", beyond=" + more.python() + b.arguments("count_include_pad"));
}

inline void torch_global_pool(TorchBuilder& b, const char* class_name) {
  b.add(torch_of_axes(b, class_name), "1");
  std::vector<Index> dims(to_size(b.axes()), 1);
  dims.push_back(b.channels());
  b.last().output = Shape(dims);
  if (b.get<bool>("keepdims", false)) return;
  b.add("Flatten", "", "_flatten");
  b.last().function = true;
}
inline void torch_global_average_pool(TorchBuilder& b) { torch_global_pool(b, "AdaptiveAvgPool"); }
inline void torch_global_max_pool(TorchBuilder& b) {
  torch_global_pool(b, "AdaptiveMaxPool");
  if (b.get<bool>("share_ties", false))
    b.first().comment = "in training: of equal values the first has the gradient, not all a part of it";
}

inline void torch_adaptive_pool(TorchBuilder& b, const char* class_name) {
  const Shape& out = b.output();
  b.add(torch_of_axes(b, class_name),
        b.axes() == 1 ? std::to_string(out[0]) : "(" + detail::join(out.dims().first(to_size(b.axes())), ", ") + ")");
}
inline void torch_adaptive_average_pool(TorchBuilder& b) { torch_adaptive_pool(b, "AdaptiveAvgPool"); }
inline void torch_adaptive_max_pool(TorchBuilder& b) { torch_adaptive_pool(b, "AdaptiveMaxPool"); }

inline void torch_flatten(TorchBuilder& b) { b.add("Flatten"); }
/// keel's channels are last while the values take their new places.
inline void torch_reshape(TorchBuilder& b) {
  if (b.output().rank() == 1) return b.add("Flatten");
  std::string extents;
  for (const Index extent : b.output()) extents += (extents.empty() ? "" : ", ") + std::to_string(extent);
  b.add_own("Reshape", extents);
}

inline void torch_activation_layer(TorchBuilder& b) { b.activation(""); }
inline void torch_leaky_relu(TorchBuilder& b) { b.add("LeakyReLU", python(b.get<double>("negative_slope", 0.3))); }
inline void torch_elu(TorchBuilder& b) { b.add("ELU", python(b.get<double>("alpha", 1))); }
inline void torch_softmax(TorchBuilder& b) {
  Axes axes = -1;
  read_option(b.config(), "axis", axes);
  std::vector<Index> dims;
  for (const Index axis : axes.list) dims.push_back(torch_dim(axis, b.input().rank()));
  if (dims.size() == 1) return b.add("Softmax", "dim=" + std::to_string(dims[0]));
  b.add_own("JointSoftmax", detail::join(dims, ", "));
}
inline void torch_dropout(TorchBuilder& b) { b.add("Dropout", python(b.get<double>("rate", 0))); }
inline void torch_dropout1d(TorchBuilder& b) { b.add("Dropout1d", python(b.get<double>("rate", 0))); }
inline void torch_dropout3d(TorchBuilder& b) { b.add("Dropout3d", python(b.get<double>("rate", 0))); }
inline void torch_dropout2d(TorchBuilder& b) { b.add("Dropout2d", python(b.get<double>("rate", 0))); }
inline void torch_alpha_dropout(TorchBuilder& b) { b.add("AlphaDropout", python(b.get<double>("rate", 0))); }
inline void torch_gaussian_dropout(TorchBuilder& b) { b.add_own("GaussianDropout", python(b.get<double>("rate", 0))); }
inline void torch_gaussian_noise(TorchBuilder& b) { b.add_own("GaussianNoise", python(b.get<double>("stddev", 0))); }
/// A layer that stands for a single operator: a function in PyTorch, for which no module is written.
inline void torch_refused(TorchBuilder& b) {
  b.add(std::string(b.type()));
  b.hold("constant value");
  b.refuse("a class of layer that PyTorch has", std::string(b.type()), "write the function in Python");
}
/// Modules where they pad the places alone; of constants also the channels, by a class of the code's own.
inline void torch_pad(TorchBuilder& b) {
  const auto sides = b.get<std::vector<Index>>("sides", {});
  const auto mode = b.get<std::string>("mode", "constant");
  const Index axes = b.axes();
  const bool channels = axes == 0 || sides.back() != 0 || nth(sides, 2 * axes) != 0;
  std::vector<Index> order;  // from the last axis on, the channels last
  for (Index i = axes; i-- > 0;) {
    order.push_back(nth(sides, 2 * i));
    order.push_back(nth(sides, 2 * i + 1));
  }
  const std::string value = python(b.get<double>("value", 0)), places = "(" + detail::join(order, ", ") + ")";
  if (mode == "constant" && (channels || axes > 3)) {
    order.insert(order.end(), sides.end() - 2, sides.end());
    return b.add_own("Pad", "(" + detail::join(order, ", ") + "), 'constant', " + value);
  }
  if (mode == "wrap")
    b.add_own("Pad", places + ", 'circular'");
  else
    b.add((mode == "reflect" ? "ReflectionPad"
           : mode == "edge"  ? "ReplicationPad"
                             : "ConstantPad") +
              std::to_string(axes) + "d",
          places + (mode == "constant" ? ", " + value : ""));
  bool fits = !channels && axes <= 3;
  for (Index i = 0; fits && mode != "constant" && i < axes; ++i)
    for (const Index side : {nth(sides, 2 * i), nth(sides, 2 * i + 1)})
      fits = side >= 0 && (mode == "edge" || side < b.input()[i] + (mode == "wrap" ? 1 : 0));
  if (!fits)
    b.refuse("sides of 0 or more along up to three axes that hold them, none of the channels, for mode " + mode,
             Axes(sides).to_string());
}
inline void torch_identity(TorchBuilder& b) { b.add("Identity"); }
/// What keel does not train either: the identity in evaluation, an error in training.
inline void torch_inference_only(TorchBuilder& b) { b.add_own("InferenceOnly", "'" + std::string(b.type()) + "'"); }
inline void torch_center_crop(TorchBuilder& b) {
  b.add_own("CenterCrop", std::to_string(b.get<Index>("height", 1)) + ", " + std::to_string(b.get<Index>("width", 1)));
}
inline void torch_rescaling(TorchBuilder& b) {
  b.add_own("Rescaling", python(b.get<std::vector<double>>("scale", {1})) + ", " +
                             python(b.get<std::vector<double>>("offset", {0})));
}
inline void torch_zero_padding2d(TorchBuilder& b) {
  b.pad(b.sides_of("kernel_size"), "0", "");
  b.last().function = false;
}
/// Zeros at the sides, or so much cut off: the last axis first.
inline void torch_edges(TorchBuilder& b, const char* option, Index sign) {
  const auto sides = b.get<std::vector<Index>>(option, {});
  std::string text;
  for (std::size_t i = sides.size(); i >= 2; i -= 2)
    text +=
        (text.empty() ? "" : ", ") + std::to_string(sign * sides[i - 2]) + ", " + std::to_string(sign * sides[i - 1]);
  b.add("ConstantPad" + std::to_string(sides.size() / 2) + "d", "(" + text + "), 0.0");
}
inline void torch_zero_padding(TorchBuilder& b) { torch_edges(b, "padding", 1); }
inline void torch_cropping(TorchBuilder& b) { torch_edges(b, "cropping", -1); }
inline void torch_permute(TorchBuilder& b) {
  b.add_own("Permute", detail::join(b.get<std::vector<Index>>("dims", {}), ", "));
}
inline void torch_repeat_vector(TorchBuilder& b) { b.add_own("RepeatVector", std::to_string(b.get<Index>("n", 1))); }
/// nn.LSTM, GRU and RNN where they are keel's; with several results they are no part of an nn.Sequential.
inline void torch_recurrent(TorchBuilder& b) {
  const bool both = b.has("merge_mode"), sequences = b.get<bool>("return_sequences", false);
  const std::string layer = both ? b.get<std::string>("layer", {}) : std::string(b.type());
  const bool simple = layer == "SimpleRNN", gru = layer == "GRU";
  ActivationSpec activation = Activation::tanh, recurrent = Activation::sigmoid;
  read_option(b.config(), "activation", activation);
  read_option(b.config(), "recurrent_activation", recurrent);
  const bool relu = simple && activation.kind == Activation::relu;
  b.add_own(simple ? "StepsRNN"
            : gru  ? "StepsGRU"
                   : "StepsLSTM",
            std::to_string(b.channels()) + ", " + std::to_string(b.get<Index>("units", 1)) +
                (sequences ? ", sequences=True" : "") + (b.get<bool>("go_backwards", false) ? ", backwards=True" : "") +
                (relu ? ", nonlinearity='relu'" : "") + b.arguments("use_bias") + (both ? ", bidirectional=True" : ""));
  b.hold(
      "kernel recurrent_kernel bias forward_kernel forward_recurrent_kernel forward_bias backward_kernel "
      "backward_recurrent_kernel backward_bias");
  if (b.get<bool>("use_bias", true) && !gru) b.hold("second_bias");
  if (b.get<double>("dropout", 0) != 0 || b.get<double>("recurrent_dropout", 0) != 0)
    b.last().comment = "in training: without the dropout of inputs and states";
  if (activation.kind != Activation::tanh && !relu)
    b.refuse(simple ? "activation tanh or relu" : "activation tanh, all that PyTorch has",
             std::string(activation_name(activation.kind)));
  if (!simple && recurrent.kind != Activation::sigmoid)
    b.refuse("recurrent_activation sigmoid, all that PyTorch has", std::string(activation_name(recurrent.kind)));
  if (gru && !b.get<bool>("reset_after", true)) b.refuse("reset_after true, all that PyTorch has", "false");
  if (both && b.get<std::string>("merge_mode", "concat") != "concat")
    b.refuse("merge_mode concat, all that PyTorch has", b.get<std::string>("merge_mode", "concat"));
  if (both && b.get<bool>("go_backwards", false))
    b.refuse("go_backwards false inside Bidirectional", "true", "swap the directions");
  if (b.inputs() > 1) b.refuse("a sequence without a mask", "one with a mask");
}
/// Whether an option `axis` names the last one alone.
inline bool torch_last_axis(TorchBuilder& b) {
  Axes axes = -1;
  read_option(b.config(), "axis", axes);
  const bool last = axes.list.size() == 1 && (axes.list[0] == -1 || axes.list[0] == b.input().rank());
  if (!last) b.refuse("axis -1, the channels", "axis " + axes.to_string());
  return last;
}
inline std::string torch_affine(const TorchBuilder& b, const char* name) {
  const bool affine = b.get<bool>("scale", true) || b.get<bool>("center", true);
  return affine ? "" : std::string(", ") + name + "=False";
}
inline void torch_layer_norm(TorchBuilder& b) {
  const std::string arguments =
      std::to_string(b.channels()) + b.arguments("epsilon") + torch_affine(b, "elementwise_affine");
  if (b.input().rank() == 1)
    b.add("LayerNorm", arguments);
  else
    b.add_own("ChannelLayerNorm", arguments);
  b.hold("gamma beta");
  torch_last_axis(b);
}
inline void torch_group_norm(TorchBuilder& b) {
  const Index groups = b.get<Index>("groups", 32);
  b.add("GroupNorm", std::to_string(groups == -1 ? b.channels() : groups) + ", " + std::to_string(b.channels()) +
                         b.arguments("epsilon") + torch_affine(b, "affine"));
  b.hold("gamma beta");
}
inline void torch_rms_norm(TorchBuilder& b) {
  b.add_own("ChannelRMSNorm", std::to_string(b.channels()) + b.arguments("epsilon"));
  b.hold("scale");
  torch_last_axis(b);
}
inline void torch_unit_norm(TorchBuilder& b) {
  b.add_own("UnitNorm");
  torch_last_axis(b);
}
/// Also of a class whose heads share keys and values.
inline void torch_attention(TorchBuilder& b) {
  const bool shared = b.has("num_key_value_heads");
  const Index key_dim = b.get<Index>(shared ? "head_dim" : "key_dim", 1);
  b.add_own("HeadAttention",
            std::to_string(b.channels()) + ", " +
                std::to_string(b.get<Index>(shared ? "num_query_heads" : "num_heads", 1)) + ", " +
                std::to_string(key_dim) + ", " + std::to_string(b.get<Index>("value_dim", key_dim)) + ", " +
                std::to_string(b.filters()) + (b.get<bool>("use_bias", true) ? "" : ", bias=False") +
                (b.get<bool>("use_causal_mask", false) ? ", causal=True" : "") +
                (shared ? ", key_heads=" + std::to_string(b.get<Index>("num_key_value_heads", 1)) : ""));
  b.hold("query_kernel query_bias key_kernel key_bias value_kernel value_bias output_kernel output_bias");
  if (b.inputs() > 1)
    b.refuse("one input, which is query, key and value", std::to_string(b.inputs()) + " inputs",
             "write the module for it in Python; the state dict has its weights under keel's names");
}
inline void torch_glu(TorchBuilder& b) {
  b.add("GLU", "dim=" + std::to_string(torch_dim(b.get<Index>("axis", -1), b.input().rank())));
}
/// Attention and AdditiveAttention.
inline void torch_score_attention(TorchBuilder& b) {
  const bool additive = b.type() != "Attention", scale = b.get<bool>("use_scale", additive);
  const std::string width = std::to_string(b.channels());
  b.add_own(additive ? "AdditiveAttention" : "DotAttention", additive ? width + (scale ? "" : ", scale=False")
                                                             : scale  ? "scale=True"
                                                                      : "");
  b.hold("scale");
}
inline void torch_auto_contrast(TorchBuilder& b) {
  const auto range = b.get<std::vector<double>>("value_range", {0, 255});
  b.add_own("AutoContrast", python(range[0]) + ", " + python(range[1]));
}
/// The extents of the axes that letters name, "..." left out; a letter in front of them is the batch.
inline void torch_letters(std::string letters, const Shape& sample, std::map<char, Index>& extents) {
  constexpr std::string_view dots = "...";
  const bool first = letters.starts_with(dots);
  if (first) letters.erase(0, dots.size());
  for (std::size_t i = first ? 0 : 1; i < letters.size() && letters[i] != '.'; ++i)
    extents[letters[i]] = sample[first ? static_cast<Index>(i) - count_of(letters) : static_cast<Index>(i) - 1];
}
inline void torch_einsum_dense(TorchBuilder& b) {
  const auto equation = b.get<std::string>("equation", ""), bias = b.get<std::string>("bias_axes", "");
  const std::size_t comma = equation.find(','), arrow = equation.find("->");
  const std::string output = equation.substr(arrow + 2);
  std::map<char, Index> extents;
  torch_letters(output, b.output(), extents);
  torch_letters(equation.substr(0, comma), b.input(), extents);
  const auto tuple = [&](const std::string& letters, Index ones) {
    std::vector<Index> list;
    for (const char letter : letters)
      if (letter != '.') list.push_back(extents[letter]);
    list.insert(list.end(), to_size(ones), 1);
    return "(" + detail::join(list, ", ") + (list.size() == 1 ? ",)" : ")");
  };
  std::string arguments = "'" + equation + "', " + tuple(equation.substr(comma + 1, arrow - comma - 1), 0);
  if (!bias.empty()) {
    for (auto& [letter, extent] : extents)
      if (bias.find(letter) == bias.npos) extent = 1;
    const bool dots_last = output.ends_with("...");
    const Index letters = count_of(output) - (dots_last ? 3 : 0);
    arguments +=
        ", " + tuple(output.substr(output.find_first_of(bias)), dots_last ? b.output().rank() + 1 - letters : 0);
  }
  b.add_own("EinsumDense", arguments);
  b.hold("kernel bias");
  b.activation();
}
inline void torch_conv_lstm(TorchBuilder& b) {
  b.add(std::string(b.type()));
  b.hold("kernel recurrent_kernel bias");
  b.refuse("a class of layer that PyTorch has", std::string(b.type()),
           "write the module for it in Python; the state dict has its weights under keel's names");
}
inline void torch_embedding(TorchBuilder& b) {
  b.add_own("TokenEmbedding",
            std::to_string(b.get<Index>("input_dim", 1)) + ", " + std::to_string(b.get<Index>("output_dim", 1)));
  b.hold("embeddings");
}
inline void torch_masking(TorchBuilder& b) { b.add_own("Masking", python(b.get<double>("mask_value", 0))); }
inline void torch_step_mask(TorchBuilder& b) { b.add_own("StepMask", python(b.get<double>("mask_value", 0))); }
/// Functions of several tensors, as modules of the code's own.
inline void torch_merge(TorchBuilder& b, const char* class_name, std::string arguments = {}) {
  b.add_own(class_name, std::move(arguments));
  b.last().function = true;
}
inline void torch_average(TorchBuilder& b) { torch_merge(b, "Merge", "torch.add, mean=True"); }
inline void torch_maximum(TorchBuilder& b) { torch_merge(b, "Merge", "torch.maximum"); }
inline void torch_minimum(TorchBuilder& b) { torch_merge(b, "Merge", "torch.minimum"); }
inline void torch_dot(TorchBuilder& b) {
  Axes axes = -1;
  read_option(b.config(), "axes", axes);
  std::string numbers;
  for (std::size_t i = 0; i < 2; ++i)
    numbers += std::to_string(sample_axis(axes.list[axes.list.size() == 1 ? 0 : i], b.input(i).rank()) + 1) + ", ";
  torch_merge(b, "Dot", numbers + (b.get<bool>("normalize", false) ? "True" : "False"));
}
inline void torch_upsampling1d(TorchBuilder& b) {
  b.add("Upsample", "scale_factor=" + std::to_string(b.get<Index>("size", 2)));
}
inline void torch_resizing(TorchBuilder& b) {
  const bool nearest = b.get<std::string>("interpolation", "bilinear") == "nearest";
  b.add("Upsample", "size=" + python(Pair(b.output()[0], b.output()[1])) +
                        (nearest ? ", mode='nearest-exact'" : ", mode='bilinear', align_corners=False"));
}
/// PyTorch's layers take steps as they take samples, or none at all.
inline void torch_time_distributed(TorchBuilder& b) {
  b.add("TimeDistributed");
  b.hold(
      "kernel depthwise_kernel pointwise_kernel bias gamma beta scale moving_mean moving_variance alpha embeddings "
      "query_kernel query_bias key_kernel key_bias value_kernel value_bias output_kernel output_bias "
      "constant value mean variance");
  b.refuse("a class of layer that PyTorch has", "TimeDistributed",
           "a Dense takes sequences without it; of others fold the steps into the batch in Python");
}
inline void torch_upsampling2d(TorchBuilder& b) {
  const bool bilinear = b.get<std::string>("interpolation", "nearest") == "bilinear";
  b.add("Upsample", "scale_factor=" + python(b.pair("size", 2)) + ", mode='" +
                        (bilinear ? "bilinear', align_corners=False" : "nearest'"));
}

}  // namespace dialects

}  // namespace KEEL_ABI
}  // namespace keel
