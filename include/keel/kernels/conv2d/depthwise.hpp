#pragma once

#include <keel/kernels/conv2d/geometry.hpp>
#include <keel/kernels/epilogue.hpp>
#include <keel/kernels/parallel.hpp>
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
    return {back ? g.out_h : g.in_h, back ? g.in_h : g.out_h, g.kernel_h, g.stride_h, g.dilation_h, g.pad_top, back};
  }
  static DepthwiseAxis columns(const Conv2DGeometry& g, bool back) {
    return {back ? g.out_w : g.in_w, back ? g.in_w : g.out_w, g.kernel_w, g.stride_w, g.dilation_w, g.pad_left, back};
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
      runs[count++] = {to, 1, taps, tap, from};
      lists += 2 * axis.taps;
    }
  return count;
}

/// 3 x 3 taps with stride 1 in strips of rows whose inputs stay in the second-level cache. Backward is the same
/// with the taps in reverse order.
template <class T>
void depthwise_strips(const Conv2DGeometry& g, bool backward, const T* source, const T* kernel,
                      const Epilogue<T>& epilogue, T* to, const KernelContext& context) {
  simd::DepthwiseStrip<T> image;
  image.from_h = backward ? g.out_h : g.in_h, image.from_w = backward ? g.out_w : g.in_w;
  const Index to_h = backward ? g.in_h : g.out_h, channels = g.out_c;
  image.to_w = backward ? g.in_w : g.out_w, image.channels = channels;
  image.kernel = backward ? kernel + 8 * channels : kernel, image.kernel_step = backward ? -channels : channels;
  image.pad_top = backward ? 2 - g.pad_top : g.pad_top, image.pad_left = backward ? 2 - g.pad_left : g.pad_left;
  image.bias = epilogue.bias;
  image.clamp_high = epilogue.activation.kind == Activation::relu6;
  image.clamp_low = image.clamp_high || epilogue.activation.kind == Activation::relu;
  const Index from_row = image.from_w * channels, to_row = image.to_w * channels;
  const Index rows = std::clamp<Index>((256 << 10) / (from_row * Index{sizeof(T)} + 1), 1, to_h);
  const Index strips = (to_h + rows - 1) / rows;
  parallel_for(context.threads, g.batch * strips, 65536 / (rows * to_row * 9 + 1) + 1, [&](Index begin, Index end) {
    simd::DepthwiseStrip<T> strip = image;
    for (Index i = begin; i < end; ++i) {
      const Index n = i / strips, at = n * to_h * to_row;
      strip.first = to_h * (i % strips) / strips;
      strip.rows = to_h * (i % strips + 1) / strips - strip.first;
      strip.source = source + n * strip.from_h * from_row;
      strip.source_rows = (g.batch - n) * strip.from_h;
      strip.y_rows = (g.batch - n) * to_h;
      strip.y = to + at, strip.residual = epilogue.residual ? epilogue.residual + at : nullptr;
      KEEL_SIMD_CALL(context.simd, depthwise_strip<T>)(strip);
    }
  });
}

/// The kernel's forward pass (x to y), or backwards (dy to dx) as a sum of the same form, for any taps and
/// strides.
template <class T>
void depthwise_rows(const Conv2DGeometry& g, bool backward, const T* source, const T* kernel,
                    const Epilogue<T>& epilogue, T* to, const KernelContext& context) {
  const DepthwiseAxis rows = DepthwiseAxis::rows(g, backward), columns = DepthwiseAxis::columns(g, backward);
  const Index channels = g.out_c;
  Scratch::Frame frame(context.scratch);
  DepthwisePositions* const runs = context.scratch.take<DepthwisePositions>(columns.to_size);
  const Index run_count = depthwise_runs(columns, runs, context.scratch);
  simd::DepthwiseTap* const taps =
      context.scratch.take<simd::DepthwiseTap>(thread_count(context.threads) * rows.taps * columns.taps);

  const Index work = columns.to_size * channels * rows.taps * columns.taps;
  parallel_for(context.threads, g.batch * rows.to_size, (std::max)(Index{1}, 65536 / (work + 1)),
               [&](Index begin, Index end, int thread) {
                 simd::DepthwiseRun<T> run;
                 run.tap = taps + thread * rows.taps * columns.taps;
                 run.channels = channels;
                 run.kernel = kernel;
                 run.source_step = columns.from_step() * channels;
                 run.y_step = columns.to_step() * channels;
                 run.bias = epilogue.bias;
                 run.clamp_high = epilogue.activation.kind == Activation::relu6;
                 run.clamp_low = run.clamp_high || epilogue.activation.kind == Activation::relu;
                 const T* const source_end = source + g.batch * rows.from_size * columns.from_size * channels;
                 T* const to_end = to + g.batch * rows.to_size * columns.to_size * channels;
                 for (Index row = begin; row < end; ++row) {
                   run.source = source + row / rows.to_size * rows.from_size * columns.from_size * channels;
                   for (Index i = 0; i < run_count; ++i) {
                     const DepthwisePositions& positions = runs[i];
                     simd::DepthwiseTap* tap = taps + thread * rows.taps * columns.taps;
                     for (Index r = 0; r < rows.taps; ++r) {
                       const Index from = rows.from(row % rows.to_size, r);
                       for (Index s = 0; from >= 0 && s < positions.taps; ++s)
                         *tap++ = {(from * columns.from_size + positions.from[s]) * channels,
                                   (r * columns.taps + positions.tap[s]) * channels};
                     }
                     run.taps = tap - run.tap;
                     run.columns = run.taps > 0 ? positions.taps : 0;
                     run.pixels = positions.count;
                     const Index at = (row * columns.to_size + positions.first) * channels;
                     run.y = to + at;
                     run.residual = epilogue.residual ? epilogue.residual + at : nullptr;
                     run.next = run.source + ((rows.last(row % rows.to_size) + 1) * columns.from_size +
                                              positions.first * columns.from_step()) *
                                                 channels;
                     const Index fetched = (positions.count + 1) * channels + 64;
                     run.next_lines = backward ? 1 : rows.stride * columns.stride;
                     if (source_end - run.next < fetched * run.next_lines) run.next_lines = 0;
                     run.y_lines = columns.to_step();
                     if (to_end - run.y < 512 + fetched * run.y_lines) run.y_lines = 0;
                     KEEL_SIMD_CALL(context.simd, depthwise_run<T>)(run);
                   }
                 }
               });
}

