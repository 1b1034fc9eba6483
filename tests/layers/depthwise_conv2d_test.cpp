#include <keel/layers/conv2d.hpp>
#include <keel/layers/depthwise_conv2d.hpp>

#include "layer_testing.hpp"

using namespace keel_test;

TEST_CASE("DepthwiseConv2D keeps the contract") {
  check(DepthwiseConv2D<double>(3), {{5, 4, 3}}, {.refused = {{{5, 4}}, {{2, 4, 3}}, {{5, 4, 0}}}});
  check(DepthwiseConv2D<double>(
            {2, 3}, {.strides = 2, .padding = Padding::same, .depth_multiplier = 2, .activation = Activation::relu6}),
        {{6, 5, 4}});
  check(DepthwiseConv2D<double>(3, {.padding = 2, .dilation_rate = 2, .use_bias = false}), {{5, 4, 17}});
}

TEST_CASE("DepthwiseConv2D convolves each channel with filters of its own") {
  // two channels, two filters each: output channel c * 2 + m
  Bench bench(DepthwiseConv2D(1, {.depth_multiplier = 2}), {{1, 1, 2}});
  bench.layer.kernel().set(Tensor<float>({1, 1, 2, 2}, {1, 2, 3, 4}));
  bench.layer.bias().set(Tensor<float>({4}, {0, 0, 0, 1}));
  CHECK(bench.output == Shape{1, 1, 4});
  CHECK(bench.forward(Tensor<float>({1, 1, 1, 2}, {10, 100})) == Tensor<float>({1, 1, 1, 4}, {10, 20, 300, 401}));
  CHECK(bench.backward(Tensor<float>({1, 1, 1, 4}, {1, 1, 1, 1})) == Tensor<float>({1, 1, 1, 2}, {3, 7}));
  CHECK(bench.layer.kernel().gradient == Tensor<float>({1, 1, 2, 2}, {10, 10, 100, 100}));
}

TEST_CASE("DepthwiseConv2D equals one Conv2D a channel") {
  Bench<DepthwiseConv2D<double>> bench(
      DepthwiseConv2D<double>(3, {.strides = 2, .padding = Padding::same, .depth_multiplier = 3}), {{7, 6, 5}});
  const Tensor<double> x = bench.normal({2, 7, 6, 5}), y = bench.forward(x);
  for (Index c = 0; c < 5; ++c) {
    Bench<Conv2D<double>> one(Conv2D<double>(3, 3, {.strides = 2, .padding = Padding::same}), {{7, 6, 1}});
    Tensor<double> kernel({3, 3, 1, 3}), channel({2, 7, 6, 1});
    for (Index i = 0; i < 9; ++i)
      for (Index m = 0; m < 3; ++m) kernel[i * 3 + m] = bench.layer.kernel().value()[(i * 5 + c) * 3 + m];
    for (Index i = 0; i < channel.size(); ++i) channel[i] = x[i * 5 + c];
    one.layer.kernel().set(kernel);
    one.forward(channel);
    for (Index i = 0; i < one.y.size(); ++i)
      CHECK(y[i / 3 * 15 + c * 3 + i % 3] == doctest::Approx(one.y[i]).epsilon(1e-13));
  }
}

TEST_CASE("DepthwiseConv2D counts and says what is wrong") {
  Bench bench(DepthwiseConv2D(3), {{8, 8, 16}});
  CHECK(bench.layer.kernel().shape() == Shape{3, 3, 16, 1});
  CHECK(bench.layer.multiply_adds(bench.shapes) == 6 * 6 * 9 * 16);
  CHECK_THROWS_WITH_AS(DepthwiseConv2D(3, {.depth_multiplier = 0}),
                       "[DepthwiseConv2D] expected depth_multiplier of 1 or more, got 0", ConfigError);
  CHECK_THROWS_WITH_AS(DepthwiseConv2D(0, {.name = "dw"}),
                       "[dw (DepthwiseConv2D)] expected kernel_size of 1 or more, got 0", ConfigError);
  const std::vector<Shape> other{{8, 8, 15}};
  CHECK_THROWS_WITH_AS(bench.layer.output_shape(other),
                       "[DepthwiseConv2D] expected channels that fit the kernel (3, 3, 16, 1), got (8, 8, 15)",
                       ShapeError);
}
