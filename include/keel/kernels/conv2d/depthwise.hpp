#pragma once
/// Depthwise convolutions and their gradients: every channel by kernels of its own.

#include <keel/kernels/conv2d/depthwise_runs.hpp>
#include <keel/kernels/epilogue.hpp>
#include <keel/kernels/parallel.hpp>

namespace keel {
inline namespace KEEL_ABI {

namespace detail {

/// 3 x 3 taps with stride 1 in strips of rows whose inputs stay in the second-level cache. Backward is the same
/// with the taps in reverse order.
template <class T>
void depthwise_strips(const Conv2DGeometry& g, bool backward, const T* source, const T* kernel,
                      const Epilogue<T>& epilogue, T* to, const KernelContext& context) {
  const Index to_h = backward ? g.in_h : g.out_h, channels = g.out_c;
  simd::DepthwiseStrip<T> image;
  image.from_h = backward ? g.out_h : g.in_h;
  image.from_w = backward ? g.out_w : g.in_w;
  image.to_w = backward ? g.in_w : g.out_w;
  image.channels = channels;
  image.kernel = backward ? kernel + 8 * channels : kernel;
  image.kernel_step = backward ? -channels : channels;
  image.pad_top = backward ? 2 - g.pad_top : g.pad_top;
  image.pad_left = backward ? 2 - g.pad_left : g.pad_left;
  image.bias = epilogue.bias;
  image.clamp_low = epilogue.clamps_low();
  image.clamp_high = epilogue.clamps_high();
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
      strip.y = to + at;
      strip.residual = epilogue.residual ? epilogue.residual + at : nullptr;
      KEEL_SIMD_CALL(context.simd, depthwise_strip<T>)(strip);
    }
  });
}

/// The kernel's forward pass (x to y), or backwards (dy to dx) as a sum of the same form, for any taps and strides.
template <class T>
class DepthwiseRows {
 public:
  /// Its memory is the caller's frame's.
  DepthwiseRows(const Conv2DGeometry& g, bool backward, const T* source, const T* kernel, const Epilogue<T>& epilogue,
                T* to, const KernelContext& context)
      : rows_(DepthwiseAxis::rows(g, backward)),
        columns_(DepthwiseAxis::columns(g, backward)),
        batch_(g.batch),
        channels_(g.out_c),
        source_(source),
        kernel_(kernel),
        to_(to),
        epilogue_(epilogue),
        context_(context) {
    runs_ = context.scratch.take<DepthwisePositions>(columns_.to_size);
    run_count_ = depthwise_runs(columns_, runs_, context.scratch);
    taps_ = context.scratch.take<simd::DepthwiseTap>(thread_count(context.threads) * rows_.taps * columns_.taps);
  }

  void run() {
    const Index work = columns_.to_size * channels_ * rows_.taps * columns_.taps;
    parallel_for(context_.threads, batch_ * rows_.to_size, (std::max)(Index{1}, 65536 / (work + 1)),
                 [&](Index begin, Index end, int thread) {
                   for (Index row = begin; row < end; ++row)
                     for (Index i = 0; i < run_count_; ++i)
                       convolve(row, runs_[i], taps_ + thread * rows_.taps * columns_.taps);
                 });
  }

 private:
  /// One run of positions of a row of all images; `taps` has room for theirs.
  void convolve(Index row, const DepthwisePositions& positions, simd::DepthwiseTap* taps) const {
    const Index image = rows_.from_size * columns_.from_size * channels_;
    simd::DepthwiseRun<T> run;
    run.tap = taps;
    run.taps = find_taps(row % rows_.to_size, positions, taps);
    run.columns = run.taps > 0 ? positions.taps : 0;
    run.pixels = positions.count;
    run.channels = channels_;
    run.source = source_ + row / rows_.to_size * image;
    run.source_step = columns_.from_step() * channels_;
    run.kernel = kernel_;
    const Index at = (row * columns_.to_size + positions.first) * channels_;
    run.y = to_ + at;
    run.y_step = columns_.to_step() * channels_;
    run.bias = epilogue_.bias;
    run.residual = epilogue_.residual ? epilogue_.residual + at : nullptr;
    run.clamp_low = epilogue_.clamps_low();
    run.clamp_high = epilogue_.clamps_high();
    const Index next_row = rows_.last(row % rows_.to_size) + 1;
    run.next = run.source + (next_row * columns_.from_size + positions.first * columns_.from_step()) * channels_;
    const Index fetched = (positions.count + 1) * channels_ + 64;
    run.next_lines = rows_.backward ? 1 : rows_.stride * columns_.stride;
    if (source_ + batch_ * image - run.next < fetched * run.next_lines) run.next_lines = 0;
    run.y_lines = columns_.to_step();
    const T* const to_end = to_ + batch_ * rows_.to_size * columns_.to_size * channels_;
    if (to_end - run.y < 512 + fetched * run.y_lines) run.y_lines = 0;
    KEEL_SIMD_CALL(context_.simd, depthwise_run<T>)(run);
  }

