#pragma once
/// All layers.

#include <keel/layers/registry.hpp>
