#pragma once
/// Maximum and average pooling, in windows and over whole images.

#include <algorithm>
#include <cstddef>
#include <limits>

#include <keel/kernels/reduce.hpp>

namespace keel {
inline namespace KEEL_ABI {

/// Windows of a 2-D pooling on (batch, height, width, channels). Cell (kh, kw) of window (oh, ow) is the input at
/// (oh stride_h + kh - pad_top, ow stride_w + kw - pad_left), where that exists.
struct PoolGeometry {
  Index batch = 0, in_h = 0, in_w = 0, channels = 0, out_h = 0, out_w = 0;
  Index kernel_h = 1, kernel_w = 1, stride_h = 1, stride_w = 1;
  Index pad_top = 0, pad_left = 0, pad_bottom = 0, pad_right = 0;
};

/// Number of windows along one axis: (in + pads - kernel) / stride + 1, rounded down, or up in ceil mode; then the
/// last window is dropped if it would start in the padding after the input (PyTorch's rule).
inline Index pool_output_size(Index in, Index kernel, Index stride, Index pad_before, Index pad_after, bool ceil_mode) {
  const Index room = in + pad_before + pad_after - kernel;
  if (room < 0) return 0;
  const Index out = (room + (ceil_mode ? stride - 1 : 0)) / stride + 1;
  return ceil_mode && (out - 1) * stride >= in + pad_before ? out - 1 : out;
}

/// What an average is divided by.
enum class PoolDivisor {
  real_cells,   ///< the cells inside the input: Keras, ONNX's default, PyTorch count_include_pad=False
  with_padding  ///< also the padding, but not what ceil mode adds beyond it: PyTorch's default
};

namespace detail {

/// Cells [begin, end) of window `o` along one axis that lie inside the input.
struct PoolSpan {
  Index origin, begin, end;
  PoolSpan(Index o, Index in, Index kernel, Index stride, Index pad)
      : origin(o * stride - pad),
        begin((std::max)(Index{0}, -origin)),
        end((std::max)(begin, (std::min)(kernel, in - origin))) {}
};

/// Windows [begin, end) along one axis that contain input position i.
struct PoolCover {
  Index begin, end;
  PoolCover(Index i, Index out, Index kernel, Index stride, Index pad)
      : begin(i + pad < kernel ? 0 : (i + pad - kernel) / stride + 1), end((std::min)(out, (i + pad) / stride + 1)) {}
};

template <class T>
T pool_divisor(const PoolGeometry& g, PoolDivisor divisor, Index oh, Index ow) {
  const auto count = [&](Index o, Index in, Index kernel, Index stride, Index before, Index after) {
    const PoolSpan span(o, in, kernel, stride, before);
    if (divisor == PoolDivisor::real_cells) return span.end - span.begin;
    return (std::min)(kernel, in + after - span.origin);
  };
  return static_cast<T>(count(oh, g.in_h, g.kernel_h, g.stride_h, g.pad_top, g.pad_bottom) *
                        count(ow, g.in_w, g.kernel_w, g.stride_w, g.pad_left, g.pad_right));
}

/// Rows of a pooling that one thread should have at least.
inline Index pool_grain(Index columns, const PoolGeometry& g) {
  return 16384 / (columns * g.channels * g.kernel_h * g.kernel_w + 1) + 1;
}

}  // namespace detail

}  // namespace KEEL_ABI
}  // namespace keel

#define KEEL_SIMD_SOURCE <keel/kernels/simd/pool.inl>
#include <keel/kernels/simd/foreach.inl>

