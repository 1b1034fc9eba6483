/// The table of `diagnose`, and that a load that fails says it and changes nothing.

#include <doctest/doctest.h>

#include <keel/io/load.hpp>

#include "support/model_values.hpp"
#include "temporary_directory.hpp"

using namespace keel;
using keel_test::values;

namespace {

Model<> network(Index filters = 4) {
  Sequential model({6, 6, 2}, {.seed = 1});
  model.add(Conv2D(filters, 3, {.strides = 2, .padding = Padding::same}));
  model.add(BatchNorm());
  model.add(Flatten());
  model.add(Dense(5));
  return model;
}

NamedArray array(const std::string& name, const Shape& shape, float start = 0) {
  Tensor<float> values(shape);
  for (Index i = 0; i < values.size(); ++i) values[i] = start + 0.01f * static_cast<float>(i);
  return to_array(name, values);
}

/// What PyTorch would save of `network()`, under any names.
Archive state(const std::string& prefix = "") {
  Archive archive{"", "torch", {}, {}};
  archive.tensors = {array(prefix + "features.conv.weight", {4, 2, 3, 3}, 1),
                     array(prefix + "features.conv.bias", {4}, 2),
                     array(prefix + "features.norm.weight", {4}, 3),
                     array(prefix + "features.norm.bias", {4}, 4),
                     array(prefix + "features.norm.running_mean", {4}, 5),
                     array(prefix + "features.norm.running_var", {4}, 6),
                     to_array(prefix + "features.norm.num_batches_tracked", Tensor<std::int64_t>(Shape{}, 9)),
                     array(prefix + "head.weight", {5, 36}, 7),
                     array(prefix + "head.bias", {5}, 8)};
  return archive;
}

}  // namespace

TEST_CASE("PyTorch's modules find their layers in order, whatever their names") {
  const TemporaryDirectory directory;
  for (const std::string prefix : {"", "module.", "module.model."}) {
    CAPTURE(prefix);
    const std::string path = directory / "a.pt";
    write_torch(path, state(prefix));
    Model<> model = network();
    const Diagnosis diagnosis = diagnose(model, path);
    CHECK(diagnosis.fits());
    CHECK(diagnosis.count(Pairing::Outcome::matched) == 9);
    load_weights(model, path);
    const auto& kernel = model.layer("conv2d").parameters()[0]->value();
    // OIHW (3, 1, 2, 0) is at ((3 * 2 + 1) * 3 + 2) * 3 + 0
    CHECK(kernel(2, 0, 1, 3) == doctest::Approx(1 + 0.01 * 69));
    CHECK(model.layer("batch_normalization").parameters()[3]->value()[2] == doctest::Approx(6.02));
    CHECK(model.layer("batch_normalization").counters()[0]->value == 9);
    // maps of 3 x 3 x 4: row (h, w, c) = (1, 2, 3) is PyTorch's column (3, 1, 2)
    CHECK(model.layer("dense").parameters()[0]->value()((1 * 3 + 2) * 4 + 3, 2) ==
          doctest::Approx(7 + 0.01 * (2 * 36 + (3 * 3 + 1) * 3 + 2)));
  }
}

TEST_CASE("a checkpoint's model is found beside its optimizer") {
  const TemporaryDirectory directory;
  Archive archive = state("model_state_dict.");
  archive.tensors.push_back(array("optimizer_state_dict.state.0.exp_avg", {4, 2, 3, 3}));
  write_torch(directory / "a.pt", archive);
  Model<> model = network();
  const Diagnosis diagnosis = diagnose(model, directory / "a.pt");
  CHECK(diagnosis.fits());
  CHECK(diagnosis.to_string().find("1 tensors outside model_state_dict.* are left out") != std::string::npos);
}

TEST_CASE("modules can be named by hand") {
  const TemporaryDirectory directory;
  Archive archive{"",
                  "torch",
                  {array("late.weight", {4, 4}, 2), array("late.bias", {4}), array("early.weight", {4, 4}, 1),
                   array("early.bias", {4})},
                  {}};
  write_torch(directory / "a.pt", archive);
  Sequential model({4});
  model.add(Dense(4)).add(Dense(4));
  load_weights(model, directory / "a.pt");  // in the order of the file
  CHECK(model.layer("dense").parameters()[0]->value()(0, 0) == 2);
  load_weights(model, directory / "a.pt", {{"late", "dense_1"}, {"early", "dense"}});
  CHECK(model.layer("dense").parameters()[0]->value()(0, 0) == 1);
  CHECK(model.layer("dense_1").parameters()[0]->value()(0, 0) == 2);
  load_weights(model, directory / "a.pt", {{"late", "dense"}});
  CHECK(model.layer("dense_1").parameters()[0]->value()(0, 0) == 1);
}

