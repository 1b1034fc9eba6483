#pragma once
/// fit and evaluate.

#include <keel/training/interrupt.hpp>
#include <keel/training/scorer.hpp>

namespace keel {
inline namespace KEEL_ABI {

namespace detail {

/// One call of `fit`, on any source of batches.
template <class T>
class Trainer {
 public:
  /// `steps`: how many an epoch has, 0 if that is not known. `data`: what several ranks' data must have in common.
  Trainer(Model<T>& model, const Generator<T>& next, Index steps, const FitOptions<T>& options,
          const std::string& data = "")
      : o_(checked(options)),
        together_(options.communicator.make()),
        model_(model),
        next_(next),
        steps_(fewer(steps, options.steps_per_epoch)),
        training_("fit", model, options),
        validation_("fit, validation", model, options),
        fresh_(options.optimizer.own ? Optimizer<T>(SGD()) : Optimizer<T>(options.optimizer.spec)),
        run_{model, options.optimizer.own ? *options.optimizer.own : fresh_, options.epochs},
        progress_(together_ && together_->rank() > 0 ? Verbose::silent : options.verbose, options.output,
                  options.epochs),
        data_(data),
        counted_(steps > 0) {
    run_.options = &options;
    run_.scorer = &training_;
    if (together_) {
      run_.rank = together_->rank();
      run_.ranks = together_->size();
    }
    tape_.seed = options.seed;
    if (options.through_logits) tape_.leave_out = training_.through_logits();
  }

  History run() {
    try {
      train();
    } catch (const std::exception& error) {
      leave(error.what());
      throw;
    } catch (...) {
      leave("an exception");
      throw;
    }
    progress_.close();
    if (o_.history) *o_.history = run_.history;
    return std::move(run_.history);
  }

 private:
  /// Training ends with an exception.
  void leave(const char* why) {
    if (together_) together_->fail(why);
    progress_.close();
    if (o_.history) *o_.history = run_.history;
  }
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

  /// Throws ConfigError for a model in which no step changes anything.
  void check_trains() const {
    const auto changes = [](const Layer<T>& layer) {
      const bool moves = layer.frozen() == Freeze::none || layer.frozen() == Freeze::gradients;  // moving statistics
      for (const Parameter<T>* p : layer.parameters())
        if (p->trains() || (p->kind() == ParameterKind::buffer && moves)) return true;
      return false;
    };
    bool parameters = false;
    for (Index i = 0; i < model_.layer_count(); ++i) {
      if (changes(model_.layer(i))) return;
      parameters = parameters || !model_.layer(i).parameters().empty();
    }
    throw ConfigError("fit", "a model with something to train",
                      parameters ? "one whose layers are all frozen" : "one without parameters",
                      parameters ? "freeze(Freeze::none) some of them" : "");
  }

  void train() {
    check_trains();
    const InterruptWatch watch(o_.stop_on_interrupt);
    if (together_) together_->check(run_, data_, steps_);
    std::unique_ptr<SavedRun<T>> saved;
    if (run_.rank == 0) saved = o_.resume.open();
    if (saved) {
      saved->restore(run_);
    } else {
      const bool over = steps_ > 0 && o_.initial_step == steps_;  // the epoch to go on in has no step left
      run_.epoch = o_.initial_epoch + (over ? 1 : 0);
      run_.step = over ? 0 : o_.initial_step;
    }
    if (together_) together_->share(run_);
    const Scores kept = run_.scores;  // of the epoch to go on in
    run_.scores.clear();
    training_.announce("", run_.scores);
    if (o_.validation) validation_.announce("val_", run_.scores);
    call(&Callback<T>::on_train_begin);
    run_.scores = kept;
    if (saved) saved->restore_callbacks(run_);
    if (together_) together_->share_callbacks(run_, saved != nullptr);
    while (run_.in_epoch || (run_.epoch < o_.epochs && !run_.stop)) {
      if (!run_.in_epoch && !begin_epoch()) break;
      if (take_steps(watch)) end_epoch();
      if (run_.interrupted) break;  // inside the epoch
      ++run_.epoch;
      run_.step = 0;
      run_.in_epoch = false;
      run_.interrupted = watch.interrupted();
      agree();
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
    agree();
    return !run_.stop;
  }

  /// What a callback or Ctrl-C has said on one rank, all do.
  void agree() {
    if (together_) together_->agree(run_);
  }
  /// Whether there is a batch, on this rank or on another.
  bool take_batch() {
    has_samples_ = next_(run_.epoch, run_.step, batch_) && (!together_ || batch_.size() > 0);
    return together_ ? counted_ || together_->any(has_samples_) : has_samples_;
  }

  /// The batches of an epoch, or what is left of them. Whether the epoch is to be ended then.
  bool take_steps(const InterruptWatch& watch) {
    const bool entered = std::exchange(run_.in_epoch, true);
    begin_ = run_.step;
    progress_.begin_epoch(run_.epoch, steps_);
    while (!run_.stop && (steps_ == 0 || run_.step < steps_) && take_batch()) {
      step();
      training_.report("", run_.scores);
      call(&Callback<T>::on_batch_end);
      run_.interrupted = watch.interrupted();
      agree();
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
      score("fit, validation", model_, *o_.validation, o_.batch_size, validation_, together_.get());
      validation_.report("val_", run_.scores);
    }
    call(&Callback<T>::on_epoch_end);
    run_.history.epochs.push_back(run_.epoch);
    run_.history.scores.push_back(run_.scores);
    progress_.end_epoch(run_.step - begin_, begin_, run_.scores);
  }

  void step() {
    if (together_) together_->begin_step(model_, batch_, has_samples_, tape_);
    check_batch("fit", model_, batch_);
    if (has_samples_ && !o_.class_weight.empty()) weighed_ = weigh_classes(o_.class_weight, batch_);
    const Tensor<T>& weights = o_.class_weight.empty() ? batch_.weights : weighed_;
    if (has_samples_) training_.check_shapes(model_, batch_, weights);  // before moving statistics change
    inputs_.assign(batch_.inputs.begin(), batch_.inputs.end());
    // a skipped step leaves no trace
    tape_.step = static_cast<std::uint64_t>(run_.optimizer.iteration() * o_.accumulate + run_.gathered);
    const double penalty = penalty_of<T>(model_.parameters());
    const std::span<const TensorView<const T>> y = model_.forward(inputs_, tape_);
    const double loss = together_ ? training_.update(y, batch_, weights, penalty, dy_, tape_, *together_)
                                  : training_.update(y, batch_, weights, penalty, &dy_, &tape_);
    if (o_.check_loss && !is_finite(loss))
      throw DataError(
          "fit", "a finite loss",
          text(loss) + " in epoch " + std::to_string(run_.epoch + 1) + ", batch " + std::to_string(run_.step + 1),
          "look for NaN in the data, lower the learning rate or clip the gradients");
    gradients_.assign(dy_.begin(), dy_.end());
    model_.backward(gradients_, tape_, run_.gathered > 0);
    if (together_) together_->end_backward(model_);
    for (Parameter<T>* p : model_.parameters()) penalty_of<T>(*p, &p->gradient);
    if (++run_.gathered == o_.accumulate)
      update();
    else if (together_)
      together_->keep_gathering(model_);
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
  std::unique_ptr<Together<T>> together_;  // null for a rank that is alone
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
  std::string data_;
  bool counted_, has_samples_ = true;  // whether the steps of an epoch are known; this rank's batch
};

/// `fit` on a dataset, or on a rank's part of each of its batches.
template <class T>
History fit_part(Model<T>& model, const Dataset<T>& data, const FitOptions<T>& options, Index rank, Index ranks) {
  if (data.size() == 0) throw DataError("fit", "a dataset with samples", "an empty one");
  Batches<T> batches(data, {.batch_size = options.batch_size,
                            .shuffle = options.shuffle,
                            .drop_last = options.drop_last,
                            .seed = options.seed,
                            .rank = rank,
                            .ranks = ranks});
  const Generator<T> next = [&](Index epoch, Index step, Batch<T>& batch) { return batches(epoch, step, batch); };
  std::string shapes;  // what several ranks must have in common
  if (options.communicator.get()) {
    shapes = ranks > 1 ? std::to_string(data.size()) + " samples of all ranks" : "samples of each rank's own";
    for (const Tensor<T>& input : data.inputs()) shapes += ", input " + input.shape().sample().to_string();
    for (const Tensor<T>& target : data.targets()) shapes += ", target " + target.shape().sample().to_string();
  }
  return Trainer<T>(model, next, batches.count(), options, shapes).run();
}

KEEL_INSTANCE(History fit_part(Model<float>&, const Dataset<float>&, const FitOptions<float>&, Index, Index))

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
  return detail::fit_part(model, data, options, 0, 1);
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
/// Refused: options that there are not, or of another type.
template <class T, class Why = MisspeltOptionOrWrongTypeOrArgument>
History fit(Model<T>&, const Dataset<T>&, ...) = delete;
template <class T, class Why = MisspeltOptionOrWrongTypeOrArgument>
Scores evaluate(const Model<T>&, const Dataset<T>&, ...) = delete;
template <class T, class Why = MisspeltOptionOrWrongTypeOrArgument>
History fit(Model<T>&, const Tensor<T>&, const Tensor<T>&, ...) = delete;
/// Refused: inputs without targets; an autoencoder's are the inputs once more.
struct TargetsAreMissing;
template <class T, class Why = TargetsAreMissing>
History fit(Model<T>&, const Tensor<T>&, std::type_identity_t<FitOptions<T>>) = delete;
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
