// Rows of 2-D pooling. x, y, dx and dy point to the sample, `oh` and `ih` choose the row that is written.
// `winners` holds, for each y, the number of the window's cell that it came from, as a T: exact up to 2^24.

template <class T>
void max_pool_row(const PoolGeometry& g, Index oh, const T* x, T* y, T* winners) {
  const detail::PoolSpan h(oh, g.in_h, g.kernel_h, g.stride_h, g.pad_top);
  for (Index ow = 0; ow < g.out_w; ++ow) {
    const detail::PoolSpan w(ow, g.in_w, g.kernel_w, g.stride_w, g.pad_left);
    const T* const window = x + (h.origin * g.in_w + w.origin) * g.channels;
    const Index out = (oh * g.out_w + ow) * g.channels;
    for (Index c = 0; c < g.channels; c += lanes<T>) {
      const Index left = g.channels - c;
      Vector<T> best = broadcast<T>(-std::numeric_limits<T>::infinity());
      Vector<T> winner = broadcast(static_cast<T>(h.begin * g.kernel_w + w.begin));
      for (Index kh = h.begin; kh < h.end; ++kh)
        for (Index kw = w.begin; kw < w.end; ++kw) {
          const Vector<T> value = load_some(window + (kh * g.in_w + kw) * g.channels + c, left);
          const Vector<T> cell = broadcast(static_cast<T>(kh * g.kernel_w + kw));
          winner = select<T>(value > best, cell, winner);
          winner = select<T>(value == value, winner, cell);
          best = select<T>(value > best, value, best);
          best = select<T>(value == value, best, value);
        }
      store_some(y + out + c, best, left);
      if (winners) store_some(winners + out + c, winner, left);
    }
  }
}

template <class T>
void max_pool_backward_row(const PoolGeometry& g, Index ih, const T* dy, const T* winners, T* dx) {
  const detail::PoolCover h(ih, g.out_h, g.kernel_h, g.stride_h, g.pad_top);
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
          const Vector<T> winner = load_some(winners + out, left);
          sum = sum + select<T>(winner == broadcast(static_cast<T>(cell)), load_some(dy + out, left), zero);
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
