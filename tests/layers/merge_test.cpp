#include <keel/layers/registry.hpp>

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

TEST_CASE_TEMPLATE("Average, Maximum and Minimum keep the contract", L, Average<double>, Maximum<double>,
                   Minimum<double>) {
  check(L(), {{3, 2}, {3, 2}}, {.refused = {{{3, 2}}, {{3, 2}, {3, 3}}, {{3, 2}, {2, 2}}}});
  check(L(), {{2, 3, 4}, {4}, {3, 1}});
  check(L(), {{1, 3, 1}, {2, 1, 4}});
  check(L(), {Shape{}, {2}});
}

TEST_CASE("Average, Maximum and Minimum of random shapes are NumPy's") {
  Rng rng(6);
  const auto at = [](const Tensor<double>& x, const Shape& out, Index i) {  // by division; the batch is aligned too
    Index place[8] = {}, from = 0;
    for (Index axis = out.rank() - 1; axis >= 0; --axis) {
      place[axis] = i % out[axis];
      i /= out[axis];
    }
    from = place[0];
    for (Index axis = 1; axis < x.rank(); ++axis)
      from = from * x.shape()[axis] + (x.shape()[axis] == 1 ? 0 : place[out.rank() - x.rank() + axis]);
    return x[from];
  };
  for (int round = 0; round < 60; ++round) {
    std::vector<Shape> shapes;
    for (Index k = 0; k < 2 + rng.below(3); ++k) {
      const Index all[] = {2, 3, 4};
      std::vector<Index> dims(all + rng.below(3), all + 3);
      for (Index& dim : dims)
        if (rng.below(3) == 0) dim = 1;
      shapes.emplace_back(dims);
    }
    CAPTURE(round);
    Bench average(Average<double>(), shapes);
    Bench maximum(Maximum<double>(), shapes);
    Bench minimum(Minimum<double>(), shapes);
    std::vector<Tensor<double>> x;
    for (const Shape& shape : shapes) x.push_back(average.normal(shape.with_batch(2)));
    average.forward(x);
    maximum.forward(x);
    minimum.forward(x);
    for (Index i = 0; i < average.y.size(); ++i) {
      double sum = 0, most = -9e9, least = 9e9;
      for (const Tensor<double>& each : x) {
        const double value = at(each, average.y.shape(), i);
        sum += value;
        most = (std::max)(most, value);
        least = (std::min)(least, value);
      }
      CHECK(average.y[i] == doctest::Approx(sum / static_cast<double>(x.size())));
      CHECK(maximum.y[i] == most);
      CHECK(minimum.y[i] == least);
    }
  }
}

TEST_CASE("equal values share the gradient of an extreme, and a NaN stays") {
  Bench bench(Maximum<float>(), {{4}, {4}, {1}});
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const Tensor<float>& y = bench.forward(
      {Tensor<float>({1, 4}, {1, 5, 2, nan}), Tensor<float>({1, 4}, {1, 5, 3, 0}), Tensor<float>({1, 1}, {2})});
  CHECK(y.rows(0, 1)[0] == 2);
  CHECK(y[1] == 5);
  CHECK(y[2] == 3);
  CHECK(std::isnan(y[3]));
  bench.forward({Tensor<float>({1, 4}, {1, 5, 2, 2}), Tensor<float>({1, 4}, {1, 5, 3, 2}), Tensor<float>({1, 1}, {2})});
  bench.backward(Tensor<float>({1, 4}, {1, 10, 100, 1000}));
  CHECK(bench.dx[0] == Tensor<float>({1, 4}, {0, 5, 0, 250}));
  CHECK(bench.dx[1] == Tensor<float>({1, 4}, {0, 5, 100, 250}));
  CHECK(bench.dx[2] == Tensor<float>({1, 1}, {501}));
}

