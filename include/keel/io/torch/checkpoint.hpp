#pragma once
/// PyTorch's checkpoints are dicts of parts: the state of a model, of an optimizer, an average of the weights, numbers.
/// Every part is tried, the one that fits is taken, and what was left out is said.

#include <set>

#include <keel/io/matching.hpp>

namespace keel {
inline namespace KEEL_ABI {

/// How `load_weights` and `diagnose` read a file.
struct WeightOptions {
  /// Names of the file's modules and, for each, what it is in the model.
  class Names {
   public:
    using Map = std::map<std::string, std::string>;  ///< a module of the file, and what it is in the model
    Names() = default;
    Names(std::initializer_list<Map::value_type> names) : map(names) {}  ///< `{{"backbone.0", "conv2d"}}`
    Names(Map names) : map(std::move(names)) {}                          ///< The same from a map.
    Map map;                                                             ///< empty: names are matched
  };

  /// What modules of the file are in the model, its layers or its modules in PyTorch: {{"backbone.0", "conv2d"}}.
  /// Default: none, they are found.
  Names names = {};
  /// Load what fits and leave the rest of the model as it was: a network with a new head. Default: all has to fit.
  bool partial = false;
  /// Which part of a checkpoint to take, "ema" or "nets.student". Default: the one that fits, plain weights before
  /// averages of them.
  std::string part = {};
};

namespace io {

/// A dict inside a file: the tensors whose names begin so.
struct TorchPart {
  std::string prefix;  ///< "model.module.", or nothing for all
  std::vector<SourceModule> modules = {};
  std::vector<std::string> dropped = {};  ///< numbers beside the modules, "n_averaged"
  std::size_t tensors = 0;                ///< in the modules
};

/// The part of that prefix. A single number beside the modules is no weight unless one of the model's is called so.
inline TorchPart torch_part(const Archive& archive, std::string prefix, const std::set<std::string>& roles) {
  TorchPart part{.prefix = std::move(prefix)};
  std::map<std::string, std::size_t> places;
  for (const NamedArray& array : archive.tensors) {
    if (!array.name.starts_with(part.prefix)) continue;
    const std::string name = array.name.substr(part.prefix.size());
    const std::size_t dot = name.rfind('.');
    const std::string module = dot == name.npos ? "" : name.substr(0, dot);
    const std::string role = dot == name.npos ? name : name.substr(dot + 1);
    if (dot == name.npos && array.shape.rank() == 0 && roles.count(role) == 0) {
      part.dropped.push_back(array.name);
      continue;
    }
    const auto [place, fresh] = places.try_emplace(module, part.modules.size());
    if (fresh) part.modules.push_back({module, {}});
    part.modules[place->second].tensors.emplace_back(role, &array);
    ++part.tensors;
  }
  return part;
}

/// The prefixes of all dicts in a file with at least so many tensors, in the file's order. Of dicts with the same
/// tensors, the innermost.
inline std::vector<std::string> torch_prefixes(const Archive& archive, std::size_t least) {
  struct Dict {
    std::size_t tensors = 0;
    bool deep = false;                  ///< has dicts inside
    std::set<std::string_view> inside;  ///< what the dict's own names begin with; two are as good as many
  };
  std::map<std::string, Dict, std::less<>> dicts;
  std::vector<std::string_view> order;
  for (const NamedArray& array : archive.tensors) {
    const std::string_view name = array.name;
    for (std::size_t at = 0; at != name.npos;) {
      const auto [dict, fresh] = dicts.try_emplace(std::string(name.substr(0, at)));
      if (fresh) order.push_back(name.substr(0, at));
      ++dict->second.tensors;
      const std::size_t dot = name.find('.', at);
      if (dict->second.inside.size() < 2)
        dict->second.inside.insert(name.substr(at, dot == name.npos ? dot : dot - at));
      dict->second.deep = dict->second.deep || dot != name.npos;
      at = dot == name.npos ? dot : dot + 1;
    }
  }
  std::vector<std::string> prefixes;
  for (const std::string_view prefix : order) {
    const Dict& dict = dicts.find(prefix)->second;
    // a dict of one dict of modules is a wrapper; a dict of one module is not
    const auto inner = dict.inside.size() == 1
                           ? dicts.find(std::string(prefix) + std::string(*dict.inside.begin()) + ".")
                           : dicts.end();
    const bool wraps = inner != dicts.end() && inner->second.deep;
    if (!wraps && dict.tensors >= least) prefixes.emplace_back(prefix);
  }
  return prefixes;
}

/// How plain a part is by the words of its name: 0 the weights themselves, 1 something else, 2 an average or a copy.
inline int plainness(std::string_view prefix) {
  static constexpr std::string_view copies =
      " ema swa avg average averaged shadow teacher target momentum best old prev previous slow ";
  static constexpr std::string_view plain =
      " model state_dict model_state_dict model_state net network module weights params parameters state student ";
  int result = prefix.empty() ? 0 : 1;
  for (std::size_t at = 0; at < prefix.size();) {
    const std::size_t dot = (std::min)(prefix.find('.', at), prefix.size());
    std::string part(prefix.substr(at, dot - at));
    for (char& c : part)
      if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    if (at == 0 && plain.find(" " + part + " ") != plain.npos) result = 0;
    for (std::size_t word = 0; word < part.size();) {
      const std::size_t end = (std::min)(part.find('_', word), part.size());
      if (copies.find(" " + part.substr(word, end - word) + " ") != copies.npos) return 2;
      word = end + 1;
    }
    at = dot + 1;
  }
  return result;
}

/// The part of a checkpoint that a model takes.
struct TorchChoice {
  TorchPart part;
  std::vector<std::string> others;  ///< prefixes of parts that fit as well
  bool open = false;                ///< none of them is plainer than the rest
};

/// A module's name in the whole file.
inline std::string full_name(const std::string& prefix, const std::string& module) {
  if (!module.empty() || prefix.empty()) return prefix + module;
  return prefix.substr(0, prefix.size() - 1);
}

/// Tries the parts of a file on a model's modules.
template <class T>
class PartChooser {
 public:
  PartChooser(const Archive& archive, const std::vector<Module<T>>& modules, Matching matching,
              const WeightOptions& options)
      : archive_(archive), modules_(modules), matching_(matching), options_(options) {
    for (const Module<T>& module : modules)
      for (const Slot<T>& slot : module.slots) {
        roles_.insert(slot.role);
        needed_ += slot.parameter && !slot.optional;
      }
  }

  /// Throws FormatError if the file has no part of the name asked for.
  TorchChoice choose() const {
    std::vector<std::string> prefixes = torch_prefixes(archive_, options_.partial ? 1 : needed_);
    if (!options_.part.empty()) prefixes = asked_for();
    std::vector<TorchPart> fitting;
    for (const std::string& prefix : prefixes) {
      TorchPart part = made(prefix);
      if (fits(part)) fitting.push_back(std::move(part));
    }
    // what differs by a number beside the modules only is the same
    std::erase_if(fitting, [&](const TorchPart& outer) {
      return std::any_of(fitting.begin(), fitting.end(), [&](const TorchPart& inner) {
        return inner.prefix.size() > outer.prefix.size() && inner.prefix.starts_with(outer.prefix) &&
               inner.tensors == outer.tensors;
      });
    });
    return fitting.empty() ? nearest(prefixes) : plainest(std::move(fitting));
  }

 private:
  static constexpr std::size_t most_tried = 64;

  TorchPart made(const std::string& prefix) const {
    TorchPart part = torch_part(archive_, prefix, roles_);
    for (SourceModule& module : part.modules) {
      auto name = options_.names.map.find(module.name);
      if (name == options_.names.map.end()) name = options_.names.map.find(full_name(prefix, module.name));
      if (name != options_.names.map.end()) module.given = name->second;
    }
    return part;
  }
  bool fits(const TorchPart& part) const {
    if (part.tensors < needed_ || part.modules.size() > 2 * modules_.size() + 8) return false;
    Matcher<T> matcher(modules_, part.modules, matching_, false);
    return matcher.whole(matcher.run().pairs);
  }
  std::vector<std::string> asked_for() const {
    const std::string under = options_.part + ".";
    std::vector<std::string> prefixes;
    for (const std::string& prefix : torch_prefixes(archive_, 1))
      if (prefix.starts_with(under)) prefixes.push_back(prefix);
    if (prefixes.empty() && std::any_of(archive_.tensors.begin(), archive_.tensors.end(),
                                        [&](const NamedArray& array) { return array.name.starts_with(under); }))
      prefixes.push_back(under);
    if (!prefixes.empty()) return prefixes;
    std::set<std::string> parts;
    for (const NamedArray& array : archive_.tensors) parts.insert(array.name.substr(0, array.name.find('.')));
    throw FormatError(archive_.where, "a part " + shown(options_.part), "parts " + printed(detail::join(parts, ", ")));
  }
  TorchChoice plainest(std::vector<TorchPart> fitting) const {
    std::stable_sort(fitting.begin(), fitting.end(),
                     [](const TorchPart& a, const TorchPart& b) { return plainness(a.prefix) < plainness(b.prefix); });
    TorchChoice choice{std::move(fitting[0]), {}};
    for (std::size_t i = 1; i < fitting.size(); ++i) {
      choice.others.push_back(fitting[i].prefix);
      choice.open = choice.open || plainness(fitting[i].prefix) == plainness(choice.part.prefix);
    }
    return choice;
  }
  /// Where no part fits, the one of which most does: to be loaded in part, or to be shown.
  TorchChoice nearest(std::vector<std::string> prefixes) const {
    if (prefixes.empty()) prefixes = torch_prefixes(archive_, 1);
    if (prefixes.size() > most_tried) prefixes.resize(most_tried);
    TorchChoice best{made(prefixes.empty() ? "" : prefixes[0]), {}};
    std::size_t most = 0;
    for (const std::string& prefix : prefixes) {
      TorchPart part = made(prefix);
      const std::size_t alike = count_alike(part);
      const bool plainer = alike == most && plainness(part.prefix) < plainness(best.part.prefix);
      if (alike <= most && !(plainer && alike > 0)) continue;
      most = alike;
      best.part = std::move(part);
    }
    return best;
  }
  std::size_t count_alike(const TorchPart& part) const {
    const Matches matches = Matcher<T>(modules_, part.modules, matching_, true).run();
    std::size_t count = matches.ambiguous.size();
    for (const Match& match : matches.pairs)
      if (match.certain && match.module >= 0 && match.source >= 0)
        count += static_cast<std::size_t>(likeness(nth(modules_, match.module), nth(part.modules, match.source)));
    return count;
  }

  const Archive& archive_;
  const std::vector<Module<T>>& modules_;
  Matching matching_;
  const WeightOptions& options_;
  std::set<std::string> roles_;
  std::size_t needed_ = 0;
};

/// What a part leaves out of its file, for people: "optimizer (12 tensors)", "epoch", "milestones
/// (collections.Counter)".
inline std::vector<std::string> left_out(const Archive& archive, const TorchPart& part) {
  std::vector<std::pair<std::string, std::size_t>> heads;
  const auto count = [&](const std::string& name, std::size_t tensors) {
    const std::string head = name.substr(0, name.find('.'));
    for (auto& known : heads)
      if (known.first == head) {
        known.second += tensors;
        return;
      }
    heads.emplace_back(head, tensors);
  };
  for (const NamedArray& array : archive.tensors)
    if (!array.name.starts_with(part.prefix)) count(array.name, 1);
  for (const std::string& name : part.dropped) count(name, 0);
  for (const auto& [key, text] : archive.metadata)
    if (archive.format == "torch" && key.find("_metadata.") == key.npos &&
        (part.prefix.empty() || !key.starts_with(part.prefix)))
      count(key, 0);
  std::vector<std::string> texts;
  texts.reserve(heads.size());
  for (const auto& [head, tensors] : heads)
    texts.push_back(printed(head) + (tensors > 1 ? " (" + std::to_string(tensors) + " tensors)" : ""));
  return texts;
}

/// Weights that PyTorch holds once and a safetensors file once: the names that it leaves out, where its metadata says
/// which they are. Pairs of such a name and the one that is there.
inline std::vector<std::pair<std::string, std::string>> fill_tied(Archive& archive) {
  std::vector<std::pair<std::string, std::string>> tied;
  if (archive.format != "safetensors") return tied;
  for (const auto& [alias, name] : archive.metadata) {
    const NamedArray* kept = archive.find(name);
    if (!kept || archive.find(alias)) continue;
    NamedArray copy = *kept;
    copy.name = alias;
    archive.tensors.push_back(std::move(copy));
    tied.emplace_back(alias, name);
  }
  return tied;
}

}  // namespace io

}  // namespace KEEL_ABI
}  // namespace keel
