/// Layers of volumes, (depth, height, width, channels), against their definitions as loops.

#include <keel/layers/registry.hpp>

#include "layer_testing.hpp"

using namespace keel_test;

namespace volumes_test {

/// Calls body(output place (o, i, j), window place (a, b, c), input place or -1) for each window of each place.
struct Windows {
  Index in[3], out[3], size[3], stride[3], dilation[3], before[3];

  template <class F>
  void each(F&& body) const {
    for (Index o = 0; o < out[0] * out[1] * out[2]; ++o)
      for (Index k = 0; k < size[0] * size[1] * size[2]; ++k) {
        const Index to[] = {o / (out[1] * out[2]), o / out[2] % out[1], o % out[2]};
        const Index tap[] = {k / (size[1] * size[2]), k / size[2] % size[1], k % size[2]};
        Index from = 0;
        bool inside = true;
        for (int axis = 0; axis < 3; ++axis) {
          const Index at = to[axis] * stride[axis] + tap[axis] * dilation[axis] - before[axis];
          inside = inside && at >= 0 && at < in[axis];
          from = from * in[axis] + at;
        }
        body(o, k, inside ? from : -1);
      }
  }
};

Windows windows(const Shape& in, const Shape& out, const Triple& size, const Triple& strides, const Triple& dilation,
                const Index (&before)[3]) {
  return {{in[0], in[1], in[2]},
          {out[0], out[1], out[2]},
          {size.depth, size.height, size.width},
          {strides.depth, strides.height, strides.width},
          {dilation.depth, dilation.height, dilation.width},
          {before[0], before[1], before[2]}};
}

struct Case {
  Shape in;
  Index filters;
  Triple size;
  Conv3DOptions options;
  Index before[3];
};

}  // namespace volumes_test

TEST_CASE("Conv3D keeps the contract") {
  check(Conv3D<double>(2, 2), {{3, 3, 2, 2}}, {.refused = {{{3, 3, 2}}, {{1, 3, 3, 2}}, {{3, 3, 2, 2}, {3, 3, 2, 2}}}});
  check(Conv3D<double>(4, {2, 1, 2},
                       {.strides = {1, 2, 1}, .padding = Padding::same, .groups = 2, .activation = Activation::tanh}),
        {{3, 3, 2, 4}}, {.refused = {{{3, 3, 3, 3}}}});
  check(Conv3D<double>(1, {3, 1, 1}, {.padding = {2, 0, Padding(0)}, .dilation_rate = {2, 1, 1}, .use_bias = false}),
        {{4, 1, 2, 1}});
}

TEST_CASE("Conv3D is the sum over its windows") {
  using volumes_test::Case;
  const Case cases[] = {
      {{4, 5, 6, 3}, 4, {2, 3, 2}, {}, {0, 0, 0}},
      {{4, 5, 6, 4}, 6, {3, 2, 3}, {.strides = {2, 1, 3}, .padding = 1, .groups = 2}, {1, 1, 1}},
      {{5, 4, 4, 2}, 2, 3, {.padding = Padding::same, .dilation_rate = {1, 1, 1}}, {1, 1, 1}},
      {{5, 6, 7, 2}, 3, {2, 2, 2}, {.strides = 2, .padding = Padding::same}, {0, 0, 0}},
      {{6, 5, 4, 1}, 1, {2, 3, 1}, {.padding = {2, 1, Padding(1, 0, 0, 2)}, .dilation_rate = {3, 1, 2}}, {2, 1, 0}},
      {{3, 4, 4, 2}, 4, 1, {.groups = 2}, {0, 0, 0}},
  };
  for (const Case& c : cases) {
    CAPTURE(c.in.to_string());
    Bench bench(Conv3D<double>(c.filters, c.size, c.options), {c.in});
    const Shape out = bench.output;
    const auto w = volumes_test::windows(c.in, out, c.size, c.options.strides, c.options.dilation_rate, c.before);
    const Tensor<double> x = bench.normal(c.in.with_batch(2)), dy = bench.normal(out.with_batch(2));
    const Index channels = c.in.back(), groups = c.options.groups, part = channels / groups, filters = c.filters;
    bench.layer.bias().set(bench.normal({filters}));
    const Tensor<double>& kernel = bench.layer.kernel().value();
    Tensor<double> y(out.with_batch(2)), dx(x.shape()), dk(kernel.shape());
    for (Index i = 0; i < y.size(); ++i) y[i] = bench.layer.bias().value()[i % filters];
    for (Index n = 0; n < 2; ++n)
      w.each([&](Index o, Index k, Index from) {
        if (from < 0) return;
        for (Index f = 0; f < filters; ++f)
          for (Index i = 0; i < part; ++i) {
            const Index at = n * c.in.size() + from * channels + f / (filters / groups) * part + i;
            const Index weight = (k * part + i) * filters + f, to = n * out.size() + o * filters + f;
            y[to] += x[at] * kernel[weight];
            dx[at] += dy[to] * kernel[weight];
            dk[weight] += dy[to] * x[at];
          }
      });
    CHECK(difference(bench.forward(x), y) < 1e-12);
    CHECK(difference(bench.backward(dy), dx) < 1e-12);
    CHECK(difference(bench.layer.kernel().gradient, dk) < 1e-12);
  }
}

