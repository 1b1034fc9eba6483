#include <doctest/doctest.h>

#include <keel/tensor/rng.hpp>
#include <keel/training/losses/losses.hpp>
#include <limits>

#include "support/message.hpp"

namespace {

using namespace keel;
constexpr Loss::Kind sparse = Loss::sparse_categorical_crossentropy;
constexpr Loss::Kind categorical = Loss::categorical_crossentropy;
constexpr Loss::Kind binary = Loss::binary_crossentropy;

/// The largest difference between `value_and_gradient` and central differences of `value`.
double gradient_error(const LossSpec& loss, Tensor<double> y, const Tensor<double>& target,
                      const Tensor<double>& weights = {}) {
  Tensor<double> dy;
  CHECK(loss.value_and_gradient(y, target, dy, weights) == loss.value(y, target, weights));
  REQUIRE(dy.shape() == y.shape());
  double worst = 0, largest = 0;
  for (Index i = 0; i < y.size(); ++i) {
    const double middle = y[i], h = 1e-5;
    y[i] = middle + h;
    const double above = loss.value(y, target, weights);
    y[i] = middle - h;
    const double below = loss.value(y, target, weights);
    y[i] = middle;
    worst = (std::max)(worst, std::abs((above - below) / (2 * h) - dy[i]));
    largest = (std::max)(largest, std::abs(dy[i]));
  }
  REQUIRE(largest > 1e-3);
  return worst / largest;
}

TEST_CASE("losses by hand") {
  const Tensor<float> y({2, 2}, {1, 2, 3, 4}), t({2, 2}, {1, 0, 0, 4.5f});
  CHECK(LossSpec(Loss::mse).value(y, t) == doctest::Approx((0 + 4 + 9 + 0.25) / 4));
  CHECK(LossSpec(Loss::mae).value(y, t) == doctest::Approx((0 + 2 + 3 + 0.5) / 4));
  CHECK(LossSpec(Loss::huber).value(y, t) == doctest::Approx((0 + 1.5 + 2.5 + 0.125) / 4));
  CHECK(LossSpec(Loss::huber, {.delta = 2}).value(y, t) == doctest::Approx((0 + 2 + 4 + 0.125) / 4));
  CHECK(LossSpec(Loss::smooth_l1, {.delta = 2}).value(y, t) == doctest::Approx((0 + 1 + 2 + 0.0625) / 4));
  CHECK(LossSpec(Loss::mse, {.reduction = Reduction::sum}).value(y, t) == doctest::Approx(13.25 / 2));
  CHECK(LossSpec(Loss::mse, {.reduction = Reduction::element_sum}).value(y, t) == doctest::Approx(13.25));

  const Tensor<double> p({2, 3}, {0.7, 0.2, 0.1, 0.1, 0.3, 0.6}), hot({2, 3}, {1, 0, 0, 0, 1, 0}), label({2}, {0, 1});
  const double expected = -(std::log(0.7) + std::log(0.3)) / 2;
  CHECK(LossSpec(categorical).value(p, hot) == doctest::Approx(expected));
  CHECK(LossSpec(sparse).value(p, label) == doctest::Approx(expected));
  CHECK(LossSpec(sparse).value(p, label.reshaped({2, 1})) == doctest::Approx(expected));
  Tensor<double> twice = p, logits = p;
  twice.array() *= 2;
  logits.array() = p.array().log() + 3;
  CHECK(LossSpec(sparse).value(twice, label) == doctest::Approx(expected));
  CHECK(LossSpec(sparse, {.from_logits = true}).value(logits, label) == doctest::Approx(expected));
  // smoothing by 0.3 moves a tenth of the target to each class
  const double smooth =
      -(std::log(0.7) * 0.8 + std::log(0.2 * 0.1) * 0.1 + std::log(0.3) * 0.8 + std::log(0.06) * 0.1) / 2;
  CHECK(LossSpec(categorical, {.label_smoothing = 0.3}).value(p, hot) == doctest::Approx(smooth));
  CHECK(LossSpec(sparse, {.from_logits = true, .label_smoothing = 0.3}).value(logits, label) ==
        doctest::Approx(smooth));

  const Tensor<double> q({2, 1}, {0.8, 0.3}), truth({2}, {1, 0}), x({2, 1}, {std::log(4.0), std::log(3.0 / 7)});
  CHECK(LossSpec(binary).value(q, truth) == doctest::Approx(-(std::log(0.8) + std::log(0.7)) / 2));
  CHECK(LossSpec(binary, {.from_logits = true}).value(x, truth) ==
        doctest::Approx(-(std::log(0.8) + std::log(0.7)) / 2));
  CHECK(LossSpec(binary, {.from_logits = true, .pos_weight = 3}).value(x, truth) ==
        doctest::Approx(-(3 * std::log(0.8) + std::log(0.7)) / 2));
  CHECK(LossSpec(binary, {.label_smoothing = 0.2}).value(q, truth) ==
        doctest::Approx(-(0.9 * std::log(0.8) + 0.1 * std::log(0.2) + 0.1 * std::log(0.3) + 0.9 * std::log(0.7)) / 2));
}

TEST_CASE("what Keras and PyTorch do about log 0") {
  const Tensor<float> y({1, 1}, {0}), t({1}, {1});
  CHECK(LossSpec(binary).value(y, t) == doctest::Approx(16.118).epsilon(1e-4));
  CHECK(LossSpec(binary, {.log_of_zero = LogOfZero::clamp_log}).value(y, t) == 100);
  Tensor<float> dy;
  LossSpec(binary).value_and_gradient(y, t, dy);
  CHECK(dy[0] == 0);
  LossSpec(binary, {.log_of_zero = LogOfZero::clamp_log}).value_and_gradient(y, t, dy);
  CHECK(dy[0] == doctest::Approx(-1e12));
}

TEST_CASE("weights and divisors") {
  const Tensor<double> p({3, 2}, {0.5, 0.5, 0.2, 0.8, 0.9, 0.1}), label({3}, {0, 1, 0}), w({3}, {1, 2, 0.5});
  const double a = -std::log(0.5), b = -std::log(0.8), c = -std::log(0.9);
  CHECK(LossSpec(sparse).value(p, label, w) == doctest::Approx((a + 2 * b + 0.5 * c) / 3));
  CHECK(LossSpec(sparse, {.reduction = Reduction::weighted_mean}).value(p, label, w) ==
        doctest::Approx((a + 2 * b + 0.5 * c) / 3.5));
  CHECK(LossSpec(sparse, {.reduction = Reduction::sum}).value(p, label, w) == doctest::Approx(a + 2 * b + 0.5 * c));
  CHECK(LossSpec(sparse, {.class_weight = {1, 3}}).value(p, label) == doctest::Approx((a + 3 * b + c) / 3));
  CHECK(LossSpec(sparse, {.reduction = Reduction::weighted_mean, .class_weight = {1, 3}}).value(p, label) ==
        doctest::Approx((a + 3 * b + c) / 5));
  const Tensor<double> some({3}, {0, -100, 0});
  Tensor<double> dy;
  CHECK(LossSpec(sparse, {.ignore_class = -100}).value_and_gradient(p, some, dy) == doctest::Approx((a + c) / 2));
  CHECK((dy[2] == 0 && dy[3] == 0));
  CHECK(LossSpec(sparse, {.ignore_class = -100}).value_and_gradient(p, Tensor<double>({3}, -100.0), dy) == 0);
  CHECK(dy == Tensor<double>({3, 2}));
  // several positions a sample: one weight a sample or a position
  const Tensor<double> y({2, 2, 1}, {1, 2, 3, 4}), zero({2, 2, 1}), one_two({2}, {1, 2}), each({2, 2}, {1, 1, 2, 2});
  CHECK(LossSpec(Loss::mse).value(y, zero, one_two) == doctest::Approx((1 + 4 + 18 + 32) / 4.0));
  CHECK(LossSpec(Loss::mse).value(y, zero, each) == doctest::Approx((1 + 4 + 18 + 32) / 4.0));
}

TEST_CASE("gradients of all losses by central differences") {
  Rng rng(3);
  const Index batch = 4, classes = 3;
  for (const Shape& shape : {Shape{batch, classes}, Shape{2, 2, 3, classes}, Shape{batch, 1}}) {
    CAPTURE(shape.to_string());
    const Index n = shape.back();
    Tensor<double> y(shape), probability(shape), target(shape), rows(shape);
    Tensor<double> labels(Shape(shape.dims().first(static_cast<std::size_t>(shape.rank() - 1)))), weights({shape[0]});
    for (double& v : y) v = rng.uniform(-3, 3);
    for (double& v : probability) v = rng.uniform(0.05, 0.95);
    for (double& v : target) v = rng.uniform(-3, 3);
    for (double& v : rows) v = rng.uniform(0, 1);
    for (double& v : labels) v = static_cast<double>(rng.below(n));
    for (double& v : weights) v = rng.uniform(0.5, 2);
    for (const Reduction reduction :
         {Reduction::mean, Reduction::weighted_mean, Reduction::sum, Reduction::element_sum}) {
      for (const Loss::Kind loss : {Loss::mse, Loss::mae, Loss::huber, Loss::smooth_l1})
        CHECK(gradient_error({loss, {.delta = 1.5, .reduction = reduction}}, y, target, weights) < 1e-6);
      for (const double s : {0.0, 0.2}) {
        const LossOptions base{.label_smoothing = s, .reduction = reduction};
        LossOptions logit = base, clamped = base, positive = base;
        logit.from_logits = positive.from_logits = true;
        clamped.log_of_zero = LogOfZero::clamp_log;
        positive.pos_weight = 2.5;
        CHECK(gradient_error({binary, base}, probability, rows, weights) < 1e-6);
        CHECK(gradient_error({binary, clamped}, probability, rows) < 1e-6);
        CHECK(gradient_error({binary, logit}, y, rows, weights) < 1e-6);
        CHECK(gradient_error({binary, positive}, y, rows, weights) < 1e-6);
        if (n == 1) continue;
        for (const bool weighted : {false, true}) {
          LossOptions p = base, x = logit;
          if (weighted) p.class_weight = x.class_weight = {0.5, 2, 1};
          CHECK(gradient_error({categorical, p}, probability, rows, weights) < 1e-6);
          CHECK(gradient_error({categorical, x}, y, rows, weights) < 1e-6);
          CHECK(gradient_error({sparse, p}, probability, labels, weights) < 1e-6);
          x.ignore_class = 1;
          labels[0] = 0;
          CHECK(gradient_error({sparse, x}, y, labels) < 1e-6);
        }
      }
    }
  }
}

TEST_CASE_TEMPLATE("extreme logits give finite losses and gradients", T, float, double) {
  const double limit = std::numeric_limits<float>::max();
  for (const double size : {88.0, 710.0, 1e4, limit})
    for (const Index hot : {0, 1}) {
      CAPTURE(size);
      const Tensor<T> x({1, 2}, {static_cast<T>(size), static_cast<T>(-size)}), label({1}, static_cast<T>(hot));
      Tensor<T> dy;
      const double gap = hot == 0 ? 0 : 2 * size;
      const double loss = LossSpec(sparse, {.from_logits = true}).value_and_gradient(x, label, dy);
      CHECK(loss == doctest::Approx(gap));
      CHECK(dy[0] == static_cast<T>(hot));
      CHECK(std::abs(dy[1] + static_cast<T>(hot)) < T(1e-30));
      const Tensor<T> one({1, 1}, {static_cast<T>(-size)});
      const double cost = LossSpec(binary, {.from_logits = true}).value_and_gradient(one, label, dy);
      CHECK(cost == doctest::Approx(hot == 0 ? 0 : size));
      CHECK(dy[0] == doctest::Approx(static_cast<double>(-hot)));
    }
  // a saturated softmax is clipped, as Keras does
  const Tensor<T> p({1, 2}, {1, 0}), label({1}, {1});
  CHECK(LossSpec(sparse).value(p, label) == doctest::Approx(-std::log(1e-7)));
}

TEST_CASE("NaN reaches the loss") {
  const float nan = std::nanf("");
  const Tensor<float> y({1, 2}, {nan, 0.5f}), t({1, 2}, {1, 0}), label({1}, 1.0f);
  for (const Loss::Kind loss : {Loss::mse, Loss::mae, Loss::huber, binary, categorical}) {
    CAPTURE(loss_name(loss));
    CHECK(std::isnan(LossSpec(loss).value(y, t)));
    if (loss >= binary) CHECK(std::isnan(LossSpec(loss, {.from_logits = true}).value(y, t)));
  }
  CHECK(std::isnan(LossSpec(sparse).value(y, label)));
  CHECK(std::isnan(LossSpec(sparse, {.from_logits = true}).value(y, label)));
}

TEST_CASE("losses refuse what they cannot use") {
  const Tensor<float> y({2, 3}, 0.3f), labels({2});
  const auto value = [&](Loss::Kind loss, const Tensor<float>& target, LossOptions options = {}) {
    return message([&] { LossSpec(loss, options).value(y, target); });
  };
  CHECK(value(sparse, Tensor<float>({2}, {0, 3})) ==
        "[sparse_categorical_crossentropy] expected labels that are whole numbers from 0 to 2, got 3 in sample 1 "
        "(classes are counted from 0, and the last layer has one output for each)");
  CHECK(value(sparse, Tensor<float>({2}, {-1, 0})) ==
        "[sparse_categorical_crossentropy] expected labels that are whole numbers from 0 to 2, got -1 in sample 0 "
        "(classes are counted from 0, and the last layer has one output for each)");
  CHECK(value(sparse, Tensor<float>({2}, {0, 1.5f})) ==
        "[sparse_categorical_crossentropy] expected labels that are whole numbers from 0 to 2, got 1.5 in sample 1 "
        "(classes are counted from 0, and the last layer has one output for each)");
  CHECK(value(sparse, y) ==
        "[sparse_categorical_crossentropy] expected targets of shape (2) for an output (2, 3), got (2, 3) "
        "(one-hot targets belong to categorical_crossentropy)");
  CHECK(value(categorical, labels) ==
        "[categorical_crossentropy] expected targets of shape (2, 3) for an output (2, 3), got (2) "
        "(class numbers belong to sparse_categorical_crossentropy)");
  CHECK(value(categorical, Tensor<float>({2, 4})) ==
        "[categorical_crossentropy] expected targets of shape (2, 3) for an output (2, 3), got (2, 4)");
  CHECK(value(Loss::mse, labels) == "[mse] expected targets of shape (2, 3) for an output (2, 3), got (2)");
  CHECK(value(Loss::mse, Tensor<float>({2, 3}, std::nanf(""))) == "[mse] expected finite targets, got nan in sample 0");
  CHECK(value(binary, Tensor<float>({2, 3}, 2.0f)) ==
        "[binary_crossentropy] expected targets within [0, 1], got 2 in sample 0");
  CHECK(message([&] {
          LossSpec(binary).value(Tensor<float>({1, 1}, 1.5f), Tensor<float>({1}));
        }) ==
        "[binary_crossentropy] expected outputs that are probabilities, got 1.5 in sample 0 "
        "(set from_logits, or end the model in sigmoid or softmax)");
  CHECK(message([&] {
          LossSpec(Loss::mse).value(Tensor<float>({0, 3}), Tensor<float>({0, 3}));
        }) == "[mse] expected a batch of at least one sample, got shape (0, 3)");
  CHECK(message([&] { LossSpec(Loss::mse).value(y, y, Tensor<float>({3}, 1.0f)); }) ==
        "[mse] expected one weight a sample, (2), got (3)");
  CHECK(message([&] {
          LossSpec(Loss::mse).value(y, y, Tensor<float>({2}, {1, -1}));
        }) == "[mse] expected sample weights of 0 or more, got -1 in sample 1");
  CHECK(message([&] { LossSpec().value(y, y); }) == "[loss] expected a loss, such as Loss::mse, got none");
  CHECK(value(sparse, labels, {.class_weight = {1, 2}}) ==
        "[sparse_categorical_crossentropy] expected 3 class weights, got 2");
  CHECK(message([] { LossSpec(Loss::huber, {.delta = 0}); }) == "[huber] expected delta above 0, got 0");
  CHECK(message([] { LossSpec(categorical, {.label_smoothing = 1}); }) ==
        "[categorical_crossentropy] expected label_smoothing within [0, 1), got 1");
  CHECK(message([] { LossSpec(Loss::mse, {.from_logits = true}); }) ==
        "[mse] expected from_logits and label_smoothing only with cross-entropies, got it set");
  CHECK(message([] { LossSpec(binary, {.pos_weight = 2}); }) ==
        "[binary_crossentropy] expected pos_weight only with binary_crossentropy from logits, got it set");
  // nothing is written before the labels are known to be good
  Tensor<float> dy({1}, 7.0f);
  message([&] { LossSpec(sparse).value_and_gradient(y, Tensor<float>({2}, {0, 9}), dy); });
  CHECK(dy == Tensor<float>({1}, 7.0f));
}

}  // namespace
