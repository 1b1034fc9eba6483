// An autoencoder of Fashion-MNIST: images become 32 numbers and images again; then the encoder is used alone, to find the
// images that are most like one.
//
//   autoencoder [--data DIR] [--samples N] [--epochs N] [--threads N]

#include <iostream>

#include <keel/io/datasets/datasets.hpp>
#include <keel/keel.hpp>

#include "arguments.hpp"

using namespace keel;

int main(int argc, char** argv) try {
  const Arguments arguments(argc, argv, {"--data", "--samples", "--epochs", "--threads"});
  const auto [train, test] = datasets::fashion_mnist(arguments.text("--data", datasets::fashion_mnist_dir));
  const Dataset<float> images = train.take(arguments.number("--samples", 20000));

  Sequential model({28, 28, 1}, {.seed = 1, .threads = static_cast<int>(arguments.number("--threads", 2))});
  model.add(Flatten());
  model.add(Dense(128, {.activation = Activation::relu})).add(Dense(32, {.name = "code"}));
  model.add(Dense(128, {.activation = Activation::relu})).add(Dense(784, {.activation = Activation::sigmoid}));
  model.add(Reshape({28, 28, 1}));
  const Dataset<float> itself(images.images(), images.images());
  const History history = fit(model, itself,
                              {.epochs = arguments.number("--epochs", 10),
                               .batch_size = 128,
                               .optimizer = Adam(),
                               .loss = Loss::binary_crossentropy,
                               .metrics = {Metric::mse}});
  std::cout << "mean squared error of a pixel " << history["mse"].back() << "\n";

  // the same weights: were the model trained further, this encoder would follow
  const Model<float> encoder = model.truncate("code", PartWeights::shared);
  const Tensor<float> codes = encoder.predict(images.images());
  Index right = 0;
  const Index queries = 200;
  for (Index q = 0; q < queries; ++q) {
    const Tensor<float> code = encoder.predict(test.images().rows(q, 1));
    Index nearest = 0;
    float least = 1e30f;
    for (Index i = 0; i < images.size(); ++i) {
      const float distance = (codes.rows(i, 1).array() - code.array()).square().sum();
      if (distance < least) {
        least = distance;
        nearest = i;
      }
    }
    right += images.labels()[nearest] == test.labels()[q];
  }
  std::cout << "of " << queries << " images never seen, " << right << " have a nearest code of their own class\n";
  return 0;
} catch (const Error& error) {
  std::cerr << error.what() << "\n";
  return 1;
}
