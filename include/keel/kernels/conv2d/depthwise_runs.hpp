#pragma once
/// What one call of the depthwise tiles works on, and the runs of positions that see the same taps.

#include <keel/kernels/conv2d/geometry.hpp>
#include <keel/kernels/scratch.hpp>
#include <keel/kernels/simd/vector.hpp>

namespace keel {
inline namespace KEEL_ABI {

namespace simd {
/// A term of a pixel's sum: where its input and its weight are, in values from `source` and from `kernel`.
struct DepthwiseTap {
  Index source, kernel;
};
/// Adjacent pixels with the same taps: y = sum + bias + residual on each channel, or its
/// relu (clamp_low) or relu6 (both).
template <class T>
struct DepthwiseRun {
  const DepthwiseTap* tap;  // row by row, `columns` in each
  Index taps, columns, pixels, channels;
  const T* source;
  Index source_step;
  const T* kernel;
  T* y;
  Index y_step;
  const T *bias, *residual;
  bool clamp_low, clamp_high;
  const T* next;              // what the next row of outputs reads first,
  Index next_lines, y_lines;  // and how much of it, and of y, is fetched with each pixel and vector of channels
};
/// Rows [first, first + rows) of an image, for 3 x 3 taps and stride 1: tap (r, s) is at
/// kernel + (3 r + s) kernel_step.
template <class T>
struct DepthwiseStrip {
  const T* source;  // an image of from_h x from_w pixels
  Index from_h, from_w, channels;
  const T* kernel;
  Index kernel_step;
  T* y;                       // an image with rows of to_w pixels
  Index source_rows, y_rows;  // to the end of the last image
  Index to_w, first, rows, pad_top, pad_left;
  const T *bias, *residual;
  bool clamp_low, clamp_high;
};
/// sums(r, s) += x y over adjacent pixels, for `rows` x `columns` taps.
template <class T>
struct DepthwiseGradient {
  Index channels, pixels, rows, columns;
  const T* x;
  Index x_step, x_row, x_column;
  const T* dy;
  Index dy_step;
  T* sums;
  Index sums_row, sums_column;
  const T *next_x, *next_dy;  // what the next row reads first, `x_lines` of x with each pixel and vector,
  Index x_lines;
  bool fetches;  // if there is one
};
}  // namespace simd

}  // namespace KEEL_ABI
}  // namespace keel

#define KEEL_SIMD_SOURCE <keel/kernels/simd/depthwise_conv2d.inl>
#include <keel/kernels/simd/foreach.inl>

namespace keel {
inline namespace KEEL_ABI {

namespace detail {

/// One axis of a convolution, or of the way back from its output to its input.
struct DepthwiseAxis {
  Index from_size, to_size, taps, stride, dilation, pad;
  bool backward;

  static DepthwiseAxis rows(const Conv2DGeometry& g, bool back) {
    return {.from_size = back ? g.out_h : g.in_h,
            .to_size = back ? g.in_h : g.out_h,
            .taps = g.kernel_h,
            .stride = g.stride_h,
            .dilation = g.dilation_h,
            .pad = g.pad_top,
            .backward = back};
  }
  static DepthwiseAxis columns(const Conv2DGeometry& g, bool back) {
    return {.from_size = back ? g.out_w : g.in_w,
            .to_size = back ? g.in_w : g.out_w,
            .taps = g.kernel_w,
            .stride = g.stride_w,
            .dilation = g.dilation_w,
            .pad = g.pad_left,
            .backward = back};
  }

  /// Where position `to` reads through a tap; -1 outside.
  Index from(Index to, Index tap) const {
    const Index at = backward ? to + pad - tap * dilation : to * stride + tap * dilation - pad;
    if (at < 0 || (backward && at % stride != 0)) return -1;
    const Index position = backward ? at / stride : at;
    return position < from_size ? position : -1;
  }
  /// The last position that `to` reads, be it inside or not.
  Index last(Index to) const { return backward ? (to + pad) / stride : to * stride + (taps - 1) * dilation - pad; }
  /// From one position of a run to the next, and what that means where it reads.
  Index to_step() const { return backward ? stride : 1; }
  Index from_step() const { return backward ? 1 : stride; }
};

/// Positions first, first + to_step, ... that read through the same taps, each from_step after the one before.
struct DepthwisePositions {
  Index first, count, taps;
  const Index *tap, *from;  // the taps and where `first` reads through them
};

/// Cuts an axis into runs; returns their number.
inline Index depthwise_runs(const DepthwiseAxis& axis, DepthwisePositions* runs, Scratch& scratch) {
  Index* lists = scratch.take<Index>(2 * axis.taps * axis.to_size);
  Index count = 0;
  for (Index phase = 0; phase < axis.to_step(); ++phase)
    for (Index to = phase; to < axis.to_size; to += axis.to_step()) {
      Index *const tap = lists, *const from = lists + axis.taps, taps = 0;
      for (Index t = 0; t < axis.taps; ++t) {
        const Index position = axis.from(to, t);
        if (position < 0) continue;
        tap[taps] = t;
        from[taps++] = position;
      }
      if (to != phase) {
        DepthwisePositions& last = runs[count - 1];
        bool same = taps == last.taps;
        for (Index t = 0; same && t < taps; ++t)
          same = tap[t] == last.tap[t] && from[t] == last.from[t] + last.count * axis.from_step();
        if (same) {
          ++last.count;
          continue;
        }
      }
      runs[count++] = {.first = to, .count = 1, .taps = taps, .tap = tap, .from = from};
      lists += 2 * axis.taps;
    }
  return count;
}

}  // namespace detail

}  // namespace KEEL_ABI
}  // namespace keel
