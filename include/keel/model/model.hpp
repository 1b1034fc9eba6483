#pragma once
/// A network as a graph of layers: built, run, and trained step by step.

#include <memory>
#include <span>
#include <string>
#include <vector>

#include <keel/kernels/parallel.hpp>
#include <keel/layers/base/any_layer.hpp>
#include <keel/model/graph.hpp>
#include <keel/model/inference_plan.hpp>
#include <keel/model/naming.hpp>
#include <keel/model/tape.hpp>
#include <keel/tensor/tensor_ref.hpp>

namespace keel {
inline namespace KEEL_ABI {

struct Summary;

/// A parameter and its name in the model.
template <class T>
struct NamedParameter {
  std::string name;         ///< "conv2d/kernel"
  Parameter<T>* parameter;  ///< the layer's own; valid as long as the model
};

/// Stands in what the compiler says of `model.forward(Tensor<float>({1, 2}), tape)`.
struct InputsMustLiveUntilBackward;

/// A network: a graph of layers whose shapes are known before any data. Built with `input`, `add` and `output`:
///
///     Model net;
///     Node x = net.input({32, 32, 16});
///     Node y = net.add(BatchNorm(), net.add(Conv2D(16, 3, {.padding = Padding::same}), x));
///     net.output(net.add(Add(), {x, y}));
///
/// `predict` is const and may be called from many threads; everything else changes the model and may not.
/// A model moves, and copies only by `clone`.
template <class T = float>
class Model {
 public:
  using Scalar = T;                 ///< float or double
  using NodeInfo = keel::NodeInfo;  ///< a place in the graph

  /// Throws ConfigError for a negative number of threads.
  explicit Model(ModelOptions options = {}) : options_(std::move(options)) {
    start();
    set_threads(options_.threads);
  }

  /// A new input of the given shape, without the batch. Throws ShapeError for an extent of 0.
  Node input(const Shape& sample, const std::string& name = {}) {
    if (sample.size() == 0) throw ShapeError(who(), "an input with extents of 1 or more", sample.to_string());
    NodeInfo node{-1, {}, sample, unique_name(name.empty() ? "input_layer" : name, !name.empty())};
    std::string taken = node.name;
    inputs_.reserve(inputs_.size() + 1);
    if (!cache_) start();  // built anew after its parts were moved away
    add_node(std::move(node), std::move(taken));
    inputs_.push_back(last());
    return last_node();
  }
  /// Applies a new layer. A copy of a layer that has been in a model keeps its weights. Throws ShapeError, naming the
  /// layer, if the shapes do not fit, ConfigError for a node of another model or a name that is taken. After any error
  /// the model is as before.
  Node add(AnyLayer<T> layer, Node x) { return add(std::move(layer), {x}); }
  /// The same for several inputs, in the layer's order.
  Node add(AnyLayer<T> layer, std::initializer_list<Node> x) {
    return add(std::move(layer), std::span(x.begin(), x.size()));
  }
  /// The same for inputs in memory.
  Node add(AnyLayer<T> layer, std::span<const Node> x) {
    return add(std::move(layer), x, Rng(options_.seed, layers_.size()));
  }
  /// Applies once more the layer of the node `of`: one set of weights, two nodes.
  Node share(Node of, Node x) { return share(of, {x}); }
  /// The same for several inputs.
  Node share(Node of, std::initializer_list<Node> x) { return share(of, std::span(x.begin(), x.size())); }
  /// The same for inputs in memory. Throws ConfigError for a node that no layer made, ShapeError for inputs that do not
  /// fit the weights.
  Node share(Node of, std::span<const Node> x) {
    if (!is_mine(of) || nth(nodes_, of.index).layer < 0)
      throw ConfigError(who(), "a node made by add() to share the layer of", describe(of));
    const int l = nth(nodes_, of.index).layer;
    std::vector<Shape> first;
    for (const int input : nth(nodes_, of.index).inputs) first.push_back(nth(nodes_, input).shape);
    const std::vector<Shape> shapes = shapes_of(x);
    if (shapes.size() != first.size())
      throw ShapeError(any_layer(l)->name(), std::to_string(first.size()) + " inputs, as at its first node",
                       std::to_string(shapes.size()));
    if (!any_layer(l)->parameters().empty() && shapes != first)
      for (std::size_t i = 0; i < shapes.size(); ++i)
        if (shapes[i].rank() != first[i].rank() || shapes[i].back() != first[i].back())
          throw ShapeError(any_layer(l)->name(), "inputs that fit its weights, such as " + first[i].to_string(),
                           shapes[i].to_string());
    nodes_.push_back(call_of(l, any_layer(l)->name(), x, any_layer(l)->output_shape(shapes)));
    change_structure();
    return last_node();
  }
  /// Declares a node to be an output of the model; several make a model of several outputs.
  void output(Node node) {
    shapes_of(std::span(&node, 1));
    outputs_.push_back(node.index);
    change_structure();
  }

  const std::string& name() const { return options_.name; }  ///< From the options; empty unless it was given.
  /// Whether it was built as a Sequential, and nothing else was added since.
  bool is_sequential() const { return sequential_; }
  /// Whether its layers follow one another, however it was built.
  bool is_chain() const { return keel::is_chain(nodes_, outputs_); }
  const ModelOptions& options() const { return options_; }    ///< What it was made with.
  std::span<const NodeInfo> nodes() const { return nodes_; }  ///< All places, each after those that it takes from.
  std::span<const int> inputs() const { return inputs_; }     ///< Of each input, where it is in `nodes()`.
  std::span<const int> outputs() const { return outputs_; }   ///< Of each output, where it is in `nodes()`.
  /// For each node, and for each layer, whether it leads to an output (graph.hpp).
  std::vector<bool> used_nodes() const { return keel::used_nodes(nodes_, outputs_); }
  /// For each layer, whether it leads to an output.
  std::vector<bool> used_layers() const {
    const std::vector<bool> nodes = used_nodes();
    std::vector<bool> used(layers_.size(), false);
    for (std::size_t n = 0; n < nodes.size(); ++n)
      if (nodes[n] && nodes_[n].layer >= 0) nth(used, nodes_[n].layer) = true;
    return used;
  }
  /// Of one sample of the i-th input, without the batch.
  const Shape& input_shape(std::size_t i = 0) const { return nth(nodes_, inputs_.at(i)).shape; }
  /// Of one sample of the i-th output, without the batch.
  const Shape& output_shape(std::size_t i = 0) const { return nth(nodes_, outputs_.at(i)).shape; }

  Index layer_count() const { return count_of(layers_); }  ///< Layers, each once, however often it is applied.
  /// The i-th layer in the order of adding. Throws std::out_of_range.
  Layer<T>& layer(Index i) { return *layers_.at(to_size(i)); }
  const Layer<T>& layer(Index i) const { return *layers_.at(to_size(i)); }  ///< The same, read only.
  /// The same with the type that copies and moves.
  const AnyLayer<T>& any_layer(Index i) const { return layers_.at(to_size(i)); }
  /// The layer of that name. Throws ConfigError where there is none.
  Layer<T>& layer(const std::string& name) { return *layers_[find(name)]; }
  const Layer<T>& layer(const std::string& name) const { return *layers_[find(name)]; }  ///< The same, read only.

  /// Every parameter once, layers in the order of adding.
  const std::vector<Parameter<T>*>& parameters() { return parameters_; }
  /// The same, read only.
  std::vector<const Parameter<T>*> parameters() const { return {parameters_.begin(), parameters_.end()}; }
  /// Every parameter once with its name, "conv2d/kernel".
  std::vector<NamedParameter<T>> named_parameters() {
    std::vector<NamedParameter<T>> all;
    for (auto& layer : layers_)
      for (Parameter<T>* parameter : layer->parameters())
        all.push_back({layer->name() + "/" + parameter->name(), parameter});
    return all;
  }
  /// Freezes every layer, or with Freeze::none unfreezes it.
  void freeze(Freeze freeze) {
    for (auto& layer : layers_) layer->freeze(freeze);
  }

  // Parts of models, in model/parts.hpp. A pattern is a name in which `*` stands for any characters.

  /// The layers of such names. Throws ConfigError where there is none.
  void freeze(Freeze freeze, const std::string& pattern);
  /// The layers that a node follows from, its own included; the first so many layers.
  void freeze_up_to(Node last, Freeze freeze = Freeze::layer);
  /// The first so many layers, in the order of adding.
  void freeze_first(Index layers, Freeze freeze = Freeze::layer);
  /// The parameters of such names: "conv2d*/kernel". Throws ConfigError where there is none.
  std::vector<Parameter<T>*> select(const std::string& pattern);
  /// Where the layer or input of that name is. Throws ConfigError where it is nowhere, or applied more than once.
  Node node(const std::string& name) const;
  /// A model from these nodes, its inputs, to those, its outputs. Throws ConfigError where other inputs are needed too.
  Model sub_model(std::span<const Node> from, std::span<const Node> to,
                  PartWeights weights = PartWeights::copied) const;
  /// The same for one input and one output.
  Model sub_model(Node from, Node to, PartWeights weights = PartWeights::copied) const {
    return sub_model(std::span(&from, 1), std::span(&to, 1), weights);
  }
  /// The model up to that node, or the layer of that name, which is its output.
  Model truncate(Node last, PartWeights weights = PartWeights::copied) const;
  /// The same up to the layer of that name.
  Model truncate(const std::string& layer, PartWeights weights = PartWeights::copied) const {
    return truncate(node(layer), weights);
  }
  /// The model up to there, and copies of the layers of `head` behind it.
  Model replace_head(Node last, const Model& head) const;
  /// The same up to the layer of that name.
  Model replace_head(const std::string& last, const Model& head) const { return replace_head(node(last), head); }
  /// Copies of the layers of another model, weights included, applied to x; its outputs. Names get its name in front.
  std::vector<Node> add(const Model& part, std::span<const Node> x);
  /// The same for a part of one input and one output.
  Node add(const Model& part, Node x) { return add(part, std::span(&x, 1)).at(0); }
  /// Counts up with every change of a parameter or of the graph.
  std::uint64_t version() const {
    std::uint64_t version = structure_;
    for (const Parameter<T>* parameter : parameters_) version += parameter->version();
    return version;
  }
  /// What it consists of: prints as keel, Keras and PyTorch tools print it (model/summary.hpp).
  Summary summary(Index optimizer_values = 0) const;
  /// The graph in Graphviz's language, to be drawn by `dot -Tsvg` (model/dot.hpp).
  std::string to_dot() const;
  /// A copy with weights, buffers and counters of its own.
  Model clone() const {
    Model copy(options_);
    copy.nodes_ = nodes_;
    copy.layers_ = layers_;
    copy.inputs_ = inputs_;
    copy.outputs_ = outputs_;
    copy.names_ = names_;
    copy.graph_ = graph_;  // its nodes are those of this model
    copy.sequential_ = sequential_;
    for (auto& layer : copy.layers_) copy.list_parameters(layer);
    return copy;
  }

  /// Threads of `predict` and training from now on; 0: what KEEL_THREADS in the environment says, else 1.
  void set_threads(int threads) {
    if (threads < 0) throw ConfigError(who(), "threads of 0 or more", std::to_string(threads));
    const int count = threads > 0 ? threads : default_threads();
    pool_ = count > 1 ? std::make_unique<ThreadPool>(count) : nullptr;
    options_.threads = threads;
  }
  ThreadPool* thread_pool() const { return pool_.get(); }  ///< Null with one thread.

  /// Inference for a model of one input and one output, on a batch (samples, ...): a tensor, or what Eigen has, with a
  /// sample in each row. One sample without that axis gives an output without it. Throws ShapeError.
  Tensor<T> predict(const TensorRef<T>& x) const {
    const Shape& sample = single_output();
    const TensorView<const T> batch = as_batch(x);
    Tensor<T> y = Tensor<T>::uninitialized(sample.with_batch(batch_of(std::span(&batch, 1))));
    const TensorView<T> view = y;
    predict(Inputs<T>(&batch, 1), Outputs<T>(&view, 1));
    return x.is_one_sample(input_shape()) ? std::move(y).reshaped(sample) : y;
  }
  /// Refused: values of another type than the model's, float unless it is a Model<double>. Convert them first.
  template <class OtherValues>
  requires(!std::is_convertible_v<const OtherValues&, TensorRef<T>> &&
           !std::is_convertible_v<const OtherValues&, Inputs<T>>) Tensor<T> predict(const OtherValues&)
  const = delete;
  /// The same into memory of the caller's; allocates nothing once a batch of this size has been run before.
  void predict(const TensorRef<T>& x, const TensorView<T>& y) const {
    const Shape& sample = single_output();
    const TensorView<const T> batch = as_batch(x);
    const bool one = inputs_.size() == 1 && x.is_one_sample(input_shape()) && y.shape() == sample;
    const TensorView<T> view = one ? y.reshaped(sample.with_batch(1)) : y;
    predict(Inputs<T>(&batch, 1), Outputs<T>(&view, 1));
  }
  /// Inference for any number of inputs and outputs.
  std::vector<Tensor<T>> predict(Inputs<T> x) const {
    const Index batch = batch_of(x);
    std::vector<Tensor<T>> y;
    std::vector<TensorView<T>> views;
    for (std::size_t i = 0; i < outputs_.size(); ++i)
      y.push_back(Tensor<T>::uninitialized(output_shape(i).with_batch(batch)));
    for (auto& tensor : y) views.push_back(tensor.view());
    predict(x, Outputs<T>(views));
    return y;
  }
  /// The same into memory of the caller's, one tensor for each output.
  void predict(Inputs<T> x, Outputs<T> y) const;

  /// A forward pass that `backward` can follow. The inputs must stay in place until then.
  TensorView<const T> forward(const TensorView<const T>& x, Tape<T>& tape, bool training = true) {
    return forward(Inputs<T>(&x, 1), tape, training)[0];
  }
  /// Refused: a temporary, which is gone when `backward` reads it.
  template <class Why = InputsMustLiveUntilBackward>
  TensorView<const T> forward(Tensor<T>&&, Tape<T>&, bool = true) = delete;
  /// The same for any number of inputs; the outputs are the tape's.
  std::span<const TensorView<const T>> forward(Inputs<T> x, Tape<T>& tape, bool training = true) {
    if (batch_of(x) == 0) throw DataError(who(), "at least one sample to train on", "an empty batch");
    check_outputs();
    tape.forward(*this, x, training);
    return tape.outputs_;
  }
  /// From dL/d(output): fills `gradient` of every parameter that trains, or adds to it.
  void backward(const TensorView<const T>& dy, Tape<T>& tape, bool accumulate = false) {
    backward(Inputs<T>(&dy, 1), tape, accumulate);
  }
  /// The same with a gradient for each output.
  void backward(Inputs<T> dy, Tape<T>& tape, bool accumulate = false) {
    bool fits = dy.size() == tape.outputs_.size();
    for (std::size_t i = 0; fits && i < dy.size(); ++i) fits = dy[i].shape() == tape.outputs_[i].shape();
    if (!fits)
      throw ShapeError(who(), "one gradient of each output's shape", dy.empty() ? "none" : dy[0].shape().to_string());
    tape.backward(*this, dy, accumulate);
    if (tape.training_) ++tape.step;
  }

 protected:
  /// For errors: "model", or its name.
  std::string who() const { return options_.name.empty() ? "model" : options_.name; }
  /// The same with random numbers for the parameters' first values.
  Node add(AnyLayer<T> layer, std::span<const Node> x, Rng rng) {
    const bool named = !layer->name().empty();
    // a layer that others share, under the name that it has, is left alone: they may be predicting
    if (std::string name = unique_name(named ? layer->name() : snake_case(layer->type()), named); name != layer->name())
      layer->rename(std::move(name));
    const std::vector<Shape> shapes = shapes_of(x);
    if (shapes.empty()) throw ShapeError(layer->who(), "one input or more", "none");
    const Shape output = layer->output_shape(shapes);
    build_once(layer, shapes, rng);
    if (layer->frozen() != Freeze::none) layer->freeze(layer->frozen());  // one frozen before it had parameters
    const auto parameters = layer->parameters();
    parameters_.reserve(parameters_.size() + parameters.size());
    layers_.reserve(layers_.size() + 1);
    add_node(call_of(static_cast<int>(layers_.size()), layer->name(), x, output), layer->name());
    layers_.push_back(std::move(layer));
    parameters_.insert(parameters_.end(), parameters.begin(), parameters.end());
    return last_node();
  }
  /// For a chain of layers, whose last one is the output.
  void set_chain_output(int node) {
    outputs_.assign(1, node);
    change_structure();
    sequential_ = true;
  }

 private:
  void append(const Model& part, const std::vector<bool>& needed, std::vector<Node>& place, const std::string& prefix,
              PartWeights weights);
  void start() {
    cache_ = std::make_unique<PlanCache<T>>();
    graph_ = std::make_shared<char>();
  }
  void change_structure() {
    sequential_ = false;
    ++structure_;
  }
  int last() const { return static_cast<int>(nodes_.size()) - 1; }
  Node last_node() const { return {last(), graph_.get()}; }
  bool is_mine(Node node) const {
    return node.index >= 0 && node.index <= last() && (!node.graph || node.graph == graph_.get());
  }
  std::string describe(Node node) const {
    const bool other = node.graph && node.graph != graph_.get();
    return "node " + std::to_string(node.index) +
           (other ? " of another model, or of this one before it was moved" : "");
  }
  static NodeInfo call_of(int layer, const std::string& name, std::span<const Node> x, const Shape& output) {
    NodeInfo node{layer, {}, output, name};
    for (const Node& input : x) node.inputs.push_back(input.index);
    return node;
  }
  /// Adds both or, without memory, neither.
  void add_node(NodeInfo node, std::string name) {
    names_.reserve(names_.size() + 1);
    nodes_.push_back(std::move(node));
    names_.push_back(std::move(name));
    change_structure();
  }
  std::vector<Shape> shapes_of(std::span<const Node> x) const {
    std::vector<Shape> shapes;
    for (const Node& node : x) {
      if (!is_mine(node))
        throw ConfigError(who(), "nodes of this model", describe(node),
                          "make inputs with input() and pass what add() returned");
      shapes.push_back(nth(nodes_, node.index).shape);
    }
    return shapes;
  }
  /// Throws ConfigError for a given name that is taken.
  std::string unique_name(const std::string& base, bool given) const {
    std::string name = keel::unique_name(base, names_);
    if (given && name != base) throw ConfigError(who(), "layer names that differ", "\"" + base + "\" twice");
    return name;
  }
  void list_parameters(AnyLayer<T>& layer) {
    for (Parameter<T>* parameter : layer->parameters()) parameters_.push_back(parameter);
  }
  std::size_t find(const std::string& name) const {
    for (std::size_t i = 0; i < layers_.size(); ++i)
      if (layers_[i]->name() == name) return i;
    std::string known;
    for (const auto& layer : layers_) known += (known.empty() ? "" : ", ") + layer->name();
    throw ConfigError(who(), "one of the layers " + known, "\"" + name + "\"");
  }
  void check_outputs() const {
    if (outputs_.empty())
      throw ConfigError(who(), "an output", "none",
                        "call output(node) after the last layer; a model that was moved from has none");
  }
  const Shape& single_output() const {
    check_outputs();
    if (outputs_.size() != 1)
      throw ConfigError(who(), "one output", std::to_string(outputs_.size()), "use predict(span of inputs)");
    return output_shape();
  }
  TensorView<const T> as_batch(const TensorRef<T>& x) const {
    return inputs_.size() == 1 ? x.batch_of(input_shape()) : x.view();
  }
  /// The batch size, after a check of all inputs.
  Index batch_of(Inputs<T> x) const {
    if (x.size() != inputs_.size())
      throw ShapeError(who(), std::to_string(inputs_.size()) + " inputs", std::to_string(x.size()));
    if (x.empty()) throw ConfigError(who(), "an input", "none", "make one with input(shape)");
    for (std::size_t i = 0; i < x.size(); ++i) {
      const Shape& got = x[i].shape();
      const Shape& want = input_shape(i);
      if (!got.is_batch_of(want)) {
        std::string dims = "(batch";
        for (const Index dim : want) dims += ", " + std::to_string(dim);
        throw ShapeError(who(), "input " + nth(nodes_, inputs_[i]).name + " of shape " + dims + ")", got.to_string(),
                         hint_at(want, got));
      }
      if (got[0] != x[0].shape()[0])
        throw ShapeError(who(), "inputs of one batch size, " + std::to_string(x[0].shape()[0]), std::to_string(got[0]));
    }
    return x[0].shape()[0];
  }

  static const char* hint_at(const Shape& want, const Shape& got) {
    if (got == want) return "one sample needs a batch axis of 1 in front";
    const bool moved =
        want.rank() == 3 && got.rank() == 4 && got[1] == want[2] && got[2] == want[0] && got[3] == want[1];
    return moved
               ? "these seem to be channels first, (batch, channels, height, width); keel's are (batch, height, width, "
                 "channels)"
               : "images are (batch, height, width, channels)";
  }

  ModelOptions options_;
  std::vector<NodeInfo> nodes_;
  std::vector<AnyLayer<T>> layers_;
  std::vector<int> inputs_, outputs_;
  std::vector<std::string> names_;
  std::shared_ptr<const char> graph_;  ///< only its address means something: it marks nodes as this model's
  std::vector<Parameter<T>*> parameters_;
  std::uint64_t structure_ = 0;
  bool sequential_ = false;
  std::unique_ptr<ThreadPool> pool_;
  std::unique_ptr<PlanCache<T>> cache_;
};

}  // namespace KEEL_ABI
}  // namespace keel

#include <keel/model/predict.hpp>

namespace keel {
inline namespace KEEL_ABI {

KEEL_REFUSE_OTHERS(Model)

KEEL_INSTANCE(class InferencePlan<float>)
KEEL_INSTANCE(class PlanCache<float>)
KEEL_INSTANCE(class Tape<float>)
KEEL_INSTANCE(class Model<float>)

}  // namespace KEEL_ABI
}  // namespace keel
