// exp, expm1, log1p, tanh, the logistic function and the normal distribution on vectors. A lane's result depends
// on that lane's value alone. float: own polynomials (Chebyshev fits), 1 to 3 units in the last place, subnormal
// results included; double: <cmath>, lane by lane. NaN gives NaN.

/// A whole vector where `left` values remain, otherwise a tail: one loop body for both.
template <class T>
KEEL_SIMD_INLINE Vector<T> load_some(const T* from, Index left) {
  return left >= lanes<T> ? load(from) : load(from, Tail<T>(left));
}
template <class T>
KEEL_SIMD_INLINE void store_some(T* to, std::type_identity_t<Vector<T>> value, Index left) {
  if (left >= lanes<T>)
    store(to, value);
  else
    store(to, value, Tail<T>(left));
}

/// Gives x within [low, high]; keeps NaN.
template <class T>
KEEL_SIMD_INLINE Vector<T> clamp(std::type_identity_t<Vector<T>> x, T low, T high) {
  const Vector<T> l = broadcast<T>(low), h = broadcast<T>(high);
  x = x < l ? l : x;
  return x > h ? h : x;
}
template <class T>
KEEL_SIMD_INLINE Vector<T> abs(std::type_identity_t<Vector<T>> x) {
  return x < broadcast<T>(0) ? -x : x + broadcast<T>(0);  // -0 + 0 = 0
}
/// |magnitude| >= 0 with the sign of x.
template <class T>
KEEL_SIMD_INLINE Vector<T> with_sign(std::type_identity_t<Vector<T>> magnitude,
                                     std::type_identity_t<Vector<T>> x) {
  using Bits = IntegerVector<T>;
  using Bit = typename VectorTypes<T>::Integer;
  const Bits sign = bit_cast<Bits>(x) & (std::numeric_limits<Bit>::min)();
  return bit_cast<Vector<T>>(bit_cast<Bits>(magnitude) | sign);
}

/// x = n log 2 + r with |r| <= log(2)/2; x within +-200.
struct ExpParts {
  IntegerVector<float> n;
  Vector<float> r;
};
KEEL_SIMD_INLINE ExpParts exp_parts(Vector<float> x) {
  const Vector<float> zero{};
  const Vector<float> half = x < zero ? zero - 0.5f : zero + 0.5f;
  const IntegerVector<float> n = to_integers<float>(fma(x, zero + 1.44269504f, half));
  const Vector<float> whole = to_values<float>(n);
  const Vector<float> r = fma(whole, zero - 0.693359375f, x);  // exact: the factor has 9 bits
  return {n, fma(whole, zero + 2.12194440e-4f, r)};
}
/// (exp(r) - 1 - r) / r^2 for |r| <= 0.39.
KEEL_SIMD_INLINE Vector<float> exp_tail(Vector<float> r) {
  const Vector<float> zero{};
  Vector<float> p = zero + 1.9904239e-4f;
  p = fma(p, r, zero + 1.3945581e-3f);
  p = fma(p, r, zero + 8.3332974e-3f);
  p = fma(p, r, zero + 4.1666344e-2f);
  p = fma(p, r, zero + 0.16666667f);
  return fma(p, r, zero + 0.5f);
}
/// 2^n for -126 <= n <= 127.
KEEL_SIMD_INLINE Vector<float> power_of_2(IntegerVector<float> n) {
  return bit_cast<Vector<float>>((n + 127) << 23);
}
/// exp(x + low) for |low| < 0.04; two factors reach the subnormal numbers and infinity.
KEEL_SIMD_INLINE Vector<float> exp_sum(Vector<float> x, Vector<float> low) {
  const ExpParts parts = exp_parts(clamp<float>(x, -110.0f, 100.0f));
  const Vector<float> r = parts.r + low;
  const Vector<float> p = fma(exp_tail(r), r * r, r) + 1.0f;
  const IntegerVector<float> half = parts.n >> 1;
  return p * power_of_2(half) * power_of_2(parts.n - half);
}
KEEL_SIMD_INLINE Vector<float> exp(Vector<float> x) { return exp_sum(x, Vector<float>{}); }
/// exp(x) - 1 = 2 (2^(n-1) (exp(r) - 1) + 2^(n-1) - 1/2), accurate near 0.
KEEL_SIMD_INLINE Vector<float> expm1(Vector<float> x) {
  const ExpParts parts = exp_parts(clamp<float>(x, -30.0f, 88.9f));
  const Vector<float> p = fma(exp_tail(parts.r), parts.r * parts.r, parts.r);
  const Vector<float> scale = power_of_2(parts.n - 1);
  const Vector<float> result = fma(scale, p, scale - 0.5f);
  return result + result;
}
/// log(1 + u) for 0 <= u <= 1: 2 atanh(s), s = u / (2 + u).
KEEL_SIMD_INLINE Vector<float> log1p_unit(Vector<float> u) {
  const Vector<float> zero{}, s = u / (u + 2.0f), t = s * s;
  Vector<float> p = zero + 0.11612165f;
  p = fma(p, t, zero + 0.10853288f);
  p = fma(p, t, zero + 0.14296179f);
  p = fma(p, t, zero + 0.19999853f);
  p = fma(p, t, zero + 0.33333334f);
  const Vector<float> twice = s + s;
  return fma(p * t, twice, twice);
}
KEEL_SIMD_INLINE Vector<float> tanh(Vector<float> x) {
  const Vector<float> a = clamp<float>(abs<float>(x), 0.0f, 10.0f);
  const Vector<float> e = expm1(a + a);
  return with_sign<float>(e / (e + 2.0f), x);
}

