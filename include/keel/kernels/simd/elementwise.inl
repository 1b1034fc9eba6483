// One operation on `count` contiguous values.

template <class T>
void add_values(Index count, const T* a, const T* b, Activation kind, T alpha, T* y) {
  for (Index i = 0; i < count; i += lanes<T>) {
    const Index left = count - i;
    store_some(y + i, activate_simple<T>(kind, alpha, load_some(a + i, left) + load_some(b + i, left)), left);
  }
}
template <class T>
void multiply_values(Index count, const T* a, const T* b, T* y) {
  for (Index i = 0; i < count; i += lanes<T>)
    store_some(y + i, load_some(a + i, count - i) * load_some(b + i, count - i), count - i);
}
template <class T>
void axpy_values(Index count, T factor, const T* x, T* y) {
  const Vector<T> f = broadcast<T>(factor);
  for (Index i = 0; i < count; i += lanes<T>)
    store_some(y + i, fma(f, load_some(x + i, count - i), load_some(y + i, count - i)), count - i);
}
