#pragma once
/// Averages of the weights over training: exponential, and stochastic weight averaging.

#include <vector>

#include <keel/training/callbacks.hpp>
#include <keel/training/data.hpp>

namespace keel {
inline namespace KEEL_ABI {

struct ExponentialAverageOptions {
  double momentum = 0.99;         ///< share of the old average; within [0, 1]
  Index overwrite_frequency = 0;  ///< the weights become the average after every so many steps; 0: at the end only
};

/// a = momentum a + (1 - momentum) w after each of the optimizer's steps, a = w after the first; the model ends with a.
/// Only what is trained is averaged. Keras's use_ema, ema_momentum and ema_overwrite_frequency, which there are options
/// of the optimizer. Throws ConfigError for options outside their range.
template <class T = float>
class ExponentialAverage : public Callback<T> {
 public:
  explicit ExponentialAverage(ExponentialAverageOptions options = {}) : options_(options) {
    detail::check_range("ExponentialAverage", "momentum", options.momentum, 0, 1);
    detail::check_positive("ExponentialAverage", "overwrite_frequency",
                           static_cast<double>(options.overwrite_frequency), true);
  }
  KEEL_REFUSE_OTHER_OPTIONS(ExponentialAverage)

  /// Of each parameter that has been trained, in the model's order; empty for others.
  const std::vector<Tensor<T>>& averages() const { return averages_; }
  /// The model's trained weights become the averages.
  void put(Model<T>& model) const {
    for (std::size_t i = 0; i < averages_.size(); ++i)
      if (!averages_[i].empty()) model.parameters().at(i)->set(averages_[i]);
  }

  void on_train_begin(Training<T>& run) override {
    averages_.clear();
    steps_ = 0;
    seen_ = run.optimizer.iteration();
  }
  void on_batch_end(Training<T>& run) override {
    if (run.optimizer.iteration() == seen_) return;  // gradients gather, or the step was left out
    seen_ = run.optimizer.iteration();
    ++steps_;
    const auto& parameters = run.model.parameters();
    averages_.resize(parameters.size());
    for (std::size_t i = 0; i < parameters.size(); ++i) {
      if (!parameters[i]->trains()) continue;
      if (averages_[i].empty())
        averages_[i] = parameters[i]->value();
      else
        averages_[i].array() = averages_[i].array() * static_cast<T>(options_.momentum) +
                               parameters[i]->value().array() * static_cast<T>(1 - options_.momentum);
    }
    if (options_.overwrite_frequency > 0 && steps_ % options_.overwrite_frequency == 0) put(run.model);
  }
  void on_train_end(Training<T>& run) override { put(run.model); }
  void remember(Memory& memory) override {
    memory("averages", averages_);
    memory("steps", steps_);
    memory("seen", seen_);
  }

 private:
  ExponentialAverageOptions options_;
  std::vector<Tensor<T>> averages_;
  Index steps_ = 0, seen_ = 0;
};
ExponentialAverage()->ExponentialAverage<float>;

struct StochasticAverageOptions {
  Index start_epoch = 0;  ///< the first epoch whose weights count, from 0
  Index every = 1;        ///< epochs from one to the next; 1 or more
};

/// Stochastic weight averaging of Izmailov et al., "Averaging Weights Leads to Wider Optima and Better Generalization",
/// 2018: the mean of the weights at the ends of epochs, a += (w - a) / (n + 1); the model ends with it. PyTorch's
/// AveragedModel. Moving statistics stay those of the last weights: call update_batch_norm where there are any. Throws
/// ConfigError for options outside their range.
template <class T = float>
class StochasticAverage : public Callback<T> {
 public:
  explicit StochasticAverage(StochasticAverageOptions options = {}) : options_(options) {
    detail::check_positive("StochasticAverage", "start_epoch", static_cast<double>(options.start_epoch), true);
    detail::check_positive("StochasticAverage", "every", static_cast<double>(options.every));
  }
  KEEL_REFUSE_OTHER_OPTIONS(StochasticAverage)

  /// How many epochs' weights are in it.
  Index count() const { return count_; }
  /// The averages, one for each parameter, in the model's order.
  const std::vector<Tensor<T>>& averages() const { return averages_; }

  void on_train_begin(Training<T>&) override {
    averages_.clear();
    count_ = 0;
  }
  void on_epoch_end(Training<T>& run) override {
    if (run.epoch < options_.start_epoch || (run.epoch - options_.start_epoch) % options_.every != 0) return;
    const auto& parameters = run.model.parameters();
    averages_.resize(parameters.size());
    for (std::size_t i = 0; i < parameters.size(); ++i) {
      if (parameters[i]->kind() != ParameterKind::trainable) continue;
      const Tensor<T>& w = parameters[i]->value();
      if (averages_[i].empty())
        averages_[i] = w;
      else
        averages_[i].array() += (w.array() - averages_[i].array()) / static_cast<T>(count_ + 1);
    }
    ++count_;
  }
  void on_train_end(Training<T>& run) override {
    for (std::size_t i = 0; i < averages_.size(); ++i)
      if (!averages_[i].empty()) run.model.parameters().at(i)->set(averages_[i]);
  }
  void remember(Memory& memory) override {
    memory("averages", averages_);
    memory("count", count_);
  }

 private:
  StochasticAverageOptions options_;
  std::vector<Tensor<T>> averages_;
  Index count_ = 0;
};
StochasticAverage()->StochasticAverage<float>;

namespace detail {

template <class T>
struct MovingStatistic {
  Parameter<T>* parameter;
  double fresh;  ///< a batch's share of what a step gives where it was 0 before
  Tensor<T> mean;
};

/// Those that a training step moves, and the counters beside them.
template <class T>
std::vector<MovingStatistic<T>> moving_statistics(Model<T>& model, std::vector<Counter*>& counters) {
  std::vector<MovingStatistic<T>> statistics;
  for (Index l = 0; l < model.layer_count(); ++l) {
    Layer<T>& layer = model.layer(l);
    const bool still = layer.frozen() == Freeze::layer || layer.frozen() == Freeze::statistics;
    const Config config = layer.config();
    if (still || !config.find("momentum")) continue;  // without one, buffers are no moving statistics
    const bool cumulative = config.template get<bool>("cumulative", false);
    const double fresh = cumulative ? 1 : 1 - config.template get<double>("momentum", 0.99);
    for (Parameter<T>* p : layer.parameters())
      if (p->kind() == ParameterKind::buffer) statistics.push_back({p, fresh, Tensor<T>(p->shape())});
    for (Counter* counter : layer.counters()) counters.push_back(counter);
  }
  return statistics;
}

}  // namespace detail

/// Moving means and variances of the weights that the model has now: the mean over the batches of `data`, each counted
/// alike, in the order of the dataset. PyTorch's swa_utils.update_bn. Layers whose statistics are frozen keep theirs.
/// Moving statistics are the buffers of layers with an option `momentum`, the share of the old value, as BatchNorm has
/// it. Throws DataError for an empty dataset.
template <class T>
void update_batch_norm(Model<T>& model, const Dataset<T>& data, Index batch_size = 32) {
  if (data.size() == 0) throw DataError("update_batch_norm", "a dataset with samples", "an empty one");
  std::vector<Counter*> counters;
  std::vector<detail::MovingStatistic<T>> statistics = detail::moving_statistics(model, counters);
  Batches<T> batches(data, {.batch_size = batch_size, .shuffle = false});
  Batch<T> batch;
  Tape<T> tape;
  std::vector<TensorView<const T>> inputs;
  Index count = 0;
  for (; batches(0, count, batch); ++count) {
    for (detail::MovingStatistic<T>& s : statistics) s.parameter->set(Tensor<T>(s.parameter->shape()));
    for (Counter* counter : counters) counter->value = 0;
    inputs.assign(batch.inputs.begin(), batch.inputs.end());
    model.forward(inputs, tape);
    ++tape.step;
    for (detail::MovingStatistic<T>& s : statistics)
      s.mean.array() +=
          (s.parameter->value().array() / static_cast<T>(s.fresh) - s.mean.array()) / static_cast<T>(count + 1);
  }
  for (detail::MovingStatistic<T>& s : statistics) s.parameter->set(std::move(s.mean));
  for (Counter* counter : counters) counter->value = count;
}

}  // namespace KEEL_ABI
}  // namespace keel
