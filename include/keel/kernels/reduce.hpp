#pragma once
/// Sums over rows, in an order that neither batch nor threads change.

#include <keel/kernels/context.hpp>
#include <keel/kernels/parallel.hpp>
#include <keel/kernels/simd/math.hpp>

#define KEEL_SIMD_SOURCE <keel/kernels/simd/reduce.inl>
#include <keel/kernels/simd/foreach.inl>

namespace keel {
inline namespace KEEL_ABI {

namespace detail {

/// A length rounded up to the widest vector of any instruction set.
inline Index padded(Index count) { return (count + 15) / 16 * 16; }

/// Sums over rows in double, in an order that depends on rows and columns only: blocks of rows are summed by
/// add(context, begin, end, sums), on any thread, into `arrays` arrays of padded(columns) values that start at
/// zero; then the blocks' sums are added in order. The result lies in scratch memory.
inline double* sum_row_blocks(Index rows, Index columns, Index arrays, const KernelContext& context,
                              void (*add)(void*, Index, Index, double*), void* add_context) {
  const Index block = (std::max)(Index{64}, 32768 / (columns + 1) / 8 * 8);
  const Index blocks = (rows + block - 1) / block, size = arrays * padded(columns);
  double* const sums = context.scratch.take<double>((std::max)(blocks, Index{1}) * size);
  std::fill(sums, sums + (std::max)(blocks, Index{1}) * size, 0.0);
  parallel_for(context.threads, blocks, 1, [&](Index first, Index last) {
    for (Index b = first; b < last; ++b)
      add(add_context, b * block, (std::min)(rows, (b + 1) * block), sums + b * size);
  });
  for (Index b = 1; b < blocks; ++b)
    for (Index j = 0; j < size; ++j) sums[j] += sums[b * size + j];
  return sums;
}
/// The same with add(begin, end, sums).
template <class F>
double* sum_row_blocks(Index rows, Index columns, Index arrays, const KernelContext& context, F add) {
  const auto call = [](void* f, Index begin, Index end, double* sums) { (*static_cast<F*>(f))(begin, end, sums); };
  return sum_row_blocks(rows, columns, arrays, context, call, &add);
}

}  // namespace detail

/// sums[j] = sum over i of x[i, j], added to what is there if `accumulate`; the gradient of a bias.
/// Accumulated in double, in an order that depends on rows and columns only.
template <class T>
void column_sums(Index rows, Index columns, const T* x, T* sums, bool accumulate, const KernelContext& context) {
  Scratch::Frame frame(context.scratch);
  const double* const total =
      detail::sum_row_blocks(rows, columns, 1, context, [&](Index begin, Index end, double* block) {
        KEEL_SIMD_CALL(context.simd, add_columns<T>)(end - begin, columns, x + begin * columns, block);
      });
  for (Index j = 0; j < columns; ++j) {
    const T sum = static_cast<T>(total[j]);
    sums[j] = accumulate ? sums[j] + sum : sum;
  }
}

namespace detail {

template <class T>
double sum_blocks(Index count, const T* x, bool squared, const KernelContext& context) {
  constexpr Index block = 1 << 16;
  Scratch::Frame frame(context.scratch);
  const Index blocks = (count + block - 1) / block;
  double* const sums = context.scratch.take<double>(blocks);
  parallel_for(context.threads, blocks, 1, [&](Index first, Index last) {
    for (Index b = first; b < last; ++b)
      sums[b] =
          KEEL_SIMD_CALL(context.simd, sum_values<T>)((std::min)(block, count - b * block), x + b * block, squared);
  });
  double total = 0;
  for (Index b = 0; b < blocks; ++b) total += sums[b];
  return total;
}

}  // namespace detail

/// Sum of all values, in double and in an order that depends on the count only.
template <class T>
double sum(Index count, const T* x, const KernelContext& context) {
  return detail::sum_blocks(count, x, false, context);
}

/// Sum of squares, likewise: the square of the Euclidean norm.
template <class T>
double sum_of_squares(Index count, const T* x, const KernelContext& context) {
  return detail::sum_blocks(count, x, true, context);
}

KEEL_INSTANCE(void column_sums<float>(Index, Index, const float*, float*, bool, const KernelContext&))
KEEL_INSTANCE(double sum<float>(Index, const float*, const KernelContext&))
KEEL_INSTANCE(double sum_of_squares<float>(Index, const float*, const KernelContext&))

}  // namespace KEEL_ABI
}  // namespace keel
