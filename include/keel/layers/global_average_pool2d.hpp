#pragma once

#include <keel/layers/base/global_pool2d.hpp>

namespace keel {
inline namespace KEEL_ABI {

/// y = the mean of each channel over height and width. Shapes: GlobalPool2D.
/// Keras: GlobalAveragePooling2D. PyTorch: AdaptiveAvgPool2d(1), with `keepdims`.
template <class T = float>
class GlobalAveragePool2D : public GlobalPool2D<T> {
 public:
  explicit GlobalAveragePool2D(GlobalPool2DOptions options = {}) : GlobalPool2D<T>(std::move(options)) {}
  static GlobalAveragePool2D from_config(const Config& config) {
    return GlobalAveragePool2D(read_options<GlobalPool2DOptions>(config));
  }

  std::string type() const override { return "GlobalAveragePooling2D"; }

  void forward(Inputs<T> x, TensorView<T> y, Pass<T>& pass) const override {
    const Shape& in = x[0].shape();
    global_average_pool_forward(in[0], in[1] * in[2], in[3], x[0].data(), y.data(), pass.kernel);
  }
  void backward(Inputs<T> x, TensorView<const T>, TensorView<const T> dy, Outputs<T> dx, Pass<T>& pass) override {
    const Shape& in = x[0].shape();
    if (dx[0].data()) global_average_pool_backward(in[0], in[1] * in[2], in[3], dy.data(), dx[0].data(), pass.kernel);
  }
};

KEEL_INSTANCE(class GlobalAveragePool2D<float>)

}  // namespace KEEL_ABI
}  // namespace keel
