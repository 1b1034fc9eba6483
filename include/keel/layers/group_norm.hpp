#pragma once
/// Normalisation of groups of channels of each sample.

#include <keel/layers/base/affine_norm.hpp>

namespace keel {
inline namespace KEEL_ABI {

struct GroupNormOptions {
  /// Parts of the channels that are normalised apart; default 32. -1: each channel (instance normalisation).
  Index groups = 32;
  /// Added to the variance; default 1e-3, Keras's. PyTorch has 1e-5.
  double epsilon = 1e-3;
  /// Whether beta is added; default true.
  bool center = true;
  /// Whether gamma is multiplied; default true.
  bool scale = true;
  /// Gamma's first values; default ones.
  InitializerSpec gamma_initializer = Initializer::ones;
  /// Beta's first values; default zeros.
  InitializerSpec beta_initializer = Initializer::zeros;
  /// In the model; by default made from the class.
  std::string name = {};

  template <class F>
  void fields(F&& f) {
    f("groups", groups);
    f("epsilon", epsilon);
    f("center", center);
    f("scale", scale);
    f("gamma_initializer", gamma_initializer);
    f("beta_initializer", beta_initializer);
  }
};

/// y = gamma (x - mean) / sqrt(variance + epsilon) + beta, mean and biased variance over all places and the channels of
/// a group, for each sample (Wu and He 2018), in double. The gradient is LayerNorm's.
///
/// Input (batch, ..., channels), output the same. Parameters: gamma, beta (channels). Throws ConfigError for groups of
/// 0 and below -1 and an epsilon below 0, ShapeError for channels that the groups do not divide.
///
/// Keras: GroupNormalization, along the last axis. PyTorch: GroupNorm; InstanceNorm with groups of -1.
///
///     GroupNorm({.groups = 8})
template <class T = float>
class GroupNorm : public AffineNorm<T> {
 public:
  explicit GroupNorm(GroupNormOptions options = {})
      : AffineNorm<T>(options.name, options.epsilon, true), options_(std::move(options)) {
    this->check_epsilon(this->who());
    if (options_.groups != -1) check_option(this->who(), "groups", options_.groups);
  }
  static GroupNorm from_config(const Config& config) { return GroupNorm(read_options<GroupNormOptions>(config)); }

  const GroupNormOptions& options() const { return options_; }

  std::string type() const override { return "GroupNormalization"; }
  Config config() const override { return with_options({}, options_); }
  Shape output_shape(Shapes inputs) const override {
    const Shape& in = this->single_input(inputs);
    if (in.rank() < 1 || in.size() < 1) throw ShapeError(this->who(), "at least one value", in.to_string());
    if (in.back() % groups(in) != 0)
      throw ShapeError(this->who(), "channels divisible by groups, " + std::to_string(groups(in)), in.to_string());
    this->check_parameters({in.back()}, in);
    return in;
  }
  void build(Shapes inputs, Rng& rng) override {
    this->make_parameters(options_.scale ? "gamma" : nullptr, options_.center ? "beta" : nullptr, {inputs[0].back()},
                          options_.gamma_initializer, options_.beta_initializer, rng);
  }

 private:
  Index groups(const Shape& in) const { return options_.groups == -1 ? in.back() : options_.groups; }
  typename AffineNorm<T>::Arrangement arrangement(const Shape& batch) const override {
    const Index count = groups(batch), part = batch.back() / count;
    const Index places = batch.sample().size() / batch.back();
    return {.rows = batch[0] * count,
            .columns = places * part,
            .features = batch.back(),
            .outer = batch[0],
            .inner = places,
            .groups = count,
            .part = part};
  }

  GroupNormOptions options_;
};
KEEL_REFUSE_OTHERS(GroupNorm)

KEEL_INSTANCE(class GroupNorm<float>)

}  // namespace KEEL_ABI
}  // namespace keel
