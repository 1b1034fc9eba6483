#pragma once
/// Inference over the threads of a model.

#include <keel/model/model.hpp>

namespace keel {
inline namespace KEEL_ABI {

namespace detail {

/// Some samples of each input or output.
template <class Views, class View>
void take_samples(const Views& all, Index begin, Index count, std::vector<View>& some) {
  some.clear();
  for (const auto& view : all) some.push_back(view.rows(begin, count));
}

}  // namespace detail

template <class T>
void Model<T>::predict(Inputs<T> x, Outputs<T> y) const {
  check_outputs();
  const Index batch = batch_of(x);
  if (y.size() != outputs_.size())
    throw ShapeError(who(), std::to_string(outputs_.size()) + " outputs", std::to_string(y.size()));
  for (std::size_t i = 0; i < y.size(); ++i)
    if (!y[i].shape().is_batch_of(output_shape(i)) || y[i].shape()[0] != batch)
      throw ShapeError(who(), "an output of shape " + output_shape(i).with_batch(batch).to_string(),
                       y[i].shape().to_string());

  auto taken = cache_->take(*this);
  const auto& plan = taken.plan;
  const auto& workspaces = taken.workspaces;
  const Index lanes = plan->lanes(batch, thread_count(pool_.get()));
  if (count_of(*workspaces) < lanes) workspaces->resize(to_size(lanes));
  if (lanes == 1 && batch <= plan->preferred_batch()) {
    plan->run(x, y, workspaces->front(), pool_.get());
    return cache_->give_back(std::move(taken.workspaces));
  }
  ThreadPool* const across = lanes > 1 ? pool_.get() : nullptr;
  ThreadPool* const within = lanes > 1 ? nullptr : pool_.get();
  // every element is accumulated in the same order whatever the batch, so a batch may be cut anywhere
  parallel_for(across, lanes, 1, [&](Index first, Index last) {
    for (Index lane = first; lane < last; ++lane) {
      auto& workspace = nth(*taken.workspaces, lane);
      const Index end = batch * (lane + 1) / lanes, samples = end - batch * lane / lanes;
      const Index most = taken.plan->preferred_batch(), parts = (samples + most - 1) / most;
      const Index step = parts > 0 ? (samples + parts - 1) / parts : 1;
      for (Index begin = end - samples; begin < end; begin += step) {
        const Index count = (std::min)(step, end - begin);
        detail::take_samples(x, begin, count, workspace.x);
        detail::take_samples(y, begin, count, workspace.y);
        taken.plan->run(workspace.x, workspace.y, workspace, within);
      }
    }
  });
  cache_->give_back(std::move(taken.workspaces));
}

}  // namespace KEEL_ABI
}  // namespace keel
