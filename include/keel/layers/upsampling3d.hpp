#pragma once
/// Volumes with every cell repeated.

#include <keel/layers/base/layer.hpp>
#include <keel/layers/base/volume.hpp>

namespace keel {
inline namespace KEEL_ABI {

struct UpSampling3DOptions {
  /// In the model; by default made from the class.
  std::string name = {};
};

/// Every cell `size` times along each axis: (batch, d, h, w, channels) to (batch, size d, size h, size w, channels).
///
/// Throws ConfigError for a size below 1, ShapeError for an input of another rank. Keras: UpSampling3D. PyTorch:
/// Upsample(scale_factor=size).
template <class T = float>
class UpSampling3D : public Layer<T> {
 public:
  explicit UpSampling3D(Triple size = 2, UpSampling3DOptions options = {})
      : Layer<T>(std::move(options.name)), size_(size) {
    check_option(detail::who(this->name(), "UpSampling3D"), "size", size_);
  }
  static UpSampling3D from_config(const Config& config) {
    Triple size = 2;
    read_option(config, "size", size);
    return UpSampling3D(size, {read_name(config)});
  }

  /// How often each cell stands along each axis.
  Triple size() const { return size_; }

  std::string type() const override { return "UpSampling3D"; }
  Config config() const override {
    Config config;
    write_option(config, "size", size_);
    return config;
  }
  Shape output_shape(Shapes inputs) const override {
    const Shape& in = this->single_input(inputs, 4);
    return {in[0] * size_.depth, in[1] * size_.height, in[2] * size_.width, in[3]};
  }

  void forward(Inputs<T> x, TensorView<T> y, Pass<T>&) const override {
    const Index channels = y.shape().back();
    for_each_cell(y.shape(), [&](Index to, Index from) { std::copy_n(x[0].data() + from, channels, y.data() + to); });
  }
  void backward(Inputs<T>, TensorView<const T>, TensorView<const T> dy, Outputs<T> dx, Pass<T>&) override {
    if (!dx[0].data()) return;
    const Index channels = dy.shape().back();
    std::fill(dx[0].begin(), dx[0].end(), T(0));
    for_each_cell(dy.shape(), [&](Index from, Index to) {
      for (Index c = 0; c < channels; ++c) dx[0][to + c] += dy[from + c];
    });
  }

 private:
  /// body(place of a cell of the output, place of the cell of the input that it repeats).
  template <class F>
  void for_each_cell(const Shape& out, F&& body) const {
    const Index channels = out.back(), h = out[2] / size_.height, w = out[3] / size_.width, d = out[1] / size_.depth;
    Index to = 0;
    for (Index n = 0; n < out[0]; ++n)
      for (Index i = 0; i < out[1]; ++i)
        for (Index j = 0; j < out[2]; ++j)
          for (Index k = 0; k < out[3]; ++k, to += channels)
            body(to, (((n * d + i / size_.depth) * h + j / size_.height) * w + k / size_.width) * channels);
  }

  Triple size_;
};
KEEL_REFUSE_OTHERS(UpSampling3D)

KEEL_INSTANCE(class UpSampling3D<float>)

}  // namespace KEEL_ABI
}  // namespace keel
