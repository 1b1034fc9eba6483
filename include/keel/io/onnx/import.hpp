#pragma once
/// A graph of ONNX's operators as a model in the making: values, constants, orders of axes.

#include <deque>
#include <map>
#include <memory>
#include <set>

#include <keel/io/keel/architecture.hpp>
#include <keel/io/onnx/import_options.hpp>
#include <keel/io/onnx/import_values.hpp>
#include <keel/io/onnx/inline.hpp>
#include <keel/layers/layers.hpp>

#if KEEL_HAS_PROTOBUF

namespace keel {
inline namespace KEEL_ABI {

namespace io::onnx {

template <class T>
class OnnxImport {
 public:
  OnnxImport(const FileGraph& graph, const FileConstants& constants, const OnnxImportOptions& options)
      : model_(options.model, Weights::from_file),
        graph_(graph),
        options_(options),
        made_(16 * graph.bytes + (std::uint64_t{8} << 20)) {
    for (const FileNode& node : graph.nodes) learn(node);
    for (const FileValue& output : graph.outputs) users_[output.name].push_back(nullptr);
    for (const auto& [name, constant] : constants) values_[name].constant = constant;
  }

  ModelBuilder<T>& model() { return model_; }
  const OnnxImportOptions& options() const { return options_; }
  std::int64_t opset() const { return graph_.opset; }
  const FileGraph& graph() const { return graph_; }
  /// Whether an output of the node goes anywhere.
  bool used(const FileNode& node, std::size_t i) const {
    return i < node.outputs.size() && !node.outputs[i].empty() && users_.contains(node.outputs[i]);
  }
  /// The nodes that take a value, once for each time; null for an output of the graph.
  std::span<const FileNode* const> users(const std::string& name) const {
    const auto found = users_.find(name);
    return found == users_.end() ? std::span<const FileNode* const>() : found->second;
  }
  /// The node that makes a value; null for inputs and initializers.
  const FileNode* maker(const std::string& name) const {
    const auto found = makers_.find(name);
    return found == makers_.end() ? nullptr : found->second;
  }

  std::string place(const FileNode& node) const { return graph_.where + ": " + node.op + " " + shown(node.who()); }
  [[noreturn]] void refuse(const FileNode& node, const std::string& expected, const std::string& got) const {
    throw FormatError(place(node), expected, got);
  }

  /// Adds a layer without values; `weigh` and those it was made with are all that it gets. Its name is the node's.
  Node add(const FileNode& node, AnyLayer<T> layer, std::span<const Node> x) {
    return place_layer(node, std::move(layer), x, node.name);
  }
  Node add(const FileNode& node, AnyLayer<T> layer, Node x) { return add(node, std::move(layer), std::span(&x, 1)); }
  /// A layer that the file does not have, with a name made of its class.
  Node add_helper(const FileNode& node, AnyLayer<T> layer, Node x) {
    return add_helper(node, std::move(layer), std::span<const Node>(&x, 1));
  }
  Node add_helper(const FileNode& node, AnyLayer<T> layer, std::span<const Node> x) {
    return place_layer(node, std::move(layer), x, {});
  }
  /// A name that no layer has: the one asked for, if it is free, without the slash that some exporters begin it with.
  std::string free_name(std::string base) {
    base.erase(0, base.find_first_not_of('/'));
    int& count = names_[base];
    if (++count == 1) return base;
    std::string name;
    do name = base + "_" + std::to_string(count - 1);
    while (names_.contains(name) && ++count);
    ++names_[name];
    return name;
  }

  bool has(const FileNode& node, std::size_t i) const { return i < node.inputs.size() && !node.inputs[i].empty(); }
  /// A value, or a constant that is repeated along the batch.
  const Imported& found(const FileNode& node, std::size_t i = 0) const {
    if (!has(node, i)) refuse(node, "an input " + std::to_string(i), "none");
    const auto found = values_.find(node.inputs[i]);
    if (found == values_.end()) refuse(node, "values that stand before their use", shown(node.inputs[i]));
    return found->second;
  }
  /// A value as it is known; its node may yet have to be reshaped. In a graph without a batch it has none.
  const Imported& raw(const FileNode& node, std::size_t i = 0) { return raw_form(node, i); }
  /// A value whose axes an operator counts: as `raw`, and reshaped.
  const Imported& counted(const FileNode& node, std::size_t i = 0) { return in_shape(node, raw_form(node, i)); }
  /// A value with the batch anywhere.
  const Imported& any(const FileNode& node, std::size_t i = 0) { return in_shape(node, known_form(node, i)); }
  /// A value with the batch on its first axis.
  const Imported& in(const FileNode& node, std::size_t i = 0) {
    const Imported& value = any(node, i);
    if (value.constant || value.batch.first()) return value;
    const Shape shape = sample(value);
    if (!value.batch.whole()) refuse(node, "the batch first", "values with it elsewhere");
    if (shape.rank() == 0 || shape[0] != 1) refuse(node, "a batch of 1", "values without a batch");
    Imported& first = firsts_[node.inputs[i]];
    if (first.node.index < 0)
      first = {.node = add_helper(node, Reshape<T>(std::vector<Index>(shape.begin() + 1, shape.end())), value.node),
               .integers = value.integers};
    return first;
  }
  /// The value, its node reshaped where it is not yet.
  const Imported& in_shape(const FileNode& node, Imported& value) {
    if (value.view)
      value.node = add_helper(node, Reshape<T>(std::vector<Index>(value.view->begin(), value.view->end())), value.node);
    value.view.reset();
    return value;
  }
  /// A value as one sample without a batch, of which the file has one.
  Imported whole_of(const FileNode& node, const Imported& value) {
    if (value.constant || value.batch.whole()) return value;
    std::vector<Index> extents = dims(value);
    nth(extents, value.batch.axis) = value.batch.before * value.batch.after;
    return {.node = plain(node, value),
            .integers = value.integers,
            .batch = BatchPlace::none(),
            .view = Shape(std::span<const Index>(extents))};
  }
  const FileTensor& constant(const FileNode& node, std::size_t i) const {
    const Imported& value = found(node, i);
    if (!value.constant || value.repeated)
      refuse(node, "input " + std::to_string(i) + " known when the file is read", "a computed one");
    return *value.constant;
  }
  /// The one number of an input, or of an attribute that older opsets have in its place.
  double number(const FileNode& node, std::size_t i, std::string_view attribute, double otherwise) const {
    if (const FileAttribute* found = node.find(attribute)) return found->number;
    if (!has(node, i)) return otherwise;
    const FileTensor& tensor = constant(node, i);
    if (tensor.numbers.empty()) return otherwise;
    if (tensor.numbers.size() != 1) refuse(node, "one number", std::to_string(tensor.numbers.size()));
    return tensor.numbers[0];
  }
  /// An integer of a constant, within +-2^59.
  Index integer(const FileNode& node, double value) const {
    if (batches(value) > 0) refuse(node, "a number that is known when the file is read", "the size of the batch");
    if (!(value == std::trunc(value))) refuse(node, "integers", std::to_string(value));
    return static_cast<Index>((std::clamp)(value, -0x1p59, 0x1p59));
  }
  /// Numbers of an input (or, in older opsets, an attribute); none if it is absent.
  std::optional<std::vector<Index>> numbers(const FileNode& node, std::size_t i, std::string_view attribute) const {
    std::vector<Index> list;
    if (const FileAttribute* found = node.find(attribute)) {
      for (const std::int64_t each : found->integers) list.push_back(integer(node, static_cast<double>(each)));
    } else if (has(node, i)) {
      for (const double each : constant(node, i).numbers) list.push_back(integer(node, each));
    } else {
      return std::nullopt;
    }
    return list;
  }
  /// Numbers of an attribute; none if it is absent.
  std::optional<std::vector<Index>> numbers(const FileNode& node, std::string_view attribute) const {
    return numbers(node, node.inputs.size(), attribute);
  }

  /// Extents as ONNX has them, the batch as -1.
  std::vector<Index> dims(const Imported& value) const {
    if (value.constant) return value.constant->dims;
    const Shape& shape = sample(value);
    if (value.batch.whole()) return {shape.begin(), shape.end()};
    std::vector<Index> list;
    for (Index i = 0; i < value.batch.axis; ++i) list.push_back(shape[i]);
    list.push_back(-1);
    if (value.images) list.push_back(shape[shape.rank() - 1]);
    for (Index i = value.batch.axis + value.batch.inside(); i < shape.rank() - (value.images ? 1 : 0); ++i)
      list.push_back(shape[i]);
    return list;
  }
  const Shape& sample(const Imported& value) const {
    return value.view ? *value.view : nth(model_.nodes(), value.node.index).shape;
  }
  /// An axis of ONNX's as one of the value's extents.
  Index axis(const FileNode& node, const Imported& value, Index axis) const {
    const Index rank = count_of(dims(value));
    const Index found = axis < 0 ? axis + rank : axis;
    if (found < 0 || found >= rank) refuse(node, "an axis below " + std::to_string(rank), std::to_string(axis));
    if (found == value.batch.axis && (!value.constant || value.repeated))
      refuse(node, "an axis of the samples", "the batch's");
    if (value.constant) return found;
    if (found < value.batch.axis || value.batch.whole()) return found + 1;
    if (!value.images) return found + value.batch.inside();
    return found == 1 ? rank - 1 : found - 1;
  }

  /// Channels last: `axes` of them besides the channels.
  Node images(const FileNode& node, const Imported& value, Index axes) {
    if (value.constant || sample(value).rank() != axes + 1)
      refuse(node, "samples of " + std::to_string(axes + 1) + " axes", "another value");
    if (value.images) return value.node;
    std::vector<Index> order;
    for (Index i = 2; i <= axes + 1; ++i) order.push_back(i);
    order.push_back(1);
    return add_helper(node, Permute<T>(std::move(order)), value.node);
  }
  /// Of a norm: mean and variance of each batch or sample.
  void refuse_statistics(const FileNode& node) const {
    for (std::size_t i = 1; i < node.outputs.size(); ++i)
      if (used(node, i)) refuse(node, "no use of its statistics", shown(node.outputs[i]));
  }
  /// In ONNX's order.
  Node plain(const FileNode& node, const Imported& value) {
    if (value.constant) refuse(node, "a computed input", "a constant");
    if (value.images) return first(node, value.node, sample(value).rank());
    if (value.features.rank() == 0) return value.node;
    const Shape& f = value.features;
    const Node back = add_helper(node, Reshape<T>(std::vector<Index>(f.begin(), f.end())), value.node);
    return add_helper(node, Flatten<T>(), first(node, back, f.rank()));
  }
  Imported settled(const FileNode& node, const Imported& value) {
    if (value.constant || value.features.rank() == 0) return value;
    return Imported{.node = plain(node, value), .integers = value.integers};
  }

  void set(const FileNode& node, Imported value, std::size_t i = 0) {
    if (i >= node.outputs.size() || node.outputs[i].empty()) return;
    if (!values_.emplace(node.outputs[i], std::move(value)).second)
      refuse(node, "names of values that stand for one each", shown(node.outputs[i]));
  }
  /// A node of the same order of axes as `like`.
  void set(const FileNode& node, Node made, const Imported& like) {
    set(node, Imported{.node = made,
                       .images = like.images,
                       .features = like.features,
                       .integers = like.integers,
                       .batch = like.batch});
  }
  void set(const FileNode& node, FileTensor made, std::size_t i = 0) { set(node, constant_value(std::move(made)), i); }
  /// Before so much memory is taken.
  void charge(const FileNode& node, std::uint64_t bytes) { made_.charge(bytes, place(node)); }
  /// Before a constant of so many extents is made.
  FileTensor empty(const FileNode& node, std::vector<Index> dims, IntegerType integers) {
    double count = 1;
    for (const Index dim : dims) {
      if (dim < 0) refuse(node, "extents of 0 or more", std::to_string(dim));
      count *= static_cast<double>((std::max)(Index{1}, dim));
    }
    if (dims.size() > 8 || count > 0x1p40) refuse(node, "at most 8 axes and 2^40 values", "more");
    made_.charge(static_cast<std::uint64_t>(count) * sizeof(double), place(node));
    FileTensor tensor{.dims = std::move(dims), .integers = integers};
    tensor.numbers.reserve(count_of_dims(tensor.dims));
    return tensor;
  }

  /// Values for a parameter of the layer that was added last.
  void weigh(const FileNode& node, const char* name, const FileTensor& tensor) {
    for (Parameter<T>* parameter : model_.layer(model_.layer_count() - 1).parameters()) {
      if (parameter->name() != name) continue;
      const Shape& shape = parameter->value().shape();
      const bool list = shape.rank() == 1 && count_of_dims(tensor.dims) == to_size(shape[0]);
      if (!list && !std::equal(shape.begin(), shape.end(), tensor.dims.begin(), tensor.dims.end()))
        refuse(node, std::string(name) + " of " + shape.to_string(), std::to_string(tensor.numbers.size()) + " values");
      parameter->set(values(shape, tensor));
      return;
    }
    refuse(node, std::string("a parameter ") + name, "none");
  }
  Tensor<T> values(const Shape& shape, const FileTensor& tensor) {
    made_.charge(static_cast<std::uint64_t>(shape.size()) * sizeof(T), graph_.where);
    Tensor<T> value = Tensor<T>::uninitialized(shape);
    for (Index k = 0; k < value.size(); ++k) value[k] = static_cast<T>(tensor.numbers[to_size(k)]);
    return value;
  }
  /// The only node that uses a value, if it is that operator and its other input is a constant.
  const FileNode* constant_follower(const FileNode& node, const char* op) const {
    if (!used(node, 0) || users(node.outputs[0]).size() != 1) return nullptr;
    const FileNode* const next = users(node.outputs[0])[0];
    if (!next || next->op != op || !next->domain.empty() || next->inputs.size() != 2) return nullptr;
    const auto other = values_.find(next->inputs[next->inputs[0] == node.outputs[0] ? 1 : 0]);
    return other != values_.end() && other->second.constant ? next : nullptr;
  }
  const FileTensor& other_constant(const FileNode& next, const std::string& than) const {
    return *values_.at(next.inputs[0] == than ? next.inputs[1] : next.inputs[0]).constant;
  }
  bool known(const std::string& name) const { return values_.contains(name); }
  const Imported& value(const std::string& name) const { return values_.at(name); }
  void define(const std::string& name, Imported value) { values_[name] = std::move(value); }

  /// A copy of a branch of an If that is taken, under names of its own; its constants are known.
  const FileGraph& enter(const FileNode& node, const FileGraph& branch) {
    made_.charge(2 * bytes_of(branch), place(node));
    FileGraph& copy =
        branches_.emplace_back(renamed_branch(branch, node.who() + "/" + std::to_string(branches_.size() + 1) + "/"));
    for (FileTensor& tensor : copy.initializers) {
      std::string name = tensor.name;
      Imported constant = constant_value(std::move(tensor));
      if (!values_.emplace(std::move(name), std::move(constant)).second)
        refuse(node, "constants that differ in name", shown(node.who()));
    }
    for (const FileNode& each : copy.nodes) learn(each);
    for (const FileValue& output : copy.outputs) users_[output.name].push_back(nullptr);
    return copy;
  }

  /// For constants that stand for every sample.
  std::optional<Node> first_input = {};
  /// Nodes that became part of the layer of a node before them.
  std::set<const FileNode*> done = {};
  /// The batch that the file fixes; -1 if it leaves it open.
  Index batch = -1;
  /// The graph has no batch, or one of 1: a value is one sample, with the file's axes, wherever that matters.
  bool whole = false;

 private:
  Imported& known_form(const FileNode& node, std::size_t i) {
    const Imported& value = found(node, i);
    if (!value.repeated) return values_.find(node.inputs[i])->second;
    if (value.batch.axis != 0 || !first_input)
      refuse(node, "a constant that is known when the file is read", "one with a batch");
    const auto [form, is_new] = alike_.try_emplace(node.inputs[i]);
    const FileTensor& from = *value.constant;
    const Shape sample(std::span<const Index>(from.dims).subspan(1));
    if (is_new)
      form->second = {.node = add_helper(node, Constant<T>(values(sample, from)), *first_input),
                      .integers = from.integers};
    return form->second;
  }
  Imported& raw_form(const FileNode& node, std::size_t i) {
    Imported& value = known_form(node, i);
    if (!whole || value.constant || value.batch.whole()) return value;
    const auto [form, is_new] = wholes_.try_emplace(node.inputs[i]);
    if (is_new) form->second = whole_of(node, value);
    return form->second;
  }
  /// Who makes and who uses values. Of a pattern, its parts do; for what a branch takes from outside, its If does.
  void learn(const FileNode& node) {
    for (const FileNode& part : node.parts) learn(part);
    if (!node.parts.empty()) return;
    for (const std::string& input : node.inputs) users_[input].push_back(&node);
    for (const std::string& output : node.outputs) makers_[output] = &node;
    for (const FileAttribute& attribute : node.attributes)
      if (attribute.branch) learn(*attribute.branch, node);
  }
  void learn(const FileGraph& branch, const FileNode& user) {
    for (const FileValue& output : branch.outputs) users_[output.name].push_back(&user);
    for (const FileNode& node : branch.nodes) {
      for (const std::string& input : node.inputs) users_[input].push_back(&user);
      for (const FileAttribute& attribute : node.attributes)
        if (attribute.branch) learn(*attribute.branch, user);
    }
  }

  /// What a layer and its node take beside their values, at most.
  static constexpr std::uint64_t layer_bytes = 1500;

  Node place_layer(const FileNode& node, AnyLayer<T> layer, std::span<const Node> x, const std::string& name) {
    made_.charge(layer_bytes, place(node));
    const bool named = name.find_first_not_of('/') != name.npos;
    layer->rename(free_name(named ? name : snake_case(layer->type())));
    return model_.add(std::move(layer), x, place(node));
  }
  /// Channels first again.
  Node first(const FileNode& node, Node from, Index rank) {
    std::vector<Index> order{rank};
    for (Index i = 1; i < rank; ++i) order.push_back(i);
    return add_helper(node, Permute<T>(std::move(order)), from);
  }

  ModelBuilder<T> model_;
  const FileGraph& graph_;
  const OnnxImportOptions& options_;
  std::map<std::string, Imported> values_;
  std::map<std::string, Imported> wholes_, firsts_;  ///< the same without a batch, with it first
  std::map<std::string, Imported> alike_;            ///< constants that are repeated along the batch, as nodes
  std::deque<FileGraph> branches_;                   ///< that are taken
  std::map<std::string_view, std::vector<const FileNode*>> users_;
  std::map<std::string_view, const FileNode*> makers_;
  std::map<std::string, int> names_;  ///< taken, with how often each was asked for
  /// Of layers, and of constants that folding makes.
  Budget made_;
};

/// All places of each axis.
template <class T>
std::vector<std::vector<Index>> all_places(const OnnxImport<T>& to, const FileNode& node,
                                           const std::vector<Index>& dims) {
  std::vector<std::vector<Index>> places;
  const bool none = std::find(dims.begin(), dims.end(), 0) != dims.end();
  for (const Index dim : dims) {
    if (none && dim > 1 << 20) to.refuse(node, "a constant with values", "none");
    places.emplace_back();
    for (Index i = 0; i < dim; ++i) places.back().push_back(i);
  }
  return places;
}

}  // namespace io::onnx

}  // namespace KEEL_ABI
}  // namespace keel

#endif
