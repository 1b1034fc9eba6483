// ResNet-20 (He et al. 2015), built as a graph and trained for a moment on Fashion-MNIST: three stages of three
// blocks, each two convolutions and a shortcut that skips them.
//
//   residual [--data DIR] [--epochs N] [--samples N] [--threads N]

#include <iostream>

#include <keel/io/datasets/datasets.hpp>
#include <keel/keel.hpp>

#include "arguments.hpp"

using namespace keel;

Node convolve(Model<float>& net, Node x, Index filters, Index kernel, Index stride) {
  x = net.add(Conv2D(filters, kernel, {.strides = stride, .padding = Padding::same, .use_bias = false}), x);
  return net.add(BatchNorm({.momentum = 0.9, .epsilon = 1e-5}), x);
}

Node block(Model<float>& net, Node x, Index filters, Index stride) {
  Node y = net.add(ReLU(), convolve(net, x, filters, 3, stride));
  y = convolve(net, y, filters, 3, 1);
  if (stride != 1) x = convolve(net, x, filters, 1, stride);
  return net.add(ReLU(), net.add(Add(), {y, x}));
}

int main(int argc, char** argv) try {
  const Arguments arguments(argc, argv, {"--data", "--epochs", "--samples", "--threads"});
  Model net({.name = "resnet20", .threads = static_cast<int>(arguments.number("--threads", 2))});
  Node x = net.input({28, 28, 1});
  x = net.add(ReLU(), convolve(net, x, 16, 3, 1));
  for (const Index stage : {0, 1, 2})
    for (const Index i : {0, 1, 2}) x = block(net, x, Index{16} << stage, stage > 0 && i == 0 ? 2 : 1);
  net.output(net.add(Dense(10), net.add(GlobalAveragePool2D(), x)));
  std::cout << net.summary() << "\n";

  auto [train, test] = datasets::fashion_mnist(arguments.text("--data", datasets::fashion_mnist_dir));
  train = train.take(arguments.number("--samples", 10000));
  test = test.take(2000);
  const LossSpec loss{Loss::sparse_categorical_crossentropy, {.from_logits = true}};
  fit(net, train,
      {.epochs = arguments.number("--epochs", 2),
       .batch_size = 64,
       .optimizer = SGD({.learning_rate = 0.05, .momentum = 0.9, .nesterov = true}),
       .loss = loss,
       .metrics = {Metric::accuracy},
       .validation = &test});
  return 0;
} catch (const Error& error) {
  std::cerr << error.what() << "\n";
  return 1;
}
