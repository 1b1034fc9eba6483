// Includes KEEL_SIMD_SOURCE once per instruction set, each time in a namespace of its own.
//
// How to add a kernel `foo`:
//  1. Write the body in simd/foo.inl: no #pragma once, no #include, no namespace; function templates on T made
//     of the types and functions of simd/vector.inl (Vector<T>, lanes<T>, load, store, fma, Tail<T>, ...).
//     Sizes of register tiles stand in simd/tiles.inl. KEEL_SIMD_UNROLL stands before a loop of few, constant
//     rounds over an array of vectors, which then lives in registers at -O2 too.
//  2. In foo.hpp:     #include <keel/kernels/simd/vector.hpp>
//                     #define KEEL_SIMD_SOURCE <keel/kernels/simd/foo.inl>
//                     #include <keel/kernels/simd/foreach.inl>
//     This defines simd::baseline::foo, simd::avx2::foo and simd::avx512::foo.
//  3. Call it:        KEEL_SIMD_CALL(context.simd, foo<T>)(arguments);
//     Only what is called is instantiated. Make the call coarse: a whole row or tensor, not one vector.
//
// Rules inside foo.inl:
//  - Every function that touches a Vector<T> must be written there, because gcc lowers vector arithmetic for the
//    target of the function it is written in, before inlining. Mark small helpers KEEL_SIMD_INLINE.
//  - No lambdas: inside a template they lose the target on gcc. A struct with a member function is fine.
//  - No templates of the standard library: their bodies are shared with the rest of the program.
//  - Elements past the last full vector go through Tail<T>, so that they get the same bits as a lane does.
//  - Parallelism stays outside, in foo.hpp.

#ifndef KEEL_SIMD_SOURCE
#error "define KEEL_SIMD_SOURCE before this file is included"
#endif

// NOLINTBEGIN
#define KEEL_SIMD_LEVEL 0
#if defined(KEEL_SIMD_OFF)  // Eigen's vectors
#define KEEL_SIMD_BYTES 0
#else
#define KEEL_SIMD_BYTES 16
#endif
#if defined(__aarch64__) || (defined(KEEL_SIMD_OFF) && defined(EIGEN_VECTORIZE_AVX512))
#define KEEL_SIMD_REGISTERS 32
#else
#define KEEL_SIMD_REGISTERS 16
#endif
#if KEEL_SIMD_X86  // few machines run it, every compiler has to read it: small rather than fast
#define KEEL_SIMD_UNROLL
#else
#define KEEL_SIMD_UNROLL KEEL_SIMD_UNROLLED
#endif
namespace keel {
inline namespace KEEL_ABI {
namespace simd::baseline {
#include KEEL_SIMD_SOURCE
}  // namespace simd::baseline
}  // namespace KEEL_ABI
}  // namespace keel
#undef KEEL_SIMD_LEVEL
#undef KEEL_SIMD_BYTES
#undef KEEL_SIMD_REGISTERS
#undef KEEL_SIMD_UNROLL

#if KEEL_SIMD_X86

#define KEEL_SIMD_UNROLL KEEL_SIMD_UNROLLED
#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx2,fma")
#endif
#define KEEL_SIMD_LEVEL 1
#define KEEL_SIMD_BYTES 32
#define KEEL_SIMD_REGISTERS 16
namespace keel {
inline namespace KEEL_ABI {
namespace simd::avx2 {
#include KEEL_SIMD_SOURCE
}  // namespace simd::avx2
}  // namespace KEEL_ABI
}  // namespace keel
#undef KEEL_SIMD_LEVEL
#undef KEEL_SIMD_BYTES
#undef KEEL_SIMD_REGISTERS
#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif

#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2,fma,avx512f,avx512bw,avx512dq,avx512vl"))), \
                             apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx2,fma,avx512f,avx512bw,avx512dq,avx512vl")
#endif
#define KEEL_SIMD_LEVEL 2
#define KEEL_SIMD_BYTES 64
#define KEEL_SIMD_REGISTERS 32
namespace keel {
inline namespace KEEL_ABI {
namespace simd::avx512 {
#include KEEL_SIMD_SOURCE
}  // namespace simd::avx512
}  // namespace KEEL_ABI
}  // namespace keel
#undef KEEL_SIMD_LEVEL
#undef KEEL_SIMD_BYTES
#undef KEEL_SIMD_REGISTERS
#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif

#undef KEEL_SIMD_UNROLL
#endif  // KEEL_SIMD_X86
// NOLINTEND

#undef KEEL_SIMD_SOURCE
