#pragma once
/// How convolutions walk over memory: strips of output rows, padded blocks of input, packed panels of weights.

#include <algorithm>

#include <keel/kernels/epilogue.hpp>
#include <keel/kernels/parallel.hpp>
#include <keel/kernels/simd/vector.hpp>

namespace keel::inline KEEL_ABI {
namespace detail {

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
};

/// The gradient of one panel's weights from some rows: what inputs [begin, end) of one run contribute.
template <class T>
struct Conv2DGradient : Conv2DRows<T> {
  const T* dy;  // `pitch` values a pixel, of which `channels` count; pixels follow each other
  Index pitch, channels;
  Index run, begin, end;  // run: where it starts in x
  T* dkernel;             // of input 0 of the run, out_c values an input
  Index out_c;
  bool add;  // to dkernel, or overwrite it

  /// Copies dy's panel to dense memory: row after row of pixels.
  void pack(const T* from, T* block) {
    dy = block;
    for (Index r = 0; r < this->rows; ++r)
      for (Index i = 0; i < this->width; ++i, block += pitch) {
        std::copy_n(from + this->y_rows[r] + i * this->y_step, channels, block);
        std::fill_n(block + channels, pitch - channels, T(0));
      }
  }
};

/// Output channels in a panel: 128 bytes, two AVX-512 registers; half that for a rest that fits.
template <class T>
inline constexpr Index panel_width = 128 / sizeof(T);
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
/// from[r * row + s * column + c * in + f * out + k * group]. Flipped axes have negative strides.
template <class T>
struct KernelView {
  const T* from;
  Index taps_h, taps_w, ci, co, groups, row, column, in, out, group;

  Index packed_size() const { return groups * panels_size<T>(taps_h * taps_w * ci, co); }

