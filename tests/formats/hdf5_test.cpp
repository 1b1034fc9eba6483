#include <keel/formats/hdf5/reader.hpp>
#include <keel/formats/hdf5/writer.hpp>
#include <keel/formats/zip.hpp>

#include <doctest/doctest.h>

using namespace keel;

namespace {

Tensor<float> values(float first) { return Tensor<float>(Shape{2}, {first, first + 1}); }
Hdf5File reread(const Hdf5Writer& writer) { return read_hdf5(writer.bytes(), "f"); }

}  // namespace

TEST_CASE("HDF5: a name with backslashes is a path, as Keras on Windows wrote it") {
  Hdf5Writer writer;
  writer.dataset("layers\\dense/vars/0", to_array("", values(1)));
  writer.dataset("layers\\dense_1/vars/0", to_array("", values(3)));
  writer.dataset("layers\\functional\\layers\\conv2d/vars/0", to_array("", values(5)));
  writer.attribute("layers\\dense", "name", "dense_7");
  writer.group("metrics\\mean");
  const Hdf5File file = reread(writer);
  const Archive archive = to_archive(file);
  CHECK(archive.tensors.size() == 3);
  CHECK(tensor_at(archive, "layers/dense/vars/0") == values(1));
  CHECK(tensor_at(archive, "layers/dense_1/vars/0") == values(3));
  CHECK(tensor_at(archive, "layers/functional/layers/conv2d/vars/0") == values(5));
  CHECK(file.at("").children == std::vector<std::string>{"layers", "metrics"});
  CHECK(file.at("layers").is_group);
  CHECK(file.at("layers").children == std::vector<std::string>{"dense", "dense_1", "functional"});
  CHECK(file.at("layers/functional/layers").children == std::vector<std::string>{"conv2d"});
  CHECK(file.text("layers/dense", "name") == "dense_7");
  // every group before what it holds, and each object once
  for (std::size_t i = 1; i < file.objects.size(); ++i) {
    const std::string& path = file.objects[i].path;
    CAPTURE(path);
    const std::size_t slash = path.rfind('/');
    CHECK(file.index.at(slash == path.npos ? "" : path.substr(0, slash)) < i);
    CHECK(file.index.at(path) == i);
  }
  // what the file's own texts call it finds it too
  CHECK(file.find("layers\\dense/vars") == file.find("layers/dense/vars"));
}

TEST_CASE("HDF5: both separators meet in one group") {
  Hdf5Writer writer;
  writer.dataset("layers/dense/0", to_array("", values(1)));
  writer.dataset("layers\\dense_1/0", to_array("", values(3)));
  writer.dataset("layers\\dense\\more/0", to_array("", values(5)));
  const Archive archive = to_archive(reread(writer));
  CHECK(tensor_at(archive, "layers/dense/0") == values(1));
  CHECK(tensor_at(archive, "layers/dense_1/0") == values(3));
  CHECK(tensor_at(archive, "layers/dense/more/0") == values(5));
}

TEST_CASE("HDF5: hostile and ambiguous names with backslashes") {
  for (const char* name : {"\\a", "a\\", "a\\\\b", "..\\a", "a\\..\\b", "a\\.", "\\", "\\\\host\\a", "C:\\a"}) {
    CAPTURE(name);
    Hdf5Writer writer;
    writer.group(name);
    CHECK_THROWS_WITH_AS(reread(writer), doctest::Contains("a plain name"), FormatError);
  }
  Hdf5Writer twice;
  twice.group("a/b");
  twice.group("a\\b");
  CHECK_THROWS_WITH_AS(reread(twice), doctest::Contains("two objects 'a/b'"), FormatError);
  Hdf5Writer inside;  // a dataset is no group
  inside.dataset("a", to_array("", values(1)));
  inside.group("a\\b");
  CHECK_THROWS_WITH_AS(reread(inside), doctest::Contains("a group to hold"), FormatError);
  Hdf5Writer deep;
  std::string name = "a";
  for (int i = 0; i < 40; ++i) name += "\\a";
  deep.group(name);
  CHECK_THROWS_WITH_AS(reread(deep), doctest::Contains("32 deep"), FormatError);
}

TEST_CASE("zip: a name with backslashes is a path") {
  ZipWriter writer;
  writer.add_text("model\\data\\0", "x");
  const Bytes bytes = writer.bytes();
  ZipReader zip(bytes, "f");
  REQUIRE(zip.find("model/data/0"));
  Bytes storage;
  CHECK(formats::text_of(zip.read(*zip.find("model/data/0"), storage)) == "x");
  for (const char* name : {"\\a", "..\\a", "a\\..\\b", "a\\.", "C:\\a", "\\\\host\\a"}) {
    CAPTURE(name);
    ZipWriter hostile;
    hostile.add_text(name, "x");
    const Bytes file = hostile.bytes();
    CHECK_THROWS_AS(ZipReader(file, "f"), FormatError);
  }
  ZipWriter twice;
  twice.add_text("a/b", "x");
  twice.add_text("a\\b", "y");
  const Bytes file = twice.bytes();
  CHECK_THROWS_WITH_AS(ZipReader(file, "f"), doctest::Contains("names that differ"), FormatError);
}
