#include <keel/layers/conv2d.hpp>
#include <keel/layers/conv2d_transpose.hpp>

#include "layer_testing.hpp"

using namespace keel_test;

TEST_CASE("Conv2DTranspose keeps the contract") {
  check(Conv2DTranspose<double>(3, 2), {{3, 4, 2}}, {.refused = {{{3, 4}}, {{3, 0, 2}}}});
  check(Conv2DTranspose<double>(2, 3, {.strides = 2, .padding = Padding::same, .activation = Activation::gelu}),
        {{3, 4, 3}});
  check(Conv2DTranspose<double>(2, 3, {.strides = 2, .padding = 1, .output_padding = 1, .use_bias = false}),
        {{3, 2, 2}});
  check(Conv2DTranspose<double>(1, {2, 1}, {.strides = 3, .dilation_rate = {2, 1}}), {{3, 2, 2}});
}

TEST_CASE("Conv2DTranspose spreads every value over a window") {
  Bench bench(Conv2DTranspose(1, {1, 2}, {.strides = {1, 2}}), {{1, 2, 1}});
  bench.layer.kernel().set(Tensor<float>({1, 2, 1, 1}, {1, 10}));
  bench.layer.bias().set(Tensor<float>({1}, {0.5f}));
  CHECK(bench.forward(Tensor<float>({1, 1, 2, 1}, {3, 4})) == Tensor<float>({1, 1, 4, 1}, {3.5f, 30.5f, 4.5f, 40.5f}));
  Bench overlapping(Conv2DTranspose(1, {1, 3}, {.use_bias = false}), {{1, 2, 1}});
  overlapping.layer.kernel().set(Tensor<float>({1, 3, 1, 1}, {1, 2, 3}));
  CHECK(overlapping.forward(Tensor<float>({1, 1, 2, 1}, {1, 10})) == Tensor<float>({1, 1, 4, 1}, {1, 12, 23, 30}));
}

TEST_CASE("Conv2DTranspose's shapes") {
  const auto shape = [](const Conv2DTransposeOptions& options, Index in, Index kernel) {
    return Bench(Conv2DTranspose<float>(1, kernel, options), {{in, in, 1}}).output[0];
  };
  CHECK(shape({.strides = 2, .padding = Padding::same}, 5, 3) == 10);
  CHECK(shape({.strides = 2}, 5, 3) == 11);
  CHECK(shape({.strides = 3}, 5, 2) == 15);
  CHECK(shape({.strides = 2, .padding = 1}, 5, 3) == 9);
  CHECK(shape({.strides = 2, .padding = 1, .output_padding = 1}, 5, 3) == 10);
}

TEST_CASE("Conv2DTranspose goes the way of Conv2D's gradient") {
  Bench<Conv2D<double>> conv(Conv2D<double>(4, 3, {.strides = 2, .padding = Padding::same, .use_bias = false}),
                             {{6, 8, 3}});
  Bench<Conv2DTranspose<double>> back(
      Conv2DTranspose<double>(3, 3, {.strides = 2, .padding = Padding::same, .use_bias = false}), {{3, 4, 4}});
  CHECK(back.output == Shape{6, 8, 3});
  back.layer.kernel().set(conv.layer.kernel().value());
  conv.forward(conv.normal({2, 6, 8, 3}));
  const Tensor<double> dy = conv.normal({2, 3, 4, 4});
  CHECK(difference(back.forward(dy), conv.backward(dy)) < 1e-13);
}

TEST_CASE("Conv2DTranspose says what is wrong") {
  CHECK_THROWS_WITH_AS(Conv2DTranspose(0, 3), "[Conv2DTranspose] expected filters of 1 or more, got 0", ConfigError);
  CHECK_THROWS_WITH_AS(Conv2DTranspose(1, 3, {.output_padding = 1}),
                       "[Conv2DTranspose] expected output_padding with padding in numbers only, got valid",
                       ConfigError);
  const std::vector<Shape> tiny{{1, 1, 1}};
  CHECK_THROWS_AS(Conv2DTranspose(1, 3, {.padding = 2}).output_shape(tiny), ShapeError);
}
