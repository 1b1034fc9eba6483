#pragma once
/// The geometry of a convolution, from a layer's options.

#include <keel/kernels/conv2d/conv2d.hpp>
#include <keel/layers/base/padding1d.hpp>

namespace keel {
inline namespace KEEL_ABI {
namespace detail {

/// The convolution of a sample's shape `in` to `out`, both (height, width, channels), with that many zeros at the
/// top and on the left.
inline Conv2DGeometry convolution_geometry(Index batch, const Shape& in, const Shape& out, Index top, Index left,
                                           const Pair& kernel, const Pair& strides, const Pair& dilation,
                                           Index groups = 1) {
  return {batch,        in[0],          in[1],         in[2],           out[0],         out[1], out[2], kernel.height,
          kernel.width, strides.height, strides.width, dilation.height, dilation.width, top,    left,   groups};
}

}  // namespace detail
}  // namespace KEEL_ABI
}  // namespace keel
