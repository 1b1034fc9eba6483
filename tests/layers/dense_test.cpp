#include <keel/layers/dense.hpp>

#include "layer_testing.hpp"

using namespace keel_test;

TEST_CASE("Dense keeps the contract") {
  check(Dense<double>(3), {{4}}, {.refused = {{{}}, {{0}}, {{4}, {4}}}});
  check(Dense<double>(1, {.use_bias = false}), {{1}});
  check(Dense<double>(5, {.activation = Activation::relu}), {{2, 3, 4}});
  check(Dense<double>(5, {.activation = Activation::gelu}), {{7}});
  check(Dense<double>(5, {.activation = Activation::softmax}), {{2, 6}});
  check(Dense<double>(3, {.activation = {Activation::elu, -0.5}}), {{4}}, {.batch = 1});
}

TEST_CASE("Dense computes activation(x kernel + bias)") {
  Bench bench(Dense(2, {.activation = Activation::relu}), {{3}});
  bench.layer.kernel().set(Tensor<float>({3, 2}, {1, 2, 3, 4, 5, 6}));
  bench.layer.bias().set(Tensor<float>({2}, {1, -30}));
  CHECK(bench.output == Shape{2});
  CHECK(bench.forward(Tensor<float>({2, 3}, {1, 1, 1, 0, 2, -1})) == Tensor<float>({2, 2}, {10, 0, 2, 0}));
  // only the first unit is open: dx = dy0 kernel(:, 0)
  CHECK(bench.backward(Tensor<float>({2, 2}, {1, 5, 2, 5})) == Tensor<float>({2, 3}, {1, 3, 5, 2, 6, 10}));
  CHECK(bench.layer.kernel().gradient == Tensor<float>({3, 2}, {1, 0, 5, 0, -1, 0}));
  CHECK(bench.layer.bias().gradient == Tensor<float>({2}, {3, 0}));
}

TEST_CASE("Dense acts on the last axis of any rank") {
  Bench<Dense<double>> bench(Dense<double>(4), {{2, 5, 3}});
  CHECK(bench.output == Shape{2, 5, 4});
  const Tensor<double> x = bench.normal({3, 2, 5, 3});
  const Tensor<double> y = bench.forward(x);
  Tensor<double> want(y.shape());
  for (Index r = 0; r < 30; ++r)
    for (Index o = 0; o < 4; ++o)
      for (Index i = 0; i < 3; ++i) want[r * 4 + o] += x[r * 3 + i] * bench.layer.kernel().value()(i, o);
  CHECK(difference(y, want) < 1e-14);
}

TEST_CASE("Dense lists kernel and bias, counts and configures") {
  Bench bench(Dense(100, {.name = "hidden"}), {{131072}});
  CHECK(bench.layer.parameters().size() == 2);
  CHECK(bench.layer.kernel().name() == "kernel");
  CHECK(bench.layer.kernel().size() + bench.layer.bias().size() == 13107300);
  CHECK(bench.layer.multiply_adds(bench.shapes) == 13107200);
  CHECK(bench.layer.name() == "hidden");
  CHECK(Bench(Dense(3, {.use_bias = false}), {{4}}).layer.parameters().size() == 1);
  CHECK(bench.layer.config().get<Index>("units", 0) == 100);
}

TEST_CASE("Dense says what is wrong") {
  const std::vector<Shape> none, scalar{Shape{}}, empty{{3, 0}};
  CHECK_THROWS_WITH_AS(Dense(0), "[Dense] expected units of 1 or more, got 0", ConfigError);
  CHECK_THROWS_WITH_AS(Dense(-3, {.name = "out"}), "[out (Dense)] expected units of 1 or more, got -3", ConfigError);
  CHECK_THROWS_WITH_AS(Dense(3).output_shape(none), "[Dense] expected one input, got 0", ShapeError);
  CHECK_THROWS_WITH_AS(Dense(3).output_shape(scalar),
                       "[Dense] expected an input with features, got a scalar per sample", ShapeError);
  CHECK_THROWS_WITH_AS(Dense(3).output_shape(empty), "[Dense] expected at least one feature, got (3, 0)", ShapeError);
  Bench bench(Dense(3), {{4}});
  const std::vector<Shape> other{{5}};
  CHECK_THROWS_WITH_AS(bench.layer.output_shape(other), "[Dense] expected 4 features, got (5)", ShapeError);
}
