#include <keel/layers/add.hpp>
#include <keel/layers/concatenate.hpp>
#include <keel/layers/multiply.hpp>

#include "layer_testing.hpp"

using namespace keel_test;

TEST_CASE("Add keeps the contract") {
  check(Add<double>(), {{3, 2}, {3, 2}}, {.refused = {{{3, 2}}, {{3, 2}, {3, 1}}, {{3, 2}, {6}}}});
  check(Add<double>(), {{4}, {4}, {4}, {4}});
}

TEST_CASE("Add adds") {
  Bench bench(Add<float>{}, {{2}, {2}, {2}});
  CHECK(bench.forward({Tensor<float>({1, 2}, {1, 2}), Tensor<float>({1, 2}, {10, 20}),
                       Tensor<float>({1, 2}, {5, 5})}) == Tensor<float>({1, 2}, {16, 27}));
  bench.backward(Tensor<float>({1, 2}, {3, 4}));
  for (const Tensor<float>& dx : bench.dx) CHECK(dx == Tensor<float>({1, 2}, {3, 4}));
}

TEST_CASE("Multiply keeps the contract") {
  check(Multiply<double>(), {{3, 2}, {3, 2}}, {.refused = {{{3, 2}}, {{3, 2}, {3, 3}}, {{3, 2}, {2}}}});
  check(Multiply<double>(), {{2, 3, 4}, {1, 1, 4}});
  check(Multiply<double>(), {{1, 3, 1}, {2, 3, 1}, {2, 1, 4}});
}

TEST_CASE("Multiply weighs channels") {
  Bench bench(Multiply<float>{}, {{2, 1, 2}, {1, 1, 2}});
  CHECK(bench.output == Shape{2, 1, 2});
  CHECK(bench.forward({Tensor<float>({1, 2, 1, 2}, {1, 2, 3, 4}), Tensor<float>({1, 1, 1, 2}, {10, 100})}) ==
        Tensor<float>({1, 2, 1, 2}, {10, 200, 30, 400}));
  bench.backward(Tensor<float>({1, 2, 1, 2}, {1, 1, 1, 2}));
  CHECK(bench.dx[0] == Tensor<float>({1, 2, 1, 2}, {10, 100, 10, 200}));
  CHECK(bench.dx[1] == Tensor<float>({1, 1, 1, 2}, {4, 10}));
}

TEST_CASE("Concatenate keeps the contract") {
  check(Concatenate<double>(), {{3, 2}, {3, 5}}, {.refused = {{{3, 2}}, {{3, 2}, {4, 2}}, {{3, 2}, {3}}}});
  check(Concatenate<double>({.axis = 1}), {{1, 2, 2}, {3, 2, 2}, {2, 2, 2}}, {.refused = {{{1, 2}, {1, 3}}}});
  check(Concatenate<double>({.axis = -2}), {{3, 2, 2}, {3, 1, 2}}, {.refused = {{{3}, {3}}}});
}

TEST_CASE("Concatenate joins along its axis, which counts the batch") {
  const Tensor<float> a({2, 1, 2}, {1, 2, 3, 4}), b({2, 1, 2}, {5, 6, 7, 8});
  Bench last(Concatenate<float>{}, {{1, 2}, {1, 2}});
  CHECK(last.forward({a, b}) == Tensor<float>({2, 1, 4}, {1, 2, 5, 6, 3, 4, 7, 8}));
  last.backward(last.y);
  CHECK(last.dx[0] == a);
  CHECK(last.dx[1] == b);
  CHECK(Bench(Concatenate({.axis = 1}), {{1, 2}, {3, 2}}).output == Shape{4, 2});
  CHECK(Bench(Concatenate({.axis = 3}), {{4, 4, 2}, {4, 4, 3}}).output == Shape{4, 4, 5});
}

TEST_CASE("merging layers say what is wrong") {
  const std::vector<Shape> one{{3, 2}}, different{{3, 2}, {3, 1}}, ranks{{3, 2}, {3}};
  CHECK_THROWS_WITH_AS(Add().output_shape(one),
                       "[Add] expected two inputs or more, got 1 (pass a list of nodes: model.add(layer, {a, b}))",
                       ShapeError);
  CHECK_THROWS_WITH_AS(Add({.name = "sum"}).output_shape(different),
                       "[sum (Add)] expected inputs of one shape, got (3, 2) and (3, 1)", ShapeError);
  CHECK_THROWS_WITH_AS(Multiply().output_shape(ranks),
                       "[Multiply] expected inputs of one shape, or with extents of 1, got (3, 2) and (3)", ShapeError);
  CHECK_THROWS_WITH_AS(Concatenate({.axis = 2}).output_shape(ranks),
                       "[Concatenate] expected inputs that agree in all axes but 2, got (3, 2) and (3)", ShapeError);
  CHECK_THROWS_WITH_AS(Concatenate({.axis = 0}), "[Concatenate] expected an axis other than the batch's, got 0",
                       ConfigError);
  CHECK_THROWS_WITH_AS(Concatenate({.axis = 3}).output_shape(different),
                       "[Concatenate] expected inputs with axis 3, got (3, 2)", ShapeError);
}
