// Depthwise convolution of pixels that see the same taps. A vector holds adjacent channels.

// The sums of `pixels` pixels, `stride` inputs apart, for rows of three taps on neighbouring inputs: each input is
// loaded once a row. Inputs that lie a power of two apart share few sets of the first-level cache.
template <class T, int pixels, int stride>
KEEL_SIMD_INLINE void depthwise_rows(const DepthwiseRun<T>& run, const T* source, Index channel, Vector<T>* sums) {
  const Index column = run.source_step / stride;
  for (Index t = 0; t < run.taps; t += 3) {
    const bool rightward = run.tap[t].source < run.tap[t + 2].source;
    const DepthwiseTap* const left = run.tap + t + (rightward ? 0 : 2);
    const DepthwiseTap* const right = run.tap + t + (rightward ? 2 : 0);
    const T* const kernel = run.kernel + channel;
    const Vector<T> weights[3] = {load(kernel + left->kernel), load(kernel + run.tap[t + 1].kernel),
                                  load(kernel + right->kernel)};
    KEEL_SIMD_UNROLL
    for (int i = 0; i < (pixels - 1) * stride + 3; ++i) {
      const Vector<T> value = load(source + left->source + i * column);
      KEEL_SIMD_UNROLL
      for (int s = 0; s < 3; ++s)
        if (i >= s && (i - s) % stride == 0 && (i - s) / stride < pixels)
          sums[(i - s) / stride] = fma(weights[s], value, sums[(i - s) / stride]);
    }
  }
}

// `pixels` pixels, one vector of channels; `stride` is 0 for any taps, else as in depthwise_rows. The run comes by
// value: what is stored cannot change it.
template <class T, int pixels, int stride, bool partial>
KEEL_SIMD_INLINE void depthwise_tile(const DepthwiseRun<T> run, Index pixel, Index channel, const Tail<T>& tail) {
  const T* const source = run.source + pixel * run.source_step + channel;
  const Index at = pixel * run.y_step + channel;
  KEEL_SIMD_UNROLL
  for (int p = 0; p < pixels; ++p) prefetch_to_write(run.y + at + p * run.y_step + lanes<T>);  // the next tile's
  Vector<T> sums[static_cast<std::size_t>(pixels)] = {};
  if constexpr (stride > 0) depthwise_rows<T, pixels, stride>(run, source, channel, sums);
  for (Index t = 0; stride == 0 && t < run.taps; ++t) {
    const T* const from = source + run.tap[t].source;
    const T* const weight = run.kernel + run.tap[t].kernel + channel;
    const Vector<T> factor = partial ? load(weight, tail) : load(weight);
    KEEL_SIMD_UNROLL
    for (int p = 0; p < pixels; ++p) {
      const T* const value = from + p * run.source_step;
      sums[p] = fma(factor, partial ? load(value, tail) : load(value), sums[p]);
    }
  }
  if (run.bias != nullptr) {
    const Vector<T> bias = partial ? load(run.bias + channel, tail) : load(run.bias + channel);
    KEEL_SIMD_UNROLL
    for (int p = 0; p < pixels; ++p) sums[p] = sums[p] + bias;
  }
  if (run.residual != nullptr) {
    KEEL_SIMD_UNROLL
    for (int p = 0; p < pixels; ++p) {
      const T* const from = run.residual + at + p * run.y_step;
      sums[p] = sums[p] + (partial ? load(from, tail) : load(from));
    }
  }
  if (run.clamp_low) {
    KEEL_SIMD_UNROLL
    for (int p = 0; p < pixels; ++p) sums[p] = sums[p] <= T(0) ? Vector<T>{} : sums[p];
  }
  if (run.clamp_high) {
    KEEL_SIMD_UNROLL
    for (int p = 0; p < pixels; ++p) sums[p] = sums[p] >= T(6) ? broadcast(T(6)) : sums[p];
  }
  KEEL_SIMD_UNROLL
  for (int p = 0; p < pixels; ++p) {
    T* const to = run.y + at + p * run.y_step;
    if (partial)
      store(to, sums[p], tail);
    else
      store(to, sums[p]);
  }
}

// As many whole tiles as there are; returns the first pixel after them.
template <class T, int pixels, int stride>
Index depthwise_tiles(const DepthwiseRun<T>& run, Index pixel, Index channels) {
  const Tail<T> none(0);
  for (; pixel + pixels <= run.pixels; pixel += pixels)
    for (Index c = 0; c < channels; c += lanes<T>) depthwise_tile<T, pixels, stride, false>(run, pixel, c, none);
  return pixel;
}

