#include <keel/training/data.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <set>

using namespace keel;

namespace {
/// Sample i is (10 i, 10 i + 1) with label i.
Dataset<float> numbered(Index size) {
  Tensor<float> inputs(Shape{size, 2}), labels(Shape{size});
  for (Index i = 0; i < size; ++i) {
    inputs(i, 0) = static_cast<float>(10 * i);
    inputs(i, 1) = static_cast<float>(10 * i + 1);
    labels[i] = static_cast<float>(i);
  }
  return {inputs, labels};
}

std::vector<Index> order(Batches<float>& batches, Index epoch) {
  std::vector<Index> seen;
  Batch<float> batch;
  for (Index step = 0; batches(epoch, step, batch); ++step)
    seen.insert(seen.end(), batch.indices.begin(), batch.indices.end());
  return seen;
}
}  // namespace

TEST_CASE("A dataset holds inputs and targets with the same number of samples") {
  const Dataset<float> data = numbered(4);
  CHECK(data.size() == 4);
  CHECK(data.images().shape() == Shape{4, 2});
  CHECK(data.labels()[3] == 3);
  CHECK(data.weights().empty());
  CHECK(Dataset<float>().size() == 0);
  const Dataset deduced(Tensor<double>(Shape{2, 1}), Tensor<double>(Shape{2}));
  CHECK(std::is_same_v<decltype(deduced), const Dataset<double>>);
  const Dataset<float> several({Tensor<float>(Shape{3, 1}), Tensor<float>(Shape{3, 2, 2})}, {});
  CHECK(several.inputs().size() == 2);
}

TEST_CASE("A dataset refuses tensors that do not belong together") {
  CHECK_THROWS_WITH_AS(Dataset<float>(Tensor<float>(Shape{4, 2}), Tensor<float>(Shape{3})),
                       "[Dataset] expected the same number of samples everywhere, 4, got 3 in a tensor of shape (3)",
                       ShapeError);
  CHECK_THROWS_AS(Dataset<float>(Tensor<float>(Shape{}, 1.0f), Tensor<float>(Shape{1})), ShapeError);
  CHECK_THROWS_WITH_AS(Dataset<float>(std::vector<Tensor<float>>{}, {}), "[Dataset] expected an input, got none",
                       ConfigError);
  const Dataset<float> unlabelled(std::vector<Tensor<float>>{Tensor<float>(Shape{3, 1})}, {});
  CHECK_THROWS_WITH_AS(unlabelled.labels(), "[Dataset] expected a target, got none", ConfigError);
  Dataset<float> data = numbered(4);
  CHECK_THROWS_WITH_AS(data.set_weights(Tensor<float>(Shape{3})),
                       "[Dataset] expected one weight a sample, (4), got (3)", ShapeError);
}

TEST_CASE("Parts of a dataset keep samples, labels and weights together") {
  Dataset<float> data = numbered(10);
  Tensor<float> weights(Shape{10});
  for (Index i = 0; i < 10; ++i) weights[i] = static_cast<float>(100 + i);
  data.set_weights(weights);

  const Dataset<float> part = data.subset(std::vector<Index>{7, 2, 7});
  CHECK(part.images() == Tensor<float>({3, 2}, {70, 71, 20, 21, 70, 71}));
  CHECK(part.labels() == Tensor<float>({3}, {7, 2, 7}));
  CHECK(part.weights() == Tensor<float>({3}, {107, 102, 107}));
  CHECK(data.take(3).labels() == Tensor<float>({3}, {0, 1, 2}));
  CHECK(data.skip(8).labels() == Tensor<float>({2}, {8, 9}));
  CHECK(data.skip(8).weights() == Tensor<float>({2}, {108, 109}));
  CHECK(data.skip(10).size() == 0);
  const auto [first, rest] = data.split(0.75);
  CHECK(first.size() == 7);
  CHECK(rest.labels() == Tensor<float>({3}, {7, 8, 9}));

  CHECK_THROWS_WITH_AS(data.subset(std::vector<Index>{10}), "[Dataset] expected indices from 0 to 9, got 10",
                       DataError);
  CHECK_THROWS_AS(data.subset(std::vector<Index>{-1}), DataError);
  CHECK_THROWS_WITH_AS(data.take(11), "[Dataset] expected a count from 0 to 10, got 11", DataError);
  CHECK_THROWS_WITH_AS(data.skip(12), "[Dataset] expected a count from 0 to 10, got 12", DataError);
  CHECK_THROWS_AS(data.take(-1), DataError);
  for (const double fraction : {0.0, 1.0, -0.5, 0.01, std::nan("")}) CHECK_THROWS_AS(data.split(fraction), ConfigError);
}

