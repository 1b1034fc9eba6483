// Depthwise convolution of pixels that see the same taps. A vector holds adjacent channels.

// Memory is fetched in its own order, which is faster than the order of use: `count` vectors of what comes soon.
template <class T>
KEEL_SIMD_INLINE void depthwise_fetch(const T* from, Index count) {
  for (Index i = 0; i < count * lanes<T>; i += 64 / Index{sizeof(T)}) prefetch(from + i);
}

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
  const Index next = pixel * run.channels + pixels * channel;
  depthwise_fetch(run.next + next * run.next_lines, pixels * run.next_lines);
  depthwise_fetch(run.y + next * run.y_lines + 512, pixels * run.y_lines);
  Vectors<T, pixels> sums = {};
  if constexpr (stride > 0) depthwise_rows<T, pixels, stride>(run, source, channel, sums);
  for (Index t = 0; stride == 0 && t < run.taps; ++t) {
    const T* const from = source + run.tap[t].source;
    const T* const weight = run.kernel + run.tap[t].kernel + channel;
    const Vector<T> factor = load_part<partial>(weight, tail);
    KEEL_SIMD_UNROLL
    for (int p = 0; p < pixels; ++p)
      sums[p] = fma(factor, load_part<partial>(from + p * run.source_step, tail), sums[p]);
  }
  if (run.bias != nullptr) {
    const Vector<T> bias = load_part<partial>(run.bias + channel, tail);
    KEEL_SIMD_UNROLL
    for (int p = 0; p < pixels; ++p) sums[p] = sums[p] + bias;
  }
  if (run.residual != nullptr) {
    KEEL_SIMD_UNROLL
    for (int p = 0; p < pixels; ++p) sums[p] = sums[p] + load_part<partial>(run.residual + at + p * run.y_step, tail);
  }
  rectify<T, pixels>(run.clamp_low, run.clamp_high, sums);
  KEEL_SIMD_UNROLL
  for (int p = 0; p < pixels; ++p) store_part<partial>(run.y + at + p * run.y_step, sums[p], tail);
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
    if (run.source_step == 2 * step) pixel = depthwise_tiles<T, Tiles::depthwise_run, 2>(run, pixel, whole);
  }
  pixel = depthwise_tiles<T, Tiles::depthwise_run, 0>(run, pixel, whole);
  depthwise_tiles<T, 1, 0>(run, pixel, whole);
  for (pixel = 0; whole < run.channels && pixel < run.pixels; ++pixel)
    depthwise_tile<T, 1, 0, true>(run, pixel, whole, tail);
}

// Adds a row of inputs to the sums of three rows of `width` outputs: sums[0] is the row that sees it through the last
// row of taps. The first pixel's inputs begin at column `left` of the image. A wide column has all inputs but for the
// first and the last of a row; a narrow one, of a single pixel, may have any, and only some channels.
template <class T, int width>
KEEL_SIMD_INLINE void depthwise_add_row(const T* from, Index step, Index left, Index right, const Vector<T>* weights,
                                        const Tail<T>& tail, Vectors<T, width>* sums) {
  constexpr bool narrow = width == 1;
  KEEL_SIMD_UNROLL
  for (int i = 0; i < width + 2; ++i) {
    if ((i == 0 || narrow) && left + i < 0) continue;
    if ((i == width + 1 || narrow) && i >= right) continue;
    const Vector<T> value = load_part<narrow>(from + i * step, tail);
    KEEL_SIMD_UNROLL
    for (int s = 0; s < 3; ++s)
      if (i >= s && i - s < width) {
        sums[0][i - s] = fma(weights[6 + s], value, sums[0][i - s]);
        sums[1][i - s] = fma(weights[3 + s], value, sums[1][i - s]);
        sums[2][i - s] = fma(weights[s], value, sums[2][i - s]);
      }
  }
}

// `width` pixels from `column` on and one vector of channels, down all rows of a strip. Every input is read once:
// it goes into the sums of three rows.
template <class T, int width>
void depthwise_column(const DepthwiseStrip<T> strip, Index column, Index channel) {
  constexpr bool narrow = width == 1;
  const Index step = strip.channels;
  const Tail<T> tail(step - channel < lanes<T> ? step - channel : lanes<T>);
  Vector<T> weights[9];
  KEEL_SIMD_UNROLL
  for (int t = 0; t < 9; ++t) weights[t] = load_part<narrow>(strip.kernel + t * strip.kernel_step + channel, tail);
  Vector<T> bias{};
  if (strip.bias) bias = load_part<narrow>(strip.bias + channel, tail);
  Vectors<T, width> sums[3] = {};  // of output rows row - 2, row - 1 and row
  const Index left = column - strip.pad_left, right = strip.from_w - left;
  for (Index row = strip.first; row < strip.first + strip.rows + 2; ++row) {
    const Index from_row = row - strip.pad_top;
    if (from_row >= 0 && from_row < strip.from_h) {
      // What the strip below needs.
      const Index next = from_row + strip.rows, share = column * step + width * channel;
      if (next < strip.source_rows) depthwise_fetch(strip.source + next * strip.from_w * step + share, width);
      if (next < strip.y_rows) depthwise_fetch(strip.y + next * strip.to_w * step + share, width);
      depthwise_add_row<T, width>(strip.source + (from_row * strip.from_w + left) * step + channel, step, left, right,
                                  weights, tail, sums);
    }
    if (row >= strip.first + 2) {
      Index to = ((row - 2) * strip.to_w + column) * step + channel;
      KEEL_SIMD_UNROLL
      for (int p = 0; p < width; ++p, to += step) {
        Vector<T> value = sums[0][p] + bias;
        if (strip.residual) value = value + load_part<narrow>(strip.residual + to, tail);
        rectify<T, 1>(strip.clamp_low, strip.clamp_high, &value);
        store_part<narrow>(strip.y + to, value, tail);
      }
    }
    KEEL_SIMD_UNROLL
    for (int p = 0; p < width; ++p) {
      sums[0][p] = sums[1][p];
      sums[1][p] = sums[2][p];
      sums[2][p] = Vector<T>{};
    }
  }
}

