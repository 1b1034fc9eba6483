/// ONNX files that have to be refused, each with its reason, in no more memory than 4 times its size and 16 MiB.

#include <functional>
#include <set>

#include <doctest/doctest.h>

#include <keel/io/onnx/load.hpp>

#include "support/allocations.hpp"

#if KEEL_HAS_PROTOBUF
#include "io/onnx/graph_file.hpp"

namespace {

namespace onnx_bad_files {

using namespace keel;
using keel_test::GraphFile;
using keel_test::one_node;
namespace fields = io::onnx;
using List = std::vector<Index>;
using To = keel_test::Message;

struct BadFile {
  std::string name, content, reason;
};

/// Reads it; what was wrong, or "accepted".
std::string outcome(const std::string& content) {
  try {
    const Model<float> model = onnx_model<float>(formats::bytes_of(content), "f");
    for (const auto& node : model.nodes())
      if (node.shape.size() == 0) return "a model with an extent of 0";
    return "accepted";
  } catch (const FormatError& error) {
    return error.what();
  } catch (const std::exception& error) {
    return std::string("not a FormatError: ") + error.what();
  }
}

class BadFiles {
 public:
  void add(const std::string& name, const std::string& content, const std::string& reason) {
    files_.push_back({name, content, reason});
  }
  void add(const std::string& name, const GraphFile& file, const std::string& reason) {
    add(name, file.bytes(), reason);
  }
  void check() const {
    std::set<std::string> names;
    for (const BadFile& file : files_) {
      CAPTURE(file.name);
      CHECK(names.insert(file.name).second);
      const std::size_t before = allocations.in_use;
      allocations.peak = before;
      const std::string message = outcome(file.content);
      const std::size_t used = allocations.peak - before;
      CAPTURE(message);
      CHECK(message.find(file.reason) != message.npos);
      CHECK(message.find("not a FormatError") == message.npos);
      CHECK(used <= 4 * file.content.size() + (std::size_t{16} << 20));
    }
    MESSAGE(files_.size() << " bad files");
  }
  std::size_t size() const { return files_.size(); }

