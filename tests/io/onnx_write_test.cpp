/// What save_onnx writes, read back field by field, and models that come back from it.

#include <cstdlib>
#include <filesystem>
#include <set>

#include <doctest/doctest.h>

#include <keel/io/load.hpp>
#include <keel/io/onnx/own.hpp>

#include "io/onnx/random_network.hpp"
#include "support/model_values.hpp"
#include "temporary_directory.hpp"

#if KEEL_HAS_PROTOBUF
#include "io/onnx/content.hpp"

using namespace keel;
using keel_test::FileNode;
using keel_test::FileTensor;
using keel_test::OnnxContent;
using keel_test::read_content;

namespace {

bool same_bits(const std::vector<Tensor<float>>& a, const std::vector<Tensor<float>>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const Tensor<float>& x, const Tensor<float>& y) {
    return x.shape() == y.shape() &&
           std::memcmp(x.data(), y.data(), static_cast<std::size_t>(x.size()) * sizeof(float)) == 0;
  });
}

Sequential<float> small_cnn() {
  Sequential<float> model({8, 6, 2}, {.name = "cnn", .seed = 3});
  model.add(Conv2D(4, 3, {.strides = 2, .padding = Padding::same, .activation = Activation::relu, .name = "conv"}));
  model.add(
      BatchNorm({.momentum = 0.75, .epsilon = 0.01, .moving_variance = MovingVariance::unbiased, .name = "norm"}));
  model.add(Dropout(0.25, {.name = "drop"}));
  model.add(Flatten());
  model.add(Dense(5, {.activation = Activation::softmax, .name = "head"}));
  Rng rng(5);
  keel_test::randomise(model, rng);
  return model;
}

}  // namespace

TEST_CASE("an .onnx file has the layers' names, ONNX's layout, and the extents of every value") {
  const TemporaryDirectory folder;
  const auto model = small_cnn();
  save(model, folder / "a.onnx");
  const OnnxContent file = read_content(folder / "a.onnx");
  keel_test::check_whole(file);
  CHECK(file.ir == 8);
  CHECK(file.opset == 17);
  CHECK(file.graph_name == "cnn");
  std::vector<std::string> operators;
  for (const FileNode& node : file.nodes) operators.push_back(node.op);
  CHECK(operators ==
        std::vector<std::string>{"Transpose", "Conv", "Relu", "BatchNormalization", "Flatten", "Gemm", "Softmax"});
  CHECK(file.values.at(file.inputs.at(0)) == std::vector<std::string>{"batch", "8", "6", "2"});
  CHECK(file.outputs == std::vector<std::string>{"head"});
  CHECK(file.values.at("head") == std::vector<std::string>{"batch", "5"});

  const FileNode& conv = file.node("conv");
  CHECK(conv.numbers.at("kernel_shape") == std::vector<double>{3, 3});
  CHECK(conv.numbers.at("strides") == std::vector<double>{2, 2});
  CHECK(conv.numbers.at("pads") == std::vector<double>{0, 0, 1, 1});  // Keras's same: more at the end
  CHECK(file.values.at(conv.outputs[0]) == std::vector<std::string>{"batch", "4", "4", "3"});
  const FileNode& norm = file.node("norm");
  CHECK(norm.numbers.at("epsilon")[0] == doctest::Approx(0.01));
  CHECK(norm.numbers.at("momentum")[0] == doctest::Approx(0.75));  // the weight of the old value in both
  CHECK(norm.numbers.count("training_mode") == 0);
  CHECK(norm.outputs.size() == 1);

  const Tensor<float>& kernel = model.layer("conv").parameters()[0]->value();  // (h, w, in, out)
  const FileTensor& weight = file.initializers.at(conv.inputs.at(1));
  CHECK(weight.dims == std::vector<Index>{4, 2, 3, 3});
  const auto values = weight.floats();
  for (Index o = 0; o < 4; ++o)
    for (Index i = 0; i < 2; ++i)
      for (Index p = 0; p < 9; ++p) CHECK(nth(values, (o * 2 + i) * 9 + p) == kernel[(p * 2 + i) * 4 + o]);

  const Tensor<float>& dense = model.layer("head").parameters()[0]->value();  // (h w c, out), of 4 x 3 x 4 maps
  const auto rows = file.initializers.at(file.node("head").inputs.at(1)).floats();
  for (Index c = 0; c < 4; ++c)
    for (Index p = 0; p < 12; ++p)
      for (Index o = 0; o < 5; ++o) CHECK(nth(rows, (c * 12 + p) * 5 + o) == dense[(p * 4 + c) * 5 + o]);
}

