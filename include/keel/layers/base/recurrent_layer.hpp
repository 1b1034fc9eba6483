#pragma once
/// What SimpleRNN, LSTM and GRU share: one direction over a sequence.

#include <keel/layers/base/axis.hpp>
#include <keel/layers/base/recurrent.hpp>

namespace keel {
inline namespace KEEL_ABI {

namespace detail {

/// Throws ConfigError for options of a recurrent layer that are out of range.
inline void check_recurrent(const std::string& who, const RecurrentSpec& spec) {
  check_option(who, "units", spec.units, 1, Index{1} << 20);
  for (const auto& [name, rate] : {std::pair("dropout", spec.dropout), {"recurrent_dropout", spec.recurrent_dropout}})
    if (!(rate >= 0 && rate < 1)) throw ConfigError(who, std::string(name) + " in [0, 1)", std::to_string(rate));
}
/// Throws ShapeError unless the inputs are a sequence with steps, and perhaps a mask of its steps.
inline void check_sequence(const std::string& who, Shapes inputs) {
  if (inputs.empty() || inputs.size() > 2)
    throw ShapeError(who, "a sequence, and perhaps the mask of its steps", std::to_string(inputs.size()) + " inputs");
  const Shape& in = inputs[0];
  if (in.rank() != 2)
    throw ShapeError(who, "an input of rank 2 beside the batch",
                     "rank " + std::to_string(in.rank()) + ", shape " + in.to_string(),
                     "sequences are (steps, features)");
  if (in[0] < 1 || in[1] < 1) throw ShapeError(who, "at least one step and feature", in.to_string());
  if (inputs.size() == 2 && !(inputs[1] == Shape{in[0]}))
    throw ShapeError(who, "a mask of " + Shape{in[0]}.to_string(), inputs[1].to_string());
}
inline void check_features(const std::string& who, const Shape& kernel, const Shape& in) {
  if (kernel.rank() == 2 && kernel[0] != in[1])
    throw ShapeError(who, std::to_string(kernel[0]) + " features", in.to_string());
}

}  // namespace detail

/// Base of SimpleRNN, LSTM and GRU.
///
/// Input (batch, steps, features), and perhaps a mask (batch, steps) as a second input, 0 where a step does not count:
/// the states stay as they are there, and so does the output, or it is 0 with `zero_output_for_mask`. Output (batch,
/// units), that of the last step, or with `return_sequences` (batch, steps, units). Throws ShapeError for other inputs.
template <class T>
class RecurrentLayer : public Layer<T> {
 public:
  Parameter<T>& kernel() { return core_.kernel(); }
  Parameter<T>& recurrent_kernel() { return core_.recurrent_kernel(); }
  Parameter<T>& bias() { return core_.bias(); }

  Shape output_shape(Shapes inputs) const override {
    detail::check_sequence(this->who(), inputs);
    detail::check_features(this->who(), core_.kernel().shape(), inputs[0]);
    const Index units = core_.spec().units;
    return core_.spec().return_sequences ? Shape{inputs[0][0], units} : Shape{units};
  }
  void build(Shapes inputs, Rng& rng) override { core_.build("", inputs[0][1], rng); }
  std::vector<Parameter<T>*> parameters() override { return core_.parameters(); }
  Index multiply_adds(Shapes inputs) const override { return core_.multiply_adds(inputs[0][0], inputs[0][1]); }
  Acceleration<T> acceleration() const override { return {.overwrites_gradients = true}; }

  void forward(Inputs<T> x, TensorView<T> y, Pass<T>& pass) const override {
    Scratch::Frame frame(pass.kernel.scratch);
    const T* const mask = x.size() > 1 ? x[1].data() : nullptr;
    if (!core_.spec().return_sequences) return core_.forward(x[0], mask, y.data(), pass, 0);
    T* const outputs = pass.kernel.scratch.template take<T>(y.size());
    core_.forward(x[0], mask, outputs, pass, 0);
    swap_axes(1, y.shape()[1], y.shape()[0], y.shape()[2], outputs, y.data());
  }
  void backward(Inputs<T> x, TensorView<const T>, TensorView<const T> dy, Outputs<T> dx, Pass<T>& pass) override {
    Scratch::Frame frame(pass.kernel.scratch);
    const T* const mask = x.size() > 1 ? x[1].data() : nullptr;
    if (dx.size() > 1 && dx[1].data()) dx[1].array().setZero();
    if (!core_.spec().return_sequences) return core_.backward(x[0], mask, dy.data(), dx[0], false, pass, 0);
    T* const ordered_dy = pass.kernel.scratch.template take<T>(dy.size());
    swap_axes(1, dy.shape()[0], dy.shape()[1], dy.shape()[2], dy.data(), ordered_dy);
    core_.backward(x[0], mask, ordered_dy, dx[0], false, pass, 0);
  }

 protected:
  /// Throws ConfigError for numbers outside their range, in the name of `type`.
  RecurrentLayer(const std::string& type, std::string name, RecurrentSpec spec)
      : Layer<T>(std::move(name)), core_(std::move(spec)) {
    detail::check_recurrent(detail::who(this->name(), type), core_.spec());
  }
  const RecurrentSpec& spec() const { return core_.spec(); }  ///< All options, whatever the class.

 private:
  RecurrentCore<T> core_;
};

KEEL_INSTANCE(class RecurrentLayer<float>)

}  // namespace KEEL_ABI
}  // namespace keel
