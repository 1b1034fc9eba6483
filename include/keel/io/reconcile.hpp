#pragma once
/// The reconciliation of a file's tensors with a model's parameters, which is both what loading does and what is
/// printed.

#include <functional>

#include <keel/dialects/option.hpp>
#include <keel/formats/archive.hpp>
#include <keel/model/model.hpp>

namespace keel {
inline namespace KEEL_ABI {

/// A tensor of a file and the parameter that it goes to.
struct Pairing {
  enum class Outcome { matched, missing, unexpected, wrong_shape };
  Outcome status = Outcome::matched;
  std::string tensor;  ///< name in the file; empty if missing
  Shape tensor_shape{};
  std::string parameter;  ///< "conv2d/kernel"; empty if unexpected
  Shape parameter_shape{};
  std::string change;  ///< what loading does to the values, or what is wrong
};

/// What loads but may not mean the same.
struct Suspicion {
  std::string layer, text;
};

/// What a file and a model have in common. Prints as a table.
struct Diagnosis {
  std::string file, format, model;
  std::vector<Pairing> pairings;
  std::vector<Suspicion> suspicions;
  std::vector<std::string> notes;  ///< how names were matched, what was left out

  Index count(Pairing::Outcome status) const {
    return std::count_if(pairings.begin(), pairings.end(), [&](const Pairing& p) { return p.status == status; });
  }
  /// Whether `load_weights` would accept the file.
  bool fits() const { return count(Pairing::Outcome::matched) == static_cast<Index>(pairings.size()); }

  /// With `all` false, tensors that fit are counted only.
  std::string to_string(bool all = true) const {
    static constexpr const char* words[] = {"matched", "missing", "unexpected", "wrong shape"};
    std::vector<std::array<std::string, 6>> rows{{"", "in the file", "shape", "in the model", "shape", ""}};
    const auto plain = [](const std::string& name) {
      return name.empty() ? "-" : formats::shown(name).substr(1, formats::shown(name).size() - 2);
    };
    for (const Pairing& p : pairings)
      if (all || p.status != Pairing::Outcome::matched)
        rows.push_back({words[static_cast<std::size_t>(p.status)], plain(p.tensor),
                        p.tensor.empty() ? "" : p.tensor_shape.to_string(), p.parameter.empty() ? "-" : p.parameter,
                        p.parameter.empty() ? "" : p.parameter_shape.to_string(), p.change});
    std::array<std::size_t, 6> widths{};
    for (const auto& row : rows)
      for (std::size_t c = 0; c < row.size(); ++c) widths[c] = (std::max)(widths[c], row[c].size());
    std::string text = file + " (" + format + ") for " + (model.empty() ? "the model" : model) + "\n";
    if (rows.size() == 1) rows.clear();
    for (const auto& row : rows) {
      std::string line;
      for (std::size_t c = 0; c < row.size(); ++c) line += row[c] + std::string(widths[c] - row[c].size() + 2, ' ');
      text += line.substr(0, line.find_last_not_of(' ') + 1) + "\n";
    }
    for (std::size_t s = 0; s < 4; ++s)
      text += (s ? ", " : "") + std::string(words[s]) + " " + std::to_string(count(static_cast<Pairing::Outcome>(s)));
    text += "\n";
    for (const std::string& line : notes) text += "note: " + line + "\n";
    return text + suspicious();
  }
  /// One line for each kind of doubt, with the layers that it concerns.
  std::string suspicious() const {
    std::string text;
    for (std::size_t i = 0; i < suspicions.size(); ++i) {
      std::string layers;
      bool said = false;
      for (std::size_t j = 0; j < suspicions.size(); ++j)
        if (suspicions[j].text == suspicions[i].text) {
          said = said || j < i;
          layers += (layers.empty() ? "" : ", ") + suspicions[j].layer;
        }
      if (!said) text += "suspicious: " + suspicions[i].text + " (" + layers + ")\n";
    }
    return text;
  }
  template <class Stream>
  friend Stream& operator<<(Stream& stream, const Diagnosis& diagnosis) {
    stream << diagnosis.to_string();
    return stream;
  }
};

namespace io {

using namespace formats;

/// How values lie in a file: its shape split into `split`, whose axis axes[i] is the parameter's axis i; along the
/// parameter's first axis, or `axis`, position k holds what the file has at features[k]. Empty: as in the
/// parameter.
struct ArrayLayout {
  Shape file{};
  std::vector<Index> split = {};
  std::vector<std::size_t> axes = {};
  std::vector<Index> features = {};
  std::string change = {};
};

/// From letters, "HWIO" and "OIHW": the same letter is the same axis, (CM) are axes in one, 1 is an extent of 1.
inline ArrayLayout layout_of(const dialects::Weight& weight, const Shape& shape) {
  ArrayLayout layout{.file = shape};
  if (static_cast<Index>(weight.keel_axes.size()) != shape.rank()) return layout;
  const auto extent = [&](char letter) {
    const std::size_t at = letter == '1' ? weight.keel_axes.npos : weight.keel_axes.find(letter);
    return at == weight.keel_axes.npos ? Index{1} : shape[static_cast<Index>(at)];
  };
  std::vector<Index> file;
  std::string letters;
  bool inside = false, first = true;
  for (const char c : weight.axes) {
    if (c == '(' || c == ')') {
      inside = first = c == '(';
      continue;
    }
    if (inside && !first)
      file.back() *= extent(c);
    else
      file.push_back(extent(c));
    first = false;
    if (c == '1') continue;
    letters += c;
    layout.split.push_back(extent(c));
  }
  layout.file = Shape(std::span<const Index>(file));
  for (const char c : weight.keel_axes)
    if (c != '1') layout.axes.push_back(letters.find(c));
  if (std::is_sorted(layout.axes.begin(), layout.axes.end())) {  // the same order: the shape alone differs
    layout.axes.clear();
    layout.split.clear();
  }
  if (weight.axes != weight.keel_axes)
    layout.change = std::string(weight.axes) + " to " + std::string(weight.keel_axes);
  return layout;
}

/// Axis i of the result is axis axes[i] of `from`.
template <class T>
Tensor<T> permuted(const Tensor<T>& from, const std::vector<std::size_t>& axes) {
  const std::size_t rank = axes.size();
  std::vector<Index> dims(rank), strides(rank), at(rank, 0);
  for (std::size_t i = 0; i < rank; ++i) {
    dims[i] = from.shape()[static_cast<Index>(axes[i])];
    strides[i] = 1;
    for (std::size_t after = axes[i] + 1; after < rank; ++after) strides[i] *= from.shape()[static_cast<Index>(after)];
  }
  Tensor<T> to = Tensor<T>::uninitialized(Shape(std::span<const Index>(dims)));
  Index source = 0;
  for (Index i = 0; i < to.size(); ++i) {
    to[i] = from[source];
    for (std::size_t axis = rank; axis-- > 0;) {
      source += strides[axis];
      if (++at[axis] < dims[axis]) break;
      source -= strides[axis] * dims[axis];
      at[axis] = 0;
    }
  }
  return to;
}

/// Row k of the result is row order[k] of `from`; with `back`, the other way round.
template <class T>
Tensor<T> reordered(const Tensor<T>& from, const std::vector<Index>& order, bool back = false) {
  Tensor<T> to = Tensor<T>::uninitialized(from.shape());
  const Index width = from.size() / static_cast<Index>(order.size());
  for (Index k = 0; k < static_cast<Index>(order.size()); ++k) {
    const Index source = order[static_cast<std::size_t>(k)];
    std::copy_n(from.data() + (back ? k : source) * width, width, to.data() + (back ? source : k) * width);
  }
  return to;
}

template <class T>
Tensor<T> from_file(Tensor<T> value, const ArrayLayout& layout, const Shape& shape) {
  if (!layout.axes.empty()) {
    if (!layout.split.empty()) value = std::move(value).reshaped(Shape(std::span<const Index>(layout.split)));
    value = permuted(value, layout.axes);
  }
  value = std::move(value).reshaped(shape);
  return layout.features.empty() ? std::move(value) : reordered(value, layout.features);
}

template <class T>
Tensor<T> to_file(Tensor<T> value, const ArrayLayout& layout) {
  if (!layout.features.empty()) value = reordered(value, layout.features, true);
  if (!layout.axes.empty()) {
    std::vector<std::size_t> back(layout.axes.size());
    for (std::size_t i = 0; i < back.size(); ++i) back[layout.axes[i]] = i;
    if (value.rank() != static_cast<Index>(back.size())) {
      std::vector<Index> dims;
      for (const std::size_t axis : layout.axes) dims.push_back(layout.split[axis]);
      value = std::move(value).reshaped(Shape(std::span<const Index>(dims)));
    }
    value = permuted(value, back);
  }
  return std::move(value).reshaped(layout.file);
}

/// Where one tensor of a file belongs.
template <class T>
struct Slot {
  std::string role;  ///< name inside its module in the file's world: "weight"
  std::string name;  ///< keel's: "conv2d/kernel"
  Parameter<T>* parameter = nullptr;
  Counter* counter = nullptr;
  /// With neither: the only value that the layer stands for, such as BatchNorm's gamma of 1 when it has no scale.
  T constant = 0;
  ArrayLayout layout{};
  bool optional = false;
  bool ignored = false;  ///< the file may have it, keel has no use for it
};

/// The tensors of one layer, or of a part of it that is a module of its own in the file's world.
template <class T>
struct Module {
  std::string name;   ///< in the file's world
  std::string layer;  ///< in keel
  std::string type;
  std::vector<Slot<T>> slots = {};
};

/// A module as a file has it.
struct SourceModule {
  std::string name;
  std::vector<std::pair<std::string, const NamedArray*>> tensors;  ///< role and values
  bool ordered = false;                                            ///< roles mean nothing, the order does
};

inline std::string shown_shape(const NamedArray& array) { return array.shape.to_string(); }

}  // namespace io

/// A file's values on their way into a model. Nothing is changed before `commit`.
template <class T>
class WeightPlan {
 public:
  Diagnosis diagnosis;

  WeightPlan(std::string file, std::string format, const std::string& model) {
    diagnosis.file = std::move(file);
    diagnosis.format = std::move(format);
    diagnosis.model = model;
  }

  /// Pairs one tensor with one slot; null for either: unexpected or missing.
  void pair(const io::Slot<T>* slot, const NamedArray* array) {
    Pairing p;
    if (array) p.tensor = array->name, p.tensor_shape = array->shape;
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
    if (slot && array) take(*slot, *array, p);
    diagnosis.pairings.push_back(std::move(p));
  }

  /// Sets all values. Throws FormatError, with the table, unless every tensor found its place; the model is as
  /// before.
  void commit() {
    if (!diagnosis.fits()) {
      const auto some = [&](Pairing::Outcome status, const char* word) {
        const Index n = diagnosis.count(status);
        return n ? std::to_string(n) + " " + word + ", " : std::string();
      };
      std::string got = some(Pairing::Outcome::missing, "missing") + some(Pairing::Outcome::unexpected, "unexpected") +
                        some(Pairing::Outcome::wrong_shape, "of another shape");
      got.resize(got.size() - 2);
      throw FormatError(diagnosis.file, "every parameter of the model, in its shape, and nothing else", got,
                        "the file belongs to another network:\n" + diagnosis.to_string(false));
    }
    for (auto& [parameter, value] : values_) parameter->set(std::move(value));
    for (auto& [counter, value] : counts_) counter->value = value;
  }

 private:
  void take(const io::Slot<T>& slot, const NamedArray& array, Pairing& p) {
    if (slot.counter) {
      if (array.shape.size() != 1) return refuse(p, "one integer is wanted");
      counts_.emplace_back(slot.counter, to_tensor<std::int64_t>(array, diagnosis.file)[0]);
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
    values_.emplace_back(slot.parameter, io::from_file(to_tensor<T>(array, diagnosis.file).reshaped(wanted),
                                                       slot.layout, slot.parameter->shape()));
    p.change = slot.layout.change;
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

  std::vector<std::pair<Parameter<T>*, Tensor<T>>> values_;
  std::vector<std::pair<Counter*, std::int64_t>> counts_;
};

namespace io {

/// Two modules may be the same: every tensor of the file has a slot. 2: all shapes fit too.
template <class T>
int likeness(const Module<T>& module, const SourceModule& source) {
  int score = 2;
  for (std::size_t i = 0; i < source.tensors.size(); ++i) {
    const Slot<T>* slot = nullptr;
    if (source.ordered) {
      if (i < module.slots.size()) slot = &module.slots[i];
    } else {
      for (const Slot<T>& each : module.slots)
        if (each.role == source.tensors[i].first) slot = &each;
    }
    if (!slot) return 0;
    if (slot->parameter) {
      const Shape &got = source.tensors[i].second->shape, &wanted = slot->layout.file;
      if (got.rank() != wanted.rank()) return 0;
      if (!(got == wanted)) score = 1;
    }
  }
  for (const Slot<T>& slot : module.slots)
    if (!slot.optional && slot.parameter && !source.ordered &&
        std::none_of(source.tensors.begin(), source.tensors.end(), [&](const auto& t) { return t.first == slot.role; }))
      score = (std::min)(score, 1);
  return score;
}

/// Pairs of indices (-1: none) in order, the most alike: the longest common subsequence weighted by `likeness`.
template <class T>
std::vector<std::pair<int, int>> align(const std::vector<Module<T>>& modules,
                                       const std::vector<SourceModule>& sources) {
  const std::size_t n = modules.size(), m = sources.size();
  if (n * m > std::size_t{1} << 22) {  // no file may ask for a large table: one by one
    std::vector<std::pair<int, int>> pairs;
    for (std::size_t i = 0; i < (std::max)(n, m); ++i) {
      const int a = i < n ? static_cast<int>(i) : -1, b = i < m ? static_cast<int>(i) : -1;
      if (a >= 0 && b >= 0 && likeness(modules[i], sources[i]))
        pairs.emplace_back(a, b);
      else
        for (const auto& [x, y] : {std::pair(a, -1), std::pair(-1, b)})
          if (x >= 0 || y >= 0) pairs.emplace_back(x, y);
    }
    return pairs;
  }
  std::vector<std::vector<int>> best(n + 1, std::vector<int>(m + 1, 0)), alike(n, std::vector<int>(m, 0));
  for (std::size_t i = n; i-- > 0;)
    for (std::size_t j = m; j-- > 0;) {
      alike[i][j] = likeness(modules[i], sources[j]);
      best[i][j] =
          (std::max)((std::max)(best[i + 1][j], best[i][j + 1]), alike[i][j] ? best[i + 1][j + 1] + alike[i][j] : 0);
    }
  std::vector<std::pair<int, int>> pairs;
  std::size_t i = 0, j = 0;
  while (i < n || j < m) {
    const int a = static_cast<int>(i), b = static_cast<int>(j);
    if (i < n && j < m && alike[i][j] && best[i][j] == best[i + 1][j + 1] + alike[i][j])
      pairs.emplace_back(a, b), ++i, ++j;
    else if (i < n && (j == m || best[i][j] == best[i + 1][j]))
      pairs.emplace_back(a, -1), ++i;
    else
      pairs.emplace_back(-1, b), ++j;
  }
  return pairs;
}

/// Finds each module of the file its place: by name where every name of the file is one of the model's (keel's
/// names or those of the file's world), else in order, the kinds and shapes deciding. `keyed`: by the names of the
/// file's world only.
template <class T>
void reconcile(WeightPlan<T>& plan, const std::vector<Module<T>>& modules, const std::vector<SourceModule>& sources,
               bool keyed = false) {
  const auto by_name = [&](std::string Module<T>::*key) {
    std::vector<std::pair<int, int>> pairs;
    std::vector<bool> used(modules.size(), false);
    for (std::size_t j = 0; j < sources.size(); ++j) {
      std::size_t i = 0;
      while (i < modules.size() && (used[i] || modules[i].*key != sources[j].name)) ++i;
      if (i == modules.size() && !keyed) return std::vector<std::pair<int, int>>{};
      if (i == modules.size()) {
        pairs.emplace_back(-1, static_cast<int>(j));
        continue;
      }
      used[i] = true;
      pairs.emplace_back(static_cast<int>(i), static_cast<int>(j));
    }
    for (std::size_t i = 0; i < modules.size(); ++i)
      if (!used[i]) pairs.emplace_back(static_cast<int>(i), -1);
    std::sort(pairs.begin(), pairs.end());
    return pairs;
  };
  const auto whole = [&](const std::vector<std::pair<int, int>>& pairs) {
    return !pairs.empty() && std::all_of(pairs.begin(), pairs.end(), [&](const auto& p) {
      return p.first >= 0 && p.second >= 0 &&
             likeness(modules[static_cast<std::size_t>(p.first)], sources[static_cast<std::size_t>(p.second)]) == 2;
    });
  };
  std::vector<std::pair<int, int>> pairs;
  for (const auto key : {&Module<T>::name, &Module<T>::layer})
    if (pairs.empty() || (!keyed && !whole(pairs))) {
      std::vector<std::pair<int, int>> candidate = by_name(key);
      if (!candidate.empty()) pairs = std::move(candidate);
    }
  const bool named = keyed || (!pairs.empty() && whole(pairs));
  if (!named) {
    std::vector<std::pair<int, int>> candidate = align(modules, sources);
    if (pairs.empty() || whole(candidate)) pairs = std::move(candidate);
  }
  plan.diagnosis.notes.push_back(named ? "layers are matched by name" : "layers are matched in order");

  for (const auto& [i, j] : pairs) {
    const Module<T>* module = i < 0 ? nullptr : &modules[static_cast<std::size_t>(i)];
    const SourceModule* source = j < 0 ? nullptr : &sources[static_cast<std::size_t>(j)];
    std::vector<bool> used(source ? source->tensors.size() : 0, false);
    if (module)
      for (std::size_t s = 0; s < module->slots.size(); ++s) {
        const NamedArray* array = nullptr;
        for (std::size_t t = 0; source && t < source->tensors.size(); ++t)
          if (source->ordered ? t == s : source->tensors[t].first == module->slots[s].role) {
            array = source->tensors[t].second;
            used[t] = true;
          }
        plan.pair(&module->slots[s], array);
      }
    for (std::size_t t = 0; t < used.size(); ++t)
      if (!used[t]) plan.pair(nullptr, source->tensors[t].second);
  }
}

/// A model's parameters under keel's own names and shapes.
template <class T>
std::vector<Module<T>> own_modules(Model<T>& model) {
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
inline std::vector<SourceModule> source_modules(const Archive& archive, char separator) {
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
