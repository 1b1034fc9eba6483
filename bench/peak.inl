// What the core can do: 12 independent chains of fused multiply-adds, with nothing else to do.
// Returns the number of floating-point operations in `rounds` rounds.
template <class T>
double fma_chains(Index rounds, T* result) {
  Vector<T> sum[12];
  for (int i = 0; i < 12; ++i) sum[i] = broadcast(T(i));
  const Vector<T> a = load(result), b = load(result + lanes<T>);
  for (Index r = 0; r < rounds; ++r) {
#pragma GCC unroll 12
    for (int i = 0; i < 12; ++i) sum[i] = fma(sum[i], a, b);
  }
  for (int i = 0; i < 12; ++i) store(result + 2 * lanes<T>, load(result + 2 * lanes<T>) + sum[i]);
  return static_cast<double>(rounds) * 12 * 2 * lanes<T>;
}
// Adds up all values, so many that they come from memory.
template <class T>
void read_all(Index count, const T* values, T* result) {
  Vector<T> sum[8] = {};
  for (Index i = 0; i + 8 * lanes<T> <= count; i += 8 * lanes<T>) {
#pragma GCC unroll 8
    for (int v = 0; v < 8; ++v) sum[v] = sum[v] + load(values + i + v * lanes<T>);
  }
  for (int v = 1; v < 8; ++v) sum[0] = sum[0] + sum[v];
  T parts[lanes<T>];
  store(parts, sum[0]);
  for (const T part : parts) *result += part;
}
