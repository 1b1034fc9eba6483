#pragma once
/// How PyTorch lays out what a keel layer holds: its modules, their names, tensors and axes. PyTorch's images are
/// (batch, channels, height, width), so its kernels are (out, in, height, width) and what follows a Flatten counts
/// (c, h, w).

#include <cstdio>
#include <set>

#include <keel/io/reconcile.hpp>
#include <keel/layers/base/options.hpp>

namespace keel {
inline namespace KEEL_ABI {

namespace io {

using namespace formats;

/// For each node whose values come from a flattened map: at k, PyTorch's position of keel's k-th value. Else
/// empty.
template <class T>
std::vector<std::vector<Index>> feature_orders(const Model<T>& model) {
  std::vector<std::vector<Index>> orders(model.nodes().size());
  for (std::size_t n = 0; n < orders.size(); ++n) {
    const auto& node = model.nodes()[n];
    if (node.layer < 0 || node.shape.rank() != 1) continue;
    const std::string type = model.layer(node.layer).type();
    const auto source = [&](std::size_t i) { return static_cast<std::size_t>(node.inputs[i]); };
    const Shape& in = model.nodes()[source(0)].shape;
    if (in.rank() == 3 && (type == "Flatten" || type == "Reshape")) {
      if (in[0] * in[1] == 1 || in[2] == 1) continue;
      for (Index pixel = 0; pixel < in[0] * in[1]; ++pixel)
        for (Index c = 0; c < in[2]; ++c) orders[n].push_back(c * in[0] * in[1] + pixel);
    } else if (type == "Concatenate") {
      Index before = 0;
      bool any = false;
      for (std::size_t i = 0; i < node.inputs.size(); ++i) {
        const auto& order = orders[source(i)];
        const Index size = model.nodes()[source(i)].shape.size();
        for (Index k = 0; k < size; ++k)
          orders[n].push_back(before + (order.empty() ? k : order[static_cast<std::size_t>(k)]));
        any = any || !order.empty();
        before += size;
      }
      if (!any) orders[n].clear();
    } else if (type != "Dense" && in == node.shape) {
      orders[n] = orders[source(0)];
    }
  }
  return orders;
}

/// The first place where a layer stands.
template <class T>
std::vector<int> first_nodes(const Model<T>& model) {
  std::vector<int> first(static_cast<std::size_t>(model.layer_count()), -1);
  for (std::size_t n = model.nodes().size(); n-- > 0;)
    if (const int l = model.nodes()[n].layer; l >= 0) first[static_cast<std::size_t>(l)] = static_cast<int>(n);
  return first;
}

/// What PyTorch has where keel has one layer: modules in their order, and which of them hold its weights.
struct TorchParts {
  std::vector<std::string> code;      ///< "nn.ReLU()"
  std::vector<std::string> suffixes;  ///< of the names in a graph: "", "_activation"
  std::vector<std::size_t> with_weights;
  bool asymmetric = false;  ///< pads more on one side, where PyTorch users write padding=1
};

inline std::string python(double value) {
  char text[40];
  std::snprintf(text, sizeof text, "%.9g", value);
  return text;
}
inline std::string python(Index a, Index b) { return "(" + std::to_string(a) + ", " + std::to_string(b) + ")"; }

inline std::string torch_activation(const ActivationSpec& spec) {
  switch (spec.kind) {
    case Activation::linear: return "nn.Identity()";
    case Activation::relu: return "nn.ReLU()";
    case Activation::relu6: return "nn.ReLU6()";
    case Activation::leaky_relu: return "nn.LeakyReLU(" + python(spec.alpha) + ")";
    case Activation::elu: return "nn.ELU(" + python(spec.alpha) + ")";
    case Activation::selu: return "nn.SELU()";
    case Activation::sigmoid: return "nn.Sigmoid()";
    case Activation::hard_sigmoid: return "nn.Hardsigmoid()";
    case Activation::tanh: return "nn.Tanh()";
    case Activation::softplus: return "nn.Softplus()";
    case Activation::gelu: return "nn.GELU()";
    case Activation::gelu_tanh: return "nn.GELU(approximate='tanh')";
    case Activation::silu: return "nn.SiLU()";
    case Activation::hard_swish: return "nn.Hardswish()";
    case Activation::softmax: return "nn.Softmax(dim=1)";
    case Activation::log_softmax: return "nn.LogSoftmax(dim=1)";
  }
  return "nn.Identity()";
}

/// before, after along height, then width.
inline std::array<Index, 4> padding_of(const Config& config, const char* size, const Shape& in) {
  Padding padding = Padding::valid;
  Pair kernel = 1, strides = 1, dilation = 1;
  read_option(config, size, kernel);
  strides = config.find("pool_size") ? kernel : strides;
  read_option(config, "strides", strides);
  read_option(config, "dilation_rate", dilation);
  read_option(config, "padding", padding);
  if (padding.mode == Padding::Mode::fixed) return {padding.top, padding.bottom, padding.left, padding.right};
  if (padding.mode != Padding::Mode::same) return {0, 0, 0, 0};
  const auto total = [](Index extent, Index k, Index s, Index d) {
    return (std::max)(Index{0}, ((extent + s - 1) / s - 1) * s + (k - 1) * d + 1 - extent);
  };
  const Index h = total(in[0], kernel.height, strides.height, dilation.height);
  const Index w = total(in[1], kernel.width, strides.width, dilation.width);
  return {h / 2, h - h / 2, w / 2, w - w / 2};
}

template <class T>
TorchParts torch_parts(const Layer<T>& layer, const Shape& in, const Shape& out) {
  TorchParts parts;
  const std::string type = layer.type();
  const Config config = layer.config();
  const auto add = [&](std::string code, std::string suffix = "") {
    parts.code.push_back(std::move(code));
    parts.suffixes.push_back(std::move(suffix));
  };
  const auto add_weights = [&](std::string code, std::string suffix = "") {
    parts.with_weights.push_back(parts.code.size());
    add(std::move(code), std::move(suffix));
  };
  const auto pair = [&](const char* name, Pair fallback = 1) {
    read_option(config, name, fallback);
    return python(fallback.height, fallback.width);
  };
  const std::string bias = config.get<bool>("use_bias", true) ? "" : ", bias=False";
  const bool window = config.find("kernel_size") || config.find("pool_size");
  std::string padding;
  if (window && type != "Conv2DTranspose") {
    const auto p = padding_of(config, config.find("pool_size") ? "pool_size" : "kernel_size", in);
    const bool average = type == "AveragePooling2D" && !config.get<bool>("count_include_pad", false);
    if (p[0] == p[1] && p[2] == p[3]) {
      if (p[0] || p[2]) padding = ", padding=" + python(p[0], p[2]) + (average ? ", count_include_pad=False" : "");
    } else {
      parts.asymmetric = true;
      const std::string sides = "(" + std::to_string(p[2]) + ", " + std::to_string(p[3]) + ", " + std::to_string(p[0]) +
                                ", " + std::to_string(p[1]) + ")";
      if (average)
        padding = ")  # PyTorch cannot average without the padding " + sides;
      else
        add(type == "MaxPooling2D" ? "nn.ConstantPad2d(" + sides + ", float('-inf'))" : "nn.ZeroPad2d(" + sides + ")",
            "_padding");
    }
  }
  const std::string channels = in.rank() ? std::to_string(in.back()) : "1";
  const auto conv = [&](const char* name, const std::string& ins, const std::string& outs, const std::string& groups) {
    return std::string(name) + "(" + ins + ", " + outs + ", " + pair("kernel_size") + ", stride=" + pair("strides") +
           padding + ", dilation=" + pair("dilation_rate") + (groups == "1" ? "" : ", groups=" + groups) + bias + ")";
  };
  const std::string outs = out.rank() ? std::to_string(out.back()) : "1";
  if (type == "Conv2D") {
    add_weights(conv("nn.Conv2d", channels, outs, std::to_string(config.get<Index>("groups", 1))));
  } else if (type == "DepthwiseConv2D") {
    add_weights(conv("nn.Conv2d", channels, outs, channels));
  } else if (type == "SeparableConv2D") {
    const std::string middle = std::to_string(in.back() * config.get<Index>("depth_multiplier", 1));
    add_weights("nn.Conv2d(" + channels + ", " + middle + ", " + pair("kernel_size") + ", stride=" + pair("strides") +
                    padding + ", dilation=" + pair("dilation_rate") + ", groups=" + channels + ", bias=False)",
                "_depthwise");
    add_weights("nn.Conv2d(" + middle + ", " + outs + ", 1" + bias + ")", "_pointwise");
  } else if (type == "Conv2DTranspose") {
    // keel crops what TF's SAME leaves over: k_eff - stride in all, the odd one after
    Pair kernel = 1, strides = 1, dilation = 1;
    Padding mode = Padding::valid;
    read_option(config, "kernel_size", kernel), read_option(config, "strides", strides);
    read_option(config, "dilation_rate", dilation), read_option(config, "padding", mode);
    const auto sides = [&](Index k, Index s, Index d, Index size, Index result) {
      const Index full = (size - 1) * s + (k - 1) * d + 1;
      Index before = 0;
      if (mode.mode == Padding::Mode::same) before = (std::max)(Index{0}, (k - 1) * d + 1 - s) / 2;
      const Index more = result - (full - 2 * before);
      return std::pair(before, more);
    };
    const auto [top, extra_h] = sides(kernel.height, strides.height, dilation.height, in[0], out[0]);
    const auto [left, extra_w] = sides(kernel.width, strides.width, dilation.width, in[1], out[1]);
    if (extra_h < 0 || extra_w < 0) parts.asymmetric = true;
    add_weights("nn.ConvTranspose2d(" + channels + ", " + outs + ", " + pair("kernel_size") +
                ", stride=" + pair("strides") + ", padding=" + python(top, left) +
                (extra_h > 0 || extra_w > 0
                     ? ", output_padding=" + python((std::max)(extra_h, Index{0}), (std::max)(extra_w, Index{0}))
                     : "") +
                ", dilation=" + pair("dilation_rate") + bias + ")");
    if (parts.asymmetric)
      add("nn.ZeroPad2d((0, " + std::to_string((std::min)(extra_w, Index{0})) + ", 0, " +
              std::to_string((std::min)(extra_h, Index{0})) + "))",
          "_crop");
  } else if (type == "Dense") {
    add_weights("nn.Linear(" + channels + ", " + outs + bias + ")");
  } else if (type == "BatchNormalization") {
    const bool affine = config.get<bool>("scale", true) || config.get<bool>("center", true);
    add_weights(std::string("nn.BatchNorm") + (in.rank() == 3 ? "2d(" : "1d(") + channels +
                ", eps=" + python(config.get<double>("epsilon", 1e-3)) + ", momentum=" +
                (config.get<bool>("cumulative", false) ? "None" : python(1 - config.get<double>("momentum", 0.99))) +
                (affine ? "" : ", affine=False") + ")");
  } else if (type == "Normalization") {
    add_weights(std::string("nn.BatchNorm") + (in.rank() == 3 ? "2d(" : "1d(") + channels +
                ", eps=0, momentum=0, affine=False)");
  } else if (type == "PReLU") {
    add_weights("nn.PReLU(" + channels + ")");
  } else if (type == "MaxPooling2D" || type == "AveragePooling2D") {
    add(std::string(type == "MaxPooling2D" ? "nn.MaxPool2d(" : "nn.AvgPool2d(") + pair("pool_size") +
        ", stride=" + pair("strides") + padding + (config.get<bool>("ceil_mode", false) ? ", ceil_mode=True" : "") +
        (padding.find('#') == padding.npos ? ")" : ""));
  } else if (type == "GlobalAveragePooling2D" || type == "GlobalMaxPooling2D") {
    add(type == "GlobalMaxPooling2D" ? "nn.AdaptiveMaxPool2d(1)" : "nn.AdaptiveAvgPool2d(1)");
    if (!config.get<bool>("keepdims", false)) add("nn.Flatten()", "_flatten");
  } else if (type == "Flatten") {
    add("nn.Flatten()");
  } else if (type == "Reshape") {
    std::string dims;
    if (out.rank() == 3) dims = std::to_string(out[2]) + ", " + std::to_string(out[0]) + ", " + std::to_string(out[1]);
    add(out.rank() == 1 ? "nn.Flatten()" : "nn.Unflatten(1, (" + dims + "))");
  } else if (type == "Dropout") {
    add("nn.Dropout(" + python(config.get<double>("rate", 0)) + ")");
  } else if (type == "ZeroPadding2D") {
    const auto p = padding_of(config, "kernel_size", in);
    add("nn.ZeroPad2d((" + std::to_string(p[2]) + ", " + std::to_string(p[3]) + ", " + std::to_string(p[0]) + ", " +
        std::to_string(p[1]) + "))");
  } else if (type == "UpSampling2D") {
    const bool bilinear = config.get<std::string>("interpolation", "nearest") == "bilinear";
    add("nn.Upsample(scale_factor=" + pair("size", 2) + ", mode='" +
        (bilinear ? "bilinear', align_corners=False)" : "nearest')"));
  } else if (layer.acceleration().role == LayerRole::activation) {
    add(torch_activation(layer.acceleration().activation));
  } else if (type == "Softmax") {
    add("nn.Softmax(dim=1)");
  } else {
    add("nn.Identity()  # " + type + ": PyTorch has no module");
  }
  const bool inside = !parts.with_weights.empty() && layer.acceleration().role != LayerRole::activation;
  if (inside && layer.acceleration().activation.kind != Activation::linear) add(torch_activation(layer.acceleration().activation), "_activation");
  return parts;
}

/// Words that cannot name a module in a class `Net(nn.Module)`: Python's own and what every module has.
inline bool taken_in_python(std::string_view name) {
  static constexpr std::string_view words =
      " False None True and as assert async await break class continue def del elif else except finally for from "
      "global if import in is lambda nonlocal not or pass raise return try while with yield "
      "T_destination add_module apply bfloat16 buffers call_super_init children compile cpu cuda double "
      "dump_patches eval extra_repr float forward get_buffer get_extra_state get_parameter get_submodule half ipu "
      "load_state_dict modules mtia named_buffers named_children named_modules named_parameters parameters "
      "register_backward_hook register_buffer register_forward_hook register_forward_pre_hook "
      "register_full_backward_hook register_full_backward_pre_hook register_load_state_dict_post_hook "
      "register_load_state_dict_pre_hook register_module register_parameter register_state_dict_post_hook "
      "register_state_dict_pre_hook requires_grad_ set_extra_state set_submodule share_memory state_dict to "
      "to_empty train training type xpu zero_grad ";
  return words.find(" " + std::string(name) + " ") != words.npos;
}

/// A layer's name as an attribute in Python: other characters than letters, digits and _ become _; it begins with
/// a letter, since Python and nn.Module have uses of their own for a leading _.
inline std::string python_name(const std::string& name) {
  std::string clean;
  for (const char c : name) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'), digit = c >= '0' && c <= '9';
    if ((static_cast<unsigned char>(c) & 0xC0) != 0x80) clean += letter || digit ? c : '_';
  }
  if (clean[0] == '_' || (clean[0] >= '0' && clean[0] <= '9')) clean = "layer_" + clean;
  return taken_in_python(clean) ? clean + "_" : clean;
}

/// The names of each layer's modules in a graph. All differ; layers keep their names where they can.
template <class T>
std::vector<std::vector<std::string>> torch_names(const Model<T>& model) {
  std::vector<std::vector<std::string>> names(static_cast<std::size_t>(model.layer_count()));
  const std::vector<int> first = first_nodes(model);
  std::set<std::string> taken;
  for (const bool keeps : {true, false})
    for (Index l = 0; l < model.layer_count(); ++l) {
      const Layer<T>& layer = model.layer(l);
      const std::string plain = python_name(layer.name());
      if (keeps != (plain == layer.name())) continue;
      const auto& node = model.nodes()[static_cast<std::size_t>(first[static_cast<std::size_t>(l)])];
      const Shape& in = model.nodes()[static_cast<std::size_t>(node.inputs[0])].shape;
      const std::vector<std::string> suffixes = torch_parts(layer, in, node.shape).suffixes;
      std::string name = plain;
      const auto is_taken = [&](const std::string& suffix) { return taken.count(name + suffix) != 0; };
      for (int i = 1; std::any_of(suffixes.begin(), suffixes.end(), is_taken); ++i)
        name = plain + "_" + std::to_string(i);
      for (const std::string& suffix : suffixes)
        names[static_cast<std::size_t>(l)].push_back(*taken.insert(name + suffix).first);
    }
  return names;
}

/// The modules that hold a model's weights in PyTorch: of nn.Sequential ("0", "3") for a Sequential, else under
/// the layers' names.
template <class T>
std::vector<Module<T>> torch_modules(Model<T>& model) {
  std::vector<Module<T>> modules;
  const auto orders = feature_orders(model);
  const std::vector<int> first = first_nodes(model);
  const auto names = torch_names(model);
  std::size_t before = 0;
  for (Index l = 0; l < model.layer_count(); ++l) {
    Layer<T>& layer = model.layer(l);
    const auto& node = model.nodes()[static_cast<std::size_t>(first[static_cast<std::size_t>(l)])];
    const std::size_t input = static_cast<std::size_t>(node.inputs[0]);
    const Shape& in = model.nodes()[input].shape;
    const std::vector<Index>& order = orders[input];
    const TorchParts parts = torch_parts(layer, in, node.shape);
    std::size_t part = 0;
    const auto open = [&] {
      const std::size_t at = part < parts.with_weights.size() ? parts.with_weights[part++] : 0;
      const std::string& name = names[static_cast<std::size_t>(l)][at];
      modules.push_back({model.is_sequential() ? std::to_string(before + at) : name, layer.name(), layer.type(), {}});
    };
    const auto slot = [&](const char* role, Parameter<T>* parameter, ArrayLayout layout) {
      if (layout.axes.empty() && layout.file.rank() == 0) layout.file = parameter->shape();
      modules.back().slots.push_back(
          {role, layer.name() + "/" + parameter->name(), parameter, nullptr, 0, std::move(layout), false});
    };
    const auto constant = [&](const char* role, T value, Index size) {
      modules.back().slots.push_back(
          {role, layer.name() + " has no " + role, nullptr, nullptr, value, {Shape{size}, {}, {}, {}, ""}, true});
    };
    const std::string type = layer.type();
    const auto conv = [&](Parameter<T>* p, bool depthwise) {
      const Shape& k = p->shape();
      if (!depthwise) return ArrayLayout{{k[3], k[2], k[0], k[1]}, {}, {2, 3, 1, 0}, {}, "OIHW to HWIO"};
      return ArrayLayout{{k[2] * k[3], 1, k[0], k[1]}, {k[2], k[3], k[0], k[1]}, {2, 3, 0, 1}, {}, "(C M)1HW to HWCM"};
    };
    const std::vector<Parameter<T>*> parameters = layer.parameters();
    if (!parameters.empty()) open();
    for (Parameter<T>* p : parameters) {
      const std::string& name = p->name();
      if (type == "Conv2D" && name == "kernel") {
        slot("weight", p, conv(p, false));
      } else if (type == "Conv2DTranspose" && name == "kernel") {
        slot("weight", p, conv(p, false));
        modules.back().slots.back().layout.change = "IOHW to HWOI";
      } else if (name == "depthwise_kernel" || (type == "DepthwiseConv2D" && name == "kernel")) {
        slot("weight", p, conv(p, true));
      } else if (name == "pointwise_kernel") {
        open();
        slot("weight", p, conv(p, false));
      } else if (type == "Dense" && name == "kernel") {
        const Shape& k = p->shape();
        ArrayLayout layout{{k[1], k[0]}, {}, {1, 0}, {}, "transposed"};
        if (static_cast<Index>(order.size()) == k[0])
          layout.features = order, layout.change += ", rows (c, h, w) to (h, w, c)";
        slot("weight", p, layout);
      } else if (type == "BatchNormalization" || type == "Normalization") {
        ArrayLayout layout{p->shape(), {}, {}, {}, ""};
        if (static_cast<Index>(order.size()) == p->size())
          layout.features = order, layout.change = "(c, h, w) to (h, w, c)";
        slot(name == "gamma"          ? "weight"
             : name == "beta"         ? "bias"
             : name.ends_with("mean") ? "running_mean"
                                      : "running_var",
             p, layout);
      } else if (type == "PReLU") {
        ArrayLayout layout{{p->size()}, {}, {}, {}, p->shape().rank() > 1 ? "reshaped" : ""};
        if (static_cast<Index>(order.size()) == p->size())
          layout.features = order, layout.change = "(c, h, w) to (h, w, c)";
        slot("weight", p, layout);
      } else {
        slot(name.c_str(), p, {});
      }
    }
    if (type == "BatchNormalization") {
      const Config config = layer.config();
      const bool scale = config.get<bool>("scale", true), center = config.get<bool>("center", true);
      if (!scale) constant("weight", T(1), parameters.back()->size());
      if (!center) constant("bias", T(0), parameters.back()->size());
    }
    if (type == "Normalization") {
      constant("num_batches_tracked", T(0), 1);
      modules.back().slots.back().ignored = true;
    }
    if (!parameters.empty())
      for (Counter* counter : layer.counters())
        modules.back().slots.push_back(
            {counter->name, layer.name() + "/" + counter->name, nullptr, counter, 0, {}, true});
    before += parts.code.size();
  }
  return modules;
}

}  // namespace io

}  // namespace KEEL_ABI
}  // namespace keel
