#pragma once

#include <keel/kernels/epilogue.hpp>
#include <keel/kernels/parallel.hpp>

namespace keel::inline KEEL_ABI {

/// y = activation(x kernel + bias + residual) on rows: x is (rows, in), kernel (in, out) as Keras stores it, y and
/// residual (rows, out). Each sum runs over `in` in one order, whatever the number of rows and threads.
template <class T>
void dense_forward(Index rows, Index in, Index out, const T* x, const T* kernel, const Epilogue<T>& epilogue, T* y,
                   const KernelContext& context) {
  Scratch::Frame frame(context.scratch);
  T* sum = context.scratch.take<T>(out);
  for (Index r = 0; r < rows; ++r) {
    std::fill(sum, sum + out, T(0));
    for (Index k = 0; k < in; ++k)
      for (Index o = 0; o < out; ++o) sum[o] += x[r * in + k] * kernel[k * out + o];
    for (Index o = 0; o < out; ++o) {
      if (epilogue.bias) sum[o] += epilogue.bias[o];
      if (epilogue.residual) sum[o] += epilogue.residual[r * out + o];
      y[r * out + o] = sum[o];
    }
  }
  activation_forward(epilogue.activation, rows, out, y, y, context);
}

/// dx = dy kernel^T: dy is (rows, out), dx (rows, in), overwritten.
template <class T>
void dense_backward_input(Index rows, Index in, Index out, const T* dy, const T* kernel, T* dx,
                          const KernelContext&) {
  for (Index r = 0; r < rows; ++r)
    for (Index k = 0; k < in; ++k) {
      T sum = 0;
      for (Index o = 0; o < out; ++o) sum += dy[r * out + o] * kernel[k * out + o];
      dx[r * in + k] = sum;
    }
}

/// dkernel = x^T dy, or dkernel += x^T dy where `accumulate`.
template <class T>
void dense_backward_kernel(Index rows, Index in, Index out, const T* x, const T* dy, T* dkernel, bool accumulate,
                           const KernelContext&) {
  for (Index k = 0; k < in; ++k)
    for (Index o = 0; o < out; ++o) {
      T sum = 0;
      for (Index r = 0; r < rows; ++r) sum += x[r * in + k] * dy[r * out + o];
      dkernel[k * out + o] = accumulate ? dkernel[k * out + o] + sum : sum;
    }
}

}  // namespace keel::inline KEEL_ABI