TEST_CASE("the metadata of an .onnx file say what the graph does not") {
  const TemporaryDirectory folder;
  auto model = small_cnn();
  model.layer("conv").freeze(Freeze::layer);
  save(model, folder / "a.onnx");
  const OnnxContent file = read_content(folder / "a.onnx");
  CHECK(file.metadata.at("keel.version").find("0.") == 0);
  CHECK(file.metadata.at("keel.moving_variance") == R"({"norm":"unbiased"})");
  const Json architecture = parse_json(file.metadata.at("keel.architecture"), "architecture");
  CHECK(architecture["layers"][0]["class"].text() == model.layer(0).type());
  CHECK(architecture["layers"][0]["frozen"].text() == "layer");
}

TEST_CASE("images lie in an .onnx file as asked, and only where they have to be turned is there a Transpose") {
  const TemporaryDirectory folder;
  Model<float> model({.seed = 1});
  const Node x = model.input({6, 6, 3}, "image"), sequence = model.input({4, 3}, "steps");
  const Node a = model.add(Conv2D(3, 3, {.padding = Padding::same, .name = "a"}), x);
  const Node b = model.add(Conv2D(3, 3, {.padding = Padding::same, .name = "b"}), model.add(ReLU(), a));
  const Node sum = model.add(Add({.name = "sum"}), {b, x});
  model.output(model.add(MaxPool2D(2, {.name = "pool"}), sum));
  model.output(model.add(Dense(2, {.name = "each"}), sequence));
  const auto transposes = [&](OnnxImages images) {
    save_onnx(model, folder / "a.onnx", {.images = images});
    const OnnxContent file = read_content(folder / "a.onnx");
    keel_test::check_whole(file);
    const bool first = images == OnnxImages::channels_first;
    const std::vector<std::string> in{"batch", first ? "3" : "6", "6", first ? "6" : "3"};
    const std::vector<std::string> out{"batch", "3", "3", "3"}, steps{"batch", "4", "3"};
    CHECK(file.inputs == std::vector<std::string>{"image", "steps"});
    CHECK(file.values.at("image") == in);
    CHECK(file.values.at("steps") == steps);
    CHECK(file.outputs == std::vector<std::string>{"pool", "each"});
    CHECK(file.values.at("pool") == out);
    return file.count("Transpose");
  };
  CHECK(transposes(OnnxImages::channels_first) == 0);
  CHECK(transposes(OnnxImages::channels_last) == 2);  // at the input and at the output
}

TEST_CASE("rows of Dense behind flattened branches side by side take the order of the file, without a Gather") {
  const TemporaryDirectory folder;
  Model<float> model({.seed = 1});
  const Node x = model.input({4, 4, 2}), more = model.input({3});
  const Node a = model.add(Flatten(), model.add(Conv2D(3, 3), x)), b = model.add(Flatten(), model.add(MaxPool2D(), x));
  const Node joined = model.add(BatchNorm(), model.add(Dropout(0.5), model.add(Concatenate(), {a, more, b})));
  model.output(model.add(Dense(2), joined));
  save_onnx(model, folder / "a.onnx");
  const OnnxContent file = read_content(folder / "a.onnx");
  keel_test::check_whole(file);
  CHECK(file.count("Transpose") == 1);
  CHECK(file.count("Gather") == 0);
  CHECK(file.count("Concat") == 1);
}

