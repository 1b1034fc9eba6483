#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include <keel/kernels/activation.hpp>
#include <keel/kernels/context.hpp>
#include <keel/layers/base/config.hpp>
#include <keel/layers/base/layer_identity.hpp>
#include <keel/layers/base/parameter.hpp>
#include <keel/tensor/rng.hpp>

namespace keel {
inline namespace KEEL_ABI {

template <class T>
using Inputs = std::span<const TensorView<const T>>;
template <class T>
using Outputs = std::span<const TensorView<T>>;
using Shapes = std::span<const Shape>;

/// What a layer keeps from its forward to its backward pass, one for each place where it stands in a graph.
/// The memory stays for the next step.
template <class T>
struct Cache {
  std::vector<Tensor<T>> tensors;
  std::vector<double> statistics;
  AlignedVector<std::byte> bytes;

  Tensor<T>& tensor(std::size_t i, const Shape& shape) {
    if (tensors.size() <= i) tensors.resize(i + 1);
    tensors[i].resize(shape);
    return tensors[i];
  }
};

/// What a layer is given beside its data while it runs.
template <class T>
struct Pass {
  KernelContext kernel;
  /// Training: BatchNorm uses the batch's statistics, Dropout drops.
  bool training = false;
  /// Null when no backward pass will follow.
  Cache<T>* cache = nullptr;
  /// Random numbers of this layer at this step.
  Rng rng{0, 0};
  /// An activation that the model has moved into this layer's output (only if `fuses_activation()`).
  ActivationSpec activation{};
  /// Leave out the layer's own activation: the loss works on what comes before it.
  bool before_activation = false;
  /// backward: add to the parameters' gradients instead of overwriting them (only if `overwrites_gradients()`).
  bool accumulate = false;
};

/// A value that is counted and saved but is neither trained nor listed as a weight (BatchNorm's number of
/// batches).
struct Counter {
  std::string name;
  std::int64_t value = 0;
};

/// none: trains. gradients: PyTorch's `requires_grad_(False)`; the parameters stay, the layer runs as before
/// (BatchNorm goes on updating its moving statistics). layer: Keras's `trainable = False`; also runs in inference
/// mode during training.
enum class Freeze { none, gradients, layer };

/// How a layer may be simplified by the model that holds it.
enum class LayerRole {
  general,
  view,                   ///< the same values in another shape: Flatten, Reshape
  identity_in_inference,  ///< Dropout
  activation,             ///< element by element function of one input, see `activation()`
  channel_affine,         ///< y = scale * x + shift per channel in inference, see `channel_affine()`
  add,                    ///< the sum of its inputs; backward may find all dx in one place, dy's too
};

/// A layer prepared for inference: weights packed, neighbours folded in. Immutable while it runs.
template <class T>
class InferenceOp {
 public:
  virtual ~InferenceOp() = default;
  virtual void run(Inputs<T> x, TensorView<T> y, const KernelContext& context) const = 0;
  /// Replaces y by scale * y + shift per channel; false if it cannot.
  virtual bool fold_affine(std::span<const T> /*scale*/, std::span<const T> /*shift*/) { return false; }
  /// Applies an activation last; false if it cannot (or if one is there already).
  virtual bool fuse_activation(ActivationSpec) { return false; }
  /// From then on `run` gets one input more, of y's shape, and adds it before the activation; false if it cannot.
  virtual bool fuse_residual() { return false; }
};

/// Base of every layer, keel's and a user's own.
///
/// A layer is a function of one or more tensors, batch first, with parameters. A custom layer needs `type`,
/// `output_shape`, `forward` and, to be trained, `backward`; with parameters also `build` and `parameters`.
/// `check_layer()` holds it to this contract.
template <class T = float>
class Layer : public LayerIdentity {
 public:
  using Scalar = T;

  /// Shape of one sample's output, given one sample's inputs. Throws ShapeError with what does not fit.
  virtual Shape output_shape(Shapes inputs) const = 0;
  /// Makes the parameters, once, when the layer joins a model. While a file is loaded, `rng` is Rng::none() and
  /// `initial_values` gives shapes without memory; other values, if any, are replaced by those of the file.
  virtual void build(Shapes /*inputs*/, Rng& /*rng*/) {}
  /// Parameters in Keras's order: trainable ones as created, then buffers.
  virtual std::vector<Parameter<T>*> parameters() { return {}; }
  virtual std::vector<Counter*> counters() { return {}; }
  /// The options, under Keras's names.
  virtual Config config() const { return {}; }
  /// Multiplications with accumulation for one sample.
  virtual Index multiply_adds(Shapes /*inputs*/) const { return 0; }

  /// y = f(x). `y` has the output's shape and does not overlap any input.
  virtual void forward(Inputs<T> x, TensorView<T> y, Pass<T>& pass) const = 0;
  /// From dy = dL/dy: writes dL/dx_i to dx[i] (skip those whose data() is null) and adds dL/dp to p.gradient for
  /// every parameter p with p.trains(). `x`, `y` and `pass.cache` are as forward left them.
  virtual void backward(Inputs<T> x, TensorView<const T> y, TensorView<const T> dy, Outputs<T> dx, Pass<T>& pass) = 0;
  /// Called after each training forward pass: the place to update state (BatchNorm's moving statistics).
  virtual void finish_forward(Pass<T>& /*pass*/) {}

  virtual LayerRole role() const { return LayerRole::general; }
  /// The function, when role() is activation; also the activation that a layer such as Conv2D holds inside.
  virtual ActivationSpec activation() const { return {}; }
  /// Whether forward and backward heed `pass.activation`.
  virtual bool fuses_activation() const { return false; }
  /// Whether forward and backward may be given one input more, of y's shape, which is added before
  /// `pass.activation`. Its gradient may then be wanted where dy is.
  virtual bool fuses_residual() const { return false; }
  /// Whether backward writes p.gradient when `pass.accumulate` is false (else it always adds, and the model clears
  /// first).
  virtual bool overwrites_gradients() const { return false; }
  /// Whether backward may be called with dx[0] being dy: it reads every value of dy before it writes it.
  virtual bool gradient_in_place() const { return false; }
  /// Scale and shift of every channel in inference, when role() is channel_affine.
  virtual void channel_affine(std::vector<T>& /*scale*/, std::vector<T>& /*shift*/) const {}
  /// A form of this layer made for inference; null: `forward` serves.
  virtual std::unique_ptr<InferenceOp<T>> inference_op(Shapes /*inputs*/) const { return nullptr; }

  Freeze frozen() const { return freeze_; }
  void freeze(Freeze freeze) {
    freeze_ = freeze;
    for (Parameter<T>* parameter : parameters()) parameter->frozen = freeze != Freeze::none;
  }
  /// Whether to act as in training: Keras's frozen layers do not.
  bool trains(const Pass<T>& pass) const { return pass.training && freeze_ != Freeze::layer; }

  std::vector<const Parameter<T>*> parameters() const {
    const auto list = const_cast<Layer*>(this)->parameters();
    return {list.begin(), list.end()};
  }
  std::vector<const Counter*> counters() const {
    const auto list = const_cast<Layer*>(this)->counters();
    return {list.begin(), list.end()};
  }

 protected:
  Layer() = default;
  explicit Layer(std::string name) : LayerIdentity(std::move(name)) {}
  Layer(const Layer&) = default;
  Layer(Layer&&) = default;
  Layer& operator=(const Layer&) = default;
  Layer& operator=(Layer&&) = default;

  /// Throws ShapeError unless there is exactly one input, of the given rank without batch (-1: any).
  const Shape& single_input(Shapes inputs, Index rank = -1) const {
    if (inputs.size() != 1) throw ShapeError(who(), "one input", std::to_string(inputs.size()));
    if (rank >= 0 && inputs[0].rank() != rank)
      throw ShapeError(who(), "an input of rank " + std::to_string(rank) + " beside the batch",
                       "rank " + std::to_string(inputs[0].rank()) + ", shape " + inputs[0].to_string(),
                       rank == 3   ? "images are (height, width, channels)"
                       : rank == 1 ? "add a Flatten layer before"
                                   : "");
    return inputs[0];
  }

 private:
  Freeze freeze_ = Freeze::none;
};

KEEL_INSTANCE(class Layer<float>)

}  // namespace KEEL_ABI
}  // namespace keel
