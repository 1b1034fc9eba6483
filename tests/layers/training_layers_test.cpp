#include <cmath>
#include <map>

#include <keel/layers/activity_regularization.hpp>
#include <keel/layers/alpha_dropout.hpp>
#include <keel/layers/center_crop.hpp>
#include <keel/layers/dropout.hpp>
#include <keel/layers/gaussian_dropout.hpp>
#include <keel/layers/gaussian_noise.hpp>
#include <keel/layers/identity.hpp>
#include <keel/layers/random_contrast.hpp>
#include <keel/layers/random_flip.hpp>
#include <keel/layers/random_rotation.hpp>
#include <keel/layers/random_translation.hpp>
#include <keel/layers/random_zoom.hpp>
#include <keel/layers/registry.hpp>
#include <keel/layers/spatial_dropout1d.hpp>
#include <keel/layers/spatial_dropout2d.hpp>

#include "layer_testing.hpp"

using namespace keel_test;

namespace {

double mean(const Tensor<double>& x) { return x.array().mean(); }
double deviation(const Tensor<double>& x) { return std::sqrt((x.array() - mean(x)).square().mean()); }

/// In inference the identity, role and all; in training refused with a message that begins so.
template <class L>
void check_inference_only(const L& layer, const Shape& in, const std::string& message) {
  Bench bench(layer, {in});
  CAPTURE(layer.type());
  CHECK(bench.output == in);
  CHECK(layer.acceleration().role == LayerRole::identity_in_inference);
  const Tensor<double> x = bench.normal(in.with_batch(2)), dy = bench.normal(in.with_batch(2));
  CHECK(bench.forward(x) == x);
  CHECK(bench.backward(dy) == dy);
  for (const Freeze freeze : {Freeze::none, Freeze::gradients, Freeze::layer}) {
    bench.layer.freeze(freeze);
    try {
      bench.forward(x, true);
      FAIL("no error");
    } catch (const ConfigError& error) {
      CHECK(std::string(error.what()).rfind(message, 0) == 0);
    }
  }
}

}  // namespace

TEST_CASE("layers that are the identity in inference keep the contract") {
  check(Identity<double>(), {{3, 2}}, {.refused = {{{2}, {2}}}});
  check(Dropout<double>(0.3), {{3, 2}});
  check(AlphaDropout<double>(0.3), {{3, 2}}, {.refused = {{{2}, {2}}}});
  check(GaussianNoise<double>(0.5), {{3, 2}}, {.refused = {{{2}, {2}}}});
  check(GaussianDropout<double>(0.3), {{3, 2, 4}}, {.refused = {{{2}, {2}}}});
  check(SpatialDropout1D<double>(0.4), {{5, 3}}, {.refused = {{{3}}, {{3, 2, 2}}}});
  check(SpatialDropout2D<double>(0.4), {{3, 4, 5}}, {.refused = {{{3, 4}}}});
  check(RandomFlip<double>(), {{3, 4, 2}}, {.refused = {{{3, 4}}}});
  check(RandomFlip<double>({.mode = "vertical"}), {{4, 1, 2}});
  check(CenterCrop<double>(2, 3), {{5, 4, 2}}, {.refused = {{{5, 4}}, {{1, 4, 2}}, {{5, 2, 2}}}});
  // what has nothing to do in training either
  check(ActivityRegularization<double>(), {{3, 2}});
  check(RandomRotation<double>(), {{3, 4, 2}}, {.refused = {{{3, 4}}}});
  check(RandomZoom<double>({.width_factor = 0}), {{3, 4, 2}});
  check(RandomTranslation<double>(), {{3, 4, 2}});
}

