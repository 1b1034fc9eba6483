#include <keel/layers/batch_norm.hpp>

#include "layer_testing.hpp"

using namespace keel_test;

namespace {

/// The formulas of the doc comment, in double and in the simplest order.
struct Reference {
  std::vector<double> mean, variance;
  Reference(const Tensor<double>& x) {
    const Index channels = x.shape().back(), rows = x.size() / channels;
    for (Index c = 0; c < channels; ++c) {
      double m = 0, v = 0;
      for (Index i = 0; i < rows; ++i) m += x[i * channels + c] / static_cast<double>(rows);
      for (Index i = 0; i < rows; ++i) v += std::pow(x[i * channels + c] - m, 2) / static_cast<double>(rows);
      mean.push_back(m), variance.push_back(v);
    }
  }
};

}  // namespace

TEST_CASE("BatchNorm keeps the contract") {
  check(BatchNorm<double>(), {{3}}, {.refused = {{Shape{}}}});
  check(BatchNorm<double>(), {{4, 3, 2}});
  check(BatchNorm<double>({.scale = false}), {{5, 2}});
  check(BatchNorm<double>({.center = false}), {{5, 2}});
  check(BatchNorm<double>({.center = false, .scale = false}), {{5, 2}});
  check(BatchNorm<double>(BatchNormOptions::torch()), {{1, 1, 2}}, {.batch = 2});
  check(BatchNorm<double>(), {{4, 4, 2}}, {.batch = 1});
  check(BatchNorm<double>(), {{3, 3, 2}}, {.tolerance = 1e-5, .mean = 100});
}

TEST_CASE("BatchNorm works along any axis as along the last of a transposed input") {
  check(BatchNorm<double>({.axis = 1}), {{3, 4, 2}}, {.refused = {{Shape{}}}});
  check(BatchNorm<double>({.axis = -2, .center = false}), {{4, 2}}, {.refused = {{{2}}}});
  for (const Index axis : {1, 2, 3, -3, -2, -1}) {
    CAPTURE(axis);
    const Index at = axis > 0 ? axis : axis + 4, extent = Shape{2, 3, 4, 5}[at];
    Bench<BatchNorm<double>> any(BatchNorm<double>({.axis = axis, .momentum = 0.5}), {{3, 4, 5}});
    Bench<BatchNorm<double>> last(BatchNorm<double>({.momentum = 0.5}), {{60 / extent, extent}});
    CHECK(any.layer.moving_mean().shape() == Shape{extent});
    const Tensor<double> gamma = any.normal({extent}), beta = any.normal({extent});
    for (auto* layer : {&any.layer, &last.layer}) {
      layer->gamma().set(gamma);
      layer->beta().set(beta);
    }
    // value by value: the axis moved to the end, the others in their order
    const auto moved = [&](const Tensor<double>& from) {
      Tensor<double> to({2, 60 / extent, extent});
      std::vector<Index> next(static_cast<std::size_t>(extent), 0);
      for (Index i = 0; i < from.size(); ++i) {
        Index inner = 1;
        for (Index a = at + 1; a < 4; ++a) inner *= from.shape()[a];
        const Index e = i / inner % extent;
        to[next[static_cast<std::size_t>(e)]++ * extent + e] = from[i];
      }
      return to;
    };
    const Tensor<double> x = any.normal({2, 3, 4, 5}), dy = any.normal({2, 3, 4, 5});
    for (const bool training : {true, false}) {
      any.forward(x, training);
      last.forward(moved(x), training);
      CHECK(difference(moved(any.y), last.y) < 1e-14);
      any.backward(dy);
      last.backward(moved(dy));
      CHECK(difference(moved(any.dx[0]), last.dx[0]) < 1e-14);
      CHECK(difference(any.layer.gamma().gradient, last.layer.gamma().gradient) < 1e-13);
      CHECK(difference(any.layer.beta().gradient, last.layer.beta().gradient) < 1e-13);
      any.finish();
      last.finish();
      CHECK(difference(any.layer.moving_mean().value(), last.layer.moving_mean().value()) < 1e-15);
      CHECK(difference(any.layer.moving_variance().value(), last.layer.moving_variance().value()) < 1e-15);
    }
  }
  CHECK_THROWS_WITH_AS(BatchNorm({.axis = 0}), "[BatchNormalization] expected an axis other than the batch's, got 0",
                       ConfigError);
  const std::vector<Shape> image{{3, 4, 5}};
  CHECK_THROWS_AS(BatchNorm({.axis = 4}).output_shape(image), ShapeError);
  BatchNorm layer({.axis = 2});
  Rng rng;
  layer.build(image, rng);
  const std::vector<Shape> other{{4, 3, 5}};
  CHECK_THROWS_WITH_AS(layer.output_shape(other), "[BatchNormalization] expected 4 channels, got (4, 3, 5)",
                       ShapeError);
}

