// One SIMD register of T and what kernels do with it; T is float or double. See foreach.inl for the rules.
// Vectors have the operators of T, lane by lane: + - * / and comparisons, whose result selects: `select<T>(a < b, x, y)`.
// A compiler without vector extensions gets those of Eigen (eigen_vector.hpp).

#include <keel/kernels/simd/tiles.inl>

#if KEEL_SIMD_BYTES > 0
template <class T>
struct VectorTypes {
  using Integer = std::conditional_t<sizeof(T) == 4, std::int32_t, std::int64_t>;
  typedef T Values __attribute__((vector_size(KEEL_SIMD_BYTES)));
  typedef Integer Integers __attribute__((vector_size(KEEL_SIMD_BYTES)));
  typedef T Unaligned __attribute__((vector_size(KEEL_SIMD_BYTES), aligned(sizeof(T)), may_alias));
  static constexpr int lanes = KEEL_SIMD_BYTES / sizeof(T);
};
#else
template <class T>
struct VectorTypes {
  using Values = EigenVector<T>;
  static constexpr int lanes = EigenVector<T>::lanes;
};
#endif

template <class T>
using Vector = typename VectorTypes<T>::Values;
#if KEEL_SIMD_BYTES > 0
/// As many signed integers, of T's size: for bit patterns and for comparison results.
template <class T>
using IntegerVector = typename VectorTypes<T>::Integers;
#endif
/// What a comparison gives.
template <class T>
#if KEEL_SIMD_BYTES > 0
using Mask = IntegerVector<T>;
#else
using Mask = EigenMask<T>;
#endif
/// Values in a vector.
template <class T>
inline constexpr int lanes = VectorTypes<T>::lanes;
/// An array of vectors for the register file.
template <class T, int count>
using Vectors = Vector<T>[static_cast<std::size_t>(count)];

/// Reads lanes<T> values from any address.
template <class T>
KEEL_SIMD_INLINE Vector<T> load(const T* from) {
#if KEEL_SIMD_BYTES > 0
  return *reinterpret_cast<const typename VectorTypes<T>::Unaligned*>(from);
#else
  return Vector<T>::of(Eigen::internal::ploadu<typename Vector<T>::Packet>(from));
#endif
}
template <class T>
KEEL_SIMD_INLINE void store(T* to, std::type_identity_t<Vector<T>> value) {
#if KEEL_SIMD_BYTES > 0
  *reinterpret_cast<typename VectorTypes<T>::Unaligned*>(to) = value;
#else
  Eigen::internal::pstoreu(to, value.packet);
#endif
}
/// Asks for the cache line at an address that will be read, or written, soon. It lies in memory that the call owns and
/// touches: anywhere else the processor walks the page table in vain, which is slow.
/// `locality` 2: into the second-level cache; 3: into the first.
template <int locality = 2, class T>
KEEL_SIMD_INLINE void prefetch(const T* from) {
  KEEL_SIMD_PREFETCH(from, 0, locality);
}
template <class T>
KEEL_SIMD_INLINE void prefetch_to_write(T* to) {
  KEEL_SIMD_PREFETCH(to, 1, 3);
}
/// All lanes hold `value`.
template <class T>
KEEL_SIMD_INLINE Vector<T> broadcast(T value) {
#if KEEL_SIMD_BYTES > 0
  return value - Vector<T>{};  // minus zero keeps the sign of -0
#else
  return value;
#endif
}
/// Lane by lane, `a` where the mask, the result of a comparison, holds, else `b`.
template <class T>
KEEL_SIMD_INLINE Vector<T> select(Mask<T> mask, std::type_identity_t<Vector<T>> a, std::type_identity_t<Vector<T>> b) {
#if KEEL_SIMD_BYTES > 0
  return mask ? a : b;
#else
  return Vector<T>::of(Eigen::internal::pselect(mask.bits, a.packet, b.packet));
#endif
}
#if KEEL_SIMD_BYTES > 0
/// The same bits as another vector type: bit_cast<IntegerVector<T>>(x).
template <class To, class From>
KEEL_SIMD_INLINE To bit_cast(From value) {
  static_assert(sizeof(To) == sizeof(From));
  return __builtin_bit_cast(To, value);
}
/// Truncated to integers, and back.
template <class T>
KEEL_SIMD_INLINE IntegerVector<T> to_integers(std::type_identity_t<Vector<T>> value) {
  return __builtin_convertvector(value, IntegerVector<T>);
}
template <class T>
KEEL_SIMD_INLINE Vector<T> to_values(std::type_identity_t<IntegerVector<T>> value) {
  return __builtin_convertvector(value, Vector<T>);
}
#endif

