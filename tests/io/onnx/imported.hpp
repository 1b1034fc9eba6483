#pragma once
/// Files of ONNX as models, for tests.

#include <doctest/doctest.h>

#include <keel/io/onnx/load.hpp>

#include "io/onnx/graph_file.hpp"

namespace keel_test {

inline keel::Model<float> model_of(const GraphFile& file, const keel::OnnxImportOptions& options = {}) {
  const std::string bytes = file.bytes();
  return keel::onnx_model<float>(keel::formats::bytes_of(bytes), "a.onnx", options);
}
/// What is said of a file that is refused, or "accepted".
inline std::string refusal(const GraphFile& file, const keel::OnnxImportOptions& options = {}) {
  try {
    model_of(file, options);
  } catch (const keel::FormatError& error) {
    return error.what();
  }
  return "accepted";
}
inline keel::Tensor<float> tensor_of(const std::vector<Index>& dims, const std::vector<float>& numbers) {
  keel::Tensor<float> x = keel::Tensor<float>::uninitialized(keel::Shape(std::span<const Index>(dims)));
  REQUIRE(static_cast<std::size_t>(x.size()) == numbers.size());
  std::copy(numbers.begin(), numbers.end(), x.begin());
  return x;
}

}  // namespace keel_test
