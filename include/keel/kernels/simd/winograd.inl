// Winograd's F(M x M, 3 x 3), M = 2 or 4: the transforms around (M + 2)^2 matrix products (A. Lavin, S. Gray,
// "Fast algorithms for convolutional neural networks", 2015). A tile of M x M outputs, seen as a product of
// polynomials, is found from its values at M + 1 points and infinity: 0, 1, -1 for M = 2, and 0, inner, -inner,
// outer, -outer for M = 4, which make 0.43 times the error of Lavin's 0, 1, -1, 2, -2. See foreach.inl for the
// rules.

template <class T>
struct WinogradPoints {
  static constexpr T inner = T(0.625), outer = T(1.5), inner2 = inner * inner, outer2 = outer * outer;
  static constexpr T sum = inner2 + outer2, product = inner2 * outer2;
  /// 1 / the product of a point's distances from the other finite ones.
  static constexpr T of_zero = 1 / product, of_inner = 1 / (2 * inner2 * (inner2 - outer2)),
                     of_outer = 1 / (2 * outer2 * (outer2 - inner2));
};

/// factor * b + c
template <class T>
KEEL_SIMD_INLINE Vector<T> fma_by(T factor, std::type_identity_t<Vector<T>> b, std::type_identity_t<Vector<T>> c) {
  return fma(broadcast(factor), b, c);
}

/// B^T d, in place, of M + 2 vectors that are `step` apart: d is the input, the result its values at the points
/// but for a factor that G has.
template <class T, int M>
KEEL_SIMD_INLINE void winograd_bt(Vector<T>* d, int step) {
  using P = WinogradPoints<T>;
  const Vector<T> d0 = d[0], d1 = d[step], d2 = d[2 * step], d3 = d[3 * step];
  if constexpr (M == 2) {
    d[0] = d0 - d2;
    d[step] = d1 + d2;
    d[2 * step] = d2 - d1;
    d[3 * step] = d1 - d3;
  } else {
    const Vector<T> d4 = d[4 * step], d5 = d[5 * step];
    const Vector<T> even = fma_by<T>(-P::outer2, d2, d4), odd = fma_by<T>(-P::outer2, d1, d3);
    const Vector<T> even_outer = fma_by<T>(-P::inner2, d2, d4), odd_outer = fma_by<T>(-P::inner2, d1, d3);
    d[0] = fma_by<T>(P::product, d0, fma_by<T>(-P::sum, d2, d4));
    d[step] = fma_by<T>(P::inner, odd, even);
    d[2 * step] = fma_by<T>(-P::inner, odd, even);
    d[3 * step] = fma_by<T>(P::outer, odd_outer, even_outer);
    d[4 * step] = fma_by<T>(-P::outer, odd_outer, even_outer);
    d[5 * step] = fma_by<T>(P::product, d1, fma_by<T>(-P::sum, d3, d5));
  }
}

/// A^T m: M outputs from M + 2 products; y[r] = the sum of point^r m, the last one with m of infinity.
template <class T, int M>
KEEL_SIMD_INLINE void winograd_at(const Vector<T>* m, Vector<T>* y, int step) {
  using P = WinogradPoints<T>;
  const Vector<T> even = m[1] + m[2], odd = m[1] - m[2];
  if constexpr (M == 2) {
    y[0] = m[0] + even;
    y[step] = odd - m[3];
  } else {
    const Vector<T> even_outer = m[3] + m[4], odd_outer = m[3] - m[4];
    y[0] = m[0] + even + even_outer;
    y[step] = fma_by<T>(P::outer, odd_outer, odd * P::inner);
    y[2 * step] = fma_by<T>(P::outer2, even_outer, even * P::inner2);
    y[3 * step] = fma_by<T>(P::outer2 * P::outer, odd_outer, fma_by<T>(P::inner2 * P::inner, odd, m[5]));
  }
}

/// A y for M = 4: what each of 6 products owes to 4 gradients.
template <class T>
KEEL_SIMD_INLINE void winograd_a(const Vector<T>* y, int step, Vector<T>* m) {
  using P = WinogradPoints<T>;
  const Vector<T> y0 = y[0], y1 = y[step], y2 = y[2 * step], y3 = y[3 * step];
  const Vector<T> even = fma_by<T>(P::inner2, y2, y0), odd = fma_by<T>(P::inner2, y3, y1);
  const Vector<T> even_outer = fma_by<T>(P::outer2, y2, y0), odd_outer = fma_by<T>(P::outer2, y3, y1);
  m[0] = y0;
  m[5] = y3;
  m[1] = fma_by<T>(P::inner, odd, even);
  m[2] = fma_by<T>(-P::inner, odd, even);
  m[3] = fma_by<T>(P::outer, odd_outer, even_outer);
  m[4] = fma_by<T>(-P::outer, odd_outer, even_outer);
}

