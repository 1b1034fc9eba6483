#pragma once
/// The mean of each channel.

#include <keel/layers/base/global_pool2d.hpp>

namespace keel {
inline namespace KEEL_ABI {

struct GlobalAveragePool2DOptions {
  /// Keep height and width as axes of extent 1 (PyTorch's AdaptiveAvgPool2d(1)); default false.
  bool keepdims = false;
  /// In the model; by default made from the class.
  std::string name = {};

  template <class F>
  void fields(F&& f) {
    f("keepdims", keepdims);
  }
};

/// y = the mean of each channel over height and width, summed in double.
///
/// Input (batch, h, w, channels), output (batch, channels), or (batch, 1, 1, channels). Throws ShapeError for an input
/// of another rank or without pixels. Keras: GlobalAveragePooling2D. PyTorch: AdaptiveAvgPool2d(1), with `keepdims`.
template <class T = float>
class GlobalAveragePool2D : public GlobalPool2D<T, GlobalAveragePool2DOptions> {
  using Base = GlobalPool2D<T, GlobalAveragePool2DOptions>;

 public:
  explicit GlobalAveragePool2D(GlobalAveragePool2DOptions options = {}) : Base(std::move(options), 2) {}
  static GlobalAveragePool2D from_config(const Config& config) {
    return GlobalAveragePool2D(read_options<GlobalAveragePool2DOptions>(config));
  }

  std::string type() const override { return "GlobalAveragePooling2D"; }

  void forward(Inputs<T> x, TensorView<T> y, Pass<T>& pass) const override {
    const Shape& in = x[0].shape();
    global_average_pool_forward(in[0], this->cells(in), in.back(), x[0].data(), y.data(), pass.kernel);
  }
  void backward(Inputs<T> x, TensorView<const T>, TensorView<const T> dy, Outputs<T> dx, Pass<T>& pass) override {
    const Shape& in = x[0].shape();
    if (dx[0].data())
      global_average_pool_backward(in[0], this->cells(in), in.back(), dy.data(), dx[0].data(), pass.kernel);
  }

 protected:
  GlobalAveragePool2D(GlobalAveragePool2DOptions options, Index axes) : Base(std::move(options), axes) {}
};
KEEL_REFUSE_OTHERS(GlobalAveragePool2D)

KEEL_INSTANCE(class GlobalPool2D<float, GlobalAveragePool2DOptions>)
KEEL_INSTANCE(class GlobalAveragePool2D<float>)

}  // namespace KEEL_ABI
}  // namespace keel
