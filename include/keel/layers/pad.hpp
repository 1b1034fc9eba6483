#pragma once
/// More places around a sample, or fewer.

#include <keel/layers/base/remap.hpp>

namespace keel {
inline namespace KEEL_ABI {

struct PadOptions {
  /// What stands there: "constant", `value`; "edge", the outermost value; "reflect", what is on the other side of it;
  /// "wrap", the other end. Default constant.
  std::string mode = "constant";
  /// In the unit of x; default 0.
  double value = 0;
  /// In the model; by default made from the class.
  std::string name = {};

  template <class F>
  void fields(F&& f) {
    f("mode", mode);
    f("value", value);
  }
};

/// More places before and after each axis of a sample; so many are cut off where a number is negative.
///
/// `sides`: before and after the first axis, before and after the second, ... for all axes but the batch's. Throws
/// ConfigError for another mode and an odd count, ShapeError for an input of another rank, one of which nothing would
/// be left, and an empty axis. Keras: none; ZeroPadding2D is the constant 0. PyTorch: ReflectionPad2d and its kin.
///
///     Pad({1, 1, 1, 1, 0, 0}, {.mode = "reflect"})      // images
template <class T = float>
class Pad : public Remap<T> {
 public:
  explicit Pad(std::vector<Index> sides, PadOptions options = {})
      : Remap<T>(options.name), sides_(std::move(sides)), options_(std::move(options)) {
    const std::string who = detail::who(this->name(), "Pad");
    if (sides_.empty() || sides_.size() % 2 != 0)
      throw ConfigError(who, "two sides for each axis", std::to_string(sides_.size()));
    for (const Index side : sides_) check_option(who, "sides", side, -(Index{1} << 20), Index{1} << 20);
    for (const char* mode : {"constant", "edge", "reflect", "wrap"})
      if (options_.mode == mode) return;
    throw ConfigError(who, "a mode among constant, edge, reflect, wrap", "\"" + options_.mode + "\"");
  }
  static Pad from_config(const Config& config) {
    return Pad(config.get<std::vector<Index>>("sides", {}), read_options<PadOptions>(config));
  }

  std::string type() const override { return "Pad"; }
  Config config() const override { return with_options({{"sides", sides_}}, options_); }
  Shape output_shape(Shapes inputs) const override {
    return this->mapped(this->single_input(inputs, static_cast<Index>(sides_.size()) / 2));
  }

 private:
  Index extent(Index axis, const Shape& in) const override {
    const Index out = in[axis] + nth(sides_, 2 * axis) + nth(sides_, 2 * axis + 1);
    if (in[axis] < 1 || out < 1) throw ShapeError(this->who(), "an input larger than what is cut off", in.to_string());
    return out;
  }
  void sources(Index axis, const Shape& in, std::span<Index> places) const override {
    const Index n = in[axis];
    const bool constant = options_.mode == "constant", edge = options_.mode == "edge";
    const Index period = options_.mode == "wrap" ? n : (std::max)(2 * (n - 1), Index{1});
    for (Index i = 0; i < count_of(places); ++i) {
      const Index at = i - nth(sides_, 2 * axis), within = (at % period + period) % period;
      Index& place = nth(places, i);
      if (at >= 0 && at < n)
        place = at;
      else if (constant)
        place = -1;
      else if (edge)
        place = at < 0 ? 0 : n - 1;
      else
        place = within < n ? within : period - within;
    }
  }
  T fill() const override { return static_cast<T>(options_.value); }

  std::vector<Index> sides_;
  PadOptions options_;
};
KEEL_REFUSE_OTHERS(Pad)

KEEL_INSTANCE(class Pad<float>)

}  // namespace KEEL_ABI
}  // namespace keel