TEST_CASE("missing, unexpected and wrong tensors are named, and nothing is changed") {
  const TemporaryDirectory directory;
  const std::string path = directory / "a.pt";
  Archive archive = state();
  archive.tensors[0] = array("features.conv.weight", {4, 2, 3, 2});
  archive.tensors.erase(archive.tensors.begin() + 3);
  archive.tensors.push_back(array("extra.weight", {5, 5}));
  write_torch(path, archive);
  Model<> model = network();
  const auto before = values(model);
  std::string message;
  try {
    load_weights(model, path);
  } catch (const FormatError& error) {
    message = error.what();
  }
  CAPTURE(message);
  CHECK(message.find("1 missing, 1 unexpected, 1 of another shape") != std::string::npos);
  for (const char* part : {"batch_normalization/beta", "extra.weight", "(4, 2, 3, 2)", "(4, 2, 3, 3) is wanted"})
    CHECK(message.find(part) != std::string::npos);
  CHECK(message.find("features.norm.running_var") == std::string::npos);
  CHECK(values(model) == before);
}

TEST_CASE("the transposition that would fit is said") {
  const TemporaryDirectory directory;
  const std::string path = directory / "a.pt";
  write_torch(path, {"", "torch", {array("fc.weight", {3, 4}), array("fc.bias", {4})}, {}});
  Sequential model({3});
  model.add(Dense(4));
  const std::string text = diagnose(model, path).to_string();
  CAPTURE(text);
  CHECK(text.find("keel's and Keras's own order of axes") != std::string::npos);
  Sequential wide({3, 3, 2});
  wide.add(Conv2D(5, 3, {.use_bias = false}));
  write_torch(path, {"", "torch", {array("c.weight", {5, 3, 3, 2})}, {}});
  CHECK(diagnose(wide, path).to_string().find("transposed by (0, 3, 1, 2) it would fit") != std::string::npos);
}

TEST_CASE("what a state dict does not say is suspicious") {
  const TemporaryDirectory directory;
  Archive archive = state();
  archive.tensors[5] = array("features.norm.running_var", {4}, -1);
  write_torch(directory / "a.pt", archive);
  Model<> model = network();
  const std::string text = diagnose(model, directory / "a.pt").suspicious();
  CAPTURE(text);
  for (const char* part :
       {"epsilon 0.001", "momentum 0.99", "biased variance", "padding same pads one side more", "a variance below 0"})
    CHECK(text.find(part) != std::string::npos);
}

TEST_CASE("options that differ between two models are suspicious") {
  const TemporaryDirectory directory;
  Model<> model = network();
  save(model, directory / "a.keras");
  Sequential other({6, 6, 2});
  other.add(Conv2D(4, 3, {.strides = 2, .padding = Padding::same}));
  other.add(BatchNorm({.epsilon = 1e-5}));
  other.add(Flatten()).add(Dense(5));
  const std::string text = diagnose(other, directory / "a.keras").suspicious();
  CAPTURE(text);
  CHECK(text.find("epsilon is 1e-05 in the model, 0.001 in the file") != std::string::npos);
}

namespace {

/// The lines of the table in a failed load's message that start with this word.
Index lines_with(const std::string& message, const std::string& word) {
  Index count = 0;
  for (std::size_t at = message.find("\n" + word + "  "); at != message.npos;
       at = message.find("\n" + word + "  ", at + 1))
    ++count;
  return count;
}

/// PyTorch's names and axes in other containers.
void save_like_torch(const Model<>& model, const TemporaryDirectory& directory, const std::string& name) {
  save(model, directory / "torch.pt");
  Archive archive = read_torch(directory / "torch.pt");
  if (name.ends_with(".npz")) return write_npz(directory / name, archive);
  archive.metadata.clear();
  write_safetensors(directory / name, archive);
}

}  // namespace

