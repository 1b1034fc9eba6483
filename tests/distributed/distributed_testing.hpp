#pragma once
/// Networks, data and runs that are the same on one rank and on several.

#include <string>
#include <vector>

#include <keel/distributed/threads.hpp>
#include <keel/keel.hpp>

namespace distributed_testing {

using namespace keel;

/// Images of noise, brighter in a place that their class decides.
template <class T>
Dataset<T> images(Index count, std::uint64_t seed = 1) {
  Tensor<T> x({count, 8, 8, 1}), labels({count});
  Rng rng(seed);
  for (Index i = 0; i < count; ++i) {
    const Index label = rng.below(4);
    labels[i] = static_cast<T>(label);
    for (Index p = 0; p < 64; ++p)
      x[i * 64 + p] = static_cast<T>(rng.uniform() + (p / 32 == label / 2 && p % 8 / 4 == label % 2 ? 0.5 : 0));
  }
  return {x, labels};
}

inline BatchNormOptions norm(bool synchronized, bool torch = false) {
  BatchNormOptions options = torch ? BatchNormOptions::torch() : BatchNormOptions::keras();
  options.synchronized = synchronized;
  return options;
}

/// Convolution, BatchNorm, dense layers: the network of README, small.
template <class T>
Sequential<T> plain(const BatchNormOptions& options = norm(true)) {
  Sequential<T> model({8, 8, 1}, {.seed = 3});
  model.add(Conv2D<T>(4, 3, {.padding = Padding::same, .activation = Activation::relu}));
  model.add(BatchNorm<T>(options));
  model.add(Flatten<T>());
  model.add(Dense<T>(16, {.activation = Activation::relu}));
  model.add(Dense<T>(4, {.activation = Activation::softmax}));
  return model;
}

/// Two residual blocks. The activations are smooth: where rounding decides a ReLU, a weight jumps.
template <class T>
Model<T> residual(const BatchNormOptions& options = norm(true)) {
  Model<T> model({.seed = 5});
  const Conv2DOptions same{.padding = Padding::same, .use_bias = false};
  const Node x = model.input({8, 8, 1});
  Node y = model.add(Conv2D<T>(4, 3, same), x);
  for (int block = 0; block < 2; ++block) {
    Node z = model.add(BatchNorm<T>(options), y);
    z = model.add(ActivationLayer<T>(Activation::tanh), z);
    z = model.add(Conv2D<T>(4, 3, same), z);
    z = model.add(BatchNorm<T>(options), z);
    y = model.add(Add<T>(), {y, z});
  }
  y = model.add(GlobalAveragePool2D<T>(), model.add(ActivationLayer<T>(Activation::tanh), y));
  model.output(model.add(Dense<T>(4, {.activation = Activation::softmax}), y));
  return model;
}

/// What a run leaves: values of all parameters, and the scores of each epoch.
struct Outcome {
  std::vector<double> values;
  History history;
};

template <class T>
std::vector<double> values_of(Model<T>& model) {
  std::vector<double> values;
  for (const auto* parameter : model.parameters())
    values.insert(values.end(), parameter->value().begin(), parameter->value().end());
  return values;
}

/// The largest difference of values, and of scores.
inline double difference(const Outcome& a, const Outcome& b) {
  double most = a.values.size() == b.values.size() && a.history.scores.size() == b.history.scores.size() ? 0 : HUGE_VAL;
  for (std::size_t i = 0; i < a.values.size() && most < HUGE_VAL; ++i)
    most = (std::max)(most, std::abs(a.values[i] - b.values[i]));
  for (std::size_t e = 0; e < a.history.scores.size() && most < HUGE_VAL; ++e)
    for (const auto& [name, value] : a.history.scores[e].entries()) {
      const double other = b.history.scores[e][name];
      if (!(value != value && other != other)) most = (std::max)(most, std::abs(value - other));
    }
  return most;
}

/// On one rank, or as one of several; with validation on the same data.
template <class T>
Outcome train(Model<T> model, const Dataset<T>& data, FitOptions<T> options, Communicator* ranks = nullptr,
              bool validates = true) {
  options.verbose = Verbose::silent;
  Outcome outcome;
  if (ranks) {
    options.communicator = ranks;
    if (validates) options.validation = ranks->shard(data);
    outcome.history = fit(model, ranks->shard(data), options);
  } else {
    if (validates) options.validation = &data;
    outcome.history = fit(model, data, options);
  }
  outcome.values = values_of(model);
  return outcome;
}

/// The same on `ranks` threads, with a part of each batch on each.
template <class T, class Build>
std::vector<Outcome> train_together(Index ranks, Build&& build, const Dataset<T>& data, FitOptions<T> options,
                                    std::size_t bucket_bytes = ThreadRanksOptions().bucket_bytes) {
  options.batch_size /= ranks;
  std::vector<Outcome> outcomes(to_size(ranks));
  ThreadRanks(ranks, {.timeout = 300, .bucket_bytes = bucket_bytes}).run([&](Communicator& rank) {
    nth(outcomes, rank.rank()) = train<T>(build(), data, options, &rank);
  });
  return outcomes;
}

}  // namespace distributed_testing
