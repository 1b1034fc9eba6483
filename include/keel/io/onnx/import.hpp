#pragma once
/// A graph of ONNX's operators as a model: values, constants, orders of axes. The operators are in operators.hpp.

#include <keel/io/onnx/file.hpp>
#include <keel/layers/layers.hpp>
#include <keel/model/model.hpp>

#if KEEL_HAS_PROTOBUF

namespace keel {
inline namespace KEEL_ABI {

namespace io::onnx {

/// Stands for the batch among the numbers of a shape: no file has it, as extents are at most 2^40.
inline constexpr double batch_extent = -0x1p60;

/// What a name of the graph stands for: a constant, or a node of the model.
struct Imported {
  std::optional<FileTensor> constant = {};
  Node node = {};
  bool images = false;  ///< ONNX has (n, c, h, w), the node (n, h, w, c)
  Shape features = {};  ///< of a row that ONNX has in the order (c, h, w): the (h, w, c) that the node has; else rank 0
};

/// Axes in another order: axis i of the result is axis order[i].
inline FileTensor permuted(const FileTensor& from, const std::vector<std::size_t>& order) {
  FileTensor to{.name = from.name, .integers = from.integers};
  std::vector<Index> stride(from.dims.size(), 1);
  for (std::size_t i = from.dims.size(); i-- > 1;) stride[i - 1] = stride[i] * from.dims[i];
  for (const std::size_t axis : order) to.dims.push_back(from.dims.at(axis));
  std::vector<Index> at(order.size(), 0);
  for (std::size_t n = 0; n < from.numbers.size(); ++n) {
    Index source = 0;
    for (std::size_t i = 0; i < order.size(); ++i) source += at[i] * stride[order[i]];
    to.numbers.push_back(from.numbers[to_size(source)]);
    for (std::size_t i = order.size(); i-- > 0 && ++at[i] == to.dims[i];) at[i] = 0;
  }
  return to;
}

template <class T>
class OnnxImport {
 public:
  OnnxImport(Model<T>& model, const FileGraph& graph) : model_(model), graph_(graph) {
    for (const FileNode& node : graph.nodes)
      for (const std::string& input : node.inputs) ++uses_[input];
    for (const FileValue& output : graph.outputs) ++uses_[output.name];
    for (const FileTensor& tensor : graph.initializers) values_[tensor.name].constant = tensor;
  }

  Model<T>& model() { return model_; }
  std::int64_t opset() const { return graph_.opset; }
  const FileGraph& graph() const { return graph_; }
  int uses(const std::string& name) const { return uses_.contains(name) ? uses_.at(name) : 0; }

  [[noreturn]] void refuse(const FileNode& node, const std::string& expected, const std::string& got) const {
    throw FormatError(graph_.where + ": " + node.op + " " + shown(node.who()), expected, got);
  }

  bool has(const FileNode& node, std::size_t i) const { return i < node.inputs.size() && !node.inputs[i].empty(); }
  const Imported& in(const FileNode& node, std::size_t i = 0) const {
    if (!has(node, i)) refuse(node, "an input " + std::to_string(i), "none");
    const auto found = values_.find(node.inputs[i]);
    if (found == values_.end()) refuse(node, "values that stand before their use", shown(node.inputs[i]));
    return found->second;
  }
  const FileTensor& constant(const FileNode& node, std::size_t i) const {
    const Imported& value = in(node, i);
    if (!value.constant) refuse(node, "input " + std::to_string(i) + " known when the file is read", "a computed one");
    return *value.constant;
  }
  /// Numbers of an input (or, in older opsets, an attribute); none if it is absent.
  std::optional<std::vector<Index>> numbers(const FileNode& node, std::size_t i, std::string_view attribute) const {
    std::vector<Index> list;
    if (const FileAttribute* found = node.find(attribute)) {
      list.assign(found->integers.begin(), found->integers.end());
    } else if (has(node, i)) {
      for (const double number : constant(node, i).numbers) list.push_back(static_cast<Index>(number));
    } else {
      return std::nullopt;
    }
    return list;
  }

  /// Extents as ONNX has them, the batch as -1.
  std::vector<Index> dims(const Imported& value) const {
    if (value.constant) return value.constant->dims;
    const Shape& shape = sample(value);
    std::vector<Index> list{-1};
    if (value.images) list.push_back(shape[shape.rank() - 1]);
    for (Index i = 0; i < shape.rank() - (value.images ? 1 : 0); ++i) list.push_back(shape[i]);
    return list;
  }
  const Shape& sample(const Imported& value) const { return nth(model_.nodes(), value.node.index).shape; }

  /// Channels last.
  Node images(const FileNode& node, const Imported& value) {
    if (value.images) return value.node;
    if (value.constant || sample(value).rank() != 3) refuse(node, "images", "another value");
    return model_.add(Permute<T>({2, 3, 1}), value.node);
  }
  /// In ONNX's order.
  Node plain(const FileNode& node, const Imported& value) {
    if (value.constant) refuse(node, "a computed input", "a constant");
    if (value.images) return model_.add(Permute<T>({3, 1, 2}), value.node);
    if (value.features.rank() == 0) return value.node;
    const Shape& f = value.features;
    return model_.add(Flatten<T>(),
                      model_.add(Permute<T>({3, 1, 2}), model_.add(Reshape<T>({f[0], f[1], f[2]}), value.node)));
  }

  void set(const FileNode& node, Imported value, std::size_t i = 0) {
    if (i < node.outputs.size() && !node.outputs[i].empty()) values_[node.outputs[i]] = std::move(value);
  }
  /// A node of the same order of axes as `like`.
  void set(const FileNode& node, Node made, const Imported& like) {
    set(node, Imported{.node = made, .images = like.images, .features = like.features});
  }
  /// Values for a parameter of the layer that was added last.
  void weigh(const FileNode& node, const char* name, const FileTensor& tensor) {
    for (Parameter<T>* parameter : model_.layer(model_.layer_count() - 1).parameters()) {
      if (parameter->name() != name) continue;
      if (static_cast<std::size_t>(parameter->value().size()) != tensor.numbers.size())
        refuse(node, std::string(name) + " of " + parameter->value().shape().to_string(),
               std::to_string(tensor.numbers.size()) + " values");
      Tensor<T> value = Tensor<T>::uninitialized(parameter->value().shape());
      for (Index k = 0; k < value.size(); ++k) value[k] = static_cast<T>(tensor.numbers[to_size(k)]);
      parameter->set(std::move(value));
      return;
    }
    refuse(node, std::string("a parameter ") + name, "none");
  }
  /// The only node that uses a value, if it is that operator and its other input is a constant.
  const FileNode* constant_follower(const FileNode& node, const char* op) const {
    if (node.outputs.empty() || uses(node.outputs[0]) != 1) return nullptr;
    for (const FileNode& next : graph_.nodes) {
      if (next.op != op || next.inputs.size() != 2) continue;
      for (const std::size_t i : {0u, 1u})
        if (next.inputs[i] == node.outputs[0]) {
          const auto other = values_.find(next.inputs[1 - i]);
          return other != values_.end() && other->second.constant ? &next : nullptr;
        }
    }
    return nullptr;
  }
  const FileTensor& other_constant(const FileNode& next, const std::string& than) const {
    return *values_.at(next.inputs[0] == than ? next.inputs[1] : next.inputs[0]).constant;
  }
  bool known(const std::string& name) const { return values_.contains(name); }
  Imported& value(const std::string& name) { return values_[name]; }

 private:
  Model<T>& model_;
  const FileGraph& graph_;
  std::map<std::string, Imported> values_;
  std::map<std::string, int> uses_;
};

}  // namespace io::onnx

}  // namespace KEEL_ABI
}  // namespace keel

#endif
