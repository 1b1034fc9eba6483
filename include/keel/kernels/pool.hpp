#pragma once

#include <algorithm>
#include <cstddef>
#include <limits>

#include <keel/kernels/context.hpp>

namespace keel::inline KEEL_ABI {

/// Windows of a 2-D pooling on (batch, height, width, channels). Cell (kh, kw) of window (oh, ow) is the input at
/// (oh stride_h + kh - pad_top, ow stride_w + kw - pad_left), where that exists.
struct PoolGeometry {
  Index batch = 0, in_h = 0, in_w = 0, channels = 0, out_h = 0, out_w = 0;
  Index kernel_h = 1, kernel_w = 1, stride_h = 1, stride_w = 1;
  Index pad_top = 0, pad_left = 0, pad_bottom = 0, pad_right = 0;
};

/// Number of windows along one axis: (in + pads - kernel) / stride + 1, rounded down, or up in ceil mode; then the
/// last window is dropped if it would start in the padding after the input (PyTorch's rule).
inline Index pool_output_size(Index in, Index kernel, Index stride, Index pad_before, Index pad_after,
                              bool ceil_mode) {
  const Index room = in + pad_before + pad_after - kernel;
  if (room < 0) return 0;
  const Index out = (room + (ceil_mode ? stride - 1 : 0)) / stride + 1;
  return ceil_mode && (out - 1) * stride >= in + pad_before ? out - 1 : out;
}

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
      : begin(i + pad < kernel ? 0 : (i + pad - kernel) / stride + 1),
        end((std::min)(out, (i + pad) / stride + 1)) {}
};

inline bool pool_wide_indices(const PoolGeometry& g) { return g.kernel_h * g.kernel_w > 256; }

template <class T, class Place>
void max_pool_forward(const PoolGeometry& g, const T* x, T* y, Place* argmax) {
  for (Index b = 0; b < g.batch; ++b)
    for (Index oh = 0; oh < g.out_h; ++oh)
      for (Index ow = 0; ow < g.out_w; ++ow) {
        const PoolSpan h(oh, g.in_h, g.kernel_h, g.stride_h, g.pad_top);
        const PoolSpan w(ow, g.in_w, g.kernel_w, g.stride_w, g.pad_left);
        const Index out = ((b * g.out_h + oh) * g.out_w + ow) * g.channels;
        for (Index c = 0; c < g.channels; ++c) {
          T best = -std::numeric_limits<T>::infinity();
          Index at = h.begin * g.kernel_w + w.begin;
          for (Index kh = h.begin; kh < h.end; ++kh)
            for (Index kw = w.begin; kw < w.end; ++kw) {
              const T v = x[((b * g.in_h + h.origin + kh) * g.in_w + w.origin + kw) * g.channels + c];
              if (v > best || v != v) {
                best = v;
                at = kh * g.kernel_w + kw;
              }
            }
          y[out + c] = best;
          if (argmax) argmax[out + c] = static_cast<Place>(at);
        }
      }
}

template <class T, class Place>
void max_pool_backward(const PoolGeometry& g, const T* dy, const Place* argmax, T* dx) {
  for (Index b = 0; b < g.batch; ++b)
    for (Index ih = 0; ih < g.in_h; ++ih)
      for (Index iw = 0; iw < g.in_w; ++iw) {
        const PoolCover h(ih, g.out_h, g.kernel_h, g.stride_h, g.pad_top);
        const PoolCover w(iw, g.out_w, g.kernel_w, g.stride_w, g.pad_left);
        T* to = dx + ((b * g.in_h + ih) * g.in_w + iw) * g.channels;
        for (Index c = 0; c < g.channels; ++c) {
          T sum = 0;
          for (Index oh = h.begin; oh < h.end; ++oh)
            for (Index ow = w.begin; ow < w.end; ++ow) {
              const Index cell =
                  (ih + g.pad_top - oh * g.stride_h) * g.kernel_w + iw + g.pad_left - ow * g.stride_w;
              const Index out = ((b * g.out_h + oh) * g.out_w + ow) * g.channels + c;
              if (static_cast<Index>(argmax[out]) == cell) sum += dy[out];
            }
          to[c] = sum;
        }
      }
}

}  // namespace detail

/// Bytes of the record of winners that max_pool_forward leaves for max_pool_backward.
inline Index max_pool_argmax_bytes(const PoolGeometry& g) {
  return g.batch * g.out_h * g.out_w * g.channels * (detail::pool_wide_indices(g) ? 4 : 1);
}

/// y = largest cell of each window; padding never wins. As in PyTorch the first of equal cells wins, NaN wins over
/// everything, and a window of -infinity reports its first cell. `argmax` may be null. Padding alone gives
/// -infinity.
template <class T>
void max_pool_forward(const PoolGeometry& g, const T* x, T* y, std::byte* argmax, const KernelContext&) {
  if (detail::pool_wide_indices(g))
    detail::max_pool_forward(g, x, y, reinterpret_cast<std::int32_t*>(argmax));
  else
    detail::max_pool_forward(g, x, y, reinterpret_cast<std::uint8_t*>(argmax));
}

