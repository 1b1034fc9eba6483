#include <keel/layers/dropout.hpp>

#include "layer_testing.hpp"

using namespace keel_test;

TEST_CASE("Dropout keeps the contract") {
  check(Dropout<double>(0.5), {{3, 4}}, {.refused = {{{3}, {3}}}});
  check(Dropout<double>(0), {{5}});
  check(Dropout<double>(1), {{5}});
}

TEST_CASE("Dropout drops the given part in training and scales the rest") {
  Bench bench(Dropout(0.25), {{100, 100}});
  const Tensor<float> ones({2, 100, 100}, 1.0f);
  CHECK(bench.forward(ones) == ones);
  bench.forward(ones, true);
  Index dropped = 0;
  for (const float value : bench.y) {
    CHECK((value == 0 || value == doctest::Approx(4.0 / 3)));
    dropped += value == 0;
  }
  CHECK(std::abs(static_cast<double>(dropped) / 20000 - 0.25) < 0.01);
  CHECK(bench.backward(ones) == bench.y);
  // samples are dropped differently
  CHECK(!(bench.y.rows(0, 1) == bench.y.rows(1, 1)));
}

TEST_CASE("Dropout at the ends: nothing, everything") {
  const Tensor<float> x({1, 3}, {1, std::nanf(""), 3});
  Bench all(Dropout(1), {{3}});
  CHECK(all.forward(x, true) == Tensor<float>({1, 3}));
  CHECK(all.backward(Tensor<float>({1, 3}, 1.0f)) == Tensor<float>({1, 3}));
  Bench none(Dropout(0), {{3}});
  CHECK(none.forward(x, true)[2] == 3);
}

TEST_CASE("a frozen Dropout still drops, as in both frameworks") {
  Bench bench(Dropout(1), {{3}});
  bench.layer.freeze(Freeze::layer);
  CHECK(bench.forward(Tensor<float>({1, 3}, 1.0f), true) == Tensor<float>({1, 3}));
}

TEST_CASE("Dropout says what is wrong") {
  CHECK_THROWS_WITH_AS(Dropout(1.5), "[Dropout] expected a rate in [0, 1], got 1.500000", ConfigError);
  CHECK_THROWS_AS(Dropout(-0.1), ConfigError);
  CHECK_THROWS_AS(Dropout(std::nan("")), ConfigError);
}
