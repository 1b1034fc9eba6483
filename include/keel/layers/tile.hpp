#pragma once
/// A sample several times along its axes.

#include <keel/layers/base/remap.hpp>

namespace keel {
inline namespace KEEL_ABI {

struct TileOptions {
  /// In the model; by default made from the class.
  std::string name = {};
};

/// A sample so many times along each of its axes, whole after whole. An axis of 1 is expanded so.
///
/// Any shape of as many axes as `repeats` has. Throws ConfigError for a number below 1, ShapeError for an input of
/// another rank. Keras and PyTorch have functions (tile, expand), but no layer.
///
///     Tile({2, 1})      // (batch, steps, channels) to (batch, 2 steps, channels)
template <class T = float>
class Tile : public Remap<T> {
 public:
  explicit Tile(std::vector<Index> repeats, TileOptions options = {})
      : Remap<T>(std::move(options.name)), repeats_(std::move(repeats)) {
    const std::string who = detail::who(this->name(), "Tile");
    if (repeats_.empty()) throw ConfigError(who, "a number for each axis", "none");
    for (const Index each : repeats_) check_option(who, "repeats", each, 1, Index{1} << 20);
  }
  static Tile from_config(const Config& config) {
    return Tile(config.get<std::vector<Index>>("repeats", {}), {read_name(config)});
  }

  std::string type() const override { return "Tile"; }
  Config config() const override { return {{"repeats", repeats_}}; }
  Shape output_shape(Shapes inputs) const override {
    return this->mapped(this->single_input(inputs, static_cast<Index>(repeats_.size())));
  }

 private:
  Index extent(Index axis, const Shape& in) const override { return in[axis] * nth(repeats_, axis); }
  void sources(Index axis, const Shape& in, std::span<Index> places) const override {
    for (Index i = 0; i < count_of(places); ++i) nth(places, i) = i % in[axis];
  }

  std::vector<Index> repeats_;
};
KEEL_REFUSE_OTHERS(Tile)

KEEL_INSTANCE(class Tile<float>)

}  // namespace KEEL_ABI
}  // namespace keel
