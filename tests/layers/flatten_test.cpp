#include <keel/layers/flatten.hpp>

#include "layer_testing.hpp"

using namespace keel_test;

TEST_CASE("Flatten keeps the contract") {
  check(Flatten<double>(), {{3, 2, 2}}, {.refused = {{{2}, {2}}}});
  check(Flatten<double>(), {{5}});
}

TEST_CASE("Flatten gives one row a sample, row-major") {
  Bench bench(Flatten<float>(), {{2, 1, 3}});
  CHECK(bench.output == Shape{6});
  const Tensor<float> x({2, 2, 1, 3}, {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12});
  CHECK(bench.forward(x) == x.reshaped({2, 6}));
  CHECK(bench.backward(x.reshaped({2, 6})) == x);
  CHECK(Bench(Flatten<float>(), {Shape{}}).output == Shape{1});
}
