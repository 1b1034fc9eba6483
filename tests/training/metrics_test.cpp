#include <doctest/doctest.h>

#include <keel/training/metrics/metrics.hpp>

#include "support/message.hpp"

namespace {

using namespace keel;

double measure(MetricSpec spec, const Tensor<double>& y, const Tensor<double>& target) {
  MetricState state(std::move(spec));
  state.update(y, target);
  return state.result();
}

const Tensor<double> y({4, 3}, {0.1, 0.7, 0.2, 0.5, 0.2, 0.3, 0.2, 0.2, 0.6, 0.4, 0.4, 0.2});
const Tensor<double> labels({4}, {1, 2, 2, 1});
const Tensor<double> hot({4, 3}, {0, 1, 0, 0, 0, 1, 0, 0, 1, 0, 1, 0});

TEST_CASE("accuracy chooses by the shapes, as Keras does") {
  CHECK(measure(Metric::accuracy, y, labels) == 0.5);  // of equal outputs the first wins
  CHECK(measure(Metric::accuracy, y, labels.reshaped({4, 1})) == 0.5);
  CHECK(measure(Metric::accuracy, y, hot) == 0.5);
  const Tensor<double> single({4, 1}, {0.6, 0.5, 0.4, 0.9}), truth({4}, {1, 1, 0, 0});
  CHECK(measure(Metric::accuracy, single, truth) == 0.5);  // 0.5 is not above the threshold
  CHECK(measure({Metric::accuracy, {.threshold = 0.45}}, single, truth) == 0.75);
  CHECK(measure(Metric::binary_accuracy, y, hot) == doctest::Approx(10.0 / 12));
  CHECK(measure({Metric::accuracy, {.ignore_class = 2}}, y, labels) == 0.5);
  CHECK(measure(Metric::accuracy, y.reshaped({2, 2, 3}), labels.reshaped({2, 2})) == 0.5);
}

TEST_CASE("top k, errors, precision and recall") {
  CHECK(measure({Metric::top_k, {.k = 1}}, y, labels) == 0.75);
  CHECK(measure({Metric::top_k, {.k = 2}}, y, labels) == 1);
  CHECK(measure({Metric::top_k, {.k = 2}}, y, hot) == 1);
  // equal outputs are all in or all out, as in Keras's ops.in_top_k
  const Tensor<double> even({2, 4}, {0.25, 0.25, 0.25, 0.25, 0.4, 0.2, 0.2, 0.2}), fourth({2}, {3, 3});
  CHECK(measure({Metric::top_k, {.k = 2}}, even, fourth) == 1);
  CHECK(measure({Metric::top_k, {.k = 1}}, even, fourth) == 0.5);
  const Tensor<double> a({2, 2}, {1, 2, 3, 4}), b({2, 2}, {1, 0, 0, 4.5});
  CHECK(measure(Metric::mse, a, b) == doctest::Approx(13.25 / 4));
  CHECK(measure(Metric::mae, a, b) == doctest::Approx(5.5 / 4));
  // said: 0.7 and 0.6, both right, of four that are there
  CHECK(measure(Metric::precision, y, hot) == 1);
  CHECK(measure(Metric::recall, y, hot) == 0.5);
  CHECK(measure(Metric::recall, y, labels) == 0.5);
  CHECK(measure({Metric::recall, {.class_id = 2}}, y, labels) == 0.5);
  CHECK(measure({Metric::precision, {.threshold = 0.45}}, y, labels) == doctest::Approx(2.0 / 3));
  CHECK(measure({Metric::precision, {.class_id = 0}}, y, labels) == 0);
  CHECK(MetricState({Metric::top_k, {.k = 3}}).name() == "top_3_accuracy");
  CHECK(MetricState({Metric::recall, {.class_id = 1, .name = "recall of cats"}}).name() == "recall of cats");
}

TEST_CASE("metrics collect over batches and start anew") {
  MetricState state(Metric::accuracy);
  CHECK(std::isnan(state.result()));
  state.update(y.rows(0, 1), labels.rows(0, 1));
  CHECK(state.result() == 1);
  state.update(y.rows(1, 3), labels.rows(1, 3));
  CHECK(state.result() == 0.5);
  state.reset();
  state.update(y.rows(0, 1), labels.rows(0, 1));
  CHECK(state.result() == 1);
}

TEST_CASE("NaN is never right") {
  Tensor<double> broken = y;
  broken[0] = std::nan("");
  CHECK(measure(Metric::accuracy, broken, labels) == 0.25);
  CHECK(measure({Metric::top_k, {.k = 3}}, broken, labels) == 0.75);
  CHECK(measure(Metric::accuracy, Tensor<double>({1, 1}, std::nan("")), Tensor<double>({1}, 0.0)) == 0);
}

TEST_CASE("confusion matrix") {
  ConfusionMatrix matrix(3);
  matrix.update(y, labels);
  matrix.update(y, hot);
  CHECK(matrix(1, 1) == 2);
  CHECK(matrix(2, 0) == 2);
  CHECK(matrix(1, 0) == 2);
  CHECK(matrix(0, 1) == 0);
  CHECK(matrix.accuracy() == 0.5);
  CHECK(matrix.precision(0) == 0);
  CHECK(matrix.precision(2) == 1);
  CHECK(matrix.recall(1) == 0.5);
  CHECK(matrix.recall(0) == 0);
  CHECK(matrix.to_string() == "      0      0      0\n      2      2      0\n      2      0      2\n");
  ConfusionMatrix two(2);
  two.update(Tensor<float>({3, 1}, {0.2f, 0.8f, 0.9f}), Tensor<float>({3}, {0, 0, 1}));
  CHECK(two(0, 1) == 1);
  CHECK(two(1, 1) == 1);
}

TEST_CASE("metrics refuse what they cannot use") {
  CHECK(message([] {
          measure(Metric::accuracy, y, Tensor<double>({4}, {0, 1, 2, 3}));
        }) == "[accuracy] expected labels that are whole numbers from 0 to 2, got 3");
  CHECK(message([] {
          measure(Metric::accuracy, y, Tensor<double>({4, 2}));
        }) == "[accuracy] expected targets for an output of shape (4, 3), got (4, 2)");
  CHECK(message([] { measure(Metric::mse, y, labels); }) ==
        "[mse] expected targets of the output's shape, got one value a position");
  CHECK(message([] { measure({Metric::top_k, {.k = 0}}, y, labels); }) == "[top_k] expected k of 1 or more, got 0");
  CHECK(message([] { ConfusionMatrix(1); }) == "[ConfusionMatrix] expected 2 classes or more, got 1");
  CHECK(message([] { ConfusionMatrix(4).update(y, labels); }) == "[ConfusionMatrix] expected 4 outputs, got (4, 3)");
}

TEST_CASE("a confusion matrix is printed with its labels") {
  ConfusionMatrix matrix(3);
  matrix.update(Tensor<float>({4, 3}, {1, 0, 0, 0, 1, 0, 0, 1, 0, 0, 0, 1}), Tensor<float>({4}, {0, 1, 2, 2}));
  CHECK(matrix.to_string({"cat", "dog", "Känguru"}) ==
        "is \\ said  cat  dog  Känguru\n"
        "      cat    1    0        0\n"
        "      dog    0    1        0\n"
        "  Känguru    0    1        1\n");
  CHECK_THROWS_AS(matrix.to_string({"cat"}), ConfigError);
}

}  // namespace
