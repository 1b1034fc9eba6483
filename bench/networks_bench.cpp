// Inference and training steps of the five networks, and of five that are of one kind of layer each. Before it is timed, a network's output is compared with that
// of the same network in double, run layer by layer.

#include <cmath>
#include <cstdio>
#include <cstdlib>

#include <benchmark/benchmark.h>

#include <keel/training/losses/losses.hpp>
#include <keel/training/optimizers/optimizers.hpp>

#include "layer_networks.hpp"
#include "networks.hpp"

using namespace keel;

namespace {

struct Case {
  const char* name;
  Index batch;         // beside 1
  double rate = 1e-3;  // of learning
};
constexpr Case cases[] = {{"seed", 32},  {"mnist", 32}, {"resnet20", 32}, {"mbv1", 8},          {"resnet18", 8},
                          {"conv1d", 1}, {"lstm", 32},  {"gru", 32},      {"encoder", 8, 1e-4}, {"unet", 8}};

template <class T>
Model<T> make(const std::string& name, int threads, bool softmax = true) {
  for (const char* const own : {"conv1d", "lstm", "gru", "encoder", "unet"})
    if (name == own) return layer_networks::make<T>(name, threads);
  return networks::make<T>(name, threads, softmax);
}

Tensor<float> images(const Shape& sample, Index batch) {
  Tensor<float> x(sample.with_batch(batch));
  Rng rng(3, 1);
  for (float& value : x) value = static_cast<float>(rng.normal());
  return x;
}

/// Largest deviation from the network in double, as a share of the largest output.
double deviation(Model<float>& model, const char* name) {
  Model<double> reference = make<double>(name, 1);
  const auto& from = model.parameters();
  const auto& to = reference.parameters();
  for (std::size_t i = 0; i < from.size(); ++i) to[i]->set(from[i]->value().template cast<double>());
  const Tensor<float> x = images(model.input_shape(), 1);
  const Tensor<double> wide = x.cast<double>();
  Tape<double> tape;
  const TensorView<const double> want = reference.forward(wide, tape, false);
  const Tensor<float> got = model.predict(x);
  double error = 0, largest = 0;
  for (Index i = 0; i < got.size(); ++i) {
    error = std::max(error, std::abs(static_cast<double>(got[i]) - want[i]));
    largest = std::max(largest, std::abs(want[i]));
  }
  return error / largest;
}

void infer(benchmark::State& state, const char* name, Index batch) {
  Model<float> model = make<float>(name, default_threads());
  if (const double error = deviation(model, name); !(error < 1e-4)) {
    state.SkipWithError(("output differs from the reference by " + std::to_string(error)).c_str());
    return;
  }
  const Tensor<float> x = images(model.input_shape(), batch);
  Tensor<float> y(model.output_shape().with_batch(batch));
  model.predict(x, y);
  for (auto _ : state) {
    model.predict(x, y);
    benchmark::DoNotOptimize(y.data());
  }
}

void train(benchmark::State& state, const char* name, Index batch, double rate) {
  Model<float> model = make<float>(name, default_threads(), false);
  const Shape scores = model.output_shape();
  const Tensor<float> x = images(model.input_shape(), batch);
  Tensor<float> labels(Shape(scores.dims().first(to_size(scores.rank() - 1))).with_batch(batch)), dy;
  Rng rng(5, 1);
  for (float& label : labels) label = static_cast<float>(rng.below(scores.back()));
  const LossSpec loss{Loss::sparse_categorical_crossentropy, {.from_logits = true}};
  Optimizer<float> optimizer(Adam({.learning_rate = rate}));
  Tape<float> tape;
  double first = 0, last = 0;
  const auto step = [&] {
    const TensorView<const float> y = model.forward(x, tape);
    last = loss.value_and_gradient(y, labels, dy);
    model.backward(dy, tape);
    optimizer.step(model.parameters(), model.thread_pool());
    return last;
  };
  first = step();
  step();
  for (auto _ : state) step();
  if (!(last < first)) state.SkipWithError("the loss did not fall");
  state.SetLabel("tape " + std::to_string(tape.bytes() / 1000000) + " MB");
}

}  // namespace

int main(int argc, char** argv) {
  for (const Case& c : cases) {
    for (const Index batch : c.batch == 1 ? std::vector<Index>{1} : std::vector<Index>{1, c.batch})
      benchmark::RegisterBenchmark((std::string(c.name) + "/infer/b=" + std::to_string(batch)).c_str(), infer, c.name,
                                   batch)
          ->Unit(benchmark::kMillisecond);
    benchmark::RegisterBenchmark((std::string(c.name) + "/train/b=" + std::to_string(c.batch)).c_str(), train, c.name,
                                 c.batch, c.rate)
        ->Unit(benchmark::kMillisecond);
  }
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
}
