// The code of every KEEL_INSTANCE: what a program that defines KEEL_COMPILED compiles once, in four files that can be
// compiled at the same time: kernels/compiled.cpp, layers/compiled.cpp, this one (models and training), and
// io/compiled.cpp (the formats of <keel/io/load.hpp>). Each takes what stands in those before it from there.

#ifndef KEEL_COMPILED
#define KEEL_COMPILED linked
#endif
#include <keel/layers/layers.hpp>

#undef KEEL_INSTANCE
#define KEEL_INSTANCE(...) template __VA_ARGS__;

#include <keel/keel.hpp>
