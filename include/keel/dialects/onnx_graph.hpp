#pragma once
/// An ONNX graph as data: what the rows of onnx.hpp write and io/onnx turns into bytes. It knows no layer and holds no
/// weights: an initializer says of which parameter it is made, and how.

#include <algorithm>
#include <deque>
#include <initializer_list>
#include <limits>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include <keel/tensor/index.hpp>
#include <keel/tensor/shape.hpp>

namespace keel {
inline namespace KEEL_ABI {

namespace dialects {

/// What a value consists of. `real` is the model's scalar, float or double.
enum class OnnxType { real, float32, int64, boolean };

/// Extents of a value; -1 is the batch, whose extent the file leaves open.
using OnnxDims = std::vector<Index>;

/// A value of the graph: an input, an initializer or what a node computes. Nodes speak of values by their number.
struct OnnxValue {
  std::string name;
  OnnxDims dims;
  OnnxType type = OnnxType::real;
};

struct OnnxAttribute {
  std::string_view name;
  std::variant<Index, double, std::string, std::vector<Index>, std::vector<double>, std::vector<std::string>> value;
};
using OnnxAttributes = std::vector<OnnxAttribute>;

struct OnnxNode {
  std::string_view op;
  std::string name;
  std::vector<int> inputs;   ///< numbers of values; -1: left out
  std::vector<int> outputs;  ///< the same
  OnnxAttributes attributes;
};

/// A part of an initializer: a parameter in another order of its axes, or zeros.
struct OnnxPiece {
  std::string parameter = {};     ///< of the layer; empty: so many zeros as `split` says
  std::vector<Index> split = {};  ///< its extents, axes of one split in several or joined
  std::vector<Index> axes = {};   ///< axis i of the piece is axis axes[i] of `split`; empty: in order
  Index ordered = 0;              ///< an axis of `split`
  std::vector<Index> order = {};  ///< place k along it holds what is at order[k]; empty: in order

  bool as_it_is() const { return axes.empty() && order.empty(); }
};

/// A value that the file holds: pieces of parameters one after the other, or numbers.
struct OnnxInitializer {
  int value;
  int layer = -1;  ///< that the pieces are of
  std::vector<OnnxPiece> pieces = {};
  std::vector<double> numbers = {};
  std::vector<Index> integers = {};
};

struct OnnxGraph {
  std::deque<OnnxValue> values;
  std::vector<OnnxNode> nodes;
  std::vector<OnnxInitializer> initializers;
  std::vector<int> inputs, outputs;  ///< numbers of values
};

/// How the values of a node of keel's lie in a value of the graph.
enum class OnnxForm {
  last,   ///< (batch, sample), as in keel
  first,  ///< (batch, channels, rest): keel's last axis in front
  mixed,  ///< (batch, features), the features in another order: behind a Flatten of `first`
};

/// A node of keel's in the graph: the values that hold it, -1 where there is none in that form yet.
struct OnnxTensor {
  Shape sample{};
  int last = -1, first = -1, mixed = -1;
  std::vector<Index> order = {};  ///< of `mixed`: feature k there is keel's feature order[k]

  int& in(OnnxForm form) { return form == OnnxForm::last ? last : form == OnnxForm::first ? first : mixed; }
  int in(OnnxForm form) const { return const_cast<OnnxTensor&>(*this).in(form); }
};

/// (batch, ...) of a sample that lies in that form.
inline OnnxDims onnx_dims(const Shape& sample, OnnxForm form) {
  OnnxDims dims{-1};
  const bool turned = form == OnnxForm::first && sample.rank() > 1;
  if (turned) dims.push_back(sample.back());
  dims.insert(dims.end(), sample.begin(), sample.end() - turned);
  return dims;
}
/// Where axis i of a sample of that rank is.
inline Index onnx_axis(Index i, Index rank, OnnxForm form) {
  if (form != OnnxForm::first || rank < 2) return i + 1;
  return i == rank - 1 ? 1 : i + 2;
}
/// The axes of `first` in the order of `last`, or the other way round.
inline std::vector<Index> onnx_turn(Index rank, bool to_first) {
  std::vector<Index> axes{0};
  for (Index i = 0; i < rank; ++i) axes.push_back(to_first ? (i == 0 ? rank : i) : onnx_axis(i, rank, OnnxForm::first));
  return axes;
}

/// Appends to a graph: values, nodes, constants, and the same node of keel's in another form. Names stay different.
class OnnxBuilder {
 public:
  /// `opset`: operators that changed are written as that version of ONNX has them.
  /// `room`: the most numbers that constants and orders may have together, for graphs that a file describes.
  explicit OnnxBuilder(Index opset, std::size_t room = (std::numeric_limits<std::size_t>::max)())
      : opset_(opset), room_(room) {}

  Index opset() const { return opset_; }
  OnnxGraph& graph() { return graph_; }
  const OnnxDims& dims(int value) const { return nth(graph_.values, value).dims; }

  int value(const std::string& name, OnnxDims dims, OnnxType type = OnnxType::real) {
    const int number = static_cast<int>(graph_.values.size());
    graph_.values.push_back({names_.add(name, number), std::move(dims), type});
    return number;
  }
  /// A node of that name with one output, which it returns.
  int node(const std::string& name, std::string_view op, std::vector<int> inputs, OnnxDims dims,
           OnnxAttributes attributes = {}, OnnxType type = OnnxType::real) {
    const int output = value(name, std::move(dims), type);
    graph_.nodes.push_back({op, node_names_.add(name, 0), std::move(inputs), {output}, std::move(attributes)});
    return output;
  }
  OnnxNode& last_node() { return graph_.nodes.back(); }
  int numbers(const std::string& name, std::vector<double> values, OnnxDims dims, OnnxType type = OnnxType::real) {
    charge(values.size());
    const int made = value(name, std::move(dims), type);
    graph_.initializers.push_back({.value = made, .numbers = std::move(values)});
    return made;
  }
  int integers(const std::string& name, std::vector<Index> values, OnnxDims dims, OnnxType type = OnnxType::int64) {
    charge(values.size());
    const int made = value(name, std::move(dims), type);
    graph_.initializers.push_back({.value = made, .integers = std::move(values)});
    return made;
  }
  int integers(const std::string& name, std::vector<Index> values) {
    const OnnxDims dims{static_cast<Index>(values.size())};
    return integers(name, std::move(values), dims);
  }
  /// What the pieces of a layer make. The same pieces are one initializer.
  int weight(const std::string& name, int layer, std::vector<OnnxPiece> pieces, OnnxDims dims) {
    std::vector<std::size_t>& others = of_layer_[layer];
    for (const std::size_t other : others) {
      const OnnxInitializer& known = graph_.initializers[other];
      if (nth(graph_.values, known.value).dims == dims &&
          std::equal(known.pieces.begin(), known.pieces.end(), pieces.begin(), pieces.end(), same))
        return known.value;
    }
    for (const OnnxPiece& piece : pieces) charge(piece.order.size());
    others.push_back(graph_.initializers.size());
    const int made = value(name, std::move(dims));
    graph_.initializers.push_back({.value = made, .layer = layer, .pieces = std::move(pieces)});
    return made;
  }

  /// The same value under another name.
  int copy(const std::string& name, int x) { return node(name, "Identity", {x}, OnnxDims(dims(x))); }
  int transpose(const std::string& name, int x, const std::vector<Index>& axes) {
    OnnxDims turned;
    for (const Index axis : axes) turned.push_back(nth(dims(x), axis));
    return node(name, "Transpose", {x}, std::move(turned), {{"perm", axes}});
  }
  /// (batch, ...) with these extents behind the batch.
  int reshape(const std::string& name, int x, const Shape& sample) {
    OnnxDims to = onnx_dims(sample, OnnxForm::last);
    OnnxDims wanted = to;
    wanted[0] = 0;  // as it is
    return node(name, "Reshape", {x, integers(name + "/shape", std::move(wanted))}, std::move(to));
  }

  /// The node of keel's in that form, made from another where it has to be.
  int in_form(OnnxTensor& tensor, OnnxForm form, const std::string& name) {
    if (form == OnnxForm::first && tensor.sample.rank() < 2) form = OnnxForm::last;
    int& wanted = tensor.in(form);
    if (wanted >= 0) return wanted;
    const Index rank = tensor.sample.rank();
    if (form == OnnxForm::first)
      return wanted = transpose(name + "/channels_first", in_form(tensor, OnnxForm::last, name), onnx_turn(rank, true));
    if (tensor.first >= 0) return wanted = transpose(name + "/channels_last", tensor.first, onnx_turn(rank, false));
    std::vector<Index> back(tensor.order.size());
    for (std::size_t k = 0; k < back.size(); ++k) nth(back, tensor.order[k]) = static_cast<Index>(k);
    const int places = integers(name + "/order", std::move(back));
    return wanted = node(name + "/ordered", "Gather", {tensor.mixed, places}, dims(tensor.mixed), {{"axis", Index{1}}});
  }

  /// Gives a value that name; who has it gets another.
  void rename(int of, const std::string& name) {
    std::string& held = nth(graph_.values, of).name;
    if (held == name) return;
    const auto [other, free] = names_.holders.try_emplace(name, of);
    if (!free) {
      const int before = std::exchange(other->second, of);
      nth(graph_.values, before).name = names_.add(name + "/inner", before);
    }
    names_.holders.erase(std::exchange(held, name));
  }
  /// Feature k of a flattened image of channels first is feature order[k] of one of channels last.
  std::vector<Index> flat_order(const Shape& image) {
    charge(to_size(image.size()));
    const Index channels = image.back(), places = image.size() / channels;
    std::vector<Index> order(to_size(image.size()));
    for (Index k = 0; k < image.size(); ++k) nth(order, k) = k % places * channels + k / places;
    return order;
  }

 private:
  static bool same(const OnnxPiece& a, const OnnxPiece& b) {
    return a.parameter == b.parameter && a.split == b.split && a.axes == b.axes && a.ordered == b.ordered &&
           a.order == b.order;
  }
  /// A name that no value, or no node, has yet.
  struct Names {
    std::map<std::string, int> holders = {};  ///< the value that has it
    std::map<std::string, int> last = {};     ///< the number that was put behind it

    std::string add(const std::string& name, int holder) {
      std::string free = name;
      while (!holders.try_emplace(free, holder).second)
        free = name + "_" + std::to_string(++last.try_emplace(name, 1).first->second);
      return free;
    }
  };
  /// For every number that the graph keeps. Throws ConfigError where they become too many.
  void charge(std::size_t count) {
    if (count > room_) throw ConfigError("ONNX", "a graph with fewer constants", "more");
    room_ -= count;
  }

  Index opset_;
  std::size_t room_;
  OnnxGraph graph_;
  Names names_, node_names_;
  std::map<int, std::vector<std::size_t>> of_layer_;  // its initializers
};

}  // namespace dialects

}  // namespace KEEL_ABI
}  // namespace keel
