// Adafactor, LBFGS, groups of parameters, constraints, penalties, averages, pos_weight by class, against
// tests/golden/generate_training.py.
#include <doctest/doctest.h>

#include <keel/layers/dense.hpp>
#include <keel/model/sequential.hpp>
#include <keel/training/optimizers/adafactor.hpp>
#include <keel/training/optimizers/lbfgs.hpp>
#include <keel/training/weight_average.hpp>
#include <keel/training/fit.hpp>

#include "support/golden.hpp"

namespace {

using namespace keel;

namespace training_parts_golden_test {  // a name of its own: the files of a folder are compiled together

/// The weights after each step, or what `read` gives then.
template <class T, class F>
void replay_with(const golden::File& file, const std::string& name, const OptimizerSpec& spec,
                 const ParameterRule& rule, F&& read) {
  CAPTURE(name);
  const Tensor<double> weights = file.tensor(name + "/kernel");
  const Tensor<T> gradients = file.tensor<T>(name + "/dkernel");
  Parameter<T> kernel("kernel", golden::row(file.tensor<T>(name + "/kernel"), 0));
  kernel.rule = rule;
  Parameter<T>* const parameters[] = {&kernel};
  Optimizer<T> optimizer(spec);
  for (Index i = 0; i < gradients.shape()[0]; ++i) {
    CAPTURE(i);
    kernel.gradient = golden::row(gradients, i);
    REQUIRE(optimizer.step(parameters));
    CHECK(golden::off(read(kernel), golden::row(weights, i + 1)) < golden::tolerance<T>());
  }
}
template <class T>
void replay(const golden::File& file, const std::string& name, const OptimizerSpec& spec, const ParameterRule& rule) {
  replay_with<T>(file, name, spec, rule, [](const Parameter<T>& p) -> const Tensor<T>& { return p.value(); });
}

TEST_CASE("Adafactor, groups and constraints give Keras's or PyTorch's weights over 20 steps") {
  const golden::File file("training_parts");
  std::vector<std::tuple<std::string, OptimizerSpec, ParameterRule>> all;
  for (const std::string shape : {"kernel", "conv", "bias"}) {
    all.emplace_back("adafactor_keras_" + shape, Adafactor({.learning_rate = 0.01}), ParameterRule{});
    all.emplace_back("adafactor_torch_decay_" + shape, Adafactor::torch({.lr = 0.02, .d = 1.5, .weight_decay = 0.1}),
                     ParameterRule{});
  }
  all.emplace_back("group_sgd", SGD::torch({.lr = 0.1, .momentum = 0.9}),
                   ParameterRule{.rate = 0.3, .weight_decay = 0.05});
  all.emplace_back("group_adamw", AdamW::torch({.lr = 0.1}), ParameterRule{.rate = 0.3, .weight_decay = 0.2});
  const OptimizerSpec sgd = SGD({.learning_rate = 0.1});
  all.emplace_back("non_neg", sgd, ParameterRule{.constraint = NonNeg()});
  all.emplace_back("max_norm", sgd, ParameterRule{.constraint = MaxNorm(1.5)});
  all.emplace_back("max_norm_conv", sgd, ParameterRule{.constraint = MaxNorm(1, {0, 1, 2})});
  all.emplace_back("unit_norm", sgd, ParameterRule{.constraint = UnitNorm({-1})});
  all.emplace_back("min_max_norm", sgd, ParameterRule{.constraint = MinMaxNorm(0.5, 1.2, 0.7, {0, 1})});
  for (const auto& [name, spec, rule] : all) {
    replay<double>(file, name, spec, rule);
    replay<float>(file, name, spec, rule);
  }
  for (const std::string shape :
       {"kernel", "conv", "bias"})  // epsilon_1 is the scalar's: double's alone is in the file
    replay<double>(file, "adafactor_torch_" + shape, Adafactor::torch(), {});
}

TEST_CASE("a penalty has its formula's value and slope") {
  const golden::File file("training_parts");
  const Tensor<double> w = file.tensor("penalty/kernel");
  Tensor<double> gradient(w.shape());
  CHECK(penalty(L1L2(0.03, 0.2), w, &gradient) == doctest::Approx(file.tensor("penalty/loss")[0]).epsilon(1e-12));
  CHECK(golden::off(gradient, file.tensor("penalty/gradient")) < 1e-12);
  CHECK(L1() == Regularizer{.l1 = 0.01, .l2 = 0});
  CHECK(L2() == Regularizer{.l1 = 0, .l2 = 0.01});
}

template <class Average>
void check_average(const std::string& name, Average average, bool after_epoch) {
  const golden::File file("training_parts");
  Sequential<double> model({4}, {.seed = 1});
  model.add(Dense<double>(3, {.use_bias = false}));
  model.parameters()[0]->set(golden::row(file.tensor(name + "/kernel"), 0));
  const Tensor<double> averages = file.tensor(name + "/kernel"), gradients = file.tensor(name + "/dkernel");
  Optimizer<double> optimizer = SGD({.learning_rate = 0.1});
  Training<double> run{model, optimizer, 1};
  average.on_train_begin(run);
  for (Index i = 0; i < 20; ++i, ++run.epoch) {
    model.parameters()[0]->gradient = golden::row(gradients, i);
    optimizer.step(model.parameters());
    if (after_epoch)
      average.on_epoch_end(run);
    else
      average.on_batch_end(run);
    CHECK(golden::off(average.averages().at(0), golden::row(averages, i + 1)) < 1e-12);
  }
  average.on_train_end(run);
  CHECK(golden::off(model.parameters()[0]->value(), golden::row(averages, 20)) < 1e-12);
}

TEST_CASE("averages of the weights are Keras's and PyTorch's") {
  check_average("exponential_average", ExponentialAverage<double>({.momentum = 0.8}), false);
  check_average("stochastic_average", StochasticAverage<double>(), true);
  CHECK_THROWS_AS(ExponentialAverage<>({.momentum = 1.5}), ConfigError);
  CHECK_THROWS_AS(StochasticAverage<>({.every = 0}), ConfigError);
}

TEST_CASE("LBFGS is PyTorch's: losses, weights and how often it computed them") {
  const golden::File file("training_parts");
  const std::vector<std::pair<std::string, LbfgsOptions>> all{
      {"lbfgs", {.lr = 0.5}},
      {"lbfgs_short", {.lr = 0.3, .max_iter = 4, .history_size = 2}},
      {"lbfgs_wolfe", {.strong_wolfe = true}},
      {"lbfgs_wolfe_short", {.lr = 5, .max_iter = 3, .strong_wolfe = true}}};
  for (const auto& [name, options] : all) {
    CAPTURE(name);
    Sequential<double> model({3});
    model.add(Dense<double>(2, {.activation = Activation::tanh, .use_bias = false}));
    const Tensor<double> weights = file.tensor(name + "/kernel"), x = file.tensor(name + "/x"),
                         target = file.tensor(name + "/target"), losses = file.tensor(name + "/loss");
    model.parameters()[0]->set(golden::row(weights, 0));
    Lbfgs<double> optimizer(options);
    const LossSpec loss = Loss::mse;
    Tape<double> tape;
    Tensor<double> dy;
    for (Index i = 0; i < 5; ++i) {
      CAPTURE(i);
      const double begun = optimizer.step(model.parameters(), [&] {
        const double value = loss.value_and_gradient(model.forward(x, tape), target, dy);
        model.backward(dy, tape);
        return value;
      });
      CHECK(begun == doctest::Approx(losses[i]).epsilon(1e-9));
      CHECK(golden::off(model.parameters()[0]->value(), golden::row(weights, i + 1)) < 1e-7);
    }
    for (const auto& [other, settings] : file.cases())
      if (other == name) CHECK(static_cast<double>(optimizer.evaluations()) == settings.number("evaluations"));
  }
  CHECK_THROWS_AS(Lbfgs<float>({.lr = 0}), ConfigError);
  CHECK_THROWS_AS(Lbfgs<float>({.history_size = 0}), ConfigError);
}

TEST_CASE("a pos_weight for each class is PyTorch's") {
  const golden::File file("training_parts");
  const Tensor<double> w = file.tensor("pos_weight/weight"), y = file.tensor("pos_weight/prediction"),
                       t = file.tensor("pos_weight/target");
  const LossSpec loss{Loss::binary_crossentropy,
                      {.from_logits = true, .pos_weight = std::vector<double>(w.begin(), w.end())}};
  Tensor<double> dy;
  CHECK(loss.value_and_gradient(y, t, dy) == doctest::Approx(file.tensor("pos_weight/loss")[0]).epsilon(1e-12));
  CHECK(golden::off(dy, file.tensor("pos_weight/gradient")) < 1e-12);
  const LossSpec three{Loss::binary_crossentropy, {.from_logits = true, .pos_weight = {1, 2, 3}}};
  CHECK_THROWS_WITH_AS(three.value(y, t), "[binary_crossentropy] expected 3 outputs, one for each pos_weight, got 4",
                       ShapeError);
  CHECK_THROWS_AS(LossSpec(Loss::binary_crossentropy, {.from_logits = true, .pos_weight = {1, 0}}), ConfigError);
}

}  // namespace training_parts_golden_test

}  // namespace
