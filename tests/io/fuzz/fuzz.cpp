// libFuzzer on one reader, which -DREADER=NAME chooses: whatever the bytes are, they are read or refused with
// keel's own errors. Without libFuzzer, -DSEEDS: writes small good files for all readers, `seeds DIR`.

#include <sys/mman.h>

#include "../file_builder.hpp"

#if !defined(SEEDS)
#define KEEL_FUZZ_safetensors 1
#define KEEL_FUZZ_npz 2
#define KEEL_FUZZ_npy 3
#define KEEL_FUZZ_torch 4
#define KEEL_FUZZ_hdf5 5
#define KEEL_FUZZ_json 6
#define KEEL_FUZZ_keras_npz 7
#define KEEL_FUZZ_keras 8
#define KEEL_FUZZ_keel 9
#define KEEL_FUZZ_onnx 10
#define KEEL_JOIN(a, b) a##b
#define KEEL_FUZZ(name) KEEL_JOIN(KEEL_FUZZ_, name)
#define KEEL_READER KEEL_FUZZ(READER)

#if KEEL_READER == KEEL_FUZZ_keras
#include <keel/io/keras/file.hpp>
#elif KEEL_READER == KEEL_FUZZ_keel
#include <keel/io/keel/model_file.hpp>
#include <keel/io/probe.hpp>
#elif KEEL_READER == KEEL_FUZZ_onnx
#include <keel/io/onnx/load.hpp>
#endif

namespace {

/// Reads from memory and from a file, which has to come to the same.
template <class Read>
[[maybe_unused]] void both(keel::ByteSpan bytes, const Read& read) {
  using namespace keel;
  formats::File file(::memfd_create("f", 0));
  formats::write_all(file, bytes, "f");
  std::string said[2];
  const formats::FileBytes kinds[] = {
      bytes, formats::FileBytes(std::make_shared<const formats::OpenFile>(std::move(file), "f", bytes.size()))};
  for (int i = 0; i < 2; ++i) try {
      read(kinds[i]);
    } catch (const Error& error) {
      said[i] = error.what();
    }
  if (said[0] != said[1]) std::abort();
}

void read(keel::ByteSpan bytes) {
  using namespace keel;
#if KEEL_READER == KEEL_FUZZ_safetensors
  read_safetensors(bytes, "f");
#elif KEEL_READER == KEEL_FUZZ_npz
  both(bytes, [](const formats::FileBytes& from) { formats::fetched(formats::open_npz(ZipReader(from, "f"))); });
#elif KEEL_READER == KEEL_FUZZ_npy
  both(bytes, [](const formats::FileBytes& from) { formats::open_npy(from, "f"); });
#elif KEEL_READER == KEEL_FUZZ_torch
  // the pickle by itself, as a zip's checksum would stop almost every change
  const std::string_view text = formats::text_of(bytes);
  const std::string whole = text.starts_with("\x80\x02}") ? build::torch(std::string(text)) : std::string(text);
  both(formats::bytes_of(whole),
       [](const formats::FileBytes& from) { formats::fetched(formats::open_torch(from, "f")); });
#elif KEEL_READER == KEEL_FUZZ_hdf5
  both(bytes, [](const formats::FileBytes& from) { formats::fetched(to_archive(formats::open_hdf5(from, "f"))); });
#elif KEEL_READER == KEEL_FUZZ_json
  parse_json(formats::text_of(bytes), "f", {.allow_nonfinite = true}).dump();
#elif KEEL_READER == KEEL_FUZZ_keras_npz
  const std::string_view text = formats::text_of(bytes);
  read_keras_npz(text.starts_with("PK") ? bytes : formats::bytes_of(build::zip({{"a.npy", std::string(text)}})), "f");
#elif KEEL_READER == KEEL_FUZZ_keras
  // a configuration without weights, or with
  build_keras_model<float>(parse_json(formats::text_of(bytes), "f", io::keras_json()), "f",
                           {.weights = Weights::from_file});
#elif KEEL_READER == KEEL_FUZZ_onnx
  onnx_model<float>(bytes, "f");
#else
  const std::string text(formats::text_of(bytes));
  if (text.find("\"inputs\":[{\"shape") != text.npos)
    parse_probe(text, "f");
  else
    build_model<float>(parse_json(text, "f"), "f", {}, Weights::from_file);
#endif
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    read({reinterpret_cast<const std::byte*>(data), size});
  } catch (const keel::Error&) {
  }
  return 0;
}

