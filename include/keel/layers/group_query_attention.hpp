#pragma once
/// Attention whose heads share keys and values.

#include <keel/layers/multi_head_attention.hpp>

namespace keel {
inline namespace KEEL_ABI {

struct GroupQueryAttentionOptions {
  /// Whether numbers are added to queries, keys, values and outputs; default true.
  bool use_bias = true;
  /// Let no query see a later key; default false.
  bool use_causal_mask = false;
  /// The kernels' first values; default glorot_uniform.
  InitializerSpec kernel_initializer = Initializer::glorot_uniform;
  /// The biases' first values; default zeros.
  InitializerSpec bias_initializer = Initializer::zeros;
  /// In the model; by default made from the class.
  std::string name = {};

  template <class F>
  void fields(F&& f) {
    f("use_bias", use_bias);
    f("use_causal_mask", use_causal_mask);
    f("kernel_initializer", kernel_initializer);
    f("bias_initializer", bias_initializer);
  }
};

/// A MultiHeadAttention with fewer heads of keys and values than of queries (Ainslie et al. 2023): each is shared by
/// `num_query_heads / num_key_value_heads` heads of queries, one behind the other. All heads are `head_dim` wide, the
/// output is as wide as the query.
///
/// Inputs, output and errors as of MultiHeadAttention. Parameters: query_kernel (channels, num_query_heads, head_dim),
/// key_kernel and value_kernel (channels, num_key_value_heads, head_dim), output_kernel (num_query_heads, head_dim,
/// channels), each followed by its bias. Throws ConfigError for numbers out of range, and where the heads of the query
/// are no multiple of the others. Keras: GroupQueryAttention, without dropout. PyTorch: none in torch.nn.
///
///     Node y = model.add(GroupQueryAttention(16, 8, 2), {x, x});
template <class T = float>
class GroupQueryAttention : public MultiHeadAttention<T> {
 public:
  /// Heads of `head_dim` channels; every num_query_heads / num_key_value_heads of the query's share one key and value.
  GroupQueryAttention(Index head_dim, Index num_query_heads, Index num_key_value_heads,
                      GroupQueryAttentionOptions options = {})
      : MultiHeadAttention<T>((std::clamp)(num_query_heads, Index{1}, most), (std::clamp)(head_dim, Index{1}, most),
                              {.use_bias = options.use_bias,
                               .use_causal_mask = options.use_causal_mask,
                               .kernel_initializer = options.kernel_initializer,
                               .bias_initializer = options.bias_initializer,
                               .name = options.name}),
        sizes_{head_dim, num_query_heads, num_key_value_heads},
        options_(std::move(options)) {
    const std::string who = this->who();
    check_option(who, "head_dim", head_dim, 1, most);
    check_option(who, "num_query_heads", num_query_heads, 1, most);
    check_option(who, "num_key_value_heads", num_key_value_heads, 1, most);
    if (num_query_heads % num_key_value_heads != 0)
      throw ConfigError(who, "num_query_heads divisible by num_key_value_heads, " + std::to_string(num_key_value_heads),
                        std::to_string(num_query_heads));
    this->share_heads(num_key_value_heads);
  }
  static GroupQueryAttention from_config(const Config& config) {
    return GroupQueryAttention(config.get<Index>("head_dim", 0), config.get<Index>("num_query_heads", 0),
                               config.get<Index>("num_key_value_heads", 0),
                               read_options<GroupQueryAttentionOptions>(config));
  }

  const GroupQueryAttentionOptions& options() const { return options_; }

  std::string type() const override { return "GroupQueryAttention"; }
  Config config() const override {
    return with_options({{"head_dim", sizes_[0]}, {"num_query_heads", sizes_[1]}, {"num_key_value_heads", sizes_[2]}},
                        options_);
  }

 private:
  static constexpr Index most = Index{1} << 20;

  Index sizes_[3];  ///< as the constructor takes them
  GroupQueryAttentionOptions options_;
};
KEEL_REFUSE_OTHERS(GroupQueryAttention)

KEEL_INSTANCE(class GroupQueryAttention<float>)

}  // namespace KEEL_ABI
}  // namespace keel
