#pragma once
/// Which steps of a sequence count.

#include <algorithm>

#include <keel/layers/base/layer.hpp>
#include <keel/layers/base/options.hpp>

namespace keel {
inline namespace KEEL_ABI {

struct StepMaskOptions {
  /// Steps all of whose features are this do not count; default 0.
  double mask_value = 0;
  /// In the model; by default made from the class.
  std::string name = {};

  template <class F>
  void fields(F&& f) {
    f("mask_value", mask_value);
  }
};

namespace detail {

/// Whether a step counts: some feature is not the mask's value.
template <class T>
bool step_counts(const T* step, Index features, double mask_value) {
  const T value = static_cast<T>(mask_value);
  return std::any_of(step, step + features, [&](T each) { return each != value; });
}

}  // namespace detail

/// The mask of a sequence's steps: 1 where some feature is not `mask_value`, else 0. It is the second input of
/// recurrent layers. No gradient passes.
///
/// Input (batch, steps, features) or, of token numbers, (batch, steps); output (batch, steps). Throws ShapeError for
/// another rank. Keras: what Masking and Embedding(mask_zero=True) hand on beside their values. PyTorch: none.
///
///     Node mask = model.add(StepMask(), x), y = model.add(LSTM(32), {x, mask});
template <class T = float>
class StepMask : public Layer<T> {
 public:
  explicit StepMask(StepMaskOptions options = {}) : Layer<T>(options.name), options_(std::move(options)) {}
  static StepMask from_config(const Config& config) { return StepMask(read_options<StepMaskOptions>(config)); }

  std::string type() const override { return "StepMask"; }
  Config config() const override { return with_options({}, options_); }
  Shape output_shape(Shapes inputs) const override {
    const Shape& in = this->single_input(inputs);
    if (in.rank() != 1 && in.rank() != 2) throw ShapeError(this->who(), "(steps) or (steps, features)", in.to_string());
    return {in[0]};
  }

  void forward(Inputs<T> x, TensorView<T> y, Pass<T>&) const override {
    const Index features = x[0].shape().rank() == 2 ? 1 : x[0].shape()[2];
    for (Index row = 0; row < y.size(); ++row)
      y[row] = detail::step_counts(x[0].data() + row * features, features, options_.mask_value) ? T(1) : T(0);
  }
  void backward(Inputs<T>, TensorView<const T>, TensorView<const T>, Outputs<T> dx, Pass<T>&) override {
    if (dx[0].data()) dx[0].array().setZero();
  }

 private:
  StepMaskOptions options_;
};
KEEL_REFUSE_OTHERS(StepMask)

KEEL_INSTANCE(class StepMask<float>)

}  // namespace KEEL_ABI
}  // namespace keel
