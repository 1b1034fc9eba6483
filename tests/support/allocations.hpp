#pragma once
/// The memory of a test program: tests/main.cpp replaces operator new to count it, and to let it fail.

#include <atomic>
#include <cstddef>
#include <limits>

struct Allocations {
  std::atomic<long> count{0};                                   ///< calls of operator new so far
  std::atomic<std::size_t> in_use{0}, peak{0};                  ///< bytes
  std::atomic<long> succeed{std::numeric_limits<long>::max()};  ///< so many more calls, then one fails
  std::atomic<bool> fail_on{false};                             ///< and all calls after it
};
extern Allocations allocations;