TEST_CASE("training that keel does not have is refused, by the layer's name") {
  const std::string images =
      " expected inference, where this layer does nothing, got training, which keel does not have (leave the layer out "
      "while training, and change the images before: train.map(Augment(...))";
  check_inference_only(ActivityRegularization<double>({.l1 = 0.1, .name = "penalty"}), {3},
                       "[penalty (ActivityRegularization)] expected inference, where this layer does nothing, got "
                       "training, which keel does not have (leave the layer out, and make its output one of the "
                       "model's with a loss of your own)");
  check_inference_only(ActivityRegularization<double>({.l2 = 0.1}), {3, 2}, "[ActivityRegularization] expected");
  check_inference_only(RandomRotation<double>({.factor = 0.1}), {3, 4, 2}, "[RandomRotation]" + images);
  check_inference_only(RandomRotation<double>({.factor = {-0.1, 0}}), {3, 4, 2}, "[RandomRotation]" + images);
  check_inference_only(RandomZoom<double>({.height_factor = 0.1}), {3, 4, 2}, "[RandomZoom]" + images);
  check_inference_only(RandomZoom<double>({.width_factor = 0.1}), {3, 4, 2}, "[RandomZoom]" + images);
  check_inference_only(RandomTranslation<double>({.width_factor = 0.1}), {3, 4, 2}, "[RandomTranslation]" + images);
  check_inference_only(RandomContrast<double>(), {3, 4, 2}, "[RandomContrast]" + images);  // it clips
  check_inference_only(RandomContrast<double>({.factor = 0.1}), {3, 4, 2}, "[RandomContrast]" + images);
  check_inference_only(ImageChange<double>("RandomHue", {{"factor", 0.1}}), {3, 4, 2}, "[RandomHue]" + images);
  check_inference_only(ImageChange<double>("MixUp", {{"alpha", 0.1}, {"name", std::string("mix")}}), {3, 4, 2},
                       "[mix (MixUp)]" + images);
}

TEST_CASE("Keras's random changes of images pass images on, keep their options and refuse others") {
  int classes = 0;
  for (const auto& change : keel::detail::image_changes) {
    CAPTURE(change.type);
    Config options{{"name", std::string("x")}};
    const bool crops = std::string_view(change.options).starts_with("height");
    if (crops) {
      options.set("height", Index{3});
      options.set("width", Index{4});
    }
    const AnyLayer<float> layer = make_layer(change.type, options);
    CHECK(layer->type() == change.type);
    CHECK(layer->name() == "x");
    const Config config = layer->config();
    CHECK(config.entries().size() > 0);
    CHECK(make_layer(change.type, config)->config() == config);
    CHECK_THROWS_AS(make_layer(change.type, {{"surprise", 1.0}}), ConfigError);
    const std::vector<Shape> image{{3, 4, 3}}, row{{3}};
    CHECK(layer->output_shape(image) == image[0]);
    CHECK_THROWS_AS(layer->output_shape(row), ShapeError);
    ++classes;
  }
  CHECK(classes == 22);
  CHECK_THROWS_AS(ImageChange("RandomHues"), ConfigError);
  // what would have to be cut is refused, and what changes no image trains
  const std::vector<Shape> image{{3, 4, 3}};
  CHECK_THROWS_WITH_AS(ImageChange("RandomCrop", {{"height", Index{2}}, {"width", Index{4}}}).output_shape(image),
                       doctest::Contains("[RandomCrop] expected images of (2, 4), what it cuts out in training, got"),
                       ShapeError);
  check(ImageChange<double>("MaxNumBoundingBoxes", {{"max_number", Index{3}}}), {{3, 4, 2}});
  check_inference_only(ImageChange<double>("Equalization"), {3, 4, 2}, "[Equalization] expected inference");
  check_inference_only(ImageChange<double>("RandomCrop", {{"height", Index{3}}, {"width", Index{4}}}), {3, 4, 2},
                       "[RandomCrop] expected inference");
  const Config erasing = ImageChange("RandomErasing", {{"factor", 0.25}}).config();
  CHECK(erasing.get<double>("factor", 0) == 0.25);
  CHECK(erasing.get<std::vector<double>>("scale", {}) == std::vector<double>{0.02, 0.33});
  CHECK(ImageChange("AugMix").config().get<Index>("num_chains", 0) == 3);
  CHECK(ImageChange("RandomShear").config().get<std::string>("fill_mode", "") == "reflect");
  CHECK_THROWS_WITH_AS(ImageChange("RandomHue", {{"factor", std::string("much")}}),
                       "[RandomHue] expected options among factor=0 value_range=0,255, got factor", ConfigError);
}

