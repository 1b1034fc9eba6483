// Losses, optimizers and metrics that have no shorthand, against tests/golden/generate_parts.py.
#include <doctest/doctest.h>

#include <keel/testing/check_loss.hpp>
#include <keel/training/losses/cosine_similarity.hpp>
#include <keel/training/losses/dice.hpp>
#include <keel/training/losses/focal.hpp>
#include <keel/training/losses/hinge.hpp>
#include <keel/training/losses/kl_divergence.hpp>
#include <keel/training/losses/log_cosh.hpp>
#include <keel/training/losses/negative_log_likelihood.hpp>
#include <keel/training/losses/poisson.hpp>
#include <keel/training/losses/relative_errors.hpp>
#include <keel/training/metrics/auc.hpp>
#include <keel/training/metrics/f_score.hpp>
#include <keel/training/metrics/mean_iou.hpp>
#include <keel/training/metrics/metrics.hpp>
#include <keel/training/metrics/regression.hpp>
#include <keel/training/optimizers/adadelta.hpp>
#include <keel/training/optimizers/adamax.hpp>
#include <keel/training/optimizers/lamb.hpp>
#include <keel/training/optimizers/lion.hpp>
#include <keel/training/optimizers/nadam.hpp>
#include <keel/training/optimizers/optimizers.hpp>
#include <keel/training/optimizers/radam.hpp>

#include "support/golden.hpp"

