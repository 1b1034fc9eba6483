#pragma once
/// How convolutions walk over memory: strips of output rows, padded blocks of input, packed panels of weights.

#include <algorithm>
#include <utility>

#include <keel/kernels/epilogue.hpp>
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
    dy = from, dy_step = out_c;
    if (channels == pitch && tiles <= 16) return;
    dy = block, dy_step = pitch;
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

/// One axis of a convolution: output o reads inputs o stride + t dilation - pad, 0 <= t < taps, and is stored at
/// start + o step. pad may be negative.
struct ConvAxis {
  Index in, out, taps, stride, dilation, pad, start = 0, step = 1;
  /// Inputs between outputs that nobody reads are not copied to a block: it has every gap()th input.
  Index gap() const { return taps == 1 ? stride : 1; }
  Index block_stride() const { return stride / gap(); }
  Index block_size(Index outputs) const { return (outputs - 1) * block_stride() + span(); }
  Index span() const { return (taps - 1) * dilation + 1; }
  bool inside() const { return pad <= 0 && (out - 1) * stride - pad + span() <= in; }
};

/// `groups` convolutions ci -> co of images, into images of y_h x y_w pixels.
struct ConvShape {
  ConvAxis h, w;
  Index batch, groups, ci, co, y_h, y_w;
};

/// The strips that convolutions are done in: some whole images or some rows of
/// one. The inputs of a strip are read in place, or from a block that they are copied to, with the zeros around
/// them.
template <class T>
class ConvStrips {
 public:
  /// in_place: where all inputs are inside the image, else block.
  /// block: image rows; taps and channels that lie side by side make one run.
  /// planes: an image of 16 channels after the other, so that pixels lie side by side; block below 16 channels.
  enum class Layout { in_place, block, planes };

  /// Consecutive inputs in a pixel's sum: the first one's place in the block and its row of weights.
  struct Run {
    Index offset, weight, length;
  };

  Index groups, ci, co;
  Index count;  // strips

  ConvStrips(const ConvShape& shape, Layout layout)
      : groups(shape.groups),
        ci(shape.ci),
        co(shape.co),
        h_(shape.h),
        w_(shape.w),
        batch_(shape.batch),
        y_h_(shape.y_h),
        y_w_(shape.y_w) {
    // Pixels 4096 bytes apart fall into one set of the first-level cache.
    const bool collide = w_.stride * groups * ci * Index{sizeof(T)} % 4096 == 0;
    direct_ = layout == Layout::in_place && h_.inside() && w_.inside() && !collide;
    if (direct_ && h_.taps == 1 && w_.taps == 1 && h_.stride == 1 && w_.stride == 1 && h_.out == h_.in &&
        w_.out == w_.in && h_.step == 1 && w_.step == 1) {
      // All pixels are alike: one image with rows of 56, which tiles divide, the last one shorter.
      pixels_ = batch_ * h_.out * w_.out;
      w_.in = w_.out = y_w_ = (std::min)(Index{56}, pixels_);
      h_.in = h_.out = y_h_ = (pixels_ + w_.out - 1) / w_.out;
      batch_ = 1;
    }
    planes_ = layout == Layout::planes && ci >= 16 ? (ci + 15) / 16 : 1;
    const bool apart = collide && (w_.dilation > 1 || w_.taps == 1);
    pitch_ = direct_ ? groups * ci : planes_ > 1 ? 16 : apart ? ci + 16 : ci;
    block_w_ = direct_ ? w_.in : w_.block_size(w_.out);
    cut(1);
  }

  Index rows() const { return batch_ * h_.out; }
  Index row_pixels() const { return w_.out; }
  Index pixels() const { return pixels_ ? pixels_ : rows() * w_.out; }
  /// Input values that one more output row needs.
  Index row_inputs() const { return h_.block_stride() * block_w_ * ci; }
  Index taps() const { return h_.taps * w_.taps; }

