/// Values are read from a file to where they belong: no copy of it is made, and a file that changes meanwhile changes no
/// model.

#include <doctest/doctest.h>

#include <functional>
#include <optional>

#include <keel/io/load.hpp>

#include "support/allocations.hpp"
#include "support/message.hpp"
#include "support/model_values.hpp"
#include "temporary_directory.hpp"

namespace in_place_test {  // a name of its own: the files of a folder are compiled together

using namespace keel;

/// Two layers whose weights are moved for PyTorch, one much larger than the rest: 8.6 MB.
Model<> network(std::uint64_t seed) {
  Sequential model({8, 8, 2}, {.name = "large", .seed = seed});
  model.add(Conv2D(64, 3, {.padding = Padding::same})).add(Flatten()).add(Dense(512)).add(BatchNorm());
  model.add(Dense(100));
  return model;
}
std::size_t bytes_of_weights(const Model<>& model) {
  std::size_t bytes = 0;
  for (Index l = 0; l < model.layer_count(); ++l)
    for (const auto* parameter : model.layer(l).parameters()) bytes += to_size(parameter->size()) * sizeof(float);
  return bytes;
}

std::size_t peak_of(const std::function<void()>& work) {
  const std::size_t before = allocations.in_use;
  allocations.peak = before;
  work();
  return allocations.peak - before;
}

Archive as_half(Archive archive) {
  for (NamedArray& array : archive.tensors) {
    if (array.dtype != DType::f32) continue;
    Bytes halves;  // bfloat16: the upper half of a float
    for (std::size_t i = 0; i < array.bytes.size(); i += 4) {
      halves.push_back(array.bytes[i + 2]);
      halves.push_back(array.bytes[i + 3]);
    }
    array.bytes = std::move(halves);
    array.dtype = DType::bf16;
  }
  return archive;
}

/// The weights of a model under PyTorch's names, as others write them, and keel's own file.
const std::pair<const char*, std::function<std::string(const Model<>&, const TemporaryDirectory&)>> kinds[] = {
    {"keel's",
     [](const Model<>& model, const TemporaryDirectory& folder) {
       save(model, folder / "keel.safetensors");
       return folder / "keel.safetensors";
     }},
    {"PyTorch's names",
     [](const Model<>& model, const TemporaryDirectory& folder) {
       write_safetensors(folder / "torch.safetensors", torch_state_of(model));
       return folder / "torch.safetensors";
     }},
    {".pt",
     [](const Model<>& model, const TemporaryDirectory& folder) {
       save(model, folder / "a.pt");
       return folder / "a.pt";
     }},
    {".bin in two files",
     [](const Model<>& model, const TemporaryDirectory& folder) {
       Archive all = torch_state_of(model);
       Archive parts[2] = {{"", "torch", {}, {}}, {"", "torch", {}, {}}};
       Json map = Json::object();
       for (std::size_t i = 0; i < all.tensors.size(); ++i) {
         map[all.tensors[i].name] = i % 2 ? "b.bin" : "a.bin";
         parts[i % 2].tensors.push_back(all.tensors[i]);
       }
       write_torch(folder / "a.bin", parts[0]);
       write_torch(folder / "b.bin", parts[1]);
       return folder.write("model.bin.index.json", "{\"weight_map\":" + map.dump() + "}");
     }},
    {".npz",
     [](const Model<>& model, const TemporaryDirectory& folder) {
       save(model, folder / "a.npz");
       return folder / "a.npz";
     }},
    {".weights.h5",
     [](const Model<>& model, const TemporaryDirectory& folder) {
       save(model, folder / "a.weights.h5");
       return folder / "a.weights.h5";
     }},
    {"half as long",
     [](const Model<>& model, const TemporaryDirectory& folder) {
       write_safetensors(folder / "half.safetensors", as_half(torch_state_of(model)));
       return folder / "half.safetensors";
     }},
    {"in two files", [](const Model<>& model, const TemporaryDirectory& folder) {
       Archive all = torch_state_of(model);
       Archive parts[2] = {{"", "torch", {}, {}}, {"", "torch", {}, {}}};
       Json map = Json::object();
       for (std::size_t i = 0; i < all.tensors.size(); ++i) {
         map[all.tensors[i].name] = i % 2 ? "b.safetensors" : "a.safetensors";
         parts[i % 2].tensors.push_back(all.tensors[i]);
       }
       write_safetensors(folder / "a.safetensors", parts[0]);
       write_safetensors(folder / "b.safetensors", parts[1]);
       return folder.write("model.safetensors.index.json", "{\"weight_map\":" + map.dump() + "}");
     }}};

TEST_CASE("loading takes the memory of the weights and a tenth at most") {
  const TemporaryDirectory directory;
  const Model<> source = network(1);
  const std::size_t most = bytes_of_weights(source) * 11 / 10;
  for (const auto& [kind, write] : kinds) {
    const char* const name = kind;
    CAPTURE(name);
    const std::string path = write(source, directory);
    Model<> model = network(2);
    CHECK(peak_of([&] { load_weights(model, path); }) < most);  // beside those that the model has
    CHECK(peak_of([&] { diagnose(model, path); }) < most);
    if (name == std::string("half as long")) continue;
    CHECK(keel_test::values(model) == keel_test::values(source));
    if (name != std::string("keel's")) continue;
    std::optional<Model<>> loaded;
    CHECK(peak_of([&] { loaded = load(path); }) < most);
    CHECK(keel_test::values(*loaded) == keel_test::values(source));
    CHECK(peak_of([&] { loaded = load_safetensors(path); }) < most);
    CHECK(keel_test::values(*loaded) == keel_test::values(source));
    CHECK(peak_of([&] { read_safetensors(path); }) < most);
  }
}

TEST_CASE(
    "loading a model takes the memory of its weights and a tenth at most, from every format that leaves them plain") {
  const TemporaryDirectory directory;
  const Model<> source = network(1);
  const std::size_t most = bytes_of_weights(source) * 11 / 10;
  for (const char* extension : {".safetensors", ".keras", ".h5"}) {
    CAPTURE(extension);
    const std::string path = directory / "model" + extension;
    save(source, path);
    std::optional<Model<>> loaded;
    CHECK(peak_of([&] { loaded = load(path, {.probe = ProbeCheck::skip}); }) < most);
    CHECK(keel_test::values(*loaded) == keel_test::values(source));
  }
  const auto check = [&](const char* extension, const auto& read) {
    CAPTURE(extension);
    save(source, directory / "weights" + extension);
    CHECK(peak_of([&] { read(directory / "weights" + extension); }) < most);
  };
  check(".pt", [](const std::string& path) { return read_torch(path); });
  check(".npz", [](const std::string& path) { return read_npz(path); });
  check(".h5", [](const std::string& path) { return read_hdf5(path); });
}

TEST_CASE("a file that changes its length while it is read leaves the model as it was") {
  const TemporaryDirectory directory;
  const Model<> source = network(1), before = network(2);
  for (const auto& [kind, write] : kinds) {
    const char* const name = kind;
    CAPTURE(name);
    for (const bool longer : {false, true}) {
      Model<> model = network(2);
      const std::string path = write(source, directory);
      const bool shards = path.ends_with(".json");
      io::OpenedFile<float> file = io::open_weights<float>(path);
      const std::string changed =
          !shards ? path : directory / (path.find(".bin.") < path.size() ? "b.bin" : "b.safetensors");
      if (longer)
        std::ofstream(changed, std::ios::binary | std::ios::app) << "more";
      else
        REQUIRE(formats::cut_file(changed, *formats::size_of_file(changed) / 2));
      const std::string said =
          message([&] { io::plan_weights(model, std::move(file), path, WeightOptions{}).commit(); });
      CHECK(contains(said, longer ? "a longer one" : "a shorter one"));
      CHECK(contains(said, path));
      CHECK(keel_test::values(model) == keel_test::values(before));
    }
  }
}

TEST_CASE("an array in a file has the values of one in memory, block after block, in every type") {
  const TemporaryDirectory directory;
  constexpr Index count = 300'000;  // more than one block, and no whole number of them
  Archive archive{"", "safetensors", {}, {}};
  for (const auto& type : formats::safetensors_types) {
    NamedArray array{type.name, type.dtype, Shape{3, count / 3}, Bytes(to_size(count) * size_of(type.dtype))};
    for (std::size_t i = 0; i < array.bytes.size(); ++i)
      array.bytes[i] = std::byte(type.dtype == DType::boolean ? i * 7 % 3 % 2 : i * 31 % 121);
    archive.tensors.push_back(std::move(array));
  }
  const std::string path = directory / "a.safetensors";
  write_safetensors(path, archive);
  const Archive stored = formats::open_safetensors(formats::open_file(path));
  const Archive read = read_safetensors(path), known = read_safetensors(read_file(path), path);
  for (const NamedArray& array : stored.tensors) {
    CAPTURE(array.name);
    CHECK(array.bytes.empty());
    const auto values = [](const NamedArray& from) {
      std::vector<double> all;
      formats::for_each_value(from, [&](Index i, auto value) {
        REQUIRE(i == count_of(all));
        all.push_back(static_cast<double>(value));
      });
      return all;
    };
    CHECK(values(array) == values(archive.at(array.name)));
    CHECK(read.at(array.name).bytes == archive.at(array.name).bytes);
    CHECK(known.at(array.name).bytes == archive.at(array.name).bytes);
    CHECK(to_tensor<double>(array) == to_tensor<double>(archive.at(array.name)));
    CHECK(count_nonfinite(array) == count_nonfinite(archive.at(array.name)));
  }
}

TEST_CASE("values of another order are those that `to_file` wrote") {
  const auto check = [](const Shape& shape, const char* axes, const char* keel_axes, Index features) {
    io::ArrayLayout layout = io::layout_of({"", "", keel_axes, axes}, shape);
    for (Index i = 0; i < features; ++i) layout.features.push_back((i * 7 + 3) % features);
    Tensor<float> value(shape);
    for (Index i = 0; i < value.size(); ++i) value[i] = static_cast<float>(i);
    const NamedArray array = to_array("a", io::to_file(value, layout));
    CHECK(io::parameter_values<float>(array, layout, shape, "f") == value);
  };
  check({3, 3, 5, 7}, "OIHW", "HWIO", 0);
  check({20, 6}, "OI", "IO", 20);
  check({20, 6}, "OI", "IO", 0);
  check({20000, 70}, "OI", "IO", 20000);  // row by row, the last ones fewer than are taken together
  check({100, 128}, "OI", "IO", 0);
  check({3, 3, 16, 70}, "OIHW", "HWIO", 0);
  check({12}, "O", "O", 12);
  check({3, 2, 4, 5}, "(CM)1HW", "HWCM", 0);
  check({0, 4}, "OI", "IO", 0);
}

}  // namespace in_place_test
