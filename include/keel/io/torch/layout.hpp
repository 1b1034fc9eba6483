#pragma once
/// Where PyTorch keeps what a keel layer holds: its modules, their names, tensors and axes, as the rows of
/// dialects/torch.hpp say.

#include <set>

#include <keel/io/reconcile.hpp>
#include <keel/io/torch/features.hpp>

namespace keel {
inline namespace KEEL_ABI {

namespace io {

using namespace formats;

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

/// A layer of a model as PyTorch has it.
struct TorchLayer {
  const dialects::TorchRow* row = nullptr;  ///< null: a class of the user's own
  std::vector<dialects::TorchModule> modules;
  bool asymmetric = false;         ///< pads more on one side, where PyTorch users write padding=1
  std::vector<std::string> names;  ///< of the modules, in a graph
  std::size_t before = 0;          ///< in an nn.Sequential, the modules in front of its own
};

/// What a layer becomes at a node. Throws ConfigError for what PyTorch cannot express, if `strict`.
template <class T>
TorchLayer torch_layer(const Model<T>& model, int node, bool strict = false) {
  const auto& place = model.nodes()[static_cast<std::size_t>(node)];
  const Layer<T>& layer = model.layer(place.layer);
  TorchLayer result{dialects::torch_row(layer.type()), {}, false, {}, 0};
  if (!result.row) {
    if (strict)
      throw ConfigError(layer.who(), "a class of layer that PyTorch has", "\"" + layer.type() + "\"",
                        "write the module for a layer of your own in Python");
    result.modules.emplace_back();
    return result;
  }
  const Config config = layer.config();
  dialects::TorchPlace seen{layer.who(), config, {}, place.shape};
  for (const int input : place.inputs) seen.inputs.push_back(model.nodes()[static_cast<std::size_t>(input)].shape);
  const dialects::TorchBuilder builder(*result.row, std::move(seen));
  if (strict) builder.require();
  result.modules = builder.modules();
  result.asymmetric = builder.asymmetric();
  return result;
}

/// The module that brings features to keel's order.
inline dialects::TorchModule channels_last(const FeatureMaps& maps) {
  std::string arguments;
  for (const std::vector<Index>& map : maps) {
    std::string extents;
    for (const Index extent : map) extents += (extents.empty() ? "" : ", ") + std::to_string(extent);
    arguments += (arguments.empty() ? "(" : ", (") + extents + ")";
  }
  dialects::TorchModule module{"ChannelsLast", arguments, "_order"};
  module.own = module.function = true;
  return module;
}

/// Gives a graph's modules their names. All differ; layers keep theirs where they can.
template <class T>
void name_torch_layers(const Model<T>& model, std::vector<TorchLayer>& layers) {
  std::set<std::string> taken;
  for (const bool keeps : {true, false})
    for (Index l = 0; l < model.layer_count(); ++l) {
      const std::string plain = python_name(model.layer(l).name());
      if (keeps != (plain == model.layer(l).name())) continue;
      TorchLayer& layer = layers[static_cast<std::size_t>(l)];
      std::string name = plain;
      const auto is_taken = [&](const dialects::TorchModule& m) { return taken.count(name + m.suffix) != 0; };
      for (int i = 1; std::any_of(layer.modules.begin(), layer.modules.end(), is_taken); ++i)
        name = plain + "_" + std::to_string(i);
      for (const auto& module : layer.modules) layer.names.push_back(*taken.insert(name + module.suffix).first);
    }
}

/// Every layer of a model, as `torch_code` writes it: in an nn.Sequential what brings features to keel's order is a
/// module too. Throws ConfigError, naming the layer, for what PyTorch cannot express, if `strict`.
template <class T>
std::vector<TorchLayer> torch_layers(const Model<T>& model, const FeatureOrders<T>& orders, bool strict = false) {
  std::vector<TorchLayer> layers;
  const std::vector<int> first = first_nodes(model);
  std::size_t before = 0;
  for (Index l = 0; l < model.layer_count(); ++l) {
    const int node = first[static_cast<std::size_t>(l)];
    TorchLayer layer = torch_layer(model, node, strict);
    if (model.is_sequential()) {
      const int input = model.nodes()[static_cast<std::size_t>(node)].inputs[0];
      if (orders.undone(node, input)) layer.modules.insert(layer.modules.begin(), channels_last(orders.at(input)));
      layer.before = before;
      before += layer.modules.size();
    }
    layers.push_back(std::move(layer));
  }
  if (!model.is_sequential()) name_torch_layers(model, layers);
  return layers;
}

/// Puts slots for one layer's weights, counters and constants into modules.
template <class T>
class TorchSlots {
 public:
  TorchSlots(Layer<T>& layer, const FeatureMaps& order) : layer_(layer), positions_(feature_positions(order)) {}

  void fill(Module<T>& module, const TorchLayer& torch, const dialects::TorchModule& from) const {
    if (!torch.row) {
      for (Parameter<T>* parameter : layer_.parameters()) add(module, parameter->name(), parameter, {});
    }
    for (const dialects::Weight& weight : from.weights) {
      if (Parameter<T>* parameter = find(weight.keel))
        add(module, std::string(weight.name), parameter, placed(weight, *parameter));
      else
        add_constant(module, torch, weight);
    }
    if (module.slots.empty()) return;
    for (Counter* counter : layer_.counters())
      module.slots.push_back(
          {.role = counter->name, .name = layer_.name() + "/" + counter->name, .counter = counter, .optional = true});
    if (torch.row && !torch.row->ignored.empty())
      module.slots.push_back({.role = std::string(torch.row->ignored),
                              .name = layer_.name() + " has no " + std::string(torch.row->ignored),
                              .optional = true,
                              .ignored = true});
  }

 private:
  Parameter<T>* find(std::string_view name) const {
    for (Parameter<T>* parameter : layer_.parameters())
      if (parameter->name() == name) return parameter;
    return nullptr;
  }
  ArrayLayout placed(const dialects::Weight& weight, const Parameter<T>& parameter) const {
    ArrayLayout layout = layout_of(weight, parameter.shape());
    if (!weight.keel_axes.starts_with('I') || static_cast<Index>(positions_.size()) != parameter.shape()[0])
      return layout;
    layout.features = positions_;
    layout.change += std::string(layout.change.empty() ? "" : ", ") + "(c, h, w) to (h, w, c)";
    return layout;
  }
  void add(Module<T>& module, const std::string& role, Parameter<T>* parameter, ArrayLayout layout) const {
    if (layout.axes.empty() && layout.file.rank() == 0) layout.file = parameter->shape();
    module.slots.push_back({.role = role,
                            .name = layer_.name() + "/" + parameter->name(),
                            .parameter = parameter,
                            .layout = std::move(layout)});
  }
  void add_constant(Module<T>& module, const TorchLayer& torch, const dialects::Weight& weight) const {
    for (const dialects::TorchConstant& constant : torch.row->constants)
      if (constant.weight == weight.keel)
        module.slots.push_back({.role = std::string(weight.name),
                                .name = layer_.name() + " has no " + std::string(weight.name),
                                .constant = static_cast<T>(constant.value),
                                .layout = {.file = layer_.parameters().back()->shape()},
                                .optional = true});
  }

  Layer<T>& layer_;
  std::vector<Index> positions_;
};

/// The modules that hold a model's weights in PyTorch: of nn.Sequential ("0", "3") for a Sequential, else under
/// the layers' names.
template <class T>
std::vector<Module<T>> torch_modules(Model<T>& model) {
  std::vector<Module<T>> modules;
  const FeatureOrders<T> orders(model);
  const std::vector<int> first = first_nodes(model);
  const std::vector<TorchLayer> layers = torch_layers(model, orders);
  for (Index l = 0; l < model.layer_count(); ++l) {
    Layer<T>& layer = model.layer(l);
    if (layer.parameters().empty()) continue;
    const TorchLayer& torch = layers[static_cast<std::size_t>(l)];
    const TorchSlots<T> slots(layer, orders.taken(l, first[static_cast<std::size_t>(l)]));
    for (std::size_t m = 0; m < torch.modules.size(); ++m) {
      Module<T> module{.name = model.is_sequential() ? std::to_string(torch.before + m) : torch.names[m],
                       .layer = layer.name(),
                       .type = layer.type()};
      slots.fill(module, torch, torch.modules[m]);
      if (!module.slots.empty()) modules.push_back(std::move(module));
    }
  }
  return modules;
}

}  // namespace io

}  // namespace KEEL_ABI
}  // namespace keel
