#pragma once
/// The mean of each window of a volume.

#include <keel/layers/base/pool3d.hpp>

namespace keel {
inline namespace KEEL_ABI {

struct AveragePool3DOptions {
  /// Slices, rows and columns from one window to the next; default 0, the pool's extents.
  Triple strides = 0;
  /// What surrounds the volume (base/volume.hpp); default valid, nothing.
  Padding3D padding = Padding::Mode::valid;
  /// Round the output's extents up (PyTorch); default false.
  bool ceil_mode = false;
  /// Divide by the cells of the padding too; default false, as Keras counts the volume's cells only. PyTorch's is true.
  bool count_include_pad = false;
  /// In the model; by default made from the class.
  std::string name = {};

  template <class F>
  void fields(F&& f) {
    f("strides", strides);
    f("padding", padding);
    f("ceil_mode", ceil_mode);
    f("count_include_pad", count_include_pad);
  }
};

/// y = the mean of each window.
///
/// Input (batch, d, h, w, channels), output (batch, d', h', w', channels) with the extents of `sweeps`
/// (base/volume.hpp). Throws ConfigError for numbers out of range and padding as large as the pool, ShapeError for an
/// input of another rank or smaller than the window. Keras: AveragePooling3D. PyTorch: AvgPool3d, with
/// `count_include_pad`.
template <class T = float>
class AveragePool3D : public Pool3D<T> {
  using Base = Pool3D<T>;

 public:
  explicit AveragePool3D(Triple pool_size = 2, AveragePool3DOptions options = {})
      : Base("AveragePooling3D", options.name, {pool_size, options.strides, options.padding, options.ceil_mode}),
        options_(std::move(options)) {
    options_.strides = this->strides();
  }
  static AveragePool3D from_config(const Config& config) {
    return AveragePool3D(Base::read_pool_size(config), read_options<AveragePool3DOptions>(config));
  }

  const AveragePool3DOptions& options() const { return options_; }

  std::string type() const override { return "AveragePooling3D"; }
  Config config() const override {
    Config config = Base::config();
    config.set("count_include_pad", options_.count_include_pad);
    return config;
  }

  void forward(Inputs<T> x, TensorView<T> y, Pass<T>& pass) const override {
    const auto ways = this->ways(x[0].shape());
    Scratch::Frame frame(pass.kernel.scratch);
    T* const between = pass.kernel.scratch.template take<T>(ways.size());
    average_pool_forward(ways.slices, divisor(), x[0].data(), between, pass.kernel);
    average_pool_forward(ways.depths, divisor(), between, y.data(), pass.kernel);
  }
  void backward(Inputs<T> x, TensorView<const T>, TensorView<const T> dy, Outputs<T> dx, Pass<T>& pass) override {
    if (!dx[0].data()) return;
    const auto ways = this->ways(x[0].shape());
    Scratch::Frame frame(pass.kernel.scratch);
    T* const between = pass.kernel.scratch.template take<T>(ways.size());
    average_pool_backward(ways.depths, divisor(), dy.data(), between, pass.kernel);
    average_pool_backward(ways.slices, divisor(), between, dx[0].data(), pass.kernel);
  }

 private:
  PoolDivisor divisor() const {
    return options_.count_include_pad ? PoolDivisor::with_padding : PoolDivisor::real_cells;
  }

  AveragePool3DOptions options_;
};
KEEL_REFUSE_OTHERS(AveragePool3D)

KEEL_INSTANCE(class AveragePool3D<float>)

}  // namespace KEEL_ABI
}  // namespace keel
