#pragma once
/// Zeros in the steps of a sequence that do not count.

#include <keel/layers/step_mask.hpp>

namespace keel {
inline namespace KEEL_ABI {

struct MaskingOptions {
  /// Steps all of whose features are this do not count; default 0.
  double mask_value = 0;
  /// In the model; by default made from the class.
  std::string name = {};

  template <class F>
  void fields(F&& f) {
    f("mask_value", mask_value);
  }
};

/// y = x, or 0 in steps all of whose features are `mask_value`.
///
/// Input and output (batch, steps, features). Throws ShapeError for an input of another rank. Keras: Masking, which
/// also tells the layers behind it which steps these are: in keel that is a StepMask, and the second input of an LSTM.
/// PyTorch: none in torch.nn.
template <class T = float>
class Masking : public Layer<T> {
 public:
  explicit Masking(MaskingOptions options = {}) : Layer<T>(options.name), options_(std::move(options)) {}
  static Masking from_config(const Config& config) { return Masking(read_options<MaskingOptions>(config)); }

  const MaskingOptions& options() const { return options_; }

  std::string type() const override { return "Masking"; }
  Config config() const override { return with_options({}, options_); }
  Shape output_shape(Shapes inputs) const override { return this->single_input(inputs, 2); }

  void forward(Inputs<T> x, TensorView<T> y, Pass<T>&) const override { apply(x[0], x[0], y); }
  void backward(Inputs<T> x, TensorView<const T>, TensorView<const T> dy, Outputs<T> dx, Pass<T>&) override {
    if (dx[0].data()) apply(x[0], dy, dx[0]);
  }

 private:
  /// to = from, or 0 in the steps of x that do not count.
  void apply(const TensorView<const T>& x, const TensorView<const T>& from, const TensorView<T>& to) const {
    const Index features = x.shape()[2];
    for (Index row = 0; row < x.shape()[0] * x.shape()[1]; ++row) {
      const bool counts = detail::step_counts(x.data() + row * features, features, options_.mask_value);
      for (Index i = row * features; i < (row + 1) * features; ++i) to[i] = counts ? from[i] : T(0);
    }
  }

  MaskingOptions options_;
};
KEEL_REFUSE_OTHERS(Masking)

KEEL_INSTANCE(class Masking<float>)

}  // namespace KEEL_ABI
}  // namespace keel
