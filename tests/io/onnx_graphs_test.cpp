/// Graphs of ONNX files that others wrote: patterns of nodes that are one layer, branches and functions.

#include <functional>
#include <numeric>
#include <random>

#include <doctest/doctest.h>

#include <keel/io/load.hpp>

#if KEEL_HAS_PROTOBUF
#include "io/onnx/imported.hpp"

namespace {

namespace onnx_graphs {

using namespace keel;
using keel_test::add_function;
using keel_test::add_if;
using keel_test::branch_of;
using keel_test::Function;
using keel_test::GraphFile;
using keel_test::Message;
using keel_test::model_of;
using keel_test::refusal;
using Extents = std::vector<Index>;
using Numbers = std::vector<float>;
using Names = GraphFile::Names;
using Attributes = GraphFile::Attributes;

bool has(const std::string& text, std::string_view part) { return text.find(part) != text.npos; }
Tensor<float> drawn(const Shape& shape, unsigned seed) {
  std::mt19937 random(seed);
  std::uniform_real_distribution<float> uniform(-3, 3);
  Tensor<float> x = Tensor<float>::uninitialized(shape);
  for (float& number : x) number = uniform(random);
  return x;
}
std::vector<std::string> types(const Model<float>& model) {
  std::vector<std::string> list;
  for (Index i = 0; i < model.layer_count(); ++i) list.push_back(model.layer(i).type());
  return list;
}

/// A graph in the making, whose nodes are the outputs' names.
struct Chain {
  GraphFile file = {};
  std::vector<std::string> made = {};
  std::string last = {};  ///< the name of the last node

