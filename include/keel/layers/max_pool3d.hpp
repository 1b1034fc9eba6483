#pragma once
/// The largest value of each window of a volume.

#include <keel/layers/base/pool3d.hpp>

namespace keel {
inline namespace KEEL_ABI {

struct MaxPool3DOptions {
  /// Slices, rows and columns from one window to the next; default 0, the pool's extents.
  Triple strides = 0;
  /// What surrounds the volume (base/volume.hpp); default valid, nothing.
  Padding3D padding = Padding::Mode::valid;
  /// Round the output's extents up (PyTorch); default false.
  bool ceil_mode = false;
  /// In the model; by default made from the class.
  std::string name = {};

  template <class F>
  void fields(F&& f) {
    f("strides", strides);
    f("padding", padding);
    f("ceil_mode", ceil_mode);
  }
};

/// y = the largest value of each window. Padding never wins, NaN wins over everything, and the first of equal values
/// has the gradient.
///
/// Input (batch, d, h, w, channels), output (batch, d', h', w', channels) with the extents of `sweeps`
/// (base/volume.hpp). Throws ConfigError for numbers out of range and padding as large as the pool, ShapeError for an
/// input of another rank or smaller than the window. Keras: MaxPooling3D. PyTorch: MaxPool3d.
template <class T = float>
class MaxPool3D : public Pool3D<T> {
  using Base = Pool3D<T>;

 public:
  explicit MaxPool3D(Triple pool_size = 2, MaxPool3DOptions options = {})
      : Base("MaxPooling3D", options.name, {pool_size, options.strides, options.padding, options.ceil_mode}),
        options_(std::move(options)) {
    options_.strides = this->strides();
  }
  static MaxPool3D from_config(const Config& config) {
    return MaxPool3D(Base::read_pool_size(config), read_options<MaxPool3DOptions>(config));
  }

  const MaxPool3DOptions& options() const { return options_; }

  std::string type() const override { return "MaxPooling3D"; }

  void forward(Inputs<T> x, TensorView<T> y, Pass<T>& pass) const override {
    const auto ways = this->ways(x[0].shape());
    Scratch::Frame frame(pass.kernel.scratch);
    T* const between = pass.kernel.scratch.template take<T>(ways.size());
    std::byte* winners = nullptr;
    const std::size_t slices = slice_bytes(ways.slices);
    if (pass.cache) {
      pass.cache->bytes.resize(slices + to_size(max_pool_argmax_bytes<T>(ways.depths)));
      winners = pass.cache->bytes.data();
    }
    max_pool_forward(ways.slices, x[0].data(), between, winners, pass.kernel);
    max_pool_forward(ways.depths, between, y.data(), winners ? winners + slices : nullptr, pass.kernel);
  }
  void backward(Inputs<T> x, TensorView<const T>, TensorView<const T> dy, Outputs<T> dx, Pass<T>& pass) override {
    if (!dx[0].data()) return;
    const auto ways = this->ways(x[0].shape());
    Scratch::Frame frame(pass.kernel.scratch);
    T* const between = pass.kernel.scratch.template take<T>(ways.size());
    const std::byte* const winners = pass.cache->bytes.data();
    max_pool_backward(ways.depths, dy.data(), winners + slice_bytes(ways.slices), between, pass.kernel);
    max_pool_backward(ways.slices, between, winners, dx[0].data(), pass.kernel);
  }

 private:
  /// Of the record of the slices, so that that of the depths behind it is aligned.
  static std::size_t slice_bytes(const PoolGeometry& g) {
    return (to_size(max_pool_argmax_bytes<T>(g)) + 63) / 64 * 64;
  }

  MaxPool3DOptions options_;
};
KEEL_REFUSE_OTHERS(MaxPool3D)

KEEL_INSTANCE(class MaxPool3D<float>)

}  // namespace KEEL_ABI
}  // namespace keel
