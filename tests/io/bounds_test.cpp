/// A file makes its reader use memory and time for what it holds, whatever it says about itself.

#include <doctest/doctest.h>

#include <functional>

#include <keel/io/load.hpp>

#include "support/allocations.hpp"
#include "support/message.hpp"
#include "temporary_directory.hpp"

using namespace keel;

namespace {

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  std::size_t count = 0;
  for (std::size_t at = 0; (at = text.find(from, at)) != text.npos; at += to.size(), ++count)
    text.replace(at, from.size(), to);
  if (count == 0) throw std::logic_error("no " + from + " in " + text);
  return text;
}

/// Files that hold the weights of `model`, and its description changed by `change`; each returns its path.
using Change = std::function<std::string(const std::string&)>;
using Liar = std::string (*)(const Model<>&, const Change&, const TemporaryDirectory&);

std::string keras_zip(const Model<>& model, const Change& change, const std::string& path, const char* member,
                      const Bytes& weights) {
  ZipWriter zip;
  zip.add_text("metadata.json", R"({"keras_version": "3.11.0"})");
  zip.add_text("config.json", change(io::KerasWriter<float>(model, KerasStyle::keras3).json().dump()));
  zip.add(member, weights);
  zip.write(path);
  return path;
}
std::string keras_h5_file(const Model<>& model, const Change& change, const std::string& path, KerasStyle style) {
  const io::KerasWriter<float> writer(model, style);
  Hdf5Writer file;
  file.attribute("", "keras_version", std::string(style == KerasStyle::keras2 ? "2.15.0" : "3.11.0"));
  file.attribute("", "model_config", change(writer.json().dump()));
  io::write_keras_groups(file, model, writer.graph(), "model_weights", style == KerasStyle::keras2);
  file.write(path);
  return path;
}
const std::pair<std::string, Liar> liars[] = {
    {"safetensors",
     [](const Model<>& model, const Change& change, const TemporaryDirectory& directory) {
       Archive archive{"", "safetensors", state_of(model), {}};
       archive.metadata["architecture"] = change(architecture(model).dump());
       write_safetensors(directory / "a.safetensors", archive);
       return directory / "a.safetensors";
     }},
    {".keras, .h5 inside",
     [](const Model<>& model, const Change& change, const TemporaryDirectory& directory) {
       return keras_zip(model, change, directory / "a.keras", "model.weights.h5",
                        io::keras_h5(io::keras_variables(model)).bytes());
     }},
    {".keras, .npz inside",
     [](const Model<>& model, const Change& change, const TemporaryDirectory& directory) {
       return keras_zip(model, change, directory / "b.keras", "model.weights.npz",
                        io::keras_npz(io::keras_variables(model)));
     }},
    {".h5 of Keras 2",
     [](const Model<>& model, const Change& change, const TemporaryDirectory& directory) {
       return keras_h5_file(model, change, directory / "a.h5", KerasStyle::keras2);
     }},
    {".h5 of Keras 3",
     [](const Model<>& model, const Change& change, const TemporaryDirectory& directory) {
       return keras_h5_file(model, change, directory / "b.h5", KerasStyle::keras3_h5);
     }},
    {"TensorFlow.js", [](const Model<>& model, const Change& change, const TemporaryDirectory& directory) {
       const std::string path = directory / "model.json";
       save_tfjs(model, path);
       return directory.write("model.json", change(std::string(formats::text_of(read_file(path)))));
     }}};

Model<> chain(std::initializer_list<AnyLayer<float>> layers) {
  Sequential model({8, 8, 2}, {.name = "chain", .seed = 3});
  for (const AnyLayer<float>& layer : layers) model.add(layer);
  return model;
}

std::size_t peak_of(const std::function<void()>& work) {
  const std::size_t before = allocations.in_use;
  allocations.peak = before;
  work();
  return allocations.peak - before;
}

}  // namespace

