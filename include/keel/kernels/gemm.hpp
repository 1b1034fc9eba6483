#pragma once
/// Matrix products, by which dense layers are computed.

#include <keel/kernels/context.hpp>
#include <keel/kernels/parallel.hpp>
#include <keel/kernels/simd/vector.hpp>

namespace keel {
inline namespace KEEL_ABI {

namespace simd {
/// A sum over the depth of a product is cut into chunks of this many terms: c = (chunk + chunk) + chunk ..., each
/// chunk one chain of fma. It sets the bits of every result.
inline constexpr Index gemm_chunk = 256;
/// Rows of a that are packed at a time.
inline constexpr Index gemm_rows = 64;
}  // namespace simd

}  // namespace KEEL_ABI
}  // namespace keel

#define KEEL_SIMD_SOURCE <keel/kernels/simd/gemm.inl>
#include <keel/kernels/simd/foreach.inl>

namespace keel {
inline namespace KEEL_ABI {

namespace detail {

/// A row-major matrix, or the transpose of one.
template <class T>
struct GemmOperand {
  const T* data;
  Index step;  ///< values from one stored row to the next
  bool transposed = false;

  const T* at(Index row, Index column) const {
    return transposed ? data + column * step + row : data + row * step + column;
  }
};

/// One call of gemm.
template <class T>
class Gemm {
 public:
  /// Its memory is the caller's frame's.
  Gemm(Index rows, Index columns, Index depth, const GemmOperand<T>& a, const GemmOperand<T>& b, T* c, bool accumulate,
       const KernelContext& context)
      : rows_(rows),
        columns_(columns),
        depth_(depth),
        chunks_((depth + simd::gemm_chunk - 1) / simd::gemm_chunk),
        a_(a),
        b_(b),
        c_(c),
        accumulate_(accumulate),
        context_(context),
        pool_(rows * columns * depth < (Index{1} << 17) ? nullptr : context.threads),
        scratch_size_(KEEL_SIMD_CALL(context.simd, gemm_scratch<T>)(columns)),
        scratch_(context.scratch.take<T>(scratch_size_ * thread_count(pool_))) {}

  void run() {
    const Index threads = thread_count(pool_);
    const Index blocks = (rows_ + simd::gemm_rows - 1) / simd::gemm_rows;
    const Index units = (columns_ + column_unit - 1) / column_unit;
    // Few rows are all about reading b, whose chunks lie in one piece.
    const bool deep =
        rows_ <= 16 ? chunks_ >= threads : (std::max)(blocks, units) < 4 * threads && chunks_ >= 2 * threads;
    if (threads > 1 && deep && chunks_ * rows_ * columns_ <= Index{1} << 21) return by_chunks();
    if (blocks >= units)
      parallel_for(pool_, blocks, 1, [&](Index begin, Index end, int thread) {
        multiply(begin * simd::gemm_rows, (std::min)(end * simd::gemm_rows, rows_), 0, columns_, thread);
      });
    else
      parallel_for(pool_, units, 1, [&](Index begin, Index end, int thread) {
        multiply(0, rows_, begin * column_unit, (std::min)(end * column_unit, columns_), thread);
      });
  }

 private:
  static constexpr Index column_unit = 96;  // a multiple of the register tile on every instruction set

  /// A small result of a deep product: each chunk on its own, then their sum in order.
  void by_chunks() {
    const Index size = rows_ * columns_;
    T* const parts = context_.scratch.take<T>(chunks_ * size);
    parallel_for(pool_, chunks_, 1, [&](Index begin, Index end, int thread) {
      for (Index chunk = begin; chunk < end; ++chunk)
        add_chunk(chunk, 0, rows_, 0, columns_, parts + chunk * size, false, thread);
    });
    parallel_for(pool_, size, 4096, [&](Index begin, Index end) {
      for (Index chunk = 0; chunk < chunks_; ++chunk) {
        const T* const part = parts + chunk * size;
        if (chunk == 0 && !accumulate_)
          std::copy(part + begin, part + end, c_ + begin);
        else
          for (Index i = begin; i < end; ++i) c_[i] += part[i];
      }
    });
  }

  /// All chunks of some rows and columns of c.
  void multiply(Index row, Index row_end, Index column, Index column_end, int thread) const {
    for (Index chunk = 0; chunk < chunks_; ++chunk)
      add_chunk(chunk, row, row_end, column, column_end, c_, accumulate_ || chunk > 0, thread);
  }

  void add_chunk(Index chunk, Index row, Index row_end, Index column, Index column_end, T* to, bool add,
                 int thread) const {
    const Index k = chunk * simd::gemm_chunk, depth = (std::min)(simd::gemm_chunk, depth_ - k);
    const T* const b_end = b_.data + (b_.transposed ? columns_ : depth_) * b_.step;
    const auto block = KEEL_SIMD_CALL(context_.simd, gemm_block<T>);
    for (; row < row_end; row += simd::gemm_rows)
      block((std::min)(simd::gemm_rows, row_end - row), column_end - column, depth, a_.at(row, k), a_.step,
            a_.transposed, a_.transposed ? rows_ - row : depth_ - k, b_.at(k, column), b_.step, b_.transposed, b_end,
            to + row * columns_ + column, columns_, add, scratch_ + thread * scratch_size_);
  }

  Index rows_, columns_, depth_, chunks_;
  const GemmOperand<T>&a_, &b_;
  T* c_;
  bool accumulate_;
  const KernelContext& context_;
  ThreadPool* pool_;
  Index scratch_size_;  // for each thread
  T* scratch_;
};

/// c = a b, or c += a b where `accumulate`: a is (rows, depth), b (depth, columns), c (rows, columns) contiguous.
/// An element's bits depend on its row of a and its column of b alone, not on the sizes or the threads.
template <class T>
void gemm(Index rows, Index columns, Index depth, const GemmOperand<T>& a, const GemmOperand<T>& b, T* c,
          bool accumulate, const KernelContext& context) {
  if (depth == 0 && !accumulate) std::fill(c, c + rows * columns, T(0));
  if (rows * columns * depth == 0) return;
  Scratch::Frame frame(context.scratch);
  Gemm<T>(rows, columns, depth, a, b, c, accumulate, context).run();
}

}  // namespace detail

}  // namespace KEEL_ABI
}  // namespace keel
