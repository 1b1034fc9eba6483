// Element-wise activations on vectors and on contiguous values. The formulas are those of kernels/activation.hpp.

/// linear, relu, relu6 or leaky_relu: cheap enough for the last write of any kernel.
template <class T>
KEEL_SIMD_INLINE Vector<T> activate_simple(Activation kind, T alpha, std::type_identity_t<Vector<T>> x) {
  const Vector<T> zero{};
  if (kind == Activation::linear) return x;
  if (kind == Activation::leaky_relu) return select<T>(x > zero, x, x * alpha);
  x = select<T>(x <= zero, zero, x);
  if (kind == Activation::relu) return x;
  return select<T>(x > zero + T(6), zero + T(6), x);
}
/// dy times the derivative of those, from y (leaky_relu with a negative slope: from x in y's place).
template <class T>
KEEL_SIMD_INLINE Vector<T> activate_simple_backward(Activation kind, T alpha, std::type_identity_t<Vector<T>> y,
                                                    std::type_identity_t<Vector<T>> dy) {
  const Vector<T> zero{};
  if (kind == Activation::linear) return dy;
  if (kind == Activation::leaky_relu) return select<T>(y <= zero, dy * alpha, dy);
  dy = select<T>(y <= zero, zero, dy);
  if (kind == Activation::relu) return dy;
  return select<T>(y >= zero + T(6), zero, dy);
}

/// What the other activations are made of: an exponential of an argument that is 0 or less (elu and selu: x).
template <class T>
struct ActivationParts {
  Exponential<T> e;
  /// 1 / (1 + exp(-z)) and 1 minus that, without overflow and down to the subnormal numbers; z = x, for gelu_tanh
  /// 2 sqrt(2/pi) (x + 0.044715 x^3), which has the sign of x.
  KEEL_SIMD_INLINE Vector<T> logistic(std::type_identity_t<Vector<T>> x) const {
    const Vector<T> large = T(1) / (e.value + T(1));
    return select<T>(x < broadcast<T>(0), e.value * large, large);
  }
};
template <class T>
KEEL_SIMD_INLINE ActivationParts<T> activation_parts(Activation kind, std::type_identity_t<Vector<T>> x) {
  const Vector<T> a = abs<T>(x);
  Vector<T> argument = -a, low{};
  if (kind == Activation::elu || kind == Activation::selu || kind == Activation::celu) {
    argument = x;
  } else if (kind == Activation::tanh || kind == Activation::tanh_shrink) {
    argument = argument + argument;
  } else if (kind == Activation::gelu_tanh) {
    const T outer = T(2 * detail::sqrt_2_over_pi), inner = outer * T(detail::gelu_cubic);
    argument = argument * (a * a * inner + outer);
  } else if (kind == Activation::gelu) {
    // -a^2/2, split so that its rounding does not show in the exponential.
    const Vector<T> z = clamp<T>(a, T(0), T(sizeof(T) == 4 ? 15 : 40));
    Vector<T> top = z;
    if constexpr (sizeof(T) == 4) top = leading_bits(z);
    argument = top * top * T(-0.5);
    low = (z - top) * (z + top) * T(-0.5);
  }
  return {exponential(argument, low)};
}

/// tanh(log(1 + exp(x))) as n / d, and 1 - its square, from u = exp(-abs(x)).
template <class T>
struct MishParts {
  Vector<T> gate, rest;

  KEEL_SIMD_INLINE MishParts(std::type_identity_t<Vector<T>> x, std::type_identity_t<Vector<T>> u) {
    const Vector<T> zero{}, below = u * (u + T(2)), above = u + u + T(1);
    const Vector<T> n = select<T>(x < zero, below, above), more = select<T>(x < zero, zero + T(2), u * u * T(2));
    const Vector<T> d = n + more;
    gate = n / d;
    rest = more * (n + d) / (d * d);
  }
};

