#include <keel/layers/conv2d.hpp>
#include <keel/layers/conv2d_transpose.hpp>

#include "layer_testing.hpp"

using namespace keel_test;

TEST_CASE("Conv2DTranspose keeps the contract") {
  check(Conv2DTranspose<double>(3, 2), {{3, 4, 2}}, {.refused = {{{3, 4}}, {{3, 0, 2}}}});
  check(Conv2DTranspose<double>(2, 3, {.strides = 2, .padding = Padding::same, .activation = Activation::gelu}),
        {{3, 4, 3}});
  check(Conv2DTranspose<double>(2, 3, {.strides = 2, .padding = 1, .output_padding = 1, .use_bias = false}),
        {{3, 2, 2}});
  check(Conv2DTranspose<double>(2, 3, {.strides = 3, .padding = Padding::same, .output_padding = 2}), {{3, 2, 2}});
  check(Conv2DTranspose<double>(2, {4, 3}, {.strides = 3, .padding = Padding::same, .output_padding = {2, 0}}),
        {{3, 2, 2}});
  check(Conv2DTranspose<double>(2, 2, {.strides = 3, .output_padding = {2, 0}}), {{3, 2, 2}});
  check(Conv2DTranspose<double>(1, {2, 1}, {.strides = 3, .dilation_rate = {2, 1}}), {{3, 2, 2}});
}

TEST_CASE("Conv2DTranspose spreads every value over a window") {
  Bench bench(Conv2DTranspose(1, {1, 2}, {.strides = {1, 2}}), {{1, 2, 1}});
  bench.layer.kernel().set(Tensor<float>({1, 2, 1, 1}, {1, 10}));
  bench.layer.bias().set(Tensor<float>({1}, {0.5f}));
  CHECK(bench.forward(Tensor<float>({1, 1, 2, 1}, {3, 4})) == Tensor<float>({1, 1, 4, 1}, {3.5f, 30.5f, 4.5f, 40.5f}));
  Bench overlapping(Conv2DTranspose(1, {1, 3}, {.use_bias = false}), {{1, 2, 1}});
  overlapping.layer.kernel().set(Tensor<float>({1, 3, 1, 1}, {1, 2, 3}));
  CHECK(overlapping.forward(Tensor<float>({1, 1, 2, 1}, {1, 10})) == Tensor<float>({1, 1, 4, 1}, {1, 12, 23, 30}));
}

TEST_CASE("Conv2DTranspose agrees with a full transposed convolution that is cut") {
  // out[i stride + k dilation] += x[i] kernel[k] along both axes; then rows are cut or added
  int cases = 0;
  for (const Padding& padding : {Padding::same, Padding::valid})
    for (Index kernel = 1; kernel <= 5; ++kernel)
      for (Index stride = 1; stride <= 3; ++stride)
        for (Index dilation = 1; dilation <= (stride == 1 ? 2 : 1); ++dilation)
          for (Index extra = -1; extra < stride; ++extra) {  // -1: none
            const Index n = 3, window = (kernel - 1) * dilation + 1, full = (n - 1) * stride + window;
            const bool same = padding == Padding::same;
            if (same && extra == 0 && window % 2 == 0) continue;  // refused
            const Index odd = extra < 0 ? 0 : window - window % 2 - extra;
            if (same && odd > 0 && odd % 2 == 1) continue;  // refused
            Conv2DTransposeOptions options{
                .strides = stride, .padding = padding, .dilation_rate = dilation, .use_bias = false};
            if (extra >= 0) options.output_padding = extra;
            CAPTURE(same);
            CAPTURE(kernel);
            CAPTURE(stride);
            CAPTURE(extra);
            Bench bench(Conv2DTranspose<double>(2, kernel, options), {{n, n, 3}});
            const Index out = extra < 0 ? (same ? n * stride : (n - 1) * stride + (std::max)(window, stride))
                              : same    ? (n - 1) * stride + window % 2 + extra
                                        : full + extra;
            REQUIRE(bench.output == Shape{out, out, 2});
            const Index before = same ? (std::max)(Index{0}, full - out) / 2 : 0;
            const Tensor<double> x = bench.normal({1, n, n, 3});
            const Tensor<double>& k = bench.layer.kernel().value();
            Tensor<double> y({1, out, out, 2});
            for (Index i = 0; i < n * n * kernel * kernel; ++i) {
              const Index ih = i / (n * kernel * kernel), iw = i / (kernel * kernel) % n, kh = i / kernel % kernel,
                          kw = i % kernel;
              const Index h = ih * stride + kh * dilation - before, w = iw * stride + kw * dilation - before;
              if (h < 0 || w < 0 || h >= out || w >= out) continue;
              for (Index f = 0; f < 2; ++f)
                for (Index c = 0; c < 3; ++c) y(0, h, w, f) += x(0, ih, iw, c) * k(kh, kw, f, c);
            }
            CHECK(difference(bench.forward(x), y) < 1e-13);
            ++cases;
          }
  CHECK(cases > 80);
}

TEST_CASE("Conv2DTranspose's shapes") {
  const auto shape = [](const Conv2DTransposeOptions& options, Index in, Index kernel) {
    return Bench(Conv2DTranspose<float>(1, kernel, options), {{in, in, 1}}).output[0];
  };
  CHECK(shape({.strides = 2, .padding = Padding::same}, 5, 3) == 10);
  CHECK(shape({.strides = 2}, 5, 3) == 11);
  CHECK(shape({.strides = 3}, 5, 2) == 15);
  CHECK(shape({.strides = 2, .padding = 1}, 5, 3) == 9);
  CHECK(shape({.strides = 2, .padding = 1, .output_padding = 1}, 5, 3) == 10);
}

