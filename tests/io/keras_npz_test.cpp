/// model.weights.npz, the other container of a .keras: as real NumPy wrote it, by itself and in a whole model's
/// file.

#include <doctest/doctest.h>

#include <keel/io/load.hpp>

#include "file_builder.hpp"

using namespace build;

namespace {

/// What interop/make_keras_npz.py put there: first, first + 0.25, ...
void check_counted(const Tensor<float>& value, const Shape& shape, float first) {
  CHECK(value.shape() == shape);
  for (Index i = 0; i < value.size(); ++i) CHECK(value[i] == first + 0.25f * static_cast<float>(i));
}

}  // namespace

TEST_CASE("every protocol, byte order and type, of NumPy 1 and 2") {
  for (const char* name : {"protocol2_numpy1", "protocol2_numpy2", "protocol3_numpy1", "protocol3_numpy2",
                           "protocol4_numpy1", "protocol4_numpy2"}) {
    CAPTURE(name);
    const std::string bytes = from_data("keras_npz.zip", std::string(name) + ".npz");
    const Hdf5File file = read_keras_npz(io::bytes_of(bytes), "f");
    const auto at = [&](const char* path) { return to_tensor<float>(file.at(path).value); };
    check_counted(at("layers/conv2d/vars/0"), {3, 3, 1, 2}, 1);
    check_counted(at("layers/conv2d/vars/1"), {2}, 20);
    for (const char* i : {"0", "1", "2", "3"})
      check_counted(at((std::string("layers/batch_normalization/vars/") + i).c_str()), {2},
                    30 + 10 * static_cast<float>(*i - '0'));
    CHECK(file.at("layers/batch_normalization/vars/0").value.dtype == DType::f64);
    CHECK(file.at("layers/batch_normalization/vars/3").value.dtype == DType::f16);
    check_counted(at("layers/dense/vars/0"), {8, 3}, 70);
    CHECK(file.at("vars").children.empty());
    CHECK(file.at("layers/conv2d/vars").children.size() == 2);
    CHECK(file.find("optimizer/vars") == nullptr);
  }
}

TEST_CASE("a .keras with its weights in model.weights.npz") {
  const TemporaryDirectory directory;
  Sequential model({4, 4, 1});
  model.add(Conv2D(2, 3)).add(BatchNorm()).add(Flatten()).add(Dense(3));
  save(model, directory / "h5.keras");
  const Bytes bytes = read_file(directory / "h5.keras");
  ZipReader zip(bytes, "h5.keras");
  Bytes config;
  const auto write = [&](const std::string& name, const std::string& npz) {
    ZipWriter out;
    out.add("config.json", zip.read(*zip.find("config.json"), config));
    if (!npz.empty()) out.add_text("model.weights.npz", npz);
    out.write(directory / name);
    return directory / name;
  };
  const std::string path = write("npz.keras", from_data("keras_npz.zip", "protocol4_numpy2.npz"));
  const Model<> loaded = load(path);
  check_counted(loaded.layer("conv2d").parameters()[0]->value(), {3, 3, 1, 2}, 1);
  check_counted(loaded.layer("batch_normalization").parameters()[3]->value(), {2}, 60);
  check_counted(loaded.layer("dense").parameters()[1]->value(), {3}, 80);
  load_weights(model, path);
  check_counted(model.layer("dense").parameters()[0]->value(), {8, 3}, 70);
  CHECK_THROWS_WITH_AS(load(write("other.keras", keras_npz({}))), doctest::Contains("weights of 'conv2d'"),
                       FormatError);
  CHECK_THROWS_WITH_AS(load(write("none.keras", "")), doctest::Contains("model.weights.h5 or model.weights.npz"),
                       FormatError);
}