template <class T>
void depthwise_apply(const Conv2DGeometry& g, bool backward, const T* source, const T* kernel,
                     const Epilogue<T>& epilogue, T* to, const KernelContext& context) {
  const bool square = g.kernel_h == 3 && g.kernel_w == 3;
  const bool dense = g.stride_h == 1 && g.stride_w == 1 && g.dilation_h == 1 && g.dilation_w == 1;
  if (square && dense)
    depthwise_strips(g, backward, source, kernel, epilogue, to, context);
  else
    depthwise_rows(g, backward, source, kernel, epilogue, to, context);
  const Activation kind = epilogue.activation.kind;
  if (kind != Activation::linear && kind != Activation::relu && kind != Activation::relu6)
    activation_forward(epilogue.activation, g.batch * g.out_h * g.out_w, g.out_c, to, to, context);
}

/// Each of x's channels `multiplier` times: what depth multipliers beyond 1 read.
template <class T>
const T* depthwise_repeat(Index pixels, Index channels, Index multiplier, const T* x, const KernelContext& context) {
  if (multiplier == 1) return x;
  T* const repeated = context.scratch.take<T>(pixels * channels * multiplier);
  for (Index i = 0; i < pixels * channels; ++i) std::fill_n(repeated + i * multiplier, multiplier, x[i]);
  return repeated;
}

}  // namespace detail

/// A depthwise convolution: Conv2DGeometry with groups = in_c; channel c gives the output channels
/// [c M, (c + 1) M), M = out_c / in_c, by the kernel (kernel_h, kernel_w, in_c, M).
/// y = activation(sum + bias + residual).
template <class T>
void depthwise_conv2d_forward(const Conv2DGeometry& g, const T* x, const T* kernel, const Epilogue<T>& epilogue, T* y,
                              const KernelContext& context) {
  if (g.batch * g.out_h * g.out_w * g.out_c == 0) return;
  Scratch::Frame frame(context.scratch);
  const T* const source = detail::depthwise_repeat(g.batch * g.in_h * g.in_w, g.in_c, g.out_c / g.in_c, x, context);
  detail::depthwise_apply(g, false, source, kernel, epilogue, y, context);
}

/// dx = the gradient with respect to x; it overwrites dx.
template <class T>
void depthwise_conv2d_backward_input(const Conv2DGeometry& g, const T* dy, const T* kernel, T* dx,
                                     const KernelContext& context) {
  const Index values = g.batch * g.in_h * g.in_w * g.in_c;
  if (values == 0) return;
  const Index multiplier = g.out_c / g.in_c;
  if (multiplier == 1) return detail::depthwise_apply<T>(g, true, dy, kernel, {}, dx, context);
  Scratch::Frame frame(context.scratch);
  T* const each = context.scratch.take<T>(values * multiplier);
  detail::depthwise_apply<T>(g, true, dy, kernel, {}, each, context);
  for (Index i = 0; i < values; ++i) {
    dx[i] = each[i * multiplier];
    for (Index m = 1; m < multiplier; ++m) dx[i] += each[i * multiplier + m];
  }
}

