#pragma once
/// PyTorch state dicts and keel models: weights both ways.

#include <keel/formats/torch_file.hpp>
#include <keel/formats/torch_write.hpp>
#include <keel/io/reconcile.hpp>
#include <keel/io/torch/checkpoint.hpp>
#include <keel/io/torch/code.hpp>
#include <keel/io/torch/recurrent.hpp>

namespace keel {
inline namespace KEEL_ABI {

namespace io {

using namespace formats;

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
    const Config config = layer.config();
    const Config::Value* const padding = config.find("kernel_size") ? config.find("padding") : nullptr;
    if (padding && *padding == Config::Value(std::string("same")) && torch.asymmetric)
      suspect("padding same pads one side more: PyTorch's padding=1 pads both alike, which is .padding = Padding(1)");
    const bool makes_maps = torch.row && torch.row->features == dialects::FeatureOrder::made && node.shape.rank() > 1;
    if (makes_maps && in.rank() == 1)
      suspect("makes maps of (h, w, c): PyTorch's view makes (c, h, w) of the same values");
  }
}

/// Values that no training leaves behind.
inline void suspect_values(const Archive& archive, std::vector<Suspicion>& suspicions, const std::string& prefix = {}) {
  for (const NamedArray& array : archive.tensors) {
    if (!array.name.starts_with(prefix)) continue;
    if (const Index bad = count_nonfinite(array))
      suspicions.push_back({array.name, std::to_string(bad) + " values are NaN or infinite"});
    if (array.name.find("running_var") == array.name.npos && array.name.find("moving_variance") == array.name.npos)
      continue;
    bool negative = false;
    for_each_value(array, [&](Index, auto value) { negative = negative || static_cast<double>(value) < 0; });
    if (negative) suspicions.push_back({array.name, "a variance below 0"});
  }
}

/// Whether a file's order is that in which PyTorch made the modules: not where it is sorted by name.
inline Matching matching_of(const Archive& archive) {
  const bool sorted = std::is_sorted(archive.tensors.begin(), archive.tensors.end(),
                                     [](const NamedArray& a, const NamedArray& b) { return a.name < b.name; });
  return archive.format == "torch" || (archive.format == "npz" && !sorted) ? Matching::order : Matching::shapes;
}

/// Throws ConfigError for a layer that the model does not have, FormatError for a module that the file does not.
template <class T>
void check_names(const WeightOptions& options, const std::vector<Module<T>>& modules, const TorchPart& part,
                 const std::string& file) {
  for (const auto& [from, to] : options.names.map) {
    if (std::none_of(modules.begin(), modules.end(),
                     [&, &name = to](const Module<T>& m) { return m.layer == name || m.name == name; }))
      throw ConfigError(
          "names",
          "one of the layers with weights " + detail::join(modules, ", ", [](const Module<T>& m) { return m.layer; }),
          shown(to));
    if (std::none_of(part.modules.begin(), part.modules.end(), [&, &name = from](const SourceModule& m) {
          return m.name == name || full_name(part.prefix, m.name) == name;
        }))
      throw FormatError(
          file, "a module " + shown(from) + ", of which names speaks",
          "modules " + detail::join(part.modules, ", ", [](const SourceModule& m) { return shown(m.name); }));
  }
}

/// What was chosen and what was left out, as notes.
inline void note_choice(const Archive& archive, const TorchChoice& choice, std::vector<std::string>& notes) {
  const std::string& prefix = choice.part.prefix;
  const std::size_t outside = archive.tensors.size() - choice.part.tensors;
  if (!prefix.empty() && outside > 0)
    notes.push_back(std::to_string(outside) + " tensors outside " + prefix + "* are left out");
  if (!prefix.empty()) notes.push_back("the prefix " + prefix + " is left out of names");
  for (const std::string& other : choice.others) {
    const std::string name = other.substr(0, other.empty() ? 0 : other.size() - 1);
    notes.push_back("the part " + name + " fits as well: {.part = \"" + name + "\"} takes it");
  }
  if (const std::vector<std::string> out = left_out(archive, choice.part); !out.empty())
    notes.push_back("left out: " + detail::join(out, ", "));
  for (const auto& object : archive.skipped)
    notes.push_back("left out: " + printed(object.path) + ", an object of " + printed(object.type));
}

/// Why tensors may be missing.
inline void note_missing(const Archive& archive, Diagnosis& diagnosis) {
  if (archive.format == "safetensors" && diagnosis.count(Pairing::Outcome::missing) > 0)
    diagnosis.notes.emplace_back(
        "a safetensors file leaves out tensors that share their memory with another (tied weights), and this one's "
        "metadata does not say which: in Python, save with safetensors.torch.save_model, or clone() them first");
}

}  // namespace io

/// How a state dict's tensors would go into a model: by names where all agree (keel's layer names or the indices of the
/// nn.Sequential that `torch_code` prints), else the file's modules in their order, else as kinds and shapes say; see
/// io/matching.hpp, and io/torch/checkpoint.hpp for files of several parts. Throws FormatError for a part or a module
/// that is not there, ConfigError for a name that is no layer's.
template <class T>
WeightPlan<T> plan_torch(Model<T>& model, Archive archive, const WeightOptions& options = {}) {
  WeightPlan<T> plan(archive.where, archive.format == "torch" ? "PyTorch" : archive.format + ", PyTorch's names",
                     model.name());
  plan.diagnosis.partial = options.partial;
  const io::Matching matching = io::matching_of(archive);
  const auto tied = io::fill_tied(archive);
  io::take_recurrent(archive);
  const std::vector<io::Module<T>> modules = io::torch_modules(model);
  const io::TorchChoice choice = io::PartChooser<T>(archive, modules, matching, options).choose();
  io::check_names(options, modules, choice.part, archive.where);
  io::note_choice(archive, choice, plan.diagnosis.notes);
  for (const auto& [alias, name] : tied)
    plan.diagnosis.suspicions.push_back(
        {alias, "tied in PyTorch with " + name + ", whose values it takes: here they train apart"});
  if (choice.open) {
    std::string parts = choice.part.prefix;
    for (const std::string& other : choice.others) parts += " or " + other;
    for (const io::Module<T>& module : modules)
      for (const io::Slot<T>& slot : module.slots) plan.leave_open(slot, "in " + parts + ": say which by .part");
  } else {
    io::reconcile(plan, modules, choice.part.modules, matching);
  }
  io::note_missing(archive, plan.diagnosis);
  io::suspect_torch(model, plan.diagnosis.suspicions);
  io::suspect_values(archive, plan.diagnosis.suspicions, choice.part.prefix);
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
  io::give_recurrent(archive);
  return archive;
}

/// Writes a state dict that torch.load(weights_only=True) and load_state_dict take: weights and counters, no layer's
/// options, which the module has that `torch_code` prints.
template <class T>
void save_torch(const Model<T>& model, const std::string& path) {
  write_torch(path, torch_state_of(model));
}

KEEL_INSTANCE(void save_torch(const Model<float>&, const std::string&))

}  // namespace KEEL_ABI
}  // namespace keel
