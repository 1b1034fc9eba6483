#pragma once
/// The optimizers that every program has, and what runs them.

#include <keel/training/optimizers/adagrad.hpp>
#include <keel/training/optimizers/adam.hpp>
#include <keel/training/optimizers/optimizer.hpp>
#include <keel/training/optimizers/rmsprop.hpp>
#include <keel/training/optimizers/sgd.hpp>
