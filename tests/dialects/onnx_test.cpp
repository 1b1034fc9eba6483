/// The rows of dialects/onnx.hpp against the registry: every class and option has its place, and what is written is a
/// whole graph of the operators that the row names.

#include <set>

#include <doctest/doctest.h>

#include <keel/dialects/onnx.hpp>
#include <keel/layers/registry.hpp>

#include "dialects/one_of_each.hpp"
#include "io/onnx/random_network.hpp"

using namespace keel;
using namespace keel::dialects;

namespace {

/// A layer applied to inputs of that form, in a graph of its own.
struct Written {
  OnnxGraph graph;
  OnnxTensor output;
  std::set<int> inputs;
};
Written written(AnyLayer<float> layer, const std::vector<Shape>& shapes, OnnxForm form, Index opset, bool training) {
  Written result;
  OnnxBuilder builder(opset);
  Rng rng;
  layer->rename("layer");
  const Config config = layer->config();
  OnnxPlace place{.who = layer->who(),
                  .name = "layer",
                  .layer = 0,
                  .config = config,
                  .inputs = shapes,
                  .output = layer->output_shape(shapes),
                  .training = training};
  layer->build(shapes, rng);
  for (const Parameter<float>* parameter : std::as_const(*layer).parameters())
    place.parameters.emplace_back(parameter->name(), parameter->shape());
  std::vector<OnnxTensor> tensors(shapes.size());
  std::vector<OnnxTensor*> inputs;
  for (std::size_t i = 0; i < shapes.size(); ++i) {
    tensors[i].sample = shapes[i];
    const OnnxForm has = shapes[i].rank() < 2 ? OnnxForm::last : form;
    tensors[i].in(has) = builder.value("x", onnx_dims(shapes[i], has));
    result.inputs.insert(tensors[i].in(has));
    inputs.push_back(&tensors[i]);
  }
  OnnxCall call(builder, std::move(place), std::move(inputs), result.output);
  onnx_row(layer->type())->write(call);
  result.graph = std::move(builder.graph());
  return result;
}

/// Every node reads what is there before it, names differ, and the output has the layer's extents.
void check_graph(const Written& w) {
  std::set<int> there = w.inputs;
  std::set<std::string> values, nodes;
  for (const OnnxInitializer& initializer : w.graph.initializers) {
    CHECK(there.insert(initializer.value).second);
    const OnnxValue& value = nth(w.graph.values, initializer.value);
    Index size = 1, held = count_of(initializer.numbers) + count_of(initializer.integers);
    for (const Index dim : value.dims) size *= dim;
    for (const OnnxPiece& piece : initializer.pieces) {
      Index part = 1;
      for (const Index extent : piece.split) part *= extent;
      held += part;
    }
    CHECK(held == size);
  }
  for (const OnnxNode& node : w.graph.nodes) {
    CHECK(nodes.insert(node.name).second);
    for (const int input : node.inputs) CHECK((input < 0 || there.count(input) == 1));
    for (const int output : node.outputs) CHECK(there.insert(output).second);
  }
  for (const OnnxValue& value : w.graph.values) CHECK(values.insert(value.name).second);
  for (const OnnxForm form : {OnnxForm::last, OnnxForm::first, OnnxForm::mixed})
    if (w.output.in(form) >= 0) {
      CHECK(there.count(w.output.in(form)) == 1);
      CHECK(nth(w.graph.values, w.output.in(form)).dims == onnx_dims(w.output.sample, form));
    }
  CHECK((w.output.last >= 0 || w.output.first >= 0 || w.output.mixed >= 0));
}

}  // namespace

TEST_CASE("every class of the registry has a row for ONNX, with each of its options") {
  for (const AnyLayer<float>& layer : one_of_each()) {
    CAPTURE(layer->type());
    const OnnxRow* const row = onnx_row(layer->type());
    REQUIRE(row);
    const Config config = layer->config();
    for (const auto& [name, value] : config.entries()) {
      const auto& the_name = name;  // clang before 16 captures no structured binding
      CAPTURE(the_name);
      CHECK((row->wraps ||
             onnx_has_word(row->options, option_of_entry(name)) != onnx_has_word(row->neutral, option_of_entry(name))));
    }
  }
}