TEST_CASE("BatchNorm normalises with the batch and updates the moving statistics afterwards") {
  Bench<BatchNorm<double>> bench(BatchNorm<double>({.momentum = 0.15, .epsilon = 0}), {{2}});
  bench.layer.gamma().set(Tensor<double>({2}, {1, 10}));
  bench.layer.beta().set(Tensor<double>({2}, {0, 5}));
  // means 2 and 0, biased variances 1 and 4
  CHECK(bench.forward(Tensor<double>({2, 2}, {1, 2, 3, -2}), true) == Tensor<double>({2, 2}, {-1, 15, 1, -5}));
  CHECK(bench.layer.moving_mean().value() == Tensor<double>({2}, {0, 0}));
  bench.finish();
  CHECK(difference(bench.layer.moving_mean().value(), Tensor<double>({2}, {1.7, 0})) < 1e-15);
  CHECK(difference(bench.layer.moving_variance().value(), Tensor<double>({2}, {1, 0.15 + 0.85 * 4})) < 1e-15);
  CHECK(bench.layer.counters()[0]->value == 1);
  bench.forward(Tensor<double>({1, 2}, {1.7, 1}));
  CHECK(bench.y[0] == doctest::Approx(0));
  CHECK(bench.y[1] == doctest::Approx(5 + 10 / std::sqrt(3.55)));
  bench.finish();
  CHECK(bench.layer.counters()[0]->value == 1);
}

TEST_CASE("BatchNorm's moving variance is biased as in Keras or unbiased as in PyTorch") {
  const Tensor<double> x({2, 1}, {1, 3});
  Bench<BatchNorm<double>> keras(BatchNorm<double>(BatchNormOptions::keras()), {{1}});
  keras.forward(x, true), keras.finish();
  CHECK(keras.layer.moving_variance().value()[0] == doctest::Approx(0.99 + 0.01 * 1));
  Bench<BatchNorm<double>> torch(BatchNorm<double>(BatchNormOptions::torch()), {{1}});
  torch.forward(x, true), torch.finish();
  CHECK(torch.layer.moving_variance().value()[0] == doctest::Approx(0.9 + 0.1 * 2));
  CHECK(torch.layer.moving_mean().value()[0] == doctest::Approx(0.2));
  CHECK(keras.layer.options().epsilon == 1e-3);
  CHECK(torch.layer.options().epsilon == 1e-5);
}

TEST_CASE("BatchNorm's cumulative average is the mean over all batches") {
  Bench<BatchNorm<double>> bench(BatchNorm<double>({.cumulative = true}), {{1}});
  for (const double mean : {1.0, 5.0, 12.0})
    bench.forward(Tensor<double>({2, 1}, {mean - 1, mean + 1}), true), bench.finish();
  CHECK(bench.layer.moving_mean().value()[0] == doctest::Approx(6));
  CHECK(bench.layer.moving_variance().value()[0] == doctest::Approx(1));
}

