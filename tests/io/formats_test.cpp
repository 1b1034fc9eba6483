/// What each format writes it reads back, and what other programs write it understands.

#include <doctest/doctest.h>

#include "file_builder.hpp"

using namespace build;

namespace {

/// Tensors of every type that all formats but TensorFlow.js have, with shapes of every kind.
Archive varied() {
  Archive archive{"varied", "", {}, {}};
  const auto add = [&](std::string name, DType type, const Shape& shape) {
    NamedArray array{std::move(name), type, shape, {}};
    array.bytes.resize(static_cast<std::size_t>(shape.size()) * size_of(type));
    for (std::size_t i = 0; i < array.bytes.size(); ++i)
      array.bytes[i] = static_cast<std::byte>(type == DType::boolean ? i % 2 : i * 37 % 251);
    archive.tensors.push_back(std::move(array));
  };
  add("layer.weight", DType::f32, {2, 3, 4});
  add("half", DType::f16, {5});
  add("double", DType::f64, {3, 1});
  add("scalar", DType::i64, {});
  add("empty", DType::f32, {0, 7});
  add("i32", DType::i32, {2});
  add("i16", DType::i16, {3});
  add("i8", DType::i8, {1});
  add("u8", DType::u8, {9});
  add("flags", DType::boolean, {2, 2});
  add("\xc3\xa9", DType::f32, {1, 1, 1, 1, 1, 1, 1, 2});
  return archive;
}

void check_same(const Archive& a, const Archive& b) {
  REQUIRE(a.tensors.size() == b.tensors.size());
  for (const NamedArray& array : a.tensors) {
    CAPTURE(array.name);
    const NamedArray* other = b.find(array.name);
    REQUIRE(other != nullptr);
    CHECK(other->dtype == array.dtype);
    CHECK(other->shape == array.shape);
    CHECK(other->bytes == array.bytes);
  }
}

template <class Write, class Read>
void check_round_trip(const Archive& archive, const char* name, Write&& write, Read&& read) {
  const TemporaryDirectory directory;
  write(directory / name, archive);
  check_same(archive, read(directory / name));
  const Bytes first = read_file(directory / name);
  write(directory / name, archive);
  CHECK(read_file(directory / name) == first);
}

}  // namespace

TEST_CASE("safetensors: a round trip, with bfloat16, unsigned types and metadata") {
  Archive archive = varied();
  archive.tensors.push_back({"bf", DType::bf16, Shape{1}, Bytes(2)});
  archive.tensors.push_back({"u64", DType::u64, Shape{1}, Bytes(8)});
  archive.tensors.push_back({"u32", DType::u32, Shape{1}, Bytes(4)});
  archive.tensors.push_back({"u16", DType::u16, Shape{1}, Bytes(2)});
  archive.metadata = {{"format", "pt"}, {"note", "\"quoted\"\n"}};
  check_round_trip(
      archive, "a.safetensors", [](const std::string& path, const Archive& a) { write_safetensors(path, a); },
      [](const std::string& path) { return read_safetensors(path); });
  const TemporaryDirectory directory;
  write_safetensors(directory / "a", archive);
  CHECK(read_safetensors(directory / "a").metadata == archive.metadata);
  CHECK(formats::load_little(read_file(directory / "a").data(), 8) % 8 == 0);
}

TEST_CASE("safetensors: what is allowed though unusual") {
  const auto read = [](const std::string& file) { return read_safetensors(formats::bytes_of(file), "f"); };
  CHECK(read(safetensors("{}")).tensors.empty());
  CHECK(read(safetensors("{}     ")).tensors.empty());
  const Archive shared = read(safetensors(
      R"({"b":{"dtype":"F32","shape":[0],"data_offsets":[0,0]},"a":{"dtype":"F32","shape":[0,5],"data_offsets":[0,0],"x":1},)"
      R"("c":{"dtype":"U8","shape":[],"data_offsets":[0,1]}})",
      "x"));
  REQUIRE(shared.tensors.size() == 3);
  CHECK(shared.tensors[0].name == "a");
  CHECK(shared.tensors[2].shape == Shape{});
  const Archive unfinite =
      read(safetensors(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})", "\0\0\xc0\x7f\0\0\x80\x7f"s));
  CHECK(count_nonfinite(unfinite.tensors[0]) == 2);
  CHECK_THROWS_AS(require_finite(unfinite), FormatError);
}