TEST_CASE("BatchNorm is folded into the weights before it where asked and where they have no other use") {
  const TemporaryDirectory folder;
  Model<float> model({.seed = 2});
  const Node x = model.input({6, 6, 2});
  const Node conv = model.add(Conv2D(3, 3, {.name = "conv"}), x);
  const Node one = model.add(BatchNorm({.epsilon = 0.5, .name = "one"}), conv);
  const Node two = model.add(Conv2D(3, 1, {.name = "two"}), one);
  const Node three = model.add(BatchNorm({.name = "three"}), two);
  model.output(model.add(Add(), {three, two}));  // "two" has another use
  Rng rng(4);
  keel_test::randomise(model, rng);
  save_onnx(model, folder / "kept.onnx");
  save_onnx(model, folder / "folded.onnx", {.fold_batch_norm = true});
  const OnnxContent kept = read_content(folder / "kept.onnx"), folded = read_content(folder / "folded.onnx");
  keel_test::check_whole(folded);
  CHECK(kept.count("BatchNormalization") == 2);
  CHECK(folded.count("BatchNormalization") == 1);
  CHECK(folded.metadata.count("keel.architecture") == 0);
  const auto w = kept.initializers.at(kept.node("conv").inputs[1]).floats(),
             b = kept.initializers.at(kept.node("conv").inputs[2]).floats(),
             v = folded.initializers.at(folded.node("conv").inputs[1]).floats(),
             c = folded.initializers.at(folded.node("conv").inputs[2]).floats();
  const auto p = std::as_const(model).layer("one").parameters();
  for (Index o = 0; o < 3; ++o) {
    const double scale = static_cast<double>(p[0]->value()[o]) / std::sqrt(static_cast<double>(p[3]->value()[o]) + 0.5);
    CHECK(static_cast<double>(nth(c, o)) ==
          doctest::Approx((static_cast<double>(nth(b, o)) - static_cast<double>(p[2]->value()[o])) * scale +
                          static_cast<double>(p[1]->value()[o])));
    for (Index i = 0; i < 18; ++i)
      CHECK(static_cast<double>(nth(v, o * 18 + i)) ==
            doctest::Approx(static_cast<double>(nth(w, o * 18 + i)) * scale));
  }
}

TEST_CASE("in training form BatchNorm takes the batch's statistics and Dropout drops, unless they are frozen") {
  const TemporaryDirectory folder;
  auto model = small_cnn();
  save_onnx(model, folder / "a.onnx", {.training = true});
  OnnxContent file = read_content(folder / "a.onnx");
  keel_test::check_whole(file);
  CHECK(file.node("norm").numbers.at("training_mode") == std::vector<double>{1});
  CHECK(file.node("norm").outputs.size() == 3);
  CHECK(file.values.at(file.node("norm").outputs[2]) == std::vector<std::string>{"4"});
  CHECK(file.count("Dropout") == 1);
  CHECK(file.initializers.at(file.node("drop").inputs.at(1)).floats() == std::vector<float>{0.25f});
  CHECK(file.initializers.at(file.node("drop").inputs.at(2)).raw == std::string(1, 1));
  for (const Freeze freeze : {Freeze::statistics, Freeze::layer}) {
    model.freeze(freeze);
    save_onnx(model, folder / "a.onnx", {.training = true});
    file = read_content(folder / "a.onnx");
    CHECK(file.node("norm").outputs.size() == 1);
    CHECK(file.count("Dropout") == 0);
  }
  model.freeze(Freeze::gradients);
  save_onnx(model, folder / "a.onnx", {.training = true});
  CHECK(read_content(folder / "a.onnx").node("norm").outputs.size() == 3);
}

