#pragma once
/// Convolutions as plain sums: forward, and backward into the input, which is a convolution too.

#include <span>

#include <keel/kernels/conv2d/strips.hpp>
#include <keel/kernels/epilogue.hpp>

namespace keel {
inline namespace KEEL_ABI {
namespace detail {

/// One of the convolutions that read the same inputs and write different pixels.
template <class T>
struct ConvPhase {
  ConvAxis h, w;
  KernelView<T> kernel;
  const T* packed;  // or nullptr: packed on the way
  Index sum() const { return kernel.planes(0) * kernel.ci; }
  Index panel_values() const { return panels_size<T>(sum(), kernel.co); }  // of one group
};

/// y = epilogue(convolution) for each phase, 0 between them; `shape` reads all that any of them does.
template <class T>
class DirectConvolution {
 public:
  /// Its memory is the caller's frame's.
  DirectConvolution(const ConvShape& shape, std::span<ConvPhase<T>> phases, const T* x, const Epilogue<T>& epilogue,
                    T* y, const KernelContext& context)
      : strips_(shape, ConvStrips<T>::Layout::in_place),
        phases_(phases),
        x_(x),
        y_(y),
        epilogue_(epilogue),
        context_(context),
        panels_(panel_count<T>(shape.co)),
        gaps_(count_of(phases) < shape.h.step * shape.w.step) {
    const Index threads = thread_count(context.threads);
    Index longest = 0;
    for (const ConvPhase<T>& phase : phases) {
      sum_ += phase.sum();
      longest = (std::max)(longest, phase.sum());
    }
    const bool packs = !phases[0].packed;
    strips_.cut(strip_rows(packs, threads));
    const Index parts = strips_.count * strips_.groups;
    splits_ = threads == 1 ? 1 : (std::min)(panels_, (4 * threads + parts - 1) / parts);
    own_size_ = (longest + weights_ahead) * panel_width<T>;
    if (packs && strips_.count == 1)
      own_panels_ = context.scratch.take<T>(own_size_ * threads);
    else if (packs)
      for (ConvPhase<T>& phase : phases) phase.packed = phase.kernel.pack(0, context);
    blocks_ = context.scratch.take<T>(strips_.block_size() * threads);
    row_offsets_ = context.scratch.take<Index>(2 * strips_.strip_rows() * threads);
    held_ = HeldStrip<Conv2DPanel<T>>::take(context);
  }

  void run() {
    const Index parts = strips_.count * strips_.groups;
    const Index phases = count_of(phases_);
    const Index work = strips_.pixels() * (sum_ + 4 * phases) * strips_.co / (strips_.count * splits_) + 1;
    parallel_for(context_.threads, parts * splits_, (std::max)(Index{1}, Index{300'000} / work),
                 [&](Index begin, Index end, int thread) {
                   for (Index item = begin; item < end; ++item) convolve(item / splits_, item % splits_, thread);
                 });
  }

 private:
  /// The inputs of a strip stay in the second-level cache while all panels of weights pass by; the more weights, the
  /// more pixels they should serve. Where there are more weights than inputs, each panel is packed just before it
  /// serves them all.
  Index strip_rows(bool packs, Index threads) const {
    const Index all = strips_.rows();
    const Index values =
        std::clamp<Index>(sum_ * strips_.co * strips_.groups / 16, (64 << 10) / sizeof(T), (640 << 10) / sizeof(T));
    Index rows = std::clamp<Index>(values / (strips_.row_inputs() + 1), 1, all);
    if (packs && all * strips_.row_inputs() < sum_ * strips_.co) rows = all;
    return threads > 1 ? std::clamp<Index>(all * panels_ * strips_.groups / (4 * threads), 1, rows) : rows;
  }

  /// One strip of one group, for a share of the panels.
  void convolve(Index part, Index split, int thread) {
    const Index group = part % strips_.groups, strip = part / strips_.groups;
    const Index first = panels_ * split / splits_, last = panels_ * (split + 1) / splits_;
    T* const block = blocks_ + thread * strips_.block_size();
    Conv2DPanel<T>& p = held_[thread].rows;
    p.clamp_low = epilogue_.clamps_low();
    p.clamp_high = epilogue_.clamps_high();
    if (held_[thread].misses(part)) strips_.read(x_, strip, group, block);
    if (gaps_)
      strips_.clear(y_, strip, group * strips_.co + first * panel_width<T>,
                    group * strips_.co + (std::min)(strips_.co, last * panel_width<T>));
    Index share = first;  // of all panels of all phases
    for (const ConvPhase<T>& phase : phases_) {
      strips_.place(x_, strip, group, block, phase.h, phase.w, row_offsets_ + thread * 2 * strips_.strip_rows(), p);
      for (Index panel = first; panel < last; ++panel)
        multiply(phase, strip, group, panel, share + panel - first, thread, p);
      share += panels_;
    }
  }

  void multiply(const ConvPhase<T>& phase, Index strip, Index group, Index panel, Index share, int thread,
                Conv2DPanel<T>& p) const {
    const Index channel = panel * panel_width<T>, at = group * strips_.co + channel;
    T* const own = own_panels_ ? own_panels_ + thread * own_size_ : nullptr;
    p.channels = (std::min)(panel_width<T>, strips_.co - channel);
    p.pitch = panel_pitch<T>(p.channels);
    if (own) phase.kernel.pack_alone(0, group, channel, own, context_.simd);
    p.weights = own ? own : phase.packed + group * phase.panel_values() + channel * phase.sum();
    p.bias = epilogue_.bias ? epilogue_.bias + at : nullptr;
    p.residual = epilogue_.residual ? epilogue_.residual + at : nullptr;
    p.y = y_ + at;
    p.next = p.next_end = nullptr;
    if (gaps_)
      fetch_outputs(strip, share, p);
    else if (!own)
      p.fetch_next(phase.sum() * p.pitch, phase.packed, phase.packed + strips_.groups * phase.panel_values());
    KEEL_SIMD_CALL(context_.simd, conv2d_panel<T>)(p);
  }

  /// Gaps make memory the limit: each panel fetches a share of what the next strip writes.
  void fetch_outputs(Index strip, Index share, Conv2DPanel<T>& p) const {
    const Index out_c = strips_.groups * strips_.co, shares = count_of(phases_) * panels_;
    const Index size = (strips_.first_pixel(strip + 2) - strips_.first_pixel(strip + 1)) * out_c;
    const T* const next = y_ + strips_.first_pixel(strip + 1) * out_c;
    p.next = next + size * share / shares;
    p.next_end = next + size * (share + 1) / shares;
  }

  ConvStrips<T> strips_;
  std::span<ConvPhase<T>> phases_;
  const T* x_;
  T* y_;
  const Epilogue<T>& epilogue_;
  const KernelContext& context_;
  Index panels_;
  bool gaps_;
  Index sum_ = 0;
  Index splits_ = 1;  // of a strip's panels
  // Weights that one strip alone needs, a panel for each thread, packed just before its use.
  T* own_panels_ = nullptr;
  Index own_size_ = 0;
  T* blocks_ = nullptr;
  Index* row_offsets_ = nullptr;
  HeldStrip<Conv2DPanel<T>>* held_ = nullptr;
};

}  // namespace detail
}  // namespace KEEL_ABI
}  // namespace keel
