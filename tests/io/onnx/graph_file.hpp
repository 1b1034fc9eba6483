#pragma once
/// Small files of ONNX, written field by field, for tests.

#include <keel/io/onnx/message.hpp>

namespace keel_test {

using keel::Index;
using keel::io::onnx::Message;

/// A file in the making. Fields that no member writes are appended to `model` and `graph`, which are bytes.
struct GraphFile {
  using Attributes = keel::io::onnx::OnnxAttributes;
  using Names = std::vector<std::string>;

  std::string model = {}, graph = {};
  Index opset = 13;

  static std::string message(const std::function<void(Message&)>& fill) {
    std::string bytes;
    Message to(bytes);
    fill(to);
    return bytes;
  }
  void add(keel::io::onnx::Field field, const std::string& bytes) {
    Message to(graph);
    to.add_bytes(field, bytes);
  }

  static std::string node_of(const std::string& op, const Names& inputs, const Names& outputs,
                             const Attributes& attributes = {}, const std::string& name = {},
                             const std::string& domain = {}) {
    namespace field = keel::io::onnx::node_field;
    return message([&](Message& to) {
      for (const std::string& each : inputs) to.add_string(field::input, each);
      for (const std::string& each : outputs) to.add_string(field::output, each);
      if (!name.empty()) to.add_string(field::name, name);
      to.add_string(field::op_type, op);
      for (const auto& each : attributes) keel::io::onnx::add_attribute(to, each);
      if (!domain.empty()) to.add_string(field::domain, domain);
    });
  }
  void node(const std::string& op, const Names& inputs, const Names& outputs, const Attributes& attributes = {},
            const std::string& name = {}, const std::string& domain = {}) {
    add(keel::io::onnx::graph_field::node, node_of(op, inputs, outputs, attributes, name, domain));
  }

  static std::string tensor_of(const std::string& name, const std::vector<Index>& dims, int type,
                               const std::string& raw) {
    namespace field = keel::io::onnx::tensor_field;
    return message([&](Message& to) {
      for (const Index dim : dims) to.add_int64(field::dims, dim);
      to.add_int32(field::data_type, type);
      if (!name.empty()) to.add_string(field::name, name);
      to.add_bytes(field::raw_data, raw);
    });
  }
  template <class V>
  static std::string raw_of(const std::vector<V>& values) {
    std::string raw(values.size() * sizeof(V), '\0');
    if (!values.empty()) std::memcpy(raw.data(), values.data(), raw.size());
    return raw;
  }
  static std::string tensor_of(const std::string& name, const std::vector<Index>& dims,
                               const std::vector<float>& values) {
    return tensor_of(name, dims, 1, raw_of(values));
  }
  void floats(const std::string& name, const std::vector<Index>& dims, const std::vector<float>& values) {
    add(keel::io::onnx::graph_field::initializer, tensor_of(name, dims, values));
  }
  void integers(const std::string& name, const std::vector<std::int64_t>& values) {
    integers(name, {static_cast<Index>(values.size())}, values);
  }
  void integers(const std::string& name, const std::vector<Index>& dims, const std::vector<std::int64_t>& values) {
    add(keel::io::onnx::graph_field::initializer, tensor_of(name, dims, 7, raw_of(values)));
  }

  /// -1: an extent that has a name.
  static std::string value_of(const std::string& name, const std::vector<Index>& dims, int type = 1) {
    namespace onnx = keel::io::onnx;
    return message([&](Message& value) {
      value.add_string(onnx::value_field::name, name);
      value.add_bytes(onnx::value_field::type, message([&](Message& kind) {
                        kind.add_bytes(onnx::type_field::tensor_type, message([&](Message& tensor) {
                                         tensor.add_int32(onnx::tensor_type_field::elem_type, type);
                                         tensor.add_bytes(onnx::tensor_type_field::shape, shape_of(dims));
                                       }));
                      }));
    });
  }
  static std::string shape_of(const std::vector<Index>& dims) {
    namespace onnx = keel::io::onnx;
    return message([&](Message& shape) {
      for (const Index extent : dims)
        shape.add_bytes(onnx::shape_field::dim, message([&](Message& dim) {
                          if (extent == -1)
                            dim.add_string(onnx::dim_field::param, "n");
                          else
                            dim.add_int64(onnx::dim_field::value, extent);
                        }));
    });
  }
  void input(const std::string& name, const std::vector<Index>& dims, int type = 1) {
    add(keel::io::onnx::graph_field::input, value_of(name, dims, type));
  }
  void output(const std::string& name) {
    add(keel::io::onnx::graph_field::output,
        message([&](Message& value) { value.add_string(keel::io::onnx::value_field::name, name); }));
  }

