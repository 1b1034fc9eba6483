// Winograd's F(2 x 2, 3 x 3): the transforms around 16 matrix products (A. Lavin, S. Gray, "Fast algorithms for
// convolutional neural networks", 2015). See foreach.inl for the rules.

/// G g of three vectors: g0, (g0 + g1 + g2) / 2, (g0 - g1 + g2) / 2, g2.
template <class T>
KEEL_SIMD_INLINE void winograd_g(Vector<T> a, Vector<T> b, Vector<T> c, Vector<T>* to) {
  const Vector<T> even = (a + c) * T(0.5), odd = b * T(0.5);
  to[0] = a, to[1] = even + odd, to[2] = even - odd, to[3] = c;
}

/// G g G^T: taps in planes 7 to 15 of the panel, `count` values each, become planes 0 to 15.
template <class T>
void winograd_weights(Index count, T* panel) {
  for (Index i = 0; i < count; i += lanes<T>) {
    Vector<T> columns[3][4], rows[4];
#pragma GCC unroll 3
    for (int s = 0; s < 3; ++s)
      winograd_g<T>(load(panel + (7 + s) * count + i), load(panel + (10 + s) * count + i),
                    load(panel + (13 + s) * count + i), columns[s]);
#pragma GCC unroll 4
    for (int r = 0; r < 4; ++r) {
      winograd_g<T>(columns[0][r], columns[1][r], columns[2][r], rows);
#pragma GCC unroll 4
      for (int s = 0; s < 4; ++s) store(panel + (r * 4 + s) * count + i, rows[s]);
    }
  }
}

/// B^T d of four vectors: d0 - d2, d1 + d2, d2 - d1, d1 - d3.
template <class T>
KEEL_SIMD_INLINE void winograd_b(Vector<T>& a, Vector<T>& b, Vector<T>& c, Vector<T>& d) {
  const Vector<T> first = a - c, second = b + c, third = c - b, fourth = b - d;
  a = first, b = second, c = third, d = fourth;
}

/// V = B^T d B of every tile and channel.
template <class T>
void winograd_inputs(const detail::WinogradTiles<T>& w) {
  const Index plane = w.tiles * w.v_pitch, column = w.x_step / 2;
  T* v = w.v;
  for (Index row = 0; row < w.rows; ++row)
    for (Index i = 0; i < w.width; ++i, v += w.v_pitch) {
      const T* const x = w.x + w.x_rows[row] + i * w.x_step;
      for (Index c = 0; c < w.channels; c += lanes<T>) {
        const Tail<T> tail(w.channels - c < lanes<T> ? w.channels - c : lanes<T>);
        Vector<T> d[4][4];
#pragma GCC unroll 4
        for (int r = 0; r < 4; ++r)
#pragma GCC unroll 4
          for (int s = 0; s < 4; ++s) d[r][s] = load(x + r * w.run_step_h + s * column + c, tail);
#pragma GCC unroll 4
        for (int s = 0; s < 4; ++s) winograd_b<T>(d[0][s], d[1][s], d[2][s], d[3][s]);
#pragma GCC unroll 4
        for (int r = 0; r < 4; ++r) {
          winograd_b<T>(d[r][0], d[r][1], d[r][2], d[r][3]);
#pragma GCC unroll 4
          for (int s = 0; s < 4; ++s) store(v + (r * 4 + s) * plane + c, d[r][s], tail);
        }
      }
    }
}

/// y = epilogue(A^T m A) of every tile and channel; A^T m is m0 + m1 + m2, m1 - m2 - m3.
template <class T>
void winograd_outputs(const detail::WinogradTiles<T>& w) {
  const Index plane = w.tiles * w.m_pitch;
  const T* m = w.m;
  for (Index row = 0; row < w.rows; ++row) {
    const Index first = w.y_rows[row], rows = first / (w.out_w * w.out_c) % w.out_h + 1 < w.out_h ? 2 : 1;
    for (Index i = 0; i < w.width; ++i, m += w.m_pitch) {
      const Index columns = 2 * i + 1 < w.out_w ? 2 : 1;
      for (Index c = 0; c < w.channels; c += lanes<T>) {
        const Tail<T> tail(w.channels - c < lanes<T> ? w.channels - c : lanes<T>);
        Vector<T> sums[2][4];
#pragma GCC unroll 4
        for (int s = 0; s < 4; ++s) {
          const T* const from = m + s * plane + c;
          const Vector<T> b = load(from + 4 * plane), d = load(from + 8 * plane);
          sums[0][s] = load(from) + b + d, sums[1][s] = b - d - load(from + 12 * plane);
        }
        const Vector<T> bias = w.bias ? load(w.bias + c, tail) : Vector<T>{};
#pragma GCC unroll 2
        for (int r = 0; r < 2; ++r) {
          if (r == rows) break;
          const Vector<T> pair[2] = {sums[r][0] + sums[r][1] + sums[r][2], sums[r][1] - sums[r][2] - sums[r][3]};
#pragma GCC unroll 2
          for (int s = 0; s < 2; ++s) {
            if (s == columns) break;
            const Index at = first + (r * w.out_w + 2 * i + s) * w.out_c + c;
            Vector<T> value = pair[s] + bias;
            if (w.residual) value += load(w.residual + at, tail);
            if (w.clamp_low) value = value <= T(0) ? Vector<T>{} : value;
            if (w.clamp_high) value = value >= T(6) ? broadcast(T(6)) : value;
            store(w.y + at, value, tail);
          }
        }
      }
    }
  }
}

