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
    const Hdf5File file = read_keras_npz(formats::bytes_of(bytes), "f");
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
  CHECK_THROWS_WITH_AS(load(write("other.keras", keras_npz({}))), doctest::Contains("7 missing, 1 of another shape"),
                       FormatError);
  CHECK_THROWS_WITH_AS(load(write("none.keras", "")), doctest::Contains("model.weights.h5 or model.weights.npz"),
                       FormatError);
}

TEST_CASE("both containers hold the same bits") {
  const TemporaryDirectory directory;
  Model<double> model;
  const auto x = model.input({6, 6, 2});
  const auto conv = model.add(Conv2D<double>(3, 3, {.padding = Padding(1), .name = "inner/conv"}), x);
  const auto flat = model.add(Flatten<double>(), model.add(BatchNorm<double>({.name = "inner/norm"}), conv));
  model.output(model.add(Dense<double>(2), model.add(Normalization<double>(), flat)));
  save_keras(model, directory / "h5.keras");
  save_keras(model, directory / "npz.keras", {.weights = KerasContainer::npz});
  const auto member = [&](const char* file, const char* name) {
    const Bytes bytes = read_file(directory / file);
    ZipReader zip(bytes, file);
    Bytes storage;
    REQUIRE(zip.members().size() == 3);
    REQUIRE(zip.find(name));
    const ByteSpan content = zip.read(*zip.find(name), storage);
    return Bytes(content.begin(), content.end());
  };
  CHECK(member("h5.keras", "config.json") == member("npz.keras", "config.json"));
  const Bytes npz = member("npz.keras", "model.weights.npz");
  const Archive a = to_archive(read_hdf5(member("h5.keras", "model.weights.h5"), "h5"));
  const Archive b = to_archive(read_keras_npz(npz, "npz"));
  REQUIRE(a.tensors.size() == 11);
  REQUIRE(b.tensors.size() == a.tensors.size());
  for (const NamedArray& array : a.tensors) {
    CAPTURE(array.name);
    REQUIRE(b.find(array.name));
    CHECK(b.at(array.name).dtype == array.dtype);
    CHECK(b.at(array.name).shape == array.shape);
    CHECK(b.at(array.name).bytes == array.bytes);
  }
  CHECK(a.at("layers/sequential/layers/conv2d/vars/0").dtype == DType::f64);
  CHECK(a.at("layers/normalization/vars/2").dtype == DType::i32);
  const Model<double> loaded = load<double>(directory / "npz.keras");
  for (std::size_t i = 0; i < loaded.parameters().size(); ++i)
    CHECK(loaded.parameters()[i]->value() == model.parameters()[i]->value());
  // layer for layer as NumPy writes it, but for its memo
  const std::string own = text(npz), mark = "cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\0\x85"s;
  CHECK(own.find(mark) != own.npos);
  CHECK(own.find("{'descr': '|O', 'fortran_order': False, 'shape': (), }") != own.npos);
}
