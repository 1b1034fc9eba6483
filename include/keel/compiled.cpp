// The code of every KEEL_INSTANCE: what a program that defines KEEL_COMPILED compiles once.

#include <keel/tensor/abi.hpp>

#undef KEEL_INSTANCE
#define KEEL_INSTANCE(...) template __VA_ARGS__;

#include <keel/keel.hpp>
