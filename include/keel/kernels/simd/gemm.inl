// Matrix products in blocks. Every element of the result is a sum of chunks; a chunk is a chain of fma over its
// part of the depth, in order. Neither tile nor number of rows nor vector length enters.

template <class T>
inline constexpr Index cache_line = 64 / sizeof(T);
template <class T>
inline constexpr Index gemm_strip = Tiles::gemm_vectors* lanes<T>;

#if KEEL_SIMD_BYTES > 0
// a0 b0 a1 b1 ... from the first and from the second halves of a and b.
template <class T>
KEEL_SIMD_INLINE Vector<T> interleave_low(std::type_identity_t<Vector<T>> a, std::type_identity_t<Vector<T>> b) {
  if constexpr (lanes<T> == 2)
    return __builtin_shufflevector(a, b, 0, 2);
  else if constexpr (lanes<T> == 4)
    return __builtin_shufflevector(a, b, 0, 4, 1, 5);
  else if constexpr (lanes<T> == 8)
    return __builtin_shufflevector(a, b, 0, 8, 1, 9, 2, 10, 3, 11);
  else
    return __builtin_shufflevector(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
}
template <class T>
KEEL_SIMD_INLINE Vector<T> interleave_high(std::type_identity_t<Vector<T>> a, std::type_identity_t<Vector<T>> b) {
  if constexpr (lanes<T> == 2)
    return __builtin_shufflevector(a, b, 1, 3);
  else if constexpr (lanes<T> == 4)
    return __builtin_shufflevector(a, b, 2, 6, 3, 7);
  else if constexpr (lanes<T> == 8)
    return __builtin_shufflevector(a, b, 4, 12, 5, 13, 6, 14, 7, 15);
  else
    return __builtin_shufflevector(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
}

// to[j][i] = from[i][j] for lanes<T> rows and columns: each round interleaves row i with row i + lanes/2.
template <class T>
KEEL_SIMD_INLINE void transpose_square(const T* from, Index from_step, T* to, Index to_step, Index next_read) {
  constexpr int n = lanes<T>;
  Vectors<T, n> rows, next;
  KEEL_SIMD_UNROLL
  for (int i = 0; i < n; ++i) {
    rows[i] = load(from + i * from_step);
    prefetch(from + i * from_step + next_read);
  }
  KEEL_SIMD_UNROLL
  for (int round = 1; round < n; round *= 2) {
    KEEL_SIMD_UNROLL
    for (int i = 0; i < n / 2; ++i) {
      next[2 * i] = interleave_low<T>(rows[i], rows[i + n / 2]);
      next[2 * i + 1] = interleave_high<T>(rows[i], rows[i + n / 2]);
    }
    KEEL_SIMD_UNROLL
    for (int i = 0; i < n; ++i) rows[i] = next[i];
  }
  KEEL_SIMD_UNROLL
  for (int i = 0; i < n; ++i) store(to + i * to_step, rows[i]);
}
#endif

// to[j][i] = from[i][j]; the next call will read from + next_read, in rows of which `readable` values may be fetched.
template <class T>
void transpose(Index rows, Index columns, const T* from, Index from_step, T* to, Index to_step,
               [[maybe_unused]] Index next_read, [[maybe_unused]] Index readable) {
  Index i = 0;
#if KEEL_SIMD_BYTES > 0
  for (; i + lanes<T> <= rows; i += lanes<T>) {
    Index j = 0;
    for (; j + lanes<T> <= columns; j += lanes<T>)
      transpose_square(from + i * from_step + j, from_step, to + j * to_step + i, to_step,
                       j + next_read < readable ? next_read : 0);
    for (; j < columns; ++j)
      for (Index k = i; k < i + lanes<T>; ++k) to[j * to_step + k] = from[k * from_step + j];
  }
#endif
  for (; i < rows; ++i)
    for (Index j = 0; j < columns; ++j) to[j * to_step + i] = from[i * from_step + j];
}

// to[i][j] = from[i][j]; the next call will read what is right of it, of which `readable` values may be fetched.
template <class T>
void copy(Index rows, Index columns, const T* from, Index from_step, T* to, Index to_step, Index readable) {
  const Index ahead = 2 * columns <= readable ? columns : 0;
  for (Index i = 0; i < rows; ++i, from += from_step, to += to_step) {
    Index j = 0;
    for (; j + lanes<T> <= columns; j += lanes<T>) {
      store(to + j, load(from + j));
      prefetch(from + ahead + j);
    }
    for (; j < columns; ++j) to[j] = from[j];
  }
}

// c (+)= a b for one register tile; a is stored with its rows adjacent: a[k * a_step + row]. Fetches so many cache
// lines from `ahead` on, at most `depth`.
template <class T, int vectors, bool partial>
void gemm_tile(Index depth, const T* a, Index a_step, const T* b, Index b_step, T* c, Index c_step, bool add,
               const Tail<T>& tail, const T* ahead, Index lines) {
  for (int i = 0; i < Tiles::gemm_rows; ++i)
    for (int v = 0; v < vectors; ++v) prefetch_to_write(c + i * c_step + v * lanes<T>);
  Vectors<T, vectors> sums[Tiles::gemm_rows] = {};
  for (Index k = 0; k < depth; ++k, a += a_step, b += b_step) {
    if (k < lines) prefetch(ahead + k * cache_line<T>);
    Vectors<T, vectors> row;
    KEEL_SIMD_UNROLL
    for (int v = 0; v < vectors; ++v)
      row[v] = partial && v == vectors - 1 ? load(b + v * lanes<T>, tail) : load(b + v * lanes<T>);
    KEEL_SIMD_UNROLL
    for (int i = 0; i < Tiles::gemm_rows; ++i) {
      const Vector<T> factor = broadcast(a[i]);
      KEEL_SIMD_UNROLL
      for (int v = 0; v < vectors; ++v) sums[i][v] = fma(factor, row[v], sums[i][v]);
    }
  }
  KEEL_SIMD_UNROLL
  for (int i = 0; i < Tiles::gemm_rows; ++i, c += c_step) {
    KEEL_SIMD_UNROLL
    for (int v = 0; v < vectors; ++v) {
      T* const to = c + v * lanes<T>;
      if (partial && v == vectors - 1)
        store(to, add ? load(to, tail) + sums[i][v] : sums[i][v], tail);
      else
        store(to, add ? load(to) + sums[i][v] : sums[i][v]);
    }
  }
}

// sums += a b for one row of `depth` values a[k * a_step]. From memory, two rows of b at a time are read fastest,
// because the processor's prefetcher sees one stream; from the cache, eight. b goes on to b_end; it is fetched `ahead`
// values ahead.
template <class T, int group>
KEEL_SIMD_INLINE void gemv_group(Index columns, const T* a, Index a_step, const T* b, Index b_step, const T* b_end,
                                 Index ahead, T* sums) {
  Vectors<T, group> factors;
  KEEL_SIMD_UNROLL
  for (int u = 0; u < group; ++u) factors[u] = broadcast(a[u * a_step]);
  if (b_end - b < group * b_step + ahead) ahead = 0;
  Index j = 0;
  for (; j + lanes<T> <= columns; j += lanes<T>) {
    Vector<T> sum = load(sums + j);
    KEEL_SIMD_UNROLL
    for (int u = 0; u < group; ++u) {
      sum = fma(factors[u], load(b + u * b_step + j), sum);
      if (ahead > 0) prefetch(b + u * b_step + j + ahead);
    }
    store(sums + j, sum);
  }
  if (j == columns) return;
  const Tail<T> tail(columns - j);
  Vector<T> sum = load(sums + j, tail);
  KEEL_SIMD_UNROLL
  for (int u = 0; u < group; ++u) sum = fma(factors[u], load(b + u * b_step + j, tail), sum);
  store(sums + j, sum, tail);
}

template <class T>
void gemv(Index depth, Index columns, const T* a, Index a_step, const T* b, Index b_step, const T* b_end, bool cached,
          T* sums) {
  // The processor's prefetcher stops at the end of a page.
  const Index ahead = columns > 512 ? 2 * b_step : 1024;
  Index k = 0;
  if (columns <= 2 * lanes<T> || cached)
    for (; k + 8 <= depth; k += 8)
      gemv_group<T, 8>(columns, a + k * a_step, a_step, b + k * b_step, b_step, b_end, 0, sums);
  for (; k + 2 <= depth; k += 2)
    gemv_group<T, 2>(columns, a + k * a_step, a_step, b + k * b_step, b_step, b_end, ahead, sums);
  for (; k < depth; ++k) gemv_group<T, 1>(columns, a + k * a_step, a_step, b + k * b_step, b_step, b_end, 0, sums);
}

// A few rows: each reads the same part of b, which ends at b_end, while it is in the cache. a is
// a[row * a_row + k * a_step].
template <class T>
void gemm_few_rows(Index rows, Index columns, Index depth, const T* a, Index a_row, Index a_step, const T* b,
                   Index b_step, const T* b_end, T* c, Index c_step, bool add, T* sums) {
  for (Index i = 0; i < rows * columns; ++i) sums[i] = 0;
  const Index part = 32768 / columns / 8 * 8 + 8;
  for (Index k = 0; k < depth; k += part)
    for (Index r = 0; r < rows; ++r)
      gemv(k + part < depth ? part : depth - k, columns, a + r * a_row + k * a_step, a_step, b + k * b_step, b_step,
           b_end, r > 0, sums + r * columns);
  for (Index r = 0; r < rows; ++r, c += c_step, sums += columns)
    for (Index j = 0; j < columns; ++j) c[j] = add ? c[j] + sums[j] : sums[j];
}

// c (+)= a b for one row of `depth` values a[k * a_step] with all sums in registers. The rows of b, of at most
// count * lanes<T> columns, have no gap between them: whole vectors are read, beyond a row's end too, as long as b goes
// on. b is fetched `ahead` values ahead.
template <class T, int count>
void gemv_registers(Index depth, Index columns, const T* a, Index a_step, const T* b, const T* b_end, Index ahead,
                    bool add, T* c) {
  Vectors<T, count> sum = {};
  Index k = 0;
  for (; k < depth && b_end - b >= count * lanes<T>; ++k, a += a_step, b += columns) {
    const T* const next = b_end - b < count * lanes<T> + ahead ? b : b + ahead;
    const Vector<T> factor = broadcast(*a);
    KEEL_SIMD_UNROLL
    for (int v = 0; v < count; ++v) {
      if (v * lanes<T> % cache_line<T> == 0) prefetch(next + v * lanes<T>);
      sum[v] = fma(factor, load(b + v * lanes<T>), sum[v]);
    }
  }
  for (; k < depth; ++k, a += a_step, b += columns) {
    const Vector<T> factor = broadcast(*a);
    KEEL_SIMD_UNROLL
    for (int v = 0; v < count; ++v) {
      const Index left = columns - v * lanes<T>;
      const Tail<T> tail(left < 0 ? 0 : left < lanes<T> ? left : lanes<T>);
      sum[v] = fma(factor, load(b + v * lanes<T>, tail), sum[v]);
    }
  }
  KEEL_SIMD_UNROLL
  for (int v = 0; v < count; ++v) {
    const Index left = columns - v * lanes<T>;
    if (left <= 0) break;
    T* const to = c + v * lanes<T>;
    if (left >= lanes<T>) {
      store(to, add ? load(to) + sum[v] : sum[v]);
    } else {
      const Tail<T> tail(left);
      store(to, add ? load(to, tail) + sum[v] : sum[v], tail);
    }
  }
}
// With the least of the counts 1, 2, 4, 6, ... that has room for the columns, row by row of a; false where none has.
template <class T, int count = 1>
bool gemv_in_registers(Index rows, Index columns, Index depth, const T* a, Index a_row, Index a_step, const T* b,
                       const T* b_end, T* c, Index c_step, bool add) {
  if (columns <= count * lanes<T>) {
    for (Index r = 0; r < rows; ++r)
      gemv_registers<T, count>(depth, columns, a + r * a_row, a_step, b, b_end, r == 0 ? 1024 : 0, add, c + r * c_step);
    return true;
  }
  if constexpr (count < Tiles::gemv_vectors)
    return gemv_in_registers<T, (count == 1 ? 2 : count + 2)>(rows, columns, depth, a, a_row, a_step, b, b_end, c,
                                                              c_step, add);
  else
    return false;
}

// Values of scratch memory that gemm_block needs.
template <class T>
Index gemm_scratch(Index columns) {
  return gemm_chunk * gemm_rows + gemm_chunk * gemm_strip<T> + Tiles::gemm_rows * columns;
}

// The tiles of one strip of columns, `rows` a multiple of a tile's rows; a is packed, gemm_rows apart. Returns where
// what is to be fetched goes on.
template <class T>
KEEL_SIMD_INLINE const T* gemm_tiles(Index rows, Index columns, Index depth, const T* a, const T* b, Index b_step, T* c,
                                     Index c_step, bool add, const T* ahead, const T* ahead_end) {
  const Tail<T> tail(columns % lanes<T>);
  for (Index i = 0; i < rows; i += Tiles::gemm_rows, a += Tiles::gemm_rows, c += Tiles::gemm_rows * c_step) {
    const Index fetched = (ahead_end - ahead) / cache_line<T>, lines = fetched < depth ? fetched : depth;
    Index v = 0;
    if (columns == gemm_strip<T>) {
      gemm_tile<T, Tiles::gemm_vectors, false>(depth, a, gemm_rows, b, b_step, c, c_step, add, tail, ahead, lines);
      v = columns;
    }
    for (; v + lanes<T> <= columns; v += lanes<T>)
      gemm_tile<T, 1, false>(depth, a, gemm_rows, b + v, b_step, c + v, c_step, add, tail, ahead, lines);
    if (v < columns) gemm_tile<T, 1, true>(depth, a, gemm_rows, b + v, b_step, c + v, c_step, add, tail, ahead, lines);
    ahead += lines * cache_line<T>;
  }
  return ahead;
}

// c (+)= a b for one chunk of the depth and at most gemm_rows rows. a is (rows, depth), or (depth, rows) where
// a_transposed; b is (depth, columns), or (columns, depth) where b_transposed. a_readable values may be fetched in
// each stored row of a, and b goes on to b_end.
template <class T>
void gemm_block(Index rows, Index columns, Index depth, const T* a, Index a_step, bool a_transposed, Index a_readable,
                const T* b, Index b_step, bool b_transposed, const T* b_end, T* c, Index c_step, bool add, T* scratch) {
  T* const a_rows = scratch;
  T* const strip = a_rows + gemm_chunk * gemm_rows;
  T* const sums = strip + gemm_chunk * gemm_strip<T>;
  Index a_row = a_transposed ? 1 : a_step, a_depth = a_transposed ? a_step : 1;
  const Index tiled = rows / Tiles::gemm_rows * Tiles::gemm_rows;
  if (tiled > 0) {
    if (a_transposed)
      copy(depth, rows, a, a_step, a_rows, gemm_rows, a_readable);
    else
      transpose(rows, depth, a, a_step, a_rows, gemm_rows, gemm_chunk, a_readable);
    a = a_rows;
    a_row = 1;
    a_depth = gemm_rows;
  }
  Index rest = rows - tiled;
  if (rest > 0 && !b_transposed && b_step == columns &&
      gemv_in_registers(rest, columns, depth, a + tiled * a_row, a_row, a_depth, b, b_end, c + tiled * c_step, c_step,
                        add))
    rest = 0;
  const T* ahead = b_transposed || b_step != columns ? b_end : b + depth * b_step;
  const Index width = b_transposed || tiled > 0 ? gemm_strip<T> : columns;
  for (Index j = 0; j < columns; j += width) {
    const Index some = j + width < columns ? width : columns - j;
    const T* from = b_transposed ? strip : b + j;
    const Index from_step = b_transposed ? gemm_strip<T> : b_step;
    if (b_transposed)
      transpose(some, depth, b + j * b_step, b_step, strip, gemm_strip<T>,
                j + 2 * width <= columns ? gemm_strip<T> * b_step : 0, columns * b_step);
    ahead = gemm_tiles(tiled, some, depth, a, from, from_step, c + j, c_step, add, ahead, b_end);
    if (rest > 0)
      gemm_few_rows(rest, some, depth, a + tiled * a_row, a_row, a_depth, from, from_step,
                    b_transposed ? from + depth * from_step : b_end, c + tiled * c_step + j, c_step, add, sums);
  }
}
