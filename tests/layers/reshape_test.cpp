#include <keel/layers/reshape.hpp>

#include "layer_testing.hpp"

using namespace keel_test;

TEST_CASE("Reshape keeps the contract") {
  check(Reshape<double>({3, 4}), {{2, 6}}, {.refused = {{{2, 5}}, {{3, 4}, {3, 4}}}});
  check(Reshape<double>({-1, 2}), {{3, 2, 2}}, {.refused = {{{3}}}});
}

TEST_CASE("Reshape finds the extent of -1") {
  CHECK(Bench(Reshape({7, 7, -1}), {{7 * 7 * 64}}).output == Shape{7, 7, 64});
  CHECK(Bench(Reshape({-1}), {{2, 3}}).output == Shape{6});
  CHECK(Bench(Reshape({6}), {{2, 3}}).output == Shape{6});
}

TEST_CASE("Reshape says what is wrong") {
  CHECK_THROWS_WITH_AS(Reshape({-1, -1}), "[Reshape] expected at most one extent of -1, got 2", ConfigError);
  CHECK_THROWS_WITH_AS(Reshape({3, -2}), "[Reshape] expected extents of -1 or more, got -2", ConfigError);
  const std::vector<Shape> in{{2, 5}};
  CHECK_THROWS_WITH_AS(Reshape({3, -1}).output_shape(in),
                       "[Reshape] expected an input that fills (3, -1), got (2, 5), 10 values", ShapeError);
}