TEST_CASE("pools to given extents keep the contract, and in whole windows they are the usual ones") {
  check(AdaptiveAveragePool1D<double>(3), {{5, 2}}, {.refused = {{{5}}, {{0, 2}}, {{5, 2}, {5, 2}}}});
  check(AdaptiveAveragePool2D<double>({2, 4}), {{3, 3, 2}}, {.refused = {{{3, 3}}}});
  check(AdaptiveAveragePool3D<double>({2, 1, 2}), {{3, 2, 3, 1}}, {.refused = {{{3, 3, 2}}}});
  check(AdaptiveMaxPool1D<double>(3), {{5, 2}}, {.refused = {{{5}}}});
  check(AdaptiveMaxPool2D<double>({2, 4}), {{3, 3, 2}}, {.refused = {{{3, 0, 2}}}});
  check(AdaptiveMaxPool3D<double>({2, 1, 2}), {{3, 2, 3, 1}});
  Bench most(AdaptiveMaxPool3D<double>({2, 1, 3}), {{4, 3, 6, 2}});
  Bench mean(AdaptiveAveragePool3D<double>({2, 1, 3}), {{4, 3, 6, 2}});
  const Tensor<double> x = most.normal({2, 4, 3, 6, 2});
  CHECK(difference(most.forward(x), Bench(MaxPool3D<double>({2, 3, 2}), {{4, 3, 6, 2}}).forward(x)) == 0);
  CHECK(difference(mean.forward(x), Bench(AveragePool3D<double>({2, 3, 2}), {{4, 3, 6, 2}}).forward(x)) < 1e-14);
  CHECK_THROWS_WITH_AS(AdaptiveMaxPool2D<double>({2, 0}, {.name = "pool"}),
                       "[pool (AdaptiveMaxPooling2D)] expected output_size of 1 or more, got 0", ConfigError);
}

TEST_CASE("Conv3DTranspose keeps the contract") {
  check(Conv3DTranspose<double>(2, 2), {{2, 3, 2, 2}},
        {.refused = {{{3, 3, 2}}, {{0, 3, 3, 2}}, {{3, 3, 2, 2}, {3, 3, 2, 2}}}});
  check(Conv3DTranspose<double>(
            4, {2, 1, 2},
            {.strides = {1, 2, 1}, .padding = Padding::Mode::same, .groups = 2, .activation = Activation::tanh}),
        {{2, 2, 2, 4}}, {.refused = {{{3, 3, 3, 3}}}});
  check(Conv3DTranspose<double>(1, {3, 1, 2},
                                {.strides = {2, 1, 3},
                                 .padding = {2, 0, Padding(0)},
                                 .output_padding = {1, 0, 2},
                                 .dilation_rate = {2, 1, 1},
                                 .use_bias = false}),
        {{3, 1, 2, 1}});
  CHECK_THROWS_WITH_AS(Conv3DTranspose<double>(3, 2, {.groups = 2, .name = "up"}),
                       "[up (Conv3DTranspose)] expected filters divisible by groups, 2, got 3", ConfigError);
  CHECK_THROWS_WITH_AS(Conv3DTranspose<double>(3, 2, {.strides = {2, 1, 2}, .output_padding = 1}),
                       "[Conv3DTranspose] expected output_padding below the stride, got 1", ConfigError);
}

