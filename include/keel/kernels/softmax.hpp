#pragma once

#include <cmath>
#include <cstdint>
#include <limits>

#include <keel/kernels/context.hpp>

namespace keel::inline KEEL_ABI {

namespace detail {

/// The largest value of a row; NaN if there is one.
template <class T>
T row_max(Index columns, const T* x) {
  T top = -std::numeric_limits<T>::infinity();
  for (Index j = 0; j < columns; ++j)
    if (!(x[j] <= top)) top = x[j];
  return top;
}

}  // namespace detail

/// y = exp(x - max) / sum of exp(x - max), row by row; x may be y. Finite for any finite row. A row that holds
/// +infinity or NaN, or nothing but -infinity, gives NaN in every column, as in PyTorch and NumPy.
template <class T>
void softmax_forward(Index rows, Index columns, const T* x, T* y, const KernelContext&) {
  for (Index i = 0; i < rows; ++i, x += columns, y += columns) {
    const T top = detail::row_max(columns, x);
    T sum = 0;
    for (Index j = 0; j < columns; ++j) sum += y[j] = std::exp(x[j] - top);
    for (Index j = 0; j < columns; ++j) y[j] /= sum;
  }
}

/// y = x - max - log(sum of exp(x - max)), row by row; x may be y. NaN as in softmax_forward.
template <class T>
void log_softmax_forward(Index rows, Index columns, const T* x, T* y, const KernelContext&) {
  for (Index i = 0; i < rows; ++i, x += columns, y += columns) {
    const T top = detail::row_max(columns, x);
    T sum = 0;
    for (Index j = 0; j < columns; ++j) sum += std::exp(x[j] - top);
    const T log_sum = std::log(sum);
    for (Index j = 0; j < columns; ++j) y[j] = x[j] - top - log_sum;
  }
}

/// dx = y (dy - sum of y dy), row by row, y being the softmax; dx may be dy.
template <class T>
void softmax_backward(Index rows, Index columns, const T* y, const T* dy, T* dx, const KernelContext&) {
  for (Index i = 0; i < rows; ++i, y += columns, dy += columns, dx += columns) {
    T dot = 0;
    for (Index j = 0; j < columns; ++j) dot += y[j] * dy[j];
    for (Index j = 0; j < columns; ++j) dx[j] = y[j] * (dy[j] - dot);
  }
}

/// dx = dy - exp(y) sum of dy, row by row, y being the log-softmax; dx may be dy.
template <class T>
void log_softmax_backward(Index rows, Index columns, const T* y, const T* dy, T* dx, const KernelContext&) {
  for (Index i = 0; i < rows; ++i, y += columns, dy += columns, dx += columns) {
    T sum = 0;
    for (Index j = 0; j < columns; ++j) sum += dy[j];
    for (Index j = 0; j < columns; ++j) dx[j] = dy[j] - std::exp(y[j]) * sum;
  }
}

}  // namespace keel::inline KEEL_ABI
