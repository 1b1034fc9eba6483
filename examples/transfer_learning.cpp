// A network that has learned five kinds of clothes learns the other five from a few images: its convolutions are kept and
// frozen, its end is new; then all of it is tuned, the old part with a tenth of the rate.
//
//   transfer_learning [--data DIR] [--samples N] [--few N] [--epochs N] [--threads N]

#include <iostream>

#include <keel/io/datasets/datasets.hpp>
#include <keel/keel.hpp>
#include <keel/training/keep_state.hpp>

#include "arguments.hpp"

using namespace keel;

namespace {

/// The samples of classes `first` to `first + 4`, as classes 0 to 4.
Dataset<float> classes(const Dataset<float>& data, Index first, Index most) {
  std::vector<Index> chosen;
  for (Index i = 0; i < data.size() && static_cast<Index>(chosen.size()) < most; ++i)
    if (const auto c = static_cast<Index>(data.labels()[i]); c >= first && c < first + 5) chosen.push_back(i);
  const Dataset<float> part = data.subset(chosen);
  Tensor<float> labels = part.labels();
  for (float& label : labels) label -= static_cast<float>(first);
  return {part.images(), labels};
}

}  // namespace

int main(int argc, char** argv) try {
  const Arguments arguments(argc, argv, {"--data", "--samples", "--few", "--epochs", "--threads"});
  const Index epochs = arguments.number("--epochs", 4), few = arguments.number("--few", 250);
  const auto [train, test] = datasets::fashion_mnist(arguments.text("--data", datasets::fashion_mnist_dir));
  const Dataset<float> old = classes(train, 0, arguments.number("--samples", 10000));
  const Dataset<float> fresh = classes(train, 5, few), fresh_test = classes(test, 5, 5000);

  Sequential model({28, 28, 1}, {.seed = 1, .threads = static_cast<int>(arguments.number("--threads", 2))});
  model.add(Conv2D(16, 3, {.activation = Activation::relu})).add(MaxPool2D(2));
  model.add(Conv2D(32, 3, {.activation = Activation::relu})).add(MaxPool2D(2)).add(Flatten());
  model.add(Dense(5, {.name = "clothes"}));
  const LossSpec loss{Loss::sparse_categorical_crossentropy, {.from_logits = true}};
  Optimizer<float> optimizer = Adam();
  fit(model, old, {.epochs = epochs, .optimizer = &optimizer, .loss = loss, .metrics = {Metric::accuracy}});

  Sequential head({800}, {.seed = 2});
  head.add(Dense(64, {.activation = Activation::relu, .kernel_regularizer = L2(1e-4), .name = "new"}));
  head.add(Dropout(0.3)).add(Dense(5, {.name = "shoes_and_bags"}));
  Model<float> next = model.replace_head("flatten", head);
  keep_state(optimizer, model, next);
  next.freeze_up_to(next.node("flatten"));
  std::cout << "\n" << next.summary() << "\n";
  const FitOptions<float> options{.epochs = 5 * epochs,
                                  .optimizer = &optimizer,
                                  .loss = loss,
                                  .metrics = {Metric::accuracy},
                                  .validation = &fresh_test};
  fit(next, fresh, options);

  next.freeze(Freeze::none);
  for (Parameter<float>* parameter : next.select("conv2d*")) parameter->rule.rate = 0.1;
  const History history = fit(next, fresh, options);
  std::cout << "accuracy on images never seen " << 100 * history["val_accuracy"].back() << " %\n";
  return 0;
} catch (const Error& error) {
  std::cerr << error.what() << "\n";
  return 1;
}
