#pragma once
/// What a layer may offer so that models run it faster. All of it is optional: a layer that offers nothing gives the
/// same numbers. model/fusion.hpp has the rules by which models make use of it.

#include <memory>
#include <vector>

#include <keel/layers/base/pass.hpp>

namespace keel {
inline namespace KEEL_ABI {

/// What a layer is to the layers beside it.
enum class LayerRole {
  general,
  view,                   ///< the same values in another shape: Flatten, Reshape
  identity_in_inference,  ///< y = x in inference: Dropout
  activation,             ///< y = `Acceleration::activation`(x), nothing else
  channel_affine,         ///< y = scale x + shift in inference, a value of each for a channel: BatchNorm
  add,                    ///< the sum of its inputs; backward may find all dx in one place, dy's too
};

/// What a kernel can take in from the layers behind it. It computes activation(scale y + shift + residual).
struct Fusible {
  bool affine = false;      ///< a scale and a shift for each channel
  bool activation = false;  ///< any activation
  bool residual = false;    ///< a tensor of y's shape, added before the activation
};

/// A layer prepared for inference: weights packed, neighbours folded in. Immutable while it runs.
template <class T>
class InferenceOp {
 public:
  virtual ~InferenceOp() = default;
  /// Y from x, and from the residual behind it where `fuse_residual` was called.
  virtual void run(Inputs<T> x, TensorView<T> y, const KernelContext& context) const = 0;

  /// What may be fused into it. Each is asked for at most once, in this order, and only what is offered here.
  virtual Fusible fuses() const { return {}; }
  /// From then on y is scale y + shift.
  virtual void fuse_affine(std::span<const T> /*scale*/, std::span<const T> /*shift*/) {}
  /// From then on `run` gets one input more, of y's shape, and adds it.
  virtual void fuse_residual() {}
  /// From then on y is activation(y).
  virtual void fuse_activation(ActivationSpec) {}
};

/// A layer's form in inference, where that is another than `forward`: a second base beside `Layer<T>`.
template <class T>
class InferenceForm {
 public:
  /// A kernel made for inputs of these shapes; null: `forward` serves.
  virtual std::unique_ptr<InferenceOp<T>> inference_op(Shapes /*inputs*/) const { return nullptr; }
  /// Scale and shift of every channel, if the role is channel_affine.
  virtual void channel_affine(std::vector<T>& /*scale*/, std::vector<T>& /*shift*/) const {}

 protected:
  ~InferenceForm() = default;
};

/// What a layer offers, as `Layer::acceleration` returns it.
template <class T>
struct Acceleration {
  LayerRole role = LayerRole::general;  ///< what neighbours may make of it
  /// The function of the role activation; else the activation that a layer such as Conv2D ends in, which it leaves
  /// out if `pass.asked.before_activation` is set.
  ActivationSpec activation = {};
  /// What forward and backward take in: `.activation` is then in `pass.asked`, `.residual` the last input. The
  /// residual's gradient may be wanted where dy is. `.affine` has no meaning here.
  Fusible fuses = {};
  /// Whether backward writes a parameter's gradient unless `pass.asked.accumulate` is set. Else it always adds, and
  /// the model clears first.
  bool overwrites_gradients = false;
  /// Whether backward may be called with dx[0] being dy: it reads every value of dy before it writes it.
  bool gradient_in_place = false;
  /// This layer, if it has a form of its own for inference.
  const InferenceForm<T>* inference = nullptr;
};

}  // namespace KEEL_ABI
}  // namespace keel
