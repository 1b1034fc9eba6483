#pragma once
/// What a model fuses with what. The rules stand here alone, and their result is data: a decision for each node, which
/// the tape executes in training and the inference plan in inference.

#include <algorithm>
#include <span>
#include <vector>

#include <keel/layers/base/acceleration.hpp>
#include <keel/model/graph.hpp>
#include <keel/tensor/index.hpp>

namespace keel {
inline namespace KEEL_ABI {

template <class T>
class Model;

/// What the rules read of a node of the graph.
struct FusionNode {
  std::span<const int> inputs = {};  ///< nodes; none: an input of the model
  LayerRole role = LayerRole::general;
  ActivationSpec activation = {};
  Fusible fuses = {};                         ///< what its kernel can take in
  bool gradient_in_place = false;             ///< see Acceleration
  bool keeps_shape = false;                   ///< that of its first input
  Activation leave_out = Activation::linear;  ///< wanted: what comes before this activation, if it ends in it
};

/// Where a gradient that a kernel writes has its memory.
enum class GradientMemory {
  own,      ///< in memory of its own
  over_dy,  ///< over the gradient that the kernel reads, if nobody else needs that
  is_dy,    ///< it is the gradient that the kernel reads
};

/// What becomes of a node. A kernel is a layer that runs; it gives the value of its own node and then of each node
/// that joins it, in one memory.
struct Fusion {
  enum class How {
    unused,      ///< leads to no output: not computed
    input,       ///< given
    run,         ///< a kernel
    view,        ///< the value of its first input, maybe in another shape; nothing is copied
    affine,      ///< its scale and shift are folded into the kernel of its first input
    activation,  ///< the kernel of its first input applies it last
    residual,    ///< a sum of two: the kernel of the later one adds the other
  };
  How how = How::unused;
  int kernel = -1;        ///< the node whose kernel gives this one's value; itself for run and input
  bool left_out = false;  ///< its own activation is not applied

  // Of a node that runs, after all have joined it:
  ActivationSpec activation = {};                       ///< to be applied last, beside the layer's own
  int residual = -1;                                    ///< the node whose value is to be added before that
  GradientMemory input_gradient = GradientMemory::own;  ///< of the first input
  bool one_gradient = false;                            ///< a sum: all inputs share the first one's
  GradientMemory residual_gradient = GradientMemory::own;

  /// Of the i-th value that the kernel reads: its layer's inputs, as many as are given, then the residual.
  GradientMemory gradient_of(std::size_t i, std::size_t inputs) const {
    if (i >= inputs) return residual_gradient;
    return i == 0 || one_gradient ? input_gradient : GradientMemory::own;
  }
};

/// How often each node's value is needed: as an output, or by a node that leads to one.
inline std::vector<int> node_uses(std::span<const FusionNode> nodes, std::span<const int> outputs) {
  std::vector<int> uses(nodes.size(), 0);
  for (const int output : outputs) ++nth(uses, output);
  for (std::size_t n = nodes.size(); n-- > 0;)
    if (uses[n] > 0)
      for (const int input : nodes[n].inputs) ++nth(uses, input);
  return uses;
}

namespace detail {

/// Decides node after node; what has joined a kernel changes what else can.
class FusionRules {
 public:
  FusionRules(std::span<const FusionNode> nodes, std::span<const int> outputs, bool training)
      : nodes_(nodes),
        training_(training),
        fusions_(nodes.size()),
        uses_(node_uses(nodes, outputs)),
        kernels_(nodes.size()) {}

  std::vector<Fusion> run() {
    for (int n = 0; n < static_cast<int>(nodes_.size()); ++n) {
      fusion(n).left_out =
          uses(n) == 1 && at(n).leave_out != Activation::linear && at(n).leave_out == at(n).activation.kind;
      if (at(n).inputs.empty())
        begin(n, Fusion::How::input, {});
      else if (uses(n) > 0 && !passes_through(n) && !joins_affine(n) && !joins_activation(n) && !joins_residual(n))
        begin(n, Fusion::How::run, at(n).fuses);
    }
    for (int n = 0; n < static_cast<int>(nodes_.size()); ++n)
      if (fusion(n).how == Fusion::How::run) place_gradients(n);
    return std::move(fusions_);
  }

 private:
  /// What a kernel can still take in, and the last node whose value it gives.
  struct Kernel {
    Fusible open;
    int gives = -1;
  };

  const FusionNode& at(int node) const { return nth(nodes_, node); }
  Fusion& fusion(int node) { return nth(fusions_, node); }
  int& uses(int node) { return nth(uses_, node); }
  Kernel& kernel_of(int node) { return nth(kernels_, fusion(node).kernel); }

  void begin(int n, Fusion::How how, Fusible open) {
    fusion(n).how = how;
    fusion(n).kernel = n;
    kernel_of(n) = {open, n};
  }
  void join(int n, Fusion::How how, int of) {
    fusion(n).how = how;
    fusion(n).kernel = fusion(of).kernel;
    kernel_of(n).gives = n;
  }
  /// What can join the kernel that gives a node's value: nothing if anybody else needs that value.
  Fusible open(int node) {
    const Kernel& kernel = kernel_of(node);
    return uses(node) == 1 && kernel.gives == node ? kernel.open : Fusible();
  }

  /// Views, layers that do nothing in inference, and an activation that is linear or left out.
  bool passes_through(int n) {
    const FusionNode& node = at(n);
    const bool activation = node.role == LayerRole::activation;
    if (node.role != LayerRole::view && (training_ || node.role != LayerRole::identity_in_inference) &&
        !(activation && (fusion(n).left_out || node.activation.kind == Activation::linear)))
      return false;
    const int first = node.inputs[0];
    // what has another shape can not be joined: channels may differ
    const bool joins = node.keeps_shape && uses(first) == 1 && kernel_of(first).gives == first;
    fusion(n).how = Fusion::How::view;
    fusion(n).kernel = fusion(first).kernel;
    if (joins) kernel_of(n).gives = n;
    return true;
  }
  /// In inference a scale and a shift are folded into the weights before them.
  bool joins_affine(int n) {
    const int first = at(n).inputs[0];
    if (training_ || at(n).role != LayerRole::channel_affine || !open(first).affine) return false;
    join(n, Fusion::How::affine, first);
    return true;
  }
  /// In training only an activation whose gradient can be computed from its output: its input is not kept.
  bool joins_activation(int n) {
    const FusionNode& node = at(n);
    const int first = node.inputs[0];
    if (node.role != LayerRole::activation || (training_ && activation_needs_input(node.activation)) ||
        !open(first).activation)
      return false;
    join(n, Fusion::How::activation, first);
    fusion(fusion(n).kernel).activation = node.activation;
    kernel_of(n).open = {};
    return true;
  }
  /// The kernel that runs later adds the value of the other.
  bool joins_residual(int n) {
    const FusionNode& node = at(n);
    if (node.role != LayerRole::add || node.inputs.size() != 2) return false;
    const auto order = [&](int input) {
      const int kernel = fusion(input).kernel;
      return fusion(kernel).how == Fusion::How::run ? kernel : -1;
    };
    const bool second = order(node.inputs[1]) > order(node.inputs[0]);
    const int late = node.inputs[second], early = node.inputs[!second];
    if (order(early) >= order(late) || !open(late).residual) return false;
    join(n, Fusion::How::residual, late);
    fusion(fusion(n).kernel).residual = early;
    kernel_of(n).open.affine = kernel_of(n).open.residual = false;
    return true;
  }

  /// The gradient of what is added is dy itself, unless an activation comes after.
  void place_gradients(int n) {
    Fusion& kernel = fusion(n);
    const bool linear = kernel.activation.kind == Activation::linear;
    const GradientMemory added = linear ? GradientMemory::is_dy : GradientMemory::over_dy;
    if (kernel.residual >= 0) kernel.residual_gradient = added;
    kernel.one_gradient = at(n).role == LayerRole::add;
    if (kernel.one_gradient)
      kernel.input_gradient = added;
    else if (at(n).gradient_in_place)
      kernel.input_gradient = GradientMemory::over_dy;
  }

  std::span<const FusionNode> nodes_;
  bool training_;
  std::vector<Fusion> fusions_;
  std::vector<int> uses_;
  std::vector<Kernel> kernels_;
};

}  // namespace detail

/// A decision for each node. Inference takes all that kernels offer; training neither folds a scale and a shift nor
/// drops what a gradient needs.
inline std::vector<Fusion> fuse(std::span<const FusionNode> nodes, std::span<const int> outputs, bool training) {
  return detail::FusionRules(nodes, outputs, training).run();
}

/// A model's graph as the rules read it, with what `forward` and `backward` of its layers offer.
template <class T>
std::vector<FusionNode> fusion_nodes(const Model<T>& model) {
  const auto nodes = model.nodes();
  std::vector<FusionNode> read(nodes.size());
  for (std::size_t n = 0; n < nodes.size(); ++n) {
    if (nodes[n].layer < 0) continue;
    const Acceleration<T> offered = model.layer(nodes[n].layer).acceleration();
    read[n] = {.inputs = nodes[n].inputs,
               .role = offered.role,
               .activation = offered.activation,
               .fuses = offered.fuses,
               .gradient_in_place = offered.gradient_in_place,
               .keeps_shape = nodes[n].shape == nth(nodes, nodes[n].inputs[0]).shape};
  }
  return read;
}

}  // namespace KEEL_ABI
}  // namespace keel
