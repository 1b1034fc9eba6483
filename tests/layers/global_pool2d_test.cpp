#include <keel/layers/global_average_pool2d.hpp>
#include <keel/layers/global_max_pool2d.hpp>

#include "layer_testing.hpp"

using namespace keel_test;

TEST_CASE("the global pools keep the contract") {
  check(GlobalAveragePool2D<double>(), {{4, 3, 5}}, {.refused = {{{4, 3}}, {{0, 3, 5}}}});
  check(GlobalAveragePool2D<double>({.keepdims = true}), {{1, 1, 5}});
  check(GlobalMaxPool2D<double>(), {{4, 3, 5}}, {.refused = {{{4, 3}}}});
  check(GlobalMaxPool2D<double>({.keepdims = true}), {{20, 15, 2}});
}

TEST_CASE("the global pools reduce height and width") {
  const Tensor<float> x({1, 2, 2, 2}, {1, 8, 2, 6, 3, 4, 6, 2});
  Bench mean(GlobalAveragePool2D<float>{}, {{2, 2, 2}});
  CHECK(mean.forward(x) == Tensor<float>({1, 2}, {3, 5}));
  CHECK(mean.backward(Tensor<float>({1, 2}, {4, 8})) == Tensor<float>({1, 2, 2, 2}, {1, 2, 1, 2, 1, 2, 1, 2}));
  Bench largest(GlobalMaxPool2D({.keepdims = true}), {{2, 2, 2}});
  CHECK(largest.forward(x) == Tensor<float>({1, 1, 1, 2}, {6, 8}));
  CHECK(largest.backward(Tensor<float>({1, 1, 1, 2}, {4, 9})) == Tensor<float>({1, 2, 2, 2}, {0, 9, 0, 0, 0, 0, 4, 0}));
}
