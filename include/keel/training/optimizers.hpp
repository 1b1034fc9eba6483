#pragma once

#include <algorithm>
#include <cmath>

#include <keel/kernels/parallel.hpp>
#include <keel/layers/parameter.hpp>
#include <keel/training/optimizer_spec.hpp>

namespace keel::inline KEEL_ABI {

/// What an optimizer has learned, all that a checkpoint needs to go on with the same bits.
template <class T = float>
struct OptimizerState {
  /// Steps made.
  Index iteration = 0;
  /// The rate, where it is a number.
  double learning_rate = 0;
  /// slots[i][k]: slot k (of `OptimizerSpec::slot_names`) of parameter i; empty where it has not been trained yet.
  std::vector<std::vector<Tensor<T>>> slots;
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
    for (std::size_t i = 0; i < parameters.size(); ++i) {
      Parameter<T>& parameter = *parameters[i];
      if (!parameter.trains()) continue;
      auto& slots = state_.slots[i];
      const bool first = slots.empty();
      if (first)
        for (std::size_t k = 0; k < slot_names_.size(); ++k)
          slots.emplace_back(parameter.shape(), static_cast<T>(spec_.initial_accumulator));
      parameter.update([&](TensorView<T> w) { update(parameter, w, slots, rate, global, first, threads); });
    }
    ++state_.iteration;
    return true;
  }

 private:
  using Kind = OptimizerSpec::Kind;

  void check(std::span<Parameter<T>* const> parameters) const {
    if (!state_.slots.empty() && state_.slots.size() != parameters.size())
      throw ConfigError(spec_.name,
                        "the " + std::to_string(state_.slots.size()) + " parameters of the steps before",
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
    if (spec_.clip.kind == Clip::Kind::torch_norm)
      return norm + 1e-6 > c ? c / (norm + 1e-6) : norm == norm ? 1 : norm;
    return is_finite(norm) ? c / (std::max)(norm, c) : std::nan("");
  }

  void update(const Parameter<T>& parameter, TensorView<T> w, std::vector<Tensor<T>>& slots, double rate,
              double scale, bool first, ThreadPool* threads) {
    const OptimizerSpec& s = spec_;
    if (s.clip.kind == Clip::Kind::norm)
      scale = s.clip.limit / (std::max)(std::sqrt(squared_norm(parameter.gradient)), s.clip.limit);
    const bool decays = std::find(s.weight_decay.except.begin(), s.weight_decay.except.end(), parameter.name()) ==
                        s.weight_decay.except.end();
    const double decay = decays ? s.weight_decay.rate : 0;
    const T keep = static_cast<T>(s.decoupled ? 1 - rate * decay : 1),
            l2 = static_cast<T>(s.decoupled ? 0 : decay);
    const T limit = static_cast<T>(s.clip.kind == Clip::Kind::value ? s.clip.limit : HUGE_VAL);
    const T factor = static_cast<T>(scale), lr = static_cast<T>(rate), momentum = static_cast<T>(s.momentum);
    const T epsilon = static_cast<T>(s.epsilon), rho = static_cast<T>(s.beta_2);
    const T new_1 = static_cast<T>(1 - s.beta_1), new_2 = static_cast<T>(1 - s.beta_2);
    const T* gradients = parameter.gradient.data();
    T* slot[3] = {nullptr, nullptr, nullptr};
    for (std::size_t k = 0; k < slots.size(); ++k) slot[k] = slots[k].data();
    // One pass over memory: the clipped and decayed gradient of element i, and the decayed parameter
    const auto each = [&](auto&& formula) {
      parallel_for(threads, w.size(), Index{1} << 14, [&](Index begin, Index end) {
        for (Index i = begin; i < end; ++i) {
          T g = gradients[i] * factor;
          g = (g < -limit ? -limit : g > limit ? limit : g) + l2 * w[i];
          w[i] *= keep;
          formula(i, w[i], g);
        }
      });
    };
    const double t = static_cast<double>(state_.iteration + 1);
    if (s.kind == Kind::sgd && s.momentum == 0) {
      each([=](Index, T& v, T g) { v -= lr * g; });
    } else if (s.kind == Kind::sgd && !s.torch_formula) {
      each([=, m = slot[0], nesterov = s.nesterov](Index i, T& v, T g) {
        m[i] = momentum * m[i] - lr * g;
        v += nesterov ? momentum * m[i] - lr * g : m[i];
      });
    } else if (s.kind == Kind::sgd) {
      const T old = first ? T(0) : momentum, fresh = first ? T(1) : static_cast<T>(1 - s.dampening);
      each([=, m = slot[0], nesterov = s.nesterov](Index i, T& v, T g) {
        m[i] = old * m[i] + fresh * g;
        v -= lr * (nesterov ? g + momentum * m[i] : m[i]);
      });
    } else if (s.kind == Kind::adam) {
      const double c1 = 1 - std::pow(s.beta_1, t), c2 = std::sqrt(1 - std::pow(s.beta_2, t));
      const T step = static_cast<T>(s.torch_formula ? rate / c1 : rate * c2 / c1);
      const T root = static_cast<T>(s.torch_formula ? 1 / c2 : 1);
      each([=, m = slot[0], v = slot[1], top = slot[2]](Index i, T& value, T g) {
        m[i] += (g - m[i]) * new_1;
        v[i] += (g * g - v[i]) * new_2;
        T variance = v[i];
        if (top) variance = top[i] = top[i] > variance ? top[i] : variance;
        value -= step * m[i] / (std::sqrt(variance) * root + epsilon);
      });
    } else if (s.kind == Kind::rmsprop) {
      T* const m = s.momentum != 0 ? slot[1] : nullptr;
      T* const mean = s.centered ? slot[slots.size() - 1] : nullptr;
      each([=, v = slot[0], torch = s.torch_formula](Index i, T& value, T g) {
        v[i] = rho * v[i] + new_2 * g * g;
        T variance = v[i];
        if (mean) {
          mean[i] = rho * mean[i] + new_2 * g;
          variance -= mean[i] * mean[i];
        }
        T d = torch ? g / (std::sqrt(variance) + epsilon) : lr * g / std::sqrt(variance + epsilon);
        if (m) d = m[i] = momentum * m[i] + d;
        value -= torch ? lr * d : d;
      });
    } else {
      const T step = static_cast<T>(rate / (1 + (t - 1) * s.lr_decay));
      each([=, sum = slot[0], torch = s.torch_formula](Index i, T& value, T g) {
        sum[i] += g * g;
        value -= step * g / (torch ? std::sqrt(sum[i]) + epsilon : std::sqrt(sum[i] + epsilon));
      });
    }
  }

  OptimizerSpec spec_;
  std::vector<std::string> slot_names_;
  OptimizerState<T> state_;
};

Optimizer(OptimizerSpec)->Optimizer<float>;

}  // namespace keel::inline KEEL_ABI
