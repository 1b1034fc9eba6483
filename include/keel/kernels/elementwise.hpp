#pragma once

#include <keel/kernels/activation.hpp>

namespace keel::inline KEEL_ABI {

/// y = activation(a + b) on `count` values, an element-wise activation; y may be a or b.
template <class T>
void add(Index count, const T* a, const T* b, const ActivationSpec& activation, T* y, const KernelContext&) {
  for (Index i = 0; i < count; ++i)
    y[i] = detail::activate(activation.kind, static_cast<T>(activation.alpha), a[i] + b[i]);
}

/// y = a * b; y may be a or b.
template <class T>
void multiply(Index count, const T* a, const T* b, T* y, const KernelContext&) {
  for (Index i = 0; i < count; ++i) y[i] = a[i] * b[i];
}

/// y = factor * x; y may be x.
template <class T>
void scale(Index count, T factor, const T* x, T* y, const KernelContext&) {
  for (Index i = 0; i < count; ++i) y[i] = factor * x[i];
}

/// y += factor * x.
template <class T>
void axpy(Index count, T factor, const T* x, T* y, const KernelContext&) {
  for (Index i = 0; i < count; ++i) y[i] += factor * x[i];
}

/// y += x.
template <class T>
void accumulate(Index count, const T* x, T* y, const KernelContext&) {
  for (Index i = 0; i < count; ++i) y[i] += x[i];
}

/// y[i, c] = factor[c] * (x[i, c] - center[c]) + offset[c]; y may be x. Null: factor 1, center 0, offset 0.
template <class T>
void channel_affine(Index rows, Index channels, const T* x, const T* factor, const T* center, const T* offset,
                    T* y, const KernelContext&) {
  for (Index i = 0; i < rows; ++i, x += channels, y += channels)
    for (Index c = 0; c < channels; ++c)
      y[c] = (factor ? factor[c] : T(1)) * (x[c] - (center ? center[c] : T(0))) + (offset ? offset[c] : T(0));
}

}  // namespace keel::inline KEEL_ABI
