// The register tiles of conv2d.hpp. See foreach.inl for the rules.

/// y[at...] = activation(sum + residual[at...]) for one vector.
template <class T>
KEEL_SIMD_INLINE Vector<T> conv2d_activate(const detail::Conv2DPanel<T>& p, Vector<T> sum) {
  if (p.clamp_low) sum = sum <= T(0) ? Vector<T>{} : sum;
  if (p.clamp_high) sum = sum >= T(6) ? broadcast(T(6)) : sum;
  return sum;
}

/// N x G pixels (N groups of G neighbours, the second at x1 and y1) by V vectors of output channels, all their sums
/// in registers. `channels` of the V lanes<T> are stored.
template <class T, int N, int G, int V>
KEEL_SIMD_INLINE void conv2d_tile(const detail::Conv2DPanel<T>& p, const T* x0, const T* x1, const T* weights,
                                  const T* bias, Index channels, Index y0, Index y1) {
  constexpr int width = V * lanes<T>;
  constexpr std::size_t pixels = std::size_t{N * G}, vectors = std::size_t{V}, values = pixels * std::size_t{width};
  Vector<T> sum[pixels][vectors];
  for (int v = 0; v < V; ++v) {
    const Index left = channels - v * lanes<T>;
    Vector<T> start{};
    if (bias) start = left >= lanes<T> ? load(bias + v * lanes<T>) : left > 0 ? load(bias + v * lanes<T>, Tail<T>(left)) : start;
#pragma GCC unroll 16
    for (int i = 0; i < N * G; ++i) sum[i][v] = start;
  }
  const Index step = p.x_step, pitch = p.pitch;
  for (Index r = 0; r < p.runs_h; ++r)
    for (Index s = 0; s < p.runs_w; ++s) {
      const Index run = r * p.run_step_h + s * p.run_step_w;
      const T *a = x0 + run, *b = x1 + run;
      for (Index c = 0; c < p.run_length; ++c, weights += pitch) {
        Vector<T> weight[vectors];
#pragma GCC unroll 4
        for (int v = 0; v < V; ++v) weight[v] = load(weights + v * lanes<T>);
#pragma GCC unroll 16
        for (int i = 0; i < N * G; ++i) {
          const Vector<T> value = broadcast((i < G ? a + i * step : b + (i - G) * step)[c]);
#pragma GCC unroll 4
          for (int v = 0; v < V; ++v) sum[i][v] = fma(value, weight[v], sum[i][v]);
        }
      }
    }
  if (channels >= width) {
#pragma GCC unroll 16
    for (int i = 0; i < N * G; ++i) {
      const Index at = i < G ? y0 + i * p.y_step : y1 + (i - G) * p.y_step;
#pragma GCC unroll 4
      for (int v = 0; v < V; ++v) {
        if (p.residual) sum[i][v] += load(p.residual + at + v * lanes<T>);
        store(p.y + at + v * lanes<T>, conv2d_activate(p, sum[i][v]));
      }
    }
    return;
  }
  T sums[values];
#pragma GCC unroll 16
  for (int i = 0; i < N * G; ++i)
#pragma GCC unroll 4
    for (int v = 0; v < V; ++v) store(sums + i * width + v * lanes<T>, sum[i][v]);
#pragma GCC unroll 1
  for (int i = 0; i < N * G; ++i) {
    const Index at = i < G ? y0 + i * p.y_step : y1 + (i - G) * p.y_step;
#pragma GCC unroll 1
    for (Index c = 0; c < channels; c += lanes<T>) {
      const Tail<T> tail(channels - c < lanes<T> ? channels - c : lanes<T>);
      Vector<T> value = load(sums + i * width + c);
      if (p.residual) value += load(p.residual + at + c, tail);
      store(p.y + at + c, conv2d_activate(p, value), tail);
    }
  }
}

