// An optimizer goes on with a model that has parts of the one it has trained.
#include <doctest/doctest.h>

#include <keel/model/parts.hpp>
#include <keel/training/fit.hpp>
#include <keel/training/keep_state.hpp>

#include "small_problem.hpp"

using namespace keel;
using namespace small_problem;

namespace keep_state_test {  // a name of its own: the files of a folder are compiled together

FitOptions<float> options(Optimizer<float>& optimizer, Index first, Index epochs) {
  return {.epochs = epochs,
          .optimizer = &optimizer,
          .loss = Loss::sparse_categorical_crossentropy,
          .seed = 3,
          .initial_epoch = first,
          .verbose = Verbose::silent};
}

TEST_CASE("a copy of the model goes on to the same bits") {
  const Dataset<float> data = rings(40, 1);
  for (const OptimizerSpec& spec : {OptimizerSpec(Adam()), Adam::torch(), OptimizerSpec(SGD({.momentum = 0.9}))}) {
    Sequential<float> whole = classifier(), begun = classifier();
    Optimizer<float> one = spec, other = spec;
    fit(whole, data, options(one, 0, 4));
    fit(begun, data, options(other, 0, 2));
    Model<float> copy = begun.truncate("dense_2");
    keep_state(other, begun, copy);
    fit(copy, data, options(other, 2, 4));
    CHECK(values(copy) == values(whole));
  }
}

TEST_CASE("what stays keeps its slots and steps, what is new has none") {
  const Dataset<float> data = rings(40, 1);
  Sequential<float> model = classifier();
  Optimizer<float> optimizer = Adam::torch();
  fit(model, data, options(optimizer, 0, 2));
  const OptimizerState<float> before = optimizer.state();
  Sequential<float> head({16});
  head.add(Dense(5, {.name = "new"})).add(Dense(3, {.activation = Activation::softmax, .name = "dense_2"}));
  Model<float> next = model.replace_head("dense_1", head);
  keep_state(optimizer, model, next);
  const OptimizerState<float>& after = optimizer.state();
  CHECK(after.iteration == before.iteration);
  REQUIRE(after.slots.size() == 8);
  for (std::size_t i = 0; i < 4; ++i) {
    CHECK(after.slots[i] == before.slots[i]);
    CHECK(after.steps[i] == before.iteration);
  }
  CHECK(after.slots[4].empty());
  CHECK(after.steps[4] == 0);
  CHECK(after.slots[6].empty());             // another shape
  CHECK(after.slots[7] == before.slots[5]);  // a bias of the same name and shape
  fit(next, data, options(optimizer, 2, 3));
  CHECK(optimizer.state().slots[4].size() == 2);
  Sequential<float> inner = classifier();
  CHECK_THROWS_AS(keep_state(optimizer, inner, next), ConfigError);
}

}  // namespace keep_state_test
