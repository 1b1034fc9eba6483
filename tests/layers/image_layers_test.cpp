#include <keel/layers/auto_contrast.hpp>
#include <keel/layers/upsampling2d.hpp>
#include <keel/layers/zero_padding2d.hpp>

#include "layer_testing.hpp"

using namespace keel_test;

TEST_CASE("AutoContrast keeps the contract and stretches each channel of each image") {
  check(AutoContrast<double>(), {{3, 2, 2}}, {.refused = {{{3, 2}}, {{0, 2, 1}}}});
  check(AutoContrast<double>({.value_range = {1, -1}}), {{2, 2, 1}});
  Bench bench(AutoContrast<double>({.value_range = {0, 1}}), {{1, 3, 2}});
  const Tensor<double> y = bench.forward(Tensor<double>({1, 1, 3, 2}, {2, 7, 3, 7, 6, 7}));
  CHECK(y == Tensor<double>({1, 1, 3, 2}, {0, 7, 0.25, 7, 1, 7}));
  CHECK_THROWS_WITH_AS(AutoContrast<double>({.value_range = {1, 1}}),
                       "[AutoContrast] expected value_range of two different numbers, got 2 numbers", ConfigError);
}

TEST_CASE("ZeroPadding2D keeps the contract") {
  check(ZeroPadding2D<double>(1), {{3, 2, 2}}, {.refused = {{{3, 2}}}});
  check(ZeroPadding2D<double>({0, 1, 2, 0}), {{3, 2, 2}});
  check(ZeroPadding2D<double>(0), {{3, 2, 2}});
}

TEST_CASE("ZeroPadding2D surrounds an image: top, bottom, left, right") {
  Bench bench(ZeroPadding2D({1, 0, 0, 2}), {{1, 2, 1}});
  CHECK(bench.forward(Tensor<float>({1, 1, 2, 1}, {5, 6})) == Tensor<float>({1, 2, 4, 1}, {0, 0, 0, 0, 5, 6, 0, 0}));
  CHECK(bench.backward(Tensor<float>({1, 2, 4, 1}, {1, 2, 3, 4, 5, 6, 7, 8})) == Tensor<float>({1, 1, 2, 1}, {5, 6}));
  CHECK(Bench(ZeroPadding2D({1, 2}), {{4, 4, 1}}).output == Shape{6, 8, 1});
  CHECK_THROWS_WITH_AS(ZeroPadding2D(-1), "[ZeroPadding2D] expected padding of 0 or more, got -1", ConfigError);
  CHECK_THROWS_WITH_AS(ZeroPadding2D{Padding::same}, "[ZeroPadding2D] expected padding in numbers, got \"same\"",
                       ConfigError);
}

TEST_CASE("UpSampling2D keeps the contract") {
  check(UpSampling2D<double>(), {{3, 2, 2}}, {.refused = {{{3, 2}}}});
  check(UpSampling2D<double>({1, 3}), {{3, 2, 2}});
  check(UpSampling2D<double>(2, {.interpolation = Interpolation::bilinear}), {{3, 2, 2}});
  check(UpSampling2D<double>({3, 2}, {.interpolation = Interpolation::bilinear}), {{1, 4, 1}});
}

TEST_CASE("UpSampling2D repeats, or interpolates between pixel centres") {
  Bench nearest(UpSampling2D({1, 2}), {{1, 2, 1}});
  CHECK(nearest.forward(Tensor<float>({1, 1, 2, 1}, {1, 3})) == Tensor<float>({1, 1, 4, 1}, {1, 1, 3, 3}));
  Bench bilinear(UpSampling2D({1, 2}, {.interpolation = Interpolation::bilinear}), {{1, 2, 1}});
  CHECK(bilinear.forward(Tensor<float>({1, 1, 2, 1}, {1, 3})) == Tensor<float>({1, 1, 4, 1}, {1, 1.5f, 2.5f, 3}));
  CHECK_THROWS_WITH_AS(UpSampling2D(0), "[UpSampling2D] expected size of 1 or more, got 0", ConfigError);
}
