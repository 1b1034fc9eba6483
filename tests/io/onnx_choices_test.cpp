/// ONNX's operators that multiply computed values, and those that find, choose and count, worked out by hand.

#include <cmath>

#include <doctest/doctest.h>

#include <keel/io/load.hpp>

#if KEEL_HAS_PROTOBUF
#include "io/onnx/imported.hpp"

namespace {

namespace onnx_choices {

using namespace keel;
using keel_test::GraphFile;
using keel_test::model_of;
using keel_test::refusal;
using keel_test::tensor_of;
using Numbers = std::vector<float>;
using Extents = std::vector<Index>;

void check_values(const Tensor<float>& y, const Shape& shape, const Numbers& right) {
  CHECK(y.shape() == shape);
  REQUIRE(static_cast<std::size_t>(y.size()) == right.size());
  for (std::size_t i = 0; i < right.size(); ++i) {
    CAPTURE(i);
    CHECK(y[static_cast<Index>(i)] == doctest::Approx(right[i]).epsilon(1e-5));
  }
}
/// An input with its values, of one sample that has no batch.
struct Input {
  Extents dims;
  Numbers values;
  int type = 1;
  bool constant = false;  ///< of integers
};
/// A node, and one of its outputs. An input without values is absent.
struct Choice {
  const char* op;
  Index opset;
  GraphFile::Attributes attributes;
  std::vector<Input> inputs;
  Extents dims;
  Numbers right;
  std::size_t output = 0;
};
void check_choice(const Choice& choice, const OnnxImportOptions& options, bool batch) {
  const std::string op = choice.op;
  CAPTURE(op);
  GraphFile file;
  file.opset = choice.opset;
  GraphFile::Names names;
  std::vector<Tensor<float>> x;
  for (const Input& input : choice.inputs) {
    names.push_back(input.values.empty() ? "" : "x" + std::to_string(names.size()));
    if (input.values.empty()) continue;
    Extents dims = input.dims;
    if (input.constant) {
      file.integers(names.back(), dims, std::vector<std::int64_t>(input.values.begin(), input.values.end()));
      continue;
    }
    if (batch) dims[0] = -1;
    file.input(names.back(), dims, input.type);
    dims = input.dims;
    if (!batch) dims.insert(dims.begin(), 1);
    x.push_back(tensor_of(dims, input.values));
  }
  GraphFile::Names outputs(choice.output);
  outputs.push_back("y");
  file.node(op, names, outputs, choice.attributes);
  file.output("y");
  const std::vector<TensorView<const float>> views(x.begin(), x.end());
  Extents dims = choice.dims;
  if (!batch) dims.insert(dims.begin(), 1);
  check_values(model_of(file, options).predict(Inputs<float>(views.data(), views.size()))[0],
               Shape(std::span<const Index>(dims)), choice.right);
}

const Index no = 0, yes = 1;
const Input square{{2, 2}, {1, 2, 3, 4}}, other{{2, 2}, {5, 6, 7, 8}}, row{{2}, {1, 10}};
const Input three{{2, 3}, {1, 5, 5, 9, 2, 0}};

TEST_CASE("ONNX import: products of computed matrices") {
  const Choice whole[] = {
      {"MatMul", 13, {}, {square, other}, {2, 2}, {19, 22, 43, 50}},
      {"MatMul", 13, {}, {square, row}, {2}, {21, 43}},
      {"MatMul", 13, {}, {row, square}, {2}, {31, 42}},
      {"MatMul", 13, {}, {row, row}, {}, {101}},
      {"MatMul", 13, {}, {{{2, 1, 2}, {1, 2, 3, 4}}, other}, {2, 1, 2}, {19, 22, 43, 50}},
      {"Gemm", 13, {{"transA", yes}, {"alpha", 2.0}}, {square, other}, {2, 2}, {52, 60, 76, 88}},
      {"Gemm", 13, {{"transB", yes}, {"beta", 3.0}}, {square, other, row}, {2, 2}, {20, 53, 42, 83}},
      {"Einsum", 12, {{"equation", std::string("ij,jk->ik")}}, {square, other}, {2, 2}, {19, 22, 43, 50}},
      {"Einsum", 12, {{"equation", std::string("ij, kj -> ki")}}, {square, other}, {2, 2}, {17, 39, 23, 53}},
      {"Einsum", 12, {{"equation", std::string("ij,j")}}, {square, row}, {2}, {21, 43}},
      {"Einsum", 12, {{"equation", std::string("i,j->ij")}}, {row, row}, {2, 2}, {1, 10, 10, 100}},
      {"Einsum", 12, {{"equation", std::string("ij->j")}}, {square}, {2}, {4, 6}},
      {"Einsum", 12, {{"equation", std::string("ij->ji")}}, {square}, {2, 2}, {1, 3, 2, 4}},
      {"Einsum", 12, {{"equation", std::string("ij,ij->i")}}, {square, other}, {2}, {17, 53}},
  };
  for (const Choice& each : whole) check_choice(each, {.batch = OnnxBatch::none}, false);
  for (const auto& [equation, right] : {std::pair("...j,jk->...k", Numbers{19, 22, 43, 50}),
                                        {"...j,...j->...", Numbers{17, 53}},
                                        {"...ij->...ji", Numbers{1, 3, 2, 4}}}) {
    const std::vector<Input> inputs = std::string(equation).find(',') == std::string::npos
                                          ? std::vector<Input>{square}
                                          : std::vector<Input>{square, other};
    const Extents dims = right.size() == 2 ? Extents{2} : Extents{2, 2};
    check_choice({"Einsum", 12, {{"equation", std::string(equation)}}, inputs, dims, right}, {.batch = OnnxBatch::none},
                 false);
  }
  const Choice samples[] = {
      {"MatMul", 13, {}, {{{2, 1, 2}, {1, 2, 3, 4}}, {{2, 2, 1}, {1, 10, 100, 1000}}}, {2, 1, 1}, {21, 4300}},
      {"Einsum",
       12,
       {{"equation", std::string("nij,nkj->nik")}},
       {{{2, 1, 2}, {1, 2, 3, 4}}, {{2, 1, 2}, {1, 10, 100, 1000}}},
       {2, 1, 1},
       {21, 4300}},
  };
  for (const Choice& each : samples) check_choice(each, {}, true);
}
TEST_CASE("ONNX import: Einsum with a constant is a Dense where it is one, whatever the order of the letters") {
  struct Sum {
    const char* equation;
    Extents dims;  ///< of the constant 1, 2, 3, ...
    Extents result;
    Numbers right;
    const char* type;
    bool constant_first = false;
  };
  // x is (1, 2, 3): 1, 2, 3 and 4, 5, 6
  const Sum sums[] = {
      {"nij,jk->nik", {3, 1}, {1, 2, 1}, {14, 32}, "Dense"},
      {"nij,kj->nki", {1, 3}, {1, 1, 2}, {14, 32}, "Dense"},
      {"...j,jk->...k", {3, 1}, {1, 2, 1}, {14, 32}, "Dense"},
      {"nij,jia->na", {3, 2, 1}, {1, 1}, {1 + 6 + 15 + 8 + 20 + 36}, "Dense"},
      {"nij,jab->niab", {3, 1, 2}, {1, 2, 1, 2}, {22, 28, 49, 64}, "Dense"},
      {"jk,nij->nik", {3, 1}, {1, 2, 1}, {14, 32}, "Dense", true},
      {"nij,ij->nij", {2, 3}, {1, 2, 3}, {1, 4, 9, 16, 25, 36}, "MatMul"},
      {"nij,ijk->nik", {2, 3, 1}, {1, 2, 1}, {14, 77}, "MatMul"},
      {"nij,k->nijk", {1}, {1, 2, 3, 1}, {1, 2, 3, 4, 5, 6}, "MatMul"},
  };
  for (const Sum& each : sums) {
    CAPTURE(std::string(each.equation));
    GraphFile file;
    file.input("x", {-1, 2, 3});
    Index count = 1;
    for (const Index dim : each.dims) count *= dim;
    Numbers numbers(static_cast<std::size_t>(count));
    for (std::size_t i = 0; i < numbers.size(); ++i) numbers[i] = static_cast<float>(i + 1);
    file.floats("c", each.dims, numbers);
    const GraphFile::Names names = each.constant_first ? GraphFile::Names{"c", "x"} : GraphFile::Names{"x", "c"};
    file.node("Einsum", names, {"y"}, {{"equation", std::string(each.equation)}});
    file.output("y");
    const Model<float> model = model_of(file);
    bool found = false;
    for (Index i = 0; i < model.layer_count(); ++i) found = found || model.layer(i).type() == each.type;
    CHECK(found);
    check_values(model.predict(tensor_of({1, 2, 3}, {1, 2, 3, 4, 5, 6})), Shape(std::span<const Index>(each.result)),
                 each.right);
  }
}
TEST_CASE("ONNX import: what depends on constants alone is settled, whatever operator computes it") {
  struct Settled {
    const char* op;
    Extents dims;
    Numbers constant;
    GraphFile::Attributes attributes;
    std::vector<std::int64_t> second;
    Numbers right;  ///< added to x
    Index opset = 13;
  };
  const Settled cases[] = {
      {"Sigmoid", {2}, {0, 0}, {}, {}, {0.5f, 0.5f}},
      {"Softmax", {1, 2}, {0, std::log(3.0f)}, {}, {}, {0.25f, 0.75f}},
      {"ReduceL2", {2, 2}, {3, 6, 4, 8}, {{"axes", Extents{0}}, {"keepdims", no}}, {}, {5, 10}},
      {"ReduceProd", {2, 2}, {3, 6, 4, 8}, {{"axes", Extents{0}}, {"keepdims", yes}}, {}, {12, 48}},
      {"Resize", {1, 1, 1, 1}, {7}, {}, {}, {7, 7}},
      {"AveragePool", {1, 1, 2, 2}, {1, 2, 3, 4}, {{"kernel_shape", Extents{2, 1}}}, {}, {2, 3}},
      {"Tile", {1}, {4}, {}, {2}, {4, 4}},
      {"Pad", {1}, {4}, {}, {1, 0}, {0, 4}},
      {"MatMul", {2}, {4, 5}, {}, {}, {41, 41}},
  };
  for (const Settled& each : cases) {
    const std::string op = each.op;
    CAPTURE(op);
    GraphFile file;
    const bool image = each.dims.size() == 4;
    file.input("x", image ? Extents{-1, 1, 1, 2} : Extents{-1, 2});
    file.floats("c", each.dims, each.constant);
    file.floats("factors", {2, 2}, {4, 4, 5, 5});
    file.floats("scales", {4}, {1, 1, 1, 2});
    if (!each.second.empty()) file.integers("second", each.second);
    GraphFile::Names names{"c"};
    if (op == "Resize") names.insert(names.end(), {"", "scales"});
    if (op == "MatMul") names.push_back("factors");
    if (!each.second.empty()) names.push_back("second");
    file.node(op, names, {"made"}, each.attributes);
    file.node("Add", {"x", "made"}, {"y"});
    file.output("y");
    const Model<float> model = model_of(file);
    CHECK(model.layer_count() == 1);
    const Tensor<float> y = model.predict(tensor_of(image ? Extents{1, 1, 2, 1} : Extents{1, 2}, {0, 0}));
    REQUIRE(y.size() == 2);
    for (std::size_t i = 0; i < 2; ++i) CHECK(y[static_cast<Index>(i)] == doctest::Approx(each.right[i]));
  }
  // how many values a sample has, as some exporters flatten it
  GraphFile file;
  file.input("x", {-1, 2, 3});
  file.node("Shape", {"x"}, {"shape"}, {});
  file.integers("one", {1});
  file.integers("end", {3});
  file.integers("open", {-1});
  file.node("Slice", {"shape", "one", "end"}, {"own"});
  file.node("ReduceProd", {"own"}, {"count"}, {{"axes", Extents{0}}});
  file.node("Concat", {"open", "count"}, {"row"}, {{"axis", no}});
  file.node("Reshape", {"x", "row"}, {"y"});
  file.output("y");
  CHECK(model_of(file).output_shape(0) == Shape{6});
  // by how much it is larger, the batch by 1
  GraphFile scaled;
  scaled.input("x", {-1, 1, 2, 2});
  scaled.node("Shape", {"x"}, {"shape"}, {});
  scaled.node("Cast", {"shape"}, {"from"}, {{"to", Index{1}}});
  scaled.integers("first", {0});
  scaled.integers("rest", {1, 4, 6});
  scaled.node("Gather", {"shape", "first"}, {"batch"});
  scaled.node("Concat", {"batch", "rest"}, {"sizes"}, {{"axis", no}});
  scaled.node("Cast", {"sizes"}, {"wanted"}, {{"to", Index{1}}});
  scaled.node("Div", {"wanted", "from"}, {"scales"});
  scaled.node("Resize", {"x", "", "scales"}, {"y"});
  scaled.output("y");
  CHECK(model_of(scaled).output_shape(0) == Shape{4, 6, 1});
}
TEST_CASE("ONNX import: ConstantFill of the input's shape, as PyTorch wrote it before opset 9") {
  const auto filled = [](const GraphFile::Attributes& attributes) {
    GraphFile file;
    file.opset = 7;
    file.input("x", {-1, 2});
    file.node("Shape", {"x"}, {"shape"}, {});
    file.node("ConstantFill", {"shape"}, {"c"}, attributes);
    file.node("Sub", {"x", "c"}, {"y"});
    file.output("y");
    return file;
  };
  const Model<float> model = model_of(filled({{"dtype", yes}, {"input_as_shape", yes}, {"value", 3.0}}));
  check_values(model.predict(tensor_of({1, 2}, {1, 2})), Shape{1, 2}, {-2, -1});
  CHECK(refusal(filled({{"value", 3.0}})).find("a shape as input") != std::string::npos);
}
TEST_CASE("ONNX import: a constant of the input's shape meets it, and stands beside it") {
  GraphFile file;
  file.input("x", {-1, 2});
  file.node("Shape", {"x"}, {"shape"}, {});
  file.node("ConstantOfShape", {"shape"}, {"zeros"});
  file.node("Cos", {"zeros"}, {"ones"});
  file.node("Sub", {"x", "ones"}, {"less"});
  file.node("Greater", {"less", "zeros"}, {"above"});
  file.node("Where", {"above", "less", "zeros"}, {"chosen"});
  file.node("Concat", {"chosen", "ones"}, {"y"}, {{"axis", yes}});
  file.output("y");
  const Tensor<float> y = model_of(file).predict(tensor_of({2, 2}, {0, 3, 5, 1}));
  check_values(y, Shape{2, 4}, {0, 2, 1, 1, 4, 0, 1, 1});
}
TEST_CASE("ONNX import: integers stay integers in products and tables, so that what divides them cuts the rest") {
  struct Integers {
    const char* op;
    GraphFile::Names inputs;
    Numbers right;
  };
  const Integers cases[] = {
      {"MatMul", {"x", "square"}, {2, 3, 9, 12}},  // of 5, 7, 18, 25
      {"Gemm", {"x", "square"}, {2, 3, 9, 12}},
      {"MatMul", {"x", "x"}, {0, 1, 1, 5}},
      {"Gather", {"table", "x"}, {1, 3, 3, 3, 3, 3, 1, 2}},
  };
  for (const Integers& each : cases) {
    CAPTURE(std::string(each.op));
    GraphFile file;
    file.input("x", {2, 2}, 7);
    file.integers("table", {4, 2}, {3, 7, 6, 7, 8, 9, 3, 4});
    file.integers("square", {2, 2}, {3, 4, 5, 7});
    file.integers("two", {}, {2});
    file.node(each.op, each.inputs, {"made"});
    file.node("Div", {"made", "two"}, {"y"});
    file.output("y");
    const Tensor<float> x = tensor_of({1, 2, 2}, {0, 1, 1, 3});
    const Tensor<float> y = model_of(file, {.batch = OnnxBatch::none}).predict(x);
    REQUIRE(static_cast<std::size_t>(y.size()) == each.right.size());
    for (std::size_t i = 0; i < each.right.size(); ++i) CHECK(y[static_cast<Index>(i)] == each.right[i]);
  }
}
TEST_CASE("ONNX import: products that would mix samples, and equations that are no products") {
  GraphFile file;
  file.input("a", {-1, 2});
  file.input("b", {-1, 2});
  file.node("MatMul", {"a", "b"}, {"y"});
  file.output("y");
  CHECK(refusal(file).find("the batch before the matrices") != std::string::npos);
  for (const char* equation : {"ii->i", "..ij->ij", ".ij...->ij", "ij,jk,kl->il", "ij->ik", "ij->ii", "jk,ij->ik"}) {
    CAPTURE(std::string(equation));
    GraphFile sums;
    sums.opset = 12;
    sums.input("a", {-1, 2});
    GraphFile::Names names{"a"};
    for (const char letter : std::string(equation))
      if (letter == ',') {
        names.push_back("b" + std::to_string(names.size()));
        sums.input(names.back(), {-1, 2});
      }
    sums.node("Einsum", names, {"y"}, {{"equation", std::string(equation)}});
    sums.output("y");
    CHECK(refusal(sums).find("expected") != std::string::npos);
  }
}
TEST_CASE("ONNX import: attention of heads, with a mask, causal, in rows and cut") {
  // one query of two, keys of which the second is like it: scores 0 and ln 3 after the scale
  const float l = std::log(3.0f);
  const Input query{{1, 1, 1, 2}, {l, 0}}, keys{{1, 1, 2, 2}, {0, 1, 1, 0}}, values{{1, 1, 2, 1}, {10, 20}};
  const Input twice{{1, 1, 2, 2}, {l, 0, l, 0}}, both{{1, 2, 2}, {l, l, 0, 0}}, row_keys{{1, 2, 2}, {0, 0, 1, 1}};
  const Choice samples[] = {
      {"Attention", 23, {{"scale", 1.0}}, {query, keys, values}, {1, 1, 1, 1}, {17.5f}},
      {"Attention", 23, {}, {{{1, 1, 1, 2}, {l * std::sqrt(2.0f), 0}}, keys, values}, {1, 1, 1, 1}, {17.5f}},
      {"Attention", 23, {{"scale", 1.0}, {"is_causal", yes}}, {twice, keys, values}, {1, 1, 2, 1}, {10, 17.5f}},
      // two heads of one number each
      {"Attention",
       23,
       {{"scale", 1.0}, {"q_num_heads", Index{2}}, {"kv_num_heads", Index{2}}},
       {both, row_keys, {{1, 2, 2}, {10, 100, 20, 200}}},
       {1, 2, 2},
       {17.5f, 175, 15, 150}},
  };
  for (const Choice& each : samples) {
    check_choice(each, {}, true);
    check_choice(each, {.batch = OnnxBatch::none}, false);
  }
  const Choice masked[] = {
      {"Attention", 23, {{"scale", 1.0}}, {query, keys, values, {{1, 2}, {l, 0}}}, {1, 1, 1, 1}, {15}},
      {"Attention", 23, {{"scale", 1.0}}, {query, keys, values, {{1, 2}, {1, 0}, 9}}, {1, 1, 1, 1}, {10}},
      // the mask gives both rows even scores, the diagonal hides the first one's second
      {"Attention",
       23,
       {{"scale", 1.0}, {"is_causal", yes}},
       {twice, keys, values, {{1, 2}, {l, 0}}},
       {1, 1, 2, 1},
       {10, 15}},
  };
  for (const Choice& each : masked) check_choice(each, {.batch = OnnxBatch::none}, false);
}
TEST_CASE("ONNX import: attention behind a past, of fewer heads of keys, and its other outputs") {
  const float l = std::log(3.0f);
  const Input query{{1, 1, 1, 2}, {l, 0}}, twice{{1, 1, 2, 2}, {l, 0, l, 0}}, heads{{1, 2, 1, 2}, {l, 0, 0, l}};
  const Input keys{{1, 1, 2, 2}, {0, 1, 1, 0}}, values{{1, 1, 2, 1}, {10, 20}}, absent{};
  const Input old_key{{1, 1, 1, 2}, {0, 1}}, old_value{{1, 1, 1, 1}, {10}}, key{{1, 1, 1, 2}, {1, 0}},
      value{{1, 1, 1, 1}, {20}};
  const GraphFile::Attributes one{{"scale", 1.0}}, causal{{"scale", 1.0}, {"is_causal", yes}};
  const auto mode = [](Index number) {
    return GraphFile::Attributes{{"scale", 1.0}, {"qk_matmul_output_mode", number}, {"softcap", 2.0}};
  };
  const float cut = 2 * std::tanh(l / 2), share = std::exp(cut) / (1 + std::exp(cut));
  const Choice samples[] = {
      {"Attention", 23, one, {query, key, value, absent, old_key, old_value}, {1, 1, 1, 1}, {17.5f}},
      {"Attention", 23, one, {query, key, value, absent, old_key, old_value}, {1, 1, 2, 2}, {0, 1, 1, 0}, 1},
      {"Attention", 23, one, {query, key, value, absent, old_key, old_value}, {1, 1, 2, 1}, {10, 20}, 2},
      // the one query stands behind the past
      {"Attention", 23, causal, {query, key, value, absent, old_key, old_value}, {1, 1, 1, 1}, {17.5f}},
      // the first of two sees the past and its own key
      {"Attention",
       23,
       causal,
       {twice, {{1, 1, 2, 2}, {1, 0, 1, 0}}, {{1, 1, 2, 1}, {20, 50}}, absent, old_key, old_value},
       {1, 1, 2, 1},
       {17.5f, 220.0f / 7}},
      // both heads of queries have the same keys
      {"Attention", 23, one, {heads, keys, values}, {1, 2, 1, 1}, {17.5f, 12.5f}},
      // heads 0 and 1 have the first, 2 and 3 the second
      {"Attention",
       24,
       {{"q_num_heads", Index{4}}, {"kv_num_heads", Index{2}}},
       {{{1, 1, 4}, {1, 2, 3, 4}}, {{1, 1, 2}, {0, 0}}, {{1, 1, 2}, {5, 6}}},
       {1, 1, 4},
       {5, 5, 6, 6}},
      {"Attention", 23, mode(0), {query, keys, values}, {1, 1, 1, 2}, {0, l}, 3},
      {"Attention", 23, mode(1), {query, keys, values}, {1, 1, 1, 2}, {0, l}, 3},
      {"Attention", 23, mode(2), {query, keys, values}, {1, 1, 1, 2}, {0, cut}, 3},
      {"Attention", 23, mode(3), {query, keys, values}, {1, 1, 1, 2}, {1 - share, share}, 3},
  };
  for (const Choice& each : samples) {
    check_choice(each, {}, true);
    check_choice(each, {.batch = OnnxBatch::none}, false);
  }
  const Choice masked[] = {
      {"Attention", 23, one, {query, keys, values, {{1, 2}, {l, 0}}}, {1, 1, 1, 2}, {0, l}, 3},
      {"Attention",
       23,
       {{"scale", 1.0}, {"qk_matmul_output_mode", Index{1}}},
       {query, keys, values, {{1, 2}, {l, 0}}},
       {1, 1, 1, 2},
       {l, l},
       3},
  };
  for (const Choice& each : masked) check_choice(each, {.batch = OnnxBatch::none}, false);
}
TEST_CASE("ONNX import: attention that keel does not do, or that sees nothing, is refused") {
  const auto said = [](const GraphFile::Names& more, const GraphFile::Attributes& attributes, Index heads = 2) {
    GraphFile file;
    file.opset = 24;
    for (const char* name : {"k", "v"}) file.input(name, {-1, 2, 2, 2});
    file.input("q", {-1, heads, 2, 2});
    file.integers("lengths", {1});
    file.floats("nothing", {2, 2}, {0, 0, -INFINITY, -INFINITY});
    file.floats("thin", {2, 1}, {0, 0});
    GraphFile::Names names{"q", "k", "v"};
    names.insert(names.end(), more.begin(), more.end());
    file.node("Attention", names, {"y"}, attributes);
    file.output("y");
    return refusal(file);
  };
  CHECK(said({}, {}) == "accepted");
  CHECK(said({}, {}, 3).find("heads of queries for each head of keys") != std::string::npos);
  CHECK(said({"", "", "", "lengths"}, {}).find("keys of one length") != std::string::npos);
  CHECK(said({"nothing"}, {}).find("a key for each query") != std::string::npos);
  CHECK(said({"thin"}, {}).find("a mask for 2 keys") != std::string::npos);
  CHECK(said({"nothing"}, {{"softcap", 2.0}}).find("expected") != std::string::npos);
  CHECK(said({}, {{"qk_matmul_output_mode", Index{4}}}).find("from 0 to 3") != std::string::npos);
}
TEST_CASE("ONNX import: operators that find, choose and count") {
  const Choice whole[] = {
      {"ArgMax", 13, {{"axis", yes}}, {three}, {2, 1}, {1, 0}},
      {"ArgMax", 13, {{"axis", yes}, {"select_last_index", yes}, {"keepdims", no}}, {three}, {2}, {2, 0}},
      {"ArgMin", 13, {{"axis", no}, {"keepdims", no}}, {three}, {3}, {0, 1, 1}},
      {"Hardmax", 13, {}, {three}, {2, 3}, {0, 1, 0, 1, 0, 0}},
      {"Hardmax", 11, {{"axis", no}}, {three}, {2, 3}, {0, 0, 0, 1, 0, 0}},
      {"OneHot", 11, {}, {{{2}, {1, -1}, 7}, {{}, {3}, 7, true}, {{2}, {4, 9}, 7, true}}, {2, 3}, {4, 9, 4, 4, 4, 9}},
      {"OneHot",
       11,
       {},
       {{{2}, {1.9f, -0.5f}}, {{}, {3}, 7, true}, {{2}, {4, 9}, 7, true}},
       {2, 3},
       {4, 9, 4, 9, 4, 4}},
      {"OneHot",
       11,
       {{"axis", no}},
       {{{2}, {1, 3}, 7}, {{}, {2}, 7, true}, {{2}, {0, 1}, 7, true}},
       {2, 2},
       {0, 0, 1, 0}},
      {"GatherElements", 13, {{"axis", yes}}, {three, {{2, 1}, {2, -3}, 7}}, {2, 1}, {5, 9}},
      {"GatherElements", 13, {{"axis", no}}, {square, {{1, 2}, {1, 0}, 7, true}}, {1, 2}, {3, 2}},
      {"Gather", 13, {{"axis", no}}, {three, {{2}, {1, -2}, 7}}, {2, 3}, {9, 2, 0, 1, 5, 5}},
      {"Gather", 13, {{"axis", yes}}, {three, {{1, 2}, {2, 0}, 7}}, {2, 1, 2}, {5, 1, 0, 9}},
      {"Compress", 11, {{"axis", yes}}, {three, {{2}, {0, 1}, 7, true}}, {2, 1}, {5, 2}},
      {"Compress", 11, {}, {three, {{4}, {1, 0, 0, 1}, 7, true}}, {2}, {1, 9}},
      {"CumSum", 14, {}, {three, {{}, {1}, 7, true}}, {2, 3}, {1, 6, 11, 9, 11, 11}},
      {"CumSum", 14, {{"reverse", yes}, {"exclusive", yes}}, {three, {{}, {0}, 7, true}}, {2, 3}, {9, 2, 0, 0, 0, 0}},
      {"Trilu", 14, {}, {square}, {2, 2}, {1, 2, 0, 4}},
      {"Trilu", 14, {{"upper", no}}, {square, {{}, {-1}, 7, true}}, {2, 2}, {0, 0, 3, 0}},
      {"Size", 13, {}, {three}, {}, {6}},
      {"EyeLike", 9, {{"k", yes}}, {square}, {2, 2}, {0, 1, 0, 0}},
      {"NegativeLogLikelihoodLoss", 13, {}, {three, {{2}, {1, 0}, 7}}, {}, {-7}},
      {"NegativeLogLikelihoodLoss", 13, {{"reduction", std::string("none")}}, {three, {{2}, {2, 0}, 7}}, {2}, {-5, -9}},
      {"NegativeLogLikelihoodLoss", 13, {{"ignore_index", no}}, {three, {{2}, {1, 0}, 7}}, {}, {-5}},
      {"NegativeLogLikelihoodLoss", 13, {}, {three, {{2}, {1, 0}, 7}, {{3}, {1, 3, 0}}}, {}, {-6}},
      {"SoftmaxCrossEntropyLoss",
       13,
       {{"reduction", std::string("sum")}},
       {{{1, 2}, {0, 0}}, {{1}, {1}, 7}},
       {},
       {0.6931472f}},
  };
  for (const Choice& each : whole) check_choice(each, {.batch = OnnxBatch::none}, false);
}

}  // namespace onnx_choices

}  // namespace

#endif
