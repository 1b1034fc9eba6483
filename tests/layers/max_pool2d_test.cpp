#include <keel/layers/max_pool2d.hpp>

#include "layer_testing.hpp"

using namespace keel_test;

TEST_CASE("MaxPool2D keeps the contract") {
  check(MaxPool2D<double>(), {{6, 4, 3}}, {.refused = {{{6, 4}}, {{1, 4, 3}}, {{6, 4, 3}, {6, 4, 3}}}});
  check(MaxPool2D<double>(3, {.strides = 2, .padding = Padding::same}), {{6, 5, 2}});
  check(MaxPool2D<double>({2, 3}, {.strides = 1, .padding = {1, 0, 2, 1}}), {{4, 5, 2}});
  check(MaxPool2D<double>(2, {.ceil_mode = true}), {{5, 5, 2}});
  check(MaxPool2D<double>(17, {.strides = 1, .padding = 8}), {{4, 4, 1}});
}

TEST_CASE("MaxPool2D takes the largest value and gives it the gradient") {
  Bench bench(MaxPool2D<float>{}, {{2, 4, 1}});
  CHECK(bench.forward(Tensor<float>({1, 2, 4, 1}, {1, 2, 7, 7, 4, 3, 7, 0})) == Tensor<float>({1, 1, 2, 1}, {4, 7}));
  // of equal values the first
  CHECK(bench.backward(Tensor<float>({1, 1, 2, 1}, {10, 20})) ==
        Tensor<float>({1, 2, 4, 1}, {0, 0, 20, 0, 10, 0, 0, 0}));
}

TEST_CASE("MaxPool2D passes NaN on and never takes padding") {
  Bench bench(MaxPool2D(3, {.strides = 3, .padding = 1}), {{2, 2, 1}});
  CHECK(bench.forward(Tensor<float>({1, 2, 2, 1}, {-5, -3, -4, -8}))[0] == -3);
  CHECK(std::isnan(bench.forward(Tensor<float>({1, 2, 2, 1}, {-5, std::nanf(""), -4, -8}))[0]));
}

TEST_CASE("MaxPool2D's shapes: Keras's same, PyTorch's padding and ceil mode") {
  CHECK(Bench(MaxPool2D(2, {.padding = Padding::same}), {{5, 7, 1}}).output == Shape{3, 4, 1});
  CHECK(Bench(MaxPool2D(3, {.strides = 2, .padding = 1}), {{112, 112, 4}}).output == Shape{56, 56, 4});
  CHECK(Bench(MaxPool2D(2), {{5, 5, 1}}).output == Shape{2, 2, 1});
  CHECK(Bench(MaxPool2D(2, {.ceil_mode = true}), {{5, 5, 1}}).output == Shape{3, 3, 1});
  // the last window would begin in the padding on the right
  CHECK(Bench(MaxPool2D(2, {.padding = 1, .ceil_mode = true}), {{3, 3, 1}}).output == Shape{2, 2, 1});
  CHECK(Bench(MaxPool2D(2, {.strides = 3, .ceil_mode = true}), {{3, 3, 1}}).output == Shape{1, 1, 1});
  // less than a stride too large
  const MaxPool2DOptions ceil{.strides = {2, 1}, .ceil_mode = true};
  CHECK(Bench(MaxPool2D({4, 3}, ceil), {{3, 3, 1}}).output == Shape{1, 1, 1});
  CHECK_THROWS_AS(Bench(MaxPool2D({5, 3}, ceil), {{3, 3, 1}}), ShapeError);
  CHECK_THROWS_AS(Bench(MaxPool2D({4, 4}, ceil), {{3, 3, 1}}), ShapeError);
  check(MaxPool2D<double>({4, 3}, ceil), {{3, 3, 2}});
}

TEST_CASE("MaxPool2D says what is wrong") {
  CHECK_THROWS_WITH_AS(MaxPool2D(0), "[MaxPooling2D] expected pool_size of 1 or more, got 0", ConfigError);
  CHECK_THROWS_WITH_AS(MaxPool2D(2, {.strides = -1}), "[MaxPooling2D] expected strides of 1 or more, got -1",
                       ConfigError);
  CHECK_THROWS_WITH_AS(
      MaxPool2D(2, {.padding = 2}),
      "[MaxPooling2D] expected padding smaller than the pool (2, 2), got (2, 2, 2, 2) (a window must hold "
      "at least one cell of the image)",
      ConfigError);
  const std::vector<Shape> small{{1, 5, 3}};
  CHECK_THROWS_WITH_AS(
      MaxPool2D().output_shape(small),
      "[MaxPooling2D] expected an input whose height holds the window of 2, got 1 (padding 0 + 0) (use a "
      "smaller window or more padding; images are (height, width, channels))",
      ShapeError);
}
