#pragma once

#include <keel/layers/dense.hpp>
#include <keel/layers/dropout.hpp>
#include <keel/model/sequential.hpp>
#include <keel/training/data.hpp>

/// Points in three rings around the origin, and a network that learns to tell the rings apart.
namespace small_problem {

inline keel::Dataset<float> rings(keel::Index count, std::uint64_t seed) {
  keel::Tensor<float> points({count, 2}), labels({count});
  keel::Rng rng(seed);
  for (keel::Index i = 0; i < count; ++i) {
    const double radius = rng.uniform(0, 3), angle = rng.uniform(0, 6.2832);
    points(i, 0) = static_cast<float>(radius * std::cos(angle));
    points(i, 1) = static_cast<float>(radius * std::sin(angle));
    labels[i] = static_cast<float>(std::floor(radius));
  }
  return {points, labels};
}

inline keel::Sequential<float> classifier(double dropout = 0, int threads = 1) {
  keel::Sequential<float> model({2}, {.seed = 4, .threads = threads});
  model.add(keel::Dense(16, {.activation = keel::Activation::tanh}));
  if (dropout > 0) model.add(keel::Dropout(dropout));
  model.add(keel::Dense(16, {.activation = keel::Activation::tanh}));
  model.add(keel::Dense(3, {.activation = keel::Activation::softmax}));
  return model;
}

inline std::vector<keel::Tensor<float>> values(keel::Model<float>& model) {
  std::vector<keel::Tensor<float>> all;
  for (const auto* parameter : model.parameters()) all.push_back(parameter->value());
  return all;
}

}  // namespace small_problem
