#pragma once

#include <keel/layers/base/global_pool2d.hpp>

namespace keel {
inline namespace KEEL_ABI {

/// y = the largest value of each channel over height and width; equal values and NaN as in MaxPool2D.
/// Shapes: GlobalPool2D. Keras: GlobalMaxPooling2D. PyTorch: AdaptiveMaxPool2d(1), with `keepdims`.
template <class T = float>
class GlobalMaxPool2D : public GlobalPool2D<T> {
 public:
  explicit GlobalMaxPool2D(GlobalPool2DOptions options = {}) : GlobalPool2D<T>(std::move(options)) {}
  static GlobalMaxPool2D from_config(const Config& config) {
    return GlobalMaxPool2D(read_options<GlobalPool2DOptions>(config));
  }

  std::string type() const override { return "GlobalMaxPooling2D"; }

  void forward(Inputs<T> x, TensorView<T> y, Pass<T>& pass) const override {
    const PoolGeometry g = geometry(x[0].shape());
    std::byte* winners = nullptr;
    if (pass.cache) {
      pass.cache->bytes.resize(static_cast<std::size_t>(max_pool_argmax_bytes<T>(g)));
      winners = pass.cache->bytes.data();
    }
    max_pool_forward(g, x[0].data(), y.data(), winners, pass.kernel);
  }
  void backward(Inputs<T> x, TensorView<const T>, TensorView<const T> dy, Outputs<T> dx, Pass<T>& pass) override {
    if (dx[0].data())
      max_pool_backward(geometry(x[0].shape()), dy.data(), pass.cache->bytes.data(), dx[0].data(), pass.kernel);
  }

 private:
  static PoolGeometry geometry(const Shape& in) { return global_pool_geometry(in[0], in[1], in[2], in[3]); }
};

KEEL_INSTANCE(class GlobalMaxPool2D<float>)

}  // namespace KEEL_ABI
}  // namespace keel
