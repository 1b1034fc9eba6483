#pragma once
/// Extents of transposed convolutions along one axis, as Keras and PyTorch have them. The formulas stand at
/// Conv2DTranspose.

#include <keel/layers/base/options.hpp>

namespace keel {
inline namespace KEEL_ABI {
namespace detail {

/// Places of the output, and what is cut off the full one in front.
struct TransposedExtent {
  Index out, before;
};

/// `extra` is the output_padding, below 0 where there is none. Throws ShapeError where no output would be left.
inline TransposedExtent transposed_extent(const LayerIdentity& layer, Padding::Mode mode, Index in, Index kernel,
                                          Index stride, Index dilation, Index before, Index after, Index extra) {
  const Index window = (kernel - 1) * dilation + 1, full = (in - 1) * stride + window;
  switch (mode) {
    case Padding::Mode::same: {
      const Index out = extra >= 0 ? (in - 1) * stride + window % 2 + extra : in * stride;
      if (out <= (in - 1) * stride)
        throw ShapeError(layer.who(), "an output that the last value reaches", std::to_string(out),
                         "with an even window and padding same, output_padding is 1 or more");
      return {out, (std::max)(Index{0}, full - out) / 2};
    }
    case Padding::Mode::valid: return {extra >= 0 ? full + extra : (in - 1) * stride + (std::max)(window, stride), 0};
    case Padding::Mode::fixed: break;
  }
  const Index out = full - before - after + (std::max)(extra, Index{0});
  if (out < 1)
    throw ShapeError(layer.who(), "an input larger than the padding takes away", "an output of " + std::to_string(out));
  return {out, before};
}

/// Throws ConfigError for an output_padding that is too large, or with which the frameworks differ.
inline void check_transposed_extra(const std::string& who, Padding::Mode mode, Index extra, Index kernel, Index stride,
                                   Index dilation) {
  const bool numbers = mode == Padding::Mode::fixed;
  if (extra >= (numbers ? (std::max)(stride, dilation) : stride))
    throw ConfigError(who,
                      numbers ? "output_padding below the stride or the dilation" : "output_padding below the stride",
                      std::to_string(extra));
  const Index window = (kernel - 1) * dilation + 1, cut = window - window % 2 - extra;
  if (mode == Padding::Mode::same && cut > 0 && cut % 2 != 0)
    throw ConfigError(who, "output_padding with which padding same cuts an even number of rows and columns",
                      std::to_string(extra) + ", which cuts " + std::to_string(cut),
                      "Keras's backends differ here: TensorFlow and JAX cut the smaller half at the top and on the "
                      "left, PyTorch the larger; give the padding in numbers");
}

}  // namespace detail
}  // namespace KEEL_ABI
}  // namespace keel
