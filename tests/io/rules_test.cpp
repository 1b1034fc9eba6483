// Penalties, constraints, rates and decays of parameters in files that hold a model.
#include <doctest/doctest.h>

#include <keel/io/load.hpp>
#include <keel/layers/registry.hpp>
#include <keel/model/sequential.hpp>

#include "support/message.hpp"

using namespace keel;

namespace rules_test {  // a name of its own: the files of a folder are compiled together

TEST_CASE("the rules of parameters survive every format that holds a model") {
  Sequential<float> model({6, 6, 2});
  model.add(Conv2D(3, 3, {.kernel_regularizer = L1L2(0.1, 0.2), .kernel_constraint = MaxNorm(1.5, {0, 1, 2})}));
  model.add(DepthwiseConv2D(3)).add(BatchNorm()).add(Flatten());
  model.add(Dense(
      4,
      {.bias_regularizer = L2(0.3), .kernel_constraint = MinMaxNorm(0.5, 1, 0.25, {0}), .bias_constraint = NonNeg()}));
  model.layer(1).parameters()[0]->rule.regularizer = L1(0.7);
  model.layer(2).parameters()[0]->rule.constraint = UnitNorm();
  model.layer(4).parameters()[0]->rule.rate = 0.1;
  model.layer(4).parameters()[1]->rule.weight_decay = 0.0;
  for (const char* extension : {"safetensors", "keras", "h5", "json"}) {
    CAPTURE(extension);
    const std::string folder = "/tmp/keel_rules_test." + std::to_string(::getpid());
    const std::string path = folder + "." + extension;
    save(model, path);
    std::vector<std::string> notes;
    Model<float> loaded = load<float>(path, {.notes = &notes});
    REQUIRE(loaded.parameters().size() == model.parameters().size());
    for (std::size_t i = 0; i < model.parameters().size(); ++i) {
      CAPTURE(i);
      CHECK(loaded.parameters()[i]->rule == model.parameters()[i]->rule);
    }
    for (const std::string& note : notes) CHECK(!contains(note, "regularizer"));
  }
}

TEST_CASE("rules of a layer inside another survive Keras's files, in the layer inside") {
  const Regularizer regularizer = L1L2(0.1, 0.2);
  const auto model_of = [&](auto layer, const Shape& input) {
    Sequential<float> model(input);
    model.add(std::move(layer));
    for (Parameter<float>* p : model.layer(0).parameters())
      if (p->name().ends_with("kernel") && !p->name().ends_with("recurrent_kernel")) {
        p->rule.regularizer = regularizer;
        p->rule.constraint = MaxNorm(1.5, {0});
      }
    return model;
  };
  const std::string path = "/tmp/keel_rules_test." + std::to_string(::getpid());
  const auto check = [&](Sequential<float> model) {
    for (const char* extension : {".keras", ".h5"}) {
      save(model, path + extension);
      const Model<float> loaded = load<float>(path + extension);
      const auto mine = model.parameters();
      const auto theirs = loaded.parameters();
      REQUIRE(theirs.size() == mine.size());
      for (std::size_t i = 0; i < mine.size(); ++i) CHECK(theirs[i]->rule == mine[i]->rule);
    }
  };
  check(model_of(TimeDistributed<float>(Dense<float>(2)), {3, 4}));
  check(model_of(TimeDistributed<float>(SeparableConv2D<float>(2, 2)), {3, 4, 4, 2}));
  check(model_of(Bidirectional<float>(LSTM<float>(2)), {3, 4}));

  Sequential<float> two = model_of(Bidirectional<float>(LSTM<float>(2)), {3, 4});
  two.layer(0).parameters()[0]->rule = {};
  CHECK_THROWS_WITH_AS(save(two, path + ".keras"),
                       doctest::Contains("expected one rule of kernel for both directions, got two"), ConfigError);
}

}  // namespace rules_test
