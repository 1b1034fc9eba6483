#pragma once
/// An ONNX graph as bytes, but for the values of its initializers: those stay where they are until the file is written.

#include <keel/formats/protobuf.hpp>
#include <keel/io/onnx/fields.hpp>
#include <keel/io/onnx/values.hpp>

#if KEEL_HAS_PROTOBUF
#include <protozero/pbf_writer.hpp>
#include <protozero/varint.hpp>
#endif

namespace keel {
inline namespace KEEL_ABI {

namespace io::onnx {

/// The file's dimension for the batch.
inline constexpr const char* batch_name = "batch";

/// The most bytes that a message of protobuf may have.
inline constexpr std::uint64_t message_limit = (std::uint64_t{1} << 31) - 1;

/// The bytes of a GraphProto: `head`, then each initializer's `prefix` and values, then `tail`.
struct GraphBytes {
  struct Initializer {
    std::string prefix;
    std::uint64_t size;  ///< of its values, in bytes
  };
  std::string head;
  std::vector<Initializer> initializers;
  std::string tail;

  std::uint64_t size() const {
    std::uint64_t sum = head.size() + tail.size();
    for (const Initializer& each : initializers) sum += each.prefix.size() + each.size;
    return sum;
  }
};

#if KEEL_HAS_PROTOBUF

using Message = protozero::pbf_writer;

/// The tag and the length of a field of bytes, which follow.
inline void append_length(std::string& to, Field field, std::uint64_t length) {
  protozero::add_varint_to_buffer(&to, field << 3 | 2);
  protozero::add_varint_to_buffer(&to, length);
}
/// A message in a field of another.
template <class F>
void add_message(Message& to, Field field, F&& fill) {
  Message inner(to, field);
  fill(inner);
}

inline DataType data_type_of(OnnxType type, DataType real) {
  switch (type) {
    case OnnxType::real: return real;
    case OnnxType::float32: return DataType::f32;
    case OnnxType::int64: return DataType::i64;
    case OnnxType::boolean: return DataType::boolean;
  }
  return real;
}
inline std::uint64_t size_of(DataType type) { return type == DataType::boolean ? 1 : type == DataType::f32 ? 4 : 8; }

inline void add_attribute(Message& node, const OnnxAttribute& attribute) {
  add_message(node, node_field::attribute, [&](Message& to) {
    to.add_string(attribute_field::name, attribute.name.data(), attribute.name.size());
    const auto type = [&](AttributeType is) { to.add_enum(attribute_field::type, static_cast<std::int32_t>(is)); };
    const auto& value = attribute.value;
    if (const auto* integer = std::get_if<Index>(&value)) {
      to.add_int64(attribute_field::i, *integer);
      type(AttributeType::integer);
    } else if (const auto* number = std::get_if<double>(&value)) {
      to.add_float(attribute_field::f, static_cast<float>(*number));
      type(AttributeType::number);
    } else if (const auto* text = std::get_if<std::string>(&value)) {
      to.add_bytes(attribute_field::s, *text);
      type(AttributeType::string);
    } else if (const auto* integers = std::get_if<std::vector<Index>>(&value)) {
      for (const Index each : *integers) to.add_int64(attribute_field::ints, each);
      type(AttributeType::integers);
    } else if (const auto* numbers = std::get_if<std::vector<double>>(&value)) {
      for (const double each : *numbers) to.add_float(attribute_field::floats, static_cast<float>(each));
      type(AttributeType::numbers);
    } else {
      for (const std::string& each : std::get<std::vector<std::string>>(value))
        to.add_bytes(attribute_field::strings, each);
      type(AttributeType::strings);
    }
  });
}
inline void add_node(Message& graph, const OnnxNode& node, const OnnxGraph& values) {
  add_message(graph, graph_field::node, [&](Message& to) {
    const auto names = [&](Field field, const std::vector<int>& list) {
      for (const int value : list) to.add_string(field, value < 0 ? std::string() : nth(values.values, value).name);
    };
    names(node_field::input, node.inputs);
    names(node_field::output, node.outputs);
    to.add_string(node_field::name, node.name);
    to.add_string(node_field::op_type, node.op.data(), node.op.size());
    for (const OnnxAttribute& attribute : node.attributes) add_attribute(to, attribute);
  });
}
inline void add_value(Message& graph, Field field, const OnnxValue& value, DataType real) {
  add_message(graph, field, [&](Message& info) {
    info.add_string(value_field::name, value.name);
    add_message(info, value_field::type, [&](Message& type) {
      add_message(type, type_field::tensor_type, [&](Message& tensor) {
        tensor.add_enum(tensor_type_field::elem_type, static_cast<std::int32_t>(data_type_of(value.type, real)));
        // a message without fields would be left out
        if (value.dims.empty()) return tensor.add_bytes(tensor_type_field::shape, std::string());
        add_message(tensor, tensor_type_field::shape, [&](Message& shape) {
          for (const Index extent : value.dims)
            add_message(shape, shape_field::dim, [&](Message& dim) {
              if (extent < 0)
                dim.add_string(dim_field::param, batch_name);
              else
                dim.add_int64(dim_field::value, extent);
            });
        });
      });
    });
  });
}

/// Fields in the order of their numbers, as other writers put them. `real`: f32 or f64.
inline GraphBytes graph_bytes(const OnnxGraph& graph, const std::string& name, DataType real) {
  GraphBytes result;
  {
    Message head(result.head);
    for (const OnnxNode& node : graph.nodes) add_node(head, node, graph);
    head.add_string(graph_field::name, name);
  }
  for (const OnnxInitializer& initializer : graph.initializers) {
    const OnnxValue& value = nth(graph.values, initializer.value);
    const DataType type = data_type_of(value.type, real);
    const std::uint64_t size = static_cast<std::uint64_t>(size_of(value.dims)) * size_of(type);
    std::string tensor;
    {
      Message message(tensor);
      for (const Index dim : value.dims) message.add_int64(tensor_field::dims, dim);
      message.add_enum(tensor_field::data_type, static_cast<std::int32_t>(type));
      message.add_string(tensor_field::name, value.name);
    }
    append_length(tensor, tensor_field::raw_data, size);
    std::string prefix;
    append_length(prefix, graph_field::initializer, tensor.size() + size);
    result.initializers.push_back({prefix + tensor, size});
  }
  Message tail(result.tail);
  for (const int input : graph.inputs) add_value(tail, graph_field::input, nth(graph.values, input), real);
  for (const int output : graph.outputs) add_value(tail, graph_field::output, nth(graph.values, output), real);
  std::vector<bool> computed(graph.values.size(), false);
  for (const OnnxNode& node : graph.nodes)
    for (const int output : node.outputs) computed[static_cast<std::size_t>(output)] = true;
  for (const int output : graph.outputs) computed[static_cast<std::size_t>(output)] = false;
  for (std::size_t i = 0; i < computed.size(); ++i)
    if (computed[i]) add_value(tail, graph_field::value_info, graph.values[i], real);
  return result;
}

#endif

}  // namespace io::onnx

}  // namespace KEEL_ABI
}  // namespace keel
