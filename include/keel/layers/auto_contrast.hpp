#pragma once
/// Images stretched over the range of values.

#include <keel/layers/base/layer.hpp>
#include <keel/layers/base/options.hpp>

namespace keel {
inline namespace KEEL_ABI {

struct AutoContrastOptions {
  /// The least and the largest value that images may have, in their unit; default 0 and 255.
  Numbers value_range = {0, 255};
  /// In the model; by default made from the class.
  std::string name = {};

  template <class F>
  void fields(F&& f) {
    f("value_range", value_range);
  }
};

/// Each channel of each image stretched over the range of values: of the channel's least value `low` and largest `high`
///
///     y = from + (to - from) (x - low) / (high - low),     y = x where high = low
///
/// Input and output (batch, h, w, channels), the same in training. Where several places have the least or the largest
/// value, each takes its part of the gradient. Throws ConfigError unless the range is two different numbers, ShapeError
/// for an input of another rank or without pixels. Keras: AutoContrast. PyTorch: none in torch.nn.
template <class T = float>
class AutoContrast : public Layer<T> {
 public:
  explicit AutoContrast(AutoContrastOptions options = {}) : Layer<T>(options.name), options_(std::move(options)) {
    std::vector<double>& range = options_.value_range.values;
    if (range.size() != 2 || !(range[0] != range[1]))
      throw ConfigError(this->who(), "value_range of two different numbers", std::to_string(range.size()) + " numbers");
    if (range[1] < range[0]) std::swap(range[0], range[1]);
  }
  static AutoContrast from_config(const Config& config) {
    return AutoContrast(read_options<AutoContrastOptions>(config));
  }

  const AutoContrastOptions& options() const { return options_; }

  std::string type() const override { return "AutoContrast"; }
  Config config() const override { return with_options({}, options_); }
  Shape output_shape(Shapes inputs) const override {
    const Shape& in = this->single_input(inputs, 3);
    if (in[0] < 1 || in[1] < 1) throw ShapeError(this->who(), "images of at least one pixel", in.to_string());
    return in;
  }

  void forward(Inputs<T> x, TensorView<T> y, Pass<T>&) const override {
    const T from = static_cast<T>(options_.value_range.values[0]), all = range();
    for_each_channel(x[0], [&](const Channel& c) {
      c.each([&](Index i) {
        y[i] = c.flat() ? x[0][i] : (std::clamp)((x[0][i] - c.low) / (c.high - c.low), T(0), T(1)) * all + from;
      });
    });
  }
  /// With s = (to - from) / (high - low): s dy, and what moves low and high, shared among the places that have them.
  void backward(Inputs<T> x, TensorView<const T>, TensorView<const T> dy, Outputs<T> dx, Pass<T>&) override {
    if (!dx[0].data()) return;
    for_each_channel(x[0], [&](const Channel& c) {
      if (c.flat()) return c.each([&](Index i) { dx[0][i] = dy[i]; });
      const T width = c.high - c.low, scale = range() / width;
      T of_low = 0, of_high = 0;
      Index lows = 0, highs = 0;
      c.each([&](Index i) {
        const T place = (x[0][i] - c.low) / width;
        of_low += dy[i] * scale * (place - 1);
        of_high -= dy[i] * scale * place;
        lows += x[0][i] == c.low;
        highs += x[0][i] == c.high;
      });
      c.each([&](Index i) {
        dx[0][i] = dy[i] * scale;
        if (x[0][i] == c.low) dx[0][i] += of_low / static_cast<T>(lows);
        if (x[0][i] == c.high) dx[0][i] += of_high / static_cast<T>(highs);
      });
    });
  }

 private:
  /// One channel of one image: places `first`, `first + step`, ... and its extreme values.
  struct Channel {
    Index first, step, count;
    T low, high;

    bool flat() const { return !(low < high); }
    template <class F>
    void each(F&& body) const {
      for (Index i = 0; i < count; ++i) body(first + i * step);
    }
  };
  T range() const { return static_cast<T>(options_.value_range.values[1] - options_.value_range.values[0]); }
  template <class F>
  static void for_each_channel(const TensorView<const T>& x, F&& body) {
    const Index channels = x.shape().back(), pixels = x.shape()[1] * x.shape()[2];
    for (Index n = 0; n < x.shape()[0]; ++n)
      for (Index i = 0; i < channels; ++i) {
        Channel c{.first = n * pixels * channels + i, .step = channels, .count = pixels, .low = 0, .high = 0};
        c.low = c.high = x[c.first];
        c.each([&](Index at) {
          c.low = (std::min)(c.low, x[at]);
          c.high = (std::max)(c.high, x[at]);
        });
        body(c);
      }
  }

  AutoContrastOptions options_;
};
KEEL_REFUSE_OTHERS(AutoContrast)

KEEL_INSTANCE(class AutoContrast<float>)

}  // namespace KEEL_ABI
}  // namespace keel
