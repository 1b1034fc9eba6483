#pragma once
/// A layer's state: parameters, counters, and what of it is frozen.

#include <cstdint>
#include <string>
#include <utility>

#include <keel/layers/base/parameter_rule.hpp>
#include <keel/tensor/tensor.hpp>

namespace keel {
inline namespace KEEL_ABI {

/// trainable: updated by gradients (BatchNorm's gamma). buffer: state that is saved and counted, but not
/// trained (BatchNorm's moving mean). Keras counts buffers as non-trainable weights, PyTorch does not count them.
enum class ParameterKind { trainable, buffer };

/// A named tensor of a layer. Everything that concerns a network's state (summary, optimizers, saving, freezing,
/// importing) reads the layers' lists of these.
///
/// The value changes only through `set` and `update`, which count up `version()`: that is how a model knows that
/// the weights which it packed for inference are out of date.
template <class T>
class Parameter {
 public:
  Parameter() = default;
  /// By default one that gradients train.
  Parameter(std::string name, Tensor<T> value, ParameterKind kind = ParameterKind::trainable)
      : name_(std::move(name)), kind_(kind), value_(std::move(value)) {}

  const std::string& name() const { return name_; }      ///< within the layer, Keras's: "kernel"
  ParameterKind kind() const { return kind_; }           ///< whether gradients train it
  const Tensor<T>& value() const { return value_; }      ///< the values, read only
  const Shape& shape() const { return value_.shape(); }  ///< of the values
  Index size() const { return value_.size(); }           ///< number of values
  std::uint64_t version() const { return version_; }     ///< Changes so far: of `set` and `update`.

  /// Takes values of the same shape. Throws ShapeError otherwise.
  void set(const TensorView<const T>& value) {
    check(value.shape());
    value_.resize(shape());
    std::copy(value.begin(), value.end(), value_.begin());
    ++version_;
  }
  /// The same, taking the memory.
  void set(Tensor<T>&& value) {
    check(value.shape());
    value_ = std::move(value);
    ++version_;
  }
  /// Calls `change(TensorView<T>)`, which may write the values in place; the view must not be kept.
  template <class F>
  void update(F&& change) {
    ++version_;
    change(value_.view());
  }

  /// Whether gradients and optimizer steps concern this parameter.
  bool trains() const { return kind_ == ParameterKind::trainable && !frozen; }

  /// Set by `Layer::freeze`.
  bool frozen = false;
  /// Its own rate, decay, penalty and constraint.
  ParameterRule rule{};
  /// Gradient of the loss, written by `Layer::backward`; empty until the first backward pass.
  Tensor<T> gradient;

 private:
  void check(const Shape& given) const {
    if (!(given == shape())) throw ShapeError(name_, "a value of shape " + shape().to_string(), given.to_string());
  }

  std::string name_;
  ParameterKind kind_ = ParameterKind::trainable;
  Tensor<T> value_;
  std::uint64_t version_ = 0;
};

/// A value that is counted and saved but is neither trained nor listed as a weight (BatchNorm's number of
/// batches).
struct Counter {
  std::string name;        ///< within the layer
  std::int64_t value = 0;  ///< what was counted
};

/// none: trains. gradients: PyTorch's `requires_grad_(False)`; the parameters stay, the layer runs as before
/// (BatchNorm goes on updating its moving statistics). statistics: Keras's call with `training=False`; the parameters
/// train, BatchNorm runs in inference mode during training. layer: Keras's `trainable = False`; both.
enum class Freeze { none, gradients, statistics, layer };

/// As files say it.
inline const char* freeze_name(Freeze freeze) {
  switch (freeze) {
    case Freeze::none: return "none";
    case Freeze::gradients: return "gradients";
    case Freeze::statistics: return "statistics";
    case Freeze::layer: return "layer";
  }
  return "none";
}

KEEL_INSTANCE(class Parameter<float>)

}  // namespace KEEL_ABI
}  // namespace keel