/// G g: 3 taps' values at the points, over the product of each point's distances from the others.
template <class T, int M>
KEEL_SIMD_INLINE void winograd_g(Vector<T> a, Vector<T> b, Vector<T> c, Vector<T>* to) {
  using P = WinogradPoints<T>;
  if constexpr (M == 2) {
    const Vector<T> even = (a + c) * T(0.5), odd = b * T(0.5);
    to[0] = a;
    to[1] = even + odd;
    to[2] = even - odd;
    to[3] = c;
  } else {
    const Vector<T> even = fma_by<T>(P::inner2, c, a) * P::of_inner, odd = b * (P::inner * P::of_inner);
    const Vector<T> even_outer = fma_by<T>(P::outer2, c, a) * P::of_outer;
    const Vector<T> odd_outer = b * (P::outer * P::of_outer);
    to[0] = a * P::of_zero;
    to[5] = c;
    to[1] = even + odd;
    to[2] = even - odd;
    to[3] = even_outer + odd_outer;
    to[4] = even_outer - odd_outer;
  }
}

/// G^T u for M = 4: 3 taps from 6 sums.
template <class T>
KEEL_SIMD_INLINE void winograd_gt(const Vector<T>* u, Vector<T>* to) {
  using P = WinogradPoints<T>;
  const Vector<T> even = (u[1] + u[2]) * P::of_inner, odd = (u[1] - u[2]) * (P::inner * P::of_inner);
  const Vector<T> even_outer = (u[3] + u[4]) * P::of_outer;
  to[0] = fma_by<T>(P::of_zero, u[0], even + even_outer);
  to[1] = fma_by<T>(P::outer * P::of_outer, u[3] - u[4], odd);
  to[2] = fma_by<T>(P::inner2, even, fma_by<T>(P::outer2, even_outer, u[5]));
}

/// G g G^T: taps in the last 9 of the panel's (M + 2)^2 planes of `count` values become all of them.
template <class T, int M>
void winograd_weights(Index count, T* panel) {
  constexpr int size = M + 2, first = size * size - 9;
  for (Index i = 0; i < count; i += lanes<T>) {
    Vector<T> columns[3][std::size_t{size}], rows[std::size_t{size}];
    KEEL_SIMD_UNROLL
    for (int s = 0; s < 3; ++s)
      winograd_g<T, M>(load(panel + (first + s) * count + i), load(panel + (first + 3 + s) * count + i),
                       load(panel + (first + 6 + s) * count + i), columns[s]);
    KEEL_SIMD_UNROLL
    for (int r = 0; r < size; ++r) {
      winograd_g<T, M>(columns[0][r], columns[1][r], columns[2][r], rows);
      KEEL_SIMD_UNROLL
      for (int s = 0; s < size; ++s) store(panel + (r * size + s) * count + i, rows[s]);
    }
  }
}

/// V = B^T d B of every tile and channel.
template <class T, int M>
void winograd_inputs(const detail::WinogradTiles<T>& w) {
  constexpr int size = M + 2;
  const Index column = w.x_step / M;
  T* v = w.v;
  for (Index row = 0; row < w.rows; ++row)
    for (Index i = 0; i < w.width; ++i, v += w.v_pitch) {
      const T* const x = w.x + w.x_rows[row] + i * w.x_step;
      for (Index c = 0; c < w.channels; c += lanes<T>) {
        const Tail<T> tail(w.channels - c < lanes<T> ? w.channels - c : lanes<T>);
        Vector<T> d[std::size_t{size * size}];
        KEEL_SIMD_UNROLL
        for (int s = 0; s < size; ++s) {
          KEEL_SIMD_UNROLL
          for (int r = 0; r < size; ++r) d[r * size + s] = load(x + r * w.run_step_h + s * column + c, tail);
          winograd_bt<T, M>(d + s, size);
        }
        KEEL_SIMD_UNROLL
        for (int r = 0; r < size; ++r) {
          winograd_bt<T, M>(d + r * size, 1);
          KEEL_SIMD_UNROLL
          for (int s = 0; s < size; ++s) store(v + (r * size + s) * w.v_plane + c, d[r * size + s], tail);
        }
      }
    }
}

