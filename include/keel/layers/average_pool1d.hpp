#pragma once
/// The mean of each window of a sequence.

#include <keel/layers/average_pool2d.hpp>

namespace keel {
inline namespace KEEL_ABI {

struct AveragePool1DOptions {
  /// Steps from one window to the next; default 0, the pool's extent.
  Index strides = 0;
  /// What surrounds the sequence (base/padding1d.hpp); default valid, nothing.
  Padding1D padding = Padding1D::valid;
  /// Round the output's extent up (PyTorch); default false.
  bool ceil_mode = false;
  /// Divide by the cells of the padding too; default false, as Keras counts the sequence's cells only. PyTorch's is true.
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

/// y = the mean of each window. A AveragePool2D on images of one row.
///
/// Input (batch, steps, channels), output (batch, steps', channels) with the extents of `sweeps` (options.hpp). Throws
/// ConfigError for numbers out of range and padding that is causal or as large as the pool, ShapeError for an input of
/// another rank or shorter than the window. Keras: AveragePooling1D. PyTorch: AvgPool1d, with `count_include_pad`.
template <class T = float>
class AveragePool1D : public AveragePool2D<T> {
 public:
  explicit AveragePool1D(Index pool_size = 2, AveragePool1DOptions options = {})
      : AveragePool2D<T>("AveragePooling1D", {1, pool_size}, image(pool_size, options), 1),
        options_(std::move(options)) {
    if (options_.strides == 0) options_.strides = pool_size;
  }
  static AveragePool1D from_config(const Config& config) {
    return AveragePool1D(config.get<Index>("pool_size", 2), read_options<AveragePool1DOptions>(config));
  }

  const AveragePool1DOptions& options() const { return options_; }

  std::string type() const override { return "AveragePooling1D"; }
  Config config() const override { return with_options({{"pool_size", this->pool_size().width}}, options_); }

 private:
  static AveragePool2DOptions image(Index pool_size, const AveragePool1DOptions& o) {
    if (o.padding == Padding1D::causal)
      throw ConfigError(detail::who(o.name, "AveragePooling1D"), "padding same, valid or in numbers", "\"causal\"");
    return {.strides = {1, o.strides == 0 ? pool_size : o.strides},
            .padding = o.padding.image(pool_size),
            .ceil_mode = o.ceil_mode,
            .count_include_pad = o.count_include_pad,
            .name = o.name};
  }

  AveragePool1DOptions options_;
};
KEEL_REFUSE_OTHERS(AveragePool1D)

KEEL_INSTANCE(class AveragePool1D<float>)

}  // namespace KEEL_ABI
}  // namespace keel
