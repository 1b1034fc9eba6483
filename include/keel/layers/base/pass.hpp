#pragma once
/// What a layer is given beside its data while it runs, and where it keeps what its backward pass reads.

#include <cstddef>
#include <span>
#include <vector>

#include <keel/kernels/activation.hpp>
#include <keel/kernels/context.hpp>
#include <keel/tensor/rng.hpp>
#include <keel/tensor/tensor.hpp>

namespace keel {
inline namespace KEEL_ABI {

/// A layer's inputs, batch first, their gradients, and the shapes of one sample of each, without the batch.
template <class T>
using Inputs = std::span<const TensorView<const T>>;
/// What a layer writes: one view for each input's gradient, or each output.
template <class T>
using Outputs = std::span<const TensorView<T>>;
using Shapes = std::span<const Shape>;  ///< Shapes of one sample, one for each input.

/// What a layer keeps from its forward to its backward pass, one for each node of a graph that applies it.
/// The memory stays for the next step.
template <class T>
struct Cache {
  std::vector<Tensor<T>> tensors;  ///< of any shape, in the layer's order
  std::vector<double> statistics;  ///< numbers in double: BatchNorm's means and deviations
  AlignedVector<std::byte> bytes;  ///< of any type: MaxPool2D's places

  /// The i-th tensor with that shape; its values are those of the step before, or undefined.
  Tensor<T>& tensor(std::size_t i, const Shape& shape) {
    if (tensors.size() <= i) tensors.resize(i + 1);
    tensors[i].resize(shape);
    return tensors[i];
  }
};

class Communicator;

/// This rank's part of a batch that several ranks take together; by default there is one rank.
struct RankPart {
  Communicator* communicator = nullptr;  ///< with whom a synchronised layer shares its statistics; null: nobody
  bool counts = true;  ///< false: the rank has no samples left, and values that nobody reads take part
  Index first = 0;     ///< place of the first sample in the batch of all ranks
};

/// One run of a layer, forward or backward.
template <class T>
struct Pass {
  /// Scratch memory and threads for kernels.
  KernelContext kernel;
  /// Training: BatchNorm uses the batch's statistics, Dropout drops.
  bool training = false;
  /// Null when no backward pass will follow.
  Cache<T>* cache = nullptr;
  /// Random numbers of this layer at this step.
  Rng rng{0, 0};
  RankPart part{};    ///< of a batch of several ranks
  Index samples = 0;  ///< of the batch; 0 where the caller does not say

  /// What the model asks of a layer that offers it in `Layer::acceleration`; other layers need not look.
  struct Asked {
    /// Applied to y last (offered by `fuses.activation`).
    ActivationSpec activation = {};
    /// Leave out the layer's own activation: the loss works on what comes before it.
    bool before_activation = false;
    /// backward: add to the parameters' gradients instead of overwriting them (`overwrites_gradients`).
    bool accumulate = false;
  } asked = {};  ///< by default nothing
};

}  // namespace KEEL_ABI
}  // namespace keel