TEST_CASE("noise has the moments that its options say") {
  const Shape in{10000};
  Bench noise(GaussianNoise<double>(0.5), {in});
  const Tensor<double> zeros({2, 10000}), ones({2, 10000}, 1.0), normal = noise.normal({2, 10000});
  CHECK(std::abs(mean(noise.forward(zeros, true))) < 0.02);
  CHECK(deviation(noise.y) == doctest::Approx(0.5).epsilon(0.02));
  CHECK(noise.forward(zeros) == zeros);
  CHECK(noise.backward(normal) == normal);

  Bench factor(GaussianDropout<double>(0.2), {in});
  CHECK(mean(factor.forward(ones, true)) == doctest::Approx(1).epsilon(0.02));
  CHECK(deviation(factor.y) == doctest::Approx(0.5).epsilon(0.02));  // sqrt(0.2 / 0.8)
  CHECK(factor.backward(ones) == factor.y);

  Bench alpha(AlphaDropout<double>(0.2), {in});  // keeps mean 0 and variance 1
  CHECK(std::abs(mean(alpha.forward(normal, true))) < 0.03);
  CHECK(deviation(alpha.y) == doctest::Approx(1).epsilon(0.03));
}

TEST_CASE("AlphaDropout has PyTorch's two branches") {
  // torch.nn.functional.alpha_dropout(ones, 0.25): 0.87857 + 0.38614 and -1.75810 * 0.87857 + 0.38614
  Bench bench(AlphaDropout<double>(0.25), {{1000}});
  bench.forward(Tensor<double>({1, 1000}, 1.0), true);
  std::map<double, Index> values;
  for (const double y : bench.y) ++values[y];
  REQUIRE(values.size() == 2);
  const double s = -1.7580993408473766, a = 1 / std::sqrt(0.75 * (1 + 0.25 * s * s)), b = -a * s * 0.25;
  CHECK(values.begin()->first == doctest::Approx(a * s + b).epsilon(1e-12));
  CHECK(values.rbegin()->first == doctest::Approx(a + b).epsilon(1e-12));
  CHECK(std::abs(static_cast<double>(values.begin()->second) - 250) < 60);
  CHECK(Bench(AlphaDropout<double>(1), {{3}}).forward(Tensor<double>({1, 3}, 7.0), true) == Tensor<double>({1, 3}));
}

TEST_CASE("SpatialDropout drops a channel of a sample in all its places") {
  Bench bench(SpatialDropout2D<double>(0.25), {{3, 4, 200}});
  bench.forward(Tensor<double>({2, 3, 4, 200}, 3.0), true);
  Index dropped = 0;
  for (Index n = 0; n < 2; ++n)
    for (Index c = 0; c < 200; ++c) {
      const double first = bench.y(n, 0, 0, c);
      CHECK((first == 0 || first == 4));
      dropped += first == 0;
      for (Index i = 0; i < 12; ++i) CHECK(bench.y(n, i / 4, i % 4, c) == first);
    }
  CHECK(std::abs(static_cast<double>(dropped) - 100) < 40);
  // a dropped infinity is 0, not NaN
  Bench all(SpatialDropout1D<double>(1), {{2, 2}});
  CHECK(all.forward(Tensor<double>({1, 2, 2}, HUGE_VAL), true) == Tensor<double>({1, 2, 2}));
  // without a backward pass to come
  Pass<double> pass = bench.pass();
  pass.cache = nullptr;
  Tensor<double> again(bench.y.shape());
  const std::vector<TensorView<const double>> x{bench.x[0]};
  bench.layer.forward(x, again, pass);
  CHECK(again == bench.y);
}

