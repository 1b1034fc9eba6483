// Runs that stop and go on: the same bits as one that never stopped.
#include <keel/training/checkpoint.hpp>

#include <csignal>
#include <cstdio>
#include <fstream>
#include <iterator>

#include <doctest/doctest.h>

#include <keel/layers/batch_norm.hpp>
#include <keel/training/metrics/auc.hpp>
#include <keel/training/metrics/f_score.hpp>
#include <keel/training/metrics/mean_iou.hpp>
#include <keel/training/metrics/regression.hpp>
#include <keel/training/optimizers/adadelta.hpp>
#include <keel/training/optimizers/adamax.hpp>
#include <keel/training/optimizers/lamb.hpp>
#include <keel/training/optimizers/lion.hpp>
#include <keel/training/optimizers/nadam.hpp>
#include <keel/training/optimizers/radam.hpp>
#include <keel/training/prefetch.hpp>

#include "small_problem.hpp"
#include "support/message.hpp"

using namespace keel;
using namespace small_problem;

namespace checkpoint_test {  // a name of its own: the files of a folder are compiled together

namespace {

struct Kill {};

/// A file of a test, removed at its end.
struct TemporaryFile {
  explicit TemporaryFile(std::string name)
      : path("/tmp/keel_checkpoint_test_" + std::to_string(::getpid()) + "_" + name) {
    std::remove(path.c_str());
  }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  ~TemporaryFile() { std::remove(path.c_str()); }
  std::string text() const {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  std::string path;
};

/// Keeps a sum of the losses that it sees, and lowers the rate by it.
struct OwnCallback : Callback<float> {
  double sum = 0;
  void on_batch_end(Training<float>& run) override { sum += run.scores["loss"]; }
  void on_epoch_end(Training<float>& run) override { run.scores.set("sum", sum); }
  void remember(Memory& memory) override { memory("sum", sum); }
};

Sequential<float> network(int threads) {
  Sequential<float> model({2}, {.seed = 4, .threads = threads});
  model.add(Dense(16, {.activation = Activation::tanh}));
  model.add(BatchNorm());
  model.add(Dropout(0.3));
  model.add(Dense(3, {.activation = Activation::softmax}));
  return model;
}

Dataset<float> noisy(Index count, std::uint64_t seed) {
  Dataset<float> data = rings(count, seed);
  data.map([](Batch<float>& batch) {  // an augmentation
    for (Index i = 0; i < batch.size(); ++i) {
      Rng rng(1, Rng::stream_id({static_cast<std::uint64_t>(batch.epoch),
                                 static_cast<std::uint64_t>(batch.indices[static_cast<std::size_t>(i)])}));
      batch.inputs[0](i, 0) += static_cast<float>(rng.normal() * 0.05);
    }
  });
  return data;
}

enum class Source { dataset, tensors, generator, prefetch };  // what fit takes

struct Setting {
  OptimizerSpec optimizer;
  int threads = 1;
  Source source = Source::dataset;
  Index accumulate = 1;
};

struct Outcome {
  std::vector<Tensor<float>> values;
  std::string history, csv;
  double rate = 0;
  friend bool operator==(const Outcome&, const Outcome&) = default;
};

/// A run that is killed after `kill` batches, if that is above 0.
Outcome train(const Setting& s, const TemporaryFile& file, const TemporaryFile& log, Index kill,
              CheckpointTimes times = {.batches = 1}) {
  static const Dataset<float> data = noisy(50, 1), test = rings(20, 2);
  Sequential<float> model = network(s.threads);
  Optimizer<float> optimizer = s.optimizer;
  Index batches = 0;
  FitOptions<float> o{.epochs = 6,
                      .batch_size = 16,
                      .accumulate = s.accumulate,
                      .optimizer = &optimizer,
                      .loss = Loss::sparse_categorical_crossentropy,
                      .metrics = {Metric::accuracy, F1Score(), Metric::precision},
                      .validation = &test,
                      .seed = 9,
                      .verbose = Verbose::silent};
  const bool scheduled = s.optimizer.learning_rate.scheduled();
  if (!scheduled)
    o.callbacks.emplace_back(ReduceLROnPlateau<>({.factor = 0.5, .patience = 1, .min_delta = 0.05}, "loss"));
  o.callbacks.emplace_back(EarlyStopping<>({.min_delta = 0.01, .patience = 4, .restore_best_weights = true}));
  o.callbacks.emplace_back(OwnCallback());
  o.callbacks.emplace_back(CsvLogger<>(log.path));
  o.callbacks.emplace_back(Checkpoint(file.path, times));
  o.callbacks.emplace_back(LambdaCallback<>{.on_batch_end = [&](Training<>&) {
    if (++batches == kill) throw Kill{};
  }});
  o.resume = if_exists(file.path);
  const auto history_of = [&] {
    const Batches batches(data, {.batch_size = 16, .seed = 9});
    switch (s.source) {
      case Source::tensors: return fit(model, data.images(), data.labels(), o);
      case Source::generator: return fit(model, batches, o);
      case Source::prefetch: return fit(model, Prefetch<float>(batches, 3), o);
      case Source::dataset: break;
    }
    return fit(model, data, o);
  };
  const History history = history_of();
  return {values(model), history.to_csv(), log.text(), optimizer.learning_rate()};
}

/// What comes out where the run is killed after every `every` batches until it gets through.
void check_resumed(const Setting& s, Index every, CheckpointTimes times = {.batches = 1}) {
  TemporaryFile file("run.safetensors"), log("run.csv");
  const Outcome whole = train(s, file, log, 0, times);
  REQUIRE(whole.history.size() > 0);
  const Outcome again = train(s, file, log, 0, times);  // of a run that is over: nothing is done
  CHECK(again == whole);
  std::remove(file.path.c_str());
  for (int starts = 0;; ++starts) {
    REQUIRE(starts < 100);
    try {
      const Outcome resumed = train(s, file, log, every, times);
      CHECK(resumed.values == whole.values);
      CHECK(resumed.history == whole.history);
      CHECK(resumed.csv == whole.csv);
      CHECK(resumed.rate == whole.rate);
      CHECK(starts > 0);
      return;
    } catch (const Kill&) {
    }
  }
}

std::vector<OptimizerSpec> all_optimizers() {
  return {SGD({.momentum = 0.9, .nesterov = true}),
          SGD::torch({.momentum = 0.9, .dampening = 0.1}),
          Adam({.learning_rate = 0.02, .amsgrad = true}),
          Adam::torch(),
          AdamW(),
          RMSprop({.momentum = 0.5, .centered = true}),
          Adagrad(),
          Adadelta(),
          Adamax(),
          Nadam(),
          Nadam::torch(),
          RAdam(),
          Lion(),
          Lamb(),
          Adam({.learning_rate = CosineDecay{0.05, 20}, .clip = Clip::by_global_norm(1)})};
}

}  // namespace

TEST_CASE("a run with a checkpoint goes on to the same bits: every optimizer, killed after every second batch") {
  for (const OptimizerSpec& optimizer : all_optimizers()) {
    CAPTURE(optimizer.name);
    check_resumed({.optimizer = optimizer}, 2);
  }
}

TEST_CASE(
    "a run with a checkpoint goes on to the same bits: whatever fit takes, 1 to 3 threads, wherever it was killed") {
  for (const Source source : {Source::dataset, Source::tensors, Source::generator, Source::prefetch})
    for (const int threads : {1, 2, 3})
      for (const Index every : {3, 4, 5, 7, 23}) {
        CAPTURE(static_cast<int>(source));
        CAPTURE(threads);
        CAPTURE(every);
        check_resumed({.optimizer = Adam({.learning_rate = 0.02}), .threads = threads, .source = source}, every);
      }
}

TEST_CASE(
    "a run with a checkpoint goes on to the same bits: checkpoints after epochs, every third batch, while gradients "
    "gather") {
  for (const Index accumulate : {1, 3})
    for (const CheckpointTimes times : {CheckpointTimes{}, {.batches = 3}, {.epochs = 0, .batches = 1}, {.epochs = 2}})
      for (const Index every : {9, 11}) {
        CAPTURE(accumulate);
        CAPTURE(every);
        check_resumed({.optimizer = Adam({.learning_rate = 0.02}), .accumulate = accumulate}, every, times);
      }
}

TEST_CASE("every metric goes on inside an epoch") {
  struct Longest : Metric {  // one of a user's own, that keeps what add() keeps
    std::string name() const override { return "longest"; }
    void update(const Rows& y, const Rows&) override { add(y.maxCoeff(), 1); }
  };
  TemporaryFile file("metrics.safetensors");
  const auto run = [&](Index kill) {
    Sequential<float> model = classifier();
    Dataset<float> data = rings(40, 1);
    Tensor<float> one_hot({40, 3});
    for (Index i = 0; i < 40; ++i) one_hot(i, static_cast<Index>(data.labels()[i])) = 1;
    data = {data.images(), one_hot};
    return fit(model, data,
               {.epochs = 2,
                .batch_size = 8,
                .loss = Loss::categorical_crossentropy,
                .metrics = {Metric::accuracy,
                            Metric::binary_accuracy,
                            {Metric::top_k, {.k = 2}},
                            Metric::mse,
                            Metric::mae,
                            Metric::precision,
                            Metric::recall,
                            AUC(),
                            AUC({.curve = AucOptions::Curve::pr}),
                            F1Score(),
                            FBetaScore({.beta = 2}),
                            MeanIoU(),
                            R2Score(),
                            MeanAbsolutePercentageErrorMetric(),
                            CosineSimilarityMetric(),
                            Longest()},
                .callbacks = {Checkpoint(file.path, {.batches = 1}), LambdaCallback<>{.on_batch_end =
                                                                                          [&](Training<>& r) {
                                                                                            if (r.epoch * 5 + r.step ==
                                                                                                kill)
                                                                                              throw Kill{};
                                                                                          }}},
                .resume = if_exists(file.path),
                .verbose = Verbose::silent})
        .to_csv();
  };
  const std::string whole = run(0);
  for (const Index kill : {2, 4, 5, 8}) {
    std::remove(file.path.c_str());
    CHECK_THROWS_AS(run(kill), Kill);
    CHECK(run(0) == whole);
  }
}

TEST_CASE("Ctrl-C ends training after the batch with a checkpoint, and a second call goes on") {
  TemporaryFile file("interrupt.safetensors");
  const Dataset<float> data = rings(50, 1);
  const auto run = [&](Index at, Verbose verbose, std::FILE* output) {
    Sequential<float> model = classifier(0.2);
    Index ends = 0;
    History history = fit(model, data,
                          {.epochs = 3,
                           .batch_size = 16,
                           .loss = Loss::sparse_categorical_crossentropy,
                           .callbacks = {Checkpoint(file.path, {.epochs = 0}),
                                         LambdaCallback<>{.on_batch_end =
                                                              [&](Training<>& r) {
                                                                if (r.epoch * 4 + r.step == at) std::raise(SIGINT);
                                                              },
                                                          .on_train_end = [&](Training<>&) { ++ends; }}},
                           .resume = if_exists(file.path),
                           .stop_on_interrupt = true,
                           .verbose = verbose,
                           .output = output});
    CHECK(ends == 1);
    return std::pair(values(model), history);
  };
  const auto whole = run(0, Verbose::silent, nullptr);
  for (const Index at : {2, 4, 6, 8, 12}) {
    CAPTURE(at);
    std::remove(file.path.c_str());
    const auto part = run(at, Verbose::silent, nullptr);
    CHECK(part.second.epochs.size() == static_cast<std::size_t>((at - 1) / 4));
    REQUIRE(if_exists(file.path) == file.path);
    const auto rest = run(0, Verbose::silent, nullptr);
    CHECK(rest.first == whole.first);
    CHECK(rest.second.to_csv() == whole.second.to_csv());
  }
  // the handler from before is back
  static int caught = 0;
  std::signal(SIGINT, [](int) { ++caught; });
  std::remove(file.path.c_str());
  run(5, Verbose::silent, nullptr);
  CHECK(caught == 0);
  std::raise(SIGINT);
  CHECK(caught == 1);
  std::signal(SIGINT, SIG_DFL);
}

TEST_CASE("an exception leaves the epochs so far with the caller") {
  Sequential<float> model = classifier();
  History history;
  FitOptions<float> o{.epochs = 5,
                      .loss = Loss::sparse_categorical_crossentropy,
                      .callbacks = {LambdaCallback<>{.on_epoch_begin =
                                                         [](Training<>& run) {
                                                           if (run.epoch == 3) throw Kill{};
                                                         }}},
                      .history = &history,
                      .verbose = Verbose::silent};
  CHECK_THROWS_AS(fit(model, rings(50, 1), o), Kill);
  CHECK(history.epochs == std::vector<Index>{0, 1, 2});
  o.callbacks.clear();
  const History whole = fit(model, rings(50, 1), o);
  CHECK(history.to_csv() == whole.to_csv());
}

TEST_CASE("gathered gradients are those of one large batch") {
  const Dataset<float> data = rings(48, 1);
  const auto run = [&](Index batch_size, Index accumulate, Index epochs) {
    Sequential<double> model({2}, {.seed = 4});
    model.add(Dense<double>(5, {.activation = Activation::tanh})).add(Dense<double>(3));
    Tensor<double> x(data.images().shape()), y(data.labels().shape());
    std::copy(data.images().begin(), data.images().end(), x.begin());
    std::copy(data.labels().begin(), data.labels().end(), y.begin());
    Optimizer<double> optimizer = SGD({.learning_rate = 0.1, .momentum = 0.9});
    fit(model, Dataset<double>(x, y),
        {.epochs = epochs,
         .batch_size = batch_size,
         .accumulate = accumulate,
         .optimizer = &optimizer,
         .loss = {Loss::sparse_categorical_crossentropy, {.from_logits = true}},
         .shuffle = false,
         .verbose = Verbose::silent});
    std::vector<double> all;
    for (const auto* p : model.parameters()) all.insert(all.end(), p->value().begin(), p->value().end());
    return std::pair(all, optimizer.iteration());
  };
  const auto whole = run(24, 1, 3), parts = run(6, 4, 3), across = run(8, 4, 2);  // 6 batches an epoch: 3 steps in two
  CHECK(whole.second == 6);
  CHECK(parts.second == 6);
  CHECK(across.second == 3);
  for (std::size_t i = 0; i < whole.first.size(); ++i)
    CHECK(whole.first[i] == doctest::Approx(parts.first[i]).epsilon(1e-12));
  CHECK_THROWS_AS(run(8, 0, 1), ConfigError);
}

TEST_CASE("frozen layers and the optimizer's steps of each parameter come back") {
  TemporaryFile file("frozen.safetensors");
  const auto run = [&](Index kill) {
    Sequential<float> model = classifier();
    model.layer(0).freeze(Freeze::layer);
    const auto thaw = [&](Training<>& r) {
      if (r.epoch == 2) r.model.layer(0).freeze(Freeze::none);
      if (r.epoch == kill) throw Kill{};
    };
    fit(model, rings(30, 1),
        {.epochs = 5,
         .optimizer = Adam::torch(),
         .loss = Loss::sparse_categorical_crossentropy,
         .callbacks = {LambdaCallback<>{.on_epoch_begin = thaw}, Checkpoint(file.path)},
         .resume = if_exists(file.path),
         .verbose = Verbose::silent});
    return values(model);
  };
  const auto whole = run(-1);
  std::remove(file.path.c_str());
  CHECK_THROWS_AS(run(4), Kill);
  CHECK(run(-1) == whole);
}

TEST_CASE("a checkpoint that is damaged, of something else or of another run is refused, and nothing changes") {
  TemporaryFile file("refused.safetensors"), broken("broken.safetensors");
  const Dataset<float> data = rings(32, 1);
  const auto with = [&](auto&& change, const std::string& path, Index units = 16) {
    Sequential<float> model({2}, {.seed = 4});
    model.add(Dense(units, {.activation = Activation::tanh})).add(Dense(3));
    FitOptions<float> o{.epochs = 1,
                        .batch_size = 16,
                        .optimizer = Adam(),
                        .loss = {Loss::sparse_categorical_crossentropy, {.from_logits = true}},
                        .metrics = {Metric::accuracy},
                        .seed = 3,
                        .callbacks = {EarlyStopping<>({.monitor = "loss"}), Checkpoint(file.path)},
                        .resume = path,
                        .verbose = Verbose::silent};
    change(o);
    const auto before = values(model);
    const std::string message = ::message([&] { fit(model, data, o); });
    if (message != "no error") CHECK(values(model) == before);
    return message;
  };
  const auto same = [](FitOptions<float>&) {};
  CHECK(with([](FitOptions<float>& o) { o.resume = {}; }, "") == "no error");
  CHECK(with(same, file.path) == "no error");
  const auto says = [](const std::string& text, std::initializer_list<std::string> parts) {
    for (const std::string& part : parts)
      if (text.find(part) == text.npos) return false;
    return true;
  };
  CHECK(says(with(same, "/nowhere/run.safetensors"),
             {"[/nowhere/run.safetensors]", "a checkpoint to resume", "no such file", "if_exists"}));
  CHECK(says(with(same, file.path, 17), {file.path, "of shape (17)", "of shape (16)", "build model and options"}));
  CHECK(says(with([](auto& o) { o.optimizer = SGD(); }, file.path), {"optimizer SGD", "optimizer Adam"}));
  CHECK(says(with([](auto& o) { o.optimizer = Adam::torch(); }, file.path), {"optimizer Adam (PyTorch)"}));
  CHECK(says(with([](auto& o) { o.seed = 4; }, file.path), {"seed 4", "seed 3"}));
  CHECK(says(with(
                 [](auto& o) {
                   o.loss = {Loss::categorical_crossentropy, {.from_logits = true}};
                 },
                 file.path),
             {"losses categorical_crossentropy", "losses sparse_categorical_crossentropy"}));
  CHECK(says(with([](auto& o) { o.accumulate = 4; }, file.path), {"accumulate 4", "accumulate 1"}));
  CHECK(says(with([](auto& o) { o.metrics.clear(); }, file.path), {"metrics accuracy"}));
  CHECK(says(with([](auto& o) { o.callbacks.pop_back(); }, file.path), {"callbacks 1", "callbacks 2"}));
  CHECK(says(with([](auto& o) { o.initial_epoch = 1; }, file.path), {"resume or initial_epoch", "both"}));

  const std::string whole = file.text();
  REQUIRE(whole.size() > 500);
  const auto damage = [&](auto&& change) {
    std::string bytes = whole;
    change(bytes);
    std::ofstream(broken.path, std::ios::binary) << bytes;
    return with(same, broken.path);
  };
  for (std::size_t i = 0; i < whole.size(); i += 97) {
    const std::string message = damage([&](std::string& bytes) { bytes[i] = static_cast<char>(bytes[i] ^ 4); });
    CAPTURE(i);
    CHECK(message.find(broken.path) != message.npos);
  }
  CHECK(says(damage([](std::string& bytes) { bytes.back() = static_cast<char>(bytes.back() ^ 1); }),
             {"the file is damaged"}));
  const auto turn = [](std::string& bytes) {  // a kernel's shape, (2, 16), into one of as many values
    const std::size_t at = bytes.find("[2,16]");
    REQUIRE(at != bytes.npos);
    bytes.replace(at, 6, "[16,2]");
  };
  CHECK(says(damage(turn), {"the file is damaged"}));
  CHECK(damage([](std::string& bytes) { bytes.resize(bytes.size() / 2); }).find("cut short") != std::string::npos);
  Archive other{"", "", {to_array("a", Tensor<float>({2}))}, {}};
  write_safetensors(broken.path, other);
  CHECK(says(with(same, broken.path), {"a checkpoint of a training run", "load_weights"}));
}

}  // namespace checkpoint_test
