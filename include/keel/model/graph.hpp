#pragma once
/// The graph of a model, without its layers: what applies what to what.

#include <algorithm>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include <keel/layers/base/layer_registry.hpp>
#include <keel/tensor/index.hpp>
#include <keel/tensor/shape.hpp>

namespace keel {
inline namespace KEEL_ABI {

/// A node of a model's graph, as `Model::input` and `Model::add` return it: an input, or a layer applied to other
/// nodes.
struct Node {
  int index = -1;
  /// Which graph it is of, so that another model can refuse it; null: not said.
  const void* graph = nullptr;
};

/// What stands at a node. `shape` is without the batch; `layer` is -1 for an input.
struct NodeInfo {
  int layer = -1;
  std::vector<int> inputs = {};
  Shape shape = {};
  std::string name = {};
};

/// What a model that is made of a part of another has of its weights: copies, or the same ones, which both then train.
/// Of two models that share weights only one may be used at a time.
enum class PartWeights { copied, shared };

struct ModelOptions {
  /// For messages and summaries.
  std::string name = {};
  /// Of the initial weights: the same seed gives the same network everywhere.
  std::uint64_t seed = 0;
  /// Threads of `predict` and of training; 0: what KEEL_THREADS in the environment says, else 1.
  int threads = 0;
  /// Classes of layers of one's own that a file may name: register_layer<Gate>("Gate"). By default none.
  LayerRegistry layers = {};
};

/// For each node whether it leads to an output. The others are neither computed nor part of the network: Keras leaves
/// them out of a model, and so do summaries. Before any output is declared all count as used.
inline std::vector<bool> used_nodes(std::span<const NodeInfo> nodes, std::span<const int> outputs) {
  std::vector<bool> used(nodes.size(), outputs.empty());
  for (const int output : outputs) nth(used, output) = true;
  for (std::size_t n = nodes.size(); n-- > 0;)
    if (used[n])
      for (const int input : nodes[n].inputs) nth(used, input) = true;
  return used;
}

/// Whether the nodes that are used follow one another: one input, each layer applied once, to the node before.
inline bool is_chain(std::span<const NodeInfo> nodes, std::span<const int> outputs) {
  const std::vector<bool> used = used_nodes(nodes, outputs);
  std::vector<int> layers;
  int last = -1;
  for (int n = 0; n < static_cast<int>(nodes.size()); ++n) {
    const NodeInfo& node = nth(nodes, n);
    if (node.layer < 0) {
      if (last >= 0) return false;
    } else {
      if (!nth(used, n)) continue;
      if (node.inputs.size() != 1 || node.inputs[0] != last) return false;
      layers.push_back(node.layer);
    }
    last = n;
  }
  std::sort(layers.begin(), layers.end());
  return last >= 0 && std::adjacent_find(layers.begin(), layers.end()) == layers.end();
}

}  // namespace KEEL_ABI
}  // namespace keel
