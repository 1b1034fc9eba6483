#pragma once
/// Images of another size.

#include <keel/layers/base/resample.hpp>
#include <keel/layers/upsampling2d.hpp>

namespace keel {
inline namespace KEEL_ABI {

struct ResizingOptions {
  /// Between pixels: bilinear (default) or nearest.
  Interpolation interpolation = Interpolation::bilinear;
  /// In the model; by default made from the class.
  std::string name = {};
};

/// Images stretched or shrunk to height and width: (batch, h, w, channels) to (batch, height, width, channels).
///
/// Pixel i of the output lies at p = (i + 1/2) in / out - 1/2 of the input (half-pixel centres): bilinear weighs the
/// two pixels around it along each axis, the image's border being repeated, nearest takes the one at floor(p + 1/2).
/// Nothing is averaged where images shrink: Keras's option antialias is refused.
///
/// Throws ConfigError for an extent below 1, ShapeError for an input of another rank or without pixels. Keras:
/// Resizing, without its options crop_to_aspect_ratio and pad_to_aspect_ratio. PyTorch: Upsample(size), with modes
/// "bilinear" and "nearest-exact".
template <class T = float>
class Resizing : public Layer<T> {
 public:
  Resizing(Index height, Index width, ResizingOptions options = {})
      : Layer<T>(options.name), size_(height, width), options_(std::move(options)) {
    check_option(detail::who(this->name(), "Resizing"), "height", height);
    check_option(detail::who(this->name(), "Resizing"), "width", width);
  }
  static Resizing from_config(const Config& config) {
    const auto name = config.get<std::string>("interpolation", "bilinear");
    if (name != "nearest" && name != "bilinear")
      throw ConfigError("option interpolation", "\"nearest\" or \"bilinear\"", "\"" + name + "\"");
    return Resizing(config.get<Index>("height", 0), config.get<Index>("width", 0),
                    {name == "nearest" ? Interpolation::nearest : Interpolation::bilinear, read_name(config)});
  }

  std::string type() const override { return "Resizing"; }
  Config config() const override {
    return {{"height", size_.height},
            {"width", size_.width},
            {"interpolation", std::string(nearest() ? "nearest" : "bilinear")}};
  }
  Shape output_shape(Shapes inputs) const override {
    const Shape& in = this->single_input(inputs, 3);
    if (in[0] < 1 || in[1] < 1) throw ShapeError(this->who(), "at least one pixel", in.to_string());
    return {size_.height, size_.width, in[2]};
  }

  void forward(Inputs<T> x, TensorView<T> y, Pass<T>&) const override {
    resample_forward(x[0].shape(), y.shape(), nearest(), x[0].data(), y.data());
  }
  void backward(Inputs<T> x, TensorView<const T>, TensorView<const T> dy, Outputs<T> dx, Pass<T>&) override {
    if (dx[0].data()) resample_backward(x[0].shape(), dy.shape(), nearest(), dy.data(), dx[0].data());
  }

 private:
  bool nearest() const { return options_.interpolation == Interpolation::nearest; }

  Pair size_;
  ResizingOptions options_;
};
KEEL_REFUSE_OTHERS(Resizing)

KEEL_INSTANCE(class Resizing<float>)

}  // namespace KEEL_ABI
}  // namespace keel
