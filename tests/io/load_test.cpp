/// Models of every format: written, read again, and real files with the results that are known of them.

#include <array>
#include <cmath>
#include <filesystem>

#include <doctest/doctest.h>

#include <keel/io/load.hpp>

#include "io/fixture_folder.hpp"
#include "io/scramble.hpp"
#include "support/message.hpp"
#include "support/model_values.hpp"
#include "temporary_directory.hpp"

using namespace keel;
using keel_test::values;

namespace {

Model<> small_network() {
  Sequential model({8, 8, 2}, {.name = "small", .seed = 1});
  model.add(Conv2D(4, 3, {.strides = 2, .padding = Padding::same, .activation = Activation::relu}));
  model.add(BatchNorm({.momentum = 0.15}));
  model.add(Flatten());
  model.add(Dense(5, {.activation = Activation::softmax}));
  return model;
}

Model<> graph() {
  Model<> net({.seed = 2});
  const Node in = net.input({6, 6, 3}, "pixels");
  const Node conv = net.add(Conv2D(3, 3, {.padding = Padding(1)}), in);
  const Node again = net.share(conv, conv);
  const Node sum = net.add(Add(), {in, again});
  net.output(net.add(Dense(2), net.add(GlobalAveragePool2D(), sum)));
  net.output(sum);
  return net;
}

Tensor<float> samples(const Shape& sample) {
  Tensor<float> x(sample.with_batch(2));
  for (Index i = 0; i < x.size(); ++i) x[i] = std::sin(0.7f * static_cast<float>(i));
  return x;
}

bool equal(const Model<>& a, const Model<>& b) { return values(a) == values(b); }

}  // namespace

TEST_CASE("whole models come back bit for bit") {
  const TemporaryDirectory directory;
  for (Model<>& model : std::array{small_network(), graph()}) {
    scramble(model);
    const Tensor<float> x = samples(model.input_shape());
    const TensorView<const float> view = x;
    const auto y = model.predict(Inputs<float>(&view, 1));
    for (const char* name : {"a.safetensors", "a.keras", "a.h5", "model.json"}) {
      CAPTURE(name);
      const std::string path = directory / name;
      save(model, path);
      const Model<> loaded = load(path);
      CHECK(loaded.is_sequential() == model.is_sequential());
      CHECK(loaded.outputs().size() == model.outputs().size());
      CHECK(equal(loaded, model));
      const auto again = loaded.predict(Inputs<float>(&view, 1));
      for (std::size_t i = 0; i < y.size(); ++i) CHECK(again[i] == y[i]);
    }
  }
}

TEST_CASE("files of a model without weights") {
  const TemporaryDirectory directory;
  Sequential model({2, 3});
  model.add(Flatten());
  for (const char* name : {"a.weights.h5", "a.pt", "a.npz", "a.safetensors", "a.keras", "a.h5", "model.json"}) {
    save(model, directory / name);
    CHECK_NOTHROW(load_weights(model, directory / name));
  }
}

TEST_CASE("a Sequential without layers") {
  const TemporaryDirectory directory;
  const Sequential model({2, 3});
  for (const char* name : {"a.safetensors", "a.keras", "a.h5", "model.json"}) {
    CAPTURE(name);
    save(model, directory / name);
    const Model<> loaded = load(directory / name);
    CHECK(loaded.is_sequential());
    CHECK(loaded.layer_count() == 0);
    CHECK(loaded.output_shape() == Shape{2, 3});
  }
}

TEST_CASE("PyTorch code says whether an average counts the padding") {
  for (const bool counts : {false, true}) {
    Sequential model({4, 4, 1});
    model.add(AveragePool2D(3, {.strides = 1, .padding = Padding(1), .count_include_pad = counts}));
    CHECK((torch_code(model).find("padding=(1, 1), count_include_pad=False") == std::string::npos) == counts);
  }
  Sequential odd({5, 5, 1});
  odd.add(AveragePool2D(2, {.padding = Padding::same, .count_include_pad = true}));
  CHECK(torch_code(odd).find("nn.ZeroPad2d((0, 1, 0, 1)),\n    nn.AvgPool2d((2, 2), stride=(2, 2)),") !=
        std::string::npos);
}

