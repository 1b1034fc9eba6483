#include <doctest/doctest.h>

#include <keel/training/schedules.hpp>

#include "support/message.hpp"

namespace {

using namespace keel;
using doctest::Approx;

TEST_CASE("schedules by hand") {
  const StepDecay steps{0.4, 10, 0.5};
  CHECK(steps(9) == 0.4);
  CHECK(steps(10) == 0.2);
  CHECK(steps(29) == Approx(0.1));
  const ExponentialDecay smooth{0.1, 10, 0.5}, stairs{0.1, 10, 0.5, true};
  CHECK(smooth(5) == Approx(0.1 * std::sqrt(0.5)));
  CHECK(stairs(19) == Approx(0.05));
  const PiecewiseConstantDecay pieces{{10, 20}, {1, 0.5, 0.1}};
  CHECK(pieces(10) == 1);  // Keras: the boundary itself belongs to the value before it
  CHECK(pieces(11) == 0.5);
  CHECK(pieces(21) == 0.1);
  const auto milestones = PiecewiseConstantDecay::torch(1, {10, 20});
  CHECK(milestones(9) == 1);
  CHECK(milestones(10) == 0.1);
  CHECK(milestones(20) == Approx(0.01));
  const CosineDecay cosine{.initial_learning_rate = 0.2, .decay_steps = 100, .alpha = 0.1};
  CHECK(cosine(0) == 0.2);
  CHECK(cosine(50) == Approx(0.2 * 0.55));
  CHECK(cosine(100) == Approx(0.02));
  CHECK(cosine(1000) == Approx(0.02));
  const CosineDecay warm{.initial_learning_rate = 0, .decay_steps = 100, .warmup_target = 0.4, .warmup_steps = 8};
  CHECK(warm(0) == 0);
  CHECK(warm(2) == Approx(0.1));
  CHECK(warm(8) == 0.4);
  CHECK(warm(58) == Approx(0.2));
  const CosineAnnealing annealing{0.2, 10, 0.1};
  CHECK(annealing(5) == Approx(0.15));
  CHECK(annealing(10) == Approx(0.1));
  CHECK(annealing(20) == Approx(0.2));  // and up again
  const LinearWarmup linear{0.3, 5, 1.0 / 3};
  CHECK(linear(0) == Approx(0.1));
  CHECK(linear(4) == Approx(0.1 + 0.2 * 0.8));
  CHECK(linear(5) == 0.3);
  const LinearWarmup into{cosine, 10};
  CHECK(into(5) == Approx(0.1));
  CHECK(into(60) == Approx(0.2 * 0.55));
}

TEST_CASE("a learning rate is a number or any function of the step") {
  CHECK_FALSE(LearningRate(0.1).scheduled());
  CHECK(LearningRate(0.1).at(1000) == 0.1);
  const LearningRate halves = [](Index step) { return step < 2 ? 1.0 : 0.5; };
  CHECK(halves.scheduled());
  CHECK(halves.at(1) == 1);
  CHECK(halves.at(2) == 0.5);
  const std::string above = "[learning_rate] expected a number above 0, got ";
  CHECK(message([] { LearningRate(0.0); }) == above + "0");
  CHECK(message([] { LearningRate(-0.1); }) == above + "-0.1");
  CHECK(message([] { LearningRate(std::nan("")); }) == above + "nan");
  CHECK(message([] { LearningRate{HUGE_VAL}; }) == above + "inf");
  const LearningRate bad = [](Index step) { return step == 3 ? -1.0 : 1.0; };
  CHECK(message([&] { bad.at(3); }) == "[learning_rate] expected 0 or more from the schedule, got -1 at step 3");
  CHECK(message([] { LearningRate(StepDecay{0.1, 0}); }) == "[StepDecay] expected every above 0, got 0");
  CHECK(message([] {
          LearningRate(ExponentialDecay{0.1, 0, 0.5});
        }) == "[ExponentialDecay] expected decay_steps above 0, got 0");
  CHECK(message([] {
          LearningRate(PiecewiseConstantDecay{{1, 2}, {1, 2}});
        }) == "[PiecewiseConstantDecay] expected one value more than boundaries, got 2 values, 2 boundaries");
  CHECK(message([] {
          LearningRate(PiecewiseConstantDecay{{5, 2}, {1, 2, 3}});
        }) == "[PiecewiseConstantDecay] expected boundaries in increasing order, got 2");
  CHECK(message([] { LearningRate(CosineDecay{.initial_learning_rate = 1, .decay_steps = 1, .alpha = 2}); }) ==
        "[CosineDecay] expected alpha within [0, 1], got 2");
  CHECK(message([] { LearningRate(CosineDecay{.initial_learning_rate = 1, .decay_steps = 1, .warmup_steps = 2}); }) ==
        "[CosineDecay] expected warmup_target and warmup_steps together, got one of them");
}

/// Rates after each of these values.
std::vector<double> rates(PlateauOptions options, const std::vector<double>& values) {
  ReduceOnPlateau plateau(options);
  std::vector<double> all;
  double rate = 1;
  for (const double value : values) all.push_back(rate = plateau(value, rate));
  return all;
}

TEST_CASE("reduce on plateau as in Keras and in PyTorch") {
  using Rates = std::vector<double>;
  const std::vector<double> flat(8, 1.0);
  CHECK(rates({.factor = 0.5, .patience = 2}, flat) == Rates{1, 1, 0.5, 0.5, 0.25, 0.25, 0.125, 0.125});
  CHECK(rates({.factor = 0.5, .patience = 2, .torch = true}, flat) == Rates{1, 1, 1, 0.5, 0.5, 0.5, 0.25, 0.25});
  CHECK(rates({.factor = 0.5, .patience = 2, .cooldown = 2}, flat) == Rates{1, 1, 0.5, 0.5, 0.5, 0.25, 0.25, 0.25});
  CHECK(rates({.factor = 0.5, .patience = 1, .cooldown = 2, .torch = true}, flat) ==
        Rates{1, 1, 0.5, 0.5, 0.5, 0.5, 0.25, 0.25});
  CHECK(rates({.factor = 0.5, .patience = 1, .min_lr = 0.4}, flat) == Rates{1, 0.5, 0.4, 0.4, 0.4, 0.4, 0.4, 0.4});
  // better by 0.05 of 100: enough as an absolute difference of 1e-4, not as a relative one of 1e-3
  const std::vector<double> slow{100, 99.95, 99.9, 99.85};
  CHECK(rates({.factor = 0.5, .patience = 1, .min_delta = 1e-3}, slow) == Rates{1, 1, 1, 1});
  CHECK(rates({.factor = 0.5, .patience = 1, .min_delta = 1e-3, .torch = true}, slow) == Rates{1, 1, 0.5, 0.5});
  CHECK(rates({.factor = 0.5, .patience = 0, .min_delta = 1e-3, .torch = true}, slow) == Rates{1, 0.5, 0.25, 0.25});
  CHECK(rates({.factor = 0.5, .patience = 1, .mode = Mode::max}, {1, 2, 3, 3, 4}) == Rates{1, 1, 1, 0.5, 0.5});
  CHECK(rates({.factor = 0.5, .patience = 2}, {std::nan(""), 1, std::nan(""), std::nan("")}) == Rates{1, 1, 1, 0.5});
  CHECK(message([] { ReduceOnPlateau({.factor = 1}); }) == "[ReduceOnPlateau] expected a factor within (0, 1), got 1");
  CHECK(message([] { ReduceOnPlateau({.patience = -1}); }) ==
        "[ReduceOnPlateau] expected patience of 0 or more, got -1");
}

}  // namespace
