// Compiled twice: as the unit that uses a keel object and as the one that fills or makes it.
#include <keel/tensor/tensor.hpp>

// A parameter's type is part of a function's symbol. A returned type is not: RETURNED must work or fail to link.
#ifdef RETURNED
keel::Tensor<float> make(std::int64_t size);
#else
void fill(keel::Tensor<float>& tensor);
#endif

#if UNIT == 1
int main() {
#ifdef RETURNED
  keel::Tensor<float> tensor = make(7);
#else
  keel::Tensor<float> tensor(keel::Shape{7});
  fill(tensor);
#endif
  tensor.array() += 1;
  return tensor.size() == 7 && tensor[6] == 2.5f ? 0 : 1;
}
#elif defined(RETURNED)
keel::Tensor<float> make(std::int64_t size) { return keel::Tensor<float>(keel::Shape{size}, 1.5f); }
#else
void fill(keel::Tensor<float>& tensor) { tensor.array() = 1.5f; }
#endif
