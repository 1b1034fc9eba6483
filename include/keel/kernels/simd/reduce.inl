// Sums over the rows of (rows, columns) in double. Arrays of doubles have their length rounded up to 16, so that
// they are read and written in whole vectors; lanes past the columns hold zeros.

/// The values of a Vector<T> in double.
template <class T>
struct Wide {
  static constexpr unsigned parts = lanes<T> / lanes<double>;
  Vector<double> part[parts];
};
KEEL_SIMD_INLINE Wide<double> widen(Vector<double> x) { return {{x}}; }
#if KEEL_SIMD_BYTES > 0
typedef float HalfVector __attribute__((vector_size(KEEL_SIMD_BYTES / 2)));
KEEL_SIMD_INLINE Vector<double> widen(HalfVector x) {
// gcc 12 makes more of __builtin_convertvector than the one instruction that it is.
#if KEEL_SIMD_LEVEL == 2 && !defined(__clang__)
  return __builtin_ia32_cvtps2pd512_mask(x, Vector<double>{}, -1, 4);
#elif KEEL_SIMD_LEVEL == 1 && !defined(__clang__)
  return __builtin_ia32_cvtps2pd256(x);
#else
  return __builtin_convertvector(x, Vector<double>);
#endif
}
KEEL_SIMD_INLINE Wide<float> widen(Vector<float> x) {
#if KEEL_SIMD_BYTES == 64
  return {{widen(__builtin_shufflevector(x, x, 0, 1, 2, 3, 4, 5, 6, 7)),
           widen(__builtin_shufflevector(x, x, 8, 9, 10, 11, 12, 13, 14, 15))}};
#elif KEEL_SIMD_BYTES == 32
  return {{widen(__builtin_shufflevector(x, x, 0, 1, 2, 3)), widen(__builtin_shufflevector(x, x, 4, 5, 6, 7))}};
#else
  return {{widen(__builtin_shufflevector(x, x, 0, 1)), widen(__builtin_shufflevector(x, x, 2, 3))}};
#endif
}
#else
KEEL_SIMD_INLINE Wide<float> widen(Vector<float> x) {
  float narrow[lanes<float>];
  double wide[lanes<float>];
  store(narrow, x);
  for (int i = 0; i < lanes<float>; ++i) wide[i] = static_cast<double>(narrow[i]);
  Wide<float> result;
  for (unsigned p = 0; p < Wide<float>::parts; ++p) result.part[p] = load(wide + p * lanes<double>);
  return result;
}
#endif
template <class T>
KEEL_SIMD_INLINE Wide<T> load_wide(const double* from) {
  Wide<T> wide;
  for (unsigned p = 0; p < Wide<T>::parts; ++p) wide.part[p] = load(from + p * lanes<double>);
  return wide;
}
template <class T>
KEEL_SIMD_INLINE void store_wide(double* to, const Wide<T>& wide) {
  for (unsigned p = 0; p < Wide<T>::parts; ++p) store(to + p * lanes<double>, wide.part[p]);
}

template <class T>
KEEL_SIMD_INLINE void add_wide(double* to, std::type_identity_t<Vector<T>> x) {
  Wide<T> total = load_wide<T>(to);
  const Wide<T> value = widen(x);
  for (unsigned p = 0; p < Wide<T>::parts; ++p) total.part[p] = total.part[p] + value.part[p];
  store_wide<T>(to, total);
}

/// Rows that are added up before the totals go back to memory.
inline constexpr Index rows_at_once = 8;

/// sums[j] += x[i, j] for i = 0, 1, ...
template <class T>
void add_columns(Index rows, Index columns, const T* x, double* sums) {
  for (Index i = 0; i < rows; i += rows_at_once) {
    const Index end = rows - i < rows_at_once ? rows : i + rows_at_once;
    for (Index j = 0; j < columns; j += lanes<T>) {
      Wide<T> total = load_wide<T>(sums + j);
      for (Index r = i; r < end; ++r) {
        const Wide<T> value = widen(load_some(x + r * columns + j, columns - j));
        for (unsigned p = 0; p < Wide<T>::parts; ++p) total.part[p] = total.part[p] + value.part[p];
      }
      store_wide<T>(sums + j, total);
    }
  }
}

/// Sum of x or of x^2 in double. Value i belongs to partial sum i modulo 4 vectors; they are added in order.
template <class T>
double sum_values(Index count, const T* x, bool squared) {
  constexpr Index ways = 4;
  Wide<T> totals[ways] = {};
  for (Index i = 0; i < count; i += ways * lanes<T>)
    for (Index way = 0; way < ways; ++way) {
      const Index at = i + way * lanes<T>;
      if (at >= count) break;
      const Wide<T> value = widen(load_some(x + at, count - at));
      Wide<T>& total = totals[way];
      for (unsigned p = 0; p < Wide<T>::parts; ++p)
        total.part[p] = squared ? fma(value.part[p], value.part[p], total.part[p]) : total.part[p] + value.part[p];
    }
  double total = 0;
  for (const Wide<T>& way : totals)
    for (unsigned p = 0; p < Wide<T>::parts; ++p) total += sum<double>(way.part[p]);
  return total;
}
