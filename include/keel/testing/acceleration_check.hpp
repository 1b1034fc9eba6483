#pragma once
/// What a layer offers for speed, against its forward and backward pass.

#include <keel/testing/layer_gradients.hpp>

namespace keel {
inline namespace KEEL_ABI {

namespace detail {

template <class T>
class AccelerationCheck : public LayerGradients<T> {
 public:
  using typename LayerHarness<T>::Tensors;
  using LayerGradients<T>::LayerGradients;

 protected:
  /// The ways in which a model runs a layer that offers so much, beside those of every layer.
  static std::vector<LayerScenario> scenarios_of(const Acceleration<T>& offered) {
    std::vector<LayerScenario> list;
    if (offered.fuses.activation) {
      list.push_back({.name = "training with tanh fused", .training = true, .fused = Activation::tanh});
      list.push_back({.name = "inference with tanh fused", .fused = Activation::tanh});
      list.push_back({.name = "training with softmax fused", .training = true, .fused = Activation::softmax});
    }
    if (offered.fuses.residual) {
      list.push_back({.name = "training with a residual", .training = true, .residual = true});
      list.push_back({.name = "inference with a residual", .residual = true});
    }
    if (offered.fuses.residual && offered.fuses.activation) {
      list.push_back({.name = "inference with a residual and tanh", .fused = Activation::tanh, .residual = true});
      for (const auto& [name, kind] : {std::pair("relu", Activation::relu), std::pair("softmax", Activation::softmax)})
        list.push_back({.name = std::string("training with a residual and ") + name,
                        .training = true,
                        .fused = kind,
                        .residual = true});
    }
    if (offered.role != LayerRole::activation && offered.activation.kind != Activation::linear)
      list.push_back({.name = "training before its activation", .training = true, .before_activation = true});
    return list;
  }

  /// `y`, of `x` in this scenario, against the same put together from a plain forward pass.
  void check_fused(const LayerScenario& scenario, const Tensors& x, const Tensor<T>& y) {
    LayerScenario plain{.name = scenario.name, .training = scenario.training};
    Cache<T> other;
    if (scenario.residual) {
      Tensor<T> want = this->forward({x.begin(), x.end() - 1}, &other, plain);
      want.array() += x.back().array();
      this->activate(scenario.fused, want);
      this->expect(this->distance(y, want) < 1e-12, scenario.name, "not the layer's output plus the residual");
    } else if (scenario.before_activation) {
      Tensor<T> got = y;
      this->activate(this->layer_->acceleration().activation, got);
      this->expect(this->distance(got, this->forward(x, &other, plain)) < 1e-12, scenario.name,
                   "the activation of it is not the layer's output");
    } else if (scenario.fused.kind != Activation::linear) {
      Tensor<T> want = this->forward(x, &other, plain);
      this->activate(scenario.fused, want);
      this->expect(this->distance(y, want) < 1e-12, scenario.name, "not the activation of the layer's output");
    }
  }

  /// `y` of `x` in inference against what the role says, and the kernel for inference.
  void check_acceleration(const Tensors& x, const Tensor<T>& y) {
    const LayerRole role = this->layer_->acceleration().role;
    if (role != LayerRole::general && role != LayerRole::channel_affine)
      this->expect(this->layer_->parameters().empty(), "role", "a layer with parameters is more than its role says");
    if (role != LayerRole::general && role != LayerRole::add)
      this->expect(x.size() == 1, "role", "one input is what it means, not " + std::to_string(x.size()));
    check_role(role, x, y);
    for (int folds = 0; folds < 8; ++folds) check_op(x, y, {(folds & 1) != 0, (folds & 4) != 0, (folds & 2) != 0});
  }

 private:
  static Index channels_of(const Tensor<T>& y) { return y.rank() > 1 ? y.shape().back() : 1; }

  void check_role(LayerRole role, const Tensors& x, const Tensor<T>& y) {
    Tensor<T> want = x[0];
    switch (role) {
      case LayerRole::view:
        this->expect(y.size() == want.size() && this->same_bits(y.reshaped(want.shape()), want), "role",
                     "a view changes values");
        break;
      case LayerRole::identity_in_inference:
        this->expect(this->same_bits(y, want), "role", "not the identity in inference");
        break;
      case LayerRole::activation:
        this->activate(this->layer_->acceleration().activation, want);
        this->expect(this->distance(y, want) < 1e-12, "role", "`activation` is another function than forward");
        break;
      case LayerRole::channel_affine: check_channel_affine(want, y); break;
      case LayerRole::add:
        for (std::size_t i = 1; i < x.size(); ++i) want.array() += x[i].array();
        this->expect(this->distance(y, want) < 1e-12, "role", "not the sum of the inputs");
        break;
      case LayerRole::general: break;
    }
  }
  void check_channel_affine(Tensor<T> want, const Tensor<T>& y) {
    const InferenceForm<T>* const form = this->layer_->acceleration().inference;
    if (!form)
      return this->expect(false, "role", "channel_affine needs `inference`, which has the scale and the shift");
    std::vector<T> scale, shift;
    form->channel_affine(scale, shift);
    const Index channels = channels_of(y);
    if (count_of(scale) != channels || count_of(shift) != channels)
      return this->expect(false, "role",
                          "channel_affine() gives " + std::to_string(scale.size()) + " scales and " +
                              std::to_string(shift.size()) + " shifts for " + std::to_string(channels) + " channels");
    for (Index i = 0; i < want.size(); ++i) want[i] = want[i] * nth(scale, i % channels) + nth(shift, i % channels);
    this->expect(this->distance(y, want) < 1e-10, "role", "channel_affine() is another function than forward");
  }
  /// The kernel for inference with any of: an affine function, a residual, an activation.
  void check_op(const Tensors& x, const Tensor<T>& y, Fusible fused) {
    const InferenceForm<T>* const form = this->layer_->acceleration().inference;
    const auto op = form ? form->inference_op(this->shapes_) : nullptr;
    if (!op) return;
    const Fusible offered = op->fuses();
    Tensor<T> want = y, got(y.shape(), std::numeric_limits<T>::quiet_NaN());
    auto inputs = this->views(x);
    const Index channels = channels_of(y);
    const Tensor<T> scale = this->random({channels}), shift = this->random({channels}),
                    addend = this->random(y.shape());
    if (fused.affine && offered.affine) {
      op->fuse_affine({scale.data(), to_size(channels)}, {shift.data(), to_size(channels)});
      for (Index i = 0; i < y.size(); ++i) want[i] = want[i] * scale[i % channels] + shift[i % channels];
    }
    if (fused.residual && offered.residual) {
      op->fuse_residual();
      inputs.push_back(addend);
      want.array() += addend.array();
    }
    if (fused.activation && offered.activation) {
      op->fuse_activation(Activation::sigmoid);
      this->activate(Activation::sigmoid, want);
    }
    Scratch::Frame frame(this->scratch_);
    op->run(inputs, got, KernelContext{this->scratch_});
    this->expect(this->distance(got, want) < 1e-10, "inference_op",
                 std::string("other values than forward") + (fused.affine ? ", affine" : "") +
                     (fused.residual ? ", residual" : "") + (fused.activation ? ", activation" : ""));
  }
};

}  // namespace detail
}  // namespace KEEL_ABI
}  // namespace keel