/// One row of a tile's outputs, of which the first `count` are stored: y = activation(sum + bias + residual). What
/// the tile below stores is fetched, `below` values further.
template <class T, int M>
KEEL_SIMD_INLINE void winograd_finish(const detail::WinogradTiles<T>& w, const Vector<T>* sums, Vector<T> bias,
                                      Index at, Index count, Index below, const Tail<T>& tail) {
  KEEL_SIMD_UNROLL
  for (int s = 0; s < M; ++s, at += w.out_c) {
    if (s == count) break;
    prefetch_to_write(w.y + at + below);
    Vector<T> value = sums[s] + bias;
    if (w.residual) value += load(w.residual + at, tail);
    rectify<T, 1>(w.clamp_low, w.clamp_high, &value);
    store(w.y + at, value, tail);
  }
}

/// The rows of outputs from a tile's first one to the end of its image.
template <class T>
KEEL_SIMD_INLINE Index winograd_rows_below(const detail::WinogradTiles<T>& w, Index first) {
  return w.out_h - first / (w.out_w * w.out_c) % w.out_h;
}

/// y = epilogue(A^T m A) of one tile and vector of channels, which are at `at`; the image goes on for `below` rows and
/// `right` columns from there. The result is 0, or NaN where a sum is not finite.
template <class T, int M>
KEEL_SIMD_INLINE Vector<T> winograd_output(const detail::WinogradTiles<T>& w, const T* m, Vector<T> bias, Index at,
                                           Index below, Index right, const Tail<T>& tail) {
  constexpr int size = M + 2;
  Vectors<T, M * size> sums;
  Vectors<T, size> line;
  KEEL_SIMD_UNROLL
  for (int s = 0; s < size; ++s) {
    KEEL_SIMD_UNROLL
    for (int r = 0; r < size; ++r) line[r] = load(m + (r * size + s) * w.m_plane);
    winograd_at<T, M>(line, sums + s, size);
  }
  Vector<T> total{};
  KEEL_SIMD_UNROLL
  for (int r = 0; r < M; ++r) {
    if (r == below) break;
    winograd_at<T, M>(sums + r * size, line, 1);
    KEEL_SIMD_UNROLL
    for (int s = 0; s < M; ++s) total += line[s];
    winograd_finish<T, M>(w, line, bias, at + r * w.out_w * w.out_c, right, r + M < below ? M * w.out_w * w.out_c : 0,
                          tail);
  }
  return total - total;
}

/// y = epilogue(A^T m A) of every tile and channel. Returns how many tiles have sums that are not finite, and lists
/// them in `spoilt`.
template <class T, int M>
Index winograd_outputs(const detail::WinogradTiles<T>& w, Index* spoilt) {
  const T* m = w.m;
  Index spoilt_count = 0;
  for (Index row = 0; row < w.rows; ++row) {
    const Index first = w.y_rows[row], below = winograd_rows_below(w, first);
    for (Index i = 0; i < w.width; ++i, m += w.m_pitch) {
      Vector<T> check{};
      for (Index c = 0; c < w.channels; c += lanes<T>) {
        const Tail<T> tail(w.channels - c < lanes<T> ? w.channels - c : lanes<T>);
        const Vector<T> bias = w.bias ? load(w.bias + c, tail) : Vector<T>{};
        check += winograd_output<T, M>(w, m + c, bias, first + M * i * w.out_c + c, below, w.out_w - M * i, tail);
      }
      if (any_nan(check)) spoilt[spoilt_count++] = row * w.width + i;
    }
  }
  return spoilt_count;
}

