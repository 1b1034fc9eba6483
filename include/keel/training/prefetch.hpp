#pragma once
/// Sources of batches beside Dataset: batches made ahead by a thread, images kept as bytes.

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <exception>
#include <memory>
#include <mutex>
#include <thread>

#include <keel/training/data.hpp>

namespace keel {
inline namespace KEEL_ABI {

/// A Generator that makes the next batches of another in a thread while a step is computed: the same batches in the
/// same order. The other one is called from that thread alone, and says everything by (epoch, step). What it throws
/// comes out where its batch is asked for.
///
///     fit(model, Prefetch<>(Batches(train, {.batch_size = 64}), 2), {.epochs = 5, ...});
template <class T = float>
class Prefetch {
 public:
  /// Up to `depth` batches ahead. Throws ConfigError unless it is 1 or more.
  explicit Prefetch(Generator<T> source, Index depth = 2) : state_(std::make_shared<State>(std::move(source), depth)) {
    if (depth < 1) throw ConfigError("Prefetch", "a depth of 1 or more", std::to_string(depth));
  }
  bool operator()(Index epoch, Index step, Batch<T>& batch) { return state_->take(epoch, step, batch); }

 private:
  struct Item {
    Index epoch = 0, step = 0;
    bool there = false;
    Batch<T> batch{};
    std::exception_ptr error{};
  };

  class State {
   public:
    State(Generator<T> source, Index depth) : source_(std::move(source)), depth_(depth) {}
    State(const State&) = delete;
    State& operator=(const State&) = delete;
    ~State() { stop(); }

    bool take(Index epoch, Index step, Batch<T>& batch) {
      std::unique_lock lock(mutex_);
      const bool expected =
          items_.empty() ? thread_.joinable() && is(next_, epoch, step) : is(items_.front(), epoch, step);
      if (!expected) {
        lock.unlock();
        stop();
        start(epoch, step);
        lock.lock();
      }
      ready_.wait(lock, [&] { return !items_.empty(); });
      Item item = std::move(items_.front());
      items_.pop_front();
      free_.notify_one();
      lock.unlock();
      if (item.error) {
        stop();
        std::rethrow_exception(item.error);
      }
      if (item.there) std::swap(batch, item.batch);
      return item.there;
    }

   private:
    static bool is(const Item& item, Index epoch, Index step) { return item.epoch == epoch && item.step == step; }
    void stop() {
      {
        const std::lock_guard lock(mutex_);
        stopped_ = true;
      }
      free_.notify_one();
      if (thread_.joinable()) thread_.join();
      items_.clear();
    }
    void start(Index epoch, Index step) {
      stopped_ = false;
      next_ = {epoch, step};
      thread_ = std::thread([this] { run(); });
    }
    /// An epoch that ends is followed by the next; one without a batch by none.
    void run() {
      for (bool more = true; more;) {
        Item item{next_.epoch, next_.step};
        try {
          item.there = source_(item.epoch, item.step, item.batch);
        } catch (...) {
          item.error = std::current_exception();
        }
        more = !item.error && (item.there || item.step > 0);
        std::unique_lock lock(mutex_);
        free_.wait(lock, [&] { return stopped_ || count_of(items_) < depth_; });
        if (stopped_) return;
        next_ = item.there ? Item{item.epoch, item.step + 1} : Item{item.epoch + 1, 0};
        if (!more) next_ = {-1, -1};
        items_.push_back(std::move(item));
        ready_.notify_one();
      }
    }

    Generator<T> source_;
    Index depth_;
    std::mutex mutex_;
    std::condition_variable ready_, free_;
    std::deque<Item> items_;
    Item next_{-1, -1};  // that the thread makes now
    bool stopped_ = false;
    std::thread thread_;
  };

  std::shared_ptr<State> state_;
};

struct ByteBatchOptions {
  BatchOptions batches{};    ///< size, order, seed
  double scale = 1.0 / 255;  ///< a value is scale byte + offset
  double offset = 0;         ///< in the unit of the values
};

/// A Generator of batches of images that stay bytes in memory and become T where they are used.
///
///     ByteBatches batches(pixels, {32, 32, 3}, labels, {.batches = {.batch_size = 64}});
///     batches.map(Augment({.horizontal_flip = true}));
///     fit(model, batches, {.epochs = 5, ...});
///
/// Throws ShapeError where the numbers of bytes and labels do not fit.
template <class T = float>
class ByteBatches {
 public:
  ByteBatches(std::vector<std::uint8_t> pixels, const Shape& sample, Tensor<T> labels, ByteBatchOptions options = {})
      : pixels_(std::make_shared<const std::vector<std::uint8_t>>(std::move(pixels))),
        sample_(sample),
        labels_(numbered(std::move(labels))),
        batches_(*labels_, options.batches),
        scale_(options.scale),
        offset_(options.offset) {
    if (count_of(*pixels_) != size() * sample.size())
      throw ShapeError("ByteBatches", std::to_string(size()) + " images of shape " + sample.to_string(),
                       std::to_string(pixels_->size()) + " bytes");
  }
  KEEL_REFUSE_OTHER_OPTIONS(ByteBatches)
  /// Applies `transform` to every batch, after those given before.
  ByteBatches& map(Transform<T> transform) {
    transforms_.push_back(std::move(transform));
    return *this;
  }
  Index size() const { return labels_->size(); }  ///< Number of images.
  /// Batches in an epoch.
  Index count() const { return batches_.count(); }

  bool operator()(Index epoch, Index step, Batch<T>& batch) {
    if (!batches_(epoch, step, batch)) return false;
    Tensor<T>& x = batch.inputs[0];
    x.resize(sample_.with_batch(count_of(batch.indices)));
    T* out = x.data();
    for (const Index i : batch.indices)
      out = std::transform(pixels_->begin() + i * sample_.size(), pixels_->begin() + (i + 1) * sample_.size(), out,
                           [&](std::uint8_t byte) { return static_cast<T>(scale_ * byte + offset_); });
    for (const Transform<T>& transform : transforms_) transform(batch);
    return true;
  }

 private:
  /// The labels, with inputs that say nothing.
  static std::shared_ptr<const Dataset<T>> numbered(Tensor<T> labels) {
    Tensor<T> nothing({labels.rank() == 0 ? 0 : labels.shape()[0], 1});
    return std::make_shared<const Dataset<T>>(std::move(nothing), std::move(labels));
  }

  std::shared_ptr<const std::vector<std::uint8_t>> pixels_;
  Shape sample_;
  std::shared_ptr<const Dataset<T>> labels_;
  Batches<T> batches_;  // of *labels_, which copies share
  double scale_, offset_;
  std::vector<Transform<T>> transforms_;
};

ByteBatches(std::vector<std::uint8_t>, const Shape&, Tensor<double>)->ByteBatches<double>;

}  // namespace KEEL_ABI
}  // namespace keel
