#pragma once
/// Models of parts of models: truncate, sub_model, replace_head, a model inside another, freezing by name and by depth.

#include <keel/model/model.hpp>

namespace keel {
inline namespace KEEL_ABI {

namespace detail {

/// Whether a name is of a pattern, in which `*` stands for any characters.
inline bool matches(std::string_view pattern, std::string_view name) {
  const std::size_t star = pattern.find('*');
  if (star == pattern.npos) return pattern == name;
  if (!name.starts_with(pattern.substr(0, star))) return false;
  for (std::size_t i = star; i <= name.size(); ++i)
    if (matches(pattern.substr(star + 1), name.substr(i))) return true;
  return false;
}

/// The nodes that `to` needs, ends at `from`. Throws ConfigError where an input of the model is needed that is not in
/// `from`.
template <class T>
std::vector<bool> nodes_between(const Model<T>& model, std::span<const Node> from, std::span<const Node> to) {
  const auto nodes = model.nodes();
  std::vector<bool> needed(nodes.size(), false), given(nodes.size(), false);
  for (const Node& node : from) nth(given, node.index) = true;
  for (const Node& node : to) nth(needed, node.index) = true;
  for (std::size_t n = nodes.size(); n-- > 0;) {
    if (!needed[n] || given[n]) continue;
    if (nodes[n].layer < 0)
      throw ConfigError("sub_model", "nodes that the outputs follow from", "input " + nodes[n].name + " needed too",
                        "name it among the first nodes");
    for (const int input : nodes[n].inputs) nth(needed, input) = true;
  }
  return needed;
}

}  // namespace detail

template <class T>
Node Model<T>::node(const std::string& name) const {
  Node found;
  for (std::size_t n = 0; n < nodes_.size(); ++n) {
    if (nodes_[n].name != name) continue;
    if (found.index >= 0)
      throw ConfigError(who(), "a layer that is applied once", "\"" + name + "\" twice",
                        "take the Node that add() gave");
    found = {static_cast<int>(n), graph_.get()};
  }
  if (found.index < 0) find(name);  // throws, with the names that there are
  return found;
}

template <class T>
void Model<T>::freeze(Freeze freeze, const std::string& pattern) {
  bool found = false;
  for (auto& layer : layers_)
    if (detail::matches(pattern, layer->name())) {
      layer->freeze(freeze);
      found = true;
    }
  if (!found) find(pattern);  // throws, with the names that there are
}

template <class T>
void Model<T>::freeze_up_to(Node last, Freeze freeze) {
  shapes_of(std::span(&last, 1));
  const std::vector<bool> used = keel::used_nodes(nodes_, std::span(&last.index, 1));
  for (std::size_t n = 0; n < nodes_.size(); ++n)
    if (used[n] && nodes_[n].layer >= 0) nth(layers_, nodes_[n].layer)->freeze(freeze);
}

template <class T>
void Model<T>::freeze_first(Index layers, Freeze freeze) {
  if (layers < 0 || layers > layer_count())
    throw ConfigError(who(), "0 to " + std::to_string(layer_count()) + " layers", std::to_string(layers));
  for (Index l = 0; l < layers; ++l) layer(l).freeze(freeze);
}

template <class T>
std::vector<Parameter<T>*> Model<T>::select(const std::string& pattern) {
  std::vector<Parameter<T>*> found;
  std::string known;
  for (const NamedParameter<T>& each : named_parameters()) {
    known += (known.empty() ? "" : ", ") + each.name;
    if (detail::matches(pattern, each.name)) found.push_back(each.parameter);
  }
  if (found.empty()) throw ConfigError(who(), "some of the parameters " + known, "\"" + pattern + "\"");
  return found;
}

/// Applies the layers of the needed nodes of `part` to nodes of this model. `place`: for each node of `part` its node
/// here;
/// -1 where it has none yet.
template <class T>
void Model<T>::append(const Model<T>& part, const std::vector<bool>& needed, std::vector<Node>& place,
                      const std::string& prefix, PartWeights weights) {
  std::vector<Node> first(part.layers_.size());
  for (std::size_t n = 0; n < part.nodes_.size(); ++n) {
    if (!needed[n] || place[n].index >= 0) continue;
    const NodeInfo& info = part.nodes_[n];
    std::vector<Node> inputs;
    for (const int input : info.inputs) inputs.push_back(nth(place, input));
    Node& done = nth(first, info.layer);
    if (done.index >= 0) {
      place[n] = share(done, inputs);
      continue;
    }
    const AnyLayer<T>& layer = nth(part.layers_, info.layer);
    AnyLayer<T> added = weights == PartWeights::shared ? layer.alias() : layer;
    if (const std::string name = keel::unique_name(prefix + added->name(), names_); name != added->name())
      added->rename(name);
    place[n] = done = add(std::move(added), inputs);
  }
}

template <class T>
Model<T> Model<T>::sub_model(std::span<const Node> from, std::span<const Node> to, PartWeights weights) const {
  shapes_of(from);
  shapes_of(to);
  if (to.empty()) throw ConfigError(who(), "nodes to end at", "none");
  const std::vector<bool> needed = detail::nodes_between(*this, from, to);
  Model<T> part(options_);
  std::vector<Node> place(nodes_.size());
  for (const Node& node : from)
    place[to_size(node.index)] =
        part.input(nth(nodes_, node.index).shape,
                   nth(nodes_, node.index).layer < 0 ? nth(nodes_, node.index).name : std::string());
  part.append(*this, needed, place, "", weights);
  for (const Node& node : to) part.output(place[to_size(node.index)]);
  return part;
}

template <class T>
Model<T> Model<T>::truncate(Node last, PartWeights weights) const {
  shapes_of(std::span(&last, 1));
  const std::vector<bool> used = keel::used_nodes(nodes_, std::span(&last.index, 1));
  std::vector<Node> from;
  for (const int input : inputs_)
    if (nth(used, input)) from.push_back({input, graph_.get()});
  return sub_model(from, std::span(&last, 1), weights);
}

template <class T>
Model<T> Model<T>::replace_head(Node last, const Model<T>& head) const {
  Model<T> model = truncate(last);
  const Node end{model.outputs_.at(0), model.graph_.get()};
  model.outputs_.clear();
  for (const Node& output : model.add(head, std::span(&end, 1))) model.output(output);
  return model;
}

template <class T>
std::vector<Node> Model<T>::add(const Model<T>& part, std::span<const Node> x) {
  const std::vector<Shape> shapes = shapes_of(x);
  if (&part == this) throw ConfigError(who(), "another model", "itself", "pass clone()");
  if (part.outputs_.empty()) throw ConfigError(part.who(), "an output", "none");
  if (shapes.size() != part.inputs_.size())
    throw ShapeError(part.who(), std::to_string(part.inputs_.size()) + " inputs", std::to_string(shapes.size()));
  std::vector<Node> place(part.nodes_.size());
  for (std::size_t i = 0; i < shapes.size(); ++i) {
    if (!(shapes[i] == part.input_shape(i)))
      throw ShapeError(part.who(), "an input of shape " + part.input_shape(i).to_string(), shapes[i].to_string());
    nth(place, part.inputs_[i]) = x[i];
  }
  append(part, part.used_nodes(), place, part.name().empty() ? "" : part.name() + "/", PartWeights::copied);
  std::vector<Node> outputs;
  for (const int output : part.outputs_) outputs.push_back(nth(place, output));
  return outputs;
}

KEEL_INSTANCE(void Model<float>::freeze(Freeze, const std::string&))
KEEL_INSTANCE(void Model<float>::freeze_up_to(Node, Freeze))
KEEL_INSTANCE(void Model<float>::freeze_first(Index, Freeze))
KEEL_INSTANCE(std::vector<Parameter<float>*> Model<float>::select(const std::string&))
KEEL_INSTANCE(Node Model<float>::node(const std::string&) const)
KEEL_INSTANCE(void Model<float>::append(const Model<float>&, const std::vector<bool>&, std::vector<Node>&,
                                        const std::string&, PartWeights))
KEEL_INSTANCE(Model<float> Model<float>::sub_model(std::span<const Node>, std::span<const Node>, PartWeights) const)
KEEL_INSTANCE(Model<float> Model<float>::truncate(Node, PartWeights) const)
KEEL_INSTANCE(Model<float> Model<float>::replace_head(Node, const Model<float>&) const)
KEEL_INSTANCE(std::vector<Node> Model<float>::add(const Model<float>&, std::span<const Node>))

}  // namespace KEEL_ABI
}  // namespace keel
