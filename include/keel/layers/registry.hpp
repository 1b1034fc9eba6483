#pragma once
/// Layers of every class from their names and options, for saved models.

#include <string>
#include <string_view>

#include <keel/layers/activation_layer.hpp>
#include <keel/layers/activity_regularization.hpp>
#include <keel/layers/adaptive_average_pool.hpp>
#include <keel/layers/adaptive_max_pool.hpp>
#include <keel/layers/add.hpp>
#include <keel/layers/additive_attention.hpp>
#include <keel/layers/alpha_dropout.hpp>
#include <keel/layers/attention.hpp>
#include <keel/layers/auto_contrast.hpp>
#include <keel/layers/average.hpp>
#include <keel/layers/average_pool1d.hpp>
#include <keel/layers/average_pool2d.hpp>
#include <keel/layers/average_pool3d.hpp>
#include <keel/layers/base/any_layer.hpp>
#include <keel/layers/base/layer_registry.hpp>
#include <keel/layers/batch_norm.hpp>
#include <keel/layers/bidirectional.hpp>
#include <keel/layers/center_crop.hpp>
#include <keel/layers/concatenate.hpp>
#include <keel/layers/constant.hpp>
#include <keel/layers/conv1d.hpp>
#include <keel/layers/conv1d_transpose.hpp>
#include <keel/layers/conv2d.hpp>
#include <keel/layers/conv2d_transpose.hpp>
#include <keel/layers/conv3d.hpp>
#include <keel/layers/conv3d_transpose.hpp>
#include <keel/layers/conv_lstm1d.hpp>
#include <keel/layers/conv_lstm2d.hpp>
#include <keel/layers/conv_lstm3d.hpp>
#include <keel/layers/cropping1d.hpp>
#include <keel/layers/cropping2d.hpp>
#include <keel/layers/cropping3d.hpp>
#include <keel/layers/dense.hpp>
#include <keel/layers/depthwise_conv1d.hpp>
#include <keel/layers/depthwise_conv2d.hpp>
#include <keel/layers/dot.hpp>
#include <keel/layers/dropout.hpp>
#include <keel/layers/einsum_dense.hpp>
#include <keel/layers/elementwise.hpp>
#include <keel/layers/elu.hpp>
#include <keel/layers/embedding.hpp>
#include <keel/layers/flatten.hpp>
#include <keel/layers/gather.hpp>
#include <keel/layers/gaussian_dropout.hpp>
#include <keel/layers/gaussian_noise.hpp>
#include <keel/layers/global_average_pool1d.hpp>
#include <keel/layers/global_average_pool2d.hpp>
#include <keel/layers/global_average_pool3d.hpp>
#include <keel/layers/global_max_pool1d.hpp>
#include <keel/layers/global_max_pool2d.hpp>
#include <keel/layers/global_max_pool3d.hpp>
#include <keel/layers/glu.hpp>
#include <keel/layers/group_norm.hpp>
#include <keel/layers/group_query_attention.hpp>
#include <keel/layers/gru.hpp>
#include <keel/layers/identity.hpp>
#include <keel/layers/layer_norm.hpp>
#include <keel/layers/leaky_relu.hpp>
#include <keel/layers/lstm.hpp>
#include <keel/layers/masking.hpp>
#include <keel/layers/matmul.hpp>
#include <keel/layers/max_pool1d.hpp>
#include <keel/layers/max_pool2d.hpp>
#include <keel/layers/max_pool3d.hpp>
#include <keel/layers/maximum.hpp>
#include <keel/layers/minimum.hpp>
#include <keel/layers/multi_head_attention.hpp>
#include <keel/layers/multiply.hpp>
#include <keel/layers/normalization.hpp>
#include <keel/layers/pad.hpp>
#include <keel/layers/permute.hpp>
#include <keel/layers/prelu.hpp>
#include <keel/layers/random_contrast.hpp>
#include <keel/layers/random_flip.hpp>
#include <keel/layers/random_images.hpp>
#include <keel/layers/random_rotation.hpp>
#include <keel/layers/random_translation.hpp>
#include <keel/layers/random_zoom.hpp>
#include <keel/layers/reduce.hpp>
#include <keel/layers/relu.hpp>
#include <keel/layers/repeat_vector.hpp>
#include <keel/layers/rescaling.hpp>
#include <keel/layers/reshape.hpp>
#include <keel/layers/resizing.hpp>
#include <keel/layers/rms_norm.hpp>
#include <keel/layers/separable_conv1d.hpp>
#include <keel/layers/separable_conv2d.hpp>
#include <keel/layers/simple_rnn.hpp>
#include <keel/layers/slice.hpp>
#include <keel/layers/softmax.hpp>
#include <keel/layers/spatial_dropout1d.hpp>
#include <keel/layers/spatial_dropout2d.hpp>
#include <keel/layers/spatial_dropout3d.hpp>
#include <keel/layers/step_mask.hpp>
#include <keel/layers/subtract.hpp>
#include <keel/layers/tile.hpp>
#include <keel/layers/time_distributed.hpp>
#include <keel/layers/unit_normalization.hpp>
#include <keel/layers/upsampling1d.hpp>
#include <keel/layers/upsampling2d.hpp>
#include <keel/layers/upsampling3d.hpp>
#include <keel/layers/zero_padding1d.hpp>
#include <keel/layers/zero_padding2d.hpp>
#include <keel/layers/zero_padding3d.hpp>