TEST_CASE("Conv2DTranspose goes the way of Conv2D's gradient") {
  Bench<Conv2D<double>> conv(Conv2D<double>(4, 3, {.strides = 2, .padding = Padding::same, .use_bias = false}),
                             {{6, 8, 3}});
  Bench<Conv2DTranspose<double>> back(
      Conv2DTranspose<double>(3, 3, {.strides = 2, .padding = Padding::same, .use_bias = false}), {{3, 4, 4}});
  CHECK(back.output == Shape{6, 8, 3});
  back.layer.kernel().set(conv.layer.kernel().value());
  conv.forward(conv.normal({2, 6, 8, 3}));
  const Tensor<double> dy = conv.normal({2, 3, 4, 4});
  CHECK(difference(back.forward(dy), conv.backward(dy)) < 1e-13);
}

TEST_CASE("Conv2DTranspose says what is wrong") {
  CHECK_THROWS_WITH_AS(Conv2DTranspose(0, 3), "[Conv2DTranspose] expected filters of 1 or more, got 0", ConfigError);
  CHECK_THROWS_WITH_AS(Conv2DTranspose(1, 3, {.output_padding = 1}),
                       "[Conv2DTranspose] expected output_padding below the stride, got 1", ConfigError);
  CHECK_THROWS_WITH_AS(Conv2DTranspose(1, 3, {.padding = 1, .output_padding = 2, .dilation_rate = 2}),
                       "[Conv2DTranspose] expected output_padding below the stride or the dilation, got 2",
                       ConfigError);
  CHECK_THROWS_WITH_AS(Conv2DTranspose(1, 3, {.output_padding = {-1, 0}}),
                       "[Conv2DTranspose] expected output_padding of 0 or more, got -1", ConfigError);
  CHECK_THROWS_WITH_AS(Conv2DTranspose(1, 3, {.strides = 2, .padding = Padding::same, .output_padding = 1}),
                       "[Conv2DTranspose] expected output_padding with which padding same cuts an even number of rows "
                       "and columns, got 1, which cuts 1 (Keras's backends differ here: TensorFlow and JAX cut the "
                       "smaller half at the top and on the left, PyTorch the larger; give the padding in numbers)",
                       ConfigError);
  const std::vector<Shape> one{{3, 3, 1}};
  CHECK_THROWS_WITH_AS(
      Conv2DTranspose(1, 2, {.strides = 2, .padding = Padding::same, .output_padding = 0}).output_shape(one),
      "[Conv2DTranspose] expected an output that the last value reaches, got 4 (with an even window and padding same, "
      "output_padding is 1 or more)",
      ShapeError);
  const std::vector<Shape> tiny{{1, 1, 1}};
  CHECK_THROWS_AS(Conv2DTranspose(1, 3, {.padding = 2}).output_shape(tiny), ShapeError);
}

TEST_CASE("Conv2DTranspose spreads each group of channels to its part of the filters") {
  check(Conv2DTranspose<double>(4, 2, {.strides = 2, .groups = 2}), {{2, 3, 4}}, {.refused = {{{2, 3, 3}}}});
  check(Conv2DTranspose<double>(3, {3, 2}, {.padding = Padding::same, .groups = 3}), {{3, 3, 3}});
  const Shape in{3, 4, 4};
  Bench all(Conv2DTranspose<double>(6, {2, 3}, {.strides = {2, 1}, .groups = 2}), {in});
  CHECK(all.layer.kernel().shape() == Shape{2, 3, 3, 4});
  const Tensor<double> x = all.normal(in.with_batch(2)), dy = all.normal(all.output.with_batch(2));
  all.layer.bias().set(all.normal({6}));
  all.forward(x);
  all.backward(dy);
  const auto part = [](const Tensor<double>& from, Index first, Index count) {  // of the last axis
    Tensor<double> to(with_last(from.shape(), count));
    const Index width = from.shape().back();
    for (Index i = 0; i < to.size(); ++i) to[i] = from[i / count * width + first + i % count];
    return to;
  };
  for (Index g = 0; g < 2; ++g) {
    Bench one(Conv2DTranspose<double>(3, {2, 3}, {.strides = {2, 1}}), {{3, 4, 2}});
    one.layer.kernel().set(part(all.layer.kernel().value(), 2 * g, 2));
    one.layer.bias().set(part(all.layer.bias().value(), 3 * g, 3));
    CHECK(difference(one.forward(part(x, 2 * g, 2)), part(all.y, 3 * g, 3)) < 1e-13);
    CHECK(difference(one.backward(part(dy, 3 * g, 3)), part(all.dx[0], 2 * g, 2)) < 1e-13);
    CHECK(difference(one.layer.kernel().gradient, part(all.layer.kernel().gradient, 2 * g, 2)) < 1e-12);
  }
  CHECK_THROWS_WITH_AS(Conv2DTranspose(3, 2, {.groups = 2}),
                       "[Conv2DTranspose] expected filters divisible by groups, 2, got 3", ConfigError);
  const std::vector<Shape> odd{{3, 3, 3}};
  CHECK_THROWS_WITH_AS(Conv2DTranspose(2, 2, {.groups = 2}).output_shape(odd),
                       "[Conv2DTranspose] expected channels divisible by groups, 2, got (3, 3, 3)", ShapeError);
}
