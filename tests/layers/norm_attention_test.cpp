/// LayerNorm, GroupNorm, RMSNorm, UnitNormalization and MultiHeadAttention; numbers of PyTorch are in tests/golden.

#include <keel/layers/registry.hpp>

#include "layer_testing.hpp"

using namespace keel_test;

TEST_CASE("GLU keeps the contract along each axis") {
  check(GLU<double>(), {{4}}, {.refused = {{{3}}, {{}}, {{4}, {4}}}});
  check(GLU<double>({.axis = 1}), {{2, 3}}, {.refused = {{{3, 2}}}});
  check(GLU<double>({.axis = -2}), {{3, 2, 2}}, {.refused = {{{4}}}});
}

TEST_CASE("GroupQueryAttention keeps the contract, and with a head of the key for each of the query it is the other") {
  check(GroupQueryAttention<double>(3, 4, 2), {{3, 4}, {2, 5}}, {.refused = {{{3, 4}, {2, 5}, {3, 5}}, {{3}}}});
  check(GroupQueryAttention<double>(2, 3, 1, {.use_bias = false, .use_causal_mask = true}), {{3, 4}});
  Bench shared(GroupQueryAttention<double>(3, 2, 2), {{4, 5}});
  Bench whole(MultiHeadAttention<double>(2, 3), {{4, 5}});
  const Tensor<double> x = whole.normal({2, 4, 5}), dy = whole.normal({2, 4, 5});
  for (std::size_t i = 0; i < 8; ++i) shared.layer.parameters()[i]->set(whole.layer.parameters()[i]->value());
  CHECK(shared.forward(x) == whole.forward(x));
  CHECK(shared.backward(dy) == whole.backward(dy));
  CHECK_THROWS_WITH_AS(
      GroupQueryAttention<double>(3, 4, 3, {.name = "few"}),
      "[few (GroupQueryAttention)] expected num_query_heads divisible by num_key_value_heads, 3, got 4", ConfigError);
  CHECK_THROWS_WITH_AS(GroupQueryAttention<double>(0, 4, 2),
                       "[GroupQueryAttention] expected head_dim of 1 or more, got 0", ConfigError);
  CHECK_THROWS_WITH_AS(GroupQueryAttention<double>(1, 4, 0),
                       "[GroupQueryAttention] expected num_key_value_heads of 1 or more, got 0", ConfigError);
}

TEST_CASE("layers that normalise a sample keep the contract") {
  for (const Axes& axis : {Axes(-1), Axes(1), Axes(2), Axes({1, 2}), Axes({2, 3}), Axes({1, 2, 3})}) {
    CAPTURE(axis.to_string());
    check(LayerNorm<double>({.axis = axis}), {{2, 3, 4}});
    check(RMSNorm<double>({.axis = axis}), {{2, 3, 4}});
    check(UnitNormalization<double>({.axis = axis}), {{2, 3, 4}});
  }
  check(LayerNorm<double>(), {{5}}, {.refused = {{Shape{}}, {{3}, {3}}}});
  check(LayerNorm<double>({.center = false}), {{3, 4}});
  check(LayerNorm<double>({.scale = false}), {{3, 4}});
  check(LayerNorm<double>({.center = false, .scale = false}), {{3, 4}});
  for (const Index groups : {1, 2, 4, -1})
    for (const Shape& shape : {Shape{4}, Shape{3, 4}, Shape{2, 3, 4}, Shape{2, 2, 3, 4}}) {
      if (groups == -1 && shape.rank() == 1) continue;  // one value is its mean
      if (groups == 4 && shape.rank() == 1) continue;
      check(GroupNorm<double>({.groups = groups}), {shape}, {.refused = {{Shape{}}}});
    }
  check(GroupNorm<double>({.groups = 2, .center = false, .scale = false}), {{3, 4}}, {.refused = {{{3, 5}}}});
}

TEST_CASE("LayerNorm, RMSNorm and UnitNormalization by hand") {
  // mean 2, variance 2/3
  const Tensor<double> x({1, 3}, {1, 2, 3});
  Bench layer(LayerNorm<double>({.epsilon = 1.0 / 3}), {{3}});
  CHECK(difference(layer.forward(x), Tensor<double>({1, 3}, {-1, 0, 1})) < 1e-15);
  Bench rms(RMSNorm<double>({.epsilon = 4.0 / 3}), {{3}});  // mean square 14/3
  CHECK(difference(rms.forward(x), Tensor<double>({1, 3}, {1 / std::sqrt(6), 2 / std::sqrt(6), 3 / std::sqrt(6)})) <
        1e-15);
  Bench unit(UnitNormalization<double>(), {{2}});
  CHECK(difference(unit.forward(Tensor<double>({2, 2}, {3, 4, 0, 0})), Tensor<double>({2, 2}, {0.6, 0.8, 0, 0})) <
        1e-15);
  unit.backward(Tensor<double>({2, 2}, {1, 0, 1, 0}));
  CHECK(unit.dx[0][2] == doctest::Approx(1e12));
  Bench group(GroupNorm<double>({.groups = 2, .epsilon = 0}), {{2, 4}});
  CHECK(difference(group.forward(Tensor<double>({1, 2, 4}, {1, 1, 0, 8, 3, 3, 8, 0})),
                   Tensor<double>({1, 2, 4}, {-1, -1, -1, 1, 1, 1, 1, -1})) < 1e-15);
  // far from 0 the variance is not the difference of two large numbers
  Bench far(LayerNorm({.epsilon = 0}), {{2}});
  CHECK(difference(far.forward(Tensor<float>({1, 2}, {1e6f, 1e6f + 1})), Tensor<float>({1, 2}, {-1, 1})) < 1e-6);
}

