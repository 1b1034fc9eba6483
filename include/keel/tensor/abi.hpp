#pragma once
/// Every keel name lives in `keel::inline KEEL_ABI`, a namespace whose name carries what may change the
/// layout or the inlined body of keel's types: the Eigen major version, Eigen's largest alignment
/// (set by -m flags and by AddressSanitizer) and -ffast-math. Two translation units that differ in them cannot
/// exchange keel objects: the link fails instead of memory being corrupted, or of one unit's flags deciding what
/// the other computes.

#if (defined(_MSVC_LANG) ? _MSVC_LANG : __cplusplus) <= 201703L
#error "keel needs C++20: compile with -std=c++20"
#endif
#if !defined(__cpp_exceptions)
#error "keel needs exceptions: compile without -fno-exceptions"
#endif

#include <Eigen/Core>

#if defined(__FAST_MATH__) || (defined(__FINITE_MATH_ONLY__) && __FINITE_MATH_ONLY__)
#define KEEL_ABI_MATH _fast_math
#ifndef KEEL_ALLOW_FAST_MATH
#warning "keel: -ffast-math changes NaN and infinity handling; define KEEL_ALLOW_FAST_MATH to silence this"
#endif
#else
#define KEEL_ABI_MATH
#endif

/// Define KEEL_SIMD_OFF in every unit of a program to have the kernels made of Eigen's vectors for the compiler's flags
/// (-mavx2 -mfma, /arch:AVX2) instead of keel's for every instruction set, chosen at run time. It is so where the
/// compiler has no vectors of its own (MSVC), or no library that knows the processor (clang-cl). Values differ from
/// those of the other levels by rounding; whether two machines give the same bits is up to the flags and to Eigen.
#if !defined(KEEL_SIMD_OFF) && (defined(_MSC_VER) || !(defined(__GNUC__) || defined(__clang__)))
#define KEEL_SIMD_OFF
#endif
#if defined(KEEL_SIMD_OFF)
#define KEEL_ABI_SIMD _simd_off
#else
#define KEEL_ABI_SIMD
#endif

#define KEEL_ABI_JOIN2(eigen, align, math, simd) v0_eigen##eigen##_align##align##math##simd
#define KEEL_ABI_JOIN(eigen, align, math, simd) KEEL_ABI_JOIN2(eigen, align, math, simd)

#if EIGEN_MAX_ALIGN_BYTES == 0
#define KEEL_ABI KEEL_ABI_JOIN(EIGEN_MAJOR_VERSION, 0, KEEL_ABI_MATH, KEEL_ABI_SIMD)
#elif EIGEN_MAX_ALIGN_BYTES <= 16
#define KEEL_ABI KEEL_ABI_JOIN(EIGEN_MAJOR_VERSION, 16, KEEL_ABI_MATH, KEEL_ABI_SIMD)
#elif EIGEN_MAX_ALIGN_BYTES == 32
#define KEEL_ABI KEEL_ABI_JOIN(EIGEN_MAJOR_VERSION, 32, KEEL_ABI_MATH, KEEL_ABI_SIMD)
#else
#define KEEL_ABI KEEL_ABI_JOIN(EIGEN_MAJOR_VERSION, 64, KEEL_ABI_MATH, KEEL_ABI_SIMD)
#endif

/// KEEL_INSTANCE(class Conv2D<float>) stands in each header behind the templates that programs use most. It is
/// nothing, unless KEEL_COMPILED is defined as `linked`: then their code for float is not compiled again, but linked
/// from compiled.cpp, which the program compiles once. CMake: keel::compiled.
#ifdef KEEL_COMPILED
#define KEEL_COMPILED_IS_linked 1
#define KEEL_COMPILED_IS2(how) KEEL_COMPILED_IS_##how
#define KEEL_COMPILED_IS(how) KEEL_COMPILED_IS2(how)
#if !KEEL_COMPILED_IS(KEEL_COMPILED)
#error \
    "keel needs its library for KEEL_COMPILED: link keel::compiled, or say -DKEEL_COMPILED=linked and add every compiled.cpp"
#endif
#define KEEL_INSTANCE(...) extern template __VA_ARGS__;
#else
#define KEEL_INSTANCE(...)
#endif
