#pragma once
/// fit and evaluate.

#include <keel/training/callbacks.hpp>
#include <keel/training/data.hpp>
#include <keel/training/interrupt.hpp>
#include <keel/training/losses/losses.hpp>
#include <keel/training/metrics/metrics.hpp>
#include <keel/training/progress.hpp>

namespace keel {
inline namespace KEEL_ABI {

struct EvaluateOptions {
  LossSpec loss{};                     ///< of every output
  std::vector<LossSpec> losses{};      ///< or one for each output
  std::vector<double> loss_weights{};  ///< of the outputs in the sum; empty: 1
  std::vector<MetricSpec> metrics{};   ///< of the first output
  Index batch_size = 32;               ///< samples at a time; 1 or more
};

/// A new optimizer from its specification, or the caller's own, which goes on from its state and keeps the new
/// one.
template <class T>
struct OptimizerChoice {
  OptimizerChoice(OptimizerSpec s) : spec(std::move(s)) {}
  OptimizerChoice(Optimizer<T>* o) : own(o) {
    if (!o) throw ConfigError("fit", "an optimizer", "a null pointer");
  }
  OptimizerSpec spec{};
  Optimizer<T>* own = nullptr;
};

/// The data that are evaluated after each epoch: `.validation = test`, which must outlive the training, or `&test`; a
/// dataset that nobody else holds is kept.
template <class T>
class Validation {
 public:
  Validation() = default;
  Validation(std::nullptr_t) {}
  Validation(const Dataset<T>* data) : data_(data) {}
  Validation(const Dataset<T>& data) : data_(&data) {}
  Validation(Dataset<T>&& data) : kept_(std::make_shared<const Dataset<T>>(std::move(data))), data_(kept_.get()) {}

  explicit operator bool() const { return data_ != nullptr; }
  const Dataset<T>& operator*() const { return *data_; }

 private:
  std::shared_ptr<const Dataset<T>> kept_;
  const Dataset<T>* data_ = nullptr;
};

namespace detail {

/// A run as a checkpoint holds it, for fit to go on with.
template <class T>
class SavedRun {
 public:
  virtual ~SavedRun() = default;
  /// Model, optimizer, position, scores and history.
  virtual void restore(Training<T>& run) = 0;
  /// What the callbacks keep.
  virtual void restore_callbacks(Training<T>& run) = 0;
};

/// Reads it: in training/checkpoint.hpp, so that only a program that resumes compiles it.
template <class T>
class CheckpointReader;

}  // namespace detail

/// The checkpoint that a run goes on from: the path of a file that Checkpoint wrote; empty: a run from the start.
template <class T = float>
class Resume {
 public:
  Resume() = default;
  template <class Path>
  requires std::is_convertible_v<const Path&, std::string> Resume(const Path& path) : path_(path) {
    static_assert(
        requires { sizeof(detail::CheckpointReader<T>); }, "#include <keel/training/checkpoint.hpp> for .resume");
    open_ = [](const std::string& file) -> std::unique_ptr<detail::SavedRun<T>> {
      return std::make_unique<detail::CheckpointReader<T>>(file);
    };
  }
  bool empty() const { return path_.empty(); }
  std::unique_ptr<detail::SavedRun<T>> open() const { return empty() ? nullptr : open_(path_); }

 private:
  std::string path_;
  std::unique_ptr<detail::SavedRun<T>> (*open_)(const std::string&) = nullptr;
};

template <class T = float>
struct FitOptions {
  /// Number of the epoch at which training ends, counted from 0 also where initial_epoch is not 0.
  Index epochs = 1;
  Index batch_size = 32;  ///< samples a batch; 1 or more
  /// Batches whose gradients are averaged before the optimizer makes a step, over an epoch's end too: Keras's
  /// gradient_accumulation_steps. 1 or more.
  Index accumulate = 1;
  OptimizerChoice<T> optimizer = Adam();  ///< a specification, or a pointer to an Optimizer to go on with
  LossSpec loss{};                        ///< of every output
  std::vector<LossSpec> losses{};         ///< or one for each output
  std::vector<double> loss_weights{};     ///< of the outputs in the sum; empty: 1
  std::vector<MetricSpec> metrics{};      ///< of the first output
  Validation<T> validation{};             ///< evaluated after each epoch; by default none
  /// A weight for each class, which weighs its samples in the loss (the sum is still divided by their number, as
  /// in Keras; with Reduction::weighted_mean by their weights). Targets are class numbers, 0 and 1, or one-hot
  /// rows. Of several outputs the first one's targets decide, for the losses of all (Keras refuses).
  std::vector<double> class_weight{};
  /// Compute cross-entropies from what comes before a final softmax or sigmoid, as Keras on TensorFlow does: no
  /// gradient is lost where a probability is 0 or 1. False: from the clipped probabilities, as Keras on JAX and
  /// PyTorch does.
  bool through_logits = true;
  /// The order of samples in epoch e follows from (seed, e), dropout's masks from (seed, the optimizer's
  /// iteration).
  bool shuffle = true;
  std::uint64_t seed = 0;
  bool drop_last = false;                   ///< leave out the samples of an epoch that do not fill a batch
  std::vector<AnyCallback<T>> callbacks{};  ///< called in this order
  /// Where to go on: with the model, the optimizer's state and those of callbacks restored, the same bits as if
  /// training had not stopped. Callbacks begin anew only where both are 0. A step at an epoch's end means that the
  /// epoch is over, on_epoch_end included; the scores of an epoch that is entered later are those of its rest.
  Index initial_epoch = 0, initial_step = 0;
  /// A checkpoint to go on from instead (training/checkpoint.hpp): `.resume = "run.safetensors"`. The model, the data and
  /// all other options are those of the run that wrote it; epochs may be more. The same bits come out as if training had
  /// not stopped: weights, history, and what the callbacks do.
  Resume<T> resume{};
  Index steps_per_epoch = 0;  ///< at most so many; 0: until the data of an epoch end
  /// Throw DataError as soon as a loss is NaN or infinite; the step is not made then.
  bool check_loss = true;
  /// Ctrl-C ends training after the batch: a Checkpoint is written, on_train_end called, and the epochs so far are
  /// returned. A second one ends the program.
  bool stop_on_interrupt = false;
  /// Where the epochs so far are left, also where fit throws; null: nowhere.
  History* history = nullptr;
  Verbose verbose = Verbose::automatic;  ///< what is printed
  std::FILE* output = nullptr;           ///< to print to; null: the standard output
};

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
    for (const LossSpec& loss : losses_)
      from_logits_.push_back(kept_activation(loss) == Activation::linear ? loss : LossSpec(loss.loss().from_logits()));
    for (std::size_t i = 0; i < outputs; ++i) check_ending(model, i);
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

  /// The loss of a batch, with the regularizers' penalty; its gradients in `dy`, where that is not null. `tape` says which
  /// outputs are logits.
  double update(Inputs<T> y, const Batch<T>& batch, const Tensor<T>& weights, double penalty,
                std::vector<Tensor<T>>* dy, const Tape<T>* tape = nullptr) {
    if (dy) dy->resize(losses_.size());
    const auto samples = static_cast<double>(batch.size());
    double total = penalty;
    for (std::size_t i = 0; i < losses_.size(); ++i) {
      const TensorView<const T> target = batch.targets[i];
      const LossSpec& spec = tape && tape->left_out(i) ? from_logits_[i] : losses_[i];
      const double loss =
          dy ? spec.value_and_gradient(y[i], target, (*dy)[i], weights) : spec.value(y[i], target, weights);
      if (dy && weights_[i] != 1) (*dy)[i].array() *= static_cast<T>(weights_[i]);
      total += weights_[i] * loss;
      sums_[i + 1] += loss * samples;
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
    for (MetricState& metric : metrics_) metric.update(said, batch.targets[0]);
    sums_[0] += total * samples;
    samples_ += samples;
    return total;
  }

  /// Means over the samples so far.
  void report(const std::string& prefix, Scores& scores) const {
    scores.set(prefix + "loss", sums_[0] / samples_);
    for (std::size_t i = 0; losses_.size() > 1 && i < losses_.size(); ++i)
      scores.set(prefix + names_[i], sums_[i + 1] / samples_);
    for (const MetricState& metric : metrics_) scores.set(prefix + metric.name(), metric.result());
  }

 private:
  static Activation kept_activation(const LossSpec& loss) { return activation_of(loss.loss().ending()); }
  /// Throws ConfigError where a loss applies once more what the model ends in.
  void check_ending(const Model<T>& model, std::size_t i) const {
    const Activation again = activation_of(losses_[i].loss().applies());
    const int layer = nth(model.nodes(), model.outputs()[i]).layer;
    if (again == Activation::linear || layer < 0) return;
    if (model.layer(layer).acceleration().activation.kind == again)
      throw ConfigError(where_, "logits for " + losses_[i].name() + " with from_logits",
                        "a model that ends in " + std::string(activation_name(again)),
                        "leave out from_logits, or the last activation");
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
  std::vector<MetricState> metrics_;
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

/// Runs the model over all of `data` and collects into `scorer`.
template <class T>
void score(const char* where, const Model<T>& model, const Dataset<T>& data, Index batch_size, Scorer<T>& scorer) {
  if (data.size() == 0) throw DataError(where, "a dataset with samples", "an empty one");
  Batches<T> batches(data, {.batch_size = batch_size, .shuffle = false});
  Batch<T> batch;
  std::vector<Tensor<T>> outputs(model.outputs().size());
  std::vector<TensorView<T>> views(outputs.size());
  std::vector<TensorView<const T>> inputs, results(outputs.size());
  double penalty = 0;
  for (const Parameter<T>* p : model.parameters()) penalty += penalty_of<T>(*p, nullptr);
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
    const Index c = rows ? class_of(who, row(row_of_classes, 0), classes)
                         : class_number(who, static_cast<double>(target[i]), classes);
    weights.array().segment(i * each, each) *= static_cast<T>(nth(class_weight, c));
  }
  return weights;
}

/// One call of `fit`, on any source of batches.
template <class T>
class Trainer {
 public:
  /// `steps`: how many an epoch has, 0 if that is not known.
  Trainer(Model<T>& model, const Generator<T>& next, Index steps, const FitOptions<T>& options)
      : o_(checked(options)),
        model_(model),
        next_(next),
        steps_(fewer(steps, options.steps_per_epoch)),
        training_("fit", model, options),
        validation_("fit, validation", model, options),
        fresh_(options.optimizer.own ? Optimizer<T>(SGD()) : Optimizer<T>(options.optimizer.spec)),
        run_{model, options.optimizer.own ? *options.optimizer.own : fresh_, options.epochs},
        progress_(options.verbose, options.output, options.epochs) {
    run_.options = &options;
    run_.scorer = &training_;
    tape_.seed = options.seed;
    if (options.through_logits) tape_.leave_out = training_.through_logits();
  }

  History run() {
    try {
      train();
    } catch (...) {
      progress_.close();
      if (o_.history) *o_.history = run_.history;
      throw;
    }
    progress_.close();
    if (o_.history) *o_.history = run_.history;
    return std::move(run_.history);
  }

 private:
  static const FitOptions<T>& checked(const FitOptions<T>& o) {
    check_positive("fit", "epochs", static_cast<double>(o.epochs));
    check_positive("fit", "accumulate", static_cast<double>(o.accumulate));
    check_positive("fit", "initial_epoch", static_cast<double>(o.initial_epoch), true);
    check_positive("fit", "initial_step", static_cast<double>(o.initial_step), true);
    check_positive("fit", "steps_per_epoch", static_cast<double>(o.steps_per_epoch), true);
    for (const double weight : o.class_weight) check_positive("fit", "class_weight", weight, true);
    if (!o.resume.empty() && (o.initial_epoch != 0 || o.initial_step != 0))
      throw ConfigError("fit", "resume or initial_epoch", "both", "a checkpoint knows where to go on");
    return o;
  }
  /// The smaller of two numbers, of which 0 is none.
  static Index fewer(Index a, Index b) { return a == 0 ? b : b == 0 ? a : (std::min)(a, b); }

  void call(void (Callback<T>::*hook)(Training<T>&)) {
    for (const AnyCallback<T>& callback : o_.callbacks) ((*callback).*hook)(run_);
  }

  void train() {
    const InterruptWatch watch(o_.stop_on_interrupt);
    const std::unique_ptr<SavedRun<T>> saved = o_.resume.open();
    if (saved) {
      saved->restore(run_);
    } else {
      const bool over = steps_ > 0 && o_.initial_step == steps_;  // the epoch to go on in has no step left
      run_.epoch = o_.initial_epoch + (over ? 1 : 0);
      run_.step = over ? 0 : o_.initial_step;
    }
    const Scores kept = run_.scores;  // of the epoch to go on in
    run_.scores.clear();
    training_.announce("", run_.scores);
    if (o_.validation) validation_.announce("val_", run_.scores);
    call(&Callback<T>::on_train_begin);
    run_.scores = kept;
    if (saved) saved->restore_callbacks(run_);
    while (run_.in_epoch || (run_.epoch < o_.epochs && !run_.stop)) {
      if (!run_.in_epoch && !begin_epoch()) break;
      if (take_steps(watch)) end_epoch();
      if (run_.interrupted) break;  // inside the epoch
      ++run_.epoch;
      run_.step = 0;
      run_.in_epoch = false;
      run_.interrupted = watch.interrupted();
      call(&Callback<T>::on_safe_point);
      if (run_.interrupted) break;
    }
    call(&Callback<T>::on_train_end);
  }

  /// Whether the epoch was not called off.
  bool begin_epoch() {
    run_.scores.clear();
    training_.reset();
    call(&Callback<T>::on_epoch_begin);
    return !run_.stop;
  }

  /// The batches of an epoch, or what is left of them. Whether the epoch is to be ended then.
  bool take_steps(const InterruptWatch& watch) {
    const bool entered = std::exchange(run_.in_epoch, true);
    begin_ = run_.step;
    progress_.begin_epoch(run_.epoch, steps_);
    while (!run_.stop && (steps_ == 0 || run_.step < steps_) && next_(run_.epoch, run_.step, batch_)) {
      step();
      training_.report("", run_.scores);
      call(&Callback<T>::on_batch_end);
      run_.interrupted = watch.interrupted();
      call(&Callback<T>::on_safe_point);
      progress_.step(run_.step - begin_, begin_, [&]() -> const Scores& { return run_.scores; });
      if (run_.interrupted) return false;
    }
    if (run_.step > begin_ || entered) return true;
    if (begin_ > 0 && steps_ == 0) return false;  // a generator's epoch that is over
    throw DataError("fit", "at least one batch an epoch", "none",
                    o_.drop_last ? "drop_last leaves out all samples: lower batch_size" : "");
  }

  void end_epoch() {
    if (o_.validation) {
      validation_.reset();
      score("fit, validation", model_, *o_.validation, o_.batch_size, validation_);
      validation_.report("val_", run_.scores);
    }
    call(&Callback<T>::on_epoch_end);
    run_.history.epochs.push_back(run_.epoch);
    run_.history.scores.push_back(run_.scores);
    progress_.end_epoch(run_.step - begin_, begin_, run_.scores);
  }

  void step() {
    check_batch("fit", model_, batch_);
    if (!o_.class_weight.empty()) weighed_ = weigh_classes(o_.class_weight, batch_);
    const Tensor<T>& weights = o_.class_weight.empty() ? batch_.weights : weighed_;
    training_.check_shapes(model_, batch_, weights);  // before moving statistics change
    inputs_.assign(batch_.inputs.begin(), batch_.inputs.end());
    // a skipped step leaves no trace
    tape_.step = static_cast<std::uint64_t>(run_.optimizer.iteration() * o_.accumulate + run_.gathered);
    double penalty = 0;
    for (const Parameter<T>* p : model_.parameters()) penalty += penalty_of<T>(*p, nullptr);
    const double loss = training_.update(model_.forward(inputs_, tape_), batch_, weights, penalty, &dy_, &tape_);
    if (o_.check_loss && !is_finite(loss))
      throw DataError(
          "fit", "a finite loss",
          text(loss) + " in epoch " + std::to_string(run_.epoch + 1) + ", batch " + std::to_string(run_.step + 1),
          "look for NaN in the data, lower the learning rate or clip the gradients");
    gradients_.assign(dy_.begin(), dy_.end());
    model_.backward(gradients_, tape_, run_.gathered > 0);
    for (Parameter<T>* p : model_.parameters()) penalty_of<T>(*p, &p->gradient);
    if (++run_.gathered == o_.accumulate) update();
    ++run_.step;
  }

  /// The optimizer's step, from the mean of the batches' gradients.
  void update() {
    run_.gathered = 0;
    if (o_.accumulate > 1)
      for (Parameter<T>* parameter : model_.parameters())
        if (parameter->trains()) parameter->gradient.array() /= static_cast<T>(o_.accumulate);
    run_.optimizer.step(model_.parameters(), model_.thread_pool());
  }

  const FitOptions<T>& o_;
  Model<T>& model_;
  const Generator<T>& next_;
  Index steps_, begin_ = 0;  // of an epoch, if known; the step that this call began it at
  Scorer<T> training_, validation_;
  Optimizer<T> fresh_;
  Training<T> run_;
  Progress progress_;
  Tape<T> tape_;
  Batch<T> batch_;
  std::vector<TensorView<const T>> inputs_, gradients_;
  std::vector<Tensor<T>> dy_;
  Tensor<T> weighed_;
};

}  // namespace detail

/// The mean loss and the metrics of a model on a dataset, in inference mode:
/// `double accuracy = evaluate(model, test, {.loss = Loss::mse, .metrics = {Metric::mae}})["mae"];`
/// Throws DataError for an empty dataset or bad labels, ShapeError and ConfigError as losses and metrics do.
template <class T>
Scores evaluate(const Model<T>& model, const Dataset<T>& data, const EvaluateOptions& options) {
  detail::Scorer<T> scorer("evaluate", model, options);
  detail::score("evaluate", model, data, options.batch_size, scorer);
  Scores scores;
  scorer.report("", scores);
  return scores;
}

/// Trains a model on a dataset:
///
///     History history = fit(model, train, {.epochs = 5, .batch_size = 64, .optimizer = Adam({.learning_rate =
///     1e-3}),
///                                          .loss = Loss::sparse_categorical_crossentropy,
///                                          .metrics = {Metric::accuracy}, .validation = &test});
///
/// A step is: forward, loss, backward, optimizer. The loss of an epoch is the mean of its batches' losses,
/// weighted by their samples, each taken before its step, as Keras reports it. The same bits come out for any
/// number of threads. Throws ConfigError for options, ShapeError and DataError for data that do not fit and for a
/// loss that is not finite.
template <class T>
History fit(Model<T>& model, const Dataset<T>& data, std::type_identity_t<FitOptions<T>> options) {
  if (data.size() == 0) throw DataError("fit", "a dataset with samples", "an empty one");
  Batches<T> batches(data, {options.batch_size, options.shuffle, options.drop_last, options.seed});
  const Generator<T> next = [&](Index epoch, Index step, Batch<T>& batch) { return batches(epoch, step, batch); };
  return detail::Trainer<T>(model, next, batches.count(), options).run();
}

/// The same on tensors, as Keras's fit(x, y), which are kept for as long as it runs.
template <class T>
History fit(Model<T>& model, std::type_identity_t<Tensor<T>> x, std::type_identity_t<Tensor<T>> y,
            std::type_identity_t<FitOptions<T>> options) {
  return fit(model, Dataset<T>(std::move(x), std::move(y)), std::move(options));
}
/// Refused: data of another type than the model's, float unless it is a Model<double>.
template <class T, class OtherType>
requires(!std::is_same_v<T, OtherType>) History
    fit(Model<T>&, const Dataset<OtherType>&, std::type_identity_t<FitOptions<T>>)
= delete;
/// Refused: a model that may not change.
template <class T>
History fit(const Model<T>&, const std::type_identity_t<Dataset<T>>&, std::type_identity_t<FitOptions<T>>) = delete;

/// The same on batches from a function: see Generator. batch_size then only serves the validation.
template <class T>
History fit(Model<T>& model, const std::type_identity_t<Generator<T>>& batches,
            std::type_identity_t<FitOptions<T>> options) {
  return detail::Trainer<T>(model, batches, 0, options).run();
}

KEEL_INSTANCE(Scores evaluate(const Model<float>&, const Dataset<float>&, const EvaluateOptions&))
KEEL_INSTANCE(History fit(Model<float>&, const Dataset<float>&, FitOptions<float>))
KEEL_INSTANCE(History fit(Model<float>&, const Generator<float>&, FitOptions<float>))

}  // namespace KEEL_ABI
}  // namespace keel
