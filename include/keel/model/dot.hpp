#pragma once
/// A model's graph as text for Graphviz.

#include <keel/model/model.hpp>

namespace keel {
inline namespace KEEL_ABI {

namespace detail {

/// As a string of Graphviz's.
inline std::string dot_text(std::string_view text) {
  std::string quoted;
  for (const char c : text) {
    if (c == '"' || c == '\\') quoted += '\\';
    quoted += c;
  }
  return quoted;
}

}  // namespace detail

/// A box a node: name, class, shape of its output, number of parameters; outputs have a thick frame, frozen layers are
/// grey.
template <class T>
std::string Model<T>::to_dot() const {
  std::string text = "digraph \"" + detail::dot_text(who()) + "\" {\n  node [shape=box, fontname=\"sans-serif\"];\n";
  for (std::size_t n = 0; n < nodes_.size(); ++n) {
    const NodeInfo& node = nodes_[n];
    std::string label = detail::dot_text(node.name) + "\\n", style;
    if (node.layer >= 0) {
      const Layer<T>& here = layer(node.layer);
      Index values = 0;
      for (const Parameter<T>* p : here.parameters()) values += p->size();
      label += detail::dot_text(here.type()) + " ";
      if (values > 0) label += std::to_string(values) + " parameters ";
      if (here.frozen() != Freeze::none) style = ", style=filled, fillcolor=lightgrey";
    } else {
      style = ", style=rounded";
    }
    const bool is_output = std::find(outputs_.begin(), outputs_.end(), static_cast<int>(n)) != outputs_.end();
    if (is_output) style += ", penwidth=2";
    text += "  " + std::to_string(n) + " [label=\"" + label + node.shape.to_string() + "\"" + style + "];\n";
    for (const int input : node.inputs) text += "  " + std::to_string(input) + " -> " + std::to_string(n) + ";\n";
  }
  return text + "}\n";
}

KEEL_INSTANCE(std::string Model<float>::to_dot() const)

}  // namespace KEEL_ABI
}  // namespace keel
