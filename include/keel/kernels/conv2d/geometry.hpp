#pragma once
/// What a convolution computes: extents, strides and padding of both axes.

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
  /// Every group has one input channel: depthwise.hpp does it.
  bool is_depthwise() const { return groups > 1 && groups == in_c; }
  Index kernel_size() const { return kernel_h * kernel_w * group_in() * out_c; }
};

namespace detail {

/// One axis of a convolution: output o reads inputs o stride + t dilation - pad, 0 <= t < taps, and is stored at
/// start + o step. pad may be negative.
struct ConvAxis {
  Index in, out, taps, stride, dilation, pad, start = 0, step = 1;
  /// Inputs between outputs that nobody reads are not copied to a block: it has every gap()th input.
  Index gap() const { return taps == 1 ? stride : 1; }
  Index block_stride() const { return stride / gap(); }
  Index block_size(Index outputs) const { return (outputs - 1) * block_stride() + span(); }
  Index span() const { return (taps - 1) * dilation + 1; }
  bool inside() const { return pad <= 0 && (out - 1) * stride - pad + span() <= in; }
};

/// `groups` convolutions ci -> co of images, into images of y_h x y_w pixels.
struct ConvShape {
  ConvAxis h, w;
  Index batch, groups, ci, co, y_h, y_w;
};

/// Without the first and the last taps that no output finds inside the image, so that no dilation makes the blocks
/// of padded input large.
inline ConvAxis used_axis(Index in, Index out, Index taps, Index stride, Index dilation, Index pad) {
  Index first = 0, last = taps - 1;
  while (first < last && (out - 1) * stride + first * dilation < pad) ++first;
  while (first < last && last * dilation - pad >= in) --last;
  return {.in = in,
          .out = out,
          .taps = last - first + 1,
          .stride = stride,
          .dilation = dilation,
          .pad = pad - first * dilation};
}
inline ConvAxis height_axis(const Conv2DGeometry& g) {
  return used_axis(g.in_h, g.out_h, g.kernel_h, g.stride_h, g.dilation_h, g.pad_top);
}
inline ConvAxis width_axis(const Conv2DGeometry& g) {
  return used_axis(g.in_w, g.out_w, g.kernel_w, g.stride_w, g.dilation_w, g.pad_left);
}
/// Where the weights of the first used tap are.
inline Index first_weight(const Conv2DGeometry& g, const ConvAxis& height, const ConvAxis& width) {
  const Index r = (g.pad_top - height.pad) / g.dilation_h, s = (g.pad_left - width.pad) / g.dilation_w;
  return (r * g.kernel_w + s) * g.group_in() * g.out_c;
}

inline ConvShape forward_shape(const Conv2DGeometry& g) {
  return {.h = height_axis(g),
          .w = width_axis(g),
          .batch = g.batch,
          .groups = g.groups,
          .ci = g.group_in(),
          .co = g.group_out(),
          .y_h = g.out_h,
          .y_w = g.out_w};
}

}  // namespace detail

}  // namespace KEEL_ABI
}  // namespace keel