TEST_CASE("a description larger than the weights that come with it is refused before memory is taken") {
  struct Case {
    std::string what, from, to;
    Model<> model;
  };
  const char *extents = "8,8,2]", *large = "2000,2000,2]";
  Case cases[] = {
      {"units", "\"units\":7", "\"units\":200000", chain({Flatten(), Dense(7)})},
      {"units that no machine has", "\"units\":7", "\"units\":2000000000", chain({Flatten(), Dense(7)})},
      {"many layers, each of 4 MB", "\"units\":7", "\"units\":1000",
       chain({Dense(7), Dense(7), Dense(7), Dense(7), Dense(7), Dense(7), Dense(7), Dense(7), Dense(7)})},
      {"a kernel", "\"kernel_size\":[3,3]", "\"kernel_size\":[1500,1500]",
       chain({Conv2D(3, 3, {.padding = Padding::same})})},
      {"filters", "\"filters\":3", "\"filters\":900000", chain({Conv2D(3, 3)})},
      {"a transposed kernel", "\"kernel_size\":[3,3]", "\"kernel_size\":[1500,1500]", chain({Conv2DTranspose(3, 3)})},
      {"a depthwise kernel", "\"depth_multiplier\":5", "\"depth_multiplier\":900000",
       chain({DepthwiseConv2D(3, {.depth_multiplier = 5})})},
      {"a separable kernel", "\"depth_multiplier\":5", "\"depth_multiplier\":900000",
       chain({SeparableConv2D(3, 3, {.depth_multiplier = 5})})},
      {"a slope for each value", extents, large, chain({PReLU()})},
      {"statistics for each value", extents, large, chain({Flatten(), BatchNorm()})},
      {"a mean for each value", extents, large, chain({Flatten(), Normalization()})},
  };
  const TemporaryDirectory directory;
  for (const Case& c : cases)
    for (const auto& [format, liar] : liars) {
      CAPTURE(c.what);
      const auto& the_format = format;  // clang before 16 captures no structured binding
      CAPTURE(the_format);
      if (c.what == "a mean for each value" && std::string(format) == "TensorFlow.js")
        continue;  // has no Normalization
      const std::string good = liar(
          c.model, [](const std::string& text) { return text; }, directory);
      CHECK_NOTHROW(load(good));
      const std::string path = liar(
          c.model, [&](const std::string& text) { return replaced(text, c.from, c.to); }, directory);
      std::string said;
      CHECK(peak_of([&] { said = message([&] { load(path); }); }) < std::size_t{1} << 20);
      CHECK(contains(said, path));
    }
}

TEST_CASE("shapes beyond all bounds are refused with the file and the layer") {
  const TemporaryDirectory directory;
  const Model<> model = chain({Conv2D(3, 3, {.padding = Padding::same, .name = "first"})});
  for (const auto& [format, liar] : liars) {
    const auto& the_format = format;  // clang before 16 captures no structured binding
    CAPTURE(the_format);
    const std::string path = liar(
        model,
        [](const std::string& text) {
          return replaced(replaced(text, "8,8,2]", "8,8,134217728]"), "[3,3]", "[1048576,1048576]");
        },
        directory);
    const std::string said = message([&] { load(path); });
    CHECK(contains(said, path));
    CHECK(contains(said, "first"));
    CHECK(contains(said, "2^40 elements"));
  }
}

TEST_CASE("a long name does not count once for each call of its layer") {
  const TemporaryDirectory directory;
  Model<> model;
  Node x = model.input({2});
  const Node first = model.add(ReLU({.name = "NAME"}), x);
  x = first;
  for (int i = 0; i < 3000; ++i) x = model.share(first, x);
  model.output(x);
  for (const auto& [format, liar] : liars) {
    const auto& the_format = format;  // clang before 16 captures no structured binding
    CAPTURE(the_format);
    const std::string path = liar(
        model, [](const std::string& text) { return replaced(text, "NAME", std::string(20000, 'n')); }, directory);
    if (format != "safetensors") continue;  // Keras's files name the layer at each call
    std::string said;
    CHECK(peak_of([&] { said = message([&] { load(path); }); }) < std::size_t{40} << 20);
    CHECK(contains(said, path));
  }
}

TEST_CASE("a loaded model is like any other") {
  const TemporaryDirectory directory;
  const Model<> model = chain({Flatten(), Dense(7)});
  for (const auto& [format, liar] : liars) {
    const auto& the_format = format;  // clang before 16 captures no structured binding
    CAPTURE(the_format);
    Model<> loaded = load(liar(
                              model, [](const std::string& text) { return text; }, directory),
                          {.seed = 3});
    Model<> built = chain({Flatten(), Dense(7)});
    for (Model<>* each : {&loaded, &built}) each->add(Dense(4), Node{2});
    CHECK(loaded.layer(2).parameters()[0]->value() == built.layer(2).parameters()[0]->value());
  }
}

TEST_CASE("a description that keel cannot follow says what to do") {
  const TemporaryDirectory directory;
  const Model<> model = chain({Flatten(), Dense(7, {.activation = Activation::relu}), BatchNorm()});
  const auto said = [&](const char* from, const char* to) {
    return message([&] {
      load(liars[1].second(
          model, [&](const std::string& text) { return replaced(text, from, to); }, directory));
    });
  };
  CHECK(contains(said("\"batch_shape\":[null,8,8,2]", "\"batch_shape\":[null,null,null,2]"),
                 "make the model with a whole Input shape in Keras"));
  CHECK(contains(said("\"class_name\":\"Flatten\"", "\"class_name\":\"Lambda\""),
                 "with a layer of your own, and use load_weights"));
  CHECK(contains(said("\"activation\":\"relu\"", "\"activation\":{\"class_name\":\"Mine\",\"config\":{}}"),
                 "build the model in code and use load_weights"));
  CHECK(contains(said("\"axis\":-1", "\"axis\":0"), "an axis other than the batch's"));
}
