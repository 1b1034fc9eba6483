#pragma once
/// What one call of a convolution's register tiles works on, and kernels packed as panels of output channels.

#include <algorithm>

#include <keel/kernels/context.hpp>
#include <keel/kernels/conv2d/geometry.hpp>
#include <keel/kernels/gemm.hpp>
#include <keel/kernels/parallel.hpp>
#include <keel/kernels/simd/vector.hpp>

namespace keel {
inline namespace KEEL_ABI {
namespace detail {

/// Output channels in a panel: 128 bytes, two AVX-512 registers; half that for a rest that fits.
template <class T>
inline constexpr Index panel_width = 128 / sizeof(T);

/// Weights are fetched so many rows ahead; behind the last row of all lies memory for it.
inline constexpr Index weights_ahead = 32;
template <class T>
inline constexpr Index weights_spare = weights_ahead* panel_width<T>;

/// Some rows of output pixels and where their inputs are. The sum of a pixel is over runs_h x runs_w runs of
/// run_length consecutive inputs, the first one at x + x_rows[row] + column x_step.
template <class T>
struct Conv2DRows {
  const T* x;
  const Index *x_rows, *y_rows;
  Index rows, width;
  Index x_step, y_step;  // from a pixel to its right neighbour
  Index runs_h, runs_w, run_step_h, run_step_w, run_length;
};

/// One panel of output channels for some rows.
template <class T>
struct Conv2DPanel : Conv2DRows<T> {
  const T* weights;  // `pitch` values for every input of the sum, of which `channels` count
  Index pitch, channels;
  const T *bias, *residual;
  T* y;
  bool clamp_low, clamp_high;  // relu, relu6
  const T *next, *next_end;    // memory that is fetched meanwhile

  /// Has the `size` values behind the weights fetched, all weights being in [begin, end): after the last the first.
  void fetch_next(Index size, const T* begin, const T* end) {
    next = weights + size == end ? begin : weights + size;
    next_end = next + (std::min)(size, Index{end - next});
  }
};

/// The gradient of one panel's weights from some rows: what inputs [begin, end) of one run contribute.
template <class T>
struct Conv2DGradient : Conv2DRows<T> {
  const T* dy;  // `channels` values a pixel, readable up to `pitch`; dy_step from pixel to pixel
  Index pitch, channels, dy_step;
  Index run, begin, end;  // run: where it starts in x
  Index tile;             // weights at a time where there are registers for so many: 8, or 7 for multiples of 7
  Index next_run;         // where another one starts whose inputs are fetched meanwhile,
  Index next_inputs = Index{1} << 40;  // if there are so many from the run's start on
  T* dkernel;                          // of input 0 of the run, out_c values an input
  Index out_c;
  bool add;                  // to dkernel, or overwrite it
  const T *next, *next_end;  // memory that is fetched meanwhile, a cache line with each pixel

  /// Takes dy's panel from an image of out_c channels: as it is when few tiles read it, else as a dense copy.
  void take(const T* from, Index tiles, T* block) {
    from += this->y_rows[0];
    dy = from;
    dy_step = out_c;
    if (channels == pitch && tiles <= 16) return;
    dy = block;
    dy_step = pitch;
    for (Index i = this->rows * this->width; i > 0; --i, from += out_c, block += pitch) {
      std::copy_n(from, channels, block);
      std::fill_n(block + channels, pitch - channels, T(0));
    }
  }
};

/// Tiles of (M + 2) x (M + 2) inputs and M x M outputs, row after row, on their way through Winograd's method.
/// Every stage has a matrix for each element of an input tile.
template <class T>
struct WinogradTiles : Conv2DRows<T> {
  Index channels;                            // of the inputs, then of the outputs
  T *v, *m;                                  // matrices of inputs and of sums,
  Index v_pitch, m_pitch, v_plane, m_plane;  // from tile to tile and from matrix to matrix
  const T *bias, *residual;
  T* y;
  Index out_h, out_w, out_c;  // of y's images
  bool clamp_low, clamp_high;
};

/// A block of weights whose gradient Winograd's method sums at a time: input channels by output channels.
template <class T>
struct WinogradBlock {
  static constexpr Index height = 64, width = panel_width<T>, plane = height * width;
};

}  // namespace detail
}  // namespace KEEL_ABI
}  // namespace keel

#define KEEL_SIMD_SOURCE <keel/kernels/simd/conv2d.inl>
#include <keel/kernels/simd/foreach.inl>
#define KEEL_SIMD_SOURCE <keel/kernels/simd/winograd.inl>
#include <keel/kernels/simd/foreach.inl>

