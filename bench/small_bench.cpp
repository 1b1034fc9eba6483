// Networks so small that what a call costs beside its arithmetic counts: predict of one sample into the caller's
// memory. The perceptrons are also written by hand in Eigen, and compared with that before they are timed.

#include <cmath>
#include <string>

#include <benchmark/benchmark.h>

#include <keel/layers/conv2d.hpp>
#include <keel/layers/dense.hpp>
#include <keel/layers/flatten.hpp>
#include <keel/layers/max_pool2d.hpp>
#include <keel/model/sequential.hpp>

using namespace keel;

namespace {

Tensor<float> sample(const Shape& shape) {
  Tensor<float> x(shape.with_batch(1));
  Rng rng(3, 1);
  for (float& value : x) value = static_cast<float>(rng.normal());
  return x;
}

void predict(benchmark::State& state, const Sequential<float>& model) {
  const Tensor<float> x = sample(model.input_shape());
  Tensor<float> y(model.output_shape().with_batch(1));
  model.predict(x, y);
  for (auto _ : state) {
    model.predict(x, y);
    benchmark::DoNotOptimize(y.data());
  }
}

Sequential<float> perceptron(const std::vector<Index>& units, Activation activation) {
  Sequential<float> model({units[0]});
  for (std::size_t i = 1; i < units.size(); ++i)
    model.add(Dense(units[i], {.activation = i + 1 < units.size() ? activation : Activation::linear}));
  return model;
}

void perceptron(benchmark::State& state, const std::vector<Index>& units, Activation activation) {
  predict(state, perceptron(units, activation));
}

/// The same in Eigen: y = W x + b layer by layer, no memory allocated.
void by_hand(benchmark::State& state, const std::vector<Index>& units, Activation activation) {
  using Matrix = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic>;
  using Vector = Eigen::VectorXf;
  const Sequential<float> model = perceptron(units, activation);
  std::vector<Matrix> weights;
  std::vector<Vector> biases, values;
  for (const Parameter<float>* p : model.parameters()) {
    if (p->value().rank() == 2)
      weights.push_back(p->value().matrix().transpose());
    else
      biases.push_back(p->value().array().matrix());
  }
  for (const Vector& bias : biases) values.push_back(bias);
  const Tensor<float> x = sample(model.input_shape());
  Vector input = x.array().matrix();
  const auto run = [&] {
    for (std::size_t i = 0; i < weights.size(); ++i) {
      values[i] = biases[i];
      values[i].noalias() += weights[i] * (i == 0 ? input : values[i - 1]);
      if (i + 1 == weights.size()) break;
      if (activation == Activation::relu)
        values[i] = values[i].cwiseMax(0.0f);
      else
        values[i] = values[i].array().tanh().matrix();
    }
    benchmark::DoNotOptimize(values.back().data());
  };
  run();
  const Tensor<float> y = model.predict(x);
  for (Index i = 0; i < y.size(); ++i)
    if (!(std::abs(y[i] - values.back()[i]) < 1e-4f)) return state.SkipWithError("keel and Eigen differ");
  for (auto _ : state) run();
}

/// Conv2D(c, 3) relu, MaxPool2D(2), Flatten, Dense(10) on 28 x 28 x 1.
void digits(benchmark::State& state) {
  Sequential<float> model({28, 28, 1});
  model.add(Conv2D(state.range(0), 3, {.activation = Activation::relu}));
  model.add(MaxPool2D(2));
  model.add(Flatten());
  model.add(Dense(10));
  predict(state, model);
}

/// A 3 x 3 convolution, same, of c channels to c at 14 x 14.
void square(benchmark::State& state) {
  Sequential<float> model({14, 14, state.range(0)});
  model.add(Conv2D(state.range(0), 3, {.padding = Padding::same}));
  predict(state, model);
}

}  // namespace

BENCHMARK_CAPTURE(perceptron, 4_16_16_3, {4, 16, 16, 3}, Activation::relu);
BENCHMARK_CAPTURE(by_hand, 4_16_16_3, {4, 16, 16, 3}, Activation::relu);
BENCHMARK_CAPTURE(perceptron, 64_64_64_64_tanh, {64, 64, 64, 64}, Activation::tanh);
BENCHMARK_CAPTURE(by_hand, 64_64_64_64_tanh, {64, 64, 64, 64}, Activation::tanh);
BENCHMARK_CAPTURE(perceptron, 32_128_128_8, {32, 128, 128, 8}, Activation::relu);
BENCHMARK_CAPTURE(by_hand, 32_128_128_8, {32, 128, 128, 8}, Activation::relu);
BENCHMARK(digits)->Arg(4)->Arg(8)->Arg(12)->Arg(16)->Arg(20)->Arg(24)->Arg(32);
BENCHMARK(square)->Arg(4)->Arg(8)->Arg(12)->Arg(16)->Arg(20)->Arg(24)->Arg(32);

BENCHMARK_MAIN();
