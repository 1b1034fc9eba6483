#pragma once
/// The largest value of each window.

#include <keel/layers/base/pool2d.hpp>

namespace keel {
inline namespace KEEL_ABI {

struct MaxPool2DOptions {
  /// Rows and columns from one window to the next, in pixels; default 0, the pool's extents.
  Pair strides = 0;
  /// What surrounds the image (options.hpp); default valid, nothing.
  Padding padding = Padding::valid;
  /// Round the output's extents up (PyTorch); default false.
  bool ceil_mode = false;
  /// In the model; by default made from the class.
  std::string name = {};

  template <class F>
  void fields(F&& f) {
    f("strides", strides);
    f("padding", padding);
    f("ceil_mode", ceil_mode);
  }
};

/// y = the largest value of each window. Padding never wins, NaN wins over everything, and the first of equal values,
/// row by row, gets the gradient: so do PyTorch and TensorFlow.js, and TensorFlow on the CPU by its source.
///
/// Input (batch, h, w, channels), output (batch, h', w', channels) with the extents of `sweeps` (options.hpp). Throws
/// ConfigError for numbers out of range and padding as large as the pool, ShapeError for an input of another rank or
/// smaller than the window. Keras: MaxPooling2D. PyTorch: MaxPool2d.
///
///     MaxPool2D()      MaxPool2D(3, {.strides = 2, .padding = Padding::same})
template <class T = float>
class MaxPool2D : public Pool2D<T, MaxPool2DOptions> {
  using Base = Pool2D<T, MaxPool2DOptions>;

 public:
  explicit MaxPool2D(Pair pool_size = 2, MaxPool2DOptions options = {})
      : MaxPool2D("MaxPooling2D", pool_size, std::move(options), 2) {}
  static MaxPool2D from_config(const Config& config) {
    return MaxPool2D(Base::read_pool_size(config), read_options<MaxPool2DOptions>(config));
  }

  std::string type() const override { return "MaxPooling2D"; }

  void forward(Inputs<T> x, TensorView<T> y, Pass<T>& pass) const override {
    const PoolGeometry g = this->geometry(x[0]);
    std::byte* winners = nullptr;
    if (pass.cache) {
      pass.cache->bytes.resize(static_cast<std::size_t>(max_pool_argmax_bytes<T>(g)));
      winners = pass.cache->bytes.data();
    }
    max_pool_forward(g, x[0].data(), y.data(), winners, pass.kernel);
  }
  void backward(Inputs<T> x, TensorView<const T>, TensorView<const T> dy, Outputs<T> dx, Pass<T>& pass) override {
    if (dx[0].data())
      max_pool_backward(this->geometry(x[0]), dy.data(), pass.cache->bytes.data(), dx[0].data(), pass.kernel);
  }

 protected:
  MaxPool2D(const std::string& type, Pair pool_size, MaxPool2DOptions options, Index axes)
      : Base(type, pool_size, std::move(options), axes) {}
};
KEEL_REFUSE_OTHERS(MaxPool2D)

KEEL_INSTANCE(class Pool2D<float, MaxPool2DOptions>)
KEEL_INSTANCE(class MaxPool2D<float>)

}  // namespace KEEL_ABI
}  // namespace keel
