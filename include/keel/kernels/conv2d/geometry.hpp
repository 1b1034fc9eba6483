#pragma once

#include <keel/tensor/shape.hpp>

namespace keel {
inline namespace KEEL_ABI {

/// A 2-D convolution (cross-correlation, as in every framework) of channels-last images:
///
///     y(n, i, j, f) = sum over r, s, c of x(n, i sh + r dh - pt, j sw + s dw - pl, c) kernel(r, s, c, f)
///
/// with zeros outside x. The kernel is (kernel_h, kernel_w, in_c / groups, out_c); output channels
/// [k out_c/groups, (k+1) out_c/groups) see input channels [k in_c/groups, (k+1) in_c/groups).
/// The padding at the bottom and the right is whatever out_h and out_w imply.
struct Conv2DGeometry {
  Index batch = 1, in_h = 1, in_w = 1, in_c = 1, out_h = 1, out_w = 1, out_c = 1;
  Index kernel_h = 1, kernel_w = 1, stride_h = 1, stride_w = 1, dilation_h = 1, dilation_w = 1;
  Index pad_top = 0, pad_left = 0, groups = 1;

  Index group_in() const { return in_c / groups; }
  Index group_out() const { return out_c / groups; }
  /// Every group has one input channel: the kernels of depthwise_conv2d.hpp do it.
  bool is_depthwise() const { return groups > 1 && groups == in_c; }
  Index kernel_size() const { return kernel_h * kernel_w * group_in() * out_c; }
};

}  // namespace KEEL_ABI
}  // namespace keel
