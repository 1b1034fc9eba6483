#pragma once
/// What every kernel is called with.

#include <keel/kernels/scratch.hpp>
#include <keel/kernels/simd/level.hpp>

namespace keel {
inline namespace KEEL_ABI {

class ThreadPool;

/// What a kernel may use besides its arguments: temporary memory, threads when not null, and the instruction
/// set, which must be one that the machine has.
struct KernelContext {
  Scratch& scratch;
  ThreadPool* threads = nullptr;
  SimdLevel simd = simd_level();
};

}  // namespace KEEL_ABI
}  // namespace keel