/// a * b + c, rounded once where the instruction set can.
KEEL_SIMD_INLINE Vector<float> fma(Vector<float> a, Vector<float> b, Vector<float> c) {
#if KEEL_SIMD_LEVEL == 2
#if defined(__clang__)
  constexpr unsigned short all = 0xffff;
#else
  constexpr short all = -1;
#endif
  return __builtin_ia32_vfmaddps512_mask(a, b, c, all, 4);
#elif KEEL_SIMD_LEVEL == 1
  return __builtin_ia32_vfmaddps256(a, b, c);
#elif KEEL_SIMD_BYTES == 0
  return Vector<float>::of(Eigen::internal::pmadd(a.packet, b.packet, c.packet));
#elif defined(__aarch64__) && defined(__clang__)
#pragma clang fp contract(fast)
  return a * b + c;
#elif defined(__aarch64__) && defined(__GNUC__)
  return __builtin_aarch64_fmav4sf(a, b, c);
#else
  return a * b + c;
#endif
}
KEEL_SIMD_INLINE Vector<double> fma(Vector<double> a, Vector<double> b, Vector<double> c) {
#if KEEL_SIMD_LEVEL == 2
  return __builtin_ia32_vfmaddpd512_mask(a, b, c, static_cast<unsigned char>(0xff), 4);
#elif KEEL_SIMD_LEVEL == 1
  return __builtin_ia32_vfmaddpd256(a, b, c);
#elif KEEL_SIMD_BYTES == 0
  return Vector<double>::of(Eigen::internal::pmadd(a.packet, b.packet, c.packet));
#elif defined(__aarch64__) && defined(__clang__)
#pragma clang fp contract(fast)
  return a * b + c;
#elif defined(__aarch64__) && defined(__GNUC__)
  return __builtin_aarch64_fmav2df(a, b, c);
#else
  return a * b + c;
#endif
}

/// The larger and the smaller value; NaN in either operand gives NaN.
template <class T>
KEEL_SIMD_INLINE Vector<T> maximum(std::type_identity_t<Vector<T>> a, std::type_identity_t<Vector<T>> b) {
  const Vector<T> larger = select<T>(a < b, b, a);  // a where a is NaN
  return select<T>(b == b, larger, b);
}
template <class T>
KEEL_SIMD_INLINE Vector<T> minimum(std::type_identity_t<Vector<T>> a, std::type_identity_t<Vector<T>> b) {
  const Vector<T> smaller = select<T>(b < a, b, a);
  return select<T>(b == b, smaller, b);
}

/// Whether a lane is NaN.
KEEL_SIMD_INLINE bool any_nan(Vector<float> value) {
#if KEEL_SIMD_LEVEL == 2
  return __builtin_ia32_cmpps512_mask(value, value, 3, static_cast<unsigned short>(0xffff), 4) != 0;
#elif KEEL_SIMD_LEVEL == 1
  return __builtin_ia32_movmskps256(bit_cast<Vector<float>>(value != value)) != 0;
#else
  float parts[lanes<float>];
  store(parts, value);
  for (const float part : parts)
    if (part != part) return true;
  return false;
#endif
}
KEEL_SIMD_INLINE bool any_nan(Vector<double> value) {
#if KEEL_SIMD_LEVEL == 2
  return __builtin_ia32_cmppd512_mask(value, value, 3, static_cast<unsigned char>(0xff), 4) != 0;
#elif KEEL_SIMD_LEVEL == 1
  return __builtin_ia32_movmskpd256(bit_cast<Vector<double>>(value != value)) != 0;
#else
  double parts[lanes<double>];
  store(parts, value);
  for (const double part : parts)
    if (part != part) return true;
  return false;
#endif
}

/// Lane i.
template <class T>
KEEL_SIMD_INLINE T lane(std::type_identity_t<Vector<T>> value, int i) {
#if KEEL_SIMD_BYTES > 0
  return value[i];
#else
  T parts[lanes<T>];
  store(parts, value);
  return parts[i];
#endif
}
/// The sum of all lanes: lane i + lane i + lanes/2, then the same on that half, and so on.
template <class T>
KEEL_SIMD_INLINE T sum(std::type_identity_t<Vector<T>> value) {
  T parts[lanes<T>];
  store(parts, value);
  for (int half = lanes<T> / 2; half > 0; half /= 2)
    for (int i = 0; i < half; ++i) parts[i] += parts[i + half];
  return parts[0];
}

