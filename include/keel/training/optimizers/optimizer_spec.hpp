#pragma once
/// An optimizer as data: what all have in common, and the base of their formulas.

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <keel/kernels/optimizer_update.hpp>
#include <keel/training/schedules.hpp>

namespace keel {
inline namespace KEEL_ABI {

/// Makes gradients smaller before the step: at most one way, as in Keras.
struct Clip {
  /// Which of the ways below; `none` leaves gradients as they are.
  enum class Kind { none, value, norm, global_norm, torch_norm };
  Kind kind = Kind::none;  ///< by default not at all
  double limit = 0;        ///< c; above 0

  /// Every gradient within [-c, c]. Keras's clipvalue, PyTorch's clip_grad_value_.
  static Clip by_value(double c) { return {Kind::value, c}; }
  /// Every parameter's gradient times c / max(norm, c). Keras's clipnorm.
  static Clip by_norm(double c) { return {Kind::norm, c}; }
  /// All gradients times min(1, c / norm of them all). Keras's global_clipnorm.
  static Clip by_global_norm(double c) { return {Kind::global_norm, c}; }
  /// All gradients times min(1, c / (norm of them all + 1e-6)). PyTorch's clip_grad_norm_.
  static Clip by_torch_norm(double c) { return {Kind::torch_norm, c}; }
};

/// A rate of weight decay, and the names of the parameters that are left out:
/// `.weight_decay = 0.004` or `.weight_decay = {0.004, {"bias", "gamma", "beta"}}`.
struct WeightDecay {
  /// 0 or more; by default none, and of all parameters.
  WeightDecay(double value = 0, std::vector<std::string> names = {}) : rate(value), except(std::move(names)) {}
  double rate;                      ///< decay; 0 or more
  std::vector<std::string> except;  ///< names of parameters within their layers: "bias"
};

/// What a step does when a gradient holds NaN or infinity. `apply` does not look, as Keras and PyTorch do not: the
/// parameters become NaN. `skip` leaves parameters, slots and the step's number as they are, and `step` returns
/// false. `error` does the same and throws DataError. Looking costs one pass over the gradients.
enum class NonFinite { apply, skip, error };

/// What a formula knows of a step of one parameter.
struct StepNumbers {
  double rate = 0;     ///< lr
  double t = 1;        ///< number of the step, from 1
  bool first = false;  ///< whether the slots are new
};

/// One step of one parameter, for a formula that is written in Eigen.
template <class T>
struct UpdateStep : StepNumbers {
  /// Memory of the parameter's, its gradient's or a slot's.
  using Array = Eigen::Map<Eigen::Array<T, Eigen::Dynamic, 1>>;

  Array w;                   ///< the parameter's values, to be changed; decoupled decay has been taken off
  Shape shape{};             ///< of w
  double keep = 1;           ///< what decoupled decay has left of w
  Array g;                   ///< their gradient, clipped and with L2 decay added; scratch afterwards
  std::vector<Array> slots;  ///< what `OptimizerRule::slots` names, to be changed
};

/// A formula that a kernel computes in one pass over memory, and which of the rule's slots are the kernel's; -1: none.
struct KernelUpdate {
  /// The kernel and its numbers.
  std::variant<MomentumUpdate<double>, AdamUpdate<double>, RMSpropUpdate<double>> formula;
  std::array<int, 3> slots{0, 1, 2};  ///< for m, v and the largest v of the kernel: which of the rule's
};

/// The base of formulas. keel's own are in this folder, a file each; a user's own derives from OptimizerFormula.
class OptimizerRule {
 public:
  virtual ~OptimizerRule() = default;
  /// Names of the values that are kept for each parameter, Keras's where there is one.
  virtual std::vector<std::string> slots() const { return {}; }
  /// Their shapes, for a parameter of shape w.
  virtual Shape slot_shape(Index /*slot*/, const Shape& w) const { return w; }
  /// What they begin with.
  virtual double initial_value() const { return 0; }
  /// Throws ConfigError, in the optimizer's name, for a number outside its range.
  virtual void check(const std::string& /*name*/) const {}
  /// The step as a kernel's, or none: then `update` makes it.
  virtual std::optional<KernelUpdate> kernel(const StepNumbers& /*step*/) const { return std::nullopt; }
  virtual void update(UpdateStep<float>& /*step*/) const {}   ///< The step in Eigen, where `kernel` gives none.
  virtual void update(UpdateStep<double>& /*step*/) const {}  ///< The same in double.
};

/// A formula in Eigen, for any scalar:
///
///     struct SignDescent : OptimizerFormula<SignDescent> {  // m = 0.9 m + 0.1 g;  w -= lr sign(m)
///       std::vector<std::string> slots() const override { return {"momentum"}; }
///       template <class T>
///       void apply(UpdateStep<T>& s) const {
///         s.slots[0] = 0.9 * s.slots[0] + 0.1 * s.g;
///         s.w -= s.rate * s.slots[0].sign();
///       }
///     };
///     fit(model, data, {.optimizer = OptimizerSpec{.name = "SignDescent", .rule = std::make_shared<SignDescent>()}, ...});
template <class Formula>
class OptimizerFormula : public OptimizerRule {
 public:
  void update(UpdateStep<float>& step) const override { static_cast<const Formula&>(*this).apply(step); }
  void update(UpdateStep<double>& step) const override { static_cast<const Formula&>(*this).apply(step); }
};

/// An optimizer as data: made by SGD, Adam, AdamW, RMSprop, Adagrad and others, or of a rule of a user's own;
/// `Optimizer` runs it. Order in a step: clip, decay, update. In formulas w is a parameter, g its gradient, lr the
/// rate, t the number of the step from 1. Sources: keras/src/optimizers, torch/optim.
struct OptimizerSpec {
  std::string name = "optimizer";  ///< in messages
  /// PyTorch's formula where the two worlds differ; t is the number of this parameter's step, and counts none while it
  /// is frozen. False: Keras's, of all steps.
  bool torch_formula = false;
  LearningRate learning_rate = 1e-2;       ///< a number above 0, or a schedule of the steps
  WeightDecay weight_decay{};              ///< 0 or more; by default none
  bool decoupled = true;                   ///< decay by w -= lr decay w before the update; false: g += decay w (L2)
  Clip clip{};                             ///< by default not at all
  NonFinite nonfinite = NonFinite::apply;  ///< what to do about NaN and infinity in a gradient
  std::shared_ptr<const OptimizerRule> rule{};  ///< the formula

  /// Names of the values that are kept for each parameter.
  std::vector<std::string> slot_names() const { return rule ? rule->slots() : std::vector<std::string>{}; }
  /// Numbers of state for so many trained ones, as Keras's summary counts "Optimizer params": the slots, the
  /// iteration and, unless it is a schedule, the learning rate.
  Index state_count(Index trainable) const {
    return count_of(slot_names()) * trainable + (learning_rate.scheduled() ? 1 : 2);
  }
  /// Throws ConfigError for a number outside its range, or without a rule.
  void check() const {
    if (!rule) throw ConfigError(name, "a formula", "none", "take Adam() or another, or set .rule");
    rule->check(name);
    detail::check_positive(name, "weight_decay", weight_decay.rate, true);
    if (clip.kind != Clip::Kind::none) detail::check_positive(name, "a clipping limit", clip.limit);
  }
};

namespace detail {

/// Throws ConfigError unless 0 <= beta < 1.
inline void check_beta(const std::string& name, const char* option, double beta) {
  if (!(beta >= 0 && beta < 1)) throw ConfigError(name, std::string(option) + " within [0, 1)", text(beta));
}

/// The spec of one of keel's optimizers, from its options and its formula.
template <class Options, class Rate>
OptimizerSpec optimizer_spec(const char* name, const Options& o, const Rate& rate, bool torch, bool decoupled,
                             const std::shared_ptr<const OptimizerRule>& rule) {
  OptimizerSpec spec{.name = name,
                     .torch_formula = torch,
                     .learning_rate = rate,
                     .weight_decay = o.weight_decay,
                     .decoupled = decoupled,
                     .clip = o.clip,
                     .nonfinite = o.nonfinite,
                     .rule = rule};
  spec.check();
  return spec;
}

}  // namespace detail
}  // namespace KEEL_ABI
}  // namespace keel
