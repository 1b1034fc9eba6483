#pragma once
/// A model's architecture as PyTorch code that takes the weights of `save(model, "x.pt")`.

#include <keel/dialects/torch_classes.hpp>
#include <keel/io/torch/layout.hpp>

namespace keel {
inline namespace KEEL_ABI {

namespace io {

/// Writes the code of one model.
template <class T>
class TorchCode {
 public:
  explicit TorchCode(const Model<T>& model)
      : model_(model), orders_(model), layers_(torch_layers(model, orders_, true)) {}

  std::string text() {
    check_places();
    const std::string body = model_.is_sequential() ? sequential() : graph();
    std::string head = uses("ChannelsLast") ? "import math\n\nimport torch\nfrom torch import nn\n"
                                            : "import torch\nfrom torch import nn\n";
    for (const dialects::TorchClass& own : dialects::torch_classes)
      if (uses(own.name)) head += "\n\n" + std::string(own.code);
    return head + (used_.empty() ? "\n" : "\n\n") + body;
  }

 private:
  bool uses(std::string_view name) const { return used_.count(std::string(name)) != 0; }
  std::string code(const dialects::TorchModule& module) {
    if (module.own) used_.insert(module.class_name);
    return module.code();
  }
  /// A line of code, and behind it what it says. A frozen layer is so in PyTorch, too.
  std::string line(Index l, const dialects::TorchModule& module, const char* tail) {
    const Freeze freeze = module.weights.empty() ? Freeze::none : model_.layer(l).frozen();
    std::string text = code(module);
    if (freeze == Freeze::gradients) text += ".requires_grad_(False)";
    if (freeze == Freeze::layer || freeze == Freeze::statistics) {
      used_.insert("frozen");
      text = "frozen(" + text + (freeze == Freeze::statistics ? ", True)" : ")");
    }
    return text + tail + (module.comment.empty() ? "" : "  # " + module.comment) + "\n";
  }

  /// A layer at several places is one module in PyTorch, so that it has to be the same at each.
  void check_places() const {
    if (model_.is_sequential()) return;
    for (std::size_t n = 0; n < model_.nodes().size(); ++n) {
      const auto& node = model_.nodes()[n];
      if (node.layer < 0) continue;
      const TorchLayer here = torch_layer(model_, static_cast<int>(n), true);
      const TorchLayer& there = layers_[static_cast<std::size_t>(node.layer)];
      for (std::size_t m = 0; m < here.modules.size(); ++m)
        if (here.modules.size() != there.modules.size() || here.modules[m].code() != there.modules[m].code())
          throw ConfigError(model_.layer(node.layer).who(), "the same module at all its places", here.modules[m].code(),
                            "its inputs differ in shape; use a layer of its own at each place");
    }
  }

  std::string sequential() {
    std::string text = "model = nn.Sequential(\n";
    for (Index l = 0; l < model_.layer_count(); ++l)
      for (const auto& module : layers_[static_cast<std::size_t>(l)].modules) text += "    " + line(l, module, ",");
    if (!model_.outputs().empty() && !orders_.at(model_.outputs()[0]).empty())
      text += "    " + code(channels_last(orders_.at(model_.outputs()[0]))) + ",\n";
    return text + ")\n";
  }

  std::string graph() {
    std::string text = "class Net(nn.Module):\n    def __init__(self):\n        super().__init__()\n";
    for (Index l = 0; l < model_.layer_count(); ++l) {
      const TorchLayer& layer = layers_[static_cast<std::size_t>(l)];
      for (std::size_t m = 0; m < layer.modules.size(); ++m)
        text += "        self." + layer.names[m] + " = " + line(l, layer.modules[m], "");
    }
    text += "\n    def forward(self, " + joined(model_.inputs(), [&](int node) { return value(node); }) + "):\n";
    for (std::size_t n = 0; n < model_.nodes().size(); ++n)
      if (model_.nodes()[n].layer >= 0)
        text += "        " + value(static_cast<int>(n)) + " = " + call(static_cast<int>(n)) + "\n";
    return text + "        return " +
           joined(model_.outputs(), [&](int node) { return orders_.at(node).empty() ? value(node) : undone(node); }) +
           "\n\n\nmodel = Net()\n";
  }

  static std::string value(int node) { return "x" + std::to_string(node); }
  std::string undone(int node) { return code(channels_last(orders_.at(node))) + "(" + value(node) + ")"; }
  template <class F>
  static std::string joined(std::span<const int> nodes, F&& text_of, const char* separator = ", ") {
    std::string all;
    for (const int node : nodes) all += (all.empty() ? "" : separator) + text_of(node);
    return all;
  }

  /// The expression for a node.
  std::string call(int n) {
    const auto& node = model_.nodes()[static_cast<std::size_t>(n)];
    const TorchLayer& layer = layers_[static_cast<std::size_t>(node.layer)];
    const auto input = [&](int from) { return orders_.undone(n, from) ? undone(from) : value(from); };
    const std::string function(layer.row->function);
    if (function.empty()) {
      std::string text = joined(node.inputs, input);
      for (const std::string& name : layer.names) text = "self." + name + "(" + text + ")";
      return text;
    }
    const Index axis = model_.layer(node.layer).config().template get<Index>("axis", -1);
    if (function.size() == 1) return joined(node.inputs, input, (" " + function + " ").c_str());
    return function + "((" + joined(node.inputs, input) + "), " +
           std::to_string(dialects::torch_dim(axis, node.shape.rank())) + ")";
  }

  const Model<T>& model_;
  FeatureOrders<T> orders_;
  std::vector<TorchLayer> layers_;
  std::set<std::string> used_;
};

}  // namespace io

/// The model as PyTorch code that takes the file of `save(model, "x.pt")`: an nn.Sequential called `model`, or for
/// a graph a module `Net`. Its images are (batch, channels, height, width); features come out in keel's order. Where
/// torch.nn has no such module, the code has a class of its own. Throws ConfigError, naming the layer, for what PyTorch
/// cannot express.
template <class T>
std::string torch_code(const Model<T>& model) {
  return io::TorchCode<T>(model).text();
}

KEEL_INSTANCE(std::string torch_code(const Model<float>&))

}  // namespace KEEL_ABI
}  // namespace keel
