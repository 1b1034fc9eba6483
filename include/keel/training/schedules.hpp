#pragma once
/// Learning rates over time.

#include <cmath>
#include <functional>
#include <optional>
#include <type_traits>
#include <utility>
#include <vector>

#include <keel/tensor/range.hpp>

namespace keel {
inline namespace KEEL_ABI {

/// A number, or a schedule: any callable that gives the rate of a step from its number, counted from 0.
/// `.learning_rate = 1e-3`, `.learning_rate = CosineDecay{...}`, `.learning_rate = [](Index step) { return ...;
/// }`. Given to an optimizer, steps are optimizer steps; given to `LearningRateScheduler`, they are epochs. Throws
/// ConfigError where a number is not above 0 or a schedule gives anything but 0 or more.
class LearningRate {
 public:
  /// The same at every step; above 0.
  LearningRate(double value) : value_(value) { detail::check_positive("learning_rate", "a number", value); }
  /// A schedule: a function from the step, counted from 0, to the rate.
  template <class S>
  requires(std::is_invocable_r_v<double, const S&, Index> && !std::is_convertible_v<S, double>)
      LearningRate(S schedule) {
    if constexpr (requires { schedule.check(); }) schedule.check();
    schedule_ = std::move(schedule);
    value_ = at(0);
  }

  bool scheduled() const { return static_cast<bool>(schedule_); }  ///< Whether the rate follows from the step.
  /// The rate of a step. Throws ConfigError where a schedule gives one below 0, or none.
  double at(Index step) const {
    if (!schedule_) return value_;
    const double rate = schedule_(step);
    if (!(is_finite(rate) && rate >= 0))
      throw ConfigError("learning_rate", "0 or more from the schedule",
                        detail::text(rate) + " at step " + std::to_string(step));
    return rate;
  }

 private:
  double value_;
  std::function<double(Index)> schedule_;
};

/// initial drop^floor(step / every). PyTorch's StepLR.
struct StepDecay {
  double initial_learning_rate;  ///< above 0
  Index every;                   ///< steps between two drops; 1 or more
  double drop = 0.1;             ///< the factor of each; above 0

  void check() const {
    detail::check_positive("StepDecay", "initial_learning_rate", initial_learning_rate);
    detail::check_positive("StepDecay", "every", static_cast<double>(every));
    detail::check_positive("StepDecay", "drop", drop);
  }
  double operator()(Index step) const {
    const Index drops = step / every;
    return initial_learning_rate * std::pow(drop, static_cast<double>(drops));
  }
};

/// initial rate^(step / decay_steps), the quotient rounded down where `staircase`. Keras's ExponentialDecay; with
/// decay_steps 1 PyTorch's ExponentialLR.
struct ExponentialDecay {
  double initial_learning_rate;  ///< above 0
  Index decay_steps;             ///< steps after which the rate is decay_rate times as much; 1 or more
  double decay_rate;             ///< above 0
  bool staircase = false;        ///< constant in between

  void check() const {
    detail::check_positive("ExponentialDecay", "initial_learning_rate", initial_learning_rate);
    detail::check_positive("ExponentialDecay", "decay_steps", static_cast<double>(decay_steps));
    detail::check_positive("ExponentialDecay", "decay_rate", decay_rate);
  }
  double operator()(Index step) const {
    const double periods = static_cast<double>(step) / static_cast<double>(decay_steps);
    return initial_learning_rate * std::pow(decay_rate, staircase ? std::floor(periods) : periods);
  }
};

/// values[i] for the first i with step <= boundaries[i], the last value after them all; the boundary itself still
/// belongs to the value before it. Keras's PiecewiseConstantDecay.
struct PiecewiseConstantDecay {
  std::vector<Index> boundaries;  ///< in increasing order
  std::vector<double> values;     ///< one more than boundaries

  /// PyTorch's MultiStepLR, which drops at the milestone itself.
  static PiecewiseConstantDecay torch(double lr, const std::vector<Index>& milestones, double gamma = 0.1) {
    PiecewiseConstantDecay decay{{}, {lr}};
    for (const Index milestone : milestones) {
      decay.boundaries.push_back(milestone - 1);
      decay.values.push_back(decay.values.back() * gamma);
    }
    return decay;
  }
  void check() const {
    if (values.size() != boundaries.size() + 1)
      throw ConfigError(
          "PiecewiseConstantDecay", "one value more than boundaries",
          std::to_string(values.size()) + " values, " + std::to_string(boundaries.size()) + " boundaries");
    for (std::size_t i = 1; i < boundaries.size(); ++i)
      if (boundaries[i] <= boundaries[i - 1])
        throw ConfigError("PiecewiseConstantDecay", "boundaries in increasing order", std::to_string(boundaries[i]));
  }
  double operator()(Index step) const {
    std::size_t i = 0;
    while (i < boundaries.size() && step > boundaries[i]) ++i;
    return values[i];
  }
};

/// From `initial` (after a linear warm-up of `warmup_steps` from `initial` to `warmup_target`: from the target)
/// r ((1 - alpha) (1 + cos(pi step / decay_steps)) / 2 + alpha), then constant. Keras's CosineDecay.
struct CosineDecay {
  double initial_learning_rate;           ///< above 0, with a warm-up 0 or more
  Index decay_steps;                      ///< steps of the decay, after the warm-up; 1 or more
  double alpha = 0;                       ///< the part of the rate that is left; within [0, 1]
  std::optional<double> warmup_target{};  ///< the rate at the end of the warm-up; above 0
  Index warmup_steps = 0;                 ///< by default there is none

  void check() const {
    detail::check_positive("CosineDecay", "initial_learning_rate", initial_learning_rate, warmup_target.has_value());
    detail::check_positive("CosineDecay", "decay_steps", static_cast<double>(decay_steps));
    detail::check_range("CosineDecay", "alpha", alpha, 0, 1);
    if (warmup_target) detail::check_positive("CosineDecay", "warmup_target", *warmup_target);
    if (warmup_target.has_value() != (warmup_steps > 0))
      throw ConfigError("CosineDecay", "warmup_target and warmup_steps together", "one of them");
  }
  double operator()(Index step) const {
    const double top = warmup_target.value_or(initial_learning_rate);
    if (step < warmup_steps)
      return initial_learning_rate +
             (top - initial_learning_rate) * static_cast<double>(step) / static_cast<double>(warmup_steps);
    const double part =
        static_cast<double>((std::min)(step - warmup_steps, decay_steps)) / static_cast<double>(decay_steps);
    return top * ((1 - alpha) * 0.5 * (1 + std::cos(3.141592653589793 * part)) + alpha);
  }
};

/// eta_min + (initial - eta_min) (1 + cos(pi step / t_max)) / 2, which rises again after t_max. PyTorch's
/// CosineAnnealingLR.
struct CosineAnnealing {
  double initial_learning_rate;  ///< above 0
  Index t_max;                   ///< steps down to eta_min; 1 or more
  double eta_min = 0;            ///< within [0, initial_learning_rate]

  void check() const {
    detail::check_positive("CosineAnnealing", "initial_learning_rate", initial_learning_rate);
    detail::check_positive("CosineAnnealing", "t_max", static_cast<double>(t_max));
    detail::check_range("CosineAnnealing", "eta_min", eta_min, 0, initial_learning_rate);
  }
  double operator()(Index step) const {
    const double part = static_cast<double>(step) / static_cast<double>(t_max);
    return eta_min + (initial_learning_rate - eta_min) * 0.5 * (1 + std::cos(3.141592653589793 * part));
  }
};

/// `after(0)` times a factor that rises in `steps` steps from `start_factor` to 1, then `after`, its steps counted
/// from the end of the warm-up. With a number as `after` and start_factor 1/3: PyTorch's LinearLR.
struct LinearWarmup {
  LearningRate after;       ///< a number or a schedule
  Index steps;              ///< of the warm-up; 1 or more
  double start_factor = 0;  ///< within [0, 1]

  void check() const {
    detail::check_positive("LinearWarmup", "steps", static_cast<double>(steps));
    detail::check_range("LinearWarmup", "start_factor", start_factor, 0, 1);
  }
  double operator()(Index step) const {
    if (step >= steps) return after.at(step - steps);
    return after.at(0) * (start_factor + (1 - start_factor) * static_cast<double>(step) / static_cast<double>(steps));
  }
};

/// Whether a lower or a higher value is better; automatic: higher for names that hold "acc", "precision" or
/// "recall", else lower.
enum class Mode { automatic, min, max };

struct PlateauOptions {
  double factor = 0.1;          ///< of the rate when it falls; within (0, 1)
  Index patience = 10;          ///< epochs without a better value after which the rate falls; 0 or more
  Mode mode = Mode::automatic;  ///< of a bare value: min
  double min_delta = 1e-4;      ///< how much better a value must be to count
  Index cooldown = 0;           ///< epochs after a fall that do not count; 0 or more
  double min_lr = 0;            ///< the rate never falls below it; 0 or more
  /// PyTorch's rules instead of Keras's: min_delta is relative to the best value, the rate falls when more than
  /// `patience` epochs were bad (Keras: as many as), a change below 1e-8 is not made, and a cooldown ends an epoch
  /// later.
  bool torch = false;
};

/// What a ReduceOnPlateau has seen, all that it needs to go on.
struct PlateauState {
  std::optional<double> best{};  ///< by default none yet
  Index bad = 0;                 ///< epochs in a row that were no better
  Index cooldown = 0;            ///< epochs to come that do not count
};

/// Lowers a learning rate when a value stops getting better; call it once an epoch:
/// `optimizer.set_learning_rate(plateau(validation_loss, optimizer.learning_rate()))`.
/// Keras's ReduceLROnPlateau and PyTorch's. Throws ConfigError for options outside their range.
class ReduceOnPlateau {
 public:
  explicit ReduceOnPlateau(PlateauOptions options = {}) : options_(options) {
    if (!(options.factor > 0 && options.factor < 1))
      throw ConfigError("ReduceOnPlateau", "a factor within (0, 1)", detail::text(options.factor));
    detail::check_positive("ReduceOnPlateau", "patience", static_cast<double>(options.patience), true);
    detail::check_positive("ReduceOnPlateau", "min_delta", options.min_delta, true);
    detail::check_positive("ReduceOnPlateau", "cooldown", static_cast<double>(options.cooldown), true);
    detail::check_positive("ReduceOnPlateau", "min_lr", options.min_lr, true);
  }
  KEEL_REFUSE_OTHER_OPTIONS(ReduceOnPlateau)

  const PlateauState& state() const { return state_; }           ///< What it has seen.
  void set_state(const PlateauState& state) { state_ = state; }  ///< Goes on from there.

  /// The rate after an epoch of that value, from the rate so far.
  double operator()(double value, double rate) {
    const bool improved = better(value);
    if (improved) state_.best = value;
    return options_.torch ? torch(improved, rate) : keras(improved, rate);
  }

 private:
  bool better(double value) const {
    if (!state_.best) return value == value;
    const double sign = options_.mode == Mode::max ? -1 : 1;
    const double margin = options_.torch ? options_.min_delta * *state_.best : options_.min_delta;
    return sign * value < sign * *state_.best - margin;
  }

  double keras(bool improved, double rate) {
    if (state_.cooldown > 0) {
      --state_.cooldown;
      state_.bad = 0;
    }
    if (improved) {
      state_.bad = 0;
    } else if (state_.cooldown == 0 && ++state_.bad >= options_.patience && rate > options_.min_lr) {
      lower(rate);
    }
    return rate;
  }

  double torch(bool improved, double rate) {
    state_.bad = improved ? 0 : state_.bad + 1;
    if (state_.cooldown > 0) {
      --state_.cooldown;
      state_.bad = 0;
    }
    if (state_.bad > options_.patience) {
      const double before = rate;
      lower(rate);
      if (before - rate <= 1e-8) return before;
    }
    return rate;
  }

  void lower(double& rate) {
    rate = (std::max)(rate * options_.factor, options_.min_lr);
    state_.cooldown = options_.cooldown;
    state_.bad = 0;
  }

  PlateauOptions options_;
  PlateauState state_;
};

}  // namespace KEEL_ABI
}  // namespace keel
