/// Inputs of any extents: a model for each shape, with the layers of one.

#include <thread>

#include <keel/layers/conv2d.hpp>
#include <keel/layers/dense.hpp>
#include <keel/layers/flatten.hpp>
#include <keel/layers/global_average_pool2d.hpp>
#include <keel/layers/lstm.hpp>
#include <keel/model/any_extents.hpp>
#include <keel/model/sequential.hpp>

#include <doctest/doctest.h>

namespace any_extents_test {

using namespace keel;

Tensor<float> normal(const Shape& shape, std::uint64_t seed) {
  Rng rng(seed);
  Tensor<float> values(shape);
  for (float& value : values) value = static_cast<float>(rng.normal());
  return values;
}
Model<float> images(const Shape& shape) {
  Model<float> model({.seed = 4});
  const Node x = model.input(shape);
  const Node a = model.add(Conv2D(4, 3, {.padding = Padding::same, .activation = Activation::relu}), x);
  const Node b = model.add(Conv2D(4, 3, {.padding = Padding::same}), a);
  model.output(model.add(Dense(3), model.add(GlobalAveragePool2D(), b)));
  model.output(model.share(b, a));
  return model;
}

}  // namespace any_extents_test

TEST_CASE("a model for other shapes has the same weights and the numbers of one that was made for them") {
  using namespace any_extents_test;
  Model<float> model = images({6, 5, 2});
  const Model<float> other = with_input_shapes(model, {{9, 12, 2}}), made = images({9, 12, 2});
  const Tensor<float> x = normal({2, 9, 12, 2}, 1);
  const std::vector<TensorView<const float>> inputs{x};
  const auto is_made = [&] {
    const auto a = other.predict(Inputs<float>(inputs)), b = made.predict(Inputs<float>(inputs));
    return a[0] == b[0] && a[1] == b[1];
  };
  CHECK(is_made());
  CHECK(other.parameters().size() == model.parameters().size());
  // a change of the one's weights is the other's
  Parameter<float>& kernel = *model.parameters()[0];
  kernel.update([](TensorView<float> value) { value[0] += 1; });
  CHECK(!is_made());
  CHECK(std::as_const(other).parameters()[0] == &kernel);
}

TEST_CASE("predictions for any extents are those of a model for each, of which the last few are kept") {
  using namespace any_extents_test;
  const AnyExtents net(images({6, 5, 2}), {.most = 2});
  const std::vector<Shape> shapes{{6, 5, 2}, {1, 1, 2}, {7, 3, 2}, {6, 5, 2}};
  for (const Shape& shape : shapes) {
    CAPTURE(shape.to_string());
    const Tensor<float> x = normal(shape.with_batch(3), 2);
    const std::vector<TensorView<const float>> inputs{x};
    const auto got = net.predict(Inputs<float>(inputs)), right = images(shape).predict(Inputs<float>(inputs));
    REQUIRE(got.size() == 2);
    CHECK(got[0] == right[0]);
    CHECK(got[1] == right[1]);
  }
  CHECK(net.kept() == 2);
  const auto again = net.model({{6, 5, 2}});
  CHECK(again == net.model({{6, 5, 2}}));
  net.model({{2, 2, 2}});
  CHECK(again == net.model({{6, 5, 2}}));  // the other one went
  CHECK_THROWS_WITH_AS(AnyExtents(images({1, 1, 2}), {.most = 0}), "[AnyExtents] expected most of 1 or more, got 0",
                       ConfigError);
}

TEST_CASE("sequences of any length") {
  using namespace any_extents_test;
  Sequential<float> model(Shape{4, 3}, {.seed = 4});
  model.add(LSTM(5));
  model.add(Dense(2));
  const AnyExtents net(std::move(static_cast<Model<float>&>(model)));
  for (const Index steps : {1, 4, 9}) {
    Sequential<float> made(Shape{steps, 3}, {.seed = 4});
    made.add(LSTM(5));
    made.add(Dense(2));
    const Tensor<float> x = normal({2, steps, 3}, 3);
    CHECK(net.predict(x) == made.predict(x));
  }
}

TEST_CASE("layers whose weights fit one shape alone refuse others by name, and others go on") {
  using namespace any_extents_test;
  Sequential<float> model(Shape{4, 4, 1});
  model.add(Flatten());
  model.add(Dense(2, {.name = "scores"}));
  const AnyExtents net(std::move(static_cast<Model<float>&>(model)));
  CHECK_THROWS_WITH_AS(net.predict(Tensor<float>({1, 5, 4, 1})), doctest::Contains("scores (Dense)"), ShapeError);
  CHECK_THROWS_AS(net.predict(Tensor<float>({1, 4, 4, 2})), ShapeError);
  CHECK(net.kept() == 0);
  CHECK(net.predict(Tensor<float>({1, 4, 4, 1})).shape() == Shape{1, 2});
  CHECK_THROWS_WITH_AS(with_input_shapes(images({2, 2, 2}), {{2, 2, 2}, {2, 2, 2}}), "[model] expected 1 inputs, got 2",
                       ShapeError);
}

TEST_CASE("models may be made for each shape anew, and asked by many threads") {
  using namespace any_extents_test;
  int made = 0;
  const AnyExtents<float> net(
      [&](const std::vector<Shape>& shapes) {
        ++made;
        return images(shapes.at(0));
      },
      {.most = 3});
  const std::vector<Shape> shapes{{6, 5, 2}, {1, 1, 2}, {7, 3, 2}};
  std::vector<Tensor<float>> right;
  for (const Shape& shape : shapes) {
    const Tensor<float> x = normal(shape.with_batch(2), 5);
    const std::vector<TensorView<const float>> inputs{x};
    right.push_back(images(shape).predict(Inputs<float>(inputs))[0]);
  }
  std::vector<int> wrong(4, 0);
  std::vector<std::thread> threads;
  for (std::size_t t = 0; t < wrong.size(); ++t)
    threads.emplace_back([&, t] {
      for (std::size_t round = 0; round < 30; ++round) {
        const std::size_t i = (round + t) % shapes.size();
        const Tensor<float> x = normal(shapes[i].with_batch(2), 5);
        const std::vector<TensorView<const float>> inputs{x};
        wrong[t] += net.predict(Inputs<float>(inputs))[0] != right[i];
      }
    });
  for (std::thread& thread : threads) thread.join();
  CHECK(wrong == std::vector<int>(4, 0));
  CHECK(made == 3);
}
