/// Memory runs out at every allocation in turn, once and for good: std::bad_alloc arrives, of `load` and its like
/// an error that names the file, nothing is half done, and the second attempt succeeds.

#include <doctest/doctest.h>

#include <functional>

#include <keel/keel.hpp>
#include <keel/io/load.hpp>

#include "support/allocations.hpp"
#include "support/model_values.hpp"
#include "temporary_directory.hpp"

using namespace keel;
using keel_test::values;

namespace {

Sequential<float> small() {
  Sequential model({6, 6, 2}, {.name = "small", .seed = 1});
  model.add(Conv2D(4, 3, {.padding = Padding::same, .activation = Activation::relu}));
  model.add(BatchNorm({.momentum = 0.5}));
  model.add(MaxPool2D(2));
  model.add(Flatten());
  model.add(Dense(3, {.activation = Activation::softmax}));
  return model;
}

Tensor<float> images(const Shape& shape) {
  Tensor<float> x(shape);
  Rng rng(7, 0);
  for (float& value : x) value = static_cast<float>(rng.normal());
  return x;
}

/// Lets every allocation of `operation` fail in turn, once and with all after it; `prepare` goes before each attempt.
/// After a failure things have to be untouched, and after a second attempt (tried with every 16th) done. Returns the
/// number of failures.
long survive(const std::function<void()>& prepare, const std::function<void()>& operation,
             const std::function<bool()>& is_untouched, const std::function<bool()>& is_done) {
  long failures = 0;
  for (const bool for_good : {false, true})
    for (long n = 0;; ++n) {
      CAPTURE(n);
      bool done = false, failed = false;
      prepare();
      allocations.fail_on = for_good;
      allocations.succeed = n;
      try {
        operation();
        done = true;
      } catch (const std::bad_alloc&) {
        failed = true;
      } catch (...) {
      }
      const bool reached = allocations.succeed < 0;
      allocations.fail_on = false;
      allocations.succeed = std::numeric_limits<long>::max();
      CHECK((done || failed));  // else another error came
      if (!reached) break;
      failures += failed;
      CHECK((done ? is_done() : is_untouched()));
      if (n % 16 != 0) continue;
      operation();
      CHECK(is_done());
    }
  return failures;
}
const auto nothing = [] {};
const auto always = [] { return true; };

}  // namespace

TEST_CASE("memory that runs out while a network is built leaves the layers before") {
  std::unique_ptr<Sequential<float>> model;
  Index before = 0;
  const long points = survive(
      [&] {
        model = std::make_unique<Sequential<float>>(small());
        before = model->layer_count();
      },
      [&] { model->add(Dense(4, {.activation = Activation::tanh})); },
      [&] { return model->layer_count() == before && model->output_shape() == Shape{3}; },
      [&] { return model->layer_count() == before + 1 && model->layer("dense_1").parameters().size() == 2; });
  CHECK(points > 10);
}

TEST_CASE("memory that runs out in prediction, a copy or a summary leaves the model as it is") {
  const Tensor<float> x = images({3, 6, 6, 2});
  const Model<float> reference = small();
  const Tensor<float> want = reference.predict(x);
  for (const int threads : {1, 2}) {
    std::unique_ptr<Model<float>> model;
    const long points = survive(
        [&] {
          model = std::make_unique<Model<float>>(small());
          model->set_threads(threads);
        },
        [&] { model->predict(x); }, always, [&] { return model->predict(x) == want; });
    CHECK(points > 20);
  }
  CHECK(survive(
            nothing, [&] { reference.clone(); }, always, always) > 20);
  CHECK(survive(
            nothing, [&] { reference.summary().to_string(); }, always, always) > 50);
}

