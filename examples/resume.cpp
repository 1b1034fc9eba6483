// Training that may be killed at any time, or stopped with Ctrl-C: started again, it goes on from its checkpoint to the same bits.
//
//   resume [--data DIR] [--checkpoint FILE] [--epochs N] [--samples N] [--threads N]

#include <iostream>

#include <keel/io/datasets/datasets.hpp>
#include <keel/keel.hpp>
#include <keel/training/checkpoint.hpp>

#include "arguments.hpp"

using namespace keel;

int main(int argc, char** argv) try {
  const Arguments arguments(argc, argv, {"--data", "--checkpoint", "--epochs", "--samples", "--threads"});
  const std::string checkpoint = arguments.text("--checkpoint", "resume.safetensors");

  auto [train, test] = datasets::fashion_mnist(arguments.text("--data", datasets::fashion_mnist_dir));
  train = train.take(arguments.number("--samples", 60000));
  train.map(Augment({.horizontal_flip = true, .shift = 2}));

  Sequential model({28, 28, 1}, {.seed = 1, .threads = static_cast<int>(arguments.number("--threads", 2))});
  model.add(Conv2D(16, 3, {.activation = Activation::relu})).add(MaxPool2D(2)).add(BatchNorm());
  model.add(Flatten()).add(Dropout(0.3)).add(Dense(10));

  if (!if_exists(checkpoint).empty()) std::cout << "going on from " << checkpoint << "\n";
  const History history =
      fit(model, train,
          {.epochs = arguments.number("--epochs", 5),
           .batch_size = 64,
           .optimizer = Adam(),
           .loss = {Loss::sparse_categorical_crossentropy, {.from_logits = true}},
           .metrics = {Metric::accuracy},
           .validation = &test,
           .callbacks = {ReduceLROnPlateau<>({.patience = 2}), Checkpoint(checkpoint, {.batches = 50})},
           .resume = if_exists(checkpoint),
           .stop_on_interrupt = true});
  std::cout << history.to_csv();
  std::cout << (history.epochs.size() < static_cast<std::size_t>(arguments.number("--epochs", 5))
                    ? "stopped: start it again to go on\n"
                    : "done\n");
  return 0;
} catch (const Error& error) {
  std::cerr << error.what() << "\n";
  return 1;
}