  /// Makes strips of about `rows` output rows.
  void cut(Index rows) {
    images_ = std::clamp<Index>(rows / h_.out, 1, batch_);
    per_image_ = (h_.out + rows - 1) / rows;
    rows_ = (h_.out + per_image_ - 1) / per_image_;
    per_image_ = (h_.out + rows_ - 1) / rows_;
    count = per_image_ == 1 ? (batch_ + images_ - 1) / images_ : batch_ * per_image_;
    image_block_ = h_.block_size(rows_) * block_w_ * pitch_;
    plane_block_ = images_ * image_block_;
  }
  /// Most rows in a strip.
  Index strip_rows() const { return images_ * rows_; }
  /// Values in a strip's block, with some to spare for tiles that read past the end.
  Index block_size() const { return direct_ ? 0 : planes_ * plane_block_ + 16; }

  /// Of all rows of all images, the one that a strip begins with.
  Index first_row(Index strip) const { return image(strip) * h_.out + first(strip); }

  /// A pixel's sum, run by run: planes first, then taps.
  Index runs() const { return merges(w_) ? h_.taps : planes_ * taps(); }
  Run run(Index i) const {
    if (merges(w_)) return {i * h_.dilation * block_w_ * pitch_, i * w_.taps * ci, w_.taps * ci};
    const Index plane = i / taps(), tap = i % taps(), r = tap / w_.taps, s = tap % w_.taps;
    return {plane * plane_block_ + (r * h_.dilation * block_w_ + s * w_.dilation) * pitch_, tap * ci + plane * 16,
            planes_ > 1 ? (std::min)(Index{16}, ci - plane * 16) : ci};
  }

  /// Of all output pixels, the one that a strip begins with, if every row of them is written.
  Index first_pixel(Index strip) const {
    return strip < count ? (image(strip) * y_h_ + first(strip) * h_.step) * y_w_ : batch_ * y_h_ * y_w_;
  }

  /// Clears channels [low, high) of a strip's output pixels.
  void clear(T* y, Index strip, Index low, Index high) const {
    const Index pitch = groups * co;
    T *at = y + first_pixel(strip) * pitch, *const end = y + first_pixel(strip + 1) * pitch;
    if (high - low == pitch) return std::fill(at, end, T(0));
    for (; at < end; at += pitch) std::fill(at + low, at + high, T(0));
  }

  /// Copies the inputs of a strip of one group to a block, if they are not read in place.
  void read(const T* x, Index strip, Index group, T* block) const {
    if (direct_) return;
    for (Index n = 0; n < images(strip); ++n)
      copy(x + group * ci + (image(strip) + n) * h_.in * w_.in * groups * ci, first(strip), height(strip),
           block + n * image_block_);
    std::fill_n(block + planes_ * plane_block_, 16, T(0));
  }

  /// Where the convolution of axes h and w, which sees no more than the strips' own, finds a strip's inputs and
  /// outputs; `rows` has room for twice strip_rows().
  void place(const T* x, Index strip, Index group, const T* block, ConvAxis h, ConvAxis w, Index* rows,
             Conv2DRows<T>& to) const {
    if (pixels_) h = h_, w = w_;
    const Index x_pitch = groups * ci, y_pitch = groups * co, start = first(strip);
    Index *x_row = rows, *y_row = rows + strip_rows();
    to.x = direct_ ? x + group * ci : block;
    to.x_rows = x_row, to.y_rows = y_row;
    for (Index n = 0; n < images(strip); ++n)
      for (Index i = 0; i < height(strip) && start + i < h.out; ++i) {
        const Index row = start + i, in_image = image(strip) + n;
        if (direct_)
          *x_row++ = ((in_image * h_.in + row * h.stride - h.pad) * w_.in - w.pad) * x_pitch;
        else
          *x_row++ = n * image_block_ + ((i * h_.block_stride() + h_.pad - h.pad) * block_w_ + w_.pad - w.pad) * pitch_;
        *y_row++ = ((in_image * y_h_ + h.start + row * h.step) * y_w_ + w.start) * y_pitch;
      }
    to.rows = x_row - rows, to.width = w.out;
    if (pixels_) to.width = (std::min)(height(strip) * w.out, pixels_ - start * w.out), to.rows = 1;
    const bool merged = merges(w);
    to.x_step = (direct_ ? w.stride : w_.block_stride()) * pitch_, to.y_step = w.step * y_pitch;
    to.runs_h = h.taps, to.run_step_h = h.dilation * block_w_ * pitch_;
    to.runs_w = merged ? 1 : w.taps, to.run_step_w = w.dilation * pitch_;
    to.run_length = merged ? w.taps * ci : ci;
  }

