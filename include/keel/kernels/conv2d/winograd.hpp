#pragma once
/// Convolutions of 3 x 3 taps by Winograd's method (simd/winograd.inl), forward and backward into the input.

#include <keel/kernels/conv2d/strips.hpp>
#include <keel/kernels/epilogue.hpp>

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
  for (ConvAxis* axis : {&shape.h, &shape.w}) {
    axis->out = (axis->out + tile - 1) / tile;
    axis->taps = tile + 2;
    axis->stride = axis->step = tile;
  }
  return ConvStrips<T>(shape, ConvStrips<T>::Layout::in_place);
}

/// From one matrix to the next: an odd number of cache lines, so that matrices fall into different cache sets.
template <class T>
Index winograd_plane(Index tiles, Index pitch) {
  constexpr Index line = 64 / sizeof(T);
  return ((tiles * pitch + line - 1) / line | 1) * line;
}

/// y = epilogue(convolution) by Winograd's method. It takes sums and differences of a tile's inputs, which spread a
/// NaN or an infinity over the tile's outputs and may overflow where plain sums do not. So a tile of which a sum is
/// not finite is computed anew as plain sums. Then NaN and infinity are exactly where a plain sum has them, but that
/// values near T's largest whose exact sum is finite may give it where a plain sum overflows on the way.
template <class T, int M>
class WinogradConvolution {
 public:
  /// Its memory is the caller's frame's. `packed` is null where the kernel has yet to be packed.
  WinogradConvolution(const ConvShape& shape, const T* x, const KernelView<T>& kernel, const T* packed,
                      const Epilogue<T>& epilogue, T* y, const KernelContext& context)
      : shape_(shape),
        strips_(winograd_strips<T>(shape, M)),
        x_(x),
        kernel_(kernel),
        packed_(packed),
        epilogue_(epilogue),
        y_(y),
        context_(context),
        panels_(panel_count<T>(shape.co)),
        v_pitch_(shape.ci + 16),
        m_pitch_(panel_width<T> + 16) {
    const Index threads = thread_count(context.threads);
    strips_.cut(strip_rows(threads));
    const Index parts = strips_.count * shape.groups;
    splits_ = threads == 1 ? 1 : (std::min)(panels_, (4 * threads + parts - 1) / parts);
    most_ = strips_.strip_rows() * strips_.row_pixels();
    v_plane_ = winograd_plane<T>(most_, v_pitch_);
    m_plane_ = winograd_plane<T>(most_, m_pitch_);

    blocks_ = context.scratch.take<T>(strips_.block_size() * threads);
    values_ = context.scratch.take<T>(matrices * (v_plane_ + m_plane_) * threads);
    row_offsets_ = context.scratch.take<Index>(2 * strips_.strip_rows() * threads);
    held_ = HeldStrip<WinogradTiles<T>>::take(context);
    // One strip needs each panel of weights once, right after it was packed.
    own_size_ = matrices * shape.ci * panel_width<T> + weights_spare<T>;
    if (!packed && strips_.count == 1)
      own_panels_ = context.scratch.take<T>(own_size_ * threads);
    else if (!packed)
      packed_ = kernel.pack(M, context);
    taps_size_ = 9 * shape.ci * panel_width<T> + weights_spare<T>;
    taps_ = context.scratch.take<T>(taps_size_ * threads);
    spoilt_ = context.scratch.take<Index>(most_ * threads);
  }

  void run() {
    parallel_for(context_.threads, strips_.count * shape_.groups * splits_, 1, [&](Index begin, Index end, int thread) {
      for (Index item = begin; item < end; ++item) convolve(item / splits_, item % splits_, thread);
    });
  }

 private:
  static constexpr Index matrices = (M + 2) * (M + 2);

  /// Inputs and a panel's sums of a strip's tiles stay in the second-level cache, unless there are so many weights that
  /// they should rather come from memory seldom. Several threads have some strips each, but no fewer tiles than are
  /// multiplied at a time if that leaves a thread one.
  Index strip_rows(Index threads) const {
    const Index tile_bytes = matrices * (v_pitch_ + m_pitch_) * Index{sizeof(T)};
    const bool heavy = matrices * shape_.ci * shape_.co * Index{sizeof(T)} > 4 << 20;
    Index rows = (heavy ? 128 : (std::max)(Index{28}, (800 << 10) / tile_bytes)) / strips_.row_pixels();
    if (threads > 1) {
      const Index work = strips_.rows() * panels_ * shape_.groups;
      rows = (std::min)(
          {rows, (std::max)(work / (4 * threads), 13 / strips_.row_pixels() + 1), (work + threads - 1) / threads});
    }
    return std::clamp<Index>(rows, 1, strips_.rows());
  }

  /// One strip of one group, for a share of the panels.
  void convolve(Index part, Index split, int thread) {
    const Index group = part % shape_.groups;
    WinogradTiles<T>& w = held_[thread].rows;
    if (held_[thread].misses(part)) transform(part / shape_.groups, group, thread, w);
    for (Index panel = panels_ * split / splits_; panel < panels_ * (split + 1) / splits_; ++panel) {
      const Index channel = panel * panel_width<T>, at = group * shape_.co + channel;
      w.channels = (std::min)(panel_width<T>, shape_.co - channel);
      multiply(group, channel, thread, w);
      w.bias = epilogue_.bias ? epilogue_.bias + at : nullptr;
      w.residual = epilogue_.residual ? epilogue_.residual + at : nullptr;
      w.y = y_ + at;
      Index* const list = spoilt_ + thread * most_;
      const Index count = KEEL_SIMD_CALL(context_.simd, winograd_outputs<T, M>)(w, list);
      if (count > 0) plain_tiles(group, channel, list, count, thread, w);
    }
  }

