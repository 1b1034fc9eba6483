/// The layers of sequences: each is the layer of images on an image of one row.

#include <keel/layers/registry.hpp>

#include "layer_testing.hpp"

using namespace keel_test;

namespace {

/// The image of one row that is the sequence.
template <class T>
Tensor<T> image(const Tensor<T>& x) {
  Tensor<T> y(Shape{x.shape()[0], 1, x.shape()[1], x.shape()[2]});
  std::copy(x.begin(), x.end(), y.begin());
  return y;
}
template <class T>
Tensor<T> sequence(const Tensor<T>& x) {
  Tensor<T> y(Shape{x.shape()[0], x.shape()[2], x.shape()[3]});
  std::copy(x.begin(), x.end(), y.begin());
  return y;
}

/// y, dx and gradients of a layer of sequences and of one of images with the same weights, bit for bit.
template <class One, class Two>
void same_as_image(One one, Two two, const Shape& shape) {
  Bench<One> a(std::move(one), {shape});
  Bench<Two> b(std::move(two), {Shape{1, shape[0], shape[1]}});
  const auto mine = a.layer.parameters(), theirs = b.layer.parameters();
  REQUIRE(mine.size() == theirs.size());
  for (std::size_t i = 0; i < mine.size(); ++i) {
    REQUIRE(mine[i]->size() == theirs[i]->size());
    CHECK(mine[i]->name() == theirs[i]->name());
    CHECK(std::equal(mine[i]->value().begin(), mine[i]->value().end(), theirs[i]->value().begin()));  // drawn alike
  }
  const Tensor<float> x = a.normal(shape.with_batch(3));
  a.forward(x, true);
  b.forward(image(x), true);
  CHECK(a.y.shape().rank() == (b.y.shape().rank() == 4 ? 3 : b.y.shape().rank()));
  CHECK(std::equal(a.y.begin(), a.y.end(), b.y.begin(), b.y.end()));
  const Tensor<float> dy = a.normal(a.y.shape());
  Tensor<float> dy2(b.y.shape());
  std::copy(dy.begin(), dy.end(), dy2.begin());
  CHECK(a.backward(dy) == sequence(b.backward(dy2)));
  for (std::size_t i = 0; i < mine.size(); ++i)
    CHECK(std::equal(mine[i]->gradient.begin(), mine[i]->gradient.end(), theirs[i]->gradient.begin()));
}

const Shape steps{9, 4};

}  // namespace

TEST_CASE("layers of sequences keep the contract") {
  const std::vector<std::vector<Shape>> others{{{4}}, {{3, 3, 4}}};
  check(Conv1D<double>(3, 2), {{5, 2}}, {.refused = others});
  check(Conv1D<double>(4, 3, {.strides = 2, .padding = Padding1D::same, .groups = 2, .activation = Activation::tanh}),
        {{6, 2}});
  check(Conv1D<double>(2, 3, {.padding = Padding1D::causal, .dilation_rate = 2, .use_bias = false}), {{4, 2}});
  check(DepthwiseConv1D<double>(3, {.padding = {1, 0}, .depth_multiplier = 2}), {{5, 2}}, {.refused = others});
  check(SeparableConv1D<double>(3, 2, {.padding = Padding1D::causal, .activation = Activation::gelu}), {{5, 2}},
        {.refused = others});
  check(Conv1DTranspose<double>(3, 3, {.strides = 2, .padding = Padding1D::same}), {{4, 2}}, {.refused = others});
  check(Conv1DTranspose<double>(3, 3, {.strides = 2, .padding = 1, .output_padding = 1}), {{4, 2}});
  check(MaxPool1D<double>(), {{6, 2}}, {.refused = others});
  check(AveragePool1D<double>(3, {.strides = 2, .padding = Padding1D::same}), {{6, 2}}, {.refused = others});
  check(GlobalAveragePool1D<double>(), {{6, 2}}, {.refused = others});
  check(GlobalMaxPool1D<double>({.keepdims = true}), {{6, 2}}, {.refused = others});
  check(ZeroPadding1D<double>({1, 2}), {{3, 2}}, {.refused = others});
  check(ZeroPadding3D<double>({1, 0, 0, 2, 1, 1}), {{2, 3, 2, 2}}, {.refused = others});
  check(Cropping1D<double>({1, 2}), {{5, 2}}, {.refused = {{{4}}, {{3, 2}}}});
  check(Cropping2D<double>({1, 0, 0, 2}), {{3, 4, 2}}, {.refused = {{{4, 3}}, {{3, 2, 1}}}});
  check(Cropping3D<double>({0, 1, 1, 0, 1, 1}), {{2, 3, 4, 2}}, {.refused = {{{3, 3, 4}}}});
  check(UpSampling1D<double>(3), {{3, 2}}, {.refused = others});
  check(RepeatVector<double>(3), {{4}}, {.refused = {{{2, 3}}}});
  check(Permute<double>({2, 1}), {{3, 4}}, {.refused = {{{4}}}});
  check(Permute<double>({3, 1, 2}), {{2, 3, 4}});
  check(SpatialDropout3D<double>(0.4), {{2, 3, 2, 3}}, {.refused = {{{2, 3, 2}}}});
}