/// The first `count` lanes (0 to lanes<T>) of a vector. load(p, tail) reads only those and leaves 0 in the
/// others; store(p, value, tail) writes only those. Memory past them is not touched.
template <class T>
struct Tail {
#if KEEL_SIMD_LEVEL == 2
  using Mask = std::conditional_t<sizeof(T) == 4, unsigned short, unsigned char>;
  explicit Tail(Index count) : mask(static_cast<Mask>((1u << count) - 1u)) {}
  Mask mask;
#elif KEEL_SIMD_LEVEL == 1
  typedef long long Mask64 __attribute__((vector_size(32)));
  explicit Tail(Index count) {
    IntegerVector<T> index;
    for (int i = 0; i < lanes<T>; ++i) index[i] = i;
    mask = index < static_cast<typename VectorTypes<T>::Integer>(count);
  }
  IntegerVector<T> mask;
#else
  explicit Tail(Index n) : count(n) {}
  Index count;
#endif
};

// A loop at the baseline, which is better called than inlined.
#if KEEL_SIMD_LEVEL == 0
#define KEEL_SIMD_TAIL_INLINE inline
#else
#define KEEL_SIMD_TAIL_INLINE KEEL_SIMD_INLINE
#endif

template <class T>
KEEL_SIMD_TAIL_INLINE Vector<T> load(const T* from, const Tail<T>& tail) {
#if KEEL_SIMD_LEVEL == 2
  if constexpr (sizeof(T) == 4)
    return __builtin_ia32_loadups512_mask(from, Vector<T>{}, tail.mask);
  else
    return __builtin_ia32_loadupd512_mask(from, Vector<T>{}, tail.mask);
#elif KEEL_SIMD_LEVEL == 1
  if constexpr (sizeof(T) == 4)
    return __builtin_ia32_maskloadps256(reinterpret_cast<const Vector<T>*>(from), tail.mask);
  else
    return __builtin_ia32_maskloadpd256(reinterpret_cast<const Vector<T>*>(from),
                                        bit_cast<typename Tail<T>::Mask64>(tail.mask));
#else
  T parts[lanes<T>] = {};
  for (Index i = 0; i < tail.count; ++i) parts[i] = from[i];
  return load(parts);
#endif
}
template <class T>
KEEL_SIMD_TAIL_INLINE void store(T* to, std::type_identity_t<Vector<T>> value, const Tail<T>& tail) {
#if KEEL_SIMD_LEVEL == 2
  if constexpr (sizeof(T) == 4)
    __builtin_ia32_storeups512_mask(to, value, tail.mask);
  else
    __builtin_ia32_storeupd512_mask(to, value, tail.mask);
#elif KEEL_SIMD_LEVEL == 1
  if constexpr (sizeof(T) == 4)
    __builtin_ia32_maskstoreps256(reinterpret_cast<Vector<T>*>(to), tail.mask, value);
  else
    __builtin_ia32_maskstorepd256(reinterpret_cast<Vector<T>*>(to), bit_cast<typename Tail<T>::Mask64>(tail.mask),
                                  value);
#else
  T parts[lanes<T>];
  store(parts, value);
  for (Index i = 0; i < tail.count; ++i) to[i] = parts[i];
#endif
}
#undef KEEL_SIMD_TAIL_INLINE

/// With the tail where `partial`, else whole vectors.
template <bool partial, class T>
KEEL_SIMD_INLINE Vector<T> load_part(const T* from, const Tail<T>& tail) {
  if constexpr (partial)
    return load(from, tail);
  else
    return load(from);
}
template <bool partial, class T>
KEEL_SIMD_INLINE void store_part(T* to, std::type_identity_t<Vector<T>> value, const Tail<T>& tail) {
  if constexpr (partial)
    store(to, value, tail);
  else
    store(to, value);
}

/// What comes before a kernel's last write: values stay as they are, or become their relu (low) or relu6 (both).
template <class T, int count>
KEEL_SIMD_INLINE void rectify(bool low, bool high, Vector<T>* values) {
  if (low) {
    KEEL_SIMD_UNROLL
    for (int i = 0; i < count; ++i) values[i] = select<T>(values[i] <= T(0), Vector<T>{}, values[i]);
  }
  if (high) {
    KEEL_SIMD_UNROLL
    for (int i = 0; i < count; ++i) values[i] = select<T>(values[i] >= T(6), broadcast(T(6)), values[i]);
  }
}
