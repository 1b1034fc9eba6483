#pragma once
/// Sequences without their edges.

#include <keel/layers/base/edges.hpp>

namespace keel {
inline namespace KEEL_ABI {

struct Cropping1DOptions {
  /// In the model; by default made from the class.
  std::string name = {};
};

/// Sequences without their edges. So many steps are cut off at each side: before, after, or one number for all
/// sides, 1 by default.
///
/// Input and output (batch, steps, channels). Throws ConfigError for a number below 0 and for another count of numbers,
/// ShapeError for an input of another rank or of which nothing would be left. Keras: Cropping1D. PyTorch: ConstantPad1d
/// with negative sides, the last axis first.
///
///     Cropping1D(1)      Cropping1D({0, 2})
template <class T = float>
class Cropping1D : public Edges<T> {
 public:
  explicit Cropping1D(Index all = 1, Cropping1DOptions options = {})
      : Cropping1D(std::vector<Index>(2, all), std::move(options)) {}
  explicit Cropping1D(std::vector<Index> sides, Cropping1DOptions options = {})
      : Edges<T>(detail::who(options.name, "Cropping1D"), options.name, "cropping", std::move(sides), -1) {
    if (this->sides().size() != 2)
      throw ConfigError(this->who(), "before, after", std::to_string(this->sides().size()) + " integers");
  }
  static Cropping1D from_config(const Config& config) {
    return Cropping1D(Edges<T>::read_sides(config, "cropping", 1, {1}), {read_name(config)});
  }

  std::string type() const override { return "Cropping1D"; }
};
KEEL_REFUSE_OTHERS(Cropping1D)

KEEL_INSTANCE(class Cropping1D<float>)

}  // namespace KEEL_ABI
}  // namespace keel
