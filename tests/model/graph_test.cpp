// Models put together: nodes and layers of other models, what is used, what is a chain.

#include <doctest/doctest.h>

#include <keel/layers/add.hpp>
#include <keel/layers/batch_norm.hpp>
#include <keel/layers/concatenate.hpp>
#include <keel/layers/conv2d.hpp>
#include <keel/layers/dense.hpp>
#include <keel/layers/depthwise_conv2d.hpp>
#include <keel/layers/dropout.hpp>
#include <keel/layers/flatten.hpp>
#include <keel/layers/prelu.hpp>
#include <keel/layers/separable_conv2d.hpp>
#include <keel/model/sequential.hpp>

using namespace keel;

namespace {

template <class F>
std::string message(F&& f) {
  try {
    f();
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

/// y = scale x, a user's layer: `build` draws a value.
class Scale : public Layer<float> {
 public:
  std::string type() const override { return "Scale"; }
  Shape output_shape(Shapes inputs) const override { return this->single_input(inputs); }
  void build(Shapes inputs, Rng& rng) override {
    Tensor<float> values({inputs[0].back()});
    for (float& value : values) value = static_cast<float>(rng.normal());
    scale_ = {"scale", std::move(values)};
  }
  std::vector<Parameter<float>*> parameters() override { return {&scale_}; }
  void forward(Inputs<float> x, TensorView<float> y, Pass<float>&) const override {
    for (Index i = 0; i < y.size(); ++i) y[i] = scale_.value()[i % scale_.size()] * x[0][i];
  }
  void backward(Inputs<float>, TensorView<const float>, TensorView<const float>, Outputs<float>,
                Pass<float>&) override {}

 private:
  Parameter<float> scale_{"scale", Tensor<float>({1})};  // replaced when it is built
};

}  // namespace

TEST_CASE("nodes of another model are refused") {
  Model<float> net, other;
  const Node x = net.input({4}), theirs = other.add(Dense(4), other.input({4}));
  const std::string refusal =
      "[model] expected nodes of this model, got node 1 of another model, or of this one before it was moved (make "
      "inputs with input() and pass what add() returned)";
  net.add(Dense(4), x);
  CHECK(message([&] { net.add(Dense(2), theirs); }) == refusal);
  CHECK(message([&] { net.add(Add(), {x, theirs}); }) == refusal);
  CHECK(message([&] { net.output(theirs); }) == refusal);
  CHECK(message([&] { net.share(theirs, x); }) ==
        "[model] expected a node made by add() to share the layer of, got node 1 of another model, or of this one "
        "before it was moved");
  CHECK(net.nodes().size() == 2);
  CHECK(net.outputs().empty());

  net.output({1});  // an index alone is taken at its word
  Model<float> moved = std::move(net), clone = moved.clone();
  moved.output(x);  // nodes go with the model
  clone.output(x);  // and are those of a clone
  net.input({4});
  net.input({4});
  CHECK(message([&] {
          net.add(Dense(1), x);
        }).find("got node 0 of another model, or of this one before it was moved") != std::string::npos);
}

TEST_CASE("a layer without inputs is refused, and less than no thread") {
  Model<float> net;
  CHECK(message([&] {
          net.add(Concatenate({.name = "c"}), {});
        }).find("[c (Concatenate)] expected one input or more") != std::string::npos);
  CHECK(message([&] { net.set_threads(-1); }) == "[model] expected threads of 0 or more, got -1");
  CHECK(message([] { Model<float>({.name = "m", .threads = -2}); }) == "[m] expected threads of 0 or more, got -2");
}

TEST_CASE("a copied layer keeps its weights where it joins another model") {
  const std::vector<AnyLayer<float>> kinds{
      Conv2D(3, 3), DepthwiseConv2D(3), SeparableConv2D(2, 3), BatchNorm(), PReLU<float>(), Dense(5), Scale()};
  for (const AnyLayer<float>& kind : kinds) {
    CAPTURE(kind->type());
    Model<float> from({.seed = 1}), to({.seed = 2});
    from.add(kind, from.input({6, 6, 3}));
    Rng rng(7);
    for (Parameter<float>* parameter : from.parameters())
      parameter->update([&](TensorView<float> values) {
        for (float& value : values) value += static_cast<float>(rng.uniform(0.5, 1));
      });
    const Node x = to.input({6, 6, 3});
    to.output(to.add(from.any_layer(0), x));
    REQUIRE(to.parameters().size() == from.parameters().size());
    for (std::size_t i = 0; i < to.parameters().size(); ++i) {
      CHECK(to.parameters()[i]->value() == from.parameters()[i]->value());
      CHECK(to.parameters()[i] != from.parameters()[i]);
    }
    // as it was made it draws weights anew, in each model its own
    Model<float> drawn({.seed = 3});
    drawn.add(kind, drawn.input({6, 6, 3}));
    CHECK_FALSE(kind->is_built());
    CHECK(drawn.layer(0).is_built());
    bool same = true;
    for (std::size_t i = 0; i < to.parameters().size(); ++i)
      same = same && drawn.parameters()[i]->value() == from.parameters()[i]->value();
    CHECK_FALSE(same);
    // weights that do not fit are refused
    Model<float> wide;
    const Node wrong = wide.input({6, 6, 4});
    CHECK_THROWS_AS(wide.add(from.any_layer(0), wrong), ShapeError);
    CHECK(wide.layer_count() == 0);
  }
  Model<float> from, to;
  from.add(Scale(), from.input({3}));
  CHECK(message([&] { to.add(from.any_layer(0), to.input({4})); }) ==
        "[scale (Scale)] expected inputs that fit its scale of (3), got (4) (a copied layer keeps its weights; make a "
        "new one to draw them anew)");
}

TEST_CASE("a layer is used if it leads to an output") {
  Model<float> net;
  const Node x = net.input({4}), spare = net.input({2}), a = net.add(Dense(4), x);
  net.add(Dense(3), net.add(BatchNorm(), a));
  CHECK(net.used_layers() == std::vector<bool>{true, true, true});  // no output yet
  net.output(a);
  CHECK(net.used_layers() == std::vector<bool>{true, false, false});
  CHECK(net.used_nodes() == std::vector<bool>{true, false, true, false, false});
  const Node shared = net.share(a, x);
  CHECK(net.used_layers() == std::vector<bool>{true, false, false});
  net.output(net.add(Concatenate(), {shared, spare}));
  CHECK(net.used_layers() == std::vector<bool>{true, false, false, true});
  CHECK(net.used_nodes() == std::vector<bool>{true, true, true, false, false, true, true});

  // what is not used is not run either
  Tape<float> tape;
  const Tensor<float> in({2, 4}, 1.0f), other({2, 2});
  net.forward(std::vector<TensorView<const float>>{in, other}, tape);
  CHECK(net.layer(1).counters()[0]->value == 0);
}

TEST_CASE("a chain is a chain, however it was built") {
  Sequential sequential({4, 4, 1});
  sequential.add(Conv2D(2, 3)).add(Flatten()).add(Dense(2));
  CHECK(sequential.is_sequential());
  CHECK(sequential.is_chain());

  Model<float> net;
  const Node x = net.input({4}), y = net.add(Dense(4), x);
  CHECK(net.is_chain());
  net.output(net.add(Dense(2), y));
  CHECK(net.is_chain());
  CHECK_FALSE(net.is_sequential());
  net.add(Dense(9), y);  // leads nowhere
  CHECK(net.is_chain());
  net.output(y);  // a value in the middle of the chain
  CHECK(net.is_chain());

  Model<float> fork = net.clone(), shared = net.clone(), inputs = net.clone(), merged = net.clone();
  fork.output(fork.add(Dense(1), x));
  CHECK_FALSE(fork.is_chain());
  shared.output(shared.share(y, y));
  CHECK_FALSE(shared.is_chain());
  inputs.input({1});
  CHECK_FALSE(inputs.is_chain());
  merged.output(merged.add(Add(), {x, y}));
  CHECK_FALSE(merged.is_chain());
  CHECK_FALSE(Model<float>().is_chain());

  // a Sequential that more is added to as to a graph is none any longer
  Model<float>& graph = sequential;
  graph.add(Dense(1), Node{3});
  CHECK_FALSE(sequential.is_sequential());
}
