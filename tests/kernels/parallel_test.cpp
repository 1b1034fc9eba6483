#include <doctest/doctest.h>

#include <atomic>
#include <cstdlib>
#include <stdexcept>
#include <thread>
#include <vector>

#include <keel/kernels/parallel.hpp>

using namespace keel;

TEST_CASE("parallel_for visits every item once, whatever pool, count and grain") {
  for (const int threads : {1, 2, 3, 8}) {
    ThreadPool pool(threads);
    CHECK(pool.size() == threads);
    for (const Index count : {0, 1, 2, 7, 64, 1000})
      for (const Index grain : {0, 1, 3, 64, 5000}) {
        std::vector<int> visits(static_cast<std::size_t>(count), 0);
        std::atomic<int> small{0};
        parallel_for(&pool, count, grain, [&](Index begin, Index end) {
          if (begin >= end || (end - begin < grain && end != count)) ++small;
          for (Index i = begin; i < end; ++i) ++visits[static_cast<std::size_t>(i)];
        });
        CHECK(small == 0);
        CHECK(std::vector<int>(static_cast<std::size_t>(count), 1) == visits);
      }
  }
}

TEST_CASE("parallel_for uses several threads, each with an own number") {
  ThreadPool pool(4);
  std::vector<std::atomic<int>> busy(4);
  std::atomic<int> started{0}, clashes{0};
  parallel_for(&pool, 4, 1, [&](Index, Index, int thread) {
    if (busy[static_cast<std::size_t>(thread)].exchange(1)) ++clashes;
    for (++started; started < 4;) std::this_thread::yield();  // ends only when four run at a time
    busy[static_cast<std::size_t>(thread)] = 0;
  });
  CHECK(started == 4);
  CHECK(clashes == 0);
}

TEST_CASE("parallel_for without a pool, and inside another, runs on its own thread") {
  const auto self = std::this_thread::get_id();
  int calls = 0;
  parallel_for(nullptr, 100, 1, [&](Index begin, Index end, int thread) {
    ++calls;
    CHECK(begin == 0);
    CHECK(end == 100);
    CHECK(thread == 0);
    CHECK(std::this_thread::get_id() == self);
  });
  CHECK(calls == 1);

  ThreadPool pool(3);
  std::atomic<int> total{0}, elsewhere{0};
  parallel_for(&pool, 16, 1, [&](Index outer_begin, Index outer_end) {
    const auto outer = std::this_thread::get_id();
    for (Index i = outer_begin; i < outer_end; ++i)
      parallel_for(&pool, 10, 1, [&](Index begin, Index end) {
        if (std::this_thread::get_id() != outer) ++elsewhere;
        total += static_cast<int>(end - begin);
      });
  });
  CHECK(total == 160);
  CHECK(elsewhere == 0);
}

TEST_CASE("one pool may serve many threads at a time, many times") {
  ThreadPool pool(3);
  std::vector<std::thread> callers;
  std::vector<int> wrong(4, 0);
  for (std::size_t c = 0; c < 4; ++c)
    callers.emplace_back([&pool, &wrong, c] {
      std::vector<Index> values(97);
      for (int round = 0; round < 500; ++round) {
        parallel_for(&pool, 97, 1, [&](Index begin, Index end) {
          for (Index i = begin; i < end; ++i) values[static_cast<std::size_t>(i)] = i * round;
        });
        for (Index i = 0; i < 97; ++i) wrong[c] += values[static_cast<std::size_t>(i)] != i * round;
      }
    });
  for (std::thread& caller : callers) caller.join();
  CHECK(wrong == std::vector<int>(4, 0));
}

TEST_CASE("an exception in a body reaches the caller and leaves the pool in order") {
  for (const int threads : {1, 2, 4}) {
    ThreadPool pool(threads);
    for (int round = 0; round < 50; ++round)
      CHECK_THROWS_AS(parallel_for(&pool, 64, 1,
                                   [&](Index begin, Index end) {
                                     if (begin <= 17 && 17 < end) throw std::runtime_error("seventeen");
                                   }),
                      std::runtime_error);
    std::atomic<Index> sum{0};
    parallel_for(&pool, 64, 1, [&](Index begin, Index end) {
      for (Index i = begin; i < end; ++i) sum += i;
    });
    CHECK(sum == 64 * 63 / 2);
  }
}

TEST_CASE("a pool takes 1 to 1024 threads, KEEL_THREADS likewise") {
  CHECK_THROWS_AS(ThreadPool(0), ConfigError);
  CHECK_THROWS_AS(ThreadPool(-1), ConfigError);
  CHECK_THROWS_AS(ThreadPool(1025), ConfigError);
  CHECK(thread_count(nullptr) == 1);

  const char* before = std::getenv("KEEL_THREADS");
  const std::string saved = before ? before : "";
  unsetenv("KEEL_THREADS");
  CHECK(default_threads() == 1);
  setenv("KEEL_THREADS", "3", 1);
  CHECK(default_threads() == 3);
  CHECK(ThreadPool().size() == 3);
  for (const char* bad : {"0", "-2", "two", "2x", "4096", " "}) {
    setenv("KEEL_THREADS", bad, 1);
    CHECK_THROWS_WITH_AS(
        default_threads(),
        (std::string("[KEEL_THREADS] expected a number of threads, 1 to 1024, got '") + bad + "'").c_str(),
        ConfigError);
  }
  if (before)
    setenv("KEEL_THREADS", saved.c_str(), 1);
  else
    unsetenv("KEEL_THREADS");
}
