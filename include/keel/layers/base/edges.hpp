#pragma once
/// What layers that add or cut the edges of sequences, images and volumes share.

#include <keel/layers/base/layer.hpp>
#include <keel/layers/base/options.hpp>

namespace keel {
inline namespace KEEL_ABI {

/// Base of ZeroPadding1D, ZeroPadding3D and Cropping1D, 2D, 3D. `sides` are two numbers for each axis beside batch and
/// channels, before and after it: so many zeros are added there, or so many places cut off.
template <class T>
class Edges : public Layer<T> {
 public:
  const std::vector<Index>& sides() const { return sides_; }  ///< In front and behind, for each axis in turn.

  Config config() const override { return {{option_, sides_}}; }
  Shape output_shape(Shapes inputs) const override {
    const Shape& in = this->single_input(inputs, axes() + 1);
    std::vector<Index> dims(in.begin(), in.end());
    for (Index axis = 0; axis < axes(); ++axis) {
      Index& extent = dims[static_cast<std::size_t>(axis)];
      extent += sign_ * (before(axis) + sides_[static_cast<std::size_t>(2 * axis + 1)]);
      if (extent < 1) throw ShapeError(this->who(), "an input larger than what is cut off", in.to_string());
    }
    return Shape(dims);
  }

  void forward(Inputs<T> x, TensorView<T> y, Pass<T>&) const override {
    y.array().setZero();
    for_each_row(x[0].shape(), y.shape(), [&](Index in, Index out, Index count) {
      std::copy(x[0].data() + in, x[0].data() + in + count, y.data() + out);
    });
  }
  void backward(Inputs<T> x, TensorView<const T>, TensorView<const T> dy, Outputs<T> dx, Pass<T>&) override {
    if (!dx[0].data()) return;
    dx[0].array().setZero();
    for_each_row(x[0].shape(), dy.shape(), [&](Index in, Index out, Index count) {
      std::copy(dy.data() + out, dy.data() + out + count, dx[0].data() + in);
    });
  }

 protected:
  /// `option`: their name in the Config. `sign`: 1 where they are added, -1 where they are cut off.
  Edges(const std::string& who, std::string name, const char* option, std::vector<Index> sides, Index sign)
      : Layer<T>(std::move(name)), option_(option), sides_(std::move(sides)), sign_(sign) {
    for (const Index side : sides_) check_option(who, option, side, 0, Index{1} << 20);
  }
  /// The sides in a Config: one number for all, or two for each axis. Throws ConfigError for another count.
  static std::vector<Index> read_sides(const Config& config, const char* option, std::size_t axes,
                                       std::vector<Index> sides) {
    sides = config.get<std::vector<Index>>(option, sides);
    if (sides.size() == 1) sides.assign(2 * axes, sides[0]);
    if (sides.size() != 2 * axes)
      throw ConfigError(std::string("option ") + option, std::to_string(2 * axes) + " integers, two for each axis",
                        std::to_string(sides.size()));
    return sides;
  }

 private:
  Index axes() const { return static_cast<Index>(sides_.size()) / 2; }
  Index before(Index axis) const { return sides_[static_cast<std::size_t>(2 * axis)]; }
  /// body(offset in x, offset in y, count) for each row along the last axis but the channels that both have.
  template <class F>
  void for_each_row(const Shape& in, const Shape& out, F&& body) const {
    const Shape& inner = sign_ > 0 ? in : out;  // as batches, with the batch in front
    const Index last = axes(), channels = inner.back(), count = inner[last] * channels;
    if (inner.size() == 0) return;
    for (Index row = 0; row < inner.size() / count; ++row) {
      Index rest = row, at = before(last - 1) * channels, stride = (sign_ > 0 ? out : in)[last] * channels;
      for (Index axis = last - 1; axis >= 1; --axis) {
        at += (rest % inner[axis] + before(axis - 1)) * stride;
        rest /= inner[axis];
        stride *= (sign_ > 0 ? out : in)[axis];
      }
      at += rest * stride;
      if (sign_ > 0)
        body(row * count, at, count);
      else
        body(at, row * count, count);
    }
  }

  const char* option_;
  std::vector<Index> sides_;
  Index sign_;
};

KEEL_INSTANCE(class Edges<float>)

}  // namespace KEEL_ABI
}  // namespace keel