  std::string bytes() const {
    namespace onnx = keel::io::onnx;
    return message([](Message& to) { to.add_int64(onnx::model_field::ir_version, 8); }) + model +
           message([&](Message& to) {
             to.add_bytes(onnx::model_field::graph, graph);
             to.add_bytes(onnx::model_field::opset_import, message([&](Message& entry) {
                            entry.add_string(onnx::opset_field::domain, "");
                            entry.add_int64(onnx::opset_field::version, opset);
                          }));
           });
  }
};

/// A graph of one node: x with these extents to y, other inputs among the initializers.
inline GraphFile one_node(const std::string& op, const std::vector<Index>& dims, const GraphFile::Names& more = {},
                          const GraphFile::Attributes& attributes = {}, Index opset = 13) {
  GraphFile file;
  file.opset = opset;
  file.input("x", dims);
  GraphFile::Names inputs{"x"};
  inputs.insert(inputs.end(), more.begin(), more.end());
  file.node(op, inputs, {"y"}, attributes, "it");
  file.output("y");
  return file;
}

/// The bytes of a graph that is an attribute.
inline std::string branch_of(const std::function<void(GraphFile&)>& fill) {
  GraphFile graph;
  fill(graph);
  return graph.graph;
}
/// An If, with such graphs.
inline void add_if(GraphFile& file, const std::string& condition, const GraphFile::Names& outputs,
                   const std::string& then_branch, const std::string& else_branch) {
  namespace field = keel::io::onnx::node_field;
  namespace attribute = keel::io::onnx::attribute_field;
  const auto graph = [](const char* name, const std::string& bytes) {
    return GraphFile::message([&](Message& to) {
      to.add_string(attribute::name, name);
      to.add_bytes(attribute::g, bytes);
      to.add_int32(attribute::type, 5);
    });
  };
  file.add(keel::io::onnx::graph_field::node, GraphFile::message([&](Message& to) {
             to.add_string(field::input, condition);
             for (const std::string& output : outputs) to.add_string(field::output, output);
             to.add_string(field::name, "choice");
             to.add_string(field::op_type, "If");
             to.add_bytes(field::attribute, graph("then_branch", then_branch));
             to.add_bytes(field::attribute, graph("else_branch", else_branch));
           }));
}
/// A function of the model, in the domain "my".
struct Function {
  std::string name = {};
  GraphFile::Names inputs = {}, outputs = {};
  std::vector<std::string> nodes = {};
  Index opset = 13;
  std::vector<std::string> defaults = {};
};
inline void add_function(GraphFile& file, const Function& function) {
  namespace field = keel::io::onnx::function_field;
  Message to(file.model);
  to.add_bytes(keel::io::onnx::model_field::functions, GraphFile::message([&](Message& made) {
                 made.add_string(field::name, function.name);
                 made.add_string(field::domain, "my");
                 for (const std::string& each : function.inputs) made.add_string(field::input, each);
                 for (const std::string& each : function.outputs) made.add_string(field::output, each);
                 for (const std::string& each : function.nodes) made.add_bytes(field::node, each);
                 for (const std::string& each : function.defaults) made.add_bytes(field::attribute_proto, each);
                 made.add_bytes(field::opset_import, GraphFile::message([&](Message& entry) {
                                  entry.add_string(keel::io::onnx::opset_field::domain, "");
                                  entry.add_int64(keel::io::onnx::opset_field::version, function.opset);
                                }));
               }));
}

}  // namespace keel_test
