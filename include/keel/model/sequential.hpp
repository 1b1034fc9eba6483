#pragma once
/// A chain of layers.

#include <concepts>
#include <initializer_list>

#include <keel/model/model.hpp>

namespace keel {
inline namespace KEEL_ABI {

/// A model whose layers follow one another: `add` applies each to the output of the last.
///
///     Sequential model({28, 28, 1});
///     model.add(Flatten()).add(Dense(10));
///
///     Sequential same({28, 28, 1}, {Flatten(), Dense(10)});
template <class T = float>
class Sequential : public Model<T> {
 public:
  /// An empty chain for samples of that shape, without the batch.
  explicit Sequential(const Shape& input, ModelOptions options = {}) : Model<T>(std::move(options)) {
    last_ = Model<T>::input(input);
    this->set_chain_output(last_.index);
  }

  /// A chain of these layers, in their order.
  Sequential(const Shape& input, std::initializer_list<AnyLayer<T>> layers, ModelOptions options = {})
      : Sequential(input, std::move(options)) {
    for (const AnyLayer<T>& layer : layers) add(layer);
  }
  /// Puts a layer at the end. Throws as `Model::add` does.
  Sequential& add(AnyLayer<T> layer) {
    last_ = Model<T>::add(std::move(layer), last_);
    this->set_chain_output(last_.index);
    return *this;
  }
  /// Copies of the layers of another chain, weights included. Throws ConfigError for one whose layers do not follow one
  /// another.
  Sequential& add(const Model<T>& part) {
    if (!part.is_chain())
      throw ConfigError(this->who(), "a part whose layers follow one another", "another", "build a Model");
    last_ = Model<T>::add(part, last_);
    this->set_chain_output(last_.index);
    return *this;
  }

 private:
  Node last_;
};

/// Refused: a number in place of a shape, Sequential(784).
struct ShapeNeedsBraces;
template <>
class Sequential<ShapeNeedsBraces> {
 public:
  explicit Sequential(...) = delete;
};
template <std::integral Number>
Sequential(Number, ...) -> Sequential<ShapeNeedsBraces>;
/// Refused: options that there are not, or of another type, or no shape.
template <>
class Sequential<MisspeltOptionOrWrongTypeOrArgument> {
 public:
  explicit Sequential(...) = delete;
};
template <class Why = MisspeltOptionOrWrongTypeOrArgument>
Sequential(...) -> Sequential<Why>;
Sequential(const Shape&)->Sequential<float>;
Sequential(const Shape&, ModelOptions)->Sequential<float>;
Sequential(const Shape&, std::initializer_list<AnyLayer<float>>)->Sequential<float>;
Sequential(const Shape&, std::initializer_list<AnyLayer<float>>, ModelOptions)->Sequential<float>;

KEEL_INSTANCE(class Sequential<float>)

}  // namespace KEEL_ABI
}  // namespace keel