/// sqrt(x^2 + alpha), without overflow.
template <class T>
KEEL_SIMD_INLINE Vector<T> hypotenuse(std::type_identity_t<Vector<T>> x, T alpha) {
  const Vector<T> a = abs<T>(x), bounded = clamp<T>(a, T(0), T(1e9));
  return select<T>(a > bounded, a, square_root(bounded * bounded + alpha));
}

template <class T>
KEEL_SIMD_INLINE Vector<T> activate(Activation kind, T alpha, std::type_identity_t<Vector<T>> x) {
  if (kind <= Activation::leaky_relu) return activate_simple<T>(kind, alpha, x);
  const Vector<T> zero{};
  if (kind == Activation::hard_sigmoid || kind == Activation::hard_swish) {
    const Vector<T> gate = activate_simple<T>(Activation::relu6, T(0), x + T(3)) / T(6);
    return kind == Activation::hard_sigmoid ? gate : x * gate;
  }
  if (kind == Activation::hard_sigmoid_keras2)
    return activate_simple<T>(Activation::relu6, T(0), x * T(1.2) + T(3)) / T(6);
  switch (kind) {
    case Activation::exponential: return exp(x);
    case Activation::softsign: return x / (abs<T>(x) + T(1));
    case Activation::hard_tanh: return clamp<T>(x, T(-1), T(1));
    case Activation::hard_shrink: return select<T>(abs<T>(x) <= zero + alpha, zero, x);
    case Activation::soft_shrink:
      return select<T>(x > zero + alpha, x - alpha, select<T>(x < zero - alpha, x + alpha, x - x));
    case Activation::squareplus: {
      const Vector<T> root = hypotenuse<T>(x, alpha);
      return select<T>(x < zero, (zero + alpha / 4) / (root * T(0.5) - x * T(0.5)), x * T(0.5) + root * T(0.5));
    }
    case Activation::sparse_plus: {
      const Vector<T> rise = x + T(1);
      return select<T>(x <= zero - T(1), zero, select<T>(x >= zero + T(1), x, rise * rise * T(0.25)));
    }
    case Activation::sparse_sigmoid: return clamp<T>(x * T(0.5) + T(0.5), T(0), T(1));
    default: break;
  }
  const ActivationParts<T> parts = activation_parts<T>(kind, kind == Activation::celu ? x / alpha : x);
  switch (kind) {
    case Activation::celu: return select<T>(x > zero, x, parts.e.minus_1 * alpha);
    case Activation::mish: return x * MishParts<T>(x, parts.e.value).gate;
    case Activation::tanh_shrink: return x - with_sign<T>(-parts.e.minus_1 / (parts.e.minus_1 + T(2)), x);
    case Activation::log_sigmoid: return select<T>(x > zero, zero, x) - log1p_unit(parts.e.value);
    case Activation::elu: return select<T>(x > zero, x, parts.e.minus_1 * alpha);
    case Activation::selu:
      return select<T>(x > zero, x * T(detail::selu_scale),
                       parts.e.minus_1 * T(detail::selu_scale * detail::selu_alpha));
    case Activation::gelu: {
      const Vector<T> tail = normal_tail(clamp<T>(abs<T>(x), T(0), T(40)), parts.e.value);
      return x * select<T>(x > zero, T(1) - tail, tail);
    }
    case Activation::tanh: return with_sign<T>(-parts.e.minus_1 / (parts.e.minus_1 + T(2)), x);
    case Activation::softplus: return select<T>(x <= zero, zero, x) + log1p_unit(parts.e.value);
    default: break;
  }
  const Vector<T> gate = parts.logistic(x);
  return kind == Activation::sigmoid ? gate : x * gate;
}

