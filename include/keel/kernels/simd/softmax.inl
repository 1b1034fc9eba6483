// Softmax and its logarithm on rows of `columns` values. Every row is computed alike, wherever it is.

/// As load_some, with `fill` instead of 0 in the lanes that do not exist.
template <class T>
KEEL_SIMD_INLINE Vector<T> load_filled(const T* from, Index left, T fill) {
  if (left >= lanes<T>) return load(from);
#if KEEL_SIMD_BYTES > 0
  IntegerVector<T> lane_number{};
  for (int i = 0; i < lanes<T>; ++i) lane_number[i] = i;
  const IntegerVector<T> zero{};
  return select<T>(lane_number < zero + static_cast<typename VectorTypes<T>::Integer>(left), load(from, Tail<T>(left)),
                   broadcast<T>(fill));
#else
  T parts[lanes<T>];
  store(parts, broadcast(fill));
  for (Index i = 0; i < left; ++i) parts[i] = from[i];
  return load(parts);
#endif
}

/// The largest value that is not NaN; a NaN comes back through the sum.
template <class T>
KEEL_SIMD_INLINE T row_top(Index columns, const T* x) {
  const T least = -std::numeric_limits<T>::infinity();
  Vector<T> top = broadcast<T>(least);
  for (Index j = 0; j < columns; j += lanes<T>) {
    const Vector<T> value = load_filled(x + j, columns - j, least);
    top = select<T>(value > top, value, top);
  }
  T result = least;
  for (int i = 0; i < lanes<T>; ++i)
    if (lane<T>(top, i) > result) result = lane<T>(top, i);
  return result;
}

template <class T>
void softmax_rows(Index rows, Index columns, const T* x, T* y) {
  for (Index i = 0; i < rows; ++i, x += columns, y += columns) {
    const T top = row_top(columns, x);
    Vector<T> sums{};
    for (Index j = 0; j < columns; j += lanes<T>) {
      const Index left = columns - j;
      const Vector<T> e = exp(load_filled(x + j, left, -std::numeric_limits<T>::infinity()) - top);
      store_some(y + j, e, left);
      sums = sums + e;
    }
    const T total = sum<T>(sums);
    for (Index j = 0; j < columns; j += lanes<T>) store_some(y + j, load_some(y + j, columns - j) / total, columns - j);
  }
}

template <class T>
void log_softmax_rows(Index rows, Index columns, const T* x, T* y) {
  for (Index i = 0; i < rows; ++i, x += columns, y += columns) {
    const T top = row_top(columns, x);
    Vector<T> sums{};
    for (Index j = 0; j < columns; j += lanes<T>)
      sums = sums + exp(load_filled(x + j, columns - j, -std::numeric_limits<T>::infinity()) - top);
    const T log_total = std::log(sum<T>(sums));
    for (Index j = 0; j < columns; j += lanes<T>)
      store_some(y + j, load_some(x + j, columns - j) - top - log_total, columns - j);
  }
}

/// dx = y (dy - sum of y dy)
template <class T>
void softmax_backward_rows(Index rows, Index columns, const T* y, const T* dy, T* dx) {
  for (Index i = 0; i < rows; ++i, y += columns, dy += columns, dx += columns) {
    Vector<T> dots{};
    for (Index j = 0; j < columns; j += lanes<T>)
      dots = fma(load_some(y + j, columns - j), load_some(dy + j, columns - j), dots);
    const T dot = sum<T>(dots);
    for (Index j = 0; j < columns; j += lanes<T>) {
      const Index left = columns - j;
      store_some(dx + j, load_some(y + j, left) * (load_some(dy + j, left) - dot), left);
    }
  }
}

/// dx = dy - exp(y) sum of dy
template <class T>
void log_softmax_backward_rows(Index rows, Index columns, const T* y, const T* dy, T* dx) {
  for (Index i = 0; i < rows; ++i, y += columns, dy += columns, dx += columns) {
    Vector<T> sums{};
    for (Index j = 0; j < columns; j += lanes<T>) sums = sums + load_some(dy + j, columns - j);
    const T total = sum<T>(sums);
    for (Index j = 0; j < columns; j += lanes<T>) {
      const Index left = columns - j;
      store_some(dx + j, load_some(dy + j, left) - exp(load_some(y + j, left)) * total, left);
    }
  }
}
