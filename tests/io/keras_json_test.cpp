/// A Keras configuration as bare JSON, `model.to_json()`, with its weights in a file beside it.

#include <doctest/doctest.h>

#include <keel/io/load.hpp>

#include "io/scramble.hpp"
#include "temporary_directory.hpp"

using namespace keel;

namespace {

Model<> json_chain() {
  Sequential net({8, 8, 2}, {.name = "chain", .seed = 5});
  net.add(Conv2D(3, 3, {.padding = Padding::same, .activation = Activation::relu})).add(BatchNorm());
  net.add(MaxPool2D(2)).add(Flatten()).add(Dense(4, {.activation = Activation::softmax}));
  return net;
}

Model<> json_graph() {
  Model<> net({.name = "graph", .seed = 6});
  const Node x = net.input({6, 6, 3});
  const Node a = net.add(SeparableConv2D(4, 3, {.padding = Padding::same}), x);
  const Node b = net.add(Conv2D(4, 1), x);
  const Node sum = net.add(Add(), {a, b});
  net.output(net.add(Dense(2), net.add(GlobalAveragePool2D(), net.add(PReLU(), sum))));
  net.output(net.add(GlobalMaxPool2D(), sum));
  return net;
}

Model<> json_nested() {
  Sequential net({6, 6, 2}, {.name = "nested", .seed = 7});
  net.add(Conv2D(3, 3, {.name = "features/conv"})).add(BatchNorm({.name = "features/norm"}));
  net.add(Flatten()).add(Dense(4, {.name = "head/dense"}));
  return net;
}

/// Written beside `path`, as Keras 3 has it in a .keras and Keras 2 in a .h5.
void write_json3(const std::string& keras, const std::string& path) {
  const Bytes bytes = read_file(keras);
  ZipReader zip(bytes, keras);
  Bytes config;
  write_file(path, formats::text_of(zip.read(*zip.find("config.json"), config)));
}
void write_json2(const std::string& h5, const std::string& path) {
  Json json = parse_json(*read_hdf5(h5).text("", "model_config"), h5);
  json["keras_version"] = "2.15.0";
  json["backend"] = "tensorflow";
  write_file(path, json.dump());
}

std::vector<Tensor<float>> json_results(const Model<>& model) {
  const std::vector<Tensor<float>> x(1, Tensor<float>(model.input_shape().with_batch(2), 0.75f));
  const std::vector<TensorView<const float>> views(x.begin(), x.end());
  return model.predict(Inputs<float>(views));
}

}  // namespace

TEST_CASE("a Keras configuration as bare JSON is the model that it says, with either file of weights") {
  const TemporaryDirectory directory;
  for (const auto& made : {json_chain, json_graph, json_nested}) {
    Model<> model = made();
    scramble(model);
    CAPTURE(model.name());
    const std::string keras = directory / "a.keras", h5 = directory / "a.h5", own = directory / "a.weights.h5";
    save(model, keras);
    save(model, h5);
    save(model, own);
    write_json3(keras, directory / "config3.json");
    write_json2(h5, directory / "config2.json");
    for (const char* config : {"config3.json", "config2.json"})
      for (const std::string& weights : {h5, own}) {
        CAPTURE(config);
        CAPTURE(weights);
        const Model<> loaded = load(directory / config, {.weights = weights});
        CHECK(json_results(loaded) == json_results(model));
        CHECK(loaded.name() == model.name());
      }
  }
}

TEST_CASE("a model keeps its name in every file that holds one, unless another is asked for") {
  const TemporaryDirectory directory;
  for (const auto& made : {json_chain, json_graph, json_nested})
    for (const char* file : {"a.keras", "a.h5", "model.json", "other.json"}) {
      CAPTURE(file);
      const Model<> model = made();
      save(model, directory / file);
      CHECK(load(directory / file).name() == model.name());
      CHECK(load(directory / file, {.name = "mine"}).name() == "mine");
    }
}

TEST_CASE("a bare configuration without its weights, or with another's, is refused; so are weights for a whole model") {
  const TemporaryDirectory directory;
  save(json_chain(), directory / "a.keras");
  save(json_graph(), directory / "b.weights.h5");
  save(json_chain(), directory / "a.safetensors");
  save(json_chain(), directory / "model.json");
  write_json3(directory / "a.keras", directory / "a.json");
  CHECK_THROWS_WITH_AS(load(directory / "a.json"), doctest::Contains("pass the path of its .weights.h5 or .h5"),
                       FormatError);
  CHECK_THROWS_AS(load(directory / "a.json", {.weights = directory / "b.weights.h5"}), FormatError);
  CHECK_THROWS_AS(load(directory / "a.json", {.weights = directory / "none.h5"}), FormatError);
  CHECK_THROWS_AS(load(directory / "a.json", {.weights = directory / "a.safetensors"}), FormatError);
  for (const char* whole : {"a.keras", "a.safetensors", "model.json"}) {
    CAPTURE(whole);
    CHECK_THROWS_WITH_AS(load(directory / whole, {.weights = directory / "b.weights.h5"}),
                         doctest::Contains("expected a Keras configuration"), ConfigError);
  }
}
