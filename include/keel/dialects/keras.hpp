#pragma once
/// What keel's layers are in Keras 2, Keras 3 and TensorFlow.js: one row a class. Readers, writers, summaries and the
/// doctor of files read these rows; no class of Keras is named anywhere else.
///
/// To add a layer: list its options and weights in keras_options.hpp, then give it a row here.

#include <keel/dialects/keras_options.hpp>

namespace keel {
inline namespace KEEL_ABI {

namespace dialects {

enum class KerasKind {
  layer,
  input,       ///< an input of the model
  sequential,  ///< a model inside the model
  functional,
};

/// What a class makes of maps whose channels come first in the file (keel's are last), and of the values of such maps
/// in one row, whose order differs then.
enum class ChannelsFirst {
  elements,   ///< value by value: right in any order
  images,     ///< right: with `data_format` it is the same layer, turned to channels last
  axis,       ///< right: the axes among its options are turned; its weights follow the order of the values
  flatten,    ///< right: the order of its values is followed from there on
  reshape,    ///< right where the order is that of the new shape, or becomes one row; refused elsewhere
  plain,      ///< refused where values lie otherwise than in keel
  last_axis,  ///< of maps refused, since the last axis is the width there; of a row, its weights follow the order
};

/// What a class does otherwise in training than in inference.
enum class Training {
  same,        ///< nothing
  statistics,  ///< it takes statistics of the batch
  drops,       ///< it changes its input at random; in inference it is the identity
};

/// What a class makes of the mask of its input, which Keras hands on beside the values.
enum class Masks {
  refused,  ///< its values would depend on it in a way that keel does not have
  kept,     ///< nothing: what comes out has the same mask
  dropped,  ///< nothing, and what comes out has none
  taken,    ///< it is the second input; sequences that come out have the same
  made,     ///< its result has a mask of its own, which a StepMask with the option `mask_value` gives
};

struct KerasRow {
  std::string_view type = {};  ///< keel's; empty: a structure
  std::string_view name = {};  ///< Keras's class, as files write it; empty: it has none
  std::span<const Option> options = {};
  /// In Keras's order. Letters of `keel_axes`: F, an axis that runs along the features of an input; S, the axes of a
  /// sample.
  std::span<const Weight> weights = {};
  ChannelsFirst channels_first = ChannelsFirst::elements;
  bool takes_list = false;  ///< it is called on a list of tensors, not on one
  Training training = Training::same;
  std::string_view pads = {};       ///< the class that pads before it where keel pads in numbers
  bool stride_or_dilation = false;  ///< Keras takes one of the two above 1, not both
  unsigned worlds = any_keras;      ///< those that have it
  int tfjs_rank = 0;                ///< the least rank of a sample that TensorFlow.js takes
  int axes = 2;                     ///< beside batch and channels, of what `images` are here
  KerasKind kind = KerasKind::layer;
  std::string_view module = "keras.layers";  ///< of Keras 3's files
  Masks masks = Masks::refused;
  /// Where Keras 3's files keep the weights of a layer that has others inside: paths below its own, with a space
  /// between, among which its weights are divided evenly.
  std::string_view parts = {};
  /// Inputs that its call has at least there; keel's first one stands for those that are missing.
  std::size_t least_inputs = 1;
};

inline constexpr KerasRow keras_rows[] = {
    {.type = "Activation", .name = "Activation", .options = keras_data::activation_options, .masks = Masks::kept},
    {.type = "ActivityRegularization",
     .name = "ActivityRegularization",
     .options = keras_data::activity_regularization_options,
     .training = Training::drops,
     .worlds = keras2 | keras3,
     .masks = Masks::kept},
    {.type = "Add", .name = "Add", .takes_list = true, .masks = Masks::kept},
    {.type = "AlphaDropout",
     .name = "AlphaDropout",
     .options = keras_data::dropout_options,
     .training = Training::drops,
     .masks = Masks::kept},
    {.type = "AugMix",
     .name = "AugMix",
     .options = keras_data::aug_mix_options,
     .training = Training::drops,
     .worlds = keras3},
    {.type = "Average", .name = "Average", .takes_list = true, .masks = Masks::kept},
    {.type = "AveragePooling1D",
     .name = "AveragePooling1D",
     .options = keras_data::average_pool1d_options,
     .channels_first = ChannelsFirst::images,
     .axes = 1,
     .masks = Masks::dropped},
    {.type = "AveragePooling2D",
     .name = "AveragePooling2D",
     .options = keras_data::average_pool_options,
     .channels_first = ChannelsFirst::images},
    {.type = "AveragePooling3D",
     .name = "AveragePooling3D",
     .options = keras_data::average_pool3d_options,
     .channels_first = ChannelsFirst::images,
     .axes = 3},
    {.type = "BatchNormalization",
     .name = "BatchNormalization",
     .options = keras_data::batch_norm_options,
     .weights = keras_data::batch_norm_weights,
     .channels_first = ChannelsFirst::axis,
     .training = Training::statistics},
    {.type = "Bidirectional",
     .name = "Bidirectional",
     .options = keras_data::bidirectional_options,
     .weights = keras_data::bidirectional_weights,
     .channels_first = ChannelsFirst::plain,
     .worlds = keras2 | keras3,
     .masks = Masks::taken,
     .parts = "forward_layer/cell backward_layer/cell"},
    {.type = "CenterCrop",
     .name = "CenterCrop",
     .options = keras_data::center_crop_options,
     .channels_first = ChannelsFirst::images,
     .worlds = keras2 | keras3},
    {.type = "Concatenate",
     .name = "Concatenate",
     .options = keras_data::concatenate_options,
     .channels_first = ChannelsFirst::axis,
     .takes_list = true},
    {.type = "Constant", .weights = keras_data::constant_weights, .worlds = 0},
    {.type = "Conv1D",
     .name = "Conv1D",
     .options = keras_data::conv1d_options,
     .weights = keras_data::kernel_weights,
     .channels_first = ChannelsFirst::images,
     .pads = "ZeroPadding1D",
     .stride_or_dilation = true,
     .axes = 1,
     .masks = Masks::dropped},
    {.type = "Conv1DTranspose",
     .name = "Conv1DTranspose",
     .options = keras_data::conv1d_transpose_options,
     .weights = keras_data::kernel_weights,
     .channels_first = ChannelsFirst::images,
     .stride_or_dilation = true,
     .worlds = keras2 | keras3,
     .axes = 1},
    {.type = "Conv2D",
     .name = "Conv2D",
     .options = keras_data::conv2d_options,
     .weights = keras_data::kernel_weights,
     .channels_first = ChannelsFirst::images,
     .pads = "ZeroPadding2D",
     .stride_or_dilation = true},
    {.type = "Conv2DTranspose",
     .name = "Conv2DTranspose",
     .options = keras_data::conv2d_transpose_options,
     .weights = keras_data::kernel_weights,
     .channels_first = ChannelsFirst::images,
     .stride_or_dilation = true},
    {.type = "Conv3D",
     .name = "Conv3D",
     .options = keras_data::conv3d_options,
     .weights = keras_data::kernel_weights,
     .channels_first = ChannelsFirst::images,
     .stride_or_dilation = true,
     .axes = 3},
    {.type = "Cropping1D",
     .name = "Cropping1D",
     .options = keras_data::cropping1d_options,
     .channels_first = ChannelsFirst::plain,
     .worlds = keras2 | keras3,
     .masks = Masks::dropped},
    {.type = "Cropping2D",
     .name = "Cropping2D",
     .options = keras_data::cropping2d_options,
     .channels_first = ChannelsFirst::images},
    {.type = "Cropping3D",
     .name = "Cropping3D",
     .options = keras_data::cropping3d_options,
     .channels_first = ChannelsFirst::images,
     .worlds = keras2 | keras3,
     .axes = 3},
    {.type = "CutMix",
     .name = "CutMix",
     .options = keras_data::cut_mix_options,
     .training = Training::drops,
     .worlds = keras3},
    {.type = "Dense",
     .name = "Dense",
     .options = keras_data::dense_options,
     .weights = keras_data::dense_weights,
     .channels_first = ChannelsFirst::last_axis,
     .masks = Masks::kept},
    {.type = "DepthwiseConv1D",
     .name = "DepthwiseConv1D",
     .options = keras_data::depthwise1d_options,
     .weights = keras_data::depthwise_weights,
     .channels_first = ChannelsFirst::images,
     .pads = "ZeroPadding1D",
     .stride_or_dilation = true,
     .worlds = keras2 | keras3,
     .axes = 1},
    {.type = "DepthwiseConv2D",
     .name = "DepthwiseConv2D",
     .options = keras_data::depthwise_options,
     .weights = keras_data::depthwise_weights,
     .channels_first = ChannelsFirst::images,
     .pads = "ZeroPadding2D",
     .stride_or_dilation = true},
    {.type = "Dot",
     .name = "Dot",
     .options = keras_data::dot_options,
     .channels_first = ChannelsFirst::plain,
     .takes_list = true,
     .worlds = keras2 | keras3,  // TensorFlow.js has it for samples of two axes at most
     .masks = Masks::dropped},
    {.type = "Dropout",
     .name = "Dropout",
     .options = keras_data::dropout_options,
     .training = Training::drops,
     .masks = Masks::kept},
    {.type = "Elementwise", .weights = keras_data::elementwise_weights, .worlds = 0},
    {.type = "ELU", .name = "ELU", .options = keras_data::elu_options, .masks = Masks::kept},
    {.type = "Embedding",
     .name = "Embedding",
     .options = keras_data::embedding_options,
     .weights = keras_data::embedding_weights,
     .channels_first = ChannelsFirst::plain,
     .masks = Masks::made},
    {.type = "Flatten",
     .name = "Flatten",
     .options = keras_data::flatten_options,
     .channels_first = ChannelsFirst::flatten,
     .tfjs_rank = 2,
     .masks = Masks::dropped},
    {.type = "Gather", .worlds = 0},
    {.type = "GaussianDropout",
     .name = "GaussianDropout",
     .options = keras_data::gaussian_dropout_options,
     .training = Training::drops,
     .masks = Masks::kept},
    {.type = "GaussianNoise",
     .name = "GaussianNoise",
     .options = keras_data::gaussian_noise_options,
     .training = Training::drops,
     .masks = Masks::kept},
    {.type = "GlobalAveragePooling1D",
     .name = "GlobalAveragePooling1D",
     .options = keras_data::global_pool_options,
     .channels_first = ChannelsFirst::images,
     .axes = 1},
    {.type = "GlobalAveragePooling2D",
     .name = "GlobalAveragePooling2D",
     .options = keras_data::global_pool_options,
     .channels_first = ChannelsFirst::images},
    {.type = "GlobalAveragePooling3D",
     .name = "GlobalAveragePooling3D",
     .options = keras_data::global_pool_options,
     .channels_first = ChannelsFirst::images,
     .worlds = keras2 | keras3,
     .axes = 3},
    {.type = "GlobalMaxPooling1D",
     .name = "GlobalMaxPooling1D",
     .options = keras_data::global_max_pool_options,
     .channels_first = ChannelsFirst::images,
     .axes = 1,
     .masks = Masks::dropped},
    {.type = "GlobalMaxPooling2D",
     .name = "GlobalMaxPooling2D",
     .options = keras_data::global_max_pool_options,
     .channels_first = ChannelsFirst::images},
    {.type = "GlobalMaxPooling3D",
     .name = "GlobalMaxPooling3D",
     .options = keras_data::global_max_pool_options,
     .channels_first = ChannelsFirst::images,
     .worlds = keras2 | keras3,
     .axes = 3},
    {.type = "GroupNormalization",
     .name = "GroupNormalization",
     .options = keras_data::group_norm_options,
     .weights = keras_data::layer_norm_weights,
     .channels_first = ChannelsFirst::plain,
     .worlds = keras2 | keras3},
    {.type = "GRU",
     .name = "GRU",
     .options = keras_data::gru_options,
     .weights = keras_data::recurrent_weights,
     .channels_first = ChannelsFirst::plain,
     .masks = Masks::taken,
     .parts = "cell"},
    {.type = "Identity", .name = "Identity", .worlds = keras2 | keras3, .masks = Masks::kept},
    {.type = "LayerNormalization",
     .name = "LayerNormalization",
     .options = keras_data::layer_norm_options,
     .weights = keras_data::layer_norm_weights,
     .channels_first = ChannelsFirst::plain,
     .masks = Masks::kept},
    {.type = "LeakyReLU", .name = "LeakyReLU", .options = keras_data::leaky_relu_options, .masks = Masks::kept},
    {.type = "LSTM",
     .name = "LSTM",
     .options = keras_data::lstm_options,
     .weights = keras_data::recurrent_weights,
     .channels_first = ChannelsFirst::plain,
     .masks = Masks::taken,
     .parts = "cell"},
    {.type = "Masking",
     .name = "Masking",
     .options = keras_data::masking_options,
     .channels_first = ChannelsFirst::plain,
     .masks = Masks::made},
    {.type = "Maximum", .name = "Maximum", .takes_list = true, .masks = Masks::kept},
    {.type = "MaxPooling1D",
     .name = "MaxPooling1D",
     .options = keras_data::max_pool1d_options,
     .channels_first = ChannelsFirst::images,
     .axes = 1,
     .masks = Masks::dropped},
    {.type = "MaxPooling2D",
     .name = "MaxPooling2D",
     .options = keras_data::max_pool_options,
     .channels_first = ChannelsFirst::images},
    {.type = "MaxPooling3D",
     .name = "MaxPooling3D",
     .options = keras_data::max_pool3d_options,
     .channels_first = ChannelsFirst::images,
     .axes = 3},
    {.type = "Minimum", .name = "Minimum", .takes_list = true, .masks = Masks::kept},
    {.type = "MixUp",
     .name = "MixUp",
     .options = keras_data::mix_up_options,
     .training = Training::drops,
     .worlds = keras3},
    {.type = "MultiHeadAttention",
     .name = "MultiHeadAttention",
     .options = keras_data::attention_options,
     .weights = keras_data::attention_weights,
     .channels_first = ChannelsFirst::plain,
     .worlds = keras3,
     .parts = "query_dense key_dense value_dense output_dense",
     .least_inputs = 2},
    {.type = "Multiply", .name = "Multiply", .takes_list = true, .masks = Masks::kept},
    {.type = "Normalization",
     .name = "Normalization",
     .options = keras_data::normalization_options,
     .weights = keras_data::normalization_weights,
     .channels_first = ChannelsFirst::axis,
     .worlds = keras2 | keras3},
    {.type = "Pad", .worlds = 0},
    {.type = "Permute",
     .name = "Permute",
     .options = keras_data::permute_options,
     .channels_first = ChannelsFirst::plain,
     .masks = Masks::dropped},
    {.type = "PReLU",
     .name = "PReLU",
     .options = keras_data::prelu_options,
     .weights = keras_data::prelu_weights,
     .channels_first = ChannelsFirst::axis,
     .masks = Masks::kept},
    {.type = "RandAugment",
     .name = "RandAugment",
     .options = keras_data::rand_augment_options,
     .training = Training::drops,
     .worlds = keras3},
    {.type = "RandomBrightness",
     .name = "RandomBrightness",
     .options = keras_data::random_brightness_options,
     .training = Training::drops,
     .worlds = keras2 | keras3},
    {.type = "RandomColorDegeneration",
     .name = "RandomColorDegeneration",
     .options = keras_data::random_color_degeneration_options,
     .training = Training::drops,
     .worlds = keras3},
    {.type = "RandomColorJitter",
     .name = "RandomColorJitter",
     .options = keras_data::random_color_jitter_options,
     .training = Training::drops,
     .worlds = keras3},
    {.type = "RandomContrast",
     .name = "RandomContrast",
     .options = keras_data::random_contrast_options,
     .training = Training::drops,
     .worlds = keras2 | keras3},
    {.type = "RandomElasticTransform",
     .name = "RandomElasticTransform",
     .options = keras_data::random_elastic_transform_options,
     .training = Training::drops,
     .worlds = keras3},
    {.type = "RandomErasing",
     .name = "RandomErasing",
     .options = keras_data::random_erasing_options,
     .training = Training::drops,
     .worlds = keras3},
    {.type = "RandomFlip",
     .name = "RandomFlip",
     .options = keras_data::random_flip_options,
     .training = Training::drops,
     .worlds = keras2 | keras3},
    {.type = "RandomGaussianBlur",
     .name = "RandomGaussianBlur",
     .options = keras_data::random_gaussian_blur_options,
     .training = Training::drops,
     .worlds = keras3},
    {.type = "RandomGrayscale",
     .name = "RandomGrayscale",
     .options = keras_data::random_grayscale_options,
     .training = Training::drops,
     .worlds = keras3},
    {.type = "RandomHue",
     .name = "RandomHue",
     .options = keras_data::random_hue_options,
     .training = Training::drops,
     .worlds = keras3},
    {.type = "RandomInvert",
     .name = "RandomInvert",
     .options = keras_data::random_invert_options,
     .training = Training::drops,
     .worlds = keras3},
    {.type = "RandomPerspective",
     .name = "RandomPerspective",
     .options = keras_data::random_perspective_options,
     .training = Training::drops,
     .worlds = keras3},
    {.type = "RandomPosterization",
     .name = "RandomPosterization",
     .options = keras_data::random_posterization_options,
     .training = Training::drops,
     .worlds = keras3},
    {.type = "RandomRotation",
     .name = "RandomRotation",
     .options = keras_data::random_rotation_options,
     .training = Training::drops,
     .worlds = keras2 | keras3},
    {.type = "RandomSaturation",
     .name = "RandomSaturation",
     .options = keras_data::random_saturation_options,
     .training = Training::drops,
     .worlds = keras3},
    {.type = "RandomSharpness",
     .name = "RandomSharpness",
     .options = keras_data::random_sharpness_options,
     .training = Training::drops,
     .worlds = keras3},
    {.type = "RandomShear",
     .name = "RandomShear",
     .options = keras_data::random_shear_options,
     .training = Training::drops,
     .worlds = keras3},
    {.type = "RandomTranslation",
     .name = "RandomTranslation",
     .options = keras_data::random_zoom_options,
     .training = Training::drops,
     .worlds = keras2 | keras3},
    {.type = "RandomZoom",
     .name = "RandomZoom",
     .options = keras_data::random_zoom_options,
     .training = Training::drops,
     .worlds = keras2 | keras3},
    {.type = "Reduce", .worlds = 0},
    {.type = "ReLU", .name = "ReLU", .options = keras_data::relu_options, .masks = Masks::kept},
    {.type = "RepeatVector",
     .name = "RepeatVector",
     .options = keras_data::repeat_vector_options,
     .channels_first = ChannelsFirst::plain,
     .masks = Masks::dropped},
    {.type = "Rescaling", .name = "Rescaling", .options = keras_data::rescaling_options},
    {.type = "Reshape",
     .name = "Reshape",
     .options = keras_data::reshape_options,
     .channels_first = ChannelsFirst::reshape,
     .masks = Masks::dropped},
    {.type = "Resizing",
     .name = "Resizing",
     .options = keras_data::resizing_options,
     .channels_first = ChannelsFirst::images,
     .worlds = keras2 | keras3},
    {.type = "RMSNormalization",
     .name = "RMSNormalization",
     .options = keras_data::rms_norm_options,
     .weights = keras_data::rms_norm_weights,
     .channels_first = ChannelsFirst::plain,
     .worlds = keras3,
     .masks = Masks::kept},
    {.type = "SeparableConv1D",
     .name = "SeparableConv1D",
     .options = keras_data::separable1d_options,
     .weights = keras_data::separable_weights,
     .channels_first = ChannelsFirst::images,
     .pads = "ZeroPadding1D",
     .stride_or_dilation = true,
     .worlds = keras2 | keras3,
     .axes = 1},
    {.type = "SeparableConv2D",
     .name = "SeparableConv2D",
     .options = keras_data::separable_options,
     .weights = keras_data::separable_weights,
     .channels_first = ChannelsFirst::images,
     .pads = "ZeroPadding2D",
     .stride_or_dilation = true},
    {.type = "SimpleRNN",
     .name = "SimpleRNN",
     .options = keras_data::simple_rnn_options,
     .weights = keras_data::recurrent_weights,
     .channels_first = ChannelsFirst::plain,
     .masks = Masks::taken,
     .parts = "cell"},
    {.type = "Slice", .worlds = 0},
    {.type = "Softmax",
     .name = "Softmax",
     .options = keras_data::softmax_options,
     .channels_first = ChannelsFirst::axis},
    {.type = "Solarization",
     .name = "Solarization",
     .options = keras_data::solarization_options,
     .training = Training::drops,
     .worlds = keras3},
    {.type = "SpatialDropout1D",
     .name = "SpatialDropout1D",
     .options = keras_data::spatial_dropout_options,
     .training = Training::drops,
     .masks = Masks::kept},
    {.type = "SpatialDropout2D",
     .name = "SpatialDropout2D",
     .options = keras_data::spatial_dropout_options,
     .training = Training::drops,
     .worlds = keras2 | keras3},
    {.type = "SpatialDropout3D",
     .name = "SpatialDropout3D",
     .options = keras_data::spatial_dropout_options,
     .training = Training::drops,
     .worlds = keras2 | keras3},
    {.type = "StepMask",
     .name = "StepMask",
     .options = keras_data::masking_options,
     .channels_first = ChannelsFirst::plain,
     .worlds = 0},
    {.type = "Subtract", .name = "Subtract", .takes_list = true, .worlds = keras2 | keras3, .masks = Masks::kept},
    {.type = "Tile", .worlds = 0},
    {.type = "TimeDistributed",
     .name = "TimeDistributed",
     .options = keras_data::time_distributed_options,
     .weights = keras_data::time_distributed_weights,
     .channels_first = ChannelsFirst::plain,
     .worlds = keras2 | keras3,
     .parts = "layer"},
    {.type = "UnitNormalization",
     .name = "UnitNormalization",
     .options = keras_data::unit_norm_options,
     .channels_first = ChannelsFirst::plain,
     .worlds = keras2 | keras3,
     .masks = Masks::kept},
    {.type = "UpSampling1D",
     .name = "UpSampling1D",
     .options = keras_data::upsampling1d_options,
     .channels_first = ChannelsFirst::plain,
     .worlds = keras2 | keras3,
     .masks = Masks::dropped},
    {.type = "UpSampling2D",
     .name = "UpSampling2D",
     .options = keras_data::upsampling_options,
     .channels_first = ChannelsFirst::images},
    {.type = "UpSampling3D",
     .name = "UpSampling3D",
     .options = keras_data::upsampling3d_options,
     .channels_first = ChannelsFirst::images,
     .worlds = keras2 | keras3,
     .axes = 3},
    {.type = "ZeroPadding1D",
     .name = "ZeroPadding1D",
     .options = keras_data::zero_padding1d_options,
     .channels_first = ChannelsFirst::images,
     .worlds = keras2 | keras3,
     .axes = 1,
     .masks = Masks::dropped},
    {.type = "ZeroPadding2D",
     .name = "ZeroPadding2D",
     .options = keras_data::zero_padding_options,
     .channels_first = ChannelsFirst::images},
    {.type = "ZeroPadding3D",
     .name = "ZeroPadding3D",
     .options = keras_data::zero_padding3d_options,
     .channels_first = ChannelsFirst::images,
     .worlds = keras2 | keras3,
     .axes = 3},

    // Keras 2's name for a rectifier with a threshold
    {.type = "ReLU",
     .name = "ThresholdedReLU",
     .options = keras_data::thresholded_relu_options,
     .worlds = keras2 | tfjs,
     .masks = Masks::kept},
    // the name in files of TensorFlow 1
    {.type = "BatchNormalization",
     .name = "BatchNormalizationV1",
     .options = keras_data::batch_norm_options,
     .weights = keras_data::batch_norm_weights,
     .channels_first = ChannelsFirst::axis,
     .training = Training::statistics},

    {.name = "InputLayer", .options = keras_data::input_options, .kind = KerasKind::input},
    {.name = "Sequential", .options = keras_data::sequential_options, .kind = KerasKind::sequential, .module = "keras"},
    {.name = "Functional",
     .options = keras_data::functional_options,
     .kind = KerasKind::functional,
     .module = "keras.src.models.functional"},
    // the name in files before Keras 2.4
    {.name = "Model", .options = keras_data::functional_options, .kind = KerasKind::functional},
};

/// The row of one of keel's classes, or null.
constexpr const KerasRow* keras_row(std::string_view type) {
  return type.empty() ? nullptr : find_row(keras_rows, &KerasRow::type, type);
}
/// The row of one of Keras's classes, or null.
constexpr const KerasRow* keras_class(std::string_view name) {
  return name.empty() ? nullptr : find_row(keras_rows, &KerasRow::name, name);
}
/// The row by which a structure is written.
constexpr const KerasRow& keras_structure(KerasKind kind) {
  for (const KerasRow& row : keras_rows)
    if (row.kind == kind) return row;
  return keras_rows[0];
}

/// What a key of a class means in a world, or else in another; null: nothing is known of it.
constexpr const Option* keras_option(const KerasRow& row, std::string_view key, unsigned world) {
  const Option* elsewhere = nullptr;
  for (const std::span<const Option> options : {row.options, std::span<const Option>(keras_common)})
    for (const Option& option : options) {
      if (key.empty() || option.key != key) continue;
      if ((option.worlds & world) != 0) return &option;
      if (!elsewhere) elsewhere = &option;
    }
  return elsewhere;
}

/// An activation in the worlds of Keras; empty where one lacks it. In Keras 2 and TensorFlow.js hard_sigmoid is another
/// function, clip(0.2 x + 0.5).
struct KerasActivation {
  std::string_view keel, keras3, keras2, tfjs;
};
inline constexpr KerasActivation keras_activations[] = {
    {"linear", "linear", "linear", "linear"},
    {"relu", "relu", "relu", "relu"},
    {"relu6", "relu6", "relu6", "relu6"},
    {"leaky_relu", "leaky_relu", "leaky_relu", ""},
    {"elu", "elu", "elu", "elu"},
    {"selu", "selu", "selu", "selu"},
    {"gelu", "gelu", "gelu", "gelu"},
    {"gelu_tanh", "", "", ""},
    {"silu", "silu", "silu", "swish"},
    {"silu", "swish", "swish", "swish"},
    {"sigmoid", "sigmoid", "sigmoid", "sigmoid"},
    {"hard_sigmoid", "hard_sigmoid", "", ""},
    {"hard_sigmoid_keras2", "", "hard_sigmoid", "hard_sigmoid"},
    {"hard_swish", "hard_silu", "", ""},
    {"hard_swish", "hard_swish", "", ""},
    {"tanh", "tanh", "tanh", "tanh"},
    {"softplus", "softplus", "softplus", "softplus"},
    {"softmax", "softmax", "softmax", "softmax"},
    {"softmax", "softmax_v2", "softmax_v2", ""},
    {"log_softmax", "log_softmax", "log_softmax", "log_softmax"},
    {"mish", "mish", "mish", "mish"},
    {"exponential", "exponential", "exponential", ""},
    {"softsign", "softsign", "softsign", "softsign"},
    {"hard_tanh", "hard_tanh", "", ""},
    {"hard_shrink", "hard_shrink", "", ""},
    {"soft_shrink", "soft_shrink", "", ""},
    {"tanh_shrink", "tanh_shrink", "", ""},
    {"celu", "celu", "", ""},
    {"log_sigmoid", "log_sigmoid", "", ""},
    {"squareplus", "squareplus", "", ""},
    {"sparse_plus", "sparse_plus", "", ""},
    {"sparse_sigmoid", "sparse_sigmoid", "", ""},
    {"sparsemax", "sparsemax", "", ""},
};

constexpr std::string_view KerasActivation::*keras_column(unsigned world) {
  return world == keras3 ? &KerasActivation::keras3 : world == tfjs ? &KerasActivation::tfjs : &KerasActivation::keras2;
}

/// What an operator between tensors and numbers does.
enum class Arithmetic {
  sum,
  difference,
  product,
  quotient,
  negative,
  function,    ///< of one or two numbers, value by value
  reduction,   ///< along axes
  activation,  ///< one of keel's
};

/// Operators as layers: of Keras 3 (module keras.src.ops.numpy) by class, of Keras 2 (class TFOpLambda) by function.
struct KerasOperator {
  std::string_view name, function;
  Arithmetic does;
  std::string_view type = {};  ///< keel's layer for two tensors; empty: there is none
  std::string_view keel = {};  ///< the name of the function in keel, where a layer has several
};
inline constexpr std::string_view keras_operator_modules = "keras.src.ops", keras2_operator = "TFOpLambda";
inline constexpr KerasOperator keras_operators[] = {
    {"Add", "math.add", Arithmetic::sum, "Add", "add"},
    {"Add", "__operators__.add", Arithmetic::sum, "Add", "add"},
    {"Subtract", "math.subtract", Arithmetic::difference, "Subtract", "subtract"},
    {"Multiply", "math.multiply", Arithmetic::product, "Multiply", "multiply"},
    {"Divide", "math.truediv", Arithmetic::quotient, "", "divide"},
    {"TrueDivide", "math.divide", Arithmetic::quotient, "", "divide"},
    {"TrueDivide", "__operators__.truediv", Arithmetic::quotient, "", "divide"},
    {"Negative", "math.negative", Arithmetic::negative},
    {"Multiply", "__operators__.mul", Arithmetic::product, "Multiply", "multiply"},
    {"Subtract", "__operators__.sub", Arithmetic::difference, "Subtract", "subtract"},
    {"Maximum", "math.maximum", Arithmetic::function, "", "maximum"},
    {"Minimum", "math.minimum", Arithmetic::function, "", "minimum"},
    {"Power", "math.pow", Arithmetic::function, "", "power"},
    {"Absolute", "math.abs", Arithmetic::function, "", "abs"},
    {"Abs", "abs", Arithmetic::function, "", "abs"},
    {"Sqrt", "math.sqrt", Arithmetic::function, "", "sqrt"},
    {"Exp", "math.exp", Arithmetic::function, "", "exp"},
    {"Log", "math.log", Arithmetic::function, "", "log"},
    {"Sin", "math.sin", Arithmetic::function, "", "sin"},
    {"Cos", "math.cos", Arithmetic::function, "", "cos"},
    {"Tan", "math.tan", Arithmetic::function, "", "tan"},
    {"Arcsin", "math.asin", Arithmetic::function, "", "asin"},
    {"Arccos", "math.acos", Arithmetic::function, "", "acos"},
    {"Arctan", "math.atan", Arithmetic::function, "", "atan"},
    {"Sinh", "math.sinh", Arithmetic::function, "", "sinh"},
    {"Cosh", "math.cosh", Arithmetic::function, "", "cosh"},
    {"Floor", "math.floor", Arithmetic::function, "", "floor"},
    {"Ceil", "math.ceil", Arithmetic::function, "", "ceil"},
    {"Round", "math.round", Arithmetic::function, "", "round"},
    {"Sign", "math.sign", Arithmetic::function, "", "sign"},
    {"Reciprocal", "math.reciprocal", Arithmetic::function, "", "reciprocal"},
    {"Erf", "math.erf", Arithmetic::function, "", "erf"},
    {"Clip", "clip_by_value", Arithmetic::function, "", "clip"},
    {"Mod", "math.floormod", Arithmetic::function, "", "modulo"},
    {"Mean", "math.reduce_mean", Arithmetic::reduction, "", "mean"},
    {"Sum", "math.reduce_sum", Arithmetic::reduction, "", "sum"},
    {"Max", "math.reduce_max", Arithmetic::reduction, "", "max"},
    {"Amax", "reduce_max", Arithmetic::reduction, "", "max"},
    {"Min", "math.reduce_min", Arithmetic::reduction, "", "min"},
    {"Prod", "math.reduce_prod", Arithmetic::reduction, "", "prod"},
    {"Logsumexp", "math.reduce_logsumexp", Arithmetic::reduction, "", "log_sum_exp"},
    {"Relu", "nn.relu", Arithmetic::activation, "", "relu"},
    {"Relu6", "nn.relu6", Arithmetic::activation, "", "relu6"},
    {"Sigmoid", "math.sigmoid", Arithmetic::activation, "", "sigmoid"},
    {"Sigmoid", "nn.sigmoid", Arithmetic::activation, "", "sigmoid"},
    {"Tanh", "math.tanh", Arithmetic::activation, "", "tanh"},
    {"Tanh", "nn.tanh", Arithmetic::activation, "", "tanh"},
    {"Softplus", "math.softplus", Arithmetic::activation, "", "softplus"},
    {"Softsign", "nn.softsign", Arithmetic::activation, "", "softsign"},
    {"Silu", "nn.silu", Arithmetic::activation, "", "silu"},
    {"LogSigmoid", "math.log_sigmoid", Arithmetic::activation, "", "log_sigmoid"},
    {"HardSigmoid", "", Arithmetic::activation, "", "hard_sigmoid"},
    {"HardSilu", "", Arithmetic::activation, "", "hard_swish"},
    {"HardTanh", "", Arithmetic::activation, "", "hard_tanh"},
    {"Selu", "nn.selu", Arithmetic::activation, "", "selu"},
    {"SoftShrink", "", Arithmetic::activation, "", "soft_shrink"},
};
/// keel's classes that stand for what is no layer in a file: numbers in a graph, a layer that never drops.
inline constexpr std::string_view keras_scaling = "Rescaling", keras_identity = "Identity", keras_reshape = "Reshape",
                                  keras_elementwise = "Elementwise", keras_reduction = "Reduce",
                                  keras_function = "Activation";

/// The layer of the other direction in a Bidirectional's configuration, whose direction is the other.
inline constexpr std::string_view keras_backward_layer = "backward_layer", keras_direction = "go_backwards";
/// keel's class that computes masks, and Keras's keys about them.
inline constexpr std::string_view keras_mask = "StepMask", keras_mask_value = "mask_value",
                                  keras_mask_zero = "mask_zero";
/// The parts of layers with others inside, in the order of their weights.
inline constexpr std::string_view keras_parts[] = {"",
                                                   "cell",
                                                   "layer",
                                                   "layer/cell",
                                                   "forward_layer",
                                                   "forward_layer/cell",
                                                   "backward_layer",
                                                   "backward_layer/cell",
                                                   "query_dense",
                                                   "key_dense",
                                                   "value_dense",
                                                   "output_dense"};

/// Layers that are an activation where all options but `alpha` have their usual values.
struct KerasActivationLayer {
  std::string_view type, activation, alpha;
};
inline constexpr KerasActivationLayer keras_activation_layers[] = {
    {"ReLU", "relu", ""},
    {"ReLU", "leaky_relu", "negative_slope"},
    {"LeakyReLU", "leaky_relu", "negative_slope"},
    {"ELU", "elu", "alpha"},
    {"Softmax", "softmax", ""},
};

/// What stands beside a layer's configuration in a file.
inline constexpr std::string_view keras_layer_keys[] = {
    "module",       "class_name",     "config",           "registered_name", "name",   "inbound_nodes",
    "build_config", "compile_config", "shared_object_id", "keras_version",   "backend"};
/// Whose classes a file may name: the modules begin so.
inline constexpr std::string_view keras_modules[] = {"keras", "tf_keras", "tensorflow"};

}  // namespace dialects

}  // namespace KEEL_ABI
}  // namespace keel
