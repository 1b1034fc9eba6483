/// A file with a probe is believed only if the model that comes out of it does what the saved one did; the error
/// names the first layer that does not.

#include <cmath>

#include <doctest/doctest.h>

#include <keel/io/load.hpp>

#include "temporary_directory.hpp"

using namespace keel;

namespace {

template <class T>
Model<T> chain(const BatchNormOptions& normalisation = {.momentum = 0.9}) {
  Sequential<T> model({8, 8, 2}, {.seed = 3});
  model.add(Conv2D<T>(4, 3, {.padding = Padding::same}));
  model.add(BatchNorm<T>(normalisation));
  model.add(ReLU<T>());
  model.add(MaxPool2D<T>(2));
  model.add(Flatten<T>());
  model.add(Dropout<T>(0.25));
  model.add(Dense<T>(6, {.activation = Activation::tanh}));
  model.add(Dense<T>(3, {.activation = Activation::softmax}));
  return model;
}

Model<> residual() {
  Model<> net({.seed = 4});
  const Node in = net.input({6, 6, 3}, "pixels"), more = net.input({4}, "numbers");
  const Node conv = net.add(Conv2D(3, 3, {.padding = Padding(1, 0, 1, 2)}), net.add(ZeroPadding2D({0, 1, 1, 0}), in));
  const Node a = net.add(Conv2D(3, 3, {.padding = Padding::same, .use_bias = false, .name = "shared"}), in);
  const Node b = net.share(a, a);
  const Node sum = net.add(Add(), {net.add(BatchNorm(), b), in});
  net.output(net.add(Concatenate(), {net.add(GlobalAveragePool2D(), sum), net.add(Dense(2), more)}));
  net.output(net.add(GlobalMaxPool2D(), conv));
  return net;
}

template <class T>
Tensor<T> samples(const Shape& sample, Index count = 3) {
  Tensor<T> x(sample.with_batch(count));
  for (Index i = 0; i < x.size(); ++i) x[i] = static_cast<T>(std::sin(0.37 * static_cast<double>(i)) + 0.1);
  return x;
}

/// The file with some change to its tensors and metadata.
template <class Change>
std::string changed(const TemporaryDirectory& directory, const std::string& path, Change&& change) {
  Archive archive = read_safetensors(path);
  change(archive);
  write_safetensors(directory / "changed.safetensors", archive);
  return directory / "changed.safetensors";
}
void add_to(Archive& archive, const std::string& name, Index element, float difference) {
  for (NamedArray& array : archive.tensors)
    if (array.name == name) {
      Tensor<float> value = to_tensor<float>(array);
      value[element] += difference;
      array = to_array(name, value);
      return;
    }
  FAIL("no tensor " << name);
}
void replace(std::string& text, const std::string& from, const std::string& to) {
  const std::size_t at = text.find(from);
  REQUIRE(at != text.npos);
  text.replace(at, from.size(), to);
}

std::string error_of_load(const std::string& path) {
  try {
    load(path);
  } catch (const FormatError& error) {
    return error.what();
  }
  return "loaded";
}

/// Every part stands in the message.
void check_message(const std::string& message, std::initializer_list<const char*> parts) {
  CAPTURE(message);
  for (const char* part : parts) CHECK(message.find(part) != message.npos);
}

struct Saved {
  TemporaryDirectory directory;
  std::string path = directory / "a.safetensors";
  Model<> model = chain<float>();

  Saved() {
    for (Parameter<float>* p : model.layer("batch_normalization").parameters())
      p->update([](TensorView<float> value) {
        for (Index i = 0; i < value.size(); ++i) value[i] += 0.1f * static_cast<float>(i + 1);
      });
    save(model, path, make_probe(model, samples<float>({8, 8, 2})));
  }
};

}  // namespace

TEST_CASE_FIXTURE(Saved, "a file with a probe loads, and the model is as it was") {
  const Tensor<float> x = samples<float>({8, 8, 2}, 5);
  CHECK(load(path).predict(x) == model.predict(x));
  CHECK(load_safetensors(path).predict(x) == model.predict(x));
  const std::string keras = directory / "a.keras";
  save(model, keras, make_probe(model, x));
  CHECK(load(keras).predict(x) == model.predict(x));
  Model<> other = chain<float>();
  load_weights(other, path);
  CHECK(other.predict(x) == model.predict(x));
}

TEST_CASE_FIXTURE(Saved, "making a probe changes nothing, and threads and batches do not change it") {
  const Tensor<float> x = samples<float>({8, 8, 2});
  const Tensor<float> y = model.predict(x);
  const std::string text = to_text(make_probe(model, x));
  CHECK(model.predict(x) == y);
  CHECK(model.layer("batch_normalization").counters()[0]->value == 0);
  model.set_threads(3);
  CHECK(to_text(make_probe(model, x)) == text);
  CHECK(to_text(parse_probe(text, "text")) == text);
}

