#pragma once

#include <algorithm>

#include <keel/kernels/epilogue.hpp>
#include <keel/kernels/parallel.hpp>

namespace keel::inline KEEL_ABI {

/// A 2-D convolution (cross-correlation, as in every framework) of channels-last images:
///
///     y(n, i, j, f) = sum over r, s, c of x(n, i sh + r dh - pt, j sw + s dw - pl, c) kernel(r, s, c, f)
///
/// with zeros outside x. The kernel is (kernel_h, kernel_w, in_c / groups, out_c); output channels
/// [k out_c/groups, (k+1) out_c/groups) see input channels [k in_c/groups, (k+1) in_c/groups).
/// The padding at the bottom and the right is whatever out_h and out_w imply.
struct Conv2DGeometry {
  Index batch = 1, in_h = 1, in_w = 1, in_c = 1, out_h = 1, out_w = 1, out_c = 1;
  Index kernel_h = 1, kernel_w = 1, stride_h = 1, stride_w = 1, dilation_h = 1, dilation_w = 1;
  Index pad_top = 0, pad_left = 0, groups = 1;

  Index group_in() const { return in_c / groups; }
  Index group_out() const { return out_c / groups; }
  Index kernel_size() const { return kernel_h * kernel_w * group_in() * out_c; }
};

namespace detail {

/// Kernel taps [begin, end) along one axis that fall inside [0, in) from output position `out`.
struct TapRange {
  Index begin, end, start;  // start: input position of tap 0
  TapRange(Index out, Index stride, Index dilation, Index pad, Index taps, Index in)
      : start(out * stride - pad) {
    begin = start < 0 ? (std::min)((-start + dilation - 1) / dilation, taps) : 0;
    end = start >= in ? 0 : (std::min)((in - 1 - start) / dilation + 1, taps);
    end = (std::max)(begin, end);
  }
};

}  // namespace detail

/// Number of values that conv2d_pack writes. The batch is irrelevant.
template <class T>
Index conv2d_packed_size(const Conv2DGeometry& g) {
  return g.kernel_size();
}

/// Arranges a kernel for conv2d_forward.
template <class T>
void conv2d_pack(const Conv2DGeometry& g, const T* kernel, T* packed) {
  std::copy(kernel, kernel + g.kernel_size(), packed);
}

/// y = activation(conv(x, kernel) + bias + residual).
template <class T>
void conv2d_forward(const Conv2DGeometry& g, const T* x, const T* packed, const Epilogue<T>& epilogue, T* y,
                    const KernelContext& context) {
  const Index ci = g.group_in(), co = g.group_out();
  Scratch::Frame frame(context.scratch);
  T* const sums = context.scratch.take<T>(co * thread_count(context.threads));
  parallel_for(context.threads, g.batch * g.out_h, 1, [&](Index begin, Index end, int thread) {
    T* const sum = sums + thread * co;
    for (Index row = begin; row < end; ++row) {
      const T* const image = x + row / g.out_h * g.in_h * g.in_w * g.in_c;
      const detail::TapRange rows(row % g.out_h, g.stride_h, g.dilation_h, g.pad_top, g.kernel_h, g.in_h);
      for (Index j = 0; j < g.out_w; ++j) {
        const detail::TapRange columns(j, g.stride_w, g.dilation_w, g.pad_left, g.kernel_w, g.in_w);
        for (Index k = 0; k < g.groups; ++k) {
          const Index at = (row * g.out_w + j) * g.out_c + k * co;
          for (Index f = 0; f < co; ++f) sum[f] = T(0);
          for (Index r = rows.begin; r < rows.end; ++r)
            for (Index s = columns.begin; s < columns.end; ++s) {
              const T* const pixel =
                  image + ((rows.start + r * g.dilation_h) * g.in_w + columns.start + s * g.dilation_w) * g.in_c + k * ci;
              const T* weights = packed + (r * g.kernel_w + s) * ci * g.out_c + k * co;
              for (Index c = 0; c < ci; ++c, weights += g.out_c)
                for (Index f = 0; f < co; ++f) sum[f] += pixel[c] * weights[f];
            }
          for (Index f = 0; f < co; ++f) {
            if (epilogue.bias) sum[f] += epilogue.bias[k * co + f];
            if (epilogue.residual) sum[f] += epilogue.residual[at + f];
            y[at + f] = sum[f];
          }
        }
      }
    }
  });
  if (epilogue.activation.kind != Activation::linear)
    activation_forward(epilogue.activation, g.batch * g.out_h * g.out_w, g.out_c, y, y, context);
}

/// dx = the gradient of sum(dy conv(x, kernel)) with respect to x; it overwrites dx. As a function of dy it is
/// the transposed convolution.
template <class T>
void conv2d_backward_input(const Conv2DGeometry& g, const T* dy, const T* kernel, T* dx,
                           const KernelContext& context) {
  const Index ci = g.group_in(), co = g.group_out();
  parallel_for(context.threads, g.batch, 1, [&](Index begin, Index end) {
    std::fill(dx + begin * g.in_h * g.in_w * g.in_c, dx + end * g.in_h * g.in_w * g.in_c, T(0));
    for (Index row = begin * g.out_h; row < end * g.out_h; ++row) {
      T* const image = dx + row / g.out_h * g.in_h * g.in_w * g.in_c;
      const detail::TapRange rows(row % g.out_h, g.stride_h, g.dilation_h, g.pad_top, g.kernel_h, g.in_h);
      for (Index j = 0; j < g.out_w; ++j) {
        const detail::TapRange columns(j, g.stride_w, g.dilation_w, g.pad_left, g.kernel_w, g.in_w);
        const T* const gradient = dy + (row * g.out_w + j) * g.out_c;
        for (Index r = rows.begin; r < rows.end; ++r)
          for (Index s = columns.begin; s < columns.end; ++s)
            for (Index c = 0; c < g.in_c; ++c) {
              const Index k = c / ci;
              const T* const weights = kernel + ((r * g.kernel_w + s) * ci + c % ci) * g.out_c;
              T sum = 0;
              for (Index f = k * co; f < (k + 1) * co; ++f) sum += gradient[f] * weights[f];
              image[((rows.start + r * g.dilation_h) * g.in_w + columns.start + s * g.dilation_w) * g.in_c + c] += sum;
            }
      }
    }
  });
}

/// dkernel = the gradient of sum(dy conv(x, kernel)) with respect to the kernel, or adds it to dkernel.
template <class T>
void conv2d_backward_kernel(const Conv2DGeometry& g, const T* x, const T* dy, T* dkernel, bool accumulate,
                            const KernelContext& context) {
  const Index ci = g.group_in(), co = g.group_out();
  if (!accumulate) std::fill(dkernel, dkernel + g.kernel_size(), T(0));
  parallel_for(context.threads, g.kernel_h * g.kernel_w * ci, 1, [&](Index begin, Index end) {
    for (Index weight = begin; weight < end; ++weight) {
      const Index r = weight / (g.kernel_w * ci), s = weight / ci % g.kernel_w, c = weight % ci;
      T* const sums = dkernel + weight * g.out_c;
      for (Index row = 0; row < g.batch * g.out_h; ++row) {
        const Index i = row % g.out_h * g.stride_h + r * g.dilation_h - g.pad_top;
        if (i < 0 || i >= g.in_h) continue;
        for (Index j = 0; j < g.out_w; ++j) {
          const Index l = j * g.stride_w + s * g.dilation_w - g.pad_left;
          if (l < 0 || l >= g.in_w) continue;
          const T* const pixel = x + ((row / g.out_h * g.in_h + i) * g.in_w + l) * g.in_c;
          const T* const gradient = dy + (row * g.out_w + j) * g.out_c;
          for (Index f = 0; f < g.out_c; ++f) sums[f] += pixel[f / co * ci + c] * gradient[f];
        }
      }
    }
  });
}

}  // namespace keel::inline KEEL_ABI
