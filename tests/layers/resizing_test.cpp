#include <keel/layers/registry.hpp>

#include "layer_testing.hpp"

using namespace keel_test;

TEST_CASE("Resizing keeps the contract") {
  check(Resizing<double>(4, 3), {{3, 5, 2}}, {.refused = {{{3, 2}}, {{0, 2, 1}}, {{2, 2, 1}, {2, 2, 1}}}});
  check(Resizing<double>(2, 7, {.interpolation = Interpolation::nearest}), {{5, 3, 1}});
  check(Resizing<double>(1, 1), {{4, 2, 3}});
}

TEST_CASE("Resizing weighs the pixels around half-pixel centres") {
  // 2 to 4: at -0.25, 0.25, 0.75, 1.25
  Bench wider(Resizing<double>(1, 4), {{1, 2, 1}});
  CHECK(wider.forward(Tensor<double>({1, 1, 2, 1}, {1, 2})) == Tensor<double>({1, 1, 4, 1}, {1, 1.25, 1.75, 2}));
  wider.backward(Tensor<double>({1, 1, 4, 1}, {1, 10, 100, 1000}));
  CHECK(wider.dx[0] == Tensor<double>({1, 1, 2, 1}, {1 + 7.5 + 25, 2.5 + 75 + 1000}));
  // 5 to 2: at 0.75 and 3.25, without the others
  Bench narrower(Resizing<double>(1, 2), {{1, 5, 1}});
  CHECK(narrower.forward(Tensor<double>({1, 1, 5, 1}, {0, 1, 4, 9, 16})) ==
        Tensor<double>({1, 1, 2, 1}, {0.75, 10.75}));
  Bench nearest(Resizing<double>(1, 2, {.interpolation = Interpolation::nearest}), {{1, 5, 1}});
  CHECK(nearest.forward(Tensor<double>({1, 1, 5, 1}, {0, 1, 4, 9, 16})) == Tensor<double>({1, 1, 2, 1}, {1, 9}));
  Bench rows(Resizing<double>(3, 1, {.interpolation = Interpolation::nearest}), {{2, 1, 2}});
  CHECK(rows.forward(Tensor<double>({1, 2, 1, 2}, {1, 2, 3, 4})) == Tensor<double>({1, 3, 1, 2}, {1, 2, 3, 4, 3, 4}));
}

TEST_CASE("Resizing by whole factors is UpSampling2D, and to the same size nothing") {
  for (const Interpolation how : {Interpolation::nearest, Interpolation::bilinear}) {
    Bench resizing(Resizing<double>(6, 12, {.interpolation = how}), {{3, 4, 2}});
    Bench upsampling(UpSampling2D<double>({2, 3}, {.interpolation = how}), {{3, 4, 2}});
    const Tensor<double> x = resizing.normal({2, 3, 4, 2}), dy = resizing.normal({2, 6, 12, 2});
    CHECK(difference(resizing.forward(x), upsampling.forward(x)) < 1e-14);
    CHECK(difference(resizing.backward(dy), upsampling.backward(dy)) < 1e-14);
    Bench same(Resizing<double>(3, 4, {.interpolation = how}), {{3, 4, 2}});
    CHECK(same.forward(x) == x);
  }
}

TEST_CASE("Resizing says what is wrong") {
  CHECK_THROWS_WITH_AS(Resizing(0, 2), "[Resizing] expected height of 1 or more, got 0", ConfigError);
  CHECK_THROWS_WITH_AS(
      make_layer("Resizing", {{"height", Index{1}}, {"width", Index{1}}, {"interpolation", std::string("area")}}),
      "[option interpolation] expected \"nearest\" or \"bilinear\", got \"area\"", ConfigError);
  const std::vector<Shape> none{{0, 4, 1}};
  CHECK_THROWS_WITH_AS(Resizing(2, 2).output_shape(none), "[Resizing] expected at least one pixel, got (0, 4, 1)",
                       ShapeError);
}
