#pragma once
/// How convolutions walk over memory: strips of output rows and padded blocks of input.

#include <algorithm>
#include <utility>

#include <keel/kernels/context.hpp>
#include <keel/kernels/conv2d/panels.hpp>

namespace keel {
inline namespace KEEL_ABI {
namespace detail {

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
    if (pixels_) {
      h = h_;
      w = w_;
    }
    const Index x_pitch = groups * ci, y_pitch = groups * co, start = first(strip);
    Index *x_row = rows, *y_row = rows + strip_rows();
    to.x = direct_ ? x + group * ci : block;
    to.x_rows = x_row;
    to.y_rows = y_row;
    for (Index n = 0; n < images(strip); ++n)
      for (Index i = 0; i < height(strip) && start + i < h.out; ++i) {
        const Index row = start + i, in_image = image(strip) + n;
        if (direct_)
          *x_row++ = ((in_image * h_.in + row * h.stride - h.pad) * w_.in - w.pad) * x_pitch;
        else
          *x_row++ = n * image_block_ + ((i * h_.block_stride() + h_.pad - h.pad) * block_w_ + w_.pad - w.pad) * pitch_;
        *y_row++ = ((in_image * y_h_ + h.start + row * h.step) * y_w_ + w.start) * y_pitch;
      }
    to.rows = x_row - rows;
    to.width = w.out;
    if (pixels_) {
      to.width = (std::min)(height(strip) * w.out, pixels_ - start * w.out);
      to.rows = 1;
    }
    const bool merged = merges(w);
    to.x_step = (direct_ ? w.stride : w_.block_stride()) * pitch_;
    to.y_step = w.step * y_pitch;
    to.runs_h = h.taps;
    to.run_step_h = h.dilation * block_w_ * pitch_;
    to.runs_w = merged ? 1 : w.taps;
    to.run_step_w = w.dilation * pitch_;
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
