#pragma once

#include <keel/kernels/scratch.hpp>

namespace keel::inline KEEL_ABI {

class ThreadPool;

/// What a kernel may use besides its arguments: temporary memory and, when not null, threads.
struct KernelContext {
  Scratch& scratch;
  ThreadPool* threads = nullptr;
};

}  // namespace keel::inline KEEL_ABI
