#pragma once
/// A training step through a model: forward, keeping what backward reads, and backward.

#include <algorithm>
#include <functional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <keel/kernels/elementwise.hpp>
#include <keel/layers/base/any_layer.hpp>
#include <keel/model/fusion.hpp>

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
/// Dropout's masks depend on (seed, step, node of the graph) alone; `backward` counts `step` up after each
/// training pass.
template <class T = float>
class Tape {
 public:
  std::uint64_t seed = 0;  ///< of dropout's masks
  std::uint64_t step = 0;  ///< training passes so far
  /// Whether backward also computes the gradient of the model's inputs.
  bool input_gradients = false;
  /// For each output (or none) the activation, softmax or sigmoid, that is left out if the output ends in it: a
  /// loss computed from the values before it neither overflows nor loses its gradient. `left_out` says where that
  /// happened.
  std::vector<Activation> leave_out;
  /// This rank's part in the step, where several make it together.
  RankPart part{};
  /// Called in backward for each layer as soon as the gradients of its parameters are complete, the last layer first,
  /// in an order that the graph decides alone.
  std::function<void(Layer<T>&)> on_gradients{};
  /// Whether the i-th output of the last pass is what comes before its final activation.
  bool left_out(std::size_t i) const { return i < output_nodes_.size() && nth(fusions_, output_nodes_[i]).left_out; }

  /// The i-th output of the last forward pass.
  TensorView<const T> output(std::size_t i = 0) const { return outputs_.at(i); }
  /// dL/d(input i) after backward, where `input_gradients` was set.
  TensorView<const T> input_gradient(std::size_t i = 0) const {
    if (i >= input_nodes_.size() || !state(input_nodes_[i]).gradient.data())
      throw ConfigError("Tape::input_gradient", "a backward pass with input_gradients set", "none");
    return state(input_nodes_[i]).gradient;
  }
  /// Bytes held.
  std::size_t bytes() const {
    std::size_t total = scratch_.bytes();
    const auto add = [&](const Tensor<T>& tensor) { total += to_size(tensor.size()) * sizeof(T); };
    for (const State& state : states_) {
      add(state.memory);
      for (const Tensor<T>& tensor : state.cache.tensors) add(tensor);
      total += state.cache.bytes.size() + state.cache.statistics.size() * sizeof(double);
    }
    for (const Tensor<T>& slot : slots_) add(slot);
    return total;
  }

 private:
  friend class Model<T>;

  struct State {
    bool needs_gradient = false;
    TensorView<const T> value;
    TensorView<T> gradient;  ///< data() is null while there is none
    int slot = -1;           ///< of `gradient`, which nodes may share; -1: the caller's memory
    Tensor<T> memory;
    Cache<T> cache;
  };

  State& state(int node) { return nth(states_, node); }
  const State& state(int node) const { return nth(states_, node); }
  const Fusion& fusion(int node) const { return nth(fusions_, node); }
  /// The node whose memory holds a node's value and gradient.
  int kernel(int node) const { return fusion(node).kernel; }
  bool runs(int node) const { return fusion(node).how == Fusion::How::run; }
  int node_count() const { return static_cast<int>(states_.size()); }

  void forward(Model<T>& model, Inputs<T> x, bool training);
  void backward(Model<T>& model, Inputs<T> dy, bool accumulate);

  /// Decides which nodes share memory and which need gradients.
  void prepare(const Model<T>& model);
  /// Where every node's value will be.
  void place_values(const Model<T>& model, Inputs<T> x);
  Pass<T> pass(const Model<T>& model, int node);
  /// What a kernel reads: the node's inputs, and the residual that was fused into it.
  void gather_sources(const Model<T>& model, int node);
  void gather_inputs(const Model<T>& model, int node);

