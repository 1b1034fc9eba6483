#pragma once

#include <span>
#include <string>
#include <utility>
#include <vector>

#include <keel/kernels/elementwise.hpp>
#include <keel/layers/base/any_layer.hpp>

namespace keel {
inline namespace KEEL_ABI {

template <class T>
class Model;

/// The memory of training: every activation of a forward pass, what the layers keep for the way back, and the
/// gradients on it. Reused from step to step. `Model::forward` and `Model::backward` write it.
///
///     Tape tape;
///     auto y = model.forward(x, tape);              // x must stay until backward has run
///     loss.value_and_gradient(y, target, dy);
///     model.backward(dy, tape);
///     optimizer.step(model.parameters());
///
/// Dropout's masks depend on (seed, step, place in the graph) alone; `backward` counts `step` up after each
/// training pass.
template <class T = float>
class Tape {
 public:
  std::uint64_t seed = 0;
  std::uint64_t step = 0;
  /// Whether backward also computes the gradient of the model's inputs.
  bool input_gradients = false;
  /// For each output (or none) the activation, softmax or sigmoid, that is left out if the output ends in it: a
  /// loss computed from the values before it neither overflows nor loses its gradient. `left_out` says where that
  /// happened.
  std::vector<Activation> leave_out;
  bool left_out(std::size_t i) const { return i < left_out_.size() && left_out_[i]; }

  /// The i-th output of the last forward pass.
  TensorView<const T> output(std::size_t i = 0) const { return outputs_.at(i); }
  /// dL/d(input i) after backward, where `input_gradients` was set.
  TensorView<const T> input_gradient(std::size_t i = 0) const {
    if (i >= input_nodes_.size() || !state(root(input_nodes_[i])).gradient.data())
      throw ConfigError("Tape::input_gradient", "a backward pass with input_gradients set", "none");
    return state(root(input_nodes_[i])).gradient;
  }
  /// Bytes held.
  std::size_t bytes() const {
    std::size_t total = scratch_.bytes();
    const auto add = [&](const Tensor<T>& tensor) { total += static_cast<std::size_t>(tensor.size()) * sizeof(T); };
    for (const State& state : states_) {
      add(state.memory);
      for (const Tensor<T>& tensor : state.cache.tensors) add(tensor);
      total += state.cache.bytes.size() + state.cache.statistics.size() * sizeof(double);
    }
    for (const Tensor<T>& buffer : buffers_) add(buffer);
    return total;
  }

 private:
  friend class Model<T>;

  struct State {
    /// The node whose memory holds this one's value; itself unless this one is a view or was fused.
    int root = -1;
    int holds = -1;          ///< the last of the nodes that were fused into this one: whose value its memory has
    int residual = -1;       ///< the node whose value this node adds for its consumer, a sum
    ActivationSpec fused{};  ///< the activation that this node applies for its consumer
    bool needs_gradient = false;
    bool before_activation = false;
    TensorView<const T> value;
    TensorView<T> gradient;  ///< data() is null while there is none
    int buffer = -1;         ///< of `gradient`, which nodes may share; -1: the caller's memory
    Tensor<T> memory;
    Cache<T> cache;
  };

  State& state(int node) { return states_[static_cast<std::size_t>(node)]; }
  const State& state(int node) const { return states_[static_cast<std::size_t>(node)]; }
  int root(int node) const { return state(node).root; }

  void forward(Model<T>& model, Inputs<T> x, bool training);
  void backward(Model<T>& model, Inputs<T> dy, bool accumulate);

  /// Decides which nodes share memory and which need gradients.
  void prepare(const Model<T>& model);
  bool leaves_out(const Model<T>& model, int node, const std::vector<int>& uses) const {
    const int layer = model.nodes()[static_cast<std::size_t>(node)].layer;
    if (layer < 0 || uses[static_cast<std::size_t>(node)] != 1) return false;
    for (std::size_t i = 0; i < leave_out.size() && i < model.outputs().size(); ++i)
      if (model.outputs()[i] == node && leave_out[i] != Activation::linear)
        return model.layer(layer).activation().kind == leave_out[i];
    return false;
  }
  /// The layer that computes a node's value, if its consumer may be fused into it: nobody else needs that value.
  const AnyLayer<T>* free_layer(const Model<T>& model, int node, const std::vector<int>& uses) const {
    const State& computed = state(root(node));
    const int layer = model.nodes()[static_cast<std::size_t>(root(node))].layer;
    const bool sole = layer >= 0 && computed.holds == node && uses[static_cast<std::size_t>(node)] == 1 &&
                      computed.fused.kind == Activation::linear;
    return sole ? &model.any_layer(layer) : nullptr;
  }
  Pass<T> pass(const Model<T>& model, int node);
  /// What a layer reads: the node's inputs, and the residual that was fused into it.
  void gather_inputs(const Model<T>& model, int node);
  /// A gradient arrives at a node, in a buffer (or, if -1, in the caller's memory): kept, or added to the one
  /// there.
  void receive(int node, TensorView<T> gradient, int buffer);

  int acquire(Index size);
  int share(int buffer) {
    ++holders_[static_cast<std::size_t>(buffer)];
    return buffer;
  }
  void release(int buffer) {
    if (buffer >= 0) --holders_[static_cast<std::size_t>(buffer)];
  }
  /// Whether a gradient may be changed where it is.
  bool is_own(int buffer) const { return buffer >= 0 && holders_[static_cast<std::size_t>(buffer)] == 1; }

  std::vector<State> states_;
  std::vector<int> input_nodes_;
  std::vector<TensorView<const T>> outputs_, inputs_;
  std::vector<TensorView<T>> input_gradients_;
  std::vector<int> sources_, targets_;
  std::vector<Tensor<T>> buffers_;
  std::vector<int> holders_;
  std::vector<bool> visited_, left_out_;
  Scratch scratch_;
  ThreadPool* threads_ = nullptr;
  bool training_ = false;
  const void* ran_ = nullptr;  ///< the nodes of the model whose forward pass is kept here
};

template <class T>
void Tape<T>::prepare(const Model<T>& model) {
  const auto nodes = model.nodes();
  states_.resize(nodes.size());
  std::vector<int> uses(nodes.size(), 0);
  for (const auto& node : nodes)
    for (const int input : node.inputs) ++uses[static_cast<std::size_t>(input)];
  for (const int output : model.outputs()) ++uses[static_cast<std::size_t>(output)];
  for (int n = 0; n < static_cast<int>(nodes.size()); ++n) {
    const auto& node = nodes[static_cast<std::size_t>(n)];
    State& here = state(n);
    here.root = here.holds = n;
    here.residual = -1;
    here.fused = {};
    here.before_activation = false;
    here.needs_gradient = node.layer < 0 && input_gradients;
    if (node.layer < 0) continue;
    const AnyLayer<T>& layer = model.any_layer(node.layer);
    for (const auto* parameter : layer->parameters()) here.needs_gradient |= parameter->trains();
    for (const int input : node.inputs) here.needs_gradient |= state(root(input)).needs_gradient;
    const int input = node.inputs[0];
    if (layer->role() == LayerRole::view) here.root = root(input);
    if (leaves_out(model, n, uses)) {
      here.before_activation = layer->role() != LayerRole::activation;
      if (!here.before_activation) here.root = root(input);
    } else if (layer->role() == LayerRole::activation && !activation_needs_input(layer->activation())) {
      const AnyLayer<T>* into = free_layer(model, input, uses);
      if (into && (*into)->fuses_activation()) {
        here.root = root(input);
        state(here.root).fused = layer->activation();
        state(here.root).holds = n;
      }
    } else if (layer->role() == LayerRole::add && node.inputs.size() == 2) {
      const bool second = root(node.inputs[1]) > root(input);
      const int last = node.inputs[second], other = node.inputs[!second];
      const AnyLayer<T>* into = other < root(last) ? free_layer(model, last, uses) : nullptr;
      if (into && (*into)->fuses_residual() && state(root(last)).residual < 0) {
        here.root = root(last);
        state(here.root).residual = other;
        state(here.root).holds = n;
        state(here.root).needs_gradient |= state(root(other)).needs_gradient;
      }
    }
  }
  left_out_.assign(model.outputs().size(), false);
  for (std::size_t i = 0; i < left_out_.size(); ++i) left_out_[i] = leaves_out(model, model.outputs()[i], uses);
  input_nodes_.assign(model.inputs().begin(), model.inputs().end());
}

template <class T>
Pass<T> Tape<T>::pass(const Model<T>& model, int node) {
  Pass<T> pass{KernelContext{scratch_, model.thread_pool()}};
  pass.training = training_;
  pass.cache = &state(node).cache;
  pass.rng = Rng(seed, (step << 20) + static_cast<std::uint64_t>(node));
  pass.activation = state(node).fused;
  pass.before_activation = state(node).before_activation;
  return pass;
}

template <class T>
void Tape<T>::gather_inputs(const Model<T>& model, int node) {
  const auto& inputs = model.nodes()[static_cast<std::size_t>(node)].inputs;
  sources_.assign(inputs.begin(), inputs.end());
  if (state(node).residual >= 0) sources_.push_back(state(node).residual);
  inputs_.clear();
  for (const int source : sources_) inputs_.push_back(state(source).value);
}

template <class T>
void Tape<T>::forward(Model<T>& model, Inputs<T> x, bool training) {
  ran_ = nullptr;
  training_ = training;
  prepare(model);
  const auto nodes = model.nodes();
  const Index batch = x[0].shape()[0];
  std::size_t next_input = 0;
  for (int n = 0; n < static_cast<int>(nodes.size()); ++n) {
    const auto& node = nodes[static_cast<std::size_t>(n)];
    State& here = state(n);
    const Shape shape = node.shape.with_batch(batch);
    if (node.layer < 0) {
      here.value = x[next_input++];
    } else if (here.root != n) {
      here.value = {shape, state(here.root).value.data()};
    } else {
      here.memory.resize(shape);
      here.value = here.memory.view();
      gather_inputs(model, n);
      Scratch::Frame frame(scratch_);
      Pass<T> p = pass(model, n);
      model.any_layer(node.layer)->forward(inputs_, here.memory.view(), p);
    }
  }
  outputs_.clear();
  for (const int output : model.outputs()) outputs_.push_back(state(output).value);
  // state changes only once every layer has had its say
  if (training)
    for (int n = 0; n < static_cast<int>(nodes.size()); ++n)
      if (nodes[static_cast<std::size_t>(n)].layer >= 0 && root(n) == n) {
        Pass<T> p = pass(model, n);
        model.layer(nodes[static_cast<std::size_t>(n)].layer).finish_forward(p);
      }
  ran_ = nodes.data();
}

template <class T>
void Tape<T>::receive(int node, TensorView<T> gradient, int buffer) {
  State& target = state(root(node));
  if (!target.gradient.data()) {
    target.gradient = gradient.reshaped(target.value.shape());
    target.buffer = buffer;
    return;
  }
  const KernelContext context{scratch_, threads_};
  const T* const there = target.gradient.data();
  const int buffer_there = target.buffer;
  if (!is_own(target.buffer)) {
    target.buffer = is_own(buffer) ? share(buffer) : acquire(target.gradient.size());
    target.gradient = {target.gradient.shape(), buffers_[static_cast<std::size_t>(target.buffer)].data()};
    release(buffer_there);
  }
  add(gradient.size(), there, gradient.data(), ActivationSpec(), target.gradient.data(), context);
  release(buffer);
}

template <class T>
void Tape<T>::backward(Model<T>& model, Inputs<T> dy, bool accumulate) {
  const auto nodes = model.nodes();
  if (ran_ != nodes.data() || states_.size() != nodes.size())
    throw ConfigError("Model::backward", "a forward pass of this model on this tape before",
                      ran_ ? "one of another model, or of this one before layers were added" : "none");
  threads_ = model.thread_pool();
  holders_.assign(buffers_.size(), 0);
  visited_.assign(static_cast<std::size_t>(model.layer_count()), false);
  for (State& state : states_) {
    state.gradient = {};
    state.buffer = -1;
  }
  for (Index l = 0; l < model.layer_count(); ++l)
    for (Parameter<T>* parameter : model.layer(l).parameters())
      if (parameter->trains()) {
        const bool fresh = !(parameter->gradient.shape() == parameter->shape());
        if (fresh) parameter->gradient.resize(parameter->shape());
        if (fresh || (!accumulate && !model.layer(l).overwrites_gradients()))
          std::fill(parameter->gradient.begin(), parameter->gradient.end(), T(0));
      }
  for (std::size_t i = 0; i < dy.size(); ++i) {
    // read only: `receive` copies before it adds
    T* data = const_cast<T*>(dy[i].data());
    receive(model.outputs()[i], {dy[i].shape(), data}, -1);
  }

  for (int n = static_cast<int>(nodes.size()) - 1; n >= 0; --n) {
    const auto& node = nodes[static_cast<std::size_t>(n)];
    State& here = state(n);
    if (node.layer < 0 || here.root != n || !here.gradient.data()) continue;
    if (here.needs_gradient) {
      const std::size_t l = static_cast<std::size_t>(node.layer);
      Layer<T>& layer = model.layer(node.layer);
      gather_inputs(model, n);
      input_gradients_.assign(sources_.size(), {});
      targets_.assign(sources_.size(), -1);
      // The inputs of a sum have one gradient: the sum's own, unless that must be kept from an activation's. So
      // has a residual, which is served first.
      const bool sum = layer.role() == LayerRole::add, own = is_own(here.buffer);
      int shared = -1;
      for (std::size_t i = sources_.size(); i-- > 0;) {
        const State& source = state(root(sources_[i]));
        const bool same = sum || i >= node.inputs.size();
        const bool moves =
            (same && here.fused.kind == Activation::linear) || ((same || layer.gradient_in_place()) && own);
        int& buffer = targets_[i];
        if (source.needs_gradient) {
          buffer = sum && shared >= 0          ? share(shared)
                   : moves && here.buffer >= 0 ? std::exchange(here.buffer, -1)
                                               : acquire(source.value.size());
          shared = buffer;
        }
        input_gradients_[i] = {state(sources_[i]).value.shape(),
                               buffer < 0 ? nullptr : buffers_[static_cast<std::size_t>(buffer)].data()};
      }
      Scratch::Frame frame(scratch_);
      Pass<T> p = pass(model, n);
      p.accumulate = accumulate || visited_[l];
      visited_[l] = true;
      layer.backward(inputs_, here.value, here.gradient, input_gradients_, p);
      for (std::size_t i = 0; i < targets_.size(); ++i)
        if (targets_[i] >= 0) receive(sources_[i], input_gradients_[i], targets_[i]);
    }
    release(here.buffer);
    here.gradient = {};
  }

  if (accumulate) return;
  for (Index l = 0; l < model.layer_count(); ++l)
    if (!visited_[static_cast<std::size_t>(l)] && model.layer(l).overwrites_gradients())
      for (Parameter<T>* parameter : model.layer(l).parameters())
        if (parameter->trains()) std::fill(parameter->gradient.begin(), parameter->gradient.end(), T(0));
}

template <class T>
int Tape<T>::acquire(Index size) {
  int best = -1;
  for (int b = 0; b < static_cast<int>(buffers_.size()); ++b) {
    if (holders_[static_cast<std::size_t>(b)] > 0) continue;
    const Index held = buffers_[static_cast<std::size_t>(b)].size();
    const Index best_held = best < 0 ? -1 : buffers_[static_cast<std::size_t>(best)].size();
    const bool fits = held >= size, best_fits = best_held >= size;
    if (best < 0 || (fits && !best_fits) || (fits == best_fits && (fits ? held < best_held : held > best_held)))
      best = b;
  }
  if (best < 0) {
    best = static_cast<int>(buffers_.size());
    buffers_.emplace_back();
    holders_.push_back(0);
  }
  Tensor<T>& buffer = buffers_[static_cast<std::size_t>(best)];
  if (buffer.size() < size) buffer = Tensor<T>::uninitialized({size});
  holders_[static_cast<std::size_t>(best)] = 1;
  return best;
}

}  // namespace KEEL_ABI
}  // namespace keel