  void pack(T* packed, ThreadPool* threads = nullptr) const {
    const Index panels = panel_count<T>(co), taps = taps_h * taps_w;
    parallel_for(threads, groups * panels, 1, [&](Index begin, Index end) {
      for (Index i = begin; i < end; ++i) {
        const Index f = i % panels * panel_width<T>, k = i / panels;
        const Index channels = (std::min)(panel_width<T>, co - f), pitch = panel_pitch<T>(channels);
        T* to = packed + k * panels_size<T>(taps * ci, co) + f * taps * ci;
        for (Index r = 0; r < taps_h; ++r)
          for (Index s = 0; s < taps_w; ++s, to += ci * pitch)
            pack_tap(from + r * row + s * column + f * out + k * group, channels, pitch, to);
      }
    });
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

/// One axis of a convolution: output o reads inputs o stride + t dilation - pad, 0 <= t < taps, and is stored at
/// start + o step. pad may be negative.
struct ConvAxis {
  Index in, out, taps, stride, dilation, pad, start = 0, step = 1;
  Index span() const { return taps == 0 ? 0 : (taps - 1) * dilation + 1; }
  bool inside() const { return taps == 0 || (pad <= 0 && (out - 1) * stride - pad + span() <= in); }
};

/// `groups` convolutions ci -> co of images, and the strips they are done in: some whole images or some rows of
/// one. The inputs of a strip are read in place when all are inside the image (and `in_place`), else from a
/// block of memory that they are copied to with the zeros around them.
template <class T>
class ConvStrips {
 public:
  Index groups, ci, co;
  Index count;  // strips

  ConvStrips(const ConvAxis& height, const ConvAxis& width, Index batch, Index g, Index in, Index out, Index y_height,
             Index y_width, bool in_place)
      : groups(g), ci(in), co(out), h_(height), w_(width), batch_(batch), y_h_(y_height), y_w_(y_width) {
    direct_ = in_place && h_.inside() && w_.inside();
    if (direct_ && h_.taps == 1 && w_.taps == 1 && h_.stride == 1 && w_.stride == 1 && h_.out == h_.in &&
        w_.out == w_.in && h_.step == 1 && w_.step == 1) {
      // All pixels are alike: one image with rows of 56, which tiles divide, the last one shorter.
      pixels_ = batch_ * h_.out * w_.out;
      w_.in = w_.out = y_w_ = (std::min)(Index{56}, pixels_);
      h_.in = h_.out = y_h_ = (pixels_ + w_.out - 1) / w_.out;
      batch_ = 1;
    }
    block_w_ = direct_ ? w_.in : (w_.out - 1) * w_.stride + w_.span();
    block_pitch_ = direct_ ? groups * ci : ci;
    cut(1);
  }

  Index rows() const { return batch_ * h_.out; }
  Index row_pixels() const { return w_.out; }
  Index pixels() const { return pixels_ ? pixels_ : rows() * w_.out; }
  /// Input values that one more output row needs.
  Index row_inputs() const { return h_.stride * block_w_ * ci; }
  Index taps() const { return h_.taps * w_.taps; }
  /// Inputs of a pixel's sum that lie side by side, and how many such runs there are.
  Index run_length() const { return merged() ? w_.taps * ci : ci; }
  Index runs() const { return merged() ? h_.taps : taps(); }

  /// Makes strips of about `rows` output rows.
  void cut(Index rows) {
    images_ = std::clamp<Index>(rows / h_.out, 1, batch_);
    per_image_ = (h_.out + rows - 1) / rows;
    rows_ = (h_.out + per_image_ - 1) / per_image_;
    per_image_ = (h_.out + rows_ - 1) / rows_;
    count = per_image_ == 1 ? (batch_ + images_ - 1) / images_ : batch_ * per_image_;
    image_block_ = ((rows_ - 1) * h_.stride + h_.span()) * block_w_ * ci;
  }
  /// Most rows in a strip.
  Index strip_rows() const { return images_ * rows_; }
  /// Values in a strip's block, with some to spare for tiles that read past the end.
  Index block_size() const { return direct_ ? 0 : images_ * image_block_ + 16; }

  /// Reads a strip of one group; `rows` has room for twice strip_rows().
  void read(const T* x, Index strip, Index group, T* block, Index* rows, Conv2DRows<T>& to) const {
    const Index image = per_image_ == 1 ? strip * images_ : strip / per_image_;
    const Index images = per_image_ == 1 ? (std::min)(images_, batch_ - image) : 1;
    const Index first = per_image_ == 1 ? 0 : strip % per_image_ * rows_;
    const Index height = (std::min)(rows_, h_.out - first);
    const Index x_pitch = groups * ci, y_pitch = groups * co;
    x += group * ci;
    Index *x_row = rows, *y_row = rows + strip_rows();
    to.x = direct_ ? x : block;
    to.x_rows = x_row, to.y_rows = y_row;
    for (Index n = 0; n < images; ++n) {
      if (!direct_) copy(x + (image + n) * h_.in * w_.in * x_pitch, first, height, block + n * image_block_);
      for (Index i = 0; i < height; ++i) {
        const Index row = first + i, in_row = (image + n) * h_.in + row * h_.stride - h_.pad;
        *x_row++ = !direct_      ? n * image_block_ + i * h_.stride * block_w_ * ci
                   : taps() == 0 ? 0
                                 : (in_row * w_.in - w_.pad) * x_pitch;
        *y_row++ = (((image + n) * y_h_ + h_.start + row * h_.step) * y_w_ + w_.start) * y_pitch;
      }
    }
    to.rows = images * height, to.width = w_.out;
    if (pixels_) to.width = (std::min)(height * w_.out, pixels_ - first * w_.out), to.rows = 1;
    to.x_step = w_.stride * block_pitch_, to.y_step = w_.step * y_pitch;
    to.runs_h = h_.taps, to.run_step_h = h_.dilation * block_w_ * block_pitch_;
    to.runs_w = merged() ? 1 : w_.taps, to.run_step_w = w_.dilation * block_pitch_;
    to.run_length = run_length();
  }

 private:
  bool merged() const { return w_.dilation == 1 && block_pitch_ == ci; }

  /// Copies what output rows [first, first + rows) of an image see.
  void copy(const T* image, Index first, Index rows, T* block) const {
    const Index pitch = groups * ci, height = (rows - 1) * h_.stride + h_.span();
    const Index left = std::clamp<Index>(w_.pad, 0, block_w_);
    const Index inside = std::clamp<Index>(w_.in + w_.pad - left, 0, block_w_ - left);
    for (Index r = 0; r < height; ++r) {
      const Index row = first * h_.stride - h_.pad + r;
      if (row < 0 || row >= h_.in) {
        block = std::fill_n(block, block_w_ * ci, T(0));
        continue;
      }
      const T* from = image + (row * w_.in + left - w_.pad) * pitch;
      block = std::fill_n(block, left * ci, T(0));
      if (ci == pitch)
        block = std::copy_n(from, inside * ci, block);
      else
        for (Index i = 0; i < inside; ++i, from += pitch) block = std::copy_n(from, ci, block);
      block = std::fill_n(block, (block_w_ - left - inside) * ci, T(0));
    }
    std::fill_n(block, 16, T(0));
  }

  ConvAxis h_, w_;
  Index batch_, y_h_, y_w_;
  bool direct_;
  Index pixels_ = 0;  // of a 1x1 convolution whose pixels are all alike
  Index block_w_, block_pitch_;
  Index images_, rows_, per_image_, image_block_;
};

}  // namespace detail
}  // namespace keel::inline KEEL_ABI
