#pragma once
/// What losses and metrics see of a batch: rows of doubles.

#include <cmath>

#include <keel/tensor/tensor_ref.hpp>

namespace keel {
inline namespace KEEL_ABI {
namespace detail {

/// Values of the last axis in rows, a row a position, in double.
using Rows = Eigen::Array<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
/// One of them.
using Row = Eigen::Map<const Eigen::ArrayXd>;

inline Row row(const Rows& rows, Index i) { return {rows.data() + i * rows.cols(), rows.cols()}; }

/// Positions are taken so many at a time that a row's values, once made doubles, stay in the cache.
inline Index rows_at_once(Index columns) { return (std::max)(Index{1}, Index{4096} / (std::max)(Index{1}, columns)); }

/// `count` rows of a tensor's values as doubles.
template <class T>
void take_rows(const T* from, Index count, Index columns, Rows& rows) {
  rows.resize(count, columns);
  for (Index i = 0; i < count * columns; ++i) rows.data()[i] = static_cast<double>(from[i]);
}

/// `sum` and the values, added from first to last, row by row. (Eigen's depends on where a row lies in memory.)
template <class E>
double ordered_sum(const Eigen::DenseBase<E>& values, double sum = 0) {
  for (Eigen::Index i = 0; i < values.rows(); ++i)
    for (Eigen::Index j = 0; j < values.cols(); ++j) sum += values.derived().coeff(i, j);
  return sum;
}

/// The losses of all values: f(y, t, slope, column) returns one and sets its slope where `slope` is not null. What has
/// a shorthand in `Loss` is written with it: as Eigen's expressions those losses took a fifth of what keel.hpp costs to
/// compile, in programs that name none of them too.
template <class F>
Rows each_value(const Rows& y, const Rows& t, Rows* dy, F&& f) {
  Rows losses(y.rows(), y.cols());
  if (dy) dy->resize(y.rows(), y.cols());
  for (Index i = 0; i < y.rows(); ++i)
    for (Index j = 0; j < y.cols(); ++j) losses(i, j) = f(y(i, j), t(i, j), dy ? &(*dy)(i, j) : nullptr, j);
  return losses;
}

// The standard library's functions, value by value: Eigen's vectorised exp and log have other bits, and the last values of
// an array others than the first.
struct Exp {
  double operator()(double x) const { return std::exp(x); }
};
struct Log {
  double operator()(double x) const { return std::log(x); }
};
struct Log1p {
  double operator()(double x) const { return std::log1p(x); }
};

}  // namespace detail
}  // namespace KEEL_ABI
}  // namespace keel
