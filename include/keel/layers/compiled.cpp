// The code of the layers for float: a part of keel::compiled, see ../compiled.cpp.

#ifndef KEEL_COMPILED
#define KEEL_COMPILED linked
#endif
#include <keel/kernels/kernels.hpp>
#include <keel/tensor/tensor.hpp>

#undef KEEL_INSTANCE
#define KEEL_INSTANCE(...) template __VA_ARGS__;

#include <keel/layers/layers.hpp>
