#pragma once

#include <keel/kernels/activation.hpp>

namespace keel::inline KEEL_ABI {

/// What a kernel does to its sums before it writes them: y = activation(sum + bias + residual). `bias` has one
/// value per output channel, `residual` the layout of y; either may be null. residual may be y.
template <class T>
struct Epilogue {
  const T* bias = nullptr;
  const T* residual = nullptr;
  ActivationSpec activation{};
};

}  // namespace keel::inline KEEL_ABI
