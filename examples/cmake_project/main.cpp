// The smallest program: a network, its table and a prediction.
#include <cstdio>

#include <keel/keel.hpp>

int main() {
  using namespace keel;
  Sequential model({8, 8, 1});
  model.add(Conv2D(4, 3, {.activation = Activation::relu}));
  model.add(Flatten());
  model.add(Dense(2, {.activation = Activation::softmax}));
  std::printf("%s", model.summary().to_string().c_str());

  const Tensor<float> y = model.predict(Tensor<float>(Shape{1, 8, 8, 1}, 0.5f));
  std::printf("%.3f + %.3f = %.3f\n", static_cast<double>(y[0]), static_cast<double>(y[1]),
              static_cast<double>(y[0] + y[1]));
}
