#pragma once
/// Zeros around volumes.

#include <keel/layers/base/edges.hpp>

namespace keel {
inline namespace KEEL_ABI {

struct ZeroPadding3DOptions {
  /// In the model; by default made from the class.
  std::string name = {};
};

/// Zeros around volumes. So many zeros are added at each side: front, back, top, bottom, left, right, or one number for
/// all sides, 1 by default.
///
/// Input and output (batch, depth, h, w, channels). Throws ConfigError for a number below 0 and for another count of
/// numbers, ShapeError for an input of another rank. Keras: ZeroPadding3D. PyTorch: ConstantPad3d with 0, the last axis
/// first.
///
///     ZeroPadding3D(1)      ZeroPadding3D({0, 1, 0, 1, 2, 2})
template <class T = float>
class ZeroPadding3D : public Edges<T> {
 public:
  explicit ZeroPadding3D(Index all = 1, ZeroPadding3DOptions options = {})
      : ZeroPadding3D(std::vector<Index>(6, all), std::move(options)) {}
  explicit ZeroPadding3D(std::vector<Index> sides, ZeroPadding3DOptions options = {})
      : Edges<T>(detail::who(options.name, "ZeroPadding3D"), options.name, "padding", std::move(sides), 1) {
    if (this->sides().size() != 6)
      throw ConfigError(this->who(), "front, back, top, bottom, left, right",
                        std::to_string(this->sides().size()) + " integers");
  }
  static ZeroPadding3D from_config(const Config& config) {
    return ZeroPadding3D(Edges<T>::read_sides(config, "padding", 3, {1}), {read_name(config)});
  }

  std::string type() const override { return "ZeroPadding3D"; }
};
KEEL_REFUSE_OTHERS(ZeroPadding3D)

KEEL_INSTANCE(class ZeroPadding3D<float>)

}  // namespace KEEL_ABI
}  // namespace keel
