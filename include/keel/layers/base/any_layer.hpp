#pragma once

#include <memory>
#include <type_traits>
#include <utility>

#include <keel/layers/base/layer.hpp>

namespace keel {
inline namespace KEEL_ABI {

/// Holds a layer of any class by value: copying it copies the layer, parameters included.
template <class T>
class AnyLayer {
 public:
  template <class L>
  requires std::is_base_of_v<Layer<T>, L> AnyLayer(L layer) : AnyLayer(std::make_unique<L>(std::move(layer))) {}
  template <class L>
  explicit AnyLayer(std::unique_ptr<L> layer) : layer_(std::move(layer)), copy_(copy<L>) {}
  AnyLayer(const AnyLayer& other) : layer_(other.copy_(*other)), copy_(other.copy_) {}
  AnyLayer(AnyLayer&&) noexcept = default;
  AnyLayer& operator=(AnyLayer other) noexcept {
    layer_.swap(other.layer_);
    std::swap(copy_, other.copy_);
    return *this;
  }
  ~AnyLayer() = default;

  Layer<T>& operator*() { return *layer_; }
  const Layer<T>& operator*() const { return *layer_; }
  Layer<T>* operator->() { return layer_.get(); }
  const Layer<T>* operator->() const { return layer_.get(); }

 private:
  template <class L>
  static std::unique_ptr<Layer<T>> copy(const Layer<T>& other) {
    return std::make_unique<L>(static_cast<const L&>(other));
  }

  std::unique_ptr<Layer<T>> layer_;
  std::unique_ptr<Layer<T>> (*copy_)(const Layer<T>&);
};

KEEL_INSTANCE(class AnyLayer<float>)

}  // namespace KEEL_ABI
}  // namespace keel
