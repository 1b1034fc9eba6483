#pragma once
/// Checkpoint: a training run in a file, and how fit goes on from it.

#include <chrono>
#include <map>

#include <keel/formats/safetensors.hpp>
#include <keel/training/fit.hpp>

namespace keel {
inline namespace KEEL_ABI {
namespace detail {

/// A Memory in the tensors of a file. Numbers are tensors without axes, texts are of bytes.
class FileMemory : public Memory {
 public:
  /// To be written.
  FileMemory() = default;
  /// To be read.
  explicit FileMemory(Archive archive) : reads_(true), archive_(std::move(archive)) {
    for (std::size_t i = 0; i < archive_.tensors.size(); ++i) places_.emplace(archive_.tensors[i].name, i);
  }
  using Memory::operator();
  bool reads() const override { return reads_; }
  void operator()(const std::string& name, double& value) override { number(name, value); }
  void operator()(const std::string& name, Index& value) override {
    std::int64_t integer = value;
    number(name, integer);
    value = static_cast<Index>(integer);
  }
  void operator()(const std::string& name, std::string& value) override {
    if (reads_) {
      const NamedArray& array = take(name, DType::u8);
      const std::string_view text = formats::text_of(array.bytes);
      value.assign(text.begin(), text.end());
    } else {
      const ByteSpan bytes = formats::bytes_of(value);
      archive_.tensors.push_back({name, DType::u8, Shape{count_of(bytes)}, Bytes(bytes.begin(), bytes.end())});
    }
  }
  void operator()(const std::string& name, std::vector<double>& value) override {
    Tensor<double> tensor({count_of(value)});
    std::copy(value.begin(), value.end(), tensor.begin());
    (*this)(name, tensor);
    value.assign(tensor.begin(), tensor.end());
  }
  void operator()(const std::string& name, Tensor<float>& value) override { tensor(name, value); }
  void operator()(const std::string& name, Tensor<double>& value) override { tensor(name, value); }

  Archive& archive() { return archive_; }
  /// Whether the file has a value of that name.
  bool has(const std::string& name) const { return places_.count(name) != 0; }
  /// Throws FormatError for what the file has and nothing has asked for.
  void finish() const {
    for (const auto& place : places_)
      if (taken_.count(place.first) == 0)
        throw FormatError(archive_.where, "the values that this run keeps", formats::shown(place.first) + " too",
                          "give fit the callbacks and metrics of the run that wrote the checkpoint, in that order");
  }

 private:
  template <class V>
  void number(const std::string& name, V& value) {
    Tensor<V> one(Shape{}, value);
    tensor(name, one);
    if (one.size() != 1) throw FormatError(archive_.where + ": " + name, "one number", one.shape().to_string());
    value = one[0];
  }
  template <class V>
  void tensor(const std::string& name, Tensor<V>& value) {
    if (reads_)
      value = to_tensor<V>(take(name, formats::dtype_of<V>()), archive_.where);
    else
      archive_.tensors.push_back(to_array(name, value));
  }
  const NamedArray& take(const std::string& name, DType type) {
    const auto place = places_.find(name);
    if (place == places_.end())
      throw FormatError(archive_.where, "a value " + formats::shown(name), "none of that name",
                        "give fit the callbacks and metrics of the run that wrote the checkpoint, in that order");
    const NamedArray& array = archive_.tensors[place->second];
    if (array.dtype != type)
      throw FormatError(archive_.where + ": " + formats::shown(name), name_of(type), name_of(array.dtype));
    taken_.emplace(name, place->second);
    return array;
  }

  bool reads_ = false;
  Archive archive_{};
  std::map<std::string, std::size_t> places_, taken_;
};

/// What a changed byte changes.
inline std::string checksum(const Archive& archive) {
  std::uint64_t sum = 0xcbf29ce484222325u;  // FNV-1a, of eight bytes at a time
  const auto add = [&](ByteSpan bytes) {
    for (std::size_t i = 0; i < bytes.size(); i += 8) {
      sum ^= formats::load_little(bytes.data() + i, (std::min)(bytes.size() - i, std::size_t{8}));
      sum *= 0x100000001b3u;
      sum ^= sum >> 29;
    }
  };
  std::map<std::string_view, const NamedArray*> sorted;
  for (const NamedArray& array : archive.tensors) sorted.emplace(array.name, &array);
  for (const auto& [name, array] : sorted) {
    add(formats::bytes_of(name));
    add(formats::bytes_of(name_of(array->dtype) + array->shape.to_string()));
    add(array->bytes);
  }
  return std::to_string(sum);
}

inline std::string described(const Config::Value& value) {
  return std::visit(
      [](const auto& v) {
        using V = std::decay_t<decltype(v)>;
        if constexpr (std::is_same_v<V, std::string>)
          return v;
        else if constexpr (std::is_same_v<V, double>)
          return text(v, 17);
        else if constexpr (std::is_arithmetic_v<V>)
          return std::to_string(v);
        else
          return join(v, " ", [](const auto& each) { return text(static_cast<double>(each), 17); });
      },
      value);
}

/// Samples that a step of a run takes, on all its ranks.
template <class T>
Index joined_batch(const Training<T>& run) {
  return run.options->batch_size * run.ranks;
}

/// What a run must have in common with the one that wrote a checkpoint, a line each. `batch`: see joined_batch.
template <class T>
std::vector<std::string> identity(const Training<T>& run, Index batch) {
  std::vector<std::string> lines;
  const Model<T>& model = run.model;
  for (const auto& node : model.nodes()) {
    std::string line = "node " + node.name + " of shape " + node.shape.to_string();
    if (node.layer >= 0) {
      const Layer<T>& layer = model.layer(node.layer);
      line += ", " + layer.type();
      const Config config = layer.config();
      for (const auto& [key, value] : config.entries())
        if (key.find("initializer") == key.npos) line += ", " + key + " " + described(value);
      line += ", on " + join(node.inputs, " ", [](int input) { return std::to_string(input); });
      for (const Parameter<T>* p : layer.parameters()) line += ", " + p->name() + " " + p->shape().to_string();
    }
    lines.push_back(std::move(line));
  }
  const Optimizer<T>& optimizer = run.optimizer;
  lines.push_back("optimizer " + optimizer.spec().name + (optimizer.spec().torch_formula ? " (PyTorch)" : "") +
                  ", slots " + join(optimizer.slot_names(), " ", [](const std::string& name) { return name; }));
  const FitOptions<T>& o = *run.options;
  lines.push_back("losses " + join(run.scorer->loss_names(), " ", [](const std::string& name) { return name; }));
  lines.push_back("metrics " + join(run.scorer->metric_names(), " ", [](const std::string& name) { return name; }));
  lines.push_back("callbacks " + std::to_string(o.callbacks.size()));
  lines.push_back("seed " + std::to_string(o.seed));
  lines.push_back("accumulate " + std::to_string(o.accumulate));
  if (run.in_epoch)
    lines.push_back("batch_size " + std::to_string(batch) + ", shuffle " + std::to_string(o.shuffle) + ", drop_last " +
                    std::to_string(o.drop_last));
  return lines;
}

/// Throws FormatError for another name.
inline Freeze freeze_of(const std::string& name) {
  for (const Freeze freeze : {Freeze::none, Freeze::gradients, Freeze::statistics, Freeze::layer})
    if (name == freeze_name(freeze)) return freeze;
  throw FormatError("checkpoint", "frozen as none, gradients, statistics or layer", formats::shown(name));
}

/// Names of one epoch's scores and their values.
inline void remember_scores(Memory& memory, const std::string& name, Scores& scores) {
  std::vector<std::string> names;
  std::vector<double> values;
  for (const auto& [key, value] : scores.entries()) {
    names.push_back(key);
    values.push_back(value);
  }
  memory(name + "/names", names);
  memory(name, values);
  scores.clear();
  for (std::size_t i = 0; i < names.size() && i < values.size(); ++i) scores.set(names[i], values[i]);
}

/// Position, model, optimizer, scores and history, both ways.
template <class T>
void remember_run(Memory& memory, Training<T>& run) {
  memory("epoch", run.epoch);
  memory("step", run.step);
  memory("in_epoch", run.in_epoch);
  memory("stop", run.stop);
  memory("gathered", run.gathered);
  for (Index i = 0; i < run.model.layer_count(); ++i) {
    Layer<T>& layer = run.model.layer(i);
    std::string frozen = freeze_name(layer.frozen());
    memory("layers/" + std::to_string(i) + "/frozen", frozen);
    if (memory.reads()) layer.freeze(freeze_of(frozen));
    for (Counter* counter : layer.counters()) {
      Index value = counter->value;
      memory("layers/" + std::to_string(i) + "/" + counter->name, value);
      counter->value = value;
    }
  }
  Index number = 0;
  for (Parameter<T>* p : run.model.parameters()) {
    const std::string name = "parameters/" + std::to_string(number++);
    Tensor<T> value = memory.reads() ? Tensor<T>() : p->value();
    memory(name, value);
    if (memory.reads()) p->set(std::move(value));
    if (run.gathered > 0 && p->trains()) memory(name + "/gradient", p->gradient);
  }
  OptimizerState<T> state = run.optimizer.state();
  memory("optimizer/iteration", state.iteration);
  memory("optimizer/learning_rate", state.learning_rate);
  memory("optimizer/steps", state.steps);
  Index slots = count_of(state.slots);
  memory("optimizer/slots", slots);
  state.slots.resize(to_size(slots));
  for (std::size_t i = 0; i < state.slots.size(); ++i) memory("optimizer/" + std::to_string(i), state.slots[i]);
  if (memory.reads()) run.optimizer.set_state(std::move(state));
  Prefixed scores(memory, "scores/");
  run.scorer->remember(scores);
  remember_scores(memory, "epoch_scores", run.scores);
  std::vector<Index>& epochs = run.history.epochs;
  memory("history/epochs", epochs);
  run.history.scores.resize(epochs.size());
  for (std::size_t i = 0; i < epochs.size(); ++i)
    remember_scores(memory, "history/" + std::to_string(i), run.history.scores[i]);
}

/// What each callback keeps, both ways.
template <class T>
void remember_callbacks(Memory& memory, Training<T>& run) {
  for (std::size_t i = 0; i < run.options->callbacks.size(); ++i) {
    Prefixed own(memory, "callbacks/" + std::to_string(i) + "/");
    (*run.options->callbacks[i]).remember(own);
  }
}

template <class T>
class CheckpointReader : public SavedRun<T> {
 public:
  explicit CheckpointReader(const std::string& path) : memory_(read(path)) {}

  /// Nothing has changed where the checkpoint is of another run.
  void restore(Training<T>& run) override {
    Training<T> position{run.model, run.optimizer};
    position.options = run.options;
    position.scorer = run.scorer;
    memory_("in_epoch", position.in_epoch);
    Index ranks = run.ranks, batch = joined_batch(run);
    if (memory_.has("ranks")) {
      memory_("ranks", ranks);
      memory_("joined_batch", batch);
    }
    // of another number of ranks steps may be of another size: the first one repeats samples of the last one then
    const bool moves = ranks != run.ranks && batch != joined_batch(run);
    check_identity(identity(position, moves ? batch : joined_batch(run)));
    remember_run(memory_, run);
    if (moves) run.step = run.step * batch / joined_batch(run);
  }
  void restore_callbacks(Training<T>& run) override {
    remember_callbacks(memory_, run);
    memory_.finish();
  }

 private:
  static Archive read(const std::string& path) {
    if (!formats::size_of_file(path))
      throw FormatError(path, "a checkpoint to resume", "no such file",
                        "pass .resume = if_exists(path) where there may be none yet");
    Archive archive = read_safetensors(path);
    const auto kind = archive.metadata.find("keel_checkpoint");
    if (kind == archive.metadata.end())
      throw FormatError(path, "a checkpoint of a training run", "safetensors of something else",
                        "load_weights() takes the weights of other files");
    if (kind->second != "1") throw FormatError(path, "a checkpoint of version 1", formats::shown(kind->second));
    const auto sum = archive.metadata.find("checksum");
    if (sum == archive.metadata.end() || sum->second != checksum(archive))
      throw FormatError(path, "the bytes that Checkpoint wrote", "others", "the file is damaged; take an older one");
    return archive;
  }
  void check_identity(const std::vector<std::string>& mine) {
    std::vector<std::string> theirs;
    memory_("identity", theirs);
    const auto fail = [&](const std::string& expected, const std::string& got) {
      throw FormatError(memory_.archive().where, "a checkpoint of this run, of " + expected, got,
                        "build model and options as in the run that wrote it, or begin anew without .resume");
    };
    for (std::size_t i = 0; i < mine.size(); ++i) {
      if (i >= theirs.size()) fail(mine[i], "nothing of the kind");
      if (theirs[i] != mine[i]) fail(mine[i], theirs[i]);
    }
    if (theirs.size() > mine.size()) fail("no more than that", theirs[mine.size()]);
  }

  FileMemory memory_;
};

}  // namespace detail

/// Writes a run as it is at a safe point (`Callback::on_safe_point`) for `FitOptions::resume`; the file is the old one
/// or the new one, whole, whatever happens. Throws FormatError where it cannot be written.
template <class T>
void save_checkpoint(Training<T>& run, const std::string& path) {
  detail::FileMemory memory;
  Index ranks = run.ranks, batch = detail::joined_batch(run);
  std::vector<std::string> identity = detail::identity(run, batch);
  memory("identity", identity);
  memory("ranks", ranks);
  memory("joined_batch", batch);
  detail::remember_run(memory, run);
  detail::remember_callbacks(memory, run);
  Archive& archive = memory.archive();
  archive.metadata = {{"keel_checkpoint", "1"}, {"checksum", detail::checksum(archive)}};
  write_safetensors(path, archive);
}

/// The path, or nothing where there is no such file: `.resume = if_exists("run.safetensors")` begins a run or goes on
/// with it, so that a program that was killed is simply started again.
inline std::string if_exists(const std::string& path) { return formats::size_of_file(path) ? path : std::string(); }

/// When a Checkpoint is written, besides at the end and when Ctrl-C is pressed (`FitOptions::stop_on_interrupt`).
struct CheckpointTimes {
  Index epochs = 1;    ///< after every so many epochs; 0: not
  Index batches = 0;   ///< after every so many batches of an epoch; 0: not
  double seconds = 0;  ///< after the batch at which so many have passed; 0: not
};

/// Keeps a run in a file from which `fit` goes on to the same bits as a run that never stopped: weights, buffers and
/// counters, the optimizer's slots and steps, what callbacks and metrics keep, epoch and batch, history.
///
///     fit(model, train, {.epochs = 20, .loss = Loss::mse, .callbacks = {Checkpoint("run.safetensors")},
///                        .resume = if_exists("run.safetensors")});
///
/// Schedules follow from the optimizer's step, the order of samples, augmentation and dropout from seed, epoch and
/// step. A callback or metric of one's own that keeps something says so in `remember`. What a Generator keeps is its
/// own affair. Throws ConfigError for times below 0, FormatError where the file cannot be written.
template <class T = float>
class Checkpoint : public Callback<T> {
 public:
  /// The path of the file, and when it is written.
  explicit Checkpoint(std::string path, CheckpointTimes times = {}) : path_(std::move(path)), times_(times) {
    if (path_.empty()) throw ConfigError("Checkpoint", "the path of a file", "none");
    detail::check_positive("Checkpoint", "epochs", static_cast<double>(times.epochs), true);
    detail::check_positive("Checkpoint", "batches", static_cast<double>(times.batches), true);
    detail::check_positive("Checkpoint", "seconds", times.seconds, true);
  }
  KEEL_REFUSE_OTHER_OPTIONS(Checkpoint)

  void on_train_begin(Training<T>&) override { written_ = Clock::now(); }
  void on_safe_point(Training<T>& run) override {
    if (run.rank != 0 || !is_due(run)) return;
    save_checkpoint(run, path_);
    written_ = Clock::now();
  }

 private:
  using Clock = std::chrono::steady_clock;

  bool is_due(const Training<T>& run) const {
    if (run.interrupted || (!run.in_epoch && (run.stop || run.epoch >= run.epochs))) return true;
    if (times_.seconds > 0 && std::chrono::duration<double>(Clock::now() - written_).count() >= times_.seconds)
      return true;
    if (run.in_epoch) return times_.batches > 0 && run.step % times_.batches == 0;
    return times_.epochs > 0 && run.epoch % times_.epochs == 0;
  }

  std::string path_;
  CheckpointTimes times_;
  Clock::time_point written_{};
};

Checkpoint(std::string)->Checkpoint<float>;
Checkpoint(std::string, CheckpointTimes)->Checkpoint<float>;

KEEL_INSTANCE(class Checkpoint<float>)

}  // namespace KEEL_ABI
}  // namespace keel
