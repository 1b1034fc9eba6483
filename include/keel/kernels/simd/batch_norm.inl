// Batch normalisation over the rows of (rows, channels). Per-channel arrays have their length rounded up to 16.

/// Rows that are done together, so that per-channel values are loaded once, and how far ahead they are fetched.
inline constexpr Index rows_together = 4, rows_ahead = 8;

/// sums[c] += d and squares[c] += d^2 with d = x[i, c] - shift[c], for i = 0, 1, ...
template <class T>
void batch_norm_add(Index rows, Index channels, const T* x, const double* shift, double* sums, double* squares) {
  for (Index i = 0; i < rows; i += rows_at_once) {
    const Index end = rows - i < rows_at_once ? rows : i + rows_at_once;
    const Index ahead = rows - i < 2 * rows_at_once ? 0 : rows_at_once * channels;
    for (Index c = 0; c < channels; c += lanes<T>) {
      const Wide<T> k = load_wide<T>(shift + c);
      Wide<T> s = load_wide<T>(sums + c), q = load_wide<T>(squares + c);
      for (Index r = i; r < end; ++r) {
        const T* const from = x + r * channels + c;
        prefetch(from + ahead);
        const Wide<T> value = widen(load_some(from, channels - c));
        for (unsigned p = 0; p < Wide<T>::parts; ++p) {
          const Vector<double> d = value.part[p] - k.part[p];
          s.part[p] = s.part[p] + d;
          q.part[p] = fma(d, d, q.part[p]);
        }
      }
      store_wide<T>(sums + c, s);
      store_wide<T>(squares + c, q);
    }
  }
}

template <class T>
KEEL_SIMD_INLINE Vector<T> batch_norm_value(const detail::BatchNormChannels<T>& by, Index c, Vector<T> x) {
  return fma(x - load(by.high + c) - load(by.low + c), load(by.factor + c), load(by.offset + c));
}

/// y = activation(z + residual), a simple activation.
template <class T>
void batch_norm_apply(Index rows, Index channels, const T* x, const detail::BatchNormChannels<T>& by, const T* residual,
                      Activation kind, T alpha, T* y) {
  const Index together = channels < 128 ? 128 / (channels + 1) + 1 : 1;  // memory in its own order is faster
  for (Index i = 0; i < rows; i += together) {
    const Index end = rows - i < together ? rows : i + together;
    for (Index c = 0; c < channels; c += lanes<T>)
      for (Index r = i; r < end; ++r) {
        const Index at = r * channels + c, left = channels - c, next = at + 512 < rows * channels ? at + 512 : at;
        prefetch(x + next);
        prefetch_to_write(y + next);
        Vector<T> z = batch_norm_value(by, c, load_some(x + at, left));
        if (residual) z = z + load_some(residual + at, left);
        store_some(y + at, activate_simple<T>(kind, alpha, z), left);
      }
  }
}

/// g = dy * activation'(z + residual), z computed as in the forward pass.
template <class T>
KEEL_SIMD_INLINE Vector<T> batch_norm_gradient(const detail::BatchNormChannels<T>& by, Index c, Vector<T> x,
                                               const T* residual, Activation kind, T alpha, Vector<T> dy, Index left) {
  if (kind == Activation::linear) return dy;
  Vector<T> z = batch_norm_value(by, c, x);
  if (residual) z = z + load_some(residual, left);
  return activate_simple_backward<T>(kind, alpha, z, dy);
}

/// sums[c] += g and dots[c] += g (x[i, c] - mean[c]), for i = 0, 1, ...; g_out = g where not null. A few rows are
/// summed as T before they are added as doubles.
template <class T>
void batch_norm_add_gradients(Index rows, Index channels, const T* x, const detail::BatchNormChannels<T>& by,
                              const T* residual, Activation kind, T alpha, const T* dy, T* g_out, double* sums,
                              double* dots) {
  for (Index i = 0; i < rows; i += rows_at_once) {
    const Index end = rows - i < rows_at_once ? rows : i + rows_at_once;
    const Index ahead = rows - i < 2 * rows_at_once ? 0 : rows_at_once * channels;
    for (Index c = 0; c < channels; c += lanes<T>) {
      Vector<T> sum{}, dot{};
      for (Index r = i; r < end; ++r) {
        const Index at = r * channels + c, left = channels - c;
        prefetch(x + at + ahead);
        prefetch(dy + at + ahead);
        const Vector<T> value = load_some(x + at, left);
        const Vector<T> g = batch_norm_gradient(by, c, value, residual ? residual + at : nullptr, kind, alpha,
                                                load_some(dy + at, left), left);
        if (g_out) store_some(g_out + at, g, left);
        sum = sum + g;
        dot = fma(g, value - load(by.high + c) - load(by.low + c), dot);
      }
      add_wide<T>(sums + c, sum);
      add_wide<T>(dots + c, dot);
    }
  }
}

/// dx = scale[c] (g - first[c] - (x - mean) second[c]), or scale[c] g where `second` is null.
template <class T>
void batch_norm_apply_gradients(Index rows, Index channels, const T* x, const detail::BatchNormChannels<T>& by,
                                const T* residual, Activation kind, T alpha, const T* dy, const T* scale,
                                const T* first, const T* second, T* dx) {
  for (Index i = 0; i < rows; i += rows_together) {
    const Index end = rows - i < rows_together ? rows : i + rows_together;
    const Index ahead = rows - i < rows_together + rows_ahead ? 0 : rows_ahead * channels;
    for (Index c = 0; c < channels; c += lanes<T>)
      for (Index r = i; r < end; ++r) {
        const Index at = r * channels + c, left = channels - c;
        prefetch(x + at + ahead);
        prefetch(dy + at + ahead);
        prefetch_to_write(dx + at + ahead);
        const Vector<T> value = load_some(x + at, left);
        Vector<T> g = batch_norm_gradient(by, c, value, residual ? residual + at : nullptr, kind, alpha,
                                          load_some(dy + at, left), left);
        if (second) {
          const Vector<T> centred = value - load(by.high + c) - load(by.low + c);
          g = g - load(first + c) - centred * load(second + c);
        }
        store_some(dx + at, load(scale + c) * g, left);
      }
  }
}