TEST_CASE("safetensors: names that cannot be saved are refused before anything is written") {
  const TemporaryDirectory directory;
  for (const char* name : {"__metadata__", "a\nb", "\xff"}) {
    Archive archive = small_archive();
    archive.tensors[0].name = name;
    CHECK_THROWS_AS(write_safetensors(directory / "a", archive), FormatError);
  }
  Archive twice = small_archive();
  twice.tensors.push_back(twice.tensors[0]);
  CHECK_THROWS_WITH_AS(write_safetensors(directory / "a", twice), doctest::Contains("two tensors 'w'"), FormatError);
  CHECK_FALSE(std::filesystem::exists(directory / "a"));
}

TEST_CASE("safetensors: shards are read from the index's own directory") {
  const TemporaryDirectory directory;
  Archive first = small_archive(), second = small_archive();
  first.tensors.resize(1);
  second.tensors.erase(second.tensors.begin());
  write_safetensors(directory / "m-1.safetensors", first);
  write_safetensors(directory / "m-2.safetensors", second);
  const auto index = [&](const std::string& map) {
    return directory.write("m.safetensors.index.json", "{\"metadata\":{\"total_size\":44},\"weight_map\":" + map + "}");
  };
  check_same(small_archive(),
             read_safetensors_index(index(R"({"w":"m-1.safetensors","b":"m-2.safetensors","n":"m-2.safetensors"})")));
  const auto refused = [&](const std::string& map, const char* reason) {
    CHECK_THROWS_WITH_AS(read_safetensors_index(index(map)), doctest::Contains(reason), FormatError);
  };
  refused(R"({"w":"m-1.safetensors","b":"m-2.safetensors"})", "'n' there");
  refused(R"({"w":"m-1.safetensors","b":"m-1.safetensors"})", "no such tensor there");
  refused(R"({"w":"m-2.safetensors","b":"m-2.safetensors","n":"m-2.safetensors"})", "no such tensor there");
  refused(R"({"w":"../m-1.safetensors"})", "the plain name of a file");
  refused(R"({"w":"none.safetensors"})", "No such file");
  refused(R"({"w":1})", "names of files");
  refused("[]", "an index with a weight_map");
}

TEST_CASE("npy and npz: a round trip") {
  check_round_trip(
      varied(), "a.npz", [](const std::string& path, const Archive& a) { write_npz(path, a); },
      [](const std::string& path) { return read_npz(path); });
  const TemporaryDirectory directory;
  for (const NamedArray& array : varied().tensors) {
    write_npy(directory / "a.npy", array);
    const NamedArray read = read_npy(directory / "a.npy");
    CHECK(read.dtype == array.dtype);
    CHECK(read.shape == array.shape);
    CHECK(read.bytes == array.bytes);
    CHECK((read_file(directory / "a.npy").size() - array.bytes.size()) % 64 == 0);
  }
  CHECK_THROWS_AS(write_npy(directory / "b.npy", {"x", DType::bf16, Shape{1}, Bytes(2)}), FormatError);
}

