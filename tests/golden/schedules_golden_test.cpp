#include <doctest/doctest.h>

#include <keel/training/schedules.hpp>

#include "support/golden.hpp"

namespace {

using namespace keel;
using golden::Settings;

LearningRate torch_schedule(const Settings& s) {
  const double lr = s.number("lr");
  const std::string kind = s.text("schedule");
  const auto index = [&](const char* key) { return static_cast<Index>(s.number(key)); };
  if (kind == "StepLR") return StepDecay{lr, index("step_size"), s.number("gamma")};
  if (kind == "MultiStepLR") return PiecewiseConstantDecay::torch(lr, s.indices("milestones"), s.number("gamma"));
  if (kind == "ExponentialLR") return ExponentialDecay{lr, 1, s.number("gamma")};
  if (kind == "CosineAnnealingLR") return CosineAnnealing{lr, index("T_max"), s.number("eta_min")};
  REQUIRE(kind == "LinearLR");
  return LinearWarmup{lr, index("total_iters"), s.number("start_factor")};
}

LearningRate keras_schedule(const Settings& s) {
  const std::string kind = s.text("schedule");
  const auto index = [&](const char* key) { return static_cast<Index>(s.number(key)); };
  if (kind == "PiecewiseConstantDecay") return PiecewiseConstantDecay{s.indices("boundaries"), s.numbers("values")};
  const double lr = s.number("initial_learning_rate");
  if (kind == "ExponentialDecay")
    return ExponentialDecay{lr, index("decay_steps"), s.number("decay_rate"), s.flag("staircase")};
  REQUIRE(kind == "CosineDecay");
  CosineDecay decay{lr, index("decay_steps"), s.number("alpha")};
  if (s.has("warmup_target")) {
    decay.warmup_target = s.number("warmup_target");
    decay.warmup_steps = index("warmup_steps");
  }
  return decay;
}

void replay_plateau(const golden::File& file, const std::string& name, const Settings& s, bool torch) {
  CAPTURE(name);
  PlateauOptions options{.factor = s.number("factor"), .patience = static_cast<Index>(s.number("patience"))};
  options.torch = torch;
  options.cooldown = static_cast<Index>(s.number("cooldown", 0));
  options.min_lr = s.number("min_lr", 0);
  options.min_delta = s.number(torch ? "threshold" : "min_delta", options.min_delta);
  if (s.has("mode")) options.mode = Mode::max;
  ReduceOnPlateau plateau(options);
  const auto metric = file.tensor(name + "/metric"), rates = file.tensor(name + "/learning_rate");
  double rate = s.number("lr");
  for (Index i = 0; i < metric.size(); ++i) {
    CAPTURE(i);
    rate = plateau(metric[i], rate);
    CHECK(std::abs(rate / rates[i] - 1) < 1e-12);
  }
}

void replay_schedule(const golden::File& file, const std::string& name, const LearningRate& rate) {
  CAPTURE(name);
  const auto rates = file.tensor(name + "/learning_rate");
  for (Index i = 0; i < rates.size(); ++i) {
    CAPTURE(i);
    CHECK(std::abs(rate.at(i) / rates[i] - 1) < 1e-12);
  }
}

void replay(const char* name, LearningRate (*schedule)(const Settings&), bool torch) {
  const golden::File file(name);
  CHECK(file.cases().size() == 9);
  for (const auto& [key, settings] : file.cases())
    if (settings.text("schedule") == "ReduceLROnPlateau")
      replay_plateau(file, key, settings, torch);
    else
      replay_schedule(file, key, schedule(settings));
}

TEST_CASE("learning rates are PyTorch's") { replay("schedules_torch", torch_schedule, true); }

TEST_CASE("learning rates are Keras's") { replay("schedules_keras", keras_schedule, false); }

}  // namespace
