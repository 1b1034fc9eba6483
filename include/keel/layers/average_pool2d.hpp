#pragma once
/// The mean of each window.

#include <keel/layers/base/pool2d.hpp>

namespace keel {
inline namespace KEEL_ABI {

struct AveragePool2DOptions {
  /// Rows and columns from one window to the next, in pixels; default 0, the pool's extents.
  Pair strides = 0;
  /// What surrounds the image (options.hpp); default valid, nothing.
  Padding padding = Padding::valid;
  /// Round the output's extents up (PyTorch); default false.
  bool ceil_mode = false;
  /// Divide by the cells of the padding too; default false, as Keras counts the image's cells only. PyTorch's is true.
  bool count_include_pad = false;
  /// In the model; by default made from the class.
  std::string name = {};

  template <class F>
  void fields(F&& f) {
    f("strides", strides);
    f("padding", padding);
    f("ceil_mode", ceil_mode);
    f("count_include_pad", count_include_pad);
  }
};

/// y = the mean of each window.
///
/// Input (batch, h, w, channels), output (batch, h', w', channels) with the extents of `sweeps` (options.hpp). Throws
/// ConfigError for numbers out of range and padding as large as the pool, ShapeError for an input of another rank or
/// smaller than the window. Keras: AveragePooling2D. PyTorch: AvgPool2d, with `count_include_pad`.
///
///     AveragePool2D()      AveragePool2D(3, {.strides = 2, .padding = 1, .count_include_pad = true})
template <class T = float>
class AveragePool2D : public Pool2D<T, AveragePool2DOptions> {
  using Base = Pool2D<T, AveragePool2DOptions>;

 public:
  explicit AveragePool2D(Pair pool_size = 2, AveragePool2DOptions options = {})
      : AveragePool2D("AveragePooling2D", pool_size, std::move(options), 2) {}
  static AveragePool2D from_config(const Config& config) {
    return AveragePool2D(Base::read_pool_size(config), read_options<AveragePool2DOptions>(config));
  }

  std::string type() const override { return "AveragePooling2D"; }

  void forward(Inputs<T> x, TensorView<T> y, Pass<T>& pass) const override {
    average_pool_forward(this->geometry(x[0]), divisor(), x[0].data(), y.data(), pass.kernel);
  }
  void backward(Inputs<T> x, TensorView<const T>, TensorView<const T> dy, Outputs<T> dx, Pass<T>& pass) override {
    if (dx[0].data()) average_pool_backward(this->geometry(x[0]), divisor(), dy.data(), dx[0].data(), pass.kernel);
  }

 protected:
  AveragePool2D(const std::string& type, Pair pool_size, AveragePool2DOptions options, Index axes)
      : Base(type, pool_size, std::move(options), axes) {}

 private:
  PoolDivisor divisor() const {
    return this->options().count_include_pad ? PoolDivisor::with_padding : PoolDivisor::real_cells;
  }
};
KEEL_REFUSE_OTHERS(AveragePool2D)

KEEL_INSTANCE(class Pool2D<float, AveragePool2DOptions>)
KEEL_INSTANCE(class AveragePool2D<float>)

}  // namespace KEEL_ABI
}  // namespace keel