/// Beyond +-1000 the derivatives of gelu, gelu_tanh and silu are exactly 0 and 1; the clamp avoids 0 times
/// infinity.
template <class T>
KEEL_SIMD_INLINE Vector<T> activate_backward(Activation kind, T alpha, std::type_identity_t<Vector<T>> x,
                                             std::type_identity_t<Vector<T>> y, std::type_identity_t<Vector<T>> dy) {
  const Vector<T> zero{};
  switch (kind) {
    case Activation::elu: return select<T>((alpha < T(0) ? x : y) <= zero, dy * (y + alpha), dy);
    case Activation::selu:
      return dy * select<T>(y <= zero, y + T(detail::selu_scale * detail::selu_alpha), zero + T(detail::selu_scale));
    case Activation::sigmoid: return dy * (y * (T(1) - y));
    case Activation::hard_sigmoid: return select<T>(y <= zero, zero, select<T>(y >= zero + T(1), zero, dy / T(6)));
    case Activation::hard_sigmoid_keras2:
      return select<T>(y <= zero, zero, select<T>(y >= zero + T(1), zero, dy / T(5)));
    case Activation::hard_swish:
      return select<T>(x <= zero - T(3), zero, select<T>(x >= zero + T(3), dy, dy * (x / T(3) + T(0.5))));
    case Activation::tanh: return dy * (T(1) - y * y);
    case Activation::exponential: return dy * y;
    case Activation::softsign: {
      const Vector<T> rest = T(1) - abs<T>(y);
      return dy * (rest * rest);
    }
    case Activation::hard_tanh: return select<T>(abs<T>(y) >= zero + T(1), zero, dy);
    case Activation::hard_shrink:
    case Activation::soft_shrink: return select<T>(abs<T>(x) <= zero + alpha, zero, dy);
    case Activation::celu: return select<T>((alpha < T(0) ? x : y) <= zero, dy * (y / alpha + T(1)), dy);
    case Activation::squareplus: {
      const Vector<T> root = hypotenuse<T>(x, alpha);
      return dy * select<T>(x < zero, (zero + alpha / 4) / (root * T(0.5) - x * T(0.5)) / root,
                            x / root * T(0.5) + T(0.5));
    }
    case Activation::sparse_plus: return dy * clamp<T>(x * T(0.5) + T(0.5), T(0), T(1));
    case Activation::sparse_sigmoid:
      return select<T>(y <= zero, zero, select<T>(y >= zero + T(1), zero, dy * T(0.5)));
    case Activation::mish:
    case Activation::tanh_shrink:
    case Activation::log_sigmoid:
    case Activation::gelu:
    case Activation::gelu_tanh:
    case Activation::silu:
    case Activation::softplus: break;
    default: return activate_simple_backward<T>(kind, alpha, alpha < T(0) ? x : y, dy);
  }
  const bool of_y = kind == Activation::softplus || kind == Activation::log_sigmoid;
  const Vector<T> z = clamp<T>(of_y ? y : x, T(-1000), T(1000));
  const ActivationParts<T> parts = activation_parts<T>(kind, z);
  if (of_y) return -dy * parts.e.minus_1;  // 1 - exp(-|y|)
  if (kind == Activation::tanh_shrink) {
    const Vector<T> t = parts.e.minus_1 / (parts.e.minus_1 + T(2));
    return dy * (t * t);
  }
  if (kind == Activation::gelu) {
    const Vector<T> tail = normal_tail(clamp<T>(abs<T>(z), T(0), T(40)), parts.e.value);
    return dy * (select<T>(x > zero, T(1) - tail, tail) + z * (parts.e.value * T(0.39894228040143268)));
  }
  if (kind == Activation::mish) {
    const MishParts<T> mish(z, parts.e.value);
    return dy * (mish.gate + z * parts.logistic(x) * mish.rest);
  }
  const Vector<T> gate = parts.logistic(x), rest = parts.logistic(-x);
  Vector<T> slope = zero + T(1);
  if (kind == Activation::gelu_tanh)
    slope = z * z * T(6 * detail::sqrt_2_over_pi * detail::gelu_cubic) + T(2 * detail::sqrt_2_over_pi);
  return dy * (gate + z * gate * rest * slope);
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
