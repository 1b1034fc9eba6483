#include <keel/layers/conv2d.hpp>
#include <keel/layers/depthwise_conv2d.hpp>
#include <keel/layers/separable_conv2d.hpp>

#include "layer_testing.hpp"

using namespace keel_test;

TEST_CASE("SeparableConv2D keeps the contract") {
  check(SeparableConv2D<double>(4, 3), {{5, 4, 3}}, {.refused = {{{5, 4}}, {{2, 4, 3}}, {{5, 4, 0}}}});
  check(SeparableConv2D<double>(2, {3, 2},
                                {.strides = 2,
                                 .padding = Padding::same,
                                 .depth_multiplier = 2,
                                 .activation = Activation::silu,
                                 .use_bias = false}),
        {{6, 5, 2}});
}

TEST_CASE("SeparableConv2D is a depthwise and a 1x1 convolution") {
  Bench<SeparableConv2D<double>> bench(
      SeparableConv2D<double>(4, 3, {.padding = 1, .depth_multiplier = 2, .activation = Activation::tanh}),
      {{5, 6, 3}});
  CHECK(bench.layer.parameters().size() == 3);
  CHECK(bench.layer.depthwise_kernel().shape() == Shape{3, 3, 3, 2});
  CHECK(bench.layer.pointwise_kernel().shape() == Shape{1, 1, 6, 4});
  CHECK(bench.layer.multiply_adds(bench.shapes) == 30 * (9 * 6 + 24));
  bench.layer.bias().set(bench.normal({4}));
  Bench<DepthwiseConv2D<double>> first(
      DepthwiseConv2D<double>(3, {.padding = 1, .depth_multiplier = 2, .use_bias = false}), {{5, 6, 3}});
  Bench<Conv2D<double>> second(Conv2D<double>(4, 1, {.activation = Activation::tanh}), {{5, 6, 6}});
  first.layer.kernel().set(bench.layer.depthwise_kernel().value());
  second.layer.kernel().set(bench.layer.pointwise_kernel().value());
  second.layer.bias().set(bench.layer.bias().value());
  const Tensor<double> x = bench.normal({2, 5, 6, 3});
  CHECK(difference(bench.forward(x), second.forward(first.forward(x))) < 1e-14);
}

TEST_CASE("SeparableConv2D says what is wrong") {
  CHECK_THROWS_WITH_AS(SeparableConv2D(0, 3), "[SeparableConv2D] expected filters of 1 or more, got 0", ConfigError);
  Bench bench(SeparableConv2D(4, 3), {{5, 5, 2}});
  const std::vector<Shape> other{{5, 5, 3}};
  CHECK_THROWS_WITH_AS(bench.layer.output_shape(other), "[SeparableConv2D] expected 2 channels, got (5, 5, 3)",
                       ShapeError);
}
