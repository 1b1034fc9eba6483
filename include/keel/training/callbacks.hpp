#pragma once
/// What may be done at points of a training run.

#include <cstdio>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <keel/formats/bytes.hpp>
#include <keel/model/model.hpp>
#include <keel/training/history.hpp>
#include <keel/training/memory.hpp>
#include <keel/training/optimizers/optimizers.hpp>

namespace keel {
inline namespace KEEL_ABI {

template <class T>
struct FitOptions;
namespace detail {
template <class T>
class Scorer;
}

/// A training run as callbacks see it.
template <class T = float>
struct Training {
  Model<T>& model;          ///< what is trained
  Optimizer<T>& optimizer;  ///< what trains it
  Index epochs = 0;         ///< at which training ends
  Index epoch = 0;          ///< from 0
  Index step = 0;           ///< batches of this epoch so far
  /// Of this epoch so far; complete, "val_" ones included, in on_epoch_end. In on_train_begin: NaN under each name that
  /// an epoch will end with, to which a callback adds those that it will set.
  Scores scores{};
  History history{};  ///< the epochs before
  bool stop = false;  ///< set it to end training after this batch or epoch, or before one begins
  /// Ctrl-C was pressed, and fit is about to return without finishing the epoch (`FitOptions::stop_on_interrupt`).
  bool interrupted = false;
  /// Whether `epoch` has begun and is not over.
  bool in_epoch = false;
  Index gathered = 0;                      ///< batches whose gradients wait for a step (`FitOptions::accumulate`)
  const FitOptions<T>* options = nullptr;  ///< those of fit
  detail::Scorer<T>* scorer = nullptr;     ///< what `scores` are made of
  Index rank = 0, ranks = 1;               ///< of those that train together; rank 0 writes files

  /// In on_train_begin: whether this run goes on with one that was interrupted (`FitOptions::resume` or initial_epoch).
  bool resumed() const { return epoch > 0 || step > 0; }
};

/// Something to do at points of a training run. Derive from it and give it to `FitOptions::callbacks`, as a copy
/// or, to look at it afterwards, by pointer. A plain function of Training<T>& is called at the end of each epoch.
template <class T = float>
class Callback {
 public:
  virtual ~Callback() = default;
  virtual void on_train_begin(Training<T>&) {}  ///< Before the first epoch.
  virtual void on_epoch_begin(Training<T>&) {}  ///< Before the first batch of an epoch.
  virtual void on_batch_end(Training<T>&) {}    ///< After each batch.
  virtual void on_epoch_end(Training<T>&) {}    ///< After each epoch, its validation included.
  virtual void on_train_end(Training<T>&) {}    ///< After the last epoch, however training ended.
  /// After each batch and each epoch, when all callbacks have done their part: a place that a run can go on from.
  virtual void on_safe_point(Training<T>&) {}
  /// Names what is kept from one call to the next, so that a run that resumes a checkpoint goes on with it. It is read
  /// behind on_train_begin.
  virtual void remember(Memory&) {}
};

/// Functions in place of a class: `LambdaCallback<>{.on_batch_end = [](Training<>& run) { ... }}`.
template <class T = float>
struct LambdaCallback {
  using Hook = std::function<void(Training<T>&)>;                                           ///< called with the run
  Hook on_train_begin{}, on_epoch_begin{}, on_batch_end{}, on_epoch_end{}, on_train_end{};  ///< see Callback
};

/// Holds any of the forms that a callback may have.
template <class T>
class AnyCallback {
 public:
  /// Whether it is made of such a value.
  template <class X>
  static constexpr bool accepts = std::is_base_of_v<Callback<T>, X> || std::is_base_of_v<AnyCallback, X> ||
                                  std::is_convertible_v<X, Callback<T>*> || std::is_base_of_v<LambdaCallback<T>, X> ||
                                  std::is_invocable_v<X&, Training<T>&>;

  /// A class derived from Callback.
  template <class C>
  requires std::is_base_of_v<Callback<T>, C> AnyCallback(C callback)
      : callback_(std::make_shared<C>(std::move(callback))) {}
  /// Stays the caller's; must outlive the training.
  AnyCallback(Callback<T>* callback) : callback_(std::shared_ptr<void>(), callback) {
    if (!callback) throw ConfigError("fit", "callbacks", "a null pointer");
  }
  AnyCallback(LambdaCallback<T> hooks) : callback_(std::make_shared<Hooks>(std::move(hooks))) {}  ///< Functions.
  /// A function that is called at the end of each epoch.
  template <class F>
  requires std::is_invocable_v < F&, Training<T>
  & > AnyCallback(F f) : AnyCallback(LambdaCallback<T>{.on_epoch_end = std::move(f)}) {}
  /// Refused: what is no callback.
  template <class NotACallback>
  requires(!accepts<NotACallback>) AnyCallback(const NotACallback&)
  KEEL_REFUSED("a callback is EarlyStopping(), a function of Training<>&, or of a class derived from Callback")

  Callback<T>& operator*() const { return *callback_; }  ///< What it holds.

 private:
  struct Hooks : Callback<T> {
    explicit Hooks(LambdaCallback<T> hooks) : hooks_(std::move(hooks)) {}
    void on_train_begin(Training<T>& run) override { call(hooks_.on_train_begin, run); }
    void on_epoch_begin(Training<T>& run) override { call(hooks_.on_epoch_begin, run); }
    void on_batch_end(Training<T>& run) override { call(hooks_.on_batch_end, run); }
    void on_epoch_end(Training<T>& run) override { call(hooks_.on_epoch_end, run); }
    void on_train_end(Training<T>& run) override { call(hooks_.on_train_end, run); }
    static void call(const typename LambdaCallback<T>::Hook& hook, Training<T>& run) {
      if (hook) hook(run);
    }
    LambdaCallback<T> hooks_;
  };

  std::shared_ptr<Callback<T>> callback_;
};

/// A copy of a model's values: parameters, buffers and counters.
template <class T>
class WeightsCopy {
 public:
  bool empty() const { return values_.empty() && counters_.empty(); }  ///< Whether nothing was taken.
  /// Copies all values of the model.
  void take(Model<T>& model) {
    values_.clear();
    counters_.clear();
    for (const Parameter<T>* p : model.parameters()) values_.push_back(p->value());
    for (Index i = 0; i < model.layer_count(); ++i)
      for (const Counter* counter : model.layer(i).counters()) counters_.push_back(counter->value);
  }
  /// Writes them back. Throws where the model is another one.
  void put(Model<T>& model) const {
    std::size_t v = 0, c = 0;
    for (Parameter<T>* p : model.parameters()) p->set(values_.at(v++));
    for (Index i = 0; i < model.layer_count(); ++i)
      for (Counter* counter : model.layer(i).counters()) counter->value = counters_.at(c++);
  }
  void remember(Memory& memory) {
    std::vector<Index> counters(counters_.begin(), counters_.end());
    memory("weights", values_);
    memory("counters", counters);
    counters_.assign(counters.begin(), counters.end());
  }

 private:
  std::vector<Tensor<T>> values_;
  std::vector<std::int64_t> counters_;
};

namespace detail {

inline bool higher_is_better(Mode mode, const std::string& monitor) {
  if (mode != Mode::automatic) return mode == Mode::max;
  for (const char* part : {"acc", "precision", "recall"})
    if (monitor.find(part) != std::string::npos) return true;
  return false;
}
/// Throws ConfigError, in on_train_begin, for a score that no epoch will have.
inline void check_monitor(const char* who, const std::string& monitor, const Scores& scores) {
  if (scores.find(monitor)) return;
  throw ConfigError(who, "a score to monitor, one of " + scores.names(), "'" + monitor + "'",
                    monitor.starts_with("val_") && !scores.find("val_loss") ? "set FitOptions::validation" : "");
}

}  // namespace detail

struct EarlyStoppingOptions {
  std::string monitor = "val_loss";   ///< name of the score
  double min_delta = 0;               ///< how much better a value must be to count
  Index patience = 0;                 ///< epochs without a better value after which training ends
  Mode mode = Mode::automatic;        ///< whether lower or higher is better
  std::optional<double> baseline{};   ///< patience is spent, too, as long as values are not better than this
  bool restore_best_weights = false;  ///< the model ends with the weights of its best epoch, stopped early or not
  Index start_from_epoch = 0;         ///< epochs before it do not count
};

/// What an EarlyStopping has seen, all that it needs to go on.
template <class T = float>
struct EarlyStoppingState {
  Index wait = 0;            ///< epochs since the last better one
  Index best_epoch = -1;     ///< from 0; -1: none yet
  double best = 0;           ///< where best_epoch is not -1
  WeightsCopy<T> weights{};  ///< of the best epoch, where they are to be restored
};

/// Ends training when a score stops getting better. Keras's EarlyStopping, but that a run which is resumed goes on
/// with its state.
template <class T = float>
class EarlyStopping : public Callback<T> {
 public:
  explicit EarlyStopping(EarlyStoppingOptions options = {}) : options_(std::move(options)) {
    detail::check_positive("EarlyStopping", "patience", static_cast<double>(options_.patience), true);
    detail::check_positive("EarlyStopping", "min_delta", options_.min_delta, true);
  }
  KEEL_REFUSE_OTHER_OPTIONS(EarlyStopping)

  /// -1 as long as no epoch's value was a number.
  Index best_epoch() const { return state_.best_epoch; }
  /// The best value so far; before the first an infinity, or -infinity where higher is better.
  double best() const { return state_.best_epoch < 0 ? worst() : state_.best; }
  /// -1 where training was not ended here.
  Index stopped_epoch() const { return stopped_epoch_; }
  const EarlyStoppingState<T>& state() const { return state_; }               ///< What it has seen.
  void set_state(EarlyStoppingState<T> state) { state_ = std::move(state); }  ///< Goes on from there.

  void on_train_begin(Training<T>& run) override {
    detail::check_monitor("EarlyStopping", options_.monitor, run.scores);
    stopped_epoch_ = -1;
    if (!run.resumed()) state_ = {};
  }
  void on_epoch_end(Training<T>& run) override {
    const double value = run.scores[options_.monitor];
    if (run.epoch < options_.start_from_epoch) return;
    if (options_.restore_best_weights && state_.weights.empty()) state_.weights.take(run.model);
    ++state_.wait;
    if (better(value, best())) {
      state_.best = value;
      state_.best_epoch = run.epoch;
      if (options_.restore_best_weights) state_.weights.take(run.model);
      if (!options_.baseline || better(value, *options_.baseline)) state_.wait = 0;
      if (state_.wait == 0) return;
    }
    if (state_.wait >= options_.patience && run.epoch > 0) {
      stopped_epoch_ = run.epoch;
      run.stop = true;
    }
  }
  void on_train_end(Training<T>& run) override {
    if (options_.restore_best_weights && !state_.weights.empty()) state_.weights.put(run.model);
  }
  void remember(Memory& memory) override {
    memory("wait", state_.wait);
    memory("best_epoch", state_.best_epoch);
    memory("best", state_.best);
    memory("stopped_epoch", stopped_epoch_);
    state_.weights.remember(memory);
  }

 private:
  bool higher() const { return detail::higher_is_better(options_.mode, options_.monitor); }
  double worst() const { return higher() ? -HUGE_VAL : HUGE_VAL; }
  bool better(double value, double than) const {
    return higher() ? value - options_.min_delta > than : value + options_.min_delta < than;
  }

  EarlyStoppingOptions options_;
  EarlyStoppingState<T> state_;
  Index stopped_epoch_ = -1;
};
EarlyStopping()->EarlyStopping<float>;

struct CheckpointOptions {
  std::string monitor = "val_loss";                 ///< name of the score
  bool save_best_only = true;                       ///< else after every epoch
  Mode mode = Mode::automatic;                      ///< whether lower or higher is better
  std::optional<double> initial_value_threshold{};  ///< the best value so far, of a run before this one
};

/// Saves the model after each epoch that was better than all before:
/// `ModelCheckpoint<>([](Training<>& run) { save_safetensors(run.model, "best.safetensors"); })`. Keras's
/// ModelCheckpoint.
template <class T = float>
class ModelCheckpoint : public Callback<T> {
 public:
  using Saver = std::function<void(Training<T>&)>;  ///< writes the model
  explicit ModelCheckpoint(Saver saver, CheckpointOptions options = {})
      : saver_(std::move(saver)), options_(std::move(options)), best_(options_.initial_value_threshold) {
    if (!saver_) throw ConfigError("ModelCheckpoint", "a function that saves", "none");
  }
  KEEL_REFUSE_OTHER_OPTIONS(ModelCheckpoint)
  void on_train_begin(Training<T>& run) override {
    if (options_.save_best_only) detail::check_monitor("ModelCheckpoint", options_.monitor, run.scores);
  }
  void on_epoch_end(Training<T>& run) override {
    if (options_.save_best_only) {
      const double value = run.scores[options_.monitor];
      const bool higher = detail::higher_is_better(options_.mode, options_.monitor);
      if (best_ ? !(higher ? value > *best_ : value < *best_) : value != value) return;
      best_ = value;
    }
    if (run.rank == 0) saver_(run);
  }
  void remember(Memory& memory) override { memory("best", best_); }
  /// The best value so far, where there was one.
  const std::optional<double>& best() const { return best_; }

 private:
  Saver saver_;
  CheckpointOptions options_;
  std::optional<double> best_;
};

/// Writes a line of scores after each epoch, the first one in an empty file below a header. What is in the file
/// stays with `append`, and where a run is resumed; of a checkpoint, lines that were written after it go. Keras's
/// CSVLogger. Throws FormatError where the file cannot be read or written.
template <class T = float>
class CsvLogger : public Callback<T> {
 public:
  /// A path; with `append` lines are added to what the file holds.
  explicit CsvLogger(std::string file, bool append = false) : file_(std::move(file)), append_(append) {}
  void on_train_begin(Training<T>& run) override {
    writes_ = run.rank == 0;
    columns_.clear();
    if (writes_) write("", append_ || run.resumed() ? "ab" : "wb");
  }
  void on_epoch_end(Training<T>& run) override {
    if (!writes_) return;
    if (columns_.entries().empty()) columns_ = run.scores;
    write(History::csv_line(run.epoch, run.scores, columns_), "ab", History::csv_header(columns_));
  }
  void remember(Memory& memory) override {
    std::vector<std::string> names;
    for (const auto& entry : columns_.entries()) names.push_back(entry.first);
    memory("columns", names);
    memory("size", size_);
    if (!memory.reads() || !writes_) return;
    columns_.clear();
    for (const std::string& name : names) columns_.set(name, 0);
    cut();
  }

 private:
  /// The file as it was when the checkpoint was written.
  void cut() const {
    const auto wanted = static_cast<std::uint64_t>(size_);
    const std::optional<std::uint64_t> size = formats::size_of_file(file_);
    if (!size || *size < wanted)
      throw FormatError("CsvLogger", "the " + std::to_string(size_) + " bytes that the checkpoint's run has written",
                        (size ? std::to_string(*size) : std::string("none")) + " in '" + file_ + "'",
                        "put the file back, or begin a new run");
    if (!formats::cut_file(file_, wanted))
      throw FormatError("CsvLogger", "a file that can be written", "'" + file_ + "'");
  }
  /// `header` goes before the text in an empty file.
  void write(const std::string& text, const char* mode, const std::string& header = {}) {
    std::FILE* file = std::fopen(file_.c_str(), mode);
    const bool empty = file && std::fseek(file, 0, SEEK_END) == 0 && std::ftell(file) == 0;
    const std::string all = empty ? header + text : text;
    bool written = file && std::fwrite(all.data(), 1, all.size(), file) == all.size();
    if (written) size_ = std::ftell(file);
    if (file) written = std::fclose(file) == 0 && written;
    if (!written) throw FormatError("CsvLogger", "a file that can be written", "'" + file_ + "'");
  }

  std::string file_;
  bool append_, writes_ = true;
  Scores columns_;
  Index size_ = 0;  // of the file, in bytes
};

/// Sets the rate of each epoch from a schedule whose steps are epochs: `LearningRateScheduler<>(StepDecay{0.1,
/// 10})`. What PyTorch's schedulers do when stepped once an epoch. Adds "learning_rate" to the scores.
template <class T = float>
class LearningRateScheduler : public Callback<T> {
 public:
  /// A schedule whose steps are epochs, counted from 0.
  explicit LearningRateScheduler(LearningRate schedule) : schedule_(std::move(schedule)) {}
  void on_epoch_begin(Training<T>& run) override { run.optimizer.set_learning_rate(schedule_.at(run.epoch)); }
  void on_epoch_end(Training<T>& run) override { run.scores.set("learning_rate", run.optimizer.learning_rate()); }

 private:
  LearningRate schedule_;
};

/// Lowers the learning rate when a score stops getting better; see ReduceOnPlateau. Adds "learning_rate" to the
/// scores. A run which is resumed goes on with its state.
template <class T = float>
class ReduceLROnPlateau : public Callback<T> {
 public:
  explicit ReduceLROnPlateau(PlateauOptions options = {}, std::string monitor = "val_loss")
      : monitor_(std::move(monitor)), rule_(resolved(options)) {}
  KEEL_REFUSE_OTHER_OPTIONS(ReduceLROnPlateau)
  const PlateauState& state() const { return rule_.state(); }            ///< What it has seen.
  void set_state(const PlateauState& state) { rule_.set_state(state); }  ///< Goes on from there.

  void on_train_begin(Training<T>& run) override {
    detail::check_monitor("ReduceLROnPlateau", monitor_, run.scores);
    if (!run.resumed()) rule_.set_state({});
  }
  void on_epoch_end(Training<T>& run) override {
    const double rate = run.optimizer.learning_rate();
    run.scores.set("learning_rate", rate);
    const double next = rule_(run.scores[monitor_], rate);
    if (next != rate) run.optimizer.set_learning_rate(next);
  }
  void remember(Memory& memory) override {
    PlateauState state = rule_.state();
    memory("best", state.best);
    memory("bad", state.bad);
    memory("cooldown", state.cooldown);
    rule_.set_state(state);
  }

 private:
  PlateauOptions resolved(PlateauOptions options) const {
    options.mode = detail::higher_is_better(options.mode, monitor_) ? Mode::max : Mode::min;
    return options;
  }

  std::string monitor_;
  ReduceOnPlateau rule_;
};

ReduceLROnPlateau()->ReduceLROnPlateau<float>;

KEEL_INSTANCE(class EarlyStopping<float>)
KEEL_INSTANCE(class ModelCheckpoint<float>)
KEEL_INSTANCE(class CsvLogger<float>)
KEEL_INSTANCE(class LearningRateScheduler<float>)
KEEL_INSTANCE(class ReduceLROnPlateau<float>)

}  // namespace KEEL_ABI
}  // namespace keel