/// The normal distribution at -a, a >= 0: Phi(-a), and its density.
template <class T>
struct Normal {
  Vector<T> tail, density;
};
/// exp(-a^2/2) Q(a), Q a polynomial in t = 1 / (1 + a/4). a^2 is split so that its rounding does not show.
KEEL_SIMD_INLINE Normal<float> normal(Vector<float> a) {
  const Vector<float> zero{};
  a = clamp<float>(a, 0.0f, 15.0f);
  const Vector<float> top = bit_cast<Vector<float>>(bit_cast<IntegerVector<float>>(a) & ~0xfff);
  const Vector<float> e = exp_sum(top * top * -0.5f, (a - top) * (a + top) * -0.5f);
  const Vector<float> t = 1.0f / (a * 0.25f + 1.0f);
  Vector<float> q = zero + 0.0153836033f;
  q = fma(q, t, zero - 0.0563454643f);
  q = fma(q, t, zero + 0.036615255f);
  q = fma(q, t, zero + 0.0483180834f);
  q = fma(q, t, zero - 0.00367795936f);
  q = fma(q, t, zero + 0.0953755683f);
  q = fma(q, t, zero + 0.0690116361f);
  q = fma(q, t, zero + 0.0961508647f);
  q = fma(q, t, zero + 0.0994166231f);
  q = fma(q, t, zero + 0.0997517922f);
  return {q * t * e, e * 0.398942280f};
}

template <double (*F)(double)>
KEEL_SIMD_INLINE Vector<double> each_lane(Vector<double> x) {
  double parts[lanes<double>];
  store(parts, x);
  for (double& part : parts) part = F(part);
  return load(parts);
}
KEEL_SIMD_INLINE Vector<double> exp(Vector<double> x) { return each_lane<std::exp>(x); }
KEEL_SIMD_INLINE Vector<double> expm1(Vector<double> x) { return each_lane<std::expm1>(x); }
KEEL_SIMD_INLINE Vector<double> log1p_unit(Vector<double> x) { return each_lane<std::log1p>(x); }
KEEL_SIMD_INLINE Vector<double> tanh(Vector<double> x) { return each_lane<std::tanh>(x); }
KEEL_SIMD_INLINE Normal<double> normal(Vector<double> a) {
  return {0.5 * each_lane<std::erfc>(a * 0.70710678118654752), 0.39894228040143268 * exp(a * a * -0.5)};
}

/// 1 / (1 + exp(-x)), without overflow and down to the subnormal numbers, and 1 minus that.
template <class T>
struct Logistic {
  Vector<T> value, complement;
};
template <class T>
KEEL_SIMD_INLINE Logistic<T> logistic(std::type_identity_t<Vector<T>> x) {
  const Vector<T> e = exp(-abs<T>(x)), high = T(1) / (e + T(1)), low = e * high;
  return {x < broadcast<T>(0) ? low : high, x < broadcast<T>(0) ? high : low};
}
template <class T>
KEEL_SIMD_INLINE Vector<T> sigmoid(std::type_identity_t<Vector<T>> x) {
  return logistic<T>(x).value;
}