namespace {

using namespace keel;
using golden::Settings;

LossSpec part(const Settings& s) {
  const std::string loss = s.text("loss");
  const double gamma = s.number("gamma", 2), smoothing = s.number("label_smoothing", 0);
  if (loss == "kl_divergence") return KLDivergence({.from_log = s.flag("from_log")});
  if (loss == "poisson") return Poisson({.log_input = s.flag("log_input"), .epsilon = s.number("epsilon", 1e-7)});
  if (loss == "cosine_similarity") return CosineSimilarity();
  if (loss == "hinge") return Hinge();
  if (loss == "squared_hinge") return SquaredHinge();
  if (loss == "categorical_hinge") return CategoricalHinge();
  if (loss == "log_cosh") return LogCosh();
  if (loss == "mape") return MeanAbsolutePercentageError();
  if (loss == "msle") return MeanSquaredLogarithmicError();
  if (loss == "dice") return Dice();
  if (loss == "tversky") return Tversky({.alpha = s.number("alpha"), .beta = s.number("beta")});
  if (loss == "nll")
    return NegativeLogLikelihood({.class_weight = s.has("alphas") ? s.numbers("alphas") : std::vector<double>{}});
  if (loss == "binary_focal") {
    BinaryFocalOptions options{.gamma = gamma, .from_logits = s.flag("from_logits"), .label_smoothing = smoothing};
    if (s.has("alpha")) options.alpha = s.number("alpha");
    return BinaryFocalCrossentropy(options);
  }
  REQUIRE(loss == "categorical_focal");
  CategoricalFocalOptions options{.gamma = gamma, .label_smoothing = smoothing};
  if (s.has("alphas")) options.alpha = s.numbers("alphas");
  return CategoricalFocalCrossentropy(options);
}

template <class T>
void replay(const golden::File& file, const std::string& name, const LossSpec& loss) {
  const Tensor<T> y = file.tensor<T>(name + "/prediction"), target = file.tensor<T>(name + "/target");
  Tensor<T> gradient;
  const double value = loss.value_and_gradient<T>(y, target, gradient);
  CHECK(std::abs(value / file.tensor(name + "/loss")[0] - 1) < golden::tolerance<T>());
  CHECK(golden::off(gradient, file.tensor(name + "/gradient")) < golden::tolerance<T>());
}

TEST_CASE("losses without a shorthand have Keras's or PyTorch's values and gradients") {
  const golden::File file("losses_parts");
  CHECK(file.cases().size() == 23);
  for (const auto& [name, settings] : file.cases()) {
    const auto& the_name = name;  // clang before 16 captures no structured binding
    CAPTURE(the_name);
    const LossSpec loss = part(settings);
    replay<double>(file, name, loss);
    replay<float>(file, name, loss);
    const bool together = loss.name() == "dice" || loss.name() == "tversky", weighted = loss.name() == "nll";
    if (together) continue;  // no sample weights
    const LossReport report = check_loss(loss, file.tensor(name + "/prediction"), file.tensor(name + "/target"),
                                         {.mean_of_samples = !weighted});
    CHECK_MESSAGE(report.ok(), report.to_string());
  }
}

template <class T>
void replay(const golden::File& file, const std::string& name, const OptimizerSpec& spec) {
  CAPTURE(name);
  const Tensor<double> weights = file.tensor(name + "/kernel");
  const Tensor<T> gradients = file.tensor<T>(name + "/dkernel");
  Parameter<T> kernel("kernel", golden::row(file.tensor<T>(name + "/kernel"), 0));
  Parameter<T>* const parameters[] = {&kernel};
  Optimizer<T> optimizer(spec);
  for (Index i = 0; i < gradients.shape()[0]; ++i) {
    CAPTURE(i);
    kernel.gradient = golden::row(gradients, i);
    REQUIRE(optimizer.step(parameters));
    CHECK(golden::off(kernel.value(), golden::row(weights, i + 1)) < golden::tolerance<T>());
  }
}

TEST_CASE("optimizers in Eigen give Keras's or PyTorch's weights over 20 steps") {
  const golden::File file("optimizers_parts");
  const std::vector<std::pair<const char*, OptimizerSpec>> all{
      {"adadelta_keras", Adadelta({.learning_rate = 0.5})},
      {"adamax_keras", Adamax({.learning_rate = 0.01})},
      {"nadam_keras", Nadam({.learning_rate = 0.01})},
      {"nadam_formula", Nadam::torch({.lr = 0.01})},
      {"lion_keras", Lion({.learning_rate = 0.01})},
      {"lion_decay", Lion({.learning_rate = 0.01, .weight_decay = 0.1})},
      {"lamb_keras", Lamb({.learning_rate = 0.01})},
      {"adadelta_torch", Adadelta::torch()},
      {"adadelta_torch_decay", Adadelta::torch({.lr = 0.5, .weight_decay = 0.1})},
      {"adamax_torch", Adamax::torch()},
      {"adamax_torch_decay", Adamax::torch({.lr = 0.01, .weight_decay = 0.1})},
      {"radam_torch", RAdam()},
      {"radam_torch_decay", RAdam({.lr = 0.01, .betas = {0.8, 0.99}, .weight_decay = 0.1})}};
  CHECK(file.cases().size() == all.size());
  for (const auto& [name, spec] : all) {
    replay<double>(file, name, spec);
    replay<float>(file, name, spec);
  }
}

/// w -= lr g, and m counts the steps.
struct Plain : OptimizerFormula<Plain> {
  std::vector<std::string> slots() const override { return {"momentum"}; }
  double initial_value() const override { return 3; }
  template <class T>
  void apply(UpdateStep<T>& s) const {
    s.slots[0] += 1;
    s.w -= s.rate * s.g;
  }
};

TEST_CASE("a formula in Eigen gets the clipped gradient with its decay, and its slots back") {
  for (const bool decoupled : {false, true})
    for (const Clip clip : {Clip{}, Clip::by_value(0.5), Clip::by_norm(0.7), Clip::by_global_norm(0.6)}) {
      const OptimizerSpec own{.name = "Plain",
                              .learning_rate = 0.1,
                              .weight_decay = 0.2,
                              .decoupled = decoupled,
                              .clip = clip,
                              .rule = std::make_shared<Plain>()};
      OptimizerSpec sgd = SGD({.learning_rate = 0.1, .weight_decay = 0.2, .clip = clip});
      sgd.decoupled = decoupled;
      Parameter<double> a("a", Tensor<double>({3}, {1, -2, 3})), b("a", Tensor<double>({3}, {1, -2, 3}));
      Optimizer<double> by_formula(own), by_kernel(sgd);
      for (int i = 0; i < 3; ++i) {
        a.gradient = b.gradient = Tensor<double>({3}, {0.3, -1.5, 0.1 * i});
        by_formula.step(std::vector{&a});
        by_kernel.step(std::vector{&b});
        CHECK(golden::off(a.value(), b.value()) < 1e-14);
      }
      CHECK(by_formula.state().slots[0][0] == Tensor<double>({3}, 6.0));
      CHECK(own.slot_names() == std::vector<std::string>{"momentum"});
      CHECK(own.state_count(10) == 12);
    }
  CHECK_THROWS_WITH_AS(Optimizer<float>(OptimizerSpec{.name = "Mine"}),
                       "[Mine] expected a formula, got none (take Adam() or another, or set .rule)", ConfigError);
}

TEST_CASE("metrics without a shorthand have Keras's results, in one batch and in several") {
  using Average = FScoreOptions::Average;
  const golden::File file("metrics_parts");
  const std::vector<std::pair<const char*, MetricSpec>> all{
      {"auc_roc", AUC()},
      {"auc_pr", AUC({.curve = AucOptions::Curve::pr})},
      {"auc_roc_10", AUC({.thresholds = 10})},
      {"f1_macro", F1Score()},
      {"f1_micro", F1Score({.average = Average::micro})},
      {"f1_weighted", F1Score({.average = Average::weighted})},
      {"f2_threshold", FBetaScore({.beta = 2, .threshold = 0.605})},
      {"mean_iou", MeanIoU()},
      {"mape", MeanAbsolutePercentageErrorMetric()},
      {"cosine_similarity", CosineSimilarityMetric()},
      {"r2_score", R2Score()}};
  CHECK(file.cases().size() == all.size());
  for (const auto& [name, spec] : all) {
    const auto& the_name = name;  // clang before 16 captures no structured binding
    CAPTURE(the_name);
    const Tensor<double> y = file.tensor(std::string(name) + "/prediction");
    const Tensor<double> target = file.tensor(std::string(name) + "/target");
    const double want = file.tensor(std::string(name) + "/result")[0];
    MetricState state(spec);
    CHECK(std::isnan(state.result()));
    for (int round = 0; round < 2; ++round) {
      state.reset();
      state.update(y, target);
      CHECK(state.result() == doctest::Approx(want).epsilon(1e-10));
    }
    state.reset();
    for (Index i = 0; i < 30; i += 5) state.update(y.rows(i, 5), target.rows(i, 5));
    CHECK(state.result() == doctest::Approx(want).epsilon(1e-10));
    if (name == std::string("mape")) continue;  // near 0 a float's rounding is many per cent
    MetricState narrow(spec);
    narrow.update(y.cast<float>(), target.cast<float>());
    CHECK(narrow.result() == doctest::Approx(want).epsilon(1e-4));
  }
}

TEST_CASE("losses of a batch as a whole, and refusals") {
  const Tensor<double> y({4, 3}, 0.4), t({4, 3}, 1.0), labels({4}, 1.0);
  Tensor<double> dy;
  CHECK(LossSpec(Dice()).value(y, t) == doctest::Approx(1 - 2 * 4.8 / 16.8));
  CHECK(LossSpec(Tversky()).value(y, t) == doctest::Approx(LossSpec(Dice()).value(y, t)));
  CHECK_THROWS_WITH_AS(LossSpec(Dice()).value(y, t, Tensor<double>({4}, 1.0)),
                       "[dice] expected no sample weights, as the loss is one of the whole batch, got (4)",
                       ConfigError);
  CHECK_THROWS_AS(LossSpec(Hinge()).value(y, Tensor<double>({4, 3}, 0.5)), DataError);
  CHECK_THROWS_AS(LossSpec(SquaredHinge()).value(y, Tensor<double>({4, 3}, 2.0)), DataError);
  CHECK_THROWS_AS(LossSpec(KLDivergence()).value(y, Tensor<double>({4, 3}, -1.0)), DataError);
  CHECK_THROWS_AS(LossSpec(BinaryFocalCrossentropy()).value(y, Tensor<double>({4, 3}, 1.5)), DataError);
  CHECK_THROWS_AS(LossSpec(BinaryFocalCrossentropy()).value(Tensor<double>({4, 3}, -1.0), t), DataError);
  CHECK_THROWS_AS(LossSpec(CategoricalFocalCrossentropy()).value(Tensor<double>({4, 3}, -1.0), t), DataError);
  CHECK_THROWS_AS(LossSpec(CategoricalFocalCrossentropy({.alpha = {1, 2}})).value(y, t), ShapeError);
  CHECK_THROWS_AS(LossSpec(NegativeLogLikelihood()).value(y, Tensor<double>({4}, 3.0)), DataError);
  CHECK_THROWS_AS(LossSpec(NegativeLogLikelihood({.class_weight = {1}})).value(y, labels), ShapeError);
  CHECK_THROWS_AS(Poisson({.epsilon = -1}), ConfigError);
  CHECK_THROWS_AS(Tversky({.alpha = -1}), ConfigError);
  CHECK_THROWS_AS(BinaryFocalCrossentropy({.gamma = -1}), ConfigError);
  CHECK_THROWS_AS(BinaryFocalCrossentropy({.alpha = 2}), ConfigError);
  CHECK_THROWS_AS(CategoricalFocalCrossentropy({.alpha = {}}), ConfigError);
  CHECK_THROWS_AS(AUC({.thresholds = 1}), ConfigError);
  CHECK_THROWS_AS(FBetaScore({.beta = 0}), ConfigError);
  CHECK_THROWS_AS(F1Score({.beta = 2}), ConfigError);
  CHECK_THROWS_AS(MetricState(AUC()).update(Tensor<double>({4, 3}, 1.5), t), DataError);
  CHECK_THROWS_AS(MetricState(AUC()).update(y, labels), ShapeError);
  CHECK_THROWS_AS(MetricState(MeanIoU()).update(y, Tensor<double>({4}, 3.0)), DataError);
  CHECK_THROWS_AS(MetricState(R2Score()).update(y, labels), ShapeError);
  for (const double bad : {-0.1, 1.0, std::nan("")}) {
    CHECK_THROWS_AS(Adadelta({.rho = bad}), ConfigError);
    CHECK_THROWS_AS(Adamax({.beta_1 = bad}), ConfigError);
    CHECK_THROWS_AS(Nadam({.beta_2 = bad}), ConfigError);
    CHECK_THROWS_AS(RAdam({.betas = {bad, 0.9}}), ConfigError);
    CHECK_THROWS_AS(Lion({.beta_2 = bad}), ConfigError);
    CHECK_THROWS_AS(Lamb({.beta_1 = bad}), ConfigError);
  }
  CHECK_THROWS_AS(Nadam::torch({.momentum_decay = -1}), ConfigError);
  // far from 0 nothing overflows
  CHECK(LossSpec(LogCosh()).value_and_gradient(Tensor<double>({1, 2}, {800, -800}), Tensor<double>({1, 2}), dy) ==
        doctest::Approx(800 - std::log(2.0)));
  CHECK(dy == Tensor<double>({1, 2}, {0.5, -0.5}));
}

}  // namespace
