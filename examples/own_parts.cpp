// A loss, a metric and a callback of one's own: the range in which a car's consumption lies with 80 %, from its weight and power.
//
//   own_parts [--data FILE] [--epochs N]

#include <iostream>

#include <keel/io/datasets/table.hpp>
#include <keel/keel.hpp>

#include "arguments.hpp"

using namespace keel;

namespace {

/// Two outputs, the 10 % and the 90 % quantile: each side of a quantile q weighs q and 1 - q. Targets are the value, twice.
struct Pinball : Loss {
  std::string name() const override { return "pinball"; }
  Rows evaluate(const Rows& y, const Rows& t, Rows* dy) const override {
    Rows loss = t - y;
    if (dy) dy->resize(y.rows(), y.cols());
    for (Index i = 0; i < y.rows(); ++i)
      for (Index c = 0; c < 2; ++c) {
        const double q = c == 0 ? 0.1 : 0.9, slope = loss(i, c) > 0 ? q : q - 1;
        if (dy) (*dy)(i, c) = -slope;
        loss(i, c) *= slope;
      }
    return loss;
  }
};

/// The part of the values that lie within their range.
struct Covered : Metric {
  std::string name() const override { return "covered"; }
  void update(const Rows& y, const Rows& t) override {
    add((t.col(0) > y.col(0) && t.col(0) < y.col(1)).count(), y.rows());
  }
};

/// Says how training goes, every so many epochs; where it resumes a checkpoint, it goes on counting.
struct Report : Callback<float> {
  explicit Report(Index each) : every(each) {}
  void on_epoch_end(Training<float>& run) override {
    if (++epochs % every == 0) std::cout << "epoch " << epochs << ": " << run.scores.to_string() << "\n";
  }
  void remember(Memory& memory) override { memory("epochs", epochs); }
  Index every, epochs = 0;
};

}  // namespace

int main(int argc, char** argv) try {
  const Arguments arguments(argc, argv, {"--data", "--epochs"});
  const CsvTable cars = read_csv(arguments.text("--data", "examples/data/cars.csv"));
  const Dataset<float> data =
      TableEncoder(cars, {.inputs = {"weight", "horsepower"}, .targets = {"mpg"}}).dataset(cars);
  Tensor<float> twice({data.size(), 2});
  for (Index i = 0; i < data.size(); ++i) twice(i, 0) = twice(i, 1) = data.labels()[i];

  Sequential model({2}, {.seed = 1});
  model.add(Dense(16, {.activation = Activation::tanh})).add(Dense(2));
  const Index epochs = arguments.number("--epochs", 400);
  fit(model, {data.images(), twice},
      {.epochs = epochs,
       .batch_size = 8,
       .optimizer = Adam({.learning_rate = 0.03}),
       .loss = Pinball(),
       .metrics = {Covered()},
       .callbacks = {Report((std::max)(epochs / 4, Index{1}))},
       .verbose = Verbose::silent});
  const Tensor<float> ranges = model.predict(data.images().rows(0, 3));
  std::cout << "the first three cars lie between\n" << ranges << "\nand are at\n" << twice.rows(0, 3) << "\n";
  return 0;
} catch (const Error& error) {
  std::cerr << error.what() << "\n";
  return 1;
}