TEST_CASE("MultiHeadAttention keeps the contract") {
  check(MultiHeadAttention<double>(2, 3), {{3, 4}, {5, 2}},
        {.refused = {{{4}}, {{3, 4}, {4}}, {{3, 4}, {3, 4}, {2, 4}}}});
  check(MultiHeadAttention<double>(1, 2, {.value_dim = 3, .output_dim = 5, .use_bias = false}),
        {{3, 4}, {5, 2}, {5, 3}});
  check(MultiHeadAttention<double>(2, 2, {.use_causal_mask = true}), {{3, 4}});
}

TEST_CASE("attention is a mean of values, weighed by the keys") {
  Bench bench(MultiHeadAttention<double>(1, 1, {.use_bias = false}), {{2, 1}, {2, 1}});
  for (Parameter<double>* parameter : bench.layer.parameters()) parameter->set(Tensor<double>(parameter->shape(), 1.0));
  const Tensor<double> query({1, 2, 1}, {0, 1}), value({1, 2, 1}, {2, 4});
  const double near = std::exp(2.0) / (std::exp(2.0) + std::exp(4.0));  // of the second query for the first key
  CHECK(difference(bench.forward({query, value}), Tensor<double>({1, 2, 1}, {3, 2 * near + 4 * (1 - near)})) < 1e-14);
  Bench causal(MultiHeadAttention<double>(1, 1, {.use_bias = false, .use_causal_mask = true}), {{2, 1}});
  for (Parameter<double>* parameter : causal.layer.parameters())
    parameter->set(Tensor<double>(parameter->shape(), 1.0));
  CHECK(causal.forward(value)[0] == doctest::Approx(2).epsilon(1e-14));
}

TEST_CASE("these layers say what is wrong") {
  CHECK_THROWS_WITH_AS(LayerNorm({.epsilon = -1}), "[LayerNormalization] expected epsilon of 0 or more, got -1.000000",
                       ConfigError);
  CHECK_THROWS_WITH_AS(GroupNorm({.groups = 0}), "[GroupNormalization] expected groups of 1 or more, got 0",
                       ConfigError);
  CHECK_THROWS_WITH_AS(MultiHeadAttention(0, 2), "[MultiHeadAttention] expected num_heads of 1 or more, got 0",
                       ConfigError);
  const std::vector<Shape> odd{{3, 5}}, keys{{3, 4}, {3, 4}, {2, 4}};
  CHECK_THROWS_WITH_AS(GroupNorm({.groups = 2}).output_shape(odd),
                       "[GroupNormalization] expected channels divisible by groups, 2, got (3, 5)", ShapeError);
  CHECK_THROWS_WITH_AS(MultiHeadAttention(1, 2).output_shape(keys),
                       "[MultiHeadAttention] expected as many keys as values, got (2, 4) and (3, 4)", ShapeError);
  Bench bench(LayerNorm{}, {{3, 4}});
  const std::vector<Shape> other{{3, 5}};
  CHECK_THROWS_WITH_AS(bench.layer.output_shape(other),
                       "[LayerNormalization] expected an input that fits its gamma of (4), got (3, 5)", ShapeError);
}

TEST_CASE("Attention and AdditiveAttention keep the contract") {
  check(Attention<double>(), {{3, 2}, {4, 2}}, {.refused = {{{3, 2}}, {{3, 2}, {4, 3}}, {{3, 2}, {4, 2}, {5, 2}}}});
  check(Attention<double>({.use_scale = true}), {{2, 3}, {4, 2}, {4, 3}});
  check(AdditiveAttention<double>(), {{3, 2}, {4, 2}}, {.refused = {{{3}, {3}}, {{3, 2}, {4, 3}}}});
  check(AdditiveAttention<double>({.use_scale = false}), {{2, 3}, {4, 2}, {4, 3}});
}

TEST_CASE("Attention weighs the values by products, AdditiveAttention by sums") {
  Bench dot(Attention<double>(), {{1, 1}, {2, 1}, {2, 1}});
  const Tensor<double> q({1, 1, 1}, {1}), v({1, 2, 1}, {10, 20}), k({1, 2, 1}, {0, std::log(3.0)});
  CHECK(dot.forward({q, v, k})[0] == doctest::Approx((10 + 3 * 20) / 4.0));
  Bench scaled(Attention<double>({.use_scale = true}), {{1, 1}, {2, 1}, {2, 1}});
  CHECK(scaled.layer.parameters()[0]->value()[0] == 1);
  scaled.layer.parameters()[0]->update([](TensorView<double> value) { value[0] = 2; });
  CHECK(scaled.forward({q, v, k})[0] == doctest::Approx((10 + 9 * 20) / 10.0));
  Bench sums(AdditiveAttention<double>(), {{1, 1}, {2, 1}, {2, 1}});
  sums.layer.parameters()[0]->update([](TensorView<double> value) { value[0] = 3; });
  const double a = std::exp(3 * std::tanh(1.0)), b = std::exp(3 * std::tanh(1 + std::log(3.0)));
  CHECK(sums.forward({q, v, k})[0] == doctest::Approx((10 * a + 20 * b) / (a + b)));
  const std::vector<Shape> one{{3, 2}}, wide{{3, 2}, {4, 3}};
  CHECK_THROWS_WITH_AS(Attention().output_shape(one),
                       "[Attention] expected query and value, and perhaps the key, got 1 inputs (pass a list of nodes: "
                       "model.add(layer, {query, value}))",
                       ShapeError);
  CHECK_THROWS_WITH_AS(AdditiveAttention().output_shape(wide),
                       "[AdditiveAttention] expected queries and keys of one width, got (3, 2) and (4, 3)", ShapeError);
}
