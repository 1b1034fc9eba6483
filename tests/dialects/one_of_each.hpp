#pragma once
/// A layer of every class in the registry, built, with its default options where it has such.

#include <keel/layers/registry.hpp>

inline std::vector<keel::AnyLayer<float>> one_of_each() {
  using namespace keel;
  const std::vector<std::pair<std::string_view, Config>> needed = {
      {"AdaptiveAveragePooling1D", {{"output_size", Index{2}}}},
      {"AdaptiveAveragePooling2D", {{"output_size", Index{2}}}},
      {"AdaptiveAveragePooling3D", {{"output_size", Index{2}}}},
      {"AdaptiveMaxPooling1D", {{"output_size", Index{2}}}},
      {"AdaptiveMaxPooling2D", {{"output_size", Index{2}}}},
      {"AdaptiveMaxPooling3D", {{"output_size", Index{2}}}},
      {"AlphaDropout", {{"rate", 0.5}}},
      {"AveragePooling2D", {{"pool_size", Index{2}}}},
      {"Bidirectional", {{"layer", std::string("LSTM")}, {"units", Index{2}}}},
      {"CenterCrop", {{"height", Index{2}}, {"width", Index{2}}}},
      {"Constant", {{"shape", std::vector<Index>{2}}}},
      {"Conv1D", {{"filters", Index{2}}, {"kernel_size", Index{2}}}},
      {"Conv1DTranspose", {{"filters", Index{2}}, {"kernel_size", Index{2}}}},
      {"Conv2D", {{"filters", Index{2}}, {"kernel_size", Index{2}}}},
      {"Conv2DTranspose", {{"filters", Index{2}}, {"kernel_size", Index{2}}}},
      {"Conv3D", {{"filters", Index{2}}, {"kernel_size", Index{2}}}},
      {"Conv3DTranspose", {{"filters", Index{2}}, {"kernel_size", Index{2}}}},
      {"ConvLSTM1D", {{"filters", Index{2}}, {"kernel_size", Index{2}}}},
      {"ConvLSTM2D", {{"filters", Index{2}}, {"kernel_size", Index{2}}}},
      {"ConvLSTM3D", {{"filters", Index{2}}, {"kernel_size", Index{2}}}},
      {"Dense", {{"units", Index{2}}}},
      {"DepthwiseConv1D", {{"kernel_size", Index{2}}}},
      {"DepthwiseConv2D", {{"kernel_size", Index{2}}}},
      {"Dropout", {{"rate", 0.5}}},
      {"EinsumDense",
       {{"equation", std::string("...x,xy->...y")},
        {"output_shape", std::vector<Index>{3}},
        {"bias_axes", std::string("y")}}},
      {"Elementwise", {{"function", std::string("add")}, {"constant_shape", std::vector<Index>{2}}}},
      {"Gather", {{"indices", std::vector<Index>{0}}}},
      {"Embedding", {{"input_dim", Index{5}}, {"output_dim", Index{2}}}},
      {"GRU", {{"units", Index{2}}}},
      {"GaussianDropout", {{"rate", 0.5}}},
      {"GaussianNoise", {{"stddev", 0.5}}},
      {"GroupQueryAttention",
       {{"head_dim", Index{3}}, {"num_query_heads", Index{4}}, {"num_key_value_heads", Index{2}}}},
      {"LSTM", {{"units", Index{2}}}},
      {"GroupNormalization", {{"groups", Index{2}}}},
      {"MultiHeadAttention", {{"num_heads", Index{2}}, {"key_dim", Index{3}}}},
      {"MaxPooling2D", {{"pool_size", Index{2}}}},
      {"Pad", {{"sides", std::vector<Index>{1, 0, 0, 1}}}},
      {"Permute", {{"dims", std::vector<Index>{2, 1}}}},
      {"RandomCrop", {{"height", Index{6}}, {"width", Index{6}}}},
      {"Reduce", {{"function", std::string("mean")}, {"axes", Index{1}}}},
      {"RepeatVector", {{"n", Index{3}}}},
      {"Reshape", {{"target_shape", std::vector<Index>{-1}}}},
      {"SeparableConv1D", {{"filters", Index{2}}, {"kernel_size", Index{2}}}},
      {"SeparableConv2D", {{"filters", Index{2}}, {"kernel_size", Index{2}}}},
      {"Slice", {{"starts", std::vector<Index>{0}}, {"ends", std::vector<Index>{2}}}},
      {"SimpleRNN", {{"units", Index{2}}}},
      {"SpatialDropout1D", {{"rate", 0.5}}},
      {"SpatialDropout2D", {{"rate", 0.5}}},
      {"SpatialDropout3D", {{"rate", 0.5}}},
      {"Resizing", {{"height", Index{3}}, {"width", Index{5}}}},
      {"TimeDistributed", {{"layer", std::string("Dense")}, {"units", Index{2}}}},
      {"Tile", {{"repeats", std::vector<Index>{2, 1}}}},
  };
  std::vector<AnyLayer<float>> layers;
  for (const auto& maker : detail::layer_makers<float>) {
    Config config;
    for (const auto& [type, options] : needed)
      if (type == maker.type) config = options;
    layers.push_back(make_layer(maker.type, config));
    const std::vector<Shape> map{{4, 4, 2}}, two{{4, 4, 2}, {4, 4, 2}}, sequence{{4, 2}}, row{{4}},
        volume{{4, 4, 4, 2}}, pair{{4, 2}, {4, 2}}, square{{6, 6, 3}}, volumes{{2, 4, 4, 4, 2}};
    bool built = false;
    for (const std::vector<Shape>& inputs : {map, two, sequence, row, volume, pair, square, volumes}) try {
        if (built) break;
        layers.back()->output_shape(inputs);
        Rng rng;
        layers.back()->build(inputs, rng);
        built = true;
      } catch (const ShapeError&) {  // it wants other inputs
      }
  }
  return layers;
}
