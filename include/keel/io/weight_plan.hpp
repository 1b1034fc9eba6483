#pragma once
/// A file's values on their way into a model, and the modules of a file that name keel's own layers: what keel's own
/// files need. Where names do not decide, reconcile.hpp does.

#include <functional>

#include <keel/io/modules.hpp>

namespace keel {
inline namespace KEEL_ABI {

/// A file's values on their way into a model. Nothing is changed before `commit`.
template <class T>
class WeightPlan {
 public:
  Diagnosis diagnosis;

  /// With `values` false names and shapes are compared, and no value of a parameter is read.
  WeightPlan(std::string file, std::string format, const std::string& model, bool values = true) : reads_(values) {
    diagnosis.file = std::move(file);
    diagnosis.format = std::move(format);
    diagnosis.model = model;
  }

  /// Pairs one tensor with one slot; null for either: unexpected or missing. Only to be shown if not `certain`.
  [[gnu::cold]] void pair(const io::Slot<T>* slot, const NamedArray* array, bool certain = true) {
    Pairing p;
    if (array) {
      p.tensor = array->name;
      p.tensor_shape = array->shape;
    }
    if (!array) {
      if (slot->optional) return;
      p.status = Pairing::Outcome::missing;
    } else if (!slot) {
      p.status = Pairing::Outcome::unexpected;
    }
    if (slot) {
      p.parameter = slot->name;
      if (slot->parameter) p.parameter_shape = slot->parameter->shape();
    }
    if (slot && array) take(*slot, *array, p, certain);
    if (diagnosis.partial && slot && slot->parameter && p.status != Pairing::Outcome::matched)
      diagnosis.stays.push_back(slot->name);
    diagnosis.pairings.push_back(std::move(p));
  }
  /// A slot that several tensors of the file may be meant for.
  void leave_open(const io::Slot<T>& slot, const std::string& choices) {
    if (slot.optional || !slot.parameter) return;
    diagnosis.pairings.push_back({.status = Pairing::Outcome::ambiguous,
                                  .parameter = slot.name,
                                  .parameter_shape = slot.parameter->shape(),
                                  .change = choices});
    if (diagnosis.partial) diagnosis.stays.push_back(slot.name);
  }

  /// Sets all values, or, with `partial`, those that have their place. Throws FormatError, with the table, unless every
  /// tensor found its place (with `partial`: one did); the model is as before.
  void commit() {
    if (!diagnosis.fits()) refuse();
    for (auto& [parameter, value] : values_) parameter->set(std::move(value));
    for (auto& [counter, value] : counts_) counter->value = value;
  }

 private:
  [[noreturn, gnu::cold]] void refuse() const {
    std::string got;
    for (const auto& [status, word] :
         {std::pair(Pairing::Outcome::missing, "missing"), std::pair(Pairing::Outcome::unexpected, "unexpected"),
          std::pair(Pairing::Outcome::wrong_shape, "of another shape"),
          std::pair(Pairing::Outcome::ambiguous, "ambiguous")})
      if (const Index n = diagnosis.count(status)) got += (got.empty() ? "" : ", ") + std::to_string(n) + " " + word;
    const Index open = diagnosis.count(Pairing::Outcome::ambiguous);
    const bool only_open =
        open > 0 && open + diagnosis.count(Pairing::Outcome::matched) == count_of(diagnosis.pairings);
    throw FormatError(diagnosis.file,
                      diagnosis.partial ? "a parameter of the model in its shape, at least one"
                                        : "every parameter of the model, in its shape, and nothing else",
                      got,
                      (only_open ? "say which module of the file is which layer, load_weights(model, path, {.names = "
                                   "{{\"MODULE\", \"LAYER\"}}}):\n"
                                 : "the file belongs to another network:\n") +
                          diagnosis.to_string(false));
  }
  [[gnu::cold]] void take(const io::Slot<T>& slot, const NamedArray& array, Pairing& p, bool certain) {
    if (slot.counter) {
      if (array.shape.size() != 1) return refuse(p, "one integer is wanted");
      if (reads_) counts_.emplace_back(slot.counter, to_tensor<std::int64_t>(array, diagnosis.file)[0]);
      return;
    }
    if (slot.ignored) {
      p.change = "left out";
      return;
    }
    if (!slot.parameter) {
      const Tensor<T> value = to_tensor<T>(array, diagnosis.file);
      for (const T v : value)
        if (v != slot.constant)
          return refuse(
              p, "the layer has none, so all would have to be " + std::to_string(static_cast<int>(slot.constant)));
      p.change = "all " + std::to_string(static_cast<int>(slot.constant)) + ", left out";
      return;
    }
    const Shape& wanted = slot.layout.file;
    const bool ones = array.shape.size() == wanted.size() && without_ones(array.shape) == without_ones(wanted);
    if (!(array.shape == wanted) && !ones) return refuse(p, advice(array.shape, wanted, slot));
    if (!certain && diagnosis.partial) return refuse(p, "of a layer that does not fit");
    p.change = slot.layout.change;
    if (!reads_) return;
    values_.emplace_back(slot.parameter,
                         io::parameter_values<T>(array, slot.layout, slot.parameter->shape(), diagnosis.file));
  }
  static void refuse(Pairing& p, std::string why) {
    p.status = Pairing::Outcome::wrong_shape;
    p.change = std::move(why);
  }
  static std::vector<Index> without_ones(const Shape& shape) {
    std::vector<Index> dims;
    for (const Index dim : shape)
      if (dim != 1) dims.push_back(dim);
    return dims;
  }
  /// What would make the file's array fit.
  static std::string advice(const Shape& got, const Shape& wanted, const io::Slot<T>& slot) {
    const std::string want = wanted.to_string() + " is wanted";
    if (got == slot.parameter->shape()) return want + "; the file's is keel's and Keras's own order of axes";
    if (got.rank() == wanted.rank() && got.rank() > 1) {
      std::vector<std::size_t> axes(static_cast<std::size_t>(got.rank()));
      for (std::size_t i = 0; i < axes.size(); ++i) axes[i] = i;
      while (std::next_permutation(axes.begin(), axes.end())) {
        bool fits = true;
        for (std::size_t i = 0; i < axes.size(); ++i)
          fits = fits && got[static_cast<Index>(axes[i])] == wanted[static_cast<Index>(i)];
        if (!fits) continue;
        std::string order;
        for (const std::size_t axis : axes) order += (order.empty() ? "" : ", ") + std::to_string(axis);
        return want + "; transposed by (" + order + ") it would fit";
      }
    }
    return want + (got.size() == wanted.size() ? "; as many values in another shape" : "");
  }

  bool reads_;
  std::vector<std::pair<Parameter<T>*, Tensor<T>>> values_;
  std::vector<std::pair<Counter*, std::int64_t>> counts_;
};

namespace io {

/// Pairs the tensors of one module with the slots of another; null for either.
template <class T>
void pair_modules(WeightPlan<T>& plan, const Module<T>* module, const SourceModule* source, bool certain) {
  std::vector<bool> used(source ? source->tensors.size() : 0, false);
  for (std::size_t s = 0; module && s < module->slots.size(); ++s) {
    const NamedArray* array = nullptr;
    for (std::size_t t = 0; t < used.size(); ++t)
      if (source->ordered ? t == s : source->tensors[t].first == module->slots[s].role) {
        array = source->tensors[t].second;
        used[t] = true;
      }
    plan.pair(&module->slots[s], array, certain);
  }
  for (std::size_t t = 0; t < used.size(); ++t)
    if (!used[t]) plan.pair(nullptr, source->tensors[t].second);
}

/// Finds each tensor of the file its place by the names of the file's world, and puts it all into the plan.
template <class T>
[[gnu::cold]] void place_by_name(WeightPlan<T>& plan, const std::vector<Module<T>>& modules,
                                 const std::vector<SourceModule>& sources) {
  plan.diagnosis.notes.emplace_back(matched_by_name);
  for (const Match& match : match_names(modules, sources, &Module<T>::name))
    pair_modules(plan, match.module < 0 ? nullptr : &nth(modules, match.module),
                 match.source < 0 ? nullptr : &nth(sources, match.source), true);
}

/// A model's parameters under keel's own names and shapes.
template <class T>
[[gnu::cold]] std::vector<Module<T>> own_modules(Model<T>& model) {
  std::vector<Module<T>> modules;
  for (Index l = 0; l < model.layer_count(); ++l) {
    Layer<T>& layer = model.layer(l);
    Module<T> module{layer.name(), layer.name(), layer.type(), {}};
    for (Parameter<T>* parameter : layer.parameters())
      module.slots.push_back({parameter->name(),
                              layer.name() + "/" + parameter->name(),
                              parameter,
                              nullptr,
                              0,
                              {parameter->shape(), {}, {}, {}, ""},
                              false});
    for (Counter* counter : layer.counters())
      module.slots.push_back({counter->name, layer.name() + "/" + counter->name, nullptr, counter, 0, {}, true});
    if (!module.slots.empty()) modules.push_back(std::move(module));
  }
  return modules;
}

/// Tensors grouped by what stands before the last `separator` of their names.
[[gnu::cold]] inline std::vector<SourceModule> source_modules(const Archive& archive, char separator) {
  std::vector<SourceModule> modules;
  for (const NamedArray& array : archive.tensors) {
    const std::size_t at = array.name.rfind(separator);
    const std::string name = at == array.name.npos ? "" : array.name.substr(0, at);
    auto found = std::find_if(modules.begin(), modules.end(), [&](const SourceModule& m) { return m.name == name; });
    if (found == modules.end()) found = modules.insert(modules.end(), {name, {}, false});
    found->tensors.emplace_back(at == array.name.npos ? array.name : array.name.substr(at + 1), &array);
  }
  return modules;
}

}  // namespace io

}  // namespace KEEL_ABI
}  // namespace keel
