// The exponential and what activations need beside it, on vectors. A lane's result depends on that lane's value
// alone. float: own polynomials (Chebyshev fits), subnormal results included; double: <cmath>, lane by lane.
// NaN gives NaN.

/// A whole vector where `left` values remain, otherwise a tail: one loop body for both.
#if KEEL_SIMD_LEVEL == 0
// Out of line: without masks a tail is a loop, which is too much to repeat everywhere.
template <class T>
Vector<T> load_tail(const T* from, Index left) {
  return load(from, Tail<T>(left));
}
template <class T>
void store_tail(T* to, std::type_identity_t<Vector<T>> value, Index left) {
  store(to, value, Tail<T>(left));
}
#else
template <class T>
KEEL_SIMD_INLINE Vector<T> load_tail(const T* from, Index left) {
  return load(from, Tail<T>(left));
}
template <class T>
KEEL_SIMD_INLINE void store_tail(T* to, std::type_identity_t<Vector<T>> value, Index left) {
  store(to, value, Tail<T>(left));
}
#endif
template <class T>
KEEL_SIMD_INLINE Vector<T> load_some(const T* from, Index left) {
  return left >= lanes<T> ? load(from) : load_tail(from, left);
}
template <class T>
KEEL_SIMD_INLINE void store_some(T* to, std::type_identity_t<Vector<T>> value, Index left) {
  if (left >= lanes<T>)
    store(to, value);
  else
    store_tail(to, value, left);
}

/// Gives x within [low, high]; keeps NaN.
template <class T>
KEEL_SIMD_INLINE Vector<T> clamp(std::type_identity_t<Vector<T>> x, T low, T high) {
  const Vector<T> l = broadcast<T>(low), h = broadcast<T>(high);
  x = select<T>(x < l, l, x);
  return select<T>(x > h, h, x);
}
template <class T>
KEEL_SIMD_INLINE Vector<T> abs(std::type_identity_t<Vector<T>> x) {
  return select<T>(x < broadcast<T>(0), -x, x + broadcast<T>(0));  // -0 + 0 = 0
}
/// |magnitude| >= 0 with the sign of x.
template <class T>
KEEL_SIMD_INLINE Vector<T> with_sign(std::type_identity_t<Vector<T>> magnitude, std::type_identity_t<Vector<T>> x) {
#if KEEL_SIMD_BYTES > 0
  using Bits = IntegerVector<T>;
  using Bit = typename VectorTypes<T>::Integer;
  const Bits sign = bit_cast<Bits>(x) & (std::numeric_limits<Bit>::min)();
  return bit_cast<Vector<T>>(bit_cast<Bits>(magnitude) | sign);
#else
  return Vector<T>::of(
      Eigen::internal::por(magnitude.packet, Eigen::internal::pand(x.packet, broadcast(-T(0)).packet)));
#endif
}
/// x without the last 12 bits of its fraction.
KEEL_SIMD_INLINE Vector<float> leading_bits(Vector<float> x) {
#if KEEL_SIMD_BYTES > 0
  return bit_cast<Vector<float>>(bit_cast<IntegerVector<float>>(x) & ~0xfff);
#else
  return Vector<float>::of(Eigen::internal::pand(x.packet, broadcast(std::bit_cast<float>(0xfffff000u)).packet));
#endif
}

/// exp(x) and exp(x) - 1, each with full relative accuracy (the latter for x <= 0).
template <class T>
struct Exponential {
  Vector<T> value, minus_1;
};