TEST_CASE("PyTorch code names the layers of a graph so that Python takes it") {
  const TemporaryDirectory directory;
  Model<> model({.seed = 3});
  Node x = model.input({4, 4, 2}, "1 pixel");
  for (const char* name : {"a/b", "a.b", "a_b", "class", "3x3 conv", "gr\u00f6\u00dfe", "__init__", "_private", "train",
                           "type", "tail_activation", "x\" = 1", "conv"})
    x = model.add(Conv2D(2, 1, {.name = name}), x);
  x = model.add(Conv2D(2, 1, {.activation = Activation::relu, .name = "tail"}), x);
  model.output(x);
  scramble(model);
  const std::string code = torch_code(model);
  for (const char* name :
       {"a_b_1", "a_b_2", "a_b", "class_", "layer_3x3_conv", "gr__e", "layer___init__", "layer__private", "train_",
        "type_", "tail_activation", "x____1", "conv", "tail_1", "tail_1_activation"}) {
    CAPTURE(std::string(name));
    const std::string line = "        self." + std::string(name) + " = nn.";
    CHECK(contains(code, line));
    CHECK(code.find(line) == code.rfind(line));
    CHECK(contains(code, "self." + std::string(name) + "("));
  }
  CHECK(contains(code, "self.tail_1_activation(self.tail_1(x13))"));

  save(model, directory / "odd.pt");
  Model<> other = model.clone();
  for (Parameter<float>* p : other.parameters()) p->set(Tensor<float>(p->shape(), 0.25f));
  load_weights(other, directory / "odd.pt");
  CHECK(equal(other, model));
}

TEST_CASE("weights go into a model of the same layers") {
  const TemporaryDirectory directory;
  for (Model<>& model : std::array{small_network(), graph()}) {
    scramble(model);
    for (const char* name : {"a.weights.h5", "a.pt", "a.npz", "a.safetensors", "a.keras", "a.h5", "model.json"}) {
      CAPTURE(name);
      const std::string path = directory / name;
      save(model, path);
      Model<> other = model.clone();
      for (Parameter<float>* p : other.parameters()) p->set(Tensor<float>(p->shape(), 0.25f));
      CHECK_FALSE(equal(other, model));
      load_weights(other, path);
      CHECK(equal(other, model));
    }
  }
}

TEST_CASE("BatchNorm's options and counter") {
  const TemporaryDirectory directory;
  Model<> model = small_network();
  scramble(model);
  save(model, directory / "a.pt");
  Model<> other = small_network();
  load_weights(other, directory / "a.pt");
  CHECK(other.layer("batch_normalization").counters()[0]->value == 17);
  save(model, directory / "a.keras");
  CHECK(load(directory / "a.keras").layer("batch_normalization").config().get<double>("momentum", 0) == 0.15);
  // the .h5 of Keras 2 keeps the unbiased variance of images, that of Keras 3 the biased
  for (const MovingVariance variance : {MovingVariance::biased, MovingVariance::unbiased}) {
    Sequential norm({4, 4, 2});
    BatchNormOptions options;
    options.moving_variance = variance;
    norm.add(BatchNorm(options));
    save(norm, directory / "norm.h5");
    CHECK(load(directory / "norm.h5").layer(0).config().get<bool>("unbiased", false) ==
          (variance == MovingVariance::unbiased));
  }
}

TEST_CASE("what a format does not have is refused by name") {
  const TemporaryDirectory directory;
  Sequential model({8, 8, 1});
  model.add(MaxPool2D(2, {.padding = Padding(1), .name = "padded"}));
  CHECK_THROWS_WITH_AS(save(model, directory / "a.keras"), doctest::Contains("padded (MaxPooling2D)"), ConfigError);
  CHECK_FALSE(std::filesystem::exists(directory / "a.keras"));
  CHECK_THROWS_WITH_AS(save(model, directory / "a.tflite"), doctest::Contains(".safetensors, .keras"), ConfigError);
  // formulas that would be others there
  const auto refuses = [&](AnyLayer<float> layer, const char* name) {
    Sequential odd({5, 5, 2});
    odd.add(std::move(layer));
    return message([&] { save(odd, directory / name); });
  };
  const AveragePool2D average(2, {.padding = Padding::same, .count_include_pad = true});
  const ActivationLayer gate(Activation::hard_sigmoid);
  for (const char* name : {"b.keras", "b.h5", "model.json"})
    CHECK(refuses(average, name) ==
          "[average_pooling2d (AveragePooling2D)] expected count_include_pad false, all that Keras has, got true "
          "(save as .safetensors)");
  CHECK(refuses(gate, "model.json") ==
        "[activation (Activation)] expected an activation that TensorFlow.js has, got hard_sigmoid (save as .keras)");
  CHECK(refuses(gate, "b.keras") == "no error");
  const ActivationLayer swish(Activation::hard_swish);
  CHECK(refuses(swish, "model.json") ==
        "[activation (Activation)] expected an activation that TensorFlow.js has, got hard_swish (save as .keras)");
  CHECK(refuses(swish, "b.keras") == "no error");
  CHECK(refuses(AveragePool2D(2, {.count_include_pad = true}), "b.keras") == "no error");
  const Model<> small = small_network();
  save(small, directory / "a.pt");
  CHECK_THROWS_WITH_AS(load(directory / "a.pt"), doctest::Contains("load_weights(model, path)"), FormatError);
  CHECK_THROWS_AS(load(directory / "nothing.keras"), FormatError);
}