/// A dy A^T of every tile and channel, zeros in the columns from `channels` up to the whole panel; A y is
/// y0, y0 + y1, y0 - y1, -y1.
template <class T>
void winograd_gradients(const detail::WinogradTiles<T>& w, const T* dy, Index columns) {
  const Index plane = w.tiles * w.m_pitch;
  T* m = w.m;
  for (Index row = 0; row < w.rows; ++row) {
    const Index first = w.y_rows[row];
    const bool below = first / (w.out_w * w.out_c) % w.out_h + 1 < w.out_h;
    for (Index i = 0; i < w.width; ++i, m += w.m_pitch) {
      const bool right = 2 * i + 1 < w.out_w;
      for (Index c = 0; c < columns; c += lanes<T>) {
        const Index left = w.channels - c;
        const Tail<T> tail(left < 0 ? 0 : left < lanes<T> ? left : lanes<T>);
        const T* const at = dy + first + 2 * i * w.out_c + c;
        const Vector<T> zero{};
        const Vector<T> a = load(at, tail), b = right ? load(at + w.out_c, tail) : zero;
        const Vector<T> d = below ? load(at + w.out_w * w.out_c, tail) : zero;
        const Vector<T> e = below && right ? load(at + (w.out_w + 1) * w.out_c, tail) : zero;
        const Vector<T> lefts[4] = {a, a + d, a - d, -d}, rights[4] = {b, b + e, b - e, -e};
#pragma GCC unroll 4
        for (int r = 0; r < 4; ++r) {
          T* const to = m + 4 * r * plane + c;
          store(to, lefts[r]), store(to + plane, lefts[r] + rights[r]);
          store(to + 2 * plane, lefts[r] - rights[r]), store(to + 3 * plane, -rights[r]);
        }
      }
    }
  }
}

/// G^T u of four vectors: u0 + (u1 + u2) / 2, (u1 - u2) / 2, u3 + (u1 + u2) / 2.
template <class T>
KEEL_SIMD_INLINE void winograd_gt(Vector<T> a, Vector<T> b, Vector<T> c, Vector<T> d, Vector<T>* to) {
  const Vector<T> even = (b + c) * T(0.5);
  to[0] = a + even, to[1] = (b - c) * T(0.5), to[2] = even + d;
}

/// dkernel (+)= G^T u G, for the 16 matrices u of ci x co sums; dkernel has out_c values for each of 9 x ci rows.
template <class T>
void winograd_kernel_gradient(Index ci, Index co, Index out_c, const T* u, T* dkernel, bool add) {
  const Index plane = ci * co;
  for (Index c = 0; c < ci; ++c, u += co, dkernel += out_c)
    for (Index f = 0; f < co; f += lanes<T>) {
      const Tail<T> tail(co - f < lanes<T> ? co - f : lanes<T>);
      Vector<T> columns[4][3], taps[3];
#pragma GCC unroll 4
      for (int s = 0; s < 4; ++s) {
        const T* const at = u + s * plane + f;
        winograd_gt<T>(load(at, tail), load(at + 4 * plane, tail), load(at + 8 * plane, tail),
                       load(at + 12 * plane, tail), columns[s]);
      }
#pragma GCC unroll 3
      for (int r = 0; r < 3; ++r) {
        winograd_gt<T>(columns[0][r], columns[1][r], columns[2][r], columns[3][r], taps);
#pragma GCC unroll 3
        for (int s = 0; s < 3; ++s) {
          T* const to = dkernel + (r * 3 + s) * ci * out_c + f;
          store(to, add ? load(to, tail) + taps[s] : taps[s], tail);
        }
      }
    }
}