  /// Makes the gradients of parameters ready to be added to or written.
  void clear_gradients(Model<T>& model, bool accumulate);
  /// Memory for the gradients that a kernel writes: `targets_` and `input_gradients_`.
  void place_gradients(const Model<T>& model, int node);
  void backward(Model<T>& model, int node, bool accumulate);
  /// Behind a node's turn in backward: where it is its layer's first, that layer's gradients are complete.
  void complete(Model<T>& model, int node, bool accumulate);
  /// A gradient arrives at a node, in a slot (or, if -1, in the caller's memory): kept, or added to the one there.
  void receive(int node, TensorView<T> gradient, int slot);

  /// A free slot of that size.
  int acquire(Index size);
  int share(int slot) {
    ++nth(holders_, slot);
    return slot;
  }
  void release(int slot) {
    if (slot >= 0) --nth(holders_, slot);
  }
  /// Whether a gradient may be changed where it is.
  bool is_own(int slot) const { return slot >= 0 && nth(holders_, slot) == 1; }

  std::vector<Fusion> fusions_;
  std::vector<State> states_;
  std::vector<int> input_nodes_, output_nodes_;
  std::vector<TensorView<const T>> outputs_, inputs_;
  std::vector<TensorView<T>> input_gradients_;
  std::vector<int> sources_, targets_;
  std::vector<Tensor<T>> slots_;  ///< memory that gradients use in turn
  std::vector<int> holders_;      ///< of each slot
  std::vector<bool> visited_;
  std::vector<int> first_nodes_;  ///< of each layer
  Scratch scratch_;
  ThreadPool* threads_ = nullptr;
  bool training_ = false;
  Index samples_ = 0;          ///< of the last forward pass
  const void* ran_ = nullptr;  ///< the nodes of the model whose forward pass is kept here
};

template <class T>
void Tape<T>::prepare(const Model<T>& model) {
  const auto nodes = model.nodes();
  input_nodes_.assign(model.inputs().begin(), model.inputs().end());
  output_nodes_.assign(model.outputs().begin(), model.outputs().end());
  std::vector<FusionNode> read = fusion_nodes(model);
  for (std::size_t i = 0; i < leave_out.size() && i < output_nodes_.size(); ++i)
    nth(read, output_nodes_[i]).leave_out = leave_out[i];
  fusions_ = fuse(read, output_nodes_, true);
  states_.resize(nodes.size());
  for (State& state : states_) state.needs_gradient = false;
  for (const int input : input_nodes_) state(input).needs_gradient = input_gradients;
  for (int n = 0; n < node_count(); ++n) {
    if (!runs(n)) continue;
    State& here = state(n);
    for (const auto* parameter : model.layer(nth(nodes, n).layer).parameters())
      here.needs_gradient |= parameter->trains();
    gather_sources(model, n);
    for (const int source : sources_) here.needs_gradient |= state(kernel(source)).needs_gradient;
  }
}

template <class T>
Pass<T> Tape<T>::pass(const Model<T>& model, int node) {
  Pass<T> pass{KernelContext{scratch_, model.thread_pool()}};
  pass.training = training_;
  pass.part = part;
  pass.samples = samples_;
  pass.cache = &state(node).cache;
  pass.rng = Rng(seed, (step << 20) + static_cast<std::uint64_t>(node));
  pass.asked.activation = fusion(node).activation;
  pass.asked.before_activation = fusion(node).left_out;
  return pass;
}

template <class T>
void Tape<T>::gather_sources(const Model<T>& model, int node) {
  const auto& inputs = nth(model.nodes(), node).inputs;
  sources_.assign(inputs.begin(), inputs.end());
  if (fusion(node).residual >= 0) sources_.push_back(fusion(node).residual);
}

template <class T>
void Tape<T>::gather_inputs(const Model<T>& model, int node) {
  gather_sources(model, node);
  inputs_.clear();
  for (const int source : sources_) inputs_.push_back(state(source).value);
}

template <class T>
void Tape<T>::place_values(const Model<T>& model, Inputs<T> x) {
  const Index batch = samples_ = x[0].shape()[0];
  for (std::size_t i = 0; i < x.size(); ++i) state(input_nodes_[i]).value = x[i];
  for (int n = 0; n < node_count(); ++n) {
    State& here = state(n);
    const Shape shape = nth(model.nodes(), n).shape.with_batch(batch);
    if (runs(n)) {
      here.memory.resize(shape);
      here.value = here.memory.view();
    } else if (fusion(n).how != Fusion::How::input && kernel(n) >= 0) {
      here.value = {shape, state(kernel(n)).value.data()};
    }
  }
}

