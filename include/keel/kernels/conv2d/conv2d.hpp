#pragma once
/// Convolutions of images: packing of kernels, forward, and the gradients of input and kernel.

#include <keel/kernels/conv2d/depthwise.hpp>
#include <keel/kernels/conv2d/gradients.hpp>

namespace keel {
inline namespace KEEL_ABI {

namespace detail {

/// y = epilogue(convolution) with weights packed for Winograd's `tile` (0: none), or nullptr: they are packed here.
template <class T>
void convolve(const ConvShape& shape, Index tile, const T* x, const KernelView<T>& kernel, const T* packed,
              const Epilogue<T>& epilogue, T* y, const KernelContext& context) {
  Scratch::Frame frame(context.scratch);
  if (tile == 2) return WinogradConvolution<T, 2>(shape, x, kernel, packed, epilogue, y, context).run();
  if (tile == 4) return WinogradConvolution<T, 4>(shape, x, kernel, packed, epilogue, y, context).run();
  ConvPhase<T> phase{shape.h, shape.w, kernel, packed};
  DirectConvolution<T>(shape, {&phase, 1}, x, epilogue, y, context).run();
}

}  // namespace detail

/// Number of values that conv2d_pack writes. The batch is irrelevant.
template <class T>
Index conv2d_packed_size(const Conv2DGeometry& g) {
  if (g.is_depthwise()) return g.kernel_size();
  return detail::forward_view<T>(g, nullptr).packed_size(detail::winograd_tile(detail::forward_shape(g)));
}

/// Arranges a kernel for conv2d_forward: panels of output channels, each with its weights in the order of use.
template <class T>
void conv2d_pack(const Conv2DGeometry& g, const T* kernel, T* packed) {
  if (g.is_depthwise())
    std::copy_n(kernel, g.kernel_size(), packed);
  else
    detail::forward_view(g, kernel).pack(detail::winograd_tile(detail::forward_shape(g)), packed, nullptr,
                                         simd_level());
}

/// y = activation(conv(x, kernel) + bias + residual). The order of every sum is fixed by the geometry of one
/// sample. 3 x 3 kernels with stride 1, 16 or more channels on both sides and 64 or more output pixels use
/// Winograd's F(4 x 4, 3 x 3), whose error is 1.8 times that of adding up the products one by one (root mean
/// square, 256 channels); those with 49 pixels and 32 channels F(2 x 2, 3 x 3), 0.6 times, and F(4 x 4, 3 x 3) in
/// training; tiles of outputs that are not finite are plain sums. In training, where weights change at every step,
/// `packed` is nullptr: `kernel` is packed on the way.
template <class T>
void conv2d_forward(const Conv2DGeometry& g, const T* x, const T* packed, const Epilogue<T>& epilogue, T* y,
                    const KernelContext& context, const T* kernel) {
  if (g.is_depthwise()) return depthwise_conv2d_forward(g, x, packed ? packed : kernel, epilogue, y, context);
  if (g.batch * g.out_h * g.out_w * g.out_c == 0) return;
  const detail::ConvShape shape = detail::forward_shape(g);
  const Index tile = detail::winograd_tile(shape, packed == nullptr);
  detail::convolve(shape, tile, x, detail::forward_view(g, kernel), packed, epilogue, y, context);
  if (epilogue.activates_after())
    activation_forward(epilogue.activation, g.batch * g.out_h * g.out_w, g.out_c, y, y, context);
}

/// dx = the gradient of sum(dy conv(x, kernel)) with respect to x; it overwrites dx. As a function of dy it is
/// the transposed convolution. Computed as convolutions of dy with the flipped kernel, one for each residue of
/// the position modulo the stride.
template <class T>
void conv2d_backward_input(const Conv2DGeometry& g, const T* dy, const T* kernel, T* dx, const KernelContext& context) {
  if (g.is_depthwise()) return depthwise_conv2d_backward_input(g, dy, kernel, dx, context);
  if (g.batch * g.in_h * g.in_w * g.in_c == 0) return;
  Scratch::Frame frame(context.scratch);
  auto* const phases = context.scratch.take<detail::ConvPhase<T>>(g.stride_h * g.stride_w);
  const Index count = detail::backward_phases(g, kernel, phases);
  if (count == 0) {
    std::fill_n(dx, g.batch * g.in_h * g.in_w * g.in_c, T(0));
    return;
  }
  const detail::ConvShape shape = detail::backward_shape(g);
  if (const Index tile = detail::winograd_tile(shape, true))
    return detail::convolve<T>(shape, tile, dy, phases[0].kernel, nullptr, {}, dx, context);
  detail::DirectConvolution<T>(shape, {phases, to_size(count)}, dy, {}, dx, context).run();
}

template <class T>
void conv2d_backward_kernel(const Conv2DGeometry& g, const T* x, const T* dy, T* dkernel, bool accumulate,
                            const KernelContext& context);

namespace detail {

/// The kernel's gradient where some taps see nothing: theirs is 0.
template <class T>
void backward_used_taps(Conv2DGeometry g, const ConvShape& shape, const T* x, const T* dy, T* dkernel, bool accumulate,
                        const KernelContext& context) {
  if (!accumulate) std::fill_n(dkernel, g.kernel_size(), T(0));
  T* to = dkernel + first_weight(g, shape.h, shape.w);
  const Index row = g.kernel_w * g.group_in() * g.out_c;
  g.kernel_h = shape.h.taps;
  g.kernel_w = shape.w.taps;
  g.pad_top = shape.h.pad;
  g.pad_left = shape.w.pad;
  const Index used = g.kernel_w * g.group_in() * g.out_c;
  Scratch::Frame frame(context.scratch);
  T* const from = context.scratch.take<T>(g.kernel_size());
  conv2d_backward_kernel(g, x, dy, from, false, context);
  for (Index r = 0; r < g.kernel_h; ++r)
    for (Index i = 0; i < used; ++i) to[r * row + i] += from[r * used + i];
}

}  // namespace detail

/// dkernel = the gradient of sum(dy conv(x, kernel)) with respect to the kernel, or adds it to dkernel. Every
/// weight's sum is over strips of output rows in order, the strips cut as the geometry alone says. NaN and infinity
/// are where plain sums have them.
template <class T>
void conv2d_backward_kernel(const Conv2DGeometry& g, const T* x, const T* dy, T* dkernel, bool accumulate,
                            const KernelContext& context) {
  if (g.is_depthwise()) return depthwise_conv2d_backward_kernel(g, x, dy, dkernel, accumulate, context);
  if (g.batch * g.out_h * g.out_w == 0) {
    if (!accumulate) std::fill_n(dkernel, g.kernel_size(), T(0));
    return;
  }
  const detail::ConvShape shape = detail::forward_shape(g);
  if (shape.h.taps * shape.w.taps < g.kernel_h * g.kernel_w)
    return detail::backward_used_taps(g, shape, x, dy, dkernel, accumulate, context);
  if (detail::winograd_tile(shape, true)) return detail::fast_backward_kernel(g, x, dy, dkernel, accumulate, context);
  detail::direct_backward_kernel(g, x, dy, dkernel, accumulate, context);
}

KEEL_INSTANCE(Index conv2d_packed_size<float>(const Conv2DGeometry&))
KEEL_INSTANCE(void conv2d_pack<float>(const Conv2DGeometry&, const float*, float*))
KEEL_INSTANCE(void conv2d_forward<float>(const Conv2DGeometry&, const float*, const float*, const Epilogue<float>&,
                                         float*, const KernelContext&, const float*))
KEEL_INSTANCE(void conv2d_backward_input<float>(const Conv2DGeometry&, const float*, const float*, float*,
                                                const KernelContext&))
KEEL_INSTANCE(void conv2d_backward_kernel<float>(const Conv2DGeometry&, const float*, const float*, float*, bool,
                                                 const KernelContext&))

}  // namespace KEEL_ABI
}  // namespace keel
