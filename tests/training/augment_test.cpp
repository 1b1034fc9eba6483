#include <keel/training/augment.hpp>

#include <doctest/doctest.h>

#include <set>

using namespace keel;

namespace {
/// `count` images 3 x 4 with 2 channels; every value differs from every other and from 0.
Dataset<float> pictures(Index count) {
  Tensor<float> images(Shape{count, 3, 4, 2});
  for (Index i = 0; i < images.size(); ++i) images[i] = static_cast<float>(i + 1);
  return {images, Tensor<float>(Shape{count})};
}

Batch<float> whole(const Dataset<float>& data, Index epoch = 0) {
  Batch<float> batch;
  Batches<float>(data, {.batch_size = data.size(), .shuffle = false})(epoch, 0, batch);
  return batch;
}

/// What Augment may make of image n: mirrored, upside down, moved.
Tensor<float> moved(const Dataset<float>& data, Index n, bool mirror, bool flip, Index down, Index right, float fill) {
  Tensor<float> out(Shape{1, 3, 4, 2}, fill);
  for (Index h = 0; h < 3; ++h)
    for (Index w = 0; w < 4; ++w)
      for (Index c = 0; c < 2; ++c) {
        const Index to_h = (flip ? 2 - h : h) + down, to_w = (mirror ? 3 - w : w) + right;
        if (to_h >= 0 && to_h < 3 && to_w >= 0 && to_w < 4) out(0, to_h, to_w, c) = data.images()(n, h, w, c);
      }
  return out;
}
}  // namespace

TEST_CASE("Every flip and shift is drawn, about equally often, and nothing else") {
  Dataset<float> data = pictures(720);
  const Dataset<float> original = data;
  data.map(Augment({.horizontal_flip = true, .vertical_flip = true, .shift = {1, 2}, .fill = -5}));
  const Tensor<float> images = whole(data).inputs[0];
  Index seen[2][2][3][5] = {};
  for (Index n = 0; n < 720; ++n) {
    int matches = 0;
    for (int mirror = 0; mirror < 2; ++mirror)
      for (int flip = 0; flip < 2; ++flip)
        for (Index down = -1; down <= 1; ++down)
          for (Index right = -2; right <= 2; ++right)
            if (images.rows(n, 1) == moved(original, n, mirror == 1, flip == 1, down, right, -5)) {
              ++matches;
              ++seen[mirror][flip][down + 1][right + 2];
            }
    REQUIRE(matches == 1);
  }
  Index mirrored = 0;
  for (auto& flips : seen)
    for (auto& downs : flips)
      for (auto& rights : downs)
        for (const Index hits : rights) {
          CHECK(hits > 0);
          mirrored += &flips == &seen[1] ? hits : 0;
        }
  CHECK(std::abs(mirrored - 360) < 60);
}

TEST_CASE("An image's augmentation follows from seed, epoch and its number") {
  Dataset<float> data = pictures(30);
  data.map(Augment({.horizontal_flip = true, .shift = 2, .seed = 8}));
  const Tensor<float> images = whole(data, 3).inputs[0];
  CHECK(images == whole(data, 3).inputs[0]);
  CHECK_FALSE(images == whole(data, 4).inputs[0]);
  Batches<float> batches(data, {.batch_size = 4, .seed = 1});
  Batch<float> batch;
  for (Index step = 0; batches(3, step, batch); ++step)
    for (Index i = 0; i < batch.size(); ++i)
      CHECK(batch.inputs[0].rows(i, 1) == images.rows(batch.indices[static_cast<std::size_t>(i)], 1));
}

TEST_CASE("Augment does nothing unless told, and refuses what it cannot do") {
  Dataset<float> data = pictures(3);
  data.map(Augment({}));
  CHECK(whole(data).inputs[0] == data.images());
  CHECK_THROWS_WITH_AS(Augment({.shift = {0, -1}}), "[Augment] expected shifts of 0 or more, got (0, -1)", ConfigError);
  Dataset<float> flat(Tensor<float>(Shape{2, 5}), Tensor<float>(Shape{2}));
  flat.map(Augment({.shift = 1}));
  CHECK_THROWS_WITH_AS(whole(flat), "[Augment] expected images of shape (samples, height, width, channels), got (2, 5)",
                       ShapeError);
  Batch<float> batch;
  batch.inputs = {data.images()};
  CHECK_THROWS_AS(Augment({.shift = 1})(batch), DataError);
}

