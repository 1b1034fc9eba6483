#pragma once
/// Training, evaluation and prediction on several ranks.

#include <algorithm>
#include <chrono>
#include <cstring>
#include <deque>
#include <utility>

#include <keel/distributed/stream_memory.hpp>
#include <keel/training/checkpoint.hpp>
#include <keel/training/shard.hpp>
#include <keel/version.hpp>

namespace keel {
inline namespace KEEL_ABI {
namespace detail {

/// What the loss of a batch was divided by: positions that count, or their weights; 0 where it is a sum.
template <class T>
double loss_divisor(const Loss& loss, const Shape& y, const TensorView<const T>& target, const Tensor<T>& weights) {
  if (loss.reduction() == Reduction::sum || loss.reduction() == Reduction::element_sum) return 0;
  const Index columns = y.rank() == 1 ? 1 : y.back(), positions = y.size() / columns;
  const Index labels = loss.sparse() ? 1 : columns, each = weights.empty() ? 0 : positions / weights.size();
  double divisor = 0;
  Rows targets;
  for (Index first = 0; first < positions; first += targets.rows()) {
    take_rows(target.data() + first * labels, (std::min)(rows_at_once(columns), positions - first), labels, targets);
    for (Index i = 0; i < targets.rows(); ++i) {
      const Row t = row(targets, i);
      if (loss.ignores(t)) continue;
      const double w = each == 0 ? 1 : static_cast<double>(weights[(first + i) / each]);
      divisor += loss.reduction() == Reduction::weighted_mean ? w * loss.share(t) : 1;
    }
  }
  return divisor;
}

/// Gradients on their way to their sums over all ranks: those of a layer as soon as they are complete, some layers
/// together, while the backward pass goes on.
template <class T>
class GradientReduction {
 public:
  explicit GradientReduction(Communicator& ranks) : ranks_(ranks) {}

  /// A backward pass begins.
  void begin() {
    used_ = 0;
    begun_ = seconds_of(Clock::now());
    open_ = false;
  }
  /// Adds values to what is reduced together, `scale` times; 0: none of them, whatever they are. Their sums are written
  /// to them at `finish`. What fills a bucket alone is not copied: it is summed where it is.
  void add(const std::string& layer, TensorView<T> values, double scale) {
    if ((scale == 0 || scale == 1) && to_size(values.size()) * sizeof(T) >= ranks_.bucket_bytes()) {
      if (scale == 0) std::fill_n(values.data(), values.size(), T(0));
      const bool others = std::exchange(open_, false);  // they go on being gathered
      if (others && used_ + 1 == buckets_.size()) buckets_.emplace_back();
      if (others) std::swap(buckets_[used_], buckets_[used_ + 1]);
      Bucket& bucket = open();
      bucket.layers = bucket.last = layer;
      bucket.sum = {values.data(), to_size(values.size())};
      send();
      open_ = others;
      return;
    }
    Bucket& bucket = open_ ? buckets_[used_] : open();
    if (bucket.layers.empty()) bucket.layers = layer;
    bucket.last = layer;
    const std::size_t at = bucket.values.size();
    if (scale == 1)
      bucket.values.insert(bucket.values.end(), values.data(), values.data() + values.size());
    else
      bucket.values.resize(at + to_size(values.size()));
    for (Index i = 0; scale != 0 && scale != 1 && i < values.size(); ++i)
      bucket.values[at + to_size(i)] = static_cast<T>(scale * static_cast<double>(values[i]));
    bucket.results.push_back(values);
    bucket.sum = bucket.values;
    if (bucket.sum.size_bytes() >= ranks_.bucket_bytes()) send();
  }
  /// Between two layers.
  void progress() { note_done(ranks_.progress()); }
  /// Waits, and writes the sums to where they belong.
  void finish() {
    if (open_) send();
    const double needed = now();
    progress();
    ranks_.finish();
    note_done(0);
    for (std::size_t b = 0; b < used_; ++b) {
      const T* from = buckets_[b].values.data();
      for (const TensorView<T>& result : buckets_[b].results) {
        std::copy_n(from, result.size(), result.data());
        from += result.size();
      }
      if (ranks_.on_reduction) report(buckets_[b], needed);
    }
  }

 private:
  using Clock = std::chrono::steady_clock;
  struct Bucket {
    std::string layers, last;
    std::vector<T> values;               // of several tensors, and
    std::vector<TensorView<T>> results;  // where their sums belong; none for one that is summed where it is
    std::span<T> sum;                    // what is summed
    double begun = 0, done = -1;
  };

  static double seconds_of(Clock::time_point time) {
    return std::chrono::duration<double>(time.time_since_epoch()).count();
  }
  double now() const { return seconds_of(Clock::now()) - begun_; }
  Bucket& open() {
    open_ = true;
    if (used_ == buckets_.size()) buckets_.emplace_back();
    Bucket& bucket = buckets_[used_];
    bucket.layers.clear();
    bucket.values.clear();
    bucket.results.clear();
    bucket.done = -1;
    return bucket;
  }
  void send() {
    Bucket& bucket = buckets_[used_++];
    open_ = false;
    bucket.begun = now();
    ranks_.begin_all_reduce(bucket.sum);
  }
  /// All but the last `going_on` are done.
  void note_done(Index going_on) {
    for (std::size_t b = 0; b + to_size(going_on) < used_; ++b)
      if (buckets_[b].done < 0) buckets_[b].done = now();
  }
  void report(const Bucket& bucket, double needed) const {
    ranks_.on_reduction({.layers = bucket.layers == bucket.last ? bucket.layers : bucket.layers + " .. " + bucket.last,
                         .bytes = bucket.sum.size_bytes(),
                         .begun = bucket.begun,
                         .done = bucket.done,
                         .needed = needed});
  }

  Communicator& ranks_;
  std::deque<Bucket> buckets_;  // their memory stays from step to step
  std::size_t used_ = 0;
  bool open_ = false;
  double begun_ = 0;
};

/// The ranks of a call of fit, or of evaluate.
template <class T>
class RankedRun : public Together<T> {
 public:
  explicit RankedRun(Communicator& ranks) : ranks_(ranks), reduction_(ranks) {}

  Index rank() const override { return ranks_.rank(); }
  Index size() const override { return ranks_.size(); }

  void check(const Training<T>& run, const std::string& data, Index& steps) override {
    const FitOptions<T>& o = *run.options;
    check_losses(o);
    says_ = !o.callbacks.empty() || o.stop_on_interrupt;
    std::vector<std::string> lines{"keel " KEEL_VERSION, std::string("kernels for ") + to_string(simd_level()),
                                   std::to_string(sizeof(T)) + " bytes a value"};
    for (std::string& line : identity(run, joined_batch(run))) lines.push_back(std::move(line));
    lines.push_back("data of " + (data.empty() ? "a generator" : data));
    lines.push_back("batch_size " + std::to_string(o.batch_size) + ", epochs " + std::to_string(o.epochs) +
                    ", steps_per_epoch " + std::to_string(o.steps_per_epoch) + ", from " +
                    std::to_string(o.initial_epoch) + ", " + std::to_string(o.initial_step));
    lines.push_back("validation " + std::to_string(bool(o.validation)) + ", stop_on_interrupt " +
                    std::to_string(o.stop_on_interrupt) + ", check_loss " + std::to_string(o.check_loss) +
                    ", shuffle " + std::to_string(o.shuffle) + ", drop_last " + std::to_string(o.drop_last));
    lines.push_back(std::string("an epoch of ") + (steps > 0 ? "a known number of steps" : "steps until data end"));
    compare(lines);
    const double here = static_cast<double>(steps);
    for (const std::vector<double>& there : gather_doubles(ranks_, std::span(&here, 1)))
      steps = (std::max)(steps, static_cast<Index>(there[0]));
  }

  void share(Training<T>& run) override {
    broadcast([&](Memory& memory) { remember_run(memory, run); });
    if (run.gathered > 0) keep_gathering(run.model);
  }
  void share_callbacks(Training<T>& run, bool resumed) override {
    if (any(resumed)) broadcast([&](Memory& memory) { remember_callbacks(memory, run); });
  }

  bool any(bool here) override {
    const double mine = here ? 1 : 0;
    for (const std::vector<double>& there : gather_doubles(ranks_, std::span(&mine, 1)))
      if (there[0] != 0) return true;
    return false;
  }
  void agree(Training<T>& run) override {
    if (!says_) return;  // what the rest does is the same everywhere
    const double mine[] = {run.stop ? 1.0 : 0.0, run.interrupted ? 1.0 : 0.0};
    for (const std::vector<double>& there : gather_doubles(ranks_, mine)) {
      run.stop = run.stop || there[0] != 0;
      run.interrupted = run.interrupted || there[1] != 0;
    }
  }

  void begin_step(Model<T>& model, Batch<T>& batch, bool has_samples, Tape<T>& tape) override {
    if (!has_samples) {  // two, as PyTorch's BatchNorm refuses one
      batch.inputs.clear();
      for (std::size_t i = 0; i < model.inputs().size(); ++i)
        batch.inputs.push_back(Tensor<T>(model.input_shape(i).with_batch(2)));
      batch.targets.clear();
      batch.weights = {};
    }
    tape.part.communicator = &ranks_;
    tape.part.counts = has_samples;
    // where the place is not known, one that no other rank has
    tape.part.first = batch.first >= 0 ? batch.first : rank() << 24;
    tape.on_gradients = [this](Layer<T>& layer) { reduce(layer); };
    versions_.clear();
    for (const Parameter<T>* p : model.parameters()) versions_.push_back(p->version());
  }

  void merge(BatchResult<T> result) override {
    const std::size_t outputs = result.losses.size();
    std::vector<double> divisors(outputs, 0);
    StreamMemory mine;
    mine("samples", result.samples);
    for (std::size_t i = 0; i < outputs; ++i) {
      if (result.samples > 0)
        divisors[i] =
            loss_divisor<T>(result.specs[i].loss(), result.y[i].shape(), result.batch.targets[i], result.weights);
      mine("loss", result.losses[i]);
      mine("divisor", divisors[i]);
    }
    for (MetricState& metric : result.parts) metric.remember(mine);
    const double samples = result.samples;
    std::vector<double> sums(outputs, 0), all(outputs, 0);
    result.samples = 0;
    for (const std::vector<std::byte>& bytes : ranks_.gather(mine.bytes())) {
      StreamMemory theirs(bytes);
      double count = 0;
      theirs("samples", count);
      result.samples += count;
      for (std::size_t i = 0; i < outputs; ++i) {
        double loss = 0, divisor = 0;
        theirs("loss", loss);
        theirs("divisor", divisor);
        sums[i] += is_sum(result.specs[i]) ? loss : loss * divisor;
        all[i] += divisor;
      }
      take(theirs, result.parts, result.metrics);
    }
    for (std::size_t i = 0; i < outputs; ++i) {
      const bool sum = is_sum(result.specs[i]);
      result.losses[i] = sum ? sums[i] : all[i] == 0 ? 0 : sums[i] / all[i];
      if (result.dy && !sum && all[i] != 0 && divisors[i] != all[i])
        (*result.dy)[i].array() *= static_cast<T>(divisors[i] / all[i]);
    }
    share_ = samples / result.samples;
    reduction_.begin();
  }

  void end_backward(Model<T>& model) override {
    gathers_ = false;
    std::size_t i = 0;
    for (Index l = 0; l < model.layer_count(); ++l) {
      Layer<T>& layer = model.layer(l);
      for (Parameter<T>* p : layer.parameters()) {
        const bool changed = p->version() != versions_[i++];
        if (changed && !layer.is_synchronized())
          p->update([&](TensorView<T> values) { reduction_.add(layer.name(), values, share_); });
      }
    }
    reduction_.finish();
  }
  void keep_gathering(Model<T>& model) override {
    gathers_ = rank() == 0;
    if (gathers_) return;
    for (Parameter<T>* p : model.parameters())
      if (p->trains()) std::fill(p->gradient.begin(), p->gradient.end(), T(0));
  }

  void merge_scores(std::vector<double>& sums, double& samples, std::vector<MetricState>& parts,
                    std::vector<MetricState>& metrics) override {
    StreamMemory mine;
    mine("sums", sums);
    mine("samples", samples);
    for (MetricState& metric : metrics) metric.remember(mine);
    std::vector<double> all(sums.size(), 0);
    double count = 0;
    for (MetricState& metric : metrics) metric.reset();
    for (const std::vector<std::byte>& bytes : ranks_.gather(mine.bytes())) {
      StreamMemory theirs(bytes);
      theirs("sums", sums);
      theirs("samples", samples);
      for (std::size_t i = 0; i < all.size(); ++i) all[i] += sums.at(i);
      count += samples;
      take(theirs, parts, metrics);
    }
    sums = all;
    samples = count;
  }
  void fail(const std::string& why) noexcept override { ranks_.fail(why); }

 private:
  static bool is_sum(const LossSpec& loss) {
    return loss.loss().reduction() == Reduction::sum || loss.loss().reduction() == Reduction::element_sum;
  }
  static void check_losses(const FitOptions<T>& o) {
    const auto check = [](const LossSpec& loss) {
      if (!loss.empty() && loss.loss().of_batch())
        throw ConfigError("fit", "losses of samples, on several ranks",
                          loss.name() + ", which is one of a whole batch");
    };
    check(o.loss);
    for (const LossSpec& loss : o.losses) check(loss);
  }
  /// Of two lines of parts with ", " between: the beginning, and the first part that differs.
  static std::pair<std::string, std::string> first_difference(const std::string& a, const std::string& b) {
    std::size_t from = 0, at = 0;
    for (; at < a.size() && at < b.size() && a[at] == b[at]; ++at)
      if (a.compare(at, 2, ", ") == 0) from = at + 2;
    const std::string node = from == 0 ? "" : a.substr(0, a.find(", ")) + ": ";
    return {node + a.substr(from, a.find(", ", at) - from), node + b.substr(from, b.find(", ", at) - from)};
  }
  /// Throws ConfigError, on every rank, where a rank's lines differ from those of rank 0.
  void compare(const std::vector<std::string>& lines) {
    StreamMemory mine;
    std::vector<std::string> own = lines;
    mine("lines", own);
    std::vector<std::string> first, theirs;
    Index r = 0;
    for (const std::vector<std::byte>& bytes : ranks_.gather(mine.bytes())) {
      StreamMemory memory(bytes);
      memory("lines", r == 0 ? first : theirs);
      const std::string who = "rank " + std::to_string(r);
      for (std::size_t i = 0; r > 0 && i < (std::max)(first.size(), theirs.size()); ++i) {
        const std::string expected = i < first.size() ? first[i] : "nothing more";
        const std::string got = i < theirs.size() ? theirs[i] : "nothing more";
        if (expected != got) {
          const auto [here, there] = first_difference(expected, got);
          throw ConfigError("fit", "on every rank what rank 0 has, " + here, there + " on " + who,
                            "build model, data and options alike on every rank");
        }
      }
      ++r;
    }
  }
  /// Rank 0's values everywhere.
  template <class F>
  void broadcast(F&& remember) {
    StreamMemory mine;
    if (rank() == 0) remember(mine);
    std::vector<std::byte> bytes = std::move(mine.bytes());
    std::uint64_t size = bytes.size();
    ranks_.broadcast(std::as_writable_bytes(std::span(&size, 1)), 0);
    bytes.resize(static_cast<std::size_t>(size));
    ranks_.broadcast(bytes, 0);
    if (rank() == 0) return;
    StreamMemory theirs(bytes);
    remember(theirs);
  }
  static void take(StreamMemory& theirs, std::vector<MetricState>& parts, std::vector<MetricState>& metrics) {
    for (std::size_t i = 0; i < metrics.size(); ++i) {
      parts[i].reset();
      parts[i].remember(theirs);
      metrics[i].merge(parts[i]);
    }
  }
  /// A layer's gradients are complete.
  void reduce(Layer<T>& layer) {
    for (Parameter<T>* p : layer.parameters())
      if (p->trains()) reduction_.add(layer.name(), p->gradient.view(), share_ > 0 || gathers_ ? 1 : 0);
    reduction_.progress();
  }

  Communicator& ranks_;
  GradientReduction<T> reduction_;
  std::vector<std::uint64_t> versions_;  // of the parameters before the forward pass
  double share_ = 0;                     // of the samples of a step
  bool gathers_ = false;                 // whether its gradients hold those of batches before
  bool says_ = true;                     // whether callbacks or Ctrl-C may say something
};

}  // namespace detail

/// `fit` on a dataset that every rank holds: see Shard. The same numbers come out as on one rank with batches of
/// ranks * batch_size samples but for rounding, and the same bits for the same number of ranks. Throws ConfigError on
/// every rank where ranks differ in model, data, options or version, CommunicationError where another rank has ended.
template <class T>
History fit(Model<T>& model, const Shard<T>& data, std::type_identity_t<FitOptions<T>> options) {
  if (!options.communicator.get()) options.communicator = &data.ranks();
  if (options.communicator.get() != &data.ranks())
    throw ConfigError("fit", "the communicator whose shard the data are", "another one");
  return detail::fit_part(model, data.whole(), options, data.ranks().rank(), data.ranks().size());
}

/// `evaluate` on a dataset that every rank holds, each rank on its part: the scores of the whole, on every rank.
template <class T>
Scores evaluate(const Model<T>& model, const Shard<T>& data, const EvaluateOptions& options) {
  if (data.ranks().size() == 1) return evaluate(model, data.whole(), options);
  detail::Scorer<T> scorer("evaluate", model, options);
  detail::RankedRun<T> together(data.ranks());
  try {
    if (data.whole().size() == 0) throw DataError("evaluate", "a dataset with samples", "an empty one");
    detail::score("evaluate", model, data.own(), options.batch_size, scorer, &together);
  } catch (const std::exception& error) {
    together.fail(error.what());
    throw;
  }
  Scores scores;
  scorer.report("", scores);
  return scores;
}

/// The output for every sample of a dataset that every rank holds, on every rank, each having computed its part. For
/// models of one input and one output; throws as Model::predict does.
template <class T>
Tensor<T> predict(const Model<T>& model, const Shard<T>& data) {
  Tensor<T> own, all;
  try {
    const Dataset<T> part = data.own();
    if (part.size() > 0) own = model.predict(part.images());
    all.resize(model.output_shape().with_batch(data.whole().size()));
  } catch (const std::exception& error) {
    data.ranks().fail(error.what());
    throw;
  }
  auto* to = reinterpret_cast<std::byte*>(all.data());
  std::size_t left = to_size(all.size()) * sizeof(T);
  for (const std::vector<std::byte>& bytes :
       data.ranks().gather(std::as_bytes(std::span<const T>(own.data(), to_size(own.size()))))) {
    if (bytes.size() > left) throw CommunicationError("predict", "outputs of one dataset", "more of them");
    std::copy(bytes.begin(), bytes.end(), to);
    to += bytes.size();
    left -= bytes.size();
  }
  if (left > 0) throw CommunicationError("predict", "outputs of one dataset", "fewer of them");
  return all;
}

}  // namespace KEEL_ABI
}  // namespace keel
