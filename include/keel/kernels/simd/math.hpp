#pragma once
/// Elementary functions on vectors, once per instruction set.

#include <bit>
#include <cmath>
#include <limits>

#include <keel/kernels/simd/vector.hpp>

#define KEEL_SIMD_SOURCE <keel/kernels/simd/math.inl>
#include <keel/kernels/simd/foreach.inl>
