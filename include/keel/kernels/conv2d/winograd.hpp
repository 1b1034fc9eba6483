#pragma once
/// Convolutions of 3 x 3 taps by Winograd's method (simd/winograd.inl), forward and for the kernel's gradient.

#include <atomic>

#include <keel/kernels/conv2d/strips.hpp>

namespace keel {
inline namespace KEEL_ABI {

namespace detail {

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

/// Computes one panel of the listed tiles anew as plain sums, which `p` says all about but for the places.
template <class T, int M>
void plain_tiles(const WinogradTiles<T>& w, const Index* tiles, Index count, Conv2DPanel<T> p, SimdLevel simd) {
  Index x_rows[std::size_t{M}], y_rows[std::size_t{M}];
  p.x = w.x, p.x_rows = x_rows, p.y_rows = y_rows;
  p.x_step = p.run_step_w = w.x_step / M, p.run_step_h = w.run_step_h, p.y_step = w.out_c;
  p.runs_h = p.runs_w = 3;
  for (; count > 0; --count, ++tiles) {
    const Index row = *tiles / w.width, column = *tiles % w.width, first = w.y_rows[row];
    p.rows = (std::min)(Index{M}, w.out_h - first / (w.out_w * w.out_c) % w.out_h);
    p.width = (std::min)(Index{M}, w.out_w - M * column);
    for (Index r = 0; r < p.rows; ++r) {
      x_rows[r] = w.x_rows[row] + column * w.x_step + r * w.run_step_h;
      y_rows[r] = first + (r * w.out_w + M * column) * w.out_c;
    }
    KEEL_SIMD_CALL(simd, conv2d_panel<T>)(p);
  }
}

/// y = epilogue(convolution) by Winograd's method. It takes sums and differences of a tile's inputs, which spread a
/// NaN or an infinity over the tile's outputs and may overflow where plain sums do not. So a tile of which a sum is
/// not finite is computed anew as plain sums. Then NaN and infinity are exactly where a plain sum has them, but that
/// values near T's largest whose exact sum is finite may give it where a plain sum overflows on the way.
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
  if (threads >
      1) {  // Some strips for each thread, but no fewer tiles than are multiplied at a time if that leaves it one.
    const Index work = strips.rows() * panels * shape.groups;
    rows = (std::min)(
        {rows, (std::max)(work / (4 * threads), 13 / strips.row_pixels() + 1), (work + threads - 1) / threads});
  }
  strips.cut(std::clamp<Index>(rows, 1, strips.rows()));
  const Index parts = strips.count * shape.groups;
  const Index splits = threads == 1 ? 1 : (std::min)(panels, (4 * threads + parts - 1) / parts);
  const Index most = strips.strip_rows() * strips.row_pixels();
  const Index v_plane = winograd_plane<T>(most, v_pitch), m_plane = winograd_plane<T>(most, m_pitch);

  T* const blocks = context.scratch.take<T>(strips.block_size() * threads);
  T* const values = context.scratch.take<T>(matrices * (v_plane + m_plane) * threads);
  Index* const row_offsets = context.scratch.take<Index>(2 * strips.strip_rows() * threads);
  auto* const held = HeldStrip<WinogradTiles<T>>::take(context);
  // One strip needs each panel of weights once, right after it was packed.
  const Index panel_size = matrices * ci * panel_width<T> + weights_spare<T>;
  T* const own_panels = !packed && strips.count == 1 ? context.scratch.take<T>(panel_size * threads) : nullptr;
  if (!packed && !own_panels) packed = kernel.pack(M, context);
  const Index taps_size = 9 * ci * panel_width<T> + weights_spare<T>;
  T* const taps = context.scratch.take<T>(taps_size * threads);  // for plain sums
  Index* const spoilt = context.scratch.take<Index>(most * threads);
  parallel_for(context.threads, parts * splits, 1, [&](Index begin, Index end, int thread) {
    const Index origin = 0;
    T* const v = values + thread * matrices * (v_plane + m_plane);
    T* const m = v + matrices * v_plane;
    WinogradTiles<T>& w = held[thread].rows;
    w.out_h = shape.y_h, w.out_w = shape.y_w, w.out_c = out_c;
    w.v = v, w.m = m, w.v_pitch = v_pitch, w.m_pitch = m_pitch, w.v_plane = v_plane, w.m_plane = m_plane;
    w.clamp_high = epilogue.activation.kind == Activation::relu6;
    w.clamp_low = w.clamp_high || epilogue.activation.kind == Activation::relu;
    Conv2DPanel<T> p{};
    p.x_rows = p.y_rows = &origin;
    p.rows = p.runs_h = p.runs_w = 1, p.run_length = ci, p.x_step = v_pitch, p.y_step = m_pitch;
    for (Index item = begin; item < end; ++item) {
      const Index split = item % splits, part = item / splits, group = part % shape.groups;
      if (held[thread].misses(part)) {
        strips.read(x, part / shape.groups, group, blocks + thread * strips.block_size(),
                    row_offsets + thread * 2 * strips.strip_rows(), w);
        w.channels = ci;
        KEEL_SIMD_CALL(context.simd, winograd_inputs<T, M>)(w);
      }
      p.width = w.rows * w.width;
      for (Index panel = panels * split / splits; panel < panels * (split + 1) / splits; ++panel) {
        const Index channel = panel * panel_width<T>, at = group * co + channel;
        T* const own = own_panels ? own_panels + thread * panel_size : nullptr;
        if (own) kernel.pack_alone(M, group, channel, own, context.simd);
        const T* const weights = own ? own : packed + (group * panels_size<T>(ci, co) + channel * ci) * matrices;
        w.channels = (std::min)(panel_width<T>, co - channel);
        p.channels = p.pitch = panel_pitch<T>(w.channels);
        for (Index i = 0; i < matrices; ++i) {
          p.weights = weights + i * ci * p.pitch;
          p.fetch_next(ci * p.pitch, own ? own : packed,
                       own ? own + matrices * ci * p.pitch : packed + shape.groups * panels_size<T>(matrices * ci, co));
          p.x = v + i * v_plane, p.y = m + i * m_plane;
          KEEL_SIMD_CALL(context.simd, conv2d_panel<T>)(p);
        }
        w.bias = epilogue.bias ? epilogue.bias + at : nullptr;
        w.residual = epilogue.residual ? epilogue.residual + at : nullptr;
        w.y = y + at;
        Index* const list = spoilt + thread * most;
        const Index count = KEEL_SIMD_CALL(context.simd, winograd_outputs<T, M>)(w, list);
        if (count > 0) {
          kernel.pack_alone(0, group, channel, taps + thread * taps_size, context.simd);
          Conv2DPanel<T> plain{};
          plain.weights = taps + thread * taps_size, plain.pitch = p.pitch, plain.channels = w.channels;
          plain.run_length = ci, plain.bias = w.bias, plain.residual = w.residual, plain.y = w.y;
          plain.clamp_low = w.clamp_low, plain.clamp_high = w.clamp_high;
          plain_tiles<T, M>(w, list, count, plain, context.simd);
        }
      }
    }
  });
}

/// The kernel's gradient by the transposed steps, with tiles of 4 x 4: the sums over tiles of the products, then 9
/// taps from those. Values that are not finite are left out; returns whether there are any. A second call takes
/// those alone, from `exact`.
template <class T>
bool winograd_backward_kernel(const ConvShape& shape, const T* x, const T* dy, T* dkernel, bool accumulate,
                              const KernelContext& context, const T* exact = nullptr) {
  constexpr Index tile_size = 4, matrices = (tile_size + 2) * (tile_size + 2);
  ConvStrips<T> strips = winograd_strips<T>(shape, tile_size);
  const Index ci = shape.ci, co = shape.co, out_c = co * shape.groups, columns = strips.row_pixels();
  const Index panels = panel_count<T>(co), threads = thread_count(context.threads);
  // Threads transform strips of 28 tiles, and multiply what some of those give, for blocks of weights of which all
  // matrices stay in the second-level cache.
  strips.cut((std::max)(Index{1}, 28 / columns));
  const Index several = (std::max)(Index{1}, 128 / (strips.strip_rows() * columns));
  constexpr Index height = WinogradBlock<T>::height, width = WinogradBlock<T>::width, plane = WinogradBlock<T>::plane;
  const Index heights = (ci + height - 1) / height;
  const bool once = strips.count <= several;
  const Index most = several * strips.strip_rows() * columns, v_pitch = ci + 16, m_pitch = panels * panel_width<T> + 16;
  const Index v_plane = winograd_plane<T>(most, v_pitch), m_plane = winograd_plane<T>(most, m_pitch);
  Scratch::Frame frame(context.scratch);
  T* const blocks = context.scratch.take<T>(strips.block_size() * threads);
  T* const v = context.scratch.take<T>(matrices * v_plane);
  T* const m = context.scratch.take<T>(matrices * m_plane);
  T* const blocks_of_u = context.scratch.take<T>(matrices * plane * (once ? threads : heights * panels));
  Index* const row_offsets = context.scratch.take<Index>(2 * strips.strip_rows() * threads);
  std::atomic<bool> spoilt{false};
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
        p.out_c = width, p.add = strip > 0, p.next_run = 64 / sizeof(T);
        for (Index i = begin; i < end; ++i) {
          const Index row = i % heights * height, channel = i / heights * width;
          T* const u = blocks_of_u + (once ? thread : i) * matrices * plane;
          p.end = (std::min)(height, ci - row);
          p.next_inputs = ci - row;
          p.channels = (std::min)(width, co - channel), p.pitch = panel_pitch<T>(p.channels);
          for (Index matrix = 0; matrix < matrices; ++matrix) {
            p.x = v + matrix * v_plane + row, p.dy = m + matrix * m_plane + channel;
            p.dkernel = u + matrix * plane;
            KEEL_SIMD_CALL(context.simd, conv2d_gradient<T>)(p);
          }
          if (end_strip < strips.count) continue;
          const Index at = row * out_c + group * co + channel;
          if (KEEL_SIMD_CALL(context.simd, winograd_kernel_gradient<T>)(
                  p.end, p.channels, u, dkernel + at, out_c, ci * out_c, accumulate, exact ? exact + at : nullptr))
            spoilt.store(true, std::memory_order_relaxed);
        }
      });
    }
  }
  return spoilt.load(std::memory_order_relaxed);
}

}  // namespace detail

}  // namespace KEEL_ABI
}  // namespace keel
