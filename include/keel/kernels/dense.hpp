#pragma once
/// Dense layers: forward and gradients, as matrix products.

#include <keel/kernels/epilogue.hpp>
#include <keel/kernels/gemm.hpp>

namespace keel {
inline namespace KEEL_ABI {

/// y = activation(x kernel + bias + residual): x is (rows, in), kernel (in, out) as Keras stores it, y and
/// residual (rows, out). A row of y has the same bits whatever the number of rows and threads. y must not overlap
/// x.
template <class T>
void dense_forward(Index rows, Index in, Index out, const T* x, const T* kernel, const Epilogue<T>& epilogue, T* y,
                   const KernelContext& context) {
  const T* const residual = epilogue.residual;
  if (residual && residual != y) std::copy(residual, residual + rows * out, y);
  detail::gemm<T>(rows, out, in, {x, in}, {kernel, out}, y, residual != nullptr, context);
  if (epilogue.bias)
    for (Index r = 0; r < rows; ++r)
      for (Index o = 0; o < out; ++o) y[r * out + o] += epilogue.bias[o];
  activation_forward(epilogue.activation, rows, out, y, y, context);
}

/// dx = dy kernel^T: dy is (rows, out), dx (rows, in), overwritten.
template <class T>
void dense_backward_input(Index rows, Index in, Index out, const T* dy, const T* kernel, T* dx,
                          const KernelContext& context) {
  detail::gemm<T>(rows, in, out, {dy, out}, {kernel, out, true}, dx, false, context);
}

/// dkernel = x^T dy, or dkernel += x^T dy where `accumulate`: x is (rows, in), dy (rows, out).
template <class T>
void dense_backward_kernel(Index rows, Index in, Index out, const T* x, const T* dy, T* dkernel, bool accumulate,
                           const KernelContext& context) {
  detail::gemm<T>(in, out, rows, {x, in, true}, {dy, out}, dkernel, accumulate, context);
}

KEEL_INSTANCE(void dense_forward<float>(Index, Index, Index, const float*, const float*, const Epilogue<float>&, float*,
                                        const KernelContext&))
KEEL_INSTANCE(void dense_backward_input<float>(Index, Index, Index, const float*, const float*, float*,
                                               const KernelContext&))
KEEL_INSTANCE(void dense_backward_kernel<float>(Index, Index, Index, const float*, const float*, float*, bool,
                                                const KernelContext&))

}  // namespace KEEL_ABI
}  // namespace keel
