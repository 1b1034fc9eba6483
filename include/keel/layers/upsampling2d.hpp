#pragma once
/// Images enlarged by whole factors.

#include <cmath>

#include <keel/layers/base/layer.hpp>
#include <keel/layers/base/padding1d.hpp>

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
    std::fill(y.begin(), y.end(), T(0));
    for_each_tap(x[0].shape(), [&](Index in, Index out, T weight, Index channels) {
      for (Index c = 0; c < channels; ++c) y[out + c] += weight * x[0][in + c];
    });
  }
  void backward(Inputs<T> x, TensorView<const T>, TensorView<const T> dy, Outputs<T> dx, Pass<T>&) override {
    if (!dx[0].data()) return;
    std::fill(dx[0].begin(), dx[0].end(), T(0));
    for_each_tap(x[0].shape(), [&](Index in, Index out, T weight, Index channels) {
      for (Index c = 0; c < channels; ++c) dx[0][in + c] += weight * dy[out + c];
    });
  }

 protected:
  UpSampling2D(const std::string& type, Pair size, UpSampling2DOptions options, Index axes)
      : Layer<T>(options.name), axes_(axes), size_(size), options_(std::move(options)) {
    check_option(detail::who(this->name(), type), "size", size_);
  }
  Pair size() const { return size_; }

 private:
  /// The one or two input positions behind output position i, and the weight of the second.
  struct Taps {
    Index first, second;
    double weight;
  };
  Taps taps(Index i, Index in, Index size) const {
    if (nearest()) return {i / size, i / size, 0};
    const double at = (static_cast<double>(i) + 0.5) / static_cast<double>(size) - 0.5;
    const auto below = static_cast<Index>(std::floor(at));
    return {(std::max)(below, Index{0}), (std::min)(below + 1, in - 1), at - std::floor(at)};
  }
  /// body(offset in x, offset in y, weight, channels) for every pixel of y and every pixel of x that it reads.
  template <class F>
  void for_each_tap(const Shape& batch, F&& body) const {
    const Shape in = axes_ == 1 ? Shape{batch[0], 1, batch[1], batch[2]} : batch;
    const Index h = in[1] * size_.height, w = in[2] * size_.width, channels = in[3];
    for (Index n = 0; n < in[0]; ++n)
      for (Index i = 0; i < h; ++i)
        for (Index j = 0; j < w; ++j) {
          const Taps row = taps(i, in[1], size_.height), column = taps(j, in[2], size_.width);
          const auto tap = [&](Index r, Index c, double weight) {
            if (weight != 0)
              body(((n * in[1] + r) * in[2] + c) * channels, ((n * h + i) * w + j) * channels, static_cast<T>(weight),
                   channels);
          };
          tap(row.first, column.first, (1 - row.weight) * (1 - column.weight));
          tap(row.first, column.second, (1 - row.weight) * column.weight);
          tap(row.second, column.first, row.weight * (1 - column.weight));
          tap(row.second, column.second, row.weight * column.weight);
        }
  }
  bool nearest() const { return options_.interpolation == Interpolation::nearest; }

  Index axes_;
  Pair size_;
  UpSampling2DOptions options_;
};

KEEL_INSTANCE(class UpSampling2D<float>)

}  // namespace KEEL_ABI
}  // namespace keel
