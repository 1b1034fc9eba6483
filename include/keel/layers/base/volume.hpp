#pragma once
/// What layers share that slide a window over volumes (depth, height, width, channels): options and extents.

#include <keel/layers/base/options.hpp>

namespace keel {
inline namespace KEEL_ABI {

/// Depth, height and width; one number stands for all three. `.strides = 2`, `.strides = {1, 2, 2}`.
struct Triple {
  Index depth = 1, height = 1, width = 1;

  constexpr Triple(Index all) : depth(all), height(all), width(all) {}
  constexpr Triple(Index d, Index h, Index w) : depth(d), height(h), width(w) {}
  friend constexpr bool operator==(const Triple&, const Triple&) = default;
  std::string to_string() const {
    return "(" + std::to_string(depth) + ", " + std::to_string(height) + ", " + std::to_string(width) + ")";
  }
  /// Of one slice.
  constexpr Pair slice() const { return {height, width}; }
};

/// What surrounds a volume when a window slides over it: valid and same as of images (options.hpp), an integer for so many
/// zeros on all sides, or front, back, and the sides of a slice.
struct Padding3D {
  Padding slice = Padding::valid;
  Index front = 0, back = 0;

  constexpr Padding3D(Padding::Mode mode) : slice(mode) {}
  constexpr Padding3D(Index all) : slice(all), front(all), back(all) {}
  constexpr Padding3D(Index f, Index b, const Padding& of_slice) : slice(of_slice), front(f), back(b) {}
  constexpr Padding3D(const Padding& of_images) : slice(of_images), front(of_images.top), back(of_images.bottom) {}
  friend constexpr bool operator==(const Padding3D&, const Padding3D&) = default;
  bool fixed() const { return slice.mode == Padding::Mode::fixed; }
  std::string to_string() const {
    if (!fixed()) return slice.to_string();
    return "(" + std::to_string(front) + ", " + std::to_string(back) + "), " + slice.to_string();
  }
};

inline void write_option(Config& config, const char* name, const Triple& value) {
  config.set(name, std::vector<Index>{value.depth, value.height, value.width});
}
inline void read_option(const Config& config, const char* name, Triple& value) {
  if (!config.find(name)) return;
  const auto list = config.get<std::vector<Index>>(name, {});
  if (list.size() != 1 && list.size() != 3)
    throw ConfigError(std::string("option ") + name, "an integer or three", std::to_string(list.size()) + " integers");
  value = list.size() == 1 ? Triple(list[0]) : Triple(list[0], list[1], list[2]);
}
/// A mode is written by its name, numbers as front, back, top, bottom, left, right.
inline void write_option(Config& config, const char* name, const Padding3D& p) {
  if (!p.fixed()) return write_option(config, name, p.slice);
  config.set(name, std::vector<Index>{p.front, p.back, p.slice.top, p.slice.bottom, p.slice.left, p.slice.right});
}
inline void read_option(const Config& config, const char* name, Padding3D& value) {
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

inline void check_option(const std::string& who, const char* option, const Triple& value, Index least = 1) {
  for (const Index side : {value.depth, value.height, value.width})
    check_option(who, option, side, least, Index{1} << 20);
}
inline void check_option(const std::string& who, const Padding3D& p) {
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
