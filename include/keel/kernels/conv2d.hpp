#pragma once

#include <algorithm>

#include <keel/kernels/epilogue.hpp>
#include <keel/kernels/parallel.hpp>
#include <keel/kernels/simd/vector.hpp>

namespace keel::inline KEEL_ABI {

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
  Index kernel_size() const { return kernel_h * kernel_w * group_in() * out_c; }
};

namespace detail {

/// What one register tile loop computes: one panel of output channels for some rows of output pixels. The sum of
/// a pixel is over runs_h x runs_w runs of run_length consecutive inputs, with as many rows of weights.
template <class T>
struct Conv2DPanel {
  const T* x;
  const Index *x_rows, *y_rows;  // where each row's first pixel is
  Index rows, width;             // output pixels
  Index x_step, y_step;          // from a pixel to its right neighbour
  Index runs_h, runs_w, run_step_h, run_step_w, run_length;
  const T* weights;  // pitch values a row, of which `channels` count
  Index pitch, channels;
  const T *bias, *residual;
  T* y;
  bool clamp_low, clamp_high;  // relu, relu6
};

/// Output channels in a panel: 128 bytes, two AVX-512 registers; half that for a rest that fits.
template <class T>
inline constexpr Index panel_width = 128 / sizeof(T);
template <class T>
constexpr Index panel_pitch(Index channels) {
  return channels <= panel_width<T> / 2 ? panel_width<T> / 2 : panel_width<T>;
}
/// Values in a packed weight matrix of `rows` rows (taps x input channels) and so many output channels.
template <class T>
Index panels_size(Index rows, Index channels) {
  const Index full = channels / panel_width<T>, rest = channels % panel_width<T>;
  return rows * (full * panel_width<T> + (rest ? panel_pitch<T>(rest) : 0));
}

/// One axis of a convolution: output o reads inputs o stride + t dilation - pad, 0 <= t < taps, and is stored at
/// start + o step. pad may be negative.
struct ConvAxis {
  Index in, out, taps, stride, dilation, pad, start = 0, step = 1;
  Index span() const { return taps == 0 ? 0 : (taps - 1) * dilation + 1; }
  bool inside() const { return taps == 0 || (pad <= 0 && (out - 1) * stride - pad + span() <= in); }
};

/// A convolution with packed weights: `groups` times ci -> co channels, of images in_pitch and out_pitch channels
/// wide, into an image of y_h x y_w pixels.
template <class T>
struct ConvTask {
  ConvAxis h, w;
  Index batch, groups, ci, co, y_h, y_w;
  const T *x, *packed;
  T* y;
  Epilogue<T> epilogue;
};

}  // namespace detail
}  // namespace keel::inline KEEL_ABI

#define KEEL_SIMD_SOURCE <keel/kernels/simd/conv2d.inl>
#include <keel/kernels/simd/foreach.inl>