TEST_CASE("a layer of sequences is that of images of one row, to the last bit") {
  for (const Index stride : {1, 2})
    for (const Padding1D& padding : {Padding1D::valid, Padding1D::same, Padding1D(2, 1)}) {
      const Padding around = padding.image(3);
      const Pair strides{1, stride};
      same_as_image(Conv1D(6, 3, {.strides = stride, .padding = padding, .activation = Activation::tanh}),
                    Conv2D(6, {1, 3}, {.strides = strides, .padding = around, .activation = Activation::tanh}), steps);
      same_as_image(DepthwiseConv1D(3, {.strides = stride, .padding = padding, .depth_multiplier = 2}),
                    DepthwiseConv2D({1, 3}, {.strides = strides, .padding = around, .depth_multiplier = 2}), steps);
      same_as_image(SeparableConv1D(5, 3, {.strides = stride, .padding = padding}),
                    SeparableConv2D(5, {1, 3}, {.strides = strides, .padding = around}), steps);
      same_as_image(Conv1DTranspose(5, 3, {.strides = stride, .padding = padding}),
                    Conv2DTranspose(5, {1, 3}, {.strides = strides, .padding = around}), steps);
      for (const bool ceil : {false, true}) {
        same_as_image(MaxPool1D(3, {.strides = stride, .padding = padding, .ceil_mode = ceil}),
                      MaxPool2D({1, 3}, {.strides = strides, .padding = around, .ceil_mode = ceil}), steps);
        for (const bool all : {false, true})
          same_as_image(
              AveragePool1D(3, {.strides = stride, .padding = padding, .ceil_mode = ceil, .count_include_pad = all}),
              AveragePool2D({1, 3},
                            {.strides = strides, .padding = around, .ceil_mode = ceil, .count_include_pad = all}),
              steps);
      }
    }
  for (const bool keep : {false, true}) {
    same_as_image(GlobalAveragePool1D({.keepdims = keep}), GlobalAveragePool2D({.keepdims = keep}), steps);
    same_as_image(GlobalMaxPool1D({.keepdims = keep}), GlobalMaxPool2D({.keepdims = keep}), steps);
  }
  same_as_image(UpSampling1D(3), UpSampling2D({1, 3}), steps);
  same_as_image(ZeroPadding1D({1, 2}), ZeroPadding2D({0, 0, 1, 2}), steps);
  same_as_image(Cropping1D({1, 2}), Cropping2D({0, 0, 1, 2}), steps);
}