TEST_CASE("shuffled keeps all samples, in an order that the seed decides") {
  const Dataset<float> data = numbered(50), shuffled = data.shuffled(3);
  CHECK(shuffled.labels() == data.shuffled(3).labels());
  CHECK_FALSE(shuffled.labels() == data.shuffled(4).labels());
  CHECK(std::set<float>(shuffled.labels().begin(), shuffled.labels().end()).size() == 50);
  for (Index i = 0; i < 50; ++i) CHECK(shuffled.images()(i, 1) == 10 * shuffled.labels()[i] + 1);
}

TEST_CASE("Batches cover an epoch; the last one may be short or left out") {
  const Dataset<float> data = numbered(10);
  Batches<float> all(data, {.batch_size = 4, .shuffle = false});
  CHECK(all.count() == 3);
  Batch<float> batch;
  CHECK(all(0, 2, batch));
  CHECK(batch.size() == 2);
  CHECK(batch.inputs[0] == Tensor<float>({2, 2}, {80, 81, 90, 91}));
  CHECK(batch.targets[0] == Tensor<float>({2}, {8, 9}));
  CHECK(batch.indices == std::vector<Index>{8, 9});
  CHECK_FALSE(all(0, 3, batch));
  CHECK_FALSE(all(0, -1, batch));

  Batches<float> full(data, {.batch_size = 4, .shuffle = false, .drop_last = true});
  CHECK(full.count() == 2);
  CHECK_FALSE(full(0, 2, batch));
  CHECK(Batches<float>(data, {.batch_size = 100}).count() == 1);
  CHECK(Batches<float>(data, {.batch_size = 100, .drop_last = true}).count() == 0);
  CHECK_THROWS_WITH_AS(Batches<float>(data, {.batch_size = 0}), "[Batches] expected a batch size of 1 or more, got 0",
                       ConfigError);
}

TEST_CASE("The order follows from seed and epoch, not from what ran before") {
  const Dataset<float> data = numbered(40);
  Batches<float> batches(data, {.batch_size = 7, .seed = 5});
  const std::vector<Index> second = order(batches, 1);
  CHECK(order(batches, 0) != second);
  Batches<float> resumed(data, {.batch_size = 7, .seed = 5});
  CHECK(order(resumed, 1) == second);
  Batch<float> batch;
  CHECK(resumed(1, 3, batch));
  CHECK(batch.indices == std::vector<Index>(second.begin() + 21, second.begin() + 28));
  Batches<float> other(data, {.batch_size = 7, .seed = 6});
  CHECK(order(other, 1) != second);
  CHECK(std::set<Index>(second.begin(), second.end()).size() == 40);
  // the batch size cuts the order differently but does not change it
  Batches<float> larger(data, {.batch_size = 11, .seed = 5});
  CHECK(order(larger, 1) == second);
}

TEST_CASE("Transforms run on each batch, in the order they were given, and travel with parts") {
  Dataset<float> data = numbered(4);
  data.map([](Batch<float>& batch) { batch.inputs[0].array() += 1; }).map([](Batch<float>& batch) {
    batch.inputs[0].array() *= 2;
  });
  Batch<float> batch;
  Batches<float>(data, {.batch_size = 1, .shuffle = false})(0, 1, batch);
  CHECK(batch.inputs[0] == Tensor<float>({1, 2}, {22, 24}));
  CHECK(data.images()(1, 0) == 10);
  const Dataset<float> rest = data.skip(1);
  Batches<float>(rest, {.batch_size = 1, .shuffle = false})(0, 0, batch);
  CHECK(batch.inputs[0] == Tensor<float>({1, 2}, {22, 24}));
}

TEST_CASE("A generator is any callable") {
  const Dataset<float> data = numbered(5);
  Generator<float> generator = Batches<float>(data, {.batch_size = 2});
  Batch<float> batch;
  Index steps = 0;
  while (generator(0, steps, batch)) ++steps;
  CHECK(steps == 3);
  generator = [](Index, Index step, Batch<float>& out) {
    out.inputs = {Tensor<float>(Shape{1, 1}, static_cast<float>(step))};
    return step < 2;
  };
  CHECK(generator(0, 1, batch));
  CHECK(batch.inputs[0][0] == 1);
  CHECK_FALSE(generator(0, 2, batch));
}

TEST_CASE("A batch's memory is used again") {
  const Dataset<float> data = numbered(64);
  Batches<float> batches(data, {.batch_size = 32});
  Batch<float> batch;
  batches(0, 0, batch);
  const float* memory = batch.inputs[0].data();
  batches(1, 1, batch);
  CHECK(batch.inputs[0].data() == memory);
}
