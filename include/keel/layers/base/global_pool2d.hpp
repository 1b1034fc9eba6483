#pragma once
/// Base of the layers that reduce an image or a sequence to one value a channel.

#include <keel/kernels/pool.hpp>
#include <keel/layers/base/layer.hpp>
#include <keel/layers/base/options.hpp>

namespace keel {
inline namespace KEEL_ABI {

/// Base of GlobalAveragePool2D and GlobalMaxPool2D: (batch, h, w, channels) to (batch, channels), or with the option
/// keepdims to (batch, 1, 1, channels); their 1-D and 3-D forms do the same with (batch, steps, channels) and (batch,
/// d, h, w, channels). Throws ShapeError for another rank and for images without pixels.
template <class T, class Options>
class GlobalPool2D : public Layer<T> {
 public:
  const Options& options() const { return options_; }
  Config config() const override { return with_options({}, options_); }
  Shape output_shape(Shapes inputs) const override {
    const Shape& in = this->single_input(inputs, axes_ + 1);
    if (std::find(in.begin(), in.end() - 1, 0) != in.end() - 1)
      throw ShapeError(this->who(), axes_ == 1 ? "at least one step" : "at least one pixel", in.to_string());
    std::vector<Index> dims(options_.keepdims ? to_size(axes_) : 0, 1);
    dims.push_back(in.back());
    return Shape(dims);
  }

 protected:
  /// `axes`: beside batch and channels, 1 to 3.
  GlobalPool2D(Options options, Index axes) : Layer<T>(options.name), axes_(axes), options_(std::move(options)) {}
  /// Pixels or steps of a sample.
  Index cells(const Shape& batch) const {
    Index cells = 1;
    for (Index axis = 1; axis <= axes_; ++axis) cells *= batch[axis];
    return cells;
  }

 private:
  Index axes_;
  Options options_;
};

}  // namespace KEEL_ABI
}  // namespace keel