TEST_CASE("every row for ONNX is a class of the registry, once, and changes or passes its input on") {
  std::set<std::string_view> types, seen;
  for (const AnyLayer<float>& layer : one_of_each()) types.insert(onnx_row(layer->type())->type);
  for (const OnnxRow& row : onnx_rows) {
    CAPTURE(row.type);
    CHECK(types.count(row.type) == 1);
    CHECK(seen.insert(row.type).second);
    CHECK((row.write != nullptr));
    CHECK((row.operators.empty() || row.training.empty()));
  }
}

TEST_CASE("every class is written as a whole graph of the operators of its row, from inputs of each form and opset") {
  for (const auto& maker : keel::detail::layer_makers<float>) {
    const OnnxRow& row = *onnx_row(maker.type);
    CAPTURE(row.type);
    keel_test::RandomOptions random(count_of(row.type));
    std::set<std::string> operators;
    int graphs = 0;
    for (int round = 0; round < 300 && graphs < 40; ++round)
      for (const Shape& sample : keel_test::sample_shapes()) {
        const std::vector<Shape> inputs(static_cast<std::size_t>(1 + round % 2), sample);
        for (const OnnxForm form : {OnnxForm::last, OnnxForm::first}) {
          const bool training = round % 3 == 2 && row.training != "refused";
          const Index opset = 17 + round % 9;
          try {
            AnyLayer<float> layer = make_layer(maker.type, random.of(maker.type, inputs));
            layer->output_shape(inputs);
            const Written w = written(std::move(layer), inputs, form, opset, training);
            check_graph(w);
            for (const OnnxNode& node : w.graph.nodes) {
              CAPTURE(node.op);
              const bool turns = node.op == "Transpose" || node.op == "Reshape" || node.op == "Gather";
              CHECK((turns || onnx_has_word(row.operators, node.op) ||
                     (training && onnx_has_word(row.training, node.op))));
              operators.emplace(node.op);
            }
            ++graphs;
          } catch (const Error&) {  // it wants other inputs
          }
        }
      }
    CHECK(graphs >= 10);
    if (!row.operators.empty()) CHECK(!operators.empty());
  }
}

TEST_CASE("a reduction of one value for each sample leaves the batch as it is") {
  for (const Index opset : {17, 18}) {
    const AnyLayer<float> layer = make_layer("Reduce", {{"function", std::string("sum_square")}});
    const Written w = written(layer, {Shape{}}, OnnxForm::last, opset, false);
    check_graph(w);
    const OnnxNode& node = w.graph.nodes.back();
    CHECK(node.op == "ReduceSumSquare");
    CHECK(nth(w.graph.values, node.inputs[0]).dims == OnnxDims{-1, 1});
    CHECK(nth(w.graph.values, w.output.last).dims == OnnxDims{-1});
  }
}

TEST_CASE("features behind a Flatten of channels first are taken in keel's order") {
  OnnxBuilder builder(17);
  const Shape image{2, 3, 4};
  const std::vector<Index> order = builder.flat_order(image);
  for (Index c = 0; c < 4; ++c)
    for (Index i = 0; i < 2; ++i)
      for (Index j = 0; j < 3; ++j) CHECK(nth(order, (c * 2 + i) * 3 + j) == (i * 3 + j) * 4 + c);
}

TEST_CASE("a value gets the name that another has, which gets a new one") {
  OnnxBuilder builder(17);
  const int a = builder.value("dense", {-1, 2}), b = builder.value("dense", {-1, 2});
  CHECK(nth(builder.graph().values, b).name == "dense_2");
  builder.rename(b, "dense");
  CHECK(nth(builder.graph().values, b).name == "dense");
  CHECK(nth(builder.graph().values, a).name == "dense/inner");
  CHECK(nth(builder.graph().values, builder.value("dense/inner", {})).name == "dense/inner_2");
}

TEST_CASE("constants are not made beyond the room that there is for them") {
  OnnxBuilder builder(17, 10);
  builder.integers("a", {1, 2, 3});
  CHECK_THROWS_AS(builder.flat_order({2, 2, 2}), ConfigError);
  builder.numbers("b", {1, 2, 3, 4, 5, 6, 7}, {7});
  CHECK_THROWS_AS(builder.integers("c", {1}), ConfigError);
}
