#pragma once

#include <algorithm>
#include <memory>
#include <mutex>
#include <vector>

#include <keel/kernels/elementwise.hpp>
#include <keel/layers/base/any_layer.hpp>

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
    std::vector<TensorView<const T>> inputs, x;
    std::vector<TensorView<T>> y;
  };

  explicit InferencePlan(const Model<T>& model);

  /// Runs one batch. Shapes must be those of the model's inputs and outputs; `Model::predict` checks them.
  void run(Inputs<T> x, Outputs<T> y, Workspace& workspace, ThreadPool* threads) const {
    const Index batch = x[0].shape()[0];
    if (batch == 0) return;
    const std::size_t needed = static_cast<std::size_t>(arena_size_ * batch);
    if (workspace.arena.size() < needed) workspace.arena = AlignedVector<T>(needed);
    const auto data = [&](const Place& place) -> T* {
      const Value& value = values_[static_cast<std::size_t>(place.value)];
      if (value.output >= 0) return y[static_cast<std::size_t>(value.output)].data();
      return workspace.arena.data() + value.offset * batch;
    };
    for (const Step& step : steps_) {
      workspace.inputs.clear();
      for (const Place& place : step.inputs) {
        const Value& value = values_[static_cast<std::size_t>(place.value)];
        const T* from = value.input >= 0 ? x[static_cast<std::size_t>(value.input)].data() : data(place);
        workspace.inputs.emplace_back(place.shape.with_batch(batch), from);
      }
      Scratch::Frame frame(workspace.scratch);
      const KernelContext context{workspace.scratch, threads};
      step.op->run(workspace.inputs, TensorView<T>(step.output.shape.with_batch(batch), data(step.output)), context);
    }
    for (const auto& [from, output] : copies_) {
      const Value& value = values_[static_cast<std::size_t>(from)];
      const T* source = value.input >= 0    ? x[static_cast<std::size_t>(value.input)].data()
                        : value.output >= 0 ? y[static_cast<std::size_t>(value.output)].data()
                                            : workspace.arena.data() + value.offset * batch;
      const TensorView<T>& target = y[static_cast<std::size_t>(output)];
      std::copy(source, source + target.size(), target.data());
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
  /// A stretch of memory that holds an activation: a model input, a model output or a part of the arena.
  struct Value {
    int input = -1, output = -1;
    Index size = 0, offset = 0;
    int first = 0, last = 0;
  };
  struct Place {
    int value;
    Shape shape;
  };
  struct Step {
    std::unique_ptr<InferenceOp<T>> op;
    std::vector<Place> inputs;
    Place output;
  };

  /// A layer that has no form of its own for inference.
  class LayerOp final : public InferenceOp<T> {
   public:
    explicit LayerOp(AnyLayer<T> layer) : layer_(std::move(layer)) {}
    void run(Inputs<T> x, TensorView<T> y, const KernelContext& context) const override {
      Pass<T> pass{context};
      pass.activation = activation_;
      layer_->forward(x, y, pass);
    }
    bool fuse_activation(ActivationSpec activation) override {
      if (!layer_->fuses_activation() || activation_.kind != Activation::linear) return false;
      activation_ = activation;
      return true;
    }

   private:
    AnyLayer<T> layer_;
    ActivationSpec activation_{};
  };

  void lay_out_memory();

  std::vector<Value> values_;
  std::vector<Step> steps_;
  std::vector<std::pair<int, int>> copies_;
  Index arena_size_ = 0;
  Index preferred_batch_ = 1, least_batch_ = 1;
};

template <class T>
InferencePlan<T>::InferencePlan(const Model<T>& model) {
  const auto nodes = model.nodes();
  const std::size_t count = nodes.size();
  std::vector<int> uses(count, 0);
  for (const auto& node : nodes)
    for (const int input : node.inputs) ++uses[static_cast<std::size_t>(input)];
  for (const int output : model.outputs()) ++uses[static_cast<std::size_t>(output)];

  // step_of: the kernel that a following layer may still join; made_by: the one that writes the value
  std::vector<int> value_of(count, -1), step_of(count, -1), made_by(count, -1);
  const auto place = [&](int node) {
    return Place{value_of[static_cast<std::size_t>(node)], nodes[static_cast<std::size_t>(node)].shape};
  };
  int next_input = 0;
  Index weights = 0;
  for (std::size_t n = 0; n < count; ++n) {
    const auto& node = nodes[n];
    if (node.layer < 0) {
      value_of[n] = static_cast<int>(values_.size());
      values_.push_back({.input = next_input++, .size = node.shape.size()});
      continue;
    }
    const AnyLayer<T>& layer = model.any_layer(node.layer);
    const std::size_t first = static_cast<std::size_t>(node.inputs[0]);
    const bool sole = uses[first] == 1 && step_of[first] >= 0;
    const auto joins = [&](bool fused) {
      if (!fused) return false;
      value_of[n] = value_of[first];
      step_of[n] = made_by[n] = step_of[first];
      return true;
    };
    const LayerRole role = layer->role();
    if (role == LayerRole::view || role == LayerRole::identity_in_inference) {
      value_of[n] = value_of[first];
      made_by[n] = made_by[first];
      step_of[n] = sole && node.shape == nodes[first].shape ? step_of[first] : -1;
      continue;
    }
    if (sole) {
      InferenceOp<T>& before = *steps_[static_cast<std::size_t>(step_of[first])].op;
      if (role == LayerRole::activation && joins(before.fuse_activation(layer->activation()))) continue;
      if (role == LayerRole::channel_affine) {
        std::vector<T> scale, shift;
        layer->channel_affine(scale, shift);
        if (joins(before.fold_affine(scale, shift))) continue;
      }
    }
    if (role == LayerRole::add && node.inputs.size() == 2) {
      int late = node.inputs[0], early = node.inputs[1];
      if (made_by[static_cast<std::size_t>(late)] < made_by[static_cast<std::size_t>(early)]) std::swap(late, early);
      const std::size_t from = static_cast<std::size_t>(late);
      const int producer = step_of[from];
      if (producer >= 0 && late != early && uses[from] == 1 &&
          steps_[static_cast<std::size_t>(producer)].op->fuse_residual()) {
        steps_[static_cast<std::size_t>(producer)].inputs.push_back(place(early));
        value_of[n] = value_of[from];
        step_of[n] = made_by[n] = producer;
        continue;
      }
    }
    std::vector<Shape> shapes;
    std::vector<Place> inputs;
    for (const int input : node.inputs) {
      inputs.push_back(place(input));
      shapes.push_back(inputs.back().shape);
    }
    auto op = layer->inference_op(shapes);
    if (!op) op = std::make_unique<LayerOp>(layer);
    value_of[n] = static_cast<int>(values_.size());
    values_.push_back({.size = node.shape.size()});
    step_of[n] = made_by[n] = static_cast<int>(steps_.size());
    steps_.push_back({std::move(op), std::move(inputs), {value_of[n], node.shape}});
  }

  for (Index l = 0; l < model.layer_count(); ++l)
    for (const auto* parameter : model.layer(l).parameters()) weights += parameter->size();
  int next_output = 0;
  for (const int output : model.outputs()) {
    Value& value = values_[static_cast<std::size_t>(value_of[static_cast<std::size_t>(output)])];
    if (value.input >= 0 || value.output >= 0)
      copies_.emplace_back(value_of[static_cast<std::size_t>(output)], next_output);
    else
      value.output = next_output;
    ++next_output;
  }
  lay_out_memory();
  Index activations = 1;
  for (const Step& step : steps_) activations += step.output.shape.size();
  const Index cached = (Index{1} << 20) / (Index{sizeof(T)} * (std::max)(arena_size_, Index{1}));
  preferred_batch_ = std::clamp<Index>((std::max)(weights / activations, cached), 1, 256);
  least_batch_ = (std::max)(weights / activations / 8, Index{1});
}

/// Gives every activation a place that no other living one overlaps: largest first, each at the lowest offset
/// that is free for its whole life.
template <class T>
void InferencePlan<T>::lay_out_memory() {
  const int steps = static_cast<int>(steps_.size());
  for (Value& value : values_) value.first = steps;
  for (int s = 0; s < steps; ++s) {
    const Step& step = steps_[static_cast<std::size_t>(s)];
    Value& output = values_[static_cast<std::size_t>(step.output.value)];
    output.first = (std::min)(output.first, s);
    output.last = (std::max)(output.last, s);
    for (const Place& place : step.inputs) values_[static_cast<std::size_t>(place.value)].last = s;
  }
  for (const auto& [from, output] : copies_) values_[static_cast<std::size_t>(from)].last = steps;

  std::vector<Value*> order;
  for (Value& value : values_)
    if (value.input < 0 && value.output < 0) order.push_back(&value);
  std::stable_sort(order.begin(), order.end(), [](const Value* a, const Value* b) { return a->size > b->size; });
  std::vector<Value*> placed;
  for (Value* value : order) {
    value->size = (value->size + 15) / 16 * 16;
    const auto overlaps = [&](const Value* other) {
      return other->first <= value->last && value->first <= other->last &&
             other->offset < value->offset + value->size && value->offset < other->offset + other->size;
    };
    value->offset = 0;
    for (auto other = std::find_if(placed.begin(), placed.end(), overlaps); other != placed.end();
         other = std::find_if(placed.begin(), placed.end(), overlaps))
      value->offset = (*other)->offset + (*other)->size;
    arena_size_ = (std::max)(arena_size_, value->offset + value->size);
    placed.push_back(value);
  }
}

/// The plan of a model and the workspaces of its runs, shared by all threads that call `predict`.
template <class T>
class PlanCache {
 public:
  using Plan = InferencePlan<T>;
  using Workspace = typename Plan::Workspace;

  /// The plan for the model as it is now: the kept one unless parameters have changed.
  std::shared_ptr<const Plan> plan(const Model<T>& model) {
    const std::uint64_t version = model.version();
    const std::lock_guard lock(mutex_);
    if (!plan_ || version_ != version) {
      plan_ = std::make_shared<const Plan>(model);
      version_ = version;
    }
    return plan_;
  }
  /// Workspaces for one call of `predict`.
  std::unique_ptr<std::vector<Workspace>> take() {
    const std::lock_guard lock(mutex_);
    if (free_.empty()) return std::make_unique<std::vector<Workspace>>();
    auto workspaces = std::move(free_.back());
    free_.pop_back();
    return workspaces;
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
