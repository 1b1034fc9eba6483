#pragma once
/// Temporary memory for kernels.

#include <cstddef>
#include <vector>

#include <keel/tensor/tensor.hpp>

namespace keel {
inline namespace KEEL_ABI {

/// Temporary memory for kernels: a stack of 64-byte aligned blocks that is kept between uses, so that a
/// repeated call allocates nothing. Memory taken inside a `Scratch::Frame` is returned when the frame ends.
class Scratch {
 public:
  /// Uninitialised memory for `count` values, valid until the enclosing frame ends.
  template <class T>
  T* take(Index count) {
    const std::size_t bytes = (to_size(count) * sizeof(T) + 63) / 64 * 64;
    while (block_ < blocks_.size() && used_ + bytes > blocks_[block_].size()) {
      ++block_;
      used_ = 0;
    }
    if (block_ == blocks_.size()) blocks_.emplace_back((std::max)(bytes, std::size_t{1} << 16));
    std::byte* memory = blocks_[block_].data() + used_;
    used_ += bytes;
    return reinterpret_cast<T*>(memory);
  }

  class Frame {
   public:
    explicit Frame(Scratch& scratch) : scratch_(scratch), block_(scratch.block_), used_(scratch.used_) {}
    ~Frame() {
      scratch_.block_ = block_;
      scratch_.used_ = used_;
    }
    Frame(const Frame&) = delete;
    Frame& operator=(const Frame&) = delete;

   private:
    Scratch& scratch_;
    std::size_t block_, used_;
  };

  std::size_t bytes() const {
    std::size_t total = 0;
    for (const auto& block : blocks_) total += block.size();
    return total;
  }

 private:
  std::vector<AlignedVector<std::byte>> blocks_;
  std::size_t block_ = 0, used_ = 0;
};

}  // namespace KEEL_ABI
}  // namespace keel