/// dkernel = the gradient with respect to the kernel, or adds it to dkernel. Sums of some 512 pixels, one after
/// the other; threads share the channels.
template <class T>
void depthwise_conv2d_backward_kernel(const Conv2DGeometry& g, const T* x, const T* dy, T* dkernel, bool accumulate,
                                      const KernelContext& context) {
  const Index channels = g.out_c, taps = g.kernel_h * g.kernel_w;
  if (!accumulate) std::fill_n(dkernel, taps * channels, T(0));
  if (g.batch * g.out_h * g.out_w * taps * channels == 0) return;
  Scratch::Frame frame(context.scratch);
  const T* const source = detail::depthwise_repeat(g.batch * g.in_h * g.in_w, g.in_c, channels / g.in_c, x, context);
  const detail::DepthwiseAxis rows = detail::DepthwiseAxis::rows(g, false);
  detail::DepthwisePositions* const runs = context.scratch.take<detail::DepthwisePositions>(g.out_w);
  const Index run_count = depthwise_runs(detail::DepthwiseAxis::columns(g, false), runs, context.scratch);
  T* const parts = context.scratch.take<T>(taps * channels);
  std::fill_n(parts, taps * channels, T(0));
  const Index part_rows = (std::max)(Index{1}, 512 / g.out_w), all_rows = g.batch * g.out_h;
  const Index units = (channels + 15) / 16;  // of 16 channels: whole cache lines
  const T *const source_end = source + g.batch * g.in_h * g.in_w * channels, *const dy_end =
                                                                                 dy + all_rows * g.out_w * channels;
  const Index grain = (std::max)((units + thread_count(context.threads) - 1) / thread_count(context.threads),
                                 Index{65536} / (all_rows * g.out_w * taps * 16) + 1);
  parallel_for(context.threads, units, grain, [&](Index begin, Index end) {
    const Index first = begin * 16, some = (std::min)(end * 16, channels) - first;
    simd::DepthwiseGradient<T> gradient;
    gradient.channels = some, gradient.dy_step = channels;
    gradient.x_step = g.stride_w * channels, gradient.x_lines = g.stride_h * g.stride_w;
    gradient.x_row = g.dilation_h * g.in_w * channels, gradient.x_column = g.dilation_w * channels;
    gradient.sums_row = g.kernel_w * channels, gradient.sums_column = channels;
    for (Index row = 0; row < all_rows; ++row) {
      const T* const image = source + row / g.out_h * g.in_h * g.in_w * channels + first;
      Index top = 0, bottom = rows.taps;
      while (top < bottom && rows.from(row % g.out_h, top) < 0) ++top;
      while (top < bottom && rows.from(row % g.out_h, bottom - 1) < 0) --bottom;
      const Index from = top < bottom ? rows.from(row % g.out_h, top) : 0;
      for (Index i = 0; top < bottom && i < run_count; ++i) {
        const detail::DepthwisePositions& run = runs[i];
        if (run.taps == 0) continue;
        gradient.pixels = run.count, gradient.rows = bottom - top, gradient.columns = run.taps;
        gradient.x = image + (from * g.in_w + run.from[0]) * channels;
        gradient.dy = dy + (row * g.out_w + run.first) * channels + first;
        gradient.sums = parts + (top * g.kernel_w + run.tap[0]) * channels + first;
        gradient.next_x = gradient.x + gradient.rows * gradient.x_row + first * (run.count * gradient.x_lines - 1);
        gradient.next_dy = gradient.dy + g.out_w * channels + first * (run.count - 1);
        const Index fetched = run.count * units * 16 + 64;
        gradient.fetches =
            source_end - gradient.next_x >= fetched * gradient.x_lines && dy_end - gradient.next_dy >= fetched;
        KEEL_SIMD_CALL(context.simd, depthwise_gradient_run<T>)(gradient);
      }
      if ((row + 1) % part_rows != 0 && row + 1 != all_rows) continue;
      for (Index t = 0; t < taps; ++t)
        for (Index c = first; c < first + some; ++c) {
          dkernel[t * channels + c] += parts[t * channels + c];
          parts[t * channels + c] = 0;
        }
    }
  });
}

KEEL_INSTANCE(void depthwise_conv2d_forward<float>(const Conv2DGeometry&, const float*, const float*,
                                                   const Epilogue<float>&, float*, const KernelContext&))
KEEL_INSTANCE(void depthwise_conv2d_backward_input<float>(const Conv2DGeometry&, const float*, const float*, float*,
                                                          const KernelContext&))
KEEL_INSTANCE(void depthwise_conv2d_backward_kernel<float>(const Conv2DGeometry&, const float*, const float*, float*,
                                                           bool, const KernelContext&))

}  // namespace KEEL_ABI
}  // namespace keel
