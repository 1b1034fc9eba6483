#pragma once
/// What MaxPool3D and AveragePool3D share.

#include <keel/kernels/pool.hpp>
#include <keel/layers/base/layer.hpp>
#include <keel/layers/base/volume.hpp>

namespace keel {
inline namespace KEEL_ABI {

/// Base of MaxPool3D and AveragePool3D: windows over depth, height and width, each channel on its own.
///
/// Input (batch, d, h, w, channels), output (batch, d', h', w', channels) with the extents of `sweeps` (base/volume.hpp).
/// Both functions may be taken along height and width first, slice by slice, and along the depth of the results then: as
/// of images (d, h' w'). Options has strides (0: those of the pool), padding and ceil_mode.
template <class T, class Options>
class Pool3D : public Layer<T> {
 public:
  Triple pool_size() const { return pool_size_; }
  const Options& options() const { return options_; }

  Config config() const override {
    Config config;
    write_option(config, "pool_size", pool_size_);
    return with_options(std::move(config), options_);
  }
  Shape output_shape(Shapes inputs) const override {
    const Shape& in = this->single_input(inputs, 4);
    const auto [d, h, w] = sweeps(in);
    return {d.out, h.out, w.out, in.back()};
  }

 protected:
  Pool3D(const std::string& type, Triple pool_size, Options options)
      : Layer<T>(options.name), pool_size_(pool_size), options_(std::move(options)) {
    if (options_.strides == Triple(0)) options_.strides = pool_size_;
    const std::string who = detail::who(this->name(), type);
    check_option(who, "pool_size", pool_size_);
    check_option(who, "strides", options_.strides);
    const Padding3D& p = options_.padding;
    check_option(who, p);
    if ((std::max)(p.front, p.back) >= pool_size_.depth ||
        (std::max)(p.slice.top, p.slice.bottom) >= pool_size_.height ||
        (std::max)(p.slice.left, p.slice.right) >= pool_size_.width)
      throw ConfigError(who, "padding smaller than the pool " + pool_size_.to_string(), p.to_string(),
                        "a window must hold at least one cell of the volume");
  }
  static Triple read_pool_size(const Config& config) {
    Triple pool_size = 2;
    read_option(config, "pool_size", pool_size);
    return pool_size;
  }

  /// The two poolings of a batch.
  struct Ways {
    PoolGeometry slices, depths;
    /// Of the values between them.
    Index size() const { return slices.batch * slices.out_h * slices.out_w * slices.channels; }
  };
  Ways ways(const Shape& x) const {
    const auto [d, h, w] = sweeps(x.sample());
    return {{.batch = x[0] * x[1],
             .in_h = x[2],
             .in_w = x[3],
             .channels = x[4],
             .out_h = h.out,
             .out_w = w.out,
             .kernel_h = pool_size_.height,
             .kernel_w = pool_size_.width,
             .stride_h = options_.strides.height,
             .stride_w = options_.strides.width,
             .pad_top = h.before,
             .pad_left = w.before,
             .pad_bottom = h.after,
             .pad_right = w.after},
            {.batch = x[0],
             .in_h = x[1],
             .in_w = h.out * w.out,
             .channels = x[4],
             .out_h = d.out,
             .out_w = h.out * w.out,
             .kernel_h = pool_size_.depth,
             .stride_h = options_.strides.depth,
             .pad_top = d.before,
             .pad_bottom = d.after}};
  }

 private:
  std::array<Sweep, 3> sweeps(const Shape& in) const {
    return keel::sweeps(*this, in, pool_size_, options_.strides, 1, options_.padding, options_.ceil_mode);
  }

  Triple pool_size_;
  Options options_;
};

}  // namespace KEEL_ABI
}  // namespace keel
