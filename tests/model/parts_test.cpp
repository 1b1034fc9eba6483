// Models of parts of models: weights stay, names say where they came from.
#include <doctest/doctest.h>

#include <keel/layers/add.hpp>
#include <keel/layers/batch_norm.hpp>
#include <keel/layers/conv2d.hpp>
#include <keel/layers/dense.hpp>
#include <keel/layers/flatten.hpp>
#include <keel/model/dot.hpp>
#include <keel/model/parts.hpp>
#include <keel/model/sequential.hpp>

using namespace keel;

namespace parts_test {  // a name of its own: the files of a folder are compiled together

namespace {

template <class F>
std::string refusal(F&& f) {
  try {
    f();
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}
bool holds(const std::string& text, const std::string& part) { return text.find(part) != text.npos; }

Tensor<float> noise(const Shape& shape, std::uint64_t seed) {
  Tensor<float> x(shape);
  Rng rng(seed);
  for (float& value : x) value = static_cast<float>(rng.normal());
  return x;
}

Sequential<float> base() {
  Sequential<float> model({6, 6, 1}, {.name = "base", .seed = 3});
  model.add(Conv2D(4, 3, {.activation = Activation::relu})).add(BatchNorm()).add(Flatten());
  model.add(Dense(5, {.activation = Activation::tanh})).add(Dense(3));
  Tape<float> tape;
  const Tensor<float> x = noise({8, 6, 6, 1}, 1);
  model.forward(x, tape);  // statistics of its own
  return model;
}

/// Two inputs, a layer applied twice, two outputs.
Model<float> graph() {
  Model<float> model({.seed = 9});
  const Node a = model.input({4}, "a"), b = model.input({4}, "b");
  const Node x = model.add(Dense(4, {.name = "both"}), a), y = model.share(x, b);
  const Node sum = model.add(Add({.name = "sum"}), {x, y});
  model.output(model.add(Dense(2, {.name = "first"}), sum));
  model.output(model.add(Dense(3, {.name = "second"}), sum));
  return model;
}

}  // namespace

TEST_CASE("truncate gives what the model computes there, with copies or the same weights") {
  const Sequential<float> model = base();
  const Tensor<float> x = noise({2, 6, 6, 1}, 2);
  for (const PartWeights weights : {PartWeights::copied, PartWeights::shared}) {
    Model<float> part = model.truncate("flatten", weights);
    CHECK(part.output_shape() == Shape{64});
    CHECK(part.is_chain());
    Model<float> rest = model.sub_model(model.node("flatten"), model.node("dense_1"), weights);
    CHECK(rest.predict(part.predict(x)) == model.predict(x));
    CHECK(rest.layer(0).name() == "dense");
    // a change of the part's weights
    part.parameters()[0]->update([](TensorView<float> w) { w[0] += 1; });
    const bool same = part.parameters()[0]->value() == model.parameters()[0]->value();
    CHECK(same == (weights == PartWeights::shared));
    CHECK((rest.predict(part.predict(x)) == model.predict(x)) == (weights == PartWeights::shared));
  }
  CHECK(holds(refusal([&] { model.truncate("dense_7"); }), "conv2d, batch_normalization, flatten, dense, dense_1"));
  CHECK_THROWS_AS(model.truncate(Node{99}), ConfigError);
}

TEST_CASE("parts that share weights train together, and outlive each other") {
  Tensor<float> after;
  Model<float> part = [&] {
    Sequential<float> whole = base();
    Model<float> shared = whole.truncate("dense", PartWeights::shared);
    Tape<float> tape;
    const Tensor<float> x = noise({3, 6, 6, 1}, 4);
    whole.forward(x, tape);
    whole.backward(Tensor<float>({3, 3}, 1.0f), tape);
    CHECK(shared.parameters()[0]->gradient == whole.parameters()[0]->gradient);
    for (auto* p : shared.parameters()) p->update([](TensorView<float> w) { w[0] *= 0.5f; });
    after = whole.truncate("dense").predict(x);
    CHECK(shared.predict(x) == after);
    return shared;
  }();
  CHECK(part.predict(noise({3, 6, 6, 1}, 4)) == after);
}

TEST_CASE("sub_model of a graph: several inputs and outputs, layers applied twice") {
  const Model<float> model = graph();
  const Tensor<float> a = noise({3, 4}, 5), b = noise({3, 4}, 6);
  const TensorView<const float> both[] = {a, b};
  const auto whole = model.predict(both);
  const std::vector<Node> from{{model.inputs()[0]}, {model.inputs()[1]}},
      to{{model.outputs()[1]}, {model.outputs()[0]}};
  const Model<float> turned = model.sub_model(from, to);
  const auto y = turned.predict(both);
  CHECK(y[0] == whole[1]);
  CHECK(y[1] == whole[0]);
  CHECK(turned.layer_count() == 4);
  const Model<float> one = model.truncate("second");
  CHECK(one.layer_count() == 3);  // "first" is not needed
  CHECK(one.predict(both)[0] == whole[1]);
  CHECK(holds(refusal([&] { model.sub_model(from[0], to[0]); }), "input b needed too"));
  CHECK(holds(refusal([&] { model.node("both"); }), "applied once"));
  CHECK_THROWS_AS(model.sub_model(std::span<const Node>(from), {}), ConfigError);
}

TEST_CASE("a model inside another keeps its weights, statistics, frozen layers and rules") {
  Sequential<float> part = base();
  part.layer(0).freeze(Freeze::layer);
  part.parameters()[0]->rule.rate = 0.25;
  const Tensor<float> x = noise({2, 6, 6, 1}, 7);
  Model<float> model({.seed = 1});
  const Node in = model.input({6, 6, 1});
  const Node once = model.add(part, in), again = model.add(part, in);
  model.output(model.add(Add(), {once, again}));
  CHECK(model.layer(0).name() == "base/conv2d");
  CHECK(model.layer(5).name() == "base/conv2d_1");
  CHECK(model.layer(0).frozen() == Freeze::layer);
  CHECK(model.parameters()[0]->rule.rate == 0.25);
  const Tensor<float> expected = part.predict(x), got = model.predict(x);
  for (Index i = 0; i < got.size(); ++i) CHECK(got[i] == doctest::Approx(2 * expected[i]).epsilon(1e-5));
  Sequential<float> chain({6, 6, 1});
  chain.add(part).add(Dense(2));
  CHECK(chain.is_sequential());
  CHECK(chain.output_shape() == Shape{2});
  CHECK(holds(refusal([&] { Sequential<float>({6, 6, 2}).add(part); }), "an input of shape (6, 6, 1)"));
  CHECK(holds(refusal([&] { chain.add(graph()); }), "a part whose layers follow one another"));
  CHECK_THROWS_AS(model.add(model, in), ConfigError);
  CHECK_THROWS_AS(model.add(graph(), in), ShapeError);
}

TEST_CASE("replace_head keeps what is before, and puts a new end behind it") {
  const Sequential<float> model = base();
  Sequential<float> head({64}, {.seed = 5});
  head.add(Dense(7, {.name = "new"}));
  const Model<float> next = model.replace_head("flatten", head);
  const Tensor<float> x = noise({2, 6, 6, 1}, 8);
  CHECK(next.predict(x) == head.predict(model.truncate("flatten").predict(x)));
  CHECK(next.output_shape() == Shape{7});
  CHECK_THROWS_AS(model.replace_head("dense", head), ShapeError);
}

TEST_CASE("layers are frozen by name, up to a node, and by number") {
  Sequential<float> model = base();
  const auto frozen = [&] {
    std::string list;
    for (Index l = 0; l < model.layer_count(); ++l) list += model.layer(l).frozen() == Freeze::layer ? 'x' : '.';
    model.freeze(Freeze::none);
    return list;
  };
  model.freeze(Freeze::layer, "dense*");
  CHECK(frozen() == "...xx");
  model.freeze(Freeze::layer, "*n*_*");
  CHECK(frozen() == "....x");
  model.freeze_up_to(model.node("flatten"));
  CHECK(frozen() == "xxx..");
  model.freeze_first(2);
  CHECK(frozen() == "xx...");
  CHECK_THROWS_AS(model.freeze_first(6), ConfigError);
  CHECK(holds(refusal([&] { model.freeze(Freeze::layer, "lstm"); }), "one of the layers conv2d"));
  CHECK(model.select("*/kernel").size() == 3);
  CHECK(model.select("dense/kernel")[0]->shape() == Shape{64, 5});
  CHECK_THROWS_AS(model.select("*/weight"), ConfigError);
}

TEST_CASE("a graph is written for Graphviz") {
  Model<float> model = graph();
  model.freeze(Freeze::layer, "sum");
  const std::string dot = model.to_dot();
  CHECK(dot.substr(0, 16) == "digraph \"model\" ");
  for (const char* part :
       {"0 [label=\"a\\n(4)\", style=rounded];", "2 [label=\"both\\nDense 20 parameters (4)\"];", "0 -> 2;", "1 -> 3;",
        "4 [label=\"sum\\nAdd (4)\", style=filled, fillcolor=lightgrey];", "4 -> 5;", "penwidth=2", "}\n"})
    CHECK_MESSAGE(holds(dot, part), dot);
  Model<float> quoted({.name = "a \"b\""});
  quoted.output(quoted.input({1}, "in"));
  CHECK(holds(quoted.to_dot(), "digraph \"a \\\"b\\\"\""));
}

}  // namespace parts_test
