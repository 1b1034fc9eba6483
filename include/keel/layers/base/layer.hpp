#pragma once
/// The contract of a layer.

#include <string>
#include <vector>

#include <keel/layers/base/acceleration.hpp>
#include <keel/layers/base/config.hpp>
#include <keel/layers/base/layer_identity.hpp>
#include <keel/layers/base/parameter.hpp>

namespace keel {
inline namespace KEEL_ABI {

/// The only input, of the given rank without batch (-1: any). Throws ShapeError for another, or several. A layer has a
/// member of the same name, `this->single_input(inputs)` in a class template, whose errors name the layer.
template <class Who>
const Shape& single_input(Shapes inputs, Index rank, Who who) {
  if (inputs.size() != 1) throw ShapeError(who(), "one input", std::to_string(inputs.size()));
  if (rank >= 0 && inputs[0].rank() != rank)
    throw ShapeError(who(), "an input of rank " + std::to_string(rank) + " beside the batch",
                     "rank " + std::to_string(inputs[0].rank()) + ", shape " + inputs[0].to_string(),
                     rank == 3   ? inputs[0].rank() == 4
                                       ? "images are (height, width, channels); the batch is no axis of a shape"
                                       : "images are (height, width, channels)"
                     : rank == 2 ? "sequences are (steps, channels)"
                     : rank == 1 ? "add a Flatten layer before"
                                 : "");
  return inputs[0];
}
/// The same for who does not say who it is.
inline const Shape& single_input(Shapes inputs, Index rank = -1) {
  return single_input(inputs, rank, [] { return "layer"; });
}

/// Base of every layer, keel's and a user's own: a function of one or more tensors, batch first, with parameters.
///
/// A layer implements `type`, `output_shape`, `forward` and, to be trained, `backward`; with parameters also `build`
/// and `parameters`; with options `config`. `check_layer` (testing/check_layer.hpp) holds it to this contract.
template <class T = float>
class Layer : public LayerIdentity {
 public:
  using Scalar = T;  ///< float or double

  // What every layer has. `type` is in LayerIdentity.

  /// Shape of one sample's output, given one sample's inputs. Throws ShapeError with what does not fit.
  virtual Shape output_shape(Shapes inputs) const = 0;
  /// y = f(x). `y` has the output's shape and does not overlap any input.
  virtual void forward(Inputs<T> x, TensorView<T> y, Pass<T>& pass) const = 0;
  /// From dy = dL/dy: writes dL/dx_i to dx[i] (skip those whose data() is null) and adds dL/dp to p.gradient for
  /// every parameter p with p.trains(). `x`, `y` and `pass.cache` are as forward left them.
  /// By default throws ConfigError: a layer without it can only predict.
  virtual void backward(Inputs<T> /*x*/, TensorView<const T> /*y*/, TensorView<const T> /*dy*/, Outputs<T> /*dx*/,
                        Pass<T>& /*pass*/) {
    throw ConfigError(who(), "a layer with backward(), to be trained", "one without");
  }

  // What a layer with parameters has.

  /// Makes the parameters, once, when the layer joins its first model. While a file is loaded, `rng` is Rng::none() and
  /// `initial_values` gives shapes without memory; other values, if any, are replaced by those of the file.
  virtual void build(Shapes /*inputs*/, Rng& /*rng*/) {}
  /// Parameters in Keras's order: trainable ones as created, then buffers.
  virtual std::vector<Parameter<T>*> parameters() { return {}; }

  // What some layers have.

  /// The options, under Keras's names, by which the layer is saved and made again.
  virtual Config config() const { return {}; }
  /// Called after each training forward pass: the place to update state (BatchNorm's moving statistics).
  virtual void finish_forward(Pass<T>& /*pass*/) {}
  /// What it counts, saved with the model; by default nothing.
  virtual std::vector<Counter*> counters() { return {}; }
  /// Multiplications with accumulation for one sample.
  virtual Index multiply_adds(Shapes /*inputs*/) const { return 0; }
  /// Whether its state is the same on all ranks by itself, as the layer talks to the others while it runs
  /// (`RankPart::communicator`). Of other layers `fit` takes the mean of what they change on each rank.
  virtual bool is_synchronized() const { return false; }
  /// What the layer offers for speed; by default nothing.
  virtual Acceleration<T> acceleration() const { return {}; }

  /// Whether a model has built it, or the layer that it is a copy of: then it keeps its parameters in any other model.
  bool is_built() const { return built_; }
  void set_built() { built_ = true; }  ///< For who builds layers, a model: `build` has been called.

  Freeze frozen() const { return freeze_; }  ///< As `freeze` left it; by default none.
  /// What of it training leaves alone, from now on.
  void freeze(Freeze freeze) {
    freeze_ = freeze;
    for (Parameter<T>* parameter : parameters())
      parameter->frozen = freeze == Freeze::gradients || freeze == Freeze::layer;
  }
  /// Whether to act as in training: Keras's frozen layers do not.
  bool trains(const Pass<T>& pass) const {
    return pass.training && freeze_ != Freeze::layer && freeze_ != Freeze::statistics;
  }

  /// The same, read only.
  std::vector<const Parameter<T>*> parameters() const {
    const auto list = const_cast<Layer*>(this)->parameters();
    return {list.begin(), list.end()};
  }
  /// The same, read only.
  std::vector<const Counter*> counters() const {
    const auto list = const_cast<Layer*>(this)->counters();
    return {list.begin(), list.end()};
  }

 protected:
  Layer() = default;
  /// With a name of its own; empty: the model gives one.
  explicit Layer(std::string name) : LayerIdentity(std::move(name)) {}
  Layer(const Layer&) = default;
  Layer(Layer&&) noexcept = default;
  Layer& operator=(const Layer&) = default;
  Layer& operator=(Layer&&) noexcept = default;

  /// Throws ShapeError unless there is exactly one input, of the given rank without batch (-1: any).
  const Shape& single_input(Shapes inputs, Index rank = -1) const {
    return keel::single_input(inputs, rank, [this] { return who(); });
  }

 private:
  Freeze freeze_ = Freeze::none;
  bool built_ = false;
};

KEEL_INSTANCE(class Layer<float>)

}  // namespace KEEL_ABI
}  // namespace keel
