#pragma once
/// Types of options: pairs, numbers, axes, padding; how windows move; options as entries of a Config.

#include <algorithm>
#include <array>
#include <initializer_list>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <keel/kernels/activation.hpp>
#include <keel/layers/base/config.hpp>
#include <keel/layers/base/layer_identity.hpp>

namespace keel {
inline namespace KEEL_ABI {

/// Two extents, (height, width); one integer stands for both: `.strides = 2`, `.strides = {2, 1}`.
struct Pair {
  Index height = 1, width = 1;  ///< in pixels

  constexpr Pair(Index both) : height(both), width(both) {}  ///< The same for both.
  constexpr Pair(Index h, Index w) : height(h), width(w) {}  ///< One for each.
  friend constexpr bool operator==(const Pair&, const Pair&) = default;
  /// "(2, 1)".
  std::string to_string() const { return "(" + std::to_string(height) + ", " + std::to_string(width) + ")"; }
};

/// One number or several; the option says what several stand for. `.offset = -0.5`, `.offset = {-0.5, 0, 0.5}`.
struct Numbers {
  std::vector<double> values;  ///< one, or as many as the option says

  Numbers(double all) : values{all} {}                            ///< One for all.
  Numbers(std::initializer_list<double> each) : values(each) {}   ///< One for each.
  Numbers(std::vector<double> each) : values(std::move(each)) {}  ///< One for each.
  friend bool operator==(const Numbers&, const Numbers&) = default;
};

/// One axis or several, counted as in Keras: 0 is the batch, 1 the first axis of a sample, -1 the last.
/// `.axis = 1`, `.axis = {1, 2}`.
struct Axes {
  std::vector<Index> list;  ///< in the order given

  Axes(Index one) : list{one} {}                                  ///< One.
  Axes(std::initializer_list<Index> several) : list(several) {}   ///< Several.
  Axes(std::vector<Index> several) : list(std::move(several)) {}  ///< Several.
  friend bool operator==(const Axes&, const Axes&) = default;
  /// "-1", or "(1, 2)".
  std::string to_string() const {
    std::string text;
    for (const Index axis : list) text += (text.empty() ? "" : ", ") + std::to_string(axis);
    return list.size() == 1 ? text : "(" + text + ")";
  }
};

/// The place in a sample of that rank of an axis that is counted with the batch, 1 being a sample's first, or from the
/// end where it is negative; out of range where the sample has none.
constexpr Index sample_axis(Index axis, Index rank) { return axis > 0 ? axis - 1 : rank + axis; }

/// What surrounds an image when a window slides over it.
///
/// - `Padding::valid`: nothing.
/// - `Padding::same`: zeros, so many that the output has ceil(in / stride) places; where the number is odd the
///   extra row is at the bottom and the extra column on the right (TensorFlow, Keras). PyTorch's "same" is this
///   one at stride 1.
/// - an integer or two: so many zeros on both sides, PyTorch's `padding=1`. At stride 2 this is not `same`:
///   an even image gets (0, 1) there and (1, 1) here.
/// - four integers: top, bottom, left, right.
struct Padding {
  /// What decides the numbers below: `fixed`, they themselves.
  enum class Mode { valid, same, fixed };

  Mode mode = Mode::valid;                         ///< by default nothing surrounds the image
  Index top = 0, bottom = 0, left = 0, right = 0;  ///< rows and columns of zeros, where the mode is fixed; 0 or more

  static const Padding valid, same;  ///< see above

  constexpr Padding(Mode m) : mode(m) {}                         ///< As the mode says.
  constexpr Padding(Index all) : Padding(all, all, all, all) {}  ///< So many zeros on every side.
  /// So many above and below, and on the left and right.
  constexpr Padding(Index height, Index width) : Padding(height, height, width, width) {}
  /// Top, bottom, left, right.
  constexpr Padding(Index t, Index b, Index l, Index r) : mode(Mode::fixed), top(t), bottom(b), left(l), right(r) {}
  /// By Keras's name: "same", "valid". Throws ConfigError for another.
  template <NameText Text>
  Padding(const Text& name) : Padding(from_name(name)) {}
  friend constexpr bool operator==(const Padding&, const Padding&) = default;
  /// "same", "valid" or "(0, 1, 0, 1)".
  std::string to_string() const {
    if (mode != Mode::fixed) return mode == Mode::same ? "same" : "valid";
    return "(" + std::to_string(top) + ", " + std::to_string(bottom) + ", " + std::to_string(left) + ", " +
           std::to_string(right) + ")";
  }

 private:
  static Mode from_name(std::string_view name) {
    if (name != "same" && name != "valid")
      throw ConfigError("padding", "\"same\", \"valid\" or integers", "\"" + std::string(name) + "\"");
    return name == "same" ? Mode::same : Mode::valid;
  }
};
inline constexpr Padding Padding::valid{Padding::Mode::valid};
inline constexpr Padding Padding::same{Padding::Mode::same};

/// How a window moves along one axis: `out` places, over an image with `before` and `after` cells of padding.
struct Sweep {
  Index out, before, after;  ///< places of the window; cells of padding in front and behind
};

namespace detail {

inline Sweep sweep(const LayerIdentity& layer, const char* axis, Index in, Index kernel, Index stride, Index dilation,
                   Padding::Mode mode, Index before, Index after, bool ceil) {
  const Index window = (kernel - 1) * dilation + 1;
  if (mode == Padding::Mode::same && in > 0) {
    const Index out = (in + stride - 1) / stride;
    const Index missing = (std::max)(Index{0}, (out - 1) * stride + window - in);
    return {out, missing / 2, missing - missing / 2};
  }
  const Index room = in + before + after - window + (ceil ? stride - 1 : 0);
  if (in < 1 || room < 0)
    throw ShapeError(layer.who(),
                     "an input whose " + std::string(axis) + " holds the window of " + std::to_string(window),
                     std::to_string(in) + " (padding " + std::to_string(before) + " + " + std::to_string(after) + ")",
                     std::string_view(axis) == "height"
                         ? "use a smaller window or more padding; images are (height, width, channels)"
                         : "use a smaller window or more padding");
  Index out = room / stride + 1;
  // The last window of ceil mode must start inside the image or its left padding (PyTorch).
  if (ceil && (out - 1) * stride >= in + before) --out;
  return {out, before, after};
}

}  // namespace detail

/// The sweeps over height and width:
///
///     same:   out = ceil(in / stride)
///     others: out = floor((in + padding - window) / stride) + 1,   window = (kernel - 1) dilation + 1
///
/// `ceil` rounds up instead, but drops a window that would start beyond the image and its left padding; a window
/// less than a stride too large fits then, as in PyTorch. Throws ShapeError when the window does not fit.
inline std::pair<Sweep, Sweep> sweeps(const LayerIdentity& layer, Index height, Index width, const Pair& kernel,
                                      const Pair& strides, const Pair& dilation, const Padding& p, bool ceil = false) {
  return {
      detail::sweep(layer, "height", height, kernel.height, strides.height, dilation.height, p.mode, p.top, p.bottom,
                    ceil),
      detail::sweep(layer, "width", width, kernel.width, strides.width, dilation.width, p.mode, p.left, p.right, ceil)};
}

/// A shape with another last extent.
inline Shape with_last(const Shape& shape, Index last) {
  std::array<Index, Shape::max_rank> dims{};
  std::copy(shape.begin(), shape.end(), dims.begin());
  nth(dims, shape.rank() - 1) = last;
  return Shape(std::span<const Index>(dims.data(), to_size(shape.rank())));
}

namespace detail {
/// "conv (Conv1D)" while a layer is made and `type()` is still that of its base.
inline std::string who(const std::string& name, const std::string& type) {
  return name.empty() ? type : name + " (" + type + ")";
}
}  // namespace detail

/// Throws ConfigError unless least <= value <= most.
inline void check_option(const std::string& who, const char* option, Index value, Index least = 1,
                         Index most = Index{1} << 31) {
  if (value < least)
    throw ConfigError(who, std::string(option) + " of " + std::to_string(least) + " or more", std::to_string(value));
  if (value > most)
    throw ConfigError(who, std::string(option) + " of at most " + std::to_string(most), std::to_string(value));
}
/// At most 2^20, so that no sum or product of it and an extent overflows.
inline void check_option(const std::string& who, const char* option, const Pair& value, Index least = 1) {
  for (const Index side : {value.height, value.width}) check_option(who, option, side, least, Index{1} << 20);
}
/// Throws ConfigError for padding below 0 or beyond 2^20.
inline void check_option(const std::string& who, const Padding& p) {
  check_option(who, "padding", Pair(p.top, p.bottom), 0);
  check_option(who, "padding", Pair(p.left, p.right), 0);
}

// Options as entries of a Config. An options struct lists its fields once, in `fields(f)`, for both directions.

/// Puts one option into a Config.
template <class V>
void write_option(Config& config, const char* name, const V& value) {
  config.set(name, value);
}
/// Takes one option from a Config; where it is not there, it stays as it is.
template <class V>
void read_option(const Config& config, const char* name, V& value) {
  value = config.get<V>(name, value);
}

/// An option without a value is left out.
template <class V>
void write_option(Config& config, const char* name, const std::optional<V>& value) {
  if (value) write_option(config, name, *value);
}
/// The same for one that may have no value.
template <class V>
void read_option(const Config& config, const char* name, std::optional<V>& value) {
  if (config.find(name)) read_option(config, name, value.emplace(0));
}

/// One number is written as a number, several as a list.
inline void write_option(Config& config, const char* name, const Numbers& value) {
  if (value.values.size() == 1)
    config.set(name, value.values[0]);
  else
    config.set(name, value.values);
}
inline void read_option(const Config& config, const char* name, Numbers& value) {
  value.values = config.get<std::vector<double>>(name, value.values);
}

/// One axis is written as an integer, several as a list.
inline void write_option(Config& config, const char* name, const Axes& value) {
  if (value.list.size() == 1)
    config.set(name, value.list[0]);
  else
    config.set(name, value.list);
}
inline void read_option(const Config& config, const char* name, Axes& value) {
  value.list = config.get<std::vector<Index>>(name, value.list);
}

inline void write_option(Config& config, const char* name, const Pair& value) {
  config.set(name, std::vector<Index>{value.height, value.width});
}
inline void read_option(const Config& config, const char* name, Pair& value) {
  if (!config.find(name)) return;
  const auto [height, width] = config.get_pair(name, 1);
  value = {height, width};
}

inline void write_option(Config& config, const char* name, const Padding& value) {
  if (value.mode == Padding::Mode::fixed)
    config.set(name, std::vector<Index>{value.top, value.bottom, value.left, value.right});
  else
    config.set(name, value.to_string());
}
inline void read_option(const Config& config, const char* name, Padding& value) {
  const Config::Value* entry = config.find(name);
  if (!entry) return;
  if (const auto* text = std::get_if<std::string>(entry)) {
    if (*text != "same" && *text != "valid")
      throw ConfigError(std::string("option ") + name, "\"same\", \"valid\" or integers", "\"" + *text + "\"");
    value = *text == "same" ? Padding::same : Padding::valid;
  } else if (const auto* all = std::get_if<Index>(entry)) {
    value = Padding(*all);
  } else {
    const auto list = config.get<std::vector<Index>>(name, {});
    if (list.size() != 4)
      throw ConfigError(std::string("option ") + name, "top, bottom, left, right",
                        std::to_string(list.size()) + " integers");
    value = {list[0], list[1], list[2], list[3]};
  }
}

/// As "activation": "leaky_relu" and, for the kinds that have a parameter, "activation_alpha": 0.2.
inline void write_option(Config& config, const char* name, const ActivationSpec& value) {
  config.set(name, std::string(activation_name(value.kind)));
  if (activation_reads_alpha(value.kind)) config.set(std::string(name) + "_alpha", value.alpha);
}
inline void read_option(const Config& config, const char* name, ActivationSpec& value) {
  if (config.find(name)) value = activation_from_name(config.get<std::string>(name, {}));
  value.alpha = config.get<double>(std::string(name) + "_alpha", value.alpha);
}

/// For `fields`: puts each into a Config.
struct ConfigWriter {
  Config& config;  ///< where they go
  /// Puts one field there.
  template <class V>
  void operator()(const char* name, const V& value) const {
    write_option(config, name, value);
  }
};
/// For `fields`: takes each from a Config.
struct ConfigReader {
  const Config& config;  ///< where they come from
  /// Takes one field, where it is there.
  template <class V>
  void operator()(const char* name, V& value) const {
    read_option(config, name, value);
  }
};

/// A layer's name in its saved options; may be empty.
inline std::string read_name(const Config& config) { return config.get<std::string>("name", {}); }

/// `config` and, after its entries, the fields of `options`.
template <class Options>
Config with_options(Config config, Options options) {
  options.fields(ConfigWriter{config});
  return config;
}
/// Options from a Config; a field that it does not have keeps its default.
template <class Options>
Options read_options(const Config& config) {
  Options options;
  options.fields(ConfigReader{config});
  options.name = read_name(config);
  return options;
}

}  // namespace KEEL_ABI
}  // namespace keel
