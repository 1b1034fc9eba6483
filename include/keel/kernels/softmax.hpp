#pragma once
/// Softmax, its logarithm and sparsemax over rows.

#include <keel/kernels/context.hpp>
#include <keel/kernels/parallel.hpp>
#include <keel/kernels/simd/math.hpp>

#define KEEL_SIMD_SOURCE <keel/kernels/simd/softmax.inl>
#include <keel/kernels/simd/foreach.inl>

namespace keel {
inline namespace KEEL_ABI {

namespace detail {
inline Index softmax_grain(Index columns) { return 4096 / (columns + 1) + 1; }
}  // namespace detail

/// y = exp(x - max) / sum of exp(x - max), row by row; x may be y. Finite for any finite row. A row that holds
/// +infinity or NaN, or nothing but -infinity, gives NaN in every column, as in PyTorch and NumPy.
template <class T>
void softmax_forward(Index rows, Index columns, const T* x, T* y, const KernelContext& context) {
  parallel_for(context.threads, rows, detail::softmax_grain(columns), [&](Index begin, Index end) {
    const Index at = begin * columns;
    KEEL_SIMD_CALL(context.simd, softmax_rows<T>)(end - begin, columns, x + at, y + at);
  });
}

/// y = x - max - log(sum of exp(x - max)), row by row; x may be y. NaN as in softmax_forward.
template <class T>
void log_softmax_forward(Index rows, Index columns, const T* x, T* y, const KernelContext& context) {
  parallel_for(context.threads, rows, detail::softmax_grain(columns), [&](Index begin, Index end) {
    const Index at = begin * columns;
    KEEL_SIMD_CALL(context.simd, log_softmax_rows<T>)(end - begin, columns, x + at, y + at);
  });
}

/// dx = y (dy - sum of y dy), row by row, y being the softmax; dx may be dy.
template <class T>
void softmax_backward(Index rows, Index columns, const T* y, const T* dy, T* dx, const KernelContext& context) {
  parallel_for(context.threads, rows, detail::softmax_grain(columns), [&](Index begin, Index end) {
    const Index at = begin * columns;
    KEEL_SIMD_CALL(context.simd, softmax_backward_rows<T>)(end - begin, columns, y + at, dy + at, dx + at);
  });
}

/// dx = dy - exp(y) sum of dy, row by row, y being the log-softmax; dx may be dy.
template <class T>
void log_softmax_backward(Index rows, Index columns, const T* y, const T* dy, T* dx, const KernelContext& context) {
  parallel_for(context.threads, rows, detail::softmax_grain(columns), [&](Index begin, Index end) {
    const Index at = begin * columns;
    KEEL_SIMD_CALL(context.simd, log_softmax_backward_rows<T>)(end - begin, columns, y + at, dy + at, dx + at);
  });
}

/// y = max(x - t, 0), row by row, with t such that a row of y sums to 1; x may be y. t is found as the mean of the
/// values above it, less 1 over their number, until none falls below (Michelot 1986). NaN in, NaN out.
template <class T>
void sparsemax_forward(Index rows, Index columns, const T* x, T* y, const KernelContext& context) {
  parallel_for(context.threads, rows, detail::softmax_grain(columns), [&](Index begin, Index end) {
    for (Index row = begin; row < end; ++row) {
      const T* const from = x + row * columns;
      double largest = -std::numeric_limits<double>::infinity(), t = largest;
      for (Index i = 0; i < columns; ++i)
        if (!(static_cast<double>(from[i]) <= largest)) largest = static_cast<double>(from[i]);
      for (Index count = -1;;) {  // t is counted from the largest value
        double sum = -1;
        Index above = 0;
        for (Index i = 0; i < columns; ++i)
          if (const double below = static_cast<double>(from[i]) - largest; !(below <= t)) {
            sum += below;
            ++above;
          }
        if (above == count || above == 0) break;
        t = sum / static_cast<double>(above);
        count = above;
      }
      for (Index i = 0; i < columns; ++i) {
        const double rest = static_cast<double>(from[i]) - largest - t;
        y[row * columns + i] = rest <= 0 ? T(0) : static_cast<T>(rest);
      }
    }
  });
}

/// dx = dy - the mean of dy over the places where y is above 0, and 0 elsewhere, row by row; dx may be dy.
template <class T>
void sparsemax_backward(Index rows, Index columns, const T* y, const T* dy, T* dx, const KernelContext& context) {
  parallel_for(context.threads, rows, detail::softmax_grain(columns), [&](Index begin, Index end) {
    for (Index at = begin * columns; at < end * columns; at += columns) {
      double sum = 0, count = 0;
      for (Index i = at; i < at + columns; ++i)
        if (y[i] > 0) {
          sum += static_cast<double>(dy[i]);
          ++count;
        }
      for (Index i = at; i < at + columns; ++i)
        dx[i] = y[i] > 0 ? static_cast<T>(static_cast<double>(dy[i]) - sum / count) : T(0);
    }
  });
}

KEEL_INSTANCE(void softmax_forward<float>(Index, Index, const float*, float*, const KernelContext&))
KEEL_INSTANCE(void log_softmax_forward<float>(Index, Index, const float*, float*, const KernelContext&))
KEEL_INSTANCE(void sparsemax_forward<float>(Index, Index, const float*, float*, const KernelContext&))
KEEL_INSTANCE(void sparsemax_backward<float>(Index, Index, const float*, const float*, float*, const KernelContext&))
KEEL_INSTANCE(void softmax_backward<float>(Index, Index, const float*, const float*, float*, const KernelContext&))
KEEL_INSTANCE(void log_softmax_backward<float>(Index, Index, const float*, const float*, float*, const KernelContext&))

}  // namespace KEEL_ABI
}  // namespace keel
