// The register tiles of conv2d.hpp. See foreach.inl for the rules.

/// N groups of G neighbouring pixels: where each group starts.
template <class T, int N>
struct Conv2DGroups {
  const T* x[std::size_t{N}];
  Index y[std::size_t{N}];
};

/// Adds the residual to sums[pixel][width], applies the activation and stores them, for any number of channels.
template <class T>
void conv2d_finish(const detail::Conv2DPanel<T>& p, const T* sums, Index width, Index channels, Index pixels, Index y) {
  for (Index i = 0; i < pixels; ++i, y += p.y_step, sums += width)
    for (Index c = 0; c < channels && c < width; c += lanes<T>) {
      const Tail<T> tail(channels - c < lanes<T> ? channels - c : lanes<T>);
      Vector<T> value = load(sums + c);
      if (p.residual) value += load(p.residual + y + c, tail);
      rectify<T, 1>(p.clamp_low, p.clamp_high, &value);
      store(p.y + y + c, value, tail);
    }
}

/// What a tile fetches while it is summed up.
template <class T>
struct Conv2DFetch {
  const T* x;           // what the next tile reads: from here on,
  Index x_step;         // and so much further with each row of weights
  const T *next, *end;  // a cache line with each row of weights, as long as there are some
};

/// sum[pixel][vector] += x weights for one input of every pixel.
template <class T, int N, int G, int V>
KEEL_SIMD_INLINE void conv2d_add(const T* const* x, Index step, Index c, const T* weights,
                                 Vector<T> (*sum)[std::size_t{V}]) {
  Vector<T> weight[std::size_t{V}];
#pragma GCC unroll 2
  for (int v = 0; v < V; ++v) weight[v] = load(weights + v * lanes<T>);
#pragma GCC unroll 16
  for (int i = 0; i < N * G; ++i) {
    const Vector<T> value = broadcast(x[i / G][i % G * step + c]);
#pragma GCC unroll 2
    for (int v = 0; v < V; ++v) sum[i][v] = fma(value, weight[v], sum[i][v]);
  }
}

/// The sums of N groups of G pixels.
template <class T, int N, int G, int V>
KEEL_SIMD_INLINE void conv2d_sum(const detail::Conv2DPanel<T>& p, const Conv2DGroups<T, N>& groups, const T* weights,
                                 Conv2DFetch<T> fetch, Vector<T> (*sum)[std::size_t{V}]) {
  const Index step = p.x_step, pitch = p.pitch;
  for (Index r = 0; r < p.runs_h; ++r)
    for (Index s = 0; s < p.runs_w; ++s) {
      const T* x[std::size_t{N}];
#pragma GCC unroll 4
      for (int n = 0; n < N; ++n) x[n] = groups.x[n] + r * p.run_step_h + s * p.run_step_w;
      for (Index c = 0; c < p.run_length; ++c, weights += pitch) {
#pragma GCC unroll 2
        for (int line = 0; line < V * lanes<T>; line += 64 / int{sizeof(T)})
          prefetch<3>(weights + line + detail::weights_ahead * pitch);
        prefetch<3>(fetch.x);
        fetch.x += fetch.x_step;
        if (fetch.next < fetch.end) {
          prefetch(fetch.next);
          fetch.next += 64 / sizeof(T);
        }
        conv2d_add<T, N, G, V>(x, step, c, weights, sum);
      }
    }
}

/// N groups of G pixels, of which the first `count` are stored, by V vectors of output channels, of which the
/// first `channels` values are: all their sums are in registers.
template <class T, int N, int G, int V>
void conv2d_tile(const detail::Conv2DPanel<T>& p, const Conv2DGroups<T, N>& groups, Index count, const T* weights,
                 const Conv2DFetch<T>& fetch, const T* bias, Index channels) {
  constexpr int width = V * lanes<T>;
  constexpr std::size_t pixels = std::size_t{N * G}, vectors = std::size_t{V}, values = pixels * std::size_t{width};
  Vector<T> sum[pixels][vectors];
#pragma GCC unroll 2
  for (int v = 0; v < V; ++v) {
    const Vector<T> start = load(bias + v * lanes<T>);
#pragma GCC unroll 16
    for (int i = 0; i < N * G; ++i) sum[i][v] = start;
  }
  const Index last = channels < width ? channels - 1 : width - lanes<T>;
  for (int n = 0; n < N; ++n) {
    T* to = p.y + groups.y[n];
#pragma GCC unroll 8
    for (int g = 0; g < G; ++g, to += p.y_step) {
      prefetch_to_write(to);
      if (V > 1) prefetch_to_write(to + last);
    }
  }
  conv2d_sum<T, N, G, V>(p, groups, weights, fetch, sum);
  if (channels < width || p.residual || p.clamp_high) {
    T sums[values];
#pragma GCC unroll 16
    for (int i = 0; i < N * G; ++i)
#pragma GCC unroll 2
      for (int v = 0; v < V; ++v) store(sums + i * width + v * lanes<T>, sum[i][v]);
#pragma GCC unroll 1
    for (Index n = 0; n < count; ++n) conv2d_finish(p, sums + n * G * width, width, channels, G, groups.y[n]);
    return;
  }
  if (p.clamp_low) {
#pragma GCC unroll 16
    for (int i = 0; i < N * G; ++i)
#pragma GCC unroll 2
      for (int v = 0; v < V; ++v) sum[i][v] = select<T>(sum[i][v] <= T(0), Vector<T>{}, sum[i][v]);
  }
#pragma GCC unroll 16
  for (int i = 0; i < N * G; ++i)
#pragma GCC unroll 2
    for (int v = 0; v < V; ++v) store(p.y + groups.y[i / G] + i % G * p.y_step + v * lanes<T>, sum[i][v]);
}

