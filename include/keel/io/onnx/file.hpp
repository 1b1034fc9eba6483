#pragma once
/// What a graph of ONNX says: nodes, constants, inputs and outputs, checked as far as that needs no knowledge of operators.

#include <map>
#include <memory>

#include <keel/formats/archive.hpp>
#include <keel/formats/protobuf.hpp>
#include <keel/io/onnx/fields.hpp>

#if KEEL_HAS_PROTOBUF

namespace keel {
inline namespace KEEL_ABI {

namespace io::onnx {

using namespace formats;

/// Whether values are integers, and of how many bits: those of 8 and 16 bits go round where they leave their range.
struct IntegerType {
  int bits = 0;  ///< 0: real numbers; 1: truth
  bool is_signed = true;

  constexpr IntegerType(bool integers = false) : bits(integers ? 64 : 0) {}
  constexpr IntegerType(int width, bool with_sign) : bits(width), is_signed(with_sign) {}
  constexpr operator bool() const { return bits > 0; }
  constexpr bool goes_round() const { return bits == 8 || bits == 16; }
};
/// Of what is made of both: real if one is, else the shorter, as numbers of keel's own count as long.
constexpr IntegerType common(IntegerType a, IntegerType b) {
  return !a || !b ? IntegerType() : a.bits <= b.bits ? a : b;
}
/// Real numbers for types that are no integers.
constexpr IntegerType integer_type(DataType type) {
  switch (type) {
    case DataType::boolean: return {1, false};
    case DataType::u8: return {8, false};
    case DataType::i8: return {8, true};
    case DataType::u16: return {16, false};
    case DataType::i16: return {16, true};
    case DataType::u32: return {32, false};
    case DataType::i32: return {32, true};
    case DataType::u64: return {64, false};
    case DataType::i64: return {64, true};
    default: return {};
  }
}

/// A tensor of a file. Integers beyond 2^53 are rounded: nothing but ends of slices is as large.
struct FileTensor {
  std::string name = {};
  std::vector<Index> dims = {};  ///< none: one number
  std::vector<double> numbers = {};
  IntegerType integers = {};
};
struct FileGraph;
struct FileAttribute {
  std::string name = {};
  double number = 0;
  std::int64_t integer = 0;
  std::string text = {};
  std::vector<std::string> texts = {};
  std::optional<FileTensor> tensor = {};
  std::vector<float> numbers = {};
  std::vector<std::int64_t> integers = {};
  bool graph = false;
  std::shared_ptr<const FileGraph> branch = {};  ///< of an If: what it does
  std::string reference = {};                    ///< in a function: the attribute of the call that it is
};
struct FileNode {
  std::string name = {}, op = {}, domain = {}, overload = {};
  std::vector<std::string> inputs = {}, outputs = {};
  std::vector<FileAttribute> attributes = {};
  std::vector<FileNode> parts = {};  ///< of a pattern: the nodes that it stands for, in their order

  const FileAttribute* find(std::string_view attribute) const {
    for (const FileAttribute& each : attributes)
      if (each.name == attribute) return &each;
    return nullptr;
  }
  std::string who() const { return name.empty() ? op + (outputs.empty() ? "" : " of " + shown(outputs[0])) : name; }
};
/// Nodes under a name of their own, which other nodes call as an operator.
struct FileFunction {
  std::string name = {}, domain = {}, overload = {};
  std::int64_t opset = 0;  ///< 0: the file does not say
  std::vector<std::string> inputs = {}, outputs = {};
  std::vector<FileAttribute> defaults = {};
  std::vector<FileNode> nodes = {};
};
/// An input or output of the graph; -1 for an extent that the file leaves open.
struct FileValue {
  std::string name = {};
  std::vector<Index> dims = {};
  bool shaped = false;
  std::int64_t type = 0;  ///< of its elements; 0: the file does not say
};
struct FileGraph {
  std::string where = {}, producer = {};
  std::uint64_t bytes = 0;  ///< of the file
  std::int64_t opset = 0;
  std::vector<FileNode> nodes = {};
  std::vector<FileTensor> initializers = {};
  std::vector<FileValue> inputs = {}, outputs = {};
  std::vector<FileFunction> functions = {};
};

/// Bytes of a type in raw_data. Throws FormatError for types that keel does not read.
inline DType array_type(std::int64_t type, const ProtobufMessage& at) {
  switch (static_cast<DataType>(type)) {
    case DataType::f32: return DType::f32;
    case DataType::u8: return DType::u8;
    case DataType::i8: return DType::i8;
    case DataType::u16: return DType::u16;
    case DataType::i16: return DType::i16;
    case DataType::i32: return DType::i32;
    case DataType::i64: return DType::i64;
    case DataType::boolean: return DType::boolean;
    case DataType::f16: return DType::f16;
    case DataType::f64: return DType::f64;
    case DataType::u32: return DType::u32;
    case DataType::u64: return DType::u64;
    case DataType::bf16: return DType::bf16;
    case DataType::string: break;
  }
  at.fail("a tensor of numbers of 8 to 64 bits", "type " + std::to_string(type), "export the model in float32");
}

/// Files with values beside a model, each read once.
struct ExternalFiles {
  std::string directory = {};  ///< none: values outside the model are refused
  std::map<std::string, Bytes> files = {};
  std::uint64_t bytes = 0, taken = 0;  ///< of the files, and by tensors, which may share some

  /// What tensors may take altogether, in times of the files' bytes.
  static constexpr std::uint64_t most_shared = 4;
};
/// Where the values of a tensor are: a plain name in that directory, an offset and a length in bytes.
struct ExternalPlace {
  std::string location = {};
  std::uint64_t offset = 0;
  std::optional<std::uint64_t> length = {};

  void read(const ProtobufMessage& entry) {
    const std::pair<std::string, std::string> said = read_entry(entry);
    const std::string &key = said.first, &value = said.second;
    const auto number = [&] {
      if (value.empty() || value.size() > 18 || value.find_first_not_of("0123456789") != value.npos)
        entry.fail(key + " as a number of bytes", shown(value));
      return static_cast<std::uint64_t>(std::stoll(value));
    };
    if (key == "location")
      location = value;
    else if (key == "offset")
      offset = number();
    else if (key == "length")
      length = number();
    else if (key != "checksum")
      entry.fail("location, offset, length or checksum", shown(key));
  }
  ByteSpan bytes(ExternalFiles& external, const ProtobufMessage& message) const {
    if (external.directory.empty())
      message.fail("values inside the file", "a tensor in a file of its own",
                   "name the directory: LoadOptions::external_data, or save the model in one file");
    auto found = external.files.find(location);
    if (found == external.files.end()) {
      found = external.files.emplace(location, read_beside(external.directory + "/model.onnx", location)).first;
      external.bytes += found->second.size();
    }
    const ByteSpan all = found->second;
    if (offset > all.size() || length.value_or(0) > all.size() - offset)
      message.fail("values inside " + shown(location) + " of " + std::to_string(all.size()) + " bytes",
                   "offset " + std::to_string(offset) + ", length " + std::to_string(length.value_or(0)));
    const ByteSpan part = all.subspan(offset, length.value_or(all.size() - offset));
    external.taken += part.size();
    if (external.taken / ExternalFiles::most_shared > external.bytes)
      message.fail("tensors that share values at most " + std::to_string(ExternalFiles::most_shared) + " times",
                   std::to_string(external.taken) + " bytes of files of " + std::to_string(external.bytes));
    return part;
  }
};

inline FileTensor read_tensor(ProtobufMessage message, ExternalFiles& external) {
  FileTensor tensor;
  ExternalPlace place;
  bool outside = false;
  std::vector<std::int64_t> dims, integers;
  std::vector<float> numbers;
  std::vector<double> doubles;
  std::optional<ByteSpan> raw;
  std::int64_t type = 0;
  while (message.next()) switch (message.field()) {
      case tensor_field::dims: message.integers(dims, "a tensor's extents"); break;
      case tensor_field::data_type: type = message.integer("a tensor's type"); break;
      case tensor_field::float_data: message.numbers(numbers, "a tensor's values"); break;
      case tensor_field::int32_data:
      case tensor_field::int64_data:
      case tensor_field::uint64_data: message.integers(integers, "a tensor's values"); break;
      case tensor_field::double_data: message.doubles(doubles, "a tensor's values"); break;
      case tensor_field::name: tensor.name = message.text("a tensor's name"); break;
      case tensor_field::raw_data: raw = message.bytes("a tensor's values"); break;
      case tensor_field::segment: message.fail("a tensor in one piece", "a segment");
      case tensor_field::data_location: outside = message.integer("where a tensor's values are") != 0; break;
      case tensor_field::external_data: place.read(message.message("a place of values")); break;
      default: message.skip();
    }
  const DType kind = array_type(type, message);
  if (outside && raw) message.fail("values in one place", "some inside and outside the file");
  if (outside) raw = place.bytes(external, message);
  tensor.integers = integer_type(static_cast<DataType>(type));
  std::vector<std::uint64_t> extents;
  for (const std::int64_t dim : dims) {
    if (dim < 0) message.fail("extents that are not negative", std::to_string(dim));
    extents.push_back(static_cast<std::uint64_t>(dim));
    tensor.dims.push_back(dim);
  }
  std::uint64_t bytes = 0;
  const Shape shape = checked_shape(extents, size_of(kind), bytes, message.where());
  const auto count = static_cast<std::uint64_t>(shape.size());
  const std::uint64_t found = raw ? raw->size() / size_of(kind) : numbers.size() + integers.size() + doubles.size();
  if (found != count || (raw && (raw->size() != bytes || !numbers.empty() || !integers.empty() || !doubles.empty())))
    message.fail("a tensor of " + std::to_string(count) + " values, " + shape.to_string(),
                 std::to_string(found) + " values", "the file is damaged");
  if (raw) {
    NamedArray array{tensor.name, kind, shape, {}};
    array.bytes.assign(raw->begin(), raw->end());
    for_each_value(array, [&](Index, auto value) { tensor.numbers.push_back(static_cast<double>(value)); });
    return tensor;
  }
  tensor.numbers.assign(numbers.begin(), numbers.end());
  for (const std::int64_t value : integers) {
    if (kind == DType::f16)
      tensor.numbers.push_back(static_cast<double>(half_to_float(static_cast<std::uint16_t>(value))));
    else if (kind == DType::bf16)
      tensor.numbers.push_back(static_cast<double>(std::bit_cast<float>(static_cast<std::uint32_t>(value) << 16)));
    else
      tensor.numbers.push_back(static_cast<double>(value));
  }
  tensor.numbers.insert(tensor.numbers.end(), doubles.begin(), doubles.end());
  return tensor;
}

/// `graph`: takes the one that the attribute holds, unread.
inline FileAttribute read_attribute(ProtobufMessage message, ExternalFiles& external,
                                    std::optional<ProtobufMessage>& graph) {
  FileAttribute attribute;
  while (message.next()) switch (message.field()) {
      case attribute_field::name: attribute.name = message.text("an attribute's name"); break;
      case attribute_field::f: attribute.number = static_cast<double>(message.number("an attribute")); break;
      case attribute_field::i: attribute.integer = message.integer("an attribute"); break;
      case attribute_field::s: attribute.text = message.text("an attribute"); break;
      case attribute_field::strings: attribute.texts.push_back(message.text("an attribute")); break;
      case attribute_field::t: attribute.tensor = read_tensor(message.message("an attribute"), external); break;
      case attribute_field::floats: message.numbers(attribute.numbers, "an attribute"); break;
      case attribute_field::ints: message.integers(attribute.integers, "an attribute"); break;
      case attribute_field::ref_attr_name: attribute.reference = message.text("an attribute's name"); break;
      case attribute_field::g:
        attribute.graph = true;
        graph = message.message("an attribute");
        break;
      case attribute_field::graphs:
        attribute.graph = true;
        message.skip();
        break;
      default: message.skip();
    }
  return attribute;
}

inline void read_graph(ProtobufMessage message, FileGraph& graph, ExternalFiles& external);
inline FileNode read_node(ProtobufMessage message, ExternalFiles& external) {
  FileNode node;
  std::vector<std::optional<ProtobufMessage>> graphs;
  while (message.next()) switch (message.field()) {
      case node_field::input: node.inputs.push_back(message.text("an input's name")); break;
      case node_field::output: node.outputs.push_back(message.text("an output's name")); break;
      case node_field::name: node.name = message.text("a node's name"); break;
      case node_field::op_type: node.op = message.text("an operator"); break;
      case node_field::domain: node.domain = message.text("a domain"); break;
      case node_field::overload: node.overload = message.text("an overload"); break;
      case node_field::attribute: {
        FileAttribute attribute = read_attribute(message.message("an attribute"), external, graphs.emplace_back());
        if (node.find(attribute.name)) message.fail("attributes that differ in name", shown(attribute.name));
        node.attributes.push_back(std::move(attribute));
        break;
      }
      default: message.skip();
    }
  if (node.domain == "ai.onnx") node.domain.clear();
  for (std::size_t i = 0; i < graphs.size() && node.op == "If" && node.domain.empty(); ++i) {
    if (!graphs[i]) continue;
    auto branch = std::make_shared<FileGraph>();
    read_graph(*graphs[i], *branch, external);
    node.attributes[i].branch = std::move(branch);
  }
  return node;
}

inline Index read_extent(ProtobufMessage message) {
  Index extent = -1;
  while (message.next())
    if (message.field() == dim_field::value)
      extent = message.integer("an extent");
    else
      message.skip();
  if (extent < -1) message.fail("extents, or -1 for an open one", std::to_string(extent));
  return extent;
}
/// The first message in a field of another, if there is one.
inline std::optional<ProtobufMessage> part_of(std::optional<ProtobufMessage> message, Field field, const char* what) {
  while (message && message->next()) {
    if (message->field() == field) return message->message(what);
    message->skip();
  }
  return std::nullopt;
}
inline void read_type(std::optional<ProtobufMessage> message, FileValue& value) {
  while (message && message->next()) switch (message->field()) {
      case tensor_type_field::elem_type: value.type = message->integer("a type"); break;
      case tensor_type_field::shape: {
        ProtobufMessage shape = message->message("a shape");
        value.shaped = true;
        value.dims.clear();
        while (shape.next())
          if (shape.field() == shape_field::dim)
            value.dims.push_back(read_extent(shape.message("an extent")));
          else
            shape.skip();
        break;
      }
      default: message->skip();
    }
}
inline FileValue read_value(ProtobufMessage message) {
  FileValue value;
  while (message.next()) switch (message.field()) {
      case value_field::name: value.name = message.text("a value's name"); break;
      case value_field::type: {
        read_type(part_of(message.message("a type"), type_field::tensor_type, "a tensor's type"), value);
        break;
      }
      default: message.skip();
    }
  return value;
}

inline void read_graph(ProtobufMessage message, FileGraph& graph, ExternalFiles& external) {
  while (message.next()) switch (message.field()) {
      case graph_field::node: graph.nodes.push_back(read_node(message.message("a node"), external)); break;
      case graph_field::initializer:
        graph.initializers.push_back(read_tensor(message.message("a tensor"), external));
        break;
      case graph_field::input: graph.inputs.push_back(read_value(message.message("an input"))); break;
      case graph_field::output: graph.outputs.push_back(read_value(message.message("an output"))); break;
      case graph_field::sparse_initializer: message.fail("dense tensors", "a sparse one");
      case graph_field::quantization_annotation:
        message.fail("a model in real numbers", "one that is quantised", "export the float model it was made of");
      default: message.skip();
    }
}

}  // namespace io::onnx

}  // namespace KEEL_ABI
}  // namespace keel

#endif