TEST_CASE("npy: headers in every spelling, big-endian values, Fortran order") {
  const auto read = [](const std::string& header, const std::string& data, int version = 1) {
    return read_npy(formats::bytes_of(npy(header, data, version)), "f");
  };
  const std::string four = "\0\0\x80\x3f"s, swapped = "\x3f\x80\0\0"s;
  for (const int version : {1, 2, 3})
    CHECK(read("{\"shape\":(),'fortran_order':True,'descr':'<f4'}   \n", four, version).shape == Shape{});
  CHECK(to_tensor<float>(read("{'descr': '>f4', 'fortran_order': False, 'shape': (1,)}", swapped))[0] == 1);
  std::string values;
  for (int i = 0; i < 24; ++i) values += static_cast<char>(i);
  const NamedArray fortran = read("{'descr': '|u1', 'fortran_order': True, 'shape': (2, 3, 4)}", values);
  const Tensor<float> tensor = to_tensor<float>(fortran);
  for (Index i = 0; i < 2; ++i)
    for (Index j = 0; j < 3; ++j)
      for (Index k = 0; k < 4; ++k) CHECK(tensor(i, j, k) == static_cast<float>(i + 2 * j + 6 * k));
  CHECK(read("{'descr': '<f8', 'fortran_order': True, 'shape': (0, 3)}", "").shape == Shape{0, 3});
}

TEST_CASE("zip: what it writes it reads, aligned where asked, of any order") {
  ZipWriter writer;
  const std::string large(100000, 'x');
  writer.add("a/first", formats::bytes_of(large), 64);
  writer.add_text("b", "second", 64);
  writer.add_text("empty", "");
  const Bytes bytes = writer.bytes();
  ZipReader reader(bytes, "f");
  Bytes storage;
  REQUIRE(reader.members().size() == 3);
  CHECK(reader.find("a/first")->data % 64 == 0);
  CHECK(reader.find("b")->data % 64 == 0);
  CHECK(formats::text_of(reader.read(*reader.find("a/first"), storage)) == large);
  CHECK(formats::text_of(reader.read(*reader.find("b"), storage)) == "second");
  CHECK(reader.read(*reader.find("empty"), storage).empty());
  CHECK(reader.find("c") == nullptr);
  CHECK(storage.empty());
  CHECK(ZipReader(ZipWriter().bytes(), "f").members().empty());
}

TEST_CASE("zip: expansion is bounded over all members together") {
  ReadLimits limits;
  limits.tensor_bytes = 100;
  const std::string file = deflated("a", "\1\3\0\xfc\xff"s + "aaa", 3, formats::crc32_of(formats::bytes_of("aaa")));
  const Bytes bytes(formats::bytes_of(file).begin(), formats::bytes_of(file).end());
  ZipReader reader(bytes, "f", limits);
  Bytes storage;
  std::size_t reads = 0;
  CHECK_THROWS_WITH_AS(
      [&] {
        for (;; ++reads) reader.read(reader.members()[0], storage);
      }(),
      doctest::Contains("bytes of memory"), FormatError);
  CHECK(reads == (std::max)(std::size_t{100}, file.size()) / 3);
}

TEST_CASE("PyTorch: a round trip, with the versions of modules") {
  Archive archive = varied();
  archive.tensors.push_back({"bf", DType::bf16, Shape{1}, Bytes(2)});
  archive.metadata = {{"_metadata.", "1"}, {"_metadata.bn", "2"}};
  check_round_trip(
      archive, "a.pt", [](const std::string& path, const Archive& a) { write_torch(path, a); },
      [](const std::string& path) { return read_torch(path); });
  const TemporaryDirectory directory;
  write_torch(directory / "a.pt", archive);
  const Archive read = read_torch(directory / "a.pt");
  CHECK(read.metadata == archive.metadata);
  for (std::size_t i = 0; i < archive.tensors.size(); ++i) CHECK(read.tensors[i].name == archive.tensors[i].name);
}

