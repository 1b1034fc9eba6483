#pragma once
/// What the dialects share: how a row of one says what becomes of an option and of a weight in another world. Rows are
/// data: they speak of classes and options by name, and know no layer.

#include <span>
#include <string_view>

#include <keel/tensor/abi.hpp>

namespace keel {
inline namespace KEEL_ABI {

namespace dialects {

/// The form in which the other world writes a value. What keel's `Config` holds for it stands behind.
enum class Form {
  boolean,          ///< true; also 1 and 0. bool
  integer,          ///< Index
  optional_extent,  ///< an extent, also as a list of one, or null. Index, 0 for none
  number,           ///< double
  optional_number,  ///< a number, or the other world's word for none. double, or no entry
  numbers,          ///< one number, or a list of one for each channel. double or a list
  text,             ///< the same word in both. std::string
  optional_text,    ///< a word, or null. std::string, empty for none
  word,             ///< the same, and there has to be one: null is refused
  layer,            ///< a layer inside: its class, and its options among the others. std::string
  activation,       ///< a function's name or object. "activation" and "activation_alpha"
  pair,             ///< height and width; one integer stands for both. two Index
  triple,           ///< depth, height and width; one integer stands for all. three Index
  extents,          ///< a shape without the batch, one of them -1. list of Index
  open_extents,     ///< a shape without the batch, null for what is not said. list of Index, 0 for it
  axis,             ///< one axis, the batch being axis 0; below 0 from the end. Index
  axes,             ///< several of them. list of Index
  window,           ///< what surrounds a sliding window: "valid", "same" or zeros. std::string or four Index
  window_1d,        ///< of sequences, also "causal". std::string or two Index
  window_3d,        ///< of volumes. std::string or six Index
  sides_1d,         ///< (before, after) or one number. two Index
  sides,            ///< ((top, bottom), (left, right)), or fewer. four Index: top, bottom, left, right
  sides_3d,         ///< the same of three axes. six Index
};

/// What becomes of a key.
enum class Use {
  mapped,   ///< it is keel's option `keel`; with `values`, a writer may write these only
  neutral,  ///< it changes no number of a loaded model, whatever its value
  fixed,    ///< one of `values`, which change nothing; any other is refused
  noted,    ///< one of `values`; any other loads, changes training, and is said
  read,     ///< the code that reads the class looks at it: names, nested layers
  kept,     ///< keel's alone and about training only: a writer keeps it where the other world does not look
  padding,  ///< keel's alone and about what is padded: kept where nothing is, refused elsewhere
};

/// One option. A key that no row of its class names is refused with layer, class and key; so is, when writing, an entry
/// of keel's `Config` that no row names.
struct Option {
  std::string_view key;   ///< in the other world; empty: it has no such option, so `fixed` is all it can be
  std::string_view keel;  ///< in keel's `Config`; empty: keel has no such option
  Use use = Use::mapped;
  Form form = Form::integer;     ///< of a mapped one
  std::string_view values = {};  ///< of `fixed` and `noted`: JSON values with a space between, "null false"
  unsigned worlds = ~0u;         ///< the versions of the other world that have the key, as bits of the dialect's own
  std::string_view absent = {};  ///< what a file without the key means where that is not keel's default: JSON
};

/// One weight. `axes` are letters, keel's order first: {"kernel", "weight", "HWIO", "OIHW"}; empty: as in keel.
struct Weight {
  std::string_view keel;  ///< the parameter's name
  std::string_view name;  ///< in the other world
  std::string_view keel_axes = {}, axes = {};
};

/// The option that an entry of keel's `Config` is about: the number beside an initializer, "kernel_initializer_value",
/// is a part of "kernel_initializer", which is what rows name.
constexpr std::string_view option_of_entry(std::string_view entry) {
  constexpr std::string_view value = "_value";
  if (entry.ends_with("_initializer_value")) entry.remove_suffix(value.size());
  return entry;
}

/// The row that `column` names so, or null.
template <class Row, std::size_t count>
constexpr const Row* find_row(const Row (&rows)[count], std::string_view Row::*column, std::string_view name) {
  for (const Row& row : rows)
    if (row.*column == name) return &row;
  return nullptr;
}

}  // namespace dialects

}  // namespace KEEL_ABI
}  // namespace keel
