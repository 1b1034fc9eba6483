#pragma once
/// An optimizer that goes on with another model.

#include <keel/model/model.hpp>
#include <keel/training/optimizers/optimizer.hpp>

namespace keel {
inline namespace KEEL_ABI {

/// Makes an optimizer that has trained `from` one for `to`, a model with parts of it: what `from` has under the same
/// name ("dense/kernel", or that behind its own name, "base/dense/kernel") in the same shape keeps its slots and steps;
/// the rest begins anew. The number of steps stays.
///
///     Model<float> next = model.replace_head("flatten", head);
///     keep_state(optimizer, model, next);
///     fit(next, data, {.optimizer = &optimizer, ...});
template <class T>
void keep_state(Optimizer<T>& optimizer, Model<T>& from, Model<T>& to) {
  const OptimizerState<T>& old = optimizer.state();
  const std::vector<NamedParameter<T>> before = from.named_parameters();
  if (!old.slots.empty() && old.slots.size() != before.size())
    throw ConfigError(
        "keep_state",
        "the model that the optimizer has trained, of " + std::to_string(old.slots.size()) + " parameters",
        std::to_string(before.size()));
  OptimizerState<T> state{.iteration = old.iteration, .learning_rate = old.learning_rate, .slots = {}, .steps = {}};
  if (!old.slots.empty()) {
    for (const NamedParameter<T>& p : to.named_parameters()) {
      state.slots.emplace_back();
      state.steps.push_back(0);
      for (std::size_t i = 0; i < before.size(); ++i) {
        const bool named = before[i].name == p.name || from.name() + "/" + before[i].name == p.name;
        if (!named || !(before[i].parameter->shape() == p.parameter->shape())) continue;
        state.slots.back() = old.slots[i];
        state.steps.back() = i < old.steps.size() ? old.steps[i] : old.iteration;
      }
    }
  }
  optimizer.set_state(std::move(state));
}

}  // namespace KEEL_ABI
}  // namespace keel
