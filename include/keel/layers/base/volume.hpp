#pragma once
/// What layers share that slide a window over volumes (depth, height, width, channels): options and extents.

#include <keel/layers/base/options.hpp>

namespace keel {
inline namespace KEEL_ABI {

/// Depth, height and width; one number stands for all three. `.strides = 2`, `.strides = {1, 2, 2}`.
struct Triple {
  Index depth = 1, height = 1, width = 1;  ///< slices, rows, columns

  /// One number for all three.
  constexpr Triple(Index all) : depth(all), height(all), width(all) {}
  /// Each of its own.
  constexpr Triple(Index d, Index h, Index w) : depth(d), height(h), width(w) {}
  friend constexpr bool operator==(const Triple&, const Triple&) = default;
  /// "(1, 2, 2)".
  std::string to_string() const {
    return "(" + std::to_string(depth) + ", " + std::to_string(height) + ", " + std::to_string(width) + ")";
  }
  /// Of one slice.
  constexpr Pair slice() const { return {height, width}; }
};

/// What surrounds a volume when a window slides over it: valid and same as of images (options.hpp), an integer for so
/// many zeros on all sides, or front, back, and the sides of a slice.
struct Padding3D {
  Padding slice = Padding::valid;  ///< around each slice; its mode is that of the whole
  Index front = 0, back = 0;       ///< slices of zeros

  /// Valid or same.
  constexpr Padding3D(Padding::Mode mode) : slice(mode) {}
  /// So many zeros on all sides.
  constexpr Padding3D(Index all) : slice(all), front(all), back(all) {}
  /// So many slices in front and behind, and what surrounds each.
  constexpr Padding3D(Index f, Index b, const Padding& of_slice) : slice(of_slice), front(f), back(b) {}
  /// As of images, at the top as in front.
  constexpr Padding3D(const Padding& of_images) : slice(of_images), front(of_images.top), back(of_images.bottom) {}
  /// By Keras's name: "same", "valid". Throws ConfigError for another.
  template <NameText Text>
  Padding3D(const Text& name) : Padding3D(Padding(name)) {}
  friend constexpr bool operator==(const Padding3D&, const Padding3D&) = default;
  /// Whether it is in numbers.
  bool fixed() const { return slice.mode == Padding::Mode::fixed; }
  /// "same", or "(1, 1), (0, 0, 2, 2)".
  std::string to_string() const {
    if (!fixed()) return slice.to_string();
    return "(" + std::to_string(front) + ", " + std::to_string(back) + "), " + slice.to_string();
  }
};

/// As depth, height, width.
[[gnu::cold]] inline void write_option(Config& config, const char* name, const Triple& value) {
  config.set(name, std::vector<Index>{value.depth, value.height, value.width});
}
/// One integer stands for all three. Throws ConfigError for another count.
[[gnu::cold]] inline void read_option(const Config& config, const char* name, Triple& value) {
  if (!config.find(name)) return;
  const auto list = config.get<std::vector<Index>>(name, {});
  if (list.size() != 1 && list.size() != 3)
    throw ConfigError(std::string("option ") + name, "an integer or three", std::to_string(list.size()) + " integers");
  value = list.size() == 1 ? Triple(list[0]) : Triple(list[0], list[1], list[2]);
}
/// A mode is written by its name, numbers as front, back, top, bottom, left, right.
[[gnu::cold]] inline void write_option(Config& config, const char* name, const Padding3D& p) {
  if (!p.fixed()) return write_option(config, name, p.slice);
  config.set(name, std::vector<Index>{p.front, p.back, p.slice.top, p.slice.bottom, p.slice.left, p.slice.right});
}
/// A mode, one integer for all sides, or six. Throws ConfigError for others.
[[gnu::cold]] inline void read_option(const Config& config, const char* name, Padding3D& value) {
  const Config::Value* const entry = config.find(name);
  if (!entry) return;
  const auto* const list = std::get_if<std::vector<Index>>(entry);
  if (list && list->size() == 6) {
    const std::vector<Index>& p = *list;
    value = {p[0], p[1], Padding(p[2], p[3], p[4], p[5])};
    return;
  }
  if (list)
    throw ConfigError(std::string("option ") + name, "six integers", std::to_string(list->size()) + " integers");
  Padding all = Padding::valid;
  read_option(config, name, all);
  value = all;
}

/// At most 2^20, so that no sum or product of it and an extent overflows.
[[gnu::cold]] inline void check_option(const std::string& who, const char* option, const Triple& value,
                                       Index least = 1) {
  for (const Index side : {value.depth, value.height, value.width})
    check_option(who, option, side, least, Index{1} << 20);
}
/// Throws ConfigError for numbers out of range.
[[gnu::cold]] inline void check_option(const std::string& who, const Padding3D& p) {
  check_option(who, p.slice);
  check_option(who, "padding", Pair(p.front, p.back), 0);
}

/// The sweeps over depth, height and width, as of images (options.hpp).
inline std::array<Sweep, 3> sweeps(const LayerIdentity& layer, const Shape& in, const Triple& kernel,
                                   const Triple& strides, const Triple& dilation, const Padding3D& p,
                                   bool ceil = false) {
  const auto [h, w] = sweeps(layer, in[1], in[2], kernel.slice(), strides.slice(), dilation.slice(), p.slice, ceil);
  return {detail::sweep(layer, "depth", in[0], kernel.depth, strides.depth, dilation.depth, p.slice.mode, p.front,
                        p.back, ceil),
          h, w};
}

}  // namespace KEEL_ABI
}  // namespace keel
