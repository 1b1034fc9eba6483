#include <keel/layers/rescaling.hpp>

#include "layer_testing.hpp"

using namespace keel_test;

TEST_CASE("Rescaling keeps the contract and computes scale x + offset") {
  check(Rescaling<double>(1 / 255.0), {{3, 2, 2}}, {.refused = {{{3}, {3}}}});
  check(Rescaling<double>(-2, {.offset = 1}), {{5}});
  check(Rescaling<double>(0.5, {.offset = 1}), {Shape{}});
  Bench bench(Rescaling(2, {.offset = -1}), {{3}});
  CHECK(bench.forward(Tensor<float>({1, 3}, {0, 1, 2})) == Tensor<float>({1, 3}, {-1, 1, 3}));
  CHECK(bench.backward(Tensor<float>({1, 3}, {1, 2, 3})) == Tensor<float>({1, 3}, {2, 4, 6}));
}

TEST_CASE("Rescaling has a scale and an offset for each channel") {
  check(Rescaling<double>({0.5, 0.25, 2}, {.offset = {0, 1, 2}}), {{2, 4, 3}},
        {.refused = {{{3, 2}}, {{3, 1}}, {Shape{}}}});
  check(Rescaling<double>({0.5, 0.25, 2}), {{3}});
  check(Rescaling<double>(3, {.offset = {0, 1}}), {{4, 2}});
  Bench bench(Rescaling({0.5, 0.25, 2}, {.offset = {0, 1, 2}}), {{2, 3}});
  CHECK(bench.forward(Tensor<float>({1, 2, 3}, {2, 4, 1, 0, 8, -1})) == Tensor<float>({1, 2, 3}, {1, 2, 4, 0, 3, 0}));
  CHECK(bench.backward(Tensor<float>({1, 2, 3}, {2, 4, 1, 0, 8, -1})) == Tensor<float>({1, 2, 3}, {1, 1, 2, 0, 2, -2}));
  Bench offsets(Rescaling(2, {.offset = {0, 1}}), {{2}});
  CHECK(offsets.forward(Tensor<float>({2, 2}, {1, 2, 3, 4})) == Tensor<float>({2, 2}, {2, 5, 6, 9}));
}

TEST_CASE("Rescaling says what is wrong") {
  CHECK_THROWS_WITH_AS(Rescaling({1, 2}, {.offset = {1, 2, 3}, .name = "r"}),
                       "[r (Rescaling)] expected one scale and offset, or one for each channel, got 2 scales and 3 "
                       "offsets",
                       ConfigError);
  CHECK_THROWS_AS(Rescaling(std::vector<double>{}), ConfigError);
  const std::vector<Shape> gray{{4, 4, 1}};
  CHECK_THROWS_WITH_AS(Rescaling({1, 2, 3}).output_shape(gray),
                       "[Rescaling] expected 3 channels, one for each scale, got (4, 4, 1)", ShapeError);
}
