// One operation on `count` contiguous values.

template <class T>
void add_values(Index count, const T* a, const T* b, Activation kind, T alpha, T* y) {
  for (Index i = 0; i < count; i += lanes<T>) {
    const Index left = count - i;
    store_some(y + i, activate_simple<T>(kind, alpha, load_some(a + i, left) + load_some(b + i, left)), left);
  }
}
