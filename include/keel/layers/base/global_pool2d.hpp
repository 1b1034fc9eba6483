#pragma once
/// Base of the layers that reduce an image to one value a channel.

#include <keel/kernels/pool.hpp>
#include <keel/layers/base/layer.hpp>
#include <keel/layers/base/options.hpp>

namespace keel {
inline namespace KEEL_ABI {

/// Base of GlobalAveragePool2D and GlobalMaxPool2D: (batch, h, w, channels) to (batch, channels), or with the option
/// keepdims to (batch, 1, 1, channels). Throws ShapeError for another rank and for images without pixels.
template <class T, class Options>
class GlobalPool2D : public Layer<T> {
 public:
  const Options& options() const { return options_; }
  Config config() const override { return with_options({}, options_); }
  Shape output_shape(Shapes inputs) const override {
    const Shape& in = this->single_input(inputs, 3);
    if (in[0] * in[1] < 1) throw ShapeError(this->who(), "at least one pixel", in.to_string());
    return options_.keepdims ? Shape{1, 1, in[2]} : Shape{in[2]};
  }

 protected:
  explicit GlobalPool2D(Options options) : Layer<T>(options.name), options_(std::move(options)) {}

 private:
  Options options_;
};

}  // namespace KEEL_ABI
}  // namespace keel