TEST_CASE("what ONNX cannot say is refused by name, and nothing is written") {
  const TemporaryDirectory folder;
  const std::string path = folder / "a.onnx";
  const auto message = [&](const Model<float>& model, const OnnxOptions& options) {
    std::string text;
    try {
      save_onnx(model, path, options);
    } catch (const ConfigError& error) {
      text = error.what();
    }
    CHECK(!std::filesystem::exists(path));
    return text;
  };
  struct Own : Layer<float> {
    std::string type() const override { return "Own"; }
    Shape output_shape(Shapes inputs) const override { return inputs[0]; }
    void forward(Inputs<float>, TensorView<float>, Pass<float>&) const override {}
  };
  Sequential<float> own({3});
  own.add(Own());
  CHECK(message(own, {}).find("own (Own)") != std::string::npos);
  Sequential<float> random({4, 4, 1});
  random.add(RandomFlip());
  CHECK(message(random, {.training = true}).find("Freeze::layer") != std::string::npos);
  Sequential<float> cumulative({3});
  cumulative.add(BatchNorm({.cumulative = true}));
  CHECK(message(cumulative, {.training = true}).find("momentum") != std::string::npos);
  for (const int opset : {0, 16, 26}) CHECK(message(small_cnn(), {.opset = opset}).find("opset") != std::string::npos);
  Model<float> nothing;
  nothing.input({3});
  CHECK(message(nothing, {}).find("an output") != std::string::npos);
}

TEST_CASE("a file above protobuf's limit is refused before it is made") {
  const TemporaryDirectory folder;
  Sequential<float> model({4});
  model.add(Dense(2));
  Json json = architecture(model);
  json["nodes"][0]["input"] = std::vector<Index>{1 << 15};
  json["layers"][0]["config"]["units"] = Index{1 << 15};
  const auto large = build_model<float>(json, "large", {}, Weights::from_file);  // no memory for weights
  CHECK_THROWS_WITH_AS(save_onnx(large, folder / "a.onnx"), doctest::Contains("2^31 - 1"), FormatError);
  CHECK(!std::filesystem::exists(std::filesystem::path(folder / "a.onnx")));
}

TEST_CASE("layers that lead to no output are left out, and one that is applied twice is one set of weights") {
  const TemporaryDirectory folder;
  Model<float> model({.seed = 1});
  const Node x = model.input({3}, "x");
  const Node a = model.add(Dense(3, {.name = "twice"}), x), b = model.share(a, a);
  model.add(Dense(7, {.name = "unused"}), b);
  model.output(b);
  model.output(x);
  model.output(b);
  save_onnx(model, folder / "a.onnx");
  const OnnxContent file = read_content(folder / "a.onnx");
  keel_test::check_whole(file);
  CHECK(file.count("Gemm") == 2);
  CHECK(file.initializers.size() == 2);
  REQUIRE(file.outputs.size() == 3);
  CHECK(file.outputs[0] == "twice");
  CHECK(file.outputs[1] == "x_2");
  CHECK(file.outputs[2] == "twice_2");
  const auto back = own_onnx_model<float>(read_file(folder / "a.onnx"), "a");
  REQUIRE(back);
  CHECK(back->layer_count() == 1);
}

TEST_CASE("a model of each class comes back from .onnx with its bits, options, counters and what is frozen") {
  const TemporaryDirectory folder;
  std::set<std::string> seen;
  std::uint64_t seed = 1;
  for (const auto& maker : keel::detail::layer_makers<float>)
    for (int round = 0; round < 3; ++round) {
      Model<float> model = keel_test::random_network(++seed, 1 + 2 * round, maker.type);
      CAPTURE(maker.type);
      for (Index l = 0; l < model.layer_count(); ++l) {
        seen.insert(model.layer(l).type());
        model.layer(l).freeze(std::vector{Freeze::none, Freeze::gradients, Freeze::layer}[seed % 3]);
        for (Counter* counter : model.layer(l).counters()) counter->value = 17;
      }
      const OnnxOptions options{.opset = static_cast<int>(17 + seed % 9),
                                .images = seed % 2 ? OnnxImages::channels_first : OnnxImages::channels_last};
      save_onnx(model, folder / "a.onnx", options);
      keel_test::check_whole(read_content(folder / "a.onnx"));
      const auto back = own_onnx_model<float>(read_file(folder / "a.onnx"), "a");
      REQUIRE(back);
      const std::vector<bool> used = model.used_layers();
      if (std::find(used.begin(), used.end(), false) == used.end()) {
        CHECK(architecture(*back) == architecture(model));
        CHECK(same_bits(keel_test::values(*back), keel_test::values(model)));
      }
      for (Index l = 0; l < back->layer_count(); ++l)
        for (const Counter* counter : std::as_const(*back).layer(l).counters()) CHECK(counter->value == 17);
      const auto x = keel_test::random_inputs(model, 2, seed);
      CHECK(same_bits(keel_test::predictions(*back, x), keel_test::predictions(model, x)));
    }
  for (const auto& maker : keel::detail::layer_makers<float>) {
    CAPTURE(maker.type);
    CHECK(seen.count(std::string(maker.type)) == 1);
  }
}

