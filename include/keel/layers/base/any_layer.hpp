#pragma once
/// Layers of any class in one type.

#include <memory>
#include <type_traits>
#include <utility>

#include <keel/layers/base/layer.hpp>

namespace keel {
inline namespace KEEL_ABI {

/// Holds a layer of any class by value: copying it copies the layer, parameters included; `alias` does not.
template <class T>
class AnyLayer {
 public:
  /// Of any class of layer: `model.add(Dense(10))`.
  template <class L>
  requires std::is_base_of_v<Layer<T>, L> AnyLayer(L layer) : AnyLayer(std::make_unique<L>(std::move(layer))) {}
  /// Of a layer that is made already.
  template <class L>
  explicit AnyLayer(std::unique_ptr<L> layer) : layer_(std::unique_ptr<Layer<T>>(std::move(layer))), copy_(copy<L>) {}
  /// Refused: what is no layer, or one of another scalar than the model's.
  template <class NotALayer>
  requires(!std::is_base_of_v<Layer<T>, NotALayer> && !std::is_base_of_v<AnyLayer, NotALayer>)
      AnyLayer(const NotALayer&)
  KEEL_REFUSED("a layer is Dense(10), or an object of a class derived from Layer, of the model's scalar")
  /// A layer of its own, parameters included.
  AnyLayer(const AnyLayer& other) : layer_(other.copy_(*other)), copy_(other.copy_) {}
  AnyLayer(AnyLayer&&) noexcept = default;
  /// A layer of its own where `other` was copied.
  AnyLayer& operator=(AnyLayer other) noexcept {
    layer_.swap(other.layer_);
    std::swap(copy_, other.copy_);
    return *this;
  }
  ~AnyLayer() = default;

  /// The same layer once more: its parameters are those of this one.
  AnyLayer alias() const { return AnyLayer(layer_, copy_); }

  Layer<T>& operator*() { return *layer_; }                    ///< The layer.
  const Layer<T>& operator*() const { return *layer_; }        ///< The layer.
  Layer<T>* operator->() { return layer_.get(); }              ///< The layer.
  const Layer<T>* operator->() const { return layer_.get(); }  ///< The layer.

 private:
  using Copy = std::unique_ptr<Layer<T>>(const Layer<T>&);
  AnyLayer(std::shared_ptr<Layer<T>> layer, Copy* copier) : layer_(std::move(layer)), copy_(copier) {}
  template <class L>
  [[gnu::cold]] static std::unique_ptr<Layer<T>> copy(const Layer<T>& other) {
    return std::make_unique<L>(static_cast<const L&>(other));
  }

  std::shared_ptr<Layer<T>> layer_;
  Copy* copy_;
};

/// Builds a layer that has not been built before. A copy of one that has been, in whatever model, keeps its parameters:
/// throws ShapeError unless they have the shapes that they would be given for these inputs.
template <class T>
void build_once(AnyLayer<T>& layer, Shapes inputs, Rng& rng) {
  if (!layer->is_built()) {
    layer->build(inputs, rng);
    layer->set_built();
    return;
  }
  AnyLayer<T> other = layer;
  Rng none = Rng::none();
  other->build(inputs, none);
  const auto wanted = other->parameters(), kept = layer->parameters();
  for (std::size_t i = 0; i < wanted.size() && i < kept.size(); ++i)
    if (!(wanted[i]->shape() == kept[i]->shape()))
      throw ShapeError(layer->who(), "inputs that fit its " + kept[i]->name() + " of " + kept[i]->shape().to_string(),
                       inputs[0].to_string(), "a copied layer keeps its weights; make a new one to draw them anew");
}

KEEL_INSTANCE(class AnyLayer<float>)
KEEL_INSTANCE(void build_once<float>(AnyLayer<float>&, Shapes, Rng&))

}  // namespace KEEL_ABI
}  // namespace keel