  /// Both, for the strips' own axes.
  void read(const T* x, Index strip, Index group, T* block, Index* rows, Conv2DRows<T>& to) const {
    read(x, strip, group, block);
    place(x, strip, group, block, h_, w_, rows, to);
  }

 private:
  /// The image that a strip begins in, how many it has, and its first row and its rows in each.
  Index image(Index strip) const { return per_image_ == 1 ? strip * images_ : strip / per_image_; }
  Index images(Index strip) const { return per_image_ == 1 ? (std::min)(images_, batch_ - image(strip)) : 1; }
  Index first(Index strip) const { return per_image_ == 1 ? 0 : strip % per_image_ * rows_; }
  Index height(Index strip) const { return (std::min)(rows_, h_.out - first(strip)); }

  /// Whether the taps of a row are one run.
  bool merges(const ConvAxis& w) const { return w.dilation == 1 && pitch_ == ci && planes_ == 1; }

  /// Copies what output rows [first, first + rows) of an image see.
  void copy(const T* image, Index first, Index rows, T* block) const {
    const Index x_pitch = groups * ci, gap = w_.gap(), height = h_.block_size(rows);
    const Index left = std::clamp<Index>((w_.pad + gap - 1) / gap, 0, block_w_);  // columns before the image
    const Index end = std::clamp<Index>((w_.in + w_.pad + gap - 1) / gap, left, block_w_), inside = end - left;
    for (Index r = 0; r < height; ++r, block += block_w_ * pitch_) {
      const Index row = first * h_.stride - h_.pad + r * h_.gap();
      const bool empty = row < 0 || row >= h_.in;
      const Index before = empty ? block_w_ : left, after = empty ? 0 : block_w_ - left - inside;
      for (Index plane = 0; plane < planes_; ++plane) {
        T* const to = block + plane * plane_block_;
        std::fill_n(to, before * pitch_, T(0));
        std::fill_n(to + (block_w_ - after) * pitch_, after * pitch_, T(0));
      }
      if (empty) continue;
      const T* from = image + (row * w_.in + left * gap - w_.pad) * x_pitch;
      T* to = block + left * pitch_;
      if (pitch_ == x_pitch && gap == 1) {
        const Index ahead = row + 2 < h_.in ? inside * ci : 0;  // memory is slower than the copy
        for (Index i = 0; i < ahead; i += 64 / Index{sizeof(T)})
          simd::baseline::prefetch(from + 2 * w_.in * x_pitch + i);
        std::copy_n(from, inside * ci, to);
        continue;
      }
      const Index whole = planes_ > 1 ? ci / 16 : 0, rest = ci - whole * 16;
      for (Index i = 0; i < inside; ++i, from += gap * x_pitch, to += pitch_) {
        for (Index plane = 0; plane < whole; ++plane) std::copy_n(from + plane * 16, 16, to + plane * plane_block_);
        if (rest > 0) std::copy_n(from + whole * 16, rest, to + whole * plane_block_);
        if (rest > 0 && planes_ > 1) std::fill_n(to + whole * plane_block_ + rest, 16 - rest, T(0));
      }
    }
  }

  ConvAxis h_, w_;
  Index batch_, y_h_, y_w_;
  bool direct_;
  Index pixels_ = 0;  // of a 1x1 convolution whose pixels are all alike
  Index planes_, pitch_, block_w_;
  Index images_, rows_, per_image_, image_block_, plane_block_;
};

/// The strip that a thread has read, with what was made of it: several items of a loop multiply one strip with
/// different panels.
template <class Rows>
struct HeldStrip {
  Index part;
  Rows rows;

  /// One for each thread, in memory of the caller's frame.
  static HeldStrip* take(const KernelContext& context) {
    const Index threads = thread_count(context.threads);
    HeldStrip* const held = context.scratch.template take<HeldStrip>(threads);
    std::fill_n(held, threads, HeldStrip{-1, {}});
    return held;
  }
  /// Whether another part has to be read; it counts as held then.
  bool misses(Index wanted) { return std::exchange(part, wanted) != wanted; }
};

}  // namespace detail
}  // namespace KEEL_ABI
}  // namespace keel
