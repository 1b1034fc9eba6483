#pragma once
/// A layer of every class in the registry, built, with its default options where it has such.

#include <keel/layers/registry.hpp>

inline std::vector<keel::AnyLayer<float>> one_of_each() {
  using namespace keel;
  const std::vector<std::pair<std::string_view, Config>> needed = {
      {"AveragePooling2D", {{"pool_size", Index{2}}}},
      {"Conv2D", {{"filters", Index{2}}, {"kernel_size", Index{2}}}},
      {"Conv2DTranspose", {{"filters", Index{2}}, {"kernel_size", Index{2}}}},
      {"Dense", {{"units", Index{2}}}},
      {"DepthwiseConv2D", {{"kernel_size", Index{2}}}},
      {"Dropout", {{"rate", 0.5}}},
      {"MaxPooling2D", {{"pool_size", Index{2}}}},
      {"Reshape", {{"target_shape", std::vector<Index>{-1}}}},
      {"SeparableConv2D", {{"filters", Index{2}}, {"kernel_size", Index{2}}}},
  };
  std::vector<AnyLayer<float>> layers;
  for (const auto& maker : detail::layer_makers<float>) {
    Config config;
    for (const auto& [type, options] : needed)
      if (type == maker.type) config = options;
    layers.push_back(make_layer(maker.type, config));
    const Shape map{4, 4, 2};
    const Shape both[] = {map, map};
    Rng rng;
    try {
      layers.back()->output_shape(Shapes(both, 1));
      layers.back()->build(Shapes(both, 1), rng);
    } catch (const ShapeError&) {  // it wants two inputs
      layers.back()->output_shape(both);
      layers.back()->build(both, rng);
    }
  }
  return layers;
}
