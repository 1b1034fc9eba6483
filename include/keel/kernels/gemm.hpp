#pragma once

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

/// c = a b, or c += a b where `accumulate`: a is (rows, depth), b (depth, columns), c (rows, columns) contiguous.
/// An element's bits depend on its row of a and its column of b alone, not on the sizes or the threads.
template <class T>
void gemm(Index rows, Index columns, Index depth, const GemmOperand<T>& a, const GemmOperand<T>& b, T* c,
          bool accumulate, const KernelContext& context) {
  using simd::gemm_chunk, simd::gemm_rows;
  if (depth == 0 && !accumulate) std::fill(c, c + rows * columns, T(0));
  if (rows * columns * depth == 0) return;
  ThreadPool* const pool = rows * columns * depth < (Index{1} << 17) ? nullptr : context.threads;
  const Index threads = thread_count(pool), chunks = (depth + gemm_chunk - 1) / gemm_chunk;
  Scratch::Frame frame(context.scratch);
  const Index each = KEEL_SIMD_CALL(context.simd, gemm_scratch<T>)(columns);
  T* const scratch = context.scratch.take<T>(each * threads);
  const auto block = KEEL_SIMD_CALL(context.simd, gemm_block<T>);
  const auto multiply = [&](Index row, Index row_count, Index column, Index column_count, Index chunk, T* to, bool add,
                            int thread) {
    const Index k = chunk * gemm_chunk;
    block(row_count, column_count, (std::min)(gemm_chunk, depth - k), a.at(row, k), a.step, a.transposed,
          a.transposed ? rows - row : depth - k, b.at(k, column), b.step, b.transposed,
          b.data + (b.transposed ? columns : depth) * b.step, to + row * columns + column, columns, add,
          scratch + thread * each);
  };

  const Index row_blocks = (rows + gemm_rows - 1) / gemm_rows;
  constexpr Index column_unit = 96;  // a multiple of the register tile on every instruction set
  const Index column_units = (columns + column_unit - 1) / column_unit;
  // Few rows are all about reading b, whose chunks lie in one piece.
  const bool deep =
      rows <= 16 ? chunks >= threads : (std::max)(row_blocks, column_units) < 4 * threads && chunks >= 2 * threads;
  if (threads > 1 && deep && chunks * rows * columns <= Index{1} << 21) {
    // A small result of a deep product: each chunk on its own, then their sum in order.
    T* const parts = context.scratch.take<T>(chunks * rows * columns);
    parallel_for(pool, chunks, 1, [&](Index begin, Index end, int thread) {
      for (Index chunk = begin; chunk < end; ++chunk)
        for (Index row = 0; row < rows; row += gemm_rows)
          multiply(row, (std::min)(gemm_rows, rows - row), 0, columns, chunk, parts + chunk * rows * columns, false,
                   thread);
    });
    parallel_for(pool, rows * columns, 4096, [&](Index begin, Index end) {
      for (Index chunk = 0; chunk < chunks; ++chunk) {
        const T* const part = parts + chunk * rows * columns;
        if (chunk == 0 && !accumulate)
          std::copy(part + begin, part + end, c + begin);
        else
          for (Index i = begin; i < end; ++i) c[i] += part[i];
      }
    });
    return;
  }
  const bool by_rows = row_blocks >= column_units;
  parallel_for(pool, by_rows ? row_blocks : column_units, 1, [&](Index begin, Index end, int thread) {
    const Index first = by_rows ? begin * gemm_rows : 0;
    const Index last = by_rows ? (std::min)(end * gemm_rows, rows) : rows;
    const Index left = by_rows ? 0 : begin * column_unit;
    const Index right = by_rows ? columns : (std::min)(end * column_unit, columns);
    for (Index chunk = 0; chunk < chunks; ++chunk)
      for (Index row = first; row < last; row += gemm_rows)
        multiply(row, (std::min)(gemm_rows, last - row), left, right - left, chunk, c, accumulate || chunk > 0, thread);
  });
}

}  // namespace detail

}  // namespace KEEL_ABI
}  // namespace keel
