#pragma once
/// The largest value of each window of a sequence.

#include <keel/layers/max_pool2d.hpp>

namespace keel {
inline namespace KEEL_ABI {

struct MaxPool1DOptions {
  /// Steps from one window to the next; default 0, the pool's extent.
  Index strides = 0;
  /// What surrounds the sequence (base/padding1d.hpp); default valid, nothing.
  Padding1D padding = Padding1D::valid;
  /// Round the output's extent up (PyTorch); default false.
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

/// y = the largest value of each window; padding never wins, NaN wins over everything, the first of equal values gets
/// the gradient. A MaxPool2D on images of one row.
///
/// Input (batch, steps, channels), output (batch, steps', channels) with the extents of `sweeps` (options.hpp). Throws
/// ConfigError for numbers out of range and padding that is causal or as large as the pool, ShapeError for an input of
/// another rank or shorter than the window. Keras: MaxPooling1D. PyTorch: MaxPool1d.
template <class T = float>
class MaxPool1D : public MaxPool2D<T> {
 public:
  explicit MaxPool1D(Index pool_size = 2, MaxPool1DOptions options = {})
      : MaxPool2D<T>("MaxPooling1D", {1, pool_size}, image(pool_size, options), 1), options_(std::move(options)) {
    if (options_.strides == 0) options_.strides = pool_size;
  }
  static MaxPool1D from_config(const Config& config) {
    return MaxPool1D(config.get<Index>("pool_size", 2), read_options<MaxPool1DOptions>(config));
  }

  const MaxPool1DOptions& options() const { return options_; }

  std::string type() const override { return "MaxPooling1D"; }
  Config config() const override { return with_options({{"pool_size", this->pool_size().width}}, options_); }

 private:
  static MaxPool2DOptions image(Index pool_size, const MaxPool1DOptions& o) {
    if (o.padding == Padding1D::causal)
      throw ConfigError(detail::who(o.name, "MaxPooling1D"), "padding same, valid or in numbers", "\"causal\"");
    return {.strides = {1, o.strides == 0 ? pool_size : o.strides},
            .padding = o.padding.image(pool_size),
            .ceil_mode = o.ceil_mode,
            .name = o.name};
  }

  MaxPool1DOptions options_;
};
KEEL_REFUSE_OTHERS(MaxPool1D)

KEEL_INSTANCE(class MaxPool1D<float>)

}  // namespace KEEL_ABI
}  // namespace keel
