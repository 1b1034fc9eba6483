#include <keel/layers/average_pool2d.hpp>

#include "layer_testing.hpp"

using namespace keel_test;

namespace {

Tensor<double> pool(AveragePool2DOptions options) {
  Bench<AveragePool2D<double>> bench(AveragePool2D<double>(2, std::move(options)), {{3, 3, 1}});
  return bench.forward(Tensor<double>({1, 3, 3, 1}, {1, 2, 3, 4, 5, 6, 7, 8, 9}));
}

}  // namespace

TEST_CASE("AveragePool2D keeps the contract") {
  check(AveragePool2D<double>(), {{6, 4, 3}}, {.refused = {{{6, 4}}, {{1, 4, 3}}}});
  check(AveragePool2D<double>(3, {.strides = 2, .padding = Padding::same}), {{6, 5, 2}});
  check(AveragePool2D<double>(3, {.strides = 2, .padding = 1, .count_include_pad = true}), {{6, 5, 2}});
  check(AveragePool2D<double>({2, 3}, {.strides = {3, 2}, .padding = {1, 0, 2, 1}, .ceil_mode = true}), {{4, 5, 2}});
}

TEST_CASE("AveragePool2D divides as the frameworks do") {
  // the values of PyTorch 1.13
  const Shape shape{1, 2, 2, 1};
  CHECK(pool({.strides = 2, .padding = 1, .count_include_pad = true}) == Tensor<double>(shape, {.25, 1.25, 2.75, 7}));
  CHECK(pool({.strides = 2, .padding = 1}) == Tensor<double>(shape, {1, 2.5, 5.5, 7}));
  CHECK(pool({.strides = 2, .ceil_mode = true}) == Tensor<double>(shape, {3, 4.5, 7.5, 9}));
  CHECK(pool({.strides = 2, .ceil_mode = true, .count_include_pad = true}) == Tensor<double>(shape, {3, 4.5, 7.5, 9}));
  Bench<AveragePool2D<double>> wide(
      AveragePool2D<double>(4, {.strides = 2, .ceil_mode = true, .count_include_pad = true}), {{3, 3, 1}});
  CHECK(wide.forward(Tensor<double>({1, 3, 3, 1}, {1, 2, 3, 4, 5, 6, 7, 8, 9})) == Tensor<double>({1, 1, 1, 1}, {5}));
  // Keras's same: the padding is at the bottom and on the right, and does not count
  CHECK(pool({.strides = 2, .padding = Padding::same}) == Tensor<double>(shape, {3, 4.5, 7.5, 9}));
  CHECK(pool({}) == Tensor<double>({1, 1, 1, 1}, {3}));
}

TEST_CASE("AveragePool2D shares the gradient") {
  Bench bench(AveragePool2D(2, {.padding = Padding::same}), {{1, 3, 1}});
  bench.forward(Tensor<float>({1, 1, 3, 1}, {1, 2, 3}));
  CHECK(bench.y == Tensor<float>({1, 1, 2, 1}, {1.5f, 3}));
  CHECK(bench.backward(Tensor<float>({1, 1, 2, 1}, {4, 8})) == Tensor<float>({1, 1, 3, 1}, {2, 2, 8}));
  CHECK_THROWS_WITH_AS(AveragePool2D({3, 0}), "[AveragePooling2D] expected pool_size of 1 or more, got 0", ConfigError);
}
