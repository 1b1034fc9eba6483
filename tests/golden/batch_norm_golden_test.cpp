#include <doctest/doctest.h>

#include <keel/layers/batch_norm.hpp>
#include <keel/model/model.hpp>

#include "support/golden.hpp"

namespace {

using namespace keel;

template <class T>
void replay(const golden::File& file, const std::string& name, const golden::Settings& settings) {
  CAPTURE(name);
  const auto get = [&](const std::string& key) { return file.tensor<T>(name + "/" + key); };
  const auto want = [&](const std::string& key) { return file.tensor(name + "/" + key); };
  const bool affine = settings.flag("scale");
  BatchNormOptions options{.momentum = 0, .epsilon = settings.number("epsilon"), .center = affine, .scale = affine};
  options.cumulative = settings.text("momentum") == "cumulative";
  if (!options.cumulative) options.momentum = settings.number("momentum");
  if (settings.text("variance") == "bessel") options.moving_variance = MovingVariance::unbiased;

  const Tensor<T> x = get("x"), dy = get("dy");
  Model<T> model;
  model.output(model.add(BatchNorm<T>(options), model.input(x.shape().sample().sample())));
  Layer<T>& layer = model.layer(0);
  const auto parameter = [&](const std::string& key) -> Parameter<T>& {
    for (Parameter<T>* p : layer.parameters())
      if (p->name() == key) return *p;
    throw std::runtime_error("no parameter " + key);
  };
  if (affine) {
    parameter("gamma").set(get("gamma"));
    parameter("beta").set(get("beta"));
  }

  constexpr double tolerance = golden::tolerance<T>();
  Tape<T> tape;
  tape.input_gradients = true;
  const auto check = [&](const std::string& prefix, Index at, Index dy_at, TensorView<const T> y) {
    CAPTURE(prefix);
    CAPTURE(at);
    const auto reference = [&](const std::string& key) {
      const Tensor<double> all = want(prefix + key);
      return at < 0 ? all : golden::row(all, at);
    };
    const Tensor<T> gradient = golden::row(dy, dy_at);
    CHECK(golden::off(y, reference("y")) < tolerance);
    model.backward(gradient, tape);
    // with two values a channel dx is what remains of dy after two almost equal subtractions
    double scale = 0;
    for (const T value : gradient) scale = (std::max)(scale, std::abs(static_cast<double>(value)));
    CHECK(golden::off(tape.input_gradient(), reference("dx"), scale) < tolerance);
    if (!affine) return;
    CHECK(golden::off(parameter("gamma").gradient, reference("dgamma")) < tolerance);
    CHECK(golden::off(parameter("beta").gradient, reference("dbeta")) < tolerance);
  };

  const Index steps = x.shape()[0];
  const Tensor<double> means = want("moving_mean"), variances = want("moving_variance");
  for (Index i = 0; i < steps; ++i) {
    CAPTURE(i);
    const Tensor<T> batch = golden::row(x, i);
    const TensorView<const T> y = model.forward(batch, tape);
    CHECK(golden::off(parameter("moving_mean").value(), golden::row(means, i)) < tolerance);
    CHECK(golden::off(parameter("moving_variance").value(), golden::row(variances, i)) < tolerance);
    if (file.has(name + "/batches"))
      CHECK(layer.counters().at(0)->value == file.tensor<std::int64_t>(name + "/batches")[i]);
    if (i == 0 || i == steps - 1) check("", i == 0 ? 0 : 1, i == 0 ? 0 : 1, y);
  }

  // Inference, then training with the layer in inference mode and its gradients on.
  const Tensor<T> batch = golden::row(x, 0);
  CHECK(golden::off(model.predict(batch), want("frozen_y")) < tolerance);
  check("frozen_", -1, 0, model.forward(batch, tape, false));
  // Keras's trainable = False: dx as in inference, no gradients for gamma and beta, nothing moves.
  model.freeze(Freeze::layer);
  CHECK(golden::off(model.forward(batch, tape), want("frozen_y")) < tolerance);
  model.backward(golden::row(dy, 0), tape);
  CHECK(golden::off(tape.input_gradient(), want("frozen_dx")) < tolerance);
  CHECK(golden::off(parameter("moving_mean").value(), golden::row(means, steps - 1)) < tolerance);
  CHECK(golden::off(parameter("moving_variance").value(), golden::row(variances, steps - 1)) < tolerance);
}

void replay_all(const char* name) {
  const golden::File file(name);
  CHECK(file.cases().size() >= 14);
  for (const auto& [key, settings] : file.cases()) {
    replay<float>(file, key, settings);
    replay<double>(file, key, settings);
  }
}

TEST_CASE("batch norm gives PyTorch's values over ten steps, frozen and in inference") {
  replay_all("batch_norm_torch");
}

TEST_CASE("batch norm gives Keras's values over ten steps, frozen and in inference") { replay_all("batch_norm_keras"); }

}  // namespace
