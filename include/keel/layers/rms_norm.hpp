#pragma once
/// Each sample over its root mean square along axes.

#include <keel/layers/base/affine_norm.hpp>

namespace keel {
inline namespace KEEL_ABI {

struct RMSNormOptions {
  /// The axis, or neighbouring axes taken together, over which the mean is taken. Counted with the batch, -1 is the
  /// last and the default.
  Axes axis = -1;
  /// Added to the mean square; default 1e-6.
  double epsilon = 1e-6;
  /// In the model; by default made from the class.
  std::string name = {};

  template <class F>
  void fields(F&& f) {
    f("axis", axis);
    f("epsilon", epsilon);
  }
};

/// y = scale x / sqrt(mean of x^2 + epsilon), the mean of each sample over `axis` (Zhang and Sennrich 2019), in double.
/// With x' = y / scale and g = scale dy: dx = (g - x' mean(g x')) / sqrt(mean of x^2 + epsilon).
///
/// Any shape; output as input. Parameter: scale, of the extents of `axis`, ones at first. Throws ConfigError for an
/// epsilon below 0, ShapeError for axes that the input does not have or that are no neighbours.
///
/// Keras: RMSNormalization, of Keras 3. PyTorch: RMSNorm since 2.4.
template <class T = float>
class RMSNorm : public AffineNorm<T> {
 public:
  explicit RMSNorm(RMSNormOptions options = {})
      : AffineNorm<T>(options.name, options.epsilon, false), options_(std::move(options)) {
    this->check_epsilon(this->who());
  }
  static RMSNorm from_config(const Config& config) { return RMSNorm(read_options<RMSNormOptions>(config)); }

  std::string type() const override { return "RMSNormalization"; }
  Config config() const override { return with_options({}, options_); }
  Shape output_shape(Shapes inputs) const override { return this->checked_along(options_.axis, inputs); }
  void build(Shapes inputs, Rng& rng) override {
    this->make_parameters("scale", nullptr, axes_shape(options_.axis, inputs[0]), Initializer::ones, Initializer::zeros,
                          rng);
  }

 private:
  typename AffineNorm<T>::Arrangement arrangement(const Shape& batch) const override {
    return this->along(options_.axis, batch);
  }

  RMSNormOptions options_;
};
KEEL_REFUSE_OTHERS(RMSNorm)

KEEL_INSTANCE(class RMSNorm<float>)

}  // namespace KEEL_ABI
}  // namespace keel