TEST_CASE_FIXTURE(Saved, "a weight that differs is found at its layer") {
  struct Case {
    const char *tensor, *layer;
    Index element;
  };
  for (const Case& c : {Case{"conv2d/kernel", "layer 'conv2d'", 17}, Case{"conv2d/bias", "layer 'conv2d'", 2},
                        Case{"batch_normalization/gamma", "layer 'batch_normalization'", 1},
                        Case{"batch_normalization/moving_variance", "layer 'batch_normalization'", 3},
                        Case{"dense/kernel", "layer 'dense'", 100}, Case{"dense_1/bias", "layer 'dense_1'", 0}}) {
    CAPTURE(std::string(c.tensor));
    const std::string file =
        changed(directory, path, [&](Archive& archive) { add_to(archive, c.tensor, c.element, 0.05f); });
    check_message(error_of_load(file),
                  {c.layer, "output as when the model was saved", "sum", "to within", "its weights or its options"});
    CHECK_NOTHROW(load(file, {}, ProbeCheck::skip));
  }
}

TEST_CASE_FIXTURE(Saved, "rows of a kernel that changed places are found") {
  const std::string file = changed(directory, path, [](Archive& archive) {
    for (NamedArray& array : archive.tensors)
      if (array.name == "dense/kernel") {
        Tensor<float> value = to_tensor<float>(array);
        for (Index j = 0; j < 6; ++j) std::swap(value(0, j), value(1, j));
        array = to_array(array.name, value);
      }
  });
  check_message(error_of_load(file), {"layer 'dense'"});
}

TEST_CASE_FIXTURE(Saved, "options that differ are found at their layer") {
  struct Case {
    const char *from, *to;
    std::initializer_list<const char*> parts;
  };
  const Case cases[] = {
      {"\"epsilon\":0.001", "\"epsilon\":0.002", {"layer 'batch_normalization'", "output as when"}},
      {"\"activation\":\"tanh\"", "\"activation\":\"sigmoid\"", {"layer 'dense'", "output as when"}},
      {"\"momentum\":0.9",
       "\"momentum\":0.91",
       {"layer 'batch_normalization'", "change of moving_mean in a training step", "compare momentum"}},
      {"\"unbiased\":false",
       "\"unbiased\":true",
       {"layer 'batch_normalization'", "change of moving_variance in a training step",
        "the moving variance's convention"}},
      {"\"rate\":0.25", "\"rate\":0.3", {"the loss", "dropout rates"}},
  };
  for (const Case& c : cases) {
    CAPTURE(std::string(c.to));
    const std::string file =
        changed(directory, path, [&](Archive& archive) { replace(archive.metadata["architecture"], c.from, c.to); });
    check_message(error_of_load(file), c.parts);
  }
}

TEST_CASE_FIXTURE(Saved, "what is frozen is found") {
  const std::string file = changed(directory, path, [](Archive& archive) {
    std::string& text = archive.metadata["architecture"];
    const std::size_t conv = text.find("\"class\":\"Dense\"");
    REQUIRE(conv != text.npos);
    const std::size_t at = text.find("\"frozen\":\"none\"", conv);
    REQUIRE(at != text.npos);
    text.replace(at, 15, "\"frozen\":\"layer\"");
  });
  check_message(error_of_load(file), {"layer 'dense'", "gradient of kernel in a training step", "none in this model"});
}

TEST_CASE("the .keras of keel carries a probe too") {
  const TemporaryDirectory directory;
  const std::string path = directory / "a.keras";
  Model<> model = chain<float>();
  save(model, path, make_probe(model, samples<float>({8, 8, 2})));
  // the same file with another momentum
  const Bytes bytes = read_file(path);
  ZipReader zip(bytes, path);
  ZipWriter out;
  std::deque<Bytes> storage;
  std::deque<std::string> texts;
  for (const ZipMember& member : zip.members()) {
    std::string text(io::text_of(zip.read(member, storage.emplace_back())));
    if (member.name == "config.json") replace(text, "\"momentum\":0.9", "\"momentum\":0.8");
    out.add_text(member.name, std::move(text));
  }
  out.write(directory / "b.keras");
  check_message(error_of_load(directory / "b.keras"), {"layer 'batch_normalization'", "change of moving_mean"});
  const Model<> unbiased = chain<float>({.moving_variance = MovingVariance::unbiased});
  save(unbiased, path, make_probe(unbiased, samples<float>({8, 8, 2})));  // kept beside Keras's configuration
  CHECK_NOTHROW(load(path));
  CHECK_THROWS_WITH_AS(save(model, directory / "a.pt", make_probe(model, samples<float>({8, 8, 2}))),
                       doctest::Contains(".safetensors, .keras or .onnx"), ConfigError);
}

