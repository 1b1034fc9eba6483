#pragma once
/// Zeros around sequences.

#include <keel/layers/base/edges.hpp>

namespace keel {
inline namespace KEEL_ABI {

struct ZeroPadding1DOptions {
  /// In the model; by default made from the class.
  std::string name = {};
};

/// Zeros around sequences. So many zeros are added at each side: before, after, or one number for all
/// sides, 1 by default.
///
/// Input and output (batch, steps, channels). Throws ConfigError for a number below 0 and for another count of numbers,
/// ShapeError for an input of another rank. Keras: ZeroPadding1D. PyTorch: ConstantPad1d with 0, the last axis first.
///
///     ZeroPadding1D(1)      ZeroPadding1D({0, 2})
template <class T = float>
class ZeroPadding1D : public Edges<T> {
 public:
  explicit ZeroPadding1D(Index all = 1, ZeroPadding1DOptions options = {})
      : ZeroPadding1D(std::vector<Index>(2, all), std::move(options)) {}
  explicit ZeroPadding1D(std::vector<Index> sides, ZeroPadding1DOptions options = {})
      : Edges<T>(detail::who(options.name, "ZeroPadding1D"), options.name, "padding", std::move(sides), 1) {
    if (this->sides().size() != 2)
      throw ConfigError(this->who(), "before, after", std::to_string(this->sides().size()) + " integers");
  }
  static ZeroPadding1D from_config(const Config& config) {
    return ZeroPadding1D(Edges<T>::read_sides(config, "padding", 1, {1}), {read_name(config)});
  }

  std::string type() const override { return "ZeroPadding1D"; }
};
KEEL_REFUSE_OTHERS(ZeroPadding1D)

KEEL_INSTANCE(class ZeroPadding1D<float>)

}  // namespace KEEL_ABI
}  // namespace keel
