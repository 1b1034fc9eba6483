/// Files of Keras and TensorFlow.js whose keys, arguments and axes a reader has to understand (tests/io/data/found.zip,
/// with inputs and outputs of the originals): right, or refused with layer and class.

#include <cmath>

#include <doctest/doctest.h>

#include <keel/io/load.hpp>
#include <keel/model/any_extents.hpp>

#include "file_builder.hpp"

using namespace keel;

namespace keras_found_test {  // a name of its own: the files of a folder are compiled together

/// The archive as a folder.
class Found {
 public:
  Found() {
    const Bytes bytes = read_file(std::string(KEEL_SOURCE_DIR) + "/tests/io/data/found.zip");
    ZipReader zip(bytes, "found.zip");
    for (const ZipMember& member : zip.members()) {
      Bytes storage;
      std::filesystem::create_directories(std::filesystem::path(folder_ / member.name).parent_path());
      folder_.write(member.name, formats::text_of(zip.read(member, storage)));
    }
  }
  std::string path(const std::string& name) const { return folder_ / name; }
  Tensor<float> tensor(const std::string& name) const {
    return to_tensor<float>(read_npy(folder_ / (name + ".npy")), name);
  }

 private:
  TemporaryDirectory folder_;
};

/// The largest difference between what a model gives and what it has to give.
double error(const Model<>& model, const Found& found, const std::string& stem) {
  std::vector<Tensor<float>> x;
  for (std::size_t i = 0; i < model.inputs().size(); ++i) x.push_back(found.tensor(stem + ".x" + std::to_string(i)));
  const std::vector<TensorView<const float>> views(x.begin(), x.end());
  const std::vector<Tensor<float>> y = model.predict(Inputs<float>(views));
  double worst = 0;
  for (std::size_t i = 0; i < y.size(); ++i) {
    const Tensor<float> want = found.tensor(stem + ".y" + std::to_string(i));
    REQUIRE(y[i].shape() == want.shape());
    for (Index k = 0; k < want.size(); ++k) worst = (std::max)(worst, static_cast<double>(std::abs(y[i][k] - want[k])));
  }
  return worst;
}

TEST_CASE("files of Keras and TensorFlow.js give the numbers of the originals") {
  const Found found;
  const std::pair<std::string, std::string> files[] = {
      {"flatten_channels_first/flatten_channels_first", ".keras"},
      {"channels_first/bn", "/model.json"},
      {"channels_first/prelu", "/model.json"},
      {"channels_first/flatten_cl", "/model.json"},
      {"channels_first/cf_reshape_dense", ".h5"},
      {"channels_first/cf_conv_softmax", ".h5"},
      {"tfjs_depthwise/depthwise", "/model.json"},
      {"windows_paths/windows_separator", ".keras"},
      {"keras_refused/act_layer_object", ".keras"},
      {"keras_refused/dict_io", ".keras"},
      {"keras_refused/identity_RandomFlip", ".keras"},
      {"keras_refused/norm_config", ".keras"},
      {"keras_refused/op_add", ".keras"},
      {"keras_refused/op_multiply", ".keras"},
      {"keras_refused/rescale_vector", ".keras"},
      {"keras_refused/bn_axis1_seq", ".h5"},
  };
  for (const auto& [stem, ending] : files) {
    const auto& the_stem = stem;  // clang before 16 captures no structured binding
    CAPTURE(the_stem);
    try {
      CHECK(error(load(found.path(stem + ending)), found, stem) < 1e-5);
    } catch (const Error& refusal) {
      FAIL_CHECK(refusal.what());
    }
  }
}

TEST_CASE("what Keras's backends compute differently is refused") {
  const Found found;
  CHECK_THROWS_WITH_AS(
      load(found.path("keras_refused/convt_same_op1.keras")),
      doctest::Contains(
          "layer 'ct' (Conv2DTranspose)] expected output_padding with which padding same cuts an even number"),
      FormatError);
}

TEST_CASE("an input of unknown extent takes its shape from the caller") {
  const Found found;
  const std::string stem = "keras_refused/none_extent", path = found.path(stem + ".keras");
  CHECK(error(load(path, {.inputs = {{4, 4, 3}}}), found, stem) < 1e-5);
  CHECK_THROWS_WITH_AS(load(path), doctest::Contains("pass its shape to load"), FormatError);
  CHECK_THROWS_WITH_AS(load(path, {.inputs = {{4, 4, 2}}}), doctest::Contains("(4, 4, 2) from the caller"),
                       FormatError);
  CHECK_THROWS_WITH_AS(load(path, {.inputs = {{4, 4}}}), doctest::Contains("(4, 4) from the caller"), FormatError);
  // of any extents: the layers of one model, or a model of the file for each shape
  const AnyExtents shared(load(path, {.inputs = {{4, 4, 3}}}));
  const AnyExtents<float> loaded([&](const std::vector<Shape>& shapes) { return load(path, {.inputs = shapes}); });
  for (const Shape& shape : {Shape{4, 4, 3}, Shape{9, 6, 3}, Shape{3, 13, 3}}) {
    CAPTURE(shape.to_string());
    Rng rng(7);
    Tensor<float> x(shape.with_batch(2));
    for (float& value : x) value = static_cast<float>(rng.normal());
    const Tensor<float> right = load(path, {.inputs = {shape}}).predict(x);
    CHECK(shared.predict(x) == right);
    CHECK(loaded.predict(x) == right);
  }
}

TEST_CASE("training among the arguments of a call is honoured or refused") {
  const Found found;
  CHECK_THROWS_WITH_AS(load(found.path("call_training/bn_training_true.keras")),
                       doctest::Contains("layer 'bn' (BatchNormalization)"), FormatError);
  const std::string stem = "call_training/bn_training_false";
  const Model<> model = load(found.path(stem + ".keras"));
  CHECK(model.layer("bn").frozen() == Freeze::statistics);
  CHECK(error(model, found, stem) < 1e-5);
}

TEST_CASE("a scale of 1 is true") {
  const Found found;
  const Model<> model = load(found.path("keras_scale_one/scale_one.h5"));
  CHECK(model.layer("bn").config().get<bool>("scale", false));
}

TEST_CASE("files that keel 0.1 wrote for TensorFlow.js") {
  const Found found;
  // what keel meant, though TensorFlow.js computes something else or nothing
  CHECK(error(load(found.path("tfjs_written/relu_odd/model.json")), found, "tfjs_written/relu_odd") < 1e-5);
  CHECK_THROWS_WITH_AS(load(found.path("tfjs_written/up_bilinear/model.json")), doctest::Contains("interpolation"),
                       FormatError);
  CHECK(error(load(found.path("tfjs_written/norm/model.json")), found, "tfjs_written/norm") < 1e-5);
  CHECK_NOTHROW(load(found.path("tfjs_depthwise/written_by_keel/model.json")));
}

}  // namespace keras_found_test
