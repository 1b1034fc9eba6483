#pragma once
/// Images without their edges.

#include <keel/layers/base/edges.hpp>

namespace keel {
inline namespace KEEL_ABI {

struct Cropping2DOptions {
  /// In the model; by default made from the class.
  std::string name = {};
};

/// Images without their edges. So many pixels are cut off at each side: top, bottom, left, right, or one number for all
/// sides, 0 by default.
///
/// Input and output (batch, h, w, channels). Throws ConfigError for a number below 0 and for another count of numbers,
/// ShapeError for an input of another rank or of which nothing would be left. Keras: Cropping2D. PyTorch: ZeroPad2d
/// with negative sides, the last axis first.
///
///     Cropping2D(1)      Cropping2D({0, 1, 0, 1})
template <class T = float>
class Cropping2D : public Edges<T> {
 public:
  explicit Cropping2D(Index all = 0, Cropping2DOptions options = {})
      : Cropping2D(std::vector<Index>(4, all), std::move(options)) {}
  explicit Cropping2D(std::vector<Index> sides, Cropping2DOptions options = {})
      : Edges<T>(detail::who(options.name, "Cropping2D"), options.name, "cropping", std::move(sides), -1) {
    if (this->sides().size() != 4)
      throw ConfigError(this->who(), "top, bottom, left, right", std::to_string(this->sides().size()) + " integers");
  }
  static Cropping2D from_config(const Config& config) {
    return Cropping2D(Edges<T>::read_sides(config, "cropping", 2, {0}), {read_name(config)});
  }

  std::string type() const override { return "Cropping2D"; }
};
KEEL_REFUSE_OTHERS(Cropping2D)

KEEL_INSTANCE(class Cropping2D<float>)

}  // namespace KEEL_ABI
}  // namespace keel
