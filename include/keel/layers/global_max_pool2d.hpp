#pragma once
/// The largest value of each channel.

#include <limits>

#include <keel/layers/base/broadcast.hpp>
#include <keel/layers/base/global_pool2d.hpp>

namespace keel {
inline namespace KEEL_ABI {

/// Which of several equal largest values gets the gradient.
enum class TiedGradient {
  shared,  ///< each an equal part: tf.keras, and PyTorch's amax
  first    ///< the first, row by row: PyTorch's AdaptiveMaxPool2d
};

struct GlobalMaxPool2DOptions {
  /// Keep height and width as axes of extent 1 (PyTorch's AdaptiveMaxPool2d(1)); default false.
  bool keepdims = false;
  /// Who gets the gradient where several values are the largest; default shared.
  TiedGradient ties = TiedGradient::shared;
  /// In the model; by default made from the class.
  std::string name = {};

  /// torch.nn.AdaptiveMaxPool2d(1)'s.
  static GlobalMaxPool2DOptions torch() { return {.keepdims = true, .ties = TiedGradient::first}; }

  template <class F>
  void fields(F&& f) {
    f("keepdims", keepdims);
    bool shares = ties == TiedGradient::shared;
    f("share_ties", shares);
    ties = shares ? TiedGradient::shared : TiedGradient::first;
  }
};

/// y = the largest value of each channel over height and width; NaN if there is one.
///
/// Input (batch, h, w, channels), output (batch, channels), or (batch, 1, 1, channels). Throws ShapeError for an input
/// of another rank or without pixels. A channel that holds NaN has NaN gradients where ties share (as in tf.keras),
/// else the first NaN has the gradient.
///
/// Keras: GlobalMaxPooling2D. TensorFlow.js gives each of several largest values the whole gradient, which is no
/// derivative. PyTorch: AdaptiveMaxPool2d(1), with `GlobalMaxPool2DOptions::torch()`.
template <class T = float>
class GlobalMaxPool2D : public GlobalPool2D<T, GlobalMaxPool2DOptions> {
  using Base = GlobalPool2D<T, GlobalMaxPool2DOptions>;

 public:
  explicit GlobalMaxPool2D(GlobalMaxPool2DOptions options = {}) : Base(std::move(options), 2) {}
  static GlobalMaxPool2D from_config(const Config& config) {
    return GlobalMaxPool2D(read_options<GlobalMaxPool2DOptions>(config));
  }

  std::string type() const override { return "GlobalMaxPooling2D"; }

  void forward(Inputs<T> x, TensorView<T> y, Pass<T>& pass) const override {
    const PoolGeometry g = geometry(x[0].shape());
    std::byte* winners = nullptr;
    if (pass.cache && !shares()) {
      pass.cache->bytes.resize(static_cast<std::size_t>(max_pool_argmax_bytes<T>(g)));
      winners = pass.cache->bytes.data();
    }
    max_pool_forward(g, x[0].data(), y.data(), winners, pass.kernel);
  }
  void backward(Inputs<T> x, TensorView<const T> y, TensorView<const T> dy, Outputs<T> dx, Pass<T>& pass) override {
    if (!dx[0].data()) return;
    if (!shares())
      return max_pool_backward(geometry(x[0].shape()), dy.data(), pass.cache->bytes.data(), dx[0].data(), pass.kernel);
    const Index channels = x[0].shape().back(), pixels = this->cells(x[0].shape());
    Scratch::Frame frame(pass.kernel.scratch);
    Stretch<T> count = stretch(pass.kernel.scratch.template take<T>(channels), channels);
    Stretch<T> part = stretch(pass.kernel.scratch.template take<T>(channels), channels);
    for (Index n = 0; n < x[0].shape()[0]; ++n) {
      const T* const from = x[0].data() + n * pixels * channels;
      const Stretch<const T> largest = stretch(y.data() + n * channels, channels);
      count.setZero();
      for (Index i = 0; i < pixels; ++i)
        count += (stretch(from + i * channels, channels) == largest).template cast<T>();
      // NaN equals nothing, and its channel's gradients are NaN
      part =
          (count > 0).select(stretch(dy.data() + n * channels, channels) / count, std::numeric_limits<T>::quiet_NaN());
      T* const to = dx[0].data() + n * pixels * channels;
      for (Index i = 0; i < pixels; ++i)
        stretch(to + i * channels, channels) =
            (stretch(from + i * channels, channels) == largest || count == 0).select(part, T(0));
    }
  }

 protected:
  GlobalMaxPool2D(GlobalMaxPool2DOptions options, Index axes) : Base(std::move(options), axes) {}

 private:
  bool shares() const { return this->options().ties == TiedGradient::shared; }
  PoolGeometry geometry(const Shape& in) const { return global_pool_geometry(in[0], 1, this->cells(in), in.back()); }
};
KEEL_REFUSE_OTHERS(GlobalMaxPool2D)

KEEL_INSTANCE(class GlobalPool2D<float, GlobalMaxPool2DOptions>)
KEEL_INSTANCE(class GlobalMaxPool2D<float>)

}  // namespace KEEL_ABI
}  // namespace keel
