/// Options of training, on several ranks and on one: the same comes out.

#include <doctest/doctest.h>

#include <functional>

#include <keel/training/optimizers/adamax.hpp>
#include <keel/training/optimizers/nadam.hpp>
#include <keel/training/optimizers/radam.hpp>

#include "distributed/distributed_testing.hpp"

namespace distributed_options_test {

using namespace keel;
using namespace distributed_testing;

/// Samples of unequal weight, four classes, 5 joined batches of which the last has 3 samples.
template <class T>
Dataset<T> weighted(Index count = 99) {
  Dataset<T> data = images<T>(count);
  Tensor<T> weights({count});
  for (Index i = 0; i < count; ++i) weights[i] = static_cast<T>(0.25 * static_cast<double>(1 + i % 7));
  data.set_weights(weights);
  return data;
}

template <class T>
FitOptions<T> options_of(OptimizerSpec optimizer = SGD({.learning_rate = 0.05, .momentum = 0.9})) {
  return {.epochs = 4,
          .batch_size = 24,
          .optimizer = std::move(optimizer),
          .loss = Loss::sparse_categorical_crossentropy,
          .metrics = {Metric::accuracy}};
}

/// `make` is called for each rank: callbacks are its own.
template <class T, class Build, class Make>
void check_like_one(Build&& build, const Dataset<T>& data, Make&& make, double bound, bool validates = true) {
  const Outcome one = train<T>(build(), data, make(), nullptr, validates);
  for (const Index ranks : {2, 3}) {
    CAPTURE(ranks);
    std::vector<Outcome> all(to_size(ranks));
    ThreadRanks(ranks, {.timeout = 300}).run([&](Communicator& rank) {
      FitOptions<T> options = make();
      options.batch_size /= ranks;
      nth(all, rank.rank()) = train<T>(build(), data, options, &rank, validates);
    });
    for (const Outcome& outcome : all) CHECK(outcome.values == all[0].values);
    CHECK(difference(all[0], one) < bound);
  }
}

/// The residual network with dropout inside.
Model<double> dropping() {
  Model<double> model({.seed = 6});
  const Node x = model.input({8, 8, 1});
  Node y = model.add(Conv2D<double>(4, 3, {.padding = Padding::same}), x);
  y = model.add(BatchNorm<double>(norm(true)), y);
  y = model.add(ActivationLayer<double>(Activation::tanh), y);
  y = model.add(Dropout<double>(0.3), y);
  y = model.add(SpatialDropout2D<double>(0.25), y);
  y = model.add(Dense<double>(16, {.activation = Activation::tanh}), model.add(Flatten<double>(), y));
  y = model.add(GaussianNoise<double>(0.1), y);
  model.output(model.add(Dense<double>(4, {.activation = Activation::softmax}), model.add(Dropout<double>(0.5), y)));
  return model;
}

TEST_CASE("options give on ranks what they give on one") {
  const std::pair<const char*, std::function<void(FitOptions<double>&)>> changes[] = {
      {"accumulate, over the epoch's end", [](auto& o) { o.accumulate = 3; }},
      {"accumulate with Adam",
       [](auto& o) {
         o.accumulate = 2;
         o.optimizer = Adam();
       }},
      {"class_weight",
       [](auto& o) {
         o.class_weight = {1, 2, 0.5, 3};
       }},
      {"class_weight, divided by the weights",
       [](auto& o) {
         o.class_weight = {1, 2, 0.5, 3};
         o.loss = {Loss::sparse_categorical_crossentropy, {.reduction = Reduction::weighted_mean}};
       }},
      {"a sum of losses",
       [](auto& o) {
         o.loss = {Loss::sparse_categorical_crossentropy, {.reduction = Reduction::sum}};
         o.optimizer = SGD({.learning_rate = 0.001});
       }},
      {"probabilities", [](auto& o) { o.through_logits = false; }},
      {"drop_last", [](auto& o) { o.drop_last = true; }},
      {"no shuffle", [](auto& o) { o.shuffle = false; }},
      {"steps_per_epoch", [](auto& o) { o.steps_per_epoch = 3; }},
      {"clipped gradients",
       [](auto& o) { o.optimizer = SGD({.learning_rate = 0.05, .clip = Clip::by_global_norm(0.5)}); }},
      {"weight decay", [](auto& o) { o.optimizer = AdamW({.weight_decay = 0.01}); }},
      {"EarlyStopping and ReduceLROnPlateau",
       [](auto& o) {
         o.epochs = 8;
         o.callbacks = {EarlyStopping<double>({.monitor = "val_loss", .min_delta = 0.05, .patience = 1}),
                        ReduceLROnPlateau<double>({.patience = 1, .min_delta = 0.05}, "loss")};
       }},
  };
  const Dataset<double> data = images<double>(99), heavy = weighted<double>();
  for (const auto& [name, change] : changes) {
    const std::string what = name;
    CAPTURE(what);
    // what evaluate makes of these depends on its batches, which are smaller on ranks
    const bool validates = what != "a sum of losses" && what != "class_weight, divided by the weights";
    const auto make = [&, &changed = change] {
      FitOptions<double> options = options_of<double>();
      changed(options);
      return options;
    };
    for (const Dataset<double>* samples : {&data, &heavy})
      check_like_one<double>([] { return residual<double>(); }, *samples, make, 1e-11, validates);
  }
}

TEST_CASE("random layers draw on ranks what they draw on one") {
  for (const Index count : {96, 99}) {
    CAPTURE(count);
    check_like_one<double>(
        dropping, images<double>(count), [] { return options_of<double>(); }, 1e-11);
  }
}

TEST_CASE("augmentation does to a sample on any rank what it does on one") {
  Dataset<double> data = images<double>(99);
  data.map(Augment({.horizontal_flip = true, .shift = 2, .seed = 4}));
  const auto build = [] { return residual<double>(); };
  FitOptions<double> options = options_of<double>();
  options.metrics = {};
  Outcome one;
  options.verbose = Verbose::silent;
  Model<double> model = build();
  one.history = fit(model, data, options);
  one.values = values_of(model);
  ThreadRanks(3).run([&](Communicator& rank) {
    FitOptions<double> own = options;
    own.batch_size /= rank.size();
    Model<double> mine = build();
    Outcome outcome;
    outcome.history = fit(mine, rank.shard(data), own);
    outcome.values = values_of(mine);
    if (difference(outcome, one) >= 1e-11)
      throw DataError("augmented", "the same", detail::text(difference(outcome, one)));
  });
}

TEST_CASE("generators of a part each train as one of the whole does") {
  const Dataset<double> data = images<double>(90);
  // joined batches of 24, in order; the last has 18
  const auto part = [&](Index rank, Index ranks) -> Generator<double> {
    return [&data, rank, ranks](Index, Index step, Batch<double>& batch) {
      const Index from = step * 24, whole = (std::min)(Index{24}, data.size() - from), each = 24 / ranks;
      if (whole <= 0) return false;
      const Index begin = (std::min)(whole, rank * each), end = (std::min)(whole, (rank + 1) * each);
      if (begin == end) return false;
      batch.inputs = {data.images().rows(from + begin, end - begin)};
      batch.targets = {data.labels().rows(from + begin, end - begin)};
      return true;
    };
  };
  FitOptions<double> options = options_of<double>();
  options.verbose = Verbose::silent;
  Model<double> model = residual<double>();
  Outcome one;
  one.history = fit(model, part(0, 1), options);
  one.values = values_of(model);
  for (const Index ranks : {2, 3, 4}) {
    CAPTURE(ranks);
    ThreadRanks(ranks).run([&](Communicator& rank) {
      FitOptions<double> own = options;
      own.communicator = &rank;
      Model<double> mine = residual<double>();
      Outcome outcome;
      outcome.history = fit(mine, part(rank.rank(), rank.size()), own);
      outcome.values = values_of(mine);
      if (difference(outcome, one) >= 1e-11)
        throw DataError("generators", "the same", detail::text(difference(outcome, one)));
    });
  }
}

TEST_CASE("ranks train as one in float with several optimizers") {
  const Dataset<float> data = images<float>(99);
  const OptimizerSpec optimizers[] = {SGD({.learning_rate = 0.05, .momentum = 0.9}),
                                      SGD({.learning_rate = 0.05, .momentum = 0.9, .nesterov = true}),
                                      Adam(),
                                      AdamW({.weight_decay = 0.01}),
                                      RMSprop(),
                                      Adamax(),
                                      Nadam(),
                                      RAdam()};
  for (const OptimizerSpec& optimizer : optimizers) {
    CAPTURE(optimizer.name);
    const auto make = [&] { return options_of<float>(optimizer); };
    check_like_one<float>([] { return residual<float>(); }, data, make, 1e-5);
    check_like_one<float>([] { return plain<float>(); }, data, make, 1e-5);
  }
}

}  // namespace distributed_options_test
