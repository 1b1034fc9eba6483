#pragma once

#include <cmath>

#include <keel/model/model.hpp>

/// Gives every parameter other values than a new model has, all within 0.1 and 0.9, and every counter 17.
inline void scramble(keel::Model<>& model) {
  float next = 0.01f;
  for (keel::Parameter<float>* p : model.parameters())
    p->update([&](keel::TensorView<float> value) {
      for (float& v : value) v = 0.1f + std::fmod(next += 0.37f, 0.8f);
    });
  for (keel::Index l = 0; l < model.layer_count(); ++l)
    for (keel::Counter* counter : model.layer(l).counters()) counter->value = 17;
}