TEST_CASE("causal padding sees no later step") {
  for (const Index dilation : {1, 3}) {
    Bench causal(Conv1D(3, 3, {.padding = Padding1D::causal, .dilation_rate = dilation}), {steps});
    CHECK(causal.output == Shape{9, 3});
    Tensor<float> x = causal.normal({1, 9, 4});
    const Tensor<float> before = causal.forward(x);
    for (Index c = 0; c < 4; ++c) x[5 * 4 + c] = 7;
    const Tensor<float> after = causal.forward(x);
    for (Index i = 0; i < 5 * 3; ++i) CHECK(before[i] == after[i]);
    CHECK(before[5 * 3] != after[5 * 3]);
  }
  // with a kernel of (1, 10, 100) step t is x[t - 2] + 10 x[t - 1] + 100 x[t]
  Bench one(Conv1D(1, 3, {.padding = Padding1D::causal, .use_bias = false}), {{3, 1}});
  one.layer.kernel().set(Tensor<float>({3, 1, 1}, {1, 10, 100}));
  CHECK(one.forward(Tensor<float>({1, 3, 1}, {1, 2, 3})) == Tensor<float>({1, 3, 1}, {100, 210, 321}));
}

TEST_CASE("weights of layers of sequences have the shapes of Keras") {
  const auto shapes = [](auto layer) {
    Bench bench(std::move(layer), {{9, 4}});
    std::vector<Shape> all;
    for (const Parameter<float>* parameter : bench.layer.parameters()) all.push_back(parameter->shape());
    return all;
  };
  CHECK(shapes(Conv1D(6, 3, {.groups = 2})) == std::vector<Shape>{{3, 2, 6}, {6}});
  CHECK(shapes(DepthwiseConv1D(3, {.depth_multiplier = 2})) == std::vector<Shape>{{3, 4, 2}, {8}});
  CHECK(shapes(SeparableConv1D(5, 3, {.depth_multiplier = 2})) == std::vector<Shape>{{3, 4, 2}, {1, 8, 5}, {5}});
  CHECK(shapes(Conv1DTranspose(5, 3)) == std::vector<Shape>{{3, 5, 4}, {5}});
}

TEST_CASE("edges are added and cut off axis by axis, also of volumes") {
  Bench pad(ZeroPadding3D({1, 0, 0, 1, 1, 0}), {{1, 1, 2, 1}});
  CHECK(pad.output == Shape{2, 2, 3, 1});
  CHECK(pad.forward(Tensor<float>({1, 1, 1, 2, 1}, {5, 6})) ==
        Tensor<float>({1, 2, 2, 3, 1}, {0, 0, 0, 0, 0, 0, 0, 5, 6, 0, 0, 0}));
  Bench crop(Cropping3D({1, 0, 0, 1, 1, 0}), {{2, 2, 3, 1}});
  CHECK(crop.forward(Tensor<float>({1, 2, 2, 3, 1}, {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12})) ==
        Tensor<float>({1, 1, 1, 2, 1}, {8, 9}));
  CHECK(crop.backward(Tensor<float>({1, 1, 1, 2, 1}, {5, 6})) ==
        Tensor<float>({1, 2, 2, 3, 1}, {0, 0, 0, 0, 0, 0, 0, 5, 6, 0, 0, 0}));
  CHECK(Bench(ZeroPadding1D(), {{3, 2}}).output == Shape{5, 2});
  CHECK(Bench(Cropping1D(), {{3, 2}}).output == Shape{1, 2});
  CHECK(Bench(Cropping2D(), {{3, 2, 2}}).output == Shape{3, 2, 2});
}

TEST_CASE("RepeatVector and Permute move values") {
  Bench repeat(RepeatVector(2), {{2}});
  CHECK(repeat.forward(Tensor<float>({2, 2}, {1, 2, 3, 4})) == Tensor<float>({2, 2, 2}, {1, 2, 1, 2, 3, 4, 3, 4}));
  CHECK(repeat.backward(Tensor<float>({2, 2, 2}, {1, 2, 3, 4, 5, 6, 7, 8})) == Tensor<float>({2, 2}, {4, 6, 12, 14}));
  Bench permute(Permute({3, 1, 2}), {{1, 2, 3}});
  CHECK(permute.forward(Tensor<float>({1, 1, 2, 3}, {1, 2, 3, 4, 5, 6})) ==
        Tensor<float>({1, 3, 1, 2}, {1, 4, 2, 5, 3, 6}));
  CHECK(permute.backward(Tensor<float>({1, 3, 1, 2}, {1, 4, 2, 5, 3, 6})) ==
        Tensor<float>({1, 1, 2, 3}, {1, 2, 3, 4, 5, 6}));
}

