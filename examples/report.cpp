// Training with a report: report.html has the curves, the confusion matrix, the images that were taken for something else,
// the filters of the first convolution and the summary. Any browser shows it, without a network.
//
//   report [--data DIR] [--epochs N] [--samples N] [--threads N] [--out FILE]

#include <iostream>

#include <keel/keel.hpp>
#include <keel/training/report.hpp>

#include "arguments.hpp"

using namespace keel;

int main(int argc, char** argv) try {
  const Arguments arguments(argc, argv, {"--data", "--epochs", "--samples", "--threads", "--out"});
  auto [train, test] = datasets::fashion_mnist(arguments.text("--data", datasets::fashion_mnist_dir));
  const Index samples = arguments.number("--samples", 60000);
  train = train.take(samples);
  test = test.take((std::min)(samples, test.size()));

  Sequential model({28, 28, 1},
                   {.name = "Fashion-MNIST", .seed = 1, .threads = static_cast<int>(arguments.number("--threads", 2))});
  model.add(Conv2D(16, 5, {.padding = Padding::same, .activation = Activation::relu})).add(MaxPool2D(2));
  model.add(BatchNorm()).add(Conv2D(32, 3, {.activation = Activation::relu})).add(MaxPool2D(2));
  model.add(Flatten()).add(Dropout(0.3)).add(Dense(10, {.activation = Activation::softmax}));

  const History history = fit(model, train,
                              {.epochs = arguments.number("--epochs", 5),
                               .batch_size = 64,
                               .optimizer = Adam(),
                               .loss = Loss::sparse_categorical_crossentropy,
                               .metrics = {Metric::accuracy},
                               .validation = &test});

  const std::string file = arguments.text("--out", "report.html");
  write_file(file, html_report(model, history, test,
                               {.title = "Fashion-MNIST, " + std::to_string(train.size()) + " images",
                                .labels = {"T-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt",
                                           "sneaker", "bag", "ankle boot"}}));
  std::cout << "open " << file << " in a browser\n";
  return 0;
} catch (const Error& error) {
  std::cerr << error.what() << "\n";
  return 1;
}
