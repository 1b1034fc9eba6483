// 20 training steps of a small network with every loss and optimizer that PyTorch has too, against
// tests/golden/generate_steps.py.
#include <doctest/doctest.h>

#include <keel/layers/dense.hpp>
#include <keel/model/sequential.hpp>
#include <keel/training/fit.hpp>
#include <keel/training/losses/cosine_similarity.hpp>
#include <keel/training/losses/kl_divergence.hpp>
#include <keel/training/losses/negative_log_likelihood.hpp>
#include <keel/training/losses/poisson.hpp>
#include <keel/training/optimizers/adadelta.hpp>
#include <keel/training/optimizers/adafactor.hpp>
#include <keel/training/optimizers/adamax.hpp>
#include <keel/training/optimizers/lbfgs.hpp>
#include <keel/training/optimizers/nadam.hpp>
#include <keel/training/optimizers/optimizers.hpp>
#include <keel/training/optimizers/radam.hpp>

#include "support/golden.hpp"

namespace {

using namespace keel;

namespace steps_golden_test {  // a name of its own: the files of a folder are compiled together

struct Case {
  const char* name;
  LossSpec loss = Loss::mse;
  Activation ending = Activation::linear;
  OptimizerSpec optimizer = SGD::torch({.lr = 0.05, .momentum = 0.9});
  Regularizer penalty{};
};

LossSpec torch(Loss::Kind kind, double smoothing = 0, std::vector<double> class_weight = {}) {
  LossOptions options = LossOptions::torch(kind);
  options.label_smoothing = smoothing;
  options.class_weight = std::move(class_weight);
  return {kind, options};
}

std::vector<Case> cases() {
  const std::vector<double> weights{0.5, 2, 1, 0.25};
  const LossOptions smooth{.delta = 0.5}, turn{.delta = 0.7};
  const LossOptions heavy{.from_logits = true, .pos_weight = 2.5},
      many{.from_logits = true, .pos_weight = {0.5, 1, 2, 3.5}};
  LossOptions ignore = LossOptions::torch(Loss::sparse_categorical_crossentropy);
  ignore.ignore_class = 2;
  LossOptions probabilities = LossOptions::torch(Loss::binary_crossentropy);
  probabilities.from_logits = false;
  const auto with = [](const char* name, OptimizerSpec optimizer) {
    return Case{.name = name, .optimizer = std::move(optimizer)};
  };
  return {
      {.name = "mse"},
      {.name = "mae", .loss = Loss::mae},
      {.name = "huber", .loss = {Loss::huber, turn}},
      {.name = "smooth_l1", .loss = {Loss::smooth_l1, smooth}},
      {.name = "bce", .loss = {Loss::binary_crossentropy, probabilities}, .ending = Activation::sigmoid},
      {.name = "bce_logits", .loss = torch(Loss::binary_crossentropy)},
      {.name = "bce_pos_weight", .loss = {Loss::binary_crossentropy, heavy}},
      {.name = "bce_pos_weights", .loss = {Loss::binary_crossentropy, many}},
      {.name = "ce", .loss = torch(Loss::sparse_categorical_crossentropy)},
      {.name = "ce_weights", .loss = torch(Loss::sparse_categorical_crossentropy, 0, weights)},
      {.name = "ce_smoothing", .loss = torch(Loss::sparse_categorical_crossentropy, 0.1)},
      {.name = "ce_ignore", .loss = {Loss::sparse_categorical_crossentropy, ignore}},
      {.name = "ce_soft", .loss = torch(Loss::categorical_crossentropy)},
      {.name = "nll", .loss = NegativeLogLikelihood(), .ending = Activation::log_softmax},
      {.name = "nll_weights",
       .loss = NegativeLogLikelihood({.class_weight = weights}),
       .ending = Activation::log_softmax},
      {.name = "kl_divergence", .loss = KLDivergence({.from_log = true}), .ending = Activation::log_softmax},
      {.name = "poisson_log", .loss = Poisson({.log_input = true})},
      {.name = "poisson", .loss = Poisson({.epsilon = 1e-8}), .ending = Activation::softplus},
      {.name = "cosine_similarity", .loss = CosineSimilarity()},
      {.name = "penalty", .penalty = L1L2(0.01, 0.05)},
      with("optimizer_sgd", SGD::torch({.lr = 0.1, .momentum = 0.9, .dampening = 0.2, .weight_decay = 0.01})),
      with("optimizer_sgd_nesterov", SGD::torch({.lr = 0.1, .momentum = 0.9, .nesterov = true})),
      with("optimizer_adam", Adam::torch({.lr = 0.02})),
      with("optimizer_adam_amsgrad", Adam::torch({.lr = 0.02, .amsgrad = true, .weight_decay = 0.01})),
      with("optimizer_adamw", AdamW::torch({.lr = 0.02})),
      with("optimizer_rmsprop", RMSprop::torch({.lr = 0.01, .momentum = 0.5, .centered = true})),
      with("optimizer_adagrad", Adagrad::torch({.lr = 0.05, .lr_decay = 0.01})),
      with("optimizer_adadelta", Adadelta::torch()),
      with("optimizer_adamax", Adamax::torch({.lr = 0.02})),
      with("optimizer_nadam", Nadam::torch({.lr = 0.02})),
      with("optimizer_radam", RAdam({.lr = 0.02})),
      with("optimizer_adafactor", Adafactor::torch({.lr = 0.05})),
  };
}

template <class T>
Sequential<T> network(const golden::File& file, const Case& c) {
  Sequential<T> model({5}, {.seed = 1});
  model.add(Dense<T>(6, {.activation = Activation::tanh, .kernel_regularizer = c.penalty}));
  model.add(Dense<T>(4, {.activation = c.ending}));
  const char* const names[] = {"kernel_0", "bias_0", "kernel_1", "bias_1"};
  for (std::size_t i = 0; i < 4; ++i) model.parameters()[i]->set(file.tensor<T>(std::string("start/") + names[i]));
  return model;
}

template <class T>
void check_weights(const golden::File& file, const std::string& name, const Sequential<T>& model, double tolerance) {
  const char* const names[] = {"kernel_0", "bias_0", "kernel_1", "bias_1"};
  for (std::size_t i = 0; i < 4; ++i)
    CHECK(golden::off(model.parameters()[i]->value(), file.tensor(name + "/" + names[i])) < tolerance);
}

template <class T>
void replay(const golden::File& file, const Case& c, double tolerance) {
  const std::string name = c.name;
  CAPTURE(name);
  CAPTURE(sizeof(T));
  Sequential<T> model = network<T>(file, c);
  const Tensor<T> x = file.tensor<T>("data/x"), t = file.tensor<T>("data/" + file.settings(name).text("targets"));
  const auto source = [&](Index epoch, Index step, Batch<T>& batch) {  // an epoch is a step: its loss is in the history
    if (step > 0) return false;
    batch.inputs = {golden::row(x, epoch)};
    batch.targets = {golden::row(t, epoch)};
    return true;
  };
  const History history =
      fit(model, Generator<T>(source),
          {.epochs = 20, .optimizer = c.optimizer, .loss = c.loss, .shuffle = false, .verbose = Verbose::silent});
  const Tensor<double> losses = file.tensor(name + "/loss");
  for (Index i = 0; i < 20; ++i) {
    CAPTURE(i);
    CHECK(std::abs(history["loss"][to_size(i)] - losses[i]) < tolerance * (std::max)(1.0, std::abs(losses[i])));
  }
  check_weights(file, name, model, tolerance);
}

TEST_CASE("20 steps with every loss and optimizer that PyTorch has too end with its losses and weights") {
  const golden::File file("steps_torch");
  CHECK(file.cases().size() == cases().size() + 2);  // and LBFGS, below
  for (const Case& c : cases()) {
    replay<double>(file, c, 1e-10);
    replay<float>(file, c, 1e-6);
  }
}

TEST_CASE("20 steps of LBFGS end with PyTorch's losses and weights") {
  const golden::File file("steps_torch");
  const Tensor<double> x = file.tensor("data/x"), t = file.tensor("data/values");
  for (const bool wolfe : {false, true}) {
    const Case c{.name = wolfe ? "optimizer_lbfgs_wolfe" : "optimizer_lbfgs"};
    const std::string name = c.name;
    CAPTURE(name);
    Sequential<double> model = network<double>(file, c);
    Lbfgs<double> optimizer({.lr = wolfe ? 1 : 0.1, .max_iter = 3, .strong_wolfe = wolfe});
    Tape<double> tape;
    Tensor<double> dy;
    for (Index i = 0; i < 20; ++i) {
      CAPTURE(i);
      const Tensor<double> batch = golden::row(x, i);
      const double begun = optimizer.step(model.parameters(), [&] {
        const double value = c.loss.value_and_gradient<double>(model.forward(batch, tape), golden::row(t, i), dy);
        model.backward(dy, tape);
        return value;
      });
      CHECK(begun == doctest::Approx(file.tensor(name + "/loss")[i]).epsilon(1e-10));
    }
    check_weights(file, name, model, 1e-10);
  }
}

}  // namespace steps_golden_test

}  // namespace
