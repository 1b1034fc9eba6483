#pragma once
/// What the constants and attributes of an ONNX graph say.

#include <map>
#include <memory>

#include <keel/io/onnx/file.hpp>

#if KEEL_HAS_PROTOBUF

namespace keel {
inline namespace KEEL_ABI {

namespace io::onnx {

/// The number of values. Extents are those of tensors that exist, or were charged for.
inline std::size_t count_of_dims(const std::vector<Index>& dims) {
  std::size_t count = 1;
  for (const Index dim : dims) count *= to_size(dim);
  return count;
}

/// The initializers of a graph.
using FileConstants = std::map<std::string, std::shared_ptr<const FileTensor>>;
/// Takes them out of the graph.
inline FileConstants take_constants(FileGraph& graph) {
  FileConstants constants;
  for (FileTensor& tensor : graph.initializers) {
    const std::string name = tensor.name;
    if (constants.contains(name)) throw FormatError(graph.where, "initializers that differ in name", shown(name));
    constants[name] = std::make_shared<FileTensor>(std::move(tensor));
  }
  return constants;
}

inline Index integer_or(const FileNode& node, std::string_view name, Index value) {
  const FileAttribute* found = node.find(name);
  return found ? found->integer : value;
}
inline double number_or(const FileNode& node, std::string_view name, double value) {
  const FileAttribute* found = node.find(name);
  return found ? found->number : value;
}
inline std::string text_or(const FileNode& node, std::string_view name, const char* value) {
  const FileAttribute* found = node.find(name);
  return found ? found->text : value;
}

/// The values at places along each axis, in their order.
inline void pick(const FileTensor& from, const std::vector<std::vector<Index>>& places, FileTensor& to) {
  std::vector<Index> stride(from.dims.size(), 1), at(from.dims.size(), 0);
  for (std::size_t i = from.dims.size(); i-- > 1;) stride[i - 1] = stride[i] * from.dims[i];
  std::size_t count = 1;
  for (const auto& each : places) count *= each.size();
  for (std::size_t n = 0; n < count; ++n) {
    Index source = 0;
    for (std::size_t i = 0; i < places.size(); ++i) source += places[i][to_size(at[i])] * stride[i];
    to.numbers.push_back(from.numbers[to_size(source)]);
    for (std::size_t i = places.size(); i-- > 0 && ++at[i] == count_of(places[i]);) at[i] = 0;
  }
}

/// Axes in another order: axis i of the result is axis order[i]. The order is one of the axes, once each.
inline FileTensor permuted(const FileTensor& from, const std::vector<std::size_t>& order) {
  FileTensor to{.name = from.name, .integers = from.integers};
  std::vector<Index> stride(from.dims.size(), 1);
  for (std::size_t i = from.dims.size(); i-- > 1;) stride[i - 1] = stride[i] * from.dims[i];
  for (const std::size_t axis : order) to.dims.push_back(from.dims[axis]);
  to.numbers.reserve(from.numbers.size());
  std::vector<Index> at(order.size(), 0);
  for (std::size_t n = 0; n < from.numbers.size(); ++n) {
    Index source = 0;
    for (std::size_t i = 0; i < order.size(); ++i) source += at[i] * stride[order[i]];
    to.numbers.push_back(from.numbers[to_size(source)]);
    for (std::size_t i = order.size(); i-- > 0 && ++at[i] == to.dims[i];) at[i] = 0;
  }
  return to;
}

}  // namespace io::onnx

}  // namespace KEEL_ABI
}  // namespace keel

#endif
