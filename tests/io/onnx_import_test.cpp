/// Models of ONNX files that others wrote: values worked out by hand, and what is refused.

#include <functional>

#include <doctest/doctest.h>

#include <keel/io/load.hpp>

#include "io/onnx/random_network.hpp"
#include "temporary_directory.hpp"

#if KEEL_HAS_PROTOBUF
#include "io/onnx/imported.hpp"

namespace {

namespace onnx_import {

using namespace keel;
using keel_test::GraphFile;
using keel_test::model_of;
using keel_test::one_node;
using keel_test::refusal;
using keel_test::tensor_of;
using Numbers = std::vector<float>;

/// y of the one input x; images are channels last.
Tensor<float> result(const GraphFile& file, const std::vector<Index>& dims, const Numbers& x) {
  return model_of(file).predict(tensor_of(dims, x));
}
void check_values(const Tensor<float>& y, const Shape& shape, const Numbers& right) {
  CHECK(y.shape() == shape);
  REQUIRE(static_cast<std::size_t>(y.size()) == right.size());
  for (std::size_t i = 0; i < right.size(); ++i) {
    CAPTURE(i);
    CHECK(y[static_cast<Index>(i)] == doctest::Approx(right[i]).epsilon(1e-5));
  }
}
bool has(const std::string& text, std::string_view part) { return text.find(part) != text.npos; }

const std::vector<Index> image{-1, 1, 3, 3};
const Numbers nine{1, 2, 3, 4, 5, 6, 7, 8, 9};

TEST_CASE("ONNX import: convolutions, their paddings, groups and the bias of an Add behind them") {
  GraphFile file = one_node("Conv", image, {"w"});
  file.floats("w", {1, 1, 2, 2}, {1, 2, 3, 4});
  check_values(result(file, {1, 3, 3, 1}, nine), {1, 2, 2, 1}, {37, 47, 67, 77});

  const auto padded = [&](const char* automatic, const Numbers& right) {
    GraphFile same = one_node("Conv", image, {"w", "b"}, {{"auto_pad", std::string(automatic)}});
    same.floats("w", {1, 1, 2, 2}, {1, 2, 3, 4});
    same.floats("b", {1}, {100});
    check_values(result(same, {1, 3, 3, 1}, nine), {1, 3, 3, 1}, right);
  };
  padded("SAME_UPPER", {137, 147, 121, 167, 177, 133, 123, 126, 109});
  padded("SAME_LOWER", {104, 111, 118, 118, 137, 147, 136, 167, 177});

  GraphFile more;
  more.input("x", {-1, 2, 1, 2});
  more.floats("w", {2, 1, 1, 1}, {2, 3});
  more.floats("b", {2, 1, 1}, {10, 20});
  more.node("Conv", {"x", "w"}, {"c"}, {{"group", Index{2}}});
  more.node("Add", {"c", "b"}, {"y"});
  more.output("y");
  const Model<float> model = model_of(more);
  CHECK(model.layer_count() == 1);
  check_values(model.predict(tensor_of({1, 1, 2, 2}, {1, 2, 3, 4})), {1, 1, 2, 2}, {12, 26, 16, 32});

  GraphFile row =
      one_node("Conv", {-1, 1, 4}, {"w"}, {{"dilations", std::vector<Index>{2}}, {"pads", std::vector<Index>{1, 0}}});
  row.floats("w", {1, 1, 2}, {1, 10});
  check_values(result(row, {1, 4, 1}, {1, 2, 3, 4}), {1, 3, 1}, {20, 31, 42});
}

TEST_CASE("ONNX import: transposed convolution") {
  GraphFile file = one_node("ConvTranspose", {-1, 1, 2, 2}, {"w"}, {{"strides", std::vector<Index>{2, 2}}});
  file.floats("w", {1, 1, 2, 2}, {1, 2, 3, 4});
  check_values(result(file, {1, 2, 2, 1}, {1, 2, 3, 4}), {1, 4, 4, 1},
               {1, 2, 2, 4, 3, 4, 6, 8, 3, 6, 4, 8, 9, 12, 12, 16});
}

TEST_CASE("ONNX import: transposed convolutions in groups, padded for an output of given extents") {
  // two channels with a kernel of one row each
  GraphFile groups = one_node("ConvTranspose", {-1, 2, 2}, {"w"}, {{"group", Index{2}}});
  groups.floats("w", {2, 1, 2}, {1, 2, 10, 20});
  check_values(result(groups, {1, 2, 2}, {1, 3, 2, 4}), {1, 3, 2}, {1, 30, 4, 100, 4, 80});
  GraphFile two = one_node("ConvTranspose", {-1, 2, 1, 2}, {"w", "b"}, {{"group", Index{2}}});
  two.floats("w", {2, 2, 1, 1}, {1, 2, 3, 4});
  two.floats("b", {4}, {0, 0, 100, 0});
  check_values(result(two, {1, 1, 2, 2}, {1, 2, 3, 4}), {1, 1, 2, 4}, {1, 2, 106, 8, 3, 6, 112, 16});
  GraphFile others = one_node("ConvTranspose", {-1, 2, 2}, {"w"}, {{"group", Index{3}}});
  others.floats("w", {2, 1, 2}, {1, 2, 10, 20});
  CHECK(has(refusal(others), "2 channels in groups"));

  // x = 1 2 with a kernel 1 10 100 in steps of 2: 1 10 102 20 200
  const auto padded = [&](GraphFile::Attributes attributes, const Numbers& right) {
    attributes.push_back({"strides", std::vector<Index>{2}});
    GraphFile file = one_node("ConvTranspose", {-1, 1, 2}, {"w"}, attributes);
    file.floats("w", {1, 1, 3}, {1, 10, 100});
    check_values(result(file, {1, 2, 1}, {1, 2}), {1, static_cast<Index>(right.size()), 1}, right);
  };
  const auto shape = [](Index extent) {
    return keel::io::onnx::OnnxAttribute{"output_shape", std::vector<Index>{extent}};
  };
  padded({{"auto_pad", std::string("SAME_UPPER")}}, {1, 10, 102, 20});
  padded({{"auto_pad", std::string("SAME_LOWER")}}, {10, 102, 20, 200});
  padded({{"auto_pad", std::string("VALID")}}, {1, 10, 102, 20, 200});
  padded({shape(3)}, {10, 102, 20});
  padded({shape(4)}, {10, 102, 20, 200});
  padded({shape(4), {"auto_pad", std::string("SAME_UPPER")}}, {1, 10, 102, 20});
  padded({shape(6)}, {1, 10, 102, 20, 200, 0});
  padded({shape(5), {"output_padding", std::vector<Index>{1}}}, {10, 102, 20, 200, 0});
  GraphFile none = one_node("ConvTranspose", {-1, 1, 2}, {"w"}, {shape(0)});
  none.floats("w", {1, 1, 3}, {1, 10, 100});
  CHECK(has(refusal(none), "an output of 1 value or more"));
}

TEST_CASE("ONNX import: transposed convolutions of volumes") {
  const std::vector<Index> volume{-1, 1, 1, 1, 2};
  GraphFile file = one_node("ConvTranspose", volume, {"w"},
                            {{"strides", std::vector<Index>{1, 1, 2}},
                             {"pads", std::vector<Index>{0, 0, 1, 0, 0, 0}},
                             {"output_padding", std::vector<Index>{0, 0, 1}}});
  file.floats("w", {1, 1, 2, 1, 3}, {1, 10, 100, 2, 20, 200});
  check_values(result(file, {1, 1, 1, 2, 1}, {1, 2}), {1, 2, 1, 5, 1}, {10, 102, 20, 200, 0, 20, 204, 40, 400, 0});
  CHECK(model_of(file).layer(0).type() == "Conv3DTranspose");
  GraphFile groups = one_node("ConvTranspose", {-1, 2, 1, 1, 1}, {"w", "b"}, {{"group", Index{2}}});
  groups.floats("w", {2, 2, 1, 2, 1}, {1, 2, 3, 4, 5, 6, 7, 8});
  groups.floats("b", {4}, {0, 0, 100, 0});
  check_values(result(groups, {1, 1, 1, 1, 2}, {1, 10}), {1, 1, 2, 1, 4}, {1, 3, 150, 70, 2, 4, 160, 80});
  GraphFile same = one_node("ConvTranspose", volume, {"w"},
                            {{"strides", std::vector<Index>{1, 1, 2}}, {"auto_pad", std::string("SAME_UPPER")}});
  same.floats("w", {1, 1, 1, 1, 3}, {1, 10, 100});
  check_values(result(same, {1, 1, 1, 2, 1}, {1, 2}), {1, 1, 1, 4, 1}, {1, 10, 102, 20});
}

TEST_CASE("ONNX import: volumes") {
  const Numbers eight{1, 2, 3, 4, 5, 6, 7, 8};
  const std::vector<Index> volume{-1, 1, 2, 2, 2}, twos{2, 2, 2};
  GraphFile file = one_node("Conv", volume, {"w", "b"}, {{"pads", std::vector<Index>{1, 0, 0, 0, 0, 0}}});
  file.floats("w", {1, 1, 2, 2, 2}, {1, 0, 0, 10, 100, 0, 0, 1000});
  file.floats("b", {1}, {0.5f});
  check_values(result(file, {1, 2, 2, 2, 1}, eight), {1, 2, 1, 1, 1}, {4100.5f, 8541.5f});
  CHECK(model_of(file).layer(0).type() == "Conv3D");
  GraphFile groups = one_node("Conv", {-1, 2, 1, 1, 2}, {"w"}, {{"group", Index{2}}});
  groups.floats("w", {2, 1, 1, 1, 1}, {2, 3});
  check_values(result(groups, {1, 1, 1, 2, 2}, {1, 2, 3, 4}), {1, 1, 1, 2, 2}, {2, 6, 6, 12});
  const auto pooled = [&](const char* op, GraphFile::Attributes attributes, const Shape& right, const Numbers& values) {
    CAPTURE(op);
    check_values(result(one_node(op, volume, {}, attributes), {1, 2, 2, 2, 1}, eight), right, values);
  };
  pooled("MaxPool", {{"kernel_shape", twos}}, {1, 1, 1, 1, 1}, {8});
  pooled("AveragePool", {{"kernel_shape", std::vector<Index>{2, 1, 1}}}, {1, 1, 2, 2, 1}, {3, 4, 5, 6});
  pooled("AveragePool",
         {{"kernel_shape", twos}, {"pads", std::vector<Index>{1, 0, 0, 0, 0, 0}}, {"count_include_pad", Index{1}}},
         {1, 2, 1, 1, 1}, {1.25f, 4.5f});
  pooled("GlobalMaxPool", {}, {1, 1, 1, 1, 1}, {8});
  pooled("GlobalAveragePool", {}, {1, 1, 1, 1, 1}, {4.5f});
  CHECK(has(refusal(one_node("MaxPool", {-1, 1, 2, 2, 2, 2}, {}, {{"kernel_shape", std::vector<Index>{1, 1, 1, 1}}})),
            "sequences, images or volumes"));
}

TEST_CASE("ONNX import: batch normalisation keeps its statistics and trains on") {
  GraphFile file =
      one_node("BatchNormalization", {-1, 2, 1, 1}, {"s", "b", "m", "v"}, {{"epsilon", 0.25}, {"momentum", 0.75}});
  file.floats("s", {2}, {2, 1});
  file.floats("b", {2}, {1, 0});
  file.floats("m", {2}, {3, 1});
  file.floats("v", {2}, {3.75f, 0.75f});
  check_values(result(file, {1, 1, 1, 2}, {5, 4}), {1, 1, 1, 2}, {3, 3});
  const Model<float> model = model_of(file, {.moving_variance = MovingVariance::unbiased});
  const Config config = model.layer("it").config();
  CHECK(config.get<double>("momentum", 0) == doctest::Approx(0.75));
  CHECK(config.get<bool>("unbiased", false));
}

TEST_CASE("ONNX import: Gemm's factors, and rows of a matrix behind flattened images") {
  GraphFile file = one_node("Gemm", {-1, 2}, {"w", "b"}, {{"alpha", 0.5}, {"beta", 2.0}, {"transB", Index{1}}});
  file.floats("w", {3, 2}, {1, 2, 3, 4, 5, 6});
  file.floats("b", {3}, {1, 2, 3});
  check_values(result(file, {1, 2}, {2, 4}), {1, 3}, {7, 15, 23});

  // channels first, c h w: weights 1..4 meet the values (c0 p0, c0 p1, c1 p0, c1 p1)
  GraphFile flat;
  flat.input("x", {-1, 2, 1, 2});
  flat.node("Relu", {"x"}, {"r"});
  flat.node("Flatten", {"r"}, {"f"});
  flat.node("MatMul", {"f", "w"}, {"m"}, {}, "head");
  flat.node("Add", {"m", "b"}, {"y"});
  flat.floats("w", {4, 1}, {1, 10, 100, 1000});
  flat.floats("b", {1}, {0.5f});
  flat.output("y");
  const Model<float> model = model_of(flat);
  CHECK(model.layer_count() == 3);  // ReLU, Flatten, Dense
  check_values(model.predict(tensor_of({1, 1, 2, 2}, {1, 2, 3, 4})), {1, 1}, {1 + 30 + 200 + 4000 + 0.5f});
}

TEST_CASE("ONNX import: pooling with its border rules") {
  check_values(result(one_node("MaxPool", image, {}, {{"kernel_shape", std::vector<Index>{2, 2}}}), {1, 3, 3, 1}, nine),
               {1, 2, 2, 1}, {5, 6, 8, 9});
  const auto average = [](Index include, Index ceil) {
    return one_node("AveragePool", image, {},
                    {{"kernel_shape", std::vector<Index>{2, 2}},
                     {"strides", std::vector<Index>{2, 2}},
                     {"pads", std::vector<Index>{1, 1, 0, 0}},
                     {"ceil_mode", ceil},
                     {"count_include_pad", include}});
  };
  check_values(result(average(0, 0), {1, 3, 3, 1}, nine), {1, 2, 2, 1}, {1, 2.5f, 5.5f, 7});
  check_values(result(average(1, 0), {1, 3, 3, 1}, nine), {1, 2, 2, 1}, {0.25f, 1.25f, 2.75f, 7});
  check_values(result(one_node("MaxPool", image, {},
                               {{"kernel_shape", std::vector<Index>{2, 2}},
                                {"strides", std::vector<Index>{2, 2}},
                                {"ceil_mode", Index{1}}}),
                      {1, 3, 3, 1}, nine),
               {1, 2, 2, 1}, {5, 6, 8, 9});
  check_values(result(one_node("GlobalAveragePool", image), {1, 3, 3, 1}, nine), {1, 1, 1, 1}, {5});
  check_values(result(one_node("GlobalMaxPool", image), {1, 3, 3, 1}, nine), {1, 1, 1, 1}, {9});
  check_values(result(one_node("AveragePool", {-1, 1, 4}, {}, {{"kernel_shape", std::vector<Index>{2}}}), {1, 4, 1},
                      {1, 2, 3, 6}),
               {1, 3, 1}, {1.5f, 2.5f, 4.5f});
}

TEST_CASE("ONNX import: dilated pooling, whose windows begin in the padding and end beyond it") {
  const Numbers six{-1, 5, -3, 4, -2, -6};
  const auto pool = [&](const char* op, GraphFile::Attributes attributes, const Numbers& right) {
    CAPTURE(op);
    attributes.push_back({"kernel_shape", std::vector<Index>{2}});
    attributes.push_back({"dilations", std::vector<Index>{2}});
    const GraphFile file = one_node(op, {-1, 1, 6}, {}, attributes, 19);
    const Tensor<float> x = tensor_of({1, 6, 1}, six);
    const Model<float> model = model_of(file);
    check_values(model.predict(x), {1, static_cast<Index>(right.size()), 1}, right);
    const TemporaryDirectory folder;
    save(model, folder / "a.safetensors");
    const Tensor<float> again = load<float>(folder / "a.safetensors").predict(x);
    for (std::size_t i = 0; i < right.size(); ++i) CHECK(again[static_cast<Index>(i)] == right[i]);
  };
  const keel::io::onnx::OnnxAttribute both{"pads", std::vector<Index>{1, 1}};
  pool("MaxPool", {}, {-1, 5, -2, 4});
  pool("MaxPool", {both}, {5, -1, 5, -2, 4, -2});
  pool("MaxPool", {{"strides", std::vector<Index>{2}}}, {-1, -2});
  pool("MaxPool", {{"strides", std::vector<Index>{2}}, {"pads", std::vector<Index>{1, 0}}, {"ceil_mode", Index{1}}},
       {5, 5, 4});
  pool("AveragePool", {}, {-2, 4.5f, -2.5f, -1});
  pool("AveragePool", {both}, {5, -2, 4.5f, -2.5f, -1, -2});
  pool("AveragePool", {both, {"count_include_pad", Index{1}}}, {2.5f, -2, 4.5f, -2.5f, -1, -1});
  check_values(result(one_node("MaxPool", image, {},
                               {{"kernel_shape", std::vector<Index>{2, 2}}, {"dilations", std::vector<Index>{2, 1}}}),
                      {1, 3, 3, 1}, nine),
               {1, 1, 2, 1}, {8, 9});
  check_values(result(one_node("AveragePool", image, {},
                               {{"kernel_shape", std::vector<Index>{2, 2}},
                                {"dilations", std::vector<Index>{2, 1}},
                                {"pads", std::vector<Index>{1, 0, 1, 0}}},
                               19),
                      {1, 3, 3, 1}, nine),
               {1, 3, 2, 1}, {4.5f, 5.5f, 4.5f, 5.5f, 4.5f, 5.5f});
  CHECK(has(refusal(one_node("MaxPool", {-1, 1, 6}, {},
                             {{"kernel_shape", std::vector<Index>{2}},
                              {"dilations", std::vector<Index>{2}},
                              {"pads", std::vector<Index>{5, 0}}})),
            "windows with a cell of the input"));
  GraphFile indices = one_node("MaxPool", {-1, 1, 6}, {}, {{"kernel_shape", std::vector<Index>{2}}});
  indices.graph.clear();
  indices.input("x", {-1, 1, 6});
  indices.node("MaxPool", {"x"}, {"y", "i"}, {{"kernel_shape", std::vector<Index>{2}}});
  indices.output("y");
  CHECK(refusal(indices) == "accepted");
  indices.output("i");
  CHECK(has(refusal(indices), "expected one output, got indices"));
}

TEST_CASE("ONNX import: functions of each value") {
  struct Row {
    const char* op;
    Index opset;
    GraphFile::Attributes attributes;
    Numbers right;  // of -2, -0.5, 0.5, 2
  };
  const float e2 = std::exp(-2.0f), eh = std::exp(-0.5f);
  const std::vector<Row> rows{
      {"Relu", 13, {}, {0, 0, 0.5f, 2}},
      {"LeakyRelu", 13, {}, {-0.02f, -0.005f, 0.5f, 2}},
      {"LeakyRelu", 13, {{"alpha", 0.5}}, {-1, -0.25f, 0.5f, 2}},
      {"Elu", 13, {{"alpha", 2.0}}, {2 * (e2 - 1), 2 * (eh - 1), 0.5f, 2}},
      {"Celu", 13, {{"alpha", 2.0}}, {2 * (std::exp(-1.0f) - 1), 2 * (std::exp(-0.25f) - 1), 0.5f, 2}},
      {"Selu", 13, {{"alpha", 1.0}, {"gamma", 2.0}}, {2 * (e2 - 1), 2 * (eh - 1), 1, 4}},
      {"HardSigmoid", 13, {}, {0.1f, 0.4f, 0.6f, 0.9f}},
      {"HardSwish", 14, {}, {-2 / 6.0f, -0.5f * 2.5f / 6, 0.5f * 3.5f / 6, 10 / 6.0f}},
      {"ThresholdedRelu", 13, {}, {0, 0, 0, 2}},
      {"Softsign", 13, {}, {-2 / 3.0f, -1 / 3.0f, 1 / 3.0f, 2 / 3.0f}},
      {"Sigmoid", 13, {}, {1 / (1 + 1 / e2), 1 / (1 + 1 / eh), 1 / (1 + eh), 1 / (1 + e2)}},
      {"Tanh", 13, {}, {std::tanh(-2.0f), std::tanh(-0.5f), std::tanh(0.5f), std::tanh(2.0f)}},
      {"Softplus", 13, {}, {std::log1p(e2), std::log1p(eh), 0.5f + std::log1p(eh), 2 + std::log1p(e2)}},
      {"Abs", 13, {}, {2, 0.5f, 0.5f, 2}},
      {"Neg", 13, {}, {2, 0.5f, -0.5f, -2}},
      {"Exp", 13, {}, {e2, eh, 1 / eh, 1 / e2}},
      {"Reciprocal", 13, {}, {-0.5f, -2, 2, 0.5f}},
      {"Sign", 13, {}, {-1, -1, 1, 1}},
      {"Floor", 13, {}, {-2, -1, 0, 2}},
      {"Ceil", 13, {}, {-2, 0, 1, 2}},
      {"Round", 13, {}, {-2, 0, 0, 2}},
      {"Erf", 13, {}, {std::erf(-2.0f), std::erf(-0.5f), std::erf(0.5f), std::erf(2.0f)}},
      {"Clip", 6, {{"min", -1.0}, {"max", 1.0}}, {-1, -0.5f, 0.5f, 1}},
      {"Shrink", 13, {{"lambd", 1.0}, {"bias", 0.5}}, {-1.5f, 0, 0, 1.5f}},
      {"Identity", 13, {}, {-2, -0.5f, 0.5f, 2}},
      {"Dropout", 13, {}, {-2, -0.5f, 0.5f, 2}},
      {"Cast", 13, {{"to", Index{7}}}, {-2, 0, 0, 2}},
  };
  for (const Row& row : rows) {
    CAPTURE(row.op);
    check_values(result(one_node(row.op, {-1, 4}, {}, row.attributes, row.opset), {1, 4}, {-2, -0.5f, 0.5f, 2}), {1, 4},
                 row.right);
  }
  GraphFile clip = one_node("Clip", {-1, 4}, {"", "most"});
  clip.floats("most", {}, {0.25f});
  check_values(result(clip, {1, 4}, {-2, -0.5f, 0.5f, 2}), {1, 4}, {-2, -0.5f, 0.25f, 0.25f});
  GraphFile slope = one_node("PRelu", {-1, 2, 1, 1}, {"s"});
  slope.floats("s", {2, 1, 1}, {0.5f, 0.25f});
  check_values(result(slope, {1, 1, 1, 2}, {-4, -4}), {1, 1, 1, 2}, {-2, -1});
}

TEST_CASE("ONNX import: arithmetic with constants and among nodes, broadcast as NumPy does") {
  const auto with = [](const char* op, const std::vector<Index>& dims, const Numbers& numbers, const Numbers& right) {
    CAPTURE(op);
    GraphFile file = one_node(op, {-1, 2, 2}, {"c"});
    file.floats("c", dims, numbers);
    check_values(result(file, {1, 2, 2}, {1, 2, 3, 4}), {1, 2, 2}, right);
  };
  with("Add", {2}, {10, 20}, {11, 22, 13, 24});
  with("Sub", {2, 1}, {1, 2}, {0, 1, 1, 2});
  with("Mul", {}, {3}, {3, 6, 9, 12});
  with("Div", {1, 2, 2}, {1, 2, 3, 4}, {1, 1, 1, 1});
  with("Pow", {}, {2}, {1, 4, 9, 16});
  with("Max", {2}, {2, 3}, {2, 3, 3, 4});
  with("Min", {2}, {2, 3}, {1, 2, 2, 3});
  GraphFile two;
  two.input("a", {-1, 2});
  two.input("b", {-1, 2});
  two.node("Sub", {"a", "b"}, {"d"});
  two.node("Mean", {"d", "a", "b"}, {"m"});
  two.node("Greater", {"a", "b"}, {"g"});
  two.node("Where", {"g", "m", "d"}, {"y"});
  two.output("y");
  const Model<float> model = model_of(two);
  const Tensor<float> a = tensor_of({1, 2}, {4, 1}), b = tensor_of({1, 2}, {1, 3});
  const TensorView<const float> views[] = {a, b};
  check_values(model.predict(Inputs<float>(views, 2))[0], {1, 2}, {8 / 3.0f, -2});
}

TEST_CASE("ONNX import: softmax before opset 13 took all axes from its own on as one") {
  const Numbers x{0, 0, 0, std::log(5.0f)};
  const auto softmax = [&](Index opset, Index axis, const Numbers& right) {
    check_values(result(one_node("Softmax", {-1, 2, 2}, {}, {{"axis", axis}}, opset), {1, 2, 2}, x), {1, 2, 2}, right);
  };
  softmax(12, 1, {0.125f, 0.125f, 0.125f, 0.625f});
  softmax(13, 1, {0.5f, 1 / 6.0f, 0.5f, 5 / 6.0f});
  softmax(13, -1, {0.5f, 0.5f, 1 / 6.0f, 5 / 6.0f});
  check_values(result(one_node("LogSoftmax", {-1, 2}), {1, 2}, {0, 0}), {1, 2}, {-std::log(2.0f), -std::log(2.0f)});
}

TEST_CASE("ONNX import: parts, joins and borders") {
  GraphFile slice = one_node("Slice", {-1, 4}, {"from", "until", "axes", "steps"});
  slice.integers("from", {-1});
  slice.integers("until", {std::numeric_limits<std::int64_t>::min()});
  slice.integers("axes", {1});
  slice.integers("steps", {-2});
  check_values(result(slice, {1, 4}, {1, 2, 3, 4}), {1, 2}, {4, 2});

  GraphFile split;
  split.input("x", {-1, 5});
  split.integers("sizes", {2, 3});
  split.node("Split", {"x", "sizes"}, {"a", "b"}, {{"axis", Index{-1}}});
  split.node("Concat", {"b", "a"}, {"y"}, {{"axis", Index{1}}});
  split.output("y");
  check_values(result(split, {1, 5}, {1, 2, 3, 4, 5}), {1, 5}, {3, 4, 5, 1, 2});

  GraphFile gather = one_node("Gather", {-1, 3}, {"i"}, {{"axis", Index{1}}});
  gather.integers("i", {-1, 0});
  check_values(result(gather, {1, 3}, {1, 2, 3}), {1, 2}, {3, 1});

  GraphFile pad = one_node("Pad", {-1, 3}, {"p"}, {{"mode", std::string("reflect")}});
  pad.integers("p", {0, 2, 0, -1});
  check_values(result(pad, {1, 3}, {1, 2, 3}), {1, 4}, {3, 2, 1, 2});

  GraphFile tile = one_node("Tile", {-1, 2}, {"r"});
  tile.integers("r", {1, 2});
  check_values(result(tile, {1, 2}, {1, 2}), {1, 4}, {1, 2, 1, 2});

  // a concatenation of images is one along the channels
  GraphFile join;
  join.input("x", {-1, 1, 1, 2});
  join.node("Concat", {"x", "x"}, {"y"}, {{"axis", Index{1}}});
  join.output("y");
  check_values(result(join, {1, 1, 2, 1}, {1, 2}), {1, 1, 2, 2}, {1, 1, 2, 2});
}

TEST_CASE("ONNX import: sums and their kin") {
  const auto reduce = [](const char* op, Index keep, const Shape& shape, const Numbers& right) {
    CAPTURE(op);
    const GraphFile file = one_node(op, {-1, 2, 2}, {}, {{"axes", std::vector<Index>{2}}, {"keepdims", keep}}, 12);
    check_values(result(file, {1, 2, 2}, {1, 2, 3, 4}), shape, right);
  };
  reduce("ReduceSum", 0, {1, 2}, {3, 7});
  reduce("ReduceMean", 1, {1, 2, 1}, {1.5f, 3.5f});
  reduce("ReduceMax", 0, {1, 2}, {2, 4});
  reduce("ReduceMin", 0, {1, 2}, {1, 3});
  reduce("ReduceProd", 0, {1, 2}, {2, 12});
  reduce("ReduceL1", 0, {1, 2}, {3, 7});
  reduce("ReduceL2", 0, {1, 2}, {std::sqrt(5.0f), 5});
  reduce("ReduceSumSquare", 0, {1, 2}, {5, 25});
  reduce("ReduceLogSum", 0, {1, 2}, {std::log(3.0f), std::log(7.0f)});
}

TEST_CASE("ONNX import: norms along an axis and of neighbouring channels") {
  check_values(result(one_node("LpNormalization", {-1, 2}), {1, 2}, {3, 4}), {1, 2}, {0.6f, 0.8f});
  const GraphFile local =
      one_node("LRN", {-1, 3, 1, 1}, {}, {{"size", Index{2}}, {"alpha", 2.0}, {"beta", 1.0}, {"bias", 1.0}});
  check_values(result(local, {1, 1, 1, 3}, {1, 2, 3}), {1, 1, 1, 3}, {1 / 6.0f, 2 / 14.0f, 0.3f});
}

TEST_CASE("ONNX import: other sizes of images") {
  const auto resize = [](const std::string& mode, const std::string& coordinates, const Numbers& scales) {
    GraphFile file =
        one_node("Resize", {-1, 1, 1, 2}, {"", "s"}, {{"mode", mode}, {"coordinate_transformation_mode", coordinates}});
    file.floats("s", {4}, scales);
    return file;
  };
  const std::vector<Index> row{1, 1, 2, 1};
  check_values(result(resize("nearest", "asymmetric", {1, 1, 2, 2}), row, {1, 2}), {1, 2, 4, 1},
               {1, 1, 2, 2, 1, 1, 2, 2});
  check_values(result(resize("linear", "half_pixel", {1, 1, 1, 2}), row, {1, 3}), {1, 1, 4, 1}, {1, 1.5f, 2.5f, 3});
  check_values(result(resize("linear", "align_corners", {1, 1, 1, 1.5f}), row, {1, 3}), {1, 1, 3, 1}, {1, 2, 3});
  check_values(result(resize("linear", "asymmetric", {1, 1, 1, 2}), row, {1, 3}), {1, 1, 4, 1}, {1, 2, 3, 3});
  GraphFile sized = one_node("Resize", {-1, 1, 1, 4}, {"", "", "to"}, {{"mode", std::string("nearest")}});
  sized.node("Shape", {"x"}, {"s"});
  sized.graph.clear();
  sized.input("x", {-1, 1, 1, 4});
  sized.integers("zero", {0});
  sized.integers("two", {2});
  sized.integers("rest", {1, 2});
  sized.node("Shape", {"x"}, {"s"});
  sized.node("Slice", {"s", "zero", "two"}, {"head"});
  sized.node("Concat", {"head", "rest"}, {"to"}, {{"axis", Index{0}}});
  sized.node("Resize", {"x", "", "", "to"}, {"y"}, {{"coordinate_transformation_mode", std::string("asymmetric")}});
  sized.output("y");
  check_values(result(sized, {1, 1, 4, 1}, {1, 2, 3, 4}), {1, 1, 2, 1}, {1, 3});
  GraphFile up = one_node("Upsample", {-1, 1, 1, 2}, {}, {{"scales", std::vector<double>{1, 1, 1, 2}}}, 7);
  check_values(result(up, row, {1, 2}), {1, 1, 4, 1}, {1, 1, 2, 2});

  const auto depth = [&](const char* mode, const Numbers& right) {
    const GraphFile file =
        one_node("DepthToSpace", {-1, 8, 1, 1}, {}, {{"blocksize", Index{2}}, {"mode", std::string(mode)}});
    check_values(result(file, {1, 1, 1, 8}, {0, 1, 2, 3, 4, 5, 6, 7}), {1, 2, 2, 2}, right);
  };
  depth("DCR", {0, 1, 2, 3, 4, 5, 6, 7});
  depth("CRD", {0, 4, 1, 5, 2, 6, 3, 7});
  check_values(
      result(one_node("SpaceToDepth", {-1, 1, 2, 2}, {}, {{"blocksize", Index{2}}}), {1, 2, 2, 1}, {1, 2, 3, 4}),
      {1, 1, 1, 4}, {1, 2, 3, 4});
}

TEST_CASE("ONNX import: integers whose results ONNX rounds are refused, others taken") {
  for (const char* op : {"ReduceMean", "ReduceL2", "ReduceLogSum", "ReduceLogSumExp", "ReduceSum", "ReduceMax",
                         "ReduceMin", "ReduceProd", "ReduceL1", "ReduceSumSquare"})
    for (const int type : {6, 7}) {
      GraphFile file;
      file.opset = 11;
      file.input("x", {-1, 3}, type);
      file.node(op, {"x"}, {"y"}, {{"axes", std::vector<Index>{1}}});
      file.output("y");
      CAPTURE(op);
      CHECK(has(refusal(file), std::string(op) == "ReduceMean" || std::string(op) == "ReduceL2" ||
                                       std::string(op).starts_with("ReduceLog")
                                   ? "integers, whose results ONNX rounds"
                                   : "accepted"));
    }
  for (const char* mode : {"nearest", "linear", "cubic"}) {
    GraphFile file;
    file.input("x", {-1, 1, 2, 2}, 6);
    file.floats("scales", {4}, {1, 1, 2, 2});
    file.node("Resize", {"x", "", "scales"}, {"y"}, {{"mode", std::string(mode)}});
    file.output("y");
    CAPTURE(mode);
    CHECK(has(refusal(file), mode == std::string("nearest") ? "accepted" : "integers, whose results ONNX rounds"));
  }
}
TEST_CASE("ONNX import: inputs that fix the batch have to fix it alike, whatever stands between them") {
  for (const Index last : {Index{2}, Index{3}}) {
    GraphFile file;
    for (const auto& [name, batch] : {std::pair("a", Index{2}), {"b", Index{-1}}, {"c", last}})
      file.input(name, {batch, 4});
    file.node("Sum", {"a", "b", "c"}, {"y"});
    file.output("y");
    CHECK(has(refusal(file), last == 2 ? "accepted" : "a batch of 2"));
  }
}

Tensor<float> result_of_two(const GraphFile& file, const Tensor<float>& a, const Tensor<float>& b) {
  const TensorView<const float> inputs[] = {a, b};
  return model_of(file).predict(Inputs<float>(inputs, 2))[0];
}
/// A graph of one node on x with these extents.
struct WholeCase {
  const char* op;
  std::vector<Index> dims;
  GraphFile::Attributes attributes;
  std::vector<std::int64_t> more;  ///< an integer input, if it is not empty
  Shape shape;                     ///< of y for one sample
  Numbers right;                   ///< for x = 1, 2, 3, ...
};
TEST_CASE("ONNX import: a graph whose first axis counts no samples takes each input whole") {
  const std::vector<Index> square{2, 2};
  const Index axis = 0, no = 0;
  const WholeCase cases[] = {
      {"ReduceSum", square, {}, {}, {1, 1, 1}, {10}},
      {"ReduceMax", square, {{"keepdims", no}}, {}, {1}, {4}},
      {"ReduceMean", square, {{"axes", std::vector<Index>{0}}, {"keepdims", no}}, {}, {1, 2}, {2, 3}},
      {"Softmax", {2}, {{"axis", axis}}, {}, {1, 2}, {0.26894142f, 0.73105858f}},
      {"Flatten", {1, 2, 3}, {{"axis", Index{2}}}, {}, {1, 2, 3}, {1, 2, 3, 4, 5, 6}},
      {"Transpose", {2, 3}, {}, {}, {1, 3, 2}, {1, 4, 2, 5, 3, 6}},
      {"Reshape", {2, 3}, {}, {3, -1}, {1, 3, 2}, {1, 2, 3, 4, 5, 6}},
      {"Squeeze", {1, 3}, {}, {0}, {1, 3}, {1, 2, 3}},
      {"Unsqueeze", {3}, {}, {0}, {1, 1, 3}, {1, 2, 3}},
      {"Expand", {3}, {}, {2, 1}, {1, 2, 3}, {1, 2, 3, 1, 2, 3}},
      {"Tile", {2}, {}, {2}, {1, 4}, {1, 2, 1, 2}},
      {"Gather", {2, 2}, {{"axis", axis}}, {1, 1, 0}, {1, 3, 2}, {3, 4, 3, 4, 1, 2}},
      {"Shape", {2, 3}, {}, {}, {1, 2}, {2, 3}},
      {"Concat", {2}, {{"axis", axis}}, {7}, {1, 3}, {1, 2, 7}},
      {"Split", {3}, {{"axis", axis}}, {3}, {1, 3}, {1, 2, 3}},
  };
  for (const WholeCase& each : cases) {
    const std::string op = each.op;
    CAPTURE(op);
    GraphFile file;
    file.input("x", each.dims);
    GraphFile::Names inputs{"x"};
    if (!each.more.empty()) {
      file.integers("more", each.more);
      inputs.push_back("more");
    }
    file.node(each.op, inputs, {"y"}, each.attributes);
    file.output("y");
    std::vector<std::string> notes;
    model_of(file, {.notes = &notes});
    const bool moves = op == "Transpose" || op == "Unsqueeze";  // the batch to another axis
    CHECK(notes.size() == (moves ? 0 : 1));
    CHECK((refusal(file, {.batch = OnnxBatch::first}) == "accepted") == moves);
    std::vector<Index> extents = each.dims;
    extents.insert(extents.begin(), 1);
    Numbers x(to_size(Shape(std::span<const Index>(extents)).size()));
    std::iota(x.begin(), x.end(), 1.0f);
    check_values(model_of(file, {.batch = OnnxBatch::none}).predict(tensor_of(extents, x)), each.shape, each.right);
  }
}
TEST_CASE("ONNX import: a graph with an open batch is not taken whole") {
  GraphFile file = one_node("ReduceSum", {-1, 2}, {});
  CHECK(has(refusal(file), "axes of the samples"));
  GraphFile shape = one_node("Shape", {-1, 2}, {});
  CHECK(has(refusal(shape), "outputs that depend on the samples"));
}
TEST_CASE("ONNX import: where the file fixes a batch of 1, operators on images and on whole values meet") {
  GraphFile file;
  file.input("x", {1, 1, 2, 2});
  file.input("z", {3, 1});
  file.floats("w", {2, 1, 1, 1}, {1, 10});
  file.node("Conv", {"x", "w"}, {"c"});
  file.node("Relu", {"c"}, {"r"});
  file.node("GlobalMaxPool", {"r"}, {"g"});
  file.integers("rows", {1, 2});
  file.node("Reshape", {"g", "rows"}, {"row"});
  file.node("Add", {"row", "z"}, {"y"});
  file.output("y");
  check_values(result_of_two(file, tensor_of({1, 2, 2, 1}, {1, 2, 4, 3}), tensor_of({1, 3, 1}, {100, 200, 300})),
               {1, 3, 2}, {104, 140, 204, 240, 304, 340});
}
TEST_CASE("ONNX import: integers of 8 and 16 bits go round as the file's do") {
  struct Round {
    const char* op;
    int type;
    float a, b, right;
  };
  for (const Round& each : {Round{"Add", 2, 200, 100, 44},
                            {"Sub", 2, 1, 2, 255},
                            {"Mul", 2, 20, 20, 144},
                            {"Add", 3, 100, 100, -56},
                            {"Mul", 3, 16, 8, -128},
                            {"Sub", 5, -32768, 1, 32767},
                            {"Add", 4, 65535, 2, 1},
                            {"Div", 2, 7, 2, 3},
                            {"Div", 6, -7, 2, -3},
                            {"Add", 6, 200, 100, 300},
                            {"Mod", 6, -7, 3, 2}}) {
    CAPTURE(each.op);
    CAPTURE(each.type);
    GraphFile file;
    file.opset = 14;
    file.input("a", {-1, 1}, each.type);
    file.input("b", {-1, 1}, each.type);
    file.node(each.op, {"a", "b"}, {"y"});
    file.output("y");
    check_values(result_of_two(file, tensor_of({1, 1}, {each.a}), tensor_of({1, 1}, {each.b})), {1, 1}, {each.right});
  }
  GraphFile file;
  file.input("a", {-1, 1}, 4);
  file.node("Mul", {"a", "a"}, {"y"});
  file.output("y");
  CHECK(has(refusal(file), "16 bits"));
}

TEST_CASE("ONNX import: values beside the file are read from the directory that the caller names, and no other") {
  const TemporaryDirectory folder;
  folder.write("w.bin", GraphFile::raw_of(Numbers{0, 2, -4}));
  const auto outside = [](const std::string& location, const std::string& offset, const std::string& length) {
    GraphFile file = one_node("Add", {-1, 2}, {"c"});
    file.add(
        io::onnx::graph_field::initializer, GraphFile::message([&](keel_test::Message& to) {
          to.add_int64(io::onnx::tensor_field::dims, 2);
          to.add_int32(io::onnx::tensor_field::data_type, 1);
          to.add_string(io::onnx::tensor_field::name, "c");
          for (const auto& [key, value] : {std::pair("location", location), {"offset", offset}, {"length", length}})
            if (!value.empty())
              to.add_bytes(io::onnx::tensor_field::external_data, GraphFile::message([&](auto& entry) {
                             entry.add_string(io::onnx::entry_field::key, key);
                             entry.add_string(io::onnx::entry_field::value, value);
                           }));
          to.add_int32(io::onnx::tensor_field::data_location, 1);
        }));
    return file;
  };
  const OnnxImportOptions named{.external_data = folder.path()};
  for (const int tensors : {4, 5}) {  // of the same values, whose bytes a small file could say any number of times
    GraphFile file = outside("w.bin", "0", "");
    file.graph = {};
    file.input("x", {-1, 3});
    for (int i = 0; i < tensors; ++i) {
      const std::string name = "c" + std::to_string(i);
      file.add(io::onnx::graph_field::initializer, GraphFile::message([&](keel_test::Message& to) {
                 to.add_int64(io::onnx::tensor_field::dims, 3);
                 to.add_int32(io::onnx::tensor_field::data_type, 1);
                 to.add_string(io::onnx::tensor_field::name, name);
                 to.add_bytes(io::onnx::tensor_field::external_data, GraphFile::message([&](auto& entry) {
                                entry.add_string(io::onnx::entry_field::key, "location");
                                entry.add_string(io::onnx::entry_field::value, "w.bin");
                              }));
                 to.add_int32(io::onnx::tensor_field::data_location, 1);
               }));
      file.node("Add", {i == 0 ? "x" : "y" + std::to_string(i - 1), name}, {"y" + std::to_string(i)});
    }
    file.output("y" + std::to_string(tensors - 1));
    const std::string said = refusal(file, named);
    CAPTURE(said);
    CHECK(has(said, tensors == 4 ? "accepted" : "tensors that share values at most 4 times"));
  }
  for (const char* length : {"8", ""})
    check_values(model_of(outside("w.bin", "4", length), named).predict(tensor_of({1, 2}, {1, 1})), {1, 2}, {3, -3});
  CHECK(has(refusal(outside("w.bin", "4", "8")), "LoadOptions::external_data"));
  std::filesystem::create_symlink(folder / "w.bin", folder / "link.bin");
  std::filesystem::create_directory(folder / "inner");
  for (const char* location :
       {"", ".", "..", "../w.bin", "inner/../w.bin", "/etc/passwd", "C:\\w.bin", "inner", "link.bin", "missing.bin"}) {
    CAPTURE(location);
    CHECK_THROWS_AS(model_of(outside(location, "4", "8"), named), FormatError);
  }
  for (const auto& [offset, length] : {std::pair("5", "8"),
                                       {"8", "8"},
                                       {"4", "4"},
                                       {"0", "12"},
                                       {"13", "0"},
                                       {"-1", "8"},
                                       {"4", "x"},
                                       {"4", "1125899906842624"},
                                       {"9999999999999999999999", "8"}}) {
    CAPTURE(offset);
    CAPTURE(length);
    CHECK_THROWS_AS(model_of(outside("w.bin", offset, length), named), FormatError);
  }
}

TEST_CASE("ONNX import: the chains that exporters write for a shape are settled when the file is read") {
  GraphFile file;
  file.input("x", {-1, 2, 1, 2});
  file.integers("zero", {}, {0});
  file.integers("rest", {-1});
  file.node("Relu", {"x"}, {"r"});
  file.node("Shape", {"r"}, {"s"});
  file.node("Gather", {"s", "zero"}, {"n"}, {{"axis", Index{0}}});
  file.node("Unsqueeze", {"n", "zeros"}, {"list"});
  file.integers("zeros", {0});
  file.node("Concat", {"list", "rest"}, {"shape"}, {{"axis", Index{0}}});
  file.node("Reshape", {"r", "shape"}, {"y"});
  file.output("y");
  const Model<float> model = model_of(file);
  // in ONNX's order: all of the first channel, then all of the second
  check_values(model.predict(tensor_of({2, 1, 2, 2}, {1, 2, 3, 4, 5, 6, 7, 8})), {2, 4}, {1, 3, 2, 4, 5, 7, 6, 8});

  GraphFile expand;
  expand.input("x", {-1, 3});
  expand.integers("one", {1});
  expand.integers("dims", {3});
  expand.node("ConstantOfShape", {"dims"}, {"zeros"});
  expand.node("Add", {"zeros", "value"}, {"filled"});
  expand.node("Constant", {}, {"value"}, {});
  expand.output("y");
  CHECK(has(refusal(expand), "one value"));
  GraphFile folded;
  folded.input("x", {-1, 3});
  folded.integers("dims", {3});
  folded.floats("two", {}, {2});
  folded.node("ConstantOfShape", {"dims"}, {"zeros"});
  folded.node("Add", {"zeros", "two"}, {"twos"});
  folded.node("Mul", {"x", "twos"}, {"y"});
  folded.output("y");
  CHECK(model_of(folded).layer_count() == 1);
  check_values(result(folded, {1, 3}, {1, 2, 3}), {1, 3}, {2, 4, 6});
}

TEST_CASE("ONNX import: transposes that turn images vanish") {
  GraphFile file;
  file.input("x", {-1, 3, 3, 1});
  file.floats("w", {2, 1, 2, 2}, {1, 2, 3, 4, 0, 0, 0, 1});
  file.node("Transpose", {"x"}, {"first"}, {{"perm", std::vector<Index>{0, 3, 1, 2}}});
  file.node("Conv", {"first", "w"}, {"c"});
  file.node("Transpose", {"c"}, {"y"}, {{"perm", std::vector<Index>{0, 2, 3, 1}}});
  file.output("y");
  const Model<float> model = model_of(file);
  CHECK(model.layer_count() == 1);
  check_values(model.predict(tensor_of({1, 3, 3, 1}, nine)), {1, 2, 2, 2}, {37, 5, 47, 6, 67, 8, 77, 9});
}

TEST_CASE("ONNX import: layers have the names of their nodes, helpers those of their classes") {
  GraphFile file;
  file.input("image", {-1, 1, 3, 3});
  file.floats("w", {1, 1, 2, 2}, {1, 2, 3, 4});
  file.node("Conv", {"image", "w"}, {"a"}, {}, "/features/0/Conv");
  file.node("Relu", {"a"}, {"b"}, {}, "same");
  file.node("Sigmoid", {"b"}, {"c"}, {}, "same");
  file.node("Tanh", {"c"}, {"d"});
  file.output("d");
  const Model<float> model = model_of(file);
  std::vector<std::string> names;
  for (const auto& node : model.nodes()) names.push_back(node.name);
  CHECK(names == std::vector<std::string>{"image", "features/0/Conv", "same", "same_1", "activation"});
  CHECK(model.is_sequential());
}

TEST_CASE("ONNX import: tensors in each of the fields that hold values, and in each type") {
  namespace field = io::onnx::tensor_field;
  const auto with = [](int type, const std::function<void(keel_test::Message&)>& fill) {
    GraphFile file = one_node("Add", {-1, 2}, {"c"});
    file.add(io::onnx::graph_field::initializer, GraphFile::message([&](keel_test::Message& to) {
               const std::vector<std::int64_t> dims{2};
               to.add_packed_int64(field::dims, dims.begin(), dims.end());
               to.add_int32(field::data_type, type);
               to.add_string(field::name, "c");
               fill(to);
             }));
    CAPTURE(type);
    check_values(result(file, {1, 2}, {1, 1}), {1, 2}, {3, -3});
  };
  const std::vector<float> floats{2, -4};
  const std::vector<double> doubles{2, -4};
  const std::vector<std::int64_t> halves{0x4000, 0xc400}, brains{0x4000, 0xc080};
  with(1, [&](auto& to) { to.add_packed_float(field::float_data, floats.begin(), floats.end()); });
  with(1, [&](auto& to) { to.add_float(field::float_data, 2), to.add_float(field::float_data, -4); });
  with(1, [&](auto& to) { to.add_bytes(field::raw_data, GraphFile::raw_of(floats)); });
  with(11, [&](auto& to) { to.add_packed_double(field::double_data, doubles.begin(), doubles.end()); });
  with(11, [&](auto& to) { to.add_bytes(field::raw_data, GraphFile::raw_of(doubles)); });
  with(10, [&](auto& to) { to.add_packed_int64(field::int32_data, halves.begin(), halves.end()); });
  with(16, [&](auto& to) { to.add_packed_int64(field::int32_data, brains.begin(), brains.end()); });
  with(10, [&](auto& to) { to.add_bytes(field::raw_data, std::string("\x00\x40\x00\xc4", 4)); });
  with(16, [&](auto& to) { to.add_bytes(field::raw_data, std::string("\x00\x40\x80\xc0", 4)); });
}

TEST_CASE("ONNX import: inputs with open extents take those that the caller names") {
  const GraphFile file = one_node("Relu", {-1, 3, -1, -1});
  CHECK(has(refusal(file), "(?, 3, ?, ?) in the file"));
  CHECK(has(refusal(file), "LoadOptions::inputs"));
  const Model<float> model = model_of(file, {.inputs = {Shape{5, 4, 3}}});
  CHECK(model.nodes()[0].shape == Shape{5, 4, 3});
  CHECK_THROWS_AS(model_of(file, {.inputs = {Shape{5, 4, 2}}}), FormatError);
  CHECK_THROWS_AS(model_of(file, {.inputs = {Shape{5, 4, 3}, Shape{1}}}), FormatError);
}

TEST_CASE("ONNX import: all that keel does not have is said in one error, by operator with its nodes") {
  GraphFile file;
  file.input("x", {-1, 2});
  file.node("NoSuch", {"x"}, {"a"}, {}, "first");
  file.node("NoSuch", {"a"}, {"b"}, {}, "second");
  file.node("Relu", {"b"}, {"c"});
  file.node("Scaler", {"c"}, {"y"}, {}, "third", "ai.onnx.ml");
  file.output("y");
  const std::string message = refusal(file);
  for (const char* part : {"NoSuch x2 ('first', 'second')", "ai.onnx.ml::Scaler x1 ('third')", "opset 13"}) {
    CAPTURE(message);
    CHECK(has(message, part));
  }
  // options too
  GraphFile options;
  options.input("x", {-1, 1, 3, 3});
  options.node("Softmax", {"x"}, {"a"}, {{"axis", Index{9}}}, "one");
  options.node("Relu", {"x"}, {"b"}, {{"colour", Index{1}}}, "two");
  options.node("Add", {"a", "b"}, {"y"}, {}, "needs both");
  options.output("y");
  const std::string both = refusal(options);
  CAPTURE(both);
  CHECK(has(both, "Softmax 'one'"));
  CHECK(has(both, "Relu 'two'"));
  CHECK(!has(both, "needs both"));
}

TEST_CASE("ONNX import: a quantised graph is refused with what to export instead") {
  GraphFile file;
  file.input("x", {-1, 2});
  file.floats("scale", {}, {0.5f});
  file.node("QuantizeLinear", {"x", "scale"}, {"q"}, {}, "q1");
  file.node("DequantizeLinear", {"q", "scale"}, {"y"}, {}, "d1");
  file.output("y");
  const std::string message = refusal(file);
  CAPTURE(message);
  CHECK(has(message, "DequantizeLinear x1 ('d1'); QuantizeLinear x1 ('q1')"));
  CHECK(has(message, "quantised: export the float model"));
}

TEST_CASE("ONNX import: load, load_weights, diagnose and saving in other formats take such a model as any other") {
  const TemporaryDirectory folder;
  GraphFile file = one_node("Conv", image, {"w"});
  file.floats("w", {1, 1, 2, 2}, {1, 2, 3, 4});
  const std::string path = folder.write("a.bin", file.bytes());  // by content, not by name
  Model<float> model = load(path);
  check_values(model.predict(tensor_of({1, 3, 3, 1}, nine)), {1, 2, 2, 1}, {37, 47, 67, 77});
  for (const char* name : {"b.safetensors", "b.onnx", "b.keras", "b.h5"}) {
    CAPTURE(name);
    save(model, folder / name);
    check_values(load(folder / name).predict(tensor_of({1, 3, 3, 1}, nine)), {1, 2, 2, 1}, {37, 47, 67, 77});
  }
  CHECK(diagnose(model, path).fits());
  load_weights(model, path);
  CHECK(load(path, {.external_data = folder.path()}).layer_count() == 1);
  CHECK_THROWS_AS(load(folder.write("c.onnx", file.bytes().substr(0, 40))), FormatError);
  const std::string text = folder.write("d.onnx", "nothing of the kind");
  CHECK_THROWS_WITH_AS(load(text), doctest::Contains("no known format"), FormatError);
}

/// The file without its metadata, as a stranger's.
std::string stripped(const Bytes& bytes) {
  const std::string_view text = formats::text_of(bytes);
  protozero::pbf_reader reader(text.data(), text.size());
  std::string rest;
  const char* begin = text.data();
  while (reader.next()) {
    const bool goes = reader.tag() == io::onnx::model_field::metadata_props;
    reader.skip();
    const char* const end = reader.data().data();
    if (!goes) rest.append(begin, end);
    begin = end;
  }
  return rest;
}

/// Channels to the end: an output whose last operator is none of images stays as the graph has it.
Tensor<float> turned(const Tensor<float>& y) {
  const Shape& from = y.shape();
  std::vector<Index> order;
  for (Index i = 2; i < from.rank(); ++i) order.push_back(i);
  order.push_back(1);
  Model<float> model;
  const Node x = model.input(from.sample());
  model.output(model.add(Permute(order), x));
  return model.predict(y);
}

/// The channels in front.
Tensor<float> turned_first(const Tensor<float>& x) {
  std::vector<Index> order{x.shape().rank() - 1};
  for (Index i = 1; i + 1 < x.shape().rank(); ++i) order.push_back(i);
  Model<float> model;
  model.output(model.add(Permute(order), model.input(x.shape().sample())));
  return model.predict(x);
}

TEST_CASE("ONNX import: what keel wrote gives the same numbers when read as a stranger's") {
  const TemporaryDirectory folder;
  std::uint64_t seed = 900;
  for (const auto& maker : keel::detail::layer_makers<float>) {
    int taken = 0;
    std::string message;
    for (int round = 0; round < 6; ++round) {
      CAPTURE(maker.type);
      const Model<float> model = keel_test::random_network(++seed, 1, maker.type);
      // an input of four axes is taken for images with the channels first
      save_onnx(model, folder / "a.onnx",
                {.opset = static_cast<int>(17 + seed % 9), .images = OnnxImages::channels_first});
      const std::string file = stripped(read_file(folder / "a.onnx"));
      try {
        const Model<float> back = onnx_model<float>(formats::bytes_of(file), "a.onnx");
        ++taken;
        auto x = keel_test::random_inputs(model, 2, seed);
        const auto right = keel_test::predictions(model, x);
        // where nothing in the graph tells that a value is an image it stays as the file has it
        for (std::size_t i = 0; i < x.size(); ++i)
          if (back.input_shape(i) != x[i].shape().sample()) x[i] = turned_first(x[i]);
        auto got = keel_test::predictions(back, x);
        REQUIRE(right.size() == got.size());
        CAPTURE(maker.type);
        CAPTURE(seed);
        for (std::size_t k = 0; k < right.size(); ++k) {
          if (right[k].shape() != got[k].shape() && right[k].shape().rank() > 3) got[k] = turned(got[k]);
          REQUIRE(right[k].shape() == got[k].shape());
          for (Index i = 0; i < right[k].size(); ++i) REQUIRE(got[k][i] == doctest::Approx(right[k][i]).epsilon(1e-4));
        }
      } catch (const FormatError& error) {
        message = error.what();
      }
    }
    CAPTURE(maker.type);
    CAPTURE(message);
    CHECK(taken == 6);
  }
}

}  // namespace onnx_import

}  // namespace

#endif
