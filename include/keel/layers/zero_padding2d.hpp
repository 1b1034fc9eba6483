#pragma once
/// Zeros around images.

#include <keel/layers/base/layer.hpp>
#include <keel/layers/base/options.hpp>

namespace keel {
inline namespace KEEL_ABI {

struct ZeroPadding2DOptions {
  /// In the model; by default made from the class.
  std::string name = {};
};

/// Zeros around images: (batch, h, w, channels) to (batch, top + h + bottom, left + w + right, channels).
/// Throws ConfigError for padding that is no number, ShapeError for an input of another rank.
/// Keras: ZeroPadding2D. PyTorch: ZeroPad2d, whose order is (left, right, top, bottom).
///
///     ZeroPadding2D(1)      ZeroPadding2D({0, 1, 0, 1})     // top, bottom, left, right
template <class T = float>
class ZeroPadding2D : public Layer<T> {
 public:
  explicit ZeroPadding2D(Padding padding = 1, ZeroPadding2DOptions options = {})
      : Layer<T>(std::move(options.name)), padding_(padding) {
    if (padding_.mode != Padding::Mode::fixed)
      throw ConfigError(this->who(), "padding in numbers", "\"" + padding_.to_string() + "\"");
    check_option(this->who(), padding_);
  }
  static ZeroPadding2D from_config(const Config& config) {
    Padding padding = 1;
    read_option(config, "padding", padding);
    return ZeroPadding2D(padding, {read_name(config)});
  }

  std::string type() const override { return "ZeroPadding2D"; }
  Config config() const override {
    Config config;
    write_option(config, "padding", padding_);
    return config;
  }

  Shape output_shape(Shapes inputs) const override {
    const Shape& in = this->single_input(inputs, 3);
    const Padding& p = padding_;
    return {p.top + in[0] + p.bottom, p.left + in[1] + p.right, in[2]};
  }

  void forward(Inputs<T> x, TensorView<T> y, Pass<T>&) const override {
    std::fill(y.begin(), y.end(), T(0));
    for_each_row(x[0].shape(), y.shape(), [&](Index in, Index out, Index count) {
      std::copy(x[0].data() + in, x[0].data() + in + count, y.data() + out);
    });
  }
  void backward(Inputs<T> x, TensorView<const T>, TensorView<const T> dy, Outputs<T> dx, Pass<T>&) override {
    if (dx[0].data())
      for_each_row(x[0].shape(), dy.shape(), [&](Index in, Index out, Index count) {
        std::copy(dy.data() + out, dy.data() + out + count, dx[0].data() + in);
      });
  }

 private:
  template <class F>
  void for_each_row(const Shape& in, const Shape& out, F&& body) const {
    const Index count = in[2] * in[3];
    for (Index n = 0; n < in[0]; ++n)
      for (Index i = 0; i < in[1]; ++i)
        body((n * in[1] + i) * count, ((n * out[1] + padding_.top + i) * out[2] + padding_.left) * out[3], count);
  }

  Padding padding_;
};
KEEL_REFUSE_OTHERS(ZeroPadding2D)

KEEL_INSTANCE(class ZeroPadding2D<float>)

}  // namespace KEEL_ABI
}  // namespace keel