  explicit Chain(const Extents& dims, Index opset = 13) {
    file.opset = opset;
    file.input("x", dims);
  }
  std::string operator()(const std::string& op, const Names& inputs, const Attributes& attributes = {}) {
    const std::string name = "v" + std::to_string(made.size());
    last = op + std::to_string(made.size());
    file.node(op, inputs, {name}, attributes, last);
    made.push_back(name);
    return name;
  }
  std::string number(float value) {
    const std::string name = "c" + std::to_string(++constants);
    file.floats(name, {}, {value});
    return name;
  }
  std::string list(const Extents& dims, const Numbers& values) {
    const std::string name = "c" + std::to_string(++constants);
    file.floats(name, dims, values);
    return name;
  }
  int constants = 0;
};
using Build = std::function<void(Chain&)>;

/// The graph is one layer of that type, and gives what it gives node by node: as it does where each value between goes
/// out too.
void check_one(const Extents& dims, Index opset, const std::string& type, const std::string& activation,
               const Build& build) {
  Chain chain(dims, opset);
  build(chain);
  Chain open(dims, opset);
  build(open);
  chain.file.output(chain.made.back());
  const Model<float> one = model_of(chain.file);
  CAPTURE(type);
  CAPTURE(activation);
  REQUIRE(types(one) == std::vector<std::string>{type});
  CHECK(one.layer(0).name() == chain.last);
  if (!activation.empty()) CHECK(one.layer(0).config().get<std::string>("activation", "") == activation);
  open.file.output(open.made.back());
  for (std::size_t i = 0; i + 1 < open.made.size(); ++i) open.file.output(open.made[i]);
  const Model<float> parts = model_of(open.file);
  CHECK(parts.layer_count() >= static_cast<Index>(2));
  const Tensor<float> x = drawn(one.input_shape(0).with_batch(3), 7);
  const Tensor<float> y = one.predict(x);
  const TensorView<const float> view(x);
  const auto all = parts.predict(Inputs<float>(&view, 1));
  REQUIRE(all[0].shape() == y.shape());
  for (Index i = 0; i < y.size(); ++i) CHECK(y[i] == doctest::Approx(all[0][i]).epsilon(2e-5).scale(1));
}
/// The graph is read node by node.
void check_none(const Extents& dims, Index opset, const Build& build, std::string_view type) {
  Chain chain(dims, opset);
  build(chain);
  chain.file.output(chain.made.back());
  CAPTURE(type);
  const Model<float> model = model_of(chain.file);
  for (const std::string& each : types(model)) CHECK(each != type);
  CHECK(model.layer_count() > 1);
}

const float root_half = 0.70710678f, root_two = 1.41421356f, sixth = 1 / 6.0f;

TEST_CASE("ONNX import: GELU of Erf and of Tanh is one layer, in each order of its factors") {
  const auto erf = [](Chain& c, const std::string& scaled) { return c("Add", {c("Erf", {scaled}), c.number(1)}); };
  const Extents row{-1, 5};
  check_one(row, 9, "Activation", "gelu", [&](Chain& c) {
    const std::string one = erf(c, c("Div", {"x", c.number(root_two)}));
    c("Mul", {c("Mul", {"x", one}), c.number(0.5f)});
  });
  check_one(row, 13, "Activation", "gelu", [&](Chain& c) {
    const std::string one = erf(c, c("Mul", {c.number(root_half), "x"}));
    c("Mul", {"x", c("Mul", {c.number(0.5f), one})});
  });
  check_one(row, 17, "Activation", "gelu", [&](Chain& c) {
    const std::string half = c("Mul", {"x", c.number(0.5f)});
    c("Mul", {half, erf(c, c("Div", {"x", c.number(root_two)}))});
  });
  check_one(row, 17, "Activation", "gelu", [&](Chain& c) {
    const std::string half = c("Div", {"x", c.number(2)});
    c("Mul", {erf(c, c("Div", {"x", c.number(root_two)})), half});
  });
  const auto cubic = [](Chain& c, const std::string& cube, float factor = 0.044715f, float scale = 0.79788456f) {
    const std::string sum = c("Add", {"x", c("Mul", {cube, c.number(factor)})});
    return c("Add", {c("Tanh", {c("Mul", {sum, c.number(scale)})}), c.number(1)});
  };
  check_one(row, 13, "Activation", "gelu_tanh", [&](Chain& c) {
    const std::string one = cubic(c, c("Pow", {"x", c.number(3)}));
    c("Mul", {c("Mul", {"x", one}), c.number(0.5f)});
  });
  check_one(row, 13, "Activation", "gelu_tanh", [&](Chain& c) {
    const std::string one = cubic(c, c("Mul", {"x", c("Mul", {"x", "x"})}));
    c("Mul", {c.number(0.5f), c("Mul", {"x", one})});
  });

  check_none(
      row, 13,
      [&](Chain& c) {  // another divisor
        const std::string one = erf(c, c("Div", {"x", c.number(1.5f)}));
        c("Mul", {c("Mul", {"x", one}), c.number(0.5f)});
      },
      "Activation");
  check_none(
      row, 13,
      [&](Chain& c) {  // twice as much
        const std::string one = erf(c, c("Div", {"x", c.number(root_two)}));
        c("Mul", {c("Mul", {"x", one}), c.number(1)});
      },
      "Activation");
  check_none(
      row, 13,
      [&](Chain& c) {  // of another value
        const std::string other = c("Abs", {"x"});
        const std::string one = erf(c, c("Div", {other, c.number(root_two)}));
        c("Mul", {c("Mul", {"x", one}), c.number(0.5f)});
      },
      "Activation");
  const auto tanh_alone = [](const std::string& type) { return type == "gelu_tanh"; };
  for (const float factor : {0.0447f, 0.05f}) {
    Chain c(row);
    c("Mul", {c("Mul", {"x", cubic(c, c("Pow", {"x", c.number(3)}), factor)}), c.number(0.5f)});
    c.file.output(c.made.back());
    const Model<float> model = model_of(c.file);
    CHECK(model.layer_count() > 1);
    for (Index i = 0; i < model.layer_count(); ++i)
      CHECK_FALSE(tanh_alone(model.layer(i).config().get<std::string>("activation", "")));
  }
  Chain square(row);
  square("Mul", {square("Mul", {"x", cubic(square, square("Pow", {"x", square.number(2)}))}), square.number(0.5f)});
  square.file.output(square.made.back());
  CHECK(model_of(square.file).layer_count() > 1);
}

TEST_CASE("ONNX import: x times a gate of its own is SiLU, mish or hard swish") {
  const Extents row{-1, 6};
  check_one(row, 9, "Activation", "silu", [](Chain& c) { c("Mul", {"x", c("Sigmoid", {"x"})}); });
  check_one(row, 9, "Activation", "silu", [](Chain& c) { c("Mul", {c("Sigmoid", {"x"}), "x"}); });
  check_one(row, 9, "Activation", "mish", [](Chain& c) { c("Mul", {"x", c("Tanh", {c("Softplus", {"x"})})}); });
  check_one(row, 9, "Activation", "hard_swish", [](Chain& c) {
    c("Mul", {"x", c("HardSigmoid", {"x"}, {{"alpha", 1 / 6.0}})});
  });
  const auto clip = [](Chain& c, float shift = 3, float high = 6) {
    return c("Clip", {c("Add", {"x", c.number(shift)}), c.number(0), c.number(high)});
  };
  check_one(row, 11, "Activation", "hard_swish", [&](Chain& c) { c("Mul", {"x", c("Div", {clip(c), c.number(6)})}); });
  check_one(row, 11, "Activation", "hard_swish", [&](Chain& c) {
    c("Mul", {c("Mul", {clip(c), c.number(sixth)}), "x"});
  });
  check_one(row, 11, "Activation", "hard_swish", [&](Chain& c) { c("Div", {c("Mul", {"x", clip(c)}), c.number(6)}); });
  check_one(row, 9, "Activation", "hard_swish", [](Chain& c) {
    const std::string sum = c("Add", {"x", c.number(3)});
    c("Div", {c("Mul", {"x", c("Clip", {sum}, {{"min", 0.0}, {"max", 6.0}})}), c.number(6)});
  });

  const auto none = [&](const Build& build) {
    Chain c(row, 11);
    build(c);
    c.file.output(c.made.back());
    const Model<float> model = model_of(c.file);
    CHECK(model.layer_count() > 1);
  };
  none([](Chain& c) { c("Mul", {"x", c("Sigmoid", {c("Abs", {"x"})})}); });
  none([](Chain& c) { c("Mul", {"x", c("Tanh", {c("Softplus", {c("Abs", {"x"})})})}); });
  none([](Chain& c) { c("Mul", {"x", c("HardSigmoid", {"x"})}); });  // of x / 5
  none([](Chain& c) { c("Mul", {"x", c("HardSigmoid", {"x"}, {{"alpha", 1 / 6.0}, {"beta", 0.25}})}); });
  none([&](Chain& c) { c("Mul", {"x", c("Div", {clip(c, 2), c.number(6)})}); });
  none([&](Chain& c) { c("Mul", {"x", c("Div", {clip(c, 3, 5), c.number(6)})}); });
  none([&](Chain& c) { c("Mul", {"x", c("Div", {clip(c), c.number(5)})}); });
  none([&](Chain& c) { c("Div", {c.number(6), c("Mul", {"x", clip(c)})}); });
  none([](Chain& c) {  // the gate goes elsewhere too
    const std::string gate = c("Sigmoid", {"x"});
    c("Add", {gate, c("Mul", {"x", gate})});
  });
}

/// A layer norm as exporters wrote it before opset 17.
struct Norm {
  Extents axes = {-1};
  float epsilon = 1e-5f;
  bool twice = false, product = false, inverse = false, scale = true, bias = true;
  Extents scale_dims = {4};

