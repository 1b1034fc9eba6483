#include <keel/layers/relu.hpp>

#include "layer_testing.hpp"

using namespace keel_test;

TEST_CASE("ReLU keeps the contract") {
  check(ReLU<double>(), {{3, 4}}, {.refused = {{{2}, {2}}}});
  check(ReLU<double>({.max_value = 6}), {{9}}, {.deviation = 5});
  check(ReLU<double>({.negative_slope = 0.1}), {{9}});
  check(ReLU<double>({.max_value = 1, .negative_slope = 0.2, .threshold = 0.5}), {{20}});
}

TEST_CASE("ReLU has Keras's three options") {
  const auto run = [](const ReLUOptions& options) {
    Bench bench(ReLU<float>{options}, {{5}});
    return bench.forward(Tensor<float>({1, 5}, {-2, 0.5f, 1, 4, 8}));
  };
  CHECK(run({}) == Tensor<float>({1, 5}, {0, 0.5f, 1, 4, 8}));
  CHECK(run({.max_value = 6}) == Tensor<float>({1, 5}, {0, 0.5f, 1, 4, 6}));
  CHECK(run({.max_value = 4, .negative_slope = 0.5, .threshold = 1}) ==
        Tensor<float>({1, 5}, {-1.5f, -0.25f, 0, 4, 4}));
}

TEST_CASE("ReLU's simple forms can join other layers") {
  CHECK(ReLU().acceleration().activation.kind == Activation::relu);
  CHECK(ReLU({.max_value = 6}).acceleration().activation.kind == Activation::relu6);
  CHECK(ReLU({.negative_slope = 0.1}).acceleration().activation == ActivationSpec(Activation::leaky_relu, 0.1));
  CHECK(ReLU().acceleration().role == LayerRole::activation);
  CHECK(ReLU({.max_value = 5}).acceleration().role == LayerRole::general);
  CHECK(ReLU({.threshold = 1}).acceleration().role == LayerRole::general);
}

TEST_CASE("ReLU says what is wrong") {
  CHECK_THROWS_WITH_AS(ReLU({.max_value = -1}), "[ReLU] expected max_value of 0 or more, got -1.000000", ConfigError);
  CHECK_THROWS_AS(ReLU({.negative_slope = -0.1}), ConfigError);
  CHECK_THROWS_AS(ReLU({.threshold = -1}), ConfigError);
}
