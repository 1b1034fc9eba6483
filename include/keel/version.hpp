#pragma once
/// The version of these headers; CMake, the packages and the files that keel writes take it from here.

/// From 1.0 on, raised where programs have to change.
#define KEEL_VERSION_MAJOR 0
/// Raised where something is added; before 1.0, where programs have to change.
#define KEEL_VERSION_MINOR 2
/// Raised where something is mended.
#define KEEL_VERSION_PATCH 0

#define KEEL_DOTTED2(a, b, c) #a "." #b "." #c
#define KEEL_DOTTED(a, b, c) KEEL_DOTTED2(a, b, c)
/// "0.2.0"
#define KEEL_VERSION KEEL_DOTTED(KEEL_VERSION_MAJOR, KEEL_VERSION_MINOR, KEEL_VERSION_PATCH)