TEST_CASE("PyTorch: strides, offsets, shared storages, parameters, nesting, scalars") {
  TorchTensor transposed;
  transposed.stride = "(" + integer(1) + integer(2) + "t";
  TorchTensor column;
  column.size = "(" + integer(2) + "t";
  column.stride = "(" + integer(2) + "t";
  column.offset = integer(1);
  TorchTensor empty;
  empty.size = "(" + integer(0) + integer(5) + "t";
  empty.offset = integer(100);
  const std::string parameter = "ctorch._utils\n_rebuild_parameter\n(" + TorchTensor{}.pickled() + "\x88}tR";
  const std::string pickle = dict({{"plain", TorchTensor{}.pickled()},
                                   {"transposed", transposed.pickled()},
                                   {"column", column.pickled()},
                                   {"empty", empty.pickled()},
                                   {"parameter", parameter},
                                   {"nested", "}" + unicode("list") + "](" + column.pickled() + "K\3es"},
                                   {"epoch", "K\7"},
                                   {"rate", "G?\xe0\0\0\0\0\0\0"s},
                                   {"name", unicode("x")},
                                   {"none", "N"},
                                   {"yes", "\x88"},
                                   {"negative", "J\xfe\xff\xff\xff"},
                                   {"size", "ctorch\nSize\n(K\2K\3t\x85R"},
                                   {"type", "ctorch\nfloat32\n"}});
  std::string values;
  for (int i = 0; i < 4; ++i) values += little(std::bit_cast<std::uint32_t>(static_cast<float>(i)), 4);
  const std::string file = zip({{"x/data.pkl", pickle}, {"x/data/0", values}, {"x/version", "3"}});
  const Archive archive = read_torch(formats::bytes_of(file), "f");
  CHECK(tensor_at(archive, "plain") == Tensor<float>(Shape{2, 2}, {0, 1, 2, 3}));
  CHECK(tensor_at(archive, "transposed") == Tensor<float>(Shape{2, 2}, {0, 2, 1, 3}));
  CHECK(tensor_at(archive, "column") == Tensor<float>(Shape{2}, {1, 3}));
  CHECK(tensor_at(archive, "empty") == Tensor<float>(Shape{0, 5}));
  CHECK(tensor_at(archive, "parameter") == Tensor<float>(Shape{2, 2}, {0, 1, 2, 3}));
  CHECK(tensor_at(archive, "nested.list.0") == Tensor<float>(Shape{2}, {1, 3}));
  const std::map<std::string, std::string> expected = {
      {"nested.list.1", "3"}, {"epoch", "7"},     {"rate", "0.5"}, {"name", "x"},   {"none", "None"},
      {"yes", "True"},        {"negative", "-2"}, {"size.0", "2"}, {"size.1", "3"}, {"type", "torch float32"}};
  CHECK(archive.metadata == expected);
}

TEST_CASE("PyTorch before 1.6") {
  std::string values;
  for (int i = 0; i < 4; ++i) values += little(std::bit_cast<std::uint32_t>(static_cast<float>(i)), 4);
  const std::string file = legacy(
      "\x80\x02]X\1\0\0\0"
      "0a."s,
      4, values);
  CHECK(tensor_at(read_torch(formats::bytes_of(file), "f"), "w") == Tensor<float>(Shape{2, 2}, {0, 1, 2, 3}));
}

TEST_CASE("PyTorch: types that not every version has are refused when saving") {
  const TemporaryDirectory directory;
  Archive archive{"a", "", {}, {}};
  archive.tensors.push_back({"x", DType::u32, Shape{1}, Bytes(4)});
  CHECK_THROWS_WITH_AS(write_torch(directory / "a.pt", archive), doctest::Contains("a type of every PyTorch"),
                       FormatError);
}

