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
  Scratch& scratch;               ///< memory that is reused from call to call
  ThreadPool* threads = nullptr;  ///< null: on the calling thread alone
  SimdLevel simd = simd_level();  ///< the instruction set
};

}  // namespace KEEL_ABI
}  // namespace keel
