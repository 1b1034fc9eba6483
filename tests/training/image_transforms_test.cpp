// Rotation, zoom, translation, colour, cutout and mixup of batches.
#include <doctest/doctest.h>

#include <keel/training/image_transforms.hpp>

#include "support/message.hpp"

using namespace keel;

namespace image_transforms_test {  // a name of its own: the files of a folder are compiled together

namespace {

Batch<float> batch_of(Index count, const Shape& image, std::uint64_t seed = 1) {
  Batch<float> batch;
  batch.inputs.emplace_back(image.with_batch(count));
  Rng rng(seed);
  for (float& x : batch.inputs[0]) x = static_cast<float>(rng.uniform(0, 1));
  batch.targets.emplace_back(Tensor<float>({count, 3}));
  for (Index i = 0; i < count; ++i) {
    batch.targets[0](i, i % 3) = 1;
    batch.indices.push_back(10 + i);
  }
  return batch;
}

/// Sample `from` of a batch alone, with another epoch if wanted.
Batch<float> only(const Batch<float>& batch, Index from) {
  Batch<float> one;
  for (const auto& x : batch.inputs) one.inputs.push_back(x.rows(from, 1));
  for (const auto& t : batch.targets) one.targets.push_back(t.rows(from, 1));
  one.indices = {batch.indices[static_cast<std::size_t>(from)]};
  return one;
}

template <class F>
void check_follows_from_sample(const F& transform, const Batch<float>& batch) {
  Batch<float> all = batch, again = batch, later = batch;
  later.epoch = 1;
  transform(all);
  transform(again);
  transform(later);
  CHECK(all.inputs[0] == again.inputs[0]);
  CHECK(!(all.inputs[0] == later.inputs[0]));
  CHECK(!(all.inputs[0] == batch.inputs[0]));
  for (Index i = 0; i < batch.size(); ++i) {
    Batch<float> one = only(batch, i);
    transform(one);
    CHECK(one.inputs[0] == Tensor<float>(all.inputs[0].rows(i, 1)));
  }
  Batch<float> unnamed = batch;
  unnamed.indices.clear();
  CHECK_THROWS_AS(transform(unnamed), DataError);
}

}  // namespace

TEST_CASE("what happens to an image follows from seed, epoch and its number") {
  const Batch<float> batch = batch_of(4, {9, 7, 2});
  check_follows_from_sample(
      RandomAffine({.rotation = 20, .zoom = 0.2, .height_translation = 0.1, .width_translation = 0.2}), batch);
  check_follows_from_sample(RandomColor({.brightness = 0.2, .contrast = 0.5}), batch);
  check_follows_from_sample(Cutout({.size = 3, .holes = 2, .fill = -1}), batch);
}

TEST_CASE("warp by hand: identity, translation, quarter turns, halves") {
  const Shape image{2, 2, 1};
  const Tensor<float> x({2, 2, 1}, {1, 2, 3, 4});
  Tensor<float> y({2, 2, 1});
  const auto warped = [&](const detail::AffineMap& map, Interpolation how) {
    detail::warp(x.data(), y.data(), image, map, how, 9);
    return y;
  };
  for (const Interpolation how : {Interpolation::nearest, Interpolation::bilinear}) {
    CHECK(warped({1, 0, 0, 0, 1, 0}, how) == x);
    CHECK(warped({1, 0, 1, 0, 1, 0}, how) == Tensor<float>({2, 2, 1}, {3, 4, 9, 9}));   // up by one
    CHECK(warped({0, -1, 1, 1, 0, 0}, how) == Tensor<float>({2, 2, 1}, {3, 1, 4, 2}));  // a quarter, clockwise
    CHECK(warped({1, 0, 0, 0, -1, 1}, how) == Tensor<float>({2, 2, 1}, {2, 1, 4, 3}));  // mirrored
  }
  CHECK(warped({1, 0, 0.5, 0, 1, 0}, Interpolation::bilinear) == Tensor<float>({2, 2, 1}, {2, 3, 6, 6.5}));
}

TEST_CASE("an affine transform of nothing changes nothing, and masks move with their images") {
  Batch<float> batch = batch_of(6, {8, 8, 1});
  const Batch<float> before = batch;
  RandomAffine({})(batch);
  for (Index i = 0; i < batch.inputs[0].size(); ++i)
    CHECK(batch.inputs[0][i] == doctest::Approx(before.inputs[0][i]).epsilon(1e-6));
  // images that are their own masks stay so with nearest pixels
  for (const bool channels : {false, true}) {
    Batch<float> pair = before;
    pair.targets[0] = channels ? pair.inputs[0] : Tensor<float>(pair.inputs[0]).reshaped({6, 8, 8});
    RandomAffine({.rotation = 90,
                  .zoom = 0.3,
                  .height_translation = 0.2,
                  .horizontal_flip = true,
                  .vertical_flip = true,
                  .interpolation = Interpolation::nearest,
                  .masks = true})(pair);
    CHECK(std::equal(pair.inputs[0].begin(), pair.inputs[0].end(), pair.targets[0].begin()));
    CHECK(!(pair.inputs[0] == before.inputs[0]));
  }
  Batch<float> labelled = before;
  CHECK(contains(message([&] { RandomAffine({.masks = true})(labelled); }), "masks as large as the images"));
  CHECK_THROWS_AS(RandomAffine({.zoom = 1}), ConfigError);
  CHECK_THROWS_AS(RandomAffine({.rotation = 181}), ConfigError);
}

TEST_CASE("a half turn is both mirrors, and zoom keeps the centre") {
  Tensor<float> x({5, 5, 1}), y({5, 5, 1});
  for (Index i = 0; i < 25; ++i) x[i] = static_cast<float>(i);
  Batch<float> batch;
  batch.inputs.emplace_back(Tensor<float>(x).reshaped({1, 5, 5, 1}));
  batch.indices = {0};
  Batch<float> zoomed = batch;
  RandomAffine({.zoom = 0.5})(zoomed);
  CHECK(zoomed.inputs[0][12] == doctest::Approx(12));
}

TEST_CASE("brightness and contrast keep within their limits, cutout makes holes of its size") {
  Batch<float> batch = batch_of(50, {6, 6, 2});
  const Batch<float> before = batch;
  RandomColor({.brightness = 0.5, .contrast = 1})(batch);
  CHECK(batch.inputs[0].array().minCoeff() >= 0);
  CHECK(batch.inputs[0].array().maxCoeff() <= 1);
  Batch<float> holes = before;
  Cutout({.size = 2, .fill = 7})(holes);
  for (Index n = 0; n < 50; ++n) {
    Index filled = 0;
    for (Index i = 0; i < 72; ++i) filled += holes.inputs[0][n * 72 + i] == 7;
    CHECK(filled >= 2);
    CHECK(filled <= 8);
  }
  CHECK_THROWS_AS(RandomColor({.contrast = 2}), ConfigError);
  CHECK_THROWS_AS(RandomColor({.low = 1, .high = 1}), ConfigError);
  CHECK_THROWS_AS(Cutout({.size = 0}), ConfigError);
}

TEST_CASE("mixup mixes inputs and targets in the same parts") {
  Batch<float> batch = batch_of(64, {1});
  for (Index i = 0; i < 64; ++i) batch.inputs[0][i] = static_cast<float>(i % 3);  // the class
  MixUp({.alpha = 0.5})(batch);
  bool mixed = false;
  for (Index i = 0; i < 64; ++i) {
    const float a = batch.targets[0](i, 0), b = batch.targets[0](i, 1), c = batch.targets[0](i, 2);
    CHECK(a + b + c == doctest::Approx(1));
    CHECK(batch.inputs[0][i] == doctest::Approx(b + 2 * c).epsilon(1e-5));
    mixed = mixed || (a > 0.01f && a < 0.99f);
  }
  CHECK(mixed);
  Batch<float> labels = batch_of(4, {1});
  labels.targets[0] = Tensor<float>({4});
  CHECK(contains(message([&] { MixUp()(labels); }), "class numbers cannot be mixed"));
  CHECK_THROWS_AS(MixUp({.alpha = 0}), ConfigError);
}

}  // namespace image_transforms_test
