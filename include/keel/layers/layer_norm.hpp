#pragma once
/// Normalisation of each sample along axes.

#include <keel/layers/base/affine_norm.hpp>

namespace keel {
inline namespace KEEL_ABI {

struct LayerNormOptions {
  /// The axis, or neighbouring axes taken together, over which mean and variance are taken. Counted with the batch, -1
  /// is the last and the default.
  Axes axis = -1;
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

  /// PyTorch's epsilon.
  static LayerNormOptions torch() { return {.epsilon = 1e-5}; }

  template <class F>
  void fields(F&& f) {
    f("axis", axis);
    f("epsilon", epsilon);
    f("center", center);
    f("scale", scale);
    f("gamma_initializer", gamma_initializer);
    f("beta_initializer", beta_initializer);
  }
};

/// y = gamma (x - mean) / sqrt(variance + epsilon) + beta, mean and biased variance of each sample over `axis` (Ba et
/// al. 2016), in double. With x' normalised and g = gamma dy: dx = (g - mean(g) - x' mean(g x')) / sqrt(variance +
/// epsilon).
///
/// Any shape; output as input. Parameters: gamma, beta, of the extents of `axis`. Throws ConfigError for an epsilon
/// below 0, ShapeError for axes that the input does not have or that are no neighbours.
///
/// Keras: LayerNormalization. PyTorch: LayerNorm, over the last axes.
///
///     LayerNorm()      LayerNorm(LayerNormOptions::torch())
template <class T = float>
class LayerNorm : public AffineNorm<T> {
 public:
  explicit LayerNorm(LayerNormOptions options = {})
      : AffineNorm<T>(options.name, options.epsilon, true), options_(std::move(options)) {
    this->check_epsilon(this->who());
  }
  static LayerNorm from_config(const Config& config) { return LayerNorm(read_options<LayerNormOptions>(config)); }

  const LayerNormOptions& options() const { return options_; }

  std::string type() const override { return "LayerNormalization"; }
  Config config() const override { return with_options({}, options_); }
  Shape output_shape(Shapes inputs) const override { return this->checked_along(options_.axis, inputs); }
  void build(Shapes inputs, Rng& rng) override {
    this->make_parameters(options_.scale ? "gamma" : nullptr, options_.center ? "beta" : nullptr,
                          axes_shape(options_.axis, inputs[0]), options_.gamma_initializer, options_.beta_initializer,
                          rng);
  }

 private:
  typename AffineNorm<T>::Arrangement arrangement(const Shape& batch) const override {
    return this->along(options_.axis, batch);
  }

  LayerNormOptions options_;
};
KEEL_REFUSE_OTHERS(LayerNorm)

KEEL_INSTANCE(class LayerNorm<float>)

}  // namespace KEEL_ABI
}  // namespace keel
