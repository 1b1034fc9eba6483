#pragma once
/// The middle of an image.

#include <keel/layers/base/layer.hpp>
#include <keel/layers/base/options.hpp>

namespace keel {
inline namespace KEEL_ABI {

struct CenterCropOptions {
  /// In the model; by default made from the class.
  std::string name = {};
};

/// The middle of each image, `height` by `width` pixels: (batch, h, w, channels) to (batch, height, width, channels).
/// The part begins at row (h - height) / 2 and column (w - width) / 2, rounded down.
///
/// The same in training. Throws ShapeError for a smaller image, which Keras would enlarge instead.
/// Keras: CenterCrop. PyTorch: none in torch.nn; torchvision rounds to even where half a pixel is left.
template <class T = float>
class CenterCrop : public Layer<T> {
 public:
  CenterCrop(Index height, Index width, CenterCropOptions options = {})
      : Layer<T>(std::move(options.name)), height_(height), width_(width) {
    check_option(this->who(), "height", height_);
    check_option(this->who(), "width", width_);
  }
  static CenterCrop from_config(const Config& config) {
    return CenterCrop(config.get<Index>("height", 0), config.get<Index>("width", 0), {read_name(config)});
  }

  std::string type() const override { return "CenterCrop"; }
  Config config() const override { return {{"height", height_}, {"width", width_}}; }
  Shape output_shape(Shapes inputs) const override {
    const Shape& in = this->single_input(inputs, 3);
    if (in[0] < height_ || in[1] < width_)
      throw ShapeError(this->who(), "images of at least " + Pair(height_, width_).to_string(), in.to_string(),
                       "Keras enlarges smaller ones: resize them before");
    return {height_, width_, in[2]};
  }

  void forward(Inputs<T> x, TensorView<T> y, Pass<T>&) const override {
    for_each_row(x[0].shape(), [&](Index in, Index out, Index count) {
      std::copy(x[0].data() + in, x[0].data() + in + count, y.data() + out);
    });
  }
  void backward(Inputs<T> x, TensorView<const T>, TensorView<const T> dy, Outputs<T> dx, Pass<T>&) override {
    if (!dx[0].data()) return;
    dx[0].array().setZero();
    for_each_row(x[0].shape(), [&](Index in, Index out, Index count) {
      std::copy(dy.data() + out, dy.data() + out + count, dx[0].data() + in);
    });
  }

 private:
  /// body(offset in the image, offset in the part, count) for every row of the part.
  template <class F>
  void for_each_row(const Shape& in, F&& body) const {
    const Index top = (in[1] - height_) / 2, left = (in[2] - width_) / 2, count = width_ * in[3];
    for (Index n = 0; n < in[0]; ++n)
      for (Index i = 0; i < height_; ++i)
        body(((n * in[1] + top + i) * in[2] + left) * in[3], (n * height_ + i) * count, count);
  }

  Index height_, width_;
};
KEEL_REFUSE_OTHERS(CenterCrop)

KEEL_INSTANCE(class CenterCrop<float>)

}  // namespace KEEL_ABI
}  // namespace keel
