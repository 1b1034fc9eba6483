/// Every class with every option, written for Keras 3, Keras 2 and TensorFlow.js: it comes back as it was, or the
/// writer refuses it by layer and option.

#include <cmath>

#include <doctest/doctest.h>

#include <keel/io/load.hpp>

#include "dialects/one_of_each.hpp"
#include "io/scramble.hpp"
#include "temporary_directory.hpp"

using namespace keel;

namespace keras_writing_test {  // a name of its own: the files of a folder are compiled together

struct Style {
  const char* name;
  const char* file;
  void (*write)(const Model<>&, const std::string&);
};
const Style styles[] = {
    {"keras3", "a.keras", [](const Model<>& m, const std::string& p) { save_keras(m, p); }},
    {"h5", "a.h5",
     [](const Model<>& m, const std::string& p) { save_keras_h5(m, p, {.version = KerasVersion::keras3}); }},
    {"keras2", "b.h5",
     [](const Model<>& m, const std::string& p) { save_keras_h5(m, p, {.version = KerasVersion::keras2}); }},
    {"tfjs", "model.json", [](const Model<>& m, const std::string& p) { save_tfjs(m, p); }}};

/// A layer of that class on as many inputs as it takes.
Model<> model_of(const std::string& type, const Config& config) {
  const std::vector<Shape> tries[] = {{{6, 5, 4}}, {{6, 5, 4}, {6, 5, 4}}, {{6, 4}},         {{6, 4}, {6, 4}},
                                      {{6}},       {{5, 4, 4, 2}},         {{2, 3, 4, 4, 2}}};
  for (const std::vector<Shape>& shapes : tries) try {
      Model<> model({.seed = 7});
      std::vector<Node> nodes;
      for (const Shape& shape : shapes) nodes.push_back(model.input(shape));
      model.output(model.add(make_layer(type, config), std::span<const Node>(nodes)));
      scramble(model);
      return model;
    } catch (const ShapeError&) {
      if (&shapes == std::end(tries) - 1) throw;
    }
  throw std::logic_error("unreachable");
}
std::vector<Tensor<float>> results(const Model<>& model) {
  std::vector<Tensor<float>> x;
  for (std::size_t i = 0; i < model.inputs().size(); ++i) {
    x.emplace_back(model.input_shape(i).with_batch(2));
    for (Index k = 0; k < x.back().size(); ++k)
      x.back()[k] = 2 * std::sin(0.7f * static_cast<float>(k) + static_cast<float>(i));
    if (model.layer(0).type() == "Embedding") x.back().array() = x.back().array().abs();  // tokens
  }
  std::vector<TensorView<const float>> views(x.begin(), x.end());
  return model.predict(Inputs<float>(views));
}
using List = std::vector<Index>;

/// Without what initial values were, which no file of Keras keeps.
Config known(const Config& config) {
  Config result;
  for (const auto& [name, value] : config.entries())
    if (name.find("initializer") == name.npos) result.set(name, value);
  // no padding is written in two ways
  if (const Config::Value* padding = result.find("padding");
      padding && (*padding == Config::Value(List{0, 0, 0, 0}) || *padding == Config::Value(List{0, 0})))
    result.set("padding", std::string("valid"));
  return result;
}

/// The styles that refuse the layer, "keras2 tfjs"; in the others it comes back as it was.
std::string refusals(const std::string& type, const Config& config) {
  const TemporaryDirectory directory;
  const Model<> model = model_of(type, config);
  const auto y = results(model);
  std::string refused;
  for (const Style& style : styles) {
    CAPTURE(style.name);
    const std::string path = directory / style.file;
    try {
      style.write(model, path);
    } catch (const ConfigError& error) {
      refused += (refused.empty() ? "" : " ") + std::string(style.name);
      CAPTURE(error.what());
      CHECK(std::string(error.what()).find("(" + type + ")") != std::string::npos);
      continue;
    }
    try {
      const Model<> back = load(path);
      CHECK(results(back) == y);
      const Layer<float>& layer = back.layer(back.layer_count() - 1);
      // what keel pads by itself is a layer before it in Keras
      if (back.layer_count() == 1) CHECK(known(layer.config()) == known(model.layer(0).config()));
    } catch (const Error& error) {
      FAIL_CHECK(error.what());
    }
  }
  return refused;
}

const std::string same = "same", none = "", all = "keras3 h5 keras2 tfjs", no_tfjs = "tfjs", no_keras2 = "keras2 tfjs";

TEST_CASE("every class with every option comes back from Keras's files, or is refused") {
  const Config conv{{"filters", Index{3}}, {"kernel_size", Index{3}}};
  const Config depthwise{{"kernel_size", List{3, 2}}};
  const auto with = [](Config config, std::initializer_list<std::pair<std::string, Config::Value>> more) {
    for (const auto& [name, value] : more) config.set(name, value);
    return config;
  };
  const std::string causal = "causal";
  const Config depthwise1d{{"kernel_size", Index{3}}};
  struct Case {
    std::string type;
    Config config;
    std::string refused;
  };
  std::vector<Case> cases = {
      {"Conv1D", with(conv, {{"strides", Index{2}}, {"padding", same}, {"use_bias", false}}), none},
      {"Conv1D", with(conv, {{"dilation_rate", Index{2}}, {"padding", causal}}), no_tfjs},
      {"Conv1D", with(conv, {{"dilation_rate", Index{2}}, {"strides", Index{2}}}), all},
      {"Conv1D", with(conv, {{"filters", Index{4}}, {"groups", Index{2}}}), no_tfjs},
      {"Conv1D", with(conv, {{"padding", List{0, 2}}}), no_tfjs},
      {"Conv1DTranspose", with(conv, {{"strides", Index{2}}, {"padding", same}}), no_tfjs},
      {"Conv1DTranspose", with(conv, {{"strides", Index{2}}, {"output_padding", Index{1}}}), no_tfjs},
      {"Conv1DTranspose", with(conv, {{"padding", List{1, 1}}}), all},
      {"DepthwiseConv1D", with(depthwise1d, {{"depth_multiplier", Index{2}}, {"padding", same}}), no_tfjs},
      {"DepthwiseConv1D", with(depthwise1d, {{"padding", List{1, 0}}, {"use_bias", false}}), no_tfjs},
      {"SeparableConv1D", with(conv, {{"depth_multiplier", Index{2}}, {"strides", Index{2}}}), no_tfjs},
      {"SeparableConv1D", with(conv, {{"dilation_rate", Index{2}}, {"padding", causal}}), no_tfjs},
      {"MaxPooling1D", {{"pool_size", Index{3}}, {"strides", Index{2}}, {"padding", same}}, none},
      {"MaxPooling1D", {{"pool_size", Index{3}}, {"padding", List{1, 1}}}, all},
      {"AveragePooling1D", {{"pool_size", Index{3}}, {"padding", same}}, none},
      {"AveragePooling1D", {{"pool_size", Index{3}}, {"strides", Index{2}}, {"ceil_mode", true}}, all},
      {"GlobalAveragePooling1D", {}, none},
      {"GlobalAveragePooling1D", {{"keepdims", true}}, no_tfjs},
      {"GlobalMaxPooling1D", {}, none},
      {"ZeroPadding1D", {{"padding", List{1, 2}}}, no_tfjs},
      {"ZeroPadding3D", {{"padding", List{1, 2, 0, 1, 0, 0}}}, no_tfjs},
      {"Cropping1D", {{"cropping", List{1, 2}}}, no_tfjs},
      {"Cropping2D", {{"cropping", List{1, 2, 0, 1}}}, none},
      {"Cropping3D", {{"cropping", List{1, 2, 0, 1, 0, 0}}}, no_tfjs},
      {"UpSampling1D", {{"size", Index{3}}}, no_tfjs},
      {"SpatialDropout3D", {{"rate", 0.25}}, no_tfjs},
      {"Constant", {{"shape", List{2}}}, all},
      {"Elementwise", {{"function", std::string("add")}, {"constant_shape", List{2}}}, all},
      {"Gather", {{"indices", List{0}}}, all},
      {"GLU", {}, all},
      {"Pad", {{"sides", List{1, 0, 0, 1}}}, all},
      {"Reduce", {{"function", std::string("mean")}}, all},
      {"Slice", {{"starts", List{0}}, {"ends", List{2}}}, all},
      {"MatMul", {{"transpose_b", true}}, all},
      {"Tile", {{"repeats", List{2, 1}}}, all},
      {"LSTM", {{"units", Index{3}}, {"return_sequences", true}, {"unit_forget_bias", false}}, none},
      {"LSTM", {{"units", Index{3}}, {"recurrent_activation", std::string("hard_sigmoid_keras2")}}, "keras3 h5"},
      {"LSTM", {{"units", Index{3}}, {"zero_output_for_mask", true}}, no_tfjs},
      {"GRU", {{"units", Index{3}}, {"go_backwards", true}}, no_tfjs},
      {"GRU", {{"units", Index{3}}, {"reset_after", false}, {"use_bias", false}}, none},
      {"SimpleRNN", {{"units", Index{3}}, {"activation", std::string("relu")}, {"dropout", 0.25}}, none},
      {"Bidirectional",
       {{"layer", std::string("LSTM")}, {"units", Index{3}}, {"merge_mode", std::string("mul")}},
       no_tfjs},
      {"Bidirectional", {{"layer", std::string("GRU")}, {"units", Index{3}}, {"return_sequences", true}}, no_tfjs},
      {"Masking", {{"mask_value", 0.5}}, none},
      {"StepMask", {}, all},
      {"Embedding", {{"input_dim", Index{9}}, {"output_dim", Index{3}}}, none},
      {"LayerNormalization", {{"epsilon", 0.5}, {"center", false}}, none},
      {"LayerNormalization", {{"axis", List{1, 2}}}, none},
      {"GroupNormalization", {{"groups", Index{2}}, {"scale", false}}, no_tfjs},
      {"RMSNormalization", {{"epsilon", 0.5}}, "keras2 tfjs"},
      {"UnitNormalization", {{"axis", Index{1}}}, no_tfjs},
      {"MultiHeadAttention", {{"num_heads", Index{2}}, {"key_dim", Index{3}}}, "keras2 tfjs"},
      {"MultiHeadAttention", {{"num_heads", Index{2}}, {"key_dim", Index{3}}, {"output_dim", Index{5}}}, "keras2 tfjs"},
      {"MultiHeadAttention", {{"num_heads", Index{2}}, {"key_dim", Index{3}}, {"use_causal_mask", true}}, all},
      {"Permute", {{"dims", List{2, 1}}}, none},
      {"Permute", {{"dims", List{3, 1, 2}}}, none},
      {"RepeatVector", {{"n", Index{3}}}, none},
      {"Concatenate", {{"axis", Index{-1}}}, none},
      {"Concatenate", {{"axis", Index{1}}}, none},
      {"AveragePooling2D", {{"pool_size", List{2, 3}}}, none},
      {"AveragePooling2D", {{"pool_size", Index{3}}, {"strides", Index{2}}, {"padding", same}}, none},
      {"AveragePooling2D", {{"pool_size", Index{3}}, {"strides", Index{2}}, {"ceil_mode", true}}, all},
      {"AveragePooling2D", {{"pool_size", Index{3}}, {"padding", List{1, 1, 1, 1}}}, all},
      {"MaxPooling2D", {{"pool_size", List{2, 3}}}, none},
      {"MaxPooling2D", {{"pool_size", Index{3}}, {"strides", List{2, 1}}, {"padding", same}}, none},
      {"MaxPooling2D", {{"pool_size", Index{2}}, {"padding", List{0, 0, 0, 0}}}, none},
      {"MaxPooling2D", {{"pool_size", Index{3}}, {"padding", List{1, 1, 1, 1}}}, all},
      {"BatchNormalization", {}, none},
      {"BatchNormalization", {{"momentum", 0.5}, {"epsilon", 0.25}, {"center", false}}, none},
      {"BatchNormalization", {{"scale", false}, {"unbiased", true}, {"allow_single_value", false}}, none},
      {"BatchNormalization", {{"cumulative", true}}, none},
      {"Conv2D", with(conv, {{"strides", List{2, 1}}, {"padding", same}, {"use_bias", false}}), none},
      {"Conv2D", with(conv, {{"dilation_rate", List{2, 1}}}), none},
      {"Conv2D", with(conv, {{"dilation_rate", Index{2}}, {"strides", Index{2}}, {"padding", same}}), all},
      {"Conv2D", with(conv, {{"filters", Index{4}}, {"groups", Index{2}}}), no_tfjs},
      {"Conv2D", with(conv, {{"padding", List{0, 1, 2, 1}}}), none},
      {"Conv2DTranspose", with(conv, {{"strides", Index{2}}, {"padding", same}}), none},
      {"Conv2DTranspose", with(conv, {{"strides", List{1, 2}}}), none},
      {"Conv2DTranspose", with(conv, {{"dilation_rate", Index{2}}}), no_tfjs},
      {"Conv2DTranspose", with(conv, {{"strides", Index{2}}, {"output_padding", List{1, 0}}}), no_tfjs},
      {"Conv2DTranspose", with(conv, {{"strides", Index{2}}, {"output_padding", List{0, 0}}, {"padding", same}}),
       no_tfjs},
      {"Conv2DTranspose", with(conv, {{"padding", List{1, 1, 1, 1}}}), all},
      {"DepthwiseConv2D", with(depthwise, {{"depth_multiplier", Index{2}}, {"padding", same}}), none},
      {"DepthwiseConv2D", with(depthwise, {{"dilation_rate", Index{2}}}), no_tfjs},
      {"DepthwiseConv2D", with(depthwise, {{"padding", List{1, 0, 0, 1}}, {"use_bias", false}}), none},
      {"SeparableConv2D", with(conv, {{"depth_multiplier", Index{2}}, {"strides", Index{2}}}), none},
      {"SeparableConv2D", with(conv, {{"dilation_rate", Index{2}}, {"padding", same}}), none},
      {"Dense", {{"units", Index{3}}}, none},
      {"Dense", {{"units", Index{3}}, {"use_bias", false}}, none},
      {"ELU", {}, none},
      {"ELU", {{"alpha", 0.5}}, no_tfjs},
      {"Flatten", {}, none},
      {"GlobalAveragePooling2D", {}, none},
      {"GlobalAveragePooling2D", {{"keepdims", true}}, no_tfjs},
      {"GlobalMaxPooling2D", {}, none},
      {"GlobalMaxPooling2D", {{"keepdims", true}}, no_tfjs},
      {"LeakyReLU", {{"negative_slope", 0.125}}, none},
      {"ReLU", {}, none},
      {"ReLU", {{"max_value", 1.5}}, none},
      {"ReLU", {{"negative_slope", 0.25}}, no_tfjs},
      {"ReLU", {{"threshold", 0.5}}, no_tfjs},
      {"PReLU", {}, none},
      {"PReLU", {{"shared_axes", List{1, 2}}}, none},
      {"Normalization", {}, no_tfjs},
      {"Rescaling", {{"scale", 0.5}, {"offset", -1.0}}, none},
      {"Reshape", {{"target_shape", List{-1, 10}}}, none},
      {"Softmax", {}, none},
      {"UpSampling2D", {{"size", List{2, 3}}}, none},
      {"UpSampling2D", {{"interpolation", std::string("bilinear")}}, no_tfjs},
      {"ZeroPadding2D", {{"padding", List{1, 0, 2, 1}}}, none},
      {"Dropout", {{"rate", 0.25}}, none},
      {"AlphaDropout", {{"rate", 0.25}}, none},
      {"GaussianDropout", {{"rate", 0.25}}, none},
      {"GaussianNoise", {{"stddev", 0.25}}, none},
      {"SpatialDropout1D", {{"rate", 0.25}}, none},
      {"SpatialDropout2D", {{"rate", 0.25}}, no_tfjs},
      {"ActivityRegularization", {{"l1", 0.25}, {"l2", 0.5}}, no_tfjs},
      {"Identity", {}, no_tfjs},
      {"CenterCrop", {{"height", Index{3}}, {"width", Index{2}}}, no_tfjs},
      {"AugMix", {{"value_range", std::vector<double>{0.25, 0.5}}}, no_keras2},
      {"CutMix", {{"factor", 0.25}}, no_keras2},
      {"MixUp", {{"alpha", 0.25}}, no_keras2},
      {"RandAugment", {{"value_range", std::vector<double>{0.25, 0.5}}}, no_keras2},
      {"RandomBrightness", {{"factor", 0.25}}, no_tfjs},
      {"RandomColorDegeneration", {{"factor", 0.25}}, no_keras2},
      {"RandomColorJitter", {{"value_range", std::vector<double>{0.25, 0.5}}}, no_keras2},
      {"RandomElasticTransform", {{"factor", 0.25}}, no_keras2},
      {"RandomErasing", {{"factor", 0.25}}, no_keras2},
      {"RandomGaussianBlur", {{"factor", 0.25}}, no_keras2},
      {"RandomGrayscale", {{"factor", 0.25}}, no_keras2},
      {"RandomHue", {{"factor", 0.25}}, no_keras2},
      {"RandomInvert", {{"factor", 0.25}}, no_keras2},
      {"RandomPerspective", {{"factor", 0.25}}, no_keras2},
      {"RandomPosterization", {{"factor", 0.25}}, no_keras2},
      {"RandomSaturation", {{"factor", 0.25}}, no_keras2},
      {"RandomSharpness", {{"factor", 0.25}}, no_keras2},
      {"RandomShear", {{"x_factor", 0.25}}, no_keras2},
      {"Solarization", {{"addition_factor", 0.25}}, no_keras2},
      {"Conv3D", with(conv, {{"kernel_size", List{2, 3, 1}}, {"strides", List{2, 1, 1}}, {"padding", same}}), none},
      {"Conv3D", with(conv, {{"dilation_rate", List{2, 1, 2}}, {"kernel_size", Index{2}}, {"use_bias", false}}), none},
      {"Conv3D", with(conv, {{"filters", Index{4}}, {"groups", Index{2}}}), no_tfjs},
      {"Conv3D", with(conv, {{"padding", List{1, 0, 1, 1, 0, 0}}}), all},
      {"Conv3DTranspose", with(conv, {{"kernel_size", List{2, 3, 1}}, {"strides", List{2, 1, 1}}, {"padding", same}}),
       none},
      {"Conv3DTranspose", with(conv, {{"strides", Index{3}}, {"output_padding", List{1, 0, 2}}}), no_tfjs},
      {"Conv3DTranspose", with(conv, {{"dilation_rate", List{2, 1, 2}}, {"use_bias", false}}), no_tfjs},
      {"Conv3DTranspose", with(conv, {{"filters", Index{4}}, {"groups", Index{2}}}), all},
      {"Conv3DTranspose", with(conv, {{"padding", List{1, 0, 1, 1, 0, 0}}}), all},
      {"ConvLSTM1D", with(conv, {{"kernel_size", Index{2}}, {"strides", Index{2}}, {"return_sequences", true}}),
       no_tfjs},
      {"ConvLSTM2D", with(conv, {{"padding", same}, {"go_backwards", true}}), no_tfjs},
      {"ConvLSTM2D", with(conv, {{"kernel_size", Index{2}}, {"use_bias", false}, {"dilation_rate", List{1, 2}}}),
       no_tfjs},
      {"ConvLSTM2D", with(conv, {{"padding", List{1, 0, 1, 1}}}), all},
      {"ConvLSTM3D", with(conv, {{"kernel_size", List{1, 2, 2}}, {"unit_forget_bias", false}}), no_tfjs},
      {"EinsumDense",
       {{"equation", std::string("abc,cde->abde")},
        {"output_shape", List{0, 2, 3}},
        {"bias_axes", std::string("de")},
        {"activation", std::string("relu")}},
       no_tfjs},
      {"EinsumDense", {{"equation", std::string("...x,xy->...y")}, {"output_shape", List{4}}}, no_tfjs},
      {"GroupQueryAttention",
       {{"head_dim", Index{3}}, {"num_query_heads", Index{4}}, {"num_key_value_heads", Index{2}}},
       no_keras2},
      {"GroupQueryAttention",
       {{"head_dim", Index{3}},
        {"num_query_heads", Index{2}},
        {"num_key_value_heads", Index{1}},
        {"use_causal_mask", true}},
       all},
      {"AdaptiveAveragePooling1D", {{"output_size", Index{2}}}, no_keras2},
      {"AdaptiveAveragePooling2D", {{"output_size", List{2, 3}}}, no_keras2},
      {"AdaptiveAveragePooling3D", {{"output_size", List{2, 1, 3}}}, no_keras2},
      {"AdaptiveMaxPooling1D", {{"output_size", Index{3}}}, no_keras2},
      {"AdaptiveMaxPooling2D", {{"output_size", List{2, 3}}}, no_keras2},
      {"AdaptiveMaxPooling3D", {{"output_size", List{2, 1, 3}}}, no_keras2},
      {"AutoContrast", {{"value_range", std::vector<double>{0, 1}}}, no_keras2},
      {"Equalization", {{"bins", Index{64}}}, no_keras2},
      {"MaxNumBoundingBoxes", {{"max_number", Index{4}}}, no_keras2},
      {"MaxPooling3D", {{"pool_size", Index{3}}, {"strides", Index{2}}, {"padding", same}}, none},
      {"MaxPooling3D", {{"pool_size", List{2, 1, 2}}, {"padding", List{1, 1, 0, 0, 0, 0}}}, all},
      {"AveragePooling3D", {{"pool_size", List{2, 3, 1}}}, none},
      {"AveragePooling3D", {{"pool_size", Index{3}}, {"ceil_mode", true}}, all},
      {"GlobalAveragePooling3D", {}, no_tfjs},
      {"GlobalMaxPooling3D", {{"keepdims", true}}, no_tfjs},
      {"UpSampling3D", {{"size", List{2, 1, 3}}}, no_tfjs},
      {"Dot", {{"axes", List{2, 2}}, {"normalize", true}}, no_tfjs},
      {"Dot", {{"axes", Index{-1}}}, no_tfjs},
      {"Attention", {{"use_scale", true}}, no_tfjs},
      {"AdditiveAttention", {{"use_scale", false}}, no_tfjs},
      {"AdditiveAttention", {}, no_tfjs},
      {"Resizing", {{"height", Index{4}}, {"width", Index{9}}, {"interpolation", std::string("nearest")}}, no_tfjs},
      {"TimeDistributed", {{"layer", std::string("Dense")}, {"units", Index{3}}}, no_tfjs},
      {"TimeDistributed",
       with(conv, {{"layer", std::string("Conv1D")}, {"padding", same}, {"activation", std::string("relu")}}), no_tfjs},
      {"TimeDistributed", with(conv, {{"layer", std::string("Conv1D")}, {"padding", List{1, 0}}}), all},
      {"RandomContrast", {{"factor", 0.25}}, no_tfjs},
      {"RandomCrop", {{"height", Index{6}}, {"width", Index{5}}}, no_tfjs},
      {"RandomFlip", {{"mode", std::string("vertical")}}, no_tfjs},
      {"RandomRotation", {{"factor", std::vector<double>{-0.25, 0.5}}}, no_tfjs},
      {"RandomTranslation", {{"height_factor", 0.25}, {"fill_mode", std::string("wrap")}}, no_tfjs},
      {"RandomZoom", {{"height_factor", 0.25}, {"width_factor", 0.5}}, no_tfjs},
  };
  const std::pair<const char*, std::string> activations[] = {{"linear", none},
                                                             {"relu", none},
                                                             {"relu6", none},
                                                             {"leaky_relu", no_tfjs},
                                                             {"elu", none},
                                                             {"selu", none},
                                                             {"gelu", none},
                                                             {"gelu_tanh", all},
                                                             {"silu", none},
                                                             {"sigmoid", none},
                                                             {"hard_sigmoid", no_keras2},
                                                             {"hard_swish", no_keras2},
                                                             {"tanh", none},
                                                             {"softplus", none},
                                                             {"softmax", none},
                                                             {"log_softmax", none},
                                                             {"mish", none},
                                                             {"exponential", no_tfjs},
                                                             {"softsign", none},
                                                             {"hard_tanh", no_keras2},
                                                             {"hard_shrink", no_keras2},
                                                             {"soft_shrink", no_keras2},
                                                             {"tanh_shrink", no_keras2},
                                                             {"celu", no_keras2},
                                                             {"log_sigmoid", no_keras2},
                                                             {"squareplus", no_keras2},
                                                             {"sparse_plus", no_keras2},
                                                             {"sparse_sigmoid", no_keras2},
                                                             {"sparsemax", no_keras2},
                                                             {"hard_sigmoid_keras2", "keras3 h5"}};
  for (const auto& [name, refused] : activations) {
    cases.push_back({"Activation", {{"activation", std::string(name)}}, refused});
    cases.push_back({"Dense", {{"units", Index{3}}, {"activation", std::string(name)}}, refused});
  }
  cases.push_back({"Activation", {{"activation", std::string("leaky_relu")}, {"activation_alpha", 0.5}}, all});
  // a class without options has one case, in the worlds that its row names
  for (const dialects::KerasRow& row : dialects::keras_rows) {
    const auto known = [&](const Case& c) { return c.type == row.type; };
    if (row.type.empty() || !row.options.empty() || std::any_of(cases.begin(), cases.end(), known)) continue;
    cases.push_back({std::string(row.type), {}, row.worlds == dialects::any_keras ? none : no_tfjs});
  }
  std::set<std::string> seen;
  for (const Case& c : cases) {
    CAPTURE(c.type);
    CAPTURE(io::to_json(c.config).dump());
    CHECK(refusals(c.type, c.config) == c.refused);
    seen.insert(c.type);
  }
  for (const auto& maker : detail::layer_makers<float>) {
    CAPTURE(maker.type);
    CHECK(seen.count(std::string(maker.type)) == 1);
  }
}

TEST_CASE("what TensorFlow.js takes of an input's rank") {
  Sequential flat({4});
  flat.add(Flatten()).add(Dense(2));
  const TemporaryDirectory directory;
  CHECK_THROWS_WITH_AS(save(flat, directory / "model.json"), doctest::Contains("flatten (Flatten)"), ConfigError);
  CHECK_NOTHROW(save(flat, directory / "a.keras"));
}

TEST_CASE("what Keras has no word for stays in its files for keel") {
  for (const Freeze freeze : {Freeze::none, Freeze::gradients, Freeze::statistics, Freeze::layer}) {
    Model<> net({.seed = 2});
    const Node in = net.input({4});
    const Node dense = net.add(Dense(4, {.name = "m/dense"}), in);
    const Node norm =
        net.add(BatchNorm({.moving_variance = MovingVariance::unbiased, .cumulative = true, .name = "m/norm"}), dense);
    net.output(net.add(Dense(2, {.name = "out"}), norm));
    net.layer("m/norm").freeze(freeze);
    net.layer("m/dense").freeze(freeze == Freeze::statistics ? Freeze::none : freeze);
    const TemporaryDirectory directory;
    for (const Style& style : styles) {
      CAPTURE(style.name);
      const std::string path = directory / style.file;
      style.write(net, path);
      const Model<> back = load(path);
      CHECK(results(back) == results(net));
      Index norms = 0;
      for (Index l = 0; l < back.layer_count(); ++l) {
        const Layer<float>& layer = back.layer(l);
        if (layer.type() == "BatchNormalization") {
          ++norms;
          CHECK(layer.config().get<bool>("unbiased", false));
          CHECK(layer.config().get<bool>("cumulative", false));
        }
        if (layer.name().ends_with("norm") || layer.name().ends_with("/dense"))
          CHECK(layer.frozen() == net.layer(layer.name()).frozen());
      }
      CHECK(norms == 1);
    }
  }
}

TEST_CASE("the number of an initializer is refused nowhere where the initializer is not") {
  const TemporaryDirectory folder;
  const auto refusal = [&](const Model<>& model, const auto& write) -> std::string {
    try {
      write(model);
      return "";
    } catch (const Error& error) {
      return error.what();
    }
  };
  int numbers = 0;
  for (const AnyLayer<float>& layer : one_of_each())
    for (const auto& [name, value] : layer->config().entries()) {
      if (!name.ends_with("_initializer")) continue;
      const auto& the_name = name;  // clang before 16 captures no structured binding
      CAPTURE(layer->type());
      CAPTURE(the_name);
      Config config = layer->config();
      config.set(name, std::string("constant"));
      config.set(name + "_value", 0.5);
      const Model<> usual = model_of(layer->type(), layer->config()), with = model_of(layer->type(), config);
      REQUIRE(with.layer(0).config().find(name + "_value"));
      for (const Style& style : styles) {
        CAPTURE(style.name);
        const auto write = [&](const Model<>& model) { style.write(model, folder / style.file); };
        CHECK(refusal(with, write) == refusal(usual, write));
      }
      const auto code = [](const Model<>& model) { torch_code(model); };
      CHECK(refusal(with, code) == refusal(usual, code));
      const auto onnx = [&](const Model<>& model) { save_onnx(model, folder / "a.onnx"); };
      CHECK(refusal(with, onnx) == refusal(usual, onnx));
      ++numbers;
    }
  CHECK(numbers > 20);
}

}  // namespace keras_writing_test
