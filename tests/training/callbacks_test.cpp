#include <doctest/doctest.h>

#include <cstdio>
#include <fstream>
#include <iterator>
#include <keel/layers/batch_norm.hpp>
#include <keel/training/fit.hpp>

#include "temporary_directory.hpp"
#include "training/small_problem.hpp"

namespace {

using namespace keel;
using namespace small_problem;

/// Sets the score "val_loss" of each epoch before other callbacks look at it, and notes what happens.
struct Script : Callback<float> {
  explicit Script(std::vector<double> losses) : val_losses(std::move(losses)) {}
  void on_train_begin(Training<>& run) override {
    run.scores.set("val_loss", 0);  // says that epochs will have it
    calls += "(";
  }
  void on_epoch_begin(Training<>& run) override { weights.push_back(values(run.model)); }
  void on_batch_end(Training<>&) override { calls += "."; }
  void on_epoch_end(Training<>& run) override {
    run.scores.set("val_loss", val_losses.at(static_cast<std::size_t>(run.epoch)));
    rates.push_back(run.optimizer.learning_rate());
    calls += "|";
  }
  void on_train_end(Training<>&) override { calls += ")"; }

  std::vector<double> val_losses, rates;
  std::vector<std::vector<Tensor<float>>> weights;  // at the begin of each epoch
  std::string calls;
};

Sequential<float> with_batch_norm() {
  Sequential<float> model({2}, {.seed = 4});
  model.add(Dense(4));
  model.add(BatchNorm());
  model.add(Dense(3, {.activation = Activation::softmax}));
  return model;
}

History run(Model<float>& model, std::vector<AnyCallback<float>> callbacks, Index epochs,
            OptimizerSpec optimizer = SGD({.learning_rate = 0.1})) {
  const Dataset train = rings(20, 1);
  return fit(model, train,
             {.epochs = epochs,
              .batch_size = 10,
              .optimizer = std::move(optimizer),
              .loss = Loss::sparse_categorical_crossentropy,
              .callbacks = std::move(callbacks),
              .verbose = Verbose::silent});
}

TEST_CASE("callbacks are called in order and see the run") {
  Sequential model = classifier();
  Script script({3, 2, 1});
  Index lambda_epochs = 0, batches = 0;
  const History history = run(model,
                              {&script, [&](Training<>& r) { lambda_epochs += r.epoch; },
                               LambdaCallback<>{.on_batch_end = [&](Training<>& r) { batches += r.step; }}},
                              3);
  CHECK(script.calls == "(..|..|..|)");
  CHECK(lambda_epochs == 0 + 1 + 2);
  CHECK(batches == 3 * (1 + 2));
  CHECK(history["val_loss"] == std::vector<double>{3, 2, 1});

  Sequential other = classifier();
  Script cut({3, 2, 1});
  const History stopped =
      run(other, {&cut, LambdaCallback<>{.on_batch_end = [](Training<>& r) { r.stop = r.epoch == 1; }}}, 3);
  CHECK(cut.calls == "(..|.|)");
  CHECK(stopped.epochs == std::vector<Index>{0, 1});
}

TEST_CASE("a callback may end training before an epoch or all of them") {
  for (const Index last : {0, 2}) {
    Sequential model = classifier();
    Index ended = 0;
    const LambdaCallback<> stop{.on_epoch_begin = [&](Training<>& r) { r.stop = r.epoch == last; },
                                .on_train_end = [&](Training<>&) { ++ended; }};
    CHECK(static_cast<Index>(run(model, {stop}, 5).epochs.size()) == last);
    CHECK(ended == 1);
  }
}

TEST_CASE("early stopping ends training and restores the best epoch's weights, moving statistics included") {
  for (const bool restore : {false, true}) {
    Sequential model = with_batch_norm();
    Script script({5, 3, 4, 3, 3.5, 1});
    EarlyStopping stopping({.patience = 3, .restore_best_weights = restore});
    const History history = run(model, {&script, &stopping}, 6);
    CHECK(history.epochs.size() == 5);
    CHECK(stopping.best_epoch() == 1);
    CHECK(stopping.best() == 3);
    CHECK(stopping.stopped_epoch() == 4);
    CHECK((values(model) == script.weights[2]) == restore);
  }
  // the best weights come back without an early end, too
  Sequential model = with_batch_norm();
  Script script({5, 3, 4});
  run(model, {&script, EarlyStopping({.patience = 9, .restore_best_weights = true})}, 3);
  CHECK(values(model) == script.weights[2]);
}

TEST_CASE("early stopping: min_delta, mode, baseline, start") {
  const auto epochs = [](EarlyStoppingOptions options, std::vector<double> losses) {
    Sequential model = classifier();
    const auto count = static_cast<Index>(losses.size());
    Script script(std::move(losses));
    return run(model, {&script, EarlyStopping(std::move(options))}, count).epochs.size();
  };
  CHECK(epochs({.patience = 2}, {5, 4, 3, 2, 1}) == 5);
  CHECK(epochs({.patience = 2}, {5, 5, 5, 5, 5}) == 3);
  CHECK(epochs({}, {5, 4, 4, 3, 2}) == 3);
  CHECK(epochs({.min_delta = 1, .patience = 2}, {5, 4.5, 4.2, 4.1, 1}) == 3);
  CHECK(epochs({.patience = 1, .mode = Mode::max}, {5, 6, 5, 7, 8}) == 3);
  CHECK(epochs({.patience = 2, .baseline = 1}, {5, 4, 3, 2, 1}) == 2);
  CHECK(epochs({.patience = 1, .start_from_epoch = 3}, {5, 5, 5, 5, 5, 5}) == 5);
  CHECK(epochs({.monitor = "loss"}, {5, 5}) == 2);
  const double nan = std::nan("");  // never better, in the first epoch neither: Keras begins with infinity
  CHECK(epochs({.patience = 2}, {nan, nan, nan, nan}) == 2);
  CHECK(epochs({.patience = 2}, {nan, 5, 6, 6, 6}) == 4);
}

TEST_CASE("a checkpoint is saved for each better epoch") {
  const auto saved = [](CheckpointOptions options) {
    Sequential model = classifier();
    Script script({5, 6, 4, 4, 3});
    std::vector<Index> epochs;
    run(model, {&script, ModelCheckpoint<>([&](Training<>& r) { epochs.push_back(r.epoch); }, options)}, 5);
    return epochs;
  };
  CHECK(saved({}) == std::vector<Index>{0, 2, 4});
  CHECK(saved({.mode = Mode::max}) == std::vector<Index>{0, 1});
  CHECK(saved({.save_best_only = false}) == std::vector<Index>{0, 1, 2, 3, 4});
  CHECK(saved({.initial_value_threshold = 3.5}) == std::vector<Index>{4});
}

TEST_CASE("learning rates by epoch and on plateaus") {
  Sequential model = classifier();
  Script script({5, 5, 5, 5, 5});
  const History scheduled = run(model, {&script, LearningRateScheduler<>(StepDecay{0.4, 2, 0.5})}, 5);
  CHECK(scheduled["learning_rate"] == std::vector<double>{0.4, 0.4, 0.2, 0.2, 0.1});
  Script flat({5, 5, 5, 5, 5});
  const History reduced = run(model, {&flat, ReduceLROnPlateau({.factor = 0.5, .patience = 2})}, 5);
  CHECK(reduced["learning_rate"] == std::vector<double>{0.1, 0.1, 0.1, 0.05, 0.05});
  Script rising({1, 2, 3, 4, 5});
  const History kept = run(model, {&rising, ReduceLROnPlateau({.patience = 1, .mode = Mode::max})}, 5);
  CHECK(kept["learning_rate"] == std::vector<double>(5, 0.1));
}

std::string content(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

TEST_CASE("a CSV log holds the history") {
  const TemporaryDirectory directory;
  const std::string path = directory / "log.csv";
  Sequential model = classifier();
  Script first({3, 2}), second({9, 9, 1});
  const History history = run(model, {&first, CsvLogger(path)}, 2);
  CHECK(content(path) == history.to_csv());
  CHECK(history.to_csv().rfind("epoch,loss,val_loss\n0,", 0) == 0);
  run(model, {&second, CsvLogger(path, true)}, 1);
  const std::string more = content(path);
  CHECK(more.rfind(history.to_csv(), 0) == 0);
  CHECK(std::count(more.begin(), more.end(), '\n') == 4);
  // a new file has a header also when appended to, and a resumed run leaves what is there
  const std::string fresh = directory / "fresh.csv";
  const Dataset train = rings(20, 1);
  const CsvLogger<> log(fresh, true), again(fresh);
  const auto epoch = [&](const CsvLogger<>& logger, Index i) {
    fit(model, train,
        {.epochs = i + 1,
         .loss = Loss::sparse_categorical_crossentropy,
         .callbacks = {logger},
         .initial_epoch = i,
         .verbose = Verbose::silent});
  };
  epoch(log, 0);
  epoch(again, 1);
  const std::string resumed = content(fresh);
  CHECK(resumed.rfind("epoch,loss\n0,", 0) == 0);
  CHECK(resumed.find("\n1,") != std::string::npos);
  CHECK(std::count(resumed.begin(), resumed.end(), '\n') == 3);
  epoch(again, 0);
  const std::string anew = content(fresh);
  CHECK(std::count(anew.begin(), anew.end(), '\n') == 2);
}

TEST_CASE("callbacks refuse what they cannot use") {
  Sequential model = classifier();
  Script script({5, 4});
  CHECK_THROWS_WITH_AS(
      run(model, {EarlyStopping({.monitor = "val_los"})}, 1),
      "[EarlyStopping] expected a score to monitor, one of loss, got 'val_los' (set FitOptions::validation)",
      ConfigError);
  CHECK_THROWS_WITH_AS(EarlyStopping({.patience = -1}), "[EarlyStopping] expected patience of 0 or more, got -1",
                       ConfigError);
  CHECK_THROWS_WITH_AS(ModelCheckpoint<>(nullptr), "[ModelCheckpoint] expected a function that saves, got none",
                       ConfigError);
  CHECK_THROWS_WITH_AS(run(model, {static_cast<Callback<float>*>(nullptr)}, 1),
                       "[fit] expected callbacks, got a null pointer", ConfigError);
  CHECK_THROWS_WITH_AS(run(model, {CsvLogger("/no/such/folder/log.csv")}, 1),
                       "[CsvLogger] expected a file that can be written, got '/no/such/folder/log.csv'", FormatError);
  CHECK_THROWS_WITH_AS(
      run(model, {LearningRateScheduler<>(StepDecay{0.4, 2})}, 1, SGD({.learning_rate = StepDecay{0.1, 1}})),
      "[SGD] expected a number as learning rate to be changed, got a schedule", ConfigError);
}

}  // namespace
