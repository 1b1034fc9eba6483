#pragma once

#include <limits>

#include <keel/kernels/conv2d/geometry.hpp>
#include <keel/kernels/conv2d/depthwise.hpp>
#include <keel/kernels/conv2d/winograd.hpp>

namespace keel {
inline namespace KEEL_ABI {

namespace detail {

/// Without the first and the last taps that no output finds inside the image, so that no dilation makes the blocks
/// of padded input large.
inline ConvAxis used_axis(Index in, Index out, Index taps, Index stride, Index dilation, Index pad) {
  Index first = 0, last = taps - 1;
  while (first < last && (out - 1) * stride + first * dilation < pad) ++first;
  while (first < last && last * dilation - pad >= in) --last;
  return {in, out, last - first + 1, stride, dilation, pad - first * dilation};
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

template <class T>
KernelView<T> forward_view(const Conv2DGeometry& g, const T* kernel) {
  const ConvAxis h = height_axis(g), w = width_axis(g);
  const Index tap = g.group_in() * g.out_c;
  return {kernel ? kernel + first_weight(g, h, w) : nullptr,
          h.taps,
          w.taps,
          g.group_in(),
          g.group_out(),
          g.groups,
          g.kernel_w * tap,
          tap,
          g.out_c,
          1,
          g.group_out()};
}

/// The inputs i = phase (mod stride) of one axis as a convolution of the outputs with every `step`th tap of the
/// kernel from `first` on, last one first.
struct BackwardAxis {
  ConvAxis axis;
  Index first = 0, step = 1;

  BackwardAxis(const ConvAxis& forward, Index phase) {
    const Index stride = forward.stride, dilation = forward.dilation, place = phase + forward.pad;
    while (first < forward.taps && (place - first * dilation) % stride != 0) ++first;
    while (step * dilation % stride != 0) ++step;
    const Index taps = first < forward.taps ? (forward.taps - 1 - first) / step + 1 : 0;
    axis = {forward.out, (forward.in - phase + stride - 1) / stride, taps, 1, step * dilation / stride, 0, phase,
            stride};
    if (taps > 0) axis.pad = (last() * dilation - place) / stride;
  }
  Index last() const { return first + ((std::max)(axis.taps, Index{1}) - 1) * step; }

  /// All outputs that some phase reads (at least one does), for the first phase's inputs.
  static ConvAxis all(const ConvAxis& forward) {
    ConvAxis result = BackwardAxis(forward, 0).axis;
    if (forward.stride == 1) return result;
    Index before = (std::numeric_limits<Index>::min)(), end = before;
    for (Index phase = 0; phase < forward.stride; ++phase) {
      const ConvAxis axis = BackwardAxis(forward, phase).axis;
      if (axis.taps > 0) before = (std::max)(before, axis.pad), end = (std::max)(end, axis.span() - axis.pad);
    }
    result.taps = before + end, result.pad = before, result.dilation = 1;
    return result;
  }
};

inline ConvShape forward_shape(const Conv2DGeometry& g) {
  return {height_axis(g), width_axis(g), g.batch, g.groups, g.group_in(), g.group_out(), g.out_h, g.out_w};
}

/// One of the convolutions that read the same inputs and write different pixels.
template <class T>
struct ConvPhase {
  ConvAxis h, w;
  KernelView<T> kernel;
  const T* packed;  // or nullptr: packed on the way
  Index sum() const { return kernel.planes(0) * kernel.ci; }
};

/// y = epilogue(convolution) for each phase, 0 between them; `shape` reads all that any of them does.
template <class T>
void convolve(const ConvShape& shape, ConvPhase<T>* phases, Index phase_count, const T* x, const Epilogue<T>& epilogue,
              T* y, const KernelContext& context) {
  ConvStrips<T> strips(shape, ConvStrips<T>::Layout::in_place);
  const Index panels = panel_count<T>(strips.co), out_c = strips.groups * strips.co;
  const Index threads = thread_count(context.threads), out_rows = strips.rows();
  const bool gaps = phase_count < shape.h.step * shape.w.step;
  const bool packs = phase_count > 0 && !phases[0].packed;
  Index sum = 0, longest = 0;
  for (Index i = 0; i < phase_count; ++i) sum += phases[i].sum(), longest = (std::max)(longest, phases[i].sum());
  // The inputs of a strip stay in the second-level cache while all panels of weights pass by; the more weights,
  // the more pixels they should serve. Where there are more weights than inputs, each panel is packed just before
  // it serves them all.
  const Index strip_values =
      std::clamp<Index>(sum * strips.co * strips.groups / 16, (64 << 10) / sizeof(T), (640 << 10) / sizeof(T));
  Index rows = std::clamp<Index>(strip_values / (strips.row_inputs() + 1), 1, out_rows);
  if (packs && out_rows * strips.row_inputs() < sum * strips.co) rows = out_rows;
  if (threads > 1) rows = std::clamp<Index>(out_rows * panels * strips.groups / (4 * threads), 1, rows);
  strips.cut(rows);
  const Index parts = strips.count * strips.groups;
  const Index splits = threads == 1 ? 1 : (std::min)(panels, (4 * threads + parts - 1) / parts);
  const Index panel_size = (longest + weights_ahead) * panel_width<T>;
  T* const own_panels = packs && strips.count == 1 ? context.scratch.take<T>(panel_size * threads) : nullptr;
  for (Index i = 0; packs && !own_panels && i < phase_count; ++i) phases[i].packed = phases[i].kernel.pack(0, context);
  T* const blocks = context.scratch.take<T>(strips.block_size() * threads);
  Index* const row_offsets = context.scratch.take<Index>(2 * strips.strip_rows() * threads);
  auto* const held = HeldStrip<Conv2DPanel<T>>::take(context);
  const auto convolve_items = [&](Index begin, Index end, int thread) {
    T* const block = blocks + thread * strips.block_size();
    T* const own = own_panels ? own_panels + thread * panel_size : nullptr;
    Conv2DPanel<T>& p = held[thread].rows;
    p.clamp_high = epilogue.activation.kind == Activation::relu6;
    p.clamp_low = p.clamp_high || epilogue.activation.kind == Activation::relu;
    for (Index item = begin; item < end; ++item) {
      const Index split = item % splits, part = item / splits;
      const Index group = part % strips.groups, strip = part / strips.groups;
      const Index first = panels * split / splits, last = panels * (split + 1) / splits;
      if (held[thread].misses(part)) strips.read(x, strip, group, block);
      if (gaps)
        strips.clear(y, strip, group * strips.co + first * panel_width<T>,
                     group * strips.co + (std::min)(strips.co, last * panel_width<T>));
      for (Index i = 0; i < phase_count; ++i) {
        const ConvPhase<T>& phase = phases[i];
        strips.place(x, strip, group, block, phase.h, phase.w, row_offsets + thread * 2 * strips.strip_rows(), p);
        for (Index panel = first; panel < last; ++panel) {
          const Index channel = panel * panel_width<T>, at = group * strips.co + channel;
          p.channels = (std::min)(panel_width<T>, strips.co - channel), p.pitch = panel_pitch<T>(p.channels);
          if (own) phase.kernel.pack_alone(0, group, channel, own, context.simd);
          p.weights = own ? own : phase.packed + group * panels_size<T>(phase.sum(), strips.co) + channel * phase.sum();
          p.bias = epilogue.bias ? epilogue.bias + at : nullptr;
          p.residual = epilogue.residual ? epilogue.residual + at : nullptr;
          p.y = y + at;
          p.next = p.next_end = nullptr;
          if (gaps) {  // They make memory the limit: fetch a share of what the next strip writes.
            const Index size = (strips.first_pixel(strip + 2) - strips.first_pixel(strip + 1)) * out_c;
            const Index share = i * panels + panel, shares = phase_count * panels;
            p.next = y + strips.first_pixel(strip + 1) * out_c + size * share / shares;
            p.next_end = y + strips.first_pixel(strip + 1) * out_c + size * (share + 1) / shares;
          } else if (!own) {
            p.fetch_next(phase.sum() * p.pitch, phase.packed,
                         phase.packed + strips.groups * panels_size<T>(phase.sum(), strips.co));
          }
          KEEL_SIMD_CALL(context.simd, conv2d_panel<T>)(p);
        }
      }
    }
  };
  const Index work = strips.pixels() * (sum + 4 * phase_count) * strips.co / (strips.count * splits) + 1;
  parallel_for(context.threads, parts * splits, (std::max)(Index{1}, Index{300'000} / work), convolve_items);
}

/// y = epilogue(convolution) with weights packed for Winograd's `tile`, or nullptr: they are packed here.
template <class T>
void convolve(const ConvShape& shape, Index tile, const T* x, const KernelView<T>& kernel, const T* packed,
              const Epilogue<T>& epilogue, T* y, const KernelContext& context) {
  Scratch::Frame frame(context.scratch);
  if (tile == 2) return convolve_winograd<T, 2>(shape, x, kernel, packed, epilogue, y, context);
  if (tile == 4) return convolve_winograd<T, 4>(shape, x, kernel, packed, epilogue, y, context);
  ConvPhase<T> phase{shape.h, shape.w, kernel, packed};
  convolve(shape, &phase, 1, x, epilogue, y, context);
}

}  // namespace detail

/// Number of values that conv2d_pack writes. The batch is irrelevant.
template <class T>
Index conv2d_packed_size(const Conv2DGeometry& g) {
  if (g.is_depthwise()) return g.kernel_size();
  return detail::forward_view<T>(g, nullptr).packed_size(detail::winograd_tile(detail::forward_shape(g)));
}

/// Arranges a kernel for conv2d_forward: panels of output channels, each with its weights in the order of use.
template <class T>
void conv2d_pack(const Conv2DGeometry& g, const T* kernel, T* packed) {
  if (g.is_depthwise())
    std::copy_n(kernel, g.kernel_size(), packed);
  else
    detail::forward_view(g, kernel).pack(detail::winograd_tile(detail::forward_shape(g)), packed, nullptr,
                                         simd_level());
}

/// y = activation(conv(x, kernel) + bias + residual). The order of every sum is fixed by the geometry of one
/// sample. 3 x 3 kernels with stride 1, 16 or more channels on both sides and 64 or more output pixels use
/// Winograd's F(4 x 4, 3 x 3), whose error is 1.8 times that of adding up the products one by one (root mean
/// square, 256 channels); those with 49 pixels and 32 channels F(2 x 2, 3 x 3), 0.6 times, and F(4 x 4, 3 x 3) in
/// training; tiles of outputs that are not finite are plain sums. In training, where weights change at every step,
/// `packed` is nullptr: `kernel` is packed on the way.
template <class T>
void conv2d_forward(const Conv2DGeometry& g, const T* x, const T* packed, const Epilogue<T>& epilogue, T* y,
                    const KernelContext& context, const T* kernel) {
  if (g.is_depthwise()) return depthwise_conv2d_forward(g, x, packed ? packed : kernel, epilogue, y, context);
  if (g.batch * g.out_h * g.out_w * g.out_c == 0) return;
  const detail::ConvShape shape = detail::forward_shape(g);
  const Index tile = detail::winograd_tile(shape, packed == nullptr);
  detail::convolve(shape, tile, x, detail::forward_view(g, kernel), packed, epilogue, y, context);
  const Activation kind = epilogue.activation.kind;
  if (kind != Activation::linear && kind != Activation::relu && kind != Activation::relu6)
    activation_forward(epilogue.activation, g.batch * g.out_h * g.out_w, g.out_c, y, y, context);
}

/// dx = the gradient of sum(dy conv(x, kernel)) with respect to x; it overwrites dx. As a function of dy it is
/// the transposed convolution. Computed as convolutions of dy with the flipped kernel, one for each residue of
/// the position modulo the stride.
template <class T>
void conv2d_backward_input(const Conv2DGeometry& g, const T* dy, const T* kernel, T* dx, const KernelContext& context) {
  if (g.is_depthwise()) return depthwise_conv2d_backward_input(g, dy, kernel, dx, context);
  if (g.batch * g.in_h * g.in_w * g.in_c == 0) return;
  using detail::BackwardAxis, detail::ConvPhase;
  const detail::ConvAxis height = detail::height_axis(g), width = detail::width_axis(g);
  const Index ci = g.group_in(), co = g.group_out(), tap = ci * g.out_c;
  const T* const first = kernel + detail::first_weight(g, height, width);
  Scratch::Frame frame(context.scratch);
  ConvPhase<T>* const phases = context.scratch.take<ConvPhase<T>>(g.stride_h * g.stride_w);
  Index count = 0;
  for (Index i = 0; i < (std::min)(g.stride_h, g.in_h); ++i)
    for (Index j = 0; j < (std::min)(g.stride_w, g.in_w); ++j) {
      const BackwardAxis h(height, i), w(width, j);
      if (h.axis.taps * w.axis.taps > 0)
        phases[count++] = {h.axis,
                           w.axis,
                           {first + (h.last() * g.kernel_w + w.last()) * tap, h.axis.taps, w.axis.taps, co, ci,
                            g.groups, -h.step * g.kernel_w * tap, -w.step * tap, 1, g.out_c, co},
                           nullptr};
    }
  if (count == 0) {
    std::fill_n(dx, g.batch * g.in_h * g.in_w * g.in_c, T(0));
    return;
  }
  const detail::ConvShape shape{
      BackwardAxis::all(height), BackwardAxis::all(width), g.batch, g.groups, co, ci, g.in_h, g.in_w};
  if (const Index tile = detail::winograd_tile(shape, true))
    return detail::convolve<T>(shape, tile, dy, phases[0].kernel, nullptr, {}, dx, context);
  detail::convolve<T>(shape, phases, count, dy, {}, dx, context);
}

template <class T>
void conv2d_backward_kernel(const Conv2DGeometry& g, const T* x, const T* dy, T* dkernel, bool accumulate,
                            const KernelContext& context);

namespace detail {

/// The kernel's gradient where some taps see nothing: theirs is 0.
template <class T>
void backward_used_taps(Conv2DGeometry g, const ConvShape& shape, const T* x, const T* dy, T* dkernel, bool accumulate,
                        const KernelContext& context) {
  if (!accumulate) std::fill_n(dkernel, g.kernel_size(), T(0));
  T* to = dkernel + first_weight(g, shape.h, shape.w);
  const Index row = g.kernel_w * g.group_in() * g.out_c;
  g.kernel_h = shape.h.taps, g.kernel_w = shape.w.taps, g.pad_top = shape.h.pad, g.pad_left = shape.w.pad;
  const Index used = g.kernel_w * g.group_in() * g.out_c;
  Scratch::Frame frame(context.scratch);
  T* const from = context.scratch.take<T>(g.kernel_size());
  conv2d_backward_kernel(g, x, dy, from, false, context);
  for (Index r = 0; r < g.kernel_h; ++r)
    for (Index i = 0; i < used; ++i) to[r * row + i] += from[r * used + i];
}

/// The kernel's gradient as plain sums over strips of output rows.
template <class T>
void direct_backward_kernel(const Conv2DGeometry& g, const T* x, const T* dy, T* dkernel, bool accumulate,
                            const KernelContext& context) {
  using Strips = ConvStrips<T>;
  Strips strips(forward_shape(g), Strips::Layout::planes);
  strips.cut((std::max)(Index{1}, 512 / strips.row_pixels()));
  const Index strip_rows = strips.strip_rows(), strip_pixels = strip_rows * strips.row_pixels();
  const Index panels = panel_count<T>(strips.co), threads = thread_count(context.threads);
  const Index length = strips.run(0).length, tile = length % 7 == 0 && length % 8 != 0 ? 7 : 8;  // weights
  const Index tiles = (length + tile - 1) / tile, panel_tiles = strips.runs() * tiles;
  Scratch::Frame frame(context.scratch);
  T* const blocks = context.scratch.take<T>(strips.block_size() * threads);
  T* const gradients = context.scratch.take<T>(strip_pixels * panel_width<T> * threads);
  Index* const row_offsets = context.scratch.take<Index>(2 * strip_rows * threads);
  const Index x_row = g.batch * g.in_h * g.in_w * g.in_c / strips.rows();
  const Index dy_row = g.batch * g.out_h * g.out_w * g.out_c / strips.rows();

  // Each thread computes some of the weights, from all strips.
  const Index all = g.groups * panels * panel_tiles;
  const Index parts = (std::min)(threads, all * strips.pixels() / 10'000 + 1);
  parallel_for(context.threads, parts, 1, [&](Index begin, Index end, int thread) {
    const Index first = begin * all / parts, last = end * all / parts;
    T* const gradient = gradients + thread * strip_pixels * panel_width<T>;
    Conv2DGradient<T> p;
    p.out_c = g.out_c;
    p.tile = tile;
    for (Index strip = 0; strip < strips.count; ++strip) {
      p.add = accumulate || strip > 0;
      // What the next strip reads is fetched while this one is worked on, a cache line with each pixel of a tile,
      // if the second-level cache has room for it.
      const bool fetches = strip + 1 < strips.count && strip_rows * (x_row + dy_row) * Index{sizeof(T)} <= 512 << 10;
      const T* ahead[] = {x + strips.first_row(strip + 1) * x_row, dy + strips.first_row(strip + 1) * dy_row};
      const Index rows = fetches ? (std::min)(strip_rows, strips.rows() - strips.first_row(strip + 1)) : 0;
      Index left[] = {rows * x_row, rows * dy_row};
      for (Index at = first, next; at < last; at = next) {
        const Index group = at / panel_tiles / panels, panel = at / panel_tiles % panels;
        next = (std::min)(last, (at / tiles + 1) * tiles);
        if (at == first || at % (panels * panel_tiles) == 0)
          strips.read(x, strip, group, blocks + thread * strips.block_size(), row_offsets + thread * 2 * strip_rows, p);
        const Index channel = group * strips.co + panel * panel_width<T>;
        if (at == first || at % panel_tiles == 0) {
          p.channels = (std::min)(panel_width<T>, strips.co - panel * panel_width<T>);
          p.pitch = panel_pitch<T>(p.channels);
          p.take(dy + channel, panel_tiles, gradient);
        }
        const typename Strips::Run run = strips.run(at / tiles % strips.runs());
        p.run = run.offset, p.next_run = strips.run((at / tiles + 1) % strips.runs()).offset;
        p.begin = at % tiles * tile, p.end = (std::min)(run.length, p.begin + (next - at) * tile);
        p.dkernel = dkernel + run.weight * g.out_c + channel;
        const int which = left[0] > 0 ? 0 : 1;
        p.next = ahead[which];
        p.next_end = ahead[which] + (std::max)(left[which], Index{0});
        KEEL_SIMD_CALL(context.simd, conv2d_gradient<T>)(p);
        const Index fetched = p.rows * p.width * 64 / Index{sizeof(T)};
        ahead[which] += fetched, left[which] -= fetched;
      }
    }
  });
}

/// By Winograd's method, and what that does not give as a finite value as plain sums.
template <class T>
void fast_backward_kernel(const Conv2DGeometry& g, const T* x, const T* dy, T* dkernel, bool accumulate,
                          const KernelContext& context) {
  const ConvShape shape = forward_shape(g);
  if (!winograd_backward_kernel<T>(shape, x, dy, dkernel, accumulate, context)) return;
  Scratch::Frame frame(context.scratch);
  T* const exact = context.scratch.take<T>(g.kernel_size());
  direct_backward_kernel(g, x, dy, exact, false, context);
  winograd_backward_kernel<T>(shape, x, dy, dkernel, accumulate, context, exact);
}

}  // namespace detail

/// dkernel = the gradient of sum(dy conv(x, kernel)) with respect to the kernel, or adds it to dkernel. Every
/// weight's sum is over strips of output rows in order, the strips cut as the geometry alone says. NaN and infinity
/// are where plain sums have them.
template <class T>
void conv2d_backward_kernel(const Conv2DGeometry& g, const T* x, const T* dy, T* dkernel, bool accumulate,
                            const KernelContext& context) {
  if (g.is_depthwise()) return depthwise_conv2d_backward_kernel(g, x, dy, dkernel, accumulate, context);
  if (g.batch * g.out_h * g.out_w == 0) {
    if (!accumulate) std::fill_n(dkernel, g.kernel_size(), T(0));
    return;
  }
  const detail::ConvShape shape = detail::forward_shape(g);
  if (shape.h.taps * shape.w.taps < g.kernel_h * g.kernel_w)
    return detail::backward_used_taps(g, shape, x, dy, dkernel, accumulate, context);
  if (detail::winograd_tile(shape, true)) return detail::fast_backward_kernel(g, x, dy, dkernel, accumulate, context);
  detail::direct_backward_kernel(g, x, dy, dkernel, accumulate, context);
}

KEEL_INSTANCE(Index conv2d_packed_size<float>(const Conv2DGeometry&))
KEEL_INSTANCE(void conv2d_pack<float>(const Conv2DGeometry&, const float*, float*))
KEEL_INSTANCE(void conv2d_forward<float>(const Conv2DGeometry&, const float*, const float*, const Epilogue<float>&,
                                         float*, const KernelContext&, const float*))
KEEL_INSTANCE(void conv2d_backward_input<float>(const Conv2DGeometry&, const float*, const float*, float*,
                                                const KernelContext&))
KEEL_INSTANCE(void conv2d_backward_kernel<float>(const Conv2DGeometry&, const float*, const float*, float*, bool,
                                                 const KernelContext&))

}  // namespace KEEL_ABI
}  // namespace keel
