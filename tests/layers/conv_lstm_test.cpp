/// ConvLSTM1D, 2D and 3D; their numbers stand in tests/golden/more_layers_golden_test.cpp.

#include <keel/layers/conv_lstm1d.hpp>
#include <keel/layers/conv_lstm2d.hpp>
#include <keel/layers/conv_lstm3d.hpp>
#include <keel/layers/lstm.hpp>

#include "layer_testing.hpp"

using namespace keel_test;

TEST_CASE("convolving long short-term memories keep the contract") {
  check(ConvLSTM1D<double>(2, 2), {{3, 4, 2}},
        {.refused = {{{4, 2}}, {{0, 4, 2}}, {{3, 1, 2}}, {{3, 4, 2}, {3, 4, 2}}}});
  check(ConvLSTM1D<double>(2, 3,
                           {.strides = 2,
                            .padding = Padding1D::same,
                            .activation = Activation::silu,
                            .return_sequences = true,
                            .go_backwards = true}),
        {{2, 5, 3}});
  check(ConvLSTM2D<double>(2, {2, 1}, {.padding = Padding::same, .return_sequences = true}), {{3, 3, 2, 2}},
        {.refused = {{{3, 3, 2}}, {{0, 3, 2, 2}}}});
  check(ConvLSTM2D<double>(1, 2,
                           {.dilation_rate = {1, 2},
                            .recurrent_activation = Activation::hard_sigmoid_keras2,
                            .use_bias = false,
                            .go_backwards = true}),
        {{2, 3, 4, 1}});
  check(ConvLSTM3D<double>(1, {1, 2, 2}, {.padding = {1, 0, Padding(0)}, .activation = Activation::relu}),
        {{2, 2, 2, 3, 2}}, {.refused = {{{2, 2, 3, 2}}}});
}

TEST_CASE("a ConvLSTM whose maps have one place is an LSTM") {
  for (const bool sequences : {false, true})
    for (const bool backwards : {false, true}) {
      Bench maps(ConvLSTM1D<double>(4, 1, {.return_sequences = sequences, .go_backwards = backwards}), {{5, 1, 3}});
      Bench rows(LSTM<double>(4, {.return_sequences = sequences, .go_backwards = backwards}), {{5, 3}});
      const auto as = [](const Tensor<double>& values, const Shape& shape) {
        Tensor<double> other(shape);
        std::copy(values.begin(), values.end(), other.begin());
        return other;
      };
      const auto list = maps.layer.parameters(), other = rows.layer.parameters();
      REQUIRE(list.size() == other.size());
      for (std::size_t i = 0; i < list.size(); ++i) {
        CHECK(list[i]->name() == other[i]->name());
        list[i]->set(as(other[i]->value(), list[i]->shape()));
      }
      const Tensor<double> x = rows.normal({2, 5, 3}), dy = rows.normal(rows.output.with_batch(2));
      CHECK(difference(as(maps.forward(as(x, {2, 5, 1, 3})), dy.shape()), rows.forward(x)) < 1e-12);
      CHECK(difference(as(maps.backward(as(dy, maps.output.with_batch(2))), x.shape()), rows.backward(dy)) < 1e-12);
      for (std::size_t i = 0; i < list.size(); ++i)
        CHECK(difference(as(list[i]->gradient, other[i]->shape()), other[i]->gradient) < 1e-12);
    }
}

TEST_CASE("a ConvLSTM begins with an open forget gate and says its own name in errors") {
  ConvLSTM2D<float> layer(2, 3);
  const std::vector<Shape> shapes{{2, 4, 4, 1}};
  Rng rng(3);
  layer.build(shapes, rng);
  const auto parameters = layer.parameters();
  REQUIRE(parameters.size() == 3);
  CHECK(parameters[0]->shape() == Shape{3, 3, 1, 8});
  CHECK(parameters[1]->shape() == Shape{3, 3, 2, 8});
  for (Index i = 0; i < 8; ++i) CHECK(parameters[2]->value()[i] == (i == 2 || i == 3 ? 1.0f : 0.0f));
  CHECK(layer.multiply_adds(shapes) == 2 * (2 * 2 * 9 * 8 + 2 * 2 * 9 * 2 * 8));

  const auto made = [](Index filters, Pair size, Pair strides) {
    return ConvLSTM2D<float>(filters, size, {.strides = strides, .name = "memory"});
  };
  CHECK_THROWS_WITH_AS(made(0, 3, 1), "[memory (ConvLSTM2D)] expected filters of 1 or more, got 0", ConfigError);
  CHECK_THROWS_WITH_AS(made(2, 0, 1), "[memory (ConvLSTM2D)] expected kernel_size of 1 or more, got 0", ConfigError);
  CHECK_THROWS_WITH_AS(made(2, 3, 0), "[memory (ConvLSTM2D)] expected strides of 1 or more, got 0", ConfigError);
  CHECK_THROWS_WITH_AS(ConvLSTM1D(2, 3, {.padding = Padding1D::causal}),
                       "[ConvLSTM1D] expected padding same, valid or in numbers, got \"causal\"", ConfigError);
  const std::vector<Shape> low{{2, 2, 4, 1}}, wide{{2, 4, 4, 3}}, flat{{4, 4, 1}};
  CHECK_THROWS_WITH_AS(made(2, 3, 1).output_shape(low),
                       doctest::Contains("[memory (ConvLSTM2D)] expected an input whose height holds the window of 3"),
                       ShapeError);
  CHECK_THROWS_WITH_AS(
      made(2, 3, 1).output_shape(flat),
      doctest::Contains("[memory (ConvLSTM2D)] expected an input of rank 4 beside the batch, got rank 3"), ShapeError);
  CHECK_THROWS_WITH_AS(layer.output_shape(wide),
                       doctest::Contains("[ConvLSTM2D] expected channels that fit the kernel (3, 3, 1, 8)"),
                       ShapeError);
}
