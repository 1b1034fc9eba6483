// Losses and metrics of a user's own, as the comments of their base classes show them.
#include <keel/testing/check_loss.hpp>
#include <keel/training/fit.hpp>

#include <doctest/doctest.h>

#include "small_problem.hpp"
#include "support/message.hpp"

using namespace keel;

namespace {

struct Pinball : Loss {
  std::string name() const override { return "pinball"; }
  Rows evaluate(const Rows& y, const Rows& t, Rows* dy) const override {
    const Rows e = t - y;
    if (dy) *dy = (e > 0).cast<double>() * -1.0 + 0.1;
    return (e > 0).select(0.9 * e, -0.1 * e);
  }
};

/// One loss a position.
struct Distance : Loss {
  std::string name() const override { return "distance"; }
  Rows evaluate(const Rows& y, const Rows& t, Rows* dy) const override {
    const Rows e = y - t, length = e.square().rowwise().sum().sqrt();
    if (dy) *dy = e / length.replicate(1, e.cols());
    return length;
  }
};

struct Within : Metric {
  std::string name() const override { return "within"; }
  void update(const Rows& y, const Rows& t) override { add(((y - t).abs() < 0.1).count(), y.size()); }
};

/// Classes are numbers here.
struct LargestClass : Metric {
  double result() const override { return largest; }
  std::string name() const override { return "largest_class"; }
  void reset() override { largest = -1; }
  void update(const Rows&, const Rows& t) override { largest = (std::max)(largest, t.maxCoeff()); }
  double largest = -1;
};

Tensor<double> random(const Shape& shape, std::uint64_t seed) {
  Tensor<double> tensor(shape);
  Rng rng(seed);
  for (double& value : tensor) value = rng.normal();
  return tensor;
}

}  // namespace

TEST_CASE("A user's loss is held to its gradient and trains") {
  const Tensor<double> y = random({5, 3}, 1), t = random({5, 3}, 2);
  CHECK(check_loss(Pinball(), y, t).to_string().find("0 failed") != std::string::npos);
  CHECK(check_loss(Distance(), y, t).ok());
  CHECK(LossSpec(Distance()).value(Tensor<float>({2, 2}, {3, 4, 0, 1}), Tensor<float>({2, 2})) == 3);
  CHECK(LossSpec(Distance())
            .value(Tensor<float>({2, 2}, {3, 4, 0, 1}), Tensor<float>({2, 2}), Tensor<float>({2}, {0, 4})) == 2);

  Sequential<float> model({1}, {.seed = 1});
  model.add(Dense(1));
  Tensor<float> x({200, 1}), targets({200, 1});
  Rng rng(3);
  for (Index i = 0; i < 200; ++i) {
    x[i] = static_cast<float>(rng.uniform(-1, 1));
    targets[i] = x[i] + static_cast<float>(rng.uniform(0, 1));
  }
  const History history = fit(model, {x, targets},
                              {.epochs = 40,
                               .optimizer = Adam({.learning_rate = 0.05}),
                               .loss = Pinball(),
                               .metrics = {Within(), {Metric::mae}, Within()},
                               .verbose = Verbose::silent});
  CHECK(history.scores.back()["loss"] < 0.06);  // of the 0.9 quantile: 0.045
  Index above = 0;
  const Tensor<float> y_hat = model.predict(x);
  for (Index i = 0; i < 200; ++i) above += targets[i] > y_hat[i];
  CHECK(above > 5);
  CHECK(above < 40);
  double within = 0;
  for (Index i = 0; i < 200; ++i) within += std::abs(targets[i] - y_hat[i]) < 0.1f;
  const Scores scores = evaluate(model, {x, targets}, {.loss = Pinball(), .metrics = {Within()}});
  CHECK(scores["within"] == within / 200);
  CHECK(history.scores.back().find("within_1") != nullptr);
  CHECK(history.scores.back()["within_1"] == history.scores.back()["within"]);
}

TEST_CASE("A user's metric starts anew each epoch, and is another for validation") {
  const Dataset<float> data = small_problem::rings(30, 1);
  Dataset<float> rest = data.subset(std::vector<Index>{0, 1, 2});
  Sequential<float> model = small_problem::classifier();
  std::vector<Index> zeros;
  for (Index i = 0; i < 30; ++i)
    if (data.labels()[i] == 0) zeros.push_back(i);
  const Dataset<float> inner = data.subset(zeros);
  const History history = fit(model, data,
                              {.epochs = 2,
                               .loss = Loss::sparse_categorical_crossentropy,
                               .metrics = {LargestClass()},
                               .validation = &inner,
                               .verbose = Verbose::silent});
  CHECK(history["largest_class"] == std::vector<double>{2, 2});
  CHECK(history["val_largest_class"] == std::vector<double>{0, 0});
}

