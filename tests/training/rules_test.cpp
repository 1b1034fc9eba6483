// Rates, decays, penalties and constraints of single parameters in fit, and averages of the weights.
#include <doctest/doctest.h>

#include <keel/layers/batch_norm.hpp>
#include <keel/layers/conv2d.hpp>
#include <keel/layers/flatten.hpp>
#include <keel/model/parts.hpp>
#include <keel/training/optimizers/adafactor.hpp>
#include <keel/training/weight_average.hpp>
#include <keel/training/fit.hpp>

#include "small_problem.hpp"
#include "support/message.hpp"

using namespace keel;
using namespace small_problem;

namespace rules_test {  // a name of its own: the files of a folder are compiled together

namespace {

constexpr Loss::Kind crossentropy = Loss::sparse_categorical_crossentropy;

double norm_of_column(const Tensor<float>& w, Index column) {
  double sum = 0;
  for (Index i = 0; i < w.shape()[0]; ++i) sum += double(w(i, column)) * double(w(i, column));
  return std::sqrt(sum);
}

}  // namespace

TEST_CASE("the loss that fit and evaluate report has the penalty of what trains, and the weights feel it") {
  const Dataset<float> data = rings(40, 1);
  const auto model = [](double l2) {
    Sequential<float> m({2}, {.seed = 3});
    m.add(Dense(8, {.activation = Activation::tanh, .kernel_regularizer = L2(l2)}));
    m.add(Dense(3, {.activation = Activation::softmax}));
    return m;
  };
  Sequential<float> with = model(0.1), without = model(0);
  double sum = 0;
  for (const float w : with.parameters()[0]->value()) sum += double(w) * double(w);
  const EvaluateOptions options{.loss = crossentropy};
  CHECK(evaluate(with, data, options)["loss"] ==
        doctest::Approx(evaluate(without, data, options)["loss"] + 0.1 * sum).epsilon(1e-9));
  with.layer(0).freeze(Freeze::layer);
  CHECK(evaluate(with, data, options)["loss"] == evaluate(without, data, options)["loss"]);
  with.layer(0).freeze(Freeze::none);

  // by hand: one step of SGD
  FitOptions<float> o{
      .batch_size = 40, .optimizer = SGD({.learning_rate = 0.5}), .loss = crossentropy, .verbose = Verbose::silent};
  const Tensor<float> before = with.parameters()[0]->value();
  fit(with, data, o);
  fit(without, data, o);
  for (Index i = 0; i < before.size(); ++i)
    CHECK(
        double(with.parameters()[0]->value()[i]) ==
        doctest::Approx(double(without.parameters()[0]->value()[i]) - 0.5 * 2 * 0.1 * double(before[i])).epsilon(1e-4));
}

TEST_CASE("constraints hold after every step, on layers given them as options or by name") {
  const Dataset<float> data = rings(40, 1);
  Sequential<float> model({2}, {.seed = 3});
  model.add(Dense(8, {.activation = Activation::tanh, .kernel_constraint = MaxNorm(0.4), .bias_constraint = NonNeg()}));
  model.add(Dense(3));
  for (Parameter<float>* p : model.select("dense_1/*")) p->rule.constraint = NonNeg();
  fit(model, data,
      {.epochs = 3,
       .optimizer = Adam({.learning_rate = 0.1}),
       .loss = {crossentropy, {.from_logits = true}},
       .callbacks = {LambdaCallback<>{.on_batch_end =
                                          [](Training<>& run) {
                                            for (Index c = 0; c < 8; ++c)
                                              CHECK(norm_of_column(run.model.parameters()[0]->value(), c) < 0.4 + 1e-6);
                                            for (const Index i : {1, 2, 3})
                                              for (const float w :
                                                   run.model.parameters()[static_cast<std::size_t>(i)]->value())
                                                CHECK(w >= 0);
                                          }}},
       .verbose = Verbose::silent});
  Sequential<float> images({4, 4, 1});
  images.add(Conv2D(2, 3,
                    {.kernel_regularizer = L1(0.2),
                     .bias_regularizer = L2(0.3),
                     .kernel_constraint = UnitNorm({0, 1, 2}),
                     .bias_constraint = NonNeg()}));
  CHECK(images.parameters()[0]->rule == ParameterRule{.regularizer = L1(0.2), .constraint = UnitNorm({0, 1, 2})});
  CHECK(images.parameters()[1]->rule == ParameterRule{.regularizer = L2(0.3), .constraint = NonNeg()});
  Tensor<float> w({2, 2}, 1.0f);
  CHECK(contains(message([&] { constrain(MaxNorm(1, {2}), w.view()); }), "axes of a parameter of shape (2, 2)"));
}

TEST_CASE("a rate of 0 leaves a parameter as it is, and groups have rates and decays of their own") {
  const Dataset<float> data = rings(40, 1);
  Sequential<float> model = classifier();
  const auto before = values(model);
  for (Parameter<float>* p : model.select("dense/*")) p->rule.rate = 0;
  for (Parameter<float>* p : model.select("*/bias")) p->rule.weight_decay = 0.0;
  fit(model, data, {.optimizer = AdamW({.weight_decay = 0.5}), .loss = crossentropy, .verbose = Verbose::silent});
  const auto after = values(model);
  CHECK(after[0] == before[0]);
  CHECK(after[1] == before[1]);
  CHECK(!(after[2] == before[2]));
  CHECK_THROWS_WITH_AS(model.select("conv*"), doctest::Contains("dense/kernel, dense/bias, dense_1/kernel"),
                       ConfigError);
}

TEST_CASE("Adafactor keeps a row and a column, and trains") {
  Sequential<float> model = classifier();
  Optimizer<float> optimizer = Adafactor({.learning_rate = 0.1});
  const History history = fit(
      model, rings(200, 1), {.epochs = 20, .optimizer = &optimizer, .loss = crossentropy, .verbose = Verbose::silent});
  CHECK(history["loss"].back() < 0.85 * history["loss"].front());
  CHECK(optimizer.state().slots[0][0].shape() == Shape{2});
  CHECK(optimizer.state().slots[0][1].shape() == Shape{16});
  CHECK(optimizer.state().slots[1][0].shape() == Shape{16});
  CHECK(optimizer.state().slots[1][1].size() == 0);
}

TEST_CASE("update_batch_norm makes the statistics those of the weights that are there now") {
  Tensor<float> x({24, 3});
  Rng rng(5);
  for (float& value : x) value = static_cast<float>(rng.normal() * 2 + 1);
  const Dataset<float> data({x}, std::vector<Tensor<float>>{});
  for (const bool cumulative : {false, true}) {
    BatchNormOptions options{.momentum = 0.9};
    options.cumulative = cumulative;
    Sequential<float> model({3});
    model.add(BatchNorm(options));
    update_batch_norm(model, data, 8);
    for (Index c = 0; c < 3; ++c) {
      double mean = 0, variance = 0;
      for (Index batch = 0; batch < 3; ++batch) {
        double m = 0, v = 0;
        for (Index i = 0; i < 8; ++i) m += double(x(batch * 8 + i, c)) / 8;
        for (Index i = 0; i < 8; ++i) v += (double(x(batch * 8 + i, c)) - m) * (double(x(batch * 8 + i, c)) - m) / 8;
        mean += m / 3;
        variance += v / 3;
      }
      CHECK(model.parameters()[2]->value()[c] == doctest::Approx(mean).epsilon(1e-4));
      CHECK(model.parameters()[3]->value()[c] == doctest::Approx(variance).epsilon(1e-4));
    }
    const Tensor<float> kept = model.parameters()[2]->value();
    model.freeze(Freeze::layer);
    update_batch_norm(model, data.take(8), 8);
    CHECK(model.parameters()[2]->value() == kept);
  }
}

TEST_CASE("averages in fit: the model ends with them") {
  Sequential<float> model = classifier();
  ExponentialAverage<float> average({.momentum = 0.9});
  StochasticAverage<float> mean({.start_epoch = 1, .every = 2});
  std::vector<Tensor<float>> last;
  const LambdaCallback<float> look{.on_batch_end = [&](Training<float>& run) { last = values(run.model); }};
  fit(model, rings(40, 1),
      {.epochs = 4, .loss = crossentropy, .callbacks = {look, &average}, .verbose = Verbose::silent});
  CHECK(values(model) == average.averages());
  CHECK(values(model) != last);
  fit(model, rings(40, 1), {.epochs = 4, .loss = crossentropy, .callbacks = {&mean}, .verbose = Verbose::silent});
  CHECK(mean.count() == 2);
  CHECK(values(model) == mean.averages());
}

}  // namespace rules_test
