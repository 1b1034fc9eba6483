#pragma once

#include <keel/kernels/pool.hpp>
#include <keel/layers/base/layer.hpp>
#include <keel/layers/base/options.hpp>

namespace keel {
inline namespace KEEL_ABI {

struct GlobalPool2DOptions {
  /// Keep height and width as axes of extent 1 (PyTorch's AdaptiveAvgPool2d(1)).
  bool keepdims = false;
  std::string name = {};

  template <class F>
  void fields(F&& f) {
    f("keepdims", keepdims);
  }
};

/// Base of GlobalAveragePool2D and GlobalMaxPool2D: (batch, h, w, channels) to (batch, channels).
template <class T>
class GlobalPool2D : public Layer<T> {
 public:
  Config config() const override { return with_options({}, options_); }
  Shape output_shape(Shapes inputs) const override {
    const Shape& in = this->single_input(inputs, 3);
    if (in[0] * in[1] < 1) throw ShapeError(this->who(), "at least one pixel", in.to_string());
    return options_.keepdims ? Shape{1, 1, in[2]} : Shape{in[2]};
  }

 protected:
  explicit GlobalPool2D(GlobalPool2DOptions options) : Layer<T>(options.name), options_(std::move(options)) {}

 private:
  GlobalPool2DOptions options_;
};

KEEL_INSTANCE(class GlobalPool2D<float>)

}  // namespace KEEL_ABI
}  // namespace keel