TEST_CASE("Conv3DTranspose on volumes of one slice is Conv2DTranspose, whatever its extents are made of") {
  struct Case {
    Pair size, strides, output_padding, dilation;
    Padding padding;
  };
  const Case cases[] = {{{3, 2}, {2, 3}, -1, 1, Padding::valid},      {{3, 2}, {2, 3}, -1, 1, Padding::same},
                        {{1, 2}, {2, 3}, -1, {1, 2}, Padding::valid}, {{4, 3}, {3, 2}, {2, 1}, 1, Padding::valid},
                        {{3, 5}, {2, 3}, {0, 2}, 1, Padding::same},   {{3, 2}, 2, {1, 0}, {1, 3}, {1, 0, 2, 1}}};
  for (const Case& c : cases) {
    CAPTURE(c.padding.to_string());
    Bench plane(Conv2DTranspose<double>(3, c.size,
                                        {.strides = c.strides,
                                         .padding = c.padding,
                                         .output_padding = c.output_padding,
                                         .dilation_rate = c.dilation}),
                {{4, 3, 2}});
    const bool none = c.output_padding == Pair(-1);
    // along the depth one cell by one, but for the output_padding, which is of all axes or of none
    Bench volume(Conv3DTranspose<double>(
                     3, {1, c.size.height, c.size.width},
                     {.strides = {1, c.strides.height, c.strides.width},
                      .padding = Padding3D(0, 0, c.padding),
                      .output_padding = none ? Triple(-1) : Triple(0, c.output_padding.height, c.output_padding.width),
                      .dilation_rate = {1, c.dilation.height, c.dilation.width}}),
                 {{1, 4, 3, 2}});
    REQUIRE(volume.output == plane.output.with_batch(1));
    const Tensor<double> x = plane.normal({2, 4, 3, 2}), dy = plane.normal(plane.output.with_batch(2));
    const auto as = [](const Tensor<double>& values, const Shape& shape) {
      Tensor<double> other(shape);
      std::copy(values.begin(), values.end(), other.begin());
      return other;
    };
    volume.layer.kernel().set(as(plane.layer.kernel().value(), volume.layer.kernel().shape()));
    CHECK(difference(as(volume.forward(as(x, {2, 1, 4, 3, 2})), plane.output.with_batch(2)), plane.forward(x)) < 1e-12);
    CHECK(difference(as(volume.backward(as(dy, volume.output.with_batch(2))), x.shape()), plane.backward(dy)) < 1e-12);
    CHECK(difference(as(volume.layer.kernel().gradient, plane.layer.kernel().shape()), plane.layer.kernel().gradient) <
          1e-12);
  }
}

TEST_CASE("pools of volumes keep the contract") {
  check(MaxPool3D<double>(2), {{4, 2, 3, 2}}, {.refused = {{{4, 2, 3}}, {{1, 2, 3, 2}}}});
  check(MaxPool3D<double>({2, 1, 3}, {.strides = {1, 2, 2}, .padding = Padding::same}), {{3, 3, 4, 1}});
  check(AveragePool3D<double>(2), {{4, 2, 3, 2}}, {.refused = {{{4, 2, 3}}, {{1, 2, 3, 2}}}});
  check(AveragePool3D<double>({2, 1, 3}, {.strides = {1, 2, 2}, .padding = Padding::same}), {{3, 3, 4, 1}});
  check(AveragePool3D<double>(3, {.strides = 2, .padding = 1, .ceil_mode = true, .count_include_pad = true}),
        {{4, 4, 3, 1}});
  check(GlobalAveragePool3D<double>(), {{2, 3, 2, 2}}, {.refused = {{{4, 2, 3}}, {{0, 2, 3, 1}}}});
  check(GlobalMaxPool3D<double>({.keepdims = true}), {{2, 3, 2, 2}}, {.refused = {{{4, 2, 3}}, {{2, 0, 3, 1}}}});
  check(UpSampling3D<double>({1, 2, 3}), {{2, 3, 2, 2}}, {.refused = {{{4, 2, 3}}}});
}

TEST_CASE("pools of volumes are what their windows hold") {
  struct Case {
    Triple size;
    MaxPool3DOptions options;
    Index before[3];
  };
  const Case cases[] = {{2, {}, {0, 0, 0}},
                        {{3, 2, 1}, {.strides = {2, 1, 2}}, {0, 0, 0}},
                        {3, {.strides = 2, .padding = Padding::same}, {1, 1, 0}},
                        {{3, 2, 3}, {.strides = {1, 2, 2}, .padding = {1, 0, Padding(0, 1, 1, 1)}}, {1, 0, 1}}};
  const Shape in{5, 5, 4, 2};
  for (const Case& c : cases) {
    CAPTURE(c.size.to_string());
    Bench most(MaxPool3D<double>(c.size, c.options), {in});
    Bench mean(AveragePool3D<double>(c.size, {.strides = c.options.strides, .padding = c.options.padding}), {in});
    const Triple strides = most.layer.options().strides;
    const auto w = volumes_test::windows(in, most.output, c.size, strides, 1, c.before);
    const Tensor<double> x = most.normal(in.with_batch(2)), dy = most.normal(most.output.with_batch(2));
    const Shape out = most.output.with_batch(2);
    Tensor<double> largest(out, -1e9), sum(out), cells(out), winners(out, -1.0), d_most(x.shape()), d_mean(x.shape());
    for (Index n = 0; n < 2; ++n)
      w.each([&](Index o, Index, Index from) {
        for (Index i = 0; from >= 0 && i < 2; ++i) {
          const Index to = n * most.output.size() + o * 2 + i, at = n * in.size() + from * 2 + i;
          sum[to] += x[at];
          cells[to] += 1;
          if (x[at] > largest[to]) {
            largest[to] = x[at];
            winners[to] = static_cast<double>(at);
          }
        }
      });
    for (Index n = 0; n < 2; ++n)
      w.each([&](Index o, Index, Index from) {
        for (Index i = 0; from >= 0 && i < 2; ++i) {
          const Index to = n * most.output.size() + o * 2 + i, at = n * in.size() + from * 2 + i;
          d_mean[at] += dy[to] / cells[to];
          if (static_cast<Index>(winners[to]) == at) d_most[at] += dy[to];
        }
      });
    sum.array() /= cells.array();
    CHECK(difference(most.forward(x, true), largest) == 0);
    CHECK(difference(most.backward(dy), d_most) < 1e-12);
    CHECK(difference(mean.forward(x), sum) < 1e-12);
    CHECK(difference(mean.backward(dy), d_mean) < 1e-12);
  }
}

