#pragma once
/// A model made ready for `predict`, and what calls of `predict` share.

#include <algorithm>
#include <memory>
#include <mutex>
#include <vector>

#include <keel/kernels/elementwise.hpp>
#include <keel/layers/base/any_layer.hpp>
#include <keel/model/fusion.hpp>

namespace keel {
inline namespace KEEL_ABI {

template <class T>
class Model;

/// A model made ready for inference: BatchNorm folded into the convolution or dense layer before it, activations
/// and residual additions fused into the kernels that produce their inputs, weights packed, and the memory of all
/// activations laid out once. It keeps copies of what it needs, does not change, and may run on many threads at
/// once, each with a workspace of its own. `Model::predict` makes one and renews it when weights have changed.
template <class T>
class InferencePlan {
 public:
  /// Memory of one run; reused by the next one, which then allocates nothing.
  struct Workspace {
    AlignedVector<T> arena;
    Scratch scratch;
    std::vector<TensorView<const T>> x;
    std::vector<TensorView<T>> y;
    /// What the steps of a plan read and write, in order, for batches of one size.
    std::shared_ptr<const char> plan;
    Index batch = 0;
    std::vector<TensorView<const T>> reads;
    std::vector<TensorView<T>> writes;
  };

  explicit InferencePlan(const Model<T>& model);

  /// Runs one batch. Shapes must be those of the model's inputs and outputs; `Model::predict` checks them.
  void run(Inputs<T> x, Outputs<T> y, Workspace& workspace, ThreadPool* threads) const {
    const Index batch = x[0].shape()[0];
    if (batch == 0) return;
    if (workspace.plan != identity_ || workspace.batch != batch) bind(batch, workspace);
    const KernelContext context{workspace.scratch, threads};
    TensorView<const T>* read = workspace.reads.data();
    TensorView<T>* write = workspace.writes.data();
    for (const Step& step : steps_) {
      for (const auto& [input, slot] : step.outer)
        read[input] = {read[input].shape(), source(nth(slots_, slot), x, y, workspace)};
      const Slot& to = nth(slots_, step.output.slot);
      if (to.output >= 0) *write = {write->shape(), nth(y, to.output).data()};
      Scratch::Frame frame(workspace.scratch);
      step.op->run({read, step.inputs.size()}, *write, context);
      read += step.inputs.size();
      ++write;
    }
    for (const auto& [slot, output] : copies_) {
      const T* from = source(nth(slots_, slot), x, y, workspace);
      const TensorView<T>& target = nth(y, output);
      std::copy(from, from + target.size(), target.data());
    }
  }

  /// Most samples that `Model::predict` runs at once: as many as a second-level cache of 1 MB holds, or, where the
  /// weights are larger than the activations, as many as make these equal.
  Index preferred_batch() const { return preferred_batch_; }
  /// How many threads take samples of their own, which keeps activations in the cache of one core. 1: all threads
  /// work on each layer together, for there are fewer samples than threads, or too few for each thread to read all
  /// weights.
  Index lanes(Index batch, Index threads) const { return batch / threads >= least_batch_ ? threads : 1; }
  /// Values that the activations of one sample take.
  Index arena_size() const { return arena_size_; }
  /// Kernels that run, after fusion.
  Index step_count() const { return static_cast<Index>(steps_.size()); }

 private:
  /// Memory for one activation: a model input, a model output or a part of the arena.
  struct Slot {
    int input = -1, output = -1;
    Index size = 0, offset = 0;
    int first = 0, last = 0;  ///< the steps from which to which it is needed
  };
  /// An activation in a slot, in the shape in which it is read or written.
  struct Operand {
    int slot;
    Shape shape;
  };
  struct Step {
    std::unique_ptr<InferenceOp<T>> op;
    std::vector<Operand> inputs;
    Operand output;
    std::vector<std::pair<Index, int>> outer;  ///< inputs in memory of the caller's, and their slots
  };

  /// Where a slot's values are in a run.
  const T* source(const Slot& slot, Inputs<T> x, Outputs<T> y, const Workspace& workspace) const {
    if (slot.input >= 0) return nth(x, slot.input).data();
    if (slot.output >= 0) return nth(y, slot.output).data();
    return workspace.arena.data() + slot.offset * workspace.batch;
  }
  /// Prepares a workspace for batches of one size. What lies in memory of the caller's gets its place in each run.
  void bind(Index batch, Workspace& workspace) const {
    workspace.plan = nullptr;
    const std::size_t needed = to_size(arena_size_ * batch);
    if (workspace.arena.size() < needed) workspace.arena = AlignedVector<T>(needed);
    const auto place = [&](const Operand& operand) {
      const Slot& slot = nth(slots_, operand.slot);
      T* const memory = slot.input < 0 && slot.output < 0 ? workspace.arena.data() + slot.offset * batch : nullptr;
      return TensorView<T>(operand.shape.with_batch(batch), memory);
    };
    workspace.reads.clear();
    workspace.writes.clear();
    for (const Step& step : steps_) {
      for (const Operand& input : step.inputs) workspace.reads.push_back(place(input));
      workspace.writes.push_back(place(step.output));
    }
    workspace.batch = batch;
    workspace.plan = identity_;
  }

  /// A layer that has no form of its own for inference.
  class LayerOp final : public InferenceOp<T> {
   public:
    explicit LayerOp(AnyLayer<T> layer) : layer_(std::move(layer)) {}
    void run(Inputs<T> x, TensorView<T> y, const KernelContext& context) const override {
      Pass<T> pass{context};
      pass.asked.activation = activation_;
      layer_->forward(x, y, pass);
    }
    Fusible fuses() const override { return layer_->acceleration().fuses; }
    void fuse_activation(ActivationSpec activation) override { activation_ = activation; }

   private:
    AnyLayer<T> layer_;
    ActivationSpec activation_{};
  };

  /// The forms for inference that layers of this model have, for each node: null where `forward` serves.
  static std::vector<std::unique_ptr<InferenceOp<T>>> inference_ops(const Model<T>& model,
                                                                    std::vector<FusionNode>& read);
  int new_slot(Slot slot) {
    slots_.push_back(slot);
    return static_cast<int>(slots_.size()) - 1;
  }
  void assign_outputs(const Model<T>& model, const std::vector<int>& slot_of);
  void lay_out_memory();
  void choose_batches(const Model<T>& model);

  std::shared_ptr<const char> identity_ = std::make_shared<const char>();  ///< its address marks this plan
  std::vector<Slot> slots_;
  std::vector<Step> steps_;
  std::vector<std::pair<int, int>> copies_;  ///< from a slot to an output
  Index arena_size_ = 0;
  Index preferred_batch_ = 1, least_batch_ = 1;
};

template <class T>
std::vector<std::unique_ptr<InferenceOp<T>>> InferencePlan<T>::inference_ops(const Model<T>& model,
                                                                             std::vector<FusionNode>& read) {
  const auto nodes = model.nodes();
  const std::vector<int> uses = node_uses(read, model.outputs());
  std::vector<std::unique_ptr<InferenceOp<T>>> ops(nodes.size());
  std::vector<Shape> shapes;
  for (std::size_t n = 0; n < nodes.size(); ++n) {
    if (nodes[n].layer < 0 || uses[n] == 0) continue;
    const InferenceForm<T>* const form = model.layer(nodes[n].layer).acceleration().inference;
    if (!form) continue;
    shapes.clear();
    for (const int input : nodes[n].inputs) shapes.push_back(nth(nodes, input).shape);
    ops[n] = form->inference_op(shapes);
    if (ops[n]) read[n].fuses = ops[n]->fuses();
  }
  return ops;
}

template <class T>
InferencePlan<T>::InferencePlan(const Model<T>& model) {
  const auto nodes = model.nodes();
  std::vector<FusionNode> read = fusion_nodes(model);
  auto ops = inference_ops(model, read);
  const std::vector<Fusion> fusions = fuse(read, model.outputs(), false);

  std::vector<int> slot_of(nodes.size(), -1), step_of(nodes.size(), -1);
  const auto operand = [&](int node) { return Operand{nth(slot_of, node), nth(nodes, node).shape}; };
  int next_input = 0;
  for (std::size_t n = 0; n < nodes.size(); ++n) {
    const Fusion& fusion = fusions[n];
    if (fusion.how == Fusion::How::unused) continue;
    if (fusion.how == Fusion::How::input) {
      slot_of[n] = new_slot({.input = next_input++, .size = nodes[n].shape.size()});
      continue;
    }
    const AnyLayer<T>& layer = model.any_layer(nodes[n].layer);
    if (fusion.how == Fusion::How::run) {
      if (!ops[n]) ops[n] = std::make_unique<LayerOp>(layer);
      slot_of[n] = new_slot({.size = nodes[n].shape.size()});
      step_of[n] = static_cast<int>(steps_.size());
      steps_.push_back({.op = std::move(ops[n]), .inputs = {}, .output = operand(static_cast<int>(n)), .outer = {}});
      for (const int input : nodes[n].inputs) steps_.back().inputs.push_back(operand(input));
      continue;
    }
    slot_of[n] = nth(slot_of, fusion.kernel);
    if (fusion.how == Fusion::How::view) continue;
    Step& step = nth(steps_, nth(step_of, fusion.kernel));
    if (fusion.how == Fusion::How::affine) {
      std::vector<T> scale, shift;
      layer->acceleration().inference->channel_affine(scale, shift);
      step.op->fuse_affine(scale, shift);
    } else if (fusion.how == Fusion::How::residual) {
      step.op->fuse_residual();
      step.inputs.push_back(operand(nth(fusions, fusion.kernel).residual));
    } else {
      step.op->fuse_activation(read[n].activation);
    }
  }
  assign_outputs(model, slot_of);
  lay_out_memory();
  choose_batches(model);
}

/// The last kernels write to the outputs themselves; a value that has a place already is copied there.
template <class T>
void InferencePlan<T>::assign_outputs(const Model<T>& model, const std::vector<int>& slot_of) {
  for (int i = 0; i < static_cast<int>(model.outputs().size()); ++i) {
    const int s = nth(slot_of, nth(model.outputs(), i));
    Slot& slot = nth(slots_, s);
    if (slot.input >= 0 || slot.output >= 0)
      copies_.emplace_back(s, i);
    else
      slot.output = i;
  }
  for (Step& step : steps_)
    for (Index i = 0; i < count_of(step.inputs); ++i)
      if (const Slot& slot = nth(slots_, nth(step.inputs, i).slot); slot.input >= 0 || slot.output >= 0)
        step.outer.emplace_back(i, nth(step.inputs, i).slot);
}

template <class T>
void InferencePlan<T>::choose_batches(const Model<T>& model) {
  Index weights = 0, activations = 1;
  for (const auto* parameter : model.parameters()) weights += parameter->size();
  for (const Step& step : steps_) activations += step.output.shape.size();
  const Index cached = (Index{1} << 20) / (Index{sizeof(T)} * (std::max)(arena_size_, Index{1}));
  preferred_batch_ = std::clamp<Index>((std::max)(weights / activations, cached), 1, 256);
  least_batch_ = (std::max)(weights / activations / 8, Index{1});
}

/// Gives every activation memory that no other living one overlaps: largest first, each at the lowest offset
/// that is free for its whole life.
template <class T>
void InferencePlan<T>::lay_out_memory() {
  const int steps = static_cast<int>(steps_.size());
  for (Slot& slot : slots_) slot.first = steps;
  for (int s = 0; s < steps; ++s) {
    const Step& step = nth(steps_, s);
    Slot& output = nth(slots_, step.output.slot);
    output.first = (std::min)(output.first, s);
    output.last = (std::max)(output.last, s);
    for (const Operand& input : step.inputs) nth(slots_, input.slot).last = s;
  }
  for (const auto& [slot, output] : copies_) nth(slots_, slot).last = steps;

  std::vector<Slot*> order;
  for (Slot& slot : slots_)
    if (slot.input < 0 && slot.output < 0) order.push_back(&slot);
  std::stable_sort(order.begin(), order.end(), [](const Slot* a, const Slot* b) { return a->size > b->size; });
  std::vector<Slot*> placed;
  for (Slot* slot : order) {
    slot->size = (slot->size + 15) / 16 * 16;
    const auto overlaps = [&](const Slot* other) {
      return other->first <= slot->last && slot->first <= other->last && other->offset < slot->offset + slot->size &&
             slot->offset < other->offset + other->size;
    };
    slot->offset = 0;
    for (auto other = std::find_if(placed.begin(), placed.end(), overlaps); other != placed.end();
         other = std::find_if(placed.begin(), placed.end(), overlaps))
      slot->offset = (*other)->offset + (*other)->size;
    arena_size_ = (std::max)(arena_size_, slot->offset + slot->size);
    placed.push_back(slot);
  }
}

/// The plan of a model and the workspaces of its runs, shared by all threads that call `predict`.
template <class T>
class PlanCache {
 public:
  using Plan = InferencePlan<T>;
  using Workspace = typename Plan::Workspace;

  /// What one call of `predict` works with.
  struct Taken {
    std::shared_ptr<const Plan> plan;
    std::unique_ptr<std::vector<Workspace>> workspaces;  ///< one or more
  };
  /// The plan for the model as it is now, which is the kept one unless parameters have changed, and workspaces.
  Taken take(const Model<T>& model) {
    const std::uint64_t version = model.version();
    const std::lock_guard lock(mutex_);
    if (!plan_ || version_ != version) {
      plan_ = std::make_shared<const Plan>(model);
      version_ = version;
    }
    if (free_.empty()) return {plan_, std::make_unique<std::vector<Workspace>>(1)};
    auto workspaces = std::move(free_.back());
    free_.pop_back();
    return {plan_, std::move(workspaces)};
  }
  void give_back(std::unique_ptr<std::vector<Workspace>> workspaces) {
    const std::lock_guard lock(mutex_);
    free_.push_back(std::move(workspaces));
  }

 private:
  std::mutex mutex_;
  std::shared_ptr<const Plan> plan_;
  std::uint64_t version_ = 0;
  std::vector<std::unique_ptr<std::vector<Workspace>>> free_;
};

}  // namespace KEEL_ABI
}  // namespace keel
