// The same for the formats of <keel/io/load.hpp>.

#ifndef KEEL_COMPILED
#define KEEL_COMPILED linked
#endif
#include <keel/keel.hpp>

#undef KEEL_INSTANCE
#define KEEL_INSTANCE(...) template __VA_ARGS__;

#include <keel/io/load.hpp>