#else

#include <filesystem>

#include <keel/io/keras/save.hpp>
#include <keel/io/keel/model_file.hpp>
#include <keel/io/probe.hpp>

#include <keel/io/onnx/load.hpp>

#include "../onnx/graph_file.hpp"

using namespace build;

namespace {

/// Graphs as exporters write them.
keel_test::GraphFile onnx_images() {
  keel_test::GraphFile file;
  file.input("x", {-1, 2, 6, 6});
  file.floats("w", {2, 2, 3, 3}, std::vector<float>(36, 0.5f));
  for (const char* name : {"s", "b", "m", "v"}) file.floats(name, {2}, {1, 2});
  file.node("Conv", {"x", "w", "b"}, {"c"}, {{"pads", std::vector<Index>{1, 1, 1, 1}}}, "conv");
  file.node("BatchNormalization", {"c", "s", "b", "m", "v"}, {"n"}, {}, "norm");
  file.node("Relu", {"n"}, {"r"}, {});
  file.node("MaxPool", {"r"}, {"p"},
            {{"kernel_shape", std::vector<Index>{2, 2}}, {"strides", std::vector<Index>{2, 2}}});
  file.floats("scales", {4}, {1, 1, 2, 2});
  file.node("Resize", {"p", "", "scales"}, {"u"}, {{"mode", std::string("linear")}});
  file.node("Concat", {"u", "c"}, {"j"}, {{"axis", Index{1}}});
  file.node("Shape", {"j"}, {"shape"}, {});
  file.integers("first", {}, {0});
  file.node("Gather", {"shape", "first"}, {"batch"}, {});
  file.integers("axis", {0});
  file.node("Unsqueeze", {"batch", "axis"}, {"batches"}, {});
  file.integers("rest", {-1});
  file.node("Concat", {"batches", "rest"}, {"row"}, {{"axis", Index{0}}});
  file.node("Reshape", {"j", "row"}, {"f"}, {});
  file.floats("k", {144, 1}, std::vector<float>(144, 0.25f));
  file.node("Gemm", {"f", "k"}, {"y"}, {{"alpha", 2.0}});
  file.output("y");
  return file;
}
keel_test::GraphFile onnx_sequences() {
  keel_test::GraphFile file;
  file.opset = 17;
  file.input("ids", {-1, 3}, 7);
  file.floats("table", {4, 2}, {0, 1, 2, 3, 4, 5, 6, 7});
  file.node("Gather", {"table", "ids"}, {"e"}, {});
  file.node("Transpose", {"e"}, {"t"}, {{"perm", std::vector<Index>{1, 0, 2}}});
  file.floats("w", {1, 8, 2}, std::vector<float>(16, 0.1f));
  file.floats("r", {1, 8, 2}, std::vector<float>(16, 0.2f));
  file.node("LSTM", {"t", "w", "r"}, {"all", "last"}, {{"hidden_size", Index{2}}}, "lstm");
  file.integers("one", {1});
  file.node("Squeeze", {"all", "one"}, {"s"}, {});
  file.node("Transpose", {"s"}, {"b"}, {{"perm", std::vector<Index>{1, 0, 2}}});
  file.floats("g", {2}, {1, 1});
  file.node("LayerNormalization", {"b", "g", "g"}, {"l"}, {});
  file.integers("heads", {0, -1, 2, 1});
  file.node("Reshape", {"l", "heads"}, {"h"}, {});
  file.node("Transpose", {"h"}, {"q"}, {{"perm", std::vector<Index>{2, 0, 1, 3}}});
  file.integers("at", {}, {1});
  file.node("Gather", {"q", "at"}, {"y"}, {{"axis", Index{0}}});
  file.output("y");
  return file;
}

/// Cells in both directions, from given states, with sequences and states as outputs.
keel_test::GraphFile onnx_cells() {
  keel_test::GraphFile file;
  file.input("x", {3, -1, 2});
  file.input("h", {2, -1, 2});
  const auto weights = [&](const std::string& name, Index rows, Index columns) {
    file.floats(name, {2, rows, columns}, std::vector<float>(static_cast<std::size_t>(2 * rows * columns), 0.1f));
    return name;
  };
  const std::pair<const char*, Index> cells[] = {{"RNN", 2}, {"GRU", 6}, {"LSTM", 8}};
  std::string x = "x";
  for (const auto& [op, rows] : cells) {
    const std::string name = op;
    keel_test::GraphFile::Names inputs{x, weights(name + "w", rows, x == "x" ? 2 : 4), weights(name + "r", rows, 2)};
    file.floats(name + "b", {2, 2 * rows}, std::vector<float>(static_cast<std::size_t>(4 * rows), 0.2f));
    inputs.push_back(name + "b");
    if (rows == 6) inputs.insert(inputs.end(), {"", "h"});
    keel_test::GraphFile::Attributes attributes{{"hidden_size", Index{2}}, {"direction", std::string("bidirectional")}};
    if (rows == 6) attributes.push_back({"linear_before_reset", Index{1}});
    file.node(op, inputs, {name + "y", name + "h"}, attributes, name);
    file.node("Transpose", {name + "y"}, {name + "t"}, {{"perm", std::vector<Index>{0, 2, 1, 3}}});
    file.integers(name + "s", {0, 0, -1});
    file.node("Reshape", {name + "t", name + "s"}, {name}, {});
    x = name;
  }
  file.output(x);
  file.output("LSTMh");
  return file;
}
/// A branch that is known, functions, and layers in parts.
keel_test::GraphFile onnx_choices() {
  using keel_test::GraphFile;
  GraphFile file;
  file.opset = 13;
  file.input("x", {-1, 3, 4});
  file.node("Shape", {"x"}, {"shape"});
  file.integers("one", {}, {1});
  file.integers("three", {}, {3});
  file.node("Gather", {"shape", "one"}, {"rows"});
  file.node("Equal", {"rows", "three"}, {"condition"});
  const auto branch = [](const char* op) {
    return keel_test::branch_of([&](GraphFile& graph) {
      graph.floats("by", {4}, {1, 2, 3, 4});
      graph.node(op, {"x", "by"}, {"out"}, {}, "inner");
      graph.output("out");
    });
  };
  keel_test::add_if(file, "condition", {"a"}, branch("Mul"), branch("Sub"));
  keel_test::add_function(file, {.name = "Twice",
                                 .inputs = {"a"},
                                 .outputs = {"b"},
                                 .nodes = {GraphFile::node_of("Add", {"a", "a"}, {"t"}),
                                           GraphFile::node_of("Softmax", {"t"}, {"b"}, {{"axis", Index{-1}}})}});
  file.node("Twice", {"a"}, {"t"}, {}, "call", "my");
  file.node("ReduceMean", {"t"}, {"m"}, {{"axes", std::vector<Index>{-1}}});
  file.node("Sub", {"t", "m"}, {"c"});
  file.floats("two", {}, {2});
  file.node("Pow", {"c", "two"}, {"p"});
  file.node("ReduceMean", {"p"}, {"v"}, {{"axes", std::vector<Index>{-1}}});
  file.floats("e", {}, {1e-5f});
  file.node("Add", {"v", "e"}, {"ve"});
  file.node("Sqrt", {"ve"}, {"d"});
  file.node("Div", {"c", "d"}, {"n"});
  file.node("Sigmoid", {"n"}, {"s"});
  file.node("Mul", {"n", "s"}, {"g"});
  file.node("ArgMax", {"g"}, {"i"}, {{"axis", Index{1}}, {"keepdims", Index{0}}});
  file.output("g");
  file.output("i");
  return file;
}
/// Attention as an operator and in parts.
keel_test::GraphFile onnx_attention() {
  keel_test::GraphFile file;
  file.opset = 23;
  file.input("x", {-1, 3, 4});
  file.floats("w", {4, 4}, std::vector<float>(16, 0.5f));
  for (const char* name : {"q", "k", "v"}) file.node("MatMul", {"x", "w"}, {name}, {}, name);
  file.floats("mask", {3, 3}, {0, -1, -1, 0, 0, -1, 0, 0, 0});
  file.node("Attention", {"q", "k", "v", "mask"}, {"a", "present"},
            {{"q_num_heads", Index{2}}, {"kv_num_heads", Index{2}}, {"is_causal", Index{1}}});
  file.integers("cut", {0, -1, 2, 2});
  const auto heads = [&](const std::string& from, const std::string& to, const std::vector<Index>& order) {
    file.node("Reshape", {from, "cut"}, {to + "r"});
    file.node("Transpose", {to + "r"}, {to}, {{"perm", order}});
  };
  heads("a", "qh", {0, 2, 1, 3});
  heads("a", "kh", {0, 2, 3, 1});
  file.node("MatMul", {"qh", "kh"}, {"scores"});
  file.node("Softmax", {"scores"}, {"soft"}, {{"axis", Index{-1}}});
  file.node("Einsum", {"soft", "qh"}, {"y"}, {{"equation", std::string("bhqk,bhkd->bhqd")}});
  file.output("y");
  file.output("present");
  return file;
}

}  // namespace

