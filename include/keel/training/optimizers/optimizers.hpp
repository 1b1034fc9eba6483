#pragma once
/// The optimizers that every program has, and what runs them.

#include <keel/training/optimizers/adagrad.hpp>
#include <keel/training/optimizers/adam.hpp>
#include <keel/training/optimizers/optimizer.hpp>
#include <keel/training/optimizers/rmsprop.hpp>
#include <keel/training/optimizers/sgd.hpp>

namespace keel {
inline namespace KEEL_ABI {

/// An optimizer with its defaults, by Keras's name: "adam", "adamw", "sgd", "rmsprop", "adagrad". Throws ConfigError
/// for another.
inline OptimizerSpec optimizer_named(std::string_view name) {
  if (name == "adam") return Adam();
  if (name == "adamw") return AdamW();
  if (name == "sgd") return SGD();
  if (name == "rmsprop") return RMSprop();
  if (name == "adagrad") return Adagrad();
  throw ConfigError("optimizer", "one of adam, adamw, sgd, rmsprop, adagrad", "\"" + std::string(name) + "\"",
                    "other optimizers are classes, such as Lion()");
}

}  // namespace KEEL_ABI
}  // namespace keel
