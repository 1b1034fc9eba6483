#pragma once
/// What MaxPool2D, AveragePool2D and their 1-D forms share.

#include <keel/kernels/pool.hpp>
#include <keel/layers/base/layer.hpp>
#include <keel/layers/base/padding1d.hpp>

namespace keel {
inline namespace KEEL_ABI {

/// Base of MaxPool2D and AveragePool2D: windows over height and width, each channel on its own.
///
/// Input (batch, h, w, channels), output (batch, h', w', channels) with the extents of `sweeps` (options.hpp).
/// MaxPool1D and AveragePool1D are these on images of one row, without the axis of rows in their shapes. Options has
/// strides (0: those of the pool), padding and ceil_mode.
template <class T, class Options>
class Pool2D : public Layer<T> {
 public:
  Pair pool_size() const { return pool_size_; }
  const Options& options() const { return options_; }

  Config config() const override {
    Config config;
    write_option(config, "pool_size", pool_size_);
    return with_options(std::move(config), options_);
  }
  Shape output_shape(Shapes inputs) const override {
    const PoolGeometry g = geometry(this->single_input(inputs, axes_ + 1));
    return detail::from_image(axes_, g.out_h, g.out_w, g.channels);
  }

 protected:
  /// `axes`: beside batch and channels, 2 or 1.
  Pool2D(const std::string& type, Pair pool_size, Options options, Index axes)
      : Layer<T>(options.name), axes_(axes), pool_size_(pool_size), options_(std::move(options)) {
    if (options_.strides == Pair(0)) options_.strides = pool_size_;
    const std::string who = detail::who(this->name(), type);
    check_option(who, "pool_size", pool_size_);
    check_option(who, "strides", options_.strides);
    const Padding& p = options_.padding;
    check_option(who, p);
    if ((std::max)(p.top, p.bottom) >= pool_size_.height || (std::max)(p.left, p.right) >= pool_size_.width)
      throw ConfigError(who, "padding smaller than the pool " + pool_size_.to_string(), p.to_string(),
                        "a window must hold at least one cell of the image");
  }
  /// The window's extents in a saved configuration.
  static Pair read_pool_size(const Config& config) {
    Pair pool_size = 2;
    read_option(config, "pool_size", pool_size);
    return pool_size;
  }

  /// What the kernels are told of a batch of such samples.
  PoolGeometry geometry(const Shape& sample, Index batch = 1) const {
    const Shape in = detail::as_image(sample);
    const auto [h, w] =
        sweeps(*this, in[0], in[1], pool_size_, options_.strides, 1, options_.padding, options_.ceil_mode);
    return {.batch = batch,
            .in_h = in[0],
            .in_w = in[1],
            .channels = in[2],
            .out_h = h.out,
            .out_w = w.out,
            .kernel_h = pool_size_.height,
            .kernel_w = pool_size_.width,
            .stride_h = options_.strides.height,
            .stride_w = options_.strides.width,
            .pad_top = h.before,
            .pad_left = w.before,
            .pad_bottom = h.after,
            .pad_right = w.after};
  }
  /// The same of a batch at hand.
  PoolGeometry geometry(const TensorView<const T>& x) const { return geometry(x.shape().sample(), x.shape()[0]); }

 private:
  Index axes_;
  Pair pool_size_;
  Options options_;
};

}  // namespace KEEL_ABI
}  // namespace keel