TEST_CASE("BatchNorm agrees with its formulas, at a large mean too") {
  for (const Shape& shape : {Shape{2, 1, 1, 5}, Shape{1, 4, 4, 3}, Shape{3, 5, 7, 9}, Shape{6, 2}})
    for (const double mean : {0.0, 1e4}) {
      Bench<BatchNorm<double>> bench(BatchNorm<double>(), {shape.sample()});
      Tensor<double> x = bench.normal(shape);
      for (double& value : x) value += mean;
      const Reference want(x);
      const Index channels = shape.back(), rows = x.size() / channels;
      const auto factor = [&](Index c) { return 1 / std::sqrt(want.variance[static_cast<std::size_t>(c)] + 1e-3); };
      bench.forward(x, true);
      Tensor<double> normalised(shape), dx(shape), dgamma({channels}), dbeta({channels});
      for (Index i = 0; i < x.size(); ++i)
        normalised[i] = (x[i] - want.mean[static_cast<std::size_t>(i % channels)]) * factor(i % channels);
      CHECK(difference(bench.y, normalised) < 1e-10);
      const Tensor<double> dy = bench.normal(shape);
      for (Index i = 0; i < x.size(); ++i) {
        dbeta[i % channels] += dy[i];
        dgamma[i % channels] += dy[i] * normalised[i];
      }
      for (Index i = 0; i < x.size(); ++i)
        dx[i] = factor(i % channels) *
                (dy[i] - (dbeta[i % channels] + normalised[i] * dgamma[i % channels]) / static_cast<double>(rows));
      CHECK(difference(bench.backward(dy), dx) < 1e-9);
      CHECK(difference(bench.layer.gamma().gradient, dgamma) < 1e-9);
      CHECK(difference(bench.layer.beta().gradient, dbeta) < 1e-10);

      Bench<BatchNorm<float>> single(BatchNorm<float>(), {shape.sample()});
      const Tensor<float> x_float = x.cast<float>();
      const Reference rounded(x_float.cast<double>());
      single.forward(x_float, true);
      for (Index i = 0; i < x.size(); ++i) {
        const auto c = static_cast<std::size_t>(i % channels);
        normalised[i] = (static_cast<double>(x_float[i]) - rounded.mean[c]) / std::sqrt(rounded.variance[c] + 1e-3);
      }
      CHECK(difference(single.y.cast<double>(), normalised) < 1e-5);
    }
}

TEST_CASE("a frozen BatchNorm: Keras's meaning and PyTorch's") {
  const Tensor<double> x({3, 1}, {1, 2, 6});
  Bench<BatchNorm<double>> keras(BatchNorm<double>(), {{1}});
  keras.layer.freeze(Freeze::layer);
  keras.forward(x, true), keras.finish();
  CHECK(keras.y[0] == doctest::Approx(1 / std::sqrt(1.001)));
  CHECK(keras.layer.moving_mean().value()[0] == 0);
  CHECK(keras.layer.counters()[0]->value == 0);
  CHECK(keras.backward(Tensor<double>({3, 1}, {1, 2, 3}))[2] == doctest::Approx(3 / std::sqrt(1.001)));

  Bench<BatchNorm<double>> torch(BatchNorm<double>(), {{1}});
  torch.layer.freeze(Freeze::gradients);
  torch.forward(x, true), torch.finish();
  CHECK(torch.y[0] == doctest::Approx(-2 / std::sqrt(14.0 / 3 + 1e-3)));
  CHECK(torch.layer.moving_mean().value()[0] == doctest::Approx(0.03));
  torch.backward(Tensor<double>({3, 1}, {1, 2, 3}));
  CHECK(torch.dx[0][0] + torch.dx[0][1] + torch.dx[0][2] == doctest::Approx(0));
  CHECK(torch.layer.gamma().gradient[0] == 0);
}

