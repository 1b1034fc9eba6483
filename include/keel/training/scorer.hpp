#pragma once
/// Losses, penalties and metrics of a model over many batches.

#include <keel/training/fit_options.hpp>

namespace keel {
inline namespace KEEL_ABI {

namespace detail {

/// The losses of all outputs and the metrics, collected over an epoch.
template <class T>
class Scorer {
 public:
  template <class Options>
  Scorer(const char* where, const Model<T>& model, const Options& options)
      : where_(where), weights_(options.loss_weights) {
    const std::size_t outputs = model.outputs().size();
    losses_ = options.losses;
    if (losses_.empty()) losses_.assign(outputs, options.loss);
    if (weights_.empty()) weights_.assign(outputs, 1);
    if (losses_.size() != outputs || weights_.size() != outputs)
      throw ConfigError(where, "a loss and a weight for each of " + std::to_string(outputs) + " outputs",
                        std::to_string(losses_.size()) + " losses, " + std::to_string(weights_.size()) + " weights");
    for (const LossSpec& loss : losses_)
      if (loss.empty())
        throw ConfigError(where, "a loss", "none", "set .loss = Loss::sparse_categorical_crossentropy or another");
    for (const double weight : weights_) check_positive(where, "loss_weights", weight, true);
    std::vector<std::string> taken{"loss"};
    const auto unique = [&](const std::string& base, const char* end) {  // recall, recall_1, ... as in Keras
      std::string name = base + end;
      for (int i = 1; std::find(taken.begin(), taken.end(), name) != taken.end(); ++i)
        name = base + "_" + std::to_string(i) + end;
      taken.push_back(name);
      return name;
    };
    for (const int output : model.outputs()) names_.push_back(unique(nth(model.nodes(), output).name, "_loss"));
    for (const MetricSpec& metric : options.metrics) metrics_.emplace_back(metric.named(unique(metric.name(), "")));
    metric_specs_ = options.metrics;
    for (const LossSpec& loss : losses_)
      from_logits_.push_back(kept_activation(loss) == Activation::linear ? loss : LossSpec(loss.loss().from_logits()));
    for (std::size_t i = 0; i < outputs; ++i) check_ending(model, i);
    check_thresholds(model);
    reset();
  }

  /// The names that `report` gives.
  void announce(const std::string& prefix, Scores& scores) const {
    const double none = std::nan("");
    scores.set(prefix + "loss", none);
    for (const std::string& name : names_)
      if (losses_.size() > 1) scores.set(prefix + name, none);
    for (const MetricState& metric : metrics_) scores.set(prefix + metric.name(), none);
  }

  /// The activation that each output's loss can do without.
  std::vector<Activation> through_logits() const {
    std::vector<Activation> kinds;
    for (const LossSpec& loss : losses_) kinds.push_back(kept_activation(loss));
    return kinds;
  }

  std::vector<std::string> loss_names() const {
    std::vector<std::string> names;
    for (const LossSpec& loss : losses_) names.push_back(loss.name());
    return names;
  }
  std::vector<std::string> metric_names() const {
    std::vector<std::string> names;
    for (const MetricState& metric : metrics_) names.push_back(metric.name());
    return names;
  }
  /// What has been collected, for a checkpoint.
  void remember(Memory& memory) {
    memory("sums", sums_);
    memory("samples", samples_);
    for (std::size_t i = 0; i < metrics_.size(); ++i) {
      Prefixed within(memory, "metrics/" + std::to_string(i) + "/");
      metrics_[i].remember(within);
    }
  }

  void reset() {
    sums_.assign(losses_.size() + 1, 0);
    samples_ = 0;
    for (MetricState& metric : metrics_) metric.reset();
  }

  /// Throws ShapeError for a batch whose targets or weights do not belong to the model's outputs.
  void check_shapes(const Model<T>& model, const Batch<T>& batch, const Tensor<T>& weights) const {
    if (batch.targets.size() != losses_.size())
      throw ShapeError(where_, std::to_string(losses_.size()) + " targets, one an output",
                       std::to_string(batch.targets.size()));
    for (std::size_t i = 0; i < losses_.size(); ++i)
      check_loss_shapes(losses_[i].loss(), model.output_shape(i).with_batch(batch.size()), batch.targets[i].shape(),
                        weights.shape());
  }

  /// The loss of a batch, with the regularizers' penalty; its gradients in `dy`, where that is not null. `tape` says
  /// which outputs are logits.
  double update(Inputs<T> y, const Batch<T>& batch, const Tensor<T>& weights, double penalty,
                std::vector<Tensor<T>>* dy, const Tape<T>* tape = nullptr) {
    found_.assign(losses_.size(), 0);
    find(y, batch, weights, dy, tape, metrics_);
    return collect(penalty, static_cast<double>(batch.size()));
  }
  /// The same of a batch that ranks take together; this one's part may have no samples (`tape.part.counts`).
  double update(Inputs<T> y, const Batch<T>& batch, const Tensor<T>& weights, double penalty,
                std::vector<Tensor<T>>& dy, const Tape<T>& tape, Together<T>& together) {
    found_.assign(losses_.size(), 0);
    make_parts();
    double samples = tape.part.counts ? static_cast<double>(batch.size()) : 0;
    dy.resize(losses_.size());
    if (tape.part.counts) find(y, batch, weights, &dy, &tape, parts_);
    for (std::size_t i = 0; !tape.part.counts && i < dy.size(); ++i) dy[i] = Tensor<T>(y[i].shape());
    together.merge({.y = y,
                    .batch = batch,
                    .weights = weights,
                    .specs = losses_,
                    .losses = found_,
                    .samples = samples,
                    .dy = &dy,
                    .parts = parts_,
                    .metrics = metrics_});
    return collect(penalty, samples);
  }
  /// What all ranks have collected, each of its own samples.
  void merge(Together<T>& together) {
    make_parts();
    together.merge_scores(sums_, samples_, parts_, metrics_);
  }

  /// Means over the samples so far.
  void report(const std::string& prefix, Scores& scores) const {
    scores.set(prefix + "loss", sums_[0] / samples_);
    for (std::size_t i = 0; losses_.size() > 1 && i < losses_.size(); ++i)
      scores.set(prefix + names_[i], sums_[i + 1] / samples_);
    for (const MetricState& metric : metrics_) scores.set(prefix + metric.name(), metric.result());
  }

 private:
  void make_parts() {
    if (parts_.empty())
      for (const MetricSpec& metric : metric_specs_) parts_.emplace_back(metric);
    for (MetricState& part : parts_) part.reset();
  }
  /// The losses of a batch, and its metrics.
  void find(Inputs<T> y, const Batch<T>& batch, const Tensor<T>& weights, std::vector<Tensor<T>>* dy,
            const Tape<T>* tape, std::vector<MetricState>& metrics) {
    if (dy) dy->resize(losses_.size());
    for (std::size_t i = 0; i < losses_.size(); ++i) {
      const TensorView<const T> target = batch.targets[i];
      const LossSpec& spec = tape && tape->left_out(i) ? from_logits_[i] : losses_[i];
      found_[i] = dy ? spec.value_and_gradient(y[i], target, (*dy)[i], weights) : spec.value(y[i], target, weights);
      if (dy && weights_[i] != 1) (*dy)[i].array() *= static_cast<T>(weights_[i]);
    }
    TensorView<const T> said = y[0];
    if (tape && tape->left_out(0) && !metrics_.empty()) {
      probabilities_.resize(y[0].shape());
      const Index columns = y[0].shape().back();
      Scratch scratch;
      activation_forward<T>(kept_activation(losses_[0]), y[0].size() / columns, columns, y[0].data(),
                            probabilities_.data(), KernelContext{scratch});
      said = probabilities_;
    }
    for (MetricState& metric : metrics) metric.update(said, batch.targets[0]);
  }
  /// Adds the losses found to the sums; the loss of the batch.
  double collect(double penalty, double samples) {
    double total = penalty;
    for (std::size_t i = 0; i < losses_.size(); ++i) {
      total += weights_[i] * found_[i];
      sums_[i + 1] += found_[i] * samples;
    }
    sums_[0] += total * samples;
    samples_ += samples;
    return total;
  }
  static Activation kept_activation(const LossSpec& loss) { return activation_of(loss.loss().ending()); }
  /// Throws ConfigError where a loss applies once more what the model ends in.
  void check_ending(const Model<T>& model, std::size_t i) const {
    const Activation again = activation_of(losses_[i].loss().applies());
    if (again == Activation::linear) return;
    const NodeInfo* node = &nth(model.nodes(), model.outputs()[i]);
    const auto passes_on = [&] {  // the same values, as of a Flatten or, in inference, a Dropout
      const LayerRole role = model.layer(node->layer).acceleration().role;
      return role == LayerRole::view || role == LayerRole::identity_in_inference;
    };
    while (node->layer >= 0 && passes_on()) node = &nth(model.nodes(), node->inputs[0]);
    if (node->layer >= 0 && model.layer(node->layer).acceleration().activation.kind == again)
      throw ConfigError(where_, "logits for " + losses_[i].name() + " with from_logits",
                        "a model that ends in " + std::string(activation_name(again)),
                        "leave out from_logits, or the last activation");
  }
  /// Throws ConfigError where a metric takes logits for probabilities: above 0.5, which is what no one chooses for them.
  void check_thresholds(const Model<T>& model) const {
    if (losses_[0].loss().applies() != Loss::Ending::sigmoid) return;
    for (const MetricSpec& metric : metric_specs_)
      if (metric.make()->threshold(model.output_shape(0).back()) == 0.5)
        throw ConfigError(where_, "a threshold of 0 for " + metric.name() + " beside a loss from logits",
                          "0.5, which is for probabilities", "a logit above 0 says yes: {.threshold = 0}");
  }
  static Activation activation_of(Loss::Ending ending) {
    switch (ending) {
      case Loss::Ending::any: return Activation::linear;
      case Loss::Ending::sigmoid: return Activation::sigmoid;
      case Loss::Ending::softmax: return Activation::softmax;
    }
    return Activation::linear;
  }

  const char* where_;
  std::vector<double> weights_;
  std::vector<LossSpec> losses_, from_logits_;
  Tensor<T> probabilities_;
  std::vector<MetricSpec> metric_specs_;
  std::vector<MetricState> metrics_, parts_;
  std::vector<double> found_;  // the losses of a batch
  std::vector<std::string> names_;
  std::vector<double> sums_;
  double samples_ = 0;
};

template <class T>
void check_batch(const char* where, const Model<T>& model, const Batch<T>& batch) {
  if (batch.size() == 0) throw DataError(where, "batches with samples", "an empty one");
  if (batch.inputs.size() != model.inputs().size())
    throw ShapeError(where, std::to_string(model.inputs().size()) + " inputs", std::to_string(batch.inputs.size()));
}

/// The penalty of a parameter that trains, and its slopes added to `gradient` where that is not null.
template <class T>
double penalty_of(const Parameter<T>& p, Tensor<T>* gradient) {
  return p.trains() && !p.rule.regularizer.empty() ? penalty(p.rule.regularizer, p.value(), gradient) : 0;
}

/// The sum over all parameters.
template <class T, class P>
double penalty_of(const std::vector<P*>& parameters) {
  double sum = 0;
  for (const Parameter<T>* p : parameters) sum += penalty_of<T>(*p, nullptr);
  return sum;
}

/// Runs the model over all of `data`, of several ranks each over its own, and collects into `scorer`.
template <class T>
void score(const char* where, const Model<T>& model, const Dataset<T>& data, Index batch_size, Scorer<T>& scorer,
           Together<T>* together = nullptr) {
  if (data.size() == 0 && !together) throw DataError(where, "a dataset with samples", "an empty one");
  Batches<T> batches(data, {.batch_size = batch_size, .shuffle = false});
  Batch<T> batch;
  std::vector<Tensor<T>> outputs(model.outputs().size());
  std::vector<TensorView<T>> views(outputs.size());
  std::vector<TensorView<const T>> inputs, results(outputs.size());
  const double penalty = penalty_of<T>(model.parameters());
  for (Index step = 0; batches(0, step, batch); ++step) {
    check_batch(where, model, batch);
    scorer.check_shapes(model, batch, batch.weights);
    inputs.assign(batch.inputs.begin(), batch.inputs.end());
    for (std::size_t i = 0; i < outputs.size(); ++i) {
      outputs[i].resize(model.output_shape(i).with_batch(batch.size()));
      results[i] = views[i] = outputs[i].view();
    }
    model.predict(inputs, views);
    scorer.update(results, batch, batch.weights, penalty, nullptr);
  }
  if (together) scorer.merge(*together);
}

/// The weights of a batch's samples, each times that of its class.
template <class T>
Tensor<T> weigh_classes(const std::vector<double>& class_weight, const Batch<T>& batch) {
  const Tensor<T>& target = batch.targets.at(0);
  const Index samples = batch.size(), classes = count_of(class_weight);
  const bool rows = target.size() == samples * classes && classes > 1 && target.rank() == 2;
  constexpr const char* who = "fit, class_weight";
  if (!rows && target.size() != samples)
    throw ShapeError("fit", "one class a sample for class_weight, or rows of " + std::to_string(classes),
                     "targets of shape " + target.shape().to_string());
  Tensor<T> weights = batch.weights.empty() ? Tensor<T>({samples}, T(1)) : batch.weights;
  const Index each = weights.size() / samples;  // more than one where positions have weights
  Rows row_of_classes;
  for (Index i = 0; i < samples; ++i) {
    if (rows) take_rows(target.data() + i * classes, 1, classes, row_of_classes);
    if (!rows && static_cast<double>(target[i]) >= static_cast<double>(classes))
      throw DataError(who, "a weight for each class, the largest label's too",
                      std::to_string(classes) + " weights and the label " + text(static_cast<double>(target[i])),
                      "give class_weight as many numbers as there are classes");
    const Index c = rows ? class_of(who, row(row_of_classes, 0), classes)
                         : class_number(who, static_cast<double>(target[i]), classes);
    weights.array().segment(i * each, each) *= static_cast<T>(nth(class_weight, c));
  }
  return weights;
}

}  // namespace detail
}  // namespace KEEL_ABI
}  // namespace keel
