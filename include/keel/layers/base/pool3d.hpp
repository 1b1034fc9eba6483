#pragma once
/// What MaxPool3D and AveragePool3D share.

#include <keel/kernels/pool.hpp>
#include <keel/layers/base/layer.hpp>
#include <keel/layers/base/volume.hpp>

namespace keel {
inline namespace KEEL_ABI {

/// Base of MaxPool3D and AveragePool3D: windows over depth, height and width, each channel on its own.
///
/// Input (batch, d, h, w, channels), output (batch, d', h', w', channels) with the extents of `sweeps`
/// (base/volume.hpp). Both functions may be taken along height and width first, slice by slice, and along the depth of
/// the results then: as of images (d, h' w').
template <class T>
class Pool3D : public Layer<T> {
 public:
  /// In slices, rows and columns.
  Triple pool_size() const { return windows_.size; }

  Config config() const override {
    Config config;
    write_option(config, "pool_size", windows_.size);
    write_option(config, "strides", windows_.strides);
    write_option(config, "padding", windows_.padding);
    config.set("ceil_mode", windows_.ceil_mode);
    return config;
  }
  Shape output_shape(Shapes inputs) const override {
    const Shape& in = this->single_input(inputs, 4);
    const auto [d, h, w] = sweeps(in);
    return {d.out, h.out, w.out, in.back()};
  }

 protected:
  /// What the options of a derived class say.
  struct Windows {
    Triple size, strides;  ///< strides of 0: the size
    Padding3D padding;     ///< around the volume
    bool ceil_mode;        ///< round the output's extents up
  };
  /// `type`: for errors.
  [[gnu::cold]] Pool3D(const std::string& type, std::string name, const Windows& windows)
      : Layer<T>(std::move(name)), windows_(windows) {
    const Triple size = windows_.size;
    if (windows_.strides == Triple(0)) windows_.strides = size;
    const std::string who = detail::who(this->name(), type);
    check_option(who, "pool_size", size);
    check_option(who, "strides", windows_.strides);
    const Padding3D& p = windows_.padding;
    check_option(who, p);
    if ((std::max)(p.front, p.back) >= size.depth || (std::max)(p.slice.top, p.slice.bottom) >= size.height ||
        (std::max)(p.slice.left, p.slice.right) >= size.width)
      throw ConfigError(who, "padding smaller than the pool " + size.to_string(), p.to_string(),
                        "a window must hold at least one cell of the volume");
  }
  /// 2 where the Config has none.
  static Triple read_pool_size(const Config& config) {
    Triple pool_size = 2;
    read_option(config, "pool_size", pool_size);
    return pool_size;
  }

  /// The two poolings of a batch.
  struct Ways {
    PoolGeometry slices;  ///< along height and width
    PoolGeometry depths;  ///< along the depth of its results
    /// Of the values between them.
    Index size() const { return slices.batch * slices.out_h * slices.out_w * slices.channels; }
  };
  /// Those of a batch of that shape.
  Ways ways(const Shape& x) const {
    const auto [d, h, w] = sweeps(x.sample());
    const Triple &size = windows_.size, &strides = windows_.strides;
    return {{.batch = x[0] * x[1],
             .in_h = x[2],
             .in_w = x[3],
             .channels = x[4],
             .out_h = h.out,
             .out_w = w.out,
             .kernel_h = size.height,
             .kernel_w = size.width,
             .stride_h = strides.height,
             .stride_w = strides.width,
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
             .kernel_h = size.depth,
             .stride_h = strides.depth,
             .pad_top = d.before,
             .pad_bottom = d.after}};
  }
  /// The strides, which are the pool's extents where 0 was given.
  Triple strides() const { return windows_.strides; }

 private:
  std::array<Sweep, 3> sweeps(const Shape& in) const {
    return keel::sweeps(*this, in, windows_.size, windows_.strides, 1, windows_.padding, windows_.ceil_mode);
  }

  Windows windows_;
};

KEEL_INSTANCE(class Pool3D<float>)

}  // namespace KEEL_ABI
}  // namespace keel