TEST_CASE("BatchNorm with one value per channel gives beta, or refuses as PyTorch does") {
  Bench<BatchNorm<double>> bench(BatchNorm<double>({.moving_variance = MovingVariance::unbiased}), {{1, 1, 2}});
  bench.layer.beta().set(Tensor<double>({2}, {3, 4}));
  CHECK(bench.forward(Tensor<double>({1, 1, 1, 2}, {8, 9}), true) == Tensor<double>({1, 1, 1, 2}, {3, 4}));
  bench.finish();
  CHECK(bench.layer.moving_variance().value()[0] == doctest::Approx(0.99));
  CHECK(bench.backward(Tensor<double>({1, 1, 1, 2}, {1, 1})) == Tensor<double>({1, 1, 1, 2}));

  Bench<BatchNorm<double>> torch(BatchNorm<double>(BatchNormOptions::torch()), {{2}});
  CHECK_THROWS_WITH_AS(torch.forward(Tensor<double>({1, 2}), true),
                       "[BatchNormalization] expected more than one value per channel in training, got 1 (use larger "
                       "batches, drop the last one, or set allow_single_value)",
                       DataError);
  CHECK_NOTHROW(torch.forward(Tensor<double>({1, 2})));
}

TEST_CASE("BatchNorm lets no NaN into its moving statistics") {
  Bench<BatchNorm<float>> bench(BatchNorm<float>(), {{2}});
  Tensor<float> x({2, 2}, {1, 2, 3, std::numeric_limits<float>::quiet_NaN()});
  CHECK_THROWS_WITH_AS(bench.forward(x, true),
                       "[BatchNormalization] expected finite statistics of the batch, got NaN or infinity in channel 1 "
                       "(look for NaN in the data, or lower the learning rate)",
                       DataError);
  x[3] = std::numeric_limits<float>::infinity();
  CHECK_THROWS_AS(bench.forward(x, true), DataError);
  CHECK(bench.layer.moving_mean().value() == Tensor<float>({2}));
  CHECK(bench.layer.moving_variance().value() == Tensor<float>({2}, 1.0f));
  CHECK(bench.layer.counters()[0]->value == 0);
  // inference passes it on instead
  CHECK(std::isinf(bench.forward(x)[3]));
}

TEST_CASE("BatchNorm lists its parameters in Keras's order") {
  const auto names = [](const BatchNormOptions& options) {
    std::string text;
    Bench bench(BatchNorm<float>(options), {{4, 4, 32}});
    for (const Parameter<float>* parameter : bench.layer.parameters())
      text += parameter->name() + (parameter->trains() ? "+ " : " ");
    return text;
  };
  CHECK(names({}) == "gamma+ beta+ moving_mean moving_variance ");
  CHECK(names({.scale = false}) == "beta+ moving_mean moving_variance ");
  CHECK(names({.center = false}) == "gamma+ moving_mean moving_variance ");
}

TEST_CASE("BatchNorm says what is wrong") {
  CHECK_THROWS_WITH_AS(BatchNorm({.momentum = 1.5}),
                       "[BatchNormalization] expected a momentum in [0, 1], got 1.500000 (it is the weight of the old "
                       "value, 1 minus PyTorch's)",
                       ConfigError);
  CHECK_THROWS_AS(BatchNorm({.momentum = std::numeric_limits<double>::quiet_NaN()}), ConfigError);
  CHECK_THROWS_WITH_AS(BatchNorm({.epsilon = -1, .name = "bn"}),
                       "[bn (BatchNormalization)] expected an epsilon of 0 or more, got -1.000000", ConfigError);
  Bench bench(BatchNorm<float>(), {{4, 4, 3}});
  const std::vector<Shape> other{{4, 4, 2}};
  CHECK_THROWS_WITH_AS(bench.layer.output_shape(other), "[BatchNormalization] expected 3 channels, got (4, 4, 2)",
                       ShapeError);
}
