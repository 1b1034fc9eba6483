// Rows of 2-D pooling. x, y, dx and dy point to the sample, `oh` and `ih` choose the row that is written.

/// Indices of winners in memory: bytes, or 4 bytes each where windows are `wide`.
#if KEEL_SIMD_BYTES > 0
template <class T, class I>
struct IndexVector {
  typedef I Values __attribute__((vector_size(lanes<T> * sizeof(I))));
};
template <class T, class I>
KEEL_SIMD_INLINE void store_indices(std::byte* to, Index at, IntegerVector<T> indices, Index left) {
  const auto narrow = __builtin_convertvector(indices, typename IndexVector<T, I>::Values);
  const Index count = left >= lanes<T> ? lanes<T> : left;
  __builtin_memcpy(to + at * static_cast<Index>(sizeof(I)), &narrow, static_cast<std::size_t>(count) * sizeof(I));
}
template <class T, class I>
KEEL_SIMD_INLINE IntegerVector<T> load_indices(const std::byte* from, Index at, Index left) {
  typename IndexVector<T, I>::Values narrow{};
  const Index count = left >= lanes<T> ? lanes<T> : left;
  __builtin_memcpy(&narrow, from + at * static_cast<Index>(sizeof(I)),
                   static_cast<std::size_t>(count) * sizeof(I));
  return __builtin_convertvector(narrow, IntegerVector<T>);
}
#else
template <class T, class I>
KEEL_SIMD_INLINE void store_indices(std::byte* to, Index at, IntegerVector<T> index, Index) {
  reinterpret_cast<I*>(to)[at] = static_cast<I>(index);
}
template <class T, class I>
KEEL_SIMD_INLINE IntegerVector<T> load_indices(const std::byte* from, Index at, Index) {
  return static_cast<IntegerVector<T>>(reinterpret_cast<const I*>(from)[at]);
}
#endif
template <class T>
void store_wide_indices(std::byte* to, Index at, IntegerVector<T> indices, Index left) {
  store_indices<T, std::int32_t>(to, at, indices, left);
}
template <class T>
IntegerVector<T> load_wide_indices(const std::byte* from, Index at, Index left) {
  return load_indices<T, std::int32_t>(from, at, left);
}

template <class T>
void max_pool_row(const PoolGeometry& g, Index oh, const T* x, T* y, std::byte* argmax, bool wide) {
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
      if (argmax && wide) store_wide_indices<T>(argmax, out + c, winner, left);
      if (argmax && !wide) store_indices<T, std::uint8_t>(argmax, out + c, winner, left);
    }
  }
}

template <class T>
void max_pool_backward_row(const PoolGeometry& g, Index ih, const T* dy, const std::byte* argmax, bool wide,
                           T* dx) {
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
          const IntegerVector<T> winner =
              wide ? load_wide_indices<T>(argmax, out, left) : load_indices<T, std::uint8_t>(argmax, out, left);
          const IntegerVector<T> here = none + static_cast<Bit>(cell);
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
