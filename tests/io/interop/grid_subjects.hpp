#pragma once
/// What the grid walks: for each class of the registry its options with values, the extreme ones among them.

#include <string>
#include <vector>

#include <keel/layers/base/config.hpp>

namespace grid {

using keel::Config;
using keel::Index;
using keel::Shape;
using Value = Config::Value;
using List = std::vector<Index>;
using Reals = std::vector<double>;
using Text = std::string;

/// Options that a case has beside or instead of the usual ones; `option` is the one it is about.
struct Variation {
  Text option;
  Config config;
};

struct Subject {
  Text type;
  Config usual;
  std::vector<std::vector<Shape>> inputs;  // the first is the usual one
  std::vector<Variation> variations;
};

inline std::vector<Variation> operator+(std::vector<Variation> a, const std::vector<Variation>& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

/// Each value of one option.
inline std::vector<Variation> each(const Text& option, const std::vector<Value>& values) {
  std::vector<Variation> all;
  for (const Value& value : values) all.push_back({option, {{option, value}}});
  return all;
}

inline std::vector<Variation> activations() {
  std::vector<Variation> all = each("activation", {Text("linear"),
                                                   Text("relu"),
                                                   Text("relu6"),
                                                   Text("leaky_relu"),
                                                   Text("elu"),
                                                   Text("selu"),
                                                   Text("gelu"),
                                                   Text("gelu_tanh"),
                                                   Text("silu"),
                                                   Text("sigmoid"),
                                                   Text("hard_sigmoid"),
                                                   Text("hard_swish"),
                                                   Text("tanh"),
                                                   Text("softplus"),
                                                   Text("softmax"),
                                                   Text("log_softmax"),
                                                   Text("hard_sigmoid_keras2"),
                                                   Text("mish"),
                                                   Text("exponential"),
                                                   Text("softsign"),
                                                   Text("hard_tanh"),
                                                   Text("hard_shrink"),
                                                   Text("soft_shrink"),
                                                   Text("tanh_shrink"),
                                                   Text("celu"),
                                                   Text("log_sigmoid"),
                                                   Text("squareplus"),
                                                   Text("sparse_plus"),
                                                   Text("sparse_sigmoid"),
                                                   Text("sparsemax")});
  for (const double alpha : {0.0, 0.01, 0.2, 1.0, 1.5})
    for (const char* name : {"leaky_relu", "elu", "celu", "hard_shrink", "squareplus"})
      if (alpha > 0 || Text(name) != "celu")  // PyTorch refuses a celu of 0
        all.push_back({"activation_alpha", {{"activation", Text(name)}, {"activation_alpha", alpha}}});
  return all;
}

/// An initializer says nothing of weights that are there.
inline std::vector<Variation> initializer(const Text& option) {
  return each(option, {Text("he_normal"), Text("torch_default")});
}

/// Windows that slide: sizes, strides and padding, together where they meet.
inline std::vector<Variation> windows(const Text& size) {
  return each(size, {List{1, 1}, List{2, 2}, List{3, 2}, List{2, 5}, List{5, 5}}) +
         each("strides", {List{1, 1}, List{2, 2}, List{1, 2}, List{3, 3}, List{4, 1}}) +
         each("padding",
              {Text("valid"), Text("same"), List{1, 1, 1, 1}, List{1, 0, 0, 1}, List{0, 0, 0, 0}, List{0, 1, 1, 1}}) +
         std::vector<Variation>{
             {"padding", {{size, List{2, 2}}, {"padding", Text("same")}}},
             {"padding", {{size, List{3, 3}}, {"strides", List{2, 2}}, {"padding", Text("same")}}},
             {"padding", {{size, List{2, 3}}, {"strides", List{2, 2}}, {"padding", Text("same")}}},
             {"padding", {{size, List{2, 2}}, {"strides", List{3, 2}}, {"padding", Text("same")}}},
             {"padding", {{size, List{5, 5}}, {"strides", List{3, 3}}, {"padding", Text("same")}}},
             {"padding", {{size, List{1, 1}}, {"strides", List{2, 2}}, {"padding", Text("same")}}},
             {"padding", {{size, List{3, 3}}, {"strides", List{2, 2}}, {"padding", List{1, 1, 1, 1}}}},
         };
}

inline std::vector<Variation> dilations() {
  return each("dilation_rate", {List{1, 1}, List{2, 2}, List{1, 2}}) +
         std::vector<Variation>{{"dilation_rate", {{"dilation_rate", List{2, 2}}, {"padding", Text("same")}}},
                                {"dilation_rate", {{"dilation_rate", List{2, 1}}, {"padding", List{1, 1, 1, 1}}}},
                                {"dilation_rate", {{"dilation_rate", List{2, 2}}, {"strides", List{2, 2}}}}};
}

/// The same of sequences.
inline std::vector<Variation> windows_1d(const Text& size) {
  return each(size, {Index{1}, Index{2}, Index{5}}) + each("strides", {Index{1}, Index{2}, Index{4}}) +
         each("padding", {Text("valid"), Text("same"), List{1, 1}, List{0, 1}, List{0, 0}}) +
         std::vector<Variation>{
             {"padding", {{size, Index{2}}, {"padding", Text("same")}}},
             {"padding", {{size, Index{3}}, {"strides", Index{2}}, {"padding", Text("same")}}},
             {"padding", {{size, Index{2}}, {"strides", Index{3}}, {"padding", Text("same")}}},
             {"padding", {{size, Index{3}}, {"strides", Index{2}}, {"padding", List{1, 1}}}},
         };
}
inline std::vector<Variation> dilations_1d() {
  return each("dilation_rate", {Index{1}, Index{2}}) +
         std::vector<Variation>{{"dilation_rate", {{"dilation_rate", Index{2}}, {"padding", Text("same")}}},
                                {"dilation_rate", {{"dilation_rate", Index{2}}, {"padding", List{1, 1}}}},
                                {"dilation_rate", {{"dilation_rate", Index{2}}, {"strides", Index{2}}}}};
}
inline std::vector<Variation> causal() {
  return {{"padding", {{"padding", Text("causal")}}},
          {"padding", {{"padding", Text("causal")}, {"dilation_rate", Index{2}}}},
          {"padding", {{"padding", Text("causal")}, {"strides", Index{2}}}}};
}

/// The same of volumes.
inline std::vector<Variation> windows_3d(const Text& size) {
  return each(size, {List{1, 1, 1}, List{3, 2, 1}, List{2, 3, 3}}) +
         each("strides", {List{1, 1, 1}, List{2, 1, 2}, List{3, 2, 1}}) +
         each("padding",
              {Text("valid"), Text("same"), List{0, 0, 0, 0, 0, 0}, List{1, 1, 1, 1, 1, 1}, List{1, 0, 0, 1, 1, 1}}) +
         std::vector<Variation>{
             {"padding", {{size, List{2, 2, 3}}, {"padding", Text("same")}}},
             {"padding", {{size, List{3, 3, 3}}, {"strides", List{2, 2, 2}}, {"padding", Text("same")}}},
         };
}

/// What recurrent layers share.
inline std::vector<Variation> recurrent() {
  return each("units", {Index{1}, Index{4}}) +
         each("activation", {Text("tanh"), Text("relu"), Text("linear"), Text("silu"), Text("hard_sigmoid_keras2")}) +
         each("use_bias", {false, true}) + each("dropout", {0.0, 0.25}) + each("recurrent_dropout", {0.25}) +
         each("return_sequences", {true, false}) + each("go_backwards", {true, false}) +
         each("zero_output_for_mask", {true, false}) + initializer("kernel_initializer") +
         initializer("recurrent_initializer") + initializer("bias_initializer") +
         std::vector<Variation>{{"go_backwards", {{"go_backwards", true}, {"return_sequences", true}}}};
}

/// Layers of images whose augmentation is the identity in inference.
inline std::vector<Variation> moves() {
  return each("fill_mode", {Text("reflect"), Text("wrap"), Text("constant"), Text("nearest")}) +
         each("interpolation", {Text("bilinear"), Text("nearest")}) + each("fill_value", {0.0, 0.5});
}

/// What recurrent layers that convolve share; `extents` are some of a window.
inline std::vector<Variation> conv_lstm(const std::vector<Value>& extents) {
  return each("filters", {Index{1}, Index{3}}) + each("kernel_size", extents) + each("strides", extents) +
         each("dilation_rate", extents) + each("padding", {Text("valid"), Text("same")}) +
         each("activation", {Text("tanh"), Text("relu"), Text("silu"), Text("hard_sigmoid_keras2")}) +
         each("recurrent_activation", {Text("sigmoid"), Text("hard_sigmoid"), Text("hard_sigmoid_keras2")}) +
         each("use_bias", {false, true}) + each("unit_forget_bias", {false, true}) +
         each("return_sequences", {true, false}) + each("go_backwards", {true, false}) +
         initializer("kernel_initializer") + initializer("recurrent_initializer") + initializer("bias_initializer");
}

inline const std::vector<std::vector<Shape>> images = {{{7, 6, 4}}, {{9, 8, 1}}, {{8, 8, 2}}};
inline const std::vector<std::vector<Shape>> sequences = {{{9, 4}}, {{8, 1}}, {{8, 2}}};
inline const std::vector<std::vector<Shape>> volumes = {{{4, 5, 6, 2}}, {{4, 4, 4, 1}}};
inline const std::vector<std::vector<Shape>> anything = {{{5, 4, 3}}, {{6}}, {{4, 3}}};

inline std::vector<Subject> subjects() {
  const Config conv = {{"filters", Index{4}}, {"kernel_size", List{3, 3}}};
  const Config conv1d = {{"filters", Index{4}}, {"kernel_size", Index{3}}};
  const auto rates = each("rate", {0.0, 0.25, 1.0});
  return {
      {"Activation", {{"activation", Text("relu")}}, anything, activations()},
      {"ActivityRegularization", {}, anything, each("l1", {0.0, 0.01}) + each("l2", {0.5})},
      {"AdaptiveAveragePooling1D", {{"output_size", Index{3}}}, sequences, each("output_size", {Index{1}, Index{12}})},
      {"AdaptiveAveragePooling2D",
       {{"output_size", List{3, 4}}},
       images,
       each("output_size", {List{1, 1}, List{7, 2}, List{11, 5}})},
      {"AdaptiveAveragePooling3D", {{"output_size", List{2, 3, 1}}}, volumes, each("output_size", {List{4, 7, 2}})},
      {"AdaptiveMaxPooling1D", {{"output_size", Index{3}}}, sequences, each("output_size", {Index{1}, Index{12}})},
      {"AdaptiveMaxPooling2D",
       {{"output_size", List{3, 4}}},
       images,
       each("output_size", {List{1, 1}, List{7, 2}, List{11, 5}})},
      {"AdaptiveMaxPooling3D", {{"output_size", List{2, 3, 1}}}, volumes, each("output_size", {List{4, 7, 2}})},
      {"Add", {}, {{{5, 4, 3}, {5, 4, 3}}, {{5, 4, 3}, {5, 4, 3}, {5, 4, 3}}, {{6}, {6}}, {{4, 3}, {4, 3}}}, {}},
      {"AdditiveAttention", {}, {{{5, 4}, {3, 4}}, {{2, 3}, {4, 2}, {4, 3}}}, each("use_scale", {false, true})},
      {"AlphaDropout", {{"rate", 0.3}}, anything, rates},
      {"Attention", {}, {{{5, 4}, {3, 4}}, {{2, 3}, {4, 2}, {4, 3}}}, each("use_scale", {false, true})},
      {"AutoContrast", {}, images, each("value_range", {Reals{0, 1}, Reals{-1, 1}})},
      {"Average",
       {},
       {{{5, 4, 3}, {5, 4, 3}}, {{5, 4, 3}, {1, 4, 3}, {5, 1, 1}}, {{6}, {6}}, {{4, 3}, {3}}, {{5, 4, 3}, {4, 3}, {3}}},
       {}},
      {"AveragePooling1D",
       {{"pool_size", Index{2}}},
       sequences,
       windows_1d("pool_size") + each("ceil_mode", {true, false}) + each("count_include_pad", {true, false}) +
           std::vector<Variation>{{"ceil_mode", {{"ceil_mode", true}, {"pool_size", Index{3}}, {"strides", Index{3}}}},
                                  {"count_include_pad", {{"count_include_pad", true}, {"padding", List{1, 1}}}},
                                  {"count_include_pad",
                                   {{"count_include_pad", true}, {"padding", Text("same")}, {"pool_size", Index{4}}}}}},
      {"AveragePooling2D",
       {{"pool_size", List{2, 2}}},
       images,
       windows("pool_size") + each("ceil_mode", {true, false}) + each("count_include_pad", {true, false}) +
           std::vector<Variation>{
               {"ceil_mode", {{"ceil_mode", true}, {"pool_size", List{3, 3}}, {"strides", List{2, 2}}}},
               {"ceil_mode", {{"ceil_mode", true}, {"strides", List{3, 3}}, {"padding", List{1, 1, 1, 1}}}},
               {"ceil_mode",
                {{"ceil_mode", true},
                 {"count_include_pad", true},
                 {"pool_size", List{3, 3}},
                 {"strides", List{2, 2}},
                 {"padding", List{1, 1, 1, 1}}}},
               {"count_include_pad", {{"count_include_pad", true}, {"padding", List{1, 1, 1, 1}}}},
               {"count_include_pad",
                {{"count_include_pad", true}, {"padding", Text("same")}, {"pool_size", List{3, 3}}}},
               {"count_include_pad", {{"count_include_pad", true}, {"padding", List{0, 1, 0, 1}}}}}},
      {"AveragePooling3D",
       {{"pool_size", List{2, 2, 2}}},
       volumes,
       windows_3d("pool_size") + each("ceil_mode", {true, false}) + each("count_include_pad", {true, false}) +
           std::vector<Variation>{
               {"ceil_mode", {{"ceil_mode", true}, {"pool_size", List{3, 3, 3}}, {"strides", List{2, 2, 2}}}},
               {"count_include_pad", {{"count_include_pad", true}, {"padding", List{1, 1, 1, 1, 1, 1}}}}}},
      {"BatchNormalization",
       {},
       anything,
       each("momentum", {0.0, 0.15, 0.9, 1.0}) + each("epsilon", {1e-7, 1e-5, 0.5}) + each("center", {false, true}) +
           each("scale", {false, true}) + each("unbiased", {true, false}) + each("cumulative", {true, false}) +
           each("allow_single_value", {true, false}) + each("synchronized", {true, false}) +
           initializer("beta_initializer") + initializer("gamma_initializer") + initializer("moving_mean_initializer") +
           each("moving_variance_initializer", {Text("ones"), Text("zeros")}) +
           each("axis", {Index{-1}, Index{1}, Index{2}, Index{3}, Index{-3}}) +
           std::vector<Variation>{{"scale", {{"scale", false}, {"center", false}}}}},
      {"Bidirectional",
       {{"layer", Text("LSTM")}, {"units", Index{3}}},
       {{{5, 2}}},
       each("merge_mode", {Text("concat"), Text("sum"), Text("mul"), Text("ave")}) + recurrent() +
           each("recurrent_activation", {Text("sigmoid"), Text("hard_sigmoid")}) +
           each("unit_forget_bias", {false, true})},
      {"Bidirectional",
       {{"layer", Text("GRU")}, {"units", Index{3}}},
       {{{5, 2}}},
       recurrent() + each("recurrent_activation", {Text("sigmoid"), Text("tanh")}) +
           each("reset_after", {false, true})},
      {"Bidirectional", {{"layer", Text("SimpleRNN")}, {"units", Index{3}}}, {{{5, 2}}}, recurrent()},
      {"CenterCrop",
       {{"height", Index{4}}, {"width", Index{3}}},
       images,
       each("height", {Index{1}, Index{5}, Index{7}}) + each("width", {Index{1}, Index{4}, Index{6}})},
      {"Concatenate",
       {},
       {{{5, 4, 3}, {5, 4, 2}}, {{5, 4, 3}, {5, 4, 1}, {5, 4, 3}}, {{6}, {2}}, {{4, 3}, {4, 5}}},
       each("axis", {Index{-1}, Index{3}})},
      {"Concatenate", {{"axis", Index{1}}}, {{{5, 4, 3}, {2, 4, 3}}}, each("axis", {Index{-3}})},
      {"Concatenate", {{"axis", Index{2}}}, {{{5, 4, 3}, {5, 1, 3}}}, each("axis", {Index{-2}})},
      {"Conv1D", conv1d, sequences,
       each("filters", {Index{1}, Index{8}}) + windows_1d("kernel_size") + dilations_1d() + causal() +
           each("groups", {Index{1}, Index{2}, Index{4}}) + activations() + each("use_bias", {false, true}) +
           initializer("kernel_initializer") + initializer("bias_initializer")},
      {"Conv1DTranspose", conv1d, sequences,
       each("filters", {Index{1}, Index{8}}) + windows_1d("kernel_size") + dilations_1d() +
           each("output_padding", {Index{0}}) + each("groups", {Index{1}, Index{2}}) +
           std::vector<Variation>{
               {"output_padding", {{"output_padding", Index{1}}, {"strides", Index{2}}}},
               {"output_padding", {{"output_padding", Index{0}}, {"strides", Index{2}}, {"padding", Text("same")}}},
               {"output_padding", {{"output_padding", Index{1}}, {"strides", Index{2}}, {"padding", List{1, 1}}}}} +
           activations() + each("use_bias", {false, true}) + initializer("kernel_initializer") +
           initializer("bias_initializer")},
      {"Conv2D", conv, images,
       each("filters", {Index{1}, Index{8}}) + windows("kernel_size") + dilations() +
           each("groups", {Index{1}, Index{2}, Index{4}}) + activations() + each("use_bias", {false, true}) +
           initializer("kernel_initializer") + initializer("bias_initializer")},
      {"Conv2DTranspose", conv, images,
       each("filters", {Index{1}, Index{8}}) + windows("kernel_size") + dilations() +
           each("output_padding", {List{0, 0}}) + each("groups", {Index{1}, Index{2}}) +
           std::vector<Variation>{
               {"output_padding", {{"output_padding", List{1, 1}}, {"strides", List{2, 2}}}},
               {"output_padding", {{"output_padding", List{1, 0}}, {"strides", List{2, 2}}, {"padding", Text("same")}}},
               {"output_padding",
                {{"output_padding", List{1, 1}}, {"strides", List{2, 2}}, {"padding", List{1, 1, 1, 1}}}}} +
           activations() + each("use_bias", {false, true}) + initializer("kernel_initializer") +
           initializer("bias_initializer")},
      {"Conv3D",
       {{"filters", Index{4}}, {"kernel_size", List{2, 3, 2}}},
       volumes,
       each("filters", {Index{2}, Index{6}}) + windows_3d("kernel_size") +
           each("dilation_rate", {List{1, 1, 1}, List{2, 1, 2}}) +
           std::vector<Variation>{{"dilation_rate", {{"dilation_rate", List{2, 2, 2}}, {"padding", Text("same")}}}} +
           each("groups", {Index{1}, Index{2}}) + activations() + each("use_bias", {false, true}) +
           initializer("kernel_initializer") + initializer("bias_initializer")},
      {"Conv3DTranspose",
       {{"filters", Index{4}}, {"kernel_size", List{2, 3, 2}}},
       {{{2, 3, 2, 2}}, {{2, 2, 2, 1}}},
       each("filters", {Index{2}, Index{6}}) + windows_3d("kernel_size") +
           each("dilation_rate", {List{1, 1, 1}, List{2, 1, 2}}) + each("output_padding", {List{0, 0, 0}}) +
           std::vector<Variation>{
               {"output_padding", {{"output_padding", List{1, 0, 1}}, {"strides", List{2, 1, 2}}}},
               {"output_padding",
                {{"output_padding", List{1, 1, 1}}, {"strides", List{2, 2, 2}}, {"padding", List{1, 1, 1, 1, 1, 1}}}}} +
           each("groups", {Index{1}, Index{2}}) + activations() + each("use_bias", {false, true}) +
           initializer("kernel_initializer") + initializer("bias_initializer")},
      {"ConvLSTM1D", {{"filters", Index{2}}, {"kernel_size", Index{3}}}, {{{2, 7, 3}}}, conv_lstm({Index{2}})},
      {"ConvLSTM2D",
       {{"filters", Index{2}}, {"kernel_size", List{3, 2}}},
       {{{2, 4, 5, 3}}},
       conv_lstm({List{2, 1}, List{1, 2}})},
      {"ConvLSTM3D",
       {{"filters", Index{2}}, {"kernel_size", List{2, 1, 2}}},
       {{{2, 3, 3, 3, 2}}},
       conv_lstm({List{2, 1, 2}})},
      {"Cropping1D", {}, sequences, each("cropping", {List{0, 0}, List{2, 1}, List{0, 3}})},
      {"Cropping2D", {}, images, each("cropping", {List{1, 1, 1, 1}, List{1, 2, 0, 3}, List{0, 0, 2, 2}})},
      {"Cropping3D", {}, volumes, each("cropping", {List{1, 0, 0, 2, 1, 3}, List{0, 0, 0, 0, 0, 0}})},
      {"Dense",
       {{"units", Index{5}}},
       {{{6}}, {{1}}, {{4, 3}}, {{5, 4, 3}}},
       each("units", {Index{1}, Index{17}}) + activations() + each("use_bias", {false, true}) +
           initializer("kernel_initializer") + initializer("bias_initializer")},
      {"DepthwiseConv1D",
       {{"kernel_size", Index{3}}},
       sequences,
       windows_1d("kernel_size") + dilations_1d() + each("depth_multiplier", {Index{1}, Index{2}, Index{3}}) +
           activations() + each("use_bias", {false, true}) + initializer("depthwise_initializer") +
           initializer("bias_initializer")},
      {"DepthwiseConv2D",
       {{"kernel_size", List{3, 3}}},
       images,
       windows("kernel_size") + dilations() + each("depth_multiplier", {Index{1}, Index{2}, Index{3}}) + activations() +
           each("use_bias", {false, true}) + initializer("depthwise_initializer") + initializer("bias_initializer")},
      {"Dot",
       {},
       {{{5, 4, 3}, {2, 3}}, {{6}, {6}}, {{4, 3}, {3}}},
       each("axes", {Index{-1}}) + each("normalize", {false, true})},
      {"Dot", {{"axes", List{1, 2}}}, {{{4, 3}, {2, 4}}}, each("axes", {List{2, -2}}) + each("normalize", {true})},
      {"Dropout", {{"rate", 0.3}}, anything, rates},
      {"ELU", {}, anything, each("alpha", {0.0, 0.3, 1.0, 2.0})},
      {"EinsumDense",
       {{"equation", Text("abc,cd->abd")}, {"output_shape", List{0, 4}}, {"bias_axes", Text("d")}},
       {{{3, 5}}},
       each("bias_axes", {Text(""), Text("b"), Text("bd")}) + activations() +
           std::vector<Variation>{{"equation", {{"equation", Text("abc,cde->abde")}, {"output_shape", List{0, 4, 2}}}},
                                  {"equation", {{"equation", Text("abc,dcb->adc")}, {"output_shape", List{2, 5}}}},
                                  {"output_shape", {{"output_shape", List{3, 6}}}}} +
           initializer("kernel_initializer") + initializer("bias_initializer")},
      {"EinsumDense",
       {{"equation", Text("...x,xy->...y")}, {"output_shape", List{4}}, {"bias_axes", Text("y")}},
       {{{5}}, {{3, 5}}, {{2, 3, 5}}},
       each("activation", {Text("relu")})},
      {"Embedding",
       {{"input_dim", Index{7}}, {"output_dim", Index{3}}},
       {{{5}}, {{4, 2}}},
       each("input_dim", {Index{9}}) + each("output_dim", {Index{1}}) + each("mask_zero", {true, false}) +
           initializer("embeddings_initializer")},
      {"Equalization", {}, images, each("bins", {Index{64}}) + each("value_range", {Reals{0.25, 1}})},
      {"Flatten", {}, {{{5, 4, 3}}, {{6}}, {{4, 3}}, {{5, 4, 1}}}, {}},
      {"GaussianDropout", {{"rate", 0.3}}, anything, each("rate", {0.0, 0.25})},
      {"GaussianNoise", {{"stddev", 0.3}}, anything, each("stddev", {0.0, 2.0})},
      {"GlobalAveragePooling1D", {}, sequences, each("keepdims", {true, false})},
      {"GlobalAveragePooling2D", {}, images, each("keepdims", {true, false})},
      {"GlobalAveragePooling3D", {}, volumes, each("keepdims", {true, false})},
      {"GlobalMaxPooling1D", {}, sequences, each("keepdims", {true, false}) + each("share_ties", {true, false})},
      {"GlobalMaxPooling3D", {}, volumes, each("keepdims", {true, false}) + each("share_ties", {true, false})},
      {"GlobalMaxPooling2D", {}, images, each("keepdims", {true, false}) + each("share_ties", {true, false})},
      {"GRU",
       {{"units", Index{3}}},
       {{{5, 2}}, {{1, 4}}},
       recurrent() +
           each("recurrent_activation", {Text("sigmoid"), Text("hard_sigmoid"), Text("hard_sigmoid_keras2")}) +
           each("reset_after", {false, true})},
      {"GroupQueryAttention",
       {{"head_dim", Index{3}}, {"num_query_heads", Index{4}}, {"num_key_value_heads", Index{2}}},
       {{{4, 5}}},
       each("head_dim", {Index{1}}) + each("num_query_heads", {Index{2}}) + each("num_key_value_heads", {Index{1}}) +
           each("use_bias", {false, true}) + each("use_causal_mask", {true}) + initializer("kernel_initializer") +
           initializer("bias_initializer")},
      {"GLU", {}, {{{5, 3, 4}}, {{6}}, {{4, 2}}}, each("axis", {Index{-1}})},
      {"GroupNormalization",
       {{"groups", Index{2}}},
       {{{5, 3, 4}}, {{4}}, {{3, 4}}},
       each("groups", {Index{1}, Index{4}, Index{-1}}) + each("epsilon", {1e-5, 0.5}) + each("center", {false, true}) +
           each("scale", {false, true}) + initializer("beta_initializer") + initializer("gamma_initializer")},
      {"Identity", {}, anything, {}},
      {"LayerNormalization",
       {},
       anything,
       each("axis", {Index{-1}, Index{1}, Index{2}, Index{3}, List{2, 3}, List{1, 2, 3}}) +
           each("epsilon", {1e-5, 0.5}) + each("center", {false, true}) + each("scale", {false, true}) +
           initializer("beta_initializer") + initializer("gamma_initializer") +
           std::vector<Variation>{{"scale", {{"scale", false}, {"center", false}}}}},
      {"LeakyReLU", {}, anything, each("negative_slope", {0.0, 0.01, 0.2, 1.0, 1.5})},
      {"LSTM",
       {{"units", Index{3}}},
       {{{5, 2}}, {{1, 4}}},
       recurrent() +
           each("recurrent_activation", {Text("sigmoid"), Text("hard_sigmoid"), Text("hard_sigmoid_keras2")}) +
           each("unit_forget_bias", {false, true})},
      {"Masking", {}, {{{5, 2}}}, each("mask_value", {0.5, 2.0})},
      {"Maximum", {}, {{{5, 4, 3}, {5, 4, 3}}, {{5, 4, 3}, {1, 4, 3}, {5, 1, 1}}, {{6}, {6}}, {{4, 3}, {3}}}, {}},
      {"MaxNumBoundingBoxes", {}, images, each("max_number", {Index{3}}) + each("fill_value", {Index{0}})},
      {"MaxPooling1D",
       {{"pool_size", Index{2}}},
       sequences,
       windows_1d("pool_size") + each("ceil_mode", {true, false}) +
           std::vector<Variation>{
               {"ceil_mode", {{"ceil_mode", true}, {"pool_size", Index{3}}, {"strides", Index{3}}}}}},
      {"MaxPooling2D",
       {{"pool_size", List{2, 2}}},
       images,
       windows("pool_size") + each("ceil_mode", {true, false}) +
           std::vector<Variation>{
               {"ceil_mode", {{"ceil_mode", true}, {"pool_size", List{3, 3}}, {"strides", List{2, 2}}}},
               {"ceil_mode", {{"ceil_mode", true}, {"strides", List{3, 3}}, {"padding", List{1, 1, 1, 1}}}}}},
      {"MaxPooling3D",
       {{"pool_size", List{2, 2, 2}}},
       volumes,
       windows_3d("pool_size") + each("ceil_mode", {true, false})},
      {"Minimum", {}, {{{5, 4, 3}, {5, 4, 3}}, {{5, 4, 3}, {1, 4, 3}, {5, 1, 1}}, {{6}, {6}}, {{4, 3}, {3}}}, {}},
      {"MultiHeadAttention",
       {{"num_heads", Index{2}}, {"key_dim", Index{3}}},
       {{{5, 4}}},
       each("use_bias", {false}) + each("value_dim", {Index{2}}) + each("output_dim", {Index{3}}) +
           each("use_causal_mask", {true})},
      {"MultiHeadAttention",
       {{"num_heads", Index{2}}, {"key_dim", Index{3}}},
       {{{5, 4}, {5, 4}}, {{3, 4}, {5, 2}}},
       each("num_heads", {Index{1}, Index{4}}) + each("key_dim", {Index{1}, Index{4}}) + each("value_dim", {Index{2}}) +
           each("output_dim", {Index{3}}) + each("use_bias", {false, true}) + each("use_causal_mask", {true, false}) +
           initializer("kernel_initializer") + initializer("bias_initializer")},
      {"Multiply", {}, {{{5, 4, 3}, {5, 4, 3}}, {{5, 4, 3}, {5, 4, 3}, {5, 4, 3}}, {{6}, {6}}, {{4, 3}, {4, 3}}}, {}},
      {"Normalization",
       {},
       anything,
       each("axis", {Index{-1}, Index{1}, Index{2}, List{}, List{1, 2}, List{2, 3}, List{1, 2, 3}}) +
           each("invert", {true, false}) +
           std::vector<Variation>{
               {"mean", {{"mean", 0.5}, {"variance", 4.0}}},
               {"mean", {{"mean", Reals{0.5, 0, -1}}, {"variance", Reals{4, 1, 0.25}}}},
               {"mean", {{"mean", Reals{0.5, 0, -1, 1, 2}}, {"variance", Reals{4, 1, 0.25, 2, 3}}, {"axis", Index{1}}}},
               {"invert", {{"mean", 0.5}, {"variance", 4.0}, {"invert", true}}},
               {"invert", {{"invert", true}, {"axis", Index{1}}}}}},
      {"Constant", {{"shape", List{2, 3}}, {"trainable", true}}, anything, {}},
      {"Elementwise",
       {{"function", Text("add")}, {"constant_shape", List{1}}, {"trainable", false}, {"position", Index{1}}},
       anything,
       {}},
      {"Gather", {{"indices", List{1, 0}}, {"axis", Index{1}}}, anything, {}},
      {"Pad", {{"sides", List{1, 0, 0, 1}}, {"mode", Text("constant")}, {"value", 0.5}}, {{{5, 3}}}, {}},
      {"Pad",
       {{"sides", List{1, 2, 0, 1, 0, 0}}, {"mode", Text("reflect")}},
       {{{5, 4, 3}}},
       each("mode", {Text("edge"), Text("wrap"), Text("constant")}) + each("sides", {List{0, 0, 3, 0, 0, 0}})},
      {"Pad",
       {{"sides", List{2, 1, 0, 0}}, {"mode", Text("edge")}},
       {{{5, 3}}},
       each("mode", {Text("reflect"), Text("wrap")})},
      {"Reduce", {{"function", Text("mean")}, {"axes", List{1, 2}}, {"keepdims", true}}, {{{5, 4, 3}}}, {}},
      {"Slice", {{"starts", List{1}}, {"ends", List{-1}}, {"axes", List{1}}, {"steps", List{1}}}, anything, {}},
      {"MatMul", {{"transpose_a", false}, {"transpose_b", true}}, {{{5, 3}, {4, 3}}}, {}},
      {"Tile", {{"repeats", List{2, 1}}}, {{{5, 3}}}, {}},
      {"Permute", {{"dims", List{2, 1}}}, {{{4, 3}}}, each("dims", {List{1, 2}})},
      {"Permute", {{"dims", List{3, 1, 2}}}, {{{5, 4, 3}}}, each("dims", {List{2, 1, 3}, List{3, 2, 1}})},
      {"Permute", {{"dims", List{1}}}, {{{6}}}, {}},
      {"PReLU",
       {},
       anything,
       each("shared_axes", {List{}, List{1}, List{2}, List{1, 2}, List{3}, List{1, 2, 3}}) +
           initializer("alpha_initializer")},
      {"RMSNormalization",
       {},
       anything,
       each("axis", {Index{-1}, Index{1}, List{2, 3}}) + each("epsilon", {1e-5, 0.5})},
      {"RandomContrast", {{"factor", 0.3}}, images, each("factor", {0.0, 1.0}) + each("value_range", {Reals{0, 1}})},
      {"RandomFlip", {}, images, each("mode", {Text("horizontal"), Text("vertical"), Text("horizontal_and_vertical")})},
      {"RandomRotation", {{"factor", 0.2}}, images, each("factor", {0.0, Reals{-0.1, 0.3}}) + moves()},
      {"RandomTranslation",
       {{"height_factor", 0.2}, {"width_factor", 0.1}},
       images,
       each("height_factor", {0.0, Reals{-0.1, 0.3}}) + each("width_factor", {0.0, Reals{-0.1, 0.3}}) + moves()},
      {"RandomZoom",
       {{"height_factor", 0.2}},
       images,
       each("height_factor", {0.0, Reals{-0.1, 0.3}}) + each("width_factor", {0.1, Reals{-0.1, 0.3}}) + moves()},
      {"ReLU",
       {},
       anything,
       each("max_value", {1.0, 6.0, 20.0}) + each("negative_slope", {0.0, 0.1, 1.0}) +
           each("threshold", {0.0, 0.5, 1.0, 2.0}) +
           std::vector<Variation>{{"threshold", {{"threshold", 0.5}, {"max_value", 2.0}, {"negative_slope", 0.1}}},
                                  {"max_value", {{"max_value", 6.0}, {"negative_slope", 0.2}}}}},
      {"AugMix",
       {},
       images,
       each("value_range", {Reals{0.25, 1}}) + each("num_chains", {Index{2}}) + each("chain_depth", {Index{2}}) +
           each("factor", {0.0, 0.5}) + each("alpha", {0.0, 0.5}) + each("all_ops", {false, true}) +
           each("interpolation", {Text("bilinear"), Text("nearest")})},
      {"CutMix", {}, images, each("factor", {0.0, 0.5})},
      {"MixUp", {}, images, each("alpha", {0.0, 0.5})},
      {"RandAugment",
       {},
       images,
       each("value_range", {Reals{0.25, 1}}) + each("num_ops", {Index{2}}) + each("factor", {0.0, 0.5}) +
           each("interpolation", {Text("bilinear"), Text("nearest")})},
      {"RandomBrightness", {}, images, each("factor", {0.0, 0.5}) + each("value_range", {Reals{0.25, 1}})},
      {"RandomColorDegeneration", {}, images, each("factor", {0.0, 0.5}) + each("value_range", {Reals{0.25, 1}})},
      {"RandomColorJitter",
       {},
       images,
       each("value_range", {Reals{0.25, 1}}) + each("brightness_factor", {0.0, 0.5}) +
           each("contrast_factor", {0.0, 0.5}) + each("saturation_factor", {0.0, 0.5}) +
           each("hue_factor", {0.0, 0.5})},
      {"RandomCrop",
       {{"height", Index{7}}, {"width", Index{6}}},
       {{{7, 6, 4}}},
       each("height", {Index{7}}) + each("width", {Index{6}})},
      {"RandomElasticTransform",
       {},
       images,
       each("factor", {0.0, 0.5}) + each("scale", {0.0, 0.5}) +
           each("interpolation", {Text("bilinear"), Text("nearest")}) +
           each("fill_mode", {Text("reflect"), Text("constant")}) + each("fill_value", {0.0, 0.5}) +
           each("value_range", {Reals{0.25, 1}})},
      {"RandomErasing",
       {},
       images,
       each("factor", {0.0, 0.5}) + each("scale", {Reals{0.25, 1}}) + each("value_range", {Reals{0.25, 1}})},
      {"RandomGaussianBlur",
       {},
       images,
       each("factor", {0.0, 0.5}) + each("kernel_size", {0.0, 0.5}) + each("sigma", {0.0, 0.5}) +
           each("value_range", {Reals{0.25, 1}})},
      {"RandomGrayscale", {}, images, each("factor", {0.0, 0.5})},
      {"RandomHue", {}, images, each("factor", {0.0, 0.5}) + each("value_range", {Reals{0.25, 1}})},
      {"RandomInvert", {}, images, each("factor", {0.0, 0.5}) + each("value_range", {Reals{0.25, 1}})},
      {"RandomPerspective",
       {},
       images,
       each("factor", {0.0, 0.5}) + each("scale", {0.0, 0.5}) +
           each("interpolation", {Text("bilinear"), Text("nearest")}) + each("fill_value", {0.0, 0.5})},
      {"RandomPosterization", {}, images, each("factor", {0.0, 0.5}) + each("value_range", {Reals{0.25, 1}})},
      {"RandomSaturation", {}, images, each("factor", {0.0, 0.5}) + each("value_range", {Reals{0.25, 1}})},
      {"RandomSharpness", {}, images, each("factor", {0.0, 0.5}) + each("value_range", {Reals{0.25, 1}})},
      {"RandomShear",
       {},
       images,
       each("x_factor", {0.0, 0.5}) + each("y_factor", {0.0, 0.5}) +
           each("interpolation", {Text("bilinear"), Text("nearest")}) +
           each("fill_mode", {Text("reflect"), Text("constant")}) + each("fill_value", {0.0, 0.5})},
      {"Solarization",
       {},
       images,
       each("addition_factor", {0.0, 0.5}) + each("threshold_factor", {0.0, 0.5}) +
           each("value_range", {Reals{0.25, 1}})},
      {"RepeatVector", {{"n", Index{3}}}, {{{6}}, {{1}}}, each("n", {Index{1}, Index{5}})},
      {"Rescaling",
       {{"scale", 0.25}},
       anything,
       each("scale", {1.0, 2.0, -0.5, 0.0}) + each("offset", {0.0, -1.0, 100.0})},
      {"Rescaling",
       {{"scale", 0.25}},
       {{{5, 4, 3}}},
       each("scale", {Reals{1, 0.5, -2}}) + each("offset", {Reals{0.5, 0, -1}}) +
           std::vector<Variation>{{"offset", {{"scale", Reals{1, 2, 3}}, {"offset", Reals{-1, 0, 1}}}}}},
      {"Reshape",
       {{"target_shape", List{4, 15}}},
       {{{5, 4, 3}}, {{60}}, {{20, 3}}},
       each("target_shape", {List{60}, List{4, 5, 3}, List{-1, 3}, List{3, 4, 5}, List{2, 2, 3, 5}})},
      {"Resizing",
       {{"height", Index{4}}, {"width", Index{9}}},
       images,
       each("height", {Index{1}, Index{7}, Index{13}}) + each("width", {Index{1}, Index{6}, Index{12}}) +
           each("interpolation", {Text("bilinear"), Text("nearest")}) +
           std::vector<Variation>{
               {"interpolation", {{"height", Index{15}}, {"width", Index{3}}, {"interpolation", Text("nearest")}}}}},
      {"SeparableConv1D", conv1d, sequences,
       each("filters", {Index{1}, Index{8}}) + windows_1d("kernel_size") + dilations_1d() + causal() +
           each("depth_multiplier", {Index{1}, Index{2}, Index{3}}) + activations() + each("use_bias", {false, true}) +
           initializer("depthwise_initializer") + initializer("pointwise_initializer") +
           initializer("bias_initializer")},
      {"SeparableConv2D", conv, images,
       each("filters", {Index{1}, Index{8}}) + windows("kernel_size") + dilations() +
           each("depth_multiplier", {Index{1}, Index{2}, Index{3}}) + activations() + each("use_bias", {false, true}) +
           initializer("depthwise_initializer") + initializer("pointwise_initializer") +
           initializer("bias_initializer")},
      {"SimpleRNN", {{"units", Index{3}}}, {{{5, 2}}, {{1, 4}}}, recurrent()},
      {"Softmax", {}, {{{5, 4, 3}}, {{4, 3}}}, each("axis", {Index{-1}, Index{1}, Index{2}, List{1, 2}})},
      {"Softmax", {}, {{{6}}}, each("axis", {Index{-1}, Index{1}})},
      {"SpatialDropout1D", {{"rate", 0.3}}, {{{4, 3}}}, rates},
      {"SpatialDropout2D", {{"rate", 0.3}}, images, rates},
      {"SpatialDropout3D", {{"rate", 0.3}}, volumes, rates},
      {"StepMask", {}, {{{5, 2}}, {{5}}}, each("mask_value", {0.5, 2.0})},
      {"Subtract", {}, {{{5, 4, 3}, {5, 4, 3}}, {{6}, {6}}, {{4, 3}, {4, 3}}}, {}},
      {"TimeDistributed",
       {{"layer", Text("Dense")}, {"units", Index{3}}},
       {{{4, 5}}, {{3, 2, 4}}},
       each("units", {Index{1}}) + each("use_bias", {false, true}) + each("activation", {Text("relu"), Text("tanh")}) +
           initializer("kernel_initializer") + initializer("bias_initializer")},
      {"TimeDistributed",
       {{"layer", Text("Conv2D")}, {"filters", Index{2}}, {"kernel_size", List{3, 3}}},
       {{{2, 5, 4, 3}}},
       each("strides", {List{2, 1}}) + each("padding", {Text("same"), List{1, 1, 1, 1}}) +
           each("dilation_rate", {List{2, 1}}) + each("groups", {Index{1}})},
      {"TimeDistributed", {{"layer", Text("Flatten")}}, {{{2, 4, 3}}}, {}},
      {"UnitNormalization", {}, anything, each("axis", {Index{-1}, Index{1}, List{2, 3}})},
      {"UpSampling1D", {}, sequences, each("size", {Index{1}, Index{3}})},
      {"UpSampling2D",
       {},
       images,
       each("size", {List{1, 1}, List{3, 3}, List{2, 3}}) + each("interpolation", {Text("nearest"), Text("bilinear")}) +
           std::vector<Variation>{{"interpolation", {{"size", List{3, 2}}, {"interpolation", Text("bilinear")}}}}},
      {"UpSampling3D", {}, volumes, each("size", {List{1, 1, 1}, List{3, 1, 2}})},
      {"ZeroPadding1D", {}, sequences, each("padding", {List{0, 0}, List{2, 1}, List{0, 3}})},
      {"ZeroPadding2D",
       {},
       images,
       each("padding", {List{0, 0, 0, 0}, List{2, 2, 2, 2}, List{1, 2, 3, 0}, List{0, 0, 2, 2}})},
      {"ZeroPadding3D", {}, volumes, each("padding", {List{0, 0, 0, 0, 0, 0}, List{2, 1, 0, 3, 1, 0}})},
  };
}

}  // namespace grid