TEST_CASE("memory that runs out in a training step loses no part of it") {
  const Tensor<float> x = images({4, 6, 6, 2}), labels({4}, {0, 1, 2, 1});
  const LossSpec loss{Loss::sparse_categorical_crossentropy};
  const auto step = [&](Model<float>& model, Tape<float>& tape, Optimizer<float>& optimizer) {
    Tensor<float> dy;
    loss.value_and_gradient(model.forward(x, tape), labels, dy);
    model.backward(dy, tape);
    optimizer.step(model.parameters());
  };
  Model<float> reference = small();
  {
    Tape<float> tape;
    Optimizer<float> optimizer(Adam({.learning_rate = 0.01}));
    step(reference, tape, optimizer);
  }
  std::unique_ptr<Model<float>> model;
  std::unique_ptr<Tape<float>> tape;
  std::unique_ptr<Optimizer<float>> optimizer;
  Tensor<float> dy;
  std::vector<Tensor<float>> before;
  const auto prepare = [&] {
    model = std::make_unique<Model<float>>(small());
    tape = std::make_unique<Tape<float>>();
    optimizer = std::make_unique<Optimizer<float>>(Adam({.learning_rate = 0.01}));
    before = values(*model);
  };
  const auto is_untouched = [&] { return values(*model) == before; };
  // each third of the step in turn runs out of memory
  const auto forward = [&] { loss.value_and_gradient(model->forward(x, *tape), labels, dy); };
  const auto backward = [&] { model->backward(dy, *tape); };
  const auto update = [&] { optimizer->step(model->parameters()); };
  CHECK(survive(prepare, forward, is_untouched, always) > 10);
  CHECK(survive([&] { prepare(), forward(), before = values(*model); }, backward, is_untouched, always) > 5);
  CHECK(survive([&] { prepare(), forward(), backward(), before = values(*model); }, update, is_untouched,
                [&] { return values(*model) == values(reference); }) > 5);
}

TEST_CASE("memory that runs out in saving leaves the old file, and no other") {
  const TemporaryDirectory directory;
  const Model<float> old = small();
  Model<float> model = small();
  model.parameters().back()->update([](TensorView<float> bias) { bias.array() += 1.0f; });
  const auto files = [&] {
    std::map<std::string, Bytes> all;
    for (const auto& entry : std::filesystem::directory_iterator(directory.path()))
      all[entry.path().filename().string()] = read_file(entry.path().string());
    return all;
  };
  for (const char* name : {"m.safetensors", "m.keras", "m.weights.h5", "m.h5", "m.pt", "m.npz"}) {
    CAPTURE(name);
    save(model, directory / name);
    const auto after = files();
    save(old, directory / name);
    const auto before = files();
    const std::string content(formats::text_of(before.at(name)));
    const auto prepare = [&] { directory.write(name, content); };
    CHECK(survive(
              prepare, [&] { save(model, directory / name); }, [&] { return files() == before; },
              [&] { return files() == after; }) > 50);
  }
}

TEST_CASE("memory that runs out in loading leaves the model that was there") {
  const TemporaryDirectory directory;
  Model<float> saved = small();
  for (Parameter<float>* parameter : saved.parameters())
    parameter->update([](TensorView<float> v) { v.array() += 0.25f; });
  const std::vector<Tensor<float>> want = values(saved);
  // no error but std::bad_alloc and, unless memory is out for good, the one that names the file
  long raw = 0;
  std::string path;
  const auto named = [&](const std::function<void()>& work) {
    return [&, work] {
      try {
        work();
      } catch (const FormatError& error) {
        if (error.where() == path && error.expected().starts_with("memory")) throw std::bad_alloc();
        throw;
      } catch (const std::bad_alloc&) {
        raw += !allocations.fail_on;
        throw;
      }
    };
  };
  for (const char* name : {"m.safetensors", "m.keras", "m.weights.h5", "m.h5", "m.pt", "m.npz", "m.json"}) {
    CAPTURE(name);
    path = directory / name;
    save(saved, path);
    Model<float> model = small();
    const std::vector<Tensor<float>> before = values(model);
    const auto renew = [&] { model = small(); };
    CHECK(survive(
              renew, named([&] { load_weights(model, path); }), [&] { return values(model) == before; },
              [&] { return values(model) == want; }) > 50);
  }
  for (const char* name : {"m.safetensors", "m.keras", "m.h5", "m.json"}) {
    CAPTURE(name);
    path = directory / name;
    Model<float> model = small();
    CHECK(survive(nothing, named([&] { model = load(path); }), always, [&] { return values(model) == want; }) > 100);
  }
  path = directory / "m.safetensors";
  CHECK(survive(nothing, named([&] { load_safetensors(path); }), always, always) > 100);
  path = directory / "m.pt";
  CHECK(survive(nothing, named([&] { diagnose(saved, path); }), always, always) > 100);
  CHECK(raw == 0);
}