template <class T>
void Tape<T>::forward(Model<T>& model, Inputs<T> x, bool training) {
  ran_ = nullptr;
  training_ = training;
  prepare(model);
  place_values(model, x);
  const auto nodes = model.nodes();
  for (int n = 0; n < node_count(); ++n) {
    if (!runs(n)) continue;
    gather_inputs(model, n);
    Scratch::Frame frame(scratch_);
    Pass<T> p = pass(model, n);
    model.any_layer(nth(nodes, n).layer)->forward(inputs_, state(n).memory.view(), p);
  }
  outputs_.clear();
  for (const int output : output_nodes_) outputs_.push_back(state(output).value);
  // state changes only once every layer has had its say
  for (int n = 0; training && n < node_count(); ++n) {
    if (!runs(n)) continue;
    Pass<T> p = pass(model, n);
    model.layer(nth(nodes, n).layer).finish_forward(p);
  }
  ran_ = nodes.data();
}

template <class T>
void Tape<T>::receive(int node, TensorView<T> gradient, int slot) {
  State& target = state(kernel(node));
  if (!target.gradient.data()) {
    target.gradient = gradient.reshaped(target.value.shape());
    target.slot = slot;
    return;
  }
  const KernelContext context{scratch_, threads_};
  const T* const there = target.gradient.data();
  const int slot_there = target.slot;
  if (!is_own(slot_there)) {
    target.slot = is_own(slot) ? share(slot) : acquire(target.gradient.size());
    target.gradient = {target.gradient.shape(), nth(slots_, target.slot).data()};
    release(slot_there);
  }
  add(gradient.size(), there, gradient.data(), ActivationSpec(), target.gradient.data(), context);
  release(slot);
}

template <class T>
void Tape<T>::clear_gradients(Model<T>& model, bool accumulate) {
  for (Index l = 0; l < model.layer_count(); ++l) {
    const bool overwrites = model.layer(l).acceleration().overwrites_gradients;
    for (Parameter<T>* parameter : model.layer(l).parameters()) {
      if (!parameter->trains()) continue;
      const bool fresh = !(parameter->gradient.shape() == parameter->shape());
      if (fresh) parameter->gradient.resize(parameter->shape());
      if (fresh || (!accumulate && !overwrites))
        std::fill(parameter->gradient.begin(), parameter->gradient.end(), T(0));
    }
  }
}

template <class T>
void Tape<T>::place_gradients(const Model<T>& model, int node) {
  State& here = state(node);
  const Fusion& fused = fusion(node);
  const std::size_t own_inputs = nth(model.nodes(), node).inputs.size();
  const bool own = is_own(here.slot);
  input_gradients_.assign(sources_.size(), {});
  targets_.assign(sources_.size(), -1);
  int shared = -1;
  // a residual, the last source, is served first
  for (std::size_t i = sources_.size(); i-- > 0;) {
    const State& source = state(kernel(sources_[i]));
    int& slot = targets_[i];
    if (source.needs_gradient) {
      const GradientMemory memory = fused.gradient_of(i, own_inputs);
      const bool takes = memory == GradientMemory::is_dy || (memory == GradientMemory::over_dy && own);
      if (fused.one_gradient && shared >= 0)
        slot = share(shared);
      else
        slot = takes && here.slot >= 0 ? std::exchange(here.slot, -1) : acquire(source.value.size());
      shared = slot;
    }
    input_gradients_[i] = {state(sources_[i]).value.shape(), slot < 0 ? nullptr : nth(slots_, slot).data()};
  }
}

