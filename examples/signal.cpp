// A 1-D signal: convolutions over time tell a sine, a square wave and a sawtooth apart, whatever their pitch, phase and
// noise.
//
//   signal [--samples N] [--epochs N] [--threads N]

#include <cmath>
#include <iostream>

#include <keel/keel.hpp>

#include "arguments.hpp"

using namespace keel;

constexpr Index length = 128;

/// Waves of three kinds in turn, (samples, time, 1).
Dataset<float> waves(Index samples, std::uint64_t seed) {
  Tensor<float> signals({samples, length, 1}), kinds({samples});
  Rng rng(seed);
  for (Index i = 0; i < samples; ++i) {
    const double pitch = rng.uniform(2, 8) / length, phase = rng.uniform(0, 1);
    kinds[i] = static_cast<float>(i % 3);
    for (Index t = 0; t < length; ++t) {
      const double turn = pitch * static_cast<double>(t) + phase, part = turn - std::floor(turn);
      const double wave = i % 3 == 0 ? std::sin(6.283185307 * turn) : i % 3 == 1 ? (part < 0.5 ? 1 : -1) : 2 * part - 1;
      signals(i, t, 0) = static_cast<float>(wave + 0.2 * rng.normal());
    }
  }
  return {signals, kinds};
}

int main(int argc, char** argv) try {
  const Arguments arguments(argc, argv, {"--samples", "--epochs", "--threads"});
  const Dataset<float> train = waves(arguments.number("--samples", 1500), 1), test = waves(300, 2);

  Sequential model({length, 1}, {.seed = 1, .threads = static_cast<int>(arguments.number("--threads", 2))});
  model.add(Conv1D(16, 9, {.strides = 2, .activation = Activation::relu}));
  model.add(Conv1D(32, 5, {.strides = 2, .activation = Activation::relu}));
  model.add(GlobalAveragePool1D()).add(Dropout(0.2));
  model.add(Dense(3, {.activation = Activation::softmax}));
  std::cout << model.summary();

  fit(model, train,
      {.epochs = arguments.number("--epochs", 15),
       .batch_size = 32,
       .optimizer = Adam({.learning_rate = 3e-3}),
       .loss = "sparse_categorical_crossentropy",
       .metrics = {"accuracy"},
       .validation = test,
       .stop_on_interrupt = true});

  ConfusionMatrix matrix(3);
  matrix.update(model.predict(test.images()), test.labels());
  std::cout << matrix.to_string({"sine", "square", "sawtooth"});
  return 0;
} catch (const Error& error) {
  std::cerr << error.what() << "\n";
  return 1;
}
