#pragma once
/// Optimizer: runs an OptimizerSpec's formula on parameters and keeps its state.

#include <algorithm>
#include <cmath>

#include <keel/layers/base/parameter.hpp>
#include <keel/training/optimizers/optimizer_spec.hpp>

namespace keel {
inline namespace KEEL_ABI {

/// What an optimizer has learned, all that a checkpoint needs to go on with the same bits.
template <class T = float>
struct OptimizerState {
  /// Steps made.
  Index iteration = 0;
  /// The rate, where it is a number.
  double learning_rate = 0;
  /// slots[i][k]: slot k (of `OptimizerSpec::slot_names`) of parameter i; empty where it has not been trained yet.
  std::vector<std::vector<Tensor<T>>> slots;
  /// Steps made with parameter i, fewer than `iteration` where it was frozen. Left empty: `iteration`.
  std::vector<Index> steps;
};

/// Trains parameters by the formula of its specification:
///
///     Optimizer optimizer(Adam({.learning_rate = 1e-3}));
///     model.backward(dy, tape);
///     optimizer.step(model.parameters());
template <class T = float>
class Optimizer {
 public:
  /// Throws ConfigError for a specification with a number outside its range, or without a formula.
  Optimizer(OptimizerSpec spec) : spec_(std::move(spec)), slot_names_(spec_.slot_names()) {
    spec_.check();
    state_.learning_rate = spec_.learning_rate.at(0);
  }

  const OptimizerSpec& spec() const { return spec_; }  ///< What it runs.
  /// Names of the values that are kept for each parameter.
  const std::vector<std::string>& slot_names() const { return slot_names_; }
  /// Steps made so far.
  Index iteration() const { return state_.iteration; }
  /// The rate of the next step.
  double learning_rate() const {
    return spec_.learning_rate.scheduled() ? spec_.learning_rate.at(state_.iteration) : state_.learning_rate;
  }
  /// Throws ConfigError unless the rate is 0 or more, and where a schedule decides.
  void set_learning_rate(double rate) {
    detail::check_positive(spec_.name, "a learning rate", rate, true);
    if (spec_.learning_rate.scheduled())
      throw ConfigError(spec_.name, "a number as learning rate to be changed", "a schedule");
    state_.learning_rate = rate;
  }
  const OptimizerState<T>& state() const { return state_; }  ///< What it has learned.
  /// Goes on from there. `step` throws ConfigError where it is another model's or optimizer's.
  void set_state(OptimizerState<T> state) { state_ = std::move(state); }

  /// One step: updates every parameter that trains from its gradient. The list is the same, in the same order, at
  /// every step, with frozen parameters and buffers in it or not. Returns false where the step was skipped (see
  /// NonFinite). Throws ConfigError for a missing gradient or slots that belong to other parameters, DataError for
  /// NonFinite::error; nothing has changed then.
  bool step(std::span<Parameter<T>* const> parameters, ThreadPool* threads = nullptr) {
    check(parameters);
    if (spec_.nonfinite != NonFinite::apply && !finite(parameters)) return false;
    const double rate = learning_rate();
    const double global = global_scale(parameters);
    state_.slots.resize(parameters.size());
    for (std::size_t i = state_.steps.size(); i < parameters.size(); ++i)
      state_.steps.push_back(state_.slots[i].empty() ? 0 : state_.iteration);
    std::vector<std::vector<Tensor<T>>> fresh(parameters.size());
    for (std::size_t i = 0; i < parameters.size(); ++i)
      if (parameters[i]->trains() && state_.slots[i].empty())
        for (Index k = 0; k < count_of(slot_names_); ++k)
          fresh[i].emplace_back(spec_.rule->slot_shape(k, parameters[i]->shape()),
                                static_cast<T>(spec_.rule->initial_value()));
    for (std::size_t i = 0; i < parameters.size(); ++i) {
      Parameter<T>& parameter = *parameters[i];
      if (!parameter.trains()) continue;
      auto& slots = state_.slots[i];
      const bool first = slots.empty();
      if (first) slots = std::move(fresh[i]);
      const Index t = 1 + (spec_.torch_formula ? state_.steps[i] : state_.iteration);
      ++state_.steps[i];
      parameter.update([&](TensorView<T> w) {
        update(parameter, w, slots, rate * parameter.rule.rate, global, t, first, threads);
        constrain(parameter.rule.constraint, w);
      });
    }
    ++state_.iteration;
    return true;
  }

 private:
  void check(std::span<Parameter<T>* const> parameters) const {
    if (!state_.slots.empty() && state_.slots.size() != parameters.size())
      throw ConfigError(spec_.name, "the " + std::to_string(state_.slots.size()) + " parameters of the steps before",
                        std::to_string(parameters.size()));
    for (std::size_t i = 0; i < parameters.size(); ++i) {
      const Parameter<T>& p = *parameters[i];
      if (!p.trains()) continue;
      if (!(p.gradient.shape() == p.shape()))
        throw ConfigError(spec_.name, "a gradient of shape " + p.shape().to_string() + " for " + p.name(),
                          p.gradient.empty() ? "none" : p.gradient.shape().to_string(), "call backward first");
      if (state_.slots.empty() || state_.slots[i].empty()) continue;
      if (state_.slots[i].size() != slot_names_.size())
        throw ConfigError(spec_.name, std::to_string(slot_names_.size()) + " slots for " + p.name(),
                          std::to_string(state_.slots[i].size()), "the state is another optimizer's");
      for (Index k = 0; k < count_of(slot_names_); ++k) {
        const Shape wanted = spec_.rule->slot_shape(k, p.shape()), &got = nth(state_.slots[i], k).shape();
        if (!(got == wanted))
          throw ConfigError(spec_.name, "slots of shape " + wanted.to_string() + " for " + p.name(), got.to_string(),
                            "the state is another model's");
      }
    }
  }

  bool finite(std::span<Parameter<T>* const> parameters) const {
    for (const Parameter<T>* p : parameters)
      if (p->trains() && !all_finite(p->size(), p->gradient.data())) {
        if (spec_.nonfinite == NonFinite::skip) return false;
        throw DataError(spec_.name, "finite gradients", "NaN or infinity in the gradient of " + p->name());
      }
    return true;
  }

  static double squared_norm(const Tensor<T>& values) {
    double sums[4] = {0, 0, 0, 0};
    for (Index i = 0; i < values.size(); ++i) sums[i % 4] += double(values[i]) * double(values[i]);
    return sums[0] + sums[1] + sums[2] + sums[3];
  }

  double global_scale(std::span<Parameter<T>* const> parameters) const {
    const double c = spec_.clip.limit;
    if (spec_.clip.kind != Clip::Kind::global_norm && spec_.clip.kind != Clip::Kind::torch_norm) return 1;
    double sum = 0;
    for (const Parameter<T>* p : parameters)
      if (p->trains()) sum += squared_norm(p->gradient);
    const double norm = std::sqrt(sum);
    if (spec_.clip.kind == Clip::Kind::torch_norm) return norm + 1e-6 > c ? c / (norm + 1e-6) : norm == norm ? 1 : norm;
    return is_finite(norm) ? c / (std::max)(norm, c) : std::nan("");
  }

  void update(const Parameter<T>& parameter, TensorView<T> w, std::vector<Tensor<T>>& slots, double rate, double scale,
              Index step, bool first, ThreadPool* threads) {
    const OptimizerSpec& s = spec_;
    if (s.clip.kind == Clip::Kind::norm)
      scale = s.clip.limit / (std::max)(std::sqrt(squared_norm(parameter.gradient)), s.clip.limit);
    const bool decays = std::find(s.weight_decay.except.begin(), s.weight_decay.except.end(), parameter.name()) ==
                        s.weight_decay.except.end();
    const double decay = parameter.rule.weight_decay.value_or(decays ? s.weight_decay.rate : 0);
    const GradientRule<T> gradient{
        static_cast<T>(scale), static_cast<T>(s.clip.kind == Clip::Kind::value ? s.clip.limit : HUGE_VAL),
        static_cast<T>(s.decoupled ? 0 : decay), static_cast<T>(s.decoupled ? 1 - rate * decay : 1)};
    const StepNumbers numbers{rate, static_cast<double>(step), first};
    if (const std::optional<KernelUpdate> kernel = s.rule->kernel(numbers))
      run(*kernel, gradient, parameter.gradient, w, slots, threads);
    else
      run(numbers, gradient, parameter.gradient, w, slots);
  }

  static void run(const KernelUpdate& kernel, const GradientRule<T>& gradient, const Tensor<T>& g, TensorView<T> w,
                  std::vector<Tensor<T>>& slots, ThreadPool* threads) {
    T* memory[3] = {nullptr, nullptr, nullptr};
    for (std::size_t k = 0; k < 3; ++k)
      if (kernel.slots[k] >= 0 && kernel.slots[k] < count_of(slots)) memory[k] = nth(slots, kernel.slots[k]).data();
    const auto pass = [&](const auto& formula) {
      optimizer_update(formula, w.size(), g.data(), w.data(), memory[0], memory[1], memory[2], threads);
    };
    const auto cast = [](double value) { return static_cast<T>(value); };
    if (const auto* sgd = std::get_if<MomentumUpdate<double>>(&kernel.formula)) {
      pass(MomentumUpdate<T>{.gradient = gradient,
                             .old = cast(sgd->old),
                             .fresh = cast(sgd->fresh),
                             .of_momentum = cast(sgd->of_momentum),
                             .of_gradient = cast(sgd->of_gradient)});
    } else if (const auto* adam = std::get_if<AdamUpdate<double>>(&kernel.formula)) {
      pass(AdamUpdate<T>{.gradient = gradient,
                         .fresh_1 = cast(adam->fresh_1),
                         .fresh_2 = cast(adam->fresh_2),
                         .step = cast(adam->step),
                         .root = cast(adam->root),
                         .epsilon = cast(adam->epsilon)});
    } else if (const auto* rms = std::get_if<RMSpropUpdate<double>>(&kernel.formula)) {
      pass(RMSpropUpdate<T>{.gradient = gradient,
                            .old = cast(rms->old),
                            .fresh = cast(rms->fresh),
                            .before = cast(rms->before),
                            .after = cast(rms->after),
                            .epsilon_inside = cast(rms->epsilon_inside),
                            .epsilon_outside = cast(rms->epsilon_outside),
                            .momentum = cast(rms->momentum)});
    }
  }

  /// The formula in Eigen, on the clipped gradient with its decay.
  void run(const StepNumbers& numbers, const GradientRule<T>& gradient, const Tensor<T>& raw, TensorView<T> w,
           std::vector<Tensor<T>>& slots) const {
    Tensor<T> g = raw;
    for (Index i = 0; i < g.size(); ++i) {
      const T scaled = g[i] * gradient.scale;
      const T below = scaled > gradient.limit ? gradient.limit : scaled;
      g[i] = (below < -gradient.limit ? -gradient.limit : below) + gradient.l2 * w[i];
      w[i] *= gradient.keep;
    }
    UpdateStep<T> step{numbers, w.array(), w.shape(), double(gradient.keep), g.array(), {}};
    for (Tensor<T>& slot : slots) step.slots.push_back(slot.array());
    spec_.rule->update(step);
  }

  OptimizerSpec spec_;
  std::vector<std::string> slot_names_;
  OptimizerState<T> state_;
};

Optimizer(OptimizerSpec)->Optimizer<float>;

KEEL_INSTANCE(class Optimizer<float>)

}  // namespace KEEL_ABI
}  // namespace keel
