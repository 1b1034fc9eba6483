#include <keel/layers/registry.hpp>

#include "layer_testing.hpp"

using namespace keel_test;

TEST_CASE("TimeDistributed keeps the contract with layers of every kind") {
  check(TimeDistributed<double>(Dense<double>(2, {.activation = Activation::tanh})), {{3, 4}},
        {.refused = {{Shape{}}, {{4}}, {{3, 4}, {3, 4}}}});
  check(TimeDistributed<double>(Conv2D<double>(2, 2, {.padding = Padding::same})), {{2, 3, 3, 1}},
        {.refused = {{{3, 3, 1}}}});
  check(TimeDistributed<double>(MaxPool2D<double>(2)), {{2, 4, 2, 2}});
  check(TimeDistributed<double>(Flatten<double>()), {{3, 2, 2}});
  check(TimeDistributed<double>(LayerNorm<double>()), {{2, 4}});
}

TEST_CASE("TimeDistributed is the layer on every step") {
  Bench bench(TimeDistributed<double>(Conv2D<double>(3, 2)), {{4, 3, 3, 2}});
  CHECK(bench.output == Shape{4, 2, 2, 3});
  CHECK(bench.layer.parameters().size() == 2);
  CHECK(bench.layer.parameters()[0]->name() == "kernel");
  const Tensor<double> x = bench.normal({2, 4, 3, 3, 2}), dy = bench.normal({2, 4, 2, 2, 3});
  bench.forward(x);
  bench.backward(dy);
  Bench one(Conv2D<double>(3, 2), {{3, 3, 2}});
  one.layer.kernel().set(bench.layer.parameters()[0]->value());
  Tensor<double> dk(one.layer.kernel().shape());
  for (Index n = 0; n < 2; ++n)
    for (Index step = 0; step < 4; ++step) {
      const auto at = [&](const Tensor<double>& all) {
        const Tensor<double> sample = all.rows(n, 1).reshaped(all.shape().sample());
        return Tensor<double>(sample.rows(step, 1));
      };
      CHECK(difference(one.forward(at(x)), at(bench.y)) < 1e-13);
      CHECK(difference(one.backward(at(dy)), at(bench.dx[0])) < 1e-13);
      dk.array() += one.layer.kernel().gradient.array();
    }
  CHECK(difference(bench.layer.parameters()[0]->gradient, dk) < 1e-12);
}

TEST_CASE("statistics inside TimeDistributed are of all samples and steps, and stay where it is frozen") {
  Bench bench(TimeDistributed<double>(BatchNorm<double>()), {{3, 2}});
  Bench flat(BatchNorm<double>(), {{2}});
  const Tensor<double> x = bench.normal({2, 3, 2});
  CHECK(bench.forward(x, true).reshaped({6, 2}) == flat.forward(Tensor<double>(x.reshaped({6, 2})), true));
  bench.finish();
  flat.finish();
  CHECK(bench.layer.parameters()[2]->value() == flat.layer.parameters()[2]->value());
  bench.layer.freeze(Freeze::layer);
  const Tensor<double> before = bench.layer.parameters()[2]->value();
  bench.forward(x, true);
  bench.finish();
  CHECK(bench.layer.parameters()[2]->value() == before);
}

TEST_CASE("TimeDistributed is made again from its options, and says what is wrong") {
  const TimeDistributed<float> layer(Conv2D<float>(4, 3, {.strides = 2}), {.name = "frames"});
  const AnyLayer<float> again = make_layer("TimeDistributed", [&] {
    Config config = layer.config();
    config.set("name", std::string("frames"));
    return config;
  }());
  CHECK(again->config() == layer.config());
  CHECK(again->name() == "frames");
  CHECK(layer.config().get<std::string>("layer", "") == "Conv2D");
  CHECK_THROWS_WITH_AS(TimeDistributed<float>(LSTM<float>(2)),
                       "[TimeDistributed] expected a layer that takes one step alone, got LSTM", ConfigError);
  CHECK_THROWS_WITH_AS(TimeDistributed<float>(TimeDistributed<float>(Dense<float>(2)), {.name = "outer"}),
                       "[outer (TimeDistributed)] expected a layer that takes one step alone, got TimeDistributed",
                       ConfigError);
  CHECK_THROWS_AS(make_layer("TimeDistributed", {}), ConfigError);
  const std::vector<Shape> scalar{Shape{}};
  CHECK_THROWS_WITH_AS(layer.output_shape(scalar),
                       "[frames (TimeDistributed)] expected an input with an axis of steps, got ()", ShapeError);
}
