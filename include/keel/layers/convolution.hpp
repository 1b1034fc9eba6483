#pragma once

#include <keel/kernels/conv2d.hpp>
#include <keel/kernels/depthwise_conv2d.hpp>

namespace keel::inline KEEL_ABI::detail {

// The kernels of a convolution: those for depthwise ones where every group is one channel.

inline bool is_depthwise(const Conv2DGeometry& g) { return g.groups > 1 && g.groups == g.in_c; }

/// Values that pack_convolution writes; 0 where a kernel is used as it is.
template <class T>
Index packed_convolution_size(const Conv2DGeometry& g) {
  return is_depthwise(g) ? 0 : conv2d_packed_size<T>(g);
}
/// What convolution_forward takes: the kernel as it is, or packed into `memory`.
template <class T>
const T* pack_convolution(const Conv2DGeometry& g, const T* kernel, T* memory) {
  if (is_depthwise(g)) return kernel;
  conv2d_pack(g, kernel, memory);
  return memory;
}
template <class T>
const T* pack_convolution(const Conv2DGeometry& g, const T* kernel, Scratch& scratch) {
  return pack_convolution(g, kernel, scratch.take<T>(packed_convolution_size<T>(g)));
}

template <class T>
void convolution_forward(const Conv2DGeometry& g, const T* x, const T* weights, const Epilogue<T>& epilogue, T* y,
                         const KernelContext& context) {
  if (is_depthwise(g)) return depthwise_conv2d_forward(g, x, weights, epilogue, y, context);
  conv2d_forward(g, x, weights, epilogue, y, context);
}
template <class T>
void convolution_backward_input(const Conv2DGeometry& g, const T* dy, const T* kernel, T* dx,
                                const KernelContext& context) {
  if (is_depthwise(g)) return depthwise_conv2d_backward_input(g, dy, kernel, dx, context);
  conv2d_backward_input(g, dy, kernel, dx, context);
}
template <class T>
void convolution_backward_kernel(const Conv2DGeometry& g, const T* x, const T* dy, T* dkernel, bool accumulate,
                                 const KernelContext& context) {
  if (is_depthwise(g)) return depthwise_conv2d_backward_kernel(g, x, dy, dkernel, accumulate, context);
  conv2d_backward_kernel(g, x, dy, dkernel, accumulate, context);
}

}  // namespace keel::inline KEEL_ABI::detail
