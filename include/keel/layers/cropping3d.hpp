#pragma once
/// Volumes without their edges.

#include <keel/layers/base/edges.hpp>

namespace keel {
inline namespace KEEL_ABI {

struct Cropping3DOptions {
  /// In the model; by default made from the class.
  std::string name = {};
};

/// Volumes without their edges. So many cells are cut off at each side: front, back, top, bottom, left, right, or one
/// number for all sides, 1 by default.
///
/// Input and output (batch, depth, h, w, channels). Throws ConfigError for a number below 0 and for another count of
/// numbers, ShapeError for an input of another rank or of which nothing would be left. Keras: Cropping3D. PyTorch:
/// ConstantPad3d with negative sides, the last axis first.
///
///     Cropping3D(1)      Cropping3D({0, 1, 0, 1, 2, 2})
template <class T = float>
class Cropping3D : public Edges<T> {
 public:
  explicit Cropping3D(Index all = 1, Cropping3DOptions options = {})
      : Cropping3D(std::vector<Index>(6, all), std::move(options)) {}
  explicit Cropping3D(std::vector<Index> sides, Cropping3DOptions options = {})
      : Edges<T>(detail::who(options.name, "Cropping3D"), options.name, "cropping", std::move(sides), -1) {
    if (this->sides().size() != 6)
      throw ConfigError(this->who(), "front, back, top, bottom, left, right",
                        std::to_string(this->sides().size()) + " integers");
  }
  static Cropping3D from_config(const Config& config) {
    return Cropping3D(Edges<T>::read_sides(config, "cropping", 3, {1}), {read_name(config)});
  }

  std::string type() const override { return "Cropping3D"; }
};
KEEL_REFUSE_OTHERS(Cropping3D)

KEEL_INSTANCE(class Cropping3D<float>)

}  // namespace KEEL_ABI
}  // namespace keel
