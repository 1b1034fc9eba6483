#pragma once
/// 3-D convolution. Longer than other layers: it brings volumes to the kernels for images and back.

#include <keel/kernels/reduce.hpp>
#include <keel/layers/base/convolution.hpp>
#include <keel/layers/base/initializers.hpp>
#include <keel/layers/base/output_activation.hpp>
#include <keel/layers/base/volume.hpp>

namespace keel {
inline namespace KEEL_ABI {

struct Conv3DOptions {
  /// Slices, rows and columns from one window to the next; default 1.
  Triple strides = 1;
  /// What surrounds the volume (base/volume.hpp); default valid, nothing.
  Padding3D padding = Padding::Mode::valid;
  /// Distance of a window's cells; default 1.
  Triple dilation_rate = 1;
  /// Parts of the channels that are convolved apart, each with its part of the filters; default 1.
  Index groups = 1;
  /// Applied to the output; default linear.
  ActivationSpec activation = Activation::linear;
  /// Whether a number is added to each channel; default true.
  bool use_bias = true;
  /// The kernel's first values; default glorot_uniform.
  InitializerSpec kernel_initializer = Initializer::glorot_uniform;
  /// The bias's first values; default zeros.
  InitializerSpec bias_initializer = Initializer::zeros;
  /// In the model; by default made from the class.
  std::string name = {};

  template <class F>
  void fields(F&& f) {
    f("strides", strides);
    f("padding", padding);
    f("dilation_rate", dilation_rate);
    f("groups", groups);
    f("activation", activation);
    f("use_bias", use_bias);
    f("kernel_initializer", kernel_initializer);
    f("bias_initializer", bias_initializer);
  }
};

/// 3-D convolution: y = activation(conv(x, kernel) + bias).
///
/// Input (batch, d, h, w, channels), output (batch, d', h', w', filters) with the extents of `sweeps`
/// (base/volume.hpp). Parameters: kernel (kernel d, h, w, channels / groups, filters), bias (filters). Throws
/// ConfigError for numbers out of range and filters that groups do not divide, ShapeError for an input of another rank
/// or number of channels, or smaller than the window. Keras: Conv3D, which refuses strides and dilation together.
/// PyTorch: Conv3d.
///
/// Each slice of the output is a convolution of an image whose channels are those of the slices that its windows see:
/// they are laid side by side, a sample at a time, and the kernels for images do the rest.
template <class T = float>
class Conv3D : public Layer<T> {
 public:
  /// `kernel_size`: in slices, rows and columns.
  [[gnu::cold]] Conv3D(Index filters, Triple kernel_size, Conv3DOptions options = {})
      : Layer<T>(options.name), filters_(filters), kernel_size_(kernel_size), options_(std::move(options)) {
    const std::string who = detail::who(this->name(), "Conv3D");
    check_option(who, "filters", filters_);
    check_option(who, "kernel_size", kernel_size_);
    check_option(who, "strides", options_.strides);
    check_option(who, "dilation_rate", options_.dilation_rate);
    check_option(who, options_.padding);
    check_option(who, "groups", options_.groups);
    if (filters_ % options_.groups != 0)
      throw ConfigError(who, "filters divisible by groups, " + std::to_string(options_.groups),
                        std::to_string(filters_));
  }
  static Conv3D from_config(const Config& config) {
    Triple kernel_size = 0;
    read_option(config, "kernel_size", kernel_size);
    return Conv3D(config.get<Index>("filters", 0), kernel_size, read_options<Conv3DOptions>(config));
  }

  Index filters() const { return filters_; }
  /// In slices, rows and columns.
  Triple kernel_size() const { return kernel_size_; }
  const Conv3DOptions& options() const { return options_; }
  Parameter<T>& kernel() { return kernel_; }
  Parameter<T>& bias() { return bias_; }

  std::string type() const override { return "Conv3D"; }
  Config config() const override {
    Config config{{"filters", filters_}};
    write_option(config, "kernel_size", kernel_size_);
    return with_options(std::move(config), options_);
  }
  Shape output_shape(Shapes inputs) const override {
    const Shape& in = this->single_input(inputs, 4);
    const Index channels = in.back(), groups = options_.groups;
    if (channels < 1 || channels % groups != 0)
      throw ShapeError(this->who(), groups > 1 ? "channels divisible by groups, " + std::to_string(groups) : "channels",
                       in.to_string());
    if (kernel_.size() > 0 && kernel_.shape()[3] != channels / groups)
      throw ShapeError(this->who(), "channels that fit the kernel " + kernel_.shape().to_string(), in.to_string());
    const auto [d, h, w] = sweeps(in);
    return {d.out, h.out, w.out, filters_};
  }
  void build(Shapes inputs, Rng& rng) override {
    const Index in = inputs[0].back() / options_.groups;
    const Shape kernel{kernel_size_.depth, kernel_size_.height, kernel_size_.width, in, filters_};
    const Index area = kernel_size_.depth * kernel_size_.height * kernel_size_.width;
    const Fans fans(area * in, area * filters_);
    kernel_ = {"kernel", initial_values<T>(kernel, options_.kernel_initializer, fans, rng)};
    if (options_.use_bias) bias_ = {"bias", initial_values<T>({filters_}, options_.bias_initializer, fans, rng)};
  }
  std::vector<Parameter<T>*> parameters() override {
    if (options_.use_bias) return {&kernel_, &bias_};
    return {&kernel_};
  }
  Index multiply_adds(Shapes inputs) const override {
    const Shape out = output_shape(inputs);
    return out[0] * out[1] * out[2] * kernel_size_.depth * kernel_size_.height * kernel_size_.width *
           (inputs[0].back() / options_.groups) * filters_;
  }

  void forward(Inputs<T> x, TensorView<T> y, Pass<T>& pass) const override {
    const Slices s(*this, x[0].shape());
    activated_forward(output_activation(options_.activation, pass), y, pass, [&](T* out, const ActivationSpec& fused) {
      Scratch::Frame frame(pass.kernel.scratch);
      T* const kernel = pass.kernel.scratch.template take<T>(kernel_.size());
      T* const seen = pass.kernel.scratch.template take<T>(s.seen_size());
      turn_kernel(s, kernel);
      const Epilogue<T> epilogue{options_.use_bias ? bias_.value().data() : nullptr, nullptr, fused};
      for (Index n = 0; n < s.batch; ++n) {
        s.gather(x[0].data() + n * s.sample, seen);
        conv2d_forward<T>(s.image, seen, nullptr, epilogue, out + n * s.out_sample, pass.kernel, kernel);
      }
    });
  }
  void backward(Inputs<T> x, TensorView<const T> y, TensorView<const T> dy, Outputs<T> dx, Pass<T>& pass) override {
    const Slices s(*this, x[0].shape());
    Scratch::Frame frame(pass.kernel.scratch);
    const T* const dz = activated_backward(output_activation(options_.activation, pass), y, dy, pass);
    T* const kernel = pass.kernel.scratch.template take<T>(kernel_.size());
    T* const seen = pass.kernel.scratch.template take<T>(s.seen_size());
    if (kernel_.trains()) {
      std::fill_n(kernel, kernel_.size(), T(0));
      for (Index n = 0; n < s.batch; ++n) {
        s.gather(x[0].data() + n * s.sample, seen);
        conv2d_backward_kernel(s.image, seen, dz + n * s.out_sample, kernel, n > 0, pass.kernel);
      }
      T* const gradient = kernel_.gradient.data();
      for_each_row(s, [&](Index to, Index from, Index count) {
        for (Index i = 0; i < count; ++i)
          gradient[to + i] = pass.asked.accumulate ? gradient[to + i] + kernel[from + i] : kernel[from + i];
      });
    }
    if (bias_.trains() && options_.use_bias)
      column_sums(y.size() / filters_, filters_, dz, bias_.gradient.data(), pass.asked.accumulate, pass.kernel);
    if (!dx[0].data()) return;
    turn_kernel(s, kernel);
    std::fill(dx[0].begin(), dx[0].end(), T(0));
    for (Index n = 0; n < s.batch; ++n) {
      conv2d_backward_input(s.image, dz + n * s.out_sample, kernel, seen, pass.kernel);
      s.scatter(seen, dx[0].data() + n * s.sample);
    }
  }

  Acceleration<T> acceleration() const override {
    return {.activation = options_.activation,
            .fuses = {.activation = options_.activation.kind == Activation::linear},
            .overwrites_gradients = true};
  }

 private:
  std::array<Sweep, 3> sweeps(const Shape& in) const {
    return keel::sweeps(*this, in, kernel_size_, options_.strides, options_.dilation_rate, options_.padding);
  }

  /// The slices of a sample's output as images: pixel by pixel, for each group, the channels of the slices that a
  /// window sees.
  struct Slices {
    Index batch, sample, out_sample, taps, stride, dilation, before, groups, part;  ///< part: channels of a group
    Index slices, out_slices, pixels;
    Conv2DGeometry image;

    Slices(const Conv3D& layer, const Shape& x)
        : batch(x[0]),
          sample(x.sample().size()),
          taps(layer.kernel_size_.depth),
          stride(layer.options_.strides.depth),
          dilation(layer.options_.dilation_rate.depth),
          groups(layer.options_.groups),
          part(x.back() / groups),
          slices(x[1]),
          pixels(x[2] * x[3]) {
      const auto [d, h, w] = layer.sweeps(x.sample());
      before = d.before;
      out_slices = d.out;
      out_sample = d.out * h.out * w.out * layer.filters_;
      image = detail::convolution_geometry(
          d.out, {x[2], x[3], taps * x.back()}, {h.out, w.out, layer.filters_}, h.before, w.before,
          layer.kernel_size_.slice(), layer.options_.strides.slice(), layer.options_.dilation_rate.slice(), groups);
    }
    Index seen_size() const { return out_slices * pixels * taps * groups * part; }
    /// body(place among what is seen, place in the sample), each of `part` values, for all that lies inside.
    template <class F>
    void for_each(F&& body) const {
      const Index channels = groups * part;
      for (Index o = 0; o < out_slices; ++o)
        for (Index k = 0; k < taps; ++k) {
          const Index slice = o * stride + k * dilation - before;
          if (slice < 0 || slice >= slices) continue;
          for (Index p = 0; p < pixels; ++p)
            for (Index g = 0; g < groups; ++g)
              body(((o * pixels + p) * groups + g) * taps * part + k * part,
                   (slice * pixels + p) * channels + g * part);
        }
    }
    void gather(const T* x, T* seen) const {
      std::fill_n(seen, seen_size(), T(0));
      for_each([&](Index to, Index from) { std::copy_n(x + from, part, seen + to); });
    }
    void scatter(const T* seen, T* dx) const {
      for_each([&](Index from, Index to) {
        for (Index i = 0; i < part; ++i) dx[to + i] += seen[from + i];
      });
    }
  };

  /// body(place in the kernel, place in that of the images, (h, w, d channels, filters), count) for each row of
  /// weights.
  template <class F>
  void for_each_row(const Slices& s, F&& body) const {
    const Index area = kernel_size_.height * kernel_size_.width, row = s.part * filters_;
    for (Index k = 0; k < s.taps; ++k)
      for (Index a = 0; a < area; ++a) body((k * area + a) * row, (a * s.taps + k) * row, row);
  }
  void turn_kernel(const Slices& s, T* image) const {
    const T* const kernel = kernel_.value().data();
    for_each_row(s, [&](Index from, Index to, Index count) { std::copy_n(kernel + from, count, image + to); });
  }

  Index filters_;
  Triple kernel_size_;
  Conv3DOptions options_;
  Parameter<T> kernel_, bias_;
};
KEEL_REFUSE_OTHERS(Conv3D)

KEEL_INSTANCE(class Conv3D<float>)

}  // namespace KEEL_ABI
}  // namespace keel
