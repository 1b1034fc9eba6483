#include <keel/layers/conv2d.hpp>

#include "layer_testing.hpp"

using namespace keel_test;

namespace {

/// The definition, straight: y = bias + sum of x kernel.
Tensor<double> naive(Conv2D<double>& layer, const Tensor<double>& x, const Shape& out, Index top, Index left) {
  const auto& o = layer.options();
  const Tensor<double>& kernel = layer.kernel().value();
  const Index in = kernel.shape()[2], group = layer.filters() / o.groups;
  Tensor<double> y(out.with_batch(x.shape()[0]));
  for (Index n = 0; n < x.shape()[0]; ++n)
    for (Index i = 0; i < out[0]; ++i)
      for (Index j = 0; j < out[1]; ++j)
        for (Index f = 0; f < out[2]; ++f) {
          double sum = o.use_bias ? layer.bias().value()[f] : 0;
          for (Index r = 0; r < kernel.shape()[0]; ++r)
            for (Index s = 0; s < kernel.shape()[1]; ++s) {
              const Index row = i * o.strides.height + r * o.dilation_rate.height - top;
              const Index column = j * o.strides.width + s * o.dilation_rate.width - left;
              if (row < 0 || row >= x.shape()[1] || column < 0 || column >= x.shape()[2]) continue;
              for (Index c = 0; c < in; ++c) sum += x(n, row, column, f / group * in + c) * kernel(r, s, c, f);
            }
          y(n, i, j, f) = sum;
        }
  return y;
}

void compare(Conv2D<double> layer, const Shape& in, const Shape& out, Index top, Index left) {
  Bench<Conv2D<double>> bench(std::move(layer), {in});
  CHECK(bench.output == out);
  if (bench.layer.options().use_bias) bench.layer.bias().set(bench.normal({out[2]}));
  const Tensor<double> y = bench.forward(bench.normal(in.with_batch(2)));
  CHECK(difference(y, naive(bench.layer, bench.x[0], out, top, left)) < 1e-13);
}

}  // namespace

TEST_CASE("Conv2D keeps the contract") {
  check(Conv2D<double>(4, 3), {{5, 4, 2}}, {.refused = {{{5, 4}}, {{2, 4, 2}}, {{1, 5, 4, 2}}, {{5, 4, 0}}}});
  check(Conv2D<double>(4, 3, {.strides = 2, .padding = Padding::same, .groups = 2, .activation = Activation::relu}),
        {{6, 5, 4}}, {.refused = {{{5, 5, 3}}}});
  check(Conv2D<double>(2, {3, 2}, {.padding = {2, 0, 1, 3}, .dilation_rate = {1, 2}, .use_bias = false}), {{4, 5, 3}});
  check(Conv2D<double>(3, 1, {.activation = Activation::silu}), {{3, 2, 5}}, {.batch = 1});
  check(Conv2D<double>(17, 3, {.padding = 1, .activation = Activation::softmax}), {{3, 3, 2}});
}

TEST_CASE("Conv2D computes a case worked by hand") {
  Bench bench(Conv2D(1, 2), {{3, 3, 1}});
  bench.layer.kernel().set(Tensor<float>({2, 2, 1, 1}, {1, 2, 3, 4}));
  bench.layer.bias().set(Tensor<float>({1}, {10}));
  const Tensor<float> x({1, 3, 3, 1}, {1, 2, 3, 4, 5, 6, 7, 8, 9});
  CHECK(bench.forward(x) == Tensor<float>({1, 2, 2, 1}, {47, 57, 77, 87}));
  CHECK(bench.backward(Tensor<float>({1, 2, 2, 1}, {1, 0, 0, 1})) ==
        Tensor<float>({1, 3, 3, 1}, {1, 2, 0, 3, 5, 2, 0, 3, 4}));
  CHECK(bench.layer.kernel().gradient == Tensor<float>({2, 2, 1, 1}, {6, 8, 12, 14}));
  CHECK(bench.layer.bias().gradient == Tensor<float>({1}, {2}));
}

