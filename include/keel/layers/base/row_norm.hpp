#pragma once
/// Rows brought to one deviation: what LayerNormalization, GroupNormalization and RMSNormalization compute.

#include <cmath>

#include <keel/kernels/parallel.hpp>
#include <keel/layers/base/pass.hpp>

namespace keel {
inline namespace KEEL_ABI {

namespace detail {

/// Sum of f(i) over i < count in double, in eight parts that are added in one order.
template <class F>
double sum_of(Index count, F&& f) {
  double parts[8] = {};
  Index i = 0;
  for (; i + 8 <= count; i += 8)
    for (Index lane = 0; lane < 8; ++lane) parts[lane] += static_cast<double>(f(i + lane));
  for (; i < count; ++i) parts[i % 8] += static_cast<double>(f(i));
  return ((parts[0] + parts[1]) + (parts[2] + parts[3])) + ((parts[4] + parts[5]) + (parts[6] + parts[7]));
}

inline Index row_norm_grain(Index columns) { return 16384 / (columns + 1) + 1; }

}  // namespace detail

/// y = (x - mean) r with r = 1 / sqrt(variance + epsilon) for each row, the variance being the mean of (x - mean)^2;
/// without `centred` y = x r with r = 1 / sqrt(mean of x^2 + epsilon). `r`, one a row, may be null; y may be x.
template <class T>
void normalize_rows(Index rows, Index columns, const T* x, double epsilon, bool centred, T* y, double* r,
                    const KernelContext& context) {
  const double n = static_cast<double>(columns);
  parallel_for(context.threads, rows, detail::row_norm_grain(columns), [&](Index begin, Index end) {
    for (Index row = begin; row < end; ++row) {
      const T* const from = x + row * columns;
      T* const to = y + row * columns;
      const double mean = centred ? detail::sum_of(columns, [&](Index i) { return from[i]; }) / n : 0;
      const double square = detail::sum_of(columns, [&](Index i) {
        const double d = static_cast<double>(from[i]) - mean;
        return d * d;
      });
      const double scale = 1 / std::sqrt(square / n + epsilon);
      if (r) r[row] = scale;
      for (Index i = 0; i < columns; ++i) to[i] = static_cast<T>((static_cast<double>(from[i]) - mean) * scale);
    }
  });
}

/// dx = r (dy - mean of dy - y mean of dy y) for each row, without `centred` dx = r (dy - y mean of dy y), y and r
/// being those of normalize_rows. dx may be dy.
template <class T>
void normalize_rows_backward(Index rows, Index columns, const T* y, const double* r, bool centred, const T* dy, T* dx,
                             const KernelContext& context) {
  const double n = static_cast<double>(columns);
  parallel_for(context.threads, rows, detail::row_norm_grain(columns), [&](Index begin, Index end) {
    for (Index row = begin; row < end; ++row) {
      const T *const out = y + row * columns, *const from = dy + row * columns;
      T* const to = dx + row * columns;
      const double mean = centred ? detail::sum_of(columns, [&](Index i) { return from[i]; }) / n : 0;
      const double along =
          detail::sum_of(columns, [&](Index i) { return static_cast<double>(from[i]) * static_cast<double>(out[i]); }) /
          n;
      for (Index i = 0; i < columns; ++i)
        to[i] = static_cast<T>(r[row] * (static_cast<double>(from[i]) - mean - static_cast<double>(out[i]) * along));
    }
  });
}

KEEL_INSTANCE(void normalize_rows<float>(Index, Index, const float*, double, bool, float*, double*,
                                         const KernelContext&))
KEEL_INSTANCE(void normalize_rows_backward<float>(Index, Index, const float*, const double*, bool, const float*, float*,
                                                  const KernelContext&))

}  // namespace KEEL_ABI
}  // namespace keel
