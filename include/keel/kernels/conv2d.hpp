#pragma once

#include <utility>

#include <keel/kernels/conv2d_geometry.hpp>
#include <keel/kernels/conv2d_strips.hpp>
#include <keel/kernels/depthwise_conv2d.hpp>

#define KEEL_SIMD_SOURCE <keel/kernels/simd/conv2d.inl>
#include <keel/kernels/simd/foreach.inl>

namespace keel::inline KEEL_ABI {

namespace detail {

inline ConvAxis height_axis(const Conv2DGeometry& g) {
  return {g.in_h, g.out_h, g.kernel_h, g.stride_h, g.dilation_h, g.pad_top};
}
inline ConvAxis width_axis(const Conv2DGeometry& g) {
  return {g.in_w, g.out_w, g.kernel_w, g.stride_w, g.dilation_w, g.pad_left};
}

template <class T>
KernelView<T> forward_view(const Conv2DGeometry& g, const T* kernel) {
  const Index tap = g.group_in() * g.out_c;
  return {kernel, g.kernel_h, g.kernel_w, g.group_in(), g.group_out(), g.groups, g.kernel_w * tap,
          tap,    g.out_c,    1,          g.group_out()};
}

/// The inputs i = phase (mod stride) of one axis as a convolution of the outputs with every `step`th tap of the
/// kernel from `first` on, last one first.
struct BackwardAxis {
  ConvAxis axis;
  Index first = 0, step = 1;