TEST_CASE("Keras's real files") {
  if (no_fixtures()) return;
  const Tensor<float> x = samples({28, 28, 1});
  CHECK(load(fixtures + "keras/lordanvaym_mnist_cnn.keras").predict(x) ==
        load(fixtures + "keras/lordanvaym_mnist_cnn.h5").predict(x));
  const Model<> mlp = load(fixtures + "keras/shreyansh_mnist_mlp.keras");
  CHECK(mlp.is_sequential());
  CHECK(equal(mlp, load(fixtures + "keras/shreyansh_mnist_mlp.h5")));
  Model<> fresh = mlp.clone();
  for (Parameter<float>* p : fresh.parameters()) p->set(Tensor<float>(p->shape(), 0.25f));
  load_weights(fresh, fixtures + "keras/shreyansh_mnist_mlp.weights.h5");
  CHECK(equal(mlp, fresh));
  CHECK_THROWS_WITH_AS(load(fixtures + "keras/shreyansh_mnist_mlp.weights.h5"), doctest::Contains("weights only"),
                       FormatError);
  CHECK_THROWS_WITH_AS(load(fixtures + "keras/reject_quantization_wrapper.keras"),
                       doctest::Contains("class 'KerasActivationQuantizationHolder'"), FormatError);
  const Model<> resnet = load(fixtures + "keras/mlperf_tiny_resnet8.h5");
  Index values = 0;
  for (const Parameter<float>* p : resnet.parameters()) values += p->size();
  CHECK(values == 78666);
  // a file of Keras 2 is biased, as today's Keras reads it, unless load is asked for the other
  CHECK_FALSE(resnet.layer("batch_normalization").config().get<bool>("unbiased", true));
  std::vector<std::string> notes;
  const Model<> other =
      load(fixtures + "keras/mlperf_tiny_resnet8.h5", {.moving_variance = MovingVariance::unbiased, .notes = &notes});
  CHECK(other.layer("batch_normalization").config().get<bool>("unbiased", false));
  CHECK_FALSE(notes.empty());
}

TEST_CASE("PyTorch's real files go into models built by hand") {
  if (no_fixtures()) return;
  Sequential cnn({28, 28, 1});
  cnn.add(Conv2D(32, 3, {.padding = Padding::same, .activation = Activation::relu})).add(MaxPool2D(2));
  cnn.add(Conv2D(64, 3, {.padding = Padding::same, .activation = Activation::relu})).add(MaxPool2D(2));
  cnn.add(Flatten()).add(Dense(128, {.activation = Activation::relu})).add(Dense(10));
  load_weights(cnn, fixtures + "torch/codeman_mnist_cnn.pth");
  const Tensor<float> kernel = cnn.layer("dense").parameters()[0]->value();
  const auto file = tensor_at<float>(read_torch(fixtures + "torch/codeman_mnist_cnn.pth"), "fc1.weight");
  CHECK(kernel((2 * 7 + 3) * 64 + 5, 9) == file(9, (5 * 7 + 2) * 7 + 3));

  Sequential lenet({28, 28, 1});
  lenet.add(Conv2D(6, 3)).add(MaxPool2D(2)).add(Conv2D(16, 3)).add(MaxPool2D(2)).add(Flatten());
  lenet.add(Dense(120)).add(Dense(84)).add(Dense(10));
  load_weights(lenet, fixtures + "torch/r4hulr_mnist_cnn.pt");
  CHECK(lenet.layer("conv2d_1").parameters()[0]->value()(2, 1, 4, 9) ==
        tensor_at<float>(read_torch(fixtures + "torch/r4hulr_mnist_cnn.pt"), "conv2.weight")(9, 4, 2, 1));

  Sequential mlp({28, 28, 1});
  mlp.add(Flatten())
      .add(Dense(128, {.activation = Activation::relu, .use_bias = false}))
      .add(Dense(10, {.use_bias = false}));
  load_weights(mlp, fixtures + "safetensors/tinygrad_mnist_mlp.safetensors");
  Sequential conv({28, 28, 1});
  conv.add(Conv2D(10, 3, {.strides = 2, .padding = Padding(1)})).add(MaxPool2D(2)).add(Flatten()).add(Dense(10));
  load_weights(conv, fixtures + "safetensors/jq_cnn_mnist.safetensors");
  CHECK_THROWS_WITH_AS(load_weights(conv, fixtures + "torch/reject_libtorch_archive.pt"), doctest::Contains("data.pkl"),
                       FormatError);
}
