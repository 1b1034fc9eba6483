#pragma once
/// An .onnx file field by field, for tests.

#include <map>
#include <set>

#include <doctest/doctest.h>
#include <protozero/pbf_reader.hpp>

#include <keel/formats/bytes.hpp>
#include <keel/io/onnx/fields.hpp>
#include <keel/tensor/index.hpp>

namespace keel_test {

using namespace keel;
using namespace keel::io::onnx;
using Reader = protozero::pbf_reader;

struct FileNode {
  std::string name, op;
  std::vector<std::string> inputs, outputs;
  std::map<std::string, std::vector<double>> numbers;
  std::map<std::string, std::string> texts;
};
struct FileTensor {
  std::vector<Index> dims;
  Index type = 0;
  std::string raw;

  std::vector<float> floats() const {
    std::vector<float> values(raw.size() / sizeof(float));
    std::memcpy(values.data(), raw.data(), raw.size());
    return values;
  }
};
struct OnnxContent {
  Index ir = 0, opset = 0;
  std::string producer, graph_name;
  std::map<std::string, std::string> metadata;
  int entries = 0;
  std::vector<FileNode> nodes;
  std::map<std::string, FileTensor> initializers;
  std::map<std::string, std::vector<std::string>> values;  // name to extents
  std::vector<std::string> inputs, outputs, infos;

  const FileNode& node(const std::string& name) const {
    for (const FileNode& each : nodes)
      if (each.name == name) return each;
    FAIL("no node " << name);
    return nodes[0];
  }
  int count(const std::string& op) const {
    int found = 0;
    for (const FileNode& each : nodes) found += each.op == op;
    return found;
  }
};

inline FileNode read_node(Reader reader) {
  FileNode node;
  while (reader.next()) {
    switch (reader.tag()) {
      case node_field::input: node.inputs.push_back(reader.get_string()); break;
      case node_field::output: node.outputs.push_back(reader.get_string()); break;
      case node_field::name: node.name = reader.get_string(); break;
      case node_field::op_type: node.op = reader.get_string(); break;
      default: {
        REQUIRE(reader.tag() == node_field::attribute);
        Reader attribute = reader.get_message();
        std::string name, text;
        std::vector<double> numbers;
        int type = 0;
        while (attribute.next()) switch (attribute.tag()) {
            case attribute_field::name: name = attribute.get_string(); break;
            case attribute_field::f:
            case attribute_field::floats: numbers.push_back(static_cast<double>(attribute.get_float())); break;
            case attribute_field::i:
            case attribute_field::ints: numbers.push_back(static_cast<double>(attribute.get_int64())); break;
            case attribute_field::s: text = attribute.get_string(); break;
            case attribute_field::strings: text += (text.empty() ? "" : " ") + attribute.get_string(); break;
            default: REQUIRE(attribute.tag() == attribute_field::type); type = attribute.get_enum();
          }
        CHECK(type != 0);
        node.numbers[name] = numbers;
        node.texts[name] = text;
      }
    }
  }
  return node;
}
inline std::string read_value(Reader reader, OnnxContent& file) {
  std::string name;
  std::vector<std::string> extents;
  bool shaped = false;
  while (reader.next()) {
    if (reader.tag() == value_field::name) {
      name = reader.get_string();
      continue;
    }
    Reader type = reader.get_message();
    REQUIRE(type.next(type_field::tensor_type));
    Reader tensor = type.get_message();
    while (tensor.next()) {
      if (tensor.tag() == tensor_type_field::elem_type) {
        CHECK(tensor.get_enum() > 0);
        continue;
      }
      shaped = true;
      Reader shape = tensor.get_message();
      while (shape.next(shape_field::dim)) {
        Reader dim = shape.get_message();
        REQUIRE(dim.next());
        extents.push_back(dim.tag() == dim_field::param ? dim.get_string() : std::to_string(dim.get_int64()));
      }
    }
  }
  CHECK(shaped);
  file.values[name] = extents;
  return name;
}
inline void read_graph(Reader reader, OnnxContent& file) {
  while (reader.next()) switch (reader.tag()) {
      case graph_field::node: file.nodes.push_back(read_node(reader.get_message())); break;
      case graph_field::name: file.graph_name = reader.get_string(); break;
      case graph_field::input: file.inputs.push_back(read_value(reader.get_message(), file)); break;
      case graph_field::output: file.outputs.push_back(read_value(reader.get_message(), file)); break;
      case graph_field::value_info: file.infos.push_back(read_value(reader.get_message(), file)); break;
      default: {
        REQUIRE(reader.tag() == graph_field::initializer);
        Reader tensor = reader.get_message();
        FileTensor read;
        std::string name;
        while (tensor.next()) switch (tensor.tag()) {
            case tensor_field::dims: read.dims.push_back(tensor.get_int64()); break;
            case tensor_field::data_type: read.type = tensor.get_enum(); break;
            case tensor_field::name: name = tensor.get_string(); break;
            default: REQUIRE(tensor.tag() == tensor_field::raw_data); read.raw = tensor.get_string();
          }
        CHECK(file.initializers.emplace(name, read).second);
      }
    }
}
inline OnnxContent read_content(const std::string& path) {
  const Bytes bytes = read_file(path);
  OnnxContent file;
  Reader reader(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  while (reader.next()) switch (reader.tag()) {
      case model_field::ir_version: file.ir = reader.get_int64(); break;
      case model_field::producer_name: file.producer = reader.get_string(); break;
      case model_field::producer_version: CHECK(!reader.get_string().empty()); break;
      case model_field::opset_import: {
        Reader opset = reader.get_message();
        REQUIRE(opset.next(opset_field::version));
        file.opset = opset.get_int64();
        break;
      }
      case model_field::metadata_props: {
        Reader entry = reader.get_message();
        REQUIRE(entry.next(entry_field::key));
        const std::string key = entry.get_string();
        REQUIRE(entry.next(entry_field::value));
        file.metadata[key] = entry.get_string();
        ++file.entries;
        break;
      }
      default: REQUIRE(reader.tag() == model_field::graph); read_graph(reader.get_message(), file);
    }
  return file;
}

/// Names once, everything read is there before, every value has its extents.
inline void check_whole(const OnnxContent& file) {
  CHECK(file.producer == "keel");
  CHECK(!file.graph_name.empty());
  CHECK(static_cast<int>(file.metadata.size()) == file.entries);
  std::set<std::string> there{""}, names;
  for (const auto& [name, tensor] : file.initializers) {
    CHECK(there.insert(name).second);
    Index size = tensor.type == 9 ? 1 : tensor.type == 1 ? 4 : 8;
    for (const Index dim : tensor.dims) size *= dim;
    CHECK(static_cast<Index>(tensor.raw.size()) == size);
  }
  for (const std::string& input : file.inputs) CHECK(there.insert(input).second);
  for (const FileNode& node : file.nodes) {
    CHECK(names.insert(node.name).second);
    for (const std::string& input : node.inputs) CHECK(there.count(input) == 1);
    for (const std::string& output : node.outputs) {
      CHECK(there.insert(output).second);
      CHECK(file.values.count(output) == 1);
    }
  }
  for (const std::string& output : file.outputs) CHECK(there.count(output) == 1);
  CHECK(std::set<std::string>(file.outputs.begin(), file.outputs.end()).size() == file.outputs.size());
}

}  // namespace keel_test
