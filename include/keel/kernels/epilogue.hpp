#pragma once
/// What follows the sums of a dense layer or a convolution.

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

  /// What convolutions do with their last write: relu (low) and relu6 (low and high).
  bool clamps_high() const { return activation.kind == Activation::relu6; }
  bool clamps_low() const { return clamps_high() || activation.kind == Activation::relu; }
  /// Every other activation follows in a pass of its own.
  bool activates_after() const { return activation.kind != Activation::linear && !clamps_low(); }
};

}  // namespace KEEL_ABI
}  // namespace keel