TEST_CASE("check_loss finds what is wrong") {
  struct HalfSlope : Pinball {
    Rows evaluate(const Rows& y, const Rows& t, Rows* dy) const override {
      const Rows loss = Pinball::evaluate(y, t, dy);
      if (dy) *dy *= 0.5;
      return loss;
    }
  };
  struct LosesNaN : Pinball {
    Rows evaluate(const Rows& y, const Rows& t, Rows* dy) const override {
      const Rows loss = Pinball::evaluate(y, t, dy);
      return (loss == loss).select(loss, 0.0);
    }
  };
  struct OfTheBatch : Pinball {
    Rows evaluate(const Rows& y, const Rows& t, Rows* dy) const override {
      if (dy) *dy *= static_cast<double>(y.rows());
      return Pinball::evaluate(y, t, dy) * static_cast<double>(y.rows());
    }
  };
  const Tensor<double> y = random({5, 3}, 1), t = random({5, 3}, 2);
  const auto says = [&](const LossSpec& loss) {
    std::string all;
    for (const std::string& finding : check_loss(loss, y, t).findings) all += finding + "\n";
    return all;
  };
  CHECK(says(HalfSlope()).find("gradient: off by 1 of its largest value") == 0);
  CHECK(says(LosesNaN()) == "NaN in the output gives a loss that is a number\n");
  CHECK(says(OfTheBatch()).find("the mean of its samples'") != std::string::npos);
}

TEST_CASE("A loss that gives the wrong number of values is refused") {
  struct Short : Pinball {
    Rows evaluate(const Rows& y, const Rows&, Rows* dy) const override {
      if (dy) *dy = y;
      return y.leftCols(2);
    }
  };
  struct NoSlope : Pinball {
    Rows evaluate(const Rows& y, const Rows& t, Rows*) const override { return y - t; }
  };
  const Tensor<double> y = random({5, 3}, 1);
  Tensor<double> dy;
  CHECK(message([&] { LossSpec(Short()).value(y, y); }) ==
        "[pinball] expected losses of each value or each position, got (5, 2)");
  CHECK(message([&] { LossSpec(NoSlope()).value_and_gradient(y, y, dy); }) ==
        "[pinball] expected slopes of the output's shape, got (0, 0)");
}

TEST_CASE("keel's losses by their classes are those by name") {
  const Tensor<double> y = random({6, 3}, 4), t = random({6, 3}, 5), p = 1 / (1 + (-y.array()).exp());
  const Tensor<double> rows = p.reshaped({6, 3}), hot = (t.array() > 0).cast<double>(), labels({6}, {0, 1, 2, 0, 1, 2});
  const Tensor<double> targets = hot.reshaped({6, 3});
  const auto same = [](const LossSpec& a, const LossSpec& b, const Tensor<double>& output,
                       const Tensor<double>& target) {
    Tensor<double> da, db;
    CHECK(a.name() == b.name());
    CHECK(a.value_and_gradient(output, target, da) == b.value_and_gradient(output, target, db));
    CHECK(da == db);
    CHECK(check_loss(a, output, target).to_string() == check_loss(b, output, target).to_string());
    CHECK(check_loss(a, output, target).ok());
  };
  same(MeanSquaredError(), Loss::mse, y, t);
  same(MeanAbsoluteError(), Loss::mae, y, t);
  same(Huber({.delta = 0.5}), {Loss::huber, {.delta = 0.5}}, y, t);
  same(SmoothL1({.delta = 0.5}), {Loss::smooth_l1, {.delta = 0.5}}, y, t);
  same(BinaryCrossentropy(), Loss::binary_crossentropy, rows, targets);
  same(BinaryCrossentropy({.from_logits = true, .pos_weight = 2}),
       {Loss::binary_crossentropy, {.from_logits = true, .pos_weight = 2}}, y, targets);
  same(CategoricalCrossentropy({.label_smoothing = 0.1}), {Loss::categorical_crossentropy, {.label_smoothing = 0.1}},
       rows, targets);
  same(SparseCategoricalCrossentropy({.from_logits = true}),
       {Loss::sparse_categorical_crossentropy, {.from_logits = true}}, y, labels);
}