/// A dy A^T of one tile and vector of channels; dy goes on for `below` rows and `right` columns from `at`. What the
/// tile below reads is fetched where `fetches`.
template <class T>
KEEL_SIMD_INLINE void winograd_gradient(const detail::WinogradTiles<T>& w, const T* at, Index below, Index right,
                                        const Tail<T>& tail, bool fetches, T* m) {
  constexpr int M = 4, size = M + 2;
  Vectors<T, size> d[M], line;
  KEEL_SIMD_UNROLL
  for (int s = 0; s < M; ++s) {
    KEEL_SIMD_UNROLL
    for (int r = 0; r < M; ++r) {
      if (r + M < below && s < right && fetches) prefetch(at + ((r + M) * w.out_w + s) * w.out_c);
      line[r] = r < below && s < right ? load(at + (r * w.out_w + s) * w.out_c, tail) : Vector<T>{};
    }
    winograd_a<T>(line, 1, d[s]);
  }
  KEEL_SIMD_UNROLL
  for (int r = 0; r < size; ++r) {
    winograd_a<T>(&d[0][r], size, line);
    KEEL_SIMD_UNROLL
    for (int s = 0; s < size; ++s) store(m + (r * size + s) * w.m_plane, line[s]);
  }
}

/// A dy A^T of every tile and channel, zeros in the columns from `channels` up to the whole panel.
template <class T>
void winograd_gradients(const detail::WinogradTiles<T>& w, const T* dy, Index columns) {
  constexpr int M = 4;
  T* m = w.m;
  for (Index row = 0; row < w.rows; ++row) {
    const Index first = w.y_rows[row], below = winograd_rows_below(w, first);
    for (Index i = 0; i < w.width; ++i, m += w.m_pitch)
      for (Index c = 0; c < columns; c += lanes<T>) {
        const Index left = w.channels - c;
        const Tail<T> tail(left < 0 ? 0 : left < lanes<T> ? left : lanes<T>);
        winograd_gradient<T>(w, dy + first + M * i * w.out_c + c, below, w.out_w - M * i, tail, left > 0, m + c);
      }
  }
}

/// The sum of one vector of each of the 9 taps that 3 x 6 sums give; the taps are stored, or added, where `keep`.
template <class T>
KEEL_SIMD_INLINE Vector<T> winograd_taps(const Vector<T>* columns, bool keep, bool add, T* to, Index tap,
                                         const Tail<T>& tail) {
  Vector<T> total{}, taps[3];
  KEEL_SIMD_UNROLL
  for (int r = 0; r < 3; ++r) {
    winograd_gt<T>(columns + 6 * r, taps);
    KEEL_SIMD_UNROLL
    for (int s = 0; s < 3; ++s) {
      total += taps[s];
      if (keep) store(to + (r * 3 + s) * tap, add ? load(to + (r * 3 + s) * tap, tail) + taps[s] : taps[s], tail);
    }
  }
  return total;
}

/// dkernel (+)= G^T u G, for 36 matrices u of ci x co sums, detail::WinogradBlock apart; dkernel's rows are out_c
/// apart, its taps `tap`. Vectors of which a tap is not finite are not done yet; returns whether there are any. With
/// `exact`, laid out as dkernel, those alone are done, from there.
template <class T>
bool winograd_kernel_gradient(Index ci, Index co, const T* u, T* dkernel, Index out_c, Index tap, bool add,
                              const T* exact) {
  constexpr int size = 6;
  constexpr Index pitch = detail::WinogradBlock<T>::width, plane = detail::WinogradBlock<T>::plane;
  bool spoilt = false;
  for (Index c = 0; c < ci; ++c, u += pitch)
    for (Index f = 0; f < co; f += lanes<T>) {
      const Tail<T> tail(co - f < lanes<T> ? co - f : lanes<T>);
      Vector<T> columns[std::size_t{3 * size}], line[std::size_t{size}], taps[3];
      KEEL_SIMD_UNROLL
      for (int s = 0; s < size; ++s) {
        KEEL_SIMD_UNROLL
        for (int r = 0; r < size; ++r) line[r] = load(u + (r * size + s) * plane + f, tail);
        winograd_gt<T>(line, taps);
        KEEL_SIMD_UNROLL
        for (int r = 0; r < 3; ++r) columns[r * size + s] = taps[r];
      }
      T* const to = dkernel + c * out_c + f;
      const Vector<T> total = winograd_taps<T>(columns, !add && !exact, false, to, tap, tail);
      const bool finite = !any_nan(total - total);
      spoilt |= !finite;
      if (finite && add && !exact) winograd_taps<T>(columns, true, true, to, tap, tail);
      for (Index t = 0, at = c * out_c + f; !finite && exact && t < 9; ++t, at += tap)
        store(dkernel + at, add ? load(dkernel + at, tail) + load(exact + at, tail) : load(exact + at, tail), tail);
    }
  return spoilt;
}
