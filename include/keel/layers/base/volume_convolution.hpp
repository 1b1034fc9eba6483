#pragma once
/// Convolutions of volumes, by the kernels for images.

#include <keel/kernels/reduce.hpp>
#include <keel/layers/base/convolution.hpp>
#include <keel/layers/base/pass.hpp>
#include <keel/layers/base/volume.hpp>

namespace keel {
inline namespace KEEL_ABI {

/// A convolution from volumes x, samples of (d, h, w, channels), to y, samples of (d', h', w', filters). Each slice of y
/// is a convolution of an image whose channels are those of the slices that its windows see: they are laid side by
/// side, a sample at a time. Where windows see one slice each, in order, the slices are the images as they are. The
/// kernel is (kernel d, h, w, channels / groups, filters).
template <class T>
class VolumeConvolution {
 public:
  /// `x` and `y` are shapes of samples; the sweeps are those over x.
  VolumeConvolution(Index batch, const Shape& x, const Shape& y, const std::array<Sweep, 3>& sweeps,
                    const Triple& kernel_size, const Triple& strides, const Triple& dilation, Index groups)
      : batch_(batch),
        sample_(x.size()),
        out_sample_(y.size()),
        taps_(kernel_size.depth),
        area_(kernel_size.height * kernel_size.width),
        stride_(strides.depth),
        dilation_(dilation.depth),
        before_(sweeps[0].before),
        groups_(groups),
        part_(x.back() / groups),
        filters_(y.back()),
        slices_(x[0]),
        out_slices_(y[0]),
        pixels_(x[1] * x[2]),
        plain_(taps_ == 1 && stride_ == 1 && before_ == 0 && out_slices_ == slices_) {
    image_ = detail::convolution_geometry(plain_ ? batch * y[0] : y[0], {x[1], x[2], taps_ * x.back()},
                                          {y[1], y[2], y[3]}, sweeps[1].before, sweeps[2].before, kernel_size.slice(),
                                          strides.slice(), dilation.slice(), groups);
  }

  /// y = fused(conv(x, kernel) + bias).
  void forward(const T* x, const T* kernel, const Epilogue<T>& epilogue, T* y, Pass<T>& pass) const {
    if (plain_) return conv2d_forward<T>(image_, x, nullptr, epilogue, y, pass.kernel, kernel);
    Scratch::Frame frame(pass.kernel.scratch);
    T *const turned = turn(kernel, pass), *const seen = pass.kernel.scratch.template take<T>(seen_size());
    for (Index n = 0; n < batch_; ++n) {
      gather(x + n * sample_, seen);
      conv2d_forward<T>(image_, seen, nullptr, epilogue, y + n * out_sample_, pass.kernel, turned);
    }
  }
  /// Writes to `gradient`, or adds, that of the kernel.
  void backward_kernel(const T* x, const T* dy, T* gradient, bool accumulate, Pass<T>& pass) const {
    if (plain_) return conv2d_backward_kernel(image_, x, dy, gradient, accumulate, pass.kernel);
    Scratch::Frame frame(pass.kernel.scratch);
    T* const turned = pass.kernel.scratch.template take<T>(kernel_size());
    T* const seen = pass.kernel.scratch.template take<T>(seen_size());
    std::fill_n(turned, kernel_size(), T(0));
    for (Index n = 0; n < batch_; ++n) {
      gather(x + n * sample_, seen);
      conv2d_backward_kernel(image_, seen, dy + n * out_sample_, turned, n > 0, pass.kernel);
    }
    for_each_row([&](Index to, Index from, Index count) {
      for (Index i = 0; i < count; ++i)
        gradient[to + i] = accumulate ? gradient[to + i] + turned[from + i] : turned[from + i];
    });
  }
  /// Writes the gradient of x.
  void backward_input(const T* dy, const T* kernel, T* dx, Pass<T>& pass) const {
    if (plain_) return conv2d_backward_input(image_, dy, kernel, dx, pass.kernel);
    Scratch::Frame frame(pass.kernel.scratch);
    T *const turned = turn(kernel, pass), *const seen = pass.kernel.scratch.template take<T>(seen_size());
    std::fill_n(dx, batch_ * sample_, T(0));
    for (Index n = 0; n < batch_; ++n) {
      conv2d_backward_input(image_, dy + n * out_sample_, turned, seen, pass.kernel);
      scatter(seen, dx + n * sample_);
    }
  }

 private:
  Index seen_size() const { return out_slices_ * pixels_ * taps_ * groups_ * part_; }
  Index kernel_size() const { return taps_ * area_ * part_ * filters_; }
  /// body(place among what is seen, place in the sample), each of `part` values, for all that lies inside.
  template <class F>
  void for_each(F&& body) const {
    const Index channels = groups_ * part_;
    for (Index o = 0; o < out_slices_; ++o)
      for (Index k = 0; k < taps_; ++k) {
        const Index slice = o * stride_ + k * dilation_ - before_;
        if (slice < 0 || slice >= slices_) continue;
        for (Index p = 0; p < pixels_; ++p)
          for (Index g = 0; g < groups_; ++g)
            body(((o * pixels_ + p) * groups_ + g) * taps_ * part_ + k * part_,
                 (slice * pixels_ + p) * channels + g * part_);
      }
  }
  void gather(const T* x, T* seen) const {
    std::fill_n(seen, seen_size(), T(0));
    for_each([&](Index to, Index from) { std::copy_n(x + from, part_, seen + to); });
  }
  void scatter(const T* seen, T* dx) const {
    for_each([&](Index from, Index to) {
      for (Index i = 0; i < part_; ++i) dx[to + i] += seen[from + i];
    });
  }
  /// body(place in the kernel, place in that of the images, (h, w, d channels, filters), count) for each row of
  /// weights.
  template <class F>
  void for_each_row(F&& body) const {
    const Index row = part_ * filters_;
    for (Index k = 0; k < taps_; ++k)
      for (Index a = 0; a < area_; ++a) body((k * area_ + a) * row, (a * taps_ + k) * row, row);
  }
  /// The kernel as that of the images, in scratch memory.
  T* turn(const T* kernel, Pass<T>& pass) const {
    T* const image = pass.kernel.scratch.template take<T>(kernel_size());
    for_each_row([&](Index from, Index to, Index count) { std::copy_n(kernel + from, count, image + to); });
    return image;
  }

  Index batch_, sample_, out_sample_, taps_, area_, stride_, dilation_, before_, groups_;
  Index part_;  ///< channels of a group
  Index filters_, slices_, out_slices_, pixels_;
  bool plain_;
  Conv2DGeometry image_{};
};

KEEL_INSTANCE(class VolumeConvolution<float>)

}  // namespace KEEL_ABI
}  // namespace keel