template <class T>
void depthwise_strip(const DepthwiseStrip<T>& strip) {
  const Index whole = strip.channels / lanes<T> * lanes<T>;
  for (Index column = 0, width; column < strip.to_w; column += width) {
    const Index left = column - strip.pad_left;
    const bool wide =
        left >= -1 && left + Tiles::depthwise_pixels < strip.from_w && column + Tiles::depthwise_pixels <= strip.to_w;
    width = wide ? Tiles::depthwise_pixels : 1;
    for (Index c = 0; wide && c < whole; c += lanes<T>) depthwise_column<T, Tiles::depthwise_pixels>(strip, column, c);
    for (Index pixel = column; pixel < column + width; ++pixel)
      for (Index c = wide ? whole : 0; c < strip.channels; c += lanes<T>) depthwise_column<T, 1>(strip, pixel, c);
  }
}

// sums(r, s) += x y for `rows` x `columns` taps, from (r, s) on, of one vector of channels.
template <class T, int rows, int columns, bool partial>
KEEL_SIMD_INLINE void depthwise_gradient_tile(const DepthwiseGradient<T> run, Index r0, Index s0, Index channel) {
  const Tail<T> tail(partial ? run.channels - channel : 0);
  const T* x = run.x + r0 * run.x_row + s0 * run.x_column + channel;
  const T* dy = run.dy + channel;
  T* const sums = run.sums + r0 * run.sums_row + s0 * run.sums_column + channel;
  Vectors<T, columns> sum[std::size_t{rows}];
  KEEL_SIMD_UNROLL
  for (int r = 0; r < rows; ++r) {
    KEEL_SIMD_UNROLL
    for (int s = 0; s < columns; ++s) {
      sum[r][s] = load_part<partial>(sums + r * run.sums_row + s * run.sums_column, tail);
    }
  }
  const T* next_x = run.fetches ? run.next_x + channel * run.pixels * run.x_lines : x;
  const T* next_dy = run.fetches ? run.next_dy + channel * run.pixels : dy;
  const Index ahead = run.fetches ? lanes<T> : 0;
  for (Index p = 0; p < run.pixels; ++p, x += run.x_step, dy += run.dy_step) {
    prefetch(next_dy);
    next_dy += ahead;
    prefetch(next_x);
    next_x += ahead;
    for (Index i = 1; i < run.x_lines; ++i, next_x += ahead) prefetch(next_x);
    const Vector<T> factor = load_part<partial>(dy, tail);
    KEEL_SIMD_UNROLL
    for (int r = 0; r < rows; ++r) {
      KEEL_SIMD_UNROLL
      for (int s = 0; s < columns; ++s) {
        sum[r][s] = fma(factor, load_part<partial>(x + r * run.x_row + s * run.x_column, tail), sum[r][s]);
      }
    }
  }
  KEEL_SIMD_UNROLL
  for (int r = 0; r < rows; ++r) {
    KEEL_SIMD_UNROLL
    for (int s = 0; s < columns; ++s) {
      store_part<partial>(sums + r * run.sums_row + s * run.sums_column, sum[r][s], tail);
    }
  }
}

// The same for all channels and any number of taps.
template <class T>
void depthwise_gradient_run(const DepthwiseGradient<T>& run) {
  const Index whole = run.channels / lanes<T> * lanes<T>;
  const bool square = run.rows == 3 && run.columns == 3;
  for (Index c = 0; square && c < whole; c += lanes<T>) depthwise_gradient_tile<T, 3, 3, false>(run, 0, 0, c);
  for (Index r = 0; r < run.rows; ++r)
    for (Index s = 0; s < run.columns; ++s) {
      for (Index c = 0; !square && c < whole; c += lanes<T>) depthwise_gradient_tile<T, 1, 1, false>(run, r, s, c);
      if (whole < run.channels) depthwise_gradient_tile<T, 1, 1, true>(run, r, s, whole);
    }
}