  BackwardAxis(const ConvAxis& forward, Index phase) {
    const Index stride = forward.stride, dilation = forward.dilation;
    while (first < forward.taps && first * dilation % stride != phase) ++first;
    while (step * dilation % stride != 0) ++step;
    const Index taps = first < forward.taps ? (forward.taps - 1 - first) / step + 1 : 0;
    const Index skip = forward.pad > phase ? (forward.pad - phase + stride - 1) / stride : 0;
    const Index start = skip * stride + phase - forward.pad, delay = step * dilation / stride;
    axis = {forward.out, start < forward.in ? (forward.in - 1 - start) / stride + 1 : 0, taps, 1, delay, 0, start,
            stride};
    if (taps > 0) axis.pad = (first * dilation - phase) / stride + (taps - 1) * delay - skip;
  }
  Index last() const { return first + ((std::max)(axis.taps, Index{1}) - 1) * step; }
};

inline ConvShape forward_shape(const Conv2DGeometry& g) {
  return {height_axis(g), width_axis(g), g.batch, g.groups, g.group_in(), g.group_out(), g.out_h, g.out_w};
}

/// The tile M of Winograd's F(M x M, 3 x 3), or 0 where the method is not used: 3 x 3 taps, stride 1, enough
/// channels and pixels to pay for the transforms. Neither batch nor machine have a say, so that they do not change
/// a bit. Few pixels pay for the many weights of M = 4 only where several samples share them, as in training.
inline Index winograd_tile(const ConvShape& s, bool training = false) {
  const auto fits = [](const ConvAxis& a) {
    return a.taps == 3 && a.stride == 1 && a.dilation == 1 && a.step == 1 && a.start == 0;
  };
  if (!fits(s.h) || !fits(s.w) || s.ci < 16 || s.co < 16) return 0;
  const Index pixels = s.h.out * s.w.out;
  return pixels >= 64 ? 4 : pixels >= 49 && s.ci >= 32 && s.co >= 32 ? (training ? 4 : 2) : 0;
}

/// The strips of tiles for Winograd's method, as a convolution of (M + 2) x (M + 2) taps with stride M.
template <class T>
ConvStrips<T> winograd_strips(ConvShape shape, Index tile) {
  for (ConvAxis* axis : {&shape.h, &shape.w})
    axis->out = (axis->out + tile - 1) / tile, axis->taps = tile + 2, axis->stride = axis->step = tile;
  return ConvStrips<T>(shape, ConvStrips<T>::Layout::in_place);
}

/// From one matrix to the next: an odd number of cache lines, so that matrices fall into different cache sets.
template <class T>
Index winograd_plane(Index tiles, Index pitch) {
  constexpr Index line = 64 / sizeof(T);
  return ((tiles * pitch + line - 1) / line | 1) * line;
}

/// y = epilogue(convolution) by Winograd's method.
template <class T, int M>
void convolve_winograd(const ConvShape& shape, const T* x, const KernelView<T>& kernel, const T* packed,
                       const Epilogue<T>& epilogue, T* y, const KernelContext& context) {
  constexpr Index matrices = (M + 2) * (M + 2);
  ConvStrips<T> strips = winograd_strips<T>(shape, M);
  const Index ci = shape.ci, co = shape.co, out_c = co * shape.groups;
  const Index panels = panel_count<T>(co), threads = thread_count(context.threads);
  // Inputs and a panel's sums of a strip's tiles stay in the second-level cache, unless there are so many weights
  // that they should rather come from memory seldom.
  const Index v_pitch = ci + 16, m_pitch = panel_width<T> + 16;
  const Index tile_bytes = matrices * (v_pitch + m_pitch) * Index{sizeof(T)};
  const bool heavy = matrices * ci * co * Index{sizeof(T)} > 4 << 20;
  const Index tiles = heavy ? 128 : (std::max)(Index{28}, (800 << 10) / tile_bytes);
  Index rows = tiles / strips.row_pixels();
  if (threads > 1)  // but no fewer tiles than are multiplied at a time
    rows = (std::min)(rows, (std::max)(strips.rows() * panels * shape.groups / (4 * threads),
                                       13 / strips.row_pixels() + 1));
  strips.cut(std::clamp<Index>(rows, 1, strips.rows()));
  const Index parts = strips.count * shape.groups;
  const Index splits = threads == 1 ? 1 : (std::min)(panels, (4 * threads + parts - 1) / parts);
  const Index most = strips.strip_rows() * strips.row_pixels();
  const Index v_plane = winograd_plane<T>(most, v_pitch), m_plane = winograd_plane<T>(most, m_pitch);

  T* const blocks = context.scratch.take<T>(strips.block_size() * threads);
  T* const values = context.scratch.take<T>(matrices * (v_plane + m_plane) * threads);
  Index* const row_offsets = context.scratch.take<Index>(2 * strips.strip_rows() * threads);
  struct Held {  // the inputs that a thread has transformed
    Index part;
    WinogradTiles<T> tiles;
  };
  Held* const held = context.scratch.take<Held>(threads);
  std::fill_n(held, threads, Held{-1, {}});
  // One strip needs each panel of weights once, right after it was packed.
  const Index panel_size = matrices * ci * panel_width<T>;
  T* const own_panels = !packed && strips.count == 1 ? context.scratch.take<T>(panel_size * threads) : nullptr;
  if (!packed && !own_panels) packed = kernel.pack(M, context);
  parallel_for(context.threads, parts * splits, 1, [&](Index begin, Index end, int thread) {
    const Index origin = 0;
    T* const v = values + thread * matrices * (v_plane + m_plane);
    T* const m = v + matrices * v_plane;
    WinogradTiles<T>& w = held[thread].tiles;
    w.out_h = shape.y_h, w.out_w = shape.y_w, w.out_c = out_c;
    w.v = v, w.m = m, w.v_pitch = v_pitch, w.m_pitch = m_pitch, w.v_plane = v_plane, w.m_plane = m_plane;
    w.clamp_high = epilogue.activation.kind == Activation::relu6;
    w.clamp_low = w.clamp_high || epilogue.activation.kind == Activation::relu;
    Conv2DPanel<T> p{};
    p.x_rows = p.y_rows = &origin;
    p.rows = p.runs_h = p.runs_w = 1, p.run_length = ci, p.x_step = v_pitch, p.y_step = m_pitch;
    for (Index item = begin; item < end; ++item) {
      const Index split = item % splits, part = item / splits, group = part % shape.groups;
      if (std::exchange(held[thread].part, part) != part) {
        strips.read(x, part / shape.groups, group, blocks + thread * strips.block_size(),
                    row_offsets + thread * 2 * strips.strip_rows(), w);
        w.channels = ci;
        KEEL_SIMD_CALL(context.simd, winograd_inputs<T, M>)(w);
      }
      p.width = w.rows * w.width;
      for (Index panel = panels * split / splits; panel < panels * (split + 1) / splits; ++panel) {
        const Index channel = panel * panel_width<T>, at = group * co + channel;
        const T* weights = nullptr;
        if (own_panels) {
          weights = own_panels + thread * panel_size;
          kernel.pack_panel(M, group, channel, own_panels + thread * panel_size, context.simd);
        } else {
          weights = packed + (group * panels_size<T>(ci, co) + channel * ci) * matrices;
        }
        w.channels = (std::min)(panel_width<T>, co - channel);
        p.channels = p.pitch = panel_pitch<T>(w.channels);
        for (Index i = 0; i < matrices; ++i) {
          p.weights = weights + i * ci * p.pitch;
          p.x = v + i * v_plane, p.y = m + i * m_plane;
          KEEL_SIMD_CALL(context.simd, conv2d_panel<T>)(p);
        }
        w.bias = epilogue.bias ? epilogue.bias + at : nullptr;
        w.residual = epilogue.residual ? epilogue.residual + at : nullptr;
        w.y = y + at;
        KEEL_SIMD_CALL(context.simd, winograd_outputs<T, M>)(w);
      }
    }
  });
}

/// The kernel's gradient by the transposed steps, with tiles of 4 x 4: the sums over tiles of the products, then 9
/// taps from those.
template <class T>
void winograd_backward_kernel(const ConvShape& shape, const T* x, const T* dy, T* dkernel, bool accumulate,
                              const KernelContext& context) {
  constexpr Index tile_size = 4, matrices = (tile_size + 2) * (tile_size + 2);
  ConvStrips<T> strips = winograd_strips<T>(shape, tile_size);
  const Index ci = shape.ci, co = shape.co, out_c = co * shape.groups, columns = strips.row_pixels();
  const Index panels = panel_count<T>(co), threads = thread_count(context.threads);
  // Threads transform strips of 28 tiles, and multiply what some of those give, for blocks of weights of which all
  // matrices stay in the second-level cache.
  strips.cut((std::max)(Index{1}, 28 / columns));
  const Index several = (std::max)(Index{1}, 128 / (strips.strip_rows() * columns));
  constexpr Index height = 64, width = panel_width<T>, plane = height * width;
  const Index heights = (ci + height - 1) / height;
  const bool once = strips.count <= several;
  const Index most = several * strips.strip_rows() * columns, v_pitch = ci + 16,
              m_pitch = panels * panel_width<T> + 16;
  const Index v_plane = winograd_plane<T>(most, v_pitch), m_plane = winograd_plane<T>(most, m_pitch);
  Scratch::Frame frame(context.scratch);
  T* const blocks = context.scratch.take<T>(strips.block_size() * threads);
  T* const v = context.scratch.take<T>(matrices * v_plane);
  T* const m = context.scratch.take<T>(matrices * m_plane);
  T* const blocks_of_u = context.scratch.take<T>(matrices * plane * (once ? threads : heights * panels));
  Index* const row_offsets = context.scratch.take<Index>(2 * strips.strip_rows() * threads);
  for (Index group = 0; group < shape.groups; ++group) {
    for (Index strip = 0; strip < strips.count; strip += several) {
      const Index end_strip = (std::min)(strip + several, strips.count), first = strips.first_row(strip);
      const Index tiles =
          (end_strip < strips.count ? strips.first_row(end_strip) : strips.rows()) * columns - first * columns;
      parallel_for(context.threads, end_strip - strip, 1, [&](Index begin, Index end, int thread) {
        WinogradTiles<T> w{};
        w.out_h = shape.y_h, w.out_w = shape.y_w, w.out_c = out_c;
        w.v_pitch = v_pitch, w.m_pitch = m_pitch, w.v_plane = v_plane, w.m_plane = m_plane;
        for (Index i = strip + begin; i < strip + end; ++i) {
          strips.read(x, i, group, blocks + thread * strips.block_size(),
                      row_offsets + thread * 2 * strips.strip_rows(), w);
          const Index tile = (strips.first_row(i) - first) * columns;
          w.v = v + tile * v_pitch, w.m = m + tile * m_pitch;
          w.channels = ci;
          KEEL_SIMD_CALL(context.simd, winograd_inputs<T, tile_size>)(w);
          w.channels = co;
          KEEL_SIMD_CALL(context.simd, winograd_gradients<T>)(w, dy + group * co, panels * panel_width<T>);
        }
      });
      parallel_for(context.threads, heights * panels, 1, [&](Index begin, Index end, int thread) {
        const Index origin = 0;
        Conv2DGradient<T> p{};
        p.x_rows = p.y_rows = &origin;
        p.rows = 1, p.width = tiles, p.x_step = v_pitch, p.dy_step = m_pitch;
        p.out_c = width, p.add = strip > 0;
        for (Index i = begin; i < end; ++i) {
          const Index row = i % heights * height, channel = i / heights * width;
          T* const u = blocks_of_u + (once ? thread : i) * matrices * plane;
          p.end = (std::min)(height, ci - row);
          p.channels = (std::min)(width, co - channel), p.pitch = panel_pitch<T>(p.channels);
          for (Index matrix = 0; matrix < matrices; ++matrix) {
            p.x = v + matrix * v_plane + row, p.dy = m + matrix * m_plane + channel;
            p.dkernel = u + matrix * plane;
            KEEL_SIMD_CALL(context.simd, conv2d_gradient<T>)(p);
          }
          if (end_strip == strips.count)
            KEEL_SIMD_CALL(context.simd, winograd_kernel_gradient<T>)
            (p.end, p.channels, u, width, plane, dkernel + row * out_c + group * co + channel, out_c, ci * out_c,
             accumulate);
        }
      });
    }
  }
}

/// y = epilogue(convolution) with weights packed for Winograd's `tile`, or nullptr: they are packed here.
template <class T>
void convolve(const ConvShape& shape, Index tile, const T* x, const KernelView<T>& kernel, const T* packed,
              const Epilogue<T>& epilogue, T* y, const KernelContext& context) {
  Scratch::Frame frame(context.scratch);
  if (tile == 2) return convolve_winograd<T, 2>(shape, x, kernel, packed, epilogue, y, context);
  if (tile == 4) return convolve_winograd<T, 4>(shape, x, kernel, packed, epilogue, y, context);
  if (!packed) packed = kernel.pack(tile, context);
  ConvStrips<T> strips(shape, ConvStrips<T>::Layout::in_place);
  const Index panels = panel_count<T>(strips.co), sum = strips.taps() * strips.ci;
  const Index threads = thread_count(context.threads), out_rows = strips.rows();
  // The inputs of a strip stay in the second-level cache while all panels of weights pass by; the more weights,
  // the more pixels they should serve.
  const Index strip_values =
      std::clamp<Index>(sum * strips.co * strips.groups / 16, (64 << 10) / sizeof(T), (640 << 10) / sizeof(T));
  Index rows = std::clamp<Index>(strip_values / (strips.row_inputs() + 1), 1, out_rows);
  if (threads > 1) rows = std::clamp<Index>(out_rows * panels * strips.groups / (4 * threads), 1, rows);
  strips.cut(rows);
  const Index parts = strips.count * strips.groups;
  const Index splits = threads == 1 ? 1 : (std::min)(panels, (4 * threads + parts - 1) / parts);
  T* const blocks = context.scratch.take<T>(strips.block_size() * threads);
  Index* const row_offsets = context.scratch.take<Index>(2 * strips.strip_rows() * threads);
  struct Held {  // the inputs that a thread has read
    Index part;
    Conv2DPanel<T> panel;
  };
  Held* const held = context.scratch.take<Held>(threads);
  std::fill_n(held, threads, Held{-1, {}});
  const Index work = strips.pixels() * (sum + 4) * strips.co / (strips.count * splits) + 1;
  parallel_for(context.threads, parts * splits, (std::max)(Index{1}, Index{300'000} / work),
               [&](Index begin, Index end, int thread) {
                 Conv2DPanel<T>& p = held[thread].panel;
                 p.clamp_high = epilogue.activation.kind == Activation::relu6;
                 p.clamp_low = p.clamp_high || epilogue.activation.kind == Activation::relu;
                 for (Index item = begin; item < end; ++item) {
                   const Index split = item % splits, part = item / splits, group = part % strips.groups;
                   if (std::exchange(held[thread].part, part) != part)
                     strips.read(x, part / strips.groups, group, blocks + thread * strips.block_size(),
                                 row_offsets + thread * 2 * strips.strip_rows(), p);
                   for (Index panel = panels * split / splits; panel < panels * (split + 1) / splits; ++panel) {
                     const Index channel = panel * panel_width<T>, at = group * strips.co + channel;
                     p.channels = (std::min)(panel_width<T>, strips.co - channel),
                     p.pitch = panel_pitch<T>(p.channels);
                     p.weights = packed + group * panels_size<T>(sum, strips.co) + channel * sum;
                     p.bias = epilogue.bias ? epilogue.bias + at : nullptr;
                     p.residual = epilogue.residual ? epilogue.residual + at : nullptr;
                     p.y = y + at;
                     KEEL_SIMD_CALL(context.simd, conv2d_panel<T>)(p);
                   }
                 }
               });
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
/// training. An infinite input gives NaN in its tile of outputs, where plain sums give infinity in those that see
/// it. In training, where weights change at every step, `packed` is nullptr: `kernel` is packed on the way.
template <class T>
void conv2d_forward(const Conv2DGeometry& g, const T* x, const T* packed, const Epilogue<T>& epilogue, T* y,
                    const KernelContext& context, const T* kernel = nullptr) {
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
void conv2d_backward_input(const Conv2DGeometry& g, const T* dy, const T* kernel, T* dx,
                           const KernelContext& context) {
  if (g.is_depthwise()) return depthwise_conv2d_backward_input(g, dy, kernel, dx, context);
  const Index ci = g.group_in(), tap = ci * g.out_c;
  for (Index i = 0; i < g.stride_h; ++i)
    for (Index j = 0; j < g.stride_w; ++j) {
      const detail::BackwardAxis h(detail::height_axis(g), i), w(detail::width_axis(g), j);
      if (g.batch * h.axis.out * w.axis.out * g.in_c == 0) continue;
      const bool taps = h.axis.taps * w.axis.taps > 0;
      const detail::KernelView<T> view{taps ? kernel + (h.last() * g.kernel_w + w.last()) * tap : kernel,
                                       h.axis.taps,
                                       w.axis.taps,
                                       g.group_out(),
                                       ci,
                                       g.groups,
                                       -h.step * g.kernel_w * tap,
                                       -w.step * tap,
                                       1,
                                       g.out_c,
                                       g.group_out()};
      const detail::ConvShape shape{h.axis, w.axis, g.batch, g.groups, g.group_out(), ci, g.in_h, g.in_w};
      detail::convolve<T>(shape, detail::winograd_tile(shape, true), dy, view, nullptr, {}, dx, context);
    }
}

/// dkernel = the gradient of sum(dy conv(x, kernel)) with respect to the kernel, or adds it to dkernel. Every
/// weight's sum is over strips of output rows in order, the strips cut as the geometry alone says.
template <class T>
void conv2d_backward_kernel(const Conv2DGeometry& g, const T* x, const T* dy, T* dkernel, bool accumulate,
                            const KernelContext& context) {
  if (g.is_depthwise()) return depthwise_conv2d_backward_kernel(g, x, dy, dkernel, accumulate, context);
  if (g.batch * g.out_h * g.out_w == 0) {
    if (!accumulate) std::fill_n(dkernel, g.kernel_size(), T(0));
    return;
  }
  const detail::ConvShape shape = detail::forward_shape(g);
  if (detail::winograd_tile(shape, true))
    return detail::winograd_backward_kernel<T>(shape, x, dy, dkernel, accumulate, context);
  constexpr Index tile = 8;  // weights
  using Strips = detail::ConvStrips<T>;
  Strips strips(shape, Strips::Layout::planes);
  strips.cut((std::max)(Index{1}, 512 / strips.row_pixels()));
  const Index strip_rows = strips.strip_rows(), strip_pixels = strip_rows * strips.row_pixels();
  const Index panels = detail::panel_count<T>(strips.co), threads = thread_count(context.threads);
  const Index tiles = (strips.run(0).length + tile - 1) / tile, panel_tiles = strips.runs() * tiles;
  Scratch::Frame frame(context.scratch);
  T* const blocks = context.scratch.take<T>(strips.block_size() * threads);
  T* const gradients = context.scratch.take<T>(strip_pixels * detail::panel_width<T> * threads);
  Index* const row_offsets = context.scratch.take<Index>(2 * strip_rows * threads);
  const Index x_row = g.batch * g.in_h * g.in_w * g.in_c / strips.rows();
  const Index dy_row = g.batch * g.out_h * g.out_w * g.out_c / strips.rows();

  // Each thread computes some of the weights, from all strips.
  const Index all = g.groups * panels * panel_tiles;
  const Index parts = (std::min)(threads, all * strips.pixels() / 10'000 + 1);
  parallel_for(context.threads, parts, 1, [&](Index begin, Index end, int thread) {
    const Index first = begin * all / parts, last = end * all / parts;
    T* const gradient = gradients + thread * strip_pixels * detail::panel_width<T>;
    detail::Conv2DGradient<T> p;
    p.out_c = g.out_c;
    for (Index strip = 0; strip < strips.count; ++strip) {
      p.add = accumulate || strip > 0;
      // What the next strip reads is fetched while this one is worked on, a cache line with each pixel of a tile,
      // if the second-level cache has room for it.
      const bool fetches =
          strip + 1 < strips.count && strip_rows * (x_row + dy_row) * Index{sizeof(T)} <= 512 << 10;
      const T* ahead[] = {x + strips.first_row(strip + 1) * x_row, dy + strips.first_row(strip + 1) * dy_row};
      Index left[] = {fetches ? strip_rows * x_row : 0, fetches ? strip_rows * dy_row : 0};
      for (Index at = first, next; at < last; at = next) {
        const Index group = at / panel_tiles / panels, panel = at / panel_tiles % panels;
        next = (std::min)(last, (at / tiles + 1) * tiles);
        if (at == first || at % (panels * panel_tiles) == 0)
          strips.read(x, strip, group, blocks + thread * strips.block_size(),
                      row_offsets + thread * 2 * strip_rows, p);
        const Index channel = group * strips.co + panel * detail::panel_width<T>;
        if (at == first || at % panel_tiles == 0) {
          p.channels = (std::min)(detail::panel_width<T>, strips.co - panel * detail::panel_width<T>);
          p.pitch = detail::panel_pitch<T>(p.channels);
          p.take(dy + channel, panel_tiles, gradient);
        }
        const typename Strips::Run run = strips.run(at / tiles % strips.runs());
        p.run = run.offset;
        p.begin = at % tiles * tile, p.end = (std::min)(run.length, p.begin + (next - at) * tile);
        p.dkernel = dkernel + run.weight * g.out_c + channel;
        const int which = left[0] > 0 ? 0 : 1;
        p.next = left[which] > 0 ? ahead[which] : nullptr;
        KEEL_SIMD_CALL(context.simd, conv2d_gradient<T>)(p);
        const Index fetched = p.rows * p.width * 64 / Index{sizeof(T)};
        ahead[which] += fetched, left[which] -= fetched;
      }
    }
  });
}

}  // namespace keel::inline KEEL_ABI
