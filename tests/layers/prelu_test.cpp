#include <keel/layers/prelu.hpp>

#include "layer_testing.hpp"

using namespace keel_test;

TEST_CASE("PReLU keeps the contract") {
  check(PReLU<double>(), {{3, 2, 4}}, {.refused = {{{2}, {2}}}});
  check(PReLU<double>({.shared_axes = {1, 2}}), {{3, 2, 4}});
  check(PReLU<double>({.alpha_initializer = {Initializer::constant, 0.25}, .shared_axes = {1}}), {{5}});
  check(PReLU<double>({.shared_axes = {2}}), {{3, 2, 4}});
}

TEST_CASE("PReLU learns its slope") {
  Bench bench(PReLU({.alpha_initializer = {Initializer::constant, 0.5}, .shared_axes = {1}}), {{2, 2}});
  CHECK(bench.layer.alpha().shape() == Shape{1, 2});
  CHECK(bench.forward(Tensor<float>({1, 2, 2}, {-2, 3, -4, -6})) == Tensor<float>({1, 2, 2}, {-1, 3, -2, -3}));
  CHECK(bench.backward(Tensor<float>({1, 2, 2}, {1, 1, 1, 1})) == Tensor<float>({1, 2, 2}, {0.5f, 1, 0.5f, 0.5f}));
  CHECK(bench.layer.alpha().gradient == Tensor<float>({1, 2}, {-6, -6}));
}

TEST_CASE("PReLU says what is wrong") {
  CHECK_THROWS_WITH_AS(Bench(PReLU({.shared_axes = {3}}), {{2, 2}}), "[PReLU] expected shared axes in 1 .. 2, got 3",
                       ConfigError);
  Bench bench(PReLU<float>{}, {{2, 2}});
  const std::vector<Shape> other{{2, 3}};
  CHECK_THROWS_WITH_AS(bench.layer.output_shape(other), "[PReLU] expected an input that fits alpha (2, 2), got (2, 3)",
                       ShapeError);
}