/// All groups of G pixels in columns [first, first + count G) of all rows, two at a time.
template <class T, int G, int V>
void conv2d_groups(const detail::Conv2DPanel<T>& p, Index first, Index count, const T* weights, Index channel) {
  const Index channels = p.channels - channel;
  const T* const bias = p.bias ? p.bias + channel : nullptr;
  Index row = 0, column = 0;
  for (Index left = p.rows * count; left > 0; left -= 2) {
    const T* const x0 = p.x + p.x_rows[row] + (first + column * G) * p.x_step;
    const Index y0 = p.y_rows[row] + (first + column * G) * p.y_step + channel;
    if (++column == count) column = 0, ++row;
    if (left == 1) {
      conv2d_tile<T, 1, G, V>(p, x0, x0, weights, bias, channels, y0, y0);
      return;
    }
    const T* const x1 = p.x + p.x_rows[row] + (first + column * G) * p.x_step;
    const Index y1 = p.y_rows[row] + (first + column * G) * p.y_step + channel;
    if (++column == count) column = 0, ++row;
    conv2d_tile<T, 2, G, V>(p, x0, x1, weights, bias, channels, y0, y1);
  }
}

/// The V vectors of output channels from `channel` on, for every pixel of the panel.
template <class T, int V>
void conv2d_columns(const detail::Conv2DPanel<T>& p, Index channel) {
  const T* const weights = p.weights + channel;
#if KEEL_SIMD_REGISTERS == 32
  Index sevens = p.width / 7, rest = p.width % 7;
  if (sevens > 0 && (rest == 1 || rest == 5)) --sevens, rest += 7;
  conv2d_groups<T, 7, V>(p, 0, sevens, weights, channel);
  conv2d_groups<T, 4, V>(p, sevens * 7, rest / 4, weights, channel);
  conv2d_groups<T, 1, V>(p, p.width - rest % 4, rest % 4, weights, channel);
#else
  conv2d_groups<T, 3, V>(p, 0, p.width / 3, weights, channel);
  conv2d_groups<T, 1, V>(p, p.width - p.width % 3, p.width % 3, weights, channel);
#endif
}

/// One panel: its output channels of all its pixels.
template <class T>
void conv2d_panel(const detail::Conv2DPanel<T>& p) {
  if (KEEL_SIMD_LEVEL == 2 && p.pitch == lanes<T>) return conv2d_columns<T, 1>(p, 0);
  for (Index channel = 0; channel < p.channels; channel += 2 * lanes<T>) conv2d_columns<T, 2>(p, channel);
}

/// C weights of a run (of which `count` are stored) by V vectors of output channels: sums over all pixels.
template <class T, int C, int V>
void conv2d_gradient_tile(const detail::Conv2DGradient<T>& p, Index first, Index count, Index channel) {
  constexpr std::size_t weights = std::size_t{C}, vectors = std::size_t{V};
  T* to = p.dkernel + first * p.out_c + channel;
  Vector<T> sum[weights][vectors];
#pragma GCC unroll 8
  for (int c = 0; c < C; ++c) {
    if (c < count) __builtin_prefetch(to + c * p.out_c, 1), __builtin_prefetch(to + c * p.out_c + (V - 1) * lanes<T>, 1);
#pragma GCC unroll 2
    for (int v = 0; v < V; ++v) sum[c][v] = Vector<T>{};
  }
  const T* dy = p.dy + channel;
  const Index step = p.x_step, pitch = p.pitch;
  for (Index row = 0; row < p.rows; ++row) {
    const T* x = p.x + p.x_rows[row] + p.run + first;
    for (Index i = 0; i < p.width; ++i, x += step, dy += pitch) {
      Vector<T> gradient[vectors];
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
  const Index channels = p.channels - channel;
  const bool whole = channels >= V * lanes<T>;
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
  Index c = p.begin;
#if KEEL_SIMD_REGISTERS == 32
  for (; c + 4 < p.end; c += 8) conv2d_gradient_tile<T, 8, V>(p, c, p.end - c < 8 ? p.end - c : 8, channel);
#endif
  for (; c < p.end; c += 4) conv2d_gradient_tile<T, 4, V>(p, c, p.end - c < 4 ? p.end - c : 4, channel);
}

/// What one strip adds to the weights [begin, end) of a run in one panel.
template <class T>
void conv2d_gradient(const detail::Conv2DGradient<T>& p) {
  if (KEEL_SIMD_LEVEL == 2 && p.pitch == lanes<T>) return conv2d_gradient_columns<T, 1>(p, 0);
  for (Index channel = 0; channel < p.channels; channel += 2 * lanes<T>) conv2d_gradient_columns<T, 2>(p, channel);
}
