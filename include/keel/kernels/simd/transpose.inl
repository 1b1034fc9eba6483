// Transposition into panels. See foreach.inl for the rules.

#if KEEL_SIMD_BYTES > 0
/// The lower and the upper halves of two vectors in turn: a0 b0 a1 b1 ...
template <class T, int... At>
KEEL_SIMD_INLINE void interleave(Vector<T> a, Vector<T> b, Vector<T>& low, Vector<T>& high,
                                 std::integer_sequence<int, At...>) {
  constexpr int half = lanes<T> / 2;
  low = __builtin_shufflevector(a, b, (At % 2 * lanes<T> + At / 2)...);
  high = __builtin_shufflevector(a, b, (At % 2 * lanes<T> + half + At / 2)...);
}
#endif

/// to[c * pitch + f] = from[f * step + c] for f < channels and c < count; 0 for the f up to pitch.
template <class T>
void transpose_panel(const T* from, Index step, Index channels, Index count, Index pitch, T* to) {
  constexpr int width = lanes<T>;
  for (Index f = 0; f < pitch; f += width)
    for (Index c = 0; c < count; c += width) {
      const Index columns = count - c < width ? count - c : width;
      const Tail<T> tail(columns);
      Vector<T> rows[std::size_t{width}], other[std::size_t{width}];
      for (int i = 0; i < width; ++i)
        rows[i] = f + i < channels ? load(from + (f + i) * step + c, tail) : Vector<T>{};
#if KEEL_SIMD_BYTES > 0
      for (int stage = 1; stage < width; stage *= 2) {  // a perfect shuffle, log2(width) times, transposes
        for (int i = 0; i < width / 2; ++i)
          interleave<T>(rows[i], rows[i + width / 2], other[2 * i], other[2 * i + 1],
                        std::make_integer_sequence<int, width>());
        for (int i = 0; i < width; ++i) rows[i] = other[i];
      }
#endif
      for (int i = 0; i < columns; ++i) store(to + (c + i) * pitch + f, rows[i]);
    }
}