/// `count` groups of G columns of all rows, from column `first` on, N at a time. The last one ends where the rows
/// end, so that it may share pixels with the one before.
template <class T, int N, int G, int V>
void conv2d_groups(const detail::Conv2DPanel<T>& p, Index first, Index count, const T* bias, Index channel) {
  Conv2DGroups<T, N> groups;
  const Index sum = p.runs_h * p.runs_w * p.run_length, lines = sum * Index{64 / sizeof(T)};
  const T* const x_end = p.x + p.x_rows[p.rows - 1] + (p.width - 1) * p.x_step + p.run_length;
  const bool single = sum == p.run_length;  // then all that the next tile reads is fetched, else where it begins
  const Index tile = sum * N * G;
  Conv2DFetch<T> fetch{p.x, single ? N * G : 0, p.next, channel == 0 ? p.next_end : p.next};
  Index row = 0, column = 0, begin = first + G <= p.width ? first : p.width - G;
  for (Index left = p.rows * count; left > 0; left -= N) {
    for (int n = 0; n < N; ++n) {  // past the end: the last group again
      groups.x[n] = p.x + p.x_rows[row] + begin * p.x_step;
      groups.y[n] = p.y_rows[row] + begin * p.y_step + channel;
      if (n + 1 >= left) continue;
      if (++column == count) {
        column = 0;
        ++row;
      }
      const Index at = first + column * G;
      begin = at + G <= p.width ? at : p.width - G;
    }
    fetch.x = p.x + p.x_rows[row] + begin * p.x_step;
    if (single && x_end - fetch.x < tile) fetch.x_step = (x_end - fetch.x) / sum;
    if (N > 1 && G >= 4 && left == 1) {
      const Conv2DGroups<T, 1> last{{groups.x[0]}, {groups.y[0]}};
      return conv2d_tile<T, 1, G, V>(p, last, 1, p.weights + channel, fetch, bias, p.channels - channel);
    }
    conv2d_tile<T, N, G, V>(p, groups, left < N ? left : N, p.weights + channel, fetch, bias, p.channels - channel);
    fetch.next = fetch.end - fetch.next > lines ? fetch.next + lines : fetch.end;
  }
}

/// The V vectors of output channels from `channel` on, for every pixel of the panel.
template <class T, int V>
void conv2d_columns(const detail::Conv2DPanel<T>& p, Index channel) {
  constexpr Index width = V * lanes<T>;
  T bias[std::size_t{width}] = {};
  for (Index c = 0; p.bias && c < width && channel + c < p.channels; ++c) bias[c] = p.bias[channel + c];
  constexpr int groups = Tiles::conv2d_groups, pixels = Tiles::conv2d_pixels, rest = Tiles::conv2d_rest;
  if (p.width < rest) return conv2d_groups<T, groups, 1, V>(p, 0, p.width, bias, channel);
  if constexpr (rest == pixels) {
    conv2d_groups<T, groups, pixels, V>(p, 0, (p.width + pixels - 1) / pixels, bias, channel);
  } else {
    // As many groups of the smaller kind as leave the fewest pixels to be computed twice.
    Index narrow = p.width < pixels ? (p.width + rest - 1) / rest : 0;
    Index wide = (p.width - rest * narrow + pixels - 1) / pixels;
    for (Index n = 1; n < pixels && rest * n <= p.width; ++n) {
      const Index others = (p.width - rest * n + pixels - 1) / pixels;
      if (pixels * others + rest * n >= pixels * wide + rest * narrow) continue;
      wide = others;
      narrow = n;
    }
    conv2d_groups<T, groups, pixels, V>(p, 0, wide, bias, channel);
    conv2d_groups<T, groups, rest, V>(p, wide * pixels, narrow, bias, channel);
  }
}

