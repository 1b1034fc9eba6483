/// The rows of dialects/keras.hpp against the registry: every class and every option has its place in every world of
/// Keras.

#include <set>

#include <doctest/doctest.h>

#include <keel/dialects/keras.hpp>
#include <keel/formats/json.hpp>
#include <keel/layers/registry.hpp>

#include "dialects/one_of_each.hpp"

using namespace keel;
using namespace keel::dialects;

namespace {

constexpr unsigned worlds[] = {keras2, keras3, tfjs};

/// Whether a row says what becomes of an option of keel's in that world.
bool names(const KerasRow& row, std::string_view option, unsigned world) {
  const auto says = [&](const Option& each) {
    return each.keel == option_of_entry(option) &&
           (each.use == Use::neutral || each.use == Use::kept || (each.worlds & world) != 0);
  };
  return std::any_of(row.options.begin(), row.options.end(), says) ||
         std::any_of(std::begin(keras_common), std::end(keras_common), says);
}

std::vector<Json> values_of(std::string_view text) {
  std::vector<Json> values;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = (std::min)(text.find(' ', at), text.size());
    values.push_back(parse_json(text.substr(at, end - at), "values"));
    at = end + 1;
  }
  return values;
}

}  // namespace

TEST_CASE("every class of the registry has a row for Keras, and each of its options a place in each world") {
  for (const AnyLayer<float>& layer : one_of_each()) {
    CAPTURE(layer->type());
    const KerasRow* const row = keras_row(layer->type());
    REQUIRE(row);
    const Config config = layer->config();
    const KerasRow* inner = nullptr;  // of a layer inside, whose options stand among the others
    for (const Option& option : row->options)
      if (option.form == Form::layer) inner = keras_row(config.get<std::string>(option.keel, ""));
    for (const auto& [option, value] : config.entries())
      for (const unsigned world : worlds) {
        const auto& the_option = option;  // clang before 16 captures no structured binding
        CAPTURE(the_option);
        CAPTURE(world);
        // where a world lacks the class nothing is written
        CHECK((names(*row, option, world) || (inner && names(*inner, option, world)) || (row->worlds & world) == 0 ||
               option == "activation_alpha"));
      }
    for (const Parameter<float>* parameter : std::as_const(*layer).parameters()) {
      CAPTURE(parameter->name());
      CHECK(std::any_of(row->weights.begin(), row->weights.end(),
                        [&](const Weight& weight) { return weight.keel == parameter->name(); }));
    }
  }
}

TEST_CASE("the rows for Keras speak of options that their layers have") {
  for (const AnyLayer<float>& layer : one_of_each()) {
    CAPTURE(layer->type());
    for (const KerasRow& row : keras_rows)
      if (row.type == layer->type())
        for (const Option& option : row.options)
          if (!option.keel.empty()) {
            CAPTURE(option.keel);
            Config config = layer->config();
            // an optional option is not written where there is none, and may not go with the others
            if (!config.find(option.keel)) config.set(option.keel, 1.0);
            try {
              make_layer(layer->type(), config);
            } catch (const ConfigError& error) {
              CHECK(error.expected().find("options among") == std::string::npos);
            }
          }
  }
}

TEST_CASE("a key means one thing, and values are JSON") {
  for (const KerasRow& row : keras_rows) {
    CAPTURE(row.name);
    for (const unsigned world : worlds) {
      std::set<std::string_view> keys, options;
      for (const Option& option : row.options) {
        CAPTURE(option.key);
        CAPTURE(option.keel);
        CHECK_NOTHROW(values_of(option.values));
        CHECK((!option.key.empty() || !option.keel.empty()));
        if ((option.worlds & world) == 0) continue;
        CHECK((option.key.empty() || keys.insert(option.key).second));
        CHECK((option.keel.empty() || options.insert(option.keel).second));
      }
    }
    CHECK((row.pads.empty() || keras_class(row.pads)));
    CHECK((row.kind == KerasKind::layer) == !row.type.empty());
  }
  for (const Option& option : keras_common) CHECK_NOTHROW(values_of(option.values));
}

TEST_CASE("rows are found by keel's name and by Keras's") {
  CHECK(keras_row("Dense")->name == "Dense");
  CHECK(keras_class("BatchNormalizationV1")->type == "BatchNormalization");
  CHECK(keras_row("BatchNormalization")->name == "BatchNormalization");
  CHECK(keras_row("") == nullptr);
  CHECK(keras_row("InputLayer") == nullptr);
  CHECK(keras_class("InputLayer")->kind == KerasKind::input);
  CHECK(keras_class("Lambda") == nullptr);
  CHECK(keras_structure(KerasKind::functional).name == "Functional");
  CHECK(keras_option(*keras_class("LeakyReLU"), "alpha", keras3)->keel == "negative_slope");
  CHECK(keras_option(*keras_class("UpSampling2D"), "interpolation", keras2)->use == Use::mapped);
  CHECK(keras_option(*keras_class("UpSampling2D"), "interpolation", tfjs)->use == Use::fixed);
  CHECK(keras_option(*keras_class("Dense"), "kernel_regularizer", tfjs)->use == Use::noted);
  CHECK(keras_option(*keras_class("Dense"), "filters", keras2) == nullptr);
  CHECK(keras_option(*keras_class("Dense"), "", keras2) == nullptr);
}

TEST_CASE("every activation has a name of its own in each world of Keras") {
  for (const std::string_view name : activation_names) {
    CAPTURE(name);
    CHECK(find_row(keras_activations, &KerasActivation::keel, name));
  }
  for (const KerasActivation& row : keras_activations) CHECK_NOTHROW(activation_from_name(row.keel));
}
