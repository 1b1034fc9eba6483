#pragma once

#include <algorithm>
#include <cmath>

#include <keel/kernels/optimizer_update.hpp>
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
  Optimizer(OptimizerSpec spec) : spec_(std::move(spec)), slot_names_(spec_.slot_names()) {
    spec_.check();
    state_.learning_rate = spec_.learning_rate.at(0);
  }

  const OptimizerSpec& spec() const { return spec_; }
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
  const OptimizerState<T>& state() const { return state_; }
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
        fresh[i].assign(slot_names_.size(),
                        Tensor<T>(parameters[i]->shape(), static_cast<T>(spec_.initial_accumulator)));
    for (std::size_t i = 0; i < parameters.size(); ++i) {
      Parameter<T>& parameter = *parameters[i];
      if (!parameter.trains()) continue;
      auto& slots = state_.slots[i];
      const bool first = slots.empty();
      if (first) slots = std::move(fresh[i]);
      const Index t = 1 + (spec_.torch_formula ? state_.steps[i] : state_.iteration);
      ++state_.steps[i];
      parameter.update([&](TensorView<T> w) { update(parameter, w, slots, rate, global, t, first, threads); });
    }
    ++state_.iteration;
    return true;
  }

 private:
  using Kind = OptimizerSpec::Kind;

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
      for (const Tensor<T>& slot : state_.slots[i])
        if (!(slot.shape() == p.shape()))
          throw ConfigError(spec_.name, "slots of shape " + p.shape().to_string() + " for " + p.name(),
                            slot.shape().to_string(), "the state is another model's");
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
    const double decay = decays ? s.weight_decay.rate : 0;
    const double t = static_cast<double>(step), momentum = s.momentum;
    const GradientRule<T> rule{
        static_cast<T>(scale), static_cast<T>(s.clip.kind == Clip::Kind::value ? s.clip.limit : HUGE_VAL),
        static_cast<T>(s.decoupled ? 0 : decay), static_cast<T>(s.decoupled ? 1 - rate * decay : 1)};
    T* slot[3] = {nullptr, nullptr, nullptr};
    for (std::size_t k = 0; k < slots.size(); ++k) slot[k] = slots[k].data();
    const auto run = [&](const auto& formula) {
      optimizer_update(formula, w.size(), parameter.gradient.data(), w.data(), slot[0], slot[1], slot[2], threads);
    };
    if (s.kind == Kind::sgd) {
      MomentumUpdate<T> formula{rule, static_cast<T>(momentum), static_cast<T>(-rate), 1, 0};
      if (s.torch_formula) {
        if (first) formula.old = 0;
        formula.fresh = static_cast<T>(first ? 1 : 1 - s.dampening);
        formula.of_momentum = static_cast<T>(s.nesterov ? -rate * momentum : -rate);
      } else if (s.nesterov) {
        formula.of_momentum = static_cast<T>(momentum);
      }
      if (s.nesterov || momentum == 0) formula.of_gradient = static_cast<T>(-rate);
      run(formula);
    } else if (s.kind == Kind::adam) {
      const double c1 = 1 - std::pow(s.beta_1, t), c2 = std::sqrt(1 - std::pow(s.beta_2, t));
      run(AdamUpdate<T>{rule, static_cast<T>(1 - s.beta_1), static_cast<T>(1 - s.beta_2),
                        static_cast<T>(s.torch_formula ? rate / c1 : rate * c2 / c1),
                        static_cast<T>(s.torch_formula ? 1 / c2 : 1), static_cast<T>(s.epsilon)});
    } else {
      const bool adagrad = s.kind == Kind::adagrad;
      RMSpropUpdate<T> formula{rule};
      formula.old = static_cast<T>(adagrad ? 1 : s.beta_2);
      formula.fresh = static_cast<T>(adagrad ? 1 : 1 - s.beta_2);
      formula.momentum = static_cast<T>(momentum);
      if (adagrad || !s.torch_formula)
        formula.before = static_cast<T>(rate / (1 + (t - 1) * s.lr_decay));
      else
        formula.after = static_cast<T>(rate);
      (s.torch_formula ? formula.epsilon_outside : formula.epsilon_inside) = static_cast<T>(s.epsilon);
      if (s.kind == Kind::rmsprop && momentum == 0) std::swap(slot[1], slot[2]);
      run(formula);
    }
  }

  OptimizerSpec spec_;
  std::vector<std::string> slot_names_;
  OptimizerState<T> state_;
};

Optimizer(OptimizerSpec)->Optimizer<float>;

KEEL_INSTANCE(class Optimizer<float>)

}  // namespace KEEL_ABI
}  // namespace keel
