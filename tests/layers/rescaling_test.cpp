#include <keel/layers/rescaling.hpp>

#include "layer_testing.hpp"

using namespace keel_test;

TEST_CASE("Rescaling keeps the contract and computes scale x + offset") {
  check(Rescaling<double>(1 / 255.0), {{3, 2, 2}}, {.refused = {{{3}, {3}}}});
  check(Rescaling<double>(-2, {.offset = 1}), {{5}});
  Bench bench(Rescaling(2, {.offset = -1}), {{3}});
  CHECK(bench.forward(Tensor<float>({1, 3}, {0, 1, 2})) == Tensor<float>({1, 3}, {-1, 1, 3}));
  CHECK(bench.backward(Tensor<float>({1, 3}, {1, 2, 3})) == Tensor<float>({1, 3}, {2, 4, 6}));
}