namespace keel {
inline namespace KEEL_ABI {

namespace detail {

/// Calls row(sample, h) for every one of `height` rows of every sample.
template <class F>
void for_pool_rows(const PoolGeometry& g, Index height, Index width, const KernelContext& context, F&& row) {
  parallel_for(context.threads, g.batch * height, pool_grain(width, g), [&](Index begin, Index end) {
    for (Index i = begin; i < end; ++i) row(i / height, i % height);
  });
}

}  // namespace detail

/// Bytes of the record of winners that max_pool_forward leaves for max_pool_backward, aligned as T.
template <class T>
Index max_pool_argmax_bytes(const PoolGeometry& g) {
  return g.batch * g.out_h * g.out_w * g.channels * static_cast<Index>(sizeof(T));
}

/// y = largest cell of each window; padding never wins. As in PyTorch the first of equal cells wins, NaN wins over
/// everything, and a window of -infinity reports its first cell. `argmax` may be null. Padding alone gives
/// -infinity.
template <class T>
void max_pool_forward(const PoolGeometry& g, const T* x, T* y, std::byte* argmax, const KernelContext& context) {
  const Index in = g.in_h * g.in_w * g.channels, out = g.out_h * g.out_w * g.channels;
  T* const winners = reinterpret_cast<T*>(argmax);
  detail::for_pool_rows(g, g.out_h, g.out_w, context, [&](Index b, Index oh) {
    KEEL_SIMD_CALL(context.simd, max_pool_row<T>)
    (g, oh, x + b * in, y + b * out, winners ? winners + b * out : nullptr);
  });
}

/// dx = sum of the dy of the windows that each cell won; overwrites dx.
template <class T>
void max_pool_backward(const PoolGeometry& g, const T* dy, const std::byte* argmax, T* dx,
                       const KernelContext& context) {
  const Index in = g.in_h * g.in_w * g.channels, out = g.out_h * g.out_w * g.channels;
  const T* const winners = reinterpret_cast<const T*>(argmax);
  detail::for_pool_rows(g, g.in_h, g.in_w, context, [&](Index b, Index ih) {
    KEEL_SIMD_CALL(context.simd, max_pool_backward_row<T>)(g, ih, dy + b * out, winners + b * out, dx + b * in);
  });
}

/// y = sum of the window's cells / divisor; padding counts as 0. A window of padding alone gives 0 / 0 = NaN with
/// PoolDivisor::real_cells.
template <class T>
void average_pool_forward(const PoolGeometry& g, PoolDivisor divisor, const T* x, T* y, const KernelContext& context) {
  const Index in = g.in_h * g.in_w * g.channels, out = g.out_h * g.out_w * g.channels;
  detail::for_pool_rows(g, g.out_h, g.out_w, context, [&](Index b, Index oh) {
    KEEL_SIMD_CALL(context.simd, average_pool_row<T>)(g, divisor, oh, x + b * in, y + b * out);
  });
}

/// dx = sum over the windows of each cell of dy / divisor; overwrites dx.
template <class T>
void average_pool_backward(const PoolGeometry& g, PoolDivisor divisor, const T* dy, T* dx,
                           const KernelContext& context) {
  const Index in = g.in_h * g.in_w * g.channels, out = g.out_h * g.out_w * g.channels;
  detail::for_pool_rows(g, g.in_h, g.in_w, context, [&](Index b, Index ih) {
    KEEL_SIMD_CALL(context.simd, average_pool_backward_row<T>)(g, divisor, ih, dy + b * out, dx + b * in);
  });
}

/// y (batch, channels) = mean of x (batch, cells, channels) over its cells, accumulated in double.
template <class T>
void global_average_pool_forward(Index batch, Index cells, Index channels, const T* x, T* y,
                                 const KernelContext& context) {
  Scratch::Frame frame(context.scratch);
  const Index size = detail::padded(channels);
  double* const scratch = context.scratch.take<double>(thread_count(context.threads) * size);
  parallel_for(context.threads, batch, 16384 / (cells * channels + 1) + 1, [&](Index begin, Index end, int thread) {
    double* const sums = scratch + thread * size;
    for (Index b = begin; b < end; ++b) {
      std::fill(sums, sums + size, 0.0);
      KEEL_SIMD_CALL(context.simd, add_columns<T>)(cells, channels, x + b * cells * channels, sums);
      for (Index c = 0; c < channels; ++c) y[b * channels + c] = static_cast<T>(sums[c] / static_cast<double>(cells));
    }
  });
}

/// dx = dy / cells in every cell; overwrites dx.
template <class T>
void global_average_pool_backward(Index batch, Index cells, Index channels, const T* dy, T* dx,
                                  const KernelContext& context) {
  parallel_for(context.threads, batch, 16384 / (cells * channels + 1) + 1, [&](Index begin, Index end) {
    for (Index b = begin; b < end; ++b) {
      T* const first = dx + b * cells * channels;
      for (Index c = 0; c < channels; ++c) first[c] = dy[b * channels + c] / static_cast<T>(cells);
      for (Index i = 1; i < cells; ++i) std::copy(first, first + channels, first + i * channels);
    }
  });
}

/// Global maximum: max_pool_forward and max_pool_backward with this geometry, one window a sample.
inline PoolGeometry global_pool_geometry(Index batch, Index in_h, Index in_w, Index channels) {
  PoolGeometry g;
  g.batch = batch;
  g.in_h = in_h;
  g.in_w = in_w;
  g.channels = channels;
  g.out_h = g.out_w = 1;
  g.kernel_h = in_h;
  g.kernel_w = in_w;
  return g;
}

KEEL_INSTANCE(void max_pool_forward<float>(const PoolGeometry&, const float*, float*, std::byte*, const KernelContext&))
KEEL_INSTANCE(void max_pool_backward<float>(const PoolGeometry&, const float*, const std::byte*, float*,
                                            const KernelContext&))
KEEL_INSTANCE(void average_pool_forward<float>(const PoolGeometry&, PoolDivisor, const float*, float*,
                                               const KernelContext&))
KEEL_INSTANCE(void average_pool_backward<float>(const PoolGeometry&, PoolDivisor, const float*, float*,
                                                const KernelContext&))
KEEL_INSTANCE(void global_average_pool_forward<float>(Index, Index, Index, const float*, float*, const KernelContext&))
KEEL_INSTANCE(void global_average_pool_backward<float>(Index, Index, Index, const float*, float*, const KernelContext&))

}  // namespace KEEL_ABI
}  // namespace keel
