#pragma once
/// The order that Keras gives to the layers of a graph: the longest way to an output first.

#include <algorithm>
#include <cstddef>
#include <numeric>
#include <utility>
#include <vector>

#include <keel/tensor/abi.hpp>

namespace keel {
inline namespace KEEL_ABI {

namespace detail {

/// The calls of a graph, as numbers: what each call applies, and from which calls it takes.
struct CallGraph {
  struct Call {
    std::size_t layer;
    std::vector<std::size_t> from;
  };
  std::vector<Call> calls;           ///< each after those that it takes from
  std::vector<std::size_t> outputs;  ///< calls
  std::vector<bool> input;           ///< of each layer, whether it is an input of the model
};

/// Source: map_graph in Keras's function.py.
struct KerasOrder {
  std::vector<int> depth;           ///< of each call that leads to an output: calls on the longest way to one
  std::vector<std::size_t> layers;  ///< deepest first, then as met on the way back from the outputs; unused ones last

  [[gnu::cold]] explicit KerasOrder(const CallGraph& graph)
      : depth(graph.calls.size(), 0),
        layers(graph.input.size()),
        entered_(graph.calls.size(), false),
        met_(graph.input.size(), -1) {
    for (const std::size_t output : graph.outputs) follow(graph, output);
    std::vector<int> deepest(graph.input.size(), -1);  // an input that leads nowhere is as deep as an output
    for (std::size_t l = 0; l < deepest.size(); ++l)
      if (graph.input[l]) deepest[l] = 0;
    for (std::size_t i = finished_.size(); i-- > 0;) {
      const std::size_t c = finished_[i];
      int& layer = deepest[graph.calls[c].layer];
      layer = depth[c] = (std::max)(layer, depth[c]);
      for (const std::size_t from : graph.calls[c].from) depth[from] = (std::max)(depth[from], layer + 1);
    }
    std::iota(layers.begin(), layers.end(), std::size_t{0});
    std::stable_sort(layers.begin(), layers.end(), [&](std::size_t a, std::size_t b) {
      return deepest[a] != deepest[b] ? deepest[a] > deepest[b] : met_[a] < met_[b];
    });
  }

 private:
  /// From one output back to the inputs, arguments in their order, without recursion.
  void follow(const CallGraph& graph, std::size_t output) {
    std::vector<std::pair<std::size_t, std::size_t>> trail;  // call, how many of its arguments have been followed
    const auto enter = [&](std::size_t c) {
      if (entered_[c]) return;
      entered_[c] = true;
      if (int& met = met_[graph.calls[c].layer]; met < 0) met = next_++;
      trail.emplace_back(c, 0);
    };
    for (enter(output); !trail.empty();) {
      const std::size_t c = trail.back().first, argument = trail.back().second++;
      if (argument < graph.calls[c].from.size()) {
        enter(graph.calls[c].from[argument]);
      } else {
        finished_.push_back(c);
        trail.pop_back();
      }
    }
  }

  std::vector<bool> entered_;  // of each call
  std::vector<int> met_;       // when a layer was met first; -1: never
  int next_ = 0;
  std::vector<std::size_t> finished_;  // calls, each after those that it takes from
};

}  // namespace detail

}  // namespace KEEL_ABI
}  // namespace keel