 private:
  std::vector<BadFile> files_;
};

const List image{-1, 2, 4, 4};

GraphFile conv(const GraphFile::Attributes& attributes = {}, const List& dims = image) {
  GraphFile file = one_node("Conv", dims, {"w"}, attributes);
  file.floats("w", {2, 2, 2, 2}, std::vector<float>(16, 1));
  return file;
}
GraphFile with_constant(const std::string& op, const std::vector<std::int64_t>& values,
                        const GraphFile::Attributes& attributes = {}, const List& dims = {-1, 2, 3}) {
  GraphFile file = one_node(op, dims, {"c"}, attributes);
  file.integers("c", values);
  return file;
}
/// A model whose constant "c" is these fields.
GraphFile with_tensor(const std::function<void(To&)>& fill) {
  GraphFile file = one_node("Add", {-1, 2}, {"c"});
  file.add(fields::graph_field::initializer, GraphFile::message(fill));
  return file;
}
void name_and_type(To& to, const List& dims, int type) {
  for (const Index dim : dims) to.add_int64(fields::tensor_field::dims, dim);
  to.add_int32(fields::tensor_field::data_type, type);
  to.add_string(fields::tensor_field::name, "c");
}
GraphFile with_raw(const List& dims, int type, std::size_t bytes) {
  return with_tensor([&](To& to) {
    name_and_type(to, dims, type);
    to.add_bytes(fields::tensor_field::raw_data, std::string(bytes, '\0'));
  });
}
/// A model field in place of the graph, or beside it.
std::string model_field(const std::function<void(To&)>& fill) {
  return GraphFile::message([](To& to) { to.add_int64(1, 8); }) + GraphFile::message(fill);
}

void add_containers(BadFiles& files) {
  const std::string good = conv().bytes();
  files.add("nothing", std::string(), "without nodes");
  files.add("version alone", good.substr(0, 2), "without nodes");
  files.add("no graph", model_field([](To& to) { to.add_string(2, "me"); }), "without nodes");
  files.add("an empty graph", model_field([](To& to) { to.add_bytes(7, std::string()); }), "without nodes");
  files.add("two graphs", good + good, "one graph");
  files.add("graph as an integer", model_field([](To& to) { to.add_int64(7, 1); }), "a graph as bytes");
  files.add("graph as four bytes", model_field([](To& to) { to.add_fixed32(7, 1); }), "a graph as bytes");
  files.add("graph as eight bytes", model_field([](To& to) { to.add_fixed64(7, 1); }), "a graph as bytes");
  files.add("graph longer than the file", "\x08\x08\x3a\xff\x7f\x0a", "cut short");
  files.add("graph of 2^63 bytes", std::string("\x08\x08\x3a\xff\xff\xff\xff\xff\xff\xff\xff\x7f", 12), "cut short");
  files.add("graph of 2^32 + 1 bytes", std::string("\x08\x08\x3a\x81\x80\x80\x80\x10\x0a", 9), "cut short");
  files.add("a length of eleven bytes", "\x08\x08\x3a" + std::string(11, '\xff'), "protobuf");
  files.add("a version of eleven bytes", "\x08" + std::string(11, '\xff'), "protobuf");
  files.add("field 0", std::string("\x08\x08\x02\x00", 4), "protobuf");
  files.add("a group", std::string("\x08\x08\x3b\x3c", 4), "protobuf");
  files.add("wire type 7", std::string("\x08\x08\x3f\x00", 4), "protobuf");
  files.add("text", std::string("no model at all"), "expected");
  GraphFile nested = conv();
  std::string inside = "x";
  for (int i = 0; i < 200; ++i)
    inside = GraphFile::message([&](To& to) { to.add_bytes(fields::value_field::type, inside); });
  nested.add(fields::graph_field::input, inside);
  files.add("types in types", nested, "");
  for (const Index opset : {Index{0}, Index{26}, Index{1000}, Index{-1}}) {
    GraphFile file = conv();
    file.opset = opset;
    files.add("opset " + std::to_string(opset), file, "opsets 1 to 25");
  }
  GraphFile twice = conv();
  twice.model = GraphFile::message([](To& to) {
    to.add_bytes(fields::model_field::opset_import,
                 GraphFile::message([](To& entry) { entry.add_int64(fields::opset_field::version, 9); }));
  });
  files.add("two versions of the operators", twice, "one version");
  GraphFile sparse = conv();
  sparse.add(fields::graph_field::sparse_initializer, "");
  files.add("a sparse initializer", sparse, "dense tensors");
  GraphFile quantised = conv();
  quantised.add(fields::graph_field::quantization_annotation, "");
  files.add("a quantisation annotation", quantised, "quantised");
}

void add_tensors(BadFiles& files) {
  const std::string size = "a tensor of";
  files.add("raw data short", with_raw({2}, 1, 7), size);
  files.add("raw data long", with_raw({2}, 1, 9), size);
  files.add("raw data none", with_raw({2}, 1, 0), size);
  files.add("raw data of one value for a list", with_raw({2}, 1, 4), size);
  files.add("raw data of half a double", with_raw({1}, 11, 4), size);
  files.add("raw data beside other values", with_tensor([](To& to) {
              name_and_type(to, {2}, 1);
              to.add_float(fields::tensor_field::float_data, 1);
              to.add_bytes(fields::tensor_field::raw_data, std::string(8, '\0'));
            }),
            size);
  files.add("no values", with_tensor([](To& to) { name_and_type(to, {2}, 1); }), size);
  files.add("float_data short", with_tensor([](To& to) {
              name_and_type(to, {2}, 1);
              to.add_float(fields::tensor_field::float_data, 1);
            }),
            size);
  files.add("float_data packed in 6 bytes", with_tensor([](To& to) {
              name_and_type(to, {2}, 1);
              to.add_bytes(fields::tensor_field::float_data, std::string(6, '\0'));
            }),
            "bytes each");
  files.add("float_data as integers", with_tensor([](To& to) {
              name_and_type(to, {2}, 1);
              to.add_int64(fields::tensor_field::float_data, 1);
            }),
            "as bytes");
  files.add("int64_data cut", with_tensor([](To& to) {
              name_and_type(to, {2}, 7);
              to.add_bytes(fields::tensor_field::int64_data, std::string("\x01\xff", 2));
            }),
            "protobuf");
  files.add("double_data packed in 12 bytes", with_tensor([](To& to) {
              name_and_type(to, {2}, 11);
              to.add_bytes(fields::tensor_field::double_data, std::string(12, '\0'));
            }),
            "bytes each");
  files.add("dims as text", with_tensor([](To& to) {
              name_and_type(to, {}, 1);
              to.add_float(fields::tensor_field::dims, 1);
            }),
            "a tensor's extents");
  files.add("type as bytes", with_tensor([](To& to) { to.add_bytes(fields::tensor_field::data_type, "1"); }),
            "a tensor's type");
  files.add("segment", with_tensor([](To& to) {
              name_and_type(to, {2}, 1);
              to.add_bytes(fields::tensor_field::segment, "");
            }),
            "in one piece");
  for (const char* location : {"../weights", "a/../../weights", "/etc/passwd", "C:\\weights", "weights", ""})
    files.add(std::string("values in the file '") + location + "'", with_tensor([&](To& to) {
                name_and_type(to, {2}, 1);
                to.add_bytes(fields::tensor_field::external_data, GraphFile::message([&](To& entry) {
                               entry.add_string(fields::entry_field::key, "location");
                               entry.add_string(fields::entry_field::value, location);
                             }));
                to.add_int32(fields::tensor_field::data_location, 1);
              }),
              "values inside the file");
  for (const int type : {0, 8, 14, 15, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 1000, -1})
    files.add("tensor of type " + std::to_string(type), with_raw({2}, type, 8), "8 to 64 bits");
  const Index large = Index{1} << 40, half = Index{1} << 32, most = (std::numeric_limits<Index>::max)();
  const std::vector<List> extents{
      {-1},   {2, -1},      {-most},         {large},       {large + 1},       {half, half},
      {most}, {most, most}, {half, 2, half}, {3, most / 3}, {large, 0, large}, {1, 1, 1, 1, 1, 1, 1, 1, 2}};
  for (const List& dims : extents)
    files.add("tensor with extents " + detail::join(std::span<const Index>(dims), " "), with_raw(dims, 1, 8),
              "expected");
  GraphFile twice = conv();
  twice.floats("w", {1}, {1});
  files.add("two initializers of one name", twice, "differ in name");
}

void add_graphs(BadFiles& files) {
  GraphFile cycle;
  cycle.input("x", {-1, 2});
  cycle.node("Add", {"x", "b"}, {"a"});
  cycle.node("Relu", {"a"}, {"b"});
  cycle.output("b");
  files.add("a cycle", cycle, "before their use");
  GraphFile self;
  self.input("x", {-1, 2});
  self.node("Relu", {"a"}, {"a"});
  self.output("a");
  files.add("a node of its own output", self, "before their use");
  GraphFile late;
  late.input("x", {-1, 2});
  late.node("Relu", {"a"}, {"y"});
  late.node("Relu", {"x"}, {"a"});
  late.output("y");
  files.add("nodes out of order", late, "before their use");
  GraphFile missing = one_node("Relu", {-1, 2});
  missing.node("Relu", {"no"}, {"z"});
  files.add("an input that nothing makes", missing, "before their use");
  files.add(
      "no inputs of a node",
      [] {
        GraphFile file;
        file.input("x", {-1, 2});
        file.node("Relu", {}, {"y"});
        file.output("y");
        return file;
      }(),
      "an input 0");
  GraphFile output = one_node("Relu", {-1, 2});
  output.output("no");
  files.add("an output that nothing makes", output, "a node computes");
  GraphFile none;
  none.input("x", {-1, 2});
  none.node("Relu", {"x"}, {"y"});
  files.add("no outputs", none, "outputs");
  for (const char* const op : {"Relu", "Tanh", "Erf", "Sqrt", "Mul"}) {
    GraphFile nowhere;
    nowhere.input("x", {-1, 2});
    if (std::string(op) == "Mul")
      nowhere.node(op, {"x", "x"}, {});
    else
      nowhere.node(op, {"x"}, {});
    files.add(std::string(op) + " whose value has no name", nowhere, "outputs");
  }
  GraphFile constant;
  constant.input("x", {-1, 2});
  constant.integers("c", {1});
  constant.node("Identity", {"c"}, {"y"});
  constant.output("y");
  files.add("a constant as the output", constant, "outputs that depend on the samples");
  GraphFile two = one_node("Relu", {-1, 2});
  two.node("Tanh", {"x"}, {"y"});
  files.add("two producers of a value", two, "stand for one each");
  GraphFile over = one_node("Relu", {-1, 2});
  over.node("Tanh", {"x"}, {"x"});
  files.add("a node that makes the input", over, "stand for one each");
  GraphFile shadow = conv();
  shadow.node("Relu", {"x"}, {"w"});
  files.add("a node that makes an initializer", shadow, "stand for one each");
  GraphFile inputs = one_node("Relu", {-1, 2});
  inputs.input("x", {-1, 2});
  files.add("two inputs of one name", inputs, "inputs that differ in name");
  GraphFile attributes;
  attributes.input("x", {-1, 2});
  attributes.node("Softmax", {"x"}, {"y"}, {{"axis", Index{1}}, {"axis", Index{-1}}});
  attributes.output("y");
  files.add("an attribute twice", attributes, "attributes that differ");
  GraphFile batches;
  batches.input("a", {2, 2});
  batches.input("b", {3, 2});
  batches.node("Add", {"a", "b"}, {"y"});
  batches.output("y");
  files.add("inputs of two batches", batches, "inputs of one shape");
  const std::vector<List> shapes{{-1},
                                 {-1, 0},
                                 {-1, -1},
                                 {-1, 3, -1, 4},
                                 {-2, 2},
                                 {-1, -7},
                                 {-1, Index{1} << 41},
                                 {-1, Index{1} << 32, Index{1} << 32},
                                 {-1, 1, 1, 1, 1, 1, 1, 1, 1, 1}};
  for (const List& dims : shapes)
    if (dims.size() != 1)
      files.add("an input of extents '" + detail::join(std::span<const Index>(dims), " ") + "'", one_node("Relu", dims),
                "expected");
  for (const int type : {8, 14, 15, 17, 99})
    files.add(
        "an input of type " + std::to_string(type),
        [&] {
          GraphFile file;
          file.input("x", {-1, 2}, type);
          file.node("Relu", {"x"}, {"y"});
          file.output("y");
          return file;
        }(),
        "real numbers or integers");
  GraphFile unknown = one_node("Nothing", {-1, 2});
  files.add("an operator that is none", unknown, "Nothing x1");
  GraphFile domain;
  domain.input("x", {-1, 2});
  domain.node("Relu", {"x"}, {"y"}, {}, "n", "com.example");
  domain.output("y");
  files.add("an operator of another domain", domain, "com.example::Relu x1 ('n')");
  files.add("an operator of a later opset", one_node("Mish", {-1, 2}, {}, {}, 17), "Mish x1");
  files.add("an attribute that is none", one_node("Relu", {-1, 2}, {}, {{"alpha", 1.0}}), "'alpha'");
  files.add("an attribute of another opset", one_node("Clip", {-1, 2}, {}, {{"min", 1.0}}), "'min'");
  files.add("too many inputs", one_node("Relu", {-1, 2}, {"x"}), "at most 1 inputs");
  GraphFile graph = one_node("Relu", {-1, 2});
  graph.add(fields::graph_field::node, GraphFile::node_of("Tanh", {"x"}, {"t"}) + GraphFile::message([](To& to) {
                                         to.add_bytes(fields::node_field::attribute, GraphFile::message([](To& a) {
                                                        a.add_string(fields::attribute_field::name, "body");
                                                        a.add_bytes(fields::attribute_field::g, "");
                                                      }));
                                       }));
  files.add("an attribute with a graph", graph, "'body'");
}

void add_windows(BadFiles& files) {
  const Index huge = Index{1} << 40;
  for (const char* name : {"strides", "dilations", "kernel_shape"})
    for (const List& list : {List{0, 1}, List{1, 0}, List{-1, 1}, List{huge, 1}, List{1}, List{1, 1, 1}, List{}}) {
      const std::string given = std::string(name) + " '" + detail::join(std::span<const Index>(list), " ") + "'";
      files.add("convolution with " + given, conv({{name, list}}), "expected");
      if (std::string_view(name) == "dilations") continue;
      GraphFile::Attributes attributes{{name, list}};
      if (std::string_view(name) == "strides") attributes.push_back({"kernel_shape", List{2, 2}});
      files.add("pooling with " + given, one_node("MaxPool", image, {}, attributes), "expected");
    }
  for (const List& pads : {List{-1, 0, 0, 0}, List{0, 0, 0, -5}, List{1, 1}, List{huge, 0, 0, 0}, List{1, 1, 1, 1, 1}})
    files.add("convolution with pads '" + detail::join(std::span<const Index>(pads), " ") + "'", conv({{"pads", pads}}),
              "pads");
  for (const Index group : {Index{0}, Index{-1}, Index{2}, Index{3}, huge})
    files.add("convolution in " + std::to_string(group) + " groups", conv({{"group", group}}), "in groups");
  files.add("convolution with a kernel beyond its input", conv({}, {-1, 2, 1, 4}), "expected");
  files.add("convolution with a dilated kernel beyond its input", conv({{"dilations", List{4, 1}}}), "expected");
  files.add("convolution of other channels", conv({}, {-1, 3, 4, 4}), "in groups");
  files.add("convolution with auto_pad of its own", conv({{"auto_pad", std::string("SOME")}}), "SAME_LOWER");
  GraphFile turned;
  turned.input("x", {-1, 2});
  turned.floats("c", {}, {1});
  turned.node("Transpose", {"c"}, {"t"}, {{"perm", List{0}}}, "it");
  turned.node("Add", {"x", "t"}, {"y"});
  turned.output("y");
  files.add("axes of a number that has none", turned, "each axis once");
  files.add("convolution of rows", conv({}, {-1, 2}), "sequences, images or volumes");
  for (const List& dims : {List{2, 2, 2}, List{16}, List{}, List{2, 2, 2, 2, 1}, List{0, 2, 2, 2}, List{2, 0, 2, 2}}) {
    GraphFile file = one_node("Conv", image, {"w"});
    Index count = 1;
    for (const Index dim : dims) count *= dim;
    file.floats("w", dims, std::vector<float>(static_cast<std::size_t>(count), 1));
    files.add("convolution with weights of extents '" + detail::join(std::span<const Index>(dims), " ") + "'", file,
              "weights");
  }
  for (const List& dims : {List{1}, List{3}, List{2, 1}, List{}}) {
    GraphFile file = one_node("Conv", image, {"w", "b"});
    file.floats("w", {2, 2, 2, 2}, std::vector<float>(16, 1));
    Index count = 1;
    for (const Index dim : dims) count *= dim;
    file.floats("b", dims, std::vector<float>(static_cast<std::size_t>(count), 1));
    files.add("convolution with a bias of extents '" + detail::join(std::span<const Index>(dims), " ") + "'", file,
              "a bias of 2");
  }
  GraphFile computed = one_node("Conv", image, {"x"});
  files.add("convolution with computed weights", computed, "known when the file is read");
  files.add("convolution without weights", one_node("Conv", image), "an input 1");
  files.add("pooling without a window", one_node("MaxPool", image), "kernel_shape");
  files.add("pooling beyond its input", one_node("MaxPool", image, {}, {{"kernel_shape", List{5, 1}}}), "expected");
  files.add(
      "pooling whose indices are used",
      [] {
        GraphFile file;
        file.input("x", image);
        file.node("MaxPool", {"x"}, {"m", "i"}, {{"kernel_shape", List{2, 2}}});
        file.node("Add", {"m", "i"}, {"y"});
        file.output("y");
        return file;
      }(),
      "indices");
}

void add_rows(BadFiles& files) {
  const auto norm = [](const std::string& changed, const List& dims, double epsilon = 1e-5, float variance = 1) {
    GraphFile file = one_node("BatchNormalization", image, {"s", "b", "m", "v"}, {{"epsilon", epsilon}});
    for (const char* name : {"s", "b", "m", "v"}) {
      const List extents = changed == name ? dims : List{2};
      Index count = 1;
      for (const Index dim : extents) count *= dim;
      file.floats(name, extents, std::vector<float>(static_cast<std::size_t>(count), *name == 'v' ? variance : 1));
    }
    return file;
  };
  for (const char* name : {"s", "b", "m", "v"}) {
    files.add(std::string("batch normalisation with 3 values of ") + name, norm(name, {3}), "3 values");
    files.add(std::string("batch normalisation with no values of ") + name, norm(name, {0}), "0 values");
    files.add(std::string("batch normalisation with one value of ") + name, norm(name, {}), "1 values");
  }
  files.add("batch normalisation with epsilon below 0", norm("", {}, -1), "epsilon");
  files.add("batch normalisation with epsilon not a number", norm("", {}, std::nan("")), "epsilon");
  files.add(
      "batch normalisation with momentum 2",
      [] {
        GraphFile file = one_node("BatchNormalization", {-1, 1}, {"c", "c", "c", "c"}, {{"momentum", 2.0}});
        file.floats("c", {1}, {1});
        return file;
      }(),
      "momentum");
  files.add(
      "batch normalisation of a feature each",
      [] {
        GraphFile file = one_node("BatchNormalization", {-1, 1}, {"c", "c", "c", "c"}, {{"spatial", Index{0}}}, 7);
        file.floats("c", {1}, {1});
        return file;
      }(),
      "spatial");
  const auto gemm = [](const List& w, const List& b, const GraphFile::Attributes& attributes = {}) {
    GraphFile file = one_node("Gemm", {-1, 2}, {"w", "b"}, attributes);
    const auto fill = [&](const char* name, const List& dims) {
      Index count = 1;
      for (const Index dim : dims) count *= dim;
      file.floats(name, dims, std::vector<float>(static_cast<std::size_t>(count), 1));
    };
    fill("w", w);
    fill("b", b);
    return file;
  };
  files.add("Gemm with a list as weights", gemm({2}, {3}), "matrices");
  files.add("Gemm with three axes of weights", gemm({2, 3, 1}, {3}), "matrices");
  files.add("Gemm with other rows", gemm({3, 3}, {3}), "as many rows");
  files.add("Gemm with no columns", gemm({2, 0}, {0}), "a matrix");
  files.add("Gemm with another bias", gemm({2, 3}, {2}), "a bias of 3");
  files.add("Gemm with a bias for each sample", gemm({2, 3}, {3, 1}), "a constant for each sample alike");
  files.add("Gemm with A turned", gemm({2, 3}, {3}, {{"transA", Index{1}}}), "the batch before the matrices");
  files.add("MatMul over the batch", one_node("MatMul", {-1, 2}, {"x"}), "the batch before the matrices");
  files.add("MatMul of other extents", one_node("MatMul", {-1, 2, 3}, {"x"}), "as many columns");
  files.add(
      "MatMul with another matrix",
      [] {
        GraphFile file = one_node("MatMul", {-1, 2}, {"w"});
        file.floats("w", {3, 1}, {1, 2, 3});
        return file;
      }(),
      "as many rows");
  files.add(
      "Add of other extents",
      [] {
        GraphFile file = one_node("Add", {-1, 2}, {"c"});
        file.floats("c", {3}, {1, 2, 3});
        return file;
      }(),
      "expected");
  files.add(
      "Add with a constant for each sample",
      [] {
        GraphFile file = one_node("Add", {-1, 2}, {"c"});
        file.floats("c", {2, 2}, {1, 2, 3, 4});
        return file;
      }(),
      "for each sample alike");
  files.add("Add of one input", one_node("Add", {-1, 2}), "2 inputs");
}

void add_shapes(BadFiles& files) {
  const Index huge = Index{1} << 40;
  for (const std::vector<std::int64_t>& shape : {std::vector<std::int64_t>{},
                                                 {6},
                                                 {-1, -1},
                                                 {-1, 5},
                                                 {-1, 7},
                                                 {-2, 3},
                                                 {0, -2},
                                                 {0, huge},
                                                 {2, 3},
                                                 {-1, huge, huge},
                                                 {0, 1, 1, 1, 1, 1, 1, 1, 6},
                                                 {-1, 0, 0, 0, 0}})
    files.add("Reshape to '" + detail::join(std::span<const std::int64_t>(shape), " ") + "'",
              with_constant("Reshape", shape), "expected");
  files.add("Reshape to a computed shape", one_node("Reshape", {-1, 2}, {"x"}), "known when the file is read");
  files.add(
      "Reshape to halves",
      [] {
        GraphFile file = one_node("Reshape", {-1, 2}, {"c"});
        file.floats("c", {2}, {0.5f, 4});
        return file;
      }(),
      "expected");
  for (const List& order : {List{0}, List{0, 1, 1}, List{0, 1, 3}, List{0, -1, 1}, List{}, List{0, 1, 2, 3}})
    files.add("Transpose by '" + detail::join(std::span<const Index>(order), " ") + "'",
              one_node("Transpose", {-1, 2, 3}, {}, {{"perm", order}}), "expected");
  for (const Index axis : {Index{0}, Index{3}, Index{-3}, Index{-4}, huge, -huge}) {
    const std::string at = " along axis " + std::to_string(axis);
    GraphFile join;
    join.input("x", {-1, 2, 3});
    join.node("Concat", {"x", "x"}, {"y"}, {{"axis", axis}});
    join.output("y");
    files.add("Concat" + at, join, "axis");
    files.add("Softmax" + at, one_node("Softmax", {-1, 2, 3}, {}, {{"axis", axis}}), "axis");
    files.add("Gather" + at, with_constant("Gather", {0}, {{"axis", axis}}), "axis");
    files.add("Split" + at, with_constant("Split", {1}, {{"axis", axis}}), "axis");
    files.add("Unsqueeze" + at, with_constant("Unsqueeze", {std::abs(axis) < 5 ? axis + 9 : axis}), "expected");
    files.add("Squeeze" + at, with_constant("Squeeze", {axis}), "axis");
    files.add("ReduceSum" + at, with_constant("ReduceSum", {axis}), "axis");
    files.add("Flatten" + at, one_node("Flatten", {-1, 2, 3}, {}, {{"axis", axis}}), "axis 1");
  }
  files.add(
      "Concat of other extents",
      [] {
        GraphFile file;
        file.input("a", {-1, 2, 3});
        file.input("b", {-1, 2, 4});
        file.node("Concat", {"a", "b"}, {"y"}, {{"axis", Index{1}}});
        file.output("y");
        return file;
      }(),
      "expected");
  files.add("Concat without an axis", one_node("Concat", {-1, 2}, {"x"}), "an axis");
  for (const std::int64_t index : {std::int64_t{2}, std::int64_t{-3}, std::int64_t{huge}})
    files.add("Gather at " + std::to_string(index), with_constant("Gather", {index}, {{"axis", Index{1}}}),
              "indices below");
  files.add(
      "Gather of images by indices in a table",
      [] {
        GraphFile file = one_node("Gather", {-1, 2, 3, 3}, {"c"}, {{"axis", Index{1}}});
        file.integers("c", {2, 1}, {0, 1});
        return file;
      }(),
      "indices of one axis");
  files.add("Squeeze of 2", with_constant("Squeeze", {1}), "extents of 1");
  files.add("Unsqueeze twice in a place", with_constant("Unsqueeze", {1, 1}), "once");
  files.add("ReduceSum along an axis twice", with_constant("ReduceSum", {1, -2}), "once");
  files.add("ReduceSum of all", one_node("ReduceSum", {-1, 2}), "axes of the samples");
  files.add("Split in parts of too much", with_constant("Split", {3}, {{"axis", Index{1}}}), "parts of 2");
  files.add("Split in parts of too little", with_constant("Split", {1}, {{"axis", Index{1}}}), "parts of 2");
  files.add("Split in parts below 0", with_constant("Split", {-1}, {{"axis", Index{1}}}), "parts of 2");
  files.add("Slice without ends", with_constant("Slice", {0}), "as many starts as ends");
  const auto slice = [](const std::vector<std::int64_t>& from, const std::vector<std::int64_t>& until,
                        const std::vector<std::int64_t>& axes, const std::vector<std::int64_t>& steps) {
    GraphFile file = one_node("Slice", {-1, 4}, {"f", "u", "a", "s"});
    file.integers("f", from);
    file.integers("u", until);
    file.integers("a", axes);
    file.integers("s", steps);
    return file;
  };
  files.add("Slice of nothing", slice({2}, {2}, {1}, {1}), "expected");
  files.add("Slice in steps of 0", slice({0}, {2}, {1}, {0}), "other than 0");
  files.add("Slice of the batch", slice({0}, {2}, {0}, {1}), "axis of the samples");
  files.add("Slice with more ends than starts", slice({0}, {2, 3}, {1}, {1}), "as many starts");
  files.add("Slice with more axes than starts", slice({0}, {2}, {1, 1}, {1}), "an axis for each");
  files.add("Slice of an axis twice", slice({0, 0}, {2, 2}, {1, 1}, {1, 1}), "each axis once");
  for (const std::vector<std::int64_t>& pads : {std::vector<std::int64_t>{0},
                                                {1, 0, 0, 0, 0, 0},
                                                {0, huge, 0, 0, 0, 0},
                                                {0, -2, 0, 0, 0, 0},
                                                {0, 0, 0, 0, -9, 0}})
    files.add("Pad by '" + detail::join(std::span<const std::int64_t>(pads), " ") + "'", with_constant("Pad", pads),
              "expected");
  files.add("Pad in a mode of its own", with_constant("Pad", {0, 1, 0, 0, 0, 0}, {{"mode", std::string("fog")}}),
            "expected");
  for (const std::vector<std::int64_t>& repeats :
       {std::vector<std::int64_t>{2, 1, 1}, {1, 0, 1}, {1, -1, 1}, {1, 2}, {1, huge, huge}})
    files.add("Tile by '" + detail::join(std::span<const std::int64_t>(repeats), " ") + "'",
              with_constant("Tile", repeats), "expected");
  const auto filled = [](const std::vector<std::int64_t>& dims) {
    GraphFile file = one_node("Add", {-1, 2}, {"z"});
    file.graph.clear();
    file.input("x", {-1, 2});
    file.integers("c", dims);
    file.node("ConstantOfShape", {"c"}, {"z"});
    file.node("Add", {"x", "z"}, {"y"});
    file.output("y");
    return file;
  };
  for (const std::vector<std::int64_t>& dims :
       {std::vector<std::int64_t>{-1}, {huge}, {huge, huge}, {1 << 24, 1}, {1, 1, 1, 1, 1, 1, 1, 1, 1}, {0, huge}})
    files.add("ConstantOfShape '" + detail::join(std::span<const std::int64_t>(dims), " ") + "'", filled(dims),
              "expected");
  files.add("Expand to a shape too large", with_constant("Expand", {1, huge, huge, 1 << 30}), "expected");
  for (const char* op : {"Tile", "Pad"}) {
    GraphFile constant;
    constant.input("x", {-1, 2});
    constant.floats("c", {1, 2}, {1, 2});
    constant.integers("much", op == std::string("Tile") ? std::vector<std::int64_t>{1 << 15, 1 << 15}
                                                        : std::vector<std::int64_t>{0, 0, 1 << 15, 1 << 15});
    constant.node(op, {"c", "much"}, {"large"});
    constant.node("ReduceSum", {"large"}, {"sum"});
    constant.node("Add", {"x", "sum"}, {"y"});
    constant.output("y");
    files.add(std::string(op) + " of a constant to too much", constant, "at most");
  }
  files.add(
      "MatMul of a number",
      [] {
        GraphFile file;
        file.input("x", {-1, 2});
        file.integers("number", {}, {2});
        file.floats("w", {2, 1}, {1, 2});
        file.node("MatMul", {"number", "w"}, {"product"});
        file.node("Add", {"x", "product"}, {"y"});
        file.output("y");
        return file;
      }(),
      "as many rows");
  files.add("Cast to text", one_node("Cast", {-1, 2}, {}, {{"to", Index{8}}}), "a cast to");
  files.add("Cast to nothing", one_node("Cast", {-1, 2}), "a cast to");
}

TEST_CASE("ONNX: bad files are refused, each for its reason, in bounded memory") {
  BadFiles files;
  add_containers(files);
  add_tensors(files);
  add_graphs(files);
  add_windows(files);
  add_rows(files);
  add_shapes(files);
  CHECK(files.size() >= 150);
  files.check();
}

TEST_CASE("ONNX: many small nodes do not make a large model of a small file") {
  GraphFile file;
  file.input("x", {-1, 2});
  std::string last = "x";
  for (int i = 0; i < 40'000; ++i) {
    const std::string next = std::to_string(i);
    file.node("Relu", {last}, {next});
    last = next;
  }
  file.output(last);
  const std::string bytes = file.bytes();
  const std::size_t before = allocations.in_use;
  allocations.peak = before;
  outcome(bytes);
  CHECK(allocations.peak - before <= 40 * bytes.size() + (std::size_t{16} << 20));
}

TEST_CASE("ONNX: every truncation and every bit flip of a small file is refused or gives a model") {
  GraphFile file;
  file.input("x", {-1, 1, 4, 4});
  file.floats("w", {2, 1, 2, 2}, std::vector<float>(8, 0.5f));
  file.floats("k", {8, 1}, std::vector<float>(8, 0.5f));
  file.integers("s", {0, -1});
  file.node("Conv", {"x", "w"}, {"c"}, {{"strides", List{2, 2}}, {"pads", List{0, 0, 0, 0}}});
  file.node("Relu", {"c"}, {"r"});
  file.node("Reshape", {"r", "s"}, {"f"});
  file.node("MatMul", {"f", "k"}, {"y"});
  file.output("y");
  const std::string good = file.bytes();
  CHECK(outcome(good) == "accepted");
  for (std::size_t size = 0; size < good.size(); ++size) {
    const std::string message = outcome(good.substr(0, size));
    CAPTURE(size);
    REQUIRE(message.find("[f") == 0);
  }
  std::string bad = good;
  for (char& byte : bad)
    for (int bit = 0; bit < 8; ++bit) {
      byte = static_cast<char>(byte ^ (1 << bit));
      const std::string message = outcome(bad);
      CAPTURE(message);
      REQUIRE((message == "accepted" || message.find("[f") == 0));
      byte = static_cast<char>(byte ^ (1 << bit));
    }
}

}  // namespace onnx_bad_files

}  // namespace

#endif
