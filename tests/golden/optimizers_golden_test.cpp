#include <doctest/doctest.h>

#include <keel/training/optimizers/optimizers.hpp>

#include "support/golden.hpp"

namespace {

using namespace keel;
using golden::Settings;

OptimizerSpec torch_spec(const Settings& s) {
  const double lr = s.number("lr"), decay = s.number("weight_decay", 0);
  const Clip clip = s.has("clip_grad_norm")    ? Clip::by_torch_norm(s.number("clip_grad_norm"))
                    : s.has("clip_grad_value") ? Clip::by_value(s.number("clip_grad_value"))
                                               : Clip{};
  const std::string kind = s.text("optimizer");
  const auto betas = [&](std::pair<double, double> otherwise) {
    return s.has("betas") ? std::pair(s.numbers("betas").at(0), s.numbers("betas").at(1)) : otherwise;
  };
  if (kind == "SGD")
    return SGD::torch({.lr = lr,
                       .momentum = s.number("momentum", 0),
                       .dampening = s.number("dampening", 0),
                       .nesterov = s.flag("nesterov"),
                       .weight_decay = decay,
                       .clip = clip});
  if (kind == "Adam") {
    TorchAdamOptions o{.lr = lr, .amsgrad = s.flag("amsgrad"), .weight_decay = decay};
    o.betas = betas(o.betas);
    o.eps = s.number("eps", o.eps);
    return Adam::torch(o);
  }
  if (kind == "AdamW") {
    TorchAdamWOptions o{.lr = lr, .amsgrad = s.flag("amsgrad"), .weight_decay = decay};
    o.betas = betas(o.betas);
    o.eps = s.number("eps", o.eps);
    return AdamW::torch(o);
  }
  if (kind == "RMSprop") {
    TorchRMSpropOptions o{
        .lr = lr, .momentum = s.number("momentum", 0), .centered = s.flag("centered"), .weight_decay = decay};
    o.alpha = s.number("alpha", o.alpha);
    o.eps = s.number("eps", o.eps);
    return RMSprop::torch(o);
  }
  REQUIRE(kind == "Adagrad");
  TorchAdagradOptions o{.lr = lr, .lr_decay = s.number("lr_decay", 0), .weight_decay = decay};
  o.initial_accumulator_value = s.number("initial_accumulator_value", o.initial_accumulator_value);
  o.eps = s.number("eps", o.eps);
  return Adagrad::torch(o);
}

OptimizerSpec keras_spec(const Settings& s) {
  const double lr = s.number("learning_rate"), decay = s.number("weight_decay", 0);
  const Clip clip = s.has("clipnorm")          ? Clip::by_norm(s.number("clipnorm"))
                    : s.has("global_clipnorm") ? Clip::by_global_norm(s.number("global_clipnorm"))
                    : s.has("clipvalue")       ? Clip::by_value(s.number("clipvalue"))
                                               : Clip{};
  const std::string kind = s.text("optimizer");
  if (kind == "SGD")
    return SGD({.learning_rate = lr,
                .momentum = s.number("momentum"),
                .nesterov = s.flag("nesterov"),
                .weight_decay = decay,
                .clip = clip});
  if (kind == "Adam")
    return Adam({.learning_rate = lr,
                 .beta_1 = s.number("beta_1"),
                 .beta_2 = s.number("beta_2"),
                 .epsilon = s.number("epsilon"),
                 .amsgrad = s.flag("amsgrad"),
                 .weight_decay = decay,
                 .clip = clip});
  if (kind == "AdamW")
    return AdamW({.learning_rate = lr,
                  .beta_1 = s.number("beta_1"),
                  .beta_2 = s.number("beta_2"),
                  .epsilon = s.number("epsilon"),
                  .weight_decay = decay,
                  .clip = clip});
  if (kind == "RMSprop")
    return RMSprop({.learning_rate = lr,
                    .rho = s.number("rho"),
                    .momentum = s.number("momentum", 0),
                    .epsilon = s.number("epsilon"),
                    .centered = s.flag("centered"),
                    .weight_decay = decay,
                    .clip = clip});
  REQUIRE(kind == "Adagrad");
  return Adagrad({.learning_rate = lr,
                  .initial_accumulator_value = s.number("initial_accumulator_value"),
                  .epsilon = s.number("epsilon"),
                  .weight_decay = decay,
                  .clip = clip});
}

/// Feeds the stored gradients of `gradients` and expects the stored weights of `weights` after each step.
template <class T>
void replay(OptimizerSpec spec, const golden::File& gradients, const golden::File& weights, const std::string& name,
            double tolerance) {
  CAPTURE(name);
  const Tensor<double> kernels = weights.tensor(name + "/kernel"), biases = weights.tensor(name + "/bias");
  const Tensor<T> dkernels = gradients.tensor<T>(name + "/dkernel"), dbiases = gradients.tensor<T>(name + "/dbias");
  const Tensor<double> rates = gradients.tensor(name + "/learning_rate");

  Parameter<T> kernel("kernel", golden::row(weights.tensor<T>(name + "/kernel"), 0));
  Parameter<T> bias("bias", golden::row(weights.tensor<T>(name + "/bias"), 0));
  Parameter<T>* const parameters[] = {&kernel, &bias};
  Optimizer<T> optimizer(std::move(spec));
  for (Index i = 0; i < rates.size(); ++i) {
    CAPTURE(i);
    kernel.gradient = golden::row(dkernels, i);
    bias.gradient = golden::row(dbiases, i);
    if (optimizer.learning_rate() != rates[i]) optimizer.set_learning_rate(rates[i]);
    REQUIRE(optimizer.step(parameters));
    CHECK(golden::off(kernel.value(), golden::row(kernels, i + 1)) < tolerance);
    CHECK(golden::off(bias.value(), golden::row(biases, i + 1)) < tolerance);
  }
}

TEST_CASE("optimizers give PyTorch's weights over 20 steps") {
  const golden::File file("optimizers_torch");
  CHECK(file.cases().size() == 25);
  for (const auto& [name, settings] : file.cases()) {
    replay<float>(torch_spec(settings), file, file, name, golden::tolerance<float>());
    replay<double>(torch_spec(settings), file, file, name, golden::tolerance<double>());
  }
}

TEST_CASE("optimizers give Keras's weights over 20 steps") {
  const golden::File file("optimizers_keras");
  CHECK(file.cases().size() == 29);
  for (const auto& [name, settings] : file.cases()) {
    replay<float>(keras_spec(settings), file, file, name, golden::tolerance<float>());
    replay<double>(keras_spec(settings), file, file, name, golden::tolerance<double>());
  }
}

TEST_CASE("both worlds' default options") {
  const golden::File keras("optimizers_keras"), torch("optimizers_torch");
  replay<double>(SGD(), keras, keras, "sgd_default", 1e-10);
  replay<double>(Adam(), keras, keras, "adam_default", 1e-10);
  replay<double>(AdamW({.learning_rate = 0.01}), keras, keras, "adamw", 1e-10);
  replay<double>(RMSprop({.learning_rate = 0.01}), keras, keras, "rmsprop", 1e-10);
  replay<double>(Adagrad({.learning_rate = 0.1}), keras, keras, "adagrad", 1e-10);
  replay<double>(Adam::torch({.lr = 0.01}), torch, torch, "adam", 1e-10);
  replay<double>(AdamW::torch({.lr = 0.01, .weight_decay = 0.05}), torch, torch, "adamw", 1e-10);
  replay<double>(RMSprop::torch(), torch, torch, "rmsprop", 1e-10);
  replay<double>(Adagrad::torch({.lr = 0.1}), torch, torch, "adagrad", 1e-10);
}

TEST_CASE("SGD gives TensorFlow.js's weights over 20 steps") {
  const golden::File keras("optimizers_keras"), tfjs("optimizers_tfjs");
  CHECK(tfjs.cases().size() == 3);
  for (const auto& [name, settings] : tfjs.cases())
    replay<float>(keras_spec(keras.settings(name)), keras, tfjs, name, 1e-5);
}

TEST_CASE("a schedule inside the optimizer does what setting the rate does") {
  const golden::File torch("optimizers_torch");
  const auto drops = PiecewiseConstantDecay::torch(0.1, {5, 12});
  const std::string name = "sgd_momentum_lr_steps";
  const auto rates = torch.tensor(name + "/learning_rate");
  for (Index i = 0; i < rates.size(); ++i) CHECK(std::abs(drops(i) / rates[i] - 1) < 1e-12);
  const auto weights = [&](LearningRate rate, bool set) {
    Parameter<double> kernel("kernel", torch.tensor(name + "/kernel").rows(0, 1).reshaped({4, 3}));
    Parameter<double>* const parameters[] = {&kernel};
    Optimizer<double> optimizer(SGD::torch({.lr = std::move(rate), .momentum = 0.9}));
    for (Index i = 0; i < rates.size(); ++i) {
      kernel.gradient = torch.tensor(name + "/dkernel").rows(i, 1).reshaped({4, 3});
      if (set) optimizer.set_learning_rate(drops(i));
      optimizer.step(parameters);
    }
    return kernel.value();
  };
  CHECK(weights(drops, false) == weights(0.1, true));
}

}  // namespace
