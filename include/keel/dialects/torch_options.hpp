#pragma once
/// The options and weights of keel's classes in PyTorch, for the rows of torch.hpp.

#include <keel/dialects/torch_module.hpp>

namespace keel {
inline namespace KEEL_ABI {

namespace dialects {

// Options. An empty key: no argument of its own; a module behind it, or what a state dict brings anyway.

/// Options of what happens in training only, which neither keel nor the code does.
inline constexpr Option torch_inference_only_options[] = {{"", "l1", Use::neutral},
                                                          {"", "l2", Use::neutral},
                                                          {"", "factor", Use::neutral},
                                                          {"", "height_factor", Use::neutral},
                                                          {"", "width_factor", Use::neutral},
                                                          {"", "mode", Use::neutral},
                                                          {"", "fill_mode", Use::neutral},
                                                          {"", "bins", Use::neutral},
                                                          {"", "height", Use::neutral},
                                                          {"", "max_number", Use::neutral},
                                                          {"", "width", Use::neutral},
                                                          {"", "fill_value", Use::neutral},
                                                          {"", "interpolation", Use::neutral},
                                                          {"", "value_range", Use::neutral},
                                                          {"", "addition_factor", Use::neutral},
                                                          {"", "all_ops", Use::neutral},
                                                          {"", "alpha", Use::neutral},
                                                          {"", "brightness_factor", Use::neutral},
                                                          {"", "chain_depth", Use::neutral},
                                                          {"", "contrast_factor", Use::neutral},
                                                          {"", "hue_factor", Use::neutral},
                                                          {"", "kernel_size", Use::neutral},
                                                          {"", "num_chains", Use::neutral},
                                                          {"", "num_ops", Use::neutral},
                                                          {"", "saturation_factor", Use::neutral},
                                                          {"", "scale", Use::neutral},
                                                          {"", "sigma", Use::neutral},
                                                          {"", "threshold_factor", Use::neutral},
                                                          {"", "x_factor", Use::neutral},
                                                          {"", "y_factor", Use::neutral}};
inline constexpr Option torch_gaussian_noise_options[] = {{"", "stddev", Use::read, Form::number}};
inline constexpr Option torch_resizing_options[] = {
    {"", "height", Use::read}, {"", "width", Use::read}, {"", "interpolation", Use::read, Form::text}};
inline constexpr Option torch_center_crop_options[] = {{"", "height", Use::read}, {"", "width", Use::read}};
inline constexpr Option torch_auto_contrast_options[] = {{"", "value_range", Use::read, Form::numbers}};
inline constexpr Option torch_einsum_dense_options[] = {{"", "equation", Use::read, Form::text},
                                                        {"", "output_shape", Use::read, Form::extents},
                                                        {"", "bias_axes", Use::read, Form::text},
                                                        {"", "activation", Use::read, Form::activation},
                                                        {"", "activation_alpha", Use::read, Form::number},
                                                        {"", "kernel_initializer", Use::neutral},
                                                        {"", "bias_initializer", Use::neutral}};
inline constexpr Option torch_activation_options[] = {{"", "activation", Use::read, Form::activation},
                                                      {"", "activation_alpha", Use::read, Form::number}};
inline constexpr Option torch_dot_options[] = {{"", "axes", Use::read, Form::axes},
                                               {"", "normalize", Use::read, Form::boolean}};
inline constexpr Option torch_conv2d_options[] = {{"out_channels", "filters", Use::read},
                                                  {"kernel_size", "kernel_size", Use::read, Form::pair},
                                                  {"stride", "strides", Use::mapped, Form::pair},
                                                  {"padding", "padding", Use::read, Form::window},
                                                  {"dilation", "dilation_rate", Use::mapped, Form::pair},
                                                  {"groups", "groups", Use::mapped, Form::integer, "1"},
                                                  {"bias", "use_bias", Use::mapped, Form::boolean, "True"},
                                                  {"", "depth_multiplier", Use::read},
                                                  {"", "activation", Use::read, Form::activation},
                                                  {"", "activation_alpha", Use::read, Form::number},
                                                  {"", "kernel_initializer", Use::neutral},
                                                  {"", "depthwise_initializer", Use::neutral},
                                                  {"", "pointwise_initializer", Use::neutral},
                                                  {"", "bias_initializer", Use::neutral}};
inline constexpr Option torch_conv2d_transpose_options[] = {{"out_channels", "filters", Use::read},
                                                            {"kernel_size", "kernel_size", Use::read, Form::pair},
                                                            {"stride", "strides", Use::mapped, Form::pair},
                                                            {"padding", "padding", Use::read, Form::window},
                                                            {"output_padding", "output_padding", Use::read, Form::pair},
                                                            {"bias", "use_bias", Use::mapped, Form::boolean, "True"},
                                                            {"groups", "groups", Use::mapped, Form::integer, "1"},
                                                            {"dilation", "dilation_rate", Use::mapped, Form::pair},
                                                            {"", "activation", Use::read, Form::activation},
                                                            {"", "activation_alpha", Use::read, Form::number},
                                                            {"", "kernel_initializer", Use::neutral},
                                                            {"", "bias_initializer", Use::neutral}};
inline constexpr Option torch_dense_options[] = {{"out_features", "units", Use::read},
                                                 {"bias", "use_bias", Use::mapped, Form::boolean, "True"},
                                                 {"", "activation", Use::read, Form::activation},
                                                 {"", "activation_alpha", Use::read, Form::number},
                                                 {"", "kernel_initializer", Use::neutral},
                                                 {"", "bias_initializer", Use::neutral}};
inline constexpr Option torch_batch_norm_options[] = {{"", "axis", Use::read, Form::axis},
                                                      {"eps", "epsilon", Use::mapped, Form::number},
                                                      {"momentum", "momentum", Use::read, Form::number},     // 1 - it
                                                      {"momentum", "cumulative", Use::read, Form::boolean},  // None
                                                      {"affine", "scale", Use::read, Form::boolean},
                                                      {"affine", "center", Use::read, Form::boolean},
                                                      {"", "unbiased", Use::noted, Form::boolean, "true"},
                                                      {"", "allow_single_value", Use::neutral, Form::boolean},
                                                      {"", "synchronized", Use::read, Form::boolean},
                                                      {"", "gamma_initializer", Use::neutral},
                                                      {"", "beta_initializer", Use::neutral},
                                                      {"", "moving_mean_initializer", Use::neutral},
                                                      {"", "moving_variance_initializer", Use::neutral}};
inline constexpr Option torch_pool_options[] = {
    {"kernel_size", "pool_size", Use::read, Form::pair},
    {"stride", "strides", Use::mapped, Form::pair},
    {"padding", "padding", Use::read, Form::window},
    {"ceil_mode", "ceil_mode", Use::mapped, Form::boolean, "False"},
    {"count_include_pad", "count_include_pad", Use::mapped, Form::boolean, "True"}};
inline constexpr Option torch_adaptive_pool_options[] = {{"output_size", "output_size", Use::read}};
inline constexpr Option torch_global_pool_options[] = {{"", "share_ties", Use::noted, Form::boolean, "false"},
                                                       {"", "keepdims", Use::read, Form::boolean}};
inline constexpr Option torch_prelu_options[] = {{"num_parameters", "shared_axes", Use::read, Form::axes},
                                                 {"", "alpha_initializer", Use::neutral}};
inline constexpr Option torch_relu_options[] = {{"", "max_value", Use::read, Form::optional_number},
                                                {"negative_slope", "negative_slope", Use::read, Form::number},
                                                {"", "threshold", Use::read, Form::number}};
inline constexpr Option torch_leaky_relu_options[] = {{"negative_slope", "negative_slope", Use::read, Form::number}};
inline constexpr Option torch_elu_options[] = {{"alpha", "alpha", Use::read, Form::number}};
inline constexpr Option torch_softmax_options[] = {{"dim", "axis", Use::read, Form::axes}};
inline constexpr Option torch_concatenate_options[] = {{"dim", "axis", Use::read, Form::axis}};
inline constexpr Option torch_dropout_options[] = {{"p", "rate", Use::read, Form::number}};
inline constexpr Option torch_reshape_options[] = {{"", "target_shape", Use::read, Form::extents}};
inline constexpr Option torch_normalization_options[] = {{"", "axis", Use::read, Form::axes},
                                                         {"", "mean", Use::read, Form::numbers},
                                                         {"", "variance", Use::read, Form::numbers},
                                                         {"", "invert", Use::read, Form::boolean}};
inline constexpr Option torch_rescaling_options[] = {{"", "scale", Use::read, Form::numbers},
                                                     {"", "offset", Use::read, Form::numbers}};
inline constexpr Option torch_upsampling2d_options[] = {{"scale_factor", "size", Use::read, Form::pair},
                                                        {"mode", "interpolation", Use::read, Form::text}};
inline constexpr Option torch_zero_padding2d_options[] = {{"padding", "padding", Use::read, Form::sides}};
inline constexpr Option torch_recurrent_options[] = {{"", "layer", Use::read, Form::text},
                                                     {"", "merge_mode", Use::read, Form::text},
                                                     {"hidden_size", "units", Use::read},
                                                     {"", "activation", Use::read, Form::activation},
                                                     {"", "activation_alpha", Use::read, Form::number},
                                                     {"", "recurrent_activation", Use::read, Form::activation},
                                                     {"", "recurrent_activation_alpha", Use::read, Form::number},
                                                     {"bias", "use_bias", Use::mapped, Form::boolean, "True"},
                                                     {"", "kernel_initializer", Use::neutral},
                                                     {"", "recurrent_initializer", Use::neutral},
                                                     {"", "bias_initializer", Use::neutral},
                                                     {"", "unit_forget_bias", Use::neutral},
                                                     {"", "reset_after", Use::read, Form::boolean},
                                                     {"", "dropout", Use::read, Form::number},
                                                     {"", "recurrent_dropout", Use::read, Form::number},
                                                     {"", "return_sequences", Use::read, Form::boolean},
                                                     {"", "go_backwards", Use::read, Form::boolean},
                                                     {"", "zero_output_for_mask", Use::read, Form::boolean}};
inline constexpr Option torch_embedding_options[] = {{"num_embeddings", "input_dim", Use::read},
                                                     {"embedding_dim", "output_dim", Use::read},
                                                     {"", "mask_zero", Use::neutral, Form::boolean},
                                                     {"", "embeddings_initializer", Use::neutral}};
inline constexpr Option torch_masking_options[] = {{"", "mask_value", Use::read, Form::number}};
inline constexpr Option torch_norm_options[] = {{"", "axis", Use::read, Form::axes},
                                                {"num_groups", "groups", Use::read},
                                                {"eps", "epsilon", Use::mapped, Form::number},
                                                {"affine", "scale", Use::read, Form::boolean},
                                                {"affine", "center", Use::read, Form::boolean},
                                                {"", "gamma_initializer", Use::neutral},
                                                {"", "beta_initializer", Use::neutral}};
inline constexpr Option torch_attention_options[] = {{"num_heads", "num_heads", Use::read},
                                                     {"", "head_dim", Use::read},
                                                     {"", "num_query_heads", Use::read},
                                                     {"", "num_key_value_heads", Use::read},
                                                     {"", "key_dim", Use::read},
                                                     {"", "value_dim", Use::read},
                                                     {"", "output_dim", Use::read},
                                                     {"bias", "use_bias", Use::read, Form::boolean},
                                                     {"", "use_causal_mask", Use::read, Form::boolean},
                                                     {"", "kernel_initializer", Use::neutral},
                                                     {"", "bias_initializer", Use::neutral}};
inline constexpr Option torch_cropping_options[] = {{"padding", "cropping", Use::read, Form::sides}};
inline constexpr Option torch_permute_options[] = {{"", "dims", Use::read, Form::extents}};
inline constexpr Option torch_repeat_vector_options[] = {{"", "n", Use::read}};

// Of classes that PyTorch lacks: read by the refusal.

inline constexpr Option torch_constant_options[] = {{"", "shape", Use::read}, {"", "trainable", Use::read}};
inline constexpr Option torch_conv_lstm_options[] = {{"", "filters", Use::read},
                                                     {"", "kernel_size", Use::read},
                                                     {"", "strides", Use::read},
                                                     {"", "padding", Use::read},
                                                     {"", "dilation_rate", Use::read},
                                                     {"", "activation", Use::read},
                                                     {"", "activation_alpha", Use::read},
                                                     {"", "recurrent_activation", Use::read},
                                                     {"", "recurrent_activation_alpha", Use::read},
                                                     {"", "use_bias", Use::read},
                                                     {"", "return_sequences", Use::read},
                                                     {"", "go_backwards", Use::read},
                                                     {"", "kernel_initializer", Use::neutral},
                                                     {"", "recurrent_initializer", Use::neutral},
                                                     {"", "bias_initializer", Use::neutral},
                                                     {"", "unit_forget_bias", Use::neutral}};
inline constexpr Weight torch_conv_lstm_weights[] = {
    {"kernel", "kernel"}, {"recurrent_kernel", "recurrent_kernel"}, {"bias", "bias"}};
inline constexpr Option torch_time_distributed_options[] = {{"", "layer", Use::read}};
inline constexpr Weight torch_time_distributed_weights[] = {{"kernel", "kernel"},
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
                                                            {"query_kernel", "query_kernel"},
                                                            {"query_bias", "query_bias"},
                                                            {"key_kernel", "key_kernel"},
                                                            {"key_bias", "key_bias"},
                                                            {"value_kernel", "value_kernel"},
                                                            {"value_bias", "value_bias"},
                                                            {"output_kernel", "output_kernel"},
                                                            {"output_bias", "output_bias"},
                                                            {"constant", "constant"},
                                                            {"value", "value"},
                                                            {"mean", "mean"},
                                                            {"variance", "variance"}};
inline constexpr Option torch_score_attention_options[] = {{"", "use_scale", Use::read, Form::boolean}};
inline constexpr Weight torch_scale_weights[] = {{"scale", "scale"}};
inline constexpr Weight torch_constant_weights[] = {{"value", "value"}};
inline constexpr Option torch_elementwise_options[] = {{"", "function", Use::read},       {"", "scalar", Use::read},
                                                       {"", "position", Use::read},       {"", "numbers", Use::read},
                                                       {"", "constant_shape", Use::read}, {"", "trainable", Use::read}};
inline constexpr Weight torch_elementwise_weights[] = {{"constant", "constant"}};
inline constexpr Option torch_gather_options[] = {{"", "indices", Use::read}, {"", "axis", Use::read}};
inline constexpr Option torch_pad_options[] = {
    {"", "sides", Use::read}, {"", "mode", Use::read}, {"", "value", Use::read}};
inline constexpr Option torch_reduce_options[] = {
    {"", "function", Use::read}, {"", "axes", Use::read}, {"", "keepdims", Use::read}};
inline constexpr Option torch_slice_options[] = {
    {"", "starts", Use::read}, {"", "ends", Use::read}, {"", "axes", Use::read}, {"", "steps", Use::read}};
inline constexpr Option torch_matmul_options[] = {{"", "transpose_a", Use::read}, {"", "transpose_b", Use::read}};
inline constexpr Option torch_tile_options[] = {{"", "repeats", Use::read}};

// Weights: keel's axes and PyTorch's. I first in keel's: one row for each feature that goes in.

inline constexpr Weight torch_conv2d_weights[] = {{"kernel", "weight", "HWIO", "OIHW"}, {"bias", "bias"}};
inline constexpr Weight torch_conv3d_weights[] = {{"kernel", "weight", "DHWIO", "OIDHW"}, {"bias", "bias"}};
inline constexpr Weight torch_conv1d_weights[] = {{"kernel", "weight", "WIO", "OIW"}, {"bias", "bias"}};
/// A second bias is added to the first; see io/torch/recurrent.hpp.
inline constexpr Weight torch_recurrent_weights[] = {{"kernel", "weight_ih_l0", "IO", "OI"},
                                                     {"recurrent_kernel", "weight_hh_l0", "IO", "OI"},
                                                     {"bias", "bias_ih_l0"},
                                                     {"second_bias", "bias_hh_l0"}};
inline constexpr Weight torch_bidirectional_weights[] = {
    {"forward_kernel", "weight_ih_l0", "IO", "OI"},
    {"forward_recurrent_kernel", "weight_hh_l0", "IO", "OI"},
    {"forward_bias", "bias_ih_l0"},
    {"second_bias", "bias_hh_l0"},
    {"backward_kernel", "weight_ih_l0_reverse", "IO", "OI"},
    {"backward_recurrent_kernel", "weight_hh_l0_reverse", "IO", "OI"},
    {"backward_bias", "bias_ih_l0_reverse"},
    {"second_bias", "bias_hh_l0_reverse"}};
inline constexpr TorchConstant torch_recurrent_constants[] = {{"second_bias", 0}};
inline constexpr Weight torch_embedding_weights[] = {{"embeddings", "weight"}};
inline constexpr Weight torch_norm_weights[] = {{"gamma", "weight"}, {"beta", "bias"}};
inline constexpr Weight torch_rms_norm_weights[] = {{"scale", "weight"}};
/// As Keras has them: no module of torch.nn has a head's width of its own.
inline constexpr Weight torch_attention_weights[] = {
    {"query_kernel", "query_kernel"},   {"query_bias", "query_bias"},     {"key_kernel", "key_kernel"},
    {"key_bias", "key_bias"},           {"value_kernel", "value_kernel"}, {"value_bias", "value_bias"},
    {"output_kernel", "output_kernel"}, {"output_bias", "output_bias"}};
inline constexpr Weight torch_depthwise1d_weights[] = {{"kernel", "weight", "WCM", "(CM)1W"}, {"bias", "bias"}};
inline constexpr Weight torch_separable1d_weights[] = {
    {"depthwise_kernel", "weight", "WCM", "(CM)1W"}, {"pointwise_kernel", "weight", "WIO", "OIW"}, {"bias", "bias"}};
inline constexpr Weight torch_transpose1d_weights[] = {{"kernel", "weight", "WOI", "IOW"}, {"bias", "bias"}};
inline constexpr Weight torch_transpose3d_weights[] = {{"kernel", "weight", "DHWOI", "IODHW"}, {"bias", "bias"}};
inline constexpr Weight torch_einsum_dense_weights[] = {{"kernel", "kernel"}, {"bias", "bias"}};
inline constexpr Weight torch_depthwise_weights[] = {{"kernel", "weight", "HWCM", "(CM)1HW"}, {"bias", "bias"}};
inline constexpr Weight torch_separable_weights[] = {{"depthwise_kernel", "weight", "HWCM", "(CM)1HW"},
                                                     {"pointwise_kernel", "weight", "HWIO", "OIHW"},
                                                     {"bias", "bias"}};
inline constexpr Weight torch_transpose_weights[] = {{"kernel", "weight", "HWOI", "IOHW"}, {"bias", "bias"}};
inline constexpr Weight torch_dense_weights[] = {{"kernel", "weight", "IO", "OI"}, {"bias", "bias"}};
inline constexpr Weight torch_batch_norm_weights[] = {{"gamma", "weight", "I", "I"},
                                                      {"beta", "bias", "I", "I"},
                                                      {"moving_mean", "running_mean", "I", "I"},
                                                      {"moving_variance", "running_var", "I", "I"}};
inline constexpr Weight torch_normalization_weights[] = {{"mean", "running_mean", "I", "I"},
                                                         {"variance", "running_var", "I", "I"}};
inline constexpr TorchConstant torch_batch_norm_constants[] = {{"gamma", 1}, {"beta", 0}};
inline constexpr Weight torch_prelu_weights[] = {{"alpha", "weight", "I", "I"},     {"alpha", "weight", "WC", "CW"},
                                                 {"alpha", "weight", "HWC", "CHW"}, {"alpha", "weight", "DHWC", "CDHW"},
                                                 {"alpha", "weight", "1C", "C"},    {"alpha", "weight", "11C", "C"},
                                                 {"alpha", "weight", "111C", "C"}};

}  // namespace dialects

}  // namespace KEEL_ABI
}  // namespace keel
