#pragma once
/// All that a program needs to build, count, train, run, save and load networks. Each header also stands alone:
/// a program that includes what it uses compiles faster.
/// Files of Keras, PyTorch and others: <keel/io/load.hpp>.

#include <keel/version.hpp>

// first: it says what compiler keel needs
#include <keel/tensor/abi.hpp>

#include <keel/tensor/print.hpp>

#include <keel/layers/registry.hpp>
#include <keel/model/dot.hpp>
#include <keel/model/parts.hpp>
#include <keel/model/sequential.hpp>
#include <keel/model/summary/summary.hpp>
#include <keel/training/augment.hpp>
#include <keel/training/checkpoint.hpp>
#include <keel/training/fit.hpp>
#include <keel/training/optimizers/optimizers.hpp>
#include <keel/training/schedules.hpp>

#include <keel/io/datasets/datasets.hpp>
#include <keel/io/keel/model_file.hpp>
