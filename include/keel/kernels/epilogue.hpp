#pragma once

#include <keel/kernels/activation.hpp>

namespace keel {
inline namespace KEEL_ABI {

/// What follows a kernel's sums: y = activation(sum + bias + residual). `bias` has one value per output channel,
/// `residual` y's layout, and does not overlap y; null means none.
template <class T>
struct Epilogue {
  const T* bias = nullptr;
  const T* residual = nullptr;
  ActivationSpec activation;
};

}  // namespace KEEL_ABI
}  // namespace keel
