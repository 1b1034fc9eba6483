#pragma once
/// Vectors of length 1.

#include <cmath>

#include <keel/layers/base/axis.hpp>
#include <keel/layers/base/layer.hpp>
#include <keel/layers/base/row_norm.hpp>

namespace keel {
inline namespace KEEL_ABI {

struct UnitNormalizationOptions {
  /// The axis, or neighbouring axes taken together, along which vectors lie. Counted with the batch, -1 is the last and
  /// the default.
  Axes axis = -1;
  /// In the model; by default made from the class.
  std::string name = {};

  template <class F>
  void fields(F&& f) {
    f("axis", axis);
  }
};

/// y = x / sqrt(max(sum of x^2, 1e-24)), the sum of each sample along `axis`, in double. With r = y / x:
/// dx = r (dy - y sum of dy y), or r dy where the sum is below 1e-24.
///
/// Any shape; output as input. Throws ShapeError for axes that the input does not have or that are no neighbours.
/// Keras: UnitNormalization; versions before 2026 have 1e-12 for 1e-24, which differs for vectors shorter than 1e-6.
/// PyTorch: nn.functional.normalize.
template <class T = float>
class UnitNormalization : public Layer<T> {
 public:
  explicit UnitNormalization(UnitNormalizationOptions options = {})
      : Layer<T>(options.name), options_(std::move(options)) {}
  static UnitNormalization from_config(const Config& config) {
    return UnitNormalization(read_options<UnitNormalizationOptions>(config));
  }

  std::string type() const override { return "UnitNormalization"; }
  Config config() const override { return with_options({}, options_); }
  Shape output_shape(Shapes inputs) const override {
    const Shape& in = this->single_input(inputs);
    axis_block(*this, options_.axis, in);
    return in;
  }

  void forward(Inputs<T> x, TensorView<T> y, Pass<T>&) const override {
    for_each_vector(x[0].shape(), [&](Index at, Index stride, Index count) {
      const double r = scale(x[0].data() + at, stride, count).first;
      for (Index i = at; i < at + count * stride; i += stride) y[i] = static_cast<T>(static_cast<double>(x[0][i]) * r);
    });
  }
  void backward(Inputs<T> x, TensorView<const T> y, TensorView<const T> dy, Outputs<T> dx, Pass<T>&) override {
    if (!dx[0].data()) return;
    for_each_vector(x[0].shape(), [&](Index at, Index stride, Index count) {
      const auto [r, limited] = scale(x[0].data() + at, stride, count);
      const double along = detail::sum_of(count, [&](Index i) {
        return static_cast<double>(dy[at + i * stride]) * static_cast<double>(y[at + i * stride]);
      });
      for (Index i = at; i < at + count * stride; i += stride)
        dx[0][i] = static_cast<T>(r * (static_cast<double>(dy[i]) - (limited ? 0 : static_cast<double>(y[i]) * along)));
    });
  }

 private:
  /// 1 / length, and whether the length counts as 1e-12.
  static std::pair<double, bool> scale(const T* x, Index stride, Index count) {
    const double square = detail::sum_of(count, [&](Index i) {
      const auto value = static_cast<double>(x[i * stride]);
      return value * value;
    });
    return {1 / std::sqrt((std::max)(square, 1e-24)), square < 1e-24};
  }
  /// body(place of the first value, distance of the values, their number) for each vector.
  template <class F>
  void for_each_vector(const Shape& batch, F&& body) const {
    const AxisBlock block = axis_block(*this, options_.axis, batch.sample(), batch[0]);
    for (Index o = 0; o < block.outer; ++o)
      for (Index i = 0; i < block.inner; ++i) body(o * block.extent * block.inner + i, block.inner, block.extent);
  }

  UnitNormalizationOptions options_;
};
KEEL_REFUSE_OTHERS(UnitNormalization)

KEEL_INSTANCE(class UnitNormalization<float>)

}  // namespace KEEL_ABI
}  // namespace keel