  /// The terms of the positions' sums in one row of an image; returns their number.
  Index find_taps(Index row, const DepthwisePositions& positions, simd::DepthwiseTap* taps) const {
    Index count = 0;
    for (Index r = 0; r < rows_.taps; ++r) {
      const Index from = rows_.from(row, r);
      for (Index s = 0; from >= 0 && s < positions.taps; ++s)
        taps[count++] = {(from * columns_.from_size + positions.from[s]) * channels_,
                         (r * columns_.taps + positions.tap[s]) * channels_};
    }
    return count;
  }

  DepthwiseAxis rows_, columns_;
  Index batch_, channels_;
  const T *source_, *kernel_;
  T* to_;
  const Epilogue<T>& epilogue_;
  const KernelContext& context_;
  DepthwisePositions* runs_ = nullptr;
  Index run_count_ = 0;
  simd::DepthwiseTap* taps_ = nullptr;  // for each thread
};

template <class T>
void depthwise_apply(const Conv2DGeometry& g, bool backward, const T* source, const T* kernel,
                     const Epilogue<T>& epilogue, T* to, const KernelContext& context) {
  Scratch::Frame frame(context.scratch);
  const bool square = g.kernel_h == 3 && g.kernel_w == 3;
  const bool dense = g.stride_h == 1 && g.stride_w == 1 && g.dilation_h == 1 && g.dilation_w == 1;
  if (square && dense)
    depthwise_strips(g, backward, source, kernel, epilogue, to, context);
  else
    DepthwiseRows<T>(g, backward, source, kernel, epilogue, to, context).run();
  if (epilogue.activates_after())
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

namespace detail {

/// The kernel's gradient. Threads share the channels, in units of 16, which are whole cache lines.
template <class T>
class DepthwiseKernelGradient {
 public:
  /// Its memory is the caller's frame's. `source` has the output's channels.
  DepthwiseKernelGradient(const Conv2DGeometry& g, const T* source, const T* dy, T* dkernel,
                          const KernelContext& context)
      : g_(g), rows_(DepthwiseAxis::rows(g, false)), source_(source), dy_(dy), dkernel_(dkernel), context_(context) {
    runs_ = context.scratch.take<DepthwisePositions>(g.out_w);
    run_count_ = depthwise_runs(DepthwiseAxis::columns(g, false), runs_, context.scratch);
    const Index weights = g.kernel_h * g.kernel_w * g.out_c;
    parts_ = context.scratch.take<T>(weights);
    std::fill_n(parts_, weights, T(0));
  }

  void run() {
    const Index threads = thread_count(context_.threads), pixels = g_.batch * g_.out_h * g_.out_w;
    const Index grain =
        (std::max)((units() + threads - 1) / threads, Index{65536} / (pixels * g_.kernel_h * g_.kernel_w * 16) + 1);
    parallel_for(context_.threads, units(), grain, [&](Index begin, Index end) {
      const Index first = begin * 16, channels = (std::min)(end * 16, g_.out_c) - first;
      const Index part_rows = (std::max)(Index{1}, 512 / g_.out_w), rows = g_.batch * g_.out_h;
      for (Index row = 0; row < rows; ++row) {
        add_row(row, first, channels);
        if ((row + 1) % part_rows == 0 || row + 1 == rows) flush(first, channels);
      }
    });
  }

 private:
  Index units() const { return (g_.out_c + 15) / 16; }

  /// Adds what a row of all images gives to the sums of some channels.
  void add_row(Index row, Index first, Index channels) const {
    Index top = 0, bottom = rows_.taps;  // the taps that are inside the image
    while (top < bottom && rows_.from(row % g_.out_h, top) < 0) ++top;
    while (top < bottom && rows_.from(row % g_.out_h, bottom - 1) < 0) --bottom;
    if (top == bottom) return;
    const Index pitch = g_.out_c, from = rows_.from(row % g_.out_h, top);
    const T* const image = source_ + row / g_.out_h * g_.in_h * g_.in_w * pitch + first;
    const T* const source_end = source_ + g_.batch * g_.in_h * g_.in_w * pitch;
    const T* const dy_end = dy_ + g_.batch * g_.out_h * g_.out_w * pitch;
    simd::DepthwiseGradient<T> gradient;
    gradient.channels = channels;
    gradient.rows = bottom - top;
    gradient.x_step = g_.stride_w * pitch;
    gradient.x_row = g_.dilation_h * g_.in_w * pitch;
    gradient.x_column = g_.dilation_w * pitch;
    gradient.dy_step = pitch;
    gradient.sums_row = g_.kernel_w * pitch;
    gradient.sums_column = pitch;
    gradient.x_lines = g_.stride_h * g_.stride_w;
    for (Index i = 0; i < run_count_; ++i) {
      const DepthwisePositions& run = runs_[i];
      if (run.taps == 0) continue;
      gradient.pixels = run.count;
      gradient.columns = run.taps;
      gradient.x = image + (from * g_.in_w + run.from[0]) * pitch;
      gradient.dy = dy_ + (row * g_.out_w + run.first) * pitch + first;
      gradient.sums = parts_ + (top * g_.kernel_w + run.tap[0]) * pitch + first;
      gradient.next_x = gradient.x + gradient.rows * gradient.x_row + first * (run.count * gradient.x_lines - 1);
      gradient.next_dy = gradient.dy + g_.out_w * pitch + first * (run.count - 1);
      const Index fetched = run.count * units() * 16 + 64;
      gradient.fetches =
          source_end - gradient.next_x >= fetched * gradient.x_lines && dy_end - gradient.next_dy >= fetched;
      KEEL_SIMD_CALL(context_.simd, depthwise_gradient_run<T>)(gradient);
    }
  }

  /// Adds the sums of some channels to the gradient, and begins new ones.
  void flush(Index first, Index channels) const {
    for (Index t = 0; t < g_.kernel_h * g_.kernel_w; ++t)
      for (Index at = t * g_.out_c + first, end = at + channels; at < end; ++at) {
        dkernel_[at] += parts_[at];
        parts_[at] = 0;
      }
  }

  const Conv2DGeometry& g_;
  DepthwiseAxis rows_;
  const T *source_, *dy_;
  T* dkernel_;
  const KernelContext& context_;
  DepthwisePositions* runs_ = nullptr;
  Index run_count_ = 0;
  T* parts_ = nullptr;  // sums of some rows, laid out as dkernel
};

}  // namespace detail

/// dkernel = the gradient with respect to the kernel, or adds it to dkernel. Sums of some 512 pixels, one after
/// the other; threads share the channels.
template <class T>
void depthwise_conv2d_backward_kernel(const Conv2DGeometry& g, const T* x, const T* dy, T* dkernel, bool accumulate,
                                      const KernelContext& context) {
  if (!accumulate) std::fill_n(dkernel, g.kernel_h * g.kernel_w * g.out_c, T(0));
  if (g.batch * g.out_h * g.out_w * g.kernel_h * g.kernel_w * g.out_c == 0) return;
  Scratch::Frame frame(context.scratch);
  const T* const source = detail::depthwise_repeat(g.batch * g.in_h * g.in_w, g.in_c, g.out_c / g.in_c, x, context);
  detail::DepthwiseKernelGradient<T>(g, source, dy, dkernel, context).run();
}

KEEL_INSTANCE(void depthwise_conv2d_forward<float>(const Conv2DGeometry&, const float*, const float*,
                                                   const Epilogue<float>&, float*, const KernelContext&))
KEEL_INSTANCE(void depthwise_conv2d_backward_input<float>(const Conv2DGeometry&, const float*, const float*, float*,
                                                          const KernelContext&))
KEEL_INSTANCE(void depthwise_conv2d_backward_kernel<float>(const Conv2DGeometry&, const float*, const float*, float*,
                                                           bool, const KernelContext&))

}  // namespace KEEL_ABI
}  // namespace keel