TEST_CASE("layers of sequences say what is wrong by their own name") {
  CHECK_THROWS_WITH_AS(Conv1D(0, 3), "[Conv1D] expected filters of 1 or more, got 0", ConfigError);
  CHECK_THROWS_WITH_AS(Conv1D(3, 0, {.name = "c"}), "[c (Conv1D)] expected kernel_size of 1 or more, got 0",
                       ConfigError);
  CHECK_THROWS_WITH_AS(Conv1D(3, 2, {.groups = 2}), "[Conv1D] expected filters divisible by groups, 2, got 3",
                       ConfigError);
  CHECK_THROWS_WITH_AS(DepthwiseConv1D(3, {.depth_multiplier = 0}),
                       "[DepthwiseConv1D] expected depth_multiplier of 1 or more, got 0", ConfigError);
  CHECK_THROWS_WITH_AS(SeparableConv1D(0, 3), "[SeparableConv1D] expected filters of 1 or more, got 0", ConfigError);
  CHECK_THROWS_WITH_AS(Conv1DTranspose(3, 2, {.strides = 0}), "[Conv1DTranspose] expected strides of 1 or more, got 0",
                       ConfigError);
  CHECK_THROWS_WITH_AS(Conv1DTranspose(3, 2, {.padding = Padding1D::causal}),
                       "[Conv1DTranspose] expected padding same, valid or in numbers, got \"causal\"", ConfigError);
  CHECK_THROWS_WITH_AS(MaxPool1D(2, {.padding = Padding1D::causal, .name = "m"}),
                       "[m (MaxPooling1D)] expected padding same, valid or in numbers, got \"causal\"", ConfigError);
  CHECK_THROWS_WITH_AS(AveragePool1D(2, {.padding = 2}),
                       doctest::Contains("[AveragePooling1D] expected padding smaller than the pool"), ConfigError);
  CHECK_THROWS_WITH_AS(UpSampling1D(0), "[UpSampling1D] expected size of 1 or more, got 0", ConfigError);
  CHECK_THROWS_WITH_AS(ZeroPadding1D(-1), "[ZeroPadding1D] expected padding of 0 or more, got -1", ConfigError);
  CHECK_THROWS_WITH_AS(Cropping2D(std::vector<Index>{1}),
                       "[Cropping2D] expected top, bottom, left, right, got 1 integers", ConfigError);
  CHECK_THROWS_WITH_AS(RepeatVector(0), "[RepeatVector] expected n of 1 or more, got 0", ConfigError);
  CHECK_THROWS_WITH_AS(Permute({1, 1}), "[Permute] expected dims with each axis once, counted from 1, got (1, 1)",
                       ConfigError);
  const std::vector<Shape> image{{4, 4, 2}}, short_one{{1, 2}};
  CHECK_THROWS_WITH_AS(Conv1D(2, 3).output_shape(image),
                       "[Conv1D] expected an input of rank 2 beside the batch, got rank 3, shape (4, 4, 2) (sequences "
                       "are (steps, channels))",
                       ShapeError);
  CHECK_THROWS_WITH_AS(Cropping1D(1).output_shape(short_one),
                       "[Cropping1D] expected an input larger than what is cut off, got (1, 2)", ShapeError);
  CHECK_THROWS_AS(
      make_layer("Conv1D", {{"filters", Index{2}}, {"kernel_size", Index{2}}, {"padding", std::string("reflect")}}),
      ConfigError);
}