TEST_CASE("every format's failure carries the table") {
  const TemporaryDirectory directory;
  const Model<> model = network();
  for (const std::string name : {"a.safetensors", "torch.safetensors", "a.keras", "a.h5", "a.weights.h5", "a.pt",
                                 "a.npz", "torch.npz", "model.json"}) {
    CAPTURE(name);
    if (name.starts_with("torch"))
      save_like_torch(model, directory, name);
    else
      save(model, directory / name);
    const auto message = [&](Model<>& other) {
      const auto before = values(other);
      const Diagnosis diagnosis = diagnose(other, directory / name);
      CHECK_FALSE(diagnosis.fits());
      std::string text = "loaded";
      try {
        load_weights(other, directory / name);
      } catch (const FormatError& error) {
        text = error.what();
      }
      CHECK(values(other) == before);
      // the message has the rows that do not fit, diagnose() all
      CHECK(text.find(diagnosis.to_string(false)) != text.npos);
      CHECK(diagnosis.to_string().size() > diagnosis.to_string(false).size());
      for (const char* part :
           {"in the file", "in the model", "matched ", ", missing ", ", unexpected ", ", wrong shape "})
        CHECK(text.find(part) != text.npos);
      return text;
    };

    Model<> fewer = network(3);
    std::string text = message(fewer);
    CAPTURE(text);
    CHECK(lines_with(text, "wrong shape") >= 7);  // all but the bias behind the last layer
    CHECK(text.find("conv2d/kernel") != text.npos);
    CHECK(text.find("(3, 3, 2, 3)") != text.npos);

    Sequential longer({6, 6, 2});
    longer.add(Conv2D(4, 3, {.strides = 2, .padding = Padding::same})).add(BatchNorm()).add(Flatten());
    longer.add(Dense(5)).add(Dense(6, {.name = "more"}));
    text = message(longer);
    CHECK(lines_with(text, "missing") == 2);
    CHECK(lines_with(text, "wrong shape") + lines_with(text, "unexpected") == 0);
    CHECK(text.find("more/kernel") != text.npos);

    Sequential shorter({6, 6, 2});
    shorter.add(Conv2D(4, 3, {.strides = 2, .padding = Padding::same})).add(Flatten()).add(Dense(5));
    text = message(shorter);
    CHECK(lines_with(text, "unexpected") >= 4);
    CHECK(lines_with(text, "wrong shape") + lines_with(text, "missing") == 0);
  }
}

TEST_CASE("a file that contradicts itself says so with the table, too") {
  const TemporaryDirectory directory;
  const Model<> model = network();
  const auto message = [&](const std::string& name) {
    std::string text = "loaded";
    try {
      load(directory / name);
    } catch (const FormatError& error) {
      text = error.what();
    }
    return text;
  };
  save(model, directory / "a.safetensors");
  Archive archive = read_safetensors(directory / "a.safetensors");
  std::erase_if(archive.tensors, [](const NamedArray& array) { return array.name == "dense/bias"; });
  archive.tensors.push_back(array("dense/more", {2}));
  write_safetensors(directory / "a.safetensors", archive);
  std::string text = message("a.safetensors");
  CAPTURE(text);
  CHECK(lines_with(text, "missing") == 1);
  CHECK(lines_with(text, "unexpected") == 1);

  // the weights of one network in the file of another
  Model<> fewer = network(3);
  save(model, directory / "a.keras");
  save(fewer, directory / "b.keras");
  const Bytes a = read_file(directory / "a.keras"), b = read_file(directory / "b.keras");
  ZipReader first(a, "a"), second(b, "b");
  Bytes config, weights;
  ZipWriter zip;
  zip.add("config.json", first.read(*first.find("config.json"), config));
  zip.add("model.weights.h5", second.read(*second.find("model.weights.h5"), weights));
  zip.write(directory / "mixed.keras");
  text = message("mixed.keras");
  CAPTURE(text);
  CHECK(lines_with(text, "wrong shape") == 7);
  CHECK(text.find("(3, 3, 2, 3)  conv2d/kernel                        (3, 3, 2, 4)") != text.npos);
}

TEST_CASE("BatchNorm without scale or centre takes PyTorch's ones and zeros, and nothing else") {
  const TemporaryDirectory directory;
  Sequential model({4});
  model.add(BatchNorm({.scale = false}));
  Archive archive{"",
                  "torch",
                  {to_array("0.weight", Tensor<float>({4}, 1.0f)), array("0.bias", {4}), array("0.running_mean", {4}),
                   array("0.running_var", {4}, 1)},
                  {}};
  write_torch(directory / "a.pt", archive);
  load_weights(model, directory / "a.pt");
  CHECK(model.layer(0).parameters()[0]->value()[3] == doctest::Approx(0.03));
  archive.tensors[0] = array("0.weight", {4}, 2);
  write_torch(directory / "a.pt", archive);
  CHECK_THROWS_WITH_AS(load_weights(model, directory / "a.pt"), doctest::Contains("the layer has none"), FormatError);
}
