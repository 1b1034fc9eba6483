#pragma once
/// The options and weights of Keras's classes, for the rows of keras.hpp: every key of a configuration, with what
/// becomes of it in Keras 2, Keras 3 and TensorFlow.js.

#include <keel/dialects/option.hpp>

namespace keel {
inline namespace KEEL_ABI {

namespace dialects {

/// The versions of Keras, as bits of `Option::worlds`.
inline constexpr unsigned keras2 = 1, keras3 = 2, tfjs = 4, any_keras = keras2 | keras3 | tfjs;

namespace keras_data {

constexpr Option same(std::string_view key, Form form, unsigned worlds = any_keras) {
  return {key, key, Use::mapped, form, {}, worlds};
}
constexpr Option neutral(std::string_view key) { return {key, {}, Use::neutral, Form::text, {}, 0}; }
/// A key that files may hold at these values only; it is not written.
constexpr Option fixed(std::string_view key, std::string_view values) {
  return {key, {}, Use::fixed, Form::text, values, 0};
}
/// An option of keel's that these worlds lack: only one of `values` can be written.
constexpr Option lacks(std::string_view keel, std::string_view values, unsigned worlds = any_keras) {
  return {{}, keel, Use::fixed, Form::text, values, worlds};
}
/// An option of keel's about training, kept beside the model for keel, which Keras does not read.
constexpr Option kept(std::string_view keel, std::string_view usual) {
  return {{}, keel, Use::kept, Form::text, usual};
}
/// Written as the first of `values`; read by the code that knows what it means.
constexpr Option read(std::string_view key, std::string_view values = {}, unsigned worlds = any_keras) {
  return {key, {}, Use::read, Form::text, values, values.empty() ? 0 : worlds};
}
constexpr Option initializer(std::string_view key) { return {key, key, Use::neutral, Form::text, {}, 0}; }
constexpr Option noted(std::string_view key) { return {key, {}, Use::noted, Form::text, "null", 0}; }

}  // namespace keras_data

/// The keys that layers of every class may have. Initializers change nothing of loaded weights. Regularizers and
/// constraints change training only: they become rules of the parameters (io/keras/rules.hpp) where keel has them.
inline constexpr Option keras_common[] = {
    keras_data::read("name"),
    keras_data::read("trainable"),
    keras_data::read("batch_input_shape"),
    keras_data::read("batch_shape"),
    {"dtype", {}, Use::noted, Form::text, R"("float32" "float64" null)", 0},
    keras_data::neutral("autocast"),
    keras_data::fixed("quantization_config", "null"),
    keras_data::initializer("kernel_initializer"),
    keras_data::initializer("bias_initializer"),
    keras_data::initializer("depthwise_initializer"),
    keras_data::initializer("pointwise_initializer"),
    keras_data::initializer("recurrent_initializer"),
    keras_data::initializer("embeddings_initializer"),
    keras_data::initializer("alpha_initializer"),
    keras_data::initializer("beta_initializer"),
    keras_data::initializer("gamma_initializer"),
    keras_data::initializer("moving_mean_initializer"),
    keras_data::initializer("moving_variance_initializer"),
    keras_data::noted("activity_regularizer"),
    keras_data::noted("kernel_regularizer"),
    keras_data::noted("bias_regularizer"),
    keras_data::noted("depthwise_regularizer"),
    keras_data::noted("pointwise_regularizer"),
    keras_data::noted("recurrent_regularizer"),
    keras_data::noted("embeddings_regularizer"),
    keras_data::noted("alpha_regularizer"),
    keras_data::noted("beta_regularizer"),
    keras_data::noted("gamma_regularizer"),
    keras_data::noted("kernel_constraint"),
    keras_data::noted("bias_constraint"),
    keras_data::noted("depthwise_constraint"),
    keras_data::noted("pointwise_constraint"),
    keras_data::noted("recurrent_constraint"),
    keras_data::noted("embeddings_constraint"),
    keras_data::noted("alpha_constraint"),
    keras_data::noted("beta_constraint"),
    keras_data::noted("gamma_constraint"),
};

namespace keras_data {

inline constexpr Option activation_options[] = {same("activation", Form::activation)};
inline constexpr Option activity_regularization_options[] = {same("l1", Form::number), same("l2", Form::number)};
inline constexpr Option adaptive_pool1d_options[] = {same("output_size", Form::integer),
                                                     read("data_format", R"("channels_last")")};
inline constexpr Option adaptive_pool2d_options[] = {same("output_size", Form::pair),
                                                     read("data_format", R"("channels_last")")};
inline constexpr Option adaptive_pool3d_options[] = {same("output_size", Form::triple),
                                                     read("data_format", R"("channels_last")")};
inline constexpr Option average_pool_options[] = {same("pool_size", Form::pair),
                                                  same("strides", Form::pair),
                                                  same("padding", Form::window),
                                                  lacks("ceil_mode", "false"),
                                                  {{}, "count_include_pad", Use::padding, Form::text, "false"},
                                                  read("data_format", R"("channels_last")")};
/// TensorFlow.js computes something else along other axes than the last.
inline constexpr Option batch_norm_options[] = {same("axis", Form::axis, keras2 | keras3),
                                                {"axis", "axis", Use::mapped, Form::axis, "-1", tfjs},
                                                same("momentum", Form::number),
                                                same("epsilon", Form::number),
                                                same("center", Form::boolean),
                                                same("scale", Form::boolean),
                                                fixed("renorm", "false"),
                                                fixed("renorm_clipping", "null"),
                                                same("synchronized", Form::boolean, keras3),
                                                fixed("virtual_batch_size", "null"),
                                                fixed("adjustment", "null"),
                                                neutral("renorm_momentum"),
                                                neutral("fused"),
                                                kept("unbiased", "false"),
                                                kept("cumulative", "false"),
                                                kept("allow_single_value", "true"),
                                                // Keras 2 has the key since 2.12
                                                {{}, "synchronized", Use::kept, Form::text, "false", keras2 | tfjs}};
inline constexpr Option auto_contrast_options[] = {same("value_range", Form::numbers), neutral("data_format")};
inline constexpr Option average_pool3d_options[] = {same("pool_size", Form::triple),
                                                    same("strides", Form::triple),
                                                    same("padding", Form::window_3d),
                                                    lacks("ceil_mode", "false"),
                                                    {{}, "count_include_pad", Use::padding, Form::text, "false"},
                                                    read("data_format", R"("channels_last")")};
inline constexpr Option average_pool1d_options[] = {same("pool_size", Form::integer),
                                                    same("strides", Form::integer),
                                                    same("padding", Form::window_1d),
                                                    lacks("ceil_mode", "false"),
                                                    {{}, "count_include_pad", Use::padding, Form::text, "false"},
                                                    read("data_format", R"("channels_last")")};
/// The layer inside is the forward one; that of the other direction may be written too, and has to be its mirror.
inline constexpr Option bidirectional_options[] = {
    {"layer", "layer", Use::mapped, Form::layer}, same("merge_mode", Form::word), read("backward_layer")};
inline constexpr Option center_crop_options[] = {same("height", Form::integer), same("width", Form::integer),
                                                 read("data_format", R"("channels_last")")};
inline constexpr Option concatenate_options[] = {same("axis", Form::axis)};
/// TensorFlow.js throws for causal padding.
inline constexpr Option conv1d_options[] = {same("filters", Form::integer),
                                            same("kernel_size", Form::integer),
                                            same("strides", Form::integer),
                                            same("padding", Form::window_1d),
                                            same("dilation_rate", Form::integer),
                                            same("groups", Form::integer, keras2 | keras3),
                                            lacks("groups", "1", tfjs),
                                            same("activation", Form::activation),
                                            same("use_bias", Form::boolean),
                                            neutral("rank"),
                                            read("data_format", R"("channels_last")")};
inline constexpr Option conv1d_transpose_options[] = {same("filters", Form::integer),
                                                      same("kernel_size", Form::integer),
                                                      same("strides", Form::integer),
                                                      same("padding", Form::window_1d),
                                                      same("output_padding", Form::integer),
                                                      same("dilation_rate", Form::integer),
                                                      same("activation", Form::activation),
                                                      same("use_bias", Form::boolean),
                                                      fixed("groups", "1"),
                                                      lacks("groups", "1"),
                                                      neutral("rank"),
                                                      read("data_format", R"("channels_last")")};
inline constexpr Option conv2d_options[] = {same("filters", Form::integer),
                                            same("kernel_size", Form::pair),
                                            same("strides", Form::pair),
                                            same("padding", Form::window),
                                            same("dilation_rate", Form::pair),
                                            same("groups", Form::integer, keras2 | keras3),
                                            lacks("groups", "1", tfjs),
                                            same("activation", Form::activation),
                                            same("use_bias", Form::boolean),
                                            neutral("rank"),
                                            read("data_format", R"("channels_last")")};
inline constexpr Option conv2d_transpose_options[] = {same("filters", Form::integer),
                                                      same("kernel_size", Form::pair),
                                                      same("strides", Form::pair),
                                                      same("padding", Form::window),
                                                      same("output_padding", Form::pair, keras2 | keras3),
                                                      lacks("output_padding", "null", tfjs),
                                                      same("dilation_rate", Form::pair, keras2 | keras3),
                                                      lacks("dilation_rate", "[1,1]", tfjs),
                                                      same("activation", Form::activation),
                                                      same("use_bias", Form::boolean),
                                                      fixed("groups", "1"),
                                                      lacks("groups", "1"),
                                                      neutral("rank"),
                                                      read("data_format", R"("channels_last")")};
inline constexpr Option conv3d_options[] = {same("filters", Form::integer),
                                            same("kernel_size", Form::triple),
                                            same("strides", Form::triple),
                                            same("padding", Form::window_3d),
                                            same("dilation_rate", Form::triple),
                                            same("groups", Form::integer, keras2 | keras3),
                                            lacks("groups", "1", tfjs),
                                            same("activation", Form::activation),
                                            same("use_bias", Form::boolean),
                                            neutral("rank"),
                                            read("data_format", R"("channels_last")")};
inline constexpr Option conv3d_transpose_options[] = {same("filters", Form::integer),
                                                      same("kernel_size", Form::triple),
                                                      same("strides", Form::triple),
                                                      same("padding", Form::window_3d),
                                                      same("output_padding", Form::triple, keras2 | keras3),
                                                      lacks("output_padding", "null", tfjs),
                                                      same("dilation_rate", Form::triple, keras2 | keras3),
                                                      lacks("dilation_rate", "[1,1,1]", tfjs),
                                                      same("activation", Form::activation),
                                                      same("use_bias", Form::boolean),
                                                      fixed("groups", "1"),
                                                      lacks("groups", "1"),
                                                      neutral("rank"),
                                                      read("data_format", R"("channels_last")")};
/// What layers of that number of axes share; `extents` and `around` are forms of their windows.
#define KEEL_CONV_LSTM_OPTIONS(extents, around)                                                                    \
  same("filters", Form::integer), same("kernel_size", extents), same("strides", extents), same("padding", around), \
      same("dilation_rate", extents), same("activation", Form::activation),                                        \
      same("recurrent_activation", Form::activation), same("use_bias", Form::boolean),                             \
      same("unit_forget_bias", Form::boolean), same("return_sequences", Form::boolean),                            \
      same("go_backwards", Form::boolean), {"dropout", {}, Use::noted, Form::text, "0.0 0", 0},                    \
      {"recurrent_dropout", {}, Use::noted, Form::text, "0.0 0", 0}, fixed("return_state", "false"),               \
      fixed("stateful", "false"), fixed("time_major", "false"), fixed("ragged", "false"),                          \
      fixed("data_format", R"("channels_last" null)"), neutral("zero_output_for_mask"), neutral("unroll"),         \
      neutral("implementation"), neutral("rank"), neutral("seed")
inline constexpr Option conv_lstm1d_options[] = {KEEL_CONV_LSTM_OPTIONS(Form::integer, Form::window_1d)};
inline constexpr Option conv_lstm2d_options[] = {KEEL_CONV_LSTM_OPTIONS(Form::pair, Form::window)};
inline constexpr Option conv_lstm3d_options[] = {KEEL_CONV_LSTM_OPTIONS(Form::triple, Form::window_3d)};
#undef KEEL_CONV_LSTM_OPTIONS
inline constexpr Option cropping1d_options[] = {same("cropping", Form::sides_1d)};
inline constexpr Option cropping2d_options[] = {same("cropping", Form::sides),
                                                read("data_format", R"("channels_last")")};
inline constexpr Option cropping3d_options[] = {same("cropping", Form::sides_3d),
                                                read("data_format", R"("channels_last")")};
inline constexpr Option dense_options[] = {same("units", Form::integer), same("activation", Form::activation),
                                           same("use_bias", Form::boolean), neutral("input_dim")};
inline constexpr Option depthwise_options[] = {same("kernel_size", Form::pair),
                                               same("strides", Form::pair),
                                               same("padding", Form::window),
                                               same("depth_multiplier", Form::integer),
                                               same("dilation_rate", Form::pair, keras2 | keras3),
                                               lacks("dilation_rate", "[1,1]", tfjs),
                                               same("activation", Form::activation),
                                               same("use_bias", Form::boolean),
                                               fixed("filters", "null"),
                                               fixed("groups", "1"),
                                               neutral("rank"),
                                               read("data_format", R"("channels_last")")};
inline constexpr Option depthwise1d_options[] = {same("kernel_size", Form::integer),
                                                 same("strides", Form::integer),
                                                 same("padding", Form::window_1d),
                                                 same("depth_multiplier", Form::integer),
                                                 same("dilation_rate", Form::integer),
                                                 same("activation", Form::activation),
                                                 same("use_bias", Form::boolean),
                                                 fixed("filters", "null"),
                                                 fixed("groups", "1"),
                                                 neutral("rank"),
                                                 read("data_format", R"("channels_last")")};
inline constexpr Option dot_options[] = {same("axes", Form::axes), same("normalize", Form::boolean)};
inline constexpr Option dropout_options[] = {same("rate", Form::number), fixed("noise_shape", "null"), neutral("seed")};
inline constexpr Option einsum_dense_options[] = {same("equation", Form::text),
                                                  same("output_shape", Form::open_extents),
                                                  same("bias_axes", Form::optional_text),
                                                  same("activation", Form::activation),
                                                  fixed("lora_rank", "null"),
                                                  fixed("lora_alpha", "null"),
                                                  fixed("gptq_unpacked_column_size", "null")};
inline constexpr Option elu_options[] = {same("alpha", Form::number, keras2 | keras3), lacks("alpha", "1", tfjs)};
inline constexpr Option embedding_options[] = {same("input_dim", Form::integer), same("output_dim", Form::integer),
                                               same("mask_zero", Form::boolean), neutral("input_length"),
                                               fixed("sparse", "false")};
inline constexpr Option equalization_options[] = {same("bins", Form::integer), same("value_range", Form::numbers),
                                                  neutral("data_format")};
inline constexpr Option flatten_options[] = {read("data_format", R"("channels_last")")};
inline constexpr Option gaussian_dropout_options[] = {same("rate", Form::number), neutral("seed")};
inline constexpr Option gaussian_noise_options[] = {same("stddev", Form::number), neutral("seed")};
inline constexpr Option global_pool_options[] = {same("keepdims", Form::boolean, keras2 | keras3),
                                                 lacks("keepdims", "false", tfjs),
                                                 read("data_format", R"("channels_last")")};
inline constexpr Option global_max_pool_options[] = {same("keepdims", Form::boolean, keras2 | keras3),
                                                     lacks("keepdims", "false", tfjs), kept("share_ties", "true"),
                                                     read("data_format", R"("channels_last")")};
/// What recurrent layers share. Several results and states that outlive a call keel does not have.
#define KEEL_RECURRENT_OPTIONS                                                                                         \
  same("units", Form::integer), same("activation", Form::activation), same("use_bias", Form::boolean),                 \
      same("dropout", Form::number), same("recurrent_dropout", Form::number), same("return_sequences", Form::boolean), \
      same("go_backwards", Form::boolean), same("zero_output_for_mask", Form::boolean, keras2 | keras3),               \
      lacks("zero_output_for_mask", "false", tfjs), fixed("return_state", "false"), fixed("stateful", "false"),        \
      fixed("time_major", "false"), fixed("ragged", "false"), neutral("unroll"), neutral("implementation"),            \
      neutral("use_cudnn"), neutral("input_length"), neutral("input_dim"), neutral("seed")
/// Older files do not say where the reset gate is: before the product.
inline constexpr Option gru_options[] = {
    KEEL_RECURRENT_OPTIONS,
    same("recurrent_activation", Form::activation),
    {"reset_after", "reset_after", Use::mapped, Form::boolean, {}, keras2 | keras3, "false"},
    {"reset_after", "reset_after", Use::mapped, Form::boolean, "false", tfjs, "false"}};
inline constexpr Option lstm_options[] = {KEEL_RECURRENT_OPTIONS, same("recurrent_activation", Form::activation),
                                          same("unit_forget_bias", Form::boolean)};
inline constexpr Option simple_rnn_options[] = {KEEL_RECURRENT_OPTIONS};
#undef KEEL_RECURRENT_OPTIONS
/// Keras 2's for GPUs: the activations are always the usual ones.
#define KEEL_CUDNN_OPTIONS                                                                                            \
  same("units", Form::integer), same("return_sequences", Form::boolean), same("go_backwards", Form::boolean),         \
      fixed("return_state", "false"), fixed("stateful", "false"), fixed("time_major", "false"), neutral("input_dim"), \
      neutral("input_length")
inline constexpr Option cudnn_lstm_options[] = {KEEL_CUDNN_OPTIONS, same("unit_forget_bias", Form::boolean)};
inline constexpr Option cudnn_gru_options[] = {
    KEEL_CUDNN_OPTIONS, {"reset_after", "reset_after", Use::mapped, Form::boolean, {}, keras2 | keras3, "true"}};
#undef KEEL_CUDNN_OPTIONS
inline constexpr Option masking_options[] = {same("mask_value", Form::number)};
/// Keras's rms_scaling is another layer than RMSNormalization.
inline constexpr Option layer_norm_options[] = {same("axis", Form::axes), same("epsilon", Form::number),
                                                same("center", Form::boolean), same("scale", Form::boolean),
                                                fixed("rms_scaling", "false")};
inline constexpr Option group_norm_options[] = {same("groups", Form::integer), same("epsilon", Form::number),
                                                same("center", Form::boolean), same("scale", Form::boolean),
                                                fixed("axis", "-1")};
inline constexpr Option rms_norm_options[] = {same("axis", Form::axes), same("epsilon", Form::number)};
inline constexpr Option unit_norm_options[] = {same("axis", Form::axes)};
/// What differs in the call stands in no configuration: a causal mask is kept for keel. Sizes of 0 are Keras's null.
inline constexpr Option attention_options[] = {same("num_heads", Form::integer),
                                               same("key_dim", Form::integer),
                                               same("value_dim", Form::integer),
                                               {"output_shape", "output_dim", Use::mapped, Form::optional_extent},
                                               same("use_bias", Form::boolean),
                                               lacks("use_causal_mask", "false"),
                                               {"dropout", {}, Use::noted, Form::text, "0.0 0", 0},
                                               fixed("attention_axes", "null [1] 1"),
                                               fixed("use_gate", "false"),
                                               fixed("sliding_window", "null"),
                                               neutral("flash_attention"),
                                               neutral("seed"),
                                               neutral("query_shape"),
                                               neutral("key_shape"),
                                               neutral("value_shape")};
inline constexpr Option group_query_options[] = {same("head_dim", Form::integer),
                                                 same("num_query_heads", Form::integer),
                                                 same("num_key_value_heads", Form::integer),
                                                 same("use_bias", Form::boolean),
                                                 lacks("use_causal_mask", "false"),
                                                 {"dropout", {}, Use::noted, Form::text, "0.0 0", 0},
                                                 neutral("flash_attention"),
                                                 neutral("seed")};
inline constexpr Option leaky_relu_options[] = {
    {"negative_slope", "negative_slope", Use::mapped, Form::number, {}, keras3},
    {"alpha", "negative_slope", Use::mapped, Form::number, {}, keras2 | tfjs}};
inline constexpr Option max_boxes_options[] = {same("max_number", Form::integer), same("fill_value", Form::integer),
                                               neutral("data_format")};
inline constexpr Option max_pool_options[] = {same("pool_size", Form::pair), same("strides", Form::pair),
                                              same("padding", Form::window), lacks("ceil_mode", "false"),
                                              read("data_format", R"("channels_last")")};
inline constexpr Option max_pool3d_options[] = {same("pool_size", Form::triple), same("strides", Form::triple),
                                                same("padding", Form::window_3d), lacks("ceil_mode", "false"),
                                                read("data_format", R"("channels_last")")};
inline constexpr Option max_pool1d_options[] = {same("pool_size", Form::integer), same("strides", Form::integer),
                                                same("padding", Form::window_1d), lacks("ceil_mode", "false"),
                                                read("data_format", R"("channels_last")")};
inline constexpr Option normalization_options[] = {same("axis", Form::axes), same("invert", Form::boolean),
                                                   same("mean", Form::numbers), same("variance", Form::numbers)};
inline constexpr Option permute_options[] = {same("dims", Form::extents)};
inline constexpr Option prelu_options[] = {same("shared_axes", Form::axes)};
inline constexpr Option aug_mix_options[] = {same("value_range", Form::numbers),
                                             same("num_chains", Form::integer),
                                             same("chain_depth", Form::integer),
                                             same("factor", Form::numbers),
                                             same("alpha", Form::numbers),
                                             same("all_ops", Form::boolean),
                                             same("interpolation", Form::text),
                                             neutral("seed"),
                                             neutral("data_format")};
inline constexpr Option cut_mix_options[] = {same("factor", Form::numbers), neutral("seed"), neutral("data_format")};
inline constexpr Option mix_up_options[] = {same("alpha", Form::numbers), neutral("seed"), neutral("data_format")};
inline constexpr Option rand_augment_options[] = {same("value_range", Form::numbers),
                                                  same("num_ops", Form::integer),
                                                  same("factor", Form::numbers),
                                                  same("interpolation", Form::text),
                                                  neutral("seed"),
                                                  neutral("data_format")};
inline constexpr Option random_brightness_options[] = {
    same("factor", Form::numbers), same("value_range", Form::numbers), neutral("seed"), neutral("data_format")};
inline constexpr Option random_color_degeneration_options[] = {
    same("factor", Form::numbers), same("value_range", Form::numbers), neutral("seed"), neutral("data_format")};
inline constexpr Option random_color_jitter_options[] = {same("value_range", Form::numbers),
                                                         same("brightness_factor", Form::numbers),
                                                         same("contrast_factor", Form::numbers),
                                                         same("saturation_factor", Form::numbers),
                                                         same("hue_factor", Form::numbers),
                                                         neutral("seed"),
                                                         neutral("data_format")};
inline constexpr Option random_crop_options[] = {same("height", Form::integer), same("width", Form::integer),
                                                 neutral("seed"), read("data_format", R"("channels_last")")};
inline constexpr Option random_elastic_transform_options[] = {same("factor", Form::numbers),
                                                              same("scale", Form::numbers),
                                                              same("interpolation", Form::text),
                                                              same("fill_mode", Form::text),
                                                              same("fill_value", Form::numbers),
                                                              same("value_range", Form::numbers),
                                                              neutral("seed"),
                                                              neutral("data_format")};
inline constexpr Option random_erasing_options[] = {same("factor", Form::numbers),
                                                    same("scale", Form::numbers),
                                                    same("value_range", Form::numbers),
                                                    noted("fill_value"),
                                                    neutral("seed"),
                                                    neutral("data_format")};
inline constexpr Option random_gaussian_blur_options[] = {same("factor", Form::numbers),
                                                          same("kernel_size", Form::numbers),
                                                          same("sigma", Form::numbers),
                                                          same("value_range", Form::numbers),
                                                          neutral("seed"),
                                                          neutral("data_format")};
inline constexpr Option random_grayscale_options[] = {same("factor", Form::numbers), neutral("seed"),
                                                      neutral("data_format")};
inline constexpr Option random_hue_options[] = {same("factor", Form::numbers), same("value_range", Form::numbers),
                                                neutral("seed"), neutral("data_format")};
inline constexpr Option random_invert_options[] = {same("factor", Form::numbers), same("value_range", Form::numbers),
                                                   neutral("seed"), neutral("data_format")};
inline constexpr Option random_perspective_options[] = {same("factor", Form::numbers),
                                                        same("scale", Form::numbers),
                                                        same("interpolation", Form::text),
                                                        same("fill_value", Form::numbers),
                                                        neutral("seed"),
                                                        neutral("data_format")};
inline constexpr Option random_posterization_options[] = {
    same("factor", Form::numbers), same("value_range", Form::numbers), neutral("seed"), neutral("data_format")};
inline constexpr Option random_saturation_options[] = {
    same("factor", Form::numbers), same("value_range", Form::numbers), neutral("seed"), neutral("data_format")};
inline constexpr Option random_sharpness_options[] = {same("factor", Form::numbers), same("value_range", Form::numbers),
                                                      neutral("seed"), neutral("data_format")};
inline constexpr Option random_shear_options[] = {
    same("x_factor", Form::numbers), same("y_factor", Form::numbers),   same("interpolation", Form::text),
    same("fill_mode", Form::text),   same("fill_value", Form::numbers), neutral("seed"),
    neutral("data_format")};
inline constexpr Option solarization_options[] = {
    same("addition_factor", Form::numbers), same("threshold_factor", Form::numbers), same("value_range", Form::numbers),
    neutral("seed"), neutral("data_format")};
/// Keras 2 has the causal mask here, Keras 3 in the call.
inline constexpr Option score_attention_options[] = {same("use_scale", Form::boolean),
                                                     {"dropout", {}, Use::noted, Form::text, "0.0 0", 0},
                                                     fixed("causal", "false"),
                                                     neutral("seed"),
                                                     fixed("score_mode", R"("dot")")};
inline constexpr Option random_contrast_options[] = {
    same("factor", Form::numbers), same("value_range", Form::numbers, keras3),
    lacks("value_range", "[0.0,255.0]", keras2), neutral("seed"), neutral("data_format")};
inline constexpr Option random_flip_options[] = {same("mode", Form::text), neutral("seed"), neutral("data_format")};
inline constexpr Option random_rotation_options[] = {same("factor", Form::numbers),
                                                     same("fill_mode", Form::text),
                                                     same("interpolation", Form::text),
                                                     same("fill_value", Form::number),
                                                     neutral("value_range"),
                                                     neutral("seed"),
                                                     neutral("data_format")};
inline constexpr Option random_zoom_options[] = {same("height_factor", Form::numbers),
                                                 same("width_factor", Form::numbers),
                                                 same("fill_mode", Form::text),
                                                 same("interpolation", Form::text),
                                                 same("fill_value", Form::number),
                                                 neutral("seed"),
                                                 neutral("data_format")};
inline constexpr Option relu_options[] = {same("max_value", Form::optional_number),
                                          same("negative_slope", Form::number, keras2 | keras3),
                                          same("threshold", Form::number, keras2 | keras3),
                                          lacks("negative_slope", "0", tfjs), lacks("threshold", "0", tfjs)};
inline constexpr Option thresholded_relu_options[] = {
    {"theta", "threshold", Use::mapped, Form::number, {}, any_keras, "1.0"}};
inline constexpr Option repeat_vector_options[] = {same("n", Form::integer)};
inline constexpr Option rescaling_options[] = {same("scale", Form::numbers), same("offset", Form::numbers),
                                               read("data_format")};
inline constexpr Option resizing_options[] = {same("height", Form::integer),
                                              same("width", Form::integer),
                                              same("interpolation", Form::text),
                                              fixed("crop_to_aspect_ratio", "false"),
                                              fixed("pad_to_aspect_ratio", "false"),
                                              fixed("antialias", "false"),
                                              neutral("fill_mode"),
                                              neutral("fill_value"),
                                              read("data_format", R"("channels_last")", keras3)};
inline constexpr Option reshape_options[] = {same("target_shape", Form::extents)};
inline constexpr Option separable_options[] = {same("filters", Form::integer),
                                               same("kernel_size", Form::pair),
                                               same("strides", Form::pair),
                                               same("padding", Form::window),
                                               same("dilation_rate", Form::pair),
                                               same("depth_multiplier", Form::integer),
                                               same("activation", Form::activation),
                                               same("use_bias", Form::boolean),
                                               fixed("groups", "1"),
                                               neutral("rank"),
                                               read("data_format", R"("channels_last")")};
inline constexpr Option separable1d_options[] = {same("filters", Form::integer),
                                                 same("kernel_size", Form::integer),
                                                 same("strides", Form::integer),
                                                 same("padding", Form::window_1d),
                                                 same("dilation_rate", Form::integer),
                                                 same("depth_multiplier", Form::integer),
                                                 same("activation", Form::activation),
                                                 same("use_bias", Form::boolean),
                                                 fixed("groups", "1"),
                                                 neutral("rank"),
                                                 read("data_format", R"("channels_last")")};
inline constexpr Option softmax_options[] = {same("axis", Form::axes, keras2 | keras3),
                                             {"axis", "axis", Use::mapped, Form::axes, "-1", tfjs}};
inline constexpr Option spatial_dropout_options[] = {same("rate", Form::number), fixed("noise_shape", "null"),
                                                     neutral("seed"), neutral("data_format")};
/// The layer inside takes its own steps: a mask of them it would not see.
inline constexpr Option time_distributed_options[] = {{"layer", "layer", Use::mapped, Form::layer}};
inline constexpr Option upsampling1d_options[] = {same("size", Form::integer)};
inline constexpr Option upsampling3d_options[] = {same("size", Form::triple),
                                                  read("data_format", R"("channels_last")")};
inline constexpr Option upsampling_options[] = {
    same("size", Form::pair),
    same("interpolation", Form::text, keras2 | keras3),
    {"interpolation", "interpolation", Use::fixed, Form::text, R"("nearest")", tfjs},
    read("data_format", R"("channels_last")")};
inline constexpr Option zero_padding1d_options[] = {same("padding", Form::sides_1d),
                                                    read("data_format", R"("channels_last")", keras3)};
inline constexpr Option zero_padding3d_options[] = {same("padding", Form::sides_3d),
                                                    read("data_format", R"("channels_last")")};
inline constexpr Option zero_padding_options[] = {same("padding", Form::sides),
                                                  read("data_format", R"("channels_last")")};

inline constexpr Option input_options[] = {
    read("batch_shape"),           read("batch_input_shape"),  neutral("dtype"),          fixed("sparse", "false"),
    fixed("ragged", "false null"), fixed("optional", "false"), fixed("type_spec", "null")};
inline constexpr Option sequential_options[] = {read("layers"), read("build_input_shape")};
inline constexpr Option pipeline_options[] = {read("layers")};
inline constexpr Option functional_options[] = {read("layers"), read("input_layers"), read("output_layers")};

inline constexpr Weight constant_weights[] = {{"value", "value"}};
inline constexpr Weight elementwise_weights[] = {{"constant", "constant"}};
inline constexpr Weight kernel_weights[] = {{"kernel", "kernel"}, {"bias", "bias"}};
inline constexpr Weight recurrent_weights[] = {
    {"kernel", "kernel"}, {"recurrent_kernel", "recurrent_kernel"}, {"bias", "bias"}};
inline constexpr Weight bidirectional_weights[] = {{"forward_kernel", "forward/kernel"},
                                                   {"forward_recurrent_kernel", "forward/recurrent_kernel"},
                                                   {"forward_bias", "forward/bias"},
                                                   {"backward_kernel", "backward/kernel"},
                                                   {"backward_recurrent_kernel", "backward/recurrent_kernel"},
                                                   {"backward_bias", "backward/bias"}};
inline constexpr Weight time_distributed_weights[] = {{"kernel", "kernel"},
                                                      {"depthwise_kernel", "depthwise_kernel"},
                                                      {"pointwise_kernel", "pointwise_kernel"},
                                                      {"bias", "bias"},
                                                      {"gamma", "gamma"},
                                                      {"beta", "beta"},
                                                      {"scale", "scale"},
                                                      {"moving_mean", "moving_mean"},
                                                      {"moving_variance", "moving_variance"},
                                                      {"alpha", "alpha"},
                                                      {"embeddings", "embeddings"},
                                                      {"query_kernel", "query/kernel"},
                                                      {"query_bias", "query/bias"},
                                                      {"key_kernel", "key/kernel"},
                                                      {"key_bias", "key/bias"},
                                                      {"value_kernel", "value/kernel"},
                                                      {"value_bias", "value/bias"},
                                                      {"output_kernel", "attention_output/kernel"},
                                                      {"output_bias", "attention_output/bias"},
                                                      {"constant", "constant"},
                                                      {"value", "value"},
                                                      {"mean", "mean"},
                                                      {"variance", "variance"}};
inline constexpr Weight scale_weights[] = {{"scale", "scale"}};
inline constexpr Weight embedding_weights[] = {{"embeddings", "embeddings"}};
inline constexpr Weight layer_norm_weights[] = {{"gamma", "gamma"}, {"beta", "beta"}};
inline constexpr Weight rms_norm_weights[] = {{"scale", "scale"}};
inline constexpr Weight attention_weights[] = {{"query_kernel", "query/kernel"},
                                               {"query_bias", "query/bias"},
                                               {"key_kernel", "key/kernel"},
                                               {"key_bias", "key/bias"},
                                               {"value_kernel", "value/kernel"},
                                               {"value_bias", "value/bias"},
                                               {"output_kernel", "attention_output/kernel"},
                                               {"output_bias", "attention_output/bias"}};
inline constexpr Weight dense_weights[] = {{"kernel", "kernel", "FO"}, {"bias", "bias"}};
inline constexpr Weight depthwise_weights[] = {{"kernel", "depthwise_kernel"}, {"bias", "bias"}};
inline constexpr Weight separable_weights[] = {
    {"depthwise_kernel", "depthwise_kernel"}, {"pointwise_kernel", "pointwise_kernel"}, {"bias", "bias"}};
inline constexpr Weight batch_norm_weights[] = {{"gamma", "gamma", "F"},
                                                {"beta", "beta", "F"},
                                                {"moving_mean", "moving_mean", "F"},
                                                {"moving_variance", "moving_variance", "F"}};
/// The last one, which keel does not have: how many values were seen. Older files do not have it either.
inline constexpr Weight normalization_weights[] = {{"mean", "mean", "F"}, {"variance", "variance", "F"}, {"", "count"}};
inline constexpr Weight prelu_weights[] = {{"alpha", "alpha", "S"}};

}  // namespace keras_data

}  // namespace dialects

}  // namespace KEEL_ABI
}  // namespace keel