template <class T>
void Tape<T>::backward(Model<T>& model, int node, bool accumulate) {
  const int l = nth(model.nodes(), node).layer;
  gather_inputs(model, node);
  place_gradients(model, node);
  const State& here = state(node);
  Scratch::Frame frame(scratch_);
  Pass<T> p = pass(model, node);
  p.asked.accumulate = accumulate || nth(visited_, l);
  nth(visited_, l) = true;
  model.layer(l).backward(inputs_, here.value, here.gradient, input_gradients_, p);
  for (std::size_t i = 0; i < targets_.size(); ++i)
    if (targets_[i] >= 0) receive(sources_[i], input_gradients_[i], targets_[i]);
}

template <class T>
void Tape<T>::complete(Model<T>& model, int node, bool accumulate) {
  const int l = nth(model.nodes(), node).layer;
  if (l < 0 || nth(first_nodes_, l) != node) return;
  // where no gradient came, backward has overwritten nothing
  if (!accumulate && !nth(visited_, l) && model.layer(l).acceleration().overwrites_gradients)
    for (Parameter<T>* parameter : model.layer(l).parameters())
      if (parameter->trains()) std::fill(parameter->gradient.begin(), parameter->gradient.end(), T(0));
  if (on_gradients) on_gradients(model.layer(l));
}

template <class T>
void Tape<T>::backward(Model<T>& model, Inputs<T> dy, bool accumulate) {
  const auto nodes = model.nodes();
  if (ran_ != nodes.data() || states_.size() != nodes.size())
    throw ConfigError("Model::backward", "a forward pass of this model on this tape before",
                      ran_ ? "one of another model, or of this one before layers were added" : "none");
  threads_ = model.thread_pool();
  holders_.assign(slots_.size(), 0);
  visited_.assign(to_size(model.layer_count()), false);
  first_nodes_.assign(to_size(model.layer_count()), -1);
  for (int n = node_count() - 1; n >= 0; --n)
    if (nth(nodes, n).layer >= 0) nth(first_nodes_, nth(nodes, n).layer) = n;
  for (State& state : states_) {
    state.gradient = {};
    state.slot = -1;
  }
  clear_gradients(model, accumulate);
  for (std::size_t i = 0; i < dy.size(); ++i) {
    // read only: `receive` copies before it adds
    T* data = const_cast<T*>(dy[i].data());
    receive(output_nodes_[i], {dy[i].shape(), data}, -1);
  }
  for (int n = node_count() - 1; n >= 0; --n) {
    State& here = state(n);
    if (runs(n) && here.gradient.data()) {
      if (here.needs_gradient) backward(model, n, accumulate);
      release(here.slot);
      here.gradient = {};
    }
    complete(model, n, accumulate);
  }
  // an input that is an output too: its gradient is the caller's dy, which may be gone when it is asked for
  for (const int input : input_nodes_) {
    State& here = state(input);
    if (!input_gradients || !here.gradient.data() || here.slot >= 0) continue;
    here.slot = acquire(here.gradient.size());
    std::copy_n(here.gradient.data(), here.gradient.size(), nth(slots_, here.slot).data());
    here.gradient = {here.gradient.shape(), nth(slots_, here.slot).data()};
  }
}

/// The smallest that is large enough, else the largest, which is enlarged.
template <class T>
int Tape<T>::acquire(Index size) {
  int best = -1;
  for (int s = 0; s < static_cast<int>(slots_.size()); ++s) {
    if (nth(holders_, s) > 0) continue;
    const Index held = nth(slots_, s).size();
    const Index best_held = best < 0 ? -1 : nth(slots_, best).size();
    const bool fits = held >= size, best_fits = best_held >= size;
    if (best < 0 || (fits && !best_fits) || (fits == best_fits && (fits ? held < best_held : held > best_held)))
      best = s;
  }
  if (best < 0) {
    best = static_cast<int>(slots_.size());
    slots_.emplace_back();
    holders_.push_back(0);
  }
  Tensor<T>& slot = nth(slots_, best);
  if (slot.size() < size) slot = Tensor<T>::uninitialized({size});
  nth(holders_, best) = 1;
  return best;
}

}  // namespace KEEL_ABI
}  // namespace keel
