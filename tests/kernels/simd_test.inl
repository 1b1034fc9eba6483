// The kernel of simd_test.cpp, and an example of how one is written: see keel/kernels/simd/foreach.inl.

// y += a x
template <class T>
void axpy(Index count, T a, const T* x, T* y) {
  const Vector<T> factor = broadcast(a);
  Index i = 0;
  for (; i + lanes<T> <= count; i += lanes<T>) store(y + i, fma(factor, load(x + i), load(y + i)));
  const Tail<T> tail(count - i);
  store(y + i, fma(factor, load(x + i, tail), load(y + i, tail)), tail);
}

// out: max(a, b), min(a, b), a < b ? a : 0, truncated a, sum of a's lanes, lane 0; six groups of lanes<T>.
template <class T>
int each_function(const T* a, const T* b, T* out) {
  const Vector<T> x = load(a), y = load(b);
  store(out, maximum<T>(x, y));
  store(out + lanes<T>, minimum<T>(x, y));
  store(out + 2 * lanes<T>, select<T>(x < y, x, broadcast(T(0))));
  store(out + 4 * lanes<T>, broadcast(sum<T>(x)));
#if KEEL_SIMD_BYTES > 0
  store(out + 3 * lanes<T>, to_values<T>(to_integers<T>(x)));
  store(out + 5 * lanes<T>, bit_cast<Vector<T>>(bit_cast<IntegerVector<T>>(broadcast(lane<T>(x, 0)))));
#else  // vectors of integers are the extensions' alone
  for (int i = 0; i < lanes<T>; ++i) out[3 * lanes<T> + i] = static_cast<T>(static_cast<int>(a[i]));
  store(out + 5 * lanes<T>, broadcast(lane<T>(x, 0)));
#endif
  return lanes<T>;
}
