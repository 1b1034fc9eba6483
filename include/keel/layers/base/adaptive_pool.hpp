#pragma once
/// Pools whose output has given extents, whatever the input's: of one, two or three axes.

#include <keel/layers/base/layer.hpp>
#include <keel/layers/base/volume.hpp>

namespace keel {
inline namespace KEEL_ABI {

/// What a pool makes of the cells of a window.
enum class AdaptivePooling { mean, largest };

/// Base of AdaptiveAveragePool1D to 3D and AdaptiveMaxPool1D to 3D: along each axis, place i of `out` is the mean or
/// the largest of the cells from floor(i in / out) to ceil((i + 1) in / out), that one left out. Windows may overlap,
/// and an output may have more places than the input.
///
/// Input (batch, ..., channels), output (batch, output_size, channels). Of equal values the first has the gradient.
/// Throws ConfigError for sizes out of range, ShapeError for an input of another rank or an empty one. Keras:
/// AdaptiveAveragePooling1D and so on. PyTorch: AdaptiveAvgPool1d and so on.
template <class T>
class AdaptivePool : public Layer<T> {
 public:
  Config config() const override {
    Config config;
    if (axes_ == 1) write_option(config, "output_size", sizes_[2]);
    if (axes_ == 2) write_option(config, "output_size", Pair(sizes_[1], sizes_[2]));
    if (axes_ == 3) write_option(config, "output_size", Triple(sizes_[0], sizes_[1], sizes_[2]));
    return config;
  }

  Shape output_shape(Shapes inputs) const override {
    const Shape& in = this->single_input(inputs, axes_ + 1);
    if (in.size() < 1) throw ShapeError(this->who(), "at least one cell and channel", in.to_string());
    std::vector<Index> dims(sizes_.end() - axes_, sizes_.end());
    dims.push_back(in.back());
    return Shape(dims);
  }

  void forward(Inputs<T> x, TensorView<T> y, Pass<T>& pass) const override {
    const Index channels = x[0].shape().back();
    Index* const first = pass.cache && pooling_ == AdaptivePooling::largest ? places(pass, y.size()) : nullptr;
    for_each_window(x[0].shape(), [&](Index to, const Window& window) {
      T* const row = y.data() + to;
      window.each([&](Index from, Index count) {
        const T* const cell = x[0].data() + from;
        for (Index c = 0; c < channels; ++c) {
          if (pooling_ == AdaptivePooling::mean) {
            row[c] = count == 0 ? cell[c] : row[c] + cell[c];
          } else if (count == 0 || cell[c] > row[c] || cell[c] != cell[c]) {  // what is no number wins
            row[c] = cell[c];
            if (first) first[to + c] = from + c;
          }
        }
      });
      if (pooling_ == AdaptivePooling::mean)
        for (Index c = 0; c < channels; ++c) row[c] /= static_cast<T>(window.cells());
    });
  }
  void backward(Inputs<T> x, TensorView<const T>, TensorView<const T> dy, Outputs<T> dx, Pass<T>& pass) override {
    if (!dx[0].data()) return;
    const Index channels = x[0].shape().back();
    std::fill(dx[0].begin(), dx[0].end(), T(0));
    if (pooling_ == AdaptivePooling::largest) {
      const Index* const first = places(pass, dy.size());
      for (Index i = 0; i < dy.size(); ++i) dx[0][first[i]] += dy[i];
      return;
    }
    for_each_window(x[0].shape(), [&](Index from, const Window& window) {
      const T* const row = dy.data() + from;
      const T cells = static_cast<T>(window.cells());
      window.each([&](Index to, Index) {
        for (Index c = 0; c < channels; ++c) dx[0][to + c] += row[c] / cells;
      });
    });
  }

 protected:
  /// `sizes` of the output, 1 along axes in front that are not there.
  AdaptivePool(AdaptivePooling pooling, Index axes, const char* type, const Triple& sizes, std::string name)
      : Layer<T>(std::move(name)), pooling_(pooling), axes_(axes), sizes_{sizes.depth, sizes.height, sizes.width} {
    check_option(detail::who(this->name(), type), "output_size", sizes);
  }

  /// The option of that name, an Index, a Pair or a Triple.
  template <class Size>
  static Size size_in(const Config& config) {
    Size size = 0;
    read_option(config, "output_size", size);
    return size;
  }

 private:
  /// The cells that a place of the output is made of, in three axes.
  struct Window {
    std::array<Index, 3> begin, end, strides;  ///< strides in values
    Index sample;                              ///< where the sample begins

    Index cells() const { return (end[0] - begin[0]) * (end[1] - begin[1]) * (end[2] - begin[2]); }
    /// body(place of the cell, how many were before)
    template <class F>
    void each(F&& body) const {
      Index count = 0;
      for (Index d = begin[0]; d < end[0]; ++d)
        for (Index h = begin[1]; h < end[1]; ++h)
          for (Index w = begin[2]; w < end[2]; ++w)
            body(sample + d * strides[0] + h * strides[1] + w * strides[2], count++);
    }
  };
  /// body(place of the output's first channel, its window).
  template <class F>
  void for_each_window(const Shape& x, F&& body) const {
    std::array<Index, 3> in{1, 1, 1};
    for (Index i = 0; i < axes_; ++i) nth(in, 3 - axes_ + i) = x[i + 1];
    const Index channels = x.back(), sample = in[0] * in[1] * in[2] * channels;
    Index to = 0;
    Window window{
        .begin = {}, .end = {}, .strides = {in[1] * in[2] * channels, in[2] * channels, channels}, .sample = 0};
    const auto cut = [&](std::size_t axis, Index i) {
      window.begin[axis] = i * in[axis] / sizes_[axis];
      window.end[axis] = ((i + 1) * in[axis] + sizes_[axis] - 1) / sizes_[axis];
    };
    for (Index n = 0; n < x[0]; ++n, window.sample += sample)
      for (Index d = 0; d < sizes_[0]; ++d)
        for (Index h = 0; h < sizes_[1]; ++h)
          for (Index w = 0; w < sizes_[2]; ++w, to += channels) {
            cut(0, d);
            cut(1, h);
            cut(2, w);
            body(to, window);
          }
  }
  /// Where each largest value was, in the cache.
  static Index* places(Pass<T>& pass, Index count) {
    pass.cache->bytes.resize(to_size(count) * sizeof(Index));
    return reinterpret_cast<Index*>(pass.cache->bytes.data());
  }

  AdaptivePooling pooling_;
  Index axes_;
  std::array<Index, 3> sizes_;
};

KEEL_INSTANCE(class AdaptivePool<float>)

}  // namespace KEEL_ABI
}  // namespace keel
