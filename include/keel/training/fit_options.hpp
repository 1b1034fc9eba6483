#pragma once
/// The options of fit and evaluate.

#include <memory>

#include <keel/training/callbacks.hpp>
#include <keel/training/data.hpp>
#include <keel/training/losses/losses.hpp>
#include <keel/training/metrics/metrics.hpp>
#include <keel/training/progress.hpp>
#include <keel/training/together.hpp>

namespace keel {
inline namespace KEEL_ABI {

/// A list of what `Spec::accepts` says, which may be given as its only element: `.metrics = "mae"`, or
/// `.metrics = {"mae", AUC()}`.
template <class Spec>
class OneOrMore : public std::vector<Spec> {
 public:
  OneOrMore() = default;
  /// Several, in braces.
  OneOrMore(std::initializer_list<Spec> list) : std::vector<Spec>(list) {}
  /// Several.
  OneOrMore(std::vector<Spec> list) : std::vector<Spec>(std::move(list)) {}
  /// The only element.
  template <class One>
  requires(!std::is_base_of_v<std::vector<Spec>, One> && Spec::template accepts<One>) OneOrMore(One one) {
    this->push_back(std::move(one));
  }
  /// Refused: what is neither a list nor an element.
  template <class NotOfTheList>
  requires(!std::is_base_of_v<std::vector<Spec>, NotOfTheList> && !Spec::template accepts<NotOfTheList>)
      OneOrMore(const NotOfTheList&)
  KEEL_REFUSED("an element of this list, or several in braces")
};

/// Something of the caller's, or nothing: `.history = history` or `.history = &history`. It must live as long.
template <class Thing>
class Lent {
 public:
  Lent() = default;
  Lent(std::nullptr_t) {}                 ///< Nothing.
  Lent(Thing* thing) : thing_(thing) {}   ///< Null: nothing.
  Lent(Thing& thing) : thing_(&thing) {}  ///< The caller's.
  /// Refused: what is another thing, or a temporary.
  template <class NotSuchAVariable>
  requires(!std::is_convertible_v<NotSuchAVariable, Thing*> && !std::is_base_of_v<Lent, NotSuchAVariable>)
      Lent(const NotSuchAVariable&)
  KEEL_REFUSED("a variable of the type in Lent, or its address")

  explicit operator bool() const { return thing_ != nullptr; }  ///< Whether there is one.
  Thing& operator*() const { return *thing_; }                  ///< The thing.

 private:
  Thing* thing_ = nullptr;
};

struct EvaluateOptions {
  LossSpec loss{};                     ///< of every output
  std::vector<LossSpec> losses{};      ///< or one for each output
  std::vector<double> loss_weights{};  ///< of the outputs in the sum; empty: 1
  OneOrMore<MetricSpec> metrics{};     ///< of the first output
  Index batch_size = 32;               ///< samples at a time; 1 or more
};

/// A new optimizer from its specification, or the caller's own, which goes on from its state and keeps the new
/// one.
template <class T>
struct OptimizerChoice {
  OptimizerChoice(OptimizerSpec s) : spec(std::move(s)) {}  ///< A new optimizer.
  /// A new one with its defaults, by Keras's name: "adam", "adamw", "sgd", "rmsprop", "adagrad". Throws ConfigError for
  /// another.
  template <NameText Text>
  OptimizerChoice(const Text& name) : spec(optimizer_named(name)) {}
  /// The caller's, which must outlive the training.
  OptimizerChoice(Optimizer<T>* o) : own(o) {
    if (!o) throw ConfigError("fit", "an optimizer", "a null pointer");
  }
  OptimizerChoice(Optimizer<T>& o) : own(&o) {}  ///< The same.
  /// Refused: what is no optimizer.
  template <class NotAnOptimizer>
  requires(!NameText<NotAnOptimizer> && !std::is_convertible_v<NotAnOptimizer, Optimizer<T>*> &&
           !std::is_base_of_v<OptimizerSpec, NotAnOptimizer> && !std::is_base_of_v<OptimizerChoice, NotAnOptimizer>)
      OptimizerChoice(const NotAnOptimizer&)
  KEEL_REFUSED("an optimizer is Adam(), \"adam\" or the address of an Optimizer")
  OptimizerSpec spec{};         ///< of a new optimizer
  Optimizer<T>* own = nullptr;  ///< the caller's, or null
};

/// The data that are evaluated after each epoch: `.validation = test`, which must outlive the training, or `&test`; a
/// dataset that nobody else holds is kept.
template <class T>
class Validation {
 public:
  Validation() = default;
  Validation(std::nullptr_t) {}                         ///< None.
  Validation(const Dataset<T>* data) : data_(data) {}   ///< Must outlive the training; null: none.
  Validation(const Dataset<T>& data) : data_(&data) {}  ///< Must outlive the training.
  /// Is kept.
  Validation(Dataset<T>&& data) : kept_(std::make_shared<const Dataset<T>>(std::move(data))), data_(kept_.get()) {}
  /// What becomes a dataset, such as a Shard; it is kept.
  template <class Part>
  requires(!std::is_same_v<Part, Dataset<T>> && std::is_convertible_v<const Part&, Dataset<T>>)
      Validation(const Part& part)
      : Validation(static_cast<Dataset<T>>(part)) {}
  /// Refused: what is no dataset.
  template <class NotADataset>
  requires(!std::is_convertible_v<const NotADataset&, Dataset<T>> &&
           !std::is_convertible_v<NotADataset, const Dataset<T>*> && !std::is_base_of_v<Validation, NotADataset>)
      Validation(const NotADataset&)
  KEEL_REFUSED("validation data are a Dataset: auto [train, test] = data.split(0.8)")

  explicit operator bool() const { return data_ != nullptr; }  ///< Whether there is one.
  const Dataset<T>& operator*() const { return *data_; }       ///< The dataset.

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
  /// The path; needs <keel/training/checkpoint.hpp>.
  template <class Path>
  requires std::is_convertible_v<const Path&, std::string> Resume(const Path& path) : path_(path) {
    static_assert(
        requires { sizeof(detail::CheckpointReader<T>); }, "#include <keel/training/checkpoint.hpp> for .resume");
    open_ = [](const std::string& file) -> std::unique_ptr<detail::SavedRun<T>> {
      return std::make_unique<detail::CheckpointReader<T>>(file);
    };
  }
  /// Refused: what is no path.
  template <class NotAPath>
  requires(!std::is_convertible_v<const NotAPath&, std::string> && !std::is_base_of_v<Resume, NotAPath>)
      Resume(const NotAPath&)
  KEEL_REFUSED("the path of a checkpoint: \"run.safetensors\"")
  bool empty() const { return path_.empty(); }  ///< Whether the run begins at the start.
  /// What the file holds, for `fit`; null where the run begins at the start.
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
  OneOrMore<MetricSpec> metrics{};        ///< of the first output
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
  std::uint64_t seed = 0;                 ///< of the order and of dropout; default 0
  bool drop_last = false;                 ///< leave out the samples of an epoch that do not fill a batch
  OneOrMore<AnyCallback<T>> callbacks{};  ///< called in this order
  /// Where to go on: with the model, the optimizer's state and those of callbacks restored, the same bits as if
  /// training had not stopped. Callbacks begin anew only where both are 0. A step at an epoch's end means that the
  /// epoch is over, on_epoch_end included; the scores of an epoch that is entered later are those of its rest.
  Index initial_epoch = 0, initial_step = 0;  ///< see above; default 0
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
  /// Where the epochs so far are left, also where fit throws; by default nowhere.
  Lent<History> history{};
  /// The ranks that train together (docs/distributed.md): `.communicator = &mpi` beside `mpi.shard(train)`, or beside
  /// data of this rank alone. Each takes batch_size samples of a step; gradients, losses and metrics are those of all
  /// together. Every rank has the same model, options and callbacks; rank 0 prints, and writes files. Validation data
  /// are this rank's own too, `mpi.shard(test)` its part.
  Ranks<T> communicator{};
  Verbose verbose = Verbose::automatic;  ///< what is printed
  std::FILE* output = nullptr;           ///< to print to; null: the standard output
};

}  // namespace KEEL_ABI
}  // namespace keel