TEST_CASE("HDF5: a round trip of datasets, texts and lists") {
  const Archive archive = varied();
  Hdf5Writer writer;
  for (const NamedArray& array : archive.tensors) writer.dataset("weights/" + array.name, array);
  writer.attribute("", "config", std::string(200000, 'c'));
  writer.attribute("", "empty", "");
  std::vector<std::string> names;
  for (int i = 0; i < 9000; ++i) names.push_back("layer_number_" + std::to_string(i));
  writer.attribute("weights", "names", names);
  writer.attribute("weights", "few", std::vector<std::string>{"a", "", "ccc"});
  writer.attribute("weights", "none", std::vector<std::string>{});
  for (int i = 0; i < 700; ++i) writer.group("many/group" + std::to_string(i));
  const Bytes bytes = writer.bytes();
  CHECK(bytes == writer.bytes());
  const Hdf5File file = read_hdf5(bytes, "f");
  CHECK(file.text("", "config") == std::string(200000, 'c'));
  CHECK(file.text("", "empty") == "");
  CHECK(file.text("", "none") == std::nullopt);
  CHECK(file.texts("weights", "names") == names);
  CHECK(file.at("weights").find("names0") != nullptr);
  CHECK(file.texts("weights", "few") == std::vector<std::string>{"a", "", "ccc"});
  CHECK(file.texts("weights", "none") == std::vector<std::string>{});
  CHECK(file.texts("weights", "other") == std::nullopt);
  CHECK(file.at("many").children.size() == 700);
  CHECK(file.at("many/group699").is_group);
  CHECK_THROWS_AS(file.at("many/group700"), FormatError);
  Archive read = to_archive(file);
  for (NamedArray& array : read.tensors) array.name = array.name.substr(8);
  check_same(archive, read);
}

TEST_CASE("HDF5: files of h5py, of all generations, chunked, deflated and shuffled") {
  for (const char* name : {"good_earliest", "good_v108", "good_latest"}) {
    CAPTURE(name);
    const Hdf5File file = read_hdf5(formats::bytes_of(hdf5_by_h5py(name)), name);
    CHECK(file.text("", "model_config")->size() == 400 * 28);
    CHECK(file.texts("", "layer_names") == std::vector<std::string>{"a", "bb", "ccc"});
    CHECK(file.texts("", "list") == std::vector<std::string>{"x", "yy"});
    CHECK(to_tensor<std::int64_t>(file.at("").find("numbers")->value) == Tensor<std::int64_t>(Shape{3}, {0, 1, 2}));
    for (int i = 0; i < 12; ++i) CHECK(file.text("few", "note" + std::to_string(i)) == "text " + std::to_string(i));
    const auto value = [&](const std::string& path) { return to_tensor<double>(file.at("few/" + path).value); };
    CHECK(value("half") == Tensor<double>(Shape{2, 3}, {1, 2, 3, 4, 5, 6}));
    CHECK(value("big_endian") == Tensor<double>(Shape{4}, {0, 1, 2, 3}));
    CHECK(value("big_endian_integers") == Tensor<double>(Shape{4}, {0, 1, 2, 3}));
    CHECK(file.at("few/bool").value.dtype == DType::boolean);
    CHECK(value("bool") == Tensor<double>(Shape{2}, {1, 0}));
    CHECK(value("empty") == Tensor<double>(Shape{0, 3}));
    CHECK(value("int8") == Tensor<double>(Shape{3}, {-1, 2, 3}));
    CHECK(value("scalar") == Tensor<double>(Shape{}, {0.5}));
    const auto counts = [&](const std::string& path, const Shape& shape) {
      const Tensor<double> tensor = value(path);
      REQUIRE(tensor.shape() == shape);
      for (Index i = 0; i < tensor.size(); ++i) REQUIRE(tensor[i] == static_cast<double>(i));
    };
    counts("deflated", {10, 20});
    counts("shuffled", {4, 5, 6});
    counts("chunked", {30});
    CHECK(file.at("many").children.size() == 60);
  }
}

TEST_CASE("HDF5: paths and types that cannot be written are refused") {
  Hdf5Writer writer;
  writer.dataset("a/b", small_archive().tensors[0]);
  CHECK_THROWS_AS(writer.dataset("a/b", small_archive().tensors[0]), FormatError);
  CHECK_THROWS_AS(writer.dataset("a", small_archive().tensors[0]), FormatError);
  CHECK_THROWS_AS(writer.group("a/b/c"), FormatError);
  CHECK_THROWS_AS(writer.group("a//c"), FormatError);
  CHECK_THROWS_AS(writer.group("../c"), FormatError);
  Hdf5Writer brain;
  brain.dataset("x", {"x", DType::bf16, Shape{1}, Bytes(2)});
  CHECK_THROWS_WITH_AS(brain.bytes(), doctest::Contains("save it as float32"), FormatError);
}

