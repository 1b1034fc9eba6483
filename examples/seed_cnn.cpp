// The question that keel answers: why does the same small network have 13,108,758 parameters in Keras and
// 13,108,694 in PyTorch? Builds it, prints both worlds' tables and the reason, trains it on Fashion-MNIST enlarged
// to 64x64, evaluates, saves, loads and compares.
//
//   seed_cnn [--data DIR] [--epochs N] [--samples N] [--output FILE]

#include <iostream>

#include <keel/keel.hpp>

#include "arguments.hpp"

using namespace keel;

int main(int argc, char** argv) try {
  const Arguments arguments(argc, argv, {"--data", "--epochs", "--samples", "--output"});
  const std::string file = arguments.text("--output", "seed_cnn.safetensors");

  Sequential model({64, 64, 1});
  model.add(Conv2D(32, 3, {.padding = Padding::same, .activation = Activation::relu}));
  model.add(BatchNorm({.momentum = 0.15}));
  model.add(Flatten());
  model.add(Dense(100, {.activation = Activation::relu}));
  model.add(Dense(10, {.activation = Activation::softmax}));

  const Summary summary = model.summary();
  std::cout << "Keras says:\n\n"
            << summary.keras() << "\nPyTorch, through torchsummary, says:\n\n"
            << summary.torchsummary() << "\nkeel says:\n\n"
            << summary << "\n";

  auto [train, test] = datasets::fashion_mnist(arguments.text("--data", datasets::fashion_mnist_dir));
  train = train.take(arguments.number("--samples", 10000)).map(Resize({64, 64}));
  test = test.take(2000).map(Resize({64, 64}));
  fit(model, train,
      {.epochs = arguments.number("--epochs", 2),
       .batch_size = 64,
       .optimizer = Adam({.learning_rate = 1e-3}),
       .loss = Loss::sparse_categorical_crossentropy,
       .metrics = {Metric::accuracy},
       .validation = &test});

  const EvaluateOptions how{.loss = Loss::sparse_categorical_crossentropy, .metrics = {Metric::accuracy}};
  std::cout << "\nOn " << test.size() << " test images: " << evaluate(model, test, how).to_string() << "\n";

  save_safetensors(model, file);
  const Model loaded = load_safetensors(file);
  const Tensor images = resize(test.images().rows(0, 16), {64, 64});
  const bool equal = loaded.predict(images) == model.predict(images);
  std::cout << "Saved to " << file << " and loaded again: predictions are "
            << (equal ? "equal, bit for bit.\n" : "DIFFERENT.\n");
  return equal ? 0 : 1;
} catch (const Error& error) {
  std::cerr << error.what() << "\n";
  return 1;
}