// Channels past the last full vector go pixel by pixel: few networks have them.
template <class T>
void depthwise_run(const DepthwiseRun<T>& run) {
  const Index whole = run.channels / lanes<T> * lanes<T>;
  const Tail<T> tail(run.channels - whole);
  Index pixel = 0;
  if (run.columns == 3) {
    const Index step = run.tap[2].source - run.tap[1].source;
    if (run.source_step == step || run.source_step == -step) {
      pixel = depthwise_tiles<T, 8, 1>(run, pixel, whole);
      pixel = depthwise_tiles<T, 4, 1>(run, pixel, whole);
    }
    if (run.source_step == 2 * step) pixel = depthwise_tiles<T, 4, 2>(run, pixel, whole);
  }
  pixel = depthwise_tiles<T, 4, 0>(run, pixel, whole);
  depthwise_tiles<T, 1, 0>(run, pixel, whole);
  for (pixel = 0; whole < run.channels && pixel < run.pixels; ++pixel)
    depthwise_tile<T, 1, 0, true>(run, pixel, whole, tail);
}

// sums(r, s) += x y over the pixels of a row, for `rows` x `columns` taps of one vector of channels.
template <class T, int rows, int columns, bool partial>
KEEL_SIMD_INLINE void depthwise_gradient_tile(Index pixels, const T* x, Index x_step, Index x_row, Index x_column,
                                              const T* dy, Index dy_step, T* sums, Index sums_row,
                                              Index sums_column, const Tail<T>& tail) {
  Vector<T> sum[static_cast<std::size_t>(rows)][static_cast<std::size_t>(columns)];
  KEEL_SIMD_UNROLL
  for (int r = 0; r < rows; ++r) {
    KEEL_SIMD_UNROLL
    for (int s = 0; s < columns; ++s) {
      const T* const from = sums + r * sums_row + s * sums_column;
      sum[r][s] = partial ? load(from, tail) : load(from);
    }
  }
  for (Index p = 0; p < pixels; ++p, x += x_step, dy += dy_step) {
    const Vector<T> factor = partial ? load(dy, tail) : load(dy);
    KEEL_SIMD_UNROLL
    for (int r = 0; r < rows; ++r) {
      KEEL_SIMD_UNROLL
      for (int s = 0; s < columns; ++s) {
        const T* const from = x + r * x_row + s * x_column;
        sum[r][s] = fma(factor, partial ? load(from, tail) : load(from), sum[r][s]);
      }
    }
  }
  KEEL_SIMD_UNROLL
  for (int r = 0; r < rows; ++r) {
    KEEL_SIMD_UNROLL
    for (int s = 0; s < columns; ++s) {
      T* const to = sums + r * sums_row + s * sums_column;
      if (partial)
        store(to, sum[r][s], tail);
      else
        store(to, sum[r][s]);
    }
  }
}

// The same for all channels and any number of taps.
template <class T>
void depthwise_gradient_run(Index channels, Index pixels, Index rows, Index columns, const T* x, Index x_step,
                            Index x_row, Index x_column, const T* dy, Index dy_step, T* sums, Index sums_row,
                            Index sums_column) {
  const Index whole = channels / lanes<T> * lanes<T>;
  const Tail<T> tail(channels - whole);
  const bool square = rows == 3 && columns == 3;
  for (Index c = 0; square && c < whole; c += lanes<T>)
    depthwise_gradient_tile<T, 3, 3, false>(pixels, x + c, x_step, x_row, x_column, dy + c, dy_step, sums + c,
                                            sums_row, sums_column, tail);
  for (Index r = 0; r < rows; ++r)
    for (Index s = 0; s < columns; ++s) {
      const T* const from = x + r * x_row + s * x_column;
      T* const to = sums + r * sums_row + s * sums_column;
      for (Index c = 0; !square && c < whole; c += lanes<T>)
        depthwise_gradient_tile<T, 1, 1, false>(pixels, from + c, x_step, 0, 0, dy + c, dy_step, to + c, 0, 0,
                                                tail);
      if (whole < channels)
        depthwise_gradient_tile<T, 1, 1, true>(pixels, from + whole, x_step, 0, 0, dy + whole, dy_step, to + whole,
                                               0, 0, tail);
    }
}
