#pragma once
/// What a model holds, for tests that compare models before and after.

#include <vector>

#include <keel/model/model.hpp>

namespace keel_test {

/// Copies of all parameters, in the model's order.
inline std::vector<keel::Tensor<float>> values(const keel::Model<float>& model) {
  std::vector<keel::Tensor<float>> all;
  for (const keel::Parameter<float>* parameter : model.parameters()) all.push_back(parameter->value());
  return all;
}

}  // namespace keel_test
