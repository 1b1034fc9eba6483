#pragma once
/// A model's weights and a file's in modules, and which of them have the same names.

#include <algorithm>

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

/// A module of the model and one of the file.
struct Match {
  int module = -1, source = -1;  ///< indices; -1: none
  bool certain = true;           ///< false: only to be shown side by side
};
inline constexpr const char* matched_by_name = "layers are matched by name";  ///< a diagnosis's note

inline void sort_matches(std::vector<Match>& pairs) {
  std::sort(pairs.begin(), pairs.end(), [](const Match& a, const Match& b) {
    return a.module != b.module ? a.module < b.module : a.source < b.source;
  });
}

/// Every module and every source: those of one name together, the others alone.
template <class T>
std::vector<Match> match_names(const std::vector<Module<T>>& modules, const std::vector<SourceModule>& sources,
                               std::string Module<T>::*key) {
  std::vector<Match> pairs;
  std::vector<bool> used(modules.size(), false);
  for (std::size_t j = 0; j < sources.size(); ++j) {
    std::size_t i = 0;
    while (i < modules.size() && (used[i] || modules[i].*key != sources[j].name)) ++i;
    if (i < modules.size()) used[i] = true;
    pairs.push_back({i < modules.size() ? static_cast<int>(i) : -1, static_cast<int>(j)});
  }
  for (std::size_t i = 0; i < modules.size(); ++i)
    if (!used[i]) pairs.push_back({static_cast<int>(i), -1});
  sort_matches(pairs);
  return pairs;
}

}  // namespace io

}  // namespace KEEL_ABI
}  // namespace keel
