// Eigen's matrices, maps and expressions wherever values go in: a row is a sample.
#include <keel/layers/conv2d.hpp>
#include <keel/layers/flatten.hpp>
#include <keel/training/fit.hpp>

#include <doctest/doctest.h>

#include "small_problem.hpp"

using namespace keel;

namespace {

/// The samples of a tensor in a column-major matrix.
template <class T>
Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic> columns_of(const Tensor<T>& x) {
  return x.reshaped({x.shape()[0], x.size() / x.shape()[0]}).matrix();
}

}  // namespace

TEST_CASE("predict takes what Eigen has, and one sample") {
  const Sequential<float> model = small_problem::classifier();
  const Tensor<float> x = small_problem::rings(7, 1).inputs()[0], y = model.predict(x);
  const Eigen::MatrixXf matrix = columns_of(x);
  CHECK(model.predict(matrix) == y);
  CHECK(model.predict(x.matrix()) == y);
  CHECK(model.predict(matrix * 1.0f) == y);
  CHECK(model.predict(Eigen::Map<const Eigen::MatrixXf>(matrix.data(), 7, 2)) == y);
  CHECK(model.predict(matrix.middleRows(2, 3)) == y.rows(2, 3));
  CHECK(model.predict(x.matrix().array()) == y);

  const Tensor<float> one = y.rows(4, 1).reshaped({3});
  CHECK(model.predict(x.rows(4, 1).reshaped({2})) == one);
  CHECK(model.predict(matrix.row(4)) == one);
  CHECK(model.predict(Eigen::VectorXf(matrix.row(4).transpose())) == one);
  CHECK(model.predict(std::vector<float>{matrix(4, 0), matrix(4, 1)}) == one);
  Tensor<float> result({7, 3}), single(Shape{3});
  model.predict(matrix, result);
  CHECK(result == y);
  model.predict(matrix.row(4), single);
  CHECK(single == one);

  CHECK_THROWS_WITH_AS(model.predict(Eigen::MatrixXf(5, 3)), doctest::Contains("of shape (batch, 2), got (5, 3)"),
                       ShapeError);
  CHECK_THROWS_AS(model.predict(Eigen::VectorXf(3)), ShapeError);
  CHECK_THROWS_AS(model.predict(matrix, single), ShapeError);
}

TEST_CASE("predict reads images from the rows of a matrix") {
  Sequential<float> model({4, 5, 2}, {.seed = 3});
  model.add(Conv2D(3, 3));
  model.add(Flatten());
  Tensor<float> x({6, 4, 5, 2});
  Rng rng(1);
  for (float& value : x) value = static_cast<float>(rng.normal());
  const Tensor<float> y = model.predict(x);
  const Eigen::MatrixXf matrix = columns_of(x);
  CHECK(model.predict(matrix) == y);
  CHECK(model.predict(x.rows(2, 1).reshaped({4, 5, 2})) == y.rows(2, 1).reshaped({18}));
  CHECK(model.predict(matrix.row(2)) == y.rows(2, 1).reshaped({18}));
  CHECK_THROWS_AS(model.predict(x.reshaped({6, 40})), ShapeError);  // a tensor says what its axes are
  CHECK_THROWS_AS(model.predict(matrix.leftCols(39)), ShapeError);
}

TEST_CASE("A single input: a vector is a batch") {
  Sequential<double> model({1}, {.seed = 3});
  model.add(Dense<double>(2));
  for (const Index count : {Index{1}, Index{5}}) {
    const Eigen::VectorXd x = Eigen::VectorXd::LinSpaced(count, -1, 1);
    CHECK(model.predict(x).shape() == Shape{count, 2});
    CHECK(model.predict(x) == model.predict(Tensor<double>(x).reshaped({count, 1})));
  }
}

TEST_CASE("Losses and metrics take what Eigen has") {
  const Dataset<float> data = small_problem::rings(9, 2);
  const Tensor<float> y = small_problem::classifier().predict(data.inputs()[0]), labels = data.labels();
  const Eigen::MatrixXf matrix = columns_of(y);
  const Eigen::VectorXf classes = labels.array();
  const LossSpec loss(Loss::sparse_categorical_crossentropy);
  Tensor<float> dy, expected;
  const double value = loss.value_and_gradient(y, labels, expected);
  CHECK(loss.value(matrix, classes) == value);
  CHECK(loss.value(y, classes) == value);
  CHECK(loss.value(y.matrix(), labels) == value);
  CHECK(loss.value_and_gradient(matrix, classes.array(), dy) == value);
  CHECK(dy == expected);
  CHECK(LossSpec(Loss::mse).value(matrix, 0.5f * matrix, Eigen::VectorXf::Ones(9)) ==
        LossSpec(Loss::mse).value(y, Tensor<float>(0.5f * matrix)));
  CHECK_THROWS_AS(loss.value(matrix, classes.head(8)), ShapeError);

  MetricState one(Metric::accuracy), two(Metric::accuracy);
  one.update(y, labels);
  two.update(matrix, classes);
  CHECK(one.result() == two.result());
  ConfusionMatrix counts(3);
  counts.update(matrix, classes);
  CHECK(counts.accuracy() == one.result());
}

TEST_CASE("A dataset of Eigen's matrices trains the same bits") {
  const Dataset<float> data = small_problem::rings(60, 3);
  const Eigen::MatrixXf points = columns_of(data.images());
  const Eigen::VectorXf labels = data.labels().array();
  const Dataset matrices(points, labels);
  CHECK(std::is_same_v<decltype(matrices), const Dataset<float>>);
  CHECK(matrices.images() == data.images());
  CHECK(matrices.labels() == data.labels());
  CHECK(Dataset<double>(points.cast<double>(), labels.cast<double>()).size() == 60);

  const FitOptions<float> options{
      .epochs = 2, .loss = Loss::sparse_categorical_crossentropy, .verbose = Verbose::silent};
  Sequential<float> a = small_problem::classifier(), b = small_problem::classifier();
  fit(a, data, options);
  fit(b, {points, labels}, options);
  CHECK(small_problem::values(a) == small_problem::values(b));
}
