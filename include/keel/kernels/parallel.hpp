#pragma once
/// The thread pool and the loop that shares a range among its threads.

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <exception>
#include <string>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include <keel/tensor/shape.hpp>

namespace keel {
inline namespace KEEL_ABI {

/// Number of threads a model uses when none is given: the environment variable KEEL_THREADS (1 to 1024),
/// else 1: a library inside someone's program takes no core that it was not offered.
/// Throws ConfigError when the variable holds anything else.
inline int default_threads() {
  const char* text = std::getenv("KEEL_THREADS");
  if (!text || !*text) return 1;
  char* end = nullptr;
  const long threads = std::strtol(text, &end, 10);
  if (*end || threads < 1 || threads > 1024)
    throw ConfigError("KEEL_THREADS", "a number of threads, 1 to 1024", std::string("'") + text + "'");
  return static_cast<int>(threads);
}

/// A team of `threads` threads, the caller of a loop among them; the others sleep between loops after a short
/// spin. A pool may be shared by many threads: it serves one loop at a time, and a loop that finds it busy
/// (another thread's, or the loop that this one is nested in) runs on its own thread alone.
class ThreadPool {
 public:
  /// 1 to 1024 threads, the caller's among them; by default as many as KEEL_THREADS in the environment says, else 1.
  explicit ThreadPool(int threads = default_threads()) {
    if (threads < 1 || threads > 1024) throw ConfigError("ThreadPool", "1 to 1024 threads", std::to_string(threads));
    spins_ = threads <= static_cast<int>(std::thread::hardware_concurrency()) ? 1000 : 0;
    workers_.reserve(to_size(threads - 1));
    try {
      for (int i = 1; i < threads; ++i) workers_.emplace_back([this, i] { serve(i); });
    } catch (...) {
      stop();
      throw;
    }
  }
  ~ThreadPool() { stop(); }
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int size() const { return static_cast<int>(workers_.size()) + 1; }  ///< Threads, the caller's among them.

  using Body = void (*)(void* context, Index begin, Index end, int thread);  ///< What `run` calls.

  /// Calls body(context, begin, end, thread) for so many consecutive ranges of about one size that cover [0, count),
  /// on any thread in any order; `thread` is below size() and no two calls at a time have the same.
  /// The first exception that a body throws ends the loop and is thrown here.
  /// Without a pool: one call, on this thread.
  static void run(ThreadPool* pool, Index count, Index ranges, Body body, void* context) {
    if (pool && !pool->workers_.empty() && ranges > 1 && !pool->busy_.exchange(true, std::memory_order_acquire))
      pool->run_together(count, ranges, body, context);
    else if (count > 0)
      body(context, 0, count, 0);
  }

 private:
  struct Job {
    Index count = 0, ranges = 0;
    Body body = nullptr;
    void* context = nullptr;
  };
  /// state_ is `open` while a job takes workers, plus `inside` for each worker in it.
  static constexpr int open = 1, inside = 2;

  /// Some 20 microseconds of spinning bridge the gap between two loops of a network; then sleep.
  void pause(int& spin, const std::atomic<int>& value, int old) const {
    if (++spin > spins_) {
      value.wait(old, std::memory_order_acquire);
      return;
    }
#if defined(__x86_64__) && defined(__GNUC__)
    __builtin_ia32_pause();
#endif
  }

  void run_together(Index count, Index ranges, Body body, void* context) {
    job_ = {count, ranges, body, context};
    next_.store(0, std::memory_order_relaxed);
    state_.store(open, std::memory_order_release);
    round_.fetch_add(1, std::memory_order_release);
    round_.notify_all();
    work(0);
    int state = state_.fetch_sub(open, std::memory_order_acq_rel) - open;
    for (int spin = 0; state != 0; state = state_.load(std::memory_order_acquire)) pause(spin, state_, state);
    const std::exception_ptr error = std::exchange(error_, nullptr);
    failed_.store(false, std::memory_order_relaxed);
    busy_.store(false, std::memory_order_release);
    if (error) std::rethrow_exception(error);
  }

  void work(int thread) {
    try {
      const auto [count, ranges, body, context] = job_;
      for (Index i; (i = next_.fetch_add(1, std::memory_order_relaxed)) < ranges;)
        body(context, count * i / ranges, count * (i + 1) / ranges, thread);
    } catch (...) {
      next_.store(job_.ranges, std::memory_order_relaxed);
      if (!failed_.exchange(true, std::memory_order_relaxed)) error_ = std::current_exception();
    }
  }

  void serve(int thread) {
    for (int seen = 0;;) {
      for (int spin = 0; round_.load(std::memory_order_acquire) == seen;) pause(spin, round_, seen);
      seen = round_.load(std::memory_order_acquire);
      if (stopping_.load(std::memory_order_relaxed)) return;
      int state = state_.load(std::memory_order_relaxed);
      while ((state & open) && !state_.compare_exchange_weak(state, state + inside, std::memory_order_acquire)) {
      }
      if (!(state & open)) continue;
      work(thread);
      if (state_.fetch_sub(inside, std::memory_order_acq_rel) == inside) state_.notify_one();
    }
  }

  void stop() noexcept {
    stopping_.store(true, std::memory_order_relaxed);
    round_.fetch_add(1, std::memory_order_release);
    round_.notify_all();
    for (std::thread& worker : workers_) worker.join();
  }

  std::vector<std::thread> workers_;
  int spins_ = 0;
  Job job_;
  std::exception_ptr error_;
  std::atomic<bool> busy_{false}, failed_{false}, stopping_{false};
  std::atomic<int> round_{0}, state_{0};
  alignas(64) std::atomic<Index> next_{0};
};

/// Threads of a pool; 1 without one.
inline int thread_count(const ThreadPool* pool) { return pool ? pool->size() : 1; }

/// Calls body(begin, end) or body(begin, end, thread) for ranges that cover [0, count), each of `grain` items or
/// more. How a loop is cut into ranges depends on the pool, so a body must compute each item
/// from that item alone; `thread`, below thread_count(pool), may choose its scratch memory. Without a pool, in a
/// nested loop, or with less than twice `grain` items: one call, on this thread. Allocates nothing.
template <class F>
void parallel_for(ThreadPool* pool, Index count, Index grain, F&& body) {
  const auto call = [](void* context, Index begin, Index end, [[maybe_unused]] int thread) {
    auto& f = *static_cast<std::remove_reference_t<F>*>(context);
    if constexpr (std::is_invocable_v<F&, Index, Index, int>)
      f(begin, end, thread);
    else
      f(begin, end);
  };
  void* const context = const_cast<void*>(static_cast<const void*>(&body));
  // Many ranges a thread let a fast thread take over work of a slow one.
  ThreadPool::run(pool, count, (std::min)(count / (std::max)(grain, Index{1}), Index{16} * thread_count(pool)), call,
                  context);
}

}  // namespace KEEL_ABI
}  // namespace keel
