#include <keel/layers/prelu.hpp>

#include "layer_testing.hpp"

using namespace keel_test;

TEST_CASE("PReLU keeps the contract") {
  check(PReLU<double>(), {{3, 2, 4}}, {.refused = {{{2}, {2}}}});
  check(PReLU<double>({.shared_axes = {1, 2}}), {{3, 2, 4}});
  check(PReLU<double>({.alpha_initializer = {Initializer::constant, 0.25}, .shared_axes = {1}}), {{5}});
  for (const std::vector<Index>& shared : std::vector<std::vector<Index>>{{2}, {3}, {1, 3}, {2, 3}, {3, 1}, {1, 2, 3}})
    check(PReLU<double>({.shared_axes = shared}), {{3, 2, 4}});
}

TEST_CASE("PReLU learns its slope") {
  Bench bench(PReLU({.alpha_initializer = {Initializer::constant, 0.5}, .shared_axes = {1}}), {{2, 2}});
  CHECK(bench.layer.alpha().shape() == Shape{1, 2});
  CHECK(bench.forward(Tensor<float>({1, 2, 2}, {-2, 3, -4, -6})) == Tensor<float>({1, 2, 2}, {-1, 3, -2, -3}));
  CHECK(bench.backward(Tensor<float>({1, 2, 2}, {1, 1, 1, 1})) == Tensor<float>({1, 2, 2}, {0.5f, 1, 0.5f, 0.5f}));
  CHECK(bench.layer.alpha().gradient == Tensor<float>({1, 2}, {-6, -6}));
}

TEST_CASE("PReLU agrees with its formula for all shared axes") {
  for (int mask = 0; mask < 8; ++mask) {
    std::vector<Index> shared;
    for (Index axis = 1; axis <= 3; ++axis)
      if (mask >> (axis - 1) & 1) shared.push_back(axis);
    CAPTURE(mask);
    Bench bench(PReLU<double>({.alpha_initializer = {Initializer::random_normal, 1}, .shared_axes = shared}),
                {{3, 4, 5}});
    const Tensor<double> x = bench.normal({2, 3, 4, 5}), dy = bench.normal(x.shape());
    const Tensor<double> alpha = bench.layer.alpha().value();
    const Shape& s = alpha.shape();
    Tensor<double> y(x.shape()), dx(x.shape()), dalpha(s);
    for (Index n = 0; n < 2; ++n)
      for (Index i = 0; i < 3; ++i)
        for (Index j = 0; j < 4; ++j)
          for (Index k = 0; k < 5; ++k) {
            const Index a = i % s[0], b = j % s[1], c = k % s[2];
            const bool up = x(n, i, j, k) > 0;
            y(n, i, j, k) = x(n, i, j, k) * (up ? 1 : alpha(a, b, c));
            dx(n, i, j, k) = dy(n, i, j, k) * (up ? 1 : alpha(a, b, c));
            if (!up) dalpha(a, b, c) += x(n, i, j, k) * dy(n, i, j, k);
          }
    CHECK(bench.forward(x) == y);
    CHECK(bench.backward(dy) == dx);
    CHECK(difference(bench.layer.alpha().gradient, dalpha) < 1e-13);
  }
}

TEST_CASE("PReLU takes one shared axis as Keras's files have it, as an integer") {
  CHECK(PReLU<float>::from_config({{"shared_axes", Index{1}}}).config() == PReLU({.shared_axes = {1}}).config());
  const std::vector<Shape> in{{2, 3}};
  for (const Index axis : {0, -1, 3})
    CHECK_THROWS_AS(PReLU({.shared_axes = {axis}}).build(in, *std::make_unique<Rng>()), ConfigError);
}

TEST_CASE("PReLU says what is wrong") {
  CHECK_THROWS_WITH_AS(Bench(PReLU({.shared_axes = {3}}), {{2, 2}}), "[PReLU] expected shared axes in 1 .. 2, got 3",
                       ConfigError);
  Bench bench(PReLU<float>{}, {{2, 2}});
  const std::vector<Shape> other{{2, 3}};
  CHECK_THROWS_WITH_AS(bench.layer.output_shape(other), "[PReLU] expected an input that fits alpha (2, 2), got (2, 3)",
                       ShapeError);
}