TEST_CASE("a double model is written in double and read as either") {
  const TemporaryDirectory folder;
  Sequential<double> model({3});
  model.add(Dense<double>(2, {.activation = Activation::elu}));
  save_onnx(model, folder / "a.onnx");
  const OnnxContent file = read_content(folder / "a.onnx");
  for (const auto& [name, tensor] : file.initializers) CHECK(tensor.type == 11);
  const Bytes bytes = read_file(folder / "a.onnx");
  const auto same = own_onnx_model<double>(bytes, "a");
  REQUIRE(same);
  for (Index i = 0; i < 6; ++i) CHECK(same->parameters()[0]->value()[i] == model.parameters()[0]->value()[i]);
  const auto rounded = own_onnx_model<float>(bytes, "a");
  REQUIRE(rounded);
  for (Index i = 0; i < 6; ++i)
    CHECK(rounded->parameters()[0]->value()[i] == static_cast<float>(model.parameters()[0]->value()[i]));
}

TEST_CASE("a file whose weights were trained elsewhere is still keel's; one whose graph was changed is not") {
  const TemporaryDirectory folder;
  const auto model = small_cnn();
  save(model, folder / "a.onnx");
  Bytes bytes = read_file(folder / "a.onnx");
  const Tensor<float>& beta = model.layer("norm").parameters()[1]->value();
  const auto* const raw = reinterpret_cast<const std::byte*>(beta.data());
  const auto at = std::search(bytes.begin(), bytes.end(), raw, raw + 16);
  REQUIRE(at != bytes.end());
  const float other = 3.5f;
  std::memcpy(&*at, &other, sizeof(other));
  const auto trained = own_onnx_model<float>(bytes, "a");
  REQUIRE(trained);
  CHECK(trained->layer("norm").parameters()[1]->value()[0] == 3.5f);
  const std::string_view relu = "Relu";
  const auto* const letters = reinterpret_cast<const std::byte*>(relu.data());
  const auto op = std::search(bytes.begin(), bytes.end(), letters, letters + relu.size());
  REQUIRE(op != bytes.end());
  std::memcpy(&*op, "Tanh", 4);
  CHECK(!own_onnx_model<float>(bytes, "a"));
  CHECK(!own_onnx_model<float>(Bytes(bytes.begin(), bytes.end() - 1), "a"));
  CHECK(!own_onnx_model<float>(Bytes(), "a"));
}

TEST_CASE("onnx.checker with full shape inference has nothing against what is written") {
  std::string python;
  for (const char* each : {"python3", "/usr/bin/python3"})  // the system's, where another comes first in the path
    if (python.empty() && std::system((each + std::string(" -c 'import onnx' 2> /dev/null")).c_str()) == 0)
      python = each;
  if (python.empty()) {
    MESSAGE("left out: python3-onnx is missing");
    return;
  }
  const TemporaryDirectory folder;
  std::uint64_t seed = 500;
  for (const auto& maker : keel::detail::layer_makers<float>) {
    const auto model = keel_test::random_network(++seed, 4, maker.type);
    const OnnxImages images = seed % 2 ? OnnxImages::channels_first : OnnxImages::channels_last;
    save_onnx(model, folder / (std::to_string(seed) + ".onnx"), {.images = images, .fold_batch_norm = seed % 3 == 0});
  }
  save_onnx(small_cnn(), folder / "training.onnx", {.training = true});
  const std::string check = python + " '" + KEEL_SOURCE_DIR + "/tests/io/onnx/round_check.py' '" +
                            std::filesystem::path(folder / "").string() + "'";
  CHECK(std::system(check.c_str()) == 0);
}

#endif
