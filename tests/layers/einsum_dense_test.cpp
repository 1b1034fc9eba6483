/// EinsumDense; its numbers stand in tests/golden/more_layers_golden_test.cpp.

#include <keel/layers/dense.hpp>
#include <keel/layers/einsum_dense.hpp>

#include "layer_testing.hpp"

using namespace keel_test;

TEST_CASE("EinsumDense keeps the contract") {
  check(EinsumDense<double>("ab,bc->ac", {4}, {.bias_axes = "c"}), {{3}}, {.refused = {{{3, 2}}, {{0}}, {{3}, {3}}}});
  check(EinsumDense<double>("abc,cde->abde", {0, 2, 3}, {.bias_axes = "de", .activation = Activation::gelu}), {{2, 4}},
        {.refused = {{{4}}, {{2, 4, 1}}}});
  check(EinsumDense<double>("abde,deo->abo", {2, 3}), {{2, 3, 2}}, {.refused = {{{3, 3, 2}}}});
  check(EinsumDense<double>("abc,bcd->adb", {3, 4}, {.bias_axes = "b", .activation = Activation::softmax}), {{4, 2}});
  check(EinsumDense<double>("...x,xy->...y", {3}, {.bias_axes = "y"}), {{2, 2, 4}}, {.refused = {{{}}}});
  check(EinsumDense<double>("ab...,bc->ac...", {3}, {.bias_axes = "c"}), {{4, 2}});
}

TEST_CASE("EinsumDense along the last axis has the bits of Dense, of any batch") {
  Bench einsum(EinsumDense<float>("abc,cd->abd", {0, 7}, {.bias_axes = "d"}), {{5, 6}});
  Bench dense(Dense<float>(7), {{5, 6}});
  for (std::size_t i = 0; i < 2; ++i) einsum.layer.parameters()[i]->set(dense.layer.parameters()[i]->value());
  const Tensor<float> x = dense.normal({3, 5, 6});
  CHECK(einsum.forward(x) == dense.forward(x));
}

TEST_CASE("EinsumDense refuses equations that it cannot mean") {
  const std::pair<const char*, const char*> wrong[] = {
      {"ab->ac", "an equation with \"input,kernel->output\""},
      {"ab,bc", "an equation with \"input,kernel->output\""},
      {"...b,bc->ac", "an equation with \"...\" in input and output"},
      {"...b,bc->c...", "an equation with \"...\" at the same end of input and output"},
      {"ab,b1->a1", "an equation with letters as axes"},
      {"aa,ac->ac", "an equation with each letter once on a side"},
      {"ab,->ab", "an equation with axes on each side"},
      {"ab,bc->ca", "an equation with the batch as the first letter of input and output, and not of the kernel"},
      {"ab,abc->ac", "an equation with the batch as the first letter of input and output, and not of the kernel"},
      {"abx,bc->ac", "an equation with no letter of the input or the kernel alone"},
      {"ab,bcx->ac", "an equation with no letter of the input or the kernel alone"},
      {"ab,bc->acz", "an equation with no letter of the output alone"}};
  for (const auto& [equation, expected] : wrong) {
    const std::string text = equation;
    CAPTURE(text);
    CHECK_THROWS_WITH_AS(EinsumDense(text, {4}, {.name = "product"}),
                         doctest::Contains((std::string("[product (EinsumDense)] expected ") + expected).c_str()),
                         ConfigError);
  }
  CHECK_THROWS_WITH_AS(EinsumDense("ab,bc->ac", {4}, {.bias_axes = "b"}),
                       doctest::Contains("the letters of bias_axes, \"b\", in the output"), ConfigError);
  CHECK_THROWS_WITH_AS(
      EinsumDense("abc,cd->abd", {4}),
      "[EinsumDense] expected output_shape with an extent for each axis of abc,cd->abd but the batch, got 4",
      ConfigError);
  const std::vector<Shape> in{{3, 5}};
  CHECK_THROWS_WITH_AS(EinsumDense("abc,cd->abd", {0, 0}).output_shape(in),
                       doctest::Contains("an output_shape with the extent of d for abc,cd->abd"), ShapeError);
  CHECK_THROWS_WITH_AS(EinsumDense("abc,cd->abd", {2, 4}).output_shape(in),
                       doctest::Contains("an extent of 2 along b for abc,cd->abd"), ShapeError);
}
