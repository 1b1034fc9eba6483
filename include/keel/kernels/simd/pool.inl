// Rows of 2-D pooling. x, y, dx and dy point to the sample, `oh` and `ih` choose the row that is written.

#if KEEL_SIMD_BYTES > 0
/// lanes<T> indices of type I in memory.
template <class T, class I>
struct IndexVector {
  typedef I Values __attribute__((vector_size(lanes<T> * sizeof(I))));
};
#endif
template <class T, class I>
KEEL_SIMD_INLINE void store_indices(I* to, IntegerVector<T> indices, Index left) {
#if KEEL_SIMD_BYTES > 0
  const auto narrow = __builtin_convertvector(indices, typename IndexVector<T, I>::Values);
  __builtin_memcpy(to, &narrow, left >= lanes<T> ? sizeof narrow : static_cast<std::size_t>(left) * sizeof(I));
#else
  static_cast<void>(left), *to = static_cast<I>(indices);
#endif
}
template <class T, class I>
KEEL_SIMD_INLINE IntegerVector<T> load_indices(const I* from, Index left) {
#if KEEL_SIMD_BYTES > 0
  typename IndexVector<T, I>::Values narrow{};
  __builtin_memcpy(&narrow, from, left >= lanes<T> ? sizeof narrow : static_cast<std::size_t>(left) * sizeof(I));
  return __builtin_convertvector(narrow, IntegerVector<T>);
#else
  return static_cast<void>(left), static_cast<IntegerVector<T>>(*from);
#endif
}

template <class T, class I>
void max_pool_row(const PoolGeometry& g, Index oh, const T* x, T* y, I* argmax) {
  using Bit = typename VectorTypes<T>::Integer;
  const detail::PoolSpan h(oh, g.in_h, g.kernel_h, g.stride_h, g.pad_top);
  const IntegerVector<T> zero{};
  for (Index ow = 0; ow < g.out_w; ++ow) {
    const detail::PoolSpan w(ow, g.in_w, g.kernel_w, g.stride_w, g.pad_left);
    const T* const window = x + (h.origin * g.in_w + w.origin) * g.channels;
    const Index out = (oh * g.out_w + ow) * g.channels;
    for (Index c = 0; c < g.channels; c += lanes<T>) {
      const Index left = g.channels - c;
      Vector<T> best = broadcast<T>(-std::numeric_limits<T>::infinity());
      IntegerVector<T> winner = zero + static_cast<Bit>(h.begin * g.kernel_w + w.begin);
      for (Index kh = h.begin; kh < h.end; ++kh)
        for (Index kw = w.begin; kw < w.end; ++kw) {
          const Vector<T> value = load_some(window + (kh * g.in_w + kw) * g.channels + c, left);
          const IntegerVector<T> cell = zero + static_cast<Bit>(kh * g.kernel_w + kw);
          winner = value > best ? cell : winner;
          winner = value == value ? winner : cell;
          best = value > best ? value : best;
          best = value == value ? best : value;
        }
      store_some(y + out + c, best, left);
      if (argmax) store_indices<T>(argmax + out + c, winner, left);
    }
  }
}

template <class T, class I>
void max_pool_backward_row(const PoolGeometry& g, Index ih, const T* dy, const I* argmax, T* dx) {
  using Bit = typename VectorTypes<T>::Integer;
  const detail::PoolCover h(ih, g.out_h, g.kernel_h, g.stride_h, g.pad_top);
  const IntegerVector<T> none{};
  for (Index iw = 0; iw < g.in_w; ++iw) {
    const detail::PoolCover w(iw, g.out_w, g.kernel_w, g.stride_w, g.pad_left);
    T* const to = dx + (ih * g.in_w + iw) * g.channels;
    for (Index c = 0; c < g.channels; c += lanes<T>) {
      const Index left = g.channels - c;
      const Vector<T> zero{};
      Vector<T> sum{};
      for (Index oh = h.begin; oh < h.end; ++oh)
        for (Index ow = w.begin; ow < w.end; ++ow) {
          const Index cell = (ih + g.pad_top - oh * g.stride_h) * g.kernel_w + iw + g.pad_left - ow * g.stride_w;
          const Index out = (oh * g.out_w + ow) * g.channels + c;
          const IntegerVector<T> winner = load_indices<T>(argmax + out, left),
                                 here = none + static_cast<Bit>(cell);
          sum = sum + (winner == here ? load_some(dy + out, left) : zero);
        }
      store_some(to + c, sum, left);
    }
  }
}

template <class T>
void average_pool_row(const PoolGeometry& g, PoolDivisor divisor, Index oh, const T* x, T* y) {
  const detail::PoolSpan h(oh, g.in_h, g.kernel_h, g.stride_h, g.pad_top);
  for (Index ow = 0; ow < g.out_w; ++ow) {
    const detail::PoolSpan w(ow, g.in_w, g.kernel_w, g.stride_w, g.pad_left);
    const T count = detail::pool_divisor<T>(g, divisor, oh, ow);
    const T* const window = x + (h.origin * g.in_w + w.origin) * g.channels;
    T* const to = y + (oh * g.out_w + ow) * g.channels;
    for (Index c = 0; c < g.channels; c += lanes<T>) {
      const Index left = g.channels - c;
      Vector<T> sum{};
      for (Index kh = h.begin; kh < h.end; ++kh)
        for (Index kw = w.begin; kw < w.end; ++kw)
          sum = sum + load_some(window + (kh * g.in_w + kw) * g.channels + c, left);
      store_some(to + c, sum / count, left);
    }
  }
}

template <class T>
void average_pool_backward_row(const PoolGeometry& g, PoolDivisor divisor, Index ih, const T* dy, T* dx) {
  const detail::PoolCover h(ih, g.out_h, g.kernel_h, g.stride_h, g.pad_top);
  for (Index iw = 0; iw < g.in_w; ++iw) {
    const detail::PoolCover w(iw, g.out_w, g.kernel_w, g.stride_w, g.pad_left);
    T* const to = dx + (ih * g.in_w + iw) * g.channels;
    for (Index c = 0; c < g.channels; ++c) to[c] = T(0);
    for (Index oh = h.begin; oh < h.end; ++oh)
      for (Index ow = w.begin; ow < w.end; ++ow) {
        const T count = detail::pool_divisor<T>(g, divisor, oh, ow);
        const T* const from = dy + (oh * g.out_w + ow) * g.channels;
        for (Index c = 0; c < g.channels; c += lanes<T>) {
          const Index left = g.channels - c;
          store_some(to + c, load_some(to + c, left) + load_some(from + c, left) / count, left);
        }
      }
  }
}
