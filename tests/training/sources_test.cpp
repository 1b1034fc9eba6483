// Batches made ahead, images kept as bytes, parts of datasets, datasets of memory.
#include <doctest/doctest.h>

#include <array>
#include <atomic>

#include <keel/training/fit.hpp>
#include <keel/training/prefetch.hpp>

#include "small_problem.hpp"
#include "support/message.hpp"

using namespace keel;
using namespace small_problem;

namespace sources_test {  // a name of its own: the files of a folder are compiled together

TEST_CASE("batches made ahead are the same in the same order, whatever the depth and where it begins") {
  const Dataset<float> data = rings(50, 1);
  for (const Index depth : {1, 2, 7}) {
    Batches<float> plain(data, {.batch_size = 8, .seed = 3});
    Prefetch<float> ahead(Batches(data, {.batch_size = 8, .seed = 3}), depth);
    Batch<float> a, b;
    const auto same = [&](Index epoch, Index step) {
      const bool there = plain(epoch, step, a);
      REQUIRE(ahead(epoch, step, b) == there);
      if (there) {
        CHECK(a.indices == b.indices);
        CHECK(a.inputs[0] == b.inputs[0]);
        CHECK(a.targets[0] == b.targets[0]);
        CHECK(b.epoch == epoch);
      }
      return there;
    };
    for (Index epoch = 0; epoch < 3; ++epoch)
      for (Index step = 0; same(epoch, step); ++step) {
      }
    same(7, 2);  // somewhere else
    same(7, 3);
    same(1, 0);
  }
  CHECK_THROWS_AS(Prefetch<float>(Batches(data), 0), ConfigError);
}

TEST_CASE("fit on batches made ahead ends with the same bits; what the source throws comes out of fit") {
  const Dataset<float> data = rings(50, 1);
  const auto train = [&](Generator<float> source) {
    Sequential<float> model = classifier(0.2);
    fit(model, source,
        {.epochs = 3, .loss = Loss::sparse_categorical_crossentropy, .steps_per_epoch = 4, .verbose = Verbose::silent});
    return values(model);
  };
  CHECK(train(Prefetch<float>(Batches(data, {.batch_size = 8}), 3)) == train(Batches(data, {.batch_size = 8})));
  std::atomic<int> calls{0};
  const auto failing = [&](Index epoch, Index step, Batch<float>& batch) {
    ++calls;
    if (step == 2) throw DataError("source", "a third batch", "none");
    Batches<float> batches(data, {.batch_size = 8});
    return batches(epoch, step, batch);
  };
  CHECK(message([&] { train(Prefetch<float>(failing)); }) == "[source] expected a third batch, got none");
  CHECK(calls == 3);
  const auto empty = [](Index, Index, Batch<float>&) { return false; };
  CHECK_THROWS_AS(train(Prefetch<float>(empty)), DataError);
}

TEST_CASE("images as bytes give the batches of the same images as numbers") {
  std::vector<std::uint8_t> pixels(20 * 12);
  for (std::size_t i = 0; i < pixels.size(); ++i) pixels[i] = static_cast<std::uint8_t>(i * 7);
  Tensor<float> images({20, 2, 2, 3}), labels({20});
  for (Index i = 0; i < images.size(); ++i)
    images[i] = static_cast<float>(2.0 / 255 * pixels[static_cast<std::size_t>(i)] - 1);
  for (Index i = 0; i < 20; ++i) labels[i] = static_cast<float>(i % 3);
  const Dataset<float> data(images, labels);
  for (const bool shuffle : {false, true})
    for (const bool drop_last : {false, true}) {
      const BatchOptions options{.batch_size = 6, .shuffle = shuffle, .drop_last = drop_last, .seed = 4};
      Batches<float> plain(data, options);
      ByteBatches bytes(pixels, {2, 2, 3}, labels, {.batches = options, .scale = 2.0 / 255, .offset = -1});
      CHECK(bytes.count() == plain.count());
      Batch<float> a, b;
      for (Index epoch = 0; epoch < 2; ++epoch)
        for (Index step = 0;; ++step) {
          const bool there = plain(epoch, step, a);
          REQUIRE(bytes(epoch, step, b) == there);
          if (!there) break;
          CHECK(a.inputs[0] == b.inputs[0]);
          CHECK(a.targets[0] == b.targets[0]);
          CHECK(a.indices == b.indices);
        }
    }
  ByteBatches changed(pixels, {2, 2, 3}, labels);
  changed.map([](Batch<float>& batch) { batch.inputs[0].array() += 1; });
  Batch<float> batch;
  REQUIRE(changed(0, 0, batch));
  CHECK(batch.inputs[0].array().minCoeff() >= 1);
  CHECK_THROWS_AS(ByteBatches(pixels, {2, 2, 2}, labels), ShapeError);
}

TEST_CASE("datasets of vectors, arrays and bytes") {
  const std::vector<std::uint8_t> pixels{0, 1, 2, 3, 4, 5, 6, 255};
  const std::array<int, 2> labels{3, 1};
  const Dataset<float> data(pixels, {2, 2}, labels);
  CHECK(data.images() == Tensor<float>({2, 2, 2}, {0, 1, 2, 3, 4, 5, 6, 255}));
  CHECK(data.labels() == Tensor<float>({2}, {3, 1}));
  CHECK(message([&] { Dataset<float>(pixels, {3}, labels); }) ==
        "[Dataset] expected 2 samples of shape (3), got 8 values");
}

TEST_CASE("a stratified split has each class in both parts in its proportion") {
  Tensor<float> x({60, 1}), y({60}), hot({60, 3});
  for (Index i = 0; i < 60; ++i) {
    const Index c = i < 30 ? 0 : i < 50 ? 1 : 2;  // 30, 20, 10
    x[i] = static_cast<float>(i);
    y[i] = static_cast<float>(c);
    hot(i, c) = 1;
  }
  for (const Dataset<float>& data : {Dataset<float>(x, y), Dataset<float>(x, hot)}) {
    const auto [a, b] = data.stratified_split(0.3, 5);
    CHECK(a.size() == 18);
    CHECK(b.size() == 42);
    Index counts[3] = {0, 0, 0};
    std::vector<bool> seen(60, false);
    for (const auto* part : {&a, &b})
      for (Index i = 0; i < part->size(); ++i) {
        const auto n = static_cast<std::size_t>(part->images()[i]);
        CHECK(!seen[n]);
        seen[n] = true;
        if (part == &a) ++counts[n < 30 ? 0 : n < 50 ? 1 : 2];
      }
    CHECK(counts[0] == 9);
    CHECK(counts[1] == 6);
    CHECK(counts[2] == 3);
    CHECK(data.stratified_split(0.3, 5).first.images() == a.images());
    CHECK(!(data.stratified_split(0.3, 6).first.images() == a.images()));
  }
  CHECK_THROWS_AS(Dataset<float>(x, y).stratified_split(1), ConfigError);
}

TEST_CASE("datasets are joined with their weights and transforms") {
  Dataset<float> a = rings(3, 1);
  const Dataset<float> b = rings(4, 2);
  a.map([](Batch<float>& batch) { batch.inputs[0].array() += 100; });
  const Dataset<float> both = a.concat(b);
  CHECK(both.size() == 7);
  CHECK(both.images().rows(3, 4) == b.images());
  CHECK(both.labels().rows(0, 3) == a.labels());
  Batch<float> batch;
  both.fill(std::vector<Index>{6}, batch);
  CHECK(batch.inputs[0][0] > 50);
  CHECK(contains(message([&] { a.concat({Tensor<float>({2, 3}), Tensor<float>({2})}); }), "samples of shape (2)"));
  Dataset<float> weighed = rings(4, 2);
  weighed.set_weights(Tensor<float>({4}, 2.0f));
  CHECK(contains(message([&] { a.concat(weighed); }), "weights in both"));
  CHECK(weighed.concat(weighed).weights().size() == 8);
}

}  // namespace sources_test