#if KEEL_HAS_PROTOBUF
TEST_CASE("an .onnx file carries a probe too") {
  const TemporaryDirectory directory;
  const std::string path = directory / "a.onnx";
  Model<> model = chain<float>(), other = chain<float>({.momentum = 0.8});
  const Probe probe = make_probe(model, samples<float>({8, 8, 2}));
  save(model, path, probe);
  CHECK_NOTHROW(load(path));
  save(other, path, probe);
  check_message(error_of_load(path), {"layer 'batch_normalization'", "change of moving_mean"});
  CHECK_NOTHROW(load(path, {.probe = ProbeCheck::skip}));
}
#endif

TEST_CASE("a graph of several inputs and outputs, shared layers and nested names") {
  const TemporaryDirectory directory;
  const Model<> model = residual();
  const Tensor<float> pixels = samples<float>({6, 6, 3}), numbers = samples<float>({4});
  const TensorView<const float> x[] = {pixels, numbers};
  const Probe probe = make_probe(model, Inputs<float>(x));
  for (const char* name : {"a.safetensors", "a.keras"}) {
    CAPTURE(name);
    save(model, directory / name, probe);
    CHECK(load(directory / name).outputs().size() == 2);
  }
  // the second call of the shared layer is a layer's output like any other
  CHECK(std::count_if(probe.layers.begin(), probe.layers.end(),
                      [](const Probe::Measure& m) { return m.layer == "shared"; }) == 2);
  const std::string file =
      changed(directory, directory / "a.safetensors", [](Archive& archive) { add_to(archive, "dense/bias", 1, 0.1f); });
  check_message(error_of_load(file), {"layer 'dense'"});
}

TEST_CASE("a model of doubles is held to 1e-10, and to 1e-5 where it is read as floats") {
  const TemporaryDirectory directory;
  const std::string path = directory / "a.safetensors";
  const Model<double> model = chain<double>();
  save_safetensors(model, path, {{"probe", to_text(make_probe(model, samples<double>({8, 8, 2})))}});
  const Probe probe = parse_probe(read_safetensors(path).metadata["probe"], path);
  Model<double> copy = load_safetensors<double>(path);
  CHECK_NOTHROW(replay(copy, probe, path));
  CHECK_NOTHROW(load(path));
  copy.layer("conv2d").parameters()[1]->update([](TensorView<double> bias) { bias[0] += 1e-7; });
  CHECK_THROWS_WITH_AS(replay(copy, probe, path), doctest::Contains("layer 'conv2d'"), FormatError);
  // the file itself says how close it has to be
  for (const char* name : {"b.safetensors", "b.keras"}) {
    CAPTURE(name);
    const std::string other = directory / name;
    save(model, other, make_probe(model, samples<double>({8, 8, 2})));
    CHECK(load<double>(other).predict(samples<double>({8, 8, 2})) == model.predict(samples<double>({8, 8, 2})));
    CHECK_NOTHROW(load<float>(other));
    save(copy, other, probe);
    CHECK_THROWS_WITH_AS(load<double>(other), doctest::Contains("layer 'conv2d'"), FormatError);
    CHECK_NOTHROW(load<double>(other, {}, ProbeCheck::skip));
    CHECK_NOTHROW(load<float>(other));
  }
  CHECK_NOTHROW(replay(load_safetensors<float>(path), probe, path));
}

TEST_CASE("a model that cannot train on one sample is proved in inference") {
  const TemporaryDirectory directory;
  const std::string path = directory / "a.safetensors";
  Sequential model({4});
  model.add(Dense(3)).add(BatchNorm(BatchNormOptions::torch()));
  const Tensor<float> x = samples<float>({4}, 1);
  CHECK_THROWS_AS(make_probe(model, x), DataError);
  save(model, path, make_probe(model, x, {.training = false}));
  CHECK_NOTHROW(load(path));
}

TEST_CASE("what cannot be a probe is refused when it is made") {
  Sequential model({4});
  model.add(Dense(3));
  CHECK_THROWS_AS(make_probe(model, samples<float>({5})), ShapeError);
  CHECK_THROWS_AS(make_probe(model, Tensor<float>(Shape{2, 4}, NAN)), DataError);
  Sequential wide({1000, 1000, 1});
  wide.add(UpSampling2D(10));
  CHECK_THROWS_WITH_AS(make_probe(wide, Tensor<float>(Shape{1, 1000, 1000, 1})), doctest::Contains("67108864 values"),
                       ConfigError);
}

