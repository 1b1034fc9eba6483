// A 1-D signal: convolutions over the 32 years before say how many sunspots a year has. The series (1700 to 2008, the
// National Geophysical Data Center's, public domain) is cut in two: what was learned is tried on years never seen.
//
//   signal [--data FILE] [--epochs N] [--threads N]

#include <cmath>
#include <iostream>

#include <keel/io/datasets/table.hpp>
#include <keel/keel.hpp>

#include "arguments.hpp"

using namespace keel;

constexpr Index years = 32;
constexpr float unit = 100;  // sunspots

/// For each year from `first` to `last` the numbers of the years before it, (samples, years, 1), and its own, (samples, 1).
Dataset<float> windows(const std::vector<float>& series, Index first, Index last) {
  Tensor<float> before({last - first, years, 1}), next({last - first, 1});
  for (Index i = 0; i < last - first; ++i) {
    for (Index t = 0; t < years; ++t) before(i, t, 0) = series[static_cast<std::size_t>(first - years + i + t)];
    next[i] = series[static_cast<std::size_t>(first + i)];
  }
  return {before, next};
}

int main(int argc, char** argv) try {
  const Arguments arguments(argc, argv, {"--data", "--epochs", "--threads"});
  const CsvTable table = read_csv(arguments.text("--data", "examples/data/sunspots.csv"));
  std::vector<float> series;
  for (const auto& row : table.rows) series.push_back(std::stof(row[table.column("sunspots")]) / unit);
  const Index length = static_cast<Index>(series.size()), parting = length - 60;
  const Dataset<float> train = windows(series, years, parting), test = windows(series, parting, length);

  Sequential model({years, 1}, {.seed = 1, .threads = static_cast<int>(arguments.number("--threads", 2))});
  model.add(Conv1D(16, 5, {.activation = Activation::relu})).add(MaxPool1D(2));
  model.add(Conv1D(16, 5, {.activation = Activation::relu})).add(Flatten());
  model.add(Dropout(0.2)).add(Dense(1, {.kernel_regularizer = L2(1e-3)}));
  std::cout << model.summary();

  const Index epochs = arguments.number("--epochs", 100);
  fit(model, train,
      {.epochs = epochs,
       .batch_size = 16,
       .optimizer = Adam({.learning_rate = CosineDecay{3e-3, epochs * 14}}),
       .loss = "mse",
       .metrics = {"mae"},
       .stop_on_interrupt = true,
       .verbose = Verbose::silent});

  const Tensor<float> said = model.predict(test.images());
  float off = 0, off_of_last = 0;
  for (Index i = 0; i < test.size(); ++i) {
    const float truth = test.labels()[i], last = test.images()(i, years - 1, 0);
    off += std::abs(said[i] - truth) * unit / static_cast<float>(test.size());
    off_of_last += std::abs(last - truth) * unit / static_cast<float>(test.size());
    if (i % 6 == 0)
      std::cout << table.rows[static_cast<std::size_t>(parting + i)][table.column("year")] << ": " << truth * unit
                << " sunspots, the network says " << said[i] * unit << "\n";
  }
  std::cout << "off by " << off << " in a year never seen, the year before by " << off_of_last << "\n";
  return 0;
} catch (const Error& error) {
  std::cerr << error.what() << "\n";
  return 1;
}