namespace keel {
inline namespace KEEL_ABI {
namespace detail {

template <class T>
constexpr Index panel_pitch(Index channels) {
  return channels <= panel_width<T> / 2 ? panel_width<T> / 2 : panel_width<T>;
}
template <class T>
constexpr Index panel_count(Index channels) {
  return (channels + panel_width<T> - 1) / panel_width<T>;
}
/// Values in a packed weight matrix of `rows` rows (taps x input channels) and so many output channels.
template <class T>
constexpr Index panels_size(Index rows, Index channels) {
  const Index full = channels / panel_width<T>, rest = channels % panel_width<T>;
  return rows * (full * panel_width<T> + (rest ? panel_pitch<T>(rest) : 0));
}

/// Where a packed kernel's weights come from: weight (r, s, c, f) of group k is
/// from[r * row + s * column + c * in + f * out + k * group]; in or out is 1. Flipped axes have negative strides.
template <class T>
struct KernelView {
  const T* from;
  Index taps_h, taps_w, ci, co, groups, row, column, in, out, group;

  /// `tile`: of Winograd's method, 0 without it.
  Index planes(Index tile) const { return tile > 0 ? (tile + 2) * (tile + 2) : taps_h * taps_w; }
  Index packed_size(Index tile) const { return groups * panels_size<T>(planes(tile) * ci, co) + weights_spare<T>; }

  /// Panel by panel: the taps, or what Winograd's method makes of 3 x 3 of them.
  void pack(Index tile, T* packed, ThreadPool* threads, SimdLevel simd) const {
    const Index panels = panel_count<T>(co), rows = planes(tile) * ci;
    std::fill_n(packed + groups * panels_size<T>(rows, co), weights_spare<T>, T(0));
    parallel_for(threads, groups * panels, 1, [&](Index begin, Index end) {
      for (Index i = begin; i < end; ++i) {
        const Index f = i % panels * panel_width<T>, k = i / panels;
        pack_panel(tile, k, f, packed + k * panels_size<T>(rows, co) + f * rows, simd);
      }
    });
  }

  /// Into memory that the caller's frame holds.
  const T* pack(Index tile, const KernelContext& context) const {
    T* const packed = context.scratch.take<T>(packed_size(tile));
    pack(tile, packed, context.threads, context.simd);
    return packed;
  }

  /// The panel of group k's output channels from f on.
  void pack_panel(Index tile, Index k, Index f, T* panel, SimdLevel simd) const {
    const Index channels = (std::min)(panel_width<T>, co - f), pitch = panel_pitch<T>(channels);
    T* to = panel + (planes(tile) - taps_h * taps_w) * ci * pitch;
    for (Index r = 0; r < taps_h; ++r)
      for (Index s = 0; s < taps_w; ++s, to += ci * pitch)
        pack_tap(from + r * row + s * column + f * out + k * group, channels, co - f, pitch, to, simd);
    if (tile == 2) KEEL_SIMD_CALL(simd, winograd_weights<T, 2>)(ci * pitch, panel);
    if (tile == 4) KEEL_SIMD_CALL(simd, winograd_weights<T, 4>)(ci * pitch, panel);
  }

  /// A panel with nothing behind it.
  void pack_alone(Index tile, Index k, Index f, T* panel, SimdLevel simd) const {
    pack_panel(tile, k, f, panel, simd);
    const Index pitch = panel_pitch<T>((std::min)(panel_width<T>, co - f));
    std::fill_n(panel + planes(tile) * ci * pitch, weights_ahead * pitch, T(0));
  }

 private:
  void pack_tap(const T* weights, Index channels, Index readable, Index pitch, T* packed, SimdLevel simd) const {
    if (out == 1)
      KEEL_SIMD_CALL(simd, copy<T>)(ci, channels, weights, in, packed, pitch, readable);
    else
      KEEL_SIMD_CALL(simd, transpose<T>)(channels, ci, weights, out, packed, pitch, 64, ci);
    for (Index c = 0; channels < pitch && c < ci; ++c)
      std::fill_n(packed + c * pitch + channels, pitch - channels, T(0));
  }
};

/// The kernel of the forward pass. `kernel` may be null where only its size is asked for.
template <class T>
KernelView<T> forward_view(const Conv2DGeometry& g, const T* kernel) {
  const ConvAxis h = height_axis(g), w = width_axis(g);
  const Index tap = g.group_in() * g.out_c;
  return {.from = kernel ? kernel + first_weight(g, h, w) : nullptr,
          .taps_h = h.taps,
          .taps_w = w.taps,
          .ci = g.group_in(),
          .co = g.group_out(),
          .groups = g.groups,
          .row = g.kernel_w * tap,
          .column = tap,
          .in = g.out_c,
          .out = 1,
          .group = g.group_out()};
}

}  // namespace detail
}  // namespace KEEL_ABI
}  // namespace keel