/// exp(r) - 1 for |r| <= log(2)/2.
KEEL_SIMD_INLINE Vector<float> exp_minus_1(Vector<float> r) {
  const Vector<float> zero{};
  Vector<float> p = zero + 1.9904239e-4f;
  p = fma(p, r, zero + 1.3945581e-3f);
  p = fma(p, r, zero + 8.3332974e-3f);
  p = fma(p, r, zero + 4.1666344e-2f);
  p = fma(p, r, zero + 0.16666667f);
  p = fma(p, r, zero + 0.5f);
  return fma(p, r * r, r);
}
/// exp(x + low) for |low| < 0.04: x = n log 2 + r, |r| <= log(2)/2, and exp(r + low) - 1 = p, a polynomial.
/// 2^n comes in two factors, which reach the subnormal numbers and infinity.
KEEL_SIMD_INLINE Exponential<float> exponential(Vector<float> x, Vector<float> low) {
  const Vector<float> zero{};
  x = clamp<float>(x, -110.0f, 100.0f);
#if KEEL_SIMD_BYTES > 0
  const Vector<float> half = select<float>(x < zero, zero - 0.5f, zero + 0.5f);
  const IntegerVector<float> n = to_integers<float>(fma(x, zero + 1.44269504f, half));
  const Vector<float> whole = to_values<float>(n);
#else
  const Vector<float> whole = Vector<float>::of(Eigen::internal::pfloor(fma(x, 1.44269504f, 0.5f).packet));
#endif
  const Vector<float> rough = fma(whole, zero - 0.693359375f, x);  // exact: the factor has 9 bits
  const Vector<float> p = exp_minus_1(fma(whole, zero + 2.12194440e-4f, rough) + low);
#if KEEL_SIMD_BYTES > 0
  const IntegerVector<float> n1 = n >> 1;
  const Vector<float> s1 = bit_cast<Vector<float>>((n1 + 127) << 23);
  const Vector<float> s2 = bit_cast<Vector<float>>((n - n1 + 127) << 23);
  return {(p + 1.0f) * s1 * s2, fma(p * s1, s2, s1 * s2 - 1.0f)};
#else
  const Vector<float> scale = Vector<float>::of(Eigen::internal::pldexp(broadcast(1.0f).packet, whole.packet));
  return {Vector<float>::of(Eigen::internal::pldexp((p + 1.0f).packet, whole.packet)), fma(p, scale, scale - 1.0f)};
#endif
}
template <double (*F)(double)>
KEEL_SIMD_INLINE Vector<double> each_lane(Vector<double> x) {
  double parts[lanes<double>];
  store(parts, x);
  for (double& part : parts) part = F(part);
  return load(parts);
}
KEEL_SIMD_INLINE Exponential<double> exponential(Vector<double> x, Vector<double>) {
  return {each_lane<std::exp>(x), each_lane<std::expm1>(x)};
}
KEEL_SIMD_INLINE Vector<float> exp(Vector<float> x) { return exponential(x, Vector<float>{}).value; }
KEEL_SIMD_INLINE Vector<double> exp(Vector<double> x) { return each_lane<std::exp>(x); }

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
KEEL_SIMD_INLINE Vector<double> log1p_unit(Vector<double> u) { return each_lane<std::log1p>(u); }

/// Phi(-a) of the normal distribution for 0 <= a <= 15; e = exp(-a^2/2). A polynomial in 1 / (1 + a/4) times e.
KEEL_SIMD_INLINE Vector<float> normal_tail(Vector<float> a, Vector<float> e) {
  const Vector<float> zero{}, t = 1.0f / (a * 0.25f + 1.0f);
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
  return q * t * e;
}
KEEL_SIMD_INLINE Vector<double> normal_tail(Vector<double> a, Vector<double>) {
  return 0.5 * each_lane<std::erfc>(a * 0.70710678118654752);
}

// The square root, lane by lane. (Written out because sqrt itself may set errno.)
#if defined(__clang__) && __has_builtin(__builtin_elementwise_sqrt)
template <class V>
KEEL_SIMD_INLINE V square_root(V x) {
  return __builtin_elementwise_sqrt(x);
}
#elif KEEL_SIMD_X86
KEEL_SIMD_INLINE Vector<float> square_root(Vector<float> x) {
#if KEEL_SIMD_LEVEL == 2 && defined(__clang__)
  return __builtin_ia32_sqrtps512(x, 4);
#elif KEEL_SIMD_LEVEL == 2
  return __builtin_ia32_sqrtps512_mask(x, x, -1, 4);
#elif KEEL_SIMD_LEVEL == 1
  return __builtin_ia32_sqrtps256(x);
#else
  return __builtin_ia32_sqrtps(x);
#endif
}
KEEL_SIMD_INLINE Vector<double> square_root(Vector<double> x) {
#if KEEL_SIMD_LEVEL == 2 && defined(__clang__)
  return __builtin_ia32_sqrtpd512(x, 4);
#elif KEEL_SIMD_LEVEL == 2
  return __builtin_ia32_sqrtpd512_mask(x, x, -1, 4);
#elif KEEL_SIMD_LEVEL == 1
  return __builtin_ia32_sqrtpd256(x);
#else
  return __builtin_ia32_sqrtpd(x);
#endif
}
#elif KEEL_SIMD_BYTES > 0
template <class V>
KEEL_SIMD_INLINE V square_root(V x) {
  for (unsigned i = 0; i < sizeof(V) / sizeof(x[0]); ++i) x[i] = std::sqrt(x[i]);
  return x;
}
#else
template <class T>
KEEL_SIMD_INLINE EigenVector<T> square_root(EigenVector<T> x) {
  return EigenVector<T>::of(Eigen::internal::psqrt(x.packet));
}
#endif
