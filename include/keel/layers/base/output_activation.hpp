#pragma once
/// What layers with an activation at their end share.

#include <vector>

#include <keel/kernels/epilogue.hpp>
#include <keel/layers/base/layer.hpp>

namespace keel {
inline namespace KEEL_ABI {

// y = activation(z).

/// The layer's own activation (unless the model leaves it out), else the one that the model moved into it.
template <class T>
const ActivationSpec& output_activation(const ActivationSpec& own, const Pass<T>& pass) {
  return own.kind == Activation::linear || pass.asked.before_activation ? pass.asked.activation : own;
}

/// Calls `compute(T* out, ActivationSpec fused)`, which writes fused(z), and finishes y = activation(z). Keeps z
/// in the cache's tensor 0 if the gradient of the activation will read it.
template <class T, class F>
void activated_forward(const ActivationSpec& activation, TensorView<T> y, Pass<T>& pass, F&& compute) {
  const bool keep = pass.cache && activation_needs_input(activation);
  if (!keep && activation_is_elementwise(activation.kind)) return compute(y.data(), activation);
  T* z = keep ? pass.cache->tensor(0, y.shape()).data() : y.data();
  compute(z, ActivationSpec());
  const Index columns = y.shape().back();
  activation_forward(activation, columns ? y.size() / columns : 0, columns, z, y.data(), pass.kernel);
}

/// dL/dz: dy itself if the activation is linear, else in `dz`, by default scratch memory of the caller's frame.
template <class T>
const T* activated_backward(const ActivationSpec& activation, TensorView<const T> y, TensorView<const T> dy,
                            Pass<T>& pass, T* dz = nullptr) {
  if (activation.kind == Activation::linear) return dy.data();
  const T* z = activation_needs_input(activation) ? pass.cache->tensors[0].data() : nullptr;
  if (!dz) dz = pass.kernel.scratch.template take<T>(dy.size());
  const Index columns = y.shape().back();
  activation_backward(activation, columns ? y.size() / columns : 0, columns, z, y.data(), dy.data(), dz, pass.kernel);
  return dz;
}

/// Base of the inference forms of Conv2D, DepthwiseConv2D and Dense: a kernel whose rows end in the output
/// channels, a bias, a residual and an activation. A derived class packs the kernel anew when `kernel_` changes.
template <class T>
class KernelOp : public InferenceOp<T> {
 public:
  KernelOp(const Tensor<T>& kernel, const Tensor<T>& bias, Index channels, const ActivationSpec& activation)
      : kernel_(kernel.begin(), kernel.end()), bias_(to_size(channels), T(0)), activation_(activation) {
    std::copy(bias.begin(), bias.end(), bias_.begin());
  }

  Fusible fuses() const override {
    if (activation_.kind != Activation::linear) return {};
    return {.affine = true, .activation = true, .residual = true};
  }
  void fuse_affine(std::span<const T> scale, std::span<const T> shift) override {
    const std::size_t channels = bias_.size();
    for (std::size_t i = 0; i < kernel_.size(); ++i) kernel_[i] *= scale[i % channels];
    for (std::size_t c = 0; c < channels; ++c) bias_[c] = bias_[c] * scale[c] + shift[c];
    pack();
  }
  void fuse_residual() override { residual_ = true; }
  void fuse_activation(ActivationSpec activation) override { activation_ = activation; }

 protected:
  virtual void pack() {}
  Epilogue<T> epilogue(Inputs<T> x) const { return {bias_.data(), residual_ ? x.back().data() : nullptr, activation_}; }

  AlignedVector<T> kernel_, bias_;

 private:
  ActivationSpec activation_;
  bool residual_ = false;
};

}  // namespace KEEL_ABI
}  // namespace keel
