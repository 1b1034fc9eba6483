#pragma once
/// Images enlarged by whole factors.

#include <keel/layers/base/layer.hpp>
#include <keel/layers/base/padding1d.hpp>
#include <keel/layers/base/resample.hpp>

namespace keel {
inline namespace KEEL_ABI {

/// How an enlarged image gets its pixels.
enum class Interpolation { nearest, bilinear };

struct UpSampling2DOptions {
  /// How the pixels in between are made; default nearest.
  Interpolation interpolation = Interpolation::nearest;
  /// In the model; by default made from the class.
  std::string name = {};
};

/// Images enlarged by whole factors: (batch, h, w, channels) to (batch, size h h, size w w, channels).
///
/// nearest repeats every pixel. bilinear weighs the four pixels around (i + 1/2) / size - 1/2, the image's border
/// being repeated (half-pixel centres: Keras, PyTorch's align_corners=False).
///
/// Throws ConfigError for a size below 1, ShapeError for an input of another rank.
/// Keras: UpSampling2D, which has more interpolations. PyTorch: Upsample.
template <class T = float>
class UpSampling2D : public Layer<T> {
 public:
  explicit UpSampling2D(Pair size = 2, UpSampling2DOptions options = {})
      : UpSampling2D("UpSampling2D", size, std::move(options), 2) {}
  static UpSampling2D from_config(const Config& config) {
    Pair size = 2;
    read_option(config, "size", size);
    const auto name = config.get<std::string>("interpolation", "nearest");
    if (name != "nearest" && name != "bilinear")
      throw ConfigError("option interpolation", "\"nearest\" or \"bilinear\"", "\"" + name + "\"");
    return UpSampling2D(size,
                        {name == "nearest" ? Interpolation::nearest : Interpolation::bilinear, read_name(config)});
  }

  std::string type() const override { return "UpSampling2D"; }
  Config config() const override {
    Config config;
    write_option(config, "size", size_);
    config.set("interpolation", std::string(nearest() ? "nearest" : "bilinear"));
    return config;
  }

  Shape output_shape(Shapes inputs) const override {
    const Shape in = detail::as_image(this->single_input(inputs, axes_ + 1));
    return detail::from_image(axes_, in[0] * size_.height, in[1] * size_.width, in[2]);
  }

  void forward(Inputs<T> x, TensorView<T> y, Pass<T>&) const override {
    resample_forward(images(x[0].shape()), images(y.shape()), nearest(), x[0].data(), y.data());
  }
  void backward(Inputs<T> x, TensorView<const T>, TensorView<const T> dy, Outputs<T> dx, Pass<T>&) override {
    if (dx[0].data()) resample_backward(images(x[0].shape()), images(dy.shape()), nearest(), dy.data(), dx[0].data());
  }

 protected:
  UpSampling2D(const std::string& type, Pair size, UpSampling2DOptions options, Index axes)
      : Layer<T>(options.name), axes_(axes), size_(size), options_(std::move(options)) {
    check_option(detail::who(this->name(), type), "size", size_);
  }
  Pair size() const { return size_; }

 private:
  /// A batch of sequences as images of one row.
  Shape images(const Shape& batch) const { return axes_ == 1 ? Shape{batch[0], 1, batch[1], batch[2]} : batch; }
  bool nearest() const { return options_.interpolation == Interpolation::nearest; }

  Index axes_;
  Pair size_;
  UpSampling2DOptions options_;
};
KEEL_REFUSE_OTHERS(UpSampling2D)

KEEL_INSTANCE(class UpSampling2D<float>)

}  // namespace KEEL_ABI
}  // namespace keel
