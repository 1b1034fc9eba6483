#pragma once
/// Images of another size: what UpSampling2D and Resizing compute.

#include <algorithm>
#include <cmath>

#include <keel/tensor/shape.hpp>

namespace keel {
inline namespace KEEL_ABI {

namespace detail {

/// The one or two places of an axis of `in` values behind place i of `out`, and their weights: i lies at
/// p = (i + 1/2) in / out - 1/2 (half-pixel centres), the border being repeated; the nearest place is floor(p + 1/2).
struct ResampleTaps {
  Index at[2];
  double weights[2];

  ResampleTaps(Index i, Index in, Index out, bool nearest) {
    const double center = (static_cast<double>(i) + 0.5) * static_cast<double>(in) / static_cast<double>(out);
    const double below = std::floor(nearest ? center : center - 0.5);
    weights[1] = nearest ? 0 : center - 0.5 - below;
    weights[0] = 1 - weights[1];
    const auto first = static_cast<Index>(below);
    at[0] = (std::min)((std::max)(first, Index{0}), in - 1);
    at[1] = (std::min)((std::max)(first + 1, Index{0}), in - 1);
  }
};

/// For every pixel of images of shape `out` and every pixel of `in` that it reads, both (batch, h, w, channels):
/// of_out += weight of_in, or, `back`, of_in += weight of_out.
template <class T>
void resample(const Shape& in, const Shape& out, bool nearest, bool back, T* of_in, T* of_out) {
  const Index channels = in[3];
  for (Index n = 0; n < in[0]; ++n)
    for (Index i = 0; i < out[1]; ++i) {
      const ResampleTaps row(i, in[1], out[1], nearest);
      for (Index j = 0; j < out[2]; ++j) {
        const ResampleTaps column(j, in[2], out[2], nearest);
        T* const pixel = of_out + ((n * out[1] + i) * out[2] + j) * channels;
        for (int tap = 0; tap < 4; ++tap) {
          const T weight = static_cast<T>(row.weights[tap / 2] * column.weights[tap % 2]);
          if (weight == 0) continue;
          T* const read = of_in + ((n * in[1] + row.at[tap / 2]) * in[2] + column.at[tap % 2]) * channels;
          T *const to = back ? read : pixel, *const from = back ? pixel : read;
          for (Index c = 0; c < channels; ++c) to[c] += weight * from[c];
        }
      }
    }
}

}  // namespace detail

/// y = the images of shape `in` brought to shape `out`, bilinear or the nearest pixels.
template <class T>
void resample_forward(const Shape& in, const Shape& out, bool nearest, const T* x, T* y) {
  std::fill_n(y, out.size(), T(0));
  detail::resample(in, out, nearest, false, const_cast<T*>(x), y);
}
/// dx of dy.
template <class T>
void resample_backward(const Shape& in, const Shape& out, bool nearest, const T* dy, T* dx) {
  std::fill_n(dx, in.size(), T(0));
  detail::resample(in, out, nearest, true, dx, const_cast<T*>(dy));
}

KEEL_INSTANCE(void detail::resample<float>(const Shape&, const Shape&, bool, bool, float*, float*))

}  // namespace KEEL_ABI
}  // namespace keel
