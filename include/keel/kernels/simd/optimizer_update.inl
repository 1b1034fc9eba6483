// One pass over a parameter: vector after vector, each slot read and written once.

// The clipped gradient with its L2 decay; w with its decoupled decay.
template <class T>
KEEL_SIMD_INLINE Vector<T> decayed_gradient(const GradientRule<T>& rule, const T* gradient, Vector<T>& w) {
  const Vector<T> limit = broadcast(rule.limit);
  Vector<T> g = load(gradient) * broadcast(rule.scale);
  g = select<T>(g > limit, limit, g);
  g = select<T>(g < -limit, -limit, g);
  if (rule.l2 != 0) g = fma(w, broadcast(rule.l2), g);
  if (rule.keep != 1) w = w * broadcast(rule.keep);
  return g;
}

// `count` is a multiple of lanes<T>.
template <class T>
void update_vectors(const MomentumUpdate<T>& u, Index count, const T* gradient, T* w, T* const* slots) {
  T* const m = slots[0];
  for (Index i = 0; i < count; i += lanes<T>) {
    Vector<T> value = load(w + i);
    const Vector<T> g = decayed_gradient(u.gradient, gradient + i, value);
    if (m != nullptr) {
      const Vector<T> now = fma(load(m + i), broadcast(u.old), g * broadcast(u.fresh));
      store(m + i, now);
      value = fma(now, broadcast(u.of_momentum), value);
    }
    if (u.of_gradient != 0) value = fma(g, broadcast(u.of_gradient), value);
    store(w + i, value);
  }
}

template <class T>
void update_vectors(const AdamUpdate<T>& u, Index count, const T* gradient, T* w, T* const* slots) {
  T *const m = slots[0], *const v = slots[1], *const top = slots[2];
  for (Index i = 0; i < count; i += lanes<T>) {
    Vector<T> value = load(w + i);
    const Vector<T> g = decayed_gradient(u.gradient, gradient + i, value);
    const Vector<T> old_m = load(m + i), old_v = load(v + i);
    const Vector<T> mean = fma(g - old_m, broadcast(u.fresh_1), old_m);
    Vector<T> variance = fma(g * g - old_v, broadcast(u.fresh_2), old_v);
    store(m + i, mean);
    store(v + i, variance);
    if (top != nullptr) {
      variance = maximum<T>(load(top + i), variance);
      store(top + i, variance);
    }
    const Vector<T> root = fma(square_root(variance), broadcast(u.root), broadcast(u.epsilon));
    store(w + i, value - broadcast(u.step) * mean / root);
  }
}

template <class T>
void update_vectors(const RMSpropUpdate<T>& u, Index count, const T* gradient, T* w, T* const* slots) {
  T *const v = slots[0], *const momentum = slots[1], *const average = slots[2];
  for (Index i = 0; i < count; i += lanes<T>) {
    Vector<T> value = load(w + i);
    const Vector<T> g = decayed_gradient(u.gradient, gradient + i, value);
    Vector<T> variance = fma(load(v + i), broadcast(u.old), g * g * broadcast(u.fresh));
    store(v + i, variance);
    if (average != nullptr) {
      const Vector<T> mean = fma(load(average + i), broadcast(u.old), g * broadcast(u.fresh));
      store(average + i, mean);
      variance = variance - mean * mean;
    }
    const Vector<T> root = square_root(variance + broadcast(u.epsilon_inside)) + broadcast(u.epsilon_outside);
    Vector<T> d = broadcast(u.before) * g / root;
    if (momentum != nullptr) {
      d = fma(load(momentum + i), broadcast(u.momentum), d);
      store(momentum + i, d);
    }
    store(w + i, value - broadcast(u.after) * d);
  }
}

// Any count: what is left after the last full vector goes through copies that are full vectors.
template <class T, class Update>
void optimizer_update(const Update& update, Index count, const T* gradient, T* w, T* const* slots) {
  const Index whole = count / lanes<T> * lanes<T>;
  if (whole > 0) update_vectors(update, whole, gradient, w, slots);
  if (whole == count) return;
  T rest[5][static_cast<std::size_t>(lanes<T>)] = {};
  T* copies[3];
  for (int k = 0; k < 3; ++k) copies[k] = slots[k] == nullptr ? nullptr : rest[k];
  for (Index i = whole; i < count; ++i) {
    rest[3][i - whole] = w[i];
    rest[4][i - whole] = gradient[i];
    for (int k = 0; k < 3; ++k)
      if (slots[k] != nullptr) rest[k][i - whole] = slots[k][i];
  }
  update_vectors(update, lanes<T>, rest[4], rest[3], copies);
  for (Index i = whole; i < count; ++i) {
    w[i] = rest[3][i - whole];
    for (int k = 0; k < 3; ++k)
      if (slots[k] != nullptr) slots[k][i] = rest[k][i - whole];
  }
}
