#pragma once
/// How much a module of a file is like one of a model's, and which is which: by name, by order, or by what kinds and
/// shapes leave of choices.

#include <optional>

#include <keel/io/modules.hpp>

namespace keel {
inline namespace KEEL_ABI {

namespace io {

/// The slot that one of a file's tensors may go to.
template <class T>
const Slot<T>* slot_for(const Module<T>& module, const SourceModule& source, std::size_t tensor) {
  if (source.ordered) return tensor < module.slots.size() ? &module.slots[tensor] : nullptr;
  for (const Slot<T>& slot : module.slots)
    if (slot.role == source.tensors[tensor].first) return &slot;
  return nullptr;
}

/// Two modules may be the same: every tensor of the file has a slot. 2: all shapes fit too.
template <class T>
int likeness(const Module<T>& module, const SourceModule& source) {
  bool whole = true;
  for (std::size_t i = 0; i < source.tensors.size(); ++i) {
    const Slot<T>* const slot = slot_for(module, source, i);
    if (!slot) return 0;
    if (!slot->parameter) continue;
    const Shape &got = source.tensors[i].second->shape, &wanted = slot->layout.file;
    if (got.rank() != wanted.rank()) return 0;
    whole = whole && got == wanted;
  }
  const auto there = [&](const Slot<T>& slot) {
    const auto named = [&](const auto& tensor) { return tensor.first == slot.role; };
    return slot.optional || !slot.parameter || std::any_of(source.tensors.begin(), source.tensors.end(), named);
  };
  whole = whole && (source.ordered || std::all_of(module.slots.begin(), module.slots.end(), there));
  return whole ? 2 : 1;
}

/// One by one; what is not alike stands alone.
template <class T>
std::vector<std::pair<int, int>> align_in_turn(const std::vector<Module<T>>& modules,
                                               const std::vector<SourceModule>& sources) {
  std::vector<std::pair<int, int>> pairs;
  for (std::size_t i = 0; i < (std::max)(modules.size(), sources.size()); ++i) {
    const int at = static_cast<int>(i);
    const bool a = i < modules.size(), b = i < sources.size();
    if (a && b && likeness(modules[i], sources[i])) {
      pairs.emplace_back(at, at);
      continue;
    }
    if (a) pairs.emplace_back(at, -1);
    if (b) pairs.emplace_back(-1, at);
  }
  return pairs;
}

/// Pairs of indices (-1: none) in order, the most alike: the longest common subsequence weighted by `likeness`.
template <class T>
std::vector<std::pair<int, int>> align(const std::vector<Module<T>>& modules,
                                       const std::vector<SourceModule>& sources) {
  const std::size_t n = modules.size(), m = sources.size();
  if (n * m > std::size_t{1} << 22) return align_in_turn(modules, sources);  // no file may ask for a large table
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
    if (i < n && j < m && alike[i][j] && best[i][j] == best[i + 1][j + 1] + alike[i][j]) {
      pairs.emplace_back(a, b);
      ++i;
      ++j;
    } else if (i < n && (j == m || best[i][j] == best[i + 1][j])) {
      pairs.emplace_back(a, -1);
      ++i;
    } else {
      pairs.emplace_back(-1, b);
      ++j;
    }
  }
  return pairs;
}

/// -1 or 1: the number in which two names first differ is less or greater, "layer1.0.conv1" before "layer1.1.conv2".
/// None where letters differ, or where the number is no number of things ("conv1x1").
inline std::optional<int> compare_numbers(std::string_view a, std::string_view b) {
  const auto digit = [](char c) { return c >= '0' && c <= '9'; };
  std::size_t at = 0;
  while (at < a.size() && at < b.size() && a[at] == b[at]) ++at;
  while (at > 0 && digit(a[at - 1])) --at;
  const auto number = [&](std::string_view text) {
    std::size_t end = at;
    while (end < text.size() && digit(text[end])) ++end;
    const bool whole = end > at && (end == text.size() || text[end] == '.' || text[end] == '_');
    std::string_view digits = whole ? text.substr(at, end - at) : std::string_view();
    while (digits.size() > 1 && digits[0] == '0') digits.remove_prefix(1);
    return digits;
  };
  const std::string_view x = number(a), y = number(b);
  if (x.empty() || y.empty() || x == y) return std::nullopt;
  return std::pair(x.size(), x) < std::pair(y.size(), y) ? -1 : 1;
}

/// What a match of modules came to.
struct Matches {
  std::vector<Match> pairs;
  std::vector<std::pair<int, std::vector<int>>> ambiguous;  ///< modules, each with the sources that it may be
  std::vector<Suspicion> suspicions;
  std::string how;  ///< a note
};

/// Finds each module of the file its place. O(modules x sources) memory; beyond 4 million of it names alone decide.
template <class T>
class Matcher {
 public:
  Matcher(const std::vector<Module<T>>& modules, const std::vector<SourceModule>& sources, Matching matching,
          bool partial)
      : modules_(modules), sources_(sources), matching_(matching), partial_(partial) {}

  Matches run() {
    const bool given = std::any_of(sources_.begin(), sources_.end(), [](const auto& s) { return !s.given.empty(); });
    std::vector<Match> named = given ? std::vector<Match>{} : by_names();
    if (matching_ == Matching::names || (!named.empty() && whole(named)))
      return {std::move(named), {}, {}, matched_by_name};
    if (modules_.size() * sources_.size() > std::size_t{1} << 22) return in_order();
    fill_alike();
    if (matching_ == Matching::order && !given) {
      Matches ordered = in_order();
      if (whole(ordered.pairs)) {
        suspect_order(ordered);
        return ordered;
      }
    }
    Matches found = by_elimination();
    if (whole(found.pairs) || partial_) return found;
    if (!named.empty()) return {std::move(named), {}, {}, matched_by_name};
    if (matching_ == Matching::order && !given) return in_order();
    return found;
  }

  /// Whether every module of both has its place, in its shape.
  bool whole(const std::vector<Match>& pairs) const {
    return !pairs.empty() && std::all_of(pairs.begin(), pairs.end(), [&](const Match& match) {
      return match.certain && match.module >= 0 && match.source >= 0 &&
             likeness(nth(modules_, match.module), nth(sources_, match.source)) == 2;
    });
  }

 private:
  static constexpr int none = -1, named_twice = -2;

  /// By the names of the file's world, or else by those of keel's layers; empty unless all of the file's are known.
  std::vector<Match> by_names() const {
    std::vector<Match> best;
    for (const auto key : {&Module<T>::name, &Module<T>::layer}) {
      std::vector<Match> pairs = by_name(key);
      if (pairs.empty()) continue;
      if (matching_ == Matching::names || whole(pairs)) return pairs;
      if (best.empty()) best = std::move(pairs);
    }
    return best;
  }
  std::vector<Match> by_name(std::string Module<T>::*key) const {
    std::vector<Match> pairs = match_names(modules_, sources_, key);
    const bool unknown = std::any_of(pairs.begin(), pairs.end(), [](const Match& match) { return match.module < 0; });
    if (unknown && matching_ != Matching::names) pairs.clear();
    return pairs;
  }

  Matches in_order() const {
    Matches matches{{}, {}, {}, "layers are matched in order"};
    for (const auto& [i, j] : align(modules_, sources_)) matches.pairs.push_back({i, j});
    return matches;
  }

  void fill_alike() {
    alike_.assign(modules_.size(), std::vector<bool>(sources_.size(), false));
    for (std::size_t i = 0; i < modules_.size(); ++i)
      for (std::size_t j = 0; j < sources_.size(); ++j) alike_[i][j] = likeness(modules_[i], sources_[j]) == 2;
  }
  bool alike(int i, int j) const { return nth(nth(alike_, i), j); }
  /// Whether a source has a module's name; a number in an nn.Sequential is none.
  bool named(int i, int j) const {
    const Module<T>& module = nth(modules_, i);
    const std::string& name = nth(sources_, j).name;
    return name == module.layer || (name == module.name && name.find_first_not_of("0123456789") != name.npos);
  }

  /// Where two modules of one shape could change places, only the order speaks, and the names perhaps against it.
  void suspect_order(Matches& matches) const {
    const auto suspect = [&](int i, const char* text) {
      for (const Suspicion& known : matches.suspicions)
        if (known.layer == nth(modules_, i).layer && known.text == text) return;
      matches.suspicions.push_back({nth(modules_, i).layer, text});
    };
    for (std::size_t a = 0; a < matches.pairs.size(); ++a)
      for (std::size_t b = a + 1; b < matches.pairs.size(); ++b) {
        const auto &x = matches.pairs[a], &y = matches.pairs[b];
        if (!alike(x.module, y.source) || !alike(y.module, x.source)) continue;
        const std::optional<int> numbers = compare_numbers(nth(sources_, x.source).name, nth(sources_, y.source).name);
        const bool crossed = named(x.module, y.source) || named(y.module, x.source);
        if (numbers == -1 && !crossed) continue;
        const char* text = numbers == 1 || crossed
                               ? "alike in shape, and their names in the file speak against its order: say which is "
                                 "which by `names`"
                               : "alike in shape: only the order of the file says which is which; `names` can";
        suspect(x.module, text);
        suspect(y.module, text);
      }
  }

  // By elimination: what the user says, what has one choice, what numbers or the file's order tell apart.

  Matches by_elimination() {
    module_of_.assign(sources_.size(), none);
    source_of_.assign(modules_.size(), none);
    Matches matches{{}, {}, {}, "layers are matched by kinds and shapes"};
    take_given();
    if (partial_) take_named();
    bool again = true;
    while (again) {
      again = take_single();
      if (!again) again = take_groups(matches);
    }
    for (std::size_t i = 0; i < modules_.size(); ++i)
      if (source_of_[i] == none)
        if (std::vector<int> choices = choices_of(static_cast<int>(i)); !choices.empty())
          matches.ambiguous.emplace_back(static_cast<int>(i), std::move(choices));
    collect(matches);
    return matches;
  }
  void take(int i, int j) {
    nth(source_of_, i) = j;
    nth(module_of_, j) = i;
  }
  void take_given() {
    for (std::size_t j = 0; j < sources_.size(); ++j) {
      if (sources_[j].given.empty()) continue;
      int best = none, score = -1;
      for (std::size_t i = 0; i < modules_.size(); ++i) {
        if (source_of_[i] != none || (modules_[i].layer != sources_[j].given && modules_[i].name != sources_[j].given))
          continue;
        if (const int fit = likeness(modules_[i], sources_[j]); fit > score) {
          best = static_cast<int>(i);
          score = fit;
        }
      }
      if (best != none) take(best, static_cast<int>(j));
    }
  }
  void take_named() {
    by_name_.assign(modules_.size(), false);
    for (std::size_t j = 0; j < sources_.size(); ++j)
      for (std::size_t i = 0; i < modules_.size(); ++i)
        if (source_of_[i] == none && module_of_[j] == none && alike_[i][j] &&
            named(static_cast<int>(i), static_cast<int>(j))) {
          take(static_cast<int>(i), static_cast<int>(j));
          by_name_[i] = true;
        }
  }
  /// Modules that a source may be; those that took another by name count, so that nothing follows from them.
  std::vector<int> places_of(int j) const {
    std::vector<int> places;
    for (std::size_t i = 0; i < modules_.size(); ++i)
      if (alike_[i][to_size(j)] && (source_of_[i] == none || (!by_name_.empty() && by_name_[i])))
        places.push_back(static_cast<int>(i));
    return places;
  }
  std::vector<int> choices_of(int i) const {
    std::vector<int> choices;
    for (std::size_t j = 0; j < sources_.size(); ++j)
      if (module_of_[j] == none && alike(i, static_cast<int>(j))) choices.push_back(static_cast<int>(j));
    return choices;
  }
  bool take_single() {
    bool any = false;
    for (std::size_t j = 0; j < sources_.size(); ++j) {
      if (module_of_[j] != none) continue;
      const std::vector<int> places = places_of(static_cast<int>(j));
      if (places.size() != 1 || nth(source_of_, places[0]) != none) continue;
      if (partial_ && choices_of(places[0]).size() != 1) continue;
      take(places[0], static_cast<int>(j));
      any = true;
    }
    return any;
  }
  /// Sources that may be the same modules, as many as these.
  bool take_groups(Matches& matches) {
    for (std::size_t j = 0; j < sources_.size(); ++j) {
      if (module_of_[j] != none) continue;
      const std::vector<int> places = places_of(static_cast<int>(j));
      std::vector<int> group;
      for (std::size_t k = j; k < sources_.size(); ++k)
        if (module_of_[k] == none && places_of(static_cast<int>(k)) == places) group.push_back(static_cast<int>(k));
      if (places.size() < 2 || group.size() != places.size() || !in_line(group) || crossed(places, group)) continue;
      for (std::size_t k = 0; k < group.size(); ++k) {
        take(places[k], group[k]);
        matches.suspicions.push_back(
            {nth(modules_, places[k]).layer,
             matching_ == Matching::order
                 ? "alike in shape: only the order of the file says which is which; `names` can"
                 : "alike in shape: the numbers in the file's names say which is which"});
      }
      return true;
    }
    return false;
  }
  /// Puts sources in the order that the file, or the numbers in their names, say; false where nothing does.
  bool in_line(std::vector<int>& group) const {
    if (matching_ == Matching::order) return true;
    for (std::size_t a = 0; a < group.size(); ++a)
      for (std::size_t b = a + 1; b < group.size(); ++b) {
        const std::optional<int> order = compare_numbers(nth(sources_, group[a]).name, nth(sources_, group[b]).name);
        if (!order) return false;
        if (*order > 0) std::swap(group[a], group[b]);
      }
    return true;
  }
  /// Whether a source has the name of another module than the one that it would become.
  bool crossed(const std::vector<int>& places, const std::vector<int>& group) const {
    for (std::size_t a = 0; a < group.size(); ++a)
      for (std::size_t b = 0; b < group.size(); ++b)
        if (a != b && (named(places[a], group[b]) || nth(source_of_, places[a]) != none)) return true;
    return false;
  }
  /// All pairs, and what is left side by side with what it resembles.
  void collect(Matches& matches) const {
    std::vector<int> modules, sources;
    std::vector<Module<T>> left;
    std::vector<SourceModule> unclaimed;
    const auto waits = [&](std::size_t i) {
      return std::any_of(matches.ambiguous.begin(), matches.ambiguous.end(),
                         [&](const auto& each) { return each.first == static_cast<int>(i); });
    };
    const auto wanted = [&](std::size_t j) {
      return std::any_of(matches.ambiguous.begin(), matches.ambiguous.end(), [&](const auto& each) {
        return std::count(each.second.begin(), each.second.end(), static_cast<int>(j)) != 0;
      });
    };
    for (std::size_t i = 0; i < modules_.size(); ++i) {
      if (source_of_[i] != none) matches.pairs.push_back({static_cast<int>(i), source_of_[i]});
      if (source_of_[i] != none || waits(i)) continue;
      modules.push_back(static_cast<int>(i));
      left.push_back(modules_[i]);
    }
    for (std::size_t j = 0; j < sources_.size(); ++j) {
      if (module_of_[j] != none || wanted(j)) continue;
      sources.push_back(static_cast<int>(j));
      unclaimed.push_back(sources_[j]);
    }
    for (const auto& [i, j] : align(left, unclaimed))
      matches.pairs.push_back({i < 0 ? none : nth(modules, i), j < 0 ? none : nth(sources, j), false});
    sort_matches(matches.pairs);
  }

  const std::vector<Module<T>>& modules_;
  const std::vector<SourceModule>& sources_;
  Matching matching_;
  bool partial_;
  std::vector<std::vector<bool>> alike_;
  std::vector<bool> by_name_;
  std::vector<int> module_of_, source_of_;
};

}  // namespace io

}  // namespace KEEL_ABI
}  // namespace keel
