#pragma once
/// The order of features behind a Flatten: PyTorch counts a map's values (c, h, w), keel (h, w, c). It lives on until
/// weights take it up, and has to be undone where something else reads the values.

#include <keel/dialects/torch.hpp>
#include <keel/model/model.hpp>

namespace keel {
inline namespace KEEL_ABI {

namespace io {

/// Maps whose features lie one after the other, each with PyTorch's extents, {c, h, w}; {n, 1} are n features in an
/// order that both share. Empty: keel's order.
using FeatureMaps = std::vector<std::vector<Index>>;

/// At k, PyTorch's position of keel's k-th feature.
inline std::vector<Index> feature_positions(const FeatureMaps& maps) {
  std::vector<Index> positions;
  Index before = 0;
  for (const std::vector<Index>& map : maps) {
    const Index channels = map[0];
    Index pixels = 1;
    for (std::size_t axis = 1; axis < map.size(); ++axis) pixels *= map[axis];
    for (Index pixel = 0; pixel < pixels; ++pixel)
      for (Index c = 0; c < channels; ++c) positions.push_back(before + c * pixels + pixel);
    before += channels * pixels;
  }
  return positions;
}

/// The first place where a layer stands.
template <class T>
std::vector<int> first_nodes(const Model<T>& model) {
  std::vector<int> first(static_cast<std::size_t>(model.layer_count()), -1);
  for (std::size_t n = model.nodes().size(); n-- > 0;)
    if (const int l = model.nodes()[n].layer; l >= 0) first[static_cast<std::size_t>(l)] = static_cast<int>(n);
  return first;
}

/// What becomes of the order of features at every place of a model.
template <class T>
class FeatureOrders {
 public:
  explicit FeatureOrders(const Model<T>& model)
      : model_(model), alike_(static_cast<std::size_t>(model.layer_count()), true) {
    // A layer takes an order up only if it finds the same at all its places; if not, the places behind it change too.
    do follow();
    while (!agree());
  }

  /// Of a node's output.
  const FeatureMaps& at(int node) const { return maps_[static_cast<std::size_t>(node)]; }
  /// That a layer's weights have.
  FeatureMaps taken(Index layer, int first_node) const {
    if (!alike_[static_cast<std::size_t>(layer)]) return {};
    return at(model_.nodes()[static_cast<std::size_t>(first_node)].inputs[0]);
  }
  /// Whether an input has to be brought to keel's order before a node's layer reads it.
  bool undone(int node, int input) const {
    const auto& place = model_.nodes()[static_cast<std::size_t>(node)];
    if (at(input).empty()) return false;
    switch (use(place.layer)) {
      case dialects::FeatureOrder::made: return place.shape.rank() != 1;
      case dialects::FeatureOrder::joined: return false;
      case dialects::FeatureOrder::kept: return at(node) != at(input);
      case dialects::FeatureOrder::taken: return !alike_[static_cast<std::size_t>(place.layer)];
      case dialects::FeatureOrder::none: break;
    }
    return true;
  }

 private:
  /// A layer of the user's own is taken to keep an order if it keeps the shape. Options with a number for each feature
  /// count in keel's order.
  dialects::FeatureOrder use(int layer) const {
    const dialects::TorchRow* row = dialects::torch_row(model_.layer(layer).type());
    const Config config = model_.layer(layer).config();
    for (const auto& entry : config.entries())
      if (const auto* numbers = std::get_if<std::vector<double>>(&entry.second); numbers && numbers->size() > 1)
        return dialects::FeatureOrder::none;
    return row ? row->features : dialects::FeatureOrder::kept;
  }
  const Shape& shape(int node) const { return model_.nodes()[static_cast<std::size_t>(node)].shape; }

  void follow() {
    maps_.assign(model_.nodes().size(), {});
    for (std::size_t n = 0; n < maps_.size(); ++n) {
      const auto& node = model_.nodes()[n];
      if (node.layer < 0 || node.shape.rank() != 1) continue;
      switch (use(node.layer)) {
        case dialects::FeatureOrder::made: maps_[n] = flattened(node.inputs[0]); break;
        case dialects::FeatureOrder::joined: maps_[n] = joined(node.inputs); break;
        case dialects::FeatureOrder::kept:
          if (alike_[static_cast<std::size_t>(node.layer)]) maps_[n] = common(node);
          break;
        case dialects::FeatureOrder::taken:
        case dialects::FeatureOrder::none: break;
      }
    }
  }
  FeatureMaps flattened(int input) const {
    const Shape& in = shape(input);
    if (in.rank() < 2) return at(input);
    if (in.back() == 1 || in.size() == in.back()) return {};
    std::vector<Index> map{in.back()};
    map.insert(map.end(), in.begin(), in.end() - 1);
    return {map};
  }
  FeatureMaps joined(const std::vector<int>& inputs) const {
    FeatureMaps maps;
    bool any = false;
    for (const int input : inputs) {
      any = any || !at(input).empty();
      if (at(input).empty()) maps.push_back({shape(input).size(), 1});
      maps.insert(maps.end(), at(input).begin(), at(input).end());
    }
    return any ? maps : FeatureMaps{};
  }
  /// The order of all inputs, if they have one; a single feature has none of its own.
  FeatureMaps common(const typename Model<T>::NodeInfo& node) const {
    const FeatureMaps* found = nullptr;
    for (const int input : node.inputs) {
      if (!(shape(input) == node.shape)) continue;
      if (found && *found != at(input)) return {};
      found = &at(input);
    }
    return found ? *found : FeatureMaps{};
  }
  /// Whether every layer with weights finds one order at all its places; if not, it will be given keel's.
  bool agree() {
    const std::vector<int> first = first_nodes(model_);
    bool all = true;
    for (const auto& node : model_.nodes()) {
      if (node.layer < 0 || model_.layer(node.layer).parameters().empty()) continue;
      const auto l = static_cast<std::size_t>(node.layer);
      const int input = model_.nodes()[static_cast<std::size_t>(first[l])].inputs[0];
      if (!alike_[l] || at(node.inputs[0]) == at(input)) continue;
      alike_[l] = false;
      all = false;
    }
    return all;
  }

  const Model<T>& model_;
  std::vector<FeatureMaps> maps_;
  std::vector<bool> alike_;
};

}  // namespace io

}  // namespace KEEL_ABI
}  // namespace keel
