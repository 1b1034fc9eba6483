// A U-Net that finds discs among squares in noisy images: a mask, a class for every pixel.
//
//   unet [--samples N] [--epochs N] [--threads N]

#include <iostream>

#include <keel/keel.hpp>
#include <keel/training/metrics/mean_iou.hpp>

#include "arguments.hpp"

using namespace keel;

constexpr Index side = 32;

/// Images with a disc and a square each, and their masks: 0 ground, 1 disc, 2 square.
Dataset<float> shapes(Index samples, std::uint64_t seed) {
  Tensor<float> images({samples, side, side, 1}), masks({samples, side, side});
  Rng rng(seed);
  for (Index i = 0; i < samples; ++i) {
    const auto place = [&] { return 6 + static_cast<Index>(rng.below(side - 12)); };
    const Index disc_y = place(), disc_x = place(), square_y = place(), square_x = place();
    for (Index y = 0; y < side; ++y)
      for (Index x = 0; x < side; ++x) {
        const bool disc = (y - disc_y) * (y - disc_y) + (x - disc_x) * (x - disc_x) <= 25;
        const bool square = std::abs(y - square_y) <= 4 && std::abs(x - square_x) <= 4;
        masks(i, y, x) = disc ? 1.0f : square ? 2.0f : 0.0f;
        images(i, y, x, 0) = static_cast<float>((disc || square ? 1.0 : 0.0) + 0.3 * rng.normal());
      }
  }
  return {images, masks};
}

/// Two convolutions with BatchNorm each.
Node block(Model<float>& net, Index filters, Node x) {
  for (int i = 0; i < 2; ++i) {
    x = net.add(Conv2D(filters, 3, {.padding = Padding::same, .use_bias = false}), x);
    x = net.add(ReLU(), net.add(BatchNorm({.momentum = 0.9}), x));
  }
  return x;
}

int main(int argc, char** argv) try {
  const Arguments arguments(argc, argv, {"--samples", "--epochs", "--threads"});
  const Dataset<float> train = shapes(arguments.number("--samples", 400), 1), test = shapes(100, 2);

  Model net({.name = "unet", .seed = 1, .threads = static_cast<int>(arguments.number("--threads", 2))});
  const Node in = net.input({side, side, 1});
  const Node wide = block(net, 8, in);
  const Node half = block(net, 16, net.add(MaxPool2D(2), wide));
  Node x = block(net, 32, net.add(MaxPool2D(2), half));
  for (const Node& skip : {half, wide}) {  // up again, beside what was there at that size
    const Index filters = skip.index == half.index ? 16 : 8;
    x = net.add(Conv2DTranspose(filters, 2, {.strides = 2}), x);
    x = block(net, filters, net.add(Concatenate(), {x, skip}));
  }
  net.output(net.add(Conv2D(3, 1, {.activation = Activation::softmax}), x));

  const History history = fit(net, train,
                              {.epochs = arguments.number("--epochs", 8),
                               .batch_size = 16,
                               .optimizer = Adam({.learning_rate = 3e-3}),
                               .loss = "sparse_categorical_crossentropy",
                               .metrics = {MeanIoU()},
                               .validation = test,
                               .stop_on_interrupt = true});
  std::cout << "mean intersection over union " << history["val_mean_iou"].back() << "\n";

  const Tensor<float> classes = net.predict(test.images().rows(0, 1));
  for (Index y = 0; y < side; y += 2) {  // one mask, every other row
    for (Index k = 0, at = y * side * 3; k < side; ++k, at += 3)
      std::cout << (classes[at + 1] > 0.5f ? 'o' : classes[at + 2] > 0.5f ? '#' : '.');
    std::cout << "\n";
  }
  return 0;
} catch (const Error& error) {
  std::cerr << error.what() << "\n";
  return 1;
}