TEST_CASE("Conv2D agrees with the definition") {
  compare(Conv2D<double>(4, 3), {7, 6, 3}, {5, 4, 4}, 0, 0);
  compare(Conv2D<double>(5, {2, 3}, {.strides = {2, 1}, .use_bias = false}), {7, 6, 3}, {3, 4, 5}, 0, 0);
  compare(Conv2D<double>(6, 3, {.padding = Padding::same, .groups = 3}), {4, 5, 3}, {4, 5, 6}, 1, 1);
  compare(Conv2D<double>(2, 3, {.padding = Padding::same, .dilation_rate = 2}), {6, 6, 2}, {6, 6, 2}, 2, 2);
  compare(Conv2D<double>(2, 3, {.strides = 2, .dilation_rate = 2}), {9, 8, 2}, {3, 2, 2}, 0, 0);
  compare(Conv2D<double>(33, 3, {.padding = 1}), {5, 16, 7}, {5, 16, 33}, 1, 1);
}

TEST_CASE("Conv2D pads at stride 2 as Keras says, or as PyTorch does") {
  // an even image: Keras pads (0, 1), PyTorch's padding=1 pads (1, 1); one shape, other values
  compare(Conv2D<double>(2, 3, {.strides = 2, .padding = Padding::same}), {6, 8, 2}, {3, 4, 2}, 0, 0);
  compare(Conv2D<double>(2, 3, {.strides = 2, .padding = 1}), {6, 8, 2}, {3, 4, 2}, 1, 1);
  compare(Conv2D<double>(2, 3, {.strides = 2, .padding = Padding::same}), {5, 7, 2}, {3, 4, 2}, 1, 1);
  // an even kernel: the odd zero is at the bottom and on the right
  compare(Conv2D<double>(2, 4, {.padding = Padding::same}), {5, 5, 2}, {5, 5, 2}, 1, 1);
  // a stride longer than the kernel needs no padding
  compare(Conv2D<double>(2, 1, {.strides = 3, .padding = Padding::same}), {7, 6, 2}, {3, 2, 2}, 0, 0);
  compare(Conv2D<double>(2, 3, {.padding = {0, 2, 1, 0}}), {4, 4, 2}, {4, 3, 2}, 0, 1);
}

TEST_CASE("Conv2D counts") {
  Bench bench(Conv2D(32, 3, {.padding = Padding::same}), {{64, 64, 1}});
  CHECK(bench.layer.kernel().shape() == Shape{3, 3, 1, 32});
  CHECK(bench.layer.kernel().size() + bench.layer.bias().size() == 320);
  CHECK(bench.layer.multiply_adds(bench.shapes) == 64 * 64 * 9 * 32);
}

TEST_CASE("Conv2D says what is wrong") {
  CHECK_THROWS_WITH_AS(Conv2D(0, 3), "[Conv2D] expected filters of 1 or more, got 0", ConfigError);
  CHECK_THROWS_WITH_AS(Conv2D(1, 0), "[Conv2D] expected kernel_size of 1 or more, got 0", ConfigError);
  CHECK_THROWS_WITH_AS(Conv2D(1, 3, {.strides = 0}), "[Conv2D] expected strides of 1 or more, got 0", ConfigError);
  CHECK_THROWS_WITH_AS(Conv2D(1, 3, {.padding = -1}), "[Conv2D] expected padding of 0 or more, got -1", ConfigError);
  CHECK_THROWS_WITH_AS(Conv2D(1, 3, {.dilation_rate = {1, 0}}), "[Conv2D] expected dilation_rate of 1 or more, got 0",
                       ConfigError);
  CHECK_THROWS_WITH_AS(Conv2D(5, 3, {.groups = 2}), "[Conv2D] expected filters divisible by groups, 2, got 5",
                       ConfigError);
  const std::vector<Shape> flat{{784}}, small{{2, 9, 1}}, odd{{8, 8, 3}};
  CHECK_THROWS_WITH_AS(
      Conv2D(4, 3, {.name = "stem"}).output_shape(flat),
      "[stem (Conv2D)] expected an input of rank 3 beside the batch, got rank 1, shape (784) (images are "
      "(height, width, channels))",
      ShapeError);
  CHECK_THROWS_WITH_AS(Conv2D(4, 5).output_shape(small),
                       "[Conv2D] expected an input whose height holds the window of 5, got 2 (padding 0 + 0) (use a "
                       "smaller window or more padding; images are (height, width, channels))",
                       ShapeError);
  CHECK_THROWS_WITH_AS(Conv2D(4, 3, {.groups = 2}).output_shape(odd),
                       "[Conv2D] expected channels divisible by groups, 2, got (8, 8, 3)", ShapeError);
  Bench bench(Conv2D(4, 3), {{8, 8, 2}});
  CHECK_THROWS_WITH_AS(bench.layer.output_shape(odd),
                       "[Conv2D] expected channels that fit the kernel (3, 3, 2, 4), got (8, 8, 3)", ShapeError);
}
