#include <keel/layers/registry.hpp>

#include "layer_testing.hpp"

using namespace keel_test;

TEST_CASE("Subtract keeps the contract") {
  check(Subtract<double>(), {{3, 2}, {3, 2}}, {.refused = {{{3, 2}}, {{3, 2}, {3, 1}}, {{2}, {2}, {2}}}});
  check(Subtract<double>(), {Shape{}, Shape{}});
}

TEST_CASE("Subtract takes the second from the first") {
  Bench bench(Subtract<float>{}, {{2}, {2}});
  CHECK(bench.forward({Tensor<float>({1, 2}, {1, 2}), Tensor<float>({1, 2}, {10, -20})}) ==
        Tensor<float>({1, 2}, {-9, 22}));
  bench.backward(Tensor<float>({1, 2}, {3, 4}));
  CHECK(bench.dx[0] == Tensor<float>({1, 2}, {3, 4}));
  CHECK(bench.dx[1] == Tensor<float>({1, 2}, {-3, -4}));
}

TEST_CASE("Subtract is in the registry and says what is wrong") {
  CHECK(make_layer("Subtract", {{"name", std::string("d")}})->name() == "d");
  CHECK_THROWS_AS(make_layer("Subtract", {{"axis", Index{1}}}), ConfigError);
  const std::vector<Shape> three{{2}, {2}, {2}}, different{{3, 2}, {3, 1}};
  CHECK_THROWS_WITH_AS(Subtract().output_shape(three), "[Subtract] expected two inputs, got 3", ShapeError);
  CHECK_THROWS_WITH_AS(Subtract({.name = "d"}).output_shape(different),
                       "[d (Subtract)] expected inputs of one shape, got (3, 2) and (3, 1)", ShapeError);
}
