// CASE 0 compiles; every other case must not: mistakes that the types are there to catch.
#include <keel/keel.hpp>

using namespace keel;

void use(Sequential<float>& model, const Tensor<float>& tensor, TensorView<const float> view);
void use([[maybe_unused]] Sequential<float>& model, [[maybe_unused]] const Tensor<float>& tensor,
         [[maybe_unused]] TensorView<const float> view) {
#if CASE == 0
  model.add(Conv2D(32, 3, Conv2DOptions{}));
  model.add(Dense(10, DenseOptions{}));
  const TensorView<const float> reading = tensor;
  Tensor<double> wide = tensor.cast<double>();
#elif CASE == 1  // another layer's options
  model.add(Conv2D(32, 3, DenseOptions{}));
#elif CASE == 2
  model.add(Dense(10, Conv2DOptions{}));
#elif CASE == 3   // an option that the layer does not have
  model.add(Dense(10, {.strides = 2}));
#elif CASE == 4   // not a layer
  model.add(3);
#elif CASE == 5   // a constant tensor written through a view
  const TensorView<float> writing = tensor;
#elif CASE == 6   // a float tensor is not a double one
  Tensor<double> wide = tensor;
#elif CASE == 7   // a view that only reads
  view[0] = 1;
#elif CASE == 8   // an owning copy by accident
  Tensor<float> copy = view;
#elif CASE == 9   // a model copies by clone() only
  Sequential<float> copy = model;
#elif CASE == 10  // a double layer in a float model
  model.add(Dense<double>(10));
#endif
}
