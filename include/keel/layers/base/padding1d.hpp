#pragma once
/// What surrounds a sequence when a window slides over it; sequences as images of one row.

#include <keel/layers/base/options.hpp>

namespace keel {
inline namespace KEEL_ABI {

/// What surrounds a sequence when a window slides over it.
///
/// - `Padding1D::valid`, `Padding1D::same`: as of images (options.hpp); Padding::valid and Padding::same do as well.
/// - `Padding1D::causal`: zeros in front alone, so many that no output sees a later step, (kernel - 1) dilation
/// (Keras).
/// - an integer: so many zeros at both ends, PyTorch's `padding=1`; two: in front and behind.
struct Padding1D {
  /// What decides the numbers below: `fixed`, they themselves.
  enum class Mode { valid, same, causal, fixed };

  Mode mode = Mode::valid;      ///< by default nothing surrounds the sequence
  Index before = 0, after = 0;  ///< steps of zeros, where the mode is fixed; 0 or more

  static const Padding1D valid, same, causal;  ///< see above

  constexpr Padding1D(Mode m) : mode(m) {}                                           ///< As the mode says.
  constexpr Padding1D(Index both) : Padding1D(both, both) {}                         ///< So many zeros at both ends.
  constexpr Padding1D(Index b, Index a) : mode(Mode::fixed), before(b), after(a) {}  ///< In front and behind.
  /// The columns of an image's padding.
  constexpr Padding1D(const Padding& of_images)
      : mode(of_images.mode == Padding::Mode::valid  ? Mode::valid
             : of_images.mode == Padding::Mode::same ? Mode::same
                                                     : Mode::fixed),
        before(of_images.left),
        after(of_images.right) {}
  /// By Keras's name: "same", "valid", "causal". Throws ConfigError for another.
  template <NameText Text>
  Padding1D(const Text& name) : Padding1D(from_name(name)) {}
  friend constexpr bool operator==(const Padding1D&, const Padding1D&) = default;
  /// "same", "valid", "causal" or "(1, 1)".
  std::string to_string() const {
    switch (mode) {
      case Mode::valid: return "valid";
      case Mode::same: return "same";
      case Mode::causal: return "causal";
      case Mode::fixed: break;
    }
    return "(" + std::to_string(before) + ", " + std::to_string(after) + ")";
  }
  /// Around an image of one row, for windows of that many steps.
  Padding image(Index kernel, Index dilation = 1) const {
    switch (mode) {
      case Mode::valid: return Padding::valid;
      case Mode::same: return Padding::same;
      case Mode::causal: return {0, 0, (kernel - 1) * dilation, 0};
      case Mode::fixed: break;
    }
    return {0, 0, before, after};
  }

 private:
  static Mode from_name(std::string_view name) {
    for (const Mode mode : {Mode::valid, Mode::same, Mode::causal})
      if (name == Padding1D(mode).to_string()) return mode;
    throw ConfigError("padding", "\"same\", \"valid\", \"causal\" or integers", "\"" + std::string(name) + "\"");
  }
};
inline constexpr Padding1D Padding1D::valid{Padding1D::Mode::valid};
inline constexpr Padding1D Padding1D::same{Padding1D::Mode::same};
inline constexpr Padding1D Padding1D::causal{Padding1D::Mode::causal};

/// A mode is written by its name, numbers as (before, after).
inline void write_option(Config& config, const char* name, const Padding1D& value) {
  if (value.mode == Padding1D::Mode::fixed)
    config.set(name, std::vector<Index>{value.before, value.after});
  else
    config.set(name, value.to_string());
}
inline void read_option(const Config& config, const char* name, Padding1D& value) {
  const Config::Value* const entry = config.find(name);
  if (!entry) return;
  if (const auto* text = std::get_if<std::string>(entry)) {
    for (const Padding1D& known : {Padding1D::valid, Padding1D::same, Padding1D::causal})
      if (*text == known.to_string()) {
        value = known;
        return;
      }
    throw ConfigError(std::string("option ") + name, "\"same\", \"valid\", \"causal\" or integers",
                      "\"" + *text + "\"");
  }
  const auto [before, after] = config.get_pair(name, 0);
  value = {before, after};
}

namespace detail {

/// A sample of one axis beside the channels, (steps, channels), as an image of one row; images as they are.
inline Shape as_image(const Shape& sample) { return sample.rank() == 2 ? Shape{1, sample[0], sample[1]} : sample; }
/// The way back, for a layer of that many axes beside the channels.
inline Shape from_image(Index axes, Index height, Index width, Index channels) {
  return axes == 1 ? Shape{width, channels} : Shape{height, width, channels};
}

}  // namespace detail

}  // namespace KEEL_ABI
}  // namespace keel
