#pragma once
/// The update of a parameter by each optimizer, in one pass over memory.

#include <cmath>
#include <limits>

#include <keel/kernels/parallel.hpp>
#include <keel/kernels/simd/math.hpp>

namespace keel {
inline namespace KEEL_ABI {

/// What happens to a gradient and a parameter before every update, in this order:
///
///     g = clip(scale gradient, -limit, limit) + l2 w,   w = keep w
///
/// `l2` is PyTorch's weight decay, `keep` = 1 - rate decay the decoupled one of AdamW and Keras.
template <class T>
struct GradientRule {
  T scale = 1;
  T limit = std::numeric_limits<T>::infinity();
  T l2 = 0;
  T keep = 1;
};

/// Gradient descent, with momentum where there is a slot m:
///
///     m = old m + fresh g,   w += of_momentum m + of_gradient g
///
/// With rate r and momentum u
///   no slot:           of_gradient = -r
///   Keras:             old = u, fresh = -r, of_momentum = 1;   Nesterov: of_momentum = u, of_gradient = -r
///   PyTorch:           old = u, fresh = 1 - dampening (first step: 0 and 1), of_momentum = -r;
///                      Nesterov: of_momentum = -r u, of_gradient = -r
template <class T>
struct MomentumUpdate {
  GradientRule<T> gradient{};
  T old = 0, fresh = 0, of_momentum = 0, of_gradient = 0;
};

/// Adam, slots m and v, and the largest v so far for AMSGrad:
///
///     m += fresh_1 (g - m),   v += fresh_2 (g^2 - v),   w -= step m / (root sqrt(v or largest v) + epsilon)
///
/// fresh_1 = 1 - beta_1, fresh_2 = 1 - beta_2; with rate r at step t from 1
///   Keras:    step = r sqrt(1 - beta_2^t) / (1 - beta_1^t), root = 1
///   PyTorch:  step = r / (1 - beta_1^t), root = 1 / sqrt(1 - beta_2^t)
template <class T>
struct AdamUpdate {
  GradientRule<T> gradient{};
  T fresh_1 = 0, fresh_2 = 0, step = 0, root = 1, epsilon = 0;
};

/// RMSprop, slots v, and where they are wanted momentum m and average a (centered); Adagrad with v alone:
///
///     v = old v + fresh g^2,   a = old a + fresh g,   d = before g / (sqrt(v - a^2 + epsilon_inside) +
///     epsilon_outside) m = momentum m + d,   w -= after m
///
/// With rate r (a missing m stands for d, a missing a for 0)
///   Keras RMSprop:    old = rho, fresh = 1 - rho, before = r, after = 1, epsilon inside
///   PyTorch RMSprop:  old = alpha, fresh = 1 - alpha, before = 1, after = r, epsilon outside
///   Adagrad:          old = fresh = 1, after = 1, before = r (PyTorch: r / (1 + (t - 1) lr_decay)), epsilon
///   likewise
template <class T>
struct RMSpropUpdate {
  GradientRule<T> gradient{};
  T old = 0, fresh = 0, before = 1, after = 1, epsilon_inside = 0, epsilon_outside = 0, momentum = 0;
};

}  // namespace KEEL_ABI
}  // namespace keel

#define KEEL_SIMD_SOURCE <keel/kernels/simd/optimizer_update.inl>
#include <keel/kernels/simd/foreach.inl>

namespace keel {
inline namespace KEEL_ABI {

/// One step of `count` values of a parameter w in one pass over memory. slot_0 to slot_2 are the update's slots in
/// the order its comment names them; null where there is none. Every value is computed alone, so the bits do not
/// depend on the threads.
template <class T, template <class> class Update>
void optimizer_update(const Update<T>& update, Index count, const T* gradient, T* w, T* slot_0, T* slot_1, T* slot_2,
                      ThreadPool* threads = nullptr, SimdLevel level = simd_level()) {
  const auto function = KEEL_SIMD_CALL(level, optimizer_update<T, Update<T>>);
  constexpr Index unit = 64;  // whole cache lines for each thread
  parallel_for(threads, (count + unit - 1) / unit, 256, [&](Index begin, Index end) {
    const Index first = begin * unit, some = (std::min)(end * unit, count) - first;
    T* const slots[3] = {slot_0 ? slot_0 + first : nullptr, slot_1 ? slot_1 + first : nullptr,
                         slot_2 ? slot_2 + first : nullptr};
    function(update, some, gradient + first, w + first, slots);
  });
}

}  // namespace KEEL_ABI
}  // namespace keel
