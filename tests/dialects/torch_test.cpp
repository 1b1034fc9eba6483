/// The rows of dialects/torch.hpp against the registry: every class, option and weight has its place.

#include <set>

#include <doctest/doctest.h>

#include <keel/dialects/keras.hpp>
#include <keel/dialects/torch.hpp>
#include <keel/dialects/torch_classes.hpp>
#include <keel/layers/registry.hpp>

#include "dialects/one_of_each.hpp"

using namespace keel;
using namespace keel::dialects;

namespace {

/// Shapes of samples, one of which fits each class.
const Shape samples[] = {{6, 6, 3}, {6, 3}, {6}, {4, 4, 4, 2}, {4, 4}, {2, 4, 4, 4, 2}};

/// The modules of a layer at a place that it fits.
TorchBuilder built(const TorchRow& row, const Config& config) {
  const AnyLayer<float> layer = make_layer(row.type, config);  // a new one has no weights that want other shapes
  for (const Shape& sample : samples)
    for (const std::size_t count : {1, 2}) {
      const std::vector<Shape> inputs(count, sample);
      try {
        const Shape output = layer->output_shape(inputs);
        return TorchBuilder(row, {layer->who(), config, inputs, output});
      } catch (const ShapeError&) {  // the next one
      }
    }
  throw ConfigError(layer->who(), "a shape among those of the test", "none");
}

bool has_class(std::string_view name) { return find_row(torch_classes, &TorchClass::name, name) != nullptr; }

}  // namespace

TEST_CASE("every class of the registry has a row for PyTorch, with each of its options and weights") {
  for (const AnyLayer<float>& layer : one_of_each()) {
    CAPTURE(layer->type());
    const TorchRow* const row = torch_row(layer->type());
    REQUIRE(row);
    const Config config = layer->config();
    for (const auto& [name, value] : config.entries()) {
      const auto& the_name = name;  // clang before 16 captures no structured binding
      CAPTURE(the_name);
      CHECK((row->wraps ||
             std::any_of(row->options.begin(), row->options.end(),
                         [&, key = option_of_entry(name)](const Option& option) { return option.keel == key; })));
    }
    for (const Parameter<float>* parameter : std::as_const(*layer).parameters()) {
      CAPTURE(parameter->name());
      CHECK(std::any_of(row->weights.begin(), row->weights.end(),
                        [&](const Weight& weight) { return weight.keel == parameter->name(); }));
    }
  }
}

TEST_CASE("every row for PyTorch is a class of the registry, once, with modules or a function") {
  std::set<std::string_view> types;
  for (const AnyLayer<float>& layer : one_of_each()) types.insert(torch_row(layer->type())->type);
  std::set<std::string_view> seen;
  for (const TorchRow& row : torch_rows) {
    CAPTURE(row.type);
    CHECK(types.count(row.type) == 1);
    CHECK(seen.insert(row.type).second);
    CHECK((row.modules == nullptr) != row.function.empty());
  }
}

TEST_CASE("every row for PyTorch makes modules that hold all weights once, and its own classes have code") {
  for (const AnyLayer<float>& layer : one_of_each()) {
    CAPTURE(layer->type());
    const TorchRow& row = *torch_row(layer->type());
    const TorchBuilder builder = built(row, layer->config());
    if (row.refused)
      CHECK_THROWS_WITH_AS(builder.require(), doctest::Contains("expected a class of layer that PyTorch has, got "),
                           ConfigError);
    else
      CHECK_NOTHROW(builder.require());
    CHECK(builder.modules().empty() == (row.modules == nullptr));
    std::set<std::string> suffixes;
    std::multiset<std::string_view> held;
    for (const TorchModule& module : builder.modules()) {
      CAPTURE(module.class_name);
      CHECK(suffixes.insert(module.suffix).second);
      CHECK(module.own == has_class(module.class_name));
      CHECK(module.output.rank() > 0);
      for (const Weight& weight : module.weights) held.insert(weight.keel);
    }
    for (const Parameter<float>* parameter : std::as_const(*layer).parameters())
      CHECK(held.count(parameter->name()) == 1);
  }
}

TEST_CASE("TimeDistributed names the weights of every class that it may have inside, in both worlds") {
  int classes = 0;
  for (const AnyLayer<float>& layer : one_of_each()) {
    CAPTURE(layer->type());
    try {
      TimeDistributed<float> around(layer);
    } catch (const ConfigError&) {  // it takes no steps
      continue;
    }
    const auto has = [](std::span<const Weight> weights, const std::string& name) {
      return std::any_of(weights.begin(), weights.end(), [&](const Weight& weight) { return weight.keel == name; });
    };
    for (const Parameter<float>* parameter : std::as_const(*layer).parameters()) {
      CAPTURE(parameter->name());
      CHECK(has(torch_row("TimeDistributed")->weights, parameter->name()));
      CHECK(has(keras_row("TimeDistributed")->weights, parameter->name()));
      ++classes;
    }
  }
  CHECK(classes > 30);
}

TEST_CASE("an option that no row for PyTorch knows is refused by layer and name") {
  const Config config{{"rate", 0.5}, {"surprise", true}};
  const TorchBuilder builder(*torch_row("Dropout"), {"drop (Dropout)", config, {Shape{4}}, Shape{4}});
  CHECK_THROWS_WITH_AS(builder.require(),
                       doctest::Contains("[drop (Dropout)] expected options that PyTorch has, got \"surprise\""),
                       ConfigError);
}

TEST_CASE("every activation has a module in PyTorch") {
  for (const std::string_view name : activation_names) {
    CAPTURE(name);
    CHECK((torch_function(activation_from_name(std::string(name))) != nullptr));
  }
}

TEST_CASE("numbers as Python reads them") {
  CHECK(python(0.1) == "0.1");
  CHECK(python(1 / 255.0) == "0.00392156862745098");
  CHECK(python(1 - 0.99, 15) == "0.01");
  CHECK(python(HUGE_VAL) == "float('inf')");
  CHECK(python(-HUGE_VAL) == "float('-inf')");
}
