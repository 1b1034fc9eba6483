#pragma once
/// PyTorch state dicts and keel models: weights both ways, and a model's architecture as PyTorch code.

#include <keel/io/torch/layout.hpp>
#include <keel/formats/torch_file.hpp>
#include <keel/formats/torch_write.hpp>

namespace keel {
inline namespace KEEL_ABI {

namespace io {

using namespace formats;

/// The state dict inside a checkpoint: its tensors, without what optimizers keep and without prefixes of wrappers.
inline Archive torch_state(Archive archive, std::vector<std::string>& notes) {
  static constexpr const char* states[] = {"state_dict.", "model_state_dict.", "model_state.", "model."};
  static constexpr const char* wrappers[] = {"module.", "model.", "net.", "network.", "_orig_mod.", "state_dict."};
  auto& tensors = archive.tensors;
  const auto count = [&](std::string_view prefix) {
    return static_cast<std::size_t>(
        std::count_if(tensors.begin(), tensors.end(), [&](const NamedArray& a) { return a.name.starts_with(prefix); }));
  };
  const std::size_t optimizer = count("optim");
  if (optimizer)
    for (const char* state : states)
      if (const std::size_t n = count(state); n && n < tensors.size()) {
        notes.push_back(std::to_string(tensors.size() - n) + " tensors outside " + state + "* are left out");
        std::erase_if(tensors, [&](const NamedArray& a) { return !a.name.starts_with(state); });
        break;
      }
  for (bool again = true; again && !tensors.empty();) {
    again = false;
    for (const char* prefix : wrappers)
      if (count(prefix) == tensors.size()) {
        notes.push_back(std::string("the prefix ") + prefix + " is left out of names");
        for (NamedArray& array : tensors) array.name.erase(0, std::string_view(prefix).size());
        again = true;
      }
  }
  return archive;
}

/// Names in the order of people: "2.weight" before "10.weight".
inline bool natural_less(std::string_view a, std::string_view b) {
  const auto digit = [](char c) { return c >= '0' && c <= '9'; };
  std::size_t i = 0, j = 0;
  while (i < a.size() && j < b.size()) {
    if (digit(a[i]) && digit(b[j])) {
      std::size_t x = i, y = j;
      while (x < a.size() && digit(a[x])) ++x;
      while (y < b.size() && digit(b[y])) ++y;
      while (i < x - 1 && a[i] == '0') ++i;
      while (j < y - 1 && b[j] == '0') ++j;
      if (x - i != y - j) return x - i < y - j;
      for (; i < x; ++i, ++j)
        if (a[i] != b[j]) return a[i] < b[j];
    } else {
      if (a[i] != b[j]) return a[i] < b[j];
      ++i, ++j;
    }
  }
  return a.size() - i < b.size() - j;
}

/// What a state dict does not say, or says in another sense than this model.
template <class T>
void suspect_torch(const Model<T>& model, std::vector<Suspicion>& suspicions) {
  const std::vector<int> first = first_nodes(model);
  for (Index l = 0; l < model.layer_count(); ++l) {
    const Layer<T>& layer = model.layer(l);
    const Config config = layer.config();
    const auto& node = model.nodes()[static_cast<std::size_t>(first[static_cast<std::size_t>(l)])];
    const Shape& in = model.nodes()[static_cast<std::size_t>(node.inputs[0])].shape;
    const auto suspect = [&](std::string text) { suspicions.push_back({layer.name(), std::move(text)}); };
    if (layer.type() == "BatchNormalization") {
      const double epsilon = config.get<double>("epsilon", 1e-3), momentum = config.get<double>("momentum", 0.99);
      if (epsilon != 1e-5)
        suspect("epsilon " + python(epsilon) + ": PyTorch's default is 1e-05, and a state dict does not say");
      if (momentum != 0.9)
        suspect("momentum " + python(momentum) + ", in PyTorch's sense " + python(1 - momentum) +
                ": its default is 0.1");
      if (!config.get<bool>("unbiased", false))
        suspect("training keeps the biased variance: PyTorch's keeps the unbiased, BatchNormOptions::torch()");
    }
    Padding padding = Padding::valid;
    if (config.find("kernel_size")) read_option(config, "padding", padding);
    if (padding.mode == Padding::Mode::same && torch_parts(layer, in, node.shape).asymmetric)
      suspect("padding same pads one side more: PyTorch's padding=1 pads both alike, which is .padding = Padding(1)");
    if (layer.type() == "Reshape" && in.rank() == 1 && node.shape.rank() == 3)
      suspect("makes maps of (h, w, c): PyTorch's view makes (c, h, w) of the same values");
  }
}

/// Values that no training leaves behind.
inline void suspect_values(const Archive& archive, std::vector<Suspicion>& suspicions) {
  for (const NamedArray& array : archive.tensors) {
    if (const Index bad = count_nonfinite(array))
      suspicions.push_back({array.name, std::to_string(bad) + " values are NaN or infinite"});
    if (array.name.find("running_var") == array.name.npos && array.name.find("moving_variance") == array.name.npos)
      continue;
    bool negative = false;
    for_each_value(array, [&](Index, auto value) { negative = negative || static_cast<double>(value) < 0; });
    if (negative) suspicions.push_back({array.name, "a variance below 0"});
  }
}

}  // namespace io

/// How a state dict's tensors would go into a model: by names where all agree (keel's layer names or the indices
/// of the nn.Sequential that `torch_code` prints), else the file's modules in their order. `names` gives modules
/// of the file another name first.
template <class T>
WeightPlan<T> plan_torch(Model<T>& model, Archive file, const std::map<std::string, std::string>& names = {}) {
  WeightPlan<T> plan(file.where, file.format == "torch" ? "PyTorch" : file.format + ", PyTorch's names", model.name());
  const Archive archive = io::torch_state(std::move(file), plan.diagnosis.notes);
  std::vector<io::SourceModule> sources = io::source_modules(archive, '.');
  // safetensors are sorted by type and name
  if (archive.format == "safetensors")
    std::stable_sort(sources.begin(), sources.end(), [](const io::SourceModule& a, const io::SourceModule& b) {
      return io::natural_less(a.name, b.name);
    });
  for (io::SourceModule& source : sources)
    if (const auto name = names.find(source.name); name != names.end()) source.name = name->second;
  io::reconcile(plan, io::torch_modules(model), sources);
  io::suspect_torch(model, plan.diagnosis.suspicions);
  io::suspect_values(archive, plan.diagnosis.suspicions);
  return plan;
}

/// A model's weights as PyTorch names and shapes them: what `load_state_dict` of the module that `torch_code`
/// prints takes.
template <class T>
Archive torch_state_of(const Model<T>& model) {
  Archive archive{"", "torch", {}, {}};
  // the modules point into the model, but nothing is written through them here
  for (const io::Module<T>& module : io::torch_modules(const_cast<Model<T>&>(model))) {
    const auto name = [&](const io::Slot<T>& slot) { return module.name + "." + slot.role; };
    const auto constants = [&](const char* role) {
      for (const io::Slot<T>& slot : module.slots)
        if (!slot.parameter && !slot.counter && slot.role == role)
          archive.tensors.push_back(to_array(name(slot), Tensor<T>(slot.layout.file, slot.constant)));
    };
    // BatchNorm with one of scale and center has both in PyTorch; with neither, none
    const bool affine = std::any_of(module.slots.begin(), module.slots.end(), [](const auto& slot) {
      return slot.parameter && (slot.role == "weight" || slot.role == "bias");
    });
    if (affine) constants("weight");
    bool bias_due = affine;
    for (const io::Slot<T>& slot : module.slots) {
      if (bias_due && slot.role != "weight") constants("bias"), bias_due = false;
      if (slot.parameter)
        archive.tensors.push_back(to_array(name(slot), io::to_file(slot.parameter->value(), slot.layout)));
      else if (slot.counter)
        archive.tensors.push_back(to_array(name(slot), Tensor<std::int64_t>(Shape{}, slot.counter->value)));
    }
    if (module.type == "Normalization")
      archive.tensors.push_back(to_array(module.name + ".num_batches_tracked", Tensor<std::int64_t>(Shape{}, 0)));
    if (module.type == "BatchNormalization") archive.metadata["_metadata." + module.name] = "2";
  }
  if (!archive.metadata.empty()) archive.metadata["_metadata."] = "1";
  return archive;
}

/// The model as PyTorch code that takes the file of `save(model, "x.pt")`: an nn.Sequential called `model`, or for
/// a graph a module `Net`. Its images are (batch, channels, height, width).
template <class T>
std::string torch_code(const Model<T>& model) {
  std::string text = "import torch\nfrom torch import nn\n\n";
  const std::vector<int> first = io::first_nodes(model);
  const auto parts_of = [&](Index l) {
    const auto& node = model.nodes()[static_cast<std::size_t>(first[static_cast<std::size_t>(l)])];
    return io::torch_parts(model.layer(l), model.nodes()[static_cast<std::size_t>(node.inputs[0])].shape, node.shape);
  };
  const auto line = [](const std::string& code, const std::string& tail) {
    const std::size_t comment = code.find("  #");
    return code.substr(0, comment) + tail + (comment == code.npos ? "" : code.substr(comment)) + "\n";
  };
  if (model.is_sequential()) {
    text += "model = nn.Sequential(\n";
    for (Index l = 0; l < model.layer_count(); ++l)
      for (const std::string& code : parts_of(l).code) text += "    " + line(code, ",");
    return text + ")\n";
  }
  const auto names = io::torch_names(model);
  const auto merges = [&](Index l) {
    const std::string type = model.layer(l).type();
    return type == "Add" || type == "Multiply" || type == "Concatenate";
  };
  text += "class Net(nn.Module):\n    def __init__(self):\n        super().__init__()\n";
  for (Index l = 0; l < model.layer_count(); ++l) {
    if (merges(l)) continue;
    const std::vector<std::string> code = parts_of(l).code;
    for (std::size_t p = 0; p < code.size(); ++p)
      text += "        self." + names[static_cast<std::size_t>(l)][p] + " = " + line(code[p], "");
  }
  const auto value = [](int node) { return "x" + std::to_string(node); };
  const auto list = [&](std::span<const int> nodes, const char* separator) {
    std::string all;
    for (const int node : nodes) all += (all.empty() ? "" : separator) + value(node);
    return all;
  };
  text += "\n    def forward(self, " + list(model.inputs(), ", ") + "):\n";
  for (std::size_t n = 0; n < model.nodes().size(); ++n) {
    const auto& node = model.nodes()[n];
    if (node.layer < 0) continue;
    std::string call = value(node.inputs[0]);
    const std::string type = model.layer(node.layer).type();
    if (merges(node.layer)) {
      Index axis = model.layer(node.layer).config().template get<Index>("axis", -1);
      const Index rank = node.shape.rank() + 1;
      if (axis < 0) axis += rank;
      if (rank == 4) axis = axis == 3 ? 1 : axis + 1;
      call = type == "Concatenate" ? "torch.cat((" + list(node.inputs, ", ") + "), " + std::to_string(axis) + ")"
                                   : list(node.inputs, type == "Add" ? " + " : " * ");
    } else {
      for (const std::string& name : names[static_cast<std::size_t>(node.layer)])
        call = "self." + name + "(" + call + ")";
    }
    text += "        " + value(static_cast<int>(n)) + " = " + call + "\n";
  }
  return text + "        return " + list(model.outputs(), ", ") + "\n\nmodel = Net()\n";
}

/// Writes a state dict that torch.load(weights_only=True) and load_state_dict take.
template <class T>
void save_torch(const Model<T>& model, const std::string& path) {
  write_torch(path, torch_state_of(model));
}

KEEL_INSTANCE(void save_torch(const Model<float>&, const std::string&))
KEEL_INSTANCE(std::string torch_code(const Model<float>&))

}  // namespace KEEL_ABI
}  // namespace keel