TEST_CASE("RandomFlip mirrors whole images along the axes that its mode names") {
  const Tensor<double> image({1, 2, 2, 1}, {1, 2, 3, 4});
  const std::map<std::string, std::vector<std::vector<double>>> modes{
      {"horizontal", {{1, 2, 3, 4}, {2, 1, 4, 3}}},
      {"vertical", {{1, 2, 3, 4}, {3, 4, 1, 2}}},
      {"horizontal_and_vertical", {{1, 2, 3, 4}, {2, 1, 4, 3}, {3, 4, 1, 2}, {4, 3, 2, 1}}}};
  for (const auto& [mode, outcomes] : modes) {
    Bench bench(RandomFlip<double>({.mode = mode}), {{2, 2, 1}});
    Tensor<double> x({400, 2, 2, 1});
    for (Index n = 0; n < 400; ++n) std::copy(image.begin(), image.end(), x.data() + 4 * n);
    bench.forward(x, true);
    std::map<std::vector<double>, Index> seen;
    for (Index n = 0; n < 400; ++n) ++seen[{bench.y.data() + 4 * n, bench.y.data() + 4 * n + 4}];
    CHECK(seen.size() == outcomes.size());
    for (const auto& outcome : outcomes) CHECK(seen[outcome] > 200 / static_cast<Index>(outcomes.size()));
    CHECK(bench.backward(bench.y) == x);
    CHECK(bench.forward(x) == x);
  }
  CHECK_THROWS_WITH_AS(
      RandomFlip({.mode = "left"}),
      R"([RandomFlip] expected mode "horizontal", "vertical" or "horizontal_and_vertical", got "left")", ConfigError);
}

TEST_CASE("CenterCrop takes the middle, and the upper left one of two") {
  Bench bench(CenterCrop<double>(1, 2), {{2, 3, 1}});
  CHECK(bench.forward(Tensor<double>({1, 2, 3, 1}, {1, 2, 3, 4, 5, 6})) == Tensor<double>({1, 1, 2, 1}, {1, 2}));
  CHECK(bench.backward(Tensor<double>({1, 1, 2, 1}, {7, 8})) == Tensor<double>({1, 2, 3, 1}, {7, 8, 0, 0, 0, 0}));
  const std::vector<Shape> small{{2, 1, 1}};
  CHECK_THROWS_WITH_AS(CenterCrop(2, 2).output_shape(small),
                       "[CenterCrop] expected images of at least (2, 2), got (2, 1, 1) (Keras enlarges smaller ones: "
                       "resize them before)",
                       ShapeError);
  CHECK_THROWS_WITH_AS(CenterCrop(0, 2), "[CenterCrop] expected height of 1 or more, got 0", ConfigError);
}

TEST_CASE("layers of training say what is wrong") {
  CHECK_THROWS_WITH_AS(GaussianNoise(-1), "[GaussianNoise] expected a stddev of 0 or more, got -1.000000", ConfigError);
  CHECK_THROWS_WITH_AS(GaussianDropout(1), "[GaussianDropout] expected a rate in [0, 1), got 1.000000", ConfigError);
  CHECK_THROWS_WITH_AS(AlphaDropout(1.5, {.name = "a"}), "[a (AlphaDropout)] expected a rate in [0, 1], got 1.500000",
                       ConfigError);
  CHECK_THROWS_WITH_AS(SpatialDropout1D(-0.5), "[SpatialDropout1D] expected a rate in [0, 1], got -0.500000",
                       ConfigError);
  CHECK_THROWS_AS(SpatialDropout2D(std::nan("")), ConfigError);
}
