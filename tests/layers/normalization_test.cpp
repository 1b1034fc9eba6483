#include <keel/layers/normalization.hpp>

#include "layer_testing.hpp"

using namespace keel_test;

TEST_CASE("Normalization keeps the contract") {
  check(Normalization<double>(), {{3, 2}}, {.refused = {{Shape{}}}});
  Normalization<double> layer;
  layer.adapt(Tensor<double>({4, 2}, {1, 10, 2, 30, 3, 20, 9, 0}));
  check(layer, {{2}}, {.refused = {{{3}}}});
}

TEST_CASE("Normalization brings the data that it has seen to mean 0 and variance 1") {
  Normalization<double> layer;
  const Tensor<double> data({2, 2}, {1, 7, 3, 7});
  layer.adapt(data);
  Bench bench(layer, {{2}});
  CHECK(bench.layer.mean().value() == Tensor<double>({2}, {2, 7}));
  CHECK(bench.layer.variance().value() == Tensor<double>({2}, {1, 0}));
  CHECK(bench.forward(data) == Tensor<double>({2, 2}, {-1, 0, 1, 0}));
  CHECK(!bench.layer.mean().trains());
}

TEST_CASE("Normalization says what is wrong") {
  Normalization<float> layer;
  CHECK_THROWS_WITH_AS(layer.adapt(Tensor<float>({3})),
                       "[Normalization] expected data of shape (samples, ..., channels), got (3)", ShapeError);
  CHECK_THROWS_WITH_AS(layer.adapt(Tensor<float>({2, 1}, {1, std::nanf("")})),
                       "[Normalization] expected data without NaN and infinity, got some", DataError);
  CHECK(layer.parameters()[0]->size() == 0);
  layer.adapt(Tensor<float>({2, 3}));
  CHECK_THROWS_WITH_AS(layer.adapt(Tensor<float>({2, 2})), "[Normalization] expected 3 channels, got (2, 2)",
                       ShapeError);
}