TEST_CASE("Dot keeps the contract") {
  check(Dot<double>(), {{3, 2}, {4, 2}}, {.refused = {{{3, 2}}, {{3, 2}, {3, 3}}, {{2}, {2}, {2}}, {{3, 2}, Shape{}}}});
  check(Dot<double>({.axes = {1, 2}}), {{3, 2, 2}, {2, 3}}, {.refused = {{{3}, {3}}, {{4, 2}, {2, 3}}}});
  check(Dot<double>({.axes = 1, .normalize = true}), {{3}, {3}});
  check(Dot<double>({.axes = {-1, 1}, .normalize = true}), {{2, 3}, {3, 2, 2}});
}

TEST_CASE("Dot multiplies and sums along its axes") {
  Bench vectors(Dot<double>(), {{2}, {2}});
  CHECK(vectors.output == Shape{1});
  CHECK(vectors.forward({Tensor<double>({2, 2}, {1, 2, 3, 4}), Tensor<double>({2, 2}, {5, 6, 7, 8})}) ==
        Tensor<double>({2, 1}, {17, 53}));
  vectors.backward(Tensor<double>({2, 1}, {1, 10}));
  CHECK(vectors.dx[0] == Tensor<double>({2, 2}, {5, 6, 70, 80}));
  CHECK(vectors.dx[1] == Tensor<double>({2, 2}, {1, 2, 30, 40}));
  Bench cosine(Dot<double>({.normalize = true}), {{2}, {2}});
  CHECK(cosine.forward({Tensor<double>({1, 2}, {3, 4}), Tensor<double>({1, 2}, {0, 2})})[0] == doctest::Approx(0.8));
  CHECK(cosine.forward({Tensor<double>({1, 2}, {0, 0}), Tensor<double>({1, 2}, {0, 2})})[0] == 0);
  // (i, k, j) and (l, k): the sum over k, in another order
  Bench bench(Dot<double>({.axes = {2, -1}}), {{2, 3, 4}, {5, 3}});
  CHECK(bench.output == Shape{2, 4, 5});
  const Tensor<double> a = bench.normal({2, 2, 3, 4}), b = bench.normal({2, 5, 3});
  const Tensor<double> y = bench.forward({a, b});
  for (Index n = 0; n < 2; ++n)
    for (Index i = 0; i < 2; ++i)
      for (Index j = 0; j < 4; ++j)
        for (Index l = 0; l < 5; ++l) {
          double sum = 0;
          for (Index k = 0; k < 3; ++k) sum += a(n, i, k, j) * b(n, l, k);
          CHECK(y(n, i, j, l) == doctest::Approx(sum));
        }
}

TEST_CASE("Average, Maximum, Minimum and Dot say what is wrong") {
  const std::vector<Shape> one{{3, 2}}, different{{3, 2}, {3, 3}}, three{{2}, {2}, {2}};
  CHECK_THROWS_WITH_AS(Average().output_shape(one),
                       "[Average] expected two inputs or more, got 1 (pass a list of nodes: model.add(layer, {a, b}))",
                       ShapeError);
  CHECK_THROWS_WITH_AS(Maximum().output_shape(different),
                       "[Maximum] expected inputs of one shape, or with extents of 1, got (3, 2) and (3, 3)",
                       ShapeError);
  CHECK_THROWS_WITH_AS(Minimum({.name = "least"}).output_shape(different),
                       "[least (Minimum)] expected inputs of one shape, or with extents of 1, got (3, 2) and (3, 3)",
                       ShapeError);
  CHECK_THROWS_WITH_AS(Dot().output_shape(three), "[Dot] expected two inputs, got 3", ShapeError);
  CHECK_THROWS_WITH_AS(Dot().output_shape(different),
                       "[Dot] expected inputs of one extent along axes -1 and -1, got (3, 2) and (3, 3)", ShapeError);
  CHECK_THROWS_WITH_AS(Dot({.axes = {1, 2, 3}}), "[Dot] expected one axis or two, got (1, 2, 3)", ConfigError);
  CHECK_THROWS_WITH_AS(Dot({.axes = 0}).output_shape(different),
                       "[Dot] expected an input with axis 0, got (3, 2) (axis 0 is the batch, 1 the first axis of a "
                       "sample, -1 the last)",
                       ShapeError);
  CHECK_THROWS_AS(make_layer("Average", {{"axis", Index{1}}}), ConfigError);
}
