/// Real files of Keras, PyTorch and others, read where they lie beside the project; skipped where they are
/// missing.

#include <doctest/doctest.h>

#include "file_builder.hpp"
#include "io/fixture_folder.hpp"

using namespace build;

namespace {

using NamedShapes = std::map<std::string, Shape>;
NamedShapes shapes(const Archive& archive) {
  NamedShapes found;
  for (const NamedArray& array : archive.tensors) {
    found.emplace(array.name, array.shape);
    CHECK(count_nonfinite(array) == 0);
    CHECK(array.bytes.size() == static_cast<std::size_t>(array.shape.size()) * size_of(array.dtype));
  }
  return found;
}

/// The weights inside a .keras, an .h5 in a zip.
Hdf5File keras_weights(const std::string& path) {
  const Bytes bytes = read_file(path);
  if (recognise(bytes) == Content::hdf5) return read_hdf5(bytes, path);
  ZipReader zip(bytes, path);
  Bytes storage;
  const ZipMember* config = zip.find("config.json");
  REQUIRE(config != nullptr);
  CHECK(parse_json(formats::text_of(zip.read(*config, storage)), path, {.allow_nonfinite = true}).is_object());
  const ZipMember* weights = zip.find("model.weights.h5");
  REQUIRE(weights != nullptr);
  return read_hdf5(zip.read(*weights, storage), path + ": model.weights.h5");
}

}  // namespace

TEST_CASE("safetensors of other projects") {
  if (no_fixtures()) return;
  CHECK(shapes(read_safetensors(fixtures + "safetensors/jq_cnn_mnist.safetensors")) ==
        NamedShapes{
            {"conv1.bias", {10}}, {"conv1.weight", {10, 1, 3, 3}}, {"fc1.bias", {10}}, {"fc1.weight", {10, 490}}});
  CHECK(shapes(read_safetensors(fixtures + "safetensors/tinygrad_mnist_mlp.safetensors")) ==
        NamedShapes{{"l1.weight", {128, 784}}, {"l2.weight", {10, 128}}});
}

TEST_CASE("PyTorch files") {
  if (no_fixtures()) return;
  const Archive cnn = read_torch(fixtures + "torch/codeman_mnist_cnn.pth");
  CHECK(shapes(cnn) == NamedShapes{{"conv1.weight", {32, 1, 3, 3}},
                                   {"conv1.bias", {32}},
                                   {"conv2.weight", {64, 32, 3, 3}},
                                   {"conv2.bias", {64}},
                                   {"fc1.weight", {128, 3136}},
                                   {"fc1.bias", {128}},
                                   {"fc2.weight", {10, 128}},
                                   {"fc2.bias", {10}}});
  CHECK(cnn.metadata.at("_metadata.conv1") == "1");
  CHECK(shapes(read_torch(fixtures + "torch/r4hulr_mnist_cnn.pt")).size() == 10);
  const NamedShapes depthwise = shapes(read_torch(fixtures + "torch/matthieu_depthwise_elu.pt"));
  CHECK(depthwise.size() == 26);
  CHECK(depthwise.at("conv_block_1.dw_conv.weight") == Shape{16, 1, 3, 3});
  const Archive test = read_torch(fixtures + "torch/test.pt");
  CHECK(test.at("test").dtype == DType::i64);
  CHECK(to_tensor<std::int64_t>(test.at("test")) == Tensor<std::int64_t>(Shape{2, 4}, {1, 2, 3, 4, 5, 6, 7, 8}));
  CHECK(read_torch(fixtures + "torch/test_with_key.pt").tensors.front().name == "model_state_dict.test");
  const Archive fortran = read_torch(fixtures + "torch/fortran_tensor_3d.pth");
  const Tensor<std::int64_t> strided = tensor_at<std::int64_t>(fortran, "tensor_fortran");
  CHECK(strided.shape() == Shape{2, 3, 4});
  for (Index i = 0; i < 24; ++i) CHECK(strided[i] == i + 1);
  CHECK_THROWS_WITH_AS(read_torch(fixtures + "torch/reject_libtorch_archive.pt"),
                       doctest::Contains("a zip without one"), FormatError);
}

TEST_CASE("Keras files") {
  if (no_fixtures()) return;
  const Hdf5File resnet = keras_weights(fixtures + "keras/mlperf_tiny_resnet8.h5");
  CHECK(resnet.text("", "keras_version") == "2.4.0");
  CHECK(parse_json(*resnet.text("", "model_config"), "resnet")["class_name"] == "Functional");
  CHECK(resnet.texts("model_weights", "layer_names")->front() == "input_1");
  Index parameters = 0;
  const std::vector<std::string> layers = *resnet.texts("model_weights", "layer_names");
  for (const std::string& layer : layers) {
    const std::vector<std::string> names = *resnet.texts("model_weights/" + layer, "weight_names");
    for (const std::string& name : names)
      parameters += resnet.at("model_weights/" + layer + "/" + name).value.shape.size();
  }
  CHECK(parameters == 78'666);
  shapes(to_archive(resnet));

  // The same network in two or three containers holds the same values.
  const auto same = [](const std::string& a, const std::string& in_a, const std::string& b, const std::string& in_b) {
    const Hdf5File first = keras_weights(fixtures + a), second = keras_weights(fixtures + b);
    const NamedArray &x = first.at(in_a).value, &y = second.at(in_b).value;
    CHECK(x.bytes.size() > 0);
    CHECK(x.shape == y.shape);
    CHECK(x.bytes == y.bytes);
  };
  same("keras/shreyansh_mnist_mlp.h5", "model_weights/dense_1/dense_1/kernel", "keras/shreyansh_mnist_mlp.keras",
       "layers/dense_1/vars/0");
  same("keras/shreyansh_mnist_mlp.weights.h5", "layers/dense/vars/0", "keras/shreyansh_mnist_mlp.keras",
       "layers/dense/vars/0");
  same("keras/lordanvaym_mnist_cnn.h5", "model_weights/conv2d_7/sequential_3/conv2d_7/kernel",
       "keras/lordanvaym_mnist_cnn.keras", "layers/conv2d_1/vars/0");
  for (const char* name : {"georgexmaina_fashion_mnist", "reject_quantization_wrapper"})
    CHECK(shapes(to_archive(keras_weights(fixtures + "keras/" + name + ".keras"))).size() > 4);
  const NamedArray samples = read_npy(fixtures + "keras/mlperf_tiny_resnet8_perf_samples_idxs.npy");
  CHECK(samples.shape == Shape{200});
  CHECK(samples.dtype == DType::i64);
}
