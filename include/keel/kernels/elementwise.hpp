#pragma once
/// Sums and products of arrays, element by element.

#include <keel/kernels/activation.hpp>

#define KEEL_SIMD_SOURCE <keel/kernels/simd/elementwise.inl>
#include <keel/kernels/simd/foreach.inl>

namespace keel {
inline namespace KEEL_ABI {

/// y = activation(a + b) on `count` values, an element-wise activation; y may be a or b.
template <class T>
void add(Index count, const T* a, const T* b, const ActivationSpec& activation, T* y, const KernelContext& context) {
  const bool simple = detail::activation_is_simple(activation.kind);
  const Activation kind = simple ? activation.kind : Activation::linear;
  const T alpha = static_cast<T>(activation.alpha);
  parallel_for(context.threads, count, detail::elementwise_grain, [&](Index begin, Index end) {
    KEEL_SIMD_CALL(context.simd, add_values<T>)(end - begin, a + begin, b + begin, kind, alpha, y + begin);
    if (!simple)
      KEEL_SIMD_CALL(context.simd, activate_values<T>)(activation.kind, alpha, end - begin, y + begin, y + begin);
  });
}

KEEL_INSTANCE(void add<float>(Index, const float*, const float*, const ActivationSpec&, float*, const KernelContext&))

}  // namespace KEEL_ABI
}  // namespace keel
