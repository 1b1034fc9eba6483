#pragma once
/// The gradients of convolutions: of the input as convolutions of the output's gradient, of the kernel as plain sums
/// and by Winograd's method.

#include <atomic>
#include <limits>

#include <keel/kernels/conv2d/direct.hpp>
#include <keel/kernels/conv2d/winograd.hpp>

namespace keel {
inline namespace KEEL_ABI {
namespace detail {

/// The inputs i = phase (mod stride) of one axis as a convolution of the outputs with every `step`th tap of the
/// kernel from `first` on, last one first.
struct BackwardAxis {
  ConvAxis axis;
  Index first = 0, step = 1;

  BackwardAxis(const ConvAxis& forward, Index phase) {
    const Index stride = forward.stride, dilation = forward.dilation, place = phase + forward.pad;
    while (first < forward.taps && (place - first * dilation) % stride != 0) ++first;
    while (step * dilation % stride != 0) ++step;
    axis = {.in = forward.out,
            .out = (forward.in - phase + stride - 1) / stride,
            .taps = first < forward.taps ? (forward.taps - 1 - first) / step + 1 : 0,
            .stride = 1,
            .dilation = step * dilation / stride,
            .pad = 0,
            .start = phase,
            .step = stride};
    if (axis.taps > 0) axis.pad = (last() * dilation - place) / stride;
  }
  Index last() const { return first + ((std::max)(axis.taps, Index{1}) - 1) * step; }

  /// All outputs that some phase reads (at least one does), for the first phase's inputs.
  static ConvAxis all(const ConvAxis& forward) {
    ConvAxis result = BackwardAxis(forward, 0).axis;
    if (forward.stride == 1) return result;
    Index before = (std::numeric_limits<Index>::min)(), end = before;
    for (Index phase = 0; phase < forward.stride; ++phase) {
      const ConvAxis axis = BackwardAxis(forward, phase).axis;
      if (axis.taps == 0) continue;
      before = (std::max)(before, axis.pad);
      end = (std::max)(end, axis.span() - axis.pad);
    }
    result.taps = before + end;
    result.pad = before;
    result.dilation = 1;
    return result;
  }
};

/// The flipped kernel of the input pixels with these residues.
template <class T>
KernelView<T> backward_view(const Conv2DGeometry& g, const T* kernel, const BackwardAxis& h, const BackwardAxis& w) {
  const Index tap = g.group_in() * g.out_c;
  return {.from = kernel + first_weight(g, height_axis(g), width_axis(g)) + (h.last() * g.kernel_w + w.last()) * tap,
          .taps_h = h.axis.taps,
          .taps_w = w.axis.taps,
          .ci = g.group_out(),
          .co = g.group_in(),
          .groups = g.groups,
          .row = -h.step * g.kernel_w * tap,
          .column = -w.step * tap,
          .in = 1,
          .out = g.out_c,
          .group = g.group_out()};
}

/// The convolutions of dy that give dx, one for each residue of the position modulo the stride that any output sees.
/// `phases` has room for all; returns their number.
template <class T>
Index backward_phases(const Conv2DGeometry& g, const T* kernel, ConvPhase<T>* phases) {
  const ConvAxis height = height_axis(g), width = width_axis(g);
  Index count = 0;
  for (Index i = 0; i < (std::min)(g.stride_h, g.in_h); ++i)
    for (Index j = 0; j < (std::min)(g.stride_w, g.in_w); ++j) {
      const BackwardAxis h(height, i), w(width, j);
      if (h.axis.taps * w.axis.taps > 0) phases[count++] = {h.axis, w.axis, backward_view(g, kernel, h, w), nullptr};
    }
  return count;
}
/// What they have in common.
inline ConvShape backward_shape(const Conv2DGeometry& g) {
  return {.h = BackwardAxis::all(height_axis(g)),
          .w = BackwardAxis::all(width_axis(g)),
          .batch = g.batch,
          .groups = g.groups,
          .ci = g.group_out(),
          .co = g.group_in(),
          .y_h = g.in_h,
          .y_w = g.in_w};
}

/// The kernel's gradient as plain sums over strips of output rows.
template <class T>
class DirectKernelGradient {
 public:
  /// Its memory is the caller's frame's.
  DirectKernelGradient(const Conv2DGeometry& g, const T* x, const T* dy, T* dkernel, bool accumulate,
                       const KernelContext& context)
      : strips_(forward_shape(g), ConvStrips<T>::Layout::planes),
        x_(x),
        dy_(dy),
        dkernel_(dkernel),
        accumulate_(accumulate),
        context_(context),
        out_c_(g.out_c),
        panels_(panel_count<T>(strips_.co)),
        x_row_(g.batch * g.in_h * g.in_w * g.in_c / strips_.rows()),
        dy_row_(g.batch * g.out_h * g.out_w * g.out_c / strips_.rows()) {
    strips_.cut((std::max)(Index{1}, 512 / strips_.row_pixels()));
    const Index length = strips_.run(0).length, threads = thread_count(context.threads);
    tile_ = length % 7 == 0 && length % 8 != 0 ? 7 : 8;
    run_tiles_ = (length + tile_ - 1) / tile_;
    panel_tiles_ = strips_.runs() * run_tiles_;
    dense_size_ = strips_.strip_rows() * strips_.row_pixels() * panel_width<T>;
    blocks_ = context.scratch.take<T>(strips_.block_size() * threads);
    dense_ = context.scratch.take<T>(dense_size_ * threads);
    row_offsets_ = context.scratch.take<Index>(2 * strips_.strip_rows() * threads);
  }

  /// Each thread computes some of the weights, from all strips.
  void run() {
    const Index tiles = strips_.groups * panels_ * panel_tiles_;
    const Index threads = thread_count(context_.threads);
    const Index parts = (std::min)(threads, tiles * strips_.pixels() / 10'000 + 1);
    parallel_for(context_.threads, parts, 1, [&](Index begin, Index end, int thread) {
      for (Index strip = 0; strip < strips_.count; ++strip)
        add_strip(strip, begin * tiles / parts, end * tiles / parts, thread);
    });
  }

 private:
  /// What is fetched of x, then of dy.
  struct Fetched {
    const T* at[2];
    Index left[2];

    /// The next `count` cache lines, or as many as there are.
    void take(Index count, Conv2DGradient<T>& p) {
      const int which = left[0] > 0 ? 0 : 1;
      p.next = at[which];
      p.next_end = at[which] + (std::max)(left[which], Index{0});
      const Index values = count * 64 / Index{sizeof(T)};
      at[which] += values;
      left[which] -= values;
    }
  };
  /// What the next strip reads is fetched while this one is worked on, if the second-level cache has room for it.
  Fetched next_strip(Index strip) const {
    const Index next = strips_.first_row(strip + 1), bytes = (x_row_ + dy_row_) * Index{sizeof(T)};
    const bool fetches = strip + 1 < strips_.count && strips_.strip_rows() * bytes <= 512 << 10;
    const Index rows = fetches ? (std::min)(strips_.strip_rows(), strips_.rows() - next) : 0;
    return {{x_ + next * x_row_, dy_ + next * dy_row_}, {rows * x_row_, rows * dy_row_}};
  }

  /// What a strip adds to tiles [first, last): run after run of each panel of each group.
  void add_strip(Index strip, Index first, Index last, int thread) const {
    Conv2DGradient<T> p;
    p.out_c = out_c_;
    p.tile = tile_;
    p.add = accumulate_ || strip > 0;
    Fetched ahead = next_strip(strip);
    for (Index at = first, next; at < last; at = next) {
      const Index group = at / panel_tiles_ / panels_, panel = at / panel_tiles_ % panels_;
      next = (std::min)(last, (at / run_tiles_ + 1) * run_tiles_);
      if (at == first || at % (panels_ * panel_tiles_) == 0)
        strips_.read(x_, strip, group, blocks_ + thread * strips_.block_size(),
                     row_offsets_ + thread * 2 * strips_.strip_rows(), p);
      const Index channel = group * strips_.co + panel * panel_width<T>;
      if (at == first || at % panel_tiles_ == 0) {
        p.channels = (std::min)(panel_width<T>, strips_.co - panel * panel_width<T>);
        p.pitch = panel_pitch<T>(p.channels);
        p.take(dy_ + channel, panel_tiles_, dense_ + thread * dense_size_);
      }
      const typename ConvStrips<T>::Run run = strips_.run(at / run_tiles_ % strips_.runs());
      p.run = run.offset;
      p.next_run = strips_.run((at / run_tiles_ + 1) % strips_.runs()).offset;
      p.begin = at % run_tiles_ * tile_;
      p.end = (std::min)(run.length, p.begin + (next - at) * tile_);
      p.dkernel = dkernel_ + run.weight * out_c_ + channel;
      ahead.take(p.rows * p.width, p);
      KEEL_SIMD_CALL(context_.simd, conv2d_gradient<T>)(p);
    }
  }

  ConvStrips<T> strips_;
  const T *x_, *dy_;
  T* dkernel_;
  bool accumulate_;
  const KernelContext& context_;
  Index out_c_, panels_;
  Index x_row_, dy_row_;                   // values of x and dy for a row of outputs
  Index tile_ = 0;                         // weights that are summed at a time
  Index run_tiles_ = 0, panel_tiles_ = 0;  // tiles in a run, in a panel
  Index dense_size_ = 0;
  T *blocks_ = nullptr, *dense_ = nullptr;  // for each thread: a strip's inputs, a panel of its dy
  Index* row_offsets_ = nullptr;
};

/// The kernel's gradient by the transposed steps of Winograd's method, with tiles of 4 x 4: the sums over tiles of the
/// products, then 9 taps from those. Threads transform strips of 28 tiles, and multiply what some of those give, for
/// blocks of weights of which all matrices stay in the second-level cache.
template <class T>
class WinogradKernelGradient {
 public:
  /// Its memory is the caller's frame's.
  WinogradKernelGradient(const ConvShape& shape, const T* x, const T* dy, T* dkernel, bool accumulate,
                         const KernelContext& context)
      : shape_(shape),
        strips_(winograd_strips<T>(shape, tile_size)),
        x_(x),
        dy_(dy),
        dkernel_(dkernel),
        accumulate_(accumulate),
        context_(context),
        columns_(strips_.row_pixels()),
        panels_(panel_count<T>(shape.co)),
        heights_((shape.ci + Block::height - 1) / Block::height),
        v_pitch_(shape.ci + 16),
        m_pitch_(panels_ * panel_width<T> + 16) {
    const Index threads = thread_count(context.threads);
    strips_.cut((std::max)(Index{1}, 28 / columns_));
    several_ = (std::max)(Index{1}, 128 / (strips_.strip_rows() * columns_));
    once_ = strips_.count <= several_;
    const Index most = several_ * strips_.strip_rows() * columns_;
    v_plane_ = winograd_plane<T>(most, v_pitch_);
    m_plane_ = winograd_plane<T>(most, m_pitch_);
    blocks_ = context.scratch.take<T>(strips_.block_size() * threads);
    v_ = context.scratch.take<T>(matrices * v_plane_);
    m_ = context.scratch.take<T>(matrices * m_plane_);
    sums_ = context.scratch.take<T>(matrices * Block::plane * (once_ ? threads : heights_ * panels_));
    row_offsets_ = context.scratch.take<Index>(2 * strips_.strip_rows() * threads);
  }

  /// Values that are not finite are left out; returns whether there are any. With `exact` those alone are taken, from
  /// there.
  bool run(const T* exact) {
    std::atomic<bool> spoilt{false};
    for (Index group = 0; group < shape_.groups; ++group)
      for (Index strip = 0; strip < strips_.count; strip += several_) {
        const Index end = (std::min)(strip + several_, strips_.count), first = strips_.first_row(strip);
        const Index rows = (end < strips_.count ? strips_.first_row(end) : strips_.rows()) - first;
        parallel_for(context_.threads, end - strip, 1, [&](Index from, Index to, int thread) {
          for (Index i = from; i < to; ++i) transform(strip + i, group, first, thread);
        });
        parallel_for(context_.threads, heights_ * panels_, 1, [&](Index from, Index to, int thread) {
          for (Index i = from; i < to; ++i) {
            T* const sums = sums_ + (once_ ? thread : i) * matrices * Block::plane;
            const Index row = i % heights_ * Block::height, channel = i / heights_ * Block::width;
            multiply(row, channel, rows * columns_, strip > 0, sums);
            if (end == strips_.count && !finish(row, channel, group, sums, exact))
              spoilt.store(true, std::memory_order_relaxed);
          }
        });
      }
    return spoilt.load(std::memory_order_relaxed);
  }

 private:
  using Block = WinogradBlock<T>;
  static constexpr Index tile_size = 4, matrices = (tile_size + 2) * (tile_size + 2);

  /// The matrices of a strip's inputs and gradients, behind those of the rows from `first` on.
  void transform(Index strip, Index group, Index first, int thread) const {
    WinogradTiles<T> w{};
    w.out_h = shape_.y_h;
    w.out_w = shape_.y_w;
    w.out_c = shape_.co * shape_.groups;
    w.v_pitch = v_pitch_;
    w.m_pitch = m_pitch_;
    w.v_plane = v_plane_;
    w.m_plane = m_plane_;
    strips_.read(x_, strip, group, blocks_ + thread * strips_.block_size(),
                 row_offsets_ + thread * 2 * strips_.strip_rows(), w);
    const Index tile = (strips_.first_row(strip) - first) * columns_;
    w.v = v_ + tile * v_pitch_;
    w.m = m_ + tile * m_pitch_;
    w.channels = shape_.ci;
    KEEL_SIMD_CALL(context_.simd, winograd_inputs<T, tile_size>)(w);
    w.channels = shape_.co;
    KEEL_SIMD_CALL(context_.simd, winograd_gradients<T>)(w, dy_ + group * shape_.co, panels_ * panel_width<T>);
  }

  /// sums (+)= v m over the tiles, matrix by matrix, for the block of weights from (row, channel) on.
  void multiply(Index row, Index channel, Index tiles, bool add, T* sums) const {
    const Index origin = 0;
    Conv2DGradient<T> p{};
    p.x_rows = p.y_rows = &origin;
    p.rows = 1;
    p.width = tiles;
    p.x_step = v_pitch_;
    p.dy_step = m_pitch_;
    p.out_c = Block::width;
    p.add = add;
    p.next_run = 64 / sizeof(T);
    p.end = (std::min)(Block::height, shape_.ci - row);
    p.next_inputs = shape_.ci - row;
    p.channels = (std::min)(Block::width, shape_.co - channel);
    p.pitch = panel_pitch<T>(p.channels);
    for (Index matrix = 0; matrix < matrices; ++matrix) {
      p.x = v_ + matrix * v_plane_ + row;
      p.dy = m_ + matrix * m_plane_ + channel;
      p.dkernel = sums + matrix * Block::plane;
      KEEL_SIMD_CALL(context_.simd, conv2d_gradient<T>)(p);
    }
  }

  /// The block's 9 taps; returns whether all of them are finite.
  bool finish(Index row, Index channel, Index group, const T* sums, const T* exact) const {
    const Index out_c = shape_.co * shape_.groups, at = row * out_c + group * shape_.co + channel;
    return !KEEL_SIMD_CALL(context_.simd, winograd_kernel_gradient<T>)(
        (std::min)(Block::height, shape_.ci - row), (std::min)(Block::width, shape_.co - channel), sums, dkernel_ + at,
        out_c, shape_.ci * out_c, accumulate_, exact ? exact + at : nullptr);
  }

  const ConvShape& shape_;
  ConvStrips<T> strips_;
  const T *x_, *dy_;
  T* dkernel_;
  bool accumulate_;
  const KernelContext& context_;
  Index columns_, panels_, heights_;  // tiles in a row; blocks of weights side by side and below each other
  Index several_ = 1;                 // strips whose tiles are multiplied together,
  bool once_ = false;                 // and whether these are all
  Index v_pitch_, m_pitch_;           // from tile to tile
  Index v_plane_ = 0, m_plane_ = 0;   // from matrix to matrix
  T *blocks_ = nullptr, *v_ = nullptr, *m_ = nullptr, *sums_ = nullptr;
  Index* row_offsets_ = nullptr;
};

template <class T>
void direct_backward_kernel(const Conv2DGeometry& g, const T* x, const T* dy, T* dkernel, bool accumulate,
                            const KernelContext& context) {
  Scratch::Frame frame(context.scratch);
  DirectKernelGradient<T>(g, x, dy, dkernel, accumulate, context).run();
}

/// By Winograd's method, and what that does not give as a finite value as plain sums.
template <class T>
void fast_backward_kernel(const Conv2DGeometry& g, const T* x, const T* dy, T* dkernel, bool accumulate,
                          const KernelContext& context) {
  const ConvShape shape = forward_shape(g);
  Scratch::Frame frame(context.scratch);
  WinogradKernelGradient<T> gradient(shape, x, dy, dkernel, accumulate, context);
  if (!gradient.run(nullptr)) return;
  T* const exact = context.scratch.take<T>(g.kernel_size());
  direct_backward_kernel(g, x, dy, exact, false, context);
  gradient.run(exact);
}

}  // namespace detail
}  // namespace KEEL_ABI
}  // namespace keel
