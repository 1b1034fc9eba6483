// A small convolutional network with BatchNorm on Fashion-MNIST: over 92 % of the test images within 10 epochs.
//
//   fashion_mnist [--data DIR] [--epochs N] [--samples N] [--seed N] [--threads N]

#include <iostream>

#include <keel/io/datasets/datasets.hpp>
#include <keel/keel.hpp>

#include "arguments.hpp"

using namespace keel;

int main(int argc, char** argv) try {
  const Arguments arguments(argc, argv, {"--data", "--epochs", "--samples", "--seed", "--threads"});
  const auto seed = static_cast<std::uint64_t>(arguments.number("--seed", 0));
  const Index epochs = arguments.number("--epochs", 8);

  auto [train, test] = datasets::fashion_mnist(arguments.text("--data", datasets::fashion_mnist_dir));
  train = train.take(arguments.number("--samples", 60000));
  train.map(Augment({.horizontal_flip = true, .seed = seed}));

  Sequential model({28, 28, 1}, {.seed = seed, .threads = static_cast<int>(arguments.number("--threads", 2))});
  for (const Index filters : {32, 64, 128}) {
    model.add(Conv2D(filters, 3, {.padding = Padding::same, .use_bias = false}));
    model.add(BatchNorm({.momentum = 0.9}));
    model.add(ReLU());
    if (filters < 128) model.add(MaxPool2D(2));
  }
  model.add(Flatten());
  model.add(Dropout(0.3));
  model.add(Dense(128, {.activation = Activation::relu}));
  model.add(Dropout(0.3));
  model.add(Dense(10));
  std::cout << model.summary() << "\n";

  const LossSpec loss{Loss::sparse_categorical_crossentropy, {.from_logits = true}};
  fit(model, train,
      {.epochs = epochs,
       .batch_size = 64,
       .optimizer = Adam({.learning_rate = CosineDecay{2e-3, epochs * (train.size() / 64 + 1)}}),
       .loss = loss,
       .metrics = {Metric::accuracy},
       .validation = &test,
       .seed = seed});
  const double accuracy = evaluate(model, test, {.loss = loss, .metrics = {Metric::accuracy}})["accuracy"];
  std::cout << "test accuracy " << 100 * accuracy << " %\n";
  return 0;
} catch (const Error& error) {
  std::cerr << error.what() << "\n";
  return 1;
}