TEST_CASE("Normalize gives each channel mean 0 and deviation 1") {
  Dataset<double> data(Tensor<double>({2, 2, 1, 3}, {1e4 + 1, 5, 0, 1e4 + 3, 5, 2, 1e4 + 5, 5, 8, 1e4 + 7, 5, 10}),
                       Tensor<double>(Shape{2}));
  const Normalize scale = Normalize::of(data.images());
  CHECK(scale.mean() == std::vector<double>{1e4 + 4, 5, 5});
  CHECK(scale.deviation()[0] == doctest::Approx(std::sqrt(5.0)).epsilon(1e-12));
  CHECK(scale.deviation()[1] == 1);
  data.map(scale);
  Batch<double> batch;
  Batches<double>(data, {.shuffle = false})(0, 0, batch);
  CHECK(batch.inputs[0](0, 0, 0, 0) == doctest::Approx(-3 / std::sqrt(5.0)).epsilon(1e-12));
  CHECK(batch.inputs[0](1, 1, 0, 1) == 0);
  CHECK(batch.inputs[0](1, 1, 0, 2) == doctest::Approx(5 / std::sqrt(17.0)).epsilon(1e-12));

  batch.inputs[0] = Tensor<double>({1, 2}, {4, 8});
  Normalize({2}, {4})(batch);
  CHECK(batch.inputs[0] == Tensor<double>({1, 2}, {0.5, 1.5}));
  CHECK_THROWS_WITH_AS(Normalize({0, 0, 0}, {1, 1, 1})(batch), "[Normalize] expected 3 channels, got (1, 2)",
                       ShapeError);
  CHECK_THROWS_WITH_AS(Normalize({0, 0}, {1}), "[Normalize] expected as many deviations as means, got 1 for 2",
                       ConfigError);
  CHECK_THROWS_AS(Normalize({0}, {0}), ConfigError);
  CHECK_THROWS_AS(Normalize({0}, {std::nan("")}), ConfigError);
  CHECK_THROWS_AS(Normalize::of(Tensor<double>(Shape{0, 3})), DataError);
}

// Values of torch.nn.functional.interpolate(..., mode="bilinear", align_corners=False) and of tf.image.resize.
TEST_CASE("Bilinear resize goes by the centres of pixels") {
  const Tensor<double> image({1, 2, 2, 1}, {1, 2, 3, 4});
  const Tensor<double> larger = resize(image, 4);
  CHECK(larger == Tensor<double>({1, 4, 4, 1}, {1, 1.25, 1.75, 2, 1.5, 1.75, 2.25, 2.5,  //
                                                2.5, 2.75, 3.25, 3.5, 3, 3.25, 3.75, 4}));
  CHECK(resize(larger, 2)(0, 0, 0, 0) == doctest::Approx(1.375).epsilon(1e-15));
  CHECK(resize(image, {1, 3}) == Tensor<double>({1, 1, 3, 1}, {2, 2.5, 3}));
  CHECK(resize(image, 2) == image);
}

TEST_CASE("Nearest resize takes the pixel under the centre") {
  const Tensor<float> image({1, 1, 3, 2}, {1, 10, 2, 20, 3, 30});
  CHECK(resize(image, {1, 6}, Interpolation::nearest) ==
        Tensor<float>({1, 1, 6, 2}, {1, 10, 1, 10, 2, 20, 2, 20, 3, 30, 3, 30}));
  CHECK(resize(image, {2, 2}, Interpolation::nearest) == Tensor<float>({1, 2, 2, 2}, {1, 10, 3, 30, 1, 10, 3, 30}));
}

TEST_CASE("Resize enlarges batch by batch what resize enlarges at once") {
  Dataset<float> data = pictures(5);
  data.map(Resize({6, 7}));
  const Batch<float> batch = whole(data);
  CHECK(batch.inputs[0].shape() == Shape{5, 6, 7, 2});
  CHECK(batch.inputs[0] == resize(data.images(), {6, 7}));
  CHECK(batch.size() == 5);
  CHECK_THROWS_AS(resize(data.images(), 0), ShapeError);
  CHECK_THROWS_AS(resize(Tensor<float>(Shape{2, 2}), 4), ShapeError);
  CHECK_THROWS_AS(resize(Tensor<float>(Shape{1, 0, 2, 1}), 4), ShapeError);
}
