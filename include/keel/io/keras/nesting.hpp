#pragma once
/// A keel model as Keras has it. Layers named "inner/..." are a model "inner" inside the model where that changes
/// nothing; where keel pads inside a convolution, Keras has a ZeroPadding2D before it.

#include <optional>

#include <keel/io/keras/graph.hpp>
#include <keel/io/keras/options.hpp>
#include <keel/model/model.hpp>

namespace keel {
inline namespace KEEL_ABI {

namespace io {

/// A model in the place of the parts of a graph that are named "name/...", called a number of times.
class KerasNesting {
 public:
  using Value = KerasGraph::Value;
  using Call = KerasGraph::Call;

  /// `calls` is how often each part of the graph is called; all of those inside a multiple of `times`.
  KerasNesting(const KerasGraph& graph, std::string name, std::size_t times, const std::vector<std::size_t>& calls)
      : graph_(graph), name_(std::move(name)), times_(times), places_(graph.calls.size()) {
    divide(calls);
  }

  /// The graph with the model as its last part. None unless the calls all do the same, something comes out, and no
  /// way leaves a call and comes back.
  std::optional<KerasGraph> result() {
    if (!find_inputs() || !find_outputs()) return std::nullopt;
    return replaced();
  }

 private:
  static constexpr std::size_t none = ~std::size_t{0};
  static constexpr std::string_view input_class = dialects::keras_structure(dialects::KerasKind::input).name;
  struct Place {
    std::size_t time = none, step = none;  // which call of the model, which place in it
  };

  bool inside(std::size_t part) const { return graph_.parts[part].in(name_); }

  /// The first calls of each part belong to the model's first call, the next ones to its second.
  void divide(const std::vector<std::size_t>& counts) {
    std::map<std::pair<std::size_t, std::size_t>, std::size_t> steps;
    std::vector<std::size_t> seen(graph_.parts.size(), 0);
    for (std::size_t c = 0; c < places_.size(); ++c) {
      const std::size_t part = graph_.calls[c].part;
      if (!inside(part)) continue;
      const std::size_t each = counts[part] / times_, nth = seen[part]++;
      const std::size_t step = steps.emplace(std::pair(part, nth % each), steps.size()).first->second;
      places_[c] = {nth / each, step};
      if (step == steps_.size()) steps_.emplace_back(times_);
      steps_[step][nth / each] = c;
    }
  }

  /// Fills `body_`, whose arguments come from its own steps or, numbered after these, from inputs.
  bool find_inputs() {
    for (const std::vector<std::size_t>& step : steps_) {
      Call call = graph_.calls[step[0]];
      for (const std::size_t c : step)
        if (!unite(call, graph_.calls[c])) return false;
      for (std::size_t a = 0; a < call.from.size(); ++a) {
        const std::optional<Value> source = argument(step, a);
        if (!source) return false;
        call.from[a] = *source;
      }
      body_.push_back(std::move(call));
    }
    return true;
  }
  /// Where a step's argument comes from: an earlier step, or an input, new or known. None unless all calls agree.
  std::optional<Value> argument(const std::vector<std::size_t>& step, std::size_t a) {
    std::vector<Value> sources;  // in each call of the model
    sources.reserve(times_);
    for (const std::size_t c : step) sources.push_back(graph_.calls[c].from[a]);
    const Value first = sources[0];
    std::size_t own = 0, alike = 0;
    for (std::size_t time = 0; time < times_; ++time) {
      const Place& place = places_[sources[time].call];
      if (extents_of(sources[time]).size() != extents_of(first).size()) return std::nullopt;
      own += place.time == time;
      alike += place.step == places_[first.call].step && sources[time].index == first.index;
    }
    if (own == times_ && alike == times_) return Value{places_[first.call].step, first.index};
    if (own != 0) return std::nullopt;
    const auto known = static_cast<std::size_t>(std::find(inputs_.begin(), inputs_.end(), sources) - inputs_.begin());
    if (known == inputs_.size()) inputs_.push_back(std::move(sources));
    return Value{steps_.size() + known, 0};
  }
  /// Makes extents unknown in which the other call differs.
  static bool unite(Call& call, const Call& other) {
    if (call.from.size() != other.from.size() || call.results.size() != other.results.size()) return false;
    for (std::size_t r = 0; r < call.results.size(); ++r) {
      KerasGraph::Extents& extents = call.results[r];
      if (extents.size() != other.results[r].size()) return false;
      for (std::size_t axis = 0; axis < extents.size(); ++axis)
        if (extents[axis] != other.results[r][axis]) extents[axis] = -1;
    }
    return true;
  }

  /// What is used outside of the call that gives it; numbers_[step][index] is its place among the outputs.
  bool find_outputs() {
    for (const Call& call : body_) numbers_.emplace_back(call.results.size(), none);
    const auto use = [&](const Value& value, std::size_t time) {
      const Place& place = places_[value.call];
      if (place.time != none && place.time != time) numbers_[place.step][value.index] = 0;
    };
    for (std::size_t c = 0; c < graph_.calls.size(); ++c)
      for (const Value& value : graph_.calls[c].from) use(value, places_[c].time);
    for (const Value& value : graph_.outputs) use(value, none);
    for (std::size_t step = 0; step < body_.size(); ++step)
      for (std::size_t index = 0; index < numbers_[step].size(); ++index)
        if (numbers_[step][index] != none) {
          numbers_[step][index] = outputs_.size();
          outputs_.push_back({step, index});
        }
    return !outputs_.empty();
  }

  /// The model by itself.
  KerasGraph model() const {
    KerasGraph model;
    const auto moved = [&](Value value) {
      value.call = value.call < body_.size() ? value.call + inputs_.size() : value.call - body_.size();
      return value;
    };
    for (const std::vector<Value>& sources : inputs_) {
      Call call{model.add({std::string(input_class), ""}), {}, {extents_of(sources[0])}};
      for (const Value& source : sources) unite(call, {0, {}, {extents_of(source)}});
      model.inputs.push_back({model.call(call.part, {}, std::move(call.results)), 0});
    }
    std::map<std::size_t, std::size_t> parts;
    for (const Call& step : body_) {
      if (!parts.count(step.part)) {
        KerasGraph::Part part = graph_.parts[step.part];
        part.name.erase(0, name_.size() + 1);
        parts[step.part] = model.add(std::move(part));
      }
      std::vector<Value> from;
      for (const Value& value : step.from) from.push_back(moved(value));
      model.call(parts[step.part], std::move(from), step.results);
    }
    for (const Value& value : outputs_) model.outputs.push_back(moved(value));
    return model;
  }
  const KerasGraph::Extents& extents_of(const Value& value) const {
    return graph_.calls[value.call].results[value.index];
  }

  std::optional<KerasGraph> replaced() const {
    KerasGraph outer;
    std::vector<std::size_t> parts(graph_.parts.size()), done(graph_.calls.size(), none);
    for (std::size_t p = 0; p < parts.size(); ++p)
      if (!inside(p)) parts[p] = outer.add(graph_.parts[p]);
    const std::size_t nested = outer.add({"", name_, -1, Padding::valid, std::make_shared<KerasGraph>(model())});
    const auto moved = [&](const Value& value) {
      const Place& place = places_[value.call];
      return Value{done[value.call], place.time == none ? value.index : numbers_[place.step][value.index]};
    };
    const auto move_call = [&](std::size_t c) {
      const std::size_t time = places_[c].time;
      std::vector<Value> from = sources_of(c);
      if (std::any_of(from.begin(), from.end(), [&](const Value& v) { return done[v.call] == none; })) return;
      std::transform(from.begin(), from.end(), from.begin(), moved);
      if (time == none) {
        done[c] = outer.call(parts[graph_.calls[c].part], std::move(from), graph_.calls[c].results);
        return;
      }
      const std::size_t made = outer.call(nested, std::move(from), results_in(time));
      for (const std::vector<std::size_t>& step : steps_) done[step[time]] = made;
    };
    // each call as soon as all is there that it takes from
    for (std::size_t before = none; before != outer.calls.size();) {
      before = outer.calls.size();
      for (std::size_t c = 0; c < done.size(); ++c)
        if (done[c] == none) move_call(c);
    }
    if (std::count(done.begin(), done.end(), none) != 0) return std::nullopt;
    for (const Value& value : graph_.inputs) outer.inputs.push_back(moved(value));
    for (const Value& value : graph_.outputs) outer.outputs.push_back(moved(value));
    return outer;
  }
  /// What a call takes; one inside, what its call of the model takes.
  std::vector<Value> sources_of(std::size_t c) const {
    if (places_[c].time == none) return graph_.calls[c].from;
    std::vector<Value> sources;
    for (const std::vector<Value>& input : inputs_) sources.push_back(input[places_[c].time]);
    return sources;
  }
  /// What a call of the model gives.
  std::vector<KerasGraph::Extents> results_in(std::size_t time) const {
    std::vector<KerasGraph::Extents> results;
    for (const Value& output : outputs_) results.push_back(extents_of({steps_[output.call][time], output.index}));
    return results;
  }

  const KerasGraph& graph_;
  std::string name_;
  std::size_t times_;
  std::vector<Place> places_;                      // of each call of the graph
  std::vector<std::vector<std::size_t>> steps_;    // [step][time] -> call of the graph
  std::vector<Call> body_;                         // the model's steps; parts are the graph's
  std::vector<std::vector<Value>> inputs_;         // [input][time] -> value of the graph
  std::vector<std::vector<std::size_t>> numbers_;  // [step][index] -> output
  std::vector<Value> outputs_;                     // of steps
};

/// Nests what can be nested, as many calls of each model as there can be, and puts it in Keras's order. Readers
/// bound the depth of a file's structures, and so the depth is bounded here.
inline void arrange(KerasGraph& graph, int depth = 0) {
  constexpr int most = 12;
  const auto nest = [&](const std::string& name) {
    std::vector<std::size_t> calls(graph.parts.size(), 0);
    for (const KerasGraph::Call& call : graph.calls) ++calls[call.part];
    std::size_t common = 0;
    for (std::size_t p = 0; p < calls.size(); ++p)
      if (graph.parts[p].in(name)) common = std::gcd(common, calls[p]);
    for (std::size_t times = common; times > 0; --times)
      if (common % times == 0)
        if (std::optional<KerasGraph> nested = KerasNesting(graph, name, times, calls).result()) {
          graph = std::move(*nested);
          return arrange(*graph.parts.back().model, depth + 1);
        }
  };
  std::vector<std::string> names;
  for (const KerasGraph::Part& part : graph.parts) {
    const std::string name = part.name.substr(0, part.name.find('/'));
    if (!name.empty() && part.in(name) && std::find(names.begin(), names.end(), name) == names.end())
      names.push_back(name);
  }
  if (depth < most)
    for (const std::string& name : names) nest(name);
  graph.sort();
  graph.rename();
  graph.sequential = graph.is_chain();
}

/// What keel pads inside a layer and Keras does in one before it.
template <class T>
Padding own_padding(const Layer<T>& layer) {
  Padding padding = Padding::valid;
  const dialects::KerasRow* const row = dialects::keras_row(layer.type());
  if (!row || row->pads.empty()) return padding;
  for (const dialects::Option& option : row->options)
    if (option.form == dialects::Form::window || option.form == dialects::Form::window_1d)
      padding = padding_of(option, layer.config());
  return padding.mode == Padding::Mode::fixed && !(padding == Padding(0)) ? padding : Padding::valid;
}

/// A keel model as Keras has it. A Sequential only where it is one in keel too, and where its layers need no arguments.
template <class T>
KerasGraph keras_graph(const Model<T>& model) {
  KerasGraph graph;
  std::vector<KerasGraph::Value> values;          // of keel's nodes
  std::map<Index, std::size_t> layers, paddings;  // keel's layer -> part
  const std::string input(dialects::keras_structure(dialects::KerasKind::input).name);
  for (const auto& node : model.nodes()) {
    KerasGraph::Extents shape(node.shape.begin(), node.shape.end());
    std::vector<KerasGraph::Value> from;
    for (const int each : node.inputs) from.push_back(values[static_cast<std::size_t>(each)]);
    if (node.layer < 0) {
      values.push_back({graph.call(graph.add({input, node.name}), {}, {shape}), 0});
      continue;
    }
    const Layer<T>& layer = model.layer(node.layer);
    if (const Padding padding = own_padding(layer); !(padding == Padding::valid)) {
      const std::string pads(dialects::keras_row(layer.type())->pads);
      if (!paddings.count(node.layer)) paddings[node.layer] = graph.add({pads, layer.name() + "_padding", -1, padding});
      KerasGraph::Extents padded = graph.calls[from[0].call].results[from[0].index];
      if (padded.size() > 2) padded[0] += padding.top + padding.bottom;
      padded[padded.size() > 2 ? 1 : 0] += padding.left + padding.right;
      from = {{graph.call(paddings[node.layer], from, {padded}), 0}};
    }
    const dialects::KerasRow* const row = dialects::keras_row(layer.type());
    while (row && from.size() < row->least_inputs) from.push_back(from[0]);
    if (!layers.count(node.layer)) {
      layers[node.layer] = graph.add({layer.type(), layer.name(), node.layer});
      graph.parts.back().inference = layer.frozen() == Freeze::statistics;
    }
    values.push_back({graph.call(layers[node.layer], from, {shape}), 0});
  }
  for (const int node : model.inputs()) graph.inputs.push_back(values[static_cast<std::size_t>(node)]);
  for (const int node : model.outputs()) graph.outputs.push_back(values[static_cast<std::size_t>(node)]);
  arrange(graph);
  graph.sequential = graph.sequential && model.is_sequential();
  return graph;
}

}  // namespace io

}  // namespace KEEL_ABI
}  // namespace keel
