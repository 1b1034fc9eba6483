#pragma once
/// A file of ONNX: its graph, its functions and the opset that both are of.

#include <keel/io/onnx/file.hpp>

#if KEEL_HAS_PROTOBUF

namespace keel {
inline namespace KEEL_ABI {

namespace io::onnx {

/// The version of an opset if it is ONNX's own.
inline std::optional<std::int64_t> read_opset(ProtobufMessage entry) {
  std::string domain;
  std::int64_t version = 0;
  while (entry.next())
    if (entry.field() == opset_field::domain)
      domain = entry.text("a domain");
    else if (entry.field() == opset_field::version)
      version = entry.integer("a version");
    else
      entry.skip();
  if (!domain.empty() && domain != "ai.onnx") return std::nullopt;
  return version;
}
inline FileFunction read_function(ProtobufMessage message, ExternalFiles& external) {
  FileFunction function;
  std::optional<ProtobufMessage> graph;
  while (message.next()) switch (message.field()) {
      case function_field::name: function.name = message.text("a function's name"); break;
      case function_field::domain: function.domain = message.text("a domain"); break;
      case function_field::overload: function.overload = message.text("an overload"); break;
      case function_field::input: function.inputs.push_back(message.text("an input's name")); break;
      case function_field::output: function.outputs.push_back(message.text("an output's name")); break;
      case function_field::node: function.nodes.push_back(read_node(message.message("a node"), external)); break;
      case function_field::attribute_proto:
        function.defaults.push_back(read_attribute(message.message("an attribute"), external, graph));
        break;
      case function_field::opset_import:
        function.opset = read_opset(message.message("an opset")).value_or(function.opset);
        break;
      default: message.skip();
    }
  return function;
}

/// Values outside the file are read from plain names in `directory`, if there is one. Throws FormatError for a file
/// that is damaged or no model.
inline FileGraph read_onnx(ByteSpan bytes, const std::string& where, const std::string& directory = {}) {
  ExternalFiles external{.directory = directory};
  ProtobufFile file{.bytes = bytes, .where = where};
  FileGraph graph{.where = where, .bytes = bytes.size()};
  ProtobufMessage model(file);
  bool found = false;
  while (model.next()) switch (model.field()) {
      case model_field::graph:
        if (found) model.fail("one graph", "two");
        read_graph(model.message("a graph"), graph, external);
        found = true;
        break;
      case model_field::functions:
        graph.functions.push_back(read_function(model.message("a function"), external));
        break;
      case model_field::producer_name: graph.producer = model.text("a producer's name"); break;
      case model_field::opset_import: {
        const std::int64_t version = read_opset(model.message("an opset")).value_or(0);
        if (version == 0) break;
        if (graph.opset != 0 && graph.opset != version)
          model.fail("one version of ONNX's operators",
                     std::to_string(graph.opset) + " and " + std::to_string(version));
        graph.opset = version;
        break;
      }
      default: model.skip();
    }
  graph.bytes += external.bytes;
  if (!found || graph.nodes.empty()) throw FormatError(where, "a model of ONNX", "a file without nodes");
  if (graph.opset < 1 || graph.opset > 25)
    throw FormatError(where, "a model of ONNX's opsets 1 to 25", "opset " + std::to_string(graph.opset),
                      "export it again, or convert it with onnx.version_converter");
  return graph;
}

}  // namespace io::onnx

}  // namespace KEEL_ABI
}  // namespace keel

#endif
