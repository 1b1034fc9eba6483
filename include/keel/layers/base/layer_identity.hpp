#pragma once
/// Class and name of a layer.

#include <string>
#include <utility>

#include <keel/tensor/abi.hpp>

namespace keel {
inline namespace KEEL_ABI {

/// What identifies a layer, whatever its scalar.
class LayerIdentity {
 public:
  virtual ~LayerIdentity() = default;

  /// Class name, Keras's where there is one: "Conv2D", "BatchNormalization".
  virtual std::string type() const = 0;
  /// Name inside a model, unique there; given by the model unless the options name it.
  const std::string& name() const { return name_; }
  /// The model does so where the name is taken; files name layers by it.
  void rename(std::string name) { name_ = std::move(name); }
  /// For errors: "dense_1 (Dense)".
  [[gnu::cold]] std::string who() const { return name_.empty() ? type() : name_ + " (" + type() + ")"; }

 protected:
  LayerIdentity() = default;
  explicit LayerIdentity(std::string name) : name_(std::move(name)) {}  ///< Empty until the model gives one.
  LayerIdentity(const LayerIdentity&) = default;
  LayerIdentity(LayerIdentity&&) = default;
  LayerIdentity& operator=(const LayerIdentity&) = default;
  LayerIdentity& operator=(LayerIdentity&&) = default;

 private:
  std::string name_;
};

}  // namespace KEEL_ABI
}  // namespace keel