/// One panel: its output channels of all its pixels.
template <class T>
void conv2d_panel(const detail::Conv2DPanel<T>& p) {
  constexpr int vectors = Tiles::conv2d_vectors;
  if (KEEL_SIMD_LEVEL == 2 && p.pitch == lanes<T>) return conv2d_columns<T, 1>(p, 0);
  for (Index channel = 0; channel < p.channels; channel += vectors * lanes<T>) conv2d_columns<T, vectors>(p, channel);
}

/// sum[weight][vector] += x dy over all pixels.
template <class T, int C, int V>
KEEL_SIMD_INLINE void conv2d_gradient_sum(const detail::Conv2DGradient<T>& p, Index first, Index channel,
                                          Vector<T> (*sum)[std::size_t{V}]) {
  const T *dy = p.dy + channel, *next = p.next;
  const Index step = p.x_step, dy_step = p.dy_step, next_run = p.next_run - p.run;
  const Index ahead = first + next_run < p.next_inputs ? next_run : 0;
  for (Index row = 0; row < p.rows; ++row) {
    const T* x = p.x + p.x_rows[row] + p.run + first;
    for (Index i = 0; i < p.width; ++i, x += step, dy += dy_step) {
      prefetch<3>(x + ahead);
      if (next < p.next_end) {
        prefetch(next);
        next += 64 / sizeof(T);
      }
      Vector<T> gradient[std::size_t{V}];
#pragma GCC unroll 2
      for (int v = 0; v < V; ++v) gradient[v] = load(dy + v * lanes<T>);
#pragma GCC unroll 8
      for (int c = 0; c < C; ++c) {
        const Vector<T> value = broadcast(x[c]);
#pragma GCC unroll 2
        for (int v = 0; v < V; ++v) sum[c][v] = fma(value, gradient[v], sum[c][v]);
      }
    }
  }
}

/// C weights of a run (of which `count` are stored) by V vectors of output channels: sums over all pixels.
template <class T, int C, int V>
void conv2d_gradient_tile(const detail::Conv2DGradient<T>& p, Index first, Index count, Index channel) {
  T* to = p.dkernel + first * p.out_c + channel;
  const Index channels = p.channels - channel;
  const bool whole = channels >= V * lanes<T>;
  Vector<T> sum[std::size_t{C}][std::size_t{V}];
#pragma GCC unroll 8
  for (int c = 0; c < C; ++c) {
    if (c < count) {
      prefetch_to_write(to + c * p.out_c);
      prefetch_to_write(to + c * p.out_c + (whole ? (V - 1) * lanes<T> : 0));
    }
#pragma GCC unroll 2
    for (int v = 0; v < V; ++v) sum[c][v] = Vector<T>{};
  }
  conv2d_gradient_sum<T, C, V>(p, first, channel, sum);
#pragma GCC unroll 8
  for (int c = 0; c < C; ++c, to += p.out_c) {
    if (c == count) break;
#pragma GCC unroll 2
    for (int v = 0; v < V; ++v) {
      T* const at = to + v * lanes<T>;
      if (whole) {
        store(at, p.add ? load(at) + sum[c][v] : sum[c][v]);
      } else if (channels > v * lanes<T>) {
        const Index left = channels - v * lanes<T>;
        const Tail<T> tail(left < lanes<T> ? left : lanes<T>);
        store(at, p.add ? load(at, tail) + sum[c][v] : sum[c][v], tail);
      }
    }
  }
}

template <class T, int V>
void conv2d_gradient_columns(const detail::Conv2DGradient<T>& p, Index channel) {
  constexpr int weights = Tiles::gradient_weights, rest = Tiles::gradient_rest;
  Index c = p.begin;
  if constexpr (weights > rest) {
    if constexpr (V == Tiles::gradient_vectors)
      for (; p.tile == weights - 1 && c < p.end; c += weights - 1)
        conv2d_gradient_tile<T, weights - 1, V>(p, c, weights - 1, channel);
    for (; c + rest < p.end; c += weights)
      conv2d_gradient_tile<T, weights, V>(p, c, p.end - c < weights ? p.end - c : weights, channel);
  }
  for (; c < p.end; c += rest) conv2d_gradient_tile<T, rest, V>(p, c, p.end - c < rest ? p.end - c : rest, channel);
}

/// What one strip adds to the weights [begin, end) of a run in one panel.
template <class T>
void conv2d_gradient(const detail::Conv2DGradient<T>& p) {
  constexpr int vectors = Tiles::gradient_vectors;
  if (KEEL_SIMD_LEVEL == 2 && p.pitch == lanes<T>) return conv2d_gradient_columns<T, 1>(p, 0);
  for (Index channel = 0; channel < p.channels; channel += vectors * lanes<T>)
    conv2d_gradient_columns<T, vectors>(p, channel);
}
