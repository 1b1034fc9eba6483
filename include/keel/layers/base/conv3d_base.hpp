#pragma once
/// What Conv3D and Conv3DTranspose share.

#include <keel/layers/base/initializers.hpp>
#include <keel/layers/base/output_activation.hpp>
#include <keel/layers/base/transposed.hpp>
#include <keel/layers/base/volume_convolution.hpp>

namespace keel {
inline namespace KEEL_ABI {

/// Base of Conv3D and Conv3DTranspose: y = activation(z + bias), z being a convolution of x, or what the convolution from
/// y's to x's shape would pass to its input as a gradient.
template <class T>
class Conv3DBase : public Layer<T> {
 public:
  Index filters() const { return filters_; }
  /// In slices, rows and columns.
  Triple kernel_size() const { return kernel_size_; }
  Parameter<T>& kernel() { return kernel_; }
  Parameter<T>& bias() { return bias_; }

  Shape output_shape(Shapes inputs) const override {
    const Shape& in = this->single_input(inputs, 4);
    const Index channels = in.back(), groups = spec_.groups;
    if (channels < 1 || channels % groups != 0)
      throw ShapeError(this->who(), groups > 1 ? "channels divisible by groups, " + std::to_string(groups) : "channels",
                       in.to_string());
    if (kernel_.size() > 0 &&
        kernel_.shape()[spec_.transposed ? 4 : 3] != (spec_.transposed ? channels : channels / groups))
      throw ShapeError(this->who(), "channels that fit the kernel " + kernel_.shape().to_string(), in.to_string());
    const auto [d, h, w] = sweeps(in);
    return {d.out, h.out, w.out, filters_};
  }
  void build(Shapes inputs, Rng& rng) override {
    const Index channels = inputs[0].back(), groups = spec_.groups;
    const Index part = (spec_.transposed ? filters_ : channels) / groups,
                whole = spec_.transposed ? channels : filters_;
    const Shape kernel{kernel_size_.depth, kernel_size_.height, kernel_size_.width, part, whole};
    const Fans fans(cells() * part, cells() * whole);
    kernel_ = {"kernel", initial_values<T>(kernel, spec_.kernel_initializer, fans, rng)};
    if (spec_.use_bias) bias_ = {"bias", initial_values<T>({filters_}, spec_.bias_initializer, fans, rng)};
  }
  std::vector<Parameter<T>*> parameters() override {
    if (spec_.use_bias) return {&kernel_, &bias_};
    return {&kernel_};
  }
  Index multiply_adds(Shapes inputs) const override {
    const Index channels = inputs[0].back();
    const Index places = spec_.transposed ? inputs[0].size() / channels : output_shape(inputs).size() / filters_;
    return places * cells() * channels * filters_ / spec_.groups;
  }

  void forward(Inputs<T> x, TensorView<T> y, Pass<T>& pass) const override {
    const VolumeConvolution<T> convolution = convolution_of(x[0].shape(), y.shape());
    const T *const kernel = kernel_.value().data(), *const bias = spec_.use_bias ? bias_.value().data() : nullptr;
    activated_forward(output_activation(spec_.activation, pass), y, pass, [&](T* out, const ActivationSpec& fused) {
      if (!spec_.transposed) return convolution.forward(x[0].data(), kernel, {bias, nullptr, fused}, out, pass);
      convolution.backward_input(x[0].data(), kernel, out, pass);
      for (Index i = 0; bias && i < y.size(); i += filters_)
        for (Index c = 0; c < filters_; ++c) out[i + c] += bias[c];
      if (fused.kind != Activation::linear) activation_forward(fused, 1, y.size(), out, out, pass.kernel);
    });
  }
  void backward(Inputs<T> x, TensorView<const T> y, TensorView<const T> dy, Outputs<T> dx, Pass<T>& pass) override {
    const VolumeConvolution<T> convolution = convolution_of(x[0].shape(), y.shape());
    Scratch::Frame frame(pass.kernel.scratch);
    const T* const dz = activated_backward(output_activation(spec_.activation, pass), y, dy, pass);
    const T *from = x[0].data(), *to = dz;
    if (spec_.transposed) std::swap(from, to);
    if (kernel_.trains()) convolution.backward_kernel(from, to, kernel_.gradient.data(), pass.asked.accumulate, pass);
    if (bias_.trains() && spec_.use_bias)
      column_sums(y.size() / filters_, filters_, dz, bias_.gradient.data(), pass.asked.accumulate, pass.kernel);
    if (!dx[0].data()) return;
    if (spec_.transposed) return convolution.forward(dz, kernel_.value().data(), {}, dx[0].data(), pass);
    convolution.backward_input(dz, kernel_.value().data(), dx[0].data(), pass);
  }

  Acceleration<T> acceleration() const override {
    return {.activation = spec_.activation,
            .fuses = {.activation = spec_.activation.kind == Activation::linear},
            .overwrites_gradients = true};
  }

 protected:
  /// The options of both, and which way it goes.
  struct Spec {
    Triple strides = 1;                                    ///< from one window to the next
    Padding3D padding = Padding::Mode::valid;              ///< around what the windows slide over
    Triple output_padding = -1;                            ///< of the transposed one; -1: none
    Triple dilation_rate = 1;                              ///< between a window's cells
    Index groups = 1;                                      ///< parts of the channels
    ActivationSpec activation = {};                        ///< applied to the output
    bool use_bias = true;                                  ///< whether a number is added to each channel
    bool transposed = false;                               ///< whether it goes from y's to x's shape
    InitializerSpec kernel_initializer, bias_initializer;  ///< the first values
  };
  /// Throws ConfigError for numbers out of range, in the name of `type`.
  [[gnu::cold]] Conv3DBase(const std::string& type, std::string name, Index filters, const Triple& kernel_size,
                           Spec spec)
      : Layer<T>(std::move(name)), filters_(filters), kernel_size_(kernel_size), spec_(std::move(spec)) {
    const std::string who = detail::who(this->name(), type);
    check_option(who, "filters", filters_);
    check_option(who, "kernel_size", kernel_size_);
    check_option(who, "strides", spec_.strides);
    check_option(who, "dilation_rate", spec_.dilation_rate);
    check_option(who, spec_.padding);
    check_option(who, "groups", spec_.groups);
    if (filters_ % spec_.groups != 0)
      throw ConfigError(who, "filters divisible by groups, " + std::to_string(spec_.groups), std::to_string(filters_));
    if (spec_.output_padding == Triple(-1)) return;
    check_option(who, "output_padding", spec_.output_padding, 0);
    for (const Axis& axis : axes())
      detail::check_transposed_extra(who, spec_.padding.slice.mode, axis.extra, axis.kernel, axis.stride,
                                     axis.dilation);
  }
  /// What Options has, both ways.
  template <class Options>
  static Spec spec_of(const Options& o, bool transposed) {
    return {.strides = o.strides,
            .padding = o.padding,
            .dilation_rate = o.dilation_rate,
            .groups = o.groups,
            .activation = o.activation,
            .use_bias = o.use_bias,
            .transposed = transposed,
            .kernel_initializer = o.kernel_initializer,
            .bias_initializer = o.bias_initializer};
  }
  /// The kernel's extents in a saved configuration.
  static Triple read_kernel_size(const Config& config) {
    Triple kernel_size = 0;
    read_option(config, "kernel_size", kernel_size);
    return kernel_size;
  }
  /// filters and kernel_size in one.
  [[gnu::cold]] Config extents_config() const {
    Config config{{"filters", filters_}};
    write_option(config, "kernel_size", kernel_size_);
    return config;
  }

 private:
  struct Axis {
    Index kernel, stride, dilation, extra, before, after;
  };
  Index cells() const { return kernel_size_.depth * kernel_size_.height * kernel_size_.width; }
  [[gnu::cold]] std::array<Axis, 3> axes() const {
    const Padding3D& p = spec_.padding;
    const auto axis = [&](Index Triple::*side, Index before, Index after) {
      return Axis{.kernel = kernel_size_.*side,
                  .stride = spec_.strides.*side,
                  .dilation = spec_.dilation_rate.*side,
                  .extra = spec_.output_padding.*side,
                  .before = before,
                  .after = after};
    };
    return {axis(&Triple::depth, p.front, p.back), axis(&Triple::height, p.slice.top, p.slice.bottom),
            axis(&Triple::width, p.slice.left, p.slice.right)};
  }
  /// Along each axis the places of the output, and what is put or cut off in front.
  [[gnu::cold]] std::array<Sweep, 3> sweeps(const Shape& in) const {
    if (!spec_.transposed)
      return keel::sweeps(*this, in, kernel_size_, spec_.strides, spec_.dilation_rate, spec_.padding);
    if (in.size() < 1) throw ShapeError(this->who(), "at least one cell and channel", in.to_string());
    std::array<Sweep, 3> all{};
    const Index* extent = in.begin();
    Sweep* to = all.data();
    for (const Axis& a : axes()) {
      const auto made = detail::transposed_extent(*this, spec_.padding.slice.mode, *extent++, a.kernel, a.stride,
                                                  a.dilation, a.before, a.after, a.extra);
      *to++ = {made.out, made.before, 0};
    }
    return all;
  }
  [[gnu::cold]] VolumeConvolution<T> convolution_of(const Shape& x, const Shape& y) const {
    return {x[0],
            spec_.transposed ? y.sample() : x.sample(),
            spec_.transposed ? x.sample() : y.sample(),
            sweeps(x.sample()),
            kernel_size_,
            spec_.strides,
            spec_.dilation_rate,
            spec_.groups};
  }

  Index filters_;
  Triple kernel_size_;
  Spec spec_;
  Parameter<T> kernel_, bias_;
};

KEEL_INSTANCE(class Conv3DBase<float>)

}  // namespace KEEL_ABI
}  // namespace keel