  /// Reads a strip and makes the matrices of its inputs.
  void transform(Index strip, Index group, int thread, WinogradTiles<T>& w) const {
    w.out_h = shape_.y_h;
    w.out_w = shape_.y_w;
    w.out_c = shape_.co * shape_.groups;
    w.v = values_ + thread * matrices * (v_plane_ + m_plane_);
    w.m = w.v + matrices * v_plane_;
    w.v_pitch = v_pitch_;
    w.m_pitch = m_pitch_;
    w.v_plane = v_plane_;
    w.m_plane = m_plane_;
    w.clamp_low = epilogue_.clamps_low();
    w.clamp_high = epilogue_.clamps_high();
    strips_.read(x_, strip, group, blocks_ + thread * strips_.block_size(),
                 row_offsets_ + thread * 2 * strips_.strip_rows(), w);
    w.channels = shape_.ci;
    KEEL_SIMD_CALL(context_.simd, winograd_inputs<T, M>)(w);
  }

  /// m = v weights, matrix by matrix, for the panel from `channel` on.
  void multiply(Index group, Index channel, int thread, const WinogradTiles<T>& w) const {
    const Index origin = 0, ci = shape_.ci, pitch = panel_pitch<T>(w.channels);
    T* const own = own_panels_ ? own_panels_ + thread * own_size_ : nullptr;
    if (own) kernel_.pack_alone(M, group, channel, own, context_.simd);
    const T* const all = own ? own : packed_;
    const T* const weights = own ? own : packed_ + (group * panels_size<T>(ci, shape_.co) + channel * ci) * matrices;
    const T* const end =
        own ? own + matrices * ci * pitch : packed_ + shape_.groups * panels_size<T>(matrices * ci, shape_.co);
    Conv2DPanel<T> p{};
    p.x_rows = p.y_rows = &origin;
    p.rows = p.runs_h = p.runs_w = 1;
    p.width = w.rows * w.width;
    p.run_length = ci;
    p.x_step = v_pitch_;
    p.y_step = m_pitch_;
    p.channels = p.pitch = pitch;
    for (Index i = 0; i < matrices; ++i) {
      p.weights = weights + i * ci * pitch;
      p.fetch_next(ci * pitch, all, end);
      p.x = w.v + i * v_plane_;
      p.y = w.m + i * m_plane_;
      KEEL_SIMD_CALL(context_.simd, conv2d_panel<T>)(p);
    }
  }

  /// Computes the panel from `channel` on of the listed tiles anew as plain sums.
  void plain_tiles(Index group, Index channel, const Index* tiles, Index count, int thread,
                   const WinogradTiles<T>& w) const {
    T* const weights = taps_ + thread * taps_size_;
    kernel_.pack_alone(0, group, channel, weights, context_.simd);
    Index x_rows[std::size_t{M}], y_rows[std::size_t{M}];
    Conv2DPanel<T> p{};
    p.x = w.x;
    p.x_rows = x_rows;
    p.y_rows = y_rows;
    p.x_step = p.run_step_w = w.x_step / M;
    p.run_step_h = w.run_step_h;
    p.y_step = w.out_c;
    p.runs_h = p.runs_w = 3;
    p.run_length = shape_.ci;
    p.weights = weights;
    p.channels = w.channels;
    p.pitch = panel_pitch<T>(w.channels);
    p.bias = w.bias;
    p.residual = w.residual;
    p.y = w.y;
    p.clamp_low = w.clamp_low;
    p.clamp_high = w.clamp_high;
    for (; count > 0; --count, ++tiles) {
      const Index row = *tiles / w.width, column = *tiles % w.width, first = w.y_rows[row];
      p.rows = (std::min)(Index{M}, w.out_h - first / (w.out_w * w.out_c) % w.out_h);
      p.width = (std::min)(Index{M}, w.out_w - M * column);
      for (Index r = 0; r < p.rows; ++r) {
        x_rows[r] = w.x_rows[row] + column * w.x_step + r * w.run_step_h;
        y_rows[r] = first + (r * w.out_w + M * column) * w.out_c;
      }
      KEEL_SIMD_CALL(context_.simd, conv2d_panel<T>)(p);
    }
  }

  const ConvShape& shape_;
  ConvStrips<T> strips_;
  const T* x_;
  const KernelView<T>& kernel_;
  const T* packed_;
  const Epilogue<T>& epilogue_;
  T* y_;
  const KernelContext& context_;
  Index panels_;
  Index v_pitch_, m_pitch_;             // from tile to tile
  Index v_plane_ = 0, m_plane_ = 0;     // from matrix to matrix
  Index splits_ = 1;                    // of a strip's panels
  Index most_ = 0;                      // tiles in a strip
  Index own_size_ = 0, taps_size_ = 0;  // for each thread: of a panel of weights, and of its taps
  T *blocks_ = nullptr, *values_ = nullptr, *own_panels_ = nullptr, *taps_ = nullptr;
  Index *row_offsets_ = nullptr, *spoilt_ = nullptr;
  HeldStrip<WinogradTiles<T>>* held_ = nullptr;
};

}  // namespace detail
}  // namespace KEEL_ABI
}  // namespace keel