TEST_CASE("of equal values in a volume the first has the gradient") {
  Bench bench(MaxPool3D<float>(2), {{2, 2, 2, 1}});
  bench.forward(Tensor<float>({1, 2, 2, 2, 1}, {1, 0, 5, 2, 5, 5, 5, 5}), true);
  CHECK(bench.y[0] == 5);
  bench.backward(Tensor<float>({1, 1, 1, 1, 1}, {3}));
  CHECK(bench.dx[0] == Tensor<float>({1, 2, 2, 2, 1}, {0, 0, 3, 0, 0, 0, 0, 0}));
}

TEST_CASE("global pools and enlarging of volumes") {
  const Tensor<float> x({1, 2, 1, 2, 1}, {1, 2, 3, 6});
  Bench mean(GlobalAveragePool3D<float>(), {{2, 1, 2, 1}});
  CHECK(mean.forward(x) == Tensor<float>({1, 1}, {3}));
  CHECK(mean.backward(Tensor<float>({1, 1}, {4})) == Tensor<float>(x.shape(), {1, 1, 1, 1}));
  Bench most(GlobalMaxPool3D<float>({.keepdims = true}), {{2, 1, 2, 1}});
  CHECK(most.output == Shape{1, 1, 1, 1});
  CHECK(most.forward(x)[0] == 6);
  Bench more(UpSampling3D<float>({1, 2, 2}), {{2, 1, 2, 1}});
  CHECK(more.output == Shape{2, 2, 4, 1});
  CHECK(more.forward(x) == Tensor<float>({1, 2, 2, 4, 1}, {1, 1, 2, 2, 1, 1, 2, 2, 3, 3, 6, 6, 3, 3, 6, 6}));
  more.backward(more.y);
  CHECK(more.dx[0] == Tensor<float>(x.shape(), {4, 8, 12, 24}));
}

TEST_CASE("layers of volumes say what is wrong") {
  const std::vector<Shape> image{{4, 4, 2}}, flat{{1, 4, 4, 2}}, odd{{4, 4, 4, 3}};
  CHECK_THROWS_WITH_AS(Conv3D(2, 3).output_shape(image),
                       "[Conv3D] expected an input of rank 4 beside the batch, got rank 3, shape (4, 4, 2)",
                       ShapeError);
  CHECK_THROWS_WITH_AS(Conv3D(2, 2, {.groups = 2}).output_shape(odd),
                       "[Conv3D] expected channels divisible by groups, 2, got (4, 4, 4, 3)", ShapeError);
  CHECK_THROWS_AS(Conv3D(2, 3).output_shape(flat), ShapeError);
  CHECK_THROWS_WITH_AS(Conv3D(3, 1, {.groups = 2}), "[Conv3D] expected filters divisible by groups, 2, got 3",
                       ConfigError);
  CHECK_THROWS_WITH_AS(Conv3D(2, {1, 0, 1}), "[Conv3D] expected kernel_size of 1 or more, got 0", ConfigError);
  CHECK_THROWS_WITH_AS(MaxPool3D(2, {.padding = 2}),
                       "[MaxPooling3D] expected padding smaller than the pool (2, 2, 2), got (2, 2), (2, 2, 2, 2) (a "
                       "window must hold at least one cell of the volume)",
                       ConfigError);
  CHECK_THROWS_WITH_AS(make_layer("Conv3D", {{"filters", Index{1}}, {"kernel_size", std::vector<Index>{2, 2}}}),
                       "[option kernel_size] expected an integer or three, got 2 integers", ConfigError);
  CHECK_THROWS_WITH_AS(make_layer("MaxPooling3D", {{"padding", std::vector<Index>{1, 1, 1, 1}}}),
                       "[option padding] expected six integers, got 4 integers", ConfigError);
}