  std::string mean(Chain& c, const std::string& of, const Extents& along) const {
    if (c.file.opset < 18) return c("ReduceMean", {of}, {{"axes", along}});
    const std::string name = "axes" + std::to_string(c.made.size());
    c.file.integers(name, std::vector<std::int64_t>(along.begin(), along.end()));
    return c("ReduceMean", {of, name});
  }
  void operator()(Chain& c) const {
    const std::string average = mean(c, "x", axes);
    const std::string less = c("Sub", {"x", average}), above = twice ? c("Sub", {"x", average}) : less;
    const std::string squares = product ? c("Mul", {less, less}) : c("Pow", {less, c.number(2)});
    const std::string root = c("Sqrt", {c("Add", {mean(c, squares, axes), c.number(epsilon)})});
    std::string y = inverse ? c("Mul", {above, c("Reciprocal", {root})}) : c("Div", {above, root});
    const Index count = std::accumulate(scale_dims.begin(), scale_dims.end(), Index{1}, std::multiplies<>());
    Numbers weights(static_cast<std::size_t>(count));
    std::iota(weights.begin(), weights.end(), 1.0f);
    if (scale) y = c("Mul", {y, c.list(scale_dims, weights)});
    if (bias) c("Add", {c.list(scale_dims, weights), y});
  }
};

TEST_CASE("ONNX import: a layer normalisation in parts is one layer") {
  const Extents rows{-1, 3, 4};
  for (const Index opset : {9, 13, 18}) check_one(rows, opset, "LayerNormalization", "", Norm{});
  check_one(rows, 13, "LayerNormalization", "", Norm{.axes = {2}, .epsilon = 0.25f});
  check_one(rows, 13, "LayerNormalization", "", Norm{.twice = true});
  check_one(rows, 13, "LayerNormalization", "", Norm{.product = true});
  check_one(rows, 13, "LayerNormalization", "", Norm{.inverse = true});
  check_one(rows, 13, "LayerNormalization", "", Norm{.bias = false});
  check_one(rows, 13, "LayerNormalization", "", Norm{.scale = false, .bias = false});
  check_one(rows, 13, "LayerNormalization", "", Norm{.axes = {-2, -1}, .scale_dims = {3, 4}});
  check_one(rows, 13, "LayerNormalization", "", Norm{.axes = {1}, .scale_dims = {3, 1}});

  // images: the channels, as ConvNeXt has it
  Chain images({-1, 3, 2, 2});
  Norm{.axes = {1}, .scale_dims = {3, 1, 1}}(images);
  images.file.output(images.made.back());
  const Model<float> channels = model_of(images.file);
  REQUIRE(types(channels) == std::vector<std::string>{"LayerNormalization"});
  const Tensor<float> y = channels.predict(Tensor<float>({1, 2, 2, 3}, 2.0f));
  for (Index i = 0; i < y.size(); ++i) CHECK(y[i] == doctest::Approx(static_cast<double>(i % 3 + 1)));  // the bias

  const std::string_view type = "LayerNormalization";
  check_none(
      rows, 13,
      [](Chain& c) {  // mean and variance of other axes
        const std::string less = c("Sub", {"x", c("ReduceMean", {"x"}, {{"axes", Extents{1}}})});
        const std::string squares = c("Pow", {less, c.number(2)});
        const std::string mean = c("ReduceMean", {squares}, {{"axes", Extents{2}}});
        c("Div", {less, c("Sqrt", {c("Add", {mean, c.number(1e-5f)})})});
      },
      type);
  const auto with = [](float power, bool added, bool whole) {
    return [=](Chain& c) {
      const std::string less = c("Sub", {"x", c("ReduceMean", {"x"}, {{"axes", Extents{2}}})});
      const std::string mean = c("ReduceMean", {c("Pow", {less, c.number(power)})}, {{"axes", Extents{2}}});
      const std::string root = c("Sqrt", {added ? c("Add", {mean, c.number(1e-5f)}) : mean});
      c("Div", {whole ? "x" : less, root});
    };
  };
  check_none(rows, 13, with(4, true, false), type);
  check_none(rows, 13, with(2, false, false), type);
  check_none(rows, 13, with(2, true, true), type);
  check_none(
      rows, 13,
      [](Chain& c) {  // a difference with another's mean
        const std::string other = c("Abs", {"x"});
        const std::string less = c("Sub", {"x", c("ReduceMean", {other}, {{"axes", Extents{2}}})});
        const std::string mean = c("ReduceMean", {c("Pow", {less, c.number(2)})}, {{"axes", Extents{2}}});
        c("Div", {less, c("Sqrt", {c("Add", {mean, c.number(1e-5f)})})});
      },
      type);
  // what scales is no parameter of the axes: the norm alone
  Chain wide(rows);
  Norm{.scale_dims = {3, 4}}(wide);
  wide.file.output(wide.made.back());
  CHECK(model_of(wide.file).layer_count() > 1);
}

TEST_CASE("ONNX import: a root mean square normalisation in parts is one layer") {
  const Extents rows{-1, 3, 4};
  const auto norm = [](bool inverse, bool scale, bool other) {
    return [=](Chain& c) {
      const std::string mean = c("ReduceMean", {c("Pow", {"x", c.number(2)})}, {{"axes", Extents{-1}}});
      const std::string root = c("Sqrt", {c("Add", {mean, c.number(0.5f)})});
      const std::string over = other ? c("Abs", {"x"}) : "x";
      const std::string y = inverse ? c("Mul", {over, c("Reciprocal", {root})}) : c("Div", {over, root});
      if (scale) c("Mul", {c.list({4}, {1, -2, 3, 4}), y});
    };
  };
  check_one(rows, 13, "RMSNormalization", "", norm(false, true, false));
  check_one(rows, 13, "RMSNormalization", "", norm(true, true, false));
  check_none(rows, 13, norm(false, false, false), "RMSNormalization");
  check_none(rows, 13, norm(false, true, true), "RMSNormalization");
}

/// What PyTorch writes for a GroupNorm of images of 4 channels.
void groups(Chain& c, const std::vector<std::int64_t>& split, const std::vector<std::int64_t>& back,
            const Numbers& ones = {1, 1}, const Extents& dims = {4, 1, 1}) {
  c.file.integers("split", split);
  c.file.integers("back", back);
  c.file.floats("ones", {static_cast<Index>(ones.size())}, ones);
  c.file.floats("zeros", {static_cast<Index>(ones.size())}, Numbers(ones.size(), 0.0f));
  const std::string parts = c("Reshape", {"x", "split"});
  const std::string norm = c("InstanceNormalization", {parts, "ones", "zeros"}, {{"epsilon", 0.125}});
  const std::string whole = c("Reshape", {norm, "back"});
  c("Add", {c("Mul", {whole, c.list(dims, {1, 2, 3, 4})}), c.list(dims, {5, 6, 7, 8})});
}

TEST_CASE("ONNX import: an instance normalisation between reshapes is a group normalisation") {
  const Extents image{2, 4, 2, 2};
  const auto one = [&](const std::vector<std::int64_t>& split, const std::vector<std::int64_t>& back) {
    Chain chain(image), open(image);
    groups(chain, split, back);
    groups(open, split, back);
    chain.file.output(chain.made.back());
    open.file.output(open.made.back());
    open.file.output(open.made[0]);
    const Model<float> made = model_of(chain.file), parts = model_of(open.file);
    REQUIRE(types(made) == std::vector<std::string>{"GroupNormalization"});
    const Tensor<float> x = drawn({2, 2, 2, 4}, 3), y = made.predict(x);
    const TensorView<const float> view(x);
    const auto all = parts.predict(Inputs<float>(&view, 1));
    // channels first or last, as the last node leaves it
    REQUIRE(all[0].size() == y.size());
    const bool turned = all[0].shape() != y.shape();
    for (Index n = 0; n < 2; ++n)
      for (Index p = 0; p < 4; ++p)
        for (Index k = 0; k < 4; ++k)
          CHECK(y[(n * 4 + p) * 4 + k] ==
                doctest::Approx(turned ? all[0][(n * 4 + k) * 4 + p] : all[0][(n * 4 + p) * 4 + k]).epsilon(1e-5));
  };
  one({0, 2, -1}, {2, 4, 2, 2});
  one({2, 2, 8}, {0, 4, 2, 2});
  one({0, 2, -1}, {-1, 4, 2, 2});
  const auto none = [&](const std::vector<std::int64_t>& split, const std::vector<std::int64_t>& back,
                        const Numbers& ones, const Extents& dims) {
    Chain chain(image);
    groups(chain, split, back, ones, dims);
    chain.file.output(chain.made.back());
    for (const std::string& type : types(model_of(chain.file))) {
      const bool whole = type == "GroupNormalization" && model_of(chain.file).layer_count() == 1;
      CHECK_FALSE(whole);
    }
  };
  none({0, 2, -1}, {2, 4, 2, 2}, {1, 2}, {4, 1, 1});  // scaled before
  none({0, 2, -1}, {2, 4, 1, 4}, {1, 1}, {4, 1, 1});  // to another shape
  none({0, 2, -1}, {2, 4, 2, 2}, {1, 1}, {1, 2, 2});  // for places, not for channels
}

// branches

Tensor<float> of(const GraphFile& file, const Numbers& x) {
  return model_of(file).predict(keel_test::tensor_of({1, static_cast<Index>(x.size())}, x));
}

TEST_CASE("ONNX import: an If whose condition is known is the branch that it takes") {
  for (const bool holds : {true, false}) {
    GraphFile file;
    file.input("x", {-1, 2});
    file.node("Shape", {"x"}, {"shape"});
    file.integers("one", {}, {1});
    file.integers("extent", {}, {holds ? 2 : 3});
    file.node("Gather", {"shape", "one"}, {"features"});
    file.node("Equal", {"features", "extent"}, {"condition"});
    file.node("Add", {"x", "outer"}, {"sum"});
    file.floats("outer", {}, {1});
    // both branches have the same names inside, and take a value from outside
    const auto branch = [](const char* op, float by) {
      return branch_of([&](GraphFile& graph) {
        graph.floats("by", {}, {by});
        graph.node(op, {"sum", "by"}, {"inner"}, {}, "inner");
        graph.node("Neg", {"inner"}, {"out"});
        graph.output("out");
      });
    };
    add_if(file, "condition", {"chosen"}, branch("Mul", 10), branch("Sub", 100));
    file.node("Add", {"chosen", "outer"}, {"y"});
    file.output("y");
    const Tensor<float> y = of(file, {1, 2});
    CHECK(y[0] == doctest::Approx(holds ? -19 : 99));
    CHECK(y[1] == doctest::Approx(holds ? -29 : 98));
  }
}

TEST_CASE("ONNX import: branches in branches, and values that only a branch uses") {
  GraphFile file;
  file.input("x", {-1, 2});
  file.add(keel::io::onnx::graph_field::initializer, GraphFile::tensor_of("yes", {}, 9, std::string(1, '\1')));
  file.floats("w", {2, 2}, {1, 2, 3, 4});
  file.floats("b", {2}, {10, 20});
  file.node("MatMul", {"x", "w"}, {"m"});
  const std::string inside = branch_of([](GraphFile& graph) {
    graph.node("Neg", {"m"}, {"n"});
    graph.output("n");
  });
  const std::string same = branch_of([](GraphFile& graph) { graph.output("m"); });
  const std::string outside = branch_of([&](GraphFile& graph) {
    add_if(graph, "yes", {"deep"}, inside, same);
    graph.node("Abs", {"deep"}, {"n"});
    graph.output("n");
  });
  add_if(file, "yes", {"c"}, outside, same);
  file.node("Add", {"m", "b"}, {"d"});  // no part of the MatMul, whose own values the branch takes
  file.node("Add", {"c", "d"}, {"y"});
  file.output("y");
  const Tensor<float> y = of(file, {1, -1});
  CHECK(y[0] == doctest::Approx(2 - 2 + 10));
  CHECK(y[1] == doctest::Approx(2 - 2 + 20));
}

TEST_CASE(
    "ONNX import: an If is refused whose condition is computed or depends on the batch, and what its branch holds") {
  const std::string good = branch_of([](GraphFile& graph) {
    graph.node("Neg", {"x"}, {"n"});
    graph.output("n");
  });
  const std::string bad = branch_of([](GraphFile& graph) {
    graph.node("Nonsense", {"x"}, {"n"}, {}, "inner");
    graph.output("n");
  });
  const auto file = [&](const std::string& condition, const std::string& then_branch) {
    GraphFile made;
    made.input("x", {-1, 2});
    made.integers("zero", {}, {0});
    made.integers("one", {}, {1});
    made.node("Shape", {"x"}, {"shape"});
    made.node("Gather", {"shape", "zero"}, {"samples"});
    if (condition == "batch") made.node("Equal", {"samples", "one"}, {"batch"});
    if (condition == "computed") made.node("Not", {"x"}, {"computed"});
    add_if(made, condition, {"y"}, then_branch, good);
    made.output("y");
    return made;
  };
  CHECK(refusal(file("one", good)) == "accepted");
  CHECK(refusal(file("zero", bad)) == "accepted");
  CHECK(has(refusal(file("one", bad)), "in its branch, Nonsense 'inner'"));
  CHECK(has(refusal(file("computed", good)), "known when the file is read"));
  CHECK(has(refusal(file("batch", good)), "the size of the batch"));
  GraphFile loop;
  loop.input("x", {-1, 2});
  loop.node("Loop", {"x"}, {"y"});
  loop.output("y");
  CHECK(has(refusal(loop), "Loop x1"));
}

// functions

/// A node one of whose attributes is that of the call.
std::string referring(const std::string& op, const std::string& x, const std::string& y, const std::string& name,
                      const std::string& reference) {
  namespace node = keel::io::onnx::node_field;
  return GraphFile::message([&](Message& to) {
    to.add_string(node::input, x);
    to.add_string(node::output, y);
    to.add_string(node::op_type, op);
    to.add_bytes(node::attribute, GraphFile::message([&](Message& made) {
                   made.add_string(keel::io::onnx::attribute_field::name, name);
                   made.add_string(keel::io::onnx::attribute_field::ref_attr_name, reference);
                   made.add_int32(keel::io::onnx::attribute_field::type, 1);
                 }));
  });
}

TEST_CASE("ONNX import: functions of the model stand for their nodes, wherever they are called") {
  GraphFile file;
  file.input("x", {-1, 2});
  add_function(file, {.name = "Leak",
                      .inputs = {"a"},
                      .outputs = {"b"},
                      .nodes = {referring("LeakyRelu", "a", "t", "alpha", "slope"),
                                GraphFile::node_of("Neg", {"t"}, {"b"}, {}, "turn")}});
  add_function(file, {.name = "Twice",
                      .inputs = {"a", "absent"},
                      .outputs = {"b", "same"},
                      .nodes = {GraphFile::node_of("Leak", {"a"}, {"t"}, {{"slope", 0.5}}, "first", "my"),
                                GraphFile::node_of("Leak", {"t"}, {"b"}, {}, "second", "my"),
                                GraphFile::node_of("Identity", {"a"}, {"same"})}});
  file.node("Twice", {"x"}, {"h", "s"}, {}, "call", "my");
  file.node("Leak", {"h"}, {"k"}, {{"slope", 0.25}}, "again", "my");
  file.node("Add", {"k", "s"}, {"y"});
  file.output("y");
  // -2: -1 turned 1, turned -1; 1/4 of it turned 1/4, and -2
  const Model<float> model = model_of(file);
  const Tensor<float> y = model.predict(keel_test::tensor_of({1, 2}, {-2, 4}));
  CHECK(y[0] == doctest::Approx(0.25 - 2));
  // 4: -4 turned; its hundredth, 0.04, turned; a quarter, turned
  CHECK(y[1] == doctest::Approx(-0.04 + 4));
  CHECK(model.layer("call/first/turn").type() == "Elementwise");
}

TEST_CASE("ONNX import: what functions must not do is refused") {
  const auto call = [](const Function& function, const Names& inputs = {"x"}) {
    GraphFile file;
    file.input("x", {-1, 2});
    add_function(file, function);
    file.node(function.name, inputs, {"y"}, {}, "call", "my");
    file.output("y");
    return refusal(file);
  };
  const std::string neg = GraphFile::node_of("Neg", {"a"}, {"b"});
  CHECK(call({.name = "F", .inputs = {"a"}, .outputs = {"b"}, .nodes = {neg}}) == "accepted");
  CHECK(has(call({.name = "F", .inputs = {"a"}, .outputs = {"b"}, .nodes = {neg}, .opset = 12}), "opset 13"));
  CHECK(has(call({.name = "F", .inputs = {"a"}, .outputs = {"b"}, .nodes = {neg}}, {"x", "x"}), "as many inputs"));
  CHECK(has(call({.name = "F",
                  .inputs = {"a"},
                  .outputs = {"b"},
                  .nodes = {GraphFile::node_of("F", {"a"}, {"b"}, {}, "", "my")}}),
            "nested at most 32 deep"));
  // each calls twice: no end of nodes
  std::string twice = GraphFile::node_of("F", {"a"}, {"t"}, {}, "", "my");
  CHECK(has(call({.name = "F",
                  .inputs = {"a"},
                  .outputs = {"b"},
                  .nodes = {twice, GraphFile::node_of("F", {"t"}, {"b"}, {}, "", "my")}}),
            "32 deep"));
  CHECK(has(call({.name = "F",
                  .inputs = {"a"},
                  .outputs = {"b"},
                  .nodes = {GraphFile::node_of("G", {"a"}, {"b"}, {}, "", "your")}}),
            "your::G x1"));
  // an attribute that refers to a call, where there is none
  GraphFile file;
  file.input("x", {-1, 2});
  file.add(keel::io::onnx::graph_field::node, referring("LeakyRelu", "x", "y", "alpha", "slope"));
  file.output("y");
  CHECK(has(refusal(file), "alpha"));
}

// operators of com.microsoft, and of old opsets

GraphFile vendor(const std::string& op, const Extents& dims, const Names& more = {},
                 const Attributes& attributes = {}) {
  GraphFile file;
  file.input("x", dims);
  Names inputs{"x"};
  inputs.insert(inputs.end(), more.begin(), more.end());
  file.node(op, inputs, {"y"}, attributes, "it", "com.microsoft");
  file.output("y");
  return file;
}
void check_values(const Tensor<float>& y, const std::vector<double>& right) {
  REQUIRE(static_cast<std::size_t>(y.size()) == right.size());
  for (std::size_t i = 0; i < right.size(); ++i)
    CHECK(static_cast<double>(y[static_cast<Index>(i)]) == doctest::Approx(right[i]).epsilon(1e-5));
}
double gelu(double x) { return x / 2 * (1 + std::erf(x * std::sqrt(0.5))); }
double gelu_tanh(double x) {
  return x / 2 * (1 + std::tanh(std::sqrt(2 / 3.14159265358979) * (x + 0.044715 * x * x * x)));
}

TEST_CASE("ONNX import: ONNX Runtime's forms of GELU, and layer normalisation of a sum") {
  check_values(of(vendor("Gelu", {-1, 2}), {1, -2}), {gelu(1), gelu(-2)});
  check_values(of(vendor("FastGelu", {-1, 2}), {1, -2}), {gelu_tanh(1), gelu_tanh(-2)});
  for (const char* op : {"BiasGelu", "FastGelu"}) {
    GraphFile file = vendor(op, {-1, 2}, {"b"});
    file.floats("b", {2}, {0.5f, 1});
    const bool fast = op == std::string("FastGelu");
    check_values(of(file, {1, -2}), {fast ? gelu_tanh(1.5) : gelu(1.5), fast ? gelu_tanh(-1) : gelu(-1)});
  }
  check_values(of(vendor("QuickGelu", {-1, 2}), {1, -2}), {1 / (1 + std::exp(-1.702)), -2 / (1 + std::exp(3.404))});
  check_values(of(vendor("QuickGelu", {-1, 1}, {}, {{"alpha", 2.0}}), {1}), {1 / (1 + std::exp(-2.0))});

  GraphFile file;
  file.input("x", {-1, 2});
  file.input("s", {-1, 2});
  file.floats("g", {2}, {2, 3});
  file.floats("b", {2}, {10, 20});
  file.floats("more", {2}, {1, 0});
  file.node("SkipLayerNormalization", {"x", "s", "g", "b", "more"}, {"y", "", "", "sum"}, {{"epsilon", 0.75}}, "it",
            "com.microsoft");
  file.output("y");
  file.output("sum");
  const Model<float> model = model_of(file);
  const Tensor<float> x = keel_test::tensor_of({1, 2}, {1, 2}), s = keel_test::tensor_of({1, 2}, {1, 2});
  const std::vector<TensorView<const float>> views{x, s};
  const auto y = model.predict(Inputs<float>(views.data(), 2));
  check_values(Tensor<float>(y[1]), {3, 4});  // 0.5 of the mean, by the root of 1/4 + 3/4
  check_values(Tensor<float>(y[0]), {-0.5 * 2 + 10, 0.5 * 3 + 20});
  GraphFile plain;
  plain.input("x", {-1, 2});
  plain.floats("g", {2}, {2, 3});
  plain.node("SimplifiedLayerNormalization", {"x", "g"}, {"y"}, {{"epsilon", 0.0}});
  plain.output("y");
  check_values(of(plain, {1, 7}), {2 / 5.0, 21 / 5.0});
  CHECK(has(refusal(vendor("Attention", {-1, 2, 4})), "com.microsoft::Attention x1"));
}

TEST_CASE("ONNX import: a convolution with its activation inside") {
  const auto y = [](const std::string& activation, const std::vector<double>& numbers) {
    Attributes attributes;
    if (!activation.empty()) attributes.push_back({"activation", activation});
    if (!numbers.empty()) attributes.push_back({"activation_params", numbers});
    GraphFile file = vendor("FusedConv", {-1, 1, 1, 2}, {"w", "b"}, attributes);
    file.floats("w", {1, 1, 1, 1}, {2});
    file.floats("b", {1}, {1});
    const std::string said = refusal(file);
    if (said != "accepted") return said;
    const Tensor<float> z = model_of(file).predict(keel_test::tensor_of({1, 1, 2, 1}, {1, -1}));
    return std::to_string(z[0]) + " " + std::to_string(z[1]);
  };
  CHECK(y("", {}) == "3.000000 -1.000000");
  CHECK(y("Relu", {}) == "3.000000 0.000000");
  CHECK(y("LeakyRelu", {0.25}) == "3.000000 -0.250000");
  CHECK(y("Clip", {-0.5, 2}) == "2.000000 -0.500000");
  CHECK(has(y("Tanh", {}), "0.995055"));
  CHECK(has(y("Clip", {}), "numbers of its activation 'Clip'"));
  CHECK(has(y("Cosine", {}), "an activation Relu, LeakyRelu"));
}

TEST_CASE("ONNX import: before opset 7 an axis said where a constant is broadcast, and PRelu had a slope a channel") {
  GraphFile sum = keel_test::one_node("Add", {-1, 2, 1, 2}, {"b"}, {{"broadcast", Index{1}}, {"axis", Index{1}}}, 6);
  sum.floats("b", {2}, {10, 20});
  check_values(model_of(sum).predict(keel_test::tensor_of({1, 1, 2, 2}, {1, 2, 3, 4})), {11, 22, 13, 24});
  GraphFile last = keel_test::one_node("Mul", {-1, 2, 2}, {"b"}, {{"broadcast", Index{1}}}, 6);
  last.floats("b", {2}, {10, 20});
  check_values(model_of(last).predict(keel_test::tensor_of({1, 2, 2}, {1, 2, 3, 4})), {10, 40, 30, 80});
  GraphFile far_axis = keel_test::one_node("Add", {-1, 2}, {"b"}, {{"broadcast", Index{1}}, {"axis", Index{2}}}, 6);
  far_axis.floats("b", {2}, {10, 20});
  CHECK(has(refusal(far_axis), "an axis from which the second input fits"));
  CHECK(has(refusal(keel_test::one_node("Add", {-1, 2}, {"x"}, {{"broadcast", Index{1}}}, 7)), "'broadcast'"));
  GraphFile slope = keel_test::one_node("PRelu", {-1, 2, 1, 2}, {"a"}, {}, 6);
  slope.floats("a", {2}, {0.5f, 0.25f});
  check_values(model_of(slope).predict(keel_test::tensor_of({1, 1, 2, 2}, {-1, -2, 3, -4})), {-0.5, -0.5, 3, -1});
  CHECK(refusal(keel_test::one_node("Softplus", {-1, 2}, {}, {}, 1)) == "accepted");
  CHECK(has(refusal(keel_test::one_node("Selu", {-1, 2}, {}, {}, 5)), "Selu x1"));
}

}  // namespace onnx_graphs

}  // namespace

#endif
