#pragma once
/// Datasets and the batches that they are taken in.

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <numeric>
#include <utility>
#include <vector>

#include <keel/layers/base/communicator.hpp>
#include <keel/tensor/rng.hpp>
#include <keel/tensor/tensor.hpp>

namespace keel {
inline namespace KEEL_ABI {

/// Some samples in the order in which a step uses them. Whoever fills one reuses its memory.
template <class T>
struct Batch {
  std::vector<Tensor<T>> inputs;   ///< one for each input of the model, (samples, ...)
  std::vector<Tensor<T>> targets;  ///< one for each output
  Tensor<T> weights;               ///< (samples), or empty where all count 1
  std::vector<Index> indices;      ///< the number of each sample in its dataset
  Index epoch = 0;                 ///< from 0
  Index first = -1;  ///< of several ranks, the place of the first sample in the batch of all; -1: not known

  Index size() const { return inputs.empty() ? 0 : inputs[0].shape()[0]; }  ///< Number of samples.
};

/// Where batches come from: fills `batch` with number `step` of an epoch, or returns false where the epoch has
/// ended. Any callable will do; `Batches` is one for a Dataset.
template <class T>
using Generator = std::function<bool(Index epoch, Index step, Batch<T>& batch)>;

/// What is done to each batch before it is used: an augmentation, a resize, a normalisation, a user's own
/// function.
template <class T>
using Transform = std::function<void(Batch<T>&)>;

namespace detail {

/// Numbers in a row that are no tensor, and no text.
template <class Y>
concept LabelList = requires(const Y& y) {
  requires std::is_arithmetic_v<typename decltype(std::span(y))::value_type>;
}
&&!requires(const Y& y) { y.shape(); }
&&!NameText<Y>;

}  // namespace detail

/// Samples in memory with what is to be learned from them. Every tensor has the samples on its first axis. Class
/// labels are integers in a tensor of shape (samples), as sparse losses take them. Eigen's matrices will do, with a
/// sample in each row: `Dataset data(points, labels)`.
template <class T = float>
class Dataset {
 public:
  Dataset() = default;
  /// One input and one target. Throws ShapeError where their samples are not as many.
  Dataset(Tensor<T> inputs, Tensor<T> targets) {
    inputs_.push_back(std::move(inputs));
    targets_.push_back(std::move(targets));
    check();
  }
  /// Samples of a shape, and a label each, as they lie in vectors, arrays or other memory in a row; copied. Integers
  /// and bytes become T: `Dataset<float> data(pixels, {28, 28, 1}, labels)`. Throws ShapeError where the numbers do not
  /// fit.
  template <class X, class Y>
  requires requires(const X& x, const Y& y) {
    std::span(x);
    std::span(y);
  }
  Dataset(const X& values, const Shape& sample, const Y& labels)
      : Dataset(samples_of(values, sample, labels), labels) {}
  /// One input, and a label for each sample as they lie in a vector, an array or other memory in a row; integers become
  /// T. Throws ShapeError where they are not as many as the samples.
  template <detail::LabelList Y>
  Dataset(Tensor<T> inputs, const Y& labels) {
    const std::span each(labels);
    Tensor<T> y({count_of(each)});
    std::transform(each.begin(), each.end(), y.begin(), [](auto value) { return static_cast<T>(value); });
    inputs_.push_back(std::move(inputs));
    targets_.push_back(std::move(y));
    check();
  }
  /// For models with several inputs or outputs; `targets` may be empty where there is nothing to compare with.
  Dataset(std::vector<Tensor<T>> inputs, std::vector<Tensor<T>> targets)
      : inputs_(std::move(inputs)), targets_(std::move(targets)) {
    check();
  }

  /// Number of samples.
  Index size() const { return inputs_.empty() ? 0 : inputs_[0].shape()[0]; }
  const std::vector<Tensor<T>>& inputs() const { return inputs_; }    ///< One for each input of the model.
  const std::vector<Tensor<T>>& targets() const { return targets_; }  ///< One for each output.
  /// The only or first input and target. Throws ConfigError where there is none.
  const Tensor<T>& images() const { return first(inputs_, "an input"); }
  /// The first target. Throws ConfigError where there is none.
  const Tensor<T>& labels() const { return first(targets_, "a target"); }

  /// How much each sample counts in the loss: shape (samples); empty where all count 1.
  const Tensor<T>& weights() const { return weights_; }
  /// One weight for each sample, in the loss. Throws ShapeError for another number of them.
  void set_weights(Tensor<T> weights) {
    if (!(weights.shape() == Shape{size()}))
      throw ShapeError("Dataset", "one weight a sample, " + Shape{size()}.to_string(), weights.shape().to_string());
    weights_ = std::move(weights);
  }

  /// Applies `transform` to every batch taken from now on, after those given before. The stored samples stay.
  Dataset& map(Transform<T> transform) {
    transforms_.push_back(std::move(transform));
    return *this;
  }

  /// The samples with the given numbers, in that order, as often as they are named.
  Dataset subset(std::span<const Index> indices) const {
    for (const Index i : indices)
      if (i < 0 || i >= size())
        throw DataError("Dataset", "indices from 0 to " + std::to_string(size() - 1), std::to_string(i));
    Batch<T> batch;
    gather(indices, batch);
    Dataset result;
    result.inputs_ = std::move(batch.inputs);
    result.targets_ = std::move(batch.targets);
    result.weights_ = std::move(batch.weights);
    result.transforms_ = transforms_;
    return result;
  }
  /// The first `count` samples, and what follows them.
  Dataset take(Index count) const { return range(0, count); }
  Dataset skip(Index count) const { return range(count, size() - count); }  ///< All but the first `count` samples.
  /// {the first floor(fraction * samples), the rest}, both with at least one. Shuffle first where the order means
  /// something.
  std::pair<Dataset, Dataset> split(double fraction) const {
    const bool inside = fraction > 0 && fraction < 1;
    const auto count = inside ? static_cast<Index>(fraction * static_cast<double>(size())) : 0;
    if (count < 1)
      throw ConfigError("Dataset::split", "a fraction that leaves both parts a sample of " + std::to_string(size()),
                        std::to_string(fraction));
    return {take(count), skip(count)};
  }
  /// The same of each class alone, so that both parts have the classes in the proportions of the whole; in each part
  /// the order of the samples stays, and which go where depends on the seed alone. The first target says the class:
  /// numbers, or one-hot rows. A class of a single sample goes to the larger part.
  std::pair<Dataset, Dataset> stratified_split(double fraction, std::uint64_t seed = 0) const {
    if (!(fraction > 0 && fraction < 1))
      throw ConfigError("Dataset::stratified_split", "a fraction within (0, 1)", std::to_string(fraction));
    const Tensor<T>& target = labels();
    const Index columns = size() > 0 ? target.size() / size() : 0;
    std::map<double, std::vector<Index>> classes;
    for (const Index i : Rng(seed).permutation(size())) {
      const T* row = target.data() + i * columns;
      classes[columns == 1 ? static_cast<double>(*row)
                           : static_cast<double>(std::max_element(row, row + columns) - row)]
          .push_back(i);
    }
    std::vector<Index> first, second;
    for (const auto& each : classes) {
      const std::vector<Index>& members = each.second;
      const auto count = static_cast<Index>(std::llround(fraction * static_cast<double>(members.size())));
      const auto most = count_of(members) > 1 ? (std::min)((std::max)(count, Index{1}), count_of(members) - 1) : count;
      first.insert(first.end(), members.begin(), members.begin() + most);
      second.insert(second.end(), members.begin() + most, members.end());
    }
    if (first.empty() || second.empty())
      throw ConfigError("Dataset::stratified_split",
                        "a fraction that leaves both parts a sample of " + std::to_string(size()),
                        std::to_string(fraction));
    std::sort(first.begin(), first.end());
    std::sort(second.begin(), second.end());
    return {subset(first), subset(second)};
  }
  /// The samples of this dataset and then those of another, of the same shapes. The transforms are those of this one.
  /// Throws ShapeError, and ConfigError where only one has weights.
  Dataset concat(const Dataset& other) const {
    if (inputs_.size() != other.inputs_.size() || targets_.size() != other.targets_.size())
      throw ShapeError("Dataset::concat", "as many inputs and targets", "others");
    if (weights_.empty() != other.weights_.empty())
      throw ConfigError("Dataset::concat", "weights in both datasets or in none", "weights in one", "call set_weights");
    Dataset result;
    for (std::size_t i = 0; i < inputs_.size(); ++i) result.inputs_.push_back(joined(inputs_[i], other.inputs_[i]));
    for (std::size_t i = 0; i < targets_.size(); ++i) result.targets_.push_back(joined(targets_[i], other.targets_[i]));
    if (!weights_.empty()) result.weights_ = joined(weights_, other.weights_);
    result.transforms_ = transforms_;
    return result;
  }
  /// All samples in an order that depends on the seed alone.
  Dataset shuffled(std::uint64_t seed) const { return subset(Rng(seed).permutation(size())); }

  /// Copies the samples with the given numbers into `batch`, which keeps its epoch, and applies the transforms.
  void fill(std::span<const Index> indices, Batch<T>& batch) const {
    gather(indices, batch);
    for (const Transform<T>& transform : transforms_) transform(batch);
  }

 private:
  template <class X, class Y>
  static Tensor<T> samples_of(const X& values, const Shape& sample, const Y& labels) {
    const std::span all(values);
    const Index samples = count_of(std::span(labels));
    if (count_of(all) != samples * sample.size())
      throw ShapeError("Dataset", std::to_string(samples) + " samples of shape " + sample.to_string(),
                       std::to_string(all.size()) + " values");
    Tensor<T> x(sample.with_batch(samples));
    std::transform(all.begin(), all.end(), x.begin(), [](auto value) { return static_cast<T>(value); });
    return x;
  }
  static const Tensor<T>& first(const std::vector<Tensor<T>>& tensors, const char* what) {
    if (tensors.empty()) throw ConfigError("Dataset", what, "none");
    return tensors[0];
  }
  void check() const {
    images();
    for (const auto* tensors : {&inputs_, &targets_})
      for (const Tensor<T>& tensor : *tensors) {
        if (tensor.rank() == 0) throw ShapeError("Dataset", "tensors with an axis for the samples", "a scalar");
        if (tensor.shape()[0] != size())
          throw ShapeError("Dataset", "the same number of samples everywhere, " + std::to_string(size()),
                           std::to_string(tensor.shape()[0]) + " in a tensor of shape " + tensor.shape().to_string());
      }
  }
  static Tensor<T> joined(const Tensor<T>& a, const Tensor<T>& b) {
    if (!(a.shape().sample() == b.shape().sample()))
      throw ShapeError("Dataset::concat", "samples of shape " + a.shape().sample().to_string(),
                       b.shape().sample().to_string());
    Tensor<T> both(a.shape().sample().with_batch(a.shape()[0] + b.shape()[0]));
    std::copy(b.begin(), b.end(), std::copy(a.begin(), a.end(), both.begin()));
    return both;
  }
  Dataset range(Index begin, Index count) const {
    if (begin < 0 || count < 0 || begin + count > size())
      throw DataError("Dataset", "a count from 0 to " + std::to_string(size()), std::to_string(begin ? begin : count));
    Dataset result;
    for (const Tensor<T>& tensor : inputs_) result.inputs_.push_back(tensor.rows(begin, count));
    for (const Tensor<T>& tensor : targets_) result.targets_.push_back(tensor.rows(begin, count));
    if (!weights_.empty()) result.weights_ = weights_.rows(begin, count);
    result.transforms_ = transforms_;
    return result;
  }
  static void gather(const Tensor<T>& from, std::span<const Index> indices, Tensor<T>& to) {
    const Shape sample = from.shape().sample();
    to.resize(sample.with_batch(count_of(indices)));
    T* out = to.data();
    for (const Index i : indices) out = std::copy_n(from.data() + i * sample.size(), sample.size(), out);
  }
  void gather(std::span<const Index> indices, Batch<T>& batch) const {
    batch.indices.assign(indices.begin(), indices.end());
    batch.inputs.resize(inputs_.size());
    batch.targets.resize(targets_.size());
    for (std::size_t i = 0; i < inputs_.size(); ++i) gather(inputs_[i], indices, batch.inputs[i]);
    for (std::size_t i = 0; i < targets_.size(); ++i) gather(targets_[i], indices, batch.targets[i]);
    if (weights_.empty())
      batch.weights = {};
    else
      gather(weights_, indices, batch.weights);
  }

  std::vector<Tensor<T>> inputs_, targets_;
  Tensor<T> weights_;
  std::vector<Transform<T>> transforms_;
};

KEEL_REFUSE_OTHERS(Dataset)
template <class T>
Dataset(Tensor<T>, Tensor<T>) -> Dataset<T>;
template <class T, detail::LabelList Labels>
Dataset(Tensor<T>, const Labels&) -> Dataset<T>;
template <class D, class Targets>
Dataset(const Eigen::DenseBase<D>&, const Targets&) -> Dataset<typename D::Scalar>;

struct BatchOptions {
  Index batch_size = 32;   ///< samples a batch, the last one may have fewer; 1 or more
  bool shuffle = true;     ///< another order each epoch
  bool drop_last = false;  ///< leave out the samples of an epoch that do not fill a batch
  std::uint64_t seed = 0;  ///< of the order
  /// Of several ranks: batches are of ranks * batch_size samples, of which this one takes its part, none where they are
  /// too few.
  Index rank = 0, ranks = 1;  ///< by default the only one
};

/// A Generator of a dataset's batches. The order of epoch e follows from (seed, e) alone, so that training can
/// go on in any epoch, at any step, as if it had never stopped. The dataset must outlive it.
template <class T = float>
class Batches {
 public:
  explicit Batches(const Dataset<T>& data, BatchOptions options = {}) : data_(&data), options_(options) {
    if (options.batch_size < 1)
      throw ConfigError("Batches", "a batch size of 1 or more", std::to_string(options.batch_size));
    if (options.rank < 0 || options.rank >= options.ranks)
      throw ConfigError("Batches", "a rank from 0 to " + std::to_string(options.ranks - 1),
                        std::to_string(options.rank));
  }
  KEEL_REFUSE_OTHER_OPTIONS(Batches)

  /// Batches in an epoch.
  Index count() const { return (data_->size() + (options_.drop_last ? 0 : joined() - 1)) / joined(); }
  bool operator()(Index epoch, Index step, Batch<T>& batch) {
    if (step < 0 || step >= count()) return false;
    if (epoch != epoch_) order(epoch);
    const Index begin = step * joined();
    const Index size = (std::min)(joined(), data_->size() - begin);
    const Index from = detail::part_begin(size, options_.rank, options_.ranks);
    const Index to = detail::part_begin(size, options_.rank + 1, options_.ranks);
    batch.epoch = epoch;
    batch.first = options_.ranks > 1 ? from : -1;
    if (from == to) batch.inputs.clear();
    if (from < to)
      data_->fill(std::span<const Index>(order_).subspan(to_size(begin + from), to_size(to - from)), batch);
    return true;
  }

 private:
  /// Samples that all ranks take at once.
  Index joined() const { return options_.batch_size * options_.ranks; }
  void order(Index epoch) {
    if (options_.shuffle) {
      order_ = Rng(options_.seed, Rng::stream_id({static_cast<std::uint64_t>(epoch)})).permutation(data_->size());
    } else {
      order_.resize(to_size(data_->size()));
      std::iota(order_.begin(), order_.end(), Index{0});
    }
    epoch_ = epoch;
  }

  const Dataset<T>* data_;
  BatchOptions options_;
  std::vector<Index> order_;
  Index epoch_ = -1;
};

KEEL_INSTANCE(class Dataset<float>)
KEEL_INSTANCE(class Batches<float>)

}  // namespace KEEL_ABI
}  // namespace keel
