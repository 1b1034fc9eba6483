#pragma once
/// PyTorch state dicts and keel models: weights both ways.

#include <keel/formats/torch_file.hpp>
#include <keel/io/torch/code.hpp>

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

/// What a state dict does not say of a BatchNorm.
template <class F>
void suspect_batch_norm(const Config& config, F&& suspect) {
  const double epsilon = config.get<double>("epsilon", 1e-3), momentum = config.get<double>("momentum", 0.99);
  if (epsilon != 1e-5)
    suspect("epsilon " + dialects::python(epsilon) + ": PyTorch's default is 1e-05, and a state dict does not say");
  if (momentum != 0.9)
    suspect("momentum " + dialects::python(momentum) + ", in PyTorch's sense " + dialects::python(1 - momentum, 15) +
            ": its default is 0.1");
  if (!config.get<bool>("unbiased", false))
    suspect("training keeps the biased variance: PyTorch's keeps the unbiased, BatchNormOptions::torch()");
}

/// What a state dict does not say, or says in another sense than this model.
template <class T>
void suspect_torch(const Model<T>& model, std::vector<Suspicion>& suspicions) {
  const std::vector<int> first = first_nodes(model);
  for (Index l = 0; l < model.layer_count(); ++l) {
    const Layer<T>& layer = model.layer(l);
    const int n = first[static_cast<std::size_t>(l)];
    const auto& node = model.nodes()[static_cast<std::size_t>(n)];
    const Shape& in = model.nodes()[static_cast<std::size_t>(node.inputs[0])].shape;
    const TorchLayer torch = torch_layer(model, n);
    const auto suspect = [&](std::string text) { suspicions.push_back({layer.name(), std::move(text)}); };
    if (torch.row && !torch.row->constants.empty()) suspect_batch_norm(layer.config(), suspect);
    Padding padding = Padding::valid;
    if (layer.config().find("kernel_size")) read_option(layer.config(), "padding", padding);
    if (padding.mode == Padding::Mode::same && torch.asymmetric)
      suspect("padding same pads one side more: PyTorch's padding=1 pads both alike, which is .padding = Padding(1)");
    const bool makes_maps = torch.row && torch.row->features == dialects::FeatureOrder::made && node.shape.rank() > 1;
    if (makes_maps && in.rank() == 1)
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
    // BatchNorm with one of scale and center has both in PyTorch; with neither, none
    const auto trainable = [](const io::Slot<T>& slot) {
      return slot.parameter && slot.parameter->kind() == ParameterKind::trainable;
    };
    const bool affine = std::any_of(module.slots.begin(), module.slots.end(), trainable);
    for (const io::Slot<T>& slot : module.slots) {
      const std::string name = module.name + "." + slot.role;
      if (slot.parameter)
        archive.tensors.push_back(to_array(name, io::to_file(slot.parameter->value(), slot.layout)));
      else if (slot.counter)
        archive.tensors.push_back(to_array(name, Tensor<std::int64_t>(Shape{}, slot.counter->value)));
      else if (affine && !slot.ignored)
        archive.tensors.push_back(to_array(name, Tensor<T>(slot.layout.file, slot.constant)));
      if (slot.counter) archive.metadata["_metadata." + module.name] = "2";
    }
  }
  if (!archive.metadata.empty()) archive.metadata["_metadata."] = "1";
  return archive;
}

/// Writes a state dict that torch.load(weights_only=True) and load_state_dict take.
template <class T>
void save_torch(const Model<T>& model, const std::string& path) {
  write_torch(path, torch_state_of(model));
}

KEEL_INSTANCE(void save_torch(const Model<float>&, const std::string&))

}  // namespace KEEL_ABI
}  // namespace keel
