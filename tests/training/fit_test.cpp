#include <doctest/doctest.h>

#include <cstdio>
#include <keel/layers/base/padding1d.hpp>
#include <keel/layers/dense.hpp>
#include <keel/layers/dropout.hpp>
#include <keel/model/sequential.hpp>
#include <keel/training/fit.hpp>

#include "training/small_problem.hpp"

namespace {

using namespace keel;
using namespace small_problem;

constexpr Loss::Kind crossentropy = Loss::sparse_categorical_crossentropy;

TEST_CASE("fit learns, and reports what evaluate says") {
  Sequential model = classifier();
  const Dataset train = rings(200, 1), test = rings(100, 2);
  const History history = fit(model, train,
                              {.epochs = 30,
                               .batch_size = 20,
                               .optimizer = Adam({.learning_rate = 0.02}),
                               .loss = crossentropy,
                               .metrics = {Metric::accuracy, {Metric::top_k, {.k = 2}}},
                               .validation = &test,
                               .verbose = Verbose::silent});
  REQUIRE(history.epochs.size() == 30);
  CHECK(history["accuracy"].back() > 0.9);
  CHECK(history["loss"].back() < 0.5 * history["loss"].front());
  CHECK(history["val_top_2_accuracy"].back() >= history["val_accuracy"].back());
  const Scores scores = evaluate(model, test, {.loss = crossentropy, .metrics = {Metric::accuracy}, .batch_size = 7});
  CHECK(scores["accuracy"] == history["val_accuracy"].back());
  CHECK(scores["loss"] == doctest::Approx(history["val_loss"].back()).epsilon(1e-6));
}

TEST_CASE("options take names for enums, one element for a list and a variable for a pointer, and mean the same") {
  const auto data = small_problem::rings(96, 3);
  std::vector<int> labels(data.labels().begin(), data.labels().end());
  Sequential<float> named({2}, {.seed = 4}), plain({2}, {.seed = 4});
  named.add(Dense(8, {.activation = "tanh", .kernel_initializer = "he_normal"}));
  plain.add(Dense(8, {.activation = Activation::tanh, .kernel_initializer = Initializer::he_normal}));
  for (auto* model : {&named, &plain}) model->add(Dense(3, {.activation = Activation::softmax}));
  History kept, also_kept;
  const History one = fit(named, Dataset(data.images(), labels),
                          {.optimizer = "adam",
                           .loss = std::string("sparse_categorical_crossentropy"),
                           .metrics = "accuracy",
                           .callbacks = [](Training<>& run) { run.scores.set("seen", 1); },
                           .history = kept,
                           .verbose = Verbose::silent});
  const History other = fit(plain, data,
                            {.optimizer = Adam(),
                             .loss = Loss::sparse_categorical_crossentropy,
                             .metrics = {Metric::accuracy},
                             .callbacks = {[](Training<>& run) { run.scores.set("seen", 1); }},
                             .history = &also_kept,
                             .verbose = Verbose::silent});
  const auto text = [](const History& history) { return History::csv_line(0, history.scores[0], history.scores[0]); };
  CHECK(text(one) == text(other));
  CHECK(text(kept) == text(other));
  CHECK(text(also_kept) == text(other));
  CHECK(small_problem::values(named) == small_problem::values(plain));
  CHECK(one["seen"].size() == 1);
  for (const char* name : {"adam", "adamw", "sgd", "rmsprop", "adagrad"}) CHECK(optimizer_named(name).rule);
  Optimizer<float> own(SGD({.learning_rate = 0.1}));
  fit(named, data, {.optimizer = own, .loss = Loss::sparse_categorical_crossentropy, .verbose = Verbose::silent});
  CHECK(own.iteration() == 3);
  CHECK(Padding("same") == Padding::same);
  CHECK(Padding("valid") == Padding::valid);
  for (const Padding1D& padding : {Padding1D::valid, Padding1D::same, Padding1D::causal})
    CHECK(Padding1D(padding.to_string()) == padding);
}

TEST_CASE("functions are losses and metrics") {
  using Rows = Loss::Rows;
  const auto squares = [](const Rows& y, const Rows& t, Rows* dy) -> Rows {
    if (dy) *dy = 2 * (y - t);
    return (y - t).square();
  };
  const auto within = [](const Rows& y, const Rows& t) { return (y - t).abs() < 0.5; };
  const Dataset<float> all = small_problem::rings(64, 3), data(all.images(), all.images());
  std::vector<History> histories;
  for (const FitOptions<float>&options :
       {FitOptions<float>{.epochs = 2,
       .loss = squares,
       .metrics = {{"within", within}, [](const Rows&y, const Rows&t) { return (y - t).square(); }}},
        FitOptions<float>{.epochs = 2, .loss = "mse", .metrics = {{"within", within}, "mse"}}}) {
    Sequential<float> model({2}, {Dense(4), Dense(2)}, {.seed = 4});
    FitOptions<float> quiet = options;
    quiet.verbose = Verbose::silent;
    histories.push_back(fit(model, data, quiet));
  }
  for (std::size_t e = 0; e < 2; ++e) {
    CHECK(histories[0]["loss"][e] == doctest::Approx(histories[1]["loss"][e]).epsilon(1e-6));
    CHECK(histories[0]["within"][e] == histories[1]["within"][e]);
    CHECK(histories[0]["metric"][e] == doctest::Approx(histories[1]["mse"][e]).epsilon(1e-6));
  }
  CHECK(histories[0]["within"][1] > 0);
  CHECK(LossSpec(squares, "squares").name() == "squares");
}

TEST_CASE("fit is the loop written by hand") {
  Sequential model = classifier(), other = classifier();
  const Dataset train = rings(50, 1);
  const History history = fit(model, train,
                              {.epochs = 2,
                               .batch_size = 16,
                               .optimizer = SGD({.learning_rate = 0.1, .momentum = 0.9}),
                               .loss = crossentropy,
                               .through_logits = false,
                               .seed = 5,
                               .verbose = Verbose::silent});

  const LossSpec loss = crossentropy;
  Optimizer optimizer = SGD({.learning_rate = 0.1, .momentum = 0.9});
  Batches batches(train, {.batch_size = 16, .seed = 5});
  Tape tape;
  tape.seed = 5;
  Tensor dy;
  Batch<float> batch;
  double sum = 0;
  for (Index epoch = 0; epoch < 2; ++epoch) {
    sum = 0;
    for (Index step = 0; batches(epoch, step, batch); ++step) {
      auto y = other.forward(batch.inputs[0], tape);
      sum += loss.value_and_gradient(y, batch.targets[0], dy) * static_cast<double>(batch.size());
      other.backward(dy, tape);
      optimizer.step(other.parameters());
    }
  }
  CHECK(values(model) == values(other));
  CHECK(history["loss"].back() == doctest::Approx(sum / 50).epsilon(1e-12));
}

TEST_CASE("a cross-entropy looks through a final softmax or sigmoid unless told not to") {
  const auto train = [](Activation last, LossSpec loss, bool through, Index outputs) {
    Sequential model({2}, {.seed = 4});
    model.add(Dense(8, {.activation = Activation::tanh}));
    model.add(Dense(outputs, {.activation = last}));
    Dataset data = rings(40, 1);
    if (outputs == 1) {
      Tensor<float> inner({40});
      for (Index i = 0; i < 40; ++i) inner[i] = data.labels()[i] == 0 ? 1.0f : 0.0f;
      data = {data.images(), inner};
    }
    const History history = fit(model, data,
                                {.epochs = 3,
                                 .loss = std::move(loss),
                                 .metrics = {{Metric::accuracy, {.threshold = last == Activation::linear ? 0.0 : 0.5}}},
                                 .through_logits = through,
                                 .verbose = Verbose::silent});
    return std::pair(values(model), history["accuracy"]);
  };
  const LossSpec logits{crossentropy, {.from_logits = true}}, binary = Loss::binary_crossentropy;
  const auto softmax = train(Activation::softmax, crossentropy, true, 3);
  CHECK(softmax == train(Activation::linear, logits, true, 3));
  CHECK(softmax.first != train(Activation::softmax, crossentropy, false, 3).first);
  const auto sigmoid = train(Activation::sigmoid, binary, true, 1);
  CHECK(sigmoid == train(Activation::linear, {Loss::binary_crossentropy, {.from_logits = true}}, true, 1));
  CHECK(sigmoid.first != train(Activation::sigmoid, binary, false, 1).first);
}

TEST_CASE("training resumes with the same bits, between epochs and inside one") {
  const Dataset train = rings(50, 1);
  FitOptions<float> options{.epochs = 4,
                            .batch_size = 16,
                            .optimizer = Adam({.learning_rate = 0.02}),
                            .loss = crossentropy,
                            .seed = 9,
                            .verbose = Verbose::silent};
  Sequential whole = classifier(0.3);
  fit(whole, train, options);

  struct Interrupt {};
  for (const auto& [last_step, epoch, step] : {std::array<Index, 3>{4, 2, 0}, {4, 1, 4}, {2, 1, 2}}) {
    Sequential model = classifier(0.3);
    Optimizer first = Adam({.learning_rate = 0.02}), second = Adam({.learning_rate = 0.02});
    FitOptions<float> part = options;
    part.optimizer = &first;
    part.callbacks = {LambdaCallback<>{.on_batch_end = [end = last_step](Training<>& run) {
      if (run.epoch == 1 && run.step == end) throw Interrupt{};
    }}};
    CHECK_THROWS_AS(fit(model, train, part), Interrupt);
    second.set_state(first.state());
    part.optimizer = &second;
    part.callbacks.clear();
    part.initial_epoch = epoch;
    part.initial_step = step;
    fit(model, train, part);
    CHECK(values(model) == values(whole));
  }
}

TEST_CASE("training resumes at every step with the same bits: skipped steps, transforms, callbacks that remember") {
  Dataset train = rings(50, 1);
  const Dataset test = rings(20, 2);
  train.map([](Batch<float>& batch) {  // sample 7 spoils its batch
    for (Index i = 0; i < batch.size(); ++i)
      if (batch.indices[static_cast<std::size_t>(i)] == 7) batch.inputs[0](i, 0) = std::nanf("");
  });
  // each epoch counts as no better than the first: the rate falls every second epoch, and the fifth is the last
  const auto plateau = [] { return ReduceLROnPlateau<>({.factor = 0.5, .patience = 2, .min_delta = 10}); };
  const auto stopping = [] { return EarlyStopping<>({.min_delta = 10, .patience = 4, .restore_best_weights = true}); };
  const OptimizerSpec spec = Adam({.learning_rate = 0.02, .nonfinite = NonFinite::skip});
  FitOptions<float> options{.epochs = 9,
                            .batch_size = 16,
                            .loss = crossentropy,
                            .validation = &test,
                            .seed = 9,
                            .check_loss = false,
                            .verbose = Verbose::silent};
  const auto run = [&](Model<float>& model, Optimizer<float>& optimizer, std::vector<AnyCallback<float>> callbacks,
                       Index epoch = 0, Index step = 0) {
    FitOptions<float> o = options;
    o.optimizer = &optimizer;
    o.callbacks = std::move(callbacks);
    o.initial_epoch = epoch;
    o.initial_step = step;
    return fit(model, train, o);
  };
  // what both runs are compared by: weights at the end (the first epoch's) and those of the last step
  const auto last_step = [](std::vector<Tensor<float>>& to) {
    return LambdaCallback<>{.on_batch_end = [&to](Training<>& r) { to = values(r.model); }};
  };
  Sequential whole = classifier(0.3);
  Optimizer<float> optimizer = spec;
  std::vector<Tensor<float>> expected;
  const History history = run(whole, optimizer, {plateau(), stopping(), last_step(expected)});
  CHECK(history.epochs.size() == 5);
  CHECK(optimizer.iteration() == 5 * 3);
  CHECK(optimizer.learning_rate() == 0.005);

  struct Interrupt {};
  for (Index epoch = 0; epoch < 4; ++epoch)
    for (Index step = 1; step <= 4; ++step) {
      Sequential model = classifier(0.3);
      Optimizer<float> first = spec, second = spec;
      ReduceLROnPlateau<> rate_1 = plateau(), rate_2 = plateau();
      EarlyStopping<> stop_1 = stopping(), stop_2 = stopping();
      const auto interrupt = [&](Training<>& r) {
        if (r.epoch == epoch && r.step == step) throw Interrupt{};
      };
      LambdaCallback<> hook;
      (step == 4 ? hook.on_epoch_end : hook.on_batch_end) = interrupt;
      CHECK_THROWS_AS(run(model, first, {&rate_1, &stop_1, hook}), Interrupt);
      second.set_state(first.state());
      rate_2.set_state(rate_1.state());
      stop_2.set_state(stop_1.state());
      std::vector<Tensor<float>> got;
      const History rest = run(model, second, {&rate_2, &stop_2, last_step(got)}, epoch, step);
      CHECK(rest.epochs.back() == 4);
      CHECK(stop_2.stopped_epoch() == 4);
      CHECK(second.learning_rate() == 0.005);
      CHECK(got == expected);
      CHECK(values(model) == values(whole));
    }
}

TEST_CASE("a generator's epoch that is over is left when training resumes there") {
  const Dataset train = rings(20, 1);
  const auto from = [&](Index epoch, Index step) {
    Sequential model = classifier();
    std::vector<Index> steps;
    fit(model, Batches(train, {.batch_size = 8}),
        {.epochs = 2,
         .loss = crossentropy,
         .callbacks = {LambdaCallback<>{.on_batch_end = [&](Training<>& r) { steps.push_back(r.step); }}},
         .initial_epoch = epoch,
         .initial_step = step,
         .verbose = Verbose::silent});
    return steps;
  };
  CHECK(from(0, 2) == std::vector<Index>{3, 1, 2, 3});
  CHECK(from(0, 3) == std::vector<Index>{1, 2, 3});
}

TEST_CASE("threads, and a run again, do not change the bits") {
  const Dataset train = rings(64, 1);
  std::vector<Tensor<float>> first;
  for (const int threads : {1, 1, 2, 3}) {
    Sequential model = classifier(0.2, threads);
    fit(model, train, {.epochs = 2, .batch_size = 16, .loss = crossentropy, .verbose = Verbose::silent});
    if (first.empty()) first = values(model);
    CHECK(values(model) == first);
  }
}

TEST_CASE("shuffling follows from seed and epoch; drop_last and steps_per_epoch limit an epoch") {
  const Dataset train = rings(10, 1);
  const auto steps = [&](FitOptions<float> options) {
    std::vector<Index> counts;
    options.loss = crossentropy;
    options.verbose = Verbose::silent;
    options.callbacks = {[&](Training<>& run) { counts.push_back(run.step); }};
    Sequential model = classifier();
    fit(model, train, std::move(options));
    return counts;
  };
  CHECK(steps({.epochs = 2, .batch_size = 4}) == std::vector<Index>{3, 3});
  CHECK(steps({.epochs = 1, .batch_size = 4, .drop_last = true}) == std::vector<Index>{2});
  CHECK(steps({.epochs = 1, .batch_size = 4, .steps_per_epoch = 1}) == std::vector<Index>{1});
  const auto after = [&](bool shuffle, std::uint64_t seed) {
    Sequential model = classifier();
    fit(model, train,
        {.batch_size = 4, .loss = crossentropy, .shuffle = shuffle, .seed = seed, .verbose = Verbose::silent});
    return values(model);
  };
  CHECK(after(true, 1) == after(true, 1));
  CHECK(after(true, 1) != after(true, 2));
  CHECK(after(false, 1) == after(false, 2));
}

TEST_CASE("class and sample weights") {
  // one batch, no step of any size: the loss alone
  const auto loss = [](const Dataset<float>& data, std::vector<double> class_weight, LossSpec spec = crossentropy) {
    Sequential model = classifier();
    return fit(model, data,
               {.batch_size = 100,
                .optimizer = SGD({.learning_rate = 1e-9}),
                .loss = std::move(spec),
                .class_weight = std::move(class_weight),
                .verbose = Verbose::silent})["loss"][0];
  };
  Dataset data = rings(30, 1);
  const double plain = loss(data, {}), first = loss(data, {1, 0, 0}), others = loss(data, {0, 1, 1});
  CHECK(first + others == doctest::Approx(plain));
  CHECK(loss(data, {2, 2, 2}) == doctest::Approx(2 * plain));
  CHECK(loss(data, {2, 2, 2}, {crossentropy, {.reduction = Reduction::weighted_mean}}) == doctest::Approx(plain));
  Tensor<float> weights({30});
  for (Index i = 0; i < 30; ++i) weights[i] = data.labels()[i] == 0 ? 1.0f : 0.0f;
  data.set_weights(weights);
  CHECK(loss(data, {}) == doctest::Approx(first));
  CHECK(loss(data, {3, 1, 1}) == doctest::Approx(3 * first));
}

TEST_CASE("several outputs: a loss for each, and their sum") {
  Model model;
  const Node x = model.input({2});
  model.output(model.add(Dense(3, {.activation = Activation::softmax}), x));
  model.output(model.add(Dense(1), x));
  const Dataset rows = rings(40, 1);
  Tensor<float> sum({40});
  for (Index i = 0; i < 40; ++i) sum[i] = rows.images()(i, 0) + rows.images()(i, 1);
  const Dataset<float> data({rows.images()}, {rows.labels(), sum});
  const FitOptions<float> options{.epochs = 40,
                                  .optimizer = Adam({.learning_rate = 0.05}),
                                  .losses = {crossentropy, Loss::mse},
                                  .loss_weights = {1, 0.5},
                                  .verbose = Verbose::silent};
  const History history = fit(model, data, options);
  CHECK(history["loss"][0] == doctest::Approx(history["dense_loss"][0] + 0.5 * history["dense_1_loss"][0]));
  CHECK(history["dense_1_loss"].back() < 0.1 * history["dense_1_loss"][0]);
  const Scores scores = evaluate(model, data, {.losses = {crossentropy, Loss::mse}, .loss_weights = {1, 0.5}});
  CHECK(scores["loss"] == doctest::Approx(scores["dense_loss"] + 0.5 * scores["dense_1_loss"]));
}

TEST_CASE("a shared layer's outputs have a loss each") {
  Model model;
  const Node x = model.input({2}), z = model.input({2}), a = model.add(Dense(1), x);
  model.output(a);
  model.output(model.share(a, z));
  const Tensor<float> points = rings(10, 1).images();
  const Dataset<float> data({points, points}, {Tensor<float>({10, 1}), Tensor<float>({10, 1}, 1.0f)});
  const Scores scores = evaluate(model, data, {.loss = Loss::mse});
  CHECK(scores["dense_loss"] != scores["dense_1_loss"]);
  CHECK(scores["loss"] == doctest::Approx(scores["dense_loss"] + scores["dense_1_loss"]));
}

TEST_CASE("metrics of one name are told apart") {
  Sequential model = classifier();
  const Dataset train = rings(40, 1);
  const Scores scores = evaluate(model, train,
                                 {.loss = crossentropy,
                                  .metrics = {{Metric::recall, {.threshold = 0.2, .class_id = 0}},
                                              {Metric::recall, {.threshold = 0.2, .class_id = 1}},
                                              {Metric::recall, {.threshold = 0.2, .name = "second"}},
                                              {Metric::precision, {.name = "second"}}}});
  CHECK(scores.entries().size() == 5);
  MetricState second({Metric::recall, {.threshold = 0.2, .class_id = 1}});
  second.update(model.predict(train.images()), train.labels());
  CHECK(scores["recall_1"] == second.result());
  CHECK_NOTHROW(scores["second_1"]);
}

TEST_CASE("a generator as source of batches") {
  Sequential model = classifier(), other = classifier();
  const Dataset train = rings(50, 1);
  fit(model, Batches(train, {.batch_size = 8, .seed = 3}),
      {.epochs = 2, .loss = crossentropy, .verbose = Verbose::silent});
  fit(other, train, {.epochs = 2, .batch_size = 8, .loss = crossentropy, .seed = 3, .verbose = Verbose::silent});
  CHECK(values(model) == values(other));
}

TEST_CASE("class weights leave a generator's batch as it was") {
  const Dataset train = rings(20, 1);
  const auto losses = [&](bool fresh) {
    Sequential model = classifier();
    const Generator<float> same = [&](Index, Index step, Batch<float>& batch) {
      if (fresh) batch.weights = {};
      batch.inputs = train.inputs();
      batch.targets = train.targets();
      return step < 3;
    };
    return fit(model, same,
               {.epochs = 2,
                .optimizer = SGD({.learning_rate = 1e-9}),
                .loss = crossentropy,
                .class_weight = {2, 3, 4},
                .verbose = Verbose::silent})["loss"];
  };
  CHECK(losses(false) == losses(true));
  CHECK(losses(false)[1] == doctest::Approx(losses(false)[0]));
}

TEST_CASE("class weights and a weight for each position") {
  Batch<float> batch;
  batch.inputs = {Tensor<float>({2, 3, 2}, 1.0f)};
  batch.targets = {Tensor<float>({2}, {0, 1})};
  batch.weights = Tensor<float>({2, 3}, {1, 2, 3, 4, 5, 6});
  CHECK(detail::weigh_classes({10, 100}, batch) == Tensor<float>({2, 3}, {10, 20, 30, 400, 500, 600}));
}

/// What a run prints to a file.
std::string printed(Verbose verbose) {
  std::FILE* file = std::tmpfile();
  REQUIRE(file);
  Sequential model = classifier();
  const Dataset train = rings(8, 1);
  fit(model, train, {.epochs = 2, .batch_size = 4, .loss = crossentropy, .verbose = verbose, .output = file});
  std::string text(static_cast<std::size_t>(std::ftell(file)), '\0');
  std::rewind(file);
  CHECK(std::fread(text.data(), 1, text.size(), file) == text.size());
  std::fclose(file);
  return text;
}

TEST_CASE("progress: one line an epoch in a file, a bar where wanted") {
  const std::string lines = printed(Verbose::automatic), bar = printed(Verbose::bar);
  CHECK(lines.rfind("Epoch 1/2 - 0s - ", 0) == 0);
  CHECK(lines.find("/step - loss: ") != std::string::npos);
  CHECK(std::count(lines.begin(), lines.end(), '\n') == 2);
  CHECK(bar.rfind("Epoch 1/2\n\r", 0) == 0);
  CHECK(bar.find("2/2 ━━━━━━━━━━━━━━━━━━━━ 0s ") != std::string::npos);
  CHECK(printed(Verbose::silent).empty());
}

TEST_CASE("fit and evaluate refuse what they cannot use") {
  const Dataset train = rings(10, 1);
  const auto message = [&](FitOptions<float> options, const Dataset<float>& data) {
    Sequential model = classifier();
    const auto before = values(model);
    options.verbose = Verbose::silent;
    std::string text = "no error";
    try {
      fit(model, data, options);
    } catch (const Error& error) {
      text = error.what();
    }
    CHECK(values(model) == before);
    return text;
  };
  CHECK(message({}, train) ==
        "[fit] expected a loss, got none (set .loss = Loss::sparse_categorical_crossentropy or another)");
  CHECK(message({.epochs = 0, .loss = crossentropy}, train) == "[fit] expected epochs above 0, got 0");
  CHECK(message({.batch_size = 0, .loss = crossentropy}, train) ==
        "[Batches] expected a batch size of 1 or more, got 0");
  CHECK(message({.loss = crossentropy}, train.take(0)) == "[fit] expected a dataset with samples, got an empty one");
  CHECK(message({.batch_size = 16, .loss = crossentropy, .drop_last = true}, train) ==
        "[fit] expected at least one batch an epoch, got none (drop_last leaves out all samples: lower batch_size)");
  CHECK(message({.loss = crossentropy, .class_weight = {1, 2}}, train) ==
        "[fit, class_weight] expected a weight for each class, the largest label's too, got 2 weights and the label 2 "
        "(give class_weight as many numbers as there are classes)");
  CHECK(message({.loss = crossentropy, .class_weight = {1, -2, 1}}, train) ==
        "[fit] expected class_weight of 0 or more, got -2");
  CHECK(message({.losses = {crossentropy, crossentropy}}, train) ==
        "[fit] expected a loss and a weight for each of 1 outputs, got 2 losses, 1 weights");
  CHECK(message({.loss = Loss::mse}, train) ==
        "[mse] expected targets of shape (10, 3) for an output (10, 3), got (10)");
  CHECK(message({.loss = crossentropy}, Dataset<float>(train.images(), Tensor<float>({10}, 3.0f))) ==
        "[sparse_categorical_crossentropy] expected labels that are whole numbers from 0 to 2, got 3 in sample 0 "
        "(classes are counted from 0, and the last layer has one output for each)");
  CHECK(message({.loss = crossentropy}, Dataset<float>({train.images(), train.images()}, {train.labels()})) ==
        "[fit] expected 1 inputs, got 2");
  CHECK(message({.loss = crossentropy}, Dataset<float>({train.images()}, std::vector<Tensor<float>>{})) ==
        "[fit] expected 1 targets, one an output, got 0");
  Tensor<float> broken = train.images();
  broken[7] = std::nanf("");
  CHECK(message({.batch_size = 10, .loss = crossentropy}, Dataset<float>(broken, train.labels())) ==
        "[fit] expected a finite loss, got nan in epoch 1, batch 1 "
        "(look for NaN in the data, lower the learning rate or clip the gradients)");
  CHECK_THROWS_WITH_AS(message({.optimizer = static_cast<Optimizer<float>*>(nullptr)}, train),
                       "[fit] expected an optimizer, got a null pointer", ConfigError);
  Sequential model = classifier();
  CHECK_THROWS_WITH_AS(evaluate(model, train.take(0), {.loss = crossentropy}),
                       "[evaluate] expected a dataset with samples, got an empty one", DataError);
  CHECK_THROWS_WITH_AS(
      evaluate(model, train, {}),
      "[evaluate] expected a loss, got none (set .loss = Loss::sparse_categorical_crossentropy or another)",
      ConfigError);
  CHECK_THROWS_WITH_AS(evaluate(model, train, {.loss = crossentropy})["accuracy"],
                       "[Scores] expected one of: loss, got 'accuracy'", ConfigError);
}

}  // namespace