/// dx = sum of the dy of the windows that each cell won; overwrites dx.
template <class T>
void max_pool_backward(const PoolGeometry& g, const T* dy, const std::byte* argmax, T* dx, const KernelContext&) {
  if (detail::pool_wide_indices(g))
    detail::max_pool_backward(g, dy, reinterpret_cast<const std::int32_t*>(argmax), dx);
  else
    detail::max_pool_backward(g, dy, reinterpret_cast<const std::uint8_t*>(argmax), dx);
}

/// What an average is divided by.
enum class PoolDivisor {
  real_cells,   ///< the cells inside the input: Keras, ONNX's default, PyTorch count_include_pad=False
  with_padding  ///< also the padding, but not what ceil mode adds beyond it: PyTorch's default
};

namespace detail {

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

}  // namespace detail

/// y = sum of the window's cells / divisor; padding counts as 0. A window of padding alone gives 0 / 0 = NaN with
/// PoolDivisor::real_cells.
template <class T>
void average_pool_forward(const PoolGeometry& g, PoolDivisor divisor, const T* x, T* y, const KernelContext&) {
  for (Index b = 0; b < g.batch; ++b)
    for (Index oh = 0; oh < g.out_h; ++oh)
      for (Index ow = 0; ow < g.out_w; ++ow) {
        const detail::PoolSpan h(oh, g.in_h, g.kernel_h, g.stride_h, g.pad_top);
        const detail::PoolSpan w(ow, g.in_w, g.kernel_w, g.stride_w, g.pad_left);
        const T count = detail::pool_divisor<T>(g, divisor, oh, ow);
        T* to = y + ((b * g.out_h + oh) * g.out_w + ow) * g.channels;
        for (Index c = 0; c < g.channels; ++c) {
          T sum = 0;
          for (Index kh = h.begin; kh < h.end; ++kh)
            for (Index kw = w.begin; kw < w.end; ++kw)
              sum += x[((b * g.in_h + h.origin + kh) * g.in_w + w.origin + kw) * g.channels + c];
          to[c] = sum / count;
        }
      }
}

/// dx = sum over the windows of each cell of dy / divisor; overwrites dx.
template <class T>
void average_pool_backward(const PoolGeometry& g, PoolDivisor divisor, const T* dy, T* dx, const KernelContext&) {
  for (Index b = 0; b < g.batch; ++b)
    for (Index ih = 0; ih < g.in_h; ++ih)
      for (Index iw = 0; iw < g.in_w; ++iw) {
        const detail::PoolCover h(ih, g.out_h, g.kernel_h, g.stride_h, g.pad_top);
        const detail::PoolCover w(iw, g.out_w, g.kernel_w, g.stride_w, g.pad_left);
        T* to = dx + ((b * g.in_h + ih) * g.in_w + iw) * g.channels;
        for (Index c = 0; c < g.channels; ++c) {
          T sum = 0;
          for (Index oh = h.begin; oh < h.end; ++oh)
            for (Index ow = w.begin; ow < w.end; ++ow)
              sum += dy[((b * g.out_h + oh) * g.out_w + ow) * g.channels + c] /
                     detail::pool_divisor<T>(g, divisor, oh, ow);
          to[c] = sum;
        }
      }
}

/// y (batch, channels) = mean of x (batch, cells, channels) over its cells, accumulated in double.
template <class T>
void global_average_pool_forward(Index batch, Index cells, Index channels, const T* x, T* y,
                                 const KernelContext&) {
  for (Index b = 0; b < batch; ++b)
    for (Index c = 0; c < channels; ++c) {
      double sum = 0;
      for (Index i = 0; i < cells; ++i) sum += static_cast<double>(x[(b * cells + i) * channels + c]);
      y[b * channels + c] = static_cast<T>(sum / static_cast<double>(cells));
    }
}

/// dx = dy / cells in every cell; overwrites dx.
template <class T>
void global_average_pool_backward(Index batch, Index cells, Index channels, const T* dy, T* dx,
                                  const KernelContext&) {
  for (Index b = 0; b < batch; ++b)
    for (Index i = 0; i < cells; ++i)
      for (Index c = 0; c < channels; ++c)
        dx[(b * cells + i) * channels + c] = dy[b * channels + c] / static_cast<T>(cells);
}

/// Global maximum: max_pool_forward and max_pool_backward with this geometry, one window a sample.
inline PoolGeometry global_pool_geometry(Index batch, Index in_h, Index in_w, Index channels) {
  PoolGeometry g;
  g.batch = batch, g.in_h = in_h, g.in_w = in_w, g.channels = channels;
  g.out_h = g.out_w = 1;
  g.kernel_h = in_h, g.kernel_w = in_w;
  return g;
}

}  // namespace keel::inline KEEL_ABI