namespace keel {
inline namespace KEEL_ABI {

namespace detail {

template <class T>
struct LayerMaker {
  std::string_view type;
  AnyLayer<T> (*make)(const Config&);
};

template <class L>
[[gnu::cold]] AnyLayer<typename L::Scalar> make_layer_from(const Config& config) {
  return AnyLayer<typename L::Scalar>(std::unique_ptr<L>(new L(L::from_config(config))));
}

template <class T>
inline constexpr LayerMaker<T> layer_makers[] = {
    {"Activation", make_layer_from<ActivationLayer<T>>},
    {"ActivityRegularization", make_layer_from<ActivityRegularization<T>>},
    {"AdaptiveAveragePooling1D", make_layer_from<AdaptiveAveragePool1D<T>>},
    {"AdaptiveAveragePooling2D", make_layer_from<AdaptiveAveragePool2D<T>>},
    {"AdaptiveAveragePooling3D", make_layer_from<AdaptiveAveragePool3D<T>>},
    {"AdaptiveMaxPooling1D", make_layer_from<AdaptiveMaxPool1D<T>>},
    {"AdaptiveMaxPooling2D", make_layer_from<AdaptiveMaxPool2D<T>>},
    {"AdaptiveMaxPooling3D", make_layer_from<AdaptiveMaxPool3D<T>>},
    {"Add", make_layer_from<Add<T>>},
    {"AdditiveAttention", make_layer_from<AdditiveAttention<T>>},
    {"AlphaDropout", make_layer_from<AlphaDropout<T>>},
    {"Attention", make_layer_from<Attention<T>>},
    {"AugMix", make_image_change<T, 0>},
    {"AutoContrast", make_layer_from<AutoContrast<T>>},
    {"Average", make_layer_from<Average<T>>},
    {"AveragePooling1D", make_layer_from<AveragePool1D<T>>},
    {"AveragePooling2D", make_layer_from<AveragePool2D<T>>},
    {"AveragePooling3D", make_layer_from<AveragePool3D<T>>},
    {"BatchNormalization", make_layer_from<BatchNorm<T>>},
    {"Bidirectional", make_layer_from<Bidirectional<T>>},
    {"CenterCrop", make_layer_from<CenterCrop<T>>},
    {"Concatenate", make_layer_from<Concatenate<T>>},
    {"Constant", make_layer_from<Constant<T>>},
    {"Conv1D", make_layer_from<Conv1D<T>>},
    {"Conv1DTranspose", make_layer_from<Conv1DTranspose<T>>},
    {"Conv2D", make_layer_from<Conv2D<T>>},
    {"Conv2DTranspose", make_layer_from<Conv2DTranspose<T>>},
    {"Conv3D", make_layer_from<Conv3D<T>>},
    {"Conv3DTranspose", make_layer_from<Conv3DTranspose<T>>},
    {"ConvLSTM1D", make_layer_from<ConvLSTM1D<T>>},
    {"ConvLSTM2D", make_layer_from<ConvLSTM2D<T>>},
    {"ConvLSTM3D", make_layer_from<ConvLSTM3D<T>>},
    {"Cropping1D", make_layer_from<Cropping1D<T>>},
    {"Cropping2D", make_layer_from<Cropping2D<T>>},
    {"Cropping3D", make_layer_from<Cropping3D<T>>},
    {"CutMix", make_image_change<T, 1>},
    {"Dense", make_layer_from<Dense<T>>},
    {"DepthwiseConv1D", make_layer_from<DepthwiseConv1D<T>>},
    {"DepthwiseConv2D", make_layer_from<DepthwiseConv2D<T>>},
    {"Dot", make_layer_from<Dot<T>>},
    {"Dropout", make_layer_from<Dropout<T>>},
    {"EinsumDense", make_layer_from<EinsumDense<T>>},
    {"Elementwise", make_layer_from<Elementwise<T>>},
    {"ELU", make_layer_from<ELU<T>>},
    {"Embedding", make_layer_from<Embedding<T>>},
    {"Equalization", make_image_change<T, 19>},
    {"Flatten", make_layer_from<Flatten<T>>},
    {"Gather", make_layer_from<Gather<T>>},
    {"GaussianDropout", make_layer_from<GaussianDropout<T>>},
    {"GaussianNoise", make_layer_from<GaussianNoise<T>>},
    {"GlobalAveragePooling1D", make_layer_from<GlobalAveragePool1D<T>>},
    {"GlobalAveragePooling2D", make_layer_from<GlobalAveragePool2D<T>>},
    {"GlobalAveragePooling3D", make_layer_from<GlobalAveragePool3D<T>>},
    {"GlobalMaxPooling1D", make_layer_from<GlobalMaxPool1D<T>>},
    {"GlobalMaxPooling2D", make_layer_from<GlobalMaxPool2D<T>>},
    {"GlobalMaxPooling3D", make_layer_from<GlobalMaxPool3D<T>>},
    {"GLU", make_layer_from<GLU<T>>},
    {"GroupNormalization", make_layer_from<GroupNorm<T>>},
    {"GroupQueryAttention", make_layer_from<GroupQueryAttention<T>>},
    {"GRU", make_layer_from<GRU<T>>},
    {"Identity", make_layer_from<Identity<T>>},
    {"LayerNormalization", make_layer_from<LayerNorm<T>>},
    {"LeakyReLU", make_layer_from<LeakyReLU<T>>},
    {"LSTM", make_layer_from<LSTM<T>>},
    {"Masking", make_layer_from<Masking<T>>},
    {"Maximum", make_layer_from<Maximum<T>>},
    {"MatMul", make_layer_from<MatMul<T>>},
    {"MaxNumBoundingBoxes", make_image_change<T, 20>},
    {"MaxPooling1D", make_layer_from<MaxPool1D<T>>},
    {"MaxPooling2D", make_layer_from<MaxPool2D<T>>},
    {"MaxPooling3D", make_layer_from<MaxPool3D<T>>},
    {"Minimum", make_layer_from<Minimum<T>>},
    {"MixUp", make_image_change<T, 2>},
    {"MultiHeadAttention", make_layer_from<MultiHeadAttention<T>>},
    {"Multiply", make_layer_from<Multiply<T>>},
    {"Normalization", make_layer_from<Normalization<T>>},
    {"Pad", make_layer_from<Pad<T>>},
    {"Permute", make_layer_from<Permute<T>>},
    {"PReLU", make_layer_from<PReLU<T>>},
    {"RandAugment", make_image_change<T, 3>},
    {"RandomBrightness", make_image_change<T, 4>},
    {"RandomColorDegeneration", make_image_change<T, 5>},
    {"RandomColorJitter", make_image_change<T, 6>},
    {"RandomContrast", make_layer_from<RandomContrast<T>>},
    {"RandomCrop", make_image_change<T, 21>},
    {"RandomElasticTransform", make_image_change<T, 7>},
    {"RandomErasing", make_image_change<T, 8>},
    {"RandomFlip", make_layer_from<RandomFlip<T>>},
    {"RandomGaussianBlur", make_image_change<T, 9>},
    {"RandomGrayscale", make_image_change<T, 10>},
    {"RandomHue", make_image_change<T, 11>},
    {"RandomInvert", make_image_change<T, 12>},
    {"RandomPerspective", make_image_change<T, 13>},
    {"RandomPosterization", make_image_change<T, 14>},
    {"RandomRotation", make_layer_from<RandomRotation<T>>},
    {"RandomSaturation", make_image_change<T, 15>},
    {"RandomSharpness", make_image_change<T, 16>},
    {"RandomShear", make_image_change<T, 17>},
    {"RandomTranslation", make_layer_from<RandomTranslation<T>>},
    {"RandomZoom", make_layer_from<RandomZoom<T>>},
    {"Reduce", make_layer_from<Reduce<T>>},
    {"ReLU", make_layer_from<ReLU<T>>},
    {"RepeatVector", make_layer_from<RepeatVector<T>>},
    {"Rescaling", make_layer_from<Rescaling<T>>},
    {"Reshape", make_layer_from<Reshape<T>>},
    {"Resizing", make_layer_from<Resizing<T>>},
    {"RMSNormalization", make_layer_from<RMSNorm<T>>},
    {"SeparableConv1D", make_layer_from<SeparableConv1D<T>>},
    {"SeparableConv2D", make_layer_from<SeparableConv2D<T>>},
    {"SimpleRNN", make_layer_from<SimpleRNN<T>>},
    {"Slice", make_layer_from<Slice<T>>},
    {"Softmax", make_layer_from<Softmax<T>>},
    {"Solarization", make_image_change<T, 18>},
    {"SpatialDropout1D", make_layer_from<SpatialDropout1D<T>>},
    {"SpatialDropout2D", make_layer_from<SpatialDropout2D<T>>},
    {"SpatialDropout3D", make_layer_from<SpatialDropout3D<T>>},
    {"StepMask", make_layer_from<StepMask<T>>},
    {"Subtract", make_layer_from<Subtract<T>>},
    {"Tile", make_layer_from<Tile<T>>},
    {"TimeDistributed", make_layer_from<TimeDistributed<T>>},
    {"UnitNormalization", make_layer_from<UnitNormalization<T>>},
    {"UpSampling1D", make_layer_from<UpSampling1D<T>>},
    {"UpSampling2D", make_layer_from<UpSampling2D<T>>},
    {"UpSampling3D", make_layer_from<UpSampling3D<T>>},
    {"ZeroPadding1D", make_layer_from<ZeroPadding1D<T>>},
    {"ZeroPadding2D", make_layer_from<ZeroPadding2D<T>>},
    {"ZeroPadding3D", make_layer_from<ZeroPadding3D<T>>},
};

}  // namespace detail

/// What makes layers of a class, keel's or the program's own; null if neither has it. Throws ConfigError if both do.
template <class T>
LayerRegistry::Make<T> layer_maker(std::string_view type, const LayerRegistry& own = {}) {
  const LayerRegistry::Make<T> registered = own.find<T>(type);
  for (const detail::LayerMaker<T>& maker : detail::layer_makers<T>)
    if (maker.type == type) {
      if (!registered) return maker.make;
      throw ConfigError("register_layer", "a name that no layer of keel has", "\"" + std::string(type) + "\"");
    }
  return registered;
}

/// A layer from its class name and options, as `type()` and `config()` give them, named by the option "name". `own` has
/// classes that keel does not.
/// Throws ConfigError for a class that is not known, an option that it does not have, or a value out of range.
template <class T = float>
AnyLayer<T> make_layer(std::string_view type, const Config& config, const LayerRegistry& own = {}) {
  const LayerRegistry::Make<T> make = layer_maker<T>(type, own);
  if (!make) {
    std::string names;
    for (const detail::LayerMaker<T>& maker : detail::layer_makers<T>)
      names += (names.empty() ? "" : ", ") + std::string(maker.type);
    const std::string name(type);
    throw ConfigError("make_layer", "one of the layers " + names, "\"" + name + "\"",
                      "a layer of your own is registered: {.layers = register_layer<" + name + ">(\"" + name + "\")}");
  }
  AnyLayer<T> layer = make(config);
  if (layer->type() != type)
    throw ConfigError("register_layer", "\"" + layer->type() + "\", the name that type() gives",
                      "\"" + std::string(type) + "\"");
  const Config known = layer->config();
  for (const auto& [name, value] : config.entries())
    if (name != "name" && !known.find(name)) {
      std::string names;
      for (const auto& entry : known.entries()) names += (names.empty() ? "" : ", ") + entry.first;
      throw ConfigError(std::string(type), names.empty() ? "no options" : "options among " + names, "\"" + name + "\"");
    }
  return layer;
}

KEEL_INSTANCE(AnyLayer<float> make_layer<float>(std::string_view, const Config&, const LayerRegistry&))

namespace detail {

template <class T>
[[gnu::cold]] AnyLayer<T> make_inner_layer(const std::string& type, const Config& config) {
  return make_layer<T>(type, config);
}

}  // namespace detail

}  // namespace KEEL_ABI
}  // namespace keel
