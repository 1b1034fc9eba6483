#pragma once

#include <cmath>
#include <cstdint>
#include <limits>

#include <keel/kernels/context.hpp>

namespace keel::inline KEEL_ABI {

namespace detail {

/// The largest value of a row that is not NaN; a NaN comes back through the sum.
template <class T>
T row_max(Index columns, const T* x) {
  T top = -std::numeric_limits<T>::infinity();
  for (Index j = 0; j < columns; ++j)
    if (x[j] > top) top = x[j];
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

/// Cross-entropy of softmax(x) and one class a row, from the logits x by log-sum-exp, so that it is finite for any
/// finite logits. With t = (1 - smoothing) onehot(label) + smoothing / columns (PyTorch's label smoothing):
///   losses[i] = -sum_j t_ij log softmax(x_i)_j, in double;   dx_ij = scale[i] (softmax(x_i)_j - t_ij).
/// scale null: 1; dx null: not wanted; dx may be x. Labels must be in [0, columns).
template <class T, class Label>
void sparse_softmax_cross_entropy(Index rows, Index columns, const T* x, const Label* labels, double smoothing,
                                  const T* scale, double* losses, T* dx, const KernelContext&) {
  const double share = smoothing / static_cast<double>(columns);
  for (Index i = 0; i < rows; ++i, x += columns) {
    const Index label = static_cast<Index>(labels[i]);
    const T top = detail::row_max(columns, x);
    double sum = 0, gaps = 0;
    for (Index j = 0; j < columns; ++j) sum += std::exp(static_cast<double>(x[j] - top));
    if (smoothing != 0)
      for (Index j = 0; j < columns; ++j) gaps += static_cast<double>(top) - static_cast<double>(x[j]);
    losses[i] = std::log(sum) + share * gaps +
                (1 - smoothing) * (static_cast<double>(top) - static_cast<double>(x[label]));
    if (dx == nullptr) continue;
    const T factor = scale ? scale[i] : T(1);
    for (Index j = 0; j < columns; ++j) {
      const double p = std::exp(static_cast<double>(x[j] - top)) / sum;
      dx[i * columns + j] = factor * static_cast<T>(p - share - (j == label ? 1 - smoothing : 0.0));
    }
  }
}

/// The same for a target distribution t (rows, columns), which need not sum to 1:
///   losses[i] = -sum_j t_ij log softmax(x_i)_j;   dx_ij = scale[i] (softmax(x_i)_j sum_k t_ik - t_ij).
/// A class with t = 0 costs nothing, even at a logit of -infinity.
template <class T>
void softmax_cross_entropy(Index rows, Index columns, const T* x, const T* targets, const T* scale, double* losses,
                           T* dx, const KernelContext&) {
  for (Index i = 0; i < rows; ++i, x += columns, targets += columns) {
    const T top = detail::row_max(columns, x);
    double sum = 0, gaps = 0, weight = 0;
    for (Index j = 0; j < columns; ++j) {
      const double t = static_cast<double>(targets[j]);
      sum += std::exp(static_cast<double>(x[j] - top));
      weight += t;
      if (t != 0) gaps += t * (static_cast<double>(top) - static_cast<double>(x[j]));
    }
    losses[i] = weight * std::log(sum) + gaps;
    if (dx == nullptr) continue;
    const T factor = scale ? scale[i] : T(1);
    for (Index j = 0; j < columns; ++j) {
      const double p = std::exp(static_cast<double>(x[j] - top)) / sum;
      dx[i * columns + j] = factor * static_cast<T>(p * weight - static_cast<double>(targets[j]));
    }
  }
}

}  // namespace keel::inline KEEL_ABI
