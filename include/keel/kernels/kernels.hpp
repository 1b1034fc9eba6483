#pragma once
/// All kernels that layers, losses and metrics call.

#include <keel/kernels/activation.hpp>
#include <keel/kernels/batch_norm.hpp>
#include <keel/kernels/conv2d/conv2d.hpp>
#include <keel/kernels/conv2d/depthwise.hpp>
#include <keel/kernels/dense.hpp>
#include <keel/kernels/elementwise.hpp>
#include <keel/kernels/pool.hpp>
#include <keel/kernels/reduce.hpp>
#include <keel/kernels/softmax.hpp>
