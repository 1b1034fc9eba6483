#include <keel/layers/softmax.hpp>

#include <cmath>

#include "layer_testing.hpp"

using namespace keel_test;

namespace {

/// exp(x) over its sum along the axes of a sample that `along` names, value by value.
Tensor<double> naive(const Tensor<double>& x, const std::vector<bool>& along) {
  const Shape& shape = x.shape();
  const auto group = [&](Index i) {  // the value's place with the axes at 0
    Index at = 0, stride = 1;
    for (Index axis = shape.rank() - 1; axis >= 0; i /= shape[axis], stride *= shape[axis], --axis)
      if (axis == 0 || !along[static_cast<std::size_t>(axis - 1)]) at += i % shape[axis] * stride;
    return at;
  };
  Tensor<double> sums(shape), y(shape);
  for (Index i = 0; i < x.size(); ++i) sums[group(i)] += std::exp(x[i]);
  for (Index i = 0; i < x.size(); ++i) y[i] = std::exp(x[i]) / sums[group(i)];
  return y;
}

}  // namespace

TEST_CASE("Softmax keeps the contract along any axis") {
  check(Softmax<double>(), {{2, 5}}, {.refused = {{Shape{}}}});
  check(Softmax<double>({.axis = 1}), {{3, 2, 4}}, {.refused = {{Shape{}}}});
  check(Softmax<double>({.axis = 2}), {{3, 2, 4}}, {.refused = {{{3}}}});
  check(Softmax<double>({.axis = -2}), {{3, 2, 4}}, {.refused = {{{3}}}});
  check(Softmax<double>({.axis = {1, 2}}), {{3, 2, 4}}, {.refused = {{{3}}}});
  check(Softmax<double>({.axis = {-1, -2}}), {{3, 4}});
  check(Softmax<double>({.axis = 1}), {{5}});
}

TEST_CASE("Softmax sums to 1 along its axes and agrees with its formula") {
  Bench two(Softmax<double>{}, {{2}});
  CHECK(two.forward(Tensor<double>({1, 2}, {0, std::log(3)}))[1] == doctest::Approx(0.75));
  const std::vector<std::pair<Axes, std::vector<bool>>> cases{
      {1, {true, false, false}},       {2, {false, true, false}},       {3, {false, false, true}},
      {-1, {false, false, true}},      {-2, {false, true, false}},      {-3, {true, false, false}},
      {{1, 2}, {true, true, false}},   {{2, 1}, {true, true, false}},   {{2, 3}, {false, true, true}},
      {{-3, -2}, {true, true, false}}, {{1, 2, 3}, {true, true, true}}, {{3, -2, 1}, {true, true, true}}};
  for (const auto& [axis, along] : cases) {
    const auto& the_axis = axis;  // clang before 16 captures no structured binding
    CAPTURE(the_axis.to_string());
    Bench bench(Softmax<double>({.axis = axis}), {{3, 4, 5}});
    const Tensor<double> x = bench.normal({2, 3, 4, 5});
    CHECK(difference(bench.forward(x), naive(x, along)) < 1e-14);
    CHECK((bench.layer.acceleration().role == LayerRole::activation) == (axis == Axes(-1)));
  }
}

TEST_CASE("Softmax says what is wrong") {
  const std::vector<Shape> map{{3, 4, 5}};
  const auto shape = [&](Axes axis) { return Softmax({.axis = std::move(axis), .name = "p"}).output_shape(map); };
  const std::string hint = ", got (3, 4, 5) (axis 0 is the batch, 1 the first axis of a sample, -1 the last)";
  for (const Index axis : {0, 4, -4}) {
    const std::string message = "[p (Softmax)] expected an input with axis " + std::to_string(axis) + hint;
    CHECK_THROWS_WITH_AS(shape(axis), message.c_str(), ShapeError);
  }
  CHECK_THROWS_WITH_AS(shape({1, 3}), ("[p (Softmax)] expected axes that are neighbours, not (1, 3)" + hint).c_str(),
                       ShapeError);
  CHECK_THROWS_AS(shape({1, 1}), ShapeError);
}
