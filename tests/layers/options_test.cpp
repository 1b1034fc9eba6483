#include <keel/layers/base/options.hpp>

#include <doctest/doctest.h>

using namespace keel;

namespace {

struct Tested : LayerIdentity {
  std::string type() const override { return "Test"; }
};

Sweep height(Index in, Index kernel, Index stride, Index dilation, const Padding& padding, bool ceil = false) {
  return sweeps(Tested(), in, 1000, {kernel, 1}, {stride, 1}, {dilation, 1}, padding, ceil).first;
}

}  // namespace

TEST_CASE("sweeps follow TensorFlow for same and valid") {
  for (Index in = 1; in < 12; ++in)
    for (Index kernel = 1; kernel < 6; ++kernel)
      for (Index stride = 1; stride < 5; ++stride)
        for (Index dilation = 1; dilation < 4; ++dilation) {
          const Index window = (kernel - 1) * dilation + 1;
          const Sweep same = height(in, kernel, stride, dilation, Padding::same);
          const Index total = (std::max)(Index{0}, (same.out - 1) * stride + window - in);
          CHECK(same.out == (in + stride - 1) / stride);
          CHECK(same.before == total / 2);
          CHECK(same.after == total - total / 2);
          if (in >= window)
            CHECK(height(in, kernel, stride, dilation, Padding::valid).out == (in - window) / stride + 1);
        }
}

TEST_CASE("sweeps follow PyTorch for numbers and ceil mode") {
  CHECK(height(6, 3, 2, 1, 1).out == 3);
  CHECK(height(6, 3, 2, 1, 1).before == 1);
  CHECK(height(7, 3, 2, 2, {2, 1, 0, 0}).out == 3);
  CHECK(height(6, 3, 2, 1, 0).out == 2);
  CHECK(height(6, 3, 2, 1, 0, true).out == 3);
  CHECK(height(5, 3, 2, 1, 0, true).out == 2);
  CHECK(height(3, 2, 2, 1, 1).out == 2);
  CHECK(height(3, 2, 2, 1, 1, true).out == 2);
  CHECK(height(4, 2, 3, 1, 0, true).out == 2);
  CHECK(height(3, 2, 3, 1, 0, true).out == 1);
  CHECK_THROWS_WITH_AS(
      height(2, 3, 1, 2, 1),
      "[Test] expected an input whose height holds the window of 5, got 2 (padding 1 + 1) (use a smaller "
      "window or more padding; images are (height, width, channels))",
      ShapeError);
  CHECK_THROWS_AS(height(0, 1, 1, 1, Padding::same), ShapeError);
}

TEST_CASE("options read well") {
  const Pair both = 3, two = {2, 5};
  CHECK(both == Pair(3, 3));
  CHECK(two.to_string() == "(2, 5)");
  const Padding one = 1, sides = {1, 2}, four = {1, 2, 3, 4};
  CHECK(one == Padding(1, 1, 1, 1));
  CHECK(sides == Padding(1, 1, 2, 2));
  CHECK(four.to_string() == "(1, 2, 3, 4)");
  CHECK(Padding::same.to_string() == "same");
}

TEST_CASE("options survive a Config") {
  const auto again = [](auto value, auto other) {
    Config config;
    write_option(config, "x", value);
    read_option(config, "x", other);
    CHECK(value == other);
  };
  again(Pair(2, 3), Pair(1));
  again(Padding::same, Padding::valid);
  again(Padding::valid, Padding::same);
  again(Padding(1, 2, 3, 4), Padding::same);
  again(ActivationSpec(Activation::leaky_relu, 0.05), ActivationSpec());
  again(ActivationSpec(Activation::softmax), ActivationSpec(Activation::elu, 2));
  again(std::optional<double>(6), std::optional<double>());
  again(std::optional<double>(), std::optional<double>());
  Pair pair = 1;
  read_option(Config{{"x", Index{4}}}, "x", pair);
  CHECK(pair == Pair(4));
  Padding padding = 0;
  CHECK_THROWS_WITH_AS(read_option(Config{{"padding", std::string("full")}}, "padding", padding),
                       "[option padding] expected \"same\", \"valid\" or integers, got \"full\"", ConfigError);
  CHECK_THROWS_AS(read_option(Config{{"padding", std::vector<Index>{1, 2}}}, "padding", padding), ConfigError);
  CHECK_THROWS_AS(read_option(Config{{"x", true}}, "x", pair), ConfigError);
}