namespace keel::inline KEEL_ABI {
namespace detail {

/// Copies the inputs that output rows [first, first + rows) of an image see, zeros outside it, to a dense block.
template <class T>
void copy_with_padding(const ConvAxis& h, const ConvAxis& w, Index first, Index rows, const T* image, Index pitch,
                       Index channels, T* block) {
  const Index height = (rows - 1) * h.stride + h.span(), width = (w.out - 1) * w.stride + w.span();
  const Index left = std::clamp<Index>(w.pad, 0, width), inside = std::clamp<Index>(w.in + w.pad - left, 0, width - left);
  for (Index r = 0; r < height; ++r, block += width * channels) {
    const Index row = first * h.stride - h.pad + r;
    if (row < 0 || row >= h.in) {
      std::fill_n(block, width * channels, T(0));
      continue;
    }
    const T* from = image + (row * w.in + left - w.pad) * pitch;
    T* to = std::fill_n(block, left * channels, T(0));
    if (channels == pitch)
      to = std::copy_n(from, inside * channels, to);
    else
      for (Index i = 0; i < inside; ++i, from += pitch) to = std::copy_n(from, channels, to);
    std::fill_n(to, (width - left - inside) * channels, T(0));
  }
}

/// Input values that a strip of output rows may hold, so that it stays in the second-level cache.
inline constexpr Index strip_bytes = 256 * 1024;

/// How a task is cut into strips of output rows: whole images, or rows of one image.
struct Strips {
  Index images, rows;  // in a strip; one of them is 1 or rows is all
  Index per_image, count;
  Strips(Index batch, Index out_h, Index wanted_rows) {
    images = std::clamp<Index>(wanted_rows / out_h, 1, (std::max)(batch, Index{1}));
    per_image = (out_h + wanted_rows - 1) / wanted_rows;
    rows = (out_h + per_image - 1) / per_image;
    per_image = (out_h + rows - 1) / rows;
    count = per_image == 1 ? (batch + images - 1) / images : batch * per_image;
  }
};

template <class T>
void convolve(ConvTask<T> t, const KernelContext& context) {
  const Index x_pitch = t.groups * t.ci, y_pitch = t.groups * t.co;
  if (t.batch * t.h.out * t.w.out == 0) return;
  const bool direct = t.h.inside() && t.w.inside();
  Index pixels = 0;  // not 0: a 1x1 convolution of that many pixels, whatever image they are in
  if (direct && t.h.taps == 1 && t.w.taps == 1 && t.h.stride == 1 && t.w.stride == 1 && t.h.out == t.h.in &&
      t.w.out == t.w.in && t.h.step == 1 && t.w.step == 1) {
    pixels = t.batch * t.h.out * t.w.out;
    t.w.in = t.w.out = t.y_w = (std::min)(Index{56}, pixels);
    t.h.in = t.h.out = t.y_h = (pixels + t.w.out - 1) / t.w.out;
    t.batch = 1;
  }
  const Index taps = t.h.taps * t.w.taps, panels = (t.co + panel_width<T> - 1) / panel_width<T>;
  const Index block_pitch = direct ? x_pitch : t.ci;
  const Index block_w = direct ? t.w.in : (t.w.out - 1) * t.w.stride + t.w.span();
  const Index row_bytes = t.h.stride * block_w * t.ci * static_cast<Index>(sizeof(T));
  const Index threads = thread_count(context.threads);
  Index wanted_rows = std::clamp<Index>(strip_bytes / (row_bytes + 1), 1, t.batch * t.h.out);
  if (threads > 1)  // enough strips for all
    wanted_rows = std::clamp<Index>(t.batch * t.h.out * panels * t.groups / (4 * threads), 1, wanted_rows);
  const Strips strips(t.batch, t.h.out, wanted_rows);
  const Index splits =
      threads == 1 ? 1 : (std::min)(panels, (4 * threads + strips.count * t.groups - 1) / (strips.count * t.groups));
  const Index image_block = ((strips.rows - 1) * t.h.stride + t.h.span()) * block_w * t.ci;
  const Index block_size = direct ? 0 : strips.images * image_block, rows_size = strips.images * strips.rows;

  Scratch::Frame frame(context.scratch);
  T* const blocks = context.scratch.take<T>(block_size * threads);
  Index* const row_offsets = context.scratch.take<Index>(2 * rows_size * threads);
  const Index items = strips.count * t.groups * splits;
  const Index work = t.batch * t.h.out * t.w.out * (taps * t.ci + 4) * t.co * t.groups / items;
  parallel_for(context.threads, items, (std::max)(Index{1}, Index{300'000} / (work + 1)), [&](Index begin, Index end, int thread) {
    T* const block = blocks + thread * block_size;
    Index* const x_rows = row_offsets + thread * 2 * rows_size;
    Index* const y_rows = x_rows + rows_size;
    for (Index item = begin; item < end; ++item) {
      const Index split = item % splits, group = item / splits % t.groups, strip = item / splits / t.groups;
      const Index image = strips.per_image == 1 ? strip * strips.images : strip / strips.per_image;
      const Index images = strips.per_image == 1 ? (std::min)(strips.images, t.batch - image) : 1;
      const Index first = strips.per_image == 1 ? 0 : strip % strips.per_image * strips.rows;
      const Index rows = (std::min)(strips.rows, t.h.out - first);
      const T* const x = t.x + group * t.ci;

      Conv2DPanel<T> p;
      p.x = direct ? x : block;
      p.x_rows = x_rows, p.y_rows = y_rows;
      p.rows = images * rows, p.width = t.w.out;
      for (Index n = 0; n < images; ++n) {
        if (!direct)
          copy_with_padding(t.h, t.w, first, rows, x + (image + n) * t.h.in * t.w.in * x_pitch, x_pitch, t.ci,
                            block + n * image_block);
        for (Index i = 0; i < rows; ++i) {
          x_rows[n * rows + i] = !direct ? n * image_block + i * t.h.stride * block_w * t.ci
                                 : taps == 0 ? 0
                                             : (((image + n) * t.h.in + (first + i) * t.h.stride - t.h.pad) * t.w.in - t.w.pad) * x_pitch;
          y_rows[n * rows + i] = (((image + n) * t.y_h + t.h.start + (first + i) * t.h.step) * t.y_w + t.w.start) * y_pitch;
        }
      }
      if (pixels) p.width = (std::min)(rows * t.w.out, pixels - first * t.w.out), p.rows = 1;
      p.x_step = t.w.stride * block_pitch, p.y_step = t.w.step * y_pitch;
      const bool merged = t.w.dilation == 1 && block_pitch == t.ci;
      p.runs_h = t.h.taps, p.run_step_h = t.h.dilation * block_w * block_pitch;
      p.runs_w = merged ? 1 : t.w.taps, p.run_step_w = t.w.dilation * block_pitch;
      p.run_length = merged ? t.w.taps * t.ci : t.ci;
      p.clamp_high = t.epilogue.activation.kind == Activation::relu6;
      p.clamp_low = p.clamp_high || t.epilogue.activation.kind == Activation::relu;
      for (Index panel = panels * split / splits; panel < panels * (split + 1) / splits; ++panel) {
        const Index channel = panel * panel_width<T>, at = group * t.co + channel;
        p.channels = (std::min)(panel_width<T>, t.co - channel), p.pitch = panel_pitch<T>(p.channels);
        p.weights = t.packed + group * panels_size<T>(taps * t.ci, t.co) + channel * taps * t.ci;
        p.bias = t.epilogue.bias ? t.epilogue.bias + at : nullptr;
        p.residual = t.epilogue.residual ? t.epilogue.residual + at : nullptr;
        p.y = t.y + at;
        KEEL_SIMD_CALL(context.simd, conv2d_panel<T>)(p);
      }
    }
  });
}

/// Where a packed kernel's weights come from: weight (r, s, c, f) of group k is
/// from[r * row + s * column + c * in + f * out + k * group]. Flipped axes have negative strides.
template <class T>
struct KernelView {
  const T* from;
  Index taps_h, taps_w, ci, co, groups, row, column, in, out, group;

  Index packed_size() const { return groups * panels_size<T>(taps_h * taps_w * ci, co); }
  void pack(T* packed) const {
    for (Index k = 0; k < groups; ++k)
      for (Index f = 0; f < co; f += panel_width<T>) {
        const Index channels = (std::min)(panel_width<T>, co - f), pitch = panel_pitch<T>(channels);
        for (Index r = 0; r < taps_h; ++r)
          for (Index s = 0; s < taps_w; ++s, packed += ci * pitch)
            pack_tap(from + r * row + s * column + f * out + k * group, channels, pitch, packed);
      }
  }

 private:
  void pack_tap(const T* weights, Index channels, Index pitch, T* packed) const {
    if (channels < pitch) std::fill_n(packed, ci * pitch, T(0));
    if (out == 1) {
      for (Index c = 0; c < ci; ++c) std::copy_n(weights + c * in, channels, packed + c * pitch);
      return;
    }
    for (Index block = 0; block < ci; block += 16)  // a transposition, in blocks that stay in the cache
      for (Index f = 0; f < channels; ++f)
        for (Index c = block; c < (std::min)(block + 16, ci); ++c) packed[c * pitch + f] = weights[c * in + f * out];
  }
};

template <class T>
KernelView<T> forward_view(const Conv2DGeometry& g, const T* kernel) {
  const Index tap = g.group_in() * g.out_c;
  return {kernel, g.kernel_h, g.kernel_w, g.group_in(), g.group_out(), g.groups, g.kernel_w * tap, tap, g.out_c, 1,
          g.group_out()};
}

/// The inputs i = phase (mod stride) of one axis as a convolution of the outputs: taps first, first + step, ...
/// of the kernel, last one first.
struct BackwardAxis {
  ConvAxis axis;
  Index first = 0, step = 1;
  BackwardAxis(Index in, Index out, Index taps, Index stride, Index dilation, Index pad, Index phase) {
    while (first < taps && first * dilation % stride != phase) ++first;
    while (step * dilation % stride != 0) ++step;
    const Index count = first < taps ? (taps - 1 - first) / step + 1 : 0;
    const Index begin = pad > phase ? (pad - phase + stride - 1) / stride : 0;  // smallest q with i = q stride + phase - pad >= 0
    const Index start = begin * stride + phase - pad, delay = step * dilation / stride;
    axis = {out, start < in ? (in - 1 - start) / stride + 1 : 0, count, 1, delay, 0, start, stride};
    if (count > 0) axis.pad = (first * dilation - phase) / stride + (count - 1) * delay - begin;
  }
};

}  // namespace detail

/// Number of values that conv2d_pack writes. The batch is irrelevant.
template <class T>
Index conv2d_packed_size(const Conv2DGeometry& g) {
  return detail::forward_view<T>(g, nullptr).packed_size();
}

/// Arranges a kernel for conv2d_forward: panels of output channels, each with its weights in the order of use.
template <class T>
void conv2d_pack(const Conv2DGeometry& g, const T* kernel, T* packed) {
  detail::forward_view(g, kernel).pack(packed);
}

/// y = activation(conv(x, kernel) + bias + residual).
template <class T>
void conv2d_forward(const Conv2DGeometry& g, const T* x, const T* packed, const Epilogue<T>& epilogue, T* y,
                    const KernelContext& context) {
  const detail::ConvAxis h{g.in_h, g.out_h, g.kernel_h, g.stride_h, g.dilation_h, g.pad_top};
  const detail::ConvAxis w{g.in_w, g.out_w, g.kernel_w, g.stride_w, g.dilation_w, g.pad_left};
  detail::convolve<T>({h, w, g.batch, g.groups, g.group_in(), g.group_out(), g.out_h, g.out_w, x, packed, y, epilogue},
                      context);
  const Activation kind = epilogue.activation.kind;
  if (kind != Activation::linear && kind != Activation::relu && kind != Activation::relu6)
    activation_forward(epilogue.activation, g.batch * g.out_h * g.out_w, g.out_c, y, y, context);
}

/// dx = the gradient of sum(dy conv(x, kernel)) with respect to x; it overwrites dx. As a function of dy it is
/// the transposed convolution. Computed as convolutions of dy with the flipped kernel, one for each residue of
/// the position modulo the stride.
template <class T>
void conv2d_backward_input(const Conv2DGeometry& g, const T* dy, const T* kernel, T* dx,
                           const KernelContext& context) {
  const Index ci = g.group_in(), tap = ci * g.out_c;
  for (Index i = 0; i < g.stride_h; ++i)
    for (Index j = 0; j < g.stride_w; ++j) {
      const detail::BackwardAxis h(g.in_h, g.out_h, g.kernel_h, g.stride_h, g.dilation_h, g.pad_top, i);
      const detail::BackwardAxis w(g.in_w, g.out_w, g.kernel_w, g.stride_w, g.dilation_w, g.pad_left, j);
      const bool empty = h.axis.taps * w.axis.taps == 0;
      const T* const last = empty ? kernel
                                  : kernel + ((h.first + (h.axis.taps - 1) * h.step) * g.kernel_w + w.first + (w.axis.taps - 1) * w.step) * tap;
      const detail::KernelView<T> view{last, h.axis.taps, w.axis.taps, g.group_out(), ci, g.groups,
                                       -h.step * g.kernel_w * tap, -w.step * tap, 1, g.out_c, g.group_out()};
      Scratch::Frame frame(context.scratch);
      T* const packed = context.scratch.take<T>(view.packed_size());
      view.pack(packed);
      detail::convolve<T>({h.axis, w.axis, g.batch, g.groups, g.group_out(), ci, g.in_h, g.in_w, dy, packed, dx, {}},
                          context);
    }
}

/// dkernel = the gradient of sum(dy conv(x, kernel)) with respect to the kernel, or adds it to dkernel.
template <class T>
void conv2d_backward_kernel(const Conv2DGeometry& g, const T* x, const T* dy, T* dkernel, bool accumulate,
                            const KernelContext& context) {
  const Index ci = g.group_in(), co = g.group_out();
  if (!accumulate) std::fill(dkernel, dkernel + g.kernel_size(), T(0));
  parallel_for(context.threads, g.kernel_h * g.kernel_w * ci, 1, [&](Index begin, Index end) {
    for (Index weight = begin; weight < end; ++weight) {
      const Index r = weight / (g.kernel_w * ci), s = weight / ci % g.kernel_w, c = weight % ci;
      T* const sums = dkernel + weight * g.out_c;
      for (Index row = 0; row < g.batch * g.out_h; ++row) {
        const Index i = row % g.out_h * g.stride_h + r * g.dilation_h - g.pad_top;
        if (i < 0 || i >= g.in_h) continue;
        for (Index j = 0; j < g.out_w; ++j) {
          const Index l = j * g.stride_w + s * g.dilation_w - g.pad_left;
          if (l < 0 || l >= g.in_w) continue;
          const T* const pixel = x + ((row / g.out_h * g.in_h + i) * g.in_w + l) * g.in_c;
          const T* const gradient = dy + (row * g.out_w + j) * g.out_c;
          for (Index f = 0; f < g.out_c; ++f) sums[f] += pixel[f / co * ci + c] * gradient[f];
        }
      }
    }
  });
}

}  // namespace keel::inline KEEL_ABI