TEST_CASE("TensorFlow.js: a round trip over several shards, and quantised weights") {
  const TemporaryDirectory directory;
  Archive archive{"a", "", {}, {{"modelTopology", R"({"class_name":"Sequential"})"}}};
  Tensor<float> large(Shape{3, 1000, 1000});
  for (Index i = 0; i < large.size(); ++i) large[i] = static_cast<float>(i % 1000);
  archive.tensors.push_back(to_array("dense/kernel", large));
  archive.tensors.push_back(to_array("steps", Tensor<std::int32_t>(Shape{}, {-3})));
  archive.tensors.push_back({"flags", DType::boolean, Shape{3}, Bytes(3)});
  write_tfjs(directory / "model.json", archive);
  CHECK(std::filesystem::exists(directory / "group1-shard3of3.bin"));
  const Archive read = read_tfjs(directory / "model.json");
  check_same(archive, read);
  CHECK(read.metadata.at("modelTopology") == archive.metadata.at("modelTopology"));

  Archive other = archive;
  other.tensors[0] = to_array("dense/kernel", Tensor<float>(large.shape()));
  for (const char* file : {"other.json", "another.json"}) write_tfjs(directory / file, other);
  check_same(archive, read_tfjs(directory / "model.json"));
  check_same(other, read_tfjs(directory / "other.json"));
  CHECK(std::filesystem::exists(directory / "other.group1-shard3of3.bin"));

  directory.write("q.bin", "\0\1\xff"s + "\0\0\xff\xff"s + "\0\x3c"s + "\2\3");
  const Archive quantised = read_tfjs(directory.write("q.json", R"({"weightsManifest":[{"paths":["q.bin"],"weights":[
    {"name":"byte","shape":[3],"dtype":"float32","quantization":{"dtype":"uint8","scale":0.5,"min":-1}},
    {"name":"word","shape":[2],"dtype":"float32","quantization":{"dtype":"uint16","scale":2,"min":1}},
    {"name":"half","shape":[1],"dtype":"float32","quantization":{"dtype":"float16"}},
    {"name":"whole","shape":[2],"dtype":"int32","quantization":{"dtype":"uint8","scale":0.6,"min":-10}}]}]})"));
  CHECK(tensor_at(quantised, "byte") == Tensor<float>(Shape{3}, {-1, -0.5f, 126.5f}));
  CHECK(tensor_at(quantised, "word") == Tensor<float>(Shape{2}, {1, 131071}));
  CHECK(tensor_at(quantised, "half") == Tensor<float>(Shape{1}, {1}));
  CHECK(quantised.at("whole").dtype == DType::i32);
  CHECK(tensor_at(quantised, "whole") == Tensor<float>(Shape{2}, {-9, -8}));
}

TEST_CASE("content is recognised whatever the file's name") {
  const auto is = [](const std::string& file, Content content) {
    CHECK(recognise(formats::bytes_of(file)) == content);
  };
  is("", Content::empty);
  is(small_safetensors(), Content::safetensors);
  is(small_npz(), Content::zip);
  is(small_hdf5(), Content::hdf5);
  is(legacy(), Content::pickle);
  is(npy(npy_header), Content::npy);
  is(" \n{}", Content::json);
  is("[1]", Content::json);
  is("\x1f\x8b\x08", Content::gzip);
  is("version https://git-lfs.github.com/spec/v1\noid sha256:0", Content::git_lfs);
  is("<html>", Content::html);
  is("plain text", Content::unknown);
  CHECK(describe(Content::git_lfs) == "a Git LFS pointer, not the model itself"s);
}
