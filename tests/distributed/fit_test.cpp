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

TEST_CASE("gradients that are summed one by one, some together or all together give the same bits") {
  const Dataset<float> data = images<float>(99);
  const auto build = [] { return residual<float>(norm(true)); };
  const std::vector<Outcome> all = train_together<float>(3, build, data, options_of<float>());
  for (const std::size_t bucket_bytes : {1, 64, 300, 2000}) {
    CAPTURE(bucket_bytes);
    for (const Outcome& outcome : train_together<float>(3, build, data, options_of<float>(), bucket_bytes)) {
      CHECK(outcome.values == all[0].values);
      CHECK(difference(outcome, all[0]) == 0);
    }
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

TEST_CASE("what shards are evaluated and predicted as is what the whole is") {
  const Dataset<double> data = images<double>(37);
  Sequential<double> model = plain<double>();
  const EvaluateOptions options{.loss = Loss::sparse_categorical_crossentropy,
                                .metrics = {Metric::accuracy, Metric::precision, F1Score(), MeanIoU()}};
  const Scores whole = evaluate(model, data, options);
  const Tensor<double> predicted = model.predict(data.images());
  for (const Index ranks : {1, 2, 3, 40}) {
    CAPTURE(ranks);
    ThreadRanks(ranks).run([&](Communicator& rank) {
      const Model<double> own = model.clone();
      const Scores scores = evaluate(own, rank.shard(data), options);
      for (const auto& [name, value] : whole.entries())
        if (std::abs(scores[name] - value) > 1e-12)
          throw DataError(name, std::to_string(value), std::to_string(scores[name]));
      const Tensor<double> y = predict(own, rank.shard(data));
      if (!std::equal(y.begin(), y.end(), predicted.begin(), predicted.end()))
        throw DataError("predict", "the whole", "others");
    });
  }
}

TEST_CASE("a rank that throws ends the others with an error that names it") {
  const Dataset<float> data = images<float>(64);
  std::vector<std::string> said(3);
  const std::string thrown = message([&] {
    ThreadRanks(3, {.timeout = 60}).run([&](Communicator& rank) {
      FitOptions<float> options = options_of<float>();
      options.epochs = 100;
      options.callbacks.push_back([&](Training<>& run) {
        if (rank.rank() == 1 && run.epoch == 2) throw DataError("callback", "nothing", "a fault");
      });
      try {
        train<float>(plain<float>(), data, options, &rank);
      } catch (const Error& error) {
        nth(said, rank.rank()) = error.what();
        throw;
      }
    });
  });
  CHECK(thrown == "[callback] expected nothing, got a fault");
  for (const std::size_t r : {0, 2})
    CHECK(contains(said[r], "the end of rank 1: [callback] expected nothing, got a fault"));
}

TEST_CASE("ranks that differ are refused before the first step, on every rank") {
  const Dataset<float> data = images<float>(64), fewer = images<float>(63);
  const auto refusal = [&](auto&& change) {
    std::vector<std::string> said(3);
    message([&] {
      ThreadRanks(3, {.timeout = 60}).run([&](Communicator& rank) {
        FitOptions<float> options = options_of<float>();
        bool synchronized = true;
        const Dataset<float>* own = &data;
        if (rank.rank() == 1) change(options, synchronized, own);
        try {
          train<float>(plain<float>(norm(synchronized)), *own, options, &rank);
        } catch (const ConfigError& error) {
          nth(said, rank.rank()) = error.what();
          throw;
        }
      });
    });
    CHECK(said[0] == said[1]);
    CHECK(said[0] == said[2]);
    return said[0];
  };
  using Options = FitOptions<float>;
  using Data = const Dataset<float>*;
  CHECK(contains(refusal([](Options& o, bool&, Data&) { o.seed = 7; }), "seed 0, got seed 7 on rank 1"));
  CHECK(contains(refusal([](Options&, bool& s, Data&) { s = false; }), "synchronized 0 on rank 1"));
  CHECK(contains(refusal([&](Options&, bool&, Data& d) { d = &fewer; }), "63 samples of all ranks on rank 1"));
  CHECK(contains(refusal([](Options& o, bool&, Data&) { o.batch_size = 9; }), "batch_size 9 on rank 1"));
}

TEST_CASE("a checkpoint is resumed by any number of ranks") {
  const TemporaryDirectory folder;
  const Dataset<double> data = images<double>(96);
  FitOptions<double> options = options_of<double>(SGD({.learning_rate = 0.05, .momentum = 0.9}));
  const Outcome whole = train<double>(plain<double>(), data, options);
  FitOptions<double> first = options;
  first.epochs = 2;
  first.callbacks = {Checkpoint<double>(folder / "run.safetensors")};
  train_together<double>(
      4, [] { return plain<double>(); }, data, first);
  options.callbacks = {LambdaCallback<double>{}};
  options.resume = folder / "run.safetensors";
  for (const Index ranks : {2, 3}) {
    CAPTURE(ranks);
    for (const Outcome& outcome : train_together<double>(
             ranks, [] { return plain<double>(); }, data, options))
      CHECK(difference(outcome, whole) < 1e-11);
  }
  CHECK(difference(train<double>(plain<double>(), data, options), whole) < 1e-11);
}
