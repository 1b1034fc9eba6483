#pragma once
/// The graph of a model as Keras has it: layers and models inside the model, called once or several times, in the
/// order by which Keras's files know their weights. keras_nesting.hpp makes it from a keel model.

#include <algorithm>
#include <map>
#include <memory>
#include <numeric>
#include <set>

#include <keel/dialects/keras.hpp>
#include <keel/layers/base/layer.hpp>
#include <keel/layers/base/options.hpp>
#include <keel/model/keras_order.hpp>
#include <keel/model/naming.hpp>

namespace keel {
inline namespace KEEL_ABI {

namespace io {

/// Names of layers in Keras 3's files, by class and order: "dense", then "dense_1".
class KerasCounter {
 public:
  std::string peek(const std::string& type) const {
    const std::string name = snake_case(type);
    const auto found = counts_.find(name);
    return found == counts_.end() ? name : name + "_" + std::to_string(found->second);
  }
  std::string next(const std::string& type) {
    std::string name = peek(type);
    ++counts_[snake_case(type)];
    return name;
  }

 private:
  std::map<std::string, int> counts_;
};

struct KerasGraph {
  using Extents = std::vector<Index>;  ///< without the batch; -1 where the calls of a model differ
  /// A layer, or a model inside the model.
  struct Part {
    std::string type;                  ///< keel's class, or Keras's of what keel has no layer for; none of a model
    std::string name;                  ///< differs from the others' in this graph
    Index layer = -1;                  ///< keel's
    Padding padding = Padding::valid;  ///< of a ZeroPadding2D that keel does not have
    std::shared_ptr<KerasGraph> model{};
    bool inference = false;  ///< called with training=False, which a Sequential cannot

    /// Whether it belongs to the model of this name, when that is made.
    bool in(const std::string& group) const { return !is_input() && name.starts_with(group + "/"); }
    bool is_input() const { return layer < 0 && type == dialects::keras_structure(dialects::KerasKind::input).name; }
    /// Null: a layer of a user's own.
    const dialects::KerasRow* row() const {
      return layer < 0 ? dialects::keras_class(type) : dialects::keras_row(type);
    }
    /// Keras's class, as its code calls it, by which Keras 3 counts layers; keel's name of a layer that Keras does not
    /// have.
    std::string class_name() const {
      const dialects::KerasRow* const mine = row();
      return mine ? std::string(mine->python.empty() ? mine->name : mine->python) : type;
    }
  };
  /// What a call gives, or one of several things that it does.
  struct Value {
    std::size_t call, index;
    bool operator==(const Value&) const = default;
  };
  struct Call {
    std::size_t part;
    std::vector<Value> from;
    std::vector<Extents> results;
  };

  std::vector<Part> parts;
  std::vector<Call> calls;  ///< each after those that it takes from
  std::vector<Value> inputs, outputs;
  bool sequential = false;  ///< Keras's Sequential, else a Functional

  std::size_t add(Part part) {
    parts.push_back(std::move(part));
    return parts.size() - 1;
  }
  std::size_t call(std::size_t part, std::vector<Value> from, std::vector<Extents> results) {
    calls.push_back({part, std::move(from), std::move(results)});
    return calls.size() - 1;
  }

  /// visit(part, path) for all but models, path being where Keras 3 keeps the weights: "layers/dense_1", or
  /// "layers/functional/layers/dense" in a model inside. is_functional(model, path) tells a model's class; `path`
  /// is its own if it says yes.
  template <class IsFunctional, class Visit>
  void places(const IsFunctional& is_functional, const Visit& visit, const std::string& prefix = "layers/") const {
    KerasCounter names;
    for (const Part& part : parts) {
      if (!part.model) {
        if (!sequential || !part.is_input()) visit(part, prefix + names.next(part.class_name()));
        continue;
      }
      using dialects::KerasKind;
      const std::string whole(dialects::keras_structure(KerasKind::functional).name);
      const bool functional = is_functional(*part.model, prefix + names.peek(whole));
      const std::string name =
          names.next(functional ? whole : std::string(dialects::keras_structure(KerasKind::sequential).name));
      part.model->places(is_functional, visit, prefix + name + "/layers/");
    }
  }

  /// Sorts the parts as Keras does. What leads to no output comes last.
  void sort() {
    detail::CallGraph graph;
    for (const Part& part : parts) graph.input.push_back(part.is_input());
    for (const Call& call : calls) {
      graph.calls.push_back({call.part, {}});
      for (const Value& value : call.from) graph.calls.back().from.push_back(value.call);
    }
    for (const Value& output : outputs) graph.outputs.push_back(output.call);
    const std::vector<std::size_t> order = detail::KerasOrder(graph).layers;
    std::vector<std::size_t> place(parts.size());
    std::vector<Part> sorted;
    for (std::size_t i = 0; i < order.size(); ++i) {
      sorted.push_back(std::move(parts[order[i]]));
      place[order[i]] = i;
    }
    parts = std::move(sorted);
    for (Call& call : calls) call.part = place[call.part];
  }

  /// Gives each part a name of its own without a slash; layers keep theirs where they can.
  void rename() {
    std::set<std::string> taken;
    for (const bool keeps : {true, false})
      for (Part& part : parts) {
        const bool named = part.layer >= 0 || (part.is_input() && !part.name.empty());
        if (keeps != (named && part.name.find('/') == std::string::npos)) continue;
        if (part.name.empty()) part.name = snake_case(part.type);
        std::replace(part.name.begin(), part.name.end(), '/', '_');
        const std::string name = part.name;
        for (int i = 1; !taken.insert(part.name).second; ++i) part.name = name + "_" + std::to_string(i);
      }
  }

  /// Each part is called once, on what the part before it gave.
  bool is_chain() const {
    bool chain = std::none_of(parts.begin(), parts.end(), [](const Part& part) { return part.inference; }) &&
                 parts.size() == calls.size() && inputs.size() == 1 && outputs.size() == 1 &&
                 outputs[0] == Value{calls.size() - 1, 0};
    for (std::size_t c = 0; chain && c < calls.size(); ++c)
      chain = calls[c].results.size() == 1 &&
              (c == 0 ? calls[c].from.empty() : calls[c].from == std::vector<Value>{{c - 1, 0}});
    return chain;
  }
};

/// Whether Keras would call a layer not trainable. Frozen gradients are that where it does nothing else in training.
template <class T>
bool keras_frozen(const Layer<T>& layer) {
  if (layer.frozen() != Freeze::gradients) return layer.frozen() == Freeze::layer;
  const dialects::KerasRow* const row = dialects::keras_row(layer.type());
  return !row || row->training == dialects::Training::same;
}
/// Whether Keras lists a weight among those that train.
template <class T>
bool keras_trains(const Layer<T>& layer, const Parameter<T>& parameter) {
  return parameter.kind() == ParameterKind::trainable && !keras_frozen(layer);
}

}  // namespace io

}  // namespace KEEL_ABI
}  // namespace keel
