#pragma once
/// Ranks that are threads of one process: for tests without MPI, and for machines of several sockets.

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <exception>
#include <memory>
#include <mutex>
#include <thread>

#include <keel/distributed/fit.hpp>

namespace keel {
inline namespace KEEL_ABI {

struct ThreadRanksOptions {
  /// Seconds that a rank waits for another; above 0. Default 600.
  double timeout = 600;
  /// Bytes of gradients that are reduced together; default 2^20.
  std::size_t bucket_bytes = std::size_t{1} << 20;
};

/// Runs a function once for each rank, on a thread of its own, with that rank's communicator:
///
///     ThreadRanks(4).run([&](Communicator& rank) {
///       Sequential model = build();
///       fit(model, rank.shard(train), {.epochs = 5, .loss = Loss::mse, .communicator = &rank});
///     });
///
/// A rank that throws ends the others; `run` throws what that rank threw. Models and callbacks are each rank's own,
/// data may be shared. Throws ConfigError for fewer ranks than 1.
class ThreadRanks {
 public:
  explicit ThreadRanks(Index size, ThreadRanksOptions options = {}) : size_(size), options_(options) {
    if (size < 1) throw ConfigError("ThreadRanks", "1 rank or more", std::to_string(size));
    if (!(options.timeout > 0))
      throw ConfigError("ThreadRanks", "a timeout above 0 seconds", std::to_string(options.timeout));
  }

  /// Calls `body` with each rank's Communicator, each on a thread of its own, and waits for all. Throws what a rank
  /// threw.
  template <class F>
  void run(F&& body) {
    Meeting meeting(size_, options_);
    std::vector<std::exception_ptr> errors(to_size(size_));
    std::vector<std::thread> threads;
    for (Index r = 0; r < size_; ++r)
      threads.emplace_back([&, r] {
        Rank rank(meeting, r);
        try {
          body(static_cast<Communicator&>(rank));
          meeting.leave(r);
        } catch (const std::exception& error) {
          nth(errors, r) = std::current_exception();
          rank.fail(error.what());
        } catch (...) {
          nth(errors, r) = std::current_exception();
          rank.fail("an exception");
        }
      });
    for (std::thread& thread : threads) thread.join();
    if (const Index first = meeting.failed(); first >= 0 && nth(errors, first))
      std::rethrow_exception(nth(errors, first));
    for (const std::exception_ptr& error : errors)
      if (error) std::rethrow_exception(error);
  }

 private:
  /// What a rank brings to a meeting.
  struct Gift {
    const char* what = "";
    std::vector<std::span<std::byte>> memory{};
  };

  /// Where ranks wait until all have come.
  class Meeting {
   public:
    Meeting(Index size, const ThreadRanksOptions& options)
        : gifts(to_size(size)),
          bucket_bytes(options.bucket_bytes),
          here_(to_size(size)),
          left_(to_size(size)),
          timeout_(options.timeout) {}

    /// Returns once all are here.
    void meet(Index rank, const char* what) {
      std::unique_lock lock(mutex_);
      check(rank);
      nth(here_, rank) = true;
      if (std::find(here_.begin(), here_.end(), false) == here_.end()) {
        here_.assign(here_.size(), false);
        ++round_;
        changed_.notify_all();
        return;
      }
      const std::uint64_t round = round_;
      const auto end = std::chrono::steady_clock::now() + std::chrono::duration<double>(timeout_);
      while (round == round_) {
        check(rank);
        if (changed_.wait_until(lock, end) != std::cv_status::timeout || round != round_) continue;
        fail(lock, rank, "waited in vain for rank " + listed_absent());
        throw CommunicationError(name(rank),
                                 "every rank in " + std::string(what) + " within " + detail::text(timeout_) + " s",
                                 "none of rank " + listed_absent());
      }
    }
    void fail(Index rank, const std::string& why) {
      std::unique_lock lock(mutex_);
      fail(lock, rank, why);
    }
    void leave(Index rank) {
      const std::unique_lock lock(mutex_);
      nth(left_, rank) = true;
      changed_.notify_all();
    }
    Index failed() const { return failed_; }
    static std::string name(Index rank) { return "rank " + std::to_string(rank); }

    std::vector<Gift> gifts;
    const std::size_t bucket_bytes;

   private:
    void check(Index rank) const {
      if (failed_ >= 0 && failed_ != rank)
        throw CommunicationError(name(rank), "every rank to go on", "the end of " + name(failed_) + ": " + why_);
      for (Index r = 0; r < count_of(left_); ++r)
        if (nth(left_, r))
          throw CommunicationError(name(rank), "every rank to make the same calls", name(r) + ", which has ended");
    }
    void fail(const std::unique_lock<std::mutex>&, Index rank, const std::string& why) {
      if (failed_ >= 0) return;
      failed_ = rank;
      why_ = why;
      changed_.notify_all();
    }
    std::string listed_absent() const {
      std::vector<Index> absent;
      for (Index r = 0; r < count_of(here_); ++r)
        if (!nth(here_, r)) absent.push_back(r);
      return detail::listed(absent);
    }

    std::mutex mutex_;
    std::condition_variable changed_;
    std::vector<bool> here_, left_;
    std::uint64_t round_ = 0;
    double timeout_;
    Index failed_ = -1;
    std::string why_;
  };

  class Rank : public Communicator {
   public:
    Rank(Meeting& meeting, Index rank) : meeting_(meeting), rank_(rank) {}
    Index rank() const override { return rank_; }
    Index size() const override { return count_of(meeting_.gifts); }
    std::size_t bucket_bytes() const override { return meeting_.bucket_bytes; }

    void all_reduce(std::span<float> values) override { reduce_now(values); }
    void all_reduce(std::span<double> values) override { reduce_now(values); }
    void begin_all_reduce(std::span<float> values) override { begin(values); }
    void begin_all_reduce(std::span<double> values) override { begin(values); }
    Index progress() override { return count_of(begun_); }
    void finish() override {
      if (begun_.empty()) return;
      give({.what = "finish", .memory = begun_});
      for (std::size_t i = 0; i < begun_.size(); ++i) floats_[i] ? reduce<float>(i) : reduce<double>(i);
      begun_.clear();
      floats_.clear();
      meeting_.meet(rank_, "finish");
    }
    void broadcast(std::span<std::byte> bytes, Index root) override {
      give({.what = "broadcast", .memory = {bytes}});
      if (root != rank_) std::copy_n(nth(meeting_.gifts, root).memory[0].data(), bytes.size(), bytes.data());
      meeting_.meet(rank_, "broadcast");
    }
    std::vector<std::vector<std::byte>> gather(std::span<const std::byte> bytes) override {
      // nobody writes to it
      give({.what = "gather", .memory = {{const_cast<std::byte*>(bytes.data()), bytes.size()}}}, false);
      std::vector<std::vector<std::byte>> all;
      for (const Gift& gift : meeting_.gifts) all.emplace_back(gift.memory[0].begin(), gift.memory[0].end());
      meeting_.meet(rank_, "gather");
      return all;
    }
    void fail(const std::string& why) noexcept override { meeting_.fail(rank_, why); }

   private:
    template <class V>
    void begin(std::span<V> values) {
      begun_.push_back(std::as_writable_bytes(values));
      floats_.push_back(std::is_same_v<V, float>);
    }
    template <class V>
    void reduce_now(std::span<V> values) {
      give({.what = "all_reduce", .memory = {std::as_writable_bytes(values)}});
      reduce<V>(0);
      meeting_.meet(rank_, "all_reduce");
    }
    /// This rank's part of the sums, written to all ranks.
    template <class V>
    void reduce(std::size_t i) {
      std::vector<V*> all;
      for (const Gift& gift : meeting_.gifts) all.push_back(reinterpret_cast<V*>(gift.memory[i].data()));
      const auto count = static_cast<Index>(meeting_.gifts[0].memory[i].size() / sizeof(V));
      const Index begin = detail::part_begin(count, rank_, size()), end = detail::part_begin(count, rank_ + 1, size());
      const std::vector<const V*> from(all.begin(), all.end());
      detail::sum_in_order<V>(from, begin, end, all[0]);
      for (std::size_t r = 1; r < all.size(); ++r) std::copy(all[0] + begin, all[0] + end, all[r] + begin);
    }
    /// Shows the others what it brings. Throws where they bring something else.
    void give(Gift gift, bool same_sizes = true) {
      nth(meeting_.gifts, rank_) = gift;
      meeting_.meet(rank_, gift.what);
      for (Index r = 0; r < size(); ++r) {
        const Gift& other = nth(meeting_.gifts, r);
        bool same = std::string_view(other.what) == gift.what && other.memory.size() == gift.memory.size();
        for (std::size_t i = 0; same && same_sizes && i < gift.memory.size(); ++i)
          same = other.memory[i].size() == gift.memory[i].size();
        if (!same)
          throw CommunicationError(Meeting::name(rank_), described(gift) + " on every rank",
                                   described(other) + " on " + Meeting::name(r),
                                   "all ranks must run the same layers, losses and metrics");
      }
    }
    static std::string described(const Gift& gift) {
      std::size_t bytes = 0;
      for (const auto& memory : gift.memory) bytes += memory.size();
      return std::string(gift.what) + " of " + std::to_string(bytes) + " bytes";
    }

    Meeting& meeting_;
    Index rank_;
    std::vector<std::span<std::byte>> begun_{};
    std::vector<bool> floats_{};
  };

  Index size_;
  ThreadRanksOptions options_;
};

}  // namespace KEEL_ABI
}  // namespace keel
