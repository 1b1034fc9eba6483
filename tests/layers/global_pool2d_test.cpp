#include <keel/layers/global_average_pool2d.hpp>
#include <keel/layers/global_max_pool2d.hpp>

#include "layer_testing.hpp"

using namespace keel_test;

TEST_CASE("the global pools keep the contract") {
  check(GlobalAveragePool2D<double>(), {{4, 3, 5}}, {.refused = {{{4, 3}}, {{0, 3, 5}}}});
  check(GlobalAveragePool2D<double>({.keepdims = true}), {{1, 1, 5}});
  check(GlobalMaxPool2D<double>(), {{4, 3, 5}}, {.refused = {{{4, 3}}}});
  check(GlobalMaxPool2D<double>({.keepdims = true}), {{20, 15, 2}});
  check(GlobalMaxPool2D<double>(GlobalMaxPool2DOptions::torch()), {{4, 3, 5}}, {.refused = {{{4, 3}}}});
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

TEST_CASE("several largest values share the gradient, or the first has it") {
  // the gradients of torch.amax and torch.nn.AdaptiveMaxPool2d(1) at the same values
  const Tensor<float> x({1, 2, 4, 1}, {1, 3, 3, 0, 3, 2, 1, 3}), dy({1, 1}, {2});
  Bench shared(GlobalMaxPool2D<float>{}, {{2, 4, 1}});
  CHECK(shared.forward(x) == Tensor<float>({1, 1}, {3}));
  CHECK(shared.backward(dy) == Tensor<float>({1, 2, 4, 1}, {0, 0.5f, 0.5f, 0, 0.5f, 0, 0, 0.5f}));
  Bench first(GlobalMaxPool2D({.ties = TiedGradient::first}), {{2, 4, 1}});
  CHECK(first.forward(x) == shared.y);
  CHECK(first.backward(dy) == Tensor<float>({1, 2, 4, 1}, {0, 2, 0, 0, 0, 0, 0, 0}));

  Bench constant(GlobalMaxPool2D<float>{}, {{2, 2, 2}});  // as behind a ReLU that is off
  constant.forward(Tensor<float>({2, 2, 2, 2}));
  CHECK(constant.backward(Tensor<float>({2, 2}, {4, 8, 12, 16})) ==
        Tensor<float>({2, 2, 2, 2}, {1, 2, 1, 2, 1, 2, 1, 2, 3, 4, 3, 4, 3, 4, 3, 4}));
}

TEST_CASE("a channel with NaN is NaN, its gradients too where ties share") {
  const float nan = std::nanf("");
  const Tensor<float> x({1, 1, 2, 2}, {1, nan, 2, 3}), dy({1, 2}, {1, 1});
  Bench bench(GlobalMaxPool2D<float>{}, {{1, 2, 2}});
  CHECK(bench.forward(x)[0] == 2);
  CHECK(std::isnan(bench.y[1]));
  CHECK(bench.backward(dy)[0] == 0);
  CHECK(bench.dx[0][2] == 1);
  CHECK(std::isnan(bench.dx[0][1]));
  CHECK(std::isnan(bench.dx[0][3]));
}
