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

TEST_CASE("Normalization takes its statistics from the options") {
  const NormalizationOptions given{.mean = Numbers{1, 2}, .variance = Numbers{4, 9}};
  check(Normalization<double>(given), {{3, 2}}, {.refused = {{{3}}, {Shape{}}}});
  Bench bench(Normalization<double>(given), {{2}});
  CHECK(bench.forward(Tensor<double>({2, 2}, {3, 5, 1, -1})) == Tensor<double>({2, 2}, {1, 1, 0, -1}));
  CHECK(bench.layer.parameters().empty());
  Bench one(Normalization<double>({.mean = Numbers(1), .variance = Numbers(4)}), {{2}});  // for all channels
  CHECK(one.forward(Tensor<double>({1, 2}, {3, 5})) == Tensor<double>({1, 2}, {1, 2}));
  Bench back(Normalization<double>({.mean = Numbers{1, 2}, .variance = Numbers{4, 9}, .invert = true}), {{2}});
  check(back.layer, {{2}});
  CHECK(back.forward(bench.y) == Tensor<double>({2, 2}, {3, 5, 1, -1}));
  CHECK(back.backward(Tensor<double>({2, 2}, {1, 1, 2, 2})) == Tensor<double>({2, 2}, {2, 3, 4, 6}));
  CHECK(bench.forward(Tensor<double>({1, 2}, {5, 2})) == Tensor<double>({1, 2}, {2, 0}));
}

TEST_CASE("Normalization works along any axis") {
  for (const auto& [axis, means] : std::vector<std::pair<Axes, Shape>>{{-1, {2}},
                                                                       {3, {2}},
                                                                       {1, {3}},
                                                                       {-2, {4}},
                                                                       {{2, 3}, {4, 2}},
                                                                       {{3, 2}, {4, 2}},
                                                                       {{1, 2, 3}, {3, 4, 2}},
                                                                       {std::vector<Index>{}, Shape{}}}) {
    CAPTURE(axis.to_string());
    Bench bench(Normalization<double>({.axis = axis}), {{3, 4, 2}});
    CHECK(bench.layer.mean().shape() == means);
    Tensor<double> x = bench.normal({5, 3, 4, 2});
    for (Index i = 0; i < x.size(); ++i) x[i] = 3 * x[i] + static_cast<double>(i % 7);
    bench.layer.adapt(x);
    check(bench.layer, {{3, 4, 2}});
    bench.forward(x);
    // mean 0 and variance 1 over everything that shares an index along the axes
    const auto place = [&](Index i) {
      Index at = 0, stride = 1;
      for (Index a = 3; a >= 1; i /= x.shape()[a], --a)
        for (const Index each : axis.list)
          if (a == (each > 0 ? each : each + 4)) {
            at += i % x.shape()[a] * stride;
            stride *= x.shape()[a];
          }
      return at;
    };
    Tensor<double> sums({means.size()}), squares({means.size()});
    for (Index i = 0; i < x.size(); ++i) {
      sums[place(i)] += bench.y[i];
      squares[place(i)] += bench.y[i] * bench.y[i];
    }
    const double count = static_cast<double>(x.size() / means.size());
    CHECK((sums.array() / count).abs().maxCoeff() < 1e-12);
    CHECK((squares.array() / count - 1).abs().maxCoeff() < 1e-12);
    Bench back(Normalization<double>({.axis = axis, .invert = true}), {{3, 4, 2}});
    back.layer.adapt(x);
    CHECK(difference(back.forward(bench.y), x) < 1e-12);
  }
}

TEST_CASE("Normalization says what is wrong") {
  Normalization<float> layer;
  CHECK_THROWS_WITH_AS(layer.adapt(Tensor<float>({3})),
                       "[Normalization] expected data of shape (samples, ..., channels), got (3)", ShapeError);
  CHECK_THROWS_WITH_AS(layer.adapt(Tensor<float>({2, 1}, {1, std::nanf("")})),
                       "[Normalization] expected data without NaN and infinity, got some", DataError);
  CHECK(layer.parameters()[0]->size() == 0);
  layer.adapt(Tensor<float>({2, 3}));
  CHECK_THROWS_WITH_AS(layer.adapt(Tensor<float>({2, 2})), "[Normalization] expected 3 channels, got (2)", ShapeError);
  CHECK_THROWS_WITH_AS(Normalization({.mean = Numbers(1)}),
                       "[Normalization] expected a mean and a variance, or neither, got a mean", ConfigError);
  Normalization given({.mean = Numbers{1, 2}, .variance = Numbers(1)});
  CHECK_THROWS_WITH_AS(given.adapt(Tensor<float>({2, 2})),
                       "[Normalization] expected statistics to be found, got a mean and a variance in the options",
                       ConfigError);
  const std::vector<Shape> three{{3}};
  CHECK_THROWS_WITH_AS(given.output_shape(three),
                       "[Normalization] expected as many values along axis -1 as means and variances, got (3)",
                       ShapeError);
  CHECK_THROWS_AS(Normalization<float>({.axis = {1, 3}}).output_shape(std::vector<Shape>{{2, 2, 2}}), ShapeError);
}
