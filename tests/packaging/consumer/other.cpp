#include <keel/keel.hpp>

keel::Sequential<float> make_model();

keel::Sequential<float> make_model() {
  using namespace keel;
  Sequential model({8, 8, 1});
  model.add(Conv2D(4, 3, {.padding = Padding::same, .activation = Activation::relu}));
  model.add(BatchNorm());
  model.add(Flatten());
  model.add(Dense(3, {.activation = Activation::softmax}));
  return model;
}
