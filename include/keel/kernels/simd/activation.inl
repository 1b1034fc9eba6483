// Element-wise activations on vectors and on contiguous values. The formulas are those of kernels/activation.hpp.

/// linear, relu, relu6 or leaky_relu: cheap enough for the last write of any kernel.
template <class T>
KEEL_SIMD_INLINE Vector<T> activate_simple(Activation kind, T alpha, std::type_identity_t<Vector<T>> x) {
  const Vector<T> zero{};
  if (kind == Activation::linear) return x;
  if (kind == Activation::leaky_relu) return x > zero ? x : x * alpha;
  x = x <= zero ? zero : x;
  if (kind == Activation::relu) return x;
  return x > zero + T(6) ? zero + T(6) : x;
}
/// dy times the derivative of those, from y (leaky_relu with a negative slope: from x in y's place).
template <class T>
KEEL_SIMD_INLINE Vector<T> activate_simple_backward(Activation kind, T alpha, std::type_identity_t<Vector<T>> y,
                                                    std::type_identity_t<Vector<T>> dy) {
  const Vector<T> zero{};
  if (kind == Activation::linear) return dy;
  if (kind == Activation::leaky_relu) return y <= zero ? dy * alpha : dy;
  dy = y <= zero ? zero : dy;
  if (kind == Activation::relu) return dy;
  return y >= zero + T(6) ? zero : dy;
}

/// (1 + tanh(u)) / 2 = sigmoid(2u), u = sqrt(2/pi) (x + 0.044715 x^3): the factor of gelu_tanh.
template <class T>
KEEL_SIMD_INLINE Logistic<T> gelu_gate(std::type_identity_t<Vector<T>> x) {
  return logistic<T>(x *
                     (x * x * T(2 * detail::sqrt_2_over_pi * detail::gelu_cubic) + T(2 * detail::sqrt_2_over_pi)));
}

template <class T>
KEEL_SIMD_INLINE Vector<T> activate(Activation kind, T alpha, std::type_identity_t<Vector<T>> x) {
  const Vector<T> zero{};
  switch (kind) {
    case Activation::elu: return x > zero ? x : expm1(x) * alpha;
    case Activation::selu:
      return x > zero ? x * T(detail::selu_scale) : expm1(x) * T(detail::selu_scale * detail::selu_alpha);
    case Activation::gelu: {
      const Vector<T> tail = normal(abs<T>(x)).tail;
      return x * (x > zero ? T(1) - tail : tail);
    }
    case Activation::gelu_tanh: return x * gelu_gate<T>(x).value;
    case Activation::silu: return x * sigmoid<T>(x);
    case Activation::sigmoid: return sigmoid<T>(x);
    case Activation::hard_sigmoid: return activate_simple<T>(Activation::relu6, T(0), x + T(3)) / T(6);
    case Activation::hard_swish: return x * (activate_simple<T>(Activation::relu6, T(0), x + T(3)) / T(6));
    case Activation::tanh: return tanh(x);
    case Activation::softplus: return (x <= zero ? zero : x) + log1p_unit(exp(-abs<T>(x)));
    default: return activate_simple<T>(kind, alpha, x);
  }
}

/// Beyond +-1000 the derivatives of gelu, gelu_tanh and silu are 0 and 1 exactly; the clamp avoids 0 times
/// infinity.
template <class T>
KEEL_SIMD_INLINE Vector<T> activate_backward(Activation kind, T alpha, std::type_identity_t<Vector<T>> x,
                                             std::type_identity_t<Vector<T>> y,
                                             std::type_identity_t<Vector<T>> dy) {
  const Vector<T> zero{};
  switch (kind) {
    case Activation::elu: return (alpha < T(0) ? x : y) <= zero ? dy * (y + alpha) : dy;
    case Activation::selu:
      return y <= zero ? dy * (y + T(detail::selu_scale * detail::selu_alpha)) : dy * T(detail::selu_scale);
    case Activation::gelu: {
      const Normal<T> n = normal(abs<T>(x));
      return dy * ((x > zero ? T(1) - n.tail : n.tail) + clamp<T>(x, T(-100), T(100)) * n.density);
    }
    case Activation::gelu_tanh: {
      const Vector<T> z = clamp<T>(x, T(-100), T(100));
      const Logistic<T> s = gelu_gate<T>(z);
      const Vector<T> slope =
          z * z * T(6 * detail::sqrt_2_over_pi * detail::gelu_cubic) + T(2 * detail::sqrt_2_over_pi);
      return dy * (s.value + z * s.value * s.complement * slope);
    }
    case Activation::silu: {
      const Logistic<T> s = logistic<T>(x);
      return dy * (s.value + clamp<T>(x, T(-1000), T(1000)) * s.value * s.complement);
    }
    case Activation::sigmoid: return dy * (y * (T(1) - y));
    case Activation::hard_sigmoid: return y <= zero ? zero : y >= zero + T(1) ? zero : dy / T(6);
    case Activation::hard_swish: return x <= zero - T(3) ? zero : x >= zero + T(3) ? dy : dy * (x / T(3) + T(0.5));
    case Activation::tanh: return dy * (T(1) - y * y);
    case Activation::softplus: return -dy * expm1(-y);
    default: return activate_simple_backward<T>(kind, alpha, alpha < T(0) ? x : y, dy);
  }
}

/// y = activation(x) on `count` values; y may be x. One loop serves all kinds: the switch is well predicted.
template <class T>
void activate_values(Activation kind, T alpha, Index count, const T* x, T* y) {
  for (Index i = 0; i < count; i += lanes<T>)
    store_some(y + i, activate<T>(kind, alpha, load_some(x + i, count - i)), count - i);
}

/// dx = dy * activation'; dx may be dy.
template <class T>
void activate_values_backward(Activation kind, T alpha, Index count, const T* x, const T* y, const T* dy, T* dx) {
  for (Index i = 0; i < count; i += lanes<T>) {
    const Index left = count - i;
    const Vector<T> g =
        activate_backward<T>(kind, alpha, load_some(x + i, left), load_some(y + i, left), load_some(dy + i, left));
    store_some(dx + i, g, left);
  }
}
