#pragma once
/// A model's weights and a file's in modules, and how much a module of one is like a module of the other.

#include <optional>

#include <keel/formats/archive.hpp>
#include <keel/io/array_layout.hpp>
#include <keel/io/diagnosis.hpp>
#include <keel/model/model.hpp>

namespace keel {
inline namespace KEEL_ABI {

namespace io {

using namespace formats;

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
  std::string given = {};  ///< the module of the model, or its layer, that the user says it is
};

/// What decides which module of a file is which of the model's.
enum class Matching {
  names,  ///< the names of the file's world, and nothing else
  order,  ///< names, else the file's order: that in which its program made its layers
  shapes  ///< names, else what kinds, shapes and numbers in names leave of choices: the file's order says nothing
};

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

}  // namespace io

}  // namespace KEEL_ABI
}  // namespace keel
