#include <doctest/doctest.h>

#include <filesystem>

#include <keel/training/optimizers/adadelta.hpp>
#include <keel/training/optimizers/adafactor.hpp>
#include <keel/training/optimizers/adagrad.hpp>
#include <keel/training/optimizers/adamax.hpp>
#include <keel/training/optimizers/lamb.hpp>
#include <keel/training/optimizers/lion.hpp>
#include <keel/training/optimizers/nadam.hpp>
#include <keel/training/optimizers/radam.hpp>
#include <keel/training/metrics/auc.hpp>
#include <keel/training/metrics/f_score.hpp>
#include <keel/training/metrics/mean_iou.hpp>
#include <keel/training/metrics/regression.hpp>

#include "distributed/distributed_testing.hpp"
#include "support/message.hpp"
#include "temporary_directory.hpp"

using namespace keel;
using namespace distributed_testing;

namespace {

template <class T>
FitOptions<T> options_of(OptimizerSpec optimizer = Adam()) {
  // 5 steps an epoch of which the last has 3 samples: 20 steps, and ranks without samples
  return {.epochs = 4,
          .batch_size = 24,
          .optimizer = std::move(optimizer),
          .loss = Loss::sparse_categorical_crossentropy,
          .metrics = {Metric::accuracy}};
}

template <class T, class Build>
void check_like_one(Build&& build, const Dataset<T>& data, const FitOptions<T>& options, double bound) {
  const Outcome one = train<T>(build(), data, options);
  for (const Index ranks : {2, 3, 4}) {
    CAPTURE(ranks);
    const std::vector<Outcome> all = train_together<T>(ranks, build, data, options);
    for (const Outcome& outcome : all) {
      CHECK(outcome.values == all[0].values);
      CHECK(difference(outcome, all[0]) == 0);
    }
    CHECK(difference(all[0], one) < bound);
  }
}

}  // namespace

TEST_CASE_TEMPLATE("ranks train as one with the joined batch does", T, float, double) {
  const double bound = std::is_same_v<T, float> ? 1e-5 : 1e-11;
  const Dataset<T> data = images<T>(99);
  for (const bool torch : {false, true}) {
    CAPTURE(torch);
    check_like_one<T>([&] { return plain<T>(norm(true, torch)); }, data, options_of<T>(SGD({.learning_rate = 0.05})),
                      bound);
    check_like_one<T>([&] { return residual<T>(norm(true, torch)); }, data, options_of<T>(SGD({.learning_rate = 0.05})),
                      bound);
  }
}

TEST_CASE("ranks train as one with each optimizer") {
  const Dataset<double> data = images<double>(99);
  const OptimizerSpec optimizers[] = {SGD({.learning_rate = 0.05, .momentum = 0.9}),
                                      Adam(),
                                      RMSprop(),
                                      Adagrad(),
                                      Adadelta(),
                                      Adamax(),
                                      Nadam(),
                                      RAdam(),
                                      Lion(),
                                      Lamb(),
                                      Adafactor()};
  for (const OptimizerSpec& optimizer : optimizers) {
    CAPTURE(optimizer.name);
    check_like_one<double>([] { return residual<double>(); }, data, options_of<double>(optimizer), 1e-11);
  }
}
