#pragma once

#include <keel/kernels/context.hpp>

namespace keel::inline KEEL_ABI {

/// sums[j] = sum over i of x[i, j], added to what is there if `accumulate`; the gradient of a bias.
/// Accumulated in double, in an order that depends on rows and columns only.
template <class T>
void column_sums(Index rows, Index columns, const T* x, T* sums, bool accumulate, const KernelContext& context) {
  Scratch::Frame frame(context.scratch);
  double* total = context.scratch.take<double>(columns);
  for (Index j = 0; j < columns; ++j) total[j] = 0;
  for (Index i = 0; i < rows; ++i)
    for (Index j = 0; j < columns; ++j) total[j] += static_cast<double>(x[i * columns + j]);
  for (Index j = 0; j < columns; ++j) {
    const T sum = static_cast<T>(total[j]);
    sums[j] = accumulate ? sums[j] + sum : sum;
  }
}

/// Sum of all values, in double and in an order that depends on the count only.
template <class T>
double sum(Index count, const T* x) {
  double total = 0;
  for (Index i = 0; i < count; ++i) total += static_cast<double>(x[i]);
  return total;
}

/// Sum of squares, likewise: the square of the Euclidean norm.
template <class T>
double sum_of_squares(Index count, const T* x) {
  double total = 0;
  for (Index i = 0; i < count; ++i) total += static_cast<double>(x[i]) * static_cast<double>(x[i]);
  return total;
}

/// Index of the first largest value; of the first NaN if there is one. `count` must not be 0.
template <class T>
Index argmax(Index count, const T* x) {
  Index best = 0;
  for (Index i = 0; i < count && x[best] == x[best]; ++i)
    if (!(x[i] <= x[best])) best = i;
  return best;
}

}  // namespace keel::inline KEEL_ABI
