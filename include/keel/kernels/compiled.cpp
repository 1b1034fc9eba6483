// The code of tensors and kernels for float: a part of keel::compiled, see ../compiled.cpp.

#include <keel/tensor/abi.hpp>

#undef KEEL_INSTANCE
#define KEEL_INSTANCE(...) template __VA_ARGS__;

#include <keel/kernels/kernels.hpp>
#include <keel/tensor/tensor.hpp>
