// Learns sin(x) from samples with a small dense network, with early stopping on a validation set.

#include <cmath>
#include <iostream>

#include <keel/keel.hpp>

using namespace keel;

Dataset<float> samples(Index count, std::uint64_t seed) {
  Rng rng(seed, 0);
  Tensor x({count, 1}), y({count, 1});
  for (Index i = 0; i < count; ++i) {
    x[i] = static_cast<float>(rng.uniform(-3.14159, 3.14159));
    y[i] = std::sin(x[i]);
  }
  return {x, y};
}

int main() {
  Sequential model({1});
  model.add(Dense(64, {.activation = Activation::tanh}));
  model.add(Dense(64, {.activation = Activation::tanh}));
  model.add(Dense(1));

  const Dataset<float> train = samples(2000, 1), validation = samples(500, 2);
  const History history = fit(model, train,
                              {.epochs = 100,
                               .batch_size = 32,
                               .optimizer = Adam({.learning_rate = CosineDecay{3e-3, 100 * 63}}),
                               .loss = Loss::mse,
                               .metrics = {Metric::mae},
                               .validation = &validation,
                               .callbacks = {EarlyStopping<>({.patience = 20, .restore_best_weights = true})}});

  for (const float x : {-1.5708f, 0.0f, 0.5236f, 1.5708f}) {
    const Tensor input({1, 1}, {x});
    std::cout << "sin(" << x << ") = " << std::sin(x) << ", the network says " << model.predict(input)[0] << "\n";
  }
  const double error = evaluate(model, validation, {.loss = Loss::mse, .metrics = {Metric::mae}})["mae"];
  std::cout << "mean absolute error " << error << " after " << history.epochs.size() << " epochs\n";
  return error < 0.01 ? 0 : 1;
}
