// Regression from a CSV file: how far 32 cars of 1974 go with a gallon, from weight, power and transmission.
//
//   tabular [--data FILE] [--epochs N]

#include <iostream>

#include <keel/io/datasets/table.hpp>
#include <keel/keel.hpp>

#include "arguments.hpp"

using namespace keel;

int main(int argc, char** argv) try {
  const Arguments arguments(argc, argv, {"--data", "--epochs"});
  const CsvTable cars = read_csv(arguments.text("--data", "examples/data/cars.csv"));
  const TableEncoder encoder(cars, {.inputs = {"weight", "horsepower", "quarter_mile", "transmission"},
                                    .targets = {"mpg"},
                                    .missing = Missing::mean});
  const auto [train, test] = encoder.dataset(cars).shuffled(1).split(0.75);
  std::cout << "inputs:";
  for (const std::string& name : encoder.input_names()) std::cout << " " << name;
  std::cout << "\n" << train.images().rows(0, 3) << "\n";

  Sequential model({static_cast<Index>(encoder.input_names().size())}, {.seed = 1});
  model.add(Dense(16, {.activation = Activation::tanh, .kernel_regularizer = L2(1e-3)})).add(Dense(1));
  const Index epochs = arguments.number("--epochs", 300);
  const History history = fit(model, train,
                              {.epochs = epochs,
                               .batch_size = 8,
                               .optimizer = Adam({.learning_rate = CosineDecay{0.03, epochs * 3}}),
                               .loss = Loss::mse,
                               .metrics = {Metric::mae},
                               .validation = &test,
                               .verbose = Verbose::silent});
  const Tensor<float> said = model.predict(test.images());
  for (Index i = 0; i < test.size(); ++i)
    std::cout << test.labels()[i] << " miles a gallon, the network says " << said[i] << "\n";
  std::cout << "off by " << history["val_mae"].back() << " on cars never seen, " << history["mae"].back()
            << " on the others\n";
  return 0;
} catch (const Error& error) {
  std::cerr << error.what() << "\n";
  return 1;
}