int main(int, char** argv) {
  const std::string folder = argv[1];
  const auto seed = [&](const std::string& reader, const std::string& name, const std::string& content) {
    std::filesystem::create_directories(folder + "/" + reader);
    write_file(folder + "/" + reader + "/" + name, std::string_view(content));
  };
  seed("safetensors", "small", small_safetensors());
  seed("npz", "small", small_npz());
  seed("npy", "small", npy(npy_header, std::string(8, '\0')));
  seed("torch", "zip", tensor_file({}));
  seed("torch", "pickle", dict({{"w", TorchTensor{}.pickled()}, {"n", integer(3)}}));
  seed("torch", "legacy", legacy());
  seed("hdf5", "small", small_hdf5());
  for (const char* name : {"good_earliest", "good_v108", "good_latest"}) seed("hdf5", name, hdf5_by_h5py(name));
  seed("json", "small", R"({"a":[1,-2.5e3,true,null,NaN,-Infinity,"x\u00e9\n"],"b":{"c":{}}})");
  seed("keras_npz", "zip", keras_npz({}));
  seed("keras_npz", "pickle", numpy_member(numpy_dict({{"0", NumpyArray{}.pickled()}})));
  for (const char* name : {"protocol2_numpy1", "protocol4_numpy2"})
    seed("keras_npz", name, from_data("keras_npz.zip", std::string(name) + ".npz"));
  Model<> net({.seed = 4});
  const Node in = net.input({6, 6, 3});
  const Node conv = net.add(Conv2D(3, 3, {.padding = Padding::same, .activation = Activation::relu}), in);
  const Node sum = net.add(Add(), {net.add(BatchNorm(), net.share(conv, conv)), in});
  net.output(net.add(Dense(2), net.add(Flatten(), net.add(MaxPool2D(2), sum))));
  for (const KerasStyle style : {KerasStyle::keras3, KerasStyle::keras2})
    seed("keras", style == KerasStyle::keras3 ? "keras3" : "keras2", io::KerasWriter<float>(net, style).json().dump());
  Model<> nested;
  const Node left = nested.input({4, 4, 1}), right = nested.input({4, 4, 1});
  const Node inner = nested.add(Conv2D(1, 1, {.name = "m/conv"}), left);
  const Node relu = nested.add(ReLU({.name = "m/deep/relu"}), inner);
  nested.output(nested.add(Add(), {relu, nested.share(relu, nested.share(inner, right))}));
  for (const KerasStyle style : {KerasStyle::keras3, KerasStyle::tfjs})
    seed("keras", style == KerasStyle::keras3 ? "nested_keras3" : "nested_tfjs",
         io::KerasWriter<float>(nested, style).json().dump());
  seed("keras_npz", "keel", std::string(formats::text_of(io::keras_npz(io::keras_variables(nested)))));
  seed("keel", "graph", architecture(net).dump());
  Sequential dense({2});
  dense.add(Dense(1));
  const std::pair<const char*, keel_test::GraphFile> graphs[] = {{"images", onnx_images()},
                                                                 {"sequences", onnx_sequences()},
                                                                 {"cells", onnx_cells()},
                                                                 {"choices", onnx_choices()},
                                                                 {"attention", onnx_attention()}};
  for (const auto& [name, file] : graphs) {
    const std::string bytes = file.bytes();
    onnx_model<float>(formats::bytes_of(bytes), name);  // a good file
    seed("onnx", name, bytes);
  }
  save_onnx(net, folder + "/onnx/keel");
  seed("keel", "probe", to_text(make_probe(dense, Tensor<float>(Shape{1, 2}, 0.5f))));
}

#endif