TEST_CASE_FIXTURE(Saved, "a damaged probe is refused with its reason, and the file can be read without it") {
  const std::string good = read_safetensors(path).metadata["probe"];
  const auto with = [&](const std::string& from, const std::string& to) {
    std::string text = good;
    replace(text, from, to);
    return text;
  };
  const std::pair<std::string, const char*> cases[] = {
      {"", "loaded"},  // an empty text is no probe
      {"{", "valid JSON"},
      {"[]", "\"version\""},
      {"{}", "\"version\""},
      {good.substr(0, good.size() / 2), "valid JSON"},
      {with("\"version\":1", "\"version\":2"), "a newer keel wrote it"},
      {with("\"version\":1", "\"version\":\"1\""), "of another type"},
      {with("\"tolerance\":1e-05", "\"tolerance\":0"), "a tolerance above 0"},
      {with("\"tolerance\":1e-05", "\"tolerance\":1"), "a tolerance above 0 and below 1"},
      {with("\"tolerance\":1e-05", "\"tolerance\":null"), "of another type"},
      {with("\"shape\":[3,8,8,2]", "\"shape\":[3,8,8,3]"), "576 values"},
      {with("\"shape\":[3,8,8,2]", "\"shape\":[-3,8,8,2]"), "of another type"},
      {with("\"shape\":[3,8,8,2]", "\"shape\":[4294967296,4294967296]"), "at most 2^40"},
      {with("\"shape\":[3,8,8,2]", "\"shape\":[6,8,8]"), "a model that runs on the probe's input"},
      {with("\"shape\":[3,8,8,2]", "\"shape\":[384]"), "a model that runs on the probe's input"},
      {with("\"inputs\":[", "\"inputs\":[],\"x\":["), "a model that runs on the probe's input"},
      {with("[\"conv2d\",\"output\",", "[\"conv3d\",\"output\","), "layer 'conv3d'] expected output"},
      {with("[\"conv2d\",\"output\",", "[\"conv2d\","), "a layer's name, what is measured, and 4 numbers"},
      {with("[\"conv2d\",\"output\",", "[\"conv2d\",\"output\",0,"), "4 numbers"},
      {with("[\"conv2d\",\"output\",", "[\"conv2d\",\"output of call 2\","), "none in this model"},
      {with("\"loss\":", "\"loss\":7,\"old\":"), "the loss 7"},
      {with("\"loss\":", "\"loss\":\"a\",\"old\":"), "of another type"},
      {with("\"outputs\":[", "\"outputs\":[{\"shape\":[1],\"values\":[0]},"), "output 0 of shape (1)"},
  };
  for (const auto& c : cases) {
    CAPTURE(c.first.substr(0, 100));
    const std::string file = changed(directory, path, [&](Archive& archive) { archive.metadata["probe"] = c.first; });
    const std::string message = error_of_load(file);
    CAPTURE(message);
    CHECK(message.find(c.second) != message.npos);
    CHECK_NOTHROW(load(file, {}, ProbeCheck::skip));
  }
}

TEST_CASE("a small file cannot ask for much work") {
  const TemporaryDirectory directory;
  const std::string path = directory / "a.safetensors";
  Sequential model({2, 2, 1}, {.name = "small"});
  model.add(UpSampling2D(2)).add(UpSampling2D(2));
  save(model, path, make_probe(model, samples<float>({2, 2, 1}, 1)));
  const std::string file = changed(directory, path, [](Archive& archive) {
    std::string& text = archive.metadata["architecture"];
    replace(text, "\"size\":[2,2]", "\"size\":[4000,4000]");
  });
  check_message(error_of_load(file), {"a model that runs on the probe's input", "at most 4194304 values"});
  const std::string less = changed(directory, path, [](Archive& archive) {
    std::string& text = archive.metadata["architecture"];
    replace(text, "\"size\":[2,2]", "\"size\":[600,600]");  // 7 million values, again to train
  });
  check_message(error_of_load(less), {"a model that runs on the probe's input", "at most 4194304 values"});

  Sequential convolution({2, 2, 1}, {.name = "small"});
  convolution.add(Conv2D(1, 3, {.padding = Padding::same}));
  save(convolution, path, make_probe(convolution, samples<float>({2, 2, 1}, 1)));
  const std::string dilated = changed(directory, path, [](Archive& archive) {
    std::string& text = archive.metadata["architecture"];
    replace(text, "\"dilation_rate\":[1,1]", "\"dilation_rate\":[1000000,1000000]");
  });
  check_message(error_of_load(dilated),
                {"layer 'conv2d'", "expected output as when the model was saved"});  // not out of memory
}
