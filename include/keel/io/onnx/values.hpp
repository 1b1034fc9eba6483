#pragma once
/// The values of an ONNX graph's initializers, from a model's parameters and back.

#include <cstring>

#include <keel/dialects/onnx_graph.hpp>
#include <keel/formats/archive.hpp>
#include <keel/model/model.hpp>

namespace keel {
inline namespace KEEL_ABI {

namespace io::onnx {

using namespace dialects;
using namespace formats;

/// How many values the dims hold; there is no batch among them.
inline Index size_of(const OnnxDims& dims) {
  Index size = 1;
  for (const Index dim : dims) size *= dim;
  return size;
}

/// body(k, source): value k of a piece is value `source` of its parameter.
template <class F>
void for_each_place(const OnnxPiece& piece, F&& body) {
  const std::size_t rank = piece.split.size();
  std::vector<std::size_t> axes(rank);
  std::vector<Index> strides(rank, 1), at(rank, 0);
  for (std::size_t i = 0; i < rank; ++i) axes[i] = piece.axes.empty() ? i : to_size(piece.axes[i]);
  for (std::size_t i = 0; i < rank; ++i)
    for (std::size_t behind = i + 1; behind < rank; ++behind) strides[i] *= piece.split[behind];
  const Index size = size_of(piece.split);
  const auto step = [&](std::size_t axis, Index place) {
    const bool ordered = !piece.order.empty() && axis == to_size(piece.ordered);
    return (ordered ? nth(piece.order, place) : place) * strides[axis];
  };
  Index source = 0;
  for (std::size_t axis = 0; axis < rank; ++axis) source += step(axis, 0);
  for (Index k = 0; k < size; ++k) {
    body(k, source);
    for (std::size_t i = rank; i-- > 0;) {
      const std::size_t axis = axes[i];
      source -= step(axis, at[axis]);
      if (++at[axis] == piece.split[axis]) at[axis] = 0;
      source += step(axis, at[axis]);
      if (at[axis] != 0) break;
    }
  }
}

/// The parameter of that name.
template <class T>
const Parameter<T>& parameter_of(const Layer<T>& layer, const std::string& name) {
  for (const Parameter<T>* parameter : layer.parameters())
    if (parameter->name() == name) return *parameter;
  throw ConfigError(layer.who(), "a parameter \"" + name + "\"", "none");
}

/// What an initializer of reals holds.
template <class T>
Tensor<T> real_values(const Model<T>& model, const OnnxGraph& graph, const OnnxInitializer& initializer) {
  const Index size = size_of(nth(graph.values, initializer.value).dims);
  Tensor<T> values({size}, T(0));
  if (initializer.layer < 0) {
    std::transform(initializer.numbers.begin(), initializer.numbers.end(), values.begin(),
                   [](double number) { return static_cast<T>(number); });
    return values;
  }
  Index at = 0;
  for (const OnnxPiece& piece : initializer.pieces) {
    if (!piece.parameter.empty()) {
      const T* const from = parameter_of(model.layer(initializer.layer), piece.parameter).value().data();
      if (piece.as_it_is())
        std::copy_n(from, size_of(piece.split), values.data() + at);
      else
        for_each_place(piece, [&](Index k, Index source) { values[at + k] = from[source]; });
    }
    at += size_of(piece.split);
  }
  return values;
}

/// Bytes of an initializer: the parameter's own memory, or what was made for it.
struct InitializerBytes {
  Bytes made = {};
  ByteSpan bytes = {};
};

template <class V>
InitializerBytes bytes_of_values(const Tensor<V>& values) {
  InitializerBytes result{to_array("", values).bytes, {}};
  result.bytes = result.made;
  return result;
}

/// As the file has them: little endian.
template <class T>
InitializerBytes initializer_bytes(const Model<T>& model, const OnnxGraph& graph, const OnnxInitializer& initializer) {
  const OnnxValue& value = nth(graph.values, initializer.value);
  const auto of = [&]<class V, class From>(const std::vector<From>& list, V) {
    Tensor<V> values({count_of(list)});
    std::transform(list.begin(), list.end(), values.begin(), [](From each) { return static_cast<V>(each); });
    return bytes_of_values(values);
  };
  switch (value.type) {
    case OnnxType::int64: return of(initializer.integers, std::int64_t{});
    case OnnxType::boolean: return of(initializer.integers, std::uint8_t{});
    case OnnxType::float32: return of(initializer.numbers, float{});
    case OnnxType::real: break;
  }
  if (std::endian::native == std::endian::little && initializer.layer >= 0 && initializer.pieces.size() == 1 &&
      initializer.pieces[0].as_it_is() && !initializer.pieces[0].parameter.empty()) {
    const auto& held = parameter_of(model.layer(initializer.layer), initializer.pieces[0].parameter).value();
    return {{}, {reinterpret_cast<const std::byte*>(held.data()), to_size(held.size()) * sizeof(T)}};
  }
  return bytes_of_values(real_values(model, graph, initializer));
}

}  // namespace io::onnx

}  // namespace KEEL_ABI
}  // namespace keel
