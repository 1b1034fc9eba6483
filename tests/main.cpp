#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include <doctest/doctest.h>
#include <malloc.h>

#include <cstdint>
#include <cstdlib>
#include <new>

#include "support/allocations.hpp"

Allocations allocations;

// clang's thread sanitizer has operators of its own, and nothing is counted then
#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define KEEL_TEST_SANITIZER_NEW
#endif
#endif

#ifndef KEEL_TEST_SANITIZER_NEW

// the operators below allocate with aligned_alloc, whatever form of new they replace
#pragma GCC diagnostic ignored "-Wmismatched-new-delete"

namespace {

void* allocate(std::size_t size, std::size_t alignment) noexcept {
  ++allocations.count;
  const long left = allocations.succeed--;
  if (left == 0 || (left < 0 && allocations.fail_on) || size > PTRDIFF_MAX) return nullptr;
  void* const memory = std::aligned_alloc(alignment, size / alignment * alignment + alignment);
  if (memory == nullptr) return nullptr;
  const std::size_t in_use = allocations.in_use += ::malloc_usable_size(memory);
  if (in_use > allocations.peak) allocations.peak = in_use;
  return memory;
}
void* allocate_or_throw(std::size_t size, std::size_t alignment) {
  if (void* const memory = allocate(size, alignment)) return memory;
  throw std::bad_alloc();
}
void release(void* memory) noexcept {
  if (memory != nullptr) allocations.in_use -= ::malloc_usable_size(memory);
  std::free(memory);
}

}  // namespace

void* operator new(std::size_t size) { return allocate_or_throw(size, alignof(std::max_align_t)); }
void* operator new(std::size_t size, std::align_val_t alignment) {
  return allocate_or_throw(size, static_cast<std::size_t>(alignment));
}
void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  return allocate(size, alignof(std::max_align_t));
}
void operator delete(void* memory) noexcept { release(memory); }
void operator delete(void* memory, std::size_t) noexcept { release(memory); }
void operator delete(void* memory, const std::nothrow_t&) noexcept { release(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { release(memory); }
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept { release(memory); }

#endif
