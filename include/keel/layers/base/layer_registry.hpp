#pragma once
/// A program's own layers by name, so that files may name them.

#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include <keel/tensor/abi.hpp>

namespace keel {
inline namespace KEEL_ABI {

class Config;
template <class T>
class AnyLayer;

/// Classes of layers that keel does not have, under the names that their `type()` gives. It is passed to what reads a
/// file, ModelOptions::layers; nothing is registered for the whole program.
///
///     Model model = load("gate.safetensors", {.layers = register_layer<Gate>("Gate")});
///
/// A class with options has `static Gate from_config(const Config&)`, the way back of `config()`; one without has a
/// default constructor. Gate is a class, or a class template over the scalar.
class LayerRegistry {
 public:
  /// A function that makes a layer of its saved options.
  template <class T>
  using Make = AnyLayer<T> (*)(const Config&);

  /// Layers of class L are named so in files from now on.
  template <class L>
  LayerRegistry& register_layer(std::string type) {
    std::get<Make<typename L::Scalar>>(entry(std::move(type)).makes) = make<L>;
    return *this;
  }
  /// The same for a class template, of float and of double.
  template <template <class> class L>
  LayerRegistry& register_layer(const std::string& type) {
    return register_layer<L<float>>(type).template register_layer<L<double>>(type);
  }

  /// What makes layers of that class, or null.
  template <class T>
  Make<T> find(std::string_view type) const {
    for (const Entry& entry : entries_)
      if (entry.type == type) return std::get<Make<T>>(entry.makes);
    return nullptr;
  }

 private:
  struct Entry {
    std::string type;
    std::tuple<Make<float>, Make<double>> makes{};
  };
  Entry& entry(std::string type) {
    for (Entry& entry : entries_)
      if (entry.type == type) return entry;
    return entries_.emplace_back(Entry{std::move(type)});
  }
  template <class L>
  static AnyLayer<typename L::Scalar> make(const Config& config) {
    if constexpr (requires { L::from_config(config); }) {
      return AnyLayer<typename L::Scalar>(L::from_config(config));
    } else {
      static_assert(std::is_default_constructible_v<L>,
                    "a registered layer has static L from_config(const Config&), or a default constructor");
      return AnyLayer<typename L::Scalar>(L());
    }
  }

  std::vector<Entry> entries_;
};

/// A registry of one class; more are added with `.register_layer<Other>("Other")`.
template <class L>
LayerRegistry register_layer(std::string type) {
  return LayerRegistry().register_layer<L>(std::move(type));
}
/// The same for a class template, of float and of double.
template <template <class> class L>
LayerRegistry register_layer(const std::string& type) {
  return LayerRegistry().register_layer<L>(type);
}

}  // namespace KEEL_ABI
}  // namespace keel
